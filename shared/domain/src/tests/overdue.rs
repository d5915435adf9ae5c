//! What the clock does with a report that nobody touches, step by step.

use jiff::{SignedDuration, Timestamp};

use super::{
    Life, author, clock, concerning, district_manager, manager, medium, neighbour, new_report, officer, policy, reject,
    request, urgent,
};
use crate::{
    calendar::Policy,
    decide::Request,
    error::Error,
    event::verify_chain,
    feedback::{Step, feedback},
    life::{Action, RejectionReason, Stage, State},
    named::Named as _,
    notice::{self, Audience},
    overdue::{self, MAX_REMINDERS},
    report::{Concerns, Report, Urgency},
};

/// The most steps of one report's life by the clock alone.
const MOST: usize = 40;

/// Lets the clock do all that it ever does with this report: each time in the moment for which
/// it has booked itself, a second late. Gives what it did, with the district's own time.
fn left_alone(mut life: Life) -> (Life, Vec<String>) {
    let mut done = Vec::new();
    for _ in 0..MOST {
        let Some(at) = life.report.clock_at else { return (life, done) };
        let early = at.checked_sub(SignedDuration::from_secs(1)).unwrap();
        assert_eq!(overdue::due(&life.report, early), None, "not before its time");
        life.now = at;
        let request = overdue::due(&life.report, at).expect("what is booked is something to do");
        let action = request.action();
        life = life.then(&clock(), request);
        let local = at.to_zoned(policy().calendar.time_zone.clone()).strftime("%a %d %H:%M");
        done.push(format!("{local} {action} {}", life.report.state));
    }
    panic!("the clock never comes to an end: {done:?}");
}

#[test]
fn what_nobody_touches_is_reminded_of_and_goes_up_and_is_never_dropped() {
    let lives = [
        ("routine", Life::of(new_report())),
        ("urgent", Life::of(urgent(Urgency::Urgent))),
        ("emergency", Life::of(urgent(Urgency::Emergency))),
        ("a question that is not answered", Life::of(new_report()).after(&officer(), Action::Return)),
        ("about the station", Life::of(concerning(Concerns::StationManagement))),
        ("unfounded", Life::of(new_report()).then(&officer(), reject(RejectionReason::Unfounded))),
        ("adopted", Life::of(new_report()).adopted()),
    ];
    let mut told = Vec::new();
    for (name, life) in lives {
        let (life, done) = left_alone(life);
        assert_eq!(verify_chain(&life.events, life.report.head), Ok(()));
        let end = &life.report;
        told.push(format!("{name}\n  {}\n  ends {} with {} reminders", done.join("\n  "), end.state, end.reminders));
    }
    insta::assert_snapshot!("what_the_clock_does", told.join("\n"));
}

#[test]
fn at_the_district_the_reminders_end_and_the_report_stays() {
    let (life, _) = left_alone(Life::of(new_report()));
    assert_eq!((life.report.state, life.report.reminders), (State::DistrictReview, MAX_REMINDERS));
    assert!(life.report.due_at.is_some() && life.report.state.has_deadline(), "it stays in the list");
    // Whatever is done with it then begins anew.
    let down = life.after(&district_manager(), Action::SendDown);
    assert_eq!((down.report.reminders, down.report.clock_at), (0, down.report.due_at));
}

#[test]
fn whatever_moves_a_report_sets_its_clock_and_whatever_ends_it_stops_it() {
    let life = Life::of(new_report());
    assert_eq!(life.report.clock_at, life.report.due_at);
    let reminded = life.later_by_hours(40).after(&clock(), Action::Remind);
    assert_eq!(reminded.report.reminders, 1);
    assert!(reminded.report.clock_at > Some(reminded.now));
    // Talk changes nothing of it.
    let talked = reminded.clone().after(&author(), Action::Message);
    assert_eq!((talked.report.reminders, talked.report.clock_at), (1, reminded.report.clock_at));
    let up = talked.after(&officer(), Action::Approve);
    assert_eq!((up.report.reminders, up.report.clock_at), (0, up.report.due_at));
    let asked = up.after(&manager(), Action::Return);
    assert_eq!((asked.report.reminders, asked.report.clock_at), (0, asked.report.due_at));
    for action in [Action::Withdraw, Action::Reject] {
        let who = if action == Action::Withdraw { author() } else { manager() };
        assert_eq!(asked.clone().after(&who, action).report.clock_at, None, "{action}");
    }
    let adopted = asked.after(&manager(), Action::Approve).after(&district_manager(), Action::Approve);
    assert_eq!((adopted.report.clock_at, adopted.report.due_at), (None, None));
}

