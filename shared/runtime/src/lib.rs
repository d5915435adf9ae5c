//! What every function needs to run: its environment, its clock, its log, its SDK and its
//! event loop. Nothing of the trade is known here.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod batch;
mod environment;
mod world;

use aws_lambda_events::event::{dynamodb, streams::DynamoDbEventResponse};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::de::DeserializeOwned;
use tracing_subscriber::EnvFilter;

pub use crate::{
    environment::{Environment, MissingVariable},
    world::World,
};

/// Why a function could not start or go on. Lambda logs it and starts the function anew.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Starts the log: JSON lines to standard output, at the level of `RUST_LOG` (default
/// `info`). Fields are dotted names; bodies and personal data are never logged.
pub fn start_log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    // A second start in one process keeps the first log.
    let _ = tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).try_init();
}

/// The SDK's settings from the environment, made once per process.
pub async fn sdk() -> aws_config::SdkConfig {
    aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await
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
