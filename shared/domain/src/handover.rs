//! The hand-over, 流转 / 移交: an adopted report is passed to an agency or to another district,
//! as a minimised extract.
//!
//! [`TABLE`] says which side takes which step in which state, and [`step`] is its only reader.
//! The events of a hand-over form a chain, like those of a report. What people wrote stands in
//! the hand-over itself, and its events only commit to it: when the hand-over is recalled, all
//! of it goes, and the chain still verifies.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    calendar::Policy,
    code::Code,
    command::CommandId,
    content::Content,
    decide::Context,
    district::{District, Label},
    error::{Error, FieldError, Refusal},
    event::BrokenChain,
    hash::Digest,
    life::Stage,
    media::{MediaId, MediaRef, Rendition},
    member::{Member, MemberId, Role},
    named::{Named as _, named},
    notice::Audience,
    report::{Category, Concerns, MAX_MESSAGE_CHARS, MAX_TEXT_CHARS, Place, Report, ReportId, Urgency, check_text},
    territory::{Level, NodeId},
    text::Text,
};

/// The identifier of a hand-over is a code of its own: it does not lead to the report.
pub type HandoverId = Code;

/// The most receivers of one command.
pub const MAX_RECEIVERS: usize = 10;
/// The most hand-overs of one report over its whole life.
pub const MAX_HANDOVERS: usize = 20;
/// The longest deadline, in hours.
pub const MAX_DEADLINE_HOURS: u16 = 400;
/// The most texts that one hand-over holds beside what is asked. It keeps a hand-over a small record.
pub const MAX_WORDS: usize = 20;
/// How long a receiver has to erase what was recalled, in working hours.
pub const ERASE_HOURS: u16 = 24;
/// How many calls because of one deadline come one soon after the other: one reminds, the others
/// escalate. After them the clock goes on for as long as the deadline is missed, and slower: what is
/// still late is not forgotten, and who knows of it is not told of it every day.
pub const QUICK_CALLS: u8 = 5;
/// The longest time between two of those calls, in hours of work, or of an emergency by the clock.
const CALL_HOURS: u16 = 8;
/// The time between two calls after them, likewise: five working days.
pub const SLOW_CALL_HOURS: u16 = 40;

/// To whom a report is handed over.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "to", rename_all = "snake_case")]
pub enum Receiver {
    /// An agency of the district's list.
    Agency {
        /// Its label.
        agency: Label,
    },
    /// Another district.
    District {
        /// Its node.
        district: NodeId,
    },
}

named! {
    /// Where a hand-over is in its life.
    pub enum HandoverState {
        /// Waits for the receiver.
        Offered = "offered",
        /// The receiver has asked back.
        Asked = "asked",
        /// The receiver acts on it.
        Accepted = "accepted",
        /// The receiver has refused it, with a reason.
        Refused = "refused",
        /// The receiver is done with it.
        Completed = "completed",
        /// Called back: its extract is erased, here and by the receiver.
        Recalled = "recalled",
    }
}

named! {
    /// What can be done with a hand-over.
    pub enum HandoverAction {
        /// It is made.
        Offer = "offer",
        /// The receiver opens it for the first time: its receipt.
        Receive = "receive",
        /// The receiver takes it on.
        Accept = "accept",
        /// The receiver does not take it on.
        Refuse = "refuse",
        /// The receiver asks back.
        Ask = "ask",
        /// The district answers.
        Answer = "answer",
        /// The receiver is done.
        Complete = "complete",
        /// The district calls it back: everything that it says is erased.
        Recall = "recall",
        /// The receiver says that everything was erased there as well.
        ConfirmErasure = "confirm_erasure",
        /// The platform has erased the receiving district's own copy.
        EraseCopy = "erase_copy",
        /// Its deadline has passed: who has to act is reminded.
        Remind = "remind",
        /// Its deadline has long passed: the district that handed it over is told.
        Escalate = "escalate",
    }
}

named! {
    /// On which side of a hand-over somebody stands.
    pub enum HandoverSide {
        /// The district that hands over.
        Sender = "sender",
        /// The agency or the district that is to act.
        Receiver = "receiver",
        /// The platform's own clock.
        Clock = "clock",
    }
}

named! {
    /// Why a hand-over is recalled. A closed list: a recall erases every text, and would have to
    /// erase its own reason.
    pub enum RecallReason {
        /// It is for somebody else.
        WrongReceiver = "wrong_receiver",
        /// Nothing has to be done any more; also when the report was withdrawn, or linked to another.
        NotNeeded = "not_needed",
        /// The report was looked into and is not so.
        Unfounded = "unfounded",
        /// The content of the report was erased.
        ContentErased = "content_erased",
    }
}

