//! What a command does to a report: the new report, its event and its texts, or a refusal.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    calendar::Policy,
    command::CommandId,
    content::{Content, ContentKind, Salt, Side},
    error::{Error, Refusal},
    event::{Event, Held},
    handover::{self, Extract, HandOver, Handover, RecallReason},
    hash::Digest,
    life::{self, Action, Case, RejectionReason, Stage, State, Step},
    media::MediaRef,
    member::{Member, MemberId, Role},
    named::Named as _,
    overdue,
    report::{MAX_CONTENTS, MAX_MEDIA_IN_ALL, MAX_MESSAGE_CHARS, NewReport, Report, ReportId, Urgency, check_text},
    reward_rules::is_adopted,
    territory::NodeId,
};

/// What comes from outside with every command.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The time.
    pub now: Timestamp,
    /// The identity of the command.
    pub command: CommandId,
    /// Fresh random bytes.
    pub salt: Salt,
    /// What the district has decided about time.
    pub policy: &'a Policy,
}

/// What someone wants done with a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Request {
    /// Pass it up.
    Approve {
        /// For the reviewers after.
        note: Option<String>,
    },
    /// Ask the reporter.
    Return {
        /// What is asked.
        question: String,
        /// For the reviewers after.
        note: Option<String>,
    },
    /// Answer the question.
    Answer {
        /// The answer.
        text: String,
        /// Media to attach.
        media: Vec<MediaRef>,
    },
    /// End it with a reason.
    Reject {
        /// Why; the reporter is told.
        reason: RejectionReason,
        /// For the reviewers after.
        note: Option<String>,
    },
    /// Link it to a report of the same matter.
    MarkDuplicate {
        /// The other report.
        original: ReportId,
        /// For the reviewers after.
        note: Option<String>,
    },
    /// Take it back.
    Withdraw,
    /// Take up again what had ended.
    Reopen {
        /// Why, for the reviewers.
        note: String,
    },
    /// Give it back to the stage below.
    SendDown {
        /// What the stage below is to do.
        note: String,
    },
    /// Pass it to agencies or to other districts.
    HandOver(Box<HandOver>),
    /// End it with its outcomes.
    Close {
        /// For the reviewers after.
        note: Option<String>,
    },
    /// Talk with the other side.
    Message {
        /// What is said.
        text: String,
    },
    /// Remind the stage.
    Remind,
    /// Pass it up because the stage did not act.
    Escalate,
    /// Erase what was unfounded.
    Erase,
    /// Erase it, because the district that handed it over has called it back.
    Recall,
}

impl Request {
    /// The row of the table that decides it.
    pub fn action(&self) -> Action {
        match self {
            Self::Approve { .. } => Action::Approve,
            Self::Return { .. } => Action::Return,
            Self::Answer { .. } => Action::Answer,
            Self::Reject { .. } => Action::Reject,
            Self::MarkDuplicate { .. } => Action::MarkDuplicate,
            Self::Withdraw => Action::Withdraw,
            Self::Reopen { .. } => Action::Reopen,
            Self::SendDown { .. } => Action::SendDown,
            Self::HandOver(_) => Action::HandOver,
            Self::Close { .. } => Action::Close,
            Self::Message { .. } => Action::Message,
            Self::Remind => Action::Remind,
            Self::Escalate => Action::Escalate,
            Self::Erase => Action::Erase,
            Self::Recall => Action::Recall,
        }
    }

    /// The texts in it, with the pointer of each in the body of the request.
    fn texts(&self) -> Vec<(&'static str, ContentKind, &str)> {
        fn note(note: Option<&String>) -> Option<(&'static str, ContentKind, &str)> {
            note.map(|note| ("/note", ContentKind::Note, note.as_str()))
        }
        match self {
            Self::Return { question, note: n } => {
                let mut texts = vec![("/question", ContentKind::Question, question.as_str())];
                texts.extend(note(n.as_ref()));
                texts
            }
            Self::Answer { text, .. } => vec![("/text", ContentKind::Answer, text)],
            Self::Message { text } => vec![("/text", ContentKind::Message, text)],
            Self::Reopen { note: n } | Self::SendDown { note: n } => note(Some(n)).into_iter().collect(),
            Self::Approve { note: n }
            | Self::Reject { note: n, .. }
            | Self::MarkDuplicate { note: n, .. }
            | Self::Close { note: n } => note(n.as_ref()).into_iter().collect(),
            Self::HandOver(new) => note(new.note.as_ref()).into_iter().collect(),
            Self::Withdraw | Self::Remind | Self::Escalate | Self::Erase | Self::Recall => Vec::new(),
        }
    }

