//! What can be done with an outcome, by whom, and that it always counts once.

use std::{collections::BTreeMap, fmt::Write as _};

use jiff::{
    SignedDuration,
    civil::{Date, date},
};
use proptest::prelude::*;
use uuid::Uuid;

use super::{
    Life, MARKERS, author, district_manager, manager, manager_elsewhere, member, neighbour, new_report, node, officer,
    officer_elsewhere, unknown_report, wednesday, written,
};
use crate::{
    code::Code,
    command::CommandId,
    deputy::Cover,
    district::{Agency, District, Label, OutcomeKind},
    error::{Error, FieldError, Refusal},
    handover::{Handover, HandoverId, HandoverState, Receiver},
    hash::Digest,
    life::{RejectionReason, State},
    member::{Member, Role},
    membership::Profile,
    named::Named as _,
    notice::{self, About, Audience},
    outcome::{
        Claim, Counted, MAX_COUNT, MAX_REPORTS, Outcome, OutcomeEvent, OutcomeState, leaves_no_text, verify_history,
    },
    outcome_life::{Context, Decided, Found, NewOutcome, Step, is_there, record, step},
    report::{Category, Concerns, NewReport, Report},
    text::Text,
};

const DAY: Date = date(2026, 8, 10);
const TODAY: Date = date(2026, 8, 12);

fn label(text: &str) -> Label {
    Label::parse(text).unwrap()
}

fn district() -> District {
    let name = || Text::new("名", "Name");
    District {
        agencies: vec![Agency { label: label("fire"), name: name() }],
        outcome_kinds: vec![OutcomeKind { label: label("lost_persons_found"), name: name() }],
        ..super::task::district()
    }
}

fn second_district_manager() -> Member {
    member("manager-hexi-2", Role::DistrictManager, "hexi")
}

fn third_district_manager() -> Member {
    member("manager-hexi-3", Role::DistrictManager, "hexi")
}

fn firefighter() -> Member {
    Member { agency: Some(label("fire")), ..member("agency-fire", Role::AgencyHandler, "hexi") }
}

fn inspector() -> Member {
    Member { agency: Some(label("market")), ..member("agency-market", Role::AgencyHandler, "hexi") }
}

fn next_district() -> Member {
    member("manager-hedong", Role::DistrictManager, "hedong")
}

/// The report that everything here comes of.
fn adopted() -> Report {
    Life::of(new_report()).adopted().report
}

/// Another one of the same community, by a neighbour.
fn also_adopted(number: u8) -> Report {
    let id = Code::from_digest(&Digest::of(&[b"report", &[number]]));
    Report { id, reporter: neighbour().id, pseudonym: neighbour().pseudonym, ..adopted() }
}

fn handed_over(report: &Report, receiver: &Receiver, state: HandoverState) -> Handover {
    // Written as a record, so that it reads whatever else hand-overs hold.
    let record = serde_json::json!({
        "id": Code::from_digest(&Digest::of(&[b"handover", report.id.as_str().as_bytes()])),
        "version": 2, "head": Digest::ZERO, "report": report.id, "district": "hexi", "node": report.node,
        "category": report.category, "urgency": "routine", "concerns": report.concerns, "receiver": receiver,
        "asks": "Look.", "state": state, "deadline_hours": 24, "due_at": wednesday(),
        "made_by": district_manager().id, "created_by": Digest::ZERO, "created_at": wednesday(),
        "updated_at": wednesday(),
    });
    serde_json::from_value(record).unwrap()
}

fn to_fire() -> Receiver {
    Receiver::Agency { agency: label("fire") }
}

fn to_next_district() -> Receiver {
    Receiver::District { district: node("hedong") }
}

fn claim(count: u32) -> Claim {
    Claim { kind: label("suspects_arrested"), count, on: DAY }
}

fn context(actor: &Member, number: u64) -> Context {
    let command = CommandId::new(&actor.id, Uuid::from_u64_pair(7, number));
    let mut salt = [3; 16];
    salt[..8].copy_from_slice(&number.to_be_bytes());
    Context { command, salt, now: wednesday(), today: TODAY }
}

