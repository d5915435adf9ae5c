//! The counter: a treasurer checks a code, and a second person confirms.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use pingan_domain::{
    Timestamp,
    claim_code::ClaimCode,
    command::{CommandId, Fingerprint},
    error::Error,
    member::{MemberId, Role},
    payout::{Begun, Payout, PayoutId, PayoutProvider as _, PayoutState},
    payout_counter::{Counter, may_type},
    reward::RewardId,
    territory::NodeId,
};
use pingan_http::{
    Body, DistrictPath, IdempotencyKey, IfMatch, Problem, Query, RewardPath, SharePath, Subject, Versioned, page,
    schema,
};
use pingan_store::{
    Key,
    payouts::PayoutCommit,
    rewards::{RewardCommitError, RewardDone},
};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::{
    MAX_TRIES, Payouts, context, fund_of, keys_of, of_district,
    views::{CheckBody, PayoutEntry, PayoutStepBody, PayoutView, PayoutsPage},
};

/// Who takes part in paying.
const PAYERS: [Role; 2] = [Role::Treasurer, Role::DistrictManager];
/// Who may look at it.
pub(crate) const READERS: [Role; 3] = [Role::Treasurer, Role::DistrictManager, Role::Auditor];

/// Which payouts.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PayoutsQuery {
    /// In this state
    #[param(schema_with = schema::payout_state)]
    state: PayoutState,
    /// How many, from 1 to 100; 50 when nothing is said.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u16>,
    /// Where the list goes on: `next` of the page before.
    cursor: Option<String>,
}

/// The payouts of a district in a state, what has waited longest first.
#[utoipa::path(
    get,
    path = "/districts/{district}/payouts",
    params(("district" = String, Path, description = "The district"), PayoutsQuery),
    responses(
        (status = 200, description = "A page of payouts; `Link: rel=\"next\"` names the next", body = PayoutsPage),
        (status = 404, description = "This is not your district"),
    ),
)]
pub(crate) async fn list_payouts(
    State(payouts): State<Payouts>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    Query(query): Query<PayoutsQuery>,
) -> Result<Response, Problem> {
    let limit = page::limit(query.limit)?;
    let loaded = payouts.store.load([Key::Member(reader.clone())]).await?;
    let reader = of_district(&loaded, &reader, &READERS, &district)?;
    let cursor = query.cursor.as_deref();
    let (items, next) = payouts.store.payouts(&district, query.state, &reader.id, limit, cursor).await?;
    let view = PayoutsPage { items: items.into_iter().map(PayoutEntry::from).collect(), next: next.clone() };
    Ok(page::respond(view, next.as_deref(), &format!("state={}&limit={limit}", query.state)))
}

/// Checks the one-time code that somebody shows at the counter. When it is right the answer says how
/// much, and a second person has half an hour to confirm. A wrong one is counted: after five the share
/// is locked, and after ten within a quarter of an hour nothing more that you type is looked at.
#[utoipa::path(
    post,
    path = "/districts/{district}/payouts/checks",
    params(
        ("district" = String, Path, description = "The district"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this check, the same with each retry"),
    ),
    request_body = CheckBody,
    responses(
        (status = 200, description = "The code is right: the payout, with its version as `ETag`", body = PayoutView),
        (status = 403, description = "The code is wrong"),
        (status = 404, description = "Your district has no reward with this code"),
        (status = 409, description = "It cannot be paid now"),
        (status = 422, description = "The key was used for another request"),
        (status = 429, description = "Too many wrong codes; wait for as long as `Retry-After` says"),
    ),
)]
pub(crate) async fn check_claim_code(
    State(payouts): State<Payouts>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    IdempotencyKey(key): IdempotencyKey,
    Body(body): Body<CheckBody>,
) -> Result<Response, Problem> {
    let code: ClaimCode = body
        .code
        .parse()
        .map_err(|error: pingan_domain::claim_code::ClaimCodeError| Error::field("/code", error.to_string()))?;
    let payout = payouts.check(&actor, key, &district, body.reward, &code).await?;
    let now = payouts.world.now();
    Ok(Versioned(payout.version, PayoutView::new(&payout, now)).into_response())
}

