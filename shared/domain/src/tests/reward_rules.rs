//! Published regulations as rule data, worked by hand, and what a district may not write.

use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{node, wednesday};
use crate::{
    code::Code,
    command::{CommandId, Fingerprint},
    district::{District, Label, OutcomeKind},
    error::{Error, FieldError, Refusal},
    hash::Digest,
    ledger::MAX_MOVEMENT_FEN,
    life::State,
    member::{MemberId, Role},
    named::Named as _,
    report::Category,
    reward_rules::{
        APPROVERS, Amount, Before, Contributor, MAX_AGREE, MAX_CLAIM_DAYS, MAX_GRADES, MAX_KINDS, MAX_PERCENT,
        MAX_RULES, MAX_SHARES, MAX_TIERS, Merit, Multiplier, Quoted, Rules, RulesContent, Step, Together, in_force,
        is_adopted, quote,
    },
    text::Text,
};

/// The rules as a district sends them, checked as the district's are.
pub(super) fn rules(content: Value) -> RulesContent {
    let content: RulesContent = serde_json::from_value(content).unwrap_or_else(|error| panic!("{error}"));
    content.check(&district()).unwrap_or_else(|error| panic!("{error}"));
    content
}

/// A district that counts a kind of outcome of its own.
fn district() -> District {
    let found =
        OutcomeKind { label: label("lost_persons_found"), name: Text::new("寻回走失人员", "Lost persons found") };
    District { outcome_kinds: vec![found], ..super::task::district() }
}

pub(super) fn label(text: &str) -> Label {
    Label::parse(text).unwrap()
}

pub(super) fn adopted(category: Category, grade: Option<&str>) -> Merit {
    Merit { category, grade: grade.map(label), outcome: None }
}

pub(super) fn confirmed(category: Category, kind: &str, count: u32) -> Merit {
    Merit { category, grade: None, outcome: Some((label(kind), count)) }
}

/// Somebody who has contributed as much, and was rewarded with nothing before.
pub(super) fn person(number: u8, weight: u32) -> (Contributor, Before) {
    let report = Code::from_digest(&Digest::of(&[b"report", &[number]]));
    (Contributor { report, member: MemberId::parse(&format!("resident-{number}")).unwrap(), weight }, Before::default())
}

fn after(before: Before) -> [(Contributor, Before); 1] {
    [(person(1, 1).0, before)]
}

