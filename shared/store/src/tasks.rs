//! Tasks: the one write of a command on a task, what runs where, what reporters do with it,
//! and the counts of that.
//!
//! Nothing is written for each reporter when a task is sent: it stands once in each node of
//! its scope, and whoever belongs there finds it.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, CancellationReason, TransactWriteItem, Update},
};
use futures::future::try_join_all;
use pingan_domain::{
    Timestamp,
    error::{Error, FieldError},
    invite::after_days,
    media::MediaId,
    member::MemberId,
    notice::of_task,
    report::{Category, Urgency},
    scope::Census,
    task::{Task, TaskEntry, TaskId, TaskKind, TaskStage, Value},
    task_receipt::{Counts, KEPT_DAYS, TaskAnswer, TaskReceipt},
    tasking::{Decided, TaskEvent},
    territory::{Level, NodeId},
};
use serde::{Deserialize, Serialize};

use crate::{
    Store, awards,
    fault::fault,
    item::{EXPIRES_AT, Item, decode, encode, key_attributes, key_of, text},
    keys::{self, EVENT_PREFIX, Index, Key, Table},
    load::MAX_BATCH,
    members::{Done, seconds},
    notices,
    pages::{Asked, PLACE, place},
    reports::{delete, put},
};

/// How long a command on tasks is remembered, in days.
const DONE_DAYS: i64 = 30;

/// What lists of managers show of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskSummary {
    /// Its code.
    pub id: TaskId,
    /// Its version.
    pub version: u64,
    /// What it asks for.
    pub kind: TaskKind,
    /// Its title.
    pub title: String,
    /// What it is about.
    pub category: Category,
    /// How fast it has to be looked at.
    pub priority: Urgency,
    /// The node of its maker.
    pub node: NodeId,
    /// How far it has come.
    pub stage: TaskStage,
    /// When its window begins.
    pub starts_at: Timestamp,
    /// When its window ends.
    pub ends_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// The attributes of a [`TaskSummary`], projected into the indexes of tasks.
pub(crate) const SUMMARY_ATTRIBUTES: [&str; 14] = [
    "type",
    "schema",
    "id",
    "version",
    "kind",
    "title",
    "category",
    "priority",
    "node",
    "stage",
    "starts_at",
    "ends_at",
    "created_at",
    "updated_at",
];

/// The attributes of a [`TaskAnswer`], projected into its index.
pub(crate) const ANSWER_ATTRIBUTES: [&str; 7] =
    ["type", "schema", "pseudonym", "answered_at", "form_version", "answer", "media"];

/// A page of a list.
#[derive(Debug)]
pub struct TaskPage<T> {
    /// Its items.
    pub items: Vec<T>,
    /// Where the list goes on, if it does.
    pub next: Option<String>,
}

/// One commit of what a reporter did with a task.
#[derive(Debug, Clone, Copy)]
pub struct ReceiptCommit<'a> {
    /// The id with which the reporter signs in.
    pub reader: &'a MemberId,
    /// The task.
    pub task: &'a Task,
    /// The receipt that it was decided on; none for the first.
    pub old: Option<&'a TaskReceipt>,
    /// The receipt after.
    pub receipt: &'a TaskReceipt,
    /// The answer before, if there was one, and the answer after; none for what is no answer.
    pub answer: Option<(Option<&'a TaskAnswer>, &'a TaskAnswer)>,
    /// When.
    pub now: Timestamp,
}

/// Why nothing was committed.
#[derive(Debug, PartialEq, Eq)]
pub enum TaskCommitError {
    /// The same command was carried out before: load its record and answer from there.
    AlreadyDone,
    /// Somebody else was faster: load again and decide again.
    Stale,
    /// Another command's task has this code: try the next candidate.
    CodeTaken,
    /// Anything else.
    Failed(Error),
}

