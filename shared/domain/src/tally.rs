//! The tally: what each event adds to the counters of the statistics.
//!
//! Everything that is counted is counted from events, one by one, and adding is all that is ever
//! done. So it does not matter in which order they come, and a recount from the records must
//! give the same.
//!
//! A counter has one name, the same in the records of every node, day and month:
//!
//! ```text
//! report#<category>#<stage>#<action>           reports with which a stage has done something
//! report#<category>#<stage>#reject#<reason>    the same, where it has a reason
//! report#<category>#district#hand_over#again   handed over that had been handed over before
//! held#<stage>#<bucket>                        times that a stage had a report for so long
//! outcome#<category>#<kind>                    outcomes
//! member#<step>                                reporters
//! paid_fen                                     what they were paid, in fen
//! ```

use std::{collections::BTreeMap, fmt, str::FromStr};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{
    district::Label,
    error::Error,
    event::Event,
    life::{Action, RejectionReason, Stage, State},
    member::{MemberId, MemberState, Role},
    membership::{MemberAction, MemberEvent, Profile},
    named::{Named as _, named},
    outcome::{Counted, OutcomeEvent, OutcomeId},
    report::{Category, Concerns, Report, ReportId},
    reward::{PaidShare, RewardAction, RewardEvent, RewardId},
    territory::{Level, NodeId},
};

named! {
    /// What is counted of a reporter. All but rewards at most once in a membership.
    pub enum MemberStep {
        /// Recruited by somebody, or registered with a poster without having been recruited.
        Recruited = "recruited",
        /// Could act for the first time.
        Registered = "registered",
        /// Left.
        Left = "left",
        /// Was paid a reward; counted each time, so that one who was paid twice counts twice.
        Rewarded = "rewarded",
    }
}

/// What a counter of reports counts beside the action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Detail {
    /// Why.
    Reason(RejectionReason),
    /// It had been done with the same report before.
    Again,
}

/// The word of [`Detail::Again`].
const AGAIN: &str = "again";

impl Detail {
    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reason(reason) => reason.name(),
            Self::Again => AGAIN,
        }
    }
}

/// A counter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counter {
    /// How often something was done with reports.
    Report {
        /// What they are about.
        category: Category,
        /// The stage that did it. What reporters do is counted at the stage that has the report;
        /// what the clock does, at the stage that it does it to.
        stage: Stage,
        /// What was done.
        action: Action,
        /// What more is known of it.
        detail: Option<Detail>,
    },
    /// How often a stage had a report for so long.
    Held {
        /// The stage.
        stage: Stage,
        /// How long, as [`bucket`] has it.
        bucket: u16,
    },
    /// Outcomes.
    Outcome {
        /// What the report is about that led to it first.
        category: Category,
        /// The kind.
        kind: Label,
    },
    /// Reporters.
    Member(MemberStep),
    /// What reporters were paid, in fen.
    PaidFen,
}

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Report { category, stage, action, detail } => {
                write!(f, "report#{category}#{stage}#{action}")?;
                detail.map_or(Ok(()), |detail| write!(f, "#{}", detail.name()))
            }
            Self::Held { stage, bucket } => write!(f, "held#{stage}#{bucket}"),
            Self::Outcome { category, kind } => write!(f, "outcome#{category}#{kind}"),
            Self::Member(step) => write!(f, "member#{step}"),
            Self::PaidFen => f.write_str("paid_fen"),
        }
    }
}

/// The text is no counter's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no counter, like report#hazard#officer#approve")]
pub struct CounterError;

impl FromStr for Counter {
    type Err = CounterError;

    fn from_str(text: &str) -> Result<Self, CounterError> {
        let parts: Vec<&str> = text.split('#').collect();
        let read = match parts.as_slice() {
            ["report", category, stage, action, rest @ ..] if rest.len() <= 1 => Category::from_name(category)
                .zip(Stage::from_name(stage))
                .zip(Action::from_name(action))
                .and_then(|((category, stage), action)| {
                    let detail = match rest.first() {
                        None => None,
                        Some(&AGAIN) => Some(Detail::Again),
                        Some(reason) => Some(Detail::Reason(RejectionReason::from_name(reason)?)),
                    };
                    Some(Self::Report { category, stage, action, detail })
                }),
            ["held", stage, bucket] => Stage::from_name(stage)
                .zip(bucket.parse().ok().filter(|bucket| *bucket <= LAST_BUCKET))
                .map(|(stage, bucket)| Self::Held { stage, bucket }),
            ["outcome", category, kind] => Category::from_name(category)
                .zip(Label::parse(kind).ok())
                .map(|(category, kind)| Self::Outcome { category, kind }),
            ["member", step] => MemberStep::from_name(step).map(Self::Member),
            ["paid_fen"] => Some(Self::PaidFen),
            _ => None,
        };
        // Only the canonical spelling is a counter: `held#officer#07` is not `held#officer#7`.
        read.filter(|counter| counter.to_string() == text).ok_or(CounterError)
    }
}

