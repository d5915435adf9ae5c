//! Briefings of a made-up district, for people to look at and for tests to compare with.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
use pingan_domain::{
    briefing::{
        AdoptedFacts, Audience, Briefing, BriefingRecord, Facts, OverdueFacts, Period, StationFacts, TaskFacts, compose,
    },
    code::Code,
    coverage::{Coverage, cell},
    district::{District, Label, Place, SensitivePlace, StationTasks, Trade},
    hash::Digest,
    life::{RejectionReason, Stage, State},
    member::{MemberId, Role},
    report::{Category, Concerns, Urgency},
    scope::{Scope, Selection},
    statistics::{Figures, Held},
    task::{Task, TaskContent, TaskKind, TaskStage, Told},
    task_receipt::{Counts, progress},
    text::Text,
};

/// What a sample could not be made for.
type Failure = Box<dyn std::error::Error>;

/// The stations, each with its communities.
const NODES: [(&str, &str, &str); 10] = [
    ("demo.north", "北站派出所", "North Station"),
    ("demo.north.plum-garden", "李园社区", "Plum Garden"),
    ("demo.north.old-mill", "老磨坊社区", "Old Mill"),
    ("demo.north.east-gate", "东门社区", "East Gate"),
    ("demo.river", "滨河派出所", "River Station"),
    ("demo.river.boatyard", "船厂社区", "Boatyard"),
    ("demo.river.ferry", "渡口社区", "Ferry"),
    ("demo.market", "集市派出所", "Market Station"),
    ("demo.market.silk-lane", "丝巷社区", "Silk Lane"),
    ("demo.market.lantern", "灯笼社区", "Lantern"),
];
const COMMUNITIES: [&str; 7] = [
    "demo.north.plum-garden",
    "demo.north.old-mill",
    "demo.north.east-gate",
    "demo.river.boatyard",
    "demo.river.ferry",
    "demo.market.silk-lane",
    "demo.market.lantern",
];

fn code(of: &str) -> Code {
    Code::from_digest(&Digest::of(&[of.as_bytes()]))
}

/// The district. `extra` is put behind every name.
fn district(extra: &str) -> Result<District, Failure> {
    let text = |zh: &str, en: &str| Text::new(format!("{zh}{extra}"), format!("{en}{extra}"));
    let nodes = NODES
        .iter()
        .map(|(node, zh, en)| Ok(Place { node: node.parse()?, name: text(zh, en), target: 10 }))
        .collect::<Result<Vec<_>, Failure>>()?;
    Ok(District {
        node: "demo".parse()?,
        version: 1,
        name: text("示范区", "the Demo District"),
        nodes,
        trades: vec![
            Trade { label: Label::parse("scrap")?, name: text("废品回收", "Scrap dealers"), target: 10 },
            Trade { label: Label::parse("lodging")?, name: text("旅店", "Inns and hostels"), target: 10 },
        ],
        places: vec![SensitivePlace {
            label: Label::parse("fuel-depot")?,
            name: text("油库", "Fuel depot"),
            node: "demo.river.boatyard".parse()?,
            target: 2,
        }],
        station_tasks: StationTasks::Consent,
        agencies: Vec::new(),
        outcome_kinds: Vec::new(),
    })
}

fn counts(counts: [u64; 5]) -> BTreeMap<Category, u64> {
    let categories =
        [Category::Crime, Category::ViolentThreat, Category::Hazard, Category::Dispute, Category::CommunityConcern];
    categories.into_iter().zip(counts).filter(|(_, count)| *count > 0).collect()
}

fn figures(submitted: [u64; 5], adopted: [u64; 5]) -> Result<Figures, Failure> {
    let held = |count, median_minutes, p90_minutes| Held { count, median_minutes, p90_minutes };
    let all: u64 = submitted.iter().sum();
    Ok(Figures {
        submitted: counts(submitted),
        adopted: counts(adopted),
        rejected: BTreeMap::from([
            (RejectionReason::InsufficientInformation, all / 9),
            (RejectionReason::AnotherService, all / 12),
            (RejectionReason::Unfounded, all / 30),
        ]),
        duplicates: all / 25,
        withdrawn: all / 40,
        handed_over: all / 8,
        closed: all / 6,
        reminded: BTreeMap::from([(Stage::Officer, all / 7), (Stage::Station, all / 20)]),
        escalated: BTreeMap::from([(Stage::Officer, all / 30)]),
        outcomes: BTreeMap::from([
            (Label::parse("suspects_arrested")?, all / 45),
            (Label::parse("cases_solved")?, all / 20),
            (Label::parse("disputes_settled")?, all / 16),
            (Label::parse("hazards_removed")?, all / 11),
        ]),
        held: BTreeMap::from([
            (Stage::Officer, held(all, 47, 415)),
            (Stage::Station, held(all / 2, 338, 1_890)),
            (Stage::District, held(all / 3, 1_125, 5_480)),
        ]),
        recruited: all / 3,
        registered: all / 2,
        left: all / 60,
        rewarded: all / 11,
        paid_fen: all * 5_000,
    })
}

