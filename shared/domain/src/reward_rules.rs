//! A district's regulation of rewards, 奖励办法, as data: what is rewarded by how much, how it is
//! shared, who has to agree, and how long a reward can be claimed.
//!
//! A version of the rules holds from a day on, and never changes: whoever wants another rule
//! writes the next version. [`quote`] works out a reward by a version, and shows its arithmetic as
//! [`Step`]s that a person can follow with pencil and paper. Amounts are whole fen, and what
//! cannot be divided goes to the first.
//!
//! What regulations ask for (Zhejiang: approval by tiers of amount; Tangshan, Pingdu, Tongbai: one
//! matter one reward, the first reporter or shares, nothing when another body has paid, claim
//! windows of 30 days to three months; Anyang: the fourth reward in a year doubled; Changsha: a cap
//! per person and month) stands in the published regulations of those places.

use std::collections::BTreeSet;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    award_rules::{self, AwardRule},
    command::{CommandId, Fingerprint},
    district::{District, Label, MAX_OUTCOME_KINDS, check_listed},
    error::{Error, FieldError, Refusal},
    ledger::{MAX_MOVEMENT_FEN, check_amount},
    life::State,
    member::{Body, MemberId, Role},
    named::{Named as _, named},
    outcome::KINDS,
    report::{Category, ReportId},
    territory::NodeId,
    text::Text,
};

/// The most rules of a version.
pub const MAX_RULES: usize = 100;
/// The most grades.
pub const MAX_GRADES: usize = 20;
/// The most tiers of approval, of multipliers, of period awards.
pub const MAX_TIERS: usize = 20;
/// The most people who have to agree to one reward.
pub const MAX_AGREE: usize = 5;
/// The most people who share one reward.
pub const MAX_SHARES: usize = 10;
/// The longest time in which a reward can be claimed, in days.
pub const MAX_CLAIM_DAYS: u16 = 366;
/// The most kinds of outcome that a rule names: all that there can be.
pub const MAX_KINDS: usize = KINDS.len() + MAX_OUTCOME_KINDS;
/// The highest multiplier, in percent.
pub const MAX_PERCENT: u32 = 1_000;

/// A version of the rules of a district.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// The district.
    pub district: NodeId,
    /// The version, from 1.
    pub version: u32,
    /// The day from which it holds, in the district's time zone.
    pub valid_from: Date,
    /// What it says.
    pub content: RulesContent,
    /// Who wrote it.
    pub made_by: MemberId,
    /// When.
    pub made_at: Timestamp,
    /// The command that wrote it.
    pub command: CommandId,
    /// What that command asked for.
    pub fingerprint: Fingerprint,
}

/// What a version of the rules says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulesContent {
    /// The grades that a reward can be given, the best first.
    #[serde(default)]
    pub grades: Vec<Grade>,
    /// The rules. The first that fits counts.
    pub rules: Vec<Rule>,
    /// What becomes of a matter that several have reported.
    pub together: Together,
    /// Rewards that are multiplied.
    #[serde(default)]
    pub multipliers: Vec<Multiplier>,
    /// The most that one person is rewarded with in a calendar month, in fen; no cap when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub month_cap_fen: Option<u64>,
    /// Who has to agree, by amount, from the smallest up; the last has no end.
    pub tiers: Vec<Tier>,
    /// For how many days a reward can be claimed once it was approved. Then the money returns.
    pub claim_days: u16,
    /// The period awards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub awards: Vec<AwardRule>,
}

/// A grade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grade {
    /// Its stable name.
    pub label: Label,
    /// What it is called.
    pub name: Text,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its stable name.
    pub label: Label,
    /// What it is called.
    pub name: Text,
    /// What the report is about; anything when nothing is said.
    #[serde(default)]
    pub categories: Vec<Category>,
    /// The grades that it is for; any, and none, when nothing is said.
    #[serde(default)]
    pub grades: Vec<Label>,
    /// What it is for.
    pub earned_by: Earned,
    /// How much.
    pub amount: Amount,
}

/// What a reward is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum Earned {
    /// That a report was adopted.
    Adoption {},
    /// That an outcome was confirmed.
    Outcome {
        /// Of one of these kinds; of any when nothing is said.
        #[serde(default)]
        kinds: Vec<Label>,
    },
}

