//! The audit of reads.

use std::time::Duration;

use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, TransactWriteItem},
};
use pingan_domain::{
    Timestamp,
    access::{Access, AccessHead, Reading},
    command::Receipt,
    error::Error,
    member::Member,
    report::ReportId,
};

use crate::{
    Store,
    fault::fault,
    item::encode,
    keys::{ACCESS_PREFIX, Key, Table},
    reports::{put, receipt_item},
};

/// How many readers may open the same report in the same moment and all be served.
const MAX_TRIES: u32 = 24;

/// The writes of a reading that follows `head`, for a transaction.
pub(crate) fn access_writes(
    store: &Store,
    head: AccessHead,
    access: &Access,
    next: AccessHead,
) -> Result<Vec<TransactWriteItem>, Error> {
    let table = store.tables.of(Table::Reports);
    let access_item = encode(&Key::Access(access.report, access.seq), access)?;
    let head_item = encode(&Key::AccessHead(access.report), &next)?;
    let old = AttributeValue::N(head.seq.to_string());
    Ok(vec![
        put(table, access_item, Some("attribute_not_exists(pk)"), &[])?,
        put(table, head_item, Some("attribute_not_exists(pk) OR seq = :old"), &[(":old", old)])?,
    ])
}

impl Store {
    /// Writes down that `actor` opened a report, or a medium of it, at the end of the
    /// report's chain of readings. `head` is the end as it was last seen; when somebody
    /// else reads the same report in the same moment, it is read again. Where the reading
    /// was a command, its receipt is kept with it; a repeated command is another reading.
    ///
    /// Nothing may be shown before this has succeeded: a reading that is not in the audit
    /// trail has not happened.
    pub async fn record_access(
        &self,
        mut head: AccessHead,
        report: ReportId,
        actor: &Member,
        reading: &Reading,
        at: Timestamp,
        mut receipt: Option<&Receipt>,
    ) -> Result<(), Error> {
        for attempt in 0..MAX_TRIES {
            let (access, next) = Access::after(head, report, (&actor.id, actor.role), reading, at)?;
            if self.append(head, &access, next, receipt).await? {
                return Ok(());
            }
            // Readers that collide spread out by a little more each time.
            tokio::time::sleep(Duration::from_millis(u64::from(attempt % 8) * 3)).await;
            let keys =
                [Key::AccessHead(report)].into_iter().chain(receipt.map(|receipt| Key::Receipt(receipt.command)));
            let loaded = self.load(keys).await?;
            head = loaded.access_head(report)?;
            if let Some(mine) = receipt
                && let Some(kept) = loaded.receipt(mine.command)?
            {
                if kept.fingerprint != mine.fingerprint {
                    return Err(Error::KeyReused);
                }
                receipt = None;
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    async fn append(
        &self,
        head: AccessHead,
        access: &Access,
        next: AccessHead,
        receipt: Option<&Receipt>,
    ) -> Result<bool, Error> {
        let table = self.tables.of(Table::Reports);
        let mut items = access_writes(self, head, access, next)?;
        if let Some(receipt) = receipt {
            items.push(put(table, receipt_item(receipt, access.at)?, Some("attribute_not_exists(pk)"), &[])?);
        }
        match self.client.transact_write_items().set_transact_items(Some(items)).send().await {
            Ok(_) => Ok(true),
            Err(error)
                if matches!(
                    error.as_service_error(),
                    Some(TransactWriteItemsError::TransactionCanceledException(_))
                ) =>
            {
                Ok(false)
            }
            Err(error) => Err(fault("TransactWriteItems", &error)),
        }
    }

    /// The readings of a report, oldest first; at most the first `limit`.
    pub async fn accesses(&self, report: ReportId, limit: u16) -> Result<Vec<Access>, Error> {
        self.first_of(Table::Reports, &Key::AccessHead(report).pk(), ACCESS_PREFIX, limit).await
    }
}
