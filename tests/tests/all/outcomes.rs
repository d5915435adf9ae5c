//! What came of reports: recorded by one, confirmed by another, and counted once.

use std::collections::BTreeSet;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use pingan_domain::{
    access::Opened,
    code::Code,
    district::Label,
    handover::{Handover, HandoverState, Receiver},
    hash::Digest,
    member::{Member, MemberId, MemberState, Role},
    membership::Profile,
    outcome::{OutcomeAction, verify_history},
};
use pingan_local::client::{Answer, Person};
use pingan_store::{Key, outcomes::OutcomeHistory};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    handovers::Hand,
    harness::{Keys, World, assert_says_nothing_of, each, eventually, expect, expect_problem, strings},
    store::verify_accesses,
};

const TEXT: &str = "A workshop behind the boiler house makes pistols at night.";
const EVIDENCE: &str = "Taken in at the workshop; custody record 2037-114.";
/// Where outcomes of the demo district are.
pub(crate) const OUTCOMES: &str = "/districts/demo/outcomes";

/// A report of a community that all three stages have approved; gives its code.
pub(crate) async fn adopted(world: &World, station: &str, community: &str) -> String {
    let report = world.reporter(community).await.reports(TEXT).send().await;
    adopt(world, station, community, &report).await;
    report
}

async fn adopt(world: &World, station: &str, community: &str, report: &str) {
    world.officer(community).await.approves(report).await;
    world.station(station).await.approves(report).await;
    world.district().await.approves(report).await;
}

/// One arrest that came of these reports.
pub(crate) fn arrest(reports: &[&str]) -> Value {
    json!({ "kind": "suspects_arrested", "count": 1, "on": "2026-08-10", "reports": reports, "evidence": EVIDENCE })
}

/// An outcome of a report, recorded by the officer of its community; gives its code.
pub(crate) async fn recorded(world: &World, community: &str, report: &str) -> String {
    let officer = Staff::of(world, &format!("officer-{community}")).await;
    officer.records(&arrest(&[report])).await.text("/id").to_owned()
}

/// Somebody who has to do with outcomes.
pub(crate) struct Staff {
    pub(crate) person: Person,
    keys: Keys,
}

impl Staff {
    pub(crate) async fn of(world: &World, id: &str) -> Self {
        Self { person: world.person(id).await, keys: world.keys(id) }
    }

    async fn tries_to_record(&self, outcome: &Value) -> Answer {
        self.person.post(OUTCOMES, self.keys.next(), None, outcome).await.unwrap()
    }

    async fn records(&self, outcome: &Value) -> Answer {
        expect(self.tries_to_record(outcome).await, 201)
    }

    async fn reads(&self, code: &str) -> Answer {
        expect(self.tries_to_read(code).await, 200)
    }

    async fn tries_to_read(&self, code: &str) -> Answer {
        self.person.get(&format!("{OUTCOMES}/{code}")).await.unwrap()
    }

    /// Takes a step of an outcome as it is now, however it is answered.
    async fn tries(&self, code: &str, step: &Value) -> Answer {
        let version = self.tries_to_read(code).await.version().or(Some(1));
        self.steps(code, self.keys.next(), version, step).await
    }

    async fn steps(&self, code: &str, key: Uuid, version: Option<u64>, step: &Value) -> Answer {
        self.person.post(&format!("{OUTCOMES}/{code}/steps"), key, version, step).await.unwrap()
    }

    async fn takes(&self, code: &str, step: &Value) -> Answer {
        expect(self.tries(code, step).await, 200)
    }

    async fn lists(&self, query: &str) -> Answer {
        expect(self.person.get(&format!("{OUTCOMES}{query}")).await.unwrap(), 200)
    }

    async fn lists_of(&self, report: &str) -> Answer {
        self.person.get(&format!("/districts/demo/reports/{report}/outcomes")).await.unwrap()
    }

    /// What stands in their inbox: what it is about, what was done, and its code.
    async fn told(&self) -> Vec<(String, String, String)> {
        told(&self.person).await
    }
}

async fn told(person: &Person) -> Vec<(String, String, String)> {
    let inbox = expect(person.get("/me/inbox?limit=100").await.unwrap(), 200);
    let text = |item: &Value, field: &str| item[field].as_str().unwrap_or_default().to_owned();
    let items = inbox.body["items"].as_array().unwrap().iter();
    items.map(|item| (text(item, "about"), text(item, "action"), text(item, text(item, "about").as_str()))).collect()
}

