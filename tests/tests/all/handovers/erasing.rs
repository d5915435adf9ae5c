//! Erasure follows a report to wherever it was handed over.

use std::fmt::Write as _;

use pingan_domain::{handover::HandoverState, life::State};
use pingan_store::item;
use serde_json::json;

use super::{HILLTOP, Hand, adopted, adopted_with, checked, neighbours, secrets, to, to_elsewhere, to_fire};
use crate::harness::{
    DEMO, Officer, Reviewer, World, assert_says_nothing_of, dynamodb, each, eventually, expect, expect_problem, strings,
};

/// Every item of the table of the hand-overs, as text.
async fn table(world: &World) -> String {
    let bundle = world.bundle();
    let raw = dynamodb(&bundle.dynamodb_url, "us-east-1");
    let mut said = String::new();
    let mut pages = raw.scan().table_name(&bundle.store.tables().handovers).into_paginator().send();
    while let Some(page) = pages.next().await {
        for item in page.unwrap().items.unwrap_or_default() {
            writeln!(said, "{} {item:?}", item::text(&item, "sk").unwrap()).unwrap();
        }
    }
    said
}

/// Everything that both sides have written so far.
async fn talk(district: &Hand, fire: &Hand, code: &str) {
    fire.takes(code, &json!({ "step": "ask", "text": "Which gate? 白玉兰" })).await;
    expect(district.steps_as_sender(code, &json!({ "step": "answer", "text": "By the river. 白玉兰" })).await, 200);
    fire.takes(code, &json!({ "step": "accept" })).await;
}

#[tokio::test]
async fn what_turns_out_to_be_unfounded_is_called_back_from_everybody() {
    for (reason, expected) in [("unfounded", "unfounded"), ("out_of_scope_lawful_activity", "content_erased")] {
        let world = World::start_here().await;
        neighbours(&world).await;
        let (report, photos) = adopted_with(&world, 1).await;
        let (district, fire) = (Hand::of(&world, "district-police").await, Hand::of(&world, "agency-fire").await);
        let mut body =
            to(&json!([{ "to": "agency", "agency": "fire" }, { "to": "agency", "agency": "market-regulation" }]));
        body["extract"]["media"] = json!(photos);
        let codes = district.hands_over(&report, &body).await;
        talk(&district, &fire, &codes[0]).await;
        fire.takes(&codes[0], &json!({ "step": "complete", "done": "Removed. 白玉兰" })).await;
        assert!(table(&world).await.contains("白玉兰"), "the marker would be seen");
        district.closes(&report).await;
        let review = world.district().await;
        review.reopens(&report, "New facts.").await;
        review.rejects(&report, reason).await;

        let said = table(&world).await;
        for gone in ["白玉兰", "Boatyard Lane", &photos[0].to_string()] {
            assert!(!said.contains(gone), "{reason}: {gone} stands in {said}");
        }
        for code in &codes {
            let handover = checked(&world, code).await;
            assert_eq!(handover.state, HandoverState::Recalled);
            assert_eq!(handover.recall_reason.unwrap().to_string(), expected);
            expect_problem(&fire.asks_for_link(code, photos[0]).await, 404, "not_found");
        }
        // The one who had opened it has to confirm; the other had never seen it.
        assert_eq!(fire.told().await.last(), Some(&(codes[0].clone(), "recall".to_owned())));
        let opened = fire.opens(&codes[0]).await;
        assert_eq!((opened.text("/state"), opened.text("/recall_reason")), ("recalled", expected));
        assert_eq!(strings(&opened.body["can"]), ["confirm_erasure"]);
        assert_says_nothing_of(&opened.body, &["白玉兰", "Boatyard"]);
        let market = Hand::of(&world, "agency-market").await;
        let opened = market.opens(&codes[1]).await;
        assert_eq!((strings(&opened.body["can"]), opened.body.get("erase_by")), (vec![], None));
        let confirm = json!({ "step": "confirm_erasure" });
        expect_problem(&market.tries(&codes[1], &confirm).await, 409, "wrong_handover_state");

        fire.takes(&codes[0], &confirm).await;
        expect_problem(&fire.tries(&codes[0], &confirm).await, 409, "wrong_handover_state");
        let seen = district.opens_sent(&codes[0]).await;
        assert_eq!(seen.text("/erased_by"), "agency-fire");
        assert!(seen.body["erased_at"].is_string());
        assert_eq!(district.told().await.last(), Some(&(codes[0].clone(), "confirm_erasure".to_owned())));
        checked(&world, &codes[0]).await;
    }
}

