//! Batches of transfers: a treasurer puts shares in, a second person releases, and the file is fetched
//! for the bank.
//!
//! Accounts are unsealed in one place, [`Payouts::order`], by the release. What comes of it is sealed
//! again for its batch, and kept until the bank has answered: so the bank can be given the same bytes
//! twice, whatever people change of their accounts meanwhile. No answer but that of the file itself
//! says anything of whom it is for.

use std::collections::BTreeMap;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use pingan_bankfile::{Payee, order};
use pingan_domain::{
    command::{CommandId, Fingerprint},
    error::{Error, FieldError, Refusal},
    hash::Digest,
    member::{Member, MemberId, Role},
    payout::{Payout, PayoutId},
    payout_transfer::{Batch, BatchId, BatchState, MAX_PORTION},
    reward::Reward,
    territory::NodeId,
};
use pingan_http::{
    BatchPath, Body, DistrictPath, IdempotencyKey, IfMatch, Problem, Query, Subject, Versioned, csv_file, page, schema,
};
use pingan_store::{
    Key, Loaded,
    batches::{BatchCommit, BatchOrder, OrderWrite},
    rewards::{RewardCommitError, RewardDone},
};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::{
    MAX_LOADED, MAX_TRIES, Payouts, context,
    counter::READERS,
    of_district,
    views::{BatchEntry, BatchStepBody, BatchView, BatchesPage, SharesBody},
};

/// Who takes part in making them.
const MAKERS: [Role; 2] = [Role::Treasurer, Role::DistrictManager];
/// How many accounts are unsealed at once.
const UNSEALED_AT_ONCE: usize = 8;
/// The most events of a batch that are shown.
const MAX_EVENTS: u16 = 100;

/// Which batches.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct BatchesQuery {
    /// In this state
    #[param(schema_with = schema::batch_state)]
    state: BatchState,
    /// How many, from 1 to 100; 50 when nothing is said.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u16>,
    /// Where the list goes on: `next` of the page before.
    cursor: Option<String>,
}

/// Makes a batch of transfers, with nothing in it. You alone put shares into it, and somebody else
/// releases it.
#[utoipa::path(
    post,
    path = "/districts/{district}/batches",
    params(
        ("district" = String, Path, description = "The district"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this batch, the same with each retry"),
    ),
    responses(
        (status = 201, description = "The batch, with its version as `ETag`", body = BatchView),
        (status = 404, description = "This is not your district"),
        (status = 422, description = "The key was used for another request"),
    ),
)]
pub(crate) async fn make_batch(
    State(payouts): State<Payouts>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    IdempotencyKey(key): IdempotencyKey,
) -> Result<Response, Problem> {
    let batch = payouts.make(&actor, key, &district).await?;
    Ok((StatusCode::CREATED, Versioned(batch.version, BatchView::new(&batch))).into_response())
}

/// The batches of a district in a state, what has waited longest first.
#[utoipa::path(
    get,
    path = "/districts/{district}/batches",
    params(("district" = String, Path, description = "The district"), BatchesQuery),
    responses(
        (status = 200, description = "A page of batches; `Link: rel=\"next\"` names the next", body = BatchesPage),
        (status = 404, description = "This is not your district"),
    ),
)]
pub(crate) async fn list_batches(
    State(payouts): State<Payouts>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    Query(query): Query<BatchesQuery>,
) -> Result<Response, Problem> {
    let limit = page::limit(query.limit)?;
    let loaded = payouts.store.load([Key::Member(reader.clone())]).await?;
    let reader = of_district(&loaded, &reader, &READERS, &district)?;
    let cursor = query.cursor.as_deref();
    let (items, next) = payouts.store.batches(&district, query.state, &reader.id, limit, cursor).await?;
    let view = BatchesPage { items: items.into_iter().map(BatchEntry::from).collect(), next: next.clone() };
    Ok(page::respond(view, next.as_deref(), &format!("state={}&limit={limit}", query.state)))
}

