//! Briefings: their periods, what is said of whom, and what is done with them.

use jiff::{civil::Date, tz::TimeZone};
use proptest::prelude::*;

use super::{at, node};
use crate::{
    briefing::{
        Audience, BriefingRecord, BriefingState, Document, Facts, Language, MAX_COMMENTS, OverdueFacts, Period, Step,
        compose, document_key, is_overdue, may_be_notable, weekly_id,
    },
    code::Code,
    command::{CommandId, Fingerprint},
    coverage::{Coverage, cell},
    district::{District, Label, OutcomeKind, Place, StationTasks},
    error::{Error, Refusal},
    hash::Digest,
    life::{Stage, State},
    member::{Body, Member, MemberId, MemberState, Role},
    named::Named as _,
    notice::{Audience as To, of_briefing},
    report::{Category, Concerns, Urgency},
    statistics::Figures,
    text::Text,
};

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn period(from: &str, to: &str) -> Period {
    Period { from: day(from), to: day(to) }
}

fn shanghai() -> TimeZone {
    TimeZone::get("Asia/Shanghai").unwrap()
}

fn manager() -> Member {
    let id = MemberId::parse("district-police").unwrap();
    Member {
        pseudonym: Code::from_digest(&Digest::of(&[b"x"])),
        id,
        role: Role::DistrictManager,
        node: node("d"),
        body: Some(Body::Police),
        agency: None,
        state: MemberState::Active,
    }
}

fn command(number: u128) -> (CommandId, Fingerprint) {
    let key = uuid::Uuid::from_u128(number);
    (CommandId::new(&manager().id, key), Fingerprint::of(key, "test", "", &()).unwrap())
}

fn district() -> District {
    let place = |path: &str| Place { node: node(path), name: Text::new(path, path), target: 0 };
    District {
        node: node("d"),
        version: 1,
        name: Text::new("区", "District"),
        nodes: vec![place("d.s"), place("d.s.c"), place("d.t"), place("d.t.c")],
        trades: Vec::new(),
        places: Vec::new(),
        station_tasks: StationTasks::Consent,
        agencies: Vec::new(),
        outcome_kinds: vec![OutcomeKind {
            label: Label::parse("lost-found").unwrap(),
            name: Text::new("找回", "Found"),
        }],
    }
}

fn record() -> BriefingRecord {
    BriefingRecord::weekly(node("d"), period("2026-11-16", "2026-11-22"), 0, at("2026-11-23T08:00:00+08:00"))
}

#[test]
fn the_last_week_is_whole_and_goes_by_the_district() {
    for (now, from, to) in [
        ("2026-11-23T08:00:00+08:00", "2026-11-16", "2026-11-22"),
        // Still Sunday in Greenwich, and Monday in the district.
        ("2026-11-22T16:00:00Z", "2026-11-16", "2026-11-22"),
        ("2026-11-22T15:59:59Z", "2026-11-09", "2026-11-15"),
        ("2026-11-29T23:00:00+08:00", "2026-11-16", "2026-11-22"),
        ("2027-01-04T08:00:00+08:00", "2026-12-28", "2027-01-03"),
    ] {
        assert_eq!(Period::last_week(at(now), &shanghai()).unwrap(), period(from, to), "{now}");
    }
}

#[test]
fn a_period_is_compared_with_as_many_days_or_months() {
    for ((from, to), before) in [
        (("2026-11-16", "2026-11-22"), ("2026-11-09", "2026-11-15")),
        (("2026-03-01", "2026-03-31"), ("2026-02-01", "2026-02-28")),
        (("2026-01-01", "2026-12-31"), ("2025-01-01", "2025-12-31")),
        (("2026-10-01", "2026-12-31"), ("2026-07-01", "2026-09-30")),
        (("2026-11-05", "2026-11-05"), ("2026-11-04", "2026-11-04")),
        (("2026-02-02", "2026-02-28"), ("2026-01-06", "2026-02-01")),
    ] {
        assert_eq!(period(from, to).before().unwrap(), period(before.0, before.1), "{from} {to}");
    }
}

