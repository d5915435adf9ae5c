//! What a task costs by the number of reporters in its scope: the requests and round trips to
//! DynamoDB and the items that are written, counted while it is sent, listed, read and followed
//! through the API.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::{Client, config::Credentials, types::Select};
use comfy_table::{Table, presets};
use jiff::{SignedDuration, Timestamp};
use pingan_domain::{
    code::Code,
    hash::Digest,
    member::{Member, MemberId, MemberState, Role},
    membership::Profile,
    territory::NodeId,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    bundle::{Bundle, Options},
    client::{Answer, Failure, Person},
    clock::Clock,
    requests::Asked,
    seed,
};

/// The fewest reporters that are measured: those whom the demo district has anyhow.
pub const LEAST: usize = 100;
/// The most.
pub const MOST: usize = 200_000;
/// How many are added at once.
const AT_ONCE: usize = 5_000;
/// How often it is looked whether a message has come: ten seconds.
const MOST_LOOKS: usize = 200;
/// The call that sends a task.
const SEND: &str = "send it";
/// The district's base path.
const TASKS: &str = "/districts/demo/tasks";

/// What one call came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    /// The requests to DynamoDB, by name.
    pub requests: BTreeMap<String, usize>,
    /// The round trips: what is sent while another request is under way takes none of its own.
    pub round_trips: usize,
    /// The items that it added to the tables of the tasks and of the notices. One that is
    /// replaced is not seen.
    pub items: usize,
    /// The messages to the topic.
    pub messages: usize,
}

/// What was measured with so many reporters in scope.
#[derive(Debug)]
pub struct Measured {
    /// How many.
    pub reporters: usize,
    /// What each call cost, and how long it took here.
    pub calls: Vec<(&'static str, Cost, Duration)>,
}

/// Measures each of these numbers of reporters, in a folder of its own.
pub async fn measure(reporters: &[usize]) -> Result<Vec<Measured>, Failure> {
    let mut measured = Vec::new();
    for &count in reporters {
        measured.push(measure_one(count).await?);
    }
    Ok(measured)
}

async fn measure_one(reporters: usize) -> Result<Measured, Failure> {
    let folder = tempfile::tempdir()?;
    let bundle = Bundle::start(Options::new(folder.path(), 0, Clock::real())).await?;
    fill(&bundle, reporters).await?;
    let district = Person::sign_in(&bundle.url, "district-police").await?;
    let reporter = Person::sign_in(&bundle.url, "reporter-lantern-1").await?;
    let scale = Scale { bundle: &bundle, dynamodb: dynamodb(&bundle.dynamodb_url), district };
    let mut calls = Vec::new();
    let ends_at = Timestamp::now().checked_add(SignedDuration::from_hours(48))?.to_string();
    let task = json!({
        "kind": "task",
        "title": "A number of reporters",
        "instructions": "Look out, and say what you have seen.",
        "category": "hazard",
        "ends_at": ends_at,
        "form": [{ "name": "seen", "label": "Seen?", "kind": "choice", "required": true, "choices": ["yes", "no"] }],
        "scope": { "nodes": [seed::DISTRICT] },
    });
    let key = Uuid::new_v4();
    let made = scale.weigh(&mut calls, "make it", scale.district.post(TASKS, key, None, &task)).await?.expect(201)?;
    let path = format!("{TASKS}/{}", made.text("/id"));
    let get = async |rest: &str| scale.district.get(&format!("{path}{rest}")).await;
    let reach = scale.weigh(&mut calls, "its reach", get("/reach")).await?.expect(200)?;
    let in_scope = reach.body["in_scope"]["count"].as_u64().unwrap_or_default();
    if in_scope != u64::try_from(reporters)? {
        return Err(format!("{in_scope} are in scope, not {reporters}").into());
    }
    let (steps, publish) = (format!("{path}/steps"), json!({ "step": "publish" }));
    let key = Uuid::new_v4();
    let call = scale.district.post(&steps, key, made.version(), &publish);
    scale.weigh(&mut calls, SEND, call).await?.expect(200)?;
    // The first list of a process asks for fewer partitions at once.
    reporter.get("/me/tasks").await?.expect(200)?;
    let list = scale.weigh(&mut calls, "a reporter's list", reporter.get("/me/tasks")).await?.expect(200)?;
    let listed =
        list.body["items"].as_array().is_some_and(|items| items.iter().any(|item| item["id"] == made.body["id"]));
    if !listed {
        return Err(format!("the task is not in the list: {}", list.body).into());
    }
    let mine = format!("/me/tasks/{}", made.text("/id"));
    let (receipt, read) = (format!("{mine}/receipt"), json!({ "receipt": "read" }));
    scale.weigh(&mut calls, "a receipt", reporter.put_json(&receipt, None, &read)).await?.expect(200)?;
    let (answer, says) = (format!("{mine}/answer"), json!({ "form_version": 1, "answer": { "seen": "yes" } }));
    scale.weigh(&mut calls, "an answer", reporter.put_json(&answer, None, &says)).await?.expect(200)?;
    scale.weigh(&mut calls, "its progress", get("/progress")).await?.expect(200)?;
    bundle.stop().await;
    Ok(Measured { reporters, calls })
}

/// Adds reporters to the communities of the demo district in turn, until there are so many.
async fn fill(bundle: &Bundle, reporters: usize) -> Result<(), Failure> {
    let communities: Vec<NodeId> = seed::demo_district()?
        .nodes
        .into_iter()
        .map(|place| place.node)
        .filter(|node| node.as_str().matches('.').count() == 2)
        .collect();
    let there = seed::demo_members()?;
    let there = there.iter().filter(|member| member.role == Role::Reporter && member.state == MemberState::Active);
    let missing = reporters.saturating_sub(there.count());
    let now = Timestamp::now();
    let mut profiles = Vec::new();
    for (number, node) in (0..missing).zip(communities.iter().cycle()) {
        let id = MemberId::parse(&format!("crowd-{number}"))?;
        let pseudonym = Code::from_digest(&Digest::of(&[b"crowd", id.as_str().as_bytes()]));
        let member = Member {
            id,
            pseudonym,
            role: Role::Reporter,
            node: node.clone(),
            body: None,
            agency: None,
            state: MemberState::Active,
        };
        profiles.push(Profile { account: None, ..Profile::seeded(member, now) });
        if profiles.len() == AT_ONCE {
            bundle.store.add_members(&std::mem::take(&mut profiles)).await?;
        }
    }
    bundle.store.add_members(&profiles).await?;
    for community in &communities {
        bundle.store.take_census(community).await?;
    }
    Ok(())
}

/// A client of the stand-in, which looks at no credentials.
fn dynamodb(url: &str) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .endpoint_url(url);
    Client::from_conf(config.build())
}

