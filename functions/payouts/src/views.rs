//! What the API shows of payouts. Amounts are whole fen.

use pingan_domain::{
    Timestamp,
    claim_code::ClaimCode,
    hash::Digest,
    member::{MemberId, Role},
    payout::{BankReason, CancelReason, MadeCode, Method, Payout, PayoutState},
    payout_transfer::{Answered, Batch, BatchAction, BatchEvent, BatchId, BatchState, Release},
    reward::{Reward, RewardId},
};
use pingan_http::schema;
use pingan_store::{batches::BatchSummary, payouts::PayoutSummary};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A one-time code.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClaimCodeView {
    /// The reward's code, to be shown with it.
    #[schema(schema_with = schema::code)]
    reward: RewardId,
    /// The code.
    code: String,
    /// Until when it can be used.
    #[schema(schema_with = schema::moment)]
    valid_until: Timestamp,
}

impl ClaimCodeView {
    pub(crate) fn new(reward: &Reward, code: &ClaimCode, made: Option<&MadeCode>) -> Option<Self> {
        made.map(|made| Self { reward: reward.id, code: code.to_string(), valid_until: made.until })
    }
}

/// What somebody shows at the counter.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reward": "7KQ4M-2XD9H", "code": "0A7KQ-4M2XD-9HTR5"}))]
pub(crate) struct CheckBody {
    /// The reward's code.
    #[schema(value_type = String)]
    pub(crate) reward: RewardId,
    /// The one-time code.
    pub(crate) code: String,
}

/// A step that is taken with a payment at the counter.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
#[schema(example = json!({"step": "confirm"}))]
pub(crate) enum PayoutStepBody {
    /// Confirm what somebody else has checked: it is paid.
    Confirm {},
    /// It is not paid.
    Cancel {
        /// Why.
        #[schema(schema_with = schema::cancel_reason)]
        reason: CancelReason,
    },
    /// Lift the lock that wrong codes have set.
    Unlock {},
}

/// A payout: a code and an amount.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PayoutView {
    /// The reward's code.
    #[schema(schema_with = schema::code)]
    reward: RewardId,
    /// Which of its shares, from 0.
    share: u8,
    /// How much.
    amount_fen: u64,
    /// Where it is.
    #[schema(schema_with = schema::payout_state)]
    state: PayoutState,
    /// How it is paid.
    #[schema(schema_with = schema::payout_method)]
    method: Method,
    /// When it last changed.
    #[schema(schema_with = schema::moment)]
    updated_at: Timestamp,
    /// Until when a second person can confirm it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::moment)]
    confirm_until: Option<Timestamp>,
    /// Whether wrong codes have locked it.
    locked: bool,
}

impl PayoutView {
    pub(crate) fn new(payout: &Payout, now: Timestamp) -> Self {
        let state = payout.state_at(now);
        Self {
            reward: payout.id.reward,
            share: payout.id.share,
            amount_fen: payout.amount_fen,
            state,
            method: payout.method,
            updated_at: payout.updated_at,
            confirm_until: payout.check.as_ref().map(|check| check.until).filter(|_| state == PayoutState::Checked),
            locked: payout.locked_at.is_some(),
        }
    }
}

/// A payout as lists show it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PayoutEntry {
    /// The reward's code.
    #[schema(schema_with = schema::code)]
    reward: RewardId,
    /// Which of its shares, from 0.
    share: u8,
    /// Its version.
    version: u64,
    /// How much.
    amount_fen: u64,
    /// Where it was led last; a payment at the counter that nobody confirms in time waits again.
    #[schema(schema_with = schema::payout_state)]
    state: PayoutState,
    /// How it is paid.
    #[schema(schema_with = schema::payout_method)]
    method: Method,
    /// When it last changed.
    #[schema(schema_with = schema::moment)]
    updated_at: Timestamp,
}

impl From<PayoutSummary> for PayoutEntry {
    fn from(payout: PayoutSummary) -> Self {
        let PayoutSummary { id, version, amount_fen, state, method, updated_at, .. } = payout;
        Self { reward: id.reward, share: id.share, version, amount_fen, state, method, updated_at }
    }
}