/// An amount as people write it.
fn yuan(fen: u64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

/// The arithmetic of a reward on one line.
fn told(quoted: &Quoted) -> String {
    let steps = quoted.steps.iter().map(|step| match step {
        Step::Rule { rule, fen } => format!("{rule} {}", yuan(*fen)),
        Step::Award { award, points, fen, .. } => format!("{award} for {points} {}", yuan(*fen)),
        Step::Tied { people, fen } => format!("one of {people} {}", yuan(*fen)),
        Step::Chosen { fen } => format!("chosen {}", yuan(*fen)),
        Step::Share { weight, of, fen } => format!("{weight} of {of} {}", yuan(*fen)),
        Step::Multiplied { nth, percent, fen } => format!("number {nth} in the year at {percent} % {}", yuan(*fen)),
        Step::Capped { cap_fen, before_fen, fen } => {
            format!("cap {} less {} {}", yuan(*cap_fen), yuan(*before_fen), yuan(*fen))
        }
    });
    let steps: Vec<_> = steps.collect();
    // What is shown last is what is paid.
    assert_eq!(quoted.steps.last().map(Step::fen), Some(quoted.amount_fen));
    steps.join(", ")
}

fn tell(
    content: &RulesContent,
    merit: &Merit,
    chosen_fen: Option<u64>,
    contributors: &[(Contributor, Before)],
) -> Vec<String> {
    let quoted = quote(content, merit, chosen_fen, contributors).unwrap_or_else(|error| panic!("{error}"));
    quoted.unwrap_or_default().iter().map(told).collect()
}

/// Zhejiang: approval by tiers of amount, up to 500 yuan the head of the unit; to 3,000 the review
/// of finance and a deputy chief; to 5,000 the chief; to 10,000 the chief's meeting; above that the
/// treasury too. To be claimed within three months, else waived. At least two people everywhere,
/// which the platform asks for and the regulation does at the payment.
pub(super) fn zhejiang() -> RulesContent {
    rules(json!({
        "rules": [{
            "label": "case", "name": { "zh_cn": "破案线索", "en": "A clue that solved a case" },
            "categories": ["crime", "violent_threat"],
            "earned_by": { "by": "outcome", "kinds": ["cases_solved", "suspects_arrested"] },
            "amount": { "as": "range", "min_fen": 20_000, "max_fen": 5_000_000 },
        }],
        "together": "first",
        "tiers": [
            { "up_to_fen": 50_000, "agree": [{ "role": "station_manager", "body": "police" }, { "role": "treasurer" }] },
            { "up_to_fen": 300_000, "agree": [{ "role": "treasurer" }, { "role": "district_manager" }] },
            { "up_to_fen": 500_000, "agree": [{ "role": "treasurer" }, { "role": "district_manager", "body": "police" }] },
            { "up_to_fen": 1_000_000, "agree": [
                { "role": "treasurer" }, { "role": "district_manager", "body": "police" }, { "role": "district_manager" },
            ] },
            { "agree": [
                { "role": "treasurer" }, { "role": "treasurer" },
                { "role": "district_manager", "body": "police" }, { "role": "district_manager", "body": "governance" },
            ] },
        ],
        "claim_days": 92,
    }))
}

#[test]
fn zhejiang_asks_others_to_agree_the_more_it_is() {
    let content = zhejiang();
    let merit = confirmed(Category::Crime, "cases_solved", 1);
    // What is proposed is the smallest; people choose more within the rule.
    assert_eq!(tell(&content, &merit, None, &after(Before::default())), ["case 200.00"]);
    assert_eq!(tell(&content, &merit, Some(20_000), &after(Before::default())), ["case 200.00"]);
    assert_eq!(tell(&content, &merit, Some(300_000), &after(Before::default())), ["case 200.00, chosen 3000.00"]);
    for bad in [0, 19_999, 5_000_001, u64::MAX] {
        let refused = quote(&content, &merit, Some(bad), &after(Before::default()));
        assert_eq!(pointers(refused), ["/amount_fen"], "{bad}");
    }
    let who = |fen: u64| {
        let agree = content.tier(fen).unwrap().agree.iter();
        agree.map(|approver| match approver.body {
            Some(body) => format!("{} of the {body}", approver.role),
            None => approver.role.to_string(),
        })
    };
    for (fen, expected) in [
        (20_000, &["station_manager of the police", "treasurer"][..]),
        (50_000, &["station_manager of the police", "treasurer"]),
        (50_001, &["treasurer", "district_manager"]),
        (300_000, &["treasurer", "district_manager"]),
        (300_001, &["treasurer", "district_manager of the police"]),
        (500_001, &["treasurer", "district_manager of the police", "district_manager"]),
        (1_000_000, &["treasurer", "district_manager of the police", "district_manager"]),
        (
            1_000_001,
            &["treasurer", "treasurer", "district_manager of the police", "district_manager of the governance"],
        ),
        (u64::MAX, &["treasurer", "treasurer", "district_manager of the police", "district_manager of the governance"]),
    ] {
        assert_eq!(who(fen).collect::<Vec<_>>(), expected, "{fen}");
    }
    // Three months are never longer than this.
    assert_eq!(content.claim_days, 92);
    // An adoption alone earns nothing there, nor does another category.
    assert_eq!(quote(&content, &adopted(Category::Crime, None), None, &[]), Ok(None));
    assert_eq!(quote(&content, &confirmed(Category::Dispute, "cases_solved", 1), None, &[]), Ok(None));
}

/// Anyang: the fourth reward of a person in a year is doubled.
fn anyang() -> RulesContent {
    rules(json!({
        "grades": [
            { "label": "important", "name": { "zh_cn": "重要", "en": "Important" } },
            { "label": "general", "name": { "zh_cn": "一般", "en": "General" } },
        ],
        "rules": [
            {
                "label": "important", "name": { "zh_cn": "重要线索", "en": "An important clue" }, "grades": ["important"],
                "earned_by": { "by": "adoption" }, "amount": { "as": "fixed", "fen": 50_000 },
            },
            {
                "label": "any", "name": { "zh_cn": "线索", "en": "A clue" },
                "earned_by": { "by": "adoption" }, "amount": { "as": "fixed", "fen": 20_000 },
            },
        ],
        "together": "first",
        "multipliers": [{ "nth": 4, "percent": 200 }],
        "tiers": [{ "agree": [{ "role": "district_manager" }, { "role": "treasurer" }] }],
        "claim_days": 60,
    }))
}

#[test]
fn anyang_doubles_the_fourth_reward_in_a_year() {
    let content = anyang();
    for (in_year, grade, expected) in [
        (0, None, "any 200.00"),
        (1, Some("general"), "any 200.00"),
        (2, Some("important"), "important 500.00"),
        (3, None, "any 200.00, number 4 in the year at 200 % 400.00"),
        (3, Some("important"), "important 500.00, number 4 in the year at 200 % 1000.00"),
        (4, None, "any 200.00"),
        (u32::MAX, None, "any 200.00"),
    ] {
        let before = Before { in_year, in_month_fen: 0 };
        let told = tell(&content, &adopted(Category::Hazard, grade), None, &after(before));
        assert_eq!(told, [expected], "after {in_year}, {grade:?}");
    }
    // Half a fen is a fen, and what is less is none.
    let mut content = content;
    for (percent, expected) in [(100, 20_000), (1, 200), (150, 30_000), (333, 66_600), (1_000, 200_000)] {
        content.multipliers = vec![Multiplier { nth: 1, percent }];
        let quoted = quote(&content, &adopted(Category::Hazard, None), None, &after(Before::default()));
        assert_eq!(quoted.unwrap().unwrap()[0].amount_fen, expected, "{percent}");
    }
    content.rules[1].amount = Amount::Fixed { fen: 1 };
    for (percent, expected) in [(49, 0), (50, 1), (149, 1), (150, 2)] {
        content.multipliers = vec![Multiplier { nth: 1, percent }];
        let quoted = quote(&content, &adopted(Category::Hazard, None), None, &after(Before::default()));
        assert_eq!(quoted.unwrap().unwrap()[0].amount_fen, expected, "{percent}");
    }
}

/// Changsha: 30 to 50 yuan for a verified report, at most 1,500 yuan per person and month.
pub(super) fn changsha() -> RulesContent {
    rules(json!({
        "rules": [{
            "label": "verified", "name": { "zh_cn": "核实线索", "en": "A verified report" },
            "earned_by": { "by": "adoption" }, "amount": { "as": "range", "min_fen": 3_000, "max_fen": 5_000 },
        }],
        "together": "first",
        "month_cap_fen": 150_000,
        "tiers": [{ "agree": [{ "role": "station_manager" }, { "role": "district_manager" }] }],
        "claim_days": 30,
    }))
}

#[test]
fn changsha_rewards_up_to_its_cap_of_the_month() {
    let content = changsha();
    for (in_month_fen, chosen_fen, expected) in [
        (0, None, "verified 30.00"),
        (0, Some(5_000), "verified 30.00, chosen 50.00"),
        (145_000, Some(5_000), "verified 30.00, chosen 50.00"),
        (145_001, Some(5_000), "verified 30.00, chosen 50.00, cap 1500.00 less 1450.01 49.99"),
        (148_000, None, "verified 30.00, cap 1500.00 less 1480.00 20.00"),
        (150_000, None, "verified 30.00, cap 1500.00 less 1500.00 0.00"),
        // A cap that was lowered within the month.
        (u64::MAX, None, "verified 30.00, cap 1500.00 less 184467440737095516.15 0.00"),
    ] {
        let before = Before { in_year: 9, in_month_fen };
        let told = tell(&content, &adopted(Category::Hazard, None), chosen_fen, &after(before));
        assert_eq!(told, [expected]);
    }
    for bad in [2_999, 5_001] {
        let refused = quote(&content, &adopted(Category::Hazard, None), Some(bad), &after(Before::default()));
        assert_eq!(pointers(refused), ["/amount_fen"]);
    }
}

/// Tangshan, Pingdu, Tongbai: one matter, one reward. The first has it, or they share it by what
/// each contributed. To be claimed within 30 days (Tangshan, Pingdu) or two months (Tongbai).
pub(super) fn one_matter(together: &str, claim_days: u16) -> RulesContent {
    rules(json!({
        "rules": [
            {
                "label": "arrest", "name": { "zh_cn": "抓获嫌疑人", "en": "Suspects arrested" },
                "earned_by": { "by": "outcome", "kinds": ["suspects_arrested"] },
                "amount": { "as": "each", "fen": 100_000, "max_fen": 300_000 },
            },
            {
                "label": "hazard", "name": { "zh_cn": "安全隐患", "en": "A hazard" }, "categories": ["hazard"],
                "earned_by": { "by": "adoption" }, "amount": { "as": "fixed", "fen": 100_000 },
            },
        ],
        "together": together,
        "tiers": [{ "agree": [{ "role": "district_manager" }, { "role": "treasurer" }] }],
        "claim_days": claim_days,
    }))
}

#[test]
fn tangshan_gives_the_whole_to_the_first() {
    let content = one_matter("first", 30);
    let hazard = adopted(Category::Hazard, None);
    assert_eq!(tell(&content, &hazard, None, &[person(1, 1), person(2, 1), person(3, 5)]), ["hazard 1000.00"]);
    let quoted = quote(&content, &hazard, None, &[person(2, 1), person(1, 1)]).unwrap().unwrap();
    assert_eq!(quoted[0].member, person(2, 1).0.member, "who comes first in the list has reported first");
    // Whose report came to nothing was not the first to report the matter.
    let quoted = quote(&content, &hazard, None, &[person(2, 0), person(1, 1), person(3, 1)]).unwrap().unwrap();
    assert_eq!(quoted.iter().map(|quoted| &quoted.member).collect::<Vec<_>>(), [&person(1, 1).0.member]);
    // So much for each suspect, and no more.
    for (count, expected) in [(0, "1000.00"), (1, "1000.00"), (3, "3000.00"), (4, "3000.00"), (u32::MAX, "3000.00")] {
        let told = tell(&content, &confirmed(Category::Crime, "suspects_arrested", count), None, &[person(1, 1)]);
        assert_eq!(told, [format!("arrest {expected}")], "{count}");
    }
}

#[test]
fn pingdu_and_tongbai_share_by_contribution() {
    for claim_days in [30, 62] {
        let content = one_matter("shares", claim_days);
        let hazard = adopted(Category::Hazard, None);
        assert_eq!(content.claim_days, claim_days);
        // Alone, nothing is shared.
        assert_eq!(tell(&content, &hazard, None, &[person(1, 7)]), ["hazard 1000.00"]);
        assert_eq!(tell(&content, &hazard, None, &[person(1, 0), person(2, 7)]), ["hazard 1000.00"]);
        // A fen that cannot be divided is the first's.
        let alike = tell(&content, &hazard, None, &[person(1, 1), person(2, 1), person(3, 1)]);
        assert_eq!(
            alike,
            ["hazard 1000.00, 1 of 3 333.34", "hazard 1000.00, 1 of 3 333.33", "hazard 1000.00, 1 of 3 333.33",]
        );
        let by_contribution = tell(&content, &hazard, None, &[person(1, 5), person(2, 0), person(3, 3)]);
        assert_eq!(by_contribution, ["hazard 1000.00, 5 of 8 625.00", "hazard 1000.00, 3 of 8 375.00"]);
        let three = confirmed(Category::Crime, "suspects_arrested", 3);
        assert_eq!(
            tell(&content, &three, None, &[person(1, 1), person(2, 6)]),
            ["arrest 3000.00, 1 of 7 428.58", "arrest 3000.00, 6 of 7 2571.42"]
        );
    }
}

#[test]
fn multipliers_and_caps_hold_for_each_person_after_the_division() {
    let content = RulesContent {
        multipliers: anyang().multipliers,
        month_cap_fen: changsha().month_cap_fen,
        ..one_matter("shares", 30)
    };
    let before = |number, in_year, in_month_fen| (person(number, 1).0, Before { in_year, in_month_fen });
    let people = [before(1, 3, 0), before(2, 3, 80_000), before(3, 0, 120_000), before(4, 0, 0)];
    assert_eq!(
        tell(&content, &adopted(Category::Hazard, None), None, &people),
        [
            "hazard 1000.00, 1 of 4 250.00, number 4 in the year at 200 % 500.00",
            "hazard 1000.00, 1 of 4 250.00, number 4 in the year at 200 % 500.00",
            "hazard 1000.00, 1 of 4 250.00",
            "hazard 1000.00, 1 of 4 250.00",
        ]
    );
    let people = [before(1, 3, 120_000), before(2, 0, 140_000)];
    assert_eq!(
        tell(&content, &adopted(Category::Hazard, None), None, &people),
        [
            "hazard 1000.00, 1 of 2 500.00, number 4 in the year at 200 % 1000.00, cap 1500.00 less 1200.00 300.00",
            "hazard 1000.00, 1 of 2 500.00, cap 1500.00 less 1400.00 100.00",
        ]
    );
}

#[test]
fn who_reports_a_matter_twice_is_rewarded_once() {
    let hazard = adopted(Category::Hazard, None);
    let again = |number: u8, report: u8, weight| {
        let (mut contributor, before) = person(number, weight);
        contributor.report = person(report, 1).0.report;
        (contributor, before)
    };
    // Twice in the list would be two parts of the whole, and twice the cap of the month.
    let people = [person(1, 1), again(1, 11, 1), person(2, 1), again(1, 12, 9)];
    let quoted = quote(&one_matter("shares", 30), &hazard, None, &people).unwrap().unwrap();
    let amounts: Vec<_> = quoted.iter().map(|quoted| (quoted.report, quoted.amount_fen)).collect();
    assert_eq!(amounts, [(people[0].0.report, 50_000), (people[2].0.report, 50_000)]);
    // The first of their reports that counts for anything is the one.
    let people = [again(1, 11, 0), again(1, 12, 3), person(2, 1)];
    let quoted = quote(&one_matter("shares", 30), &hazard, None, &people).unwrap().unwrap();
    assert_eq!((quoted[0].report, quoted[0].amount_fen), (people[1].0.report, 75_000));
}

#[test]
fn the_first_rule_that_fits_counts() {
    let rule = |label: &str, categories: Value, grades: Value, earned_by: Value| {
        json!({
            "label": label, "name": { "zh_cn": "规则", "en": "A rule" }, "categories": categories, "grades": grades,
            "earned_by": earned_by, "amount": { "as": "fixed", "fen": 100 },
        })
    };
    let grade = |label: &str| json!({ "label": label, "name": { "zh_cn": "等级", "en": "A grade" } });
    let content = rules(json!({
        "grades": [grade("a"), grade("b"), grade("c")],
        "rules": [
            rule("found", json!([]), json!([]), json!({ "by": "outcome", "kinds": ["lost_persons_found"] })),
            rule("crime-a", json!(["crime"]), json!(["a"]), json!({ "by": "outcome" })),
            rule("crime", json!(["crime", "violent_threat"]), json!([]), json!({ "by": "outcome" })),
            rule("best", json!([]), json!(["a", "b"]), json!({ "by": "adoption" })),
            rule("hazard", json!(["hazard"]), json!([]), json!({ "by": "adoption" })),
        ],
        "together": "first",
        "tiers": [{ "agree": [{ "role": "treasurer" }, { "role": "treasurer" }] }],
        "claim_days": 30,
    }));
    for (category, grade, kind, expected) in [
        (Category::Dispute, None, Some("lost_persons_found"), Some("found")),
        (Category::Crime, Some("a"), Some("lost_persons_found"), Some("found")),
        (Category::Crime, Some("a"), Some("cases_solved"), Some("crime-a")),
        (Category::Crime, Some("b"), Some("cases_solved"), Some("crime")),
        (Category::Crime, None, Some("cases_solved"), Some("crime")),
        (Category::ViolentThreat, Some("a"), Some("cases_solved"), Some("crime")),
        (Category::Crime, Some("a"), None, Some("best")),
        (Category::Dispute, Some("b"), Some("cases_solved"), Some("best")),
        (Category::Dispute, Some("c"), Some("cases_solved"), None),
        (Category::Crime, Some("c"), None, None),
        (Category::Hazard, Some("c"), None, Some("hazard")),
        (Category::Hazard, None, Some("hazards_removed"), Some("hazard")),
        (Category::CommunityConcern, None, None, None),
    ] {
        let merit = Merit { category, grade: grade.map(label), outcome: kind.map(|kind| (label(kind), 1)) };
        let found = content.rule_for(&merit).map(|rule| rule.label.as_str());
        assert_eq!(found, expected, "{merit:?}");
        let quoted = quote(&content, &merit, None, &after(Before::default())).unwrap();
        assert_eq!(quoted.is_some(), expected.is_some());
    }
}

#[test]
fn only_so_many_share_and_somebody_does() {
    let hazard = adopted(Category::Hazard, None);
    let many =
        |count: usize, weight: u32| (0..count).map(|i| person(u8::try_from(i).unwrap(), weight)).collect::<Vec<_>>();
    for together in ["first", "shares"] {
        let content = one_matter(together, 30);
        assert_eq!(pointers(quote(&content, &hazard, None, &[])), ["/weights"], "{together}");
        assert_eq!(pointers(quote(&content, &hazard, None, &many(3, 0))), ["/weights"], "{together}");
        assert!(quote(&content, &hazard, None, &many(MAX_SHARES, 1)).is_ok(), "{together}");
    }
    assert!(quote(&one_matter("first", 30), &hazard, None, &many(MAX_SHARES + 1, u32::MAX)).is_ok());
    let shared = one_matter("shares", 30);
    assert_eq!(pointers(quote(&shared, &hazard, None, &many(MAX_SHARES + 1, 1))), ["/weights"]);
    assert_eq!(pointers(quote(&shared, &hazard, None, &many(2, u32::MAX))), ["/weights"]);
    // Who contributed nothing does not count among them.
    let mut crowd = many(MAX_SHARES + 9, 0);
    crowd[3].0.weight = u32::MAX;
    assert_eq!(quote(&shared, &hazard, None, &crowd).unwrap().unwrap().len(), 1);
}

#[test]
fn a_version_holds_from_its_day_until_the_next() {
    let version = |version: u32, valid_from: Date| Rules {
        district: node("hexi"),
        version,
        valid_from,
        content: anyang(),
        made_by: MemberId::parse("manager-hexi").unwrap(),
        made_at: wednesday(),
        command: CommandId::new(&MemberId::parse("manager-hexi").unwrap(), Uuid::nil()),
        fingerprint: Fingerprint::of(Uuid::nil(), "rules", "hexi", &version).unwrap(),
    };
    let versions = [
        version(1, date(2026, 1, 1)),
        version(2, date(2027, 1, 1)),
        // A slip of the second was mended before it ever held.
        version(3, date(2027, 1, 1)),
        version(4, date(2026, 7, 1)),
    ];
    for (day, expected) in [
        (date(2025, 12, 31), None),
        (date(2026, 1, 1), Some(1)),
        (date(2026, 6, 30), Some(1)),
        (date(2026, 7, 1), Some(4)),
        (date(2026, 12, 31), Some(4)),
        (date(2027, 1, 1), Some(3)),
        (date(2999, 12, 31), Some(3)),
    ] {
        let found = in_force(&versions, day).map(|rules| rules.version);
        assert_eq!(found, expected.ok_or(Error::from(Refusal::NoRewardRules)), "{day}");
        let turned: Vec<_> = versions.iter().rev().cloned().collect();
        assert_eq!(in_force(&turned, day).map(|rules| rules.version), found, "in whatever order they are read");
    }
    let adopted: Vec<_> = State::ALL.iter().filter(|state| is_adopted(**state)).collect();
    assert_eq!(adopted, [&State::Adopted, &State::HandedOver, &State::Closed]);
}

fn pointers<T: std::fmt::Debug>(result: Result<T, Error>) -> Vec<String> {
    match result {
        Err(Error::Invalid(bad)) => bad.into_iter().map(|FieldError { pointer, .. }| pointer).collect(),
        other => panic!("is no bad field but {other:?}"),
    }
}

/// Rules in which everything stands that can.
fn everything() -> Value {
    let name = json!({ "zh_cn": "名", "en": "Name" });
    json!({
        "grades": [{ "label": "a", "name": name }, { "label": "b", "name": name }],
        "rules": [
            {
                "label": "each", "name": name, "categories": ["crime"], "grades": ["a"],
                "earned_by": { "by": "outcome", "kinds": ["cases_solved", "lost_persons_found"] },
                "amount": { "as": "each", "fen": 100, "max_fen": 1_000 },
            },
            {
                "label": "range", "name": name, "categories": [], "grades": ["a", "b"],
                "earned_by": { "by": "adoption" }, "amount": { "as": "range", "min_fen": 100, "max_fen": 200 },
            },
            {
                "label": "fixed", "name": name, "earned_by": { "by": "adoption" }, "amount": { "as": "fixed", "fen": 50 },
            },
        ],
        "together": "shares",
        "multipliers": [{ "nth": 4, "percent": 200 }, { "nth": 8, "percent": 300 }],
        "month_cap_fen": 150_000,
        "tiers": [
            { "up_to_fen": 100, "agree": [{ "role": "station_manager", "body": "police" }, { "role": "treasurer" }] },
            { "up_to_fen": 200, "agree": [{ "role": "district_manager", "body": "governance" }, { "role": "treasurer" }] },
            { "agree": [{ "role": "district_manager" }, { "role": "district_manager" }, { "role": "treasurer" }] },
        ],
        "claim_days": 30,
    })
}

/// These rules with another value at each of these places; a missing one is taken out.
fn with(changes: &[(&str, Value)]) -> Value {
    let mut content = everything();
    for (pointer, value) in changes {
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        match content.pointer_mut(parent).unwrap() {
            Value::Object(fields) if value.is_null() => drop(fields.remove(field).unwrap()),
            Value::Object(fields) => drop(fields.insert(field.to_owned(), value.clone())),
            Value::Array(entries) => entries[field.parse::<usize>().unwrap()] = value.clone(),
            _ => panic!("{pointer} is no place"),
        }
    }
    content
}

/// Changes of rules, and what is bad then.
type BadFields = (Vec<(&'static str, Value)>, &'static [&'static str]);

fn are_named(cases: Vec<BadFields>) {
    for (changes, expected) in cases {
        let content: RulesContent = serde_json::from_value(with(&changes)).unwrap();
        assert_eq!(pointers(content.check(&district())), expected, "{changes:?}");
    }
}

#[test]
fn every_bad_field_is_named() {
    rules(everything());
    let (role, treasurer) = (|role: &str| json!({ "role": role }), json!({ "role": "treasurer" }));
    let huge = json!(MAX_MOVEMENT_FEN + 1);
    let cases: Vec<BadFields> = vec![
        // Labels and names.
        (vec![("/grades/1/label", json!("a")), ("/rules/1/grades", json!([]))], &["/grades/1/label"]),
        (vec![("/rules/2/label", json!("each"))], &["/rules/2/label"]),
        (vec![("/grades/0/name/en", json!(""))], &["/grades/0/name/en"]),
        (vec![("/rules/1/name/zh_cn", json!("名".repeat(99)))], &["/rules/1/name/zh_cn"]),
        // What a rule is for.
        (vec![("/rules/0/grades/0", json!("z"))], &["/rules/0/grades/0"]),
        (vec![("/rules/1/grades", json!(["b", "b"]))], &["/rules/1/grades/1"]),
        (vec![("/rules/0/earned_by/kinds/1", json!("wells_covered"))], &["/rules/0/earned_by/kinds/1"]),
        (vec![("/rules/0/earned_by/kinds/1", json!("cases_solved"))], &["/rules/0/earned_by/kinds/1"]),
        (vec![("/rules/0/categories", json!(["crime", "crime"]))], &["/rules/0/categories/1"]),
        // Amounts.
        (vec![("/rules/2/amount/fen", json!(0))], &["/rules/2/amount/fen"]),
        (
            vec![("/rules/2/amount/fen", huge.clone())],
            &["/rules/2/amount/fen", "/multipliers/0/percent", "/multipliers/1/percent"],
        ),
        (vec![("/rules/2/amount/fen", huge.clone()), ("/multipliers", json!([]))], &["/rules/2/amount/fen"]),
        (vec![("/rules/1/amount/min_fen", json!(0))], &["/rules/1/amount/min_fen"]),
        (vec![("/rules/1/amount/min_fen", json!(201))], &["/rules/1/amount/max_fen"]),
        (vec![("/rules/1/amount/max_fen", huge.clone()), ("/multipliers", json!([]))], &["/rules/1/amount/max_fen"]),
        (vec![("/rules/0/amount/fen", json!(1_001))], &["/rules/0/amount/max_fen"]),
        (vec![("/rules/0/amount/max_fen", json!(0))], &["/rules/0/amount/max_fen", "/rules/0/amount/max_fen"]),
        (vec![("/rules/0/earned_by", json!({ "by": "adoption" }))], &["/rules/0/amount/as"]),
        (vec![("/month_cap_fen", json!(0))], &["/month_cap_fen"]),
        (vec![("/month_cap_fen", huge.clone())], &["/month_cap_fen"]),
        // Multipliers.
        (vec![("/multipliers/0/nth", json!(0))], &["/multipliers/0/nth"]),
        (vec![("/multipliers/1/nth", json!(4))], &["/multipliers/1/nth"]),
        (vec![("/multipliers/0/percent", json!(0))], &["/multipliers/0/percent"]),
        (vec![("/multipliers/0/percent", json!(MAX_PERCENT + 1))], &["/multipliers/0/percent"]),
        (vec![("/multipliers/0/percent", json!(u32::MAX))], &["/multipliers/0/percent"]),
        // What the fund cannot move at once could never be approved.
        (
            vec![("/rules/2/amount/fen", json!(MAX_MOVEMENT_FEN / 2))],
            &["/multipliers/0/percent", "/multipliers/1/percent"],
        ),
        (vec![("/rules/2/amount/fen", json!(MAX_MOVEMENT_FEN / 2 - 10))], &["/multipliers/1/percent"]),
        // Tiers.
        (vec![("/tiers/1/up_to_fen", json!(100))], &["/tiers/1/up_to_fen"]),
        (vec![("/tiers/1/up_to_fen", json!(99))], &["/tiers/1/up_to_fen"]),
        (vec![("/tiers/0/up_to_fen", json!(0))], &["/tiers/0/up_to_fen"]),
        (vec![("/tiers/1/up_to_fen", huge.clone())], &["/tiers/1/up_to_fen"]),
        (vec![("/tiers/0/up_to_fen", Value::Null)], &["/tiers/0/up_to_fen"]),
        (vec![("/tiers/2/up_to_fen", json!(300))], &["/tiers/2/up_to_fen"]),
        (vec![("/tiers/0/agree", json!([]))], &["/tiers/0/agree"]),
        (vec![("/tiers/0/agree", json!([treasurer]))], &["/tiers/0/agree"]),
        (vec![("/tiers/2/agree/1", role("officer"))], &["/tiers/2/agree/1/role"]),
        (vec![("/tiers/2/agree/1", role("reporter"))], &["/tiers/2/agree/1/role"]),
        (vec![("/tiers/2/agree/1", role("clock"))], &["/tiers/2/agree/1/role"]),
        (vec![("/tiers/0/agree/1", json!({ "role": "treasurer", "body": "police" }))], &["/tiers/0/agree/1/body"]),
        // Windows.
        (vec![("/claim_days", json!(0))], &["/claim_days"]),
        (vec![("/claim_days", json!(MAX_CLAIM_DAYS + 1))], &["/claim_days"]),
        (vec![("/claim_days", json!(u16::MAX))], &["/claim_days"]),
        // All of them at once.
        (
            vec![
                ("/rules/0/grades/0", json!("z")),
                ("/rules/1/amount/min_fen", json!(0)),
                ("/multipliers/0/nth", json!(0)),
                ("/month_cap_fen", json!(0)),
                ("/tiers/2/up_to_fen", json!(300)),
                ("/claim_days", json!(0)),
            ],
            &[
                "/rules/0/grades/0",
                "/rules/1/amount/min_fen",
                "/multipliers/0/nth",
                "/month_cap_fen",
                "/tiers/2/up_to_fen",
                "/claim_days",
            ],
        ),
    ];
    are_named(cases);
}

#[test]
fn of_nothing_are_there_too_many_or_too_few() {
    let treasurer = json!({ "role": "treasurer" });
    let repeated = |value: &Value, count: usize| Value::Array(vec![value.clone(); count]);
    let rule = everything()["rules"][2].clone();
    let numbered = |count: usize, of: &dyn Fn(usize) -> Value| Value::Array((0..count).map(of).collect());
    let grades =
        |count| numbered(count, &|i| json!({ "label": format!("g{i}"), "name": { "zh_cn": "名", "en": "Name" } }));
    let tiers = |count| {
        let agree = [treasurer.clone(), treasurer.clone()];
        numbered(count, &|i| {
            if i + 1 == count { json!({ "agree": agree }) } else { json!({ "up_to_fen": i + 1, "agree": agree }) }
        })
    };
    let multipliers = |count| numbered(count, &|i| json!({ "nth": i + 1, "percent": 100 }));
    are_named(vec![
        (vec![("/rules", json!([]))], &["/rules"]),
        (vec![("/tiers", json!([]))], &["/tiers"]),
        (vec![("/grades", grades(MAX_GRADES + 1)), ("/rules", json!([rule]))], &["/grades"]),
        (vec![("/tiers", tiers(MAX_TIERS + 1))], &["/tiers"]),
        (vec![("/multipliers", multipliers(MAX_TIERS + 1))], &["/multipliers"]),
        (vec![("/tiers/0/agree", repeated(&treasurer, MAX_AGREE + 1))], &["/tiers/0/agree"]),
    ]);
    // As many as there can be are not too many.
    rules(with(&[("/tiers", tiers(MAX_TIERS)), ("/multipliers", multipliers(MAX_TIERS))]));
    rules(with(&[("/grades", grades(MAX_GRADES)), ("/rules", json!([rule]))]));
    rules(with(&[("/tiers/2/agree", repeated(&treasurer, MAX_AGREE)), ("/claim_days", json!(MAX_CLAIM_DAYS))]));
    rules(with(&[("/rules/2/amount/fen", json!(MAX_MOVEMENT_FEN)), ("/multipliers", json!([]))]));
}

#[test]
fn lists_within_a_rule_have_bounds_and_those_of_others_are_not_read_through() {
    let listed = |at: &str, list: Value| {
        let content: RulesContent = serde_json::from_value(with(&[(at, list)])).unwrap();
        pointers(content.check(&district()))
    };
    let rule = everything()["rules"][2].clone();
    let rules = Value::Array(vec![rule; MAX_RULES + 1]);
    let found = listed("/rules", rules);
    // Each is there twice, but for the first and the one too many.
    assert_eq!((found[0].as_str(), found.len()), ("/rules", MAX_RULES));
    let kinds = Value::Array(vec![json!("cases_solved"); MAX_KINDS + 1]);
    let found = listed("/rules/0/earned_by/kinds", kinds);
    assert_eq!((found[0].as_str(), found.len()), ("/rules/0/earned_by/kinds", MAX_KINDS));
    let found = listed("/rules/0/categories", json!(["crime", "crime", "crime", "crime", "crime", "crime"]));
    assert_eq!(found[0], "/rules/0/categories");
    let found = listed("/rules/0/grades", Value::Array(vec![json!("a"); MAX_GRADES + 1]));
    assert_eq!((found[0].as_str(), found.len()), ("/rules/0/grades", MAX_GRADES));
}

#[test]
fn roles_that_may_agree_are_these() {
    for &of in Role::ALL {
        let agree = json!([{ "role": of }, { "role": of }, { "role": "treasurer" }]);
        let content: RulesContent = serde_json::from_value(with(&[("/tiers/2/agree", agree)])).unwrap();
        assert_eq!(content.check(&district()).is_ok(), APPROVERS.contains(&of), "{of}");
    }
}

#[test]
fn what_is_no_rule_at_all_is_not_read() {
    for (pointer, value) in [
        ("/rules/2/amount/fen", json!(-1)),
        ("/rules/2/amount/fen", json!(1.5)),
        ("/rules/2/amount/fen", json!("50")),
        ("/rules/2/amount/fen", json!(1e30)),
        ("/rules/2/amount/fen", Value::Null),
        ("/rules/2/amount/as", json!("lottery")),
        ("/rules/2/amount/max_fen", json!(5)),
        ("/rules/2/earned_by/by", json!("rank")),
        ("/rules/2/earned_by/kinds", json!([])),
        ("/rules/2/earned_by", Value::Null),
        ("/rules/0/categories/0", json!("weather")),
        ("/rules/0/label", json!("Not A Label")),
        ("/rules/0/bonus", json!(1)),
        ("/multipliers/0/nth", json!(-4)),
        ("/multipliers/0/percent", json!(4_294_967_296_u64)),
        ("/month_cap_fen", json!(-1)),
        ("/tiers/0/agree/0/role", json!("mayor")),
        ("/tiers/0/agree/0/body", json!("fire")),
        ("/tiers/0/from_fen", json!(0)),
        ("/together", json!("lottery")),
        ("/together", Value::Null),
        ("/claim_days", json!(-1)),
        ("/claim_days", json!(65_536)),
        ("/lottery", json!(true)),
    ] {
        let read = serde_json::from_value::<RulesContent>(with(&[(pointer, value.clone())]));
        assert!(read.is_err(), "{pointer} {value}");
    }
}

#[test]
fn rules_and_their_arithmetic_read_back() {
    for content in [zhejiang(), anyang(), changsha(), one_matter("first", 30), rules(everything())] {
        let record = serde_json::to_value(&content).unwrap();
        assert_eq!(serde_json::from_value::<RulesContent>(record).unwrap(), content);
    }
    let quoted = quote(
        &RulesContent { multipliers: anyang().multipliers, ..one_matter("shares", 30) },
        &adopted(Category::Hazard, None),
        None,
        &[(person(1, 1).0, Before { in_year: 3, in_month_fen: 0 }), person(2, 2)],
    );
    let quoted = quoted.unwrap().unwrap();
    let record = serde_json::to_value(&quoted[0].steps).unwrap();
    assert_eq!(
        record,
        json!([
            { "step": "rule", "rule": "hazard", "fen": 100_000 },
            { "step": "share", "weight": 1, "of": 3, "fen": 33_334 },
            { "step": "multiplied", "nth": 4, "percent": 200, "fen": 66_668 },
        ])
    );
    assert_eq!(serde_json::from_value::<Vec<Step>>(record).unwrap(), quoted[0].steps);
}

fn amounts(fen: impl Strategy<Value = u64> + Clone + 'static) -> impl Strategy<Value = Amount> {
    prop_oneof![
        fen.clone().prop_map(|fen| Amount::Fixed { fen }),
        (fen.clone(), fen.clone()).prop_map(|(a, b)| Amount::Range { min_fen: a.min(b), max_fen: a.max(b) }),
        (fen.clone(), fen).prop_map(|(a, b)| Amount::Each { fen: a.min(b), max_fen: a.max(b) }),
    ]
}

/// Rules with one rule for each outcome, of amounts out of these.
pub(super) fn contents(
    fen: impl Strategy<Value = u64> + Clone + 'static,
    percent: u32,
) -> impl Strategy<Value = RulesContent> {
    let multipliers = proptest::collection::btree_map(1..5_u32, 1..=percent, 0..4);
    let together = proptest::sample::select(Together::ALL);
    (amounts(fen.clone()), together, multipliers, proptest::option::of(fen)).prop_map(
        |(amount, together, multipliers, month_cap_fen)| {
            let multipliers = multipliers.into_iter().map(|(nth, percent)| Multiplier { nth, percent }).collect();
            let mut content = RulesContent { together, multipliers, month_cap_fen, ..one_matter("first", 30) };
            content.rules[0].amount = amount;
            content
        },
    )
}

fn people(
    weight: impl Strategy<Value = u32>,
    in_year: impl Strategy<Value = u32>,
    in_month_fen: impl Strategy<Value = u64>,
) -> impl Strategy<Value = Vec<(Contributor, Before)>> {
    let one = (0..20_u8, weight, in_year, in_month_fen);
    proptest::collection::vec(one, 0..14).prop_map(|people| {
        let people = people.into_iter().enumerate().map(|(i, (number, weight, in_year, in_month_fen))| {
            let (mut contributor, _) = person(number, weight);
            contributor.report = Code::from_digest(&Digest::of(&[b"report", &i.to_be_bytes()]));
            (contributor, Before { in_year, in_month_fen })
        });
        people.collect()
    })
}

/// What of the whole a quote gives each before multipliers and caps.
fn before_multipliers(quoted: &[Quoted]) -> Vec<u64> {
    let plain = |step: &&Step| !matches!(step, Step::Multiplied { .. } | Step::Capped { .. });
    quoted.iter().map(|quoted| quoted.steps.iter().rfind(plain).map_or(0, Step::fen)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_amount_whatever_makes_it_panic(
        content in contents(any::<u64>(), u32::MAX),
        people in people(any::<u32>(), any::<u32>(), any::<u64>()),
        count: u32,
        chosen in proptest::option::of(any::<u64>()),
    ) {
        let merit = confirmed(Category::Crime, "suspects_arrested", count);
        let content: RulesContent = content;
        let _ = content.check(&district());
        let (least, most) = content.rules[0].allows(&merit);
        for chosen in [chosen, None, Some(least), Some(most)] {
            match quote(&content, &merit, chosen, &people) {
                Ok(Some(quoted)) => {
                    let parts: u128 = before_multipliers(&quoted).iter().map(|fen| u128::from(*fen)).sum();
                    prop_assert_eq!(parts, u128::from(chosen.unwrap_or(least)));
                }
                Err(Error::Invalid(_) | Error::Internal(_)) => {}
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }

    #[test]
    fn no_fen_is_lost_or_made_and_nobody_is_above_the_cap(
        content in contents(1..3_000_000_u64, MAX_PERCENT),
        people in people(0..1_000_u32, 0..6_u32, 0..3_000_000_u64),
        count in 1..5_u32,
        choice in 0.0..=1.0,
    ) {
        prop_assert_eq!(content.check(&district()), Ok(()));
        let merit = confirmed(Category::Crime, "suspects_arrested", count);
        let (least, most) = content.rules[0].allows(&merit);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let whole = least + ((most - least) as f64 * choice) as u64;
        let mut counted: BTreeMap<&MemberId, &(Contributor, Before)> = BTreeMap::new();
        for one in people.iter().filter(|(contributor, _)| contributor.weight > 0) {
            counted.entry(&one.0.member).or_insert(one);
        }
        let too_many = content.together == Together::Shares && counted.len() > MAX_SHARES;
        let quoted = match quote(&content, &merit, Some(whole), &people) {
            Ok(quoted) => quoted.unwrap(),
            Err(error) => {
                prop_assert!(counted.is_empty() || too_many, "{}", error);
                return Ok(());
            }
        };
        prop_assert!(!counted.is_empty() && !too_many);
        // Everybody who counts, once, in the order in which they reported.
        let expected = if content.together == Together::First { 1 } else { counted.len() };
        prop_assert_eq!(quoted.len(), expected);
        let places: Vec<_> = quoted.iter().map(|quoted| people.iter().position(|(one, _)| one.report == quoted.report).unwrap()).collect();
        prop_assert!(places.is_sorted_by(|a, b| a < b));
        // Before multipliers and caps the parts are the whole, to the fen.
        let parts = before_multipliers(&quoted);
        prop_assert_eq!(parts.iter().sum::<u64>(), whole);
        // Each part is as contributed, but for the fen that cannot be divided.
        let of: u64 = quoted.iter().map(|quoted| u64::from(counted[&quoted.member].0.weight)).sum();
        let rest = whole - quoted.iter().map(|quoted| whole * u64::from(counted[&quoted.member].0.weight) / of).sum::<u64>();
        prop_assert!(rest < u64::try_from(quoted.len()).unwrap());
        for (i, (quoted, part)) in quoted.iter().zip(&parts).enumerate() {
            let (contributor, before) = counted[&quoted.member];
            prop_assert_eq!(contributor.report, quoted.report);
            let own = whole * u64::from(contributor.weight) / of + if i == 0 { rest } else { 0 };
            prop_assert_eq!(*part, own);
            // And from there the arithmetic of each, done again.
            let percent = content.multipliers.iter().find(|multiplier| multiplier.nth == before.in_year + 1);
            let multiplied = percent.map_or(own, |multiplier| (own * u64::from(multiplier.percent) + 50) / 100);
            let left = content.month_cap_fen.map_or(u64::MAX, |cap| cap.saturating_sub(before.in_month_fen));
            prop_assert_eq!(quoted.amount_fen, multiplied.min(left));
            prop_assert_eq!(quoted.steps.last().map(Step::fen), Some(quoted.amount_fen));
            if let Some(cap) = content.month_cap_fen {
                prop_assert!(quoted.amount_fen == 0 || before.in_month_fen + quoted.amount_fen <= cap);
            }
            let capped = quoted.steps.iter().any(|step| matches!(step, Step::Capped { .. }));
            prop_assert_eq!(capped, multiplied > left, "a cap is shown when it takes something");
        }
        // Whatever is quoted by rules that were checked is an amount that a fund can move.
        prop_assert!(quoted.iter().map(|quoted| quoted.amount_fen).sum::<u64>() <= MAX_MOVEMENT_FEN);
    }

    #[test]
    fn the_order_matters_only_for_what_cannot_be_divided(
        whole in 1..10_000_000_u64,
        weights in proptest::collection::vec(1..1_000_u32, 2..=MAX_SHARES),
        turn in 0..MAX_SHARES,
    ) {
        let mut content = one_matter("shares", 30);
        content.rules[1].amount = Amount::Fixed { fen: whole };
        let mut people: Vec<_> = (0_u8..).zip(&weights).map(|(number, weight)| person(number, *weight)).collect();
        let hazard = adopted(Category::Hazard, None);
        let amounts = |people: &[(Contributor, Before)]| {
            let quoted = quote(&content, &hazard, None, people).unwrap().unwrap();
            quoted.into_iter().map(|quoted| (quoted.member, quoted.amount_fen)).collect::<BTreeMap<_, _>>()
        };
        let one = amounts(&people);
        let first = people[0].0.member.clone();
        people.rotate_left(turn % weights.len());
        let other = amounts(&people);
        let turned = people[0].0.member.clone();
        prop_assert_eq!(one.values().sum::<u64>(), other.values().sum::<u64>());
        for (member, fen) in &one {
            if *member != first && *member != turned {
                prop_assert_eq!(*fen, other[member]);
            }
            prop_assert!(fen.abs_diff(other[member]) < u64::try_from(weights.len()).unwrap());
        }
    }

    #[test]
    fn exactly_one_tier_is_for_an_amount(fen: u64) {
        let content = zhejiang();
        let tier = content.tier(fen).unwrap();
        let place = content.tiers.iter().position(|other| std::ptr::eq(other, tier)).unwrap();
        prop_assert!(tier.up_to_fen.is_none_or(|up_to| fen <= up_to));
        prop_assert!(place == 0 || content.tiers[place - 1].up_to_fen.is_some_and(|up_to| fen > up_to));
    }
}
