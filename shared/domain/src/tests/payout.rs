//! How shares are paid: at the counter and through the bank, by whom, and when not.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp, civil::date};
use uuid::Uuid;

use super::{author, district_manager, member, node, wednesday};
use crate::{
    code::Code,
    command::CommandId,
    error::{Error, FieldError, Refusal},
    hash::Digest,
    ledger::{Fund, FundId, Movement, Posting},
    member::{Member, MemberId, Role},
    named::Named,
    payout::{
        self, BankReason, Begun, CancelReason, Decided, Method, Payout, PayoutAction, PayoutProvider, PayoutState,
        Settled,
    },
    payout_answer::{self, Answer, AnswerLine, BankResult},
    payout_counter::{
        CODE_DAYS, CONFIRM_MINUTES, Counter, LOCK_HOURS, MAX_CODES, MAX_TREASURER_TRIES, MAX_WRONG_CODES,
        TRANSFER_DAYS, may_type,
    },
    payout_transfer::{
        self, Batch, BatchAction, BatchDecided, BatchState, MAX_LINES, MAX_PORTION, REFUSED_DAYS, Transfer,
    },
    report::{Category, Concerns},
    reward::{Context, Reward, RewardState, Share, ShareState},
    reward_rules::Merit,
};

/// How long the rewards of these tests can be claimed, in days.
pub(super) const CLAIM_DAYS: i64 = 90;

pub(super) fn first() -> Member {
    member("treasurer-1", Role::Treasurer, "hexi")
}

pub(super) fn second() -> Member {
    member("treasurer-2", Role::Treasurer, "hexi")
}

/// Who has the share of this number.
pub(super) fn earner(share: u8) -> Member {
    member(&format!("earner-{share}"), Role::Reporter, "hexi.xiaobailou.kaifeng")
}

pub(super) fn later(days: i64) -> Timestamp {
    wednesday() + SignedDuration::from_hours(24 * days)
}

fn minutes(minutes: i64) -> Timestamp {
    wednesday() + SignedDuration::from_mins(minutes)
}

/// Something that happens at a moment; another number is another command.
pub(super) fn context(number: u64, now: Timestamp) -> Context {
    let command = CommandId::new(&first().id, Uuid::from_u64_pair(9, number));
    Context { command, now, today: date(2026, 8, 12) }
}

pub(super) fn hash(text: &str) -> Digest {
    Digest::of(&[b"keyed", text.as_bytes()])
}

/// A reward that was approved on Wednesday, with a share of each of these amounts.
pub(super) fn approved(number: u8, amounts_fen: &[u64]) -> Reward {
    let code = |what: &[u8]| Code::from_digest(&Digest::of(&[what, &[number]]));
    let shares = (0..).zip(amounts_fen).map(|(share, amount_fen)| Share {
        report: Code::from_digest(&Digest::of(&[b"report", &[number, share]])),
        member: earner(share).id,
        pseudonym: earner(share).pseudonym,
        weight: 1,
        amount_fen: *amount_fen,
        steps: Vec::new(),
        state: if *amount_fen > 0 { ShareState::Reserved } else { ShareState::Ended },
        paid_at: None,
    });
    Reward {
        id: code(b"reward"),
        version: 3,
        head: Digest::of(&[b"head", &[number]]),
        node: node("hexi.xiaobailou.kaifeng"),
        concerns: Concerns::Nobody,
        matter: code(b"report"),
        reviewers: Vec::new(),
        merit: Some(Merit { category: Category::Crime, grade: None, outcome: None }),
        award: None,
        rules: 1,
        chosen_fen: None,
        shares: shares.collect(),
        amount_fen: amounts_fen.iter().sum(),
        state: RewardState::Approved,
        agreed: Vec::new(),
        adjusted_by: None,
        waits_for_fund: false,
        declined: None,
        declined_by: None,
        appealed: false,
        fund_year: Some(2026),
        approved_at: Some(wednesday()),
        claim_until: Some(later(CLAIM_DAYS)),
        reminded_at: None,
        created_at: wednesday(),
        updated_at: wednesday(),
    }
}

/// A fund that has reserved what these rewards need, and its entries so far.
pub(super) fn fund_of(rewards: &[Reward]) -> (Fund, Vec<crate::ledger::Entry>) {
    let mut fund = Fund::empty(FundId { district: node("hexi"), year: 2026 });
    let (manager, mut entries) = (district_manager(), Vec::new());
    let grant = (Movement::Grant, rewards.iter().map(|reward| reward.amount_fen).sum(), None);
    let reserve = rewards.iter().map(|reward| (Movement::Reserve, reward.amount_fen, Some(reward.id)));
    for (movement, amount_fen, reward) in std::iter::once(grant).chain(reserve) {
        let context = context(0, wednesday());
        let (after, entry) = fund
            .post(Posting {
                movement,
                amount_fen,
                reward,
                reason: None,
                by: (&manager.id, manager.role),
                command: context.command,
                at: context.now,
            })
            .unwrap();
        fund = after;
        entries.push(entry);
    }
    (fund, entries)
}

