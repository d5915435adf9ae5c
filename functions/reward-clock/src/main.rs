//! Runs the function on AWS Lambda.

use pingan_runtime::{Environment, Failure};
use reward_clock::RewardClock;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    pingan_runtime::start_log();
    let sdk = pingan_runtime::sdk(Environment)?;
    let clock = RewardClock::from_environment(Environment, &sdk)?;
    pingan_runtime::serve_events(async |start| clock.handle(start).await.map(drop)).await
}
