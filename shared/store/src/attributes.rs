//! Values as attributes of DynamoDB, and back.
//!
//! `serde_dynamo` writes and reads the same attributes, and is what a stream's records are read with. It does so
//! by way of values of its own: an item is built, copied into the SDK's and, to be read, copied once more
//! and taken apart. That was from a quarter to two fifths of what a command did beside the SDK itself; here the SDK's own
//! values are written and read in place. The tests hold both to the same attributes.

mod read;
#[cfg(test)]
mod tests;
mod write;

use std::fmt::{self, Display};

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Serialize, de::DeserializeOwned};

use crate::item::Item;

/// Why a value cannot be written as attributes, or attributes are none of a value.
#[derive(Debug)]
pub(crate) struct Unfit(String);

impl Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unfit {}

impl serde::ser::Error for Unfit {
    fn custom<T: Display>(why: T) -> Self {
        Self(why.to_string())
    }
}

impl serde::de::Error for Unfit {
    fn custom<T: Display>(why: T) -> Self {
        Self(why.to_string())
    }
}

/// A value as one attribute.
pub(crate) fn to_attribute<T: Serialize + ?Sized>(value: &T) -> Result<AttributeValue, Unfit> {
    value.serialize(write::Writer { room: 0 })
}

/// A value of named fields as an item, with room for so many attributes more.
pub(crate) fn to_item<T: Serialize + ?Sized>(value: &T, room: usize) -> Result<Item, Unfit> {
    match value.serialize(write::Writer { room })? {
        AttributeValue::M(item) => Ok(item),
        _ => Err(Unfit("it has no fields".to_owned())),
    }
}

/// The value of an item. Attributes that it does not know are passed over.
pub(crate) fn from_item<T: DeserializeOwned>(item: &Item) -> Result<T, Unfit> {
    T::deserialize(read::Fields(item))
}
