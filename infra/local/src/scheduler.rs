//! The stand-in of `EventBridge` Scheduler: takes bookings, and starts what is due.
//!
//! It speaks the service's protocol (REST, with JSON) as far as the bundle uses it: one-time schedules in UTC that
//! delete themselves. Anything else is refused, so that it is not ignored here and obeyed in the cloud. A schedule is in
//! the file before its booking is answered, and leaves it only after its start: it is started at least once, whatever
//! is killed meanwhile.
//!
//! Four things differ. Groups are there when they are named. What is booked for a moment that has passed is due. It
//! starts to the second, and not to the minute. And it waits for the function and tries again when that fails, where
//! the service hands the start to Lambda's queue, which does so.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path as Name, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use futures::FutureExt as _;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::{files, pace};

const LONGEST_NAME_CHARS: usize = 64;
const LONGEST_INPUT_BYTES: usize = 256 * 1024;
/// The group of a schedule for which none is named.
const DEFAULT_GROUP: &str = "default";
const ARN_PREFIX: &str = "arn:aws:scheduler:us-east-1:000000000000:schedule/";
/// How often the clock is looked at when nothing is due.
const IDLE_WAIT: Duration = Duration::from_millis(20);
/// How long a function may take. What takes longer has failed, as in the cloud: it must not hold up the others for ever.
const LONGEST_START: Duration = Duration::from_mins(1);
/// How often a start that has failed is tried again. With the pauses between, that is half a minute.
const TRIES_AGAIN: u32 = 10;

/// All schedules. A clone is the same scheduler.
#[derive(Clone)]
pub(crate) struct Scheduler {
    shared: Arc<Shared>,
}

struct Shared {
    file: PathBuf,
    kept: Mutex<Kept>,
}

