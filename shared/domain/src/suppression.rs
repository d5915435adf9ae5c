//! What of the statistics is shown to whom: small figures that tell of single persons are
//! suppressed, and so are those that would give one away.
//!
//! Months make up their year, and the nodes below one make up that one. Of a sum and its parts,
//! what is suppressed must not be left over when all that is shown is subtracted. What is
//! suppressed is worked out over a whole district and over whole years, whatever was asked for:
//! nobody learns by asking for nodes or months one by one what they would not be shown at once.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    coverage::{Cell, SMALLEST_SHOWN, cell, suppress_another},
    error::Error,
    member::{Member, Role},
    named::Named as _,
    statistics::{By, Figures, Period, Series},
    tally::{Counter, MemberStep, Tallies, stage_at},
    territory::{Level, NodeId},
};

/// What small figures a reader is shown of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sight {
    /// Figures about people from 1 to 4: the officer of the community, who knows them.
    people: bool,
    /// Figures about reports from 1 to 4: those who review them, and know each.
    reports: bool,
}

impl Sight {
    /// What `reader` is shown of a node within their territory.
    fn of(reader: &Member, node: &NodeId) -> Self {
        let people = reader.role == Role::Officer && reader.node.contains(node);
        let reports = reader.role.stage().is_some_and(|stage| stage >= stage_at(node.level()));
        Self { people, reports }
    }

    /// Whether a small figure of a counter is shown.
    ///
    /// - How many were recruited, registered or left is about people at every level.
    /// - A report in a community on a day, or in a month, has one reporter, whom others there may
    ///   have seen at it: what is counted of reports and of their outcomes in one community tells
    ///   of single reporters. In a station or a district it does not.
    fn sees(self, counter: &Counter, node: &NodeId) -> bool {
        match counter {
            Counter::Member(_) | Counter::PaidFen => self.people,
            Counter::Report { .. } | Counter::Outcome { .. } | Counter::Held { .. } => {
                self.reports || node.level() != Level::Community
            }
        }
    }
}

/// Which counters have to be known of the whole district before a reader is shown anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needed {
    /// None: nothing is suppressed that depends on others.
    Nothing,
    /// Those about people.
    People,
    /// All.
    All,
}

impl Needed {
    /// What is needed for this reader.
    pub fn by(reader: &Member, by: By) -> Self {
        match (by, reader.role, reader.role.stage()) {
            // By day, what is not seen is not shown at all; the officer sees everything.
            (By::Day, ..) | (_, Role::Officer, _) => Self::Nothing,
            (_, _, Some(_)) => Self::People,
            (_, _, None) => Self::All,
        }
    }

    /// The counters, where they are but some.
    pub fn counters(self) -> Option<Vec<Counter>> {
        (self != Self::All).then(|| MemberStep::ALL.iter().map(|step| Counter::Member(*step)).collect())
    }
}

/// Refuses the days of communities to who does not review there: what was reported in one place
/// on one day is mostly one report.
pub fn check_days(nodes: &[NodeId], reader: &Member, by: By) -> Result<(), Error> {
    if by == By::Day && nodes.iter().any(|node| node.level() == Level::Community && !Sight::of(reader, node).reports) {
        return Err(Error::field("by", "the days of a community are for those who review there; ask by month"));
    }
    Ok(())
}

/// The counters of a node over a period, with those that are not shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The node.
    pub node: NodeId,
    /// The period.
    pub period: Period,
    /// What was counted.
    pub tallies: Tallies,
    /// What is not shown of it. A stage's first bucket says so of all its durations.
    pub hidden: BTreeSet<Counter>,
}

impl Row {
    /// Its figures.
    pub fn figures(&self) -> Figures {
        Figures::of(&self.tallies)
    }

    /// The figures that are not shown: those with a count in here. A figure is hidden when
    /// anything in it is.
    pub fn hidden_figures(&self) -> Figures {
        Figures::of(&self.hidden.iter().map(|counter| (counter.clone(), 1)).collect())
    }
}