/// Counters with what they stand at. A counter that is not there stands at 0.
pub type Tallies = BTreeMap<Counter, i64>;

/// Adds counters to others.
pub fn add(sum: &mut Tallies, more: &Tallies) {
    for (counter, by) in more {
        *sum.entry(counter.clone()).or_default() += by;
    }
}

/// What has events that are counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Aggregate {
    /// A report.
    Report(ReportId),
    /// A membership.
    Member(MemberId),
    /// An outcome.
    Outcome(OutcomeId),
    /// A reward.
    Reward(RewardId),
}

/// An event that is counted, by what it happened to and its place in that history.
pub type Source = (Aggregate, u64);

/// What one event changes: a counter of a node on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The node.
    pub node: NodeId,
    /// The day in the district's time zone.
    pub day: Date,
    /// The counter.
    pub counter: Counter,
    /// By how much.
    pub by: i64,
}

/// An event with all that it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tallied {
    /// The event.
    pub source: Source,
    /// What it changes, at each node that counts it.
    pub changes: Vec<Change>,
}

impl Tallied {
    /// What an event of a report changes. An event of an older bundle that does not say what the
    /// report is about changes nothing here: see [`completed`].
    pub fn of_report(event: &Event, time_zone: &TimeZone) -> Self {
        let mut counters = Vec::new();
        if let Some(category) = event.category {
            let (stage, action) = (stage_of(event), event.action);
            counters.push(Counter::Report { category, stage, action, detail: detail_of(event) });
            // What the reporter was asked and what was adopted waits for no stage.
            if let Some(held) = event.held.filter(|_| event.from.is_some_and(State::is_review)) {
                counters.push(Counter::Held { stage: held.stage, bucket: bucket(minutes(held.since, event.at)) });
            }
        }
        let day = day(event.at, time_zone);
        let changes = nodes_of(&event.node, event.concerns)
            .flat_map(|node| counters.iter().map(move |counter| one_more(node.clone(), day, counter.clone())))
            .collect();
        Self { source: (Aggregate::Report(event.report), event.seq), changes }
    }

    /// What an event of a membership changes.
    pub fn of_member(event: &MemberEvent, time_zone: &TimeZone) -> Self {
        let mut steps = Vec::new();
        if event.role == Role::Reporter {
            // Who registers after having been recruited by name has been counted then.
            let new = event.seq == 1 && matches!(event.action, MemberAction::Recruit | MemberAction::Register);
            steps.extend(new.then_some(MemberStep::Recruited));
            steps.extend(event.joins.then_some(MemberStep::Registered));
            steps.extend((event.action == MemberAction::Leave).then_some(MemberStep::Left));
        }
        let day = day(event.at, time_zone);
        let changes = nodes_of(&event.node, Concerns::Nobody)
            .flat_map(|node| steps.iter().map(move |step| one_more(node.clone(), day, Counter::Member(*step))))
            .collect();
        Self { source: (Aggregate::Member(event.member.clone()), event.seq), changes }
    }

    /// What an event of an outcome changes: what was counted until then is taken off where it
    /// was counted, and what counts from then on is added.
    pub fn of_outcome(event: &OutcomeEvent) -> Self {
        let source = (Aggregate::Outcome(event.outcome), event.seq);
        if event.before == event.after {
            return Self { source, changes: Vec::new() };
        }
        let counted = |counted: &Option<Counted>, sign: i64| -> Vec<Change> {
            let Some(Counted { kind, count, on, node, category, concerns }) = counted else { return Vec::new() };
            let counter = Counter::Outcome { category: *category, kind: kind.clone() };
            let by = sign * i64::from(*count);
            nodes_of(node, *concerns).map(|node| Change { node, day: *on, counter: counter.clone(), by }).collect()
        };
        let mut changes = counted(&event.before, -1);
        changes.extend(counted(&event.after, 1));
        Self { source, changes }
    }