#[derive(Default, Clone, Serialize, Deserialize)]
struct Kept {
    /// How many bookings there have been.
    revisions: u64,
    /// By group and name, with a slash between: neither has one.
    schedules: BTreeMap<String, Schedule>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Schedule {
    /// Another one after each change, so that a start can tell whether it was replaced meanwhile.
    revision: u64,
    at: Timestamp,
    target: Target,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Target {
    arn: String,
    role_arn: String,
    input: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_policy: Option<RetryPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter_config: Option<DeadLetterConfig>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RetryPolicy {
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_event_age_in_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_retry_attempts: Option<u32>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DeadLetterConfig {
    arn: String,
}

impl Scheduler {
    /// Those in this file; none when there is no file.
    pub(crate) fn open(file: &Path) -> io::Result<Self> {
        let kept = match std::fs::read(file) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Kept::default(),
            Err(error) => return Err(error),
        };
        Ok(Self { shared: Arc::new(Shared { file: file.to_owned(), kept: Mutex::new(kept) }) })
    }

    /// The endpoint for clients of the scheduler, to be served at the root of an address.
    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route("/schedules/{name}", post(create).put(update).get(get).delete(delete))
            .fallback(async || Refusal::operation())
            .method_not_allowed_fallback(async || Refusal::operation())
            .with_state(self.clone())
    }

    /// Starts what is due by this clock until told to stop, one after the other in the order of their moments. `start`
    /// gets the input of the schedule. One that has failed lets the others pass, and is tried again 0.1 s to 5 s later;
    /// after ten such tries it is written to `dead-letters.jsonl` beside the file of the schedules.
    pub(crate) async fn run<F, Fut, E>(self, clock: Clock, stopped: watch::Receiver<bool>, start: F)
    where
        F: Fn(String) -> Fut,
        Fut: Future<Output = Result<(), E>>,
        E: Display,
    {
        Run { scheduler: self, clock, tries_again: TRIES_AGAIN, start }.until(stopped).await;
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // A change is made as a whole or not at all, so what is kept is sound even after a panic.
        self.shared.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is kept, in the file first.
    fn change<T, E: From<io::Error>>(&self, change: impl FnOnce(&mut Kept) -> Result<T, E>) -> Result<T, E> {
        let mut kept = self.kept();
        let mut changed = kept.clone();
        let done = change(&mut changed)?;
        files::replace(&self.shared.file, &serde_json::to_vec(&changed).map_err(io::Error::from)?)?;
        *kept = changed;
        Ok(done)
    }

    /// The first schedule that is due and does not wait for its next try.
    fn next(&self, now: Timestamp, waits: impl Fn(&str, u64) -> bool) -> Option<(String, Schedule)> {
        let kept = self.kept();
        let due = kept.schedules.iter().filter(|(_, schedule)| schedule.at <= now);
        let ready = due.filter(|(key, schedule)| !waits(key, schedule.revision));
        let first = ready.min_by_key(|(_, schedule)| schedule.at);
        first.map(|(key, schedule)| (key.clone(), schedule.clone()))
    }

    /// Whether a schedule is still booked as it was in this revision.
    fn has(&self, key: &str, revision: u64) -> bool {
        self.kept().has(key, revision)
    }

    /// Forgets a schedule that was started, unless another one has taken its place.
    fn forget(&self, key: &str, revision: u64) -> io::Result<()> {
        self.change(|kept| {
            if kept.has(key, revision) {
                kept.schedules.remove(key);
            }
            Ok(())
        })
    }
}

struct Run<F> {
    scheduler: Scheduler,
    clock: Clock,
    tries_again: u32,
    start: F,
}

/// A start that has failed.
struct Failed {
    revision: u64,
    times: u32,
    next_try: Instant,
}

impl<F, Fut, E> Run<F>
where
    F: Fn(String) -> Fut,
    Fut: Future<Output = Result<(), E>>,
    E: Display,
{
    async fn until(&self, mut stopped: watch::Receiver<bool>) {
        let mut failed: HashMap<String, Failed> = HashMap::new();
        while !*stopped.borrow() {
            // Nothing is left to try of what was cancelled or replaced.
            failed.retain(|key, failed| self.scheduler.has(key, failed.revision));
            let tried = Instant::now();
            let waits = |key: &str, revision| {
                failed.get(key).is_some_and(|failed| failed.revision == revision && failed.next_try > tried)
            };
            let Some((key, schedule)) = self.scheduler.next(self.clock.now(), waits) else {
                if !pace::pause(&mut stopped, IDLE_WAIT).await {
                    return;
                }
                continue;
            };
            let times = failed.remove(&key).map_or(1, |failed| failed.times.saturating_add(1));
            if let Err(reason) = self.start(&key, &schedule, times).await {
                tracing::warn!(schedule = key, failures = times, reason, "a start has failed");
                let next_try = Instant::now() + pace::backoff(times);
                failed.insert(key, Failed { revision: schedule.revision, times, next_try });
            }
        }
    }

    /// Starts a schedule for so many times now, and forgets it when that is done or given up. Otherwise says why not.
    async fn start(&self, key: &str, schedule: &Schedule, times: u32) -> Result<(), String> {
        if let Err(reason) = self.call(schedule.target.input.clone()).await {
            if times <= self.tries_again {
                return Err(reason);
            }
            self.set_aside(key, schedule, &reason).map_err(|error| error.to_string())?;
        }
        // What cannot be forgotten is started once more, which is better than never.
        self.scheduler.forget(key, schedule.revision).map_err(|error| error.to_string())
    }

    /// Calls the function, or says why that failed.
    async fn call(&self, input: String) -> Result<(), String> {
        // In the cloud a panic is a failed invocation, and here it must not end the scheduler.
        let called = AssertUnwindSafe(async { (self.start)(input).await }).catch_unwind();
        let called = tokio::time::timeout(LONGEST_START, called).await.map_err(|_| "the function took too long")?;
        called.map_err(|_| "the function panicked")?.map_err(|error| error.to_string())
    }

    fn set_aside(&self, key: &str, schedule: &Schedule, reason: &str) -> io::Result<()> {
        let letter = json!({ "schedule": key, "at": schedule.at, "input": schedule.target.input, "reason": reason });
        let mut line = serde_json::to_vec(&letter)?;
        line.push(b'\n');
        let file = self.scheduler.shared.file.with_file_name("dead-letters.jsonl");
        let mut file = OpenOptions::new().append(true).create(true).open(file)?;
        file.write_all(&line)?;
        file.sync_all()?;
        tracing::error!(schedule = key, reason, "a start was set aside as impossible");
        Ok(())
    }
}

/// What a client asks to book.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Booking {
    group_name: Option<String>,
    /// By this the service knows a request that is sent again. Here such a one conflicts, as that of another does.
    #[serde(rename = "ClientToken")]
    _client_token: Option<String>,
    schedule_expression: String,
    schedule_expression_timezone: Option<String>,
    flexible_time_window: FlexibleTimeWindow,
    action_after_completion: Option<String>,
    target: Target,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct FlexibleTimeWindow {
    mode: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    #[serde(rename = "groupName")]
    group: Option<String>,
    #[serde(rename = "clientToken")]
    _client_token: Option<String>,
}

type Asked = Result<Query<Which>, QueryRejection>;

async fn create(State(scheduler): State<Scheduler>, Name(name): Name<String>, body: Bytes) -> Answer {
    let (key, at, target) = booking(&name, &body)?;
    scheduler.change(|kept| {
        if kept.schedules.contains_key(&key) {
            return Err(Refusal::conflict(&name));
        }
        kept.put(key.clone(), at, target);
        Ok(())
    })?;
    Ok(Json(json!({ "ScheduleArn": format!("{ARN_PREFIX}{key}") })))
}

async fn update(State(scheduler): State<Scheduler>, Name(name): Name<String>, body: Bytes) -> Answer {
    let (key, at, target) = booking(&name, &body)?;
    scheduler.change(|kept| {
        let old = kept.schedules.get(&key).ok_or_else(|| Refusal::not_found(&name))?;
        // The same again must not start twice what is being started.
        if (old.at, &old.target) != (at, &target) {
            kept.put(key.clone(), at, target);
        }
        Ok::<_, Refusal>(())
    })?;
    Ok(Json(json!({ "ScheduleArn": format!("{ARN_PREFIX}{key}") })))
}

async fn get(State(scheduler): State<Scheduler>, Name(name): Name<String>, which: Asked) -> Answer {
    let group = group(which)?;
    let key = key(Some(&group), &name)?;
    let kept = scheduler.kept();
    let schedule = kept.schedules.get(&key).ok_or_else(|| Refusal::not_found(&name))?;
    Ok(Json(json!({
        "Arn": format!("{ARN_PREFIX}{key}"),
        "GroupName": group,
        "Name": name,
        "ScheduleExpression": format!("at({})", TimeZone::UTC.to_datetime(schedule.at)),
        "ScheduleExpressionTimezone": "UTC",
        "FlexibleTimeWindow": { "Mode": "OFF" },
        "ActionAfterCompletion": "DELETE",
        "State": "ENABLED",
        "Target": schedule.target,
    })))
}

async fn delete(State(scheduler): State<Scheduler>, Name(name): Name<String>, which: Asked) -> Answer {
    let key = key(Some(&group(which)?), &name)?;
    scheduler.change(|kept| kept.schedules.remove(&key).map(drop).ok_or_else(|| Refusal::not_found(&name)))?;
    Ok(Json(json!({})))
}

impl Kept {
    fn has(&self, key: &str, revision: u64) -> bool {
        self.schedules.get(key).is_some_and(|schedule| schedule.revision == revision)
    }

    fn put(&mut self, key: String, at: Timestamp, target: Target) {
        self.revisions = self.revisions.saturating_add(1);
        self.schedules.insert(key, Schedule { revision: self.revisions, at, target });
    }
}

/// What is to be booked, once it is allowed.
fn booking(name: &str, body: &[u8]) -> Result<(String, Timestamp, Target), Refusal> {
    let booking: Booking = serde_json::from_slice(body)
        .map_err(|error| Refusal::validation(&format!("The body is not taken: {error}")))?;
    let key = key(booking.group_name.as_deref(), name)?;
    if booking.schedule_expression_timezone.is_some_and(|zone| zone != "UTC") {
        return Err(Refusal::validation("ScheduleExpressionTimezone: this stand-in has no other than UTC."));
    }
    if booking.flexible_time_window.mode != "OFF" {
        return Err(Refusal::validation("FlexibleTimeWindow: this stand-in has no other than OFF."));
    }
    if booking.action_after_completion.as_deref() != Some("DELETE") {
        return Err(Refusal::validation("ActionAfterCompletion: this stand-in has no other than DELETE."));
    }
    let at = moment(&booking.schedule_expression)
        .ok_or_else(|| Refusal::validation(&format!("Invalid Schedule Expression {}.", booking.schedule_expression)))?;
    check(&booking.target)?;
    Ok((key, at, booking.target))
}

/// The moment of `at(yyyy-mm-ddThh:mm:ss)`, in exactly this notation.
fn moment(expression: &str) -> Option<Timestamp> {
    let text = expression.strip_prefix("at(")?.strip_suffix(')')?;
    let moment: DateTime = text.parse().ok()?;
    // The parser is more generous than the service.
    if moment.strftime("%Y-%m-%dT%H:%M:%S").to_string() != text {
        return None;
    }
    TimeZone::UTC.to_timestamp(moment).ok()
}

fn check(target: &Target) -> Result<(), Refusal> {
    let is_of = |arn: &str, service: &str| {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        matches!(parts[..], ["arn", partition, of, _, _, _] if partition.starts_with("aws") && of == service)
    };
    if !is_of(&target.arn, "lambda") || !is_of(&target.role_arn, "iam") {
        return Err(Refusal::validation("Target: this stand-in starts functions, by their ARN and that of a role."));
    }
    if target.dead_letter_config.as_ref().is_some_and(|queue| !is_of(&queue.arn, "sqs")) {
        return Err(Refusal::validation("DeadLetterConfig: must name an SQS queue."));
    }
    let retry = target.retry_policy.as_ref();
    let age = retry.and_then(|retry| retry.maximum_event_age_in_seconds);
    let attempts = retry.and_then(|retry| retry.maximum_retry_attempts);
    if age.is_some_and(|age| !(60..=86_400).contains(&age)) || attempts.is_some_and(|attempts| attempts > 185) {
        return Err(Refusal::validation("RetryPolicy: 60 to 86400 seconds, 0 to 185 attempts."));
    }
    if target.input.len() > LONGEST_INPUT_BYTES {
        return Err(Refusal::validation("Input: is longer than 262144 bytes."));
    }
    if serde_json::from_str::<Value>(&target.input).is_err() {
        return Err(Refusal::validation("Input: a function takes nothing but JSON."));
    }
    Ok(())
}

fn group(asked: Asked) -> Result<String, Refusal> {
    let Query(which) = asked.map_err(|error| Refusal::validation(&error.body_text()))?;
    Ok(which.group.unwrap_or_else(|| DEFAULT_GROUP.to_owned()))
}

/// Under what a schedule is kept.
fn key(group: Option<&str>, name: &str) -> Result<String, Refusal> {
    let group = group.unwrap_or(DEFAULT_GROUP);
    let allowed = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.');
    let is_name = |text: &str| (1..=LONGEST_NAME_CHARS).contains(&text.len()) && text.chars().all(allowed);
    if !is_name(group) || !is_name(name) {
        return Err(Refusal::validation("Names have 1 to 64 letters, digits, hyphens, underscores and dots."));
    }
    Ok(format!("{group}/{name}"))
}

type Answer = Result<Json<Value>, Refusal>;

/// An error as the service answers it.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Refusal {
    fn operation() -> Self {
        Self::validation("This stand-in of the scheduler has no such operation.")
    }

    fn validation(message: &str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "ValidationException", message: message.to_owned() }
    }

    fn conflict(name: &str) -> Self {
        let message = format!("Schedule {name} already exists.");
        Self { status: StatusCode::CONFLICT, code: "ConflictException", message }
    }

    fn not_found(name: &str) -> Self {
        let message = format!("Schedule {name} does not exist.");
        Self { status: StatusCode::NOT_FOUND, code: "ResourceNotFoundException", message }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        tracing::error!(%error, "the schedules could not be written down");
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            code: "InternalServerException",
            message: "The schedule could not be kept.".to_owned(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let kind = [("x-amzn-errortype", self.code)];
        (self.status, kind, Json(json!({ "Message": self.message }))).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{sdk_config, serve};
    use aws_sdk_scheduler::Client;
    use aws_sdk_scheduler::config::retry::RetryConfig;
    use aws_sdk_scheduler::error::ProvideErrorMetadata as _;
    use aws_sdk_scheduler::operation::create_schedule::builders::CreateScheduleFluentBuilder;
    use aws_sdk_scheduler::types::{ActionAfterCompletion, FlexibleTimeWindow, FlexibleTimeWindowMode, ScheduleState};
    use pingan_cloud::{Schedules, schedules};
    use pingan_domain::error::Error;
    use std::collections::BTreeSet;

    const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:deadlines";
    const ROLE: &str = "arn:aws:iam::000000000000:role/scheduler";
    const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:failures";

    /// A scheduler that runs for as long as this is held.
    struct Running {
        folder: tempfile::TempDir,
        client: Client,
        schedules: Schedules,
        scheduler: Scheduler,
        clock: Clock,
        started: Arc<Mutex<Vec<String>>>,
        /// Inputs whose start fails.
        failing: Arc<Mutex<BTreeSet<String>>>,
        stop: watch::Sender<bool>,
    }

    impl Running {
        async fn new() -> Self {
            Self::with(TRIES_AGAIN).await
        }

        async fn with(tries_again: u32) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let scheduler = Scheduler::open(&folder.path().join("schedules.json")).unwrap();
            let client = client(&scheduler).await;
            let running = Self {
                schedules: schedules(&client),
                client,
                scheduler,
                clock: Clock::standing(moment("at(2026-08-12T09:30:00)").unwrap()),
                started: Arc::default(),
                failing: Arc::default(),
                stop: watch::channel(false).0,
                folder,
            };
            let (started, failing) = (running.started.clone(), running.failing.clone());
            let run = Run {
                scheduler: running.scheduler.clone(),
                clock: running.clock.clone(),
                tries_again,
                start: move |input: String| {
                    let fails = failing.lock().unwrap().contains(&input);
                    started.lock().unwrap().push(input);
                    async move { if fails { Err("an outage") } else { Ok(()) } }
                },
            };
            let stopped = running.stop.subscribe();
            tokio::spawn(async move { run.until(stopped).await });
            running
        }

        async fn book(&self, name: &str, seconds: i64, input: &str) {
            self.schedules.book(name, self.after(seconds), input).await.unwrap();
        }

        fn after(&self, seconds: i64) -> Timestamp {
            self.clock.now() + Duration::from_secs(seconds.try_into().unwrap())
        }

        fn move_on(&self, seconds: i64) {
            self.clock.set(self.after(seconds));
        }

        fn started(&self) -> Vec<String> {
            self.started.lock().unwrap().clone()
        }

        /// The names of what is booked, in the file.
        fn booked(&self) -> Vec<String> {
            let reopened = Scheduler::open(&self.folder.path().join("schedules.json")).unwrap();
            reopened.kept().schedules.keys().cloned().collect()
        }

        /// Waits until so much has been started, and all of it is forgotten but what is named.
        async fn settles(&self, starts: usize, left: &[&str]) {
            eventually(|| self.started().len() >= starts && self.booked() == left).await;
            assert_eq!(self.started().len(), starts);
        }

        /// Long enough for the scheduler to look at the clock.
        async fn quiet(&self) {
            tokio::time::sleep(IDLE_WAIT * 5).await;
        }
    }

    async fn eventually(so: impl Fn() -> bool) {
        let waiting = async {
            while !so() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), waiting).await.unwrap();
    }

    async fn client(scheduler: &Scheduler) -> Client {
        Client::new(&sdk_config(&serve(scheduler.router()).await))
    }

    fn schedules(client: &Client) -> Schedules {
        let target = schedules::Target {
            function_arn: FUNCTION.to_owned(),
            role_arn: ROLE.to_owned(),
            failures_arn: Some(QUEUE.to_owned()),
        };
        Schedules::new(client.clone(), "pingan".to_owned(), target)
    }

    #[tokio::test]
    async fn a_start_is_made_at_its_moment_and_not_before() {
        let running = Running::new().await;
        running.book("a", 60, "1").await;
        running.move_on(59);
        running.quiet().await;
        assert!(running.started().is_empty());
        running.move_on(1);
        let moved = Instant::now();
        eventually(|| !running.started().is_empty()).await;
        assert!(moved.elapsed() < Duration::from_secs(5), "{:?}", moved.elapsed());
        running.settles(1, &[]).await;
        running.move_on(3_600);
        running.quiet().await;
        assert_eq!(running.started(), ["1"], "once");

        // A fraction of a second is a whole one.
        running.schedules.book("a", running.clock.now() + Duration::from_millis(1), "2").await.unwrap();
        running.clock.set(running.clock.now() + Duration::from_millis(999));
        running.quiet().await;
        assert_eq!(running.started(), ["1"]);
        running.clock.set(running.clock.now() + Duration::from_millis(1));
        running.settles(2, &[]).await;
    }

    #[tokio::test]
    async fn a_booking_is_replaced_and_cancelled_and_made_again() {
        let running = Running::new().await;
        running.book("a", 60, "1").await;
        running.book("a", 120, "2").await;
        running.book("b", 60, "3").await;
        running.schedules.cancel("b").await.unwrap();
        running.schedules.cancel("b").await.unwrap();
        running.schedules.cancel("never booked").await.unwrap_err();
        running.schedules.cancel("never-booked").await.unwrap();
        assert_eq!(running.booked(), ["pingan/a"]);
        running.move_on(60);
        running.quiet().await;
        assert!(running.started().is_empty());
        running.move_on(60);
        running.settles(1, &[]).await;
        running.schedules.cancel("a").await.unwrap();
        running.book("a", 60, "4").await;
        running.move_on(60);
        running.settles(2, &[]).await;
        assert_eq!(running.started(), ["2", "4"]);
    }

    #[tokio::test]
    async fn what_is_due_together_is_started_in_order() {
        let running = Running::new().await;
        for (name, seconds) in [("a", 180), ("b", 60), ("c", 120), ("d", 7_200)] {
            running.book(name, seconds, &seconds.to_string()).await;
        }
        running.move_on(3_600);
        running.settles(3, &["pingan/d"]).await;
        assert_eq!(running.started(), ["60", "120", "180"]);
    }

    #[tokio::test]
    async fn a_start_that_fails_is_repeated_and_lets_the_others_pass() {
        let running = Running::new().await;
        running.failing.lock().unwrap().insert("1".to_owned());
        running.book("a", 60, "1").await;
        running.book("b", 61, "2").await;
        running.move_on(120);
        eventually(|| running.started().iter().filter(|input| *input == "1").count() == 3).await;
        assert_eq!(running.started()[..2], ["1", "2"], "the second did not wait");
        assert_eq!(running.booked(), ["pingan/a"], "what has not been started is kept");
        running.failing.lock().unwrap().clear();
        eventually(|| running.booked().is_empty()).await;
        let starts = running.started().len();
        running.quiet().await;
        assert_eq!(running.started().len(), starts, "once it has succeeded, it is done");
        assert!(!running.folder.path().join("dead-letters.jsonl").exists());
    }

    #[tokio::test]
    async fn a_start_that_fails_for_ever_is_set_aside() {
        let running = Running::with(2).await;
        let input = r#"{"report": "a"}"#;
        running.failing.lock().unwrap().insert(input.to_owned());
        running.book("a", 60, input).await;
        running.move_on(60);
        running.settles(3, &[]).await;
        let letters = std::fs::read_to_string(running.folder.path().join("dead-letters.jsonl")).unwrap();
        let letters: Vec<Value> = letters.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let expected =
            json!({ "schedule": "pingan/a", "at": "2026-08-12T09:31:00Z", "input": input, "reason": "an outage" });
        assert_eq!(letters, [expected]);

        // A name that was given up can be booked again, and starts from nothing.
        running.failing.lock().unwrap().clear();
        running.book("a", 60, input).await;
        running.move_on(60);
        running.settles(4, &[]).await;
    }

    #[tokio::test]
    async fn what_is_cancelled_while_it_fails_is_not_tried_again() {
        let running = Running::new().await;
        running.failing.lock().unwrap().insert("1".to_owned());
        running.book("a", 60, "1").await;
        running.move_on(60);
        eventually(|| running.started().len() == 2).await;
        running.schedules.cancel("a").await.unwrap();
        let starts = running.started().len();
        tokio::time::sleep(pace::backoff(3) * 2).await;
        assert_eq!(running.started().len(), starts);
    }

    #[tokio::test]
    async fn what_is_booked_again_while_it_starts_is_not_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let scheduler = Scheduler::open(&folder.path().join("schedules.json")).unwrap();
        let schedules = schedules(&client(&scheduler).await);
        let clock = Clock::standing(moment("at(2026-08-12T09:30:00)").unwrap());
        let (stop, stopped) = watch::channel(false);
        let started: Arc<Mutex<Vec<String>>> = Arc::default();
        schedules.book("a", clock.now() + Duration::from_mins(1), "3").await.unwrap();
        let start = {
            let (schedules, clock, started) = (schedules.clone(), clock.clone(), started.clone());
            move |input: String| {
                let (schedules, at) = (schedules.clone(), clock.now() + Duration::from_mins(1));
                started.lock().unwrap().push(input.clone());
                async move {
                    match input.as_str() {
                        "1" => schedules.cancel("a").await,
                        left => schedules.book("a", at, &(left.parse::<u32>().unwrap() - 1).to_string()).await,
                    }
                }
            }
        };
        // Spawned, as the bundle does it.
        let run = tokio::spawn(scheduler.clone().run(clock.clone(), stopped, start));
        for starts in 1..=3 {
            clock.set(clock.now() + Duration::from_mins(1));
            eventually(|| started.lock().unwrap().len() == starts).await;
            eventually(|| scheduler.kept().schedules.len() == usize::from(starts < 3)).await;
            // The booking is made before the start is over.
            tokio::time::sleep(IDLE_WAIT * 5).await;
        }
        assert_eq!(*started.lock().unwrap(), ["3", "2", "1"]);
        assert!(scheduler.kept().schedules.is_empty());
        stop.send_replace(true);
        tokio::time::timeout(Duration::from_secs(5), run).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_start_that_was_killed_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("schedules.json");
        let scheduler = Scheduler::open(&file).unwrap();
        let clock = Clock::standing(moment("at(2026-08-12T09:30:00)").unwrap());
        let at = clock.now() + Duration::from_mins(1);
        schedules(&client(&scheduler).await).book("a", at, "1").await.unwrap();
        clock.set(at);

        let (_stop, stopped) = watch::channel(false);
        let (called, mut calls) = tokio::sync::mpsc::unbounded_channel();
        let hangs = called.clone();
        let run = tokio::spawn(scheduler.run(clock.clone(), stopped.clone(), move |input: String| {
            hangs.send(input).unwrap();
            std::future::pending::<Result<(), String>>()
        }));
        assert_eq!(calls.recv().await.unwrap(), "1");
        run.abort();

        let reopened = Scheduler::open(&file).unwrap();
        let run = tokio::spawn(reopened.clone().run(clock, stopped, move |input: String| {
            called.send(input).unwrap();
            async { Ok::<_, String>(()) }
        }));
        assert_eq!(calls.recv().await.unwrap(), "1");
        eventually(|| reopened.kept().schedules.is_empty()).await;
        run.abort();
        assert!(Scheduler::open(&file).unwrap().kept().schedules.is_empty());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn a_panic_is_a_failed_start() {
        let folder = tempfile::tempdir().unwrap();
        let scheduler = Scheduler::open(&folder.path().join("schedules.json")).unwrap();
        let clock = Clock::standing(moment("at(2026-08-12T09:30:00)").unwrap());
        schedules(&client(&scheduler).await).book("a", clock.now(), "1").await.unwrap();
        let (_stop, stopped) = watch::channel(false);
        let calls = Arc::new(Mutex::new(0));
        let counted = calls.clone();
        let run = tokio::spawn(scheduler.clone().run(clock, stopped, move |_| {
            let first = {
                let mut calls = counted.lock().unwrap();
                *calls += 1;
                *calls == 1
            };
            async move {
                assert!(!first, "a bug");
                Ok::<_, String>(())
            }
        }));
        eventually(|| scheduler.kept().schedules.is_empty()).await;
        assert_eq!(*calls.lock().unwrap(), 2);
        run.abort();
    }

    #[tokio::test]
    async fn it_answers_as_the_service_does() {
        let running = Running::new().await;
        running.book("a", 60, r#"{"report":"b"}"#).await;
        let get = |name: &str| running.client.get_schedule().group_name("pingan").name(name).send();
        let found = get("a").await.unwrap();
        assert_eq!(found.schedule_expression(), Some("at(2026-08-12T09:31:00)"));
        assert_eq!(found.action_after_completion(), Some(&ActionAfterCompletion::Delete));
        let target = found.target().unwrap();
        assert_eq!((target.arn(), target.role_arn(), target.input()), (FUNCTION, ROLE, Some(r#"{"report":"b"}"#)));
        assert_eq!(target.dead_letter_config().unwrap().arn(), Some(QUEUE));
        let retry = target.retry_policy().unwrap();
        assert_eq!((retry.maximum_event_age_in_seconds(), retry.maximum_retry_attempts()), (Some(3_600), Some(10)));
        assert!(get("b").await.unwrap_err().as_service_error().unwrap().is_resource_not_found_exception());

        let twice = plain(&running.client, "a").group_name("pingan").send().await.unwrap_err();
        assert!(twice.as_service_error().unwrap().is_conflict_exception());
        plain(&running.client, "a").send().await.unwrap();
        assert_eq!(running.booked(), ["default/a", "pingan/a"], "another group has other names");
        let update = running.client.update_schedule().name("c").group_name("pingan");
        let update = update
            .schedule_expression("at(2026-08-12T09:31:00)")
            .flexible_time_window(window(FlexibleTimeWindowMode::Off))
            .action_after_completion(ActionAfterCompletion::Delete)
            .target(target.clone());
        assert!(update.send().await.unwrap_err().as_service_error().unwrap().is_resource_not_found_exception());
        let delete = running.client.delete_schedule().name("a").send();
        delete.await.unwrap();
        let again = running.client.delete_schedule().name("a").send().await.unwrap_err();
        assert!(again.as_service_error().unwrap().is_resource_not_found_exception());
    }

    #[tokio::test]
    async fn what_is_not_understood_is_refused() {
        let running = Running::new().await;
        let plain = || self::plain(&running.client, "a");
        let input = |input: &str| {
            let target = aws_sdk_scheduler::types::Target::builder().arn(FUNCTION).role_arn(ROLE);
            target.input(input).build().unwrap()
        };
        let another = |arn: &str, role: &str| {
            aws_sdk_scheduler::types::Target::builder().arn(arn).role_arn(role).input("1").build().unwrap()
        };
        let long = format!("\"{}\"", "x".repeat(LONGEST_INPUT_BYTES - 2));
        let refused = vec![
            plain().schedule_expression("rate(1 day)"),
            plain().schedule_expression("cron(0 12 * * ? *)"),
            plain().schedule_expression("at(2026-08-12T09:31:00Z)"),
            plain().schedule_expression("at(2026-08-12T09:31)"),
            plain().schedule_expression("at(2026-08-12T09:31:00.5)"),
            plain().schedule_expression("at(2026-02-30T09:31:00)"),
            plain().schedule_expression_timezone("Asia/Shanghai"),
            plain().flexible_time_window(window(FlexibleTimeWindowMode::Flexible)),
            plain().action_after_completion(ActionAfterCompletion::None),
            plain().state(ScheduleState::Disabled),
            plain().description("a deadline"),
            plain().name("x".repeat(LONGEST_NAME_CHARS + 1)),
            plain().name("a b"),
            plain().name("a/b"),
            plain().name("线索"),
            plain().group_name("a b"),
            plain().target(input("not JSON")),
            plain().target(input(&format!("{long} "))),
            plain().target(another(QUEUE, ROLE)),
            plain().target(another(FUNCTION, "role")),
            plain().target(aws_sdk_scheduler::types::Target::builder().arn(FUNCTION).role_arn(ROLE).build().unwrap()),
        ];
        for (number, request) in refused.into_iter().enumerate() {
            let error = request.send().await.unwrap_err();
            assert_eq!(error.code(), Some("ValidationException"), "the request with the index {number}");
        }
        let list = running.client.list_schedules().send().await.unwrap_err();
        assert_eq!(list.code(), Some("ValidationException"));
        assert!(running.booked().is_empty());
        plain().name("x".repeat(LONGEST_NAME_CHARS)).target(input(&long)).send().await.unwrap();

        let at = running.after(60);
        assert!(matches!(running.schedules.book("a b", at, "1").await, Err(Error::Internal(_))));
        assert!(matches!(running.schedules.book("a", at, "not JSON").await, Err(Error::Internal(_))));
    }

    #[tokio::test]
    async fn what_cannot_be_written_down_is_not_booked() {
        let folder = tempfile::tempdir().unwrap();
        let scheduler = Scheduler::open(&folder.path().join("gone").join("schedules.json")).unwrap();
        let schedules = schedules(&once(&client(&scheduler).await));
        let at = moment("at(2026-08-12T09:30:00)").unwrap();
        assert!(matches!(schedules.book("a", at, "1").await, Err(Error::Busy { .. })));
        assert!(scheduler.kept().schedules.is_empty());
    }

    #[tokio::test]
    async fn a_name_that_comes_and_goes_is_busy_in_the_end() {
        let asked: Arc<Mutex<Vec<&str>>> = Arc::default();
        let (created, updated) = (asked.clone(), asked.clone());
        let create = async move || {
            created.lock().unwrap().push("create");
            Refusal::conflict("a")
        };
        let update = async move || {
            updated.lock().unwrap().push("update");
            Refusal::not_found("a")
        };
        let router = Router::new().route("/schedules/{name}", post(create).put(update));
        let schedules = schedules(&once(&Client::new(&sdk_config(&serve(router).await))));
        let at = moment("at(2026-08-12T09:30:00)").unwrap();
        assert!(matches!(schedules.book("a", at, "1").await, Err(Error::Busy { .. })));
        assert_eq!(asked.lock().unwrap().len(), 6, "{asked:?}");
    }

    /// The same client, which does not try again.
    fn once(client: &Client) -> Client {
        Client::from_conf(client.config().to_builder().retry_config(RetryConfig::disabled()).build())
    }

    /// A request that is taken as it is.
    fn plain(client: &Client, name: &str) -> CreateScheduleFluentBuilder {
        let target = aws_sdk_scheduler::types::Target::builder().arn(FUNCTION).role_arn(ROLE).input("1");
        client
            .create_schedule()
            .name(name)
            .schedule_expression("at(2026-08-12T09:31:00)")
            .flexible_time_window(window(FlexibleTimeWindowMode::Off))
            .action_after_completion(ActionAfterCompletion::Delete)
            .target(target.build().unwrap())
    }

    fn window(mode: FlexibleTimeWindowMode) -> FlexibleTimeWindow {
        FlexibleTimeWindow::builder().mode(mode).build().unwrap()
    }
}
