//! What the API shows of rewards and of the fund. Amounts are whole fen.

use jiff::civil::Date;
use pingan_domain::{
    Timestamp,
    award::Shown,
    award_rules::AwardRule,
    award_run::{AwardRun, Awarded, Failure, RunStage},
    code::Code,
    district::Label,
    ledger::{Account, Entry, Fund, Movement},
    member::{Body, Member, MemberId, Role},
    report::{Category, ReportId},
    reward::{Agreed, DeclineReason, Reward, RewardAction, RewardEvent, RewardId, RewardState, Share, ShareState},
    reward_rules::{Merit, Rules, RulesContent, Step},
    sheet::{guarded, yuan},
    territory::NodeId,
};
use pingan_http::schema;
use pingan_store::rewards::{RewardHistory, RewardSummary, ShareRecord};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A fund for a fiscal year. `granted_fen` is always the sum of the four others.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "district": "demo", "year": 2026, "granted_fen": 30_000_000, "available_fen": 26_800_000,
    "reserved_fen": 0, "paid_fen": 3_200_000, "lapsed_fen": 0, "closed": false
}))]
pub(crate) struct FundView {
    /// The district.
    #[schema(schema_with = schema::node)]
    district: NodeId,
    /// The fiscal year.
    year: i16,
    /// What was granted, less what was given back.
    granted_fen: u64,
    /// What can be promised.
    available_fen: u64,
    /// What is promised and not paid yet.
    reserved_fen: u64,
    /// What was paid.
    paid_fen: u64,
    /// What went back when the year was closed.
    lapsed_fen: u64,
    /// Whether the year was closed.
    closed: bool,
}

impl From<&Fund> for FundView {
    fn from(fund: &Fund) -> Self {
        Self {
            district: fund.id.district.clone(),
            year: fund.id.year,
            granted_fen: fund.granted_fen,
            available_fen: fund.available_fen,
            reserved_fen: fund.reserved_fen,
            paid_fen: fund.paid_fen,
            lapsed_fen: fund.lapsed_fen,
            closed: fund.closed,
        }
    }
}

/// What can be done with money that is promised to nobody.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MovementKind {
    /// The district government grants.
    Grant,
    /// It takes back.
    Return,
    /// The year is over: all that is left goes back.
    Lapse,
}

/// A movement that is asked for.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"movement": "grant", "amount_fen": 30_000_000, "reason": "Budget of the district, document 12 of 2026."}))]
pub(crate) struct MovementBody {
    /// What is moved.
    pub(crate) movement: MovementKind,
    /// How much, in fen, up to 1,000,000,000; with `lapse` it is all that is left, and not said.
    #[serde(default)]
    #[schema(required = false)]
    pub(crate) amount_fen: Option<u64>,
    /// Why, at most 200 characters: the document by which it was granted, say.
    #[schema(max_length = 200)]
    pub(crate) reason: String,
}

/// An entry of the ledger.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EntryView {
    /// Its place, from 1.
    number: u64,
    /// When.
    #[schema(schema_with = schema::moment)]
    at: Timestamp,
    /// What moved the money.
    #[schema(schema_with = schema::movement)]
    movement: Movement,
    /// The account that it was taken from.
    #[schema(schema_with = schema::account)]
    from: Account,
    /// The account that it was given to.
    #[schema(schema_with = schema::account)]
    to: Account,
    /// How much.
    amount_fen: u64,
    /// The reward that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::code)]
    reward: Option<RewardId>,
    /// Why. Of what is about a reward only district managers and auditors see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Who; seen by district managers and auditors.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    actor: Option<MemberId>,
    /// In which role.
    #[schema(schema_with = schema::role)]
    role: Role,
    /// The hash of the entry before.
    #[schema(schema_with = schema::sha256)]
    previous: String,
    /// Its own hash.
    #[schema(schema_with = schema::sha256)]
    hash: String,
}