impl RecallReason {
    /// What the receiver is told.
    pub fn text(self) -> Text {
        match self {
            Self::WrongReceiver => Text::new("应由其他单位办理。", "It is for somebody else to act on."),
            Self::NotNeeded => Text::new("已无需办理。", "Nothing has to be done any more."),
            Self::Unfounded => Text::new("经核查，情况不属实。", "The report was looked into and is not so."),
            Self::ContentErased => Text::new("原线索内容已删除。", "The content of the report was erased."),
        }
    }

    /// Whether a person can give it; the others the platform gives by itself.
    pub fn is_for_people(self) -> bool {
        self != Self::ContentErased
    }
}

named! {
    /// What somebody wrote in a hand-over.
    pub enum WordsKind {
        /// What the receiver asks back.
        Question = "question",
        /// What the district answers.
        Answer = "answer",
        /// Why it was refused.
        Refusal = "refusal",
        /// What was done.
        Result = "result",
        /// A note to what was done.
        Note = "note",
    }
}

/// What the receiver is given of a report: the fields that were chosen, and never the reporter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extract {
    /// What was seen or found, as the district words it for the receiver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// When it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_at: Option<Timestamp>,
    /// The media whose clean copies the receiver may open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<MediaRef>,
}

/// Something that one side wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// The event that it belongs to.
    pub seq: u64,
    /// What it is.
    pub kind: WordsKind,
    /// Which side wrote it.
    pub side: HandoverSide,
    /// The text.
    pub text: String,
    /// What keeps the commitment from being guessed.
    pub salt: Digest,
}

impl Words {
    /// The commitment of an event to it.
    pub fn commit(&self) -> Result<Digest, Error> {
        commit(&self)
    }
}

fn commit<T: Serialize>(of: &T) -> Result<Digest, Error> {
    let bytes = serde_json::to_vec(of).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(Digest::of(&[b"words of a hand-over", &bytes]))
}

/// A hand-over as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// Its code.
    pub id: HandoverId,
    /// Rises by one with each event; what the API shows as the `ETag`.
    pub version: u64,
    /// The hash of its newest event.
    pub head: Digest,
    /// The report that was handed over.
    pub report: ReportId,
    /// The pseudonym of its reporter, so that no text for the receiver names it; gone with the texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pseudonym: Option<Code>,
    /// The district that hands over.
    pub district: NodeId,
    /// The community of the report.
    pub node: NodeId,
    /// What the report is about.
    pub category: Category,
    /// How fast it has to be dealt with.
    pub urgency: Urgency,
    /// Whether the report names those who would review it.
    pub concerns: Concerns,
    /// To whom.
    pub receiver: Receiver,
    /// What the receiver is asked to do; empty once it was erased.
    pub asks: String,
    /// What the receiver is given; none once it was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extract: Option<Extract>,
    /// What keeps the commitment to what is asked and given from being guessed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<Digest>,
    /// What both sides wrote, oldest first; empty once it was erased.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<Words>,
    /// Where it is in its life.
    pub state: HandoverState,
    /// The time that the receiver was given, in working hours, or of an emergency by the clock.
    pub deadline_hours: u16,
    /// By when the receiver is expected to be done.
    pub due_at: Timestamp,
    /// When the receiver first opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_at: Option<Timestamp>,
    /// Who opened it first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_by: Option<MemberId>,
    /// When the receiver took it on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_at: Option<Timestamp>,
    /// The receiving district's own copy of the report, if it made one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<ReportId>,
    /// When that copy was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_erased_at: Option<Timestamp>,
    /// Why it was recalled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recall_reason: Option<RecallReason>,
    /// When it was recalled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recalled_at: Option<Timestamp>,
    /// By when the receiver has to have erased it; none where the receiver has never opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erase_by: Option<Timestamp>,
    /// When the receiver confirmed that it was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<Timestamp>,
    /// Who confirmed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_by: Option<MemberId>,
    /// How often the clock has called because of the deadline that runs; it counts no further than it can.
    #[serde(default)]
    pub calls: u8,
    /// When the clock looks at it next; none when nothing is due any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_at: Option<Timestamp>,
    /// Who handed it over.
    pub made_by: MemberId,
    /// The command that made it.
    pub created_by: CommandId,
    /// When.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Something that happened to a hand-over. It holds no text and does not name the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandoverEvent {
    /// The hand-over.
    pub handover: HandoverId,
    /// Its place in the history, from 1; the hand-over's version once it happened.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who did it.
    pub actor: MemberId,
    /// In which role.
    pub role: Role,
    /// On which side.
    pub side: HandoverSide,
    /// What was done.
    pub action: HandoverAction,
    /// The state before; none for the first event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<HandoverState>,
    /// The state after.
    pub to: HandoverState,
    /// The district that hands over.
    pub district: NodeId,
    /// To whom it is handed over.
    pub receiver: Receiver,
    /// What the report is about.
    pub category: Category,
    /// How fast it has to be dealt with.
    pub urgency: Urgency,
    /// By when the receiver is expected to be done.
    pub due_at: Timestamp,
    /// Commitments to what was written with it, and in the first event to what is asked and given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<Digest>,
    /// Why it was recalled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<RecallReason>,
    /// By when the receiver has to have erased it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erase_by: Option<Timestamp>,
    /// The hash of the event before; zeros for the first.
    pub previous: Digest,
    /// The hash of this event: of all fields above.
    pub hash: Digest,
}

