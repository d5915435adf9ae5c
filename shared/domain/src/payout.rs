//! Payout, 发放: how the reserved share of a reward reaches who has earned it.
//!
//! There is one [`Payout`] for each share, and whatever pays the share changes that one record, on
//! condition of its version. So nothing pays a share beside something else, and once it is paid
//! nothing leads out of [`PayoutState::Paid`]. The money itself moves in [`Reward::pay`], in the same
//! transaction.
//!
//! It is paid in one of two ways, each a [`PayoutProvider`]: at the counter against a one-time code
//! ([`crate::payout_counter`]), or through the bank by a batch of transfers
//! ([`crate::payout_transfer`]). Either way two people have to act. A payout holds nothing that says
//! who is paid.
//!
//! [`TABLE`] says who takes which step in which state, and [`step`] is its only reader. Each step is
//! an event, and the events form a chain by their hashes.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    chain::{Linked, verify_links},
    code::Code,
    command::CommandId,
    error::{Error, Refusal},
    event::BrokenChain,
    hash::Digest,
    ledger::Fund,
    member::{Member, MemberId, Role},
    named::named,
    reward::{self, Context, Reward, RewardId, RewardState, Share, ShareState},
    territory::NodeId,
};

/// Which share of which reward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PayoutId {
    /// The reward.
    pub reward: RewardId,
    /// Its share, from 0.
    pub share: u8,
}

impl fmt::Display for PayoutId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.reward, self.share))
    }
}

named! {
    /// Where the payout of a share is.
    pub enum PayoutState {
        /// The money is reserved, and nobody is paying it.
        Waiting = "waiting",
        /// The code was right, and somebody else has to confirm.
        Checked = "checked",
        /// Is in a batch of transfers.
        Batched = "batched",
        /// Was paid. Nothing leads out of it.
        Paid = "paid",
    }
}

named! {
    /// How a share is paid.
    pub enum Method {
        /// At the counter, against a one-time code.
        ClaimCode = "claim_code",
        /// By a transfer of the bank.
        Transfer = "transfer",
    }
}

named! {
    /// What can be done with a payout.
    pub enum PayoutAction {
        /// The reporter makes a one-time code. The one before ends.
        MakeCode = "make_code",
        /// The reporter asks for a transfer.
        AskTransfer = "ask_transfer",
        /// Somebody typed a wrong code at the counter.
        WrongCode = "wrong_code",
        /// A district manager lifts the lock that wrong codes have set.
        Unlock = "unlock",
        /// The code is right: a payment begins at the counter.
        Check = "check",
        /// A second person confirms it: it is paid.
        Confirm = "confirm",
        /// It is not paid: back to where it was.
        Cancel = "cancel",
        /// It is put into a batch of transfers.
        Batch = "batch",
        /// The batch was cancelled.
        Unbatch = "unbatch",
        /// The bank has paid it.
        BankPaid = "bank_paid",
        /// The bank has not.
        BankRefused = "bank_refused",
    }
}

named! {
    /// Why a payment at the counter was cancelled. A closed list, for a text could name somebody.
    pub enum CancelReason {
        /// There was nobody to confirm it.
        NobodyConfirms = "nobody_confirms",
        /// It was begun by mistake.
        Mistake = "mistake",
        /// Whoever claimed it did not wait.
        ClaimantLeft = "claimant_left",
    }
}

named! {
    /// Why the bank has not paid. A closed list, for a bank's own text could name somebody.
    pub enum BankReason {
        /// There is no such account.
        AccountUnknown = "account_unknown",
        /// The account is closed, or takes no money.
        AccountClosed = "account_closed",
        /// The account is somebody else's.
        NameMismatch = "name_mismatch",
        /// A limit of the account or of the bank.
        LimitExceeded = "limit_exceeded",
        /// Something else, which the bank says by other ways.
        Other = "other",
    }
}

/// One row of the table.
struct Row {
    action: PayoutAction,
    from: PayoutState,
    by: &'static [Role],
    to: PayoutState,
}

const REPORTER: &[Role] = &[Role::Reporter];
const TREASURER: &[Role] = &[Role::Treasurer];
const MANAGER: &[Role] = &[Role::DistrictManager];
/// Those who can be the second person, or undo what the first has begun.
pub(crate) const SECOND: &[Role] = &[Role::Treasurer, Role::DistrictManager];

