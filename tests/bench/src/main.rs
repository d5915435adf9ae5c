//! `cargo bench-bundle`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    pingan_bench::cli::main().await
}
