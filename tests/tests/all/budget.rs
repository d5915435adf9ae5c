//! The budget of round trips to DynamoDB: how many requests every operation makes, counted at the client of the
//! functions.
//!
//! A command makes at most one read and one write; a query at most two reads, or two rounds of them; a query that is
//! written down in the audit trail one write more.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use pingan_local::client::{Answer, Failure, Person};
use pingan_local::requests::{Asked, Counted};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::handovers;
use crate::harness::World;
use crate::outcomes::{self, OUTCOMES};
use crate::tasks::{self, LANTERN};
use crate::units;
use crate::webhooks;
use crate::{
    awards,
    batches::{self, Prepared},
    briefings, exports, rewards,
};

/// What an operation may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Budget {
    /// At most one read and one write.
    Command,
    /// At most two reads.
    Query,
    /// At most two reads, and one write to the audit trail.
    Audited,
    /// Likewise, and beside the write two reads together of what may be the same.
    AuditedBeside,
    /// A file of one person: who acts, whose the number is, who that is; and one write.
    Import,
    /// A change of one's own that needs what is sealed: who acts, and the identity; and one write.
    Unsealing,
    /// Who reads, and then so many reads together.
    Together(usize),
    /// To publish a task: whom to count only the task says; and one write. To write rules of rewards: after which
    /// version only their list says. To decide on a reward: whose rewards of the year count only the reward says. To confirm an outcome:
    /// likewise whom to tell.
    Publishing,
    /// To record an outcome: one read and one write, and two reads together of what may be the same.
    Recording,
    /// To be paid: which share is theirs only the reward says, and from which year's fund only the reward; and one write.
    Paying,
    /// To type a code: a wrong one would cost a try. A batch that is released: of each line the reward, then whose it
    /// is; and one write. What the bank has answered: the batch, its lines, the fund and where the lines are; and a write
    /// for the answer, for each line, and for the end.
    Transferring(usize, usize),
    /// To try rules: who asks, which rewards were proposed, and so many batches of them together.
    Trying(usize),
    /// To call hand-overs back with their report: which they are only the report says; and one write.
    Recalling,
}

/// The requests of one call.
struct Row {
    operation: String,
    case: &'static str,
    reads: Vec<String>,
    writes: Vec<String>,
    counted: Counted,
}

/// After how many lists a process asks for all partitions of an inbox at once.
const FIRST_LISTS: usize = 2;

/// What is weighed, and what came of it.
struct Scale {
    world: World,
    keys: u64,
    rows: Vec<Row>,
}