/// What can be done with a payout. One row for each action.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    Row { action: PayoutAction::MakeCode,    from: PayoutState::Waiting, by: REPORTER,  to: PayoutState::Waiting },
    Row { action: PayoutAction::AskTransfer, from: PayoutState::Waiting, by: REPORTER,  to: PayoutState::Waiting },
    Row { action: PayoutAction::WrongCode,   from: PayoutState::Waiting, by: TREASURER, to: PayoutState::Waiting },
    Row { action: PayoutAction::Unlock,      from: PayoutState::Waiting, by: MANAGER,   to: PayoutState::Waiting },
    Row { action: PayoutAction::Check,       from: PayoutState::Waiting, by: TREASURER, to: PayoutState::Checked },
    Row { action: PayoutAction::Confirm,     from: PayoutState::Checked, by: SECOND,    to: PayoutState::Paid },
    Row { action: PayoutAction::Cancel,      from: PayoutState::Checked, by: SECOND,    to: PayoutState::Waiting },
    Row { action: PayoutAction::Batch,       from: PayoutState::Waiting, by: TREASURER, to: PayoutState::Batched },
    Row { action: PayoutAction::Unbatch,     from: PayoutState::Batched, by: SECOND,    to: PayoutState::Waiting },
    Row { action: PayoutAction::BankPaid,    from: PayoutState::Batched, by: TREASURER, to: PayoutState::Paid },
    Row { action: PayoutAction::BankRefused, from: PayoutState::Batched, by: TREASURER, to: PayoutState::Waiting },
];

/// Decides one case by the table: where it leads.
pub fn step(action: PayoutAction, role: Role, state: PayoutState) -> Result<PayoutState, Error> {
    let row = TABLE.iter().find(|row| row.action == action);
    let row = row.ok_or_else(|| Error::Internal(format!("{action} has no row")))?;
    if !row.by.contains(&role) {
        return Err(Refusal::WrongRole.into());
    }
    if row.from != state {
        // What is paid is paid, whatever somebody wanted.
        let paid = state == PayoutState::Paid;
        return Err(if paid { Refusal::PaidAlready } else { Refusal::WrongPayoutState }.into());
    }
    Ok(row.to)
}

/// A one-time code that was made, without the code itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeCode {
    /// The keyed hash of the code with the reward's.
    pub hash: Digest,
    /// When it was made.
    pub at: Timestamp,
    /// Until when it can be used.
    pub until: Timestamp,
}

/// A payment at the counter that waits for a second person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Who has checked the code.
    pub by: MemberId,
    /// When.
    pub at: Timestamp,
    /// Until when it can be confirmed. Afterwards it counts as not begun.
    pub until: Timestamp,
}

/// A line of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The batch.
    pub batch: Code,
    /// The line, from 1.
    pub line: u16,
}

/// That a share was paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paid {
    /// When.
    pub at: Timestamp,
    /// The treasurer who has paid: in whose name the ledger has it.
    pub by: MemberId,
    /// Who has confirmed it at the counter. Of a transfer, the batch says who has released it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_by: Option<MemberId>,
    /// By what the bank knows the transfer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank_reference: Option<String>,
}

/// The payout of a share as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payout {
    /// The share.
    #[serde(flatten)]
    pub id: PayoutId,
    /// Rises by one with each event; what the API shows as the `ETag`. 0 before the first, when
    /// there is no record.
    pub version: u64,
    /// The hash of its newest event.
    pub head: Digest,
    /// The district.
    pub district: NodeId,
    /// How much, in fen.
    pub amount_fen: u64,
    /// Where it was led by its newest event; [`Payout::state_at`] says where it is.
    pub state: PayoutState,
    /// How the reporter wants it, or has it.
    pub method: Method,
    /// The code that can be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<MadeCode>,
    /// How many codes were made since a manager has looked at it.
    #[serde(default)]
    pub codes: u8,
    /// How many wrong codes were typed since the code was made.
    #[serde(default)]
    pub wrong_codes: u8,
    /// The command by which the newest of them was typed: its retry is no other try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrong_by: Option<CommandId>,
    /// When too many had been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked_at: Option<Timestamp>,
    /// The payment that waits at the counter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
    /// Its line, while it is in a batch, and once it was paid by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Why the bank has not paid, when it has tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<BankReason>,
    /// Until when it can be claimed at least, and does not lapse, because a transfer was asked for in
    /// time or the bank has refused one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_until: Option<Timestamp>,
    /// That it was paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid: Option<Paid>,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What happened to a payout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutEvent {
    /// The share.
    #[serde(flatten)]
    pub payout: PayoutId,
    /// Its place in the history, from 1.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who. Of what the reporter has done, nobody is shown it: see [`PayoutEvent::shown_actor`].
    pub actor: MemberId,
    /// In which role.
    pub role: Role,
    /// What was done.
    pub action: PayoutAction,
    /// Where it was.
    pub from: PayoutState,
    /// Where it led.
    pub state: PayoutState,
    /// How much, in fen.
    pub amount_fen: u64,
    /// How.
    pub method: Method,
    /// The line of the batch that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Whether the share is locked since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub locked: bool,
    /// Why it was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<CancelReason>,
    /// Why the bank has not paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<BankReason>,
    /// By what the bank knows the transfer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank_reference: Option<String>,
    /// The command that did it.
    pub command: CommandId,
    /// The hash of the event before; zeros for the first.
    pub previous: Digest,
    /// The hash of this event: of all fields above.
    pub hash: Digest,
}

