//! Statistics: what is counted, how it is summed, and what of it is shown to whom.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{
    coverage::{Cell, SMALLEST_SHOWN, cell, suppress_another},
    district::Label,
    error::{Error, FieldError},
    life::{Action, RejectionReason, Stage},
    member::{Member, Role},
    named::{Named as _, named},
    report::Category,
    tally::{Counter, Detail, MemberStep, Tallies, middle, stage_at},
    territory::{Level, NodeId},
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
    /// Reporters rewarded.
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

/// What small figures a reader is shown of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// Figures about people from 1 to 4: the officer of the community, who knows them.
    pub people: bool,
    /// Figures about reports from 1 to 4: those who review them, and know each.
    pub reports: bool,
}

impl Sight {
    /// What `reader` is shown of a node within their territory.
    pub fn of(reader: &Member, node: &NodeId) -> Self {
        let people = reader.role == Role::Officer && reader.node.contains(node);
        let reports = reader.role.stage().is_some_and(|stage| stage >= stage_at(node.level()));
        Self { people, reports }
    }
}

/// Whether a small figure of a counter tells of people, of single reports, or of neither.
///
/// - How many were recruited, registered or left is about people at every level.
/// - A report in a community on a day, or in a month, has one reporter, whom others there may
///   have seen at it: what is counted of reports and of their outcomes in one community tells of
///   single reporters. In a station or a district it does not.
fn is_seen(counter: &Counter, node: &NodeId, sight: Sight) -> bool {
    match counter {
        Counter::Member(_) => sight.people,
        Counter::Report { .. } | Counter::Outcome { .. } | Counter::Held { .. } => {
            sight.reports || node.level() != Level::Community
        }
    }
}

/// The rows of statistics: nodes, each with its periods, in the same order.
///
/// The first node can be the one that all others lie in and make up: then `whole` is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Into what the periods are divided. They are whole, and so is what has their sums.
    pub by: By,
    /// Whether the first node is the sum of the others.
    pub whole: bool,
    /// The nodes.
    pub rows: Vec<(NodeId, Series)>,
}

/// The periods of a node with their counters, in order.
pub type Series = Vec<(Period, Tallies)>;

/// Which counters are suppressed, by node and period, in the order of the table. That of a
/// stage's first bucket says so of all its durations.
pub type Suppressed = Vec<Vec<Vec<Counter>>>;

/// What of a table is not shown: counts from 1 to 4 of what the reader does not know anyway, and
/// those that would give such a count away.
///
/// - Months make up their year, and days their month; the nodes below one make up that one. Where
///   a sum would leave but one possibility for what is suppressed, the smallest other part is
///   suppressed as well ([`suppress_another`]); and the node that is the sum, when there is no other part.
/// - By days, figures about people are not shown at all to those who do not know the people: who
///   is told of a month could tell the days apart.
pub fn suppressed(table: &Table, sight: impl Fn(&NodeId) -> Sight) -> Suppressed {
    let mut hidden: Suppressed = table.rows.iter().map(|(_, periods)| vec![Vec::new(); periods.len()]).collect();
    let table = &collapsed(table);
    let there = table.rows.iter().flat_map(|(_, periods)| periods.iter().flat_map(|(_, tallies)| tallies.keys()));
    // That nobody was recruited is a figure about people, too.
    let counters: BTreeSet<Counter> =
        there.cloned().chain(MemberStep::ALL.iter().map(|step| Counter::Member(*step))).collect();
    for counter in counters {
        let seen: Vec<bool> = table.rows.iter().map(|(node, _)| is_seen(&counter, node, sight(node))).collect();
        if seen.iter().all(|seen| *seen) {
            continue;
        }
        let cells = cells_of(table, &counter, &seen);
        for (row, periods) in cells.iter().enumerate() {
            for (column, (_, cell)) in periods.iter().enumerate() {
                if cell.suppressed {
                    hidden[row][column].push(counter.clone());
                }
            }
        }
    }
    hidden
}

