//! Tasks and notices: whom they reach, what is done with them, and what the clock does by itself.

mod following;
mod races;
mod records;

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use pingan_local::reach::{self, Measured};
use serde_json::{Value, json};

use crate::harness::{DEMO, Manager, World, each, eventually, expect, expect_problem};

/// The community of the demo district that has enough reporters for a task of its own: seven, two of whom drive taxis.
pub(crate) const LANTERN: &str = "demo.market.lantern";
/// How many reporters it has.
const REPORTERS: usize = 7;

/// A task of the officer of Lantern, who is signed in as the manager; gives its code.
pub(crate) async fn drafted(world: &World) -> String {
    world.manager("officer-lantern").await.drafts(&task(world, &[LANTERN])).await
}

/// When a test's clock says that it is so many minutes from now.
pub(crate) fn in_minutes(world: &World, minutes: i64) -> String {
    let now = world.now().unwrap_or_else(Timestamp::now);
    now.checked_add(SignedDuration::from_mins(minutes)).unwrap().to_string()
}

/// A task for these nodes that begins at once and runs for two days.
pub(crate) fn task(world: &World, nodes: &[&str]) -> Value {
    json!({
        "kind": "task",
        "title": "夜间电缆被盗",
        "look_for": "货车夜间装运电缆",
        "instructions": "看到请记下时间和地点，不要靠近。",
        "category": "crime",
        "priority": "urgent",
        "ends_at": in_minutes(world, 2 * 24 * 60),
        "form": [
            { "name": "seen", "label": "是否看到", "kind": "choice", "required": true, "choices": ["是", "否"] },
            { "name": "count", "label": "几辆", "kind": "number" },
        ],
        "scope": { "nodes": nodes },
    })
}

/// The same with another value in one place.
pub(crate) fn with(mut task: Value, pointer: &str, value: Value) -> Value {
    if let Some(place) = task.pointer_mut(pointer) {
        *place = value;
    } else {
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        task.pointer_mut(parent).unwrap()[field] = value;
    }
    task
}

/// What SNS was told of a task: to whom, and what was done.
async fn published(world: &World, code: &str, count: usize) -> Vec<Value> {
    eventually(&format!("{count} messages of {code}"), async || {
        let all = world.notices_since(0).await;
        let of: Vec<_> = all.into_iter().filter(|notice| notice["message"].as_str().unwrap().contains(code)).collect();
        (of.len() >= count).then_some(of)
    })
    .await
}

async fn state(manager: &Manager, code: &str) -> String {
    manager.reads_task(code, "").await.text("/state").to_owned()
}

