//! That no fen is lost, made or promised twice, and that a ledger that was changed shows it.

use std::fmt::Write as _;

use proptest::prelude::*;
use uuid::Uuid;

use super::{node, wednesday};
use crate::{
    code::Code,
    command::CommandId,
    error::{Error, Refusal},
    hash::Digest,
    ledger::{
        Account, BrokenLedger, Entry, Fund, FundId, MAX_ENTRIES, MAX_MOVEMENT_FEN, Movement, Posting, check_amount,
    },
    member::{MemberId, Role},
    named::Named as _,
    reward::RewardId,
};

fn id() -> FundId {
    FundId { district: node("hexi"), year: 2026 }
}

fn reward() -> RewardId {
    Code::from_digest(&Digest::of(&[b"reward"]))
}

/// Posts an everyday movement of this amount.
fn post(fund: &Fund, movement: Movement, amount_fen: u64) -> Result<(Fund, Entry), Error> {
    let treasurer = MemberId::parse("treasurer").unwrap();
    fund.post(Posting {
        movement,
        amount_fen,
        reward: movement.is_of_reward().then(reward),
        reason: (movement == Movement::Grant).then(|| "财政拨款".to_owned()),
        by: (&treasurer, Role::Treasurer),
        command: CommandId::new(&treasurer, Uuid::from_u64_pair(9, fund.version)),
        at: wednesday(),
    })
}

fn then(fund: &Fund, movement: Movement, amount_fen: u64) -> Fund {
    post(fund, movement, amount_fen).unwrap_or_else(|error| panic!("{movement} {amount_fen}: {error}")).0
}

/// A fund that holds 100 fen in each of these accounts.
fn holding(accounts: &[Account]) -> Fund {
    let mut fund = Fund::empty(id());
    for account in accounts {
        fund = then(&fund, Movement::Grant, 100);
        if matches!(account, Account::Reserved | Account::Paid) {
            fund = then(&fund, Movement::Reserve, 100);
        }
        if *account == Account::Paid {
            fund = then(&fund, Movement::Pay, 100);
        }
    }
    fund
}

/// A fund as a record that somebody changed, to be brought where no posting leads.
fn forged(fund: &Fund, change: impl FnOnce(&mut Fund)) -> Fund {
    let mut fund = fund.clone();
    change(&mut fund);
    fund
}

fn is_internal<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Internal(_)))
}

#[test]
fn every_movement_goes_from_one_account_to_another_and_finds_it_empty() {
    let everything = [Account::Available, Account::Reserved, Account::Paid];
    let mut table = String::new();
    for &movement in Movement::ALL {
        let (from, to) = movement.accounts();
        assert_ne!(from, to, "{movement}");
        write!(table, "{:<15} {:<10} -> {:<10}", movement.name(), from.name(), to.name()).unwrap();
        // Each account by itself, all of them, and all of them once the year is closed.
        let mut funds = vec![("nothing", Fund::empty(id()))];
        funds.extend(everything.map(|account| (account.name(), holding(&[account]))));
        funds.push(("all", holding(&everything)));
        let closed = forged(&holding(&everything), |fund| fund.closed = true);
        funds.push(("closed", closed));
        for (what, fund) in &funds {
            let answer = match post(fund, movement, 100) {
                Ok((after, entry)) => {
                    assert!(after.is_balanced(), "{movement} {what}");
                    assert_eq!((entry.from, entry.to, entry.amount_fen), (from, to, 100));
                    assert_eq!((after.version, after.head), (fund.version + 1, entry.hash));
                    for &account in Account::ALL {
                        // The grant counts what it has given, and so moves the other way round.
                        let sign = |of: Account| if of == Account::Grant { -100 } else { 100 };
                        let moved = i64::from(account == to) * sign(to) - i64::from(account == from) * sign(from);
                        let by = i64::try_from(after.balance_fen(account)).unwrap()
                            - i64::try_from(fund.balance_fen(account)).unwrap();
                        assert_eq!(by, moved, "{movement} {what} {account}");
                    }
                    "moves".to_owned()
                }
                Err(Error::Refused(refusal)) => refusal.name().to_owned(),
                Err(Error::Internal(_)) => "never".to_owned(),
                Err(other) => panic!("{other}"),
            };
            write!(table, " | {what}: {answer:<14}").unwrap();
        }
        writeln!(table).unwrap();
    }
    insta::assert_snapshot!("movements_of_money", table);
}