/// What was decided of a payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The payout after.
    pub payout: Payout,
    /// What happened.
    pub event: PayoutEvent,
}

/// What came of beginning a payment. Both are to be committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It has begun.
    Held(Box<Decided>),
    /// It has not, and this is written down of it, before the refusal is answered.
    Failed(Box<Decided>, Refusal),
}

/// How a payment ended. All of it is one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The payout.
    pub payout: Decided,
    /// The reward with the fund, where it was paid.
    pub reward: Option<reward::Decided>,
}

/// A way in which shares are paid, in two steps: one begins the payment, and keeps every other away
/// from the share; another ends it, paid or not.
///
/// A payment by an interface of a bank or of an app would begin with an order that carries the
/// [`PayoutId`] and the version as its key, and settle with what the interface answers. Steps that
/// happened before change nothing, so that each can be repeated after a crash.
pub trait PayoutProvider {
    /// Which way it is.
    const METHOD: Method;
    /// What begins a payment.
    type Order;
    /// What shows how it ended.
    type Proof;

    /// Begins the payment of a share.
    fn begin(
        payout: &Payout,
        reward: &Reward,
        order: &Self::Order,
        actor: &Member,
        context: Context,
    ) -> Result<Begun, Error>;

    /// Ends it. None when this proof was taken before.
    fn settle(
        payout: &Payout,
        reward: &Reward,
        fund: &Fund,
        proof: &Self::Proof,
        actor: &Member,
        context: Context,
    ) -> Result<Option<Settled>, Error>;
}

impl Payout {
    /// The payout of a share of which nothing has happened yet. None when there is no such share.
    pub fn of(reward: &Reward, share: u8) -> Option<Self> {
        let amount_fen = reward.shares.get(usize::from(share))?.amount_fen;
        Some(Self {
            id: PayoutId { reward: reward.id, share },
            version: 0,
            head: Digest::ZERO,
            district: reward.district(),
            amount_fen,
            state: PayoutState::Waiting,
            method: Method::ClaimCode,
            code: None,
            codes: 0,
            wrong_codes: 0,
            wrong_by: None,
            locked_at: None,
            check: None,
            place: None,
            refused: None,
            kept_until: None,
            paid: None,
            updated_at: reward.updated_at,
        })
    }

    /// Where it is. A check that nobody has confirmed in time counts as not made, so that nothing
    /// has to come and end it.
    pub fn state_at(&self, now: Timestamp) -> PayoutState {
        let over = self.check.as_ref().is_some_and(|check| now >= check.until);
        if self.state == PayoutState::Checked && over { PayoutState::Waiting } else { self.state }
    }

    /// Refuses what comes after the time in which it can be claimed.
    pub(crate) fn check_window(&self, reward: &Reward, now: Timestamp) -> Result<(), Error> {
        let open = [reward.claim_until, self.kept_until].iter().flatten().any(|until| now < *until);
        if open { Ok(()) } else { Err(Refusal::ClaimWindowOver.into()) }
    }

    /// Refuses to take the money back while it is on its way. Whoever reverses a reward has to ask
    /// this of the payouts of all shares, and to commit on condition of their versions.
    pub fn may_reverse(&self, now: Timestamp) -> Result<(), Error> {
        match self.state_at(now) {
            PayoutState::Waiting => Ok(()),
            PayoutState::Checked | PayoutState::Batched => Err(Refusal::PayoutOpen.into()),
            PayoutState::Paid => Err(Refusal::PaidAlready.into()),
        }
    }

