//! The people of the trade. They know the public HTTP API and nothing else.

use std::ops::Deref;

use pingan_local::client::{Answer, Person};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Keys, Picture, expect, jpeg};

/// 信息员: reports, answers, talks, withdraws.
#[derive(Debug, Clone)]
pub(crate) struct Reporter {
    /// The phone.
    pub(crate) person: Person,
    /// The keys that the phone makes.
    pub(crate) keys: Keys,
}

impl Reporter {
    pub(crate) fn new(person: Person, keys: Keys) -> Self {
        Self { person, keys }
    }

    /// Begins a report with this text; [`NewReport::send`] sends it.
    pub(crate) fn reports(&self, text: &str) -> NewReport<'_> {
        let body = json!({ "category": "crime", "text": text }).as_object().unwrap().clone();
        NewReport { reporter: self, body, photos: 0, media: Vec::new() }
    }

    /// Uploads a picture and waits for the intake's verdict: `ready`. Gives its id.
    pub(crate) async fn uploads(&self, picture: Picture) -> Uuid {
        let media = self.person.upload(self.keys.next(), picture.content_type, picture.bytes).await.unwrap();
        assert_eq!(self.person.verdict(media).await.unwrap().text("/state"), "ready");
        media
    }

    /// Takes a photo and uploads it; each is another one.
    pub(crate) async fn takes_photo(&self) -> Uuid {
        let number = u64::from(self.keys.next().as_fields().3[7]);
        self.uploads(jpeg(number)).await
    }

    /// Their own report.
    pub(crate) async fn reads(&self, code: &str) -> Answer {
        expect(self.tries_to_read(code).await, 200)
    }

    pub(crate) async fn tries_to_read(&self, code: &str) -> Answer {
        self.person.get(&format!("/reports/{code}")).await.unwrap()
    }

    /// The codes of their reports, as the first page has them.
    pub(crate) async fn mine(&self) -> Vec<String> {
        codes(&expect(self.person.get("/reports").await.unwrap(), 200))
    }

    /// Answers the open question.
    pub(crate) async fn answers(&self, code: &str, text: &str) -> Answer {
        self.answers_with(code, text, &[]).await
    }

    /// Answers the open question with further media.
    pub(crate) async fn answers_with(&self, code: &str, text: &str, media: &[Uuid]) -> Answer {
        let version = self.reads(code).await.version();
        expect(self.tries(code, "answer", version, &json!({ "text": text, "media": media })).await, 200)
    }

    /// Writes to the stage that has the report.
    pub(crate) async fn writes(&self, code: &str, text: &str) -> Answer {
        expect(self.tries(code, "messages", None, &json!({ "text": text })).await, 200)
    }

    /// Takes the report back.
    pub(crate) async fn withdraws(&self, code: &str) -> Answer {
        let version = self.reads(code).await.version();
        expect(self.tries(code, "withdraw", version, &Value::Null).await, 200)
    }

    /// The codes of the tasks in their list, as the first page has them.
    pub(crate) async fn tasks(&self) -> Vec<String> {
        codes(&expect(self.person.get("/me/tasks?limit=100").await.unwrap(), 200))
    }

    /// A task that is for them, however it is answered.
    pub(crate) async fn opens_task(&self, code: &str) -> Answer {
        self.person.get(&format!("/me/tasks/{code}")).await.unwrap()
    }

    /// The phone says that a task is `delivered` or `read`, however it is answered.
    pub(crate) async fn acknowledges(&self, code: &str, receipt: &str) -> Answer {
        self.puts(&format!("/me/tasks/{code}/receipt"), &json!({ "receipt": receipt })).await
    }

    /// Answers the first form of a task, however it is answered.
    pub(crate) async fn answers_task(&self, code: &str, answer: &Value) -> Answer {
        self.puts(&format!("/me/tasks/{code}/answer"), &json!({ "form_version": 1, "answer": answer })).await
    }

    async fn puts(&self, path: &str, body: &Value) -> Answer {
        self.person.put_json(path, None, body).await.unwrap()
    }

    /// What stands in their inbox of tasks: the task and what was done.
    pub(crate) async fn told_of_tasks(&self) -> Vec<(String, String)> {
        told_of_tasks(&self.person).await
    }

    /// Sends a command on a report, however it is answered.
    pub(crate) async fn tries(&self, code: &str, command: &str, version: Option<u64>, body: &Value) -> Answer {
        self.person.post(&format!("/reports/{code}/{command}"), self.keys.next(), version, body).await.unwrap()
    }
}

