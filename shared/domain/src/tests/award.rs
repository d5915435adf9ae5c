//! Period awards: what their rules may say, when they are due, points and ranking.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, civil::date};
use proptest::{prelude::*, sample::Index};

use super::{district_manager, member, node, wednesday};
use crate::{
    award::{Entrant, Fact, MAX_PAGE, Points, Ranking, What, Winner, may_win, reaching},
    award_rules::{AwardRule, Due, Each, KnownRun, MAX_WINNERS, Over, PointLine, RankTier, Ties, Winners, due},
    award_run::RunId,
    briefing::Period,
    code::Code,
    command::{CommandId, Fingerprint},
    district::{District, Label, StationTasks},
    error::Error,
    hash::Digest,
    member::{Member, MemberId, MemberState, Role},
    named::Named as _,
    report::Category,
    reward_rules::{Approver, Grade, Rules, RulesContent, Tier, Together},
    text::Text,
};

pub(super) fn label(text: &str) -> Label {
    Label::parse(text).unwrap()
}

pub(super) fn code(of: &str) -> Code {
    Code::from_digest(&Digest::of(&[of.as_bytes()]))
}

fn line(each: Each, points: u32, cap: u32) -> PointLine {
    PointLine { each, points, cap }
}

fn tiers() -> Vec<RankTier> {
    vec![
        RankTier { from: 1, to: 1, fen: 100_000 },
        RankTier { from: 2, to: 3, fen: 50_001 },
        RankTier { from: 4, to: 6, fen: 20_000 },
    ]
}

/// 季度积分奖: ten points for a lead on a crime, two for any other report, five more for the first
/// grade, twenty for an arrest, one for a task.
pub(super) fn quarterly() -> AwardRule {
    AwardRule {
        label: label("quarter"),
        name: Text::new("季度积分奖", "Quarterly award"),
        over: Over::Quarter {},
        days_after: 10,
        points: vec![
            line(Each::Report { categories: vec![Category::Crime] }, 10, 95),
            line(Each::Report { categories: Vec::new() }, 2, 30),
            line(Each::Grade { grades: vec![label("first")] }, 5, 50),
            line(Each::Outcome { kinds: vec![label("suspects_arrested")] }, 20, 200),
            line(Each::Task {}, 1, 20),
        ],
        min_points: 5,
        winners: Winners::Rank { tiers: tiers(), ties: Ties::Earlier {} },
    }
}

pub(super) fn with_ties(ties: Ties) -> AwardRule {
    AwardRule { winners: Winners::Rank { tiers: tiers(), ties }, ..quarterly() }
}

pub(super) fn threshold() -> AwardRule {
    AwardRule { winners: Winners::Threshold { points: 15, fen: 5_000 }, ..quarterly() }
}

pub(super) fn quarter() -> Period {
    Period { from: date(2026, 7, 1), to: date(2026, 9, 30) }
}

pub(super) fn shanghai() -> jiff::tz::TimeZone {
    jiff::tz::TimeZone::get("Asia/Shanghai").unwrap()
}

pub(super) fn content(awards: Vec<AwardRule>) -> RulesContent {
    let approver = |role| Approver { role, body: None };
    RulesContent {
        grades: vec![Grade { label: label("first"), name: Text::new("一等", "First") }],
        rules: vec![crate::reward_rules::Rule {
            label: label("any"),
            name: Text::new("线索", "Lead"),
            categories: Vec::new(),
            grades: Vec::new(),
            earned_by: crate::reward_rules::Earned::Adoption {},
            amount: crate::reward_rules::Amount::Fixed { fen: 10_000 },
        }],
        together: Together::First,
        multipliers: vec![crate::reward_rules::Multiplier { nth: 1, percent: 200 }],
        month_cap_fen: Some(100),
        tiers: vec![Tier { up_to_fen: None, agree: vec![approver(Role::DistrictManager), approver(Role::Treasurer)] }],
        claim_days: 90,
        awards,
    }
}

fn district() -> District {
    District {
        node: node("hexi"),
        version: 1,
        name: Text::new("河西", "Hexi"),
        nodes: Vec::new(),
        trades: Vec::new(),
        places: Vec::new(),
        station_tasks: StationTasks::Consent,
        agencies: Vec::new(),
        outcome_kinds: Vec::new(),
    }
}

