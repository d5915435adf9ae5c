//! The bundle as a process: killed in the middle of its work and started again, and told to do what it cannot.
//!
//! What was acknowledged must be there after a kill, what was not must be taken once when it is sent again, and
//! whatever has happened must be told, also when the kill came between the writing and the telling.

mod awarding;
mod deadlines;
mod joining;
mod paying;
mod tallying;
mod tasking;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pingan_domain::command::CommandId;
use pingan_domain::event::{Event, verify_chain};
use pingan_domain::member::MemberId;
use pingan_domain::notice;
use pingan_domain::report::ReportId;
use pingan_domain::territory::NodeId;
use pingan_local::bundle::{Bundle, Options};
use pingan_local::client::{Answer, Failure, Person};
use pingan_local::clock::Clock;
use pingan_local::seed;
use pingan_store::List;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::harness::eventually;
use crate::races::{Dice, picture};

/// How long a process may take to start, to stop or to refuse.
const PATIENCE: Duration = Duration::from_secs(20);
/// How many times the bundle is killed.
const KILLS: usize = 4;
/// How much is sent before a kill: at least and at most.
const LOAD: (usize, usize) = (5, 70);

/// The bundle's program, with nothing of the environment that could change what it says or where it writes.
fn program(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pingan-under-test"));
    command.env_remove("RUST_LOG").env("TMPDIR", data.parent().unwrap()).current_dir(data.parent().unwrap());
    command.arg("--data").arg(data).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the program to its end.
async fn run(mut command: Command) -> Output {
    let mut child = command.spawn().unwrap();
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let status = ended(&mut child).await;
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    out.read_to_end(&mut stdout).unwrap();
    err.read_to_end(&mut stderr).unwrap();
    Output { status, stdout, stderr }
}

/// Waits for a process to end; one that does not is killed.
async fn ended(child: &mut Child) -> std::process::ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if begun.elapsed() > PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("the process did not end within {PATIENCE:?}");
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// That the program refused with one line that a person understands. Gives the line.
fn refused(output: &Output) -> String {
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(!output.status.success(), "it was not refused: {output:?}");
    assert_eq!(stderr.lines().count(), 1, "one line, not: {stderr}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    stderr.trim().to_owned()
}

/// The bundle in a process of its own. Dropping it kills it.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    async fn start(data: &Path, arguments: &[&str]) -> Self {
        let mut child = program(data, arguments).args(["--port", "0"]).spawn().unwrap();
        let (found, mut lines) = tokio::sync::mpsc::unbounded_channel();
        let stdout = child.stdout.take().unwrap();
        // Reads on to the end, so that the process never waits for a full pipe.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = found.send(line);
            }
        });
        let mut stderr = child.stderr.take().unwrap();
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::stderr()));
        let mut server = Self { child, url: String::new() };
        let first = tokio::time::timeout(PATIENCE, lines.recv()).await.expect("the bundle says where it is in time");
        let first = first.expect("the bundle starts");
        first.strip_prefix("Ping'an 平安 runs at ").expect("its first line says where").clone_into(&mut server.url);
        server
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends it a signal by its name.
    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    async fn person(&self, id: &str) -> Person {
        Person::sign_in(&self.url, id).await.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

// ── Kills ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/// A command as somebody sent it, and what they know of it.
#[derive(Debug, Clone)]
struct Sent {
    who: String,
    path: String,
    key: Uuid,
    version: Option<u64>,
    body: Value,
    /// The answer, if one came before the kill.
    answered: Option<Answered>,
}

#[derive(Debug, Clone)]
struct Answered {
    status: u16,
    report: String,
    version: u64,
    state: String,
}

/// A picture as somebody uploaded it, and what they know of it.
#[derive(Debug, Clone)]
struct Upload {
    who: String,
    key: Uuid,
    bytes: Vec<u8>,
    id: Option<Uuid>,
    /// Whether the upload itself was acknowledged.
    put: bool,
}

/// Everything that was sent, in a place that no kill reaches.
#[derive(Debug, Clone, Default)]
struct Ledger(Arc<Mutex<Books>>);

#[derive(Debug, Default)]
struct Books {
    commands: Vec<Sent>,
    uploads: Vec<Upload>,
}

impl Ledger {
    /// Sends a command that is in the books, and writes down its answer.
    async fn send(&self, person: &Person, number: usize) -> Result<Answer, Failure> {
        let Sent { path, key, version, body, .. } = self.0.lock().unwrap().commands[number].clone();
        let answer = person.post(&path, key, version, &body).await?;
        // A stage may always be asked again when it is busy; nothing has happened then.
        if answer.status != 503 {
            self.0.lock().unwrap().commands[number].answered = Some(Answered {
                status: answer.status,
                report: answer.text("/id").to_owned(),
                version: answer.version().unwrap_or(0),
                state: answer.text("/state").to_owned(),
            });
        }
        Ok(answer)
    }

    /// Writes a new command into the books and sends it.
    async fn command(
        &self,
        person: &Person,
        path: String,
        key: Uuid,
        version: Option<u64>,
        body: Value,
    ) -> Result<Answer, Failure> {
        let number = {
            let commands = &mut self.0.lock().unwrap().commands;
            commands.push(Sent { who: person.id.clone(), path, key, version, body, answered: None });
            commands.len() - 1
        };
        self.send(person, number).await
    }

    /// Announces and uploads a picture that is in the books.
    async fn carry(&self, person: &Person, number: usize) -> Result<Uuid, Failure> {
        let Upload { key, bytes, .. } = self.0.lock().unwrap().uploads[number].clone();
        let announced = person.announce(key, "image/png", &bytes).await?.expect(201)?;
        let id = announced.text("/id").parse()?;
        self.0.lock().unwrap().uploads[number].id = Some(id);
        // One that had arrived before the kill is not asked for again, whether or not it was looked at by now.
        if let Some(upload) = announced.body.get("upload") {
            assert_eq!(person.put(upload, bytes).await?, 200);
        }
        self.0.lock().unwrap().uploads[number].put = true;
        Ok(id)
    }

    async fn upload(&self, person: &Person, key: Uuid, bytes: Vec<u8>) -> Result<Uuid, Failure> {
        let number = {
            let uploads = &mut self.0.lock().unwrap().uploads;
            uploads.push(Upload { who: person.id.clone(), key, bytes, id: None, put: false });
            uploads.len() - 1
        };
        self.carry(person, number).await
    }

    /// How much was sent, with or without an answer.
    fn sent(&self) -> usize {
        let books = self.0.lock().unwrap();
        books.commands.len() + books.uploads.len()
    }

    /// The numbers of the commands and uploads without an answer.
    fn unanswered(&self) -> (Vec<usize>, Vec<usize>) {
        let books = self.0.lock().unwrap();
        let commands = (0..books.commands.len()).filter(|&i| books.commands[i].answered.is_none()).collect();
        let uploads = (0..books.uploads.len()).filter(|&i| !books.uploads[i].put).collect();
        (commands, uploads)
    }

    fn commands(&self) -> Vec<Sent> {
        self.0.lock().unwrap().commands.clone()
    }

    fn uploads(&self) -> Vec<Upload> {
        self.0.lock().unwrap().uploads.clone()
    }
}

/// A reporter who sends in reports, with and without pictures, and writes to the stages, until the line is dead.
async fn reports(ledger: Ledger, reporter: Person, mut dice: Dice) -> Result<(), Failure> {
    let mut mine: Vec<String> = Vec::new();
    loop {
        match dice.below(5) {
            0 => {
                let media = ledger.upload(&reporter, dice.key(), picture(&mut dice)).await?;
                if dice.below(2) == 0 {
                    reporter.verdict(media).await?;
                    let body = json!({ "category": "crime", "text": "With a picture.", "media": [media] });
                    ledger.command(&reporter, "/reports".to_owned(), dice.key(), None, body).await?;
                }
            }
            1 if !mine.is_empty() => {
                let path = format!("/reports/{}/messages", mine[dice.below(mine.len())]);
                ledger.command(&reporter, path, dice.key(), None, json!({ "text": "And one more thing." })).await?;
            }
            _ => {
                let urgency = dice.pick(&["routine", "urgent", "emergency"]);
                let body = json!({ "category": "hazard", "urgency": urgency, "text": "What I saw." });
                let sent = ledger.command(&reporter, "/reports".to_owned(), dice.key(), None, body).await?;
                mine.push(sent.text("/id").to_owned());
            }
        }
    }
}

/// A reviewer who decides on whatever waits, until the line is dead.
async fn reviews(ledger: Ledger, reviewer: Person, stage: &'static str, mut dice: Dice) -> Result<(), Failure> {
    loop {
        let queue = reviewer.get(&format!("/{stage}-review/queue?limit=5")).await?.expect(200)?;
        let waiting = queue.body["items"].as_array().cloned().unwrap_or_default();
        if waiting.is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        }
        let report = &waiting[dice.below(waiting.len())];
        let path = format!("/{stage}-review/reports/{}", report["id"].as_str().unwrap());
        let decision = match dice.below(8) {
            0 => json!({ "decision": "return", "question": "Which gate?" }),
            1 => json!({ "decision": "reject", "reason": "already_known" }),
            2 => json!({ "decision": "reject", "reason": "out_of_scope_lawful_activity" }),
            3 => {
                let body = json!({ "text": "Thank you." });
                ledger.command(&reviewer, format!("{path}/messages"), dice.key(), None, body).await?;
                continue;
            }
            _ => json!({ "decision": "approve", "note": "Looked at." }),
        };
        // Another stage may be faster in an emergency; that is an answer as well.
        let version = report["version"].as_u64();
        ledger.command(&reviewer, format!("{path}/decisions"), dice.key(), version, decision).await?;
    }
}

