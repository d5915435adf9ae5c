//! Statistics: what is counted, and how it is summed. What of it is shown to whom: [`crate::suppression`].

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{
    district::Label,
    error::{Error, FieldError},
    life::{Action, RejectionReason, Stage},
    named::named,
    report::Category,
    tally::{Counter, Detail, MemberStep, Tallies, middle},
};

/// How long a stage had its reports, in minutes by the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// How many times it had one.
    pub count: u64,
    /// The median; exact to within the width of a step of the counters.
    pub median_minutes: u64,
    /// Nine of ten times it was no longer; exact likewise.
    pub p90_minutes: u64,
}

/// The figures of one node over one period.
///
/// They count what was done: a report that was closed, taken up again and adopted once more has
/// been adopted twice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Reports sent in, by category.
    pub submitted: BTreeMap<Category, u64>,
    /// Reports adopted, by category.
    pub adopted: BTreeMap<Category, u64>,
    /// Reports that were not adopted, by reason.
    pub rejected: BTreeMap<RejectionReason, u64>,
    /// Reports linked to another of the same matter.
    pub duplicates: u64,
    /// Reports taken back by their reporters.
    pub withdrawn: u64,
    /// Reports handed over.
    pub handed_over: u64,
    /// Reports closed.
    pub closed: u64,
    /// Times a stage was reminded because its deadline had passed.
    pub reminded: BTreeMap<Stage, u64>,
    /// Times a report went up because the stage did not act.
    pub escalated: BTreeMap<Stage, u64>,
    /// Outcomes by kind.
    pub outcomes: BTreeMap<Label, u64>,
    /// How long each stage had its reports.
    pub held: BTreeMap<Stage, Held>,
    /// Reporters recruited: by an officer, a manager or a file, or registered with a poster without having been recruited.
    pub recruited: u64,
    /// Reporters who could act for the first time.
    pub registered: u64,
    /// Reporters who left.
    pub left: u64,
    /// How often a reporter was rewarded: rewards paid, one for each person who has a share.
    pub rewarded: u64,
    /// Rewards paid, in fen.
    pub paid_fen: u64,
}

impl Figures {
    /// What these counters say.
    pub fn of(tallies: &Tallies) -> Self {
        let mut figures = Self::default();
        let mut held: BTreeMap<Stage, BTreeMap<u16, u64>> = BTreeMap::new();
        for (counter, count) in tallies {
            // A correction can come before what it corrects; until both are there, there is none.
            let Some(count) = u64::try_from(*count).ok().filter(|count| *count > 0) else { continue };
            match counter {
                Counter::Report { category, stage, action, detail } => match (action, detail) {
                    (Action::Submit, _) => *figures.submitted.entry(*category).or_default() += count,
                    (Action::Approve, _) if stage.above().is_none() => {
                        *figures.adopted.entry(*category).or_default() += count;
                    }
                    (Action::Reject, Some(Detail::Reason(reason))) => {
                        *figures.rejected.entry(*reason).or_default() += count;
                    }
                    (Action::MarkDuplicate, _) => figures.duplicates += count,
                    (Action::Withdraw, _) => figures.withdrawn += count,
                    (Action::HandOver, None) => figures.handed_over += count,
                    (Action::Close, _) => figures.closed += count,
                    (Action::Remind, _) => *figures.reminded.entry(*stage).or_default() += count,
                    (Action::Escalate, _) => *figures.escalated.entry(*stage).or_default() += count,
                    _ => {}
                },
                Counter::Held { stage, bucket } => {
                    *held.entry(*stage).or_default().entry(*bucket).or_default() += count;
                }
                Counter::Outcome { kind, .. } => *figures.outcomes.entry(kind.clone()).or_default() += count,
                Counter::Member(MemberStep::Recruited) => figures.recruited += count,
                Counter::Member(MemberStep::Registered) => figures.registered += count,
                Counter::Member(MemberStep::Left) => figures.left += count,
                Counter::Member(MemberStep::Rewarded) => figures.rewarded += count,
                Counter::PaidFen => figures.paid_fen += count,
            }
        }
        figures.held = held.into_iter().map(|(stage, buckets)| (stage, durations(&buckets))).collect();
        figures
    }
}

