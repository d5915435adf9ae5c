//! Pages of the lists that indexes hold.

use aws_sdk_dynamodb::types::AttributeValue;
use pingan_domain::{error::Error, member::MemberId};
use serde::de::DeserializeOwned;

use crate::{
    Store,
    fault::fault,
    item::{decode, key_of},
    keys::Index,
};

/// A page that is asked for.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    /// The index.
    pub(crate) index: Index,
    /// The partition of it that is the list.
    pub(crate) pk: String,
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
        let Asked { index, pk, backward, reader, limit, cursor } = asked;
        let scope = format!("{}|{pk}|{reader}", index.name());
        let start = cursor.map(|cursor| self.cursor_key.open(&scope, cursor)).transpose()?;
        let answer = self
            .client
            .query()
            .table_name(self.tables.of(index.table()))
            .index_name(index.name())
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", index.attributes().0)
            .expression_attribute_values(":pk", AttributeValue::S(pk))
            .scan_index_forward(!backward)
            .limit(i32::from(limit))
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| fault("Query", &error))?;
        let items = answer.items.unwrap_or_default().into_iter();
        let items = items.map(|item| decode(&key_of(&item)?, item)).collect::<Result<_, _>>()?;
        let next = answer.last_evaluated_key.map(|last| self.cursor_key.seal(&scope, &last)).transpose()?;
        Ok((items, next))
    }
}