#[tokio::test]
async fn a_task_lives_from_its_draft_to_its_end() {
    let world = World::start_here().await;
    let officer = world.manager("officer-lantern").await;
    let reporter = world.reporter("lantern").await;
    let body = with(task(&world, &[LANTERN]), "/remind_at", json!(in_minutes(&world, 24 * 60)));
    let code = officer.drafts(&body).await;
    assert_eq!(state(&officer, &code).await, "draft");
    assert!(reporter.tasks().await.is_empty());
    expect_problem(&reporter.opens_task(&code).await, 404, "not_found");

    // Before it is sent: whom it reaches, and what that costs.
    let reach = officer.reads_task(&code, "/reach").await;
    assert_eq!(
        reach.body,
        json!({
            "in_scope": { "count": 7, "suppressed": false },
            "enough": true,
            "by_community": [{ "node": LANTERN, "count": 7, "suppressed": false }],
            "messages_to_topic": 2,
            "messages_to_devices_at_most": 14,
        })
    );

    let sent = officer.takes_step(&code, &json!({ "step": "publish" })).await;
    assert_eq!(sent.text("/state"), "active");
    assert_eq!(reporter.tasks().await, [&*code]);
    assert_eq!(reporter.told_of_tasks().await, [(code.clone(), "publish".to_owned())]);
    let told = published(&world, &code, 1).await;
    let attributes = &told[0]["attributes"];
    assert_eq!(
        (&attributes["audience"], &attributes["node"], &attributes["kind"], &attributes["trade"]),
        (&json!("reporters"), &json!(LANTERN), &json!("[\"any\"]"), &json!("[\"any\"]"))
    );
    assert!(!told[0].to_string().contains("电缆"), "a push carries no content: {}", told[0]);

    // The phone gets it, the reporter reads it and answers.
    let opened = expect(reporter.opens_task(&code).await, 200);
    assert_eq!((opened.body["read"].as_bool(), opened.text("/title")), (Some(false), "夜间电缆被盗"));
    expect(reporter.acknowledges(&code, "delivered").await, 200);
    let read = expect(reporter.acknowledges(&code, "read").await, 200);
    assert_eq!(read.body["read"], true);
    let answered = expect(reporter.answers_task(&code, &json!({ "seen": "是", "count": 2 })).await, 200);
    assert_eq!((&answered.body["answered"], &answered.body["answer"]["count"]), (&json!(true), &json!(2)));
    let progress = officer.reads_task(&code, "/progress").await;
    let counts = |progress: &Value| -> Vec<Option<u64>> {
        ["in_scope", "delivered", "read", "answered"].map(|of| progress[of]["count"].as_u64()).to_vec()
    };
    assert_eq!(counts(&progress.body), [Some(7), Some(1), Some(1), Some(1)], "the officer knows them");
    let station = world.manager("station-market").await;
    let above = station.reads_task(&code, "/progress").await;
    assert_eq!(counts(&above.body), [Some(7), None, None, None], "one alone would be singled out");

    // Who has not read it is reminded once, and nobody else is.
    let neighbour = world.neighbour("lantern").await;
    world.wait_minutes(24 * 60);
    let reminded = (code.clone(), "remind".to_owned());
    eventually("the reminder", async || neighbour.told_of_tasks().await.contains(&reminded).then_some(())).await;
    assert_eq!(neighbour.told_of_tasks().await.iter().filter(|told| **told == reminded).count(), 1);
    assert!(!reporter.told_of_tasks().await.contains(&reminded), "who has read it is not reminded");
    let list = expect(neighbour.person.get("/me/tasks").await.unwrap(), 200);
    assert_eq!(list.body["items"][0]["reminded"], true);
    let silent = published(&world, &code, 2).await.into_iter().find(|one| one["attributes"]["action"] == "remind");
    assert_eq!(silent.unwrap()["structure"], "json", "devices show nothing by themselves");
    expect(neighbour.acknowledges(&code, "read").await, 200);
    assert!(!neighbour.told_of_tasks().await.contains(&reminded), "now it is read");

    // The end of the window closes it to the second, and the maker is told.
    world.wait_minutes(24 * 60);
    expect_problem(&neighbour.answers_task(&code, &json!({ "seen": "否" })).await, 409, "task_ended");
    assert!(reporter.tasks().await.is_empty());
    assert_eq!(state(&officer, &code).await, "ended");
    let over = (code.clone(), "end".to_owned());
    eventually("the end", async || officer.told_of_tasks().await.contains(&over).then_some(())).await;
    let history = officer.reads_task(&code, "/history").await;
    assert_eq!(each(&history.body["events"], "action"), ["create", "publish", "remind", "end"]);
    assert_eq!(history.body["events"][1]["in_scope"], 7);
    let hashes = each(&history.body["events"], "hash");
    assert_eq!(each(&history.body["events"], "previous")[1..], hashes[..3]);
    assert!(!world.folder().join("dead-letters.jsonl").exists(), "nothing was given up");
}

/// `cargo dev -- reach` measures the same for more.
#[tokio::test]
async fn what_a_task_costs_does_not_depend_on_how_many_it_is_for() {
    let measured = reach::measure(&[100, 1_000]).await.unwrap();
    assert!(reach::is_the_same(&measured), "{}", reach::table(&measured));
    for Measured { calls, .. } in &measured {
        let cost = |what: &str| calls.iter().find(|(of, ..)| *of == what).unwrap().1.clone();
        assert_eq!(cost("a reporter's list").round_trips, 2);
        // The event, the command, the place in the one node, and the notice; the task was there.
        assert_eq!((cost("send it").items, cost("send it").messages), (4, 1));
    }
}

