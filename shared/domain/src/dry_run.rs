//! The dry run of rules of rewards: what they would have given for rewards that were proposed by
//! others, beside what became of those. Nothing is written by it.
//!
//! A reward knows what it is for, and who has a share in it by which weight; from that [`quote`]
//! works out what the rules give. What it leaves open, a dry run leaves open as well: see [`GAPS`].

use std::collections::BTreeMap;

use crate::{
    district::Label,
    error::{Error, FieldError},
    named::named,
    report::Category,
    reward::{Reward, RewardState, Share, ShareState},
    reward_rules::{Before, Contributor, MAX_SHARES, Merit, RulesContent, Step, quote},
    statistics::Period,
};

/// The longest period that is tried, in days: a quarter.
pub const MAX_DAYS: i32 = 92;
/// The most rewards that are tried at once, the first of the period. It keeps the answer within
/// what a function reads and holds in a few seconds.
pub const MAX_REWARDS: usize = 2_000;
/// The most that one counts against the others.
const MAX_WEIGHT: u32 = u32::MAX / 16;

named! {
    /// What a dry run cannot know.
    pub enum Gap {
        /// What people would have chosen within a range: told is the least and the most.
        Choices = "choices",
        /// What people had before: each reward is worked out as the first of its people in the year
        /// and in the month. The cap holds for single rewards alone.
        CapsAndMultipliers = "caps_and_multipliers",
        /// Matters that no reward was proposed for, since no rule of then fitted them.
        NeverProposed = "never_proposed",
        /// Which grades people would have given, where these rules have others than those of then.
        Grades = "grades",
        /// What period awards would have given.
        PeriodAwards = "period_awards",
    }
}

/// All that a dry run cannot know, which it says with its answer.
pub const GAPS: [Gap; 5] = [Gap::Choices, Gap::CapsAndMultipliers, Gap::NeverProposed, Gap::Grades, Gap::PeriodAwards];

/// A reward that was proposed, as a dry run takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// What it is for.
    pub merit: Merit,
    /// Who has a share in it, in the order in which they reported.
    pub contributors: Vec<Contributor>,
    /// What the rule of then gave by itself, in fen.
    pub proposed_fen: u64,
    /// What it came to in the end, with what people chose, in fen.
    pub amount_fen: u64,
    /// Whether nobody was rewarded: it was declined, or taken back.
    pub ended: bool,
    /// What of it was approved, in fen.
    pub approved_fen: u64,
    /// What of it was paid and not paid back, in fen.
    pub paid_fen: u64,
}

impl Past {
    /// None of a period award, for which no rule of this kind gives anything.
    pub fn of(reward: &Reward) -> Option<Self> {
        let merit = reward.merit.clone()?;
        let share =
            |share: &Share| Contributor { report: share.report, member: share.member.clone(), weight: share.weight };
        let approved = matches!(reward.state, RewardState::Approved | RewardState::Settled);
        let paid = reward.shares.iter().filter(|share| share.state == ShareState::Paid);
        Some(Self {
            merit,
            contributors: reward.shares.iter().map(share).collect(),
            // Each share begins with what the rule gives for all of them together.
            proposed_fen: reward.shares.iter().find_map(|share| share.steps.first()).map_or(0, Step::fen),
            amount_fen: reward.amount_fen,
            ended: matches!(reward.state, RewardState::Declined | RewardState::Reversed),
            approved_fen: if approved { reward.amount_fen } else { 0 },
            paid_fen: paid.map(|share| share.amount_fen).sum(),
        })
    }

    /// Those who share it. More than can share one have had no part in it yet: the first of them
    /// do, as in a proposal.
    fn sharers(&self) -> Vec<(Contributor, Before)> {
        let counted = self.contributors.iter().filter(|contributor| contributor.weight > 0);
        let sharer = |contributor: &Contributor| {
            // Where the first has had all of it nobody has looked at whether the parts can be added up.
            let weight = contributor.weight.min(MAX_WEIGHT);
            (Contributor { weight, ..contributor.clone() }, Before::default())
        };
        counted.take(MAX_SHARES).map(sharer).collect()
    }
}

