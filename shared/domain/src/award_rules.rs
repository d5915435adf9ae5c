//! Period awards, 阶段奖励, as a district's regulation says them: over which days points are counted
//! and for what, who wins how much, and what becomes of those who are level.
//!
//! They are part of [`RulesContent`](crate::reward_rules::RulesContent), and never change within a
//! version. The version that is in force on the last day of a period decides over the whole of it.

use std::collections::BTreeSet;

use jiff::{ToSpan as _, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    award_run::RunId,
    briefing::Period,
    district::{District, Label, check_listed},
    error::FieldError,
    ledger::check_amount,
    named::{Named as _, named},
    report::Category,
    reward_rules::{Grade, MAX_TIERS, Rules, in_force},
    task_receipt,
    text::Text,
};

/// The most period awards of a version.
pub const MAX_AWARDS: usize = 20;
/// The most lines of points of one award.
pub const MAX_LINES: usize = 20;
/// The most points for one fact.
pub const MAX_POINTS: u32 = 10_000;
/// The most points that one line can give a person.
pub const MAX_CAP: u32 = 1_000_000;
/// The most facts that can count for one person, over all lines: what is kept of each while the
/// points are gathered stays far below what one record can hold.
pub const MAX_FACTS: u32 = 1_000;
/// The most people who can win by rank, those who are level with the last included. All of them
/// stand in one record while they are proposed.
pub const MAX_WINNERS: u32 = 500;
/// The most days that are waited after a period, so that what happened in it is confirmed.
pub const MAX_DAYS_AFTER: u8 = 45;
/// The longest stage, in days.
pub const MAX_STAGE_DAYS: i32 = 366;
/// For how many days the clock makes up for an award that it has missed.
pub const MADE_UP_DAYS: i32 = 30;

/// One period award.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwardRule {
    /// Its stable name.
    pub label: Label,
    /// What it is called.
    pub name: Text,
    /// Over which days points are counted.
    pub over: Over,
    /// How many whole days are waited after the last of them.
    #[serde(default)]
    pub days_after: u8,
    /// What gives points.
    pub points: Vec<PointLine>,
    /// Nobody wins with fewer points.
    pub min_points: u32,
    /// Who wins how much.
    pub winners: Winners,
}

/// Over which days points are counted, in the district's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "period", rename_all = "snake_case", deny_unknown_fields)]
pub enum Over {
    /// 阶段: these days, once.
    Stage {
        /// The first.
        from: Date,
        /// The last.
        to: Date,
    },
    /// 季度: each quarter of a calendar year.
    Quarter {},
    /// 年度: each calendar year.
    Year {},
}

/// What gives points: for each fact so many, up to a cap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PointLine {
    /// For each of what.
    pub each: Each,
    /// How many.
    pub points: u32,
    /// The most that one person gets by this line.
    pub cap: u32,
}

/// What is counted. A fact counts by the first line that fits it; a grade is a fact beside the
/// report that it was given for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case", deny_unknown_fields)]
pub enum Each {
    /// A report that was adopted.
    Report {
        /// About one of these; about anything when nothing is said.
        #[serde(default)]
        categories: Vec<Category>,
    },
    /// A report that was given a grade: points beside those for the report.
    Grade {
        /// One of these; any when nothing is said.
        #[serde(default)]
        grades: Vec<Label>,
    },
    /// A confirmed outcome to which a report of the person led.
    Outcome {
        /// Of one of these kinds; of any when nothing is said.
        #[serde(default)]
        kinds: Vec<Label>,
    },
    /// A task that was answered.
    Task {},
}

named! {
    /// Where facts are read.
    pub enum Source {
        /// The reports that were adopted.
        Reports = "reports",
        /// The grades, which stand with the rewards of reports.
        Grades = "grades",
        /// The outcomes that were confirmed.
        Outcomes = "outcomes",
        /// The tasks that were answered.
        Tasks = "tasks",
    }
}

