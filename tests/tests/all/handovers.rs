//! Hand-overs: what agencies and other districts are given, what they do with it, and that erasure follows.

mod erasing;
mod races;

use jiff::Timestamp;
use pingan_domain::{
    code::Code,
    district::{District, Label, Place, StationTasks},
    handover::{self, Handover},
    hash::Digest,
    member::{Body, Member, MemberId, MemberState, Role},
    membership::Profile,
    territory::NodeId,
    text::Text,
};
use pingan_local::client::{Answer, Person};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    harness::{DEMO, Keys, World, assert_says_nothing_of, each, expect, expect_problem, strings},
    store::verify_accesses,
};

/// What the reporter of these tests writes. It says who they are, and must never reach a receiver.
pub(crate) const WRITTEN: &str = "I live above the workshop: it stores gas bottles beside a kitchen. 紫藤花";
/// What the district makes of it, for the receivers.
pub(crate) const WORDED: &str = "A workshop stores gas bottles beside a kitchen. 白玉兰";
/// The address of what was seen.
const ADDRESS: &str = "Boatyard Lane 7";
/// Who sends in the reports of these tests.
const REPORTER: &str = "reporter-boatyard-1";
/// A community of the other district.
pub(crate) const HILLTOP: &str = "elsewhere.hill.top";

/// Somebody who acts on one side of hand-overs.
#[derive(Debug, Clone)]
pub(crate) struct Hand {
    pub(crate) person: Person,
    pub(crate) keys: Keys,
}

impl Hand {
    pub(crate) async fn of(world: &World, id: &str) -> Self {
        Self { person: world.person(id).await, keys: world.keys(id) }
    }

    pub(crate) async fn post(&self, path: &str, version: Option<u64>, body: &Value) -> Answer {
        self.person.post(path, self.keys.next(), version, body).await.unwrap()
    }

    /// Hands a report over as it is now, however it is answered.
    pub(crate) async fn tries_to_hand_over(&self, report: &str, body: &Value) -> Answer {
        let version = self.version_of(report).await;
        self.post(&format!("{DEMO}/reports/{report}/handovers"), version, body).await
    }

    /// Hands a report over, and gives the codes of the hand-overs.
    pub(crate) async fn hands_over(&self, report: &str, body: &Value) -> Vec<String> {
        let made = expect(self.tries_to_hand_over(report, body).await, 201);
        each(&made.body["handovers"], "id").into_iter().map(ToOwned::to_owned).collect()
    }

    /// Closes a report as it is now.
    pub(crate) async fn closes(&self, report: &str) -> Answer {
        let version = self.version_of(report).await;
        expect(self.post(&format!("{DEMO}/reports/{report}/close"), version, &json!({})).await, 200)
    }

    async fn version_of(&self, report: &str) -> Option<u64> {
        self.person.get(&format!("/district-review/reports/{report}")).await.unwrap().version()
    }

    /// Opens a hand-over that the own district has made.
    pub(crate) async fn opens_sent(&self, code: &str) -> Answer {
        expect(self.person.get(&format!("{DEMO}/handovers/{code}")).await.unwrap(), 200)
    }

    /// Takes a step of the district, as the hand-over is now, however it is answered.
    pub(crate) async fn steps_as_sender(&self, code: &str, step: &Value) -> Answer {
        let version = self.opens_sent(code).await.version();
        self.post(&format!("{DEMO}/handovers/{code}/steps"), version, step).await
    }

    /// Opens what was handed over to them, however it is answered.
    pub(crate) async fn tries_to_open(&self, code: &str) -> Answer {
        self.person.get(&format!("/me/handovers/{code}")).await.unwrap()
    }

    pub(crate) async fn opens(&self, code: &str) -> Answer {
        expect(self.tries_to_open(code).await, 200)
    }

    /// Takes a step of the receiver, as the hand-over is now, however it is answered.
    pub(crate) async fn tries(&self, code: &str, step: &Value) -> Answer {
        let version = self.tries_to_open(code).await.version();
        self.post(&format!("/me/handovers/{code}/steps"), version, step).await
    }

    pub(crate) async fn takes(&self, code: &str, step: &Value) -> Answer {
        expect(self.tries(code, step).await, 200)
    }

