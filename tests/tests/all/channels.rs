//! How people are told: the inbox that nobody can miss, and the channels that they choose.

use pingan_local::client::{Answer, Person};
use serde_json::{Value, json};

use crate::harness::{DEMO, World, each, eventually, expect, expect_problem};

const PLUM: &str = "demo.north.plum-garden";
const PHONE: &str = "138 0013 8000";
const E164: &str = "+8613800138000";

/// Everything in somebody's inbox.
async fn inbox(person: &Person) -> Vec<Value> {
    inbox_by(person, 100).await
}

/// Everything in somebody's inbox, so much to a page.
async fn inbox_by(person: &Person, limit: u8) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = expect(person.get(&format!("/me/inbox?limit={limit}{cursor}")).await.unwrap(), 200);
        all.extend(page.body["items"].as_array().unwrap().iter().cloned());
        if page.body["more"] == false {
            return all;
        }
        cursor = format!("&cursor={}", page.text("/next"));
    }
}

/// What somebody was told of, each in a word or two.
fn actions(notices: &[Value]) -> Vec<String> {
    notices
        .iter()
        .map(|one| format!("{} {}", one["about"].as_str().unwrap(), one["action"].as_str().unwrap()))
        .collect()
}

async fn chooses(person: &Person, body: &Value) -> Answer {
    person.put_json("/me/channel", None, body).await.unwrap()
}

/// Recruits somebody for a position in the demo district, and lets them sign in under their id.
async fn joins(world: &World, manager: &str, new: &Value) -> Person {
    let made = expect(world.manager(manager).await.tries("/members", new).await, 201);
    let id = made.text("/id").to_owned();
    let link = json!({ "member": id, "code": made.text("/invitation/code") });
    let person = world.person(&id).await;
    expect(person.put_json("/me/account", None, &link).await.unwrap(), 200);
    person
}

fn officer_of(node: &str, phone: &str) -> Value {
    json!({ "role": "officer", "body": "police", "node": node, "name": "陈警官", "phone": phone })
}

