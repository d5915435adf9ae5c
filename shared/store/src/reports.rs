//! Reports: the one write of a command, whole histories, and lists.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, CancellationReason, ConditionCheck, Delete, Put, TransactWriteItem, Update},
};
use pingan_domain::{
    Timestamp,
    code::Code,
    command::Receipt,
    content::Content,
    decide::Decided,
    error::{Error, FieldError},
    event::Event,
    life::{RejectionReason, Stage, State},
    media::{Erasure, MediaId},
    member::MemberId,
    named::Named as _,
    notice,
    report::{Category, Report, ReportId, Urgency},
    task::TaskId,
    territory::NodeId,
};
use serde::{Deserialize, Serialize};

use crate::{
    Store,
    fault::fault,
    handovers,
    item::{EXPIRES_AT, Item, decode, encode, key_attributes, key_of},
    keys::{self, Index, Key, Table},
    notices,
    pages::Asked,
    rewards,
};

/// How long a command is remembered, in days: longer than any phone keeps trying.
const RECEIPT_DAYS: i64 = 30;

/// What lists show of a report: nothing of its texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Its code.
    pub id: ReportId,
    /// Its version.
    pub version: u64,
    /// The community it was sent from.
    pub node: NodeId,
    /// The reporter's pseudonym.
    pub pseudonym: Code,
    /// What it is about.
    pub category: Category,
    /// How fast it has to be dealt with.
    pub urgency: Urgency,
    /// Where it is in its life.
    pub state: State,
    /// The stage that holds it, or held it last.
    pub stage: Stage,
    /// When it came to that stage.
    pub stage_since: Timestamp,
    /// When the next step is expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// When it was sent in.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Why it was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<RejectionReason>,
}

/// The attributes of a [`Summary`], projected into every index.
pub(crate) const SUMMARY_ATTRIBUTES: [&str; 15] = [
    "type",
    "schema",
    "id",
    "version",
    "node",
    "pseudonym",
    "category",
    "urgency",
    "state",
    "stage",
    "stage_since",
    "due_at",
    "created_at",
    "updated_at",
    "reason",
];

impl From<&Report> for Summary {
    fn from(report: &Report) -> Self {
        Self {
            id: report.id,
            version: report.version,
            node: report.node.clone(),
            pseudonym: report.pseudonym,
            category: report.category,
            urgency: report.urgency,
            state: report.state,
            stage: report.stage,
            stage_since: report.stage_since,
            due_at: report.due_at,
            created_at: report.created_at,
            updated_at: report.updated_at,
            reason: report.reason,
        }
    }
}

/// Why nothing was committed.
#[derive(Debug, PartialEq, Eq)]
pub enum CommitError {
    /// The same command was carried out before: load its receipt and answer from there.
    AlreadyDone,
    /// Somebody else was faster: the report is no longer the one that was decided on.
    Stale,
    /// Another command's report has this code: try the next candidate.
    CodeTaken,
    /// Anything else.
    Failed(Error),
}

