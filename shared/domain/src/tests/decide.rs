//! What each request does to a report, by example.

use super::{
    Life, at, author, clock, concerning, context, district_manager, hand_over, manager, medium, member, neighbour,
    new_report, officer, officer_elsewhere, reject, request, unknown_report, urgent, wednesday, written,
};
use crate::{
    content::{ContentKind, Side},
    decide::{Request, offered, submit},
    error::{Error, Refusal},
    life::{Action, RejectionReason, Stage, State},
    member::Role,
    named::Named as _,
    report::{
        Concerns, MAX_ADDRESS_CHARS, MAX_CONTENTS, MAX_MEDIA, MAX_MESSAGE_CHARS, MAX_TEXT_CHARS, NewReport, Place,
        Point, Report, Urgency,
    },
};

/// The fields that an error names.
fn bad_fields(error: Error) -> Vec<String> {
    match error {
        Error::Invalid(fields) => fields.into_iter().map(|field| field.pointer).collect(),
        error => panic!("{error} names no fields"),
    }
}

/// The only reason why a request is bad.
fn only_detail(error: Error) -> String {
    match error {
        Error::Invalid(mut fields) if fields.len() == 1 => fields.remove(0).detail,
        error => panic!("{error} is not about one field"),
    }
}

fn with_note(action: Action, note: &str) -> Request {
    let note = Some(note.to_owned());
    match request(action) {
        Request::Approve { .. } => Request::Approve { note },
        Request::Return { question, .. } => Request::Return { question, note },
        Request::Reject { reason, .. } => Request::Reject { reason, note },
        Request::Close { .. } => Request::Close { note },
        other => other,
    }
}

// ---- submission -------------------------------------------------------------------------

#[test]
fn a_report_starts_with_the_officer_and_keeps_what_was_sent() {
    let life = Life::sent_by(&author(), new_report(), vec![medium(1), medium(2)]);
    let Life { report, events, contents, .. } = &life;
    assert_eq!((report.state, report.stage, report.version), (State::OfficerReview, Stage::Officer, 1));
    assert_eq!((&report.reporter, report.pseudonym), (&author().id, author().pseudonym));
    assert_eq!((report.created_at, report.updated_at, report.stage_since), (life.now, life.now, life.now));
    assert_eq!(report.media, [medium(1), medium(2)]);
    assert_eq!(events[0].media, [medium(1).id, medium(2).id]);
    assert_eq!((events[0].from, &events[0].tells), (None, &vec![Stage::Officer]));
    assert_eq!(
        (contents[0].kind, contents[0].side, &contents[0].text),
        (ContentKind::Report, Side::Reporter, &written("seen"))
    );
    assert_eq!(events[0].contents, [contents[0].commit().unwrap()]);
}

#[test]
fn only_reporters_send_in_reports() {
    for sender in super::cast().into_iter().filter(|member| member.role != Role::Reporter) {
        let context = context(&sender, 0, wednesday());
        let refused = submit(new_report(), unknown_report(), &sender, Vec::new(), context);
        assert_eq!(refused, Err(Refusal::WrongRole.into()), "{}", sender.role);
    }
}

#[test]
fn every_bad_field_of_a_report_is_named_at_once() {
    let bad = NewReport {
        text: String::new(),
        place: Some(Place {
            address: Some("址".repeat(MAX_ADDRESS_CHARS + 1)),
            point: Some(Point { longitude_microdegrees: 180_000_001, latitude_microdegrees: i32::MIN }),
        }),
        observed_at: Some(at("2026-08-12T10:10:01+08:00")),
        media: (0..=MAX_MEDIA as u64).map(|number| medium(number).id).collect(),
        ..new_report()
    };
    let context = context(&author(), 0, wednesday());
    let error = submit(bad, unknown_report(), &author(), Vec::new(), context).unwrap_err();
    let all = ["/text", "/media", "/place/address", "/place/point/longitude", "/place/point/latitude", "/observed_at"];
    assert_eq!(bad_fields(error), all);
}

