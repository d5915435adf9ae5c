//! A folder of the bundle for each scale.
//!
//! At the scale of 1 everything comes in through the API: reports are sent, and approved until they wait in the queue
//! of one of the reviewers who take part; tasks are made and sent. From there on the records are those of the scale of 1 again under other
//! codes, with every item that a report has, written straight to the table: sending 20,000 reports through the API would
//! take most of an hour. Of a task only its place in the list of what runs is written again, because that is what is listed, and
//! because the stand-in of the scheduler writes all its schedules anew with each of them. The functions behind the streams do
//! with all of it what they always do, and nothing is measured before they are through.

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, PutRequest, WriteRequest},
};
use futures::{StreamExt as _, TryStreamExt as _, future::try_join_all, stream};
use jiff::{SignedDuration, Timestamp};
use pingan_domain::{code::Code, hash::Digest};
use pingan_local::{client::Person, seed};
use pingan_runtime::Failure;
use pingan_store::item::text;
use serde_json::json;
use uuid::Uuid;

use super::{
    bare,
    bundle::Process,
    people::{Cast, Reviewer, new_report},
    say,
};

/// An item of a table.
pub(super) type Item = HashMap<String, AttributeValue>;

/// How many phones fill a folder at once.
const AT_ONCE: usize = 8;
/// How many tasks run at the scale of 1: more than a page.
const TASKS: u32 = 60;
/// The most items that `BatchWriteItem` takes.
const LARGEST_BATCH: usize = 25;
/// How often what DynamoDB has left is written again.
const MAX_TRIES: usize = 10;
/// For how long no function behind a stream may have gone on before all of them are taken to be through.
const QUIET: Duration = Duration::from_secs(5);
/// How long that may take.
const MAX_WAIT: Duration = Duration::from_mins(20);
/// The base path of the tasks.
const TASKS_PATH: &str = "/districts/demo/tasks";

/// A folder that was filled for one scale.
pub(super) struct Filled {
    pub(super) scale: u32,
    /// No bundle runs in it.
    pub(super) folder: PathBuf,
    /// The items of one report as it was sent.
    pub(super) sample: Vec<Item>,
}

/// Fills a folder below `work` for each scale.
///
/// # Errors
///
/// A call is answered otherwise than with success, or the functions behind the streams do not come to an end.
pub(super) async fn fill(work: &Path, cast: &Cast, records: u32, scales: &[u32]) -> Result<Vec<Filled>, Failure> {
    let folder = work.join("filling");
    fs::create_dir(&folder)?;
    say(&format!("{records} reports and {TASKS} tasks are sent through the API"));
    let process = Process::start(&folder).await?;
    send(&process.url, cast, records).await?;
    at_rest(&folder).await?;
    let client = bare::client(&process.dynamodb_url);
    let originals = Originals::read(&client).await?;
    let sample = originals.reports.values().min_by_key(|items| items.len()).cloned().unwrap_or_default();
    process.stop().await?;

    let mut filled = Vec::new();
    let mut there = 1;
    for &scale in scales {
        if scale > there {
            let begun = std::time::Instant::now();
            let process = Process::start(&folder).await?;
            let client = bare::client(&process.dynamodb_url);
            let items = originals.again(&client, there..scale).await?;
            let written = begun.elapsed().as_secs();
            at_rest(&folder).await?;
            process.stop().await?;
            there = scale;
            let (reports, all) = (scale * records, begun.elapsed().as_secs());
            say(&format!("{reports} reports: {items} items in {written} s, everything behind the streams in {all} s"));
        }
        let own = work.join(format!("scale-{scale}"));
        fs::create_dir(&own)?;
        copy(&folder, &own)?;
        filled.push(Filled { scale, folder: own, sample: sample.clone() });
    }
    Ok(filled)
}

/// Copies what is in a folder to another one.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir(&to)?;
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

