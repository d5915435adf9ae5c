//! Transfers through the bank: put into a batch by one, released by another, and paid as the bank answers, once.
//!
//! The bank is a stand-in that reads the order as it is published, and writes its answer.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use pingan_bankfile::{Order, answer, order};
use pingan_domain::{
    ledger::{Entry, Fund, FundId},
    payout::{self, BankReason, PayoutId},
    payout_answer::BankResult,
    payout_transfer,
};
use pingan_local::client::{Answer, Person};
use pingan_store::{Key, Store};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
    harness::{DEMO, World, assert_says_nothing_of, each, eventually, expect, expect_problem},
    rewards,
};

/// How many at once.
const MANY: usize = 16;
/// What each reward of these tests is worth.
pub(crate) const WORTH_FEN: u64 = 3_000;
/// Whose account the money goes to.
const HOLDER: &str = "王秀兰";

/// Where a district is.
#[derive(Clone)]
pub(crate) enum Place<'a> {
    /// In the world of a test.
    World(&'a World),
    /// At this address.
    Url(String),
}

/// A district with approved rewards, each of a reporter with an account.
pub(crate) struct Desk<'a> {
    place: Place<'a>,
    keys: Arc<AtomicU64>,
    pub(crate) year: i16,
    pub(crate) rewards: Vec<String>,
    pub(crate) reporters: Vec<String>,
}

impl<'a> Desk<'a> {
    fn new(place: Place<'a>, year: i16) -> Self {
        Self { place, keys: Arc::new(AtomicU64::new(1)), year, rewards: Vec::new(), reporters: Vec::new() }
    }

    /// Fills a district that has neither rules nor a fund. `today` is the day there.
    pub(crate) async fn fill(place: Place<'a>, today: jiff::civil::Date, count: usize) -> Self {
        let mut desk = Self::new(place, today.year());
        let police = desk.person("district-police").await;
        let rules = rewards::rules(&today.to_string());
        expect(desk.post(&police, &format!("{DEMO}/reward-rules"), None, &rules).await, 201);
        let grant = json!({ "movement": "grant", "amount_fen": 1_000_000, "reason": "Budget, document 12." });
        expect(desk.post(&police, &format!("{DEMO}/funds/{}/movements", desk.year), Some(0), &grant).await, 200);
        desk.earns(count).await;
        desk
    }

    async fn open(world: &'a World, count: usize) -> Self {
        Self::fill(Place::World(world), rewards::today(world), count).await
    }

    /// So many rewards in a world that has rules and a fund.
    pub(crate) async fn beside(world: &'a World, count: usize) -> Self {
        let mut desk = Self::new(Place::World(world), rewards::today(world).year());
        desk.earns(count).await;
        desk
    }

    async fn earns(&mut self, count: usize) {
        let desk = self;
        let (officer, station) = (desk.person("officer-boatyard").await, desk.person("station-river").await);
        let (police, governance) = (desk.person("district-police").await, desk.person("district-governance").await);
        for i in 0..count {
            let (member, reporter) = desk.recruits(&officer, i).await;
            let report = json!({ "category": "hazard", "text": "Gas bottles beside a kitchen." });
            let report = expect(desk.post(&reporter, "/reports", None, &report).await, 201).text("/id").to_owned();
            for (reviewer, stage) in [(&officer, "officer"), (&station, "station"), (&police, "district")] {
                let path = format!("/{stage}-review/reports/{report}");
                let version = reviewer.get(&path).await.unwrap().version();
                let approve = json!({ "decision": "approve" });
                expect(desk.post(reviewer, &format!("{path}/decisions"), version, &approve).await, 200);
            }
            let reward = eventually("its reward", async || {
                let list = expect(police.get(&format!("{DEMO}/rewards?limit=100")).await.unwrap(), 200);
                let found =
                    list.body["items"].as_array().unwrap().iter().find(|item| item["of"]["report"] == *report)?;
                Some(found["id"].as_str().unwrap().to_owned())
            })
            .await;
            for manager in [&governance, &police] {
                let path = format!("{DEMO}/rewards/{reward}");
                let version = manager.get(&path).await.unwrap().version();
                expect(desk.post(manager, &format!("{path}/steps"), version, &json!({ "step": "agree" })).await, 200);
            }
            desk.reporters.push(member);
            desk.rewards.push(reward);
        }
    }

