//! Pages of the lists that indexes and partitions hold, partitions as a whole, and lists that are
//! merged from several partitions.

use std::sync::atomic::Ordering;

use aws_sdk_dynamodb::{
    operation::query::{QueryOutput, builders::QueryFluentBuilder},
    types::AttributeValue,
};
use futures::{StreamExt as _, TryStreamExt as _};
use pingan_domain::{error::Error, member::MemberId};
use serde::de::DeserializeOwned;

use crate::{
    Store,
    fault::fault,
    item::{Item, decode, key_attributes, key_of, text},
    keys::{Index, Key, Table},
};

/// The most pages, of 1 MiB each, that are read of a partition as a whole; what belongs to one
/// thing keeps within few by its own limits.
const MAX_PAGES: usize = 20;

/// How many partitions are asked at once for the first merged list of a process; one more for each list after it. Each needs a
/// connection of its own, and where a function has a seventh of a core, a handshake takes longer than the round trip that it
/// saves: who waits for a cold start does not wait for all of them as well. Later ones find the connections there, unless the
/// process has rested for so long that they were closed.
const AT_ONCE_AT_FIRST: usize = 2;

/// The attribute of the cursor of a merged list.
pub(crate) const PLACE: &str = "sk";

/// A page that is asked for.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    /// The index.
    pub(crate) index: Index,
    /// The partition of it that is the list.
    pub(crate) pk: String,
    /// Where the list ends; nothing for all of it.
    pub(crate) before: Option<String>,
    /// Whether the list goes from the last place to the first.
    pub(crate) backward: bool,
    /// Who asks, and alone can use the cursor.
    pub(crate) reader: &'a MemberId,
    /// The most items.
    pub(crate) limit: u16,
    /// Where the list goes on.
    pub(crate) cursor: Option<&'a str>,
}

impl Store {
    /// One page of a list, and where it goes on, if it does.
    pub(crate) async fn page<T: DeserializeOwned>(&self, asked: Asked<'_>) -> Result<(Vec<T>, Option<String>), Error> {
        let Asked { index, pk, before, backward, reader, limit, cursor } = asked;
        let scope = format!("{}|{pk}|{reader}", index.name());
        let start = cursor.map(|cursor| self.cursor_key.open(&scope, cursor)).transpose()?;
        let (pk_name, sk_name) = index.attributes();
        let mut query = self
            .client
            .query()
            .table_name(self.tables.of(index.table()))
            .index_name(index.name())
            .key_condition_expression(if before.is_some() { "#pk = :pk AND #sk < :before" } else { "#pk = :pk" })
            .expression_attribute_names("#pk", pk_name)
            .expression_attribute_values(":pk", AttributeValue::S(pk))
            .scan_index_forward(!backward)
            .limit(i32::from(limit))
            .set_exclusive_start_key(start);
        if let Some(before) = before {
            query = query.expression_attribute_names("#sk", sk_name);
            query = query.expression_attribute_values(":before", AttributeValue::S(before));
        }
        let answer = query.send().await.map_err(|error| fault("Query", &error))?;
        self.read_page(&scope, answer)
    }