#[test]
fn half_of_the_hours_are_given_again_and_never_less_than_two() {
    let hours = |stage: Stage, urgency: Urgency| {
        let report = Report { stage, urgency, reminders: 1, ..Life::of(new_report()).report };
        // A Monday at nine, when working time has just begun.
        let monday: Timestamp = "2037-08-10T01:00:00Z".parse().unwrap();
        let at = overdue::after_reminder(&report, policy(), monday).unwrap();
        (0..6_000)
            .find(|&minutes| policy().calendar.after_working_time(monday, SignedDuration::from_mins(minutes)) >= at)
    };
    assert_eq!(hours(Stage::Officer, Urgency::Routine), Some(4 * 60));
    assert_eq!(hours(Stage::Station, Urgency::Routine), Some(8 * 60));
    assert_eq!(hours(Stage::Officer, Urgency::Urgent), Some(2 * 60));
    assert_eq!(hours(Stage::Station, Urgency::Urgent), Some(2 * 60));
    assert_eq!(hours(Stage::District, Urgency::Routine), Some(8 * 60));
}

#[test]
fn a_clock_that_stood_still_gives_everybody_their_time_all_the_same() {
    // A fortnight nobody was told of anything.
    let life = Life::of(new_report()).later_by_hours(14 * 24);
    let reminded = life.after(&clock(), Action::Remind);
    let next = reminded.report.clock_at.unwrap();
    assert_eq!(next, policy().calendar.after_working_hours(reminded.now, 4));
    assert_eq!(overdue::due(&reminded.report, reminded.now), None);
}

#[test]
fn the_reporter_is_reminded_of_a_question_and_not_of_what_others_owe() {
    let late = Life::of(new_report()).after(&clock(), Action::Remind);
    assert_eq!(feedback(late.newest()), None);
    let asked = Life::of(new_report()).after(&officer(), Action::Return).after(&clock(), Action::Remind);
    assert_eq!(feedback(asked.newest()).map(|told| told.step), Some(Step::QuestionWaits));
    let told: Vec<_> = notice::of_report(asked.newest(), &author().id).into_iter().map(|notice| notice.to).collect();
    let node = officer().node;
    assert_eq!(told, [Audience::Reviewers { stage: Stage::Officer, node }, Audience::Member { member: author().id }]);
    let up = asked.after(&clock(), Action::Escalate);
    let told = feedback(up.newest()).unwrap();
    assert_eq!((told.step, told.due_at), (Step::AtStation, up.report.due_at));
}

#[test]
fn what_is_unfounded_is_erased_after_thirty_days_and_nothing_else_is() {
    let sent = || Life::sent_by(&author(), new_report(), vec![medium(1), medium(2)]);
    for &reason in RejectionReason::ALL {
        let rejected = sent().then(&officer(), reject(reason));
        let days = (reason == RejectionReason::Unfounded).then_some(30);
        let expected = days.map(|days| rejected.now.checked_add(SignedDuration::from_hours(24 * days)).unwrap());
        assert_eq!(rejected.report.clock_at, expected, "{reason}");
        if reason != RejectionReason::Unfounded {
            let refused = rejected.refusal(&clock(), Request::Erase);
            assert!(matches!(refused, Error::WrongState(_) | Error::Refused(_)), "{refused}");
        }
    }
    let rejected = sent().then(&officer(), reject(RejectionReason::Unfounded)).later_by_hours(30 * 24);
    assert_eq!(overdue::due(&rejected.report, rejected.now), Some(Request::Erase));
    let erased = rejected.then(&clock(), Request::Erase);
    let Life { report, events, contents, now } = &erased;
    assert_eq!((report.state, report.reason), (State::Rejected, Some(RejectionReason::Unfounded)));
    assert_eq!((report.erased_at, report.clock_at), (Some(*now), None));
    assert_eq!(report.erased_media, [medium(1).id, medium(2).id]);
    assert_eq!((report.media.len(), report.contents.len(), contents.len()), (0, 0, 0));
    assert!(erased.newest().erases);
    assert_eq!(verify_chain(events, report.head), Ok(()));
    assert_eq!(feedback(erased.newest()).map(|told| told.step), Some(Step::Erased));
    // Nothing comes after it.
    assert_eq!(overdue::due(report, *now), None);
    assert!(erased.attempt(&district_manager(), request(Action::Reopen)).is_err());
}

