//! Links to what reviewers may open of a medium.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use pingan_cloud::media::LINK_SECONDS;
use pingan_domain::{
    Timestamp,
    error::Error,
    media::{MediaId, MediaRef, MediaType, Rendition},
};
use pingan_http::{
    Body, HandoverPath, IdempotencyKey, MediaPath, Problem, Query, ReportPath, Subject, TaskPath, schema,
};
use pingan_workflow::reading::OpenOriginal;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{MediaFunction, no_store, seconds_from_now};

/// A link to a medium of a report.
#[derive(Debug, Serialize, ToSchema)]
struct LinkView {
    /// The address. It answers with the medium as an attachment, or by `Range` with a part of it.
    url: String,
    /// Its type.
    #[schema(schema_with = schema::media_type)]
    content_type: MediaType,
    /// Its size in bytes.
    size_bytes: u64,
    /// When it stops being valid.
    #[schema(schema_with = schema::moment)]
    expires_at: Timestamp,
}

/// Which copy to open.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkQuery {
    /// The thumbnail instead of the working copy.
    #[serde(default)]
    #[param(required = false)]
    thumbnail: bool,
}

/// Opens the clean copy of a medium of a report in your territory, or its thumbnail, by a
/// link that is valid for five minutes. That you opened it is written down in the report's
/// audit trail.
#[utoipa::path(
    get,
    path = "/reports/{report_id}/media/{media_id}/link",
    params(
        ("report_id" = String, Path, description = "The report's code"),
        ("media_id" = String, Path, description = "The medium's id"),
        LinkQuery,
    ),
    responses(
        (status = 200, description = "The link", body = LinkView),
        (status = 404, description = "No report in your territory has this medium, or it has no such copy"),
    ),
)]
pub(crate) async fn link_media(
    State(function): State<MediaFunction>,
    Subject(reader): Subject,
    ReportPath(report): ReportPath,
    MediaPath(id): MediaPath,
    Query(query): Query<LinkQuery>,
) -> Result<Response, Problem> {
    let rendition = if query.thumbnail { Rendition::Thumbnail } else { Rendition::Working };
    let media = function.workflow.open_media(&reader, report, id, rendition).await?;
    function.link(id, &media, rendition).await
}

/// Opens a picture of an answer to a task that you run: the clean copy or its thumbnail, by a
/// link that is valid for five minutes. That you opened it is written down.
#[utoipa::path(
    get,
    path = "/tasks/{task_id}/media/{media_id}/link",
    params(
        ("task_id" = String, Path, description = "The task's code"),
        ("media_id" = String, Path, description = "The medium's id"),
        LinkQuery,
    ),
    responses(
        (status = 200, description = "The link", body = LinkView),
        (status = 404, description = "No answer to a task of yours has this medium, or it has no such copy"),
    ),
)]
pub(crate) async fn link_answer_media(
    State(function): State<MediaFunction>,
    Subject(reader): Subject,
    TaskPath(task): TaskPath,
    MediaPath(id): MediaPath,
    Query(query): Query<LinkQuery>,
) -> Result<Response, Problem> {
    let rendition = if query.thumbnail { Rendition::Thumbnail } else { Rendition::Working };
    let media = function.workflow.open_media_of_answer(&reader, task, id, rendition).await?;
    function.link(id, &media, rendition).await
}

/// Opens the clean copy of a medium that was handed over to your agency or district, by a link that is
/// valid for five minutes. That you opened it is written down. What was refused or recalled is closed.
#[utoipa::path(
    get,
    path = "/handovers/{handover_id}/media/{media_id}/link",
    params(
        ("handover_id" = String, Path, description = "The hand-over's code"),
        ("media_id" = String, Path, description = "The medium's id"),
    ),
    responses(
        (status = 200, description = "The link", body = LinkView),
        (status = 404, description = "No hand-over that is open to you has this medium"),
    ),
)]
pub(crate) async fn link_handover_media(
    State(function): State<MediaFunction>,
    Subject(reader): Subject,
    HandoverPath(handover): HandoverPath,
    MediaPath(id): MediaPath,
) -> Result<Response, Problem> {
    let media = function.workflow.open_media_of_handover(&reader, handover, id).await?;
    function.link(id, &media, Rendition::Working).await
}

/// Why the original is needed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "The forensics department asks for the file with its metadata."}))]
pub(crate) struct OriginalBody {
    /// The reason; at most 200 characters. It stands in the report's audit trail, also when the
    /// report is erased.
    #[schema(max_length = 200)]
    reason: String,
}

/// Opens the sealed original of a medium, as the phone sent it, with all that it tells of its
/// owner. The district alone may, with a reason; both are written down in the report's audit
/// trail, each time a link is given. The trail outlives the report's content: the reason says
/// what the file is needed for, and nothing of what it shows.
#[utoipa::path(
    post,
    path = "/reports/{report_id}/media/{media_id}/original",
    params(
        ("report_id" = String, Path, description = "The report's code"),
        ("media_id" = String, Path, description = "The medium's id"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this opening, the same with each retry"),
    ),
    request_body = OriginalBody,
    responses(
        (status = 200, description = "The link", body = LinkView),
        (status = 404, description = "No report in your territory has this medium"),
        (status = 422, description = "The key was used for another request"),
    ),
)]
pub(crate) async fn open_original(
    State(function): State<MediaFunction>,
    Subject(reader): Subject,
    ReportPath(report): ReportPath,
    MediaPath(id): MediaPath,
    IdempotencyKey(key): IdempotencyKey,
    Body(OriginalBody { reason }): Body<OriginalBody>,
) -> Result<Response, Problem> {
    let media = function.workflow.open_original(OpenOriginal { reader, key, report, media: id, reason }).await?;
    function.link(id, &media, Rendition::Original).await
}

impl MediaFunction {
    async fn link(&self, id: MediaId, media: &MediaRef, rendition: Rendition) -> Result<Response, Problem> {
        let (key, of) = media.rendition(rendition).ok_or(Error::NotFound)?;
        let url = self.media.sign_link(id, key, of).await?.0;
        let view = LinkView {
            url,
            content_type: of.content_type,
            size_bytes: of.size_bytes,
            expires_at: seconds_from_now(LINK_SECONDS),
        };
        Ok((no_store(), axum::Json(view)).into_response())
    }
}
