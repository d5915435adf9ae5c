//! Who may do what with a reward, and that its money is promised and paid once.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::LazyLock,
};

use jiff::{SignedDuration, Timestamp, civil::date};
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::{
    author, district_manager, manager, manager_elsewhere, member, neighbour, node, officer,
    reward_rules::{changsha, one_matter, rules, zhejiang},
    wednesday, written,
};
use crate::{
    code::Code,
    command::CommandId,
    district::Label,
    error::{Error, FieldError, Refusal},
    event::BrokenChain,
    hash::Digest,
    ledger::{Entry, Fund, FundId, Movement, Posting},
    member::{Body, Member, MemberId, Role},
    named::Named as _,
    payout::Payout,
    proof::{FundRecords, Of, Records, RewardRecords, prove},
    report::{Category, Concerns},
    reward::{
        Adjustment, Context, Decided, DeclineReason, MAX_REPORTERS, MAX_WEIGHT, Matter, Reporter, Reward, RewardAction,
        RewardEvent, RewardState, ShareState, check, propose, verify_chain,
    },
    reward_rules::{APPROVERS, Before, MAX_SHARES, Merit, RulesContent, Together},
};

fn second_manager() -> Member {
    Member { body: Some(Body::Governance), ..member("manager-jianshan-2", Role::StationManager, "hexi.jianshan") }
}

fn second_district_manager() -> Member {
    Member { body: Some(Body::Governance), ..member("manager-hexi-2", Role::DistrictManager, "hexi") }
}

fn third_district_manager() -> Member {
    member("manager-hexi-3", Role::DistrictManager, "hexi")
}

fn next_district() -> Member {
    member("manager-hedong", Role::DistrictManager, "hedong")
}

fn treasurer() -> Member {
    member("treasurer", Role::Treasurer, "hexi")
}

fn second_treasurer() -> Member {
    member("treasurer-2", Role::Treasurer, "hexi")
}

/// The author of the first report, who manages the district by now.
fn promoted() -> Member {
    Member { id: author().id, ..third_district_manager() }
}

fn code(of: &str) -> Code {
    Code::from_digest(&Digest::of(&[b"test", of.as_bytes()]))
}

fn year(year: i16) -> FundId {
    FundId { district: node("hexi"), year }
}

fn reporter(of: &Member) -> Reporter {
    Reporter { report: code(of.id.as_str()), member: of.id.clone(), pseudonym: of.pseudonym }
}

/// A hazard that these have reported, the first before the others.
fn hazard(reporters: &[Member]) -> Matter {
    Matter {
        report: reporters.first().map_or_else(|| code("nobody's"), |first| code(first.id.as_str())),
        node: node("hexi.jianshan.yulan"),
        concerns: Concerns::Nobody,
        reviewers: vec![officer().id, manager().id, district_manager().id],
        merit: Merit { category: Category::Hazard, grade: None, outcome: None },
        reporters: reporters.iter().map(reporter).collect(),
    }
}

fn context(number: u64, now: Timestamp) -> Context {
    let command = CommandId::new(&officer().id, Uuid::from_u64_pair(5, number));
    Context { command, now, today: date(2026, 8, 12) }
}

/// What somebody wants of a reward.
#[derive(Debug, Clone)]
enum Wish {
    Adjust(Adjustment),
    Agree,
    Decline,
    Appeal,
    Reverse,
    Pay(u8),
    /// The clock does what is due.
    Come,
    Lapse(u8),
    Recover(u8),
}

impl Wish {
    fn action(&self) -> RewardAction {
        match self {
            Self::Adjust(_) => RewardAction::Adjust,
            Self::Agree => RewardAction::Agree,
            Self::Decline => RewardAction::Decline,
            Self::Appeal => RewardAction::Appeal,
            Self::Reverse => RewardAction::Reverse,
            Self::Pay(_) => RewardAction::Pay,
            Self::Come => RewardAction::Remind,
            Self::Lapse(_) => RewardAction::Lapse,
            Self::Recover(_) => RewardAction::Recover,
        }
    }
}

/// To another amount, all else alike.
fn to(amount_fen: u64) -> Wish {
    Wish::Adjust(Adjustment {
        grade: None, amount_fen: Some(amount_fen), weights: None, reason: "贡献较大".to_owned()
    })
}

/// To other parts, all else alike.
fn by(weights: &[u32]) -> Wish {
    let weights = Some(weights.to_vec());
    Wish::Adjust(Adjustment { grade: None, amount_fen: None, weights, reason: "按贡献".to_owned() })
}

fn take(
    reward: &Reward,
    actor: &Member,
    wish: &Wish,
    (content, befores): (&RulesContent, &[Before]),
    fund: &Fund,
    context: Context,
) -> Result<Decided, Error> {
    match wish {
        Wish::Adjust(adjustment) => reward.adjust(actor, adjustment, content, befores, context),
        Wish::Agree => reward.agree(actor, content, befores, fund, context),
        Wish::Decline => reward.decline(actor, DeclineReason::PaidElsewhere, &written("the county has paid"), context),
        Wish::Appeal => reward.appeal(actor, &written("nobody has paid me"), context),
        Wish::Reverse => reward.reverse(actor, "弄虚作假", fund, context),
        Wish::Pay(share) => reward.pay(*share, (&actor.id, actor.role), fund, context),
        Wish::Come => {
            check(RewardAction::Remind, actor.role, reward.state)?;
            let payouts: Vec<Payout> = (0..).map_while(|share| Payout::of(reward, share)).collect();
            reward.come(&payouts, fund, context)?.ok_or_else(|| Refusal::WrongRewardState.into())
        }
        Wish::Lapse(share) => reward.lapse(*share, fund, context),
        Wish::Recover(share) => reward.recover(*share, actor, "多发", fund, context),
    }
}

/// Moves money of the fund itself.
fn moves(fund: &Fund, movement: Movement, amount_fen: u64) -> Result<(Fund, Entry), Error> {
    let by = treasurer();
    fund.post(Posting {
        movement,
        amount_fen,
        reward: None,
        reason: None,
        by: (&by.id, by.role),
        command: CommandId::new(&by.id, Uuid::from_u64_pair(6, fund.version)),
        at: wednesday(),
    })
}

/// A reward and its fund, with their histories, kept as the store keeps them.
#[derive(Debug, Clone)]
struct Book {
    reward: Reward,
    events: Vec<RewardEvent>,
    fund: Fund,
    entries: Vec<Entry>,
    content: RulesContent,
    befores: Vec<Before>,
    now: Timestamp,
}

impl Book {
    /// A proposal for a hazard that these have reported, with as much in the fund.
    fn of(content: RulesContent, reporters: &[Member], granted_fen: u64) -> Self {
        Self::from(content, hazard(reporters), granted_fen)
    }

    fn from(content: RulesContent, matter: Matter, granted_fen: u64) -> Self {
        let befores = vec![Before::default(); matter.reporters.len()];
        let proposed = propose(code("reward"), matter, (1, &content), &befores, context(0, wednesday()));
        let Decided { reward, event, fund } = proposed.unwrap().unwrap();
        assert_eq!(fund, None, "nothing is promised by itself");
        let befores = befores[..reward.shares.len()].to_vec();
        let fund = Fund::empty(year(2026));
        let book = Self { reward, events: vec![event], fund, entries: Vec::new(), content, befores, now: wednesday() };
        if granted_fen == 0 { book } else { book.granted(granted_fen) }
    }

    fn granted(self, amount_fen: u64) -> Self {
        self.moved(Movement::Grant, amount_fen)
    }

    fn moved(mut self, movement: Movement, amount_fen: u64) -> Self {
        let (fund, entry) = moves(&self.fund, movement, amount_fen).unwrap();
        self.fund = fund;
        self.entries.push(entry);
        self
    }

    fn later_by_days(mut self, days: i64) -> Self {
        self.now += SignedDuration::from_hours(24 * days);
        self
    }

    fn attempt(&self, actor: &Member, wish: &Wish) -> Result<Decided, Error> {
        let context = context(self.reward.version, self.now);
        take(&self.reward, actor, wish, (&self.content, &self.befores), &self.fund, context)
    }

    fn refusal(&self, actor: &Member, wish: &Wish) -> Error {
        self.attempt(actor, wish).unwrap_err()
    }

    /// This book after a step that must be allowed.
    fn then(mut self, actor: &Member, wish: &Wish) -> Self {
        let Decided { reward, event, fund } =
            self.attempt(actor, wish).unwrap_or_else(|error| panic!("{} may not {wish:?}: {error}", actor.id));
        self.reward = reward;
        self.events.push(event);
        if let Some((fund, entry)) = fund {
            self.fund = fund;
            self.entries.push(entry);
        }
        self.is_sound();
        self
    }

    /// This book once these have agreed.
    fn agreed(self, people: &[Member]) -> Self {
        people.iter().fold(self, |book, person| book.then(person, &Wish::Agree))
    }

    /// Nothing is lost: the fund holds what the shares say, and both histories fit.
    fn is_sound(&self) {
        let sum = |state| {
            self.reward.shares.iter().filter(|share| share.state == state).map(|share| share.amount_fen).sum::<u64>()
        };
        assert!(self.fund.is_balanced());
        assert_eq!(self.fund.reserved_fen, sum(ShareState::Reserved));
        assert_eq!(self.fund.paid_fen, sum(ShareState::Paid));
        assert_eq!(Fund::replay(self.fund.id.clone(), &self.entries).as_ref(), Ok(&self.fund));
        assert_eq!(verify_chain(&self.events, self.reward.head), Ok(()));
    }