/// How much a rule gives, in fen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "as", rename_all = "snake_case", deny_unknown_fields)]
pub enum Amount {
    /// As much.
    Fixed {
        /// The amount.
        fen: u64,
    },
    /// From one amount to another: the smaller is proposed, and people can raise it.
    Range {
        /// The smallest.
        min_fen: u64,
        /// The largest.
        max_fen: u64,
    },
    /// So much for each suspect, case or hazard that was counted.
    Each {
        /// For each.
        fen: u64,
        /// But no more.
        max_fen: u64,
    },
}

impl Amount {
    /// The most that it can come to.
    fn most_fen(self) -> u64 {
        match self {
            Self::Fixed { fen } => fen,
            Self::Range { max_fen, .. } | Self::Each { max_fen, .. } => max_fen,
        }
    }
}

named! {
    /// What becomes of a matter that several have reported.
    pub enum Together {
        /// 先报: the first who has contributed anything has all of it.
        First = "first",
        /// 按贡献: they share, alike when nobody says otherwise.
        Shares = "shares",
    }
}

/// A multiplier: the so-manieth reward of one person in a calendar year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Multiplier {
    /// From 1.
    pub nth: u32,
    /// In percent: 200 doubles.
    pub percent: u32,
}

/// Who has to agree to rewards up to an amount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// Up to this amount in fen; above all others when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to_fen: Option<u64>,
    /// Everybody who has to: at least two, and as many different people.
    pub agree: Vec<Approver>,
}

/// Somebody who has to agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approver {
    /// In which role.
    pub role: Role,
    /// Of which body; of any when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
}

/// The roles that can be asked to agree.
pub const APPROVERS: [Role; 3] = [Role::StationManager, Role::DistrictManager, Role::Treasurer];

impl RulesContent {
    /// Checks every limit against the lists of the district, and names every bad field.
    pub fn check(&self, district: &District) -> Result<(), Error> {
        let mut bad = Vec::new();
        check_count("/grades", self.grades.len(), 0..=MAX_GRADES, &mut bad);
        check_count("/rules", self.rules.len(), 1..=MAX_RULES, &mut bad);
        check_count("/multipliers", self.multipliers.len(), 0..=MAX_TIERS, &mut bad);
        check_count("/tiers", self.tiers.len(), 1..=MAX_TIERS, &mut bad);
        let mut seen = BTreeSet::new();
        for (i, grade) in self.grades.iter().enumerate().take(MAX_GRADES) {
            check_listed(&format!("/grades/{i}"), &grade.label, &grade.name, &mut seen, &mut bad);
        }
        let mut seen = BTreeSet::new();
        for (i, rule) in self.rules.iter().enumerate().take(MAX_RULES) {
            let at = format!("/rules/{i}");
            check_listed(&at, &rule.label, &rule.name, &mut seen, &mut bad);
            self.check_rule(&at, rule, district, &mut bad);
        }
        let mut seen = BTreeSet::new();
        for (i, Multiplier { nth, percent }) in self.multipliers.iter().enumerate().take(MAX_TIERS) {
            if *nth == 0 || !seen.insert(*nth) {
                bad.push(FieldError::new(format!("/multipliers/{i}/nth"), "is 0, or stands there twice"));
            }
            if !(1..=MAX_PERCENT).contains(percent) {
                bad.push(FieldError::new(
                    format!("/multipliers/{i}/percent"),
                    format!("must be from 1 to {MAX_PERCENT}"),
                ));
            } else if self.most_fen(*percent) > MAX_MOVEMENT_FEN {
                let detail = format!("makes more than {MAX_MOVEMENT_FEN} fen of the largest reward");
                bad.push(FieldError::new(format!("/multipliers/{i}/percent"), detail));
            }
        }
        if let Some(cap) = self.month_cap_fen {
            check_amount("/month_cap_fen", cap, &mut bad);
        }
        self.check_tiers(&mut bad);
        if !(1..=MAX_CLAIM_DAYS).contains(&self.claim_days) {
            bad.push(FieldError::new("/claim_days", format!("must be from 1 to {MAX_CLAIM_DAYS}")));
        }
        award_rules::check(&self.awards, &self.grades, district, &mut bad);
        if bad.is_empty() { Ok(()) } else { Err(Error::Invalid(bad)) }
    }

    /// The most that a multiplier can make of a reward, each share rounded up.
    fn most_fen(&self, percent: u32) -> u64 {
        let most = self.rules.iter().take(MAX_RULES).map(|rule| rule.amount.most_fen()).max().unwrap_or(0);
        (most.saturating_mul(u64::from(percent)) / 100).saturating_add(MAX_SHARES as u64)
    }

