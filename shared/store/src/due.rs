//! On which reports and rewards the clock must act: over all districts, without looking at any other.

use aws_sdk_dynamodb::{operation::transact_write_items::TransactWriteItemsError, types::AttributeValue};
use pingan_domain::{
    Timestamp,
    error::Error,
    overdue,
    report::{Report, ReportId},
    reward::RewardId,
};

use crate::{
    Store,
    fault::fault,
    item::{Item, decode, key_of},
    keys::{self, Index, Key, Table},
    reports::older_writes,
};

/// Where a shard of what is due goes on.
#[derive(Debug, Clone)]
pub struct DueCursor(Item);

/// The most pages of a table that are looked through, of 1 MiB each.
const MAX_SCANNED_PAGES: usize = 100_000;

/// A page of what is due.
#[derive(Debug)]
pub struct DuePage {
    /// The reports, the earliest first. What is known of each is its code: the rest is read
    /// with strong consistency, because the index comes a moment late.
    pub reports: Vec<ReportId>,
    /// Where it goes on, if it does.
    pub next: Option<DueCursor>,
}

impl Store {
    /// A page of the reports of a shard on which the clock must act by now.
    pub async fn due(&self, shard: u8, now: Timestamp, limit: u16, start: Option<DueCursor>) -> Result<DuePage, Error> {
        let (keys, next) = self.due_keys(Index::ReportsByDue, shard, now, limit, start).await?;
        let reports = keys.into_iter().map(|key| match key {
            Key::Report(id) => Ok(id),
            other => Err(Error::Internal(format!("{} stands on the clock of reports", other.pk()))),
        });
        Ok(DuePage { reports: reports.collect::<Result<_, _>>()?, next })
    }

    /// A page of the rewards of a shard on which the clock must act by now, and where it goes on.
    pub async fn due_rewards(
        &self,
        shard: u8,
        now: Timestamp,
        limit: u16,
        start: Option<DueCursor>,
    ) -> Result<(Vec<RewardId>, Option<DueCursor>), Error> {
        let (keys, next) = self.due_keys(Index::RewardsByDue, shard, now, limit, start).await?;
        let rewards = keys.into_iter().map(|key| match key {
            Key::Reward(id) => Ok(id),
            other => Err(Error::Internal(format!("{} stands on the clock of rewards", other.pk()))),
        });
        Ok((rewards.collect::<Result<_, _>>()?, next))
    }

    async fn due_keys(
        &self,
        index: Index,
        shard: u8,
        now: Timestamp,
        limit: u16,
        start: Option<DueCursor>,
    ) -> Result<(Vec<Key>, Option<DueCursor>), Error> {
        let (pk, sk) = index.attributes();
        let page = self
            .client
            .query()
            .table_name(self.tables.of(index.table()))
            .index_name(index.name())
            .key_condition_expression("#pk = :pk AND #sk < :after")
            .expression_attribute_names("#pk", pk)
            .expression_attribute_names("#sk", sk)
            .expression_attribute_values(":pk", AttributeValue::S(keys::due_pk(shard)))
            .expression_attribute_values(":after", AttributeValue::S(keys::after_moment(now)))
            .limit(i32::from(limit))
            .set_exclusive_start_key(start.map(|cursor| cursor.0))
            .send()
            .await
            .map_err(|error| fault("Query", &error))?;
        let keys = page.items.unwrap_or_default().iter().map(key_of).collect::<Result<_, _>>()?;
        Ok((keys, page.last_evaluated_key.map(DueCursor)))
    }

    /// Puts the reports of bundles that knew no clock on the clock and into the lists of what is
    /// open, and says how many those were. For maintenance: it looks through the whole table,
    /// and can be done again, or while people work.
    pub async fn enlist(&self) -> Result<usize, Error> {
        let mut enlisted = 0;
        let mut start = None;
        for _ in 0..MAX_SCANNED_PAGES {
            let page = self
                .client
                .scan()
                .table_name(self.tables.of(Table::Reports))
                .filter_expression(
                    "#type = :report AND attribute_not_exists(clock_at) AND attribute_not_exists(reminders)",
                )
                .expression_attribute_names("#type", "type")
                .expression_attribute_values(":report", AttributeValue::S("report".to_owned()))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| fault("Scan", &error))?;
            for item in page.items.unwrap_or_default() {
                let report: Report = decode(&key_of(&item)?, &item)?;
                enlisted += usize::from(self.enlist_one(report).await?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(enlisted);
            }
        }
        Err(Error::Internal(format!("the table has more than {MAX_SCANNED_PAGES} pages")))
    }

    /// Says whether there was something to do. Who changes the report at the same moment puts it
    /// there by that.
    async fn enlist_one(&self, report: Report) -> Result<bool, Error> {
        let clock_at = overdue::clock_of_older(&report);
        // What is adopted has no deadline, and stands in the list of what is open all the same.
        if clock_at.is_none() && !report.state.is_open() {
            return Ok(false);
        }
        let writes = older_writes(self.tables.of(Table::Reports), &Report { clock_at, ..report })?;
        match self.client.transact_write_items().set_transact_items(Some(writes)).send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                // Only who was changed meanwhile is there by that; what was throttled is not.
                Some(TransactWriteItemsError::TransactionCanceledException(canceled))
                    if canceled
                        .cancellation_reasons()
                        .iter()
                        .any(|reason| reason.code() == Some("ConditionalCheckFailed")) =>
                {
                    Ok(false)
                }
                _ => Err(fault("TransactWriteItems", &error)),
            },
        }
    }
}