/// What is summed up together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// The rule that would have given; none where no rule fits.
    pub rule: Option<Label>,
    /// What the reports are about.
    pub category: Category,
    /// The grade that was given.
    pub grade: Option<Label>,
    /// The kind of outcome that was confirmed.
    pub outcome: Option<Label>,
}

/// Counts and sums of rewards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// How many rewards.
    pub rewards: u64,
    /// How many of them nobody had in the end.
    pub ended: u64,
    /// How many shares these rules would have made of them.
    pub shares: u64,
    /// What these rules would have given at least, in fen: what they propose by themselves.
    pub least_fen: u64,
    /// What they would have allowed people to choose at most, in fen.
    pub most_fen: u64,
    /// What the rules of then gave by themselves, in fen.
    pub proposed_fen: u64,
    /// What it came to with what people chose, in fen.
    pub amount_fen: u64,
    /// What was approved, in fen.
    pub approved_fen: u64,
    /// What was paid, in fen.
    pub paid_fen: u64,
}

impl Sums {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            rewards: self.rewards + other.rewards,
            ended: self.ended + other.ended,
            shares: self.shares + other.shares,
            least_fen: self.least_fen + other.least_fen,
            most_fen: self.most_fen + other.most_fen,
            proposed_fen: self.proposed_fen + other.proposed_fen,
            amount_fen: self.amount_fen + other.amount_fen,
            approved_fen: self.approved_fen + other.approved_fen,
            paid_fen: self.paid_fen + other.paid_fen,
        }
    }
}

/// Checks the period of a dry run, and names every bad field.
pub fn check_period(period: Period, bad: &mut Vec<FieldError>) {
    if period.to < period.from {
        bad.push(FieldError::new("/to", "lies before from"));
    } else if period.from.until(period.to).map_or(true, |span| span.get_days() >= MAX_DAYS) {
        bad.push(FieldError::new("/to", format!("makes the period longer than {MAX_DAYS} days")));
    }
}

/// What these rules would have given for these rewards, by group.
///
/// # Errors
///
/// What [`quote`] refuses, which of rewards that were proposed is nothing.
pub fn dry_run(content: &RulesContent, rewards: &[Past]) -> Result<BTreeMap<Group, Sums>, Error> {
    let mut groups: BTreeMap<Group, Sums> = BTreeMap::new();
    for past in rewards {
        let (rule, sums) = tried(content, past)?;
        let Merit { category, grade, outcome } = &past.merit;
        let outcome = outcome.as_ref().map(|(kind, _)| kind.clone());
        let group = Group { rule, category: *category, grade: grade.clone(), outcome };
        let known = groups.entry(group).or_default();
        *known = known.plus(sums);
    }
    Ok(groups)
}

/// What these rules would have given for one reward, and by which rule.
fn tried(content: &RulesContent, past: &Past) -> Result<(Option<Label>, Sums), Error> {
    let mut sums = Sums {
        rewards: 1,
        ended: u64::from(past.ended),
        proposed_fen: past.proposed_fen,
        amount_fen: past.amount_fen,
        approved_fen: past.approved_fen,
        paid_fen: past.paid_fen,
        ..Sums::default()
    };
    let Some(rule) = content.rule_for(&past.merit) else { return Ok((None, sums)) };
    let sharers = past.sharers();
    // Nobody has a part in it: whatever the rule gives goes to nobody.
    if !sharers.is_empty() {
        let given = |chosen| Ok::<_, Error>(quote(content, &past.merit, chosen, &sharers)?.unwrap_or_default());
        let (_, most_fen) = rule.allows(&past.merit);
        let (least, most) = (given(None)?, given(Some(most_fen))?);
        sums.shares = least.iter().map(|_| 1).sum();
        sums.least_fen = least.iter().map(|quoted| quoted.amount_fen).sum();
        sums.most_fen = most.iter().map(|quoted| quoted.amount_fen).sum();
    }
    Ok((Some(rule.label.clone()), sums))
}
