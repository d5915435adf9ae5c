//! The briefing, 情况通报: what the two bodies of a district, and its stations, are told of a
//! period, and what they say to it.
//!
//! A briefing is made by [`compose`] from what was loaded, and from nothing else. It names
//! reports by code, category and community. It has no place for what a report says, for a
//! reporter or for a pseudonym.

use std::collections::BTreeMap;

use jiff::{
    SignedDuration, Timestamp, ToSpan as _,
    civil::{Date, Weekday},
    tz::TimeZone,
};
use serde::{Deserialize, Serialize};

use crate::{
    code::Code,
    command::{CommandId, Fingerprint},
    coverage::{Cell, Coverage, SMALLEST_SHOWN},
    district::{District, Label},
    error::{Error, FieldError, Refusal},
    hash::Digest,
    life::{RejectionReason, Stage, State},
    member::{Body, Member, MemberId, Role},
    named::named,
    outcome,
    report::{Category, Concerns, ReportId, Urgency, check_text},
    statistics::{Figures, Held},
    task::{TaskId, TaskKind, TaskState},
    task_receipt::Progress,
    territory::{Level, NodeId},
    text::Text,
};

/// The identifier of a briefing is a code.
pub type BriefingId = Code;

/// The form of the JSON. It rises when a field goes or changes its meaning; one that is added changes nothing.
pub const FORMAT: u32 = 1;
/// The longest period, in days.
pub const MAX_DAYS: i32 = 366;
/// Up to so many days, the course of a period is shown by day, and above by month.
pub const MAX_DAYS_BY_DAY: i32 = 31;
/// The most entries of each list.
pub const MAX_LISTED: usize = 50;
/// The most tasks that are listed, each with its progress.
pub const MAX_TASKS: usize = 20;
/// The most comments on one briefing.
pub const MAX_COMMENTS: u32 = 200;
/// The longest comment, in characters.
pub const MAX_COMMENT_CHARS: usize = 1_000;
/// How long a briefing is kept, with what was said to it and who has read it, in days: three
/// years.
pub const KEPT_DAYS: i64 = 3 * 365;
/// Before this year there was nothing to brief on.
const FIRST_YEAR: i16 = 2000;

/// Who reads briefings: the managers of the district and of its stations, of both bodies, and
/// the auditor.
pub const READERS: [Role; 3] = [Role::DistrictManager, Role::StationManager, Role::Auditor];
/// Who comments on and acknowledges them: an auditor changes nothing.
pub const ADDRESSEES: [Role; 2] = [Role::DistrictManager, Role::StationManager];

named! {
    /// How a briefing came about.
    pub enum Origin {
        /// By the clock, each week.
        Weekly = "weekly",
        /// A district manager has asked for it.
        OnDemand = "on_demand",
    }
}

named! {
    /// Where a briefing is.
    pub enum BriefingState {
        /// Is being made.
        Pending = "pending",
        /// Can be read.
        Ready = "ready",
        /// Could not be made; it is tried again for a while.
        Failed = "failed",
    }
}

named! {
    /// Whom a version of a briefing is for.
    pub enum Audience {
        /// The district: both bodies, and the auditor.
        District = "district",
        /// The stations. Without the rows of each station and the tasks that a station runs, and without reports that name the
        /// conduct of reviewers: a station must learn of none that names its own, not even by
        /// subtracting what it sees from the whole.
        Stations = "stations",
    }
}

impl Audience {
    /// The version that this role reads.
    pub fn of(role: Role) -> Self {
        if role == Role::StationManager { Self::Stations } else { Self::District }
    }
}

named! {
    /// The languages in which a briefing is written.
    pub enum Language {
        /// Simplified Chinese.
        Chinese = "zh-CN",
        /// English.
        English = "en",
    }
}

impl Language {
    /// A text in this language.
    pub fn of(self, text: &Text) -> &str {
        match self {
            Self::Chinese => &text.zh_cn,
            Self::English => &text.en,
        }
    }
}

/// Days of the district, from the first to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Period {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
}

impl Period {
    /// The period from one day to another, as somebody asks for it on `today`.
    pub fn asked(from: Date, to: Date, today: Date) -> Result<Self, Error> {
        let mut bad = Vec::new();
        if from.year() < FIRST_YEAR {
            bad.push(FieldError::new("/from", format!("lies before the year {FIRST_YEAR}")));
        }
        if to > today {
            bad.push(FieldError::new("/to", "lies in the future"));
        }
        let period = Self { from, to };
        if to < from {
            bad.push(FieldError::new("/to", "lies before the first day"));
        } else if period.days() > MAX_DAYS {
            bad.push(FieldError::new("/to", format!("makes the period longer than {MAX_DAYS} days")));
        }
        if bad.is_empty() { Ok(period) } else { Err(Error::Invalid(bad)) }
    }

