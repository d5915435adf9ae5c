//! What a person was rewarded with in a year: what caps and multipliers go by.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{member::MemberId, reward_rules::Before};

/// The rewards of a person in a calendar year of the district: those that were approved, and
/// neither reversed,
/// left unclaimed nor paid back. Period awards are not among them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewarded {
    /// Who.
    pub member: MemberId,
    /// The year.
    pub year: i16,
    /// How often this was changed.
    pub version: u64,
    /// How many.
    pub count: u32,
    /// How much in each month, from 1 to 12, in fen.
    #[serde(default)]
    pub months_fen: BTreeMap<u8, u64>,
}

impl Rewarded {
    /// Nothing yet.
    pub fn none(member: MemberId, year: i16) -> Self {
        Self { member, year, version: 0, count: 0, months_fen: BTreeMap::new() }
    }

    /// What the rules ask of it, for a reward of this day.
    pub fn before(&self, today: Date) -> Before {
        Before { in_year: self.count, in_month_fen: self.months_fen.get(&month(today)).copied().unwrap_or(0) }
    }

    /// The same with one more.
    #[must_use]
    pub fn with(&self, day: Date, amount_fen: u64) -> Self {
        let mut after = Self { version: self.version + 1, count: self.count.saturating_add(1), ..self.clone() };
        let sum = after.months_fen.entry(month(day)).or_default();
        *sum = sum.saturating_add(amount_fen);
        after
    }

    /// The same without one of this day.
    #[must_use]
    pub fn without(&self, day: Date, amount_fen: u64) -> Self {
        let mut after = Self { version: self.version + 1, count: self.count.saturating_sub(1), ..self.clone() };
        let sum = after.months_fen.entry(month(day)).or_default();
        *sum = sum.saturating_sub(amount_fen);
        after
    }
}

fn month(day: Date) -> u8 {
    u8::try_from(day.month()).unwrap_or(0)
}
