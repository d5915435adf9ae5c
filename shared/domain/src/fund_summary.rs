//! What everybody is told of a reward fund, without signing in: what was granted for the year, and
//! what of it was paid. No persons, no rewards, and no figure from which one of them follows.
//!
//! Whoever looks twice can subtract. So what was paid is not told as it stands but as it stood at
//! the end of a month, and of the months only at some: between two that are told at least
//! [`SMALLEST_SHOWN`] payments were made, and after one that is told as many were made or will never be,
//! since otherwise the year would end with a remainder that can only be kept back or give somebody
//! away. When the year is closed and nothing is promised any more, its last months are told as well.
//!
//! A ledger knows no persons, and it is well that it does not. Counted are therefore payments, as
//! the statistics count them: one person who was paid twice counts twice.

use jiff::{civil::Date, tz::TimeZone};

use crate::{
    coverage::SMALLEST_SHOWN,
    error::Error,
    ledger::{Entry, Movement},
    tally::day,
};

/// What everybody is told of a fund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FundSummary {
    /// All that was ever granted for the year, in fen, as of now: the budget is public. What was
    /// given back of it is told with what was paid, since what is left after it would tell that.
    pub granted_fen: u64,
    /// Whether the year was closed.
    pub closed: bool,
    /// What was paid; none for as long as it would tell of too few.
    pub told: Option<Told>,
}

/// What was paid, as it stood at the end of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// The last day of the month.
    pub until: Date,
    /// How many payments were made: how many shares of rewards were paid.
    pub payments: u64,
    /// How much was paid, less what was paid back, in fen.
    pub paid_fen: u64,
    /// How much the district government took back, in fen.
    pub returned_fen: u64,
    /// How much of what was granted was neither paid nor taken back, in fen: it can be promised, is
    /// promised, or has lapsed. Apart these would tell of single rewards.
    pub unpaid_fen: u64,
    /// Whether this is how the year ended: nothing can be paid any more, and what is unpaid has
    /// lapsed.
    pub is_final: bool,
}

/// How a fund stood at the end of a month in which something moved.
#[derive(Debug, Clone, Copy)]
struct End {
    month: Date,
    payments: u64,
    paid_fen: u64,
    returned_fen: u64,
    reserved_fen: u64,
    closed: bool,
}

/// What everybody is told on a day of the fund whose ledger this is, oldest first; none when
/// nothing was ever granted.
///
/// # Errors
///
/// [`Error::Internal`] when more was taken from an account than it had: the ledger is broken.
pub fn summary(ledger: &[Entry], today: Date, time_zone: &TimeZone) -> Result<Option<FundSummary>, Error> {
    if ledger.is_empty() {
        return Ok(None);
    }
    let granted = ledger.iter().filter(|entry| entry.movement == Movement::Grant);
    let granted_fen: u64 = granted.map(|entry| entry.amount_fen).sum();
    let ends = ends(ledger, today.first_of_month(), time_zone)?;
    let closed = ledger.iter().any(|entry| entry.movement == Movement::Lapse);
    let told = told(&ends).map(|(end, is_final)| Told {
        until: end.month.last_of_month(),
        payments: end.payments,
        paid_fen: end.paid_fen,
        returned_fen: end.returned_fen,
        unpaid_fen: granted_fen.saturating_sub(end.paid_fen).saturating_sub(end.returned_fen),
        is_final,
    });
    Ok(Some(FundSummary { granted_fen, closed, told }))
}

/// The ends of the months before this one, up to the one after which nothing can be paid any more.
/// What is paid back later than that is not told: it would be one person's.
fn ends(ledger: &[Entry], this_month: Date, time_zone: &TimeZone) -> Result<Vec<End>, Error> {
    let mut ends: Vec<End> = Vec::new();
    for entry in ledger {
        let month = day(entry.at, time_zone).first_of_month();
        if month >= this_month {
            break;
        }
        let last = ends.last().copied();
        if last.is_some_and(|end| end.month < month && end.is_final()) {
            break;
        }
        let mut end =
            last.unwrap_or(End { month, payments: 0, paid_fen: 0, returned_fen: 0, reserved_fen: 0, closed: false });
        // A clock that went back moves nothing into a month that may have been told.
        end.month = end.month.max(month);
        end.take(entry)?;
        match ends.last_mut() {
            Some(known) if known.month == end.month => *known = end,
            _ => ends.push(end),
        }
    }
    Ok(ends)
}

/// The newest end of a month that is told, and whether it is the last that ever will be.
///
/// Each that was told once is among those that are told later: more payments after it change
/// nothing of what was made before. So the difference of any two that somebody has seen is of at
/// least [`SMALLEST_SHOWN`] payments.
fn told(ends: &[End]) -> Option<(End, bool)> {
    let (made, few) = (ends.last()?.payments, u64::from(SMALLEST_SHOWN));
    let mut told: Option<(End, bool)> = None;
    for end in ends {
        let since = end.payments - told.map_or(0, |(end, _): (End, bool)| end.payments);
        if since >= few && (made - end.payments >= few || end.is_final()) {
            told = Some((*end, end.is_final()));
        }
    }
    told
}

impl End {
    fn take(&mut self, entry: &Entry) -> Result<(), Error> {
        let Entry { movement, amount_fen, seq, .. } = entry;
        let less = |fen: u64| {
            let broken = || Error::Internal(format!("entry {seq} takes more from an account than it has"));
            fen.checked_sub(*amount_fen).ok_or_else(broken)
        };
        match movement {
            Movement::Grant => {}
            Movement::Return => self.returned_fen += amount_fen,
            Movement::Reserve => self.reserved_fen += amount_fen,
            Movement::Release | Movement::LapseReserved => self.reserved_fen = less(self.reserved_fen)?,
            Movement::Pay => {
                self.payments += 1;
                self.reserved_fen = less(self.reserved_fen)?;
                self.paid_fen += amount_fen;
            }
            Movement::Recover => self.paid_fen = less(self.paid_fen)?,
            Movement::Lapse => self.closed = true,
        }
        Ok(())
    }

    /// Whether nothing can be paid after it.
    fn is_final(&self) -> bool {
        self.closed && self.reserved_fen == 0
    }
}
