//! Payout by transfers: a treasurer puts shares whose reporters have asked for it into a batch, a
//! second person releases it, the bank is given a file, and its answer is read back.
//!
//! A batch says which share stands on which line, and nothing of whom the money is for. The file,
//! which does, is made outside from accounts that are unsealed for it, once, and kept sealed until the
//! bank has answered; the batch keeps its SHA-256, so that no other is ever handed out. Each time that
//! somebody fetches it is an event.
//!
//! Each step can be cut off and repeated:
//! - Shares are put in by portions, each of which is one transaction with the batch.
//! - The answer is checked whole, by [`Answer::verify`], before anything is taken of it. Then the
//!   batch takes on *which* answer it is, once, and after that each line is one transaction with its
//!   share. A line that was taken before changes nothing, since its share is not on it any more.
//! - A cancelled batch lets its shares go one by one, in the same way.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    chain::{Linked, verify_links},
    code::Code,
    command::CommandId,
    error::{Error, FieldError, Refusal},
    event::BrokenChain,
    hash::Digest,
    ledger::Fund,
    member::{Member, MemberId, Role},
    named::named,
    payout::{
        Begun, Decided, Method, Payout, PayoutAction, PayoutId, PayoutProvider, PayoutState, Place, SECOND, Settled,
        step as payout_step,
    },
    payout_answer::{Answer, BankResult},
    payout_counter::after,
    reward::{Context, Reward, RewardState, ShareState},
    territory::NodeId,
};

/// The identifier of a batch is a code.
pub type BatchId = Code;

/// The most lines of a batch. It keeps a batch a small record.
pub const MAX_LINES: usize = 200;
/// The most shares that are put in at once: with their events, the batch and the receipt they fit
/// into one transaction.
pub const MAX_PORTION: usize = 40;
/// How long a share can be claimed at least after the bank has refused it, in days.
pub const REFUSED_DAYS: i64 = 30;

named! {
    /// Where a batch is.
    pub enum BatchState {
        /// Takes shares, and waits for a second person.
        Gathering = "gathering",
        /// Is for the bank; waits for its answer.
        Released = "released",
        /// The answer was checked, and is being taken line by line.
        Answered = "answered",
        /// Every line was taken.
        Settled = "settled",
        /// Was never for the bank.
        Cancelled = "cancelled",
    }
}

named! {
    /// What can be done with a batch.
    pub enum BatchAction {
        /// It is made.
        Make = "make",
        /// Shares are put in.
        Add = "add",
        /// A second person lets the bank have it.
        Release = "release",
        /// Somebody fetches the file for the bank.
        Fetch = "fetch",
        /// It is given up before that.
        Cancel = "cancel",
        /// The bank has answered.
        Answer = "answer",
        /// Every line of the answer was taken.
        Settle = "settle",
    }
}

/// One row of the table.
struct Row {
    action: BatchAction,
    from: BatchState,
    by: &'static [Role],
    to: BatchState,
}

const TREASURER: &[Role] = &[Role::Treasurer];

/// What can be done with a batch. One row for each action but the first, which a treasurer takes.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    Row { action: BatchAction::Add,     from: BatchState::Gathering, by: TREASURER, to: BatchState::Gathering },
    Row { action: BatchAction::Release, from: BatchState::Gathering, by: SECOND,    to: BatchState::Released },
    Row { action: BatchAction::Fetch,   from: BatchState::Released,  by: TREASURER, to: BatchState::Released },
    Row { action: BatchAction::Cancel,  from: BatchState::Gathering, by: SECOND,    to: BatchState::Cancelled },
    Row { action: BatchAction::Answer,  from: BatchState::Released,  by: TREASURER, to: BatchState::Answered },
    Row { action: BatchAction::Settle,  from: BatchState::Answered,  by: TREASURER, to: BatchState::Settled },
];

/// Decides one case by the table: where it leads.
pub fn step(action: BatchAction, role: Role, state: BatchState) -> Result<BatchState, Error> {
    let row = TABLE.iter().find(|row| row.action == action);
    let row = row.ok_or_else(|| Error::Internal(format!("{action} has no row")))?;
    if !row.by.contains(&role) {
        return Err(Refusal::WrongRole.into());
    }
    if row.from == state { Ok(row.to) } else { Err(Refusal::WrongBatchState.into()) }
}

/// A line of a batch. Its number is its place, from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The share.
    #[serde(flatten)]
    pub payout: PayoutId,
    /// How much, in fen.
    pub amount_fen: u64,
}

