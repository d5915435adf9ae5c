//! Looks at every uploaded object and says whether it is what it claims to be.
//!
//! Only what was announced, has the announced bytes and reads as the announced type
//! becomes `ready`; everything else is `refused` with a reason, and nothing in between is
//! ever attached. The first verdict stands, so that an event that comes twice changes
//! nothing.

use std::io::Cursor;

use aws_lambda_events::event::s3::{S3Event, S3EventRecord};
use image::{ImageFormat, ImageReader};
use pingan_cloud::{MediaStore, media::Uploaded};
use pingan_domain::{
    error::Error,
    hash::Digest,
    media::{Found, Media, MediaId, MediaRefusal, MediaState, MediaType, judge},
};
use pingan_store::Key;
use pingan_workflow::Workflow;

/// What this function needs.
#[derive(Debug, Clone)]
pub struct Intake {
    /// The records.
    pub workflow: Workflow,
    /// The bucket.
    pub media: MediaStore,
}

impl Intake {
    /// Takes in every object of an event.
    pub async fn handle(&self, event: S3Event) -> Result<(), Error> {
        for record in event.records {
            let Some(id) = object_of(&record) else {
                // Only uploads make events; anything else was put there by an operator.
                tracing::warn!(media.event = "not an upload");
                continue;
            };
            self.take_in(id).await?;
        }
        Ok(())
    }

    async fn take_in(&self, id: MediaId) -> Result<(), Error> {
        let Some(media) = self.workflow.store.load([Key::Media(id)]).await?.media(id)? else {
            // The record is written before the upload is signed, so that an object
            // without one was announced long ago and has expired.
            tracing::warn!(media.id = %id, media.event = "no record");
            return Ok(());
        };
        if media.state != MediaState::Pending {
            return Ok(());
        }
        let verdict = match self.media.read(id).await? {
            Uploaded::Missing => return Ok(()),
            Uploaded::TooLarge(_) => MediaState::Refused { reason: MediaRefusal::WrongSize },
            Uploaded::Bytes(bytes) => judge(&media.announced, &look_at(&bytes), self.workflow.world.now()),
        };
        let first = self.workflow.store.judge_media(id, &verdict).await?;
        tracing::info!(media.id = %id, media.first_verdict = first, media.ready = matches!(verdict, MediaState::Ready { .. }));
        Ok(())
    }
}

fn object_of(record: &S3EventRecord) -> Option<MediaId> {
    // The key of an upload has no character that S3 would have to encode.
    Media::id_of_object_key(record.s3.object.key.as_deref()?)
}

/// What the bytes say of themselves. Nothing is decoded but the header.
fn look_at(bytes: &[u8]) -> Found {
    let format = image::guess_format(bytes).ok();
    let pixels = format.and_then(|format| ImageReader::with_format(Cursor::new(bytes), format).into_dimensions().ok());
    let content_type = match format {
        Some(ImageFormat::Jpeg) => Some(MediaType::Jpeg),
        Some(ImageFormat::Png) => Some(MediaType::Png),
        Some(ImageFormat::WebP) => Some(MediaType::Webp),
        _ => None,
    };
    Found { content_type, size_bytes: bytes.len() as u64, sha256: Digest::of_file(bytes), pixels }
}