impl EntryView {
    pub(crate) fn new(entry: Entry, reader: &Member) -> Self {
        // Why a reward was taken back tells of its report.
        let all = [Role::DistrictManager, Role::Auditor].contains(&reader.role);
        Self {
            number: entry.seq,
            at: entry.at,
            movement: entry.movement,
            from: entry.from,
            to: entry.to,
            amount_fen: entry.amount_fen,
            reward: entry.reward,
            reason: entry.reason.filter(|_| all || entry.reward.is_none()),
            actor: Some(entry.actor).filter(|_| all),
            role: entry.role,
            previous: entry.previous.to_string(),
            hash: entry.hash.to_string(),
        }
    }

    /// The heading of the file of a ledger.
    pub(crate) const COLUMNS: [&'static str; 13] = [
        "number",
        "at",
        "movement",
        "from",
        "to",
        "amount_yuan",
        "amount_fen",
        "reward",
        "reason",
        "actor",
        "role",
        "previous",
        "hash",
    ];

    /// Its line in the file: what is not shown is empty.
    pub(crate) fn line(self) -> [String; 13] {
        [
            self.number.to_string(),
            self.at.to_string(),
            self.movement.to_string(),
            self.from.to_string(),
            self.to.to_string(),
            yuan(self.amount_fen),
            self.amount_fen.to_string(),
            self.reward.map(|reward| reward.to_string()).unwrap_or_default(),
            self.reason.map(|reason| guarded(&reason)).unwrap_or_default(),
            self.actor.map(|actor| guarded(actor.as_str())).unwrap_or_default(),
            self.role.to_string(),
            self.previous,
            self.hash,
        ]
    }
}

/// A page of a ledger.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EntriesPage {
    /// The entries, newest first.
    pub(crate) items: Vec<EntryView>,
    /// Where the list goes on, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// A version of the rules that is to be written.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "valid_from": "2026-12-01",
    "content": {
        "grades": [{"label": "major", "name": {"zh_cn": "重大", "en": "Major"}}],
        "rules": [{
            "label": "arrest", "name": {"zh_cn": "抓获", "en": "Arrest"},
            "earned_by": {"by": "outcome", "kinds": ["suspects_arrested"]},
            "amount": {"as": "range", "min_fen": 50_000, "max_fen": 300_000}
        }],
        "together": "first",
        "multipliers": [{"nth": 4, "percent": 200}],
        "month_cap_fen": 150_000,
        "tiers": [
            {"up_to_fen": 50_000, "agree": [{"role": "station_manager"}, {"role": "district_manager"}]},
            {"agree": [{"role": "district_manager", "body": "police"}, {"role": "district_manager", "body": "governance"}]}
        ],
        "claim_days": 90,
        "awards": [{
            "label": "quarter", "name": {"zh_cn": "季度积分奖", "en": "Quarterly award"},
            "over": {"period": "quarter"}, "days_after": 5, "min_points": 5,
            "points": [
                {"each": {"of": "report"}, "points": 10, "cap": 100},
                {"each": {"of": "outcome"}, "points": 20, "cap": 100},
                {"each": {"of": "task"}, "points": 3, "cap": 30}
            ],
            "winners": {
                "by": "rank", "ties": {"rule": "share", "most": 10},
                "tiers": [{"from": 1, "to": 1, "fen": 30_000}, {"from": 2, "to": 3, "fen": 10_000}]
            }
        }]
    }
}))]
pub(crate) struct RulesBody {
    /// The day from which it holds: today or later.
    #[schema(schema_with = schema::day)]
    pub(crate) valid_from: Date,
    /// What it says.
    #[schema(value_type = Object)]
    pub(crate) content: RulesContent,
}

/// A version of the rules.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RulesView {
    /// The version, from 1.
    version: u32,
    /// The day from which it holds.
    #[schema(schema_with = schema::day)]
    valid_from: Date,
    /// What it says.
    #[schema(value_type = Object)]
    content: RulesContent,
    /// When it was written.
    #[schema(schema_with = schema::moment)]
    made_at: Timestamp,
}

impl From<Rules> for RulesView {
    fn from(Rules { version, valid_from, content, made_at, .. }: Rules) -> Self {
        Self { version, valid_from, content, made_at }
    }
}

/// The versions of the rules.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RulesPage {
    /// The versions, newest first.
    pub(crate) items: Vec<RulesView>,
}