impl HandoverEvent {
    /// The hash that the fields have.
    pub fn compute_hash(&self) -> Result<Digest, Error> {
        let unsealed = Self { hash: Digest::ZERO, ..self.clone() };
        let bytes = serde_json::to_vec(&unsealed).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(Digest::of(&[b"hand-over event", &bytes]))
    }
}

/// Checks the whole history of a hand-over against the hash of its newest event.
pub fn verify_chain(events: &[HandoverEvent], head: Digest) -> Result<(), BrokenChain> {
    let mut previous = Digest::ZERO;
    for (expected, event) in (1..).zip(events) {
        if event.seq != expected {
            return Err(BrokenChain::Gap { expected, found: event.seq });
        }
        if event.previous != previous {
            return Err(BrokenChain::Unlinked(event.seq));
        }
        if event.compute_hash().ok() != Some(event.hash) {
            return Err(BrokenChain::Altered(event.seq));
        }
        previous = event.hash;
    }
    if previous == head { Ok(()) } else { Err(BrokenChain::Truncated) }
}

/// What was decided: the hand-over after, and the event that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The hand-over after.
    pub handover: Handover,
    /// What happened.
    pub event: HandoverEvent,
}

/// Which fields of a report the receiver is given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Chosen {
    /// What was seen or found, in the words of the district.
    pub text: Option<String>,
    /// Whether the place is given.
    pub place: bool,
    /// Whether it is given when it was seen.
    pub observed_at: bool,
    /// Which of its media.
    pub media: Vec<MediaId>,
}

/// What a district wants handed over, to whom.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct HandOver {
    /// To whom.
    pub receivers: Vec<Receiver>,
    /// What they are asked to do.
    pub asks: String,
    /// How long they are given, in working hours, or for an emergency by the clock.
    pub deadline_hours: u16,
    /// What they are given.
    pub extract: Chosen,
    /// For the reviewers of the report.
    pub note: Option<String>,
    /// What it is decided on beside the report.
    #[serde(skip)]
    pub beside: Beside,
}

/// What a hand-over is decided on beside the report, put in from what was loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beside {
    /// The codes that the hand-overs get, in the order of the receivers.
    pub codes: Vec<HandoverId>,
    /// What was sent in.
    pub content: Option<Content>,
    /// The lists of the district.
    pub district: Option<District>,
    /// The other districts that there are among the receivers.
    pub districts: Vec<NodeId>,
}

impl HandOver {
    /// Checks the limits; the note is checked with all notes.
    pub fn validate(&self, bad: &mut Vec<FieldError>) {
        if !(1..=MAX_RECEIVERS).contains(&self.receivers.len()) {
            bad.push(FieldError::new("/receivers", format!("needs 1 to {MAX_RECEIVERS} receivers")));
        }
        for (i, receiver) in self.receivers.iter().enumerate() {
            if self.receivers[..i].contains(receiver) {
                bad.push(FieldError::new(format!("/receivers/{i}"), "is there twice"));
            }
        }
        check_text("/asks", &self.asks, MAX_MESSAGE_CHARS, bad);
        if !(1..=MAX_DEADLINE_HOURS).contains(&self.deadline_hours) {
            bad.push(FieldError::new("/deadline_hours", format!("must be from 1 to {MAX_DEADLINE_HOURS}")));
        }
        if let Some(text) = &self.extract.text {
            check_text("/extract/text", text, MAX_TEXT_CHARS, bad);
        }
        for (i, media) in self.extract.media.iter().enumerate() {
            if self.extract.media[..i].contains(media) {
                bad.push(FieldError::new(format!("/extract/media/{i}"), "is there twice"));
            }
        }
    }

