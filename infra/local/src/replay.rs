//! The year of the source, played again through the HTTP API alone: a district recruits
//! 13,000 people, 8,000 of them register, they send in 1,088 reports with their media, every
//! report is reviewed, what came of them is counted, and those to whom something is owed for it are
//! paid.
//!
//! The figures are those that the district published. Which report belongs to which category,
//! and what became of the others, was not published: that is made up, always in the same way.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Cursor,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use futures::StreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::{SignedDuration, Timestamp, Zoned, civil::Date, tz::TimeZone};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    bundle::{Bundle, Options},
    client::{Failure, Person},
    clock::Clock,
    crowd::{self, peak_bytes},
    meter::{Meter, Row},
    seed, video,
};

/// The district's base path.
const BASE: &str = "/districts/demo";
/// How many people act at once.
const AT_ONCE: usize = 8;
/// How often a figure is asked for before the statistics are taken to be behind for good, and
/// how long in between.
const MAX_ASKED: u32 = 600;
const ASKED_EVERY: Duration = Duration::from_millis(200);
/// How many of those who register in a month report with a phone of their own.
const PHONES_EACH_MONTH: usize = 24;

/// What is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    /// How many are recruited from files.
    pub recruited: usize,
    /// How many of them register with a poster and are confirmed.
    pub registered: usize,
    /// Of how many the source's reports and outcomes one is played: 1 for all of them.
    pub one_of: usize,
}

impl Scale {
    /// The source's own figures.
    pub const WHOLE: Self = Self { recruited: 13_000, registered: 8_000, one_of: 1 };
}

/// Reports by category: 1,088 in all.
const REPORTS: [(&str, usize); 5] =
    [("crime", 196), ("violent_threat", 12), ("hazard", 438), ("dispute", 204), ("community_concern", 238)];
/// Outcomes by kind and category, each counted as this many entries of these counts.
const OUTCOMES: [(&str, &str, usize, &[u32]); 5] = [
    ("suspects_arrested", "crime", 10, &[2, 1, 1, 1, 2, 1, 1, 1]),
    ("cases_solved", "crime", 40, &[1, 2]),
    ("early_warnings", "community_concern", 10, &[1]),
    ("disputes_settled", "dispute", 12, &[1]),
    ("hazards_removed", "hazard", 32, &[1]),
];

/// The outcomes that are rewarded, with what for each report, in fen: 62 reporters and 32,000.00 yuan in all.
const REWARDS: [(&str, &str, u64); 4] = [
    ("suspects_arrested", "crime", 62_500),
    ("early_warnings", "community_concern", 50_000),
    ("disputes_settled", "dispute", 50_000),
    ("hazards_removed", "hazard", 50_000),
];
/// What the district grants for the year, in fen.
const GRANTED_FEN: u64 = 4_000_000;

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Adopted after three reviews.
    Adopted,
    /// Adopted after the officer had asked the reporter something.
    AdoptedAfterQuestion,
    /// Rejected by the officer, with this reason.
    Rejected(&'static str),
    /// Linked by the district to a report that came before it.
    Duplicate,
    /// Taken back.
    Withdrawn,
}

impl Fate {
    /// What becomes of the `number`th report of a category.
    fn of(number: usize) -> Self {
        match number % 10 {
            0..=5 => Self::Adopted,
            6 => Self::Rejected("not_confirmed"),
            7 => Self::Rejected("already_known"),
            8 => Self::AdoptedAfterQuestion,
            _ if number % 20 == 9 => Self::Duplicate,
            _ if number % 40 == 19 => Self::Withdrawn,
            _ => Self::Rejected("another_service"),
        }
    }

    fn is_adopted(self) -> bool {
        matches!(self, Self::Adopted | Self::AdoptedAfterQuestion)
    }
}

/// A report that will be sent in.
#[derive(Debug, Clone)]
struct Planned {
    category: &'static str,
    fate: Fate,
    /// The outcomes that it leads to.
    outcomes: Vec<(&'static str, u32)>,
    /// Another report that led to the first of them as well, by its place in the plan.
    also: Option<usize>,
}

impl Planned {
    /// What its reporter is paid for what came of it, in fen, if anything.
    fn reward_fen(&self) -> Option<u64> {
        let rewarded = |kind: &str| REWARDS.iter().find(|reward| reward.0 == kind).map(|reward| reward.2);
        self.outcomes.iter().find_map(|(kind, _)| rewarded(kind))
    }
}

/// What the year comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// Figures by the name under which the statistics and the briefing have them.
    pub figures: BTreeMap<String, u64>,
}

/// The plan of a year, the same each time.
fn plan(scale: Scale) -> Vec<Planned> {
    let mut planned = Vec::new();
    for (category, count) in REPORTS {
        for number in 0..count.div_ceil(scale.one_of) {
            planned.push(Planned { category, fate: Fate::of(number), outcomes: Vec::new(), also: None });
        }
    }
    for (kind, category, total, counts) in OUTCOMES {
        let total = u32::try_from(total.div_ceil(scale.one_of)).unwrap_or(u32::MAX);
        let mut left = total;
        let mut entries = counts.iter().copied().chain(std::iter::repeat(1));
        let mut free = planned.iter_mut().filter(|report| report.category == category && report.fate.is_adopted());
        while left > 0 {
            let (Some(entry), Some(report)) = (entries.next(), free.next()) else { break };
            let count = entry.min(left);
            report.outcomes.push((kind, count));
            left -= count;
        }
    }
    // One arrest that two reports led to.
    let with_arrest =
        planned.iter().position(|report| report.outcomes.iter().any(|outcome| outcome.0 == OUTCOMES[0].0));
    let other = planned
        .iter()
        .position(|report| report.category == "crime" && report.fate.is_adopted() && report.outcomes.is_empty());
    if let (Some(first), Some(other)) = (with_arrest, other) {
        planned[first].also = Some(other);
    }
    shuffled(&planned)
}

