//! Notices: written with what they tell of, read as inboxes.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use pingan_domain::{
    Timestamp,
    error::Error,
    invite::after_days,
    member::MemberId,
    notice::{Audience, INBOX_DAYS, Notice},
};

use crate::{
    Store,
    item::{EXPIRES_AT, Item, decode, encode, key_of, text},
    keys::{self, Key, Table},
    members::seconds,
    pages::{PLACE, place},
    reports::put,
};

/// How long a notice may take from its decision to its record, with all that clocks of
/// different machines differ by, in seconds.
pub const SETTLED_SECONDS: i64 = 120;

/// A page of somebody's inboxes.
#[derive(Debug)]
pub struct InboxPage {
    /// The notices, oldest first.
    pub items: Vec<Notice>,
    /// Where to go on, now or later.
    pub next: String,
    /// Whether more are there already.
    pub more: bool,
}

/// The writes of notices, for the transaction of what they tell of. The same notice again
/// takes its own place.
pub(crate) fn puts(store: &Store, notices: &[Notice]) -> Result<Vec<TransactWriteItem>, Error> {
    let table = store.tables.of(Table::Notices);
    let puts = notices.iter().map(|notice| {
        let key = Key::Notice(notice.to.clone(), notice.at, notice.deduplication_key.clone());
        let mut item = encode(&key, notice)?;
        item.insert(EXPIRES_AT.to_owned(), seconds(after_days(notice.at, INBOX_DAYS)?));
        put(table, item, None, &[])
    });
    puts.collect()
}

impl Store {
    /// What stands in these inboxes since a cursor, for `reader`, who alone can use it.
    ///
    /// Notices of the last two minutes may still be written in another order than they
    /// happened: the cursor at the end of an inbox goes back so far, and they come again.
    pub async fn inbox(
        &self,
        of: &[Audience],
        reader: &MemberId,
        limit: u16,
        cursor: Option<&str>,
        now: Timestamp,
    ) -> Result<InboxPage, Error> {
        let scope = format!("inbox|{reader}");
        let since = match cursor {
            Some(cursor) => text(&self.cursor_key.open(&scope, cursor)?, PLACE).unwrap_or_default().to_owned(),
            None => keys::inbox_sk(Timestamp::UNIX_EPOCH),
        };
        let inboxes = of.iter().map(keys::inbox_pk);
        let (found, more) = self.merged(Table::Notices, inboxes, &since, limit).await?;
        let settled = now.as_millisecond() - SETTLED_SECONDS * 1_000;
        let settled = Timestamp::from_millisecond(settled).map_err(|error| Error::Internal(error.to_string()))?;
        let next = match found.last() {
            Some(last) if more => place(last),
            _ => keys::inbox_sk(settled),
        };
        let next = self.cursor_key.seal(&scope, &Item::from([(PLACE.to_owned(), AttributeValue::S(next))]))?;
        let items = found.into_iter().map(|item| decode(&key_of(&item)?, &item)).collect::<Result<_, _>>()?;
        Ok(InboxPage { items, next, more })
    }
}
