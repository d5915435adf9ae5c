//! The demo: a lead about an illegal weapons site, from a phone through the three reviews
//! to adoption, by the HTTP API alone.

use std::{io::Cursor, time::Duration};

use comfy_table::{ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    bundle::{Bundle, Options},
    client::{Answer, Failure, Person},
    clock::Clock,
};

const REPORTER: &str = "reporter-boatyard-1";
const OFFICER: &str = "officer-boatyard";
const STATION: &str = "station-river";
const DISTRICT: &str = "district-police";

/// One line of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// When, as the district's clocks show it.
    pub when: String,
    /// Who did it.
    pub who: String,
    /// What was done.
    pub what: String,
    /// The reviewers who were told, by stage and node.
    pub notified: Vec<String>,
    /// What the reporter was told, in Chinese.
    pub told_zh_cn: String,
    /// What the reporter was told, in English.
    pub told_en: String,
}

/// Who tried to open the photo, and how it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PhotoTry {
    /// Who tried.
    pub who: String,
    /// How it was answered: 200 with the very bytes, or the status of the refusal.
    pub status: u16,
}

/// The story as it happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Story {
    /// The code of the report.
    pub report: String,
    /// Where the report ended.
    pub state: String,
    /// What happened, oldest first.
    pub timeline: Vec<Line>,
    /// How often the reporter was told something.
    pub feedbacks: usize,
    /// Who could open the photo, and who could not.
    pub photo: Vec<PhotoTry>,
}

/// Starts the bundle on a free port in a temporary folder and plays the story. An error
/// means that a step did not happen.
pub async fn play() -> Result<Story, Failure> {
    let folder = tempfile::tempdir()?;
    let clock = Clock::standing(at("09:30")?);
    let bundle = Bundle::start(Options::new(folder.path(), 0, clock)).await?;
    let story = Teller::new(&bundle).await?.tell().await;
    bundle.stop().await;
    story
}

/// A time of 12 August in the demo's year, in Shanghai.
fn at(time: &str) -> Result<Timestamp, Failure> {
    Ok(format!("2026-08-12T{time}:00+08:00").parse()?)
}

struct Teller<'a> {
    bundle: &'a Bundle,
    reporter: Person,
    timeline: Vec<Line>,
    notices_seen: usize,
    feedback_seen: usize,
    report: String,
}

impl<'a> Teller<'a> {
    async fn new(bundle: &'a Bundle) -> Result<Self, Failure> {
        let reporter = Person::sign_in(&bundle.url, REPORTER).await?;
        Ok(Self { bundle, reporter, timeline: Vec::new(), notices_seen: 0, feedback_seen: 0, report: String::new() })
    }

    async fn tell(mut self) -> Result<Story, Failure> {
        let photo = photo()?;
        let media = self.reporter.upload(Uuid::new_v4(), "image/jpeg", photo.clone()).await?;
        let verdict = self.reporter.verdict(media).await?;
        if verdict.text("/state") != "ready" {
            return Err(format!("the photo was not taken: {}", verdict.body).into());
        }
        let body = json!({
            "category": "crime",
            "urgency": "urgent",
            "text": "河边旧锅炉房后面有个作坊，夜里有人加工枪支零件，白天用篷布盖着。",
            "place": { "address": "河沿路3号院内", "point": { "longitude": 117.22, "latitude": 39.1 } },
            "media": [media],
        });
        let sent = self.reporter.post("/reports", Uuid::new_v4(), None, &body).await?.expect(201)?;
        sent.text("/id").clone_into(&mut self.report);
        self.line(REPORTER, "sends in a report with a photo", &["officer demo.river.boatyard"]).await?;

        let officer = self.review("10:10", OFFICER, "officer", "approves", &["station demo.river"]).await?;
        let station = self.review("11:25", STATION, "station", "approves", &["district demo"]).await?;
        let district = self.review("14:40", DISTRICT, "district", "approves: adopted", &[]).await?;

        let tries = self.try_photo(media, &photo, &[officer, station, district]).await?;
        let own = self.own().await?;
        let story = Story {
            state: own.text("/state").to_owned(),
            report: self.report,
            timeline: self.timeline,
            feedbacks: own.body["feedback"].as_array().map_or(0, Vec::len),
            photo: tries,
        };
        story.check()?;
        Ok(story)
    }