    /// Recruits a reporter, who says where to pay to: the member's id, and the phone.
    async fn recruits(&self, officer: &Person, number: usize) -> (String, Person) {
        let phone = format!("138001{number:05}");
        let body = json!({ "node": "demo.river.boatyard", "kind": "resident", "name": HOLDER, "phone": phone });
        let made = expect(self.post(officer, &format!("{DEMO}/members"), None, &body).await, 201);
        let id = made.text("/id").to_owned();
        let person = self.person(&id).await;
        let invitation = json!({ "member": id, "code": made.text("/invitation/code") });
        expect(person.put_json("/me/account", None, &invitation).await.unwrap(), 200);
        self.says_account(&person, &id, &account(number)).await;
        (id, person)
    }

    async fn says_account(&self, person: &Person, member: &str, account: &str) {
        let payment = json!({ "holder": HOLDER, "bank": "建设银行", "account": account });
        expect(person.put_json(&format!("{DEMO}/members/{member}/payment"), None, &payment).await.unwrap(), 204);
    }

    /// The same district at another address.
    pub(crate) fn at(&self, url: &str) -> Desk<'static> {
        Desk {
            place: Place::Url(url.to_owned()),
            keys: self.keys.clone(),
            year: self.year,
            rewards: self.rewards.clone(),
            reporters: self.reporters.clone(),
        }
    }

    pub(crate) async fn person(&self, id: &str) -> Person {
        match &self.place {
            Place::World(world) => world.person(id).await,
            Place::Url(url) => Person::sign_in(url, id).await.unwrap(),
        }
    }

    /// A key that this person has not used.
    fn key_of(&self, id: &str) -> Uuid {
        match &self.place {
            Place::World(world) => world.keys(id).next(),
            Place::Url(_) => self.key(),
        }
    }

    /// A key that nobody has used at this address.
    pub(crate) fn key(&self) -> Uuid {
        Uuid::from_u64_pair(2, self.keys.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) async fn post(&self, person: &Person, path: &str, version: Option<u64>, body: &Value) -> Answer {
        person.post(path, self.key_of(&person.id), version, body).await.unwrap()
    }

    /// The reporter of this reward asks for a transfer, however it is answered.
    pub(crate) async fn asks(&self, number: usize) -> Answer {
        let person = self.person(&self.reporters[number]).await;
        self.post(&person, &format!("/me/rewards/{}/transfer", self.rewards[number]), None, &json!({})).await
    }

    /// A batch with nothing in it.
    pub(crate) async fn makes(&self) -> String {
        let treasurer = self.person("treasurer").await;
        let made = self.post(&treasurer, &format!("{DEMO}/batches"), None, &json!({})).await;
        expect(made, 201).text("/id").to_owned()
    }

    pub(crate) fn shares(&self, numbers: &[usize]) -> Value {
        let shares: Vec<_> =
            numbers.iter().map(|number| json!({ "reward": self.rewards[*number], "share": 0 })).collect();
        json!({ "shares": shares })
    }

    /// The treasurer puts these in, as the batch is now, however it is answered.
    pub(crate) async fn adds(&self, batch: &str, numbers: &[usize]) -> Answer {
        let treasurer = self.person("treasurer").await;
        let version = self.reads(batch).await.version();
        self.post(&treasurer, &format!("{DEMO}/batches/{batch}/lines"), version, &self.shares(numbers)).await
    }

    pub(crate) async fn reads(&self, batch: &str) -> Answer {
        expect(self.person("treasurer").await.get(&format!("{DEMO}/batches/{batch}")).await.unwrap(), 200)
    }

    /// Somebody takes a step, as the batch is now, however it is answered.
    pub(crate) async fn steps(&self, who: &str, batch: &str, step: &str) -> Answer {
        let person = self.person(who).await;
        let version = self.reads(batch).await.version();
        self.post(&person, &format!("{DEMO}/batches/{batch}/steps"), version, &json!({ "step": step })).await
    }

    /// A released batch of these, and what the bank reads.
    pub(crate) async fn released(&self, numbers: &[usize]) -> (String, Order) {
        for number in numbers {
            expect(self.asks(*number).await, 200);
        }
        let batch = self.makes().await;
        for portion in numbers.chunks(payout_transfer::MAX_PORTION) {
            expect(self.adds(&batch, portion).await, 200);
        }
        expect(self.steps("district-governance", &batch, "release").await, 200);
        let order = self.fetches(&batch).await;
        (batch, order)
    }

    /// What the bank reads of a released batch.
    async fn fetches(&self, batch: &str) -> Order {
        let file = self.person("treasurer").await.get(&format!("{DEMO}/batches/{batch}/file")).await.unwrap();
        let file = expect(file, 200);
        assert_eq!(file.headers["content-type"], "text/csv; charset=utf-8");
        assert_eq!(file.headers["cache-control"], "no-store");
        order::read(file.body.as_str().unwrap().as_bytes()).unwrap()
    }

    /// Brings an answer under a key of its own, however it is answered.
    pub(crate) async fn brings(&self, batch: &str, file: &[u8]) -> Answer {
        brings(&self.person("treasurer").await, self.key(), batch, file).await.unwrap()
    }

    pub(crate) async fn fund(&self, store: &Store) -> (Fund, Vec<Entry>) {
        let id = FundId { district: "demo".parse().unwrap(), year: self.year };
        let entries = store.ledger(&id).await.unwrap();
        let fund = Fund::replay(id.clone(), &entries).unwrap();
        assert!(fund.is_balanced(), "{fund:?}");
        let stands = store.load([Key::Fund(id.clone())]).await.unwrap().fund(&id).unwrap().unwrap();
        assert_eq!(stands, fund, "the fund is what its ledger makes it");
        (fund, entries)
    }

    /// What stands in the records of each share, without moments and codes: to be compared. Every chain is verified.
    pub(crate) async fn picture(&self, store: &Store) -> Vec<String> {
        let mut lines = Vec::new();
        for reward in &self.rewards {
            let id = PayoutId { reward: reward.parse().unwrap(), share: 0 };
            let loaded = store.load([Key::Payout(id), Key::Reward(id.reward)]).await.unwrap();
            let (payout, reward) = (loaded.payout(id).unwrap(), loaded.reward(id.reward).unwrap().unwrap());
            let Some(payout) = payout else { continue };
            let events = store.payout_events(id.reward).await.unwrap();
            assert_eq!(payout::verify_chain(&events, payout.head), Ok(()), "{id}");
            let reference = payout.paid.as_ref().and_then(|paid| paid.bank_reference.clone());
            lines.push(format!(
                "{id} {} {} {:?} {reference:?} reward {} {}",
                payout.version, payout.state, payout.refused, reward.version, reward.state
            ));
        }
        let (fund, entries) = self.fund(store).await;
        lines.push(format!("{} {} {} {}", fund.version, fund.available_fen, fund.reserved_fen, fund.paid_fen));
        for entry in entries {
            lines.push(format!("{} {} {} {:?}", entry.seq, entry.movement, entry.amount_fen, entry.reward));
        }
        lines
    }
}

