//! Rewards and the fund: the rules, what is proposed and agreed, the ledger, statements.
//!
//! | to change … | go to |
//! |---|---|
//! | how the fund is granted, closed and read | [`fund`] |
//! | how rules are written, read and tried | [`rules`] |
//! | how a reward is adjusted, agreed, declined, reversed | [`deciding`] |
//! | how rewards are listed and read | [`reading`] |
//! | what a reporter sees and appeals | [`mine`] |
//! | what the API shows | [`views`] |

mod deciding;
mod fund;
mod mine;
mod reading;
mod rules;
mod views;

use aws_config::SdkConfig;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use pingan_domain::{
    district::District,
    error::{Error, Refusal},
    ledger::{Fund, FundId},
    member::{Member, MemberId, Role},
    reward::{Context, Reward},
    reward_rules::{Before, Rules},
    rewarded::Rewarded,
    tally::day,
    territory::NodeId,
};
use pingan_http::openapi;
use pingan_runtime::{Environment, Failure, World};
use pingan_store::{CursorKey, Key, Loaded, Store, TableNames, rewards::RewardDone};
use utoipa_axum::{router::OpenApiRouter, routes};

/// How often a command begins again before it gives up with [`Error::Busy`].
const MAX_TRIES: usize = 20;
/// Who reads the fund, and the rewards of their territory.
const READERS: [Role; 4] = [Role::StationManager, Role::DistrictManager, Role::Treasurer, Role::Auditor];

/// What this function needs.
#[derive(Debug, Clone)]
pub struct Rewards {
    /// The records.
    pub store: Store,
    /// The time.
    pub world: World,
    /// The time zone of the districts, by which days, months and years go.
    pub time_zone: TimeZone,
}

impl Rewards {
    /// Reads `REWARDS_TABLE`, `MEMBERS_TABLE`, `NOTICES_TABLE`, `CURSOR_KEY` (at least 16 characters)
    /// and `TIME_ZONE` (default `Asia/Shanghai`).
    pub fn from_environment(environment: Environment, sdk: &SdkConfig) -> Result<Self, Failure> {
        let tables = TableNames {
            rewards: environment.get("REWARDS_TABLE")?,
            members: environment.get("MEMBERS_TABLE")?,
            notices: environment.get("NOTICES_TABLE")?,
            ..TableNames::default()
        };
        let cursor_key = CursorKey::new(environment.get("CURSOR_KEY")?.into_bytes())?;
        Ok(Self {
            store: Store::new(aws_sdk_dynamodb::Client::new(sdk), tables, cursor_key),
            world: World::real(),
            time_zone: TimeZone::get(&environment.get_or("TIME_ZONE", "Asia/Shanghai"))?,
        })
    }

    /// Now, and today in the district.
    fn now(&self) -> (Timestamp, Date) {
        let now = self.world.now();
        (now, day(now, &self.time_zone))
    }

    /// Loads who acts and the lists of this district, which is theirs, with these further items.
    async fn load(
        &self,
        actor: &MemberId,
        district: &NodeId,
        roles: &[Role],
        others: impl IntoIterator<Item = Key>,
    ) -> Result<(Loaded, Member, District), Error> {
        let keys = [Key::Member(actor.clone()), Key::District(district.clone())].into_iter().chain(others);
        let loaded = self.store.load(keys).await?;
        let actor = loaded.actor(actor)?.acting_as_any(roles)?;
        let lists = loaded.district(district)?.filter(|_| district.contains(&actor.node)).ok_or(Error::NotFound)?;
        Ok((loaded, actor, lists))
    }

    /// What a decision on a reward goes by: its rules, what its people had before, and the fund.
    async fn found(&self, reward: &Reward, today: Date) -> Result<Found, Error> {
        let fund = FundId { district: reward.district(), year: reward.fund_year.unwrap_or(today.year()) };
        let people = reward.shares.iter().map(|share| Key::RewardedYear(share.member.clone(), fund.year));
        let keys = [Key::RewardRules(reward.district(), reward.rules), Key::Fund(fund.clone())];
        let loaded = self.store.load(keys.into_iter().chain(people)).await?;
        let rules = loaded.reward_rules(&reward.district(), reward.rules)?.ok_or(Refusal::NoRewardRules)?;
        let rewarded = reward.shares.iter().map(|share| loaded.rewarded(&share.member, fund.year));
        Ok(Found { rules, rewarded: rewarded.collect::<Result<_, _>>()?, before: loaded.fund(&fund)?, fund })
    }
}

/// What a decision on a reward goes by.
struct Found {
    rules: Rules,
    /// What the people of its shares were rewarded with this year, in their order.
    rewarded: Vec<Rewarded>,
    fund: FundId,
    /// The fund as it stands; none when nothing has moved yet.
    before: Option<Fund>,
}

impl Found {
    fn befores(&self, today: Date) -> Vec<Before> {
        self.rewarded.iter().map(|rewarded| rewarded.before(today)).collect()
    }

    fn fund(&self) -> Fund {
        self.before.clone().unwrap_or_else(|| Fund::empty(self.fund.clone()))
    }
}

/// Whether a command was carried out before: with the same request it was, with another its key
/// was used twice.
fn done_before(loaded: &Loaded, wanted: &RewardDone) -> Result<bool, Error> {
    match loaded.reward_done(wanted.command)? {
        None => Ok(false),
        Some(done) if done.fingerprint == wanted.fingerprint => Ok(true),
        Some(_) => Err(Error::KeyReused),
    }
}

fn context(done: &RewardDone, (now, today): (Timestamp, Date)) -> Context {
    Context { command: done.command, now, today }
}

/// The operations of this function.
pub fn router(rewards: Rewards) -> OpenApiRouter {
    let operations = OpenApiRouter::new()
        .routes(routes!(fund::read_fund))
        .routes(routes!(fund::move_fund))
        .routes(routes!(fund::list_fund_entries))
        .routes(routes!(rules::write_reward_rules, rules::list_reward_rules))
        .routes(routes!(reading::list_rewards))
        .routes(routes!(reading::read_reward))
        .routes(routes!(deciding::take_reward_step))
        .routes(routes!(mine::list_my_rewards))
        .routes(routes!(mine::appeal_reward))
        .with_state(rewards);
    openapi::finish("rewards", operations)
}