/// One reward of one share of 500 yuan, and what has become of it.
struct Desk {
    payout: Payout,
    reward: Reward,
    fund: Fund,
    events: Vec<payout::PayoutEvent>,
    commands: u64,
}

impl Desk {
    fn new() -> Self {
        let reward = approved(1, &[50_000]);
        let (fund, _) = fund_of(std::slice::from_ref(&reward));
        Self { payout: Payout::of(&reward, 0).unwrap(), reward, fund, events: Vec::new(), commands: 0 }
    }

    /// With a code, whose text is `right`.
    fn with_code() -> Self {
        let mut desk = Self::new();
        desk.make_code("right", wednesday()).unwrap();
        desk
    }

    fn context(&mut self, now: Timestamp) -> Context {
        self.commands += 1;
        context(self.commands, now)
    }

    fn take(&mut self, decided: Result<Decided, Error>) -> Result<(), Error> {
        let Decided { payout, event } = decided?;
        assert_eq!(payout.version, self.payout.version + 1);
        self.payout = payout;
        self.events.push(event);
        payout::verify_chain(&self.events, self.payout.head).unwrap();
        Ok(())
    }

    fn make_code(&mut self, text: &str, now: Timestamp) -> Result<(), Error> {
        let context = self.context(now);
        let decided = self.payout.make_code(&self.reward, hash(text), &earner(0), context);
        self.take(decided)
    }

    fn ask_transfer(&mut self, now: Timestamp) -> Result<(), Error> {
        let context = self.context(now);
        let decided = self.payout.ask_transfer(&self.reward, &earner(0), context);
        self.take(decided)
    }

    /// Checks a code. A wrong one is counted and refused.
    fn check(&mut self, text: &str, actor: &Member, now: Timestamp) -> Result<(), Error> {
        let context = self.context(now);
        self.check_again(text, actor, context)
    }

    fn check_again(&mut self, text: &str, actor: &Member, context: Context) -> Result<(), Error> {
        match Counter::begin(&self.payout, &self.reward, &hash(text), actor, context)? {
            Begun::Held(decided) => self.take(Ok(*decided)),
            Begun::Failed(decided, refusal) => {
                self.take(Ok(*decided)).unwrap();
                Err(refusal.into())
            }
        }
    }

    fn confirm(&mut self, actor: &Member, now: Timestamp) -> Result<(), Error> {
        let context = self.context(now);
        let settled = Counter::settle(&self.payout, &self.reward, &self.fund, &(), actor, context)?;
        self.settle(settled.unwrap());
        Ok(())
    }

    fn settle(&mut self, Settled { payout, reward }: Settled) {
        self.take(Ok(payout)).unwrap();
        if let Some(decided) = reward {
            (self.reward, self.fund) = (decided.reward, decided.fund.unwrap().0);
        }
    }

    fn cancel(&mut self, actor: &Member, now: Timestamp) -> Result<(), Error> {
        let context = self.context(now);
        let decided = self.payout.cancel(&self.reward, CancelReason::NobodyConfirms, actor, context);
        self.take(decided)
    }

    fn unlock(&mut self, actor: &Member, now: Timestamp) -> Result<(), Error> {
        let context = self.context(now);
        let decided = self.payout.unlock(&self.reward, actor, context);
        self.take(decided)
    }
}

pub(super) fn refused(refusal: Refusal) -> Result<(), Error> {
    Err(refusal.into())
}

#[test]
fn who_does_what_with_a_payout_and_with_a_batch() {
    let mut table = String::new();
    for action in PayoutAction::ALL {
        for state in PayoutState::ALL {
            line(&mut table, action.name(), state.name(), |role| payout::step(*action, role, *state).map(Named::name));
        }
    }
    insta::assert_snapshot!("steps_of_payouts", table);
    let mut table = String::new();
    for action in BatchAction::ALL.iter().filter(|action| **action != BatchAction::Make) {
        for state in BatchState::ALL {
            let step = |role| payout_transfer::step(*action, role, *state).map(Named::name);
            line(&mut table, action.name(), state.name(), step);
        }
    }
    insta::assert_snapshot!("steps_of_batches", table);
}

/// One line of a table: where it leads and by whom, or why it does not.
fn line(table: &mut String, action: &str, state: &str, step: impl Fn(Role) -> Result<&'static str, Error>) {
    let (mut to, mut by, mut why) = (None, Vec::new(), Vec::new());
    for role in Role::ALL {
        match step(*role) {
            Ok(state) => {
                to = Some(state);
                by.push(role.name());
            }
            Err(Error::Refused(Refusal::WrongRole)) => {}
            Err(error) => why.push(error.to_string()),
        }
    }
    why.dedup();
    match to {
        Some(to) => writeln!(table, "{action:<12}  {state:<9}  → {to:<9}  by {}", by.join(", ")),
        None => writeln!(table, "{action:<12}  {state:<9}  ✗ {}", why.join(", ")),
    }
    .unwrap();
}