    pub(crate) async fn lists(&self, path: &str) -> Vec<String> {
        let page = expect(self.person.get(path).await.unwrap(), 200);
        each(&page.body["items"], "id").into_iter().map(ToOwned::to_owned).collect()
    }

    async fn asks_for_link(&self, code: &str, media: Uuid) -> Answer {
        self.person.get(&format!("/handovers/{code}/media/{media}/link")).await.unwrap()
    }

    /// What stands in their inbox of hand-overs: the hand-over and what was done.
    pub(crate) async fn told(&self) -> Vec<(String, String)> {
        let inbox = expect(self.person.get("/me/inbox?limit=100").await.unwrap(), 200);
        let items = inbox.body["items"].as_array().unwrap().iter().filter(|item| item["about"] == "handover");
        let text = |item: &Value, field: &str| item[field].as_str().unwrap().to_owned();
        items.map(|item| (text(item, "handover"), text(item, "action"))).collect()
    }
}

/// A hand-over to these receivers, with everything in it that every report of these tests has.
pub(crate) fn to(receivers: &Value) -> Value {
    json!({
        "receivers": receivers,
        "asks": "Please check the storage of the bottles. 白玉兰",
        "deadline_hours": 16,
        "extract": { "text": WORDED, "place": true },
    })
}

pub(crate) fn to_fire() -> Value {
    to(&json!([{ "to": "agency", "agency": "fire" }]))
}

pub(crate) fn to_elsewhere() -> Value {
    to(&json!([{ "to": "district", "district": "elsewhere" }]))
}

/// A report that was adopted, with so many photos; gives its code and theirs.
pub(crate) async fn adopted_with(world: &World, photos: usize) -> (String, Vec<Uuid>) {
    let reporter = world.reporter("boatyard").await;
    let mut media = Vec::new();
    let mut report = reporter.reports(WRITTEN).at(ADDRESS);
    for _ in 0..photos {
        let photo = reporter.takes_photo().await;
        media.push(photo);
        report = report.with_media(photo);
    }
    let code = report.send().await;
    world.officer("boatyard").await.approves(&code).await;
    world.station("river").await.approves(&code).await;
    world.district().await.approves(&code).await;
    (code, media)
}

pub(crate) async fn adopted(world: &World) -> String {
    adopted_with(world, 0).await.0
}

/// Brings in what the demo district lacks: the handler of another agency, more of the fire brigade's, and another
/// district with its staff.
pub(crate) async fn neighbours(world: &World) {
    let node = |path: &str| path.parse::<NodeId>().unwrap();
    let place = |path: &str| Place { node: node(path), name: Text::new("名", "Name"), target: 0 };
    let elsewhere = District {
        node: node("elsewhere"),
        version: 1,
        name: Text::new("邻区", "Elsewhere"),
        nodes: vec![place("elsewhere.hill"), place(HILLTOP)],
        trades: Vec::new(),
        places: Vec::new(),
        station_tasks: StationTasks::Consent,
        agencies: Vec::new(),
        outcome_kinds: Vec::new(),
    };
    world.store().put_district(&elsewhere, 0).await.unwrap();
    let police = Some(Body::Police);
    for (id, role, place, body, agency) in [
        ("agency-market", Role::AgencyHandler, "demo", None, Some("market-regulation")),
        ("agency-fire-2", Role::AgencyHandler, "demo", None, Some("fire")),
        ("agency-none", Role::AgencyHandler, "demo", None, None),
        ("elsewhere-district", Role::DistrictManager, "elsewhere", police, None),
        ("elsewhere-station", Role::StationManager, "elsewhere.hill", police, None),
        ("elsewhere-officer", Role::Officer, HILLTOP, police, None),
        ("elsewhere-fire", Role::AgencyHandler, "elsewhere", None, Some("fire")),
    ] {
        let member = Member {
            id: MemberId::parse(id).unwrap(),
            pseudonym: Code::from_digest(&Digest::of(&[id.as_bytes()])),
            role,
            node: node(place),
            body,
            agency: agency.map(|label| Label::parse(label).unwrap()),
            state: MemberState::Active,
        };
        world.store().add_member(&Profile::seeded(member, Timestamp::UNIX_EPOCH)).await.unwrap();
    }
}

