//! Runs the function on AWS Lambda.

use deadlines::Deadlines;
use pingan_runtime::{Environment, Failure};
use pingan_workflow::Workflow;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    pingan_runtime::start_log();
    let sdk = pingan_runtime::sdk(Environment)?;
    let deadlines = Deadlines { workflow: Workflow::from_environment(Environment, &sdk)? };
    pingan_runtime::serve_events(async |start| deadlines.handle(start).await).await
}
