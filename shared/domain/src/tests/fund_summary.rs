//! What everybody is told of a fund: enough for its accounts, and never of fewer than five payments.

use jiff::{
    Timestamp,
    civil::{Date, date},
    tz::TimeZone,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::node;
use crate::{
    code::Code,
    command::CommandId,
    fund_summary::{FundSummary, Told, summary},
    hash::Digest,
    ledger::{Entry, Fund, FundId, Movement, Posting},
    member::{MemberId, Role},
};

fn shanghai() -> TimeZone {
    TimeZone::get("Asia/Shanghai").unwrap()
}

/// A ledger that is written by and by.
struct Book {
    fund: Fund,
    ledger: Vec<Entry>,
}

impl Book {
    fn new() -> Self {
        Self { fund: Fund::empty(FundId { district: node("hexi"), year: 2026 }), ledger: Vec::new() }
    }

    /// Posts a movement at noon of a day; whether it was taken.
    fn posts(&mut self, movement: Movement, amount_fen: u64, day: Date) -> bool {
        let at = day.at(12, 0, 0, 0).to_zoned(shanghai()).unwrap().timestamp();
        self.posts_at(movement, amount_fen, at)
    }

    fn posts_at(&mut self, movement: Movement, amount_fen: u64, at: Timestamp) -> bool {
        let treasurer = MemberId::parse("treasurer").unwrap();
        let posted = self.fund.post(Posting {
            movement,
            amount_fen,
            reward: movement.is_of_reward().then(|| Code::from_digest(&Digest::of(&[b"reward"]))),
            reason: None,
            by: (&treasurer, Role::Treasurer),
            command: CommandId::new(&treasurer, Uuid::from_u64_pair(9, self.fund.version)),
            at,
        });
        let Ok((fund, entry)) = posted else { return false };
        self.fund = fund;
        self.ledger.push(entry);
        true
    }

    /// Reserves and pays so many rewards of 1 yuan on a day.
    fn pays(&mut self, count: u64, day: Date) {
        for _ in 0..count {
            assert!(self.posts(Movement::Reserve, 100, day) && self.posts(Movement::Pay, 100, day));
        }
    }

    fn told(&self, today: Date) -> Option<FundSummary> {
        summary(&self.ledger, today, &shanghai()).unwrap()
    }

    /// Until which day, how many payments and how much.
    fn until(&self, today: Date) -> Option<(Date, u64, u64)> {
        self.told(today).unwrap().told.map(|told| (told.until, told.payments, told.paid_fen))
    }
}

#[test]
fn before_anything_is_granted_there_is_nothing_to_tell() {
    assert_eq!(Book::new().told(date(2026, 5, 1)), None);
}

#[test]
fn a_month_is_told_once_five_are_paid_in_it_and_five_after_it() {
    let mut book = Book::new();
    assert!(book.posts(Movement::Grant, 10_000, date(2026, 1, 5)));
    book.pays(4, date(2026, 1, 20));
    let nothing = FundSummary { granted_fen: 10_000, closed: false, told: None };
    for today in [date(2026, 1, 31), date(2026, 2, 1), date(2027, 1, 1)] {
        assert_eq!(book.told(today), Some(nothing.clone()), "four are too few, whenever it is");
    }
    book.pays(1, date(2026, 2, 28));
    assert_eq!(book.until(date(2026, 3, 1)), None, "five, and none after them");
    book.pays(4, date(2026, 3, 31));
    assert_eq!(book.until(date(2026, 4, 1)), None, "and four after them");
    book.pays(1, date(2026, 4, 1));
    assert_eq!(book.until(date(2026, 4, 30)), None, "the month is not over");
    assert_eq!(book.until(date(2026, 5, 1)), Some((date(2026, 2, 28), 5, 500)));
    // What is told stays as it was told until five more follow.
    book.pays(4, date(2026, 5, 2));
    assert_eq!(book.until(date(2026, 6, 1)), Some((date(2026, 2, 28), 5, 500)));
    book.pays(1, date(2026, 6, 2));
    assert_eq!(book.until(date(2026, 7, 1)), Some((date(2026, 4, 30), 10, 1_000)));
    // A grant is public at once; that nothing can be told apart from it is not.
    assert!(book.posts(Movement::Grant, 700, date(2026, 7, 2)));
    let told = book.told(date(2026, 7, 3)).unwrap();
    assert_eq!((told.granted_fen, told.told.unwrap().unpaid_fen), (10_700, 9_700));
}

#[test]
fn a_year_that_is_over_is_told_whole() {
    let mut book = Book::new();
    assert!(book.posts(Movement::Grant, 10_000, date(2026, 1, 5)));
    book.pays(6, date(2026, 6, 20));
    assert!(book.posts(Movement::Return, 1_000, date(2026, 7, 1)));
    assert!(book.posts(Movement::Reserve, 100, date(2026, 12, 20)));
    assert!(book.posts(Movement::Lapse, book.fund.available_fen, date(2026, 12, 31)));
    let waits = book.told(date(2027, 1, 1)).unwrap();
    assert_eq!((waits.closed, waits.told), (true, None), "one is promised still: the rest would tell how much");
    assert!(book.posts(Movement::LapseReserved, 100, date(2027, 3, 1)));
    let whole = Told {
        until: date(2027, 3, 31),
        payments: 6,
        paid_fen: 600,
        returned_fen: 1_000,
        unpaid_fen: 8_400,
        is_final: true,
    };
    let told = Some(FundSummary { granted_fen: 10_000, closed: true, told: Some(whole) });
    assert_eq!(book.told(date(2027, 4, 1)), told);
    // Somebody pays back, long after: that is one person's, and is not told.
    assert!(book.posts(Movement::Recover, 100, date(2027, 5, 5)));
    assert_eq!(book.told(date(2027, 6, 1)), told);
}

#[test]
fn months_go_by_the_time_of_the_district() {
    let mut book = Book::new();
    assert!(book.posts(Movement::Grant, 10_000, date(2026, 1, 5)));
    let end_of_january: Timestamp = "2026-01-31T16:30:00Z".parse().unwrap();
    for _ in 0..5 {
        assert!(book.posts_at(Movement::Reserve, 100, end_of_january));
        assert!(book.posts_at(Movement::Pay, 100, end_of_january));
    }
    book.pays(5, date(2026, 3, 1));
    assert_eq!(book.until(date(2026, 4, 1)), Some((date(2026, 2, 28), 5, 500)), "it is February there already");
}

#[test]
fn a_ledger_that_pays_what_was_not_promised_is_broken() {
    let mut book = Book::new();
    assert!(book.posts(Movement::Grant, 10_000, date(2026, 1, 5)));
    book.pays(1, date(2026, 1, 20));
    book.ledger.retain(|entry| entry.movement != Movement::Reserve);
    assert!(summary(&book.ledger, date(2026, 2, 1), &shanghai()).is_err());
}

proptest! {
    /// Somebody reads it on the first of each month for three years, and subtracts.
    #[test]
    fn whoever_subtracts_learns_of_no_fewer_than_five(
        moves in proptest::collection::vec((0_usize..12, 1_u64..999, 0_i32..8), 1..200),
    ) {
        // More payments than other movements, as it is.
        const KINDS: [Movement; 12] = [
            Movement::Grant, Movement::Return, Movement::Reserve, Movement::Reserve, Movement::Reserve, Movement::Pay,
            Movement::Pay, Movement::Pay, Movement::Release, Movement::Recover, Movement::Lapse, Movement::LapseReserved,
        ];
        let mut book = Book::new();
        let first = date(2026, 1, 1);
        prop_assert!(book.posts(Movement::Grant, 1_000_000, first));
        let mut day = first;
        for (kind, amount_fen, days) in moves {
            day = day.checked_add(jiff::Span::new().days(days)).unwrap();
            let amount_fen = match KINDS[kind] {
                Movement::Lapse => book.fund.available_fen,
                // Whatever is promised at the end lapses at once, so that there is an end.
                Movement::LapseReserved => book.fund.reserved_fen,
                Movement::Pay | Movement::Release => amount_fen.min(book.fund.reserved_fen),
                _ => amount_fen,
            };
            // Years are closed late.
            if KINDS[kind] != Movement::Lapse || day > date(2026, 11, 1) {
                book.posts(KINDS[kind], amount_fen, day);
            }
        }
        let mut last: Option<Told> = None;
        for month in 1..36 {
            let today = first.checked_add(jiff::Span::new().months(month)).unwrap();
            // What has moved by then, as it would have been read on that day.
            let by_then = book.ledger.iter().filter(|entry| entry.at.to_zoned(shanghai()).date() < today);
            let by_then: Vec<Entry> = by_then.cloned().collect();
            let FundSummary { granted_fen, told, .. } = summary(&by_then, today, &shanghai()).unwrap().unwrap();
            prop_assert_eq!(&summary(&book.ledger, today, &shanghai()).unwrap().unwrap().told.map(|told| told.until),
                &told.map(|told| told.until), "what comes later is not known on {}", today);
            let Some(told) = told else {
                prop_assert_eq!(last, None, "what was told is told");
                continue;
            };
            prop_assert_eq!(told.paid_fen + told.returned_fen + told.unpaid_fen, granted_fen);
            prop_assert!(told.until < today);
            let before = last.map_or(0, |last| last.payments);
            if last.is_some_and(|last| last.until == told.until) {
                let same = last.map(|last| (last.payments, last.paid_fen, last.returned_fen));
                prop_assert_eq!(same, Some((told.payments, told.paid_fen, told.returned_fen)));
            } else {
                prop_assert!(told.payments >= before + 5, "{:?}, then {:?}", last, told);
            }
            // A remainder of fewer than five is never left over.
            let by_then = by_then.iter().filter(|entry| entry.movement == Movement::Pay).count() as u64;
            prop_assert!(by_then == told.payments || by_then >= told.payments + 5);
            last = Some(told);
        }
    }
}
