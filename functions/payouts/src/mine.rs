//! What a reporter does to be paid.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use pingan_domain::{
    claim_code::ClaimCode,
    command::{CommandId, Fingerprint},
    error::{Error, Refusal},
    member::{Member, MemberId, Role},
    payout::{Payout, PayoutId},
    reward::{Reward, RewardId},
};
use pingan_http::{IdempotencyKey, Problem, RewardPath, Subject, Versioned};
use pingan_store::{
    Key, Loaded,
    payouts::PayoutCommit,
    rewards::{RewardCommitError, RewardDone},
};
use uuid::Uuid;

use crate::{
    MAX_TRIES, Payouts, context,
    views::{ClaimCodeView, MyPayoutView},
};

/// Makes a one-time code by which you are paid at the counter, without saying who you are. Show it
/// with the code of the reward. It is shown in this answer alone, and in the answers to its retries;
/// a new code ends the one before.
#[utoipa::path(
    post,
    path = "/me/rewards/{reward_id}/claim-code",
    params(
        ("reward_id" = String, Path, description = "The reward's code"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this code, the same with each retry"),
    ),
    responses(
        (status = 201, description = "The code", body = ClaimCodeView),
        (status = 404, description = "You have no reward with this code"),
        (status = 409, description = "It is not to be paid, or is being paid, or is locked after wrong codes"),
        (status = 422, description = "The key was used for another request"),
    ),
)]
pub(crate) async fn make_claim_code(
    State(payouts): State<Payouts>,
    Subject(reporter): Subject,
    RewardPath(id): RewardPath,
    IdempotencyKey(key): IdempotencyKey,
) -> Result<Response, Problem> {
    let view = payouts.make_code(&reporter, key, id).await?;
    let unkept = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, unkept, axum::Json(view)).into_response())
}

/// Asks for a transfer to the account that you have said your rewards are paid to. A one-time code that
/// you have made ends; until a treasurer puts your share into a batch, a new one ends the transfer.
#[utoipa::path(
    post,
    path = "/me/rewards/{reward_id}/transfer",
    params(
        ("reward_id" = String, Path, description = "The reward's code"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this wish, the same with each retry"),
    ),
    responses(
        (status = 200, description = "How you are paid, with its version as `ETag`", body = MyPayoutView),
        (status = 404, description = "You have no reward with this code"),
        (status = 409, description = "You have no account that the bank takes, or it is not to be paid, or is being paid"),
        (status = 422, description = "The key was used for another request"),
    ),
)]
pub(crate) async fn ask_transfer(
    State(payouts): State<Payouts>,
    Subject(reporter): Subject,
    RewardPath(id): RewardPath,
    IdempotencyKey(key): IdempotencyKey,
) -> Result<Response, Problem> {
    let (reward, payout) = payouts.wants_transfer(&reporter, key, id).await?;
    Ok(Versioned(payout.version, MyPayoutView::new(&reward, &payout, payouts.world.now())).into_response())
}

/// How your share of a reward is paid, and where that is: also why the bank has not paid it.
#[utoipa::path(
    get,
    path = "/me/rewards/{reward_id}/payout",
    params(("reward_id" = String, Path, description = "The reward's code")),
    responses(
        (status = 200, description = "How you are paid, with its version as `ETag`", body = MyPayoutView),
        (status = 404, description = "You have no reward with this code"),
    ),
)]
pub(crate) async fn read_my_payout(
    State(payouts): State<Payouts>,
    Subject(reporter): Subject,
    RewardPath(id): RewardPath,
) -> Result<Response, Problem> {
    let loaded = payouts.store.load([Key::Member(reporter.clone()), Key::Reward(id)]).await?;
    let (_, reward, share) = share_of(&loaded, &reporter, id)?;
    let loaded = payouts.store.load([Key::Payout(PayoutId { reward: id, share })]).await?;
    let payout = loaded.payout_of(&reward, share)?;
    Ok(Versioned(payout.version, MyPayoutView::new(&reward, &payout, payouts.world.now())).into_response())
}

