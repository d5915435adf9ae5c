//! The job of deadlines, killed in the middle of its work.

use jiff::{SignedDuration, Timestamp};
use pingan_domain::{life::Action, notice::Audience, overdue::MAX_REMINDERS};
use pingan_local::{
    bundle::{Bundle, Options},
    clock::Clock,
};

use super::*;

/// How many reports wait.
const WAITING: usize = 150;
/// How often the job is killed.
const JOB_KILLS: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_is_killed_again_and_again_does_each_thing_once() {
    let mut dice = Dice::from_seed();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("state");
    // A week ago the officer was sent all of them, and has done nothing since.
    let week = SignedDuration::from_hours(7 * 24);
    let clock = Clock::standing(Timestamp::now().checked_sub(week).unwrap());
    let bundle = Bundle::start(Options::new(&data, 0, clock)).await.unwrap();
    let reporter = Person::sign_in(&bundle.url, "reporter-boatyard-1").await.unwrap();
    let mut codes = Vec::new();
    for _ in 0..WAITING {
        let body = json!({ "category": "hazard", "text": "What I saw." });
        let sent = reporter.post("/reports", dice.key(), None, &body).await.unwrap().expect(201).unwrap();
        codes.push(sent.text("/id").to_owned());
    }
    bundle.stop().await;

    // The job begins with the bundle, and is killed wherever it is.
    for _ in 0..JOB_KILLS {
        let mut server = Server::start(&data, &[]).await;
        tokio::time::sleep(Duration::from_millis(u64::try_from(dice.below(150)).unwrap())).await;
        server.kill();
    }

    let bundle = Bundle::start(Options::new(&data, 0, Clock::real())).await.unwrap();
    bundle.run_deadlines().await.unwrap();
    bundle.run_deadlines().await.unwrap();
    let mut reminded = 0;
    for code in &codes {
        let history = bundle.store.history(code.parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(verify_chain(&history.events, history.report.head), Ok(()));
        let actions: Vec<_> = history.events.iter().map(|event| event.action).collect();
        assert_eq!(actions, [Action::Submit, Action::Remind], "{code}");
        assert!(history.report.reminders == 1 && 1 < MAX_REMINDERS);
        reminded += 1;
    }
    assert_eq!(reminded, WAITING);
    // Each is in the officer's inbox once.
    let to = Audience::Reviewers {
        stage: pingan_domain::life::Stage::Officer,
        node: "demo.river.boatyard".parse().unwrap(),
    };
    let reader = MemberId::parse("officer-boatyard").unwrap();
    let mut told = BTreeMap::<String, usize>::new();
    let mut cursor: Option<String> = None;
    for _ in 0..20 {
        let of = std::slice::from_ref(&to);
        let page = bundle.store.inbox(of, &reader, 100, cursor.as_deref(), Timestamp::now()).await.unwrap();
        for notice in page.items.iter().filter(|notice| notice.what.action() == "remind") {
            *told.entry(notice.deduplication_key.clone()).or_default() += 1;
        }
        cursor = Some(page.next);
        if !page.more {
            break;
        }
    }
    assert_eq!(told.len(), WAITING, "one for each report");
    bundle.stop().await;
}
