//! A function of the bundle that panics at its first call, for the proof that a panic tells nothing and costs one
//! call only: had it ended the process, the next call would meet a first call again.

use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use pingan_http::MemberClaim;
use pingan_runtime::Failure;

static HAS_PANICKED: AtomicBool = AtomicBool::new(false);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    pingan_runtime::start_log();
    pingan_runtime::serve_http(pingan_http::function(Router::new().fallback(panics_once), MemberClaim::default())).await
}

#[expect(clippy::panic, reason = "this is what the program is for")]
async fn panics_once() -> &'static str {
    if HAS_PANICKED.swap(true, Ordering::SeqCst) { "works" } else { panic!("a secret of the house") }
}
