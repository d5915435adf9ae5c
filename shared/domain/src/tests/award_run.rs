//! Runs of period awards: killed at any step, run at once, and the rewards that they propose.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::date;
use proptest::prelude::*;

use super::{
    award::{
        TIES, a_fact, content, fact, label, naive, naive_winners, quarter, quarterly, report, reporter, run_id,
        shanghai, threshold, with_ties,
    },
    district_manager, member, node, wednesday,
};
use crate::{
    award::{Entrant, Fact, Points, What, Winner, reaching},
    award_rules::{AwardRule, Source, Ties},
    award_run::{AwardRun, Failure, MAX_STUMBLES, RunId, RunState, Todo},
    briefing::Period,
    command::CommandId,
    error::{Error, Refusal},
    ledger::{Fund, FundId, Movement, Posting},
    member::{Member, MemberId, Role},
    report::Category,
    reward::{self, Adjustment, RewardId, RewardState, ShareState, verify_chain},
    reward_rules::{Before, Step},
};

/// A step that somebody has done, and tells the run of.
#[derive(Debug, Clone)]
enum Did {
    Gather((Source, u32), Option<String>),
    Rank(u32, Vec<Entrant>, Option<String>),
    Propose(u32, usize),
    ProposePage(u32, Vec<Entrant>, Option<String>),
}

impl Did {
    fn tell(&self, run: &AwardRun, rule: &AwardRule) -> Result<Option<AwardRun>, Error> {
        let now = wednesday();
        match self.clone() {
            Self::Gather(place, next) => run.gathered(place, next, rule, now),
            Self::Rank(page, people, next) => run.ranked(page, &people, next, rule, now),
            Self::Propose(from, count) => run.proposed(from, count, now),
            Self::ProposePage(page, people, next) => run.proposed_page(page, &people, next, rule, now),
        }
    }
}

/// A district whose records are a few maps.
#[derive(Clone)]
struct World {
    rule: AwardRule,
    facts: BTreeMap<Source, Vec<Fact>>,
    members: BTreeMap<MemberId, Member>,
    page: usize,
    points: BTreeMap<MemberId, Points>,
    /// The run as it is written down.
    run: String,
    proposals: BTreeMap<RewardId, reward::Decided>,
}

impl World {
    fn new(rule: AwardRule, facts: &[(u32, Fact)], page: usize) -> Self {
        let members: BTreeMap<MemberId, Member> = (0..12).map(reporter).map(|one| (one.id.clone(), one)).collect();
        let mut by_source: BTreeMap<Source, Vec<Fact>> = BTreeMap::new();
        for (who, fact) in facts {
            let source = match fact.what {
                What::Report { .. } => Source::Reports,
                What::Grade { .. } => Source::Grades,
                What::Outcome { .. } => Source::Outcomes,
                What::Task => Source::Tasks,
            };
            by_source.entry(source).or_default().push(Fact { member: reporter(*who).id, ..fact.clone() });
        }
        let id = run_id("quarter", quarter());
        let run = AwardRun::start(id, (3, &rule), date(2026, 10, 11), wednesday());
        let run = serde_json::to_string(&run).unwrap();
        Self { rule, facts: by_source, members, page, points: BTreeMap::new(), run, proposals: BTreeMap::new() }
    }

    fn load(&self) -> AwardRun {
        serde_json::from_str(&self.run).unwrap()
    }

    /// One step of a run as somebody has loaded it, who is killed after so many writes.
    fn step(&mut self, run: &AwardRun, writes: usize) -> Option<Did> {
        let mut left = writes;
        let did = self.work(run, &mut left)?;
        // Written under the condition that nobody else has.
        if let Some(after) = did.tell(run, &self.rule).unwrap()
            && left > 0
            && self.load().version == run.version
        {
            assert_eq!(after.version, run.version + 1);
            self.run = serde_json::to_string(&after).unwrap();
        }
        Some(did)
    }

