//! Many shares, many people and the bank, in any order and all at once: nothing is paid twice, and
//! nothing is lost.
//!
//! Everybody decides on what they have read, which may be old by the time they commit; a commit of
//! several records is taken when none of them has changed, as in the store.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{
    district_manager,
    payout::{approved, context, earner, first, fund_of, hash, lines, made, second},
    wednesday,
};
use crate::{
    error::Error,
    ledger::{Entry, Fund, Movement},
    member::Member,
    named::Named as _,
    payout::{self, BankReason, Begun, CancelReason, Payout, PayoutEvent, PayoutId, PayoutProvider, PayoutState},
    payout_answer::{Answer, BankResult},
    payout_counter::{Counter, MAX_WRONG_CODES},
    payout_transfer::{self, Batch, BatchDecided, BatchEvent, BatchId, BatchState, Transfer},
    reward::{Context, Reward, RewardId, ShareState},
};

/// Some step of somebody. Numbers are taken modulo of what there is.
#[derive(Debug, Clone)]
enum Op {
    MakeCode(u8),
    AskTransfer(u8),
    Check {
        share: u8,
        who: u8,
        right: bool,
    },
    /// Somebody tries codes until the share is locked.
    Guess {
        share: u8,
        who: u8,
    },
    Confirm {
        share: u8,
        who: u8,
    },
    Cancel {
        share: u8,
        who: u8,
    },
    Unlock(u8),
    Make,
    Add {
        batch: u8,
        share: u8,
        count: u8,
    },
    Release {
        batch: u8,
        who: u8,
    },
    Fetch {
        batch: u8,
        who: u8,
    },
    CancelBatch {
        batch: u8,
        who: u8,
    },
    /// The bank answers, or its answer comes again; some of the lines are taken before a crash.
    Answer {
        batch: u8,
        from: u8,
        count: u8,
        other: bool,
    },
    Lapse(u8),
    Reverse(u8),
    Wait {
        minutes: i64,
    },
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => any::<u8>().prop_map(Op::MakeCode),
        6 => any::<u8>().prop_map(Op::AskTransfer),
        12 => (any::<u8>(), any::<u8>(), prop::bool::weighted(0.8)).prop_map(|(share, who, right)| Op::Check { share, who, right }),
        1 => any::<(u8, u8)>().prop_map(|(share, who)| Op::Guess { share, who }),
        9 => any::<(u8, u8)>().prop_map(|(share, who)| Op::Confirm { share, who }),
        3 => any::<(u8, u8)>().prop_map(|(share, who)| Op::Cancel { share, who }),
        6 => any::<u8>().prop_map(Op::Unlock),
        2 => Just(Op::Make),
        12 => any::<(u8, u8, u8)>().prop_map(|(batch, share, count)| Op::Add { batch, share, count: count % 4 }),
        8 => any::<(u8, u8)>().prop_map(|(batch, who)| Op::Release { batch, who }),
        4 => any::<(u8, u8)>().prop_map(|(batch, who)| Op::Fetch { batch, who }),
        2 => any::<(u8, u8)>().prop_map(|(batch, who)| Op::CancelBatch { batch, who }),
        14 => (any::<u8>(), any::<u8>(), any::<u8>(), prop::bool::weighted(0.1))
            .prop_map(|(batch, from, count, other)| Op::Answer { batch, from: from % 6, count: count % 6, other }),
        2 => any::<u8>().prop_map(Op::Lapse),
        // Seldom: what was reversed is over.
        1 => prop_oneof![5 => Just(None), 1 => any::<u8>().prop_map(Some)]
            .prop_map(|share| share.map_or(Op::Wait { minutes: 1 }, Op::Reverse)),
        3 => (0..15_i64).prop_map(|minutes| Op::Wait { minutes }),
        1 => prop_oneof![9 => 0..3_i64, 1 => 0..100_i64].prop_map(|days| Op::Wait { minutes: 24 * 60 * days }),
    ]
}

/// What is recorded, with every earlier state of it for those who have read it then.
#[derive(Clone)]
struct Records {
    rewards: BTreeMap<RewardId, Reward>,
    payouts: BTreeMap<PayoutId, Payout>,
    batches: BTreeMap<BatchId, Batch>,
    fund: Fund,
}

struct World {
    now: Timestamp,
    records: Records,
    past: Vec<Records>,
    payout_events: BTreeMap<PayoutId, Vec<PayoutEvent>>,
    batch_events: BTreeMap<BatchId, Vec<BatchEvent>>,
    entries: Vec<Entry>,
    /// The codes that were shown, by share.
    codes: BTreeMap<PayoutId, String>,
    /// What the bank has done with each batch: once and for good.
    bank: BTreeMap<BatchId, Vec<BankResult>>,
    commands: u64,
}

