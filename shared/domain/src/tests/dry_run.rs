//! What other rules would have given: sums of what each reward would have been.

use jiff::civil::date;
use proptest::prelude::*;

use super::reward_rules::{adopted, changsha, confirmed, contents, label, one_matter, person, zhejiang};
use crate::{
    dry_run::{GAPS, Gap, Group, MAX_DAYS, Past, Sums, check_period, dry_run},
    named::Named as _,
    report::Category,
    reward_rules::{Before, MAX_SHARES, Merit, RulesContent, quote},
    statistics::Period,
};

/// A reward of so much, shared by these weights.
fn past(merit: Merit, weights: &[u32], amount_fen: u64) -> Past {
    Past {
        merit,
        contributors: (0..).zip(weights).map(|(number, weight)| person(number, *weight).0).collect(),
        proposed_fen: amount_fen / 2,
        amount_fen,
        ended: false,
        approved_fen: amount_fen,
        paid_fen: 0,
    }
}

fn tried(content: &RulesContent, rewards: &[Past]) -> Vec<(Group, Sums)> {
    dry_run(content, rewards).unwrap().into_iter().collect()
}

#[test]
fn changsha_as_tangshan_would_have_it() {
    let hazard = || adopted(Category::Hazard, None);
    let rewards = [
        past(hazard(), &[1], 3_000),
        past(hazard(), &[1, 1, 1], 5_000),
        Past { ended: true, approved_fen: 0, ..past(hazard(), &[1], 3_000) },
        Past { paid_fen: 4_000, ..past(adopted(Category::Dispute, None), &[1], 4_000) },
        past(confirmed(Category::Crime, "suspects_arrested", 2), &[1], 5_000),
    ];
    let group = |rule: Option<&str>, category, outcome: Option<&str>| Group {
        rule: rule.map(label),
        category,
        grade: None,
        outcome: outcome.map(label),
    };
    let of = |rewards, amount_fen| Sums {
        rewards,
        amount_fen,
        proposed_fen: amount_fen / 2,
        approved_fen: amount_fen,
        ..Sums::default()
    };
    for (together, shares) in [("first", 3), ("shares", 5)] {
        let expected = [
            // Nothing for a dispute.
            (group(None, Category::Dispute, None), Sums { paid_fen: 4_000, ..of(1, 4_000) }),
            (
                group(Some("arrest"), Category::Crime, Some("suspects_arrested")),
                Sums { shares: 1, least_fen: 200_000, most_fen: 200_000, ..of(1, 5_000) },
            ),
            (
                group(Some("hazard"), Category::Hazard, None),
                Sums { shares, ended: 1, least_fen: 300_000, most_fen: 300_000, approved_fen: 8_000, ..of(3, 11_000) },
            ),
        ];
        assert_eq!(tried(&one_matter(together, 30), &rewards), expected, "{together}");
    }
}

#[test]
fn what_people_choose_lies_between_the_least_and_the_most() {
    let rewards = [past(adopted(Category::Hazard, None), &[1, 2], 0), past(adopted(Category::Crime, None), &[1], 0)];
    let sums = tried(&changsha(), &rewards).into_iter().map(|(_, sums)| sums).fold(Sums::default(), Sums::plus);
    assert_eq!((sums.least_fen, sums.most_fen, sums.shares), (6_000, 10_000, 2));
    // The cap holds for single rewards: what people had before is not known.
    let capped = RulesContent { month_cap_fen: Some(4_000), ..changsha() };
    let sums = tried(&capped, &rewards).into_iter().map(|(_, sums)| sums).fold(Sums::default(), Sums::plus);
    assert_eq!((sums.least_fen, sums.most_fen), (6_000, 8_000));
}

#[test]
fn a_reward_in_which_nobody_has_a_part_gives_nothing_and_too_many_are_not_refused() {
    let hazard = || adopted(Category::Hazard, None);
    let shared = one_matter("shares", 30);
    for (weights, shares, least_fen) in [
        (vec![], 0, 0),
        (vec![0, 0], 0, 0),
        (vec![1; MAX_SHARES + 3], MAX_SHARES as u64, 100_000),
        (vec![u32::MAX; MAX_SHARES], MAX_SHARES as u64, 100_000),
    ] {
        let [(_, sums)] = tried(&shared, &[past(hazard(), &weights, 1)]).try_into().unwrap();
        assert_eq!((sums.rewards, sums.shares, sums.least_fen), (1, shares, least_fen), "{weights:?}");
    }
}