fn confirm() -> Value {
    json!({ "step": "confirm" })
}

fn correct(count: u32) -> Value {
    json!({
        "step": "correct", "kind": "suspects_arrested", "count": count, "on": "2026-08-11", "evidence": "The court's list.",
    })
}

async fn history(world: &World, code: &str) -> OutcomeHistory {
    let history = world.store().outcome_history(code.parse().unwrap()).await.unwrap().unwrap();
    verify_history(&history.events, history.outcome.head).unwrap();
    history
}

/// What the events of these outcomes have counted in all.
async fn counted(world: &World, codes: &[&str]) -> i64 {
    let mut sum = 0;
    for code in codes {
        for event in history(world, code).await.events {
            sum += event.after.map_or(0, |counted| i64::from(counted.count));
            sum -= event.before.map_or(0, |counted| i64::from(counted.count));
        }
    }
    sum
}

#[tokio::test]
async fn two_reports_and_one_arrest_count_once() {
    let world = World::start().await;
    let first = adopted(&world, "river", "boatyard").await;
    let second = adopted(&world, "river", "ferry").await;
    let (officer, ferry) = (Staff::of(&world, "officer-boatyard").await, Staff::of(&world, "officer-ferry").await);
    let (police, governance) =
        (Staff::of(&world, "district-police").await, Staff::of(&world, "district-governance").await);

    let made = officer.records(&arrest(&[&first])).await;
    let arrested = made.text("/id").to_owned();
    assert_eq!((made.text("/state"), &made.body["counts"]), ("proposed", &json!(false)));
    assert_eq!((made.text("/kind_name/zh_cn"), strings(&made.body["reports"])), ("抓获犯罪嫌疑人", vec![&*first]));
    assert_eq!(made.body["possible_duplicates"], json!([]));
    assert_eq!(made.headers["location"], format!("{OUTCOMES}/{arrested}"));

    // Another community records the same, and is shown that there may be one already.
    let again = eventually("the index of kinds", async || {
        let made = ferry.records(&arrest(&[&second])).await;
        let shown = each(&made.body["possible_duplicates"], "id").contains(&&*arrested);
        shown.then_some(made)
    })
    .await;
    let shown = &again.body["possible_duplicates"].as_array().unwrap().iter().find(|one| one["id"] == *arrested);
    assert_eq!(
        shown.unwrap(),
        &json!({
            "id": arrested, "kind": "suspects_arrested", "count": 1, "on": "2026-08-10", "state": "proposed",
            "same_report": false,
        })
    );
    expect_problem(&ferry.tries_to_read(&arrested).await, 404, "not_found");
    let link = json!({ "step": "link", "report": second });
    let linked = ferry.takes(&arrested, &link).await;
    assert_eq!(strings(&linked.body["reports"]), [&*second], "the other report lies outside");
    assert_eq!(linked.body.get("node"), None);
    let again = again.text("/id").to_owned();
    police.takes(&again, &json!({ "step": "refuse", "reason": "It is counted already." })).await;
    let confirmed = governance.takes(&arrested, &confirm()).await;
    assert_eq!((confirmed.text("/state"), &confirmed.body["counts"]), ("confirmed", &json!(true)));
    assert_eq!(confirmed.body["reports"], json!([first, second]));
    assert_eq!(counted(&world, &[&arrested, &again]).await, 1);
    let kept = history(&world, &arrested).await;
    let counts = kept.outcome.counted.unwrap();
    assert_eq!((counts.node.as_str(), counts.on.to_string().as_str()), ("demo.river.boatyard", "2026-08-10"));

    // Both reporters are told that something came of it, and nothing else.
    for (community, report) in [("boatyard", &first), ("ferry", &second)] {
        let reporter = world.reporter(community).await;
        let news = ("report".to_owned(), "outcome".to_owned(), report.clone());
        assert_eq!(told(&reporter.person).await.iter().filter(|told| **told == news).count(), 1);
        let message = eventually("the message", async || {
            let all = world.notices_since(0).await;
            all.into_iter().find(|one| {
                one["attributes"]["action"] == "outcome" && one["message"].as_str().unwrap().contains(report)
            })
        })
        .await;
        assert_says_nothing_of(&message, &["suspects", "抓获", EVIDENCE]);
    }
    assert!(officer.told().await.contains(&("outcome".to_owned(), "confirm".to_owned(), arrested.clone())));
    assert!(ferry.told().await.contains(&("outcome".to_owned(), "refuse".to_owned(), again.clone())));
    assert!(police.told().await.contains(&("outcome".to_owned(), "record".to_owned(), arrested.clone())));

    // It stands with both reports, for those who may review them.
    for (staff, report) in [(&officer, &first), (&ferry, &second), (&police, &first)] {
        let listed = expect(staff.lists_of(report).await, 200);
        let states: Vec<_> =
            each(&listed.body["items"], "id").into_iter().zip(each(&listed.body["items"], "state")).collect();
        assert!(states.contains(&(&*arrested, "confirmed")), "{}", listed.body);
    }
    expect_problem(&officer.lists_of(&second).await, 404, "not_found");
}

