//! Period awards: counted from what was done, ranked, proposed once, whoever counts and however often.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use pingan_domain::{
    award::{Entrant, Fact, MAX_PAGE, Points, Ranking, What},
    award_rules::{AwardRule, Source},
    award_run::{AwardRun, Failure, RunId, RunStage, RunState},
    briefing::Period,
    code::Code,
    command::{CommandId, Fingerprint},
    district::Label,
    hash::Digest,
    member::{Member, MemberId, MemberState, Role},
    membership::Profile,
    report::Category,
    reward::{Reward, RewardEvent, verify_chain},
    reward_rules::Rules,
    tally::{begins, day},
};
use pingan_local::bundle::Bundle;
use pingan_store::{Key, item::encode};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
    harness::{DEMO, World, assert_says_nothing_of, dynamodb, each, expect, expect_problem},
    rewards::{of_report, rules},
    tasks::{LANTERN, task},
};

/// A reporter who has not taken part in anything else of these tests.
const OTHERS: &str = "reporter-lantern";

/// The award of each quarter: what was adopted, graded, confirmed and answered, and a tie that is shared.
fn quarterly() -> Value {
    json!({
        "label": "quarter", "name": { "zh_cn": "季度积分奖", "en": "Quarterly award" },
        "over": { "period": "quarter" }, "days_after": 5, "min_points": 5,
        "points": [
            { "each": { "of": "report" }, "points": 10, "cap": 100 },
            { "each": { "of": "grade", "grades": ["major"] }, "points": 5, "cap": 50 },
            { "each": { "of": "outcome" }, "points": 20, "cap": 100 },
            { "each": { "of": "task" }, "points": 3, "cap": 30 },
        ],
        "winners": {
            "by": "rank", "ties": { "rule": "share", "most": 10 },
            "tiers": [{ "from": 1, "to": 1, "fen": 30_000 }, { "from": 2, "to": 2, "fen": 20_001 }, { "from": 3, "to": 3, "fen": 10_000 }],
        },
    })
}

fn with_awards(valid_from: &str, awards: &Value) -> Value {
    let mut rules = rules(valid_from);
    rules["content"]["awards"] = awards.clone();
    rules["content"]["grades"] = json!([{ "label": "major", "name": { "zh_cn": "重大", "en": "Major" } }]);
    rules
}

/// A district in August whose rules have the award of the quarter.
async fn opened() -> World {
    let world = World::start_here().await;
    let manager = world.manager("district-police").await;
    expect(manager.tries("/reward-rules", &with_awards("2037-08-12", &json!([quarterly()]))).await, 201);
    let grant = json!({ "movement": "grant", "amount_fen": 1_000_000, "reason": "Budget, document 12." });
    let path = format!("{DEMO}/funds/2037/movements");
    expect(manager.person.post(&path, manager.keys.next(), Some(0), &grant).await.unwrap(), 200);
    world
}

async fn adopts(world: &World, reporter: &str, text: &str) -> String {
    let (community, _) = reporter.rsplit_once('-').unwrap();
    let person =
        if reporter.ends_with("-1") { world.reporter(community).await } else { world.neighbour(community).await };
    let code = person.reports(text).send().await;
    world.officer(community).await.approves(&code).await;
    world.station("river").await.approves(&code).await;
    world.district().await.approves(&code).await;
    code
}

/// The rewards of period awards that were proposed in the district.
async fn proposed(world: &World) -> Vec<Reward> {
    let run = world.store().award_runs(&"demo".parse().unwrap()).await.unwrap().remove(0);
    let mut found = Vec::new();
    for winner in expect(world.manager("district-police").await.asks_for("/rewards?limit=100").await, 200).body["items"]
        .as_array()
        .unwrap()
    {
        let id: Code = winner["id"].as_str().unwrap().parse().unwrap();
        let reward = world.store().load([Key::Reward(id)]).await.unwrap().reward(id).unwrap().unwrap();
        if reward.award.is_some() {
            assert_eq!(reward.matter, run.id.code());
            found.push(reward);
        }
    }
    found.sort_by_key(|reward| (std::cmp::Reverse(reward.amount_fen), reward.shares[0].member.clone()));
    found
}

