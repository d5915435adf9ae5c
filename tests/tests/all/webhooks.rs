//! How the systems of agencies are told of hand-overs: by a receiver on this machine that checks signatures with code
//! of its own.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::post;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use pingan_cloud::webhooks::Patience;
use pingan_domain::code::Code;
use pingan_domain::district::Label;
use pingan_domain::handover::{Handover, HandoverState, Receiver as To};
use pingan_domain::hash::Digest;
use pingan_domain::webhook::{Delivery, WebhookEvent, WebhookId};
use pingan_local::bundle::{Bundle, Options, WebhookOptions};
use pingan_local::client::{Answer, Person};
use pingan_local::clock::Clock;
use pingan_store::{Key, item};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::harness::{DEMO, Keys, MORNING, Manager, World, dynamodb, each, eventually, expect};

/// How many at once.
const MANY: usize = 16;
/// The longest that a receiver may find the moment of a message away from its own, by the specification's libraries.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// As fast as a test wants it.
fn quick() -> WebhookOptions {
    let patience = Patience { connect: Duration::from_millis(500), whole: Duration::from_millis(500) };
    let mut options = WebhookOptions { patience, ..WebhookOptions::default() };
    options.pace.first_pause = Duration::from_millis(20);
    options
}

/// What a receiver was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Received {
    id: String,
    timestamp: i64,
    signatures: Vec<String>,
    body: String,
}

impl Received {
    /// Whether one of its signatures is by this secret, as a receiver finds out.
    fn is_signed_by(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let signed = format!("{}.{}.{}", self.id, self.timestamp, self.body);
        let expected = format!("v1,{}", STANDARD.encode(hmac(&key, signed.as_bytes())));
        self.signatures.contains(&expected)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// HMAC-SHA-256 as RFC 2104 writes it down, for keys of up to a block.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let hash = |pad: u8, message: &[u8]| {
        let mut bytes: Vec<u8> = block.iter().map(|byte| byte ^ pad).collect();
        bytes.extend_from_slice(message);
        *Digest::of_file(&bytes).bytes()
    };
    hash(0x5c, &hash(0x36, message))
}

/// How a receiver answers.
#[derive(Debug, Clone, Copy)]
enum Says {
    Status(u16),
    Nothing,
}

/// The system of an agency.
#[derive(Clone)]
struct Receiver {
    url: String,
    received: Arc<Mutex<Vec<Received>>>,
    /// How it answers next; after that, and otherwise, it takes what comes.
    says: Arc<Mutex<VecDeque<Says>>>,
}