fn pointers(awards: Vec<AwardRule>) -> Vec<String> {
    match content(awards).check(&district()) {
        Ok(()) => Vec::new(),
        Err(Error::Invalid(bad)) => bad.into_iter().map(|field| field.pointer).collect(),
        Err(other) => panic!("{other}"),
    }
}

/// What makes an award bad.
type Spoil<'a> = Box<dyn Fn(&mut AwardRule) + 'a>;

#[test]
fn good_awards_are_taken_and_each_mistake_is_named() {
    for ties in [Ties::Earlier {}, Ties::Share { most: 6 }, Ties::All { most: MAX_WINNERS }] {
        assert_eq!(pointers(vec![with_ties(ties)]), Vec::<String>::new());
    }
    assert_eq!(pointers(vec![threshold()]), Vec::<String>::new());
    let spoiled = |spoil: &dyn Fn(&mut AwardRule)| {
        let mut award = quarterly();
        spoil(&mut award);
        pointers(vec![award]).join(" ")
    };
    let rank = |tiers: &[(u32, u32, u64)], ties| Winners::Rank {
        tiers: tiers.iter().map(|(from, to, fen)| RankTier { from: *from, to: *to, fen: *fen }).collect(),
        ties,
    };
    let stage = |from, to| Over::Stage { from, to };
    let (first, last) = (date(2026, 3, 1), date(2026, 4, 30));
    let threshold = |points, fen| Winners::Threshold { points, fen };
    let any = || Each::Report { categories: Vec::new() };
    let graded = |grades: &[&str]| Each::Grade { grades: grades.iter().map(|grade| label(grade)).collect() };
    #[rustfmt::skip]
    let table: Vec<(Spoil<'_>, &str)> = vec![
        (Box::new(|a| a.name.en = String::new()), "/awards/0/name/en"),
        (Box::new(|a| a.label = label("uyghur")), "/awards/0/label"),
        (Box::new(|a| a.days_after = 46), "/awards/0/days_after"),
        (Box::new(|a| a.over = stage(first, last)), ""),
        (Box::new(|a| a.over = stage(last, first)), "/awards/0/over/to"),
        (Box::new(|a| { a.over = stage(first, date(2027, 3, 2)); a.points.truncate(4); }), "/awards/0/over/to"),
        // What was done with a task is not kept for a year.
        (Box::new(|a| a.over = Over::Year {}), "/awards/0/points/4/each"),
        (Box::new(|a| { a.over = Over::Year {}; a.points.truncate(4); }), ""),
        (Box::new(|a| a.points.clear()), "/awards/0/points"),
        (Box::new(|a| a.points[0].points = 0), "/awards/0/points/0/points"),
        (Box::new(|a| (a.points[0].points, a.points[0].cap) = (10_001, 10_001)), "/awards/0/points/0/points"),
        (Box::new(|a| a.points[0].cap = 9), "/awards/0/points/0/cap"),
        (Box::new(|a| a.points[0].cap = 10 * 962), "/awards/0/points"),
        (Box::new(|a| a.points[0].cap = u32::MAX), "/awards/0/points/0/cap /awards/0/points"),
        (Box::new(|a| a.points[0].each = any()), "/awards/0/points/1/each"),
        (Box::new(|a| a.points[3].each = Each::Task {}), "/awards/0/points/4/each"),
        (Box::new(|a| a.points[1].each = Each::Report { categories: vec![Category::Crime] }), "/awards/0/points/1/each/categories/0"),
        (Box::new(|a| a.points[2].each = graded(&["first", "first", "best"])), "/awards/0/points/2/each/grades/1 /awards/0/points/2/each/grades/2"),
        (Box::new(|a| a.points[3].each = Each::Outcome { kinds: vec![label("rain")] }), "/awards/0/points/3/each/kinds/0"),
        (Box::new(|a| a.min_points = 0), "/awards/0/min_points"),
        (Box::new(|a| a.winners = threshold(4, 100)), "/awards/0/winners/points"),
        (Box::new(|a| a.winners = threshold(5, 0)), "/awards/0/winners/fen"),
        (Box::new(|a| a.winners = rank(&[], Ties::Earlier {})), "/awards/0/winners/tiers"),
        (Box::new(|a| a.winners = rank(&[(2, 3, 5)], Ties::Earlier {})), "/awards/0/winners/tiers/0/from"),
        (Box::new(|a| a.winners = rank(&[(1, 2, 5), (4, 4, 5)], Ties::Earlier {})), "/awards/0/winners/tiers/1/from"),
        (Box::new(|a| a.winners = rank(&[(1, 0, 5)], Ties::Earlier {})), "/awards/0/winners/tiers/0/to"),
        (Box::new(|a| a.winners = rank(&[(1, 501, 5)], Ties::Earlier {})), "/awards/0/winners/tiers/0/to"),
        (Box::new(|a| a.winners = rank(&[(1, 2, u64::MAX)], Ties::Earlier {})), "/awards/0/winners/tiers/0/fen"),
        (Box::new(|a| a.winners = rank(&[(1, 2, 5), (3, 3, 6)], Ties::Earlier {})), "/awards/0/winners/tiers/1/fen"),
        (Box::new(|a| a.winners = rank(&[(1, 5, 5)], Ties::Share { most: 4 })), "/awards/0/winners/ties/most"),
        (Box::new(|a| a.winners = rank(&[(1, 5, 5)], Ties::All { most: 501 })), "/awards/0/winners/ties/most"),
    ];
    for (i, (spoil, expected)) in table.iter().enumerate() {
        assert_eq!(spoiled(spoil), *expected, "row {i}");
    }
    assert_eq!(pointers(vec![quarterly(), quarterly()]), ["/awards/1/label"]);
    let many = (0..21).map(|i| AwardRule { label: label(&format!("a{i}")), ..quarterly() });
    assert_eq!(pointers(many.collect()), ["/awards"]);
}