async fn runs(world: &World, reader: &str) -> Value {
    expect(world.person(reader).await.get(&format!("{DEMO}/awards")).await.unwrap(), 200).body
}

fn winners(world: &[Reward]) -> Vec<(String, u64)> {
    world.iter().map(|reward| (reward.shares[0].member.to_string(), reward.amount_fen)).collect()
}

#[tokio::test]
async fn what_was_done_in_a_quarter_is_counted_ranked_and_rewarded_once() {
    let world = opened().await;
    // Ferry 1: two reports, a grade, an outcome. Ferry 2 and Boatyard 1: a report each. Lantern 1: a task.
    let first = adopts(&world, "ferry-1", "marker-text").await;
    adopts(&world, "ferry-1", "Loose paving.").await;
    world.wait_minutes(1);
    adopts(&world, "ferry-2", "A broken lamp.").await;
    adopts(&world, "boatyard-1", "Gas bottles.").await;
    let reward = of_report(&world, &first).await;
    let police = world.manager("district-police").await;
    let path = format!("{DEMO}/rewards/{reward}/steps");
    let adjust = json!({ "step": "adjust", "grade": "major", "reason": "It saved a life." });
    let version = police.asks_for(&format!("/rewards/{reward}")).await.version();
    expect(police.person.post(&path, police.keys.next(), version, &adjust).await.unwrap(), 200);
    let outcome = crate::outcomes::recorded(&world, "ferry", &first).await;
    let governance = world.manager("district-governance").await;
    let seen = governance.asks_for(&format!("/outcomes/{outcome}")).await.version();
    let confirm = json!({ "step": "confirm" });
    let steps = format!("{DEMO}/outcomes/{outcome}/steps");
    expect(governance.person.post(&steps, governance.keys.next(), seen, &confirm).await.unwrap(), 200);
    let asked = world.manager("officer-lantern").await.sends_task(&task(&world, &[LANTERN])).await;
    let lantern = world.reporter("lantern").await;
    for answer in ["是", "否"] {
        world.wait_minutes(1);
        expect(lantern.answers_task(&asked, &json!({ "seen": answer })).await, 200);
    }

    // What was done twice has one moment: the first.
    let facts = async |source| {
        let (district, zone) = ("demo".parse().unwrap(), TimeZone::get("Asia/Shanghai").unwrap());
        let period = Period { from: "2037-07-01".parse().unwrap(), to: "2037-09-30".parse().unwrap() };
        world.store().facts((source, &district), period, &zone, None).await.unwrap().0
    };
    let confirmed = facts(Source::Outcomes).await;
    assert_eq!(confirmed.iter().map(|fact| fact.member.as_str()).collect::<Vec<_>>(), ["reporter-ferry-1"]);
    world.wait_minutes(60);
    let correct = json!({
        "step": "correct", "kind": "suspects_arrested", "count": 2, "on": "2026-08-11", "evidence": "The court's list.",
    });
    for (manager, step) in [(&police, &correct), (&governance, &confirm)] {
        let seen = manager.asks_for(&format!("/outcomes/{outcome}")).await.version();
        expect(manager.person.post(&steps, manager.keys.next(), seen, step).await.unwrap(), 200);
    }
    assert_eq!(facts(Source::Outcomes).await, confirmed);
    let [task_fact] = &facts(Source::Tasks).await[..] else { panic!("one task was answered, twice") };
    assert_eq!((&task_fact.what, task_fact.member.as_str()), (&What::Task, "reporter-lantern-1"));

    // Five whole days after the quarter are waited for.
    world.set_clock("2037-10-05T23:59:00+08:00");
    world.bundle().run_awards().await.unwrap();
    assert_eq!(runs(&world, "district-police").await["items"], json!([]));
    world.set_clock("2037-10-06T00:01:00+08:00");
    world.bundle().run_awards().await.unwrap();
    let rewards = proposed(&world).await;
    // Two who are level share what the second and the third rank get; the odd fen goes by pseudonym.
    let expected = [("reporter-ferry-1", 30_000), ("reporter-boatyard-1", 15_001), ("reporter-ferry-2", 15_000)];
    let mut of_level = winners(&rewards);
    assert_eq!(of_level[0], ("reporter-ferry-1".to_owned(), 30_000));
    assert_eq!(of_level.iter().map(|(_, fen)| fen).sum::<u64>(), 60_001);
    of_level.sort();
    let mut names: Vec<_> = expected.iter().map(|(name, _)| (*name).to_owned()).collect();
    names.sort();
    assert_eq!(of_level.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(), names);
    let awarded = rewards[0].award.as_ref().unwrap();
    assert_eq!((awarded.points, awarded.rank), (45, Some(1)));

    // Counted again, by many at once and on later days, nothing more is proposed.
    futures::future::join_all((0..16).map(|_| world.bundle().run_awards())).await.into_iter().for_each(Result::unwrap);
    world.set_clock("2037-10-20T00:01:00+08:00");
    world.bundle().run_awards().await.unwrap();
    assert_eq!(proposed(&world).await, rewards);

    // People see the rule and pseudonyms; a treasurer sees none.
    let shown = runs(&world, "district-governance").await;
    let run = &shown["items"][0];
    assert_eq!((&run["state"], &run["proposed"], &run["proposed_fen"]), (&json!("done"), &json!(3), &json!(60_001)));
    assert_eq!(run["rule"]["winners"]["ties"], json!({ "rule": "share", "most": 10 }));
    assert_eq!(run["winners"][0]["pseudonym"], rewards[0].shares[0].pseudonym.to_string());
    assert_eq!(run["winners"].as_array().unwrap().iter().map(|one| &one["rank"]).collect::<Vec<_>>(), [1, 2, 2]);
    assert_says_nothing_of(&shown, &["reporter-", "marker", OTHERS]);
    let treasurer = runs(&world, "treasurer").await;
    assert_says_nothing_of(&treasurer, &["pseudonym", "reporter-"]);
    assert_eq!(runs(&world, "auditor").await["items"][0]["winners"], run["winners"]);

    // It is agreed and reserved like any other, and whoever has won it sees it.
    let id = rewards[0].id.to_string();
    let agree = json!({ "step": "agree" });
    for manager in [&governance, &police] {
        let version = manager.asks_for(&format!("/rewards/{id}")).await.version();
        let path = format!("{DEMO}/rewards/{id}/steps");
        expect(manager.person.post(&path, manager.keys.next(), version, &agree).await.unwrap(), 200);
    }
    let read = expect(police.asks_for(&format!("/rewards/{id}")).await, 200).body;
    let for_what = json!({ "label": "quarter", "from": "2037-07-01", "to": "2037-09-30", "points": 45, "rank": 1 });
    assert_eq!((&read["award"], &read["state"]), (&for_what, &json!("approved")));
    let fund = expect(police.asks_for("/funds/2037").await, 200).body;
    assert_eq!((&fund["reserved_fen"], &fund["available_fen"]), (&json!(30_000), &json!(970_000)));
    let mine = expect(world.person("reporter-ferry-1").await.get("/me/rewards").await.unwrap(), 200).body;
    let won = mine["items"].as_array().unwrap().iter().find(|item| item["id"] == *id).expect("their own");
    assert_eq!((&won["state"], &won["amount_fen"]), (&json!("reserved"), &json!(30_000)));
    assert_eq!((&won["arithmetic"][0]["points"], won.get("report")), (&json!(45), None));
}

