//! What can be done with an outcome, by whom and when, as one table.
//!
//! [`TABLE`] says for every action in which states it can be taken and by whom; [`record`] and
//! [`step`] are its only readers. An outcome counts only once somebody else than who said so has
//! confirmed it, and so it is with each correction.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    command::CommandId,
    content::Salt,
    district::District,
    error::{Error, FieldError, Refusal},
    handover::{Handover, HandoverId, HandoverState},
    hash::Digest,
    life::{Relation, State},
    member::{Member, MemberId, Role},
    membership::Profile,
    outcome::{
        Claim, Counted, Lead, MAX_REPORTS, Note, NoteKind, Outcome, OutcomeAction, OutcomeEvent, OutcomeId,
        OutcomeState, Proposal, Standing, acts_for, check_note,
    },
    report::{Report, ReportId},
};

/// The roles that record outcomes.
pub const RECORDERS: [Role; 4] = [Role::Officer, Role::StationManager, Role::DistrictManager, Role::AgencyHandler];

/// One row of the table.
struct Row {
    action: OutcomeAction,
    from: &'static [OutcomeState],
    /// Whether something has to wait for it.
    waits: bool,
    by: &'static [Standing],
}

const STANDING: &[OutcomeState] = &[OutcomeState::Proposed, OutcomeState::Confirmed];
const NOT_REFUSED: &[OutcomeState] = &[OutcomeState::Proposed, OutcomeState::Confirmed, OutcomeState::Annulled];
const DISTRICT: &[Standing] = &[Standing::Confirms];
const EVERY_PART: &[Standing] = &[Standing::Confirms, Standing::Reviews, Standing::Received];

/// What can be done with an outcome. One row for each action but the first.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    Row { action: OutcomeAction::Confirm, from: NOT_REFUSED, waits: true,  by: DISTRICT },
    Row { action: OutcomeAction::Refuse,  from: NOT_REFUSED, waits: true,  by: DISTRICT },
    Row { action: OutcomeAction::Link,    from: STANDING,    waits: false, by: EVERY_PART },
    Row { action: OutcomeAction::Correct, from: NOT_REFUSED, waits: false, by: EVERY_PART },
];

/// What somebody records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewOutcome {
    /// What came about.
    pub claim: Claim,
    /// The reports that led to it, the one where it counts first.
    pub reports: Vec<ReportId>,
    /// Or the hand-over.
    pub handover: Option<HandoverId>,
    /// By what it is known.
    pub evidence: String,
}

/// What somebody wants done with an outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// Confirm what waits.
    Confirm,
    /// Refuse what waits.
    Refuse {
        /// Why.
        reason: String,
    },
    /// Say that another report has led to it as well.
    Link {
        /// The report.
        report: Option<ReportId>,
        /// Or the hand-over.
        handover: Option<HandoverId>,
    },
    /// Say that it came about otherwise.
    Correct {
        /// How.
        claim: Claim,
        /// By what it is known.
        evidence: String,
    },
}

impl Step {
    /// What it does.
    pub fn action(&self) -> OutcomeAction {
        match self {
            Self::Confirm => OutcomeAction::Confirm,
            Self::Refuse { .. } => OutcomeAction::Refuse,
            Self::Link { .. } => OutcomeAction::Link,
            Self::Correct { .. } => OutcomeAction::Correct,
        }
    }
}

/// What was found of what a command names.
#[derive(Debug, Default)]
pub struct Found {
    /// The reports, in the order in which they were named.
    pub reports: Vec<Option<Report>>,
    /// The hand-over.
    pub handover: Option<Handover>,
}

/// What a decision takes from outside.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// The command.
    pub command: CommandId,
    /// What keeps texts from being guessed.
    pub salt: Salt,
    /// The time.
    pub now: Timestamp,
    /// The day in the district.
    pub today: Date,
}

/// What was decided: the outcome after, and the event that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The outcome after.
    pub outcome: Outcome,
    /// What happened.
    pub event: OutcomeEvent,
    /// What was written with it.
    pub note: Option<Note>,
    /// Whether something waits for the district now.
    pub tells_district: bool,
    /// Who is told what became of what they said.
    pub tells_proposer: Option<MemberId>,
    /// The reports whose reporters are told that something came of them.
    pub tells_reporters: Vec<ReportId>,
}