/// How a share is paid, and where that is.
#[utoipa::path(
    get,
    path = "/districts/{district}/rewards/{reward_id}/payouts/{share}",
    params(
        ("district" = String, Path, description = "The district"),
        ("reward_id" = String, Path, description = "The reward's code"),
        ("share" = u8, Path, description = "Which of its shares, from 0"),
    ),
    responses(
        (status = 200, description = "The payout, with its version as `ETag`", body = PayoutView),
        (status = 404, description = "Your district has no such share"),
    ),
)]
pub(crate) async fn read_payout(
    State(payouts): State<Payouts>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    place: (RewardPath, SharePath),
) -> Result<Response, Problem> {
    let (RewardPath(id), SharePath(share)) = place;
    let keys = [Key::Member(reader.clone()), Key::Reward(id), Key::Payout(PayoutId { reward: id, share })];
    let loaded = payouts.store.load(keys).await?;
    let reader = of_district(&loaded, &reader, &READERS, &district)?;
    let reward = loaded.reward(id)?.filter(|reward| reward.is_seen_by(&reader)).ok_or(Error::NotFound)?;
    let payout = loaded.payout_of(&reward, share)?;
    Ok(Versioned(payout.version, PayoutView::new(&payout, payouts.world.now())).into_response())
}

/// Takes a step with a payment at the counter: `confirm` what somebody else has checked, `cancel`
/// it, `unlock` what wrong codes have locked.
#[utoipa::path(
    post,
    path = "/districts/{district}/rewards/{reward_id}/payouts/{share}/steps",
    params(
        ("district" = String, Path, description = "The district"),
        ("reward_id" = String, Path, description = "The reward's code"),
        ("share" = u8, Path, description = "Which of its shares, from 0"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this step, the same with each retry"),
        ("If-Match" = String, Header, description = "The `ETag` of the payout"),
    ),
    request_body = PayoutStepBody,
    responses(
        (status = 200, description = "The payout afterwards", body = PayoutView),
        (status = 403, description = "This step is for others"),
        (status = 404, description = "Your district has no such share"),
        (status = 409, description = "It is not in a state in which this can be done"),
        (status = 412, description = "It has changed"),
        (status = 422, description = "The key was used for another request"),
    ),
)]
pub(crate) async fn take_payout_step(
    State(payouts): State<Payouts>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    place: (RewardPath, SharePath),
    IdempotencyKey(key): IdempotencyKey,
    IfMatch(seen): IfMatch,
    Body(step): Body<PayoutStepBody>,
) -> Result<Response, Problem> {
    let (RewardPath(id), SharePath(share)) = place;
    let payout = payouts.step(&actor, (key, seen), &district, (id, share), &step).await?;
    let unkept = [(header::CACHE_CONTROL, "no-store")];
    let view = Versioned(payout.version, PayoutView::new(&payout, payouts.world.now()));
    Ok((unkept, view).into_response())
}