#[tokio::test]
async fn points_for_tasks_over_longer_than_their_answers_are_kept_are_refused() {
    let world = World::start_here().await;
    let manager = world.manager("district-police").await;
    let mut award = quarterly();
    award["over"] = json!({ "period": "year" });
    let refused = manager.tries("/reward-rules", &with_awards("2037-08-12", &json!([award]))).await;
    expect_problem(&refused, 400, "invalid");
    assert_eq!(each(&refused.body["errors"], "pointer"), ["/content/awards/0/points/3/each"]);
}

// ── A run that fails ───────────────────────────────────────────────────────────────────────────────────────────────

/// A run of the district that has failed, of an award that no rules have; gives its path.
pub(crate) async fn failed(world: &World) -> String {
    let today = crate::rewards::today(world);
    let period = Period { from: today.yesterday().unwrap(), to: today.yesterday().unwrap() };
    // In a deployment that many tests share, each has its own.
    let label = format!("stage-{:08x}", Uuid::new_v4().as_fields().0);
    let id = RunId { district: "demo".parse().unwrap(), award: Label::parse(&label).unwrap(), period };
    let rule: AwardRule = serde_json::from_value(stage(period)).unwrap();
    let now = world.now().unwrap_or_else(Timestamp::now);
    let run = AwardRun::start(id.clone(), (1, &rule), today, now);
    assert!(world.store().put_award_run(0, &run).await.unwrap());
    assert!(world.store().put_award_run(1, &run.failed(Failure::Stumbled, now)).await.unwrap());
    format!("{DEMO}/awards/{label}/{}/{}", period.from, period.to)
}

