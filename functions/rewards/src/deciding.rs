//! What people decide on a reward.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use pingan_domain::{
    command::{CommandId, Fingerprint},
    error::Error,
    member::{MemberId, Role},
    reward::{Adjustment, Decided, RewardAction, RewardId},
    rewarded::Rewarded,
    tally::day,
    territory::NodeId,
};
use pingan_http::{Body, DistrictPath, IdempotencyKey, IfMatch, Problem, RewardPath, Subject, Versioned};
use pingan_store::{
    Key,
    rewards::{RewardCommit, RewardCommitError, RewardDone},
};
use uuid::Uuid;

use crate::{
    Found, MAX_TRIES, Rewards, context, done_before,
    views::{RewardStepBody, RewardView},
};

/// Takes a step with a reward: `adjust` it within the rule, `agree` to it, `decline` it, `reverse`
/// what was approved and not paid, write down that what was paid was paid back (`recover`).
///
/// Who has to agree, its rules say by amount: at least two different people, and never those alone
/// who approved the report. The last agreement reserves the money in the fund. When the fund has
/// not enough, the agreement stands, and the reward waits.
#[utoipa::path(
    post,
    path = "/districts/{district}/rewards/{reward_id}/steps",
    params(
        ("district" = String, Path, description = "The district"),
        ("reward_id" = String, Path, description = "The reward's code"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this step, the same with each retry"),
        ("If-Match" = String, Header, description = "The `ETag` of the reward"),
    ),
    request_body = RewardStepBody,
    responses(
        (status = 200, description = "The reward afterwards", body = RewardView),
        (status = 403, description = "This step is for others"),
        (status = 404, description = "Your territory has no reward with this code"),
        (status = 409, description = "It is not in a state in which this can be done, or the fund has not enough"),
        (status = 412, description = "The reward has changed"),
        (status = 422, description = "The key was used for another request"),
    ),
)]
pub(crate) async fn take_reward_step(
    State(rewards): State<Rewards>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    RewardPath(id): RewardPath,
    IdempotencyKey(key): IdempotencyKey,
    IfMatch(seen): IfMatch,
    Body(step): Body<RewardStepBody>,
) -> Result<Response, Problem> {
    let view = rewards.step(&actor, (key, seen), &district, id, &step).await?;
    Ok(Versioned(view.version(), view).into_response())
}

impl Rewards {
    async fn step(
        &self,
        actor: &MemberId,
        (key, seen): (Uuid, u64),
        district: &NodeId,
        id: RewardId,
        step: &RewardStepBody,
    ) -> Result<RewardView, Error> {
        const ROLES: [Role; 3] = [Role::StationManager, Role::DistrictManager, Role::Treasurer];
        let command = CommandId::new(actor, key);
        let done = RewardDone { command, fingerprint: Fingerprint::of(key, "take a reward step", id.as_str(), step)? };
        for _ in 0..MAX_TRIES {
            let keys = [Key::Reward(id), Key::RewardDone(command)];
            let (loaded, acting, _) = self.load(actor, district, &ROLES, keys).await?;
            let before = loaded.reward(id)?.filter(|reward| reward.is_seen_by(&acting)).ok_or(Error::NotFound)?;
            if done_before(&loaded, &done)? {
                return Ok(RewardView::new(&before, &acting));
            }
            if before.version != seen {
                return Err(Error::VersionStale(before.version));
            }
            // Whose rewards of the year have to be known only the reward says.
            let now = self.now();
            let found = self.found(&before, now.1).await?;
            let (befores, fund, context) = (found.befores(now.1), found.fund(), context(&done, now));
            let rules = &found.rules.content;
            let decided = match step {
                RewardStepBody::Adjust { grade, amount_fen, weights, reason } => {
                    let (weights, reason) = (weights.clone(), reason.clone());
                    let adjustment = Adjustment { grade: grade.clone(), amount_fen: *amount_fen, weights, reason };
                    before.adjust(&acting, &adjustment, rules, &befores, context)?
                }
                RewardStepBody::Agree {} => before.agree(&acting, rules, &befores, &fund, context)?,
                RewardStepBody::Decline { reason, note } => before.decline(&acting, *reason, note, context)?,
                RewardStepBody::Reverse { reason } => before.reverse(&acting, reason, &fund, context)?,
                RewardStepBody::Recover { share, reason } => before.recover(*share, &acting, reason, &fund, context)?,
            };
            let commit = RewardCommit {
                before: Some(&before),
                fund: found.before.as_ref(),
                rewarded: self.rewarded(&found, &decided),
                done: Some(done.clone()),
            };
            match self.store.commit_reward(&decided, &commit).await {
                Ok(()) => return Ok(RewardView::new(&decided.reward, &acting)),
                Err(RewardCommitError::Failed(error)) => return Err(error),
                Err(_) => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    /// How what people were rewarded with changes: an approval adds, and what takes it back takes
    /// it off the month in which it was added.
    fn rewarded(&self, found: &Found, decided: &Decided) -> Vec<(Rewarded, Rewarded)> {
        let (reward, at) = (&decided.reward, decided.event.at);
        let today = day(at, &self.time_zone);
        let approved = day(reward.approved_at.unwrap_or(at), &self.time_zone);
        let shares = reward.shares.iter().zip(&found.rewarded).filter(|(share, _)| share.amount_fen > 0);
        match decided.event.action {
            RewardAction::Approve => {
                shares.map(|(share, before)| (before.clone(), before.with(today, share.amount_fen))).collect()
            }
            RewardAction::Reverse => {
                shares.map(|(share, before)| (before.clone(), before.without(approved, share.amount_fen))).collect()
            }
            _ => Vec::new(),
        }
    }
}