    fn states(&self) -> (RewardState, Vec<ShareState>) {
        (self.reward.state, self.reward.shares.iter().map(|share| share.state).collect())
    }

    fn amounts(&self) -> Vec<u64> {
        self.reward.shares.iter().map(|share| share.amount_fen).collect()
    }

    fn newest(&self) -> &RewardEvent {
        self.events.last().unwrap()
    }
}

/// Two who share 1,000 yuan alike, with 5,000 in the fund.
fn shared() -> Book {
    Book::of(one_matter("shares", 30), &[author(), neighbour()], 500_000)
}

/// The same once it was approved.
fn approved() -> Book {
    shared().agreed(&[district_manager(), treasurer()])
}

fn refused<T>(refusal: Refusal) -> Result<T, Error> {
    Err(refusal.into())
}

fn pointers<T: std::fmt::Debug>(result: Result<T, Error>) -> Vec<String> {
    match result {
        Err(Error::Invalid(bad)) => bad.into_iter().map(|FieldError { pointer, .. }| pointer).collect(),
        other => panic!("is no bad field but {other:?}"),
    }
}

fn is_internal<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Internal(_)))
}

#[test]
fn every_state_action_and_role_has_its_answer() {
    let mut table = String::new();
    for &action in RewardAction::ALL {
        writeln!(table, "\n{action}").unwrap();
        if action == RewardAction::Propose {
            let all = RewardState::ALL.iter().flat_map(|state| Role::ALL.iter().map(move |role| (*role, *state)));
            assert!(all.into_iter().all(|(role, state)| is_internal(&check(action, role, state))));
            writeln!(table, "    comes of itself, and nobody asks for it").unwrap();
            continue;
        }
        for &state in RewardState::ALL {
            write!(table, "    {:<9}", state.name()).unwrap();
            for &role in Role::ALL {
                let answer = match check(action, role, state) {
                    Ok(()) => "may",
                    Err(Error::Refused(Refusal::WrongRole)) => "-",
                    Err(Error::Refused(Refusal::WrongRewardState)) => "not now",
                    Err(other) => panic!("{other} is no answer"),
                };
                write!(table, " | {role} {answer:<9}").unwrap();
            }
            writeln!(table).unwrap();
        }
    }
    insta::assert_snapshot!("who_may_do_what_with_rewards", table);
}

/// A reward at each point of its life.
fn points() -> Vec<(&'static str, Book)> {
    let waiting = Book::of(one_matter("shares", 30), &[author(), neighbour()], 99_999);
    let declined = shared().then(&district_manager(), &Wish::Decline);
    let paid = approved().then(&treasurer(), &Wish::Pay(0));
    let settled = paid.clone().then(&treasurer(), &Wish::Pay(1));
    vec![
        ("proposed", shared()),
        ("adjusted by the first manager", shared().then(&district_manager(), &by(&[1, 3]))),
        ("agreed to by the treasurer", shared().agreed(&[treasurer()])),
        ("agreed to, and waits for the fund", waiting.agreed(&[district_manager(), treasurer()])),
        ("approved", approved()),
        ("approved, and the time to claim is over", approved().later_by_days(30)),
        ("the first share is paid", paid.clone()),
        ("the first share was recovered", paid.then(&treasurer(), &Wish::Recover(0))),
        ("settled", settled.clone()),
        ("settled, and the first share was recovered", settled.then(&treasurer(), &Wish::Recover(0))),
        ("declined by the first manager", declined.clone()),
        ("declined, and appealed", declined.then(&author(), &Wish::Appeal)),
        ("reversed", approved().then(&district_manager(), &Wish::Reverse)),
    ]
}

#[test]
fn who_does_what_with_a_reward() {
    let people = [
        ("the first reporter", author()),
        ("the second reporter", neighbour()),
        ("another reporter", member("resident-1", Role::Reporter, "hexi.jianshan.yulan")),
        ("the officer", officer()),
        ("the station", manager()),
        ("another station", manager_elsewhere()),
        ("the first manager", district_manager()),
        ("the second manager", second_district_manager()),
        ("the first reporter, a manager by now", promoted()),
        ("another district", next_district()),
        ("an agency", member("agency-fire", Role::AgencyHandler, "hexi")),
        ("the treasurer", treasurer()),
        // A payment names who makes it and nothing of where they are: whoever loads the reward for
        // them looks whether it is shown to them.
        ("another district's treasurer", member("treasurer-hedong", Role::Treasurer, "hedong")),
        ("the custodian", member("custodian", Role::Custodian, "hexi")),
        ("the auditor", member("auditor", Role::Auditor, "hexi")),
        ("the clock", super::clock()),
    ];
    let wishes = [by(&[2, 1]), Wish::Agree, Wish::Decline, Wish::Appeal, Wish::Reverse, Wish::Pay(0), Wish::Recover(0)];
    let answer = |book: &Book, person: &Member, wish: &Wish| match book.attempt(person, wish) {
        Ok(Decided { reward, event, fund }) => {
            let money = fund.map(|(_, entry)| format!(", {} {}", entry.movement, entry.amount_fen));
            assert_eq!((event.state, event.seq), (reward.state, book.reward.version + 1));
            format!("{}{}", reward.state, money.unwrap_or_default())
        }
        Err(Error::Refused(refusal)) => format!("({})", refusal.name()),
        Err(Error::NotFound) => "-".to_owned(),
        Err(other) => panic!("{other}"),
    };
    let mut table = String::new();
    for (point, book) in points() {
        writeln!(table, "\n{point}").unwrap();
        let mut nothing = Vec::new();
        for (name, person) in &people {
            let answers = wishes.iter().map(|wish| (wish.action(), answer(&book, person, wish)));
            // What a role never does stands in the table above; here is what is left.
            let answers: Vec<_> = answers
                .filter(|(action, answer)| {
                    answer != "(wrong_role)" && (*action, answer.as_str()) != (RewardAction::Appeal, "-")
                })
                .map(|(action, answer)| format!("{action} {answer}"))
                .collect();
            if answers.is_empty() {
                nothing.push(*name);
            } else {
                writeln!(table, "    {name}: {}", answers.join(" | ")).unwrap();
            }
        }
        writeln!(table, "    nothing at all: {}", nothing.join(", ")).unwrap();
        let lapses = [0, 1, 2].map(|share| answer(&book, &super::clock(), &Wish::Lapse(share)));
        writeln!(table, "    the clock lets lapse: {}", lapses.join(" | ")).unwrap();
    }
    insta::assert_snapshot!("steps_of_rewards", table);
}

#[test]
fn to_whom_it_is_not_shown_it_does_not_exist() {
    for &concerns in Concerns::ALL {
        let book = Book::from(one_matter("first", 30), Matter { concerns, ..hazard(&[author()]) }, 500_000);
        for person in [manager(), district_manager(), treasurer()] {
            let named = person.role.stage().is_some_and(|stage| stage < concerns.first_stage());
            assert_eq!(book.reward.is_seen_by(&person), !named, "{concerns} {}", person.id);
            let answer = book.attempt(&person, &Wish::Agree);
            assert_eq!(answer == Err(Error::NotFound), named, "{concerns} {}", person.id);
        }
    }
    // Whoever gets money of it decides nothing of it, whatever they have become.
    for role in [Role::StationManager, Role::DistrictManager, Role::Treasurer, Role::Auditor] {
        let person = Member { role, ..promoted() };
        for (point, book) in points() {
            assert!(!book.reward.is_seen_by(&person), "{point}");
            for wish in [by(&[2, 1]), Wish::Agree, Wish::Decline, Wish::Reverse, Wish::Recover(0)] {
                let answer = book.refusal(&person, &wish);
                assert!(matches!(answer, Error::NotFound | Error::Refused(Refusal::WrongRole)), "{point}: {answer}");
            }
        }
    }
}

#[test]
fn a_proposal_comes_of_itself_with_its_arithmetic() {
    let book = shared();
    assert_eq!(book.states(), (RewardState::Proposed, vec![ShareState::Proposed; 2]));
    assert_eq!((book.amounts(), book.reward.amount_fen), (vec![50_000; 2], 100_000));
    assert_eq!(book.reward.shares[0].steps.len(), 2, "the rule and the share");
    let event = book.newest();
    assert_eq!((event.action, event.role, &event.actor), (RewardAction::Propose, Role::Clock, &MemberId::clock()));
    assert_eq!((event.seq, event.amount_fen, event.previous), (1, 100_000, Digest::ZERO));
    assert_eq!((book.reward.district(), book.reward.fund()), (node("hexi"), None));

    // No rule, no reward; and none for who is no member.
    let matter = Matter { merit: Merit { category: Category::Dispute, ..hazard(&[]).merit }, ..hazard(&[author()]) };
    let of = |matter: Matter| {
        let befores = vec![Before::default(); matter.reporters.len()];
        propose(code("reward"), matter, (1, &one_matter("shares", 30)), &befores, context(0, wednesday()))
    };
    assert_eq!(of(matter), Ok(None));
    assert_eq!(of(hazard(&[])), Ok(None));
    let nobody = Member { id: MemberId::no_reporter(), ..author() };
    assert_eq!(of(hazard(std::slice::from_ref(&nobody))), Ok(None));
    let shares = of(hazard(&[nobody, neighbour()])).unwrap().unwrap().reward.shares;
    assert_eq!((shares.len(), &shares[0].member, shares[0].amount_fen), (1, &neighbour().id, 100_000));
    let unknown =
        propose(code("reward"), hazard(&[author()]), (1, &one_matter("first", 30)), &[], context(0, wednesday()));
    assert!(is_internal(&unknown), "what people had before has to be known of all");
}

