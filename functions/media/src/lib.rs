//! Media of phones and consoles: announcing an upload, its verdict, and links for
//! reviewers. The bytes themselves never pass through a function.

use std::collections::BTreeMap;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use jiff::{SignedDuration, Timestamp};
use pingan_cloud::{
    MediaStore,
    media::{LINK_SECONDS, UPLOAD_SECONDS},
};
use pingan_domain::{
    command::CommandId,
    error::Error,
    hash::Digest,
    media::{Announced, Media, MediaRefusal, MediaState, MediaType},
    member::Role,
};
use pingan_http::{Body, IdempotencyKey, MediaPath, Problem, ReportPath, Subject, openapi, schema};
use pingan_store::Key;
use pingan_workflow::Workflow;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

/// What this function needs.
#[derive(Debug, Clone)]
pub struct MediaFunction {
    /// The records.
    pub workflow: Workflow,
    /// The bucket.
    pub media: MediaStore,
}

/// The operations of this function.
pub fn router(state: MediaFunction) -> OpenApiRouter {
    let operations = OpenApiRouter::new()
        .routes(routes!(announce_media))
        .routes(routes!(read_media))
        .routes(routes!(link_media))
        .with_state(state);
    openapi::finish("media", operations)
}

/// What is going to be uploaded.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "content_type": "image/jpeg",
    "size_bytes": 482_113,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
}))]
struct AnnounceBody {
    /// Its type. The bytes will be checked against it.
    #[schema(schema_with = schema::media_type)]
    content_type: MediaType,
    /// Its exact size in bytes; at most 20 MiB.
    #[schema(minimum = 1, maximum = 20_971_520)]
    size_bytes: u64,
    /// Its SHA-256.
    #[schema(schema_with = schema::sha256)]
    sha256: Digest,
}

/// A signed request, to be sent exactly so.
#[derive(Debug, Serialize, ToSchema)]
struct UploadView {
    /// The method.
    #[schema(example = "PUT")]
    method: String,
    /// The address.
    url: String,
    /// The headers; all are needed, with these values.
    headers: BTreeMap<String, String>,
    /// When the request stops being valid.
    #[schema(schema_with = schema::moment)]
    expires_at: Timestamp,
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
    /// Its type.
    #[schema(schema_with = schema::media_type)]
    content_type: MediaType,
    /// Its size in bytes.
    size_bytes: u64,
    /// Its SHA-256.
    #[schema(schema_with = schema::sha256)]
    sha256: Digest,
    /// How to upload it, while it is pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    upload: Option<UploadView>,
}

impl MediaStatus {
    fn new(media: &Media, upload: Option<UploadView>) -> Self {
        let (state, reason) = match media.state {
            MediaState::Pending => ("pending", None),
            MediaState::Ready { .. } => ("ready", None),
            MediaState::Refused { reason } => ("refused", Some(reason)),
        };
        Self {
            id: media.id,
            state,
            reason,
            content_type: media.announced.content_type,
            size_bytes: media.announced.size_bytes,
            sha256: media.announced.sha256,
            upload,
        }
    }
}

/// Announces an upload and gets the signed request for it.
#[utoipa::path(
    post,
    path = "/media",
    params(("Idempotency-Key" = String, Header, description = "A UUID for this medium, the same with each retry")),
    request_body = AnnounceBody,
    responses(
        (status = 201, description = "Announced; send the upload as it says", body = MediaStatus),
        (status = 422, description = "The key was used for another request"),
    ),
)]
async fn announce_media(
    State(function): State<MediaFunction>,
    Subject(owner): Subject,
    IdempotencyKey(key): IdempotencyKey,
    Body(body): Body<AnnounceBody>,
) -> Result<Response, Problem> {
    let announced = Announced { content_type: body.content_type, size_bytes: body.size_bytes, sha256: body.sha256 };
    announced.validate()?;
    let owner = function.workflow.member(&owner, Role::Reporter).await?;
    let media = Media {
        id: CommandId::new(&owner.id, key).media_id(),
        owner: owner.id,
        announced,
        state: MediaState::Pending,
        created_at: function.workflow.world.now(),
        report: None,
    };
    let media = function.workflow.store.announce_media(&media).await?;
    let upload = match media.state {
        MediaState::Pending => Some(function.sign_upload(&media).await?),
        MediaState::Ready { .. } | MediaState::Refused { .. } => None,
    };
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
async fn read_media(
    State(function): State<MediaFunction>,
    Subject(reader): Subject,
    MediaPath(id): MediaPath,
) -> Result<Response, Problem> {
    let loaded = function.workflow.store.load([Key::Member(reader.clone()), Key::Media(id)]).await?;
    let reader = loaded.actor(&reader)?.acting_as(Role::Reporter)?;
    let media = loaded.media(id)?.filter(|media| media.owner == reader.id).ok_or(Error::NotFound)?;
    Ok((no_store(), axum::Json(MediaStatus::new(&media, None))).into_response())
}

/// A link to a medium of a report.
#[derive(Debug, Serialize, ToSchema)]
struct LinkView {
    /// The address. It answers with the medium as an attachment.
    url: String,
    /// When it stops being valid.
    #[schema(schema_with = schema::moment)]
    expires_at: Timestamp,
}

/// Opens a medium of a report in your territory, by a link that is valid for five minutes.
/// That you opened it is written down in the report's audit trail.
#[utoipa::path(
    get,
    path = "/reports/{report_id}/media/{media_id}/link",
    params(
        ("report_id" = String, Path, description = "The report's code"),
        ("media_id" = String, Path, description = "The medium's id"),
    ),
    responses(
        (status = 200, description = "The link", body = LinkView),
        (status = 404, description = "No report in your territory has this medium"),
    ),
)]
async fn link_media(
    State(function): State<MediaFunction>,
    Subject(reader): Subject,
    ReportPath(report): ReportPath,
    MediaPath(id): MediaPath,
) -> Result<Response, Problem> {
    let media = function.workflow.open_media(&reader, report, id).await?;
    let url = function.media.sign_link(&media).await?.0;
    Ok((no_store(), axum::Json(LinkView { url, expires_at: seconds_from_now(LINK_SECONDS) })).into_response())
}

impl MediaFunction {
    async fn sign_upload(&self, media: &Media) -> Result<UploadView, Error> {
        let upload = self.media.sign_upload(media.id, &media.announced).await?;
        Ok(UploadView {
            method: upload.method,
            url: upload.url,
            headers: upload.headers,
            expires_at: seconds_from_now(UPLOAD_SECONDS),
        })
    }
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
