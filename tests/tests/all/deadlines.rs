//! What nobody touches: reminded of, passed up, listed and never lost; what was unfounded and is erased; and who stands
//! in for whom. The clock stands, and each test runs the job by hand.

use std::time::{Duration, Instant};

use pingan_domain::{
    event::verify_chain,
    life::{Action, Stage, State},
    named::Named as _,
    overdue::MAX_REMINDERS,
    report::ReportId,
};
use pingan_local::client::{Answer, Person};
use pingan_store::{Key, item};
use pingan_workflow::clock::Budget;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{DEMO, World, dynamodb, each, eventually, expect, expect_problem};

const TEXT: &str = "A workshop behind the boiler house makes pistols at night.";
/// Weekdays from 9 to 17 o'clock.
const WEEKDAYS: &str = "{}";

/// Runs the job at this moment of the district's clock.
async fn run_at(world: &World, local: &str) {
    world.set_clock(&format!("{local}+08:00"));
    world.bundle().run_deadlines().await.unwrap();
}

/// What was done with a report: the actions and where they led.
async fn steps(world: &World, code: &str) -> Vec<(Action, State)> {
    let history = world.history(code).await;
    assert_eq!(verify_chain(&history.events, history.report.head), Ok(()));
    history.events.iter().map(|event| (event.action, event.to)).collect()
}

/// The steps that a reporter is told of, oldest first.
fn told(report: &Answer) -> Vec<String> {
    each(&report.body["feedback"], "step").into_iter().map(str::to_owned).collect()
}

/// What was done with the reports that somebody's inbox tells of.
async fn inbox(person: &Person) -> Vec<String> {
    let page = expect(person.get("/me/inbox?limit=100").await.unwrap(), 200);
    let items = page.body["items"].as_array().unwrap();
    items.iter().filter(|item| item["about"] == "report").map(|item| item["action"].to_string()).collect()
}

// ── Reports that nobody touches ────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_report_that_nobody_touches_is_reminded_of_and_goes_up_to_the_district() {
    let world = World::start_by(WEEKDAYS).await;
    let reporter = world.reporter("boatyard").await;
    let (officer, station) = (world.officer("boatyard").await, world.station("river").await);
    let district = world.district().await;
    let code = reporter.reports(TEXT).send().await;
    assert_eq!(reporter.reads(&code).await.text("/due_at"), "2037-08-13T01:30:00Z", "Thursday, half past nine");

    // Nothing comes before its time, to the second.
    run_at(&world, "2037-08-13T09:29:59").await;
    assert_eq!(steps(&world, &code).await.len(), 1);
    run_at(&world, "2037-08-13T09:30:00").await;
    assert_eq!(steps(&world, &code).await[1..], [(Action::Remind, State::OfficerReview)]);
    assert_eq!(inbox(&officer.person).await, ["\"submit\"", "\"remind\""]);
    // That the officer is late is not the reporter's to be told; the deadline is theirs to see.
    assert_eq!(told(&reporter.reads(&code).await), ["received"]);

    // Four working hours later it goes up, with a deadline of its own.
    run_at(&world, "2037-08-13T13:29:00").await;
    assert_eq!(steps(&world, &code).await.len(), 2);
    run_at(&world, "2037-08-13T13:45:00").await;
    assert_eq!(steps(&world, &code).await[2..], [(Action::Escalate, State::StationReview)]);
    assert_eq!((officer.queue().await, station.queue().await), (vec![], vec![code.clone()]));
    let read = reporter.reads(&code).await;
    assert_eq!(told(&read), ["received", "at_station"]);
    assert_eq!(read.text("/due_at"), "2037-08-17T05:45:00Z", "16 working hours: Monday");
    assert_eq!(read.text("/feedback/1/due_at"), "2037-08-17T05:45:00Z");

    // The station does nothing either, nor the district.
    run_at(&world, "2037-08-17T13:45:00").await;
    run_at(&world, "2037-08-18T13:45:00").await;
    assert_eq!(
        steps(&world, &code).await[3..],
        [(Action::Remind, State::StationReview), (Action::Escalate, State::DistrictReview),]
    );
    assert_eq!(district.queue().await, [&*code]);
    run_at(&world, "2037-08-21T13:45:00").await;
    assert_eq!(told(&reporter.reads(&code).await), ["received", "at_station", "at_district"]);

    // At the district it is reminded of ten times, and then it stays in the lists, for good.
    for day in 0..40 {
        world.wait_minutes(24 * 60);
        world.bundle().run_deadlines().await.unwrap();
        assert_eq!(district.queue().await, [&*code], "day {day}");
    }
    let reminders = steps(&world, &code).await.iter().filter(|(_, to)| *to == State::DistrictReview).count() - 1;
    assert_eq!(reminders, usize::from(MAX_REMINDERS));
    for list in ["/overdue", "/open"] {
        assert_eq!(each(&district.lists(list).await.body["items"], "id"), [&*code], "{list}");
    }
    // Whoever takes it up at last decides as ever.
    district.approves(&code).await;
    let history = world.history(&code).await;
    assert_eq!((history.report.state, history.report.clock_at), (State::Adopted, None));
}