    fn check_rule(&self, at: &str, rule: &Rule, district: &District, bad: &mut Vec<FieldError>) {
        check_set(&format!("{at}/categories"), &rule.categories, Category::ALL.len(), bad);
        check_set(&format!("{at}/grades"), &rule.grades, MAX_GRADES, bad);
        for (i, grade) in rule.grades.iter().enumerate().take(MAX_GRADES) {
            if !self.grades.iter().any(|known| known.label == *grade) {
                bad.push(FieldError::new(format!("{at}/grades/{i}"), "is none of the grades"));
            }
        }
        if let Earned::Outcome { kinds } = &rule.earned_by {
            check_set(&format!("{at}/earned_by/kinds"), kinds, MAX_KINDS, bad);
            for (i, kind) in kinds.iter().enumerate().take(MAX_KINDS) {
                if district.outcome_kind(kind).is_none() {
                    let at = format!("{at}/earned_by/kinds/{i}");
                    bad.push(FieldError::new(at, "is no kind of outcome that this district counts"));
                }
            }
        }
        match rule.amount {
            Amount::Fixed { fen } => check_amount(&format!("{at}/amount/fen"), fen, bad),
            Amount::Range { min_fen, max_fen } => {
                check_amount(&format!("{at}/amount/min_fen"), min_fen, bad);
                check_amount(&format!("{at}/amount/max_fen"), max_fen, bad);
                if max_fen < min_fen {
                    bad.push(FieldError::new(format!("{at}/amount/max_fen"), "is less than min_fen"));
                }
            }
            Amount::Each { fen, max_fen } => {
                check_amount(&format!("{at}/amount/fen"), fen, bad);
                check_amount(&format!("{at}/amount/max_fen"), max_fen, bad);
                if max_fen < fen {
                    bad.push(FieldError::new(format!("{at}/amount/max_fen"), "is less than fen"));
                }
                if matches!(rule.earned_by, Earned::Adoption {}) {
                    bad.push(FieldError::new(format!("{at}/amount/as"), "an adoption counts nothing"));
                }
            }
        }
    }

    fn check_tiers(&self, bad: &mut Vec<FieldError>) {
        let mut above = 0;
        for (i, tier) in self.tiers.iter().enumerate().take(MAX_TIERS) {
            let last = i + 1 == self.tiers.len();
            match tier.up_to_fen {
                Some(_) if last => {
                    bad.push(FieldError::new(format!("/tiers/{i}/up_to_fen"), "the last tier has no end"));
                }
                None if !last => bad.push(FieldError::new(format!("/tiers/{i}/up_to_fen"), "is missing")),
                Some(up_to) if up_to <= above => {
                    bad.push(FieldError::new(format!("/tiers/{i}/up_to_fen"), "is not above the tier before"));
                }
                Some(up_to) => {
                    check_amount(&format!("/tiers/{i}/up_to_fen"), up_to, bad);
                    above = up_to;
                }
                None => {}
            }
            if !(2..=MAX_AGREE).contains(&tier.agree.len()) {
                let detail = format!("must be from 2 to {MAX_AGREE}: nobody gives money away alone");
                bad.push(FieldError::new(format!("/tiers/{i}/agree"), detail));
            }
            for (j, approver) in tier.agree.iter().enumerate().take(MAX_AGREE) {
                let at = format!("/tiers/{i}/agree/{j}");
                if !APPROVERS.contains(&approver.role) {
                    bad.push(FieldError::new(format!("{at}/role"), "cannot agree to rewards"));
                }
                if approver.body.is_some() && approver.role == Role::Treasurer {
                    bad.push(FieldError::new(format!("{at}/body"), "a treasurer serves no body"));
                }
            }
        }
    }

    /// Who has to agree to this amount.
    pub fn tier(&self, amount_fen: u64) -> Result<&Tier, Error> {
        let fits = |tier: &&Tier| tier.up_to_fen.is_none_or(|up_to| amount_fen <= up_to);
        self.tiers.iter().find(fits).ok_or_else(|| Error::Internal("the rules have no last tier".to_owned()))
    }

    /// The period award with this label.
    pub fn award(&self, label: &Label) -> Option<&AwardRule> {
        self.awards.iter().find(|award| award.label == *label)
    }

    /// The first rule that fits.
    pub fn rule_for(&self, merit: &Merit) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.fits(merit))
    }
}

fn check_count(at: &str, count: usize, range: std::ops::RangeInclusive<usize>, bad: &mut Vec<FieldError>) {
    if !range.contains(&count) {
        let detail = format!("has {count} entries, and not {} to {}", range.start(), range.end());
        bad.push(FieldError::new(at, detail));
    }
}