    /// What a step does before the run is told; none when it was killed, or nothing is to do.
    fn work(&mut self, run: &AwardRun, writes: &mut usize) -> Option<Did> {
        let mut alive = || {
            let alive = *writes > 0;
            *writes = writes.saturating_sub(1);
            alive
        };
        let cut = |length: usize, cursor: Option<&str>, page: usize| {
            let from = cursor.map_or(0, |cursor| cursor.parse().unwrap());
            let to = length.min(from + page);
            (from..to, (to < length).then(|| to.to_string()))
        };
        let did = match run.todo() {
            Todo::Gather { source, page, cursor } => {
                let facts = self.facts.get(&source).cloned().unwrap_or_default();
                let (range, next) = cut(facts.len(), cursor, self.page);
                for fact in &facts[range] {
                    if !alive() {
                        return None;
                    }
                    let points = self.points.entry(fact.member.clone()).or_default();
                    let more = Points::of(fact, &self.rule, run.id.period, &shanghai());
                    *points = std::mem::take(points).merge(&more, &self.rule);
                }
                Did::Gather((source, page), next)
            }
            Todo::Rank { page, cursor } => {
                let (people, next) = self.people(cut(self.points.len(), cursor, self.page));
                Did::Rank(page, people, next)
            }
            Todo::Propose { from, winners } => {
                for winner in winners {
                    if !alive() {
                        return None;
                    }
                    self.propose(run, winner);
                }
                Did::Propose(from, winners.len())
            }
            Todo::ProposePage { page, cursor } => {
                let (people, next) = self.people(cut(self.points.len(), cursor, self.page));
                for winner in reaching(&people, &self.rule) {
                    if !alive() {
                        return None;
                    }
                    self.propose(run, &winner);
                }
                Did::ProposePage(page, people, next)
            }
            Todo::Nothing => return None,
        };
        Some(did)
    }

    fn people(&self, (range, next): (std::ops::Range<usize>, Option<String>)) -> (Vec<Entrant>, Option<String>) {
        let page = self.points.iter().skip(range.start).take(range.len());
        let people = page.filter_map(|(id, points)| Entrant::new(&self.members[id], points, &self.rule));
        (people.collect(), next)
    }

    fn propose(&mut self, run: &AwardRun, winner: &Winner) {
        let decided = run.proposal(winner, 0).unwrap();
        // The same run proposes the same, byte for byte.
        let known = self.proposals.entry(decided.reward.id).or_insert_with(|| decided.clone());
        assert_eq!(*known, decided);
    }

    fn finish(&mut self) {
        for _ in 0..1_000 {
            let run = self.load();
            if run.is_over() {
                return;
            }
            self.step(&run, usize::MAX);
        }
        panic!("{}", self.run);
    }
}

fn rule_of(kind: usize) -> AwardRule {
    if kind < TIES.len() { with_ties(TIES[kind]) } else { threshold() }
}