/// An award of these days for reports: the best sixty.
pub(crate) fn stage(period: Period) -> Value {
    json!({
        "label": "stage", "name": { "zh_cn": "阶段奖", "en": "Stage award" },
        "over": { "period": "stage", "from": period.from.to_string(), "to": period.to.to_string() },
        "points": [{ "each": { "of": "report" }, "points": 10, "cap": 100 }], "min_points": 10,
        "winners": {
            "by": "rank", "tiers": [{ "from": 1, "to": 60, "fen": 5_000 }], "ties": { "rule": "earlier" },
        },
    })
}

#[tokio::test]
async fn a_run_that_has_failed_goes_on_when_somebody_says_so() {
    let world = World::start_here().await;
    let run = failed(&world).await;
    let path = format!("{run}/steps");
    // Nobody has written rules: the run cannot go on, and says so.
    world.bundle().run_awards().await.unwrap();
    let (treasurer, keys) = (world.person("treasurer").await, world.keys("treasurer"));
    let resume = json!({ "step": "resume" });
    let key = keys.next();
    assert_eq!(expect(treasurer.get(&run).await.unwrap(), 200).version(), Some(2));
    let run = runs(&world, "treasurer").await["items"][0].clone();
    assert_eq!((&run["state"], &run["failure"], &run["version"]), (&json!("failed"), &json!("stumbled"), &json!(2)));
    expect_problem(&treasurer.post(&path, keys.next(), Some(1), &resume).await.unwrap(), 412, "version_stale");
    let mut resuming = JoinSet::new();
    for _ in 0..16 {
        let (treasurer, path, resume) = (treasurer.clone(), path.clone(), resume.clone());
        resuming.spawn(async move { treasurer.post(&path, key, Some(2), &resume).await.unwrap() });
    }
    for answer in resuming.join_all().await {
        let answer = expect(answer, 200);
        assert_eq!((answer.text("/state"), answer.version()), ("gathering", Some(3)));
    }
    let other = treasurer.post(&path, key, Some(3), &json!({ "step": "other" })).await.unwrap();
    expect_problem(&other, 400, "invalid");
    expect_problem(&treasurer.post(&path, keys.next(), Some(3), &resume).await.unwrap(), 409, "wrong_run_state");
    let error = world.bundle().run_awards().await.unwrap_err().to_string();
    assert!(error.contains("has no award stage"), "{error}");
    let run = runs(&world, "district-police").await["items"][0].clone();
    assert_eq!((&run["state"], &run["failure"]), (&json!("failed"), &json!("no_rule")));
    // Once it is over, it alarms nobody any more.
    world.bundle().run_awards().await.unwrap();
}

// ── Many people ────────────────────────────────────────────────────────────────────────────────────────────────────

/// People and what they have done, in the days before today.
pub(crate) struct Crowd {
    pub(crate) id: RunId,
    pub(crate) rule: AwardRule,
    members: Vec<Member>,
    facts: Vec<Fact>,
}

fn zone() -> TimeZone {
    TimeZone::get("Asia/Shanghai").unwrap()
}

