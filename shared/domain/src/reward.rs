//! A reward, 奖励: one matter, one reward, 一事一奖.
//!
//! A reward is proposed of itself, by a rule, when a report is adopted or an outcome is confirmed.
//! People adjust it within the rule, agree to it by tier or decline it; who was declined appeals
//! once. The last agreement reserves the money in the fund, in the same transaction. Then each
//! [`Share`] is paid, once, by itself.
//!
//! [`TABLE`] says who takes which step in which state, and [`check`] is its only reader. Each step
//! is an event, and the events form a chain by their hashes.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    award::Winner,
    award_run::Awarded,
    chain::{Linked, verify_links},
    code::Code,
    command::CommandId,
    district::Label,
    error::{Error, FieldError, Refusal},
    event::BrokenChain,
    hash::Digest,
    ledger::{Entry, Fund, FundId, Movement, Posting, check_reason},
    member::{Body, Member, MemberId, Role},
    named::{Named as _, named},
    report::{Concerns, ReportId, check_text},
    reward_rules::{Approver, Before, Contributor, MAX_SHARES, Merit, Quoted, RulesContent, Step, quote},
    territory::NodeId,
};

/// The identifier of a reward is a code: what a treasurer sees of it beside the amount.
pub type RewardId = Code;

/// The most people whose shares are kept with one reward: what is more have no part in it.
pub const MAX_REPORTERS: usize = 200;
/// The longest note of people on a reward, in characters.
pub const MAX_NOTE_CHARS: usize = 500;

named! {
    /// Where a reward is.
    pub enum RewardState {
        /// Waits for people to agree.
        Proposed = "proposed",
        /// The money is reserved; each share is paid by itself.
        Approved = "approved",
        /// Nobody is rewarded.
        Declined = "declined",
        /// Was approved, and taken back before anything of it was paid.
        Reversed = "reversed",
        /// Nothing is left to be paid.
        Settled = "settled",
    }
}

named! {
    /// Where the share of one person is.
    pub enum ShareState {
        /// Waits with the reward.
        Proposed = "proposed",
        /// The money is reserved.
        Reserved = "reserved",
        /// Was paid.
        Paid = "paid",
        /// Was not claimed in time: the money went back.
        Lapsed = "lapsed",
        /// Was paid, and paid back.
        Recovered = "recovered",
        /// Nothing comes of it.
        Ended = "ended",
    }
}

named! {
    /// What can be done with a reward.
    pub enum RewardAction {
        /// It comes of itself.
        Propose = "propose",
        /// What is known of its matter has changed: who has reported or reviewed it, whom it names.
        Gather = "gather",
        /// An outcome was confirmed or corrected: the rules are asked anew.
        Reassess = "reassess",
        /// Another grade, amount or division, with a reason.
        Adjust = "adjust",
        /// One of those who have to agree does.
        Agree = "agree",
        /// The last of them does: the money is reserved.
        Approve = "approve",
        /// Nobody is rewarded.
        Decline = "decline",
        /// Who was declined asks to look at it again, once.
        Appeal = "appeal",
        /// What was approved is taken back, before anything of it was paid.
        Reverse = "reverse",
        /// A share was paid.
        Pay = "pay",
        /// What waits to be claimed can be for a little longer only.
        Remind = "remind",
        /// A share was not claimed in time.
        Lapse = "lapse",
        /// What was paid of a share is to be paid back, and is: a recovery.
        Recover = "recover",
    }
}

named! {
    /// Why nobody is rewarded.
    pub enum DeclineReason {
        /// It was known already, or looked into.
        AlreadyKnown = "already_known",
        /// Another body has rewarded the same matter.
        PaidElsewhere = "paid_elsewhere",
        /// It is not what the rules reward.
        OutsideRules = "outside_rules",
        /// It was part of the duty of who reported it.
        OnDuty = "on_duty",
        /// It was looked into and is not so.
        Unfounded = "unfounded",
    }
}

/// One row of the table.
struct Row {
    action: RewardAction,
    from: &'static [RewardState],
    by: &'static [Role],
}

const MANAGERS: &[Role] = &[Role::DistrictManager];

/// What can be done with a reward. One row for each action but the first.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    Row { action: RewardAction::Gather,  from: RewardState::ALL, by: &[Role::Clock] },
    Row { action: RewardAction::Reassess, from: &[RewardState::Proposed], by: &[Role::Clock] },
    Row { action: RewardAction::Adjust,  from: &[RewardState::Proposed], by: MANAGERS },
    Row { action: RewardAction::Agree,   from: &[RewardState::Proposed], by: &crate::reward_rules::APPROVERS },
    Row { action: RewardAction::Approve, from: &[RewardState::Proposed], by: &crate::reward_rules::APPROVERS },
    Row { action: RewardAction::Decline, from: &[RewardState::Proposed], by: MANAGERS },
    Row { action: RewardAction::Appeal,  from: &[RewardState::Declined], by: &[Role::Reporter] },
    Row { action: RewardAction::Reverse, from: &[RewardState::Approved], by: MANAGERS },
    Row { action: RewardAction::Pay,     from: &[RewardState::Approved], by: &[Role::Treasurer] },
    Row { action: RewardAction::Remind,  from: &[RewardState::Approved], by: &[Role::Clock] },
    Row { action: RewardAction::Lapse,   from: &[RewardState::Approved], by: &[Role::Clock] },
    Row { action: RewardAction::Recover, from: &[RewardState::Approved, RewardState::Settled], by: &[Role::Treasurer] },
];