    /// Whether it is made of whole weeks, Monday to Sunday, or of whole months. For any other two
    /// periods, one less the other could be a day, and a figure of that day one person.
    pub fn is_whole(self) -> bool {
        let after = self.to.tomorrow().unwrap_or(self.to);
        let weeks = self.from.weekday() == Weekday::Monday && self.to.weekday() == Weekday::Sunday;
        weeks || (self.from.day() == 1 && after.day() == 1)
    }

    /// The last whole week, Monday to Sunday, before this moment.
    pub fn last_week(now: Timestamp, time_zone: &TimeZone) -> Result<Self, Error> {
        let today = now.to_zoned(time_zone.clone()).date();
        let monday = minus_days(today, i32::from(today.weekday().to_monday_zero_offset()) + 7)?;
        Ok(Self { from: monday, to: plus_days(monday, 6)? })
    }

    /// How many days it has.
    pub fn days(self) -> i32 {
        self.from.until(self.to).map_or(i32::MAX, |span| span.get_days()).saturating_add(1)
    }

    /// Whether this day belongs to it.
    pub fn contains(self, day: Date) -> bool {
        self.from <= day && day <= self.to
    }

    /// The period that it is compared with: as many days just before it, or for whole months as
    /// many months.
    pub fn before(self) -> Result<Self, Error> {
        let to = minus_days(self.from, 1)?;
        if self.from == self.from.first_of_month() && self.to == self.to.last_of_month() {
            let months = i32::from(self.to.year() - self.from.year()) * 12 + i32::from(self.to.month())
                - i32::from(self.from.month())
                + 1;
            let from = self.from.checked_sub(months.months()).map_err(|error| Error::Internal(error.to_string()))?;
            return Ok(Self { from, to });
        }
        Ok(Self { from: minus_days(self.from, self.days())?, to })
    }

    /// Its days, or its months as far as they belong to it when it has many days: at most 31.
    pub fn steps(self) -> Result<(Step, Vec<Self>), Error> {
        let by = if self.days() <= MAX_DAYS_BY_DAY { Step::Day } else { Step::Month };
        let mut steps = Vec::new();
        let mut from = self.from;
        while from <= self.to && steps.len() < usize::try_from(MAX_DAYS_BY_DAY).unwrap_or_default() {
            let to = if by == Step::Day { from } else { from.last_of_month().min(self.to) };
            steps.push(Self { from, to });
            from = plus_days(to, 1)?;
        }
        Ok((by, steps))
    }
}

fn plus_days(day: Date, days: i32) -> Result<Date, Error> {
    day.checked_add(days.days()).map_err(|error| Error::Internal(error.to_string()))
}

fn minus_days(day: Date, days: i32) -> Result<Date, Error> {
    day.checked_sub(days.days()).map_err(|error| Error::Internal(error.to_string()))
}

named! {
    /// What one step of the course of a period is.
    pub enum Step {
        /// A day.
        Day = "day",
        /// A month.
        Month = "month",
    }
}

/// The code of a district's briefing on a week. The same week has the same code, so that asking
/// for it twice makes one; `attempt` gives the next candidate when another briefing has it.
pub fn weekly_id(district: &NodeId, period: Period, attempt: u8) -> BriefingId {
    let days = format!("{} {}", period.from, period.to);
    Code::from_digest(&Digest::of(&[b"weekly briefing", district.as_str().as_bytes(), days.as_bytes(), &[attempt]]))
}

/// What is kept of a briefing beside its documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BriefingRecord {
    /// Its code.
    pub id: BriefingId,
    /// Rises by one with each change; what the API shows as the `ETag`.
    pub version: u64,
    /// The district.
    pub district: NodeId,
    /// The period.
    pub period: Period,
    /// How it came about.
    pub origin: Origin,
    /// Where it is.
    pub state: BriefingState,
    /// Who asked for it; nobody did for a weekly one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<MemberId>,
    /// The command that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<CommandId>,
    /// What that command asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it could be read for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_at: Option<Timestamp>,
    /// How many comments there are.
    #[serde(default)]
    pub comments: u32,
}