    /// Checks what it stands on: the district's lists, the report and what was sent in.
    fn check(&self, report: &Report, bad: &mut Vec<FieldError>) {
        let own = report.node.at(Level::District);
        for (i, receiver) in self.receivers.iter().enumerate() {
            match receiver {
                Receiver::Agency { agency } => {
                    if self.beside.district.as_ref().is_none_or(|lists| lists.agency(agency).is_none()) {
                        let at = format!("/receivers/{i}/agency");
                        bad.push(FieldError::new(at, "is no agency of the district's list"));
                    }
                }
                Receiver::District { district } => {
                    let at = || format!("/receivers/{i}/district");
                    if own.as_ref() == Some(district) {
                        bad.push(FieldError::new(at(), "is the district of the report itself"));
                    } else if !self.beside.districts.contains(district) {
                        bad.push(FieldError::new(at(), "is no district"));
                    }
                }
            }
        }
        let given = [("/asks", Some(&self.asks)), ("/extract/text", self.extract.text.as_ref())];
        for (at, text) in given.into_iter().filter_map(|(at, text)| Some((at, text?))) {
            check_names_nobody(at, text, report.id, Some(report.pseudonym), bad);
        }
        let content = self.beside.content.as_ref();
        if self.extract.place && content.is_none_or(|content| content.place.is_none()) {
            bad.push(FieldError::new("/extract/place", "cannot be given: the report names no place"));
        }
        if self.extract.observed_at && content.is_none_or(|content| content.observed_at.is_none()) {
            bad.push(FieldError::new("/extract/observed_at", "cannot be given: the report does not say when"));
        }
        for (i, id) in self.extract.media.iter().enumerate() {
            let found = report.media.iter().find(|media| media.id == *id);
            let why = match found {
                None => "is no medium of the report",
                Some(media) if media.rendition(Rendition::Working).is_none() => "has no clean copy",
                Some(_) => continue,
            };
            bad.push(FieldError::new(format!("/extract/media/{i}"), why));
        }
    }

    fn extract(&self, report: &Report) -> Extract {
        let content = self.beside.content.as_ref();
        let chosen = &self.extract;
        let media = chosen.media.iter().filter_map(|id| report.media.iter().find(|media| media.id == *id));
        Extract {
            text: chosen.text.clone(),
            place: content.filter(|_| chosen.place).and_then(|content| content.place.clone()),
            observed_at: content.filter(|_| chosen.observed_at).and_then(|content| content.observed_at),
            media: media.cloned().collect(),
        }
    }
}

/// Whether a text names a code, however it is written: in either case, with letters that codes
/// leave out for those that they are mixed up with, full-width, or with anything in between.
fn names(text: &str, code: Code) -> bool {
    let plain: String = text
        .chars()
        .filter_map(|c| match c {
            '\u{FF10}'..='\u{FF5A}' => char::from_u32(u32::from(c) - 0xFEE0),
            _ => Some(c),
        })
        .filter(char::is_ascii_alphanumeric)
        .map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect();
    plain.contains(code.as_str())
}

/// What leads to the report leads to who sent it in: no text for a receiver names its code or the
/// pseudonym.
fn check_names_nobody(at: &str, text: &str, report: ReportId, pseudonym: Option<Code>, bad: &mut Vec<FieldError>) {
    let codes = [(Some(report), "the code of the report"), (pseudonym, "the reporter's pseudonym")];
    for (code, what) in codes {
        if code.is_some_and(|code| names(text, code)) {
            bad.push(FieldError::new(at, format!("names {what}, which stays within the district")));
        }
    }
}

/// Makes the hand-overs of a report, one for each receiver. Who may do so, the life of the report says.
pub fn offer(report: &Report, actor: &Member, new: &HandOver, context: &Context<'_>) -> Result<Vec<Decided>, Error> {
    let mut bad = Vec::new();
    new.check(report, &mut bad);
    if !bad.is_empty() {
        return Err(Error::Invalid(bad));
    }
    if new.beside.codes.len() != new.receivers.len() {
        return Err(Error::Internal("a hand-over has no code".to_owned()));
    }
    if report.handovers.len() + new.receivers.len() > MAX_HANDOVERS {
        return Err(Refusal::TooManyHandovers.into());
    }
    let district = report.node.at(Level::District).ok_or(Error::NotFound)?;
    let due_at = after_hours(context.policy, report.urgency, new.deadline_hours, context.now);
    let made = new.receivers.iter().zip(&new.beside.codes).enumerate().map(|(i, (receiver, &id))| {
        // No two hand-overs share a salt, so that one receiver's says nothing of another's.
        let salt = Digest::of(&[b"salt", &context.salt, b"hand-over", &i.to_be_bytes()]);
        let extract = new.extract(report);
        let offered = commit(&(&new.asks, &extract, &salt))?;
        let handover = Handover {
            id,
            version: 0,
            head: Digest::ZERO,
            report: report.id,
            pseudonym: Some(report.pseudonym),
            district: district.clone(),
            node: report.node.clone(),
            category: report.category,
            urgency: report.urgency,
            concerns: report.concerns,
            receiver: receiver.clone(),
            asks: new.asks.clone(),
            extract: Some(extract),
            salt: Some(salt),
            words: Vec::new(),
            state: HandoverState::Offered,
            deadline_hours: new.deadline_hours,
            due_at,
            received_at: None,
            received_by: None,
            accepted_at: None,
            copy: None,
            copy_erased_at: None,
            recall_reason: None,
            recalled_at: None,
            erase_by: None,
            erased_at: None,
            erased_by: None,
            calls: 0,
            call_at: Some(due_at),
            made_by: actor.id.clone(),
            created_by: context.command,
            created_at: context.now,
            updated_at: context.now,
        };
        let by = By { actor: &actor.id, role: actor.role, side: HandoverSide::Sender };
        record(handover, None, HandoverAction::Offer, by, vec![offered], context.now)
    });
    made.collect()
}

