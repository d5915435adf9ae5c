//! Period awards: what somebody's facts come to in points, and who wins.
//!
//! Nothing here depends on the order in which facts and people come, nor on whether a page of them
//! comes twice: [`Points`] keep of each line the earliest facts that can count, each once, and
//! [`Ranking`] keeps of all people the best, each once. So the work can stop after any page, and go
//! on elsewhere from what was written down.

use std::{cmp::Ordering, collections::BTreeSet};

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{
    award_rules::{AwardRule, Each, RankTier, Ties, Winners},
    briefing::Period,
    code::Code,
    district::Label,
    error::Error,
    member::{Member, MemberId, MemberState, Role},
    report::Category,
    tally,
    territory::NodeId,
};

/// The most people of one page.
pub const MAX_PAGE: usize = 1_000;
/// The most pages of anything that a run reads: far more than a district of 130,000 reporters has.
pub const MAX_PAGES: u32 = 100_000;

/// Something that can give points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Who has earned them.
    pub member: MemberId,
    /// The report, the outcome or the task, by its code.
    pub id: Code,
    /// When the report was adopted, the reward proposed that has the grade, the outcome confirmed
    /// for the first time, the task answered. It has to be a moment that does not move with what
    /// comes later, so that a fact counts in one period.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What can give points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A report was adopted.
    Report {
        /// What it is about.
        category: Category,
    },
    /// A report was given a grade, which counts beside the report itself.
    Grade {
        /// The grade.
        grade: Label,
    },
    /// An outcome was confirmed.
    Outcome {
        /// Its kind.
        kind: Label,
    },
    /// A task was answered.
    Task,
}

impl What {
    /// Whether a line counts it.
    fn fits(&self, each: &Each) -> bool {
        match (each, self) {
            (Each::Report { categories }, Self::Report { category }) => {
                categories.is_empty() || categories.contains(category)
            }
            (Each::Grade { grades }, Self::Grade { grade }) => grades.is_empty() || grades.contains(grade),
            (Each::Outcome { kinds }, Self::Outcome { kind }) => kinds.is_empty() || kinds.contains(kind),
            (Each::Task {}, Self::Task) => true,
            _ => false,
        }
    }
}

/// A fact that counts by a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Counted {
    /// When.
    pub at: Timestamp,
    /// The report, the outcome or the task.
    pub id: Code,
}

/// What counts for one member in one period: of each line, in the order of the rule, the earliest
/// facts, and no more of them than can count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Points(Vec<Vec<Counted>>);

impl Points {
    /// What this fact counts for by a rule in a period. Nothing when it lies outside, or nobody has
    /// earned it.
    pub fn of(fact: &Fact, rule: &AwardRule, period: Period, time_zone: &TimeZone) -> Self {
        let mut points = Self::default();
        if fact.member.is_no_reporter() || !period.contains(tally::day(fact.at, time_zone)) {
            return points;
        }
        // By the first line that fits.
        if let Some(place) = rule.points.iter().position(|line| fact.what.fits(&line.each)) {
            points.0.resize(place, Vec::new());
            points.0.push(vec![Counted { at: fact.at, id: fact.id }]);
        }
        points
    }

    /// Whether nothing counts.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Vec::is_empty)
    }

    /// Both together. In whatever order and however often parts are merged, the whole is the same.
    #[must_use]
    pub fn merge(mut self, other: &Self, rule: &AwardRule) -> Self {
        self.0.resize(self.0.len().max(other.0.len()), Vec::new());
        for ((mine, theirs), line) in self.0.iter_mut().zip(&other.0).zip(&rule.points) {
            if theirs.is_empty() {
                continue;
            }
            mine.extend(theirs);
            mine.sort_unstable();
            // The same fact, read twice with another moment, counts once and from the first.
            let mut seen = BTreeSet::new();
            mine.retain(|counted| seen.insert(counted.id));
            mine.truncate(usize::try_from(line.most_facts()).unwrap_or(usize::MAX));
        }
        self
    }

    /// How many points these are, and when the last of them was reached. None for no points.
    pub fn reached(&self, rule: &AwardRule) -> Option<(u32, Timestamp)> {
        let mut sum = 0_u32;
        for (counted, line) in self.0.iter().zip(&rule.points) {
            let count = u32::try_from(counted.len()).unwrap_or(u32::MAX);
            sum = sum.saturating_add(count.saturating_mul(line.points).min(line.cap));
        }
        // Only what counts is kept, so whatever came last brought points.
        let at = self.0.iter().flatten().map(|counted| counted.at).max()?;
        (sum > 0).then_some((sum, at))
    }
}