/// What was written of an outcome goes with the last of its reports; what was counted stays.
#[tokio::test]
async fn texts_go_with_the_last_report_and_what_was_counted_stays() {
    let world = World::start_here().await;
    let first = adopted(&world, "river", "boatyard").await;
    let second = adopted(&world, "river", "boatyard").await;
    let (officer, police) = (Staff::of(&world, "officer-boatyard").await, Staff::of(&world, "district-police").await);
    let code = officer.records(&arrest(&[&first])).await.text("/id").to_owned();
    officer.takes(&code, &json!({ "step": "link", "report": second })).await;
    police.takes(&code, &confirm()).await;
    officer.takes(&code, &correct(2)).await;
    police.takes(&code, &json!({ "step": "refuse", "reason": "The court's list says one." })).await;
    let other = officer.records(&arrest(&[&second])).await.text("/id").to_owned();
    let (hand, review) = (Hand::of(&world, "district-police").await, world.district().await);
    let ends = async |report: &str, reason: &str| {
        hand.closes(report).await;
        review.reopens(report, "New facts.").await;
        review.rejects(report, reason).await;
    };
    let texts = async |code: &str| history(&world, code).await.notes.len();

    // One report is left: what was written stands on it.
    ends(&first, "unfounded").await;
    assert_eq!(world.store().erase_outcome_notes(first.parse().unwrap()).await, Ok(0));
    assert_eq!((texts(&code).await, texts(&other).await), (3, 1));
    ends(&second, "out_of_scope_lawful_activity").await;
    for code in [&code, &other] {
        eventually("the texts are gone", async || (texts(code).await == 0).then_some(())).await;
    }
    assert_eq!(world.store().erase_outcome_notes(second.parse().unwrap()).await, Ok(0), "once is enough");

    let kept = history(&world, &code).await;
    assert_eq!((kept.events.len(), kept.events.iter().filter(|event| event.note.is_some()).count()), (5, 3));
    assert_eq!(counted(&world, &[&code, &other]).await, 1, "what happened has happened");
    let read = police.reads(&code).await;
    assert_eq!((read.text("/state"), &read.body["counts"]), ("confirmed", &json!(true)));
    assert!(read.body["history"].as_array().unwrap().iter().all(|event| event.get("note").is_none()), "{}", read.body);
    let client = crate::harness::dynamodb(&world.bundle().dynamodb_url, "us-east-1");
    let mut pages = client.scan().table_name(&world.store().tables().outcomes).into_paginator().send();
    while let Some(page) = pages.next().await {
        assert_says_nothing_of(&format!("{:?}", page.unwrap().items), &[EVIDENCE, "court"]);
    }
    // Only an unfounded report that has nothing erased calls for it as well.
    let third = adopted(&world, "river", "boatyard").await;
    let alone = officer.records(&arrest(&[&third])).await.text("/id").to_owned();
    ends(&third, "not_confirmed").await;
    review.reopens(&third, "New facts.").await;
    assert_eq!(texts(&alone).await, 1);
    review.rejects(&third, "unfounded").await;
    eventually("the text is gone", async || (texts(&alone).await == 0).then_some(())).await;
}

