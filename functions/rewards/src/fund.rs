//! The fund: what it holds, what moves it, its ledger.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use pingan_domain::{
    command::{CommandId, Fingerprint},
    error::{Error, FieldError, Refusal},
    ledger::{Fund, FundId, Movement, Posting, check_amount, check_reason},
    member::{MemberId, Role},
};
use pingan_http::{
    Body, DistrictPath, IdempotencyKey, IfMatch, PageQuery, Problem, Query, Subject, Versioned, YearPath, page,
};
use pingan_store::{
    Key,
    rewards::{RewardCommitError, RewardDone},
};
use uuid::Uuid;

use crate::{
    MAX_TRIES, READERS, Rewards,
    views::{EntriesPage, EntryView, FundView, MovementBody, MovementKind},
};

/// The fund of a district for a fiscal year: what was granted, and where it is.
#[utoipa::path(
    get,
    path = "/districts/{district}/funds/{year}",
    params(
        ("district" = String, Path, description = "The district"),
        ("year" = i16, Path, description = "The fiscal year"),
    ),
    responses(
        (status = 200, description = "The fund, with its version as `ETag`; all of it is 0 before anything was granted", body = FundView),
        (status = 404, description = "This is not your district"),
    ),
)]
pub(crate) async fn read_fund(
    State(rewards): State<Rewards>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    YearPath(year): YearPath,
) -> Result<Response, Problem> {
    let id = FundId { district, year };
    let (loaded, ..) = rewards.load(&reader, &id.district, &READERS, [Key::Fund(id.clone())]).await?;
    let fund = loaded.fund(&id)?.unwrap_or_else(|| Fund::empty(id));
    Ok(Versioned(fund.version, FundView::from(&fund)).into_response())
}

/// Moves money of the fund that is promised to nobody: `grant` adds what the district government
/// has granted, `return` gives it back, `lapse` closes the year with all that is left.
#[utoipa::path(
    post,
    path = "/districts/{district}/funds/{year}/movements",
    params(
        ("district" = String, Path, description = "The district"),
        ("year" = i16, Path, description = "The fiscal year"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this movement, the same with each retry"),
        ("If-Match" = String, Header, description = "The `ETag` of the fund"),
    ),
    request_body = MovementBody,
    responses(
        (status = 200, description = "The fund afterwards", body = FundView),
        (status = 404, description = "This is not your district"),
        (status = 409, description = "There is not as much, or the year was closed"),
        (status = 412, description = "The fund has changed"),
        (status = 422, description = "The key was used for another request"),
    ),
)]
pub(crate) async fn move_fund(
    State(rewards): State<Rewards>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    YearPath(year): YearPath,
    IdempotencyKey(key): IdempotencyKey,
    IfMatch(seen): IfMatch,
    Body(body): Body<MovementBody>,
) -> Result<Response, Problem> {
    let fund = rewards.move_fund(&actor, key, seen, FundId { district, year }, &body).await?;
    Ok(Versioned(fund.version, FundView::from(&fund)).into_response())
}

/// The ledger of a fund, newest first.
#[utoipa::path(
    get,
    path = "/districts/{district}/funds/{year}/entries",
    params(
        ("district" = String, Path, description = "The district"),
        ("year" = i16, Path, description = "The fiscal year"),
        PageQuery,
    ),
    responses(
        (status = 200, description = "A page of entries; `Link: rel=\"next\"` names the next", body = EntriesPage),
        (status = 404, description = "This is not your district"),
    ),
)]
pub(crate) async fn list_fund_entries(
    State(rewards): State<Rewards>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    YearPath(year): YearPath,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let limit = query.limit()?;
    let id = FundId { district, year };
    let (_, reader, _) = rewards.load(&reader, &id.district, &READERS, []).await?;
    let (items, next) = rewards.store.entries(&id, &reader.id, limit, query.cursor.as_deref()).await?;
    let view = EntriesPage {
        items: items.into_iter().map(|entry| EntryView::new(entry, &reader)).collect(),
        next: next.clone(),
    };
    Ok(page::respond(view, next.as_deref(), &format!("limit={limit}")))
}

impl Rewards {
    async fn move_fund(
        &self,
        actor: &MemberId,
        key: Uuid,
        seen: u64,
        id: FundId,
        body: &MovementBody,
    ) -> Result<Fund, Error> {
        let command = CommandId::new(actor, key);
        let scope = format!("{} {}", id.district, id.year);
        let done = RewardDone { command, fingerprint: Fingerprint::of(key, "move the fund", &scope, body)? };
        for _ in 0..MAX_TRIES {
            let (now, today) = self.now();
            let keys = [Key::Fund(id.clone()), Key::RewardDone(command)];
            let (loaded, acting, _) = self.load(actor, &id.district, &[Role::DistrictManager], keys).await?;
            let before = loaded.fund(&id)?;
            let fund = before.clone().unwrap_or_else(|| Fund::empty(id.clone()));
            if loaded.reward_done(&done)? {
                return Ok(fund);
            }
            let (movement, amount_fen) = check(body, &fund)?;
            if fund.version != seen {
                return Err(Error::VersionStale(fund.version));
            }
            if movement == Movement::Lapse && !id.may_close(today) {
                return Err(Refusal::YearNotOver.into());
            }
            let posting = Posting {
                movement,
                amount_fen,
                reward: None,
                reason: Some(body.reason.clone()),
                by: (&acting.id, acting.role),
                command,
                at: now,
            };
            let (after, entry) = fund.post(posting)?;
            match self.store.commit_fund(before.as_ref(), &after, &entry, &done).await {
                Ok(()) => return Ok(after),
                Err(RewardCommitError::Failed(error)) => return Err(error),
                Err(_) => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }
}

/// What is asked for, with every bad field named.
fn check(body: &MovementBody, fund: &Fund) -> Result<(Movement, u64), Error> {
    let mut bad = Vec::new();
    check_reason("/reason", &body.reason, &mut bad);
    let movement = match body.movement {
        MovementKind::Grant => Movement::Grant,
        MovementKind::Return => Movement::Return,
        MovementKind::Lapse => Movement::Lapse,
    };
    let amount_fen = match (movement, body.amount_fen) {
        // The year ends with all that is left.
        (Movement::Lapse, None) => fund.available_fen,
        (Movement::Lapse, Some(_)) => {
            bad.push(FieldError::new("/amount_fen", "is all that is left; leave it out"));
            0
        }
        (_, Some(amount_fen)) => {
            check_amount("/amount_fen", amount_fen, &mut bad);
            amount_fen
        }
        (_, None) => {
            bad.push(FieldError::new("/amount_fen", "is missing"));
            0
        }
    };
    if bad.is_empty() { Ok((movement, amount_fen)) } else { Err(Error::Invalid(bad)) }
}