impl Scale {
    async fn new() -> Self {
        let world = World::start().await;
        if world.now().is_some() {
            world.bundle().requests.weigh();
        }
        // The first lists of a process ask for fewer partitions at once.
        let phone = world.reporter("lantern").await.person;
        for _ in 0..FIRST_LISTS {
            phone.get("/me/inbox").await.unwrap();
        }
        Self { world, keys: 0, rows: Vec::new() }
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
        let Asked { names: requests, rounds, units } = self.world.asked();
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
            !matches!(budget, Budget::Query | Budget::AuditedBeside | Budget::Together(_)) || rounds <= 2,
            "{operation}, {case}, makes {rounds} round trips: {requests:?}"
        );
        let (most_reads, most_writes) = match budget {
            Budget::Command => (1, 1),
            Budget::Query => (2, 0),
            Budget::Audited | Budget::Unsealing | Budget::Publishing | Budget::Paying | Budget::Recalling => (2, 1),
            Budget::AuditedBeside => (4, 1),
            Budget::Transferring(reads, writes) => (reads, writes),
            Budget::Import | Budget::Recording => (3, 1),
            Budget::Together(reads) => (1 + reads, 0),
            Budget::Trying(batches) => (2 + batches, 0),
        };
        assert!(
            reads.len() <= most_reads && writes.len() <= most_writes,
            "{operation}, {case}, is over its budget: {reads:?}, {writes:?}"
        );
        if matches!(budget, Budget::Audited | Budget::AuditedBeside) {
            assert_eq!(writes.len(), 1, "{operation}, {case}, is not written down");
        }
        let counted = Counted {
            operation: operation.to_owned(),
            case: case.to_owned(),
            requests: [reads.clone(), writes.clone()].concat(),
            published: 0,
            units,
        };
        self.rows.push(Row { operation: operation.to_owned(), case, reads, writes, counted });
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
        let names = |requests: &[String]| {
            let together = requests.chunk_by(|a, b| a == b);
            let named = together.map(|same| match same {
                [one, _, _, ..] => format!("{} × {one}", same.len()),
                few => few.join(" + "),
            });
            if requests.is_empty() { "–".to_owned() } else { named.collect::<Vec<_>>().join(" + ") }
        };
        let mut lines = vec![["operation".to_owned(), String::new(), "reads".to_owned(), "writes".to_owned()]];
        for Row { operation, case, reads, writes, .. } in &self.rows {
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
    weigh_outcomes(&mut scale).await;
    weigh_agency_systems(&mut scale).await;
    weigh_handovers(&mut scale).await;
    weigh_briefings(&mut scale).await;
    weigh_exports(&mut scale).await;
    weigh_rewards(&mut scale).await;
    weigh_payouts(&mut scale).await;
    scale.check_covers_the_description().await;
    insta::assert_snapshot!(scale.table());
    // In an account what is billed is on its bill.
    if scale.world.now().is_some() {
        let counted: Vec<_> = scale.rows.into_iter().map(|row| row.counted).collect();
        units::holds("operations.json", &counted);
    }
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
    let path = format!("{base}/statistics");
    scale.weigh(Budget::Query, "read_statistics", "", 200, officer.get(&path)).await;
    let days = format!("{path}?from=2037-02-10&to=2037-08-12&by=day");
    scale.weigh(Budget::Query, "read_statistics", "by day", 200, officer.get(&days)).await;
    let below = format!("{path}?below=true");
    let call = district.get(&below);
    scale.weigh(Budget::Together(16), "read_statistics", "and its stations", 200, call).await;

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
    weigh_absences(scale).await;

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

async fn weigh_briefings(scale: &mut Scale) {
    let district = scale.world.person("district-police").await;
    let base = "/districts/demo/briefings";
    let body = briefings::week(&scale.world);
    let asked = scale.weigh_command("request_briefing", 202, &district, base, None, &body).await;
    let path = format!("{base}/{}", asked.text("/id"));
    briefings::ready(&scale.world, asked.text("/id")).await;
    scale.weigh(Budget::Query, "list_briefings", "", 200, district.get(base)).await;
    scale.weigh(Budget::Audited, "read_briefing", "", 200, district.get(&path)).await;
    let document = format!("{path}/document");
    scale.weigh(Budget::Audited, "read_briefing_document", "", 200, district.get(&document)).await;
    let comment = json!({ "text": "The bridge has a camera now." });
    let comments = format!("{path}/comments");
    scale.weigh_command("comment_on_briefing", 201, &district, &comments, None, &comment).await;
    let path = format!("{path}/acknowledgement");
    for case in ["", "the same again"] {
        let call = district.send(Method::PUT, &path, &[], None);
        scale.weigh(Budget::Command, "acknowledge_briefing", case, 200, call).await;
    }
}

async fn weigh_rewards(scale: &mut Scale) {
    let (district, other) =
        (scale.world.person("district-police").await, scale.world.person("district-governance").await);
    let reporter = scale.world.person("reporter-boatyard-1").await;
    let fund = rewards::fund(&scale.world);
    scale.weigh(Budget::Query, "read_fund", "", 200, district.get(&fund)).await;
    let grant = json!({ "movement": "grant", "amount_fen": 100_000, "reason": "Budget." });
    scale.weigh_command("move_fund", 200, &district, &format!("{fund}/movements"), Some(0), &grant).await;
    let entries = format!("{fund}/entries");
    scale.weigh(Budget::Query, "list_fund_entries", "", 200, district.get(&entries)).await;
    scale.weigh(Budget::Audited, "fetch_fund_entries", "", 200, district.get(&format!("{entries}.csv"))).await;
    let stranger = scale.world.stranger();
    scale.weigh(Budget::Query, "read_fund_summary", "", 200, stranger.get(&format!("{fund}/summary"))).await;
    let rules = rewards::rules(&rewards::today(&scale.world).to_string());
    let path = "/districts/demo/reward-rules";
    let key = scale.key();
    for case in ["", "the same again"] {
        scale.weigh(Budget::Publishing, "write_reward_rules", case, 201, district.post(path, key, None, &rules)).await;
    }
    scale.weigh(Budget::Query, "list_reward_rules", "", 200, district.get(path)).await;
    let id = rewards::of_report(&scale.world, &crate::handovers::adopted(&scale.world).await).await;
    let base = "/districts/demo/rewards";
    scale.weigh(Budget::Query, "list_rewards", "", 200, district.get(base)).await;
    let (key, tries) = (scale.key(), rewards::to_try(&scale.world));
    let call = district.post("/districts/demo/reward-rules/dry-run", key, None, &tries);
    scale.weigh(Budget::Trying(1), "try_reward_rules", "", 200, call).await;
    let in_state = format!("{base}?state=proposed");
    scale.weigh(Budget::Query, "list_rewards", "in a state", 200, district.get(&in_state)).await;
    let path = format!("{base}/{id}");
    let steps = format!("{path}/steps");
    for (case, person) in [("agree", &other), ("approve", &district)] {
        let version = scale.weigh(Budget::Query, "read_reward", case, 200, district.get(&path)).await.version();
        let (key, agree) = (scale.key(), json!({ "step": "agree" }));
        let call = person.post(&steps, key, version, &agree);
        scale.weigh(Budget::Publishing, "take_reward_step", case, 200, call).await;
    }
    let run = awards::failed(&scale.world).await;
    scale.weigh(Budget::Together(2), "list_award_runs", "", 200, district.get("/districts/demo/awards")).await;
    let version = scale.weigh(Budget::Query, "read_award_run", "", 200, district.get(&run)).await.version();
    let (path, resume) = (format!("{run}/steps"), json!({ "step": "resume" }));
    scale.weigh_command("take_award_step", 200, &district, &path, version, &resume).await;
    scale.weigh(Budget::Query, "list_my_rewards", "", 200, reporter.get("/me/rewards")).await;
    scale.weigh(Budget::Query, "fetch_my_rewards", "", 200, reporter.get("/me/rewards.csv")).await;
    let declined = rewards::declined(&scale.world).await;
    let (path, appeal) = (format!("/me/rewards/{declined}/appeal"), json!({ "text": "I was the first." }));
    scale.weigh_command("appeal_reward", 200, &reporter, &path, None, &appeal).await;
}

async fn weigh_payouts(scale: &mut Scale) {
    let paying = Prepared::in_world(&scale.world).await;
    let (reporter, treasurer) = (scale.world.person(paying.reporter).await, scale.world.person("treasurer").await);
    let manager = scale.world.person("district-governance").await;
    let mine = format!("/me/rewards/{}", paying.fresh);
    for (operation, rest, status) in [("make_claim_code", "/claim-code", 201), ("ask_transfer", "/transfer", 200)] {
        let (key, path, nothing) = (scale.key(), format!("{mine}{rest}"), json!({}));
        for case in ["", "the same again"] {
            let call = reporter.post(&path, key, None, &nothing);
            scale.weigh(Budget::Paying, operation, case, status, call).await;
        }
    }
    scale.weigh(Budget::Query, "read_my_payout", "", 200, reporter.get(&format!("{mine}/payout"))).await;
    let payouts = "/districts/demo/payouts";
    scale.weigh(Budget::Query, "list_payouts", "", 200, treasurer.get(&format!("{payouts}?state=waiting"))).await;
    scale.weigh_command("check_claim_code", 200, &treasurer, &format!("{payouts}/checks"), None, &paying.shown).await;
    let payout = format!("/districts/demo/rewards/{}/payouts/0", paying.checked);
    let version = scale.weigh(Budget::Query, "read_payout", "", 200, treasurer.get(&payout)).await.version();
    let (key, path, confirm) = (scale.key(), format!("{payout}/steps"), json!({ "step": "confirm" }));
    for case in ["", "the same again"] {
        let call = manager.post(&path, key, version, &confirm);
        scale.weigh(Budget::Paying, "take_payout_step", case, 200, call).await;
    }
    let base = "/districts/demo/batches";
    scale.weigh_command("make_batch", 201, &treasurer, base, None, &json!({})).await;
    scale.weigh(Budget::Query, "list_batches", "", 200, treasurer.get(&format!("{base}?state=gathering"))).await;
    let path = format!("{base}/{}", paying.gathering);
    let version = scale.weigh(Budget::Together(2), "read_batch", "", 200, treasurer.get(&path)).await.version();
    let lines = format!("{path}/lines");
    scale.weigh_command("add_to_batch", 200, &treasurer, &lines, version, &paying.shares).await;
    let path = format!("{base}/{}", paying.full);
    let version = treasurer.get(&path).await.unwrap().version();
    let (key, steps, release) = (scale.key(), format!("{path}/steps"), json!({ "step": "release" }));
    for case in ["release", "the same again"] {
        let call = manager.post(&steps, key, version, &release);
        scale.weigh(Budget::Transferring(3, 1), "take_batch_step", case, 200, call).await;
    }
    let file = format!("{base}/{}/file", paying.released);
    scale.weigh(Budget::Audited, "fetch_batch_file", "", 200, treasurer.get(&file)).await;
    let key = scale.key();
    let file = paying.answer.as_bytes();
    for (case, reads, writes) in [("one line", 4, 3), ("the same again", 2, 0)] {
        let call = batches::brings(&treasurer, key, &paying.released, file);
        scale.weigh(Budget::Transferring(reads, writes), "answer_batch", case, 200, call).await;
    }
}

async fn weigh_exports(scale: &mut Scale) {
    let district = scale.world.person("district-police").await;
    let base = "/districts/demo/exports";
    let body = exports::this_month(&scale.world);
    let asked = scale.weigh_command("request_export", 202, &district, base, None, &body).await;
    let path = format!("{base}/{}", asked.text("/id"));
    exports::ready(&district, asked.text("/id")).await;
    scale.weigh(Budget::Query, "list_exports", "", 200, district.get(base)).await;
    scale.weigh(Budget::Query, "read_export", "", 200, district.get(&path)).await;
    let link = format!("{path}/link");
    scale.weigh(Budget::Audited, "link_export", "", 200, district.get(&link)).await;
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
    scale.weigh(Budget::Together(4), "list_my_tasks", "of an officer", 200, officer.get("/me/tasks")).await;
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

async fn weigh_outcomes(scale: &mut Scale) {
    let report = outcomes::adopted(&scale.world, "river", "boatyard").await;
    let second = outcomes::adopted(&scale.world, "river", "boatyard").await;
    let (officer, police) = (scale.world.person("officer-boatyard").await, scale.world.person("district-police").await);
    let body = outcomes::arrest(&[&report]);
    let key = scale.key();
    let call = officer.post(OUTCOMES, key, None, &body);
    let made = scale.weigh(Budget::Recording, "record_outcome", "", 201, call).await;
    let call = officer.post(OUTCOMES, key, None, &body);
    scale.weigh(Budget::Recording, "record_outcome", "the same again", 201, call).await;
    let path = format!("{OUTCOMES}/{}", made.text("/id"));
    // Who reads, and the history; then what may be the same.
    scale.weigh(Budget::AuditedBeside, "read_outcome", "while it waits", 200, officer.get(&path)).await;
    let steps = format!("{path}/steps");
    let link = json!({ "step": "link", "report": second });
    let linked = scale.weigh_command("take_outcome_step", 200, &officer, &steps, made.version(), &link).await;
    let confirm = json!({ "step": "confirm" });
    let key = scale.key();
    let call = police.post(&steps, key, linked.version(), &confirm);
    scale.weigh(Budget::Publishing, "take_outcome_step", "confirm", 200, call).await;
    let call = police.post(&steps, key, linked.version(), &confirm);
    scale.weigh(Budget::Query, "take_outcome_step", "confirm, again", 200, call).await;
    scale.weigh(Budget::Audited, "read_outcome", "", 200, officer.get(&path)).await;
    let stranger = scale.world.person("officer-lantern").await;
    scale.weigh(Budget::Query, "read_outcome", "not theirs", 404, stranger.get(&path)).await;
    scale.weigh(Budget::Query, "list_outcomes", "", 200, officer.get(OUTCOMES)).await;
    let confirmed = format!("{OUTCOMES}?state=confirmed");
    scale.weigh(Budget::Query, "list_outcomes", "in a state", 200, officer.get(&confirmed)).await;
    let of = format!("/districts/demo/reports/{report}/outcomes");
    scale.weigh(Budget::Query, "list_outcomes_of_report", "", 200, officer.get(&of)).await;
}

/// To end an absence reads twice: who stands in only the membership says.
async fn weigh_absences(scale: &mut Scale) {
    let station = scale.world.person("station-river").await;
    let path = "/districts/demo/members/officer-boatyard";
    let absence = format!("{path}/absence");
    let now = scale.world.now().unwrap_or_else(jiff::Timestamp::now);
    let until = now + jiff::SignedDuration::from_hours(24);
    let body = json!({ "from": now, "until": until, "deputy": "officer-ferry" });
    let version = station.get(path).await.unwrap().version();
    let put = || station.put_json(&absence, version, &body);
    let begun = scale.weigh(Budget::Command, "put_absence", "", 200, put()).await;
    scale.weigh(Budget::Command, "put_absence", "the same again", 200, put()).await;
    let version: Vec<_> = begun.version().map(|v| ("if-match", format!("\"{v}\""))).into_iter().collect();
    let deputy = scale.world.person("officer-ferry").await;
    let queue = "/officer-review/queue?node=demo.river.boatyard";
    scale.weigh(Budget::Query, "officer_list_queue", "of a deputy", 200, deputy.get(queue)).await;
    scale.weigh(Budget::Together(3), "read_inbox", "of a deputy", 200, deputy.get("/me/inbox")).await;
    let end = || station.send(Method::DELETE, &absence, &version, None);
    scale.weigh(Budget::Unsealing, "end_absence", "", 200, end()).await;
    scale.weigh(Budget::Command, "end_absence", "the same again", 200, end()).await;
    // So does a change of a membership that ends one with it.
    let path = "/districts/demo/members/officer-willow-bank";
    let version = station.get(path).await.unwrap().version();
    let begun = station.put_json(&format!("{path}/absence"), version, &body).await.unwrap();
    let suspend = json!({ "change": "suspend", "reason": "Off duty." });
    let key = scale.key();
    let changes = format!("{path}/changes");
    let call = station.post(&changes, key, begun.version(), &suspend);
    let suspended = scale.weigh(Budget::Unsealing, "change_member", "of who is absent", 200, call).await;
    let restore = json!({ "change": "restore", "reason": "On duty again." });
    let key = scale.key();
    let call = station.post(&changes, key, suspended.version(), &restore);
    scale.weigh(Budget::Command, "change_member", "of who is back", 200, call).await;
}

async fn weigh_agency_systems(scale: &mut Scale) {
    let delivery = webhooks::delivery(&scale.world, "fire").await;
    let (district, handler) = (scale.world.person("district-police").await, scale.world.person("agency-fire").await);
    let path = "/districts/demo/agencies/fire/webhook";
    let seen = scale.weigh(Budget::Query, "read_webhook", "", 200, handler.get(path)).await;
    let off = json!({ "url": webhooks::NOWHERE, "active": false });
    let set = scale.weigh(Budget::Command, "put_webhook", "", 200, district.put_json(path, seen.version(), &off)).await;
    let same = district.put_json(path, set.version(), &off);
    scale.weigh(Budget::Query, "put_webhook", "the same again", 200, same).await;
    let on = json!({ "url": webhooks::NOWHERE, "active": true });
    let stale = district.put_json(path, seen.version(), &on);
    scale.weigh(Budget::Query, "put_webhook", "stale", 412, stale).await;
    let set = scale.weigh(Budget::Command, "put_webhook", "on", 200, district.put_json(path, set.version(), &on)).await;
    let secret = format!("{path}/secret");
    scale.weigh_command("rotate_webhook_secret", 200, &district, &secret, set.version(), &Value::Null).await;
    let history = format!("{path}/history");
    scale.weigh(Budget::Query, "read_webhook_history", "", 200, district.get(&history)).await;
    let deliveries = format!("{path}/deliveries");
    scale.weigh(Budget::Query, "list_deliveries", "", 200, handler.get(&deliveries)).await;
    let replay = format!("{deliveries}/{delivery}/replay");
    scale.weigh_command("replay_delivery", 200, &handler, &replay, None, &Value::Null).await;
}

async fn weigh_handovers(scale: &mut Scale) {
    handovers::neighbours(&scale.world).await;
    let (report, photos) = handovers::adopted_with(&scale.world, 1).await;
    let district = scale.world.person("district-police").await;
    let (fire, other) = (scale.world.person("agency-fire").await, scale.world.person("elsewhere-district").await);
    let stranger = scale.world.person("agency-market").await;
    let version = scale.world.history(&report).await.report.version;
    let mut body = handovers::to(&json!([
        { "to": "agency", "agency": "fire" }, { "to": "district", "district": "elsewhere" }
    ]));
    body["extract"]["media"] = json!(photos);
    let base = "/districts/demo";
    let path = format!("{base}/reports/{report}/handovers");
    let made = scale.weigh_command("hand_over", 201, &district, &path, Some(version), &body).await;
    let key = scale.key();
    let call = district.post(&path, key, Some(version), &body);
    scale.weigh(Budget::Query, "hand_over", "stale", 412, call).await;
    let (code, copied) = (made.text("/handovers/0/id"), made.text("/handovers/1/id"));

    let list = format!("{base}/handovers");
    scale.weigh(Budget::Query, "list_handovers", "", 200, district.get(&list)).await;
    scale.weigh(Budget::Query, "list_handovers", "by state", 200, district.get(&format!("{list}?state=offered"))).await;
    scale.weigh(Budget::Query, "list_handovers", "overdue", 200, district.get(&format!("{list}?overdue=true"))).await;
    scale.weigh(Budget::Query, "list_my_handovers", "", 200, fire.get("/me/handovers")).await;
    scale.weigh(Budget::Query, "list_my_handovers", "overdue", 200, fire.get("/me/handovers?overdue=true")).await;
    let (sent, mine) = (format!("{base}/handovers/{code}"), format!("/me/handovers/{code}"));
    scale.weigh(Budget::Audited, "read_handover", "", 200, district.get(&sent)).await;
    scale.weigh(Budget::Query, "read_handover", "not theirs", 404, other.get(&sent)).await;
    scale.weigh(Budget::Audited, "read_my_handover", "the receipt", 200, fire.get(&mine)).await;
    let seen = scale.weigh(Budget::Audited, "read_my_handover", "", 200, fire.get(&mine)).await;
    scale.weigh(Budget::Query, "read_my_handover", "not theirs", 404, stranger.get(&mine)).await;
    let link = format!("/handovers/{code}/media/{}/link", photos[0]);
    scale.weigh(Budget::Audited, "link_handover_media", "", 200, fire.get(&link)).await;
    let ask = json!({ "step": "ask", "text": "Which gate?" });
    let steps = format!("{mine}/steps");
    let asked = scale.weigh_command("step_my_handover", 200, &fire, &steps, seen.version(), &ask).await;
    let answer = json!({ "step": "answer", "text": "The one by the river." });
    scale.weigh_command("step_handover", 200, &district, &format!("{sent}/steps"), asked.version(), &answer).await;
    let accept = json!({ "step": "accept", "node": handovers::HILLTOP });
    let key = scale.key();
    let steps = format!("/me/handovers/{copied}/steps");
    let call = other.post(&steps, key, Some(1), &accept);
    scale.weigh(Budget::Command, "step_my_handover", "with a copy", 200, call).await;

    let second = handovers::adopted(&scale.world).await;
    let version = scale.world.history(&second).await.report.version;
    let path = format!("{base}/reports/{second}/handovers");
    let to_fire = handovers::to_fire();
    let key = scale.key();
    let passed = district.post(&path, key, Some(version), &to_fire).await.unwrap();
    let path = format!("{base}/reports/{second}/close");
    scale.weigh_command("close_report", 200, &district, &path, passed.version(), &json!({})).await;
    let reopened = scale.world.district().await.reopens(&second, "New facts.").await;
    let reject = json!({ "decision": "reject", "reason": "unfounded" });
    let key = scale.key();
    let path = format!("/district-review/reports/{second}/decisions");
    let call = district.post(&path, key, reopened.version(), &reject);
    scale.weigh(Budget::Recalling, "district_decide_report", "recalls hand-overs", 200, call).await;
}

async fn weigh_submission(scale: &mut Scale) {
    let (reporter, officer) = (scale.world.reporter("boatyard").await, scale.world.officer("boatyard").await);
    let neighbour = scale.world.neighbour("boatyard").await;
    let phone = &reporter.person;
    let new = |media: &[Uuid]| json!({ "category": "hazard", "text": "A cable hangs low.", "media": media });
    let sent = scale.weigh_command("create_report", 201, phone, "/reports", None, &new(&[])).await;
    let mut media = Vec::new();
    for _ in 0..12 {
        media.push(reporter.takes_photo().await);
    }
    for (count, case) in [(2, "with two media"), (10, "with ten media")] {
        let key = scale.key();
        let with_media = new(&media.split_off(media.len() - count));
        let call = phone.post("/reports", key, None, &with_media);
        scale.weigh(Budget::Command, "create_report", case, 201, call).await;
    }

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
    // By then both are late.
    scale.world.wait_minutes(90);

    for list in ["queue", "reports", "open", "overdue"] {
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
    // What is no emergency stands before one stage alone.
    let routine = reporter.reports("A lamp is broken.").send().await;
    if stage != "officer" {
        scale.world.officer("boatyard").await.approves(&routine).await;
    }
    if stage == "district" {
        scale.world.station("river").await.approves(&routine).await;
    }
    let messages = format!("{base}/reports/{routine}/messages");
    let key = scale.key();
    let call = console.post(&messages, key, None, &text);
    let said = scale.weigh(Budget::Command, &operation("message_reporter"), "routine", 200, call).await;
    let routinely = format!("{base}/reports/{routine}/decisions");
    let key = scale.key();
    let call = console.post(&routinely, key, said.version(), &approve);
    scale.weigh(Budget::Command, &decide, "routine", 200, call).await;
    let link = json!({ "decision": "mark_duplicate", "original": report });
    let decisions = format!("{base}/reports/{second}/decisions");
    let key = scale.key();
    let call = console.post(&decisions, key, Some(1), &link);
    scale.weigh(Budget::Command, &decide, "a duplicate", 200, call).await;
}
