//! Everything that is not as it should be is refused with a problem that names it, and leaves nothing behind.
//!
//! [`what_is_refused_and_how`] is one table; its snapshot is the one to read.

mod fields;

use std::{collections::BTreeMap, fmt::Write as _};

use image::ImageFormat;
use pingan_local::client::{Answer, Person};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    awards,
    batches::Prepared,
    briefings, exports,
    handovers::{self, Hand},
    harness::{
        DistrictManager, Keys, Officer, Picture, Reporter, StationManager, World, each, eventually, expect,
        expect_problem, jpeg, picture,
    },
    openapi,
    outcomes::{self, OUTCOMES},
    rewards,
    tasks::{self, LANTERN},
    webhooks,
};

/// The largest body, in bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// A code with a right check character that no report has.
const UNKNOWN_CODE: &str = "00000-00000";

/// The webhook of an agency, another one than that of other tests: an account can be shared.
const WEBHOOK: &str = "/districts/demo/agencies/market-regulation/webhook";

/// A district with one report at each point of its way, all by one reporter.
struct Desk {
    world: World,
    reporter: Reporter,
    neighbour: Reporter,
    officer: Officer,
    station: StationManager,
    district: DistrictManager,
    /// Waits for the reporter's answer.
    asked: String,
    /// Waits for the officer, the station and the district.
    waiting: [String; 3],
    /// Where the original of a medium is opened.
    original: String,
    /// Every row, and how it was answered.
    table: String,
    /// What came out otherwise than expected.
    wrong: Vec<String>,
}

impl Desk {
    async fn new() -> Self {
        let world = World::start().await;
        let reporter = world.reporter("plum-garden").await;
        let neighbour = world.neighbour("plum-garden").await;
        let (officer, station, district) =
            (world.officer("plum-garden").await, world.station("north").await, world.district().await);
        let mut codes = Vec::new();
        for number in 0..4 {
            codes.push(reporter.reports(&format!("Lamp {number} is broken.")).send().await);
            neighbour.reports(&format!("Bench {number} is broken.")).send().await;
        }
        officer.returns(&codes[0], "Which lamp?").await;
        officer.approves(&codes[2]).await;
        officer.approves(&codes[3]).await;
        station.approves(&codes[3]).await;
        let photo = neighbour.takes_photo().await;
        let shown = neighbour.reports("See the photo.").with_media(photo).send().await;
        let original = format!("/reports/{shown}/media/{photo}/original");
        let [asked, first, second, third] = codes.try_into().unwrap();
        Self {
            world,
            reporter,
            neighbour,
            officer,
            station,
            district,
            asked,
            waiting: [first, second, third],
            original,
            table: String::new(),
            wrong: Vec::new(),
        }
    }

    /// Everything that a command can change, as the API shows it.
    async fn everything(&self) -> (Value, Value, Value) {
        let handovers = self.district.person.get("/districts/demo/handovers?limit=100").await.unwrap();
        let tasks = self.district.person.get("/districts/demo/tasks?limit=100").await.unwrap();
        let outcomes = self.district.person.get(&format!("{OUTCOMES}?limit=100")).await.unwrap();
        let webhook = self.district.person.get(WEBHOOK).await.unwrap();
        let briefings = self.district.person.get("/districts/demo/briefings?limit=100").await.unwrap();
        let exports = self.district.person.get("/districts/demo/exports?limit=100").await.unwrap();
        let rewards = self.district.person.get("/districts/demo/rewards?limit=100").await.unwrap();
        let fund = self.district.person.get(&rewards::fund(&self.world)).await.unwrap();
        let rules = self.district.person.get("/districts/demo/reward-rules").await.unwrap();
        let runs = self.district.person.get("/districts/demo/awards").await.unwrap();
        let others = json!([
            tasks.body,
            outcomes.body,
            webhook.body,
            briefings.body,
            exports.body,
            rewards.body,
            fund.body,
            rules.body,
            runs.body
        ]);
        (self.district.lists("/reports?limit=100").await.body, others, handovers.body)
    }

    fn heading(&mut self, title: &str) {
        write!(self.table, "\n# {title}\n\n").unwrap();
    }

    /// Sends what a row says; gives how it was answered, in words.
    async fn outcome(&mut self, row: &Row) -> String {
        self.world.requests();
        let answer = row.send().await;
        let writes = ["TransactWriteItems", "PutItem", "UpdateItem", "DeleteItem"];
        let written = self.world.requests().iter().any(|request| writes.contains(&request.as_str()));
        let told = told(&answer);
        let mut complain = |what: String| self.wrong.push(format!("{} {}: {}: {what}", row.method, row.path, row.what));
        let (status, kind, pointers) = &row.expected;
        if (answer.status, answer.text("/type")) != (*status, &*format!("/problems/{kind}")) {
            complain(format!("is not {status} {kind} but {told}"));
        }
        if answer.headers.get("content-type").is_none_or(|kind| kind != "application/problem+json") {
            complain("is no problem+json".to_owned());
        }
        if answer.body["status"] != answer.status || answer.text("/title").is_empty() {
            complain(format!("is no whole problem: {}", answer.body));
        }
        let named = each(&answer.body["errors"], "pointer");
        if named != *pointers {
            complain(format!("names {named:?}, not {pointers:?}"));
        }
        if written {
            complain("wrote something".to_owned());
        }
        told
    }

    /// Tries rows that stand for themselves.
    async fn rows(&mut self, title: &str, rows: Vec<Row>) {
        self.heading(title);
        let before = self.everything().await;
        for row in rows {
            let told = self.outcome(&row).await;
            writeln!(self.table, "{:<44} → {told}", row.what).unwrap();
        }
        assert_eq!(self.everything().await, before, "{title}: what is refused changes nothing");
    }

