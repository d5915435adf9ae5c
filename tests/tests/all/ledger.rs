//! The proof of the money: whatever many people do at once, the records say the same; and whoever changes
//! one of them behind the platform's back is found out.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use pingan_domain::{
    ledger::{Fund, FundId, Movement},
    payout::PayoutId,
    proof::{Of, Proof},
    reward::{Reward, RewardId, ShareState},
};
use pingan_local::client::{Answer, Person};
use pingan_store::{
    Key,
    item::{Item, key_attributes},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    handovers::{self, Hand},
    harness::{DEMO, World, dynamodb, expect},
    payouts::Counter,
    races::Dice,
    rewards,
};

/// How many act at once.
const MANY: usize = 16;
/// How many things each of them does in a round.
const STEPS: usize = 12;
/// How many rounds there are, each with rewards of its own and choices of its own.
const ROUNDS: usize = 3;
/// How many rewards they all fall upon in a round.
const REWARDS: usize = 4;
/// What is granted at first: enough for some of the rewards, and not for all.
const GRANTED_FEN: u64 = 20_000;

fn fund_id() -> FundId {
    FundId { district: "demo".parse().unwrap(), year: 2037 }
}

async fn proved(world: &World) -> Proof {
    world.store().prove(&Of::default()).await.unwrap()
}

fn assert_right(proof: &Proof, of: &str) {
    assert!(proof.is_right(), "{of}: {:#?} {:#?}", proof.differences, proof.unreadable);
}