/// Whether this member can win: reporters who may act when they are ranked.
pub fn may_win(member: &Member) -> bool {
    member.role == Role::Reporter && member.state == MemberState::Active
}

/// Somebody who is ranked. The smaller one is ahead: by points, by who reached them first, by
/// pseudonym.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entrant {
    /// Who.
    pub member: MemberId,
    /// Their pseudonym, which is all that people are shown.
    pub pseudonym: Code,
    /// Their community.
    pub node: NodeId,
    /// How many points they have.
    pub points: u32,
    /// When they reached them.
    pub reached_at: Timestamp,
}

impl Entrant {
    /// Somebody with these points; none when they cannot win.
    pub fn new(member: &Member, points: &Points, rule: &AwardRule) -> Option<Self> {
        let (points, reached_at) = points.reached(rule)?;
        (may_win(member) && points >= rule.min_points).then(|| Self {
            member: member.id.clone(),
            pseudonym: member.pseudonym,
            node: member.node.clone(),
            points,
            reached_at,
        })
    }
}

impl Ord for Entrant {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.points.cmp(&self.points))
            .then_with(|| self.reached_at.cmp(&other.reached_at))
            .then_with(|| self.pseudonym.cmp(&other.pseudonym))
            .then_with(|| self.member.cmp(&other.member))
            .then_with(|| self.node.cmp(&other.node))
    }
}

impl PartialOrd for Entrant {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The best of those who were ranked so far. It holds no more people than can win.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ranking {
    /// How many people can win.
    keeps: u32,
    /// The page that comes next, from 0.
    next: u32,
    /// How many people were on the pages before.
    seen: u64,
    /// The best of them.
    best: BTreeSet<Entrant>,
}

impl Ranking {
    /// A ranking without anybody, for so many winners.
    pub fn new(keeps: u32) -> Self {
        Self { keeps, next: 0, seen: 0, best: BTreeSet::new() }
    }

    /// The page that comes next, from 0.
    pub fn next(&self) -> u32 {
        self.next
    }

    /// How many people were ranked.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// The best so far, the first before the others.
    pub fn best(&self) -> impl Iterator<Item = &Entrant> {
        self.best.iter()
    }

    /// Takes a page of people in. A page that was taken before changes nothing; whether this one
    /// did is the answer.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] when a page before it is missing, or it is too large.
    pub fn take(&mut self, page: u32, people: &[Entrant]) -> Result<bool, Error> {
        if page < self.next {
            return Ok(false);
        }
        if page > self.next || page >= MAX_PAGES || people.len() > MAX_PAGE {
            return Err(Error::Internal(format!("page {page} of a ranking does not follow {}", self.next)));
        }
        for entrant in people {
            self.offer(entrant);
        }
        self.next += 1;
        self.seen = self.seen.saturating_add(people.len() as u64);
        Ok(true)
    }

    fn offer(&mut self, entrant: &Entrant) {
        let is_full = self.best.len() >= usize::try_from(self.keeps).unwrap_or(usize::MAX);
        if is_full && self.best.last().is_none_or(|last| last < entrant) {
            return;
        }
        // An index that is read by pages can show somebody twice, who then counts once.
        if let Some(known) = self.best.iter().find(|known| known.member == entrant.member).cloned() {
            if known <= *entrant {
                return;
            }
            self.best.remove(&known);
        } else if is_full {
            self.best.pop_last();
        }
        self.best.insert(entrant.clone());
    }

