//! Rewards and the fund: the rules, what is proposed and agreed, the ledger, statements.
//!
//! | to change … | go to |
//! |---|---|
//! | how the fund is granted, closed and read | [`fund`] |
//! | what everybody is told of it | [`public`] |
//! | statements as files | [`files`] |
//! | how rules are written and read | [`rules`] |
//! | how rules are tried against past rewards | [`trying`] |
//! | how the runs of period awards are listed and resumed | [`awards`] |
//! | how a reward is adjusted, agreed, declined, reversed | [`deciding`] |
//! | how rewards are listed and read | [`reading`] |
//! | what a reporter sees and appeals | [`mine`] |
//! | what the API shows | [`views`] |

mod awards;
mod deciding;
mod files;
mod fund;
mod mine;
mod public;
mod reading;
mod rules;
mod trying;
mod views;

use aws_config::SdkConfig;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use pingan_domain::{
    district::District,
    error::{Error, Refusal},
    ledger::{Fund, FundId},
    member::{Member, MemberId, Role},
    payout::{Payout, PayoutId},
    reward::{Context, Reward},
    reward_rules::{Before, Rules},
    rewarded::Rewarded,
    tally::day,
    territory::NodeId,
};
use pingan_http::{Operations, operations, routes};
use pingan_runtime::{Environment, Failure, World};
use pingan_store::{CursorKey, Key, Loaded, Store, TableNames, rewards::RewardDone};

pub use crate::public::Told;

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
    /// What everybody was told of funds of late.
    pub told: Told,
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
            told: Told::default(),
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
        let payouts = (0_u8..).zip(&reward.shares).map(|(share, _)| Key::Payout(PayoutId { reward: reward.id, share }));
        let adopted = Key::MatterAdopted(reward.matter);
        let keys = [Key::RewardRules(reward.district(), reward.rules), Key::Fund(fund.clone()), adopted];
        let reports = reward.shares.iter().map(|share| Key::ReportRewarded(share.report));
        let agreed = reward.agreed.iter().map(|agreed| Key::Member(agreed.member.clone()));
        let keys = keys.into_iter().chain(people).chain(payouts).chain(reports).chain(agreed);
        let loaded = self.store.load(keys).await?;
        let mut gone = Vec::new();
        for agreed in &reward.agreed {
            let member = loaded.profile(&agreed.member)?;
            let still = |member: &Member| member.state.may_act().is_ok() && member.role == agreed.role;
            if !member.is_some_and(|profile| still(&profile.member)) {
                gone.push(agreed.member.clone());
            }
        }
        let mut elsewhere = false;
        for share in reward.shares.iter().filter(|share| share.amount_fen > 0 && reward.award.is_none()) {
            elsewhere |= loaded.is_rewarded_elsewhere(share.report, reward.id)?;
        }
        let rules = loaded.reward_rules(&reward.district(), reward.rules)?.ok_or(Refusal::NoRewardRules)?;
        let rewarded = reward.shares.iter().map(|share| loaded.rewarded(&share.member, fund.year));
        Ok(Found {
            rules,
            rewarded: rewarded.collect::<Result<_, _>>()?,
            before: loaded.fund(&fund)?,
            reopened: loaded.is_reopened(reward.matter)?,
            elsewhere,
            gone,
            payouts: loaded.payouts_of(reward)?,
            fund,
        })
    }
}

/// What a decision on a reward goes by.
struct Found {
    rules: Rules,
    /// What the people of its shares were rewarded with this year, in their order.
    rewarded: Vec<Rewarded>,
    fund: FundId,
    /// How each share is paid.
    payouts: Vec<Payout>,
    /// The fund as it stands; none when nothing has moved yet.
    before: Option<Fund>,
    /// Whether the report is being reviewed anew.
    reopened: bool,
    /// Whether a report of the matter was rewarded with another reward.
    elsewhere: bool,
    /// Who has agreed and may not any more: they have left, are suspended or have another role.
    gone: Vec<MemberId>,
}

impl Found {
    fn befores(&self, today: Date) -> Vec<Before> {
        self.rewarded.iter().map(|rewarded| rewarded.before(today)).collect()
    }

    fn fund(&self) -> Fund {
        self.before.clone().unwrap_or_else(|| Fund::empty(self.fund.clone()))
    }
}

fn context(done: &RewardDone, (now, today): (Timestamp, Date)) -> Context {
    Context { command: done.command, now, today }
}

/// The operations of this function.
pub fn router(rewards: Rewards) -> Operations {
    let operations = Operations::new()
        .routes(routes!(fund::read_fund))
        .routes(routes!(fund::move_fund))
        .routes(routes!(fund::list_fund_entries))
        .routes(routes!(files::fetch_fund_entries))
        .routes(routes!(public::read_fund_summary))
        .routes(routes!(rules::write_reward_rules, rules::list_reward_rules))
        .routes(routes!(trying::try_reward_rules))
        .routes(routes!(awards::list_award_runs))
        .routes(routes!(awards::read_award_run))
        .routes(routes!(awards::take_award_step))
        .routes(routes!(reading::list_rewards))
        .routes(routes!(reading::read_reward))
        .routes(routes!(deciding::take_reward_step))
        .routes(routes!(mine::list_my_rewards))
        .routes(routes!(files::fetch_my_rewards))
        .routes(routes!(mine::appeal_reward))
        .with_state(rewards);
    operations::finish("rewards", operations)
}
