//! The records on the embedded DynamoDB: what a commit writes, what it leaves alone when it is refused, and how lists
//! are read.
//!
//! The store is driven by real decisions of the domain. What it wrote is looked at twice: through the store, and as raw
//! items through a client of its own.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, KeySchemaElement, ProjectionType};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use pingan_domain::access::{Access, AccessHead, Opened, Reading};
use pingan_domain::calendar::{Calendar, Deadlines, Policy};
use pingan_domain::code::Code;
use pingan_domain::command::{CommandId, Fingerprint, Receipt};
use pingan_domain::decide::{Context, Decided, Request, clock_member, decide, submit};
use pingan_domain::district::Label;
use pingan_domain::error::{Error, FieldError, Refusal};
use pingan_domain::event::verify_chain;
use pingan_domain::handover::{Beside, HandOver, Receiver};
use pingan_domain::hash::Digest;
use pingan_domain::life::{Action, RejectionReason, Stage};
use pingan_domain::media::{Announced, Checked, CopyOf, Media, MediaId, MediaRef, MediaRefusal, MediaState, MediaType};
use pingan_domain::member::{Member, MemberId, MemberState};
use pingan_domain::membership::Profile;
use pingan_domain::named::Named as _;
use pingan_domain::report::{Category, Concerns, MAX_CONTENTS, NewReport, Place, Point, Report, ReportId, Urgency};
use pingan_domain::territory::NodeId;
use pingan_local::bundle::{Bundle, Options};
use pingan_local::client::Person;
use pingan_local::clock::Clock;
use pingan_local::seed;
use pingan_store::reports::History;
use pingan_store::{CommitError, Key, List, Store, Summary, TableNames, item, keys, tables};
use serde_json::json;
use uuid::Uuid;

use crate::harness::dynamodb;
use crate::races::Dice;

/// A word of every text in these tests and of nothing else, so that a text that was left behind can be found.
const MARKER: &str = "紫藤花-zanzibar";

/// Every item of every table.
type Everything = BTreeMap<(String, String, String), item::Item>;

/// A bundle whose records are looked at directly.
struct Desk {
    bundle: Bundle,
    raw: Client,
    _folder: tempfile::TempDir,
}

impl Desk {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options::new(folder.path(), 0, Clock::real());
        let bundle = Bundle::start(options).await.unwrap();
        let raw = dynamodb(&bundle.dynamodb_url, "us-east-1");
        Self { raw, bundle, _folder: folder }
    }

    fn store(&self) -> &Store {
        &self.bundle.store
    }

    fn reports(&self) -> &str {
        &self.store().tables().reports
    }

    async fn everything(&self) -> Everything {
        let mut all = Everything::new();
        for table in [&self.store().tables().members, &self.store().tables().reports] {
            let mut pages = self.raw.scan().table_name(table).into_paginator().send();
            while let Some(page) = pages.next().await {
                for item in page.unwrap().items.unwrap_or_default() {
                    let key = |name| item::text(&item, name).unwrap().to_owned();
                    all.insert((table.clone(), key("pk"), key("sk")), item);
                }
            }
        }
        all
    }

    async fn item(&self, key: &Key) -> Option<item::Item> {
        let table = self.store().tables().of(key.table());
        self.raw
            .get_item()
            .table_name(table)
            .set_key(Some(item::key_attributes(key)))
            .consistent_read(true)
            .send()
            .await
            .unwrap()
            .item
    }

    async fn put(&self, key: &Key, item: item::Item) {
        let table = self.store().tables().of(key.table());
        self.raw.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
    }

    async fn delete(&self, key: &Key) {
        let table = self.store().tables().of(key.table());
        self.raw.delete_item().table_name(table).set_key(Some(item::key_attributes(key))).send().await.unwrap();
    }

    /// The stages in whose queues a report has an entry, lowest first.
    async fn queue_entries(&self, report: ReportId) -> Vec<Stage> {
        let answer = self
            .raw
            .query()
            .table_name(self.reports())
            .key_condition_expression("pk = :pk AND begins_with(sk, :queue)")
            .expression_attribute_values(":pk", AttributeValue::S(Key::Report(report).pk()))
            .expression_attribute_values(":queue", AttributeValue::S("QUEUE#".to_owned()))
            .send()
            .await
            .unwrap();
        let mut stages: Vec<_> = answer
            .items()
            .iter()
            .map(|item| match item::key_of(item).unwrap() {
                Key::QueueEntry(_, stage) => stage,
                other => panic!("{other:?} is no entry of a queue"),
            })
            .collect();
        stages.sort();
        stages
    }

    /// A medium as a phone announces it and the intake judges it.
    async fn medium(&self, owner: &Member, verdict: Option<MediaState>) -> MediaRef {
        let media = medium_of(owner);
        self.store().announce_media(&media).await.unwrap();
        if let Some(verdict) = verdict {
            assert!(self.store().judge_media(media.id, &verdict).await.unwrap());
        }
        let Announced { content_type, size_bytes, sha256 } = media.announced;
        let checked = self.store().load([Key::Media(media.id)]).await.unwrap().media(media.id).unwrap();
        let checked =
            checked.and_then(|media| if let MediaState::Ready(checked) = media.state { Some(checked) } else { None });
        MediaRef { id: media.id, content_type, size_bytes, sha256, checked }
    }

    async fn ready_medium(&self, owner: &Member) -> MediaRef {
        self.medium(owner, Some(ready())).await
    }

    async fn attached_to(&self, media: MediaId) -> Option<ReportId> {
        self.store().load([Key::Media(media)]).await.unwrap().media(media).unwrap().unwrap().report
    }
}

/// A report with its history as it must stand in the tables.
struct Life<'a> {
    store: &'a Store,
    history: History,
    now: Timestamp,
}