/// Everybody who has to do with money, and what they know of each other's doings.
#[derive(Clone)]
struct Crowd {
    managers: [Person; 2],
    treasurer: Person,
    reporter: Person,
    rewards: Arc<Vec<String>>,
    /// The code of each reward that was shown last.
    codes: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Crowd {
    /// Does one of the things that can be done with a reward or the fund, on what is read now or what
    /// was read a moment before, and sometimes twice by the same key. Says what it was.
    async fn acts(&self, dice: &mut Dice) -> (&'static str, Answer) {
        let reward = self.rewards[dice.below(self.rewards.len())].clone();
        let manager = self.managers[dice.below(2)].clone();
        let fund = format!("{DEMO}/funds/2037");
        let (steps, payout) =
            (format!("{DEMO}/rewards/{reward}/steps"), format!("{DEMO}/rewards/{reward}/payouts/0/steps"));
        let reads = async |path: String| manager.get(&path).await.unwrap();
        let of_reward = async || reads(format!("{DEMO}/rewards/{reward}")).await.version();
        // Of a payout nobody reads more than the list; before its first step its version is 0.
        let of_payout = async || {
            for state in ["checked", "waiting", "paid"] {
                let list = reads(format!("{DEMO}/payouts?state={state}&limit=100")).await;
                let of = |item: &&Value| item["reward"] == *reward;
                if let Some(item) = list.body["items"].as_array().and_then(|items| items.iter().find(of)) {
                    return item["version"].as_u64();
                }
            }
            Some(0)
        };
        let (what, who, path, version, body) = match dice.below(30) {
            0 | 1 => {
                let amount_fen = 1 + dice.below(4_000);
                let grant = json!({ "movement": "grant", "amount_fen": amount_fen, "reason": "More." });
                ("grant", &manager, format!("{fund}/movements"), reads(fund).await.version(), grant)
            }
            2 => {
                let amount_fen = 1 + dice.below(3_000);
                let back = json!({ "movement": "return", "amount_fen": amount_fen, "reason": "Less." });
                ("return", &manager, format!("{fund}/movements"), reads(fund).await.version(), back)
            }
            3 => {
                let amount_fen = 3_000 + dice.below(2_001);
                let adjust = json!({ "step": "adjust", "amount_fen": amount_fen, "reason": "Looked at again." });
                ("adjust", &manager, steps, of_reward().await, adjust)
            }
            4..=10 => ("agree", &manager, steps, of_reward().await, json!({ "step": "agree" })),
            11 => {
                let decline = json!({ "step": "decline", "reason": "already_known", "note": "It was known." });
                ("decline", &manager, steps, of_reward().await, decline)
            }
            12 | 13 => {
                let path = format!("/me/rewards/{reward}/appeal");
                ("appeal", &self.reporter, path, None, json!({ "text": "I was the first." }))
            }
            14 => {
                let reverse = json!({ "step": "reverse", "reason": "Another district has paid." });
                ("reverse", &manager, steps, of_reward().await, reverse)
            }
            15..=17 => {
                let path = format!("/me/rewards/{reward}/claim-code");
                ("code", &self.reporter, path, None, json!({}))
            }
            18..=22 => {
                let code = self.codes.lock().unwrap().get(&reward).cloned().unwrap_or_default();
                let path = format!("{DEMO}/payouts/checks");
                ("check", &self.treasurer, path, None, json!({ "reward": reward, "code": code }))
            }
            23..=26 => ("confirm", &manager, payout, of_payout().await, json!({ "step": "confirm" })),
            27 => {
                let cancel = json!({ "step": "cancel", "reason": "claimant_left" });
                ("cancel", &manager, payout, of_payout().await, cancel)
            }
            _ => {
                let recover = json!({ "step": "recover", "share": 0, "reason": "It was no hazard." });
                ("recover", &self.treasurer, steps, of_reward().await, recover)
            }
        };
        let key = dice.key();
        let mut answer = who.post(&path, key, version, &body).await.unwrap();
        if dice.below(4) == 0 {
            // The answer was lost on its way, and the phone asks again.
            let again = who.post(&path, key, version, &body).await.unwrap();
            assert!(answer.status != 200 || [200, 503].contains(&again.status), "{what}: {answer:?}, then {again:?}");
            answer = if answer.status == 200 { answer } else { again };
        }
        if what == "code" && answer.status == 201 {
            self.codes.lock().unwrap().insert(reward, answer.text("/code").to_owned());
        }
        (what, answer)
    }
}

/// Approves these rewards and makes their codes, so that some can be paid from the first moment on.
async fn paying(world: &World, ids: &[String]) -> BTreeMap<String, String> {
    let mut codes = BTreeMap::new();
    for id in ids {
        let path = format!("{DEMO}/rewards/{id}");
        for manager in ["district-police", "district-governance"] {
            let hand = Hand::of(world, manager).await;
            let version = hand.person.get(&path).await.unwrap().version();
            let agreed = hand.post(&format!("{path}/steps"), version, &json!({ "step": "agree" })).await;
            expect(agreed, 200);
        }
        let reporter = Hand::of(world, "reporter-boatyard-1").await;
        let made = reporter.post(&format!("/me/rewards/{id}/claim-code"), None, &json!({})).await;
        // Where the fund has been emptied the reward waits, and has no code yet.
        if made.status == 201 {
            codes.insert(id.clone(), made.text("/code").to_owned());
        }
    }
    codes
}

/// What has to be true of a fund at any moment.
async fn assert_holds(world: &World) {
    let fund = world.store().load([Key::Fund(fund_id())]).await.unwrap().fund(&fund_id()).unwrap();
    if let Some(fund) = fund {
        assert!(fund.is_balanced(), "{fund:?}");
    }
}

async fn reward(world: &World, id: RewardId) -> Reward {
    world.store().reward_history(id).await.unwrap().unwrap().reward
}

#[expect(clippy::print_stdout, reason = "who sees the failure needs to know what was done")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_many_do_at_once_no_fen_is_lost_promised_or_paid_twice() {
    let mut dice = Dice::from_seed();
    let world = World::start_here().await;
    rewards::ruled_with(&world, GRANTED_FEN).await;
    let mut answers = BTreeMap::<(&str, u16), usize>::new();
    for round in 0..ROUNDS {
        let mut ids = Vec::new();
        for _ in 0..REWARDS {
            ids.push(rewards::of_report(&world, &handovers::adopted(&world).await).await);
        }
        let codes = paying(&world, &ids[..REWARDS / 2]).await;
        let crowd = Crowd {
            managers: [world.person("district-police").await, world.person("district-governance").await],
            treasurer: world.person("treasurer").await,
            reporter: world.person("reporter-boatyard-1").await,
            rewards: Arc::new(ids.clone()),
            codes: Arc::new(Mutex::new(codes)),
        };
        let mut acting = JoinSet::new();
        for _ in 0..MANY {
            let (crowd, mut dice) = (crowd.clone(), dice.split());
            acting.spawn(async move {
                let mut answers = Vec::new();
                for _ in 0..STEPS {
                    let (what, answer) = crowd.acts(&mut dice).await;
                    let known = [200, 201, 400, 403, 404, 409, 412, 422, 429, 503].contains(&answer.status);
                    assert!(known, "{what}: {answer:?}");
                    answers.push((what, answer.status));
                }
                answers
            });
        }
        while let Some(done) = acting.join_next().await {
            assert_holds(&world).await;
            done.unwrap().into_iter().for_each(|answer| *answers.entry(answer).or_default() += 1);
        }

        // The ledger makes the fund anew, and no entry of it finds an account below zero.
        let entries = world.store().ledger(&fund_id()).await.unwrap();
        let fund = Fund::replay(fund_id(), &entries).unwrap();
        let stands = world.store().load([Key::Fund(fund_id())]).await.unwrap().fund(&fund_id()).unwrap();
        assert_eq!(stands.as_ref(), Some(&fund), "round {round}");
        let sum = |movement| {
            let of = entries.iter().filter(|entry| entry.movement == movement);
            of.map(|entry| entry.amount_fen).sum::<u64>()
        };
        let granted = sum(Movement::Grant) - sum(Movement::Return);
        let held = fund.available_fen + fund.reserved_fen + fund.paid_fen + fund.lapsed_fen;
        assert_eq!((fund.granted_fen, held), (granted, granted), "round {round}");
        // Each reward was paid at most once, and as it says of itself.
        for id in &ids {
            let id: RewardId = id.parse().unwrap();
            let of_reward: Vec<_> = entries.iter().filter(|entry| entry.reward == Some(id)).collect();
            let count = |movement| of_reward.iter().filter(|entry| entry.movement == movement).count();
            let share = &reward(&world, id).await.shares[0];
            let was_paid = matches!(share.state, ShareState::Paid | ShareState::Recovered);
            assert_eq!(count(Movement::Pay), usize::from(was_paid), "round {round}: {of_reward:#?}");
            assert_eq!(count(Movement::Recover), usize::from(share.state == ShareState::Recovered), "round {round}");
            assert!(count(Movement::Reserve) <= 1 && count(Movement::Release) <= 1, "round {round}: {of_reward:#?}");
        }
        let proof = proved(&world).await;
        assert_right(&proof, &format!("round {round}"));
        assert_eq!((proof.funds, proof.entries), (1, entries.len() as u64));
        assert_eq!(proof.rewards, ((round + 1) * REWARDS) as u64);
    }
    println!("{answers:?}");
    // They have been in each other's way, and have come to something nevertheless.
    let of =
        |status: u16| answers.iter().filter(|((_, code), _)| *code == status).map(|(_, count)| count).sum::<usize>();
    assert!(of(412) > 0 && of(409) > 0 && of(200) > 0, "{answers:?}");
    for what in ["grant", "agree", "code", "check", "confirm"] {
        assert!(answers.keys().any(|(done, status)| *done == what && *status < 300), "{what}: {answers:?}");
    }
}

