//! What every test stands on: a bundle of its own, and people who use it over HTTP.

mod actors;
mod pictures;

use std::{
    collections::HashMap,
    fmt::Debug,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use pingan_domain::report::ReportId;
use pingan_local::{
    bundle::{Bundle, Options},
    client::{Answer, Person},
    clock::Clock,
};
use pingan_store::reports::History;
use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) use self::{
    actors::{DistrictManager, Officer, Reporter, Reviewer, StationManager},
    pictures::{Picture, jpeg, picture},
};

/// When every test begins: a Wednesday morning in Shanghai. It lies far in the future, because the records' expiry goes
/// by the machine's clock: nothing that a test writes may be swept away as long expired.
pub(crate) const MORNING: &str = "2037-08-12T09:30:00+08:00";

/// How long [`eventually`] waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// A bundle of its own, with the demo district in it. It ends and its folder goes when it is dropped.
pub(crate) struct World {
    /// The bundle.
    pub(crate) bundle: Bundle,
    /// How many keys each person has used, so that two who are the same person never use the same one.
    keys: Mutex<HashMap<String, Keys>>,
    // After the bundle: fields are dropped in order, and the folder goes last.
    _folder: TempDir,
}

impl World {
    /// Starts on a free port, with a clock that stands until it is moved.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::standing(MORNING.parse().unwrap());
        let bundle = Bundle::start(Options { data: folder.path().to_owned(), port: 0, clock }).await.unwrap();
        Self { bundle, keys: Mutex::default(), _folder: folder }
    }

    /// Where the bundle is.
    pub(crate) fn url(&self) -> &str {
        &self.bundle.url
    }

    /// The time that the functions see.
    pub(crate) fn now(&self) -> Timestamp {
        self.bundle.clock.now()
    }

    /// Lets time pass.
    pub(crate) fn wait_minutes(&self, minutes: i64) {
        self.bundle.clock.advance(SignedDuration::from_mins(minutes));
    }

    /// Anybody, by the id that they sign in with.
    pub(crate) async fn person(&self, id: &str) -> Person {
        Person::sign_in(self.url(), id).await.unwrap()
    }

    /// Somebody who has not signed in.
    pub(crate) fn stranger(&self) -> Person {
        Person::stranger(self.url()).unwrap()
    }

    /// The keys that this person uses, one after the other.
    pub(crate) fn keys(&self, id: &str) -> Keys {
        self.keys.lock().unwrap().entry(id.to_owned()).or_default().clone()
    }

    /// The first reporter of a community.
    pub(crate) async fn reporter(&self, community: &str) -> Reporter {
        self.reporter_named(&format!("reporter-{community}-1")).await
    }

    /// The second reporter of a community.
    pub(crate) async fn neighbour(&self, community: &str) -> Reporter {
        self.reporter_named(&format!("reporter-{community}-2")).await
    }

    async fn reporter_named(&self, id: &str) -> Reporter {
        Reporter::new(self.person(id).await, self.keys(id))
    }

    /// The police officer of a community.
    pub(crate) async fn officer(&self, community: &str) -> Officer {
        Officer(self.reviewer(&format!("officer-{community}"), "officer").await)
    }

    /// The manager of a station.
    pub(crate) async fn station(&self, station: &str) -> StationManager {
        StationManager(self.reviewer(&format!("station-{station}"), "station").await)
    }

    /// The district manager of the police branch.
    pub(crate) async fn district(&self) -> DistrictManager {
        DistrictManager(self.reviewer("district-police", "district").await)
    }

    async fn reviewer(&self, id: &str, stage: &'static str) -> Reviewer {
        Reviewer::new(self.person(id).await, self.keys(id), stage)
    }

    /// The records of a report, as they stand in the table.
    pub(crate) async fn history(&self, code: &str) -> History {
        self.bundle.store.history(code.parse::<ReportId>().unwrap()).await.unwrap().expect("a report with this code")
    }

    /// What SNS was told, oldest first, from the `seen`th on.
    pub(crate) async fn notices_since(&self, seen: usize) -> Vec<Value> {
        let answer = self.stranger().get(&format!("/local/inbox?since={seen}")).await.unwrap();
        answer.body.as_array().expect("the inbox is a list").clone()
    }

    /// What SNS was told, once it is at least this much.
    pub(crate) async fn notices(&self, count: usize) -> Vec<Value> {
        eventually(&format!("{count} notices"), async || {
            let notices = self.notices_since(0).await;
            (notices.len() >= count).then_some(notices)
        })
        .await
    }
}

/// The idempotency keys of one person: 1, 2, 3, …, so that a test repeats exactly, codes of reports included.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys(Arc<AtomicU64>);

impl Keys {
    /// The next one.
    pub(crate) fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed) + 1))
    }
}

/// Looks again and again until there is something, ten seconds at most.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Checks the status of an answer and shows the whole answer when it is another.
#[track_caller]
pub(crate) fn expect(answer: Answer, status: u16) -> Answer {
    assert_eq!(answer.status, status, "{}", answer.body);
    answer
}

/// Checks that an answer is a problem of this status and kind, in every respect in which all problems are alike.
#[track_caller]
pub(crate) fn expect_problem(answer: &Answer, status: u16, kind: &str) {
    assert_eq!((answer.status, answer.text("/type")), (status, &*format!("/problems/{kind}")), "{}", answer.body);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert_eq!(answer.body["status"], status);
    assert_ne!(answer.text("/title"), "");
}

/// The strings of a list of a body: `can`, say.
pub(crate) fn strings(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().map(|item| item.as_str().unwrap()).collect()
}

/// One field of every item of a list.
pub(crate) fn each<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    list.as_array().into_iter().flatten().map(|item| item[field].as_str().unwrap_or_default()).collect()
}

/// Checks that none of these words stands anywhere in something.
#[track_caller]
pub(crate) fn assert_says_nothing_of(what: &impl Debug, words: &[&str]) {
    let said = format!("{what:?}");
    for word in words {
        assert!(!said.contains(word), "{word} stands in {said}");
    }
}
