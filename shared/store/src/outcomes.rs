//! Outcomes: the one write of a command on one, its history, and the lists.
//!
//! That a report led to an outcome stands with the report's code as well, as lists show it, and is
//! written anew with each change: at most [`MAX_REPORTS`](pingan_domain::outcome::MAX_REPORTS) items.

use aws_sdk_dynamodb::{operation::transact_write_items::TransactWriteItemsError, types::AttributeValue};
use pingan_domain::{
    Date, Timestamp,
    district::Label,
    error::Error,
    handover::Receiver,
    invite::after_days,
    life::Stage,
    member::MemberId,
    named::Named as _,
    notice::of_outcome,
    outcome::{Claim, Note, Outcome, OutcomeEvent, OutcomeId, OutcomeState, leaves_no_text},
    outcome_life::Decided,
    report::{Category, Concerns, Report, ReportId, node_of},
    territory::NodeId,
};
use serde::{Deserialize, Serialize};

use crate::{
    Store, attributes, awards,
    fault::fault,
    item::{EXPIRES_AT, Item, decode, encode, key_of},
    keys::{self, Index, Key, Table},
    members::{Done, seconds},
    notices,
    pages::Asked,
    reports::put,
    tasks::{conditions_failed, failed},
};

/// How long a command on outcomes is remembered, in days.
const DONE_DAYS: i64 = 30;
/// How many a list with a filter looks at for one page.
const LOOKED_AT: i32 = 200;
/// The most outcomes that are shown as possibly the same.
pub const MAX_SIMILAR: u16 = 20;

/// What lists show of an outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeSummary {
    /// Its code.
    pub id: OutcomeId,
    /// Its version.
    pub version: u64,
    /// Where it is in its life.
    pub state: OutcomeState,
    /// What it says.
    pub claim: Claim,
    /// Whether something waits to be confirmed.
    pub waits: bool,
    /// Where it counts.
    pub node: NodeId,
    /// What the first report is about.
    pub category: Category,
    /// Whether the first report names those who would review it.
    pub concerns: Concerns,
    /// Whether any report that led to it does: the highest of them.
    pub most_concerns: Concerns,
    /// The agency or the other district for which it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receiver: Option<Receiver>,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// The attributes of an [`OutcomeSummary`], projected into every index.
pub(crate) const SUMMARY_ATTRIBUTES: [&str; 14] = [
    "type",
    "schema",
    "id",
    "version",
    "state",
    "claim",
    "waits",
    "node",
    "category",
    "concerns",
    "most_concerns",
    "receiver",
    "created_at",
    "updated_at",
];

impl From<&Outcome> for OutcomeSummary {
    fn from(outcome: &Outcome) -> Self {
        let most = outcome.leads.iter().map(|lead| lead.concerns).max_by_key(|concerns| concerns.first_stage());
        Self {
            id: outcome.id,
            version: outcome.version,
            state: outcome.state,
            claim: outcome.claim.clone(),
            waits: outcome.proposal.is_some(),
            node: outcome.node.clone(),
            category: outcome.category,
            concerns: outcome.concerns,
            most_concerns: most.unwrap_or(outcome.concerns),
            receiver: outcome.receiver.clone(),
            created_at: outcome.created_at,
            updated_at: outcome.updated_at,
        }
    }
}

/// A list of outcomes.
#[derive(Debug, Clone, Copy)]
pub enum OutcomeList<'a> {
    /// What came of the reports of a node, in one state or in all of them.
    Territory(&'a NodeId, Option<OutcomeState>),
    /// What those have recorded to whom a district handed something over.
    Received(&'a NodeId, &'a Receiver, Option<OutcomeState>),
    /// What waits to be confirmed in a district, oldest first.
    ToConfirm(&'a NodeId),
}

/// A page of outcomes.
#[derive(Debug)]
pub struct OutcomePage {
    /// Its outcomes.
    pub items: Vec<OutcomeSummary>,
    /// Where the list goes on, if it does.
    pub next: Option<String>,
}

/// An outcome with all that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeHistory {
    /// The outcome.
    pub outcome: Outcome,
    /// Its events, oldest first.
    pub events: Vec<OutcomeEvent>,
    /// The texts that came with them, oldest first.
    pub notes: Vec<Note>,
}