#[test]
fn a_share_is_paid_at_the_counter_by_two_people_and_once() {
    let mut desk = Desk::with_code();
    assert_eq!(desk.check("right", &district_manager(), wednesday()), refused(Refusal::WrongRole));
    desk.check("right", &first(), wednesday()).unwrap();
    assert_eq!((desk.payout.state, desk.payout.amount_fen), (PayoutState::Checked, 50_000));
    // The code was used up, and the share is kept from everything else.
    assert_eq!(desk.check("right", &second(), minutes(1)), refused(Refusal::WrongPayoutState));
    assert_eq!(desk.make_code("another", minutes(1)), refused(Refusal::WrongPayoutState));
    assert_eq!(desk.ask_transfer(minutes(1)), refused(Refusal::WrongPayoutState));
    assert_eq!(desk.payout.may_lapse(minutes(1)), refused(Refusal::PayoutOpen));
    assert_eq!(desk.payout.may_reverse(minutes(1)), refused(Refusal::PayoutOpen));
    assert_eq!(desk.confirm(&first(), minutes(2)), refused(Refusal::SecondPerson));
    let station = member("station", Role::StationManager, "hexi.xiaobailou");
    assert_eq!(desk.confirm(&station, minutes(2)), Err(Refusal::WrongRole.into()));
    assert_eq!(desk.confirm(&member("t", Role::Treasurer, "heping"), minutes(2)), Err(Error::NotFound));
    desk.confirm(&second(), minutes(2)).unwrap();
    let paid = desk.payout.paid.clone().unwrap();
    assert_eq!((paid.by, paid.confirmed_by, paid.at), (first().id, Some(second().id), minutes(2)));
    assert_eq!((desk.fund.paid_fen, desk.fund.reserved_fen), (50_000, 0));
    assert_eq!((desk.reward.state, desk.reward.shares[0].state), (RewardState::Settled, ShareState::Paid));
    for result in [
        desk.confirm(&second(), minutes(3)),
        desk.check("right", &first(), minutes(3)),
        desk.make_code("more", minutes(3)),
        desk.ask_transfer(minutes(3)),
        desk.cancel(&second(), minutes(3)),
        desk.payout.may_lapse(minutes(3)),
        desk.payout.may_reverse(minutes(3)),
    ] {
        assert_eq!(result, refused(Refusal::PaidAlready));
    }
}

#[test]
fn a_district_manager_can_be_the_second_person() {
    let mut desk = Desk::with_code();
    desk.check("right", &first(), wednesday()).unwrap();
    // What was promised is paid after the year as well.
    desk.fund.closed = true;
    desk.confirm(&district_manager(), minutes(1)).unwrap();
    let paid = desk.payout.paid.unwrap();
    assert_eq!((paid.by, paid.confirmed_by), (first().id, Some(district_manager().id)));
}

#[test]
fn what_nobody_confirms_in_time_counts_as_not_begun() {
    let mut desk = Desk::with_code();
    desk.check("right", &first(), wednesday()).unwrap();
    assert_eq!(desk.confirm(&second(), minutes(CONFIRM_MINUTES)), refused(Refusal::CheckExpired));
    assert_eq!(desk.cancel(&second(), minutes(CONFIRM_MINUTES)), refused(Refusal::CheckExpired));
    assert_eq!(desk.payout.may_reverse(minutes(CONFIRM_MINUTES)), Ok(()));
    // The old code was used up, and a new one begins from the start.
    assert_eq!(desk.check("right", &first(), minutes(40)), refused(Refusal::WrongClaimCode));
    desk.make_code("new", minutes(50)).unwrap();
    assert_eq!(desk.events.last().unwrap().from, PayoutState::Waiting);
    desk.check("new", &second(), minutes(60)).unwrap();
    desk.confirm(&first(), minutes(59 + CONFIRM_MINUTES)).unwrap();
    assert_eq!(desk.fund.paid_fen, 50_000);
}

#[test]
fn a_cancelled_payment_is_back_where_it_was_and_pays_nothing() {
    let mut desk = Desk::with_code();
    assert_eq!(desk.cancel(&first(), wednesday()), refused(Refusal::WrongPayoutState));
    desk.check("right", &first(), wednesday()).unwrap();
    desk.cancel(&first(), minutes(1)).unwrap();
    assert_eq!((desk.payout.state, &desk.payout.check), (PayoutState::Waiting, &None));
    assert_eq!(desk.events.last().unwrap().cancelled, Some(CancelReason::NobodyConfirms));
    assert_eq!(desk.confirm(&second(), minutes(2)), refused(Refusal::WrongPayoutState));
    assert_eq!((desk.fund.paid_fen, desk.reward.shares[0].state), (0, ShareState::Reserved));
}