/// Checks that a list has not too many entries, and none of them twice.
fn check_set<T: Ord>(at: &str, list: &[T], most: usize, bad: &mut Vec<FieldError>) {
    check_count(at, list.len(), 0..=most, bad);
    let mut seen = BTreeSet::new();
    for (i, entry) in list.iter().enumerate().take(most) {
        if !seen.insert(entry) {
            bad.push(FieldError::new(format!("{at}/{i}"), "is there twice"));
        }
    }
}

/// What is to be rewarded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merit {
    /// What the report is about.
    pub category: Category,
    /// The grade that people have given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<Label>,
    /// The outcome that was confirmed, with how much it counts; none for the adoption alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<(Label, u32)>,
}

impl Rule {
    /// Whether it is for this merit.
    pub fn fits(&self, merit: &Merit) -> bool {
        let earned = match (&self.earned_by, &merit.outcome) {
            (Earned::Adoption {}, _) => true,
            (Earned::Outcome { kinds }, Some((kind, _))) => kinds.is_empty() || kinds.contains(kind),
            (Earned::Outcome { .. }, None) => false,
        };
        earned
            && (self.categories.is_empty() || self.categories.contains(&merit.category))
            && (self.grades.is_empty() || merit.grade.as_ref().is_some_and(|grade| self.grades.contains(grade)))
    }

    /// The amounts that it allows for this merit, the one that is proposed first.
    pub fn allows(&self, merit: &Merit) -> (u64, u64) {
        match self.amount {
            Amount::Fixed { fen } => (fen, fen),
            Amount::Range { min_fen, max_fen } => (min_fen, max_fen),
            Amount::Each { fen, max_fen } => {
                let count = merit.outcome.as_ref().map_or(1, |(_, count)| u64::from((*count).max(1)));
                let fen = fen.saturating_mul(count).min(max_fen);
                (fen, fen)
            }
        }
    }
}

/// Somebody who has reported the matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contributor {
    /// The report.
    pub report: ReportId,
    /// Who sent it in.
    pub member: MemberId,
    /// How much they contributed, against the others; 0 for nothing.
    pub weight: u32,
}

/// What a person was rewarded with before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Before {
    /// How many rewards in this calendar year.
    pub in_year: u32,
    /// How much in this calendar month, in fen.
    pub in_month_fen: u64,
}

/// A line of the arithmetic of a reward.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// What the rule gives.
    Rule {
        /// Its label.
        rule: Label,
        /// The amount.
        fen: u64,
    },
    /// What a period award gives for these points; of ranks that are shared, what they get together.
    Award {
        /// Its label.
        award: Label,
        /// The points.
        points: u32,
        /// The rank; none where everybody wins who has reached so many points.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rank: Option<u32>,
        /// The amount.
        fen: u64,
    },
    /// What of it is this person's, with so many who have as many points.
    Tied {
        /// How many share it.
        people: u32,
        /// The amount.
        fen: u64,
    },
    /// What people have chosen within what the rule allows.
    Chosen {
        /// The amount.
        fen: u64,
    },
    /// What of it is this person's.
    Share {
        /// So many parts …
        weight: u32,
        /// … of so many.
        of: u32,
        /// The amount.
        fen: u64,
    },
    /// It is the so-manieth reward of the person in the year.
    Multiplied {
        /// Which.
        nth: u32,
        /// In percent.
        percent: u32,
        /// The amount.
        fen: u64,
    },
    /// The cap of the month leaves no more.
    Capped {
        /// The cap.
        cap_fen: u64,
        /// What the month has already.
        before_fen: u64,
        /// The amount.
        fen: u64,
    },
}

impl Step {
    /// The amount after this step, in fen.
    pub fn fen(&self) -> u64 {
        match self {
            Self::Rule { fen, .. }
            | Self::Award { fen, .. }
            | Self::Tied { fen, .. }
            | Self::Chosen { fen }
            | Self::Share { fen, .. }
            | Self::Multiplied { fen, .. }
            | Self::Capped { fen, .. } => *fen,
        }
    }
}

/// What one person gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quoted {
    /// The report.
    pub report: ReportId,
    /// Who.
    pub member: MemberId,
    /// How much, in fen; 0 when the cap of the month leaves nothing.
    pub amount_fen: u64,
    /// How it comes to that.
    pub steps: Vec<Step>,
}