impl Crowd {
    /// Writes so many people, of whom each has one to three reports, the rules, and a run that is just started.
    pub(crate) async fn gathers(bundle: &Bundle, people: usize) -> Self {
        let (now, store) = (bundle.clock.now(), &bundle.store);
        let today: Date = day(now, &zone());
        let minus = |days: i64| today.checked_sub(SignedDuration::from_hours(24 * days)).unwrap();
        let period = Period { from: minus(10), to: minus(1) };
        let id = RunId { district: "demo".parse().unwrap(), award: Label::parse("stage").unwrap(), period };
        let rule: AwardRule = serde_json::from_value(stage(period)).unwrap();
        let content = with_awards("2037-08-12", &json!([stage(period)]))["content"].clone();
        let manager = MemberId::parse("district-police").unwrap();
        let rules = Rules {
            district: id.district.clone(),
            version: 1,
            valid_from: period.from,
            content: serde_json::from_value(content).unwrap(),
            made_at: now,
            command: CommandId::new(&manager, Uuid::from_u128(1)),
            fingerprint: Fingerprint::of(Uuid::nil(), "rules", "demo", &1).unwrap(),
            made_by: manager,
        };
        store.add_rules(&rules).await.unwrap();
        let mut crowd = Self { rule, id, members: Vec::new(), facts: Vec::new() };
        let start = begins(period.from, &zone()).unwrap();
        for number in 0..people {
            let pseudonym = Code::from_digest(&Digest::of(&[b"crowd", &number.to_be_bytes()]));
            let member = Member {
                id: MemberId::of_pseudonym(pseudonym),
                pseudonym,
                role: Role::Reporter,
                node: "demo.river.ferry".parse().unwrap(),
                body: None,
                agency: None,
                // Some may not act any more: they win nothing.
                state: if number % 50 == 7 { MemberState::Suspended } else { MemberState::Active },
            };
            // The later ones have as much as the earlier ones, and had it later.
            for report in 0..=usize::from(number % 9 == 2) + usize::from(number % 31 == 5) {
                let seconds = i64::try_from(number * 31 % people + report * people).unwrap();
                let at = start.checked_add(SignedDuration::from_secs(seconds)).unwrap();
                let code = Code::from_digest(&Digest::of(&[b"report", &number.to_be_bytes(), &report.to_be_bytes()]));
                let what = What::Report { category: Category::Hazard };
                crowd.facts.push(Fact { member: member.id.clone(), id: code, at, what });
            }
            crowd.members.push(member);
        }
        let profiles: Vec<_> = crowd.members.iter().map(|member| Profile::seeded(member.clone(), now)).collect();
        store.add_members(&profiles).await.unwrap();
        crowd.writes_facts(bundle).await;
        let run = AwardRun::start(crowd.id.clone(), (1, &crowd.rule), today, now);
        assert!(store.put_award_run(0, &run).await.unwrap());
        crowd
    }

    async fn writes_facts(&self, bundle: &Bundle) {
        use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
        let raw = dynamodb(&bundle.dynamodb_url, "us-east-1");
        for batch in self.facts.chunks(25) {
            let requests = batch.iter().map(|fact| {
                let key = Key::AdoptedFact(self.id.district.clone(), fact.at, fact.id);
                let record = json!({ "of": "report", "reporter": fact.member, "category": "hazard" });
                let put = PutRequest::builder().set_item(Some(encode(&key, &record).unwrap())).build().unwrap();
                WriteRequest::builder().put_request(put).build()
            });
            let table = bundle.store.tables().rewards.clone();
            raw.batch_write_item().request_items(table, requests.collect()).send().await.unwrap();
        }
    }

    /// What the pure rules say: who wins how much.
    fn ranked(&self) -> Vec<(MemberId, u64)> {
        let mut ranking = Ranking::new(self.rule.keeps().unwrap());
        let entrants: Vec<Entrant> = self
            .members
            .iter()
            .filter_map(|member| {
                let mine = self.facts.iter().filter(|fact| fact.member == member.id);
                let points = mine.fold(Points::default(), |points, fact| {
                    points.merge(&Points::of(fact, &self.rule, self.id.period, &zone()), &self.rule)
                });
                Entrant::new(member, &points, &self.rule)
            })
            .collect();
        for (page, people) in (0_u32..).zip(entrants.chunks(MAX_PAGE)) {
            assert!(ranking.take(page, people).unwrap());
        }
        ranking.winners(&self.rule).into_iter().map(|winner| (winner.member, winner.amount_fen)).collect()
    }
}

