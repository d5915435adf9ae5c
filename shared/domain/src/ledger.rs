//! The ledger of a reward fund, 奖励资金台账: what the district was granted for a year, and where
//! every fen of it is.
//!
//! Double entry: each [`Entry`] takes an amount from one account and gives it to another, so that
//! all accounts together always come to nothing. [`Account::Grant`] stands for the treasury from
//! which the money comes and is the only one below zero: what was granted, less what was given
//! back. Entries are never changed; they form a chain by their hashes, and [`Fund::replay`] makes
//! the balances anew from them.
//!
//! Amounts are whole fen. Nothing here overspends: an account other than the grant that would fall
//! below zero refuses the movement.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    command::CommandId,
    error::{Error, FieldError, Refusal},
    hash::Digest,
    member::{MemberId, Role},
    named::named,
    report::check_text,
    reward::RewardId,
    territory::NodeId,
};

/// The most of one movement: ten million yuan, in fen. It keeps every sum within 64 bits.
pub const MAX_MOVEMENT_FEN: u64 = 1_000_000_000;
/// The most entries of one fund. Together with [`MAX_MOVEMENT_FEN`] no balance can overflow.
pub const MAX_ENTRIES: u64 = 9_000_000;
/// The longest reason of a movement, in characters.
pub const MAX_REASON_CHARS: usize = 200;
/// The fiscal years that a fund can be of.
pub const YEARS: std::ops::RangeInclusive<i16> = 2000..=2999;

named! {
    /// Where money is.
    pub enum Account {
        /// The treasury that grants: below zero by what it has granted.
        Grant = "grant",
        /// Can be promised.
        Available = "available",
        /// Is promised to a reporter, and not paid yet.
        Reserved = "reserved",
        /// Was paid out.
        Paid = "paid",
        /// Went back at the end of the year, or after nobody had claimed it.
        Lapsed = "lapsed",
    }
}

named! {
    /// What moves money.
    pub enum Movement {
        /// 拨款: the district government grants.
        Grant = "grant",
        /// It takes back what is not promised.
        Return = "return",
        /// A reward was approved.
        Reserve = "reserve",
        /// A reward was reversed before it was paid, or nobody has claimed it within the year.
        Release = "release",
        /// A reward was paid.
        Pay = "pay",
        /// What was paid was recovered.
        Recover = "recover",
        /// The year is over: what is not promised goes back, and the fund is closed. Where nothing
        /// is left it moves 0, so that what is reversed later is not promised again.
        Lapse = "lapse",
        /// The year is over, and what was promised is not claimed or was reversed.
        LapseReserved = "lapse_reserved",
    }
}

impl Movement {
    /// From which account to which it moves.
    pub fn accounts(self) -> (Account, Account) {
        match self {
            Self::Grant => (Account::Grant, Account::Available),
            Self::Return => (Account::Available, Account::Grant),
            Self::Reserve => (Account::Available, Account::Reserved),
            Self::Release => (Account::Reserved, Account::Available),
            Self::Pay => (Account::Reserved, Account::Paid),
            Self::Recover => (Account::Paid, Account::Available),
            Self::Lapse => (Account::Available, Account::Lapsed),
            Self::LapseReserved => (Account::Reserved, Account::Lapsed),
        }
    }

    /// Whether it is about a reward.
    pub fn is_of_reward(self) -> bool {
        !matches!(self, Self::Grant | Self::Return | Self::Lapse)
    }
}

/// A fund: a district's money for a fiscal year.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FundId {
    /// The district.
    pub district: NodeId,
    /// The fiscal year, which is the calendar year in the district's time zone.
    pub year: i16,
}

impl FundId {
    /// Whether the year can be closed on this day: on its last, or after it.
    pub fn may_close(&self, today: Date) -> bool {
        today.year() > self.year || (today.year() == self.year && today.day_of_year() == today.days_in_year())
    }
}

