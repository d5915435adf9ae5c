//! Many at once, through the HTTP API: what must happen once happens once, and whoever was not first is told so.
//!
//! Each test ends with a look at the history of the report, whose chain must be whole.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use pingan_domain::event::verify_chain;
use pingan_domain::life::State;
use pingan_domain::member::MemberId;
use pingan_domain::report::ReportId;
use pingan_local::client::{Answer, Failure, Person};
use pingan_store::reports::History;
use pingan_store::{Key, List};
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::harness::World;
use crate::store::verify_accesses;

/// How many do it at once.
const MANY: usize = 16;
const REPORTER: &str = "reporter-boatyard-1";
const OFFICER: &str = "officer-boatyard";
const STATION: &str = "station-river";
const DISTRICT: &str = "district-police";

/// Random choices that can be made again: the seed is printed with a test that fails, and `PINGAN_TEST_SEED` sets it.
pub(crate) struct Dice(u64);

impl Dice {
    /// Dice with a new seed, or with the one that was set.
    #[expect(clippy::print_stdout, reason = "who sees the failure needs the seed")]
    pub(crate) fn from_seed() -> Self {
        let set = std::env::var("PINGAN_TEST_SEED").ok();
        let seed = match set {
            Some(seed) => seed.parse().expect("PINGAN_TEST_SEED is a number"),
            None => Uuid::new_v4().as_u64_pair().0,
        };
        println!("To make the same choices again, set PINGAN_TEST_SEED={seed}.");
        Self(seed)
    }

    /// The next number (`SplitMix64`).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `end - 1`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    /// One of several.
    pub(crate) fn pick<T: Copy>(&mut self, several: &[T]) -> T {
        several[self.below(several.len())]
    }

    /// A key that nobody has used.
    pub(crate) fn key(&mut self) -> Uuid {
        Uuid::from_u64_pair(self.next(), self.next())
    }

    /// Dice of their own for a task beside this one.
    pub(crate) fn split(&mut self) -> Self {
        Self(self.next())
    }
}

/// A bundle of its own, and what is to be seen of it after a race.
struct Track(World);

impl Track {
    async fn open() -> Self {
        Self(World::start().await)
    }

    async fn person(&self, id: &str) -> Person {
        self.0.person(id).await
    }

    /// The history of a report, whose chain is whole.
    async fn history(&self, report: &str) -> History {
        let history = self.0.history(report).await;
        assert_eq!(verify_chain(&history.events, history.report.head), Ok(()));
        assert_eq!(history.report.version, u64::try_from(history.events.len()).unwrap());
        history
    }

    /// The codes of everything that a reporter has sent in.
    async fn sent_by(&self, id: &str) -> BTreeSet<String> {
        let member = MemberId::parse(id).unwrap();
        let page = self.0.store().list(List::Mine(&member), &member, 100, None).await.unwrap();
        page.items.iter().map(|item| item.id.to_string()).collect()
    }

    /// A picture of the reporter's that was found to be one.
    async fn medium(&self, reporter: &Person, dice: &mut Dice) -> Uuid {
        let id = reporter.upload(dice.key(), "image/png", picture(dice)).await.unwrap();
        assert_eq!(reporter.verdict(id).await.unwrap().text("/state"), "ready");
        id
    }

    async fn attached_to(&self, media: Uuid) -> Option<String> {
        let media = self.0.store().load([Key::Media(media)]).await.unwrap().media(media).unwrap().unwrap();
        media.report.map(|report| report.to_string())
    }
}