#[test]
fn rules_without_awards_read_and_are_written_as_before() {
    let old = serde_json::to_value(content(Vec::new())).unwrap();
    assert!(old.get("awards").is_none());
    assert_eq!(serde_json::from_value::<RulesContent>(old).unwrap(), content(Vec::new()));
    let new = content(vec![quarterly(), threshold(), with_ties(Ties::Share { most: 9 })]);
    assert_eq!(serde_json::from_value::<RulesContent>(serde_json::to_value(&new).unwrap()).unwrap(), new);
    for unknown in [r#"{"period":"month"}"#, r#"{"period":"quarter","from":"2026-01-01"}"#, r#"{"period":"stage"}"#] {
        assert!(serde_json::from_str::<Over>(unknown).is_err(), "{unknown}");
    }
}

fn rules(version: u32, valid_from: jiff::civil::Date, awards: Vec<AwardRule>) -> Rules {
    let key = uuid::Uuid::nil();
    Rules {
        district: node("hexi"),
        version,
        valid_from,
        content: content(awards),
        made_by: district_manager().id,
        made_at: wednesday(),
        command: CommandId::new(&district_manager().id, key),
        fingerprint: Fingerprint::of(key, "write", "hexi", &()).unwrap(),
    }
}

pub(super) fn run_id(award: &str, period: Period) -> RunId {
    RunId { district: node("hexi"), award: label(award), period }
}

/// A day, and what is due on it.
type Day = ((i16, i8, i8), &'static [&'static str]);