impl BriefingRecord {
    /// The briefing on a week.
    pub fn weekly(district: NodeId, period: Period, attempt: u8, now: Timestamp) -> Self {
        Self {
            id: weekly_id(&district, period, attempt),
            version: 1,
            district,
            period,
            origin: Origin::Weekly,
            state: BriefingState::Pending,
            requested_by: None,
            created_by: None,
            fingerprint: None,
            created_at: now,
            made_at: None,
            comments: 0,
        }
    }

    /// A briefing that a district manager asks for.
    pub fn on_demand(
        actor: &Member,
        period: Period,
        (command, fingerprint): (CommandId, Fingerprint),
        attempt: u8,
        now: Timestamp,
    ) -> Self {
        Self {
            id: command.briefing_id(attempt),
            origin: Origin::OnDemand,
            requested_by: Some(actor.id.clone()),
            created_by: Some(command),
            fingerprint: Some(fingerprint),
            ..Self::weekly(actor.node.clone(), period, attempt, now)
        }
    }

    /// This briefing once its documents stand in the bucket; none when they did before.
    #[must_use]
    pub fn made(&self, now: Timestamp) -> Option<Self> {
        let made =
            || Self { version: self.version + 1, state: BriefingState::Ready, made_at: Some(now), ..self.clone() };
        (self.state != BriefingState::Ready).then(made)
    }

    /// This briefing once it could not be made; none when that is known, or it was made after all.
    #[must_use]
    pub fn failed(&self) -> Option<Self> {
        let failed = || Self { version: self.version + 1, state: BriefingState::Failed, ..self.clone() };
        (self.state == BriefingState::Pending).then(failed)
    }

    /// Refuses what can be done with a briefing only once it was made.
    pub fn check_ready(&self) -> Result<(), Error> {
        if self.state == BriefingState::Ready { Ok(()) } else { Err(Refusal::BriefingNotReady.into()) }
    }

    /// Takes a comment.
    pub fn comment(
        &self,
        actor: &Member,
        text: &str,
        (command, fingerprint): (CommandId, Fingerprint),
        now: Timestamp,
    ) -> Result<(Self, Comment), Error> {
        self.check_ready()?;
        let mut bad = Vec::new();
        check_text("/text", text, MAX_COMMENT_CHARS, &mut bad);
        if !bad.is_empty() {
            return Err(Error::Invalid(bad));
        }
        if self.comments >= MAX_COMMENTS {
            return Err(Refusal::TooManyComments.into());
        }
        let after = Self { version: self.version + 1, comments: self.comments + 1, ..self.clone() };
        let comment = Comment {
            seq: after.comments,
            at: now,
            actor: actor.id.clone(),
            by: Position::of(actor),
            text: text.to_owned(),
            command,
            fingerprint,
        };
        Ok((after, comment))
    }
}

/// Who somebody is on duty: a position, and no name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The role.
    pub role: Role,
    /// The body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    /// The node.
    pub node: NodeId,
}

impl Position {
    /// The position of a member.
    pub fn of(member: &Member) -> Self {
        Self { role: member.role, body: member.body, node: member.node.clone() }
    }
}

/// A comment on a briefing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    /// Its number, from 1.
    pub seq: u32,
    /// When.
    pub at: Timestamp,
    /// Who wrote it.
    pub actor: MemberId,
    /// In which position.
    #[serde(flatten)]
    pub by: Position,
    /// What it says.
    pub text: String,
    /// The command that wrote it.
    pub command: CommandId,
    /// What that command asked for.
    pub fingerprint: Fingerprint,
}

/// That a member has read a briefing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reader {
    /// Who.
    pub member: MemberId,
    /// In which position, the last time.
    #[serde(flatten)]
    pub position: Position,
    /// When for the first time.
    pub first_read_at: Timestamp,
    /// When for the last time.
    pub last_read_at: Timestamp,
    /// How often.
    pub readings: u64,
    /// When it was acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_at: Option<Timestamp>,
}

/// The documents of a briefing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Document {
    /// What it says, for programs.
    Json,
    /// The page that people read.
    Page(Language),
}

/// The key of a document in the bucket. It names nobody.
pub fn document_key(id: BriefingId, audience: Audience, document: Document) -> String {
    let folder = match audience {
        Audience::District => "",
        Audience::Stations => "stations/",
    };
    let file = match document {
        Document::Json => "briefing.json",
        Document::Page(Language::Chinese) => "zh-cn.html",
        Document::Page(Language::English) => "en.html",
    };
    format!("briefings/{}/{folder}{file}", id.as_str())
}

