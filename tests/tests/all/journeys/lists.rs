//! Lists: complete, in order, page by page.

use pingan_local::client::Person;
use serde_json::json;

use crate::harness::{World, expect};

/// Follows the `Link` header from page to page; gives the codes of each page.
async fn pages(person: &Person, path: &str) -> Vec<Vec<String>> {
    let (base, _) = path.split_once('?').unwrap();
    let mut pages = Vec::new();
    let mut next = path.to_owned();
    // No list of these tests is longer; a cursor that leads in a circle ends here.
    for _ in 0..20 {
        let page = expect(person.get(&next).await.unwrap(), 200);
        let items = page.body["items"].as_array().unwrap();
        pages.push(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect());
        let Some(link) = page.headers.get("link") else {
            assert_eq!(page.body.get("next"), None, "a cursor without a link");
            return pages;
        };
        let link = link.to_str().unwrap();
        let reference = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap();
        assert!(reference.ends_with(&format!("cursor={}", page.text("/next"))), "{link}");
        next = format!("{base}{reference}");
    }
    panic!("{path} has no end");
}

#[tokio::test]
async fn every_list_is_complete_and_in_order_page_by_page() {
    let world = World::start().await;
    let (reporter, neighbour) = (world.reporter("plum-garden").await, world.neighbour("plum-garden").await);
    let (officer, station, district) =
        (world.officer("plum-garden").await, world.station("north").await, world.district().await);
    let mut sent = Vec::new();
    // Five in the same moment: their order must be firm all the same.
    for number in 0..5 {
        sent.push(reporter.reports(&format!("Lamp {number} is broken.")).send().await);
    }
    for number in 0..2 {
        world.wait_minutes(1);
        sent.push(reporter.reports(&format!("Bench {number} is broken.")).send().await);
    }
    neighbour.reports("Somebody else's.").send().await;
    world.reporter("old-mill").await.reports("Another community's.").send().await;
    world.reporter("lantern").await.reports("Another station's.").send().await;

    let mine = pages(&reporter.person, "/reports?limit=100").await.concat();
    assert_eq!(mine.len(), 7);
    assert_eq!(mine[..2], [sent[6].clone(), sent[5].clone()], "newest first");
    let mut sorted = (mine.clone(), sent.clone());
    sorted.0.sort();
    sorted.1.sort();
    assert_eq!(sorted.0, sorted.1);

    for (person, list, count) in [
        (&reporter.person, "/reports".to_owned(), 7),
        (&officer.person, "/officer-review/queue".to_owned(), 8),
        (&officer.person, "/officer-review/reports".to_owned(), 8),
        (&station.person, "/station-review/reports".to_owned(), 9),
        (&station.person, "/station-review/reports?node=demo.north.plum-garden".to_owned(), 8),
        (&district.person, "/district-review/reports".to_owned(), 10),
        (&district.person, "/district-review/reports?node=demo.north".to_owned(), 9),
    ] {
        let with = |limit: usize| {
            let separator = if list.contains('?') { '&' } else { '?' };
            format!("{list}{separator}limit={limit}")
        };
        let whole = pages(person, &with(100)).await.concat();
        assert_eq!(whole.len(), count, "{list}");
        for limit in [1, 2, 3] {
            let paged = pages(person, &with(limit)).await;
            assert!(paged.iter().all(|page| page.len() <= limit), "{list}: {paged:?}");
            assert_eq!(paged.concat(), whole, "{list} in pages of {limit}");
        }
    }
}

#[tokio::test]
async fn a_new_report_does_not_disturb_who_is_turning_the_pages() {
    let world = World::start().await;
    let reporter = world.reporter("ferry").await;
    let mut sent = Vec::new();
    for number in 0..3 {
        sent.push(reporter.reports(&format!("Lamp {number} is broken.")).send().await);
        world.wait_minutes(1);
    }
    let first = expect(reporter.person.get("/reports?limit=1").await.unwrap(), 200);
    assert_eq!(first.text("/items/0/id"), sent[2]);
    reporter.reports("A fourth.").send().await;
    let rest = pages(&reporter.person, &format!("/reports?limit=1&cursor={}", first.text("/next"))).await.concat();
    assert_eq!(rest, [sent[1].clone(), sent[0].clone()]);
}

#[tokio::test]
async fn a_queue_begins_with_what_is_most_urgent_and_oldest() {
    let world = World::start().await;
    let reporter = world.reporter("silk-lane").await;
    let officer = world.officer("silk-lane").await;
    let mut sent = Vec::new();
    for urgency in ["routine", "emergency", "urgent", "routine", "urgent", "emergency"] {
        sent.push(reporter.reports(urgency).with("urgency", urgency).send().await);
        world.wait_minutes(1);
    }
    let order = [1, 5, 2, 4, 0, 3].map(|index: usize| sent[index].clone());
    assert_eq!(officer.queue().await, order);
    assert_eq!(pages(&officer.person, "/officer-review/queue?limit=1").await.concat(), order);
    // At the next stage, what came there first is first, whenever it was sent in.
    officer.approves(&sent[3]).await;
    world.wait_minutes(1);
    officer.approves(&sent[0]).await;
    let station = world.station("market").await;
    assert_eq!(station.queue().await, [1, 5, 3, 0].map(|index: usize| sent[index].clone()));
}

/// What a list says of a report is what the report says of itself.
#[tokio::test]
async fn a_list_shows_every_report_as_it_is_now() {
    let world = World::start().await;
    let reporter = world.reporter("silk-lane").await;
    let officer = world.officer("silk-lane").await;
    let code = reporter.reports("The fire exit is locked.").send().await;
    world.wait_minutes(1);
    reporter.writes(&code, "It is open again.").await;
    let mut read = officer.opens(&code).await.body;
    let summary: Vec<_> = officer.lists("/queue").await.body["items"][0].as_object().unwrap().keys().cloned().collect();
    read.as_object_mut().unwrap().retain(|field, _| summary.contains(field));
    for (person, list) in [
        (&reporter.person, "/reports"),
        (&officer.person, "/officer-review/reports"),
        (&officer.person, "/officer-review/queue"),
    ] {
        assert_eq!(person.get(list).await.unwrap().body["items"], json!([read]), "{list}");
    }
}