#[test]
fn a_movement_takes_all_that_is_there_and_not_a_fen_more() {
    for &movement in Movement::ALL {
        let (from, _) = movement.accounts();
        if from == Account::Grant {
            continue;
        }
        let closed = movement == Movement::LapseReserved;
        let fund = forged(&holding(&[from]), |fund| fund.closed = closed);
        assert_eq!(then(&fund, movement, 100).balance_fen(from), 0, "{movement}");
        assert_eq!(then(&fund, movement, 99).balance_fen(from), 1, "{movement}");
        let more = post(&fund, movement, 101);
        if from == Account::Available {
            assert_eq!(more, Err(Refusal::FundExhausted.into()), "{movement}");
        } else {
            assert!(is_internal(&more), "{movement}");
        }
    }
}

#[test]
fn amounts_at_their_limits() {
    let granted = then(&Fund::empty(id()), Movement::Grant, MAX_MOVEMENT_FEN);
    for &movement in Movement::ALL {
        for amount_fen in [MAX_MOVEMENT_FEN + 1, u64::MAX - 1, u64::MAX] {
            // The end of a year takes all that is left, and no more than there is.
            let refused = post(&granted, movement, amount_fen);
            let more = movement == Movement::Lapse && refused == Err(Refusal::FundExhausted.into());
            assert!(is_internal(&refused) || more, "{movement} {amount_fen}");
        }
        assert_eq!(post(&granted, movement, 0).is_ok(), movement == Movement::Lapse, "{movement} of nothing");
        let mut bad = Vec::new();
        for amount_fen in [0, MAX_MOVEMENT_FEN + 1, u64::MAX] {
            check_amount("/amount_fen", amount_fen, &mut bad);
        }
        assert_eq!(bad.iter().map(|bad| bad.pointer.as_str()).collect::<Vec<_>>(), ["/amount_fen"; 3]);
        bad.clear();
        check_amount("/amount_fen", 1, &mut bad);
        check_amount("/amount_fen", MAX_MOVEMENT_FEN, &mut bad);
        assert_eq!(bad, []);
    }
    for amount_fen in [1, MAX_MOVEMENT_FEN] {
        let mut fund = granted.clone();
        for movement in [Movement::Reserve, Movement::Pay, Movement::Recover, Movement::Reserve, Movement::Release] {
            fund = then(&fund, movement, amount_fen);
            assert!(fund.is_balanced());
        }
        assert_eq!(then(&fund, Movement::Return, amount_fen).granted_fen, MAX_MOVEMENT_FEN - amount_fen);
    }
}

#[test]
fn what_no_fund_can_hold_is_refused_without_a_panic() {
    // As many entries of the largest amount as there can be stay far within 64 bits.
    assert!(MAX_ENTRIES.checked_mul(MAX_MOVEMENT_FEN).is_some_and(|fen| fen < u64::MAX / 2));
    let granted = then(&Fund::empty(id()), Movement::Grant, 100);
    let full = forged(&granted, |fund| fund.version = MAX_ENTRIES);
    let last = forged(&granted, |fund| fund.version = MAX_ENTRIES - 1);
    assert!(post(&last, Movement::Reserve, 1).is_ok());
    let brim = forged(&granted, |fund| {
        (fund.granted_fen, fund.available_fen, fund.reserved_fen) = (u64::MAX, u64::MAX, u64::MAX);
        (fund.paid_fen, fund.lapsed_fen) = (u64::MAX, u64::MAX);
    });
    let closed = forged(&brim, |fund| fund.closed = true);
    // A record that was forged so that more is available than was ever granted.
    let poor = forged(&granted, |fund| fund.granted_fen = 0);
    assert!(is_internal(&post(&poor, Movement::Return, 1)));
    for &movement in Movement::ALL {
        assert!(is_internal(&post(&full, movement, 1)), "{movement}");
        for fund in [&brim, &closed] {
            assert_eq!(post(fund, movement, 1).is_ok(), movement == Movement::Return && !fund.closed, "{movement}");
        }
    }
    assert!(!brim.is_balanced() && !poor.is_balanced() && granted.is_balanced());
}

