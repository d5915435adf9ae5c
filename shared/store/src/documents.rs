//! Briefings: what is kept of them beside their documents, who has read them and what was said to
//! them; and what they are made from, as far as no other file reads it.

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::{transact_write_items::TransactWriteItemsError, update_item::UpdateItemError},
    types::{AttributeValue, CancellationReason, ReturnValue, TransactWriteItem},
};
use futures::{StreamExt as _, TryStreamExt as _};
use pingan_domain::{
    Timestamp,
    briefing::{
        AdoptedFacts, BriefingId, BriefingRecord, Comment, KEPT_DAYS, MAX_TASKS, OverdueFacts, Position, Reader,
        is_overdue, may_be_notable,
    },
    district::District,
    error::{Error, Refusal},
    event::Event,
    invite::after_days,
    life::{Action, State},
    member::{Member, MemberId},
    notice::{Notice, of_briefing},
    report::{Report, ReportId},
    task::{Task, TaskStage},
    territory::NodeId,
};
use serde::Deserialize;

use crate::{
    Store,
    fault::fault,
    item::{EXPIRES_AT, Item, decode, encode, key_attributes, key_of},
    keys::{self, EVENT_PREFIX, Index, Key, Table},
    load::MAX_BATCH,
    members::seconds,
    notices,
    pages::Asked,
    reports::{List, Summary, put},
};

/// The most notices that go with one transaction, which takes a hundred items.
const MAX_NOTICES: usize = 90;
/// The most districts of a deployment.
const MAX_DISTRICT_PAGES: usize = 10;
/// How many entries of a list are asked for at once, and in how many pages at the most: the
/// newest 20,000 reports of a district are looked through.
const LIST_PAGE: u16 = 1_000;
const MAX_LIST_PAGES: usize = 20;
/// The most reports that are looked at more closely, for each list.
const MAX_CANDIDATES: usize = 1_000;
/// How many histories are read at the same time.
const AT_ONCE: usize = 16;

/// The attributes of a [`BriefingRecord`], projected into the index of briefings.
pub(crate) const BRIEFING_ATTRIBUTES: [&str; 13] = [
    "type",
    "schema",
    "id",
    "version",
    "district",
    "period",
    "origin",
    "state",
    "requested_by",
    "created_by",
    "created_at",
    "made_at",
    "comments",
];

/// The attributes that the index of districts shows.
pub(crate) const DISTRICT_ATTRIBUTES: [&str; 3] = ["type", "schema", "node"];

/// Why nothing was committed.
#[derive(Debug, PartialEq, Eq)]
pub enum DocumentCommitError {
    /// There is something else by now: load again and decide again.
    Stale,
    /// Anything else.
    Failed(Error),
}

impl From<Error> for DocumentCommitError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What people have done with a briefing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Responses {
    /// The comments, oldest first.
    pub comments: Vec<Comment>,
    /// Who has read it, the first before the others.
    pub readers: Vec<Reader>,
}

/// A district in the index of districts.
#[derive(Debug, Deserialize)]
struct DistrictEntry {
    node: NodeId,
}

impl Store {
    /// Adds a briefing that is to be made: its record in the stream has it made.
    pub async fn add_briefing(&self, record: &BriefingRecord) -> Result<(), DocumentCommitError> {
        let table = self.tables.of(Table::Documents);
        let items = vec![put(table, briefing_item(record)?, Some("attribute_not_exists(pk)"), &[])?];
        self.commit_documents(items).await
    }

    /// Replaces the record of a briefing, on condition of the version before.
    pub async fn change_briefing(
        &self,
        before: &BriefingRecord,
        after: &BriefingRecord,
    ) -> Result<(), DocumentCommitError> {
        let items = vec![self.replace_briefing(before, after)?];
        self.commit_documents(items).await
    }

    /// Says that a briefing can be read, and tells those whom it is for in the same transaction.
    /// Where there are more stations than one transaction takes, the others are told just before.
    pub async fn announce_briefing(
        &self,
        before: &BriefingRecord,
        after: &BriefingRecord,
        district: &District,
        now: Timestamp,
    ) -> Result<(), DocumentCommitError> {
        let told: Vec<Notice> = of_briefing(after, district, now);
        let (first, others) = told.split_at(told.len().min(MAX_NOTICES));
        for others in others.chunks(MAX_NOTICES) {
            let items = notices::puts(self, others)?;
            self.commit_documents(items).await?;
        }
        let mut items = vec![self.replace_briefing(before, after)?];
        items.extend(notices::puts(self, first)?);
        self.commit_documents(items).await
    }