/// The same order each time, in which categories and fates are spread over the year.
fn shuffled(planned: &[Planned]) -> Vec<Planned> {
    let mut order: Vec<usize> = (0..planned.len()).collect();
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for last in (1..order.len()).rev() {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let bound = u64::try_from(last + 1).unwrap_or(1);
        order.swap(last, usize::try_from(state % bound).unwrap_or(0));
    }
    let places: BTreeMap<usize, usize> = order.iter().enumerate().map(|(place, &number)| (number, place)).collect();
    let moved = order.iter().enumerate().map(|(place, &number)| {
        let report = &planned[number];
        // There must be something that a duplicate is one of.
        let early = report.fate == Fate::Duplicate && place < planned.len() / 2;
        let fate = if early { Fate::Withdrawn } else { report.fate };
        Planned { fate, also: report.also.and_then(|other| places.get(&other).copied()), ..report.clone() }
    });
    moved.collect()
}

fn expected(scale: Scale, planned: &[Planned]) -> Expected {
    let mut figures = BTreeMap::new();
    figures.insert("recruited".to_owned(), scale.recruited as u64);
    figures.insert("registered".to_owned(), scale.registered as u64);
    for report in planned {
        *figures.entry(format!("submitted/{}", report.category)).or_default() += 1;
        if report.fate.is_adopted() {
            *figures.entry(format!("adopted/{}", report.category)).or_default() += 1;
        }
        if let Fate::Rejected(reason) = report.fate {
            *figures.entry(format!("rejected/{reason}")).or_default() += 1;
        }
        for (kind, count) in &report.outcomes {
            *figures.entry(format!("outcomes/{kind}")).or_default() += u64::from(*count);
        }
        if let Some(fen) = report.reward_fen() {
            *figures.entry("rewarded".to_owned()).or_default() += 1;
            *figures.entry("paid_fen".to_owned()).or_default() += fen;
        }
    }
    Expected { figures }
}

/// What the year came to, and what it took.
#[derive(Debug)]
pub struct Replayed {
    /// The year.
    pub year: i16,
    /// Each figure: what was played, and what the statistics and the briefing show. The statistics
    /// show none where a part of it would tell of single persons.
    pub figures: Vec<(String, u64, Option<u64>, u64)>,
    /// The fund once the year was closed.
    pub fund: Balances,
    /// How long it took.
    pub took: Duration,
    /// Every operation of the API.
    pub operations: Vec<Row>,
    /// How many requests there were.
    pub requests: usize,
    /// The most memory that the whole process held, in bytes; none where the system does not say.
    pub peak_bytes: Option<u64>,
}

/// A fund, in fen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Balances {
    /// What was granted.
    pub granted_fen: u64,
    /// What can be promised.
    pub available_fen: u64,
    /// What is promised.
    pub reserved_fen: u64,
    /// What was paid.
    pub paid_fen: u64,
    /// What went back.
    pub lapsed_fen: u64,
}

impl Replayed {
    /// Whether the statistics and the briefing show exactly what was played, and the fund is balanced.
    pub fn is_exact(&self) -> bool {
        let Balances { granted_fen, available_fen, reserved_fen, paid_fen, lapsed_fen } = self.fund;
        let paid = self.figures.iter().find(|figure| figure.0 == "paid_fen").map_or(0, |figure| figure.1);
        let balanced = granted_fen == paid_fen + lapsed_fen && (available_fen, reserved_fen) == (0, 0);
        balanced
            && paid_fen == paid
            && self.figures.iter().all(|(_, played, counted, briefed)| {
                counted.is_none_or(|counted| counted == *played) && played == briefed
            })
    }

    /// It as tables for people.
    pub fn tables(&self) -> String {
        let mut figures = table(&["Figure", "Played", "Statistics", "Briefing"]);
        for (name, played, counted, briefed) in &self.figures {
            let counted = counted.map_or("suppressed".to_owned(), |counted| counted.to_string());
            figures.add_row([name.clone(), played.to_string(), counted, briefed.to_string()]);
        }
        let mut operations = table(&["Operation", "Requests", "p50 ms", "p95 ms"]);
        let milliseconds = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1_000.0);
        for Row { operation, count, p50, p95, .. } in &self.operations {
            operations.add_row([operation.clone(), count.to_string(), milliseconds(*p50), milliseconds(*p95)]);
        }
        for table in [&mut figures, &mut operations] {
            for column in table.column_iter_mut().skip(1) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let memory = self.peak_bytes.map_or_else(
            || "this system does not say how much memory".to_owned(),
            |bytes| format!("{} MiB of memory at the most, stand-ins and clients included", bytes >> 20),
        );
        let Balances { granted_fen, paid_fen, lapsed_fen, .. } = self.fund;
        let yuan = |fen: u64| format!("{}.{:02}", fen / 100, fen % 100);
        let fund = format!(
            "Of the fund of {} yuan {} were paid to reporters and {} went back at the end of the year.",
            yuan(granted_fen),
            yuan(paid_fen),
            yuan(lapsed_fen)
        );
        format!(
            "The year {}\n{figures}\n{fund}\n\n{operations}\n\n{:.0} s, {} requests, {memory}",
            self.year,
            self.took.as_secs_f64(),
            self.requests
        )
    }
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED);
    table.set_header(header.iter().copied());
    table
}