/// What a briefing says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Briefing {
    /// The form of this JSON.
    pub format: u32,
    /// Its code.
    pub id: BriefingId,
    /// Whom this version is for.
    pub audience: Audience,
    /// How it came about.
    pub origin: Origin,
    /// The district.
    pub district: NodeId,
    /// What the district is called.
    pub name: Text,
    /// The district's time zone, by which all days go.
    pub time_zone: String,
    /// The period.
    pub period: Period,
    /// The period that it is compared with.
    pub before: Period,
    /// When it was made. Overdue reports, gaps and tasks are as they were then.
    pub made_at: Timestamp,
    /// The figures of the period.
    pub figures: Account,
    /// Those of the period before.
    pub figures_before: Account,
    /// What came of reports, by kind.
    pub outcomes: Vec<OutcomeRow>,
    /// The stations; none in the version for stations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stations: Vec<StationRow>,
    /// The course of the period.
    pub course: Course,
    /// Open reports whose stage has not acted in time, most urgent and latest first.
    pub overdue: Listed<OverdueReport>,
    /// Adopted reports that are urgent, or were handed over.
    pub notable: Listed<NotableReport>,
    /// Where reporters are lacking.
    pub gaps: Gaps,
    /// Tasks under way, what ends first before the others.
    pub tasks: Listed<TaskUnderWay>,
}

/// The figures of a period as a briefing shows them. Counts of reporters from 1 to 4 are
/// suppressed: they would tell of single persons.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Reports sent in, by category.
    pub submitted: BTreeMap<Category, u64>,
    /// Reports adopted, by category.
    pub adopted: BTreeMap<Category, u64>,
    /// Reports that were not adopted, by reason.
    pub rejected: BTreeMap<RejectionReason, u64>,
    /// Reports linked to another of the same matter.
    pub duplicates: u64,
    /// Reports taken back.
    pub withdrawn: u64,
    /// Reports handed over.
    pub handed_over: u64,
    /// Reports closed.
    pub closed: u64,
    /// Times a stage was reminded of its deadline.
    pub reminded: BTreeMap<Stage, u64>,
    /// Times a report went up because its stage did not act.
    pub escalated: BTreeMap<Stage, u64>,
    /// How long each stage had its reports.
    pub held: BTreeMap<Stage, Held>,
    /// Reporters recruited; null when suppressed.
    pub recruited: Option<u64>,
    /// Reporters registered; null when suppressed.
    pub registered: Option<u64>,
    /// Reporters who left; null when suppressed.
    pub left: Option<u64>,
    /// How often a reporter was rewarded; null when suppressed.
    pub rewarded: Option<u64>,
    /// Rewards paid, in fen; null when it would tell what a few persons got.
    pub paid_fen: Option<u64>,
}

/// A count of reporters, unless it would tell of single persons.
fn shown(count: u64) -> Option<u64> {
    (!(1..u64::from(SMALLEST_SHOWN)).contains(&count)).then_some(count)
}

impl Account {
    /// The figures of a period; those of people for whole weeks and months alone.
    fn of(figures: &Figures, period: Period) -> Self {
        let shown = |count: u64| shown(count).filter(|_| period.is_whole());
        let rewarded = shown(figures.rewarded);
        Self {
            submitted: figures.submitted.clone(),
            adopted: figures.adopted.clone(),
            rejected: figures.rejected.clone(),
            duplicates: figures.duplicates,
            withdrawn: figures.withdrawn,
            handed_over: figures.handed_over,
            closed: figures.closed,
            reminded: figures.reminded.clone(),
            escalated: figures.escalated.clone(),
            held: figures.held.clone(),
            recruited: shown(figures.recruited),
            registered: shown(figures.registered),
            left: shown(figures.left),
            rewarded,
            paid_fen: rewarded.map(|_| figures.paid_fen),
        }
    }
}

/// The sum of counts.
pub fn sum<K>(counts: &BTreeMap<K, u64>) -> u64 {
    counts.values().fold(0, |sum, count| sum.saturating_add(*count))
}

/// A kind of outcome, in the period and in the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeRow {
    /// The kind.
    pub kind: Label,
    /// What it is called.
    pub name: Text,
    /// How many.
    pub count: u64,
    /// How many in the period before.
    pub before: u64,
}

/// The figures of a station.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StationRow {
    /// The station.
    pub node: NodeId,
    /// What it is called.
    pub name: Text,
    /// Reports sent in from its communities.
    pub submitted: u64,
    /// Those of the period before.
    pub submitted_before: u64,
    /// Reports adopted.
    pub adopted: u64,
    /// Reports handed over.
    pub handed_over: u64,
    /// Its reports that are overdue now, at whichever stage.
    pub overdue: u64,
}