/// Refuses what a role cannot do at all, and what cannot be done in this state.
pub fn check(action: RewardAction, role: Role, state: RewardState) -> Result<(), Error> {
    let row = TABLE.iter().find(|row| row.action == action);
    let row = row.ok_or_else(|| Error::Internal(format!("{action} has no row")))?;
    if !row.by.contains(&role) {
        return Err(Refusal::WrongRole.into());
    }
    if !row.from.contains(&state) {
        return Err(Refusal::WrongRewardState.into());
    }
    Ok(())
}

/// What one person gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The report by which they contributed; of a period award its run, by its code.
    pub report: ReportId,
    /// Who.
    pub member: MemberId,
    /// Their pseudonym, which is all that people are shown.
    pub pseudonym: Code,
    /// How much they contributed, against the others.
    pub weight: u32,
    /// How much, in fen; 0 when the cap of the month leaves nothing, or others have all of it.
    pub amount_fen: u64,
    /// How it comes to that.
    pub steps: Vec<Step>,
    /// Where it is.
    pub state: ShareState,
    /// When it was paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<Timestamp>,
}

/// Somebody who has agreed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreed {
    /// Who.
    pub member: MemberId,
    /// In which role.
    pub role: Role,
    /// Of which body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    /// When.
    pub at: Timestamp,
}

/// A reward as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reward {
    /// Its code.
    pub id: RewardId,
    /// Rises by one with each event; what the API shows as the `ETag`.
    pub version: u64,
    /// The hash of its newest event.
    pub head: Digest,
    /// The community of the report that came first; of a period award that of the winner.
    pub node: NodeId,
    /// Whether a report of the matter names those who would review it. Below the stage that may
    /// see such a report, the reward is not shown.
    pub concerns: Concerns,
    /// The matter: the report that came first; of a period award its run, by its code.
    pub matter: ReportId,
    /// Who has approved that report.
    pub reviewers: Vec<MemberId>,
    /// What it is for; none for a period award.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merit: Option<Merit>,
    /// The period award that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub award: Option<Awarded>,
    /// The version of the rules.
    pub rules: u32,
    /// The amount that people have chosen within the rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen_fen: Option<u64>,
    /// Everybody who has reported the matter, the first before the others.
    pub shares: Vec<Share>,
    /// All shares together, in fen.
    pub amount_fen: u64,
    /// Where it is.
    pub state: RewardState,
    /// Who has agreed to it as it is.
    #[serde(default)]
    pub agreed: Vec<Agreed>,
    /// Who has adjusted it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adjusted_by: Option<MemberId>,
    /// Whether everybody agrees and the fund has not enough.
    #[serde(default)]
    pub waits_for_fund: bool,
    /// Why nobody is rewarded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declined: Option<DeclineReason>,
    /// Who has said so last. It stays when somebody appeals, and another one decides then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declined_by: Option<MemberId>,
    /// Whether somebody has appealed.
    #[serde(default)]
    pub appealed: bool,
    /// The fiscal year of the fund that it is paid from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fund_year: Option<i16>,
    /// When it was approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_at: Option<Timestamp>,
    /// Until when it can be claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim_until: Option<Timestamp>,
    /// When those who have not claimed it were told that this ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reminded_at: Option<Timestamp>,
    /// When it was proposed.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What happened to a reward.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RewardEvent {
    /// The reward.
    pub reward: RewardId,
    /// Its place in the history, from 1.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: MemberId,
    /// In which role.
    pub role: Role,
    /// What was done.
    pub action: RewardAction,
    /// Where it led.
    pub state: RewardState,
    /// The whole amount afterwards, in fen; of a payment, a lapse or a recovery that of the share.
    pub amount_fen: u64,
    /// Which share it is about, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<u8>,
    /// Why nobody is rewarded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declined: Option<DeclineReason>,
    /// What somebody wrote with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Of a payment and of a recovery: what the statistics count of it, and where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid: Option<PaidShare>,
    /// The command that did it.
    pub command: CommandId,
    /// The hash of the event before; zeros for the first.
    pub previous: Digest,
    /// The hash of this event: of all fields above.
    pub hash: Digest,
}

/// A share that was paid, as the statistics count it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaidShare {
    /// The community of the matter.
    pub node: NodeId,
    /// Whether a report of the matter names those who would review it.
    pub concerns: Concerns,
    /// When it was paid.
    pub at: Timestamp,
}

/// What a decision takes from outside.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// The command.
    pub command: CommandId,
    /// Now.
    pub now: Timestamp,
    /// Today in the district.
    pub today: Date,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The reward after.
    pub reward: Reward,
    /// What happened.
    pub event: RewardEvent,
    /// The fund after, with the entry, where money moves.
    pub fund: Option<(Fund, Entry)>,
}

