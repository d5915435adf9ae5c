//! Both files: what they look like, that they come back as they were, and that nothing is taken of
//! one that was changed on its way.

use std::fmt::Write as _;

use jiff::{Timestamp, civil::date};
use pingan_domain::{
    code::Code,
    command::CommandId,
    hash::Digest,
    ledger::{Fund, FundId},
    member::{Member, MemberId, MemberState, Role},
    named::Named as _,
    payout::{BankReason, Payout, PayoutId, PayoutProvider, PayoutState},
    payout_answer::{Answer, BankResult, Fault},
    payout_transfer::{Batch, BatchState, Line, MAX_LINES, Transfer},
    reward::{Context, Reward},
};
use proptest::prelude::*;

use crate::{
    answer,
    form::{fen, guarded, unguarded, yuan},
    order::{self, MAX_ACCOUNT_CHARS, MAX_NAME_CHARS, Order, Payee, PayeeError},
};

fn code(what: &str) -> Code {
    Code::from_digest(&Digest::of(&[what.as_bytes()]))
}

fn noon() -> Timestamp {
    "2026-08-12T12:00:00+08:00".parse().unwrap()
}

fn treasurer(id: &str) -> Member {
    Member {
        id: MemberId::parse(id).unwrap(),
        pseudonym: code(id),
        role: Role::Treasurer,
        node: "hexi".parse().unwrap(),
        body: None,
        agency: None,
        state: MemberState::Active,
    }
}

fn context() -> Context {
    let command = CommandId::of_batch_line(code("command"), 1);
    Context { command, now: noon(), today: date(2026, 8, 12) }
}

/// A batch of these amounts that was released.
fn batch(name: &str, amounts_fen: &[u64]) -> Batch {
    let (first, second) = (treasurer("first"), treasurer("second"));
    let made = Batch::make(code(name), "hexi".parse().unwrap(), &first, context()).unwrap().batch;
    let lines = (0..).zip(amounts_fen).map(|(number, amount_fen): (u64, _)| Line {
        payout: PayoutId { reward: code(&format!("reward {number}")), share: 0 },
        amount_fen: *amount_fen,
    });
    let filled = Batch { lines: lines.collect(), amount_fen: amounts_fen.iter().sum(), ..made };
    filled.release(Digest::of_file(b"the file"), &second, context()).unwrap().batch
}

fn payee(account: &str, name: &str) -> Payee {
    Payee::new(account.to_owned(), name.to_owned()).unwrap()
}

fn payees() -> Vec<Payee> {
    vec![payee("6222021234567890123", "王秀兰"), payee("=1+1", "O'Hara, \"Jo\""), payee("'6222", "'+86\r\n李建国")]
}

fn paid(reference: &str) -> BankResult {
    BankResult::Paid { reference: reference.to_owned() }
}

fn results() -> Vec<BankResult> {
    vec![paid("BK-1"), BankResult::Refused { reason: BankReason::NameMismatch }, paid("BK-3")]
}

const AMOUNTS: [u64; 3] = [50_000, 1, 123_456_789];

fn three() -> Batch {
    batch("batch", &AMOUNTS)
}

/// The answer to the batch of three.
fn answered() -> Vec<u8> {
    let order = order::read(&order::write(&three(), &payees()).unwrap()).unwrap();
    answer::write(&order, &results()).unwrap()
}

/// The same file with something else in it, and the checksum that fits.
fn resealed(file: &[u8], change: impl Fn(String) -> String) -> Vec<u8> {
    let text = String::from_utf8(file.to_vec()).unwrap();
    let at = text.trim_end().rfind('\n').unwrap() + 1;
    let (body, total) = text.split_at(at);
    let total = total.rsplit_once(',').unwrap().0.to_owned();
    let changed = change(format!("{body}{total}"));
    let at = changed.rfind('\n').unwrap() + 1;
    let checksum = Digest::of_file(&changed.as_bytes()[..at]);
    format!("{changed},{checksum}\r\n").into_bytes()
}

#[test]
fn the_files_are_as_they_are_published() {
    let order = order::write(&three(), &payees()).unwrap();
    let shown = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap().replace('\r', "␍");
    insta::assert_snapshot!("order", shown(&order));
    insta::assert_snapshot!("answer", shown(&answered()));
    assert_eq!(order::write(&three(), &payees()).unwrap(), order, "the same batch gives the same bytes");
    let Order { batch, lines } = order::read(&order).unwrap();
    assert_eq!(batch, three().id);
    for ((line, payee), ours) in lines.iter().zip(payees()).zip(three().lines) {
        assert_eq!((&line.payee, line.amount_fen, line.reference), (&payee, ours.amount_fen, ours.payout.reward));
    }
    let answer = answer::read(&answered(), &three()).unwrap();
    assert_eq!(answer.file(), Digest::of_file(&answered()));
    assert!(order::write(&three(), &payees()[1..]).is_err());
    assert_eq!(format!("{:?}", payees()[0]), "Payee(…)");
}

