//! Outcomes, 成效: what came of reports, as the statistics count it.
//!
//! An outcome is counted once, however many reports led to it. It is never edited: a correction
//! is a new event, which says what was counted before and what is counted from then on. What can
//! be done with one, by whom and when, is in [`crate::outcome_life`].

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    code::Code,
    command::CommandId,
    content::Salt,
    district::{District, Label},
    error::{Error, FieldError},
    handover::{HandoverId, Receiver},
    hash::Digest,
    life::{RejectionReason, Relation, State},
    member::{Body, Member, MemberId, Role},
    membership::Profile,
    named::named,
    report::{Category, Concerns, MAX_MESSAGE_CHARS, Report, ReportId, check_text},
    territory::{Level, NodeId},
    text::Text,
};

/// The identifier of an outcome is a code.
pub type OutcomeId = Code;

/// The most that one outcome counts.
pub const MAX_COUNT: u32 = 10_000;
/// The most reports that are said to have led to one outcome.
pub const MAX_REPORTS: usize = 20;
/// The longest evidence note or reason, in characters.
pub const MAX_NOTE_CHARS: usize = MAX_MESSAGE_CHARS;
/// The year before which nothing that is counted came about.
pub const FIRST_YEAR: i16 = 2000;

/// The kinds of outcome that every district counts: label, Chinese, English.
pub const KINDS: [(&str, (&str, &str)); 5] = [
    ("suspects_arrested", ("抓获犯罪嫌疑人", "Suspects arrested")),
    ("cases_solved", ("破获案件", "Cases solved")),
    ("early_warnings", ("预警事件", "Incidents warned of early")),
    ("disputes_settled", ("化解矛盾纠纷", "Disputes settled")),
    ("hazards_removed", ("消除安全隐患", "Hazards removed")),
];

/// What a kind that every district counts is called; none for all others.
pub fn kind_name(kind: &Label) -> Option<Text> {
    KINDS.iter().find(|(label, _)| *label == kind.as_str()).map(|(_, (zh, en))| Text::new(*zh, *en))
}

/// What the statistics count of an outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Of what kind it is.
    pub kind: Label,
    /// How many: suspects, cases, incidents, disputes, hazards.
    pub count: u32,
    /// The day on which it came about, in the district's time zone. It is counted on this day.
    pub on: Date,
    /// The community of the report that led to it first; it is counted there.
    pub node: NodeId,
    /// What that report is about.
    pub category: Category,
    /// Whether that report names those who would review it: for nodes below the one that may
    /// see it, the outcome is not counted.
    pub concerns: Concerns,
}

named! {
    /// What can be done with an outcome.
    pub enum OutcomeAction {
        /// Say that it came about.
        Record = "record",
        /// 确认: from now on it counts.
        Confirm = "confirm",
        /// It did not come about, or is counted already.
        Refuse = "refuse",
        /// Another report has led to it as well; it counts once all the same.
        Link = "link",
        /// Count it differently from now on.
        Correct = "correct",
    }
}

named! {
    /// Where an outcome is in its life. A correction that waits changes nothing of it.
    pub enum OutcomeState {
        /// Was recorded, and waits to be confirmed for the first time.
        Proposed = "proposed",
        /// It counts.
        Confirmed = "confirmed",
        /// Was not confirmed.
        Refused = "refused",
        /// Has counted, and does not count any more.
        Annulled = "annulled",
    }
}

/// What somebody says came about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Of what kind it is.
    pub kind: Label,
    /// How many; 0 in a correction that says that it did not come about.
    pub count: u32,
    /// The day on which it came about, in the district's time zone.
    pub on: Date,
}

impl Claim {
    /// Checks it against the lists of the district, and names every bad field. `least` is the
    /// smallest count, and `today` the day in the district.
    pub fn check(&self, district: &District, least: u32, today: Date, bad: &mut Vec<FieldError>) {
        if district.outcome_kind(&self.kind).is_none() {
            bad.push(FieldError::new("/kind", "is no kind of outcome that this district counts"));
        }
        if !(least..=MAX_COUNT).contains(&self.count) {
            bad.push(FieldError::new("/count", format!("must be from {least} to {MAX_COUNT}")));
        }
        if self.on > today {
            bad.push(FieldError::new("/on", "lies in the future"));
        } else if self.on.year() < FIRST_YEAR {
            bad.push(FieldError::new("/on", format!("lies before {FIRST_YEAR}")));
        }
    }
}

