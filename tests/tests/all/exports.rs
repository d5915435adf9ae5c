//! Exports of statistics: what is in the files, who gets them, and what is written down of it.

use pingan_domain::access::Opened;
use pingan_local::client::Person;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    harness::{DEMO, World, assert_says_nothing_of, each, eventually, expect, expect_problem},
    store::verify_accesses,
};

/// How many at once.
const MANY: usize = 16;

/// This month, as somebody asks for its statistics.
pub(crate) fn this_month(world: &World) -> Value {
    let now = world.now().unwrap_or_else(jiff::Timestamp::now);
    let today = now.in_tz("Asia/Shanghai").unwrap().date();
    json!({ "format": "csv", "from": today.first_of_month(), "to": today, "reason": "For the monthly meeting." })
}

/// An export of the district that can be fetched; gives its code.
pub(crate) async fn made(world: &World) -> String {
    let manager = world.manager("district-police").await;
    let id = expect(manager.tries("/exports", &this_month(world)).await, 202).text("/id").to_owned();
    ready(&manager.person, &id).await;
    id
}

/// Waits until an export can be fetched.
pub(crate) async fn ready(reader: &Person, id: &str) -> Value {
    eventually(&format!("the export {id}"), async || {
        let read = expect(reader.get(&format!("{DEMO}/exports/{id}")).await.unwrap(), 200);
        (read.text("/state") == "ready").then_some(read.body)
    })
    .await
}

/// Fetches the file of an export.
async fn fetches(person: &Person, id: &str) -> String {
    let link = expect(person.get(&format!("{DEMO}/exports/{id}/link")).await.unwrap(), 200);
    assert_eq!(link.headers["cache-control"], "no-store");
    let (status, bytes) = person.open(link.text("/url")).await.unwrap();
    assert_eq!(status, 200);
    String::from_utf8(bytes).unwrap()
}

/// The values of a figure in a file for spreadsheets, by node: what is suppressed is empty.
fn values<'a>(file: &'a str, figure: &str) -> Vec<(&'a str, &'a str)> {
    let lines = file.lines().map(|line| line.split(',').collect::<Vec<_>>());
    lines.filter(|line| line[4] == figure).map(|line| (line[0], line[11])).collect()
}

