//! Slots: an upload is announced, sent in one request or in parts, and judged.

use std::collections::BTreeMap;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use pingan_cloud::media::{ArrivedPart, UPLOAD_SECONDS, Upload};
use pingan_domain::{
    Timestamp,
    command::CommandId,
    error::{Error, Refusal},
    hash::Digest,
    media::{Announced, Media, MediaId, MediaKind, MediaRefusal, MediaState, MediaType, Parts},
    member::{MemberId, Role},
};
use pingan_http::{Body, IdempotencyKey, MediaPath, Problem, Subject, schema};
use pingan_store::Key;
use pingan_workflow::views::{CheckedView, TextView};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{MediaFunction, no_store, seconds_from_now};

/// How many parts are signed at once: more than a phone sends within the time that a
/// signature holds on a bad connection, and few enough for a small answer.
const SIGNED_AT_ONCE: usize = 20;
/// How often another upload in parts is begun in the place of one that is gone.
const MAX_RESTARTS: usize = 3;

/// What is going to be uploaded.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "kind": "image",
    "content_type": "image/jpeg",
    "size_bytes": 482_113,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
}))]
pub(crate) struct AnnounceBody {
    /// What it is; checked against the content type when it is said.
    #[serde(default)]
    #[schema(schema_with = schema::media_kind, required = false)]
    kind: Option<MediaKind>,
    /// Its type. The bytes will be checked against it.
    #[schema(schema_with = schema::media_type)]
    content_type: MediaType,
    /// Its exact size in bytes. The most is what the deployment says for its kind: 20 MiB for a
    /// picture, 500 MiB for a video, 30 MiB for voice, unless it says otherwise.
    #[schema(minimum = 1)]
    size_bytes: u64,
    /// Its SHA-256.
    #[schema(schema_with = schema::sha256)]
    sha256: Digest,
}

/// A signed request, to be sent exactly so.
#[derive(Debug, Serialize, ToSchema)]
struct SignedRequest {
    /// The method.
    #[schema(example = "PUT")]
    method: String,
    /// The address.
    url: String,
    /// The headers; all are needed, with these values.
    headers: BTreeMap<String, String>,
    /// When the request stops being valid. Ask for another one then.
    #[schema(schema_with = schema::moment)]
    expires_at: Timestamp,
}

impl From<Upload> for SignedRequest {
    fn from(upload: Upload) -> Self {
        let expires_at = seconds_from_now(UPLOAD_SECONDS);
        Self { method: upload.method, url: upload.url, headers: upload.headers, expires_at }
    }
}

/// A part that has not arrived.
#[derive(Debug, Serialize, ToSchema)]
struct MissingPart {
    /// Its number, from 1.
    number: u32,
    /// Where in the file it begins.
    offset_bytes: u64,
    /// How long it is.
    size_bytes: u64,
    /// How to send it.
    #[serde(flatten)]
    request: SignedRequest,
}

/// How to upload, or how to go on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "how", rename_all = "snake_case")]
enum UploadView {
    /// The whole file in one request.
    Whole(SignedRequest),
    /// The file in parts, in any order, several at a time if you like. When none is missing,
    /// say so by `PUT /media/{media_id}/upload`.
    Parts(PartsView),
}

/// An upload in parts.
#[derive(Debug, Serialize, ToSchema)]
struct PartsView {
    /// How many parts there are.
    count: u32,
    /// The numbers of those that have arrived.
    arrived: Vec<u32>,
    /// The first of those that have not: at most 20. Read again for more.
    missing: Vec<MissingPart>,
}

