//! Stops in the middle of everything while tasks are sent, begin and end: each is told of once, and none is forgotten.
//!
//! The clock is the test's own, so that a day takes no longer than a moment; the bundle is dropped as it is, without
//! being told to stop.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use pingan_local::bundle::{Bundle, Options};
use pingan_local::client::Person;
use pingan_local::clock::Clock;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{KILLS, PATIENCE};
use crate::harness::{DEMO, MORNING, each, expect};
use crate::races::Dice;

/// How many tasks are sent before each stop.
const TASKS: u64 = 3;

/// Sends a task that begins in an hour and ends in two; gives its code, unless there was no answer.
async fn sends(officer: &Person, clock: &Clock, number: u64) -> Option<String> {
    let in_hours = |hours| clock.now().checked_add(SignedDuration::from_hours(hours)).unwrap().to_string();
    let body = json!({
        "kind": "work_hint",
        "title": "Wind",
        "instructions": "Take in what the wind could take.",
        "category": "hazard",
        "starts_at": in_hours(1),
        "ends_at": in_hours(2),
        "scope": { "nodes": ["demo.market.lantern"] },
    });
    let key = |of| Uuid::from_u64_pair(of, number);
    let made = officer.post(&format!("{DEMO}/tasks"), key(21), None, &body).await.ok()?;
    let code = made.text("/id").to_owned();
    let path = format!("{DEMO}/tasks/{code}/steps");
    let sent = officer.post(&path, key(22), made.version(), &json!({ "step": "publish" })).await.ok()?;
    assert_eq!(sent.text("/state"), "scheduled", "{}", sent.body);
    Some(code)
}

/// The actions in the history of a task.
async fn history(officer: &Person, code: &str) -> Option<Vec<String>> {
    let history = officer.get(&format!("{DEMO}/tasks/{code}/history")).await.ok()?;
    Some(each(&expect(history, 200).body["events"], "action").into_iter().map(str::to_owned).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_stop_makes_a_task_forget_its_time() {
    let mut dice = Dice::from_seed();
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::standing(MORNING.parse().unwrap());
    let start = async || Bundle::start(Options::new(folder.path(), 0, clock.clone())).await.unwrap();
    let mut codes = Vec::new();
    for round in 0..u64::try_from(KILLS).unwrap() {
        let bundle = start().await;
        let officer = Person::sign_in(&bundle.url, "officer-lantern").await.unwrap();
        for number in 0..TASKS {
            codes.extend(sends(&officer, &clock, round * TASKS + number).await);
        }
        // Sometimes before anything is booked, sometimes while those of the round before begin or end.
        tokio::time::sleep(Duration::from_millis(u64::try_from(dice.below(40)).unwrap())).await;
        clock.advance(SignedDuration::from_mins(61));
        tokio::time::sleep(Duration::from_millis(u64::try_from(dice.below(60)).unwrap())).await;
        drop(bundle);
    }
    let bundle = start().await;
    let officer = Person::sign_in(&bundle.url, "officer-lantern").await.unwrap();
    clock.advance(SignedDuration::from_hours(3));
    let begun = Instant::now();
    for code in &codes {
        loop {
            let actions = history(&officer, code).await.unwrap();
            // What ended while nothing ran is not said to begin any more.
            if actions.last().is_some_and(|last| last == "end") {
                for action in ["create", "publish", "end"] {
                    assert_eq!(actions.iter().filter(|one| *one == action).count(), 1, "{code}: {actions:?}");
                }
                assert!(actions.iter().filter(|one| *one == "start").count() <= 1, "{code}: {actions:?}");
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "{code} does not end: {actions:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let inbox = expect(officer.get("/me/inbox?limit=100").await.unwrap(), 200);
    let ended = |code: &&String| {
        let is_it = |item: &&Value| item["task"] == ***code && item["action"] == "end";
        inbox.body["items"].as_array().unwrap().iter().filter(is_it).count() == 1
    };
    assert_eq!(codes.iter().filter(ended).count(), codes.len(), "each end is told once");
    assert!(!folder.path().join("dead-letters.jsonl").exists(), "something was given up");
    bundle.stop().await;
}
