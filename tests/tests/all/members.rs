//! How people become members, how they are managed, and who gets to know who they are.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use pingan_domain::error::{Error, Refusal};
use pingan_domain::hash::Digest;
use pingan_domain::member::{Body as StaffBody, MemberId};
use pingan_domain::text::Text;
use pingan_local::bundle::Appointment;
use pingan_local::client::Answer;
use pingan_store::Key;
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::harness::{DEMO, Manager, World, dynamodb, each, expect, expect_problem};

const PLUM: &str = "demo.north.plum-garden";
const NAME: &str = "王秀兰";
const PHONE: &str = "138 0013 8000";
const E164: &str = "+8613800138000";

/// Takes a personal invitation, with an account of the member's own.
async fn joins(world: &World, made: &Answer) -> Answer {
    joins_as(world, made.text("/id"), made).await
}

/// Takes a personal invitation with an account of this name, as an issuer outside has them.
async fn joins_as(world: &World, account: &str, made: &Answer) -> Answer {
    let link = json!({ "member": made.text("/id"), "code": made.text("/invitation/code") });
    world.person(account).await.put_json("/me/account", None, &link).await.unwrap()
}

#[tokio::test]
async fn a_reporter_is_recruited_and_joins_and_moves_and_leaves() {
    let world = World::start_here().await;
    let officer = world.manager("officer-plum-garden").await;
    let made = officer.recruits(PLUM, NAME, PHONE).await;
    let member = made.text("/id").to_owned();
    assert_eq!(made.text("/state"), "invited");
    assert!(!made.body.to_string().contains("王"), "what is sealed is not shown again");

    expect(joins_as(&world, "wechat|o6_bmjrPTlm6_2sgVt7hMZOPfL2M", &made).await, 200);
    let reporter = world.person("wechat|o6_bmjrPTlm6_2sgVt7hMZOPfL2M").await;
    let me = expect(reporter.get("/me").await.unwrap(), 200);
    assert_eq!((me.text("/id"), me.text("/state")), (&*member, "active"));
    let report = json!({ "category": "hazard", "text": "A cable hangs low." });
    let sent = expect(reporter.post("/reports", world.keys("x").next(), None, &report).await.unwrap(), 201);
    assert_eq!(sent.text("/node"), PLUM);
    let mine = expect(reporter.get("/reports").await.unwrap(), 200);
    assert_eq!(each(&mine.body["items"], "id"), [sent.text("/id")]);

    // The officer who recruited the reporter knows who it is, and nobody else.
    assert_eq!(expect(officer.looks_at(&member).await, 200).text("/phone"), E164);
    for (other, status, kind) in [
        ("station-north", 403, "identity_sealed"),
        ("district-police", 403, "identity_sealed"),
        ("auditor", 403, "identity_sealed"),
        ("officer-old-mill", 404, "not_found"),
        ("reporter-plum-garden-1", 403, "wrong_role"),
        ("custodian", 403, "wrong_role"),
    ] {
        expect_problem(&world.manager(other).await.looks_at(&member).await, status, kind);
    }

    // A transfer leaves the officer behind, and what only the officer knew.
    let station = world.manager("station-north").await;
    let transfer = json!({ "change": "transfer", "node": "demo.north.old-mill", "reason": "Moved house." });
    expect_problem(&officer.tries_to_change(&member, &transfer).await, 400, "invalid");
    station.changes(&member, &transfer).await;
    expect_problem(&officer.looks_at(&member).await, 404, "not_found");
    let next = world.manager("officer-old-mill").await;
    expect_problem(&next.looks_at(&member).await, 403, "identity_sealed");
    let history = expect(next.asks_for(&format!("/members/{member}/history")).await, 200);
    assert_eq!(each(&history.body["events"], "action"), ["recruit", "accept", "transfer"]);

    // A suspension is in force for the next request, and so is its end.
    next.changes(&member, &json!({ "change": "suspend", "reason": "The phone was stolen." })).await;
    expect_problem(&reporter.get("/reports").await.unwrap(), 403, "member_suspended");
    next.changes(&member, &json!({ "change": "restore", "reason": "It was found." })).await;
    expect(reporter.get("/reports").await.unwrap(), 200);

    let version = expect(reporter.get("/me").await.unwrap(), 200).version();
    let path = format!("{DEMO}/members/{member}/changes");
    let leave = json!({ "change": "leave" });
    expect(reporter.post(&path, world.keys("x").next(), version, &leave).await.unwrap(), 200);
    expect_problem(&reporter.get("/reports").await.unwrap(), 403, "not_a_member");

    // The identity waits for the end of the retention time, and then is gone.
    let raw = dynamodb(&world.bundle().dynamodb_url, "us-east-1");
    let key = Key::Identity(MemberId::parse(&member).unwrap());
    let item = raw
        .get_item()
        .table_name(&world.store().tables().identities)
        .set_key(Some(pingan_store::item::key_attributes(&key)))
        .send()
        .await
        .unwrap();
    let ends: i64 = item.item.unwrap()["expires_at"].as_n().unwrap().parse().unwrap();
    assert_eq!(ends - world.now().unwrap().as_second(), 180 * 86_400);
    // The number is free again at once.
    let again = officer.recruits(PLUM, NAME, PHONE).await;
    assert_ne!(again.text("/id"), member, "a new member has a new pseudonym");
}

