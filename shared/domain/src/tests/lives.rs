//! Random lives of reports: whoever does whatever in whatever order, the promises hold.
//!
//! A failing life is printed with its seed and shrunk to the shortest that still fails.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use proptest::{prelude::*, sample::Index};

use super::{
    Life, author, cast, clock, concerning, district_manager, medium, neighbour, new_report, officer, request,
    unknown_report, written,
};
use crate::{
    content::Content,
    decide::{Decided, Request, offered},
    error::{Error, Refusal},
    event::{BrokenChain, Event, verify_chain},
    feedback::feedback,
    hash::Digest,
    life::{self, Action, Case, RejectionReason, Relation, Stage, State},
    member::Member,
    named::Named as _,
    overdue::MAX_REMINDERS,
    report::{Concerns, MAX_CONTENTS, NewReport, Report, Urgency},
    reward_rules::is_adopted,
};

/// One thing that somebody tries.
#[derive(Debug, Clone)]
struct Move {
    actor: Index,
    action: Index,
    /// Whether it is picked out of what is allowed. Otherwise anybody tries anything, and
    /// most of it is refused.
    allowed: bool,
    /// Whether the reporter may give up here: few do, or all lives would be short.
    gives_up: bool,
    with_note: bool,
    reason: RejectionReason,
    media: u64,
    original: Original,
    minutes: i64,
}

/// Which report a reviewer names as the original.
#[derive(Debug, Clone, Copy)]
enum Original {
    Other,
    Itself,
    Unknown,
}

/// A whole life as it is planned.
#[derive(Debug, Clone)]
pub(super) struct Plot {
    urgency: Urgency,
    concerns: Concerns,
    media: u64,
    /// How many messages the author sends first, so that some lives come to their limits.
    chatter: usize,
    moves: Vec<Move>,
}

fn a_move() -> impl Strategy<Value = Move> {
    let original = prop_oneof![4 => Just(Original::Other), 1 => Just(Original::Itself), 1 => Just(Original::Unknown)];
    let whoever = (any::<Index>(), any::<Index>(), prop::bool::weighted(0.8), prop::bool::weighted(0.05));
    let whatever = (any::<bool>(), prop::sample::select(RejectionReason::ALL), 0_u64..3, original, 0_i64..3_000);
    (whoever, whatever).prop_map(
        |((actor, action, allowed, gives_up), (with_note, reason, media, original, minutes))| Move {
            actor,
            action,
            allowed,
            gives_up,
            with_note,
            reason,
            media,
            original,
            minutes,
        },
    )
}

pub(super) fn a_plot() -> impl Strategy<Value = Plot> {
    let chatter = prop_oneof![8 => Just(0), 1 => Just(MAX_CONTENTS / 2 - 1)];
    let moves = prop::collection::vec(a_move(), 0..50);
    (prop::sample::select(Urgency::ALL), prop::sample::select(Concerns::ALL), 0_u64..3, chatter, moves)
        .prop_map(|(urgency, concerns, media, chatter, moves)| Plot { urgency, concerns, media, chatter, moves })
}

impl Plot {
    /// Lives it, and shows `witness` each attempt with the life before and after it.
    pub(super) fn play(
        &self,
        mut witness: impl FnMut(&Attempt<'_>) -> Result<(), TestCaseError>,
    ) -> Result<Life, TestCaseError> {
        let new = NewReport { urgency: self.urgency, ..concerning(self.concerns) };
        let mut life = Life::sent_by(&author(), new, (0..self.media).map(medium).collect());
        for _ in 0..self.chatter {
            life = life.after(&author(), Action::Message);
        }
        let other = Life::sent_by(&neighbour(), new_report(), Vec::new()).report;
        for one in &self.moves {
            let Some((actor, action)) = one.choose(&life.report) else { continue };
            let request = one.request(action, &life, &other);
            let before = life.clone();
            life.now = life.now.checked_add(SignedDuration::from_mins(one.minutes)).unwrap();
            let original = Some(&other).filter(|_| matches!(one.original, Original::Other));
            let result = life.attempt_with(&actor, request.clone(), original);
            if let Ok(decided) = result.clone() {
                life.keep(decided);
            }
            witness(&Attempt { before: &before, after: &life, actor: &actor, request: &request, result: &result })?;
        }
        Ok(life)
    }
}

/// One thing that was tried, and what came of it.
pub(super) struct Attempt<'a> {
    before: &'a Life,
    after: &'a Life,
    actor: &'a Member,
    request: &'a Request,
    result: &'a Result<Decided, Error>,
}

