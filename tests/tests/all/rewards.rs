//! Rewards and the fund: proposed of themselves, agreed by two, reserved in the fund, and never more than it has.

use pingan_domain::ledger::{Fund, FundId};
use pingan_local::client::{Answer, Person};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::{DEMO, Keys, World, assert_says_nothing_of, each, eventually, expect, expect_problem};

/// How many at once.
const MANY: usize = 16;
/// The year of the tests' clock.
const FUND: &str = "/districts/demo/funds/2037";

/// Rules by which an adopted hazard or crime is worth 30 to 50 yuan and a removed hazard 100, agreed by both bodies.
pub(crate) fn rules(valid_from: &str) -> Value {
    let both =
        json!([{ "role": "district_manager", "body": "police" }, { "role": "district_manager", "body": "governance" }]);
    json!({
        "valid_from": valid_from,
        "content": {
            "rules": [
                {
                    "label": "removed", "name": { "zh_cn": "消除隐患", "en": "Hazard removed" },
                    "earned_by": { "by": "outcome" },
                    "amount": { "as": "each", "fen": 10_000, "max_fen": 50_000 },
                },
                {
                    "label": "adopted", "name": { "zh_cn": "采用", "en": "Adopted" },
                    "categories": ["hazard", "crime"], "earned_by": { "by": "adoption" },
                    "amount": { "as": "range", "min_fen": 3_000, "max_fen": 5_000 },
                },
            ],
            "together": "shares",
            "tiers": [{ "agree": both }],
            "claim_days": 90,
        },
    })
}

/// Today in the district.
pub(crate) fn today(world: &World) -> jiff::civil::Date {
    let now = world.now().unwrap_or_else(jiff::Timestamp::now);
    now.in_tz("Asia/Shanghai").unwrap().date()
}

/// The same rules, as they are tried against the rewards of a month until today.
pub(crate) fn to_try(world: &World) -> Value {
    let to = today(world);
    let from = to.checked_sub(jiff::Span::new().days(30)).unwrap();
    json!({ "from": from, "to": to, "content": rules("2037-08-12")["content"] })
}

/// The fund of this year.
pub(crate) fn fund(world: &World) -> String {
    format!("{DEMO}/funds/{}", today(world).year())
}

/// Writes the rules, and grants a fund.
pub(crate) async fn ruled(world: &World) {
    ruled_with(world, 1_000_000).await;
}

/// Writes the rules, and grants a fund of so much.
pub(crate) async fn ruled_with(world: &World, fen: u64) {
    let manager = world.manager("district-police").await;
    expect(manager.tries("/reward-rules", &rules(&today(world).to_string())).await, 201);
    granted(world, fen).await;
}

/// Grants so much for this year, for which nothing was granted yet.
pub(crate) async fn granted(world: &World, amount_fen: u64) {
    let manager = world.manager("district-police").await;
    let grant = json!({ "movement": "grant", "amount_fen": amount_fen, "reason": "Budget, document 12." });
    let path = format!("{}/movements", fund(world));
    expect(manager.person.post(&path, manager.keys.next(), Some(0), &grant).await.unwrap(), 200);
}

/// The reward that was proposed for a report.
pub(crate) async fn of_report(world: &World, report: &str) -> String {
    let manager = world.manager("district-police").await;
    eventually(&format!("the reward of {report}"), async || {
        let list = expect(manager.asks_for("/rewards?limit=100").await, 200);
        let items = list.body["items"].as_array().unwrap();
        let reward = items.iter().find(|reward| reward["of"]["report"] == report)?;
        Some(reward["id"].as_str().unwrap().to_owned())
    })
    .await
}

/// A reward that was declined, and can be appealed.
pub(crate) async fn declined(world: &World) -> String {
    let id = of_report(world, &crate::handovers::adopted(world).await).await;
    let manager = world.manager("district-police").await;
    let version = manager.asks_for(&format!("/rewards/{id}")).await.version();
    let decline = json!({ "step": "decline", "reason": "already_known", "note": "It was known." });
    let path = format!("{DEMO}/rewards/{id}/steps");
    expect(manager.person.post(&path, manager.keys.next(), version, &decline).await.unwrap(), 200);
    id
}

