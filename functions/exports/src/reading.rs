//! Listing, reading and fetching exports.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use jiff::SignedDuration;
use pingan_cloud::media::LINK_SECONDS;
use pingan_domain::{
    Timestamp,
    access::{AccessHead, Reading},
    error::Error,
    export::{EXPORTERS, ExportId, ExportRecord, file_key, file_name},
    member::{Member, MemberId},
    territory::NodeId,
};
use pingan_http::{DistrictPath, ExportPath, PageQuery, Problem, Query, Subject, Versioned, page};
use pingan_store::Key;

use crate::{
    Exports,
    views::{ExportEntry, ExportView, ExportsPage, FileLinkView},
};

/// The most readings that an export shows: those that came first.
const MAX_READINGS: u16 = 100;

/// The exports of your territory, newest first: who asked for what, and why. A page can have
/// fewer than `limit`, and still be followed by another.
#[utoipa::path(
    get,
    path = "/districts/{district}/exports",
    params(("district" = String, Path, description = "The district"), PageQuery),
    responses(
        (status = 200, description = "A page of exports; `Link: rel=\"next\"` names the next", body = ExportsPage),
        (status = 404, description = "This is not your district"),
    ),
)]
pub(crate) async fn list_exports(
    State(exports): State<Exports>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let limit = query.limit()?;
    let loaded = exports.store.load([Key::Member(reader.clone())]).await?;
    let reader = loaded.actor(&reader)?.acting_as_any(&EXPORTERS)?;
    if !district.contains(&reader.node) {
        return Err(Error::NotFound.into());
    }
    let (items, next) = exports.store.exports(&district, &reader.id, limit, query.cursor.as_deref()).await?;
    let items = items.iter().filter(|record| reader.node.contains(&record.of)).map(ExportEntry::from).collect();
    let view = ExportsPage { items, next: next.clone() };
    Ok(page::respond(view, next.as_deref(), &format!("limit={limit}")))
}

/// An export: what was asked for, by whom and why, where it is, and when its file was fetched.
#[utoipa::path(
    get,
    path = "/districts/{district}/exports/{export_id}",
    params(
        ("district" = String, Path, description = "The district"),
        ("export_id" = String, Path, description = "The export's code"),
    ),
    responses(
        (status = 200, description = "The export, with its version as `ETag`", body = ExportView),
        (status = 404, description = "Your territory has no export with this code"),
    ),
)]
pub(crate) async fn read_export(
    State(exports): State<Exports>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    ExportPath(id): ExportPath,
) -> Result<Response, Problem> {
    // The two reads do not depend on each other.
    let (loaded, readings) =
        futures::join!(exports.load(&reader, &district, id), exports.store.accesses(id, MAX_READINGS));
    let (_, record, _) = loaded?;
    Ok(Versioned(record.version, ExportView::new(&record, &readings?)).into_response())
}

/// Fetches the file of an export that you asked for, by a link that is valid for five minutes.
/// That you fetched it is written down.
#[utoipa::path(
    get,
    path = "/districts/{district}/exports/{export_id}/link",
    params(
        ("district" = String, Path, description = "The district"),
        ("export_id" = String, Path, description = "The export's code"),
    ),
    responses(
        (status = 200, description = "The link", body = FileLinkView),
        (status = 403, description = "Somebody else asked for it"),
        (status = 404, description = "Your territory has no export with this code"),
        (status = 409, description = "It is still being made, or the file was kept for a week and is gone"),
    ),
)]
pub(crate) async fn link_export(
    State(exports): State<Exports>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    ExportPath(id): ExportPath,
) -> Result<Response, Problem> {
    let (reader, record, head) = exports.load(&reader, &district, id).await?;
    let now = exports.world.now();
    record.check_file(&reader, now)?;
    // Nothing is handed out before it is written down.
    exports.store.record_access(head, id, &reader, &Reading::file(), now, None).await?;
    let key = file_key(id, record.format);
    let url = exports.documents.sign_link(&key, record.format.content_type(), &file_name(id, record.format)).await?.0;
    // Signatures go by the machine's own clock, as S3 does.
    let seconds = SignedDuration::from_secs(i64::try_from(LINK_SECONDS).unwrap_or(0));
    let expires_at = Timestamp::now().checked_add(seconds).unwrap_or(Timestamp::MAX);
    let view = FileLinkView { url, content_type: record.format.content_type(), expires_at };
    Ok(([(header::CACHE_CONTROL, "no-store")], axum::Json(view)).into_response())
}

impl Exports {
    /// Loads who reads and an export of their territory, with the end of its chain of readings.
    async fn load(
        &self,
        reader: &MemberId,
        district: &NodeId,
        id: ExportId,
    ) -> Result<(Member, ExportRecord, AccessHead), Error> {
        let loaded = self.store.load([Key::Member(reader.clone()), Key::Export(id), Key::AccessHead(id)]).await?;
        let reader = loaded.actor(reader)?.acting_as_any(&EXPORTERS)?;
        let record = loaded
            .export(id)?
            .filter(|record| record.district == *district && reader.node.contains(&record.of))
            .ok_or(Error::NotFound)?;
        Ok((reader, record, loaded.access_head(id)?))
    }
}