/// Records an outcome. It counts once it is confirmed. Whoever stands in for an absent reviewer
/// records what came of the reports that they review meanwhile.
pub fn record(
    new: &NewOutcome,
    found: &Found,
    id: OutcomeId,
    profile: &Profile,
    district: &District,
    context: Context,
) -> Result<Decided, Error> {
    let actor = &profile.member;
    let handover = found.handover.as_ref().filter(|handover| is_received_by(handover, district, actor));
    if !district.node.contains(&actor.node) && handover.is_none() {
        return Err(Error::NotFound);
    }
    let mut bad = Vec::new();
    new.claim.check(district, 1, context.today, &mut bad);
    check_note("/evidence", &new.evidence, &mut bad);
    let leads = match (new.reports.is_empty(), new.handover) {
        (false, None) => reports(new, found, profile, context.now, &mut bad),
        (true, Some(_)) => lead_of_handover(handover, &mut bad).into_iter().collect(),
        _ => {
            bad.push(FieldError::new("/reports", "name the reports that led to it, or a hand-over"));
            Vec::new()
        }
    };
    let Some(first) = leads.first().filter(|_| bad.is_empty()) else { return Err(Error::Invalid(bad)) };
    let receiver = first.handover.as_ref().map(|(_, receiver)| receiver.clone());
    let outcome = Outcome {
        id,
        version: 0,
        head: Digest::ZERO,
        district: district.node.clone(),
        state: OutcomeState::Proposed,
        claim: new.claim.clone(),
        counted: None,
        proposal: Some(Proposal { claim: new.claim.clone(), by: actor.id.clone(), at: context.now }),
        node: first.node.clone(),
        category: first.category,
        concerns: first.concerns,
        leads: leads.clone(),
        recorded_by: actor.id.clone(),
        receiver,
        created_at: context.now,
        updated_at: context.now,
        confirmed_at: None,
        created_by: context.command,
    };
    let note = Some((NoteKind::Evidence, new.evidence.as_str()));
    let mut decided = happen(outcome, OutcomeAction::Record, actor, note, context, |event, outcome| {
        event.claim = Some(outcome.claim.clone());
        event.leads = leads;
    })?;
    decided.tells_district = true;
    Ok(decided)
}

/// Takes a step. `found` is what a link names.
pub fn step(
    before: &Outcome,
    step: &Step,
    found: &Found,
    profile: &Profile,
    district: &District,
    context: Context,
) -> Result<Decided, Error> {
    let actor = &before.acting(profile, context.now);
    permit(before, step, actor, joins(before, step, found, profile, context.now))?;
    match step {
        Step::Confirm => confirm(before, actor, context),
        Step::Refuse { reason } => refuse(before, reason, actor, context),
        Step::Link { report, handover } => {
            let (mut bad, named) = (Vec::new(), (report.is_some(), handover.is_some()));
            let lead = match named {
                (true, false) => lead_of_report("/report", found.reports.first(), profile, context.now, &mut bad),
                (false, true) => {
                    let handover = found.handover.as_ref().filter(|handover| {
                        let own = before.standing(actor) == Standing::Confirms && handover.district == before.district;
                        own || is_received_by(handover, district, actor)
                    });
                    lead_of_handover(handover, &mut bad)
                }
                _ => {
                    bad.push(FieldError::new("/report", "name the report that led to it as well, or a hand-over"));
                    None
                }
            };
            let pointer = if report.is_some() { "/report" } else { "/handover" };
            if let Some(lead) = &lead {
                if before.leads.iter().any(|known| known.report == lead.report) {
                    bad.push(FieldError::new(pointer, "is linked already"));
                } else if before.leads.len() >= MAX_REPORTS {
                    bad.push(FieldError::new(pointer, format!("would be one more than {MAX_REPORTS}")));
                }
            }
            match lead.filter(|_| bad.is_empty()) {
                Some(lead) => link(before, lead, actor, context),
                None => Err(Error::Invalid(bad)),
            }
        }
        Step::Correct { claim, evidence } => correct(before, claim, evidence, actor, district, context),
    }
}

/// Whether an outcome exists for somebody who wants to take this step.
pub fn is_there(outcome: &Outcome, step: &Step, found: &Found, profile: &Profile, now: Timestamp) -> bool {
    let standing = outcome.standing(&outcome.acting(profile, now));
    standing != Standing::Stranger || joins(outcome, step, found, profile, now)
}