    /// Refuses to let the share lapse: while the money is on its way, or for a while after a transfer
    /// was asked for or refused. The clock has to ask this, and to commit on condition of the version.
    pub fn may_lapse(&self, now: Timestamp) -> Result<(), Error> {
        let kept = self.kept_until.is_some_and(|until| now < until);
        if kept && self.state != PayoutState::Paid { Err(Refusal::PayoutOpen.into()) } else { self.may_reverse(now) }
    }

    /// The share, while its money is reserved.
    pub(crate) fn reserved<'a>(&self, reward: &'a Reward) -> Result<&'a Share, Error> {
        let share = reward.shares.get(usize::from(self.id.share)).filter(|_| reward.id == self.id.reward);
        let share = share.ok_or(Error::NotFound)?;
        match share.state {
            ShareState::Reserved if reward.state == RewardState::Approved => {}
            ShareState::Paid | ShareState::Recovered => return Err(Refusal::PaidAlready.into()),
            _ => return Err(Refusal::WrongRewardState.into()),
        }
        // A record of before the reward was approved would have another amount.
        if share.amount_fen != self.amount_fen && self.version > 0 {
            return Err(Error::Internal(format!("the payout {} has another amount than its share", self.id)));
        }
        Ok(share)
    }

    /// Refuses what nobody of this member's standing may know of.
    pub(crate) fn seen_by(reward: &Reward, actor: &Member) -> Result<(), Error> {
        if reward.is_seen_by(actor) { Ok(()) } else { Err(Error::NotFound) }
    }

    /// Takes a step of the table, and lets `change` say what else is different.
    pub(crate) fn take(
        &self,
        action: PayoutAction,
        by: (&MemberId, Role),
        context: Context,
        change: impl FnOnce(&mut Self, &mut PayoutEvent),
    ) -> Result<Decided, Error> {
        let from = self.state_at(context.now);
        let mut payout = Self { state: step(action, by.1, from)?, ..self.clone() };
        if payout.state != PayoutState::Checked {
            payout.check = None;
        }
        let mut event = PayoutEvent {
            payout: self.id,
            seq: self.version + 1,
            at: context.now,
            actor: by.0.clone(),
            role: by.1,
            action,
            from,
            state: payout.state,
            amount_fen: self.amount_fen,
            method: self.method,
            place: self.place,
            locked: false,
            cancelled: None,
            refused: None,
            bank_reference: None,
            command: context.command,
            previous: self.head,
            hash: Digest::ZERO,
        };
        change(&mut payout, &mut event);
        event.method = payout.method;
        event.hash = event.computed_hash()?;
        (payout.version, payout.head, payout.updated_at) = (event.seq, event.hash, context.now);
        Ok(Decided { payout, event })
    }

    /// Pays the share. `payer` is the treasurer in whose name the ledger has it, and `by` who takes
    /// the last step.
    pub(crate) fn pay(
        &self,
        action: PayoutAction,
        (reward, fund): (&Reward, &Fund),
        payer: &MemberId,
        by: (&MemberId, Role),
        context: Context,
        change: impl FnOnce(&mut Paid, &mut PayoutEvent),
    ) -> Result<Settled, Error> {
        self.reserved(reward)?;
        let mut paid = Paid { at: context.now, by: payer.clone(), confirmed_by: None, bank_reference: None };
        let payout = self.take(action, by, context, |payout, event| {
            change(&mut paid, event);
            payout.paid = Some(paid);
            payout.code = None;
        })?;
        let reward = reward.pay(self.id.share, (payer, Role::Treasurer), fund, context)?;
        Ok(Settled { payout, reward: Some(reward) })
    }
}

impl PayoutEvent {
    /// Who did it, for people to see: never the reporter.
    pub fn shown_actor(&self) -> Option<&MemberId> {
        Some(&self.actor).filter(|_| self.role != Role::Reporter)
    }
}

impl Linked for PayoutEvent {
    const KIND: &'static [u8] = b"payout event";

    fn link(&self) -> (u64, Digest, Digest) {
        (self.seq, self.previous, self.hash)
    }

    fn bare(&self) -> Self {
        Self { hash: Digest::ZERO, ..self.clone() }
    }
}

/// Checks the chain of a payout: every event in its place, unaltered, up to `head`.
pub fn verify_chain(events: &[PayoutEvent], head: Digest) -> Result<(), BrokenChain> {
    verify_links(events, head)
}