/// The account of the reporter of this number.
fn account(number: usize) -> String {
    format!("6217 0000 {number:08}")
}

/// Sends the bank's answer as it came.
pub(crate) async fn brings(
    person: &Person,
    key: Uuid,
    batch: &str,
    file: &[u8],
) -> Result<Answer, pingan_local::client::Failure> {
    let headers = [("idempotency-key", key.to_string()), ("content-type", "text/csv".to_owned())];
    let body = String::from_utf8(file.to_vec()).unwrap();
    person.send(Method::POST, &format!("{DEMO}/batches/{batch}/answer"), &headers, Some(body)).await
}

/// That the bank has paid this line.
pub(crate) fn paid(line: usize) -> BankResult {
    BankResult::Paid { reference: format!("BK-{line:04}") }
}

pub(crate) const REFUSED: BankResult = BankResult::Refused { reason: BankReason::NameMismatch };

/// Shares at each point of being paid, for the tests of who may do what and of what is refused.
pub(crate) struct Prepared {
    /// Who has the reward of which nothing has happened yet.
    pub(crate) reporter: &'static str,
    pub(crate) fresh: String,
    /// What is shown at the counter.
    pub(crate) shown: Value,
    /// A reward whose code was checked.
    pub(crate) checked: String,
    /// A batch of the treasurer, and what can be put in.
    pub(crate) gathering: String,
    pub(crate) shares: Value,
    /// A batch that can be released.
    pub(crate) full: String,
    /// A batch that is with the bank, and the bank's answer.
    pub(crate) released: String,
    pub(crate) answer: String,
}