/// What somebody does to a record behind the platform's back.
type Tampering = Box<dyn Fn(&mut Item)>;

/// One way of tampering: with these records, each changed or (none) removed, and what is to be found.
struct Case {
    what: &'static str,
    records: Vec<(Key, Option<Tampering>)>,
    found: Vec<String>,
}

fn number(name: &'static str, value: u64) -> Tampering {
    Box::new(move |item| drop(item.insert(name.to_owned(), AttributeValue::N(value.to_string()))))
}

fn text(name: &'static str, value: &'static str) -> Tampering {
    Box::new(move |item| drop(item.insert(name.to_owned(), AttributeValue::S(value.to_owned()))))
}

/// Says of the first share of a reward that it is somewhere else.
fn share_state(value: &'static str) -> Tampering {
    Box::new(move |item| {
        let Some(AttributeValue::L(shares)) = item.get_mut("shares") else { panic!("no shares") };
        let Some(AttributeValue::M(share)) = shares.first_mut() else { panic!("no share") };
        share.insert("state".to_owned(), AttributeValue::S(value.to_owned()));
    })
}

async fn read(raw: &Client, table: &str, key: &Key) -> Item {
    let read = raw.get_item().table_name(table).set_key(Some(key_attributes(key))).send().await.unwrap();
    read.item.unwrap_or_else(|| panic!("there is no {key:?}"))
}

async fn put(raw: &Client, table: &str, item: Item) {
    raw.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
}