#[test]
fn an_award_is_due_once_and_when_its_period_is_over() {
    let stage = Period { from: date(2026, 3, 10), to: date(2026, 5, 20) };
    let award = |name: &str, over, days_after| AwardRule { label: label(name), over, days_after, ..quarterly() };
    let all = vec![
        award("stage", Over::Stage { from: stage.from, to: stage.to }, 0),
        award("quarter", Over::Quarter {}, 10),
        award("year", Over::Year {}, 0),
    ];
    let versions = [rules(1, date(2025, 1, 1), all.clone()), rules(2, date(2026, 6, 30), all[1..].to_vec())];
    let said = |due: Vec<Due>| -> Vec<String> {
        let said = due.into_iter().map(|due| match due {
            Due::Start { id, rules } => format!("{} {}..{} by {rules}", id.award, id.period.from, id.period.to),
            Due::GoOn { id } => format!("go on with {} {}..{}", id.award, id.period.from, id.period.to),
        });
        said.collect()
    };
    let on = |year, month, day| said(due(&versions, &[], date(year, month, day)));
    let none: [&str; 0] = [];
    #[rustfmt::skip]
    let table: Vec<Day> = vec![
        ((2024, 1, 1), &[]),
        // Before the first rules there was nothing to win.
        ((2025, 1, 11), &[]),
        ((2025, 4, 10), &[]),
        ((2025, 4, 11), &["quarter 2025-01-01..2025-03-31 by 1"]),
        ((2025, 5, 11), &["quarter 2025-01-01..2025-03-31 by 1"]),
        ((2025, 5, 12), &[]),
        ((2025, 12, 31), &[]),
        ((2026, 1, 1), &["year 2025-01-01..2025-12-31 by 1"]),
        ((2026, 1, 11), &["quarter 2025-10-01..2025-12-31 by 1", "year 2025-01-01..2025-12-31 by 1"]),
        ((2026, 5, 20), &[]),
        ((2026, 5, 21), &["stage 2026-03-10..2026-05-20 by 1"]),
        ((2026, 6, 20), &["stage 2026-03-10..2026-05-20 by 1"]),
        ((2026, 6, 21), &[]),
        // The rules of the last day decide.
        ((2026, 7, 11), &["quarter 2026-04-01..2026-06-30 by 2"]),
        ((2028, 4, 11), &["quarter 2028-01-01..2028-03-31 by 2"]),
    ];
    for ((year, month, day), expected) in table {
        assert_eq!(on(year, month, day), expected, "{year}-{month}-{day}");
    }
    let (last, before) = (Period { from: date(2025, 10, 1), to: date(2025, 12, 31) }, quarter());
    let known = |period, is_over| KnownRun { id: run_id("quarter", period), is_over };
    let january = |known: &[KnownRun]| said(due(&versions[..1], known, date(2026, 1, 11)));
    let year = "year 2025-01-01..2025-12-31 by 1";
    assert_eq!(january(&[known(last, true)]), [year]);
    assert_eq!(january(&[known(last, false)]), ["go on with quarter 2025-10-01..2025-12-31", year]);
    // What was not finished is gone on with, however long ago it was.
    assert_eq!(
        said(due(&[], &[known(before, false)], date(2030, 1, 1))),
        ["go on with quarter 2026-07-01..2026-09-30"]
    );
    assert_eq!(said(due(&[], &[], date(2026, 1, 11))), none);
}

#[test]
fn every_quarter_and_year_is_due_once_when_the_clock_comes_each_day() {
    let mut awards = vec![quarterly(), AwardRule { label: label("year"), over: Over::Year {}, ..quarterly() }];
    for days_after in [0, 1, 45] {
        for award in &mut awards {
            award.days_after = days_after;
        }
        let versions = [rules(1, date(2023, 1, 1), awards.clone())];
        let mut runs: Vec<KnownRun> = Vec::new();
        let mut today = date(2023, 1, 1);
        while today < date(2029, 3, 1) {
            for due in due(&versions, &runs, today) {
                let Due::Start { id, rules: 1 } = due else { panic!("{due:?}") };
                assert_eq!((today - id.period.to).get_days(), i32::from(days_after) + 1);
                runs.push(KnownRun { id, is_over: true });
            }
            today = today.tomorrow().unwrap();
        }
        let mut quarters: Vec<Period> =
            runs.iter().filter(|run| run.id.award == label("quarter")).map(|run| run.id.period).collect();
        assert_eq!((quarters.len(), runs.len()), (24, 30));
        quarters.sort_unstable();
        assert!(quarters.windows(2).all(|pair| pair[0].to.tomorrow().unwrap() == pair[1].from));
    }
}

fn at_minute(minute: i64) -> Timestamp {
    "2026-08-01T00:00:00+08:00".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minute)
}

pub(super) fn fact(id: &str, minute: i64, what: What) -> Fact {
    Fact { member: MemberId::parse("resident").unwrap(), id: code(id), at: at_minute(minute), what }
}

pub(super) fn report(category: Category) -> What {
    What::Report { category }
}

fn counted(facts: &[Fact], rule: &AwardRule) -> Points {
    let of = |fact: &Fact| Points::of(fact, rule, quarter(), &shanghai());
    facts.iter().fold(Points::default(), |points, fact| points.merge(&of(fact), rule))
}

/// Facts, and the points that they come to with the minute of the last.
type Row = (Vec<Fact>, Option<(u32, i64)>);

