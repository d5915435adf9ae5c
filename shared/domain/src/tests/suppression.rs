//! What of the statistics is shown to whom.

use std::collections::BTreeSet;

use jiff::civil::date;
use proptest::prelude::*;

use super::{district_manager, manager, member, node};
use crate::{
    life::{Action, Stage},
    member::{Member, Role},
    report::Category,
    statistics::{By, Period, Series},
    suppression::{Needed, check_days, shown},
    tally::{Counter, MemberStep, Tallies, bucket},
    territory::NodeId,
};

const REGISTERED: Counter = Counter::Member(MemberStep::Registered);

/// A district of three stations with three communities each, the district first, and each node
/// before those below it.
fn nodes() -> Vec<NodeId> {
    let mut nodes = vec![node("hexi")];
    for station in ["a", "b", "c"] {
        nodes.push(node(&format!("hexi.{station}")));
        nodes.extend((1..=3).map(|i| node(&format!("hexi.{station}.{i}"))));
    }
    nodes
}

fn communities() -> Vec<NodeId> {
    nodes().into_iter().filter(|node| node.at(crate::territory::Level::Community).is_some()).collect()
}

/// The months of a year at every node, from what was counted in the communities in each month.
fn months(counter: &Counter, of: impl Fn(usize, usize) -> i64) -> Vec<(NodeId, Series)> {
    let months = Period { from: date(2026, 1, 1), to: date(2026, 12, 31) }.parts(By::Month);
    let communities = communities();
    let row = |place: NodeId| {
        let count = |month: usize| -> i64 {
            (0..communities.len()).filter(|i| place.contains(&communities[*i])).map(|i| of(i, month)).sum()
        };
        let series = months.iter().enumerate().map(|(i, month)| (*month, Tallies::from([(counter.clone(), count(i))])));
        let series = series.collect();
        (place, series)
    };
    nodes().into_iter().map(row).collect()
}

/// The one row of a node by years.
fn by_year(months: &[(NodeId, Series)]) -> Vec<(NodeId, Series)> {
    let year = Period { from: date(2026, 1, 1), to: date(2026, 12, 31) };
    let row = |(node, series): &(NodeId, Series)| {
        let mut sum = Tallies::new();
        for (_, tallies) in series {
            crate::tally::add(&mut sum, tallies);
        }
        (node.clone(), vec![(year, sum)])
    };
    months.iter().map(row).collect()
}

/// The counts of a node as they are shown; -1 for what is suppressed.
fn seen(months: &[(NodeId, Series)], by: By, reader: &Member, place: &str, counter: &Counter) -> Vec<i64> {
    let rows = if by == By::Year { by_year(months) } else { months.to_vec() };
    let rows = rows.into_iter().filter(|(other, _)| *other == node(place)).collect();
    let rows = shown(rows, months, reader, by);
    rows.iter().map(|row| if row.hidden.contains(counter) { -1 } else { row.tallies[counter] }).collect()
}

fn auditor() -> Member {
    member("auditor", Role::Auditor, "hexi")
}

#[test]
fn small_figures_about_people_are_for_the_officer_who_knows_them() {
    let counts = [7, 3, 0, 9, 6, 30, 31, 32, 33, 34, 35, 36];
    let table = months(&REGISTERED, |place, month| if place == 0 { counts[month] } else { 50 });
    let officer = member("officer", Role::Officer, "hexi.a.1");
    assert_eq!(Needed::by(&officer, By::Month), Needed::Nothing);
    let own = shown(vec![table[2].clone()], &[], &officer, By::Month);
    assert!(own.iter().all(|row| row.node == node("hexi.a.1") && row.hidden.is_empty()), "{own:?}");
    for reader in [manager(), district_manager(), auditor()] {
        let months = seen(&table, By::Month, &reader, "hexi.a.1", &REGISTERED);
        // The sum of the year would say what February was: the next smallest month goes with it.
        assert_eq!(months[..5], [7, -1, 0, 9, -1], "{months:?}");
        let none = self::months(&REGISTERED, |place, _| if place == 0 { 0 } else { 50 });
        assert_eq!(seen(&none, By::Month, &reader, "hexi.a.1", &REGISTERED), [0; 12], "that there was nobody is shown");
        let day = Period { from: date(2026, 1, 1), to: date(2026, 1, 1) };
        let days = vec![(node("hexi.a.1"), vec![(day, Tallies::from([(REGISTERED, 99)]))])];
        assert!(shown(days, &[], &reader, By::Day)[0].hidden.contains(&REGISTERED));
    }
}