/// What is taken back, or goes on as another report, is called back like what is unfounded: here, in
/// another district's copy, and by name of nobody.
#[tokio::test]
async fn what_is_withdrawn_or_linked_is_called_back_from_everybody() {
    for linked in [false, true] {
        let world = World::start_here().await;
        neighbours(&world).await;
        let (district, fire) = (Hand::of(&world, "district-police").await, Hand::of(&world, "agency-fire").await);
        let other = Hand::of(&world, "elsewhere-district").await;
        let report = adopted(&world).await;
        let receivers = json!([{ "to": "agency", "agency": "fire" }, { "to": "district", "district": "elsewhere" }]);
        let codes = district.hands_over(&report, &to(&receivers)).await;
        talk(&district, &fire, &codes[0]).await;
        other.takes(&codes[1], &json!({ "step": "accept", "node": HILLTOP })).await;
        let copy = other.opens(&codes[1]).await.text("/copy").to_owned();
        district.closes(&report).await;
        let review = world.district().await;
        review.reopens(&report, "New facts.").await;
        let reporter = world.reporter("boatyard").await;
        if linked {
            let original = adopted(&world).await;
            review.links(&report, &original).await;
        } else {
            reporter.withdraws(&report).await;
        }

        for code in &codes {
            let handover = checked(&world, code).await;
            assert_eq!(handover.state, HandoverState::Recalled);
            assert_eq!(handover.recall_reason.unwrap().to_string(), "not_needed");
            let seen = district.opens_sent(code).await;
            let recall = seen.body["history"].as_array().unwrap().iter().find(|event| event["action"] == "recall");
            let by = if linked { ("district-police", "district_manager") } else { ("clock", "clock") };
            let recall = recall.unwrap();
            assert_eq!((&recall["actor"], &recall["role"]), (&json!(by.0), &json!(by.1)));
            assert_says_nothing_of(&seen.body, &["reporter-boatyard", "白玉兰", "Boatyard"]);
        }
        assert_eq!(fire.told().await.last(), Some(&(codes[0].clone(), "recall".to_owned())));
        assert_eq!(strings(&fire.opens(&codes[0]).await.body["can"]), ["confirm_erasure"]);
        let history = world.history(&copy).await;
        assert_eq!((history.report.state, history.contents.len()), (State::Withdrawn, 0), "the copy goes with it");
        other.takes(&codes[1], &json!({ "step": "confirm_erasure" })).await;
        // The report itself is as it always was after that: its own texts stay.
        let report = world.history(&report).await.report;
        assert_eq!(report.state, if linked { State::Duplicate } else { State::Withdrawn });
        assert_eq!(report.erased_at, None);
    }
}

#[tokio::test]
async fn an_erasure_that_nobody_confirms_is_called_for() {
    let world = World::start_here().await;
    neighbours(&world).await;
    let report = adopted(&world).await;
    let (district, fire) = (Hand::of(&world, "district-police").await, Hand::of(&world, "agency-fire").await);
    let code = district.hands_over(&report, &to_fire()).await.remove(0);
    fire.opens(&code).await;
    let recall = json!({ "step": "recall", "reason": "not_needed" });
    let recalled = expect(district.steps_as_sender(&code, &recall).await, 200);
    expect_problem(&district.steps_as_sender(&code, &recall).await, 409, "wrong_handover_state");
    // 24 working hours from Wednesday, 9:30.
    assert_eq!(recalled.text("/erase_by"), "2037-08-17T01:30:00Z");
    world.wait_minutes(5 * 24 * 60);
    assert_eq!(world.bundle().handover_clock().await.unwrap(), 1);
    assert_eq!(fire.told().await.last(), Some(&(code.clone(), "remind".to_owned())));
    world.wait_minutes(24 * 60);
    assert_eq!(world.bundle().handover_clock().await.unwrap(), 1);
    assert_eq!(district.told().await.last(), Some(&(code.clone(), "escalate".to_owned())));
    assert_eq!(district.opens_sent(&code).await.body["overdue"], true);
    fire.takes(&code, &json!({ "step": "confirm_erasure" })).await;
    world.wait_minutes(5 * 24 * 60);
    assert_eq!(world.bundle().handover_clock().await.unwrap(), 0);
    // Only the platform says that a report was erased.
    let other = district.hands_over(&report, &to_fire()).await.remove(0);
    let refused = district.steps_as_sender(&other, &json!({ "step": "recall", "reason": "content_erased" })).await;
    assert_eq!(each(&refused.body["errors"], "pointer"), ["/reason"]);
}

