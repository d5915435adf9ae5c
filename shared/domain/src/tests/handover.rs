//! Hand-overs: which side does what when, what is given, and that a recall leaves nothing behind.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::{
    Life, MARKERS, at, author, checked, context, district_manager, hand_over, handover_code, lists, manager, medium,
    member, new_report, node, officer, policy, reject, request, wednesday, written,
};
use crate::{
    Timestamp,
    content::Content,
    decide::{Decided, Request, decide, submit_copy},
    district::Label,
    error::{Error, Refusal},
    event::BrokenChain,
    handover::{
        Beside, Chosen, Extract, HandOver, Handover, HandoverAction, HandoverEvent, HandoverSide, HandoverState,
        MAX_HANDOVERS, MAX_WORDS, QUICK_CALLS, RecallReason, Receiver, SLOW_CALL_HOURS, Step, check_words, come,
        copy_erased, recall, receive, step, take, verify_chain,
    },
    life::{Action, RejectionReason, Stage, State},
    member::{Member, MemberId, Role},
    named::Named as _,
    notice::{Audience, Notice, of_handover, of_report},
    report::{Concerns, MAX_CONTENTS, NewReport, Report, Urgency},
};

/// Somebody who acts for the fire brigade in the district.
fn handler() -> Member {
    Member { agency: Some(Label::parse("fire").unwrap()), ..member("agency-fire", Role::AgencyHandler, "hexi") }
}

/// A manager of another district.
fn elsewhere() -> Member {
    member("manager-hedong", Role::DistrictManager, "hedong")
}

/// A hand-over with its events, kept as the store keeps them.
#[derive(Debug, Clone)]
struct Passed {
    handover: Handover,
    events: Vec<HandoverEvent>,
    now: Timestamp,
}

impl Passed {
    /// Handed over to the fire brigade on Wednesday, with everything that can be given.
    fn to(receiver: Receiver, urgency: Urgency) -> Self {
        let new = NewReport { urgency, observed_at: Some(at("2026-08-12T09:00:00+08:00")), ..new_report() };
        let life = Life::sent_by(&author(), new, vec![medium(1), medium(2)]).adopted();
        let decided = life.attempt(&district_manager(), asked_of(&life, vec![receiver], vec![medium(2).id])).unwrap();
        let first = decided.handovers.into_iter().next().unwrap();
        Self { handover: first.handover, events: vec![first.event], now: life.now }
    }

    fn to_fire() -> Self {
        Self::to(fire(), Urgency::Routine)
    }

    fn to_hedong() -> Self {
        Self::to(Receiver::District { district: node("hedong") }, Urgency::Routine)
    }

    fn receiver(&self) -> Member {
        if matches!(self.handover.receiver, Receiver::Agency { .. }) { handler() } else { elsewhere() }
    }

    fn keep(&mut self, decided: crate::handover::Decided) {
        self.handover = decided.handover;
        self.events.push(decided.event);
    }

    fn attempt(&self, side: HandoverSide, wanted: &Step) -> Result<crate::handover::Decided, Error> {
        let actor = if side == HandoverSide::Sender { district_manager() } else { self.receiver() };
        let context = context(&actor, self.handover.version, self.now);
        let copy = matches!(wanted, Step::Accept { node: Some(_) }).then(|| handover_code(99));
        take(&self.handover, &actor, side, wanted, copy, &context)
    }

    /// This after a step that must be allowed.
    fn then(mut self, side: HandoverSide, wanted: &Step) -> Self {
        let decided = self.attempt(side, wanted);
        self.keep(decided.unwrap_or_else(|error| panic!("{side} may not {}: {error}", wanted.action())));
        self
    }

    fn opened(mut self) -> Self {
        let decided = receive(&self.handover, &self.receiver(), self.now).unwrap().unwrap();
        self.keep(decided);
        self
    }

    fn check(&self) {
        assert_eq!(verify_chain(&self.events, self.handover.head), Ok(()));
        assert_eq!(self.handover.version, self.events.len() as u64);
        assert_eq!(check_words(&self.handover, &self.events), Ok(true));
        let said = serde_json::to_string(&self.events).unwrap();
        assert!(!MARKERS.iter().any(|marker| said.contains(marker)), "{said}");
    }
}

fn fire() -> Receiver {
    Receiver::Agency { agency: Label::parse("fire").unwrap() }
}

/// A request that hands over everything that can be given.
fn asked_of(life: &Life, receivers: Vec<Receiver>, media: Vec<crate::media::MediaId>) -> Request {
    Request::HandOver(Box::new(HandOver {
        beside: Beside {
            codes: (0..receivers.len()).map(handover_code).collect(),
            content: life.contents.first().cloned(),
            district: Some(lists()),
            districts: vec![node("hedong")],
        },
        receivers,
        asks: written("asked"),
        deadline_hours: 16,
        extract: Chosen { text: Some(written("worded")), place: true, observed_at: true, media },
        note: Some(written("note")),
    }))
}

fn steps() -> Vec<Step> {
    vec![
        Step::Accept { node: None },
        Step::Refuse { reason: written("refused") },
        Step::Ask { text: written("question") },
        Step::Answer { text: written("answer") },
        Step::Complete { done: written("done"), note: Some(written("note")) },
        Step::Recall { reason: RecallReason::NotNeeded },
        Step::ConfirmErasure,
    ]
}

// ---- the table --------------------------------------------------------------------------

