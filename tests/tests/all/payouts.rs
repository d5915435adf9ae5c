//! Payouts at the counter: by a one-time code, by two people, once.

use pingan_domain::ledger::{Fund, FundId};
use pingan_local::client::Answer;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    handovers::Hand,
    harness::{DEMO, World, assert_says_nothing_of, each, expect, expect_problem},
    rewards,
};

/// How many at once.
const MANY: usize = 16;
/// Who has reported what [`crate::handovers::adopted`] is about.
const REPORTER: &str = "reporter-boatyard-1";

/// A district with an approved reward of 30 yuan.
pub(crate) struct Counter {
    pub(crate) world: World,
    pub(crate) reward: String,
    reporter: Hand,
    treasurer: Hand,
    pub(crate) manager: Hand,
}

impl Counter {
    pub(crate) async fn open() -> Self {
        Self::open_in(World::start_here().await).await
    }

    async fn open_in(world: World) -> Self {
        rewards::ruled(&world).await;
        let reward = rewards::of_report(&world, &crate::handovers::adopted(&world).await).await;
        for manager in ["district-governance", "district-police"] {
            let hand = Hand::of(&world, manager).await;
            let path = format!("{DEMO}/rewards/{reward}");
            let version = hand.person.get(&path).await.unwrap().version();
            let agree = json!({ "step": "agree" });
            let agreed = hand.person.post(&format!("{path}/steps"), hand.keys.next(), version, &agree).await.unwrap();
            expect(agreed, 200);
        }
        Self {
            reward,
            reporter: Hand::of(&world, REPORTER).await,
            treasurer: Hand::of(&world, "treasurer").await,
            manager: Hand::of(&world, "district-governance").await,
            world,
        }
    }

    pub(crate) async fn makes_code(&self) -> String {
        let path = format!("/me/rewards/{}/claim-code", self.reward);
        let made = self.reporter.person.post(&path, self.reporter.keys.next(), None, &json!({})).await.unwrap();
        let made = expect(made, 201);
        assert_eq!(made.headers["cache-control"], "no-store");
        made.text("/code").to_owned()
    }

    pub(crate) async fn types(&self, code: &str) -> Answer {
        let body = json!({ "reward": self.reward, "code": code });
        self.treasurer
            .person
            .post(&format!("{DEMO}/payouts/checks"), self.treasurer.keys.next(), None, &body)
            .await
            .unwrap()
    }

    pub(crate) async fn steps(&self, hand: &Hand, version: Option<u64>, step: &Value) -> Answer {
        let path = format!("{DEMO}/rewards/{}/payouts/0/steps", self.reward);
        hand.person.post(&path, hand.keys.next(), version, step).await.unwrap()
    }

    async fn fund(&self) -> Fund {
        let id = FundId { district: "demo".parse().unwrap(), year: 2037 };
        let entries = self.world.store().ledger(&id).await.unwrap();
        let fund = Fund::replay(id, &entries).unwrap();
        assert!(fund.is_balanced(), "{fund:?}");
        fund
    }
}

/// A code that differs from this one, and that could be one.
fn other_than(code: &str) -> String {
    use pingan_domain::{claim_code::ClaimCode, hash::Digest};
    let share = code.parse::<ClaimCode>().unwrap().share();
    ClaimCode::new(share, &Digest::of(&[b"another"])).to_string()
}

