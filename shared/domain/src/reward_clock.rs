//! What the clock does with rewards that wait to be claimed: their reporters are reminded, once, and
//! what nobody has claimed in time goes back to the fund, share by share.

use jiff::{SignedDuration, Timestamp};

use crate::{
    error::Error,
    ledger::Fund,
    member::{MemberId, Role},
    payout::Payout,
    reward::{Context, Decided, Reward, RewardAction, RewardState, ShareState, check},
};

/// How long before the end of the time in which it can be claimed people are reminded, in days.
pub const REMIND_DAYS: i64 = 14;

impl Reward {
    /// When the clock has to look at it next; never, when nothing of it waits to be claimed.
    pub fn clock_at(&self) -> Option<Timestamp> {
        let until = self.claim_until.filter(|_| self.state == RewardState::Approved)?;
        Some(self.remind_at().unwrap_or(until))
    }

    /// When its reporters are to be reminded. Not again, and not where they were told less than
    /// [`REMIND_DAYS`] before the end that it waits for them.
    fn remind_at(&self) -> Option<Timestamp> {
        let at = self.claim_until?.checked_sub(SignedDuration::from_hours(24 * REMIND_DAYS)).ok()?;
        let told = self.approved_at.is_some_and(|approved| approved >= at);
        (self.reminded_at.is_none() && !told).then_some(at)
    }

    /// What is due with it by now, one step at a time: a reminder, or the lapse of a share. None when
    /// nothing is. `payouts` says of each share, in their order, how it is paid; whoever commits this
    /// has to do so on condition that they are as they were.
    ///
    /// A share whose money is on its way does not lapse, and is looked at again by the next run.
    pub fn come(&self, payouts: &[Payout], fund: &Fund, context: Context) -> Result<Option<Decided>, Error> {
        if self.clock_at().is_none_or(|at| context.now < at) {
            return Ok(None);
        }
        if self.claim_until.is_some_and(|until| context.now < until) {
            return self.remind(context).map(Some);
        }
        let waits = |number: &u8| {
            let reserved = |share: &crate::reward::Share| share.state == ShareState::Reserved;
            let place = usize::from(*number);
            self.shares.get(place).is_some_and(reserved)
                && payouts.get(place).is_some_and(|payout| payout.may_lapse(context.now).is_ok())
        };
        let numbers = (0..).take(self.shares.len());
        numbers.into_iter().find(waits).map(|number| self.lapse(number, fund, context)).transpose()
    }

    fn remind(&self, context: Context) -> Result<Decided, Error> {
        check(RewardAction::Remind, Role::Clock, self.state)?;
        let after = Self { reminded_at: Some(context.now), ..self.clone() };
        let by = MemberId::clock();
        let (reward, event) = after.happens(RewardAction::Remind, (&by, Role::Clock), None, context)?;
        Ok(Decided { reward, event, fund: None })
    }
}
