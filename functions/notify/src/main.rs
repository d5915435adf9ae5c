//! Runs the function on AWS Lambda.

use notify::Notify;
use pingan_cloud::Notices;
use pingan_runtime::{Environment, Failure};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    pingan_runtime::start_log();
    let environment = Environment;
    let sdk = pingan_runtime::sdk().await;
    let topic = environment.get("NOTICES_TOPIC_ARN")?;
    let notices = Notices::new(aws_sdk_sns::Client::new(&sdk), topic, environment.get("LINK_BASE")?);
    let notify = Notify { notices };
    pingan_runtime::serve_stream(async |event| Ok(notify.handle(event).await)).await
}