/// Whoever opens an outcome is in the trail, and who may not know of it leaves no trace in it.
#[tokio::test]
async fn who_reads_an_outcome_is_put_on_record() {
    let world = World::start().await;
    let report = adopted(&world, "river", "boatyard").await;
    let code = recorded(&world, "boatyard", &report).await;
    let readings = async || {
        let readings = world.store().accesses(code.parse().unwrap(), 100).await.unwrap();
        verify_accesses(&readings);
        readings
    };
    assert_eq!(readings().await.len(), 0, "to record it is not to read it");
    for id in ["officer-boatyard", "station-river", "district-police", "auditor"] {
        Staff::of(&world, id).await.reads(&code).await;
    }
    for id in ["officer-ferry", "agency-fire"] {
        expect_problem(&Staff::of(&world, id).await.tries_to_read(&code).await, 404, "not_found");
    }
    let found: Vec<_> = readings().await.into_iter().map(|read| (read.actor.to_string(), read.opened)).collect();
    let by = |id: &str| (id.to_owned(), Opened::Outcome);
    assert_eq!(found, ["officer-boatyard", "station-river", "district-police", "auditor"].map(by));
    // Sixteen at once all are in it.
    let police = Staff::of(&world, "district-police").await;
    join_all((0..16).map(|_| police.reads(&code))).await;
    assert_eq!(readings().await.len(), 20);
}

/// Whoever stands in for an absent reviewer does with outcomes what that one could, within the time.
#[tokio::test]
async fn a_deputy_records_for_the_absent_one() {
    let world = World::start_here().await;
    let report = adopted(&world, "river", "boatyard").await;
    let own = adopted(&world, "river", "ferry").await;
    let (station, deputy) = (Staff::of(&world, "station-river").await, Staff::of(&world, "officer-ferry").await);
    let member = "/districts/demo/members/officer-boatyard";
    expect_problem(&deputy.tries_to_record(&arrest(&[&report])).await, 400, "invalid");
    let now = world.now().unwrap();
    let absence = json!({ "from": now, "until": now + SignedDuration::from_hours(24), "deputy": "officer-ferry" });
    let version = station.person.get(member).await.unwrap().version();
    let absence = station.person.put_json(&format!("{member}/absence"), version, &absence).await.unwrap();
    let begun = expect(absence, 200);

    let key = deputy.keys.next();
    let body = arrest(&[&report, &own]);
    let send = async || deputy.person.post(OUTCOMES, key, None, &body).await.unwrap();
    let made = expect(send().await, 201);
    let code = made.text("/id").to_owned();
    assert_eq!((made.text("/node"), expect(send().await, 201).text("/id")), ("demo.river.boatyard", &*code));
    assert_eq!(strings(&made.body["reports"]), [&*report, &*own], "they see both places");
    let earlier = recorded(&world, "boatyard", &report).await;
    for code in [&code, &earlier] {
        deputy.reads(code).await;
        deputy.takes(code, &correct(2)).await;
    }
    let kept = history(&world, &earlier).await;
    assert_eq!(kept.events[1].actor.as_str(), "officer-ferry", "the history says who it was");
    expect(deputy.lists_of(&report).await, 200);
    eventually("the list of the covered community", async || {
        let listed = deputy.lists("?node=demo.river.boatyard").await;
        each(&listed.body["items"], "id").contains(&&*earlier).then_some(())
    })
    .await;
    expect_problem(&deputy.tries(&earlier, &confirm()).await, 403, "wrong_role");

    let headers: Vec<_> = begun.version().map(|version| ("if-match", format!("\"{version}\""))).into_iter().collect();
    let ended = station.person.send(Method::DELETE, &format!("{member}/absence"), &headers, None).await.unwrap();
    expect(ended, 200);
    expect_problem(&deputy.tries_to_read(&earlier).await, 404, "not_found");
    expect_problem(&deputy.tries(&earlier, &correct(3)).await, 404, "not_found");
    expect_problem(&deputy.lists_of(&report).await, 404, "not_found");
    let listed = deputy.person.get(&format!("{OUTCOMES}?node=demo.river.boatyard")).await.unwrap();
    expect_problem(&listed, 404, "not_found");
    expect_problem(&deputy.tries_to_record(&arrest(&[&report])).await, 400, "invalid");
    deputy.reads(&code).await;
}