#[tokio::test]
async fn an_emergency_goes_up_at_night_and_is_told_to_all_above() {
    let world = World::start_by(WEEKDAYS).await;
    world.set_clock("2037-08-15T23:10:00+08:00");
    let code = world.reporter("boatyard").await.reports(TEXT).emergency().send().await;
    let (station, district) = (world.station("river").await, world.district().await);
    run_at(&world, "2037-08-16T00:15:00").await;
    assert_eq!(inbox(&district.person).await, ["\"submit\"", "\"remind\""]);
    run_at(&world, "2037-08-16T00:45:00").await;
    assert_eq!(
        steps(&world, &code).await[1..],
        [(Action::Remind, State::OfficerReview), (Action::Escalate, State::StationReview),]
    );
    assert_eq!(inbox(&station.person).await, ["\"submit\"", "\"remind\"", "\"escalate\""]);
}

#[tokio::test]
async fn festivals_and_make_up_days_move_what_is_due() {
    let world = World::start_by(
        r#"{"festivals": [{"name": "国庆节", "from": "2037-10-01", "to": "2037-10-07", "make_up_days": ["2037-10-10"]}]}"#,
    )
    .await;
    // Wednesday 30 September, 16:00: one hour is left before the festival.
    world.set_clock("2037-09-30T16:00:00+08:00");
    let reporter = world.reporter("boatyard").await;
    let code = reporter.reports(TEXT).send().await;
    assert_eq!(reporter.reads(&code).await.text("/due_at"), "2037-10-08T08:00:00Z");
    run_at(&world, "2037-10-08T15:59:00").await;
    assert_eq!(steps(&world, &code).await.len(), 1, "nobody is reminded in the festival");
    run_at(&world, "2037-10-09T14:00:00").await;
    assert_eq!(steps(&world, &code).await.len(), 2);
    // Three hours are left on Friday; the fourth is on the Saturday that is worked.
    run_at(&world, "2037-10-10T09:59:00").await;
    assert_eq!(steps(&world, &code).await.len(), 2);
    run_at(&world, "2037-10-10T10:00:00").await;
    assert_eq!(steps(&world, &code).await[2], (Action::Escalate, State::StationReview));
}

#[tokio::test]
async fn the_reporter_is_reminded_of_a_question_once_and_the_review_goes_on_without_an_answer() {
    let world = World::start_by(WEEKDAYS).await;
    let reporter = world.reporter("boatyard").await;
    let officer = world.officer("boatyard").await;
    let code = reporter.reports(TEXT).send().await;
    officer.returns(&code, "Which gate?").await;
    // 24 working hours: Monday, half past nine.
    run_at(&world, "2037-08-17T09:30:00").await;
    let read = reporter.reads(&code).await;
    assert_eq!(told(&read), ["received", "question", "question_waits"]);
    assert!(read.text("/feedback/2/text/zh_cn").contains("还在等您答复"), "{}", read.body);
    assert!(inbox(&reporter.person).await.contains(&"\"remind\"".to_owned()));
    assert!(inbox(&officer.person).await.contains(&"\"remind\"".to_owned()));
    run_at(&world, "2037-08-17T13:30:00").await;
    assert_eq!(steps(&world, &code).await[3], (Action::Escalate, State::StationReview));
    assert_eq!(told(&reporter.reads(&code).await).last().map(String::as_str), Some("at_station"));
    // The answer comes too late for the officer, and can still be written as a message.
    reporter.writes(&code, "The northern one.").await;
}

#[tokio::test]
async fn whoever_acts_in_time_hears_nothing() {
    let world = World::start_by(WEEKDAYS).await;
    let reporter = world.reporter("boatyard").await;
    let code = reporter.reports(TEXT).send().await;
    let officer = world.officer("boatyard").await;
    officer.approves(&code).await;
    run_at(&world, "2037-08-13T16:00:00").await;
    assert_eq!(steps(&world, &code).await.len(), 2);
    let withdrawn = reporter.reports("Another one.").send().await;
    reporter.withdraws(&withdrawn).await;
    run_at(&world, "2037-12-01T12:00:00").await;
    assert_eq!(steps(&world, &withdrawn).await.len(), 2);
}