/// A page of payouts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PayoutsPage {
    /// The payouts.
    pub(crate) items: Vec<PayoutEntry>,
    /// Where the list goes on, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// How the own share of a reward is paid.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MyPayoutView {
    /// The reward's code.
    #[schema(schema_with = schema::code)]
    reward: RewardId,
    /// How much.
    amount_fen: u64,
    /// Where it is.
    #[schema(schema_with = schema::payout_state)]
    state: PayoutState,
    /// How it is paid.
    #[schema(schema_with = schema::payout_method)]
    method: Method,
    /// Why the bank has not paid it, when it has tried. Ask again once that is mended, or make a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::bank_reason)]
    refused: Option<BankReason>,
    /// Until when it can be claimed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::moment)]
    claim_until: Option<Timestamp>,
    /// When it last changed.
    #[schema(schema_with = schema::moment)]
    updated_at: Timestamp,
}

impl MyPayoutView {
    pub(crate) fn new(reward: &Reward, payout: &Payout, now: Timestamp) -> Self {
        Self {
            reward: payout.id.reward,
            amount_fen: payout.amount_fen,
            state: payout.state_at(now),
            method: payout.method,
            refused: payout.refused,
            claim_until: reward.claim_until.max(payout.kept_until),
            updated_at: payout.updated_at,
        }
    }
}

/// A share of a reward.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShareBody {
    /// The reward's code.
    #[schema(value_type = String)]
    pub(crate) reward: RewardId,
    /// Which of its shares, from 0.
    pub(crate) share: u8,
}

/// Shares that are put into a batch.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"shares": [{"reward": "7KQ4M-2XD9H", "share": 0}]}))]
pub(crate) struct SharesBody {
    /// 1 to 40 of them.
    #[schema(min_items = 1, max_items = 40)]
    pub(crate) shares: Vec<ShareBody>,
}

/// A step that is taken with a batch.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
#[schema(example = json!({"step": "release"}))]
pub(crate) enum BatchStepBody {
    /// Let the bank have what somebody else has made.
    Release {},
    /// Give it up; its shares are let go.
    Cancel {},
}

/// A line of a batch. Its number is its place, from 1.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LineView {
    /// The number.
    line: u16,
    /// The reward's code.
    #[schema(schema_with = schema::code)]
    reward: RewardId,
    /// Which of its shares, from 0.
    share: u8,
    /// How much.
    amount_fen: u64,
    /// Where the share is now; not said where the batch alone was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::payout_state)]
    state: Option<PayoutState>,
    /// Why the bank has not paid it, when nothing else has happened to the share since.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::bank_reason)]
    refused: Option<BankReason>,
    /// By what the bank knows the transfer.
    #[serde(skip_serializing_if = "Option::is_none")]
    bank_reference: Option<String>,
}

/// That a batch was released.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReleaseView {
    /// Who has released it.
    #[schema(value_type = String)]
    by: MemberId,
    /// When.
    #[schema(schema_with = schema::moment)]
    at: Timestamp,
    /// The SHA-256 of the file for the bank.
    #[schema(schema_with = schema::sha256)]
    file: Digest,
}

impl From<&Release> for ReleaseView {
    fn from(release: &Release) -> Self {
        Self { by: release.by.clone(), at: release.at, file: release.file }
    }
}

/// What the bank has answered.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AnswerView {
    /// Who has brought the answer.
    #[schema(value_type = String)]
    by: MemberId,
    /// When.
    #[schema(schema_with = schema::moment)]
    at: Timestamp,
    /// The SHA-256 of the answer.
    #[schema(schema_with = schema::sha256)]
    file: Digest,
    /// How many lines were paid.
    paid_lines: u16,
    /// How much that is.
    paid_fen: u64,
    /// How many were refused.
    refused_lines: u16,
}

impl From<&Answered> for AnswerView {
    fn from(answered: &Answered) -> Self {
        let Answered { by, at, file, paid_lines, paid_fen, refused_lines } = answered.clone();
        Self { by, at, file, paid_lines, paid_fen, refused_lines }
    }
}