/// The course of a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Course {
    /// What one step is.
    pub by: Step,
    /// The steps, in order.
    pub steps: Vec<CourseStep>,
}

/// One day, or one month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CourseStep {
    /// Its days.
    #[serde(flatten)]
    pub days: Period,
    /// Reports sent in.
    pub submitted: u64,
    /// Reports adopted.
    pub adopted: u64,
}

/// A list that is cut where it gets long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed<T> {
    /// Its first entries.
    pub items: Vec<T>,
    /// How many more there are.
    pub more: u64,
    /// Whether everything was looked at: when not, there may be more still.
    pub complete: bool,
}

impl<T> Listed<T> {
    fn of(mut items: Vec<T>, most: usize, complete: bool) -> Self {
        let more = items.len().saturating_sub(most) as u64;
        items.truncate(most);
        Self { items, more, complete }
    }
}

/// An open report whose stage, or whose reporter, has not acted in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverdueReport {
    /// Its code.
    pub report: ReportId,
    /// What it is about.
    pub category: Category,
    /// How fast it has to be dealt with.
    pub urgency: Urgency,
    /// Its community.
    pub node: NodeId,
    /// What the community is called.
    pub community: Text,
    /// Where it is in its life.
    pub state: State,
    /// The stage that has it.
    pub stage: Stage,
    /// By when that stage, or the reporter, was expected to act.
    pub due_at: Timestamp,
    /// For how long it has been overdue, in whole hours by the clock.
    pub late_hours: i64,
}

/// An adopted report that is urgent, or was handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotableReport {
    /// Its code.
    pub report: ReportId,
    /// What it is about.
    pub category: Category,
    /// How fast it has to be dealt with.
    pub urgency: Urgency,
    /// Its community.
    pub node: NodeId,
    /// What the community is called.
    pub community: Text,
    /// When it was sent in.
    pub submitted_on: Date,
    /// When it was adopted.
    pub adopted_on: Date,
    /// When it was handed over for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handed_over_on: Option<Date>,
    /// How often it was handed over.
    pub hand_overs: u32,
    /// When it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_on: Option<Date>,
    /// Where it is now.
    pub state: State,
}

/// Where reporters are lacking: there are none, or surely fewer than the target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gaps {
    /// Communities.
    pub communities: Vec<Gap>,
    /// Trades.
    pub trades: Vec<Gap>,
    /// Sensitive places.
    pub places: Vec<Gap>,
}

/// One gap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Of what: the path of a node, or a label of the district's lists.
    pub of: String,
    /// What it is called.
    pub name: Text,
    /// How many reporters there are; null when suppressed.
    pub reporters: Option<u32>,
    /// How many there should be; 0 for no target.
    pub target: u16,
}

/// A task that runs, or will.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskUnderWay {
    /// Its code.
    pub task: TaskId,
    /// What it asks for.
    pub kind: TaskKind,
    /// Its title.
    pub title: String,
    /// What it is about.
    pub category: Category,
    /// How fast it has to be looked at.
    pub priority: Urgency,
    /// Whether it runs already.
    pub state: TaskState,
    /// When its window begins.
    pub starts_at: Timestamp,
    /// When its window ends.
    pub ends_at: Timestamp,
    /// The nodes that it is for, by name.
    pub places: Vec<Text>,
    /// How many reporters are in its scope; null when suppressed.
    pub in_scope: Option<u32>,
    /// How many of them have read it; null when suppressed.
    pub read: Option<u32>,
    /// How many have answered it; null when suppressed.
    pub answered: Option<u32>,
}

/// An open report that is overdue, as it was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverdueFacts {
    /// Its code.
    pub report: ReportId,
    /// What it is about.
    pub category: Category,
    /// How fast it has to be dealt with.
    pub urgency: Urgency,
    /// Whether it names those who would review it.
    pub concerns: Concerns,
    /// Its community.
    pub node: NodeId,
    /// Where it is in its life.
    pub state: State,
    /// The stage that has it.
    pub stage: Stage,
    /// By when somebody was expected to act.
    pub due_at: Timestamp,
}

/// An adopted report, as it was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdoptedFacts {
    /// Its code.
    pub report: ReportId,
    /// What it is about.
    pub category: Category,
    /// How fast it has to be dealt with.
    pub urgency: Urgency,
    /// Whether it names those who would review it.
    pub concerns: Concerns,
    /// Its community.
    pub node: NodeId,
    /// Where it is now.
    pub state: State,
    /// When it was sent in.
    pub submitted_at: Timestamp,
    /// When it was adopted, each time.
    pub adopted_at: Vec<Timestamp>,
    /// When it was handed over, each time.
    pub handed_over_at: Vec<Timestamp>,
    /// When it was closed, the last time.
    pub closed_at: Option<Timestamp>,
}

