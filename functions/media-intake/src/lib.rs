//! Looks at every uploaded object and says whether it is what it claims to be.
//!
//! Only what was announced, has the announced bytes, reads as the announced type and was
//! found clean by the malware scan becomes `ready`; everything else is `refused` with a
//! reason, and nothing in between is ever attached. The original is then sealed under its
//! hash, and a clean copy stands beside it for reviewers.
//!
//! Every step can be done again: objects have the same keys and bytes each time, and the
//! first verdict stands. So an event that comes twice changes nothing, and a run that is
//! killed half-way is simply repeated. Of two events, that of the upload and that of the
//! scan, the later one does the work.

mod environment;
mod look;

use std::{sync::Arc, time::Duration};

use aws_lambda_events::event::s3::{S3Event, S3EventRecord};
use pingan_cloud::{MediaStore, Scanner, Verdict};
use pingan_domain::{
    Timestamp,
    error::Error,
    media::{Checked, CopyOf, Media, MediaId, MediaKind, MediaRefusal, MediaState, Seen, judge},
};
use pingan_inspect::CopyFile;
use pingan_store::Key;
use pingan_workflow::Workflow;
use tokio::sync::Semaphore;

/// How long an event may be ahead of the record of its slot, in seconds: less than the three
/// minutes after which Lambda tries an event for the last time.
const RECORD_SECONDS: i64 = 120;
/// How many pictures one process decodes at the same time: each may need half a gigabyte.
const DECODING_AT_ONCE: usize = 1;
/// How long decoding may take, in seconds. The largest picture takes three.
const DECODING_SECONDS: u64 = 60;

/// What this function needs.
#[derive(Debug, Clone)]
pub struct Intake {
    /// The records.
    pub workflow: Workflow,
    /// The bucket.
    pub media: MediaStore,
    /// Whose verdict an upload waits for.
    pub scanner: Scanner,
    decoding: Arc<Semaphore>,
}

/// What became of an upload that was looked at.
enum Outcome {
    /// It was judged.
    Judged(Result<Checked, MediaRefusal>),
    /// It is not there any more, or another one: whoever changed that has seen to it.
    Gone,
}

impl Intake {
    /// An intake over these.
    pub fn new(workflow: Workflow, media: MediaStore, scanner: Scanner) -> Self {
        Self { workflow, media, scanner, decoding: Arc::new(Semaphore::new(DECODING_AT_ONCE)) }
    }

    /// Takes in every object of an event.
    pub async fn handle(&self, event: S3Event) -> Result<(), Error> {
        for record in event.records {
            let Some(id) = object_of(&record) else {
                // Only uploads make events; anything else was put there by an operator.
                tracing::warn!(media.event = "not an upload");
                continue;
            };
            self.take_in(id, &record).await?;
        }
        Ok(())
    }

    async fn take_in(&self, id: MediaId, record: &S3EventRecord) -> Result<(), Error> {
        let Some(media) = self.workflow.store.load([Key::Media(id)]).await?.media(id)? else {
            return self.without_record(id, record).await;
        };
        if media.state != MediaState::Pending {
            // A run that was killed after its verdict, or an upload that was sent once more.
            return self.media.delete_upload(id).await;
        }
        if self.workflow.world.now() >= media.ends_at() {
            // The record is about to go, and its objects with it.
            return Ok(());
        }
        let judged = match self.scanner.verdict(&self.media, id).await? {
            Verdict::Waiting => return Ok(()),
            Verdict::Infected => Outcome::Judged(Err(MediaRefusal::Malware)),
            Verdict::Unjudged => Outcome::Judged(Err(MediaRefusal::Unscannable)),
            Verdict::Clean => self.look(&media).await?,
        };
        let Outcome::Judged(judged) = judged else { return Ok(()) };
        let verdict = match judged {
            Ok(checked) => MediaState::Ready(checked),
            Err(reason) => MediaState::Refused { reason },
        };
        let first = self.workflow.store.judge_media(id, &verdict).await?;
        let reason = if let MediaState::Refused { reason } = verdict { Some(reason) } else { None };
        tracing::info!(media.id = %id, media.first_verdict = first, media.refused = ?reason);
        self.media.delete_upload(id).await
    }

    /// The record is written before an upload is signed, so that an object without one was
    /// announced long ago and its slot has ended. A young one is given the benefit of the
    /// doubt, and looked at again.
    async fn without_record(&self, id: MediaId, record: &S3EventRecord) -> Result<(), Error> {
        // Events go by the machine's own clock, as S3 does.
        let age = Timestamp::now().as_second() - record.event_time.timestamp();
        if age < RECORD_SECONDS {
            return Err(Error::Busy { retry_after_seconds: 1 });
        }
        tracing::warn!(media.id = %id, media.event = "no record");
        self.media.delete_upload(id).await
    }

