//! Tests of the rules, and the people, requests and lives that they are told with.

mod authority;
mod award;
mod award_run;
mod briefing;
mod calendar;
mod channel;
mod decide;
mod deputy;
mod dry_run;
mod fund_summary;
mod handover;
mod identity;
mod ledger;
mod life_table;
mod lives;
mod media;
mod membership;
mod notice;
mod outcome;
mod overdue;
mod payout;
mod payout_lives;
mod reward;
mod reward_clock;
mod reward_rules;
mod suppression;
mod tally;
mod task;
mod task_receipt;
mod webhook;

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use uuid::Uuid;

use crate::{
    calendar::{Calendar, Deadlines, Policy},
    code::Code,
    command::CommandId,
    content::Content,
    decide::{Context, Decided, Request, clock_member, decide, submit},
    district::{Agency, District, Label, StationTasks},
    error::Error,
    event::Event,
    handover::{Beside, HandOver, Receiver},
    hash::Digest,
    life::{Action, RejectionReason},
    media::{Checked, CopyOf, MediaRef, MediaType},
    member::{Body, Member, MemberId, MemberState, Role},
    report::{Category, Concerns, NewReport, Place, Report, ReportId, Urgency},
    territory::NodeId,
    text::Text,
};

/// Two words that stand in every text that anybody writes in these tests and in no text
/// of the platform, so that a text that leaks can be seen.
const MARKERS: [&str; 2] = ["zanzibar", "紫藤花"];

/// A text that somebody wrote.
fn written(what: &str) -> String {
    format!("{what}: {} {}", MARKERS[0], MARKERS[1])
}

/// A Wednesday, 10:00 in the district.
fn wednesday() -> Timestamp {
    at("2026-08-12T10:00:00+08:00")
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn node(path: &str) -> NodeId {
    path.parse().unwrap()
}

/// Monday to Friday from 9 to 17 o'clock in Shanghai, and the default deadlines.
fn policy() -> &'static Policy {
    static POLICY: LazyLock<Policy> = LazyLock::new(|| Policy {
        calendar: Calendar::weekdays(TimeZone::get("Asia/Shanghai").unwrap()),
        deadlines: Deadlines::default(),
    });
    &POLICY
}

fn member(id: &str, role: Role, place: &str) -> Member {
    Member {
        agency: None,
        id: MemberId::parse(id).unwrap(),
        pseudonym: Code::from_digest(&Digest::of(&[b"pseudonym", id.as_bytes()])),
        role,
        node: node(place),
        body: role.stage().map(|_| Body::Police),
        state: MemberState::Active,
    }
}

/// Who sends in the reports of these tests.
fn author() -> Member {
    member("resident-4711", Role::Reporter, "hexi.jianshan.yulan")
}

/// Another reporter of the same community.
fn neighbour() -> Member {
    member("resident-1949", Role::Reporter, "hexi.jianshan.yulan")
}

/// The officer of the author's community.
fn officer() -> Member {
    member("officer-yulan", Role::Officer, "hexi.jianshan.yulan")
}

/// The officer of another community of the same station.
fn officer_elsewhere() -> Member {
    member("officer-meihua", Role::Officer, "hexi.jianshan.meihua")
}

/// A manager of the author's station.
fn manager() -> Member {
    member("manager-jianshan", Role::StationManager, "hexi.jianshan")
}

/// A manager of another station.
fn manager_elsewhere() -> Member {
    member("manager-donghu", Role::StationManager, "hexi.donghu")
}

/// A manager of the district.
fn district_manager() -> Member {
    member("manager-hexi", Role::DistrictManager, "hexi")
}

/// The deadline job.
fn clock() -> Member {
    clock_member(node("hexi"))
}

/// Everybody, the author first.
fn cast() -> Vec<Member> {
    vec![
        author(),
        officer(),
        manager(),
        district_manager(),
        clock(),
        neighbour(),
        officer_elsewhere(),
        manager_elsewhere(),
        member("agency-fire", Role::AgencyHandler, "hexi"),
        member("treasurer", Role::Treasurer, "hexi"),
        member("custodian", Role::Custodian, "hexi"),
        member("auditor", Role::Auditor, "hexi"),
    ]
}

/// A routine report that concerns nobody.
fn new_report() -> NewReport {
    NewReport {
        category: Category::Hazard,
        urgency: Urgency::Routine,
        concerns: Concerns::Nobody,
        text: written("seen"),
        place: Some(Place { address: Some(written("where")), point: None }),
        observed_at: None,
        media: Vec::new(),
        task: None,
    }
}

fn urgent(urgency: Urgency) -> NewReport {
    NewReport { urgency, ..new_report() }
}

fn concerning(concerns: Concerns) -> NewReport {
    NewReport { concerns, ..new_report() }
}

/// A medium that was announced, uploaded and checked.
fn medium(number: u64) -> MediaRef {
    MediaRef {
        id: Uuid::from_u64_pair(0, number),
        content_type: MediaType::Jpeg,
        size_bytes: 1_000 + number,
        sha256: Digest::of_file(&number.to_be_bytes()),
        checked: Some(checked()),
    }
}

/// What the intake finds out about a photo.
fn checked() -> Checked {
    Checked {
        width_pixels: Some(4_032),
        height_pixels: Some(3_024),
        duration_ms: None,
        working: Some(CopyOf { content_type: MediaType::Jpeg, size_bytes: 900 }),
        thumbnail: Some(CopyOf { content_type: MediaType::Jpeg, size_bytes: 90 }),
        checked_at: wednesday(),
    }
}