fn task(of: &str, title: &str, nodes: &[&str], ends_at: &str, kind: TaskKind) -> Result<Task, Failure> {
    let starts_at: Timestamp = "2026-11-16T00:00:00Z".parse()?;
    let nodes = nodes.iter().map(|node| node.parse()).collect::<Result<Vec<_>, _>>()?;
    let maker = MemberId::parse("station-north")?;
    Ok(Task {
        id: code(of),
        version: 2,
        head: Digest::ZERO,
        maker_role: Role::StationManager,
        node: "demo.north".parse()?,
        stage: TaskStage::Published,
        content: TaskContent {
            kind,
            title: title.to_owned(),
            look_for: None,
            instructions: "请留意。".to_owned(),
            category: Category::Hazard,
            priority: Urgency::Routine,
            starts_at,
            ends_at: ends_at.parse()?,
            remind_at: None,
            form: Vec::new(),
            scope: Scope { nodes, who: Selection::default() },
        },
        instructions_version: 1,
        form_version: 1,
        consented: true,
        told: Told::default(),
        created_at: starts_at,
        updated_at: starts_at,
        created_by: pingan_domain::command::CommandId::new(&maker, uuid_of(1)),
        maker,
    })
}

fn uuid_of(number: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(number)
}

fn record(from: &str, to: &str) -> Result<BriefingRecord, Failure> {
    let period = Period { from: from.parse()?, to: to.parse()? };
    Ok(BriefingRecord::weekly("demo".parse()?, period, 0, "2026-11-23T00:00:00Z".parse()?))
}

fn coverage(district: &District, each: u32) -> Result<Coverage, Failure> {
    let communities = COMMUNITIES.iter().zip(0_u32..).map(|(node, i)| Ok((node.parse()?, cell(each * i, 10, false))));
    Ok(Coverage {
        communities: communities.collect::<Result<_, Failure>>()?,
        kinds: Vec::new(),
        trades: district
            .trades
            .iter()
            .zip(0_u32..)
            .map(|(t, i)| (t.label.clone(), cell(each * i, t.target, false)))
            .collect(),
        places: district.places.iter().map(|place| (place.label.clone(), cell(0, place.target, false))).collect(),
    })
}

/// Overdue and adopted reports, `many` of each.
fn reports(many: u32) -> Result<(Vec<OverdueFacts>, Vec<AdoptedFacts>), Failure> {
    let at = |text: &str| text.parse::<Timestamp>();
    let categories = [Category::Hazard, Category::Crime, Category::Dispute];
    let (mut overdue, mut adopted) = (Vec::new(), Vec::new());
    for i in 0..many {
        let node = COMMUNITIES[i as usize % COMMUNITIES.len()].parse()?;
        let urgency = [Urgency::Routine, Urgency::Urgent, Urgency::Routine, Urgency::Emergency][i as usize % 4];
        let category = categories[i as usize % categories.len()];
        let (state, stage) = [
            (State::OfficerReview, Stage::Officer),
            (State::StationReview, Stage::Station),
            (State::ReturnedByOfficer, Stage::Officer),
        ][i as usize % 3];
        overdue.push(OverdueFacts {
            report: code(&format!("overdue {i}")),
            category,
            urgency,
            concerns: if i == 4 { Concerns::StationManagement } else { Concerns::Nobody },
            node,
            state,
            stage,
            due_at: at("2026-11-22T23:20:00Z")?.checked_sub((i64::from(i) * 19).hours())?,
        });
        let node = COMMUNITIES[(i as usize + 2) % COMMUNITIES.len()].parse()?;
        let submitted_at = at("2026-11-16T02:00:00Z")?.checked_add((i64::from(i) * 7).hours())?;
        let adopted_at = submitted_at.checked_add(20.hours())?;
        adopted.push(AdoptedFacts {
            report: code(&format!("adopted {i}")),
            category,
            urgency,
            concerns: Concerns::Nobody,
            node,
            state: [State::Adopted, State::HandedOver, State::Closed][i as usize % 3],
            submitted_at,
            adopted_at: vec![adopted_at],
            handed_over_at: if i % 3 == 0 {
                Vec::new()
            } else {
                vec![adopted_at.checked_add(3.hours())?; i as usize % 3]
            },
            closed_at: if i % 3 == 2 { Some(adopted_at.checked_add(30.hours())?) } else { None },
        });
    }
    Ok((overdue, adopted))
}

/// A week of a district with some life in it.
pub(crate) fn week(audience: Audience) -> Result<Briefing, Failure> {
    named(audience, "")
}

/// The same with something behind every name, titles of tasks included.
pub(crate) fn hostile(extra: &str) -> Result<Briefing, Failure> {
    named(Audience::District, extra)
}

