//! Hand-overs: the one write of a step, their histories, their lists, and what the clock has to
//! look at.

use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, CancellationReason, TransactWriteItem},
};
use futures::future::try_join_all;
use pingan_domain::{
    Timestamp,
    access::{Access, AccessHead},
    command::Receipt,
    decide,
    error::Error,
    handover::{Decided, Handover, HandoverEvent, HandoverId, HandoverState, Receiver, is_overdue},
    member::MemberId,
    notice::of_handover,
    report::{Category, ReportId, Urgency},
    territory::NodeId,
};
use serde::{Deserialize, Serialize};

use crate::{
    CommitError, Store,
    audit::access_writes,
    fault::fault,
    item::{Item, decode, encode, key_of},
    keys::{self, DUE_SHARDS, Index, Key, Table},
    load::MAX_BATCH,
    members::{LOOKED_AT, key_in_index},
    notices,
    reports::{self, put, receipt_item},
};

/// What lists show of a hand-over: nothing of what was written or given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandoverSummary {
    /// Its code.
    pub id: HandoverId,
    /// Its version.
    pub version: u64,
    /// The report; not for the receiver.
    pub report: ReportId,
    /// The district that hands over.
    pub district: NodeId,
    /// To whom.
    pub receiver: Receiver,
    /// What the report is about.
    pub category: Category,
    /// How fast it has to be dealt with.
    pub urgency: Urgency,
    /// Where it is in its life.
    pub state: HandoverState,
    /// By when the receiver is expected to be done.
    pub due_at: Timestamp,
    /// When the receiver first opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_at: Option<Timestamp>,
    /// By when the receiver has to have erased what was recalled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erase_by: Option<Timestamp>,
    /// When the receiver confirmed that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl HandoverSummary {
    /// Whether the receiver is late.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        is_overdue(self.state, self.due_at, self.erase_by.filter(|_| self.erased_at.is_none()), now)
    }
}

/// The attributes of a [`HandoverSummary`], projected into the indexes of hand-overs.
pub(crate) const SUMMARY_ATTRIBUTES: [&str; 16] = [
    "type",
    "schema",
    "id",
    "version",
    "report",
    "district",
    "receiver",
    "category",
    "urgency",
    "state",
    "due_at",
    "received_at",
    "erase_by",
    "erased_at",
    "created_at",
    "updated_at",
];

/// A list of hand-overs.
#[derive(Debug, Clone, Copy)]
pub enum HandoverList<'a> {
    /// What a district has handed over.
    Sent(&'a NodeId),
    /// What was handed over to a receiver; to an agency by this district.
    Received(&'a Receiver, &'a NodeId),
}

/// Which hand-overs of a list are wanted; all of them when nothing is said.
#[derive(Debug, Clone, Copy, Default)]
pub struct HandoverFilter {
    /// Those in this state alone.
    pub state: Option<HandoverState>,
    /// Those alone whose receiver is late at this moment.
    pub overdue_at: Option<Timestamp>,
}

/// A page of a list.
#[derive(Debug)]
pub struct HandoverPage {
    /// The hand-overs, newest first.
    pub items: Vec<HandoverSummary>,
    /// Where the list goes on, if it does.
    pub next: Option<String>,
}

/// One commit of what was decided on a hand-over.
#[derive(Debug, Clone, Copy)]
pub struct HandoverCommit<'a> {
    /// What was decided.
    pub decided: &'a Decided,
    /// The receipt of the command, where it was one.
    pub receipt: Option<&'a Receipt>,
    /// The reading that comes with it: the end of the chain before, the reading, the end after.
    pub access: Option<(AccessHead, &'a Access, AccessHead)>,
    /// The report that the receiving district makes of it.
    pub copy: Option<&'a decide::Decided>,
}

/// What a decision on a hand-over writes: the hand-over, on condition of the version that it was
/// decided on, its event, and who is told.
pub(crate) fn writes_of(store: &Store, decided: &Decided) -> Result<Vec<TransactWriteItem>, Error> {
    let table = store.tables.of(Table::Handovers);
    let Decided { handover, event } = decided;
    let new = Some("attribute_not_exists(pk)");
    let item = handover_item(handover)?;
    let mut items = vec![match event.seq {
        1 => put(table, item, new, &[])?,
        seq => put(table, item, Some("version = :old"), &[(":old", AttributeValue::N((seq - 1).to_string()))])?,
    }];
    items.push(put(table, encode(&Key::HandoverEvent(handover.id, event.seq), event)?, new, &[])?);
    items.extend(notices::puts(store, &of_handover(decided))?);
    Ok(items)
}