/// Somebody who has reported the matter, as a proposal knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reporter {
    /// The report.
    pub report: ReportId,
    /// Who.
    pub member: MemberId,
    /// Their pseudonym.
    pub pseudonym: Code,
}

/// What a proposal is made from.
#[derive(Debug, Clone)]
pub struct Matter {
    /// The report that came first.
    pub report: ReportId,
    /// Its community.
    pub node: NodeId,
    /// Whether a report of the matter names those who would review it.
    pub concerns: Concerns,
    /// Who has approved it.
    pub reviewers: Vec<MemberId>,
    /// What it is for.
    pub merit: Merit,
    /// Everybody who has reported it, the first before the others.
    pub reporters: Vec<Reporter>,
}

/// Proposes a reward, by the rules of this version. `befores` are what the reporters had before,
/// in their order. None where no rule fits, or no member has reported the matter.
///
/// Who has reported it several times has one share, by their first report. When more have reported
/// it than can share, the first of them do, until people divide it otherwise.
pub fn propose(
    id: RewardId,
    matter: Matter,
    (version, content): (u32, &RulesContent),
    befores: &[Before],
    context: Context,
) -> Result<Option<Decided>, Error> {
    if befores.len() != matter.reporters.len() {
        return Err(Error::Internal("what people had before is not known of all".to_owned()));
    }
    let (shares, befores) = open_shares(matter.reporters, befores);
    if shares.is_empty() {
        return Ok(None);
    }
    let before = Reward {
        id,
        version: 0,
        head: Digest::ZERO,
        node: matter.node,
        concerns: matter.concerns,
        matter: matter.report,
        reviewers: matter.reviewers,
        merit: Some(matter.merit),
        award: None,
        rules: version,
        chosen_fen: None,
        shares,
        amount_fen: 0,
        state: RewardState::Proposed,
        agreed: Vec::new(),
        adjusted_by: None,
        waits_for_fund: false,
        declined: None,
        declined_by: None,
        appealed: false,
        fund_year: None,
        approved_at: None,
        claim_until: None,
        reminded_at: None,
        created_at: context.now,
        updated_at: context.now,
    };
    let Some(after) = before.quoted(content, &befores)? else { return Ok(None) };
    let clock = MemberId::clock();
    let (reward, event) = after.happens(RewardAction::Propose, (&clock, Role::Clock), None, context)?;
    Ok(Some(Decided { reward, event, fund: None }))
}

/// A share for each person who has reported a matter, which the rules have not filled yet, with what
/// each had before.
fn open_shares(reporters: Vec<Reporter>, befores: &[Before]) -> (Vec<Share>, Vec<Before>) {
    let mut people = BTreeSet::new();
    let first = reporters
        .into_iter()
        .zip(befores.iter().copied())
        .filter(|(reporter, _)| !reporter.member.is_no_reporter() && people.insert(reporter.member.clone()));
    let shares = first.take(MAX_REPORTERS).enumerate().map(|(i, (reporter, before))| {
        let share = Share {
            report: reporter.report,
            member: reporter.member,
            pseudonym: reporter.pseudonym,
            weight: u32::from(i < MAX_SHARES),
            amount_fen: 0,
            steps: Vec::new(),
            state: ShareState::Proposed,
            paid_at: None,
        };
        (share, before)
    });
    shares.unzip()
}

/// The code of the reward of a matter. The same matter has the same code, so that it is proposed
/// once; `attempt` gives the next candidate when another reward has it.
pub fn reward_id(matter: ReportId, attempt: u8) -> RewardId {
    Code::from_digest(&Digest::of(&[b"reward", matter.as_str().as_bytes(), &[attempt]]))
}

/// Whether a member may know of the rewards of a community, of reports that name those.
pub fn may_see(member: &Member, node: &NodeId, concerns: Concerns) -> bool {
    let reviews = member.role.stage().is_none_or(|stage| stage >= concerns.first_stage());
    let role = [Role::StationManager, Role::DistrictManager, Role::Treasurer, Role::Auditor].contains(&member.role);
    role && reviews && member.node.contains(node)
}

/// Proposes a reward for a winner of a period award, `run`, by this version of the rules. Its
/// amount follows from the ranking: nobody adjusts it, and neither caps nor multipliers, which are
/// for reports, change it. All else is as with any other reward.
pub fn propose_award(
    id: RewardId,
    run: Code,
    winner: &Winner,
    awarded: Awarded,
    rules: u32,
    context: Context,
) -> Result<Decided, Error> {
    let share = Share {
        report: run,
        member: winner.member.clone(),
        pseudonym: winner.pseudonym,
        weight: 1,
        amount_fen: awarded.amount_fen,
        steps: award_steps(&awarded),
        state: ShareState::Proposed,
        paid_at: None,
    };
    let reward = Reward {
        id,
        version: 0,
        head: Digest::ZERO,
        node: winner.node.clone(),
        concerns: Concerns::Nobody,
        matter: run,
        reviewers: Vec::new(),
        merit: None,
        amount_fen: awarded.amount_fen,
        award: Some(awarded),
        rules,
        chosen_fen: None,
        shares: vec![share],
        state: RewardState::Proposed,
        agreed: Vec::new(),
        adjusted_by: None,
        waits_for_fund: false,
        declined: None,
        appealed: false,
        fund_year: None,
        approved_at: None,
        declined_by: None,
        claim_until: None,
        reminded_at: None,
        created_at: context.now,
        updated_at: context.now,
    };
    let clock = MemberId::clock();
    let (reward, event) = reward.happens(RewardAction::Propose, (&clock, Role::Clock), None, context)?;
    Ok(Decided { reward, event, fund: None })
}