/// Sends reports and tasks through the API. The reports are spread evenly over the queues of the reviewers.
async fn send(url: &str, cast: &Cast, records: u32) -> Result<(), Failure> {
    let ids: Vec<String> = cast.reporters.iter().map(|reporter| reporter.id.clone()).chain(staff()).collect();
    let people =
        try_join_all(ids.iter().map(async |id| Ok::<_, Failure>((id.as_str(), Person::sign_in(url, id).await?))));
    let people: HashMap<&str, Person> = people.await?.into_iter().collect();
    let people = &people;
    let turns = cast.reviewers.iter().cycle().enumerate().take(usize::try_from(records)?);
    let sent = stream::iter(turns).map(|(number, reviewer)| async move {
        let theirs: Vec<_> =
            cast.reporters.iter().filter(|reporter| reporter.node.starts_with(&reviewer.node)).collect();
        let reporter = theirs[number / cast.reviewers.len() % theirs.len()];
        let person = |id: &str| people.get(id).ok_or_else(|| format!("nobody is {id}"));
        let sent = person(&reporter.id)?.post("/reports", Uuid::new_v4(), None, &new_report()).await?.expect(201)?;
        let mut version = sent.version();
        for (stage, id) in approvers(&reporter.node, reviewer) {
            let path = format!("/{stage}-review/reports/{}/decisions", sent.text("/id"));
            let approve = json!({ "decision": "approve" });
            let approved = person(&id)?.post(&path, Uuid::new_v4(), version, &approve).await?.expect(200)?;
            version = approved.version();
        }
        Ok::<_, Failure>(())
    });
    sent.buffer_unordered(AT_ONCE).try_collect::<()>().await?;

    let district = people.get("district-police").ok_or("there is no district manager")?;
    for number in 0..TASKS {
        let ends_at = Timestamp::now().checked_add(SignedDuration::from_hours(48 + i64::from(number)))?;
        let task = json!({
            "kind": "task",
            "title": "消防通道检查",
            "instructions": "请留意所在楼栋的消防通道是否畅通，发现堵塞请拍照上报。",
            "category": "hazard",
            "ends_at": ends_at.to_string(),
            "form": [{ "name": "seen", "label": "是否畅通", "kind": "choice", "required": true, "choices": ["是", "否"] }],
            "scope": { "nodes": [seed::DISTRICT] },
        });
        let made = district.post(TASKS_PATH, Uuid::new_v4(), None, &task).await?.expect(201)?;
        let steps = format!("{TASKS_PATH}/{}/steps", made.text("/id"));
        district.post(&steps, Uuid::new_v4(), made.version(), &json!({ "step": "publish" })).await?.expect(200)?;
    }
    Ok(())
}

/// Everybody who decides on something while a folder is filled.
fn staff() -> impl Iterator<Item = String> {
    let stations = seed::STATIONS.iter().flat_map(|(station, communities)| {
        let officers = communities.iter().map(|community| format!("officer-{community}"));
        officers.chain([format!("station-{station}")])
    });
    stations.chain(["district-police".to_owned()])
}

/// Who has to approve a report from a community until a reviewer has it in their queue: the stage and the person.
fn approvers(community: &str, reviewer: &Reviewer) -> Vec<(&'static str, String)> {
    let mut nodes = community.split('.').skip(1);
    let mut of = |stage: &'static str| (stage, format!("{stage}-{}", nodes.next().unwrap_or_default()));
    let (station, officer) = (of("station"), of("officer"));
    match reviewer.stage {
        "officer" => Vec::new(),
        "station" => vec![officer],
        _ => vec![officer, station],
    }
}

/// Waits until every function behind a stream is through: until none has written down how far it has come for a while.
async fn at_rest(folder: &Path) -> Result<(), Failure> {
    let begun = SystemTime::now();
    while begun.elapsed()? < MAX_WAIT {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let mut last = begun;
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.path().extension().is_some_and(|extension| extension == "checkpoint") {
                // It is replaced by a new file each time: between the two there may be none.
                last =
                    last.max(entry.metadata().and_then(|about| about.modified()).unwrap_or_else(|_| SystemTime::now()));
            }
        }
        if last.elapsed().unwrap_or_default() >= QUIET {
            return Ok(());
        }
    }
    Err(format!("the functions behind the streams are not through after {} s", MAX_WAIT.as_secs()).into())
}

/// The records of the scale of 1.
struct Originals {
    /// The items of each report, by its code as keys have it.
    reports: BTreeMap<String, Vec<Item>>,
    /// The places of tasks in the list of what runs, by their codes.
    places: Vec<(String, Item)>,
}

impl Originals {
    async fn read(client: &Client) -> Result<Self, Failure> {
        let names = bare::names();
        let mut reports: BTreeMap<String, Vec<Item>> = BTreeMap::new();
        for item in scan(client, &names.reports).await? {
            if let Some(code) = text(&item, "pk").and_then(|pk| pk.strip_prefix("REPORT#")) {
                reports.entry(code.to_owned()).or_default().push(item);
            }
        }
        let places = scan(client, &names.tasks).await?.into_iter().filter_map(|item| {
            let is_place = text(&item, "pk")?.starts_with("PLACE#");
            let code = text(&item, "sk")?.split_once('#')?.1.to_owned();
            is_place.then_some((code, item))
        });
        Ok(Self { reports, places: places.collect() })
    }