#[test]
fn what_just_fits_is_taken() {
    let fits = NewReport {
        text: "字".repeat(MAX_TEXT_CHARS),
        place: Some(Place {
            address: Some("址".repeat(MAX_ADDRESS_CHARS)),
            point: Some(Point { longitude_microdegrees: -180_000_000, latitude_microdegrees: 90_000_000 }),
        }),
        observed_at: Some(at("2026-08-12T10:10:00+08:00")),
        media: (0..MAX_MEDIA as u64).map(|number| medium(number).id).collect(),
        ..new_report()
    };
    assert_eq!(fits.validate(wednesday()), Ok(()));
    let bare = NewReport { place: None, text: "\tline\r\n线".to_owned(), ..new_report() };
    assert_eq!(bare.validate(wednesday()), Ok(()));
}

#[test]
fn what_does_not_fit_is_refused_with_the_reason() {
    let long = "字".repeat(MAX_TEXT_CHARS + 1);
    for (text, why) in
        [(" \n\t　", "empty"), (&long, "longer than 4000"), ("a\u{0}b", "control"), ("\u{1b}[2J", "control")]
    {
        let error = NewReport { text: text.to_owned(), ..new_report() }.validate(wednesday()).unwrap_err();
        assert!(only_detail(error).contains(why), "{why}");
    }
    let nowhere = NewReport { place: Some(Place { address: None, point: None }), ..new_report() };
    assert_eq!(bad_fields(nowhere.validate(wednesday()).unwrap_err()), ["/place"]);
    for longitude_microdegrees in [i32::MAX, i32::MIN, -180_000_001] {
        let point = Some(Point { longitude_microdegrees, latitude_microdegrees: 0 });
        let off = NewReport { place: Some(Place { address: None, point }), ..new_report() };
        assert_eq!(bad_fields(off.validate(wednesday()).unwrap_err()), ["/place/point/longitude"]);
    }
}

// ---- where a review starts, and who is kept out -----------------------------------------

#[test]
fn a_report_about_an_officer_starts_at_the_station_and_hides_from_every_officer() {
    let life = Life::of(concerning(Concerns::StationOfficer));
    assert_eq!(
        (life.report.state, life.newest().tells.as_slice()),
        (State::StationReview, [Stage::Station].as_slice())
    );
    for &action in Action::ALL.iter().filter(|&&action| action != Action::Submit) {
        assert_eq!(life.refusal(&officer(), request(action)), Error::NotFound, "{action}");
    }
    assert_eq!(life.refusal(&manager(), request(Action::SendDown)), Refusal::ConflictOfInterest.into());
    // The district can give it back to the station, which is as low as it goes.
    let back = life.after(&manager(), Action::Approve).after(&district_manager(), Action::SendDown);
    assert_eq!(back.report.state, State::StationReview);
    assert_eq!(back.refusal(&manager(), request(Action::SendDown)), Refusal::ConflictOfInterest.into());
}

#[test]
fn a_report_about_the_management_starts_at_the_district_and_stays_there() {
    let life = Life::of(NewReport { urgency: Urgency::Emergency, ..concerning(Concerns::StationManagement) });
    assert_eq!((life.report.state, life.report.queues()), (State::DistrictReview, vec![Stage::District]));
    assert_eq!(life.newest().tells, [Stage::District], "not even an emergency is shown to those it names");
    for named in [officer(), manager()] {
        assert_eq!(life.refusal(&named, request(Action::Message)), Error::NotFound);
        assert_eq!(offered(&life.report, &named), []);
    }
    assert_eq!(life.refusal(&district_manager(), request(Action::SendDown)), Refusal::ConflictOfInterest.into());
    let reopened = life.after(&district_manager(), Action::Reject).after(&district_manager(), Action::Reopen);
    assert_eq!(reopened.report.state, State::DistrictReview);
}

#[test]
fn nobody_reviews_what_he_reported_whatever_he_has_become() {
    let life = Life::of(urgent(Urgency::Emergency));
    let places = [
        (Role::Officer, "hexi.jianshan.yulan"),
        (Role::StationManager, "hexi.jianshan"),
        (Role::DistrictManager, "hexi"),
    ];
    for (role, place) in places {
        let promoted = member(author().id.as_str(), role, place);
        for action in [Action::Approve, Action::Return, Action::Reject, Action::MarkDuplicate, Action::Message] {
            assert_eq!(life.refusal(&promoted, request(action)), Refusal::OwnReport.into(), "{role} {action}");
        }
        assert_eq!(offered(&life.report, &promoted), []);
    }
}