/// Puts the bundle to work and kills it in the middle.
async fn work_until_killed(server: &mut Server, ledger: &Ledger, dice: &mut Dice) {
    let mut tasks = JoinSet::new();
    for id in ["reporter-boatyard-1", "reporter-boatyard-2", "reporter-ferry-1"] {
        tasks.spawn(reports(ledger.clone(), server.person(id).await, dice.split()));
    }
    let reviewers = [
        ("officer-boatyard", "officer"),
        ("officer-ferry", "officer"),
        ("station-river", "station"),
        ("district-police", "district"),
    ];
    for (id, stage) in reviewers {
        tasks.spawn(reviews(ledger.clone(), server.person(id).await, stage, dice.split()));
    }
    // Counted in what was sent, so that a slow machine is put to as much work as a fast one.
    let enough = ledger.sent() + LOAD.0 + dice.below(LOAD.1 - LOAD.0);
    let begun = Instant::now();
    while ledger.sent() < enough {
        assert!(begun.elapsed() < PATIENCE, "the bundle does not work");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_millis(u64::try_from(dice.below(15)).unwrap())).await;
    server.kill();
    while let Some(ended) = tasks.join_next().await {
        // A call that broke off ends a task; a check that failed in it must be seen.
        drop(ended.unwrap());
    }
}