/// A step that is taken with a reward.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
#[schema(example = json!({"step": "adjust", "amount_fen": 80_000, "reason": "The lead saved three days of search."}))]
pub(crate) enum RewardStepBody {
    /// Change the proposal within its rule. Whoever had agreed has to agree again.
    Adjust {
        /// The grade; the same when nothing is said.
        #[serde(default)]
        #[schema(value_type = Option<String>)]
        grade: Option<Label>,
        /// The whole amount, in fen; the rule's own when nothing is said.
        #[serde(default)]
        amount_fen: Option<u64>,
        /// How much each has contributed, in the order of the shares; the same when nothing is said.
        #[serde(default)]
        weights: Option<Vec<u32>>,
        /// Why, at most 200 characters.
        reason: String,
    },
    /// Agree to it as it is.
    Agree {},
    /// Say that nobody is rewarded.
    Decline {
        /// Why.
        #[schema(schema_with = schema::decline_reason)]
        reason: DeclineReason,
        /// By what that is known, at most 500 characters; the reporter does not see it.
        note: String,
    },
    /// Take back what was approved and not paid.
    Reverse {
        /// Why, at most 200 characters.
        reason: String,
    },
    /// Write down that what was paid of a share was paid back.
    Recover {
        /// Which share, from 0.
        share: u8,
        /// Why, at most 200 characters.
        reason: String,
    },
}

/// A reward as lists show it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RewardEntry {
    /// Its code.
    #[schema(schema_with = schema::code)]
    id: RewardId,
    /// Its version.
    version: u64,
    /// All shares together.
    amount_fen: u64,
    /// Where it is.
    #[schema(schema_with = schema::reward_state)]
    state: RewardState,
    /// Whether everybody agrees, and the fund has not enough.
    waits_for_fund: bool,
    /// Whether somebody has appealed.
    appealed: bool,
    /// Until when it can be claimed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::moment)]
    claim_until: Option<Timestamp>,
    /// When it was proposed.
    #[schema(schema_with = schema::moment)]
    created_at: Timestamp,
    /// When it last changed.
    #[schema(schema_with = schema::moment)]
    updated_at: Timestamp,
    /// What it is for; not shown to a treasurer.
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<MatterView>,
}

/// What a reward is for.
#[derive(Debug, Serialize, ToSchema)]
struct MatterView {
    /// The report that came first.
    #[schema(schema_with = schema::code)]
    report: ReportId,
    /// Its community.
    #[schema(schema_with = schema::node)]
    node: NodeId,
    /// What it is about.
    #[schema(schema_with = schema::category)]
    category: Category,
    /// The grade that was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    grade: Option<Label>,
    /// The kind of outcome that was confirmed, with how much it counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    outcome: Option<Label>,
    /// How much that outcome counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
}

impl MatterView {
    fn new(report: ReportId, node: &NodeId, merit: Option<&Merit>, reader: &Member) -> Option<Self> {
        let Merit { category, grade, outcome } = merit?.clone();
        let (outcome, count) = outcome.map_or((None, None), |(kind, count)| (Some(kind), Some(count)));
        let view = || Self { report, node: node.clone(), category, grade, outcome, count };
        (reader.role != Role::Treasurer).then(view)
    }
}

impl RewardEntry {
    pub(crate) fn new(reward: &RewardSummary, reader: &Member) -> Self {
        Self {
            id: reward.id,
            version: reward.version,
            amount_fen: reward.amount_fen,
            state: reward.state,
            waits_for_fund: reward.waits_for_fund,
            appealed: reward.appealed,
            claim_until: reward.claim_until,
            created_at: reward.created_at,
            updated_at: reward.updated_at,
            of: MatterView::new(reward.matter, &reward.node, reward.merit.as_ref(), reader),
        }
    }
}

/// A page of rewards.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RewardsPage {
    /// The rewards.
    pub(crate) items: Vec<RewardEntry>,
    /// Where the list goes on, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// What one person gets.