/// A task, as it was loaded.
#[derive(Debug, Clone)]
pub struct TaskFacts {
    /// The task.
    pub task: crate::task::Task,
    /// How it goes, for those who do not know the persons.
    pub progress: Progress,
}

/// The figures of a station.
#[derive(Debug, Clone)]
pub struct StationFacts {
    /// The station.
    pub node: NodeId,
    /// Its figures.
    pub figures: Figures,
    /// Those of the period before.
    pub before: Figures,
}

/// Everything that a briefing is made from.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// The briefing.
    pub record: &'a BriefingRecord,
    /// The lists of the district.
    pub district: &'a District,
    /// Its time zone.
    pub time_zone: &'a TimeZone,
    /// Now.
    pub now: Timestamp,
    /// The figures of the district.
    pub figures: Figures,
    /// Those of the period before.
    pub before: Figures,
    /// The figures of its stations.
    pub stations: Vec<StationFacts>,
    /// What one step of the course is.
    pub by: Step,
    /// The figures of each step.
    pub course: Vec<(Period, Figures)>,
    /// The overdue reports, and whether these are all.
    pub overdue: (Vec<OverdueFacts>, bool),
    /// Reports that may be notable, and whether these are all.
    pub adopted: (Vec<AdoptedFacts>, bool),
    /// The coverage of the district, for those who do not know the persons.
    pub coverage: Coverage,
    /// Tasks that were sent and are not over, and how many more there are.
    pub tasks: (Vec<TaskFacts>, u64),
}

/// Makes the version of a briefing for an audience.
pub fn compose(facts: &Facts<'_>, audience: Audience) -> Result<Briefing, Error> {
    let Facts { record, district, time_zone, now, .. } = facts;
    let before = record.period.before()?;
    let seen = |concerns: Concerns| audience == Audience::District || concerns == Concerns::Nobody;
    let overdue: Vec<&OverdueFacts> = facts.overdue.0.iter().filter(|report| seen(report.concerns)).collect();
    let stations = match audience {
        Audience::District => facts.stations.iter().map(|station| station_row(station, district, &overdue)).collect(),
        Audience::Stations => Vec::new(),
    };
    let course = facts.course.iter().map(|(days, figures)| CourseStep {
        days: *days,
        submitted: sum(&figures.submitted),
        adopted: sum(&figures.adopted),
    });
    Ok(Briefing {
        format: FORMAT,
        id: record.id,
        audience,
        origin: record.origin,
        district: record.district.clone(),
        name: district.name.clone(),
        time_zone: time_zone.iana_name().unwrap_or("UTC").to_owned(),
        period: record.period,
        before,
        made_at: *now,
        figures: Account::of(&facts.figures, record.period),
        figures_before: Account::of(&facts.before, before),
        outcomes: outcomes(facts),
        stations,
        course: Course { by: facts.by, steps: course.collect() },
        overdue: Listed::of(overdue_reports(&overdue, district, *now), MAX_LISTED, facts.overdue.1),
        notable: Listed::of(
            notable_reports(facts, facts.adopted.0.iter().filter(|report| seen(report.concerns))),
            MAX_LISTED,
            facts.adopted.1,
        ),
        gaps: gaps(&facts.coverage, district),
        tasks: tasks_under_way(facts, audience),
    })
}

/// Whether a report may be notable, by what a list shows of it: it is adopted or more, and
/// urgent or handed over.
pub fn may_be_notable(state: State, urgency: Urgency) -> bool {
    match state {
        State::Adopted => urgency != Urgency::Routine,
        // Of what is closed only its events say whether it was handed over.
        State::HandedOver | State::Closed => true,
        _ => false,
    }
}

/// Whether a report is open and somebody should have acted by now.
pub fn is_overdue(state: State, due_at: Option<Timestamp>, now: Timestamp) -> bool {
    let open = state.is_review()
        || matches!(state, State::ReturnedByOfficer | State::ReturnedByStation | State::ReturnedByDistrict);
    open && due_at.is_some_and(|due_at| due_at < now)
}

fn name_of(district: &District, node: &NodeId) -> Text {
    district.name_of(node).cloned().unwrap_or_else(|| Text::new(node.as_str(), node.as_str()))
}

