//! The budget of round trips to DynamoDB: how many requests every operation makes, counted at the client of the
//! functions.
//!
//! A command makes at most one read and one write; a query at most two reads, or two rounds of them; a query that is
//! written down in the audit trail one write more.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use pingan_local::client::{Answer, Failure, Person};
use pingan_local::requests::Asked;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::World;
use crate::tasks::{self, LANTERN};

/// What an operation may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Budget {
    /// At most one read and one write.
    Command,
    /// At most two reads.
    Query,
    /// At most two reads, and one write to the audit trail.
    Audited,
    /// A file of one person: who acts, whose the number is, who that is; and one write.
    Import,
    /// A change of one's own that needs what is sealed: who acts, and the identity; and one write.
    Unsealing,
    /// Who reads, and then so many reads together.
    Together(usize),
    /// To publish a task: whom to count only the task says; and one write.
    Publishing,
}

/// The requests of one call.
struct Row {
    operation: String,
    case: &'static str,
    reads: Vec<String>,
    writes: Vec<String>,
}

/// What is weighed, and what came of it.
struct Scale {
    world: World,
    keys: u64,
    rows: Vec<Row>,
}

impl Scale {
    async fn new() -> Self {
        Self { world: World::start().await, keys: 0, rows: Vec::new() }
    }

    /// A key that neither this scale nor any of the people has used.
    fn key(&mut self) -> Uuid {
        self.keys += 1;
        Uuid::from_u64_pair(1, self.keys)
    }

    /// Counts the requests of one call and holds them to their budget.
    async fn weigh(
        &mut self,
        budget: Budget,
        operation: &str,
        case: &'static str,
        status: u16,
        call: impl Future<Output = Result<Answer, Failure>>,
    ) -> Answer {
        // What was requested before is not this call's.
        self.world.requests();
        let answer = call.await.unwrap();
        let Asked { names: requests, rounds } = self.world.asked();
        assert_eq!(answer.status, status, "{operation}, {case}: {}", answer.body);

        let is_read =
            |name: &String| matches!(name.as_str(), "BatchGetItem" | "GetItem" | "Query" | "TransactGetItems");
        let (mut reads, writes): (Vec<_>, Vec<_>) = requests.iter().cloned().partition(is_read);
        // Reads that run together come in any order.
        reads.sort();
        for write in &writes {
            let known = ["PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"];
            assert!(known.contains(&write.as_str()), "{operation}, {case}: {write} is neither a read nor a write");
        }
        assert!(
            !matches!(budget, Budget::Query | Budget::Together(_)) || rounds <= 2,
            "{operation}, {case}, makes {rounds} round trips: {requests:?}"
        );
        let (most_reads, most_writes) = match budget {
            Budget::Command => (1, 1),
            Budget::Query => (2, 0),
            Budget::Audited | Budget::Unsealing | Budget::Publishing => (2, 1),
            Budget::Import => (3, 1),
            Budget::Together(reads) => (1 + reads, 0),
        };
        assert!(
            reads.len() <= most_reads && writes.len() <= most_writes,
            "{operation}, {case}, is over its budget: {reads:?}, {writes:?}"
        );
        if budget == Budget::Audited {
            assert_eq!(writes.len(), 1, "{operation}, {case}, is not written down");
        }
        self.rows.push(Row { operation: operation.to_owned(), case, reads, writes });
        answer
    }

    /// A command that is taken, and then the same again, which writes nothing.
    async fn weigh_command(
        &mut self,
        operation: &str,
        status: u16,
        person: &Person,
        path: &str,
        version: Option<u64>,
        body: &Value,
    ) -> Answer {
        let key = self.key();
        let answer = self.weigh(Budget::Command, operation, "", status, person.post(path, key, version, body)).await;
        self.weigh(Budget::Command, operation, "the same again", status, person.post(path, key, version, body)).await;
        answer
    }