/// That a second person has let the bank have a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Who.
    pub by: MemberId,
    /// When.
    pub at: Timestamp,
    /// The SHA-256 of the file for the bank.
    pub file: Digest,
}

/// What the bank has answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// Who has brought the answer.
    pub by: MemberId,
    /// When.
    pub at: Timestamp,
    /// The SHA-256 of the answer. The batch has no other.
    pub file: Digest,
    /// How many lines were paid.
    pub paid_lines: u16,
    /// How much that is, in fen.
    pub paid_fen: u64,
    /// How many were refused.
    pub refused_lines: u16,
}

/// A batch of transfers as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Its code.
    pub id: BatchId,
    /// Rises by one with each event; what the API shows as the `ETag`.
    pub version: u64,
    /// The hash of its newest event.
    pub head: Digest,
    /// The district.
    pub district: NodeId,
    /// Where it is.
    pub state: BatchState,
    /// Its lines, in their order.
    pub lines: Vec<Line>,
    /// All of them together, in fen.
    pub amount_fen: u64,
    /// Who makes it.
    pub made_by: MemberId,
    /// When it was made.
    pub created_at: Timestamp,
    /// That it was released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
    /// What the bank has answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answered>,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What happened to a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchEvent {
    /// The batch.
    pub batch: BatchId,
    /// Its place in the history, from 1.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: MemberId,
    /// In which role.
    pub role: Role,
    /// What was done.
    pub action: BatchAction,
    /// Where it led.
    pub state: BatchState,
    /// How many lines it has.
    pub lines: u16,
    /// All of them together, in fen; of an answer, what of it was paid.
    pub amount_fen: u64,
    /// The lines that were put in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<Line>,
    /// The SHA-256 of the file that was released, fetched or answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<Digest>,
    /// The command that did it.
    pub command: CommandId,
    /// The hash of the event before; zeros for the first.
    pub previous: Digest,
    /// The hash of this event: of all fields above.
    pub hash: Digest,
}

/// What was decided of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchDecided {
    /// The batch after.
    pub batch: Batch,
    /// What happened.
    pub event: BatchEvent,
    /// The shares that were put in.
    pub payouts: Vec<Decided>,
}

/// What a verified answer, which its batch has taken on, says of one line. Nothing else makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    payout: PayoutId,
    place: Place,
    result: BankResult,
}

impl Proof {
    /// The share that it is of.
    pub fn payout(&self) -> PayoutId {
        self.payout
    }

    /// The command by which this line is taken, however often the answer is read.
    pub fn command(&self) -> CommandId {
        CommandId::of_batch_line(self.place.batch, self.place.line)
    }
}

impl Batch {
    /// A batch with nothing in it.
    pub fn make(id: BatchId, district: NodeId, actor: &Member, context: Context) -> Result<BatchDecided, Error> {
        if !TREASURER.contains(&actor.role) {
            return Err(Refusal::WrongRole.into());
        }
        if !actor.node.contains(&district) {
            return Err(Error::NotFound);
        }
        let batch = Self {
            id,
            version: 0,
            head: Digest::ZERO,
            district,
            state: BatchState::Gathering,
            lines: Vec::new(),
            amount_fen: 0,
            made_by: actor.id.clone(),
            created_at: context.now,
            release: None,
            answer: None,
            updated_at: context.now,
        };
        batch.happens(BatchAction::Make, actor, Vec::new(), context)
    }

    /// Whether this member may know of it: treasurers, managers and auditors of the district.
    pub fn is_seen_by(&self, member: &Member) -> bool {
        let role = [Role::DistrictManager, Role::Treasurer, Role::Auditor].contains(&member.role);
        role && member.node.contains(&self.district)
    }