/// Another district runs its own reviews on a copy of its own, until the first one calls it back.
#[tokio::test]
async fn another_district_reviews_a_copy_of_its_own_until_it_is_called_back() {
    let world = World::start_here().await;
    neighbours(&world).await;
    let (report, photos) = adopted_with(&world, 1).await;
    let (district, other) = (Hand::of(&world, "district-police").await, Hand::of(&world, "elsewhere-district").await);
    let mut body = to_elsewhere();
    body["extract"]["media"] = json!(photos);
    let code = district.hands_over(&report, &body).await.remove(0);
    for bad in ["elsewhere", "elsewhere.hill", "elsewhere.hill.unknown", "demo.river.boatyard"] {
        let refused = other.tries(&code, &json!({ "step": "accept", "node": bad })).await;
        assert_eq!(each(&refused.body["errors"], "pointer"), ["/node"], "{bad}");
    }
    other.takes(&code, &json!({ "step": "accept", "node": HILLTOP })).await;
    let copy = other.opens(&code).await.text("/copy").to_owned();
    assert_eq!(district.opens_sent(&code).await.body.get("copy"), None, "it is the other district's");

    // It goes through their three reviews, and nobody in it leads to the reporter.
    let reviewer = async |id: &str, stage| Reviewer::new(world.person(id).await, world.keys(id), stage);
    let officer = Officer(reviewer("elsewhere-officer", "officer").await);
    let station = reviewer("elsewhere-station", "station").await;
    let review = reviewer("elsewhere-district", "district").await;
    assert_eq!(officer.queue().await, [&*copy]);
    let opened = officer.opens(&copy).await;
    assert_eq!((opened.text("/origin"), opened.text("/content/text")), (&*code, super::WORDED));
    assert!(!strings(&opened.body["can"]).contains(&"return"), "there is nobody to ask");
    let question = json!({ "decision": "return", "question": "Who?" });
    let returned = officer.tries(&copy, "decisions", opened.version(), &question).await;
    expect_problem(&returned, 409, "no_reporter");
    // Of a medium the clean copy is shown, and nothing of the original by which the two could be linked.
    let original = world.history(&report).await.report.media.remove(0);
    let working = original.checked.unwrap().working.unwrap();
    let shown = &opened.body["media"][0];
    assert_eq!((shown.get("sha256"), &shown["size_bytes"]), (None, &json!(working.size_bytes)));
    assert_ne!(working.size_bytes, original.size_bytes);
    assert_says_nothing_of(&opened.body, &[&original.sha256.to_string()]);
    let ours = world.district().await.opens(&report).await;
    assert_eq!(ours.text("/media/0/sha256"), original.sha256.to_string());
    officer.opens_media(&copy, photos[0]).await;
    officer.approves(&copy).await;
    station.approves(&copy).await;
    review.approves(&copy).await;
    expect_problem(&review.asks_for_original(&copy, photos[0], "For the court.").await, 404, "not_found");
    let secrets = secrets(&world, &report).await;
    let secrets: Vec<_> = secrets.iter().map(String::as_str).collect();
    assert_says_nothing_of(&[review.opens(&copy).await.body, other.opens(&code).await.body], &secrets);
    assert_eq!(world.history(&copy).await.report.state, State::Adopted);

    // It is handed on to an agency over there, and then found unfounded over here.
    let their = json!([{ "to": "district", "district": "demo" }]);
    let version = review.opens(&copy).await.version();
    let path = format!("/districts/elsewhere/reports/{copy}/handovers");
    let onward = expect(other.post(&path, version, &to(&their)).await, 201).text("/handovers/0/id").to_owned();
    district.opens(&onward).await;
    let ours = world.district().await;
    district.closes(&report).await;
    ours.reopens(&report, "New facts.").await;
    ours.rejects(&report, "unfounded").await;

    let history = world.history(&copy).await;
    assert_eq!((history.report.state, history.contents.len()), (State::Withdrawn, 0));
    assert!(history.report.erased_at.is_some());
    assert_eq!(pingan_domain::event::verify_chain(&history.events, history.report.head), Ok(()));
    assert_eq!(checked(&world, &onward).await.state, HandoverState::Recalled, "it follows wherever it was handed on");
    let handover = checked(&world, &code).await;
    assert!(handover.copy_erased_at.is_some());
    assert!(!table(&world).await.contains("白玉兰"));
    expect_problem(&officer.asks_for_link(&copy, photos[0]).await, 404, "not_found");
    other.takes(&code, &json!({ "step": "confirm_erasure" })).await;
    assert!(district.opens_sent(&code).await.body["copy_erased_at"].is_string());
    let told: Vec<_> = other.told().await.into_iter().filter(|(told, _)| *told == code).map(|(_, what)| what).collect();
    assert_eq!(told, ["offer", "recall", "erase_copy"]);

    // The media are the first district's: the copy's erasure has left them, and their clean copy still opens here.
    let seen = expect(ours.asks_for_link(&report, photos[0]).await, 200);
    eventually("the media are still there", async || {
        let (status, _) = ours.person.open(seen.text("/url")).await.unwrap();
        (status == 200).then_some(())
    })
    .await;
    assert_eq!(district.lists(&format!("{DEMO}/handovers?state=recalled")).await, [&*code]);
}

