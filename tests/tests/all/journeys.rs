//! What a report lives through, from the phone to its end.

mod lists;
mod safeguards;

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use pingan_domain::{
    access::{Access, AccessHead, Opened, Reading},
    calendar::{Calendar, Deadlines, Policy},
    event::verify_chain,
    life::{RejectionReason, Stage},
    named::Named as _,
    report::Urgency,
};
use pingan_local::client::Answer;
use serde_json::json;

use crate::harness::{Reviewer, World, assert_says_nothing_of, each, expect, expect_problem, strings};

const TEXT: &str = "A workshop behind the boiler house makes pistols at night.";

/// By when a stage must have decided, by the calendar and the hours that a district begins with; their own tests hold
/// them to examples.
fn due(stage: Stage, urgency: Urgency, since: Timestamp) -> String {
    let calendar = Calendar::weekdays(TimeZone::get("Asia/Shanghai").unwrap());
    Policy { calendar, deadlines: Deadlines::default() }.stage_due(stage, urgency, since).to_string()
}

/// The steps that the reporter was told of.
fn steps(own: &Answer) -> Vec<&str> {
    each(&own.body["feedback"], "step")
}

#[tokio::test]
async fn a_report_goes_up_three_stages_and_is_adopted() {
    let world = World::start().await;
    let reporter = world.reporter("boatyard").await;
    let (officer, station, district) =
        (world.officer("boatyard").await, world.station("river").await, world.district().await);
    let photo = reporter.takes_photo().await;
    let code = reporter.reports(TEXT).urgent().at("3 Riverside Lane").with_media(photo).send().await;

    let road: [(&Reviewer, &str, &str); 3] = [
        (&officer, "officer_review", "station_review"),
        (&station, "station_review", "district_review"),
        (&district, "district_review", "adopted"),
    ];
    for (reviewer, before, after) in road {
        world.wait_minutes(30);
        assert_eq!(reviewer.queue().await, [&*code]);
        let read = reviewer.opens(&code).await;
        assert_eq!((read.text("/state"), read.text("/content/text")), (before, TEXT));
        assert_eq!(read.text("/content/place/address"), "3 Riverside Lane");
        assert_eq!(read.text("/media/0/id"), photo.to_string());
        assert_eq!(read.version(), read.body["version"].as_u64(), "the ETag is the version");
        assert_eq!(reviewer.approves(&code).await.text("/state"), after);
        assert_eq!(reviewer.queue().await, [""; 0]);
    }

    let own = reporter.reads(&code).await;
    assert_eq!(own.text("/state"), "adopted");
    assert_eq!(steps(&own), ["received", "at_station", "at_district", "adopted"]);
    assert_eq!((own.version(), own.body["version"].as_u64()), (Some(4), Some(4)));
    let feedback = own.body["feedback"].as_array().unwrap();
    for told in feedback {
        assert!(!told["text"]["zh_cn"].as_str().unwrap().is_empty());
        assert!(!told["text"]["en"].as_str().unwrap().is_empty());
    }
    // Urgent: 2, 4 and 8 working hours, from when it came to the stage.
    let history = world.history(&code).await;
    let stages = [Stage::Officer, Stage::Station, Stage::District];
    let due = stages.iter().zip(&history.events).map(|(stage, came)| due(*stage, Urgency::Urgent, came.at));
    assert_eq!(each(&own.body["feedback"], "due_at"), due.chain([String::new()]).collect::<Vec<_>>());
    if world.now().is_some() {
        // The day has eight working hours from nine o'clock.
        assert_eq!(
            each(&own.body["feedback"], "due_at"),
            ["2037-08-12T03:30:00Z", "2037-08-12T06:00:00Z", "2037-08-13T02:30:00Z", ""]
        );
    }
    assert_eq!(history.events.len(), 4);
    verify_chain(&history.events, history.report.head).unwrap();
    let read = district.opens(&code).await;
    assert_eq!(each(&read.body["history"], "action"), ["submit", "approve", "approve", "approve"]);
    assert_eq!(read.text("/history/3/hash"), history.report.head.to_string());
}