/// Whoever writes the bank's side can try it on the examples.
#[test]
fn the_published_examples_are_what_is_written_and_read() {
    let published = include_str!("../../../docs/bank-files.md").replace('\n', "\r\n");
    let batch = batch("batch", &[50_000, 123_450]);
    let payees = [payee("6222021234567890123", "王秀兰"), payee("6222029876543210987", "O'Hara, \"Jo\"")];
    let order = order::write(&batch, &payees).unwrap();
    let results = [paid("BK-20260812-0001"), BankResult::Refused { reason: BankReason::NameMismatch }];
    let answer = answer::write(&order::read(&order).unwrap(), &results).unwrap();
    for file in [order, answer] {
        let file = String::from_utf8(file).unwrap();
        assert!(published.contains(&format!("```csv\r\n{file}```")), "docs/bank-files.md has not:\n{file}");
    }
}

#[test]
fn what_cannot_be_paid_to_is_told_before() {
    let new = |account: usize, name: usize| Payee::new("1".repeat(account), "王".repeat(name)).err();
    assert_eq!(new(0, 1), Some(PayeeError::Account));
    assert_eq!(new(MAX_ACCOUNT_CHARS + 1, 1), Some(PayeeError::Account));
    assert_eq!(new(1, 0), Some(PayeeError::Name));
    assert_eq!(new(1, MAX_NAME_CHARS + 1), Some(PayeeError::Name));
    assert_eq!(new(MAX_ACCOUNT_CHARS, MAX_NAME_CHARS), None);
}

#[test]
fn the_largest_batch_fits_into_a_file() {
    let batch = batch("batch", &[1_000_000_000; MAX_LINES]);
    let payees = vec![payee(&"\"".repeat(MAX_ACCOUNT_CHARS), &"\u{1F9FE}".repeat(MAX_NAME_CHARS)); MAX_LINES];
    let order = order::read(&order::write(&batch, &payees).unwrap()).unwrap();
    assert_eq!(order.lines.len(), MAX_LINES);
    let results = vec![paid("BK-20260812-0123456789-0123456789AB"); MAX_LINES];
    answer::read(&answer::write(&order, &results).unwrap(), &batch).unwrap();
}