/// The two managers of the district.
struct Desk {
    world: World,
    police: (Person, Keys),
    governance: (Person, Keys),
}

impl Desk {
    /// A district with rules and a fund of so much.
    async fn open(fen: u64) -> Self {
        let world = World::start_here().await;
        let of = async |id: &str| (world.person(id).await, world.keys(id));
        let (police, governance) = (of("district-police").await, of("district-governance").await);
        let desk = Self { world, police, governance };
        let (path, body) = (format!("{DEMO}/reward-rules"), rules("2037-08-12"));
        expect(desk.police.0.post(&path, desk.police.1.next(), None, &body).await.unwrap(), 201);
        if fen > 0 {
            expect(desk.grants(fen).await, 200);
        }
        desk
    }

    async fn grants(&self, fen: u64) -> Answer {
        let seen = self.police.0.get(FUND).await.unwrap().version();
        let body = json!({ "movement": "grant", "amount_fen": fen, "reason": "Budget, document 12." });
        self.police.0.post(&format!("{FUND}/movements"), self.police.1.next(), seen, &body).await.unwrap()
    }

    async fn adopts(&self, community: &str, text: &str) -> String {
        let code = self.world.reporter(community).await.reports(text).send().await;
        self.approves(community, &code).await;
        code
    }

    async fn approves(&self, community: &str, code: &str) {
        self.world.officer(community).await.approves(code).await;
        self.world.station("river").await.approves(code).await;
        self.world.district().await.approves(code).await;
    }

    /// The reward of a report, once it was proposed.
    async fn reward_of(&self, report: &str) -> Value {
        eventually(&format!("the reward of {report}"), async || {
            let list = expect(self.police.0.get(&format!("{DEMO}/rewards?limit=100")).await.unwrap(), 200);
            let items = list.body["items"].as_array().unwrap();
            items.iter().find(|reward| reward["of"]["report"] == report).cloned()
        })
        .await
    }

    async fn reads(&self, id: &str) -> Answer {
        expect(self.police.0.get(&format!("{DEMO}/rewards/{id}")).await.unwrap(), 200)
    }

    async fn steps(&self, (person, keys): &(Person, Keys), id: &str, step: &Value) -> Answer {
        let version = self.reads(id).await.version();
        person.post(&format!("{DEMO}/rewards/{id}/steps"), keys.next(), version, step).await.unwrap()
    }

    async fn agree_both(&self, id: &str) -> Answer {
        let agree = json!({ "step": "agree" });
        expect(self.steps(&self.governance, id, &agree).await, 200);
        self.steps(&self.police, id, &agree).await
    }

    /// The fund, which its ledger makes anew.
    async fn fund(&self) -> Fund {
        let id = FundId { district: "demo".parse().unwrap(), year: 2037 };
        let entries = self.world.store().ledger(&id).await.unwrap();
        let fund = Fund::replay(id, &entries).unwrap();
        assert!(fund.is_balanced(), "{fund:?}");
        let shown = expect(self.police.0.get(FUND).await.unwrap(), 200).body;
        assert_eq!(shown["available_fen"], fund.available_fen);
        assert_eq!(shown["reserved_fen"], fund.reserved_fen);
        assert_eq!(shown["granted_fen"], fund.granted_fen);
        fund
    }
}

