//! Runs the function on AWS Lambda.

use pingan_runtime::{Environment, Failure};
use webhook::WebhookSender;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    pingan_runtime::start_log();
    let sdk = pingan_runtime::sdk(Environment)?;
    let sender = WebhookSender::from_environment(Environment, &sdk)?;
    let stream = async |event| Ok(sender.handle(event).await);
    pingan_runtime::serve_stream_and_moments(stream, async |due| Ok(sender.come(&due).await?)).await
}