    /// Adds a comment to a briefing.
    pub async fn add_comment(
        &self,
        before: &BriefingRecord,
        after: &BriefingRecord,
        comment: &Comment,
    ) -> Result<(), DocumentCommitError> {
        let table = self.tables.of(Table::Documents);
        let mut item = encode(&Key::BriefingComment(after.id, comment.command), comment)?;
        item.insert(EXPIRES_AT.to_owned(), seconds(after_days(comment.at, KEPT_DAYS)?));
        let items =
            vec![self.replace_briefing(before, after)?, put(table, item, Some("attribute_not_exists(pk)"), &[])?];
        self.commit_documents(items).await
    }

    fn replace_briefing(&self, before: &BriefingRecord, after: &BriefingRecord) -> Result<TransactWriteItem, Error> {
        let old = AttributeValue::N(before.version.to_string());
        put(self.tables.of(Table::Documents), briefing_item(after)?, Some("version = :old"), &[(":old", old)])
    }

    pub(crate) async fn commit_documents(&self, items: Vec<TransactWriteItem>) -> Result<(), DocumentCommitError> {
        let sent = self.client.transact_write_items().set_transact_items(Some(items)).send().await;
        let Err(error) = sent else { return Ok(()) };
        let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
            return Err(DocumentCommitError::Failed(fault("TransactWriteItems", &error)));
        };
        let reasons = canceled.cancellation_reasons();
        let passing =
            ["ConditionalCheckFailed", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
        if reasons.iter().filter_map(CancellationReason::code).any(|code| passing.contains(&code)) {
            return Err(DocumentCommitError::Stale);
        }
        let codes: Vec<_> = reasons.iter().map(|reason| reason.code().unwrap_or("None")).collect();
        Err(DocumentCommitError::Failed(Error::Internal(format!("the transaction was cancelled: {codes:?}"))))
    }

    /// A page of the briefings of a district, newest first, for `reader`, who alone can use its
    /// cursor.
    pub async fn briefings(
        &self,
        district: &NodeId,
        reader: &MemberId,
        limit: u16,
        cursor: Option<&str>,
    ) -> Result<(Vec<BriefingRecord>, Option<String>), Error> {
        let (index, pk) = (Index::BriefingsByDistrict, keys::node_pk(district));
        self.page(Asked { before: None, index, pk, backward: true, reader, limit, cursor }).await
    }

    /// What was said to a briefing, and who has read it.
    pub async fn responses(&self, id: BriefingId) -> Result<Responses, Error> {
        let mut responses = Responses::default();
        for item in self.partition(Table::Documents, &Key::Briefing(id).pk(), "").await? {
            match key_of(&item)? {
                key @ Key::BriefingComment(..) => responses.comments.push(decode(&key, &item)?),
                key @ Key::BriefingReader(..) => responses.readers.push(decode(&key, &item)?),
                _ => {}
            }
        }
        responses.comments.sort_by_key(|comment| comment.seq);
        responses.readers.sort_by(|a, b| (a.first_read_at, &a.member).cmp(&(b.first_read_at, &b.member)));
        Ok(responses)
    }