/// Why nothing was committed.
#[derive(Debug, PartialEq, Eq)]
pub enum OutcomeCommitError {
    /// The same command was carried out before: load its record and answer from there.
    AlreadyDone,
    /// Somebody else was faster: load again and decide again.
    Stale,
    /// Another command's outcome has this code: try the next candidate.
    CodeTaken,
    /// Anything else.
    Failed(Error),
}

impl From<Error> for OutcomeCommitError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Store {
    /// Commits what was decided on an outcome, all of it or nothing: the outcome, its event with
    /// its text, where it stands by its reports, and who is told. `old` is the outcome that it was
    /// decided on, none for a new one; `told` are the reports whose reporters are told.
    pub async fn commit_outcome(
        &self,
        old: Option<&Outcome>,
        decided: &Decided,
        told: &[Report],
        done: &Done,
    ) -> Result<(), OutcomeCommitError> {
        let table = self.tables.of(Table::Outcomes);
        let Decided { outcome, event, note, .. } = decided;
        let new = Some("attribute_not_exists(pk)");
        let mut items = vec![match old {
            None => put(table, outcome_item(outcome)?, new, &[])?,
            Some(old) => {
                let version = AttributeValue::N(old.version.to_string());
                put(table, outcome_item(outcome)?, Some("version = :old"), &[(":old", version)])?
            }
        }];
        let mut item = encode(&Key::OutcomeDone(done.command), done)?;
        item.insert(EXPIRES_AT.to_owned(), seconds(after_days(event.at, DONE_DAYS)?));
        items.push(put(table, item, new, &[])?);
        items.push(put(table, encode(&Key::OutcomeEvent(outcome.id, event.seq), event)?, new, &[])?);
        if let Some(note) = note {
            items.push(put(table, encode(&Key::OutcomeNote(outcome.id, note.seq), note)?, new, &[])?);
        }
        let summary = OutcomeSummary::from(outcome);
        for lead in &outcome.leads {
            let key = Key::OutcomeLead(lead.report, outcome.created_at, outcome.id);
            items.push(put(table, encode(&key, &summary)?, None, &[])?);
        }
        if let Some(fact) = awards::outcome_fact(old, outcome)? {
            items.push(put(table, fact, None, &[])?);
        }
        items.extend(notices::puts(self, &of_outcome(decided, told))?);
        let sent = self.client.transact_write_items().set_transact_items(Some(items)).send().await;
        let Err(error) = sent else { return Ok(()) };
        let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
            return Err(OutcomeCommitError::Failed(fault("TransactWriteItems", &error)));
        };
        let reasons = canceled.cancellation_reasons();
        Err(match conditions_failed(reasons)?.first() {
            // A command that was carried out has changed the outcome as well.
            _ if failed(reasons, 1) => OutcomeCommitError::AlreadyDone,
            Some(0) if old.is_none() => OutcomeCommitError::CodeTaken,
            _ => OutcomeCommitError::Stale,
        })
    }

    /// An outcome with its events and texts; none when there is none.
    pub async fn outcome_history(&self, id: OutcomeId) -> Result<Option<OutcomeHistory>, Error> {
        let mut outcome = None;
        let (mut events, mut notes) = (Vec::new(), Vec::new());
        for item in self.partition(Table::Outcomes, &keys::outcome_pk(id), "").await? {
            match key_of(&item)? {
                key @ Key::Outcome(_) => outcome = Some(decode(&key, &item)?),
                key @ Key::OutcomeEvent(..) => events.push(decode(&key, &item)?),
                key @ Key::OutcomeNote(..) => notes.push(decode(&key, &item)?),
                _ => {}
            }
        }
        Ok(outcome.map(|outcome| OutcomeHistory { outcome, events, notes }))
    }

    /// Erases the texts of every outcome to which a report led and of which no report is left on
    /// which a text could stand. What was counted stays, and so do the events, which only commit to
    /// the texts. Gives of how many outcomes texts were erased.
    ///
    /// It can be called as often as anyone likes, and is called again when a text could not be erased.
    pub async fn erase_outcome_notes(&self, report: ReportId) -> Result<usize, Error> {
        let table = Table::Outcomes;
        let mut erased = 0;
        for item in self.partition(table, &keys::led_pk(report), "").await? {
            let Key::OutcomeLead(_, _, id) = key_of(&item)? else { continue };
            let Some(OutcomeHistory { outcome, notes, .. }) = self.outcome_history(id).await? else { continue };
            if notes.is_empty() {
                continue;
            }
            let reports: Vec<_> = outcome.leads.iter().map(|lead| lead.report).collect();
            let loaded = self.load(reports.iter().copied().map(Key::Report)).await?;
            let found = reports.into_iter().map(|id| loaded.report(id)).collect::<Result<Vec<_>, _>>()?;
            if !found.iter().flatten().all(leaves_no_text) {
                continue;
            }
            for note in notes {
                let key = Key::OutcomeNote(id, note.seq);
                let sent = self
                    .client
                    .delete_item()
                    .table_name(self.tables.of(table))
                    .key("pk", AttributeValue::S(key.pk()))
                    .key("sk", AttributeValue::S(key.sk()));
                sent.send().await.map_err(|error| fault("DeleteItem", &error))?;
            }
            erased += 1;
        }
        Ok(erased)
    }

    /// A page of a list of outcomes, newest first but for what waits, for `reader`, who alone can
    /// use its cursor. With a state, a page may be shorter than `limit` and still go on.
    pub async fn outcomes(
        &self,
        list: OutcomeList<'_>,
        reader: &MemberId,
        limit: u16,
        cursor: Option<&str>,
    ) -> Result<OutcomePage, Error> {
        let (index, pk, state) = match list {
            OutcomeList::Territory(node, state) => (Index::OutcomesByNode(node.level()), keys::node_pk(node), state),
            OutcomeList::Received(district, receiver, state) => {
                (Index::OutcomesByReceiver, keys::receiver_pk(district, receiver), state)
            }
            OutcomeList::ToConfirm(district) => (Index::OutcomesToConfirm, keys::node_pk(district), None),
        };
        let backward = index != Index::OutcomesToConfirm;
        let Some(state) = state else {
            let (items, next) = self.page(Asked { before: None, index, pk, backward, reader, limit, cursor }).await?;
            return Ok(OutcomePage { items, next });
        };
        let scope = format!("{}|{pk}|{state}|{reader}", index.name());
        let start = cursor.map(|cursor| self.cursor_key.open(&scope, cursor)).transpose()?;
        let (pk_name, sk_name) = index.attributes();
        let answer = self
            .client
            .query()
            .table_name(self.tables.of(Table::Outcomes))
            .index_name(index.name())
            .key_condition_expression("#pk = :pk")
            .filter_expression("#state = :state")
            .expression_attribute_names("#pk", pk_name)
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":pk", AttributeValue::S(pk))
            .expression_attribute_values(":state", AttributeValue::S(state.name().to_owned()))
            .scan_index_forward(!backward)
            .limit(LOOKED_AT)
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| fault("Query", &error))?;
        let mut found = answer.items.unwrap_or_default();
        let mut last = answer.last_evaluated_key;
        if found.len() > usize::from(limit) {
            found.truncate(usize::from(limit));
            // More was looked at than the page holds: it goes on after its own last item.
            last = found.last().map(|item| keep(item, &["pk", "sk", pk_name, sk_name]));
        }
        let next = last.map(|last| self.cursor_key.seal(&scope, &last)).transpose()?;
        let items = found.into_iter().map(|item| decode(&key_of(&item)?, &item)).collect::<Result<_, _>>()?;
        Ok(OutcomePage { items, next })
    }

    /// A page of the outcomes to which a report led, newest first, for `reader`, who alone can use
    /// its cursor.
    pub async fn outcomes_of_report(
        &self,
        report: ReportId,
        reader: &MemberId,
        limit: u16,
        cursor: Option<&str>,
    ) -> Result<OutcomePage, Error> {
        let list = ("led", keys::led_pk(report), "");
        let (items, next) = self.newest_of(Table::Outcomes, list, reader, limit, cursor).await?;
        Ok(OutcomePage { items, next })
    }

    /// Outcomes of this kind that came about in a district within these days and were not
    /// refused; the first [`MAX_SIMILAR`].
    pub async fn outcomes_around(
        &self,
        district: &NodeId,
        kind: &Label,
        from: Date,
        to: Date,
    ) -> Result<Vec<OutcomeSummary>, Error> {
        let (from, to) = keys::on_range(from, to);
        let (pk_name, sk_name) = Index::OutcomesByKind.attributes();
        let answer = self
            .client
            .query()
            .table_name(self.tables.of(Table::Outcomes))
            .index_name(Index::OutcomesByKind.name())
            .key_condition_expression("#pk = :pk AND #sk BETWEEN :from AND :to")
            .expression_attribute_names("#pk", pk_name)
            .expression_attribute_names("#sk", sk_name)
            .expression_attribute_values(":pk", AttributeValue::S(keys::kind_pk(district, kind)))
            .expression_attribute_values(":from", AttributeValue::S(from))
            .expression_attribute_values(":to", AttributeValue::S(to))
            .limit(i32::from(MAX_SIMILAR))
            .send()
            .await
            .map_err(|error| fault("Query", &error))?;
        let items = answer.items.unwrap_or_default().into_iter();
        items.map(|item| decode(&key_of(&item)?, &item)).collect()
    }
}