    /// Who has made the batch puts shares in, all of these or none.
    ///
    /// # Errors
    ///
    /// Each share that cannot be put in is named, as `/shares/0`.
    pub fn add(&self, shares: &[(Payout, &Reward)], actor: &Member, context: Context) -> Result<BatchDecided, Error> {
        self.permit(BatchAction::Add, actor)?;
        if self.made_by != actor.id {
            return Err(Refusal::NotYourBatch.into());
        }
        if !(1..=MAX_PORTION).contains(&shares.len()) {
            return Err(Error::field("/shares", format!("must be 1 to {MAX_PORTION}")));
        }
        if self.lines.len() + shares.len() > MAX_LINES {
            return Err(Refusal::BatchFull.into());
        }
        let (mut bad, mut payouts, mut added) = (Vec::new(), Vec::new(), Vec::<Line>::new());
        for ((i, (payout, reward)), line) in shares.iter().enumerate().zip(self.lines.len() + 1..) {
            let line = u16::try_from(line).map_err(|_| Refusal::BatchFull)?;
            let place = Place { batch: self.id, line };
            let at = format!("/shares/{i}");
            if added.iter().any(|other| other.payout == payout.id) {
                bad.push(FieldError::new(at, "is there twice"));
                continue;
            }
            let begun = if reward.district() == self.district {
                Transfer::begin(payout, reward, &place, actor, context)
            } else {
                Err(Error::NotFound)
            };
            match begun {
                Ok(Begun::Held(decided)) => {
                    added.push(Line { payout: payout.id, amount_fen: decided.payout.amount_fen });
                    payouts.push(*decided);
                }
                Ok(Begun::Failed(_, refusal)) | Err(Error::Refused(refusal)) => {
                    bad.push(FieldError::new(at, refusal.detail()));
                }
                Err(Error::NotFound) => bad.push(FieldError::new(at, "is no share here")),
                Err(error) => return Err(error),
            }
        }
        if !bad.is_empty() {
            return Err(Error::Invalid(bad));
        }
        let mut after = self.clone();
        for line in &added {
            let sum = after.amount_fen.checked_add(line.amount_fen);
            after.amount_fen = sum.ok_or_else(|| Error::Internal("overflow".to_owned()))?;
        }
        after.lines.extend(added.clone());
        let decided = after.happens(BatchAction::Add, actor, added, context)?;
        Ok(BatchDecided { payouts, ..decided })
    }

    /// A second person lets the bank have it. `file` is the SHA-256 of the file, which is made by the
    /// same command.
    pub fn release(&self, file: Digest, actor: &Member, context: Context) -> Result<BatchDecided, Error> {
        let state = self.permit(BatchAction::Release, actor)?;
        if self.made_by == actor.id {
            return Err(Refusal::SecondPerson.into());
        }
        if self.lines.is_empty() {
            return Err(Refusal::BatchEmpty.into());
        }
        let release = Some(Release { by: actor.id.clone(), at: context.now, file });
        Self { state, release, ..self.clone() }.happens(BatchAction::Release, actor, Vec::new(), context)
    }

    /// Whom the lines are for, in their order, as long as each of them is to be paid. `rewards` are
    /// those of the lines.
    ///
    /// A reward that was taken back in the moment in which its share was put in is found here, before
    /// the bank knows of it: once the share is in the batch, nothing takes the money back.
    ///
    /// # Errors
    ///
    /// Each line that is not to be paid is named, as `/lines/1`.
    pub fn payees(&self, rewards: &[Reward]) -> Result<Vec<MemberId>, Error> {
        let (mut payees, mut bad) = (Vec::new(), Vec::new());
        for (number, line) in (1_u64..).zip(&self.lines) {
            let reward = rewards.iter().find(|reward| reward.id == line.payout.reward);
            let reserved = reward.filter(|reward| reward.state == RewardState::Approved).and_then(|reward| {
                let share = reward.shares.get(usize::from(line.payout.share))?;
                Some(share).filter(|share| share.state == ShareState::Reserved && share.amount_fen == line.amount_fen)
            });
            match reserved {
                Some(share) => payees.push(share.member.clone()),
                None => bad.push(FieldError::new(format!("/lines/{number}"), "is not to be paid any more")),
            }
        }
        if bad.is_empty() { Ok(payees) } else { Err(Error::Invalid(bad)) }
    }

    /// A treasurer fetches the file for the bank, as often as it takes until the bank has answered.
    pub fn fetch(&self, actor: &Member, context: Context) -> Result<BatchDecided, Error> {
        let state = self.permit(BatchAction::Fetch, actor)?;
        Self { state, ..self.clone() }.happens(BatchAction::Fetch, actor, Vec::new(), context)
    }

    /// Refuses to hand out another file than the one that was released.
    pub fn check_file(&self, file: Digest) -> Result<(), Error> {
        let released = self.release.as_ref().ok_or(Refusal::WrongBatchState)?;
        if released.file == file { Ok(()) } else { Err(Refusal::BatchFileChanged.into()) }
    }

