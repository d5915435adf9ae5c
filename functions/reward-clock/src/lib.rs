//! Works through the rewards that wait to be claimed, every hour: two weeks before the end their
//! reporters are reminded, and what nobody has claimed by then goes back to the fund.
//!
//! Each step is one transaction on condition of the reward and of the payouts of its shares. So
//! nothing lapses that is being paid at that moment, and two runs at once do each thing once.
//!
//! What is due when, is in `shared/domain/src/reward_clock.rs`.

use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use jiff::tz::TimeZone;
use pingan_domain::{
    command::{CommandId, Fingerprint},
    error::Error,
    ledger::Fund,
    payout::{Payout, PayoutId},
    reward::{Context, Decided, Reward, RewardAction, RewardId, Share},
    reward_rules::MAX_SHARES,
    rewarded::Rewarded,
    tally::day,
};
use pingan_runtime::{Environment, Failure, World};
use pingan_store::{
    CursorKey, Key, Store, TableNames,
    keys::DUE_SHARDS,
    rewards::{RewardCommit, RewardCommitError, RewardDone},
};
use serde::Deserialize;
use uuid::Uuid;

/// The most rewards that a run looks at: more than all districts approve in a week.
pub const MAX_REWARDS: usize = 20_000;
/// After which time a run begins nothing new, in seconds: well within the function's timeout.
pub const MAX_SECONDS: u64 = 200;
/// How many rewards are found at once.
const PAGE: u16 = 100;
/// The most steps that are due with one reward: one for each share, and the reminder.
const MAX_STEPS: usize = MAX_SHARES + 1;

/// What this function needs.
#[derive(Debug, Clone)]
pub struct RewardClock {
    /// The records.
    pub store: Store,
    /// The time.
    pub world: World,
    /// The time zone of the districts, by which days go.
    pub time_zone: TimeZone,
}

/// What starts a run: it says nothing that the run needs.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Start {}

impl RewardClock {
    /// Reads `REWARDS_TABLE`, `NOTICES_TABLE` and `TIME_ZONE` (default `Asia/Shanghai`).
    pub fn from_environment(environment: Environment, sdk: &SdkConfig) -> Result<Self, Failure> {
        let tables = TableNames {
            rewards: environment.get("REWARDS_TABLE")?,
            notices: environment.get("NOTICES_TABLE")?,
            ..TableNames::default()
        };
        Ok(Self {
            // It pages no list of people's, and has no key to sign cursors with.
            store: Store::new(aws_sdk_dynamodb::Client::new(sdk), tables, CursorKey::unused()),
            world: World::real(),
            time_zone: TimeZone::get(&environment.get_or("TIME_ZONE", "Asia/Shanghai"))?,
        })
    }

