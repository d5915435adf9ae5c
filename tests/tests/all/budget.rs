//! The budget of round trips to DynamoDB: how many requests every operation makes, counted at the client of the
//! functions.
//!
//! A command makes at most one read and one write; a query at most two reads; a query that is written down in the
//! audit trail one write more.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use pingan_local::client::{Answer, Failure, Person};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::World;

/// What an operation may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Budget {
    /// At most one read and one write.
    Command,
    /// At most two reads.
    Query,
    /// At most two reads, and one write to the audit trail.
    Audited,
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
        let requests = self.world.requests();
        assert_eq!(answer.status, status, "{operation}, {case}: {}", answer.body);

        let is_read =
            |name: &String| matches!(name.as_str(), "BatchGetItem" | "GetItem" | "Query" | "TransactGetItems");
        let (mut reads, writes): (Vec<_>, Vec<_>) = requests.into_iter().partition(is_read);
        // Reads that run together come in any order.
        reads.sort();
        for write in &writes {
            let known = ["PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"];
            assert!(known.contains(&write.as_str()), "{operation}, {case}: {write} is neither a read nor a write");
        }
        let (most_reads, most_writes) = match budget {
            Budget::Command => (1, 1),
            Budget::Query => (2, 0),
            Budget::Audited => (2, 1),
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
    scale.check_covers_the_description().await;
    insta::assert_snapshot!(scale.table());
}

async fn weigh_media(scale: &mut Scale) {
    let (reporter, officer) = (scale.world.reporter("boatyard").await, scale.world.officer("boatyard").await);
    let stranger = scale.world.officer("ferry").await;
    let phone = &reporter.person;
    let announced = json!({ "content_type": "image/jpeg", "size_bytes": 4_711, "sha256": "0".repeat(64) });
    scale.weigh_command("announce_media", 201, phone, "/media", None, &announced).await;

    // The intake reads and writes on its own: it is done once there is a verdict.
    let media = reporter.takes_photo().await;
    let path = format!("/media/{media}");
    scale.weigh(Budget::Query, "read_media", "", 200, phone.get(&path)).await;
    let path = format!("/media/{}", Uuid::nil());
    scale.weigh(Budget::Query, "read_media", "there is none", 404, phone.get(&path)).await;

    let report = reporter.reports("With a photo.").with_media(media).send().await;
    let path = format!("/reports/{report}/media/{media}/link");
    scale.weigh(Budget::Audited, "link_media", "", 200, officer.person.get(&path)).await;
    scale.weigh(Budget::Query, "link_media", "not theirs", 404, stranger.person.get(&path)).await;
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
