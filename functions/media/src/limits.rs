//! What reports may carry here, for a phone to know before it records.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use pingan_domain::{
    media::{KindLimits, MAX_IMAGE_PIXELS, MAX_IMAGE_SIDE_PIXELS, MediaKind, MediaType},
    member::Role,
    named::Named as _,
};
use pingan_http::{Problem, Subject, schema};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{MediaFunction, no_store};

/// The limits of one kind of media.
#[derive(Debug, Serialize, ToSchema)]
struct KindLimitsView {
    /// The kind.
    #[schema(schema_with = schema::media_kind)]
    kind: MediaKind,
    /// The types that are taken.
    #[schema(schema_with = schema::media_types)]
    content_types: Vec<MediaType>,
    /// How many a report, or an answer, may carry.
    max_count: u8,
    /// How large each may be, in bytes.
    max_bytes: u64,
    /// How long each may play, in seconds, where that is limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_seconds: Option<u32>,
    /// The most pixels of a side.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_side_pixels: Option<u32>,
    /// The most pixels in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_pixels: Option<u64>,
}

/// What reports may carry.
#[derive(Debug, Serialize, ToSchema)]
struct LimitsView {
    /// The limits of each kind.
    items: Vec<KindLimitsView>,
}

impl KindLimitsView {
    fn new(kind: MediaKind, limits: KindLimits) -> Self {
        let shows = kind != MediaKind::Voice;
        Self {
            kind,
            content_types: MediaType::ALL.iter().copied().filter(|media| media.kind() == kind).collect(),
            max_count: limits.max_count,
            max_bytes: limits.max_bytes,
            max_seconds: limits.max_seconds,
            max_side_pixels: shows.then_some(MAX_IMAGE_SIDE_PIXELS),
            max_pixels: shows.then_some(MAX_IMAGE_PIXELS),
        }
    }
}

/// What reports may carry here: how many of each kind, of which types, how large and how long.
/// Ask before recording: another district may have decided otherwise.
#[utoipa::path(
    get,
    path = "/media/limits",
    responses((status = 200, description = "The limits", body = LimitsView)),
)]
pub(crate) async fn read_limits(
    State(function): State<MediaFunction>,
    Subject(reader): Subject,
) -> Result<Response, Problem> {
    function.workflow.member(&reader, Role::Reporter).await?;
    let limits = function.workflow.media_limits;
    let items = MediaKind::ALL.iter().map(|&kind| KindLimitsView::new(kind, limits.of(kind))).collect();
    Ok((no_store(), axum::Json(LimitsView { items })).into_response())
}
