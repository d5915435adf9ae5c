//! A function as a process of its own, called as Lambda calls it: it asks the Runtime API for the next event, and says
//! there what came of it. One event at a time, as one instance of a function has it.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path as Segment, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use pingan_runtime::Failure;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, mpsc, oneshot};

/// The longest that Lambda lets a function work.
const DEADLINE: Duration = Duration::from_mins(15);

/// How often a function that works is looked at, whether it still runs.
const LOOK: Duration = Duration::from_millis(20);

/// A function that runs. Dropping the last handle ends the process.
#[derive(Clone)]
pub struct Function {
    calls: mpsc::UnboundedSender<Call>,
    runtime: Runtime,
    process: Arc<Mutex<Process>>,
}

struct Process {
    command: Command,
    child: Child,
}

struct Call {
    event: Vec<u8>,
    answer: Answer,
}

/// Who waits for what comes of a call.
type Answer = oneshot::Sender<Result<(), String>>;

/// What the function asks.
#[derive(Clone)]
struct Runtime {
    calls: Arc<Mutex<mpsc::UnboundedReceiver<Call>>>,
    /// The answer that is waited for.
    waiting: Arc<Mutex<Option<Answer>>>,
}

impl Function {
    /// Starts the program with these settings and nothing else of this process's environment.
    pub(crate) async fn start(
        program: &Path,
        settings: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Result<Self, Failure> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?.to_string();
        let (calls, receiver) = mpsc::unbounded_channel();
        let runtime = Runtime { calls: Arc::new(Mutex::new(receiver)), waiting: Arc::default() };
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(responded))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(failed))
            .with_state(runtime.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(settings)
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .env("AWS_LAMBDA_FUNCTION_NAME", program.file_name().unwrap_or_default())
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "local")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "local")
            .env("AWS_REGION", "us-east-1")
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true);
        let child = command.spawn()?;
        Ok(Self { calls, runtime, process: Arc::new(Mutex::new(Process { command, child })) })
    }

    /// The process that runs now.
    pub async fn pid(&self) -> Option<u32> {
        // While it works the lock is only held for a moment at a time.
        self.process.lock().await.child.id()
    }

    /// Hands the function an event, and waits for what comes of it. One that has ended is started again, as Lambda does.
    pub(crate) async fn call(&self, event: &impl Serialize) -> Result<(), String> {
        let event = serde_json::to_vec(event).map_err(|error| error.to_string())?;
        if self.has_ended().await? {
            let mut process = self.process.lock().await;
            process.child = process.command.spawn().map_err(|error| error.to_string())?;
        }
        let (answer, mut answered) = oneshot::channel();
        self.calls.send(Call { event, answer }).map_err(|error| error.to_string())?;
        loop {
            tokio::select! {
                said = &mut answered => return said.map_err(|_| "the function said nothing".to_owned())?,
                () = tokio::time::sleep(LOOK) => if self.has_ended().await? {
                    self.runtime.waiting.lock().await.take();
                    return Err("the function has ended".to_owned());
                }
            }
        }
    }

    async fn has_ended(&self) -> Result<bool, String> {
        let ended = self.process.lock().await.child.try_wait().map_err(|error| error.to_string())?;
        Ok(ended.is_some())
    }
}

async fn next(State(runtime): State<Runtime>) -> impl IntoResponse {
    let Some(Call { event, answer }) = runtime.calls.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    *runtime.waiting.lock().await = Some(answer);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let headers = [
        ("lambda-runtime-aws-request-id", uuid::Uuid::new_v4().to_string()),
        ("lambda-runtime-deadline-ms", (now + DEADLINE).as_millis().to_string()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:000000000000:function:local".to_owned()),
    ];
    (headers, event).into_response()
}

async fn responded(State(runtime): State<Runtime>, Segment(_): Segment<String>) -> StatusCode {
    answer(&runtime, Ok(())).await
}

async fn failed(State(runtime): State<Runtime>, Segment(_): Segment<String>, why: Bytes) -> StatusCode {
    answer(&runtime, Err(String::from_utf8_lossy(&why).into_owned())).await
}

async fn answer(runtime: &Runtime, what: Result<(), String>) -> StatusCode {
    if let Some(answer) = runtime.waiting.lock().await.take() {
        // Whoever has called may have been stopped.
        let _ = answer.send(what);
    }
    StatusCode::ACCEPTED
}