/// What somebody wants done with a hand-over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// Take it on.
    Accept {
        /// The community for which the receiving district makes its own copy of the report.
        node: Option<NodeId>,
    },
    /// Do not take it on.
    Refuse {
        /// Why.
        reason: String,
    },
    /// Ask back.
    Ask {
        /// What.
        text: String,
    },
    /// Answer what was asked back.
    Answer {
        /// What is answered.
        text: String,
    },
    /// Be done.
    Complete {
        /// What was done.
        done: String,
        /// What else is to be said.
        note: Option<String>,
    },
    /// Call it back.
    Recall {
        /// Why.
        reason: RecallReason,
    },
    /// Confirm that it was erased.
    ConfirmErasure,
}

impl Step {
    /// The row of the table that decides it.
    pub fn action(&self) -> HandoverAction {
        match self {
            Self::Accept { .. } => HandoverAction::Accept,
            Self::Refuse { .. } => HandoverAction::Refuse,
            Self::Ask { .. } => HandoverAction::Ask,
            Self::Answer { .. } => HandoverAction::Answer,
            Self::Complete { .. } => HandoverAction::Complete,
            Self::Recall { .. } => HandoverAction::Recall,
            Self::ConfirmErasure => HandoverAction::ConfirmErasure,
        }
    }

    /// The texts in it, with the pointer of each.
    fn texts(&self) -> Vec<(&'static str, WordsKind, &str)> {
        match self {
            Self::Refuse { reason } => vec![("/reason", WordsKind::Refusal, reason)],
            Self::Ask { text } => vec![("/text", WordsKind::Question, text)],
            Self::Answer { text } => vec![("/text", WordsKind::Answer, text)],
            Self::Complete { done, note } => {
                let note = note.as_ref().map(|note| ("/note", WordsKind::Note, note.as_str()));
                [("/done", WordsKind::Result, done.as_str())].into_iter().chain(note).collect()
            }
            Self::Accept { .. } | Self::Recall { .. } | Self::ConfirmErasure => Vec::new(),
        }
    }
}

/// Where a step leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    /// To this state.
    State(HandoverState),
    /// Nowhere.
    Same,
    /// To where it was when it was asked back.
    Back,
}

/// One row of the table. An open question keeps nobody from what could be done before it.
struct Row {
    action: HandoverAction,
    side: HandoverSide,
    from: &'static [HandoverState],
    to: To,
}

const OPEN: &[HandoverState] = &[HandoverState::Offered, HandoverState::Accepted];
const NOT_RECALLED: &[HandoverState] =
    &[HandoverState::Offered, HandoverState::Accepted, HandoverState::Refused, HandoverState::Completed];
const WAITING: &[HandoverState] = &[HandoverState::Offered, HandoverState::Accepted, HandoverState::Recalled];

/// The life of a hand-over. One row for each action that follows the offer.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    Row { action: HandoverAction::Receive,        side: HandoverSide::Receiver, from: NOT_RECALLED,               to: To::Same },
    Row { action: HandoverAction::Accept,         side: HandoverSide::Receiver, from: &[HandoverState::Offered],  to: To::State(HandoverState::Accepted) },
    Row { action: HandoverAction::Refuse,         side: HandoverSide::Receiver, from: &[HandoverState::Offered],  to: To::State(HandoverState::Refused) },
    Row { action: HandoverAction::Ask,            side: HandoverSide::Receiver, from: OPEN,                       to: To::State(HandoverState::Asked) },
    Row { action: HandoverAction::Answer,         side: HandoverSide::Sender,   from: &[HandoverState::Asked],    to: To::Back },
    Row { action: HandoverAction::Complete,       side: HandoverSide::Receiver, from: &[HandoverState::Accepted], to: To::State(HandoverState::Completed) },
    Row { action: HandoverAction::Recall,         side: HandoverSide::Sender,   from: NOT_RECALLED,               to: To::State(HandoverState::Recalled) },
    Row { action: HandoverAction::ConfirmErasure, side: HandoverSide::Receiver, from: &[HandoverState::Recalled], to: To::Same },
    Row { action: HandoverAction::EraseCopy,      side: HandoverSide::Clock,    from: &[HandoverState::Recalled], to: To::Same },
    Row { action: HandoverAction::Remind,         side: HandoverSide::Clock,    from: WAITING,                    to: To::Same },
    Row { action: HandoverAction::Escalate,       side: HandoverSide::Clock,    from: WAITING,                    to: To::Same },
];