impl From<Error> for TaskCommitError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Store {
    /// Commits what was decided on a task, all of it or nothing: the task, its event, where it
    /// runs, and who is told. `old` is the task that it was decided on; none for a new one.
    ///
    /// What it writes depends on the nodes of the scope, at most 20, and never on how many
    /// reporters there are.
    pub async fn commit_task(
        &self,
        old: Option<&Task>,
        decided: &Decided,
        done: Option<&Done>,
    ) -> Result<(), TaskCommitError> {
        let table = self.tables.of(Table::Tasks);
        let Decided { task, event, .. } = decided;
        let new = Some("attribute_not_exists(pk)");
        let mut items = vec![match old {
            None => put(table, task_item(task)?, new, &[])?,
            Some(old) => {
                let version = AttributeValue::N(old.version.to_string());
                put(table, task_item(task)?, Some("version = :old"), &[(":old", version)])?
            }
        }];
        if let Some(done) = done {
            let mut item = encode(&Key::TaskDone(done.command), done)?;
            item.insert(EXPIRES_AT.to_owned(), seconds(after_days(event.at, DONE_DAYS)?));
            items.push(put(table, item, new, &[])?);
        }
        items.push(put(table, encode(&Key::TaskEvent(task.id, event.seq), event)?, new, &[])?);
        let (before, after) = (old.map(places).unwrap_or_default(), places(task));
        for key in before.iter().filter(|key| !after.contains(key)) {
            items.push(delete(table, key)?);
        }
        for key in after {
            let mut item = encode(&key, &TaskEntry::from(task))?;
            item.insert(EXPIRES_AT.to_owned(), seconds(after_days(task.content.ends_at, 1)?));
            items.push(put(table, item, None, &[])?);
        }
        items.extend(notices::puts(self, &of_task(decided))?);
        let sent = self.client.transact_write_items().set_transact_items(Some(items)).send().await;
        let Err(error) = sent else { return Ok(()) };
        let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
            return Err(TaskCommitError::Failed(fault("TransactWriteItems", &error)));
        };
        let reasons = canceled.cancellation_reasons();
        Err(match conditions_failed(reasons)?.first() {
            // A command that was carried out has changed the task as well.
            _ if done.is_some() && failed(reasons, 1) => TaskCommitError::AlreadyDone,
            Some(0) if old.is_none() => TaskCommitError::CodeTaken,
            _ => TaskCommitError::Stale,
        })
    }

    /// A page of the tasks that were made in a node or below it, newest first, for `reader`,
    /// who alone can use its cursor.
    pub async fn tasks(
        &self,
        node: &NodeId,
        reader: &MemberId,
        limit: u16,
        cursor: Option<&str>,
    ) -> Result<TaskPage<TaskSummary>, Error> {
        let index = Index::TasksByNode(node.level());
        let asked = Asked { index, pk: keys::node_pk(node), before: None, backward: true, reader, limit, cursor };
        let (items, next) = self.page(asked).await?;
        Ok(TaskPage { items, next })
    }

    /// A page of the answers to a task, in the order in which they came, for `reader`, who
    /// alone can use its cursor.
    pub async fn answers(
        &self,
        task: TaskId,
        reader: &MemberId,
        limit: u16,
        cursor: Option<&str>,
    ) -> Result<TaskPage<TaskAnswer>, Error> {
        let (index, pk) = (Index::AnswersByTask, keys::task_pk(task));
        let (items, next) =
            self.page(Asked { index, pk, before: None, backward: false, reader, limit, cursor }).await?;
        Ok(TaskPage { items, next })
    }

    /// A page of the tasks whose windows are not over in a node and its ancestors, what ends
    /// first before the others, for `reader`, who alone can use its cursor. The nodes are asked
    /// at the same time.
    pub async fn running_tasks(
        &self,
        node: &NodeId,
        reader: &MemberId,
        limit: u16,
        cursor: Option<&str>,
        now: Timestamp,
    ) -> Result<TaskPage<TaskEntry>, Error> {
        let scope = format!("running|{node}|{reader}");
        // The moment of its end is past its end; `$` comes after the `#` of a place. A page that is
        // asked for late does not show what has ended since the one before.
        let ended = format!("{}$", keys::place_sk(now));
        let since = match cursor {
            Some(cursor) => {
                text(&self.cursor_key.open(&scope, cursor)?, PLACE).unwrap_or_default().max(&ended).to_owned()
            }
            None => ended,
        };
        let nodes = [Level::Community, Level::Station, Level::District].into_iter().filter_map(|level| node.at(level));
        let (found, more) = self.merged(Table::Tasks, nodes.map(|node| keys::place_pk(&node)), &since, limit).await?;
        let next = found.last().filter(|_| more).map(|last| {
            let at = Item::from([(PLACE.to_owned(), AttributeValue::S(place(last)))]);
            self.cursor_key.seal(&scope, &at)
        });
        let items = found.into_iter().map(|item| decode(&key_of(&item)?, &item)).collect::<Result<_, _>>()?;
        Ok(TaskPage { items, next: next.transpose()? })
    }

    /// What the reporter who signs in with this id has done with tasks, by their codes.
    pub async fn task_receipts(&self, reader: &MemberId) -> Result<BTreeMap<TaskId, TaskReceipt>, Error> {
        let items = self.partition(Table::Tasks, &keys::receipts_pk(reader), "").await?;
        let receipts = items.into_iter().map(|item| decode::<TaskReceipt>(&key_of(&item)?, &item));
        receipts.map(|receipt| receipt.map(|receipt| (receipt.task, receipt))).collect()
    }

    /// The history of a task, oldest first.
    pub async fn task_events(&self, task: TaskId) -> Result<Vec<TaskEvent>, Error> {
        let items = self.partition(Table::Tasks, &keys::task_pk(task), EVENT_PREFIX).await?;
        items.into_iter().map(|item| decode(&key_of(&item)?, &item)).collect()
    }

    /// How many have got, read and answered a task in each of these communities, in the same
    /// order; all of it at the same time.
    pub async fn task_counts(&self, task: TaskId, communities: &[NodeId]) -> Result<Vec<Counts>, Error> {
        let batches = communities.chunks(MAX_BATCH).map(|batch| async move {
            let loaded = self.load(batch.iter().map(|node| Key::TaskCount(task, node.clone()))).await?;
            batch.iter().map(|node| loaded.task_counts(task, node)).collect::<Result<Vec<_>, _>>()
        });
        Ok(try_join_all(batches).await?.into_iter().flatten().collect())
    }

    /// The census of these communities, in the same order; all of it at the same time.
    pub async fn census_of(&self, communities: &[NodeId]) -> Result<Vec<Census>, Error> {
        let batches = communities.chunks(MAX_BATCH).map(|batch| async move {
            let loaded = self.load(batch.iter().cloned().map(Key::Census)).await?;
            batch.iter().map(|community| loaded.census(community)).collect::<Result<Vec<_>, _>>()
        });
        Ok(try_join_all(batches).await?.into_iter().flatten().collect())
    }

    /// Commits what a reporter did with a task, and counts what is new of it in the same
    /// transaction, so that nothing is counted twice.
    pub async fn commit_receipt(&self, commit: &ReceiptCommit<'_>) -> Result<(), TaskCommitError> {
        let ReceiptCommit { reader, task, old, receipt, answer, now } = *commit;
        let table = self.tables.of(Table::Tasks);
        let expires = seconds(after_days(task.content.ends_at, KEPT_DAYS)?);
        let mut items = vec![match old {
            None => put(table, receipt_item(reader, receipt, &expires)?, Some("attribute_not_exists(pk)"), &[])?,
            Some(old) => {
                let version = AttributeValue::N(old.version.to_string());
                put(table, receipt_item(reader, receipt, &expires)?, Some("version = :old"), &[(":old", version)])?
            }
        }];
        let media: Vec<MediaId> = answer.iter().flat_map(|(_, new)| &new.media).map(|media| media.id).collect();
        for id in &media {
            items.push(attach(self.tables.of(Table::Reports), *id, receipt, &expires)?);
        }
        if let Some((before, new)) = answer {
            items.push(put(table, answer_item(reader, task.id, new, &expires)?, None, &[])?);
            let dropped = before.iter().flat_map(|before| &before.media).filter(|old| !media.contains(&old.id));
            for old in dropped {
                items.push(detach(self.tables.of(Table::Reports), old.id, receipt, now)?);
            }
        }
        let counts = receipt.counts().since(old.map(TaskReceipt::counts).unwrap_or_default());
        if counts != Counts::default() {
            items.push(count(table, receipt, counts, &expires)?);
        }
        if let Some(fact) = awards::task_fact(old, receipt, &expires)? {
            items.push(put(table, fact, None, &[])?);
        }
        let sent = self.client.transact_write_items().set_transact_items(Some(items)).send().await;
        let Err(error) = sent else { return Ok(()) };
        let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
            return Err(TaskCommitError::Failed(fault("TransactWriteItems", &error)));
        };
        let reasons = canceled.cancellation_reasons();
        let failed = conditions_failed(reasons)?;
        if failed.is_empty() || failed.contains(&0) {
            return Err(TaskCommitError::Stale);
        }
        let taken = |i: usize| media.get(i.checked_sub(1)?);
        if failed.iter().any(|i| taken(*i).is_none()) {
            return Err(TaskCommitError::Stale);
        }
        let bad = failed.into_iter().filter_map(taken).map(|id| {
            let mut values = answer.iter().flat_map(|(_, new)| &new.answer);
            let name = values.find(|(_, value)| matches!(value, Value::Text(text) if text.parse() == Ok(*id)));
            let at = name.map_or_else(|| "/answer".to_owned(), |(name, _)| format!("/answer/{name}"));
            FieldError::new(at, "is already attached to a report or an answer")
        });
        Err(TaskCommitError::Failed(Error::Invalid(bad.collect())))
    }
}