#[derive(Debug, Serialize, ToSchema)]
struct ShareView {
    /// Which share, from 0.
    number: u8,
    /// Whose, by the pseudonym; not shown to a treasurer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::code)]
    pseudonym: Option<Code>,
    /// How much they contributed, against the others.
    weight: u32,
    /// How much.
    amount_fen: u64,
    /// How it comes to that, step by step; not shown to a treasurer, whom it would tell for what.
    #[schema(value_type = Vec<Object>)]
    arithmetic: Vec<Step>,
    /// Where it is.
    #[schema(schema_with = schema::share_state)]
    state: ShareState,
    /// When it was paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::moment)]
    paid_at: Option<Timestamp>,
}

/// Somebody who has agreed: a position, and no name.
#[derive(Debug, Serialize, ToSchema)]
struct AgreedView {
    /// In which role.
    #[schema(schema_with = schema::role)]
    role: Role,
    /// Of which body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::body)]
    body: Option<Body>,
    /// When.
    #[schema(schema_with = schema::moment)]
    at: Timestamp,
}

impl From<&Agreed> for AgreedView {
    fn from(agreed: &Agreed) -> Self {
        Self { role: agreed.role, body: agreed.body, at: agreed.at }
    }
}

/// The period award that a reward is for.
#[derive(Debug, Serialize, ToSchema)]
struct AwardedView {
    /// The label of the award.
    #[schema(value_type = String)]
    label: Label,
    /// The first day of the period.
    #[schema(schema_with = schema::day)]
    from: Date,
    /// The last day.
    #[schema(schema_with = schema::day)]
    to: Date,
    /// The points.
    points: u32,
    /// The rank; none where everybody wins who has reached so many points.
    #[serde(skip_serializing_if = "Option::is_none")]
    rank: Option<u32>,
}

impl From<&Awarded> for AwardedView {
    fn from(awarded: &Awarded) -> Self {
        let Awarded { award, period, rank, points, .. } = awarded;
        Self { label: award.clone(), from: period.from, to: period.to, points: *points, rank: *rank }
    }
}

/// A reward.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RewardView {
    /// The reward.
    #[serde(flatten)]
    reward: RewardEntry,
    /// The period award that it is for; not shown to a treasurer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    award: Option<AwardedView>,
    /// The version of the rules that it goes by.
    rules: u32,
    /// Who gets what, the first to report before the others.
    shares: Vec<ShareView>,
    /// Who has agreed to it as it is.
    agreed: Vec<AgreedView>,
    /// Why nobody is rewarded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::decline_reason)]
    declined: Option<DeclineReason>,
    /// The fiscal year of the fund that it is paid from.
    #[serde(skip_serializing_if = "Option::is_none")]
    fund_year: Option<i16>,
}

impl RewardView {
    pub(crate) fn new(reward: &Reward, reader: &Member) -> Self {
        let shares = (0_u8..).zip(&reward.shares).map(|(number, share)| ShareView {
            number,
            pseudonym: Some(share.pseudonym).filter(|_| reader.role != Role::Treasurer),
            weight: share.weight,
            amount_fen: share.amount_fen,
            arithmetic: if reader.role == Role::Treasurer { Vec::new() } else { share.steps.clone() },
            state: share.state,
            paid_at: share.paid_at,
        });
        Self {
            reward: RewardEntry {
                id: reward.id,
                version: reward.version,
                amount_fen: reward.amount_fen,
                state: reward.state,
                waits_for_fund: reward.waits_for_fund,
                appealed: reward.appealed,
                claim_until: reward.claim_until,
                created_at: reward.created_at,
                updated_at: reward.updated_at,
                of: MatterView::new(reward.matter, &reward.node, reward.merit.as_ref(), reader),
            },
            award: reward.award.as_ref().filter(|_| reader.role != Role::Treasurer).map(AwardedView::from),
            rules: reward.rules,
            shares: shares.collect(),
            agreed: reward.agreed.iter().map(AgreedView::from).collect(),
            declined: reward.declined,
            fund_year: reward.fund_year,
        }
    }

    pub(crate) fn version(&self) -> u64 {
        self.reward.version
    }
}