impl Prepared {
    /// In a world that has rules and a fund.
    pub(crate) async fn in_world(world: &World) -> Self {
        let desk = Desk::beside(world, 6).await;
        let treasurer = desk.person("treasurer").await;
        let mut shown = Vec::new();
        for number in [1, 2] {
            let (reward, reporter) = (&desk.rewards[number], desk.person(&desk.reporters[number]).await);
            let made = desk.post(&reporter, &format!("/me/rewards/{reward}/claim-code"), None, &json!({})).await;
            shown.push(json!({ "reward": reward, "code": expect(made, 201).text("/code") }));
        }
        expect(desk.post(&treasurer, &format!("{DEMO}/payouts/checks"), None, &shown[1]).await, 200);
        for number in [3, 4] {
            expect(desk.asks(number).await, 200);
        }
        let full = desk.makes().await;
        expect(desk.adds(&full, &[4]).await, 200);
        let (released, order) = desk.released(&[5]).await;
        Self {
            reporter: desk.reporters[0].clone().leak(),
            fresh: desk.rewards[0].clone(),
            shown: shown.remove(0),
            checked: desk.rewards[2].clone(),
            gathering: desk.makes().await,
            shares: desk.shares(&[3]),
            full,
            released,
            answer: String::from_utf8(answer::write(&order, &[paid(1)]).unwrap()).unwrap(),
        }
    }
}