fn keep(item: &Item, names: &[&str]) -> Item {
    item.iter().filter(|(name, _)| names.contains(&name.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect()
}

fn outcome_item(outcome: &Outcome) -> Result<Item, Error> {
    let mut item = encode(&Key::Outcome(outcome.id), outcome)?;
    let summary = attributes::to_item(&OutcomeSummary::from(outcome), 0)
        .map_err(|error| Error::Internal(format!("cannot encode the outcome {}: {error}", outcome.id)))?;
    for (name, value) in summary {
        item.entry(name).or_insert(value);
    }
    let mut index = |index: Index, pk: String, sk: String| {
        let (pk_name, sk_name) = index.attributes();
        item.insert(pk_name.to_owned(), AttributeValue::S(pk));
        item.insert(sk_name.to_owned(), AttributeValue::S(sk));
    };
    let created = keys::created_sk(outcome.created_at, outcome.id.as_str());
    // For the stages that the report names, it does not exist, nor does what came of it.
    let first = outcome.concerns.first_stage();
    for stage in Stage::ALL.iter().filter(|stage| **stage >= first) {
        let node = node_of(&outcome.node, *stage);
        index(Index::OutcomesByNode(node.level()), keys::node_pk(&node), created.clone());
    }
    if let Some(receiver) = &outcome.receiver {
        index(Index::OutcomesByReceiver, keys::receiver_pk(&outcome.district, receiver), created);
    }
    if matches!(outcome.state, OutcomeState::Proposed | OutcomeState::Confirmed) {
        let (pk, sk) =
            (keys::kind_pk(&outcome.district, &outcome.claim.kind), keys::on_sk(outcome.claim.on, outcome.id));
        index(Index::OutcomesByKind, pk, sk);
    }
    if let Some(proposal) = &outcome.proposal {
        let since = keys::created_sk(proposal.at, outcome.id.as_str());
        index(Index::OutcomesToConfirm, keys::node_pk(&outcome.district), since);
    }
    Ok(item)
}
