//! What the bank has answered: checked whole, taken on once, then taken line by line; and the lines
//! of a cancelled batch, which are let go in the same way.
//!
//! Each line is one transaction under the command of its line, whoever takes it. So whoever is cut
//! off sends the same file again, and goes on where it ended.

use std::collections::BTreeMap;

use axum::{
    body::Bytes,
    extract::{FromRequest, Request, State},
    http::header,
    response::{IntoResponse as _, Response},
};
use pingan_bankfile::{MAX_BYTES, answer};
use pingan_domain::{
    command::{CommandId, Fingerprint},
    error::Error,
    ledger::{Fund, FundId},
    member::{Member, MemberId, Role},
    payout::{Payout, PayoutId, PayoutProvider as _},
    payout_answer::{Answer, refuse},
    payout_transfer::{Batch, BatchId, BatchState, Proof, Transfer},
    reward::{Reward, RewardId},
    territory::NodeId,
};
use pingan_http::{BatchPath, DistrictPath, IdempotencyKey, Problem, Subject, Versioned};
use pingan_store::{
    Key,
    batches::{BatchCommit, OrderWrite},
    payouts::PayoutCommit,
    rewards::{RewardCommitError, RewardDone},
};
use uuid::Uuid;

use crate::{MAX_LOADED, MAX_TRIES, Payouts, batches::batch_of, context, fund_of, of_district, views::BatchView};

/// The line of the command that says that all lines were taken: lines begin with 1.
const SETTLES: u16 = 0;

/// The bytes of a file of the bank, within the limit.
pub(crate) struct BankFile(Bytes);

impl<S: Sync + Send> FromRequest<S> for BankFile {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let declared = request.headers().get(header::CONTENT_LENGTH);
        let declared = declared.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        if declared.is_some_and(|length| length > MAX_BYTES) {
            return Err(Error::TooLarge(MAX_BYTES).into());
        }
        let bytes = axum::body::to_bytes(request.into_body(), MAX_BYTES).await;
        Ok(Self(bytes.map_err(|_| Error::TooLarge(MAX_BYTES))?))
    }
}

/// Takes what the bank has answered to a batch: the file as it came, as `text/csv`. It is checked whole
/// before anything of it is taken, and what is wrong is named by the line of the file. When you get no
/// answer, send the same file again: what was taken is not taken twice. It needs no `If-Match`, for
/// the first answer that verifies is the only one.
#[utoipa::path(
    post,
    path = "/districts/{district}/batches/{batch_id}/answer",
    params(
        ("district" = String, Path, description = "The district"),
        ("batch_id" = String, Path, description = "The batch's code"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this answer, the same with each retry"),
    ),
    request_body(content = Vec<u8>, content_type = "text/csv"),
    responses(
        (status = 200, description = "Every line was taken: the batch, with where each line is", body = BatchView),
        (status = 400, description = "The file was cut off or changed, or is none of this batch; each fault is named"),
        (status = 403, description = "Treasurers alone bring it"),
        (status = 404, description = "Your district has no such batch"),
        (status = 409, description = "It is not with the bank, or the bank has answered otherwise"),
        (status = 413, description = "The file is larger than 512 KiB"),
        (status = 422, description = "The key was used for another request"),
    ),
)]
pub(crate) async fn answer_batch(
    State(payouts): State<Payouts>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    BatchPath(id): BatchPath,
    IdempotencyKey(key): IdempotencyKey,
    BankFile(file): BankFile,
) -> Result<Response, Problem> {
    let (batch, lines) = payouts.answer(&actor, key, &district, id, &file).await?;
    Ok(Versioned(batch.version, BatchView::whole(&batch, &lines, Vec::new())).into_response())
}

/// What was read of the lines, as the newest of its changes has left it.
#[derive(Debug, Default)]
struct Books {
    rewards: BTreeMap<RewardId, Reward>,
    payouts: BTreeMap<PayoutId, Payout>,
    funds: BTreeMap<FundId, Fund>,
}