/// A report that is being written.
#[derive(Debug)]
pub(crate) struct NewReport<'a> {
    reporter: &'a Reporter,
    body: Map<String, Value>,
    photos: usize,
    media: Vec<Uuid>,
}

impl NewReport<'_> {
    pub(crate) fn urgent(self) -> Self {
        self.with("urgency", "urgent")
    }

    pub(crate) fn emergency(self) -> Self {
        self.with("urgency", "emergency")
    }

    /// Marks it as naming the conduct of an officer of the station.
    pub(crate) fn about_an_officer(self) -> Self {
        self.with("concerns", "station_officer")
    }

    /// Marks it as naming the conduct of the station's management.
    pub(crate) fn about_the_station(self) -> Self {
        self.with("concerns", "station_management")
    }

    /// Says where it was seen.
    pub(crate) fn at(self, address: &str) -> Self {
        self.with("place", json!({ "address": address }))
    }

    /// Takes a photo of it.
    pub(crate) fn with_photo(mut self) -> Self {
        self.photos += 1;
        self
    }

    /// Attaches a medium that is uploaded already.
    pub(crate) fn with_media(mut self, media: Uuid) -> Self {
        self.media.push(media);
        self
    }

    /// Sets any field.
    pub(crate) fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.body.insert(field.to_owned(), value.into());
        self
    }

    /// Sends it, and gives its code.
    pub(crate) async fn send(self) -> String {
        expect(self.tries_to_send().await, 201).text("/id").to_owned()
    }

    /// Sends it, however it is answered.
    pub(crate) async fn tries_to_send(mut self) -> Answer {
        for _ in 0..self.photos {
            self.media.push(self.reporter.takes_photo().await);
        }
        if !self.media.is_empty() {
            self.body.insert("media".to_owned(), json!(self.media));
        }
        let Reporter { person, keys } = self.reporter;
        person.post("/reports", keys.next(), None, &Value::Object(self.body)).await.unwrap()
    }
}

/// 社区民警: the first review.
#[derive(Debug, Clone)]
pub(crate) struct Officer(pub(crate) Reviewer);

/// 派出所 / 街道管理员: the second review.
#[derive(Debug, Clone)]
pub(crate) struct StationManager(pub(crate) Reviewer);

/// 分局 / 区综治办管理员: the third review.
#[derive(Debug, Clone)]
pub(crate) struct DistrictManager(pub(crate) Reviewer);

macro_rules! reviews {
    ($($Role:ident),+) => {
        $(impl Deref for $Role {
            type Target = Reviewer;

            fn deref(&self) -> &Reviewer {
                &self.0
            }
        })+
    };
}

reviews!(Officer, StationManager, DistrictManager);

/// Somebody who reviews at a stage. Each decision is made on the version that was just opened.
#[derive(Debug, Clone)]
pub(crate) struct Reviewer {
    /// The console.
    pub(crate) person: Person,
    /// The keys that the console makes.
    pub(crate) keys: Keys,
    stage: &'static str,
}

impl Reviewer {
    pub(crate) fn new(person: Person, keys: Keys, stage: &'static str) -> Self {
        Self { person, keys, stage }
    }