    /// Writes down that a member reads a briefing. Nothing may be shown before this has succeeded.
    pub async fn read_briefing(&self, id: BriefingId, member: &Member, now: Timestamp) -> Result<Reader, Error> {
        let key = Key::BriefingReader(id, member.id.clone());
        let mut set = vec![
            "#type = :type",
            "#schema = :schema",
            "#member = :member",
            "#role = :role",
            "#node = :node",
            "#expires = :expires",
            "last_read_at = :now",
            "first_read_at = if_not_exists(first_read_at, :now)",
        ];
        let Position { role, body, node } = Position::of(member);
        let mut request = self
            .client
            .update_item()
            .table_name(self.tables.of(Table::Documents))
            .set_key(Some(key_attributes(&key)))
            .expression_attribute_names("#type", "type")
            .expression_attribute_names("#schema", "schema")
            .expression_attribute_names("#member", "member")
            .expression_attribute_names("#role", "role")
            .expression_attribute_names("#node", "node")
            .expression_attribute_names("#expires", EXPIRES_AT)
            .expression_attribute_values(":expires", seconds(after_days(now, KEPT_DAYS)?))
            .expression_attribute_values(":type", AttributeValue::S(key.kind().to_owned()))
            .expression_attribute_values(":schema", AttributeValue::N(crate::item::SCHEMA.to_string()))
            .expression_attribute_values(":member", AttributeValue::S(member.id.to_string()))
            .expression_attribute_values(":role", AttributeValue::S(role.to_string()))
            .expression_attribute_values(":node", AttributeValue::S(node.to_string()))
            .expression_attribute_values(":now", AttributeValue::S(now.to_string()))
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()));
        if let Some(body) = body {
            set.push("#body = :body");
            request = request
                .expression_attribute_names("#body", "body")
                .expression_attribute_values(":body", AttributeValue::S(body.to_string()));
        }
        let answer = request
            .update_expression(format!("SET {} ADD readings :one", set.join(", ")))
            .return_values(ReturnValue::AllNew)
            .send()
            .await
            .map_err(|error| fault("UpdateItem", &error))?;
        decode(&key, &answer.attributes.unwrap_or_default())
    }

    /// Writes down that a member has acknowledged a briefing, which they have to have read. The
    /// first time counts.
    pub async fn acknowledge_briefing(
        &self,
        id: BriefingId,
        member: &MemberId,
        now: Timestamp,
    ) -> Result<Reader, Error> {
        let key = Key::BriefingReader(id, member.clone());
        let sent = self
            .client
            .update_item()
            .table_name(self.tables.of(Table::Documents))
            .set_key(Some(key_attributes(&key)))
            .update_expression("SET acknowledged_at = if_not_exists(acknowledged_at, :now)")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":now", AttributeValue::S(now.to_string()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match sent {
            Ok(answer) => decode(&key, &answer.attributes.unwrap_or_default()),
            Err(SdkError::ServiceError(error))
                if matches!(error.err(), UpdateItemError::ConditionalCheckFailedException(_)) =>
            {
                Err(Refusal::BriefingUnread.into())
            }
            Err(error) => Err(fault("UpdateItem", &error)),
        }
    }

    /// The districts of the deployment, by name.
    pub async fn districts(&self) -> Result<Vec<NodeId>, Error> {
        let (index, reader) = (Index::Districts, MemberId::clock());
        let mut districts = Vec::new();
        let mut cursor = None;
        for _ in 0..MAX_DISTRICT_PAGES {
            let pk = keys::DISTRICTS_PK.to_owned();
            let asked = Asked {
                before: None,
                index,
                pk,
                backward: false,
                reader: &reader,
                limit: LIST_PAGE,
                cursor: cursor.as_deref(),
            };
            let (found, next) = self.page::<DistrictEntry>(asked).await?;
            districts.extend(found.into_iter().map(|district| district.node));
            cursor = next;
            if cursor.is_none() {
                return Ok(districts);
            }
        }
        Err(Error::Internal(format!("there are more than {MAX_DISTRICT_PAGES} pages of districts")))
    }

    /// The open reports of a district whose stage or reporter has not acted in time, and whether
    /// these are all. Looked for among the newest reports of the district.
    pub async fn overdue_in(&self, district: &NodeId, now: Timestamp) -> Result<(Vec<OverdueFacts>, bool), Error> {
        let (found, complete) =
            self.reports_where(district, MAX_CANDIDATES, |report| is_overdue(report.state, report.due_at, now)).await?;
        let reports = self.all_reports(&found).await?;
        // The index is a moment late; the report itself says whether it still is so.
        let overdue = reports.into_iter().filter(|report| is_overdue(report.state, report.due_at, now));
        let facts = overdue.filter_map(|report| {
            Some(OverdueFacts {
                report: report.id,
                category: report.category,
                urgency: report.urgency,
                concerns: report.concerns,
                node: report.node,
                state: report.state,
                stage: report.stage,
                due_at: report.due_at?,
            })
        });
        Ok((facts.collect(), complete))
    }

    /// The reports of a district that may be notable and were sent in before `until` and changed
    /// since `since`, with when each was adopted, handed over and closed; and whether these are
    /// all. Looked for among the newest reports of the district.
    pub async fn adopted_in(
        &self,
        district: &NodeId,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<(Vec<AdoptedFacts>, bool), Error> {
        let (found, complete) = self
            .reports_where(district, MAX_CANDIDATES, |report| {
                may_be_notable(report.state, report.urgency) && report.created_at < until && report.updated_at >= since
            })
            .await?;
        let reports = self.all_reports(&found).await?;
        let facts = futures::stream::iter(reports)
            .map(|report| async move {
                let events = self.report_events(report.id).await?;
                let at = |takes: &dyn Fn(&Event) -> bool| {
                    events.iter().filter(|event| takes(event)).map(|event| event.at).collect::<Vec<_>>()
                };
                Ok::<_, Error>(AdoptedFacts {
                    report: report.id,
                    category: report.category,
                    urgency: report.urgency,
                    concerns: report.concerns,
                    node: report.node,
                    state: report.state,
                    submitted_at: report.created_at,
                    adopted_at: at(&|event| event.action == Action::Approve && event.to == State::Adopted),
                    handed_over_at: at(&|event| event.action == Action::HandOver),
                    closed_at: at(&|event| event.action == Action::Close && report.state == State::Closed).pop(),
                })
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok((facts, complete))
    }

    /// The newest reports of a district of which this holds, at most so many, and whether these
    /// are all.
    pub(crate) async fn reports_where(
        &self,
        district: &NodeId,
        most: usize,
        takes: impl Fn(&Summary) -> bool,
    ) -> Result<(Vec<ReportId>, bool), Error> {
        let reader = MemberId::clock();
        let mut found = Vec::new();
        let mut cursor = None;
        for _ in 0..MAX_LIST_PAGES {
            let page = self.list(List::Territory(district), &reader, LIST_PAGE, cursor.as_deref()).await?;
            found.extend(page.items.iter().filter(|report| takes(report)).map(|report| report.id));
            if found.len() > most {
                found.truncate(most);
                return Ok((found, false));
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok((found, true));
            }
        }
        Ok((found, false))
    }

    async fn all_reports(&self, ids: &[ReportId]) -> Result<Vec<Report>, Error> {
        let mut reports = Vec::new();
        for batch in ids.chunks(MAX_BATCH) {
            let loaded = self.load(batch.iter().map(|id| Key::Report(*id))).await?;
            for id in batch {
                reports.extend(loaded.report(*id)?);
            }
        }
        Ok(reports)
    }

    /// The events of a report, oldest first, without its texts.
    pub(crate) async fn report_events(&self, id: ReportId) -> Result<Vec<Event>, Error> {
        let items = self.partition(Table::Reports, &Key::Report(id).pk(), EVENT_PREFIX).await?;
        items.into_iter().map(|item| decode(&key_of(&item)?, &item)).collect()
    }

    /// The tasks of a district that were sent and are not over, what ends first before the
    /// others, and how many more there are than are listed.
    pub async fn tasks_under_way(&self, district: &NodeId, now: Timestamp) -> Result<(Vec<Task>, u64), Error> {
        let reader = MemberId::clock();
        let mut found = Vec::new();
        let mut cursor = None;
        for _ in 0..MAX_LIST_PAGES {
            let page = self.tasks(district, &reader, LIST_PAGE, cursor.as_deref()).await?;
            let sent = page.items.into_iter().filter(|task| task.stage == TaskStage::Published && task.ends_at > now);
            found.extend(sent.map(|task| (task.ends_at, task.id)));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        found.sort_unstable();
        let more = found.len().saturating_sub(MAX_TASKS) as u64;
        found.truncate(MAX_TASKS);
        let loaded = self.load(found.iter().map(|(_, id)| Key::Task(*id))).await?;
        let tasks = found.iter().filter_map(|(_, id)| loaded.task(*id).transpose()).collect::<Result<_, _>>()?;
        Ok((tasks, more))
    }
}

fn briefing_item(record: &BriefingRecord) -> Result<Item, Error> {
    let mut item = encode(&Key::Briefing(record.id), record)?;
    let (pk, sk) = Index::BriefingsByDistrict.attributes();
    item.insert(pk.to_owned(), AttributeValue::S(keys::node_pk(&record.district)));
    item.insert(sk.to_owned(), AttributeValue::S(keys::created_sk(record.created_at, record.id.as_str())));
    item.insert(EXPIRES_AT.to_owned(), seconds(after_days(record.created_at, KEPT_DAYS)?));
    Ok(item)
}