    /// Checks the limits and names every bad field.
    pub fn validate(&self) -> Result<(), Error> {
        let mut bad = Vec::new();
        for (pointer, _, text) in self.texts() {
            check_text(pointer, text, MAX_MESSAGE_CHARS, &mut bad);
        }
        if let Self::HandOver(new) = self {
            new.validate(&mut bad);
        }
        if bad.is_empty() { Ok(()) } else { Err(Error::Invalid(bad)) }
    }
}

/// What was decided, to be committed as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The report as it is after.
    pub report: Report,
    /// What happened.
    pub event: Event,
    /// The texts that came with it.
    pub contents: Vec<Content>,
    /// What became of hand-overs with it: those that were made, or recalled.
    pub handovers: Vec<handover::Decided>,
}

impl Decided {
    /// Why the report's hand-overs are called back with this; none when they stay.
    pub fn recalls(&self) -> Option<RecallReason> {
        match self.event.action {
            _ if self.event.erases => Some(RecallReason::ContentErased),
            Action::Reject if self.event.reason == Some(RejectionReason::Unfounded) => Some(RecallReason::Unfounded),
            // Its reporter has taken it back, or its matter goes on with another report.
            Action::Withdraw | Action::MarkDuplicate => Some(RecallReason::NotNeeded),
            _ => None,
        }
    }

    /// This, with all of the report's hand-overs called back, if it calls them back. `handovers`
    /// are those of the report, in any order.
    pub fn with_recalls(mut self, handovers: &[Handover], context: &Context<'_>) -> Result<Self, Error> {
        let Some(reason) = self.recalls() else { return Ok(self) };
        // Those who see a hand-over see who has called it back, and never learn who the reporter is.
        let clock = MemberId::clock();
        let by = match self.event.role {
            Role::Reporter => (&clock, Role::Clock),
            role => (&self.event.actor, role),
        };
        for id in &self.report.handovers {
            let Some(before) = handovers.iter().find(|handover| handover.id == *id) else {
                return Err(Error::Internal(format!("the hand-over {id} is not there")));
            };
            // What was recalled before holds nothing any more.
            if before.state != handover::HandoverState::Recalled {
                self.handovers.push(handover::recall(before, by, reason, context)?);
            }
        }
        Ok(self)
    }
}

/// How many writes of the transaction that erases a report are for one of its hand-overs: the
/// hand-over, its event, and the notice to the receiver.
const WRITES_OF_RECALL: usize = 3;
/// How many texts stay possible for those who have to end a report that is talked about, or was
/// handed over, as much as can be.
const TEXTS_TO_END: usize = 10;

/// Takes a new report in. `media` are those that [`crate::media::attach`] allowed, and
/// `id` is one of the command's candidates.
pub fn submit(
    new: NewReport,
    id: ReportId,
    author: &Member,
    media: Vec<MediaRef>,
    context: Context<'_>,
) -> Result<Decided, Error> {
    new.validate(context.now)?;
    let Step { state, stage } = life::step(Case::submission(author.role, new.urgency, new.concerns))?;
    let media_ids = media.iter().map(|media| media.id).collect();
    let content = Content {
        seq: 1,
        part: 0,
        kind: ContentKind::Report,
        side: Side::Reporter,
        stage,
        at: context.now,
        text: new.text,
        place: new.place,
        observed_at: new.observed_at,
        media: media.clone(),
        salt: Content::salt(&context.salt, 0),
    };
    let due_at = context.policy.stage_due(stage, new.urgency, context.now);
    let report = Report {
        id,
        version: 0,
        head: Digest::ZERO,
        reporter: author.id.clone(),
        pseudonym: author.pseudonym,
        node: author.node.clone(),
        category: new.category,
        urgency: new.urgency,
        concerns: new.concerns,
        state,
        stage,
        stage_since: context.now,
        due_at: Some(due_at),
        clock_at: Some(due_at),
        reminders: 0,
        created_at: context.now,
        updated_at: context.now,
        media,
        contents: vec![(1, 0)],
        reason: None,
        duplicate_of: None,
        erased_at: None,
        adopted_at: None,
        erased_media: Vec::new(),
        task: new.task,
        handovers: Vec::new(),
        origin: None,
        created_by: context.command,
    };
    let tells = report.queues();
    let event = draft_event(&report, author, Action::Submit, &context);
    close(report, Event { from: None, tells, media: media_ids, ..event }, vec![content])
}