impl Move {
    /// Who tries what; nobody anything when nothing is allowed any more.
    fn choose(&self, report: &Report) -> Option<(Member, Action)> {
        let mut choices = Vec::new();
        for actor in cast() {
            let actions = if self.allowed { offered(report, &actor) } else { Action::ALL.to_vec() };
            let wanted = |action: &Action| match action {
                Action::Submit => false,
                Action::Withdraw => self.gives_up,
                _ => true,
            };
            let actions: Vec<_> = actions.into_iter().filter(wanted).collect();
            if !actions.is_empty() {
                choices.push((actor, actions));
            }
        }
        // First the actor, then the action, so that those with many choices are not alone.
        let (actor, actions) = (!choices.is_empty()).then(|| self.actor.get(&choices).clone())?;
        Some((actor, *self.action.get(&actions)))
    }

    fn request(&self, action: Action, life: &Life, other: &Report) -> Request {
        let note = self.with_note.then(|| written("note"));
        match request(action) {
            Request::Approve { .. } => Request::Approve { note },
            Request::Return { question, .. } => Request::Return { question, note },
            Request::Answer { text, .. } => {
                let first = life.report.version * 10;
                Request::Answer { text, media: (first..first + self.media).map(medium).collect() }
            }
            Request::Reject { .. } => Request::Reject { reason: self.reason, note },
            Request::MarkDuplicate { .. } => {
                let original = match self.original {
                    Original::Other => other.id,
                    Original::Itself => life.report.id,
                    Original::Unknown => unknown_report(),
                };
                Request::MarkDuplicate { original, note }
            }
            Request::HandOver(new) => {
                let codes = new.beside.codes.iter().map(|_| code_of(life.report.version)).collect();
                let beside = crate::handover::Beside { codes, ..new.beside.clone() };
                Request::HandOver(Box::new(crate::handover::HandOver { note, beside, ..*new }))
            }
            Request::Close { .. } => Request::Close { note },
            other => other,
        }
    }
}

/// The code of the hand-over that is made of this version of a report.
fn code_of(version: u64) -> crate::code::Code {
    super::handover_code(usize::try_from(version).unwrap())
}

fn holds_its_promises(attempt: &Attempt<'_>) -> Result<(), TestCaseError> {
    match attempt.result {
        Ok(_) => {
            attempt.the_history_grew_by_one()?;
            attempt.one_stage_holds_it()?;
            attempt.somebody_must_act_by_a_time_or_nobody_must()?;
            attempt.the_texts_are_those_of_the_history()?;
            attempt.the_reporter_was_told()
        }
        Err(error) => attempt.the_refusal_changed_nothing(error),
    }
}