/// Decides one case by the table. `accepted` says whether the receiver had taken it on before, which
/// matters while a question is open.
pub fn step(
    action: HandoverAction,
    side: HandoverSide,
    state: HandoverState,
    accepted: bool,
) -> Result<HandoverState, Error> {
    let before = if accepted { HandoverState::Accepted } else { HandoverState::Offered };
    let row = TABLE.iter().find(|row| row.action == action).ok_or(Refusal::WrongHandoverState)?;
    if row.side != side {
        return Err(Refusal::WrongRole.into());
    }
    let asked_before = state == HandoverState::Asked && action != HandoverAction::Ask && row.from.contains(&before);
    if !row.from.contains(&state) && !asked_before {
        return Err(Refusal::WrongHandoverState.into());
    }
    Ok(match row.to {
        To::State(state) => state,
        To::Same => state,
        To::Back => before,
    })
}

impl Handover {
    /// On which side this member stands; none for whom it does not exist.
    pub fn side_of(&self, member: &Member) -> Option<HandoverSide> {
        let manages = |district: &NodeId| member.role == Role::DistrictManager && member.node == *district;
        let receives = match &self.receiver {
            Receiver::Agency { agency } => {
                member.role == Role::AgencyHandler
                    && member.node == self.district
                    && member.agency.as_ref() == Some(agency)
            }
            Receiver::District { district } => manages(district),
        };
        if receives { Some(HandoverSide::Receiver) } else { manages(&self.district).then_some(HandoverSide::Sender) }
    }

    /// Those of the receiver who are told.
    pub fn receivers(&self) -> Audience {
        match &self.receiver {
            Receiver::Agency { agency } => Audience::Agency { district: self.district.clone(), agency: agency.clone() },
            Receiver::District { district } => Audience::Reviewers { stage: Stage::District, node: district.clone() },
        }
    }

    /// Those of the district that hands over.
    pub fn senders(&self) -> Audience {
        Audience::Reviewers { stage: Stage::District, node: self.district.clone() }
    }

    /// Whether the receiver is late.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        is_overdue(self.state, self.due_at, self.erase_by.filter(|_| self.erased_at.is_none()), now)
    }

    /// What somebody on this side can do with it now: for the console to offer.
    pub fn offered(&self, side: HandoverSide) -> Vec<HandoverAction> {
        let can = |action: HandoverAction| {
            step(action, side, self.state, self.accepted_at.is_some()).is_ok()
                && match action {
                    // The first opening comes by itself.
                    HandoverAction::Receive => false,
                    HandoverAction::ConfirmErasure => self.waits_for_erasure(),
                    _ => true,
                }
        };
        HandoverAction::ALL.iter().copied().filter(|&action| can(action)).collect()
    }

    /// The receiving district's own copy, while it still has to be erased.
    pub fn copy_to_erase(&self) -> Option<ReportId> {
        self.copy.filter(|_| self.state == HandoverState::Recalled && self.copy_erased_at.is_none())
    }

    fn waits_for_erasure(&self) -> bool {
        self.erase_by.is_some() && self.erased_at.is_none()
    }

    /// Whether the receiver may still see what it was given.
    pub fn is_open_to_receiver(&self) -> bool {
        !matches!(self.state, HandoverState::Refused | HandoverState::Recalled)
    }

    /// Erases everything that people wrote and that was taken from the report.
    fn erase(&mut self) {
        self.asks = String::new();
        self.extract = None;
        self.salt = None;
        self.pseudonym = None;
        self.words = Vec::new();
    }
}

/// Whether a receiver is late: with what was asked, or with erasing what was recalled.
pub fn is_overdue(state: HandoverState, due_at: Timestamp, erase_by: Option<Timestamp>, now: Timestamp) -> bool {
    match state {
        HandoverState::Offered | HandoverState::Asked | HandoverState::Accepted => due_at < now,
        HandoverState::Refused | HandoverState::Completed => false,
        HandoverState::Recalled => erase_by.is_some_and(|by| by < now),
    }
}