/// A table whose buckets of durations are one count for each stage: the first bucket stands for
/// all of them.
fn collapsed(table: &Table) -> Table {
    let one = |tallies: &Tallies| {
        let mut sum = Tallies::new();
        for (counter, count) in tallies {
            let counter = match counter {
                Counter::Held { stage, .. } => Counter::Held { stage: *stage, bucket: 0 },
                other => other.clone(),
            };
            *sum.entry(counter).or_default() += count;
        }
        sum
    };
    let of = |(node, periods): &(NodeId, Series)| {
        (node.clone(), periods.iter().map(|(period, tallies)| (*period, one(tallies))).collect())
    };
    Table { by: table.by, whole: table.whole, rows: table.rows.iter().map(of).collect() }
}

/// The cells of one counter, by node and period, each with its count.
fn cells_of(table: &Table, counter: &Counter, seen: &[bool]) -> Vec<Vec<(u32, Cell)>> {
    let never = table.by == By::Day && matches!(counter, Counter::Member(_));
    let mut cells: Vec<Vec<(u32, Cell)>> = Vec::new();
    for ((_, periods), seen) in table.rows.iter().zip(seen) {
        let of = |(_, tallies): &(Period, Tallies)| {
            let count = u32::try_from(tallies.get(counter).copied().unwrap_or(0).max(0)).unwrap_or(u32::MAX);
            let cell = cell(count, 0, *seen);
            (count, if never && !seen { hide(cell) } else { cell })
        };
        cells.push(periods.iter().map(of).collect());
    }
    let periods = table.rows.first().map(|(_, periods)| periods.as_slice()).unwrap_or_default();
    let sums: Vec<Option<Period>> = periods
        .iter()
        .map(|(period, _)| table.by.above().map(|above| Period { from: period.from, to: period.from }.widened(above)))
        .collect();
    let whole = usize::from(table.whole);
    // Each turn suppresses at least one cell more, or is the last.
    for _ in 0..=cells.len() * periods.len() {
        let before = count_hidden(&cells);
        for (row, _) in cells.iter_mut().zip(seen).filter(|(_, seen)| !**seen) {
            for sum in sums.iter().flatten().collect::<BTreeSet<_>>() {
                complement(row.iter_mut().zip(&sums).filter(|(_, of)| of.as_ref() == Some(sum)).map(|(cell, _)| cell));
            }
        }
        for column in 0..periods.len() {
            let parts = cells.iter_mut().zip(seen).skip(whole).filter(|(_, seen)| !**seen);
            if !complement(parts.map(|(row, _)| &mut row[column])) && table.whole {
                let (_, sum) = &mut cells[0][column];
                *sum = hide(*sum);
            }
        }
        if count_hidden(&cells) == before {
            break;
        }
    }
    cells
}

fn count_hidden(cells: &[Vec<(u32, Cell)>]) -> usize {
    cells.iter().flatten().filter(|(_, cell)| cell.suppressed).count()
}

fn hide(cell: Cell) -> Cell {
    Cell { members: None, suppressed: true, ..cell }
}

/// [`suppress_another`] on cells where they stand. Says whether their sum may be shown.
fn complement<'a>(cells: impl Iterator<Item = &'a mut (u32, Cell)>) -> bool {
    let mut cells: Vec<&mut (u32, Cell)> = cells.collect();
    let hidden: Vec<u32> = cells.iter().filter(|(_, cell)| cell.suppressed).map(|(count, _)| *count).collect();
    if hidden.len() > 1 && hidden.iter().any(|count| *count >= SMALLEST_SHOWN) {
        // A larger one is among them already, and nobody can tell which of them it is.
        return true;
    }
    let counts: Vec<u32> = cells.iter().map(|(count, _)| *count).collect();
    let mut copies: Vec<((), Cell)> = cells.iter().map(|(_, cell)| ((), *cell)).collect();
    let shown = suppress_another(&mut copies, &counts);
    for ((_, cell), ((), copy)) in cells.iter_mut().map(|cell| &mut **cell).zip(copies) {
        *cell = copy;
    }
    shown
}