/// Makes a district's own copy of what another district has handed over to it, for the officer
/// of one of its communities. It goes through the same reviews, and nobody is its reporter: it
/// names no one to be asked, told or rewarded. What names reviewers begins above them here as
/// well: a report can be handed on, and come back to the district of those whom it names.
pub fn submit_copy(
    handover: &Handover,
    extract: &Extract,
    id: ReportId,
    node: NodeId,
    actor: &Member,
    context: Context<'_>,
) -> Result<Decided, Error> {
    let Step { state, stage } = life::step(Case::submission(Role::Reporter, handover.urgency, handover.concerns))?;
    let content = Content {
        seq: 1,
        part: 0,
        kind: ContentKind::Report,
        side: Side::Reviewer,
        stage,
        at: context.now,
        text: extract.text.clone().unwrap_or_else(|| handover.asks.clone()),
        place: extract.place.clone(),
        observed_at: extract.observed_at,
        media: extract.media.clone(),
        salt: Content::salt(&context.salt, 0),
    };
    let due_at = context.policy.stage_due(stage, handover.urgency, context.now);
    let report = Report {
        id,
        version: 0,
        head: Digest::ZERO,
        reporter: MemberId::no_reporter(),
        pseudonym: crate::code::Code::from_digest(&Digest::of(&[b"no reporter", handover.id.as_str().as_bytes()])),
        node,
        category: handover.category,
        urgency: handover.urgency,
        concerns: handover.concerns,
        state,
        stage,
        stage_since: context.now,
        due_at: Some(due_at),
        clock_at: Some(due_at),
        reminders: 0,
        created_at: context.now,
        updated_at: context.now,
        media: extract.media.clone(),
        contents: vec![(1, 0)],
        reason: None,
        duplicate_of: None,
        erased_at: None,
        adopted_at: None,
        erased_media: Vec::new(),
        task: None,
        handovers: Vec::new(),
        origin: Some(handover.id),
        created_by: context.command,
    };
    let tells = report.queues();
    let event = draft_event(&report, actor, Action::Submit, &context);
    close(report, Event { from: None, tells, ..event }, vec![content])
}