#[test]
fn who_reports_a_matter_several_times_has_one_share() {
    let mut matter = hazard(&[author(), neighbour(), author()]);
    matter.reporters[2].report = code("the author's second report");
    let befores = [(2, 0), (3, 0), (9, 0)].map(|(in_year, in_month_fen)| Before { in_year, in_month_fen });
    let content = RulesContent {
        multipliers: serde_json::from_value(json!([{ "nth": 4, "percent": 200 }])).unwrap(),
        ..one_matter("shares", 30)
    };
    let proposed = propose(code("reward"), matter, (1, &content), &befores, context(0, wednesday())).unwrap().unwrap();
    let shares: Vec<_> =
        proposed.reward.shares.iter().map(|share| (share.report, share.weight, share.amount_fen)).collect();
    let first = |member: Member| code(member.id.as_str());
    // What each had before stays with whom it is of.
    assert_eq!(shares, [(first(author()), 1, 50_000), (first(neighbour()), 1, 100_000)]);
}

#[test]
fn more_reporters_than_can_share_keep_no_proposal_from_coming() {
    let people = |count: usize| (0..count).map(|i| member(&format!("r-{i}"), Role::Reporter, "hexi.jianshan.yulan"));
    let book = Book::of(one_matter("shares", 30), &people(MAX_SHARES + 2).collect::<Vec<_>>(), 500_000);
    assert_eq!(book.amounts(), [vec![10_000; MAX_SHARES], vec![0, 0]].concat());
    // People divide it otherwise, among as many.
    let mut weights = vec![0; MAX_SHARES + 2];
    weights[MAX_SHARES + 1] = 1;
    let adjusted = book.clone().then(&second_district_manager(), &by(&weights));
    assert_eq!(adjusted.amounts()[MAX_SHARES + 1], 100_000);
    assert_eq!(pointers(book.attempt(&district_manager(), &by(&[1; MAX_SHARES + 2]))), ["/weights"]);
    let done = adjusted.agreed(&[district_manager(), treasurer()]);
    assert_eq!(done.reward.shares.iter().filter(|share| share.state == ShareState::Reserved).count(), 1);
    // A share has a number of one byte.
    let crowd = Book::of(one_matter("first", 30), &people(MAX_REPORTERS + 1).collect::<Vec<_>>(), 500_000);
    assert_eq!(crowd.reward.shares.len(), MAX_REPORTERS);
    assert!(u8::try_from(MAX_REPORTERS).is_ok());
}

#[test]
fn the_first_has_all_and_the_others_end_with_nothing() {
    let book = Book::of(one_matter("first", 30), &[author(), neighbour()], 500_000);
    assert_eq!(book.amounts(), [100_000, 0]);
    assert!(book.reward.shares[1].steps.is_empty());
    // Whose report came to nothing was not the first: somebody says so, and says why.
    let other = book.clone().then(&second_district_manager(), &by(&[0, 1]));
    assert_eq!(other.amounts(), [0, 100_000]);
    for (book, first) in [(book, 0), (other, 1)] {
        let book = book.agreed(&[district_manager(), treasurer()]);
        let mut expected = vec![ShareState::Ended; 2];
        expected[first] = ShareState::Reserved;
        assert_eq!(book.states(), (RewardState::Approved, expected.clone()));
        let (first, other) = (u8::try_from(first).unwrap(), u8::try_from(1 - first).unwrap());
        assert_eq!(book.attempt(&treasurer(), &Wish::Pay(other)), refused(Refusal::WrongRewardState));
        assert_eq!(
            book.clone().later_by_days(99).refusal(&super::clock(), &Wish::Lapse(other)),
            Refusal::WrongRewardState.into()
        );
        let book = book.then(&treasurer(), &Wish::Pay(first));
        assert_eq!(book.reward.state, RewardState::Settled, "nothing is left to be paid");
        assert_eq!(book.attempt(&treasurer(), &Wish::Recover(other)), refused(Refusal::WrongRewardState));
    }
}

#[test]
fn a_proposal_is_adjusted_within_the_rule_and_with_a_reason() {
    let book = Book::of(changsha(), &[author()], 500_000);
    assert_eq!(book.amounts(), [3_000]);
    let adjusted = book.clone().then(&district_manager(), &to(4_500));
    assert_eq!((adjusted.amounts(), adjusted.reward.chosen_fen), (vec![4_500], Some(4_500)));
    assert_eq!((adjusted.newest().amount_fen, adjusted.newest().note.as_deref()), (4_500, Some("贡献较大")));
    assert_eq!(adjusted.reward.adjusted_by, Some(district_manager().id));
    // Who says nothing of the amount means the rule's own.
    assert_eq!(adjusted.then(&district_manager(), &by(&[7])).amounts(), [3_000]);
    for bad in [0, 2_999, 5_001, u64::MAX] {
        assert_eq!(pointers(book.attempt(&district_manager(), &to(bad))), ["/amount_fen"], "{bad}");
    }
    for bad in [&[][..], &[1, 1], &[0], &[MAX_WEIGHT + 1], &[u32::MAX]] {
        assert_eq!(pointers(book.attempt(&district_manager(), &by(bad))), ["/weights"], "{bad:?}");
    }
    let grade = Some(Label::parse("best").unwrap());
    let all = Adjustment { grade, amount_fen: None, weights: Some(vec![0]), reason: " ".to_owned() };
    let found = pointers(book.attempt(&district_manager(), &Wish::Adjust(all)));
    assert_eq!(found, ["/reason", "/grade", "/weights"]);
    let long = Adjustment { grade: None, amount_fen: None, weights: None, reason: "长".repeat(201) };
    assert_eq!(pointers(book.attempt(&district_manager(), &Wish::Adjust(long))), ["/reason"]);
}

#[test]
fn another_grade_is_another_rule() {
    let name = json!({ "zh_cn": "名", "en": "Name" });
    let rule = |grade: &str, fen: u64| {
        json!({
            "label": grade, "name": name, "grades": [grade], "earned_by": { "by": "adoption" },
            "amount": { "as": "fixed", "fen": fen },
        })
    };
    let mut plain = rule("plain", 100);
    plain["grades"] = json!([]);
    plain["categories"] = json!(["hazard"]);
    let content = rules(json!({
        "grades": [{ "label": "a", "name": name }, { "label": "b", "name": name }],
        "rules": [rule("a", 900), plain],
        "together": "first",
        "tiers": [{ "agree": [{ "role": "district_manager" }, { "role": "treasurer" }] }],
        "claim_days": 30,
    }));
    let graded = |grade: &str| {
        let grade = Some(Label::parse(grade).unwrap());
        Wish::Adjust(Adjustment { grade, amount_fen: None, weights: None, reason: "重要".to_owned() })
    };
    let book = Book::of(content, &[author()], 500_000);
    assert_eq!(book.clone().then(&district_manager(), &graded("a")).amounts(), [900]);
    assert_eq!(book.clone().then(&district_manager(), &graded("b")).amounts(), [100]);
    // Without a rule of its own the grade rewards nothing, and the proposal stays as it was.
    let mut without = book;
    without.content.rules.pop();
    assert_eq!(pointers(without.attempt(&district_manager(), &graded("b"))), ["/grade"]);
    assert_eq!(without.attempt(&district_manager(), &Wish::Agree), refused(Refusal::NoRewardRules));
}

#[test]
fn at_least_two_different_people_agree_and_nobody_to_their_own() {
    let book = shared();
    let once = book.clone().agreed(&[treasurer()]);
    assert_eq!(
        (once.reward.state, once.newest().action, once.fund.reserved_fen),
        (RewardState::Proposed, RewardAction::Agree, 0)
    );
    assert_eq!(once.attempt(&treasurer(), &Wish::Agree), refused(Refusal::AgreedAlready));
    assert_eq!(once.attempt(&second_treasurer(), &Wish::Agree), refused(Refusal::NotAskedToAgree));
    assert_eq!(once.attempt(&manager(), &Wish::Agree), refused(Refusal::NotAskedToAgree));
    let done = once.clone().agreed(&[district_manager()]);
    assert_eq!(
        (done.states(), done.newest().action),
        ((RewardState::Approved, vec![ShareState::Reserved; 2]), RewardAction::Approve)
    );
    let entry = done.entries.last().unwrap();
    assert_eq!((entry.movement, entry.amount_fen, entry.reward), (Movement::Reserve, 100_000, Some(done.reward.id)));
    assert_eq!((&entry.actor, entry.role), (&district_manager().id, Role::DistrictManager));
    assert_eq!((done.reward.fund(), done.reward.agreed.len()), (Some(year(2026)), 2));
    assert_eq!(done.reward.claim_until, Some(wednesday() + SignedDuration::from_hours(30 * 24)));

    // Whoever has adjusted it last has proposed it, and everybody agrees anew.
    let adjusted = once.then(&district_manager(), &by(&[3, 1]));
    assert!(adjusted.reward.agreed.is_empty());
    assert_eq!(adjusted.attempt(&district_manager(), &Wish::Agree), refused(Refusal::OwnProposal));
    let again = adjusted.agreed(&[treasurer(), second_district_manager()]);
    assert_eq!((again.reward.state, again.amounts()), (RewardState::Approved, vec![75_000, 25_000]));
}

