//! Runs the function on AWS Lambda.

use aws_lambda_events::event::s3::S3Event;
use media_intake::Intake;
use pingan_cloud::MediaStore;
use pingan_runtime::{Environment, Failure};
use pingan_workflow::Workflow;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    pingan_runtime::start_log();
    let environment = Environment;
    let sdk = pingan_runtime::sdk().await;
    let workflow = Workflow::from_environment(environment, &sdk)?;
    let media = MediaStore::new(aws_sdk_s3::Client::new(&sdk), environment.get("MEDIA_BUCKET")?);
    let intake = Intake { workflow, media };
    pingan_runtime::serve_events(async |event: S3Event| Ok(intake.handle(event).await?)).await
}
