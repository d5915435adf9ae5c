//! What must not be seen: by those whom a report names, and by anybody once it is erased.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use pingan_domain::{
    command::Fingerprint,
    event::verify_chain,
    report::{Category, Concerns, NewReport, Urgency},
};
use pingan_store::Key;
use serde_json::json;

use crate::harness::{Reviewer, World, assert_says_nothing_of, expect, expect_problem};

#[tokio::test]
async fn what_is_out_of_scope_leaves_no_text_behind() {
    let world = World::start().await;
    let reporter = world.reporter("old-mill").await;
    let (officer, station, district) =
        (world.officer("old-mill").await, world.station("north").await, world.district().await);
    let photo = reporter.takes_photo().await;
    let code = reporter.reports("marker-text").at("marker-address").with_media(photo).send().await;
    reporter.writes(&code, "marker-message").await;
    officer.returns(&code, "marker-question").await;
    reporter.answers(&code, "marker-answer").await;
    officer.approves_noting(&code, "marker-note").await;
    let rejection =
        json!({ "decision": "reject", "reason": "out_of_scope_lawful_activity", "note": "marker-last-note" });
    let mut read = vec![station.decides(&code, &rejection).await.body];

    let own = reporter.reads(&code).await;
    assert_eq!((own.text("/state"), own.text("/reason")), ("rejected", "out_of_scope_lawful_activity"));
    assert_eq!(
        (&own.body["content"], &own.body["media"], &own.body["messages"]),
        (&json!(null), &json!([]), &json!([]))
    );
    let told = own.body["feedback"].as_array().unwrap().last().unwrap();
    assert!(told["text"]["en"].as_str().unwrap().contains("Its text was erased"));
    read.extend([own.body.clone(), reporter.person.get("/reports").await.unwrap().body]);
    for reviewer in [&*officer, &*station, &*district] {
        read.push(reviewer.opens(&code).await.body);
        read.push(reviewer.lists("/queue").await.body);
        read.push(reviewer.lists("/reports").await.body);
        expect(reviewer.asks_for_link(&code, photo).await, 404);
    }
    let notices = world.notices(7).await;
    read.extend(notices);
    assert_says_nothing_of(&read, &["marker"]);

    let history = world.history(&code).await;
    assert_eq!((history.contents.len(), history.report.contents.len(), history.report.media.len()), (0, 0, 0));
    assert!(history.report.erased_at.is_some());
    assert_says_nothing_of(&history, &["marker"]);
    // What happened stays, and can still be checked.
    assert_eq!(history.events.len(), 6);
    verify_chain(&history.events, history.report.head).unwrap();
}

/// A receipt outlives the text that it was given for. Without the phone's key, which nobody keeps, it must not let
/// anybody check a guess at that text.
#[tokio::test]
async fn what_is_erased_cannot_be_guessed_from_what_is_left() {
    let world = World::start().await;
    let reporter = world.reporter("old-mill").await;
    let code = reporter.reports("They hold a prayer meeting.").send().await;
    world.officer("old-mill").await.rejects(&code, "out_of_scope_lawful_activity").await;
    let command = world.history(&code).await.report.created_by;
    let left = world.store().load([Key::Receipt(command)]).await.unwrap();
    let guess = NewReport {
        category: Category::Crime,
        urgency: Urgency::Routine,
        concerns: Concerns::Nobody,
        text: "They hold a prayer meeting.".to_owned(),
        place: None,
        task: None,
        observed_at: None,
        media: Vec::new(),
    };
    let guessed = Fingerprint::of(uuid::Uuid::nil(), "submit", "", &guess).unwrap();
    if let Some(receipt) = left.receipt(command).unwrap() {
        assert_ne!(receipt.fingerprint, guessed, "the fingerprint tells a right guess from a wrong one");
    }
}

/// There is nothing left to review: it would come into a queue without a word in it.
#[tokio::test]
async fn what_is_erased_is_not_taken_up_again() {
    let world = World::start().await;
    let reporter = world.reporter("old-mill").await;
    let (officer, station) = (world.officer("old-mill").await, world.station("north").await);
    let code = reporter.reports("They hold a prayer meeting.").send().await;
    officer.rejects(&code, "out_of_scope_lawful_activity").await;
    let read = station.opens(&code).await;
    let decision = json!({ "decision": "reopen", "note": "Why was this erased?" });
    let refused = station.tries(&code, "decisions", read.version(), &decision).await;
    expect_problem(&refused, 409, "content_erased");
    assert_eq!(read.body["can"], json!([]));
}