/// What is done next with a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Send,
    Withdraw,
    Ask,
    Answer,
    Officer,
    Station,
    District,
    HandOver,
    Agency,
    Outcome,
    Confirm,
    Reward,
    Link,
    Close,
}

impl Step {
    /// At which hour of the district's day it is done.
    fn hour(self) -> i8 {
        match self {
            Self::Send | Self::Answer => 9,
            Self::Ask | Self::Officer | Self::Withdraw => 10,
            Self::Station | Self::Agency => 13,
            Self::District | Self::Outcome => 15,
            Self::HandOver | Self::Confirm | Self::Link | Self::Close => 16,
            Self::Reward => 17,
        }
    }
}

/// What is known of a report while the year goes on.
#[derive(Debug, Default)]
struct Known {
    code: String,
    /// The phone that sent it.
    phone: usize,
    /// The hand-over's code.
    handover: Option<String>,
    /// The outcomes that wait to be confirmed, with the version to confirm.
    proposed: Vec<(String, u64)>,
    /// The outcome that another report led to as well.
    first_outcome: Option<String>,
}

struct Phone {
    person: Person,
    community: String,
    station: String,
}

struct Replay {
    bundle: Bundle,
    year: i16,
    zone: TimeZone,
    meter: Meter,
    scale: Scale,
    planned: Vec<Planned>,
    known: Vec<Mutex<Known>>,
    phones: Vec<Phone>,
    /// The phones of those who are rewarded: each is once.
    rewarded: Mutex<BTreeSet<usize>>,
    /// The newest report that will be adopted and not rewarded, which a duplicate is linked to.
    original: Mutex<Option<String>>,
    staff: BTreeMap<String, Person>,
    bar: ProgressBar,
}

/// Plays the year in a temporary folder. An error means that a step did not happen.
pub async fn replay(scale: Scale) -> Result<Replayed, Failure> {
    let begun = Instant::now();
    let folder = tempfile::tempdir()?;
    let zone = TimeZone::get("Asia/Shanghai")?;
    // The records of a year that is over would be taken away while it is played: DynamoDB's
    // expiry goes by the machine's own clock.
    let year = Timestamp::now().to_zoned(zone.clone()).year() + 1;
    let clock = Clock::standing(Date::new(year, 1, 1)?.at(8, 0, 0, 0).to_zoned(zone.clone())?.timestamp());
    let bundle = Bundle::start(Options::new(folder.path(), 0, clock)).await?;
    let planned = plan(scale);
    let known = planned.iter().map(|_| Mutex::default()).collect();
    let steps = 24 + planned.len() * 5;
    let bar = ProgressBar::new(steps as u64);
    bar.set_style(ProgressStyle::with_template("{elapsed_precise} {wide_bar} {percent} % · {msg}")?);
    let mut replay = Replay {
        bundle,
        year,
        zone,
        meter: Meter::default(),
        scale,
        planned,
        known,
        phones: Vec::new(),
        rewarded: Mutex::default(),
        original: Mutex::default(),
        staff: BTreeMap::new(),
        bar,
    };
    let played = replay.play().await;
    let compared = match played {
        Ok(()) => replay.compare().await,
        Err(error) => Err(error),
    };
    replay.bar.finish_and_clear();
    let Replay { bundle, meter, .. } = replay;
    bundle.stop().await;
    let (figures, fund) = compared?;
    Ok(Replayed {
        year,
        figures,
        fund,
        took: begun.elapsed(),
        requests: meter.count(),
        operations: meter.rows(),
        peak_bytes: peak_bytes(),
    })
}