#[test]
fn outside_the_territory_no_report_exists() {
    let life = Life::of(urgent(Urgency::Emergency));
    for stranger in [neighbour(), officer_elsewhere(), super::manager_elsewhere()] {
        assert_eq!(life.refusal(&stranger, request(Action::Message)), Error::NotFound);
    }
}

// ---- question and answer ----------------------------------------------------------------

#[test]
fn the_answer_comes_back_to_the_stage_that_asked() {
    let with_officer = Life::of(new_report());
    let with_station = with_officer.clone().after(&officer(), Action::Approve);
    let with_district = with_station.clone().after(&manager(), Action::Approve);
    let lives = [(with_officer, officer()), (with_station, manager()), (with_district, district_manager())];
    for (stage, (life, reviewer)) in Stage::ALL.iter().copied().zip(lives) {
        let asked = life.after(&reviewer, Action::Return);
        assert_eq!((asked.report.state, asked.report.stage), (stage.returned(), stage));
        assert_eq!((asked.report.queues(), &asked.newest().tells), (vec![], &vec![]), "only the reporter has to act");
        assert_eq!(asked.refusal(&reviewer, request(Action::Return)), Error::WrongState(stage.returned()));
        assert_eq!(asked.refusal(&neighbour(), request(Action::Answer)), Error::NotFound);

        let answer = Request::Answer { text: written("answer"), media: vec![medium(5)] };
        let answered = asked.then(&author(), answer);
        assert_eq!((answered.report.state, answered.report.stage), (stage.review(), stage));
        assert_eq!(answered.newest().tells, [stage]);
        assert_eq!((&answered.report.media, &answered.newest().media), (&vec![medium(5)], &vec![medium(5).id]));
        let content = answered.contents.last().unwrap();
        assert_eq!((content.kind, content.side, content.stage), (ContentKind::Answer, Side::Reporter, stage));
        assert_eq!(content.media, [medium(5)]);
        assert_eq!(answered.refusal(&author(), request(Action::Answer)), Error::WrongState(stage.review()));
    }
}

#[test]
fn an_open_question_keeps_nobody_from_deciding() {
    let asked = Life::of(new_report()).after(&officer(), Action::Return);
    assert_eq!(asked.clone().after(&officer(), Action::Approve).report.state, State::StationReview);
    assert_eq!(asked.clone().after(&officer(), Action::Reject).report.state, State::Rejected);
    assert_eq!(asked.clone().after(&author(), Action::Withdraw).report.state, State::Withdrawn);
    assert_eq!(asked.after(&clock(), Action::Escalate).report.state, State::StationReview);
}

#[test]
fn a_question_and_its_note_are_two_texts_of_one_event() {
    let life = Life::of(new_report()).then(&officer(), with_note(Action::Return, "for colleagues"));
    let kinds: Vec<_> = life.contents[1..].iter().map(|content| (content.seq, content.part, content.kind)).collect();
    assert_eq!(kinds, [(2, 0, ContentKind::Question), (2, 1, ContentKind::Note)]);
    assert_eq!(life.report.contents, [(1, 0), (2, 0), (2, 1)]);
}

// ---- duplicates -------------------------------------------------------------------------

fn other_report() -> Report {
    Life::sent_by(&neighbour(), new_report(), Vec::new()).report
}

/// The officer marks a report as a duplicate of this one.
fn mark_as_duplicate_of(original: &Report) -> Result<Report, Error> {
    let request = Request::MarkDuplicate { original: original.id, note: None };
    Life::of(new_report()).attempt_with(&officer(), request, Some(original)).map(|decided| decided.report)
}

#[test]
fn a_duplicate_is_linked_and_the_link_goes_when_it_is_reopened() {
    let original = other_report();
    let request = Request::MarkDuplicate { original: original.id, note: None };
    let mut life = Life::of(new_report());
    life.keep(life.attempt_with(&officer(), request, Some(&original)).unwrap());
    assert_eq!((life.report.state, life.report.duplicate_of), (State::Duplicate, Some(original.id)));
    assert_eq!(life.newest().duplicate_of, Some(original.id));
    assert_eq!(life.contents.len(), 1, "a duplicate is linked, never merged or erased");
    let reopened = life.after(&manager(), Action::Reopen);
    assert_eq!(reopened.report.duplicate_of, None);
}

