//! Runs the function on AWS Lambda.

use pingan_runtime::{Environment, Failure};
use task_clock::TaskClock;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    pingan_runtime::start_log();
    let sdk = pingan_runtime::sdk(Environment)?;
    let clock = TaskClock::from_environment(Environment, &sdk)?;
    pingan_runtime::serve_events(async |due| Ok(clock.handle(due).await?)).await
}
