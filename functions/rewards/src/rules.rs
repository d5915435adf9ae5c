//! The rules of rewards: written by versions, and read.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use jiff::civil::Date;
use pingan_domain::{
    command::{CommandId, Fingerprint},
    district::District,
    error::{Error, FieldError},
    member::{MemberId, Role},
    reward_rules::{Rules, RulesContent},
    territory::NodeId,
};
use pingan_http::{Body, DistrictPath, IdempotencyKey, Problem, Subject};
use pingan_store::{Key, rewards::RewardCommitError};
use uuid::Uuid;

use crate::{
    MAX_TRIES, READERS, Rewards,
    views::{RulesBody, RulesPage, RulesView},
};

/// Writes the next version of the rules of rewards, which holds from a day on. What was proposed
/// before goes by the version that it was proposed by.
#[utoipa::path(
    post,
    path = "/districts/{district}/reward-rules",
    params(
        ("district" = String, Path, description = "The district"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this version, the same with each retry"),
    ),
    request_body = RulesBody,
    responses(
        (status = 201, description = "The version", body = RulesView),
        (status = 404, description = "This is not your district, or it has no lists yet"),
        (status = 422, description = "The key was used for another request"),
    ),
)]
pub(crate) async fn write_reward_rules(
    State(rewards): State<Rewards>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    IdempotencyKey(key): IdempotencyKey,
    Body(body): Body<RulesBody>,
) -> Result<Response, Problem> {
    let rules = rewards.write_rules(&actor, key, &district, &body).await?;
    let unkept = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, unkept, axum::Json(RulesView::from(rules))).into_response())
}

/// The versions of the rules of rewards, newest first.
#[utoipa::path(
    get,
    path = "/districts/{district}/reward-rules",
    params(("district" = String, Path, description = "The district")),
    responses(
        (status = 200, description = "All versions", body = RulesPage),
        (status = 404, description = "This is not your district"),
    ),
)]
pub(crate) async fn list_reward_rules(
    State(rewards): State<Rewards>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
) -> Result<Response, Problem> {
    // The two reads do not depend on each other.
    let (loaded, rules) =
        futures::join!(rewards.load(&reader, &district, &READERS, []), rewards.store.rules(&district));
    loaded?;
    let view = RulesPage { items: rules?.into_iter().map(RulesView::from).collect() };
    Ok(([(header::CACHE_CONTROL, "no-store")], axum::Json(view)).into_response())
}

impl Rewards {
    async fn write_rules(
        &self,
        actor: &MemberId,
        key: Uuid,
        district: &NodeId,
        body: &RulesBody,
    ) -> Result<Rules, Error> {
        let command = CommandId::new(actor, key);
        let fingerprint = Fingerprint::of(key, "write reward rules", district.as_str(), body)?;
        for _ in 0..MAX_TRIES {
            let (now, today) = self.now();
            let (loaded, versions) = futures::join!(
                self.load(actor, district, &[Role::DistrictManager], [Key::RewardDone(command)]),
                self.store.rules(district)
            );
            let ((_, acting, lists), versions) = (loaded?, versions?);
            if let Some(known) = versions.iter().find(|rules| rules.command == command) {
                return if known.fingerprint == fingerprint { Ok(known.clone()) } else { Err(Error::KeyReused) };
            }
            check(body, &lists, today)?;
            let rules = Rules {
                district: district.clone(),
                version: versions.first().map_or(1, |newest| newest.version + 1),
                valid_from: body.valid_from,
                content: body.content.clone(),
                made_by: acting.id,
                made_at: now,
                command,
                fingerprint,
            };
            match self.store.add_rules(&rules).await {
                Ok(()) => return Ok(rules),
                Err(RewardCommitError::Failed(error)) => return Err(error),
                Err(_) => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }
}

/// Checks what is to be written, and names every bad field.
fn check(body: &RulesBody, lists: &District, today: Date) -> Result<(), Error> {
    let mut bad = Vec::new();
    if body.valid_from < today {
        bad.push(FieldError::new("/valid_from", "lies in the past: what was proposed by then stays as it was"));
    }
    check_content(&body.content, lists, &mut bad)?;
    if bad.is_empty() { Ok(()) } else { Err(Error::Invalid(bad)) }
}

/// Checks what rules say, and names every bad field below `/content`.
pub(crate) fn check_content(content: &RulesContent, lists: &District, bad: &mut Vec<FieldError>) -> Result<(), Error> {
    match content.check(lists) {
        Err(Error::Invalid(more)) => {
            let of_content = |field: FieldError| FieldError { pointer: format!("/content{}", field.pointer), ..field };
            bad.extend(more.into_iter().map(of_content));
            Ok(())
        }
        other => other,
    }
}