/// How a period award comes to its amount.
fn award_steps(awarded: &Awarded) -> Vec<Step> {
    let Awarded { award, rank, points, shared, amount_fen, .. } = awarded;
    let whole = shared.map_or(*amount_fen, |shared| shared.sum_fen);
    let mut steps = vec![Step::Award { award: award.clone(), points: *points, rank: *rank, fen: whole }];
    steps.extend(shared.map(|shared| Step::Tied { people: shared.people, fen: *amount_fen }));
    steps
}

/// What people change of a proposal.
#[derive(Debug, Clone, Serialize)]
pub struct Adjustment {
    /// The grade; none for the same.
    pub grade: Option<Label>,
    /// The whole amount, in fen, within what the rule allows; the rule's own when nothing is said.
    pub amount_fen: Option<u64>,
    /// How much each has contributed, in the order of the shares; none for the same.
    pub weights: Option<Vec<u32>>,
    /// Why.
    pub reason: String,
}

impl Reward {
    /// The district.
    pub fn district(&self) -> NodeId {
        self.node.district()
    }

    /// The fund that it is paid from, once it is approved.
    pub fn fund(&self) -> Option<FundId> {
        self.fund_year.map(|year| FundId { district: self.district(), year })
    }

    /// Whether this member may know of it: whoever manages where it belongs, and not below the
    /// stage that may see its reports; a treasurer and an auditor of the district.
    pub fn is_seen_by(&self, member: &Member) -> bool {
        may_see(member, &self.node, self.concerns) && !self.is_of(&member.id)
    }

    /// Whether this member has a share in it.
    pub fn is_of(&self, member: &MemberId) -> bool {
        self.shares.iter().any(|share| share.member == *member)
    }

    /// Refuses what this member cannot do with it now. To whom it is not shown it does not exist:
    /// whoever has a share in it decides nothing of it, whatever they have become since.
    fn permits(&self, action: RewardAction, actor: &Member) -> Result<(), Error> {
        let allowed = check(action, actor.role, self.state);
        if allowed != Err(Refusal::WrongRole.into()) && !self.is_seen_by(actor) {
            return Err(Error::NotFound);
        }
        allowed
    }

    /// Refuses a fund that it is not paid from: money that was promised is in no other one.
    fn check_fund(&self, fund: &Fund) -> Result<(), Error> {
        if self.fund().as_ref() == Some(&fund.id) {
            return Ok(());
        }
        Err(Error::Internal(format!(
            "reward {} is not paid from the fund of {} {}",
            self.id, fund.id.district, fund.id.year
        )))
    }

    /// The same with nothing for anybody.
    fn without_amounts(mut self) -> Self {
        for share in &mut self.shares {
            (share.amount_fen, share.steps) = (0, Vec::new());
        }
        self.amount_fen = 0;
        self
    }

    /// What each person gets, in the order of the shares.
    fn amounts(&self) -> impl Iterator<Item = u64> {
        self.shares.iter().map(|share| share.amount_fen)
    }

    /// This reward with the shares that the rules give; none where no rule fits.
    fn quoted(&self, content: &RulesContent, befores: &[Before]) -> Result<Option<Self>, Error> {
        if befores.len() != self.shares.len() {
            return Err(Error::Internal("what people had before is not known of all".to_owned()));
        }
        // What a period award gives was worked out by its run.
        let Some(merit) = &self.merit else { return Ok(self.award.is_some().then(|| self.clone())) };
        let contributors: Vec<(Contributor, Before)> = self
            .shares
            .iter()
            .zip(befores)
            .map(|(share, before)| {
                let Share { report, member, weight, .. } = share.clone();
                (Contributor { report, member, weight }, *before)
            })
            .collect();
        let Some(quoted) = quote(content, merit, self.chosen_fen, &contributors)? else { return Ok(None) };
        let mut after = self.clone();
        for share in &mut after.shares {
            let Quoted { amount_fen, steps, .. } = match quoted.iter().find(|quoted| quoted.report == share.report) {
                Some(quoted) => quoted.clone(),
                None => Quoted { report: share.report, member: share.member.clone(), amount_fen: 0, steps: Vec::new() },
            };
            (share.amount_fen, share.steps) = (amount_fen, steps);
        }
        let sum = after.shares.iter().try_fold(0_u64, |sum, share| sum.checked_add(share.amount_fen));
        after.amount_fen = sum.ok_or_else(|| Error::Internal("overflow".to_owned()))?;
        Ok(Some(after))
    }