/// The rows that a reader is shown: of each node the periods that lie in `asked`.
///
/// `months` are those of whole years, of all nodes of the district, with the counters that are
/// [`Needed`].
///
/// By days, figures about people are not shown at all to those who do not know the people, and
/// [`check_days`] refuses what else they would tell: who is told of a month could tell the days
/// apart.
pub fn shown(rows: Vec<(NodeId, Series)>, months: &[(NodeId, Series)], reader: &Member, by: By) -> Vec<Row> {
    let hidden = if by == By::Day { BTreeMap::new() } else { suppressed(months, reader) };
    // That nobody was recruited is a figure about people, too.
    let steps: Vec<Counter> = MemberStep::ALL.iter().map(|step| Counter::Member(*step)).collect();
    let mut shown = Vec::new();
    for (node, periods) in rows {
        let sight = Sight::of(reader, &node);
        for (period, tallies) in periods {
            let mut hidden = match by {
                By::Day => steps.iter().filter(|counter| !sight.sees(counter, &node)).cloned().collect(),
                By::Month | By::Year => hidden.get(&(node.clone(), period)).cloned().unwrap_or_default(),
            };
            // How often people were rewarded says of few places of how many people that tells.
            if node.level() != Level::District && !sight.people {
                hidden.insert(REWARDED);
            }
            hide_their_sums(&mut hidden);
            shown.push(Row { node: node.clone(), period, tallies, hidden });
        }
    }
    shown
}

/// How often a stage had a report is the sum of what it did with them; and what was paid goes with to
/// how many.
fn hide_their_sums(hidden: &mut BTreeSet<Counter>) {
    let stages: BTreeSet<_> = hidden
        .iter()
        .filter_map(|counter| match counter {
            Counter::Report { stage, .. } => Some(*stage),
            _ => None,
        })
        .collect();
    hidden.extend(stages.into_iter().map(|stage| Counter::Held { stage, bucket: 0 }));
    // What people were paid is shown with how many those are, and not without.
    if hidden.contains(&REWARDED) {
        hidden.insert(Counter::PaidFen);
    }
}

/// Counters whose buckets of durations are one count for each stage: the first bucket stands for
/// all of them.
fn collapsed(tallies: &Tallies) -> Tallies {
    let mut sum = Tallies::new();
    for (counter, count) in tallies {
        let counter = match counter {
            Counter::Held { stage, .. } => Counter::Held { stage: *stage, bucket: 0 },
            other => other.clone(),
        };
        *sum.entry(counter).or_default() += count;
    }
    sum
}

/// How often people were rewarded.
const REWARDED: Counter = Counter::Member(MemberStep::Rewarded);

/// Which counters are suppressed, by node and period.
type Suppressed = BTreeMap<(NodeId, Period), BTreeSet<Counter>>;

/// What of the months and years of a district is suppressed for a reader.
fn suppressed(months: &[(NodeId, Series)], reader: &Member) -> Suppressed {
    let whole = Grid::new(months);
    // Below the district they are not shown, and nothing can be worked out of them.
    let district: Vec<_> = months.iter().filter(|(node, _)| node.level() == Level::District).cloned().collect();
    let alone = Grid::new(&district);
    let collapse = |months: &[(NodeId, Series)]| -> Vec<Vec<Tallies>> {
        months.iter().map(|(_, series)| series.iter().map(|(_, tallies)| collapsed(tallies)).collect()).collect()
    };
    let (all, of_district) = (collapse(months), collapse(&district));
    let keys = all.iter().flatten().flat_map(Tallies::keys);
    let counters: BTreeSet<&Counter> = keys.filter(|counter| **counter != Counter::PaidFen).collect();
    let mut suppressed = Suppressed::new();
    for counter in counters {
        let (grid, tallies) = if *counter == REWARDED { (&alone, &of_district) } else { (&whole, &all) };
        let seen: Vec<bool> = grid.nodes.iter().map(|node| Sight::of(reader, node).sees(counter, node)).collect();
        let count =
            |tallies: &Tallies| u32::try_from(tallies.get(counter).copied().unwrap_or(0).max(0)).unwrap_or(u32::MAX);
        let counts = tallies.iter().map(|row| row.iter().map(count).collect()).collect();
        for (row, column) in grid.hidden(counts, &seen) {
            let place = (grid.nodes[row].clone(), grid.periods[column]);
            suppressed.entry(place).or_default().insert(counter.clone());
        }
    }
    suppressed
}

/// The nodes of a district by its months and years.
struct Grid<'a> {
    nodes: Vec<&'a NodeId>,
    /// For each node that others lie right below: its row, and theirs.
    families: Vec<(usize, Vec<usize>)>,
    /// The months, and then the years.
    periods: Vec<Period>,
    /// For each year its column, and those of its months.
    years: Vec<(usize, Vec<usize>)>,
}

