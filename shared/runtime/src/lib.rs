//! What every function needs to run: its environment, its clock, its log, its SDK and its
//! event loop. Nothing of the trade is known here.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod batch;
mod environment;
mod sdk;
mod world;

use aws_lambda_events::event::{dynamodb, streams::DynamoDbEventResponse};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::de::DeserializeOwned;
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

pub use crate::{
    environment::{Environment, MissingVariable},
    sdk::sdk,
    world::World,
};

/// Why a function could not start or go on. Lambda logs it and starts the function anew.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Starts the log: JSON lines to standard output, at the level of `RUST_LOG` (default
/// `info`), which can also name targets: `warn,tally=debug`. Fields are dotted names; bodies and
/// personal data are never logged.
pub fn start_log() {
    // A filter by fields of spans as well would bring regular expressions into every function, half a megabyte.
    let named = std::env::var("RUST_LOG").ok().and_then(|named| named.parse::<Targets>().ok());
    let filter = named.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true);
    // A second start in one process keeps the first log.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
}

/// Serves an HTTP function behind API Gateway until the process ends.
pub async fn serve_http(router: axum::Router) -> Result<(), Failure> {
    lambda_http::run(router).await
}

/// Serves a function of a DynamoDB stream until the process ends.
pub async fn serve_stream<F, Fut>(handler: F) -> Result<(), Failure>
where
    F: Fn(dynamodb::Event) -> Fut,
    Fut: Future<Output = Result<DynamoDbEventResponse, Failure>>,
{
    let handler = &handler;
    lambda_runtime::run(service_fn(|event: LambdaEvent<dynamodb::Event>| Box::pin(handler(event.payload)))).await
}

/// Serves a function that a DynamoDB stream drives and a schedule starts as well, until the
/// process ends. What has no records is the schedule's.
pub async fn serve_stream_and_schedule<F, Fut, G, Gut>(on_stream: F, on_schedule: G) -> Result<(), Failure>
where
    F: Fn(dynamodb::Event) -> Fut,
    Fut: Future<Output = Result<DynamoDbEventResponse, Failure>>,
    G: Fn() -> Gut,
    Gut: Future<Output = Result<(), Failure>>,
{
    let (on_stream, on_schedule) = (&on_stream, &on_schedule);
    let serve = |event: LambdaEvent<serde_json::Value>| async move {
        if event.payload.get("Records").is_none() {
            on_schedule().await?;
            return Ok(DynamoDbEventResponse::default());
        }
        Box::pin(on_stream(serde_json::from_value(event.payload)?)).await
    };
    lambda_runtime::run(service_fn(serve)).await
}

/// Serves a function of another event until the process ends.
pub async fn serve_events<E, F, Fut>(handler: F) -> Result<(), Failure>
where
    E: DeserializeOwned,
    F: Fn(E) -> Fut,
    Fut: Future<Output = Result<(), Failure>>,
{
    let handler = &handler;
    lambda_runtime::run(service_fn(|event: LambdaEvent<E>| Box::pin(handler(event.payload)))).await
}

/// Serves a function that a stream drives and that is also started with an event of its own, at
/// moments, until the process ends.
pub async fn serve_stream_and_moments<E, F, Fut, G, GFut>(on_stream: F, on_moment: G) -> Result<(), Failure>
where
    E: DeserializeOwned,
    F: Fn(dynamodb::Event) -> Fut,
    Fut: Future<Output = Result<DynamoDbEventResponse, Failure>>,
    G: Fn(E) -> GFut,
    GFut: Future<Output = Result<(), Failure>>,
{
    let (on_stream, on_moment) = (&on_stream, &on_moment);
    let handle = move |event: LambdaEvent<serde_json::Value>| async move {
        // Only what comes from a stream has records.
        if event.payload.get("Records").is_some() {
            let response = on_stream(serde_json::from_value(event.payload)?).await?;
            return Ok::<_, Failure>(serde_json::to_value(response)?);
        }
        on_moment(serde_json::from_value(event.payload)?).await?;
        Ok(serde_json::Value::Null)
    };
    lambda_runtime::run(service_fn(move |event| Box::pin(handle(event)))).await
}