/// What somebody has done with a batch.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchEventView {
    /// Its place in the history, from 1.
    seq: u64,
    /// When.
    #[schema(schema_with = schema::moment)]
    at: Timestamp,
    /// Who.
    #[schema(value_type = String)]
    actor: MemberId,
    /// In which role.
    #[schema(schema_with = schema::role)]
    role: Role,
    /// What was done.
    #[schema(schema_with = schema::batch_action)]
    action: BatchAction,
    /// How many lines it had then.
    lines: u16,
    /// All of them together; of an answer, what of it was paid.
    amount_fen: u64,
    /// The SHA-256 of the file that it was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::sha256)]
    file: Option<Digest>,
}

impl From<BatchEvent> for BatchEventView {
    fn from(event: BatchEvent) -> Self {
        let BatchEvent { seq, at, actor, role, action, lines, amount_fen, file, .. } = event;
        Self { seq, at, actor, role, action, lines, amount_fen, file }
    }
}

/// A batch of transfers. It says nothing of whom the money is for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchView {
    /// Its code.
    #[schema(schema_with = schema::code)]
    id: BatchId,
    /// Where it is.
    #[schema(schema_with = schema::batch_state)]
    state: BatchState,
    /// Its lines, in their order.
    lines: Vec<LineView>,
    /// All of them together.
    amount_fen: u64,
    /// Who makes it.
    #[schema(value_type = String)]
    made_by: MemberId,
    /// When it was made.
    #[schema(schema_with = schema::moment)]
    created_at: Timestamp,
    /// That it was released.
    #[serde(skip_serializing_if = "Option::is_none")]
    release: Option<ReleaseView>,
    /// What the bank has answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<AnswerView>,
    /// When it last changed.
    #[schema(schema_with = schema::moment)]
    updated_at: Timestamp,
    /// Who has done what with it, oldest first, the first 100; where the batch is read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    events: Vec<BatchEventView>,
}

impl BatchView {
    /// The batch alone.
    pub(crate) fn new(batch: &Batch) -> Self {
        Self::whole(batch, &[], Vec::new())
    }

    /// The batch with where the shares of its lines are, in their order, and what happened to it.
    pub(crate) fn whole(batch: &Batch, payouts: &[Payout], events: Vec<BatchEvent>) -> Self {
        let lines = (1_u16..).zip(&batch.lines).enumerate().map(|(index, (number, line))| {
            let payout = payouts.get(index);
            let paid_here = payout.filter(|payout| payout.place.is_some_and(|place| place.batch == batch.id));
            LineView {
                line: number,
                reward: line.payout.reward,
                share: line.payout.share,
                amount_fen: line.amount_fen,
                state: payout.map(|payout| payout.state),
                refused: payout.and_then(|payout| payout.refused).filter(|_| batch.answer.is_some()),
                bank_reference: paid_here.and_then(|payout| payout.paid.as_ref()?.bank_reference.clone()),
            }
        });
        Self {
            id: batch.id,
            state: batch.state,
            lines: lines.collect(),
            amount_fen: batch.amount_fen,
            made_by: batch.made_by.clone(),
            created_at: batch.created_at,
            release: batch.release.as_ref().map(Into::into),
            answer: batch.answer.as_ref().map(Into::into),
            updated_at: batch.updated_at,
            events: events.into_iter().map(Into::into).collect(),
        }
    }
}

/// A batch as lists show it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchEntry {
    /// Its code.
    #[schema(schema_with = schema::code)]
    id: BatchId,
    /// Its version.
    version: u64,
    /// Where it is.
    #[schema(schema_with = schema::batch_state)]
    state: BatchState,
    /// How many lines it has.
    line_count: u16,
    /// All of them together.
    amount_fen: u64,
    /// When it was made.
    #[schema(schema_with = schema::moment)]
    created_at: Timestamp,
    /// When it last changed.
    #[schema(schema_with = schema::moment)]
    updated_at: Timestamp,
}

impl From<BatchSummary> for BatchEntry {
    fn from(batch: BatchSummary) -> Self {
        let BatchSummary { id, version, state, line_count, amount_fen, created_at, updated_at, .. } = batch;
        Self { id, version, state, line_count, amount_fen, created_at, updated_at }
    }
}

/// A page of batches.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchesPage {
    /// The batches.
    pub(crate) items: Vec<BatchEntry>,
    /// Where the list goes on, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}