impl<'a> Life<'a> {
    /// Sends a report in.
    async fn begin(store: &'a Store, author: &Member, new: NewReport, media: Vec<MediaRef>) -> Life<'a> {
        let now = now();
        let (decided, receipt) = submission(author, new, media, now);
        assert_eq!(store.commit(None, &decided, &receipt).await, Ok(()));
        let Decided { report, event, contents, .. } = decided;
        Self { store, history: History { report, events: vec![event], contents, erasures: Vec::new() }, now }
    }

    fn report(&self) -> &Report {
        &self.history.report
    }

    /// What would come of a request, and the receipt to commit it with.
    fn attempt(
        &self,
        actor: &Member,
        request: Request,
        original: Option<&Report>,
    ) -> Result<(Decided, Receipt), Error> {
        let context = context(actor, self.now);
        let receipt = receipt(context.command, self.report().id);
        Ok((decide(self.report(), actor, request, original, context)?, receipt))
    }

    /// Commits what was decided, and checks that the report then reads back exactly so.
    async fn keep(&mut self, (decided, receipt): (Decided, Receipt)) {
        assert_eq!(self.store.commit(Some(self.report()), &decided, &receipt).await, Ok(()));
        let Decided { report, event, contents, .. } = decided;
        if event.erases {
            self.history.contents.clear();
        }
        self.history.report = report;
        self.history.events.push(event);
        self.history.contents.extend(contents);
        self.check().await;
    }

    /// Does what must be allowed.
    async fn then(&mut self, actor: &Member, request: Request) {
        let what = request.action();
        let decided = self.attempt(actor, request, None);
        self.keep(decided.unwrap_or_else(|error| panic!("{} may not {what}: {error}", actor.id))).await;
    }

    async fn check(&self) {
        let mut read = self.store.history(self.report().id).await.unwrap().expect("the report is there");
        // Erasing goes on by itself; what was erased is of this report.
        let erased = std::mem::take(&mut read.erasures);
        assert!(erased.iter().all(|erasure| read.report.erased_media.contains(&erasure.media)));
        assert_eq!(read, self.history);
        assert_eq!(verify_chain(&read.events, read.report.head), Ok(()));
    }
}

fn submission(author: &Member, new: NewReport, media: Vec<MediaRef>, now: Timestamp) -> (Decided, Receipt) {
    let context = context(author, now);
    let id = context.command.report_id(0);
    let decided = submit(new, id, author, media, context).unwrap();
    (decided, receipt(context.command, id))
}

/// What comes from outside with a command that nobody has sent before.
fn context(actor: &Member, now: Timestamp) -> Context<'static> {
    static POLICY: LazyLock<Policy> = LazyLock::new(|| Policy {
        calendar: Calendar::weekdays(TimeZone::get("Asia/Shanghai").unwrap()),
        deadlines: Deadlines::default(),
    });
    Context { now, command: CommandId::new(&actor.id, fresh()), salt: [7; 16], policy: &POLICY }
}

fn receipt(command: CommandId, report: ReportId) -> Receipt {
    Receipt { command, fingerprint: Fingerprint::of(uuid::Uuid::nil(), "test", "", &()).unwrap(), report }
}