    /// A reviewer finds the report in the queue, opens it, and approves it.
    async fn review(
        &mut self,
        time: &str,
        who: &str,
        stage: &str,
        what: &str,
        notified: &[&str],
    ) -> Result<Person, Failure> {
        self.bundle.clock.set(at(time)?);
        let person = Person::sign_in(&self.bundle.url, who).await?;
        let queue = person.get(&format!("/{stage}-review/queue")).await?.expect(200)?;
        let waits =
            queue.body["items"].as_array().is_some_and(|items| items.iter().any(|item| item["id"] == *self.report));
        if !waits {
            return Err(format!("the report is not in the queue of {who}").into());
        }
        let path = format!("/{stage}-review/reports/{}", self.report);
        let read = person.get(&path).await?.expect(200)?;
        let decision = json!({ "decision": "approve" });
        person.post(&format!("{path}/decisions"), Uuid::new_v4(), read.version(), &decision).await?.expect(200)?;
        self.line(who, what, notified).await?;
        Ok(person)
    }

    /// Writes a line once the expected reviewers were told and the reporter has feedback.
    async fn line(&mut self, who: &str, what: &str, expected: &[&str]) -> Result<(), Failure> {
        let own = self.own().await?;
        let feedback = own.body["feedback"].as_array().ok_or("the report has no feedback")?;
        let new = feedback.get(self.feedback_seen..).unwrap_or_default();
        let [told] = new else {
            return Err(format!("after «{who} {what}» the reporter was told {} things, not one", new.len()).into());
        };
        let line = Line {
            when: self.bundle.clock.now().to_zoned(TimeZone::get("Asia/Shanghai")?).strftime("%d %b %H:%M").to_string(),
            who: who.to_owned(),
            what: what.to_owned(),
            notified: self.notified(expected.len()).await?,
            told_zh_cn: told["text"]["zh_cn"].as_str().unwrap_or_default().to_owned(),
            told_en: told["text"]["en"].as_str().unwrap_or_default().to_owned(),
        };
        if line.notified != expected {
            return Err(format!("after «{who} {what}» {:?} were told, not {expected:?}", line.notified).into());
        }
        self.feedback_seen += 1;
        self.timeline.push(line);
        Ok(())
    }