/// A hand-over as it stands in the table, whose chains are whole and whose texts are those that were committed to.
pub(crate) async fn checked(world: &World, code: &str) -> Handover {
    let code: Code = code.parse().unwrap();
    let (handover, events) = world.store().handover_history(code).await.unwrap().expect("a hand-over with this code");
    assert_eq!(handover::verify_chain(&events, handover.head), Ok(()));
    assert_eq!(handover.version, u64::try_from(events.len()).unwrap());
    assert_eq!(handover::check_words(&handover, &events), Ok(true));
    verify_accesses(&world.store().accesses(code, 100).await.unwrap());
    handover
}

/// Everything that leads to who sent a report in.
async fn secrets(world: &World, report: &str) -> Vec<String> {
    let history = world.history(report).await;
    let pseudonym = history.report.pseudonym;
    [
        REPORTER.to_owned(),
        report.to_owned(),
        report.replace('-', ""),
        pseudonym.to_string(),
        pseudonym.as_str().to_owned(),
        "boatyard-".to_owned(),
        "demo.river".to_owned(),
        "officer-boatyard".to_owned(),
        "station-river".to_owned(),
        "district-police".to_owned(),
        "紫藤花".to_owned(),
    ]
    .into()
}

#[tokio::test]
async fn a_lead_goes_to_an_agency_and_its_result_comes_back() {
    let world = World::start().await;
    neighbours(&world).await;
    let report = adopted(&world).await;
    let (district, fire) = (Hand::of(&world, "district-police").await, Hand::of(&world, "agency-fire").await);
    let made = expect(district.tries_to_hand_over(&report, &to_fire()).await, 201);
    assert_eq!(made.body["report"]["state"], "handed_over");
    assert_eq!(made.version(), made.body["report"]["version"].as_u64(), "the ETag is the report's");
    let code = made.text("/handovers/0/id").to_owned();
    assert_eq!((made.text("/handovers/0/state"), made.text("/handovers/0/report")), ("offered", &*report));

    // The agency finds it in its inbox and its list, and opens it: that is the receipt.
    assert_eq!(fire.told().await, [(code.clone(), "offer".to_owned())]);
    assert_eq!(fire.lists("/me/handovers").await, [&*code]);
    assert_eq!(district.lists(&format!("{DEMO}/handovers")).await, [&*code]);
    assert_eq!(district.opens_sent(&code).await.body.get("received_at"), None);
    let opened = fire.opens(&code).await;
    assert_eq!(opened.text("/extract/text"), WORDED);
    assert_eq!(opened.text("/extract/place/address"), ADDRESS);
    assert_eq!(strings(&opened.body["can"]), ["accept", "refuse", "ask"]);
    assert_eq!(each(&opened.body["history"], "action"), ["offer", "receive"]);
    let seen = district.opens_sent(&code).await;
    assert_eq!(seen.text("/received_by"), "agency-fire");
    assert_eq!(seen.body["received_at"], opened.body["received_at"]);

    // It asks back, is answered, takes it on and says what was done.
    fire.takes(&code, &json!({ "step": "ask", "text": "Which gate? 白玉兰" })).await;
    assert_eq!(strings(&district.opens_sent(&code).await.body["can"]), ["answer", "recall"]);
    let answer = json!({ "step": "answer", "text": "The one on the river side. 白玉兰" });
    expect(district.steps_as_sender(&code, &answer).await, 200);
    fire.takes(&code, &json!({ "step": "accept" })).await;
    let done = json!({ "step": "complete", "done": "Bottles removed. 白玉兰", "note": "Again in May. 白玉兰" });
    assert_eq!(fire.takes(&code, &done).await.text("/state"), "completed");
    let seen = district.opens_sent(&code).await;
    assert_eq!(each(&seen.body["words"], "kind"), ["question", "answer", "result", "note"]);
    assert_eq!(
        each(&seen.body["history"], "action"),
        ["offer", "receive", "ask", "answer", "accept", "complete"],
        "who opened it again is in the chain of readings"
    );
    assert_eq!(each(&seen.body["history"], "actor")[1], "agency-fire");
    let told: Vec<_> = district.told().await.into_iter().map(|(_, action)| action).collect();
    assert_eq!(told, ["ask", "accept", "complete"]);
    let told: Vec<_> = fire.told().await.into_iter().map(|(_, action)| action).collect();
    assert_eq!(told, ["offer", "answer"]);

    // The reporter hears that it was passed on, and that it is closed; not to whom.
    assert_eq!(district.closes(&report).await.text("/state"), "closed");
    let reporter = world.reporter("boatyard").await;
    let own = expect(reporter.person.get(&format!("/reports/{report}")).await.unwrap(), 200);
    let steps = each(&own.body["feedback"], "step");
    assert_eq!(steps[steps.len() - 2..], ["handed_over", "closed"]);
    assert_says_nothing_of(&own.body, &["fire", &code, "白玉兰", "agency"]);
    checked(&world, &code).await;

    // In nothing that the agency is ever shown is anything that leads to the reporter.
    let shown = [
        fire.opens(&code).await.body,
        fire.person.get("/me/handovers").await.unwrap().body,
        fire.person.get("/me/inbox").await.unwrap().body,
        fire.tries(&code, &json!({ "step": "accept" })).await.body,
    ];
    let secrets = secrets(&world, &report).await;
    assert_says_nothing_of(&shown, &secrets.iter().map(String::as_str).collect::<Vec<_>>());
}