#[test]
fn what_is_hidden_does_not_depend_on_what_is_asked_for() {
    // One community of the first station has three, and there is one other that is no larger than all others.
    let table = months(&REGISTERED, |place, month| match (place, month) {
        (0, 0) => 3,
        (1, 0) => 20,
        (2, 0) => 14,
        (_, 0) => 30,
        _ => 0,
    });
    let reader = district_manager();
    let january = |place| seen(&table, By::Month, &reader, place, &REGISTERED)[0];
    assert_eq!(["hexi", "hexi.a", "hexi.a.1", "hexi.a.2", "hexi.a.3"].map(january), [217, 37, -1, 20, -1]);
    // A month that is the only one of its year is the year.
    let year = |place| seen(&table, By::Year, &reader, place, &REGISTERED)[0];
    assert_eq!(["hexi", "hexi.a", "hexi.a.1", "hexi.a.2", "hexi.a.3"].map(year), [217, 37, -1, 20, -1]);
}

#[test]
fn a_station_that_is_hidden_is_not_the_sum_of_its_communities() {
    // A whole station has three, in one community; the smallest of the others goes with it.
    let table = months(&REGISTERED, |place, month| match (place, month) {
        (0, 0) => 3,
        (1 | 2, _) | (_, 1..) => 0,
        (3..=5, 0) => 6,
        _ => 40,
    });
    let reader = auditor();
    let january = |place| seen(&table, By::Month, &reader, place, &REGISTERED)[0];
    assert_eq!(["hexi", "hexi.a", "hexi.b", "hexi.c"].map(january), [141, -1, -1, 120]);
    let communities = ["hexi.b.1", "hexi.b.2", "hexi.b.3"].map(january);
    assert_eq!(communities.iter().filter(|count| **count < 0).count(), 1, "{communities:?}");
}

#[test]
fn small_figures_about_reports_of_a_community_are_for_who_reviews_them() {
    let counter =
        Counter::Report { category: Category::Crime, stage: Stage::Officer, action: Action::Submit, detail: None };
    let table = months(&counter, |place, month| if place == 0 && month == 0 { 1 } else { 9 * i64::from(place < 2) });
    let of = |reader: &Member, place| seen(&table, By::Month, reader, place, &counter);
    assert_eq!(of(&auditor(), "hexi.a")[..2], [10, 18]);
    assert_eq!(of(&auditor(), "hexi.a.1").iter().filter(|count| **count < 0).count(), 2);
    for reviewer in [manager(), district_manager()] {
        assert_eq!(of(&reviewer, "hexi.a.1")[0], 1, "{}", reviewer.id);
        assert_eq!(check_days(&nodes(), &reviewer, By::Day), Ok(()));
    }
    // Where nothing else was reported, the sums say where it was.
    let table = months(&counter, |place, month| i64::from(place == 0 && month == 0));
    for place in ["hexi.a", "hexi"] {
        assert_eq!(seen(&table, By::Month, &auditor(), place, &counter)[0], -1, "{place}");
    }
    assert!(check_days(&nodes(), &auditor(), By::Day).is_err());
    assert_eq!(check_days(&nodes()[..2], &auditor(), By::Day), Ok(()));
}