fn durations(buckets: &BTreeMap<u16, u64>) -> Held {
    let count: u64 = buckets.values().sum();
    // The smallest duration that at least so many tenths of all do not exceed.
    let quantile = |tenths: u64| {
        let rank = (count * tenths).div_ceil(10);
        let mut seen = 0;
        let found = buckets.iter().find(|(_, more)| {
            seen += **more;
            seen >= rank
        });
        found.map_or(0, |(bucket, _)| middle(*bucket))
    };
    Held { count, median_minutes: quantile(5), p90_minutes: quantile(9) }
}

named! {
    /// Into what parts statistics are divided.
    pub enum By {
        /// Days.
        Day = "day",
        /// Months.
        Month = "month",
        /// Years.
        Year = "year",
    }
}

impl By {
    /// What has the sums of these parts: of days the month, of months the year.
    pub fn above(self) -> Option<Self> {
        match self {
            Self::Day => Some(Self::Month),
            Self::Month => Some(Self::Year),
            Self::Year => None,
        }
    }
}

/// The longest time that statistics are divided into days of, in days.
pub const MAX_DAYS: i32 = 366;
/// The longest time that statistics are asked for at once, in days: ten years.
pub const MAX_RANGE_DAYS: i32 = 3_660;

/// Days from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
}

impl Period {
    /// A period that is asked for, widened to whole days, months or years.
    pub fn asked(from: Date, to: Date, by: By) -> Result<Self, Error> {
        let refuse = |detail: String| Error::Invalid(vec![FieldError::new("to", detail)]);
        if to < from {
            return Err(refuse("comes before from".to_owned()));
        }
        let period = Self { from, to }.widened(by);
        let most = if by == By::Day { MAX_DAYS } else { MAX_RANGE_DAYS };
        if (period.to - period.from).get_days() >= most {
            return Err(refuse(format!("makes it more than {most} days")));
        }
        Ok(period)
    }

    /// The same with the whole of its first and its last day, month or year.
    #[must_use]
    pub fn widened(self, by: By) -> Self {
        match by {
            By::Day => self,
            By::Month => Self { from: self.from.first_of_month(), to: self.to.last_of_month() },
            By::Year => Self { from: self.from.first_of_year(), to: self.to.last_of_year() },
        }
    }

    /// Its parts, in order: whole ones, but for the first and the last.
    pub fn parts(self, by: By) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut from = self.from;
        // One turn for each part, and no part is shorter than a day.
        for _ in 0..MAX_RANGE_DAYS {
            let end = match by {
                By::Day => from,
                By::Month => from.last_of_month(),
                By::Year => from.last_of_year(),
            };
            let to = end.min(self.to);
            parts.push(Self { from, to });
            match to.tomorrow() {
                Ok(next) if next <= self.to => from = next,
                _ => break,
            }
        }
        parts
    }

    /// What has to be read for it: its whole months, from the first to the last, and the days
    /// before and after them. Each day of it is in one of the three.
    pub fn reading(self) -> Reading {
        let starts_whole = self.from == self.from.first_of_month();
        let ends_whole = self.to == self.to.last_of_month();
        let first = if starts_whole { Some(self.from) } else { self.from.last_of_month().tomorrow().ok() };
        let last = if ends_whole { Some(self.to) } else { self.to.first_of_month().yesterday().ok() };
        match (first, last) {
            (Some(first), Some(last)) if first <= last => Reading {
                before: first.yesterday().ok().filter(|to| *to >= self.from).map(|to| Self { from: self.from, to }),
                months: Some(Self { from: first, to: last }),
                after: last.tomorrow().ok().filter(|from| *from <= self.to).map(|from| Self { from, to: self.to }),
            },
            _ => Reading { before: Some(self), months: None, after: None },
        }
    }
}

/// What has to be read for a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The days before the first whole month; all of them when there is none.
    pub before: Option<Period>,
    /// The whole months.
    pub months: Option<Period>,
    /// The days after the last whole month.
    pub after: Option<Period>,
}

/// The periods of a node with their counters, in order.
pub type Series = Vec<(Period, Tallies)>;