    /// Who wins how much by a rule, the first before the others.
    pub fn winners(&self, rule: &AwardRule) -> Vec<Winner> {
        let Winners::Rank { tiers, ties } = &rule.winners else { return Vec::new() };
        let best: Vec<&Entrant> = self.best.iter().collect();
        let mut winners = Vec::new();
        let mut first = 0;
        for level in best.chunk_by(|one, next| !matches!(ties, Ties::Earlier {}) && one.points == next.points) {
            winners.extend(level_winners(first, level, tiers, *ties));
            first += level.len();
        }
        winners
    }
}

/// What those win who are level, and of whom the first has the place `first`, from 0.
fn level_winners(first: usize, level: &[&Entrant], tiers: &[RankTier], ties: Ties) -> Vec<Winner> {
    let gets = |place: usize| {
        let rank = u32::try_from(place + 1).unwrap_or(u32::MAX);
        tiers.iter().find(|tier| (tier.from..=tier.to).contains(&rank)).map_or(0, |tier| tier.fen)
    };
    let people = level.len() as u64;
    let mut level: Vec<&Entrant> = level.to_vec();
    level.sort_unstable_by_key(|entrant| entrant.pseudonym);
    let sum_fen: u64 = (first..first + level.len()).map(gets).sum();
    let winners = (0_u64..).zip(level).map(|(i, entrant)| {
        let amount_fen = match ties {
            Ties::Earlier {} | Ties::All { .. } => gets(first),
            Ties::Share { .. } => sum_fen / people + u64::from(i < sum_fen % people),
        };
        let shared = (matches!(ties, Ties::Share { .. }) && people > 1)
            .then(|| Shared { sum_fen, people: u32::try_from(people).unwrap_or(u32::MAX) });
        Winner::new(entrant, Some(u32::try_from(first + 1).unwrap_or(u32::MAX)), shared, amount_fen)
    });
    winners.filter(|winner| winner.amount_fen > 0).collect()
}

/// Those of a page who have reached the threshold of a rule, in the order in which they came.
pub fn reaching(people: &[Entrant], rule: &AwardRule) -> Vec<Winner> {
    let Winners::Threshold { points, fen } = rule.winners else { return Vec::new() };
    let reached = people.iter().filter(|entrant| entrant.points >= points.max(rule.min_points));
    reached.map(|entrant| Winner::new(entrant, None, None, fen)).collect()
}

/// That people who are level share what their ranks get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    /// What the ranks get together, in fen.
    pub sum_fen: u64,
    /// How many people share it.
    pub people: u32,
}

/// Somebody who wins. Outside of what makes the proposals, only [`Shown`] is seen of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Winner {
    /// The rank, from 1, which those who are level have in common; none where nobody is ranked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<u32>,
    /// Who.
    pub member: MemberId,
    /// Their pseudonym.
    pub pseudonym: Code,
    /// Their community.
    pub node: NodeId,
    /// How many points they have.
    pub points: u32,
    /// Of what and with how many they share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<Shared>,
    /// How much they win, in fen; never 0.
    pub amount_fen: u64,
}

impl Winner {
    fn new(entrant: &Entrant, rank: Option<u32>, shared: Option<Shared>, amount_fen: u64) -> Self {
        let Entrant { member, pseudonym, node, points, .. } = entrant.clone();
        Self { rank, member, pseudonym, node, points, shared, amount_fen }
    }

    /// What people are shown of it.
    pub fn shown(&self) -> Shown {
        let Self { rank, pseudonym, points, amount_fen, .. } = *self;
        Shown { rank, pseudonym, points, amount_fen }
    }
}

/// What people are shown of a winner: it has no place for who that is, nor for where they live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The rank.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<u32>,
    /// The pseudonym.
    pub pseudonym: Code,
    /// The points.
    pub points: u32,
    /// The amount, in fen.
    pub amount_fen: u64,
}