/// The keys under which a task that was sent stands in the nodes of its scope.
fn places(task: &Task) -> Vec<Key> {
    if task.stage != TaskStage::Published {
        return Vec::new();
    }
    let nodes = task.content.scope.nodes.iter().cloned();
    nodes.map(|node| Key::TaskPlace(node, task.content.ends_at, task.id)).collect()
}

fn task_item(task: &Task) -> Result<Item, Error> {
    let mut item = encode(&Key::Task(task.id), task)?;
    let created = keys::created_sk(task.created_at, task.id.as_str());
    for level in [Level::Community, Level::Station, Level::District] {
        let Some(node) = task.node.at(level) else { continue };
        let (pk, sk) = Index::TasksByNode(level).attributes();
        item.insert(pk.to_owned(), AttributeValue::S(keys::node_pk(&node)));
        item.insert(sk.to_owned(), AttributeValue::S(created.clone()));
    }
    Ok(item)
}

fn receipt_item(reader: &MemberId, receipt: &TaskReceipt, expires: &AttributeValue) -> Result<Item, Error> {
    let mut item = encode(&Key::TaskReceipt(reader.clone(), receipt.task), receipt)?;
    item.insert(EXPIRES_AT.to_owned(), expires.clone());
    Ok(item)
}

fn answer_item(reader: &MemberId, task: TaskId, answer: &TaskAnswer, expires: &AttributeValue) -> Result<Item, Error> {
    let mut item = encode(&Key::TaskAnswer(reader.clone(), task), answer)?;
    item.insert(EXPIRES_AT.to_owned(), expires.clone());
    let (pk, sk) = Index::AnswersByTask.attributes();
    item.insert(pk.to_owned(), AttributeValue::S(keys::task_pk(task)));
    item.insert(sk.to_owned(), AttributeValue::S(keys::created_sk(answer.answered_at, answer.pseudonym.as_str())));
    Ok(item)
}

