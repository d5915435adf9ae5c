//! What a reporter sees of rewards: their own.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use pingan_domain::{
    command::{CommandId, Fingerprint},
    error::Error,
    member::{MemberId, Role},
    reward::{Reward, RewardId},
};
use pingan_http::{Body, IdempotencyKey, PageQuery, Problem, Query, RewardPath, Subject, page};
use pingan_store::{
    Key,
    rewards::{RewardCommit, RewardCommitError, RewardDone},
};
use uuid::Uuid;

use crate::{
    MAX_TRIES, Rewards, context,
    views::{AppealBody, MyRewardView, MyRewardsPage},
};

/// Your rewards, newest first: for which report, how much, how it comes to that, and where it is.
#[utoipa::path(
    get,
    path = "/me/rewards",
    params(PageQuery),
    responses((status = 200, description = "A page of rewards; `Link: rel=\"next\"` names the next", body = MyRewardsPage)),
)]
pub(crate) async fn list_my_rewards(
    State(rewards): State<Rewards>,
    Subject(reporter): Subject,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let limit = query.limit()?;
    let loaded = rewards.store.load([Key::Member(reporter.clone())]).await?;
    let reporter = loaded.actor(&reporter)?.acting_as(Role::Reporter)?;
    let (items, next) = rewards.store.shares_of(&reporter.id, limit, query.cursor.as_deref()).await?;
    let view = MyRewardsPage { items: items.iter().map(MyRewardView::from).collect(), next: next.clone() };
    Ok(page::respond(view, next.as_deref(), &format!("limit={limit}")))
}

/// Asks to look again at a reward that was declined, once. Others decide then than who declined it.
#[utoipa::path(
    post,
    path = "/me/rewards/{reward_id}/appeal",
    params(
        ("reward_id" = String, Path, description = "The reward's code"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this appeal, the same with each retry"),
    ),
    request_body = AppealBody,
    responses(
        (status = 200, description = "The reward afterwards", body = MyRewardView),
        (status = 404, description = "You have no reward with this code"),
        (status = 409, description = "It was not declined, or was appealed before"),
        (status = 422, description = "The key was used for another request"),
    ),
)]
pub(crate) async fn appeal_reward(
    State(rewards): State<Rewards>,
    Subject(reporter): Subject,
    RewardPath(id): RewardPath,
    IdempotencyKey(key): IdempotencyKey,
    Body(body): Body<AppealBody>,
) -> Result<Response, Problem> {
    let (reward, number) = rewards.appeal(&reporter, key, id, &body).await?;
    let view = MyRewardView::of(&reward, number);
    Ok(([(axum::http::header::CACHE_CONTROL, "no-store")], axum::Json(view)).into_response())
}

impl Rewards {
    async fn appeal(
        &self,
        reporter: &MemberId,
        key: Uuid,
        id: RewardId,
        body: &AppealBody,
    ) -> Result<(Reward, u8), Error> {
        let command = CommandId::new(reporter, key);
        let done = RewardDone { command, fingerprint: Fingerprint::of(key, "appeal a reward", id.as_str(), body)? };
        for _ in 0..MAX_TRIES {
            let keys = [Key::Member(reporter.clone()), Key::Reward(id), Key::RewardDone(command)];
            let loaded = self.store.load(keys).await?;
            let acting = loaded.actor(reporter)?.acting_as(Role::Reporter)?;
            let before = loaded.reward(id)?.ok_or(Error::NotFound)?;
            let share = before.shares.iter().position(|share| share.member == acting.id).ok_or(Error::NotFound)?;
            let number = u8::try_from(share).map_err(|error| Error::Internal(error.to_string()))?;
            if loaded.reward_done(&done)? {
                return Ok((before, number));
            }
            let decided = before.appeal(&acting, &body.text, context(&done, self.now()))?;
            let commit = RewardCommit { before: Some(&before), done: Some(done.clone()), ..RewardCommit::default() };
            match self.store.commit_reward(&decided, &commit).await {
                Ok(()) => return Ok((decided.reward, number)),
                Err(RewardCommitError::Failed(error)) => return Err(error),
                Err(_) => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }
}