/// Works out a reward: by the first rule that fits, in the amount that is proposed or `chosen`
/// within what it allows, shared among those who have reported the matter, multiplied and capped
/// for each of them by what they had before.
///
/// Contributors come in the order in which they reported. Who has reported the matter several
/// times is rewarded once, by the first of their reports that counts: the cap of the month holds
/// for a person. None where no rule fits.
pub fn quote(
    content: &RulesContent,
    merit: &Merit,
    chosen_fen: Option<u64>,
    contributors: &[(Contributor, Before)],
) -> Result<Option<Vec<Quoted>>, Error> {
    let Some(rule) = content.rule_for(merit) else { return Ok(None) };
    let (least, most) = rule.allows(merit);
    let mut steps = vec![Step::Rule { rule: rule.label.clone(), fen: least }];
    let whole = chosen_fen.unwrap_or(least);
    if !(least..=most).contains(&whole) {
        let detail = format!("the rule {} allows {least} to {most} fen", rule.label);
        return Err(Error::field("/amount_fen", detail));
    }
    if whole != least {
        steps.push(Step::Chosen { fen: whole });
    }
    let shares = shares(content.together, whole, contributors)?;
    let quoted = shares.into_iter().map(|(contributor, before, share)| {
        let mut steps = steps.clone();
        steps.extend(share.clone());
        let mut fen = share.map_or(whole, |share| share.fen());
        let nth = before.in_year.saturating_add(1);
        if let Some(multiplier) = content.multipliers.iter().find(|multiplier| multiplier.nth == nth) {
            fen = multiplied(fen, multiplier.percent)?;
            steps.push(Step::Multiplied { nth, percent: multiplier.percent, fen });
        }
        if let Some(cap_fen) = content.month_cap_fen {
            let left = cap_fen.saturating_sub(before.in_month_fen);
            if fen > left {
                fen = left;
                steps.push(Step::Capped { cap_fen, before_fen: before.in_month_fen, fen });
            }
        }
        Ok(Quoted { report: contributor.report, member: contributor.member.clone(), amount_fen: fen, steps })
    });
    quoted.collect::<Result<Vec<_>, Error>>().map(Some)
}

fn multiplied(fen: u64, percent: u32) -> Result<u64, Error> {
    let product = fen.checked_mul(u64::from(percent)).ok_or_else(|| Error::Internal("overflow".to_owned()))?;
    // Half a fen and more is a fen.
    Ok(product.saturating_add(50) / 100)
}

type Shared<'a> = (&'a Contributor, Before, Option<Step>);

/// What of the whole is whose. What cannot be divided goes to the first.
fn shares(together: Together, whole: u64, contributors: &[(Contributor, Before)]) -> Result<Vec<Shared<'_>>, Error> {
    let mut people = BTreeSet::new();
    let contributed = contributors.iter().filter(|(contributor, _)| contributor.weight > 0);
    let counted = contributed.filter(|(contributor, _)| people.insert(&contributor.member));
    let counted: Vec<&(Contributor, Before)> = match together {
        Together::First => counted.take(1).collect(),
        Together::Shares => counted.collect(),
    };
    if counted.is_empty() || counted.len() > MAX_SHARES {
        return Err(Error::field("/weights", format!("must be of 1 to {MAX_SHARES} people")));
    }
    if let [(only, before)] = counted.as_slice() {
        return Ok(vec![(only, *before, None)]);
    }
    let of = counted.iter().try_fold(0_u32, |sum, (contributor, _)| sum.checked_add(contributor.weight));
    let of = of.ok_or_else(|| Error::field("/weights", "the parts are too many"))?;
    let part = |weight: u32| u128::from(whole) * u128::from(weight) / u128::from(of);
    let parts: Vec<u64> =
        counted.iter().map(|(contributor, _)| u64::try_from(part(contributor.weight)).unwrap_or(whole)).collect();
    let rest = whole.saturating_sub(parts.iter().sum());
    let shared = counted.into_iter().zip(parts).enumerate().map(|(i, ((contributor, before), part))| {
        let fen = if i == 0 { part + rest } else { part };
        (contributor, *before, Some(Step::Share { weight: contributor.weight, of, fen }))
    });
    Ok(shared.collect())
}

/// Which of these versions holds on a day: the newest of those that hold from then or before.
pub fn in_force(versions: &[Rules], day: Date) -> Result<&Rules, Error> {
    let valid = versions.iter().filter(|rules| rules.valid_from <= day);
    valid.max_by_key(|rules| (rules.valid_from, rules.version)).ok_or_else(|| Refusal::NoRewardRules.into())
}

/// Whether a report in this state has earned something.
pub fn is_adopted(state: State) -> bool {
    matches!(state, State::Adopted | State::HandedOver | State::Closed)
}