impl Replay {
    async fn play(&mut self) -> Result<(), Failure> {
        let mut who: Vec<String> =
            ["district-police", "district-governance", "agency-fire", "treasurer"].map(str::to_owned).into();
        for (station, communities) in seed::STATIONS {
            who.push(format!("station-{station}"));
            who.extend(communities.iter().map(|community| format!("officer-{community}")));
        }
        for id in who {
            let person = Person::sign_in(&self.bundle.url, &id).await?.metered(&self.meter);
            self.staff.insert(id, person);
        }
        let posters = self.posters().await?;
        self.budget().await?;
        let mut agenda: BTreeMap<Timestamp, Vec<(usize, Step)>> = BTreeMap::new();
        let months: Vec<i8> = (1..=12).collect();
        for (number, _) in self.planned.iter().enumerate() {
            // From the fifth on, so that each month's people are there; never so late that its
            // reviews would end in the next year.
            let slot = number * 12 * 22 / self.planned.len();
            let (month, day) = (slot / 22, 5 + slot % 22);
            let (month, day) = (i8::try_from(month + 1)?, i8::try_from(day)?);
            agenda.entry(self.at(month, day, Step::Send.hour())?).or_default().push((number, Step::Send));
        }
        let mut next_month = months.into_iter().peekable();
        let mut today = None;
        while let Some((at, due)) = agenda.pop_first() {
            while let Some(month) = next_month.next_if(|&month| at >= self.at(month, 5, 0).unwrap_or(at)) {
                self.bundle.clock.set(self.at(month, 3, 9)?);
                self.welcome(usize::try_from(month)? - 1, &posters).await?;
                self.bar.inc(2);
            }
            let now = at.to_zoned(self.zone.clone());
            if today.replace(now.date()).is_some_and(|day| day != now.date()) {
                self.bundle.run_deadlines().await?;
            }
            self.bundle.clock.set(at);
            self.bar.set_message(now.strftime("%-d %B").to_string());
            let this = &*self;
            let done: Vec<_> = futures::stream::iter(due)
                .map(|(number, step)| async move {
                    Ok::<_, Failure>((number, this.step(number, step, &now_of(at, this)).await?))
                })
                .buffer_unordered(AT_ONCE)
                .collect()
                .await;
            for answer in done {
                let (number, next) = answer?;
                self.bar.inc(1);
                for (days, step) in next {
                    let day = now.date().checked_add(SignedDuration::from_hours(24 * days))?;
                    let mut then = day.at(step.hour(), 0, 0, 0).to_zoned(self.zone.clone())?.timestamp();
                    // Never in the same moment: what follows comes after.
                    if then <= at {
                        then = at.checked_add(SignedDuration::from_mins(20))?;
                    }
                    agenda.entry(then).or_default().push((number, step));
                }
            }
        }
        Ok(())
    }

    fn at(&self, month: i8, day: i8, hour: i8) -> Result<Timestamp, Failure> {
        Ok(Date::new(self.year, month, day)?.at(hour, 0, 0, 0).to_zoned(self.zone.clone())?.timestamp())
    }

    fn staff(&self, id: &str) -> Result<&Person, Failure> {
        self.staff.get(id).ok_or_else(|| format!("there is no {id}").into())
    }

    fn known(&self, number: usize) -> std::sync::MutexGuard<'_, Known> {
        self.known[number].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rules by which the year's outcomes are rewarded, and the money for it.
    async fn budget(&self) -> Result<(), Failure> {
        let rules: Vec<Value> = REWARDS
            .iter()
            .map(|(kind, category, fen)| {
                json!({
                    "label": kind.replace('_', "-"), "name": { "zh_cn": "奖励", "en": "Reward" },
                    "categories": [category], "earned_by": { "by": "outcome", "kinds": [kind] },
                    "amount": { "as": "fixed", "fen": fen },
                })
            })
            .collect();
        let both = ["police", "governance"].map(|body| json!({ "role": "district_manager", "body": body }));
        let body = json!({
            "valid_from": format!("{}-01-01", self.year),
            "content": { "rules": rules, "together": "first", "tiers": [{ "agree": both }], "claim_days": 90 },
        });
        let district = self.staff("district-police")?;
        district.post(&format!("{BASE}/reward-rules"), Uuid::new_v4(), None, &body).await?.expect(201)?;
        self.moves(0, &json!({ "movement": "grant", "amount_fen": GRANTED_FEN, "reason": "年度预算。" })).await?;
        Ok(())
    }

    /// Moves money of the fund, and gives it as it is then.
    async fn moves(&self, seen: u64, movement: &Value) -> Result<Balances, Failure> {
        let path = format!("{BASE}/funds/{}/movements", self.year);
        let district = self.staff("district-police")?;
        let moved = district.post(&path, Uuid::new_v4(), Some(seen), movement).await?.expect(200)?;
        Ok(serde_json::from_value(moved.body)?)
    }

    /// A poster for each community, good for the whole year.
    async fn posters(&self) -> Result<Vec<(String, String)>, Failure> {
        let mut posters = Vec::new();
        for (community, officer) in crowd::communities() {
            let body = json!({ "node": community, "max_uses": 20_000, "days": 366 });
            let path = format!("{BASE}/invites");
            let made = self.staff(&officer)?.post(&path, Uuid::new_v4(), None, &body).await?.expect(201)?;
            posters.push((community, format!("/join/{}", made.text("/code"))));
        }
        Ok(posters)
    }