    /// A path of this stage's function.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/{}-review{rest}", self.stage)
    }

    /// The codes of what waits, as the first page has them.
    pub(crate) async fn queue(&self) -> Vec<String> {
        codes(&self.lists("/queue").await)
    }

    /// The codes of all reports of the territory, as the first page has them.
    pub(crate) async fn territory(&self) -> Vec<String> {
        codes(&self.lists("/reports").await)
    }

    /// A page of a list: `/queue?limit=1`.
    pub(crate) async fn lists(&self, list: &str) -> Answer {
        expect(self.person.get(&self.path(list)).await.unwrap(), 200)
    }

    /// Opens a report.
    pub(crate) async fn opens(&self, code: &str) -> Answer {
        expect(self.tries_to_open(code).await, 200)
    }

    pub(crate) async fn tries_to_open(&self, code: &str) -> Answer {
        self.person.get(&self.path(&format!("/reports/{code}"))).await.unwrap()
    }

    /// Asks for a link to a medium of a report.
    pub(crate) async fn asks_for_link(&self, code: &str, media: Uuid) -> Answer {
        self.person.get(&format!("/reports/{code}/media/{media}/link")).await.unwrap()
    }

    /// Opens the clean copy of a medium, and gives its bytes.
    pub(crate) async fn opens_media(&self, code: &str, media: Uuid) -> Vec<u8> {
        self.follows(&expect(self.asks_for_link(code, media).await, 200)).await
    }

    /// Opens the thumbnail of a medium, and gives its bytes.
    pub(crate) async fn opens_thumbnail(&self, code: &str, media: Uuid) -> Vec<u8> {
        let path = format!("/reports/{code}/media/{media}/link?thumbnail=true");
        self.follows(&expect(self.person.get(&path).await.unwrap(), 200)).await
    }

    /// Asks for the sealed original of a medium, however it is answered.
    pub(crate) async fn asks_for_original(&self, code: &str, media: Uuid, reason: &str) -> Answer {
        let path = format!("/reports/{code}/media/{media}/original");
        self.person.post(&path, self.keys.next(), None, &json!({ "reason": reason })).await.unwrap()
    }

    /// Opens the sealed original of a medium, and gives its bytes.
    pub(crate) async fn opens_original(&self, code: &str, media: Uuid, reason: &str) -> Vec<u8> {
        self.follows(&expect(self.asks_for_original(code, media, reason).await, 200)).await
    }

    async fn follows(&self, link: &Answer) -> Vec<u8> {
        let (status, bytes) = self.person.open(link.text("/url")).await.unwrap();
        assert_eq!(status, 200);
        assert_eq!(Some(bytes.len() as u64), link.body["size_bytes"].as_u64());
        bytes
    }

    pub(crate) async fn approves(&self, code: &str) -> Answer {
        self.decides(code, &json!({ "decision": "approve" })).await
    }

    pub(crate) async fn approves_noting(&self, code: &str, note: &str) -> Answer {
        self.decides(code, &json!({ "decision": "approve", "note": note })).await
    }

    pub(crate) async fn returns(&self, code: &str, question: &str) -> Answer {
        self.decides(code, &json!({ "decision": "return", "question": question })).await
    }

    pub(crate) async fn rejects(&self, code: &str, reason: &str) -> Answer {
        self.decides(code, &json!({ "decision": "reject", "reason": reason })).await
    }

    pub(crate) async fn links(&self, code: &str, original: &str) -> Answer {
        self.decides(code, &json!({ "decision": "mark_duplicate", "original": original })).await
    }

    pub(crate) async fn reopens(&self, code: &str, note: &str) -> Answer {
        self.decides(code, &json!({ "decision": "reopen", "note": note })).await
    }

    pub(crate) async fn sends_down(&self, code: &str, note: &str) -> Answer {
        self.decides(code, &json!({ "decision": "send_down", "note": note })).await
    }

    /// Writes to the reporter.
    pub(crate) async fn writes(&self, code: &str, text: &str) -> Answer {
        expect(self.tries(code, "messages", None, &json!({ "text": text })).await, 200)
    }

    /// Opens a report and decides on it.
    pub(crate) async fn decides(&self, code: &str, decision: &Value) -> Answer {
        let version = self.opens(code).await.version();
        expect(self.tries(code, "decisions", version, decision).await, 200)
    }

    /// Sends a command on a report, however it is answered.
    pub(crate) async fn tries(&self, code: &str, command: &str, version: Option<u64>, body: &Value) -> Answer {
        let path = self.path(&format!("/reports/{code}/{command}"));
        self.person.post(&path, self.keys.next(), version, body).await.unwrap()
    }
}

async fn told_of_tasks(person: &Person) -> Vec<(String, String)> {
    let inbox = expect(person.get("/me/inbox?limit=100").await.unwrap(), 200);
    let text = |item: &Value, field: &str| item[field].as_str().unwrap().to_owned();
    let items = inbox.body["items"].as_array().unwrap().iter().filter(|item| item["about"] == "task");
    items.map(|item| (text(item, "task"), text(item, "action"))).collect()
}