#[test]
fn those_who_approved_the_report_do_not_reward_it_alone() {
    // Both places are for managers, and both managers have reviewed it.
    let reviewers = vec![officer().id, manager().id, district_manager().id];
    let book = Book::from(changsha(), Matter { reviewers, ..hazard(&[author()]) }, 500_000);
    let once = book.clone().agreed(&[manager()]);
    assert_eq!(once.attempt(&district_manager(), &Wish::Agree), refused(Refusal::ReviewersAlone));
    // One who has not, in either place, is enough.
    assert_eq!(once.agreed(&[second_district_manager()]).reward.state, RewardState::Approved);
    let other = book.agreed(&[second_manager(), district_manager()]);
    assert_eq!(other.reward.state, RewardState::Approved);
    // Where nobody is known to have reviewed it, everybody is somebody else.
    let unknown = Book::from(changsha(), Matter { reviewers: Vec::new(), ..hazard(&[author()]) }, 500_000);
    assert_eq!(unknown.clone().agreed(&[manager(), district_manager()]).reward.state, RewardState::Approved);
    let alone = unknown.agreed(&[manager()]);
    assert_eq!(alone.attempt(&manager(), &Wish::Agree), refused(Refusal::AgreedAlready), "but not alone");
}

#[test]
fn each_tier_of_zhejiang_asks_for_its_people() {
    let police = third_district_manager;
    let governance = second_district_manager;
    let matter = || Matter {
        merit: Merit {
            category: Category::Crime,
            grade: None,
            outcome: Some((Label::parse("cases_solved").unwrap(), 1)),
        },
        ..hazard(&[author()])
    };
    let chosen = |fen: u64| {
        let book = Book::from(zhejiang(), matter(), 10_000_000);
        if fen == 20_000 { book } else { book.then(&member("manager-hexi-9", Role::DistrictManager, "hexi"), &to(fen)) }
    };
    for (fen, agree, others) in [
        (20_000, vec![manager(), treasurer()], vec![second_manager(), police()]),
        (300_000, vec![treasurer(), governance()], vec![manager()]),
        (500_000, vec![treasurer(), police()], vec![governance(), manager()]),
        (1_000_000, vec![treasurer(), governance(), police()], vec![manager()]),
        (1_000_000, vec![police(), district_manager(), treasurer()], vec![manager()]),
        (5_000_000, vec![treasurer(), second_treasurer(), police(), governance()], vec![manager()]),
    ] {
        let book = chosen(fen);
        for other in others {
            assert_eq!(book.attempt(&other, &Wish::Agree), refused(Refusal::NotAskedToAgree), "{fen} {}", other.id);
        }
        for missing in 0..agree.len() {
            let (mut rest, last) = (agree.clone(), agree[missing].clone());
            rest.remove(missing);
            let waits = book.clone().agreed(&rest);
            assert_eq!((waits.reward.state, waits.fund.reserved_fen), (RewardState::Proposed, 0), "{fen}");
            let done = waits.agreed(&[last]);
            assert_eq!((done.reward.state, done.fund.reserved_fen), (RewardState::Approved, fen));
        }
    }
}

/// Somebody who may be asked to agree, for this test alone.
fn approver(role: Role, body: Option<Body>, number: usize) -> Member {
    let place = if role == Role::StationManager { "hexi.jianshan" } else { "hexi" };
    Member { body, ..member(&format!("{role}-{number}"), role, place) }
}

/// Everybody who can be asked: of each role and body two.
fn approvers() -> Vec<Member> {
    let mut people = Vec::new();
    for role in [Role::StationManager, Role::DistrictManager] {
        for body in Body::ALL {
            people.extend([0, 1].map(|i| approver(role, Some(*body), people.len() + i)));
        }
    }
    people.extend([0, 1].map(|i| approver(Role::Treasurer, None, i)));
    people
}

/// Whether these people can each fill a place of their own, tried out one way after the other.
fn can_fill(places: &[(Role, Option<Body>)], people: &[&Member]) -> bool {
    let Some((person, others)) = people.split_first() else { return true };
    (0..places.len()).any(|i| {
        let (role, body) = places[i];
        let mut rest = places.to_vec();
        rest.remove(i);
        role == person.role && (body.is_none() || body == person.body) && can_fill(&rest, others)
    })
}

fn places() -> Vec<(Role, Option<Body>)> {
    let mut places = vec![(Role::Treasurer, None)];
    for role in [Role::StationManager, Role::DistrictManager] {
        places.extend([None, Some(Body::Police), Some(Body::Governance)].map(|body| (role, body)));
    }
    places
}

/// The answers of the reward, and those of somebody who tries out every way to fill the places.
fn agree_in_order(places: &[(Role, Option<Body>)], order: &[&Member]) {
    let agree: Vec<_> = places
        .iter()
        .map(|(role, body)| match body {
            Some(body) => json!({ "role": role, "body": body }),
            None => json!({ "role": role }),
        })
        .collect();
    let content = RulesContent { tiers: serde_json::from_value(json!([{ "agree": agree }])).unwrap(), ..changsha() };
    let mut book = Book::from(content, Matter { reviewers: Vec::new(), ..hazard(&[author()]) }, 500_000);
    let mut agreed: Vec<&Member> = Vec::new();
    for &person in order {
        if agreed.len() == places.len() {
            break;
        }
        let with = [&agreed[..], &[person]].concat();
        if can_fill(places, &with) {
            book = book.then(person, &Wish::Agree);
            agreed = with;
        } else {
            assert_eq!(book.attempt(person, &Wish::Agree), refused(Refusal::NotAskedToAgree), "{places:?} {order:?}");
        }
    }
    let whole = agreed.len() == places.len();
    assert_eq!(book.reward.state == RewardState::Approved, whole, "{places:?} {order:?}");
}

#[test]
fn two_places_are_filled_by_whoever_can_fill_them_in_whatever_order() {
    let people = approvers();
    for first in places() {
        for second in places() {
            for one in &people {
                for other in people.iter().filter(|other| other.id != one.id) {
                    agree_in_order(&[first, second], &[one, other]);
                }
            }
        }
    }
}

#[test]
fn when_the_amount_changes_everybody_agrees_anew() {
    // 145,000 of 150,000 are used up by another reward meanwhile, so that the cap leaves less.
    let mut book = Book::of(changsha(), &[author()], 500_000).agreed(&[manager()]);
    book.befores = vec![Before { in_year: 30, in_month_fen: 148_000 }];
    let changed = book.clone().agreed(&[second_district_manager()]);
    assert_eq!((changed.amounts(), changed.reward.state), (vec![2_000], RewardState::Proposed));
    let agreed: Vec<_> = changed.reward.agreed.iter().map(|agreed| &agreed.member).collect();
    assert_eq!(agreed, [&second_district_manager().id]);
    assert_eq!(changed.agreed(&[manager()]).fund.reserved_fen, 2_000);
    // The one who has agreed before agrees to the other amount like anybody.
    assert_eq!(book.clone().agreed(&[manager()]).reward.agreed.len(), 1);
    // Once the cap leaves nothing, nobody agrees to nothing; next month it leaves more.
    book.befores = vec![Before { in_year: 31, in_month_fen: 150_000 }];
    assert_eq!(book.attempt(&second_district_manager(), &Wish::Agree), refused(Refusal::NothingToReward));
    assert_eq!(book.reward.agreed.len(), 1);

    // The whole is the same and its division is another.
    let doubled = json!([{ "nth": 2, "percent": 200 }]);
    let content = RulesContent { multipliers: serde_json::from_value(doubled).unwrap(), ..one_matter("shares", 30) };
    let mut book = Book::of(content, &[author(), neighbour()], 500_000);
    book.befores = [1, 0].map(|in_year| Before { in_year, in_month_fen: 0 }).to_vec();
    let once = book.agreed(&[treasurer()]);
    assert_eq!(once.amounts(), [100_000, 50_000]);
    let mut turned = once;
    turned.befores.reverse();
    let turned = turned.agreed(&[district_manager()]);
    assert_eq!((turned.amounts(), turned.reward.agreed.len()), (vec![50_000, 100_000], 1));
}

#[test]
fn when_the_fund_is_exhausted_the_proposal_waits_and_nothing_is_lost() {
    let book = Book::of(one_matter("shares", 30), &[author(), neighbour()], 99_999);
    let waits = book.agreed(&[treasurer(), district_manager()]);
    assert_eq!(waits.states(), (RewardState::Proposed, vec![ShareState::Proposed; 2]));
    assert!(waits.reward.waits_for_fund);
    assert_eq!(
        (waits.reward.agreed.len(), waits.fund.available_fen, waits.newest().action),
        (2, 99_999, RewardAction::Agree)
    );
    // Again, and there is still not enough: nothing is written a second time.
    assert_eq!(waits.attempt(&treasurer(), &Wish::Agree), refused(Refusal::FundExhausted));
    assert_eq!(waits.attempt(&second_treasurer(), &Wish::Agree), refused(Refusal::NotAskedToAgree));
    for person in [treasurer(), district_manager()] {
        let done = waits.clone().granted(1).agreed(&[person]);
        assert_eq!((done.reward.state, done.reward.waits_for_fund), (RewardState::Approved, false));
        assert_eq!((done.fund.available_fen, done.fund.reserved_fen), (0, 100_000));
        assert_eq!(done.reward.agreed.len(), 2);
    }
    // While it waits it can be adjusted or declined as any other.
    let adjusted = waits.clone().then(&district_manager(), &by(&[1, 2]));
    assert!(!adjusted.reward.waits_for_fund && adjusted.reward.agreed.is_empty());
    assert!(!waits.clone().then(&second_district_manager(), &Wish::Decline).reward.waits_for_fund);

    // When its amount changes while it waits, it waits for people again, and not for the fund.
    let mut changed = waits.clone().granted(1);
    changed.content.month_cap_fen = Some(40_000);
    let changed = changed.agreed(&[treasurer()]);
    assert!(!changed.reward.waits_for_fund);
    assert_eq!(changed.attempt(&treasurer(), &Wish::Agree), refused(Refusal::AgreedAlready));
    assert_eq!(changed.agreed(&[district_manager()]).fund.reserved_fen, 80_000);

    // A closed year promises nothing: it waits, and the next year's fund has it.
    let closed = shared().agreed(&[treasurer()]).moved(Movement::Lapse, 500_000).agreed(&[district_manager()]);
    assert!(closed.reward.waits_for_fund);
    assert_eq!(closed.attempt(&district_manager(), &Wish::Agree), refused(Refusal::FundClosed));
    let next = moves(&Fund::empty(year(2027)), Movement::Grant, 100_000).unwrap().0;
    let done = closed.reward.agree(&treasurer(), &closed.content, &closed.befores, &next, context(9, closed.now));
    assert_eq!(done.unwrap().reward.fund(), Some(year(2027)));
}