/// A batch: its lines by the codes of rewards and by amounts, where each of them is now, and who has
/// done what with the batch.
#[utoipa::path(
    get,
    path = "/districts/{district}/batches/{batch_id}",
    params(
        ("district" = String, Path, description = "The district"),
        ("batch_id" = String, Path, description = "The batch's code"),
    ),
    responses(
        (status = 200, description = "The batch, with its version as `ETag`", body = BatchView),
        (status = 404, description = "Your district has no such batch"),
    ),
)]
pub(crate) async fn read_batch(
    State(payouts): State<Payouts>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    BatchPath(id): BatchPath,
) -> Result<Response, Problem> {
    let loaded = payouts.store.load([Key::Member(reader.clone()), Key::Batch(id)]).await?;
    let reader = of_district(&loaded, &reader, &READERS, &district)?;
    let batch = batch_of(&loaded, id, &reader, &district)?;
    let (lines, events) = futures::try_join!(payouts.payouts_of(&batch), payouts.store.batch_events(id, MAX_EVENTS))?;
    Ok(Versioned(batch.version, BatchView::whole(&batch, &lines, events)).into_response())
}

/// Puts shares whose reporters have asked for a transfer into a batch that you have made: all of these
/// or none, 40 at most at once and 200 in a batch.
#[utoipa::path(
    post,
    path = "/districts/{district}/batches/{batch_id}/lines",
    params(
        ("district" = String, Path, description = "The district"),
        ("batch_id" = String, Path, description = "The batch's code"),
        ("Idempotency-Key" = String, Header, description = "A UUID for these shares, the same with each retry"),
        ("If-Match" = String, Header, description = "The `ETag` of the batch"),
    ),
    request_body = SharesBody,
    responses(
        (status = 200, description = "The batch afterwards", body = BatchView),
        (status = 404, description = "Your district has no such batch"),
        (status = 409, description = "It is full, or takes no more"),
        (status = 412, description = "It has changed"),
        (status = 422, description = "The key was used for another request"),
    ),
)]
pub(crate) async fn add_to_batch(
    State(payouts): State<Payouts>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    BatchPath(id): BatchPath,
    IdempotencyKey(key): IdempotencyKey,
    IfMatch(seen): IfMatch,
    Body(body): Body<SharesBody>,
) -> Result<Response, Problem> {
    let batch = payouts.add(&actor, (key, seen), &district, id, &body).await?;
    Ok(Versioned(batch.version, BatchView::new(&batch)).into_response())
}

/// Takes a step with a batch: `release` what somebody else has made, for the bank; `cancel` it before
/// that. A cancelled batch lets its shares go; when that was cut off, the same step goes on with it.
#[utoipa::path(
    post,
    path = "/districts/{district}/batches/{batch_id}/steps",
    params(
        ("district" = String, Path, description = "The district"),
        ("batch_id" = String, Path, description = "The batch's code"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this step, the same with each retry"),
        ("If-Match" = String, Header, description = "The `ETag` of the batch"),
    ),
    request_body = BatchStepBody,
    responses(
        (status = 200, description = "The batch afterwards", body = BatchView),
        (status = 400, description = "Lines that cannot be paid any more, or to nobody; each is named"),
        (status = 403, description = "This step is for others"),
        (status = 404, description = "Your district has no such batch"),
        (status = 409, description = "It is not in a state in which this can be done"),
        (status = 412, description = "It has changed"),
        (status = 422, description = "The key was used for another request"),
    ),
)]
pub(crate) async fn take_batch_step(
    State(payouts): State<Payouts>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    BatchPath(id): BatchPath,
    IdempotencyKey(key): IdempotencyKey,
    IfMatch(seen): IfMatch,
    Body(step): Body<BatchStepBody>,
) -> Result<Response, Problem> {
    let command = CommandId::new(&actor, key);
    let done = RewardDone { command, fingerprint: Fingerprint::of(key, "take a batch step", id.as_str(), &step)? };
    let batch = match step {
        BatchStepBody::Release {} => payouts.release(&actor, (&done, seen), &district, id).await?,
        BatchStepBody::Cancel {} => payouts.cancel_batch(&actor, (&done, seen), &district, id).await?,
    };
    Ok(Versioned(batch.version, BatchView::new(&batch)).into_response())
}