#[test]
fn a_period_that_is_asked_for_is_checked_whole() {
    let pointers = |from: &str, to: &str| match Period::asked(day(from), day(to), day("2026-11-23")) {
        Ok(_) => Vec::new(),
        Err(Error::Invalid(bad)) => bad.into_iter().map(|field| field.pointer).collect::<Vec<_>>(),
        Err(other) => panic!("{other}"),
    };
    assert_eq!(pointers("2026-11-23", "2026-11-23"), [""; 0]);
    assert_eq!(pointers("2025-11-23", "2026-11-23"), [""; 0], "366 days");
    assert_eq!(pointers("2025-11-22", "2026-11-23"), ["/to"], "367 days");
    assert_eq!(pointers("2026-11-24", "2026-11-24"), ["/to"]);
    assert_eq!(pointers("2026-11-22", "2026-11-21"), ["/to"]);
    assert_eq!(pointers("1999-12-31", "2026-11-24"), ["/from", "/to", "/to"]);
    assert_eq!(pointers("-009999-01-01", "-009999-01-02"), ["/from"]);
}

proptest! {
    #[test]
    fn the_steps_of_a_period_are_all_of_it(start in 0_i32..9_000, days in 0_i32..366) {
        use jiff::ToSpan as _;
        let from = day("2005-01-01").checked_add(start.days()).unwrap();
        let period = Period { from, to: from.checked_add(days.days()).unwrap() };
        let (by, steps) = period.steps().unwrap();
        prop_assert_eq!(by == Step::Day, period.days() <= 31);
        prop_assert!(steps.len() <= 31);
        prop_assert_eq!((steps[0].from, steps[steps.len() - 1].to), (period.from, period.to));
        for pair in steps.windows(2) {
            prop_assert_eq!(pair[0].to.tomorrow().unwrap(), pair[1].from);
        }
        let before = period.before().unwrap();
        prop_assert_eq!(before.to.tomorrow().unwrap(), period.from);
        prop_assert!(before.days() <= 366);
        let now = period.from.to_zoned(shanghai()).unwrap().timestamp();
        let week = Period::last_week(now, &shanghai()).unwrap();
        prop_assert!(week.days() == 7 && week.to < period.from && week.from.weekday() == jiff::civil::Weekday::Monday);
        prop_assert!(week.to.until(period.from).unwrap().get_days() <= 7);
    }
}

#[test]
fn the_same_week_has_the_same_code_and_no_other_has() {
    let week = period("2026-11-16", "2026-11-22");
    assert_eq!(weekly_id(&node("d"), week, 0), record().id);
    let others = [
        weekly_id(&node("d2"), week, 0),
        weekly_id(&node("d"), period("2026-11-09", "2026-11-15"), 0),
        weekly_id(&node("d"), week, 1),
        BriefingRecord::on_demand(&manager(), week, command(1), 0, at("2026-11-23T08:00:00+08:00")).id,
    ];
    assert!(others.iter().all(|other| *other != record().id));
}

#[test]
fn a_briefing_goes_from_pending_to_ready_and_stays_there() {
    let (now, pending) = (at("2026-11-23T08:01:00+08:00"), record());
    assert_eq!(pending.check_ready(), Err(Refusal::BriefingNotReady.into()));
    let failed = pending.failed().unwrap();
    assert_eq!((failed.state, failed.version, failed.failed()), (BriefingState::Failed, 2, None));
    let ready = failed.made(now).unwrap();
    assert_eq!((ready.state, ready.version, ready.made_at), (BriefingState::Ready, 3, Some(now)));
    assert_eq!((ready.made(now), ready.failed(), ready.check_ready()), (None, None, Ok(())));
}

