//! Media of phones and consoles: slots for uploads, their verdicts, and links for reviewers.
//! The bytes themselves never pass through a function.
//!
//! | to change … | go to |
//! |---|---|
//! | what a phone is told of the limits before it records | [`limits`] |
//! | announcing, uploading in one request or in parts, going on after a break | [`slots`] |
//! | links to the clean copy, the thumbnail and the sealed original | [`links`] |

mod limits;
mod links;
mod slots;

use axum::http::header;
use jiff::{SignedDuration, Timestamp};
use pingan_cloud::MediaStore;
use pingan_http::{Operations, operations, routes};
use pingan_workflow::Workflow;

/// What this function needs.
#[derive(Debug, Clone)]
pub struct MediaFunction {
    /// The records.
    pub workflow: Workflow,
    /// The bucket.
    pub media: MediaStore,
}

/// The operations of this function.
pub fn router(state: MediaFunction) -> Operations {
    let operations = Operations::new()
        .routes(routes!(limits::read_limits))
        .routes(routes!(slots::announce_media))
        .routes(routes!(slots::read_media))
        .routes(routes!(slots::continue_upload, slots::complete_upload))
        .routes(routes!(links::link_media))
        .routes(routes!(links::link_answer_media))
        .routes(routes!(links::link_handover_media))
        .routes(routes!(links::open_original))
        .with_state(state);
    operations::finish("media", operations)
}

/// Signatures go by the machine's own clock, as S3 does.
fn seconds_from_now(seconds: u64) -> Timestamp {
    let now = Timestamp::now();
    let seconds = i64::try_from(seconds).unwrap_or(0);
    Timestamp::from_second(now.as_second())
        .unwrap_or(now)
        .checked_add(SignedDuration::from_secs(seconds))
        .unwrap_or(now)
}

fn no_store() -> [(header::HeaderName, &'static str); 1] {
    [(header::CACHE_CONTROL, "no-store")]
}