/// Who acts, and on which side.
#[derive(Debug, Clone, Copy)]
struct By<'a> {
    actor: &'a MemberId,
    role: Role,
    side: HandoverSide,
}

/// The first opening by the receiver; none when it was opened before, or says nothing any more.
pub fn receive(before: &Handover, actor: &Member, now: Timestamp) -> Result<Option<Decided>, Error> {
    if before.received_at.is_some() || before.state == HandoverState::Recalled {
        return Ok(None);
    }
    let by = By { actor: &actor.id, role: actor.role, side: HandoverSide::Receiver };
    step(HandoverAction::Receive, by.side, before.state, before.accepted_at.is_some())?;
    let mut after = before.clone();
    after.received_at = Some(now);
    after.received_by = Some(actor.id.clone());
    record(after, Some(before), HandoverAction::Receive, by, Vec::new(), now).map(Some)
}

/// Takes a step. `copy` is the code of the copy of the report that a district makes for itself.
pub fn take(
    before: &Handover,
    actor: &Member,
    side: HandoverSide,
    wanted: &Step,
    copy: Option<ReportId>,
    context: &Context<'_>,
) -> Result<Decided, Error> {
    let (action, now) = (wanted.action(), context.now);
    let state = step(action, side, before.state, before.accepted_at.is_some())?;
    let mut bad = Vec::new();
    let texts = wanted.texts();
    for (pointer, _, text) in &texts {
        check_text(pointer, text, MAX_MESSAGE_CHARS, &mut bad);
        if side == HandoverSide::Sender {
            check_names_nobody(pointer, text, before.report, before.pseudonym, &mut bad);
        }
    }
    if let Step::Recall { reason } = wanted
        && !reason.is_for_people()
    {
        bad.push(FieldError::new("/reason", "is given by the platform alone"));
    }
    if !bad.is_empty() {
        return Err(Error::Invalid(bad));
    }
    // Questions end before room for answers and results does.
    let room = if action == HandoverAction::Ask { MAX_WORDS / 2 } else { MAX_WORDS };
    if before.words.len() + texts.len() > room && !texts.is_empty() {
        return Err(Refusal::TooManyWords.into());
    }
    let mut after = Handover { state, ..before.clone() };
    let seq = before.version + 1;
    let words: Vec<Words> = (0..)
        .zip(texts)
        .map(|(part, (_, kind, text))| Words {
            seq,
            kind,
            side,
            text: text.to_owned(),
            salt: Content::salt(&context.salt, part),
        })
        .collect();
    let committed = words.iter().map(Words::commit).collect::<Result<Vec<_>, _>>()?;
    after.words.extend(words);
    // Whoever acts on it has received it.
    if side == HandoverSide::Receiver && after.received_at.is_none() {
        after.received_at = Some(now);
        after.received_by = Some(actor.id.clone());
    }
    match wanted {
        Step::Accept { .. } => {
            after.accepted_at = Some(now);
            after.copy = copy;
        }
        Step::Refuse { .. } | Step::Complete { .. } => after.call_at = None,
        Step::Recall { reason } => return recall(before, (&actor.id, actor.role), *reason, context),
        Step::ConfirmErasure => {
            if !before.waits_for_erasure() {
                return Err(Refusal::WrongHandoverState.into());
            }
            // Nobody says that all is gone while it is not.
            if before.copy_to_erase().is_some() {
                return Err(Refusal::CopyNotErased.into());
            }
            after.erased_at = Some(now);
            after.erased_by = Some(actor.id.clone());
            after.call_at = None;
        }
        Step::Ask { .. } | Step::Answer { .. } => {}
    }
    let by = By { actor: &actor.id, role: actor.role, side };
    record(after, Some(before), action, by, committed, now)
}

/// Calls a hand-over back: everything in it is erased, and whoever has seen it has to erase it as well.
pub fn recall(
    before: &Handover,
    (actor, role): (&MemberId, Role),
    reason: RecallReason,
    context: &Context<'_>,
) -> Result<Decided, Error> {
    let side = HandoverSide::Sender;
    let state = step(HandoverAction::Recall, side, before.state, before.accepted_at.is_some())?;
    let mut after = Handover { state, ..before.clone() };
    after.erase();
    after.recall_reason = Some(reason);
    after.recalled_at = Some(context.now);
    // Of what was never opened nothing has left the platform.
    after.erase_by =
        before.received_at.map(|_| context.policy.calendar.after_working_hours(context.now, i64::from(ERASE_HOURS)));
    after.calls = 0;
    // A copy is erased as soon as the clock comes round, if it was not before.
    after.call_at = if after.copy_to_erase().is_some() { Some(context.now) } else { after.erase_by };
    record(after, Some(before), HandoverAction::Recall, By { actor, role, side }, Vec::new(), context.now)
}