#[expect(clippy::too_many_lines, reason = "a few lines for each way of tampering")]
#[tokio::test]
async fn whoever_changes_a_record_is_found_out() {
    let counter = Counter::open().await;
    let code = counter.makes_code().await;
    let checked = expect(counter.types(&code).await, 200);
    expect(counter.steps(&counter.manager, checked.version(), &json!({ "step": "confirm" })).await, 200);
    let world = &counter.world;
    let report = handovers::adopted(world).await;
    let waiting: RewardId = rewards::of_report(world, &report).await.parse().unwrap();
    let handed = Hand::of(world, "district-police").await.hands_over(&report, &handovers::to_fire()).await;
    let handover = handed[0].parse().unwrap();
    let before = proved(world).await;
    assert_right(&before, "before");
    assert_eq!((before.funds, before.entries, before.rewards, before.payouts), (1, 3, 2, 1));
    assert_eq!((before.handovers, before.handover_events), (1, 1));

    let paid: RewardId = counter.reward.parse().unwrap();
    let (payout, fund) = (PayoutId { reward: paid, share: 0 }, fund_id());
    let entry = |seq| Key::FundEntry(fund.clone(), seq);
    let matter = reward(world, paid).await.matter;
    let of_paid = |what: &str| format!("reward {paid}: {what}");
    let of_share = |what: &str| format!("reward {paid} share 0: {what}");
    let of_fund = |what: &str| format!("fund demo 2037{what}");
    // The fund as it was before the payment, as its entries say.
    let entries = world.store().ledger(&fund).await.unwrap();
    let earlier = Fund::replay(fund.clone(), &entries[..2]).unwrap();
    let rolled_back: Tampering = Box::new(move |item| {
        let earlier: Item = pingan_store::item::encode(&Key::Fund(fund_id()), &earlier).unwrap();
        *item = earlier;
    });
    let cases = [
        Case {
            what: "an entry is altered",
            records: vec![(entry(2), Some(number("amount_fen", 1)))],
            found: vec![of_fund(" entry 2: its hash is another")],
        },
        Case {
            what: "an entry is removed",
            records: vec![(entry(2), None)],
            found: vec![of_fund(" entry 2: it does not follow the one before")],
        },
        Case {
            what: "a ledger is cut off at the end",
            records: vec![(entry(3), None)],
            found: vec![
                of_fund(": its ledger ends at entry 2, and it has 3"),
                of_paid("paid: it says 3000 fen, the ledger has moved 0 fen"),
            ],
        },
        Case {
            what: "a payment is taken out of ledger and fund",
            records: vec![(entry(3), None), (Key::Fund(fund.clone()), Some(rolled_back))],
            found: vec![
                of_fund(": paid: it stands at 0 fen, the rewards say 3000 fen"),
                of_paid("1 of its shares were paid, and the ledger has 0 payments"),
            ],
        },
        Case {
            what: "a balance is altered",
            records: vec![(Key::Fund(fund.clone()), Some(number("available_fen", 997_001)))],
            found: vec![
                of_fund(": available: it stands at 997001 fen, its entries come to 997000 fen"),
                of_fund(": its accounts do not come to what was granted"),
            ],
        },
        Case {
            what: "a fund is removed",
            records: vec![(Key::Fund(fund.clone()), None)],
            found: vec![of_fund(": there is no record of how it stands, and there are 3 entries")],
        },
        Case {
            what: "a share is said to be paid, without an entry",
            records: vec![(Key::Reward(waiting), Some(share_state("paid")))],
            found: vec![format!("reward {waiting} share 0: it is paid, and its payout says otherwise")],
        },
        Case {
            what: "a share that was paid is said not to be",
            records: vec![(Key::Reward(paid), Some(share_state("reserved")))],
            found: vec![
                of_paid("paid: it says 0 fen, the ledger has moved 3000 fen"),
                of_fund(": reserved: it stands at 0 fen, the rewards say 3000 fen"),
            ],
        },
        Case {
            what: "a reward's amount is altered",
            records: vec![(Key::Reward(paid), Some(number("amount_fen", 9)))],
            found: vec![of_paid("amount: it says 9 fen, its shares come to 3000 fen")],
        },
        Case {
            what: "a reward is removed",
            records: vec![(Key::Reward(paid), None)],
            found: vec![of_paid("there is no reward, and there are records of it")],
        },
        Case {
            what: "an event of a reward is altered",
            records: vec![(Key::RewardEvent(paid, 2), Some(number("amount_fen", 9)))],
            found: vec![of_paid("event 2 was altered: its hash does not fit its content")],
        },
        Case {
            what: "an event of a reward is removed",
            records: vec![(Key::RewardEvent(paid, 2), None)],
            found: vec![of_paid("event 2 is missing: 3 stands in its place")],
        },
        Case {
            what: "the history of a reward is cut off at the end",
            records: vec![(Key::RewardEvent(paid, 4), None)],
            found: vec![of_paid("the history ends before the newest event")],
        },
        Case {
            what: "an event of a payout is altered",
            records: vec![(Key::PayoutEvent(payout, 2), Some(text("method", "transfer")))],
            found: vec![of_share("payout: event 2 was altered: its hash does not fit its content")],
        },
        Case {
            what: "the history of a payout is cut off at the end",
            records: vec![(Key::PayoutEvent(payout, 3), None)],
            found: vec![of_share("payout: the history ends before the newest event")],
        },
        Case {
            what: "a payout is removed",
            records: vec![(Key::Payout(payout), None)],
            found: vec![of_share("it is paid, and its payout says otherwise")],
        },
        Case {
            what: "a payout's amount is altered",
            records: vec![(Key::Payout(payout), Some(number("amount_fen", 9)))],
            found: vec![of_share("amount: it says 3000 fen, its payout says 9 fen")],
        },
        Case {
            what: "a statement is altered",
            records: vec![(Key::RewardShare(paid, 0), Some(number("amount_fen", 9)))],
            found: vec![of_share("the statement of its reporter shows another share, or none")],
        },
        Case {
            what: "a matter is made free for another reward",
            records: vec![(Key::Matter(matter), None)],
            found: vec![of_paid("its matter does not say that it has this reward")],
        },
        Case {
            what: "an event of a hand-over is altered",
            records: vec![(Key::HandoverEvent(handover, 1), Some(text("to", "accepted")))],
            found: vec![format!("hand-over {handover}: event 1 was altered: its hash does not fit its content")],
        },
        Case {
            what: "the history of a hand-over is removed",
            records: vec![(Key::HandoverEvent(handover, 1), None)],
            found: vec![format!("hand-over {handover}: the history ends before the newest event")],
        },
    ];
    let raw = dynamodb(&world.bundle().dynamodb_url, "us-east-1");
    for Case { what, records, found } in cases {
        let mut as_they_were = Vec::new();
        for (key, tampering) in records {
            let table = world.store().tables().of(key.table());
            let mut item = read(&raw, table, &key).await;
            as_they_were.push((table, item.clone()));
            if let Some(tampering) = tampering {
                tampering(&mut item);
                put(&raw, table, item).await;
            } else {
                let removed = raw.delete_item().table_name(table).set_key(Some(key_attributes(&key)));
                removed.send().await.unwrap();
            }
        }
        let proof = proved(world).await;
        let told: Vec<_> = proof.differences.iter().map(ToString::to_string).collect();
        for wanted in &found {
            assert!(told.contains(wanted), "{what}: {wanted:?} is not among {told:#?} {:#?}", proof.unreadable);
        }
        assert!(!told.iter().any(|line| line.contains("reporter-")), "{what}: {told:#?}");
        for (table, item) in as_they_were {
            put(&raw, table, item).await;
        }
        assert_right(&proved(world).await, what);
    }

    // A record that cannot be read is named, and does not pass for a right one.
    let key = Key::RewardEvent(paid, 1);
    let table = world.store().tables().of(key.table());
    let mut item = read(&raw, table, &key).await;
    item.insert("schema".to_owned(), AttributeValue::N("9".to_owned()));
    put(&raw, table, item).await;
    let proof = proved(world).await;
    assert!(!proof.is_right() && proof.unreadable.len() == 1, "{proof:#?}");
    assert!(proof.unreadable[0].contains("EVENT#00000001"), "{:?}", proof.unreadable);
    // Of another year there is nothing to prove.
    let other = Of { year: Some(2036), ..Of::default() };
    assert_eq!(world.store().prove(&other).await.unwrap().funds, 0);
}

#[tokio::test]
async fn nobody_proves_a_folder_on_which_a_bundle_runs() {
    let world = World::start_here().await;
    assert!(pingan_local::bundle::verify(world.folder(), &Of::default()).await.is_err());
}