    /// Asks the rules anew, because an outcome was confirmed, corrected, or annulled, which is one of
    /// none. Nothing where that changes nothing, where another outcome gives more, and where people
    /// have adjusted or decided already: one matter has one reward.
    pub fn reassess(
        &self,
        outcome: Option<(Label, u32)>,
        content: &RulesContent,
        befores: &[Before],
        context: Context,
    ) -> Result<Option<Decided>, Error> {
        if outcome.is_none()
            || check(RewardAction::Reassess, Role::Clock, self.state).is_err()
            || self.adjusted_by.is_some()
        {
            return Ok(None);
        }
        // An award follows from its ranking, and no outcome changes it.
        let Some(merit) = self.merit.clone() else { return Ok(None) };
        // The one that it is for was corrected, be it to less or to nothing.
        let corrected = same_kind(merit.outcome.as_ref(), outcome.as_ref());
        let outcome = outcome.filter(|(_, count)| *count > 0);
        let wanted = Self { merit: Some(Merit { outcome, ..merit }), ..self.clone() };
        if wanted.merit == self.merit || befores.len() != self.shares.len() {
            return Ok(None);
        }
        let mut after = match wanted.quoted(content, befores)? {
            Some(after) => after,
            // Nothing is rewarded any more: nobody can agree to it, and people decline it.
            None if corrected => wanted.without_amounts(),
            None => return Ok(None),
        };
        if after.amount_fen < self.amount_fen && !corrected {
            return Ok(None);
        }
        after.agreed.clear();
        after.waits_for_fund = false;
        let clock = MemberId::clock();
        let (reward, event) = after.happens(RewardAction::Reassess, (&clock, Role::Clock), None, context)?;
        Ok(Some(Decided { reward, event, fund: None }))
    }

    /// Brings it up to what is known of its matter by now: who has reported it, the first before the
    /// others, with what each had before; whom its reports name; and who has reviewed them. Nothing where
    /// all that is known.
    ///
    /// The shares change as long as nobody has adjusted or decided. What the reports name changes at any
    /// time, because it says who may see the reward.
    pub fn gather(
        &self,
        matter: &Matter,
        content: &RulesContent,
        befores: &[Before],
        context: Context,
    ) -> Result<Option<Decided>, Error> {
        check(RewardAction::Gather, Role::Clock, self.state)?;
        if self.merit.is_none() || befores.len() != matter.reporters.len() {
            return Ok(None);
        }
        let mut after = Self { concerns: matter.concerns, ..self.clone() };
        if self.state == RewardState::Proposed {
            after.reviewers.clone_from(&matter.reviewers);
            let (shares, befores) = open_shares(matter.reporters.clone(), befores);
            let reports = |shares: &[Share]| shares.iter().map(|share| share.report).collect::<Vec<_>>();
            let others = !shares.is_empty() && reports(&shares) != reports(&self.shares);
            if others && self.adjusted_by.is_none() {
                let gathered = Self { shares, ..after.clone() };
                after = gathered.quoted(content, &befores)?.unwrap_or(after);
            }
            // Who gets nothing changes nothing of what was agreed to.
            let paid = |reward: &Self| -> Vec<(ReportId, u64)> {
                let shares = reward.shares.iter().filter(|share| share.amount_fen > 0);
                shares.map(|share| (share.report, share.amount_fen)).collect()
            };
            // Nor does whoever may not see it any more agree to it.
            if paid(&after) != paid(self) || after.concerns != self.concerns {
                after.agreed.clear();
                after.waits_for_fund = false;
            }
        }
        if after == *self {
            return Ok(None);
        }
        let clock = MemberId::clock();
        let (reward, event) = after.happens(RewardAction::Gather, (&clock, Role::Clock), None, context)?;
        Ok(Some(Decided { reward, event, fund: None }))
    }

    /// Changes a proposal within the rules, with a reason. Whoever had agreed has to agree again.
    pub fn adjust(
        &self,
        actor: &Member,
        adjustment: &Adjustment,
        content: &RulesContent,
        befores: &[Before],
        context: Context,
    ) -> Result<Decided, Error> {
        self.permits(RewardAction::Adjust, actor)?;
        let Some(merit) = &self.merit else { return Err(Refusal::AwardIsFixed.into()) };
        let mut bad = Vec::new();
        check_reason("/reason", &adjustment.reason, &mut bad);
        if let Some(grade) = &adjustment.grade
            && !content.grades.iter().any(|known| known.label == *grade)
        {
            bad.push(FieldError::new("/grade", "is none of the grades"));
        }
        if let Some(weights) = &adjustment.weights {
            if weights.len() != self.shares.len() {
                bad.push(FieldError::new("/weights", format!("must be {}, one for each share", self.shares.len())));
            } else if weights.iter().all(|weight| *weight == 0) || weights.iter().any(|weight| *weight > MAX_WEIGHT) {
                bad.push(FieldError::new("/weights", format!("must be from 0 to {MAX_WEIGHT}, and not all 0")));
            }
        }
        if !bad.is_empty() {
            return Err(Error::Invalid(bad));
        }
        let mut wanted = self.clone();
        if adjustment.grade.is_some() {
            wanted.merit = Some(Merit { grade: adjustment.grade.clone(), ..merit.clone() });
        }
        wanted.chosen_fen = adjustment.amount_fen;
        for (share, weight) in wanted.shares.iter_mut().zip(adjustment.weights.iter().flatten()) {
            share.weight = *weight;
        }
        let mut after =
            wanted.quoted(content, befores)?.ok_or_else(|| Error::field("/grade", "no rule rewards this"))?;
        after.agreed.clear();
        after.waits_for_fund = false;
        after.adjusted_by = Some(actor.id.clone());
        let note = Some(adjustment.reason.clone());
        let (reward, event) = after.happens(RewardAction::Adjust, (&actor.id, actor.role), note, context)?;
        Ok(Decided { reward, event, fund: None })
    }