#[tokio::test]
async fn a_table_says_what_the_statistics_say_and_its_reader_is_written_down() {
    let world = World::start().await;
    let code = world.reporter("ferry").await.reports("marker-text").at("marker-place").send().await;
    world.officer("ferry").await.approves(&code).await;
    let manager = world.manager("station-river").await;
    eventually("the statistics", async || {
        let answer = manager.person.get(&format!("{DEMO}/statistics?by=year")).await.unwrap();
        let counted = &answer.body["rows"][0]["figures"];
        let submitted = counted["submitted"].as_object().unwrap().values().filter_map(Value::as_u64).sum::<u64>();
        (submitted >= 1 && !answer.body["rows"][0]["reports"].as_array().unwrap().is_empty()).then_some(())
    })
    .await;
    let asked = expect(manager.tries("/exports", &this_month(&world)).await, 202);
    let id = asked.text("/id").to_owned();
    assert_eq!(asked.headers["location"], format!("{DEMO}/exports/{id}"));
    assert_eq!((asked.text("/state"), asked.text("/node"), asked.text("/by")), ("pending", "demo.river", "month"));
    let read = ready(&manager.person, &id).await;
    assert_eq!(read["reason"], "For the monthly meeting.");
    assert_eq!(read["requested_by"], json!({ "role": "station_manager", "body": "police", "node": "demo.river" }));
    assert_eq!(read["fetched_at"], json!([]));

    let file = fetches(&manager.person, &id).await;
    assert!(file.starts_with("\u{feff}node,name,from,to,figure,"), "spreadsheets see that it is UTF-8");
    assert_eq!(read["size_bytes"], file.len());
    assert!(file.contains("demo.river.ferry,") && file.contains(",渡口社区,"), "{file}");
    let nodes: Vec<_> = values(&file, "duplicates").into_iter().map(|(node, _)| node).collect();
    assert_eq!(nodes, ["demo.river", "demo.river.boatyard", "demo.river.ferry", "demo.river.willow-bank"]);
    let submitted: u64 = values(&file, "submitted")
        .iter()
        .filter(|(node, _)| *node == "demo.river")
        .map(|(_, n)| n.parse::<u64>().unwrap())
        .sum();
    assert!(submitted >= 1);
    assert_says_nothing_of(&(&file, &read), &["marker", "reporter-ferry", "station-river"]);

    // It was asked for, and fetched twice.
    fetches(&manager.person, &id).await;
    assert_eq!(ready(&manager.person, &id).await["fetched_at"].as_array().unwrap().len(), 2);
    let readings = world.store().accesses(id.parse().unwrap(), 100).await.unwrap();
    verify_accesses(&readings);
    let opened: Vec<_> = readings.iter().map(|reading| reading.opened).collect();
    assert_eq!(opened, [Opened::Export, Opened::File, Opened::File]);
    assert_eq!(readings[0].reason.as_deref(), Some("For the monthly meeting."));

    // Those above see that it was made. The file shows what its reader may see, and is for nobody else.
    for other in ["district-governance", "auditor"] {
        let other = world.person(other).await;
        let list = expect(other.get(&format!("{DEMO}/exports")).await.unwrap(), 200);
        assert_eq!(each(&list.body["items"], "id"), [&*id]);
        expect_problem(&other.get(&format!("{DEMO}/exports/{id}/link")).await.unwrap(), 403, "not_your_export");
    }
    let other = world.person("station-market").await;
    assert_eq!(expect(other.get(&format!("{DEMO}/exports")).await.unwrap(), 200).body["items"], json!([]));
    expect_problem(&other.get(&format!("{DEMO}/exports/{id}")).await.unwrap(), 404, "not_found");
}

#[tokio::test]
async fn a_table_suppresses_what_its_reader_is_not_shown() {
    let world = World::start_here().await;
    world.reporter("ferry").await.reports("Loose paving.").send().await;
    let auditor = world.manager("auditor").await;
    eventually("the report is counted", async || {
        let answer = auditor.asks_for("/statistics?by=day&from=2037-08-12").await;
        (!answer.body["rows"][0]["reports"].as_array().unwrap().is_empty()).then_some(())
    })
    .await;
    let id = expect(auditor.tries("/exports", &this_month(&world)).await, 202).text("/id").to_owned();
    ready(&auditor.person, &id).await;
    let file = fetches(&auditor.person, &id).await;
    // The one report of the district is of one community: no sum may say of which.
    assert_eq!(values(&file, "submitted").into_iter().collect::<std::collections::BTreeSet<_>>().len(), 3, "{file}");
    assert!(values(&file, "submitted").iter().all(|(_, value)| value.is_empty()), "{file}");
    let mut days = this_month(&world);
    days["by"] = json!("day");
    let refused = auditor.tries("/exports", &days).await;
    expect_problem(&refused, 400, "invalid");
    assert_eq!(each(&refused.body["errors"], "pointer"), ["/by"]);
}