impl Each {
    /// Where the facts of this line are read.
    pub fn source(&self) -> Source {
        match self {
            Self::Report { .. } => Source::Reports,
            Self::Grade { .. } => Source::Grades,
            Self::Outcome { .. } => Source::Outcomes,
            Self::Task {} => Source::Tasks,
        }
    }

    /// The names that it lists, and under which field.
    fn listed(&self) -> (&'static str, Vec<&str>) {
        match self {
            Self::Report { categories } => ("categories", categories.iter().map(|category| category.name()).collect()),
            Self::Grade { grades } => ("grades", grades.iter().map(Label::as_str).collect()),
            Self::Outcome { kinds } => ("kinds", kinds.iter().map(Label::as_str).collect()),
            Self::Task {} => ("of", Vec::new()),
        }
    }
}

/// Who wins how much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum Winners {
    /// The best.
    Rank {
        /// Which ranks get how much, without a gap from the first on.
        tiers: Vec<RankTier>,
        /// What becomes of those who have as many points.
        ties: Ties,
    },
    /// Everybody who has reached so many points.
    Threshold {
        /// So many.
        points: u32,
        /// What each of them gets, in fen.
        fen: u64,
    },
}

/// What some ranks get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RankTier {
    /// The first rank.
    pub from: u32,
    /// The last.
    pub to: u32,
    /// What each of them gets, in fen.
    pub fen: u64,
}

/// What becomes of those who have as many points. Where only so many can win, those come first who
/// reached their points first, and of the same moment those with the smaller pseudonym.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
pub enum Ties {
    /// 先到: who reached the points first has the better rank.
    Earlier {},
    /// 平分: they share what their ranks get together. What cannot be divided goes fen by fen in
    /// the order of their pseudonyms.
    Share {
        /// The most people who can win.
        most: u32,
    },
    /// 并列: each of them gets what the best of their ranks gets.
    All {
        /// The most people who can win.
        most: u32,
    },
}

impl Ties {
    /// The most people who can win; none when the ranks say it.
    pub fn most(self) -> Option<u32> {
        match self {
            Self::Earlier {} => None,
            Self::Share { most } | Self::All { most } => Some(most),
        }
    }
}

impl PointLine {
    /// How many facts count for one person: the earliest. The last of them may count in part.
    pub fn most_facts(&self) -> u32 {
        self.cap.div_ceil(self.points.max(1))
    }
}

impl AwardRule {
    /// Where its facts are read, in this order.
    pub fn sources(&self) -> Vec<Source> {
        let used = |source: &Source| self.points.iter().any(|line| line.each.source() == *source);
        Source::ALL.iter().copied().filter(used).collect()
    }

    /// How many people have to be kept in mind while the best are looked for; none when nobody is
    /// ranked.
    pub fn keeps(&self) -> Option<u32> {
        match &self.winners {
            Winners::Rank { tiers, ties } => {
                let last = tiers.last().map_or(0, |tier| tier.to);
                Some(ties.most().unwrap_or(last).min(MAX_WINNERS))
            }
            Winners::Threshold { .. } => None,
        }
    }

    fn check(&self, at: &str, grades: &[Grade], district: &District, bad: &mut Vec<FieldError>) {
        if self.days_after > MAX_DAYS_AFTER {
            bad.push(FieldError::new(format!("{at}/days_after"), format!("must be at most {MAX_DAYS_AFTER}")));
        }
        let days = match self.over {
            Over::Stage { from, to } => {
                let days = Period { from, to }.days();
                if !(1..=MAX_STAGE_DAYS).contains(&days) {
                    let detail = format!("must make the stage 1 to {MAX_STAGE_DAYS} days long");
                    bad.push(FieldError::new(format!("{at}/over/to"), detail));
                }
                days
            }
            Over::Quarter {} => 92,
            Over::Year {} => 366,
        };
        self.check_lines(at, days, grades, district, bad);
        if !(1..=MAX_CAP).contains(&self.min_points) {
            bad.push(FieldError::new(format!("{at}/min_points"), format!("must be from 1 to {MAX_CAP}")));
        }
        match &self.winners {
            Winners::Rank { tiers, ties } => check_ranks(&format!("{at}/winners"), tiers, *ties, bad),
            Winners::Threshold { points, fen } => {
                check_amount(&format!("{at}/winners/fen"), *fen, bad);
                if *points < self.min_points || *points > MAX_CAP {
                    let detail = format!("must be from min_points to {MAX_CAP}");
                    bad.push(FieldError::new(format!("{at}/winners/points"), detail));
                }
            }
        }
    }

