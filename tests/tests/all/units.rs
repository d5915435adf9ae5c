//! What DynamoDB, S3 and SNS are asked for by what follows from an operation, counted at the clients of the functions that
//! nobody waits for. `cargo bench-bundle cost` counts with it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use pingan_local::requests::{Counted, Requests};

use crate::harness::{World, eventually};
use crate::outcomes::{self, OUTCOMES};
use crate::rewards;
use serde_json::json;

/// Set to anything, this has the files written anew.
const RENEW: &str = "PINGAN_RENEW_COUNTS";
/// How long nothing must have been asked for until all is taken to be done.
const QUIET: Duration = Duration::from_millis(1_500);

/// That a file of counts says what was counted.
pub(crate) fn holds(name: &str, counted: &[Counted]) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("bench/data").join(name);
    let rows: Vec<_> = counted.iter().map(|row| serde_json::to_string(row).unwrap()).collect();
    let text = format!("[\n{}\n]\n", rows.join(",\n"));
    if std::env::var_os(RENEW).is_some() {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    let changed =
        text.lines().find(|line| !stored.lines().any(|old| old.trim_end_matches(',') == line.trim_end_matches(',')));
    assert_eq!(
        changed,
        None,
        "{} differs from what was counted. Where that is meant, run the test again with {RENEW}=1, read the \
         difference, and `cargo bench-bundle cost --write`.",
        path.display()
    );
    assert_eq!(text.len(), stored.len(), "{} has rows that are no longer counted; see {RENEW}", path.display());
}

struct Following<'a> {
    world: &'a World,
    told: usize,
    rows: Vec<Counted>,
}

impl<'a> Following<'a> {
    async fn of(world: &'a World) -> Self {
        world.bundle().followers.values().for_each(Requests::weigh);
        let mut following = Self { world, told: 0, rows: Vec::new() };
        // Seeding has been followed up before anything is counted.
        following.settle().await;
        following.take("");
        following.told = world.notices_since(0).await.len();
        following.rows.clear();
        following
    }

    /// Waits until no function has asked for anything for a while.
    async fn settle(&self) {
        let count = || self.world.bundle().followers.values().map(Requests::count).sum::<usize>();
        let mut seen = count();
        let mut since = std::time::Instant::now();
        eventually("quiet", async || {
            let now = count();
            if now != seen {
                (seen, since) = (now, std::time::Instant::now());
            }
            (since.elapsed() >= QUIET).then_some(())
        })
        .await;
    }

    fn take(&mut self, case: &str) {
        for (function, requests) in &self.world.bundle().followers {
            let asked = requests.take();
            let mut names = asked.names;
            names.sort();
            if !names.is_empty() {
                let (operation, case) = ((*function).to_owned(), case.to_owned());
                self.rows.push(Counted { operation, case, requests: names, published: 0, units: asked.units });
            }
        }
    }

    /// Writes down what follows from what was just done: at least this many messages and something of each of these functions.
    async fn follows(&mut self, case: &str, told: usize, functions: &[&str]) {
        let messages = eventually("the messages", async || {
            let now = self.world.notices_since(self.told).await.len();
            (now >= told).then_some(now)
        })
        .await;
        eventually(case, async || {
            let done = |function: &&str| self.world.bundle().followers[*function].count() > 0;
            functions.iter().all(done).then_some(())
        })
        .await;
        self.settle().await;
        let messages = messages.max(self.world.notices_since(self.told).await.len());
        self.told += messages;
        self.take(case);
        if messages > 0 {
            let published = u64::try_from(messages).unwrap();
            let (operation, case) = ("sns".to_owned(), case.to_owned());
            self.rows.push(Counted { operation, case, requests: Vec::new(), published, units: Vec::new() });
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_follows_from_an_operation_is_counted() {
    let world = World::start_here().await;
    // Rules, and a fund to pay from: what is adopted is proposed for a reward.
    let police = world.person("district-police").await;
    let grant = json!({ "movement": "grant", "amount_fen": 100_000, "reason": "Budget." });
    let path = format!("{}/movements", rewards::fund(&world));
    police.post(&path, uuid::Uuid::from_u64_pair(7, 3), Some(0), &grant).await.unwrap();
    let rules = rewards::rules(&rewards::today(&world).to_string());
    police.post("/districts/demo/reward-rules", uuid::Uuid::from_u64_pair(7, 4), None, &rules).await.unwrap();

    let mut following = Following::of(&world).await;
    let reporter = world.reporter("boatyard").await;
    let (officer, station, district) =
        (world.officer("boatyard").await, world.station("river").await, world.district().await);

    let photo = reporter.takes_photo().await;
    following.follows("a photo was uploaded", 0, &["media-intake"]).await;
    let report = reporter.reports("A cable hangs low.").with_media(photo).send().await;
    following.follows("a report was sent in", 1, &["tally"]).await;
    officer.writes(&report, "Keep away from it.").await;
    following.follows("a message to the reporter", 1, &["tally"]).await;
    officer.approves(&report).await;
    following.follows("the officer approved", 1, &["tally"]).await;
    station.approves(&report).await;
    following.follows("the station approved", 1, &["tally"]).await;
    district.approves(&report).await;
    following.follows("the district adopted", 1, &["tally", "reward-propose"]).await;
    let second = reporter.reports("Nothing.").send().await;
    following.follows("a report without media", 1, &["tally"]).await;
    officer.rejects(&second, "not_confirmed").await;
    following.follows("the officer rejected", 1, &["tally"]).await;

    let staff = world.person("officer-boatyard").await;
    let made =
        staff.post(OUTCOMES, uuid::Uuid::from_u64_pair(7, 1), None, &outcomes::arrest(&[&report])).await.unwrap();
    following.follows("an outcome was recorded", 0, &[]).await;
    let path = format!("{OUTCOMES}/{}/steps", made.text("/id"));
    let confirm = json!({ "step": "confirm" });
    police.post(&path, uuid::Uuid::from_u64_pair(7, 2), made.version(), &confirm).await.unwrap();
    following.follows("an outcome was confirmed", 0, &["tally", "reward-propose"]).await;

    // Nothing is due; then one report is late.
    let bundle = world.bundle();
    bundle.run_deadlines().await.unwrap();
    following.follows("the clock, nothing due", 0, &["deadlines"]).await;
    bundle.run_reward_clock().await.unwrap();
    following.follows("the hour, nothing due", 0, &["reward-clock"]).await;
    bundle.run_awards().await.unwrap();
    following.follows("the clock of awards, nothing due", 0, &["award-run"]).await;
    reporter.reports("Smoke.").emergency().send().await;
    following.follows("an emergency", 1, &["tally"]).await;
    world.wait_minutes(90);
    bundle.run_deadlines().await.unwrap();
    following.follows("the clock, one report late", 1, &["deadlines", "tally"]).await;

    let functions: BTreeMap<_, _> = following.rows.iter().map(|row| (row.operation.as_str(), row)).collect();
    assert!(functions.contains_key("s3"), "no request to S3 was counted");
    holds("followers.json", &following.rows);
}