/// A fund as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fund {
    /// Which.
    #[serde(flatten)]
    pub id: FundId,
    /// How many entries there are; what the API shows as the `ETag`.
    pub version: u64,
    /// The hash of the newest entry; zeros when there is none.
    pub head: Digest,
    /// What was granted, less what was given back, in fen.
    pub granted_fen: u64,
    /// What can be promised, in fen.
    pub available_fen: u64,
    /// What is promised, in fen.
    pub reserved_fen: u64,
    /// What was paid, in fen.
    pub paid_fen: u64,
    /// What went back, in fen.
    pub lapsed_fen: u64,
    /// Whether the year was closed: nothing is promised from it any more.
    #[serde(default)]
    pub closed: bool,
}

/// One movement of money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The fund.
    #[serde(flatten)]
    pub fund: FundId,
    /// Its place in the ledger, from 1.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What moves the money.
    pub movement: Movement,
    /// The account that it is taken from.
    pub from: Account,
    /// The account that it is given to.
    pub to: Account,
    /// How much, in fen; 0 only where a year is closed with nothing left.
    pub amount_fen: u64,
    /// The reward that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reward: Option<RewardId>,
    /// Why, where somebody has to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who.
    pub actor: MemberId,
    /// In which role.
    pub role: Role,
    /// The command that did it.
    pub command: CommandId,
    /// The hash of the entry before; zeros for the first.
    pub previous: Digest,
    /// The hash of this entry: of all fields above.
    pub hash: Digest,
}

/// What is to be moved, and who moves it.
#[derive(Debug, Clone)]
pub struct Posting<'a> {
    /// What moves.
    pub movement: Movement,
    /// How much, in fen.
    pub amount_fen: u64,
    /// For which reward.
    pub reward: Option<RewardId>,
    /// Why.
    pub reason: Option<String>,
    /// Who, and in which role.
    pub by: (&'a MemberId, Role),
    /// By which command.
    pub command: CommandId,
    /// When.
    pub at: Timestamp,
}

/// Checks an amount that somebody gives, and names the field.
pub fn check_amount(pointer: &str, amount_fen: u64, bad: &mut Vec<FieldError>) {
    if !(1..=MAX_MOVEMENT_FEN).contains(&amount_fen) {
        bad.push(FieldError::new(pointer, format!("must be from 1 to {MAX_MOVEMENT_FEN} fen")));
    }
}

/// Checks the reason of a movement that somebody asks for.
pub fn check_reason(pointer: &str, reason: &str, bad: &mut Vec<FieldError>) {
    check_text(pointer, reason, MAX_REASON_CHARS, bad);
}

impl Fund {
    /// A fund in which nothing has moved.
    pub fn empty(id: FundId) -> Self {
        Self {
            id,
            version: 0,
            head: Digest::ZERO,
            granted_fen: 0,
            available_fen: 0,
            reserved_fen: 0,
            paid_fen: 0,
            lapsed_fen: 0,
            closed: false,
        }
    }

    /// What an account holds; of the grant, what it has granted.
    pub fn balance_fen(&self, account: Account) -> u64 {
        match account {
            Account::Grant => self.granted_fen,
            Account::Available => self.available_fen,
            Account::Reserved => self.reserved_fen,
            Account::Paid => self.paid_fen,
            Account::Lapsed => self.lapsed_fen,
        }
    }

    /// Whether all accounts together come to what was granted.
    pub fn is_balanced(&self) -> bool {
        let held = [self.available_fen, self.reserved_fen, self.paid_fen, self.lapsed_fen];
        held.iter().try_fold(0_u64, |sum, fen| sum.checked_add(*fen)) == Some(self.granted_fen)
    }

