//! The same at once, many times, and again and again: what must happen once happens once.

use std::collections::{BTreeMap, BTreeSet};

use pingan_domain::{event::verify_chain, handover::HandoverAction};
use pingan_local::client::{Answer, Failure};
use serde_json::json;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{HILLTOP, Hand, adopted, checked, neighbours, to, to_fire};
use crate::harness::{DEMO, World, each, expect, expect_problem};

/// How many at once.
const MANY: usize = 16;

async fn at_once<F>(call: impl Fn(usize) -> F) -> Vec<Answer>
where
    F: Future<Output = Result<Answer, Failure>> + Send + 'static,
{
    let mut race = JoinSet::new();
    for number in 0..MANY {
        race.spawn(call(number));
    }
    race.join_all().await.into_iter().map(Result::unwrap).collect()
}

fn statuses(answers: &[Answer]) -> BTreeMap<u16, usize> {
    let mut statuses = BTreeMap::new();
    for answer in answers {
        *statuses.entry(answer.status).or_default() += 1;
    }
    statuses
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_sixteen_who_accept_one_does() {
    let world = World::start().await;
    neighbours(&world).await;
    let report = adopted(&world).await;
    let (district, fire) = (Hand::of(&world, "district-police").await, Hand::of(&world, "agency-fire").await);
    let second = Hand::of(&world, "agency-fire-2").await;
    let code = district.hands_over(&report, &to_fire()).await.remove(0);
    let version = fire.opens(&code).await.version();
    let path = format!("/me/handovers/{code}/steps");
    let answers = at_once(|number| {
        let (person, path) = (if number % 2 == 0 { &fire } else { &second }.person.clone(), path.clone());
        async move {
            let key = Uuid::from_u64_pair(70, number as u64);
            let step = if number % 3 == 0 {
                json!({ "step": "refuse", "reason": "No." })
            } else {
                json!({ "step": "accept" })
            };
            person.post(&path, key, version, &step).await
        }
    })
    .await;
    assert_eq!(statuses(&answers), BTreeMap::from([(200, 1), (412, MANY - 1)]));
    let handover = checked(&world, &code).await;
    assert_eq!(handover.version, 3, "offered, received, and one step");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_command_again_does_it_once() {
    let world = World::start().await;
    neighbours(&world).await;
    let report = adopted(&world).await;
    let district = Hand::of(&world, "district-police").await;
    let version = world.history(&report).await.report.version;
    let path = format!("{DEMO}/reports/{report}/handovers");
    let body = to(&json!([{ "to": "agency", "agency": "fire" }, { "to": "district", "district": "elsewhere" }]));
    let key = Uuid::from_u128(4_711);
    let answers = at_once(|_| {
        let (person, path, body) = (district.person.clone(), path.clone(), body.clone());
        async move { person.post(&path, key, Some(version), &body).await }
    })
    .await;
    assert_eq!(statuses(&answers), BTreeMap::from([(201, MANY)]));
    let made: BTreeSet<_> = answers.iter().map(|answer| each(&answer.body["handovers"], "id").concat()).collect();
    assert_eq!(made.len(), 1, "all are told of the same two");
    let history = world.history(&report).await;
    assert_eq!(history.report.handovers.len(), 2);
    assert_eq!(verify_chain(&history.events, history.report.head), Ok(()));
    expect_problem(
        &district.person.post(&path, key, Some(version), &to_fire()).await.unwrap(),
        422,
        "idempotency_key_reused",
    );
    // Another key on the version that was seen is too late.
    expect_problem(&district.post(&path, Some(version), &body).await, 412, "version_stale");

    // So it is with a step that makes a copy: one report, however often.
    let (code, other) = (history.report.handovers[1].to_string(), Hand::of(&world, "elsewhere-district").await);
    let version = other.opens(&code).await.version();
    let path = format!("/me/handovers/{code}/steps");
    let accept = json!({ "step": "accept", "node": HILLTOP });
    let answers = at_once(|_| {
        let (person, path, accept) = (other.person.clone(), path.clone(), accept.clone());
        async move { person.post(&path, key, version, &accept).await }
    })
    .await;
    assert_eq!(statuses(&answers), BTreeMap::from([(200, MANY)]));
    let reports = expect(other.person.get("/district-review/reports").await.unwrap(), 200);
    assert_eq!(reports.body["items"].as_array().unwrap().len(), 1);
    let refuse = json!({ "step": "refuse", "reason": "No." });
    expect_problem(&other.person.post(&path, key, version, &refuse).await.unwrap(), 422, "idempotency_key_reused");
    checked(&world, &code).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_sixteen_who_hand_over_one_does() {
    let world = World::start().await;
    neighbours(&world).await;
    let report = adopted(&world).await;
    let (police, governance) =
        (Hand::of(&world, "district-police").await, Hand::of(&world, "district-governance").await);
    let version = world.history(&report).await.report.version;
    let answers = at_once(|number| {
        let person = if number % 2 == 0 { &police } else { &governance }.person.clone();
        let (path, close) = (format!("{DEMO}/reports/{report}"), number % 4 == 3);
        async move {
            let key = Uuid::from_u64_pair(71, number as u64);
            if close {
                person.post(&format!("{path}/close"), key, Some(version), &json!({})).await
            } else {
                person.post(&format!("{path}/handovers"), key, Some(version), &to_fire()).await
            }
        }
    })
    .await;
    let counts = statuses(&answers);
    assert_eq!(counts.get(&412), Some(&(MANY - 1)), "{counts:?}");
    let history = world.history(&report).await;
    assert_eq!(history.report.version, version + 1);
    assert!(history.report.handovers.len() <= 1);
    assert_eq!(police.lists(&format!("{DEMO}/handovers")).await.len(), history.report.handovers.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_many_open_it_at_once_there_is_one_receipt_and_every_reading_is_kept() {
    let world = World::start().await;
    neighbours(&world).await;
    let report = adopted(&world).await;
    let district = Hand::of(&world, "district-police").await;
    let code = district.hands_over(&report, &to_fire()).await.remove(0);
    let (fire, second) = (Hand::of(&world, "agency-fire").await, Hand::of(&world, "agency-fire-2").await);
    let answers = at_once(|number| {
        let (person, code) = (if number % 2 == 0 { &fire } else { &second }.person.clone(), code.clone());
        async move { person.get(&format!("/me/handovers/{code}")).await }
    })
    .await;
    assert_eq!(statuses(&answers), BTreeMap::from([(200, MANY)]));
    checked(&world, &code).await;
    let (_, events) = world.store().handover_history(code.parse().unwrap()).await.unwrap().unwrap();
    let actions: Vec<_> = events.iter().map(|event| event.action).collect();
    assert_eq!(actions, [HandoverAction::Offer, HandoverAction::Receive]);
    assert_eq!(world.store().accesses(code.parse().unwrap(), 100).await.unwrap().len(), MANY);
}

/// Whoever rejects the report and whoever acts on its hand-over in the same moment: afterwards it is recalled, whoever
/// was first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_and_a_recall_in_the_same_moment_lose_nothing() {
    let world = World::start().await;
    neighbours(&world).await;
    for round in 0..4_u64 {
        let report = adopted(&world).await;
        let (district, fire) = (Hand::of(&world, "district-police").await, Hand::of(&world, "agency-fire").await);
        let code = district.hands_over(&report, &to_fire()).await.remove(0);
        let seen = fire.opens(&code).await.version();
        district.closes(&report).await;
        let version = world.district().await.reopens(&report, "New facts.").await.version();
        let reject = json!({ "decision": "reject", "reason": "unfounded" });
        let (review, steps) =
            (format!("/district-review/reports/{report}/decisions"), format!("/me/handovers/{code}/steps"));
        let accept = json!({ "step": "accept" });
        let (rejected, accepted) = tokio::join!(
            district.person.post(&review, Uuid::from_u64_pair(72, round), version, &reject),
            fire.person.post(&steps, Uuid::from_u64_pair(73, round), seen, &accept),
        );
        expect(rejected.unwrap(), 200);
        assert!(matches!(accepted.unwrap().status, 200 | 409 | 412));
        let handover = checked(&world, &code).await;
        assert_eq!(handover.state.to_string(), "recalled");
    }
}

/// Of a command that is bad in one of its receivers nothing is made, for none of them.
#[tokio::test]
async fn nothing_is_made_of_what_is_bad_in_one_receiver() {
    let world = World::start().await;
    neighbours(&world).await;
    let report = adopted(&world).await;
    let district = Hand::of(&world, "district-police").await;
    for (receiver, pointer) in [
        (json!({ "to": "district", "district": "demo" }), "/receivers/1/district"),
        (json!({ "to": "district", "district": "nowhere" }), "/receivers/1/district"),
        (json!({ "to": "agency", "agency": "coastguard" }), "/receivers/1/agency"),
    ] {
        let body = to(&json!([{ "to": "district", "district": "elsewhere" }, receiver]));
        let refused = district.tries_to_hand_over(&report, &body).await;
        expect_problem(&refused, 400, "invalid");
        assert_eq!(each(&refused.body["errors"], "pointer"), [pointer]);
    }
    assert_eq!(district.lists(&format!("{DEMO}/handovers")).await, [""; 0]);
    assert_eq!(world.history(&report).await.report.handovers, []);
}