#[tokio::test]
async fn a_map_shows_cells_with_five_reports_of_five_reporters() {
    let world = World::start_here().await;
    let point = |east: f64| json!({ "point": { "longitude": 121.4761 + east, "latitude": 31.2309 } });
    let adopts = async |code: &str| {
        world.officer("lantern").await.approves(code).await;
        world.station("market").await.approves(code).await;
        world.district().await.approves(code).await;
    };
    for number in 1..=5 {
        let id = format!("reporter-lantern-{number}");
        let reporter = crate::harness::Reporter::new(world.person(&id).await, world.keys(&id));
        adopts(&reporter.reports("A hole in the road.").with("place", point(0.0)).send().await).await;
        // Four lie in the next cell; and one of the five there was not adopted.
        let code = reporter.reports("Another one.").with("place", point(0.02)).send().await;
        if number < 5 {
            adopts(&code).await;
        }
    }
    adopts(&world.reporter("lantern").await.reports("Somewhere.").at("by the gate").send().await).await;

    let wanted = json!({ "format": "geojson", "from": "2037-08-01", "to": "2037-08-31", "reason": "For the map." });
    let manager = world.manager("district-governance").await;
    let refused = manager.tries("/exports", &wanted).await;
    expect_problem(&refused, 400, "invalid");
    assert_eq!(each(&refused.body["errors"], "pointer"), ["/to"], "the month is not over");
    world.wait_minutes(31 * 24 * 60);
    let manager = world.manager("district-governance").await;
    let id = expect(manager.tries("/exports", &wanted).await, 202).text("/id").to_owned();
    ready(&manager.person, &id).await;
    let file = fetches(&manager.person, &id).await;
    let map: Value = serde_json::from_str(&file).unwrap();
    let ring = json!([[121.47, 31.23], [121.48, 31.23], [121.48, 31.24], [121.47, 31.24], [121.47, 31.23]]);
    let expected = json!({
        "type": "FeatureCollection",
        "features": [{
            "type": "Feature",
            "geometry": { "type": "Polygon", "coordinates": [ring] },
            "properties": { "adopted": 5, "crime": 5, "others": 0 },
        }],
        "node": "demo", "from": "2037-08-01", "to": "2037-08-31", "cell_degrees": 0.01,
        "adopted_in_other_cells": null, "adopted_without_point": 1, "complete": true,
    });
    assert_eq!(map, expected);

    // After a week the file is gone; that there was one is not.
    world.wait_minutes(7 * 24 * 60);
    let manager = world.manager("district-governance").await;
    let link = manager.asks_for(&format!("/exports/{id}/link")).await;
    expect_problem(&link, 409, "export_expired");
    assert_eq!(ready(&manager.person, &id).await["fetched_at"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn however_often_it_is_asked_for_one_export_is_made() {
    let world = World::start_here().await;
    let manager = world.manager("district-police").await;
    let key = manager.keys.next();
    let mut asking = JoinSet::new();
    for _ in 0..MANY {
        let (person, body) = (manager.person.clone(), this_month(&world));
        asking.spawn(
            async move { expect(person.post(&format!("{DEMO}/exports"), key, None, &body).await.unwrap(), 202) },
        );
    }
    let ids: std::collections::BTreeSet<String> =
        asking.join_all().await.iter().map(|answer| answer.text("/id").to_owned()).collect();
    assert_eq!(ids.len(), 1);
    let id = ids.first().unwrap();
    ready(&manager.person, id).await;
    assert_eq!(world.store().accesses(id.parse().unwrap(), 100).await.unwrap().len(), 1, "it was asked for once");
    let mut other = this_month(&world);
    other["reason"] = json!("For something else.");
    let answer = manager.person.post(&format!("{DEMO}/exports"), key, None, &other).await.unwrap();
    expect_problem(&answer, 422, "idempotency_key_reused");

    // Every link that was given is in the trail, also when many are at once.
    let mut fetching = JoinSet::new();
    for _ in 0..MANY {
        let (person, path) = (manager.person.clone(), format!("{DEMO}/exports/{id}/link"));
        fetching.spawn(async move { expect(person.get(&path).await.unwrap(), 200) });
    }
    fetching.join_all().await;
    let readings = world.store().accesses(id.parse().unwrap(), 100).await.unwrap();
    assert_eq!(readings.len(), 1 + MANY);
    verify_accesses(&readings);
}

#[tokio::test]
async fn who_may_not_act_any_more_gets_no_file() {
    let world = World::start_here().await;
    let manager = world.manager("station-river").await;
    let id = expect(manager.tries("/exports", &this_month(&world)).await, 202).text("/id").to_owned();
    ready(&manager.person, &id).await;
    let district = world.manager("district-police").await;
    district.changes("station-river", &json!({ "change": "suspend", "reason": "An inquiry." })).await;
    let link = manager.asks_for(&format!("/exports/{id}/link")).await;
    expect_problem(&link, 403, "member_suspended");
}