// ── What is unfounded ──────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn what_is_unfounded_is_erased_after_thirty_days_with_its_media_and_still_answered_for() {
    let world = World::start_by(WEEKDAYS).await;
    let reporter = world.reporter("boatyard").await;
    let officer = world.officer("boatyard").await;
    let code = reporter.reports(TEXT).with_photo().send().await;
    officer.rejects(&code, "unfounded").await;
    run_at(&world, "2037-09-11T09:29:00").await;
    assert!(!world.history(&code).await.contents.is_empty());

    run_at(&world, "2037-09-11T09:30:00").await;
    let history = world.history(&code).await;
    assert_eq!(history.contents, []);
    assert_eq!(steps(&world, &code).await[2], (Action::Erase, State::Rejected));
    assert!(history.events[2].erases);
    let media = history.report.erased_media[0];
    eventually("the photo is erased", async || {
        let erasures = world.history(&code).await.erasures;
        erasures.iter().any(|erasure| erasure.media == media).then_some(())
    })
    .await;
    let read = reporter.reads(&code).await;
    assert_eq!(told(&read), ["received", "not_adopted", "erased"]);
    assert_eq!((read.text("/state"), read.text("/reason")), ("rejected", "unfounded"), "{}", read.body);
    assert!(!read.body.to_string().contains("pistols"));
    // It is over: there is nothing left to look at again.
    let station = world.station("river").await;
    let version = station.opens(&code).await.version();
    let reopen = json!({ "decision": "reopen", "note": "Once more." });
    expect_problem(&station.tries(&code, "decisions", version, &reopen).await, 409, "content_erased");
}

#[tokio::test]
async fn what_is_reopened_in_time_is_kept_and_other_rejections_are_too() {
    let world = World::start_by(WEEKDAYS).await;
    let reporter = world.reporter("boatyard").await;
    let officer = world.officer("boatyard").await;
    let (reopened, other) = (reporter.reports(TEXT).send().await, reporter.reports("Another.").send().await);
    officer.rejects(&reopened, "unfounded").await;
    officer.rejects(&other, "not_confirmed").await;
    world.set_clock("2037-09-10T10:00:00+08:00");
    world.station("river").await.reopens(&reopened, "There is news.").await;
    run_at(&world, "2037-09-12T10:00:00").await;
    run_at(&world, "2037-10-12T10:00:00").await;
    for code in [&reopened, &other] {
        assert!(!world.history(code).await.contents.is_empty());
        assert!(!steps(&world, code).await.iter().any(|(action, _)| *action == Action::Erase));
    }
}