#[tokio::test]
async fn sixteen_who_confirm_at_once_confirm_once() {
    let world = World::start().await;
    let report = adopted(&world, "river", "boatyard").await;
    let code = recorded(&world, "boatyard", &report).await;
    let managers = [Staff::of(&world, "district-police").await, Staff::of(&world, "district-governance").await];
    let all = (0..16).map(|i| {
        let (manager, code) = (&managers[i % 2], &code);
        async move { manager.steps(code, manager.keys.next(), Some(1), &confirm()).await.status }
    });
    let mut answers = join_all(all).await;
    answers.sort_unstable();
    assert_eq!((answers[0], &answers[1..]), (200, &[412; 15][..]));
    let kept = history(&world, &code).await;
    assert_eq!((kept.events.len(), counted(&world, &[&code]).await), (2, 1));
    let reporter = world.reporter("boatyard").await;
    assert_eq!(told(&reporter.person).await.iter().filter(|(_, action, _)| action == "outcome").count(), 1);
}

#[tokio::test]
async fn what_is_sent_again_is_done_once() {
    let world = World::start().await;
    let report = adopted(&world, "river", "boatyard").await;
    let (officer, police) = (Staff::of(&world, "officer-boatyard").await, Staff::of(&world, "district-police").await);
    let key = officer.keys.next();
    let body = arrest(&[&report]);
    let all = (0..16).map(|_| async { officer.person.post(OUTCOMES, key, None, &body).await.unwrap() });
    let made: Vec<_> = join_all(all).await.into_iter().map(|made| expect(made, 201)).collect();
    let codes: BTreeSet<_> = made.iter().map(|made| made.text("/id")).collect();
    assert_eq!(codes.len(), 1);
    let code = made[0].text("/id");
    let other = officer.person.post(OUTCOMES, key, None, &arrest(&[])).await.unwrap();
    expect_problem(&other, 422, "idempotency_key_reused");

    let key = police.keys.next();
    let step = confirm();
    let all = (0..16).map(|_| police.steps(code, key, Some(1), &step));
    for answer in join_all(all).await {
        assert_eq!(expect(answer, 200).version(), Some(2));
    }
    expect_problem(&police.steps(code, key, Some(2), &correct(2)).await, 422, "idempotency_key_reused");
    expect_problem(&police.steps(code, police.keys.next(), None, &correct(2)).await, 428, "version_missing");
    expect_problem(&police.steps(code, police.keys.next(), Some(1), &correct(2)).await, 412, "version_stale");
    assert_eq!(counted(&world, &[code]).await, 1);
    assert_eq!(each(&officer.lists_of(&report).await.body["items"], "id"), [code]);
}

#[tokio::test]
async fn a_correction_is_a_new_entry_that_somebody_else_confirms() {
    let world = World::start().await;
    let report = adopted(&world, "river", "boatyard").await;
    let (police, governance) =
        (Staff::of(&world, "district-police").await, Staff::of(&world, "district-governance").await);
    let code = police.records(&arrest(&[&report])).await.text("/id").to_owned();
    expect_problem(&police.tries(&code, &confirm()).await, 403, "own_outcome");
    governance.takes(&code, &confirm()).await;

    let corrected = governance.takes(&code, &correct(3)).await;
    assert_eq!((corrected.text("/state"), &corrected.body["count"]), ("confirmed", &json!(1)));
    assert_eq!(corrected.body["waits"], json!({ "kind": "suspects_arrested", "count": 3, "on": "2026-08-11" }));
    assert_eq!(counted(&world, &[&code]).await, 1, "until it is confirmed");
    expect_problem(&governance.tries(&code, &confirm()).await, 403, "own_outcome");
    assert_eq!(each(&police.lists("?waiting=true").await.body["items"], "id"), [&*code]);
    police.takes(&code, &confirm()).await;
    assert_eq!(counted(&world, &[&code]).await, 3);
    assert_eq!(each(&police.lists("?waiting=true").await.body["items"], "id"), [""; 0]);

    // A count of 0 annuls it; what was said stays.
    Staff::of(&world, "officer-boatyard").await.takes(&code, &correct(0)).await;
    let refused = police.takes(&code, &json!({ "step": "refuse", "reason": "It is on the court's list." })).await;
    assert_eq!((refused.text("/state"), refused.body.get("waits")), ("confirmed", None));
    Staff::of(&world, "officer-boatyard").await.takes(&code, &correct(0)).await;
    assert_eq!(police.takes(&code, &confirm()).await.text("/state"), "annulled");
    assert_eq!(counted(&world, &[&code]).await, 0);
    expect_problem(&police.tries(&code, &confirm()).await, 409, "wrong_outcome_state");

    let read = police.reads(&code).await;
    let events = read.body["history"].as_array().unwrap();
    let said: Vec<_> = events
        .iter()
        .map(|event| {
            let count = |of: &str| event[of].as_u64();
            let note = event["note"]["text"].as_str().unwrap_or_default();
            (event["action"].as_str().unwrap(), count("counted_before"), count("counted_after"), note)
        })
        .collect();
    assert_eq!(
        said,
        [
            ("record", None, None, EVIDENCE),
            ("confirm", Some(0), Some(1), ""),
            ("correct", None, None, "The court's list."),
            ("confirm", Some(1), Some(3), ""),
            ("correct", None, None, "The court's list."),
            ("refuse", None, None, "It is on the court's list."),
            ("correct", None, None, "The court's list."),
            ("confirm", Some(3), Some(0), ""),
        ]
    );
    assert_eq!((&events[1]["role"], &events[1]["body"]), (&json!("district_manager"), &json!("governance")));
    assert_eq!(events[1].get("actor"), None);
    let audited = Staff::of(&world, "auditor").await.reads(&code).await;
    assert_eq!(audited.body["history"][1]["actor"], "district-governance");
    // Events hold no text, and the note is the one that they are committed to.
    let kept = history(&world, &code).await;
    assert_says_nothing_of(&kept.events, &[EVIDENCE, "court"]);
    for event in kept.events.iter().filter(|event| event.action != OutcomeAction::Confirm) {
        let note = kept.notes.iter().find(|note| note.seq == event.seq).unwrap();
        assert_eq!(Some(note.commit().unwrap()), event.note);
    }
}

