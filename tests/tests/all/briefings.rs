//! Briefings: what they say, of what they say nothing, who reads them and what is said to them.

use std::collections::BTreeMap;

use pingan_domain::{
    code::Code,
    district::District,
    hash::Digest,
    member::{Body, Member, MemberId, MemberState, Role},
    membership::Profile,
};
use pingan_local::{
    client::{Answer, Failure, Person},
    seed,
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    harness::{DEMO, World, assert_says_nothing_of, each, eventually, expect, expect_problem},
    tasks::{self, LANTERN},
};

/// How many at once.
const MANY: usize = 16;
/// Everybody who is told of a briefing of the demo district.
const TOLD: [&str; 5] = ["district-police", "district-governance", "station-north", "station-river", "station-market"];

/// The last seven days, as somebody asks for a briefing on them.
pub(crate) fn week(world: &World) -> Value {
    let now = world.now().unwrap_or_else(jiff::Timestamp::now);
    let today = now.in_tz("Asia/Shanghai").unwrap().date();
    json!({ "from": today.checked_sub(jiff::Span::new().days(6)).unwrap(), "to": today })
}

/// Waits until a briefing can be read.
pub(crate) async fn ready(world: &World, id: &str) {
    let reader = world.person("district-police").await;
    eventually(&format!("the briefing {id}"), async || {
        let list = expect(reader.get(&format!("{DEMO}/briefings")).await.unwrap(), 200);
        let items = list.body["items"].as_array().unwrap().clone();
        items.iter().any(|item| item["id"] == id && item["state"] == "ready").then_some(())
    })
    .await;
}

/// A briefing on the last seven days that can be read, and that the manager of a station has read; gives its code.
pub(crate) async fn made(world: &World) -> String {
    let manager = world.manager("district-police").await;
    let id = expect(manager.tries("/briefings", &week(world)).await, 202).text("/id").to_owned();
    ready(world, &id).await;
    reads(&world.person("station-river").await, &id).await;
    id
}

async fn reads(person: &Person, id: &str) -> Answer {
    expect(person.get(&format!("{DEMO}/briefings/{id}")).await.unwrap(), 200)
}

async fn opens_page(person: &Person, id: &str, query: &str) -> String {
    let answer = expect(person.get(&format!("{DEMO}/briefings/{id}/document{query}")).await.unwrap(), 200);
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(answer.headers[name], value);
    }
    assert!(answer.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    answer.body.as_str().unwrap().to_owned()
}

async fn acknowledges(person: &Person, id: &str) -> Answer {
    let path = format!("{DEMO}/briefings/{id}/acknowledgement");
    person.send(Method::PUT, &path, &[], None).await.unwrap()
}