#[tokio::test]
async fn for_everybody_else_it_does_not_exist() {
    let world = World::start().await;
    neighbours(&world).await;
    let report = adopted(&world).await;
    let district = Hand::of(&world, "district-police").await;
    let codes = district
        .hands_over(
            &report,
            &to(&json!([{ "to": "agency", "agency": "fire" }, { "to": "district", "district": "elsewhere" }])),
        )
        .await;
    let [to_fire, to_elsewhere] = codes.try_into().unwrap();
    for (code, strangers) in [
        (&to_fire, ["agency-market", "agency-none", "elsewhere-district", "elsewhere-fire", "district-governance"]),
        (&to_elsewhere, ["agency-market", "agency-none", "agency-fire", "elsewhere-fire", "district-governance"]),
    ] {
        for id in strangers {
            let stranger = Hand::of(&world, id).await;
            expect_problem(&stranger.tries_to_open(code).await, 404, "not_found");
            let step =
                stranger.post(&format!("/me/handovers/{code}/steps"), Some(1), &json!({ "step": "accept" })).await;
            expect_problem(&step, 404, "not_found");
            assert!(!stranger.lists("/me/handovers").await.contains(code), "{id}");
            if id != "district-governance" {
                assert_eq!(stranger.told().await.iter().filter(|(told, _)| told == code).count(), 0, "{id}");
            }
        }
        // Nobody of the other side's operations either.
        let other = Hand::of(&world, "elsewhere-district").await;
        let path = format!("/districts/elsewhere/handovers/{code}");
        expect_problem(&other.person.get(&path).await.unwrap(), 404, "not_found");
        assert_eq!(checked(&world, code).await.version, 1, "nothing was received");
    }
    // Both bodies of the district see what the district has made, and another district's list is not theirs.
    let governance = Hand::of(&world, "district-governance").await;
    governance.opens_sent(&to_fire).await;
    assert_eq!(governance.lists(&format!("{DEMO}/handovers")).await.len(), 2);
    expect_problem(&governance.person.get("/districts/elsewhere/handovers").await.unwrap(), 404, "not_found");
    assert_eq!(Hand::of(&world, "elsewhere-district").await.lists("/me/handovers").await, [&*to_elsewhere]);
    let by_path = Hand::of(&world, "elsewhere-district").await;
    let answer = by_path.post(&format!("/districts/elsewhere/reports/{report}/close"), Some(5), &json!({})).await;
    expect_problem(&answer, 404, "not_found");
    // The district by another name than the report's own is not the report's.
    let answer = district.post(&format!("/districts/elsewhere/reports/{report}/close"), Some(5), &json!({})).await;
    expect_problem(&answer, 404, "not_found");
}