#[tokio::test]
async fn a_person_registers_with_the_poster_and_the_officer_confirms() {
    let world = World::start_here().await;
    let officer = world.manager("officer-plum-garden").await;
    let code = officer.invites(PLUM, 2).await;
    let stranger = world.stranger();
    let shown = expect(stranger.get(&format!("/join/{code}")).await.unwrap(), 200);
    assert_eq!((shown.text("/community/zh_cn"), shown.text("/district/en")), ("李园社区", "Demo District"));

    let keys = world.keys("phones");
    let register = async |phone: &str| {
        let body = json!({ "name": NAME, "phone": phone });
        stranger.post(&format!("/join/{code}"), keys.next(), None, &body).await.unwrap()
    };
    let first = expect(register(PHONE).await, 202);
    let member = first.text("/member").to_owned();
    let link = json!({ "member": member, "code": first.text("/invitation/code") });
    let phone = world.person("phone-1").await;
    let early = phone.put_json("/me/account", None, &link).await.unwrap();
    expect_problem(&early, 409, "wrong_member_state");
    assert!(early.text("/detail").contains("applied"));
    expect_problem(&phone.get("/reports").await.unwrap(), 403, "not_a_member");

    // The officer finds who waits, sees who it is only once they are confirmed, and confirms.
    let waiting = officer.lists_all("&state=applied", 10).await;
    assert_eq!(each(&json!(waiting), "id"), [&*member]);
    expect_problem(&officer.looks_at(&member).await, 403, "identity_sealed");
    officer.changes(&member, &json!({ "change": "confirm" })).await;
    assert_eq!(expect(officer.looks_at(&member).await, 200).text("/name"), NAME);
    expect(phone.put_json("/me/account", None, &link).await.unwrap(), 200);
    expect(phone.get("/reports").await.unwrap(), 200);

    // The same number again: the answer tells nothing, and nothing changes.
    let before = world.store().member_events(&MemberId::parse(&member).unwrap(), 9).await.unwrap();
    let again = expect(register("+8613800138000").await, 202);
    assert_ne!(again.text("/member"), member, "nobody learns who has the number");
    let lost = json!({ "member": again.text("/member"), "code": again.text("/invitation/code") });
    let other = world.person("phone-2").await;
    expect_problem(&other.put_json("/me/account", None, &lost).await.unwrap(), 404, "invite_unusable");
    assert_eq!(world.store().member_events(&MemberId::parse(&member).unwrap(), 9).await.unwrap(), before);

    expect(register("13900139000").await, 202);
    expect_problem(&register("13700137000").await, 409, "invite_exhausted");
    let listed = expect(officer.asks_for("/invites").await, 200);
    assert_eq!(listed.body["items"][0]["uses"], 2);

    // Declined is declined, and the identity is gone.
    let second = &officer.lists_all("&state=applied", 10).await[0]["id"].as_str().unwrap().to_owned();
    officer.changes(second, &json!({ "change": "decline", "reason": "Not of this community." })).await;
    expect_problem(&officer.looks_at(second).await, 403, "identity_sealed");

    let revoked = officer.invites(PLUM, 9).await;
    let path = format!("{DEMO}/invites/{revoked}");
    for _ in 0..2 {
        expect(officer.person.send(reqwest::Method::DELETE, &path, &[], None).await.unwrap(), 204);
    }
    expect_problem(&stranger.get(&format!("/join/{revoked}")).await.unwrap(), 404, "invite_unusable");
    let expiring = officer.invites(PLUM, 9).await;
    world.wait_minutes(90 * 24 * 60);
    expect_problem(&stranger.get(&format!("/join/{expiring}")).await.unwrap(), 404, "invite_unusable");
}