/// The first list asks for two of three places, and for the third when one of them is there.
#[tokio::test]
async fn the_first_list_of_a_process_makes_fewer_connections() {
    let world = World::start_here().await;
    let officer = world.manager("officer-lantern").await;
    let reporter = world.reporter("lantern").await;
    let code = officer.sends_task(&task(&world, &[LANTERN])).await;
    let mut rounds = Vec::new();
    for _ in 0..3 {
        world.requests();
        assert_eq!(reporter.tasks().await, [code.as_str()]);
        rounds.push(world.asked().rounds);
    }
    assert!((2..=3).contains(&rounds[0]) && rounds[1..] == [2, 2], "{rounds:?}");
}

#[tokio::test]
async fn the_scheduler_starts_and_ends_a_task_by_itself() {
    let world = World::start().await;
    let officer = world.manager("officer-lantern").await;
    let reporter = world.reporter("lantern").await;
    // Where the clock is the machine's own, a minute is as soon as anything can be booked.
    let body = with(task(&world, &[LANTERN]), "/ends_at", json!(in_minutes(&world, 2)));
    let body = with(body, "/starts_at", json!(in_minutes(&world, 1)));
    let code = officer.sends_task(&body).await;
    assert_eq!(state(&officer, &code).await, "scheduled");
    assert!(reporter.tasks().await.is_empty() && reporter.told_of_tasks().await.is_empty(), "not before its time");
    for (moment, now, told) in [("start", "active", &reporter.person), ("end", "ended", &officer.person)] {
        world.wait_minutes(1);
        let begun = Instant::now();
        loop {
            let inbox = expect(told.get("/me/inbox?limit=100").await.unwrap(), 200);
            let is_it = |item: &&Value| item["task"] == *code && item["action"] == moment;
            if inbox.body["items"].as_array().unwrap().iter().any(|item| is_it(&item)) {
                break;
            }
            assert!(begun.elapsed() < Duration::from_mins(3), "{moment} did not come by itself");
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        assert_eq!(state(&officer, &code).await, now);
    }
    assert!(reporter.tasks().await.is_empty());
}

#[tokio::test]
async fn who_goes_or_comes_sees_what_is_theirs_now() {
    let world = World::start().await;
    let district = world.manager("district-police").await;
    let (goes, comes) = (world.reporter("lantern").await, world.reporter("ferry").await);
    let of_lantern = world.manager("officer-lantern").await.sends_task(&task(&world, &[LANTERN])).await;
    let of_river = district.sends_task(&task(&world, &["demo.river"])).await;
    let of_both = district.sends_task(&task(&world, &["demo.river", "demo.market"])).await;
    let body = with(task(&world, &["demo"]), "/scope/trades", json!(["taxi", "couriers"]));
    let body = with(body, "/scope/kinds", json!(["resident", "taxi"]));
    // Two taxi drivers are not enough for a task of their own.
    let of_trades = district.drafts(&body).await;
    let refused = district.tries_step(&of_trades, &json!({ "step": "publish" })).await;
    expect_problem(&refused, 409, "scope_too_small");
    let reach = district.reads_task(&of_trades, "/reach").await;
    assert_eq!((&reach.body["enough"], &reach.body["in_scope"]["count"]), (&json!(false), &Value::Null));

    let sees = async |who: &crate::harness::Reporter, expected: &[&String]| {
        let mut mine = who.tasks().await;
        mine.sort();
        let mut expected: Vec<_> = expected.iter().map(|code| (*code).clone()).collect();
        expected.sort();
        assert_eq!(mine, expected);
        for code in [&of_lantern, &of_river, &of_both] {
            let status = if expected.contains(code) { 200 } else { 404 };
            assert_eq!(who.opens_task(code).await.status, status);
        }
    };
    sees(&goes, &[&of_lantern, &of_both]).await;
    sees(&comes, &[&of_river, &of_both]).await;
    for (member, node) in [("reporter-lantern-1", "demo.river.ferry"), ("reporter-ferry-1", LANTERN)] {
        district.changes(member, &json!({ "change": "transfer", "node": node, "reason": "Moved house." })).await;
    }
    sees(&goes, &[&of_river, &of_both]).await;
    sees(&comes, &[&of_lantern, &of_both]).await;

    // Five couriers are enough: the count has followed each of them.
    for number in 1..=4 {
        let change = json!({ "change": "describe", "kind": "resident", "trades": ["couriers"], "places": [] });
        let community = ["boatyard-1", "boatyard-2", "ferry-2", "willow-bank-1"][number - 1];
        district.changes(&format!("reporter-{community}"), &change).await;
    }
    let reach = district.reads_task(&of_trades, "/reach").await;
    assert_eq!((&reach.body["enough"], &reach.body["in_scope"]["count"]), (&json!(true), &json!(6)));
    district.takes_step(&of_trades, &json!({ "step": "publish" })).await;
    sees(&world.reporter("boatyard").await, &[&of_river, &of_both, &of_trades]).await;
    sees(&goes, &[&of_river, &of_both]).await;

    // Who is suspended is not counted, and sees nothing.
    for member in ["reporter-boatyard-1", "reporter-boatyard-2"] {
        district.changes(member, &json!({ "change": "suspend", "reason": "An inquiry." })).await;
    }
    let progress = district.reads_task(&of_trades, "/progress").await;
    assert_eq!(progress.body["in_scope"], json!({ "suppressed": true }));
    let boatyard = world.reporter("boatyard").await;
    expect_problem(&boatyard.person.get("/me/tasks").await.unwrap(), 403, "member_suspended");
}

#[tokio::test]
async fn a_station_asks_the_district_before_it_tasks_more_than_one_community() {
    let world = World::start().await;
    let (station, district) = (world.manager("station-market").await, world.manager("district-police").await);
    let reporter = world.reporter("silk-lane").await;
    let publish = json!({ "step": "publish" });

    // One community is the station's own affair.
    let alone = station.sends_task(&task(&world, &[LANTERN])).await;
    assert_eq!(state(&station, &alone).await, "active");

    let code = station.drafts(&task(&world, &["demo.market"])).await;
    let waiting = station.takes_step(&code, &publish).await;
    assert_eq!(waiting.text("/state"), "awaiting_consent");
    assert!(district.told_of_tasks().await.contains(&(code.clone(), "request_consent".to_owned())));
    assert!(!reporter.tasks().await.contains(&code));
    expect_problem(&station.tries_step(&code, &json!({ "step": "consent" })).await, 403, "wrong_role");
    let refuse = json!({ "step": "refuse", "reason": "Name the street, not the whole market." });
    assert_eq!(district.takes_step(&code, &refuse).await.text("/state"), "draft");
    assert!(station.told_of_tasks().await.contains(&(code.clone(), "refuse".to_owned())));
    let history = station.reads_task(&code, "/history").await;
    assert_eq!(history.body["events"][2]["reason"], "Name the street, not the whole market.");

    let better = with(task(&world, &["demo.market"]), "/look_for", json!("丝巷夜间装运电缆的货车"));
    expect(station.tries_to_edit(&code, &better).await, 200);
    station.takes_step(&code, &publish).await;
    let sent = district.takes_step(&code, &json!({ "step": "consent" })).await;
    assert_eq!((sent.text("/state"), &sent.body["consented"]), ("active", &json!(true)));
    assert!(reporter.tasks().await.contains(&code));
    assert!(station.told_of_tasks().await.contains(&(code.clone(), "consent".to_owned())));
    // What was consented to is not changed behind the district's back.
    let other = with(better, "/instructions", json!("别的"));
    expect_problem(&station.tries_to_edit(&code, &other).await, 409, "consented_task");
    expect(district.tries_to_edit(&code, &other).await, 200);

    // The district's rule can say otherwise.
    let lists = expect(district.person.get(DEMO).await.unwrap(), 200);
    assert_eq!(lists.text("/station_tasks"), "consent");
    let mut free = lists.body.clone();
    free["station_tasks"] = json!("free");
    expect(district.person.put_json(DEMO, lists.version(), &free).await.unwrap(), 200);
    let code = station.sends_task(&task(&world, &["demo.market"])).await;
    assert_eq!(state(&station, &code).await, "active");
}

#[tokio::test]
async fn what_is_called_off_or_over_takes_no_answers() {
    let world = World::start_here().await;
    let officer = world.manager("officer-lantern").await;
    let reporter = world.reporter("lantern").await;
    let code = officer.sends_task(&task(&world, &[LANTERN])).await;
    let yes = json!({ "seen": "是" });
    let sent = expect(reporter.reports("At the depot.").with("task", code.clone()).tries_to_send().await, 201);
    expect(reporter.answers_task(&code, &yes).await, 200);
    officer.takes_step(&code, &json!({ "step": "cancel", "reason": "They were caught." })).await;
    assert!(reporter.tasks().await.is_empty());
    assert!(reporter.told_of_tasks().await.contains(&(code.clone(), "cancel".to_owned())));
    let refused = reporter.answers_task(&code, &yes).await;
    expect_problem(&refused, 409, "task_cancelled");
    assert_eq!(refused.text("/detail"), "This task was called off.");
    let named = reporter.reports("Again.").with("task", code.clone()).tries_to_send().await;
    expect_problem(&named, 409, "task_cancelled");
    // It can still be looked at, and that it was read is still taken down.
    assert_eq!(expect(reporter.opens_task(&code).await, 200).text("/state"), "cancelled");
    expect(world.neighbour("lantern").await.acknowledges(&code, "read").await, 200);
    expect_problem(&officer.tries_step(&code, &json!({ "step": "publish" })).await, 409, "task_cancelled");
    expect_problem(&officer.tries_to_edit(&code, &task(&world, &[LANTERN])).await, 409, "task_cancelled");
    assert_eq!(sent.status, 201, "the report stays");

    // Nothing is told of what nobody knew of.
    let body = with(task(&world, &[LANTERN]), "/starts_at", json!(in_minutes(&world, 60)));
    let code = officer.sends_task(&body).await;
    officer.takes_step(&code, &json!({ "step": "cancel", "reason": "A mistake." })).await;
    expect_problem(&reporter.opens_task(&code).await, 404, "not_found");
    world.wait_minutes(120);
    let ended = officer.sends_task(&with(task(&world, &[LANTERN]), "/ends_at", json!(in_minutes(&world, 5)))).await;
    world.wait_minutes(5);
    expect_problem(&reporter.answers_task(&ended, &yes).await, 409, "task_ended");
    let named = reporter.reports("Late.").with("task", ended.clone()).tries_to_send().await;
    expect_problem(&named, 409, "task_ended");
    assert!(reporter.told_of_tasks().await.iter().all(|(told, _)| *told != code), "{code} was nobody's");
}

#[tokio::test]
async fn a_notice_only_asks_to_be_read() {
    let world = World::start().await;
    let officer = world.manager("officer-lantern").await;
    let reporter = world.reporter("lantern").await;
    let mut notice = task(&world, &[LANTERN]);
    notice["kind"] = json!("safety_education");
    let refused = officer.tries("/tasks", &notice).await;
    assert_eq!(each(&expect(refused, 400).body["errors"], "pointer"), ["/form"]);
    notice["form"] = json!([]);
    let code = officer.sends_task(&notice).await;
    expect_problem(&reporter.answers_task(&code, &json!({})).await, 409, "asks_for_nothing");
    expect_problem(&reporter.reports("x").with("task", code.clone()).tries_to_send().await, 409, "asks_for_nothing");
    expect(reporter.acknowledges(&code, "read").await, 200);
    assert_eq!(officer.reads_task(&code, "/progress").await.body["read"]["count"], 1);
}

#[tokio::test]
async fn an_edit_tells_again_only_when_there_is_something_else_to_do() {
    let world = World::start().await;
    let officer = world.manager("officer-lantern").await;
    let reporter = world.reporter("lantern").await;
    let body = task(&world, &[LANTERN]);
    let code = officer.sends_task(&body).await;
    expect(reporter.acknowledges(&code, "read").await, 200);
    let told = async || reporter.told_of_tasks().await.len();
    assert_eq!(told().await, 1);

    // Longer, and with another form: nobody is told, and an old form is not taken.
    let body = with(body, "/ends_at", json!(in_minutes(&world, 3 * 24 * 60)));
    let body = with(body, "/form/1", json!({ "name": "where", "label": "在哪里", "kind": "text" }));
    let edited = expect(officer.tries_to_edit(&code, &body).await, 200);
    assert_eq!((&edited.body["instructions_version"], &edited.body["form_version"]), (&json!(1), &json!(2)));
    assert_eq!(told().await, 1);
    expect_problem(&reporter.answers_task(&code, &json!({ "seen": "是" })).await, 409, "form_changed");
    assert_eq!(reporter.opens_task(&code).await.body["read"], true);

    let body = with(body, "/instructions", json!("现在请拨打 110。"));
    expect(officer.tries_to_edit(&code, &body).await, 200);
    assert_eq!(reporter.told_of_tasks().await.last(), Some(&(code.clone(), "edit".to_owned())));
    let list = expect(reporter.person.get("/me/tasks").await.unwrap(), 200);
    let item = &list.body["items"][0];
    assert_eq!((&item["read"], &item["changed"]), (&json!(false), &json!(true)));
    expect(reporter.acknowledges(&code, "read").await, 200);
    assert_eq!(officer.reads_task(&code, "/progress").await.body["read"]["count"], 1, "counted once");
    // The same again changes nothing.
    let version = officer.reads_task(&code, "").await.version().unwrap();
    expect(officer.tries_to_edit(&code, &body).await, 200);
    assert_eq!(officer.reads_task(&code, "").await.version(), Some(version));
    expect_problem(&officer.tries_to_edit_at(&code, version - 1, &body).await, 412, "version_stale");
    let wider = with(body, "/scope/nodes", json!([LANTERN]));
    let wider = with(wider, "/scope/kinds", json!(["taxi"]));
    let refused = expect(officer.tries_to_edit(&code, &wider).await, 400);
    assert_eq!(each(&refused.body["errors"], "pointer"), ["/scope"]);
}

#[tokio::test]
async fn one_message_for_each_node_and_subscriptions_do_the_rest() {
    let world = World::start_here().await;
    let district = world.manager("district-police").await;
    for (name, token) in [("reporter-lantern-1", "one"), ("reporter-lantern-6", "six"), ("reporter-ferry-1", "ferry")] {
        let device = json!({ "means": "device", "platform": "fcm", "token": token });
        expect(world.person(name).await.put_json("/me/channel", None, &device).await.unwrap(), 200);
    }
    let receivers = async |code: &str, count: usize| {
        let told = published(&world, code, count).await;
        assert_eq!(told.len(), count, "one message for each node");
        let mut all: Vec<_> = told.iter().flat_map(|one| one["receivers"].as_array().unwrap().clone()).collect();
        all.sort_by_key(ToString::to_string);
        all
    };
    let everybody = district.sends_task(&task(&world, &["demo.market", "demo.river"])).await;
    assert_eq!(receivers(&everybody, 2).await, ["device:ferry", "device:one", "device:six"]);
    let residents = with(task(&world, &["demo"]), "/scope/kinds", json!(["resident"]));
    let residents = district.sends_task(&residents).await;
    assert_eq!(receivers(&residents, 1).await, ["device:ferry", "device:one"]);
    // The subscription follows a change of trade and a transfer.
    for number in 2..=5 {
        let describe = json!({ "change": "describe", "kind": "courier", "trades": ["couriers"], "places": [] });
        district.changes(&format!("reporter-lantern-{number}"), &describe).await;
    }
    let describe = json!({ "change": "describe", "kind": "courier", "trades": ["couriers"], "places": [] });
    district.changes("reporter-lantern-1", &describe).await;
    let transfer = json!({ "change": "transfer", "node": LANTERN, "reason": "Moved house." });
    district.changes("reporter-ferry-1", &transfer).await;
    let body = with(task(&world, &[LANTERN]), "/scope/trades", json!(["couriers"]));
    let couriers = district.sends_task(&body).await;
    assert_eq!(receivers(&couriers, 1).await, ["device:one"]);
    let here = district.sends_task(&task(&world, &[LANTERN])).await;
    assert_eq!(receivers(&here, 1).await, ["device:ferry", "device:one", "device:six"]);
    // At night nobody is woken, and the inbox has it.
    world.wait_minutes(14 * 60);
    let at_night = district.sends_task(&task(&world, &[LANTERN])).await;
    assert!(receivers(&at_night, 1).await.is_empty());
    let inbox = world.reporter("lantern").await.told_of_tasks().await;
    assert!(inbox.contains(&(at_night, "publish".to_owned())));
    let emergency = with(task(&world, &[LANTERN]), "/priority", json!("emergency"));
    let emergency = district.sends_task(&emergency).await;
    assert_eq!(receivers(&emergency, 1).await.len(), 3);
    // Nobody's inbox has what is for other trades.
    assert!(
        world.person("reporter-lantern-6").await.get("/me/inbox").await.unwrap().body["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|item| item["task"] != *couriers)
    );
}

#[tokio::test]
async fn a_long_list_is_paged_and_nothing_is_missing() {
    let world = World::start().await;
    let district = world.manager("district-police").await;
    let officer = world.manager("officer-lantern").await;
    let mut all = Vec::new();
    let nodes = [LANTERN, "demo.market", "demo"].into_iter().cycle();
    for (number, node) in (0..9).zip(nodes) {
        let body = with(task(&world, &[node]), "/ends_at", json!(in_minutes(&world, 600 - 10 * (number / 2))));
        let body = with(body, "/title", json!(format!("任务 {number}")));
        all.push(if node == LANTERN { officer.sends_task(&body).await } else { district.sends_task(&body).await });
    }
    // One that is not for residents is left out without ending the list.
    let taxis = with(task(&world, &["demo"]), "/scope/kinds", json!(["taxi", "courier"]));
    expect_problem(
        &district.tries_step(&district.drafts(&taxis).await, &json!({ "step": "publish" })).await,
        409,
        "scope_too_small",
    );
    let reporter = world.reporter("lantern").await;
    let (mut seen, mut ends, mut cursor) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = expect(reporter.person.get(&format!("/me/tasks?limit=2{cursor}")).await.unwrap(), 200);
        seen.extend(each(&page.body["items"], "id").into_iter().map(str::to_owned));
        ends.extend(each(&page.body["items"], "ends_at").into_iter().map(str::to_owned));
        let Some(next) = page.body["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
        let stolen = world.neighbour("lantern").await.person.get(&format!("/me/tasks?limit=2{cursor}")).await.unwrap();
        expect_problem(&stolen, 400, "invalid");
    }
    assert!(ends.is_sorted(), "what ends first stands first: {ends:?}");
    seen.sort();
    all.sort();
    assert_eq!(seen, all);
    // Staff see what runs where they are, and lists what was made in their territory.
    let station = world.manager("station-market").await;
    let here = expect(station.person.get("/me/tasks?limit=100").await.unwrap(), 200);
    assert_eq!(here.body["items"].as_array().unwrap().len(), 6);
    let made = expect(station.asks_for("/tasks?limit=2").await, 200);
    assert_eq!(made.body["items"].as_array().unwrap().len(), 2);
    assert!(made.body["next"].is_string() && made.headers.contains_key("link"));
    expect_problem(&station.asks_for("/tasks?node=demo.river").await, 404, "not_found");
}