/// Says that the receiving district's own copy was erased.
pub fn copy_erased(before: &Handover, now: Timestamp) -> Result<Decided, Error> {
    let side = HandoverSide::Clock;
    step(HandoverAction::EraseCopy, side, before.state, before.accepted_at.is_some())?;
    let mut after = before.clone();
    after.copy_erased_at = Some(now);
    after.call_at = before.erase_by.filter(|_| before.erased_at.is_none());
    let clock = MemberId::clock();
    record(
        after,
        Some(before),
        HandoverAction::EraseCopy,
        By { actor: &clock, role: Role::Clock, side },
        Vec::new(),
        now,
    )
}

/// What the clock does with a hand-over at this moment; none when nothing is due. The first call
/// because of a deadline reminds who has to act, and those after it tell the district that handed
/// over, for as long as the deadline is missed: after [`QUICK_CALLS`] every [`SLOW_CALL_HOURS`].
pub fn come(before: &Handover, now: Timestamp, policy: &Policy) -> Result<Option<Decided>, Error> {
    let due = before.call_at.is_some_and(|at| at <= now);
    if !due || before.copy_to_erase().is_some() {
        return Ok(None);
    }
    let action = if before.calls == 0 { HandoverAction::Remind } else { HandoverAction::Escalate };
    let side = HandoverSide::Clock;
    let Ok(state) = step(action, side, before.state, before.accepted_at.is_some()) else { return Ok(None) };
    let mut after = Handover { state, ..before.clone() };
    after.calls = before.calls.saturating_add(1);
    let (urgency, hours, deadline) = match before.erase_by {
        Some(erase_by) => (Urgency::Routine, ERASE_HOURS, erase_by),
        None => (before.urgency, before.deadline_hours, before.due_at),
    };
    // The first escalation goes by the deadline, however late the reminder was.
    let since = if before.calls == 0 { deadline } else { now };
    let pause = if after.calls < QUICK_CALLS { hours.min(CALL_HOURS) } else { SLOW_CALL_HOURS };
    after.call_at = Some(after_hours(policy, urgency, pause, since));
    let clock = MemberId::clock();
    record(after, Some(before), action, By { actor: &clock, role: Role::Clock, side }, Vec::new(), now).map(Some)
}

/// The moment when so many hours have passed: of work, or in an emergency by the clock.
fn after_hours(policy: &Policy, urgency: Urgency, hours: u16, since: Timestamp) -> Timestamp {
    match urgency {
        Urgency::Emergency => since.checked_add(SignedDuration::from_hours(i64::from(hours))).unwrap_or(since),
        Urgency::Urgent | Urgency::Routine => policy.calendar.after_working_hours(since, i64::from(hours)),
    }
}

fn record(
    mut handover: Handover,
    before: Option<&Handover>,
    action: HandoverAction,
    by: By<'_>,
    words: Vec<Digest>,
    now: Timestamp,
) -> Result<Decided, Error> {
    let mut event = HandoverEvent {
        handover: handover.id,
        seq: handover.version + 1,
        at: now,
        actor: by.actor.clone(),
        role: by.role,
        side: by.side,
        action,
        from: before.map(|before| before.state),
        to: handover.state,
        district: handover.district.clone(),
        receiver: handover.receiver.clone(),
        category: handover.category,
        urgency: handover.urgency,
        due_at: handover.due_at,
        words,
        reason: handover.recall_reason.filter(|_| action == HandoverAction::Recall),
        erase_by: handover.erase_by.filter(|_| action == HandoverAction::Recall),
        previous: handover.head,
        hash: Digest::ZERO,
    };
    event.hash = event.compute_hash()?;
    handover.version = event.seq;
    handover.head = event.hash;
    handover.updated_at = now;
    Ok(Decided { handover, event })
}

/// Whether the hand-over's texts are those that its events commit to. Once they were erased, there
/// is nothing to check.
pub fn check_words(handover: &Handover, events: &[HandoverEvent]) -> Result<bool, Error> {
    if handover.state == HandoverState::Recalled {
        return Ok(handover.asks.is_empty() && handover.extract.is_none() && handover.words.is_empty());
    }
    let mut committed: Vec<(u64, Digest)> = Vec::new();
    if let (Some(extract), Some(salt)) = (&handover.extract, &handover.salt) {
        committed.push((1, commit(&(&handover.asks, extract, salt))?));
    }
    for words in &handover.words {
        committed.push((words.seq, words.commit()?));
    }
    let stated: Vec<_> =
        events.iter().flat_map(|event| event.words.iter().map(|digest| (event.seq, *digest))).collect();
    Ok(committed == stated)
}