fn profile(member: &Member) -> Profile {
    Profile::seeded(member.clone(), wednesday())
}

fn new(reports: &[&Report], handover: Option<HandoverId>) -> NewOutcome {
    let reports = reports.iter().map(|report| report.id).collect();
    NewOutcome { claim: claim(1), reports, handover, evidence: written("custody record") }
}

fn attempt(new: &NewOutcome, found: &Found, actor: &Member) -> Result<Decided, Error> {
    let context = context(actor, 0);
    record(new, found, context.command.outcome_id(0), &profile(actor), &district(), context)
}

fn by_report(actor: &Member, report: Report) -> Decided {
    let new = new(&[&report], None);
    attempt(&new, &Found { reports: vec![Some(report)], handover: None }, actor).unwrap()
}

fn by_handover(actor: &Member, receiver: &Receiver) -> Decided {
    let handover = handed_over(&adopted(), receiver, HandoverState::Accepted);
    let new = new(&[], Some(handover.id));
    attempt(&new, &Found { reports: Vec::new(), handover: Some(handover) }, actor).unwrap()
}

fn correction(count: u32) -> Step {
    Step::Correct { claim: claim(count), evidence: written("the court's record") }
}

fn refusal() -> Step {
    Step::Refuse { reason: written("counted already") }
}

fn take(outcome: &Outcome, wanted: &Step, found: &Found, actor: &Member) -> Result<Decided, Error> {
    step(outcome, wanted, found, &profile(actor), &district(), context(actor, outcome.version))
}

fn then(outcome: &Outcome, wanted: &Step, actor: &Member) -> Outcome {
    take(outcome, wanted, &Found::default(), actor).unwrap().outcome
}

fn pointers(result: Result<Decided, Error>) -> Vec<String> {
    match result {
        Err(Error::Invalid(bad)) => bad.into_iter().map(|FieldError { pointer, .. }| pointer).collect(),
        other => panic!("is no bad field but {other:?}"),
    }
}

/// An outcome at each point of its life.
fn points(recorded: &Outcome) -> Vec<(&'static str, Outcome)> {
    let (first, second) = (district_manager(), second_district_manager());
    let confirmed = then(recorded, &Step::Confirm, &second);
    let corrected = then(&confirmed, &correction(3), &first);
    let annulled = then(&then(&confirmed, &correction(0), &first), &Step::Confirm, &second);
    vec![
        ("recorded", recorded.clone()),
        ("recorded, corrected by the first manager", then(recorded, &correction(2), &first)),
        ("refused", then(recorded, &refusal(), &second)),
        ("confirmed", confirmed),
        ("confirmed, corrected by the first manager", corrected),
        ("annulled", annulled.clone()),
        ("annulled, restored by the first manager", then(&annulled, &correction(1), &first)),
    ]
}