#[test]
fn points_by_line_and_cap_with_the_moment_that_brought_the_last() {
    let rule = quarterly();
    let graded = |grade: &str| What::Grade { grade: label(grade) };
    let arrest = || What::Outcome { kind: label("suspects_arrested") };
    let crimes: Vec<Fact> = (1..=12).map(|i| fact(&format!("c{i}"), i, report(Category::Crime))).collect();
    let table: Vec<Row> = vec![
        (vec![], None),
        (vec![fact("a", 3, report(Category::Crime))], Some((10, 3))),
        (vec![fact("a", 3, report(Category::Hazard))], Some((2, 3))),
        // The grade counts beside its report, of which it has the code.
        (vec![fact("a", 3, report(Category::Crime)), fact("a", 4, graded("first"))], Some((15, 4))),
        (vec![fact("a", 3, graded("second"))], None),
        (vec![fact("a", 9, arrest()), fact("b", 3, What::Task)], Some((21, 9))),
        (vec![fact("a", 9, What::Outcome { kind: label("cases_solved") })], None),
        // The same twice is once, and from the first.
        (vec![fact("a", 9, arrest()), fact("a", 8, arrest()), fact("a", 9, arrest())], Some((20, 8))),
        // The tenth brings five of its ten, and the eleventh nothing.
        (crimes.clone(), Some((95, 10))),
        (crimes[..9].to_vec(), Some((90, 9))),
        // August begins at 0; July at -44,640, and October at 87,840.
        (vec![fact("a", -44_640, What::Task), fact("b", 87_839, What::Task)], Some((2, 87_839))),
        (vec![fact("a", -44_641, What::Task), fact("b", 87_840, What::Task)], None),
    ];
    for (i, (facts, expected)) in table.into_iter().enumerate() {
        let expected = expected.map(|(points, minute)| (points, at_minute(minute)));
        assert_eq!(counted(&facts, &rule).reached(&rule), expected, "row {i}");
    }
    let nobody = Fact { member: MemberId::no_reporter(), ..crimes[0].clone() };
    assert!(Points::of(&nobody, &rule, quarter(), &shanghai()).is_empty(), "a copy of another district's report");
    assert!(counted(&[], &rule).is_empty() && !counted(&crimes, &rule).is_empty());
    let json = serde_json::to_string(&counted(&crimes, &rule)).unwrap();
    assert_eq!(serde_json::from_str::<Points>(&json).unwrap(), counted(&crimes, &rule));
}

pub(super) fn a_fact() -> impl Strategy<Value = Fact> {
    let what = prop_oneof![
        prop::sample::select(Category::ALL).prop_map(report),
        prop::sample::select(vec!["first", "second"]).prop_map(|grade| What::Grade { grade: label(grade) }),
        prop::sample::select(vec!["suspects_arrested", "cases_solved"])
            .prop_map(|kind| What::Outcome { kind: label(kind) }),
        Just(What::Task),
    ];
    (0..40_u32, -50_000..95_000_i64, what).prop_map(|(id, minute, what)| fact(&id.to_string(), minute, what))
}

/// The sum with all facts at hand: each once, from its first moment.
pub(super) fn naive(facts: &[Fact], rule: &AwardRule) -> Option<(u32, Timestamp)> {
    let (mut sum, mut last) = (0, None);
    let mut lines: BTreeMap<usize, BTreeMap<Code, Timestamp>> = BTreeMap::new();
    for fact in facts {
        let day = fact.at.to_zoned(shanghai()).date();
        let line = match &fact.what {
            What::Report { category: Category::Crime } => 0,
            What::Report { .. } => 1,
            What::Grade { grade } if grade.as_str() == "first" => 2,
            What::Outcome { kind } if kind.as_str() == "suspects_arrested" => 3,
            What::Task => 4,
            _ => continue,
        };
        if (date(2026, 7, 1)..=date(2026, 9, 30)).contains(&day) {
            let first = lines.entry(line).or_default().entry(fact.id).or_insert(fact.at);
            *first = fact.at.min(*first);
        }
    }
    for (line, facts) in lines {
        let PointLine { points, cap, .. } = rule.points[line];
        let mut moments: Vec<Timestamp> = facts.into_values().collect();
        moments.sort_unstable();
        let mut of_line = 0;
        for at in moments {
            let more = points.min(cap - of_line);
            of_line += more;
            if more > 0 {
                last = last.max(Some(at));
            }
        }
        sum += of_line;
    }
    last.map(|last| (sum, last))
}