impl Receiver {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/pingan?from=demo", listener.local_addr().unwrap());
        let receiver = Self { url, received: Arc::default(), says: Arc::default() };
        let router = Router::new().route("/pingan", post(receive)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    fn says(&self, says: impl IntoIterator<Item = Says>) {
        self.says.lock().unwrap().extend(says);
    }

    fn all(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// What it was sent, once it is this much.
    async fn has(&self, count: usize) -> Vec<Received> {
        let what = format!("{count} calls");
        let found = eventually(&what, async || Some(self.all()).filter(|all| all.len() >= count)).await;
        assert_eq!(found.len(), count, "{found:?}");
        found
    }
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let text = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert_eq!(text("content-type"), "application/json");
    let received = Received {
        id: text("webhook-id"),
        timestamp: text("webhook-timestamp").parse().unwrap(),
        signatures: text("webhook-signature").split(' ').map(ToOwned::to_owned).collect(),
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    receiver.received.lock().unwrap().push(received);
    let says = receiver.says.lock().unwrap().pop_front();
    match says {
        Some(Says::Nothing) => std::future::pending().await,
        Some(Says::Status(status)) => StatusCode::from_u16(status).unwrap(),
        None => StatusCode::NO_CONTENT,
    }
}

/// A version of a hand-over, the `number`th.
fn handover(agency: &str, number: u8, version: u64, state: HandoverState, now: Timestamp) -> Handover {
    // Written as a record, so that it reads whatever else hand-overs hold.
    let record = json!({
        "id": Code::from_digest(&Digest::of(&[b"handover", &[number]])),
        "version": version, "head": Digest::ZERO, "report": Code::from_digest(&Digest::of(&[b"report", &[number]])),
        "district": "demo", "node": "demo.north.plum-garden", "category": "hazard", "urgency": "urgent",
        "concerns": "nobody", "receiver": { "to": "agency", "agency": agency }, "asks": "请现场检查储存的化学品。",
        "state": state, "deadline_hours": 72, "due_at": now + SignedDuration::from_hours(72),
        "made_by": "district-police", "created_by": Digest::ZERO, "created_at": now, "updated_at": now,
    });
    serde_json::from_value(record).unwrap()
}

/// Sets the webhook of an agency up, and keeps a delivery by it, which nobody takes; gives its id.
pub(crate) async fn delivery(world: &World, agency: &str) -> String {
    let manager = world.manager("district-police").await;
    let path = format!("{DEMO}/agencies/{agency}/webhook");
    let body = json!({ "url": NOWHERE, "active": true });
    // In an account that many tests share, another one may have done this.
    let seen = manager.person.get(&path).await.unwrap().version().unwrap_or(0);
    let set = expect(manager.person.put_json(&path, Some(seen), &body).await.unwrap(), 200);
    if set.body["ready"] == false {
        rotated(&manager, &path, set.version()).await;
    }
    let now = world.now().unwrap_or_else(Timestamp::now);
    let delivery = Delivery::of(&handover(agency, 1, 1, HandoverState::Offered, now), now).unwrap();
    assert!(world.store().add_delivery(&delivery).await.unwrap());
    delivery.id.to_string()
}

/// A target that is as it should be, and that nobody has (RFC 6761, 6.4).
pub(crate) const NOWHERE: &str = "https://hooks.pingan.invalid/";

/// Writes a hand-over as it stands into the table, as whoever hands over does.
async fn write(bundle: &Bundle, handover: &Handover) {
    let item = item::encode(&Key::Handover(handover.id), handover).unwrap();
    let client = dynamodb(&bundle.dynamodb_url, "us-east-1");
    client.put_item().table_name("pingan-handovers").set_item(Some(item)).send().await.unwrap();
}

/// The district, and an agency with a receiver.
struct Scene {
    world: World,
    manager: Manager,
    handler: Person,
    receiver: Receiver,
    /// What the receiver was given to check with.
    secret: String,
}

const FIRE: &str = "/agencies/fire/webhook";

impl Scene {
    async fn new() -> Self {
        Self::with(quick()).await
    }

    async fn with(options: WebhookOptions) -> Self {
        let world = World::start_telling(options).await;
        let manager = world.manager("district-police").await;
        let handler = world.person("agency-fire").await;
        let receiver = Receiver::start().await;
        let secret = set_up(&manager, FIRE, &receiver.url).await;
        Self { world, manager, handler, receiver, secret }
    }

    async fn hands_over(&self, number: u8, version: u64, state: HandoverState) -> Code {
        let handover = handover("fire", number, version, state, self.world.now().unwrap());
        write(self.world.bundle(), &handover).await;
        handover.id
    }

    async fn deliveries(&self) -> Vec<Value> {
        let list = expect(self.manager.asks_for(&format!("{FIRE}/deliveries")).await, 200);
        list.body["items"].as_array().unwrap().clone()
    }

    /// The newest delivery, once it is so.
    async fn newest(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        eventually(what, async || self.deliveries().await.into_iter().next().filter(|newest| is_so(newest))).await
    }

    async fn told(&self, action: &str) -> Vec<Value> {
        let inbox = expect(self.manager.person.get("/me/inbox?limit=100").await.unwrap(), 200);
        let items = inbox.body["items"].as_array().unwrap().iter();
        items.filter(|item| item["about"] == "webhook" && item["action"] == action).cloned().collect()
    }

    /// Nothing is sent for a while.
    async fn is_quiet(&self, received: usize) {
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert_eq!(self.receiver.all().len(), received, "{:?}", self.receiver.all());
    }
}

async fn set_up(manager: &Manager, path: &str, url: &str) -> String {
    let path = format!("{DEMO}{path}");
    let body = json!({ "url": url, "active": true });
    let set = expect(manager.person.put_json(&path, Some(0), &body).await.unwrap(), 200);
    assert_eq!((set.version(), &set.body["ready"]), (Some(1), &json!(false)));
    rotated(manager, &path, set.version()).await
}

async fn rotated(manager: &Manager, path: &str, version: Option<u64>) -> String {
    let answer = rotate(&manager.person, path, manager.keys.next(), version).await;
    expect(answer, 200).text("/secret").to_owned()
}

async fn rotate(person: &Person, path: &str, key: Uuid, version: Option<u64>) -> Answer {
    person.post(&format!("{path}/secret"), key, version, &json!({})).await.unwrap()
}

async fn replay(person: &Person, id: &str, key: Uuid) -> Answer {
    person.post(&format!("{DEMO}{FIRE}/deliveries/{id}/replay"), key, None, &json!({})).await.unwrap()
}

#[tokio::test]
async fn an_agency_is_told_once_of_each_version_and_next_to_nothing() {
    let scene = Scene::new().await;
    let code = scene.hands_over(1, 1, HandoverState::Offered).await;
    let first = scene.receiver.has(1).await.remove(0);
    // The same record again, as a stream brings it that was interrupted.
    scene.hands_over(1, 1, HandoverState::Offered).await;
    scene.world.wait_minutes(1);
    scene.hands_over(1, 2, HandoverState::Accepted).await;
    let second = scene.receiver.has(2).await.remove(1);

    let morning: Timestamp = MORNING.parse().unwrap();
    let expected =
        json!({ "type": "handover.offered", "timestamp": morning, "data": { "handover": code, "version": 1 } });
    assert_eq!(first.json(), expected);
    assert_eq!((&second.json()["type"], &second.json()["data"]["version"]), (&json!("handover.accepted"), &json!(2)));
    assert_ne!(first.id, second.id);
    for received in [&first, &second] {
        assert!(received.is_signed_by(&scene.secret));
        assert!(!received.is_signed_by(&format!("whsec_{}", STANDARD.encode([7; 32]))));
        let now = scene.world.now().unwrap();
        assert!(now.duration_since(Timestamp::from_second(received.timestamp).unwrap()).abs() <= TOLERANCE);
    }
    let spoiled = Received { body: first.body.replace(":1}", ":2}"), ..first.clone() };
    assert!(!spoiled.is_signed_by(&scene.secret));

    scene.newest("the second is delivered", |newest| newest["state"] == "delivered").await;
    let deliveries = scene.deliveries().await;
    assert_eq!(each(&json!(deliveries), "id"), [second.id.as_str(), first.id.as_str()]);
    assert_eq!(deliveries[1]["attempts"], json!([{ "at": morning, "status": 204 }]));
    assert_eq!(deliveries[1]["handover"], json!(code));
    // Its own handlers see the same, page by page, and never a secret.
    let page = expect(scene.handler.get(&format!("{DEMO}{FIRE}/deliveries?limit=1")).await.unwrap(), 200);
    let next = page.text("/next").to_owned();
    let rest = expect(scene.handler.get(&format!("{DEMO}{FIRE}/deliveries?limit=1&cursor={next}")).await.unwrap(), 200);
    assert_eq!((&page.body["items"][0]["id"], &rest.body["items"][0]["id"]), (&json!(second.id), &json!(first.id)));
    let shown = expect(scene.handler.get(&format!("{DEMO}{FIRE}")).await.unwrap(), 200);
    assert_eq!(shown.body["secrets"].as_array().unwrap().len(), 1);
    assert!(!shown.body.to_string().contains("whsec_"));
    // Nor does it stand in what is stored.
    let id = WebhookId { district: "demo".parse().unwrap(), agency: Label::parse("fire").unwrap() };
    let stored = scene.world.store().load([Key::Webhook(id.clone())]).await.unwrap().webhook(&id).unwrap().unwrap();
    let bytes = STANDARD.decode(scene.secret.strip_prefix("whsec_").unwrap()).unwrap();
    let sealed = STANDARD.decode(&stored.secrets[0].sealed).unwrap();
    assert!(!sealed.windows(8).any(|window| window == &bytes[..8]));
    scene.is_quiet(2).await;
}

#[tokio::test]
async fn what_has_nobody_to_tell_is_not_told() {
    let scene = Scene::new().await;
    let now = scene.world.now().unwrap();
    let to_district = To::District { district: "elsewhere".parse().unwrap() };
    let elsewhere = Handover { receiver: to_district, ..handover("fire", 1, 1, HandoverState::Offered, now) };
    write(scene.world.bundle(), &elsewhere).await;
    write(scene.world.bundle(), &handover("market-regulation", 2, 1, HandoverState::Offered, now)).await;
    let path = format!("{DEMO}{FIRE}");
    let off = json!({ "url": scene.receiver.url, "active": false });
    let off = expect(scene.manager.person.put_json(&path, Some(2), &off).await.unwrap(), 200);
    assert_eq!((&off.body["active"], &off.body["ready"]), (&json!(false), &json!(false)));
    scene.hands_over(3, 1, HandoverState::Offered).await;
    scene.is_quiet(0).await;
    assert_eq!(scene.deliveries().await, Vec::<Value>::new());
    // From when it is on again, what comes is told; what came before is in the list of hand-overs.
    let on = json!({ "url": scene.receiver.url, "active": true });
    expect(scene.manager.person.put_json(&path, off.version(), &on).await.unwrap(), 200);
    scene.hands_over(3, 2, HandoverState::Asked).await;
    assert_eq!(scene.receiver.has(1).await[0].json()["data"]["version"], json!(2));
}

#[tokio::test]
async fn what_fails_is_tried_again_under_the_same_id_until_it_is_taken() {
    let scene = Scene::new().await;
    scene.receiver.says([Says::Status(500), Says::Status(302), Says::Status(429)]);
    scene.hands_over(1, 1, HandoverState::Offered).await;
    // The first two come at once.
    scene.receiver.has(2).await;
    let waiting = scene.newest("two attempts", |newest| newest["attempts"].as_array().unwrap().len() == 2).await;
    let morning: Timestamp = MORNING.parse().unwrap();
    let after = |minutes| morning.checked_add(SignedDuration::from_mins(minutes)).unwrap();
    assert_eq!((&waiting["state"], &waiting["next_attempt_at"]), (&json!("pending"), &json!(after(5))));
    scene.world.wait_minutes(4);
    scene.is_quiet(2).await;
    scene.world.wait_minutes(1);
    scene.receiver.has(3).await;
    let waiting = scene.newest("three attempts", |newest| newest["attempts"].as_array().unwrap().len() == 3).await;
    assert_eq!(waiting["next_attempt_at"], json!(after(35)));
    scene.is_quiet(3).await;
    scene.world.wait_minutes(30);
    let received = scene.receiver.has(4).await;
    let taken = scene.newest("it is delivered", |newest| newest["state"] == "delivered").await;
    let statuses: Vec<&Value> = taken["attempts"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, [500, 302, 429, 204]);
    assert!(received.iter().all(|one| one.id == received[0].id && one.body == received[0].body));
    assert!(received.iter().all(|one| one.is_signed_by(&scene.secret)));
    let seconds: Vec<i64> = received.iter().map(|one| one.timestamp - received[0].timestamp).collect();
    assert_eq!(seconds, [0, 0, 300, 2_100], "each is signed when it is sent");
    scene.world.wait_minutes(24 * 60);
    scene.is_quiet(4).await;
}

#[tokio::test]
async fn what_is_never_taken_is_given_up_and_can_be_sent_again_by_hand() {
    let scene = Scene::new().await;
    scene.receiver.says([Says::Status(503); 7]);
    let code = scene.hands_over(1, 1, HandoverState::Offered).await;
    scene.receiver.has(2).await;
    for (minutes, count) in [(5, 3), (30, 4), (120, 5), (300, 6), (600, 7)] {
        scene.newest("the next try", |newest| newest["attempts"].as_array().unwrap().len() == count - 1).await;
        // A retry is booked when the record has come out of the stream, whatever the time is by then.
        scene.world.wait_minutes(minutes);
        scene.receiver.has(count).await;
    }
    let failed = scene.newest("it is given up", |newest| newest["state"] == "failed").await;
    assert_eq!((failed["attempts"].as_array().unwrap().len(), &failed["next_attempt_at"]), (7, &Value::Null));
    let told = scene.told("webhook_delivery_failed").await;
    assert_eq!(told.len(), 1);
    assert!(told[0]["text"]["en"].as_str().unwrap().contains(&code.to_string()), "{told:?}");
    scene.world.wait_minutes(24 * 60);
    scene.is_quiet(7).await;

    // The agency has it sent again itself; the same request again changes nothing.
    let (id, key) = (failed["id"].as_str().unwrap(), Uuid::from_u128(7));
    let replayed = expect(replay(&scene.handler, id, key).await, 200);
    assert_eq!((replayed.text("/state"), replayed.text("/id")), ("pending", id));
    let received = scene.receiver.has(8).await;
    assert!(received.iter().all(|one| one.id == id));
    scene.newest("it is delivered", |newest| newest["state"] == "delivered").await;
    let again = expect(replay(&scene.handler, id, key).await, 200);
    assert_eq!(again.text("/state"), "delivered");
    assert_eq!(again.body["replays"].as_array().unwrap().len(), 1);
    scene.is_quiet(8).await;
    // What was delivered can be sent again as well: the receiver knows it by its id.
    expect(replay(&scene.manager.person, id, Uuid::from_u128(8)).await, 200);
    assert_eq!(scene.receiver.has(9).await[8].id, id);
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_not_called_any_more() {
    let scene = Scene::new().await;
    scene.receiver.says([Says::Status(410)]);
    scene.hands_over(1, 1, HandoverState::Offered).await;
    let failed = scene.newest("it has failed", |newest| newest["state"] == "failed").await;
    assert_eq!((&failed["attempts"][0]["status"], &failed["attempts"][0]["failure"]), (&json!(410), &json!("gone")));
    let path = format!("{DEMO}{FIRE}");
    let webhook = expect(scene.manager.person.get(&path).await.unwrap(), 200);
    assert_eq!((&webhook.body["active"], webhook.version()), (&json!(false), Some(3)));
    assert_eq!(webhook.body["gone_at"], json!(MORNING.parse::<Timestamp>().unwrap()));
    assert_eq!(scene.told("webhook_gone").await.len(), 1);
    assert_eq!(scene.told("webhook_delivery_failed").await.len(), 0);
    scene.hands_over(1, 2, HandoverState::Accepted).await;
    scene.is_quiet(1).await;
    let refused = replay(&scene.manager.person, failed["id"].as_str().unwrap(), Uuid::from_u128(77)).await;
    assert_eq!((refused.status, refused.text("/type")), (409, "/problems/webhook_off"));

    let on = json!({ "url": scene.receiver.url, "active": true });
    expect(scene.manager.person.put_json(&path, webhook.version(), &on).await.unwrap(), 200);
    expect(replay(&scene.manager.person, failed["id"].as_str().unwrap(), Uuid::from_u128(77)).await, 200);
    scene.receiver.has(2).await;
    // Every change has left its event, in one chain.
    let history = expect(scene.manager.person.get(&format!("{path}/history")).await.unwrap(), 200);
    assert_eq!(each(&history.body["events"], "action"), ["set", "rotate_secret", "gone", "set"]);
    let actors = ["district-police", "district-police", "clock", "district-police"];
    assert_eq!(each(&history.body["events"], "actor"), actors);
    let id = WebhookId { district: "demo".parse().unwrap(), agency: Label::parse("fire").unwrap() };
    let events: Vec<WebhookEvent> = scene.world.store().webhook_events(&id).await.unwrap();
    let mut previous = Digest::ZERO;
    for event in events {
        assert_eq!((event.previous, event.hash), (previous, event.compute_hash().unwrap()));
        previous = event.hash;
    }
    let head = scene.world.store().load([Key::Webhook(id.clone())]).await.unwrap().webhook(&id).unwrap().unwrap().head;
    assert_eq!(previous, head);
}

#[tokio::test]
async fn a_receiver_that_hangs_does_not_keep_the_others_waiting() {
    let mut options = quick();
    options.pace.rest = Duration::from_mins(1);
    let scene = Scene::with(options).await;
    let other = Receiver::start().await;
    let secret = set_up(&scene.manager, "/agencies/market-regulation/webhook", &other.url).await;
    scene.receiver.says([Says::Nothing; 80]);
    for number in 0..40 {
        scene.hands_over(number, 1, HandoverState::Offered).await;
    }
    let (now, begun) = (scene.world.now().unwrap(), Instant::now());
    write(scene.world.bundle(), &handover("market-regulation", 99, 1, HandoverState::Offered, now)).await;
    let received = other.has(1).await;
    // Forty calls of half a second each, one after the other, would take twenty.
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    assert!(received[0].is_signed_by(&secret));
    let hung = eventually("all are put off", async || {
        let all = scene.deliveries().await;
        let waits = |one: &Value| one["state"] == "pending" && one["next_attempt_at"] != json!(now);
        (all.len() == 40 && all.iter().all(waits)).then_some(all)
    })
    .await;
    let failures: Vec<&Value> = hung.iter().flat_map(|one| one["attempts"].as_array().unwrap()).collect();
    assert!(!failures.is_empty() && failures.iter().all(|one| one["failure"] == "timeout"), "{failures:?}");
    // While it rests, none is even tried.
    let calls = scene.receiver.all().len();
    scene.hands_over(60, 1, HandoverState::Offered).await;
    let rests = scene.newest("it is put off", |newest| newest["next_attempt_at"] != json!(now)).await;
    assert_eq!(rests["attempts"], json!([]));
    scene.is_quiet(calls).await;
}

#[tokio::test]
async fn while_a_secret_changes_both_are_signed_with() {
    let scene = Scene::new().await;
    let path = format!("{DEMO}{FIRE}");
    let key = scene.manager.keys.next();
    let first = expect(rotate(&scene.manager.person, &path, key, Some(2)).await, 200);
    let new = first.text("/secret").to_owned();
    assert_ne!(new, scene.secret);
    let bytes = STANDARD.decode(new.strip_prefix("whsec_").unwrap()).unwrap();
    assert!((24..=64).contains(&bytes.len()));
    // Who did not get the answer asks again.
    let again = expect(rotate(&scene.manager.person, &path, key, Some(2)).await, 200);
    assert_eq!((again.text("/secret"), again.version()), (new.as_str(), Some(3)));

    scene.hands_over(1, 1, HandoverState::Offered).await;
    let both = scene.receiver.has(1).await.remove(0);
    assert_eq!(both.signatures.len(), 2);
    assert!(both.is_signed_by(&scene.secret) && both.is_signed_by(&new));
    let shown = expect(scene.manager.person.get(&path).await.unwrap(), 200);
    assert_eq!(shown.body["secrets"].as_array().unwrap().len(), 2);

    scene.world.wait_minutes(24 * 60);
    scene.hands_over(1, 2, HandoverState::Accepted).await;
    let one = scene.receiver.has(2).await.remove(1);
    assert_eq!(one.signatures.len(), 1);
    assert!(!one.is_signed_by(&scene.secret) && one.is_signed_by(&new));
    // A secret that has been replaced is not shown again.
    let latest = rotated(&scene.manager, &path, Some(3)).await;
    assert_ne!(latest, new);
    scene.world.wait_minutes(24 * 60);
    let late = rotate(&scene.manager.person, &path, key, Some(2)).await;
    assert_eq!((late.status, late.text("/type")), (409, "/problems/secret_replaced"));
}

#[tokio::test]
async fn an_old_secret_that_cannot_be_opened_does_not_hold_up_the_new_one() {
    let scene = Scene::new().await;
    let new = rotated(&scene.manager, &format!("{DEMO}{FIRE}"), Some(2)).await;
    let id = WebhookId { district: "demo".parse().unwrap(), agency: Label::parse("fire").unwrap() };
    dynamodb(&scene.world.bundle().dynamodb_url, "us-east-1")
        .update_item()
        .table_name(&scene.world.store().tables().handovers)
        .set_key(Some(item::key_attributes(&Key::Webhook(id))))
        .update_expression("SET secrets[1].sealed = :sealed")
        .expression_attribute_values(":sealed", AttributeValue::S(STANDARD.encode("not sealed")))
        .send()
        .await
        .unwrap();
    scene.hands_over(1, 1, HandoverState::Offered).await;
    let told = scene.receiver.has(1).await.remove(0);
    assert_eq!((told.signatures.len(), told.is_signed_by(&new)), (1, true));
}

#[tokio::test]
async fn a_kill_between_the_record_and_the_call_or_after_it_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let start = async || {
        let clock = Clock::standing(MORNING.parse().unwrap());
        let mut options = quick();
        options.patience.whole = Duration::from_mins(1);
        Bundle::start(Options { webhooks: options, ..Options::new(folder.path(), 0, clock) }).await.unwrap()
    };
    let receiver = Receiver::start().await;
    let bundle = start().await;
    let manager = Manager::new(Person::sign_in(&bundle.url, "district-police").await.unwrap(), Keys::default());
    set_up(&manager, FIRE, &receiver.url).await;
    // It ends while the first call is under way: it was sent, and nobody knows of it.
    receiver.says([Says::Nothing]);
    let now = MORNING.parse().unwrap();
    write(&bundle, &handover("fire", 1, 1, HandoverState::Offered, now)).await;
    receiver.has(1).await;
    // A second one is recorded, and its delivery waits behind the first.
    write(&bundle, &handover("fire", 2, 1, HandoverState::Offered, now)).await;
    drop(bundle);

    let bundle = start().await;
    let received = receiver.has(3).await;
    assert_eq!(received[0].id, received[1..].iter().find(|one| one.body == received[0].body).unwrap().id);
    let manager = Manager::new(Person::sign_in(&bundle.url, "district-police").await.unwrap(), Keys::default());
    let delivered = eventually("both are delivered", async || {
        let list = expect(manager.asks_for(&format!("{FIRE}/deliveries")).await, 200);
        (each(&list.body["items"], "state") == ["delivered", "delivered"]).then_some(list)
    })
    .await;
    let attempts =
        delivered.body["items"].as_array().unwrap().iter().map(|one| one["attempts"].as_array().unwrap().len());
    assert_eq!(attempts.collect::<Vec<_>>(), [1, 1]);
    bundle.stop().await;
}

#[tokio::test]
async fn a_retry_that_was_booked_is_made_after_a_new_start() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::standing(MORNING.parse().unwrap());
    let start = async || {
        Bundle::start(Options { webhooks: quick(), ..Options::new(folder.path(), 0, clock.clone()) }).await.unwrap()
    };
    let receiver = Receiver::start().await;
    let bundle = start().await;
    let manager = Manager::new(Person::sign_in(&bundle.url, "district-police").await.unwrap(), Keys::default());
    set_up(&manager, FIRE, &receiver.url).await;
    receiver.says([Says::Status(500), Says::Status(500)]);
    write(&bundle, &handover("fire", 1, 1, HandoverState::Offered, clock.now())).await;
    receiver.has(2).await;
    let booked = async || {
        let kept = std::fs::read_to_string(folder.path().join("webhook-schedules.json")).ok()?;
        kept.contains("pingan-webhooks/").then_some(())
    };
    eventually("the next try is booked", booked).await;
    drop(bundle);
    clock.advance(SignedDuration::from_mins(5));
    let bundle = start().await;
    let manager = Manager::new(Person::sign_in(&bundle.url, "district-police").await.unwrap(), Keys::default());
    eventually("it is delivered", async || {
        let list = expect(manager.asks_for(&format!("{FIRE}/deliveries")).await, 200);
        (each(&list.body["items"], "state") == ["delivered"]).then_some(())
    })
    .await;
    // The record of the stream can come again, beside what was booked: once more at most.
    let received = receiver.all();
    assert!(matches!(received.len(), 3..=4) && received.iter().all(|one| one.id == received[0].id), "{received:?}");
    bundle.stop().await;
}

#[tokio::test]
async fn a_target_that_is_not_public_is_refused_with_its_reason() {
    let world = World::start_here().await;
    let manager = world.manager("district-police").await;
    let path = format!("{DEMO}{FIRE}");
    for url in [
        "",
        "http://hooks.example.org/",
        "https://user:secret@hooks.example.org/",
        "https://hooks.example.org:22/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://localhost/",
        "http://127.0.0.2:8080/",
        "http://10.0.0.1:8080/",
    ] {
        let body = json!({ "url": url, "active": true });
        let refused = manager.person.put_json(&path, Some(0), &body).await.unwrap();
        assert_eq!((refused.status, refused.text("/errors/0/pointer")), (400, "/url"), "{url}: {}", refused.body);
    }
    assert_eq!(manager.asks_for(FIRE).await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_leave_it_as_one_after_the_other() {
    let scene = Scene::new().await;
    let path = format!("{DEMO}{FIRE}");
    // Of changes of one version, one is first.
    let mut race = JoinSet::new();
    for number in 0..MANY {
        let (person, path) = (scene.manager.person.clone(), path.clone());
        let body = json!({ "url": format!("{}&n={number}", scene.receiver.url), "active": true });
        race.spawn(async move { person.put_json(&path, Some(2), &body).await.unwrap().status });
    }
    assert_eq!(counts(race.join_all().await), BTreeMap::from([(200, 1), (412, MANY - 1)]));
    // One command makes one secret, however often it comes.
    let key = scene.manager.keys.next();
    let mut race = JoinSet::new();
    for _ in 0..MANY {
        let (person, path) = (scene.manager.person.clone(), path.clone());
        race.spawn(async move { expect(rotate(&person, &path, key, Some(3)).await, 200).text("/secret").to_owned() });
    }
    assert_eq!(counts(race.join_all().await).len(), 1);
    // A delivery that is sent again many times at once is delivered in the end, and says by whom.
    scene.hands_over(1, 1, HandoverState::Offered).await;
    scene.receiver.has(1).await;
    let id = scene.newest("it is delivered", |newest| newest["state"] == "delivered").await["id"].clone();
    let mut race = JoinSet::new();
    for number in 0..MANY {
        let (person, id) = (scene.handler.clone(), id.as_str().unwrap().to_owned());
        // Two of each: the second is the same command.
        let key = Uuid::from_u128(number as u128 / 2 + 1);
        race.spawn(async move { replay(&person, &id, key).await.status });
    }
    assert_eq!(counts(race.join_all().await), BTreeMap::from([(200, MANY)]));
    let after = scene.newest("it is delivered again", |newest| newest["state"] == "delivered").await;
    assert_eq!(after["replays"].as_array().unwrap().len(), MANY / 2);
    let received = scene.receiver.all();
    assert!((2..=1 + MANY / 2).contains(&received.len()), "{}", received.len());
    assert!(received.iter().all(|one| json!(one.id) == id));
    assert_eq!(after["attempts"].as_array().unwrap().len(), received.len());
}

fn counts<T: Ord>(of: Vec<T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    for one in of {
        *counts.entry(one).or_default() += 1;
    }
    counts
}