    /// What an event of a reward changes: a payment counts on its day, and what was recovered of it
    /// is taken off there.
    pub fn of_reward(event: &RewardEvent, time_zone: &TimeZone) -> Self {
        let source = (Aggregate::Reward(event.reward), event.seq);
        let Some(PaidShare { node, concerns, at }) = &event.paid else { return Self { source, changes: Vec::new() } };
        let sign = if event.action == RewardAction::Recover { -1 } else { 1 };
        // An amount has far less than 63 bits.
        let fen = i64::try_from(event.amount_fen).unwrap_or(i64::MAX);
        let counted = [(Counter::Member(MemberStep::Rewarded), sign), (Counter::PaidFen, sign * fen)];
        let day = day(*at, time_zone);
        let changes = nodes_of(node, *concerns)
            .flat_map(|node| counted.iter().map(move |(counter, by)| (node.clone(), counter.clone(), *by)))
            .map(|(node, counter, by)| Change { node, day, counter, by })
            .collect();
        Self { source, changes }
    }
}

/// An event of a report with what older bundles did not write into it, from the report itself.
pub fn completed(mut event: Event, report: &Report) -> Event {
    if event.category.is_none() {
        event.category = Some(report.category);
        event.concerns = report.concerns;
    }
    event
}

/// The history of a membership with what older bundles did not write into it: with which event
/// the member could act for the first time.
pub fn completed_history(mut events: Vec<MemberEvent>, profile: &Profile) -> Vec<MemberEvent> {
    if !events.iter().any(|event| event.joins) {
        let first =
            |event: &&mut MemberEvent| event.state == MemberState::Active && Some(event.at) == profile.joined_at;
        if let Some(event) = events.iter_mut().find(first) {
            event.joins = true;
        }
    }
    events
}

/// The nodes at which something of a community is counted, from the district down: not below
/// the first stage that may see it.
fn nodes_of(community: &NodeId, concerns: Concerns) -> impl Iterator<Item = NodeId> {
    let counts = move |level: &Level| stage_at(*level) >= concerns.first_stage();
    Level::ALL.iter().copied().filter(counts).filter_map(|level| community.at(level))
}

/// The stage whose reviewers belong to nodes of this level.
pub fn stage_at(level: Level) -> Stage {
    match level {
        Level::Community => Stage::Officer,
        Level::Station => Stage::Station,
        Level::District => Stage::District,
    }
}

fn stage_of(event: &Event) -> Stage {
    match (event.role.stage(), event.action, event.held) {
        (Some(stage), ..) => stage,
        // It went up because this stage did not act.
        (None, Action::Escalate, Some(held)) => held.stage,
        (None, Action::Escalate, None) => event.stage.below().unwrap_or(event.stage),
        (None, ..) => event.stage,
    }
}

fn detail_of(event: &Event) -> Option<Detail> {
    let again = event.action == Action::HandOver && event.from == Some(State::HandedOver);
    event.reason.map(Detail::Reason).or(again.then_some(Detail::Again))
}

fn one_more(node: NodeId, day: Date, counter: Counter) -> Change {
    Change { node, day, counter, by: 1 }
}

/// The day of a moment in the district's time zone.
pub fn day(at: Timestamp, time_zone: &TimeZone) -> Date {
    at.to_zoned(time_zone.clone()).date()
}

/// When a day begins in the district's time zone.
pub fn begins(day: Date, time_zone: &TimeZone) -> Result<Timestamp, Error> {
    let begins = day.to_zoned(time_zone.clone()).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(begins.timestamp())
}

fn minutes(since: Timestamp, until: Timestamp) -> u64 {
    u64::try_from(until.duration_since(since).as_mins()).unwrap_or(0)
}

/// The last bucket: what took longer than nineteen years stands in it as well.
pub const LAST_BUCKET: u16 = 300;

/// The buckets of durations: each minute has its own up to 20; from there on each is at most a
/// twentieth wider than the one before. Whole numbers, so that every machine sorts alike.
fn buckets() -> impl Iterator<Item = (u16, u64)> {
    let next = |begins: &u64| Some((begins + 1).max(begins * 21 / 20));
    (0..=LAST_BUCKET).zip(std::iter::successors(Some(0), next))
}

/// The bucket of a duration.
pub fn bucket(minutes: u64) -> u16 {
    buckets().take_while(|(_, begins)| *begins <= minutes).last().map_or(0, |(bucket, _)| bucket)
}

/// The duration in the middle of a bucket, in minutes.
pub fn middle(bucket: u16) -> u64 {
    let mut from = buckets().skip(usize::from(bucket)).map(|(_, begins)| begins);
    let begins = from.next().unwrap_or_default();
    from.next().map_or(begins, |next| begins.midpoint(next - 1))
}