/// Counts what is new in the reporter's community.
fn count(
    table: &str,
    receipt: &TaskReceipt,
    counts: Counts,
    expires: &AttributeValue,
) -> Result<TransactWriteItem, Error> {
    let key = Key::TaskCount(receipt.task, receipt.node.clone());
    let number = |count: u32| AttributeValue::N(count.to_string());
    let update = Update::builder()
        .table_name(table)
        .set_key(Some(key_attributes(&key)))
        .update_expression(
            "SET #type = :type, #schema = :schema, #ends = :ends ADD delivered :delivered, #read :read, answered :answered",
        )
        .expression_attribute_names("#type", "type")
        .expression_attribute_names("#schema", "schema")
        .expression_attribute_names("#ends", EXPIRES_AT)
        .expression_attribute_names("#read", "read")
        .expression_attribute_values(":type", AttributeValue::S(key.kind().to_owned()))
        .expression_attribute_values(":schema", AttributeValue::N(crate::item::SCHEMA.to_string()))
        .expression_attribute_values(":ends", expires.clone())
        .expression_attribute_values(":delivered", number(counts.delivered))
        .expression_attribute_values(":read", number(counts.read))
        .expression_attribute_values(":answered", number(counts.answered))
        .build()
        .map_err(|error| Error::Internal(error.to_string()))?;
    Ok(TransactWriteItem::builder().update(update).build())
}