#[tokio::test]
async fn what_is_adopted_is_rewarded_once_two_have_agreed() {
    let desk = Desk::open(100_000).await;
    let report = desk.adopts("ferry", "marker-text").await;
    let reward = desk.reward_of(&report).await;
    assert_eq!((&reward["state"], &reward["amount_fen"]), (&json!("proposed"), &json!(3_000)));
    let id = reward["id"].as_str().unwrap();

    let adjust = json!({ "step": "adjust", "amount_fen": 4_500, "reason": "It saved a day of search." });
    let adjusted = expect(desk.steps(&desk.police, id, &adjust).await, 200);
    let arithmetic = &adjusted.body["shares"][0]["arithmetic"];
    assert_eq!(
        arithmetic,
        &json!([{ "step": "rule", "rule": "adopted", "fen": 3_000 }, { "step": "chosen", "fen": 4_500 }])
    );
    // Who has adjusted it does not agree to it.
    let own = desk.steps(&desk.police, id, &json!({ "step": "agree" })).await;
    expect_problem(&own, 403, "own_proposal");
    let adjust = json!({ "step": "adjust", "amount_fen": 5_001, "reason": "More." });
    let refused = desk.steps(&desk.governance, id, &adjust).await;
    expect_problem(&refused, 400, "invalid");
    assert_eq!(each(&refused.body["errors"], "pointer"), ["/amount_fen"]);

    let other = desk.adopts("ferry", "Another.").await;
    let id = desk.reward_of(&other).await["id"].as_str().unwrap().to_owned();
    let approved = expect(desk.agree_both(&id).await, 200);
    assert_eq!((approved.text("/state"), &approved.body["shares"][0]["state"]), ("approved", &json!("reserved")));
    let fund = desk.fund().await;
    assert_eq!((fund.available_fen, fund.reserved_fen), (97_000, 3_000));

    // The reporter sees what is theirs; a treasurer sees an amount and a code.
    let mine = expect(desk.world.person("reporter-ferry-1").await.get("/me/rewards").await.unwrap(), 200);
    let of = |code: &str| mine.body["items"].as_array().unwrap().iter().find(|item| item["report"] == code).unwrap();
    assert_eq!((&of(&other)["state"], &of(&report)["state"]), (&json!("reserved"), &json!("proposed")));
    let treasurer = desk.world.person("treasurer").await;
    let seen = expect(treasurer.get(&format!("{DEMO}/rewards/{id}")).await.unwrap(), 200).body;
    assert_eq!((&seen["amount_fen"], &seen["shares"][0]["arithmetic"]), (&json!(3_000), &json!([])));
    let pseudonym = desk.world.history(&other).await.report.pseudonym.to_string();
    assert_says_nothing_of(&seen, &[&other, &pseudonym, "reporter-ferry", "marker"]);
    let listed = expect(treasurer.get(&format!("{DEMO}/rewards?state=approved")).await.unwrap(), 200);
    assert_eq!(each(&listed.body["items"], "id"), [&*id]);

    // What is taken back returns to the fund.
    let reversed =
        desk.steps(&desk.police, &id, &json!({ "step": "reverse", "reason": "Another district paid." })).await;
    assert_eq!(expect(reversed, 200).text("/state"), "reversed");
    assert_eq!(desk.fund().await.available_fen, 100_000);
}

#[tokio::test]
async fn a_confirmed_outcome_raises_what_waits_and_never_pays_twice() {
    let desk = Desk::open(100_000).await;
    let report = desk.adopts("ferry", "Gas bottles in the sun.").await;
    let id = desk.reward_of(&report).await["id"].as_str().unwrap().to_owned();
    let outcome = crate::outcomes::recorded(&desk.world, "ferry", &report).await;
    let version = desk.police.0.get(&format!("{DEMO}/outcomes/{outcome}")).await.unwrap().version();
    let confirm = json!({ "step": "confirm" });
    let path = format!("{DEMO}/outcomes/{outcome}/steps");
    expect(desk.governance.0.post(&path, desk.governance.1.next(), version, &confirm).await.unwrap(), 200);
    let raised = eventually("the outcome counts", async || {
        let reward = desk.reads(&id).await.body;
        (reward["of"]["outcome"] != Value::Null).then_some(reward)
    })
    .await;
    assert_eq!(raised["shares"][0]["arithmetic"][0]["rule"], "removed");
    assert_eq!(each(&raised["history"], "action"), ["propose", "reassess"]);
    assert!(raised["amount_fen"].as_u64().unwrap() >= 10_000);
}

#[tokio::test]
async fn several_who_report_a_matter_share_its_reward() {
    let desk = Desk::open(100_000).await;
    let first = desk.world.reporter("ferry").await.reports("Loose paving.").send().await;
    let second = desk.world.neighbour("ferry").await.reports("The paving is loose.").send().await;
    desk.world.officer("ferry").await.links(&second, &first).await;
    desk.approves("ferry", &first).await;
    let id = desk.reward_of(&first).await["id"].as_str().unwrap().to_owned();
    let reward = desk.reads(&id).await.body;
    let amounts: Vec<_> =
        reward["shares"].as_array().unwrap().iter().map(|share| share["amount_fen"].clone()).collect();
    assert_eq!(amounts, [1_500, 1_500]);
    let divide = json!({ "step": "adjust", "weights": [2, 1], "reason": "The first took a photo." });
    let divided = expect(desk.steps(&desk.police, &id, &divide).await, 200);
    assert_eq!(divided.body["shares"][0]["amount_fen"], 2_000);
    assert_eq!(divided.body["shares"][1]["amount_fen"], 1_000);
}

