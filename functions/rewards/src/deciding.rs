//! What people decide on a reward.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use pingan_domain::{
    command::{CommandId, Fingerprint},
    error::{Error, Refusal},
    member::{Member, MemberId, Role},
    reward::{Adjustment, Context, Decided, Reward, RewardAction, RewardId, ShareState},
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
    Found, MAX_TRIES, Rewards, context,
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
            if loaded.reward_done(&done)? {
                return Ok(RewardView::new(&before, &acting));
            }
            if before.version != seen {
                return Err(Error::VersionStale(before.version));
            }
            // Whose rewards of the year have to be known only the reward says.
            let now = self.now();
            let found = self.found(&before, now.1).await?;
            let decided = match decide(step, &before, &acting, &found, context(&done, now)) {
                Err(Error::Internal(_)) if self.store.has_moved_on(&before).await? => continue,
                decided => decided?,
            };
            let commit = RewardCommit {
                before: Some(&before),
                fund: found.before.as_ref(),
                rewarded: self.rewarded(&found, &before, &decided),
                done: Some(done.clone()),
                // What is not on its way now is not by the time of the commit.
                untouched: if matches!(step, RewardStepBody::Reverse { .. }) {
                    found.payouts.clone()
                } else {
                    Vec::new()
                },
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
    fn rewarded(&self, found: &Found, known: &Reward, decided: &Decided) -> Vec<(Rewarded, Rewarded)> {
        let (reward, at) = (&decided.reward, decided.event.at);
        // Caps and multipliers are of rewards for reports.
        if reward.award.is_some() {
            return Vec::new();
        }
        let today = day(at, &self.time_zone);
        let approved = day(reward.approved_at.unwrap_or(at), &self.time_zone);
        let shares = reward.shares.iter().zip(&found.rewarded).filter(|(share, _)| share.amount_fen > 0);
        match decided.event.action {
            RewardAction::Approve => {
                shares.map(|(share, before)| (before.clone(), before.with(today, share.amount_fen))).collect()
            }
            // What has lapsed or was recovered was taken off then.
            RewardAction::Reverse => {
                let reserved =
                    |number: usize| known.shares.get(number).is_some_and(|share| share.state == ShareState::Reserved);
                let people = reward.shares.iter().zip(&found.rewarded).enumerate();
                let open = people.filter(|(number, _)| reserved(*number)).map(|(_, one)| one);
                open.map(|(share, before)| (before.clone(), before.without(approved, share.amount_fen))).collect()
            }
            RewardAction::Recover => {
                let number = decided.event.share.map(usize::from);
                let paid = number.and_then(|number| reward.shares.get(number).zip(found.rewarded.get(number)));
                paid.map(|(share, before)| (before.clone(), before.without(approved, share.amount_fen)))
                    .into_iter()
                    .collect()
            }
            _ => Vec::new(),
        }
    }
}

/// What a step makes of a reward, by what was found for it.
fn decide(
    step: &RewardStepBody,
    before: &Reward,
    acting: &Member,
    found: &Found,
    context: Context,
) -> Result<Decided, Error> {
    let (befores, fund, rules) = (found.befores(context.today), found.fund(), &found.rules.content);
    match step {
        RewardStepBody::Adjust { grade, amount_fen, weights, reason } => {
            let (weights, reason) = (weights.clone(), reason.clone());
            let adjustment = Adjustment { grade: grade.clone(), amount_fen: *amount_fen, weights, reason };
            before.adjust(acting, &adjustment, rules, &befores, context)
        }
        RewardStepBody::Agree {} if found.reopened => Err(Refusal::MatterReopened.into()),
        RewardStepBody::Agree {} if found.elsewhere => Err(Refusal::RewardedAlready.into()),
        RewardStepBody::Agree {} => {
            // Whoever may not act here any more has not agreed.
            let mut known = before.clone();
            known.agreed.retain(|agreed| !found.gone.contains(&agreed.member));
            known.agree(acting, rules, &befores, &fund, context)
        }
        RewardStepBody::Decline { reason, note } => before.decline(acting, *reason, note, context),
        RewardStepBody::Reverse { reason } => {
            let decided = before.reverse(acting, reason, &fund, context)?;
            // Money that is on its way is not taken back.
            found.payouts.iter().try_for_each(|payout| payout.may_reverse(context.now))?;
            Ok(decided)
        }
        RewardStepBody::Recover { share, reason } => before.recover(*share, acting, reason, &fund, context),
    }
}