#[test]
fn wrong_codes_lock_the_share_until_a_manager_or_time_and_a_new_code_open_it() {
    let mut desk = Desk::with_code();
    for _ in 1..MAX_WRONG_CODES {
        assert_eq!(desk.check("wrong", &first(), wednesday()), refused(Refusal::WrongClaimCode));
    }
    // The same command that comes again is no other try.
    let again = context(desk.commands, wednesday());
    assert_eq!(desk.check_again("wrong", &first(), again), refused(Refusal::WrongClaimCode));
    assert_eq!(desk.payout.wrong_codes, MAX_WRONG_CODES - 1);
    assert_eq!(desk.check("wrong", &second(), wednesday()), refused(Refusal::ClaimLocked));
    assert!(desk.events.last().unwrap().locked);
    // Now the right code does not help either, nor a new one at once.
    assert_eq!(desk.check("right", &first(), minutes(1)), refused(Refusal::ClaimLocked));
    assert_eq!(desk.make_code("new", minutes(60 * LOCK_HOURS - 1)), refused(Refusal::ClaimLocked));
    assert_eq!(desk.unlock(&first(), minutes(2)), refused(Refusal::WrongRole));
    let mut unlocked = Desk { events: desk.events.clone(), payout: desk.payout.clone(), ..Desk::new() };
    unlocked.unlock(&district_manager(), minutes(2)).unwrap();
    unlocked.check("right", &first(), minutes(3)).unwrap();
    desk.make_code("new", minutes(60 * LOCK_HOURS)).unwrap();
    assert_eq!((desk.payout.wrong_codes, desk.payout.locked_at), (0, None));
    assert_eq!(desk.check("right", &first(), later(1)), refused(Refusal::WrongClaimCode));
    desk.check("new", &first(), later(1)).unwrap();
}

#[test]
fn a_lock_of_codes_does_not_keep_from_a_transfer() {
    let mut desk = Desk::with_code();
    for _ in 0..MAX_WRONG_CODES {
        desk.check("wrong", &first(), wednesday()).unwrap_err();
    }
    desk.ask_transfer(minutes(1)).unwrap();
    assert_eq!((desk.payout.method, desk.payout.locked_at), (Method::Transfer, Some(wednesday())));
}

#[test]
fn a_code_can_be_used_for_its_time_and_the_newest_alone() {
    let mut desk = Desk::with_code();
    assert_eq!(desk.unlock(&district_manager(), wednesday()), refused(Refusal::WrongPayoutState));
    assert_eq!(desk.check("right", &first(), later(CODE_DAYS)), refused(Refusal::ClaimCodeExpired));
    // What is too old is no guess.
    assert_eq!(desk.payout.wrong_codes, 0);
    desk.make_code("newer", later(CODE_DAYS)).unwrap();
    assert_eq!(desk.check("right", &first(), later(CODE_DAYS)), refused(Refusal::WrongClaimCode));
    desk.check("newer", &first(), later(CODE_DAYS)).unwrap();
    // A share for which no code was made has none that is right.
    assert_eq!(Desk::new().check("right", &first(), wednesday()), refused(Refusal::WrongClaimCode));
    let mut desk = Desk::new();
    for _ in 0..MAX_CODES {
        desk.make_code("right", wednesday()).unwrap();
    }
    assert_eq!(desk.make_code("right", wednesday()), refused(Refusal::TooManyClaimCodes));
    desk.unlock(&district_manager(), wednesday()).unwrap();
    desk.make_code("right", wednesday()).unwrap();
}

#[test]
fn a_share_is_claimed_by_its_own_reporter_within_the_window() {
    let desk = Desk::new();
    let context = context(1, wednesday());
    let others = [earner(1), author(), first(), district_manager()];
    for actor in others {
        assert_eq!(desk.payout.make_code(&desk.reward, hash("x"), &actor, context), Err(Error::NotFound));
        assert_eq!(desk.payout.ask_transfer(&desk.reward, &actor, context), Err(Error::NotFound));
    }
    // Nobody pays out what is their own, whatever they have become meanwhile.
    let own = Member { role: Role::Treasurer, ..earner(0) };
    assert_eq!(
        Desk::with_code().check("right", &Member { node: node("hexi"), ..own }, wednesday()),
        Err(Error::NotFound)
    );
    let mut desk = Desk::new();
    desk.make_code("right", later(CLAIM_DAYS - 1)).unwrap();
    assert_eq!(desk.check("right", &first(), later(CLAIM_DAYS)), refused(Refusal::ClaimWindowOver));
    assert_eq!(desk.make_code("new", later(CLAIM_DAYS)), refused(Refusal::ClaimWindowOver));
    assert_eq!(desk.ask_transfer(later(CLAIM_DAYS)), refused(Refusal::ClaimWindowOver));
    assert_eq!(desk.payout.may_lapse(later(CLAIM_DAYS)), Ok(()));
    for (state, share, refusal) in [
        (RewardState::Proposed, ShareState::Proposed, Refusal::WrongRewardState),
        (RewardState::Reversed, ShareState::Ended, Refusal::WrongRewardState),
        (RewardState::Approved, ShareState::Lapsed, Refusal::WrongRewardState),
        (RewardState::Settled, ShareState::Recovered, Refusal::PaidAlready),
    ] {
        let mut desk = Desk::with_code();
        desk.reward.state = state;
        desk.reward.shares[0].state = share;
        assert_eq!(desk.make_code("new", wednesday()), refused(refusal));
        assert_eq!(desk.check("right", &first(), wednesday()), refused(refusal));
    }
}

