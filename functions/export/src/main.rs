//! Runs the function on AWS Lambda.

use export::ExportJob;
use pingan_runtime::{Environment, Failure};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    pingan_runtime::start_log();
    let sdk = pingan_runtime::sdk(Environment)?;
    let job = ExportJob::from_environment(Environment, &sdk)?;
    pingan_runtime::serve_stream(async |event| Ok(job.handle(event).await)).await
}
