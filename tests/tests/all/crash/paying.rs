//! The bank's answer and payments at the counter, killed in the middle: each share is paid once, and what is left in the
//! end is what is left without a kill.

use std::sync::Arc;

use jiff::Timestamp;
use pingan_bankfile::answer;
use pingan_domain::{code::Code, ledger::Movement, payout_transfer};
use pingan_local::{
    bundle::{Bundle, Options},
    clock::Clock,
};
use pingan_store::Key;

use super::*;
use crate::batches::{Desk, Place, REFUSED, WORTH_FEN, brings, paid};
use crate::harness::{DEMO, expect};

/// How many shares are paid.
const SHARES: usize = 14;
/// How often the payment is killed.
const PAY_KILLS: usize = 6;

/// A district with approved rewards, in a folder on which nothing runs, after `prepare`.
async fn filled<T>(data: &Path, prepare: impl AsyncFnOnce(&Desk<'static>) -> T) -> (Desk<'static>, T) {
    let bundle = Bundle::start(Options { weekly: false, ..Options::new(data, 0, Clock::real()) }).await.unwrap();
    let today = Timestamp::now().in_tz("Asia/Shanghai").unwrap().date();
    let desk = Desk::fill(Place::Url(bundle.url.clone()), today, SHARES).await;
    let prepared = prepare(&desk).await;
    bundle.stop().await;
    (desk, prepared)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// What is left, in a folder on which nothing runs.
async fn left(desk: &Desk<'_>, data: &Path) -> Vec<String> {
    let bundle = Bundle::start(Options { weekly: false, ..Options::new(data, 0, Clock::real()) }).await.unwrap();
    let picture = desk.picture(&bundle.store).await;
    bundle.stop().await;
    picture
}

#[expect(clippy::print_stdout, reason = "whoever sees this test fail wants to know how far it came")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_the_bank_that_is_killed_again_and_again_pays_each_line_once() {
    let mut dice = Dice::from_seed();
    let folder = tempfile::tempdir().unwrap();
    let (calm, killed) = (folder.path().join("calm"), folder.path().join("killed"));
    let all: Vec<_> = (0..SHARES).collect();
    let (desk, (batch, order)) = filled(&calm, async |desk| desk.released(&all).await).await;
    copy(&calm, &killed);
    let results: Vec<_> = all.iter().map(|line| if line % 4 == 3 { REFUSED } else { paid(*line) }).collect();
    let file = answer::write(&order, &results).unwrap();

    let server = Server::start(&calm, &[]).await;
    let begun = Instant::now();
    expect(desk.at(&server.url).brings(&batch, &file).await, 200);
    let took = begun.elapsed();
    drop(server);
    let expected = left(&desk, &calm).await;

    let (key, mut cut_off) = (desk.key(), 0);
    for kill in 0..PAY_KILLS {
        let mut server = Server::start(&killed, &[]).await;
        let treasurer = server.person("treasurer").await;
        // The same request, or the same file under another key.
        let key = if kill % 2 == 0 { key } else { desk.key() };
        let (batch, file) = (batch.clone(), file.clone());
        let bringing =
            tokio::spawn(async move { brings(&treasurer, key, &batch, &file).await.map(|answer| answer.status) });
        // Each kill comes within what is left of the work, as long as any is.
        let until = usize::try_from(took.as_millis()).unwrap() / PAY_KILLS * 2;
        tokio::time::sleep(Duration::from_millis(u64::try_from(dice.below(until.max(2))).unwrap())).await;
        server.kill();
        match bringing.await.unwrap() {
            Ok(status) => assert_eq!(status, 200),
            Err(_) => cut_off += 1,
        }
    }
    println!("Taken in {took:?} without a kill; {cut_off} of {PAY_KILLS} were cut off.");
    assert!(cut_off > 0, "no kill came in the middle");
    let server = Server::start(&killed, &[]).await;
    let there = desk.at(&server.url);
    let answered = expect(there.brings(&batch, &file).await, 200);
    assert_eq!(answered.text("/state"), "settled");
    // And once more, now that nothing is left to do.
    assert_eq!(expect(there.brings(&batch, &file).await, 200).version(), answered.version());
    drop(server);
    assert_eq!(left(&desk, &killed).await, expected);

    let bundle = Bundle::start(Options { weekly: false, ..Options::new(&killed, 0, Clock::real()) }).await.unwrap();
    let id = Code::parse(&batch).unwrap();
    let events = bundle.store.batch_events(id, 100).await.unwrap();
    let head = bundle.store.load([Key::Batch(id)]).await.unwrap().batch(id).unwrap().unwrap().head;
    assert_eq!(payout_transfer::verify_chain(&events, head), Ok(()));
    let actions: Vec<_> = events.iter().map(|event| event.action.to_string()).collect();
    assert_eq!(actions, ["make", "add", "release", "fetch", "answer", "settle"]);
    bundle.stop().await;
}

/// Confirms what was checked. A console sends again what was not answered, under the same key.
async fn confirm(person: Person, checked: Arc<Vec<(String, Uuid, Option<u64>)>>) -> Result<(), Failure> {
    for (reward, key, version) in checked.iter() {
        let path = format!("{DEMO}/rewards/{reward}/payouts/0/steps");
        let answer = person.post(&path, *key, *version, &json!({ "step": "confirm" })).await?;
        assert_eq!((answer.status, answer.text("/state")), (200, "paid"), "{}", answer.body);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payments_at_the_counter_that_are_killed_again_and_again_pay_once() {
    let mut dice = Dice::from_seed();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("state");
    let (desk, checked) = filled(&data, async |desk| {
        let treasurer = desk.person("treasurer").await;
        let mut checked = Vec::new();
        for (reward, reporter) in desk.rewards.iter().zip(&desk.reporters) {
            let reporter = desk.person(reporter).await;
            let made = desk.post(&reporter, &format!("/me/rewards/{reward}/claim-code"), None, &json!({})).await;
            let shown = json!({ "reward": reward, "code": expect(made, 201).text("/code") });
            let answer = desk.post(&treasurer, &format!("{DEMO}/payouts/checks"), None, &shown).await;
            checked.push((reward.clone(), desk.key(), expect(answer, 200).version()));
        }
        checked
    })
    .await;
    let checked = Arc::new(checked);
    for _ in 0..PAY_KILLS {
        let mut server = Server::start(&data, &[]).await;
        let manager = server.person("district-police").await;
        let confirming = tokio::spawn(confirm(manager, checked.clone()));
        tokio::time::sleep(Duration::from_millis(u64::try_from(dice.below(150)).unwrap())).await;
        server.kill();
        // A call that broke off ends it; a check that failed in it must be seen.
        drop(confirming.await.unwrap());
    }
    let server = Server::start(&data, &[]).await;
    confirm(server.person("district-police").await, checked).await.unwrap();
    drop(server);
    let bundle = Bundle::start(Options { weekly: false, ..Options::new(&data, 0, Clock::real()) }).await.unwrap();
    desk.picture(&bundle.store).await;
    let (fund, entries) = desk.fund(&bundle.store).await;
    assert_eq!((fund.reserved_fen, fund.paid_fen), (0, WORTH_FEN * u64::try_from(SHARES).unwrap()));
    let paid: BTreeSet<_> =
        entries.iter().filter(|entry| entry.movement == Movement::Pay).map(|entry| entry.reward).collect();
    assert_eq!(paid.len(), SHARES);
    bundle.stop().await;
}