#[test]
fn who_does_what_with_an_outcome() {
    let people = [
        ("the officer", officer()),
        ("an officer of another community", officer_elsewhere()),
        ("the station", manager()),
        ("another station", manager_elsewhere()),
        ("the first manager", district_manager()),
        ("the second manager", second_district_manager()),
        ("the agency", firefighter()),
        ("another agency", inspector()),
        ("another district", next_district()),
        ("the auditor", member("auditor", Role::Auditor, "hexi")),
        ("the reporter", author()),
    ];
    let families = [
        ("the officer", by_report(&officer(), adopted())),
        ("the first manager", by_report(&district_manager(), adopted())),
        ("the agency", by_handover(&firefighter(), &to_fire())),
        ("another district", by_handover(&next_district(), &to_next_district())),
    ];
    let (report, handover) = (also_adopted(1), handed_over(&also_adopted(1), &to_fire(), HandoverState::Completed));
    let link = Step::Link { report: Some(report.id), handover: None };
    let link_handover = Step::Link { report: None, handover: Some(handover.id) };
    let found = Found { reports: vec![Some(report)], handover: Some(handover) };
    let steps = [Step::Confirm, refusal(), correction(4), link, link_handover];
    let mut table = String::new();
    for (recorder, decided) in families {
        for (point, outcome) in points(&decided.outcome) {
            writeln!(table, "\n{point}; was recorded by {recorder}").unwrap();
            for (name, person) in &people {
                let answers = steps.iter().map(|wanted| {
                    let answer = take(&outcome, wanted, &found, person);
                    assert_eq!(
                        answer == Err(Error::NotFound),
                        !is_there(&outcome, wanted, &found, &profile(person), wednesday()),
                        "{point}, {name}"
                    );
                    match answer {
                        Ok(Decided { outcome, .. }) => {
                            let waits = if outcome.proposal.is_some() { "+" } else { "" };
                            format!("{}{waits}", outcome.state)
                        }
                        Err(Error::Refused(refusal)) => format!("({})", refusal.name()),
                        Err(Error::NotFound) => "-".to_owned(),
                        Err(Error::Invalid(bad)) => format!("(bad {})", bad[0].pointer),
                        Err(other) => panic!("{other}"),
                    }
                });
                let [confirm, refuse, correct, link, by_handover] =
                    answers.collect::<Vec<_>>().try_into().unwrap_or_else(|_| panic!("five steps"));
                writeln!(
                    table,
                    "    {name:<32} confirm {confirm:<24} refuse {refuse:<24} correct {correct:<24} link {link:<24} by hand-over {by_handover}"
                )
                .unwrap();
            }
        }
    }
    insta::assert_snapshot!("steps_of_outcomes", table);
}

#[test]
fn it_counts_once_it_is_confirmed_by_somebody_else() {
    let recorded = by_report(&district_manager(), adopted());
    assert_eq!((recorded.outcome.state, &recorded.outcome.counted), (OutcomeState::Proposed, &None));
    assert_eq!((&recorded.event.before, &recorded.event.after), (&None, &None));
    let own = take(&recorded.outcome, &Step::Confirm, &Found::default(), &district_manager());
    assert_eq!(own, Err(Refusal::OwnOutcome.into()));
    let confirmed = take(&recorded.outcome, &Step::Confirm, &Found::default(), &second_district_manager()).unwrap();
    let counted = confirmed.event.after.clone().unwrap();
    assert_eq!((counted.count, counted.on, &counted.node), (1, DAY, &author().node));
    assert_eq!(confirmed.outcome.counted, Some(counted.clone()));
    let again = take(&confirmed.outcome, &Step::Confirm, &Found::default(), &third_district_manager());
    assert_eq!(again, Err(Refusal::WrongOutcomeState.into()));

    // A correction changes nothing before it is confirmed, nor when it is refused.
    let corrected = take(&confirmed.outcome, &correction(3), &Found::default(), &officer()).unwrap();
    assert_eq!((corrected.outcome.counted.as_ref(), corrected.event.after), (Some(&counted), None));
    let refused = then(&corrected.outcome, &refusal(), &district_manager());
    assert_eq!((refused.state, refused.counted.as_ref()), (OutcomeState::Confirmed, Some(&counted)));
    let taken = take(&corrected.outcome, &Step::Confirm, &Found::default(), &district_manager()).unwrap();
    assert_eq!((taken.event.before, taken.event.after.unwrap().count), (Some(counted), 3));
    // A count of 0 annuls it.
    let annulled = then(&then(&taken.outcome, &correction(0), &officer()), &Step::Confirm, &district_manager());
    assert_eq!((annulled.state, annulled.counted), (OutcomeState::Annulled, None));
}

#[test]
fn who_recorded_it_or_changed_what_waits_does_not_confirm_it() {
    let recorded = by_report(&district_manager(), adopted()).outcome;
    let corrected = then(&recorded, &correction(2), &second_district_manager());
    let confirm = |by: &Member| take(&corrected, &Step::Confirm, &Found::default(), by).map(|_| ());
    assert_eq!(confirm(&district_manager()), Err(Refusal::OwnOutcome.into()));
    assert_eq!(confirm(&second_district_manager()), Err(Refusal::OwnOutcome.into()));
    assert_eq!(confirm(&third_district_manager()), Ok(()));
}