fn codes(page: &Answer) -> Vec<String> {
    page.body["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// Whoever manages members: an officer or a manager.
#[derive(Debug, Clone)]
pub(crate) struct Manager {
    /// The console.
    pub(crate) person: Person,
    /// The keys that the console makes.
    pub(crate) keys: Keys,
}

/// Where everything about the members of the demo district is.
pub(crate) const DEMO: &str = "/districts/demo";

impl Manager {
    pub(crate) fn new(person: Person, keys: Keys) -> Self {
        Self { person, keys }
    }

    /// Sends a command of the demo district: `/members`, say.
    pub(crate) async fn tries(&self, path: &str, body: &Value) -> Answer {
        self.person.post(&format!("{DEMO}{path}"), self.keys.next(), None, body).await.unwrap()
    }

    /// Reads something of the demo district.
    pub(crate) async fn asks_for(&self, path: &str) -> Answer {
        self.person.get(&format!("{DEMO}{path}")).await.unwrap()
    }

    /// Recruits a reporter by name; gives the member with the invitation.
    pub(crate) async fn recruits(&self, community: &str, name: &str, phone: &str) -> Answer {
        let body = json!({ "node": community, "kind": "resident", "name": name, "phone": phone });
        expect(self.tries("/members", &body).await, 201)
    }

    /// Makes an invite for a community; gives its code.
    pub(crate) async fn invites(&self, community: &str, max_uses: u32) -> String {
        let body = json!({ "node": community, "max_uses": max_uses });
        expect(self.tries("/invites", &body).await, 201).text("/code").to_owned()
    }

    /// Changes a member as they are now, however it is answered.
    pub(crate) async fn tries_to_change(&self, member: &str, change: &Value) -> Answer {
        let path = format!("/members/{member}");
        let version = self.asks_for(&path).await.version();
        let path = format!("{DEMO}{path}/changes");
        self.person.post(&path, self.keys.next(), version, change).await.unwrap()
    }

    /// Changes a member as they are now.
    pub(crate) async fn changes(&self, member: &str, change: &Value) -> Answer {
        expect(self.tries_to_change(member, change).await, 200)
    }

    /// Who the member is in life, however it is answered.
    pub(crate) async fn looks_at(&self, member: &str) -> Answer {
        self.asks_for(&format!("/members/{member}/identity")).await
    }

    /// Makes a task; gives its code.
    pub(crate) async fn drafts(&self, task: &Value) -> String {
        expect(self.tries("/tasks", task).await, 201).text("/id").to_owned()
    }

    /// Makes a task and publishes it; gives its code.
    pub(crate) async fn sends_task(&self, task: &Value) -> String {
        let code = self.drafts(task).await;
        self.takes_step(&code, &json!({ "step": "publish" })).await;
        code
    }

    /// A task, or something of it: `/progress`, say.
    pub(crate) async fn reads_task(&self, code: &str, rest: &str) -> Answer {
        expect(self.asks_for(&format!("/tasks/{code}{rest}")).await, 200)
    }

    /// Takes a step of a task as it is now.
    pub(crate) async fn takes_step(&self, code: &str, step: &Value) -> Answer {
        expect(self.tries_step(code, step).await, 200)
    }

    /// Takes a step of a task as it is now, however it is answered.
    pub(crate) async fn tries_step(&self, code: &str, step: &Value) -> Answer {
        let version = self.asks_for(&format!("/tasks/{code}")).await.version();
        let path = format!("{DEMO}/tasks/{code}/steps");
        self.person.post(&path, self.keys.next(), version, step).await.unwrap()
    }

    /// Changes what a task says, as it is now, however it is answered.
    pub(crate) async fn tries_to_edit(&self, code: &str, task: &Value) -> Answer {
        let version = self.asks_for(&format!("/tasks/{code}")).await.version().unwrap_or_default();
        self.tries_to_edit_at(code, version, task).await
    }

    /// Changes what a version of a task says, however it is answered.
    pub(crate) async fn tries_to_edit_at(&self, code: &str, version: u64, task: &Value) -> Answer {
        self.person.put_json(&format!("{DEMO}/tasks/{code}"), Some(version), task).await.unwrap()
    }

    /// What stands in their inbox of tasks: the task and what was done.
    pub(crate) async fn told_of_tasks(&self) -> Vec<(String, String)> {
        told_of_tasks(&self.person).await
    }

    /// Brings a file in, however it is answered.
    pub(crate) async fn imports(&self, query: &str, file: impl Into<Vec<u8>>) -> Answer {
        let path = format!("{DEMO}/roster{query}");
        self.person.put_bytes(&path, "application/octet-stream", file.into()).await.unwrap()
    }

    /// Every member of a node, page by page.
    pub(crate) async fn lists_all(&self, query: &str, limit: u16) -> Vec<Value> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = expect(self.asks_for(&format!("/members?limit={limit}{query}{cursor}")).await, 200);
            all.extend(page.body["items"].as_array().unwrap().iter().cloned());
            match page.body["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return all,
            }
        }
    }
}