/// A key that no other command of this process has.
fn fresh() -> Uuid {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Uuid::from_u64_pair(9, NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The time as the functions see it: in whole milliseconds.
fn now() -> Timestamp {
    Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap()
}

fn member(id: &str) -> Member {
    let all = seed::demo_members().unwrap();
    all.into_iter().find(|member| member.id.as_str() == id).unwrap_or_else(|| panic!("nobody is called {id}"))
}

fn reporter() -> Member {
    member("reporter-boatyard-1")
}

fn officer() -> Member {
    member("officer-boatyard")
}

fn station() -> Member {
    member("station-river")
}

fn district() -> Member {
    member("district-police")
}

fn node(path: &str) -> NodeId {
    path.parse().unwrap()
}

/// A text that somebody wrote.
fn written(what: &str) -> String {
    format!("{what}: {MARKER}\n\t“\u{1F6B2}”")
}

fn new_report(urgency: Urgency, concerns: Concerns) -> NewReport {
    NewReport {
        category: Category::Crime,
        urgency,
        concerns,
        text: written("seen"),
        place: Some(Place {
            address: Some(written("where")),
            point: Some(Point { longitude_microdegrees: -1, latitude_microdegrees: 39_100_001 }),
        }),
        task: None,
        observed_at: Some("2026-08-12T01:30:00.123456789Z".parse().unwrap()),
        media: Vec::new(),
    }
}

fn routine() -> NewReport {
    new_report(Urgency::Routine, Concerns::Nobody)
}

fn medium_of(owner: &Member) -> Media {
    let id = CommandId::new(&owner.id, fresh()).media_id();
    let announced =
        Announced { content_type: MediaType::Jpeg, size_bytes: 4_711, sha256: Digest::of_file(id.as_bytes()) };
    let state = MediaState::Pending;
    Media {
        id,
        owner: owner.id.clone(),
        announced,
        state,
        created_at: now(),
        multipart: None,
        report: None,
        task: None,
    }
}

fn ready() -> MediaState {
    MediaState::Ready(Checked {
        width_pixels: Some(4_000),
        height_pixels: Some(3_000),
        duration_ms: None,
        working: Some(CopyOf { content_type: MediaType::Jpeg, size_bytes: 900 }),
        thumbnail: None,
        checked_at: now(),
    })
}

fn message() -> Request {
    Request::Message { text: written("message") }
}

fn reject(reason: RejectionReason) -> Request {
    Request::Reject { reason, note: Some(written("note")) }
}

fn approve() -> Request {
    Request::Approve { note: Some(written("note")) }
}

fn question() -> Request {
    Request::Return { question: written("question"), note: Some(written("note")) }
}

fn answer(media: Vec<MediaRef>) -> Request {
    Request::Answer { text: written("answer"), media }
}

/// A hand-over to the fire brigade, under a code that no other has.
fn hand_over(report: &Report) -> Request {
    let code = Code::from_digest(&Digest::of(&[b"hand-over", report.id.as_str().as_bytes(), fresh().as_bytes()]));
    Request::HandOver(Box::new(HandOver {
        receivers: vec![Receiver::Agency { agency: Label::parse("fire").unwrap() }],
        asks: written("asked"),
        deadline_hours: 16,
        beside: Beside { codes: vec![code], district: Some(seed::demo_district().unwrap()), ..Beside::default() },
        ..HandOver::default()
    }))
}

// ── What a commit writes ───────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_report_reads_back_as_it_was_decided() {
    let desk = Desk::open().await;
    let first = desk.ready_medium(&reporter()).await;
    let (second, third) = (desk.ready_medium(&reporter()).await, desk.ready_medium(&reporter()).await);

    // `Life` compares the whole history with what was decided after every step.
    let mut life = Life::begin(desk.store(), &reporter(), routine(), vec![first.clone()]).await;
    life.check().await;
    life.then(&reporter(), message()).await;
    life.then(&officer(), message()).await;
    life.then(&officer(), question()).await;
    life.then(&reporter(), answer(vec![second.clone(), third.clone()])).await;
    life.then(&officer(), approve()).await;
    life.then(&station(), Request::SendDown { note: written("note") }).await;
    life.then(&officer(), reject(RejectionReason::NotConfirmed)).await;
    life.then(&station(), Request::Reopen { note: written("note") }).await;
    life.then(&station(), approve()).await;
    life.then(&district(), approve()).await;
    life.then(&district(), hand_over(life.report())).await;
    life.then(&district(), Request::Close { note: Some(written("note")) }).await;

    for medium in [first, second, third] {
        assert_eq!(desk.attached_to(medium.id).await, Some(life.report().id));
    }
}

#[tokio::test]
async fn only_receipts_and_media_without_a_report_expire() {
    let desk = Desk::open().await;
    let (attached, loose) = (desk.ready_medium(&reporter()).await, desk.ready_medium(&reporter()).await);
    let mut life = Life::begin(desk.store(), &reporter(), routine(), vec![attached]).await;
    life.then(&officer(), question()).await;

    for (key, item) in desk.everything().await {
        let left = item.get(item::EXPIRES_AT).map(|at| at.as_n().unwrap().parse::<i64>().unwrap() - now().as_second());
        let hours = match item::key_of(&item).unwrap() {
            Key::Receipt(_) => Some(30 * 24),
            Key::Media(id) if id == loose.id => Some(25),
            _ => None,
        };
        let (left, expected) = (left.map(|seconds| (seconds + 1_800) / 3_600), hours);
        assert_eq!(left, expected, "hours that are left to {key:?}");
    }
}

#[tokio::test]
async fn a_stale_decision_writes_nothing_at_all() {
    let desk = Desk::open().await;
    let medium = desk.ready_medium(&reporter()).await;
    let mut life = Life::begin(desk.store(), &reporter(), routine(), Vec::new()).await;
    life.then(&officer(), question()).await;
    let old = life.report().clone();
    let late = [
        life.attempt(&reporter(), answer(vec![medium.clone()]), None).unwrap(),
        life.attempt(&officer(), approve(), None).unwrap(),
        life.attempt(&officer(), reject(RejectionReason::OutOfScopeLawfulActivity), None).unwrap(),
        life.attempt(&reporter(), Request::Withdraw, None).unwrap(),
    ];
    life.then(&reporter(), message()).await;

    let before = desk.everything().await;
    for (decided, receipt) in late {
        assert_eq!(desk.store().commit(Some(&old), &decided, &receipt).await, Err(CommitError::Stale));
        assert_eq!(desk.everything().await, before, "after {}", decided.event.action);
    }
    assert_eq!(desk.attached_to(medium.id).await, None);
}

#[tokio::test]
async fn a_command_is_carried_out_once() {
    let desk = Desk::open().await;
    let new = submission(&reporter(), routine(), Vec::new(), now());
    assert_eq!(desk.store().commit(None, &new.0, &new.1).await, Ok(()));
    let report = new.0.report.clone();
    let life =
        Life { store: desk.store(), history: desk.store().history(report.id).await.unwrap().unwrap(), now: now() };
    let approved = life.attempt(&officer(), approve(), None).unwrap();
    assert_eq!(desk.store().commit(Some(&report), &approved.0, &approved.1).await, Ok(()));

    let before = desk.everything().await;
    assert_eq!(desk.store().commit(None, &new.0, &new.1).await, Err(CommitError::AlreadyDone));
    // The report has gone on as well: that it was this very command is what counts.
    assert_eq!(desk.store().commit(Some(&report), &approved.0, &approved.1).await, Err(CommitError::AlreadyDone));
    // A receipt stands for the key, whatever is sent under it.
    let other = life.attempt(&officer(), reject(RejectionReason::AlreadyKnown), None).unwrap();
    assert_eq!(desk.store().commit(Some(&report), &other.0, &approved.1).await, Err(CommitError::AlreadyDone));
    assert_eq!(desk.everything().await, before);
}

#[tokio::test]
async fn a_code_belongs_to_the_first_report_that_has_it() {
    let desk = Desk::open().await;
    let first = Life::begin(desk.store(), &reporter(), routine(), Vec::new()).await;
    let neighbour = member("reporter-boatyard-2");
    let context = context(&neighbour, now());
    let decided = submit(routine(), first.report().id, &neighbour, Vec::new(), context).unwrap();

    let before = desk.everything().await;
    let committed = desk.store().commit(None, &decided, &receipt(context.command, first.report().id)).await;
    assert_eq!(committed, Err(CommitError::CodeTaken));
    assert_eq!(desk.everything().await, before);
}

#[tokio::test]
async fn a_report_whose_code_is_taken_gets_the_next_one() {
    let desk = Desk::open().await;
    let (author, neighbour) = (member("reporter-boatyard-2"), reporter());
    let key = fresh();
    let command = CommandId::new(&MemberId::of_account(author.id.as_str()), key);
    // In life, codes of 45 bits meet once in many years; here they are made to.
    for attempt in 0..2 {
        let context = context(&neighbour, now());
        let taken = command.report_id(attempt);
        let decided = submit(routine(), taken, &neighbour, Vec::new(), context).unwrap();
        assert_eq!(desk.store().commit(None, &decided, &receipt(context.command, taken)).await, Ok(()));
    }

    let person = Person::sign_in(&desk.bundle.url, author.id.as_str()).await.unwrap();
    let body = json!({ "category": "hazard", "text": "The fire exit is locked." });
    for _ in 0..3 {
        let sent = person.post("/reports", key, None, &body).await.unwrap().expect(201).unwrap();
        assert_eq!(sent.text("/id"), command.report_id(2).to_string());
    }
    let mine = person.get("/reports").await.unwrap().expect(200).unwrap();
    assert_eq!(mine.body["items"].as_array().map(Vec::len), Some(1), "{}", mine.body);
}

#[tokio::test]
async fn a_report_is_known_by_its_key_when_its_receipt_has_expired() {
    let desk = Desk::open().await;
    let author = reporter();
    let person = Person::sign_in(&desk.bundle.url, author.id.as_str()).await.unwrap();
    let key = fresh();
    let body = json!({ "category": "hazard", "text": "The fire exit is locked." });
    let first = person.post("/reports", key, None, &body).await.unwrap().expect(201).unwrap();

    // What the expiry does after thirty days.
    let receipt = Key::Receipt(CommandId::new(&MemberId::of_account(author.id.as_str()), key));
    assert!(desk.item(&receipt).await.is_some());
    desk.delete(&receipt).await;

    let again = person.post("/reports", key, None, &body).await.unwrap().expect(201).unwrap();
    assert_eq!(again.text("/id"), first.text("/id"));
    let mine = person.get("/reports").await.unwrap().expect(200).unwrap();
    assert_eq!(mine.body["items"].as_array().map(Vec::len), Some(1), "{}", mine.body);
}

// ── Media ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/// Commits a report with these media, which the commit must refuse for the ones at these places; and then an answer
/// with them.
async fn refuses_media(desk: &Desk, media: &[MediaRef], bad: &[usize]) {
    let expected: Vec<_> = bad
        .iter()
        .map(|i| FieldError::new(format!("/media/{i}"), "is already attached to a report or an answer"))
        .collect();
    let mut asked = Life::begin(desk.store(), &reporter(), routine(), Vec::new()).await;
    asked.then(&officer(), question()).await;
    let (report, report_receipt) = submission(&reporter(), routine(), media.to_vec(), now());
    let (answered, answer_receipt) = asked.attempt(&reporter(), answer(media.to_vec()), None).unwrap();

    let before = desk.everything().await;
    for (old, decided, receipt) in [(None, report, report_receipt), (Some(asked.report()), answered, answer_receipt)] {
        let committed = desk.store().commit(old, &decided, &receipt).await;
        assert_eq!(committed, Err(CommitError::Failed(Error::Invalid(expected.clone()))), "{}", decided.event.action);
        assert_eq!(desk.everything().await, before, "after {}", decided.event.action);
    }
}

#[tokio::test]
async fn a_commit_takes_media_that_are_ready_its_authors_and_free_or_nothing() {
    let desk = Desk::open().await;
    let author = reporter();
    let good = desk.ready_medium(&author).await;
    let pending = desk.medium(&author, None).await;
    let refused = MediaState::Refused { reason: MediaRefusal::WrongHash };
    let refused = desk.medium(&author, Some(refused)).await;
    let of_another = desk.ready_medium(&member("reporter-boatyard-2")).await;
    let taken = desk.ready_medium(&author).await;
    Life::begin(desk.store(), &author, routine(), vec![taken.clone()]).await;
    let unknown = MediaRef { id: medium_of(&author).id, ..good.clone() };

    for bad in [&pending, &refused, &of_another, &taken, &unknown] {
        refuses_media(&desk, std::slice::from_ref(bad), &[0]).await;
        // One bad medium among good ones: the good one stays free.
        refuses_media(&desk, &[good.clone(), bad.clone()], &[1]).await;
    }
    refuses_media(&desk, &[pending, good.clone(), of_another, taken], &[0, 2, 3]).await;

    let life = Life::begin(desk.store(), &author, routine(), vec![good.clone()]).await;
    assert_eq!(desk.attached_to(good.id).await, Some(life.report().id));
}

#[tokio::test]
async fn the_first_verdict_on_a_medium_stands() {
    let desk = Desk::open().await;
    let medium = desk.medium(&reporter(), None).await;
    let refused = MediaState::Refused { reason: MediaRefusal::Damaged };
    let verdict = ready();
    assert_eq!(desk.store().judge_media(medium.id, &verdict).await, Ok(true));
    let before = desk.everything().await;
    for late in [&refused, &verdict] {
        assert_eq!(desk.store().judge_media(medium.id, late).await, Ok(false));
    }
    // A medium that has expired is not made anew by its verdict.
    assert_eq!(desk.store().judge_media(Uuid::nil(), &refused).await, Ok(false));
    assert_eq!(desk.everything().await, before);
}

#[tokio::test]
async fn an_upload_is_named_anew_only_while_it_is_waited_for() {
    let desk = Desk::open().await;
    let store = desk.store();
    let media = Media { multipart: Some("first".to_owned()), ..medium_of(&reporter()) };
    store.announce_media(&media).await.unwrap();
    let name = async || {
        let loaded = store.load([Key::Media(media.id)]).await.unwrap();
        loaded.media(media.id).unwrap().unwrap().multipart.unwrap()
    };
    assert_eq!(store.replace_multipart(media.id, "another", "second").await, Ok(false));
    assert_eq!(store.replace_multipart(media.id, "first", "second").await, Ok(true));
    assert_eq!(store.replace_multipart(media.id, "first", "third").await, Ok(false), "somebody was faster");
    assert_eq!(name().await, "second");
    // The intake clears an upload away after its verdict: what is not there any more was not given up.
    assert!(store.judge_media(media.id, &ready()).await.unwrap());
    assert_eq!(store.replace_multipart(media.id, "second", "third").await, Ok(false));
    assert_eq!(name().await, "second");
    assert_eq!(store.replace_multipart(Uuid::nil(), "first", "second").await, Ok(false));
}

#[tokio::test]
async fn a_medium_is_announced_once_and_never_as_something_else() {
    let desk = Desk::open().await;
    let media = medium_of(&reporter());
    assert_eq!(desk.store().announce_media(&media).await.as_ref(), Ok(&media));
    assert!(desk.store().judge_media(media.id, &ready()).await.unwrap());
    let before = desk.everything().await;

    let later =
        Media { created_at: media.created_at.checked_add(SignedDuration::from_secs(60)).unwrap(), ..media.clone() };
    let again = desk.store().announce_media(&later).await.unwrap();
    assert!(matches!(again.state, MediaState::Ready { .. }), "the record that is there is what is answered: {again:?}");
    assert_eq!(again.created_at, media.created_at);

    let other = Announced { size_bytes: 1, ..media.announced.clone() };
    let other = Media { announced: other, ..media.clone() };
    assert_eq!(desk.store().announce_media(&other).await, Err(Error::KeyReused));
    let thief = Media { owner: member("reporter-boatyard-2").id, ..media };
    assert_eq!(desk.store().announce_media(&thief).await, Err(Error::KeyReused));
    assert_eq!(desk.everything().await, before);
}

// ── Erasing ────────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_report_as_full_as_can_be_is_erased_in_one_commit() {
    let desk = Desk::open().await;
    let mut life =
        Life::begin(desk.store(), &reporter(), new_report(Urgency::Emergency, Concerns::Nobody), Vec::new()).await;
    while let Ok(next) = life.attempt(&reporter(), message(), None) {
        life.keep(next).await;
    }
    loop {
        match life.attempt(&officer(), question(), None) {
            Ok(asked) => life.keep(asked).await,
            Err(full) => {
                assert_eq!(full, Error::Refused(Refusal::TooManyMessages));
                break;
            }
        }
        life.then(&reporter(), answer(Vec::new())).await;
    }
    assert!(life.report().contents.len() >= MAX_CONTENTS - 1, "{} texts", life.report().contents.len());
    let events = life.history.events.len();
    assert!(format!("{:?}", desk.everything().await).contains(MARKER));

    life.then(&officer(), Request::Reject { reason: RejectionReason::OutOfScopeLawfulActivity, note: None }).await;

    assert_eq!(life.history.contents, []);
    let left = desk.everything().await;
    let kinds = left.values().filter(|item| item["pk"] == AttributeValue::S(Key::Report(life.report().id).pk()));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for item in kinds {
        *counts.entry(item::text(item, "type").unwrap()).or_default() += 1;
    }
    assert_eq!(counts, BTreeMap::from([("event", events + 1), ("report", 1)]));
    assert!(!format!("{left:?}").contains(MARKER), "a text was left behind");
}