    /// Does what is due, and says how many steps that were. A reward with which it cannot be done
    /// stops no other: it is named in the log, and the run fails at its end.
    pub async fn handle(&self, _: Start) -> Result<usize, Failure> {
        let begun = Instant::now();
        let (mut looked_at, mut done, mut failed) = (0, 0, 0);
        // Now from one and now from another, so that none waits for all others whenever time is short.
        let first = u8::try_from(self.world.now().as_second().rem_euclid(i64::from(DUE_SHARDS))).unwrap_or(0);
        'shards: for shard in (first..DUE_SHARDS).chain(0..first) {
            let mut cursor = None;
            loop {
                if looked_at >= MAX_REWARDS || begun.elapsed() >= Duration::from_secs(MAX_SECONDS) {
                    tracing::warn!(due.looked_at = looked_at, "more is due than one run does; the next goes on");
                    break 'shards;
                }
                let (rewards, next) = self.store.due_rewards(shard, self.world.now(), PAGE, cursor).await?;
                for id in rewards {
                    looked_at += 1;
                    match self.come(id).await {
                        Ok(steps) => done += steps,
                        Err(error) => {
                            tracing::error!(reward.id = %id, error.why = %error, "the clock cannot act on a reward");
                            failed += 1;
                        }
                    }
                }
                cursor = next;
                if cursor.is_none() {
                    break;
                }
            }
        }
        tracing::info!(due.looked_at = looked_at, due.done = done, due.failed = failed, "the clock has run");
        if failed == 0 { Ok(done) } else { Err(format!("the clock could not act on {failed} rewards").into()) }
    }

    /// Does what is due with a reward, and says how many steps that were.
    async fn come(&self, id: RewardId) -> Result<usize, Error> {
        let mut steps = 0;
        for _ in 0..MAX_STEPS {
            // The index comes a moment late: what it still shows may have been done.
            let Some(reward) = self.store.load([Key::Reward(id)]).await?.reward(id)? else { break };
            let Some((fund, payouts, rewarded)) = self.found(&reward).await? else { break };
            let now = self.world.now();
            let done = done_by_clock(&reward)?;
            let context = Context { command: done.command, now, today: day(now, &self.time_zone) };
            let decided = match reward.come(&payouts, &fund, context) {
                Err(Error::Internal(_)) if self.store.has_moved_on(&reward).await? => break,
                decided => decided?,
            };
            let Some(decided) = decided else { break };
            let commit = RewardCommit {
                before: Some(&reward),
                fund: Some(&fund),
                done: Some(done),
                untouched: payouts,
                rewarded: self.taken_off(&decided, &rewarded),
            };
            match self.store.commit_reward(&decided, &commit).await {
                Ok(()) => {
                    tracing::info!(reward.id = %id, reward.action = %decided.event.action, "the clock has acted");
                    steps += 1;
                }
                Err(RewardCommitError::Failed(error)) => return Err(error),
                // Somebody has just done something with it: what is due then, the next run does.
                Err(_) => break,
            }
        }
        Ok(steps)
    }

    /// How what somebody was rewarded with changes: what nobody has claimed is taken off the month in
    /// which it was added.
    fn taken_off(&self, decided: &Decided, rewarded: &[Rewarded]) -> Vec<(Rewarded, Rewarded)> {
        let (reward, event) = (&decided.reward, &decided.event);
        let lapsed = event.share.filter(|_| event.action == RewardAction::Lapse && reward.award.is_none());
        let place = lapsed.map(usize::from);
        let found = place.and_then(|place| reward.shares.get(place).zip(rewarded.get(place)));
        let approved = day(reward.approved_at.unwrap_or(event.at), &self.time_zone);
        let off = |(share, before): (&Share, &Rewarded)| (before.clone(), before.without(approved, share.amount_fen));
        found.map(off).into_iter().collect()
    }

    /// The fund that it is paid from, how each share is paid, and what its people were rewarded with in
    /// that year; none when it is paid from none.
    async fn found(&self, reward: &Reward) -> Result<Option<Known>, Error> {
        let Some(year) = reward.fund() else { return Ok(None) };
        let ids = (0_u8..).zip(&reward.shares).map(|(share, _)| PayoutId { reward: reward.id, share });
        let people = reward.shares.iter().map(|share| Key::RewardedYear(share.member.clone(), year.year));
        let keys = ids.map(Key::Payout).chain([Key::Fund(year.clone())]).chain(people);
        let loaded = self.store.load(keys).await?;
        let fund =
            loaded.fund(&year)?.ok_or_else(|| Error::Internal("the fund of a reward is not there".to_owned()))?;
        let rewarded = reward.shares.iter().map(|share| loaded.rewarded(&share.member, year.year));
        Ok(Some((fund, loaded.payouts_of(reward)?, rewarded.collect::<Result<_, _>>()?)))
    }
}

/// What a step of the clock goes by.
type Known = (Fund, Vec<Payout>, Vec<Rewarded>);

/// The command with which the clock acts on this version of a reward.
fn done_by_clock(reward: &Reward) -> Result<RewardDone, Error> {
    let command = CommandId::of_clock(reward.id, reward.version);
    let fingerprint = Fingerprint::of(Uuid::nil(), "reward clock", reward.id.as_str(), &reward.version)?;
    Ok(RewardDone { command, fingerprint })
}