    /// Gives it up before the bank has it. Afterwards its shares are let go, each by [`Batch::free`].
    pub fn cancel(&self, actor: &Member, context: Context) -> Result<BatchDecided, Error> {
        let state = self.permit(BatchAction::Cancel, actor)?;
        Self { state, ..self.clone() }.happens(BatchAction::Cancel, actor, Vec::new(), context)
    }

    /// Lets a share of a cancelled batch go. None when it is not in it any more.
    pub fn free(&self, payout: &Payout, actor: &Member, context: Context) -> Result<Option<Decided>, Error> {
        if self.state != BatchState::Cancelled {
            return Err(Refusal::WrongBatchState.into());
        }
        if !self.holds(payout) {
            return Ok(None);
        }
        let by = (&actor.id, actor.role);
        payout.take(PayoutAction::Unbatch, by, context, |payout, _| payout.place = None).map(Some)
    }

    /// Refuses an answer, whatever it says, of what is not with the bank and was not.
    pub fn may_be_answered(&self) -> Result<(), Error> {
        match self.state {
            BatchState::Released | BatchState::Answered | BatchState::Settled => Ok(()),
            BatchState::Gathering | BatchState::Cancelled => Err(Refusal::WrongBatchState.into()),
        }
    }

    /// Takes on an answer of the bank: from now on it is the only one. None when it was taken on
    /// before.
    pub fn answer(&self, answer: &Answer, actor: &Member, context: Context) -> Result<Option<BatchDecided>, Error> {
        if answer.batch != self.id || answer.results.len() != self.lines.len() {
            return Err(Error::Internal(format!("the answer was checked against another batch than {} is", self.id)));
        }
        if let Some(known) = &self.answer {
            self.seen_by_treasurer(actor)?;
            return if known.file == answer.file { Ok(None) } else { Err(Refusal::AnsweredOtherwise.into()) };
        }
        let state = self.permit(BatchAction::Answer, actor)?;
        let paid_lines = answer.paid_lines();
        let count = |lines: usize| u16::try_from(lines).map_err(|_| Error::Internal("too many lines".to_owned()));
        let answered = Answered {
            by: actor.id.clone(),
            at: context.now,
            file: answer.file,
            paid_lines: count(paid_lines)?,
            paid_fen: answer.paid_fen,
            refused_lines: count(answer.results.len() - paid_lines)?,
        };
        let after = Self { state, answer: Some(answered), ..self.clone() };
        after.happens(BatchAction::Answer, actor, Vec::new(), context).map(Some)
    }

    /// What the answer says of each line, once the batch has taken it on. Whoever was cut off begins
    /// anywhere in it again.
    pub fn proofs(&self, answer: &Answer) -> Result<Vec<Proof>, Error> {
        let known = self.answer.as_ref().ok_or(Refusal::WrongBatchState)?;
        if answer.batch != self.id || known.file != answer.file {
            return Err(Refusal::AnsweredOtherwise.into());
        }
        let proofs = (1..).zip(self.lines.iter().zip(&answer.results)).map(|(line, (ours, result))| Proof {
            payout: ours.payout,
            place: Place { batch: self.id, line },
            result: result.clone(),
        });
        Ok(proofs.collect())
    }

    /// Says that every line of the answer was taken: `payouts` are those of all lines, as they stand.
    /// None when one of them was not, or when it was said before.
    pub fn settle(&self, payouts: &[Payout], actor: &Member, context: Context) -> Result<Option<BatchDecided>, Error> {
        if self.state == BatchState::Settled {
            return self.seen_by_treasurer(actor).map(|()| None);
        }
        let state = self.permit(BatchAction::Settle, actor)?;
        let taken = |line: &Line| payouts.iter().any(|payout| payout.id == line.payout && !self.holds(payout));
        if !self.lines.iter().all(taken) {
            return Ok(None);
        }
        Self { state, ..self.clone() }.happens(BatchAction::Settle, actor, Vec::new(), context).map(Some)
    }

    /// Whether a share stands in this batch, and is neither paid nor let go.
    pub fn holds(&self, payout: &Payout) -> bool {
        payout.state == PayoutState::Batched && payout.place.is_some_and(|place| place.batch == self.id)
    }

    fn permit(&self, action: BatchAction, actor: &Member) -> Result<BatchState, Error> {
        if !self.is_seen_by(actor) {
            return Err(Error::NotFound);
        }
        step(action, actor.role, self.state)
    }

