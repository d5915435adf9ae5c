//! Kills in the middle of an import, of registrations and of changes: no member comes to be in part.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use pingan_domain::hash::Digest;
use pingan_domain::member::MemberId;
use pingan_local::bundle::{Bundle, Options};
use pingan_local::client::{Answer, Person};
use pingan_local::clock::Clock;
use pingan_store::Key;
use pingan_store::members::Filter;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::{KILLS, Server};
use crate::harness::{DEMO, expect};
use crate::races::Dice;

/// How many people the file brings in.
const ROWS: usize = 120;
/// How many register with the poster.
const REGISTERED: usize = 24;
/// How long the bundle works before a kill, at most, in milliseconds.
const LONGEST_WORK: u64 = 500;

fn file() -> String {
    let mut file = "name,phone,community,kind\n".to_owned();
    for row in 0..ROWS {
        writeln!(file, "某人{row}甲,1380013{row:04},demo.north.plum-garden,resident").unwrap();
    }
    file
}

async fn imports(manager: &Person) -> Option<Answer> {
    let octets = [("content-type", "application/octet-stream".to_owned())];
    manager.send(Method::PUT, &format!("{DEMO}/roster"), &octets, Some(file())).await.ok()
}

/// Registers this one of the people, under the same key each time.
async fn registers(stranger: &Person, code: &str, number: usize) -> Option<Answer> {
    let body = json!({ "name": "李建国", "phone": format!("1390013{number:04}") });
    let key = Uuid::from_u64_pair(7, u64::try_from(number).unwrap());
    stranger.post(&format!("/join/{code}"), key, None, &body).await.ok()
}

/// Confirms whoever waits, until there is nobody or no answer.
async fn confirms(officer: &Person, from: u64) {
    let waiting = format!("{DEMO}/members?node=demo.north.plum-garden&state=applied&limit=5");
    for number in from..from + 1_000 {
        let Ok(page) = officer.get(&waiting).await else { return };
        let Some(member) = page.body["items"].get(0).and_then(|item| item["id"].as_str()) else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let path = format!("{DEMO}/members/{member}");
        let Ok(seen) = officer.get(&path).await else { return };
        let key = Uuid::from_u64_pair(8, number);
        let confirm = json!({ "change": "confirm" });
        if officer.post(&format!("{path}/changes"), key, seen.version(), &confirm).await.is_err() {
            return;
        }
    }
}

#[expect(clippy::print_stdout, reason = "whoever sees this test fail wants to know how far it came")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_leaves_no_member_in_part() {
    let mut dice = Dice::from_seed();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("state");
    let mut code = String::new();
    for round in 0..KILLS {
        let mut server = Server::start(&data, &[]).await;
        let (manager, officer) = (server.person("station-north").await, server.person("officer-plum-garden").await);
        let body = json!({ "node": "demo.north.plum-garden", "max_uses": 100 });
        let made = officer.post(&format!("{DEMO}/invites"), Uuid::from_u128(6), None, &body).await.unwrap();
        expect(made, 201).text("/code").clone_into(&mut code);
        let stranger = Person::stranger(&server.url).unwrap();
        let work = async {
            tokio::join!(
                imports(&manager),
                async {
                    for number in 0..REGISTERED {
                        registers(&stranger, &code, number).await;
                    }
                },
                confirms(&officer, u64::try_from(round).unwrap() * 1_000),
            )
        };
        let longest = usize::try_from(LONGEST_WORK).unwrap();
        let time = Duration::from_millis(u64::try_from(dice.below(longest)).unwrap());
        let finished = tokio::time::timeout(time, work).await.is_ok();
        server.kill();
        println!("Kill {} after {time:?}, with all done: {finished}.", round + 1);
    }

    // The same file and the same registrations once more finish what died half-way.
    let bundle = Bundle::start(Options::new(data, 0, Clock::real())).await.unwrap();
    let manager = Person::sign_in(&bundle.url, "station-north").await.unwrap();
    check_nobody_is_in_part(&bundle).await;
    let counts =
        |answer: &Answer| ["created", "unchanged", "remaining"].map(|name| answer.body[name].as_u64().unwrap());
    let rows = u64::try_from(ROWS).unwrap();
    let [created, unchanged, remaining] = counts(&expect(imports(&manager).await.unwrap(), 200));
    assert_eq!((created + unchanged, remaining), (rows, 0));
    assert_eq!(counts(&expect(imports(&manager).await.unwrap(), 200)), [0, rows, 0], "repeating changes nothing");
    let stranger = Person::stranger(&bundle.url).unwrap();
    let mut registered = BTreeSet::new();
    for number in 0..REGISTERED {
        let answer = expect(registers(&stranger, &code, number).await.unwrap(), 202);
        assert!(registered.insert(answer.text("/member").to_owned()), "one key, one member");
    }
    let made = check_nobody_is_in_part(&bundle).await;
    assert_eq!(made, ROWS + REGISTERED, "one number, one member");
    let invites = manager.get(&format!("{DEMO}/invites?node=demo.north.plum-garden")).await.unwrap();
    assert_eq!(invites.body["items"][0]["uses"], json!(REGISTERED), "each use is counted once");
    bundle.stop().await;
}

/// That whoever was made has an identity, and the claim on its number, and a whole history. Gives how many there are.
async fn check_nobody_is_in_part(bundle: &Bundle) -> usize {
    let node = "demo.north.plum-garden".parse().unwrap();
    let reader = MemberId::parse("officer-plum-garden").unwrap();
    let (mut made, mut cursor) = (0, None::<String>);
    loop {
        let page = bundle.store.members(&node, &Filter::default(), &reader, 100, cursor.as_deref()).await.unwrap();
        for member in page.items.iter().filter(|member| member.id.as_str().starts_with("m-")) {
            let id = &member.id;
            let loaded = bundle.store.load([Key::Member(id.clone()), Key::Identity(id.clone())]).await.unwrap();
            let identity = loaded.identity(id, pingan_domain::Timestamp::now()).unwrap().expect("a sealed identity");
            let claim = bundle.store.load([Key::Phone(identity.phone_hash)]).await.unwrap();
            assert_eq!(claim.phone(identity.phone_hash).unwrap().as_ref(), Some(id));
            let profile = loaded.profile(id).unwrap().unwrap();
            let events = bundle.store.member_events(id, 100).await.unwrap();
            assert_eq!(u64::try_from(events.len()).unwrap(), profile.version);
            let mut previous = Digest::ZERO;
            for event in events {
                assert_eq!((event.previous, event.compute_hash().unwrap()), (previous, event.hash));
                previous = event.hash;
            }
            assert_eq!(previous, profile.last_event);
            made += 1;
        }
        cursor = page.next;
        if cursor.is_none() {
            return made;
        }
    }
}