#[tokio::test]
async fn the_note_of_the_decision_that_erases_is_not_kept_either() {
    let desk = Desk::open().await;
    let medium = desk.ready_medium(&reporter()).await;
    let mut life = Life::begin(desk.store(), &reporter(), routine(), vec![medium]).await;
    life.then(&officer(), reject(RejectionReason::OutOfScopeLawfulActivity)).await;
    assert!(!format!("{:?}", desk.everything().await).contains(MARKER));
    assert_eq!(life.report().media, []);
}

// ── Queues ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/// A request of this action; those that say something say it with the marker.
fn request(action: Action, dice: &mut Dice, original: &Report) -> Request {
    match action {
        Action::Submit | Action::Message => message(),
        Action::Approve => approve(),
        Action::Return => question(),
        Action::Answer => answer(Vec::new()),
        Action::Reject => reject(dice.pick(RejectionReason::ALL)),
        Action::MarkDuplicate => Request::MarkDuplicate { original: original.id, note: None },
        Action::Withdraw => Request::Withdraw,
        Action::Reopen => Request::Reopen { note: written("note") },
        Action::SendDown => Request::SendDown { note: written("note") },
        Action::HandOver => hand_over(original),
        Action::Recall => Request::Recall,
        Action::Close => Request::Close { note: None },
        Action::Remind => Request::Remind,
        Action::Escalate => Request::Escalate,
        Action::Erase => Request::Erase,
    }
}