#[test]
fn comments_are_counted_checked_and_bounded() {
    let now = at("2026-11-23T09:00:00+08:00");
    assert_eq!(record().comment(&manager(), "好", command(1), now), Err(Refusal::BriefingNotReady.into()));
    let ready = record().made(now).unwrap();
    let (after, comment) = ready.comment(&manager(), "好", command(1), now).unwrap();
    assert_eq!((after.comments, after.version, comment.seq), (1, ready.version + 1, 1));
    for bad in ["", " ", "\u{1b}[31m", &"线".repeat(1_001)] {
        assert!(matches!(ready.comment(&manager(), bad, command(1), now), Err(Error::Invalid(_))), "{bad:?}");
    }
    let full = BriefingRecord { comments: MAX_COMMENTS, ..ready };
    assert_eq!(full.comment(&manager(), "好", command(1), now), Err(Refusal::TooManyComments.into()));
}

fn facts<'a>(record: &'a BriefingRecord, district: &'a District, zone: &'a TimeZone, figures: Figures) -> Facts<'a> {
    let overdue = |of: &str, concerns, urgency, due_at: &str| OverdueFacts {
        report: Code::from_digest(&Digest::of(&[of.as_bytes()])),
        category: Category::Crime,
        urgency,
        concerns,
        node: node("d.s.c"),
        state: State::DistrictReview,
        stage: Stage::District,
        due_at: at(due_at),
    };
    Facts {
        record,
        district,
        time_zone: zone,
        now: at("2026-11-23T08:00:00+08:00"),
        before: figures.clone(),
        figures,
        stations: Vec::new(),
        by: Step::Day,
        course: Vec::new(),
        overdue: (
            vec![
                overdue("late", Concerns::Nobody, Urgency::Routine, "2026-11-22T08:00:00+08:00"),
                overdue("later", Concerns::Nobody, Urgency::Routine, "2026-11-20T08:30:00+08:00"),
                overdue("urgent", Concerns::StationManagement, Urgency::Urgent, "2026-11-23T07:30:00+08:00"),
            ],
            true,
        ),
        adopted: (Vec::new(), true),
        coverage: Coverage {
            communities: vec![(node("d.s.c"), cell(3, 10, false)), (node("d.t.c"), cell(12, 10, false))],
            kinds: Vec::new(),
            trades: Vec::new(),
            places: Vec::new(),
        },
        tasks: (Vec::new(), 0),
    }
}

#[test]
fn counts_of_few_reporters_are_not_shown_nor_what_they_were_paid() {
    let (record, district, zone) = (record(), district(), shanghai());
    for count in 0..7_u64 {
        let figures = Figures {
            recruited: count,
            registered: count,
            left: count,
            rewarded: count,
            paid_fen: count * 50_000,
            handed_over: count,
            ..Figures::default()
        };
        let briefing = compose(&facts(&record, &district, &zone, figures), Audience::District).unwrap();
        let shown = (!(1..5).contains(&count)).then_some(count);
        let account = &briefing.figures;
        for of in [account.recruited, account.registered, account.left, account.rewarded] {
            assert_eq!(of, shown, "{count}");
        }
        assert_eq!(account.paid_fen, shown.map(|count| count * 50_000));
        assert_eq!(account.handed_over, count, "a count of reports tells of no reporter");
    }
    let briefing = compose(&facts(&record, &district, &zone, Figures::default()), Audience::District).unwrap();
    assert_eq!(briefing.gaps.communities.len(), 1);
    assert_eq!(briefing.gaps.communities[0].reporters, None);
}