/// Does what phones and consoles do when the line is back: they send again what was not answered, under the same key.
async fn send_again(server: &Server, ledger: &Ledger) {
    let (commands, uploads) = ledger.unanswered();
    for number in uploads {
        let who = ledger.uploads()[number].who.clone();
        ledger.carry(&server.person(&who).await, number).await.unwrap();
    }
    for number in commands {
        let Sent { who, path, .. } = ledger.commands()[number].clone();
        let answer = ledger.send(&server.person(&who).await, number).await.unwrap();
        if path == "/reports" {
            assert_eq!(answer.status, 201, "{}", answer.body);
        }
    }
}

/// Everything that stands in the records after the last kill.
async fn all_events(bundle: &Bundle) -> BTreeMap<ReportId, Vec<Event>> {
    let district: NodeId = seed::DISTRICT.parse().unwrap();
    let reader = MemberId::parse("district-police").unwrap();
    let mut all = BTreeMap::new();
    let mut cursor: Option<String> = None;
    for _ in 0..200 {
        let page = bundle.store.list(List::Territory(&district), &reader, 100, cursor.as_deref()).await.unwrap();
        for summary in page.items {
            let history = bundle.store.history(summary.id).await.unwrap().expect("what is listed is there");
            assert_eq!(verify_chain(&history.events, history.report.head), Ok(()), "{}", summary.id);
            assert_eq!(history.report.version, history.events.last().unwrap().seq);
            assert_eq!(history.report.state, history.events.last().unwrap().to);
            assert_eq!(history.report.contents.len(), history.contents.len());
            all.insert(summary.id, history.events);
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    all
}

/// What was answered, against what is in the records.
fn check_commands(ledger: &Ledger, all: &BTreeMap<ReportId, Vec<Event>>) {
    let mut by_command: BTreeMap<String, Vec<&Event>> = BTreeMap::new();
    for event in all.values().flatten() {
        by_command.entry(event.command.to_string()).or_default().push(event);
    }
    for sent in ledger.commands() {
        let id = CommandId::new(&MemberId::of_account(&sent.who), sent.key).to_string();
        let done = by_command.remove(&id).unwrap_or_default();
        let Some(answered) = &sent.answered else {
            assert!(done.len() <= 1, "done {} times: {sent:?}", done.len());
            continue;
        };
        if matches!(answered.status, 200 | 201) {
            assert_eq!(done.len(), 1, "acknowledged, but done {} times: {sent:?}", done.len());
            assert_eq!(done[0].report.to_string(), answered.report);
            // An answer to a repeated command shows the report as it was by then.
            let shown = &all[&done[0].report][usize::try_from(answered.version).unwrap() - 1];
            assert!(shown.seq >= done[0].seq, "{sent:?}");
            assert_eq!(shown.to.to_string(), answered.state, "{sent:?}");
        } else {
            assert!((400..500).contains(&answered.status), "{sent:?}");
            assert!(done.is_empty(), "refused and done all the same: {sent:?}");
        }
    }
    assert!(by_command.is_empty(), "events that nobody asked for: {by_command:?}");
}

#[expect(clippy::print_stdout, reason = "whoever sees this test fail wants to know how far it came")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_lose_nothing_and_nothing_is_done_twice() {
    let mut dice = Dice::from_seed();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("state");
    let ledger = Ledger::default();
    for round in 0..KILLS {
        let mut server = Server::start(&data, &[]).await;
        send_again(&server, &ledger).await;
        check_acknowledged(&server, &ledger).await;
        work_until_killed(&mut server, &ledger, &mut dice).await;
        let (commands, uploads) = ledger.unanswered();
        let unanswered = commands.len() + uploads.len();
        println!("Kill {}: {} sent so far, {unanswered} without an answer.", round + 1, ledger.sent());
    }

    // The last kill: nothing is sent again before the look at the records.
    let bundle = Bundle::start(Options::new(data, 0, Clock::real())).await.unwrap();
    let all = all_events(&bundle).await;
    check_commands(&ledger, &all);
    let expected: BTreeSet<String> = all
        .values()
        .flatten()
        .flat_map(|event| notice::of_report(event, &MemberId::clock()))
        .map(|notice| notice.deduplication_key)
        .collect();
    let told = told(&bundle.url, &expected).await;
    assert_eq!(told, expected, "what was told, and what had happened");
    for Upload { who, id, put, .. } in ledger.uploads() {
        if let (true, Some(id)) = (put, id) {
            let person = Person::sign_in(&bundle.url, &who).await.unwrap();
            let took_it = |event: &Event| event.media.contains(&id);
            let report = all.values().find(|events| events.iter().any(took_it));
            if report.is_some_and(|events| events.iter().any(|event| event.erases)) {
                // It goes with its report, also when the kill came in between.
                let path = format!("/media/{id}");
                let gone = async || (person.get(&path).await.unwrap().status == 404).then_some(());
                eventually("a medium of an erased report is gone", gone).await;
                continue;
            }
            let verdict = person.verdict(id).await.unwrap();
            assert_eq!(verdict.text("/state"), "ready", "{}", verdict.body);
        }
    }
    for left in ["dead-letters", "dead-letters.jsonl"] {
        assert!(!folder.path().join("state").join(left).exists(), "something was given up");
    }
    bundle.stop().await;
}

/// That every report is at least where its reporter was last told it is.
async fn check_acknowledged(server: &Server, ledger: &Ledger) {
    let district = server.person("district-police").await;
    let mut newest: BTreeMap<String, u64> = BTreeMap::new();
    for answered in ledger.commands().into_iter().filter_map(|sent| sent.answered) {
        if matches!(answered.status, 200 | 201) {
            let version = newest.entry(answered.report).or_default();
            *version = answered.version.max(*version);
        }
    }
    let mut path = "/district-review/reports?limit=100".to_owned();
    let mut there: BTreeMap<String, u64> = BTreeMap::new();
    for _ in 0..200 {
        let page = district.get(&path).await.unwrap().expect(200).unwrap();
        for item in page.body["items"].as_array().unwrap() {
            there.insert(item["id"].as_str().unwrap().to_owned(), item["version"].as_u64().unwrap());
        }
        let Some(next) = page.body["next"].as_str() else { break };
        path = format!("/district-review/reports?limit=100&cursor={next}");
    }
    for (report, version) in newest {
        assert!(there.get(&report) >= Some(&version), "{report} is at {:?}, not at {version}", there.get(&report));
    }
}

/// The keys of all notices that were sent, once all of these are among them or there was time enough.
async fn told(url: &str, expected: &BTreeSet<String>) -> BTreeSet<String> {
    let stranger = Person::stranger(url).unwrap();
    let begun = Instant::now();
    loop {
        let inbox = stranger.get("/local/inbox").await.unwrap().expect(200).unwrap();
        let told: BTreeSet<String> = inbox
            .body
            .as_array()
            .unwrap()
            .iter()
            .map(|notice| notice["attributes"]["deduplication_key"].as_str().unwrap().to_owned())
            .collect();
        if told.is_superset(expected) || begun.elapsed() > PATIENCE {
            return told;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

// ── The command line ───────────────────────────────────────────────────────────────────────────────────────────────

/// The codes of the reports that somebody has sent in.
async fn reports_of(server: &Server, id: &str) -> Vec<String> {
    let mine = server.person(id).await.get("/reports").await.unwrap().expect(200).unwrap();
    mine.body["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

async fn send_report(server: &Server, id: &str) -> String {
    let body = json!({ "category": "hazard", "text": "The fire exit is locked." });
    let sent = server.person(id).await.post("/reports", Uuid::new_v4(), None, &body).await.unwrap();
    sent.expect(201).unwrap().text("/id").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_taken_port_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("state");
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port().to_string();
    let output = run(program(&data, &["--port", &port])).await;
    assert_eq!(refused(&output), format!("Port {port} is taken. Choose another one with --port."));

    // Whoever now begins anew on another port is not told that the folder is somebody else's.
    let mut server = Server::start(&data, &["--fresh"]).await;
    assert_eq!(reports_of(&server, "reporter-ferry-1").await, Vec::<String>::new());
    server.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_folder_is_for_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("state");
    let server = Server::start(&data, &[]).await;
    let report = send_report(&server, "reporter-ferry-1").await;

    for arguments in [&["--port", "0"][..], &["--port", "0", "--fresh"]] {
        let line = refused(&run(program(&data, arguments)).await);
        assert!(line.starts_with("Another bundle runs in ") && line.contains("--data"), "{line}");
        // The one that runs has lost nothing, and neither will the next.
        assert_eq!(reports_of(&server, "reporter-ferry-1").await, [&*report]);
    }
    drop(server);
    let server = Server::start(&data, &[]).await;
    assert_eq!(reports_of(&server, "reporter-ferry-1").await, [report]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fresh_begins_anew_and_only_in_a_folder_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("state");
    let mut server = Server::start(&data, &["--fresh"]).await;
    let old = server.person("reporter-ferry-1").await;
    send_report(&server, "reporter-ferry-1").await;
    server.kill();

    let mut server = Server::start(&data, &["--fresh"]).await;
    assert_eq!(reports_of(&server, "reporter-ferry-1").await, Vec::<String>::new());
    assert_ne!(server.person("reporter-ferry-1").await.get("/reports").await.unwrap().status, 401);
    drop(old);
    server.kill();

    let theirs = folder.path().join("theirs");
    std::fs::create_dir_all(theirs.join("photos")).unwrap();
    std::fs::write(theirs.join("photos/wedding.jpg"), "once in a lifetime").unwrap();
    let line = refused(&run(program(&theirs, &["--port", "0", "--fresh"])).await);
    assert!(line.contains("is not a folder of this bundle"), "{line}");
    assert_eq!(std::fs::read_to_string(theirs.join("photos/wedding.jpg")).unwrap(), "once in a lifetime");
    assert_eq!(std::fs::read_dir(&theirs).unwrap().count(), 1, "nothing was put there either");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_during_the_first_start_leaves_a_folder_that_starts() {
    let mut dice = Dice::from_seed();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("state");
    for arguments in [&[][..], &[], &["--fresh"]] {
        let mut child = program(&data, &["--port", "0"]).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(u64::try_from(dice.below(200)).unwrap())).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let mut server = Server::start(&data, arguments).await;
        send_report(&server, "reporter-ferry-1").await;
        server.kill();
        std::fs::remove_dir_all(&data).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_stops_when_it_is_told_to() {
    for signal in ["INT", "TERM"] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("state");
        let mut server = Server::start(&data, &[]).await;
        // A client that holds its connection open must not hold up the stop.
        let person = server.person("reporter-ferry-1").await;
        let report = send_report(&server, "reporter-ferry-1").await;
        person.get("/reports").await.unwrap().expect(200).unwrap();

        let begun = Instant::now();
        server.signal(signal);
        let status = ended(&mut server.child).await;
        assert_eq!(status.code(), Some(0), "after SIG{signal}");
        assert!(begun.elapsed() < Duration::from_secs(8), "it took {:?} to stop", begun.elapsed());

        let server = Server::start(&data, &[]).await;
        assert_eq!(reports_of(&server, "reporter-ferry-1").await, [report]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_tells_its_story_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("state");
    let output = run(program(&data, &["demo", "--json"])).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");

    let story: Value = serde_json::from_slice(&output.stdout).unwrap();
    let timeline = story["timeline"].as_array().unwrap();
    let notified: Vec<_> = timeline.iter().flat_map(|line| line["notified"].as_array().unwrap()).collect();
    assert_eq!((timeline.len(), story["state"].as_str()), (4, Some("adopted")));
    assert_eq!(notified, ["officer demo.river.boatyard", "station demo.river", "district demo"]);
    assert!(story["feedbacks"].as_u64() >= Some(4), "{story}");
    let opened = story["photo"].as_array().unwrap().iter().filter(|attempt| attempt["status"] == 200).count();
    assert_eq!(opened, 3);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
