//! Runs the function on AWS Lambda.

use award_run::Awards;
use pingan_runtime::{Environment, Failure};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    pingan_runtime::start_log();
    let sdk = pingan_runtime::sdk(Environment)?;
    let awards = Awards::from_environment(Environment, &sdk)?;
    pingan_runtime::serve_events(async |start| awards.handle(start).await).await
}