#[tokio::test]
async fn who_was_recruited_by_name_registers_with_the_poster_too() {
    let world = World::start().await;
    let officer = world.manager("officer-plum-garden").await;
    let made = officer.recruits(PLUM, NAME, PHONE).await;
    let code = officer.invites(PLUM, 9).await;
    let body = json!({ "name": NAME, "phone": PHONE });
    let path = format!("/join/{code}");
    let answer = world.stranger().post(&path, world.keys("phones").next(), None, &body).await.unwrap();
    assert_ne!(expect(answer, 202).text("/member"), made.text("/id"), "the number alone opens no membership");
    let member = expect(officer.asks_for(&format!("/members/{}", made.text("/id"))).await, 200);
    assert_eq!(member.text("/state"), "applied");
    officer.changes(made.text("/id"), &json!({ "change": "confirm" })).await;
}

#[tokio::test]
async fn codes_are_not_guessed() {
    let world = World::start_here().await;
    let officer = world.manager("officer-plum-garden").await;
    let made = officer.recruits(PLUM, NAME, PHONE).await;
    let code = officer.invites(PLUM, 9).await;
    let stranger = world.stranger();
    let wrong = |number: u8| Digest::of(&[&[number]]);
    for number in 0..20 {
        let guess = pingan_domain::code::Code::from_digest(&wrong(number));
        expect_problem(&stranger.get(&format!("/join/{guess}")).await.unwrap(), 404, "invite_unusable");
    }
    // Now the right one is not looked at either.
    let refused = stranger.get(&format!("/join/{code}")).await.unwrap();
    expect_problem(&refused, 429, "too_many_tries");
    assert_eq!(refused.headers["retry-after"], "900");
    world.wait_minutes(16);
    expect(stranger.get(&format!("/join/{code}")).await.unwrap(), 200);

    let thief = world.person("thief").await;
    for number in 0..20 {
        let guess = pingan_domain::code::Code::from_digest(&wrong(number)).to_string();
        let link = json!({ "member": made.text("/id"), "code": guess });
        expect_problem(&thief.put_json("/me/account", None, &link).await.unwrap(), 404, "invite_unusable");
    }
    let right = json!({ "member": made.text("/id"), "code": made.text("/invitation/code") });
    expect_problem(&thief.put_json("/me/account", None, &right).await.unwrap(), 429, "too_many_tries");
    // Whose invitation it is, is not kept out by that.
    expect(joins_as(&world, "rightful", &made).await, 200);
    expect_problem(&joins_as(&world, "second", &made).await, 409, "account_taken");
    let other = officer.recruits(PLUM, "李建国", "13900139000").await;
    expect_problem(&joins_as(&world, "rightful", &other).await, 409, "account_taken");
}

/// Everything that is stored, as bytes that can be searched.
async fn everything_stored(world: &World) -> String {
    let raw = dynamodb(&world.bundle().dynamodb_url, "us-east-1");
    let names = world.store().tables();
    let mut all = String::new();
    for table in [&names.identities, &names.members, &names.reports] {
        let items = raw.scan().table_name(table).send().await.unwrap().items.unwrap();
        for item in items {
            for (name, value) in item {
                let text = match value.as_b() {
                    Ok(bytes) => String::from_utf8_lossy(bytes.as_ref()).into_owned(),
                    Err(_) => format!("{value:?}"),
                };
                writeln!(all, "{table} {name} {text}").unwrap();
            }
        }
    }
    all
}