#[tokio::test]
async fn what_the_bank_pays_is_paid_and_what_it_refuses_can_be_paid_again() {
    let world = World::start_here().await;
    let desk = Desk::open(&world, 3).await;
    let store = world.store();
    let (batch, order) = desk.released(&[0, 1, 2]).await;
    // The bank is told everything that it needs, and nobody else is told anything of it.
    let payees: Vec<_> = order.lines.iter().map(|line| (line.payee.account().to_owned(), line.payee.name())).collect();
    assert_eq!(payees, [(account(0), HOLDER), (account(1), HOLDER), (account(2), HOLDER)]);
    assert!(order.lines.iter().all(|line| line.amount_fen == WORTH_FEN));
    let shown = desk.reads(&batch).await;
    assert_says_nothing_of(&shown.body, &[HOLDER, "6217", &desk.reporters[0], &desk.reporters[1]]);
    assert_eq!(each(&shown.body["lines"], "state"), ["batched"; 3]);
    // Nothing pays a share beside its batch, and nothing takes the money back.
    let reporter = desk.person(&desk.reporters[0]).await;
    let code = format!("/me/rewards/{}/claim-code", desk.rewards[0]);
    expect_problem(&desk.post(&reporter, &code, None, &json!({})).await, 409, "wrong_payout_state");

    let file = answer::write(&order, &[paid(1), REFUSED, paid(3)]).unwrap();
    let answered = expect(desk.brings(&batch, &file).await, 200);
    assert_eq!(answered.text("/state"), "settled");
    assert_eq!(each(&answered.body["lines"], "state"), ["paid", "waiting", "paid"]);
    assert_eq!(answered.body["answer"]["paid_fen"], 2 * WORTH_FEN);
    assert_eq!(answered.text("/lines/0/bank_reference"), "BK-0001");
    let (fund, entries) = desk.fund(store).await;
    assert_eq!((fund.reserved_fen, fund.paid_fen), (WORTH_FEN, 2 * WORTH_FEN));
    // The reporter sees why.
    let second = desk.person(&desk.reporters[1]).await;
    let mine = expect(second.get(&format!("/me/rewards/{}/payout", desk.rewards[1])).await.unwrap(), 200);
    assert_eq!((mine.text("/state"), mine.text("/refused")), ("waiting", "name_mismatch"));

    // Neither file brought again changes anything.
    let again = expect(desk.brings(&batch, &file).await, 200);
    assert_eq!((again.version(), again.text("/state")), (answered.version(), "settled"));
    assert_eq!(desk.fund(store).await.1, entries);
    let gone = desk.person("treasurer").await.get(&format!("{DEMO}/batches/{batch}/file")).await.unwrap();
    expect_problem(&gone, 409, "wrong_batch_state");
    // Another answer is none.
    let other = answer::write(&order, &[paid(1), paid(2), paid(3)]).unwrap();
    expect_problem(&desk.brings(&batch, &other).await, 409, "answered_otherwise");

    // Again in another batch, refused again, and then at the counter.
    desk.says_account(&second, &desk.reporters[1], "6217 9999").await;
    let (next, order) = desk.released(&[1]).await;
    assert_eq!(order.lines[0].payee.account(), "6217 9999");
    expect_problem(&desk.brings(&next, &file).await, 400, "invalid");
    let file = answer::write(&order, &[REFUSED]).unwrap();
    expect(desk.brings(&next, &file).await, 200);
    let code = desk.post(&second, &format!("/me/rewards/{}/claim-code", desk.rewards[1]), None, &json!({})).await;
    let shown = json!({ "reward": desk.rewards[1], "code": expect(code, 201).text("/code") });
    let (treasurer, manager) = (desk.person("treasurer").await, desk.person("district-police").await);
    let checked = expect(desk.post(&treasurer, &format!("{DEMO}/payouts/checks"), None, &shown).await, 200);
    let steps = format!("{DEMO}/rewards/{}/payouts/0/steps", desk.rewards[1]);
    expect(desk.post(&manager, &steps, checked.version(), &json!({ "step": "confirm" })).await, 200);
    let (fund, _) = desk.fund(store).await;
    assert_eq!((fund.reserved_fen, fund.paid_fen), (0, 3 * WORTH_FEN));
    // The bank's answer of before pays it no other time.
    expect(desk.brings(&next, &file).await, 200);
    assert_eq!(desk.fund(store).await.0, fund);

    for id in [&batch, &next] {
        let id = id.parse().unwrap();
        let events = store.batch_events(id, 100).await.unwrap();
        let head = store.load([Key::Batch(id)]).await.unwrap().batch(id).unwrap().unwrap().head;
        assert_eq!(payout_transfer::verify_chain(&events, head), Ok(()));
        let actions: Vec<_> = events.iter().map(|event| event.action.to_string()).collect();
        assert_eq!(actions, ["make", "add", "release", "fetch", "answer", "settle"]);
        assert!(store.load([Key::BatchOrder(id)]).await.unwrap().batch_order(id).unwrap().is_none());
    }
    let settled = expect(treasurer.get(&format!("{DEMO}/batches?state=settled")).await.unwrap(), 200);
    let listed: BTreeSet<_> = each(&settled.body["items"], "id").into_iter().collect();
    assert_eq!(listed, BTreeSet::from([&*batch, &*next]));
}

