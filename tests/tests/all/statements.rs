//! What is told of a fund and to whom: the public, those who keep its accounts, a reporter; and what other
//! rules would have given.

use jiff::Timestamp;
use pingan_domain::{
    access::Opened,
    code::Code,
    command::{CommandId, Fingerprint},
    hash::Digest,
    ledger::{Fund, FundId, Movement, Posting},
    member::{MemberId, Role},
    report::{Category, Concerns},
    reward::{Context, Matter, Reporter, propose, reward_id},
    reward_rules::{Before, Merit, RulesContent},
};
use pingan_local::client::{Answer, Person};
use pingan_store::audit::Trail;
use pingan_store::rewards::{RewardCommit, RewardDone};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    handovers::Hand,
    harness::{DEMO, World, assert_says_nothing_of, expect, expect_problem},
    rewards::{granted, of_report, ruled, rules, to_try},
};

/// A ledger that is written without its rewards: what the API needs months for.
struct Book {
    world: World,
    fund: Fund,
    commands: u64,
}

impl Book {
    fn of(world: World, year: i16) -> Self {
        let id = FundId { district: "demo".parse().unwrap(), year };
        Self { world, fund: Fund::empty(id), commands: 0 }
    }

    async fn posts(&mut self, movement: Movement, amount_fen: u64, reason: Option<&str>, at: &str) {
        self.commands += 1;
        let treasurer = MemberId::parse("treasurer").unwrap();
        let key = Uuid::from_u64_pair(77, self.commands);
        let command = CommandId::new(&treasurer, key);
        let posting = Posting {
            movement,
            amount_fen,
            reward: movement.is_of_reward().then(|| Code::from_digest(&Digest::of(&[b"marker-reward"]))),
            reason: reason.map(str::to_owned),
            by: (&treasurer, Role::Treasurer),
            command,
            at: at.parse::<Timestamp>().unwrap(),
        };
        let (after, entry) = self.fund.post(posting).unwrap();
        let before = Some(&self.fund).filter(|fund| fund.version > 0);
        let done = RewardDone { command, fingerprint: Fingerprint::of(key, "test", "", &()).unwrap() };
        self.world.store().commit_fund(before, &after, &entry, &done).await.unwrap();
        self.fund = after;
    }

    async fn pays(&mut self, count: usize, at: &str) {
        for _ in 0..count {
            self.posts(Movement::Reserve, 3_000, None, at).await;
            self.posts(Movement::Pay, 3_000, None, at).await;
        }
    }
}

async fn summary(world: &World, year: i16) -> Answer {
    world.stranger().get(&format!("{DEMO}/funds/{year}/summary")).await.unwrap()
}

#[tokio::test]
async fn everybody_is_told_of_a_fund_what_tells_of_nobody() {
    let mut book = Book::of(World::start_here().await, 2037);
    // Whether it is another year, another district or none, the answer is the same.
    let nothing = summary(&book.world, 2037).await;
    expect_problem(&nothing, 404, "not_found");
    for other in ["/districts/elsewhere/funds/2037/summary", "/districts/nowhere/funds/2037/summary"] {
        let answer = book.world.stranger().get(other).await.unwrap();
        expect_problem(&answer, 404, "not_found");
        assert_eq!(answer.body, nothing.body);
    }

    book.posts(Movement::Grant, 1_000_000, Some("marker-grant"), "2037-01-05T02:00:00Z").await;
    book.pays(4, "2037-05-05T02:00:00Z").await;
    let told = expect(summary(&book.world, 2037).await, 200);
    assert_eq!(told.headers["cache-control"], "public, max-age=3600");
    assert_eq!(told.body, json!({ "district": "demo", "year": 2037, "granted_fen": 1_000_000, "closed": false }));

    book.pays(2, "2037-06-30T15:59:59Z").await;
    book.pays(5, "2037-06-30T16:00:00Z").await;
    // Within the hour the ledger is not read again, however often strangers ask.
    book.world.requests();
    assert_eq!(expect(summary(&book.world, 2037).await, 200).body, told.body);
    assert_eq!(book.world.requests(), Vec::<String>::new());
    book.world.set_clock("2037-08-12T02:30:00Z");
    // June is over; five were paid after it, when it was July in the district.
    let told = expect(summary(&book.world, 2037).await, 200);
    let paid = json!({
        "until": "2037-06-30", "payments": 6, "paid_fen": 18_000, "returned_fen": 0, "unpaid_fen": 982_000,
        "final": false,
    });
    assert_eq!(told.body["paid"], paid);
    assert_says_nothing_of(
        &told.body,
        &["marker", "treasurer", &Code::from_digest(&Digest::of(&[b"marker-reward"])).to_string()],
    );

    // What moves in this month is not told before it is over.
    book.pays(9, "2037-08-11T02:00:00Z").await;
    book.world.set_clock("2037-08-12T03:30:00Z");
    assert_eq!(expect(summary(&book.world, 2037).await, 200).body, told.body);
    book.world.set_clock("2037-09-01T01:30:00Z");
    let told = expect(summary(&book.world, 2037).await, 200);
    assert_eq!((&told.body["paid"]["until"], &told.body["paid"]["payments"]), (&json!("2037-07-31"), &json!(11)));
    // Who has signed in is told no more.
    let manager = book.world.person("district-police").await;
    let same = expect(manager.get(&format!("{DEMO}/funds/2037/summary")).await.unwrap(), 200);
    assert_eq!(same.body, told.body);
}