#[test]
fn every_bad_field_is_named() {
    let report = adopted();
    let given = |change: &dyn Fn(&mut NewOutcome), reports: Vec<Option<Report>>| {
        let mut wanted = new(&[&report], None);
        change(&mut wanted);
        pointers(attempt(&wanted, &Found { reports, handover: None }, &officer()))
    };
    let there = || vec![Some(adopted())];
    assert_eq!(given(&|new| new.claim.kind = label("opinions"), there()), ["/kind"]);
    assert_eq!(given(&|new| new.claim.count = 0, there()), ["/count"]);
    assert_eq!(given(&|new| new.claim.count = MAX_COUNT + 1, there()), ["/count"]);
    assert_eq!(given(&|new| new.claim.on = date(2026, 8, 13), there()), ["/on"]);
    assert_eq!(given(&|new| new.claim.on = date(1999, 12, 31), there()), ["/on"]);
    assert_eq!(given(&|new| new.evidence = " ".to_owned(), there()), ["/evidence"]);
    assert_eq!(given(&|new| new.reports.clear(), Vec::new()), ["/reports"]);
    assert_eq!(given(&|new| new.handover = Some(unknown_report()), there()), ["/reports"]);
    assert_eq!(given(&|_| {}, vec![None]), ["/reports/0"]);
    let other = Life::of(new_report()).report;
    assert_eq!(given(&|_| {}, vec![Some(other)]), ["/reports/0"], "it is not adopted");
    let twice = |new: &mut NewOutcome| new.reports.push(new.reports[0]);
    assert_eq!(given(&twice, vec![Some(adopted()), Some(adopted())]), ["/reports/1"]);
    let many = |new: &mut NewOutcome| new.reports = vec![new.reports[0]; MAX_REPORTS + 1];
    assert_eq!(given(&many, there()), ["/reports"]);
    let all = |new: &mut NewOutcome| {
        new.claim = Claim { kind: label("x"), count: 0, on: date(2030, 1, 1) };
        new.evidence.clear();
        new.reports.clear();
    };
    assert_eq!(given(&all, Vec::new()), ["/kind", "/count", "/on", "/evidence", "/reports"]);
    // The day itself, the first day, and a kind of the district's own are taken.
    for (kind, on) in [("lost_persons_found", TODAY), ("hazards_removed", date(2000, 1, 1))] {
        let wanted = NewOutcome { claim: Claim { kind: label(kind), count: MAX_COUNT, on }, ..new(&[&report], None) };
        assert!(attempt(&wanted, &Found { reports: there(), handover: None }, &officer()).is_ok());
    }

    let outcome = by_report(&officer(), adopted()).outcome;
    let bad = |wanted: Step| pointers(take(&outcome, &wanted, &Found::default(), &district_manager()));
    assert_eq!(bad(Step::Refuse { reason: String::new() }), ["/reason"]);
    assert_eq!(bad(correction(0)), ["/count"], "nothing is counted that could be annulled");
    assert_eq!(bad(correction(1)), ["/count"], "it says the same");
    assert_eq!(bad(Step::Link { report: None, handover: None }), ["/report"]);
    assert_eq!(bad(Step::Link { report: Some(unknown_report()), handover: None }), ["/report"]);
    assert_eq!(bad(Step::Link { report: None, handover: Some(unknown_report()) }), ["/handover"]);
    let same = Step::Link { report: Some(outcome.leads[0].report), handover: None };
    let found = Found { reports: there(), handover: None };
    assert_eq!(pointers(take(&outcome, &same, &found, &officer())), ["/report"]);
    let mut full = outcome.clone();
    while full.leads.len() < MAX_REPORTS {
        let number = u8::try_from(full.leads.len()).unwrap();
        full.leads.push(crate::outcome::Lead::of(&also_adopted(number)));
    }
    let report = also_adopted(200);
    let one_more = Step::Link { report: Some(report.id), handover: None };
    assert_eq!(
        pointers(take(&full, &one_more, &Found { reports: vec![Some(report)], handover: None }, &officer())),
        ["/report"]
    );
}

