//! Runs the function on AWS Lambda.

use aws_lambda_events::event::s3::S3Event;
use media_intake::Intake;
use pingan_runtime::{Environment, Failure};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    pingan_runtime::start_log();
    let sdk = pingan_runtime::sdk(Environment)?;
    let intake = Intake::from_environment(Environment, &sdk)?;
    pingan_runtime::serve_events(async |event: S3Event| Ok(intake.handle(event).await?)).await
}
