//! The fields of every body, each bad in every way in which it can be.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use reqwest::Method;

use super::{Desk, Expected, Post, Row, UNKNOWN_CODE, WEBHOOK, is, names};
use crate::outcomes::OUTCOMES;
use crate::tasks::{self, LANTERN};
use crate::webhooks;

/// What is wrong with a text of at most `limit` characters.
fn bad_texts(limit: usize) -> Vec<(String, Value)> {
    vec![
        ("is empty".to_owned(), json!("")),
        ("is blank".to_owned(), json!(" \n\t\u{3000}")),
        (format!("has {} characters", limit + 1), json!("线".repeat(limit + 1))),
        ("holds U+0000".to_owned(), json!("a\u{0}b")),
        ("holds U+001B".to_owned(), json!("\u{1b}[31mred")),
        ("holds U+0085".to_owned(), json!("a\u{85}b")),
        ("is a number".to_owned(), json!(7)),
        ("is null".to_owned(), Value::Null),
    ]
}

fn post(desk: &Desk, operation: &str) -> Post {
    desk.posts().into_iter().find(|post| post.operation == operation).unwrap()
}

/// The request as it should be, without one field.
async fn missing(post: &Post, field: &str) -> Row {
    let mut body = post.body.clone().unwrap();
    body.as_object_mut().unwrap().remove(field);
    post.row(&format!("{field} is missing"), names([&format!("/{field}")])).await.raw(body.to_string())
}

async fn set(post: &Post, what: &str, field: &str, value: Value, expected: Expected) -> Row {
    post.row(what, expected).await.field(field, value)
}

pub(super) async fn of_webhooks(desk: &mut Desk) {
    let person = desk.district.person.clone();
    let version = person.get(WEBHOOK).await.unwrap().version().unwrap();
    let put = |body: Value, what: &str, expected: Expected| Row {
        what: what.to_owned(),
        person: person.clone(),
        method: Method::PUT,
        operation: "/districts/{district}/agencies/{agency}/webhook",
        path: WEBHOOK.to_owned(),
        headers: vec![("content-type", "application/json".to_owned()), ("if-match", format!("\"{version}\""))],
        body: Some(body.to_string()),
        expected,
    };
    let good = json!({ "url": webhooks::NOWHERE, "active": false });
    let mut rows = vec![
        put(json!({ "active": true }), "no url", names(["/url"])),
        put(json!({ "url": webhooks::NOWHERE }), "nothing of whether it is on", names(["/active"])),
        put(json!({ "url": webhooks::NOWHERE, "active": "yes" }), "on is a word", names(["/active"])),
        put(json!({ "url": webhooks::NOWHERE, "active": true, "secret": "x" }), "a secret", names(["/secret"])),
        put(good.clone(), "no If-Match", is(428, "version_missing")).without("if-match"),
        put(good.clone(), "of another version", is(412, "version_stale")).header("if-match", "\"0\""),
    ];
    for url in [
        json!(""),
        json!(7),
        json!("http://hooks.example.org/"),
        json!("https://hooks/"),
        json!("https://user@hooks.example.org/"),
        json!("https://hooks.example.org:22/"),
        json!("https://hooks.example.org/#x"),
        json!("https://消防.cn/"),
        json!("https://169.254.169.254/"),
        json!("https://[::ffff:10.0.0.1]/"),
        json!("https://localhost/"),
        json!(format!("https://hooks.example.org/{}", "x".repeat(500))),
    ] {
        let what = format!("url: {}", url.to_string().chars().take(40).collect::<String>());
        rows.push(put(json!({ "url": url, "active": true }), &what, names(["/url"])));
    }
    let path = |path: &str| format!("/districts/demo/agencies/{path}");
    let to = |what: &str, of: String, expected: Expected| Row { path: of, ..put(good.clone(), what, expected) };
    rows.push(to("no label", path("Fire!/webhook"), names(["agency"])));
    rows.push(to("an agency that there is not", path("water/webhook"), is(404, "not_found")));
    rows.push(to("no district", "/districts/demo.river/agencies/fire/webhook".to_owned(), names(["district"])));
    for (what, of, expected) in [
        ("no page", "market-regulation/webhook/deliveries?limit=0", names(["limit"])),
        ("no cursor", "market-regulation/webhook/deliveries?cursor=x", names(["cursor"])),
        ("an unknown parameter", "market-regulation/webhook/deliveries?colour=red", names(["colour"])),
    ] {
        rows.push(Row::get(what, &person, path(of), expected));
    }
    let replay = |what: &str, id: &str, expected: Expected| Row {
        method: Method::POST,
        operation: "",
        path: path(&format!("market-regulation/webhook/deliveries/{id}/replay")),
        headers: vec![("idempotency-key", desk.district.keys.next().to_string())],
        body: None,
        ..put(json!(null), what, expected)
    };
    rows.push(replay("no id", "1-2-3", names(["delivery_id"])));
    let unknown = format!("001800000000000-{}-1", UNKNOWN_CODE.replace('-', ""));
    rows.push(replay("no such delivery", &unknown, is(404, "not_found")));
    desk.rows("The webhook of an agency", rows).await;
}

