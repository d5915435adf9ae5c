//! Proposes rewards of itself, when a report was adopted or an outcome was confirmed.
//!
//! That a report was adopted stands in the table of the rewards, written in the same transaction
//! as the adoption; its record in the stream has the reward proposed. A confirmed outcome comes out
//! of the stream of the outcomes. One matter has one reward: its id is made from the report that
//! came first, and the matter itself says which it is. A report that is linked to the matter later
//! has the proposal made anew, as long as nobody has decided. So a record that comes twice, or a crash in
//! between, proposes nothing more.
//!
//! What the rules are is in `shared/domain/src/reward_rules.rs`.

use aws_config::SdkConfig;
use aws_lambda_events::event::{
    dynamodb::{Event as StreamEvent, EventRecord},
    streams::DynamoDbEventResponse,
};
use jiff::{civil::Date, tz::TimeZone};
use pingan_domain::{
    command::CommandId,
    district::Label,
    error::{Error, Refusal},
    member::MemberId,
    outcome::Outcome,
    report::{Concerns, Report, ReportId},
    reward::{Context, Decided, Matter, Reporter, Reward, propose, reward_id},
    reward_rules::{Before, MAX_SHARES, Merit, Rules, in_force, is_adopted},
    tally::day,
};
use pingan_runtime::{Environment, Failure, World, batch};
use pingan_store::{
    CursorKey, Key, Store, TableNames,
    rewards::{RewardCommit, RewardCommitError},
    stream::{self, ToReward},
};

/// The most reports of a matter that are looked at beside the first.
const MAX_LINKED: usize = 99;
/// How many codes are tried for a reward.
const MAX_CODES: u8 = 8;
/// How often a proposal begins again before the stream brings it back.
const MAX_TRIES: usize = 20;

/// What this function needs.
#[derive(Debug, Clone)]
pub struct RewardPropose {
    /// The records.
    pub store: Store,
    /// The time.
    pub world: World,
    /// The time zone of the districts, by which days and years go.
    pub time_zone: TimeZone,
}

impl RewardPropose {
    /// Reads `REWARDS_TABLE`, `REPORTS_TABLE`, `OUTCOMES_TABLE`, `NOTICES_TABLE` and `TIME_ZONE` (default
    /// `Asia/Shanghai`).
    pub fn from_environment(environment: Environment, sdk: &SdkConfig) -> Result<Self, Failure> {
        let tables = TableNames {
            rewards: environment.get("REWARDS_TABLE")?,
            reports: environment.get("REPORTS_TABLE")?,
            outcomes: environment.get("OUTCOMES_TABLE")?,
            notices: environment.get("NOTICES_TABLE")?,
            ..TableNames::default()
        };
        Ok(Self {
            // It pages no list, and has no key to sign cursors with.
            store: Store::new(aws_sdk_dynamodb::Client::new(sdk), tables, CursorKey::unused()),
            world: World::real(),
            time_zone: TimeZone::get(&environment.get_or("TIME_ZONE", "Asia/Shanghai"))?,
        })
    }

    /// Proposes what a batch of a stream has earned.
    pub async fn handle(&self, batch: StreamEvent) -> DynamoDbEventResponse {
        batch::in_order(batch, |record| self.take(record)).await
    }

    async fn take(&self, record: EventRecord) -> Result<(), Error> {
        match stream::to_reward(record)? {
            Some(ToReward::Adopted(report)) => self.propose(report, Cause::Adopted).await,
            Some(ToReward::Linked(report)) => self.propose(report, Cause::Linked).await,
            Some(ToReward::Confirmed(id, kind, count)) => {
                let outcome = self.store.load([Key::Outcome(id)]).await?.outcome(id)?;
                let Some(report) = outcome.as_ref().and_then(first_of) else { return Ok(()) };
                self.propose(report, Cause::Outcome(kind, count)).await
            }
            None => Ok(()),
        }
    }