    /// Refuses who could not have taken a step that was taken before.
    fn seen_by_treasurer(&self, actor: &Member) -> Result<(), Error> {
        match (self.is_seen_by(actor), TREASURER.contains(&actor.role)) {
            (false, _) => Err(Error::NotFound),
            (true, false) => Err(Refusal::WrongRole.into()),
            (true, true) => Ok(()),
        }
    }

    fn happens(
        mut self,
        action: BatchAction,
        actor: &Member,
        added: Vec<Line>,
        context: Context,
    ) -> Result<BatchDecided, Error> {
        let (released, answered) = match action {
            BatchAction::Release | BatchAction::Fetch => (self.release.as_ref(), None),
            BatchAction::Answer => (None, self.answer.as_ref()),
            _ => (None, None),
        };
        let mut event = BatchEvent {
            batch: self.id,
            seq: self.version + 1,
            at: context.now,
            actor: actor.id.clone(),
            role: actor.role,
            action,
            state: self.state,
            lines: u16::try_from(self.lines.len()).unwrap_or(u16::MAX),
            amount_fen: answered.map_or(self.amount_fen, |answer| answer.paid_fen),
            added,
            file: released.map(|release| release.file).or(answered.map(|answer| answer.file)),
            command: context.command,
            previous: self.head,
            hash: Digest::ZERO,
        };
        event.hash = event.computed_hash()?;
        (self.version, self.head, self.updated_at) = (event.seq, event.hash, context.now);
        Ok(BatchDecided { batch: self, event, payouts: Vec::new() })
    }
}

/// Payment by the bank. It begins on a line of a batch, by [`Batch::add`], and ends with what the
/// bank says of that line.
#[derive(Debug, Clone, Copy)]
pub struct Transfer;

impl PayoutProvider for Transfer {
    const METHOD: Method = Method::Transfer;
    type Order = Place;
    type Proof = Proof;

    fn begin(
        payout: &Payout,
        reward: &Reward,
        place: &Place,
        actor: &Member,
        context: Context,
    ) -> Result<Begun, Error> {
        Payout::seen_by(reward, actor)?;
        payout_step(PayoutAction::Batch, actor.role, payout.state_at(context.now))?;
        payout.reserved(reward)?;
        if payout.method != Self::METHOD {
            return Err(Refusal::NoTransferWanted.into());
        }
        payout.check_window(reward, context.now)?;
        let decided = payout.take(PayoutAction::Batch, (&actor.id, actor.role), context, |payout, event| {
            payout.place = Some(*place);
            event.place = Some(*place);
        })?;
        Ok(Begun::Held(Box::new(decided)))
    }

    fn settle(
        payout: &Payout,
        reward: &Reward,
        fund: &Fund,
        proof: &Proof,
        actor: &Member,
        context: Context,
    ) -> Result<Option<Settled>, Error> {
        if payout.id != proof.payout {
            return Err(Error::Internal(format!("the payout {} is not that of the line", payout.id)));
        }
        // It is not on this line any more: the line was taken before.
        if payout.state != PayoutState::Batched || payout.place != Some(proof.place) {
            return Ok(None);
        }
        Payout::seen_by(reward, actor)?;
        let by = (&actor.id, actor.role);
        let settled = match &proof.result {
            BankResult::Paid { reference } => {
                let reference = Some(reference.clone());
                payout.pay(PayoutAction::BankPaid, (reward, fund), &actor.id, by, context, |paid, event| {
                    event.bank_reference.clone_from(&reference);
                    paid.bank_reference = reference;
                })?
            }
            BankResult::Refused { reason } => {
                let payout = payout.take(PayoutAction::BankRefused, by, context, |payout, event| {
                    payout.place = None;
                    payout.refused = Some(*reason);
                    let kept = after(context.now, SignedDuration::from_hours(24 * REFUSED_DAYS));
                    payout.kept_until = payout.kept_until.max(Some(kept));
                    event.refused = Some(*reason);
                })?;
                Settled { payout, reward: None }
            }
        };
        Ok(Some(settled))
    }
}

impl Linked for BatchEvent {
    const KIND: &'static [u8] = b"batch event";

    fn link(&self) -> (u64, Digest, Digest) {
        (self.seq, self.previous, self.hash)
    }

    fn bare(&self) -> Self {
        Self { hash: Digest::ZERO, ..self.clone() }
    }
}

/// Checks the chain of a batch: every event in its place, unaltered, up to `head`.
pub fn verify_chain(events: &[BatchEvent], head: Digest) -> Result<(), BrokenChain> {
    verify_links(events, head)
}