    /// A month's people. Some are recruited by name by the officer of their community, and sign in with
    /// the invitation that they were handed; these report. All others come from a file, and those of
    /// them who register do so with their community's poster, and are confirmed.
    async fn welcome(&mut self, month: usize, posters: &[(String, String)]) -> Result<(), Failure> {
        self.bar.set_message(format!("people of month {}", month + 1));
        let part = |all: usize| (all * month / 12)..(all * (month + 1) / 12);
        let (people, registering) = (part(self.scale.recruited), part(self.scale.registered).len());
        let communities = crowd::communities();
        let phones = registering.div_ceil(2).min(PHONES_EACH_MONTH);
        for number in people.clone().take(phones) {
            let (community, officer) = &communities[number % communities.len()];
            let phone = self.hand_out_phone(self.staff(officer)?, number, community).await?;
            self.phones.push(phone);
        }
        let others = people.start + phones..people.end;
        let file = crowd::file(others.clone(), &communities);
        crowd::import(self.staff("district-police")?, &file, others.len(), 0).await?;

        let stranger = Person::stranger(&self.bundle.url)?.metered(&self.meter);
        let registered: Vec<_> = futures::stream::iter(others.take(registering - phones))
            .map(|number| {
                let (stranger, (_, poster)) = (&stranger, &posters[number % posters.len()]);
                let body = json!({ "name": crowd::name(number), "phone": crowd::phone(number) });
                async move { stranger.post(poster, Uuid::new_v4(), None, &body).await?.expect(202) }
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        registered.into_iter().collect::<Result<Vec<_>, _>>()?;
        for (_, officer) in communities {
            let officer = self.staff(&officer)?;
            let applied = crowd::list(officer, "?state=applied&limit=100").await?.0;
            let confirmed: Vec<_> = futures::stream::iter(&applied)
                .map(|member| async move {
                    let path = format!("{BASE}/members/{}/changes", member["id"].as_str().unwrap_or_default());
                    // Recruited, then registered: this is the second version.
                    officer.post(&path, Uuid::new_v4(), Some(2), &json!({ "change": "confirm" })).await?.expect(200)
                })
                .buffer_unordered(AT_ONCE)
                .collect()
                .await;
            confirmed.into_iter().collect::<Result<Vec<_>, _>>()?;
        }
        Ok(())
    }

    /// An officer recruits somebody, who signs in with the invitation.
    async fn hand_out_phone(&self, officer: &Person, number: usize, community: &str) -> Result<Phone, Failure> {
        let body = json!({
            "node": community, "kind": "resident", "name": crowd::name(number), "phone": crowd::phone(number),
        });
        let made = officer.post(&format!("{BASE}/members"), Uuid::new_v4(), None, &body).await?.expect(201)?;
        let person = Person::sign_in(&self.bundle.url, &format!("phone-{number}")).await?.metered(&self.meter);
        let body = json!({ "member": made.text("/id"), "code": made.text("/invitation/code") });
        person.put_json("/me/account", None, &body).await?.expect(200)?;
        let station = community.rsplit_once('.').map_or(community, |(station, _)| station);
        Ok(Phone { person, community: community.to_owned(), station: station.to_owned() })
    }

    /// Does one thing with a report, and says what follows in how many days.
    async fn step(&self, number: usize, step: Step, now: &Zoned) -> Result<Vec<(i64, Step)>, Failure> {
        let planned = &self.planned[number];
        let (code, phone) = {
            let known = self.known(number);
            (known.code.clone(), known.phone)
        };
        match step {
            Step::Send => return self.send(number).await,
            Step::Withdraw => {
                let phone = &self.phones[phone].person;
                let version = phone.get(&format!("/reports/{code}")).await?.expect(200)?.version();
                phone
                    .post(&format!("/reports/{code}/withdraw"), Uuid::new_v4(), version, &Value::Null)
                    .await?
                    .expect(200)?;
            }
            Step::Answer => {
                let phone = &self.phones[phone].person;
                let version = phone.get(&format!("/reports/{code}")).await?.expect(200)?.version();
                let body = json!({ "text": "每天早上八点前后，西侧的门。" });
                phone.post(&format!("/reports/{code}/answer"), Uuid::new_v4(), version, &body).await?.expect(200)?;
                return Ok(vec![(0, Step::Officer)]);
            }
            Step::Ask => {
                self.decide(
                    number,
                    Step::Officer,
                    &json!({ "decision": "return", "question": "是哪个门，什么时间？" }),
                )
                .await?;
                return Ok(vec![(1, Step::Answer)]);
            }
            Step::Officer => {
                if let Fate::Rejected(reason) = planned.fate {
                    self.decide(number, step, &json!({ "decision": "reject", "reason": reason })).await?;
                } else {
                    self.decide(number, step, &json!({ "decision": "approve" })).await?;
                    return Ok(vec![(0, Step::Station)]);
                }
            }
            Step::Station => {
                self.decide(number, step, &json!({ "decision": "approve" })).await?;
                return Ok(vec![(0, Step::District)]);
            }
            Step::District if planned.fate == Fate::Duplicate => {
                let original = self.original.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let decision = json!({ "decision": "mark_duplicate", "original": original });
                self.decide(number, step, &decision).await?;
            }
            Step::District => {
                self.decide(number, step, &json!({ "decision": "approve" })).await?;
                let hazard = planned.outcomes.iter().any(|(kind, _)| *kind == "hazards_removed");
                return Ok(match (hazard, planned.outcomes.is_empty()) {
                    (true, _) => vec![(0, Step::HandOver)],
                    (_, false) => vec![(3, Step::Outcome)],
                    _ => vec![(1, Step::Close)],
                });
            }
            Step::HandOver => {
                self.hand_over(number).await?;
                return Ok(vec![(1, Step::Agency)]);
            }
            Step::Agency => {
                self.agency_acts(number, now.date()).await?;
                return Ok(vec![(0, Step::Confirm)]);
            }
            Step::Outcome => {
                let officer = format!("officer-{}", last(&self.phones[phone].community));
                for (kind, count) in &planned.outcomes {
                    let body = json!({
                        "kind": kind, "count": count, "on": now.date().to_string(), "reports": [code],
                        "evidence": "见工作记录。",
                    });
                    self.record(number, &officer, &body).await?;
                }
                return Ok(vec![(0, Step::Confirm)]);
            }
            Step::Confirm => {
                self.confirm(number).await?;
                let link = planned.also.map(|_| (40, Step::Link));
                let reward = planned.reward_fen().map(|_| (0, Step::Reward));
                return Ok(link.into_iter().chain(reward).chain([(1, Step::Close)]).collect());
            }
            Step::Reward => self.reward(number).await?,
            Step::Link => self.link(number).await?,
            Step::Close => {
                let district = self.staff("district-police")?;
                let version = district.get(&format!("/district-review/reports/{code}")).await?.expect(200)?.version();
                let path = format!("{BASE}/reports/{code}/close");
                district.post(&path, Uuid::new_v4(), version, &json!({})).await?.expect(200)?;
            }
        }
        Ok(Vec::new())
    }

    /// A phone sends the report in, with what it has recorded.
    async fn send(&self, number: usize) -> Result<Vec<(i64, Step)>, Failure> {
        let planned = &self.planned[number];
        let phone = self.phone_for(number)?;
        let person = &self.phones[phone].person;
        let (content_type, bytes) = if number % 40 == 11 {
            ("video/mp4", video::mp4(1, number as u64))
        } else {
            ("image/jpeg", photo(number)?)
        };
        let media = person.upload(Uuid::new_v4(), content_type, bytes).await?;
        let verdict = person.verdict(media).await?;
        if verdict.text("/state") != "ready" {
            return Err(format!("a medium was not taken: {}", verdict.body).into());
        }
        let step = u32::try_from(number % 90)?;
        let body = json!({
            "category": planned.category,
            "urgency": if number % 25 == 3 { "urgent" } else { "routine" },
            "text": TEXTS.iter().find(|(category, _)| *category == planned.category).map_or("", |(_, text)| text),
            "place": { "address": "临街一侧", "point": {
                "longitude": 117.20 + f64::from(step % 10) / 100.0, "latitude": 39.10 + f64::from(step / 10) / 100.0 } },
            "media": [media],
        });
        let sent = person.post("/reports", Uuid::new_v4(), None, &body).await?.expect(201)?;
        let code = sent.text("/id").to_owned();
        {
            let mut known = self.known(number);
            known.code.clone_from(&code);
            known.phone = phone;
        }
        // What is rewarded has one reporter: a duplicate that came before would have been the first.
        if planned.fate.is_adopted() && planned.reward_fen().is_none() {
            self.original.lock().unwrap_or_else(PoisonError::into_inner).replace(code);
        }
        // Now and then an officer is slow, and is reminded.
        let days = if number % 30 == 17 && planned.fate == Fate::Adopted { 2 } else { 0 };
        Ok(vec![match planned.fate {
            Fate::Withdrawn => (0, Step::Withdraw),
            Fate::AdoptedAfterQuestion => (days, Step::Ask),
            _ => (days, Step::Officer),
        }])
    }

    /// The phone that sends a report: of those for which somebody is rewarded, each has another.
    fn phone_for(&self, number: usize) -> Result<usize, Failure> {
        let phone = (number * 7).checked_rem(self.phones.len()).ok_or("nobody has registered yet")?;
        if self.planned[number].reward_fen().is_none() {
            return Ok(phone);
        }
        let mut rewarded = self.rewarded.lock().unwrap_or_else(PoisonError::into_inner);
        let from_there = (phone..self.phones.len()).chain(0..phone);
        let phone = from_there.into_iter().find(|phone| !rewarded.contains(phone)).ok_or("everybody is rewarded")?;
        rewarded.insert(phone);
        Ok(phone)
    }

    /// Two agree to what was proposed, the reporter makes a code, and is paid at the counter.
    async fn reward(&self, number: usize) -> Result<(), Failure> {
        let (code, phone) = {
            let known = self.known(number);
            (known.code.clone(), known.phone)
        };
        let police = self.staff("district-police")?;
        let mut proposed = None;
        for _ in 0..MAX_ASKED {
            let list = police.get(&format!("{BASE}/rewards?state=proposed&limit=100")).await?.expect(200)?;
            let items = list.body["items"].as_array().cloned().unwrap_or_default();
            proposed = items.iter().find(|reward| reward["of"]["report"] == *code).map(|reward| reward["id"].clone());
            if proposed.is_some() {
                break;
            }
            tokio::time::sleep(ASKED_EVERY).await;
        }
        let id = proposed.ok_or_else(|| format!("no reward was proposed for {code}"))?;
        let id = id.as_str().ok_or("a reward has a code")?;
        let path = format!("{BASE}/rewards/{id}");
        for who in ["district-governance", "district-police"] {
            let person = self.staff(who)?;
            let version = person.get(&path).await?.expect(200)?.version();
            let agree = json!({ "step": "agree" });
            person.post(&format!("{path}/steps"), Uuid::new_v4(), version, &agree).await?.expect(200)?;
        }
        let phone = &self.phones[phone].person;
        let made = phone.post(&format!("/me/rewards/{id}/claim-code"), Uuid::new_v4(), None, &json!({})).await?;
        let body = json!({ "reward": id, "code": made.expect(201)?.text("/code") });
        let checks = format!("{BASE}/payouts/checks");
        let checked = self.staff("treasurer")?.post(&checks, Uuid::new_v4(), None, &body).await?.expect(200)?;
        let (steps, confirm) = (format!("{path}/payouts/0/steps"), json!({ "step": "confirm" }));
        let second = self.staff("district-governance")?;
        second.post(&steps, Uuid::new_v4(), checked.version(), &confirm).await?.expect(200)?;
        Ok(())
    }

    /// The stage that now has the report opens it and decides. What was slow may have gone up by
    /// itself: then there is nothing left to decide here.
    async fn decide(&self, number: usize, step: Step, decision: &Value) -> Result<(), Failure> {
        let (code, phone) = {
            let known = self.known(number);
            (known.code.clone(), known.phone)
        };
        let Phone { community, station, .. } = &self.phones[phone];
        let (stage, who) = match step {
            Step::Officer => ("officer", format!("officer-{}", last(community))),
            Step::Station => ("station", format!("station-{}", last(station))),
            _ => ("district", "district-police".to_owned()),
        };
        let reviewer = self.staff(&who)?;
        let opened = reviewer.get(&format!("/{stage}-review/reports/{code}")).await?.expect(200)?;
        let can = opened.body["can"].as_array().cloned().unwrap_or_default();
        if !can.contains(&decision["decision"]) {
            return Ok(());
        }
        let path = format!("/{stage}-review/reports/{code}/decisions");
        reviewer.post(&path, Uuid::new_v4(), opened.version(), decision).await?.expect(200)?;
        Ok(())
    }

    async fn hand_over(&self, number: usize) -> Result<(), Failure> {
        let code = self.known(number).code.clone();
        let district = self.staff("district-police")?;
        let version = district.get(&format!("/district-review/reports/{code}")).await?.expect(200)?.version();
        let body = json!({
            "receivers": [{ "to": "agency", "agency": "fire" }],
            "asks": "请核查并消除安全隐患。",
            "deadline_hours": 24,
            "extract": { "text": "疏散通道被锁闭。", "place": true },
        });
        let path = format!("{BASE}/reports/{code}/handovers");
        let answer = district.post(&path, Uuid::new_v4(), version, &body).await?.expect(201)?;
        self.known(number).handover = Some(answer.text("/handovers/0/id").to_owned());
        Ok(())
    }

    /// The agency reads what it was given, accepts it, reports what came of it, and is done.
    async fn agency_acts(&self, number: usize, on: Date) -> Result<(), Failure> {
        let handover = self.known(number).handover.clone().ok_or("nothing was handed over")?;
        let agency = self.staff("agency-fire")?;
        let path = format!("/me/handovers/{handover}");
        let version = agency.get(&path).await?.expect(200)?.version();
        let steps = format!("{path}/steps");
        let accepted = agency.post(&steps, Uuid::new_v4(), version, &json!({ "step": "accept" })).await?.expect(200)?;
        for (kind, count) in &self.planned[number].outcomes {
            let body = json!({
                "kind": kind, "count": count, "on": on.to_string(), "handover": handover, "evidence": "现场已整改。",
            });
            self.record(number, "agency-fire", &body).await?;
        }
        let done = json!({ "step": "complete", "done": "已整改。" });
        agency.post(&steps, Uuid::new_v4(), accepted.version(), &done).await?.expect(200)?;
        Ok(())
    }

    async fn record(&self, number: usize, who: &str, body: &Value) -> Result<(), Failure> {
        let made = self.staff(who)?.post(&format!("{BASE}/outcomes"), Uuid::new_v4(), None, body).await?.expect(201)?;
        let version = made.version().ok_or("an outcome has a version")?;
        let mut known = self.known(number);
        known.first_outcome.get_or_insert_with(|| made.text("/id").to_owned());
        known.proposed.push((made.text("/id").to_owned(), version));
        Ok(())
    }

    async fn confirm(&self, number: usize) -> Result<(), Failure> {
        let proposed = std::mem::take(&mut self.known(number).proposed);
        let district = self.staff("district-governance")?;
        for (outcome, version) in proposed {
            let path = format!("{BASE}/outcomes/{outcome}/steps");
            let confirm = json!({ "step": "confirm" });
            district.post(&path, Uuid::new_v4(), Some(version), &confirm).await?.expect(200)?;
        }
        Ok(())
    }

    /// It turns out that another report has led to the same arrest.
    async fn link(&self, number: usize) -> Result<(), Failure> {
        let outcome = self.known(number).first_outcome.clone().ok_or("there is no outcome")?;
        let Some(other) = self.planned[number].also.map(|other| self.known(other).code.clone()) else { return Ok(()) };
        let district = self.staff("district-police")?;
        let path = format!("{BASE}/outcomes/{outcome}");
        let version = district.get(&path).await?.expect(200)?.version();
        let body = json!({ "step": "link", "report": other });
        district.post(&format!("{path}/steps"), Uuid::new_v4(), version, &body).await?.expect(200)?;
        Ok(())
    }

    /// Closes the fund, reads the statistics and the briefing of the year, and holds them against what
    /// was played.
    async fn compare(&self) -> Result<(Vec<(String, u64, Option<u64>, u64)>, Balances), Failure> {
        self.bundle.clock.set(self.at(12, 31, 20)?);
        let fund = format!("{BASE}/funds/{}", self.year);
        let seen = self.staff("district-police")?.get(&fund).await?.expect(200)?.version().unwrap_or_default();
        let fund = self.moves(seen, &json!({ "movement": "lapse", "reason": "年度结束。" })).await?;
        self.bar.set_message("the statistics");
        let played = expected(self.scale, &self.planned).figures;
        let district = self.staff("district-police")?;
        let (from, to) = (format!("{}-01-01", self.year), format!("{}-12-31", self.year));
        let path = format!("{BASE}/statistics?from={from}&to={to}&by=year");
        let (mut counted, mut suppressed) = (BTreeMap::new(), BTreeSet::new());
        for _ in 0..MAX_ASKED {
            let answer = district.get(&path).await?.expect(200)?;
            let row = &answer.body["rows"][0]["figures"];
            counted = figures(row);
            suppressed = played.keys().filter(|name| row.get(name).is_some_and(Value::is_null)).cloned().collect();
            if agrees(&played, &counted, &suppressed) {
                break;
            }
            tokio::time::sleep(ASKED_EVERY).await;
        }
        self.bar.set_message("the briefing");
        let body = json!({ "from": from, "to": to });
        let asked = district.post(&format!("{BASE}/briefings"), Uuid::new_v4(), None, &body).await?.expect(202)?;
        let path = format!("{BASE}/briefings/{}", asked.text("/id"));
        let mut briefed = BTreeMap::new();
        for _ in 0..MAX_ASKED {
            let answer = district.get(&path).await?.expect(200)?;
            if answer.text("/state") == "ready" {
                briefed = figures(&answer.body["content"]["figures"]);
                for outcome in answer.body["content"]["outcomes"].as_array().into_iter().flatten() {
                    let kind = outcome["kind"].as_str().unwrap_or_default();
                    briefed.extend(outcome["count"].as_u64().map(|count| (format!("outcomes/{kind}"), count)));
                }
                break;
            }
            tokio::time::sleep(ASKED_EVERY).await;
        }
        let of = |figures: &BTreeMap<String, u64>, name: &str| figures.get(name).copied().unwrap_or(0);
        let names: BTreeSet<&String> = played.keys().chain(counted.keys().filter(|name| is_compared(name))).collect();
        let rows = names.into_iter().map(|name| {
            let counted = Some(of(&counted, name)).filter(|_| !suppressed.contains(name));
            (name.clone(), of(&played, name), counted, of(&briefed, name))
        });
        Ok((rows.collect(), fund))
    }
}

fn now_of(at: Timestamp, replay: &Replay) -> Zoned {
    at.to_zoned(replay.zone.clone())
}

/// The figures that the plan says exactly: how many duplicates, say, depends on which reports
/// came first in a community.
fn is_compared(name: &str) -> bool {
    ["submitted/", "rejected/", "outcomes/"].iter().any(|prefix| name.starts_with(prefix))
}

fn agrees(played: &BTreeMap<String, u64>, counted: &BTreeMap<String, u64>, suppressed: &BTreeSet<String>) -> bool {
    played.iter().all(|(name, count)| counted.get(name) == Some(count) || suppressed.contains(name))
}

/// The figures of a row, as `group/name`.
fn figures(row: &Value) -> BTreeMap<String, u64> {
    let mut figures = BTreeMap::new();
    for (name, value) in row.as_object().into_iter().flatten() {
        match value {
            Value::Number(number) => {
                figures.extend(number.as_u64().map(|count| (name.clone(), count)));
            }
            Value::Object(group) => {
                let counts =
                    group.iter().filter_map(|(label, count)| Some((format!("{name}/{label}"), count.as_u64()?)));
                figures.extend(counts);
            }
            _ => {}
        }
    }
    figures
}

fn last(node: &str) -> &str {
    node.rsplit('.').next().unwrap_or(node)
}

/// What such a report says.
const TEXTS: [(&str, &str); 5] = [
    ("crime", "夜里有人撬地下车库的电动车电池，凌晨一点左右，开一辆白色面包车。"),
    ("violent_threat", "有人在出租屋内存放疑似自制刀具和汽油桶。"),
    ("hazard", "商场后门的疏散通道被铁链锁住，堆放纸箱。"),
    ("dispute", "两户因漏水多次争执，昨晚动了手，需要有人调解。"),
    ("community_concern", "路口早高峰没有红绿灯，孩子过马路危险，居民希望增设。"),
];

/// A small picture; another number is another picture.
fn photo(number: usize) -> Result<Vec<u8>, Failure> {
    let shade = u8::try_from(number % 251)?;
    let tint = u8::try_from(number / 251)?;
    let picture = image::RgbImage::from_fn(160, 120, |x, y| {
        image::Rgb([shade, u8::try_from(x).unwrap_or(0), u8::try_from(y).unwrap_or(0).wrapping_add(tint)])
    });
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Jpeg)?;
    Ok(bytes.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_has_exactly_the_figures_of_the_source() {
        let planned = plan(Scale::WHOLE);
        let figures = expected(Scale::WHOLE, &planned).figures;
        let sum = |prefix: &str| -> u64 {
            figures.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, count)| count).sum()
        };
        assert_eq!((figures["recruited"], figures["registered"], sum("submitted/")), (13_000, 8_000, 1_088));
        let outcomes: Vec<u64> = OUTCOMES.iter().map(|(kind, ..)| figures[&format!("outcomes/{kind}")]).collect();
        assert_eq!(outcomes, [10, 40, 10, 12, 32]);
        assert_eq!((figures["rewarded"], figures["paid_fen"]), (62, 3_200_000));
        let linked: Vec<_> = planned.iter().filter_map(|report| report.also).collect();
        assert_eq!(linked.len(), 1);
        assert_eq!((planned[linked[0]].category, planned[linked[0]].fate.is_adopted()), ("crime", true));
    }
}