#[tokio::test]
async fn an_exhausted_fund_loses_nothing_and_a_grant_lets_it_go_on() {
    let desk = Desk::open(2_000).await;
    let report = desk.adopts("ferry", "Loose paving.").await;
    let id = desk.reward_of(&report).await["id"].as_str().unwrap().to_owned();
    let waits = expect(desk.agree_both(&id).await, 200);
    assert_eq!((waits.text("/state"), &waits.body["waits_for_fund"]), ("proposed", &json!(true)));
    let again = desk.steps(&desk.police, &id, &json!({ "step": "agree" })).await;
    expect_problem(&again, 409, "fund_exhausted");
    expect(desk.grants(1_000).await, 200);
    let approved = expect(desk.steps(&desk.police, &id, &json!({ "step": "agree" })).await, 200);
    assert_eq!(approved.text("/state"), "approved");
    assert_eq!(desk.fund().await.available_fen, 0);
}

#[tokio::test]
async fn who_was_declined_appeals_once() {
    let desk = Desk::open(10_000).await;
    let report = desk.adopts("ferry", "Loose paving.").await;
    let id = desk.reward_of(&report).await["id"].as_str().unwrap().to_owned();
    let decline = json!({ "step": "decline", "reason": "already_known", "note": "marker-note" });
    expect(desk.steps(&desk.police, &id, &decline).await, 200);
    let (reporter, keys) = (desk.world.person("reporter-ferry-1").await, desk.world.keys("reporter-ferry-1"));
    let mine = expect(reporter.get("/me/rewards").await.unwrap(), 200);
    assert_eq!(mine.body["items"][0]["declined"], true);
    assert_says_nothing_of(&mine.body, &["marker"]);
    let appeal = json!({ "text": "I reported it two days before." });
    let path = format!("/me/rewards/{id}/appeal");
    let (key, other) = (keys.next(), desk.world.person("reporter-ferry-2").await);
    expect_problem(&other.post(&path, key, None, &appeal).await.unwrap(), 404, "not_found");
    for _ in 0..2 {
        expect(reporter.post(&path, key, None, &appeal).await.unwrap(), 200);
    }
    // Who has declined it does not decide on the appeal.
    expect_problem(&desk.steps(&desk.police, &id, &decline).await, 403, "own_decline");
    expect(desk.steps(&desk.governance, &id, &decline).await, 200);
    expect_problem(&reporter.post(&path, keys.next(), None, &appeal).await.unwrap(), 409, "appealed_already");
}