proptest! {
    #[test]
    fn points_are_the_same_in_whatever_parts_and_order_they_come(
        (facts, order) in prop::collection::vec(a_fact(), 0..120).prop_flat_map(|facts| {
            (Just(facts.clone()), Just(facts).prop_shuffle())
        }),
        again in prop::collection::vec(any::<Index>(), 0..30),
        cuts in prop::collection::vec(any::<Index>(), 0..8),
        joins in prop::collection::vec(any::<(Index, Index)>(), 10),
    ) {
        let rule = quarterly();
        let whole = counted(&facts, &rule);
        prop_assert_eq!(whole.reached(&rule), naive(&facts, &rule));
        // In another order, in pages, some facts and some pages twice.
        let mut order = order;
        let repeated: Vec<Fact> =
            if facts.is_empty() { Vec::new() } else { again.iter().map(|i| i.get(&facts).clone()).collect() };
        order.extend(repeated);
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(order.len() + 1)).chain([0, order.len()]).collect();
        at.sort_unstable();
        let mut parts: Vec<Points> = at.windows(2).map(|ends| counted(&order[ends[0]..ends[1]], &rule)).collect();
        parts.push(parts[0].clone());
        // Joined pairwise as chance has it: the brackets stand anywhere.
        for (one, other) in joins {
            if parts.len() > 1 {
                let one = parts.swap_remove(one.index(parts.len()));
                let other = parts.swap_remove(other.index(parts.len()));
                parts.push(one.merge(&other, &rule));
            }
        }
        let joined = parts.into_iter().fold(Points::default(), |sum, part| part.merge(&sum, &rule));
        prop_assert_eq!(joined, whole);
    }
}

pub(super) fn reporter(i: u32) -> Member {
    member(&format!("resident-{i}"), Role::Reporter, "hexi.jianshan.yulan")
}

fn entrant(i: u32, points: u32, minute: i64) -> Entrant {
    let Member { id, pseudonym, node, .. } = reporter(i);
    Entrant { member: id, pseudonym, node, points, reached_at: at_minute(minute) }
}

fn ranked(people: &[Entrant], rule: &AwardRule) -> Ranking {
    let mut ranking = Ranking::new(rule.keeps().unwrap());
    for (page, people) in people.chunks(MAX_PAGE).enumerate() {
        assert!(ranking.take(u32::try_from(page).unwrap(), people).unwrap());
    }
    ranking
}

/// Everybody sorted, and then the rule by the letter.
pub(super) fn naive_winners(people: &[Entrant], rule: &AwardRule) -> Vec<(u32, MemberId, u64)> {
    let Winners::Rank { tiers, ties } = &rule.winners else { panic!() };
    let mut people = people.to_vec();
    people.sort_by_key(|one| (std::cmp::Reverse(one.points), one.reached_at, one.pseudonym));
    people.truncate(ties.most().unwrap_or(u32::MAX) as usize);
    let gets =
        |rank: usize| tiers.iter().find(|t| t.from as usize <= rank && rank <= t.to as usize).map_or(0, |t| t.fen);
    let mut all = Vec::new();
    for (i, one) in people.iter().enumerate() {
        let better = people.iter().filter(|other| other.points > one.points).count();
        let mut level: Vec<&Entrant> = people.iter().filter(|other| other.points == one.points).collect();
        level.sort_by_key(|other| other.pseudonym);
        let place = level.iter().position(|other| other.member == one.member).unwrap() as u64;
        let (rank, fen) = match ties {
            Ties::Earlier {} => (i + 1, gets(i + 1)),
            Ties::All { .. } => (better + 1, gets(better + 1)),
            Ties::Share { .. } => {
                let sum: u64 = (better + 1..=better + level.len()).map(gets).sum();
                let people = level.len() as u64;
                (better + 1, sum / people + u64::from(place < sum % people))
            }
        };
        all.push((u32::try_from(rank).unwrap(), one.member.clone(), fen));
    }
    all.retain(|(.., fen)| *fen > 0);
    all.sort();
    all
}

