//! Runs the function on AWS Lambda.

use media_erase::MediaErase;
use pingan_runtime::{Environment, Failure};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    pingan_runtime::start_log();
    let sdk = pingan_runtime::sdk(Environment)?;
    let erase = MediaErase::from_environment(Environment, &sdk)?;
    pingan_runtime::serve_stream(async |event| Ok(erase.handle(event).await)).await
}