#[tokio::test]
async fn nothing_is_taken_of_a_file_with_a_fault_and_each_is_named() {
    let world = World::start_here().await;
    let desk = Desk::open(&world, 2).await;
    let (batch, order) = desk.released(&[0, 1]).await;
    let before = desk.picture(world.store()).await;
    let file = String::from_utf8(answer::write(&order, &[paid(1), REFUSED]).unwrap()).unwrap();
    let shorter = Order { lines: order.lines[..1].to_vec(), ..order.clone() };
    let longer = Order { lines: [order.lines.clone(), order.lines[..1].to_vec()].concat(), ..order.clone() };
    let of = |order: &Order, results: &[BankResult]| String::from_utf8(answer::write(order, results).unwrap()).unwrap();
    let mut other = order.clone();
    other.batch = pingan_domain::code::Code::from_digest(&pingan_domain::hash::Digest::of(&[b"other"]));
    let mut dearer = order.clone();
    dearer.lines[0].amount_fen = 1;
    // The totals are changed and the checksum is made anew: what a bank's own mistake would look like.
    let (body, _) = file.trim_end().rsplit_once("\r\n").unwrap();
    let checksum = pingan_domain::hash::Digest::of_file(format!("{body}\r\n").as_bytes());
    let wrong_total = format!("{body}\r\ntotal,2,,60.00,1,1,{checksum}\r\n");
    for (what, bad, field, says) in [
        ("truncated", file[..file.len() - 30].to_owned(), "/lines/4", "cut off"),
        ("truncated to its first line", file[..40].to_owned(), "/lines/1", "cut off"),
        ("empty", String::new(), "/lines/1", "cut off"),
        ("changed on its way", file.replace("BK-0001", "BK-0002"), "/lines/4", "another checksum"),
        ("with a wrong total", wrong_total, "/lines/4", "another sum of what was paid"),
        ("of another batch", of(&other, &[paid(1), REFUSED]), "/lines/2", "of another batch"),
        ("with a line that is unknown", of(&longer, &[paid(1), REFUSED, paid(3)]), "/lines/4", "unknown"),
        ("with a line that is missing", of(&shorter, &[paid(1)]), "/", "line 2 of the batch is not answered"),
        ("with another amount", of(&dearer, &[paid(1), REFUSED]), "/lines/2", "another amount"),
        ("larger than a line", "x".repeat(2_000), "/lines/1", "cut off"),
    ] {
        let answer = desk.brings(&batch, bad.as_bytes()).await;
        expect_problem(&answer, 400, "invalid");
        let errors = answer.body["errors"].as_array().unwrap();
        let told = errors.iter().any(|error| {
            error["pointer"] == field && error["detail"].as_str().is_some_and(|detail| detail.contains(says))
        });
        assert!(told, "{what}: {errors:?}");
        assert_eq!(desk.picture(world.store()).await, before, "{what}");
        assert_eq!(desk.reads(&batch).await.text("/state"), "released", "{what}");
    }
    let huge = desk.brings(&batch, "x".repeat(pingan_bankfile::MAX_BYTES + 1).as_bytes()).await;
    expect_problem(&huge, 413, "too_large");
    // What is not with the bank has no answer.
    let gathering = desk.makes().await;
    expect_problem(&desk.brings(&gathering, file.as_bytes()).await, 409, "wrong_batch_state");
    expect(desk.brings(&batch, file.as_bytes()).await, 200);
}

#[tokio::test]
async fn nobody_pays_alone_and_only_whoever_may_touches_a_batch() {
    let world = World::start_here().await;
    let desk = Desk::open(&world, 2).await;
    // Who has no account, and who has one that is no more asked for.
    let seeded = desk.person("reporter-boatyard-1").await;
    let stranger = desk.post(&seeded, &format!("/me/rewards/{}/transfer", desk.rewards[0]), None, &json!({})).await;
    expect_problem(&stranger, 404, "not_found");
    let batch = desk.makes().await;
    let unasked = desk.adds(&batch, &[0]).await;
    expect_problem(&unasked, 400, "invalid");
    assert_eq!(unasked.text("/errors/0/pointer"), "/shares/0");
    expect(desk.asks(0).await, 200);
    expect(desk.adds(&batch, &[0]).await, 200);
    expect_problem(&desk.steps("treasurer", &batch, "release").await, 403, "second_person");
    let file = format!("{DEMO}/batches/{batch}/file");
    let early = desk.person("treasurer").await.get(&file).await.unwrap();
    expect_problem(&early, 409, "wrong_batch_state");
    expect(desk.steps("district-police", &batch, "release").await, 200);
    for who in ["district-police", "auditor"] {
        expect_problem(&desk.person(who).await.get(&file).await.unwrap(), 403, "wrong_role");
    }
    expect_problem(&desk.adds(&batch, &[1]).await, 409, "wrong_batch_state");
    expect_problem(&desk.steps("district-police", &batch, "cancel").await, 409, "wrong_batch_state");
    // The file stays as it was released, whatever somebody changes of their account meanwhile.
    let before = desk.fetches(&batch).await;
    let reporter = desk.person(&desk.reporters[0]).await;
    desk.says_account(&reporter, &desk.reporters[0], "6217 1234").await;
    assert_eq!(desk.fetches(&batch).await, before);
    let shown = expect(desk.person("auditor").await.get(&format!("{DEMO}/batches/{batch}")).await.unwrap(), 200);
    assert_eq!(each(&shown.body["events"], "action"), ["make", "add", "release", "fetch", "fetch"]);
    assert_says_nothing_of(&shown.body, &[HOLDER, "6217", &desk.reporters[0]]);
}