/// A claim that waits to be confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// What is to count once it is confirmed.
    pub claim: Claim,
    /// Who said so, and therefore does not confirm it.
    pub by: MemberId,
    /// When.
    pub at: Timestamp,
}

/// A report that led to an outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lead {
    /// The report.
    pub report: ReportId,
    /// Its community.
    pub node: NodeId,
    /// What it is about.
    pub category: Category,
    /// Whether it names those who would review it.
    pub concerns: Concerns,
    /// The hand-over by which it was named, and to whom it went: who acted on a hand-over knows
    /// nothing of the report but that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handover: Option<(HandoverId, Receiver)>,
}

impl Lead {
    /// A report that was named by its code.
    pub fn of(report: &Report) -> Self {
        Self {
            report: report.id,
            node: report.node.clone(),
            category: report.category,
            concerns: report.concerns,
            handover: None,
        }
    }

    /// Whether staff of this role and node may review the report.
    pub fn is_reviewed_by(&self, member: &Member) -> bool {
        may_review(member, &self.node, self.concerns)
    }
}

/// Whether staff of this role and node may review what came from there and names those.
pub fn may_review(member: &Member, node: &NodeId, concerns: Concerns) -> bool {
    let in_territory = member.node.contains(node);
    Relation::between(member.role, in_territory, concerns.first_stage(), concerns).may_review()
}

/// An outcome as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Its code.
    pub id: OutcomeId,
    /// Rises by one with each event; what the API shows as the `ETag`.
    pub version: u64,
    /// The hash of its newest event.
    pub head: Digest,
    /// The district that counts it.
    pub district: NodeId,
    /// Where it is in its life.
    pub state: OutcomeState,
    /// What it says: what was confirmed last, or what was recorded when nothing was.
    pub claim: Claim,
    /// What is counted; none for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<Counted>,
    /// What waits to be confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal: Option<Proposal>,
    /// The community of the report that led to it first; it counts there.
    pub node: NodeId,
    /// What that report is about.
    pub category: Category,
    /// Whether that report names those who would review it.
    pub concerns: Concerns,
    /// The reports that led to it, that one first.
    pub leads: Vec<Lead>,
    /// Who recorded it.
    pub recorded_by: MemberId,
    /// The agency, or the other district, for which they did; none for the district's own staff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receiver: Option<Receiver>,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was confirmed for the first time. No correction moves it, so that it counts in one
    /// period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<Timestamp>,
    /// The command that recorded it.
    pub created_by: CommandId,
}

named! {
    /// How a member stands to an outcome.
    pub enum Standing {
        /// Confirms outcomes in the district that counts it.
        Confirms = "confirms",
        /// May review a report that led to it.
        Reviews = "reviews",
        /// Works where it was recorded by a hand-over.
        Received = "received",
        /// Reads what the district counts.
        Audits = "audits",
        /// Has no part in it: it does not exist for them.
        Stranger = "stranger",
    }
}

impl Outcome {
    /// How a member stands to it.
    pub fn standing(&self, member: &Member) -> Standing {
        if self.district.contains(&member.node) {
            match member.role {
                Role::DistrictManager => return Standing::Confirms,
                Role::Officer | Role::StationManager if self.leads.iter().any(|lead| lead.is_reviewed_by(member)) => {
                    return Standing::Reviews;
                }
                Role::Auditor if self.leads.iter().any(|lead| member.node.contains(&lead.node)) => {
                    return Standing::Audits;
                }
                _ => {}
            }
        }
        let received = self.receiver.as_ref().is_some_and(|receiver| acts_for(receiver, &self.district, member));
        if received { Standing::Received } else { Standing::Stranger }
    }

    /// A member as they act on it at this moment: as themselves, or where they have no part in it
    /// themselves, in the place of an absent reviewer who has.
    pub fn acting(&self, profile: &Profile, now: Timestamp) -> Member {
        let has_part = |member: &Member| self.standing(member) != Standing::Stranger;
        let own = profile.member.clone();
        if has_part(&own) {
            return own;
        }
        let mut acting = self.leads.iter().map(|lead| profile.acting_at(&lead.node, now));
        acting.find(has_part).unwrap_or(own)
    }

    /// Whether staff of the district who have no part in it yet may be told that there is one:
    /// nobody is whose stage a report names that led to it, wherever they are.
    pub fn is_hinted_to(&self, member: &Member) -> bool {
        self.district.contains(&member.node) && self.leads.iter().all(|lead| is_at_or_above(member, lead.concerns))
    }
}

