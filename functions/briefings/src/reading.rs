//! Listing and reading briefings. Each reading is written down before anything is shown.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use pingan_domain::{
    briefing::{Audience, BriefingState, Document, Language, READERS, document_key},
    error::Error,
};
use pingan_http::{BriefingPath, DistrictPath, PageQuery, Problem, Query, Subject, Versioned, page};
use pingan_store::Key;

use crate::{
    Briefings,
    views::{BriefingEntry, BriefingView, BriefingsPage, LanguageQuery},
};

/// The briefings of your district, newest first.
#[utoipa::path(
    get,
    path = "/districts/{district}/briefings",
    params(("district" = String, Path, description = "The district"), PageQuery),
    responses(
        (status = 200, description = "A page of briefings; `Link: rel=\"next\"` names the next", body = BriefingsPage),
        (status = 404, description = "This is not your district"),
    ),
)]
pub(crate) async fn list_briefings(
    State(briefings): State<Briefings>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let limit = query.limit()?;
    let loaded = briefings.store.load([Key::Member(reader.clone())]).await?;
    let reader = loaded.actor(&reader)?.acting_as_any(&READERS)?;
    if !district.contains(&reader.node) {
        return Err(Error::NotFound.into());
    }
    let (items, next) = briefings.store.briefings(&district, &reader.id, limit, query.cursor.as_deref()).await?;
    let view = BriefingsPage { items: items.iter().map(BriefingEntry::from).collect(), next: next.clone() };
    Ok(page::respond(view, next.as_deref(), &format!("limit={limit}")))
}

/// A briefing: what it says, what was said to it, and who has read it. That you read it is
/// written down, and shown to all who read it.
///
/// Station managers get a version without the rows of each station, and without reports that
/// name the conduct of those who review.
#[utoipa::path(
    get,
    path = "/districts/{district}/briefings/{briefing_id}",
    params(
        ("district" = String, Path, description = "The district"),
        ("briefing_id" = String, Path, description = "The briefing's code"),
    ),
    responses(
        (status = 200, description = "The briefing, with its version as `ETag`; without its content while it is being made", body = BriefingView),
        (status = 404, description = "Your district has no briefing with this code"),
    ),
)]
pub(crate) async fn read_briefing(
    State(briefings): State<Briefings>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    BriefingPath(id): BriefingPath,
) -> Result<Response, Problem> {
    // The two reads do not depend on each other.
    let (loaded, responses) =
        futures::join!(briefings.load(&reader, &district, id, &READERS, []), briefings.store.responses(id));
    let (_, reader, record) = loaded?;
    let mut responses = responses?;
    let mut content = None;
    if record.state == BriefingState::Ready {
        let mine = briefings.store.read_briefing(id, &reader, briefings.world.now()).await?;
        responses.readers.retain(|other| other.member != mine.member);
        responses.readers.push(mine);
        responses.readers.sort_by(|a, b| (a.first_read_at, &a.member).cmp(&(b.first_read_at, &b.member)));
        let key = document_key(id, Audience::of(reader.role), Document::Json);
        let bytes = briefings.documents.get(&key).await?.ok_or_else(|| gone(&key))?;
        content = Some(serde_json::from_slice(&bytes).map_err(|error| Error::Internal(format!("{key}: {error}")))?);
    }
    Ok(Versioned(record.version, BriefingView::new(&record, content, responses)).into_response())
}

/// The page of a briefing, complete in one file: to be shown, printed or kept. It has no script,
/// and fetches nothing. That you read it is written down.
#[utoipa::path(
    get,
    path = "/districts/{district}/briefings/{briefing_id}/document",
    params(
        ("district" = String, Path, description = "The district"),
        ("briefing_id" = String, Path, description = "The briefing's code"),
        LanguageQuery,
    ),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 404, description = "Your district has no briefing with this code"),
        (status = 409, description = "It is still being made"),
    ),
)]
pub(crate) async fn read_briefing_document(
    State(briefings): State<Briefings>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    BriefingPath(id): BriefingPath,
    Query(query): Query<LanguageQuery>,
) -> Result<Response, Problem> {
    let (_, reader, record) = briefings.load(&reader, &district, id, &READERS, []).await?;
    record.check_ready()?;
    briefings.store.read_briefing(id, &reader, briefings.world.now()).await?;
    let language = query.language.unwrap_or(Language::Chinese);
    let key = document_key(id, Audience::of(reader.role), Document::Page(language));
    let page = briefings.documents.get(&key).await?.ok_or_else(|| gone(&key))?;
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, pingan_briefing::POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    Ok((headers, page).into_response())
}

/// A briefing can be read only once its documents stand in the bucket.
fn gone(key: &str) -> Error {
    Error::Internal(format!("{key} is not in the bucket"))
}