#[test]
fn a_treasurer_who_guesses_has_to_wait() {
    let ends = minutes(10);
    assert_eq!(may_type(MAX_TREASURER_TRIES - 1, ends, wednesday()), Ok(()));
    let waits = Err(Error::TooManyTries { retry_after_seconds: 600 });
    assert_eq!(may_type(MAX_TREASURER_TRIES, ends, wednesday()), waits);
    assert_eq!(may_type(MAX_TREASURER_TRIES, ends, ends), Ok(()));
}

#[test]
fn a_payout_says_nothing_of_whom_it_is_for_and_reads_what_older_ones_wrote() {
    let mut desk = Desk::with_code();
    desk.check("right", &first(), wednesday()).unwrap();
    let record = serde_json::to_value(&desk.payout).unwrap();
    let events = serde_json::to_string(&desk.events[1..]).unwrap();
    for who in [earner(0).id.to_string(), earner(0).pseudonym.to_string()] {
        assert!(!record.to_string().contains(&who) && !events.contains(&who), "{record}");
    }
    let shown: Vec<Option<&MemberId>> = desk.events.iter().map(payout::PayoutEvent::shown_actor).collect();
    assert_eq!(shown, [None, Some(&first().id)]);
    assert_eq!(serde_json::from_value::<Payout>(record).unwrap(), desk.payout);
    let least = serde_json::json!({
        "reward": desk.reward.id, "share": 0, "version": 1, "head": Digest::ZERO, "district": "hexi",
        "amount_fen": 50_000, "state": "waiting", "method": "claim_code", "updated_at": wednesday(),
    });
    assert_eq!(serde_json::from_value::<Payout>(least).unwrap().codes, 0);
}

pub(super) fn made(number: u64) -> Batch {
    let context = context(number, wednesday());
    Batch::make(context.command.batch_id(0), node("hexi"), &first(), context).unwrap().batch
}

fn bank_paid(reference: &str) -> BankResult {
    BankResult::Paid { reference: reference.to_owned() }
}

/// What the bank would answer, as it is read.
pub(super) fn lines(batch: &Batch, results: &[BankResult]) -> Vec<AnswerLine> {
    let lines = (1_u64..).zip(batch.lines.iter().zip(results));
    let line = |(number, (line, result)): (u64, (&payout_transfer::Line, &BankResult))| AnswerLine {
        at: number + 1,
        batch: batch.id,
        number,
        reference: line.payout.reward,
        amount_fen: line.amount_fen,
        result: result.clone(),
    };
    lines.map(line).collect()
}

/// A batch with the one share of a desk, released.
fn released(desk: &mut Desk, number: u64) -> Batch {
    let context = context(number, wednesday());
    let added = made(number).add(&[(desk.payout.clone(), &desk.reward)], &first(), context).unwrap();
    for decided in added.payouts {
        desk.take(Ok(decided)).unwrap();
    }
    added.batch.release(hash("file"), &second(), context).unwrap().batch
}

/// Takes an answer and its one line.
fn answered(desk: &mut Desk, batch: &Batch, answer: &Answer) -> Batch {
    let context = context(77, wednesday());
    let after = match batch.answer(answer, &second(), context).unwrap() {
        Some(BatchDecided { batch, .. }) => batch,
        None => batch.clone(),
    };
    for proof in after.proofs(answer).unwrap() {
        let context = Context { command: proof.command(), ..context };
        let settled = Transfer::settle(&desk.payout, &desk.reward, &desk.fund, &proof, &second(), context).unwrap();
        if let Some(settled) = settled {
            desk.settle(settled);
        }
    }
    let payouts = std::slice::from_ref(&desk.payout);
    after.settle(payouts, &second(), context).unwrap().map_or(after, |settled| settled.batch)
}