    /// Tries the same on many operations, and shows once what all of them answer.
    async fn everywhere(&mut self, title: &str, rows: Vec<Row>) {
        self.heading(title);
        let before = self.everything().await;
        let mut names = Vec::new();
        let mut outcomes: BTreeMap<(usize, String), Vec<String>> = BTreeMap::new();
        for row in rows {
            let told = self.outcome(&row).await;
            let index = names.iter().position(|name| *name == row.what).unwrap_or_else(|| {
                names.push(row.what.clone());
                names.len() - 1
            });
            let operations = outcomes.entry((index, told)).or_default();
            if operations.last() != Some(&row.operation()) {
                operations.push(row.operation());
            }
        }
        assert_eq!(self.everything().await, before, "{title}: what is refused changes nothing");
        for (index, name) in names.iter().enumerate() {
            let same: Vec<_> = outcomes.iter().filter(|((of, _), _)| *of == index).collect();
            for ((_, told), operations) in &same {
                let count = format!("{name} ({} operations)", operations.len());
                writeln!(self.table, "{count:<60} → {told}").unwrap();
                if same.len() > 1 {
                    writeln!(self.table, "    {}", operations.join(", ")).unwrap();
                }
            }
        }
    }

    /// The operations that change something, each with a request that is as it should be.
    fn posts(&self) -> Vec<Post> {
        let post = |person: &Person, keys: &Keys, operation, code: Option<&String>, versioned, body| Post {
            person: person.clone(),
            keys: keys.clone(),
            operation,
            code: code.cloned(),
            path: None,
            seen: None,
            versioned,
            body,
        };
        let text = json!({ "text": "The one by the gate." });
        let reporter = |operation, code, versioned, body| {
            post(&self.reporter.person, &self.reporter.keys, operation, code, versioned, body)
        };
        let mut posts = vec![
            reporter("/reports", None, false, Some(json!({ "category": "hazard", "text": "A lamp is broken." }))),
            reporter("/media", None, false, Some(announcement(&jpeg(9)))),
            reporter("/reports/{report_id}/messages", Some(&self.asked), false, Some(text.clone())),
            reporter("/reports/{report_id}/answer", Some(&self.asked), true, Some(text.clone())),
            reporter("/reports/{report_id}/withdraw", Some(&self.asked), true, None),
        ];
        let reviewers = [
            (
                &*self.officer,
                "/officer-review/reports/{report_id}/messages",
                "/officer-review/reports/{report_id}/decisions",
            ),
            (
                &*self.station,
                "/station-review/reports/{report_id}/messages",
                "/station-review/reports/{report_id}/decisions",
            ),
            (
                &*self.district,
                "/district-review/reports/{report_id}/messages",
                "/district-review/reports/{report_id}/decisions",
            ),
        ];
        for ((reviewer, messages, decisions), code) in reviewers.into_iter().zip(&self.waiting) {
            let (person, keys) = (&reviewer.person, &reviewer.keys);
            posts.push(post(person, keys, messages, Some(code), false, Some(text.clone())));
            posts.push(post(person, keys, decisions, Some(code), true, Some(json!({ "decision": "approve" }))));
        }
        let why = json!({ "reason": "The court asks for the file." });
        let (district, keys) = (&self.district.person, &self.district.keys);
        let original = post(district, keys, "/reports/{report_id}/media/{media_id}/original", None, false, Some(why));
        posts.push(Post { path: Some(self.original.clone()), ..original });
        posts
    }
}

impl Desk {
    /// The operations on members that change something, each with a request that is as it should be.
    async fn posts_on_members(&self) -> Vec<Post> {
        let (officer, keys) = (&self.officer.person, &self.officer.keys);
        let (station, custodian) = (&self.station.person, self.world.person("custodian").await);
        let base = "/districts/demo";
        let person = |phone: &str| json!({ "name": "王秀兰", "phone": phone });
        let mut new = person("13800138000");
        new["node"] = json!("demo.north.plum-garden");
        new["kind"] = json!("shop");
        let made = officer.post(&format!("{base}/members"), keys.next(), None, &new).await.unwrap();
        let member = format!("{base}/members/{}", expect(made, 201).text("/id"));
        let asked = json!({ "reason": "Life in danger." });
        let opening = station.post(&format!("{member}/openings"), keys.next(), None, &asked).await.unwrap();
        let opening = format!("{member}/openings/{}", expect(opening, 201).text("/id"));
        let community = json!({ "node": "demo.north.plum-garden" });
        let invite = officer.post(&format!("{base}/invites"), keys.next(), None, &community).await.unwrap();
        let join = format!("/join/{}", expect(invite, 201).text("/code"));
        new["phone"] = json!("13800138001");
        let post = |person: &Person, operation, path: String, versioned, body| Post {
            person: person.clone(),
            keys: keys.clone(),
            operation,
            code: None,
            path: Some(path),
            seen: None,
            versioned,
            body,
        };
        vec![
            post(officer, "/districts/{district}/members", format!("{base}/members"), false, Some(new)),
            post(officer, "/districts/{district}/invites", format!("{base}/invites"), false, Some(community)),
            post(
                officer,
                "/districts/{district}/members/{member_id}/invitation",
                format!("{member}/invitation"),
                false,
                None,
            ),
            post(
                officer,
                "/districts/{district}/members/{member_id}/changes",
                format!("{member}/changes"),
                true,
                Some(json!({ "change": "suspend", "reason": "Lost the phone." })),
            ),
            post(
                station,
                "/districts/{district}/members/{member_id}/openings",
                format!("{member}/openings"),
                false,
                Some(asked),
            ),
            post(
                &custodian,
                "/districts/{district}/members/{member_id}/openings/{opening_id}/decision",
                format!("{opening}/decision"),
                false,
                Some(json!({ "decision": "refuse", "reason": "Not needed." })),
            ),
            post(&self.world.stranger(), "/join/{code}", join, false, Some(person("13900139000"))),
        ]
    }
}