#[tokio::test]
async fn an_answer_comes_back_to_the_stage_that_asked() {
    let world = World::start().await;
    let reporter = world.reporter("ferry").await;
    let (officer, station, district) =
        (world.officer("ferry").await, world.station("river").await, world.district().await);
    let code = reporter.reports(TEXT).with_photo().send().await;

    let stages: [(&Reviewer, &str); 3] = [(&officer, "officer"), (&station, "station"), (&district, "district")];
    for (number, (reviewer, stage)) in (1_usize..).zip(stages) {
        let question = format!("Which gate do the vans use, asks the {stage}?");
        assert_eq!(reviewer.returns(&code, &question).await.text("/state"), format!("returned_by_{stage}"));
        assert_eq!(reviewer.queue().await, [""; 0], "it waits with the reporter");

        let own = reporter.reads(&code).await;
        assert_eq!(steps(&own).last(), Some(&"question"));
        assert!(strings(&own.body["can"]).contains(&"answer"));
        let asked = own.body["messages"].as_array().unwrap().last().unwrap();
        assert_eq!(
            (&asked["kind"], &asked["side"], &asked["stage"], &asked["text"]),
            (&json!("question"), &json!("reviewer"), &json!(stage), &json!(question))
        );

        let photo = reporter.takes_photo().await;
        let answered = reporter.answers_with(&code, "The one on the river side.", &[photo]).await;
        assert_eq!((answered.text("/state"), answered.text("/stage")), (&*format!("{stage}_review"), stage));
        assert_eq!(reviewer.queue().await, [&*code]);
        let read = reviewer.opens(&code).await;
        assert_eq!(read.body["media"].as_array().unwrap().len(), 1 + number, "the answer's photo is there");
        let answer = read.body["messages"].as_array().unwrap().last().unwrap();
        assert_eq!((&answer["kind"], &answer["media"]), (&json!("answer"), &json!([photo])));
        expect(reviewer.asks_for_link(&code, photo).await, 200);
        assert_eq!(steps(&reporter.reads(&code).await).last(), Some(&"answered"));
        reviewer.approves(&code).await;
    }
    assert_eq!(reporter.reads(&code).await.text("/state"), "adopted");
}

#[tokio::test]
async fn the_stage_that_asked_need_not_wait_for_the_answer() {
    let world = World::start().await;
    let reporter = world.reporter("ferry").await;
    let officer = world.officer("ferry").await;
    let code = reporter.reports(TEXT).send().await;
    officer.returns(&code, "When was it?").await;
    officer.approves(&code).await;
    assert_eq!(world.station("river").await.queue().await, [&*code]);
    let version = reporter.reads(&code).await.version();
    let late = reporter.tries(&code, "answer", version, &json!({ "text": "On Monday." })).await;
    expect_problem(&late, 409, "wrong_state");
}

#[tokio::test]
async fn each_reason_of_a_rejection_reaches_the_reporter_in_words() {
    let world = World::start().await;
    let reporter = world.reporter("silk-lane").await;
    let officer = world.officer("silk-lane").await;
    let mut table = String::new();
    for reason in RejectionReason::ALL {
        let code = reporter.reports(TEXT).send().await;
        let answer = officer.rejects(&code, reason.name()).await;
        assert_eq!((answer.text("/state"), answer.text("/reason")), ("rejected", reason.name()));
        assert_eq!(officer.queue().await, [""; 0]);
        let own = reporter.reads(&code).await;
        assert_eq!((own.text("/state"), own.text("/reason")), ("rejected", reason.name()));
        assert_eq!(steps(&own), ["received", "not_adopted"]);
        assert_eq!(own.text("/content/text").is_empty(), reason.erases(), "only what is out of scope is erased");
        assert_eq!(own.body["can"], json!([]));
        let told = (own.text("/feedback/1/text/zh_cn"), own.text("/feedback/1/text/en"));
        writeln!(table, "{reason}\n    {}\n    {}", told.0, told.1).unwrap();
    }
    insta::assert_snapshot!("what_the_reporter_reads_of_a_rejection", table);
}