#[test]
fn a_transfer_is_batched_by_one_released_by_another_and_paid_by_the_bank() {
    let mut desk = Desk::new();
    let attempt = |desk: &Desk| made(1).add(&[(desk.payout.clone(), &desk.reward)], &first(), context(1, wednesday()));
    let wanted = Err(Error::field("/shares/0", Refusal::NoTransferWanted.detail()));
    assert_eq!(attempt(&desk), wanted);
    desk.ask_transfer(wednesday()).unwrap();
    let added = attempt(&desk).unwrap().batch;
    assert_eq!(added.release(hash("file"), &first(), context(2, wednesday())), Err(Refusal::SecondPerson.into()));
    assert_eq!(made(1).release(hash("file"), &second(), context(2, wednesday())), Err(Refusal::BatchEmpty.into()));
    let batch = released(&mut desk, 1);
    assert_eq!((desk.payout.state, batch.amount_fen), (PayoutState::Batched, 50_000));
    assert_eq!(desk.make_code("x", wednesday()), refused(Refusal::WrongPayoutState));
    assert_eq!(desk.payout.may_lapse(later(1_000)), refused(Refusal::PayoutOpen));
    assert_eq!(desk.payout.may_reverse(later(1_000)), refused(Refusal::PayoutOpen));
    assert_eq!(
        (batch.check_file(hash("file")), batch.check_file(hash("x"))),
        (Ok(()), refused(Refusal::BatchFileChanged))
    );
    assert_eq!(batch.cancel(&second(), context(3, wednesday())), Err(Refusal::WrongBatchState.into()));
    let answer = Answer::verify(&batch, hash("answer"), lines(&batch, &[bank_paid("BK-1")])).unwrap();
    // Nothing is proved before the batch has taken the answer on.
    assert_eq!(batch.proofs(&answer), Err(Refusal::WrongBatchState.into()));
    let settled = answered(&mut desk, &batch, &answer);
    assert_eq!(
        (settled.state, desk.payout.state, desk.fund.paid_fen),
        (BatchState::Settled, PayoutState::Paid, 50_000)
    );
    assert_eq!(desk.payout.paid.as_ref().unwrap().bank_reference.as_deref(), Some("BK-1"));
    // The same answer again changes nothing, and another one is not taken.
    let (payout, fund) = (desk.payout.clone(), desk.fund.clone());
    assert_eq!(answered(&mut desk, &settled, &answer), settled);
    assert_eq!((desk.payout.clone(), desk.fund.clone()), (payout, fund));
    let other = Answer::verify(&settled, hash("other"), lines(&settled, &[bank_paid("BK-2")])).unwrap();
    assert_eq!(settled.answer(&other, &second(), context(4, wednesday())), Err(Refusal::AnsweredOtherwise.into()));
    assert_eq!(settled.proofs(&other), Err(Refusal::AnsweredOtherwise.into()));
}

#[test]
fn what_the_bank_refuses_is_tried_again_or_claimed_by_code_and_an_old_answer_changes_nothing() {
    let mut desk = Desk::new();
    desk.ask_transfer(wednesday()).unwrap();
    let batch = released(&mut desk, 1);
    let no = BankResult::Refused { reason: BankReason::NameMismatch };
    let answer = Answer::verify(&batch, hash("answer"), lines(&batch, &[no])).unwrap();
    let settled = answered(&mut desk, &batch, &answer);
    assert_eq!((settled.state, desk.fund.paid_fen), (BatchState::Settled, 0));
    assert_eq!((desk.payout.state, desk.payout.refused), (PayoutState::Waiting, Some(BankReason::NameMismatch)));
    // In the next batch it stands on a line of the same number, and the old answer means another.
    let next = released(&mut desk, 2);
    let before = desk.payout.clone();
    answered(&mut desk, &settled, &answer);
    assert_eq!(desk.payout, before);
    let answer = Answer::verify(&next, hash("2"), lines(&next, &[BankResult::Refused { reason: BankReason::Other }]));
    answered(&mut desk, &next, &answer.unwrap());
    desk.make_code("right", wednesday()).unwrap();
    desk.check("right", &first(), wednesday()).unwrap();
    desk.confirm(&second(), wednesday()).unwrap();
    assert_eq!(desk.fund.paid_fen, 50_000);
}

#[test]
fn a_line_whose_reward_was_taken_back_meanwhile_is_found_before_the_bank_knows_of_it() {
    let mut desk = Desk::new();
    desk.ask_transfer(wednesday()).unwrap();
    let now = context(1, wednesday());
    let batch = made(1).add(&[(desk.payout.clone(), &desk.reward)], &first(), now).unwrap().batch;
    let whose = desk.reward.shares[usize::from(desk.payout.id.share)].member.clone();
    assert_eq!(batch.payees(std::slice::from_ref(&desk.reward)), Ok(vec![whose]));
    let gone = Err(Error::field("/lines/1", "is not to be paid any more"));
    assert_eq!(batch.payees(&[]), gone);
    let reversed = Reward { state: RewardState::Reversed, ..desk.reward.clone() };
    assert_eq!(batch.payees(&[reversed]), gone);
    let mut dearer = desk.reward.clone();
    dearer.shares[usize::from(desk.payout.id.share)].amount_fen += 1;
    assert_eq!(batch.payees(&[dearer]), gone);
    let mut lapsed = desk.reward.clone();
    lapsed.shares[usize::from(desk.payout.id.share)].state = ShareState::Lapsed;
    assert_eq!(batch.payees(&[lapsed]), gone);
}