pub(super) async fn of_reports(desk: &mut Desk) {
    let post = post(desk, "/reports");
    let mut rows = vec![missing(&post, "category").await, missing(&post, "text").await];
    for (what, value) in bad_texts(4_000) {
        rows.push(set(&post, &format!("text {what}"), "text", value, names(["/text"])).await);
    }
    for field in ["category", "urgency", "concerns"] {
        for bad in [json!("ethnicity"), json!(""), json!("Crime"), json!(1), Value::Null, json!({})] {
            rows.push(set(&post, &format!("{field}: {bad}"), field, bad, names([&format!("/{field}")])).await);
        }
    }
    for (what, value) in bad_texts(200) {
        // No address at all is the same as none given.
        let pointer = if value.is_null() { "/place" } else { "/place/address" };
        rows.push(set(&post, &format!("address {what}"), "place", json!({ "address": value }), names([pointer])).await);
    }
    for (place, pointer) in [
        (json!({}), "/place"),
        (json!("the yard"), "/place"),
        (json!({ "colour": "red" }), "/place/colour"),
        (json!({ "point": { "longitude": 117.2 } }), "/place/point/latitude"),
        (json!({ "point": { "longitude": 180.1, "latitude": 39.1 } }), "/place/point/longitude"),
        (json!({ "point": { "longitude": 117.2, "latitude": -90.1 } }), "/place/point/latitude"),
        (json!({ "point": { "longitude": "117.2", "latitude": 39.1 } }), "/place/point/longitude"),
        (json!({ "point": { "longitude": 117.2, "latitude": 39.1, "height": 3 } }), "/place/point/height"),
    ] {
        rows.push(set(&post, &format!("place: {place}"), "place", place, names([pointer])).await);
    }
    for bad in ["yesterday", "2037-08-12", "2037-08-12T09:30:00", "2037-08-12T09:41:00+08:00", "9999-12-31T23:59:59Z"] {
        rows.push(set(&post, &format!("observed_at: {bad}"), "observed_at", json!(bad), names(["/observed_at"])).await);
    }
    rows.push(post.row("a field twice", names(["/text"])).await.raw(r#"{"category":"crime","text":"a","text":"b"}"#));
    let every = json!({ "category": "crime", "text": "", "place": { "point": { "longitude": 200, "latitude": 100 } } });
    let pointers = names(["/text", "/place/point/longitude", "/place/point/latitude"]);
    rows.push(post.row("every bad field is named", pointers).await.raw(every.to_string()));
    let endless = "[".repeat(10_000);
    rows.push(post.row("10,000 lists in lists", names(["/text"])).await.raw(format!("{{\"text\":{endless}")));
    desk.rows("POST /reports", rows).await;
}

pub(super) async fn of_media(desk: &mut Desk) {
    let post = post(desk, "/media");
    let mut rows = Vec::new();
    for field in ["content_type", "size_bytes", "sha256"] {
        rows.push(missing(&post, field).await);
    }
    for (field, bad) in [
        ("kind", json!("video")),
        ("kind", json!("photo")),
        ("content_type", json!("image/gif")),
        ("content_type", json!("video/webm")),
        ("content_type", json!("image/svg+xml")),
        ("content_type", json!("IMAGE/JPEG")),
        ("size_bytes", json!(0)),
        ("size_bytes", json!(20 * 1024 * 1024 + 1)),
        ("size_bytes", json!(-1)),
        ("size_bytes", json!(1.5)),
        ("size_bytes", json!("12")),
        ("size_bytes", json!(1e30)),
        ("sha256", json!("")),
        ("sha256", json!("a".repeat(63))),
        ("sha256", json!("g".repeat(64))),
        ("sha256", json!(7)),
    ] {
        rows.push(set(&post, &format!("{field}: {bad}"), field, bad, names([&format!("/{field}")])).await);
    }
    for (content_type, mebibytes) in [("video/mp4", 500), ("audio/amr", 30)] {
        let body = json!({
            "content_type": content_type, "size_bytes": mebibytes * 1024 * 1024 + 1, "sha256": "0".repeat(64),
        });
        let what = format!("{content_type} of more than {mebibytes} MiB");
        rows.push(post.row(&what, names(["/size_bytes"])).await.raw(body.to_string()));
    }
    let wrong = json!({ "kind": "voice", "content_type": "video/mp4", "size_bytes": 0, "sha256": "0".repeat(64) });
    rows.push(post.row("every bad field is named", names(["/kind", "/size_bytes"])).await.raw(wrong.to_string()));
    desk.rows("POST /media", rows).await;
}

pub(super) async fn of_handovers(desk: &mut Desk, posts: &[Post]) {
    let find = |operation: &str| posts.iter().find(|post| post.operation.ends_with(operation)).unwrap();
    let texts = |limit| bad_texts(limit).into_iter();
    let given = |limit| bad_texts(limit).into_iter().filter(|(_, value)| !value.is_null());
    let post = find("/reports/{report_id}/handovers");
    let mut rows = Vec::new();
    for field in ["receivers", "asks", "deadline_hours"] {
        rows.push(missing(post, field).await);
    }
    for (what, value) in texts(1_000) {
        rows.push(set(post, &format!("asks {what}"), "asks", value, names(["/asks"])).await);
    }
    for (what, value) in given(1_000) {
        rows.push(set(post, &format!("note {what}"), "note", value, names(["/note"])).await);
    }
    for (what, value) in given(4_000) {
        let extract = json!({ "text": value });
        rows.push(set(post, &format!("extract: text {what}"), "extract", extract, names(["/extract/text"])).await);
    }
    for bad in [json!(0), json!(401), json!(-1), json!(70_000), json!(1.5), json!("16"), Value::Null] {
        rows.push(
            set(post, &format!("deadline_hours: {bad}"), "deadline_hours", bad, names(["/deadline_hours"])).await,
        );
    }
    let fire = json!({ "to": "agency", "agency": "fire" });
    let eleven: Vec<_> = (0..11).map(|i| json!({ "to": "agency", "agency": format!("a{i}") })).collect();
    for (what, bad, pointer) in [
        ("none", json!([]), "/receivers"),
        ("eleven", json!(eleven), "/receivers"),
        ("the same twice", json!([fire, fire]), "/receivers/1"),
        ("an agency of no list", json!([{ "to": "agency", "agency": "coastguard" }]), "/receivers/0/agency"),
        ("a district that is none", json!([{ "to": "district", "district": "nowhere" }]), "/receivers/0/district"),
        ("the own district", json!([fire, { "to": "district", "district": "demo" }]), "/receivers/1/district"),
        ("a station", json!([{ "to": "district", "district": "demo.river" }]), "/receivers/0/district"),
        ("no list", json!("fire"), "/receivers"),
    ] {
        rows.push(set(post, &format!("receivers: {what}"), "receivers", bad, names([pointer])).await);
    }
    for (what, bad, pointer) in [
        ("observed_at, which is not known", json!({ "observed_at": true }), "/extract/observed_at"),
        ("a medium of no report", json!({ "media": [uuid::Uuid::nil()] }), "/extract/media/0"),
        ("a medium that is none", json!({ "media": ["x"] }), "/extract/media/0"),
        ("the reporter", json!({ "reporter": true }), "/extract/reporter"),
        ("place: yes", json!({ "place": "yes" }), "/extract/place"),
    ] {
        rows.push(set(post, &format!("extract: {what}"), "extract", bad, names([pointer])).await);
    }
    let every = json!({ "receivers": [], "asks": "", "deadline_hours": 0, "extract": { "text": "" }, "note": "" });
    let pointers = names(["/note", "/receivers", "/asks", "/deadline_hours", "/extract/text"]);
    rows.push(post.row("every bad field is named", pointers).await.raw(every.to_string()));
    desk.rows("POST /districts/{district}/reports/{report_id}/handovers", rows).await;

    let post = find("/close");
    let mut rows = Vec::new();
    for (what, value) in given(1_000) {
        rows.push(set(post, &format!("note {what}"), "note", value, names(["/note"])).await);
    }
    desk.rows("POST /districts/{district}/reports/{report_id}/close", rows).await;

    let post = find("/districts/{district}/handovers/{handover_id}/steps");
    let mut rows = vec![missing(post, "step").await, missing(post, "text").await];
    for (what, value) in texts(1_000) {
        rows.push(set(post, &format!("text {what}"), "text", value, names(["/text"])).await);
    }
    for (what, bad, pointer) in [
        ("no step", json!({ "step": "accept" }), "/step"),
        ("a recall without a reason", json!({ "step": "recall" }), "/reason"),
        ("a recall with a text", json!({ "step": "recall", "reason": "not_needed", "text": "So." }), "/text"),
        ("a recall for no reason of the list", json!({ "step": "recall", "reason": "mistake" }), "/reason"),
        ("a recall for the platform's reason", json!({ "step": "recall", "reason": "content_erased" }), "/reason"),
    ] {
        rows.push(post.row(what, names([pointer])).await.raw(bad.to_string()));
    }
    desk.rows("POST /districts/{district}/handovers/{handover_id}/steps", rows).await;

    let post = find("/me/handovers/{handover_id}/steps");
    let mut rows = vec![missing(post, "step").await, missing(post, "reason").await];
    for (what, value) in texts(1_000) {
        rows.push(set(post, &format!("reason {what}"), "reason", value, names(["/reason"])).await);
    }
    for (what, bad, pointer) in [
        ("no step", json!({ "step": "recall" }), "/step"),
        ("asking nothing", json!({ "step": "ask" }), "/text"),
        ("nothing done", json!({ "step": "complete", "note": "So." }), "/done"),
        ("a note to nothing", json!({ "step": "confirm_erasure", "note": "So." }), "/note"),
        ("a copy for an agency", json!({ "step": "accept", "node": "demo.river.boatyard" }), "/node"),
        ("a node that is none", json!({ "step": "accept", "node": "A" }), "/node"),
    ] {
        rows.push(post.row(what, names([pointer])).await.raw(bad.to_string()));
    }
    desk.rows("POST /me/handovers/{handover_id}/steps", rows).await;
}

pub(super) async fn of_originals(desk: &mut Desk) {
    let post = post(desk, "/reports/{report_id}/media/{media_id}/original");
    let mut rows = vec![missing(&post, "reason").await];
    for (what, value) in bad_texts(200) {
        rows.push(set(&post, &format!("reason {what}"), "reason", value, names(["/reason"])).await);
    }
    desk.rows("POST …/original", rows).await;
}

pub(super) async fn of_answers_and_messages(desk: &mut Desk) {
    let mut rows = Vec::new();
    let posts = desk.posts();
    for post in posts.iter().filter(|post| ["/answer", "/messages"].iter().any(|end| post.operation.ends_with(end))) {
        rows.push(missing(post, "text").await);
        for (what, value) in bad_texts(1_000) {
            rows.push(set(post, &format!("text {what}"), "text", value, names(["/text"])).await);
        }
    }
    desk.everywhere("Answers and messages", rows).await;
}

pub(super) async fn of_decisions(desk: &mut Desk) {
    let mut rows = Vec::new();
    let posts = desk.posts();
    for post in posts.iter().filter(|post| post.operation.ends_with("/decisions")) {
        let own_code = post.code.clone().unwrap();
        rows.push(missing(post, "decision").await);
        for bad in ["hand_over", "Approve", ""] {
            rows.push(set(post, &format!("decision: {bad}"), "decision", json!(bad), names(["/decision"])).await);
        }
        for (what, value) in bad_texts(1_000).into_iter().filter(|(_, value)| !value.is_null()) {
            rows.push(set(post, &format!("note {what}"), "note", value.clone(), names(["/note"])).await);
            let body = json!({ "decision": "return", "question": value });
            rows.push(post.row(&format!("question {what}"), names(["/question"])).await.raw(body.to_string()));
        }
        let long = "x".repeat(1_001);
        for (body, expected) in [
            (json!({ "decision": "return" }), names(["/question"])),
            (json!({ "decision": "return", "question": null }), names(["/question"])),
            (json!({ "decision": "reject" }), names(["/reason"])),
            (json!({ "decision": "reject", "reason": "boring" }), names(["/reason"])),
            (json!({ "decision": "mark_duplicate" }), names(["/original"])),
            (json!({ "decision": "mark_duplicate", "original": "ABC" }), names(["/original"])),
            (json!({ "decision": "mark_duplicate", "original": "00000-00000" }), names(["/original"])),
            (json!({ "decision": "reopen" }), names(["/note"])),
            (json!({ "decision": "send_down" }), names(["/note"])),
            (json!({ "decision": "approve", "question": "Why?" }), names(["/question"])),
            (json!({ "decision": "approve", "reason": "unfounded" }), names(["/reason"])),
            (json!({ "decision": "approve", "original": "00000-00000" }), names(["/original"])),
            (json!({ "decision": "return", "reason": "unfounded" }), names(["/question", "/reason"])),
        ] {
            rows.push(post.row(&body.to_string(), expected).await.raw(body.to_string()));
        }
        let body = json!({ "decision": "mark_duplicate", "original": own_code });
        rows.push(post.row("the original is the report itself", names(["/original"])).await.raw(body.to_string()));
        let body = json!({ "decision": "return", "question": "", "note": long });
        let both = names(["/question", "/note"]);
        rows.push(post.row("every bad text is named", both).await.raw(body.to_string()));
    }
    desk.everywhere("Decisions", rows).await;
}

pub(super) async fn of_briefings(desk: &mut Desk, posts: &[Post]) {
    let of = |operation: &str| posts.iter().find(|post| post.operation == operation).unwrap();
    let briefing = of("/districts/{district}/briefings");
    let mut rows = vec![missing(briefing, "from").await, missing(briefing, "to").await];
    for field in ["from", "to"] {
        for bad in
            [json!("yesterday"), json!("2037-02-30"), json!("2037-8-1"), json!(""), json!(20_370_801), Value::Null]
        {
            rows.push(set(briefing, &format!("{field}: {bad}"), field, bad, names([&format!("/{field}")])).await);
        }
    }
    for (field, day, pointers) in [
        ("from", "1999-12-31", vec!["/from", "/to"]),
        ("from", "2020-01-01", vec!["/to"]),
        ("to", "9999-12-31", vec!["/to", "/to"]),
        ("to", "2001-01-01", vec!["/to"]),
    ] {
        let expected = (400, "invalid", pointers.into_iter().map(ToOwned::to_owned).collect());
        rows.push(set(briefing, &format!("{field}: {day}"), field, json!(day), expected).await);
    }
    let comment = of("/districts/{district}/briefings/{briefing_id}/comments");
    rows.push(missing(comment, "text").await);
    for (what, value) in bad_texts(1_000) {
        rows.push(set(comment, &format!("text {what}"), "text", value, names(["/text"])).await);
    }
    let reader = &desk.district.person;
    let base = "/districts/demo/briefings";
    rows.push(Row::get("a code that was misheard", reader, format!("{base}/00000-00001"), names(["briefing_id"])));
    rows.push(Row::get(
        "a briefing that there is not",
        reader,
        format!("{base}/00000-00000"),
        (404, "not_found", Vec::new()),
    ));
    let document = comment.path().replace("/comments", "/document");
    for bad in ["de", "zh-cn", ""] {
        let path = format!("{document}?language={bad}");
        rows.push(Row::get(&format!("language={bad}"), reader, path, names(["language"])));
    }
    rows.push(Row::get("limit=0", reader, format!("{base}?limit=0"), names(["limit"])));
    rows.push(Row::get("a cursor that is none", reader, format!("{base}?cursor=hello"), names(["cursor"])));
    desk.rows("The fields of a briefing", rows).await;
}

pub(super) async fn of_exports(desk: &mut Desk, posts: &[Post]) {
    let export = posts.iter().find(|post| post.operation == "/districts/{district}/exports").unwrap();
    let mut rows = Vec::new();
    for field in ["format", "from", "to", "reason"] {
        rows.push(missing(export, field).await);
    }
    for (field, bad) in [
        ("format", json!("xlsx")),
        ("format", json!("CSV")),
        ("node", json!("elsewhere")),
        ("node", json!("demo.nowhere")),
        ("node", json!("")),
        ("from", json!("yesterday")),
        ("to", json!("2037-02-30")),
        ("by", json!("week")),
        ("by", json!("")),
    ] {
        rows.push(set(export, &format!("{field}: {bad}"), field, bad, names([&format!("/{field}")])).await);
    }
    for (field, day) in [("from", "1990-01-01"), ("to", "2001-01-01"), ("to", "9999-12-31")] {
        rows.push(set(export, &format!("{field}: {day}"), field, json!(day), names(["/to"])).await);
    }
    rows.push(set(export, "a map of a month that is not over", "format", json!("geojson"), names(["/to"])).await);
    for (what, value) in bad_texts(200) {
        rows.push(set(export, &format!("reason {what}"), "reason", value, names(["/reason"])).await);
    }
    let reader = &desk.district.person;
    let base = "/districts/demo/exports";
    rows.push(Row::get("a code that was misheard", reader, format!("{base}/00000-00001"), names(["export_id"])));
    for rest in ["", "/link"] {
        let path = format!("{base}/00000-00000{rest}");
        rows.push(Row::get("an export that there is not", reader, path, (404, "not_found", Vec::new())));
    }
    rows.push(Row::get("limit=0", reader, format!("{base}?limit=0"), names(["limit"])));
    rows.push(Row::get("a cursor that is none", reader, format!("{base}?cursor=hello"), names(["cursor"])));
    desk.rows("The fields of an export", rows).await;
}

/// Rules that are tried.
async fn of_tried_rules(tries: &Post) -> Vec<Row> {
    let mut rows = Vec::new();
    for field in ["from", "to", "content"] {
        rows.push(missing(tries, field).await);
    }
    for (what, field, value) in [
        ("from: after to", "from", json!("2999-01-01")),
        ("from: more than 92 days before", "from", json!("2020-01-01")),
        ("to: the last day that there is", "to", json!("9999-12-31")),
    ] {
        rows.push(set(tries, what, field, value, names(["/to"])).await);
    }
    rows.push(set(tries, "from: \"soon\"", "from", json!("soon"), names(["/from"])).await);
    let mut content = tries.body.clone().unwrap()["content"].clone();
    content["claim_days"] = json!(0);
    rows.push(set(tries, "no time to claim it", "content", content, names(["/content/claim_days"])).await);
    rows
}

pub(super) async fn of_rewards(desk: &mut Desk, posts: &[Post]) {
    let of = |operation: &str| posts.iter().find(|post| post.operation == operation).unwrap();
    let fund = of("/districts/{district}/funds/{year}/movements");
    let mut rows =
        vec![missing(fund, "movement").await, missing(fund, "amount_fen").await, missing(fund, "reason").await];
    for bad in [json!(0), json!(-1), json!(1_000_000_001), json!(u64::MAX), json!(1.5), json!("100")] {
        rows.push(set(fund, &format!("amount_fen: {bad}"), "amount_fen", bad, names(["/amount_fen"])).await);
    }
    rows.push(set(fund, "movement: \"pay\"", "movement", json!("pay"), names(["/movement"])).await);
    rows.push(set(fund, "a year that ends with an amount", "movement", json!("lapse"), names(["/amount_fen"])).await);
    for (what, value) in bad_texts(200) {
        rows.push(set(fund, &format!("reason {what}"), "reason", value, names(["/reason"])).await);
    }
    let rules = of("/districts/{district}/reward-rules");
    rows.push(missing(rules, "valid_from").await);
    rows.push(missing(rules, "content").await);
    rows.push(set(rules, "valid_from: 2020-01-01", "valid_from", json!("2020-01-01"), names(["/valid_from"])).await);
    let good = rules.body.clone().unwrap()["content"].clone();
    for (what, at, value, pointer) in [
        ("no rules", "/rules", json!([]), "/content/rules"),
        ("one who agrees alone", "/tiers/0/agree", json!([{ "role": "district_manager" }]), "/content/tiers/0/agree"),
        ("an officer who agrees", "/tiers/0/agree/0/role", json!("officer"), "/content/tiers/0/agree/0/role"),
        ("a grade that there is not", "/rules/0/grades", json!(["best"]), "/content/rules/0/grades/0"),
        ("an amount of nothing", "/rules/0/amount/fen", json!(0), "/content/rules/0/amount/fen"),
        ("no time to claim it", "/claim_days", json!(0), "/content/claim_days"),
    ] {
        let mut content = good.clone();
        if at == "/rules/0/grades" {
            content["rules"][0]["grades"] = value;
        } else {
            *content.pointer_mut(at).unwrap() = value;
        }
        rows.push(set(rules, what, "content", content, names([pointer])).await);
    }
    rows.extend(of_tried_rules(of("/districts/{district}/reward-rules/dry-run")).await);
    let step = of("/districts/{district}/rewards/{reward_id}/steps");
    rows.push(set(step, "a reason that there is not", "reason", json!("no_money"), names([""])).await);
    for (what, value) in bad_texts(500) {
        // Which step it is decides which fields there are: of what does not fit, the whole is named.
        let pointer = if value.is_string() { "/note" } else { "" };
        rows.push(set(step, &format!("note {what}"), "note", value, names([pointer])).await);
    }
    let appeal = of("/me/rewards/{reward_id}/appeal");
    rows.push(missing(appeal, "text").await);
    for (what, value) in bad_texts(500) {
        rows.push(set(appeal, &format!("text {what}"), "text", value, names(["/text"])).await);
    }
    let reader = &desk.district.person;
    for year in ["1999", "3000", "x"] {
        let path = format!("/districts/demo/funds/{year}");
        rows.push(Row::get(&format!("the year {year}"), reader, path, names(["year"])));
    }
    let stranger = desk.world.stranger();
    for (what, path, name) in [
        ("the public year x", "/districts/demo/funds/x/summary", "year"),
        ("a public district that is none", "/districts/demo.river/funds/2037/summary", "district"),
    ] {
        rows.push(Row::get(what, &stranger, path.to_owned(), names([name])));
    }
    let nowhere = "/districts/nowhere/funds/2037/summary".to_owned();
    rows.push(Row::get("a public district that there is not", &stranger, nowhere, is(404, "not_found")));
    let file = "/districts/demo/funds/2037/entries.csv";
    for (what, query, name) in [
        ("after=-1", "after=-1", "after"),
        ("after more entries than a ledger has", "after=9000001", "after"),
        ("a part by cursor", "cursor=x", "cursor"),
    ] {
        rows.push(Row::get(what, reader, format!("{file}?{query}"), names([name])));
    }
    let base = "/districts/demo/rewards";
    rows.push(Row::get("a code that was misheard", reader, format!("{base}/00000-00001"), names(["reward_id"])));
    rows.push(Row::get("state=spent", reader, format!("{base}?state=spent"), names(["state"])));
    rows.push(Row::get("limit=0", reader, format!("{base}?limit=0"), names(["limit"])));
    rows.push(Row::get("a cursor that is none", reader, format!("{base}?cursor=hello"), names(["cursor"])));
    let award = of("/districts/{district}/awards/{award}/{from}/{to}/steps");
    rows.push(set(award, "step: \"stop\"", "step", json!("stop"), names(["/step"])).await);
    let runs = "/districts/demo/awards";
    for (what, run, name) in [
        ("a label that is none", "Stage/2037-08-01/2037-08-11", "award"),
        ("a first day that is none", "stage/2037-02-30/2037-08-11", "from"),
        ("a last day that is none", "stage/2037-08-01/yesterday", "to"),
    ] {
        rows.push(Row::get(what, reader, format!("{runs}/{run}"), names([name])));
    }
    rows.push(Row::get("runs, limit=0", reader, format!("{runs}?limit=0"), names(["limit"])));
    rows.push(Row::get("runs, a cursor that is none", reader, format!("{runs}?cursor=hello"), names(["cursor"])));
    desk.rows("The fields of rewards and of the fund", rows).await;
}

pub(super) async fn of_tasks(desk: &mut Desk, posts: &[Post]) {
    let of = |operation: &str| posts.iter().find(|post| post.operation == operation).unwrap();
    let task = of("/districts/{district}/tasks");
    let mut rows = Vec::new();
    for field in ["kind", "title", "instructions", "category", "ends_at", "scope"] {
        rows.push(missing(task, field).await);
    }
    for (field, limit) in [("title", 60), ("instructions", 2_000)] {
        for (what, value) in bad_texts(limit) {
            rows.push(set(task, &format!("{field} {what}"), field, value, names([&format!("/{field}")])).await);
        }
    }
    let field = |name: &str, kind: &str| json!({ "name": name, "label": "几辆", "kind": kind });
    for (at, bad, pointers) in [
        ("kind", json!("order"), vec!["/kind"]),
        ("category", json!("belief"), vec!["/category"]),
        ("priority", json!("now"), vec!["/priority"]),
        ("title", json!("留意信教人员"), vec!["/title"]),
        ("title", json!("河南人的店铺"), vec!["/title"]),
        ("look_for", json!("Muslim shopkeepers"), vec!["/look_for"]),
        ("instructions", json!("找 13800138000 的机主"), vec!["/instructions"]),
        ("instructions", json!("身份证 110105194912310021"), vec!["/instructions"]),
        ("ends_at", json!("tomorrow"), vec!["/ends_at"]),
        ("form", json!([field("n", "number"), field("n", "text")]), vec!["/form/1/name"]),
        ("form", json!([field("Count!", "number")]), vec!["/form/0/name"]),
        ("form", json!([field("religion", "text")]), vec!["/form/0/name"]),
        ("form", json!([field("n", "date")]), vec!["/form/0/kind"]),
        ("form", json!([field("n", "choice")]), vec!["/form/0/choices"]),
        ("form", json!([{ "name": "n", "label": "民族", "kind": "text" }]), vec!["/form/0/label"]),
        ("scope", json!({ "nodes": [] }), vec!["/scope/nodes"]),
        ("scope", json!({ "nodes": ["demo.market"] }), vec!["/scope/nodes/0"]),
        ("scope", json!({ "nodes": ["demo.river.ferry"] }), vec!["/scope/nodes/0"]),
        ("scope", json!({ "nodes": ["Lantern"] }), vec!["/scope/nodes/0"]),
        ("scope", json!({ "nodes": [LANTERN, LANTERN] }), vec!["/scope/nodes/1"]),
        ("scope", json!({ "nodes": [LANTERN], "kinds": ["believer"] }), vec!["/scope/kinds/0"]),
        ("scope", json!({ "nodes": [LANTERN], "kinds": ["taxi", "taxi"] }), vec!["/scope/kinds/1"]),
        ("scope", json!({ "nodes": [LANTERN], "trades": ["gold"] }), vec!["/scope/trades/0"]),
        ("scope", json!({ "nodes": [LANTERN], "ethnicity": ["x"] }), vec!["/scope/ethnicity"]),
    ] {
        let expected = (400, "invalid", pointers.into_iter().map(ToOwned::to_owned).collect());
        rows.push(set(task, &format!("{at}: {}", short(&bad)), at, bad, expected).await);
    }
    for (field, hours, pointer) in [
        ("ends_at", -1, "/ends_at"),
        ("ends_at", 24 * 367, "/ends_at"),
        ("ends_at", 24 * 181, "/ends_at"),
        ("starts_at", 24 * 3, "/ends_at"),
        ("remind_at", -1, "/remind_at"),
        ("remind_at", 24 * 3, "/remind_at"),
    ] {
        let at = json!(tasks::in_minutes(&desk.world, 60 * hours));
        rows.push(set(task, &format!("{field} in {hours} hours"), field, at, names([pointer])).await);
    }
    desk.rows("The fields of a task", rows).await;

    let steps = of("/districts/{district}/tasks/{task_id}/steps");
    let mut rows = Vec::new();
    for (what, body, expected) in [
        ("no such step", json!({ "step": "promote" }), names(["/step"])),
        ("no reason", json!({ "step": "cancel" }), names(["/reason"])),
        ("a blank reason", json!({ "step": "cancel", "reason": " " }), names(["/reason"])),
        ("a long reason", json!({ "step": "cancel", "reason": "x".repeat(201) }), names(["/reason"])),
        ("a step of the district", json!({ "step": "consent" }), (403, "wrong_role", Vec::new())),
    ] {
        rows.push(steps.row(what, expected).await.raw(body.to_string()));
    }
    for (what, code, expected) in [
        ("a task that there is not", UNKNOWN_CODE, (404, "not_found", Vec::new())),
        ("a code with a wrong character", "00000-00001", names(["task_id"])),
    ] {
        let mut row = steps.row(what, expected).await;
        row.path = format!("/districts/demo/tasks/{code}/steps");
        rows.push(row);
    }
    desk.rows("The steps of a task", rows).await;
}

pub(super) async fn of_answers_to_tasks(desk: &mut Desk) {
    let officer = desk.world.manager("officer-lantern").await;
    let code = officer.sends_task(&tasks::task(&desk.world, &[LANTERN])).await;
    let reporter = desk.world.reporter("lantern").await;
    let put = |rest: &str, body: Value, what: &str, expected: Expected| Row {
        what: what.to_owned(),
        person: reporter.person.clone(),
        method: Method::PUT,
        operation: "/me/tasks/{task_id}/…",
        path: format!("/me/tasks/{code}{rest}"),
        headers: vec![("content-type", "application/json".to_owned())],
        body: Some(body.to_string()),
        expected,
    };
    let answer = |answer: Value| json!({ "form_version": 1, "answer": answer });
    let mut rows = vec![
        put("/receipt", json!({}), "no receipt", names(["/receipt"])),
        put("/receipt", json!({ "receipt": "forgotten" }), "no such receipt", names(["/receipt"])),
        put("/answer", json!({ "answer": { "seen": "是" } }), "no form_version", names(["/form_version"])),
        put("/answer", json!({ "form_version": 1 }), "no answer", names(["/answer"])),
        put(
            "/answer",
            json!({ "form_version": 2, "answer": { "seen": "是" } }),
            "another form",
            (409, "form_changed", Vec::new()),
        ),
    ];
    for (what, value, pointers) in [
        ("nothing that is required", json!({}), vec!["/answer/seen"]),
        ("none of the choices", json!({ "seen": "也许" }), vec!["/answer/seen"]),
        ("a list", json!({ "seen": ["是"] }), vec!["/answer/seen"]),
        ("a fraction", json!({ "seen": "是", "count": 1.5 }), vec!["/answer/count"]),
        ("words for a number", json!({ "seen": "是", "count": "two" }), vec!["/answer/count"]),
        ("a number beyond all", json!({ "seen": "是", "count": 9_000_000_000_000_000_000_i64 }), vec!["/answer/count"]),
        ("a field that there is not", json!({ "seen": "是", "Colour!": "red", "other": 1 }), vec!["/answer/Colour!"]),
        (
            "every bad field",
            json!({ "count": "x", "other": 1 }),
            vec!["/answer/other", "/answer/seen", "/answer/count"],
        ),
    ] {
        let expected = (400, "invalid", pointers.into_iter().map(ToOwned::to_owned).collect());
        rows.push(put("/answer", answer(value), what, expected));
    }
    let many: serde_json::Map<_, _> = (0..11).map(|number| (format!("f{number}"), json!(1))).collect();
    rows.push(put("/answer", answer(many.into()), "more fields than a form has", names(["/answer"])));
    desk.rows("What is answered to a task", rows).await;
}

pub(super) async fn of_outcomes(desk: &mut Desk, posts: &[Post]) {
    let of = |operation: &str| posts.iter().find(|post| post.operation == operation).unwrap();
    let record = of("/districts/{district}/outcomes");
    let waiting = desk.waiting[0].clone();
    let own = record.body.as_ref().unwrap()["reports"][0].clone();
    let mut rows = Vec::new();
    for field in ["kind", "count", "on", "evidence"] {
        rows.push(missing(record, field).await);
    }
    rows.push(set(record, "no report and no hand-over", "reports", json!([]), names(["/reports"])).await);
    let too_many = json!(vec![own.clone(); 21]);
    for (what, reports, field) in [
        ("a report that is not adopted", json!([own, waiting]), "/reports/1"),
        ("a report twice", json!([own, own]), "/reports/1"),
        ("too many reports", too_many, "/reports"),
    ] {
        rows.push(set(record, what, "reports", reports, names([field])).await);
    }
    for (what, value) in bad_texts(1_000) {
        rows.push(set(record, &format!("evidence {what}"), "evidence", value, names(["/evidence"])).await);
    }
    for (at, bad, pointers) in [
        ("kind", json!("opinions_changed"), vec!["/kind"]),
        ("kind", json!("Arrests!"), vec!["/kind"]),
        ("count", json!(0), vec!["/count"]),
        ("count", json!(10_001), vec!["/count"]),
        ("count", json!(-1), vec!["/count"]),
        ("count", json!(1.5), vec!["/count"]),
        ("on", json!("2037-08-13"), vec!["/on"]),
        ("on", json!("1999-12-31"), vec!["/on"]),
        ("on", json!("2037-02-30"), vec!["/on"]),
        ("on", json!("yesterday"), vec!["/on"]),
        ("reports", json!([UNKNOWN_CODE]), vec!["/reports/0"]),
        ("reports", json!(["00000-00001"]), vec!["/reports/0"]),
        ("handover", json!(UNKNOWN_CODE), vec!["/reports"]),
        ("person", json!("李建国"), vec!["/person"]),
    ] {
        let expected = (400, "invalid", pointers.into_iter().map(ToOwned::to_owned).collect());
        rows.push(set(record, &format!("{at}: {}", short(&bad)), at, bad, expected).await);
    }
    let all = json!({
        "kind": "x", "count": 0, "on": "2050-01-01", "handover": UNKNOWN_CODE, "evidence": " ",
    });
    let everything = names(["/kind", "/count", "/on", "/evidence", "/handover"]);
    rows.push(record.row("everything at once", everything).await.raw(all.to_string()));
    desk.rows("The fields of an outcome", rows).await;

    let steps = of("/districts/{district}/outcomes/{outcome_id}/steps");
    let correct = |count: i64, on: &str| json!({ "step": "correct", "kind": "cases_solved", "count": count, "on": on, "evidence": "The file." });
    let mut rows = Vec::new();
    for (what, body, expected) in [
        ("no such step", json!({ "step": "double" }), names(["/step"])),
        ("a step of the district", json!({ "step": "confirm" }), (403, "wrong_role", Vec::new())),
        ("a link to nothing", json!({ "step": "link" }), names(["/report"])),
        ("a link to both", json!({ "step": "link", "report": own, "handover": own }), names(["/report"])),
        ("a link to itself", json!({ "step": "link", "report": own }), names(["/report"])),
        ("a link to what there is not", json!({ "step": "link", "report": UNKNOWN_CODE }), names(["/report"])),
        ("a link to what is not adopted", json!({ "step": "link", "report": waiting }), names(["/report"])),
        ("a link to nobody's hand-over", json!({ "step": "link", "handover": UNKNOWN_CODE }), names(["/handover"])),
        ("a correction of nothing to nothing", correct(0, "2026-08-10"), names(["/count"])),
        ("a correction to tomorrow", correct(1, "2037-08-13"), names(["/on"])),
        (
            "a correction without evidence",
            json!({ "step": "correct", "kind": "cases_solved", "count": 1, "on": "2026-08-10" }),
            names(["/evidence"]),
        ),
    ] {
        rows.push(steps.row(what, expected).await.raw(body.to_string()));
    }
    for (what, code, expected) in [
        ("an outcome that there is not", UNKNOWN_CODE, (404, "not_found", Vec::new())),
        ("a code with a wrong character", "00000-00001", names(["outcome_id"])),
    ] {
        let mut row = steps.row(what, expected).await;
        row.path = format!("{OUTCOMES}/{code}/steps");
        rows.push(row);
    }
    let officer = desk.officer.person.clone();
    for (query, field) in
        [("limit=0", "limit"), ("state=open", "state"), ("colour=red", "colour"), ("cursor=x", "cursor")]
    {
        let path = format!("{OUTCOMES}?{query}");
        rows.push(Row::get(query, &officer, path, names([field])));
    }
    let district = desk.district.person.clone();
    let both = format!("{OUTCOMES}?waiting=true&state=proposed");
    rows.push(Row::get("waiting, and a state", &district, both, names(["waiting"])));
    desk.rows("The steps and lists of outcomes", rows).await;
}

pub(super) async fn of_members(desk: &mut Desk, posts: &[Post]) {
    let of = |operation: &str| posts.iter().find(|post| post.operation == operation).unwrap();
    let member = of("/districts/{district}/members");
    let mut rows = vec![missing(member, "node").await, missing(member, "name").await, missing(member, "phone").await];
    for (field, bad, pointer) in [
        ("node", json!("demo"), "/node"),
        ("node", json!("demo.north.nowhere"), "/node"),
        ("node", json!("demo.river.ferry"), "/node"),
        ("node", json!("Plum Garden"), "/node"),
        ("role", json!("king"), "/role"),
        ("body", json!("police"), "/body"),
        ("kind", json!("believer"), "/kind"),
        ("kind", Value::Null, "/kind"),
        ("trades", json!(["astrology"]), "/trades/0"),
        ("trades", json!(["taxi", "taxi"]), "/trades/1"),
        ("trades", json!(["Taxi!"]), "/trades/0"),
        ("places", json!(["school-9"]), "/places/0"),
        ("name", json!(""), "/name"),
        ("name", json!("=1+1"), "/name"),
        ("name", json!("王".repeat(41)), "/name"),
        ("phone", json!(""), "/phone"),
        ("phone", json!("138"), "/phone"),
        ("phone", json!("022-23456789"), "/phone"),
    ] {
        rows.push(set(member, &format!("{field}: {}", short(&bad)), field, bad, names([pointer])).await);
    }
    let taken = (409, "phone_taken", Vec::new());
    let all = names(["/role", "/node", "/kind"]);
    rows.push(set(member, "role: the platform's own", "role", json!("clock"), all).await);
    rows.push(set(member, "the number of a member", "phone", json!("+86 138 0013 8000"), taken).await);
    desk.rows("The fields of a member", rows).await;

    let change = of("/districts/{district}/members/{member_id}/changes");
    let mut rows = Vec::new();
    for (what, body, expected) in [
        ("no such change", json!({ "change": "promote" }), names(["/change"])),
        ("no reason", json!({ "change": "suspend" }), names(["/reason"])),
        ("a blank reason", json!({ "change": "suspend", "reason": " " }), names(["/reason"])),
        ("a long reason", json!({ "change": "suspend", "reason": "x".repeat(201) }), names(["/reason"])),
        (
            "to another station",
            json!({ "change": "transfer", "node": "demo.river.ferry", "reason": "Moved." }),
            names(["/node"]),
        ),
        (
            "to nowhere",
            json!({ "change": "transfer", "node": "demo.north.nowhere", "reason": "Moved." }),
            names(["/node"]),
        ),
        ("to a station", json!({ "change": "transfer", "node": "demo.north", "reason": "Moved." }), names(["/node"])),
        (
            "to staff",
            json!({ "change": "transfer", "node": "demo.north.plum-garden", "role": "officer", "reason": "Able." }),
            names(["/role"]),
        ),
        ("confirmed before registering", json!({ "change": "confirm" }), (409, "wrong_member_state", Vec::new())),
        (
            "restored without a suspension",
            json!({ "change": "restore", "reason": "x" }),
            (409, "wrong_member_state", Vec::new()),
        ),
        ("leaving for somebody else", json!({ "change": "leave" }), (404, "not_found", Vec::new())),
    ] {
        rows.push(change.row(what, expected).await.raw(body.to_string()));
    }
    desk.rows("The changes of a member", rows).await;

    absences(desk).await;

    let invite = of("/districts/{district}/invites");
    let mut rows = Vec::new();
    for (field, bad, pointer) in [
        ("node", json!("demo.north"), "/node"),
        ("node", json!("demo.river.ferry"), "/node"),
        ("days", json!(0), "/days"),
        ("days", json!(367), "/days"),
        ("max_uses", json!(0), "/max_uses"),
        ("max_uses", json!(20_001), "/max_uses"),
    ] {
        rows.push(set(invite, &format!("{field}: {bad}"), field, bad, names([pointer])).await);
    }
    desk.rows("The fields of an invite", rows).await;

    let decision = of("/districts/{district}/members/{member_id}/openings/{opening_id}/decision");
    let mut rows = Vec::new();
    for (what, body, pointer) in [
        ("no hours", json!({ "decision": "consent", "hours": 0, "reason": "x" }), "/hours"),
        ("too many hours", json!({ "decision": "consent", "hours": 73, "reason": "x" }), "/hours"),
        ("no reason", json!({ "decision": "consent", "reason": "" }), "/reason"),
        ("neither", json!({ "decision": "perhaps", "reason": "x" }), "/decision"),
    ] {
        rows.push(decision.row(what, names([pointer])).await.raw(body.to_string()));
    }
    desk.rows("The decision on an opening", rows).await;
}

/// What is wrong with an absence.
async fn absences(desk: &mut Desk) {
    let person = &desk.station.person;
    let path = "/districts/demo/members/officer-plum-garden/absence".to_owned();
    let now = desk.world.now().unwrap_or_else(Timestamp::now);
    let days = |days: i64| (now + SignedDuration::from_hours(24 * days)).to_string();
    let (from, until) = (days(1), days(8));
    let body = |field: &str, value: Value| {
        let mut body = json!({ "from": from, "until": until, "deputy": "officer-plum-garden" });
        body[field] = value;
        body.to_string()
    };
    let mut rows = Vec::new();
    for (what, field, value, pointers) in [
        ("no time", "from", json!("tomorrow"), names(["/from"])),
        ("over before it begins", "until", json!(days(1)), names(["/until", "/deputy"])),
        ("before it begins, and long ago", "until", json!(days(-1)), names(["/until", "/deputy"])),
        ("too long", "until", json!(days(70)), names(["/until", "/deputy"])),
        ("no id", "deputy", json!("no id"), names(["/deputy"])),
        ("nobody", "deputy", json!("nobody"), names(["/deputy"])),
        ("the absent one", "deputy", json!("officer-plum-garden"), names(["/deputy"])),
        ("an unknown field", "colour", json!("red"), names(["/colour"])),
    ] {
        let headers = vec![("content-type", "application/json".to_owned()), ("if-match", "\"0\"".to_owned())];
        rows.push(Row {
            what: what.to_owned(),
            method: Method::PUT,
            path: path.clone(),
            operation: "/districts/{district}/members/{member_id}/absence",
            person: person.clone(),
            headers,
            body: Some(body(field, value)),
            expected: pointers,
        });
    }
    desk.rows("The fields of an absence", rows).await;
}

/// A value, cut to what a table can show.
fn short(value: &Value) -> String {
    value.to_string().chars().take(24).collect()
}

pub(super) async fn of_payouts(desk: &mut Desk, posts: &[Post]) {
    let of = |operation: &str| posts.iter().find(|post| post.operation == operation).unwrap();
    let check = of("/districts/{district}/payouts/checks");
    let mut rows = vec![missing(check, "reward").await, missing(check, "code").await];
    for bad in [json!(""), json!("0A7KQ"), json!("0A7KQ-4M2XD-9HTR!"), json!("x".repeat(1_000))] {
        rows.push(
            set(check, &format!("code: {} characters", bad.as_str().unwrap().len()), "code", bad, names(["/code"]))
                .await,
        );
    }
    rows.push(set(check, "a reward that was misheard", "reward", json!("00000-00001"), names(["/reward"])).await);
    let step = of("/districts/{district}/rewards/{reward_id}/payouts/{share}/steps");
    rows.push(set(step, "step: \"pay\"", "step", json!("pay"), names(["/step"])).await);
    rows.push(set(step, "cancel without a reason", "step", json!("cancel"), names(["/reason"])).await);
    let lines = of("/districts/{district}/batches/{batch_id}/lines");
    rows.push(missing(lines, "shares").await);
    rows.push(set(lines, "no shares", "shares", json!([]), names(["/shares"])).await);
    let share = lines.body.clone().unwrap()["shares"][0].clone();
    let many = vec![share.clone(); 41];
    rows.push(set(lines, "more shares than at once", "shares", json!(many), names(["/shares"])).await);
    rows.push(set(lines, "a share twice", "shares", json!([share, share]), names(["/shares/1"])).await);
    for (what, at, value, pointer) in [
        ("a share that there is not", "share", json!(7), "/shares/0"),
        ("a share of -1", "share", json!(-1), "/shares/0/share"),
        ("a share of 256", "share", json!(256), "/shares/0/share"),
        ("a reward that there is not", "reward", json!("00000-00000"), "/shares/0"),
        ("a reward that was misheard", "reward", json!("00000-00001"), "/shares/0/reward"),
    ] {
        let mut share = share.clone();
        share[at] = value;
        rows.push(set(lines, what, "shares", json!([share]), names([pointer])).await);
    }
    let step = of("/districts/{district}/batches/{batch_id}/steps");
    rows.push(set(step, "step: \"settle\"", "step", json!("settle"), names(["/step"])).await);
    let answer = of("/districts/{district}/batches/{batch_id}/answer");
    for (what, file) in [("an empty file", ""), ("a file that was cut off", "batch,line\r\n"), ("no CSV", "hello")] {
        let row = answer.row(what, names(["/lines/1"])).await;
        rows.push(row.raw(file));
    }
    let large = answer.row("a file of more than 512 KiB", is(413, "too_large")).await;
    rows.push(large.raw("x".repeat(512 * 1024 + 1)));
    let reader = &desk.district.person;
    for (base, state) in [("/districts/demo/payouts", "paid"), ("/districts/demo/batches", "settled")] {
        rows.push(Row::get("state=spent", reader, format!("{base}?state=spent"), names(["state"])));
        rows.push(Row::get("no state", reader, base.to_owned(), names(["query"])));
        rows.push(Row::get("limit=0", reader, format!("{base}?state={state}&limit=0"), names(["limit"])));
    }
    let base = "/districts/demo/batches";
    rows.push(Row::get("a code that was misheard", reader, format!("{base}/00000-00001"), names(["batch_id"])));
    let path = format!("{base}/00000-00000");
    rows.push(Row::get("a batch that there is not", reader, path, (404, "not_found", Vec::new())));
    let path = "/districts/demo/rewards/00000-00000/payouts/x".to_owned();
    rows.push(Row::get("a share that is no number", reader, path, names(["share"])));
    desk.rows("The fields of what pays", rows).await;
}