    /// Proposes the reward of a matter, or looks at the proposal anew.
    async fn propose(&self, report: ReportId, cause: Cause) -> Result<(), Error> {
        for attempt in 0..MAX_TRIES {
            let Some(found) = self.found(report).await? else { return Ok(()) };
            let now = self.world.now();
            let today = day(now, &self.time_zone);
            let versions = self.store.rules(&found.report.node.district()).await?;
            let rules = match in_force(&versions, today) {
                Ok(rules) => rules,
                // A district without rules rewards nothing.
                Err(Error::Refused(Refusal::NoRewardRules)) => return Ok(()),
                Err(error) => return Err(error),
            };
            let context = Context { command: CommandId::of_clock(found.report.id, found.report.version), now, today };
            let people: Vec<&MemberId> = found.reporters.iter().map(|reporter| &reporter.member).collect();
            let befores = self.befores(&people, today).await?;
            let (decided, is_last) = match &found.reward {
                Some(reward) => {
                    // A reward goes by the version of the rules that it was proposed by.
                    let version = versions.iter().find(|rules| rules.version == reward.rules).unwrap_or(rules);
                    let matter = found.matter(None);
                    if let Some(gathered) = reward.gather(&matter, &version.content, &befores, context)? {
                        (Some(gathered), cause.outcome().is_none())
                    } else if cause.outcome().is_none() {
                        (None, true)
                    } else {
                        let people: Vec<&MemberId> = reward.shares.iter().map(|share| &share.member).collect();
                        let befores = self.befores(&people, today).await?;
                        (reward.reassess(cause.outcome(), &version.content, &befores, context)?, true)
                    }
                }
                None => (self.first(&found, cause.outcome(), rules, &befores, context).await?, true),
            };
            let Some(decided) = decided else { return Ok(()) };
            let commit = RewardCommit { before: found.reward.as_ref(), ..RewardCommit::default() };
            match self.store.commit_reward(&decided, &commit).await {
                Ok(()) => {
                    tracing::info!(reward.id = %decided.reward.id, "a reward is proposed");
                    if is_last {
                        return Ok(());
                    }
                }
                Err(RewardCommitError::Failed(error)) => return Err(error),
                // Somebody else was faster.
                Err(_) => tracing::debug!(attempt, "a proposal begins again"),
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    async fn first(
        &self,
        found: &Found,
        outcome: Option<(Label, u32)>,
        rules: &Rules,
        befores: &[Before],
        context: Context,
    ) -> Result<Option<Decided>, Error> {
        for attempt in 0..MAX_CODES {
            let id = reward_id(found.report.id, attempt);
            if self.store.load([Key::Reward(id)]).await?.reward(id)?.is_some() {
                continue;
            }
            let matter = found.matter(outcome.filter(|(_, count)| *count > 0));
            return propose(id, matter, (rules.version, &rules.content), befores, context);
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    /// What is known of a matter; none where nothing is to be rewarded.
    async fn found(&self, named: ReportId) -> Result<Option<Found>, Error> {
        let loaded = self.store.load([Key::Report(named)]).await?;
        let Some(mut report) = loaded.report(named)? else { return Ok(None) };
        if let Some(original) = report.duplicate_of {
            let Some(first) = self.store.load([Key::Report(original)]).await?.report(original)? else {
                return Ok(None);
            };
            report = first;
        }
        // A copy of another district's report has no reporter here.
        if report.origin.is_some() || !is_adopted(report.state) {
            return Ok(None);
        }
        let matter = self.store.matter(report.id).await?;
        let also = self.store.load(matter.also.iter().take(MAX_LINKED).map(|id| Key::Report(*id))).await?;
        let mut all = vec![report.clone()];
        for id in matter.also.iter().take(MAX_LINKED) {
            all.extend(also.report(*id)?.filter(|other| other.duplicate_of == Some(report.id)));
        }
        // What any of them names, the reward is about.
        let concerns = all.iter().map(|report| report.concerns).max_by_key(|concerns| concerns.first_stage());
        let mut reviewers = self.store.approvers_of(report.id).await?;
        reviewers.sort();
        let reward = match matter.reward {
            Some(id) => self.store.load([Key::Reward(id)]).await?.reward(id)?,
            None => None,
        };
        let concerns = concerns.unwrap_or(report.concerns);
        Ok(Some(Found { reporters: reporters(all), concerns, report, reviewers, reward }))
    }

    /// What each of these had before.
    async fn befores(&self, people: &[&MemberId], today: Date) -> Result<Vec<Before>, Error> {
        let year = today.year();
        let keys = people.iter().map(|member| Key::RewardedYear((*member).clone(), year));
        let loaded = self.store.load(keys).await?;
        people.iter().map(|member| Ok(loaded.rewarded(member, year)?.before(today))).collect()
    }
}

/// Why a matter is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Cause {
    /// Its report was adopted.
    Adopted,
    /// Another report was found to tell of it, or not to any more.
    Linked,
    /// An outcome of it was confirmed: its kind, and how often.
    Outcome(Label, u32),
}

impl Cause {
    fn outcome(&self) -> Option<(Label, u32)> {
        match self {
            Self::Outcome(kind, count) => Some((kind.clone(), *count)),
            Self::Adopted | Self::Linked => None,
        }
    }
}

/// What is known of a matter.
struct Found {
    report: Report,
    reporters: Vec<Reporter>,
    /// Whether a report of the matter names those who would review it: the highest of them.
    concerns: Concerns,
    reviewers: Vec<MemberId>,
    /// Its reward, where it has one.
    reward: Option<Reward>,
}

impl Found {
    fn matter(&self, outcome: Option<(Label, u32)>) -> Matter {
        Matter {
            report: self.report.id,
            node: self.report.node.clone(),
            concerns: self.concerns,
            reviewers: self.reviewers.clone(),
            merit: Merit { category: self.report.category, grade: None, outcome },
            reporters: self.reporters.clone(),
        }
    }
}

/// Everybody who has reported a matter, the first before the others, each person once.
fn reporters(mut reports: Vec<Report>) -> Vec<Reporter> {
    reports.sort_by_key(|report| (report.created_at, report.id));
    let mut reporters: Vec<Reporter> = Vec::new();
    for report in reports {
        if reporters.len() < MAX_SHARES && reporters.iter().all(|known| known.member != report.reporter) {
            let (member, pseudonym) = (report.reporter, report.pseudonym);
            reporters.push(Reporter { report: report.id, member, pseudonym });
        }
    }
    reporters
}

fn first_of(outcome: &Outcome) -> Option<ReportId> {
    outcome.leads.first().map(|lead| lead.report)
}