#[test]
fn a_handover_is_for_its_receiver_alone_once_it_is_accepted() {
    for (receiver, rightful) in [(to_fire(), firefighter()), (to_next_district(), next_district())] {
        for &state in HandoverState::ALL {
            let handover = handed_over(&adopted(), &receiver, state);
            let accepted = Handover { accepted_at: Some(wednesday()), ..handover.clone() };
            let new = new(&[], Some(handover.id));
            let tried = |by: &Member, handover: &Handover| {
                attempt(&new, &Found { reports: Vec::new(), handover: Some(handover.clone()) }, by)
            };
            let taken = matches!(state, HandoverState::Accepted | HandoverState::Completed);
            match tried(&rightful, &handover) {
                Ok(decided) => {
                    assert!(taken, "{state}");
                    assert_eq!(decided.event.receiver, Some(receiver.clone()));
                    assert_eq!(decided.outcome.node, author().node, "it counts where the report came from");
                }
                refused => assert_eq!((taken, pointers(refused)), (false, vec!["/handover".to_owned()])),
            }
            // An open question keeps nobody who had accepted it from saying what came of it.
            let asked = state == HandoverState::Asked;
            assert_eq!(tried(&rightful, &accepted).is_ok(), taken || asked, "{state}");
            for stranger in [inspector(), officer(), district_manager()] {
                assert_eq!(pointers(tried(&stranger, &handover)), ["/handover"]);
            }
            let outside = Member { node: node("hedong"), ..firefighter() };
            assert_eq!(tried(&outside, &handover), Err(Error::NotFound));
            let others = Handover { district: node("elsewhere"), ..handover };
            assert!(tried(&rightful, &others).is_err());
        }
    }
    // And it names the hand-over: reports are not known to it.
    let report = adopted();
    let by_code =
        attempt(&new(&[&report], None), &Found { reports: vec![Some(report)], handover: None }, &firefighter());
    assert_eq!(pointers(by_code), ["/reports/0"]);
}

/// The officer of the community beside, who stands in for the officer of the report's.
fn deputy() -> Profile {
    let cover = Cover {
        absent: officer().id,
        node: officer().node,
        from: wednesday(),
        until: wednesday() + SignedDuration::from_hours(24),
    };
    Profile { covers: vec![cover], ..profile(&officer_elsewhere()) }
}

#[test]
fn a_deputy_records_what_the_absent_one_could_and_under_the_own_name() {
    let (report, at_home) = (adopted(), Report { node: officer_elsewhere().node, ..also_adopted(1) });
    let context = |seconds: i64| {
        let context = context(&officer_elsewhere(), 0);
        Context { now: wednesday() + SignedDuration::from_secs(seconds), ..context }
    };
    let found = |reports: &[&Report]| {
        let reports = reports.iter().map(|&report| Some(report.clone())).collect();
        Found { reports, handover: None }
    };
    let tried = |reports: &[&Report], profile: &Profile, context: Context| {
        let id = context.command.outcome_id(0);
        record(&new(reports, None), &found(reports), id, profile, &district(), context)
    };
    // Of both places at once: each report is reviewed at its own.
    let recorded = tried(&[&report, &at_home], &deputy(), context(0)).unwrap();
    assert_eq!((&recorded.event.actor, recorded.event.role), (&officer_elsewhere().id, Role::Officer));
    assert_eq!((&recorded.outcome.node, recorded.outcome.leads.len()), (&report.node, 2));
    let day = 24 * 60 * 60;
    for (profile, at) in [(deputy(), -1), (deputy(), day), (profile(&officer_elsewhere()), 0)] {
        assert_eq!(pointers(tried(&[&report], &profile, context(at))), ["/reports/0"], "{at}");
    }
    // What names the officers the absent one may not know either.
    let named = Report { concerns: Concerns::StationOfficer, ..report.clone() };
    assert_eq!(pointers(tried(&[&named], &deputy(), context(0))), ["/reports/0"]);

    // And so with the steps of one that the absent one has recorded.
    let outcome = by_report(&officer(), report).outcome;
    let take =
        |wanted: &Step, found: &Found, at: i64| step(&outcome, wanted, found, &deputy(), &district(), context(at));
    assert_eq!(outcome.acting(&deputy(), wednesday()).node, officer().node);
    let corrected = take(&correction(2), &Found::default(), 1).unwrap();
    assert_eq!(corrected.event.actor, officer_elsewhere().id);
    let link = Step::Link { report: Some(at_home.id), handover: None };
    assert_eq!(take(&link, &found(&[&at_home]), 1).unwrap().outcome.leads.len(), 2);
    assert_eq!(take(&Step::Confirm, &Found::default(), 1), Err(Refusal::WrongRole.into()));
    assert_eq!(take(&correction(2), &Found::default(), day), Err(Error::NotFound));
    assert!(!is_there(
        &outcome,
        &correction(2),
        &Found::default(),
        &deputy(),
        wednesday() + SignedDuration::from_secs(day)
    ));
}