/// What fails after the recall is done by the clock: the copy is erased all the same.
#[tokio::test]
async fn a_copy_that_was_left_over_is_erased_by_the_clock() {
    let world = World::start_here().await;
    neighbours(&world).await;
    let report = adopted(&world).await;
    let (district, other) = (Hand::of(&world, "district-police").await, Hand::of(&world, "elsewhere-district").await);
    let code = district.hands_over(&report, &to_elsewhere()).await.remove(0);
    other.takes(&code, &json!({ "step": "accept", "node": HILLTOP })).await;
    let copy = other.opens(&code).await.text("/copy").to_owned();
    // As if the process had ended between the two: the recall alone is committed.
    let (before, _) = world.store().handover_history(code.parse().unwrap()).await.unwrap().unwrap();
    let policy = pingan_domain::calendar::Policy {
        calendar: pingan_domain::calendar::Calendar::weekdays(jiff::tz::TimeZone::UTC),
        deadlines: pingan_domain::calendar::Deadlines::default(),
    };
    let id = pingan_domain::member::MemberId::parse("district-police").unwrap();
    let command = pingan_domain::command::CommandId::new(&id, uuid::Uuid::from_u128(77));
    let now = world.now().unwrap();
    let context = pingan_domain::decide::Context { now, command, salt: [7; 16], policy: &policy };
    let reason = pingan_domain::handover::RecallReason::NotNeeded;
    let role = pingan_domain::member::Role::DistrictManager;
    let decided = pingan_domain::handover::recall(&before, (&id, role), reason, &context).unwrap();
    let commit = pingan_store::handovers::HandoverCommit { decided: &decided, receipt: None, access: None, copy: None };
    world.store().commit_handover(&commit).await.unwrap();
    expect_problem(&other.tries(&code, &json!({ "step": "confirm_erasure" })).await, 409, "copy_not_erased");
    assert_eq!(world.history(&copy).await.contents.len(), 1);
    assert_eq!(world.bundle().handover_clock().await.unwrap(), 1);
    assert_eq!(world.history(&copy).await.contents.len(), 0);
    assert_eq!(world.bundle().handover_clock().await.unwrap(), 0);
    other.takes(&code, &json!({ "step": "confirm_erasure" })).await;
    checked(&world, &code).await;
}