/// Decides by the table whether somebody may take a step at all. What must not be known to
/// exist is [`Error::NotFound`], whatever else is wrong.
fn permit(outcome: &Outcome, step: &Step, actor: &Member, joins: bool) -> Result<(), Error> {
    let standing = match outcome.standing(actor) {
        // Whoever has a report that led to it as well gets a part in it by saying so.
        Standing::Stranger if joins => Standing::Reviews,
        standing => standing,
    };
    if standing == Standing::Stranger {
        return Err(Error::NotFound);
    }
    let action = step.action();
    let row = TABLE.iter().find(|row| row.action == action);
    let row = row.ok_or_else(|| Error::Internal(format!("no row for {action}")))?;
    if !row.by.contains(&standing) {
        return Err(Refusal::WrongRole.into());
    }
    if !row.from.contains(&outcome.state) || (row.waits && outcome.proposal.is_none()) {
        return Err(Refusal::WrongOutcomeState.into());
    }
    let proposed = outcome.proposal.as_ref().is_some_and(|proposal| proposal.by == actor.id);
    let recorded = outcome.state == OutcomeState::Proposed && outcome.recorded_by == actor.id;
    if action == OutcomeAction::Confirm && (proposed || recorded) {
        return Err(Refusal::OwnOutcome.into());
    }
    Ok(())
}

fn joins(outcome: &Outcome, step: &Step, found: &Found, profile: &Profile, now: Timestamp) -> bool {
    let Step::Link { report: Some(_), handover: None } = step else { return false };
    let theirs = found.reports.first().and_then(Option::as_ref).is_some_and(|report| reviews(report, profile, now));
    theirs && outcome.is_hinted_to(&profile.member)
}

fn confirm(before: &Outcome, actor: &Member, context: Context) -> Result<Decided, Error> {
    let mut outcome = before.clone();
    let proposal = outcome.proposal.take().ok_or(Refusal::WrongOutcomeState)?;
    let Claim { kind, count, on } = proposal.claim.clone();
    let counted =
        Counted { kind, count, on, node: outcome.node.clone(), category: outcome.category, concerns: outcome.concerns };
    outcome.counted = Some(counted).filter(|_| count > 0);
    outcome.state = if outcome.counted.is_some() { OutcomeState::Confirmed } else { OutcomeState::Annulled };
    outcome.claim = proposal.claim;
    outcome.confirmed_at = before.confirmed_at.or(Some(context.now));
    let mut decided = happen(outcome, OutcomeAction::Confirm, actor, None, context, |event, outcome| {
        event.before.clone_from(&before.counted);
        event.after.clone_from(&outcome.counted);
    })?;
    decided.tells_proposer = Some(proposal.by);
    if before.state == OutcomeState::Proposed {
        decided.tells_reporters = before.leads.iter().map(|lead| lead.report).collect();
    }
    Ok(decided)
}

fn refuse(before: &Outcome, reason: &str, actor: &Member, context: Context) -> Result<Decided, Error> {
    checked(|bad| check_note("/reason", reason, bad))?;
    let mut outcome = before.clone();
    let proposal = outcome.proposal.take().ok_or(Refusal::WrongOutcomeState)?;
    if outcome.state == OutcomeState::Proposed {
        outcome.state = OutcomeState::Refused;
        outcome.claim = proposal.claim;
    }
    let note = Some((NoteKind::Reason, reason));
    let mut decided = happen(outcome, OutcomeAction::Refuse, actor, note, context, |_, _| {})?;
    decided.tells_proposer = Some(proposal.by).filter(|by| *by != actor.id);
    Ok(decided)
}

fn link(before: &Outcome, lead: Lead, actor: &Member, context: Context) -> Result<Decided, Error> {
    let mut outcome = before.clone();
    outcome.leads.push(lead.clone());
    let report = lead.report;
    let mut decided = happen(outcome, OutcomeAction::Link, actor, None, context, |event, _| event.leads = vec![lead])?;
    if before.state == OutcomeState::Confirmed {
        decided.tells_reporters = vec![report];
    }
    Ok(decided)
}

fn correct(
    before: &Outcome,
    claim: &Claim,
    evidence: &str,
    actor: &Member,
    district: &District,
    context: Context,
) -> Result<Decided, Error> {
    // What is not counted cannot be taken back.
    let least = u32::from(before.counted.is_none());
    checked(|bad| {
        claim.check(district, least, context.today, bad);
        check_note("/evidence", evidence, bad);
        let waits = before.proposal.as_ref().is_some_and(|proposal| proposal.claim == *claim);
        let counts = before.proposal.is_none() && before.counted.is_some() && before.claim == *claim;
        if waits || counts {
            bad.push(FieldError::new("/count", "says what the outcome says already"));
        }
    })?;
    let mut outcome = before.clone();
    outcome.proposal = Some(Proposal { claim: claim.clone(), by: actor.id.clone(), at: context.now });
    if outcome.state == OutcomeState::Proposed {
        outcome.claim = claim.clone();
    }
    let note = Some((NoteKind::Evidence, evidence));
    let mut decided = happen(outcome, OutcomeAction::Correct, actor, note, context, |event, _| {
        event.claim = Some(claim.clone());
    })?;
    decided.tells_district = true;
    Ok(decided)
}