fn named(audience: Audience, extra: &str) -> Result<Briefing, Failure> {
    let (district, record) = (district(extra)?, record("2026-11-16", "2026-11-22")?);
    let zone = TimeZone::get("Asia/Shanghai")?;
    let (by, days) = record.period.steps()?;
    let course = days.into_iter().zip([[4, 2], [9, 3], [7, 0], [13, 6], [0, 1], [2, 0], [6, 4]]);
    let course =
        course.map(|(day, [submitted, adopted])| Ok((day, figures([0, 0, submitted, 0, 0], [0, 0, adopted, 0, 0])?)));
    let station = |node: &str, now: [u64; 5], before: [u64; 5]| {
        Ok::<_, Failure>(StationFacts {
            node: node.parse()?,
            figures: figures(now, [2, 0, 3, 1, 0])?,
            before: figures(before, [1; 5])?,
        })
    };
    let rows = |community: &str, in_scope, delivered, read, answered| {
        Ok::<_, Failure>(vec![(community.parse()?, in_scope, Counts { delivered, read, answered })])
    };
    let title = |title: &str| format!("{title}{extra}");
    let tasks = vec![
        TaskFacts {
            task: task("t1", &title("冬季用火用电安全排查"), &["demo.north"], "2026-11-30T09:00:00Z", TaskKind::Task)?,
            progress: progress(rows("demo.north.plum-garden", 164, 150, 121, 58)?, false).0,
        },
        TaskFacts {
            task: task(
                "t2",
                &title("防范电信诈骗提示"),
                &["demo.river", "demo.market"],
                "2026-12-05T09:00:00Z",
                TaskKind::SafetyEducation,
            )?,
            progress: progress(rows("demo.river.ferry", 12, 9, 3, 0)?, false).0,
        },
    ];
    let (overdue, adopted) = reports(9)?;
    let briefing = compose(
        &Facts {
            record: &record,
            district: &district,
            time_zone: &zone,
            now: "2026-11-23T00:00:06Z".parse()?,
            figures: figures([11, 1, 21, 7, 1], [4, 1, 8, 3, 0])?,
            before: figures([14, 0, 12, 7, 3], [6, 0, 8, 2, 1])?,
            stations: vec![
                station("demo.north", [6, 1, 9, 2, 0], [4, 0, 5, 2, 0])?,
                station("demo.river", [4, 0, 8, 3, 0], [9, 0, 6, 1, 2])?,
                station("demo.market", [1, 0, 4, 2, 1], [1, 0, 1, 4, 1])?,
            ],
            by,
            course: course.collect::<Result<_, Failure>>()?,
            overdue: (overdue, true),
            adopted: (adopted, true),
            coverage: coverage(&district, 3)?,
            tasks: (tasks, 0),
        },
        audience,
    )?;
    Ok(briefing)
}

/// A year, with long lists, one category far above the others, and months.
pub(crate) fn year() -> Result<Briefing, Failure> {
    let (district, record) = (district("")?, record("2025-11-23", "2026-11-22")?);
    let zone = TimeZone::get("Asia/Shanghai")?;
    let (by, months) = record.period.steps()?;
    let course = months
        .into_iter()
        .zip(0_u64..)
        .map(|(month, i)| Ok((month, figures([i * 9, 1, 40 + i * i * 3, 5, 2], [i * 4, 0, 20 + i, 3, 0])?)));
    let (overdue, adopted) = reports(70)?;
    let briefing = compose(
        &Facts {
            record: &record,
            district: &district,
            time_zone: &zone,
            now: "2026-11-23T00:00:06Z".parse()?,
            figures: figures([1_088, 3, 131_088, 12, 40], [302, 1, 4_001, 9, 8])?,
            before: Figures::default(),
            stations: Vec::new(),
            by,
            course: course.collect::<Result<_, Failure>>()?,
            overdue: (overdue, false),
            adopted: (adopted, false),
            coverage: coverage(&district, 1)?,
            tasks: (Vec::new(), 0),
        },
        Audience::District,
    )?;
    Ok(briefing)
}

/// A district in which nothing has happened.
pub(crate) fn empty() -> Result<Briefing, Failure> {
    let (mut district, record) = (district("")?, record("2026-11-16", "2026-11-22")?);
    district.trades.clear();
    district.places.clear();
    let zone = TimeZone::get("Asia/Shanghai")?;
    let (by, days) = record.period.steps()?;
    let station: Date = record.period.from;
    let briefing = compose(
        &Facts {
            record: &record,
            district: &district,
            time_zone: &zone,
            now: station.to_zoned(zone.clone())?.timestamp(),
            figures: Figures::default(),
            before: Figures::default(),
            stations: Vec::new(),
            by,
            course: days.into_iter().map(|day| (day, Figures::default())).collect(),
            overdue: (Vec::new(), true),
            adopted: (Vec::new(), true),
            coverage: Coverage { communities: Vec::new(), kinds: Vec::new(), trades: Vec::new(), places: Vec::new() },
            tasks: (Vec::new(), 0),
        },
        Audience::District,
    )?;
    Ok(briefing)
}