#[test]
fn every_state_step_and_side() {
    let mut table = String::new();
    for &action in HandoverAction::ALL.iter().filter(|&&action| action != HandoverAction::Offer) {
        writeln!(table, "{action}").unwrap();
        for &side in HandoverSide::ALL {
            for &state in HandoverState::ALL {
                // Whether it was taken on before matters while a question is open.
                let before: &[bool] = match state {
                    HandoverState::Asked => &[false, true],
                    HandoverState::Accepted | HandoverState::Completed => &[true],
                    _ => &[false],
                };
                for &accepted in before {
                    let from = match (state, accepted) {
                        (HandoverState::Asked, true) => "asked, accepted before".to_owned(),
                        _ => state.to_string(),
                    };
                    let answer = match step(action, side, state, accepted) {
                        Ok(to) => format!("→ {to}"),
                        Err(error) => format!("✗ {error}"),
                    };
                    writeln!(table, "    {side:<9} {from:<23} {answer}").unwrap();
                }
            }
        }
    }
    insta::assert_snapshot!("steps_of_handovers", table);
}

#[test]
fn what_is_offered_can_be_done() {
    for passed in [Passed::to_fire(), Passed::to_hedong(), Passed::to_fire().opened()] {
        for side in [HandoverSide::Sender, HandoverSide::Receiver] {
            let offered = passed.handover.offered(side);
            for wanted in steps() {
                assert_eq!(
                    passed.attempt(side, &wanted).is_ok(),
                    offered.contains(&wanted.action()),
                    "{side} {wanted:?}"
                );
            }
        }
    }
}

#[test]
fn only_the_two_sides_know_of_a_handover() {
    let market = Member { agency: Some(Label::parse("market").unwrap()), ..handler() };
    let handler_elsewhere = Member { node: node("hedong"), ..handler() };
    let without = Member { agency: None, ..handler() };
    let (to_fire, to_hedong) = (Passed::to_fire().handover, Passed::to_hedong().handover);
    assert_eq!(to_fire.side_of(&handler()), Some(HandoverSide::Receiver));
    assert_eq!(to_fire.side_of(&district_manager()), Some(HandoverSide::Sender));
    assert_eq!(to_hedong.side_of(&elsewhere()), Some(HandoverSide::Receiver));
    assert_eq!(to_hedong.side_of(&district_manager()), Some(HandoverSide::Sender));
    for stranger in [market, handler_elsewhere, without, elsewhere(), officer(), manager(), author()] {
        assert_eq!(to_fire.side_of(&stranger), None, "{}", stranger.id);
    }
    for stranger in [handler(), officer(), manager(), author()] {
        assert_eq!(to_hedong.side_of(&stranger), None, "{}", stranger.id);
    }
}

// ---- handing over -----------------------------------------------------------------------

#[test]
fn a_receiver_is_given_what_was_chosen_and_nothing_else() {
    let life = Life::sent_by(&author(), new_report(), vec![medium(1), medium(2)]).adopted();
    let receivers = vec![fire(), Receiver::District { district: node("hedong") }];
    let decided = life.attempt(&district_manager(), asked_of(&life, receivers, vec![medium(2).id]));
    // The report does not say when.
    assert_eq!(bad_fields(decided.unwrap_err()), ["/extract/observed_at"]);
    let Request::HandOver(mut new) = asked_of(&life, vec![fire()], vec![medium(2).id]) else { panic!() };
    new.extract.observed_at = false;
    let decided = life.attempt(&district_manager(), Request::HandOver(new)).unwrap();
    assert_eq!(decided.report.state, State::HandedOver);
    assert_eq!(
        (decided.report.handovers.clone(), decided.event.handovers.clone()),
        (vec![handover_code(0)], vec![handover_code(0)])
    );
    let handover = &decided.handovers[0].handover;
    let place = life.contents[0].place.clone();
    let extract = Extract { text: Some(written("worded")), place, observed_at: None, media: vec![medium(2)] };
    assert_eq!(handover.extract, Some(extract));
    // 16 working hours from Wednesday, 10 o'clock.
    assert_eq!(handover.due_at, at("2026-08-14T10:00:00+08:00"));
    let said = serde_json::to_string(&(&handover, &decided.handovers[0].event)).unwrap();
    assert!(!said.contains(author().id.as_str()) && !said.contains(author().pseudonym.as_str()), "{said}");
    // Not even the event names the report.
    let event = serde_json::to_string(&decided.handovers[0].event).unwrap();
    assert!(!event.contains(&life.report.id.to_string()), "{event}");
}

#[test]
fn an_emergency_is_due_by_the_clock() {
    let handover = Passed::to(fire(), Urgency::Emergency).handover;
    assert_eq!(handover.due_at, at("2026-08-13T02:00:00+08:00"));
}

fn bad_fields(error: Error) -> Vec<String> {
    match error {
        Error::Invalid(fields) => fields.into_iter().map(|field| field.pointer).collect(),
        error => panic!("{error} names no fields"),
    }
}