#[test]
fn who_was_declined_appeals_once_and_somebody_else_decides() {
    for &reason in DeclineReason::ALL {
        let declined = shared().reward.decline(&district_manager(), reason, "理由", context(1, wednesday())).unwrap();
        assert_eq!((declined.reward.declined, declined.event.declined), (Some(reason), Some(reason)));
    }
    let book = shared().agreed(&[treasurer()]).then(&district_manager(), &Wish::Decline);
    assert_eq!(book.states(), (RewardState::Declined, vec![ShareState::Ended; 2]));
    assert!(book.reward.agreed.is_empty());
    assert_eq!(
        pointers(shared().reward.decline(&district_manager(), DeclineReason::OnDuty, "", context(1, wednesday()))),
        ["/note"]
    );
    let stranger = member("resident-1", Role::Reporter, "hexi.jianshan.yulan");
    assert_eq!(book.attempt(&stranger, &Wish::Appeal), Err(Error::NotFound));
    assert_eq!(pointers(book.reward.appeal(&author(), "\u{200B}", context(1, wednesday()))), ["/text"]);
    assert_eq!(shared().attempt(&author(), &Wish::Appeal), refused(Refusal::WrongRewardState));

    let appealed = book.then(&neighbour(), &Wish::Appeal);
    assert_eq!(appealed.states(), (RewardState::Proposed, vec![ShareState::Proposed; 2]));
    assert_eq!((appealed.reward.declined, appealed.newest().declined), (None, None));
    assert_eq!(appealed.attempt(&district_manager(), &Wish::Decline), refused(Refusal::OwnDecline));
    // Who has declined it can see that they were wrong.
    let approved = appealed.clone().agreed(&[district_manager(), treasurer()]);
    assert_eq!(approved.reward.state, RewardState::Approved);
    let again = appealed.then(&second_district_manager(), &Wish::Decline);
    for person in [author(), neighbour()] {
        assert_eq!(again.attempt(&person, &Wish::Appeal), refused(Refusal::AppealedAlready), "{}", person.id);
    }
}

#[test]
fn what_was_approved_is_taken_back_before_any_payment_alone() {
    let reversed = approved().then(&district_manager(), &Wish::Reverse);
    assert_eq!(reversed.states(), (RewardState::Reversed, vec![ShareState::Ended; 2]));
    assert_eq!((reversed.fund.available_fen, reversed.fund.reserved_fen), (500_000, 0));
    let entry = reversed.entries.last().unwrap();
    assert_eq!(
        (entry.movement, entry.amount_fen, entry.reason.as_deref()),
        (Movement::Release, 100_000, Some("弄虚作假"))
    );
    assert_eq!(
        pointers(approved().reward.reverse(&district_manager(), "", &approved().fund, context(9, wednesday()))),
        ["/reason"]
    );

    let paid = approved().then(&treasurer(), &Wish::Pay(1));
    assert_eq!(paid.attempt(&district_manager(), &Wish::Reverse), refused(Refusal::PaidAlready));
    // What was paid is recovered, share by share; then the rest can be taken back, and what became
    // of the first stays known.
    let recovered = paid.then(&treasurer(), &Wish::Recover(1));
    assert_eq!(recovered.states(), (RewardState::Approved, vec![ShareState::Reserved, ShareState::Recovered]));
    let back = recovered.then(&district_manager(), &Wish::Reverse);
    assert_eq!(back.states(), (RewardState::Reversed, vec![ShareState::Ended, ShareState::Recovered]));
    assert_eq!(back.fund.available_fen, 500_000);
    let lapsed = approved().later_by_days(30).then(&super::clock(), &Wish::Lapse(0));
    let back = lapsed.then(&district_manager(), &Wish::Reverse);
    assert_eq!(back.states(), (RewardState::Reversed, vec![ShareState::Lapsed, ShareState::Ended]));

    // The year is over: the money is not promised again.
    let closed = approved().moved(Movement::Lapse, 400_000).then(&district_manager(), &Wish::Reverse);
    assert_eq!(closed.entries.last().unwrap().movement, Movement::LapseReserved);
    assert_eq!((closed.fund.available_fen, closed.fund.lapsed_fen), (0, 500_000));
}

#[test]
fn each_share_is_paid_once() {
    let once = approved().later_by_days(2).then(&treasurer(), &Wish::Pay(0));
    assert_eq!(once.states(), (RewardState::Approved, vec![ShareState::Paid, ShareState::Reserved]));
    let event = once.newest();
    assert_eq!((event.share, event.amount_fen, event.action), (Some(0), 50_000, RewardAction::Pay));
    assert_eq!(once.reward.shares[0].paid_at, Some(once.now));
    assert_eq!(once.attempt(&treasurer(), &Wish::Pay(0)), refused(Refusal::PaidAlready));
    assert_eq!(once.attempt(&second_treasurer(), &Wish::Pay(0)), refused(Refusal::PaidAlready));
    for number in [2, u8::MAX] {
        assert_eq!(once.attempt(&treasurer(), &Wish::Pay(number)), Err(Error::NotFound));
        assert_eq!(once.attempt(&treasurer(), &Wish::Recover(number)), Err(Error::NotFound));
        assert_eq!(once.attempt(&super::clock(), &Wish::Lapse(number)), Err(Error::NotFound));
    }
    let settled = once.then(&treasurer(), &Wish::Pay(1));
    assert_eq!((settled.reward.state, settled.fund.paid_fen), (RewardState::Settled, 100_000));
    assert_eq!(settled.attempt(&treasurer(), &Wish::Pay(1)), refused(Refusal::WrongRewardState));
    // Not even after it was recovered: that would be a reward of its own.
    let recovered = settled.then(&treasurer(), &Wish::Recover(1));
    assert_eq!(recovered.attempt(&treasurer(), &Wish::Pay(1)), refused(Refusal::WrongRewardState));
    // A fund whose record lost what it had promised pays nothing.
    let mut broken = approved();
    broken.fund.reserved_fen = 49_999;
    assert!(is_internal(&broken.attempt(&treasurer(), &Wish::Pay(0))));
}

#[test]
fn what_nobody_claims_lapses_share_by_share_and_not_before_its_time() {
    let paid = approved().then(&treasurer(), &Wish::Pay(0));
    let until = paid.reward.claim_until.unwrap();
    for (now, lapses) in [
        (wednesday(), false),
        (until - SignedDuration::from_nanos(1), false),
        (until, true),
        (until + SignedDuration::from_hours(9_999), true),
    ] {
        let book = Book { now, ..paid.clone() };
        assert_eq!(book.attempt(&super::clock(), &Wish::Lapse(1)).is_ok(), lapses, "{now}");
        assert_eq!(book.attempt(&super::clock(), &Wish::Lapse(0)), refused(Refusal::PaidAlready), "{now}");
    }
    let lapsed = Book { now: until, ..paid.clone() }.then(&super::clock(), &Wish::Lapse(1));
    assert_eq!(lapsed.states(), (RewardState::Settled, vec![ShareState::Paid, ShareState::Lapsed]));
    assert_eq!((lapsed.fund.available_fen, lapsed.newest().share), (450_000, Some(1)));
    assert_eq!(lapsed.attempt(&super::clock(), &Wish::Lapse(1)), refused(Refusal::WrongRewardState));
    assert_eq!(lapsed.attempt(&treasurer(), &Wish::Pay(1)), refused(Refusal::WrongRewardState));
    // After the year's end it goes back for good, and so does what is recovered.
    let closed = Book { now: until, ..paid }.moved(Movement::Lapse, 400_000).then(&super::clock(), &Wish::Lapse(1));
    assert_eq!(closed.entries.last().unwrap().movement, Movement::LapseReserved);
    let recovered = closed.then(&treasurer(), &Wish::Recover(0)).moved(Movement::Lapse, 50_000);
    assert_eq!((recovered.fund.lapsed_fen, recovered.fund.granted_fen), (500_000, 500_000));
}