    /// Somebody agrees. The last who has to reserves the money, by the caps and multipliers of
    /// this moment: `befores` are what each person had before. When the fund has not enough, the
    /// agreement stands and the proposal waits; anybody who has agreed can try again.
    pub fn agree(
        &self,
        actor: &Member,
        content: &RulesContent,
        befores: &[Before],
        fund: &Fund,
        context: Context,
    ) -> Result<Decided, Error> {
        self.permits(RewardAction::Agree, actor)?;
        if self.adjusted_by.as_ref() == Some(&actor.id) {
            return Err(Refusal::OwnProposal.into());
        }
        if fund.id.district != self.district() {
            return Err(Error::Internal(format!("reward {} is of another district than the fund", self.id)));
        }
        let mut after = self.quoted(content, befores)?.ok_or(Refusal::NoRewardRules)?;
        if after.amount_fen == 0 {
            return Err(Refusal::NothingToReward.into());
        }
        // What has to be agreed to is not what was agreed to, be it in the division alone.
        if after.amounts().ne(self.amounts()) {
            after.agreed.clear();
            after.waits_for_fund = false;
        }
        let agree = &content.tier(after.amount_fen)?.agree;
        let known = after.agreed.iter().any(|agreed| agreed.member == actor.id);
        if known && !after.waits_for_fund {
            return Err(Refusal::AgreedAlready.into());
        }
        if !known {
            let agreed = Agreed { member: actor.id.clone(), role: actor.role, body: actor.body, at: context.now };
            after.agreed.push(agreed);
            if filled(agree, &after.agreed) < after.agreed.len() {
                return Err(Refusal::NotAskedToAgree.into());
            }
        }
        if after.agreed.len() < agree.len() {
            let (reward, event) = after.happens(RewardAction::Agree, (&actor.id, actor.role), None, context)?;
            return Ok(Decided { reward, event, fund: None });
        }
        if after.agreed.iter().all(|agreed| self.reviewers.contains(&agreed.member)) {
            return Err(Refusal::ReviewersAlone.into());
        }
        let posting = Posting {
            movement: Movement::Reserve,
            amount_fen: after.amount_fen,
            reward: Some(self.id),
            reason: None,
            by: (&actor.id, actor.role),
            command: context.command,
            at: context.now,
        };
        match fund.post(posting) {
            Ok(moved) => {
                after.state = RewardState::Approved;
                after.waits_for_fund = false;
                after.fund_year = Some(fund.id.year);
                after.approved_at = Some(context.now);
                let days = SignedDuration::from_hours(24 * i64::from(content.claim_days));
                after.claim_until = Some(context.now.checked_add(days).unwrap_or(Timestamp::MAX));
                for share in &mut after.shares {
                    share.state = if share.amount_fen > 0 { ShareState::Reserved } else { ShareState::Ended };
                }
                let (reward, event) = after.happens(RewardAction::Approve, (&actor.id, actor.role), None, context)?;
                Ok(Decided { reward, event, fund: Some(moved) })
            }
            Err(Error::Refused(Refusal::FundExhausted | Refusal::FundClosed)) if !known => {
                after.waits_for_fund = true;
                let (reward, event) = after.happens(RewardAction::Agree, (&actor.id, actor.role), None, context)?;
                Ok(Decided { reward, event, fund: None })
            }
            Err(error) => Err(error),
        }
    }

    /// Says that nobody is rewarded.
    pub fn decline(
        &self,
        actor: &Member,
        reason: DeclineReason,
        note: &str,
        context: Context,
    ) -> Result<Decided, Error> {
        self.permits(RewardAction::Decline, actor)?;
        let mut bad = Vec::new();
        check_text("/note", note, MAX_NOTE_CHARS, &mut bad);
        if !bad.is_empty() {
            return Err(Error::Invalid(bad));
        }
        if self.declined_by.as_ref() == Some(&actor.id) {
            return Err(Refusal::OwnDecline.into());
        }
        let mut after = self.clone();
        after.state = RewardState::Declined;
        after.declined = Some(reason);
        after.declined_by = Some(actor.id.clone());
        after.agreed.clear();
        after.waits_for_fund = false;
        after.end_shares();
        let note = Some(note.to_owned());
        let (reward, event) = after.happens(RewardAction::Decline, (&actor.id, actor.role), note, context)?;
        Ok(Decided { reward, event, fund: None })
    }