/// A picture like no other.
pub(crate) fn picture(dice: &mut Dice) -> Vec<u8> {
    let (left, right) = dice.key().as_u64_pair();
    let picture = image::RgbImage::from_fn(16, 8, |x, y| {
        let [a, b, ..] = (left.rotate_left(x) ^ right.rotate_right(y)).to_be_bytes();
        image::Rgb([a, b, 128])
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// Does it so many times in the same moment, and gives what came of each in the order of the numbers.
async fn at_once<T, F>(count: usize, task: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Failure>> + Send + 'static,
{
    let start = Arc::new(Barrier::new(count));
    let mut tasks = JoinSet::new();
    for number in 0..count {
        let (task, start) = (task(number), start.clone());
        tasks.spawn(async move {
            start.wait().await;
            (number, task.await.unwrap())
        });
    }
    let mut done = tasks.join_all().await;
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, answer)| answer).collect()
}

/// Posts a body of its own for each number, in the same moment.
async fn post_at_once(requests: Vec<(Person, String, Uuid, Option<u64>, Value)>) -> Vec<Answer> {
    at_once(requests.len(), |number| {
        let (person, path, key, version, body) = requests[number].clone();
        async move { person.post(&path, key, version, &body).await }
    })
    .await
}

fn statuses(answers: &[Answer]) -> Vec<u16> {
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    statuses
}

/// One 200, and for all others this.
fn one_and(status: u16) -> Vec<u16> {
    let mut statuses = vec![status; MANY - 1];
    statuses.insert(0, 200);
    statuses
}

fn new_report(text: &str) -> Value {
    json!({ "category": "hazard", "text": text })
}

async fn sent(reporter: &Person, body: &Value, dice: &mut Dice) -> String {
    let answer = reporter.post("/reports", dice.key(), None, body).await.unwrap().expect(201).unwrap();
    answer.text("/id").to_owned()
}

/// The path of a report for those who review at this stage.
fn reviewed(stage: &str, report: &str) -> String {
    format!("/{stage}-review/reports/{report}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_decisions_on_one_version_one_is_taken() {
    let mut dice = Dice::from_seed();
    let track = Track::open().await;
    let (reporter, officer) = (track.person(REPORTER).await, track.person(OFFICER).await);
    let decisions = [
        json!({ "decision": "approve" }),
        json!({ "decision": "approve", "note": "Looked at twice." }),
        json!({ "decision": "return", "question": "Which gate?" }),
        json!({ "decision": "reject", "reason": "already_known" }),
        json!({ "decision": "reject", "reason": "out_of_scope_lawful_activity" }),
    ];
    for round in 0..3 {
        let report = sent(&reporter, &new_report("A cable hangs low."), &mut dice).await;
        let path = format!("{}/decisions", reviewed("officer", &report));
        let requests = (0..MANY)
            .map(|_| {
                let decision = if round == 0 { 0 } else { dice.below(decisions.len()) };
                (officer.clone(), path.clone(), dice.key(), Some(1), decisions[decision].clone())
            })
            .collect();
        let answers = post_at_once(requests).await;

        assert_eq!(statuses(&answers), one_and(412));
        let winner = answers.iter().find(|answer| answer.status == 200).unwrap();
        for loser in answers.iter().filter(|answer| answer.status == 412) {
            assert_eq!((loser.text("/type"), loser.body["version"].as_u64()), ("/problems/version_stale", Some(2)));
        }
        let history = track.history(&report).await;
        assert_eq!(history.events.len(), 2);
        assert_eq!(history.report.state.to_string(), winner.text("/state"));
        assert_eq!(winner.version(), Some(2));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_an_emergency_all_stages_may_act_and_one_does() {
    let mut dice = Dice::from_seed();
    let track = Track::open().await;
    let reporter = track.person(REPORTER).await;
    let people = [
        ("officer", track.person(OFFICER).await),
        ("station", track.person(STATION).await),
        ("district", track.person(DISTRICT).await),
        ("district", track.person("district-governance").await),
    ];
    let body = json!({ "category": "violent_threat", "urgency": "emergency", "text": "A man with a knife." });
    let report = sent(&reporter, &body, &mut dice).await;
    let requests = (0..MANY)
        .map(|number| {
            let (stage, person) = people[number % people.len()].clone();
            let path = format!("{}/decisions", reviewed(stage, &report));
            (person, path, dice.key(), Some(1), json!({ "decision": "approve" }))
        })
        .collect();
    let answers = post_at_once(requests).await;

    assert_eq!(statuses(&answers), one_and(412));
    let winner = answers.iter().position(|answer| answer.status == 200).unwrap();
    let after = [State::StationReview, State::DistrictReview, State::Adopted, State::Adopted][winner % people.len()];
    let history = track.history(&report).await;
    assert_eq!((history.events.len(), history.report.state), (2, after));
    assert_eq!(history.events[1].actor.as_str(), people[winner % people.len()].1.id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_is_sent_many_times_is_taken_in_once() {
    let mut dice = Dice::from_seed();
    let track = Track::open().await;
    let reporter = track.person(REPORTER).await;
    let media = track.medium(&reporter, &mut dice).await;
    let mut ids = BTreeSet::new();
    for body in [new_report("Sent from a tunnel."), json!({ "category": "crime", "text": "…", "media": [media] })] {
        let key = dice.key();
        let request = (reporter.clone(), "/reports".to_owned(), key, None, body);
        let answers = post_at_once(vec![request; MANY]).await;

        assert_eq!(statuses(&answers), [201; MANY]);
        let codes: BTreeSet<_> = answers.iter().map(|answer| answer.text("/id").to_owned()).collect();
        assert_eq!(codes.len(), 1);
        ids.extend(codes);
        assert_eq!(track.sent_by(REPORTER).await, ids);
    }
    for id in ids {
        assert_eq!(track.history(&id).await.events.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_one_key_one_of_many_bodies_is_taken() {
    let mut dice = Dice::from_seed();
    let track = Track::open().await;
    let reporter = track.person(REPORTER).await;
    let key = dice.key();
    let requests = (0..MANY)
        .map(|number| {
            (
                reporter.clone(),
                "/reports".to_owned(),
                key,
                None,
                new_report(&format!("What I saw, told {number} times.")),
            )
        })
        .collect();
    let answers = post_at_once(requests).await;

    let mut expected = vec![422; MANY - 1];
    expected.insert(0, 201);
    assert_eq!(statuses(&answers), expected);
    let winner = answers.iter().position(|answer| answer.status == 201).unwrap();
    let sent = track.sent_by(REPORTER).await;
    assert_eq!(sent, BTreeSet::from([answers[winner].text("/id").to_owned()]));
    let history = track.history(answers[winner].text("/id")).await;
    assert_eq!(history.contents[0].text, format!("What I saw, told {winner} times."));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_reports_at_once_are_all_taken_in() {
    let mut dice = Dice::from_seed();
    let track = Track::open().await;
    let reporters = [track.person(REPORTER).await, track.person("reporter-ferry-1").await];
    let requests = (0..MANY)
        .map(|number| {
            let reporter = reporters[number % 2].clone();
            (reporter, "/reports".to_owned(), dice.key(), None, new_report(&format!("Hazard {number}.")))
        })
        .collect();
    let answers = post_at_once(requests).await;

    assert_eq!(statuses(&answers), [201; MANY]);
    for (number, answer) in answers.iter().enumerate() {
        let history = track.history(answer.text("/id")).await;
        assert_eq!((history.events.len(), &*history.contents[0].text), (1, &*format!("Hazard {number}.")));
        assert_eq!(history.report.reporter.as_str(), reporters[number % 2].id);
    }
    let mut sent = track.sent_by(REPORTER).await;
    sent.extend(track.sent_by("reporter-ferry-1").await);
    assert_eq!(sent.len(), MANY);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_that_is_sent_many_times_is_made_once() {
    let mut dice = Dice::from_seed();
    let track = Track::open().await;
    let (reporter, officer) = (track.person(REPORTER).await, track.person(OFFICER).await);
    for body in [
        json!({ "decision": "approve" }),
        json!({ "decision": "return", "question": "Which gate?" }),
        json!({ "decision": "reject", "reason": "out_of_scope_lawful_activity" }),
    ] {
        let report = sent(&reporter, &new_report("A cable hangs low."), &mut dice).await;
        let path = format!("{}/decisions", reviewed("officer", &report));
        let answers = post_at_once(vec![(officer.clone(), path, dice.key(), Some(1), body); MANY]).await;

        assert_eq!(statuses(&answers), [200; MANY]);
        for answer in &answers {
            assert_eq!((answer.version(), answer.text("/state")), (Some(2), answers[0].text("/state")));
        }
        assert_eq!(track.history(&report).await.events.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reporter_takes_back_what_the_officer_approves_and_one_of_them_does() {
    let mut dice = Dice::from_seed();
    let track = Track::open().await;
    let (reporter, officer) = (track.person(REPORTER).await, track.person(OFFICER).await);
    for _ in 0..12 {
        let report = sent(&reporter, &new_report("It may be nothing."), &mut dice).await;
        let people = [(reporter.clone(), dice.key()), (officer.clone(), dice.key())];
        let waits = [dice.below(4), dice.below(4)].map(|ms| Duration::from_millis(u64::try_from(ms).unwrap()));
        let paths = [format!("/reports/{report}/withdraw"), format!("{}/decisions", reviewed("officer", &report))];
        let answers = at_once(2, |side| {
            let ((person, key), path, wait) = (people[side].clone(), paths[side].clone(), waits[side]);
            async move {
                tokio::time::sleep(wait).await;
                person.post(&path, key, Some(1), &json!({ "decision": "approve" })).await
            }
        })
        .await;

        assert_eq!(statuses(&answers), [200, 412]);
        let history = track.history(&report).await;
        let expected = if answers[0].status == 200 { State::Withdrawn } else { State::StationReview };
        assert_eq!((history.events.len(), history.report.state), (2, expected));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_messages_at_once_all_arrive() {
    let mut dice = Dice::from_seed();
    let track = Track::open().await;
    let (reporter, officer) = (track.person(REPORTER).await, track.person(OFFICER).await);
    let report = sent(&reporter, &new_report("Vans at night."), &mut dice).await;
    let sides = [
        (reporter, format!("/reports/{report}/messages")),
        (officer, format!("{}/messages", reviewed("officer", &report))),
    ];
    let requests = (0..MANY)
        .map(|number| {
            let (person, path) = sides[number % 2].clone();
            (person, path, dice.key(), None, json!({ "text": format!("Message {number}.") }))
        })
        .collect();
    let answers = post_at_once(requests).await;

    assert_eq!(statuses(&answers), [200; MANY]);
    let versions: BTreeSet<_> = answers.iter().filter_map(Answer::version).collect();
    assert_eq!(versions, (2..=17).collect());
    let history = track.history(&report).await;
    assert_eq!(history.events.len(), 1 + MANY);
    let mut texts: Vec<_> = history.contents[1..].iter().map(|content| content.text.clone()).collect();
    let mut expected: Vec<_> = (0..MANY).map(|number| format!("Message {number}.")).collect();
    texts.sort();
    expected.sort();
    assert_eq!(texts, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_medium_goes_to_one_of_two_reports() {
    let mut dice = Dice::from_seed();
    let track = Track::open().await;
    let reporter = track.person(REPORTER).await;
    let mut before = BTreeSet::new();
    for round in 0..6 {
        let media = track.medium(&reporter, &mut dice).await;
        let requests = (0..2)
            .map(|number| {
                let body =
                    json!({ "category": "crime", "text": format!("Round {round}, {number}."), "media": [media] });
                (reporter.clone(), "/reports".to_owned(), dice.key(), None, body)
            })
            .collect();
        let answers = post_at_once(requests).await;

        assert_eq!(statuses(&answers), [201, 400]);
        let (winner, loser) = if answers[0].status == 201 { (0, 1) } else { (1, 0) };
        assert_eq!(answers[loser].text("/errors/0/pointer"), "/media/0", "{}", answers[loser].body);
        let id = answers[winner].text("/id");
        assert_eq!(track.attached_to(media).await.as_deref(), Some(id));
        assert_eq!(track.history(id).await.report.media[0].id, media);
        before.insert(id.to_owned());
        assert_eq!(track.sent_by(REPORTER).await, before, "nothing of the other report is kept");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_medium_goes_to_a_new_report_or_to_an_answer() {
    let mut dice = Dice::from_seed();
    let track = Track::open().await;
    let (reporter, officer) = (track.person(REPORTER).await, track.person(OFFICER).await);
    for _ in 0..4 {
        let asked = sent(&reporter, &new_report("Vans at night."), &mut dice).await;
        let question = json!({ "decision": "return", "question": "Which gate?" });
        let path = format!("{}/decisions", reviewed("officer", &asked));
        officer.post(&path, dice.key(), Some(1), &question).await.unwrap().expect(200).unwrap();
        let media = track.medium(&reporter, &mut dice).await;
        let new = json!({ "category": "crime", "text": "The gate.", "media": [media] });
        let answer = json!({ "text": "This one.", "media": [media] });
        let requests = vec![
            (reporter.clone(), "/reports".to_owned(), dice.key(), None, new),
            (reporter.clone(), format!("/reports/{asked}/answer"), dice.key(), Some(2), answer),
        ];
        let answers = post_at_once(requests).await;

        let answered = answers[1].status == 200;
        assert_eq!(statuses(&answers), if answered { [200, 400] } else { [201, 400] });
        let loser = &answers[usize::from(!answered)];
        assert_eq!(loser.text("/errors/0/pointer"), "/media/0", "{}", loser.body);
        let history = track.history(&asked).await;
        assert_eq!((history.events.len(), history.report.media.len()), if answered { (3, 1) } else { (2, 0) });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_reports_one_can_be_the_duplicate_of_the_other() {
    let mut dice = Dice::from_seed();
    let track = Track::open().await;
    let (reporter, officer) = (track.person(REPORTER).await, track.person(OFFICER).await);
    for _ in 0..6 {
        let first = sent(&reporter, &new_report("Vans at night."), &mut dice).await;
        let second = sent(&reporter, &new_report("Lorries, late."), &mut dice).await;
        let mut link = |report: &str, original: &str| {
            let body = json!({ "decision": "mark_duplicate", "original": original });
            (officer.clone(), format!("{}/decisions", reviewed("officer", report)), dice.key(), Some(1), body)
        };
        let answers = post_at_once(vec![link(&first, &second), link(&second, &first)]).await;

        assert_eq!(statuses(&answers), [200, 400]);
        let loser = answers.iter().find(|answer| answer.status == 400).unwrap();
        assert_eq!(loser.text("/errors/0/pointer"), "/original", "{}", loser.body);
        let events = track.history(&first).await.events.len() + track.history(&second).await.events.len();
        assert_eq!(events, 3, "the loser's report is as it was");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_readers_at_once_are_all_served_and_all_written_down() {
    let mut dice = Dice::from_seed();
    let track = Track::open().await;
    let reporter = track.person(REPORTER).await;
    let media = track.medium(&reporter, &mut dice).await;
    let body = json!({ "category": "crime", "text": "The yard.", "media": [media] });
    let report = sent(&reporter, &body, &mut dice).await;
    let people = [
        ("officer", track.person(OFFICER).await),
        ("station", track.person(STATION).await),
        ("district", track.person(DISTRICT).await),
    ];
    let answers = at_once(MANY, |number| {
        let (stage, person) = people[number % people.len()].clone();
        let path =
            if number % 4 == 0 { format!("/reports/{report}/media/{media}/link") } else { reviewed(stage, &report) };
        async move { person.get(&path).await }
    })
    .await;

    assert_eq!(statuses(&answers), [200; MANY]);
    let id: ReportId = report.parse().unwrap();
    let accesses = track.0.store().accesses(id, 100).await.unwrap();
    assert_eq!(accesses.len(), MANY);
    verify_accesses(&accesses);
    for (number, (_, person)) in people.iter().enumerate() {
        let expected = (0..MANY).filter(|reader| reader % people.len() == number).count();
        assert_eq!(accesses.iter().filter(|access| access.actor.as_str() == person.id).count(), expected);
    }
    assert_eq!(accesses.iter().filter(|access| access.media == Some(media)).count(), MANY / 4);
    assert_eq!(track.history(&report).await.events.len(), 1, "reading changes nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_medium_that_is_announced_many_times_is_one_medium() {
    let mut dice = Dice::from_seed();
    let track = Track::open().await;
    let reporter = track.person(REPORTER).await;
    let (key, bytes) = (dice.key(), picture(&mut dice));
    let announced = at_once(MANY, |_| {
        let (reporter, bytes) = (reporter.clone(), bytes.clone());
        async move { reporter.announce(key, "image/png", &bytes).await }
    })
    .await;
    assert_eq!(statuses(&announced), [201; MANY]);
    let ids: BTreeSet<_> = announced.iter().map(|answer| answer.text("/id").to_owned()).collect();
    assert_eq!(ids.len(), 1);

    // Every one of the signed requests works, and the first verdict stands.
    let uploaded = at_once(MANY, |number| {
        let (reporter, bytes) = (reporter.clone(), bytes.clone());
        let upload = announced[number].body["upload"].clone();
        async move { reporter.put(&upload, bytes).await }
    })
    .await;
    assert_eq!(uploaded, [200; MANY]);
    let media = ids.first().unwrap().parse().unwrap();
    assert_eq!(reporter.verdict(media).await.unwrap().text("/state"), "ready");

    let body = json!({ "category": "crime", "text": "The yard.", "media": [media] });
    let report = sent(&reporter, &body, &mut dice).await;
    assert_eq!(track.history(&report).await.report.media.len(), 1);
}