#[test]
fn what_was_paid_back_is_written_down_once() {
    let settled = approved().then(&treasurer(), &Wish::Pay(0)).then(&treasurer(), &Wish::Pay(1));
    assert_eq!(approved().attempt(&treasurer(), &Wish::Recover(0)), refused(Refusal::WrongRewardState));
    assert_eq!(
        pointers(settled.reward.recover(0, &treasurer(), "", &settled.fund, context(9, wednesday()))),
        ["/reason"]
    );
    let paid_at = settled.reward.shares[0].paid_at;
    let recovered = settled.later_by_days(3).then(&second_treasurer(), &Wish::Recover(0));
    assert_eq!(recovered.states(), (RewardState::Settled, vec![ShareState::Recovered, ShareState::Paid]));
    assert_eq!(recovered.reward.shares[0].paid_at, paid_at, "when it was paid stays known");
    assert_eq!((recovered.fund.paid_fen, recovered.fund.available_fen), (50_000, 450_000));
    assert_eq!(recovered.newest().note.as_deref(), Some("多发"));
    assert_eq!(recovered.attempt(&treasurer(), &Wish::Recover(0)), refused(Refusal::WrongRewardState));
}

#[test]
fn money_comes_from_the_fund_of_the_district_and_year_and_from_no_other() {
    let other_year = moves(&Fund::empty(year(2027)), Movement::Grant, 500_000).unwrap().0;
    let elsewhere = FundId { district: node("hedong"), year: 2026 };
    let other_district = moves(&Fund::empty(elsewhere), Movement::Grant, 500_000).unwrap().0;
    let paid = approved().then(&treasurer(), &Wish::Pay(0)).later_by_days(31);
    for fund in [other_year, other_district.clone()] {
        // As if something of another reward was promised and paid from it.
        let fund = Fund { reserved_fen: 100_000, paid_fen: 100_000, granted_fen: 700_000, ..fund };
        let with = |mut book: Book| {
            book.fund = fund.clone();
            book
        };
        assert!(is_internal(&with(approved()).attempt(&treasurer(), &Wish::Pay(0))));
        assert!(is_internal(&with(approved()).attempt(&district_manager(), &Wish::Reverse)));
        assert!(is_internal(&with(paid.clone()).attempt(&super::clock(), &Wish::Lapse(1))));
        assert!(is_internal(&with(paid.clone()).attempt(&treasurer(), &Wish::Recover(0))));
    }
    let once = shared().agreed(&[treasurer()]);
    let answer =
        once.reward.agree(&district_manager(), &once.content, &once.befores, &other_district, context(2, once.now));
    assert!(is_internal(&answer));
}

#[test]
fn a_record_from_before_an_appeal_had_its_decider_reads_back() {
    for (point, book) in points() {
        let record = serde_json::to_value(&book.reward).unwrap();
        assert_eq!(serde_json::from_value::<Reward>(record.clone()).unwrap(), book.reward, "{point}");
        let events = serde_json::to_value(&book.events).unwrap();
        assert_eq!(serde_json::from_value::<Vec<RewardEvent>>(events).unwrap(), book.events, "{point}");
        let mut older = record;
        older.as_object_mut().unwrap().remove("declined_by");
        assert_eq!(serde_json::from_value::<Reward>(older).unwrap().declined_by, None, "{point}");
    }
}

type Alteration = fn(&mut RewardEvent);

#[test]
fn a_history_that_was_changed_is_found() {
    let book = shared()
        .then(&district_manager(), &Wish::Decline)
        .then(&author(), &Wish::Appeal)
        .agreed(&[district_manager(), treasurer()])
        .then(&treasurer(), &Wish::Pay(1));
    let (events, head) = (&book.events, book.reward.head);
    assert_eq!(verify_chain(events, head), Ok(()));
    let alterations: [(&str, Alteration); 12] = [
        ("reward", |event| event.reward = code("another")),
        ("at", |event| event.at += SignedDuration::from_nanos(1)),
        ("actor", |event| event.actor = second_treasurer().id),
        ("role", |event| event.role = Role::Auditor),
        ("action", |event| event.action = RewardAction::Adjust),
        ("state", |event| event.state = RewardState::Reversed),
        ("amount", |event| event.amount_fen += 1),
        ("share", |event| event.share = Some(9)),
        ("declined", |event| event.declined = Some(DeclineReason::OnDuty)),
        ("note", |event| event.note = Some("another".to_owned())),
        ("command", |event| event.command = CommandId::new(&officer().id, Uuid::nil())),
        ("hash", |event| event.hash = Digest::ZERO),
    ];
    for i in 0..events.len() {
        let seq = events[i].seq;
        for (field, alter) in alterations {
            let mut altered = events.clone();
            alter(&mut altered[i]);
            assert_eq!(verify_chain(&altered, head), Err(BrokenChain::Altered(seq)), "{field} of {seq}");
        }
        let mut altered = events.clone();
        altered[i].previous = Digest::of(&[b"another"]);
        assert_eq!(verify_chain(&altered, head), Err(BrokenChain::Unlinked(seq)));
        let mut removed = events.clone();
        removed.remove(i);
        assert!(verify_chain(&removed, head).is_err(), "{seq} was removed");
        let mut twice = events.clone();
        twice.insert(i, events[i].clone());
        assert!(verify_chain(&twice, head).is_err(), "{seq} stands there twice");
        for j in 0..i {
            let mut swapped = events.clone();
            swapped.swap(i, j);
            assert!(matches!(verify_chain(&swapped, head), Err(BrokenChain::Gap { .. })), "{i} and {j}");
        }
        assert_eq!(verify_chain(&events[..i], head), Err(BrokenChain::Truncated));
    }
    // Whoever writes the hash anew breaks the link to the next event, or the head.
    for i in 0..events.len() {
        let mut altered = events.clone();
        altered[i].amount_fen += 1;
        let bare = RewardEvent { hash: Digest::ZERO, ..altered[i].clone() };
        altered[i].hash = Digest::of(&[b"reward event", &serde_json::to_vec(&bare).unwrap()]);
        let next = events.get(i + 1).map_or(BrokenChain::Truncated, |next| BrokenChain::Unlinked(next.seq));
        assert_eq!(verify_chain(&altered, head), Err(next));
    }
    // The whole history of another reward does not end in this one's head.
    assert_eq!(verify_chain(&shared().events, head), Err(BrokenChain::Truncated));
}

/// What somebody tries, with the reward and the share that it is about.
#[derive(Debug, Clone)]
enum Try {
    Step(usize, usize, Wish),
    Money(Movement, u64),
    /// An outcome of the matter of this reward is confirmed, and counts so much.
    Outcome(usize, u32),
    /// So many have reported the matter of this reward by now.
    Linked(usize, usize),
    CloseYear,
    Days(i64),
}

/// Who tries.
fn cast() -> &'static [Member] {
    static CAST: LazyLock<Vec<Member>> = LazyLock::new(everybody);
    &CAST
}

fn everybody() -> Vec<Member> {
    vec![
        treasurer(),
        district_manager(),
        second_district_manager(),
        third_district_manager(),
        second_treasurer(),
        manager(),
        second_manager(),
        author(),
        neighbour(),
        manager_elsewhere(),
        promoted(),
        super::clock(),
    ]
}

/// The rewards of a sequence: what each is for, and who reported it.
const REWARDS: usize = 4;

fn tries() -> impl Strategy<Value = Vec<Try>> {
    let share = || 0..3_u8;
    let adjustment =
        (proptest::option::of(0..90_000_u64), proptest::option::of(proptest::collection::vec(0..4_u32, 0..4)))
            .prop_map(|(amount_fen, weights)| {
                Wish::Adjust(Adjustment { grade: None, amount_fen, weights, reason: "因".to_owned() })
            });
    // Mostly by those who can, or little would ever happen; and now and then by anybody.
    let by = |roles: &'static [Role]| {
        let fits: Vec<_> = (0..cast().len()).filter(|i| roles.contains(&cast()[*i].role)).collect();
        prop_oneof![4 => proptest::sample::select(fits), 1 => 0..cast().len()]
    };
    let step = prop_oneof![
        14 => (by(&APPROVERS), Just(Wish::Agree)),
        2 => (by(&[Role::DistrictManager]), adjustment),
        1 => (by(&[Role::DistrictManager]), Just(Wish::Decline)),
        2 => (by(&[Role::Reporter]), Just(Wish::Appeal)),
        1 => (by(&[Role::DistrictManager]), Just(Wish::Reverse)),
        6 => (by(&[Role::Treasurer]), share().prop_map(Wish::Pay)),
        3 => (by(&[Role::Clock]), share().prop_map(Wish::Lapse)),
        3 => (by(&[Role::Clock]), Just(Wish::Come)),
        3 => (by(&[Role::Treasurer]), share().prop_map(Wish::Recover)),
    ];
    let step = (0..REWARDS, step).prop_map(|(reward, (person, wish))| Try::Step(reward, person, wish));
    let money = (proptest::sample::select(vec![Movement::Grant, Movement::Grant, Movement::Return]), 1..150_000_u64);
    let one = prop_oneof![
        40 => step,
        2 => money.prop_map(|(movement, amount_fen)| Try::Money(movement, amount_fen)),
        2 => (0..REWARDS, 0..4_u32).prop_map(|(reward, count)| Try::Outcome(reward, count)),
        1 => (0..REWARDS, 1..4_usize).prop_map(|(reward, count)| Try::Linked(reward, count)),
        1 => Just(Try::CloseYear),
        2 => (1..20_i64).prop_map(Try::Days),
    ];
    proptest::collection::vec(one, 0..200)
}

/// The funds and rewards of a district, as the store keeps them.
struct Office {
    content: RulesContent,
    rewards: Vec<(Reward, Vec<RewardEvent>)>,
    funds: Vec<(Fund, Vec<Entry>)>,
    now: Timestamp,
}