    /// Who was declined asks to look at it again, once. Those who agree decide then, as always;
    /// whoever has declined it does not decline it again.
    pub fn appeal(&self, actor: &Member, text: &str, context: Context) -> Result<Decided, Error> {
        if !self.is_of(&actor.id) {
            return Err(Error::NotFound);
        }
        check(RewardAction::Appeal, actor.role, self.state)?;
        if self.appealed {
            return Err(Refusal::AppealedAlready.into());
        }
        let mut bad = Vec::new();
        check_text("/text", text, MAX_NOTE_CHARS, &mut bad);
        if !bad.is_empty() {
            return Err(Error::Invalid(bad));
        }
        let mut after = self.clone();
        after.state = RewardState::Proposed;
        after.declined = None;
        after.appealed = true;
        for share in &mut after.shares {
            share.state = ShareState::Proposed;
        }
        let note = Some(text.to_owned());
        let (reward, event) = after.happens(RewardAction::Appeal, (&actor.id, actor.role), note, context)?;
        Ok(Decided { reward, event, fund: None })
    }

    /// Takes back what was approved, before anything of it was paid. The money returns to the fund,
    /// or lapses when the year is over.
    pub fn reverse(&self, actor: &Member, reason: &str, fund: &Fund, context: Context) -> Result<Decided, Error> {
        self.permits(RewardAction::Reverse, actor)?;
        self.check_fund(fund)?;
        let mut bad = Vec::new();
        check_reason("/reason", reason, &mut bad);
        if !bad.is_empty() {
            return Err(Error::Invalid(bad));
        }
        if self.shares.iter().any(|share| share.state == ShareState::Paid) {
            return Err(Refusal::PaidAlready.into());
        }
        let reserved = self.shares.iter().filter(|share| share.state == ShareState::Reserved);
        let amount_fen = reserved.map(|share| share.amount_fen).sum();
        let reason = Some(reason.to_owned());
        let posting = self.back(fund, amount_fen, reason.clone(), (&actor.id, actor.role), context);
        let moved = fund.post(posting)?;
        let mut after = self.clone();
        after.state = RewardState::Reversed;
        after.end_shares();
        let (reward, event) = after.happens(RewardAction::Reverse, (&actor.id, actor.role), reason, context)?;
        Ok(Decided { reward, event, fund: Some(moved) })
    }

    /// Pays a share. It can be paid once: afterwards it is not reserved any more.
    pub fn pay(&self, number: u8, by: (&MemberId, Role), fund: &Fund, context: Context) -> Result<Decided, Error> {
        check(RewardAction::Pay, by.1, self.state)?;
        self.check_fund(fund)?;
        let amount_fen = self.reserved(number)?;
        let posting = Posting {
            movement: Movement::Pay,
            amount_fen,
            reward: Some(self.id),
            reason: None,
            by,
            command: context.command,
            at: context.now,
        };
        let moved = fund.post(posting)?;
        let mut after = self.clone();
        after.settle(number, ShareState::Paid, Some(context.now));
        let (reward, event) = after.happens_to(number, RewardAction::Pay, by, None, context)?;
        Ok(Decided { reward, event, fund: Some(moved) })
    }

    /// Returns the money of a share that nobody has claimed in time.
    pub fn lapse(&self, number: u8, fund: &Fund, context: Context) -> Result<Decided, Error> {
        check(RewardAction::Lapse, Role::Clock, self.state)?;
        self.check_fund(fund)?;
        let amount_fen = self.reserved(number)?;
        if self.claim_until.is_none_or(|until| context.now < until) {
            return Err(Refusal::WrongRewardState.into());
        }
        let clock = MemberId::clock();
        let by = (&clock, Role::Clock);
        let moved = fund.post(self.back(fund, amount_fen, None, by, context))?;
        let mut after = self.clone();
        after.settle(number, ShareState::Lapsed, None);
        let (reward, event) = after.happens_to(number, RewardAction::Lapse, by, None, context)?;
        Ok(Decided { reward, event, fund: Some(moved) })
    }

    /// Writes down that what was paid of a share was paid back: it returns to the fund.
    pub fn recover(
        &self,
        number: u8,
        actor: &Member,
        reason: &str,
        fund: &Fund,
        context: Context,
    ) -> Result<Decided, Error> {
        self.permits(RewardAction::Recover, actor)?;
        self.check_fund(fund)?;
        let mut bad = Vec::new();
        check_reason("/reason", reason, &mut bad);
        if !bad.is_empty() {
            return Err(Error::Invalid(bad));
        }
        let share = self.shares.get(usize::from(number)).ok_or(Error::NotFound)?;
        if share.state != ShareState::Paid {
            return Err(Refusal::WrongRewardState.into());
        }
        let by = (&actor.id, actor.role);
        let reason = Some(reason.to_owned());
        let posting = Posting {
            movement: Movement::Recover,
            amount_fen: share.amount_fen,
            reward: Some(self.id),
            reason: reason.clone(),
            by,
            command: context.command,
            at: context.now,
        };
        let moved = fund.post(posting)?;
        let mut after = self.clone();
        after.settle(number, ShareState::Recovered, share.paid_at);
        let (reward, event) = after.happens_to(number, RewardAction::Recover, by, reason, context)?;
        Ok(Decided { reward, event, fund: Some(moved) })
    }