#[tokio::test]
async fn a_code_and_two_people_pay_once_and_nobody_asks_who_it_is() {
    let counter = Counter::open().await;
    let code = counter.makes_code().await;
    let checked = expect(counter.types(&code).await, 200);
    assert_eq!((checked.text("/state"), &checked.body["amount_fen"]), ("checked", &json!(3_000)));
    assert_says_nothing_of(&checked.body, &[REPORTER, "boatyard"]);
    let confirm = json!({ "step": "confirm" });
    // Who has checked it does not confirm it.
    let alone = counter.steps(&counter.treasurer, checked.version(), &confirm).await;
    expect_problem(&alone, 403, "second_person");
    let paid = expect(counter.steps(&counter.manager, checked.version(), &confirm).await, 200);
    assert_eq!(paid.text("/state"), "paid");
    let fund = counter.fund().await;
    assert_eq!((fund.reserved_fen, fund.paid_fen), (0, 3_000));
    let mine = expect(counter.reporter.person.get("/me/rewards").await.unwrap(), 200);
    assert_eq!(mine.body["items"][0]["state"], "paid");
    // Neither the code nor the step pays again.
    assert_eq!(counter.types(&code).await.status, 409);
    assert_eq!(counter.steps(&counter.manager, paid.version(), &confirm).await.status, 409);
    assert_eq!(counter.fund().await.paid_fen, 3_000);
    let list = expect(counter.treasurer.person.get(&format!("{DEMO}/payouts?state=paid")).await.unwrap(), 200);
    assert_eq!(each(&list.body["items"], "reward"), [&*counter.reward]);
}

#[tokio::test]
async fn what_is_on_its_way_is_not_taken_back() {
    let counter = Counter::open().await;
    let checked = expect(counter.types(&counter.makes_code().await).await, 200);
    let path = format!("{DEMO}/rewards/{}", counter.reward);
    let reverse = async || {
        let version = counter.manager.person.get(&path).await.unwrap().version();
        let reverse = json!({ "step": "reverse", "reason": "Another district paid." });
        let steps = format!("{path}/steps");
        counter.manager.person.post(&steps, counter.manager.keys.next(), version, &reverse).await.unwrap()
    };
    expect_problem(&reverse().await, 409, "payout_open");
    let cancel = json!({ "step": "cancel", "reason": "claimant_left" });
    expect(counter.steps(&counter.treasurer, checked.version(), &cancel).await, 200);
    expect(reverse().await, 200);
    assert_eq!(counter.fund().await.reserved_fen, 0);
}

#[tokio::test]
async fn a_code_is_shown_again_to_its_retry_alone_and_a_new_one_ends_it() {
    let counter = Counter::open().await;
    let (path, key) = (format!("/me/rewards/{}/claim-code", counter.reward), counter.reporter.keys.next());
    let mut codes = Vec::new();
    for _ in 0..2 {
        let made = counter.reporter.person.post(&path, key, None, &json!({})).await.unwrap();
        codes.push(expect(made, 201).text("/code").to_owned());
    }
    assert_eq!(codes[0], codes[1]);
    let newer = counter.makes_code().await;
    assert_ne!(newer, codes[0]);
    expect_problem(&counter.types(&codes[0]).await, 403, "wrong_claim_code");
    expect(counter.types(&newer).await, 200);
}

#[tokio::test]
async fn wrong_codes_lock_the_share_and_a_manager_unlocks_it() {
    let counter = Counter::open().await;
    let code = counter.makes_code().await;
    let wrong = other_than(&code);
    for _ in 0..4 {
        expect_problem(&counter.types(&wrong).await, 403, "wrong_claim_code");
    }
    expect_problem(&counter.types(&wrong).await, 409, "claim_locked");
    expect_problem(&counter.types(&code).await, 409, "claim_locked");
    let list = expect(counter.manager.person.get(&format!("{DEMO}/payouts?state=waiting")).await.unwrap(), 200);
    let version = list.body["items"][0]["version"].as_u64();
    expect(counter.steps(&counter.manager, version, &json!({ "step": "unlock" })).await, 200);
    expect(counter.types(&counter.makes_code().await).await, 200);
    // Whoever types wrong codes is not looked at any more for a while.
    for _ in 0..6 {
        counter.types(&wrong).await;
    }
    assert_eq!(counter.fund().await.paid_fen, 0);
}