/// That the queues hold exactly what the report says, and show it as it is.
async fn check_queues(desk: &Desk, life: &Life<'_>) {
    let report = life.report();
    assert_eq!(desk.queue_entries(report.id).await, report.queues());
    for &stage in Stage::ALL {
        let node = report.node_of(stage);
        let queue = desk.store().list(List::Queue(&node, stage), &officer().id, 100, None).await.unwrap();
        let shown: Vec<_> = queue.items.into_iter().filter(|item| item.id == report.id).collect();
        let expected: &[_] = if report.queues().contains(&stage) { &[Summary::from(report)] } else { &[] };
        assert_eq!(shown, expected, "the queue of the {stage} after event {}", report.version);
    }
}

#[tokio::test]
async fn queues_hold_what_waits_whatever_happens_to_a_report() {
    let mut dice = Dice::from_seed();
    let desk = Desk::open().await;
    let cast = [reporter(), officer(), station(), district(), clock_member(node(seed::DISTRICT))];
    let original = Life::begin(desk.store(), &reporter(), routine(), Vec::new()).await;
    for &urgency in Urgency::ALL {
        for &concerns in Concerns::ALL {
            let mut life = Life::begin(desk.store(), &reporter(), new_report(urgency, concerns), Vec::new()).await;
            check_queues(&desk, &life).await;
            for _ in 0..12 {
                // What is refused by the rules is not what this test is about: it goes on to something allowed.
                let next = (0..400).find_map(|_| {
                    let actor = &cast[dice.below(cast.len())];
                    let action = dice.pick(Action::ALL);
                    let request = request(action, &mut dice, original.report());
                    life.attempt(actor, request, Some(original.report())).ok()
                });
                // A report that was withdrawn, say, has nothing left that could happen to it.
                let Some(next) = next else { break };
                life.now = life.now.checked_add(SignedDuration::from_millis(1)).unwrap();
                life.keep(next).await;
                check_queues(&desk, &life).await;
            }
        }
    }
}

#[tokio::test]
async fn a_queue_shows_the_version_that_a_message_has_made() {
    let desk = Desk::open().await;
    let mut life = Life::begin(desk.store(), &reporter(), routine(), Vec::new()).await;
    life.then(&reporter(), message()).await;
    check_queues(&desk, &life).await;
}