#[test]
fn what_names_reviewers_is_for_the_district_alone() {
    let (record, district, zone) = (record(), district(), shanghai());
    let facts = facts(&record, &district, &zone, Figures::default());
    let late = |audience| {
        let briefing = compose(&facts, audience).unwrap();
        briefing.overdue.items.iter().map(|report| report.late_hours).collect::<Vec<_>>()
    };
    // Urgent first, then what is overdue for longer.
    assert_eq!(late(Audience::District), [0, 71, 24]);
    assert_eq!(late(Audience::Stations), [71, 24]);
    for role in Role::ALL {
        assert_eq!(Audience::of(*role) == Audience::Stations, *role == Role::StationManager);
    }
}

#[test]
fn every_kind_of_outcome_is_listed() {
    let (record, district, zone) = (record(), district(), shanghai());
    let gone = Label::parse("of-an-older-list").unwrap();
    let figures = Figures { outcomes: [(gone.clone(), 2)].into(), ..Figures::default() };
    let briefing = compose(&facts(&record, &district, &zone, figures), Audience::District).unwrap();
    let kinds: Vec<&str> = briefing.outcomes.iter().map(|row| row.kind.as_str()).collect();
    assert_eq!(kinds.len(), 7);
    assert_eq!(kinds[5..], ["lost-found", gone.as_str()]);
}

#[test]
fn what_is_overdue_and_what_may_be_notable_goes_by_the_state() {
    let now = at("2026-11-23T08:00:00+08:00");
    for state in State::ALL {
        let open = state.is_review() || state.name().starts_with("returned");
        assert_eq!(is_overdue(*state, Some(at("2026-11-23T07:59:59+08:00")), now), open, "{state}");
        assert!(!is_overdue(*state, Some(now), now) && !is_overdue(*state, None, now));
        let ended_well = matches!(state, State::HandedOver | State::Closed);
        assert_eq!(may_be_notable(*state, Urgency::Routine), ended_well);
        assert_eq!(may_be_notable(*state, Urgency::Urgent), ended_well || *state == State::Adopted);
    }
}

#[test]
fn the_district_and_every_station_are_told_and_nothing_is_told_of_the_content() {
    let (record, district) = (record(), district());
    let notices = of_briefing(&record, &district, at("2026-11-23T08:01:00+08:00"));
    let to: Vec<&To> = notices.iter().map(|notice| &notice.to).collect();
    let reviewers = |stage, path: &str| To::Reviewers { stage, node: node(path) };
    assert_eq!(
        to,
        [&reviewers(Stage::District, "d"), &reviewers(Stage::Station, "d.s"), &reviewers(Stage::Station, "d.t")]
    );
    for notice in &notices {
        assert!(notice.text.zh_cn.contains(&record.id.to_string()) && notice.text.en.contains(&record.id.to_string()));
        assert!(!notice.text.en.contains("2026"));
    }
}

#[test]
fn every_document_has_a_key_of_its_own() {
    let id = record().id;
    let mut keys: Vec<String> = Audience::ALL
        .iter()
        .flat_map(|audience| {
            let pages = Language::ALL.iter().map(|language| Document::Page(*language));
            pages.chain([Document::Json]).map(|document| document_key(id, *audience, document))
        })
        .collect();
    assert!(keys.contains(&format!("briefings/{}/zh-cn.html", id.as_str())));
    assert!(keys.contains(&format!("briefings/{}/stations/en.html", id.as_str())));
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 6);
}

#[test]
fn figures_of_people_are_for_whole_weeks_and_months() {
    let day = |month, day| jiff::civil::date(2026, month, day);
    let cases = [
        ((11, 16), (11, 22), true),
        ((11, 2), (11, 22), true),
        ((11, 1), (11, 30), true),
        ((1, 1), (12, 31), true),
        ((11, 16), (11, 21), false),
        ((11, 1), (11, 22), false),
        ((11, 2), (11, 30), false),
        ((11, 17), (11, 23), false),
        ((11, 16), (11, 16), false),
    ];
    for (from, to, whole) in cases {
        let period = Period { from: day(from.0, from.1), to: day(to.0, to.1) };
        assert_eq!(period.is_whole(), whole, "{period:?}");
    }
}
