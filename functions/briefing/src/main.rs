//! Runs the function on AWS Lambda.

use briefing::BriefingJob;
use pingan_runtime::{Environment, Failure};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    pingan_runtime::start_log();
    let sdk = pingan_runtime::sdk(Environment)?;
    let job = BriefingJob::from_environment(Environment, &sdk)?;
    let on_stream = async |event| Ok(job.handle(event).await);
    pingan_runtime::serve_stream_and_schedule(on_stream, async || Ok(job.order_weekly().await?)).await
}