#[test]
fn a_report_is_no_duplicate_of_itself() {
    let itself = Life::of(new_report()).report;
    assert_eq!(only_detail(mark_as_duplicate_of(&itself).unwrap_err()), "is the report itself");
}

#[test]
fn an_original_that_the_reviewer_may_not_see_is_as_one_that_does_not_exist() {
    let elsewhere = member("resident-2020", Role::Reporter, "hexi.jianshan.meihua");
    let names_the_officer = Life::sent_by(&neighbour(), concerning(Concerns::StationOfficer), Vec::new()).report;
    let outside = Life::sent_by(&elsewhere, new_report(), Vec::new()).report;
    for hidden in [names_the_officer, outside] {
        assert_eq!(only_detail(mark_as_duplicate_of(&hidden).unwrap_err()), "is no report in your territory");
    }
    let unknown = Life::of(new_report()).refusal(&officer(), request(Action::MarkDuplicate));
    assert_eq!(only_detail(unknown), "is no report in your territory");
}

#[test]
fn an_original_is_itself_no_duplicate_and_has_not_come_to_nothing() {
    let linked = Report { duplicate_of: Some(unknown_report()), ..other_report() };
    assert!(only_detail(mark_as_duplicate_of(&linked).unwrap_err()).starts_with("is itself a duplicate"));
    for state in [State::Rejected, State::Withdrawn] {
        let ended = Report { state, ..other_report() };
        let detail = only_detail(mark_as_duplicate_of(&ended).unwrap_err());
        assert_eq!(detail, format!("is {state}; a report that came to nothing is no original"));
    }
}

// ---- rejection --------------------------------------------------------------------------

#[test]
fn a_rejection_keeps_its_reason_and_only_lawful_activity_erases() {
    for &reason in RejectionReason::ALL {
        let mut life = Life::sent_by(&author(), new_report(), vec![medium(1)]).after(&author(), Action::Message);
        life = life.then(&officer(), Request::Reject { reason, note: Some(written("note")) });
        assert_eq!((life.report.state, life.report.reason), (State::Rejected, Some(reason)));
        assert_eq!((life.newest().reason, life.report.due_at), (Some(reason), None));
        let erases = reason == RejectionReason::OutOfScopeLawfulActivity;
        assert_eq!((reason.erases(), life.newest().erases), (erases, erases), "{reason}");
        if erases {
            assert_eq!(life.report.erased_at, Some(life.now));
            assert_eq!(life.report.erased_media, [medium(1).id], "its objects can still be found, to be deleted");
            assert_eq!((life.contents.len(), life.report.contents.len(), life.report.media.len()), (0, 0, 0));
            assert!(life.newest().contents.is_empty(), "not even the note of this decision is kept");
        } else {
            assert_eq!((life.report.erased_at, life.contents.len(), life.report.media.len()), (None, 3, 1));
            assert!(life.report.erased_media.is_empty());
        }
    }
}

#[test]
fn a_history_outlives_the_erasure_of_its_texts() {
    let life = Life::of(new_report()).then(&officer(), reject(RejectionReason::OutOfScopeLawfulActivity));
    assert_eq!(life.events.len(), 2);
    assert_eq!(life.events[0].contents.len(), 1, "the commitment stays and says nothing without its salt");
    assert_eq!(crate::event::verify_chain(&life.events, life.report.head), Ok(()));
    let history = serde_json::to_string(&life.events).unwrap();
    assert!(super::MARKERS.iter().all(|marker| !history.contains(marker)));
}

// ---- reopening, sending down, handing over ----------------------------------------------

