//! What stands in the records: nothing for each reporter when a task is sent, everything that ends with a time to end,
//! and counts that are found again.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use jiff::Timestamp;
use pingan_domain::{
    task::{Task, TaskId},
    tasking,
};
use pingan_local::{
    bundle::{Bundle, Options},
    client::Person,
    clock::Clock,
};
use pingan_store::{
    Key, Store,
    item::{EXPIRES_AT, Item, key_attributes, text},
    tasks::TaskCommitError,
};
use serde_json::json;
use uuid::Uuid;

use super::{LANTERN, task, with};
use crate::harness::{DEMO, World, dynamodb, eventually, expect, jpeg};
use crate::media::erasing::files_of;

/// How many items of each kind a table holds, by their `type`.
async fn kinds(raw: &Client, table: &str) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for item in items(raw, table).await {
        *kinds.entry(text(&item, "type").unwrap().to_owned()).or_default() += 1;
    }
    kinds
}

async fn items(raw: &Client, table: &str) -> Vec<Item> {
    let mut all = Vec::new();
    let mut pages = raw.scan().table_name(table).into_paginator().send();
    while let Some(page) = pages.next().await {
        all.extend(page.unwrap().items.unwrap_or_default());
    }
    all
}

async fn item(raw: &Client, store: &Store, key: &Key) -> Option<Item> {
    let table = store.tables().of(key.table());
    raw.get_item().table_name(table).set_key(Some(key_attributes(key))).send().await.unwrap().item
}

fn ends(item: &Item) -> Option<i64> {
    item.get(EXPIRES_AT)?.as_n().ok()?.parse().ok()
}

async fn stored(store: &Store, code: &str) -> Task {
    let id: TaskId = code.parse().unwrap();
    store.load([Key::Task(id)]).await.unwrap().task(id).unwrap().unwrap()
}

#[tokio::test]
async fn nothing_is_written_for_each_reporter_and_everything_ends_in_its_time() {
    let world = World::start_here().await;
    let raw = dynamodb(&world.bundle().dynamodb_url, "us-east-1");
    let store = world.store();
    let district = world.manager("district-police").await;
    let code = district.drafts(&task(&world, &["demo.market", "demo.river.ferry", "demo.north"])).await;
    let publish = json!({ "step": "publish" });
    district.takes_step(&code, &publish).await;
    let of_tasks = kinds(&raw, &store.tables().tasks).await;
    let expected = [("task", 1), ("task_done", 2), ("task_event", 2), ("task_place", 3)];
    assert_eq!(of_tasks, expected.map(|(kind, count)| (kind.to_owned(), count)).into());

    let reporter = world.reporter("lantern").await;
    expect(reporter.answers_task(&code, &json!({ "seen": "是" })).await, 200);
    let task = stored(store, &code).await;
    let after = |days: i64| task.content.ends_at.as_second() + days * 86_400;
    for found in items(&raw, &store.tables().tasks).await {
        let kind = text(&found, "type").unwrap().to_owned();
        let expected = match kind.as_str() {
            "task" | "task_event" => None,
            "task_place" => Some(after(1)),
            "task_receipt" | "task_answer" | "task_count" | "task_fact" => Some(after(180)),
            "task_done" => Some(world.now().unwrap().as_second() + 30 * 86_400),
            other => panic!("{other} is new"),
        };
        assert_eq!(ends(&found), expected, "{kind}");
    }
    // What is called off stands in no node any more.
    district.takes_step(&code, &json!({ "step": "cancel", "reason": "Over." })).await;
    assert!(!kinds(&raw, &store.tables().tasks).await.contains_key("task_place"));
}

#[tokio::test]
async fn a_stale_decision_on_a_task_writes_nothing() {
    let world = World::start_here().await;
    let raw = dynamodb(&world.bundle().dynamodb_url, "us-east-1");
    let store = world.store();
    let officer = world.manager("officer-lantern").await;
    let code = officer.sends_task(&task(&world, &[LANTERN])).await;
    let before = stored(store, &code).await;
    let ends_at = before.content.ends_at;
    let decided = tasking::come(&before, tasking::Moment::End, ends_at).unwrap().unwrap();
    expect(officer.tries_to_edit(&code, &with(task(&world, &[LANTERN]), "/title", json!("别的"))).await, 200);
    let all = async || {
        let mut all = items(&raw, &store.tables().tasks).await;
        all.extend(items(&raw, &store.tables().notices).await);
        all.len()
    };
    let (count, now) = (all().await, stored(store, &code).await);
    assert_eq!(store.commit_task(Some(&before), &decided, None).await, Err(TaskCommitError::Stale));
    assert_eq!((all().await, stored(store, &code).await), (count, now));
}

#[tokio::test]
async fn the_pictures_of_an_answer_go_with_its_record() {
    let world = World::start_here().await;
    let raw = dynamodb(&world.bundle().dynamodb_url, "us-east-1");
    let officer = world.manager("officer-lantern").await;
    let photo = json!({ "name": "photo", "label": "照片", "kind": "photo" });
    let code = officer.sends_task(&with(task(&world, &[LANTERN]), "/form/1", photo)).await;
    let reporter = world.reporter("lantern").await;
    let picture: Uuid = reporter.uploads(jpeg(1)).await;
    let key = Key::Media(picture);
    let slot = ends(&item(&raw, world.store(), &key).await.unwrap()).unwrap();
    expect(reporter.answers_task(&code, &json!({ "seen": "是", "photo": picture })).await, 200);
    let kept = item(&raw, world.store(), &key).await.unwrap();
    assert!(ends(&kept).unwrap() > slot + 180 * 86_400 - 2 * 86_400, "as long as the answer, and no longer");
    assert!(!files_of(world.folder(), picture).is_empty());
    // What DynamoDB does by itself at that time.
    let table = world.store().tables().of(key.table());
    raw.delete_item().table_name(table).set_key(Some(key_attributes(&key))).send().await.unwrap();
    let gone = async || files_of(&world.folder().join("objects"), picture).is_empty().then_some(());
    eventually("the objects of the picture are gone", gone).await;
    let link = format!("/tasks/{code}/media/{picture}/link");
    assert_eq!(officer.person.get(&link).await.unwrap().status, 404);
}

#[tokio::test]
async fn a_folder_that_is_older_than_the_census_is_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::standing(crate::harness::MORNING.parse::<Timestamp>().unwrap());
    let start = async || Bundle::start(Options::new(folder.path(), 0, clock.clone())).await.unwrap();
    let bundle = start().await;
    let raw = dynamodb(&bundle.dynamodb_url, "us-east-1");
    let census = Key::Census(LANTERN.parse().unwrap());
    let table = bundle.store.tables().members.clone();
    let before = item(&raw, &bundle.store, &census).await.unwrap();
    assert_eq!(before.get("taxi:taxi"), Some(&AttributeValue::N("2".to_owned())));
    raw.delete_item().table_name(&table).set_key(Some(key_attributes(&census))).send().await.unwrap();
    bundle.stop().await;
    for _ in 0..2 {
        let bundle = start().await;
        let raw = dynamodb(&bundle.dynamodb_url, "us-east-1");
        assert_eq!(item(&raw, &bundle.store, &census).await.unwrap(), before);
        let officer = Person::sign_in(&bundle.url, "officer-lantern").await.unwrap();
        assert_eq!(officer.get(DEMO).await.unwrap().status, 200);
        bundle.stop().await;
    }
}