    /// Moves money: the fund afterwards, and the entry.
    ///
    /// # Errors
    ///
    /// [`Refusal::FundExhausted`] when there is not as much as is to be promised or given back,
    /// [`Refusal::FundClosed`] when the year is over, and [`Error::Internal`] for what no command
    /// can ask for.
    pub fn post(&self, posting: Posting<'_>) -> Result<(Self, Entry), Error> {
        let Posting { movement, amount_fen, reward, reason, by, command, at } = posting;
        let never =
            |why: &str| Error::Internal(format!("{} of {} {}: {why}", movement, self.id.district, self.id.year));
        let closes = movement == Movement::Lapse && !self.closed;
        let least = u64::from(!closes);
        if movement == Movement::Lapse && self.closed && amount_fen == 0 {
            return Err(Refusal::FundClosed.into());
        }
        // All that is left can be more than one movement asks for.
        if amount_fen < least || (amount_fen > MAX_MOVEMENT_FEN && movement != Movement::Lapse) {
            return Err(never("the amount is none"));
        }
        if self.version >= MAX_ENTRIES {
            return Err(never("the ledger is full"));
        }
        if movement.is_of_reward() != reward.is_some() {
            return Err(never("a reward is missing, or there is none"));
        }
        // Of a closed fund nothing can be promised any more; what is set free lapses, and it only does there.
        match (movement, self.closed) {
            (Movement::Grant | Movement::Reserve | Movement::Return | Movement::Release, true) => {
                return Err(Refusal::FundClosed.into());
            }
            (Movement::LapseReserved, false) => return Err(never("the year is not closed")),
            _ => {}
        }
        let (from, to) = movement.accounts();
        let mut after = self.clone();
        if from == Account::Grant {
            *after.account(to) = self.balance_fen(to).checked_add(amount_fen).ok_or_else(|| never("overflow"))?;
            after.granted_fen = self.granted_fen.checked_add(amount_fen).ok_or_else(|| never("overflow"))?;
        } else {
            let left = self.balance_fen(from).checked_sub(amount_fen);
            *after.account(from) = left.ok_or_else(|| match from {
                Account::Available => Refusal::FundExhausted.into(),
                _ => never("there is not as much"),
            })?;
            if to == Account::Grant {
                after.granted_fen = self.granted_fen.checked_sub(amount_fen).ok_or_else(|| never("was not granted"))?;
            } else {
                *after.account(to) = self.balance_fen(to).checked_add(amount_fen).ok_or_else(|| never("overflow"))?;
            }
        }
        let mut entry = Entry {
            fund: self.id.clone(),
            seq: self.version + 1,
            at,
            movement,
            from,
            to,
            amount_fen,
            reward,
            reason,
            actor: by.0.clone(),
            role: by.1,
            command,
            previous: self.head,
            hash: Digest::ZERO,
        };
        entry.hash = entry.computed_hash()?;
        after.version = entry.seq;
        after.head = entry.hash;
        after.closed |= movement == Movement::Lapse;
        Ok((after, entry))
    }

    fn account(&mut self, account: Account) -> &mut u64 {
        match account {
            Account::Grant => &mut self.granted_fen,
            Account::Available => &mut self.available_fen,
            Account::Reserved => &mut self.reserved_fen,
            Account::Paid => &mut self.paid_fen,
            Account::Lapsed => &mut self.lapsed_fen,
        }
    }

    /// The fund as its entries make it, checking each: that it follows the one before, that its
    /// hash fits, that it goes between the accounts of its movement, and that no account falls
    /// below zero.
    pub fn replay(id: FundId, entries: &[Entry]) -> Result<Self, BrokenLedger> {
        let mut fund = Self::empty(id);
        for entry in entries {
            let seq = fund.version + 1;
            let broken = |why: &str| BrokenLedger { seq, why: why.to_owned() };
            if entry.fund != fund.id || entry.seq != seq || entry.previous != fund.head {
                return Err(broken("it does not follow the one before"));
            }
            if entry.computed_hash().ok() != Some(entry.hash) {
                return Err(broken("its hash is another"));
            }
            if (entry.from, entry.to) != entry.movement.accounts() {
                return Err(broken("it goes between other accounts"));
            }
            let posting = Posting {
                movement: entry.movement,
                amount_fen: entry.amount_fen,
                reward: entry.reward,
                reason: entry.reason.clone(),
                by: (&entry.actor, entry.role),
                command: entry.command,
                at: entry.at,
            };
            let (after, _) = fund.post(posting).map_err(|error| broken(&error.to_string()))?;
            fund = after;
        }
        Ok(fund)
    }
}

impl Entry {
    fn computed_hash(&self) -> Result<Digest, Error> {
        let bare = Self { hash: Digest::ZERO, ..self.clone() };
        let bytes = serde_json::to_vec(&bare).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(Digest::of(&[b"ledger entry", &bytes]))
    }
}

/// An entry that does not fit into its ledger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {seq}: {why}")]
pub struct BrokenLedger {
    /// Its place.
    pub seq: u64,
    /// What is wrong with it.
    pub why: String,
}