/// Decides one request on a report. `original` is the report that
/// [`Request::MarkDuplicate`] names, where it was found.
pub fn decide(
    report: &Report,
    actor: &Member,
    request: Request,
    original: Option<&Report>,
    context: Context<'_>,
) -> Result<Decided, Error> {
    let action = request.action();
    let Step { state, stage } = life::step(Case::of(action, report, actor))?;
    if report.erased_at.is_some() {
        return Err(Refusal::Erased.into());
    }
    check_origin(report, action)?;
    request.validate()?;
    if let Request::Answer { media, .. } = &request
        && report.media.len() + media.len() > MAX_MEDIA_IN_ALL
    {
        return Err(Error::field("/media", format!("would make more than {MAX_MEDIA_IN_ALL} media of one report")));
    }
    let texts = request.texts();
    // Notes and decisions must stay possible, so that a talkative report can be ended.
    let limit = if action == Action::Message { MAX_CONTENTS / 2 } else { MAX_CONTENTS };
    // All of it can be erased in one transaction, with what it was handed over as.
    let recalled = report.handovers.len() * WRITES_OF_RECALL;
    let in_all = if action == Action::Message { MAX_CONTENTS - TEXTS_TO_END } else { MAX_CONTENTS };
    let kept = report.contents.len() + texts.len();
    if !texts.is_empty() && (kept > limit || kept + recalled > in_all) {
        return Err(Refusal::TooManyMessages.into());
    }
    if let Request::HandOver(new) = &request
        && kept + recalled + new.receivers.len() * WRITES_OF_RECALL > MAX_CONTENTS - TEXTS_TO_END
    {
        return Err(Refusal::TooManyHandovers.into());
    }
    if let Request::MarkDuplicate { original: id, .. } = &request {
        check_original(report, actor, *id, original)?;
    }

    let side = if actor.role == Role::Reporter { Side::Reporter } else { Side::Reviewer };
    let contents: Vec<Content> = (0..)
        .zip(texts)
        .map(|(part, (_, kind, text))| Content {
            seq: report.version + 1,
            part,
            kind,
            side,
            stage: actor.role.stage().unwrap_or(report.stage),
            at: context.now,
            text: text.to_owned(),
            place: None,
            observed_at: None,
            media: if let Request::Answer { media, .. } = &request { media.clone() } else { Vec::new() },
            salt: Content::salt(&context.salt, part),
        })
        .collect();

    let mut next = Report { state, stage, updated_at: context.now, ..report.clone() };
    next.contents.extend(contents.iter().map(|content| (content.seq, content.part)));
    let moved = state != report.state;
    if moved {
        begin_state(&mut next, &context);
    }
    if is_adopted(state) && !is_adopted(report.state) {
        next.adopted_at = report.adopted_at.or(Some(context.now));
    }
    let mut event = draft_event(&next, actor, action, &context);
    event.from = Some(report.state);
    event.held = moved.then_some(Held { stage: report.stage, since: report.stage_since });
    event.tells = tells(&next, action, side, moved);
    let mut handovers = Vec::new();
    match request {
        Request::Reject { reason, .. } => {
            next.reason = Some(reason);
            event.reason = Some(reason);
            if reason.erases() {
                // The note of this very decision may repeat what must be erased.
                return erase(next, event, context.now);
            }
            next.clock_at = overdue::erased_at(reason, context.now);
        }
        Request::Remind => {
            next.reminders = report.reminders.saturating_add(1);
            next.clock_at = overdue::after_reminder(&next, context.policy, context.now);
        }
        Request::Erase => {
            // Only what is erased by the clock, whatever the clock says.
            if report.reason.and_then(RejectionReason::erased_after_days).is_none() {
                return Err(Error::WrongState(report.state));
            }
            next.clock_at = None;
            return erase(next, event, context.now);
        }
        Request::Recall => return erase(next, event, context.now),
        Request::MarkDuplicate { original, .. } => {
            next.duplicate_of = Some(original);
            event.duplicate_of = Some(original);
        }
        Request::Answer { media, .. } => {
            event.media = media.iter().map(|media| media.id).collect();
            next.media.extend(media);
        }
        Request::HandOver(new) => {
            handovers = handover::offer(report, actor, &new, &context)?;
            next.handovers.extend(&new.beside.codes);
            event.handovers = new.beside.codes;
        }
        _ => {}
    }
    Ok(Decided { handovers, ..close(next, event, contents)? })
}

/// What a report has anew in each state: since when, by when, and nothing of the state before.
fn begin_state(report: &mut Report, context: &Context<'_>) {
    let Report { state, stage, urgency, .. } = *report;
    report.stage_since = context.now;
    report.due_at = if state.is_review() {
        Some(context.policy.stage_due(stage, urgency, context.now))
    } else if state == stage.returned() {
        Some(context.policy.answer_due(urgency, context.now))
    } else {
        None
    };
    report.clock_at = report.due_at;
    report.reminders = 0;
    report.reason = None;
    report.duplicate_of = None;
}

/// Erases the content of a report with what was decided on it. The note of this very decision may
/// repeat what must be erased.
fn erase(mut next: Report, mut event: Event, now: Timestamp) -> Result<Decided, Error> {
    next.erased_at = Some(now);
    let media = std::mem::take(&mut next.media);
    // The media of a copy are the original's, and go with the original.
    if next.origin.is_none() {
        next.erased_media = media.into_iter().map(|media| media.id).collect();
    }
    next.contents = Vec::new();
    event.erases = true;
    close(next, event, Vec::new())
}