#[tokio::test]
async fn nobody_reads_an_identity_in_the_tables() {
    let world = World::start_here().await;
    let officer = world.manager("officer-plum-garden").await;
    let made = officer.recruits(PLUM, NAME, PHONE).await;
    expect(joins_as(&world, "phone-1", &made).await, 200);
    let payment = json!({ "holder": NAME, "bank": "建设银行", "account": "6217 0000 1111 2222" });
    let path = format!("{DEMO}/members/{}/payment", made.text("/id"));
    let phone = world.person("phone-1").await;
    expect(phone.put_json(&path, None, &payment).await.unwrap(), 204);
    let own = expect(phone.get(&format!("{DEMO}/members/{}/identity", made.text("/id"))).await.unwrap(), 200);
    assert_eq!(own.text("/payment/account"), "6217 0000 1111 2222");
    let officers = expect(officer.looks_at(made.text("/id")).await, 200);
    assert_eq!(officers.body["payment"], Value::Null, "payment details are the member's own");

    let stored = everything_stored(&world).await;
    assert!(stored.contains("sealed"), "the identity is there");
    for secret in [NAME, "13800138000", "138 0013", "建设银行", "6217"] {
        assert!(!stored.contains(secret), "{secret} can be read");
    }
    let plain = Digest::of_file(E164.as_bytes()).to_string();
    assert!(!stored.contains(&plain), "the number's hash needs the key");
    let code = made.text("/invitation/code");
    assert!(!stored.contains(code) && !stored.contains(&code.replace('-', "")), "an invitation is kept as a hash");
}

#[tokio::test]
async fn an_identity_is_opened_by_two_people_for_a_time() {
    let world = World::start_here().await;
    let officer = world.manager("officer-plum-garden").await;
    let station = world.manager("station-north").await;
    let made = officer.recruits(PLUM, NAME, PHONE).await;
    let member = made.text("/id");
    let path = format!("/members/{member}/openings");
    let reason = json!({ "reason": "Does not answer after an emergency." });
    let opening = expect(station.tries(&path, &reason).await, 201);
    let path = format!("{path}/{}", opening.text("/id"));
    let view = format!("{path}/identity");
    expect_problem(&station.asks_for(&view).await, 403, "opening_not_open");

    // Nobody consents but a custodian, and not one whom the asker has appointed.
    let consent = json!({ "decision": "consent", "hours": 2, "reason": "Confirmed with the duty desk." });
    for id in ["station-north", "district-police", "officer-plum-garden", "auditor"] {
        expect_problem(&world.manager(id).await.tries(&format!("{path}/decision"), &consent).await, 403, "wrong_role");
    }
    let custodian = world.manager("custodian").await;
    let decided = expect(custodian.tries(&format!("{path}/decision"), &consent).await, 200);
    assert_eq!(decided.text("/state"), "open");
    let refuse = json!({ "decision": "refuse", "reason": "Second thoughts." });
    expect_problem(&custodian.tries(&format!("{path}/decision"), &refuse).await, 409, "opening_decided");

    let seen = expect(station.asks_for(&view).await, 200);
    assert_eq!((seen.text("/name"), seen.text("/phone")), (NAME, E164));
    let district = world.manager("district-police").await;
    expect_problem(&district.asks_for(&view).await, 404, "not_found");
    world.wait_minutes(2 * 60);
    expect_problem(&station.asks_for(&view).await, 403, "opening_not_open");

    // Each step is in the trail, for the member's officer too, and the chain is whole.
    let trail = expect(officer.asks_for(&format!("/members/{member}/identity/trail")).await, 200);
    let events = &trail.body["events"];
    assert_eq!(each(events, "action"), ["seal", "request", "consent", "view"]);
    assert_eq!(each(events, "actor"), ["officer-plum-garden", "station-north", "custodian", "station-north"]);
    let hashes = each(events, "hash");
    assert_eq!(each(events, "previous")[1..], hashes[..3]);

    // Without a decision the request lapses after a week.
    let second = expect(district.tries(&format!("/members/{member}/openings"), &reason).await, 201);
    world.wait_minutes(7 * 24 * 60);
    let late = format!("/members/{member}/openings/{}/decision", second.text("/id"));
    expect_problem(&custodian.tries(&late, &consent).await, 409, "opening_decided");
    let listed = expect(custodian.asks_for("/openings").await, 200);
    assert_eq!(each(&listed.body["items"], "state"), ["lapsed", "over"]);
    let own = expect(station.asks_for("/openings").await, 200);
    assert_eq!(each(&own.body["items"], "requested_by"), ["station-north"], "others' requests are not shown");
}