#[tokio::test]
async fn queues_are_read_emergencies_first_and_then_by_age() {
    let mut dice = Dice::from_seed();
    let desk = Desk::open().await;
    let start = now().checked_sub(SignedDuration::from_hours(48)).unwrap();
    let mut expected = Vec::new();
    for _ in 0..30 {
        let urgency = dice.pick(Urgency::ALL);
        // Some come in the very same millisecond: their order is then that of their codes.
        let at = start.checked_add(SignedDuration::from_mins(i64::try_from(dice.below(10)).unwrap())).unwrap();
        let new = NewReport { urgency, observed_at: None, ..routine() };
        let (decided, receipt) = submission(&reporter(), new, Vec::new(), at);
        assert_eq!(desk.store().commit(None, &decided, &receipt).await, Ok(()));
        let rank = [Urgency::Emergency, Urgency::Urgent, Urgency::Routine].iter().position(|&one| one == urgency);
        expected.push((rank, at, decided.report.id));
    }
    expected.sort();
    let order = |all: &[(Option<usize>, Timestamp, ReportId)]| all.iter().map(|&(.., id)| id).collect::<Vec<_>>();
    assert_eq!(list(&desk, List::Queue(&officer().node, Stage::Officer), 100).await, order(&expected));
    expected.retain(|&(rank, ..)| rank == Some(0));
    assert_eq!(list(&desk, List::Queue(&station().node, Stage::Station), 100).await, order(&expected));
    assert_eq!(list(&desk, List::Queue(&district().node, Stage::District), 100).await, order(&expected));
    assert_eq!(list(&desk, List::Queue(&node("demo.north"), Stage::Station), 100).await, []);
}

// ── Lists ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/// The whole list, page by page.
async fn list(desk: &Desk, list: List<'_>, limit: u16) -> Vec<ReportId> {
    let reader = officer().id;
    let mut all = Vec::new();
    let mut cursor: Option<String> = None;
    for page in 1.. {
        assert!(page < 200, "the list does not end");
        let read = desk.store().list(list, &reader, limit, cursor.as_deref()).await.unwrap();
        assert!(read.items.len() <= usize::from(limit));
        all.extend(read.items.into_iter().map(|item| item.id));
        cursor = read.next;
        if cursor.is_none() {
            break;
        }
    }
    all
}

#[tokio::test]
async fn lists_are_whole_and_newest_first_with_pages_of_any_size() {
    let desk = Desk::open().await;
    let authors = ["reporter-boatyard-1", "reporter-boatyard-2", "reporter-ferry-1", "reporter-old-mill-1"].map(member);
    let start = now().checked_sub(SignedDuration::from_mins(20)).unwrap();
    let mut all = Vec::new();
    for number in 0..16 {
        let author = &authors[number % authors.len()];
        let at = start.checked_add(SignedDuration::from_mins(i64::try_from(number).unwrap())).unwrap();
        let (decided, receipt) = submission(author, routine(), Vec::new(), at);
        assert_eq!(desk.store().commit(None, &decided, &receipt).await, Ok(()));
        all.insert(0, decided.report);
    }
    let of = |wanted: &dyn Fn(&Report) -> bool| -> Vec<ReportId> {
        all.iter().filter(|report| wanted(report)).map(|report| report.id).collect()
    };
    let mine = of(&|report| report.reporter == authors[0].id);
    assert_eq!(mine.len(), 4);
    for limit in [1, 2, 3, 4, 5, 7, 16, 17, 100] {
        assert_eq!(list(&desk, List::Mine(&authors[0].id), limit).await, mine, "pages of {limit}");
        for path in ["demo", "demo.river", "demo.north", "demo.river.boatyard", "demo.river.willow-bank", "dem"] {
            let place = node(path);
            let expected = of(&|report| place.contains(&report.node));
            assert_eq!(list(&desk, List::Territory(&place), limit).await, expected, "{path}, pages of {limit}");
        }
        let mut queue = of(&|report| report.node == officer().node);
        queue.reverse();
        assert_eq!(list(&desk, List::Queue(&officer().node, Stage::Officer), limit).await, queue, "pages of {limit}");
    }
}

