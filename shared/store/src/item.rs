//! Items: domain values with their key, type and schema version.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use pingan_domain::error::Error;
use serde::{Serialize, de::DeserializeOwned};

use crate::{attributes, keys::Key};

/// An item as the SDK has it.
pub type Item = HashMap<String, AttributeValue>;

/// The schema version that this code writes, and the only one that it reads.
pub const SCHEMA: u32 = 1;

/// The attribute after which DynamoDB removes an item by itself, in seconds since 1970.
pub const EXPIRES_AT: &str = "expires_at";

/// The item of a value.
pub fn encode<T: Serialize>(key: &Key, value: &T) -> Result<Item, Error> {
    // With room for the attributes below, and those by which it is found.
    let mut item = attributes::to_item(value, 8)
        .map_err(|error| Error::Internal(format!("cannot encode {}: {error}", describe(key))))?;
    item.insert("pk".to_owned(), AttributeValue::S(key.pk()));
    item.insert("sk".to_owned(), AttributeValue::S(key.sk()));
    item.insert("type".to_owned(), AttributeValue::S(key.kind().to_owned()));
    item.insert("schema".to_owned(), AttributeValue::N(SCHEMA.to_string()));
    Ok(item)
}

/// The value of an item that stands under `key`.
pub fn decode<T: DeserializeOwned>(key: &Key, item: &Item) -> Result<T, Error> {
    let refuse = |why: String| Error::Internal(format!("cannot read {}: {why}", describe(key)));
    if text(item, "type") != Some(key.kind()) {
        return Err(refuse(format!("its type is {:?}", text(item, "type"))));
    }
    match item.get("schema") {
        Some(AttributeValue::N(schema)) if *schema == SCHEMA.to_string() => {}
        other => return Err(refuse(format!("its schema is {other:?}, not {SCHEMA}"))),
    }
    attributes::from_item(item).map_err(|error| refuse(error.to_string()))
}

/// The primary key of an item, as attributes.
pub fn key_attributes(key: &Key) -> Item {
    HashMap::from([("pk".to_owned(), AttributeValue::S(key.pk())), ("sk".to_owned(), AttributeValue::S(key.sk()))])
}

/// The key under which an item stands.
pub fn key_of(item: &Item) -> Result<Key, Error> {
    let (pk, sk) = (text(item, "pk").unwrap_or_default(), text(item, "sk").unwrap_or_default());
    Key::parse(pk, sk).ok_or_else(|| Error::Internal(format!("no key of the grammar: {pk} {sk}")))
}

/// A text attribute.
pub fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str)
}

fn describe(key: &Key) -> String {
    format!("{} {} {} in {:?}", key.kind(), key.pk(), key.sk(), key.table())
}