#[test]
fn a_reward_stands_with_what_is_about_one_and_with_nothing_else() {
    let fund = holding(&[Account::Available, Account::Reserved, Account::Paid]);
    let treasurer = MemberId::parse("treasurer").unwrap();
    for &movement in Movement::ALL {
        let posting = Posting {
            movement,
            amount_fen: 1,
            reward: (!movement.is_of_reward()).then(reward),
            reason: None,
            by: (&treasurer, Role::Treasurer),
            command: CommandId::new(&treasurer, Uuid::nil()),
            at: wednesday(),
        };
        assert!(is_internal(&fund.post(posting)), "{movement}");
    }
}

#[test]
fn of_a_closed_year_nothing_is_promised_any_more() {
    let closed = then(&holding(&[Account::Available, Account::Reserved, Account::Paid]), Movement::Lapse, 100);
    assert!(closed.closed && closed.lapsed_fen == 100);
    for movement in [Movement::Grant, Movement::Reserve, Movement::Return, Movement::Release] {
        assert_eq!(post(&closed, movement, 100), Err(Refusal::FundClosed.into()), "{movement}");
    }
    // What was promised before is still paid, or lapses, and what is recovered lapses then.
    assert_eq!(then(&closed, Movement::Pay, 100).paid_fen, 200);
    let recovered = then(&then(&closed, Movement::LapseReserved, 100), Movement::Recover, 100);
    assert_eq!((recovered.available_fen, recovered.lapsed_fen), (100, 200));
    let over = then(&recovered, Movement::Lapse, 100);
    assert_eq!((over.granted_fen, over.lapsed_fen, over.closed), (300, 300, true));
    assert_eq!(post(&over, Movement::Lapse, 0), Err(Refusal::FundClosed.into()), "a year is closed once");
    // However much is left after several grants.
    let rich = then(&then(&Fund::empty(id()), Movement::Grant, MAX_MOVEMENT_FEN), Movement::Grant, MAX_MOVEMENT_FEN);
    assert_eq!(then(&rich, Movement::Lapse, 2 * MAX_MOVEMENT_FEN).lapsed_fen, 2 * MAX_MOVEMENT_FEN);

    // A year of which everything was promised closes as well: what is reversed in January would
    // else be promised again.
    let promised = holding(&[Account::Reserved]);
    assert!(is_internal(&post(&promised, Movement::LapseReserved, 100)), "the year is not over");
    let (closed, entry) = post(&promised, Movement::Lapse, 0).unwrap();
    assert_eq!((closed.closed, entry.amount_fen, closed.reserved_fen), (true, 0, 100));
    assert_eq!(then(&closed, Movement::LapseReserved, 100).lapsed_fen, 100);
}

#[test]
fn an_entry_reads_back_and_a_fund_that_knows_no_close_is_open() {
    let (fund, entry) = post(&Fund::empty(id()), Movement::Grant, MAX_MOVEMENT_FEN).unwrap();
    let record = serde_json::to_value(&entry).unwrap();
    assert_eq!((&record["district"], &record["year"]), (&"hexi".into(), &2026.into()));
    assert_eq!(serde_json::from_value::<Entry>(record).unwrap(), entry);
    let mut record = serde_json::to_value(&fund).unwrap();
    record.as_object_mut().unwrap().remove("closed");
    assert_eq!(serde_json::from_value::<Fund>(record).unwrap(), fund);
}

/// What somebody tries to move.
fn tries() -> impl Strategy<Value = Vec<(Movement, u64)>> {
    let amount = prop_oneof![
        6 => 1..2_000_u64,
        1 => Just(0),
        1 => Just(MAX_MOVEMENT_FEN),
        1 => MAX_MOVEMENT_FEN - 1..=MAX_MOVEMENT_FEN + 1,
        1 => Just(u64::MAX),
    ];
    // Years close seldom, or most of a sequence would be refused.
    let movement = prop_oneof![
        4 => Just(Movement::Grant),
        6 => Just(Movement::Reserve),
        4 => Just(Movement::Pay),
        12 => proptest::sample::select(
            Movement::ALL.iter().copied().filter(|movement| *movement != Movement::Lapse).collect::<Vec<_>>()
        ),
        1 => Just(Movement::Lapse),
    ];
    proptest::collection::vec((movement, amount), 0..80)
}

/// The fund and its entries after all of these that are not refused.
fn played(tries: &[(Movement, u64)]) -> (Fund, Vec<Entry>) {
    let (mut fund, mut entries) = (Fund::empty(id()), Vec::new());
    for (movement, amount_fen) in tries {
        if let Ok((after, entry)) = post(&fund, *movement, *amount_fen) {
            fund = after;
            entries.push(entry);
        }
    }
    (fund, entries)
}