/// The file of a released batch, for the bank: as it was released, with accounts and names. That you
/// have fetched it is written down before you get it.
#[utoipa::path(
    get,
    path = "/districts/{district}/batches/{batch_id}/file",
    params(
        ("district" = String, Path, description = "The district"),
        ("batch_id" = String, Path, description = "The batch's code"),
    ),
    responses(
        (status = 200, description = "The file", body = Vec<u8>, content_type = "text/csv"),
        (status = 403, description = "Treasurers alone fetch it"),
        (status = 404, description = "Your district has no such batch"),
        (status = 409, description = "It is not with the bank"),
    ),
)]
pub(crate) async fn fetch_batch_file(
    State(payouts): State<Payouts>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    BatchPath(id): BatchPath,
) -> Result<Response, Problem> {
    let file = payouts.fetch(&reader, &district, id).await?;
    Ok(csv_file(&format!("batch-{id}.csv"), file))
}

impl Payouts {
    async fn make(&self, actor: &MemberId, key: Uuid, district: &NodeId) -> Result<Batch, Error> {
        let command = CommandId::new(actor, key);
        let fingerprint = Fingerprint::of(key, "make a batch", district.as_str(), &())?;
        let done = RewardDone { command, fingerprint };
        let mut attempt = 0;
        for _ in 0..MAX_TRIES {
            let id = command.batch_id(attempt);
            let keys = [Key::Member(actor.clone()), Key::Batch(id), Key::RewardDone(command)];
            let loaded = self.store.load(keys).await?;
            let acting = of_district(&loaded, actor, &[Role::Treasurer], district)?;
            let found = loaded.batch(id)?;
            if loaded.reward_done(&done)? {
                match found.filter(|batch| batch.made_by == acting.id && batch.district == *district) {
                    Some(batch) => return Ok(batch),
                    // Another batch had the code, and ours has the next.
                    None => attempt += 1,
                }
                continue;
            }
            let decided = Batch::make(id, district.clone(), &acting, context(&done, self.now()))?;
            let commit = BatchCommit { before: None, payouts: &[], order: OrderWrite::Nothing, done: &done };
            match self.store.commit_batch(&decided, &commit).await {
                Ok(()) => return Ok(decided.batch),
                Err(RewardCommitError::Failed(error)) => return Err(error),
                Err(RewardCommitError::CodeTaken) => attempt += 1,
                Err(_) => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    async fn add(
        &self,
        actor: &MemberId,
        (key, seen): (Uuid, u64),
        district: &NodeId,
        id: BatchId,
        body: &SharesBody,
    ) -> Result<Batch, Error> {
        let command = CommandId::new(actor, key);
        let done = RewardDone { command, fingerprint: Fingerprint::of(key, "add to a batch", id.as_str(), body)? };
        // More could not be read in one go.
        let shares = body.shares.get(..MAX_PORTION).unwrap_or(&body.shares);
        for _ in 0..MAX_TRIES {
            let read = shares.iter().flat_map(|share| {
                let payout = PayoutId { reward: share.reward, share: share.share };
                [Key::Reward(share.reward), Key::Payout(payout)]
            });
            let keys = [Key::Member(actor.clone()), Key::Batch(id), Key::RewardDone(command)];
            let loaded = self.store.load(keys.into_iter().chain(read)).await?;
            let acting = of_district(&loaded, actor, &[Role::Treasurer], district)?;
            let before = batch_of(&loaded, id, &acting, district)?;
            if loaded.reward_done(&done)? {
                return Ok(before);
            }
            if before.version != seen {
                return Err(Error::VersionStale(before.version));
            }
            if body.shares.len() > MAX_PORTION {
                return Err(Error::field("/shares", format!("must be 1 to {MAX_PORTION}")));
            }
            let (mut found, mut bad) = (Vec::<(Payout, Reward)>::new(), Vec::new());
            for (i, share) in shares.iter().enumerate() {
                let reward = loaded.reward(share.reward)?.filter(|reward| reward.is_seen_by(&acting));
                match reward.map(|reward| Ok((loaded.payout_of(&reward, share.share)?, reward))) {
                    Some(Ok(both)) => found.push(both),
                    None | Some(Err(Error::NotFound)) => {
                        bad.push(FieldError::new(format!("/shares/{i}"), "is no share here"));
                    }
                    Some(Err(error)) => return Err(error),
                }
            }
            if !bad.is_empty() {
                return Err(Error::Invalid(bad));
            }
            let both: Vec<_> = found.iter().map(|(payout, reward)| (payout.clone(), reward)).collect();
            let decided = before.add(&both, &acting, context(&done, self.now()))?;
            let payouts: Vec<_> = found.into_iter().map(|(payout, _)| payout).collect();
            let commit =
                BatchCommit { before: Some(&before), payouts: &payouts, order: OrderWrite::Nothing, done: &done };
            match self.store.commit_batch(&decided, &commit).await {
                Ok(()) => return Ok(decided.batch),
                Err(RewardCommitError::Failed(error)) => return Err(error),
                Err(_) => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    async fn release(
        &self,
        actor: &MemberId,
        (done, seen): (&RewardDone, u64),
        district: &NodeId,
        id: BatchId,
    ) -> Result<Batch, Error> {
        for _ in 0..MAX_TRIES {
            let keys = [Key::Member(actor.clone()), Key::Batch(id), Key::RewardDone(done.command)];
            let loaded = self.store.load(keys).await?;
            let acting = of_district(&loaded, actor, &MAKERS, district)?;
            let before = batch_of(&loaded, id, &acting, district)?;
            if loaded.reward_done(done)? {
                return Ok(before);
            }
            if before.version != seen {
                return Err(Error::VersionStale(before.version));
            }
            let context = context(done, self.now());
            // Nothing is unsealed for somebody who cannot release it.
            before.release(Digest::ZERO, &acting, context)?;
            let file = self.order(&before).await?;
            let decided = before.release(Digest::of_file(&file), &acting, context)?;
            let order = BatchOrder { batch: id, sealed: self.sealer.seal_transfers(id, &file).await? };
            let order = OrderWrite::Keep(&order);
            let commit = BatchCommit { before: Some(&before), payouts: &[], order, done };
            match self.store.commit_batch(&decided, &commit).await {
                Ok(()) => return Ok(decided.batch),
                Err(RewardCommitError::Failed(error)) => return Err(error),
                Err(_) => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    /// The file for the bank, from accounts that are unsealed for it.
    async fn order(&self, batch: &Batch) -> Result<Vec<u8>, Error> {
        let mut rewards = BTreeMap::new();
        for lines in batch.lines.chunks(MAX_LOADED) {
            let loaded = self.store.load(lines.iter().map(|line| Key::Reward(line.payout.reward))).await?;
            for line in lines {
                if let Some(reward) = loaded.reward(line.payout.reward)? {
                    rewards.insert(reward.id, reward);
                }
            }
        }
        let rewards: Vec<_> = rewards.into_values().collect();
        let members = batch.payees(&rewards)?;
        // Whoever has several lines is unsealed once.
        let mut wanted = members.clone();
        wanted.sort();
        wanted.dedup();
        let mut payees: BTreeMap<MemberId, Payee> = BTreeMap::new();
        for portion in wanted.chunks(MAX_LOADED) {
            let loaded = self.store.load(portion.iter().map(|member| Key::Identity(member.clone()))).await?;
            let loaded = &loaded;
            let opened: Vec<_> = stream::iter(portion.to_vec())
                .map(|member| async move {
                    let payee = self.payee(loaded, &member).await?;
                    Ok::<_, Error>((member, payee))
                })
                .buffer_unordered(UNSEALED_AT_ONCE)
                .try_collect()
                .await?;
            payees.extend(opened.into_iter().filter_map(|(member, payee)| Some((member, payee?))));
        }
        let (mut ordered, mut bad) = (Vec::new(), Vec::new());
        for (number, member) in (1_u64..).zip(&members) {
            match payees.get(member) {
                Some(payee) => ordered.push(payee.clone()),
                None => bad.push(FieldError::new(format!("/lines/{number}"), Refusal::NoPaymentDetails.detail())),
            }
        }
        if bad.is_empty() { order::write(batch, &ordered) } else { Err(Error::Invalid(bad)) }
    }

    async fn fetch(&self, reader: &MemberId, district: &NodeId, id: BatchId) -> Result<Vec<u8>, Error> {
        let random = self.world.random().map_err(|error| Error::Internal(error.to_string()))?;
        let key = uuid::Builder::from_random_bytes(random).into_uuid();
        let command = CommandId::new(reader, key);
        let done = RewardDone { command, fingerprint: Fingerprint::of(key, "fetch a batch", id.as_str(), &())? };
        for _ in 0..MAX_TRIES {
            let keys = [Key::Member(reader.clone()), Key::Batch(id), Key::BatchOrder(id)];
            let loaded = self.store.load(keys).await?;
            let acting = of_district(&loaded, reader, &[Role::Treasurer], district)?;
            let before = batch_of(&loaded, id, &acting, district)?;
            let decided = before.fetch(&acting, context(&done, self.now()))?;
            let order = loaded.batch_order(id)?;
            let order = order.ok_or_else(|| Error::Internal(format!("the file of the batch {id} is not there")))?;
            let file = self.sealer.open_transfers(id, &order.sealed).await?;
            before.check_file(Digest::of_file(&file))?;
            let commit = BatchCommit { before: Some(&before), payouts: &[], order: OrderWrite::Nothing, done: &done };
            match self.store.commit_batch(&decided, &commit).await {
                Ok(()) => return Ok(file.to_vec()),
                Err(RewardCommitError::Failed(error)) => return Err(error),
                Err(_) => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    async fn cancel_batch(
        &self,
        actor: &MemberId,
        (done, seen): (&RewardDone, u64),
        district: &NodeId,
        id: BatchId,
    ) -> Result<Batch, Error> {
        for _ in 0..MAX_TRIES {
            let keys = [Key::Member(actor.clone()), Key::Batch(id), Key::RewardDone(done.command)];
            let loaded = self.store.load(keys).await?;
            let acting = of_district(&loaded, actor, &MAKERS, district)?;
            let before = batch_of(&loaded, id, &acting, district)?;
            if !loaded.reward_done(done)? && before.version != seen {
                return Err(Error::VersionStale(before.version));
            }
            if before.state == BatchState::Cancelled {
                self.free(&before, &acting).await?;
                return Ok(before);
            }
            let decided = before.cancel(&acting, context(done, self.now()))?;
            let commit = BatchCommit { before: Some(&before), payouts: &[], order: OrderWrite::Nothing, done };
            match self.store.commit_batch(&decided, &commit).await {
                Ok(()) => {
                    self.free(&decided.batch, &acting).await?;
                    return Ok(decided.batch);
                }
                Err(RewardCommitError::Failed(error)) => return Err(error),
                Err(_) => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    /// The payouts of the lines of a batch as they stand, in the order of the lines.
    pub(crate) async fn payouts_of(&self, batch: &Batch) -> Result<Vec<Payout>, Error> {
        let mut payouts = Vec::new();
        for lines in batch.lines.chunks(MAX_LOADED) {
            let loaded = self.store.load(lines.iter().map(|line| Key::Payout(line.payout))).await?;
            for line in lines {
                let payout = loaded.payout(line.payout)?;
                payouts.push(payout.ok_or_else(|| Error::Internal(format!("there is no payout {}", line.payout)))?);
            }
        }
        Ok(payouts)
    }
}

/// The batch, if it is of this district and this member may know of it.
pub(crate) fn batch_of(loaded: &Loaded, id: BatchId, member: &Member, district: &NodeId) -> Result<Batch, Error> {
    loaded.batch(id)?.filter(|batch| batch.district == *district && batch.is_seen_by(member)).ok_or(Error::NotFound)
}