#[tokio::test]
async fn a_receiver_opens_the_media_that_it_was_given_and_no_others() {
    let world = World::start().await;
    neighbours(&world).await;
    let (report, photos) = adopted_with(&world, 2).await;
    let (district, fire) = (Hand::of(&world, "district-police").await, Hand::of(&world, "agency-fire").await);
    let mut body =
        to(&json!([{ "to": "agency", "agency": "fire" }, { "to": "agency", "agency": "market-regulation" }]));
    body["extract"]["media"] = json!([photos[0]]);
    let codes = district.hands_over(&report, &body).await;
    let (code, refused) = (&codes[0], &codes[1]);
    let opened = fire.opens(code).await;
    assert_eq!(each(&opened.body["extract"]["media"], "id"), [photos[0].to_string()]);
    let link = expect(fire.asks_for_link(code, photos[0]).await, 200);
    let (status, bytes) = fire.person.open(link.text("/url")).await.unwrap();
    assert_eq!((status, Some(bytes.len() as u64)), (200, link.body["size_bytes"].as_u64()));
    assert!(!link.text("/url").contains(&report), "the address names no report");
    let readings = world.store().accesses(code.parse().unwrap(), 100).await.unwrap();
    let last = readings.last().unwrap();
    assert_eq!((last.opened.to_string(), last.media), ("media".to_owned(), Some(photos[0])));

    // What was not given, what is another's, and what belongs to the report's reviewers.
    for (id, media) in [("agency-fire", photos[1]), ("agency-market", photos[0]), ("elsewhere-district", photos[0])] {
        expect_problem(&Hand::of(&world, id).await.asks_for_link(code, media).await, 404, "not_found");
    }
    let review = fire.person.get(&format!("/reports/{report}/media/{}/link", photos[0])).await.unwrap();
    expect_problem(&review, 403, "wrong_role");
    // Who refuses is not shown it any more.
    let market = Hand::of(&world, "agency-market").await;
    expect(market.asks_for_link(refused, photos[0]).await, 200);
    market.takes(refused, &json!({ "step": "refuse", "reason": "It is for the fire brigade." })).await;
    expect_problem(&market.asks_for_link(refused, photos[0]).await, 404, "not_found");
    let seen = market.opens(refused).await;
    assert_eq!((seen.body.get("extract"), seen.body.get("asks")), (None, None));
    assert_eq!(seen.text("/words/0/text"), "It is for the fire brigade.");
    // Nor is anybody once it was recalled.
    expect(district.steps_as_sender(code, &json!({ "step": "recall", "reason": "wrong_receiver" })).await, 200);
    expect_problem(&fire.asks_for_link(code, photos[0]).await, 404, "not_found");
    for code in codes {
        checked(&world, &code).await;
    }
}

#[tokio::test]
async fn lists_go_by_state_and_by_pages() {
    let world = World::start().await;
    neighbours(&world).await;
    let (district, fire) = (Hand::of(&world, "district-police").await, Hand::of(&world, "agency-fire").await);
    let report = adopted(&world).await;
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.extend(district.hands_over(&report, &to_fire()).await);
        world.wait_minutes(1);
    }
    fire.takes(&codes[1], &json!({ "step": "accept" })).await;
    codes.reverse();
    for (hand, path) in [(&fire, "/me/handovers".to_owned()), (&district, format!("{DEMO}/handovers"))] {
        assert_eq!(hand.lists(&path).await, codes, "newest first");
        assert_eq!(hand.lists(&format!("{path}?state=accepted")).await, [&*codes[1]]);
        assert_eq!(hand.lists(&format!("{path}?state=refused")).await, [""; 0]);
        let mut found = Vec::new();
        let mut next = String::new();
        loop {
            let page = expect(hand.person.get(&format!("{path}?limit=1{next}")).await.unwrap(), 200);
            found.extend(each(&page.body["items"], "id").into_iter().map(ToOwned::to_owned));
            let Some(cursor) = page.body["next"].as_str() else { break };
            next = format!("&cursor={cursor}");
        }
        assert_eq!(found, codes);
        let page = expect(hand.person.get(&format!("{path}?state=offered&limit=1")).await.unwrap(), 200);
        assert_eq!(each(&page.body["items"], "id"), [&*codes[0]]);
        let link = page.headers["link"].to_str().unwrap();
        assert!(link.contains("state=offered&limit=1&cursor="), "{link}");
    }
}