#[tokio::test]
async fn of_many_who_confirm_at_once_one_pays() {
    let counter = Counter::open().await;
    let code = counter.makes_code().await;
    let checked = expect(counter.types(&code).await, 200);
    let mut confirming = JoinSet::new();
    for _ in 0..MANY {
        let (person, key, version) = (counter.manager.person.clone(), counter.manager.keys.next(), checked.version());
        let path = format!("{DEMO}/rewards/{}/payouts/0/steps", counter.reward);
        confirming.spawn(async move {
            person.post(&path, key, version, &json!({ "step": "confirm" })).await.unwrap().status
        });
    }
    let answers = confirming.join_all().await;
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|status| [200, 409, 412].contains(status)), "{answers:?}");
    assert_eq!(counter.fund().await.paid_fen, 3_000);
}

/// The fund has nothing else that was paid: who is late may see a reward of before and a fund of after.
#[tokio::test]
async fn of_many_who_take_back_what_was_paid_one_does() {
    let counter = Counter::open().await;
    let code = counter.makes_code().await;
    let checked = expect(counter.types(&code).await, 200);
    expect(counter.steps(&counter.manager, checked.version(), &json!({ "step": "confirm" })).await, 200);
    let path = format!("{DEMO}/rewards/{}", counter.reward);
    let version = counter.treasurer.person.get(&path).await.unwrap().version();
    let recover = json!({ "step": "recover", "share": 0, "reason": "It was no hazard." });
    let mut recovering = JoinSet::new();
    for _ in 0..MANY {
        let (person, key) = (counter.treasurer.person.clone(), counter.treasurer.keys.next());
        let (path, recover) = (format!("{path}/steps"), recover.clone());
        recovering.spawn(async move { person.post(&path, key, version, &recover).await.unwrap().status });
    }
    let answers = recovering.join_all().await;
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|status| [200, 409, 412].contains(status)), "{answers:?}");
    let fund = counter.fund().await;
    assert_eq!((fund.paid_fen, fund.available_fen), (0, fund.granted_fen));
}

#[tokio::test]
async fn what_nobody_claims_in_time_goes_back_after_a_reminder() {
    let counter = Counter::open().await;
    let (bundle, path) = (counter.world.bundle(), format!("{DEMO}/rewards/{}", counter.reward));
    let actions = async || {
        let manager = Hand::of(&counter.world, "district-governance").await;
        let reward = expect(manager.person.get(&path).await.unwrap(), 200).body;
        each(&reward["history"], "action").into_iter().skip(3).map(str::to_owned).collect::<Vec<_>>()
    };
    // Approved on 12 August, it can be claimed for 90 days.
    counter.world.set_clock("2037-10-27T01:29:00Z");
    assert_eq!(bundle.run_reward_clock().await.unwrap(), 0);
    counter.world.set_clock("2037-10-27T01:31:00Z");
    // However many runs there are at once, people are reminded once.
    let many = futures::future::join_all((0..MANY).map(|_| bundle.run_reward_clock())).await;
    assert_eq!(many.into_iter().map(Result::unwrap).sum::<usize>(), 1);
    assert_eq!(actions().await, ["remind"]);

    // While somebody stands at the counter, nothing lapses.
    let again = Counter { reporter: Hand::of(&counter.world, REPORTER).await, ..counter };
    again.world.set_clock("2037-11-10T01:29:00Z");
    let again = Counter { treasurer: Hand::of(&again.world, "treasurer").await, ..again };
    let again = Counter { reporter: Hand::of(&again.world, REPORTER).await, ..again };
    let code = again.makes_code().await;
    let checked = expect(again.types(&code).await, 200);
    again.world.set_clock("2037-11-10T01:31:00Z");
    let bundle = again.world.bundle();
    assert_eq!(bundle.run_reward_clock().await.unwrap(), 0);
    let cancel = json!({ "step": "cancel", "reason": "claimant_left" });
    expect(again.steps(&again.treasurer, checked.version(), &cancel).await, 200);
    let many = futures::future::join_all((0..MANY).map(|_| bundle.run_reward_clock())).await;
    assert_eq!(many.into_iter().map(Result::unwrap).sum::<usize>(), 1);
    let fund = again.fund().await;
    assert_eq!((fund.reserved_fen, fund.paid_fen, fund.available_fen), (0, 0, fund.granted_fen));
    let mine = expect(Hand::of(&again.world, REPORTER).await.person.get("/me/rewards").await.unwrap(), 200);
    assert_eq!(mine.body["items"][0]["state"], "lapsed");
    assert_eq!(bundle.run_reward_clock().await.unwrap(), 0);
}