fn handover_item(handover: &Handover) -> Result<Item, Error> {
    let mut item = encode(&Key::Handover(handover.id), handover)?;
    let mut index = |index: Index, pk: String, sk: String| {
        let (pk_name, sk_name) = index.attributes();
        item.insert(pk_name.to_owned(), AttributeValue::S(pk));
        item.insert(sk_name.to_owned(), AttributeValue::S(sk));
    };
    let created = keys::created_sk(handover.created_at, handover.id.as_str());
    index(Index::HandoversByDistrict, keys::node_pk(&handover.district), created.clone());
    index(Index::HandoversByReceiver, keys::handed_to_pk(&handover.receiver, &handover.district), created);
    if let Some(at) = handover.call_at {
        let place = keys::created_sk(at, handover.id.as_str());
        index(Index::HandoversByDue, keys::due_pk(keys::due_shard(handover.id)), place);
    }
    Ok(item)
}

impl Store {
    /// Commits what was decided on a hand-over, all of it or nothing.
    pub async fn commit_handover(&self, commit: &HandoverCommit<'_>) -> Result<(), CommitError> {
        let mut items = writes_of(self, commit.decided)?;
        let receipt_at = items.len();
        if let Some(receipt) = commit.receipt {
            let item = receipt_item(receipt, commit.decided.event.at)?;
            items.push(put(self.tables.of(Table::Reports), item, Some("attribute_not_exists(pk)"), &[])?);
        }
        if let Some((head, access, next)) = &commit.access {
            items.extend(access_writes(self, &access.report.into(), *head, access, *next)?);
        }
        let copy_at = items.len();
        if let Some(copy) = commit.copy {
            items.extend(reports::writes_of(self, None, copy)?);
        }
        let sent = self.client.transact_write_items().set_transact_items(Some(items)).send().await;
        let Err(error) = sent else { return Ok(()) };
        let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
            return Err(CommitError::Failed(fault("TransactWriteItems", &error)));
        };
        let reasons = canceled.cancellation_reasons();
        let failed = |i: usize| reasons.get(i).and_then(CancellationReason::code) == Some("ConditionalCheckFailed");
        if commit.receipt.is_some() && failed(receipt_at) {
            return Err(CommitError::AlreadyDone);
        }
        if commit.copy.is_some() && failed(copy_at) && !failed(0) {
            return Err(CommitError::CodeTaken);
        }
        let passing =
            ["ConditionalCheckFailed", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
        if reasons.iter().filter_map(CancellationReason::code).any(|code| passing.contains(&code)) {
            return Err(CommitError::Stale);
        }
        let codes: Vec<_> = reasons.iter().map(|reason| reason.code().unwrap_or("None")).collect();
        Err(CommitError::Failed(Error::Internal(format!("the transaction was cancelled: {codes:?}"))))
    }

    /// A hand-over with its events, oldest first; none when there is none.
    pub async fn handover_history(&self, id: HandoverId) -> Result<Option<(Handover, Vec<HandoverEvent>)>, Error> {
        let (mut handover, mut events) = (None, Vec::new());
        for item in self.partition(Table::Handovers, &keys::handover_pk(id), "").await? {
            match key_of(&item)? {
                key @ Key::Handover(_) => handover = Some(decode(&key, &item)?),
                key @ Key::HandoverEvent(..) => events.push(decode(&key, &item)?),
                _ => {}
            }
        }
        Ok(handover.map(|handover| (handover, events)))
    }