#[test]
fn a_higher_stage_reopens_what_a_lower_one_ended() {
    let rejected = Life::of(new_report()).after(&officer(), Action::Reject);
    assert_eq!(rejected.refusal(&officer(), request(Action::Reopen)), Refusal::WrongRole.into());
    let by_station = rejected.clone().after(&manager(), Action::Reopen);
    assert_eq!((by_station.report.state, by_station.report.reason), (State::StationReview, None));
    assert_eq!(by_station.newest().tells, [Stage::Station]);
    let by_district = rejected.after(&district_manager(), Action::Reopen);
    assert_eq!(by_district.report.state, State::DistrictReview);

    let by_station = by_station.after(&manager(), Action::Reject);
    assert_eq!(by_station.refusal(&manager(), request(Action::Reopen)), Refusal::NotYourStage.into());
    let by_district = by_district.after(&district_manager(), Action::Reject);
    assert_eq!(by_district.refusal(&manager(), request(Action::Reopen)), Refusal::MovedOn.into());
    assert_eq!(by_district.after(&district_manager(), Action::Reopen).report.state, State::DistrictReview);
}

#[test]
fn what_was_withdrawn_stays_withdrawn() {
    let life = Life::of(new_report()).after(&author(), Action::Withdraw);
    for actor in super::cast() {
        assert_eq!(offered(&life.report, &actor), [], "{}", actor.id);
    }
}

#[test]
fn a_report_goes_down_one_stage_at_a_time_and_only_from_its_holder() {
    let at_district =
        Life::of(urgent(Urgency::Emergency)).after(&officer(), Action::Approve).after(&manager(), Action::Approve);
    assert_eq!(at_district.refusal(&manager(), request(Action::SendDown)), Refusal::MovedOn.into());
    let at_station = at_district.after(&district_manager(), Action::SendDown);
    assert_eq!((at_station.report.state, at_station.report.stage), (State::StationReview, Stage::Station));
    assert_eq!(at_station.refusal(&district_manager(), request(Action::SendDown)), Refusal::NotYourStage.into());
    let at_officer = at_station.after(&manager(), Action::SendDown);
    assert_eq!(at_officer.report.state, State::OfficerReview);
    assert_eq!(at_officer.refusal(&officer(), request(Action::SendDown)), Refusal::WrongRole.into());
}

#[test]
fn the_district_hands_over_more_than_once_then_closes() {
    let life = Life::of(new_report()).adopted();
    assert_eq!(life.refusal(&author(), Request::Withdraw), Error::WrongState(State::Adopted));
    let life = life.then(&district_manager(), hand_over(&["fire", "market"]));
    assert_eq!((life.report.state, life.newest().handovers.len()), (State::HandedOver, 2));
    let life = life.then(&district_manager(), hand_over(&["market"]));
    assert_eq!((life.report.state, life.newest().from), (State::HandedOver, Some(State::HandedOver)));
    let closed = life.after(&district_manager(), Action::Close);
    assert_eq!(closed.report.state, State::Closed);
    assert_eq!(closed.clone().after(&district_manager(), Action::Reopen).report.state, State::DistrictReview);
    // What is adopted needs no hand-over to be closed.
    let closed = Life::of(new_report()).adopted().after(&district_manager(), Action::Close);
    assert_eq!(closed.report.state, State::Closed);
}

// ---- emergencies ------------------------------------------------------------------------

#[test]
fn an_emergency_is_with_all_stages_and_waits_for_none() {
    let life = Life::of(urgent(Urgency::Emergency));
    assert_eq!(life.report.queues(), Stage::ALL);
    assert_eq!(life.newest().tells, Stage::ALL);
    let taken = life.clone().after(&manager(), Action::Approve);
    assert_eq!((taken.report.state, &taken.newest().tells), (State::DistrictReview, &vec![Stage::District]));
    assert_eq!(taken.refusal(&officer(), request(Action::Approve)), Refusal::MovedOn.into());
    assert_eq!(life.clone().after(&district_manager(), Action::Approve).report.state, State::Adopted);
    let asked = life.clone().after(&district_manager(), Action::Return);
    assert_eq!(asked.report.state, State::ReturnedByDistrict);
    assert_eq!(asked.after(&author(), Action::Answer).report.queues(), [Stage::District]);
    let ended = life.after(&manager(), Action::Reject);
    assert_eq!((ended.report.state, ended.report.stage), (State::Rejected, Stage::Station));
}

#[test]
fn what_is_no_emergency_waits_for_its_stage() {
    for urgency in [Urgency::Routine, Urgency::Urgent] {
        let life = Life::of(urgent(urgency));
        for higher in [manager(), district_manager()] {
            assert_eq!(life.refusal(&higher, request(Action::Approve)), Refusal::NotYourStage.into());
            assert_eq!(offered(&life.report, &higher), []);
        }
    }
}