// ── Lists ──────────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn everything_that_is_open_is_listed_by_age_and_what_is_late_by_its_deadline() {
    let world = World::start_by(WEEKDAYS).await;
    let reporter = world.reporter("boatyard").await;
    let (officer, station) = (world.officer("boatyard").await, world.station("river").await);
    let district = world.district().await;
    let mut codes = Vec::new();
    for text in ["adopted", "routine", "urgent", "asked", "rejected", "about the officer", "withdrawn"] {
        let new = reporter.reports(text);
        codes.push(
            match text {
                "urgent" => new.urgent(),
                "about the officer" => new.about_an_officer(),
                _ => new,
            }
            .send()
            .await,
        );
        world.wait_minutes(1);
    }
    let [adopted, routine, urgent, asked, rejected, about, withdrawn] = codes.try_into().unwrap();
    officer.approves(&adopted).await;
    station.approves(&adopted).await;
    district.approves(&adopted).await;
    officer.returns(&asked, "Which gate?").await;
    officer.rejects(&rejected, "already_known").await;
    reporter.withdraws(&withdrawn).await;

    let list = async |who: &crate::harness::Reviewer, path: &str| -> Vec<String> {
        each(&who.lists(path).await.body["items"], "id").into_iter().map(str::to_owned).collect()
    };
    // Who is named by a report does not learn of it from here either.
    let known: Vec<String> = [&adopted, &routine, &urgent, &asked].map(Clone::clone).into();
    assert_eq!(list(&officer, "/open").await, known);
    let all: Vec<String> = known.iter().chain([&about]).cloned().collect();
    assert_eq!(list(&station, "/open").await, all);
    assert_eq!(list(&district, "/open").await, all);
    assert_eq!(list(&district, "/open?node=demo.river.boatyard").await, known, "the list of a node is that node's");
    assert_eq!(list(&world.officer("ferry").await.0, "/open").await, [""; 0]);
    assert_eq!(list(&world.station("market").await.0, "/open").await, [""; 0]);

    for (now, late) in [
        ("2037-08-12T11:00:00", vec![]),
        ("2037-08-12T11:33:00", vec![&urgent]),
        ("2037-08-13T09:40:00", vec![&urgent, &routine]),
        ("2037-08-14T09:40:00", vec![&urgent, &routine]),
        ("2037-08-17T09:40:00", vec![&urgent, &routine, &asked]),
    ] {
        world.set_clock(&format!("{now}+08:00"));
        let late: Vec<String> = late.into_iter().cloned().collect();
        assert_eq!(list(&officer, "/overdue").await, late, "{now}");
    }
    assert_eq!(list(&station, "/overdue").await, [&urgent, &routine, &about, &asked].map(Clone::clone));

    // Page by page it is the same, and a list goes on where it was.
    let mut paged = Vec::new();
    let mut path = "/overdue?limit=1".to_owned();
    for _ in 0..10 {
        let page = station.lists(&path).await;
        paged.extend(each(&page.body["items"], "id").into_iter().map(str::to_owned));
        match page.body["next"].as_str() {
            Some(next) => path = format!("/overdue?limit=1&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(paged, list(&station, "/overdue").await);

    // The auditor of the district watches over it, and reads nothing else there.
    let auditor = world.person("auditor").await;
    let open = expect(auditor.get("/district-review/open").await.unwrap(), 200);
    assert_eq!(each(&open.body["items"], "id"), all);
    expect(auditor.get("/district-review/overdue?node=demo.river").await.unwrap(), 200);
    expect_problem(&auditor.get("/district-review/queue").await.unwrap(), 403, "wrong_role");
    expect_problem(&auditor.get("/station-review/open").await.unwrap(), 403, "wrong_role");
}

// ── The job itself ─────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn whoever_runs_twice_or_at_once_does_each_thing_once() {
    let world = World::start_by(WEEKDAYS).await;
    let reporter = world.reporter("boatyard").await;
    let mut codes = Vec::new();
    for i in 0..12 {
        codes.push(reporter.reports(&format!("Number {i}.")).send().await);
    }
    world.set_clock("2037-08-13T10:00:00+08:00");
    let runs = (0..16).map(|_| world.bundle().run_deadlines());
    for run in futures::future::join_all(runs).await {
        run.unwrap();
    }
    world.bundle().run_deadlines().await.unwrap();
    let mut told = inbox(&world.officer("boatyard").await.person).await;
    told.retain(|action| action == "\"remind\"");
    assert_eq!(told.len(), codes.len());
    for code in &codes {
        assert_eq!(steps(&world, code).await[1..], [(Action::Remind, State::OfficerReview)]);
    }
}

#[tokio::test]
async fn a_decision_at_the_same_moment_stands_or_comes_after() {
    let world = World::start_by(WEEKDAYS).await;
    let reporter = world.reporter("boatyard").await;
    let officer = world.officer("boatyard").await;
    for i in 0..8 {
        world.set_clock("2037-08-12T09:30:00+08:00");
        let code = reporter.reports(&format!("Number {i}.")).send().await;
        let version = officer.opens(&code).await.version();
        world.set_clock("2037-08-13T09:30:00+08:00");
        let approve = json!({ "decision": "approve" });
        let (run, approved) =
            futures::join!(world.bundle().run_deadlines(), officer.tries(&code, "decisions", version, &approve));
        run.unwrap();
        let steps = steps(&world, &code).await;
        match approved.status {
            200 => assert_eq!(steps[1..], [(Action::Approve, State::StationReview)]),
            412 => assert_eq!(steps[1..], [(Action::Remind, State::OfficerReview)]),
            status => panic!("{status}: {}", approved.body),
        }
        // Nothing of it is left for the next round.
        reporter.person.get("/reports").await.unwrap();
    }
}

#[tokio::test]
async fn one_report_that_cannot_be_read_stops_no_other_and_the_run_says_so() {
    let world = World::start_by(WEEKDAYS).await;
    let reporter = world.reporter("boatyard").await;
    let mut codes = Vec::new();
    for i in 0..30 {
        codes.push(reporter.reports(&format!("Number {i}.")).send().await);
    }
    // One is spoiled, as a half-written or newer record would be.
    let spoiled: ReportId = codes[7].parse().unwrap();
    let raw = dynamodb(&world.bundle().dynamodb_url, "us-east-1");
    let table = world.store().tables().reports.clone();
    let set_schema = async |schema: &str| {
        raw.update_item()
            .table_name(&table)
            .set_key(Some(item::key_attributes(&Key::Report(spoiled))))
            .update_expression("SET #schema = :schema")
            .expression_attribute_names("#schema", "schema")
            .expression_attribute_values(":schema", aws_sdk_dynamodb::types::AttributeValue::N(schema.to_owned()))
            .send()
            .await
            .unwrap();
    };
    set_schema("99").await;
    world.set_clock("2037-08-13T10:00:00+08:00");
    let failed = world.bundle().run_deadlines().await.unwrap_err().to_string();
    assert!(failed.contains("could not act 1 times; 29 times it did"), "{failed}");
    for code in codes.iter().filter(|code| **code != codes[7]) {
        assert_eq!(steps(&world, code).await.len(), 2, "{code}");
    }
    // Until somebody has put it right, every run says so; then it is done.
    assert!(world.bundle().run_deadlines().await.is_err());
    set_schema("1").await;
    world.bundle().run_deadlines().await.unwrap();
    assert_eq!(steps(&world, &codes[7]).await[1..], [(Action::Remind, State::OfficerReview)]);
}

#[expect(clippy::print_stdout, reason = "how long it took is worth knowing")]
#[tokio::test]
async fn a_thousand_reports_are_worked_through_page_by_page_and_over_several_runs() {
    const MANY: usize = 1_000;
    let world = World::start_by(WEEKDAYS).await;
    let reporters = ["boatyard", "ferry", "lantern", "silk-lane"];
    let mut codes: Vec<String> = Vec::new();
    let begun = Instant::now();
    for community in reporters {
        let reporter = world.reporter(community).await;
        for chunk in 0..MANY / reporters.len() / 10 {
            let send = (0..10).map(|i| reporter.reports("x").with("text", format!("{chunk}-{i}")).send());
            codes.extend(futures::future::join_all(send).await);
        }
    }
    assert_eq!(codes.len(), MANY);
    println!("{MANY} reports were sent in within {:?}", begun.elapsed());
    world.set_clock("2037-08-13T10:00:00+08:00");
    let deadlines = world.bundle().deadlines();
    let now = world.now().unwrap();
    // A run that may look at 400 does so, and the next goes on.
    let small = Budget { reports: 400, time: Duration::from_mins(1) };
    assert_eq!(deadlines.workflow.reports_clock(now, small).await, Ok(400));
    // One without time does nothing, and loses nothing.
    let none = Budget { reports: 400, time: Duration::ZERO };
    assert_eq!(deadlines.workflow.reports_clock(now, none).await, Ok(0));
    let begun = Instant::now();
    world.bundle().run_deadlines().await.unwrap();
    let took = begun.elapsed();
    println!("600 of {MANY} open reports were reminded of in {took:?}");
    let mut keys = Vec::new();
    for code in &codes {
        keys.push(Key::Report(code.parse().unwrap()));
    }
    for page in keys.chunks(100) {
        let loaded = world.store().load(page.iter().cloned()).await.unwrap();
        for key in page {
            let Key::Report(id) = key else { unreachable!() };
            let report = loaded.report(*id).unwrap().unwrap();
            assert_eq!((report.version, report.reminders, report.stage), (2, 1, Stage::Officer));
        }
    }
    // All of them stand in the list of what is late, each once.
    let district = world.district().await;
    let mut seen = std::collections::BTreeSet::new();
    let mut path = "/overdue?limit=100".to_owned();
    for _ in 0..=MANY / 100 {
        let page = district.lists(&path).await;
        for code in each(&page.body["items"], "id") {
            assert!(seen.insert(code.to_owned()), "{code} came twice");
        }
        match page.body["next"].as_str() {
            Some(next) => path = format!("/overdue?limit=100&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), MANY);
}

/// A report as a bundle that knew no clock has left it.
async fn as_of_older_bundle(world: &World, code: &str) {
    let id: ReportId = code.parse().unwrap();
    let raw = dynamodb(&world.bundle().dynamodb_url, "us-east-1");
    let table = world.store().tables().reports.clone();
    raw.update_item()
        .table_name(&table)
        .set_key(Some(item::key_attributes(&Key::Report(id))))
        .update_expression("REMOVE clock_at, due_pk, due_sk")
        .send()
        .await
        .unwrap();
    for &stage in Stage::ALL {
        let key = Some(item::key_attributes(&Key::OpenEntry(id, stage)));
        raw.delete_item().table_name(&table).set_key(key).send().await.unwrap();
    }
}

#[tokio::test]
async fn reports_of_an_older_bundle_are_put_on_the_clock_once() {
    let world = World::start_by(WEEKDAYS).await;
    let reporter = world.reporter("boatyard").await;
    let (officer, district) = (world.officer("boatyard").await, world.district().await);
    let waits = reporter.reports("waits").send().await;
    let adopted = reporter.reports("adopted").send().await;
    officer.approves(&adopted).await;
    world.station("river").await.approves(&adopted).await;
    district.approves(&adopted).await;
    let unfounded = reporter.reports("unfounded").send().await;
    officer.rejects(&unfounded, "unfounded").await;
    let done = reporter.reports("done").send().await;
    officer.rejects(&done, "already_known").await;
    for code in [&waits, &adopted, &unfounded, &done] {
        as_of_older_bundle(&world, code).await;
    }
    let open = async || -> Vec<String> {
        each(&district.lists("/open").await.body["items"], "id").into_iter().map(str::to_owned).collect()
    };
    assert_eq!(open().await, [""; 0]);
    run_at(&world, "2037-08-13T09:40:00").await;
    assert_eq!(steps(&world, &waits).await.len(), 1, "the clock does not know of it");

    assert_eq!(world.store().enlist().await, Ok(3));
    assert_eq!(open().await, [waits.clone(), adopted.clone()]);
    world.bundle().run_deadlines().await.unwrap();
    assert_eq!(steps(&world, &waits).await[1..], [(Action::Remind, State::OfficerReview)]);
    run_at(&world, "2037-09-11T09:40:00").await;
    assert_eq!(steps(&world, &unfounded).await[2], (Action::Erase, State::Rejected));
    // What is on the clock stays as it is; what has none stands in its list already.
    assert_eq!(world.store().enlist().await, Ok(1));
    assert_eq!(open().await.len(), 2);
}

// ── Deputies ───────────────────────────────────────────────────────────────────────────────────────────────────────

/// The absence of somebody, as they or their manager write it down.
async fn absent(who: &Person, id: &str, from: &str, until: &str, deputy: &str) -> Answer {
    let path = format!("{DEMO}/members/{id}");
    let version = who.get(&path).await.unwrap().version();
    let body = json!({ "from": format!("{from}+08:00"), "until": format!("{until}+08:00"), "deputy": deputy });
    who.put_json(&format!("{path}/absence"), version, &body).await.unwrap()
}

async fn deletes(who: &Person, path: &str, version: Option<u64>) -> Answer {
    let headers: Vec<_> = version.map(|version| ("if-match", format!("\"{version}\""))).into_iter().collect();
    who.send(Method::DELETE, path, &headers, None).await.unwrap()
}

#[tokio::test]
async fn a_deputy_reviews_for_the_absent_officer_within_the_time_and_not_a_second_longer() {
    let world = World::start_by(WEEKDAYS).await;
    let reporter = world.reporter("boatyard").await;
    let (officer, deputy) = (world.officer("boatyard").await, world.officer("ferry").await);
    let code = reporter.reports(TEXT).with_photo().send().await;
    let own = world.reporter("ferry").await.reports("At the ferry.").send().await;
    let photo = world.history(&code).await.report.media[0].id;
    let written =
        absent(&officer.person, "officer-boatyard", "2037-08-12T10:00:00", "2037-08-12T15:00:00", "officer-ferry")
            .await;
    let written = expect(written, 200);
    assert_eq!(written.text("/absence/deputy"), "officer-ferry");
    let covers = expect(deputy.person.get(&format!("{DEMO}/members/officer-ferry")).await.unwrap(), 200);
    assert_eq!(covers.text("/covers/0/node"), "demo.river.boatyard");

    let node = "node=demo.river.boatyard";
    let queue = deputy.path(&format!("/queue?{node}"));
    let closed = async |now: &str| {
        world.set_clock(&format!("{now}+08:00"));
        for path in ["queue", "reports", "open", "overdue"] {
            let path = deputy.path(&format!("/{path}?{node}"));
            expect_problem(&deputy.person.get(&path).await.unwrap(), 404, "not_found");
        }
        expect_problem(&deputy.tries_to_open(&code).await, 404, "not_found");
        expect_problem(&deputy.asks_for_link(&code, photo).await, 404, "not_found");
        let tried = deputy.tries(&code, "decisions", Some(1), &json!({ "decision": "approve" })).await;
        expect_problem(&tried, 404, "not_found");
        assert_eq!(inbox(&deputy.person).await.len(), 1, "of the own community alone");
    };
    closed("2037-08-12T09:59:59").await;

    world.set_clock("2037-08-12T10:00:00+08:00");
    let waits = expect(deputy.person.get(&queue).await.unwrap(), 200);
    assert_eq!(each(&waits.body["items"], "id"), [&*code]);
    assert_eq!(deputy.queue().await, [&*own], "the own queue is the own one");
    for path in ["reports", "open"] {
        let listed = deputy.lists(&format!("/{path}?{node}")).await;
        assert_eq!(each(&listed.body["items"], "id"), [&*code], "{path}");
    }
    assert_eq!(inbox(&deputy.person).await.len(), 2, "the notice of the covered community is in the inbox");
    deputy.opens_media(&code, photo).await;
    deputy.returns(&code, "Which gate?").await;
    let history = world.history(&code).await;
    assert_eq!(history.events[1].actor.as_str(), "officer-ferry", "the trail says who it was");
    let opened = world.store().accesses(code.parse().unwrap(), 100).await.unwrap();
    assert!(opened.iter().all(|access| access.actor.as_str() == "officer-ferry"), "{opened:?}");
    // Nothing else of the station has opened.
    expect_problem(&deputy.person.get("/officer-review/queue?node=demo.river").await.unwrap(), 404, "not_found");
    let lantern = deputy.path("/queue?node=demo.market.lantern");
    expect_problem(&deputy.person.get(&lantern).await.unwrap(), 404, "not_found");

    world.set_clock("2037-08-12T14:59:59+08:00");
    reporter.answers(&code, "The northern one.").await;
    expect(deputy.person.get(&queue).await.unwrap(), 200);
    closed("2037-08-12T15:00:00").await;
    // The absent one was never shut out.
    officer.approves(&code).await;
}

#[tokio::test]
async fn a_station_stands_in_for_another_and_its_manager_ends_it() {
    let world = World::start_by(WEEKDAYS).await;
    let reporter = world.reporter("boatyard").await;
    let code = reporter.reports(TEXT).send().await;
    let about = reporter.reports("The officer takes money.").about_the_station().send().await;
    world.officer("boatyard").await.approves(&code).await;
    let (market, district) = (world.station("market").await, world.district().await);
    let declared =
        absent(&district.person, "station-river", "2037-08-12T09:00:00", "2037-10-11T09:00:00", "station-market").await;
    let declared = expect(declared, 200);
    assert_eq!(market.opens(&code).await.text("/state"), "station_review");
    market.approves(&code).await;
    assert_eq!(world.history(&code).await.events[2].actor.as_str(), "station-market");
    // What the covered station may not know, its deputy does not learn.
    expect_problem(&market.tries_to_open(&about).await, 404, "not_found");

    let path = format!("{DEMO}/members/station-river/absence");
    let ended = deletes(&district.person, &path, declared.version()).await;
    let ended = expect(ended, 200);
    assert!(ended.body.get("absence").is_none(), "{}", ended.body);
    expect_problem(&market.tries_to_open(&code).await, 404, "not_found");
    let me = expect(market.person.get("/me").await.unwrap(), 200);
    assert!(!me.body.to_string().contains("demo.river"), "{}", me.body);
}

/// Whoever does not review there any more has nobody there in their place either.
#[tokio::test]
async fn a_cover_ends_with_the_position_of_the_absent_one() {
    let reason = "New post.";
    for change in [
        json!({ "change": "transfer", "node": "demo.market.lantern", "reason": reason }),
        json!({ "change": "suspend", "reason": reason }),
        json!({ "change": "leave" }),
    ] {
        let world = World::start_by(WEEKDAYS).await;
        let code = world.reporter("boatyard").await.reports(TEXT).send().await;
        let (officer, deputy) = (world.officer("boatyard").await, world.officer("ferry").await);
        let district = world.person("district-police").await;
        let (from, until) = ("2037-08-12T09:00:00", "2037-08-20T09:00:00");
        let begun = absent(&officer.person, "officer-boatyard", from, until, "officer-ferry").await;
        let begun = expect(begun, 200);
        deputy.opens(&code).await;

        let path = format!("{DEMO}/members/officer-boatyard");
        let actor = if change["change"] == "leave" { &officer.person } else { &district };
        let key = uuid::Uuid::from_u128(4);
        let send = async || actor.post(&format!("{path}/changes"), key, begun.version(), &change).await.unwrap();
        let changed = expect(send().await, 200);
        assert!(changed.body.get("absence").is_none(), "{}", changed.body);
        expect_problem(&deputy.tries_to_open(&code).await, 404, "not_found");
        let tried = deputy.tries(&code, "decisions", Some(1), &json!({ "decision": "approve" })).await;
        expect_problem(&tried, 404, "not_found");
        let queue = deputy.path("/queue?node=demo.river.boatyard");
        expect_problem(&deputy.person.get(&queue).await.unwrap(), 404, "not_found");
        let me = expect(deputy.person.get(&format!("{DEMO}/members/officer-ferry")).await.unwrap(), 200);
        assert!(!me.body.to_string().contains("boatyard"), "{}", me.body);
        let history = expect(district.get(&format!("{DEMO}/members/officer-ferry/history")).await.unwrap(), 200);
        assert_eq!(each(&history.body["events"], "action"), ["set_cover", "end_cover"], "{change}");
        // The same again is the same, and ends nothing twice.
        if change["change"] != "leave" {
            assert_eq!(expect(send().await, 200).version(), changed.version());
        }
        let after = expect(deputy.person.get(&format!("{DEMO}/members/officer-ferry")).await.unwrap(), 200);
        assert_eq!(after.version(), me.version());
    }
}

/// An absence that begins while its one is transferred: whichever comes second finds the other.
#[tokio::test]
async fn sixteen_absences_and_transfers_at_once_leave_no_cover_without_its_absence() {
    let world = World::start_by(WEEKDAYS).await;
    let district = world.person("district-police").await;
    let path = format!("{DEMO}/members/officer-boatyard");
    let transfer = json!({ "change": "transfer", "node": "demo.market.lantern", "reason": "New post." });
    let absence = json!({
        "from": "2037-08-13T09:00:00+08:00", "until": "2037-08-20T09:00:00+08:00", "deputy": "officer-ferry",
    });
    let changes = format!("{path}/changes");
    let absences = format!("{path}/absence");
    let (both, sent) = ((0..16_u128), async |i: u128| match i % 2 {
        0 => district.post(&changes, uuid::Uuid::from_u128(i), Some(u64::from(i % 4 == 2)), &transfer).await.unwrap(),
        _ => district.put_json(&absences, Some(0), &absence).await.unwrap(),
    });
    let answers = futures::future::join_all(both.map(sent)).await;
    assert!(answers.iter().any(|answer| answer.status == 200));
    assert!(answers.iter().all(|answer| [200, 400, 412].contains(&answer.status)));
    let read = expect(district.get(&path).await.unwrap(), 200);
    let ferry = expect(district.get(&format!("{DEMO}/members/officer-ferry")).await.unwrap(), 200);
    let covers = ferry.body["covers"].as_array().map_or(0, Vec::len);
    assert_eq!(usize::from(read.body.get("absence").is_some()), covers, "{} {}", read.body, ferry.body);
}

#[tokio::test]
async fn who_may_not_declare_an_absence_and_what_is_wrong_with_one_is_said() {
    let world = World::start_by(WEEKDAYS).await;
    let officer = world.officer("boatyard").await;
    let (from, until) = ("2037-08-13T09:00:00", "2037-08-20T09:00:00");
    let id = "officer-boatyard";
    // A neighbour, another station, a reporter.
    let neighbour = world.officer("ferry").await;
    for (who, status, kind) in [
        (&neighbour.person, 404, "not_found"),
        (&world.station("market").await.person, 404, "not_found"),
        (&world.reporter("boatyard").await.person, 403, "wrong_role"),
    ] {
        let path = format!("{DEMO}/members/{id}/absence");
        let body =
            json!({ "from": format!("{from}+08:00"), "until": format!("{until}+08:00"), "deputy": "officer-ferry" });
        expect_problem(&who.put_json(&path, Some(0), &body).await.unwrap(), status, kind);
        expect_problem(&deletes(who, &path, Some(0)).await, status, kind);
    }
    let field = |answer: Answer| (answer.status, answer.text("/errors/0/pointer").to_owned());
    for deputy in ["officer-lantern", "officer-boatyard", "station-river", "nobody", "officer-suspended"] {
        let refused = absent(&officer.person, id, from, until, deputy).await;
        assert_eq!(field(refused), (400, "/deputy".to_owned()), "{deputy}");
    }
    let refused = absent(&officer.person, id, until, from, "officer-ferry").await;
    assert_eq!(field(refused), (400, "/until".to_owned()));
    let refused = absent(&officer.person, id, from, "2037-10-13T09:00:00", "officer-ferry").await;
    assert_eq!(field(refused), (400, "/until".to_owned()));

    // The same again is the same, also with the version from before; something else is not.
    let first = expect(absent(&officer.person, id, from, until, "officer-ferry").await, 200);
    let path = format!("{DEMO}/members/{id}/absence");
    let body = json!({ "from": format!("{from}+08:00"), "until": format!("{until}+08:00"), "deputy": "officer-ferry" });
    let again = expect(officer.person.put_json(&path, Some(0), &body).await.unwrap(), 200);
    assert_eq!(again.version(), first.version());
    let longer =
        json!({ "from": format!("{from}+08:00"), "until": "2037-08-25T09:00:00+08:00", "deputy": "officer-ferry" });
    expect_problem(&officer.person.put_json(&path, Some(0), &longer).await.unwrap(), 412, "version_stale");
    expect_problem(&officer.person.put_json(&path, None, &longer).await.unwrap(), 428, "version_missing");
    let end = async |version| deletes(&officer.person, &path, version).await;
    expect_problem(&end(Some(0)).await, 412, "version_stale");
    expect(end(first.version()).await, 200);
    expect(end(first.version()).await, 200);
}

#[tokio::test]
async fn sixteen_at_once_leave_one_absence_and_one_cover() {
    let world = World::start_by(WEEKDAYS).await;
    let officer = world.officer("boatyard").await;
    let path = format!("{DEMO}/members/officer-boatyard/absence");
    let body = |day: usize| {
        json!({
            "from": "2037-08-13T09:00:00+08:00", "until": format!("2037-08-{}T09:00:00+08:00", 14 + day),
            "deputy": "officer-ferry",
        })
    };
    let bodies: Vec<Value> = (0..16).map(body).collect();
    let sent = bodies.iter().map(|body| officer.person.put_json(&path, Some(0), body));
    let answers = futures::future::join_all(sent).await;
    let statuses: Vec<u16> = answers.into_iter().map(|answer| answer.unwrap().status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 412].contains(status)), "{statuses:?}");
    let read = expect(officer.person.get(&format!("{DEMO}/members/officer-boatyard")).await.unwrap(), 200);
    let ferry = world.officer("ferry").await;
    let covers = expect(ferry.person.get(&format!("{DEMO}/members/officer-ferry")).await.unwrap(), 200);
    assert_eq!(covers.body["covers"].as_array().map(Vec::len), Some(1));
    assert_eq!(covers.text("/covers/0/until"), read.text("/absence/until"));
    let history = expect(ferry.person.get(&format!("{DEMO}/members/officer-ferry/history")).await.unwrap(), 200);
    assert_eq!(each(&history.body["events"], "action"), ["set_cover"]);
}
