//! The Runtime API, as Lambda has it for one instance of a function: it hands out events and takes
//! answers.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use pingan_runtime::Failure;
use serde_json::Value;
use tokio::{net::TcpListener, sync::watch};

use super::{endpoint::Endpoint, scenario::Call};

/// How long a program has for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a program is started into.
#[derive(Clone)]
pub(super) struct Stage {
    address: String,
    /// The AWS services.
    pub(super) endpoint: Endpoint,
    play: Arc<Mutex<Play>>,
    answered: watch::Sender<u32>,
    begun: watch::Sender<u32>,
}

/// What is being played.
#[derive(Default)]
struct Play {
    /// Which program it is for: the how many-th that was started. The connection of one that was ended may still be
    /// held open for a moment, and must not take what is for the next.
    program: u64,
    event: Bytes,
    /// How many events are still to be handed out.
    left: u32,
    /// When the last answer came.
    last: Option<Instant>,
    /// The first answer that was no success.
    failure: Option<String>,
}

impl Stage {
    /// Starts it on a free port.
    pub(super) async fn start(endpoint: Endpoint) -> Result<Self, Failure> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let stage = Self {
            address: listener.local_addr()?.to_string(),
            endpoint,
            play: Arc::default(),
            answered: watch::channel(0).0,
            begun: watch::channel(0).0,
        };
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(responded))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(failed))
            .route("/2018-06-01/runtime/init/error", post(not_begun))
            .with_state(stage.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(stage)
    }

    /// What a program finds in its environment beside its own settings.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        let named = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut environment = vec![
            named("AWS_LAMBDA_RUNTIME_API", &self.address),
            named("AWS_LAMBDA_FUNCTION_NAME", "bench"),
            named("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            named("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            named("AWS_LAMBDA_LOG_GROUP_NAME", "bench"),
            named("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
            named("AWS_REGION", "us-east-1"),
            named("AWS_DEFAULT_REGION", "us-east-1"),
            named("AWS_ACCESS_KEY_ID", "bench"),
            named("AWS_SECRET_ACCESS_KEY", "bench"),
            named("AWS_SESSION_TOKEN", "bench"),
            // No request leaves this machine to ask who it is.
            named("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        environment.extend(self.endpoint.environment());
        environment
    }

    /// Gets ready to hand out an event so often. It has to be called before a program is started.
    pub(super) fn prepare(&self, call: &Call, times: u32) {
        self.endpoint.answers_of(call);
        let mut play = self.lock();
        let program = play.program + 1;
        *play = Play { program, event: call.event.clone(), left: times, ..Play::default() };
        self.answered.send_replace(0);
        self.begun.send_modify(|begun| *begun += 1);
    }

    /// Hands out the event so often again, to the program that waits for it.
    pub(super) fn again(&self, times: u32) {
        let mut play = self.lock();
        play.left = times;
        self.answered.send_replace(0);
        self.begun.send_modify(|begun| *begun += 1);
    }

    /// Waits for so many answers. Tells when the last of them came.
    ///
    /// # Errors
    ///
    /// They do not come in time, or one of them is no success.
    pub(super) async fn finished(&self, times: u32) -> Result<Instant, Failure> {
        let mut answered = self.answered.subscribe();
        let waiting = answered.wait_for(|count| *count >= times);
        let patience = PATIENCE + Duration::from_millis(u64::from(times) * 100);
        let timed_out = tokio::time::timeout(patience, waiting).await.is_err();
        let play = self.lock();
        if let Some(failure) = &play.failure {
            return Err(failure.clone().into());
        }
        match play.last {
            Some(last) if !timed_out => Ok(last),
            _ => Err(format!("no {times} answers within {} s", patience.as_secs()).into()),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Play> {
        self.play.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn took(&self, failure: Option<String>) {
        {
            let mut play = self.lock();
            play.last = Some(Instant::now());
            if play.failure.is_none() {
                play.failure = failure;
            }
            if play.failure.is_some() {
                // Who waits has nothing more to wait for.
                self.answered.send_replace(u32::MAX);
                return;
            }
        }
        self.answered.send_modify(|count| *count += 1);
    }
}

async fn next(State(stage): State<Stage>) -> Response {
    let mut begun = stage.begun.subscribe();
    let program = stage.lock().program;
    loop {
        let event = {
            let mut play = stage.lock();
            if play.program != program {
                return StatusCode::GONE.into_response();
            }
            if play.left > 0 {
                play.left -= 1;
                Some(play.event.clone())
            } else {
                None
            }
        };
        if let Some(event) = event {
            stage.endpoint.begin();
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let headers = [
                ("content-type", "application/json".to_owned()),
                ("lambda-runtime-aws-request-id", uuid::Uuid::new_v4().to_string()),
                ("lambda-runtime-deadline-ms", (now + PATIENCE).as_millis().to_string()),
                (
                    "lambda-runtime-invoked-function-arn",
                    "arn:aws:lambda:us-east-1:000000000000:function:bench".to_owned(),
                ),
            ];
            return (headers, event).into_response();
        }
        if begun.changed().await.is_err() {
            return StatusCode::GONE.into_response();
        }
    }
}

async fn responded(State(stage): State<Stage>, Path(_): Path<String>, body: Bytes) -> StatusCode {
    let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
    let succeeded = answer["statusCode"].as_u64().is_some_and(|status| (200..300).contains(&status));
    stage.took((!succeeded).then(|| format!("answered: {answer}")));
    StatusCode::ACCEPTED
}

async fn failed(State(stage): State<Stage>, Path(_): Path<String>, why: Bytes) -> StatusCode {
    stage.took(Some(format!("failed: {}", String::from_utf8_lossy(&why))));
    StatusCode::ACCEPTED
}

async fn not_begun(State(stage): State<Stage>, why: Bytes) -> StatusCode {
    stage.took(Some(format!("did not begin: {}", String::from_utf8_lossy(&why))));
    StatusCode::ACCEPTED
}