#[tokio::test]
async fn a_custodian_does_not_decide_for_who_appointed_them() {
    let world = World::start().await;
    let district = world.manager("district-police").await;
    let body = json!({ "role": "custodian", "node": "demo", "body": "police", "name": "周密", "phone": "13600136000" });
    let appointed = expect(district.tries("/members", &body).await, 201);
    expect(joins(&world, &appointed).await, 200);
    let custodian = world.manager(appointed.text("/id")).await;
    let officer = world.manager("officer-plum-garden").await;
    let member = officer.recruits(PLUM, NAME, PHONE).await.text("/id").to_owned();
    let reason = json!({ "reason": "Curious." });
    let opening = expect(district.tries(&format!("/members/{member}/openings"), &reason).await, 201);
    let decision = format!("/members/{member}/openings/{}/decision", opening.text("/id"));
    let consent = json!({ "decision": "consent", "reason": "As you wish." });
    expect_problem(&custodian.tries(&decision, &consent).await, 403, "own_custodian");
    let station = world.manager("station-north").await;
    let opening = expect(station.tries(&format!("/members/{member}/openings"), &reason).await, 201);
    let decision = format!("/members/{member}/openings/{}/decision", opening.text("/id"));
    expect(custodian.tries(&decision, &consent).await, 200);
}

#[tokio::test]
async fn staff_are_appointed_by_who_stands_above() {
    let world = World::start().await;
    let staff = |role: &str, node: &str, body: Option<&str>, phone: &str| json!({ "role": role, "node": node, "body": body, "name": "赵能", "phone": phone });
    let (district, station) = (world.manager("district-police").await, world.manager("station-north").await);
    let officer = world.manager("officer-plum-garden").await;
    let new = staff("station_manager", "demo.north", Some("police"), "13800138010");
    expect_problem(&officer.tries("/members", &new).await, 400, "invalid");
    expect_problem(&station.tries("/members", &new).await, 403, "not_below_you");
    let made = expect(district.tries("/members", &new).await, 201);
    expect(joins(&world, &made).await, 200);

    let new = staff("officer", PLUM, Some("police"), "13800138011");
    expect_problem(&officer.tries("/members", &new).await, 403, "not_below_you");
    let second = world.manager(made.text("/id")).await;
    expect(second.tries("/members", &new).await, 201);
    let governance = world.manager("district-governance").await;
    let new = staff("officer", PLUM, Some("police"), "13800138012");
    expect_problem(&governance.tries("/members", &new).await, 403, "not_below_you");
    let new = staff("district_manager", "demo", Some("police"), "13800138013");
    expect_problem(&district.tries("/members", &new).await, 403, "operator_only");
    for role in ["treasurer", "auditor", "agency_handler"] {
        let phone = format!("1380013801{}", role.len() % 10);
        let mut new = staff(role, "demo", None, &phone);
        if role == "agency_handler" {
            new["agency"] = json!("fire");
        }
        expect_problem(&station.tries("/members", &new).await, 400, "invalid");
        expect(district.tries("/members", &new).await, 201);
    }
    // Nobody changes their own rights, and the last one at the top cannot be locked out by mistake.
    let suspend = json!({ "change": "suspend", "reason": "A slip." });
    for (who, id) in [(&district, "district-police"), (&station, "station-north"), (&officer, "officer-plum-garden")] {
        expect_problem(&who.tries_to_change(id, &suspend).await, 403, "own_rights");
    }
    expect_problem(&governance.tries_to_change("district-police", &suspend).await, 403, "operator_only");
    let leave = json!({ "change": "leave" });
    expect_problem(&district.tries_to_change("district-police", &leave).await, 403, "operator_only");
}