/// A medium that was announced.
#[derive(Debug, Serialize, ToSchema)]
struct MediaStatus {
    /// Its id: what a report names to have it.
    id: Uuid,
    /// `pending` until the upload was looked at, then `ready` or `refused`.
    #[schema(example = "ready")]
    state: &'static str,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::media_refusal)]
    reason: Option<MediaRefusal>,
    /// The same for people, with what to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason_text: Option<TextView>,
    /// What it is.
    #[schema(schema_with = schema::media_kind)]
    kind: MediaKind,
    /// Its type.
    #[schema(schema_with = schema::media_type)]
    content_type: MediaType,
    /// Its size in bytes.
    size_bytes: u64,
    /// Its SHA-256.
    #[schema(schema_with = schema::sha256)]
    sha256: Digest,
    /// What the intake found out and made.
    #[serde(flatten)]
    checked: CheckedView,
    /// When the slot ends and all of it goes, unless a report takes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::moment)]
    expires_at: Option<Timestamp>,
    /// How to upload it, while it is pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    upload: Option<UploadView>,
}

impl MediaStatus {
    fn new(media: &Media, upload: Option<UploadView>) -> Self {
        let (state, reason, checked) = match &media.state {
            MediaState::Pending => ("pending", None, CheckedView::default()),
            MediaState::Ready(checked) => ("ready", None, checked.into()),
            MediaState::Refused { reason } => ("refused", Some(*reason), CheckedView::default()),
        };
        Self {
            id: media.id,
            state,
            reason,
            reason_text: reason.map(|reason| reason.text().into()),
            kind: media.announced.content_type.kind(),
            content_type: media.announced.content_type,
            size_bytes: media.announced.size_bytes,
            sha256: media.announced.sha256,
            checked,
            expires_at: (!media.is_taken()).then(|| media.ends_at()),
            upload,
        }
    }
}

/// Announces an upload, and gets a slot for it with the signed request, or for a large video
/// the signed requests of its parts.
#[utoipa::path(
    post,
    path = "/media",
    params(("Idempotency-Key" = String, Header, description = "A UUID for this medium, the same with each retry")),
    request_body = AnnounceBody,
    responses(
        (status = 201, description = "Announced; send the upload as it says", body = MediaStatus),
        (status = 409, description = "The slot of this key has ended without a report: announce it under a new key"),
        (status = 422, description = "The key was used for another request"),
    ),
)]
pub(crate) async fn announce_media(
    State(function): State<MediaFunction>,
    Subject(owner): Subject,
    IdempotencyKey(key): IdempotencyKey,
    Body(body): Body<AnnounceBody>,
) -> Result<Response, Problem> {
    let announced = Announced { content_type: body.content_type, size_bytes: body.size_bytes, sha256: body.sha256 };
    announced.validate(body.kind, &function.workflow.media_limits)?;
    let slot = function.announce(&owner, key, announced).await?;
    let upload = function.upload_of(&slot.media, slot.new).await?;
    let media = slot.media;
    Ok((StatusCode::CREATED, no_store(), axum::Json(MediaStatus::new(&media, upload))).into_response())
}

/// What has become of a medium of yours.
#[utoipa::path(
    get,
    path = "/media/{media_id}",
    params(("media_id" = String, Path, description = "The medium's id")),
    responses(
        (status = 200, description = "The medium", body = MediaStatus),
        (status = 404, description = "None of yours has this id"),
    ),
)]
pub(crate) async fn read_media(
    State(function): State<MediaFunction>,
    Subject(reader): Subject,
    MediaPath(id): MediaPath,
) -> Result<Response, Problem> {
    let media = function.own(&reader, id).await?;
    Ok((no_store(), axum::Json(MediaStatus::new(&media, None))).into_response())
}

/// How to go on with an upload that was interrupted: what has arrived, and new signed requests
/// for what is missing.
#[utoipa::path(
    get,
    path = "/media/{media_id}/upload",
    params(("media_id" = String, Path, description = "The medium's id")),
    responses(
        (status = 200, description = "The medium; while it is pending, with how to upload it", body = MediaStatus),
        (status = 404, description = "None of yours has this id"),
        (status = 409, description = "Its slot has ended: announce it anew"),
    ),
)]
pub(crate) async fn continue_upload(
    State(function): State<MediaFunction>,
    Subject(reader): Subject,
    MediaPath(id): MediaPath,
) -> Result<Response, Problem> {
    let media = function.own(&reader, id).await?;
    let upload = function.upload_of(&media, false).await?;
    Ok((no_store(), axum::Json(MediaStatus::new(&media, upload))).into_response())
}