/// A hand-over of a report that the agency of fire fighters has accepted.
pub(crate) fn accepted(code: &str, report: &str) -> Handover {
    let then = crate::harness::MORNING.parse::<Timestamp>().unwrap();
    // Written as a record, so that it reads whatever else hand-overs hold.
    let record = json!({
        "id": code, "version": 2, "head": Digest::ZERO, "report": report, "district": "demo",
        "node": "demo.river.boatyard", "category": "crime", "urgency": "routine", "concerns": "nobody",
        "receiver": { "to": "agency", "agency": "fire" }, "asks": "Close the gas.", "state": "accepted",
        "deadline_hours": 24, "due_at": then, "made_by": "district-police", "created_by": Digest::ZERO,
        "created_at": then, "updated_at": then,
    });
    serde_json::from_value(record).unwrap()
}

/// Writes a hand-over as the function of hand-overs does.
async fn put(world: &World, handover: &Handover) {
    let client = crate::harness::dynamodb(&world.bundle().dynamodb_url, "us-east-1");
    let item = pingan_store::item::encode(&Key::Handover(handover.id), handover).unwrap();
    let table = world.store().tables().handovers.clone();
    client.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
}

async fn add(world: &World, id: &str, role: Role, node: &str, agency: Option<&str>) {
    let member = Member {
        id: MemberId::parse(id).unwrap(),
        pseudonym: Code::from_digest(&Digest::of(&[id.as_bytes()])),
        role,
        node: node.parse().unwrap(),
        body: None,
        agency: agency.map(|agency| Label::parse(agency).unwrap()),
        state: MemberState::Active,
    };
    world.store().add_member(&Profile::seeded(member, Timestamp::UNIX_EPOCH)).await.unwrap();
}

fn code(number: u8) -> String {
    Code::from_digest(&Digest::of(&[b"handover", &[number]])).to_string()
}