#[test]
fn every_bad_field_of_a_handover_is_named() {
    let life = Life::sent_by(&author(), new_report(), vec![medium(1)]).adopted();
    let Request::HandOver(good) = asked_of(&life, vec![fire()], vec![medium(1).id]) else { panic!() };
    let good = HandOver { extract: Chosen { observed_at: false, ..good.extract.clone() }, ..*good };
    life.attempt(&district_manager(), Request::HandOver(Box::new(good.clone()))).unwrap();
    let bad = |spoil: &dyn Fn(&mut HandOver)| {
        let mut new = good.clone();
        spoil(&mut new);
        new.beside.codes = (0..new.receivers.len()).map(handover_code).collect();
        bad_fields(life.refusal(&district_manager(), Request::HandOver(Box::new(new))))
    };
    assert_eq!(bad(&|new| new.receivers.clear()), ["/receivers"]);
    assert_eq!(bad(&|new| new.receivers = vec![fire(), fire()]), ["/receivers/1"]);
    let agency = |label: &str| Receiver::Agency { agency: Label::parse(label).unwrap() };
    assert_eq!(bad(&|new| new.receivers.push(agency("unknown"))), ["/receivers/1/agency"]);
    for district in ["hexi", "nowhere"] {
        let to = Receiver::District { district: node(district) };
        assert_eq!(bad(&|new| new.receivers.push(to.clone())), ["/receivers/1/district"], "{district}");
    }
    let many: Vec<_> = (0..11).map(|i| agency(&format!("a{i}"))).collect();
    assert_eq!(bad(&|new| new.receivers.clone_from(&many)), ["/receivers"]);
    assert_eq!(bad(&|new| new.asks = " ".to_owned()), ["/asks"]);
    assert_eq!(bad(&|new| new.deadline_hours = 0), ["/deadline_hours"]);
    assert_eq!(bad(&|new| new.deadline_hours = 401), ["/deadline_hours"]);
    assert_eq!(bad(&|new| new.extract.text = Some(String::new())), ["/extract/text"]);
    assert_eq!(bad(&|new| new.extract.media = vec![medium(9).id]), ["/extract/media/0"]);
    assert_eq!(bad(&|new| new.extract.media = vec![medium(1).id; 2]), ["/extract/media/1"]);
    assert_eq!(bad(&|new| new.note = Some(String::new())), ["/note"]);
    // What leads to the report leads to who sent it in, however it is written.
    let code = life.report.id.as_str().to_ascii_lowercase();
    assert_eq!(bad(&|new| new.asks = format!("See {} {}.", &code[..5], &code[5..])), ["/asks"]);
    let pseudonym = author().pseudonym;
    assert_eq!(bad(&|new| new.extract.text = Some(format!("{pseudonym} saw it."))), ["/extract/text"]);
    let placeless = NewReport { place: None, ..new_report() };
    let life = Life::of(placeless).adopted();
    let Request::HandOver(mut new) = asked_of(&life, vec![fire()], Vec::new()) else { panic!() };
    new.extract.observed_at = false;
    assert_eq!(bad_fields(life.refusal(&district_manager(), Request::HandOver(new))), ["/extract/place"]);
    // A medium without a clean copy shows nobody anything.
    let mut unseen = medium(3);
    unseen.checked = Some(crate::media::Checked { working: None, ..checked() });
    let life = Life::sent_by(&author(), new_report(), vec![unseen]).adopted();
    let Request::HandOver(mut new) = asked_of(&life, vec![fire()], vec![medium(3).id]) else { panic!() };
    new.extract.observed_at = false;
    assert_eq!(bad_fields(life.refusal(&district_manager(), Request::HandOver(new))), ["/extract/media/0"]);
}

// ---- what both sides do -----------------------------------------------------------------

#[test]
fn a_question_leads_back_to_where_it_was_asked() {
    let ask = Step::Ask { text: written("question") };
    let answer = Step::Answer { text: written("answer") };
    let asked = Passed::to_fire().then(HandoverSide::Receiver, &ask);
    assert_eq!(asked.handover.state, HandoverState::Asked);
    let offered = asked.clone().then(HandoverSide::Sender, &answer);
    assert_eq!(offered.handover.state, HandoverState::Offered);
    let accepted = offered.then(HandoverSide::Receiver, &Step::Accept { node: None });
    let again = accepted.then(HandoverSide::Receiver, &ask);
    // Nobody has to wait for an answer: what was taken on can be completed.
    assert_eq!(again.attempt(HandoverSide::Receiver, &steps()[1]).unwrap_err(), Refusal::WrongHandoverState.into());
    let completed = again.clone().then(HandoverSide::Receiver, &steps()[4]);
    assert_eq!((completed.handover.state, completed.handover.call_at), (HandoverState::Completed, None));
    completed.check();
    let back = again.then(HandoverSide::Sender, &answer);
    assert_eq!(back.handover.state, HandoverState::Accepted);
    back.check();
    assert_eq!(asked.then(HandoverSide::Receiver, &steps()[1]).handover.state, HandoverState::Refused);
}

#[test]
fn no_answer_names_the_report_or_its_reporter() {
    let asked = Passed::to_fire().opened().then(HandoverSide::Receiver, &Step::Ask { text: written("question") });
    let handover = asked.handover.clone();
    let (report, pseudonym) = (handover.report.to_string(), handover.pseudonym.unwrap().to_string());
    let wide: String = report.chars().map(|c| char::from_u32(u32::from(c) + 0xFEE0).unwrap()).collect();
    let mixed = report.to_lowercase().replace('0', "o").replace('1', "l");
    let spaced: Vec<String> = report.chars().map(String::from).collect();
    for code in [&report, &pseudonym, &wide, &mixed, &spaced.join(" · "), &report.replace('-', "—")] {
        let answer = Step::Answer { text: format!("See {code}, please.") };
        let error = asked.attempt(HandoverSide::Sender, &answer).unwrap_err();
        assert_eq!(bad_fields(error), ["/text"], "{code}");
    }
    assert!(asked.attempt(HandoverSide::Sender, &Step::Answer { text: "The gate by the river.".to_owned() }).is_ok());
}