    fn check_lines(&self, at: &str, days: i32, grades: &[Grade], district: &District, bad: &mut Vec<FieldError>) {
        if !(1..=MAX_LINES).contains(&self.points.len()) {
            let detail = format!("has {} entries, and not 1 to {MAX_LINES}", self.points.len());
            bad.push(FieldError::new(format!("{at}/points"), detail));
        }
        let mut taken: BTreeSet<(Source, Option<&str>)> = BTreeSet::new();
        for (i, line) in self.points.iter().enumerate() {
            let at = format!("{at}/points/{i}");
            if !(1..=MAX_POINTS).contains(&line.points) {
                bad.push(FieldError::new(format!("{at}/points"), format!("must be from 1 to {MAX_POINTS}")));
            }
            if line.cap < line.points || line.cap > MAX_CAP {
                bad.push(FieldError::new(format!("{at}/cap"), format!("must be from points to {MAX_CAP}")));
            }
            let (field, names) = line.each.listed();
            let source = line.each.source();
            // A line that no fact comes to would look as if it counted.
            if taken.contains(&(source, None)) {
                bad.push(FieldError::new(format!("{at}/each"), "counts nothing that a line before it does not count"));
            } else if names.is_empty() {
                taken.insert((source, None));
            }
            for (j, name) in names.into_iter().enumerate() {
                let at = format!("{at}/each/{field}/{j}");
                if !taken.insert((source, Some(name))) {
                    bad.push(FieldError::new(at.clone(), "is there twice"));
                }
                match &line.each {
                    Each::Grade { .. } if !grades.iter().any(|known| known.label.as_str() == name) => {
                        bad.push(FieldError::new(at, "is none of the grades"));
                    }
                    Each::Outcome { kinds } if district.outcome_kind(&kinds[j]).is_none() => {
                        bad.push(FieldError::new(at, "is no kind of outcome that this district counts"));
                    }
                    _ => {}
                }
            }
            let needed = i64::from(days) + i64::from(self.days_after) + i64::from(MADE_UP_DAYS);
            if source == Source::Tasks && needed > task_receipt::KEPT_DAYS {
                let detail = format!(
                    "what was done with a task is kept for {} days, which is too short for this period",
                    task_receipt::KEPT_DAYS
                );
                bad.push(FieldError::new(format!("{at}/each"), detail));
            }
        }
        let facts = self.points.iter().map(PointLine::most_facts).fold(0, u32::saturating_add);
        if facts > MAX_FACTS {
            let detail = format!("lets {facts} facts count for one person, and not at most {MAX_FACTS}");
            bad.push(FieldError::new(format!("{at}/points"), detail));
        }
    }

    /// The period that was over last before `today`; none when there is none yet.
    fn last_over(&self, today: Date) -> Option<Period> {
        let period = match self.over {
            Over::Stage { from, to } => Period { from, to },
            Over::Quarter {} => {
                let to = first_of_quarter(today)?.yesterday().ok()?;
                Period { from: first_of_quarter(to)?, to }
            }
            Over::Year {} => {
                let to = today.first_of_year().yesterday().ok()?;
                Period { from: to.first_of_year(), to }
            }
        };
        (period.to < today).then_some(period)
    }

