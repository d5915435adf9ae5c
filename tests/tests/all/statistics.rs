//! What the statistics say, to whom, and that nothing that happens on the way to them changes it.

mod shaken;

use jiff::civil::date;
use pingan_domain::{
    outcome::{Counted, OutcomeAction, OutcomeEvent, OutcomeState},
    report::{Category, Concerns},
    statistics::Figures,
    tally::day,
};
use pingan_local::client::Person;
use pingan_store::{Key, item};
use serde_json::{Value, json};

use crate::harness::{DEMO, World, dynamodb, eventually, expect, expect_problem};

fn shanghai() -> jiff::tz::TimeZone {
    jiff::tz::TimeZone::get("Asia/Shanghai").unwrap()
}

/// The one row of statistics that were asked for so.
async fn row(reader: &Person, query: &str) -> Value {
    let answer = expect(reader.get(&format!("{DEMO}/statistics?{query}")).await.unwrap(), 200);
    let rows = answer.body["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 1, "{}", answer.body);
    rows[0].clone()
}

/// The same, once it has counted what it should have.
async fn row_once(reader: &Person, query: &str, ready: impl Fn(&Value) -> bool) -> Value {
    eventually(query, async || Some(row(reader, query).await).filter(&ready)).await
}

#[tokio::test]
async fn a_report_shows_up_in_the_statistics_of_its_three_nodes() {
    let world = World::start().await;
    let district = world.district().await;
    let today = day(world.now().unwrap_or_else(jiff::Timestamp::now), &shanghai());
    let query = format!("from={today}&to={today}&by=day");
    let before = row(&district.person, &query).await;
    let count = |row: &Value, at: &str| row["figures"].pointer(at).and_then(Value::as_u64).unwrap_or(0);
    let more = |row: &Value, at: &str| count(row, at) - count(&before, at);

    let reporter = world.reporter("ferry").await;
    let code = reporter.reports("A workshop makes pistols at night.").send().await;
    world.wait_minutes(90);
    world.officer("ferry").await.approves(&code).await;
    world.wait_minutes(30);
    world.station("river").await.approves(&code).await;
    district.approves(&code).await;
    let adopted =
        |row: &Value| row["figures"]["adopted"].as_object().unwrap().values().filter_map(Value::as_u64).sum::<u64>();
    let row = row_once(&district.person, &query, |row| adopted(row) > adopted(&before)).await;
    // In an account that tests share, others report as well.
    let alone = world.now().is_some();
    let is = |found: u64, expected: u64| if alone { found == expected } else { found >= expected };
    let submitted =
        |row: &Value| row["figures"]["submitted"].as_object().unwrap().values().filter_map(Value::as_u64).sum::<u64>();
    assert!(is(adopted(&row) - adopted(&before), 1), "{row}");
    assert!(is(submitted(&row) - submitted(&before), 1), "{row}");
    assert!(is(more(&row, "/held/officer/count"), 1), "{row}");
    if alone {
        let held = row["figures"]["held"]["officer"]["median_minutes"].as_u64().unwrap();
        assert!(held.abs_diff(90) <= 3, "{row}");
    }
    let done = |row: &Value, stage: &str| {
        row["reports"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|done| done["stage"] == stage && done["action"] == "approve")
            .count()
    };
    for stage in ["officer", "station", "district"] {
        assert!(is(done(&row, stage) as u64, 1), "{stage}: {row}");
    }

    // The officer sees the own community, the station its part, and each the same of it.
    for (reader, node) in [("officer-ferry", "demo.river.ferry"), ("station-river", "demo.river")] {
        let reader = world.person(reader).await;
        let own = row_once(&reader, &query, |row| is(adopted(row), 1)).await;
        assert_eq!(own["node"], node);
        let answer = reader.get(&format!("{DEMO}/statistics?node=demo.market&{query}")).await.unwrap();
        expect_problem(&answer, 404, "not_found");
    }
    let other = crate::statistics::row(&world.person("officer-lantern").await, &query).await;
    assert!(!alone || other["figures"]["adopted"] == json!({}), "{other}");
}

#[tokio::test]
async fn a_report_on_a_stage_is_not_in_the_figures_of_its_nodes() {
    let world = World::start_here().await;
    let reporter = world.person("reporter-ferry-1").await;
    let body = json!({ "category": "crime", "text": "He takes money.", "concerns": "station_officer" });
    expect(reporter.post("/reports", world.keys("reporter-ferry-1").next(), None, &body).await.unwrap(), 201);
    let has = |row: &Value| row["figures"]["submitted"]["crime"] == 1;
    row_once(&world.person("station-river").await, "by=year", has).await;
    row_once(&world.person("district-police").await, "by=year", has).await;
    let officer = world.person("officer-ferry").await;
    assert_eq!(row(&officer, "by=year").await["figures"]["submitted"], json!({}));
}

#[tokio::test]
async fn people_are_counted_once_and_small_counts_shown_to_their_officer_alone() {
    let world = World::start_here().await;
    let officer = world.person("officer-ferry").await;
    let keys = world.keys("officer-ferry");
    for number in 0..3 {
        let phone = format!("1380013800{number}");
        let body = json!({ "node": "demo.river.ferry", "kind": "shop", "name": "王秀兰", "phone": phone });
        let recruited = expect(officer.post(&format!("{DEMO}/members"), keys.next(), None, &body).await.unwrap(), 201);
        let invitation = json!({ "member": recruited.text("/id"), "code": recruited.text("/invitation/code") });
        let account = world.person(&format!("account-{number}")).await;
        expect(account.put_json("/me/account", None, &invitation).await.unwrap(), 200);
    }
    let own = row_once(&officer, "by=year", |row| row["figures"]["registered"] == 3).await;
    assert_eq!((&own["figures"]["recruited"], &own["figures"]["left"]), (&json!(3), &json!(0)));
    for reader in ["station-river", "district-police", "district-governance", "auditor"] {
        let reader = world.person(reader).await;
        let row = row_once(&reader, "by=year", |row| row["figures"]["registered"] != 0).await;
        assert_eq!((&row["figures"]["recruited"], &row["figures"]["left"]), (&Value::Null, &json!(0)), "{row}");
        // Nor the sum of the station, beside its communities.
        if row["node"] == "demo.river" || row["node"] == "demo" {
            let answer = expect(reader.get(&format!("{DEMO}/statistics?by=year&below=true")).await.unwrap(), 200);
            let rows = answer.body["rows"].as_array().unwrap();
            assert_eq!(rows.len(), 4, "{}", answer.body);
            assert_eq!(rows.iter().filter(|row| row["figures"]["recruited"].is_null()).count(), 2, "{}", answer.body);
        }
    }
}

#[tokio::test]
async fn the_auditor_does_not_see_a_single_report_of_a_community() {
    let world = World::start_here().await;
    world.reporter("ferry").await.reports("Loose paving.").send().await;
    let auditor = world.person("auditor").await;
    let all = |row: &Value| !row["figures"]["submitted"].as_object().unwrap().is_empty();
    let whole = row_once(&auditor, "by=day&from=2037-08-12&to=2037-08-12", all).await;
    assert_eq!(whole["figures"]["submitted"].as_object().unwrap().values().next(), Some(&json!(1)));
    for query in ["node=demo.river.ferry", "node=demo.river&below=true"] {
        let answer = auditor.get(&format!("{DEMO}/statistics?{query}&by=day&from=2037-08-12")).await.unwrap();
        expect_problem(&answer, 400, "invalid");
        assert_eq!(answer.text("/errors/0/pointer"), "by", "{}", answer.body);
    }
    for by in ["month&from=2037-08-12", "year"] {
        let row = row_once(&auditor, &format!("node=demo.river.ferry&by={by}"), all).await;
        assert!(row["figures"]["submitted"].as_object().unwrap().values().all(Value::is_null), "{row}");
        assert!(row["reports"].as_array().unwrap().iter().all(|done| done["count"].is_null()), "{row}");
        let officer = row_once(&world.person("officer-ferry").await, &format!("by={by}"), all).await;
        assert!(officer["figures"]["submitted"].as_object().unwrap().values().all(|count| *count == 1), "{officer}");
    }
}

#[tokio::test]
async fn rows_are_whole_months_and_years_of_what_was_asked() {
    let world = World::start_here().await;
    let reader = world.person("station-market").await;
    let rows = async |query: &str| -> Vec<String> {
        let answer = expect(reader.get(&format!("{DEMO}/statistics?{query}")).await.unwrap(), 200);
        let of = |row: &Value| {
            format!(
                "{} {} {}",
                row["node"].as_str().unwrap(),
                row["from"].as_str().unwrap(),
                row["to"].as_str().unwrap()
            )
        };
        answer.body["rows"].as_array().unwrap().iter().map(of).collect()
    };
    let months = rows("").await;
    assert_eq!(
        (months.len(), &*months[0], &*months[7]),
        (8, "demo.market 2037-01-01 2037-01-31", "demo.market 2037-08-01 2037-08-31")
    );
    assert_eq!(rows("from=2036-02-10&to=2036-02-11&by=day").await.len(), 2);
    assert_eq!(
        rows("from=2036-02-10&to=2036-03-01").await,
        ["demo.market 2036-02-01 2036-02-29", "demo.market 2036-03-01 2036-03-31"]
    );
    let below = rows("from=2030-06-01&by=year&below=true&to=2031-01-01").await;
    assert_eq!(below.len(), 6, "the station and its two communities in two years: {below:?}");
    for (query, field) in [
        ("from=2037-08-02&to=2037-08-01", "to"),
        ("from=2036-01-01&to=2037-08-01&by=day", "to"),
        ("from=1990-01-01", "to"),
        ("from=yesterday", "from"),
        ("by=week", "by"),
        ("below=perhaps", "below"),
    ] {
        let answer = reader.get(&format!("{DEMO}/statistics?{query}")).await.unwrap();
        expect_problem(&answer, 400, "invalid");
        assert_eq!(answer.text("/errors/0/pointer"), field, "{}", answer.body);
    }
}

#[tokio::test]
async fn an_outcome_counts_where_and_when_it_was_last_said_to_be() {
    let world = World::start_here().await;
    let raw = dynamodb(&world.bundle().dynamodb_url, "us-east-1");
    let reporter = world.reporter("ferry").await;
    let code = reporter.reports("Loose paving.").send().await;
    let first = world.history(&code).await.events.remove(0);
    let counted = |count, on| {
        let kind = pingan_domain::district::Label::parse("hazards_removed").unwrap();
        Some(Counted {
            kind,
            count,
            on,
            node: first.node.clone(),
            category: Category::Hazard,
            concerns: Concerns::Nobody,
        })
    };
    let confirmed = OutcomeEvent {
        outcome: first.report,
        seq: 1,
        at: first.at,
        actor: first.actor.clone(),
        role: first.role,
        action: OutcomeAction::Confirm,
        body: None,
        receiver: None,
        state: OutcomeState::Confirmed,
        claim: None,
        leads: Vec::new(),
        note: None,
        before: None,
        after: counted(3, date(2037, 7, 30)),
        command: first.command,
        previous: first.previous,
        hash: first.hash,
    };
    let (before, after) = (confirmed.after.clone(), counted(2, date(2037, 8, 1)));
    let corrected = OutcomeEvent { seq: 2, action: OutcomeAction::Correct, before, after, ..confirmed.clone() };
    let put = async |event: &OutcomeEvent| {
        let key = Key::OutcomeEvent(event.outcome, event.seq);
        let item = item::encode(&key, event).unwrap();
        raw.put_item().table_name(&world.store().tables().outcomes).set_item(Some(item)).send().await.unwrap();
    };
    put(&confirmed).await;
    let district = world.person("district-police").await;
    let at = async |query: &str, count: u64| {
        row_once(&district, query, |row| row["figures"]["outcomes"]["hazards_removed"].as_u64().unwrap_or(0) == count)
            .await
    };
    at("from=2037-07-01&to=2037-07-31", 3).await;
    put(&corrected).await;
    at("from=2037-08-01&to=2037-08-31", 2).await;
    at("from=2037-07-01&to=2037-07-31", 0).await;
    let year: Figures =
        world.store().figures(&"demo".parse().unwrap(), date(2036, 9, 3), date(2037, 8, 15)).await.unwrap();
    assert_eq!(year.outcomes.values().copied().collect::<Vec<_>>(), [2], "days, whole months and days");
}