/// What happened to a reward.
#[derive(Debug, Serialize, ToSchema)]
struct RewardEventView {
    /// Its place, from 1.
    number: u64,
    /// When.
    #[schema(schema_with = schema::moment)]
    at: Timestamp,
    /// What was done.
    #[schema(schema_with = schema::reward_action)]
    action: RewardAction,
    /// In which role.
    #[schema(schema_with = schema::role)]
    role: Role,
    /// By whom; shown to an auditor.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    actor: Option<MemberId>,
    /// The amount afterwards; of a payment, a lapse or a recovery that of the share.
    amount_fen: u64,
    /// Which share it was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    share: Option<u8>,
    /// What was written with it; not shown to a treasurer.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// A reward with its history.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RewardHistoryView {
    /// The reward.
    #[serde(flatten)]
    reward: RewardView,
    /// What happened, oldest first.
    history: Vec<RewardEventView>,
}

impl RewardHistoryView {
    pub(crate) fn new(history: &RewardHistory, reader: &Member) -> Self {
        let event = |event: &RewardEvent| RewardEventView {
            number: event.seq,
            at: event.at,
            action: event.action,
            role: event.role,
            actor: Some(event.actor.clone()).filter(|_| reader.role == Role::Auditor && event.role != Role::Reporter),
            amount_fen: event.amount_fen,
            share: event.share,
            note: event.note.clone().filter(|_| reader.role != Role::Treasurer),
        };
        Self { reward: RewardView::new(&history.reward, reader), history: history.events.iter().map(event).collect() }
    }
}

/// An appeal.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"text": "I reported it two days before the others."}))]
pub(crate) struct AppealBody {
    /// Why, at most 500 characters.
    #[schema(max_length = 500)]
    pub(crate) text: String,
}

/// A reward of your own.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MyRewardView {
    /// Its code: what you claim it by.
    #[schema(schema_with = schema::code)]
    id: RewardId,
    /// Your report; none for a period award.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::code, required = false)]
    report: Option<ReportId>,
    /// How much.
    amount_fen: u64,
    /// How it comes to that, step by step.
    #[schema(value_type = Vec<Object>)]
    arithmetic: Vec<Step>,
    /// Where it is.
    #[schema(schema_with = schema::share_state)]
    state: ShareState,
    /// Whether nobody was rewarded.
    declined: bool,
    /// Whether it was appealed.
    appealed: bool,
    /// Until when it can be claimed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::moment)]
    claim_until: Option<Timestamp>,
    /// When it was paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::moment)]
    paid_at: Option<Timestamp>,
}

impl From<&ShareRecord> for MyRewardView {
    fn from(record: &ShareRecord) -> Self {
        Self::new(record.reward, &record.share, (record.reward_state, record.appealed), record.claim_until)
    }
}

impl MyRewardView {
    /// The heading of the file of one's own rewards.
    pub(crate) const COLUMNS: [&'static str; 9] =
        ["reward", "report", "proposed_at", "state", "declined", "amount_yuan", "amount_fen", "claim_until", "paid_at"];

    /// Its line in the file.
    pub(crate) fn line(&self, proposed_at: Timestamp) -> [String; 9] {
        let moment = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
        [
            self.id.to_string(),
            self.report.map(|report| report.to_string()).unwrap_or_default(),
            proposed_at.to_string(),
            self.state.to_string(),
            if self.declined { "yes" } else { "no" }.to_owned(),
            yuan(self.amount_fen),
            self.amount_fen.to_string(),
            moment(self.claim_until),
            moment(self.paid_at),
        ]
    }

    /// The share of this number.
    pub(crate) fn of(reward: &Reward, number: u8) -> Option<Self> {
        let share = reward.shares.get(usize::from(number))?;
        Some(Self::new(reward.id, share, (reward.state, reward.appealed), reward.claim_until))
    }

    fn new(
        id: RewardId,
        share: &Share,
        (state, appealed): (RewardState, bool),
        claim_until: Option<Timestamp>,
    ) -> Self {
        Self {
            id,
            report: Some(share.report).filter(|_| !matches!(share.steps.first(), Some(Step::Award { .. }))),
            amount_fen: share.amount_fen,
            arithmetic: share.steps.clone(),
            state: share.state,
            declined: state == RewardState::Declined,
            appealed,
            claim_until: claim_until.filter(|_| share.state == ShareState::Reserved),
            paid_at: share.paid_at,
        }
    }
}

/// A page of rewards of your own.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MyRewardsPage {
    /// The rewards, newest first.
    pub(crate) items: Vec<MyRewardView>,
    /// Where the list goes on, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// A step that is taken with a run of a period award.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
#[schema(example = json!({"step": "resume"}))]
pub(crate) enum AwardStepBody {
    /// Go on with a run that has failed, from where it was.
    Resume {},
}

/// Somebody who wins in a run.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AwardWinnerView {
    /// The rank, which those who are level have in common; none where everybody wins who has
    /// reached so many points.
    #[serde(skip_serializing_if = "Option::is_none")]
    rank: Option<u32>,
    /// Who, by their pseudonym. A treasurer does not see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::code, required = false)]
    pseudonym: Option<Code>,
    /// How many points they have.
    points: u32,
    /// How much they win.
    amount_fen: u64,
}