#[test]
fn no_text_stands_on_what_was_erased_or_is_not_so() {
    let report = adopted();
    let rejected = |reason| Report { state: State::Rejected, reason: Some(reason), ..report.clone() };
    assert!(!leaves_no_text(&report));
    assert!(leaves_no_text(&Report { erased_at: Some(wednesday()), ..report.clone() }));
    for &reason in RejectionReason::ALL {
        assert_eq!(leaves_no_text(&rejected(reason)), reason == RejectionReason::Unfounded, "{reason}");
    }
    // Taken up again, it is a report as any other.
    assert!(!leaves_no_text(&Report { state: State::DistrictReview, ..rejected(RejectionReason::Unfounded) }));
}

#[test]
fn what_names_a_stage_does_not_exist_for_it() {
    for &concerns in Concerns::ALL {
        let life = Life::of(NewReport { concerns, category: Category::Crime, ..new_report() });
        let report = Report { state: State::Adopted, ..life.report };
        let outcome = by_report(&district_manager(), report).outcome;
        let also = also_adopted(1);
        let wanted = Step::Link { report: Some(also.id), handover: None };
        let found = Found { reports: vec![Some(also)], handover: None };
        for person in [officer(), manager()] {
            let named = person.role.stage().unwrap() < concerns.first_stage();
            let answer = take(&outcome, &wanted, &found, &person);
            assert_eq!(answer == Err(Error::NotFound), named, "{concerns}, {}: {answer:?}", person.role);
        }
    }
}

#[test]
fn whoever_has_a_report_that_led_to_it_gets_a_part_in_it() {
    let outcome = by_report(&officer(), adopted()).outcome;
    let elsewhere = Report { node: node("hexi.jianshan.meihua"), ..also_adopted(1) };
    let wanted = Step::Link { report: Some(elsewhere.id), handover: None };
    let found = Found { reports: vec![Some(elsewhere)], handover: None };
    assert_eq!(take(&outcome, &correction(2), &found, &officer_elsewhere()), Err(Error::NotFound));
    let linked = take(&outcome, &wanted, &found, &officer_elsewhere()).unwrap();
    assert_eq!(linked.outcome.leads.len(), 2);
    assert!(take(&linked.outcome, &correction(2), &found, &officer_elsewhere()).is_ok());
    assert_eq!(take(&outcome, &wanted, &found, &manager_elsewhere()), Err(Error::NotFound));
}

