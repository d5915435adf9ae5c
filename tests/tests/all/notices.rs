//! Who is told what over SNS, and what no notice ever says.

use serde_json::{Value, json};

use crate::harness::{World, assert_says_nothing_of, each, eventually};

/// A notice in one line: to whom, how fast, what, and the key by which a receiver knows it again.
fn line(notice: &Value, codes: &[(&str, &str)]) -> String {
    let attributes = notice["attributes"].as_object().unwrap();
    let get = |name: &str| attributes.get(name).map_or("", |value| value.as_str().unwrap());
    let to = match get("audience") {
        "reviewers" => format!("{} {}", get("stage"), get("node")),
        "member" => "reporter".to_owned(),
        other => panic!("an unknown audience: {other}"),
    };
    let mut key = get("deduplication_key").to_owned();
    for (code, name) in codes {
        key = key.replace(&code.replace('-', ""), name);
    }
    format!("{:<14} {:<9} → {to:<28} {key}\n", get("action"), get("urgency"))
}

#[tokio::test]
async fn every_step_is_told_to_those_whom_it_concerns() {
    let world = World::start().await;
    let (reporter, neighbour) = (world.reporter("boatyard").await, world.neighbour("boatyard").await);
    let (officer, station, district) =
        (world.officer("boatyard").await, world.station("river").await, world.district().await);

    // One life with every kind of step; marker words wherever people write.
    let photo = reporter.takes_photo().await;
    let a = reporter.reports("marker-text").at("marker-address").urgent().with_media(photo).send().await;
    reporter.writes(&a, "marker-message").await;
    officer.writes(&a, "marker-reply").await;
    officer.returns(&a, "marker-question").await;
    reporter.answers(&a, "marker-answer").await;
    officer.approves_noting(&a, "marker-note").await;
    station.sends_down(&a, "marker-down").await;
    officer.approves(&a).await;
    station.rejects(&a, "unfounded").await;
    district.reopens(&a, "marker-reopened").await;
    district.approves(&a).await;
    let b = neighbour.reports("marker-emergency").emergency().send().await;
    district.approves(&b).await;
    let c = reporter.reports("marker-officer").about_an_officer().emergency().send().await;
    station.links(&c, &a).await;
    let d = reporter.reports("marker-mistake").send().await;
    reporter.withdraws(&d).await;

    let notices = eventually("the notice of the last step", async || {
        let notices = world.notices_since(0).await;
        notices.iter().any(|notice| notice["attributes"]["action"] == "withdraw").then_some(notices)
    })
    .await;
    let codes = [(&*a, "A"), (&*b, "B"), (&*c, "C"), (&*d, "D")];
    let table: String = notices.iter().map(|notice| line(notice, &codes)).collect();
    insta::assert_snapshot!("who_is_told_of_what", table);

    // A code and a link; nothing of what was written, by whom, or where.
    let members = ["reporter-boatyard", "officer-boatyard", "station-river", "district-police"];
    for notice in &notices {
        assert_says_nothing_of(notice, &members);
        assert_says_nothing_of(notice, &["marker", &photo.to_string(), "unfounded", "不属实"]);
        let key = notice["attributes"]["deduplication_key"].as_str().unwrap();
        let (code, _) = codes.iter().find(|(code, _)| key.starts_with(&code.replace('-', ""))).unwrap();
        let message = notice["message"].as_str().unwrap();
        assert!(message.ends_with(&format!("/reports/{code}")), "{message}");
        assert_eq!(notice["topic"], world.topic());
    }
    let pseudonym = world.history(&a).await.report.pseudonym.to_string();
    let to_reporter: Vec<_> = notices
        .iter()
        .filter(|notice| notice["attributes"]["deduplication_key"].as_str().unwrap().starts_with(&a.replace('-', "")))
        .filter_map(|notice| notice["attributes"]["pseudonym"].as_str())
        .collect();
    assert!(to_reporter.iter().all(|told| *told == pseudonym) && to_reporter.len() > 9);

    // Each notice has a key of its own, so that a receiver can throw away what comes twice.
    let attributes: Vec<_> = notices.iter().map(|notice| notice["attributes"].clone()).collect();
    let attributes = json!(attributes);
    let mut keys = each(&attributes, "deduplication_key");
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), notices.len());
}

#[tokio::test]
async fn while_sns_is_down_work_goes_on_and_every_notice_comes_after() {
    let world = World::start_here().await;
    let reporter = world.reporter("ferry").await;
    let (officer, station) = (world.officer("ferry").await, world.station("river").await);
    let before = reporter.reports("Before the outage.").send().await;
    world.notices(2).await;

    world.bundle().set_sns_down(true);
    let during = reporter.reports("During the outage.").send().await;
    for code in [&before, &during] {
        officer.approves(code).await;
    }
    station.returns(&during, "Which gate?").await;
    reporter.answers(&during, "The river side.").await;
    station.rejects(&before, "already_known").await;
    assert_eq!(reporter.reads(&during).await.text("/state"), "station_review");
    assert_eq!(world.notices_since(0).await.len(), 2, "nothing went out");
    world.bundle().set_sns_down(false);

    // Which event was told of, and to whom: `-3-reporter-question` of the second report, say.
    let told = async |code: &str| -> Vec<String> {
        let notices = world.notices_since(0).await;
        let keys = notices.iter().map(|notice| notice["attributes"]["deduplication_key"].as_str().unwrap());
        let mut keys: Vec<_> =
            keys.filter_map(|key| key.strip_prefix(&code.replace('-', ""))).map(ToOwned::to_owned).collect();
        // At least once: what SNS took before it failed may come again.
        keys.dedup();
        keys
    };
    let expected_before =
        ["-1-officer", "-1-reporter-received", "-2-station", "-2-reporter-at_station", "-3-reporter-not_adopted"];
    let expected_during = [
        "-1-officer",
        "-1-reporter-received",
        "-2-station",
        "-2-reporter-at_station",
        "-3-reporter-question",
        "-4-station",
        "-4-reporter-answered",
    ];
    eventually("all notices after the outage", async || {
        (told(&before).await.len() >= expected_before.len() && told(&during).await.len() >= expected_during.len())
            .then_some(())
    })
    .await;
    assert_eq!(told(&before).await, expected_before);
    assert_eq!(told(&during).await, expected_during);
}
