//! Asking for an export.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use pingan_domain::{
    command::{CommandId, Fingerprint},
    error::Error,
    export::{EXPORTERS, ExportRecord, Wanted},
    member::MemberId,
    tally::day,
    territory::NodeId,
};
use pingan_http::{Body, DistrictPath, IdempotencyKey, Problem, Subject, Versioned};
use pingan_store::{Key, documents::DocumentCommitError};
use uuid::Uuid;

use crate::{
    Exports,
    views::{ExportEntry, WantedBody},
};

/// How often a command begins again before it gives up with [`Error::Busy`].
const MAX_TRIES: usize = 20;

/// Asks for the statistics of a node of your territory, with all that lies in it, as a file. It
/// is made in a moment, and kept for a week.
///
/// `csv` is for spreadsheets: a line for each figure of a node over a day, a month or a year, as
/// the statistics show it to you. `geojson` is for maps: the adopted reports that were sent in
/// during whole months that are over, by cells of a hundredth of a degree; a cell is in it with
/// five reports or more, of five reporters or more.
///
/// Why you ask, and each time that you fetch the file, is written down.
#[utoipa::path(
    post,
    path = "/districts/{district}/exports",
    params(
        ("district" = String, Path, description = "The district"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this export, the same with each retry"),
    ),
    request_body = WantedBody,
    responses(
        (status = 202, description = "It is being made; `Location` names it", body = ExportEntry),
        (status = 404, description = "This is not your district, or it has no lists yet"),
        (status = 422, description = "The key was used for another request"),
    ),
)]
pub(crate) async fn request_export(
    State(exports): State<Exports>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    IdempotencyKey(key): IdempotencyKey,
    Body(body): Body<WantedBody>,
) -> Result<Response, Problem> {
    let record = exports.request(&actor, key, &district, &body).await?;
    let location = [(header::LOCATION, format!("/districts/{district}/exports/{}", record.id))];
    let view = Versioned(record.version, ExportEntry::from(&record));
    Ok((StatusCode::ACCEPTED, location, view).into_response())
}

impl Exports {
    async fn request(
        &self,
        actor: &MemberId,
        key: Uuid,
        district: &NodeId,
        body: &WantedBody,
    ) -> Result<ExportRecord, Error> {
        let command = CommandId::new(actor, key);
        let fingerprint = Fingerprint::of(key, "ask for an export", district.as_str(), body)?;
        let now = self.world.now();
        let mut attempt = 0;
        for _ in 0..MAX_TRIES {
            let id = command.export_id(attempt);
            let keys = [Key::Member(actor.clone()), Key::District(district.clone()), Key::Export(id)];
            let loaded = self.store.load(keys).await?;
            let acting = loaded.actor(actor)?.acting_as_any(&EXPORTERS)?;
            let lists = loaded.district(district)?.filter(|_| district.contains(&acting.node));
            let lists = lists.ok_or(Error::NotFound)?;
            // The export knows the command that asked for it.
            if let Some(record) = loaded.export(id)? {
                if record.created_by != command {
                    attempt += 1;
                    continue;
                }
                return if record.fingerprint == fingerprint { Ok(record) } else { Err(Error::KeyReused) };
            }
            let wanted = Wanted {
                format: body.format,
                node: body.node.clone().unwrap_or_else(|| acting.node.clone()),
                from: body.from,
                to: body.to,
                by: body.by,
                reason: body.reason.clone(),
            };
            let today = day(now, &self.time_zone);
            let record = ExportRecord::new((&acting, &lists), wanted, (command, fingerprint, attempt), (today, now))?;
            match self.store.add_export(&record, &acting).await {
                Ok(()) => return Ok(record),
                Err(DocumentCommitError::Failed(error)) => return Err(error),
                Err(DocumentCommitError::Stale) => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }
}