fn station_row(station: &StationFacts, district: &District, overdue: &[&OverdueFacts]) -> StationRow {
    StationRow {
        node: station.node.clone(),
        name: name_of(district, &station.node),
        submitted: sum(&station.figures.submitted),
        submitted_before: sum(&station.before.submitted),
        adopted: sum(&station.figures.adopted),
        handed_over: station.figures.handed_over,
        overdue: overdue.iter().filter(|report| station.node.contains(&report.node)).count() as u64,
    }
}

/// Every kind that the district counts, those that nothing was counted of included; and kinds
/// that have left its list, as long as there is something of them.
fn outcomes(facts: &Facts<'_>) -> Vec<OutcomeRow> {
    let every = outcome::KINDS.iter().filter_map(|(label, _)| Label::parse(label).ok());
    let own = facts.district.outcome_kinds.iter().map(|kind| kind.label.clone());
    let mut kinds: Vec<Label> = every.chain(own).collect();
    for kind in facts.figures.outcomes.keys().chain(facts.before.outcomes.keys()) {
        if !kinds.contains(kind) {
            kinds.push(kind.clone());
        }
    }
    let row = |kind: Label| OutcomeRow {
        name: facts.district.outcome_kind(&kind).unwrap_or_else(|| Text::new(kind.as_str(), kind.as_str())),
        count: facts.figures.outcomes.get(&kind).copied().unwrap_or_default(),
        before: facts.before.outcomes.get(&kind).copied().unwrap_or_default(),
        kind,
    };
    kinds.into_iter().map(row).collect()
}

fn overdue_reports(overdue: &[&OverdueFacts], district: &District, now: Timestamp) -> Vec<OverdueReport> {
    let mut sorted = overdue.to_vec();
    sorted.sort_by_key(|report| (report.urgency, report.due_at, report.report));
    let row = |report: &&OverdueFacts| OverdueReport {
        report: report.report,
        category: report.category,
        urgency: report.urgency,
        community: name_of(district, &report.node),
        node: report.node.clone(),
        state: report.state,
        stage: report.stage,
        due_at: report.due_at,
        late_hours: now.duration_since(report.due_at).max(SignedDuration::ZERO).as_hours(),
    };
    sorted.iter().map(row).collect()
}

fn notable_reports<'a>(facts: &Facts<'_>, adopted: impl Iterator<Item = &'a AdoptedFacts>) -> Vec<NotableReport> {
    let day = |at: Timestamp| at.to_zoned(facts.time_zone.clone()).date();
    let row = |report: &AdoptedFacts| {
        let adopted_on = report.adopted_at.iter().map(|at| day(*at)).find(|on| facts.record.period.contains(*on))?;
        if report.urgency == Urgency::Routine && report.handed_over_at.is_empty() {
            return None;
        }
        Some(NotableReport {
            report: report.report,
            category: report.category,
            urgency: report.urgency,
            node: report.node.clone(),
            community: name_of(facts.district, &report.node),
            submitted_on: day(report.submitted_at),
            adopted_on,
            handed_over_on: report.handed_over_at.first().map(|at| day(*at)),
            hand_overs: u32::try_from(report.handed_over_at.len()).unwrap_or(u32::MAX),
            closed_on: report.closed_at.map(day),
            state: report.state,
        })
    };
    let mut rows: Vec<NotableReport> = adopted.filter_map(row).collect();
    rows.sort_by_key(|report| (report.urgency, report.adopted_on, report.report));
    rows
}

fn gaps(coverage: &Coverage, district: &District) -> Gaps {
    let gap = |of: &str, name: Option<&Text>, cell: &Cell| {
        let name = name.cloned().unwrap_or_else(|| Text::new(of, of));
        cell.gap.then(|| Gap { of: of.to_owned(), name, reporters: cell.members, target: cell.target })
    };
    let trade = |label: &Label| district.trades.iter().find(|trade| trade.label == *label).map(|trade| &trade.name);
    let place = |label: &Label| district.places.iter().find(|place| place.label == *label).map(|place| &place.name);
    Gaps {
        communities: coverage
            .communities
            .iter()
            .filter_map(|(node, cell)| gap(node.as_str(), district.name_of(node), cell))
            .collect(),
        trades: coverage.trades.iter().filter_map(|(of, cell)| gap(of.as_str(), trade(of), cell)).collect(),
        places: coverage.places.iter().filter_map(|(of, cell)| gap(of.as_str(), place(of), cell)).collect(),
    }
}

