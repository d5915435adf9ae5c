//! What every test stands on: a bundle of its own, and people who use it over HTTP.

mod actors;
mod deployment;
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

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use pingan_domain::{calendar::Policy, report::ReportId};
use pingan_local::{
    bundle::{Bundle, IntakeOptions, Options, WebhookOptions},
    client::{Answer, Person},
    clock::Clock,
    requests::Asked,
};
use pingan_store::{Store, reports::History};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use self::deployment::{Deployment, Settings};
pub(crate) use self::{
    actors::{DEMO, DistrictManager, Manager, Officer, Reporter, Reviewer, StationManager},
    pictures::{Picture, jpeg, picture},
};

/// When every test begins: a Wednesday morning in Shanghai. It lies far in the future, because the records' expiry goes
/// by the machine's clock: nothing that a test writes may be swept away as long expired.
pub(crate) const MORNING: &str = "2037-08-12T09:30:00+08:00";

/// How long a token is good for.
const HOUR: Duration = Duration::from_hours(1);

/// How long [`eventually`] waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// The demo district, for one test alone.
pub(crate) struct World {
    place: Place,
    /// How many keys each person has used, so that two who are the same person never use the same one.
    keys: Mutex<HashMap<String, Keys>>,
    /// After which number keys begin. From them come the codes of reports: in an account that many tests share, those
    /// of one test must not be those of another, whose notices may still be on their way.
    first_key: u64,
}

/// Where the bundle runs.
enum Place {
    /// In this process. It ends and its folder goes when it is dropped; fields are dropped in order.
    Here { bundle: Box<Bundle>, folder: TempDir },
    /// In an account of AWS, or what passes for one.
    Deployed(Box<Deployment>),
}

impl World {
    /// The deployment that is to be tested, or else a bundle of its own: [`World::start_here`].
    pub(crate) async fn start() -> Self {
        match Settings::find() {
            Some(settings) => {
                let place = Place::Deployed(Box::new(Deployment::open(settings).await));
                let first_key = u64::try_from(Timestamp::now().as_millisecond()).unwrap() << 16;
                Self { place, keys: Mutex::default(), first_key }
            }
            None => Self::start_here().await,
        }
    }

    /// Starts in this process on a free port, with a clock that stands until it is moved.
    pub(crate) async fn start_here() -> Self {
        Self::start_with(IntakeOptions::default()).await
    }

    /// The same, with what the clock starts each week: elsewhere it would come in between as soon as a test lets days pass.
    pub(crate) async fn start_with_weekly_runs() -> Self {
        Self::start_as(|options| Options { weekly: true, ..options }).await
    }

    /// The same, with uploads that are taken in another way.
    pub(crate) async fn start_with(intake: IntakeOptions) -> Self {
        Self::start_as(|options| Options { intake, ..options }).await
    }

    /// The same, with webhooks that take another time.
    pub(crate) async fn start_telling(webhooks: WebhookOptions) -> Self {
        Self::start_as(|options| Options { webhooks, ..options }).await
    }

    async fn start_as(change: impl FnOnce(Options) -> Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::standing(MORNING.parse().unwrap());
        let options = Options { weekly: false, ..Options::new(folder.path(), 0, clock) };
        let bundle = Bundle::start(change(options)).await.unwrap();
        Self { place: Place::Here { bundle: Box::new(bundle), folder }, keys: Mutex::default(), first_key: 0 }
    }

    /// The same, in a district that has decided this about time.
    pub(crate) async fn start_by(policy: &str) -> Self {
        let policy = Policy::parse(policy, TimeZone::get("Asia/Shanghai").unwrap()).unwrap();
        Self::start_as(|options| Options { policy: Some(policy), ..options }).await
    }

    /// Lets the clock stand at another moment.
    pub(crate) fn set_clock(&self, at: &str) {
        self.bundle().clock.set(at.parse().unwrap());
    }

    /// Where the bundle is.
    pub(crate) fn url(&self) -> &str {
        match &self.place {
            Place::Here { bundle, .. } => &bundle.url,
            Place::Deployed(deployment) => &deployment.settings.url,
        }
    }

    /// The bundle in this process, for what only it can show or do.
    pub(crate) fn bundle(&self) -> &Bundle {
        match &self.place {
            Place::Here { bundle, .. } => bundle,
            Place::Deployed(_) => panic!("this test needs World::start_here"),
        }
    }

    /// The folder of the bundle in this process, for what only it can show.
    pub(crate) fn folder(&self) -> &std::path::Path {
        match &self.place {
            Place::Here { folder, .. } => folder.path(),
            Place::Deployed(_) => panic!("this test needs World::start_here"),
        }
    }

    /// The records themselves, for what the API does not show.
    pub(crate) fn store(&self) -> &Store {
        match &self.place {
            Place::Here { bundle, .. } => &bundle.store,
            Place::Deployed(deployment) => &deployment.store,
        }
    }

    /// The time that the functions see, where it stands until it is moved: what a test can expect to the millisecond.
    pub(crate) fn now(&self) -> Option<Timestamp> {
        match &self.place {
            Place::Here { bundle, .. } => Some(bundle.clock.now()),
            Place::Deployed(_) => None,
        }
    }