#[tokio::test]
async fn a_duplicate_is_linked_to_the_report_of_the_same_matter() {
    let world = World::start().await;
    let (first, second) = (world.reporter("lantern").await, world.neighbour("lantern").await);
    let officer = world.officer("lantern").await;
    let original = first.reports(TEXT).send().await;
    let code = second.reports("I heard it, too.").send().await;
    assert_eq!(officer.links(&code, &original).await.text("/state"), "duplicate");
    assert_eq!(officer.queue().await, [&*original]);
    assert_eq!(officer.opens(&code).await.text("/duplicate_of"), original);
    assert_eq!(officer.opens(&original).await.text("/state"), "officer_review", "the original is as it was");

    let own = second.reads(&code).await;
    assert_eq!(steps(&own), ["received", "linked"]);
    assert_says_nothing_of(&own.body, &[&original]);
    expect_problem(&second.tries_to_read(&original).await, 404, "not_found");

    // Links never form a chain or a circle, and never lead out of the reviewer's sight.
    let version = officer.opens(&original).await.version();
    let elsewhere = world.reporter("silk-lane").await.reports(TEXT).send().await;
    for (target, why) in [
        (&original, "is the report itself"),
        (&code, "is itself a duplicate; name the report that it is linked to"),
        (&elsewhere, "is no report in your territory"),
    ] {
        let decision = json!({ "decision": "mark_duplicate", "original": target });
        let refused = officer.tries(&original, "decisions", version, &decision).await;
        expect_problem(&refused, 400, "invalid");
        assert_eq!((refused.text("/errors/0/pointer"), refused.text("/errors/0/detail")), ("/original", why));
    }
}

#[tokio::test]
async fn a_reporter_takes_a_report_back_until_it_is_adopted() {
    let world = World::start().await;
    let reporter = world.reporter("old-mill").await;
    let (officer, station, district) =
        (world.officer("old-mill").await, world.station("north").await, world.district().await);

    let taken_back = reporter.reports(TEXT).send().await;
    officer.returns(&taken_back, "Where?").await;
    assert_eq!(reporter.withdraws(&taken_back).await.text("/state"), "withdrawn");
    assert_eq!(steps(&reporter.reads(&taken_back).await), ["received", "question", "withdrawn"]);
    assert_eq!(officer.opens(&taken_back).await.body["can"], json!([]));
    let version = officer.opens(&taken_back).await.version();
    let late = officer.tries(&taken_back, "decisions", version, &json!({ "decision": "approve" })).await;
    expect_problem(&late, 409, "wrong_state");

    let adopted = reporter.reports(TEXT).send().await;
    for reviewer in [&*officer, &*station, &*district] {
        reviewer.approves(&adopted).await;
    }
    let version = reporter.reads(&adopted).await.version();
    let late = reporter.tries(&adopted, "withdraw", version, &json!(null)).await;
    expect_problem(&late, 409, "wrong_state");
    assert_eq!(reporter.reads(&adopted).await.text("/state"), "adopted");
}

#[tokio::test]
async fn a_higher_stage_reopens_and_sends_down() {
    let world = World::start().await;
    let reporter = world.reporter("east-gate").await;
    let (officer, station, district) =
        (world.officer("east-gate").await, world.station("north").await, world.district().await);
    let code = reporter.reports(TEXT).send().await;
    officer.rejects(&code, "not_confirmed").await;
    assert!(!strings(&officer.opens(&code).await.body["can"]).contains(&"reopen"), "not by the stage that ended it");
    assert!(strings(&station.opens(&code).await.body["can"]).contains(&"reopen"));

    let reopened = station.reopens(&code, "A second report names the same yard.").await;
    assert_eq!((reopened.text("/state"), reopened.text("/reason")), ("station_review", ""));
    assert_eq!(station.queue().await, [&*code]);
    station.sends_down(&code, "Please look at the yard by daylight.").await;
    assert_eq!((officer.queue().await, station.queue().await), (vec![code.clone()], vec![]));
    let read = officer.opens(&code).await;
    assert_eq!(each(&read.body["messages"], "text")[1], "Please look at the yard by daylight.");

    officer.approves_noting(&code, "I saw the vans.").await;
    station.approves(&code).await;
    assert_eq!(district.sends_down(&code, "Which vans?").await.text("/state"), "station_review");
    station.rejects(&code, "insufficient_information").await;
    assert_eq!(district.reopens(&code, "No: it is enough.").await.text("/state"), "district_review");
    assert_eq!(district.rejects(&code, "already_known").await.text("/state"), "rejected");
    assert_eq!(district.reopens(&code, "On second thoughts.").await.text("/state"), "district_review");
    district.approves(&code).await;

    let own = reporter.reads(&code).await;
    assert_eq!(
        steps(&own),
        [
            "received",
            "not_adopted",
            "reopened",
            "back_at_stage",
            "at_station",
            "at_district",
            "back_at_stage",
            "not_adopted",
            "reopened",
            "not_adopted",
            "reopened",
            "adopted"
        ]
    );
    assert_eq!(own.body["messages"], json!([]), "notes are for reviewers");
    let history = world.history(&code).await;
    verify_chain(&history.events, history.report.head).unwrap();
}