    /// The reviewers who were told since the line before: waits, ten seconds at most, for
    /// as many as are expected and for the reporter's own notice, which comes last.
    async fn notified(&mut self, count: usize) -> Result<Vec<String>, Failure> {
        for _ in 0..200 {
            let inbox = self.reporter.get(&format!("/local/inbox?since={}", self.notices_seen)).await?.expect(200)?;
            let notices = inbox.body.as_array().ok_or("the inbox is no list")?;
            if notices.iter().any(|notice| notice["attributes"]["audience"] == "member") {
                self.notices_seen += notices.len();
                return Ok(notices.iter().filter_map(reviewers).collect());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(format!("{count} notices to reviewers and one to the reporter did not come within ten seconds").into())
    }

    async fn own(&self) -> Result<Answer, Failure> {
        self.reporter.get(&format!("/reports/{}", self.report)).await?.expect(200)
    }

    /// Lets reviewers and others try to open the photo.
    async fn try_photo(&self, media: Uuid, photo: &[u8], reviewers: &[Person]) -> Result<Vec<PhotoTry>, Failure> {
        let path = format!("/reports/{}/media/{media}/link", self.report);
        let mut others = vec![self.reporter.clone()];
        for id in ["reporter-boatyard-2", "officer-ferry", "station-north", "treasurer", "auditor"] {
            others.push(Person::sign_in(&self.bundle.url, id).await?);
        }
        others.push(Person::stranger(&self.bundle.url)?);
        let mut tries = Vec::new();
        for person in reviewers.iter().chain(&others) {
            let link = person.get(&path).await?;
            let mut status = link.status;
            if status == 200 {
                let (opened, bytes) = person.open(link.text("/url")).await?;
                status = if is_clean_copy(&bytes, photo) { opened } else { 0 };
            }
            tries.push(PhotoTry { who: person.id.clone(), status });
        }
        let unsigned = format!("{}/pingan-media/copies/{media}/working", self.bundle.url);
        let (status, _) = self.reporter.open(&unsigned).await?;
        tries.push(PhotoTry { who: "anyone with the bare address".to_owned(), status });
        Ok(tries)
    }
}

fn reviewers(notice: &Value) -> Option<String> {
    let attributes = &notice["attributes"];
    Some(format!("{} {}", attributes["stage"].as_str()?, attributes["node"].as_str()?))
}

impl Story {
    /// Whether everything happened that the story tells of.
    fn check(&self) -> Result<(), Failure> {
        let notified: usize = self.timeline.iter().map(|line| line.notified.len()).sum();
        if self.state != "adopted" || self.timeline.len() != 4 || notified != 3 || self.feedbacks < 4 {
            return Err(format!("the story is not complete: {self:?}").into());
        }
        for (index, attempt) in self.photo.iter().enumerate() {
            let reviewer = index < 3;
            if reviewer != (attempt.status == 200) {
                return Err(format!("the photo: {} was answered {}", attempt.who, attempt.status).into());
            }
        }
        Ok(())
    }

    /// The story as tables for people.
    pub fn tables(&self) -> String {
        let mut timeline = table(&["When", "Who", "What", "Who was notified", "What the reporter was told"]);
        for line in &self.timeline {
            let notified = if line.notified.is_empty() { "–".to_owned() } else { line.notified.join("\n") };
            let told = format!("{}\n{}", line.told_zh_cn, line.told_en);
            timeline.add_row([&line.when, &line.who, &line.what, &notified, &told]);
        }
        let mut photo = table(&["Who tried to open the photo", "Answer"]);
        for attempt in &self.photo {
            let answer = match attempt.status {
                200 => "opened".to_owned(),
                status => format!("refused ({status})"),
            };
            photo.add_row([&attempt.who, &answer]);
        }
        format!(
            "Report {} · 12 August · now {}, {} feedbacks to the reporter\n\n{timeline}\n\n{photo}",
            self.report, self.state, self.feedbacks
        )
    }
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic).set_width(132);
    table.set_header(header.iter().copied());
    table
}

/// Whether this is the same picture and not the same file.
fn is_clean_copy(copy: &[u8], photo: &[u8]) -> bool {
    let size = |bytes: &[u8]| image::load_from_memory(bytes).map(|picture| (picture.width(), picture.height())).ok();
    copy != photo && size(copy).is_some() && size(copy) == size(photo)
}

/// A picture such as a phone makes: a yard at dusk, drawn by arithmetic.
fn photo() -> Result<Vec<u8>, Failure> {
    let (width, height) = (1280, 960);
    let picture = image::RgbImage::from_fn(width, height, |x, y| {
        let sky = u8::try_from(200 - y * 120 / height).unwrap_or(0);
        let shed = (400..900).contains(&x) && (380..760).contains(&y);
        let door = (600..700).contains(&x) && (540..760).contains(&y);
        let grain = u8::try_from((x * 7 + y * 13) % 11).unwrap_or(0);
        match (door, shed, y > 760) {
            (true, ..) => image::Rgb([40 + grain, 30, 28]),
            (_, true, _) => image::Rgb([112 + grain, 96 + grain, 84]),
            (.., true) => image::Rgb([92 + grain, 88, 70 + grain]),
            _ => image::Rgb([sky, sky / 2 + 60, 150 - sky / 3]),
        }
    });
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Jpeg)?;
    Ok(bytes.into_inner())
}