/// What a decision changes: on condition that all of it is still as it was read.
#[derive(Default)]
struct Commit {
    payouts: Vec<payout::Decided>,
    batch: Option<(Batch, BatchEvent)>,
    reward: Option<crate::reward::Decided>,
}

impl World {
    fn new() -> Self {
        let rewards: Vec<Reward> = vec![
            approved(1, &[50_000]),
            approved(2, &[30_000, 20_000, 1]),
            approved(3, &[0, 99_999]),
            approved(4, &[12_345, 54_321]),
        ];
        let (fund, entries) = fund_of(&rewards);
        let payouts = rewards.iter().flat_map(|reward| (0..10).map_while(|share| Payout::of(reward, share)));
        let payouts = payouts.map(|payout| (payout.id, payout)).collect();
        let rewards = rewards.into_iter().map(|reward| (reward.id, reward)).collect();
        Self {
            now: wednesday(),
            records: Records { rewards, payouts, batches: BTreeMap::new(), fund },
            past: Vec::new(),
            payout_events: BTreeMap::new(),
            batch_events: BTreeMap::new(),
            entries,
            codes: BTreeMap::new(),
            bank: BTreeMap::new(),
            commands: 100,
        }
    }

    fn context(&mut self) -> Context {
        self.commands += 1;
        context(self.commands, self.now)
    }

    /// Commits as the store does; says whether it was taken.
    fn commit(&mut self, Commit { payouts, batch, reward }: Commit) -> bool {
        let records = &self.records;
        let fresh = payouts.iter().all(|decided| {
            records.payouts.get(&decided.payout.id).is_some_and(|now| now.version + 1 == decided.payout.version)
        }) && batch
            .iter()
            .all(|(batch, _)| records.batches.get(&batch.id).map_or(0, |now| now.version) + 1 == batch.version)
            && reward.iter().all(|decided| {
                let fund = decided.fund.as_ref().is_none_or(|(fund, _)| records.fund.version + 1 == fund.version);
                records.rewards[&decided.reward.id].version + 1 == decided.reward.version && fund
            });
        if !fresh {
            return false;
        }
        self.past.push(self.records.clone());
        for payout::Decided { payout, event } in payouts {
            self.payout_events.entry(payout.id).or_default().push(event);
            self.records.payouts.insert(payout.id, payout);
        }
        if let Some((batch, event)) = batch {
            self.batch_events.entry(batch.id).or_default().push(event);
            self.records.batches.insert(batch.id, batch);
        }
        if let Some(decided) = reward {
            self.records.rewards.insert(decided.reward.id, decided.reward);
            if let Some((fund, entry)) = decided.fund {
                self.records.fund = fund;
                self.entries.push(entry);
            }
        }
        true
    }