/// Says that all parts of an upload were sent. Repeat it as often as you like; an upload in
/// one request needs no such word.
#[utoipa::path(
    put,
    path = "/media/{media_id}/upload",
    params(("media_id" = String, Path, description = "The medium's id")),
    responses(
        (status = 200, description = "All of it has arrived; it is looked at now", body = MediaStatus),
        (status = 404, description = "None of yours has this id"),
        (status = 409, description = "Parts are missing: read which ones, send them, and say it again; or its slot has ended"),
    ),
)]
pub(crate) async fn complete_upload(
    State(function): State<MediaFunction>,
    Subject(reader): Subject,
    MediaPath(id): MediaPath,
) -> Result<Response, Problem> {
    let media = function.own(&reader, id).await?;
    function.complete(&media).await?;
    Ok((no_store(), axum::Json(MediaStatus::new(&media, None))).into_response())
}

/// A slot, and whether it was made just now.
struct Slot {
    media: Media,
    new: bool,
}

/// Where an upload in parts stands.
enum Progress {
    /// It goes on under this name, and these parts have arrived.
    Open(String, Vec<ArrivedPart>),
    /// It was put together, and waits for the intake.
    Complete,
}

impl MediaFunction {
    /// The slot of this key: the one there is, or a new one.
    async fn announce(&self, owner: &MemberId, key: Uuid, announced: Announced) -> Result<Slot, Error> {
        let id = CommandId::new(owner, key).media_id();
        let loaded = self.workflow.store.load([Key::Member(owner.clone()), Key::Media(id)]).await?;
        let owner = loaded.actor(owner)?.acting_as(Role::Reporter)?.id;
        if let Some(media) = loaded.media(id)?.filter(|media| media.owner == owner) {
            return if media.announced == announced { Ok(Slot { media, new: false }) } else { Err(Error::KeyReused) };
        }
        let multipart = match announced.parts() {
            Some(_) => Some(self.media.begin_parts(id, &announced).await?),
            None => None,
        };
        let created_at = self.workflow.world.now();
        let media =
            Media { id, owner, announced, state: MediaState::Pending, created_at, multipart, report: None, task: None };
        let kept = self.workflow.store.announce_media(&media).await?;
        if let Some(begun) = media.multipart.filter(|begun| kept.multipart.as_ref() != Some(begun)) {
            // The same announcement was faster, twice in the same moment.
            self.media.abort_parts(&Media::upload_key(id), &begun).await?;
        }
        Ok(Slot { media: kept, new: true })
    }

    async fn own(&self, reader: &MemberId, id: MediaId) -> Result<Media, Error> {
        let loaded = self.workflow.store.load([Key::Member(reader.clone()), Key::Media(id)]).await?;
        let reader = loaded.actor(reader)?.acting_as(Role::Reporter)?;
        loaded.media(id)?.filter(|media| media.owner == reader.id).ok_or(Error::NotFound)
    }

