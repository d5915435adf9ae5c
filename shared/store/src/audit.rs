//! The audit of reads.

use std::time::Duration;

use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, TransactWriteItem},
};
use pingan_domain::{
    Timestamp,
    access::{Access, AccessHead, Reading},
    code::Code,
    command::Receipt,
    error::Error,
    hash::Digest,
    ledger::FundId,
    member::Member,
    report::ReportId,
};

use crate::{
    Store,
    fault::fault,
    item::encode,
    keys::{ACCESS_PREFIX, Key, Table, fund_pk},
    reports::{put, receipt_item},
};

/// How many readers may open the same report in the same moment and all be served.
const MAX_TRIES: u32 = 24;

/// Whose readings follow each other in one chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trail {
    /// What is known by a code: a report, a task, a hand-over, an outcome or an export.
    Code(Code),
    /// The ledger of a fund.
    Fund(FundId),
}

impl From<Code> for Trail {
    fn from(code: Code) -> Self {
        Self::Code(code)
    }
}

impl Trail {
    /// Where its end stands.
    pub fn head(&self) -> Key {
        match self {
            Self::Code(code) => Key::AccessHead(*code),
            Self::Fund(fund) => Key::FundAccessHead(fund.clone()),
        }
    }

    fn place(&self, seq: u64) -> Key {
        match self {
            Self::Code(code) => Key::Access(*code, seq),
            Self::Fund(fund) => Key::FundAccess(fund.clone(), seq),
        }
    }

    /// What a reading names as read. Which fund it was, the place of the reading says.
    fn code(&self) -> Code {
        match self {
            Self::Code(code) => *code,
            Self::Fund(fund) => Code::from_digest(&Digest::of(&[b"fund", fund_pk(fund).as_bytes()])),
        }
    }
}

/// The writes of a reading that follows `head`, for a transaction.
pub(crate) fn access_writes(
    store: &Store,
    trail: &Trail,
    head: AccessHead,
    access: &Access,
    next: AccessHead,
) -> Result<Vec<TransactWriteItem>, Error> {
    let table = store.tables.of(trail.head().table());
    let access_item = encode(&trail.place(access.seq), access)?;
    let head_item = encode(&trail.head(), &next)?;
    let old = AttributeValue::N(head.seq.to_string());
    Ok(vec![
        put(table, access_item, Some("attribute_not_exists(pk)"), &[])?,
        put(table, head_item, Some("attribute_not_exists(pk) OR seq = :old"), &[(":old", old)])?,
    ])
}

impl Store {
    /// Writes down that `actor` read something of a report, or of what else has a trail, at the end
    /// of its chain of readings. `head` is the end as it was last seen; when somebody
    /// else reads the same report in the same moment, it is read again. Where the reading
    /// was a command, its receipt is kept with it; a repeated command is another reading.
    ///
    /// Nothing may be shown before this has succeeded: a reading that is not in the audit
    /// trail has not happened.
    pub async fn record_access(
        &self,
        mut head: AccessHead,
        trail: impl Into<Trail>,
        actor: &Member,
        reading: &Reading,
        at: Timestamp,
        mut receipt: Option<&Receipt>,
    ) -> Result<(), Error> {
        let trail = trail.into();
        for attempt in 0..MAX_TRIES {
            let (access, next) = Access::after(head, trail.code(), (&actor.id, actor.role), reading, at)?;
            if self.append(&trail, head, &access, next, receipt).await? {
                return Ok(());
            }
            // Readers that collide spread out by a little more each time.
            tokio::time::sleep(Duration::from_millis(u64::from(attempt % 8) * 3)).await;
            let keys = [trail.head()].into_iter().chain(receipt.map(|receipt| Key::Receipt(receipt.command)));
            let loaded = self.load(keys).await?;
            head = loaded.end_of(&trail)?;
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
        trail: &Trail,
        head: AccessHead,
        access: &Access,
        next: AccessHead,
        receipt: Option<&Receipt>,
    ) -> Result<bool, Error> {
        let table = self.tables.of(Table::Reports);
        let mut items = access_writes(self, trail, head, access, next)?;
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
        self.readings(report, limit).await
    }

    /// The readings of a trail, oldest first; at most the first `limit`.
    pub async fn readings(&self, trail: impl Into<Trail>, limit: u16) -> Result<Vec<Access>, Error> {
        let head = trail.into().head();
        self.first_of(head.table(), &head.pk(), ACCESS_PREFIX, limit).await
    }
}