impl Payouts {
    async fn answer(
        &self,
        actor: &MemberId,
        key: Uuid,
        district: &NodeId,
        id: BatchId,
        file: &[u8],
    ) -> Result<(Batch, Vec<Payout>), Error> {
        let command = CommandId::new(actor, key);
        let digest = pingan_domain::hash::Digest::of_file(file);
        let fingerprint = Fingerprint::of(key, "answer a batch", id.as_str(), &digest)?;
        let done = RewardDone { command, fingerprint };
        for _ in 0..MAX_TRIES {
            let keys = [Key::Member(actor.clone()), Key::Batch(id), Key::RewardDone(command)];
            let loaded = self.store.load(keys).await?;
            let acting = of_district(&loaded, actor, &[Role::Treasurer], district)?;
            let before = batch_of(&loaded, id, &acting, district)?;
            loaded.reward_done(&done)?;
            // A batch that is not with the bank has no answer, whatever stands in the file.
            before.may_be_answered()?;
            let answer = answer::read(file, &before).map_err(refuse)?;
            let Some(decided) = before.answer(&answer, &acting, context(&done, self.now()))? else {
                return self.take_lines(before, &answer, &acting).await;
            };
            let commit = BatchCommit { before: Some(&before), payouts: &[], order: OrderWrite::Erase, done: &done };
            match self.store.commit_batch(&decided, &commit).await {
                Ok(()) => return self.take_lines(decided.batch, &answer, &acting).await,
                Err(RewardCommitError::Failed(error)) => return Err(error),
                Err(_) => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    /// Takes every line of an answer that its batch has taken on, and says so in the end.
    async fn take_lines(&self, batch: Batch, answer: &Answer, acting: &Member) -> Result<(Batch, Vec<Payout>), Error> {
        if batch.state != BatchState::Settled {
            let mut books = Books::default();
            // Two keys for each line.
            for portion in batch.proofs(answer)?.chunks(MAX_LOADED / 2) {
                self.read_into(&mut books, portion.iter().map(Proof::payout)).await?;
                for proof in portion {
                    self.take_line(&mut books, proof, acting).await?;
                }
            }
        }
        self.settle(batch, acting).await
    }

    async fn take_line(&self, books: &mut Books, proof: &Proof, acting: &Member) -> Result<(), Error> {
        let id = proof.payout();
        let command = proof.command();
        let done =
            RewardDone { command, fingerprint: Fingerprint::of(Uuid::nil(), "take a line", &id.to_string(), &())? };
        for _ in 0..MAX_TRIES {
            let missing = || Error::Internal(format!("there is no payout {id}"));
            let reward = books.rewards.get(&id.reward).ok_or_else(missing)?.clone();
            let before = books.payouts.get(&id).ok_or_else(missing)?.clone();
            let year = reward.fund().ok_or_else(missing)?;
            let fund = match books.funds.get(&year) {
                Some(fund) => fund.clone(),
                None => fund_of(&self.store.load([Key::Fund(year.clone())]).await?, &year)?,
            };
            let context = context(&done, self.now());
            let settled = match Transfer::settle(&before, &reward, &fund, proof, acting, context) {
                Err(Error::Internal(_)) if self.has_moved_on(&before).await? => {
                    books.funds.remove(&year);
                    self.read_into(books, [id]).await?;
                    continue;
                }
                settled => settled?,
            };
            let Some(settled) = settled else { return Ok(()) };
            let paid = settled.reward.as_ref().map(|paid| (paid, &fund));
            let commit = PayoutCommit { before: &before, reward: Some(&reward), paid, done: Some(&done) };
            match self.store.commit_payout(&settled.payout, &commit).await {
                Ok(()) => {
                    books.payouts.insert(id, settled.payout.payout);
                    if let Some(paid) = settled.reward {
                        books.rewards.insert(id.reward, paid.reward);
                        books.funds.extend(paid.fund.map(|(fund, _)| (year, fund)));
                    }
                    return Ok(());
                }
                Err(RewardCommitError::Failed(error)) => return Err(error),
                // Somebody else pays from the same fund, or takes the same line.
                Err(_) => {
                    books.funds.remove(&year);
                    self.read_into(books, [id]).await?;
                }
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    async fn read_into(&self, books: &mut Books, ids: impl IntoIterator<Item = PayoutId>) -> Result<(), Error> {
        let ids: Vec<_> = ids.into_iter().collect();
        let keys = ids.iter().flat_map(|id| [Key::Reward(id.reward), Key::Payout(*id)]);
        let loaded = self.store.load(keys).await?;
        for id in ids {
            books.rewards.extend(loaded.reward(id.reward)?.map(|reward| (reward.id, reward)));
            books.payouts.extend(loaded.payout(id)?.map(|payout| (id, payout)));
        }
        Ok(())
    }

    /// Says that every line of an answer was taken.
    async fn settle(&self, mut batch: Batch, acting: &Member) -> Result<(Batch, Vec<Payout>), Error> {
        let command = CommandId::of_batch_line(batch.id, SETTLES);
        let fingerprint = Fingerprint::of(Uuid::nil(), "settle a batch", batch.id.as_str(), &())?;
        let done = RewardDone { command, fingerprint };
        for _ in 0..MAX_TRIES {
            let payouts = self.payouts_of(&batch).await?;
            let Some(decided) = batch.settle(&payouts, acting, context(&done, self.now()))? else {
                return Ok((batch, payouts));
            };
            let commit = BatchCommit { before: Some(&batch), payouts: &[], order: OrderWrite::Nothing, done: &done };
            match self.store.commit_batch(&decided, &commit).await {
                Ok(()) => return Ok((decided.batch, payouts)),
                Err(RewardCommitError::Failed(error)) => return Err(error),
                Err(_) => {
                    let found = self.store.load([Key::Batch(batch.id)]).await?.batch(batch.id)?;
                    batch = found.ok_or(Error::NotFound)?;
                }
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    /// Lets every share of a cancelled batch go that is still in it.
    pub(crate) async fn free(&self, batch: &Batch, acting: &Member) -> Result<(), Error> {
        for (line, before) in (1_u16..).zip(self.payouts_of(batch).await?) {
            let command = CommandId::of_batch_line(batch.id, line);
            let of = before.id.to_string();
            let done = RewardDone { command, fingerprint: Fingerprint::of(Uuid::nil(), "free a line", &of, &())? };
            let Some(decided) = batch.free(&before, acting, context(&done, self.now()))? else { continue };
            let commit = PayoutCommit { before: &before, reward: None, paid: None, done: Some(&done) };
            match self.store.commit_payout(&decided, &commit).await {
                // Nothing leads out of a cancelled batch but this: somebody else has done it.
                Ok(()) | Err(RewardCommitError::AlreadyDone | RewardCommitError::Stale) => {}
                Err(RewardCommitError::Failed(error)) => return Err(error),
                Err(RewardCommitError::CodeTaken) => {
                    return Err(Error::Internal("a line was let go that is not there".to_owned()));
                }
            }
        }
        Ok(())
    }
}