/// Tasks that one station runs are not told to the others.
fn tasks_under_way(facts: &Facts<'_>, audience: Audience) -> Listed<TaskUnderWay> {
    let (tasks, more) = &facts.tasks;
    let told = |of: &&TaskFacts| audience == Audience::District || of.task.node.level() == Level::District;
    let row = |TaskFacts { task, progress }: &TaskFacts| TaskUnderWay {
        task: task.id,
        kind: task.content.kind,
        title: task.content.title.clone(),
        category: task.content.category,
        priority: task.content.priority,
        state: task.state(facts.now),
        starts_at: task.content.starts_at,
        ends_at: task.content.ends_at,
        places: task.content.scope.nodes.iter().map(|node| name_of(facts.district, node)).collect(),
        in_scope: progress.in_scope.members,
        read: progress.read.members,
        answered: progress.answered.members,
    };
    let mut items: Vec<TaskUnderWay> = tasks.iter().filter(told).map(row).collect();
    items.sort_by_key(|task| (task.ends_at, task.task));
    // Nobody has looked whose those are that are not listed.
    match audience {
        Audience::District => Listed { items, more: *more, complete: true },
        Audience::Stations => Listed { items, more: 0, complete: *more == 0 },
    }
}

/// The stations of a district.
pub fn stations(district: &District) -> impl Iterator<Item = &NodeId> {
    district.nodes.iter().map(|place| &place.node).filter(|node| node.level() == Level::Station)
}

/// What a category is called.
pub fn category_name(category: Category) -> Text {
    match category {
        Category::Crime => Text::new("违法犯罪", "Crime"),
        Category::ViolentThreat => Text::new("暴恐威胁", "Violent threat"),
        Category::Hazard => Text::new("安全隐患", "Hazard"),
        Category::Dispute => Text::new("矛盾纠纷", "Dispute"),
        Category::CommunityConcern => Text::new("社情民意", "Community concern"),
    }
}

/// What an urgency is called.
pub fn urgency_name(urgency: Urgency) -> Text {
    match urgency {
        Urgency::Emergency => Text::new("紧急", "Emergency"),
        Urgency::Urgent => Text::new("加急", "Urgent"),
        Urgency::Routine => Text::new("一般", "Routine"),
    }
}

/// What a stage is called in a table.
pub fn stage_name(stage: Stage) -> Text {
    match stage {
        Stage::Officer => Text::new("社区民警", "Officer"),
        Stage::Station => Text::new("派出所（街道）", "Station"),
        Stage::District => Text::new("分局（区）", "District"),
    }
}

/// What a reason not to adopt a report is called in a table.
pub fn reason_name(reason: RejectionReason) -> Text {
    match reason {
        RejectionReason::InsufficientInformation => Text::new("信息不足", "Too little to go on"),
        RejectionReason::NotConfirmed => Text::new("未能证实", "Could not be confirmed"),
        RejectionReason::AlreadyKnown => Text::new("此前已掌握", "Known already"),
        RejectionReason::AnotherService => Text::new("其他部门受理", "For another service"),
        RejectionReason::Unfounded => Text::new("情况不属实", "Unfounded"),
        RejectionReason::OutOfScopeLawfulActivity => Text::new("合法行为，不受理", "Lawful activity, out of scope"),
        RejectionReason::SentByMistake => Text::new("误报或测试", "Sent by mistake"),
    }
}

/// What a state is called in a table.
pub fn state_name(state: State) -> Text {
    match state {
        State::OfficerReview => Text::new("社区民警审核中", "With the officer"),
        State::StationReview => Text::new("派出所审核中", "With the station"),
        State::DistrictReview => Text::new("分局审核中", "With the district"),
        State::ReturnedByOfficer | State::ReturnedByStation | State::ReturnedByDistrict => {
            Text::new("待信息员答复", "Waits for the reporter")
        }
        State::Rejected => Text::new("未采用", "Not adopted"),
        State::Duplicate => Text::new("重复", "Duplicate"),
        State::Withdrawn => Text::new("已撤回", "Withdrawn"),
        State::Adopted => Text::new("已采用", "Adopted"),
        State::HandedOver => Text::new("已移交", "Handed over"),
        State::Closed => Text::new("已办结", "Closed"),
    }
}

/// What a kind of task is called.
pub fn task_kind_name(kind: TaskKind) -> Text {
    match kind {
        TaskKind::Task => Text::new("任务", "Task"),
        TaskKind::SafetyEducation => Text::new("安全教育", "Safety education"),
        TaskKind::WorkHint => Text::new("工作提示", "Work hint"),
    }
}