    /// Writes all of them again, once for each number. Gives how many items that were.
    async fn again(&self, client: &Client, numbers: std::ops::Range<u32>) -> Result<usize, Failure> {
        let names = bare::names();
        let (reports, tasks) = (&names.reports, &names.tasks);
        let of_reports = numbers.clone().flat_map(|number| {
            self.reports.iter().flat_map(move |(code, items)| {
                items.iter().map(move |item| (reports.as_str(), renamed_item(item, code, number)))
            })
        });
        let of_tasks = numbers.flat_map(|number| {
            self.places.iter().map(move |(code, item)| (tasks.as_str(), renamed_item(item, code, number)))
        });
        let mut items = of_reports.chain(of_tasks);
        let batches = std::iter::from_fn(|| {
            let batch: Vec<_> = items.by_ref().take(LARGEST_BATCH).collect();
            (!batch.is_empty()).then_some(batch)
        });
        let written = stream::iter(batches).map(|batch| write(client, batch)).buffer_unordered(AT_ONCE);
        written.try_fold(0, async |sum, count| Ok(sum + count)).await
    }
}

async fn scan(client: &Client, table: &str) -> Result<Vec<Item>, Failure> {
    let pages = client.scan().table_name(table).into_paginator().items().send();
    Ok(pages.try_collect().await?)
}

async fn write(client: &Client, batch: Vec<(&str, Result<Item, Failure>)>) -> Result<usize, Failure> {
    let count = batch.len();
    let mut requests: HashMap<String, Vec<WriteRequest>> = HashMap::new();
    for (table, item) in batch {
        let put = PutRequest::builder().set_item(Some(item?)).build()?;
        requests.entry(table.to_owned()).or_default().push(WriteRequest::builder().put_request(put).build());
    }
    for _ in 0..MAX_TRIES {
        let answer = client.batch_write_item().set_request_items(Some(requests)).send().await?;
        requests = answer.unprocessed_items.unwrap_or_default();
        if requests.is_empty() {
            return Ok(count);
        }
    }
    Err("the embedded DynamoDB does not take what it is given".into())
}

/// The same item of another report or task: wherever its code stands, in keys and in words, another one does.
fn renamed_item(item: &Item, code: &str, number: u32) -> Result<Item, Failure> {
    let old = Code::parse(code)?;
    let new = Code::from_digest(&Digest::of(&[b"again", code.as_bytes(), &number.to_be_bytes()]));
    let names = [
        (old.as_str().to_owned(), new.as_str().to_owned()),
        // People are shown it with a dash.
        (old.to_string(), new.to_string()),
    ];
    Ok(item.iter().map(|(name, value)| (name.clone(), renamed(value, &names))).collect())
}

fn renamed(value: &AttributeValue, names: &[(String, String)]) -> AttributeValue {
    match value {
        AttributeValue::S(text) => {
            AttributeValue::S(names.iter().fold(text.clone(), |text, (old, new)| text.replace(old, new)))
        }
        AttributeValue::L(list) => AttributeValue::L(list.iter().map(|value| renamed(value, names)).collect()),
        AttributeValue::M(map) => {
            AttributeValue::M(map.iter().map(|(name, value)| (name.clone(), renamed(value, names))).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::people::Cast;

    #[test]
    fn a_report_again_has_another_code_wherever_it_stands() {
        let code = Code::from_digest(&Digest::of(&[b"one"]));
        let text = |text: String| AttributeValue::S(text);
        let item = Item::from([
            ("pk".to_owned(), text(format!("REPORT#{}", code.as_str()))),
            ("created_sk".to_owned(), text(format!("000000000000001#{}", code.as_str()))),
            ("id".to_owned(), text(code.to_string())),
            ("version".to_owned(), AttributeValue::N("1".to_owned())),
            (
                "about".to_owned(),
                AttributeValue::M(HashMap::from([(
                    "reports".to_owned(),
                    AttributeValue::L(vec![text(code.to_string())]),
                )])),
            ),
        ]);
        let again = renamed_item(&item, code.as_str(), 1).unwrap();
        assert!(!format!("{again:?}").contains(code.as_str()) && !format!("{again:?}").contains(&code.to_string()));
        let new: Code = again["id"].as_s().unwrap().parse().unwrap();
        assert_eq!(again["pk"], text(format!("REPORT#{}", new.as_str())));
        assert_eq!(again["version"], item["version"]);
        assert_ne!(again, renamed_item(&item, code.as_str(), 2).unwrap());
    }

    #[test]
    fn reports_are_approved_until_the_reviewer_has_them() {
        let cast = Cast::of(1, 3).unwrap();
        let of = |number: usize| approvers("demo.market.lantern", &cast.reviewers[number]);
        let (officer, station) = (("officer", "officer-lantern".to_owned()), ("station", "station-market".to_owned()));
        assert_eq!(of(0), []);
        assert_eq!(of(2), [officer.clone(), station]);
        assert_eq!(of(1), [officer]);
    }

    #[test]
    fn a_folder_is_copied_with_all_that_is_below_it() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(from.path().join("below")).unwrap();
        fs::write(from.path().join("below/a"), "1").unwrap();
        copy(from.path(), to.path()).unwrap();
        assert_eq!(fs::read_to_string(to.path().join("below/a")).unwrap(), "1");
    }
}