#[tokio::test]
async fn who_acts_on_a_handover_records_by_it_and_never_learns_the_report() {
    let world = World::start_here().await;
    add(&world, "agency-market", Role::AgencyHandler, "demo", Some("market-regulation")).await;
    add(&world, "next-district", Role::DistrictManager, "next", None).await;
    let report = adopted(&world, "river", "boatyard").await;
    let other = adopted(&world, "river", "boatyard").await;
    let (fire, market) = (Staff::of(&world, "agency-fire").await, Staff::of(&world, "agency-market").await);
    let (next, police) = (Staff::of(&world, "next-district").await, Staff::of(&world, "district-police").await);
    let to_fire = code(1);
    put(&world, &accepted(&to_fire, &report)).await;
    put(&world, &Handover { state: HandoverState::Offered, ..accepted(&code(2), &report) }).await;
    let to_next = Receiver::District { district: "next".parse().unwrap() };
    put(&world, &Handover { receiver: to_next, state: HandoverState::Completed, ..accepted(&code(3), &report) }).await;
    put(&world, &accepted(&code(4), &other)).await;

    let by = |handover: &str, count: u32| {
        json!({
            "kind": "hazards_removed", "count": count, "on": "2026-08-10", "handover": handover, "evidence": EVIDENCE,
        })
    };
    let bad = |answer: Answer, pointer: &str| {
        expect_problem(&answer, 400, "invalid");
        assert_eq!(each(&answer.body["errors"], "pointer"), [pointer]);
    };
    bad(fire.tries_to_record(&by(&code(2), 1)).await, "/handover");
    bad(market.tries_to_record(&by(&to_fire, 1)).await, "/handover");
    bad(police.tries_to_record(&by(&to_fire, 1)).await, "/handover");
    bad(fire.tries_to_record(&arrest(&[&report])).await, "/reports/0");
    expect_problem(&next.tries_to_record(&by(&to_fire, 1)).await, 404, "not_found");

    let made = fire.records(&by(&to_fire, 2)).await;
    let removed = made.text("/id").to_owned();
    assert_eq!((strings(&made.body["handovers"]), made.text("/agency")), (vec![&*to_fire], "fire"));
    let elsewhere = next.records(&by(&code(3), 1)).await;
    assert_eq!(elsewhere.text("/from_district"), "next");
    assert_eq!(elsewhere.body["possible_duplicates"], json!([]), "what others have recorded is not theirs to know");
    let linked = fire.takes(&removed, &json!({ "step": "link", "handover": code(4) })).await;
    assert_eq!(strings(&linked.body["handovers"]), [&*to_fire, &*code(4)]);
    let read = fire.reads(&removed).await;
    let list = fire.lists("").await;
    for answer in [&made, &elsewhere, &linked, &read, &list] {
        assert_says_nothing_of(&answer.body.to_string(), &[&report, &other, "boatyard"]);
    }
    assert_eq!(each(&list.body["items"], "id"), [&*removed]);
    assert_eq!(each(&next.lists("?state=proposed").await.body["items"], "id"), [elsewhere.text("/id")]);
    assert_eq!(each(&market.lists("").await.body["items"], "id"), [""; 0]);
    for stranger in [&market, &next] {
        expect_problem(&stranger.tries_to_read(&removed).await, 404, "not_found");
        expect_problem(&stranger.tries(&removed, &correct(1)).await, 404, "not_found");
    }
    expect_problem(&fire.tries(&removed, &confirm()).await, 403, "wrong_role");
    expect_problem(&next.tries(elsewhere.text("/id"), &confirm()).await, 403, "wrong_role");
    expect_problem(&fire.lists_of(&report).await, 403, "wrong_role");

    // The district confirms it; the reporters are told, and the agency is not shown who did.
    let waiting = police.lists("?waiting=true").await;
    assert_eq!(each(&waiting.body["items"], "id"), [&*removed, elsewhere.text("/id")], "oldest first");
    let confirmed = police.takes(&removed, &confirm()).await;
    assert_eq!(confirmed.body["reports"], json!([report, other]));
    police.takes(&removed, &correct(5)).await;
    let read = fire.reads(&removed).await;
    let events = read.body["history"].as_array().unwrap();
    assert_eq!(each(&read.body["history"], "action"), ["record", "link", "confirm", "correct"]);
    assert_eq!(events[0]["note"]["text"], EVIDENCE);
    assert_eq!((events[2].get("role"), events[2].get("body"), events[3].get("note")), (None, None, None));
    let refused = Staff::of(&world, "district-governance").await;
    refused.takes(&removed, &json!({ "step": "refuse", "reason": "Two, says the fire chief." })).await;
    let read = fire.reads(&removed).await;
    assert_eq!(read.body["history"][4]["note"]["text"], "Two, says the fire chief.");
    let told = told(&world.reporter("boatyard").await.person).await;
    let news: Vec<_> = told.into_iter().filter(|(_, action, _)| action == "outcome").map(|(.., of)| of).collect();
    assert_eq!(news, [report.clone(), other.clone()]);
    // Staff of the district see whose it is.
    let seen = police.reads(&removed).await;
    assert_eq!(
        (&seen.body["history"][0]["agency"], &seen.body["node"]),
        (&json!("fire"), &json!("demo.river.boatyard"))
    );
    assert_eq!(counted(&world, &[&removed]).await, 2);
    // Whoever asks back does not wait for the answer with what came of it, once they have accepted.
    let asked = Handover { state: HandoverState::Asked, ..accepted(&code(5), &report) };
    put(&world, &asked).await;
    bad(fire.tries_to_record(&by(&code(5), 1)).await, "/handover");
    put(&world, &Handover { accepted_at: Some(asked.created_at), ..asked }).await;
    fire.records(&by(&code(5), 1)).await;
}