impl Payouts {
    async fn check(
        &self,
        actor: &MemberId,
        key: Uuid,
        district: &NodeId,
        id: RewardId,
        code: &ClaimCode,
    ) -> Result<Payout, Error> {
        let command = CommandId::new(actor, key);
        // The code itself is kept nowhere, not even as what a command asked for.
        let hash = self.hash(id, code);
        let fingerprint = Fingerprint::of(key, "check a claim code", id.as_str(), &hash)?;
        let done = RewardDone { command, fingerprint };
        let share = code.share();
        let who = self.hashes.of("counter tries", actor.as_str());
        for _ in 0..MAX_TRIES {
            let keys = [Key::Member(actor.clone()), Key::Tries(who)].into_iter().chain(keys_of(id, share, &done));
            let loaded = self.store.load(keys).await?;
            let acting = of_district(&loaded, actor, &PAYERS, district)?;
            let now = self.now();
            let tries = loaded.tries(who)?;
            let ends_at = Timestamp::from_second(tries.expires_at).unwrap_or(Timestamp::UNIX_EPOCH);
            may_type(tries.count, ends_at, now.0)?;
            // A reward that there is not costs a try as well: who types learns nothing by it.
            let Some(reward) = loaded.reward(id)?.filter(|reward| reward.is_seen_by(&acting)) else {
                self.store.count_try(who, ends_at <= now.0, now.0).await?;
                return Err(Error::NotFound);
            };
            let before = match loaded.payout_of(&reward, share) {
                Err(Error::NotFound) => {
                    self.store.count_try(who, ends_at <= now.0, now.0).await?;
                    return Err(Error::NotFound);
                }
                before => before?,
            };
            if loaded.reward_done(&done)? {
                return Ok(before);
            }
            let (decided, refusal) = match Counter::begin(&before, &reward, &hash, &acting, context(&done, now))? {
                Begun::Held(decided) => (decided, None),
                Begun::Failed(decided, refusal) => (decided, Some(refusal)),
            };
            // A wrong code is written down without its command: its retry is answered the same.
            let kept = Some(&done).filter(|_| refusal.is_none());
            let commit = PayoutCommit { before: &before, reward: Some(&reward), paid: None, done: kept };
            match self.store.commit_payout(&decided, &commit).await {
                Ok(()) => {}
                Err(RewardCommitError::Failed(error)) => return Err(error),
                Err(_) => continue,
            }
            let Some(refusal) = refusal else { return Ok(decided.payout) };
            self.store.count_try(who, ends_at <= now.0, now.0).await?;
            return Err(refusal.into());
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    async fn step(
        &self,
        actor: &MemberId,
        (key, seen): (Uuid, u64),
        district: &NodeId,
        (id, share): (RewardId, u8),
        step: &PayoutStepBody,
    ) -> Result<Payout, Error> {
        let command = CommandId::new(actor, key);
        let scope = format!("{} {share}", id.as_str());
        let done = RewardDone { command, fingerprint: Fingerprint::of(key, "take a payout step", &scope, step)? };
        for _ in 0..MAX_TRIES {
            let keys = std::iter::once(Key::Member(actor.clone())).chain(keys_of(id, share, &done));
            let loaded = self.store.load(keys).await?;
            let acting = of_district(&loaded, actor, &PAYERS, district)?;
            let reward = loaded.reward(id)?.filter(|reward| reward.is_seen_by(&acting)).ok_or(Error::NotFound)?;
            let before = loaded.payout_of(&reward, share)?;
            if loaded.reward_done(&done)? {
                return Ok(before);
            }
            if before.version != seen {
                return Err(Error::VersionStale(before.version));
            }
            let context = context(&done, self.now());
            let committed = match step {
                PayoutStepBody::Confirm {} => {
                    // From which year's fund it is paid only the reward says.
                    let year = reward.fund().ok_or(Error::NotFound)?;
                    let fund = fund_of(&self.store.load([Key::Fund(year.clone())]).await?, &year)?;
                    let settled = match Counter::settle(&before, &reward, &fund, &(), &acting, context) {
                        Err(Error::Internal(_)) if self.has_moved_on(&before).await? => continue,
                        settled => settled?,
                    };
                    let Some(settled) = settled else { return Ok(before) };
                    let paid = settled.reward.as_ref().map(|paid| (paid, &fund));
                    let commit = PayoutCommit { before: &before, reward: Some(&reward), paid, done: Some(&done) };
                    self.store.commit_payout(&settled.payout, &commit).await.map(|()| settled.payout.payout)
                }
                PayoutStepBody::Cancel { reason } => {
                    let decided = before.cancel(&reward, *reason, &acting, context)?;
                    let commit = PayoutCommit { before: &before, reward: Some(&reward), paid: None, done: Some(&done) };
                    self.store.commit_payout(&decided, &commit).await.map(|()| decided.payout)
                }
                PayoutStepBody::Unlock {} => {
                    let decided = before.unlock(&reward, &acting, context)?;
                    let commit = PayoutCommit { before: &before, reward: Some(&reward), paid: None, done: Some(&done) };
                    self.store.commit_payout(&decided, &commit).await.map(|()| decided.payout)
                }
            };
            match committed {
                Ok(payout) => return Ok(payout),
                Err(RewardCommitError::Failed(error)) => return Err(error),
                Err(_) => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }
}