#[test]
fn the_first_opening_is_the_receipt_and_no_other() {
    let opened = Passed::to_fire().opened();
    assert_eq!(
        (opened.handover.received_at, opened.handover.received_by.clone()),
        (Some(wednesday()), Some(handler().id))
    );
    assert_eq!(receive(&opened.handover, &handler(), opened.now), Ok(None));
    // Who acts on it without having opened it has received it as well.
    let accepted = Passed::to_fire().then(HandoverSide::Receiver, &Step::Accept { node: None });
    assert_eq!(accepted.handover.received_by, Some(handler().id));
    assert_eq!(receive(&accepted.handover, &handler(), accepted.now), Ok(None));
}

#[test]
fn questions_end_before_there_is_no_room_for_answers_and_results() {
    let mut passed = Passed::to_fire().then(HandoverSide::Receiver, &Step::Accept { node: None });
    let (ask, answer) = (Step::Ask { text: written("question") }, Step::Answer { text: written("answer") });
    while passed.handover.words.len() < MAX_WORDS / 2 {
        passed = passed.then(HandoverSide::Receiver, &ask).then(HandoverSide::Sender, &answer);
    }
    assert_eq!(passed.attempt(HandoverSide::Receiver, &ask).unwrap_err(), Refusal::TooManyWords.into());
    passed.then(HandoverSide::Receiver, &steps()[4]).check();
}

#[test]
fn a_recall_leaves_nothing_that_anybody_wrote() {
    let passed = Passed::to_fire()
        .opened()
        .then(HandoverSide::Receiver, &Step::Ask { text: written("question") })
        .then(HandoverSide::Sender, &Step::Answer { text: written("answer") });
    let said = serde_json::to_string(&passed.handover).unwrap();
    assert!(MARKERS.iter().all(|marker| said.contains(marker)), "the markers would be seen: {said}");
    let recalled = passed.then(HandoverSide::Sender, &Step::Recall { reason: RecallReason::NotNeeded });
    recalled.check();
    let said = serde_json::to_string(&(&recalled.handover, &recalled.events)).unwrap();
    assert!(!MARKERS.iter().any(|marker| said.contains(marker)), "{said}");
    assert!(!said.contains("salt"), "a salt that stays lets a text be guessed: {said}");
    // 24 working hours from Wednesday, 10 o'clock.
    assert_eq!(recalled.handover.erase_by, Some(at("2026-08-17T10:00:00+08:00")));
    let confirmed = recalled.then(HandoverSide::Receiver, &Step::ConfirmErasure);
    assert_eq!(
        (confirmed.handover.erased_at, confirmed.handover.erased_by.clone()),
        (Some(wednesday()), Some(handler().id))
    );
    assert_eq!(
        confirmed.attempt(HandoverSide::Receiver, &Step::ConfirmErasure).unwrap_err(),
        Refusal::WrongHandoverState.into()
    );
    confirmed.check();
}

#[test]
fn of_what_was_never_opened_nothing_is_to_be_confirmed() {
    let recalled = Passed::to_fire().then(HandoverSide::Sender, &Step::Recall { reason: RecallReason::WrongReceiver });
    assert_eq!((recalled.handover.erase_by, recalled.handover.call_at), (None, None));
    assert_eq!(
        recalled.attempt(HandoverSide::Receiver, &Step::ConfirmErasure).unwrap_err(),
        Refusal::WrongHandoverState.into()
    );
    assert_eq!(receive(&recalled.handover, &handler(), recalled.now), Ok(None), "there is nothing to receive");
}

#[test]
fn only_the_platform_says_that_a_report_was_erased() {
    let passed = Passed::to_fire();
    let error = passed.attempt(HandoverSide::Sender, &Step::Recall { reason: RecallReason::ContentErased });
    assert_eq!(bad_fields(error.unwrap_err()), ["/reason"]);
}

#[test]
fn a_history_that_was_changed_is_found_out() {
    let passed = Passed::to_fire().opened().then(HandoverSide::Receiver, &Step::Accept { node: None });
    let (events, head) = (passed.events, passed.handover.head);
    assert_eq!(verify_chain(&events[..2], head), Err(BrokenChain::Truncated));
    assert_eq!(verify_chain(&events[1..], head), Err(BrokenChain::Gap { expected: 1, found: 2 }));
    let mut altered = events.clone();
    altered[1].actor = MemberId::parse("somebody").unwrap();
    assert_eq!(verify_chain(&altered, head), Err(BrokenChain::Altered(2)));
    altered[1].hash = altered[1].compute_hash().unwrap();
    assert_eq!(verify_chain(&altered, head), Err(BrokenChain::Unlinked(3)));
    let mut reworded = passed.handover.clone();
    reworded.asks.push('!');
    assert_eq!(check_words(&reworded, &events), Ok(false));
}