fn said(winners: &[Winner]) -> Vec<(u32, MemberId, u64)> {
    let mut said: Vec<_> =
        winners.iter().map(|winner| (winner.rank.unwrap(), winner.member.clone(), winner.amount_fen)).collect();
    said.sort();
    said
}

pub(super) const TIES: [Ties; 5] =
    [Ties::Earlier {}, Ties::Share { most: 6 }, Ties::Share { most: 9 }, Ties::All { most: 6 }, Ties::All { most: 9 }];

proptest! {
    #[test]
    fn ranking_by_pages_is_sorting_everybody(
        people in prop::collection::vec((5..12_u32, 0..4_i64), 0..60),
        sizes in prop::collection::vec((1..9_usize, any::<bool>()), 60),
        ties in prop::sample::select(&TIES[..]),
    ) {
        let rule = with_ties(ties);
        let people: Vec<Entrant> =
            (0..).zip(people).map(|(i, (points, minute))| entrant(i, points, minute)).collect();
        let mut pages = Vec::new();
        let mut rest = &people[..];
        for (size, again) in &sizes {
            let (page, left) = rest.split_at(rest.len().min(*size));
            pages.push((page, *again));
            rest = left;
        }
        let mut ranking = Ranking::new(rule.keeps().unwrap());
        for (i, (page, again)) in (0..).zip(&pages) {
            // Written down and read elsewhere after each page.
            ranking = serde_json::from_str(&serde_json::to_string(&ranking).unwrap()).unwrap();
            prop_assert!(ranking.take(i + 1, page).is_err(), "a page is missing");
            prop_assert!(ranking.take(i, page).unwrap());
            if *again {
                let before = ranking.clone();
                prop_assert!(!ranking.take(i, page).unwrap() && !ranking.take(i / 2, pages[i as usize / 2].0).unwrap());
                prop_assert_eq!(&ranking, &before);
            }
            prop_assert!(ranking.best().count() <= rule.keeps().unwrap() as usize);
        }
        prop_assert_eq!(ranking.seen(), people.len() as u64);
        let winners = ranking.winners(&rule);
        prop_assert_eq!(said(&winners), naive_winners(&people, &rule));
        prop_assert!(winners.is_sorted_by_key(|winner| winner.rank));
        let sum: u64 = winners.iter().map(|winner| winner.amount_fen).sum();
        if !matches!(ties, Ties::All { .. }) {
            let most: u64 = tiers().iter().map(|tier| u64::from(tier.to - tier.from + 1) * tier.fen).sum();
            prop_assert!(sum <= most && (people.len() < 6 || sum == most), "{} of {}", sum, most);
        }
    }

    #[test]
    fn who_stands_on_two_pages_counts_once(
        people in prop::collection::vec((0..12_u32, 5..12_u32, 0..4_i64), 0..60), size in 1..9_usize,
    ) {
        let rule = quarterly();
        let people: Vec<Entrant> = people.into_iter().map(|(i, points, minute)| entrant(i, points, minute)).collect();
        let mut ranking = Ranking::new(6);
        for (page, people) in (0..).zip(people.chunks(size)) {
            ranking.take(page, people).unwrap();
        }
        let mut best: BTreeMap<MemberId, Entrant> = BTreeMap::new();
        for one in people {
            let known = best.entry(one.member.clone()).or_insert_with(|| one.clone());
            *known = one.min(known.clone());
        }
        let best: Vec<Entrant> = best.into_values().collect();
        prop_assert_eq!(said(&ranking.winners(&rule)), naive_winners(&best, &rule));
    }
}

