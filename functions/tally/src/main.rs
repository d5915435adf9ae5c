//! Runs the function on AWS Lambda.

use pingan_runtime::{Environment, Failure};
use tally::Tally;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    pingan_runtime::start_log();
    let sdk = pingan_runtime::sdk(Environment)?;
    let tally = Tally::from_environment(Environment, &sdk)?;
    pingan_runtime::serve_stream(async |event| Ok(tally.handle(event).await)).await
}