#[test]
fn what_is_reopened_in_time_is_not_erased() {
    let rejected = Life::of(new_report()).then(&officer(), reject(RejectionReason::Unfounded)).later_by_hours(29 * 24);
    let reopened = rejected.after(&manager(), Action::Reopen);
    assert_eq!(reopened.report.clock_at, reopened.report.due_at);
    let in_time = reopened.later_by_hours(2 * 24);
    assert_ne!(overdue::due(&in_time.report, in_time.now), Some(Request::Erase));
    assert!(in_time.attempt(&clock(), Request::Erase).is_err());
}

#[test]
fn nobody_but_the_clock_does_what_the_clock_does() {
    let rejected = Life::of(new_report()).then(&officer(), reject(RejectionReason::Unfounded));
    for person in [author(), neighbour(), officer(), manager(), district_manager()] {
        assert!(rejected.attempt(&person, Request::Erase).is_err(), "{}", person.id);
        for request in [Request::Remind, Request::Escalate] {
            assert!(Life::of(new_report()).attempt(&person, request).is_err(), "{}", person.id);
        }
    }
}

#[test]
fn reports_of_older_bundles_get_their_clock_from_what_they_say() {
    let older = |life: &Life| Report { clock_at: None, ..life.report.clone() };
    let waits = Life::of(new_report());
    assert_eq!(overdue::clock_of_older(&older(&waits)), waits.report.due_at);
    let unfounded = waits.clone().then(&officer(), reject(RejectionReason::Unfounded));
    assert_eq!(overdue::clock_of_older(&older(&unfounded)), unfounded.report.clock_at);
    let done = waits.clone().after(&officer(), Action::Reject);
    assert_eq!(overdue::clock_of_older(&older(&done)), None);
    // At the end of the district's reminders there is nothing to do on purpose.
    let (end, _) = left_alone(waits);
    assert_eq!(overdue::clock_of_older(&end.report), None);
    // What an older bundle has stored reads, and what has no clock is stored as it was.
    let stored = serde_json::to_value(older(&end)).unwrap();
    assert!(stored.get("clock_at").is_none());
    let mut before = serde_json::to_value(older(&Life::of(new_report()))).unwrap();
    assert!(before.get("reminders").is_none());
    before.as_object_mut().unwrap().remove("clock_at");
    assert_eq!(serde_json::from_value::<Report>(before).unwrap(), older(&Life::of(new_report())));
}

#[test]
fn the_clock_goes_by_the_festivals() {
    let json = r#"{"festivals": [{"name": "x", "from": "2037-08-13", "to": "2037-08-21"}]}"#;
    let policy = Policy::parse(json, policy().calendar.time_zone.clone()).unwrap();
    // Wednesday 12 August; the officer is reminded on Friday of the festival's first week.
    let life = Life::of(new_report());
    let friday: Timestamp = "2037-08-14T04:00:00Z".parse().unwrap();
    let report = Report { reminders: 1, ..life.report };
    let next = overdue::after_reminder(&report, &policy, friday).unwrap();
    // Monday after it, four hours after nine.
    assert_eq!(next, "2037-08-24T05:00:00Z".parse().unwrap());
}
