//! What comes of a task: its answers with their pictures, and the reports that name it.

use pingan_domain::access::Opened;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{LANTERN, task, with};
use crate::harness::{World, each, expect, expect_problem, jpeg};

#[tokio::test]
async fn a_photo_of_an_answer_is_opened_by_those_who_run_the_task() {
    let world = World::start().await;
    let officer = world.manager("officer-lantern").await;
    let (reporter, neighbour) = (world.reporter("lantern").await, world.neighbour("lantern").await);
    let photo_field = json!({ "name": "photo", "label": "照片", "kind": "photo", "required": true });
    let code = officer.sends_task(&with(task(&world, &[LANTERN]), "/form/1", photo_field)).await;
    let fields = async |answer: Value| -> Vec<String> {
        let refused = expect(reporter.answers_task(&code, &answer).await, 400);
        each(&refused.body["errors"], "pointer").into_iter().map(str::to_owned).collect()
    };
    assert_eq!(fields(json!({ "seen": "是" })).await, ["/answer/photo"]);
    assert_eq!(fields(json!({ "seen": "是", "photo": "no id" })).await, ["/answer/photo"]);
    assert_eq!(fields(json!({ "seen": "是", "photo": Uuid::nil() })).await, ["/answer/photo"]);
    assert_eq!(fields(json!({ "seen": "是", "photo": 7.5 })).await, ["/answer/photo"]);
    let theirs = neighbour.uploads(jpeg(9)).await;
    assert_eq!(fields(json!({ "seen": "是", "photo": theirs })).await, ["/answer/photo"], "somebody else's");

    let photo = reporter.uploads(jpeg(1)).await;
    let answer = json!({ "seen": "是", "photo": photo });
    expect(reporter.answers_task(&code, &answer).await, 200);
    // The same again, and a correction with the same photo, are taken; a report cannot have it.
    expect(reporter.answers_task(&code, &answer).await, 200);
    expect(reporter.answers_task(&code, &json!({ "seen": "否", "photo": photo })).await, 200);
    let refused = expect(reporter.reports("With it.").with_media(photo).tries_to_send().await, 400);
    assert_eq!(each(&refused.body["errors"], "pointer"), ["/media/0"]);
    let attached = reporter.uploads(jpeg(2)).await;
    reporter.reports("Mine.").with_media(attached).send().await;
    assert_eq!(fields(json!({ "seen": "是", "photo": attached })).await, ["/answer/photo"], "a report's");

    let answers = officer.reads_task(&code, "/answers").await;
    let only = &answers.body["items"][0];
    assert_eq!((&only["answer"]["seen"], &only["media"][0]["id"]), (&json!("否"), &json!(photo)));
    assert_eq!(answers.body["items"].as_array().unwrap().len(), 1);
    let me = reporter.person.get("/me").await.unwrap();
    assert_eq!(only["pseudonym"], me.body["pseudonym"]);
    assert!(!answers.body.to_string().contains("reporter-lantern"), "answers stand under pseudonyms");
    let link = format!("/tasks/{code}/media/{photo}/link");
    let opened = expect(officer.person.get(&link).await.unwrap(), 200);
    let (status, bytes) = officer.person.open(opened.text("/url")).await.unwrap();
    assert_eq!((status, bytes.is_empty()), (200, false));
    expect(officer.person.get(&format!("{link}?thumbnail=true")).await.unwrap(), 200);
    let readings = world.store().accesses(code.parse().unwrap(), 100).await.unwrap();
    let readings: Vec<_> = readings.iter().map(|one| (one.actor.as_str(), one.opened)).collect();
    let by_officer = [Opened::Answers, Opened::Media, Opened::Thumbnail].map(|opened| ("officer-lantern", opened));
    assert_eq!(readings, by_officer, "what is read of answers is on record");
    let station = world.manager("station-market").await;
    expect(station.person.get(&link).await.unwrap(), 200);
    for stranger in ["officer-ferry", "station-river"] {
        expect_problem(&world.person(stranger).await.get(&link).await.unwrap(), 404, "not_found");
    }
    expect_problem(&reporter.person.get(&link).await.unwrap(), 403, "wrong_role");
    let of_report = format!("/tasks/{code}/media/{attached}/link");
    expect_problem(&officer.person.get(&of_report).await.unwrap(), 404, "not_found");
}