#[test]
fn texts_stand_apart_and_are_committed_to() {
    let recorded = by_report(&officer(), adopted());
    let note = recorded.note.clone().unwrap();
    assert_eq!((recorded.event.note, note.seq), (Some(note.commit().unwrap()), 1));
    assert!(MARKERS.iter().all(|word| note.text.contains(word)));
    let other = crate::outcome::Note { text: "another".to_owned(), ..note.clone() };
    assert_ne!(other.commit().unwrap(), note.commit().unwrap());
    let refused = take(&recorded.outcome, &refusal(), &Found::default(), &district_manager()).unwrap();
    let corrected = take(&recorded.outcome, &correction(2), &Found::default(), &manager()).unwrap();
    for decided in [recorded, refused, corrected] {
        let Decided { outcome, event, note, .. } = decided;
        let kept = serde_json::to_string(&(&outcome, &event)).unwrap();
        assert!(MARKERS.iter().all(|word| !kept.contains(word)), "{kept}");
        assert!(note.is_some());
    }
}

#[test]
fn who_is_told_of_an_outcome() {
    let recorded = by_report(&officer(), adopted());
    let reports = [adopted(), also_adopted(1)];
    let confirmed = take(&recorded.outcome, &Step::Confirm, &Found::default(), &district_manager()).unwrap();
    let wanted = Step::Link { report: Some(reports[1].id), handover: None };
    let found = Found { reports: vec![Some(reports[1].clone())], handover: None };
    let link = |outcome: &Outcome| take(outcome, &wanted, &found, &officer()).unwrap();
    let corrected = take(&confirmed.outcome, &correction(3), &Found::default(), &officer()).unwrap();
    let annulled = then(&then(&confirmed.outcome, &correction(0), &officer()), &Step::Confirm, &district_manager());
    let restored = then(&annulled, &correction(1), &officer());
    let mut table = String::new();
    for (what, decided) in [
        ("recorded", recorded.clone()),
        ("confirmed", confirmed.clone()),
        ("refused", take(&recorded.outcome, &refusal(), &Found::default(), &district_manager()).unwrap()),
        ("linked before it was confirmed", link(&recorded.outcome)),
        ("linked after it was confirmed", link(&confirmed.outcome)),
        ("corrected", corrected.clone()),
        (
            "the correction was confirmed",
            take(&corrected.outcome, &Step::Confirm, &Found::default(), &district_manager()).unwrap(),
        ),
        (
            "confirmed again after it was annulled",
            take(&restored, &Step::Confirm, &Found::default(), &district_manager()).unwrap(),
        ),
    ] {
        writeln!(table, "{what}").unwrap();
        for notice in notice::of_outcome(&decided, &reports) {
            if let About::CameOf { report } = notice.what {
                let known = format!("{:?}", (&notice.text, &notice.attributes()));
                assert!(!known.contains("suspects") && known.contains(&report.to_string()), "{known}");
            }
            let to = match &notice.to {
                Audience::Member { member } => member.to_string(),
                to => format!("{to:?}"),
            };
            writeln!(table, "    {to}: {} | {}", notice.text.zh_cn, notice.text.en).unwrap();
        }
    }
    insta::assert_snapshot!("who_is_told_of_outcomes", table);
}

/// What one of these people wants of one of the outcomes.
#[derive(Debug, Clone)]
struct Wish {
    person: usize,
    outcome: usize,
    number: u8,
    count: u32,
    day: i8,
    kind: usize,
    what: u8,
}

fn wishes() -> impl Strategy<Value = Vec<Wish>> {
    let wish = (0..8_usize, 0..3_usize, 0..5_u8, 0..4_u32, 1..12_i8, 0..3_usize, 0..6_u8).prop_map(
        |(person, outcome, number, count, day, kind, what)| Wish { person, outcome, number, count, day, kind, what },
    );
    proptest::collection::vec(wish, 0..60)
}

type Sums = BTreeMap<(Label, Date), i64>;

fn add(sums: &mut Sums, counted: Option<&Counted>, sign: i64) {
    let Some(Counted { kind, count, on, .. }) = counted else { return };
    *sums.entry((kind.clone(), *on)).or_default() += sign * i64::from(*count);
}