/// Changes one field of an entry.
type Alteration = fn(&mut Entry);

const ALTERATIONS: [(&str, Alteration); 15] = [
    ("fund", |entry| entry.fund.year += 1),
    ("district", |entry| entry.fund.district = node("hedong")),
    ("seq", |entry| entry.seq += 1),
    ("at", |entry| entry.at += jiff::SignedDuration::from_nanos(1)),
    ("movement", |entry| entry.movement = next(Movement::ALL, entry.movement)),
    ("from", |entry| entry.from = next(Account::ALL, entry.from)),
    ("to", |entry| entry.to = next(Account::ALL, entry.to)),
    ("amount", |entry| entry.amount_fen += 1),
    ("reward", |entry| entry.reward = Some(Code::from_digest(&Digest::of(&[b"another"])))),
    ("reason", |entry| entry.reason = Some("another".to_owned())),
    ("actor", |entry| entry.actor = MemberId::parse("another").unwrap()),
    ("role", |entry| entry.role = Role::Auditor),
    ("command", |entry| entry.command = CommandId::new(&entry.actor, Uuid::nil())),
    ("previous", |entry| entry.previous = Digest::of(&[b"another"])),
    ("hash", |entry| entry.hash = Digest::of(&[b"another"])),
];

/// The next of a closed list, round and round.
fn next<T: PartialEq + Copy>(all: &[T], value: T) -> T {
    let place = all.iter().position(|other| *other == value).unwrap();
    all[(place + 1) % all.len()]
}

/// Whether somebody who compares the replay with the fund finds that the entries are not its own.
fn is_found(fund: &Fund, entries: &[Entry]) -> bool {
    Fund::replay(fund.id.clone(), entries).as_ref() != Ok(fund)
}

#[test]
fn a_replay_says_which_entry_is_wrong() {
    let (fund, entries) = played(&[(Movement::Grant, 100), (Movement::Reserve, 40), (Movement::Pay, 40)]);
    assert_eq!(Fund::replay(id(), &entries), Ok(fund));
    for (what, alter) in ALTERATIONS {
        let mut altered = entries.clone();
        alter(&mut altered[1]);
        let BrokenLedger { seq, .. } = Fund::replay(id(), &altered).unwrap_err();
        assert_eq!(seq, 2, "{what}");
    }
    let other = FundId { year: 2027, ..id() };
    assert_eq!(Fund::replay(other, &entries).unwrap_err().seq, 1);
    assert_eq!(Fund::replay(id(), &[]), Ok(Fund::empty(id())));
}

/// This entry with the hash that fits it, as somebody would write who knows how it is made.
fn rehashed(entry: &Entry) -> Entry {
    let bare = Entry { hash: Digest::ZERO, ..entry.clone() };
    Entry { hash: Digest::of(&[b"ledger entry", &serde_json::to_vec(&bare).unwrap()]), ..bare }
}

#[test]
fn whoever_writes_a_hash_anew_is_found_all_the_same() {
    let (fund, entries) = played(&[(Movement::Grant, 100), (Movement::Reserve, 40), (Movement::Pay, 40)]);
    for (i, entry) in entries.iter().enumerate() {
        assert_eq!(rehashed(entry), *entry);
        for (what, alter) in ALTERATIONS.iter().filter(|(what, _)| *what != "hash") {
            let mut altered = entries.clone();
            alter(&mut altered[i]);
            altered[i] = rehashed(&altered[i]);
            assert!(is_found(&fund, &altered), "{what} of {}", i + 1);
            // What does not fit by itself is found even when nobody knows where the ledger ends.
            if ["fund", "district", "seq", "movement", "from", "to", "previous"].contains(what) {
                let begun = Fund::replay(id(), &altered[..=i]);
                assert_eq!(begun.unwrap_err().seq, entry.seq, "{what} of {}", i + 1);
            }
        }
    }
    // Nor does it overspend: an entry that fits in every other way promises a fen too much.
    let (_, mut entries) = played(&[(Movement::Grant, 50), (Movement::Reserve, 50)]);
    entries[1].amount_fen = 51;
    entries[1] = rehashed(&entries[1]);
    let broken = Fund::replay(id(), &entries).unwrap_err();
    assert_eq!((broken.seq, broken.why.as_str()), (2, "refused: fund_exhausted"));
}