    /// Does a step on what somebody has read `age` commits ago.
    #[expect(clippy::too_many_lines, reason = "a line or two for each step")]
    fn act(&mut self, op: &Op, age: usize) {
        let read = self.past.len().checked_sub(age).and_then(|i| self.past.get(i)).unwrap_or(&self.records).clone();
        let context = self.context();
        let share = |number: u8| {
            let payout = read.payouts.values().nth(usize::from(number) % read.payouts.len()).unwrap();
            (payout, &read.rewards[&payout.id.reward])
        };
        let batch = |number: u8| read.batches.values().nth(usize::from(number) % read.batches.len().max(1));
        let people = [first(), second(), district_manager()];
        let person = |who: u8| -> &Member { &people[usize::from(who) % people.len()] };
        let alone = |decided: Result<payout::Decided, Error>| {
            decided.map(|decided| Commit { payouts: vec![decided], ..Commit::default() })
        };
        let of_batch = |decided: Result<BatchDecided, Error>| {
            decided.map(|BatchDecided { batch, event, payouts }| Commit {
                payouts,
                batch: Some((batch, event)),
                reward: None,
            })
        };
        let wanted: Result<Commit, Error> = match *op {
            Op::MakeCode(number) => {
                let (payout, reward) = share(number);
                let code = format!("code {}", self.commands);
                let decided = payout.make_code(reward, hash(&code), &earner(payout.id.share), context);
                if let Ok(decided) = decided {
                    let id = payout.id;
                    if self.commit(Commit { payouts: vec![decided], ..Commit::default() }) {
                        self.codes.insert(id, code);
                    }
                }
                return;
            }
            Op::AskTransfer(number) => {
                let (payout, reward) = share(number);
                alone(payout.ask_transfer(reward, &earner(payout.id.share), context))
            }
            Op::Check { share: number, who, right } => {
                let (payout, reward) = share(number);
                let code = self.codes.get(&payout.id).filter(|_| right).map_or("wrong", String::as_str);
                match begin::<Counter>(payout, reward, &hash(code), person(who), context) {
                    Ok(Begun::Held(decided) | Begun::Failed(decided, _)) => alone(Ok(*decided)),
                    Err(error) => Err(error),
                }
            }
            Op::Guess { share, who } => {
                for _ in 0..MAX_WRONG_CODES {
                    self.act(&Op::Check { share, who, right: false }, 0);
                }
                return;
            }
            Op::Confirm { share: number, who } => {
                let (payout, reward) = share(number);
                settle::<Counter>(payout, reward, &read.fund, &(), person(who), context).map(Option::unwrap_or_default)
            }
            Op::Cancel { share: number, who } => {
                let (payout, reward) = share(number);
                alone(payout.cancel(reward, CancelReason::Mistake, person(who), context))
            }
            Op::Unlock(number) => {
                // Rather one that is locked, for few are.
                let locked = read.payouts.values().find(|payout| payout.locked_at.is_some());
                let (payout, reward) =
                    locked.map_or_else(|| share(number), |payout| (payout, &read.rewards[&payout.id.reward]));
                alone(payout.unlock(reward, &district_manager(), context))
            }
            // A few are enough.
            Op::Make if read.batches.values().filter(|batch| batch.state == BatchState::Gathering).count() > 1 => {
                return;
            }
            Op::Make => of_batch(Ok(BatchDecided { payouts: Vec::new(), ..made_at(self.commands) })),
            Op::Add { batch: number, share: from, count } => {
                let Some(batch) = batch(number) else { return };
                let shares: Vec<_> = (0..count)
                    .map(|i| share(from.wrapping_add(i)))
                    .filter(|(payout, _)| payout.method == payout::Method::Transfer)
                    .map(|(payout, reward)| (payout.clone(), reward))
                    .collect();
                of_batch(batch.add(&shares, &first(), context))
            }
            Op::Release { batch: number, who } => {
                let Some(batch) = batch(number) else { return };
                of_batch(batch.release(hash("file"), person(who), context))
            }
            Op::Fetch { batch: number, who } => {
                let Some(batch) = batch(number) else { return };
                of_batch(batch.fetch(person(who), context))
            }
            Op::CancelBatch { batch: number, who } => {
                let Some(batch) = batch(number) else { return };
                if batch.state == BatchState::Cancelled {
                    let payouts =
                        read.payouts.values().filter_map(|payout| batch.free(payout, person(who), context).unwrap());
                    for decided in payouts {
                        self.commit(Commit { payouts: vec![decided], ..Commit::default() });
                    }
                    return;
                }
                of_batch(batch.cancel(person(who), context))
            }
            Op::Answer { batch: number, from, count, other } => {
                let Some(batch) = batch(number) else { return };
                self.answer(&batch.clone(), &read, (from, count), other, context);
                return;
            }
            Op::Lapse(number) => {
                let (payout, reward) = share(number);
                payout.may_lapse(context.now).and_then(|()| reward.lapse(payout.id.share, &read.fund, context)).map(
                    |decided| Commit { payouts: vec![untouched(payout, context)], reward: Some(decided), batch: None },
                )
            }
            Op::Reverse(number) => {
                let (_, reward) = share(number);
                let payouts: Vec<&Payout> =
                    read.payouts.values().filter(|payout| payout.id.reward == reward.id).collect();
                let free = payouts.iter().try_for_each(|payout| payout.may_reverse(context.now));
                let decided = free.and_then(|()| reward.reverse(&district_manager(), "why", &read.fund, context));
                decided.map(|decided| Commit {
                    payouts: payouts.into_iter().map(|payout| untouched(payout, context)).collect(),
                    reward: Some(decided),
                    batch: None,
                })
            }
            Op::Wait { minutes } => {
                self.now = self.now.checked_add(SignedDuration::from_mins(minutes)).unwrap();
                return;
            }
        };
        if let Ok(commit) = wanted {
            self.commit(commit);
        }
    }