#[tokio::test]
async fn an_emergency_is_with_all_three_stages_at_once() {
    let world = World::start().await;
    let reporter = world.reporter("plum-garden").await;
    let (officer, station, district) =
        (world.officer("plum-garden").await, world.station("north").await, world.district().await);
    let code = reporter.reports("Someone in the yard has a gun in his hand.").emergency().send().await;
    let own = reporter.reads(&code).await;
    assert!(own.text("/feedback/0/text/en").contains("110"));
    let sent = world.history(&code).await.events[0].at;
    assert_eq!(own.text("/due_at"), due(Stage::Officer, Urgency::Emergency, sent));
    assert_eq!(own.text("/due_at"), (sent + SignedDuration::from_hours(1)).to_string(), "within the hour");
    if world.now().is_some() {
        assert_eq!(own.text("/due_at"), "2037-08-12T02:30:00Z");
    }
    for reviewer in [&*officer, &*station, &*district] {
        assert_eq!(reviewer.queue().await, [&*code]);
        assert!(strings(&reviewer.opens(&code).await.body["can"]).contains(&"approve"));
    }
    assert_eq!(district.approves(&code).await.text("/state"), "adopted");
    for reviewer in [&*officer, &*station, &*district] {
        assert_eq!(reviewer.queue().await, [""; 0]);
    }
    let version = officer.opens(&code).await.version();
    let late = officer.tries(&code, "decisions", version, &json!({ "decision": "approve" })).await;
    expect_problem(&late, 409, "wrong_state");

    // The stage in the middle takes one, and the highest goes on having it.
    let code = reporter.reports("Gas is coming out of the cellar.").emergency().send().await;
    station.approves(&code).await;
    assert_eq!((officer.queue().await, station.queue().await), (vec![], vec![]));
    assert_eq!(district.queue().await, [&*code]);
    let version = officer.opens(&code).await.version();
    let late = officer.tries(&code, "decisions", version, &json!({ "decision": "approve" })).await;
    expect_problem(&late, 409, "moved_on");
}

#[tokio::test]
async fn what_is_no_emergency_waits_for_the_lower_stage() {
    let world = World::start().await;
    let code = world.reporter("plum-garden").await.reports(TEXT).urgent().send().await;
    for reviewer in [&*world.station("north").await, &*world.district().await] {
        assert_eq!(reviewer.queue().await, [""; 0]);
        let read = reviewer.opens(&code).await;
        assert_eq!(read.body["can"], json!([]));
        let early = reviewer.tries(&code, "decisions", read.version(), &json!({ "decision": "approve" })).await;
        expect_problem(&early, 403, "not_your_stage");
    }
}