#[test]
fn those_who_are_level_win_what_the_rule_says() {
    // By points and minute: 1 leads, 2 to 5 are level, 6 to 8 as well.
    let mut people = vec![entrant(1, 50, 9)];
    people.extend([(2, 4), (3, 3), (4, 2), (5, 2)].map(|(i, minute)| entrant(i, 40, minute)));
    people.extend([6, 7, 8].map(|i| entrant(i, 30, 1)));
    let of = |ties| -> Vec<(u32, u64)> {
        let rule = with_ties(ties);
        ranked(&people, &rule).winners(&rule).iter().map(|w| (w.rank.unwrap(), w.amount_fen)).collect()
    };
    assert_eq!(of(Ties::Earlier {}), [(1, 100_000), (2, 50_001), (3, 50_001), (4, 20_000), (5, 20_000), (6, 20_000)]);
    // Ranks 2 to 5 get 140,002 fen together; of the ranks 6 to 8 one gets something.
    assert_eq!(
        of(Ties::Share { most: 8 }),
        [(1, 100_000), (2, 35_001), (2, 35_001), (2, 35_000), (2, 35_000), (6, 6_667), (6, 6_667), (6, 6_666)]
    );
    assert_eq!(of(Ties::Share { most: 7 })[5..], [(6, 10_000), (6, 10_000)]);
    assert_eq!(of(Ties::All { most: 8 })[1..5], [(2, 50_001); 4]);
    assert_eq!(of(Ties::All { most: 8 })[5..], [(6, 20_000); 3]);
    assert_eq!(of(Ties::All { most: 6 }).len(), 6, "no more than can win");
    let shared = ranked(&people, &with_ties(Ties::Share { most: 8 })).winners(&with_ties(Ties::Share { most: 8 }));
    assert!(shared[1..5].is_sorted_by_key(|winner| winner.pseudonym), "the odd fen go by pseudonym");
    // Two who are level up to the moment: the smaller pseudonym.
    let level = [entrant(1, 50, 9), entrant(2, 50, 9)];
    let first = ranked(&level, &quarterly()).winners(&quarterly());
    assert!(first[0].pseudonym < first[1].pseudonym);
}

#[test]
fn who_cannot_win_is_not_ranked() {
    let rule = quarterly();
    let points = counted(&[fact("a", 1, report(Category::Crime))], &rule);
    let few = counted(&[fact("a", 1, report(Category::Hazard))], &rule);
    assert_eq!(Entrant::new(&reporter(1), &points, &rule), Some(entrant(1, 10, 1)));
    assert_eq!(Entrant::new(&reporter(1), &few, &rule), None, "fewer than the least");
    assert_eq!(Entrant::new(&reporter(1), &Points::default(), &rule), None);
    for state in MemberState::ALL {
        assert_eq!(may_win(&Member { state: *state, ..reporter(1) }), *state == MemberState::Active, "{state}");
    }
    for role in Role::ALL {
        assert_eq!(may_win(&Member { role: *role, ..reporter(1) }), *role == Role::Reporter, "{role}");
    }
    let page = [entrant(1, 14, 1), entrant(2, 15, 1), entrant(3, 16, 1)];
    assert_eq!(reaching(&page, &threshold()).iter().map(|w| w.points).collect::<Vec<_>>(), [15, 16]);
    assert!(reaching(&page, &quarterly()).is_empty() && ranked(&page, &quarterly()).winners(&threshold()).is_empty());
}

#[test]
fn a_district_of_130_000_is_ranked_in_a_small_space() {
    let ties = Ties::All { most: MAX_WINNERS };
    let rule = AwardRule {
        winners: Winners::Rank { tiers: vec![RankTier { from: 1, to: MAX_WINNERS, fen: 5 }], ties },
        ..quarterly()
    };
    let long = |i: u32| MemberId::parse(&format!("{i:0>64}")).unwrap();
    let place = node(&format!("{0}.{0}.{0}", "x".repeat(32)));
    let people: Vec<Entrant> = (0..130_000_u32)
        .map(|i| {
            let digest = Digest::of(&[&i.to_be_bytes()]);
            Entrant {
                member: long(i),
                pseudonym: Code::from_digest(&digest),
                node: place.clone(),
                points: 5 + u32::from(digest.bytes()[9]),
                reached_at: "2026-08-12T02:00:00.123456789Z".parse().unwrap(),
            }
        })
        .collect();
    let ranking = ranked(&people, &rule);
    assert_eq!(ranking.seen(), 130_000);
    let winners = ranking.winners(&rule);
    assert_eq!(said(&winners).len(), MAX_WINNERS as usize);
    let mut sorted = people;
    sorted.sort();
    assert!(ranking.best().eq(sorted[..MAX_WINNERS as usize].iter()));
    // DynamoDB takes 400 KB; what a run holds stays well below, before and after the ranking.
    for size in [serde_json::to_vec(&ranking).unwrap().len(), serde_json::to_vec(&winners).unwrap().len()] {
        assert!(size < 200_000, "{size}");
    }
}