proptest! {
    /// Whatever both sides do in whatever order: the chain verifies, the texts are those that were
    /// committed to, no text is in an event, and a recall leaves none.
    #[test]
    fn whatever_is_done_the_history_holds(
        moves in proptest::collection::vec((0..9_usize, any::<bool>(), 0..60_i64), 0..30),
        district in any::<bool>(),
    ) {
        let mut passed = if district { Passed::to_hedong() } else { Passed::to_fire() };
        for (what, receiver, hours) in moves {
            passed.now = passed.now.checked_add(jiff::SignedDuration::from_hours(hours)).unwrap();
            let side = if receiver { HandoverSide::Receiver } else { HandoverSide::Sender };
            let decided = match what {
                7 => receive(&passed.handover, &passed.receiver(), passed.now).ok().flatten(),
                8 => come(&passed.handover, passed.now, policy()).unwrap(),
                step => passed.attempt(side, &steps()[step]).ok(),
            };
            if let Some(decided) = decided {
                prop_assert_eq!(decided.event.from, Some(passed.handover.state));
                passed.keep(decided);
            }
            passed.check();
            match passed.handover.state {
                HandoverState::Refused | HandoverState::Completed => prop_assert_eq!(passed.handover.call_at, None),
                // What somebody still has to do, the clock does not forget.
                HandoverState::Recalled => prop_assert_eq!(
                    passed.handover.call_at.is_some(),
                    passed.handover.copy_to_erase().is_some()
                        || (passed.handover.erase_by.is_some() && passed.handover.erased_at.is_none())
                ),
                _ => prop_assert!(passed.handover.call_at.is_some()),
            }
            if passed.handover.state == HandoverState::Recalled {
                let said = serde_json::to_string(&passed.handover).unwrap();
                prop_assert!(!MARKERS.iter().any(|marker| said.contains(marker)), "{}", said);
            }
        }
    }

    /// The clock, however often and whenever it comes: never before the deadline, one reminder first,
    /// then escalations for as long as it is late, the later ones far apart.
    #[test]
    fn the_clock_reminds_once_and_then_escalates(steps in proptest::collection::vec(1..3_000_i64, 1..200), emergency in any::<bool>()) {
        let urgency = if emergency { Urgency::Emergency } else { Urgency::Routine };
        let mut passed = Passed::to(fire(), urgency);
        let mut came = Vec::new();
        for minutes in steps {
            passed.now = passed.now.checked_add(jiff::SignedDuration::from_mins(minutes)).unwrap();
            if let Some(decided) = come(&passed.handover, passed.now, policy()).unwrap() {
                prop_assert!(passed.now >= passed.handover.due_at);
                came.push(decided.event.action);
                passed.keep(decided);
                // Twice in the same moment does nothing.
                if passed.handover.call_at.is_none_or(|at| at > passed.now) {
                    prop_assert_eq!(come(&passed.handover, passed.now, policy()), Ok(None));
                }
            }
        }
        let late = passed.now.duration_since(passed.handover.due_at).as_hours();
        let at_most = i64::from(QUICK_CALLS) + (late / i64::from(SLOW_CALL_HOURS)).max(0);
        prop_assert!(i64::try_from(came.len()).unwrap() <= at_most, "{} calls in {} hours", came.len(), late);
        prop_assert!(passed.handover.call_at.is_some());
        prop_assert!(came.iter().enumerate().all(|(i, action)| (*action == HandoverAction::Remind) == (i == 0)), "{:?}", came);
        passed.check();
    }
}

#[test]
fn what_is_late_is_told_first_to_who_has_to_act_and_then_to_the_district() {
    let mut passed = Passed::to_fire().opened();
    let mut told = Vec::new();
    let look = |passed: &mut Passed, time: &str, told: &mut Vec<String>| {
        passed.now = at(time);
        while let Some(decided) = come(&passed.handover, passed.now, policy()).unwrap() {
            for notice in of_handover(&decided) {
                let whom = if notice.to == passed.handover.senders() { "district" } else { "receiver" };
                told.push(format!("{time} {} {whom}", decided.event.action));
            }
            passed.keep(decided);
        }
    };
    // Due on Friday at 10; eight working hours later is Monday at 10.
    look(&mut passed, "2026-08-14T09:59:00+08:00", &mut told);
    assert!(told.is_empty());
    for time in ["2026-08-14T10:00:00+08:00", "2026-08-17T09:59:00+08:00", "2026-08-17T10:00:00+08:00"] {
        look(&mut passed, time, &mut told);
    }
    assert_eq!(
        told,
        [
            "2026-08-14T10:00:00+08:00 remind receiver",
            "2026-08-17T10:00:00+08:00 escalate receiver",
            "2026-08-17T10:00:00+08:00 escalate district",
        ]
    );
    // Every working day, until it was called for five times; then every fifth, for as long as it is late.
    told.clear();
    for day in 18..=31 {
        look(&mut passed, &format!("2026-08-{day:02}T10:00:00+08:00"), &mut told);
    }
    for day in 1..=30 {
        look(&mut passed, &format!("2026-09-{day:02}T10:00:00+08:00"), &mut told);
    }
    let days: Vec<_> = told.iter().filter(|told| told.ends_with("district")).map(|told| &told[..10]).collect();
    assert_eq!(
        days,
        [
            "2026-08-18",
            "2026-08-19",
            "2026-08-20",
            "2026-08-27",
            "2026-09-03",
            "2026-09-10",
            "2026-09-17",
            "2026-09-24"
        ]
    );
    passed.check();
    // Done at last, it is called for no more.
    for step in [Step::Accept { node: None }, Step::Complete { done: written("done"), note: None }] {
        passed = passed.then(HandoverSide::Receiver, &step);
    }
    assert_eq!(passed.handover.call_at, None);
}

#[test]
fn calls_are_counted_no_further_than_can_be_counted() {
    let mut passed = Passed::to(fire(), Urgency::Emergency);
    passed.handover.calls = u8::MAX - 1;
    for _ in 0..3 {
        passed.now = passed.handover.call_at.unwrap();
        let decided = come(&passed.handover, passed.now, policy()).unwrap().unwrap();
        assert_eq!(decided.event.action, HandoverAction::Escalate);
        passed.keep(decided);
        assert!(passed.handover.call_at > Some(passed.now));
    }
    assert_eq!(passed.handover.calls, u8::MAX);
}