#[tokio::test]
async fn of_many_approvals_at_once_no_more_are_made_than_the_fund_has() {
    let desk = Desk::open(5 * 3_000).await;
    let mut ids = Vec::new();
    for number in 0..8 {
        let report = desk.adopts("ferry", &format!("Loose paving {number}.")).await;
        let id = desk.reward_of(&report).await["id"].as_str().unwrap().to_owned();
        expect(desk.steps(&desk.governance, &id, &json!({ "step": "agree" })).await, 200);
        ids.push(id);
    }
    let mut agreeing = JoinSet::new();
    for turn in 0..MANY {
        let id = ids[turn % ids.len()].clone();
        let ((person, keys), version) = (desk.police.clone(), desk.reads(&id).await.version());
        let key = keys.next();
        agreeing.spawn(async move {
            let path = format!("{DEMO}/rewards/{id}/steps");
            person.post(&path, key, version, &json!({ "step": "agree" })).await.unwrap().status
        });
    }
    let answers = agreeing.join_all().await;
    assert!(answers.iter().all(|status| [200, 403, 409, 412, 503].contains(status)), "{answers:?}");
    let fund = desk.fund().await;
    assert_eq!((fund.reserved_fen, fund.available_fen), (15_000, 0));
    let list = expect(desk.police.0.get(&format!("{DEMO}/rewards?state=approved")).await.unwrap(), 200);
    assert_eq!(list.body["items"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn a_grant_that_is_sent_many_times_is_made_once() {
    let desk = Desk::open(0).await;
    let key = desk.police.1.next();
    let mut granting = JoinSet::new();
    for _ in 0..MANY {
        let person = desk.police.0.clone();
        granting.spawn(async move {
            let body = json!({ "movement": "grant", "amount_fen": 7_000, "reason": "Budget." });
            expect(person.post(&format!("{FUND}/movements"), key, Some(0), &body).await.unwrap(), 200)
        });
    }
    granting.join_all().await;
    assert_eq!(desk.fund().await.granted_fen, 7_000);
    let stale = json!({ "movement": "return", "amount_fen": 1, "reason": "Too much." });
    let answer = desk.police.0.post(&format!("{FUND}/movements"), desk.police.1.next(), Some(0), &stale).await.unwrap();
    expect_problem(&answer, 412, "version_stale");
    let more = json!({ "movement": "return", "amount_fen": 7_001, "reason": "Too much." });
    let answer = desk.police.0.post(&format!("{FUND}/movements"), desk.police.1.next(), Some(1), &more).await.unwrap();
    expect_problem(&answer, 409, "fund_exhausted");
    let year_end = json!({ "movement": "lapse", "reason": "The year is over." });
    let path = format!("{FUND}/movements");
    let close = async || desk.police.0.post(&path, desk.police.1.next(), Some(1), &year_end).await.unwrap();
    expect_problem(&close().await, 409, "year_not_over");
    desk.world.set_clock("2037-12-31T01:30:00Z");
    expect(close().await, 200);
    let fund = desk.fund().await;
    assert_eq!((fund.lapsed_fen, fund.closed), (7_000, true));
    expect_problem(&desk.grants(1).await, 409, "fund_closed");
}

#[tokio::test]
async fn a_report_that_is_linked_after_the_proposal_has_its_share() {
    let desk = Desk::open(100_000).await;
    let report = desk.adopts("ferry", "Loose paving.").await;
    let id = desk.reward_of(&report).await["id"].as_str().unwrap().to_owned();
    expect(desk.steps(&desk.governance, &id, &json!({ "step": "agree" })).await, 200);
    let second = desk.world.neighbour("ferry").await.reports("The paving is loose.").send().await;
    desk.world.officer("ferry").await.links(&second, &report).await;
    let shared = eventually("the reward is shared", async || {
        let reward = desk.reads(&id).await.body;
        (reward["shares"].as_array().unwrap().len() == 2).then_some(reward)
    })
    .await;
    assert_eq!(shared["shares"][1]["amount_fen"], 1_500);
    // Whoever had agreed has agreed to something else.
    assert_eq!(each(&shared["history"], "action"), ["propose", "agree", "gather"]);
    assert_eq!(expect(desk.agree_both(&id).await, 200).text("/state"), "approved");
    assert_eq!(desk.fund().await.reserved_fen, 3_000);
}

#[tokio::test]
async fn the_reward_of_a_reopened_report_waits_for_its_review() {
    let desk = Desk::open(100_000).await;
    let report = desk.adopts("ferry", "Loose paving.").await;
    let id = desk.reward_of(&report).await["id"].as_str().unwrap().to_owned();
    let district = desk.world.district().await;
    crate::handovers::Hand::of(&desk.world, "district-police").await.closes(&report).await;
    expect(desk.steps(&desk.governance, &id, &json!({ "step": "agree" })).await, 200);
    district.reopens(&report, "Was it there at all?").await;
    let agree = desk.steps(&desk.police, &id, &json!({ "step": "agree" })).await;
    expect_problem(&agree, 409, "matter_reopened");
    assert_eq!(desk.fund().await.reserved_fen, 0);
    district.approves(&report).await;
    let approved = expect(desk.steps(&desk.police, &id, &json!({ "step": "agree" })).await, 200);
    assert_eq!(approved.text("/state"), "approved");
}
