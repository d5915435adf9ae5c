//! Payout at the counter: the reporter shows a one-time code, a treasurer checks it, a second person
//! confirms, and the money is handed over. Nobody asks who it is.
//!
//! The code and the key of its hash are outside: here a code is its keyed hash, made of the reward's
//! code and the [`crate::claim_code::ClaimCode`] together, so that a code fits its own reward alone.
//! Each code can be used once, for a time; after too many wrong ones the share is locked.

use jiff::{SignedDuration, Timestamp};

use crate::{
    error::{Error, Refusal},
    hash::Digest,
    ledger::Fund,
    member::{Member, MemberId},
    payout::{
        Begun, CancelReason, Check, Decided, MadeCode, Method, Payout, PayoutAction, PayoutProvider, PayoutState,
        SECOND, Settled, step,
    },
    reward::{Context, Reward},
};

/// How long a code can be used, in days.
pub const CODE_DAYS: i64 = 14;
/// How many codes can be made for a share before a manager has to look at it.
pub const MAX_CODES: u8 = 50;
/// How long a share is kept for its reporter who has asked for a transfer, in days.
pub const TRANSFER_DAYS: i64 = 90;
/// How many wrong codes lock a share.
pub const MAX_WRONG_CODES: u8 = 5;
/// How long after it was locked the reporter can make a new code, in hours.
pub const LOCK_HOURS: i64 = 24;
/// How long the second person has to confirm, in minutes.
pub const CONFIRM_MINUTES: i64 = 30;
/// How many wrong codes a treasurer can type before nothing is looked at until the window of tries,
/// which the records keep, is over.
pub const MAX_TREASURER_TRIES: u32 = 10;

/// Payment at the counter. It begins with the keyed hash of the code that was shown, and ends with
/// somebody else who confirms.
#[derive(Debug, Clone, Copy)]
pub struct Counter;

/// Refuses a treasurer who has typed too many wrong codes within the window that ends at `ends_at`.
pub fn may_type(wrong: u32, ends_at: Timestamp, now: Timestamp) -> Result<(), Error> {
    if wrong < MAX_TREASURER_TRIES || now >= ends_at {
        return Ok(());
    }
    let seconds = ends_at.as_second().saturating_sub(now.as_second()).max(1);
    Err(Error::TooManyTries { retry_after_seconds: u32::try_from(seconds).unwrap_or(u32::MAX) })
}

impl Payout {
    /// The reporter makes a one-time code, of which `hash` is the keyed hash. It takes the place of
    /// the one before, and of a transfer that was asked for.
    pub fn make_code(&self, reward: &Reward, hash: Digest, actor: &Member, context: Context) -> Result<Decided, Error> {
        self.claimable(PayoutAction::MakeCode, reward, actor, context)?;
        let waited = self.locked_at.is_none_or(|at| context.now >= after(at, SignedDuration::from_hours(LOCK_HOURS)));
        if !waited {
            return Err(Refusal::ClaimLocked.into());
        }
        if self.codes >= MAX_CODES {
            return Err(Refusal::TooManyClaimCodes.into());
        }
        // No longer than it can be claimed: what it says is relied on.
        let window = reward.claim_until.max(self.kept_until).unwrap_or(Timestamp::MAX);
        let until = after(context.now, SignedDuration::from_hours(24 * CODE_DAYS)).min(window);
        self.take(PayoutAction::MakeCode, (&actor.id, actor.role), context, |payout, _| {
            payout.method = Method::ClaimCode;
            payout.code = Some(MadeCode { hash, at: context.now, until });
            payout.codes += 1;
            (payout.wrong_codes, payout.locked_at) = (0, None);
        })
    }

    /// The reporter asks for a transfer. A code that was made ends; a lock stays. Whoever asks in time
    /// does not lose by how long the bank takes.
    pub fn ask_transfer(&self, reward: &Reward, actor: &Member, context: Context) -> Result<Decided, Error> {
        self.claimable(PayoutAction::AskTransfer, reward, actor, context)?;
        self.take(PayoutAction::AskTransfer, (&actor.id, actor.role), context, |payout, _| {
            payout.method = Method::Transfer;
            payout.code = None;
            payout.refused = None;
            if reward.claim_until.is_some_and(|until| context.now < until) {
                payout.kept_until = Some(after(context.now, SignedDuration::from_hours(24 * TRANSFER_DAYS)));
            }
        })
    }

    /// A district manager lets codes be typed, and made, again.
    pub fn unlock(&self, reward: &Reward, actor: &Member, context: Context) -> Result<Decided, Error> {
        step(PayoutAction::Unlock, actor.role, self.state_at(context.now))?;
        Self::seen_by(reward, actor)?;
        if self.locked_at.is_none() && self.codes < MAX_CODES {
            return Err(Refusal::WrongPayoutState.into());
        }
        self.take(PayoutAction::Unlock, (&actor.id, actor.role), context, |payout, _| {
            (payout.wrong_codes, payout.locked_at, payout.codes) = (0, None, 0);
        })
    }