async fn told(person: &Person) -> Vec<String> {
    let inbox = expect(person.get("/me/inbox?limit=100").await.unwrap(), 200);
    let items = inbox.body["items"].as_array().unwrap().iter().filter(|item| item["about"] == "briefing");
    items.map(|item| item["briefing"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_briefing_says_what_happened_and_nothing_of_persons() {
    let world = World::start_here().await;
    let (reporter, neighbour) = (world.reporter("boatyard").await, world.neighbour("boatyard").await);
    let (officer, station, district) =
        (world.officer("boatyard").await, world.station("river").await, world.district().await);
    let adopted = reporter.reports("marker-adopted").at("marker-address").urgent().send().await;
    officer.approves_noting(&adopted, "marker-note").await;
    station.approves(&adopted).await;
    district.approves(&adopted).await;
    let routine = reporter.reports("marker-routine").send().await;
    officer.approves(&routine).await;
    station.approves(&routine).await;
    district.approves(&routine).await;
    let overdue = reporter.reports("marker-overdue").send().await;
    let of_station = neighbour.reports("marker-station").about_the_station().send().await;
    let task = world.manager("officer-lantern").await.sends_task(&tasks::task(&world, &[LANTERN])).await;
    // Long enough for every stage, and within the window of the task.
    world.wait_minutes(46 * 60);
    let fresh = neighbour.reports("marker-fresh").send().await;

    let manager = world.manager("district-police").await;
    let of_district = manager.sends_task(&tasks::task(&world, &["demo.north"])).await;
    let asked = expect(manager.tries("/briefings", &week(&world)).await, 202);
    let id = asked.text("/id").to_owned();
    assert_eq!(asked.headers["location"], format!("{DEMO}/briefings/{id}"));
    assert_eq!((asked.text("/state"), asked.text("/origin")), ("pending", "on_demand"));
    ready(&world, &id).await;

    let whole = reads(&manager.person, &id).await;
    let content = &whole.body["content"];
    assert_eq!((content["format"].as_u64(), content["audience"].as_str()), (Some(1), Some("district")));
    assert_eq!(each(&content["notable"]["items"], "report"), [&*adopted], "what is routine is not notable");
    assert_eq!(content["notable"]["items"][0]["adopted_on"], "2037-08-12");
    assert_eq!(each(&content["overdue"]["items"], "report"), [&*overdue], "the district has longer");
    assert_eq!(content["overdue"]["items"][0]["community"]["en"], "Boatyard");
    assert_eq!(each(&content["stations"], "node"), ["demo.north", "demo.river", "demo.market"]);
    assert_eq!(content["course"]["steps"].as_array().unwrap().len(), 7);
    let running = each(&content["tasks"]["items"], "task");
    assert_eq!(running, [&*task, &*of_district]);
    assert_eq!(content["tasks"]["items"][0]["in_scope"], 7);
    let of_stations = reads(&world.person("station-north").await, &id).await;
    let running = each(&of_stations.body["content"]["tasks"]["items"], "task");
    assert_eq!(running, [&*of_district], "what a community of another station is asked is not told");
    assert!(each(&content["gaps"]["communities"], "of").contains(&"demo.river.ferry"));
    assert_eq!(content["gaps"]["communities"][0]["reporters"], Value::Null, "two of them are suppressed");
    assert_eq!(each(&content["gaps"]["places"], "of").len(), 4);

    let (zh, en) = (opens_page(&manager.person, &id, "").await, opens_page(&manager.person, &id, "?language=en").await);
    assert!(zh.contains("<html lang=\"zh-CN\">") && zh.contains("示范区情况通报") && zh.contains("船厂社区"));
    assert!(en.contains("<html lang=\"en\">") && en.contains("Briefing for Demo District") && en.contains(&overdue));
    assert_eq!(opens_page(&manager.person, &id, "?language=zh-CN").await, zh);
    for code in [&adopted, &of_station, &fresh] {
        let pseudonym = world.history(code).await.report.pseudonym.to_string();
        assert_says_nothing_of(&(&whole.body, &zh, &en), &["marker", &pseudonym, "reporter-boatyard"]);
    }
    assert_says_nothing_of(&(&whole.body, &zh, &en), &["夜间装运电缆", "officer-boatyard", "district-police"]);

    // The report on the station becomes overdue as well: the district reads of it, and no station.
    world.wait_minutes(5 * 24 * 60);
    let later = expect(manager.tries("/briefings", &week(&world)).await, 202).text("/id").to_owned();
    ready(&world, &later).await;
    let whole = reads(&manager.person, &later).await;
    let listed = each(&whole.body["content"]["overdue"]["items"], "report");
    assert!(listed.contains(&&*of_station) && listed.contains(&&*fresh));
    for id in ["station-river", "station-north"] {
        let person = world.person(id).await;
        let theirs = reads(&person, &later).await;
        let content = &theirs.body["content"];
        assert_eq!((content["audience"].as_str(), content.get("stations")), (Some("stations"), None));
        assert!(each(&content["overdue"]["items"], "report").contains(&&*fresh));
        let page = opens_page(&person, &later, "?language=en").await;
        assert_says_nothing_of(&(content, page), &[&of_station, "by station"]);
    }
    let audited = reads(&world.person("auditor").await, &later).await;
    assert_eq!(audited.body["content"]["audience"], "district");
}

#[tokio::test]
async fn both_bodies_and_all_stations_are_told_by_a_code_and_a_link() {
    let world = World::start().await;
    let id = made(&world).await;
    for who in TOLD {
        assert!(told(&world.person(who).await).await.contains(&id), "{who}");
    }
    for who in ["officer-boatyard", "reporter-boatyard-1", "auditor"] {
        assert_eq!(told(&world.person(who).await).await, [""; 0], "{who}");
    }
    let sent = eventually("the messages", async || {
        let all = world.notices_since(0).await;
        let of: Vec<_> = all.into_iter().filter(|notice| notice["message"].as_str().unwrap().contains(&id)).collect();
        (of.len() >= 4).then_some(of)
    })
    .await;
    for notice in sent {
        assert_eq!(notice["attributes"]["action"], "brief");
        assert!(notice["message"].as_str().unwrap().ends_with(&format!("/briefings/{id}")), "{notice}");
    }
}

#[tokio::test]
async fn who_has_read_it_is_seen_by_position_and_what_is_said_is_read_by_all() {
    let world = World::start().await;
    let (police, governance) = (world.manager("district-police").await, world.manager("district-governance").await);
    let (north, auditor) = (world.manager("station-north").await, world.person("auditor").await);
    let id = made(&world).await;
    world.wait_minutes(1);

    expect_problem(&acknowledges(&north.person, &id).await, 409, "briefing_unread");
    reads(&north.person, &id).await;
    opens_page(&north.person, &id, "?language=en").await;
    let first = expect(acknowledges(&north.person, &id).await, 200);
    assert_eq!((first.text("/role"), first.text("/node")), ("station_manager", "demo.north"));
    world.wait_minutes(5);
    let again = expect(acknowledges(&north.person, &id).await, 200);
    assert_eq!(again.text("/acknowledged_at"), first.text("/acknowledged_at"), "the first time counts");

    let comment = async |who: &crate::harness::Manager, text: &str| {
        expect(who.tries(&format!("/briefings/{id}/comments"), &json!({ "text": text })).await, 201)
    };
    comment(&north, "东门社区的新民警周一到岗。").await;
    comment(&governance, "<b>Thank you.</b>").await;
    let (path, key) = (format!("{DEMO}/briefings/{id}/comments"), police.keys.next());
    let once = police.person.post(&path, key, None, &json!({ "text": "Noted." })).await.unwrap();
    let twice = police.person.post(&path, key, None, &json!({ "text": "Noted." })).await.unwrap();
    assert_eq!((once.status, &once.body), (twice.status, &twice.body));
    let other = police.person.post(&path, key, None, &json!({ "text": "Not noted." })).await.unwrap();
    expect_problem(&other, 422, "idempotency_key_reused");

    let seen = reads(&auditor, &id).await;
    assert_eq!(each(&seen.body["said"], "text"), ["东门社区的新民警周一到岗。", "<b>Thank you.</b>", "Noted."]);
    assert_eq!(each(&seen.body["said"], "node"), ["demo.north", "demo", "demo"]);
    assert_eq!(each(&seen.body["said"], "body"), ["police", "governance", "police"]);
    let readers: Vec<_> = seen.body["readers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reader| {
            (reader["role"].as_str().unwrap(), reader["node"].as_str().unwrap(), reader["readings"].as_u64().unwrap())
        })
        .collect();
    let expected = [("station_manager", "demo.river", 1), ("station_manager", "demo.north", 2), ("auditor", "demo", 1)];
    assert_eq!(readers, expected);
    assert_eq!(seen.body["comments"], 3);
    assert_says_nothing_of(&seen.body, &["station-north", "district-governance", "auditor-", "station-river"]);

    // Who audits changes nothing.
    expect_problem(&acknowledges(&auditor, &id).await, 403, "wrong_role");
    let said = auditor.post(&path, uuid::Uuid::from_u128(9), None, &json!({ "text": "I" })).await.unwrap();
    expect_problem(&said, 403, "wrong_role");
}

#[tokio::test]
async fn the_weekly_briefing_is_made_once_however_often_the_week_is_run() {
    let world = World::start_with_weekly_runs().await;
    let reader = world.person("district-governance").await;
    let list = async || expect(reader.get(&format!("{DEMO}/briefings")).await.unwrap(), 200).body["items"].clone();
    assert_eq!(list().await, json!([]), "nothing is made up for");
    // Wednesday 9:30 to Monday 8:00.
    world.wait_minutes(4 * 24 * 60 + 22 * 60 + 30);
    let first = eventually("the weekly briefing", async || {
        let items = list().await;
        (items[0]["state"] == "ready").then_some(items)
    })
    .await;
    assert_eq!((first[0]["from"].as_str(), first[0]["to"].as_str()), (Some("2037-08-10"), Some("2037-08-16")));
    assert_eq!(first[0]["origin"], "weekly");
    for _ in 0..3 {
        world.bundle().order_weekly_briefings().await.unwrap();
    }
    world.wait_minutes(3 * 24 * 60);
    world.bundle().order_weekly_briefings().await.unwrap();
    assert_eq!(list().await, first, "on Thursday the last whole week is still the same");
    assert_eq!(told(&reader).await.len(), 1);
    world.wait_minutes(7 * 24 * 60);
    let weeks = eventually("the next one", async || {
        let items = list().await;
        (items.as_array().unwrap().len() == 2 && items[0]["state"] == "ready").then_some(items)
    })
    .await;
    assert_eq!(each(&weeks, "from"), ["2037-08-17", "2037-08-10"], "newest first");
}

/// A district whose lists are named by somebody who means harm.
fn elsewhere() -> (District, Member) {
    let mut district = seed::demo_district().unwrap();
    let text = serde_json::to_string(&district).unwrap().replace("\"demo", "\"elsewhere");
    district = serde_json::from_str(&text).unwrap();
    district.version = 1;
    district.name.en = "<script>alert(1)</script>".into();
    district.nodes[0].name.zh_cn = "\"><img src=x onerror=alert(1)>".into();
    let manager = Member {
        id: MemberId::parse("elsewhere-district").unwrap(),
        pseudonym: Code::from_digest(&Digest::of(&[b"elsewhere"])),
        role: Role::DistrictManager,
        node: district.node.clone(),
        body: Some(Body::Police),
        agency: None,
        state: MemberState::Active,
    };
    (district, manager)
}

#[tokio::test]
async fn every_district_has_its_own_and_names_are_no_markup() {
    let world = World::start_here().await;
    let (district, manager) = elsewhere();
    world.store().put_district(&district, 0).await.unwrap();
    world.store().add_member(&Profile::seeded(manager, jiff::Timestamp::UNIX_EPOCH)).await.unwrap();
    world.bundle().order_weekly_briefings().await.unwrap();
    let (here, there) = (world.person("district-police").await, world.person("elsewhere-district").await);
    let mut ids = Vec::new();
    for (person, base) in [(&here, DEMO), (&there, "/districts/elsewhere")] {
        let path = format!("{base}/briefings");
        let items = eventually("its briefing", async || {
            let items = expect(person.get(&path).await.unwrap(), 200).body["items"].clone();
            (items[0]["state"] == "ready").then_some(items)
        })
        .await;
        assert_eq!(items.as_array().unwrap().len(), 1);
        ids.push(items[0]["id"].as_str().unwrap().to_owned());
    }
    // Neither under the own district nor under the other one.
    for base in [DEMO, "/districts/elsewhere"] {
        for rest in ["", "/document"] {
            let answer = there.get(&format!("{base}/briefings/{}{rest}", ids[0])).await.unwrap();
            expect_problem(&answer, 404, "not_found");
        }
    }
    let page = there.get(&format!("/districts/elsewhere/briefings/{}/document?language=en", ids[1])).await.unwrap();
    let page = page.body.as_str().unwrap();
    assert!(!page.contains("<script") && page.contains("&#60;script&#62;alert(1)"), "escaped");
    let page = there.get(&format!("/districts/elsewhere/briefings/{}/document", ids[1])).await.unwrap();
    assert!(!page.body.as_str().unwrap().contains("<img"));
}

#[tokio::test]
async fn one_that_cannot_be_made_says_so_and_is_made_once_it_can() {
    use pingan_domain::briefing::{BriefingRecord, BriefingState, Period};
    let world = World::start_here().await;
    let (district, _) = elsewhere();
    let now = world.now().unwrap();
    let period = Period::last_week(now, &jiff::tz::TimeZone::get("Asia/Shanghai").unwrap()).unwrap();
    let record = BriefingRecord::weekly(district.node.clone(), period, 0, now);
    // The district has no lists yet.
    world.store().add_briefing(&record).await.unwrap();
    let state = async || {
        let key = pingan_store::Key::Briefing(record.id);
        world.store().load([key]).await.unwrap().briefing(record.id).unwrap().unwrap().state
    };
    eventually("that it failed", async || (state().await == BriefingState::Failed).then_some(())).await;
    world.store().put_district(&district, 0).await.unwrap();
    eventually("that it was made", async || (state().await == BriefingState::Ready).then_some(())).await;
}

async fn at_once<F>(call: impl Fn(usize) -> F) -> BTreeMap<u16, usize>
where
    F: Future<Output = Result<Answer, Failure>> + Send + 'static,
{
    let mut race = JoinSet::new();
    for number in 0..MANY {
        race.spawn(call(number));
    }
    let mut statuses = BTreeMap::new();
    for answer in race.join_all().await {
        *statuses.entry(answer.unwrap().status).or_default() += 1;
    }
    statuses
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_make_one_briefing_and_every_comment_its_own() {
    let world = World::start_here().await;
    let police = world.manager("district-police").await;
    let (key, body, path) = (police.keys.next(), week(&world), format!("{DEMO}/briefings"));
    let statuses = at_once(|_| {
        let (person, path, body) = (police.person.clone(), path.clone(), body.clone());
        async move { person.post(&path, key, None, &body).await }
    })
    .await;
    assert_eq!(statuses, BTreeMap::from([(202, MANY)]));
    let listed = expect(police.asks_for("/briefings").await, 200);
    assert_eq!(listed.body["items"].as_array().unwrap().len(), 1);
    let id = listed.body["items"][0]["id"].as_str().unwrap().to_owned();
    ready(&world, &id).await;
    let mut other = body.clone();
    other["to"] = other["from"].clone();
    expect_problem(&police.person.post(&path, key, None, &other).await.unwrap(), 422, "idempotency_key_reused");

    let path = format!("{DEMO}/briefings/{id}");
    let statuses = at_once(|_| {
        let (person, path) = (police.person.clone(), path.clone());
        async move { person.get(&path).await }
    })
    .await;
    assert_eq!(statuses, BTreeMap::from([(200, MANY)]));
    let statuses = at_once(|_| {
        let (person, path) = (police.person.clone(), format!("{path}/acknowledgement"));
        async move { person.send(Method::PUT, &path, &[], None).await }
    })
    .await;
    assert_eq!(statuses, BTreeMap::from([(200, MANY)]));
    let statuses = at_once(|number| {
        let (person, path, key) = (police.person.clone(), format!("{path}/comments"), police.keys.next());
        async move { person.post(&path, key, None, &json!({ "text": format!("Comment {number}") })).await }
    })
    .await;
    assert_eq!(statuses, BTreeMap::from([(201, MANY)]));
    let seen = reads(&police.person, &id).await;
    let numbers: Vec<u64> =
        seen.body["said"].as_array().unwrap().iter().map(|said| said["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=MANY as u64).collect::<Vec<_>>());
    let readers = seen.body["readers"].as_array().unwrap();
    assert_eq!((readers.len(), readers[0]["readings"].as_u64()), (1, Some(MANY as u64 + 1)));
}