/// Who got the notice of a report's submission, once it was sent.
async fn told_of(world: &World, report: &str) -> Vec<String> {
    let key = format!("{}-1-officer", report.replace('-', ""));
    eventually("the notice to the officer", async || {
        let notices = world.notices_since(0).await;
        let sent = notices.iter().find(|notice| notice["attributes"]["deduplication_key"] == key)?;
        Some(sent["receivers"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect())
    })
    .await
}

#[tokio::test]
async fn the_inbox_holds_what_concerns_a_person_and_their_position() {
    let world = World::start().await;
    let (reporter, neighbour) = (world.reporter("boatyard").await, world.neighbour("boatyard").await);
    let (officer, elsewhere) = (world.officer("boatyard").await, world.officer("ferry").await);
    let of_report = |notices: &[Value], report: &str| -> Vec<Value> {
        notices.iter().filter(|one| one["report"] == report).cloned().collect()
    };

    let report = reporter.reports("marker-text").send().await;
    world.wait_minutes(1);
    officer.returns(&report, "marker-question").await;
    world.wait_minutes(1);
    reporter.answers(&report, "marker-answer").await;
    world.wait_minutes(1);
    officer.approves(&report).await;

    // There at once: nothing has to arrive first.
    let mine = of_report(&inbox(&reporter.person).await, &report);
    assert_eq!(actions(&mine), ["report submit", "report return", "report answer", "report approve"]);
    let theirs = of_report(&inbox(&officer.person).await, &report);
    assert_eq!(actions(&theirs), ["report submit", "report answer"]);
    let above = of_report(&inbox(&world.station("river").await.person).await, &report);
    assert_eq!(actions(&above), ["report approve"]);
    let district = world.district().await;
    for person in [&neighbour.person, &elsewhere.person, &district.person] {
        assert!(of_report(&inbox(person).await, &report).is_empty(), "whom it does not concern");
    }
    let said = json!([mine, theirs, above]).to_string();
    assert!(!said.contains("marker"), "a notice says nothing of a report: {said}");
    let mine = json!(mine);
    let mut ids = each(&mine, "id");
    ids.sort_unstable();
    ids.dedup();
    let mine = mine.as_array().unwrap();
    assert_eq!(ids.len(), mine.len());
    assert!(mine.iter().is_sorted_by_key(|one| one["at"].as_str().unwrap().to_owned()));
}

#[tokio::test]
async fn an_inbox_goes_on_from_its_cursor_and_misses_nothing() {
    let world = World::start_here().await;
    let (reporter, officer) = (world.reporter("boatyard").await, world.officer("boatyard").await);
    let look = async |cursor: &str| expect(reporter.person.get(&format!("/me/inbox{cursor}")).await.unwrap(), 200);
    let empty = look("").await;
    assert_eq!((empty.body["items"].as_array().unwrap().len(), &empty.body["more"]), (0, &json!(false)));
    assert!(!empty.headers.contains_key("link"), "nothing goes on at once");

    // What comes within the time in which it can be overtaken comes again, and nothing else.
    let first = reporter.reports("One.").send().await;
    let seen = look(&format!("?cursor={}", empty.text("/next"))).await;
    assert_eq!(each(&seen.body["items"], "report"), [&*first]);
    let again = look(&format!("?cursor={}", seen.text("/next"))).await;
    assert_eq!(again.body["items"], seen.body["items"], "the same ids");
    world.wait_minutes(3);
    let later = look(&format!("?cursor={}", again.text("/next"))).await;
    assert_eq!(later.body["items"], seen.body["items"]);
    let settled = look(&format!("?cursor={}", later.text("/next"))).await;
    assert_eq!(settled.body["items"], json!([]));
    officer.returns(&first, "Which gate?").await;
    let news = look(&format!("?cursor={}", settled.text("/next"))).await;
    assert_eq!(actions(news.body["items"].as_array().unwrap()), ["report return"]);

    // Whatever the page, it is the same list; of staff it is two inboxes in one.
    let id = reporter.reports("Two.").send().await;
    officer.returns(&id, "Which gate?").await;
    for person in [&reporter.person, &officer.person] {
        let all = inbox(person).await;
        assert!(all.len() >= 2);
        for limit in [1, 2] {
            assert_eq!(inbox_by(person, limit).await, all);
        }
    }
    // Pages in between have a link, and a cursor is its reader's alone.
    let page = look("?limit=1").await;
    assert_eq!(page.body["more"], true);
    assert!(page.headers["link"].to_str().unwrap().contains("limit=1&cursor="));
    let others = officer.person.get(&format!("/me/inbox?cursor={}", page.text("/next"))).await.unwrap();
    expect_problem(&others, 400, "invalid");
    for bad in ["?limit=0", "?limit=101", "?cursor=x", "?since=0"] {
        expect_problem(&reporter.person.get(&format!("/me/inbox{bad}")).await.unwrap(), 400, "invalid");
    }
}

#[tokio::test]
async fn staff_are_told_by_the_channel_of_their_position_wherever_they_go() {
    let world = World::start_here().await;
    let officer = joins(&world, "station-north", &officer_of(PLUM, PHONE)).await;
    let none = expect(officer.get("/me/channel").await.unwrap(), 200);
    assert_eq!(none.body, json!({}));
    let chosen = expect(chooses(&officer, &json!({ "means": "sms" })).await, 200);
    assert_eq!(chosen.body, json!({ "means": "sms", "quiet_hours": { "from": 22, "to": 7 } }));
    // The same again changes nothing; other hours keep the subscription.
    expect(chooses(&officer, &json!({ "means": "sms" })).await, 200);
    expect(chooses(&officer, &json!({ "means": "sms", "quiet_hours": { "from": 20, "to": 6 } })).await, 200);
    let me = officer.get("/me").await.unwrap();
    let member = me.text("/id").to_owned();
    let station = world.manager("station-north").await;
    let history = station.asks_for(&format!("/members/{member}/history")).await;
    assert_eq!(each(&history.body["events"], "action"), ["recruit", "accept", "choose_channel", "choose_channel"]);

    let sms = format!("sms:{E164}");
    let in_plum = world.reporter("plum-garden").await;
    let in_mill = world.reporter("old-mill").await;
    assert_eq!(told_of(&world, &in_plum.reports("Day.").send().await).await, [&*sms]);
    assert!(told_of(&world, &in_mill.reports("Elsewhere.").send().await).await.is_empty());

    // At night nothing but an emergency.
    world.wait_minutes(12 * 60);
    assert!(told_of(&world, &in_plum.reports("Night.").urgent().send().await).await.is_empty());
    assert_eq!(told_of(&world, &in_plum.reports("Fire.").emergency().send().await).await, [&*sms]);
    world.wait_minutes(12 * 60);

    // The channel goes where the officer goes, and ends with a suspension.
    let transfer = json!({ "change": "transfer", "node": "demo.north.old-mill", "reason": "Rotation." });
    station.changes(&member, &transfer).await;
    assert!(told_of(&world, &in_plum.reports("After.").send().await).await.is_empty());
    assert_eq!(told_of(&world, &in_mill.reports("Here.").send().await).await, [&*sms]);
    station.changes(&member, &json!({ "change": "suspend", "reason": "An inquiry." })).await;
    assert!(told_of(&world, &in_mill.reports("Suspended.").send().await).await.is_empty());
    expect_problem(&officer.get("/me/inbox").await.unwrap(), 403, "member_suspended");
    station.changes(&member, &json!({ "change": "restore", "reason": "It is over." })).await;
    assert_eq!(expect(officer.get("/me/channel").await.unwrap(), 200).body, json!({}));
    assert!(told_of(&world, &in_mill.reports("Restored.").send().await).await.is_empty());

    // A mailbox and a device, each in place of the one before.
    for same in [" chen@example.org ", "chen@example.org"] {
        expect(chooses(&officer, &json!({ "means": "email", "address": same })).await, 200);
    }
    assert_eq!(told_of(&world, &in_mill.reports("Mail.").send().await).await, ["email:chen@example.org"]);
    let device = json!({ "means": "device", "platform": "fcm", "token": "a-token" });
    expect(chooses(&officer, &device).await, 200);
    expect(chooses(&officer, &device).await, 200);
    assert_eq!(told_of(&world, &in_mill.reports("Device.").send().await).await, ["device:a-token"]);
    let history = station.asks_for(&format!("/members/{member}/history")).await;
    let chosen =
        each(&history.body["events"], "action").into_iter().filter(|action| *action == "choose_channel").count();
    assert_eq!(chosen, 4, "the same again changes nothing");
    expect(chooses(&officer, &json!({ "means": "none" })).await, 200);
    assert!(told_of(&world, &in_mill.reports("Nothing.").send().await).await.is_empty());
    assert!(!inbox(&officer).await.is_empty(), "whatever the channel, the inbox has it");
}

#[tokio::test]
async fn a_reporter_is_told_on_the_own_device_and_nowhere_else() {
    let world = World::start_here().await;
    let (reporter, officer) = (world.reporter("boatyard").await, world.officer("boatyard").await);
    for body in [json!({ "means": "sms" }), json!({ "means": "email", "address": "a@example.org" })] {
        let refused = chooses(&reporter.person, &body).await;
        expect_problem(&refused, 400, "invalid");
        assert_eq!(refused.body["errors"][0]["pointer"], "/means");
    }
    let device = json!({ "means": "device", "platform": "apns", "token": "b-token" });
    expect(chooses(&reporter.person, &device).await, 200);
    let pushed = async |at_least: usize| {
        eventually("the push", async || {
            let notices = world.notices_since(0).await;
            let to = |notice: &&Value| notice["receivers"].as_array().unwrap().contains(&json!("device:b-token"));
            let texts: Vec<_> =
                notices.iter().filter(to).map(|notice| notice["message"].as_str().unwrap().to_owned()).collect();
            (texts.len() >= at_least).then_some(texts)
        })
        .await
    };
    let report = reporter.reports("marker-text").send().await;
    let first = pushed(1).await;
    assert!(first[0].contains(&report) && !first[0].contains("marker"), "{first:?}");
    world.wait_minutes(14 * 60);
    officer.returns(&report, "Asked at night.").await;
    let fire = reporter.reports("Fire.").emergency().send().await;
    let then = pushed(2).await;
    assert!(then.len() == 2 && then[1].contains(&fire), "the question waits in the inbox: {then:?}");
    assert!(actions(&inbox(&reporter.person).await).contains(&"report return".to_owned()));
}

#[tokio::test]
async fn while_sns_is_down_a_channel_changes_when_it_is_asked_again() {
    let world = World::start_here().await;
    let officer = joins(&world, "station-north", &officer_of(PLUM, PHONE)).await;
    world.bundle().set_sns_down(true);
    let refused = chooses(&officer, &json!({ "means": "sms" })).await;
    expect_problem(&refused, 503, "busy");
    assert_eq!(expect(officer.get("/me/channel").await.unwrap(), 200).body, json!({}));
    world.bundle().set_sns_down(false);
    expect(chooses(&officer, &json!({ "means": "sms" })).await, 200);

    // A suspension is in force although SNS is down, and the same request again ends the channel.
    let station = world.manager("station-north").await;
    let me = officer.get("/me").await.unwrap();
    let path = format!("{DEMO}/members/{}/changes", me.text("/id"));
    let (key, suspend) = (station.keys.next(), json!({ "change": "suspend", "reason": "An inquiry." }));
    world.bundle().set_sns_down(true);
    let answer = station.person.post(&path, key, me.version(), &suspend).await.unwrap();
    expect_problem(&answer, 503, "busy");
    expect_problem(&officer.get("/me/inbox").await.unwrap(), 403, "member_suspended");
    world.bundle().set_sns_down(false);
    let reporter = world.reporter("plum-garden").await;
    expect(station.person.post(&path, key, me.version(), &suspend).await.unwrap(), 200);
    assert!(told_of(&world, &reporter.reports("After.").send().await).await.is_empty());
}

#[tokio::test]
async fn a_race_for_a_channel_leaves_one() {
    let world = World::start_here().await;
    let officer = joins(&world, "station-north", &officer_of(PLUM, PHONE)).await;
    let mut race = tokio::task::JoinSet::new();
    for i in 0..16 {
        let officer = officer.clone();
        race.spawn(async move {
            let body = if i % 2 == 0 {
                json!({ "means": "sms" })
            } else {
                json!({ "means": "email", "address": format!("chen-{i}@example.org") })
            };
            chooses(&officer, &body).await.status
        });
    }
    for status in race.join_all().await {
        assert!([200, 503].contains(&status), "{status}");
    }
    let means = expect(officer.get("/me/channel").await.unwrap(), 200).text("/means").to_owned();
    let receivers = told_of(&world, &world.reporter("plum-garden").await.reports("Who is told?").send().await).await;
    assert_eq!(receivers.len(), 1, "{receivers:?}");
    assert!(receivers[0].starts_with(&means), "{means}: {receivers:?}");
}

#[tokio::test]
async fn the_members_officer_is_told_of_every_step_towards_an_identity() {
    let world = World::start().await;
    let officer = world.manager("officer-boatyard").await;
    let (station, custodian) = (world.manager("station-river").await, world.manager("custodian").await);
    let made = officer.recruits("demo.river.boatyard", "王秀兰", "138 1234 5678").await;
    let member = made.text("/id");
    let path = format!("/members/{member}/openings");
    let asked = expect(station.tries(&path, &json!({ "reason": "marker-reason" })).await, 201);
    let opening = asked.text("/id").to_owned();
    let path = format!("{path}/{opening}");
    world.wait_minutes(1);
    let consent = json!({ "decision": "consent", "reason": "marker-consent" });
    expect(custodian.tries(&format!("{path}/decision"), &consent).await, 200);
    for _ in 0..2 {
        world.wait_minutes(1);
        expect(station.asks_for(&format!("{path}/identity")).await, 200);
    }
    let of_opening = async |person: &Person| -> Vec<Value> {
        let notices = inbox(person).await;
        notices.into_iter().filter(|one| one["opening"] == json!(opening)).collect()
    };
    let told = of_opening(&officer.person).await;
    assert_eq!(actions(&told), ["identity request", "identity consent", "identity view", "identity view"]);
    assert_eq!(actions(&of_opening(&custodian.person).await), ["identity request"]);
    assert_eq!(actions(&of_opening(&station.person).await), ["identity consent"]);
    let said = json!(told).to_string();
    assert!(!said.contains("marker") && !said.contains('王') && !said.contains("5678"), "{said}");
    assert!(said.contains(made.text("/pseudonym")));
}

#[tokio::test]
async fn an_officer_is_told_of_who_registers_and_a_member_of_what_others_change() {
    let world = World::start_here().await;
    let officer = world.manager("officer-plum-garden").await;
    let code = officer.invites(PLUM, 2).await;
    let body = json!({ "name": "李建国", "phone": "139 0013 9000" });
    let path = format!("/join/{code}");
    let taken = expect(world.stranger().post(&path, world.keys("x").next(), None, &body).await.unwrap(), 202);
    assert_eq!(actions(&inbox(&officer.person).await), ["membership register"]);
    let member = taken.text("/member").to_owned();
    officer.changes(&member, &json!({ "change": "confirm" })).await;
    let link = json!({ "member": member, "code": taken.text("/invitation/code") });
    let reporter = world.person("an-account").await;
    expect(reporter.put_json("/me/account", None, &link).await.unwrap(), 200);
    world.wait_minutes(1);
    let transfer = json!({ "change": "transfer", "node": "demo.north.old-mill", "reason": "Moved house." });
    world.manager("station-north").await.changes(&member, &transfer).await;
    assert_eq!(actions(&inbox(&reporter).await), ["membership confirm", "membership transfer"]);
    let next = world.manager("officer-old-mill").await;
    assert_eq!(actions(&inbox(&next.person).await), ["membership transfer"]);
}

#[tokio::test]
async fn a_channel_that_cannot_be_is_refused_with_the_field() {
    let world = World::start_here().await;
    let officer = world.manager("officer-plum-garden").await;
    for (body, pointer) in [
        (json!({}), "/means"),
        (json!({ "means": "pigeon" }), "/means"),
        // Nobody knows a number of those who came with the demo district.
        (json!({ "means": "sms" }), "/means"),
        (json!({ "means": "email" }), "/address"),
        (json!({ "means": "email", "address": "nobody" }), "/address"),
        (json!({ "means": "email", "address": format!("{}@example.org", "x".repeat(250)) }), "/address"),
        (
            json!({ "means": "email", "address": "a@b.org", "quiet_hours": { "from": 24, "to": 7 } }),
            "/quiet_hours/from",
        ),
        (json!({ "means": "device", "platform": "pager", "token": "x" }), "/platform"),
        (json!({ "means": "device", "platform": "fcm", "token": "" }), "/token"),
        (json!({ "means": "device", "platform": "fcm", "token": "a b" }), "/token"),
        (json!({ "means": "device", "platform": "fcm", "token": "x".repeat(4_097) }), "/token"),
        (json!({ "means": "none", "address": "a@b.org" }), "/address"),
    ] {
        let refused = chooses(&officer.person, &body).await;
        expect_problem(&refused, 400, "invalid");
        assert_eq!(each(&refused.body["errors"], "pointer"), [pointer], "{body}");
    }
    assert_eq!(expect(officer.person.get("/me/channel").await.unwrap(), 200).body, json!({}));
}