#[tokio::test]
async fn whoever_has_said_no_account_is_told_so() {
    let world = World::start_here().await;
    rewards::ruled(&world).await;
    let reward = rewards::of_report(&world, &crate::handovers::adopted(&world).await).await;
    for manager in ["district-governance", "district-police"] {
        let hand = crate::handovers::Hand::of(&world, manager).await;
        let path = format!("{DEMO}/rewards/{reward}");
        let version = hand.person.get(&path).await.unwrap().version();
        expect(hand.post(&format!("{path}/steps"), version, &json!({ "step": "agree" })).await, 200);
    }
    let reporter = crate::handovers::Hand::of(&world, "reporter-boatyard-1").await;
    let asked = reporter.post(&format!("/me/rewards/{reward}/transfer"), None, &json!({})).await;
    expect_problem(&asked, 409, "no_payment_details");
    expect(reporter.post(&format!("/me/rewards/{reward}/claim-code"), None, &json!({})).await, 201);
}

#[tokio::test]
async fn a_cancelled_batch_lets_its_shares_go_and_a_code_takes_the_place_of_a_transfer() {
    let world = World::start_here().await;
    let desk = Desk::open(&world, 2).await;
    for number in [0, 1] {
        expect(desk.asks(number).await, 200);
    }
    let batch = desk.makes().await;
    expect(desk.adds(&batch, &[0, 1]).await, 200);
    let cancelled = expect(desk.steps("district-police", &batch, "cancel").await, 200);
    // The same step again goes on with what is left, and nothing is.
    expect(desk.steps("treasurer", &batch, "cancel").await, 200);
    assert_eq!(desk.reads(&batch).await.version(), cancelled.version());
    assert_eq!(each(&desk.reads(&batch).await.body["lines"], "state"), ["waiting"; 2]);
    let reporter = desk.person(&desk.reporters[0]).await;
    let code = format!("/me/rewards/{}/claim-code", desk.rewards[0]);
    expect(desk.post(&reporter, &code, None, &json!({})).await, 201);
    let next = desk.makes().await;
    let refused = desk.adds(&next, &[0, 1]).await;
    expect_problem(&refused, 400, "invalid");
    assert_eq!(each(&refused.body["errors"], "pointer"), ["/shares/0"]);
    expect(desk.adds(&next, &[1]).await, 200);
    // Twice in one portion, or of no reward.
    let treasurer = desk.person("treasurer").await;
    let lines = format!("{DEMO}/batches/{next}/lines");
    let version = desk.reads(&next).await.version();
    let unknown = json!({ "shares": [{ "reward": desk.rewards[1], "share": 7 }, { "reward": batch, "share": 0 }] });
    let refused = desk.post(&treasurer, &lines, version, &unknown).await;
    assert_eq!(each(&refused.body["errors"], "pointer"), ["/shares/0", "/shares/1"]);
    assert_eq!(desk.fund(world.store()).await.0.paid_fen, 0);
}