impl Office {
    fn new(together: Together) -> Self {
        let mut content = RulesContent {
            multipliers: serde_json::from_value(json!([{ "nth": 2, "percent": 150 }])).unwrap(),
            month_cap_fen: Some(120_000),
            together,
            ..one_matter("first", 30)
        };
        content.rules[1].amount =
            serde_json::from_value(json!({ "as": "range", "min_fen": 40_000, "max_fen": 90_001 })).unwrap();
        content.tiers = serde_json::from_value(json!([
            { "up_to_fen": 60_000, "agree": [{ "role": "station_manager" }, { "role": "treasurer" }] },
            { "agree": [{ "role": "district_manager" }, { "role": "treasurer" }, { "role": "district_manager", "body": "governance" }] },
        ]))
        .unwrap();
        let third = member("resident-1", Role::Reporter, "hexi.jianshan.yulan");
        let of = [vec![author()], vec![neighbour(), author()], vec![third.clone(), neighbour(), author()], vec![third]];
        assert_eq!(of.len(), REWARDS);
        let rewards = of.into_iter().enumerate().map(|(i, reporters)| {
            let befores = vec![Before::default(); reporters.len()];
            let id = code(&format!("reward {i}"));
            let proposed = propose(id, hazard(&reporters), (1, &content), &befores, context(0, wednesday()));
            let Decided { reward, event, .. } = proposed.unwrap().unwrap();
            (reward, vec![event])
        });
        let rewards = rewards.collect();
        Self { content, rewards, funds: vec![(Fund::empty(year(2026)), Vec::new())], now: wednesday() }
    }

    /// The shares of all rewards.
    fn shares(&self) -> impl Iterator<Item = (&Reward, &crate::reward::Share)> {
        self.rewards.iter().flat_map(|(reward, _)| reward.shares.iter().map(move |share| (reward, share)))
    }

    /// What a person has been promised or paid so far, as the store counts it.
    fn before(&self, member: &MemberId) -> Before {
        let has = self.shares().filter(|(_, share)| {
            share.member == *member && matches!(share.state, ShareState::Reserved | ShareState::Paid)
        });
        has.fold(Before::default(), |before, (_, share)| Before {
            in_year: before.in_year + 1,
            in_month_fen: before.in_month_fen + share.amount_fen,
        })
    }

    fn keep(&mut self, moved: Option<(Fund, Entry)>) {
        if let Some((fund, entry)) = moved {
            let (place, entries) = self.funds.iter_mut().find(|(known, _)| known.id == fund.id).unwrap();
            *place = fund;
            entries.push(entry);
        }
    }

    /// Tries this; whether it was done.
    fn tries(&mut self, what: &Try) -> Result<bool, Error> {
        let current = self.funds.last().unwrap().0.clone();
        match what {
            Try::Days(days) => self.now += SignedDuration::from_hours(24 * days),
            Try::Money(movement, amount_fen) => {
                let moved = moves(&current, *movement, *amount_fen)?;
                self.keep(Some(moved));
            }
            Try::CloseYear => {
                let moved = moves(&current, Movement::Lapse, current.available_fen)?;
                self.keep(Some(moved));
                self.funds.push((Fund::empty(year(current.id.year + 1)), Vec::new()));
            }
            Try::Outcome(number, count) => {
                let reward = &self.rewards[*number].0;
                let befores: Vec<_> = reward.shares.iter().map(|share| self.before(&share.member)).collect();
                let outcome = Some((Label::parse("hazards_removed").unwrap(), *count));
                let context = context(reward.version, self.now);
                let Some(decided) = reward.reassess(outcome, &self.content, &befores, context)? else {
                    return Ok(false);
                };
                let (reward, events) = &mut self.rewards[*number];
                *reward = decided.reward;
                events.push(decided.event);
            }
            Try::Linked(number, count) => {
                let mut reporters =
                    vec![author(), neighbour(), member("resident-1", Role::Reporter, "hexi.jianshan.yulan")];
                reporters.truncate(*count);
                let matter = hazard(&reporters);
                let reward = &self.rewards[*number].0;
                let befores: Vec<_> = reporters.iter().map(|person| self.before(&person.id)).collect();
                let context = context(reward.version, self.now);
                let Some(decided) = reward.gather(&matter, &self.content, &befores, context)? else {
                    return Ok(false);
                };
                let (reward, events) = &mut self.rewards[*number];
                *reward = decided.reward;
                events.push(decided.event);
            }
            Try::Step(number, person, wish) => {
                let reward = &self.rewards[*number].0;
                let befores: Vec<_> = reward.shares.iter().map(|share| self.before(&share.member)).collect();
                let fund = match reward.fund() {
                    Some(id) => &self.funds.iter().find(|(fund, _)| fund.id == id).unwrap().0,
                    None => &current,
                };
                let context = context(reward.version, self.now);
                let actor = &cast()[*person];
                let decided = take(reward, actor, wish, (&self.content, &befores), fund, context)?;
                let (reward, events) = &mut self.rewards[*number];
                *reward = decided.reward;
                events.push(decided.event);
                self.keep(decided.fund);
            }
        }
        Ok(true)
    }