    /// Ends a payment at the counter without paying. The code was used up by it.
    pub fn cancel(
        &self,
        reward: &Reward,
        reason: CancelReason,
        actor: &Member,
        context: Context,
    ) -> Result<Decided, Error> {
        // What is over is as good as cancelled.
        if self.state_at(context.now) != self.state && SECOND.contains(&actor.role) {
            return Err(Refusal::CheckExpired.into());
        }
        step(PayoutAction::Cancel, actor.role, self.state)?;
        Self::seen_by(reward, actor)?;
        self.take(PayoutAction::Cancel, (&actor.id, actor.role), context, |_, event| {
            event.cancelled = Some(reason);
        })
    }

    /// What a reporter can do with a share of their own, as long as it can be claimed.
    fn claimable(&self, action: PayoutAction, reward: &Reward, actor: &Member, context: Context) -> Result<(), Error> {
        let share = reward.shares.get(usize::from(self.id.share));
        if share.is_none_or(|share| share.member != actor.id) {
            return Err(Error::NotFound);
        }
        step(action, actor.role, self.state_at(context.now))?;
        self.reserved(reward)?;
        self.check_window(reward, context.now)
    }

    /// Counts a wrong code; a retry of the same command is no other try.
    fn wrong_code(&self, actor: &Member, context: Context) -> Result<Begun, Error> {
        if self.wrong_by == Some(context.command) {
            return Err(Refusal::WrongClaimCode.into());
        }
        let wrong_codes = self.wrong_codes.saturating_add(1);
        let locks = wrong_codes >= MAX_WRONG_CODES;
        let decided = self.take(PayoutAction::WrongCode, (&actor.id, actor.role), context, |payout, event| {
            (payout.wrong_codes, payout.wrong_by) = (wrong_codes, Some(context.command));
            payout.locked_at = Some(context.now).filter(|_| locks);
            event.locked = locks;
        })?;
        let refusal = if locks { Refusal::ClaimLocked } else { Refusal::WrongClaimCode };
        Ok(Begun::Failed(Box::new(decided), refusal))
    }
}

impl PayoutProvider for Counter {
    const METHOD: Method = Method::ClaimCode;
    type Order = Digest;
    type Proof = ();

    /// A treasurer checks a code. A wrong one is counted, and in time locks the share; whoever calls
    /// this counts it of the treasurer as well, and has asked [`may_type`] before.
    fn begin(
        payout: &Payout,
        reward: &Reward,
        code: &Digest,
        actor: &Member,
        context: Context,
    ) -> Result<Begun, Error> {
        Payout::seen_by(reward, actor)?;
        step(PayoutAction::Check, actor.role, payout.state_at(context.now))?;
        payout.reserved(reward)?;
        payout.check_window(reward, context.now)?;
        // A retry of the try that has locked the share comes here as well.
        if payout.locked_at.is_some() {
            return Err(Refusal::ClaimLocked.into());
        }
        let Some(made) = payout.code.as_ref().filter(|made| made.hash == *code) else {
            return payout.wrong_code(actor, context);
        };
        if context.now >= made.until {
            return Err(Refusal::ClaimCodeExpired.into());
        }
        let until = after(context.now, SignedDuration::from_mins(CONFIRM_MINUTES));
        let decided = payout.take(PayoutAction::Check, (&actor.id, actor.role), context, |payout, _| {
            payout.check = Some(Check { by: actor.id.clone(), at: context.now, until });
            payout.code = None;
        })?;
        Ok(Begun::Held(Box::new(decided)))
    }

    /// Somebody else than who has checked the code confirms, and it is paid in the name of the
    /// treasurer who has.
    fn settle(
        payout: &Payout,
        reward: &Reward,
        fund: &Fund,
        (): &(),
        actor: &Member,
        context: Context,
    ) -> Result<Option<Settled>, Error> {
        Payout::seen_by(reward, actor)?;
        let state = payout.state_at(context.now);
        if state != payout.state && SECOND.contains(&actor.role) {
            return Err(Refusal::CheckExpired.into());
        }
        step(PayoutAction::Confirm, actor.role, state)?;
        let check = payout.check.as_ref().filter(|_| state == PayoutState::Checked);
        let checked_by: MemberId = check.ok_or(Refusal::WrongPayoutState)?.by.clone();
        if checked_by == actor.id {
            return Err(Refusal::SecondPerson.into());
        }
        let by = (&actor.id, actor.role);
        let change = |paid: &mut crate::payout::Paid, _: &mut _| paid.confirmed_by = Some(actor.id.clone());
        payout.pay(PayoutAction::Confirm, (reward, fund), &checked_by, by, context, change).map(Some)
    }
}

/// A moment so much later.
pub(crate) fn after(at: Timestamp, time: SignedDuration) -> Timestamp {
    at.checked_add(time).unwrap_or(Timestamp::MAX)
}