#[test]
fn an_open_question_is_the_districts_to_answer() {
    let mut asked = Passed::to_fire().then(HandoverSide::Receiver, &Step::Ask { text: written("question") });
    asked.now = asked.handover.due_at;
    let reminded = come(&asked.handover, asked.now, policy()).unwrap().unwrap();
    let told: Vec<_> = of_handover(&reminded).into_iter().map(|notice| notice.to).collect();
    assert_eq!(told, [asked.handover.senders()]);
}

#[test]
fn an_erasure_that_is_not_confirmed_is_called_for() {
    let mut recalled =
        Passed::to_fire().opened().then(HandoverSide::Sender, &Step::Recall { reason: RecallReason::Unfounded });
    assert_eq!(come(&recalled.handover, recalled.now, policy()), Ok(None));
    recalled.now = recalled.handover.erase_by.unwrap();
    let reminded = come(&recalled.handover, recalled.now, policy()).unwrap().unwrap();
    assert_eq!(reminded.event.action, HandoverAction::Remind);
    recalled.keep(reminded);
    assert!(recalled.handover.is_overdue(at("2026-08-19T10:00:00+08:00")));
    recalled.now = at("2026-08-19T10:00:00+08:00");
    let escalated = come(&recalled.handover, recalled.now, policy()).unwrap().unwrap();
    assert_eq!(of_handover(&escalated).len(), 2);
    recalled.keep(escalated);
    let confirmed = recalled.then(HandoverSide::Receiver, &Step::ConfirmErasure);
    assert!(!confirmed.handover.is_overdue(at("2026-09-19T10:00:00+08:00")));
    assert_eq!(confirmed.handover.call_at, None);
}

// ---- erasure follows --------------------------------------------------------------------

/// A report that was handed over to two agencies, closed, and reopened.
fn reopened() -> (Life, Vec<Handover>) {
    let mut life = Life::of(new_report()).adopted();
    let decided = life.attempt(&district_manager(), hand_over(&["fire", "market"])).unwrap();
    let handovers = decided.handovers.iter().map(|decided| decided.handover.clone()).collect();
    life.keep(decided);
    (life.after(&district_manager(), Action::Close).after(&district_manager(), Action::Reopen), handovers)
}

#[test]
fn what_is_unfounded_or_erased_is_called_back_from_everybody() {
    for (reason, expected) in [
        (RejectionReason::Unfounded, Some(RecallReason::Unfounded)),
        (RejectionReason::OutOfScopeLawfulActivity, Some(RecallReason::ContentErased)),
        (RejectionReason::NotConfirmed, None),
    ] {
        let (life, mut handovers) = reopened();
        let context = context(&district_manager(), life.report.version, life.now);
        let decided = life.attempt(&district_manager(), reject(reason)).unwrap();
        assert_eq!(decided.recalls(), expected, "{reason}");
        let one = decided.clone().with_recalls(&handovers[..1], &context);
        assert_eq!(one.is_err(), expected.is_some(), "none may be forgotten");
        // One that was recalled before holds nothing any more.
        let (id, role) = (district_manager().id, Role::DistrictManager);
        handovers[1] = recall(&handovers[1], (&id, role), RecallReason::NotNeeded, &context).unwrap().handover;
        let decided = decided.with_recalls(&handovers, &context).unwrap();
        let recalled: Vec<_> = decided.handovers.iter().map(|decided| decided.handover.id).collect();
        assert_eq!(recalled, expected.map(|_| handovers[0].id).into_iter().collect::<Vec<_>>(), "{reason}");
        for decided in decided.handovers {
            assert_eq!((decided.handover.state, decided.handover.recall_reason), (HandoverState::Recalled, expected));
        }
    }
}

#[test]
fn what_is_withdrawn_or_linked_to_another_is_called_back_and_names_no_reporter() {
    for (actor, action, by) in [
        (author(), Action::Withdraw, (MemberId::clock(), Role::Clock)),
        (district_manager(), Action::MarkDuplicate, (district_manager().id, Role::DistrictManager)),
    ] {
        let (life, handovers) = reopened();
        let context = context(&actor, life.report.version, life.now);
        let original = Report { id: handover_code(77), ..Life::of(new_report()).report };
        let wanted = match request(action) {
            Request::MarkDuplicate { note, .. } => Request::MarkDuplicate { original: original.id, note },
            other => other,
        };
        let decided = life.attempt_with(&actor, wanted, Some(&original)).unwrap();
        assert_eq!(decided.recalls(), Some(RecallReason::NotNeeded), "{action}");
        let decided = decided.with_recalls(&handovers, &context).unwrap();
        assert_eq!(decided.handovers.len(), handovers.len());
        for (decided, before) in decided.handovers.iter().zip(&handovers) {
            let (after, event) = (&decided.handover, &decided.event);
            assert_eq!((after.state, after.recall_reason), (HandoverState::Recalled, Some(RecallReason::NotNeeded)));
            assert_eq!((&event.actor, event.role, event.previous), (&by.0, by.1, before.head));
            let said = serde_json::to_string(&(after, event)).unwrap();
            assert!(!said.contains(author().id.as_str()), "{said}");
        }
    }
}