    /// The bank's answer comes, for the first time or again, and some of its lines are taken.
    fn answer(&mut self, batch: &Batch, read: &Records, (from, count): (u8, u8), other: bool, context: Context) {
        if batch.release.is_none() {
            return;
        }
        let commands = self.commands;
        let bank = self.bank.entry(batch.id).or_insert_with(|| bank(batch, commands));
        // Another answer than the bank has given: somebody mixes something up.
        let results = if other { bank_of(batch, |_| true) } else { bank.clone() };
        let file = hash(&format!("{results:?}"));
        let answer = Answer::verify(batch, file, lines(batch, &results)).unwrap();
        match batch.answer(&answer, &second(), context) {
            // What the bank has done is what it says first.
            Ok(Some(BatchDecided { batch, event, .. })) => {
                let id = batch.id;
                if self.commit(Commit { batch: Some((batch, event)), ..Commit::default() }) {
                    self.bank.insert(id, results);
                }
            }
            Ok(None) => {}
            Err(_) => return,
        }
        let Some(proofs) = self.records.batches.get(&batch.id).and_then(|batch| batch.proofs(&answer).ok()) else {
            return;
        };
        for proof in proofs.iter().skip(usize::from(from)).take(usize::from(count)) {
            let context = Context { command: proof.command(), ..context };
            let (payout, reward) = (&read.payouts[&proof.payout()], &read.rewards[&proof.payout().reward]);
            let settled = settle::<Transfer>(payout, reward, &self.records.fund, proof, &second(), context);
            if let Ok(Some(commit)) = settled {
                self.commit(commit);
            }
        }
    }

    /// Takes everything that is still to be taken, as after a crash.
    fn finish(&mut self) {
        let batches: Vec<Batch> = self.records.batches.values().cloned().collect();
        for batch in batches {
            let context = self.context();
            if batch.state == BatchState::Answered || batch.state == BatchState::Released {
                let read = self.records.clone();
                for line in 0..6_u8 {
                    let now = if line == 0 { read.clone() } else { self.records.clone() };
                    let current = self.records.batches[&batch.id].clone();
                    self.answer(&current, &now, (line, 1), false, context);
                }
                for line in 6..=u8::try_from(batch.lines.len()).unwrap() {
                    let (now, current) = (self.records.clone(), self.records.batches[&batch.id].clone());
                    self.answer(&current, &now, (line, 1), false, context);
                }
                let payouts: Vec<Payout> = self.records.payouts.values().cloned().collect();
                let current = &self.records.batches[&batch.id];
                let settled = current.settle(&payouts, &first(), context).unwrap().expect("every line was taken");
                self.commit(Commit { batch: Some((settled.batch, settled.event)), ..Commit::default() });
            }
        }
    }

    fn check(&self) {
        let Records { rewards, payouts, fund, .. } = &self.records;
        assert!(fund.is_balanced());
        let paid = |payout: &&Payout| payout.state == PayoutState::Paid;
        let paid_fen: u64 = payouts.values().filter(paid).map(|payout| payout.amount_fen).sum();
        assert_eq!(fund.paid_fen, paid_fen, "what payouts say was paid is what the ledger says");
        let reserved = |reward: &Reward| -> u64 {
            reward.shares.iter().filter(|share| share.state == ShareState::Reserved).map(|share| share.amount_fen).sum()
        };
        assert_eq!(fund.reserved_fen, rewards.values().map(reserved).sum::<u64>());
        for payout in payouts.values() {
            let share = &rewards[&payout.id.reward].shares[usize::from(payout.id.share)];
            assert_eq!(payout.state == PayoutState::Paid, share.state == ShareState::Paid, "{payout:?}");
            let on_its_way = matches!(payout.state_at(self.now), PayoutState::Checked | PayoutState::Batched);
            assert!(!on_its_way || share.state == ShareState::Reserved, "{payout:?}");
            let events = self.payout_events.get(&payout.id).map_or(&[][..], Vec::as_slice);
            let times = events.iter().filter(|event| event.state == PayoutState::Paid).count();
            assert_eq!(times, usize::from(payout.state == PayoutState::Paid), "{payout:?}");
        }
    }

    fn check_at_the_end(&self) {
        self.check();
        for (id, payout) in &self.records.payouts {
            let events = self.payout_events.get(id).map_or(&[][..], Vec::as_slice);
            payout::verify_chain(events, payout.head).unwrap();
        }
        for (id, batch) in &self.records.batches {
            payout_transfer::verify_chain(&self.batch_events[id], batch.head).unwrap();
        }
        let fund = Fund::replay(self.records.fund.id.clone(), &self.entries).unwrap();
        assert_eq!(fund, self.records.fund);
        // What the bank has paid is what was taken of its answers, and no line of them twice.
        let by_bank: u64 =
            self.records.batches.values().filter_map(|batch| Some(batch.answer.as_ref()?.paid_fen)).sum();
        let of_batches = self.records.payouts.values().filter(|payout| payout.state == PayoutState::Paid);
        let of_batches: u64 = of_batches.filter(|payout| payout.place.is_some()).map(|payout| payout.amount_fen).sum();
        assert_eq!(by_bank, of_batches, "what the bank has paid is paid here, and nothing else");
        let pays = self.entries.iter().filter(|entry| entry.movement == Movement::Pay).count();
        let paid = self.records.payouts.values().filter(|payout| payout.state == PayoutState::Paid).count();
        assert_eq!(pays, paid);
    }
}