#[tokio::test]
async fn lists_show_each_their_own_territory() {
    let world = World::start().await;
    let river = adopted(&world, "river", "boatyard").await;
    let north = adopted(&world, "north", "plum-garden").await;
    let about = world.reporter("boatyard").await.reports(TEXT).about_an_officer().send().await;
    world.station("river").await.approves(&about).await;
    world.district().await.approves(&about).await;
    let police = Staff::of(&world, "district-police").await;
    let governance = Staff::of(&world, "district-governance").await;
    let mut codes = Vec::new();
    for report in [&river, &north, &about] {
        codes.push(police.records(&arrest(&[report])).await.text("/id").to_owned());
        world.wait_minutes(1);
    }
    let [of_river, of_north, of_officer] = codes.try_into().unwrap();
    governance.takes(&of_north, &confirm()).await;
    let ids = async |who: &str, query: &str| -> Vec<String> {
        let staff = Staff::of(&world, who).await;
        each(&staff.lists(query).await.body["items"], "id").into_iter().map(ToOwned::to_owned).collect()
    };
    eventually("the lists", async || (ids("district-police", "").await.len() == 3).then_some(())).await;
    assert_eq!(ids("district-police", "").await, [&*of_officer, &of_north, &of_river]);
    assert_eq!(ids("auditor", "").await.len(), 3);
    assert_eq!(ids("district-police", "?state=confirmed").await, [&*of_north]);
    assert_eq!(ids("district-police", "?state=proposed&limit=1").await, [&*of_officer]);
    assert_eq!(ids("district-police", "?node=demo.north").await, [&*of_north]);
    assert_eq!(ids("station-river", "").await, [&*of_officer, &of_river]);
    assert_eq!(ids("officer-boatyard", "").await, [&*of_river], "what names officers is not theirs");
    assert_eq!(ids("officer-plum-garden", "").await, [&*of_north]);
    let officer = Staff::of(&world, "officer-boatyard").await;
    expect_problem(&officer.tries_to_read(&of_officer).await, 404, "not_found");
    expect_problem(&officer.person.get(&format!("{OUTCOMES}?node=demo.north")).await.unwrap(), 404, "not_found");
    expect_problem(&officer.person.get(&format!("{OUTCOMES}?waiting=true")).await.unwrap(), 403, "wrong_role");
    // Nor does it turn up among those that may be the same, for an officer anywhere.
    let neighbour = Staff::of(&world, "officer-plum-garden").await;
    let made = neighbour.records(&arrest(&[&north])).await;
    let shown = each(&made.body["possible_duplicates"], "id");
    assert!(shown.contains(&&*of_north) && !shown.contains(&&*of_officer), "{}", made.body);
    assert_eq!(made.body["possible_duplicates"][0]["same_report"], true);

    // Page by page, with a filter and without.
    for filter in ["?limit=1", "?state=proposed&limit=1"] {
        let (mut seen, mut next) = (Vec::new(), None::<String>);
        for _ in 0..9 {
            let cursor = next.as_ref().map_or(String::new(), |cursor| format!("&cursor={cursor}"));
            let page = police.lists(&format!("{filter}{cursor}")).await;
            seen.extend(each(&page.body["items"], "id").into_iter().map(ToOwned::to_owned));
            next = page.body["next"].as_str().map(ToOwned::to_owned);
            if next.is_none() {
                break;
            }
        }
        let all = ids("district-police", filter.split_once("limit").unwrap().0).await;
        assert_eq!(seen, all, "{filter}");
    }
}
