//! The same at once, many times: nothing is counted twice, nothing is sent twice, and of two edits one is first.

use std::collections::BTreeMap;

use pingan_local::client::{Answer, Failure};
use serde_json::json;
use tokio::task::JoinSet;

use super::{LANTERN, REPORTERS, task, with};
use crate::harness::{DEMO, World, each, expect};

/// How many at once.
const MANY: usize = 16;

/// Does something many times at once; gives how often each status came.
async fn at_once<F>(call: impl Fn(usize) -> F) -> BTreeMap<u16, usize>
where
    F: Future<Output = Result<Answer, Failure>> + Send + 'static,
{
    let mut race = JoinSet::new();
    for number in 0..MANY {
        race.spawn(call(number));
    }
    let mut statuses = BTreeMap::new();
    for answer in race.join_all().await {
        *statuses.entry(answer.unwrap().status).or_default() += 1;
    }
    statuses
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_that_come_many_times_at_once_count_once() {
    let world = World::start().await;
    let officer = world.manager("officer-lantern").await;
    let code = officer.sends_task(&task(&world, &[LANTERN])).await;
    for number in 1..=REPORTERS {
        let person = world.person(&format!("reporter-lantern-{number}")).await;
        let statuses = at_once(|i| {
            let (person, code) = (person.clone(), code.clone());
            async move {
                let receipt = |what: &str| json!({ "receipt": what });
                match i % 4 {
                    0 => person.put_json(&format!("/me/tasks/{code}/receipt"), None, &receipt("delivered")).await,
                    1 => person.put_json(&format!("/me/tasks/{code}/receipt"), None, &receipt("read")).await,
                    _ => {
                        let answer = json!({ "form_version": 1, "answer": { "seen": "是", "count": i % 4 } });
                        person.put_json(&format!("/me/tasks/{code}/answer"), None, &answer).await
                    }
                }
            }
        })
        .await;
        assert_eq!(statuses, BTreeMap::from([(200, MANY)]));
    }
    let progress = officer.reads_task(&code, "/progress").await;
    for count in ["in_scope", "delivered", "read", "answered"] {
        assert_eq!(progress.body[count]["count"], json!(REPORTERS), "{count}");
        assert_eq!(progress.body["by_community"][0][count]["count"], json!(REPORTERS), "{count}");
    }
    let answers = officer.reads_task(&code, "/answers").await;
    assert_eq!(answers.body["items"].as_array().unwrap().len(), REPORTERS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_edits_at_once_one_is_first_and_the_others_are_told() {
    let world = World::start().await;
    let officer = world.manager("officer-lantern").await;
    let body = task(&world, &[LANTERN]);
    let code = officer.sends_task(&body).await;
    let version = officer.reads_task(&code, "").await.version();
    let statuses = at_once(|i| {
        let person = officer.person.clone();
        let (path, body) = (format!("{DEMO}/tasks/{code}"), with(body.clone(), "/instructions", json!(format!("{i}"))));
        async move { person.put_json(&path, version, &body).await }
    })
    .await;
    assert_eq!(statuses, BTreeMap::from([(200, 1), (412, MANY - 1)]));
    let after = officer.reads_task(&code, "").await;
    assert_eq!(after.version(), version.map(|version| version + 1));
    let history = officer.reads_task(&code, "/history").await;
    assert_eq!(each(&history.body["events"], "action"), ["create", "publish", "edit"]);
    assert_eq!(world.reporter("lantern").await.told_of_tasks().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_is_made_and_sent_once_however_often_that_is_asked() {
    let world = World::start().await;
    let officer = world.manager("officer-lantern").await;
    let (key, body) = (officer.keys.next(), task(&world, &[LANTERN]));
    let path = format!("{DEMO}/tasks");
    let statuses = at_once(|_| {
        let (person, path, body) = (officer.person.clone(), path.clone(), body.clone());
        async move { person.post(&path, key, None, &body).await }
    })
    .await;
    assert_eq!(statuses, BTreeMap::from([(201, MANY)]));
    let made = expect(officer.asks_for("/tasks").await, 200);
    assert_eq!(made.body["items"].as_array().unwrap().len(), 1);
    let other = with(body, "/title", json!("别的"));
    let refused = officer.person.post(&path, key, None, &other).await.unwrap();
    assert_eq!(refused.text("/type"), "/problems/idempotency_key_reused");

    // The same step under one key is one step; under many keys it is the first one's.
    let code = made.body["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("{DEMO}/tasks/{code}/steps");
    let publish = json!({ "step": "publish" });
    for (same, expected) in
        [(true, BTreeMap::from([(200, MANY)])), (false, BTreeMap::from([(200, 1), (412, MANY - 1)]))]
    {
        let version = officer.reads_task(&code, "").await.version();
        let step = if same { publish.clone() } else { json!({ "step": "cancel", "reason": "A mistake." }) };
        let key = officer.keys.next();
        let statuses = at_once(|_| {
            let (person, path, step) = (officer.person.clone(), path.clone(), step.clone());
            let key = if same { key } else { officer.keys.next() };
            async move { person.post(&path, key, version, &step).await }
        })
        .await;
        assert_eq!(statuses, expected);
    }
    let history = officer.reads_task(&code, "/history").await;
    assert_eq!(each(&history.body["events"], "action"), ["create", "publish", "cancel"]);
    assert_eq!(world.reporter("lantern").await.told_of_tasks().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_members_at_once_are_counted_exactly() {
    let world = World::start().await;
    let district = world.manager("district-police").await;
    let code = district.drafts(&with(task(&world, &["demo"]), "/scope/kinds", json!(["courier"]))).await;
    let mut race = JoinSet::new();
    for number in 1..=REPORTERS {
        let district = district.clone();
        race.spawn(async move {
            let describe = json!({ "change": "describe", "kind": "courier", "trades": ["couriers"], "places": [] });
            district.changes(&format!("reporter-lantern-{number}"), &describe).await.status
        });
    }
    assert_eq!(race.join_all().await, [200; REPORTERS]);
    let reach = district.reads_task(&code, "/reach").await;
    assert_eq!(reach.body["in_scope"]["count"], json!(REPORTERS));
}