#[test]
fn durations_are_suppressed_as_one_and_with_what_they_are_the_times_of() {
    let all = Counter::Held { stage: Stage::Officer, bucket: 0 };
    let approve =
        Counter::Report { category: Category::Crime, stage: Stage::Officer, action: Action::Approve, detail: None };
    let hidden = |minutes: &[u64], approved: i64| {
        let mut table = months(&REGISTERED, |_, _| 50);
        for (place, series) in &mut table {
            let many = if *place == node("hexi.a.1") { 1 } else { 100 };
            for (_, tallies) in series.iter_mut() {
                for minutes in minutes {
                    let counter = Counter::Held { stage: Stage::Officer, bucket: bucket(*minutes) };
                    *tallies.entry(counter).or_default() += many;
                }
                tallies.insert(approve.clone(), approved * many);
            }
        }
        let rows = vec![table[2].clone()];
        shown(rows, &table, &auditor(), By::Month).remove(0).hidden.contains(&all)
    };
    assert!(hidden(&[10, 200, 3_000, 40_000], 4));
    assert!(!hidden(&[10, 200, 3_000, 40_000, 40_000], 5), "five are enough, whatever their buckets");
    assert!(hidden(&[10, 200, 3_000, 40_000, 40_000], 4), "the one that is left would be what was not approved");
}

proptest! {
    /// Nobody finds what is suppressed by taking what is shown from what is shown.
    #[test]
    fn no_sum_has_a_single_gap(counts in prop::collection::vec(prop_oneof![3 => 0_i64..7, 1 => 7_i64..60], 9 * 12)) {
        let table = months(&REGISTERED, |place, month| counts[place * 12 + month]);
        let reader = auditor();
        let rows = |by| -> Vec<Vec<i64>> {
            nodes().iter().map(|place| seen(&table, by, &reader, place.as_str(), &REGISTERED)).collect()
        };
        let (by_month, by_year) = (rows(By::Month), rows(By::Year));
        let gaps = |sum: i64, parts: &[i64]| parts.iter().chain([&sum]).filter(|count| **count < 0).count();
        for (months, year) in by_month.iter().zip(&by_year) {
            prop_assert_ne!(gaps(year[0], months), 1, "{:?} of {:?}", months, year);
            prop_assert!(months.iter().chain(year).all(|count| !(1..5).contains(count)));
        }
        let columns = (0..12).map(|month| by_month.iter().map(|row| row[month]).collect::<Vec<_>>());
        for column in columns.chain([by_year.iter().map(|row| row[0]).collect()]) {
            let stations = BTreeSet::from([1, 5, 9]);
            let of_district: Vec<i64> = stations.iter().map(|row| column[*row]).collect();
            prop_assert_ne!(gaps(column[0], &of_district), 1, "{:?}", column);
            for station in stations {
                prop_assert_ne!(gaps(column[station], &column[station + 1..station + 4]), 1, "{:?}", column);
            }
        }
    }
}

#[test]
fn what_people_were_paid_is_shown_with_how_many_those_are_and_not_without() {
    let rewarded = Counter::Member(MemberStep::Rewarded);
    let mut table = months(&rewarded, |place, month| if place == 0 && month == 0 { 2 } else { 9 });
    for (_, series) in &mut table {
        for (_, tallies) in series.iter_mut() {
            let count = tallies.get(&rewarded).copied().unwrap_or(0);
            tallies.insert(Counter::PaidFen, 3_000 * count);
        }
    }
    for by in [By::Month, By::Day] {
        for row in shown(table.clone(), &table, &auditor(), by) {
            assert_eq!(row.hidden.contains(&rewarded), row.hidden.contains(&Counter::PaidFen), "{row:?}");
            let hidden = row.hidden_figures();
            assert_eq!(hidden.rewarded > 0, hidden.paid_fen > 0);
        }
    }
    let rows = shown(table.clone(), &table, &auditor(), By::Month);
    assert!(rows.iter().any(|row| row.hidden.contains(&Counter::PaidFen)));
}