    fn check(&self) -> Result<(), TestCaseError> {
        for (fund, _) in &self.funds {
            let sum = |state| {
                let of = self
                    .shares()
                    .filter(|(reward, share)| reward.fund().as_ref() == Some(&fund.id) && share.state == state);
                of.map(|(_, share)| share.amount_fen).sum::<u64>()
            };
            prop_assert!(fund.is_balanced());
            prop_assert_eq!(fund.reserved_fen, sum(ShareState::Reserved));
            prop_assert_eq!(fund.paid_fen, sum(ShareState::Paid));
        }
        for (reward, _) in &self.rewards {
            let has = |state| reward.shares.iter().any(|share| share.state == state);
            // What is open is open as a whole, and what is settled has nothing to be paid.
            prop_assert_eq!(has(ShareState::Proposed), reward.state == RewardState::Proposed);
            prop_assert_eq!(has(ShareState::Reserved), reward.state == RewardState::Approved);
            prop_assert_eq!(reward.amount_fen, reward.shares.iter().map(|share| share.amount_fen).sum::<u64>());
            prop_assert!(!reward.waits_for_fund || reward.state == RewardState::Proposed);
            if matches!(reward.state, RewardState::Approved | RewardState::Settled) {
                let people: BTreeSet<_> = reward.agreed.iter().map(|agreed| &agreed.member).collect();
                prop_assert!(people.len() >= 2, "two different people have agreed");
                prop_assert!(
                    people.iter().any(|member| !reward.reviewers.contains(member)),
                    "and not the reviewers alone"
                );
                prop_assert!(!people.iter().any(|member| reward.is_of(member)), "and nobody to their own");
                prop_assert!(reward.adjusted_by.as_ref().is_none_or(|by| !people.contains(by)));
            }
        }
        for member in [author(), neighbour()] {
            prop_assert!(self.before(&member.id).in_month_fen <= 120_000, "nobody has more than the cap allows");
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn places_are_filled_by_whoever_can_fill_them_in_whatever_order(
        places in proptest::collection::vec(proptest::sample::select(places()), 2..=5),
        order in Just(approvers()).prop_shuffle(),
    ) {
        agree_in_order(&places, &order.iter().collect::<Vec<_>>());
    }

    #[test]
    fn every_fen_is_promised_once_and_paid_once(together in proptest::sample::select(Together::ALL), tries in tries()) {
        let mut office = Office::new(together);
        for one in [&Try::Money(Movement::Grant, 200_000)].into_iter().chain(&tries) {
            let before: Vec<_> = office.funds.iter().map(|(fund, _)| fund.version).collect();
            match office.tries(one) {
                Ok(_) => {}
                // What nobody can ask for is not asked for by anybody here.
                Err(Error::Internal(why)) => prop_assert!(false, "{}: {:?}", why, one),
                Err(_) => {
                    let after: Vec<_> = office.funds.iter().map(|(fund, _)| fund.version).collect();
                    prop_assert_eq!(before, after, "what is refused moves nothing");
                }
            }
            office.check()?;
        }
        for (fund, entries) in &office.funds {
            prop_assert_eq!(Fund::replay(fund.id.clone(), entries), Ok(fund.clone()));
        }
        let mut entries_of: BTreeMap<Code, (u64, u64)> = BTreeMap::new();
        for entry in office.funds.iter().flat_map(|(_, entries)| entries) {
            let Some(reward) = entry.reward else { continue };
            let (reserved, paid) = entries_of.entry(reward).or_default();
            *reserved += if entry.movement == Movement::Reserve { entry.amount_fen } else { 0 };
            *paid += if entry.movement == Movement::Pay { entry.amount_fen } else { 0 };
        }
        for (reward, events) in &office.rewards {
            prop_assert_eq!(verify_chain(events, reward.head), Ok(()));
            let mut paid = BTreeMap::new();
            let mut approvals = 0;
            for event in events {
                approvals += u64::from(event.action == RewardAction::Approve);
                if event.action == RewardAction::Pay {
                    let before = paid.insert(event.share.unwrap(), event.amount_fen);
                    prop_assert_eq!(before, None, "a share was paid twice");
                }
            }
            // What the histories say of a reward is what the ledger says of it.
            let (reserved_fen, paid_fen) = entries_of.get(&reward.id).copied().unwrap_or_default();
            prop_assert!(approvals <= 1);
            prop_assert_eq!(reserved_fen, approvals * reward.amount_fen);
            prop_assert_eq!(paid_fen, paid.values().sum::<u64>());
        }
        prop_assert_eq!(proved(&records(&office)), Vec::<String>::new());
    }

    #[test]
    fn whoever_changes_what_was_paid_is_contradicted(
        together in proptest::sample::select(Together::ALL),
        tries in tries(),
        victim in any::<prop::sample::Index>(),
        how in 0..6_u8,
    ) {
        let mut office = Office::new(together);
        for one in [&Try::Money(Movement::Grant, 200_000)].into_iter().chain(&tries) {
            let _ = office.tries(one);
        }
        let mut records = records(&office);
        let mut entries: Vec<_> = records.funds.values_mut().flat_map(|fund| &mut fund.entries).collect();
        let entry = victim.index(entries.len());
        let (id, seq) = (entries[entry].fund.clone(), entries[entry].seq);
        match how {
            0 => entries[entry].amount_fen += 1,
            1 => entries[entry].reward = Some(code("another")),
            2 => records.funds.get_mut(&id).unwrap().entries.retain(|entry| entry.seq != seq),
            // The ledger and the fund both say that it ended before this entry, and fit each other.
            3 => {
                let fund = records.funds.get_mut(&id).unwrap();
                let rolled_back: Vec<Entry> = fund.entries.iter().take_while(|entry| entry.seq < seq).cloned().collect();
                // What was granted or closed, nothing but the ledger knows of.
                if fund.entries.iter().skip(rolled_back.len()).all(|entry| entry.reward.is_none()) {
                    return Ok(());
                }
                fund.fund = Some(Fund::replay(id, &rolled_back).unwrap());
                fund.entries = rolled_back;
            }
            4 => {
                let rewards: Vec<_> = records.rewards.values_mut().collect();
                let found = rewards.into_iter().nth(entry % office.rewards.len()).unwrap();
                let share = &mut found.reward.as_mut().unwrap().shares[0];
                share.amount_fen += 1;
                found.shares.insert(0, share.clone());
            }
            _ => {
                let rewards: Vec<_> = records.rewards.values_mut().collect();
                rewards.into_iter().nth(entry % office.rewards.len()).unwrap().events.pop();
            }
        }
        prop_assert!(!proved(&records).is_empty(), "{} of entry {}", how, seq);
    }
}

/// The records of an office, as the store would hand them to a proof. Here shares are paid without payouts.
fn records(office: &Office) -> Records {
    let mut records = Records::default();
    for (fund, entries) in &office.funds {
        let found = FundRecords { fund: Some(fund.clone()), entries: entries.clone() };
        records.funds.insert(fund.id.clone(), found);
    }
    for (reward, events) in &office.rewards {
        records.matters.insert(reward.matter, reward.id);
        let shares = (0_u8..).zip(reward.shares.iter().cloned()).collect();
        let found =
            RewardRecords { reward: Some(reward.clone()), events: events.clone(), shares, ..RewardRecords::default() };
        records.rewards.insert(reward.id, found);
    }
    records
}

/// What a proof finds, but that there are no payouts, and that two rewards here are of the same matter.
fn proved(records: &Records) -> Vec<String> {
    let known = ["its payout says otherwise", "its matter does not say that it has this reward"];
    let found = prove(records, &Of::default()).differences.into_iter().map(|difference| difference.to_string());
    found.filter(|what| !known.iter().any(|known| what.ends_with(known))).collect()
}

#[test]
fn the_random_sequences_come_everywhere() {
    // A property that holds because nothing ever happens would prove nothing.
    use proptest::{strategy::ValueTree as _, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut count = |what: String| *seen.entry(what).or_default() += 1;
    for _ in 0..256 {
        let tries = tries().new_tree(&mut runner).unwrap().current();
        let mut office = Office::new(Together::Shares);
        for one in [&Try::Money(Movement::Grant, 200_000)].into_iter().chain(&tries) {
            let _ = office.tries(one);
        }
        for (reward, events) in &office.rewards {
            for event in events {
                count(format!("event {}", event.action));
            }
            for share in &reward.shares {
                count(format!("share {}", share.state));
            }
            count(format!("reward {}", reward.state));
            if reward.waits_for_fund {
                count("waits for the fund".to_owned());
            }
        }
        for entry in office.funds.iter().flat_map(|(_, entries)| entries) {
            count(format!("entry {}", entry.movement));
        }
    }
    let mut expected = vec!["waits for the fund".to_owned()];
    expected.extend(RewardAction::ALL.iter().map(|action| format!("event {action}")));
    expected.extend(ShareState::ALL.iter().map(|state| format!("share {state}")));
    expected.extend(RewardState::ALL.iter().map(|state| format!("reward {state}")));
    expected.extend(Movement::ALL.iter().map(|movement| format!("entry {movement}")));
    for what in expected {
        assert!(seen.get(&what).is_some_and(|count| *count >= 5), "{what}: {seen:#?}");
    }
}

/// What of a book's matter is known once these have reported it.
fn gathers(book: &Book, matter: &Matter) -> Option<Decided> {
    let befores = vec![Before::default(); matter.reporters.len()];
    book.reward.gather(matter, &book.content, &befores, context(77, wednesday())).unwrap()
}

#[test]
fn a_report_that_is_linked_later_has_its_share_as_long_as_nobody_has_decided() {
    let alone = Book::of(one_matter("shares", 30), &[author()], 500_000);
    assert_eq!(alone.amounts(), [100_000]);
    let both = hazard(&[author(), neighbour()]);
    let linked = gathers(&alone, &both).unwrap();
    let amounts = |decided: &Decided| decided.reward.shares.iter().map(|share| share.amount_fen).collect::<Vec<_>>();
    assert_eq!((linked.event.action, amounts(&linked)), (RewardAction::Gather, vec![50_000, 50_000]));
    // Whoever had agreed has agreed to something else.
    let agreed = alone.clone().agreed(&[treasurer()]);
    assert!(gathers(&agreed, &both).unwrap().reward.agreed.is_empty());
    // And back, when it is found to be about something else.
    let one = hazard(&[author()]);
    assert_eq!(amounts(&gathers(&shared(), &one).unwrap()), [100_000]);
    // Nothing changes by what is known, of what people have adjusted, and once they have decided.
    let adjusted = shared().then(&district_manager(), &by(&[1, 3]));
    let declined = shared().then(&district_manager(), &Wish::Decline);
    for book in [&adjusted, &declined, &approved()] {
        assert_eq!(gathers(book, &one), None);
    }
    assert_eq!(gathers(&shared(), &both), None);
    // Where the first has all of it, whoever comes second changes nothing of what was agreed to.
    let first = Book::of(one_matter("first", 30), &[author()], 500_000).agreed(&[treasurer()]);
    let second = gathers(&first, &both).unwrap();
    assert_eq!((amounts(&second), second.reward.agreed.len()), (vec![100_000, 0], 1));
}

#[test]
fn whom_a_linked_report_names_does_not_see_the_reward_and_whoever_reviews_it_is_known() {
    let named = Matter { concerns: Concerns::StationManagement, ..hazard(&[author(), neighbour()]) };
    for book in
        [shared(), shared().agreed(&[treasurer()]), approved(), shared().then(&district_manager(), &Wish::Decline)]
    {
        assert!(book.reward.is_seen_by(&manager()));
        let gathered = gathers(&book, &named).unwrap().reward;
        assert!(!gathered.is_seen_by(&manager()) && gathered.is_seen_by(&district_manager()));
        assert_eq!(gathered.state, book.reward.state);
        assert!(gathered.agreed.is_empty() || gathered.state != RewardState::Proposed);
    }
    // Who approves it the second time is a reviewer as well.
    let again = Matter {
        reviewers: vec![district_manager().id, second_district_manager().id],
        ..hazard(&[author(), neighbour()])
    };
    let reviewed = gathers(&shared(), &again).unwrap();
    assert_eq!(reviewed.reward.reviewers, again.reviewers);
    assert_eq!(gathers(&approved(), &again), None, "what was agreed stays agreed");
}

#[test]
fn an_outcome_that_is_corrected_or_annulled_lowers_what_waits() {
    let content = one_matter("first", 30);
    let kind = Label::parse("suspects_arrested").unwrap();
    for (category, without) in [(Category::Hazard, 100_000), (Category::Crime, 0)] {
        let merit = Merit { category, grade: None, outcome: Some((kind.clone(), 3)) };
        let mut book = Book::from(content.clone(), Matter { merit, ..hazard(&[author()]) }, 900_000);
        let reassess = |book: &Book, outcome: (Label, u32)| {
            book.reward.reassess(Some(outcome), &content, &book.befores, context(78, wednesday())).unwrap()
        };
        assert_eq!(book.reward.amount_fen, 300_000);
        // Of another kind only what gives more changes it.
        assert_eq!(reassess(&book, (Label::parse("another").unwrap(), 0)), None);
        let corrected = reassess(&book, (kind.clone(), 1)).unwrap();
        assert_eq!((corrected.reward.amount_fen, corrected.event.action), (100_000, RewardAction::Reassess));
        let annulled = reassess(&book, (kind.clone(), 0)).unwrap().reward;
        assert_eq!(annulled.merit.as_ref().and_then(|merit| merit.outcome.clone()), None);
        assert_eq!(annulled.amount_fen, without);
        book.reward = annulled;
        // Where nothing is owed any more, nobody agrees, and people decline it.
        let agreed = book.attempt(&treasurer(), &Wish::Agree);
        assert_eq!(agreed.is_ok(), without > 0, "{agreed:?}");
        assert!(book.attempt(&district_manager(), &Wish::Decline).is_ok());
    }
}