proptest! {
    #[test]
    fn the_events_always_sum_up_to_what_is_confirmed(wishes in wishes()) {
        let people = [
            officer(), manager(), district_manager(), second_district_manager(), third_district_manager(),
            firefighter(), next_district(), officer_elsewhere(),
        ];
        let kinds = ["suspects_arrested", "cases_solved", "lost_persons_found"];
        let mut outcomes: Vec<(Outcome, Vec<OutcomeEvent>)> = Vec::new();
        for (number, wish) in (0_u64..).zip(wishes) {
            let actor = &people[wish.person];
            let claim = Claim { kind: label(kinds[wish.kind]), count: wish.count, on: date(2026, 8, wish.day) };
            let report = also_adopted(wish.number);
            let handover = handed_over(&report, &to_fire(), HandoverState::Accepted);
            let (by_report, by_handover) = (actor.role != Role::AgencyHandler, actor.role == Role::AgencyHandler);
            let report_code = Some(report.id).filter(|_| by_report);
            let handover_code = Some(handover.id).filter(|_| by_handover);
            let found = Found { reports: vec![Some(report)], handover: Some(handover) };
            let context = context(actor, number);
            let before = outcomes.get(wish.outcome).cloned();
            let decided = match (&before, wish.what) {
                (None, _) => {
                    let new = NewOutcome {
                        claim, reports: report_code.into_iter().collect(), handover: handover_code, evidence: written("x"),
                    };
                    record(&new, &found, context.command.outcome_id(0), &profile(actor), &district(), context)
                }
                (Some((before, _)), what) => {
                    let wanted = match what {
                        0 | 1 => Step::Confirm,
                        2 => refusal(),
                        3 => Step::Link { report: report_code, handover: handover_code },
                        _ => Step::Correct { claim, evidence: written("y") },
                    };
                    step(before, &wanted, &found, &profile(actor), &district(), context)
                }
            };
            let Ok(decided) = decided else { continue };
            match outcomes.get_mut(wish.outcome) {
                Some((outcome, events)) => {
                    let had = outcome.counted.clone();
                    if let Some(proposal) = outcome.proposal.as_ref().filter(|_| decided.event.after.is_some()) {
                        prop_assert_ne!(&proposal.by, &decided.event.actor, "nobody confirms what they said");
                    }
                    if had != decided.outcome.counted {
                        prop_assert_eq!((&decided.event.before, &decided.event.after), (&had, &decided.outcome.counted));
                        prop_assert_eq!(decided.event.role, Role::DistrictManager);
                    }
                    *outcome = decided.outcome;
                    events.push(decided.event);
                }
                None => outcomes.push((decided.outcome, vec![decided.event])),
            }
        }
        let (mut by_events, mut by_outcomes) = (Sums::new(), Sums::new());
        for (outcome, events) in &outcomes {
            verify_history(events, outcome.head).unwrap();
            prop_assert_eq!(outcome.version, events.len() as u64);
            prop_assert_eq!(outcome.counted.is_some(), outcome.state == OutcomeState::Confirmed);
            if let Some(counted) = &outcome.counted {
                let Claim { kind, count, on } = &outcome.claim;
                prop_assert_eq!((kind, count, on), (&counted.kind, &counted.count, &counted.on));
            }
            let mut reports: Vec<_> = outcome.leads.iter().map(|lead| lead.report).collect();
            reports.sort();
            reports.dedup();
            prop_assert_eq!(reports.len(), outcome.leads.len(), "a report led to it once");
            add(&mut by_outcomes, outcome.counted.as_ref(), 1);
            for event in events {
                add(&mut by_events, event.before.as_ref(), -1);
                add(&mut by_events, event.after.as_ref(), 1);
            }
            // What was removed, altered or put in another order is seen.
            let last = events.len() - 1;
            prop_assert!(verify_history(&events[..last], outcome.head).is_err());
            let mut altered = events.clone();
            altered[last].after = Some(Counted {
                kind: label("cases_solved"), count: 9_999, on: DAY, node: node("hexi.jianshan.yulan"),
                category: Category::Crime, concerns: Concerns::Nobody,
            });
            prop_assert!(verify_history(&altered, outcome.head).is_err());
        }
        by_events.retain(|_, sum| *sum != 0);
        prop_assert_eq!(by_events, by_outcomes);
    }
}