    /// An expired token, where the issuer makes one: a user pool's are good for five minutes at least.
    pub(crate) fn expired_token(&self, subject: &str) -> Option<String> {
        match &self.place {
            Place::Here { bundle, .. } => Some(bundle.token_for(subject, Duration::ZERO).unwrap()),
            Place::Deployed(_) => None,
        }
    }

    /// Whether the object store looks at signatures. The emulator of an account opens its objects to everybody; that
    /// the bucket of the account is closed is seen in what Terraform makes.
    pub(crate) fn objects_are_closed(&self) -> bool {
        matches!(self.place, Place::Here { .. })
    }

    /// The name of the topic of the notices.
    pub(crate) fn topic(&self) -> String {
        match &self.place {
            Place::Here { .. } => "pingan-notices".to_owned(),
            Place::Deployed(deployment) => deployment.topic(),
        }
    }

    /// What the functions asked of DynamoDB since this was last asked. How often it wrote is not seen in an account of
    /// AWS; that nothing has changed is.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.asked().names
    }

    /// The same, with the round trips.
    pub(crate) fn asked(&self) -> Asked {
        match &self.place {
            Place::Here { bundle, .. } => bundle.requests.take(),
            Place::Deployed(_) => Asked::default(),
        }
    }

    /// Lets time pass. Where the clock is the machine's own, it is the next millisecond: enough to come after.
    pub(crate) fn wait_minutes(&self, minutes: i64) {
        match &self.place {
            Place::Here { bundle, .. } => bundle.clock.advance(SignedDuration::from_mins(minutes)),
            Place::Deployed(_) => std::thread::sleep(Duration::from_millis(2)),
        }
    }

    /// Anybody, by the id that they sign in with.
    pub(crate) async fn person(&self, id: &str) -> Person {
        match &self.place {
            Place::Here { bundle, .. } => Person::sign_in(&bundle.url, id).await.unwrap(),
            Place::Deployed(deployment) => deployment.person(id).await,
        }
    }

    /// A token for whoever this is, member or not.
    pub(crate) async fn token_for(&self, subject: &str) -> String {
        match &self.place {
            Place::Here { bundle, .. } => bundle.token_for(subject, HOUR).unwrap(),
            Place::Deployed(deployment) => deployment.token_for(subject).await,
        }
    }

    /// Tokens of an issuer whom the API does not know.
    pub(crate) async fn foreign_tokens(&self, subjects: &[&str]) -> Vec<String> {
        let mut tokens = Vec::new();
        match &self.place {
            Place::Here { .. } => {
                let other = Self::start_here().await;
                tokens.extend(subjects.iter().map(|subject| other.bundle().token_for(subject, HOUR).unwrap()));
            }
            Place::Deployed(deployment) => {
                for subject in subjects {
                    tokens.push(deployment.foreign_token_for(subject).await);
                }
            }
        }
        tokens
    }

    /// Somebody who has not signed in.
    pub(crate) fn stranger(&self) -> Person {
        Person::stranger(self.url()).unwrap()
    }

    /// The keys that this person uses, one after the other.
    pub(crate) fn keys(&self, id: &str) -> Keys {
        self.keys.lock().unwrap().entry(id.to_owned()).or_insert_with(|| Keys::after(self.first_key)).clone()
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

    /// Somebody who manages members, by their id.
    pub(crate) async fn manager(&self, id: &str) -> Manager {
        Manager::new(self.person(id).await, self.keys(id))
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
        self.store().history(code.parse::<ReportId>().unwrap()).await.unwrap().expect("a report with this code")
    }

    /// What SNS was told, oldest first, from the `seen`th on.
    pub(crate) async fn notices_since(&self, seen: usize) -> Vec<Value> {
        match &self.place {
            Place::Here { .. } => {
                let answer = self.stranger().get(&format!("/local/inbox?since={seen}")).await.unwrap();
                answer.body.as_array().expect("the inbox is a list").clone()
            }
            Place::Deployed(deployment) => deployment.notices().await.split_off(seen),
        }
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
    /// Those that come after this number.
    fn after(number: u64) -> Self {
        Self(Arc::new(AtomicU64::new(number)))
    }

    /// The next one.
    pub(crate) fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed) + 1))
    }
}

/// A client for a DynamoDB that looks at no credentials.
pub(crate) fn dynamodb(endpoint: &str, region: &str) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(region.to_owned()))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(endpoint)
        .build();
    Client::from_conf(config)
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
///
/// API Gateway refuses a token before any function runs, in its own words.
#[track_caller]
pub(crate) fn expect_problem(answer: &Answer, status: u16, kind: &str) {
    if is_the_gateways(answer) {
        assert_eq!((answer.status, problem_kind(answer)), (status, kind), "{}", answer.body);
        return;
    }
    assert_eq!((answer.status, answer.text("/type")), (status, &*format!("/problems/{kind}")), "{}", answer.body);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert_eq!(answer.body["status"], status);
    assert_ne!(answer.text("/title"), "");
}

/// Which problem an answer is: `wrong_role`, say.
pub(crate) fn problem_kind(answer: &Answer) -> &str {
    if is_the_gateways(answer) { "unauthenticated" } else { answer.text("/type").trim_start_matches("/problems/") }
}

/// Whether API Gateway has refused a token by itself.
fn is_the_gateways(answer: &Answer) -> bool {
    Settings::find().is_some() && answer.status == 401 && answer.body == json!({ "message": "Unauthorized" })
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
