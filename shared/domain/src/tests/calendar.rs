//! Working time: the file of a deployment, and properties over calendars that nobody wrote.

use std::collections::BTreeSet;

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};
use proptest::prelude::*;

use crate::{
    calendar::{Calendar, Deadlines, MAX_FESTIVALS, MAX_HOURS, Policy},
    error::Error,
    life::Stage,
    report::Urgency,
};

/// The file with the published holidays, as deployments are given it.
const CN: &str = include_str!("../../../../infra/calendars/cn.json");

fn shanghai() -> TimeZone {
    TimeZone::get("Asia/Shanghai").unwrap()
}

fn cn() -> Policy {
    Policy::parse(CN, shanghai()).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// By the clock of the district.
fn local(calendar: &Calendar, at: Timestamp) -> String {
    at.to_zoned(calendar.time_zone.clone()).datetime().to_string()
}

#[test]
fn without_a_file_weekdays_are_worked_from_nine_to_five() {
    let policy = Policy::parse("{}", shanghai()).unwrap();
    assert_eq!(policy, Policy { calendar: Calendar::weekdays(shanghai()), deadlines: Deadlines::default() });
    assert_eq!(policy, Policy::weekdays(shanghai()));
}

#[test]
fn the_published_calendar_is_read_whole() {
    let calendar = cn().calendar;
    let is = |day: &str| calendar.is_working_day(day.parse().unwrap());
    // The notices of 2025 and 2026 count these days off themselves.
    assert_eq!(calendar.holidays.len(), 1 + 8 + 3 + 5 + 3 + 8 + (3 + 9 + 3 + 5 + 3 + 3 + 7));
    assert_eq!(calendar.make_up_days.len(), 5 + 6);
    // The seven days of the National Day, and the Sunday and the Saturday that are worked for them.
    assert!(is("2026-09-30") && !is("2026-10-01") && !is("2026-10-07") && is("2026-10-08"));
    assert!(is("2026-09-20") && is("2026-10-10") && !is("2026-10-11"));
    // The Spring Festival with the Saturday before it.
    assert!(is("2026-02-14") && !is("2026-02-15") && !is("2026-02-23") && is("2026-02-24"));
    // The turn of the year: the Sunday after New Year is worked.
    assert!(is("2025-12-31") && !is("2026-01-01") && !is("2026-01-02") && !is("2026-01-03") && is("2026-01-04"));
}

#[test]
fn deadlines_pass_over_festivals_and_count_make_up_days() {
    let policy = cn();
    let due = |since: &str| local(&policy.calendar, policy.stage_due(Stage::Officer, Urgency::Routine, at(since)));
    // Wednesday 30 September, 16:00: one hour is left, and the next working day is 8 October.
    assert_eq!(due("2026-09-30T08:00:00Z"), "2026-10-08T16:00:00");
    // Friday 9 October, 12:00: the Saturday after it is worked.
    assert_eq!(due("2026-10-09T04:00:00Z"), "2026-10-10T12:00:00");
    // The last day of the year, 16:00: the next working day is Sunday 4 January.
    assert_eq!(due("2025-12-31T08:00:00Z"), "2026-01-04T16:00:00");
    // In the middle of the Spring Festival nothing is due before it is over.
    assert_eq!(due("2026-02-18T03:00:00Z"), "2026-02-24T17:00:00");
    // An emergency knows no festival.
    let emergency = policy.stage_due(Stage::Officer, Urgency::Emergency, at("2026-10-03T18:00:00Z"));
    assert_eq!(emergency, at("2026-10-03T19:00:00Z"));
}

#[test]
fn the_district_decides_how_long_things_take() {
    let json = r#"{"opens": "08:30", "closes": "17:30", "hours": {"routine": {"officer": 4, "station": 5, "district": 6}, "answer": 48}}"#;
    let policy = Policy::parse(json, shanghai()).unwrap();
    let hours = Deadlines { routine_hours: [4, 5, 6], answer_hours: 48, ..Deadlines::default() };
    assert_eq!(policy.deadlines, hours);
    let monday = at("2026-08-10T00:00:00Z");
    assert_eq!(
        local(&policy.calendar, policy.stage_due(Stage::Officer, Urgency::Routine, monday)),
        "2026-08-10T12:30:00"
    );
}

/// What is wrong with a file, by field.
fn wrong(json: &str) -> Vec<String> {
    match Policy::parse(json, shanghai()) {
        Err(Error::Invalid(bad)) => bad.into_iter().map(|bad| format!("{} {}", bad.pointer, bad.detail)).collect(),
        other => panic!("{json} gives {other:?}"),
    }
}

#[test]
fn what_is_wrong_in_a_file_is_named() {
    let festival = |rest: &str| format!(r#"{{"festivals": [{{"name": "国庆节", {rest}}}]}}"#);
    let files = [
        r#"{"opens": "9:00"}"#.to_owned(),
        r#"{"opens": "24:00", "closes": "17:60"}"#.to_owned(),
        r#"{"opens": "17:00", "closes": "09:00"}"#.to_owned(),
        r#"{"opens": "09:00", "closes": "09:59"}"#.to_owned(),
        r#"{"hours": {"emergency": 0, "answer": 401}}"#.to_owned(),
        r#"{"hours": {"routine": {"officer": -1, "station": 9999, "district": 8}}}"#.to_owned(),
        festival(r#""from": "2026-10-01", "to": "2026-10-32""#),
        festival(r#""from": "2026-1-1", "to": "1 October""#),
        festival(r#""from": "2026-10-07", "to": "2026-10-01""#),
        festival(r#""from": "2026-10-01", "to": "2026-10-31""#),
        festival(r#""from": "2026-10-01", "to": "2026-10-07", "make_up_days": ["2026-10-03"]"#),
        festival(r#""from": "2026-10-01", "to": "2026-10-07", "make_up_days": ["2026-10-09", "soon"]"#),
        festival(r#""from": "2026-10-01", "to": "2026-10-07", "make_up_days": ["2026-10-10", "2026-10-10"]"#),
        r#"{"festivals": [
            {"name": "  ", "from": "2026-10-01", "to": "2026-10-07"},
            {"name": "b", "from": "2026-10-07", "to": "2026-10-08"},
            {"name": "c", "from": "2025-01-01", "to": "2025-01-01"}
        ]}"#
        .to_owned(),
    ];
    let report: Vec<_> = files.iter().map(|json| format!("{json}\n  {}", wrong(json).join("\n  "))).collect();
    insta::assert_snapshot!("what_is_wrong_in_a_policy_file", report.join("\n"));
}

#[test]
fn a_field_that_nobody_knows_is_refused() {
    for (json, named) in [
        (r#"{"openes": "09:00"}"#, "openes"),
        (r#"{"hours": {"routin": 1}}"#, "routin"),
        (r#"{"hours": {"routine": {"officer": 1, "station": 1, "district": 1, "city": 1}}}"#, "city"),
        (r#"{"festivals": [{"name": "a", "from": "2026-01-01", "to": "2026-01-01", "make_up": []}]}"#, "make_up"),
        (r#"{"festivals": [{"name": "a", "from": "2026-01-01"}]}"#, "to"),
    ] {
        let wrong = wrong(json).join(" ");
        assert!(wrong.contains(&format!("`{named}`")), "{wrong}");
    }
}

#[test]
fn a_file_has_a_limit() {
    let day = |i: usize| Date::constant(2026, 1, 1).checked_add(jiff::Span::new().days(i64::try_from(i).unwrap()));
    let file = |count: usize| {
        let festivals = (0..count).map(|i| {
            let day = day(i).unwrap();
            serde_json::json!({"name": "x", "from": day.to_string(), "to": day.to_string()})
        });
        serde_json::json!({"festivals": festivals.collect::<Vec<_>>()}).to_string()
    };
    assert!(Policy::parse(&file(MAX_FESTIVALS), shanghai()).is_ok());
    assert_eq!(wrong(&file(MAX_FESTIVALS + 1)), ["/festivals has more than 100 entries"]);
}

#[test]
fn the_worst_file_that_is_taken_still_ends_everything() {
    // An hour a day, and as many and as long festivals as there may be, one after the other.
    let mut day = Date::constant(2026, 1, 1);
    let festivals: Vec<_> = (0..MAX_FESTIVALS)
        .map(|_| {
            let to = day.checked_add(jiff::Span::new().days(29)).unwrap();
            let festival = serde_json::json!({"name": "x", "from": day.to_string(), "to": to.to_string()});
            day = to.tomorrow().unwrap();
            festival
        })
        .collect();
    let file = serde_json::json!({"opens": "09:00", "closes": "10:00", "festivals": festivals}).to_string();
    let policy = Policy::parse(&file, shanghai()).unwrap();
    let start = at("2026-01-01T00:00:00Z");
    let due = policy.calendar.after_working_hours(start, MAX_HOURS);
    assert!(due > start, "{due}");
    assert!(within_working_time(&policy.calendar, due));
}

#[test]
fn where_nobody_works_for_ten_years_everything_is_due_at_once() {
    let mut calendar = Calendar::weekdays(shanghai());
    let start = at("2026-08-12T02:00:00Z");
    calendar.holidays = Date::constant(2026, 1, 1).series(jiff::Span::new().days(1)).take(4_100).collect();
    assert_eq!(calendar.after_working_hours(start, 8), start);
}

/// From opening to closing of a working day, both included.
fn within_working_time(calendar: &Calendar, at: Timestamp) -> bool {
    let local = at.to_zoned(calendar.time_zone.clone()).datetime();
    calendar.is_working_day(local.date()) && (calendar.opens..=calendar.closes).contains(&local.time())
}

/// A minute of work begins at this moment.
fn is_worked(calendar: &Calendar, at: Timestamp) -> bool {
    let local = at.to_zoned(calendar.time_zone.clone()).datetime();
    calendar.is_working_day(local.date()) && local.time() >= calendar.opens && local.time() < calendar.closes
}

/// The same by walking from minute to minute, by the clock on the wall.
fn minute_by_minute(calendar: &Calendar, start: Timestamp, minutes: i64) -> Timestamp {
    let mut at = start;
    let mut left = minutes;
    while left > 0 {
        if is_worked(calendar, at) {
            left -= 1;
        }
        at = at.checked_add(SignedDuration::from_mins(1)).unwrap();
    }
    at
}

/// Calendars of places with and without daylight saving, with holidays on any day and make-up
/// days on weekends of the same years.
fn calendars() -> impl Strategy<Value = Calendar> {
    let zones = [
        "Asia/Shanghai",
        "Europe/Berlin",
        "America/New_York",
        "America/Santiago",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "Pacific/Chatham",
        "Pacific/Kiritimati",
        "UTC",
    ];
    let days = || prop::collection::btree_set(0_i64..1_100, 0..60);
    // Clocks are moved at night, so that a day that begins at six has the length that it says.
    (prop::sample::select(zones.to_vec()), 6_i8..12, 0_i8..60, 13_i8..23, 0_i8..60, days(), days()).prop_map(
        |(zone, opens, opens_minute, closes, closes_minute, holidays, make_up)| {
            let day = |i: i64| Date::constant(2025, 1, 1).checked_add(jiff::Span::new().days(i)).unwrap();
            let holidays: BTreeSet<Date> = holidays.into_iter().map(day).collect();
            let weekend = |day: &Date| matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
            let make_up_days = make_up.into_iter().map(day).filter(|day| weekend(day) && !holidays.contains(day));
            Calendar {
                time_zone: TimeZone::get(zone).unwrap(),
                opens: Time::constant(opens, opens_minute, 0, 0),
                closes: Time::constant(closes, closes_minute, 0, 0),
                make_up_days: make_up_days.collect(),
                holidays,
            }
        },
    )
}

/// Whole minutes of the years 2025 to 2027; often in the last or the first days of a year.
fn starts() -> impl Strategy<Value = Timestamp> {
    let minute = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
    let first = at("2025-01-01T00:00:00Z").as_second() / 60;
    let year = 365 * 24 * 60;
    prop_oneof![
        (first..first + 3 * year - 60 * 24 * 60).prop_map(minute),
        (1_i64..3, -4_i64 * 24 * 60..4 * 24 * 60).prop_map(move |(n, off)| minute(first + n * year + off)),
    ]
}

proptest! {
    #[test]
    fn nothing_is_due_outside_of_working_time(calendar in calendars(), start in starts(), hours in 0_i64..200) {
        let due = calendar.after_working_hours(start, hours);
        prop_assert!(within_working_time(&calendar, due), "{start} + {hours} h = {due}");
        prop_assert!(due >= start);
    }

    #[test]
    fn more_hours_are_never_due_earlier(calendar in calendars(), start in starts(), hours in 0_i64..200) {
        let due = calendar.after_working_hours(start, hours);
        prop_assert!(calendar.after_working_hours(start, hours + 1) > due);
    }

    #[test]
    fn what_begins_later_is_never_due_earlier(
        calendar in calendars(), start in starts(), later in 0_i64..20_000, hours in 0_i64..100,
    ) {
        let after = start.checked_add(SignedDuration::from_mins(later)).unwrap();
        prop_assert!(calendar.after_working_hours(after, hours) >= calendar.after_working_hours(start, hours));
    }

    #[test]
    fn hours_add_up(calendar in calendars(), start in starts(), first in 0_i64..100, then in 1_i64..100) {
        let between = calendar.after_working_hours(start, first);
        prop_assert_eq!(
            calendar.after_working_hours(between, then),
            calendar.after_working_hours(start, first + then)
        );
    }

    #[test]
    fn the_slow_way_comes_to_the_same(calendar in calendars(), start in starts(), minutes in 1_i64..1_500) {
        let due = calendar.after_working_time(start, SignedDuration::from_mins(minutes));
        prop_assert_eq!(due, minute_by_minute(&calendar, start, minutes));
    }

    #[test]
    fn the_published_calendar_comes_to_the_same_the_slow_way(start in starts(), minutes in 1_i64..3_000) {
        let calendar = cn().calendar;
        let due = calendar.after_working_time(start, SignedDuration::from_mins(minutes));
        prop_assert_eq!(due, minute_by_minute(&calendar, start, minutes));
    }
}