fn checked(check: impl FnOnce(&mut Vec<FieldError>)) -> Result<(), Error> {
    let mut bad = Vec::new();
    check(&mut bad);
    if bad.is_empty() { Ok(()) } else { Err(Error::Invalid(bad)) }
}

/// Whether somebody may review a report at this moment: as themselves, or for somebody absent.
fn reviews(report: &Report, profile: &Profile, now: Timestamp) -> bool {
    Relation::of(&profile.acting_at(&report.node, now), report).may_review()
}

/// The reports that were named, in their order.
fn reports(new: &NewOutcome, found: &Found, profile: &Profile, now: Timestamp, bad: &mut Vec<FieldError>) -> Vec<Lead> {
    if new.reports.len() > MAX_REPORTS {
        bad.push(FieldError::new("/reports", format!("has more than {MAX_REPORTS} entries")));
        return Vec::new();
    }
    let mut leads: Vec<Lead> = Vec::new();
    for i in 0..new.reports.len() {
        let pointer = format!("/reports/{i}");
        let Some(lead) = lead_of_report(&pointer, found.reports.get(i), profile, now, bad) else { continue };
        if leads.iter().any(|known| known.report == lead.report) {
            bad.push(FieldError::new(pointer, "is there twice"));
        } else {
            leads.push(lead);
        }
    }
    leads
}

fn lead_of_report(
    pointer: &str,
    found: Option<&Option<Report>>,
    profile: &Profile,
    now: Timestamp,
    bad: &mut Vec<FieldError>,
) -> Option<Lead> {
    let report = found.and_then(Option::as_ref).filter(|report| reviews(report, profile, now));
    let Some(report) = report else {
        bad.push(FieldError::new(pointer, "is no report that you may review"));
        return None;
    };
    if !matches!(report.state, State::Adopted | State::HandedOver | State::Closed) {
        bad.push(FieldError::new(pointer, "is not adopted"));
        return None;
    }
    Some(Lead::of(report))
}

/// Whether a hand-over of this district went to those for whom a member acts.
fn is_received_by(handover: &Handover, district: &District, actor: &Member) -> bool {
    handover.district == district.node && acts_for(&handover.receiver, &district.node, actor)
}

fn lead_of_handover(handover: Option<&Handover>, bad: &mut Vec<FieldError>) -> Option<Lead> {
    let Some(handover) = handover else {
        bad.push(FieldError::new("/handover", "is no hand-over to you"));
        return None;
    };
    // An open question keeps nobody from what could be done before it.
    let asked_since = handover.state == HandoverState::Asked && handover.accepted_at.is_some();
    if !asked_since && !matches!(handover.state, HandoverState::Accepted | HandoverState::Completed) {
        bad.push(FieldError::new("/handover", "is not accepted"));
        return None;
    }
    Some(Lead {
        report: handover.report,
        node: handover.node.clone(),
        category: handover.category,
        concerns: handover.concerns,
        handover: Some((handover.id, handover.receiver.clone())),
    })
}

fn happen(
    mut outcome: Outcome,
    action: OutcomeAction,
    actor: &Member,
    note: Option<(NoteKind, &str)>,
    context: Context,
    fill: impl FnOnce(&mut OutcomeEvent, &Outcome),
) -> Result<Decided, Error> {
    let seq = outcome.version + 1;
    let note = note.map(|(kind, text)| Note::new(seq, kind, text, &context.salt));
    let receiver = outcome.receiver.as_ref().filter(|receiver| acts_for(receiver, &outcome.district, actor));
    let mut event = OutcomeEvent {
        outcome: outcome.id,
        seq,
        at: context.now,
        actor: actor.id.clone(),
        role: actor.role,
        body: actor.body,
        receiver: receiver.cloned(),
        action,
        state: outcome.state,
        claim: None,
        leads: Vec::new(),
        before: None,
        after: None,
        note: note.as_ref().map(Note::commit).transpose()?,
        command: context.command,
        previous: outcome.head,
        hash: Digest::ZERO,
    };
    fill(&mut event, &outcome);
    event.hash = event.compute_hash()?;
    outcome.version = seq;
    outcome.head = event.hash;
    outcome.updated_at = context.now;
    Ok(Decided { outcome, event, note, tells_district: false, tells_proposer: None, tells_reporters: Vec::new() })
}