    /// A page of a list, newest first, for `reader`, who alone can use its cursor. With a filter, a
    /// page may be shorter than `limit` and still go on.
    pub async fn handovers(
        &self,
        list: HandoverList<'_>,
        HandoverFilter { state, overdue_at }: HandoverFilter,
        reader: &MemberId,
        limit: u16,
        cursor: Option<&str>,
    ) -> Result<HandoverPage, Error> {
        let (index, pk) = match list {
            HandoverList::Sent(district) => (Index::HandoversByDistrict, keys::node_pk(district)),
            HandoverList::Received(receiver, from) => (Index::HandoversByReceiver, keys::handed_to_pk(receiver, from)),
        };
        let (pk_name, sk_name) = index.attributes();
        let filtered = state.is_some() || overdue_at.is_some();
        let scope = format!("{}|{pk}|{state:?}|{}|{reader}", index.name(), overdue_at.is_some());
        let start = cursor.map(|cursor| self.cursor_key.open(&scope, cursor)).transpose()?;
        let mut query = self
            .client
            .query()
            .table_name(self.tables.of(index.table()))
            .index_name(index.name())
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", pk_name)
            .expression_attribute_values(":pk", AttributeValue::S(pk))
            .scan_index_forward(false)
            .limit(if filtered { LOOKED_AT } else { i32::from(limit) })
            .set_exclusive_start_key(start);
        if let Some(state) = state {
            query = query
                .filter_expression("#state = :state")
                .expression_attribute_names("#state", "state")
                .expression_attribute_values(":state", AttributeValue::S(state.to_string()));
        }
        let answer = query.send().await.map_err(|error| fault("Query", &error))?;
        let (mut items, mut last) = (Vec::new(), answer.last_evaluated_key);
        for item in answer.items.unwrap_or_default() {
            let place = key_in_index(&item, pk_name, sk_name);
            let summary: HandoverSummary = decode(&key_of(&item)?, &item)?;
            // Which of its two deadlines is missed, its state says; no condition on the text of a
            // moment says it exactly.
            if overdue_at.is_some_and(|now| !summary.is_overdue(now)) {
                continue;
            }
            if items.len() == usize::from(limit) {
                // More was looked at than the page holds: it goes on after its own last item.
                last = items.last().map(|(place, _)| Item::clone(place));
                break;
            }
            items.push((place, summary));
        }
        let next = last.map(|last| self.cursor_key.seal(&scope, &last)).transpose()?;
        Ok(HandoverPage { items: items.into_iter().map(|(_, summary)| summary).collect(), next })
    }

    /// The hand-overs of all districts on which the clock has to look by now, at most `limit`, those
    /// that have waited longest before the others. The index may be a moment behind: what is really
    /// due, the hand-over itself says. One that cannot be read keeps no other from being found.
    pub async fn due_handovers(
        &self,
        now: Timestamp,
        limit: u16,
    ) -> Result<Vec<(HandoverId, Result<Handover, Error>)>, Error> {
        let shards = (0..DUE_SHARDS).map(|shard| self.due_in(shard, now, limit));
        let mut due: Vec<(String, HandoverId)> = try_join_all(shards).await?.into_iter().flatten().collect();
        due.sort();
        due.truncate(usize::from(limit));
        let batches = due.chunks(MAX_BATCH).map(|batch| async move {
            let loaded = self.load(batch.iter().map(|(_, id)| Key::Handover(*id))).await?;
            let found = batch.iter().filter_map(|(_, id)| Some((*id, loaded.handover(*id).transpose()?)));
            Ok::<_, Error>(found.collect::<Vec<_>>())
        });
        Ok(try_join_all(batches).await?.into_iter().flatten().collect())
    }

    async fn due_in(&self, shard: u8, now: Timestamp, limit: u16) -> Result<Vec<(String, HandoverId)>, Error> {
        let index = Index::HandoversByDue;
        let (pk_name, sk_name) = index.attributes();
        let answer = self
            .client
            .query()
            .table_name(self.tables.of(index.table()))
            .index_name(index.name())
            // `$` comes after the `#` of a place: what is due at this very moment is due.
            .key_condition_expression("#pk = :pk AND #sk < :now")
            .expression_attribute_names("#pk", pk_name)
            .expression_attribute_names("#sk", sk_name)
            .expression_attribute_values(":pk", AttributeValue::S(keys::due_pk(shard)))
            .expression_attribute_values(":now", AttributeValue::S(format!("{}$", keys::due_sk(now))))
            .limit(i32::from(limit))
            .send()
            .await
            .map_err(|error| fault("Query", &error))?;
        let places = answer.items.unwrap_or_default().into_iter().map(|item| {
            let place = crate::item::text(&item, sk_name).unwrap_or_default().to_owned();
            match key_of(&item)? {
                Key::Handover(id) => Ok((place, id)),
                other => Err(Error::Internal(format!("{} is no hand-over", other.pk()))),
            }
        });
        places.collect()
    }
}
