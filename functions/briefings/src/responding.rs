//! Asking for a briefing, commenting on it, acknowledging it.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use pingan_domain::{
    briefing::{ADDRESSEES, BriefingId, BriefingRecord, Comment, Period},
    command::{CommandId, Fingerprint},
    error::Error,
    member::{MemberId, Role},
    territory::NodeId,
};
use pingan_http::{Body, BriefingPath, DistrictPath, IdempotencyKey, Problem, Subject, Versioned};
use pingan_store::{Key, documents::DocumentCommitError};
use uuid::Uuid;

use crate::{
    Briefings, MAX_TRIES,
    views::{BriefingEntry, CommentBody, CommentView, PeriodBody, ReaderView},
};

/// Asks for a briefing on any period of your district. It is made in a moment; you and the
/// stations are told when it can be read.
#[utoipa::path(
    post,
    path = "/districts/{district}/briefings",
    params(
        ("district" = String, Path, description = "The district"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this briefing, the same with each retry"),
    ),
    request_body = PeriodBody,
    responses(
        (status = 202, description = "It is being made; `Location` names it", body = BriefingEntry),
        (status = 404, description = "This is not your district, or it has no lists yet"),
        (status = 422, description = "The key was used for another request"),
    ),
)]
pub(crate) async fn request_briefing(
    State(briefings): State<Briefings>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    IdempotencyKey(key): IdempotencyKey,
    Body(body): Body<PeriodBody>,
) -> Result<Response, Problem> {
    let record = briefings.request(&actor, key, &district, body).await?;
    let location = [(header::LOCATION, format!("/districts/{district}/briefings/{}", record.id))];
    let view = Versioned(record.version, BriefingEntry::from(&record));
    Ok((StatusCode::ACCEPTED, location, view).into_response())
}

/// Says something to a briefing. All who read it read that, and in which position you wrote it.
#[utoipa::path(
    post,
    path = "/districts/{district}/briefings/{briefing_id}/comments",
    params(
        ("district" = String, Path, description = "The district"),
        ("briefing_id" = String, Path, description = "The briefing's code"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this comment, the same with each retry"),
    ),
    request_body = CommentBody,
    responses(
        (status = 201, description = "The comment", body = CommentView),
        (status = 404, description = "Your district has no briefing with this code"),
        (status = 409, description = "It is still being made, or it has taken as many comments as it can hold"),
        (status = 422, description = "The key was used for another request"),
    ),
)]
pub(crate) async fn comment_on_briefing(
    State(briefings): State<Briefings>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    BriefingPath(id): BriefingPath,
    IdempotencyKey(key): IdempotencyKey,
    Body(body): Body<CommentBody>,
) -> Result<Response, Problem> {
    let comment = briefings.comment(&actor, key, &district, id, &body).await?;
    let unkept = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, unkept, axum::Json(CommentView::from(comment))).into_response())
}

/// Acknowledges a briefing that you have read. The same again changes nothing.
#[utoipa::path(
    put,
    path = "/districts/{district}/briefings/{briefing_id}/acknowledgement",
    params(
        ("district" = String, Path, description = "The district"),
        ("briefing_id" = String, Path, description = "The briefing's code"),
    ),
    responses(
        (status = 200, description = "Acknowledged, and when", body = ReaderView),
        (status = 404, description = "Your district has no briefing with this code"),
        (status = 409, description = "You have not read it, or it is still being made"),
    ),
)]
pub(crate) async fn acknowledge_briefing(
    State(briefings): State<Briefings>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    BriefingPath(id): BriefingPath,
) -> Result<Response, Problem> {
    let (_, actor, record) = briefings.load(&actor, &district, id, &ADDRESSEES, []).await?;
    record.check_ready()?;
    let reader = briefings.store.acknowledge_briefing(id, &actor.id, briefings.world.now()).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], axum::Json(ReaderView::from(reader))).into_response())
}

impl Briefings {
    async fn request(
        &self,
        actor: &MemberId,
        key: Uuid,
        district: &NodeId,
        body: PeriodBody,
    ) -> Result<BriefingRecord, Error> {
        let command = CommandId::new(actor, key);
        let fingerprint = Fingerprint::of(key, "ask for a briefing", district.as_str(), &body)?;
        let now = self.world.now();
        let today = now.to_zoned(self.time_zone.clone()).date();
        let mut attempt = 0;
        for _ in 0..MAX_TRIES {
            let id = command.briefing_id(attempt);
            let keys = [Key::Member(actor.clone()), Key::District(district.clone()), Key::Briefing(id)];
            let loaded = self.store.load(keys).await?;
            let acting = loaded.actor(actor)?.acting_as(Role::DistrictManager)?;
            if acting.node != *district || loaded.district(district)?.is_none() {
                return Err(Error::NotFound);
            }
            // The briefing knows the command that asked for it.
            if let Some(record) = loaded.briefing(id)? {
                if record.created_by != Some(command) {
                    attempt += 1;
                    continue;
                }
                return if record.fingerprint == Some(fingerprint) { Ok(record) } else { Err(Error::KeyReused) };
            }
            let period = Period::asked(body.from, body.to, today)?;
            let record = BriefingRecord::on_demand(&acting, period, (command, fingerprint), attempt, now);
            match self.store.add_briefing(&record).await {
                Ok(()) => return Ok(record),
                Err(DocumentCommitError::Failed(error)) => return Err(error),
                Err(DocumentCommitError::Stale) => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    async fn comment(
        &self,
        actor: &MemberId,
        key: Uuid,
        district: &NodeId,
        id: BriefingId,
        body: &CommentBody,
    ) -> Result<Comment, Error> {
        let command = CommandId::new(actor, key);
        let fingerprint = Fingerprint::of(key, "comment on a briefing", &id.to_string(), body)?;
        for _ in 0..MAX_TRIES {
            let written = [Key::BriefingComment(id, command)];
            let (loaded, acting, before) = self.load(actor, district, id, &ADDRESSEES, written).await?;
            if let Some(comment) = loaded.comment(id, command)? {
                return if comment.fingerprint == fingerprint { Ok(comment) } else { Err(Error::KeyReused) };
            }
            let (after, comment) = before.comment(&acting, &body.text, (command, fingerprint), self.world.now())?;
            match self.store.add_comment(&before, &after, &comment).await {
                Ok(()) => return Ok(comment),
                Err(DocumentCommitError::Failed(error)) => return Err(error),
                Err(DocumentCommitError::Stale) => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }
}