/// A copy of another district's report has no reporter to talk with, and it alone is called back.
fn check_origin(report: &Report, action: Action) -> Result<(), Error> {
    match (action, report.origin) {
        (Action::Return | Action::Message, Some(_)) => Err(Refusal::NoReporter.into()),
        (Action::Recall, None) => Err(Refusal::WrongRole.into()),
        _ => Ok(()),
    }
}

/// The stages whose reviewers are told of an event.
fn tells(next: &Report, action: Action, side: Side, moved: bool) -> Vec<Stage> {
    match action {
        // The stage that did it knows; the one that gets the report is told.
        _ if moved && next.state.is_review() => next.queues(),
        Action::Message if side == Side::Reporter => vec![next.stage],
        // In an emergency those above may act at any time, and see it as well.
        Action::Remind if next.urgency == Urgency::Emergency => {
            Stage::ALL.iter().copied().filter(|&stage| stage >= next.stage).collect()
        }
        Action::Remind => vec![next.stage],
        _ => Vec::new(),
    }
}

/// An original must be one that the reviewer may see, must not have come to nothing, and
/// must itself be no duplicate, so that links never form a circle. The store checks the
/// last again in the transaction, against someone who links the other way round in the
/// same moment.
fn check_original(report: &Report, actor: &Member, id: ReportId, original: Option<&Report>) -> Result<(), Error> {
    let pointer = "/original";
    if id == report.id {
        return Err(Error::field(pointer, "is the report itself"));
    }
    let visible = original.filter(|other| life::Relation::of(actor, other).may_review());
    let Some(other) = visible else {
        return Err(Error::field(pointer, "is no report in your territory"));
    };
    if other.duplicate_of.is_some() {
        return Err(Error::field(pointer, "is itself a duplicate; name the report that it is linked to"));
    }
    if matches!(other.state, State::Rejected | State::Withdrawn) {
        return Err(Error::field(pointer, format!("is {}; a report that came to nothing is no original", other.state)));
    }
    Ok(())
}

fn draft_event(report: &Report, actor: &Member, action: Action, context: &Context<'_>) -> Event {
    Event {
        report: report.id,
        seq: report.version + 1,
        at: context.now,
        actor: actor.id.clone(),
        role: actor.role,
        action,
        from: None,
        to: report.state,
        stage: report.stage,
        tells: Vec::new(),
        node: report.node.clone(),
        category: Some(report.category),
        concerns: report.concerns,
        urgency: report.urgency,
        pseudonym: report.pseudonym,
        due_at: report.due_at,
        held: None,
        reason: None,
        duplicate_of: None,
        agencies: Vec::new(),
        handovers: Vec::new(),
        origin: report.origin,
        media: Vec::new(),
        contents: Vec::new(),
        erases: false,
        command: context.command,
        previous: report.head,
        hash: Digest::ZERO,
    }
}

/// Binds the texts into the event and the event into the report.
fn close(mut report: Report, mut event: Event, contents: Vec<Content>) -> Result<Decided, Error> {
    event.contents = contents.iter().map(Content::commit).collect::<Result<_, _>>()?;
    let event = event.sealed()?;
    report.version = event.seq;
    report.head = event.hash;
    Ok(Decided { report, event, contents, handovers: Vec::new() })
}

/// The deadline job as an actor.
pub fn clock_member(district: crate::territory::NodeId) -> Member {
    Member {
        id: crate::member::MemberId::clock(),
        pseudonym: crate::code::Code::from_digest(&Digest::of(&[b"clock"])),
        role: Role::Clock,
        node: district,
        body: None,
        agency: None,
        state: crate::member::MemberState::Active,
    }
}

/// What a reviewer may do with a report, as the table has it: for the console to offer.
pub fn offered(report: &Report, actor: &Member) -> Vec<Action> {
    if report.erased_at.is_some() {
        return Vec::new();
    }
    let can = |action| life::step(Case::of(action, report, actor)).is_ok() && check_origin(report, action).is_ok();
    Action::ALL.iter().copied().filter(|&action| can(action)).collect()
}