#[tokio::test]
async fn of_many_at_once_each_step_happens_once() {
    let world = World::start_here().await;
    let desk = Desk::open(&world, 2).await;
    let store = world.store();
    for number in [0, 1] {
        expect(desk.asks(number).await, 200);
    }
    let batch = desk.makes().await;
    let all_at_once = async |path: String, who: &'static str, body: Value| {
        let version = desk.reads(&batch).await.version();
        let mut running = JoinSet::new();
        for _ in 0..MANY {
            let (person, key, path, body) = (desk.person(who).await, desk.key(), path.clone(), body.clone());
            running.spawn(async move { person.post(&path, key, version, &body).await.unwrap().status });
        }
        running.join_all().await
    };
    let once = |answers: Vec<u16>| {
        assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
        assert!(answers.iter().all(|status| [200, 400, 409, 412, 503].contains(status)), "{answers:?}");
    };
    once(all_at_once(format!("{DEMO}/batches/{batch}/lines"), "treasurer", desk.shares(&[0, 1])).await);
    let release = json!({ "step": "release" });
    once(all_at_once(format!("{DEMO}/batches/{batch}/steps"), "district-police", release).await);
    let order = desk.fetches(&batch).await;
    let file = answer::write(&order, &[paid(1), paid(2)]).unwrap();
    let mut running = JoinSet::new();
    for _ in 0..MANY {
        let (person, key, batch, file) = (desk.person("treasurer").await, desk.key(), batch.clone(), file.clone());
        running.spawn(async move { brings(&person, key, &batch, &file).await.unwrap().status });
    }
    let answers = running.join_all().await;
    assert!(answers.iter().all(|status| [200, 503].contains(status)), "{answers:?}");
    expect(desk.brings(&batch, &file).await, 200);
    let (fund, _) = desk.fund(store).await;
    assert_eq!((fund.reserved_fen, fund.paid_fen), (0, 2 * WORTH_FEN));
    let events = store.batch_events(batch.parse().unwrap(), 100).await.unwrap();
    let actions: Vec<_> = events.iter().map(|event| event.action.to_string()).collect();
    assert_eq!(actions, ["make", "add", "release", "fetch", "answer", "settle"]);
}

#[tokio::test]
async fn a_retry_under_the_same_key_changes_nothing() {
    let world = World::start_here().await;
    let desk = Desk::open(&world, 1).await;
    let treasurer = desk.person("treasurer").await;
    let manager = desk.person("district-police").await;
    let reporter = desk.person(&desk.reporters[0]).await;
    let twice = async |person: &Person, path: String, version: Option<u64>, body: Value| {
        let key = desk.key();
        let first = person.post(&path, key, version, &body).await.unwrap();
        let second = person.post(&path, key, version, &body).await.unwrap();
        assert_eq!((first.status, &first.body), (second.status, &second.body), "{path}");
        assert_eq!(first.version(), second.version(), "{path}");
        assert!((200..300).contains(&first.status), "{path}: {}", first.body);
        first
    };
    twice(&reporter, format!("/me/rewards/{}/transfer", desk.rewards[0]), None, json!({})).await;
    let batch = twice(&treasurer, format!("{DEMO}/batches"), None, json!({})).await;
    let path = format!("{DEMO}/batches/{}", batch.text("/id"));
    let added = twice(&treasurer, format!("{path}/lines"), batch.version(), desk.shares(&[0])).await;
    twice(&manager, format!("{path}/steps"), added.version(), json!({ "step": "release" })).await;
    let file = answer::write(&desk.fetches(batch.text("/id")).await, &[paid(1)]).unwrap();
    let key = desk.key();
    for _ in 0..2 {
        expect(brings(&treasurer, key, batch.text("/id"), &file).await.unwrap(), 200);
    }
    // The same key for another request is a mistake.
    let other = [file.as_slice(), b"x"].concat();
    expect_problem(&brings(&treasurer, key, batch.text("/id"), &other).await.unwrap(), 422, "idempotency_key_reused");
    assert_eq!(desk.fund(world.store()).await.0.paid_fen, WORTH_FEN);
}