#[tokio::test]
async fn a_list_goes_on_where_it_was_when_new_reports_come_in() {
    let desk = Desk::open().await;
    let author = reporter();
    let mut first = Vec::new();
    for _ in 0..4 {
        first.insert(0, Life::begin(desk.store(), &author, routine(), Vec::new()).await.report().id);
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    let page = desk.store().list(List::Mine(&author.id), &author.id, 2, None).await.unwrap();
    Life::begin(desk.store(), &author, routine(), Vec::new()).await;
    let next = desk.store().list(List::Mine(&author.id), &author.id, 2, page.next.as_deref()).await.unwrap();
    let read: Vec<_> = page.items.into_iter().chain(next.items).map(|item| item.id).collect();
    assert_eq!(read, first);
}

#[tokio::test]
async fn a_cursor_is_good_for_its_own_list_and_reader_alone() {
    let desk = Desk::open().await;
    let (author, neighbour) = (reporter(), member("reporter-boatyard-2"));
    for who in [&author, &author, &neighbour, &neighbour] {
        Life::begin(desk.store(), who, new_report(Urgency::Emergency, Concerns::Nobody), Vec::new()).await;
    }
    let (community, station, district) = (officer().node, station().node, district().node);
    let lists = [
        List::Mine(&author.id),
        List::Mine(&neighbour.id),
        List::Territory(&community),
        List::Territory(&station),
        List::Territory(&district),
        List::Queue(&community, Stage::Officer),
        List::Queue(&station, Stage::Station),
        List::Queue(&district, Stage::District),
    ];
    for (from, made) in lists.into_iter().enumerate() {
        let first = desk.store().list(made, &author.id, 1, None).await.unwrap();
        let cursor = first.next.expect("there is more");
        for (to, used) in lists.into_iter().enumerate() {
            for reader in [&author.id, &neighbour.id] {
                let read = desk.store().list(used, reader, 1, Some(&cursor)).await;
                if from == to && *reader == author.id {
                    assert_eq!(read.unwrap().items.len(), 1);
                } else {
                    let Err(Error::Invalid(fields)) = read else {
                        panic!("the cursor of {made:?} was taken for {used:?} by {reader}");
                    };
                    assert_eq!(fields[0].pointer, "cursor");
                }
            }
        }
    }
}

// ── The audit of reads ─────────────────────────────────────────────────────────────────────────────────────────────

/// Checks a chain of readings by making each link anew from the one before.
pub(crate) fn verify_accesses(accesses: &[Access]) {
    let mut head = AccessHead::default();
    for access in accesses {
        let Access { report, at, actor, role, opened, media, reason, .. } = access.clone();
        let reading = Reading { opened, media, reason };
        let (expected, next) = Access::after(head, report, (&actor, role), &reading, at).unwrap();
        assert_eq!(*access, expected);
        head = next;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_readings_at_once_stand_in_one_chain() {
    let desk = Desk::open().await;
    let life = Life::begin(desk.store(), &reporter(), routine(), Vec::new()).await;
    let id = life.report().id;
    let readers = [officer(), station(), district()];
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..16 {
        let (store, reader) = (desk.store().clone(), readers[number % 3].clone());
        let media = (number % 2 == 0).then(fresh);
        let opened = if media.is_some() { Opened::Media } else { Opened::Report };
        let reading = Reading { opened, media, reason: None };
        // All of them saw the chain when it was empty.
        tasks.spawn(async move {
            store.record_access(AccessHead::default(), id, &reader, &reading, now(), None).await.map(|()| media)
        });
    }
    let mut opened: Vec<_> = tasks.join_all().await.into_iter().map(Result::unwrap).collect();

    let accesses = desk.store().accesses(id, 100).await.unwrap();
    assert_eq!(accesses.iter().map(|access| access.seq).collect::<Vec<_>>(), (1..=16).collect::<Vec<_>>());
    verify_accesses(&accesses);
    let mut written: Vec<_> = accesses.iter().map(|access| access.media).collect();
    opened.sort();
    written.sort();
    assert_eq!(written, opened);
    let head = desk.store().load([Key::AccessHead(id)]).await.unwrap().access_head(id).unwrap();
    assert_eq!(head, AccessHead { seq: 16, hash: accesses[15].hash });
    assert_eq!(desk.store().accesses(id, 5).await.unwrap(), accesses[..5]);
    life.check().await;
}

// ── Members, tables and items ──────────────────────────────────────────────────────────────────────────────────────

fn seeded(member: &Member) -> Profile {
    Profile::seeded(member.clone(), Timestamp::UNIX_EPOCH)
}

#[tokio::test]
async fn a_member_is_added_once() {
    let desk = Desk::open().await;
    let before = desk.everything().await;
    let changed = Member { state: MemberState::Suspended, ..officer() };
    assert_eq!(desk.store().add_member(&seeded(&changed)).await, Ok(false));
    let stranger = Member { id: pingan_domain::member::MemberId::parse("nobody").unwrap(), ..officer() };
    assert_eq!(desk.store().replace_member(&seeded(&stranger)).await, Ok(false), "only who is there can be replaced");
    assert_eq!(desk.everything().await, before);

    assert_eq!(desk.store().replace_member(&seeded(&changed)).await, Ok(true));
    let read = desk.store().load([Key::Member(changed.id.clone())]).await.unwrap().actor(&changed.id);
    assert_eq!(read, Ok(changed));
    assert_eq!(desk.store().add_member(&seeded(&stranger)).await, Ok(true));
    assert_eq!(desk.store().add_member(&seeded(&stranger)).await, Ok(false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_are_created_once() {
    let desk = Desk::open().await;
    Life::begin(desk.store(), &reporter(), routine(), Vec::new()).await;
    let before = desk.everything().await;
    for _ in 0..2 {
        tables::create(&desk.raw, desk.store().tables()).await.unwrap();
    }
    assert_eq!(desk.everything().await, before);

    let names = TableNames::with_prefix("other");
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (raw, names) = (desk.raw.clone(), names.clone());
        tasks.spawn(async move { tables::create(&raw, &names).await });
    }
    assert_eq!(tasks.join_all().await, vec![Ok(()); 4]);
    for table in keys::Table::ALL.map(|table| names.of(table)) {
        let ttl = desk.raw.describe_time_to_live().table_name(table).send().await.unwrap();
        let ttl = ttl.time_to_live_description.and_then(|ttl| ttl.attribute_name);
        assert_eq!(ttl.as_deref(), Some(item::EXPIRES_AT));
    }
}

/// Terraform makes the tables in the cloud and the store makes them here. `infra/tests/fixtures/tables.json` stands
/// between the two: this test holds it to the store, and `terraform test` holds `data.tf` to it.
#[tokio::test]
async fn terraform_makes_the_tables_of_the_store() {
    let desk = Desk::open().await;
    let names = desk.store().tables();
    let mut made = serde_json::Map::new();
    for table in keys::Table::ALL {
        let name = names.of(table).trim_start_matches("pingan-");
        let table = names.of(table);
        let table = desk.raw.describe_table().table_name(table).send().await.unwrap().table.unwrap();
        let keys = |schema: &[KeySchemaElement]| {
            schema.iter().map(|key| key.attribute_name().to_owned()).collect::<Vec<_>>().join(", ")
        };
        let indexes: BTreeMap<_, _> = table
            .global_secondary_indexes()
            .iter()
            .map(|index| {
                let projection = index.projection().unwrap();
                let mut shows = projection.non_key_attributes().to_owned();
                shows.sort();
                let shows = match projection.projection_type().unwrap() {
                    ProjectionType::All => "everything".to_owned(),
                    ProjectionType::KeysOnly => "keys".to_owned(),
                    _ => shows.join(", "),
                };
                (index.index_name().unwrap(), json!({ "keys": keys(index.key_schema()), "shows": shows }))
            })
            .collect();
        let stream = table.stream_specification().is_some_and(|stream| stream.stream_enabled);
        let described = json!({ "keys": keys(table.key_schema()), "stream": stream, "indexes": indexes });
        made.insert(name.to_owned(), described);
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/tests/fixtures/tables.json");
    let written: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let made = serde_json::Value::from(made);
    assert_eq!(written, made, "{file} and infra/data.tf must say: {made:#}");
}

#[tokio::test]
async fn what_is_not_there_is_left_out_and_what_is_asked_for_twice_comes_once() {
    let desk = Desk::open().await;
    let life = Life::begin(desk.store(), &reporter(), routine(), Vec::new()).await;
    let unknown = CommandId::new(&reporter().id, fresh());
    let keys = [
        Key::Report(life.report().id),
        Key::Report(life.report().id),
        Key::Report(unknown.report_id(0)),
        Key::Receipt(unknown),
        Key::Media(Uuid::nil()),
        Key::Member(officer().id),
        Key::Member(officer().id),
    ];
    let loaded = desk.store().load(keys).await.unwrap();
    assert_eq!(loaded.report(life.report().id).unwrap().as_ref(), Some(life.report()));
    assert_eq!(loaded.report(unknown.report_id(0)), Ok(None));
    assert_eq!(loaded.receipt(unknown), Ok(None));
    assert_eq!(loaded.media(Uuid::nil()), Ok(None));
    assert_eq!(loaded.actor(&officer().id), Ok(officer()));
    assert_eq!(loaded.actor(&station().id), Err(Error::Refused(Refusal::NotAMember)));
    assert_eq!(loaded.access_head(life.report().id), Ok(AccessHead::default()));
    assert_eq!(desk.store().history(unknown.report_id(0)).await, Ok(None));
}

/// The ways in which an item can be one that this code does not understand, and what the error says of each.
fn broken(good: &item::Item, field: &str) -> Vec<(item::Item, &'static str)> {
    let with = |name: &str, value: Option<AttributeValue>| {
        let mut item: HashMap<_, _> = good.clone();
        match value {
            Some(value) => item.insert(name.to_owned(), value),
            None => item.remove(name),
        };
        item
    };
    vec![
        (with("type", Some(AttributeValue::S("something_else".to_owned()))), "something_else"),
        (with("type", None), "type is None"),
        (with("schema", Some(AttributeValue::N("2".to_owned()))), "schema is"),
        (with("schema", None), "schema is"),
        (with(field, None), "missing field"),
        (with(field, Some(AttributeValue::Bool(true))), "xpected"),
    ]
}

/// That an item which cannot be read is said to be so, with its table, key and type.
fn names_item<T: std::fmt::Debug>(read: Result<T, Error>, key: &Key, why: &str) {
    let Err(Error::Internal(said)) = read else { panic!("{key:?} was read: {read:?}") };
    let table = format!("{:?}", key.table());
    for part in [key.kind(), &key.pk(), &key.sk(), &table, why] {
        assert!(said.contains(part), "{part:?} is not in: {said}");
    }
    assert!(!said.contains(MARKER), "no text of a report belongs into a log: {said}");
}

#[tokio::test]
async fn an_item_that_cannot_be_read_is_named() {
    let desk = Desk::open().await;
    let medium = desk.ready_medium(&reporter()).await;
    let life = Life::begin(desk.store(), &reporter(), routine(), vec![medium.clone()]).await;
    let id = life.report().id;
    desk.store().record_access(AccessHead::default(), id, &officer(), &Reading::report(), now(), None).await.unwrap();
    let command = life.report().created_by;

    let officer = officer();
    let items = [
        (Key::Member(officer.id.clone()), "role"),
        (Key::Report(id), "head"),
        (Key::Event(id, 1), "actor"),
        (Key::Content(id, 1, 0), "text"),
        (Key::QueueEntry(id, Stage::Officer), "state"),
        (Key::AccessHead(id), "hash"),
        (Key::Access(id, 1), "actor"),
        (Key::Receipt(command), "fingerprint"),
        (Key::Media(medium.id), "owner"),
    ];
    for (key, field) in items {
        let good = desk.item(&key).await.unwrap_or_else(|| panic!("{key:?} is there"));
        for (bad, why) in broken(&good, field) {
            desk.put(&key, bad).await;
            let loaded = desk.store().load([key.clone()]).await.unwrap();
            match &key {
                Key::Member(id) => names_item(loaded.actor(id), &key, why),
                Key::Report(id) => {
                    names_item(loaded.report(*id), &key, why);
                    names_item(desk.store().history(*id).await, &key, why);
                }
                Key::Event(id, _) | Key::Content(id, ..) => names_item(desk.store().history(*id).await, &key, why),
                Key::QueueEntry(_, stage) => {
                    let queue = desk.store().list(List::Queue(&officer.node, *stage), &officer.id, 9, None).await;
                    names_item(queue, &key, why);
                }
                Key::AccessHead(id) => names_item(loaded.access_head(*id), &key, why),
                Key::Access(id, _) => names_item(desk.store().accesses(*id, 9).await, &key, why),
                Key::Receipt(command) => names_item(loaded.receipt(*command), &key, why),
                Key::Media(id) => names_item(loaded.media(*id), &key, why),
                other => panic!("{other:?} is not in the list above"),
            }
        }
        desk.put(&key, good).await;
    }
    life.check().await;
}

#[tokio::test]
async fn a_caller_is_not_told_of_an_item_that_cannot_be_read() {
    let desk = Desk::open().await;
    let life = Life::begin(desk.store(), &reporter(), routine(), Vec::new()).await;
    let key = Key::Report(life.report().id);
    let mut item = desk.item(&key).await.unwrap();
    item.remove("head");
    desk.put(&key, item).await;

    let person = Person::sign_in(&desk.bundle.url, officer().id.as_str()).await.unwrap();
    let path = format!("/officer-review/reports/{}", life.report().id);
    let read = person.get(&path).await.unwrap().expect(500).unwrap();
    assert_eq!(read.text("/type"), "/problems/internal");
    for inside in ["head", "REPORT", "Reports", "item"] {
        assert!(!read.body.to_string().contains(inside), "{}", read.body);
    }
    assert_eq!(desk.store().accesses(life.report().id, 9).await, Ok(Vec::new()), "nothing was shown");
}
