//! Runs the function on AWS Lambda.

use pingan_runtime::{Environment, Failure};
use reward_propose::RewardPropose;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    pingan_runtime::start_log();
    let sdk = pingan_runtime::sdk(Environment)?;
    let propose = RewardPropose::from_environment(Environment, &sdk)?;
    pingan_runtime::serve_stream(async |event| Ok(propose.handle(event).await)).await
}
