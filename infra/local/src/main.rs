//! `cargo dev`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    pingan_local::cli::main().await
}