/// How many items the transaction of a decision writes at most: the receipt, the report, its event,
/// three places in queues, four notices, the texts, and three for each hand-over.
fn writes(before: &Report, decided: &Decided) -> usize {
    let texts = if decided.event.erases { before.contents.len() } else { decided.contents.len() };
    10 + texts + 3 * decided.handovers.len()
}

#[test]
fn a_report_can_always_be_erased_in_one_transaction() {
    for talked in [0, 20, 40] {
        let mut life = Life::of(new_report());
        while life.report.contents.len() < talked {
            life = life.after(&author(), Action::Message);
        }
        life = life.adopted();
        let mut handovers = Vec::new();
        // As often as it can be, by one at a time.
        loop {
            let Request::HandOver(mut new) = hand_over(&["fire"]) else { panic!() };
            new.beside.codes = vec![handover_code(handovers.len())];
            new.note = Some(written("note"));
            match life.attempt(&district_manager(), Request::HandOver(new)) {
                Ok(decided) => {
                    handovers.extend(decided.handovers.iter().map(|decided| decided.handover.clone()));
                    life.keep(decided);
                }
                Err(error) => {
                    assert_eq!(error, Refusal::TooManyHandovers.into());
                    break;
                }
            }
        }
        assert!((5..=MAX_HANDOVERS).contains(&handovers.len()), "{talked}: {}", handovers.len());
        // It can still be closed with a note, taken up again and sent down, with notes, and be ended.
        let note = || Some(written("note"));
        life = life.then(&district_manager(), Request::Close { note: note() });
        life = life.then(&district_manager(), Request::Reopen { note: written("note") });
        assert!(life.report.contents.len() + 3 * handovers.len() <= MAX_CONTENTS);
        let request = Request::Reject { reason: RejectionReason::OutOfScopeLawfulActivity, note: note() };
        let context = context(&district_manager(), life.report.version, life.now);
        let decided = life.attempt(&district_manager(), request).unwrap().with_recalls(&handovers, &context).unwrap();
        assert_eq!(decided.handovers.len(), handovers.len());
        assert!(writes(&life.report, &decided) <= 100, "{}", writes(&life.report, &decided));
    }
}

// ---- a district's own copy --------------------------------------------------------------

/// The copy that another district makes of a hand-over, as a life of its own.
fn copied() -> (Passed, Life) {
    let before = Passed::to_hedong();
    let context = context(&elsewhere(), before.handover.version, before.now);
    let community = node("hedong.xincun.yi");
    let extract = before.handover.extract.clone().unwrap();
    let Decided { report, event, contents, .. } =
        submit_copy(&before.handover, &extract, handover_code(99), community.clone(), &elsewhere(), context).unwrap();
    let life = Life { report, events: vec![event], contents, now: before.now };
    (before.then(HandoverSide::Receiver, &Step::Accept { node: Some(community) }), life)
}

#[test]
fn a_copy_is_reviewed_like_any_report_and_has_no_reporter() {
    let (passed, life) = copied();
    assert_eq!(passed.handover.copy, Some(life.report.id));
    assert_eq!(life.report.origin, Some(passed.handover.id));
    assert_eq!((life.report.state, life.report.stage), (State::OfficerReview, Stage::Officer));
    assert!(life.report.reporter.is_no_reporter());
    assert_eq!(MemberId::parse(life.report.reporter.as_str()).ok(), None, "no member can have this id");
    let said = serde_json::to_string(&(&life.report, &life.events, &life.contents)).unwrap();
    for secret in [author().id.as_str(), author().pseudonym.as_str(), passed.handover.report.as_str()] {
        assert!(!said.contains(secret), "{secret} stands in {said}");
    }
    let told: Vec<_> = of_report(&life.events[0], &life.report.reporter).into_iter().map(|notice| notice.to).collect();
    let officers = Audience::Reviewers { stage: Stage::Officer, node: node("hedong.xincun.yi") };
    assert_eq!(told, [officers], "the officer, and no reporter");
    let their = |id: &str, role, place: &str| member(id, role, place);
    let their_officer = their("officer-yi", Role::Officer, "hedong.xincun.yi");
    for action in [Action::Return, Action::Message] {
        assert_eq!(life.refusal(&their_officer, request(action)), Refusal::NoReporter.into(), "{action}");
        assert!(!crate::decide::offered(&life.report, &their_officer).contains(&action));
    }
    let adopted = life
        .after(&their_officer, Action::Approve)
        .after(&their("manager-xincun", Role::StationManager, "hedong.xincun"), Action::Approve)
        .after(&elsewhere(), Action::Approve);
    assert_eq!(adopted.report.state, State::Adopted);
    let feedback: Vec<_> = adopted.events.iter().flat_map(|event| of_report(event, &adopted.report.reporter)).collect();
    assert!(feedback.iter().all(|notice| !matches!(notice.to, Audience::Member { .. })), "{feedback:?}");
}

/// A copy can be handed on, and come back to the district whose reviewers the original names.
#[test]
fn a_copy_begins_above_those_whom_the_original_names() {
    let passed = Passed::to_hedong();
    let extract = passed.handover.extract.clone().unwrap();
    for &concerns in Concerns::ALL {
        for &urgency in Urgency::ALL {
            let handover = Handover { urgency, concerns, ..passed.handover.clone() };
            let context = context(&elsewhere(), handover.version, passed.now);
            let place = node("hedong.xincun.yi");
            let copy = submit_copy(&handover, &extract, handover_code(99), place, &elsewhere(), context).unwrap();
            assert_eq!((copy.report.concerns, copy.report.stage), (concerns, concerns.first_stage()));
            let told: Vec<_> =
                of_report(&copy.event, &copy.report.reporter).into_iter().map(|notice| notice.to).collect();
            assert!(!told.is_empty(), "{concerns} {urgency}");
            for audience in told {
                let Audience::Reviewers { stage, .. } = audience else { panic!("{audience:?} is no reviewer") };
                assert!(stage >= concerns.first_stage(), "{concerns} {urgency}: {stage} is told");
            }
        }
    }
}