// ---- messages and limits ----------------------------------------------------------------

#[test]
fn only_the_author_and_the_stage_that_holds_it_talk() {
    let life = Life::of(new_report()).after(&officer(), Action::Approve);
    assert_eq!(life.clone().after(&author(), Action::Message).newest().tells, [Stage::Station]);
    let said = life.clone().after(&manager(), Action::Message);
    assert_eq!(said.newest().tells, []);
    let content = said.contents.last().unwrap();
    assert_eq!((content.kind, content.side, content.stage), (ContentKind::Message, Side::Reviewer, Stage::Station));
    assert_eq!(said.report.state, State::StationReview);
    assert_eq!(life.refusal(&officer(), request(Action::Message)), Refusal::MovedOn.into());
    assert_eq!(life.refusal(&district_manager(), request(Action::Message)), Refusal::NotYourStage.into());
    // Who may take an emergency may also ask how things stand there.
    let emergency = Life::of(NewReport { urgency: Urgency::Emergency, ..new_report() });
    let said = emergency.after(&district_manager(), Action::Message);
    assert_eq!((said.report.state, said.contents.last().unwrap().stage), (State::OfficerReview, Stage::District));
}

#[test]
fn an_emergency_stays_before_the_higher_stages_while_the_reporter_is_asked() {
    let asked = Life::of(NewReport { urgency: Urgency::Emergency, ..new_report() }).after(&officer(), Action::Return);
    assert_eq!(asked.report.queues(), [Stage::Station, Stage::District]);
    assert_eq!(asked.newest().tells, [], "a question is for the reporter alone");
    assert_eq!(
        asked.report.due_at,
        Some(asked.now + jiff::SignedDuration::from_hours(1)),
        "night and holiday included"
    );
}

#[test]
fn what_is_erased_is_never_taken_up_again() {
    let reason = RejectionReason::OutOfScopeLawfulActivity;
    let erased = Life::of(new_report()).then(&officer(), Request::Reject { reason, note: None });
    assert_eq!(erased.refusal(&manager(), request(Action::Reopen)), Refusal::Erased.into());
    assert_eq!(offered(&erased.report, &manager()), []);
}

#[test]
fn the_media_of_all_answers_are_limited() {
    let mut life = Life::sent_by(&author(), new_report(), (0..10).map(medium).collect());
    for round in 1..=2 {
        life = life.after(&officer(), Action::Return);
        let media = (0..10).map(|number| medium(round * 10 + number)).collect();
        life = life.then(&author(), Request::Answer { text: "more".to_owned(), media });
    }
    life = life.after(&officer(), Action::Return);
    let one_more = Request::Answer { text: "more".to_owned(), media: vec![medium(99)] };
    assert_eq!(bad_fields(life.refusal(&author(), one_more)), ["/media"]);
}

#[test]
fn messages_end_at_half_and_every_decision_stays_possible() {
    let mut life = Life::of(new_report());
    while life.report.contents.len() < MAX_CONTENTS / 2 {
        life = life.after(&author(), Action::Message);
    }
    for side in [author(), officer()] {
        assert_eq!(life.refusal(&side, request(Action::Message)), Refusal::TooManyMessages.into());
    }
    // Questions, answers and notes still fit, until the other half is used up too.
    while life.report.contents.len() + 3 <= MAX_CONTENTS {
        life = life.then(&officer(), with_note(Action::Return, "why")).after(&author(), Action::Answer);
    }
    life = life.after(&officer(), Action::Return);
    assert_eq!(life.report.contents.len(), MAX_CONTENTS);
    let refused = life.refusal(&author(), request(Action::Answer));
    assert_eq!(refused, Refusal::TooManyMessages.into());
    assert_eq!(life.refusal(&officer(), with_note(Action::Approve, "full")), Refusal::TooManyMessages.into());
    assert_eq!(life.clone().after(&officer(), Action::Reject).report.state, State::Rejected);
    assert_eq!(life.adopted().after(&district_manager(), Action::Close).report.state, State::Closed);
}