impl<'a> Grid<'a> {
    fn new(months: &'a [(NodeId, Series)]) -> Self {
        let nodes: Vec<&NodeId> = months.iter().map(|(node, _)| node).collect();
        let below = |parent: &NodeId| -> Vec<usize> {
            (0..nodes.len()).filter(|row| nodes[*row].is_right_below(parent)).collect()
        };
        let families =
            (0..nodes.len()).map(|row| (row, below(nodes[row]))).filter(|(_, rows)| !rows.is_empty()).collect();
        let mut periods: Vec<Period> =
            months.first().map(|(_, series)| series.iter().map(|(period, _)| *period).collect()).unwrap_or_default();
        let of_year =
            |year: Period| (0..periods.len()).filter(|column| periods[*column].widened(By::Year) == year).collect();
        let years: BTreeSet<Period> = periods.iter().map(|month| month.widened(By::Year)).collect();
        let (first, columns) = (periods.len(), years.iter().map(|year| of_year(*year)).collect::<Vec<_>>());
        periods.extend(years);
        Self {
            nodes,
            families,
            periods,
            years: columns.into_iter().enumerate().map(|(i, months)| (first + i, months)).collect(),
        }
    }

    /// The places of one counter that are suppressed, from its counts by node and month.
    fn hidden(&self, mut counts: Vec<Vec<u32>>, seen: &[bool]) -> Vec<(usize, usize)> {
        for row in &mut counts {
            let years: Vec<u32> = self
                .years
                .iter()
                .map(|(_, months)| months.iter().fold(0, |sum: u32, month| sum.saturating_add(row[*month])))
                .collect();
            row.extend(years);
        }
        let cells = counts.iter().zip(seen).map(|(row, seen)| row.iter().map(|count| cell(*count, 0, *seen)).collect());
        let mut cells: Vec<Vec<Cell>> = cells.collect();
        let sums = self.sums();
        // Each turn suppresses at least one cell more, or is the last.
        for _ in 0..=counts.len() * self.periods.len() {
            let mut settled = true;
            for (sum, parts) in &sums {
                settled &= settle(&mut cells, &counts, *sum, parts);
            }
            if settled {
                break;
            }
        }
        let places = (0..cells.len()).flat_map(|row| (0..self.periods.len()).map(move |column| (row, column)));
        places.filter(|(row, column)| cells[*row][*column].suppressed).collect()
    }

    /// Every cell that is a sum, with its parts.
    fn sums(&self) -> Vec<(Place, Vec<Place>)> {
        let of_years = self.years.iter().flat_map(|(year, months)| {
            (0..self.nodes.len()).map(|row| ((row, *year), months.iter().map(|month| (row, *month)).collect()))
        });
        let of_nodes = self.families.iter().flat_map(|(parent, below)| {
            (0..self.periods.len()).map(|column| ((*parent, column), below.iter().map(|row| (*row, column)).collect()))
        });
        of_years.chain(of_nodes).collect()
    }
}

/// A row and a column.
type Place = (usize, usize);

/// Suppresses what has to be so that neither the sum and the other parts tell a part that is
/// suppressed, nor the parts a sum that is. Says whether nothing had to be.
fn settle(cells: &mut [Vec<Cell>], counts: &[Vec<u32>], sum: Place, parts: &[Place]) -> bool {
    let hide = |cells: &mut [Vec<Cell>], (row, column): Place| {
        let cell = &mut cells[row][column];
        *cell = Cell { members: None, suppressed: true, ..*cell };
    };
    let count = |(row, column): &Place| counts[*row][*column];
    let hidden: Vec<u32> = parts.iter().filter(|(row, column)| cells[*row][*column].suppressed).map(count).collect();
    if cells[sum.0][sum.1].suppressed {
        let smallest = parts.iter().filter(|part| count(part) > 0).min_by_key(|part| count(part));
        let Some(smallest) = smallest.filter(|_| hidden.is_empty()) else { return true };
        hide(cells, *smallest);
        return false;
    }
    // A larger one is among them already, and nobody can tell which of them it is.
    if hidden.is_empty() || (hidden.len() > 1 && hidden.iter().any(|count| *count >= SMALLEST_SHOWN)) {
        return true;
    }
    let mut copies: Vec<(Place, Cell)> =
        parts.iter().map(|(row, column)| ((*row, *column), cells[*row][*column])).collect();
    if !suppress_another(&mut copies, &parts.iter().map(count).collect::<Vec<_>>()) {
        hide(cells, sum);
        return false;
    }
    let more: Vec<Place> = copies
        .iter()
        .filter(|((row, column), copy)| copy.suppressed && !cells[*row][*column].suppressed)
        .map(|(place, _)| *place)
        .collect();
    for place in &more {
        hide(cells, *place);
    }
    more.is_empty()
}