proptest! {
    #[test]
    fn all_accounts_together_are_always_what_was_granted(tries in tries()) {
        let mut fund = Fund::empty(id());
        let mut entries: Vec<Entry> = Vec::new();
        for (movement, amount_fen) in tries {
            let before = fund.clone();
            match post(&fund, movement, amount_fen) {
                Ok((after, entry)) => {
                    prop_assert!(!before.closed || !matches!(movement, Movement::Grant | Movement::Reserve));
                    prop_assert_eq!((entry.from, entry.to), movement.accounts());
                    prop_assert_eq!((entry.amount_fen, entry.seq), (amount_fen, before.version + 1));
                    prop_assert_eq!(entry.previous, before.head);
                    fund = after;
                    entries.push(entry);
                }
                Err(Error::Refused(Refusal::FundExhausted)) => {
                    prop_assert_eq!(movement.accounts().0, Account::Available);
                    prop_assert!(before.available_fen < amount_fen);
                }
                Err(Error::Refused(Refusal::FundClosed)) => prop_assert!(before.closed),
                Err(Error::Internal(_)) => {}
                Err(other) => prop_assert!(false, "{} is no answer", other),
            }
            let all = fund.available_fen + fund.reserved_fen + fund.paid_fen + fund.lapsed_fen;
            prop_assert_eq!(all, fund.granted_fen);
            prop_assert!(fund.is_balanced());
            // What the entries say of each account, summed up here without looking at `post`. No
            // account but the grant is ever below zero.
            for &account in Account::ALL {
                let sum: i128 = entries.iter().map(|entry| {
                    let fen = i128::from(entry.amount_fen);
                    fen * (i128::from(entry.to == account) - i128::from(entry.from == account))
                }).sum();
                let holds = i128::from(fund.balance_fen(account));
                prop_assert_eq!(sum, if account == Account::Grant { -holds } else { holds }, "{}", account);
                prop_assert!(account == Account::Grant || sum >= 0);
            }
        }
        // What was taken and what was given comes to nothing over all.
        prop_assert_eq!(Fund::replay(id(), &entries), Ok(fund.clone()));
        // And so it does of each beginning, which is what stood there then.
        for count in 0..entries.len() {
            let begun = Fund::replay(id(), &entries[..count]).unwrap();
            prop_assert_eq!(begun.version, u64::try_from(count).unwrap());
            prop_assert!(is_found(&fund, &entries[..count]), "the newest entries are missing");
        }
    }

    #[test]
    fn an_entry_that_was_altered_removed_swapped_or_inserted_is_found(
        tries in tries(), place: prop::sample::Index, other: prop::sample::Index, what in 0..ALTERATIONS.len(),
    ) {
        let (fund, entries) = played(&tries);
        prop_assume!(!entries.is_empty());
        prop_assert!(!is_found(&fund, &entries));
        let (i, j) = (place.index(entries.len()), other.index(entries.len()));

        let mut altered = entries.clone();
        let (field, alter) = ALTERATIONS[what];
        alter(&mut altered[i]);
        prop_assert!(altered[i] == entries[i] || is_found(&fund, &altered), "{} of entry {}", field, i + 1);

        let mut removed = entries.clone();
        removed.remove(i);
        prop_assert!(is_found(&fund, &removed));

        let mut swapped = entries.clone();
        swapped.swap(i, j);
        prop_assert_eq!(is_found(&fund, &swapped), i != j);

        let mut inserted = entries.clone();
        inserted.insert(i, entries[j].clone());
        prop_assert!(is_found(&fund, &inserted), "an entry that stands there already");
        let mut inserted = entries.clone();
        if let Ok((_, entry)) = post(&fund, Movement::Grant, 1) {
            inserted.insert(i, entry.clone());
            prop_assert!(is_found(&fund, &inserted), "an entry before its time");
            inserted.remove(i);
            inserted.push(entry);
            prop_assert!(is_found(&fund, &inserted), "an entry that the fund does not know");
        }
    }
}

#[test]
fn a_year_is_closed_on_its_last_day_or_after_it() {
    use jiff::civil::date;
    let may = |year, month, day| id().may_close(date(year, month, day));
    let year = id().year;
    assert!(!may(year, 1, 1) && !may(year, 12, 30) && !may(year - 1, 12, 31));
    assert!(may(year, 12, 31) && may(year + 1, 1, 1) && may(year + 1, 6, 30));
}