proptest! {
    #[test]
    fn runs_that_are_killed_and_run_at_once_end_like_one_that_is_not(
        facts in prop::collection::vec((0..12_u32, a_fact()), 0..120),
        page in 1..20_usize,
        kind in 0..=TIES.len(),
        schedule in prop::collection::vec((0..3_usize, any::<bool>(), 0..12_usize), 0..120),
    ) {
        let start = World::new(rule_of(kind), &facts, page);
        let mut straight = start.clone();
        straight.finish();
        let mut world = start;
        // Three at once; each acts on the run as it has loaded it, however long ago that was.
        let mut loaded = [world.load(), world.load(), world.load()];
        for (who, loads, writes) in schedule {
            if loads {
                loaded[who] = world.load();
            } else {
                world.step(&loaded[who].clone(), writes);
            }
        }
        world.finish();
        for stale in loaded {
            world.step(&stale, usize::MAX);
        }
        prop_assert_eq!(world.load(), straight.load());
        prop_assert_eq!(&world.points, &straight.points);
        prop_assert_eq!(&world.proposals, &straight.proposals);
        // One for each winner, and all that is counted.
        let run = straight.load();
        let rewarded: BTreeSet<&MemberId> =
            straight.proposals.values().map(|decided| &decided.reward.shares[0].member).collect();
        prop_assert_eq!(rewarded.len(), straight.proposals.len());
        prop_assert_eq!(run.proposed as usize, rewarded.len());
        let sum: u64 = straight.proposals.values().map(|decided| decided.reward.amount_fen).sum();
        prop_assert_eq!(run.proposed_fen, sum);
        // The same winners as with everything at hand.
        let mut by_member: BTreeMap<MemberId, Vec<Fact>> = BTreeMap::new();
        for (who, fact) in &facts {
            by_member.entry(reporter(*who).id).or_default().push(fact.clone());
        }
        let people: Vec<Entrant> = by_member.iter().filter_map(|(id, facts)| {
            let (points, reached_at) = naive(facts, &straight.rule).filter(|(points, _)| *points >= 5)?;
            let Member { id, pseudonym, node, .. } = straight.members[id].clone();
            Some(Entrant { member: id, pseudonym, node, points, reached_at })
        }).collect();
        let mut expected: Vec<(MemberId, u64)> = if kind < TIES.len() {
            naive_winners(&people, &straight.rule).into_iter().map(|(_, member, fen)| (member, fen)).collect()
        } else {
            people.iter().filter(|one| one.points >= 15).map(|one| (one.member.clone(), 5_000)).collect()
        };
        expected.sort();
        let mut found: Vec<(MemberId, u64)> = straight.proposals.values()
            .map(|decided| (decided.reward.shares[0].member.clone(), decided.reward.amount_fen)).collect();
        found.sort();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn what_was_done_before_changes_nothing_whenever_it_is_told_again() {
    for kind in 0..=TIES.len() {
        let mut world = World::new(rule_of(kind), &some_facts(), 4);
        let mut told: Vec<Did> = Vec::new();
        while !world.load().is_over() {
            let run = world.load();
            for did in &told {
                assert_eq!(did.tell(&run, &world.rule), Ok(None), "{did:?} of {told:?}");
            }
            told.extend(world.step(&run, usize::MAX));
        }
        assert!(told.len() > 10, "{told:?}");
        for did in &told {
            assert_eq!(did.tell(&world.load(), &world.rule), Ok(None), "{did:?}");
        }
    }
}

fn some_facts() -> Vec<(u32, Fact)> {
    (0..12_u32)
        .flat_map(|who| {
            (0..=i64::from(who % 5))
                .map(move |i| (who, fact(&format!("{who} {i}"), i64::from(who) * 10 + i, report(Category::Crime))))
        })
        .collect()
}

#[test]
fn people_are_shown_winners_by_pseudonym_alone() {
    let mut world = World::new(with_ties(Ties::Share { most: 9 }), &some_facts(), 5);
    let mut lists = Vec::new();
    while !world.load().is_over() {
        let run = world.load();
        world.step(&run, usize::MAX);
        lists.push(run.shown());
    }
    let done = world.load();
    lists.push(done.shown());
    assert!(lists[0].is_empty() && done.shown().len() == 6);
    assert_eq!(lists[lists.len() - 2], done.shown(), "the same while they are proposed");
    // Once it is done, not even the run itself knows who it was.
    for text in lists.iter().map(|list| serde_json::to_string(list).unwrap()).chain([world.run]) {
        assert!(!text.contains("resident-") && !text.contains("jianshan"), "{text}");
    }
}

#[test]
fn a_run_that_stumbles_again_and_again_fails_and_goes_on_when_somebody_says_so() {
    let world = World::new(quarterly(), &some_facts(), 5);
    let start = world.load();
    let mut run = start.clone();
    for _ in 1..MAX_STUMBLES {
        run = run.stumbled(wednesday());
        assert!(!run.is_over());
    }
    assert_eq!(run.todo(), start.todo());
    let Todo::Gather { source, page, .. } = start.todo() else { panic!() };
    let moved = run.gathered((source, page), Some("5".to_owned()), &world.rule, wednesday()).unwrap().unwrap();
    assert_eq!(moved.stumbles, 0, "it gets on");
    let failed = run.stumbled(wednesday());
    assert!(matches!(failed.at, RunState::Failed { failure: Failure::Stumbled, .. }) && failed.is_over());
    assert_eq!((failed.todo(), failed.version), (Todo::Nothing, u64::from(MAX_STUMBLES) + 2));
    assert_eq!(failed.gathered((source, page), None, &world.rule, wednesday()), Ok(None));
    assert_eq!(failed.failed(Failure::NoRule, wednesday()), failed);
    let resumed = failed.resumed(wednesday()).unwrap();
    assert_eq!((&resumed.at, resumed.stumbles), (&start.at, 0));
    assert_eq!(start.resumed(wednesday()), None);
    // What comes before its turn is nobody's step.
    for early in [
        start.gathered((source, page + 1), None, &world.rule, wednesday()),
        start.gathered((Source::Tasks, 0), None, &world.rule, wednesday()),
        start.ranked(0, &[], None, &world.rule, wednesday()),
        start.proposed(0, 0, wednesday()),
        start.proposed_page(0, &[], None, &world.rule, wednesday()),
    ] {
        assert!(matches!(early, Err(Error::Internal(_))), "{early:?}");
    }
}

#[test]
fn codes_and_commands_follow_from_the_run_and_the_member() {
    let ids = [
        run_id("quarter", quarter()),
        run_id("year", quarter()),
        run_id("quarter", Period { from: date(2026, 10, 1), to: date(2026, 12, 31) }),
        RunId { district: node("heping"), ..run_id("quarter", quarter()) },
    ];
    let mut seen = BTreeSet::new();
    for id in &ids {
        assert!(seen.insert(id.code()));
        for member in [reporter(1).id, reporter(2).id] {
            assert!(seen.insert(id.reward_id(&member, 0)) && seen.insert(id.reward_id(&member, 1)));
            assert_eq!(id.command(&member), id.clone().command(&member));
        }
    }
    let commands: BTreeSet<String> = ids.iter().map(|id| id.command(&reporter(1).id).to_string()).collect();
    assert_eq!(commands.len(), 4);
    // Written into records for good.
    assert_eq!(ids[0].reward_id(&reporter(1).id, 0).to_string(), "Z0WNX-P5VQ5");
}

#[test]
fn the_reward_of_an_award_is_agreed_to_and_paid_like_any_other() {
    let mut world = World::new(with_ties(Ties::Share { most: 9 }), &some_facts(), 5);
    world.finish();
    let content = content(vec![world.rule.clone()]);
    let proposed = world.proposals.values().find(|decided| decided.reward.award.as_ref().unwrap().rank == Some(3));
    let decided = proposed.unwrap().clone();
    let reward::Decided { reward, event, fund: None } = decided else { panic!() };
    let mut events = vec![event];
    let share = &reward.shares[0];
    assert_eq!(reward.matter, run_id("quarter", quarter()).code());
    assert_eq!((reward.state, reward.shares.len(), share.amount_fen), (RewardState::Proposed, 1, reward.amount_fen));
    assert_eq!(reward.node, node("hexi.jianshan.yulan"));
    let awarded = reward.award.clone().unwrap();
    let (sum_fen, people) = (awarded.shared.unwrap().sum_fen, awarded.shared.unwrap().people);
    assert_eq!(
        share.steps,
        [
            Step::Award { award: label("quarter"), points: 40, rank: Some(3), fen: sum_fen },
            Step::Tied { people, fen: share.amount_fen },
        ]
    );
    let json = serde_json::to_string(&reward).unwrap();
    assert_eq!(serde_json::from_str::<reward::Reward>(&json).unwrap(), reward);

    let manager = district_manager();
    let treasurer = member("treasurer", Role::Treasurer, "hexi");
    let owner = member(share.member.as_str(), Role::Reporter, "hexi.jianshan.yulan");
    let context = reward::Context {
        command: CommandId::new(&manager.id, uuid::Uuid::nil()),
        now: wednesday(),
        today: date(2026, 10, 12),
    };
    assert!(reward.is_seen_by(&treasurer) && reward.is_seen_by(&manager) && !reward.is_seen_by(&owner));
    // The caps and multipliers of reports change nothing.
    let befores = [Before { in_year: 0, in_month_fen: 100 }];
    let fund = Fund::empty(FundId { district: node("hexi"), year: 2026 });
    let agreed = reward.agree(&treasurer, &content, &befores, &fund, context).unwrap();
    events.push(agreed.event);
    let adjustment = |amount_fen| Adjustment { grade: None, amount_fen, weights: None, reason: "More.".to_owned() };
    assert_eq!(
        reward.adjust(&manager, &adjustment(Some(1)), &content, &befores, context),
        Err(Refusal::AwardIsFixed.into())
    );
    let waits = agreed.reward.agree(&manager, &content, &befores, &fund, context).unwrap();
    assert!(waits.reward.waits_for_fund && waits.fund.is_none());
    let grant = Posting {
        movement: Movement::Grant,
        amount_fen: 1_000_000,
        reward: None,
        reason: None,
        by: (&treasurer.id, treasurer.role),
        command: context.command,
        at: context.now,
    };
    let (fund, _) = fund.post(grant).unwrap();
    let approved = agreed.reward.agree(&manager, &content, &befores, &fund, context).unwrap();
    events.push(approved.event);
    let (fund, _) = approved.fund.unwrap();
    assert_eq!((fund.reserved_fen, approved.reward.state), (share.amount_fen, RewardState::Approved));
    let paid = approved.reward.pay(0, (&treasurer.id, treasurer.role), &fund, context).unwrap();
    events.push(paid.event);
    assert_eq!((paid.reward.state, paid.reward.shares[0].state), (RewardState::Settled, ShareState::Paid));
    assert_eq!(paid.fund.unwrap().0.paid_fen, share.amount_fen);
    verify_chain(&events, paid.reward.head).unwrap();
    // Declined, and appealed against.
    let declined = reward.decline(&manager, reward::DeclineReason::OnDuty, "Staff.", context).unwrap();
    let appealed = declined.reward.appeal(&owner, "I am none.", context).unwrap();
    assert_eq!((appealed.reward.state, appealed.reward.amount_fen), (RewardState::Proposed, reward.amount_fen));
}