#[test]
fn a_file_is_fetched_by_treasurers_while_the_bank_has_it_and_each_time_is_an_event() {
    let mut desk = Desk::new();
    desk.ask_transfer(wednesday()).unwrap();
    assert_eq!(made(1).fetch(&first(), context(3, wednesday())).unwrap_err(), Refusal::WrongBatchState.into());
    assert_eq!(made(1).may_be_answered(), refused(Refusal::WrongBatchState));
    let batch = released(&mut desk, 1);
    assert_eq!(batch.may_be_answered(), Ok(()));
    let fetched = batch.fetch(&first(), context(3, wednesday())).unwrap();
    assert_eq!((fetched.batch.state, fetched.event.file), (BatchState::Released, Some(hash("file"))));
    assert_eq!(fetched.batch.version, batch.version + 1);
    let manager = batch.fetch(&district_manager(), context(3, wednesday()));
    assert_eq!(manager.unwrap_err(), Refusal::WrongRole.into());
}

#[test]
fn who_asks_in_time_does_not_lose_by_how_long_the_bank_takes() {
    let mut desk = Desk::new();
    let asked = CLAIM_DAYS - 1;
    desk.ask_transfer(later(asked)).unwrap();
    assert_eq!(desk.payout.may_lapse(later(CLAIM_DAYS)), refused(Refusal::PayoutOpen));
    assert_eq!(desk.payout.may_reverse(later(CLAIM_DAYS)), Ok(()));
    // Asking again afterwards does not make it longer.
    desk.ask_transfer(later(CLAIM_DAYS + 5)).unwrap();
    let end = asked + TRANSFER_DAYS;
    assert_eq!(desk.payout.may_lapse(later(end - 1)), refused(Refusal::PayoutOpen));
    assert_eq!(desk.payout.may_lapse(later(end)), Ok(()));
    let late = context(5, later(end));
    let added = made(1).add(&[(desk.payout.clone(), &desk.reward)], &first(), late);
    assert_eq!(added, Err(Error::field("/shares/0", Refusal::ClaimWindowOver.detail())));
    let late = context(5, later(end - 1));
    let added = made(1).add(&[(desk.payout.clone(), &desk.reward)], &first(), late).unwrap();
    let payout = added.payouts[0].payout.clone();
    let batch = added.batch.release(hash("file"), &second(), late).unwrap().batch;
    let no = BankResult::Refused { reason: BankReason::AccountClosed };
    let answer = Answer::verify(&batch, hash("answer"), lines(&batch, &[no])).unwrap();
    let batch = batch.answer(&answer, &second(), late).unwrap().unwrap().batch;
    let (proof, late) = (batch.proofs(&answer).unwrap().remove(0), context(6, later(end + 1)));
    let settled = Transfer::settle(&payout, &desk.reward, &desk.fund, &proof, &second(), late).unwrap().unwrap();
    let refused_at = end + 1;
    assert_eq!(settled.payout.payout.may_lapse(later(refused_at + REFUSED_DAYS - 1)), refused(Refusal::PayoutOpen));
    assert_eq!(settled.payout.payout.may_lapse(later(refused_at + REFUSED_DAYS)), Ok(()));
}

#[test]
fn a_cancelled_batch_lets_its_shares_go() {
    let mut desk = Desk::new();
    desk.ask_transfer(wednesday()).unwrap();
    let context = context(1, wednesday());
    let added = made(1).add(&[(desk.payout.clone(), &desk.reward)], &first(), context).unwrap();
    desk.take(Ok(added.payouts[0].clone())).unwrap();
    assert_eq!(added.batch.free(&desk.payout, &first(), context), Err(Refusal::WrongBatchState.into()));
    let cancelled = added.batch.cancel(&district_manager(), context).unwrap().batch;
    assert_eq!(cancelled.release(hash("file"), &second(), context), Err(Refusal::WrongBatchState.into()));
    let freed = cancelled.free(&desk.payout, &district_manager(), context).unwrap().unwrap();
    desk.take(Ok(freed)).unwrap();
    assert_eq!((desk.payout.state, desk.payout.place), (PayoutState::Waiting, None));
    assert_eq!(cancelled.free(&desk.payout, &first(), context), Ok(None));
    let next = released(&mut desk, 2);
    assert_eq!(cancelled.free(&desk.payout, &first(), context), Ok(None));
    assert!(next.holds(&desk.payout));
}