#[test]
fn everything_that_is_wrong_with_an_answer_is_named_by_its_line() {
    let batch = three();
    let right = answered();
    let replaced = |from: &str, to: &str| {
        let changed = resealed(&right, |text| {
            assert!(text.contains(from), "{from} is not in it");
            text.replacen(from, to, 1)
        });
        assert_ne!(changed, right);
        changed
    };
    let text = String::from_utf8(right.clone()).unwrap();
    let row = |number: usize| text.lines().nth(number).unwrap().to_owned();
    let (second, third) = (row(2) + "\r\n", row(3) + "\r\n");
    let reward = |number: usize| batch.lines[number].payout.reward.to_string();
    let other = code("another").to_string();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("cut off within line 3", right[..text.find(&third).unwrap() - 5].to_vec()),
        ("cut off after line 3", right[..text.find(&third).unwrap()].to_vec()),
        ("cut off within the last line", right[..right.len() - 10].to_vec()),
        ("not UTF-8", [&right[..100], b"\xFF", &right[100..]].concat()),
        ("line ends changed", text.replace("\r\n", "\n").into_bytes()),
        ("changed by hand", text.replacen("500.00", "900.00", 1).into_bytes()),
        ("an empty line at the end", format!("{text}\r\n").into_bytes()),
        ("more after the last line", format!("{text}{second}").into_bytes()),
        ("too large", vec![b'a'; crate::MAX_BYTES + 1]),
        ("another header", replaced("bank_reference", "bank_ref")),
        ("a field too many", replaced("BK-1", "BK-1,x")),
        ("a wrong number of lines", replaced("total,3", "total,4")),
        ("a wrong sum", replaced("1235067.89", "1235067.88")),
        ("a wrong number of paid", replaced(",2,1", ",3,0")),
        ("of another batch", resealed(&right, |text| text.replace(&batch.id.to_string(), &other))),
        ("an unknown line", replaced(&format!(",3,{}", reward(2)), &format!(",4,{}", reward(2)))),
        ("a line twice", replaced(&third, &second)),
        ("a missing line", replaced(&third, "")),
        ("a changed amount", replaced(",0.01,", ",0.02,")),
        ("a changed reference", replaced(&reward(1), &reward(2))),
        ("an amount in another notation", replaced(",0.01,", ",.01,")),
        ("an amount below zero", replaced(",0.01,", ",-0.01,")),
        ("an unknown status", replaced(",paid,", ",done,")),
        ("an unknown reason", replaced("name_mismatch", "王秀兰 does not fit")),
        ("refused with a reference", replaced("name_mismatch,", "name_mismatch,BK-2")),
        ("paid for a reason", replaced(",paid,,", ",paid,other,")),
        ("a formula as reference", replaced("BK-1", "=BK1")),
        ("the order itself", order::write(&batch, &payees()).unwrap()),
    ];
    let mut table = String::new();
    for (name, bytes) in cases {
        writeln!(table, "{name}").unwrap();
        for Fault { line, why } in answer::read(&bytes, &batch).expect_err(name) {
            let line = line.map_or("file".to_owned(), |line| format!("line {line}"));
            writeln!(table, "    {line:<7}  {why}").unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_file_that_ends_anywhere_else_is_not_read() {
    let order = order::write(&three(), &payees()).unwrap();
    let right = answered();
    for end in 0..order.len() {
        assert!(order::read(&order[..end]).is_err(), "an order of {end} bytes");
    }
    for end in 0..right.len() {
        assert!(answer::read(&right[..end], &three()).is_err(), "an answer of {end} bytes");
    }
}

#[test]
fn a_file_with_any_byte_changed_is_not_read() {
    let order = order::write(&three(), &payees()).unwrap();
    let right = answered();
    for at in 0..right.len().max(order.len()) {
        for flip in [0x01, 0x20, 0x80] {
            let changed = |file: &[u8]| {
                let mut file = file.to_vec();
                if let Some(byte) = file.get_mut(at) {
                    *byte ^= flip;
                }
                file
            };
            let (bad_order, bad_answer) = (changed(&order), changed(&right));
            // The digits of the checksum itself may be in either case.
            let same = |file: &[u8], of: &[u8]| file.eq_ignore_ascii_case(of);
            assert!(order::read(&bad_order).is_err() || same(&bad_order, &order), "byte {at} of the order");
            assert!(
                answer::read(&bad_answer, &three()).is_err() || same(&bad_answer, &right),
                "byte {at} of the answer"
            );
        }
    }
}

/// A batch with the shares of a reward, and the fund that has reserved them.
fn reserved(amounts_fen: &[u64]) -> (Reward, Vec<Payout>, Fund, Batch) {
    let shares = (0..).zip(amounts_fen).map(|(share, amount_fen): (u64, _)| {
        serde_json::json!({
            "report": code(&format!("report {share}")), "member": format!("earner-{share}"), "pseudonym": code("earner"),
            "weight": 1, "amount_fen": amount_fen, "steps": [], "state": "reserved",
        })
    });
    let record = serde_json::json!({
        "id": code("reward"), "version": 3, "head": Digest::ZERO, "node": "hexi.a.b", "concerns": "nobody",
        "matter": code("report 0"), "reviewers": [], "merit": { "category": "crime" }, "rules": 1,
        "shares": shares.collect::<Vec<_>>(), "amount_fen": amounts_fen.iter().sum::<u64>(), "state": "approved",
        "fund_year": 2026, "claim_until": "2026-12-01T00:00:00Z", "created_at": noon(), "updated_at": noon(),
    });
    let reward: Reward = serde_json::from_value(record).unwrap();
    let sum = amounts_fen.iter().sum();
    let fund = Fund {
        granted_fen: sum,
        reserved_fen: sum,
        ..Fund::empty(FundId { district: "hexi".parse().unwrap(), year: 2026 })
    };
    let (first, second) = (treasurer("first"), treasurer("second"));
    let asks = |share: u8| {
        let earner = Member {
            id: reward.shares[usize::from(share)].member.clone(),
            role: Role::Reporter,
            ..treasurer("earner")
        };
        Payout::of(&reward, share).unwrap().ask_transfer(&reward, &earner, context()).unwrap().payout
    };
    let payouts: Vec<(Payout, &Reward)> =
        (0..u8::try_from(amounts_fen.len()).unwrap()).map(|share| (asks(share), &reward)).collect();
    let made = Batch::make(code("batch"), "hexi".parse().unwrap(), &first, context()).unwrap().batch;
    let added = made.add(&payouts, &first, context()).unwrap();
    let file = order::write(&added.batch, &vec![payee("1", "王"); amounts_fen.len()]).unwrap();
    let batch = added.batch.release(Digest::of_file(&file), &second, context()).unwrap().batch;
    assert_eq!(batch.check_file(Digest::of_file(&file)), Ok(()));
    let payouts = added.payouts.into_iter().map(|decided| decided.payout).collect();
    (reward, payouts, fund, batch)
}

/// What a function does with a file of the bank: takes what verifies, line by line.
fn take(bytes: &[u8], (reward, payouts, fund, batch): &mut (Reward, Vec<Payout>, Fund, Batch)) -> Option<Answer> {
    let answer = answer::read(bytes, batch).ok()?;
    if let Some(decided) = batch.answer(&answer, &treasurer("first"), context()).ok()? {
        *batch = decided.batch;
    }
    for (proof, payout) in batch.proofs(&answer).unwrap().into_iter().zip(payouts.iter_mut()) {
        let settled = Transfer::settle(payout, reward, fund, &proof, &treasurer("first"), context()).unwrap();
        let Some(settled) = settled else { continue };
        *payout = settled.payout.payout;
        if let Some(decided) = settled.reward {
            *reward = decided.reward;
            *fund = decided.fund.unwrap().0;
        }
    }
    if let Some(settled) = batch.settle(payouts, &treasurer("first"), context()).unwrap() {
        *batch = settled.batch;
    }
    Some(answer)
}

#[test]
fn what_was_cut_off_pays_nothing_and_what_came_whole_pays_once() {
    let mut world = reserved(&AMOUNTS);
    let order = Order {
        batch: world.3.id,
        lines: world
            .3
            .lines
            .iter()
            .map(|line| order::OrderLine {
                payee: payee("1", "王"),
                amount_fen: line.amount_fen,
                reference: line.payout.reward,
            })
            .collect(),
    };
    let file = answer::write(&order, &results()).unwrap();
    for end in 0..file.len() {
        assert_eq!(take(&file[..end], &mut world), None);
    }
    assert_eq!((world.2.paid_fen, world.3.state), (0, BatchState::Released));
    for _ in 0..3 {
        assert!(take(&file, &mut world).is_some());
        assert_eq!((world.2.paid_fen, world.2.version), (50_000 + 123_456_789, 2));
        assert_eq!(world.3.state, BatchState::Settled);
        let states: Vec<_> = world.1.iter().map(|payout| payout.state).collect();
        assert_eq!(states, [PayoutState::Paid, PayoutState::Waiting, PayoutState::Paid]);
    }
    // Another answer that would be right by itself is too late.
    let another = answer::write(&order, &[paid("A"), paid("B"), paid("C")]).unwrap();
    assert_eq!(take(&another, &mut world), None);
    assert_eq!(world.2.paid_fen, 50_000 + 123_456_789);
}

fn result() -> impl Strategy<Value = BankResult> {
    prop_oneof![
        "[A-Za-z0-9][A-Za-z0-9/.-]{0,34}".prop_map(|reference| BankResult::Paid { reference }),
        prop::sample::select(BankReason::ALL).prop_map(|reason| BankResult::Refused { reason }),
    ]
}

/// Anything at all that somebody could have as an account or a name.
fn anything() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::collection::vec(any::<char>(), 1..40).prop_map(String::from_iter),
        "[=+@',\"\r\n\t ＝＋－＠;a-c-]{1,20}",
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_and_no_field_is_a_formula(
        lines in prop::collection::vec((anything(), anything(), 1..1_000_000_000_u64, result()), 1..20),
    ) {
        let amounts: Vec<u64> = lines.iter().map(|line| line.2).collect();
        let batch = batch("batch", &amounts);
        let payees: Vec<Payee> = lines.iter().map(|line| payee(&line.0, &line.1)).collect();
        let file = order::write(&batch, &payees).unwrap();
        let order = order::read(&file).unwrap();
        prop_assert_eq!(order.lines.iter().map(|line| line.payee.clone()).collect::<Vec<_>>(), payees);
        let results: Vec<BankResult> = lines.into_iter().map(|line| line.3).collect();
        let answer = answer::write(&order, &results).unwrap();
        prop_assert!(answer::read(&answer, &batch).is_ok());
        for file in [&file, &answer] {
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(file.as_slice());
            for field in reader.records().flat_map(|record| record.unwrap().iter().map(ToOwned::to_owned).collect::<Vec<_>>()) {
                prop_assert!(!field.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']), "{:?}", field);
            }
        }
    }

    #[test]
    fn guards_and_amounts_come_back(text in anything(), amount in 0..=u64::MAX / 2) {
        let shown = guarded(&text);
        prop_assert_eq!(unguarded(&shown), text);
        prop_assert_eq!(fen(&yuan(amount)), Some(amount));
    }

    #[test]
    fn an_amount_is_written_in_one_way(text in "[0-9+. -]{0,8}") {
        if let Some(amount) = fen(&text) {
            prop_assert_eq!(yuan(amount), text);
        }
    }

    #[test]
    fn reading_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "[batchlinetotal,\"\r\n0-9]{0,200}") {
        for bytes in [bytes.as_slice(), text.as_bytes()] {
            prop_assert!(order::read(bytes).is_err());
            prop_assert!(answer::read(bytes, &three()).is_err());
            let sealed = resealed(&answered(), |whole| format!("{}\r\n{whole}", String::from_utf8_lossy(bytes)));
            prop_assert!(answer::read(&sealed, &three()).is_err());
        }
    }
}