#[tokio::test]
async fn what_is_late_is_called_for_by_the_clock() {
    let world = World::start_here().await;
    neighbours(&world).await;
    let (district, fire) = (Hand::of(&world, "district-police").await, Hand::of(&world, "agency-fire").await);
    let report = adopted(&world).await;
    let codes = district
        .hands_over(
            &report,
            &to(&json!([{ "to": "agency", "agency": "fire" }, { "to": "agency", "agency": "market-regulation" }])),
        )
        .await;
    Hand::of(&world, "agency-market").await.takes(&codes[1], &json!({ "step": "accept" })).await;
    let done = json!({ "step": "complete", "done": "Nothing found." });
    Hand::of(&world, "agency-market").await.takes(&codes[1], &done).await;
    let clock = async || world.bundle().handover_clock().await.unwrap();
    assert_eq!(clock().await, 0, "nothing is due yet");
    // 16 working hours from Wednesday, 9:30, are Friday, 9:30.
    world.wait_minutes(48 * 60 - 1);
    assert_eq!(clock().await, 0);
    world.wait_minutes(1);
    assert_eq!(clock().await, 1, "what is completed is not late");
    assert_eq!(clock().await, 0, "what was done is not done again");
    assert_eq!(district.told().await.last().unwrap().1, "complete");
    assert_eq!(fire.told().await.last(), Some(&(codes[0].clone(), "remind".to_owned())));
    assert_eq!(fire.opens(&codes[0]).await.body["overdue"], false, "at the very moment it is not over");
    world.wait_minutes(1);
    assert_eq!(fire.opens(&codes[0]).await.body["overdue"], true);
    // Eight working hours later, on Monday, 9:30, the district is told.
    world.wait_minutes(72 * 60);
    assert_eq!(clock().await, 1);
    assert_eq!(district.told().await.last(), Some(&(codes[0].clone(), "escalate".to_owned())));
    // And so on for as long as it is late, after some days once a week.
    let mut calls = Vec::new();
    for day in 1..=40 {
        world.wait_minutes(24 * 60);
        if clock().await == 1 {
            calls.push(day);
        }
    }
    let quick = usize::from(handover::QUICK_CALLS) - 2;
    let pauses: Vec<_> = calls[quick - 1..].windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(calls[quick - 1] <= 7 && pauses.len() >= 3, "{calls:?}");
    assert!(pauses.iter().all(|days| *days >= 7), "{calls:?}");
    let handover = checked(&world, &codes[0]).await;
    assert!(handover.call_at.is_some() && handover.state.to_string() == "offered");
    // It can still be done.
    fire.takes(&codes[0], &json!({ "step": "accept" })).await;
    fire.takes(&codes[0], &done).await;
    assert_eq!(checked(&world, &codes[0]).await.call_at, None);
}