/// Whoever calls a provider does so in the same way, whichever it is.
fn begin<P: PayoutProvider>(
    payout: &Payout,
    reward: &Reward,
    order: &P::Order,
    actor: &Member,
    context: Context,
) -> Result<Begun, Error> {
    P::begin(payout, reward, order, actor, context)
}

fn settle<P: PayoutProvider>(
    payout: &Payout,
    reward: &Reward,
    fund: &Fund,
    proof: &P::Proof,
    actor: &Member,
    context: Context,
) -> Result<Option<Commit>, Error> {
    let settled = P::settle(payout, reward, fund, proof, actor, context)?;
    Ok(settled.map(|settled| Commit { payouts: vec![settled.payout], reward: settled.reward, batch: None }))
}

fn made_at(number: u64) -> BatchDecided {
    let batch = made(number);
    Batch::make(batch.id, batch.district, &first(), context(number, batch.created_at)).unwrap()
}

/// A commit that only holds if the payout has not changed. The store does it with a check of the
/// version; here it is an event like any other, of the reporter who makes a code.
fn untouched(payout: &Payout, context: Context) -> payout::Decided {
    let by = (&earner(payout.id.share).id, crate::member::Role::Reporter);
    payout.take(payout::PayoutAction::MakeCode, by, context, |_, _| {}).unwrap()
}

/// What the bank does with a batch.
fn bank(batch: &Batch, salt: u64) -> Vec<BankResult> {
    bank_of(batch, |line| !(line + salt).is_multiple_of(2))
}

fn bank_of(batch: &Batch, pays: impl Fn(u64) -> bool) -> Vec<BankResult> {
    let result = |(number, _): (u64, _)| {
        if pays(number) {
            BankResult::Paid { reference: format!("BK-{number}") }
        } else {
            let reasons = BankReason::ALL;
            BankResult::Refused { reason: reasons[usize::try_from(number).unwrap() % reasons.len()] }
        }
    };
    (0..).zip(&batch.lines).map(result).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn each_share_is_paid_at_most_once_and_what_is_paid_is_what_the_ledger_paid(
        ops in prop::collection::vec((op(), 0..4_usize), 1..160),
    ) {
        let mut world = World::new();
        for (op, age) in &ops {
            world.act(op, *age);
            world.check();
        }
        world.finish();
        world.check_at_the_end();
        // Everything that came before comes once more, and pays nothing a second time.
        let paid = world.records.fund.paid_fen;
        let entries = world.entries.len();
        world.finish();
        let answers: Vec<u8> = (0..u8::try_from(world.records.batches.len()).unwrap()).collect();
        for batch in answers {
            world.act(&Op::Answer { batch, from: 0, count: 255, other: false }, 0);
        }
        prop_assert_eq!((world.records.fund.paid_fen, world.entries.len()), (paid, entries));
        world.check_at_the_end();
    }
}

/// The lives above reach what they are about.
#[test]
fn those_lives_reach_every_state() {
    use proptest::{strategy::ValueTree as _, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let strategy = prop::collection::vec((op(), 0..4_usize), 160);
    let mut reached: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..200 {
        let ops = strategy.new_tree(&mut runner).unwrap().current();
        let mut world = World::new();
        for (op, age) in &ops {
            world.act(op, *age);
        }
        world.finish();
        for event in world.payout_events.values().flatten() {
            *reached.entry(event.action.to_string()).or_default() += 1;
        }
        for event in world.batch_events.values().flatten() {
            *reached.entry(format!("batch {}", event.action)).or_default() += 1;
        }
        for movement in world.entries.iter().map(|entry| entry.movement) {
            *reached.entry(format!("ledger {movement}")).or_default() += 1;
        }
    }
    let payouts = payout::PayoutAction::ALL.iter().map(ToString::to_string);
    let batches = payout_transfer::BatchAction::ALL.iter().map(|action| format!("batch {action}"));
    let ledger = [Movement::Pay, Movement::Release].map(|movement| format!("ledger {movement}"));
    for what in payouts.chain(batches).chain(ledger) {
        let times = reached.get(&what).copied().unwrap_or_default();
        assert!(times >= 10, "{what} was reached {times} times: {reached:?}");
    }
}