impl Attempt<'_> {
    fn the_history_grew_by_one(&self) -> Result<(), TestCaseError> {
        let (before, after, event) = (&self.before.report, &self.after.report, self.after.newest());
        prop_assert_eq!(after.version, before.version + 1);
        prop_assert_eq!(self.after.events.len() as u64, after.version);
        prop_assert_eq!(&self.after.events[..self.before.events.len()], &self.before.events[..]);
        // The chain up to here was sound, so that the newest link is all there is to check;
        // the whole chain is checked once the life is lived.
        prop_assert_eq!((event.seq, event.previous, event.hash), (after.version, before.head, after.head));
        prop_assert_eq!((event.from, event.to), (Some(before.state), after.state));
        prop_assert_eq!((event.stage, event.due_at), (after.stage, after.due_at));
        prop_assert_eq!(
            (event.action, &event.actor, event.role),
            (self.request.action(), &self.actor.id, self.actor.role)
        );
        prop_assert_eq!(
            (event.reason, event.duplicate_of),
            match self.request {
                Request::Reject { reason, .. } => (Some(*reason), None),
                Request::MarkDuplicate { original, .. } => (None, Some(*original)),
                _ => (None, None),
            }
        );
        // What a report is never changes; only where it is in its life does.
        let unmoved = Report {
            version: after.version,
            head: after.head,
            state: after.state,
            stage: after.stage,
            stage_since: after.stage_since,
            due_at: after.due_at,
            clock_at: after.clock_at,
            reminders: after.reminders,
            updated_at: self.after.now,
            media: after.media.clone(),
            contents: after.contents.clone(),
            reason: after.reason,
            duplicate_of: after.duplicate_of,
            erased_at: after.erased_at,
            erased_media: after.erased_media.clone(),
            handovers: after.handovers.clone(),
            // Set once, by the first adoption.
            adopted_at: before.adopted_at.or(Some(self.after.now).filter(|_| is_adopted(after.state))),
            ..before.clone()
        };
        prop_assert_eq!(after, &unmoved);
        prop_assert_eq!(&after.handovers, &[&*before.handovers, &*event.handovers].concat());
        prop_assert_eq!(!event.handovers.is_empty(), event.action == Action::HandOver);
        Ok(())
    }

    fn one_stage_holds_it(&self) -> Result<(), TestCaseError> {
        let report = &self.after.report;
        let queues = report.queues();
        if report.state.is_review() {
            prop_assert_eq!(queues[0], report.stage);
            prop_assert_eq!(report.stage.review(), report.state);
            prop_assert!(queues.len() == 1 || report.urgency == Urgency::Emergency);
            prop_assert!(queues.windows(2).all(|pair| Some(pair[1]) == pair[0].above()));
            prop_assert!(report.urgency != Urgency::Emergency || queues.last() == Some(&Stage::District));
        } else if report.state == report.stage.returned() && report.urgency == Urgency::Emergency {
            // The stage that asked waits; those above still have it before them.
            prop_assert!(queues.iter().all(|&queue| queue > report.stage));
        } else {
            prop_assert!(queues.is_empty());
        }
        prop_assert!(report.stage >= report.first_stage());
        for member in cast() {
            let sees = Relation::of(&member, report).may_review();
            let may = member.role.stage().is_some_and(|stage| stage >= report.first_stage());
            prop_assert_eq!(sees, may && member.node.contains(&report.node), "{}", member.id);
        }
        prop_assert_eq!(report.reason.is_some(), report.state == State::Rejected);
        prop_assert_eq!(report.duplicate_of.is_some(), report.state == State::Duplicate);
        Ok(())
    }

    fn somebody_must_act_by_a_time_or_nobody_must(&self) -> Result<(), TestCaseError> {
        let report = &self.after.report;
        let asked = Stage::ALL.iter().any(|stage| stage.returned() == report.state);
        prop_assert_eq!(report.due_at.is_some(), report.state.is_review() || asked);
        if self.before.report.state == report.state {
            prop_assert_eq!(report.due_at, self.before.report.due_at);
            prop_assert_eq!(report.stage_since, self.before.report.stage_since);
        } else {
            prop_assert!(report.due_at.is_none_or(|due_at| due_at > self.after.now));
            prop_assert_eq!(report.stage_since, self.after.now);
        }
        // Whatever has a deadline is on the clock, but for what the district was reminded of
        // often enough; and so is what is unfounded until it is erased.
        let said_enough = report.stage.above().is_none() && report.reminders >= MAX_REMINDERS;
        let waits_to_be_erased = report.reason == Some(RejectionReason::Unfounded) && report.erased_at.is_none();
        let on_the_clock = (report.state.has_deadline() && !said_enough) || waits_to_be_erased;
        prop_assert_eq!(report.clock_at.is_some(), on_the_clock, "{}", report.state);
        prop_assert!(report.state.has_deadline() || report.reminders == 0 || report.due_at.is_some());
        prop_assert!(report.clock_at.is_none_or(|at| at > self.after.now || self.before.report.clock_at == Some(at)));
        Ok(())
    }

    fn the_texts_are_those_of_the_history(&self) -> Result<(), TestCaseError> {
        let Life { report, events, contents, .. } = self.after;
        prop_assert!(report.contents.len() <= MAX_CONTENTS);
        let kept: Vec<_> = contents.iter().map(|content| (content.seq, content.part)).collect();
        prop_assert_eq!(&report.contents, &kept);
        let salts: BTreeSet<_> = contents.iter().map(|content| *content.salt.bytes()).collect();
        prop_assert_eq!(salts.len(), contents.len(), "a salt was used twice");

        let erased_with = events.iter().rev().find(|event| event.erases).map_or(0, |event| event.seq);
        prop_assert_eq!(report.erased_at.is_some(), erased_with > 0);
        prop_assert!(kept.iter().all(|&(seq, _)| seq > erased_with), "a text outlived its erasure");
        let media = events.iter().filter(|event| event.seq > erased_with).flat_map(|event| &event.media);
        prop_assert!(report.media.iter().map(|media| &media.id).eq(media));
        // Earlier texts and events are unchanged, so that only the newest have to fit.
        let newest = contents.iter().filter(|content| content.seq == report.version);
        let commitments: Result<Vec<_>, _> = newest.map(Content::commit).collect();
        prop_assert_eq!(commitments.as_ref(), Ok(&self.after.newest().contents));
        if self.after.newest().erases {
            prop_assert!(contents.is_empty() && report.media.is_empty() && self.after.newest().contents.is_empty());
        }
        Ok(())
    }

    fn the_reporter_was_told(&self) -> Result<(), TestCaseError> {
        let event = self.after.newest();
        let told = feedback(event);
        prop_assert!(told.is_some() || event.from == Some(event.to), "{} moved it in silence", event.action);
        prop_assert_eq!(told.map_or(event.due_at, |told| told.due_at), event.due_at);
        Ok(())
    }

    fn the_refusal_changed_nothing(&self, error: &Error) -> Result<(), TestCaseError> {
        prop_assert_eq!(&Life { now: self.before.now, ..self.after.clone() }, self.before);
        let action = self.request.action();
        // What the table refuses is refused with its reason; what it allows can only fail
        // for what was asked, and is offered.
        match life::step(Case::of(action, &self.before.report, self.actor)) {
            Err(reason) => prop_assert_eq!(error, &reason),
            Ok(_) if self.before.report.erased_at.is_some() => {
                prop_assert_eq!(error, &Error::Refused(Refusal::Erased));
            }
            Ok(_) if action == Action::Erase => {
                prop_assert_eq!(error, &Error::WrongState(State::Rejected));
                prop_assert_ne!(self.before.report.reason, Some(RejectionReason::Unfounded));
            }
            // Only a copy of another district's is called back.
            Ok(_) if action == Action::Recall => prop_assert_eq!(error, &Error::Refused(Refusal::WrongRole)),
            Ok(_) => prop_assert!(
                matches!(
                    error,
                    Error::Invalid(_) | Error::Refused(Refusal::TooManyMessages | Refusal::TooManyHandovers)
                ),
                "{error} for {action}, which the table allows"
            ),
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_happens_the_promises_hold(plot in a_plot()) {
        let life = plot.play(holds_its_promises)?;
        prop_assert_eq!(verify_chain(&life.events, life.report.head), Ok(()));
        // The history is read back from records, so that it must survive being written.
        let written = serde_json::to_vec(&life.events).unwrap();
        let read: Vec<Event> = serde_json::from_slice(&written).unwrap();
        prop_assert_eq!(read, life.events);
    }

    #[test]
    fn whatever_is_done_to_a_history_is_seen(plot in a_plot(), victim: Index, other: Index, forgery: Index) {
        let Life { report, events, .. } = plot.play(|_| Ok(()))?;
        let (victim, other) = (victim.index(events.len()), other.index(events.len()));
        let forged = forgery.get(&forgeries(&events[victim])).clone();
        for (what, history) in tampered(&events, victim, other, forged) {
            prop_assert!(verify_chain(&history, report.head).is_err(), "{what} event {} is not seen", victim + 1);
        }
    }
}

/// A history after each thing that somebody with access to the records could do to it.
fn tampered(events: &[Event], victim: usize, other: usize, forged: Event) -> Vec<(&'static str, Vec<Event>)> {
    let change = |change: &dyn Fn(&mut Vec<Event>)| {
        let mut history = events.to_vec();
        change(&mut history);
        history
    };
    let mut tampered = vec![
        ("removing", change(&|history| drop(history.remove(victim)))),
        ("cutting off from", events[..victim].to_vec()),
        ("repeating", change(&|history| history.insert(other, events[victim].clone()))),
        ("altering", change(&|history| history[victim] = forged.clone())),
    ];
    if victim != other {
        tampered.push(("moving", change(&|history| history.swap(victim, other))));
    }
    // Even a forger who fills in the right hash cannot hide it, because the next event, or
    // the report, holds the old one. (To alter the hash alone and to put it right again is
    // no forgery.)
    let sealed = forged.sealed().unwrap();
    if sealed != events[victim] {
        tampered.push(("forging", change(&|history| history[victim] = sealed.clone())));
    }
    tampered
}

#[test]
fn no_field_of_an_event_can_be_altered_unseen() {
    let life = Life::of(new_report()).after(&officer(), Action::Message).after(&author(), Action::Message);
    for victim in 0..life.events.len() {
        for forged in forgeries(&life.events[victim]) {
            for (what, history) in tampered(&life.events, victim, 0, forged.clone()) {
                assert!(verify_chain(&history, life.report.head).is_err(), "{what} {forged:?} is not seen");
            }
        }
    }
}

/// This event with each of its fields altered in turn.
fn forgeries(event: &Event) -> Vec<Event> {
    let forge = |alter: &dyn Fn(&mut Event)| {
        let mut forged = event.clone();
        alter(&mut forged);
        assert_ne!(&forged, event);
        forged
    };
    let elsewhere = Life::sent_by(&neighbour(), new_report(), vec![medium(99)]);
    let stranger = elsewhere.newest();
    vec![
        forge(&|event| event.report = stranger.report),
        forge(&|event| event.seq += 1),
        forge(&|event| event.at = event.at.checked_add(SignedDuration::from_nanos(1)).unwrap()),
        forge(&|event| event.actor = stranger.actor.clone()),
        forge(&|event| event.role = crate::member::Role::Auditor),
        forge(&|event| event.action = other_than(event.action)),
        forge(&|event| event.from = Some(event.from.map_or(State::Closed, other_than))),
        forge(&|event| event.to = other_than(event.to)),
        forge(&|event| event.stage = other_than(event.stage)),
        forge(&|event| event.tells.push(Stage::Officer)),
        forge(&|event| event.node = super::node("hexi")),
        forge(&|event| event.urgency = other_than(event.urgency)),
        forge(&|event| event.pseudonym = stranger.pseudonym),
        forge(&|event| event.due_at = if event.due_at.is_none() { Some(event.at) } else { None }),
        forge(&|event| event.reason = Some(event.reason.map_or(RejectionReason::Unfounded, other_than))),
        forge(&|event| {
            event.duplicate_of = if event.duplicate_of.is_none() { Some(unknown_report()) } else { None };
        }),
        forge(&|event| event.agencies.push("fire".to_owned())),
        forge(&|event| event.handovers.push(unknown_report())),
        forge(&|event| event.origin = Some(unknown_report())),
        forge(&|event| event.media.push(medium(98).id)),
        forge(&|event| event.contents.extend(stranger.contents.clone())),
        forge(&|event| event.erases = !event.erases),
        forge(&|event| event.command = stranger.command),
        forge(&|event| event.previous = stranger.hash),
        forge(&|event| event.hash = stranger.hash),
    ]
}

fn other_than<T: crate::named::Named>(value: T) -> T {
    *T::ALL.iter().find(|other| **other != value).unwrap()
}

#[test]
fn what_is_wrong_with_a_history_is_named() {
    let life = Life::of(new_report()).after(&officer(), Action::Message).after(&author(), Action::Message);
    let Life { report, events, .. } = life;
    assert_eq!(verify_chain(&events, report.head), Ok(()));
    assert_eq!(verify_chain(&events[..2], report.head), Err(BrokenChain::Truncated));
    assert_eq!(verify_chain(&[], report.head), Err(BrokenChain::Truncated));
    assert_eq!(verify_chain(&[], Digest::ZERO), Ok(()), "a report without a history has nothing to check");
    assert_eq!(verify_chain(&events[1..], report.head), Err(BrokenChain::Gap { expected: 1, found: 2 }));
    let mut altered = events.clone();
    altered[1].urgency = Urgency::Emergency;
    assert_eq!(verify_chain(&altered, report.head), Err(BrokenChain::Altered(2)));
    altered[1] = altered[1].clone().sealed().unwrap();
    assert_eq!(verify_chain(&altered, report.head), Err(BrokenChain::Unlinked(3)));
}

#[test]
fn one_life_from_submission_to_its_outcome() {
    let life = Life::of(new_report())
        .after(&officer(), Action::Return)
        .after(&author(), Action::Answer)
        .after(&clock(), Action::Remind)
        .after(&clock(), Action::Escalate)
        .after(&super::manager(), Action::Approve)
        .after(&district_manager(), Action::Approve)
        .after(&district_manager(), Action::HandOver)
        .after(&district_manager(), Action::Close);
    let states: Vec<_> = life.events.iter().map(|event| event.to.name()).collect();
    assert_eq!(
        states,
        [
            "officer_review",
            "returned_by_officer",
            "officer_review",
            "officer_review",
            "station_review",
            "district_review",
            "adopted",
            "handed_over",
            "closed",
        ]
    );
}