/// Whether a report has come to where nothing that was written of it may stay: its content was erased,
/// or it was looked into and is not so. An outcome of which no report is left keeps no text.
pub fn leaves_no_text(report: &Report) -> bool {
    let unfounded = report.state == State::Rejected && report.reason == Some(RejectionReason::Unfounded);
    report.erased_at.is_some() || unfounded
}

/// Whether a member's stage is none of those that a report names.
pub fn is_at_or_above(member: &Member, concerns: Concerns) -> bool {
    member.role.stage().is_some_and(|stage| stage >= concerns.first_stage())
}

/// Whether a member acts for those to whom this district handed something over.
pub fn acts_for(receiver: &Receiver, district: &NodeId, member: &Member) -> bool {
    match receiver {
        Receiver::Agency { agency } => {
            member.role == Role::AgencyHandler
                && member.agency.as_ref() == Some(agency)
                && member.node.at(Level::District).as_ref() == Some(district)
        }
        Receiver::District { district: other } => member.role == Role::DistrictManager && member.node == *other,
    }
}

named! {
    /// What a text of an outcome is.
    pub enum NoteKind {
        /// By what it is known.
        Evidence = "evidence",
        /// Why it was refused.
        Reason = "reason",
    }
}

/// A text that somebody wrote of an outcome, kept apart from its event so that it can be erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The event it belongs to.
    pub seq: u64,
    /// What it is.
    pub kind: NoteKind,
    /// The text.
    pub text: String,
    /// What keeps the commitment from being guessed.
    pub salt: Digest,
}

impl Note {
    /// The note of an event of a command that drew `salt`.
    pub fn new(seq: u64, kind: NoteKind, text: &str, salt: &Salt) -> Self {
        Self { seq, kind, text: text.trim().to_owned(), salt: Digest::of(&[b"outcome note salt", salt]) }
    }

    /// The commitment to it.
    pub fn commit(&self) -> Result<Digest, Error> {
        let bytes = serde_json::to_vec(self).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(Digest::of(&[b"outcome note", &bytes]))
    }
}

/// Checks a text of an outcome.
pub fn check_note(pointer: &str, text: &str, bad: &mut Vec<FieldError>) {
    check_text(pointer, text, MAX_NOTE_CHARS, bad);
}

/// Something that happened to an outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeEvent {
    /// The outcome.
    pub outcome: OutcomeId,
    /// Its place in the outcome's history, from 1; the outcome's version once it happened.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who did it.
    pub actor: MemberId,
    /// In which role.
    pub role: Role,
    /// For which body of the district.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    /// For which agency or other district.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receiver: Option<Receiver>,
    /// What was done.
    pub action: OutcomeAction,
    /// The state after.
    #[serde(default = "proposed")]
    pub state: OutcomeState,
    /// What was said to have come about, when it was recorded or corrected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// The reports that were said to have led to it, when it was recorded or linked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leads: Vec<Lead>,
    /// What was counted until then, if the event changed that; none for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Counted>,
    /// What is counted from then on, if the event changed that; none for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Counted>,
    /// The commitment to the text that came with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Digest>,
    /// The command that caused it.
    pub command: CommandId,
    /// The hash of the event before; zeros for the first.
    pub previous: Digest,
    /// The hash of this event: of all fields above.
    pub hash: Digest,
}

fn proposed() -> OutcomeState {
    OutcomeState::Proposed
}

impl OutcomeEvent {
    /// The hash that the fields have.
    pub fn compute_hash(&self) -> Result<Digest, Error> {
        let unsealed = Self { hash: Digest::ZERO, ..self.clone() };
        let bytes = serde_json::to_vec(&unsealed).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(Digest::of(&[b"outcome event", &bytes]))
    }
}

/// The events of an outcome that somebody can no longer rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the history of the outcome is broken at event {0}")]
pub struct BrokenHistory(pub u64);

/// Checks the whole history of an outcome, oldest first, against the hash of its newest event.
pub fn verify_history(events: &[OutcomeEvent], head: Digest) -> Result<(), BrokenHistory> {
    let mut previous = Digest::ZERO;
    for (expected, event) in (1..).zip(events) {
        if event.seq != expected || event.previous != previous || event.compute_hash().ok() != Some(event.hash) {
            return Err(BrokenHistory(expected));
        }
        previous = event.hash;
    }
    if previous == head { Ok(()) } else { Err(BrokenHistory(events.len() as u64)) }
}