/// All that a run leaves behind: who had how many points, whom it proposed, and every reward with its history.
#[derive(Debug, PartialEq)]
pub(crate) struct Left {
    points: Vec<Entrant>,
    winners: Vec<pingan_domain::award::Shown>,
    proposed: (u32, u64),
    rewards: Vec<(Reward, Vec<RewardEvent>)>,
}

impl Left {
    pub(crate) async fn by(bundle: &Bundle, crowd: &Crowd) -> Self {
        let store = &bundle.store;
        let run = store.award_run(&crowd.id).await.unwrap().unwrap();
        assert_eq!(run.stage(), RunStage::Done, "{:?}", run.at);
        let RunState::Done { winners } = run.at else { panic!("it is done") };
        let (mut points, mut cursor) = (Vec::new(), None::<String>);
        for _ in 0..100 {
            let (page, next) = store.entrants(&crowd.id, &crowd.rule, cursor.as_deref()).await.unwrap();
            points.extend(page);
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        let (mut rewards, mut cursor) = (Vec::new(), None::<String>);
        let (district, reader) = (crowd.id.district.clone(), MemberId::parse("district-police").unwrap());
        for _ in 0..100 {
            let list = pingan_store::rewards::RewardList::District(&district);
            let (page, next) = store.rewards(list, &reader, 100, cursor.as_deref()).await.unwrap();
            for summary in page {
                let history = store.reward_history(summary.id).await.unwrap().unwrap();
                assert_eq!(verify_chain(&history.events, history.reward.head), Ok(()));
                rewards.push((history.reward, history.events));
            }
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        rewards.sort_by_key(|(reward, _)| reward.id);
        Self { points, winners, proposed: (run.proposed, run.proposed_fen), rewards }
    }

    /// That exactly those are rewarded whom the pure rules say.
    pub(crate) fn check(&self, crowd: &Crowd) {
        let mut expected = crowd.ranked();
        assert_eq!(self.winners.len(), expected.len());
        let mut found: Vec<_> =
            self.rewards.iter().map(|(reward, _)| (reward.shares[0].member.clone(), reward.amount_fen)).collect();
        expected.sort();
        found.sort();
        assert_eq!(found, expected);
        let sum = expected.iter().map(|(_, fen)| fen).sum::<u64>();
        assert_eq!(self.proposed, (u32::try_from(expected.len()).unwrap(), sum));
    }
}

#[expect(clippy::print_stdout, reason = "how long it took is worth knowing")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_are_counted_by_pages_and_over_several_starts_as_the_rules_say() {
    const PEOPLE: usize = 3_200;
    let world = World::start_here().await;
    let crowd = Crowd::gathers(world.bundle(), PEOPLE).await;
    // One without time takes one step, and the next goes on.
    let mut impatient = world.bundle().awards().clone();
    impatient.patience = std::time::Duration::ZERO;
    let begun = Instant::now();
    for version in 2..5 {
        impatient.handle(award_run::Start {}).await.unwrap();
        let run = world.store().award_run(&crowd.id).await.unwrap().unwrap();
        assert_eq!((run.version, run.stage()), (version, RunStage::Gathering));
    }
    // The rest is done by several at once.
    let at_once = (0..2).map(|_| world.bundle().run_awards());
    futures::future::join_all(at_once).await.into_iter().for_each(Result::unwrap);
    println!(
        "{} facts of {PEOPLE} people were counted, ranked and proposed in {:?}",
        crowd.facts.len(),
        begun.elapsed()
    );
    let left = Left::by(world.bundle(), &crowd).await;
    left.check(&crowd);
    // Once more, and nothing changes.
    world.bundle().run_awards().await.unwrap();
    assert_eq!(Left::by(world.bundle(), &crowd).await, left);
}