#[test]
fn a_batch_takes_what_it_can_and_names_what_it_cannot() {
    let many = approved(1, &[1; MAX_PORTION + 1]);
    let wants = |reward: &Reward, share: u8| {
        let payout = Payout::of(reward, share).unwrap();
        payout.ask_transfer(reward, &earner(share), context(1, wednesday())).unwrap().payout
    };
    let shares: Vec<_> =
        (0..).map_while(|share| many.shares.get(usize::from(share)).map(|_| wants(&many, share))).collect();
    let of = |range: std::ops::Range<usize>| -> Vec<(Payout, &Reward)> {
        shares[range].iter().map(|payout| (payout.clone(), &many)).collect()
    };
    let add = |batch: &Batch, shares: &[(Payout, &Reward)]| batch.add(shares, &first(), context(2, wednesday()));
    let bad_count = Err(Error::field("/shares", format!("must be 1 to {MAX_PORTION}")));
    assert_eq!(add(&made(1), &[]), bad_count);
    assert_eq!(add(&made(1), &of(0..MAX_PORTION + 1)), bad_count);
    let batch = add(&made(1), &of(0..MAX_PORTION)).unwrap().batch;
    assert_eq!((batch.lines.len(), batch.amount_fen), (MAX_PORTION, 40));
    let full = Batch { lines: batch.lines.iter().cycle().take(MAX_LINES).cloned().collect(), ..batch.clone() };
    assert_eq!(add(&full, &of(40..41)), Err(Refusal::BatchFull.into()));
    assert_eq!(batch.add(&of(40..41), &second(), context(2, wednesday())), Err(Refusal::NotYourBatch.into()));
    let stranger = member("treasurer-3", Role::Treasurer, "heping");
    assert_eq!(batch.add(&of(40..41), &stranger, context(2, wednesday())), Err(Error::NotFound));
    let elsewhere = Reward { node: node("heping.x.y"), ..approved(2, &[5]) };
    let mixed = vec![
        of(40..41).remove(0),
        of(40..41).remove(0),
        (wants(&elsewhere, 0), &elsewhere),
        (Payout::of(&many, 3).unwrap(), &many),
    ];
    let Err(Error::Invalid(bad)) = add(&batch, &mixed) else { panic!("was taken") };
    let pointers: Vec<_> = bad.iter().map(|FieldError { pointer, .. }| pointer.as_str()).collect();
    assert_eq!(pointers, ["/shares/1", "/shares/2", "/shares/3"]);
    assert_eq!(
        Batch::make(batch.id, node("hexi"), &district_manager(), context(3, wednesday())),
        Err(Refusal::WrongRole.into())
    );
    assert_eq!(Batch::make(batch.id, node("hexi"), &stranger, context(3, wednesday())), Err(Error::NotFound));
}

#[test]
fn an_answer_that_does_not_fit_its_batch_is_refused_whole_and_each_line_is_named() {
    let mut desk = Desk::new();
    desk.ask_transfer(wednesday()).unwrap();
    let batch = released(&mut desk, 1);
    let right = lines(&batch, &[bank_paid("BK-1")]).remove(0);
    let cases: Vec<(&str, Vec<AnswerLine>)> = vec![
        ("missing", vec![]),
        ("another batch", vec![AnswerLine { batch: made(2).id, ..right.clone() }]),
        ("unknown", vec![right.clone(), AnswerLine { number: 2, at: 3, ..right.clone() }]),
        ("line 0", vec![right.clone(), AnswerLine { number: 0, at: 3, ..right.clone() }]),
        ("twice", vec![right.clone(), AnswerLine { at: 3, ..right.clone() }]),
        ("changed amount", vec![AnswerLine { amount_fen: 50_001, ..right.clone() }]),
        ("changed reference", vec![AnswerLine { reference: made(2).id, ..right.clone() }]),
        ("no reference", vec![AnswerLine { result: bank_paid(""), ..right.clone() }]),
        ("a formula", vec![AnswerLine { result: bank_paid("-1+1"), ..right.clone() }]),
        ("a name", vec![AnswerLine { result: bank_paid("王秀兰"), ..right }]),
    ];
    let mut table = String::new();
    for (name, lines) in cases {
        let faults = Answer::verify(&batch, hash("answer"), lines).unwrap_err();
        writeln!(table, "{name}").unwrap();
        let Error::Invalid(bad) = payout_answer::refuse(faults) else { panic!("{name} is no bad field") };
        for FieldError { pointer, detail } in bad {
            writeln!(table, "    {pointer:<9}  {detail}").unwrap();
        }
    }
    insta::assert_snapshot!("faults_of_answers", table);
}

#[test]
fn a_code_is_never_said_to_hold_longer_than_the_money_can_be_claimed() {
    let reward = approved(7, &[5_000]);
    let payout = Payout::of(&reward, 0).unwrap();
    let until = |now| {
        let made = payout.make_code(&reward, hash("code"), &earner(0), context(1, now)).unwrap();
        made.payout.code.unwrap().until
    };
    assert_eq!(until(wednesday()), later(CODE_DAYS));
    let end = reward.claim_until.unwrap();
    assert_eq!(until(end - SignedDuration::from_hours(24)), end);
}