/// What weighs calls.
struct Scale<'a> {
    bundle: &'a Bundle,
    dynamodb: Client,
    district: Person,
}

impl Scale<'_> {
    async fn weigh(
        &self,
        calls: &mut Vec<(&'static str, Cost, Duration)>,
        what: &'static str,
        call: impl Future<Output = Result<Answer, Failure>>,
    ) -> Result<Answer, Failure> {
        let (items, messages) = (self.items().await?, self.messages().await?);
        self.bundle.requests.take();
        let begun = Instant::now();
        let answer = call.await?;
        let took = begun.elapsed();
        let Asked { names, rounds, .. } = self.bundle.requests.take();
        let mut requests = BTreeMap::new();
        for name in names {
            *requests.entry(name).or_default() += 1;
        }
        if what == SEND {
            // The stream is behind by a moment.
            for _ in 0..MOST_LOOKS {
                if self.messages().await? > messages {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        let cost = Cost {
            requests,
            round_trips: rounds,
            items: self.items().await?.saturating_sub(items),
            messages: self.messages().await?.saturating_sub(messages),
        };
        calls.push((what, cost, took));
        Ok(answer)
    }

    /// How many items the tables hold that tasks write to.
    async fn items(&self) -> Result<usize, Failure> {
        let names = self.bundle.store.tables();
        let mut count = 0;
        for table in [&names.tasks, &names.notices] {
            let counted = self.dynamodb.scan().table_name(table).select(Select::Count).send().await?;
            count += usize::try_from(counted.count())?;
        }
        Ok(count)
    }

    async fn messages(&self) -> Result<usize, Failure> {
        let inbox = self.district.get("/local/inbox").await?.expect(200)?;
        Ok(inbox.body.as_array().map_or(0, |all| all.iter().filter(|one| is_of_task(one)).count()))
    }
}

fn is_of_task(message: &Value) -> bool {
    message["attributes"]["audience"] == "reporters"
}

/// The table, for people.
pub fn table(measured: &[Measured]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["reporters", "call", "requests to DynamoDB", "round trips", "items added", "messages", "took"]);
    for Measured { reporters, calls } in measured {
        for (what, cost, took) in calls {
            let requests: Vec<_> = cost.requests.iter().map(|(name, count)| format!("{count} {name}")).collect();
            table.add_row([
                reporters.to_string(),
                (*what).to_owned(),
                requests.join(" + "),
                cost.round_trips.to_string(),
                cost.items.to_string(),
                cost.messages.to_string(),
                format!("{:.1} ms", took.as_secs_f64() * 1_000.0),
            ]);
        }
    }
    table.to_string()
}

/// Whether every call costs the same, whatever the number of reporters.
pub fn is_the_same(measured: &[Measured]) -> bool {
    let costs = |one: &Measured| one.calls.iter().map(|(what, cost, _)| (*what, cost.clone())).collect::<Vec<_>>();
    measured.windows(2).all(|pair| costs(&pair[0]) == costs(&pair[1]))
}