#[test]
fn every_text_of_a_request_has_its_limits_and_its_name() {
    let life = Life::of(new_report());
    let long = "长".repeat(MAX_MESSAGE_CHARS + 1);
    for action in [Action::Approve, Action::Reject] {
        for bad in [&long, " ", "\u{7}"] {
            assert_eq!(bad_fields(life.refusal(&officer(), with_note(action, bad))), ["/note"]);
        }
    }
    let both = Request::Return { question: String::new(), note: Some(long.clone()) };
    assert_eq!(bad_fields(life.refusal(&officer(), both)), ["/question", "/note"]);
    assert_eq!(bad_fields(life.refusal(&officer(), Request::Message { text: long.clone() })), ["/text"]);
    let down = Request::SendDown { note: long };
    assert_eq!(bad_fields(life.after(&officer(), Action::Approve).refusal(&manager(), down)), ["/note"]);
    assert_eq!(with_note(Action::Close, &"长".repeat(MAX_MESSAGE_CHARS)).validate(), Ok(()));
}

#[test]
fn who_may_not_do_it_is_not_told_what_is_wrong_with_it() {
    let bad = Request::Message { text: String::new() };
    assert_eq!(Life::of(new_report()).refusal(&neighbour(), bad.clone()), Error::NotFound);
    let moved_on = Life::of(new_report()).after(&officer(), Action::Approve);
    assert_eq!(moved_on.refusal(&officer(), bad), Refusal::MovedOn.into());
}

// ---- deadlines --------------------------------------------------------------------------

/// When the next step is expected, in the district's time.
fn due(life: &Life) -> String {
    let time_zone = super::policy().calendar.time_zone.clone();
    life.report.due_at.unwrap().to_zoned(time_zone).strftime("%a %H:%M").to_string()
}

#[test]
fn each_stage_has_its_deadline_in_working_hours() {
    let life = Life::of(new_report());
    assert_eq!(due(&life), "Thu 10:00", "8 hours for the officer");
    let life = life.later_by_hours(2).after(&officer(), Action::Approve);
    assert_eq!(due(&life), "Fri 12:00", "16 for the station");
    let life = life.later_by_hours(24).after(&manager(), Action::Approve);
    assert_eq!(due(&life), "Tue 12:00", "24 for the district");
    assert_eq!(life.after(&district_manager(), Action::Approve).report.due_at, None, "nobody must decide any more");

    let life = Life::of(urgent(Urgency::Urgent));
    assert_eq!(due(&life), "Wed 12:00");
    let life = life.after(&officer(), Action::Approve);
    assert_eq!(due(&life), "Wed 14:00");
    assert_eq!(due(&life.after(&manager(), Action::Approve)), "Thu 10:00");
}

#[test]
fn an_emergency_runs_by_the_clock() {
    let life = Life::of(urgent(Urgency::Emergency)).later_by_hours(12).after(&officer(), Action::Approve);
    assert_eq!(due(&life), "Wed 23:00");
}

#[test]
fn a_question_has_the_reporters_deadline_and_the_answer_a_new_one() {
    let asked = Life::of(new_report()).after(&officer(), Action::Return);
    assert_eq!(due(&asked), "Mon 10:00", "24 working hours");
    let answered = asked.later_by_hours(24).after(&author(), Action::Answer);
    assert_eq!(due(&answered), "Fri 10:00");
    assert_eq!(answered.report.stage_since, answered.now);
}

#[test]
fn talk_and_reminders_move_no_deadline() {
    let life = Life::of(new_report());
    let before = (life.report.due_at, life.report.stage_since);
    let life = life.later_by_hours(30).after(&author(), Action::Message).after(&clock(), Action::Remind);
    assert_eq!((life.report.due_at, life.report.stage_since), before);
    assert_eq!(life.newest().tells, [Stage::Officer]);
    let escalated = life.after(&clock(), Action::Escalate);
    assert_eq!((escalated.report.state, &escalated.newest().tells), (State::StationReview, &vec![Stage::Station]));
    assert_eq!(due(&escalated), "Mon 16:00");
}

#[test]
fn above_the_district_there_is_nobody_to_escalate_to() {
    let life = Life::of(concerning(Concerns::StationManagement));
    assert_eq!(life.refusal(&clock(), Request::Escalate), Refusal::NoSuchStage.into());
}
