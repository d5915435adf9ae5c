//! Runs the function on AWS Lambda.

use notify::Notify;
use pingan_runtime::{Environment, Failure};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    pingan_runtime::start_log();
    let sdk = pingan_runtime::sdk(Environment)?;
    let notify = Notify::from_environment(Environment, &sdk)?;
    pingan_runtime::serve_stream(async |event| Ok(notify.handle(event).await)).await
}