    /// Everything in a partition whose sort key begins with `prefix`, by the sort keys; an empty
    /// prefix is everything in it.
    pub(crate) async fn partition(&self, table: Table, pk: &str, prefix: &str) -> Result<Vec<Item>, Error> {
        let mut items = Vec::new();
        let mut start = None;
        for _ in 0..MAX_PAGES {
            let query = self.begins_with(table, pk, prefix).set_exclusive_start_key(start);
            let page = query.send().await.map_err(|error| fault("Query", &error))?;
            items.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(items);
            }
        }
        Err(Error::Internal(format!("{pk} has more than {MAX_PAGES} pages")))
    }

    /// At most `limit` of what [`Store::partition`] reads, after a place, and whether there is more.
    pub(crate) async fn partition_after(
        &self,
        table: Table,
        (pk, prefix): (&str, &str),
        start: &Key,
        limit: usize,
    ) -> Result<(Vec<Item>, bool), Error> {
        let page = |start| self.begins_with(table, pk, prefix).set_exclusive_start_key(start);
        self.up_to(limit, Some(key_attributes(start)), page).await
    }

    /// What stands in a list from one place until before another: at most `limit`, and whether there
    /// is more.
    pub(crate) async fn between<T: DeserializeOwned>(
        &self,
        (index, pk): (Index, String),
        (from, until): (String, String),
        limit: usize,
    ) -> Result<(Vec<T>, bool), Error> {
        let (pk_name, sk_name) = index.attributes();
        let page = |start| {
            self.client
                .query()
                .table_name(self.tables.of(index.table()))
                .index_name(index.name())
                .key_condition_expression("#pk = :pk AND #sk BETWEEN :from AND :until")
                .expression_attribute_names("#pk", pk_name)
                .expression_attribute_names("#sk", sk_name)
                .expression_attribute_values(":pk", AttributeValue::S(pk.clone()))
                .expression_attribute_values(":from", AttributeValue::S(from.clone()))
                .expression_attribute_values(":until", AttributeValue::S(until.clone()))
                .set_exclusive_start_key(start)
        };
        let (items, more) = self.up_to(limit, None, page).await?;
        Ok((items.into_iter().map(|item| decode(&key_of(&item)?, &item)).collect::<Result<_, _>>()?, more))
    }

    /// At most `limit` items of a query, over as many pages as it takes, and whether there are more.
    /// It asks for one more than that, which says so.
    async fn up_to(
        &self,
        limit: usize,
        mut start: Option<Item>,
        page: impl Fn(Option<Item>) -> QueryFluentBuilder,
    ) -> Result<(Vec<Item>, bool), Error> {
        let mut items = Vec::new();
        for _ in 0..MAX_PAGES {
            let left = i32::try_from(limit + 1 - items.len()).unwrap_or(i32::MAX);
            let answer = page(start.take()).limit(left).send().await.map_err(|error| fault("Query", &error))?;
            items.extend(answer.items.unwrap_or_default());
            start = answer.last_evaluated_key;
            if items.len() > limit || start.is_none() {
                break;
            }
        }
        // Pages that were not read are more as well.
        let more = items.len() > limit || start.is_some();
        items.truncate(limit);
        Ok((items, more))
    }

    /// The first `limit` of what [`Store::partition`] reads.
    pub(crate) async fn first_of<T: DeserializeOwned>(
        &self,
        table: Table,
        pk: &str,
        prefix: &str,
        limit: u16,
    ) -> Result<Vec<T>, Error> {
        let query = self.begins_with(table, pk, prefix).limit(i32::from(limit));
        let answer = query.send().await.map_err(|error| fault("Query", &error))?;
        answer.items.unwrap_or_default().into_iter().map(|item| decode(&key_of(&item)?, &item)).collect()
    }

    /// One page of what in a partition has a sort key that begins so, from the last to the first, and where it goes on, if it
    /// does. `list` names the list in its cursor, which `reader` alone can use.
    pub(crate) async fn newest_of<T: DeserializeOwned>(
        &self,
        table: Table,
        (list, pk, prefix): (&str, String, &str),
        reader: &MemberId,
        limit: u16,
        cursor: Option<&str>,
    ) -> Result<(Vec<T>, Option<String>), Error> {
        let scope = format!("{list}|{pk}|{reader}");
        let start = cursor.map(|cursor| self.cursor_key.open(&scope, cursor)).transpose()?;
        let query = self.begins_with(table, &pk, prefix).scan_index_forward(false).limit(i32::from(limit));
        let answer = query.set_exclusive_start_key(start).send().await.map_err(|error| fault("Query", &error))?;
        self.read_page(&scope, answer)
    }

    /// What came of the query of a page, with the cursor of the next.
    fn read_page<T: DeserializeOwned>(
        &self,
        scope: &str,
        answer: QueryOutput,
    ) -> Result<(Vec<T>, Option<String>), Error> {
        let items = answer.items.unwrap_or_default().into_iter();
        let items = items.map(|item| decode(&key_of(&item)?, &item)).collect::<Result<_, _>>()?;
        let next = answer.last_evaluated_key.map(|last| self.cursor_key.seal(scope, &last)).transpose()?;
        Ok((items, next))
    }

    /// A strongly consistent query of what in a partition has a sort key that begins so.
    fn begins_with(&self, table: Table, pk: &str, prefix: &str) -> QueryFluentBuilder {
        let query = self
            .client
            .query()
            .table_name(self.tables.of(table))
            .consistent_read(true)
            .expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()));
        if prefix.is_empty() {
            return query.key_condition_expression("pk = :pk");
        }
        query
            .key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
            .expression_attribute_values(":sk", AttributeValue::S(prefix.to_owned()))
    }

    /// What stands after a sort key in these partitions of a table, as one list: at most `limit`
    /// items by their sort keys, and whether there are more. The partitions are asked at the same
    /// time, but for the first lists of a process ([`AT_ONCE_AT_FIRST`]). What cursor goes on from there, the caller knows.
    pub(crate) async fn merged(
        &self,
        table: Table,
        partitions: impl IntoIterator<Item = String>,
        since: &str,
        limit: u16,
    ) -> Result<(Vec<Item>, bool), Error> {
        let at_once = AT_ONCE_AT_FIRST.saturating_add(self.merged.fetch_add(1, Ordering::Relaxed));
        let asked = partitions.into_iter().map(|pk| Box::pin(self.after(table, pk, since, limit)));
        let pages: Vec<_> = futures::stream::iter(asked).buffered(at_once).try_collect().await?;
        let mut more = pages.iter().any(|(_, more)| *more);
        let mut found: Vec<Item> = pages.into_iter().flat_map(|(items, _)| items).collect();
        found.sort_by_key(place);
        more |= found.len() > usize::from(limit);
        found.truncate(usize::from(limit));
        Ok((found, more))
    }

    async fn after(&self, table: Table, pk: String, since: &str, limit: u16) -> Result<(Vec<Item>, bool), Error> {
        let answer = self
            .client
            .query()
            .table_name(self.tables.of(table))
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk > :since")
            .expression_attribute_values(":pk", AttributeValue::S(pk))
            .expression_attribute_values(":since", AttributeValue::S(since.to_owned()))
            .limit(i32::from(limit))
            .send()
            .await
            .map_err(|error| fault("Query", &error))?;
        Ok((answer.items.unwrap_or_default(), answer.last_evaluated_key.is_some()))
    }
}

/// The place of an item in a merged list: its sort key.
pub(crate) fn place(item: &Item) -> String {
    text(item, PLACE).unwrap_or_default().to_owned()
}