#[tokio::test]
async fn what_was_promised_is_paid_after_the_year_was_closed_and_nothing_more_is_promised() {
    let world = World::start_here().await;
    world.set_clock("2037-12-30T01:30:00Z");
    let counter = Counter::open_in(world).await;
    let other = rewards::of_report(&counter.world, &crate::handovers::adopted(&counter.world).await).await;
    let (fund, manager) = (rewards::fund(&counter.world), &counter.manager);
    let seen = manager.person.get(&fund).await.unwrap().version();
    let lapse = json!({ "movement": "lapse", "reason": "The year is over." });
    let movements = format!("{fund}/movements");
    let early = manager.person.post(&movements, manager.keys.next(), seen, &lapse).await.unwrap();
    expect_problem(&early, 409, "year_not_over");
    counter.world.set_clock("2037-12-31T01:30:00Z");
    let closed = expect(manager.person.post(&movements, manager.keys.next(), seen, &lapse).await.unwrap(), 200);
    assert_eq!((&closed.body["available_fen"], &closed.body["reserved_fen"]), (&json!(0), &json!(3_000)));
    // What nobody had agreed to waits for the next year, with all that was agreed.
    let police = Hand::of(&counter.world, "district-police").await;
    let path = format!("{DEMO}/rewards/{other}");
    let agrees = async |hand: &Hand| {
        let version = hand.person.get(&path).await.unwrap().version();
        let (steps, agree) = (format!("{path}/steps"), json!({ "step": "agree" }));
        expect(hand.person.post(&steps, hand.keys.next(), version, &agree).await.unwrap(), 200)
    };
    agrees(&counter.manager).await;
    agrees(&police).await;
    let waits = expect(police.person.get(&path).await.unwrap(), 200).body;
    assert_eq!((&waits["state"], &waits["waits_for_fund"]), (&json!("proposed"), &json!(true)));
    // What was promised before is paid from it.
    let checked = expect(counter.types(&counter.makes_code().await).await, 200);
    expect(counter.steps(&counter.manager, checked.version(), &json!({ "step": "confirm" })).await, 200);
    let end = counter.fund().await;
    assert_eq!((end.reserved_fen, end.paid_fen, end.available_fen), (0, 3_000, 0));
    // In the next year those who have agreed let it go on.
    counter.world.set_clock("2038-01-04T01:30:00Z");
    rewards::granted(&counter.world, 100_000).await;
    let police = Hand::of(&counter.world, "district-police").await;
    assert_eq!(agrees(&police).await.text("/state"), "approved");
    assert_eq!(counter.fund().await.reserved_fen, 0, "it is promised by the year in which it was approved");
}

#[tokio::test]
async fn a_wrong_code_stays_wrong_however_often_it_is_sent() {
    let counter = Counter::open().await;
    let code = counter.makes_code().await;
    let body = json!({ "reward": counter.reward, "code": other_than(&code) });
    let (path, key) = (format!("{DEMO}/payouts/checks"), counter.treasurer.keys.next());
    let mut typing = JoinSet::new();
    for _ in 0..MANY {
        let (person, path, body) = (counter.treasurer.person.clone(), path.clone(), body.clone());
        typing.spawn(async move { person.post(&path, key, None, &body).await.unwrap() });
    }
    for answer in typing.join_all().await {
        expect_problem(&answer, 403, "wrong_claim_code");
    }
    // It was one try, and the right one is still taken.
    expect(counter.types(&code).await, 200);
}