impl Desk {
    /// The operations on tasks that are made under a key, each with a request that is as it should be.
    async fn posts_on_tasks(&self) -> Vec<Post> {
        let officer = self.world.manager("officer-lantern").await;
        let draft = tasks::drafted(&self.world).await;
        let tasks = "/districts/demo/tasks".to_owned();
        let post = |operation, path, versioned, body| Post {
            person: officer.person.clone(),
            keys: officer.keys.clone(),
            operation,
            code: None,
            path: Some(path),
            seen: None,
            versioned,
            body: Some(body),
        };
        let says = tasks::task(&self.world, &[LANTERN]);
        let steps = format!("{tasks}/{draft}/steps");
        vec![
            post("/districts/{district}/tasks", tasks, false, says),
            post("/districts/{district}/tasks/{task_id}/steps", steps, true, json!({ "step": "publish" })),
        ]
    }

    /// The operations on outcomes, each with a request that is as it should be.
    async fn posts_on_outcomes(&self) -> Vec<Post> {
        let report = outcomes::adopted(&self.world, "north", "plum-garden").await;
        let outcome = outcomes::recorded(&self.world, "plum-garden", &report).await;
        let post = |operation, path, versioned, body| Post {
            person: self.officer.person.clone(),
            keys: self.officer.keys.clone(),
            operation,
            code: None,
            path: Some(path),
            seen: None,
            versioned,
            body: Some(body),
        };
        let steps = format!("{OUTCOMES}/{outcome}/steps");
        let correct = json!({
            "step": "correct", "kind": "cases_solved", "count": 1, "on": "2026-08-10", "evidence": "The file.",
        });
        vec![
            post("/districts/{district}/outcomes", OUTCOMES.to_owned(), false, outcomes::arrest(&[&report])),
            post("/districts/{district}/outcomes/{outcome_id}/steps", steps, true, correct),
        ]
    }

    /// The operations on the webhooks of agencies that are made under a key.
    async fn posts_on_webhooks(&self) -> Vec<Post> {
        let delivery = webhooks::delivery(&self.world, "market-regulation").await;
        let post = |operation, rest: String, versioned| Post {
            person: self.district.person.clone(),
            keys: self.district.keys.clone(),
            operation,
            code: None,
            path: Some(format!("{WEBHOOK}{rest}")),
            seen: None,
            versioned,
            body: None,
        };
        let replay = "/districts/{district}/agencies/{agency}/webhook/deliveries/{delivery_id}/replay";
        vec![
            post("/districts/{district}/agencies/{agency}/webhook/secret", "/secret".to_owned(), true),
            post(replay, format!("/deliveries/{delivery}/replay"), false),
        ]
    }

    /// The operations on hand-overs that change something, each with a request that is as it should be.
    async fn posts_on_handovers(&self) -> Vec<Post> {
        let world = &self.world;
        let (district, fire) = (Hand::of(world, "district-police").await, Hand::of(world, "agency-fire").await);
        let [passed, closed, asked] =
            [handovers::adopted(world).await, handovers::adopted(world).await, handovers::adopted(world).await];
        let codes = [
            district.hands_over(&asked, &handovers::to_fire()).await.remove(0),
            district.hands_over(&asked, &handovers::to_fire()).await.remove(0),
        ];
        fire.takes(&codes[0], &json!({ "step": "ask", "text": "Which gate?" })).await;
        fire.opens(&codes[1]).await;
        let post = |hand: &Hand, operation, path: String, seen, body| Post {
            person: hand.person.clone(),
            keys: hand.keys.clone(),
            operation,
            code: None,
            path: Some(path),
            seen,
            versioned: true,
            body: Some(body),
        };
        let report = |code: &str, rest: &str| format!("/districts/demo/reports/{code}{rest}");
        let seen = |code: &str| Some(format!("/district-review/reports/{code}"));
        vec![
            post(
                &district,
                "/districts/{district}/reports/{report_id}/handovers",
                report(&passed, "/handovers"),
                seen(&passed),
                handovers::to_fire(),
            ),
            post(
                &district,
                "/districts/{district}/reports/{report_id}/close",
                report(&closed, "/close"),
                seen(&closed),
                json!({ "note": "Done." }),
            ),
            post(
                &district,
                "/districts/{district}/handovers/{handover_id}/steps",
                format!("/districts/demo/handovers/{}/steps", codes[0]),
                None,
                json!({ "step": "answer", "text": "The one by the river." }),
            ),
            post(
                &fire,
                "/me/handovers/{handover_id}/steps",
                format!("/me/handovers/{}/steps", codes[1]),
                None,
                json!({ "step": "refuse", "reason": "It is not ours." }),
            ),
        ]
    }

    /// The operations on rewards and on the fund that are made under a key.
    async fn posts_on_rewards(&self) -> Vec<Post> {
        let world = &self.world;
        rewards::ruled(world).await;
        let waits = rewards::of_report(world, &handovers::adopted(world).await).await;
        let declined = rewards::declined(world).await;
        let district = Hand::of(world, "district-police").await;
        let reporter = Hand::of(world, "reporter-boatyard-1").await;
        let post = |hand: &Hand, operation, path: String, seen: Option<String>, body| Post {
            person: hand.person.clone(),
            keys: hand.keys.clone(),
            operation,
            code: None,
            path: Some(path),
            versioned: seen.is_some(),
            seen,
            body: Some(body),
        };
        let run = awards::failed(world).await;
        let (fund, reward) = (rewards::fund(world), format!("/districts/demo/rewards/{waits}"));
        let decline = json!({ "step": "decline", "reason": "outside_rules", "note": "It is not rewarded." });
        vec![
            post(
                &district,
                "/districts/{district}/funds/{year}/movements",
                format!("{fund}/movements"),
                Some(fund),
                json!({ "movement": "grant", "amount_fen": 100, "reason": "Budget." }),
            ),
            post(
                &district,
                "/districts/{district}/reward-rules",
                "/districts/demo/reward-rules".to_owned(),
                None,
                rewards::rules(&rewards::today(world).to_string()),
            ),
            post(
                &district,
                "/districts/{district}/reward-rules/dry-run",
                "/districts/demo/reward-rules/dry-run".to_owned(),
                None,
                rewards::to_try(world),
            ),
            post(
                &district,
                "/districts/{district}/rewards/{reward_id}/steps",
                format!("{reward}/steps"),
                Some(reward),
                decline,
            ),
            post(
                &district,
                "/districts/{district}/awards/{award}/{from}/{to}/steps",
                format!("{run}/steps"),
                Some(run),
                json!({ "step": "resume" }),
            ),
            post(
                &reporter,
                "/me/rewards/{reward_id}/appeal",
                format!("/me/rewards/{declined}/appeal"),
                None,
                json!({ "text": "I was the first." }),
            ),
        ]
    }