    /// The table, for people.
    fn table(&self) -> String {
        let names = |requests: &[String]| if requests.is_empty() { "–".to_owned() } else { requests.join(" + ") };
        let mut lines = vec![["operation".to_owned(), String::new(), "reads".to_owned(), "writes".to_owned()]];
        for Row { operation, case, reads, writes } in &self.rows {
            lines.push([operation.clone(), (*case).to_owned(), names(reads), names(writes)]);
        }
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap();
        let widths = [width(0), width(1), width(2)];
        let mut table = String::new();
        for [operation, case, reads, writes] in lines {
            let [first, second, third] = widths;
            // Writing to a string cannot fail.
            let _ = writeln!(table, "{operation:first$}  {case:second$}  {reads:third$}  {writes}");
        }
        table
    }

    /// That every operation of the description was weighed, and nothing else.
    async fn check_covers_the_description(&self) {
        let document = self.world.stranger().get("/openapi.json").await.unwrap().body;
        let paths = document["paths"].as_object().expect("the description has paths");
        let described: BTreeSet<_> = paths
            .values()
            .flat_map(|path| path.as_object().unwrap().values())
            .filter_map(|operation| operation["operationId"].as_str())
            .collect();
        let weighed: BTreeSet<_> = self.rows.iter().map(|row| row.operation.as_str()).collect();
        assert_eq!(weighed, described, "operations that were weighed, and operations that there are");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_keeps_to_its_budget() {
    let mut scale = Scale::new().await;
    weigh_media(&mut scale).await;
    weigh_submission(&mut scale).await;
    for stage in ["officer", "station", "district"] {
        weigh_review(&mut scale, stage).await;
    }
    weigh_members(&mut scale).await;
    weigh_custody(&mut scale).await;
    weigh_tasking(&mut scale).await;
    scale.check_covers_the_description().await;
    insta::assert_snapshot!(scale.table());
}

async fn weigh_media(scale: &mut Scale) {
    let (reporter, officer) = (scale.world.reporter("boatyard").await, scale.world.officer("boatyard").await);
    let stranger = scale.world.officer("ferry").await;
    let phone = &reporter.person;
    let announced = json!({ "content_type": "image/jpeg", "size_bytes": 4_711, "sha256": "0".repeat(64) });
    scale.weigh_command("announce_media", 201, phone, "/media", None, &announced).await;

    scale.weigh(Budget::Query, "read_limits", "", 200, phone.get("/media/limits")).await;

    // The intake reads and writes on its own: it is done once there is a verdict.
    let media = reporter.takes_photo().await;
    let path = format!("/media/{media}");
    scale.weigh(Budget::Query, "read_media", "", 200, phone.get(&path)).await;
    let path = format!("/media/{media}/upload");
    scale.weigh(Budget::Query, "continue_upload", "", 200, phone.get(&path)).await;
    let complete = || phone.send(reqwest::Method::PUT, &path, &[], None);
    scale.weigh(Budget::Query, "complete_upload", "", 200, complete()).await;
    let announced = json!({ "content_type": "video/mp4", "size_bytes": 20_000_000, "sha256": "0".repeat(64) });
    let key = scale.key();
    let video = phone.post("/media", key, None, &announced);
    let video = scale.weigh(Budget::Command, "announce_media", "a large video", 201, video).await;
    let path = format!("/media/{}/upload", video.text("/id"));
    scale.weigh(Budget::Query, "continue_upload", "of a large video", 200, phone.get(&path)).await;
    let complete = || phone.send(reqwest::Method::PUT, &path, &[], None);
    scale.weigh(Budget::Query, "complete_upload", "parts are missing", 409, complete()).await;
    let path = format!("/media/{}", Uuid::nil());
    scale.weigh(Budget::Query, "read_media", "there is none", 404, phone.get(&path)).await;

    let report = reporter.reports("With a photo.").with_media(media).send().await;
    let path = format!("/reports/{report}/media/{media}/link");
    scale.weigh(Budget::Audited, "link_media", "", 200, officer.person.get(&path)).await;
    scale.weigh(Budget::Query, "link_media", "not theirs", 404, stranger.person.get(&path)).await;
    let district = scale.world.district().await;
    let path = format!("/reports/{report}/media/{media}/original");
    let reason = json!({ "reason": "For the court." });
    let key = scale.key();
    for case in ["", "the same again"] {
        let call = district.person.post(&path, key, None, &reason);
        scale.weigh(Budget::Audited, "open_original", case, 200, call).await;
    }
}

async fn weigh_members(scale: &mut Scale) {
    let officer = scale.world.officer("boatyard").await.person.clone();
    let (district, stranger) = (scale.world.person("district-police").await, scale.world.stranger());
    let base = "/districts/demo";
    let lists = scale.weigh(Budget::Query, "read_district", "", 200, officer.get(base)).await;
    let call = district.put_json(base, lists.version(), &lists.body);
    scale.weigh(Budget::Command, "put_district", "", 200, call).await;
    let path = format!("{base}/coverage");
    scale.weigh(Budget::Query, "read_coverage", "of a community", 200, officer.get(&path)).await;

    let path = format!("{base}/members");
    let new = json!({ "node": "demo.river.boatyard", "kind": "taxi", "name": "赵六", "phone": "13700137000" });
    let made = scale.weigh_command("recruit_member", 201, &officer, &path, None, &new).await;
    let key = scale.key();
    let call = officer.post(&path, key, None, &new);
    scale.weigh(Budget::Query, "recruit_member", "a member's number", 409, call).await;
    let first = scale.weigh(Budget::Query, "list_members", "", 200, officer.get(&format!("{path}?limit=1"))).await;
    let next = format!("{path}?limit=1&cursor={}", first.text("/next"));
    scale.weigh(Budget::Query, "list_members", "the next page", 200, officer.get(&next)).await;
    let filtered = format!("{path}?kind=taxi");
    scale.weigh(Budget::Query, "list_members", "with a filter", 200, officer.get(&filtered)).await;

    let member = format!("{path}/{}", made.text("/id"));
    let seen = scale.weigh(Budget::Query, "read_member", "", 200, officer.get(&member)).await;
    scale.weigh(Budget::Query, "read_member_history", "", 200, officer.get(&format!("{member}/history"))).await;
    scale.weigh(Budget::Audited, "read_identity", "", 200, officer.get(&format!("{member}/identity"))).await;
    let renew = format!("{member}/invitation");
    let renewed = scale.weigh_command("renew_invitation", 201, &officer, &renew, None, &Value::Null).await;
    let phone = scale.world.person("somebody-new").await;
    let link = json!({ "member": made.text("/id"), "code": renewed.text("/code") });
    scale.weigh(Budget::Command, "link_account", "", 200, phone.put_json("/me/account", None, &link)).await;
    scale.weigh(Budget::Query, "read_me", "", 200, phone.get("/me")).await;
    let device = json!({ "means": "device", "platform": "fcm", "token": "a-token" });
    let choose = || phone.put_json("/me/channel", None, &device);
    scale.weigh(Budget::Command, "choose_channel", "", 200, choose()).await;
    scale.weigh(Budget::Command, "choose_channel", "the same again", 200, choose()).await;
    scale.weigh(Budget::Query, "read_channel", "", 200, phone.get("/me/channel")).await;
    // The own inbox, those of three nodes, and what was read.
    scale.weigh(Budget::Together(5), "read_inbox", "of a reporter", 200, phone.get("/me/inbox")).await;
    scale.weigh(Budget::Together(2), "read_inbox", "of an officer", 200, officer.get("/me/inbox")).await;
    let new = json!({
        "role": "officer", "body": "police", "node": "demo.river.boatyard", "name": "吴十", "phone": "13400134000"
    });
    let key = scale.key();
    let staff = district.post(&path, key, None, &new).await.unwrap();
    let link = json!({ "member": staff.text("/id"), "code": staff.text("/invitation/code") });
    let staff = scale.world.person("somebody-else").await;
    staff.put_json("/me/account", None, &link).await.unwrap();
    let sms = json!({ "means": "sms" });
    let choose = || staff.put_json("/me/channel", None, &sms);
    scale.weigh(Budget::Unsealing, "choose_channel", "by text message", 200, choose()).await;
    scale.weigh(Budget::Query, "choose_channel", "by text message again", 200, choose()).await;
    let payment = json!({ "holder": "赵六", "bank": "建设银行", "account": "6217 0000" });
    let call = format!("{member}/payment");
    scale.weigh(Budget::Command, "put_payment", "", 204, phone.put_json(&call, None, &payment)).await;
    let describe = json!({ "change": "describe", "kind": "shop", "trades": [], "places": [] });
    let changes = format!("{member}/changes");
    let key = scale.key();
    let stale = officer.post(&changes, key, seen.version(), &describe);
    scale.weigh(Budget::Query, "change_member", "stale", 412, stale).await;
    let version = officer.get(&member).await.unwrap().version();
    scale.weigh_command("change_member", 200, &officer, &changes, version, &describe).await;

    // A file asks once for each hundred numbers, and writes once for each person.
    let file = "name,phone,kind\n钱七,13600136000,taxi\n".to_owned();
    let octets = [("content-type", "application/octet-stream".to_owned())];
    let roster = format!("{base}/roster");
    let call = officer.send(Method::PUT, &roster, &octets, Some(file.clone()));
    scale.weigh(Budget::Import, "import_members", "one person", 200, call).await;
    let call = officer.send(Method::PUT, &roster, &octets, Some(file));
    scale.weigh(Budget::Import, "import_members", "the same again", 200, call).await;

    let invites = format!("{base}/invites");
    let body = json!({ "node": "demo.river.boatyard" });
    let invite = scale.weigh_command("make_invite", 201, &officer, &invites, None, &body).await;
    scale.weigh(Budget::Query, "list_invites", "", 200, officer.get(&invites)).await;
    let path = format!("{invites}/{}", invite.text("/code"));
    scale.weigh(Budget::Query, "read_poster", "", 200, officer.get(&format!("{path}/poster"))).await;
    let join = format!("/join/{}", invite.text("/code"));
    scale.weigh(Budget::Query, "read_invite", "", 200, stranger.get(&join)).await;
    let person = json!({ "name": "孙八", "phone": "13500135000" });
    scale.weigh_command("register", 202, &stranger, &join, None, &person).await;
    let key = scale.key();
    let known = json!({ "name": "赵六", "phone": "13700137000" });
    // Whose number it is, is only then known, and asked for.
    scale.weigh(Budget::Query, "register", "a member's number", 202, stranger.post(&join, key, None, &known)).await;
    let call = stranger.get("/join/00000-00000");
    scale.weigh(Budget::Command, "read_invite", "there is none", 404, call).await;
    scale.weigh(Budget::Command, "revoke_invite", "", 204, officer.send(Method::DELETE, &path, &[], None)).await;
}

async fn weigh_custody(scale: &mut Scale) {
    let officer = scale.world.officer("boatyard").await.person.clone();
    let (manager, custodian) = (scale.world.person("station-river").await, scale.world.person("custodian").await);
    let new = json!({ "node": "demo.river.boatyard", "kind": "taxi", "name": "周九", "phone": "13300133000" });
    let key = scale.key();
    let made = officer.post("/districts/demo/members", key, None, &new).await.unwrap();
    let member = format!("/districts/demo/members/{}", made.text("/id"));
    let asked = json!({ "reason": "Life in danger." });
    let path = format!("{member}/openings");
    let opening = scale.weigh_command("request_opening", 201, &manager, &path, None, &asked).await;
    scale.weigh(Budget::Query, "list_openings", "", 200, custodian.get("/districts/demo/openings")).await;
    let path = format!("{path}/{}", opening.text("/id"));
    let view = format!("{path}/identity");
    scale.weigh(Budget::Query, "view_opened_identity", "not yet", 403, manager.get(&view)).await;
    let consent = json!({ "decision": "consent", "reason": "Checked." });
    scale.weigh_command("decide_opening", 200, &custodian, &format!("{path}/decision"), None, &consent).await;
    scale.weigh(Budget::Audited, "view_opened_identity", "", 200, manager.get(&view)).await;
    let trail = format!("{member}/identity/trail");
    scale.weigh(Budget::Query, "read_identity_trail", "", 200, officer.get(&trail)).await;
}

async fn weigh_tasking(scale: &mut Scale) {
    let officer = scale.world.person("officer-lantern").await;
    let reporter = scale.world.reporter("lantern").await;
    let phone = &reporter.person;
    let base = "/districts/demo/tasks";
    let photo = json!({ "name": "photo", "label": "照片", "kind": "photo" });
    let body = tasks::with(tasks::task(&scale.world, &[LANTERN]), "/form/1", photo);
    let made = scale.weigh_command("make_task", 201, &officer, base, None, &body).await;
    let path = format!("{base}/{}", made.text("/id"));
    let edited = tasks::with(body.clone(), "/title", json!("别的"));
    let call = officer.put_json(&path, made.version(), &edited);
    let edited = scale.weigh(Budget::Command, "edit_task", "", 200, call).await;
    let call = officer.put_json(&path, made.version(), &body);
    scale.weigh(Budget::Query, "edit_task", "stale", 412, call).await;
    scale.weigh(Budget::Query, "read_reach", "", 200, officer.get(&format!("{path}/reach"))).await;
    let steps = format!("{path}/steps");
    let publish = json!({ "step": "publish" });
    let key = scale.key();
    let call = officer.post(&steps, key, edited.version(), &publish);
    let sent = scale.weigh(Budget::Publishing, "take_step", "publish", 200, call).await;
    let call = officer.post(&steps, key, edited.version(), &publish);
    scale.weigh(Budget::Query, "take_step", "the same again", 200, call).await;

    scale.weigh(Budget::Together(4), "list_my_tasks", "of a reporter", 200, phone.get("/me/tasks")).await;
    scale.weigh(Budget::Together(3), "list_my_tasks", "of an officer", 200, officer.get("/me/tasks")).await;
    let mine = format!("/me/tasks/{}", made.text("/id"));
    scale.weigh(Budget::Query, "read_my_task", "", 200, phone.get(&mine)).await;
    for (what, case) in [("delivered", ""), ("delivered", "the same again"), ("read", "read")] {
        let (path, receipt) = (format!("{mine}/receipt"), json!({ "receipt": what }));
        let call = phone.put_json(&path, None, &receipt);
        scale.weigh(Budget::Command, "acknowledge_task", case, 200, call).await;
    }
    let photo = reporter.takes_photo().await;
    let answer = json!({ "form_version": 1, "answer": { "seen": "是", "photo": photo } });
    for case in ["with a photo", "the same again"] {
        let path = format!("{mine}/answer");
        let call = phone.put_json(&path, None, &answer);
        scale.weigh(Budget::Command, "answer_task", case, 200, call).await;
    }
    let report = json!({ "category": "crime", "text": "At the depot.", "task": made.text("/id") });
    scale.weigh_command("create_report", 201, phone, "/reports", None, &report).await;

    scale.weigh(Budget::Query, "list_tasks", "", 200, officer.get(base)).await;
    scale.weigh(Budget::Query, "read_task", "", 200, officer.get(&path)).await;
    scale.weigh(Budget::Query, "read_task_history", "", 200, officer.get(&format!("{path}/history"))).await;
    scale.weigh(Budget::Together(2), "read_progress", "", 200, officer.get(&format!("{path}/progress"))).await;
    scale.weigh(Budget::Audited, "list_answers", "", 200, officer.get(&format!("{path}/answers"))).await;
    scale.weigh(Budget::Together(2), "list_task_reports", "", 200, officer.get(&format!("{path}/reports"))).await;
    let link = format!("/tasks/{}/media/{photo}/link", made.text("/id"));
    scale.weigh(Budget::Audited, "link_answer_media", "", 200, officer.get(&link)).await;
    let cancel = json!({ "step": "cancel", "reason": "A mistake." });
    let key = scale.key();
    let call = officer.post(&steps, key, sent.version(), &cancel);
    scale.weigh(Budget::Command, "take_step", "cancel", 200, call).await;
}

async fn weigh_submission(scale: &mut Scale) {
    let (reporter, officer) = (scale.world.reporter("boatyard").await, scale.world.officer("boatyard").await);
    let neighbour = scale.world.neighbour("boatyard").await;
    let phone = &reporter.person;
    let new = |media: &[Uuid]| json!({ "category": "hazard", "text": "A cable hangs low.", "media": media });
    let sent = scale.weigh_command("create_report", 201, phone, "/reports", None, &new(&[])).await;
    let mut media = Vec::new();
    for _ in 0..10 {
        media.push(reporter.takes_photo().await);
    }
    let key = scale.key();
    let with_media = new(&media);
    let call = phone.post("/reports", key, None, &with_media);
    scale.weigh(Budget::Command, "create_report", "with ten media", 201, call).await;

    scale.weigh(Budget::Query, "list_my_reports", "", 200, phone.get("/reports")).await;
    let path = format!("/reports/{}", sent.text("/id"));
    scale.weigh(Budget::Query, "read_my_report", "", 200, phone.get(&path)).await;
    scale.weigh(Budget::Query, "read_my_report", "not theirs", 404, neighbour.person.get(&path)).await;

    let text = json!({ "text": "And one more thing." });
    scale.weigh_command("message_stage", 200, phone, &format!("{path}/messages"), None, &text).await;
    let asked = officer.returns(sent.text("/id"), "Which gate?").await;
    let answer = json!({ "text": "The one by the river.", "media": [reporter.takes_photo().await] });
    let call = format!("{path}/answer");
    let answered = scale.weigh_command("answer_question", 200, phone, &call, asked.version(), &answer).await;
    let call = format!("{path}/withdraw");
    let key = scale.key();
    let stale = phone.post(&call, key, asked.version(), &Value::Null);
    scale.weigh(Budget::Command, "withdraw_report", "stale", 412, stale).await;
    scale.weigh_command("withdraw_report", 200, phone, &call, answered.version(), &Value::Null).await;
}

async fn weigh_review(scale: &mut Scale, stage: &'static str) {
    let reporter = scale.world.reporter("boatyard").await;
    let (id, elsewhere) = match stage {
        "officer" => ("officer-boatyard", Some("officer-ferry")),
        "station" => ("station-river", Some("station-north")),
        _ => ("district-police", None),
    };
    let console = scale.world.person(id).await;
    let operation = |name: &str| format!("{stage}_{name}");
    let base = format!("/{stage}-review");
    // In an emergency every stage may act at once.
    let (report, second) =
        (reporter.reports("Smoke.").emergency().send().await, reporter.reports("More smoke.").emergency().send().await);
    let path = format!("{base}/reports/{report}");

    for list in ["queue", "reports"] {
        let operation = operation(&format!("list_{list}"));
        let first =
            scale.weigh(Budget::Query, &operation, "", 200, console.get(&format!("{base}/{list}?limit=1"))).await;
        let next = format!("{base}/{list}?limit=1&cursor={}", first.text("/next"));
        scale.weigh(Budget::Query, &operation, "the next page", 200, console.get(&next)).await;
    }
    let read = scale.weigh(Budget::Audited, &operation("read_report"), "", 200, console.get(&path)).await;
    if let Some(elsewhere) = elsewhere {
        let elsewhere = scale.world.person(elsewhere).await;
        scale.weigh(Budget::Query, &operation("read_report"), "not theirs", 404, elsewhere.get(&path)).await;
    }
    let text = json!({ "text": "Keep away from it." });
    let messages = format!("{path}/messages");
    let said = scale.weigh_command(&operation("message_reporter"), 200, &console, &messages, None, &text).await;

    let decide = operation("decide_report");
    let decisions = format!("{path}/decisions");
    let approve = json!({ "decision": "approve", "note": "Looked at." });
    let key = scale.key();
    let stale = console.post(&decisions, key, read.version(), &approve);
    scale.weigh(Budget::Command, &decide, "stale", 412, stale).await;
    scale.weigh_command(&decide, 200, &console, &decisions, said.version(), &approve).await;
    let link = json!({ "decision": "mark_duplicate", "original": report });
    let decisions = format!("{base}/reports/{second}/decisions");
    let key = scale.key();
    let call = console.post(&decisions, key, Some(1), &link);
    scale.weigh(Budget::Command, &decide, "a duplicate", 200, call).await;
}