/// Who acts, with a reward of theirs and which of its shares is theirs.
fn share_of(loaded: &Loaded, reporter: &MemberId, id: RewardId) -> Result<(Member, Reward, u8), Error> {
    let acting = loaded.actor(reporter)?.acting_as(Role::Reporter)?;
    let reward = loaded.reward(id)?.ok_or(Error::NotFound)?;
    let share = reward.shares.iter().position(|share| share.member == acting.id).ok_or(Error::NotFound)?;
    let share = u8::try_from(share).map_err(|error| Error::Internal(error.to_string()))?;
    Ok((acting, reward, share))
}

impl Payouts {
    async fn wants_transfer(&self, reporter: &MemberId, key: Uuid, id: RewardId) -> Result<(Reward, Payout), Error> {
        let command = CommandId::new(reporter, key);
        let done = RewardDone { command, fingerprint: Fingerprint::of(key, "ask for a transfer", id.as_str(), &())? };
        for _ in 0..MAX_TRIES {
            let loaded =
                self.store.load([Key::Member(reporter.clone()), Key::Reward(id), Key::RewardDone(command)]).await?;
            let (acting, reward, share) = share_of(&loaded, reporter, id)?;
            // Which share is theirs only the reward says, and who they are only the member.
            let also = [Key::Payout(PayoutId { reward: id, share }), Key::Identity(acting.id.clone())];
            let also = self.store.load(also).await?;
            let before = also.payout_of(&reward, share)?;
            if loaded.reward_done(&done)? {
                return Ok((reward, before));
            }
            let decided = before.ask_transfer(&reward, &acting, context(&done, self.now()))?;
            // Asked now, so that no batch stops at it.
            if self.payee(&also, &acting.id).await?.is_none() {
                return Err(Refusal::NoPaymentDetails.into());
            }
            let commit = PayoutCommit { before: &before, reward: Some(&reward), paid: None, done: Some(&done) };
            match self.store.commit_payout(&decided, &commit).await {
                Ok(()) => return Ok((reward, decided.payout)),
                Err(RewardCommitError::Failed(error)) => return Err(error),
                Err(_) => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    async fn make_code(&self, reporter: &MemberId, key: Uuid, id: RewardId) -> Result<ClaimCodeView, Error> {
        let command = CommandId::new(reporter, key);
        let done = RewardDone { command, fingerprint: Fingerprint::of(key, "make a claim code", id.as_str(), &())? };
        // The same command makes the same code, so that whoever did not get the answer gets it again.
        let secret = self.hashes.of("claim code", &command.to_string());
        for _ in 0..MAX_TRIES {
            let loaded =
                self.store.load([Key::Member(reporter.clone()), Key::Reward(id), Key::RewardDone(command)]).await?;
            let (acting, reward, share) = share_of(&loaded, reporter, id)?;
            let code = ClaimCode::new(share, &secret);
            let hash = self.hash(id, &code);
            // Which share is theirs only the reward says.
            let loaded_payout = self.store.load([Key::Payout(PayoutId { reward: id, share })]).await?;
            let before = loaded_payout.payout_of(&reward, share)?;
            if loaded.reward_done(&done)? {
                let valid = before.code.as_ref().filter(|made| made.hash == hash);
                return ClaimCodeView::new(&reward, &code, valid).ok_or_else(|| Refusal::SecretReplaced.into());
            }
            let decided = before.make_code(&reward, hash, &acting, context(&done, self.now()))?;
            let commit = PayoutCommit { before: &before, reward: Some(&reward), paid: None, done: Some(&done) };
            match self.store.commit_payout(&decided, &commit).await {
                Ok(()) => {
                    let view = ClaimCodeView::new(&reward, &code, decided.payout.code.as_ref());
                    return view.ok_or_else(|| Error::Internal("a code was made that is not there".to_owned()));
                }
                Err(RewardCommitError::Failed(error)) => return Err(error),
                Err(_) => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }
}