    /// The operations by which shares are paid that are made under a key, in a world that has rules and a fund.
    async fn posts_on_payouts(&self) -> Vec<Post> {
        let world = &self.world;
        let paying = Prepared::in_world(world).await;
        let (reporter, treasurer) = (Hand::of(world, paying.reporter).await, Hand::of(world, "treasurer").await);
        let manager = Hand::of(world, "district-governance").await;
        let post = |hand: &Hand, operation, path: String, versioned, body| Post {
            person: hand.person.clone(),
            keys: hand.keys.clone(),
            operation,
            code: None,
            path: Some(path),
            versioned,
            seen: None,
            body,
        };
        let mine = |rest: &str| format!("/me/rewards/{}{rest}", paying.fresh);
        let of = |batch: &str, rest: &str| format!("/districts/demo/batches/{batch}{rest}");
        let step = |step: &str| Some(json!({ "step": step }));
        vec![
            post(&reporter, "/me/rewards/{reward_id}/claim-code", mine("/claim-code"), false, None),
            post(&reporter, "/me/rewards/{reward_id}/transfer", mine("/transfer"), false, None),
            post(
                &treasurer,
                "/districts/{district}/payouts/checks",
                "/districts/demo/payouts/checks".to_owned(),
                false,
                Some(paying.shown.clone()),
            ),
            post(
                &manager,
                "/districts/{district}/rewards/{reward_id}/payouts/{share}/steps",
                format!("/districts/demo/rewards/{}/payouts/0/steps", paying.checked),
                true,
                step("confirm"),
            ),
            post(&treasurer, "/districts/{district}/batches", "/districts/demo/batches".to_owned(), false, None),
            post(
                &treasurer,
                "/districts/{district}/batches/{batch_id}/lines",
                of(&paying.gathering, "/lines"),
                true,
                Some(paying.shares.clone()),
            ),
            post(
                &manager,
                "/districts/{district}/batches/{batch_id}/steps",
                of(&paying.full, "/steps"),
                true,
                step("release"),
            ),
            post(
                &treasurer,
                "/districts/{district}/batches/{batch_id}/answer",
                of(&paying.released, "/answer"),
                false,
                Some(Value::String(paying.answer.clone())),
            ),
        ]
    }

    /// The operations on briefings and exports that are made under a key, each with a request that is as it should be.
    async fn posts_on_briefings(&self) -> Vec<Post> {
        let made = briefings::made(&self.world).await;
        let briefings = "/districts/demo/briefings".to_owned();
        let post = |operation, path, body| Post {
            person: self.district.person.clone(),
            keys: self.district.keys.clone(),
            operation,
            code: None,
            path: Some(path),
            seen: None,
            versioned: false,
            body: Some(body),
        };
        let comments = format!("{briefings}/{made}/comments");
        let said = json!({ "text": "The bridge has a camera now." });
        vec![
            post("/districts/{district}/briefings", briefings, briefings::week(&self.world)),
            post(
                "/districts/{district}/exports",
                "/districts/demo/exports".to_owned(),
                exports::this_month(&self.world),
            ),
            post("/districts/{district}/briefings/{briefing_id}/comments", comments, said),
        ]
    }
}

/// What a phone announces of a picture.
fn announcement(picture: &Picture) -> Value {
    let digest = pingan_domain::hash::Digest::of_file(&picture.bytes);
    json!({ "content_type": picture.content_type, "size_bytes": picture.bytes.len(), "sha256": digest })
}

/// An answer in words: its status, its problem, and every field that it names.
fn told(answer: &Answer) -> String {
    let kind = answer.text("/type").trim_start_matches("/problems/");
    let mut told = format!("{} {kind}", answer.status);
    if let Some(version) = answer.body["version"].as_u64() {
        write!(told, ", version {version}").unwrap();
    }
    for error in answer.body["errors"].as_array().into_iter().flatten() {
        write!(told, "\n        {}: {}", error["pointer"], error["detail"].as_str().unwrap()).unwrap();
    }
    told
}

/// An operation that changes something, and a request that it would take.
struct Post {
    person: Person,
    keys: Keys,
    operation: &'static str,
    code: Option<String>,
    /// The path, where it is no report's.
    path: Option<String>,
    /// Where its version is seen, where that is not the path without its last part.
    seen: Option<String>,
    /// Whether it wants `If-Match`.
    versioned: bool,
    body: Option<Value>,
}

impl Post {
    fn path(&self) -> String {
        if let Some(path) = &self.path {
            return path.clone();
        }
        self.operation.replace("{report_id}", self.code.as_deref().unwrap_or_default())
    }

    /// The version of the report, as a person would know it.
    async fn version(&self) -> Option<u64> {
        if !self.versioned {
            return None;
        }
        let path = self.path();
        let (above, _) = path.rsplit_once('/').unwrap();
        self.person.get(self.seen.as_deref().unwrap_or(above)).await.unwrap().version()
    }

    /// The request as it should be, to be spoilt in one respect.
    async fn row(&self, what: &str, expected: Expected) -> Row {
        let mut headers = vec![("idempotency-key", self.keys.next().to_string())];
        if let Some(version) = self.version().await {
            headers.push(("if-match", format!("\"{version}\"")));
        }
        if self.body.is_some() {
            headers.push(("content-type", "application/json".to_owned()));
        }
        Row {
            what: what.to_owned(),
            person: self.person.clone(),
            method: Method::POST,
            operation: self.operation,
            path: self.path(),
            headers,
            // A file is not JSON.
            body: self.body.as_ref().map(|body| body.as_str().map_or_else(|| body.to_string(), str::to_owned)),
            expected,
        }
    }
}

