//! The bundle as a process of its own, so that a test can kill it in the middle of its work and start it again.

#[tokio::main]
async fn main() -> std::process::ExitCode {
    pingan_local::cli::main().await
}