/// The lines of a file, each by its fields; the heading first.
fn lines(answer: &Answer) -> Vec<Vec<String>> {
    let text = answer.body.as_str().unwrap().strip_prefix('\u{feff}').expect("spreadsheets see that it is UTF-8");
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// A file of the ledger, as a person is given it.
async fn file(person: &Person, query: &str) -> Answer {
    let answer = expect(person.get(&format!("{DEMO}/funds/2037/entries.csv{query}")).await.unwrap(), 200);
    assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(answer.headers["cache-control"], "no-store");
    answer
}

#[tokio::test]
async fn the_ledger_as_a_file_is_what_the_list_shows_its_reader() {
    let mut book = Book::of(World::start_here().await, 2037);
    book.posts(Movement::Grant, 1_000_050, Some("=HYPERLINK(\"x\"), 文件12号"), "2037-01-05T02:00:00Z").await;
    book.posts(Movement::Reserve, 3_000, None, "2037-05-05T02:00:00Z").await;
    book.posts(Movement::Release, 3_000, Some("marker-why"), "2037-05-06T02:00:00Z").await;
    let (treasurer, manager) = (book.world.person("treasurer").await, book.world.person("district-governance").await);

    let whole = file(&manager, "").await;
    assert_eq!(whole.headers["content-disposition"], "attachment; filename=\"fund-demo-2037-after-0.csv\"");
    assert!(!whole.headers.contains_key("link"), "there is no more");
    let rows = lines(&whole);
    assert_eq!(rows[0][..8], ["number", "at", "movement", "from", "to", "amount_yuan", "amount_fen", "reward"]);
    assert_eq!(
        rows[1][..9],
        [
            "1",
            "2037-01-05T02:00:00Z",
            "grant",
            "grant",
            "available",
            "10000.50",
            "1000050",
            "",
            "'=HYPERLINK(\"x\"), 文件12号",
        ]
    );
    assert_eq!((rows[3][8].as_str(), rows[3][9].as_str()), ("marker-why", "treasurer"));
    // The chain goes from line to line, up to the fund as it stands.
    assert!(rows[1..].windows(2).all(|pair| pair[1][11] == pair[0][12]));
    assert_eq!(rows[3][12], book.fund.head.to_string());
    assert_eq!(rows.len(), 4);

    // Why a reward was taken back, and who did what, is not for a treasurer.
    let seen = lines(&file(&treasurer, "").await);
    assert_says_nothing_of(&seen, &["marker-why"]);
    assert!(seen[1..].iter().all(|row| row[9].is_empty()) && seen[1][8].ends_with("文件12号"));

    // Who took it out of the platform is on record; who was refused took nothing.
    let strange = book.world.person("officer-boatyard").await;
    expect_problem(&strange.get(&format!("{DEMO}/funds/2037/entries.csv")).await.unwrap(), 403, "wrong_role");
    let readings = book.world.store().readings(Trail::Fund(book.fund.id.clone()), 9).await.unwrap();
    let read: Vec<_> = readings.iter().map(|access| (access.seq, access.actor.as_str(), access.opened)).collect();
    assert_eq!(read, [(1, "district-governance", Opened::Ledger), (2, "treasurer", Opened::Ledger)]);
    assert_eq!(readings[1].previous, readings[0].hash);

    let rest = file(&treasurer, "?after=2").await;
    assert_eq!(lines(&rest)[1..], seen[3..]);
    assert_eq!(lines(&file(&treasurer, "?after=3").await).len(), 1, "nothing but the heading");
    // A part says whether another follows.
    let (store, id) = (book.world.store(), book.fund.id.clone());
    let part = async |after, limit| {
        let (entries, more) = store.entries_after(&id, after, limit).await.unwrap();
        (entries.into_iter().map(|entry| entry.seq).collect::<Vec<_>>(), more)
    };
    assert_eq!(part(0, 2).await, (vec![1, 2], true));
    assert_eq!(part(0, 3).await, (vec![1, 2, 3], false));
    assert_eq!(part(2, 2).await, (vec![3], false));
    assert_eq!(part(9, 2).await, (vec![], false));
}

#[tokio::test]
async fn a_reporter_has_a_file_of_what_is_theirs() {
    let world = World::start_here().await;
    ruled(&world).await;
    let report = crate::handovers::adopted(&world).await;
    let reward = of_report(&world, &report).await;
    let mine = world.person("reporter-boatyard-1").await;
    let rows = lines(&expect(mine.get("/me/rewards.csv").await.unwrap(), 200));
    assert_eq!(rows[0][..4], ["reward", "report", "proposed_at", "state"]);
    assert_eq!((&rows[1][0], &rows[1][1], &*rows[1][3]), (&reward, &report, "proposed"));
    assert_eq!(rows[1][4..7], ["no", "30.00", "3000"]);
    let other = world.person("reporter-boatyard-2").await;
    assert_eq!(lines(&expect(other.get("/me/rewards.csv").await.unwrap(), 200)).len(), 1);
}

#[tokio::test]
async fn rules_are_tried_against_what_was_proposed_and_nothing_is_written() {
    let world = World::start_here().await;
    ruled(&world).await;
    let manager = Hand::of(&world, "district-police").await;
    let other = Hand::of(&world, "district-governance").await;
    let (first, second) = (crate::handovers::adopted(&world).await, crate::handovers::adopted(&world).await);
    let (first, second) = (of_report(&world, &first).await, of_report(&world, &second).await);
    let steps = async |hand: &Hand, id: &str, step: &Value| {
        let path = format!("{DEMO}/rewards/{id}");
        let version = hand.person.get(&path).await.unwrap().version();
        expect(hand.person.post(&format!("{path}/steps"), hand.keys.next(), version, step).await.unwrap(), 200)
    };
    steps(&other, &first, &json!({ "step": "adjust", "amount_fen": 4_500, "reason": "It saved a day." })).await;
    for (hand, id) in [(&manager, &second), (&other, &second)] {
        steps(hand, id, &json!({ "step": "agree" })).await;
    }
    let before = everything(&manager.person).await;

    let tries = async |body: &Value| {
        let path = format!("{DEMO}/reward-rules/dry-run");
        expect(manager.person.post(&path, manager.keys.next(), None, body).await.unwrap(), 200).body
    };
    // By the rules of then it comes to what was proposed.
    let mut body = to_try(&world);
    let same = tries(&body).await;
    let all = json!({
        "rewards": 2, "ended": 0, "shares": 2, "least_fen": 6_000, "most_fen": 10_000, "proposed_fen": 6_000,
        "amount_fen": 7_500, "approved_fen": 3_000, "paid_fen": 0,
    });
    assert_eq!((&same["all"], &same["truncated"], &same["period_awards"]), (&all, &json!(false), &json!(0)));
    assert_eq!(same["groups"].as_array().unwrap().len(), 1);
    assert_eq!((&same["groups"][0]["rule"], &same["groups"][0]["rewards"]), (&json!("adopted"), &json!(2)));
    assert_eq!(
        same["not_known"],
        json!(["choices", "caps_and_multipliers", "never_proposed", "grades", "period_awards"])
    );
    assert_says_nothing_of(&same, &[&first, &second, "reporter"]);

    // By others: so much for each, twice as much for the first.
    body["content"]["rules"][1]["amount"] = json!({ "as": "fixed", "fen": 8_000 });
    body["content"]["multipliers"] = json!([{ "nth": 1, "percent": 200 }]);
    let dearer = tries(&body).await;
    assert_eq!((&dearer["all"]["least_fen"], &dearer["all"]["most_fen"]), (&json!(32_000), &json!(32_000)));
    assert_eq!(dearer["all"]["proposed_fen"], 6_000);
    // By rules that no longer reward it.
    body["content"]["rules"].as_array_mut().unwrap().truncate(1);
    let none = tries(&body).await;
    assert_eq!((&none["groups"][0]["rule"], &none["all"]["least_fen"]), (&Value::Null, &json!(0)));
    assert_eq!(none["all"]["rewards"], 2);
    // In another month nothing was proposed.
    let (from, to) = ("2037-06-01", "2037-08-11");
    let earlier = json!({ "from": from, "to": to, "content": rules("2037-08-12")["content"] });
    assert_eq!(tries(&earlier).await["all"]["rewards"], 0);
    assert_eq!(everything(&manager.person).await, before);
}

/// What a dry run could have changed.
async fn everything(person: &Person) -> Vec<Value> {
    let mut found = Vec::new();
    for path in ["/rewards?limit=100", "/reward-rules", "/funds/2037", "/funds/2037/entries"] {
        found.push(expect(person.get(&format!("{DEMO}{path}")).await.unwrap(), 200).body);
    }
    found
}

/// More than one batch of rewards, of which the oldest are tried when there are too many.
#[tokio::test]
async fn the_rewards_of_a_period_are_read_by_batches_up_to_a_bound() {
    const REWARDS: usize = 130;
    let world = World::start_here().await;
    granted(&world, 1_000).await;
    let store = world.store();
    let content: RulesContent = serde_json::from_value(rules("2037-08-12")["content"].clone()).unwrap();
    let begins: Timestamp = "2037-07-01T00:00:00Z".parse().unwrap();
    let at = |i: usize| begins + jiff::SignedDuration::from_secs(i64::try_from(i).unwrap());
    for i in 0..REWARDS {
        let report = Code::from_digest(&Digest::of(&[b"report", &i.to_be_bytes()]));
        let member = MemberId::parse("reporter-ferry-1").unwrap();
        let matter = Matter {
            report,
            node: "demo.river.ferry".parse().unwrap(),
            concerns: Concerns::Nobody,
            reviewers: Vec::new(),
            merit: Merit { category: Category::Hazard, grade: None, outcome: None },
            reporters: vec![Reporter { report, member: member.clone(), pseudonym: report }],
        };
        let command = CommandId::new(&member, Uuid::from_u64_pair(5, i as u64));
        let context = Context { command, now: at(i), today: "2037-07-01".parse().unwrap() };
        let decided = propose(reward_id(report, 0), matter, (1, &content), &[Before::default()], context);
        let decided = decided.unwrap().unwrap();
        store.commit_reward(&decided, &RewardCommit::default()).await.unwrap();
    }
    let district = "demo".parse().unwrap();
    let read = async |from, until, limit| {
        let (found, more) = store.rewards_between(&district, (from, until), limit).await.unwrap();
        (found.iter().map(|reward| reward.created_at).collect::<Vec<_>>(), more)
    };
    let all: Vec<_> = (0..REWARDS).map(at).collect();
    assert_eq!(read(at(0), at(REWARDS), REWARDS).await, (all.clone(), false));
    assert_eq!(read(at(0), at(REWARDS), REWARDS - 1).await, (all[..REWARDS - 1].to_vec(), true));
    assert_eq!(read(at(3), at(5), 100).await, (all[3..5].to_vec(), false), "until before the last moment");
    assert_eq!(read(at(REWARDS), at(REWARDS + 9), 100).await, (vec![], false));
}