#[tokio::test]
async fn whom_a_report_names_never_sees_it() {
    let world = World::start().await;
    let reporter = world.reporter("plum-garden").await;
    let (officer, station, district) =
        (world.officer("plum-garden").await, world.station("north").await, world.district().await);
    let photo = reporter.takes_photo().await;
    let about_officer = reporter.reports("The officer took money.").about_an_officer().with_media(photo).send().await;
    let second_photo = reporter.takes_photo().await;
    let about_station = reporter
        .reports("The station looks away.")
        .about_the_station()
        .emergency()
        .with_media(second_photo)
        .send()
        .await;
    let plain = reporter.reports("A broken lamp.").send().await;

    assert_eq!(reporter.reads(&about_officer).await.text("/state"), "station_review");
    assert_eq!(reporter.reads(&about_station).await.text("/state"), "district_review");
    assert_eq!(
        (officer.queue().await, station.queue().await, district.queue().await),
        (vec![plain.clone()], vec![about_officer.clone()], vec![about_station.clone()])
    );
    assert_eq!(officer.territory().await, [&*plain]);
    assert_eq!(station.territory().await.len(), 2);
    assert_eq!(district.territory().await.len(), 3);

    let hidden: [(&Reviewer, &str, uuid::Uuid); 3] = [
        (&officer, &about_officer, photo),
        (&officer, &about_station, second_photo),
        (&station, &about_station, second_photo),
    ];
    for (reviewer, code, media) in hidden {
        let mut refusals = vec![reviewer.tries_to_open(code).await, reviewer.asks_for_link(code, media).await];
        for decision in [
            json!({ "decision": "approve" }),
            json!({ "decision": "reject", "reason": "unfounded" }),
            json!({ "decision": "reopen", "note": "x" }),
        ] {
            refusals.push(reviewer.tries(code, "decisions", Some(1), &decision).await);
            // A stale version must not be what tells that it exists.
            refusals.push(reviewer.tries(code, "decisions", Some(7), &decision).await);
        }
        refusals.push(reviewer.tries(code, "messages", None, &json!({ "text": "Who are you?" })).await);
        for refusal in &refusals {
            expect_problem(refusal, 404, "not_found");
        }
    }
    // Nor does it come to light as an original, or by being sent down.
    let version = officer.opens(&plain).await.version();
    let decision = json!({ "decision": "mark_duplicate", "original": about_officer });
    let refused = officer.tries(&plain, "decisions", version, &decision).await;
    assert_eq!(refused.text("/errors/0/detail"), "is no report in your territory");
    let version = station.opens(&about_officer).await.version();
    let down = json!({ "decision": "send_down", "note": "Yours." });
    expect_problem(&station.tries(&about_officer, "decisions", version, &down).await, 409, "conflict_of_interest");
    station.approves(&about_officer).await;
    assert_eq!(district.sends_down(&about_officer, "Look again.").await.text("/state"), "station_review");
}

/// A page that comes out short, and a cursor whose letters spell a key, would tell an officer that there is a report
/// about him, and which.
#[tokio::test]
async fn the_pages_of_a_list_do_not_give_away_what_is_left_out() {
    let world = World::start().await;
    let reporter = world.reporter("plum-garden").await;
    let officer = world.officer("plum-garden").await;
    let older = reporter.reports("A broken lamp.").send().await;
    world.wait_minutes(1);
    let hidden = reporter.reports("The officer took money.").about_an_officer().send().await;
    world.wait_minutes(1);
    let newer = reporter.reports("A broken bench.").send().await;

    let mut lengths = Vec::new();
    let mut codes = Vec::new();
    let mut path = "/reports?limit=1".to_owned();
    loop {
        let page = officer.lists(&path).await;
        let items = page.body["items"].as_array().unwrap();
        lengths.push(items.len());
        codes.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        let Some(next) = page.body["next"].as_str() else { break };
        let cursor = String::from_utf8_lossy(&URL_SAFE_NO_PAD.decode(next).unwrap()).into_owned();
        assert!(!cursor.contains(&hidden.replace('-', "")), "the cursor spells the hidden report's key: {cursor}");
        path = format!("/reports?limit=1&cursor={next}");
    }
    assert_eq!(codes, [newer, older]);
    lengths.retain(|length| *length == 0);
    assert!(lengths.len() <= 1, "only the last page of a list may be empty");
}