    /// How a pending medium is uploaded; none when nothing is left to be sent. Of a new one
    /// nothing can have arrived.
    async fn upload_of(&self, media: &Media, new: bool) -> Result<Option<UploadView>, Error> {
        if media.state != MediaState::Pending {
            return Ok(None);
        }
        self.still_open(media)?;
        let Some((parts, upload)) = media.announced.parts().zip(media.multipart.as_deref()) else {
            if !new && self.media.has_upload(media.id).await? {
                return Ok(None);
            }
            let upload = self.media.sign_upload(media.id, &media.announced).await?;
            return Ok(Some(UploadView::Whole(upload.into())));
        };
        match self.progress(media, parts, upload).await? {
            Progress::Complete => Ok(None),
            Progress::Open(upload, arrived) => {
                let missing = missing(parts, &arrived).into_iter().take(SIGNED_AT_ONCE);
                let mut signed = Vec::new();
                for (number, offset_bytes, size_bytes) in missing {
                    let request = self.media.sign_part(media.id, &upload, number, size_bytes).await?.into();
                    signed.push(MissingPart { number, offset_bytes, size_bytes, request });
                }
                let arrived = arrived.iter().map(|part| part.number).collect();
                Ok(Some(UploadView::Parts(PartsView { count: parts.count(), arrived, missing: signed })))
            }
        }
    }

    async fn complete(&self, media: &Media) -> Result<(), Error> {
        if media.state != MediaState::Pending {
            return Ok(());
        }
        self.still_open(media)?;
        let Some((parts, upload)) = media.announced.parts().zip(media.multipart.as_deref()) else {
            let there = self.media.has_upload(media.id).await? || !self.still_pending(media.id).await?;
            return if there { Ok(()) } else { Err(Refusal::UploadIncomplete.into()) };
        };
        match self.progress(media, parts, upload).await? {
            Progress::Complete => Ok(()),
            Progress::Open(_, arrived) if !missing(parts, &arrived).is_empty() => Err(Refusal::UploadIncomplete.into()),
            Progress::Open(upload, arrived) => {
                // When it is gone in this moment, another call has completed it.
                self.media.complete_parts(media.id, &upload, &arrived).await.map(drop)
            }
        }
    }

    /// Whether no verdict has come in the meantime. With the verdict the upload is cleared away.
    async fn still_pending(&self, id: MediaId) -> Result<bool, Error> {
        let media = self.workflow.store.load([Key::Media(id)]).await?.media(id)?.ok_or(Error::NotFound)?;
        Ok(media.state == MediaState::Pending)
    }

    /// A slot that has ended is as good as gone, even if its record still stands.
    fn still_open(&self, media: &Media) -> Result<(), Error> {
        if self.workflow.world.now() < media.ends_at() { Ok(()) } else { Err(Refusal::SlotEnded.into()) }
    }

    /// Where an upload in parts stands. One that was given up begins anew.
    async fn progress(&self, media: &Media, parts: Parts, upload: &str) -> Result<Progress, Error> {
        let mut upload = upload.to_owned();
        for _ in 0..MAX_RESTARTS {
            if let Some(mut arrived) = self.media.arrived_parts(media.id, &upload).await? {
                // A part of another length is none of ours: it is sent again.
                arrived.retain(|part| parts.range(part.number).is_some_and(|(_, size)| size == part.size_bytes));
                return Ok(Progress::Open(upload, arrived));
            }
            let store = &self.workflow.store;
            let current = store.load([Key::Media(media.id)]).await?.media(media.id)?.ok_or(Error::NotFound)?;
            if current.state != MediaState::Pending || self.media.has_upload(media.id).await? {
                return Ok(Progress::Complete);
            }
            match current.multipart {
                Some(other) if other != upload => upload = other,
                _ => {
                    let new = self.media.begin_parts(media.id, &media.announced).await?;
                    if !store.replace_multipart(media.id, &upload, &new).await? {
                        self.media.abort_parts(&Media::upload_key(media.id), &new).await?;
                    }
                    // Whoever was faster, the record names the one that goes on.
                }
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }
}

/// The parts that have not arrived: number, offset and size in bytes.
fn missing(parts: Parts, arrived: &[ArrivedPart]) -> Vec<(u32, u64, u64)> {
    (1..=parts.count())
        .filter(|number| arrived.iter().all(|part| part.number != *number))
        .filter_map(|number| parts.range(number).map(|(offset, size)| (number, offset, size)))
        .collect()
}