    /// Whether it is time for this award on `today`: the days to wait are over, and it is not so
    /// long ago that nobody expects it any more.
    fn is_time(&self, period: Period, today: Date) -> bool {
        let after = Period { from: period.to, to: today }.days() - 1;
        let first = i32::from(self.days_after) + 1;
        (first..=first + MADE_UP_DAYS).contains(&after)
    }
}

fn first_of_quarter(day: Date) -> Option<Date> {
    let months = (day.month() - 1) % 3;
    day.first_of_month().checked_sub(i32::from(months).months()).ok()
}

fn check_ranks(at: &str, tiers: &[RankTier], ties: Ties, bad: &mut Vec<FieldError>) {
    if !(1..=MAX_TIERS).contains(&tiers.len()) {
        let detail = format!("has {} entries, and not 1 to {MAX_TIERS}", tiers.len());
        bad.push(FieldError::new(format!("{at}/tiers"), detail));
    }
    let (mut last, mut before) = (0, u64::MAX);
    for (i, RankTier { from, to, fen }) in tiers.iter().copied().enumerate() {
        let at = format!("{at}/tiers/{i}");
        if from != last + 1 {
            bad.push(FieldError::new(format!("{at}/from"), format!("must be {}, the next rank", last + 1)));
        }
        if to < from || to > MAX_WINNERS {
            bad.push(FieldError::new(format!("{at}/to"), format!("must be from {from} to {MAX_WINNERS}")));
        }
        check_amount(&format!("{at}/fen"), fen, bad);
        if fen > before {
            bad.push(FieldError::new(format!("{at}/fen"), "is more than what a better rank gets"));
        }
        (last, before) = (to.min(MAX_WINNERS), fen);
    }
    if let Some(most) = ties.most()
        && !(last..=MAX_WINNERS).contains(&most)
    {
        let detail = format!("must be from the last rank, {last}, to {MAX_WINNERS}");
        bad.push(FieldError::new(format!("{at}/ties/most"), detail));
    }
}

/// Checks the period awards of a version, and names every bad field.
pub(crate) fn check(awards: &[AwardRule], grades: &[Grade], district: &District, bad: &mut Vec<FieldError>) {
    if awards.len() > MAX_AWARDS {
        bad.push(FieldError::new("/awards", format!("has {} entries, and not 0 to {MAX_AWARDS}", awards.len())));
    }
    let mut seen = BTreeSet::new();
    for (i, award) in awards.iter().enumerate() {
        let at = format!("/awards/{i}");
        check_listed(&at, &award.label, &award.name, &mut seen, bad);
        award.check(&at, grades, district, bad);
    }
}

/// A run that is known already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownRun {
    /// Which.
    pub id: RunId,
    /// Whether it is done, or has failed for good.
    pub is_over: bool,
}

/// A run that the clock has to start, or to go on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// There is none yet.
    Start {
        /// Which.
        id: RunId,
        /// The version of the rules that decides.
        rules: u32,
    },
    /// It was started, and is not over.
    GoOn {
        /// Which.
        id: RunId,
    },
}

/// What the clock has to do for the period awards of a district on `today`, a day of the district:
/// runs that are not over first, then those of periods that are over, each once. The versions are
/// those of one district.
pub fn due(versions: &[Rules], runs: &[KnownRun], today: Date) -> Vec<Due> {
    let going: Vec<Due> = runs.iter().filter(|run| !run.is_over).map(|run| Due::GoOn { id: run.id.clone() }).collect();
    let mut seen: BTreeSet<RunId> = runs.iter().map(|run| run.id.clone()).collect();
    let mut due = going;
    for rules in versions {
        for award in &rules.content.awards {
            let Some(period) = award.last_over(today).filter(|period| award.is_time(*period, today)) else { continue };
            if in_force(versions, period.to).is_ok_and(|decides| decides.version == rules.version) {
                let id = RunId { district: rules.district.clone(), award: award.label.clone(), period };
                if seen.insert(id.clone()) {
                    due.push(Due::Start { id, rules: rules.version });
                }
            }
        }
    }
    due
}
