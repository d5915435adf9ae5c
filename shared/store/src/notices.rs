//! Notices: written with what they tell of, read as inboxes.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use futures::future::try_join_all;
use pingan_domain::{
    Timestamp,
    error::Error,
    invite::after_days,
    member::MemberId,
    notice::{Audience, INBOX_DAYS, Notice},
};

use crate::{
    Store,
    fault::fault,
    item::{EXPIRES_AT, Item, decode, encode, key_of, text},
    keys::{self, Key, Table},
    members::seconds,
    reports::put,
};

/// How long a notice may take from its decision to its record, with all that clocks of
/// different machines differ by, in seconds.
pub const SETTLED_SECONDS: i64 = 120;
/// The attribute of a cursor.
const PLACE: &str = "sk";

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
        let pages = try_join_all(of.iter().map(|audience| self.one_inbox(audience, &since, limit))).await?;
        let mut more = pages.iter().any(|(_, more)| *more);
        let mut found: Vec<Item> = pages.into_iter().flat_map(|(items, _)| items).collect();
        let place = |item: &Item| text(item, PLACE).unwrap_or_default().to_owned();
        found.sort_by_key(place);
        more |= found.len() > usize::from(limit);
        found.truncate(usize::from(limit));
        let settled = now.as_millisecond() - SETTLED_SECONDS * 1_000;
        let settled = Timestamp::from_millisecond(settled).map_err(|error| Error::Internal(error.to_string()))?;
        let next = match found.last() {
            Some(last) if more => place(last),
            _ => keys::inbox_sk(settled),
        };
        let next = self.cursor_key.seal(&scope, &Item::from([(PLACE.to_owned(), AttributeValue::S(next))]))?;
        let items = found.into_iter().map(|item| decode(&key_of(&item)?, item)).collect::<Result<_, _>>()?;
        Ok(InboxPage { items, next, more })
    }

    async fn one_inbox(&self, of: &Audience, since: &str, limit: u16) -> Result<(Vec<Item>, bool), Error> {
        let answer = self
            .client
            .query()
            .table_name(self.tables.of(Table::Notices))
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk > :since")
            .expression_attribute_values(":pk", AttributeValue::S(keys::inbox_pk(of)))
            .expression_attribute_values(":since", AttributeValue::S(since.to_owned()))
            .limit(i32::from(limit))
            .send()
            .await
            .map_err(|error| fault("Query", &error))?;
        Ok((answer.items.unwrap_or_default(), answer.last_evaluated_key.is_some()))
    }
}