/// A run of a period award.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "award": "quarter", "from": "2026-07-01", "to": "2026-09-30", "version": 7, "state": "done", "rules": 2,
    "rule": {
        "label": "quarter", "name": {"zh_cn": "季度奖", "en": "Quarter"}, "over": {"period": "quarter"}, "days_after": 5,
        "points": [{"each": {"of": "report", "categories": []}, "points": 10, "cap": 100}], "min_points": 20,
        "winners": {"by": "rank", "tiers": [{"from": 1, "to": 3, "fen": 20_000}], "ties": {"rule": "earlier"}}
    },
    "proposed": 1, "proposed_fen": 20_000, "stumbles": 0,
    "winners": [{"rank": 1, "pseudonym": "K7M2-9QXRT", "points": 90, "amount_fen": 20_000}],
    "started_at": "2026-10-06T00:00:03Z", "updated_at": "2026-10-06T00:00:09Z"
}))]
pub(crate) struct AwardRunView {
    /// The label of the award.
    #[schema(value_type = String)]
    award: Label,
    /// The first day of the period.
    #[schema(schema_with = schema::day)]
    from: Date,
    /// The last day.
    #[schema(schema_with = schema::day)]
    to: Date,
    /// Rises with each step.
    version: u64,
    /// How far it has come.
    #[schema(schema_with = schema::run_stage)]
    state: RunStage,
    /// Why it has ended without its proposals.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::run_failure, required = false)]
    failure: Option<Failure>,
    /// The version of the rules that decides.
    rules: u32,
    /// The award as that version says it: what gives points, who wins how much, what becomes of
    /// those who are level. Not in the answer to a step.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    rule: Option<AwardRule>,
    /// How many rewards were proposed.
    proposed: u32,
    /// How much they come to.
    proposed_fen: u64,
    /// How often the step that comes next has failed.
    stumbles: u8,
    /// Those who win by rank, once everybody was ranked.
    winners: Vec<AwardWinnerView>,
    /// When it was started.
    #[schema(schema_with = schema::moment)]
    started_at: Timestamp,
    /// When it last changed.
    #[schema(schema_with = schema::moment)]
    updated_at: Timestamp,
}

impl AwardRunView {
    pub(crate) fn new(run: &AwardRun, rules: Option<&Rules>, reader: &Member) -> Self {
        let awards = rules.map(|rules| rules.content.awards.as_slice()).unwrap_or_default();
        let winner = |Shown { rank, pseudonym, points, amount_fen }: Shown| AwardWinnerView {
            rank,
            pseudonym: (reader.role != Role::Treasurer).then_some(pseudonym),
            points,
            amount_fen,
        };
        Self {
            award: run.id.award.clone(),
            from: run.id.period.from,
            to: run.id.period.to,
            version: run.version,
            state: run.stage(),
            failure: run.failure(),
            rules: run.rules,
            rule: awards.iter().find(|award| award.label == run.id.award).cloned(),
            proposed: run.proposed,
            proposed_fen: run.proposed_fen,
            stumbles: run.stumbles,
            winners: run.shown().into_iter().map(winner).collect(),
            started_at: run.started_at,
            updated_at: run.updated_at,
        }
    }
}

/// A page of runs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AwardRunsPage {
    /// The runs.
    pub(crate) items: Vec<AwardRunView>,
    /// Where the list goes on, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}