impl From<Error> for CommitError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// A list of reports.
#[derive(Debug, Clone, Copy)]
pub enum List<'a> {
    /// What a stage of a node has to review.
    Queue(&'a NodeId, Stage),
    /// What a reporter has sent in.
    Mine(&'a MemberId),
    /// What came from a node.
    Territory(&'a NodeId),
    /// What answers a task.
    OfTask(TaskId),
    /// What is open in a node, the oldest first.
    Open(&'a NodeId),
    /// What is late in a node at this moment, what is longest so first.
    Overdue(&'a NodeId, Timestamp),
}

/// A page of a list.
#[derive(Debug)]
pub struct Page {
    /// Its reports.
    pub items: Vec<Summary>,
    /// Where the list goes on, if it does.
    pub next: Option<String>,
}

/// A report with all that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// The report.
    pub report: Report,
    /// Its events, oldest first.
    pub events: Vec<Event>,
    /// Its texts, oldest first.
    pub contents: Vec<Content>,
    /// Which of its media were erased with it.
    pub erasures: Vec<Erasure>,
}

impl Store {
    /// Commits what was decided, all of it or nothing. `old` is the report that it was
    /// decided on; none for a new one.
    pub async fn commit(&self, old: Option<&Report>, decided: &Decided, receipt: &Receipt) -> Result<(), CommitError> {
        let writes = Writes::new(self, old, decided, receipt)?;
        let media = writes.media.clone();
        let sent = self.client.transact_write_items().set_transact_items(Some(writes.items)).send().await;
        let Err(error) = sent else { return Ok(()) };
        let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
            return Err(CommitError::Failed(fault("TransactWriteItems", &error)));
        };
        Err(cancelled(canceled.cancellation_reasons(), old.is_some(), &media))
    }

    /// A report with its events and texts; none when there is none.
    pub async fn history(&self, id: ReportId) -> Result<Option<History>, Error> {
        let mut report = None;
        let (mut events, mut contents, mut erasures) = (Vec::new(), Vec::new(), Vec::new());
        for item in self.partition(Table::Reports, &Key::Report(id).pk(), "").await? {
            match key_of(&item)? {
                key @ Key::Report(_) => report = Some(decode(&key, &item)?),
                key @ Key::Event(..) => events.push(decode(&key, &item)?),
                key @ Key::Content(..) => contents.push(decode(&key, &item)?),
                key @ Key::Erasure(..) => erasures.push(decode(&key, &item)?),
                _ => {}
            }
        }
        Ok(report.map(|report| History { report, events, contents, erasures }))
    }

    /// A page of a list, for `reader`, who alone can use its cursor.
    pub async fn list(
        &self,
        list: List<'_>,
        reader: &MemberId,
        limit: u16,
        cursor: Option<&str>,
    ) -> Result<Page, Error> {
        let (index, pk, backward) = match list {
            List::Queue(node, stage) => (Index::QueueByStage, keys::queue_pk(node, stage), false),
            List::Mine(member) => (Index::ReportsByReporter, keys::reporter_pk(member), true),
            List::Territory(node) => (Index::ReportsByNode(node.level()), keys::node_pk(node), true),
            List::OfTask(task) => (Index::ReportsByTask, keys::task_pk(task), true),
            List::Open(node) => (Index::OpenReportsByNode, keys::open_pk(node), false),
            List::Overdue(node, _) => (Index::DeadlinesByNode, keys::open_pk(node), false),
        };
        let before = match list {
            List::Overdue(_, now) => Some(keys::after_moment(now)),
            _ => None,
        };
        let (items, next) = self.page(Asked { index, pk, before, backward, reader, limit, cursor }).await?;
        Ok(Page { items, next })
    }
}

/// Reports by the stage that holds them, their state and the reason of a rejection.
pub type ReportCounts = BTreeMap<(Stage, State, Option<RejectionReason>), u32>;

/// The most pages of reports that are counted, of 1 MiB each.
const MAX_COUNTED_PAGES: usize = 4;

impl Store {
    /// How many reports answer a task, by the stage that holds them, their state and the reason
    /// of a rejection; and whether these are all. Some ten thousand are counted, newest first.
    pub async fn count_reports_of_task(&self, task: TaskId) -> Result<(ReportCounts, bool), Error> {
        let mut counts = BTreeMap::new();
        let mut start = None;
        for _ in 0..MAX_COUNTED_PAGES {
            let page = self
                .client
                .query()
                .table_name(self.tables.of(Table::Reports))
                .index_name(Index::ReportsByTask.name())
                .key_condition_expression("#pk = :pk")
                .expression_attribute_names("#pk", Index::ReportsByTask.attributes().0)
                .expression_attribute_values(":pk", AttributeValue::S(keys::task_pk(task)))
                .scan_index_forward(false)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| fault("Query", &error))?;
            for item in page.items.unwrap_or_default() {
                let Summary { stage, state, reason, .. } = decode(&key_of(&item)?, &item)?;
                *counts.entry((stage, state, reason)).or_default() += 1;
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok((counts, true));
            }
        }
        Ok((counts, false))
    }
}

/// The writes of one commit. The receipt stands first and the report second: the reasons
/// of a cancelled transaction come in the same order.
struct Writes {
    items: Vec<TransactWriteItem>,
    /// The media that are attached, in order, from the third item on.
    media: Vec<MediaId>,
}

impl Writes {
    fn new(store: &Store, old: Option<&Report>, decided: &Decided, receipt: &Receipt) -> Result<Self, Error> {
        let table = store.tables.of(Table::Reports);
        let receipt = put(table, receipt_item(receipt, decided.event.at)?, Some("attribute_not_exists(pk)"), &[])?;
        let mut items = vec![receipt];
        items.extend(writes_of(store, old, decided)?);
        Ok(Self { items, media: decided.event.media.clone() })
    }
}

/// Everything that a decision on a report writes but the receipt of its command, the report first
/// and then the media that are attached.
pub(crate) fn writes_of(
    store: &Store,
    old: Option<&Report>,
    decided: &Decided,
) -> Result<Vec<TransactWriteItem>, Error> {
    let table = store.tables.of(Table::Reports);
    let Decided { report, event, contents, handovers } = decided;
    let mut items = vec![match old {
        None => put(table, report_item(report)?, Some("attribute_not_exists(pk)"), &[])?,
        Some(old) => put(
            table,
            report_item(report)?,
            Some("version = :old"),
            &[(":old", AttributeValue::N(old.version.to_string()))],
        )?,
    }];
    for media in &event.media {
        items.push(attach(table, *media, report)?);
    }
    if let Some(original) = event.duplicate_of {
        items.push(is_original(table, original)?);
    }
    let event_key = Key::Event(report.id, event.seq);
    items.push(put(table, encode(&event_key, event)?, Some("attribute_not_exists(pk)"), &[])?);
    for content in contents {
        let key = Key::Content(report.id, content.seq, content.part);
        items.push(put(table, encode(&key, content)?, None, &[])?);
    }
    if let Some(old) = old
        && event.erases
    {
        for &(seq, part) in &old.contents {
            items.push(delete(table, &Key::Content(report.id, seq, part))?);
        }
    }
    let before = old.map(Report::queues).unwrap_or_default();
    let after = report.queues();
    for &stage in before.iter().filter(|stage| !after.contains(stage)) {
        items.push(delete(table, &Key::QueueEntry(report.id, stage))?);
    }
    // An entry shows the version, which every event changes.
    for stage in after {
        items.push(put(table, queue_item(report, stage)?, None, &[])?);
    }
    let (before, after) = (old.map(open_stages).unwrap_or_default(), open_stages(report));
    for &stage in before.iter().filter(|stage| !after.contains(stage)) {
        items.push(delete(table, &Key::OpenEntry(report.id, stage))?);
    }
    for stage in after {
        items.push(put(table, open_item(report, stage)?, None, &[])?);
    }
    for handover in handovers {
        items.extend(handovers::writes_of(store, handover)?);
    }
    items.extend(rewards::writes_of(store, old, report)?);
    items.extend(notices::puts(store, &notice::of_report(event, &report.reporter))?);
    Ok(items)
}

fn cancelled(reasons: &[CancellationReason], update: bool, media: &[MediaId]) -> CommitError {
    let failed = |i: usize| reasons.get(i).and_then(CancellationReason::code) == Some("ConditionalCheckFailed");
    if failed(0) {
        return CommitError::AlreadyDone;
    }
    if failed(1) {
        return if update { CommitError::Stale } else { CommitError::CodeTaken };
    }
    let bad: Vec<_> = (0..media.len())
        .filter(|i| failed(2 + i))
        .map(|i| FieldError::new(format!("/media/{i}"), "is already attached to a report or an answer"))
        .collect();
    if !bad.is_empty() {
        return CommitError::Failed(Error::Invalid(bad));
    }
    if (2..reasons.len()).any(failed) {
        // What the decision stood on has changed: the original has become a duplicate.
        return CommitError::Stale;
    }
    let passing = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
    if reasons.iter().filter_map(CancellationReason::code).any(|code| passing.contains(&code)) {
        // Another writer holds one of the items at this moment; for a decision that means
        // that the report is about to change.
        return if update { CommitError::Stale } else { CommitError::Failed(Error::Busy { retry_after_seconds: 1 }) };
    }
    let codes: Vec<_> = reasons.iter().map(|reason| reason.code().unwrap_or("None")).collect();
    CommitError::Failed(Error::Internal(format!("the transaction was cancelled: {codes:?}")))
}

fn report_item(report: &Report) -> Result<Item, Error> {
    let mut item = encode(&Key::Report(report.id), report)?;
    let mut index = |index: Index, pk: String, sk: String| {
        let (pk_name, sk_name) = index.attributes();
        item.insert(pk_name.to_owned(), AttributeValue::S(pk));
        item.insert(sk_name.to_owned(), AttributeValue::S(sk));
    };
    let created = keys::created_sk(report.created_at, report.id.as_str());
    if !report.reporter.is_no_reporter() {
        index(Index::ReportsByReporter, keys::reporter_pk(&report.reporter), created.clone());
    }
    // A report that names the conduct of a stage stands in no list of that stage's nodes: not
    // even a short page or a cursor tells that it is there.
    for stage in Stage::ALL.iter().copied().filter(|&stage| stage >= report.first_stage()) {
        let node = report.node_of(stage);
        index(Index::ReportsByNode(node.level()), keys::node_pk(&node), created.clone());
    }
    if let Some(clock_at) = report.clock_at {
        let shard = keys::due_pk(keys::due_shard(report.id));
        index(Index::ReportsByDue, shard, keys::created_sk(clock_at, report.id.as_str()));
    }
    // A report that names the conduct of a stage stands in the list of no task either: the
    // task may be that stage's.
    if let Some(task) = report.task.filter(|_| report.first_stage() == Stage::Officer) {
        let (pk_name, sk_name) = Index::ReportsByTask.attributes();
        item.insert(pk_name.to_owned(), AttributeValue::S(keys::task_pk(task)));
        item.insert(sk_name.to_owned(), AttributeValue::S(created));
    }
    Ok(item)
}

/// The stages in whose lists of what is open a report stands: all that may know of it, while it
/// has not come to an end.
fn open_stages(report: &Report) -> Vec<Stage> {
    let stages = Stage::ALL.iter().copied();
    stages.filter(|&stage| report.state.is_open() && stage >= report.first_stage()).collect()
}

/// What puts a report as it stands on the clock and into the lists, on condition that it has not
/// changed meanwhile.
pub(crate) fn older_writes(table: &str, report: &Report) -> Result<Vec<TransactWriteItem>, Error> {
    let version = AttributeValue::N(report.version.to_string());
    let unchanged = Some("version = :version");
    let mut items = vec![put(table, report_item(report)?, unchanged, &[(":version", version)])?];
    for stage in open_stages(report) {
        items.push(put(table, open_item(report, stage)?, None, &[])?);
    }
    Ok(items)
}

fn open_item(report: &Report, stage: Stage) -> Result<Item, Error> {
    let mut item = encode(&Key::OpenEntry(report.id, stage), &Summary::from(report))?;
    let (pk, created) = Index::OpenReportsByNode.attributes();
    item.insert(pk.to_owned(), AttributeValue::S(keys::open_pk(&report.node_of(stage))));
    let place = keys::created_sk(report.created_at, report.id.as_str());
    item.insert(created.to_owned(), AttributeValue::S(place));
    // What nobody must do by a time is open, and never late.
    if let Some(due_at) = report.due_at {
        let (_, deadline) = Index::DeadlinesByNode.attributes();
        let place = keys::created_sk(due_at, report.id.as_str());
        item.insert(deadline.to_owned(), AttributeValue::S(place));
    }
    Ok(item)
}

fn queue_item(report: &Report, stage: Stage) -> Result<Item, Error> {
    let mut item = encode(&Key::QueueEntry(report.id, stage), &Summary::from(report))?;
    let (pk, sk) = Index::QueueByStage.attributes();
    item.insert(pk.to_owned(), AttributeValue::S(keys::queue_pk(&report.node_of(stage), stage)));
    let place = keys::queue_sk(report.urgency, report.stage_since, report.id);
    item.insert(sk.to_owned(), AttributeValue::S(place));
    Ok(item)
}

pub(crate) fn receipt_item(receipt: &Receipt, now: Timestamp) -> Result<Item, Error> {
    let mut item = encode(&Key::Receipt(receipt.command), receipt)?;
    item.insert(EXPIRES_AT.to_owned(), AttributeValue::N((now.as_second() + RECEIPT_DAYS * 86_400).to_string()));
    Ok(item)
}

pub(crate) fn put(
    table: &str,
    item: Item,
    condition: Option<&str>,
    values: &[(&str, AttributeValue)],
) -> Result<TransactWriteItem, Error> {
    let mut put = Put::builder().table_name(table).set_item(Some(item));
    if let Some(condition) = condition {
        put = put.condition_expression(condition);
    }
    for (name, value) in values {
        put = put.expression_attribute_values(*name, value.clone());
    }
    let put = put.build().map_err(|error| Error::Internal(error.to_string()))?;
    Ok(TransactWriteItem::builder().put(put).build())
}

pub(crate) fn delete(table: &str, key: &Key) -> Result<TransactWriteItem, Error> {
    let delete = Delete::builder().table_name(table).set_key(Some(key_attributes(key))).build();
    Ok(TransactWriteItem::builder().delete(delete.map_err(|error| Error::Internal(error.to_string()))?).build())
}

/// The original of a duplicate is, in this very moment, no duplicate itself.
fn is_original(table: &str, original: ReportId) -> Result<TransactWriteItem, Error> {
    let check = ConditionCheck::builder()
        .table_name(table)
        .set_key(Some(key_attributes(&Key::Report(original))))
        .condition_expression("attribute_exists(pk) AND attribute_not_exists(duplicate_of)")
        .build()
        .map_err(|error| Error::Internal(error.to_string()))?;
    Ok(TransactWriteItem::builder().condition_check(check).build())
}

fn attach(table: &str, media: MediaId, report: &Report) -> Result<TransactWriteItem, Error> {
    let update = Update::builder()
        .table_name(table)
        .set_key(Some(key_attributes(&Key::Media(media))))
        .update_expression("SET #report = :report REMOVE #expires")
        .condition_expression(
            "attribute_not_exists(#report) AND attribute_not_exists(#task) AND #owner = :owner AND #state.#state = :ready",
        )
        .expression_attribute_names("#report", "report")
        .expression_attribute_names("#task", "task")
        .expression_attribute_names("#owner", "owner")
        .expression_attribute_names("#state", "state")
        .expression_attribute_names("#expires", EXPIRES_AT)
        .expression_attribute_values(":report", AttributeValue::S(report.id.to_string()))
        .expression_attribute_values(":owner", AttributeValue::S(report.reporter.to_string()))
        .expression_attribute_values(":ready", AttributeValue::S("ready".to_owned()))
        .build()
        .map_err(|error| Error::Internal(error.to_string()))?;
    Ok(TransactWriteItem::builder().update(update).build())
}