#[tokio::test]
async fn both_sides_list_what_is_late() {
    let world = World::start_here().await;
    neighbours(&world).await;
    let (district, fire) = (Hand::of(&world, "district-police").await, Hand::of(&world, "agency-fire").await);
    let market = Hand::of(&world, "agency-market").await;
    let [first, second] = [adopted(&world).await, adopted(&world).await];
    let both = json!([{ "to": "agency", "agency": "fire" }, { "to": "agency", "agency": "market-regulation" }]);
    let codes = district.hands_over(&first, &to(&both)).await;
    world.wait_minutes(1);
    let called_back = district.hands_over(&second, &to_fire()).await.remove(0);
    fire.opens(&called_back).await;
    expect(district.steps_as_sender(&called_back, &json!({ "step": "recall", "reason": "not_needed" })).await, 200);
    let (sent, mine) = (format!("{DEMO}/handovers?overdue=true"), "/me/handovers?overdue=true");
    let late = async || (district.lists(&sent).await, fire.lists(mine).await, market.lists(mine).await);
    let none = Vec::<String>::new();
    assert_eq!(late().await, (none.clone(), none.clone(), none.clone()));
    // 16 working hours are over on Friday, and the 24 for the erasure on Monday.
    world.wait_minutes(48 * 60);
    let (asked, erasure) = (codes[0].clone(), called_back.clone());
    // What was made in the same moment is listed by its codes.
    let mut both = codes.clone();
    both.sort();
    both.reverse();
    assert_eq!(late().await, (both, vec![asked.clone()], vec![codes[1].clone()]));
    for step in [json!({ "step": "accept" }), json!({ "step": "complete", "done": "Nothing found." })] {
        market.takes(&codes[1], &step).await;
    }
    world.wait_minutes(72 * 60 + 1);
    let of_fire = vec![erasure.clone(), asked.clone()];
    assert_eq!(late().await, (of_fire.clone(), of_fire.clone(), none.clone()));
    // With a state, and page by page.
    assert_eq!(district.lists(&format!("{sent}&state=recalled")).await, [&*erasure]);
    for (hand, path) in [(&district, &*sent), (&fire, mine)] {
        let page = expect(hand.person.get(&format!("{path}&limit=1")).await.unwrap(), 200);
        assert_eq!(each(&page.body["items"], "id"), [&*erasure]);
        assert_eq!(page.body["items"][0]["overdue"], true);
        let link = page.headers["link"].to_str().unwrap();
        assert!(link.contains("overdue=true&limit=1&cursor="), "{link}");
        let cursor = page.text("/next");
        assert_eq!(hand.lists(&format!("{path}&limit=1&cursor={cursor}")).await, [&*asked]);
        // A cursor is that of its own list.
        let other = path.replace("overdue=true", "limit=1");
        expect_problem(&hand.person.get(&format!("{other}&cursor={cursor}")).await.unwrap(), 400, "invalid");
    }
    fire.takes(&erasure, &json!({ "step": "confirm_erasure" })).await;
    assert_eq!(late().await, (vec![asked.clone()], vec![asked], none));
}

#[tokio::test]
async fn a_handler_is_recruited_for_an_agency_of_the_list() {
    let world = World::start().await;
    let district = Hand::of(&world, "district-police").await;
    let person = |phone: &str| json!({ "role": "agency_handler", "node": "demo", "name": "王建国", "phone": phone, "agency": "fire" });
    let recruit = async |body: &Value| district.post(&format!("{DEMO}/members"), None, body).await;
    let mut without = person("13800138001");
    without.as_object_mut().unwrap().remove("agency");
    let mut unknown = person("13800138001");
    unknown["agency"] = json!("coastguard");
    let mut auditor = person("13800138001");
    auditor["role"] = json!("auditor");
    for bad in [without, unknown, auditor] {
        let refused = recruit(&bad).await;
        expect_problem(&refused, 400, "invalid");
        assert_eq!(each(&refused.body["errors"], "pointer"), ["/agency"], "{bad}");
    }
    let made = expect(recruit(&person("13800138001")).await, 201);
    assert_eq!(made.text("/agency"), "fire");
    let link = json!({ "member": made.text("/id"), "code": made.text("/invitation/code") });
    let handler = Hand::of(&world, made.text("/id")).await;
    expect(handler.person.put_json("/me/account", None, &link).await.unwrap(), 200);
    assert_eq!(expect(handler.person.get("/me").await.unwrap(), 200).text("/agency"), "fire");
    let report = adopted(&world).await;
    let code = district.hands_over(&report, &to_fire()).await.remove(0);
    assert_eq!(handler.told().await, [(code.clone(), "offer".to_owned())]);
    handler.takes(&code, &json!({ "step": "accept" })).await;
    // Who goes to another agency leaves what was for the one before.
    let path = format!("{DEMO}/members/{}", made.text("/id"));
    let change = json!({ "change": "transfer", "node": "demo", "agency": "market-regulation", "reason": "New post." });
    let version = district.person.get(&path).await.unwrap().version();
    expect(district.post(&format!("{path}/changes"), version, &change).await, 200);
    expect_problem(&handler.tries_to_open(&code).await, 404, "not_found");
    assert_eq!(handler.lists("/me/handovers").await, [""; 0]);
}