#[tokio::test]
async fn a_file_is_checked_whole_and_then_brought_in() {
    let world = World::start().await;
    let station = world.manager("station-north").await;
    let header = "姓名,手机号,社区,人员类别,行业\n";
    let good = format!("{header}王一,13800138001,李园社区,居民,\n王二,13800138002,老磨坊社区,出租车,出租车\n");
    let bad =
        format!("{good}王三,13800138001,李园社区,居民,\n王四,138,渡口社区,居民,\n王五,13800138005,渡口社区,居民,\n");
    let refused = expect(station.imports("", bad).await, 200);
    assert_eq!((&refused.body["created"], &refused.body["bad_count"]), (&json!(0), &json!(3)));
    let lines: Vec<_> =
        refused.body["bad"].as_array().unwrap().iter().map(|bad| bad["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [4, 5, 6]);
    assert_eq!(refused.body["bad"][2]["reason"], "lies outside of your territory");
    assert_eq!(station.lists_all("&state=invited", 10).await, [Value::Null; 0], "nothing was written");

    let counts = |answer: &Answer| {
        ["lines", "created", "unchanged", "remaining", "bad_count"].map(|name| answer.body[name].as_u64().unwrap())
    };
    let dry = expect(station.imports("?dry_run=true", good.clone()).await, 200);
    assert_eq!(counts(&dry), [2, 2, 0, 0, 0]);
    assert_eq!(station.lists_all("&state=invited", 10).await, [Value::Null; 0], "nothing was written");
    // What died half-way has brought in the first person only.
    let half = expect(station.imports("", good.lines().take(2).collect::<Vec<_>>().join("\n")).await, 200);
    assert_eq!(counts(&half), [1, 1, 0, 0, 0]);
    let whole = expect(station.imports("", good.clone()).await, 200);
    assert_eq!(counts(&whole), [2, 1, 1, 0, 0]);
    let (gb18030, ..) = encoding_rs::GB18030.encode(&good);
    let again = expect(station.imports("", gb18030.into_owned()).await, 200);
    assert_eq!(counts(&again), [2, 0, 2, 0, 0], "the same people in another encoding");
    assert_eq!(station.lists_all("&state=invited", 10).await.len(), 2);

    // A number that is a member's elsewhere is refused, and where is not told.
    let moved = good.replace("李园社区", "老磨坊社区");
    let refused = expect(station.imports("", moved).await, 200);
    assert_eq!(counts(&refused), [2, 0, 1, 0, 1]);
    assert_eq!(refused.body["bad"][0]["reason"], "This phone number belongs to a member already.");

    for (file, told) in [
        (b"\xFF\xFEn\0".to_vec(), "UTF-16"),
        (b"name,phone\n".to_vec(), "kind is missing"),
        (vec![b'a', b'\n', 0xFF, 0xFF], "line 2"),
        (Vec::new(), "empty"),
    ] {
        let refused = station.imports("", file).await;
        expect_problem(&refused, 400, "invalid");
        assert!(refused.text("/errors/0/detail").contains(told), "{}", refused.body);
    }
    expect_problem(&station.imports("", vec![b'x'; 4 * 1024 * 1024 + 1]).await, 413, "too_large");
}

#[tokio::test]
async fn coverage_shows_what_is_missing_and_singles_out_nobody() {
    let world = World::start().await;
    let station = world.manager("station-north").await;
    let mut file = "name,phone,community,kind,trades\n".to_owned();
    for number in 0..6 {
        writeln!(file, "某人{number}甲,1380013{number:04},{PLUM},taxi,taxi").unwrap();
    }
    expect(station.imports("", file).await, 200);
    let officer = world.manager("officer-plum-garden").await;
    for member in officer.lists_all("&state=invited", 50).await {
        let member = member["id"].as_str().unwrap();
        let renewed = expect(officer.tries(&format!("/members/{member}/invitation"), &Value::Null).await, 201);
        let link = json!({ "member": member, "code": renewed.text("/code") });
        expect(world.person(member).await.put_json("/me/account", None, &link).await.unwrap(), 200);
    }
    let own = expect(officer.asks_for("/coverage").await, 200);
    assert_eq!(own.body["communities"][0]["members"], 8, "two were there before");
    assert_eq!(own.body["kinds"]["resident"]["members"], 2, "the officer knows them anyway");
    let seen = expect(station.asks_for("/coverage").await, 200);
    let communities = seen.body["communities"].as_array().unwrap();
    let shown: Vec<_> = communities.iter().map(|cell| cell["members"].as_u64()).collect();
    assert_eq!(
        shown, [None; 3],
        "two each in two of them single people out, and the kinds tell how many there are in all"
    );
    assert_eq!(seen.body["trades"][0]["members"], 6);
    assert_eq!(seen.body["places"][0]["gap"], true);
    insta::assert_json_snapshot!("coverage_of_a_station", seen.body);
}

#[tokio::test]
async fn a_district_begins_with_a_manager_whom_the_operator_appoints() {
    let world = World::start_here().await;
    let appointment = |district: &str, named: bool, body, phone: &str| Appointment {
        district: district.parse().unwrap(),
        named: named.then(|| Text::new("新区", "New District")),
        body,
        name: "周区长".to_owned(),
        phone: phone.to_owned(),
    };
    let appoint = async |wanted: Appointment| world.bundle().appoint(&wanted).await;
    let new = |named| appointment("new", named, StaffBody::Police, PHONE);
    let nameless = appoint(new(false)).await.unwrap_err();
    assert!(matches!(nameless, Error::Invalid(bad) if bad[0].pointer == "/named"));
    for bad in ["new.station", "new.station.community"] {
        assert!(
            matches!(appoint(appointment(bad, true, StaffBody::Police, PHONE)).await, Err(Error::Invalid(_))),
            "{bad}"
        );
    }
    assert!(matches!(appoint(appointment("new", true, StaffBody::Police, "1")).await, Err(Error::Invalid(_))));

    let first = appoint(new(true)).await.unwrap();
    world.wait_minutes(1);
    let again = appoint(new(false)).await.unwrap();
    assert_eq!((&again.member, again.invitation), (&first.member, first.invitation));
    assert!(again.expires_at > first.expires_at, "the invitation is renewed");
    let taken = appoint(appointment("new", false, StaffBody::Governance, PHONE)).await.unwrap_err();
    assert_eq!(taken, Refusal::PhoneTaken.into());
    let other = appoint(appointment("new", false, StaffBody::Governance, "13900139000")).await.unwrap();
    assert_ne!(other.member, first.member);

    let manager = world.person("somebody-new").await;
    let link = json!({ "member": first.member, "code": first.invitation.unwrap() });
    expect(manager.put_json("/me/account", None, &link).await.unwrap(), 200);
    assert_eq!(appoint(new(false)).await.unwrap().invitation, None, "there is nothing to invite to any more");

    // From here on the manager builds the district.
    let lists = expect(manager.get("/districts/new").await.unwrap(), 200);
    assert_eq!(lists.text("/name/en"), "New District");
    let place = |node: &str| json!({ "node": node, "name": { "zh_cn": "派出所", "en": "Place" }, "target": 0 });
    let body = json!({
        "name": lists.body["name"], "nodes": [place("new.north"), place("new.north.garden")], "trades": [], "places": []
    });
    expect(manager.put_json("/districts/new", lists.version(), &body).await.unwrap(), 200);
    let staff = json!({
        "role": "officer", "body": "police", "node": "new.north.garden", "name": "陈警官", "phone": "13700137000"
    });
    let path = "/districts/new/members";
    expect(manager.post(path, world.keys("x").next(), None, &staff).await.unwrap(), 201);
    let elsewhere = manager.get("/districts/demo/members").await.unwrap();
    expect_problem(&elsewhere, 404, "not_found");
}

/// That no member is partial: with an identity comes its claim on the number, and the reverse.
async fn check_none_is_partial(world: &World) {
    let raw = dynamodb(&world.bundle().dynamodb_url, "us-east-1");
    let names = world.store().tables();
    let of = async |table: &str, kind: &str| -> BTreeSet<String> {
        let items = raw.scan().table_name(table).send().await.unwrap().items.unwrap();
        let field = |item: &std::collections::HashMap<_, aws_sdk_dynamodb::types::AttributeValue>, name: &str| {
            item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default()
        };
        let id = if kind == "member" { "id" } else { "member" };
        let found = items.iter().filter(|item| field(item, "type") == kind && !field(item, "pk").contains("account_"));
        found.map(|item| field(item, id)).filter(|id| id.starts_with("m-")).collect()
    };
    let profiles = of(&names.members, "member").await;
    assert_eq!(of(&names.identities, "identity").await, profiles);
    assert_eq!(of(&names.identities, "phone").await, profiles);
    assert_eq!(of(&names.members, "member_event").await, profiles);
}

/// Does something many times at once.
async fn at_once(many: usize, act: impl Fn(usize) -> futures::future::BoxFuture<'static, Answer>) -> Vec<Answer> {
    let barrier = Arc::new(Barrier::new(many));
    let mut tasks = JoinSet::new();
    for number in 0..many {
        let (barrier, act) = (barrier.clone(), act(number));
        tasks.spawn(async move {
            barrier.wait().await;
            act.await
        });
    }
    tasks.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_who_register_with_one_number_are_one_member() {
    let world = World::start_here().await;
    let officer = world.manager("officer-plum-garden").await;
    let code = officer.invites(PLUM, 100).await;
    let (stranger, keys) = (world.stranger(), world.keys("phones"));
    let answers = at_once(16, |_| {
        let (stranger, key, path) = (stranger.clone(), keys.next(), format!("/join/{code}"));
        Box::pin(
            async move { stranger.post(&path, key, None, &json!({ "name": NAME, "phone": PHONE })).await.unwrap() },
        )
    })
    .await;
    assert!(
        answers.iter().all(|answer| answer.status == 202),
        "{:?}",
        answers.iter().map(|a| a.status).collect::<Vec<_>>()
    );
    assert_eq!(officer.lists_all("&state=applied", 50).await.len(), 1);
    let invites = expect(officer.asks_for("/invites").await, 200);
    assert_eq!(invites.body["items"][0]["uses"], 1);
    check_none_is_partial(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_who_recruit_one_number_recruit_once() {
    let world = World::start_here().await;
    let officer = world.manager("officer-plum-garden").await;
    let answers = at_once(16, |number| {
        let officer: Manager = officer.clone();
        let phone = if number % 2 == 0 { PHONE } else { "+86 13800138000" };
        let body = json!({ "node": PLUM, "kind": "resident", "name": NAME, "phone": phone });
        Box::pin(async move { officer.tries("/members", &body).await })
    })
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        expect_problem(refused, 409, "phone_taken");
    }
    check_none_is_partial(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_place_of_an_invite_is_given_once() {
    let world = World::start_here().await;
    let officer = world.manager("officer-plum-garden").await;
    let code = officer.invites(PLUM, 3).await;
    let (stranger, keys) = (world.stranger(), world.keys("phones"));
    let answers = at_once(12, |number| {
        let (stranger, key, path) = (stranger.clone(), keys.next(), format!("/join/{code}"));
        let body = json!({ "name": NAME, "phone": format!("138001380{number:02}") });
        Box::pin(async move { stranger.post(&path, key, None, &body).await.unwrap() })
    })
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 202).count(), 3);
    assert_eq!(officer.lists_all("&state=applied", 50).await.len(), 3);
    check_none_is_partial(&world).await;
}