/// The report that was never sent in.
fn unknown_report() -> ReportId {
    Code::from_digest(&Digest::of(&[b"unknown"]))
}

/// An everyday request for this action. Where a note may be left out, it is.
fn request(action: Action) -> Request {
    match action {
        Action::Submit => panic!("a report is sent in with `submit`, not with a request"),
        Action::Approve => Request::Approve { note: None },
        Action::Return => Request::Return { question: written("question"), note: None },
        Action::Answer => Request::Answer { text: written("answer"), media: Vec::new() },
        Action::Reject => reject(RejectionReason::NotConfirmed),
        Action::MarkDuplicate => Request::MarkDuplicate { original: unknown_report(), note: None },
        Action::Withdraw => Request::Withdraw,
        Action::Reopen => Request::Reopen { note: written("note") },
        Action::SendDown => Request::SendDown { note: written("note") },
        Action::HandOver => hand_over(&["fire"]),
        Action::Close => Request::Close { note: None },
        Action::Message => Request::Message { text: written("message") },
        Action::Remind => Request::Remind,
        Action::Escalate => Request::Escalate,
        Action::Erase => Request::Erase,
        Action::Recall => Request::Recall,
    }
}

/// An everyday hand-over to these agencies of the district. The codes differ from call to call only
/// by the number of the receiver: one life hands over once, or names its own.
fn hand_over(agencies: &[&str]) -> Request {
    let agency = |label: &&str| Receiver::Agency { agency: Label::parse(label).unwrap() };
    Request::HandOver(Box::new(HandOver {
        receivers: agencies.iter().map(agency).collect(),
        asks: written("asked"),
        deadline_hours: 16,
        beside: Beside {
            codes: (0..agencies.len()).map(handover_code).collect(),
            district: Some(lists()),
            ..Beside::default()
        },
        ..HandOver::default()
    }))
}

fn handover_code(number: usize) -> Code {
    Code::from_digest(&Digest::of(&[b"hand-over", &number.to_be_bytes()]))
}

/// The lists of the district: its agencies.
fn lists() -> District {
    let agency = |label: &str| Agency { label: Label::parse(label).unwrap(), name: Text::new("机构", "Agency") };
    District {
        node: node("hexi"),
        version: 1,
        name: Text::new("河西", "Hexi"),
        nodes: Vec::new(),
        trades: Vec::new(),
        places: Vec::new(),
        station_tasks: StationTasks::Consent,
        agencies: ["fire", "market"].map(agency).to_vec(),
        outcome_kinds: Vec::new(),
    }
}

fn reject(reason: RejectionReason) -> Request {
    Request::Reject { reason, note: None }
}

/// A report with its history and its texts, kept as the store keeps them.
#[derive(Debug, Clone, PartialEq)]
struct Life {
    report: Report,
    events: Vec<Event>,
    contents: Vec<Content>,
    now: Timestamp,
}

impl Life {
    /// The author sends this in on Wednesday.
    fn of(new: NewReport) -> Self {
        Self::sent_by(&author(), new, Vec::new())
    }

    fn sent_by(author: &Member, new: NewReport, media: Vec<MediaRef>) -> Self {
        let now = wednesday();
        let context = context(author, 0, now);
        let Decided { report, event, contents, .. } =
            submit(new, context.command.report_id(0), author, media, context).unwrap();
        Self { report, events: vec![event], contents, now }
    }

    /// What would come of this request.
    fn attempt(&self, actor: &Member, request: Request) -> Result<Decided, Error> {
        self.attempt_with(actor, request, None)
    }

    fn attempt_with(&self, actor: &Member, request: Request, original: Option<&Report>) -> Result<Decided, Error> {
        decide(&self.report, actor, request, original, context(actor, self.report.version, self.now))
    }

    /// Keeps what was decided, as one transaction of the store does.
    fn keep(&mut self, decided: Decided) {
        let Decided { report, event, contents, .. } = decided;
        if event.erases {
            self.contents.clear();
        }
        self.report = report;
        self.events.push(event);
        self.contents.extend(contents);
    }

    /// This life after a request that must be allowed.
    fn then(mut self, actor: &Member, request: Request) -> Self {
        let what = request.action();
        let decided = self.attempt(actor, request);
        self.keep(decided.unwrap_or_else(|error| panic!("{} may not {what}: {error}", actor.id)));
        self
    }

    /// This life after an everyday request for this action, which must be allowed.
    fn after(self, actor: &Member, action: Action) -> Self {
        self.then(actor, request(action))
    }

    /// This life once it was approved at all three stages.
    fn adopted(self) -> Self {
        self.after(&officer(), Action::Approve)
            .after(&manager(), Action::Approve)
            .after(&district_manager(), Action::Approve)
    }

    fn later_by_hours(mut self, hours: i64) -> Self {
        self.now = self.now.checked_add(SignedDuration::from_hours(hours)).unwrap();
        self
    }

    fn newest(&self) -> &Event {
        self.events.last().unwrap()
    }

    /// Why this request is refused; it must be.
    fn refusal(&self, actor: &Member, request: Request) -> Error {
        self.attempt(actor, request).unwrap_err()
    }
}

/// What comes from outside with the command that finds this version of a report.
fn context(actor: &Member, version: u64, now: Timestamp) -> Context<'static> {
    let mut salt = [7; 16];
    salt[..8].copy_from_slice(&version.to_be_bytes());
    let key = Uuid::from_u64_pair(1, version);
    Context { now, command: CommandId::new(&actor.id, key), salt, policy: policy() }
}