#[test]
fn a_copy_of_what_was_recalled_is_erased_and_its_media_are_the_originals() {
    let (passed, life) = copied();
    let clock = crate::decide::clock_member(node("hedong"));
    let recalled = passed.then(HandoverSide::Sender, &Step::Recall { reason: RecallReason::Unfounded });
    assert_eq!(recalled.handover.copy_to_erase(), Some(life.report.id));
    assert_eq!(recalled.handover.call_at, Some(recalled.now), "the clock has to look at once");
    let early = recalled.attempt(HandoverSide::Receiver, &Step::ConfirmErasure);
    assert_eq!(early.unwrap_err(), Refusal::CopyNotErased.into());
    let erased = life.then(&clock, Request::Recall);
    assert_eq!((erased.report.state, erased.report.erased_at.is_some()), (State::Withdrawn, true));
    assert!(erased.contents.is_empty() && erased.report.media.is_empty());
    assert!(erased.report.erased_media.is_empty(), "the objects belong to the original and go with it");
    let mut recalled = recalled;
    let decided = copy_erased(&recalled.handover, recalled.now).unwrap();
    recalled.keep(decided);
    assert_eq!((recalled.handover.copy_to_erase(), recalled.handover.call_at), (None, recalled.handover.erase_by));
    recalled.then(HandoverSide::Receiver, &Step::ConfirmErasure).check();
}

#[test]
fn only_a_copy_is_called_back() {
    let life = Life::of(new_report());
    let clock = super::clock();
    let context = context(&clock, life.report.version, life.now);
    assert_eq!(decide(&life.report, &clock, Request::Recall, None, context), Err(Refusal::WrongRole.into()));
    for person in [officer(), manager(), district_manager(), elsewhere()] {
        let (_, copy) = copied();
        assert!(copy.attempt(&person, Request::Recall).is_err(), "{}", person.id);
    }
}

/// An unworded extract is read by the officer as what was asked.
#[test]
fn a_copy_says_what_the_extract_says() {
    let passed = Passed::to_hedong();
    let context = context(&elsewhere(), 1, passed.now);
    let texts: Vec<Content> = [Some(written("worded")), None]
        .into_iter()
        .map(|text| {
            let extract = Extract { text, ..passed.handover.extract.clone().unwrap() };
            let place = node("hedong.xincun.yi");
            let copy =
                submit_copy(&passed.handover, &extract, handover_code(99), place, &elsewhere(), context).unwrap();
            copy.contents.into_iter().next().unwrap()
        })
        .collect();
    assert_eq!((texts[0].text.clone(), texts[1].text.clone()), (written("worded"), passed.handover.asks.clone()));
}

// ---- who is told ------------------------------------------------------------------------

#[test]
fn who_is_told_of_what_and_in_which_words() {
    let mut table = String::new();
    let mut show = |decided: &crate::handover::Decided| {
        let shown: Vec<Notice> = of_handover(decided);
        writeln!(table, "{} → {}", decided.event.action, decided.event.to).unwrap();
        for notice in &shown {
            let said = format!("{} {}", notice.text.zh_cn, notice.text.en);
            assert!(!MARKERS.iter().any(|marker| said.contains(marker)), "{said}");
            assert!(said.contains(&decided.handover.id.to_string()), "{said}");
            assert_eq!(notice.pseudonym, None);
            let whom = format!("{:?}", Notice::address(&notice.to));
            writeln!(table, "    {whom}\n        {}\n        {}", notice.text.zh_cn, notice.text.en).unwrap();
        }
    };
    for passed in [Passed::to_fire(), Passed::to_hedong()] {
        show(&crate::handover::Decided { handover: passed.handover.clone(), event: passed.events[0].clone() });
        let accepted = passed.clone().then(HandoverSide::Receiver, &Step::Accept { node: None });
        for wanted in steps() {
            for from in [&passed, &accepted] {
                for side in [HandoverSide::Sender, HandoverSide::Receiver] {
                    if let Ok(decided) = from.attempt(side, &wanted) {
                        show(&decided);
                    }
                }
            }
        }
        for mut late in [
            passed.clone(),
            passed.clone().then(HandoverSide::Receiver, &Step::Ask { text: written("question") }),
            passed.clone().opened().then(HandoverSide::Sender, &Step::Recall { reason: RecallReason::Unfounded }),
        ] {
            for _ in 0..2 {
                let decided = come(&late.handover, late.handover.call_at.unwrap(), policy()).unwrap().unwrap();
                show(&decided);
                late.keep(decided);
            }
            if late.handover.state == HandoverState::Recalled {
                late.keep(copy_erased(&late.handover, late.now).unwrap());
                show(&crate::handover::Decided {
                    handover: late.handover.clone(),
                    event: late.events.last().unwrap().clone(),
                });
                let decided = late.attempt(HandoverSide::Receiver, &Step::ConfirmErasure).unwrap();
                show(&decided);
            }
        }
    }
    insta::assert_snapshot!("who_is_told_of_handovers", table);
}