#[tokio::test]
async fn what_was_reported_is_listed_by_stage_and_outcome() {
    let world = World::start().await;
    let officer = world.manager("officer-lantern").await;
    let reporter = world.reporter("lantern").await;
    let code = officer.sends_task(&task(&world, &[LANTERN])).await;
    let names = |text: &'static str| reporter.reports(text).with("task", code.clone());
    let (first, second) = (names("One.").send().await, names("Two.").send().await);
    let rejected = names("Three.").send().await;
    let about = names("About an officer.").about_an_officer().send().await;
    reporter.reports("Of no task.").send().await;
    let review = world.officer("lantern").await;
    review.approves(&first).await;
    review.rejects(&rejected, "not_confirmed").await;

    assert_eq!(reporter.reads(&first).await.text("/task"), code);
    assert_eq!(review.opens(&first).await.text("/task"), code);
    let page = officer.reads_task(&code, "/reports").await;
    let mut listed = each(&page.body["items"], "id");
    listed.sort_unstable();
    let mut expected = [&*first, &second, &rejected];
    expected.sort_unstable();
    assert_eq!(listed, expected, "not {about}, which the officer never sees");
    assert_eq!(
        page.body["counts"],
        json!([
            { "stage": "officer", "state": "officer_review", "count": 1 },
            { "stage": "officer", "state": "rejected", "reason": "not_confirmed", "count": 1 },
            { "stage": "station", "state": "station_review", "count": 1 },
        ])
    );
    let short = officer.reads_task(&code, "/reports?limit=2").await;
    let next = short.text("/next").to_owned();
    let rest = officer.reads_task(&code, &format!("/reports?limit=2&cursor={next}")).await;
    assert_eq!(rest.body["items"].as_array().unwrap().len(), 1);
    assert_eq!((&short.body["counted_all"], rest.body.get("counts")), (&json!(true), None), "counted once");

    // A task that is not theirs, or that there is not, is none.
    let elsewhere = world.reporter("ferry").await;
    for wrong in [code.clone(), first.clone()] {
        let refused = expect(elsewhere.reports("x").with("task", wrong).tries_to_send().await, 400);
        assert_eq!(each(&refused.body["errors"], "pointer"), ["/task"]);
    }
}

#[tokio::test]
async fn staff_read_what_runs_where_they_are_and_no_more() {
    let world = World::start().await;
    let district = world.manager("district-police").await;
    let code = district.drafts(&task(&world, &["demo.market"])).await;
    let officer = world.manager("officer-lantern").await;
    expect_problem(&officer.asks_for(&format!("/tasks/{code}")).await, 404, "not_found");
    district.takes_step(&code, &json!({ "step": "publish" })).await;
    assert_eq!(officer.reads_task(&code, "").await.text("/title"), "夜间电缆被盗");
    for rest in ["/reach", "/progress", "/answers", "/reports", "/history"] {
        expect_problem(&officer.asks_for(&format!("/tasks/{code}{rest}")).await, 404, "not_found");
    }
    let cancel = json!({ "step": "cancel", "reason": "Not here." });
    expect_problem(&officer.tries_step(&code, &cancel).await, 403, "not_your_task");
    expect_problem(&officer.tries_to_edit(&code, &task(&world, &[LANTERN])).await, 403, "not_your_task");
    let elsewhere = world.manager("station-river").await;
    for rest in ["", "/progress", "/history"] {
        expect_problem(&elsewhere.asks_for(&format!("/tasks/{code}{rest}")).await, 404, "not_found");
    }
    let auditor = world.manager("auditor").await;
    expect(auditor.asks_for(&format!("/tasks/{code}")).await, 200);
    expect(auditor.asks_for(&format!("/tasks/{code}/history")).await, 200);
    expect_problem(&auditor.asks_for(&format!("/tasks/{code}/answers")).await, 403, "wrong_role");
}