    /// What is reserved of a share.
    fn reserved(&self, number: u8) -> Result<u64, Error> {
        let share = self.shares.get(usize::from(number)).ok_or(Error::NotFound)?;
        match share.state {
            ShareState::Reserved => Ok(share.amount_fen),
            ShareState::Paid => Err(Refusal::PaidAlready.into()),
            _ => Err(Refusal::WrongRewardState.into()),
        }
    }

    /// How reserved money goes back: to what can be promised, or for good when the year is over.
    fn back<'a>(
        &self,
        fund: &Fund,
        amount_fen: u64,
        reason: Option<String>,
        by: (&'a MemberId, Role),
        context: Context,
    ) -> Posting<'a> {
        let movement = if fund.closed { Movement::LapseReserved } else { Movement::Release };
        Posting { movement, amount_fen, reward: Some(self.id), reason, by, command: context.command, at: context.now }
    }

    /// Ends what is open. What has lapsed or was recovered before stays known as that.
    fn end_shares(&mut self) {
        for share in &mut self.shares {
            if matches!(share.state, ShareState::Proposed | ShareState::Reserved) {
                share.state = ShareState::Ended;
            }
        }
    }

    fn settle(&mut self, number: u8, state: ShareState, paid_at: Option<Timestamp>) {
        if let Some(share) = self.shares.get_mut(usize::from(number)) {
            (share.state, share.paid_at) = (state, paid_at);
        }
        if self.shares.iter().all(|share| share.state != ShareState::Reserved) {
            self.state = RewardState::Settled;
        }
    }

    pub(crate) fn happens(
        self,
        action: RewardAction,
        by: (&MemberId, Role),
        note: Option<String>,
        context: Context,
    ) -> Result<(Self, RewardEvent), Error> {
        let amount_fen = self.amount_fen;
        self.event(action, by, (None, amount_fen), note, context)
    }

    fn happens_to(
        self,
        number: u8,
        action: RewardAction,
        by: (&MemberId, Role),
        note: Option<String>,
        context: Context,
    ) -> Result<(Self, RewardEvent), Error> {
        let amount_fen = self.shares.get(usize::from(number)).map_or(0, |share| share.amount_fen);
        self.event(action, by, (Some(number), amount_fen), note, context)
    }

    fn event(
        mut self,
        action: RewardAction,
        by: (&MemberId, Role),
        (share, amount_fen): (Option<u8>, u64),
        note: Option<String>,
        context: Context,
    ) -> Result<(Self, RewardEvent), Error> {
        let declined = self.declined.filter(|_| action == RewardAction::Decline);
        let counts = matches!(action, RewardAction::Pay | RewardAction::Recover);
        let paid_at = share.and_then(|number| self.shares.get(usize::from(number))?.paid_at);
        let paid =
            paid_at.filter(|_| counts).map(|at| PaidShare { node: self.node.clone(), concerns: self.concerns, at });
        let mut event = RewardEvent {
            reward: self.id,
            seq: self.version + 1,
            at: context.now,
            actor: by.0.clone(),
            role: by.1,
            action,
            state: self.state,
            amount_fen,
            share,
            declined,
            note,
            paid,
            command: context.command,
            previous: self.head,
            hash: Digest::ZERO,
        };
        event.hash = event.computed_hash()?;
        (self.version, self.head, self.updated_at) = (event.seq, event.hash, context.now);
        Ok((self, event))
    }
}

/// The most that one person can have contributed, against the others.
pub const MAX_WEIGHT: u32 = 1_000;

fn same_kind(known: Option<&(Label, u32)>, other: Option<&(Label, u32)>) -> bool {
    known.zip(other).is_some_and(|((known, _), (other, _))| known == other)
}

/// How many of those who have to agree are among those who have: each counts for one, and for the
/// most that is asked of them.
fn filled(agree: &[Approver], agreed: &[Agreed]) -> usize {
    let mut open: Vec<&Approver> = agree.iter().collect();
    let mut filled = 0;
    // Whoever fits where a body is asked for leaves open where any would do.
    for agreed in agreed {
        let fits = |approver: &&&Approver, body: Option<Body>| approver.role == agreed.role && approver.body == body;
        let place = open
            .iter()
            .position(|approver| agreed.body.is_some() && fits(&approver, agreed.body))
            .or_else(|| open.iter().position(|approver| fits(&approver, None)));
        if let Some(place) = place {
            open.remove(place);
            filled += 1;
        }
    }
    filled
}

impl Linked for RewardEvent {
    const KIND: &'static [u8] = b"reward event";

    fn link(&self) -> (u64, Digest, Digest) {
        (self.seq, self.previous, self.hash)
    }

    fn bare(&self) -> Self {
        Self { hash: Digest::ZERO, ..self.clone() }
    }
}

/// Checks the chain of a reward: every event in its place, unaltered, up to `head`.
pub fn verify_chain(events: &[RewardEvent], head: Digest) -> Result<(), BrokenChain> {
    verify_links(events, head)
}