/// Lets an answer take a picture. Both go at the same time: when its record does, the objects follow.
fn attach(
    table: &str,
    id: MediaId,
    receipt: &TaskReceipt,
    expires: &AttributeValue,
) -> Result<TransactWriteItem, Error> {
    let update = Update::builder()
        .table_name(table)
        .set_key(Some(key_attributes(&Key::Media(id))))
        .update_expression("SET #task = :task, #ends = :ends")
        .condition_expression(
            "attribute_not_exists(#report) AND (attribute_not_exists(#task) OR #task = :task) AND #owner = :owner AND #state.#state = :ready",
        )
        .expression_attribute_names("#report", "report")
        .expression_attribute_names("#task", "task")
        .expression_attribute_names("#owner", "owner")
        .expression_attribute_names("#state", "state")
        .expression_attribute_names("#ends", EXPIRES_AT)
        .expression_attribute_values(":task", AttributeValue::S(receipt.task.to_string()))
        .expression_attribute_values(":ends", expires.clone())
        .expression_attribute_values(":owner", AttributeValue::S(receipt.member.to_string()))
        .expression_attribute_values(":ready", AttributeValue::S("ready".to_owned()))
        .build()
        .map_err(|error| Error::Internal(error.to_string()))?;
    Ok(TransactWriteItem::builder().update(update).build())
}

/// Takes a picture back out of an answer that has another one now. It goes as a slot does that
/// nothing took.
fn detach(table: &str, id: MediaId, receipt: &TaskReceipt, now: Timestamp) -> Result<TransactWriteItem, Error> {
    let update = Update::builder()
        .table_name(table)
        .set_key(Some(key_attributes(&Key::Media(id))))
        .update_expression("SET #ends = :ends REMOVE #task")
        .condition_expression("#task = :task")
        .expression_attribute_names("#task", "task")
        .expression_attribute_names("#ends", EXPIRES_AT)
        .expression_attribute_values(":task", AttributeValue::S(receipt.task.to_string()))
        .expression_attribute_values(":ends", seconds(now))
        .build()
        .map_err(|error| Error::Internal(error.to_string()))?;
    Ok(TransactWriteItem::builder().update(update).build())
}

pub(crate) fn failed(reasons: &[CancellationReason], i: usize) -> bool {
    reasons.get(i).and_then(CancellationReason::code) == Some("ConditionalCheckFailed")
}

/// Which conditions of a cancelled transaction did not hold; none when another writer held one
/// of the items at this moment.
pub(crate) fn conditions_failed(reasons: &[CancellationReason]) -> Result<Vec<usize>, Error> {
    let all: Vec<usize> = (0..reasons.len()).filter(|i| failed(reasons, *i)).collect();
    let passing = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
    let passes = reasons.iter().filter_map(CancellationReason::code).any(|code| passing.contains(&code));
    if all.is_empty() && !passes {
        let codes: Vec<_> = reasons.iter().map(|reason| reason.code().unwrap_or("None")).collect();
        return Err(Error::Internal(format!("the transaction was cancelled: {codes:?}")));
    }
    Ok(all)
}