#[tokio::test]
async fn both_sides_talk_and_neither_is_named() {
    let world = World::start().await;
    let reporter = world.reporter("willow-bank").await;
    let (officer, station) = (world.officer("willow-bank").await, world.station("river").await);
    let code = reporter.reports(TEXT).send().await;
    let mut to_reporter = vec![reporter.writes(&code, "Two more men came.").await.body];
    let mut to_reviewers = vec![officer.writes(&code, "Please keep away from the yard.").await.body];
    to_reviewers.push(officer.approves_noting(&code, "The reporter is my best one.").await.body);
    to_reviewers.push(station.writes(&code, "We look at it tonight.").await.body);
    to_reporter.push(reporter.writes(&code, "Thank you.").await.body);

    let version = officer.opens(&code).await.version();
    let late = officer.tries(&code, "messages", version, &json!({ "text": "One more thing." })).await;
    expect_problem(&late, 409, "moved_on");

    let own = reporter.reads(&code).await;
    let talk = [
        ["reporter", "officer", "Two more men came."],
        ["reviewer", "officer", "Please keep away from the yard."],
        ["reviewer", "station", "We look at it tonight."],
        ["reporter", "station", "Thank you."],
    ];
    let said: Vec<_> = own.body["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| ["side", "stage", "text"].map(|field| message[field].as_str().unwrap()))
        .collect();
    assert_eq!(said, talk);
    assert_eq!(steps(&own), ["received", "message", "at_station", "message"]);

    to_reporter.extend([own.body, reporter.person.get("/reports").await.unwrap().body]);
    for reviewer in [&*officer, &*station] {
        to_reviewers.push(reviewer.opens(&code).await.body);
        to_reviewers.push(reviewer.lists("/queue?limit=1").await.body);
        to_reviewers.push(reviewer.lists("/reports?limit=1").await.body);
    }
    assert_says_nothing_of(&to_reporter, &["officer-willow-bank", "station-river", "best one", "note"]);
    assert_says_nothing_of(&to_reviewers, &["reporter-willow-bank", "officer-willow-bank", "station-river"]);
    let pseudonym = world.history(&code).await.report.pseudonym.to_string();
    assert_eq!(officer.opens(&code).await.text("/pseudonym"), pseudonym);
}

#[tokio::test]
async fn whoever_opens_a_report_or_a_photo_is_written_down() {
    let world = World::start().await;
    let reporter = world.reporter("boatyard").await;
    let (officer, station) = (world.officer("boatyard").await, world.station("river").await);
    let photo = reporter.takes_photo().await;
    let code = reporter.reports(TEXT).with_media(photo).send().await;
    reporter.reads(&code).await;
    officer.opens(&code).await;
    world.wait_minutes(1);
    expect(officer.asks_for_link(&code, photo).await, 200);
    station.opens(&code).await;
    // Who is refused has read nothing.
    expect(world.officer("ferry").await.tries_to_open(&code).await, 404);
    expect(world.station("north").await.asks_for_link(&code, photo).await, 404);

    let accesses = world.store().accesses(code.parse().unwrap(), 100).await.unwrap();
    let seen: Vec<_> = accesses.iter().map(|access| (access.actor.as_str(), access.opened, access.media)).collect();
    assert_eq!(
        seen,
        [
            ("officer-boatyard", Opened::Report, None),
            ("officer-boatyard", Opened::Media, Some(photo)),
            ("station-river", Opened::Report, None)
        ]
    );
    assert_eq!(accesses[2].seq, 3);
    assert!(accesses[0].at < accesses[1].at, "a minute passed in between");
    if let Some(now) = world.now() {
        assert_eq!(accesses[2].at, now);
    }
    // The chain is made again from its fields: an altered or missing link would not fit.
    let mut head = AccessHead::default();
    for access in &accesses {
        let by = (&access.actor, access.role);
        let reading = Reading { opened: access.opened, media: access.media, reason: access.reason.clone() };
        let (again, next) = Access::after(head, access.report, by, &reading, access.at).unwrap();
        assert_eq!(&again, access);
        head = next;
    }
}

#[tokio::test]
async fn can_says_what_is_possible_and_nothing_else() {
    let world = World::start().await;
    let reporter = world.reporter("boatyard").await;
    let (officer, station, district) =
        (world.officer("boatyard").await, world.station("river").await, world.district().await);
    let code = reporter.reports(TEXT).send().await;
    let mut table = String::new();
    let moments: [(&str, Option<(&Reviewer, serde_json::Value)>); 6] = [
        ("sent in", None),
        ("approved", Some((&officer, json!({ "decision": "approve" })))),
        ("returned", Some((&station, json!({ "decision": "return", "question": "Where?" })))),
        ("rejected", Some((&station, json!({ "decision": "reject", "reason": "not_confirmed" })))),
        ("reopened", Some((&district, json!({ "decision": "reopen", "note": "Look again." })))),
        ("adopted", Some((&district, json!({ "decision": "approve" })))),
    ];
    for (moment, decision) in moments {
        if let Some((reviewer, decision)) = decision {
            reviewer.decides(&code, &decision).await;
        }
        let state = reporter.reads(&code).await.text("/state").to_owned();
        writeln!(table, "{moment}: {state}").unwrap();
        let can = reporter.reads(&code).await.body["can"].clone();
        writeln!(table, "    reporter  {}", strings(&can).join(", ")).unwrap();
        for (name, reviewer) in [("officer", &*officer), ("station", &*station), ("district", &*district)] {
            let can = reviewer.opens(&code).await.body["can"].clone();
            writeln!(table, "    {name:<8}  {}", strings(&can).join(", ")).unwrap();
        }
    }
    insta::assert_snapshot!("what_each_can_do", table);
}