/// The status and the kind of a problem, and the fields that it names.
type Expected = (u16, &'static str, Vec<String>);

fn names<const N: usize>(pointers: [&str; N]) -> Expected {
    (400, "invalid", pointers.map(ToOwned::to_owned).to_vec())
}

fn is(status: u16, kind: &'static str) -> Expected {
    (status, kind, Vec::new())
}

/// One request that is not as it should be.
struct Row {
    what: String,
    person: Person,
    method: Method,
    operation: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Option<String>,
    expected: Expected,
}

impl Row {
    fn get(what: &str, person: &Person, path: impl Into<String>, expected: Expected) -> Self {
        Self {
            what: what.to_owned(),
            person: person.clone(),
            method: Method::GET,
            operation: "",
            path: path.into(),
            headers: Vec::new(),
            body: None,
            expected,
        }
    }

    fn operation(&self) -> String {
        format!("{} {}", self.method, if self.operation.is_empty() { &self.path } else { self.operation })
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self = self.without(name);
        self.headers.push((name, value.into()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self
    }

    fn raw(mut self, body: impl Into<String>) -> Self {
        self.body = Some(body.into());
        self
    }

    fn field(self, field: &str, value: Value) -> Self {
        let mut body: Value = serde_json::from_str(self.body.as_deref().unwrap()).unwrap();
        body[field] = value;
        self.raw(body.to_string())
    }

    async fn send(&self) -> Answer {
        self.person.send(self.method.clone(), &self.path, &self.headers, self.body.clone()).await.unwrap()
    }
}

/// In the cloud, API Gateway answers these by itself.
#[tokio::test]
async fn what_no_function_has_is_a_problem_too() {
    let world = World::start_here().await;
    let reporter = world.person("reporter-ferry-1").await;
    world.requests();
    for path in ["/rewards", "/reports/%FF"] {
        expect_problem(&reporter.get(path).await.unwrap(), 404, "not_found");
    }
    for (method, path) in
        [(Method::DELETE, "/reports"), (Method::PUT, "/media"), (Method::PATCH, "/officer-review/queue")]
    {
        expect_problem(&reporter.send(method, path, &[], None).await.unwrap(), 405, "method_not_allowed");
    }
    assert_eq!(world.requests(), [""; 0], "nothing is looked up or written");
}

#[tokio::test]
async fn what_is_refused_and_how() {
    let mut desk = Desk::new().await;
    let reports = desk.posts();
    let members = desk.posts_on_members().await;
    let tasks = desk.posts_on_tasks().await;
    let outcomes = desk.posts_on_outcomes().await;
    let webhooks = desk.posts_on_webhooks().await;
    let passed = desk.posts_on_handovers().await;
    let on_briefings = desk.posts_on_briefings().await;
    let on_rewards = desk.posts_on_rewards().await;
    let on_payouts = desk.posts_on_payouts().await;
    let document = openapi::described();
    let all = [&reports, &members, &tasks, &outcomes, &webhooks, &passed, &on_briefings, &on_rewards, &on_payouts];
    let mut known: Vec<_> = all.into_iter().flatten().map(|post| post.operation.to_owned()).collect();
    let mut described: Vec<_> = openapi::operations(&document)
        .into_iter()
        .filter_map(|(method, path, _)| (method == "POST").then_some(path))
        .collect();
    known.sort();
    described.sort();
    assert_eq!(known, described, "every POST has its row in `Desk::posts`");

    for posts in all {
        headers(&mut desk, posts).await;
        bodies(&mut desk, posts).await;
    }
    fields::of_members(&mut desk, &members).await;
    fields::of_tasks(&mut desk, &tasks).await;
    fields::of_briefings(&mut desk, &on_briefings).await;
    fields::of_exports(&mut desk, &on_briefings).await;
    fields::of_rewards(&mut desk, &on_rewards).await;
    fields::of_payouts(&mut desk, &on_payouts).await;
    fields::of_answers_to_tasks(&mut desk).await;
    fields::of_outcomes(&mut desk, &outcomes).await;
    fields::of_webhooks(&mut desk).await;
    fields::of_handovers(&mut desk, &passed).await;
    fields::of_reports(&mut desk).await;
    fields::of_media(&mut desk).await;
    fields::of_originals(&mut desk).await;
    fields::of_answers_and_messages(&mut desk).await;
    fields::of_decisions(&mut desk).await;
    attached_media(&mut desk).await;
    codes_and_paths(&mut desk, &reports).await;
    lists(&mut desk).await;

    insta::assert_snapshot!("what_is_refused_and_how", without_ids(&desk.table));
    assert!(desk.wrong.is_empty(), "{}", desk.wrong.join("\n"));
    assert!(!desk.table.contains("→ 5"), "nothing of this is a fault of the bundle");

    // What was spoilt in one respect each time would have been taken.
    for post in all.into_iter().flatten() {
        let row = post.row("as it should be", is(0, "")).await;
        let answer = row.send().await;
        assert!(matches!(answer.status, 200..=202), "{}: {}", row.operation(), answer.body);
    }
}

async fn headers(desk: &mut Desk, posts: &[Post]) {
    let mut rows = Vec::new();
    for post in posts {
        let key = || names(["Idempotency-Key"]);
        rows.push(post.row("no Idempotency-Key", key()).await.without("idempotency-key"));
        for bad in ["", "1", "not-a-uuid", "00000000-0000-0000-0000-00000000000g"] {
            rows.push(post.row(&format!("Idempotency-Key: {bad:?}"), key()).await.header("idempotency-key", bad));
        }
        if post.versioned {
            rows.push(post.row("no If-Match", is(428, "version_missing")).await.without("if-match"));
            for bad in ["1", "\"\"", "\"one\"", "\"-1\"", "*", "W/\"1\"", "\"1\", \"2\""] {
                let row = post.row(&format!("If-Match: {bad}"), names(["If-Match"])).await;
                rows.push(row.header("if-match", bad));
            }
            let version = post.version().await.unwrap();
            for stale in [0, version + 1, u64::MAX] {
                let row = post.row("If-Match of another version", is(412, "version_stale")).await;
                rows.push(row.header("if-match", format!("\"{stale}\"")));
            }
        }
    }
    desk.everywhere("The headers of what changes something", rows).await;
}

async fn bodies(desk: &mut Desk, posts: &[Post]) {
    let mut rows = Vec::new();
    for post in posts.iter().filter(|post| post.body.as_ref().is_some_and(|body| !body.is_string())) {
        let whole = names([""]);
        rows.push(post.row("no Content-Type", is(415, "not_json")).await.without("content-type"));
        for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx"] {
            let row = post.row(&format!("Content-Type: {kind}"), is(415, "not_json")).await;
            rows.push(row.header("content-type", kind));
        }
        for (what, body) in [
            ("nothing", ""),
            ("half an object", "{"),
            ("no JSON", "text=hello"),
            ("a list", "[]"),
            ("a text", "\"hello\""),
            ("null", "null"),
        ] {
            rows.push(post.row(&format!("the body is {what}"), whole.clone()).await.raw(body));
        }
        let twice = format!("{0} {0}", post.body.as_ref().unwrap());
        rows.push(post.row("the body is two objects", whole.clone()).await.raw(twice));
        let row = post.row("an unknown field", names(["/colour"])).await;
        rows.push(row.field("colour", json!("red")));
        let large = post.body.as_ref().unwrap().to_string();
        let large = large + &" ".repeat(MAX_BODY_BYTES + 1);
        rows.push(post.row("more than 64 KiB", is(413, "too_large")).await.raw(large));
    }
    desk.everywhere("The bodies of what changes something", rows).await;
}

async fn attached_media(desk: &mut Desk) {
    let reporter = desk.reporter.clone();
    let neighbours = desk.neighbour.takes_photo().await;
    let attached = reporter.takes_photo().await;
    desk.reporter.reports("With a photo.").with_media(attached).send().await;
    let ready = reporter.takes_photo().await;
    let mut refused = Vec::new();
    for bytes in [picture(ImageFormat::Png, 1).bytes, b"I am no picture.".to_vec()] {
        let id = reporter.person.upload(reporter.keys.next(), "image/jpeg", bytes).await.unwrap();
        assert_eq!(reporter.person.verdict(id).await.unwrap().text("/state"), "refused");
        refused.push(id);
    }
    let photo = jpeg(77);
    let announced = reporter.person.announce(reporter.keys.next(), "image/jpeg", &photo.bytes).await.unwrap();
    let pending: Uuid = announced.text("/id").parse().unwrap();

    let posts = desk.posts();
    let mut rows = Vec::new();
    for post in posts.iter().filter(|post| ["/reports", "/reports/{report_id}/answer"].contains(&post.operation)) {
        let too_many: Vec<_> = (1..=21).map(Uuid::from_u128).collect();
        let hundreds: Vec<_> = (1..=300).map(Uuid::from_u128).collect();
        for (what, media, expected) in [
            ("that nobody announced", json!([Uuid::nil()]), names(["/media/0"])),
            ("of somebody else", json!([ready, neighbours]), names(["/media/1"])),
            ("that is named twice", json!([ready, ready]), names(["/media/1"])),
            ("that a report has already", json!([attached]), names(["/media/0"])),
            ("that is a PNG called JPEG", json!([refused[0]]), names(["/media/0"])),
            ("that is a text called JPEG", json!([refused[1]]), names(["/media/0"])),
            ("that is not yet checked", json!([ready, pending]), is(409, "media_pending")),
            ("not yet checked, and one unknown", json!([pending, Uuid::nil()]), names(["/media/1"])),
            ("whose id is none", json!([ready, "x"]), names(["/media/1"])),
            ("in place of a list", json!(ready), names(["/media"])),
            ("and twenty more", json!(too_many), names(["/media"])),
            ("and 299 more", json!(hundreds), names(["/media"])),
        ] {
            rows.push(post.row(&format!("a medium {what}"), expected).await.field("media", media));
        }
    }
    desk.everywhere("Media of reports and answers", rows).await;
}

async fn codes_and_paths(desk: &mut Desk, posts: &[Post]) {
    let mut rows = Vec::new();
    let [code, ..] = &desk.waiting;
    // The last character checks the others: one that was misheard is found.
    let last = if code.ends_with('0') { '1' } else { '0' };
    let misheard = format!("{}{last}", &code[..code.len() - 1]);
    let (reporter, officer) = (&desk.reporter.person, &desk.officer.person);
    let bad = [("misheard", &*misheard), ("too short", "ABC"), ("too long", "00000-00000-0"), ("no code", "线索")];
    for post in posts.iter().filter(|post| post.code.is_some()) {
        for (what, code) in bad {
            let mut row = post.row(&format!("a code that is {what}"), names(["report_id"])).await;
            row.path = post.operation.replace("{report_id}", code);
            rows.push(row);
        }
        let mut row = post.row("a code that no report has", is(404, "not_found")).await;
        row.path = post.operation.replace("{report_id}", UNKNOWN_CODE);
        rows.push(row);
    }
    for (person, operation) in [
        (reporter, "/reports/{report_id}"),
        (officer, "/officer-review/reports/{report_id}"),
        (officer, "/reports/{report_id}/media/00000000-0000-0000-0000-000000000000/link"),
    ] {
        for (what, code) in bad {
            let path = operation.replace("{report_id}", code);
            let mut row = Row::get(&format!("a code that is {what}"), person, path, names(["report_id"]));
            row.operation = operation;
            rows.push(row);
        }
        let path = operation.replace("{report_id}", UNKNOWN_CODE);
        let mut row = Row::get("a code that no report has", person, path, is(404, "not_found"));
        row.operation = operation;
        rows.push(row);
    }
    let others = vec![
        Row::get("GET /media/x", reporter, "/media/x", names(["media_id"])),
        Row::get("GET /media/x/upload", reporter, "/media/x/upload", names(["media_id"])),
        Row::get("a link to medium x", officer, format!("/reports/{code}/media/x/link"), names(["media_id"])),
        Row::get("a medium that nobody announced", reporter, format!("/media/{}", Uuid::nil()), is(404, "not_found")),
    ];
    desk.everywhere("Codes of reports", rows).await;
    desk.rows("Paths", others).await;
}

async fn lists(desk: &mut Desk) {
    let (reporter, neighbour) = (&desk.reporter.person, &desk.neighbour.person);
    let (officer, station, district) = (&desk.officer.person, &desk.station.person, &desk.district.person);
    let fire = desk.world.person("agency-fire").await;
    let all = [
        (reporter, "/reports"),
        (officer, "/officer-review/queue"),
        (officer, "/officer-review/reports"),
        (officer, "/officer-review/open"),
        (officer, "/officer-review/overdue"),
        (station, "/station-review/queue"),
        (station, "/station-review/reports"),
        (district, "/district-review/queue"),
        (district, "/district-review/reports"),
        (district, "/district-review/open"),
        (district, "/district-review/overdue"),
        (district, "/districts/demo/handovers"),
        (&fire, "/me/handovers"),
    ];
    let cursor = async |person: &Person, list: &str| -> String {
        let page = expect(person.get(&format!("{list}?limit=1")).await.unwrap(), 200);
        page.text("/next").to_owned()
    };
    let mine = cursor(reporter, "/reports").await;
    let neighbours = cursor(neighbour, "/reports").await;
    let queue = cursor(officer, "/officer-review/queue").await;
    let territory = cursor(officer, "/officer-review/reports").await;
    assert!([&mine, &neighbours, &queue, &territory].iter().all(|cursor| !cursor.is_empty()));

    let mut rows = Vec::new();
    for (person, list) in all {
        for (what, query, parameter) in [
            ("limit=0", "limit=0".to_owned(), "limit"),
            ("limit=101", "limit=101".to_owned(), "limit"),
            ("limit=abc", "limit=abc".to_owned(), "limit"),
            ("limit=-1", "limit=-1".to_owned(), "limit"),
            ("limit=", "limit=".to_owned(), "limit"),
            ("an unknown parameter", "colour=red".to_owned(), "colour"),
            ("a limit twice", "limit=1&limit=2".to_owned(), "limit"),
            ("a cursor that is empty", "cursor=".to_owned(), "cursor"),
            ("a cursor that is none", "cursor=hello".to_owned(), "cursor"),
            ("a cursor that was cut", format!("cursor={}", &mine[..mine.len() - 2]), "cursor"),
            ("a cursor of 5,000 characters", format!("cursor={}", "A".repeat(5_000)), "cursor"),
            ("the cursor of a neighbour's list", format!("cursor={neighbours}"), "cursor"),
        ] {
            rows.push(Row::get(what, person, format!("{list}?{query}"), names([parameter])));
            rows.last_mut().unwrap().operation = list;
        }
        for (what, of, cursor) in [
            ("the cursor of a reporter's list", "/reports", &mine),
            ("the cursor of an officer's queue", "/officer-review/queue", &queue),
            ("the cursor of an officer's territory", "/officer-review/reports", &territory),
        ] {
            if of != list {
                let mut row = Row::get(what, person, format!("{list}?limit=1&cursor={cursor}"), names(["cursor"]));
                row.operation = list;
                rows.push(row);
            }
        }
        if list.ends_with("/handovers") {
            let mut row = Row::get("overdue=maybe", person, format!("{list}?overdue=maybe"), names(["overdue"]));
            row.operation = list;
            rows.push(row);
        }
        if list.contains("-review/") {
            for bad in ["", "Demo", "demo..north", "demo/north", "a.b.c.d"] {
                rows.push(Row::get(&format!("node={bad}"), person, format!("{list}?node={bad}"), names(["node"])));
                rows.last_mut().unwrap().operation = list;
            }
            rows.push(Row::get("a node elsewhere", person, format!("{list}?node=other"), is(404, "not_found")));
            rows.last_mut().unwrap().operation = list;
        }
    }
    desk.everywhere("Lists", rows).await;
}

/// The report's own reader with another reader's cursor of the very same list.
#[tokio::test]
async fn a_cursor_is_its_readers_own() {
    let world = World::start().await;
    let reporter = world.reporter("ferry").await;
    for _ in 0..2 {
        let code = reporter.reports("The lamp is broken.").send().await;
        world.officer("ferry").await.approves(&code).await;
        world.station("river").await.approves(&code).await;
    }
    let police = world.district().await;
    let governance = world.person("district-governance").await;
    let cursor = police.lists("/queue?limit=1").await.text("/next").to_owned();
    police.lists(&format!("/queue?limit=1&cursor={cursor}")).await;
    let refused = governance.get(&format!("/district-review/queue?limit=1&cursor={cursor}")).await.unwrap();
    expect_problem(&refused, 400, "invalid");
    assert_eq!(refused.text("/errors/0/pointer"), "cursor");
}

#[tokio::test]
async fn the_same_key_is_the_same_request() {
    let desk = Desk::new().await;
    for post in desk.posts() {
        let mut row = post.row("first", is(0, "")).await;
        let first = row.send().await;
        assert!(matches!(first.status, 200 | 201), "{}: {}", row.operation(), first.body);
        let between = desk.everything().await;
        let again = row.send().await;
        assert_eq!((again.status, again.text("/id")), (first.status, first.text("/id")), "{}", row.operation());
        for header in ["etag", "location"] {
            assert_eq!(again.headers.get(header), first.headers.get(header), "{}: {header}", row.operation());
        }
        // The signature of an upload, or of a link, is made anew each time.
        if post.operation != "/media" && !post.operation.ends_with("/original") {
            assert_eq!(again.body, first.body, "{}", row.operation());
        }
        // White space and the order of fields are not the request.
        if let Some(body) = &row.body {
            let same = row.send_as(format!(" {body}\n")).await;
            assert_eq!((same.status, same.text("/id")), (first.status, first.text("/id")), "{}", row.operation());
        }
        let other = match post.operation {
            "/media" => row.field("size_bytes", json!(7)),
            "/reports/{report_id}/withdraw" => {
                row.path = row.path.replace("withdraw", "messages");
                row.header("content-type", "application/json").raw(json!({ "text": "No." }).to_string())
            }
            operation if operation.ends_with("/original") => row.field("reason", json!("Another one.")),
            operation if operation.ends_with("/decisions") => row.field("note", json!("Another one.")),
            _ => row.field("text", json!("Something else.")),
        };
        expect_problem(&other.send().await, 422, "idempotency_key_reused");
        assert_eq!(desk.everything().await, between, "{}", other.operation());
    }
}

impl Row {
    /// The same request with another body.
    async fn send_as(&self, body: String) -> Answer {
        self.person.send(self.method.clone(), &self.path, &self.headers, Some(body)).await.unwrap()
    }
}

#[tokio::test]
async fn a_report_waits_for_its_photo_to_be_checked() {
    let world = World::start().await;
    let reporter = world.reporter("ferry").await;
    let photo = jpeg(1);
    let announced = reporter.person.announce(reporter.keys.next(), photo.content_type, &photo.bytes).await.unwrap();
    let (key, id) = (reporter.keys.next(), announced.text("/id"));
    let body = json!({ "category": "crime", "text": "See the photo.", "media": [id] });
    let pending = reporter.person.post("/reports", key, None, &body).await.unwrap();
    expect_problem(&pending, 409, "media_pending");
    assert_eq!(pending.headers["retry-after"], "1");
    assert!(pending.text("/detail").contains(id));
    assert_eq!(reporter.mine().await, [""; 0]);

    assert_eq!(reporter.person.put(&announced.body["upload"], photo.bytes).await.unwrap(), 200);
    let sent = eventually("the same request succeeds", async || {
        let answer = reporter.person.post("/reports", key, None, &body).await.unwrap();
        (answer.status == 201).then_some(answer)
    })
    .await;
    assert_eq!(reporter.mine().await, [sent.text("/id")]);
    assert_eq!(reporter.reads(sent.text("/id")).await.text("/media/0/id"), id);
}

/// The fields in a row are not the object, although a parser may well take them for it.
#[tokio::test]
async fn the_values_of_a_body_alone_are_no_body() {
    let desk = Desk::new().await;
    let before = desk.everything().await;
    let bodies = [
        ("/reports", json!(["crime", "routine", "nobody", "A list.", null, null, []])),
        ("/media", json!(["image/jpeg", 7, "0".repeat(64)])),
        ("/reports/{report_id}/messages", json!(["A list."])),
        ("/reports/{report_id}/answer", json!(["A list.", []])),
        ("/officer-review/reports/{report_id}/decisions", json!(["approve", null, null, null, null])),
    ];
    let mut taken = Vec::new();
    for post in desk.posts() {
        let Some((_, body)) = bodies.iter().find(|(operation, _)| *operation == post.operation) else { continue };
        let answer = post.row("the values alone", names([""])).await.raw(body.to_string()).send().await;
        if answer.status != 400 || !answer.text("/errors/0/pointer").is_empty() {
            taken.push(format!("{}: {} {}", post.operation, answer.status, answer.body));
        }
    }
    assert_eq!(taken, Vec::<String>::new());
    assert_eq!(desk.everything().await, before);
}

/// What is refused at announcing is not kept: the key is as good as new.
#[tokio::test]
async fn a_refused_announcement_is_not_kept() {
    let world = World::start().await;
    let reporter = world.reporter("ferry").await;
    let key = reporter.keys.next();
    let mut body = announcement(&jpeg(1));
    body["size_bytes"] = json!(0);
    expect_problem(&reporter.person.post("/media", key, None, &body).await.unwrap(), 400, "invalid");
    let taken = expect(reporter.person.announce(key, "image/jpeg", &jpeg(1).bytes).await.unwrap(), 201);
    assert_eq!(taken.body["size_bytes"], jpeg(1).bytes.len());
}

#[tokio::test]
async fn what_just_fits_is_taken() {
    let world = World::start().await;
    let reporter = world.reporter("ferry").await;
    let officer = world.officer("ferry").await;
    // Limits are in characters, whatever the script.
    for letter in ["x", "线", "🚲"] {
        let code = reporter.reports(&letter.repeat(4_000)).at(&letter.repeat(200)).send().await;
        let text = letter.repeat(1_000);
        reporter.writes(&code, &text).await;
        officer.writes(&code, &text).await;
        officer.decides(&code, &json!({ "decision": "return", "question": text, "note": text })).await;
        reporter.answers(&code, &text).await;
        officer.approves_noting(&code, &text).await;
        assert_eq!(reporter.reads(&code).await.text("/content/text"), letter.repeat(4_000));
    }
    let lines = "One\tline,\r\nand another.\n";
    let code = reporter.reports(lines).send().await;
    assert_eq!(reporter.reads(&code).await.text("/content/text"), lines);

    let mut ten = reporter.reports("Ten photos.");
    for _ in 0..10 {
        ten = ten.with_photo();
    }
    let code = ten.send().await;
    assert_eq!(reporter.reads(&code).await.body["media"].as_array().unwrap().len(), 10);

    let body = json!({ "category": "crime", "text": "Just fits." }).to_string();
    let padded = format!("{body}{}", " ".repeat(MAX_BODY_BYTES - body.len()));
    let headers = [
        ("content-type", "Application/JSON; charset=utf-8".to_owned()),
        ("idempotency-key", format!("\"{}\"", reporter.keys.next())),
    ];
    expect(reporter.person.send(Method::POST, "/reports", &headers, Some(padded)).await.unwrap(), 201);
    for limit in [1, 100] {
        expect(reporter.person.get(&format!("/reports?limit={limit}")).await.unwrap(), 200);
    }
    // A code is read as a person writes it down.
    let sloppy = code.to_lowercase().replace('-', "");
    assert_eq!(reporter.reads(&sloppy).await.text("/id"), code);
}

/// The ids of media are made from keys, which differ where many tests share an account.
fn without_ids(table: &str) -> String {
    let words = table.split('"');
    words.map(|word| if word.parse::<Uuid>().is_ok() { "{media}" } else { word }).collect::<Vec<_>>().join("\"")
}