#[test]
fn a_period_is_a_quarter_at_most() {
    for (from, to, bad) in [
        (date(2026, 7, 1), date(2026, 9, 30), false),
        (date(2026, 7, 1), date(2026, 10, 1), true),
        (date(2026, 7, 1), date(2026, 7, 1), false),
        (date(2026, 7, 2), date(2026, 7, 1), true),
        (date(-9999, 1, 1), date(9999, 12, 31), true),
    ] {
        let mut found = Vec::new();
        check_period(Period { from, to }, &mut found);
        let pointers: Vec<_> = found.iter().map(|field| field.pointer.as_str()).collect();
        assert_eq!(pointers, if bad { vec!["/to"] } else { vec![] }, "{from} to {to}");
    }
    assert_eq!(MAX_DAYS, 92);
}

#[test]
fn it_says_all_that_it_cannot_know() {
    assert_eq!(GAPS.as_slice(), Gap::ALL);
}

proptest! {
    /// Whatever is summed up is what the single rewards come to.
    #[test]
    fn sums_are_those_of_single_quotes(
        content in contents(1_u64..1_000_000, 300),
        rewards in proptest::collection::vec(
            (proptest::sample::select(Category::ALL), proptest::option::of(1_u32..9), proptest::collection::vec(0_u32..4, 1..8),
             0_u64..1_000_000, any::<bool>()),
            0..40,
        ),
    ) {
        let content: RulesContent = content;
        let rewards: Vec<Past> = rewards.into_iter().map(|(category, arrested, weights, amount_fen, ended)| {
            let merit = arrested.map_or(adopted(category, None), |count| confirmed(category, "suspects_arrested", count));
            Past { ended, ..past(merit, &weights, amount_fen) }
        }).collect();
        let groups = dry_run(&content, &rewards).unwrap();
        let all = groups.values().copied().fold(Sums::default(), Sums::plus);
        let (mut least_fen, mut most_fen, mut shares) = (0, 0, 0);
        for past in &rewards {
            let contributors: Vec<_> =
                past.contributors.iter().map(|one| (one.clone(), Before::default())).collect();
            let most = content.rule_for(&past.merit).map(|rule| rule.allows(&past.merit).1);
            // Of nobody there is no quote.
            let Ok(Some(quoted)) = quote(&content, &past.merit, None, &contributors) else { continue };
            shares += quoted.len() as u64;
            least_fen += quoted.iter().map(|quoted| quoted.amount_fen).sum::<u64>();
            let quoted = quote(&content, &past.merit, most, &contributors).unwrap().unwrap();
            most_fen += quoted.iter().map(|quoted| quoted.amount_fen).sum::<u64>();
        }
        prop_assert_eq!((all.least_fen, all.most_fen, all.shares), (least_fen, most_fen, shares));
        prop_assert!(all.least_fen <= all.most_fen);
        prop_assert_eq!(all.rewards, rewards.len() as u64);
        prop_assert_eq!(all.ended, rewards.iter().filter(|past| past.ended).count() as u64);
        prop_assert_eq!(all.amount_fen, rewards.iter().map(|past| past.amount_fen).sum::<u64>());
        prop_assert_eq!(all.approved_fen, rewards.iter().map(|past| past.approved_fen).sum::<u64>());
        // Which group a reward is in does not depend on the others.
        for past in &rewards {
            let alone = dry_run(&content, std::slice::from_ref(past)).unwrap();
            prop_assert!(alone.keys().all(|group| groups.contains_key(group)));
        }
        let mut turned = rewards.clone();
        turned.reverse();
        prop_assert_eq!(dry_run(&content, &turned).unwrap(), groups);
    }
}

#[test]
fn grades_that_these_rules_have_not_fit_where_no_grade_is_asked_for() {
    let graded = past(adopted(Category::Hazard, Some("best")), &[1], 100);
    let [(group, sums)] = tried(&one_matter("first", 30), std::slice::from_ref(&graded)).try_into().unwrap();
    assert_eq!((group.rule, group.grade, sums.least_fen), (Some(label("hazard")), Some(label("best")), 100_000));
    let [(group, _)] = tried(&zhejiang(), &[graded]).try_into().unwrap();
    assert_eq!(group.grade, Some(label("best")));
}