    async fn look(&self, media: &Media) -> Result<Outcome, Error> {
        match media.announced.content_type.kind() {
            MediaKind::Image | MediaKind::Voice => self.look_whole(media).await,
            MediaKind::Video => self.look_flowing(media).await,
        }
    }

    /// Pictures and voice are small enough to be held whole.
    async fn look_whole(&self, media: &Media) -> Result<Outcome, Error> {
        // What waits for its turn holds no bytes yet.
        let turn = self.decoding.acquire().await.map_err(|error| Error::Internal(error.to_string()))?;
        let Some(mut upload) = self.media.read_upload(media.id, None).await? else { return Ok(Outcome::Gone) };
        let etag = upload.etag.clone();
        if upload.size_bytes != media.announced.size_bytes {
            return Ok(Outcome::Judged(Err(MediaRefusal::WrongSize)));
        }
        let bytes = look::whole(&mut upload).await?;
        let (announced, limits) = (media.announced.clone(), self.workflow.media_limits);
        // Decoding is work for a thread that nobody else waits on.
        let looked = tokio::task::spawn_blocking(move || {
            let found = look::found(&bytes);
            judge(&announced, &found, &limits)?;
            let real = found.seen.content_type.unwrap_or(announced.content_type);
            Ok((found.seen, pingan_inspect::clean(&bytes, real)?))
        });
        let looked = match tokio::time::timeout(Duration::from_secs(DECODING_SECONDS), looked).await {
            Ok(Ok(looked)) => looked,
            // A library's panic is the file's fault and not ours, and so is work without end.
            Ok(Err(error)) if error.is_panic() => Err(MediaRefusal::Damaged),
            Ok(Err(_)) => return Err(Error::Busy { retry_after_seconds: 1 }),
            Err(_) => Err(MediaRefusal::Damaged),
        };
        drop(turn);
        let (seen, copies) = match looked {
            Ok(looked) => looked,
            Err(reason) => return Ok(Outcome::Judged(Err(reason))),
        };
        let working = self.put(Media::working_key(media.id), copies.working).await?;
        let thumbnail = self.put(Media::thumbnail_key(media.id), copies.thumbnail).await?;
        self.seal(media, etag.as_deref(), &seen, working, thumbnail).await
    }

    async fn put(&self, key: String, copy: Option<CopyFile>) -> Result<Option<CopyOf>, Error> {
        let Some(CopyFile { content_type, bytes }) = copy else { return Ok(None) };
        let of = CopyOf { content_type, size_bytes: bytes.len() as u64 };
        self.media.put_copy(key, of, bytes).await?;
        Ok(Some(of))
    }

    /// A video is looked at while it flows by, and its copy is written while it flows by again.
    async fn look_flowing(&self, media: &Media) -> Result<Outcome, Error> {
        let Some(mut upload) = self.media.read_upload(media.id, None).await? else { return Ok(Outcome::Gone) };
        let etag = upload.etag.clone();
        if upload.size_bytes != media.announced.size_bytes {
            return Ok(Outcome::Judged(Err(MediaRefusal::WrongSize)));
        }
        let (found, edits) = look::flowing(&mut upload).await?;
        if let Err(reason) = judge(&media.announced, &found, &self.workflow.media_limits) {
            return Ok(Outcome::Judged(Err(reason)));
        }
        let Some(again) = self.media.read_upload(media.id, etag.as_deref()).await? else { return Ok(Outcome::Gone) };
        let working = CopyOf { content_type: media.announced.content_type, size_bytes: found.size_bytes };
        let edit = |offset, piece: &mut [u8]| edits.apply(offset, piece);
        self.media.put_edited(Media::working_key(media.id), working, again, edit).await?;
        self.seal(media, etag.as_deref(), &found.seen, Some(working), None).await
    }

    /// Keeps the original, once its copies stand, and gives what was found out and made.
    async fn seal(
        &self,
        media: &Media,
        etag: Option<&str>,
        seen: &Seen,
        working: Option<CopyOf>,
        thumbnail: Option<CopyOf>,
    ) -> Result<Outcome, Error> {
        if !self.media.seal(media.id, media.announced.sha256, etag).await? {
            return Ok(Outcome::Gone);
        }
        Ok(Outcome::Judged(Ok(Checked {
            width_pixels: seen.width_pixels,
            height_pixels: seen.height_pixels,
            duration_ms: seen.duration_ms,
            working,
            thumbnail,
            checked_at: self.workflow.world.now(),
        })))
    }
}

fn object_of(record: &S3EventRecord) -> Option<MediaId> {
    // The key of an upload has no character that S3 would have to encode.
    Media::id_of_upload_key(record.s3.object.key.as_deref()?)
}
