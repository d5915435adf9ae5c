//! Values as attributes.

use std::{collections::HashMap, fmt::Display};

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use serde::{Serialize, ser};

use super::{Unfit, to_attribute};
use crate::item::Item;

/// Writes a value. What has fields gets room for so many more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writer {
    pub(super) room: usize,
}

/// The attribute of a variant that holds something: a map of one.
fn variant(name: &str, held: AttributeValue) -> AttributeValue {
    AttributeValue::M(HashMap::from([(name.to_owned(), held)]))
}

macro_rules! numbers {
    ($($write:ident: $number:ty),*) => {
        $(fn $write(self, value: $number) -> Result<Self::Ok, Unfit> {
            Ok(AttributeValue::N(value.to_string()))
        })*
    };
}

impl ser::Serializer for Writer {
    type Ok = AttributeValue;
    type Error = Unfit;
    type SerializeSeq = Elements;
    type SerializeTuple = Elements;
    type SerializeTupleStruct = Elements;
    type SerializeTupleVariant = Elements;
    type SerializeMap = Fields;
    type SerializeStruct = Fields;
    type SerializeStructVariant = Fields;

    numbers! {
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_f32: f32, serialize_f64: f64
    }

    fn serialize_bool(self, value: bool) -> Result<Self::Ok, Unfit> {
        Ok(AttributeValue::Bool(value))
    }

    fn serialize_char(self, value: char) -> Result<Self::Ok, Unfit> {
        Ok(AttributeValue::S(value.to_string()))
    }

    fn serialize_str(self, value: &str) -> Result<Self::Ok, Unfit> {
        Ok(AttributeValue::S(value.to_owned()))
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<Self::Ok, Unfit> {
        Ok(AttributeValue::S(value.to_string()))
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Self::Ok, Unfit> {
        Ok(AttributeValue::B(Blob::new(value)))
    }

    fn serialize_none(self) -> Result<Self::Ok, Unfit> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Self::Ok, Unfit> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Self::Ok, Unfit> {
        Ok(AttributeValue::Null(true))
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Self::Ok, Unfit> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Result<Self::Ok, Unfit> {
        self.serialize_str(name)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Self::Ok, Unfit> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        value: &T,
    ) -> Result<Self::Ok, Unfit> {
        Ok(variant(name, to_attribute(value)?))
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self::SerializeSeq, Unfit> {
        Ok(Elements { variant: None, elements: Vec::with_capacity(length.unwrap_or_default()) })
    }

    fn serialize_tuple(self, length: usize) -> Result<Self::SerializeTuple, Unfit> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Self::SerializeTupleStruct, Unfit> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleVariant, Unfit> {
        Ok(Elements { variant: Some(name), elements: Vec::with_capacity(length) })
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Self::SerializeMap, Unfit> {
        Ok(Fields::new(None, length.unwrap_or_default() + self.room))
    }

    fn serialize_struct(self, _: &'static str, length: usize) -> Result<Self::SerializeStruct, Unfit> {
        Ok(Fields::new(None, length + self.room))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        length: usize,
    ) -> Result<Self::SerializeStructVariant, Unfit> {
        Ok(Fields::new(Some(name), length))
    }
}

/// A list that is being written.
pub(super) struct Elements {
    variant: Option<&'static str>,
    elements: Vec<AttributeValue>,
}

impl ser::SerializeSeq for Elements {
    type Ok = AttributeValue;
    type Error = Unfit;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unfit> {
        self.elements.push(to_attribute(value)?);
        Ok(())
    }

    fn end(self) -> Result<Self::Ok, Unfit> {
        let list = AttributeValue::L(self.elements);
        Ok(match self.variant {
            Some(name) => variant(name, list),
            None => list,
        })
    }
}

/// What serde has other names for, and what is a list all the same.
macro_rules! lists_too {
    ($($kind:ident: $write:ident),*) => {
        $(impl ser::$kind for Elements {
            type Ok = AttributeValue;
            type Error = Unfit;

            fn $write<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unfit> {
                ser::SerializeSeq::serialize_element(self, value)
            }

            fn end(self) -> Result<Self::Ok, Unfit> {
                ser::SerializeSeq::end(self)
            }
        })*
    };
}

lists_too! {
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field
}

/// A map that is being written.
pub(super) struct Fields {
    variant: Option<&'static str>,
    written: Item,
    key: Option<String>,
}

impl Fields {
    fn new(variant: Option<&'static str>, length: usize) -> Self {
        Self { variant, written: Item::with_capacity(length), key: None }
    }
}

impl ser::SerializeMap for Fields {
    type Ok = AttributeValue;
    type Error = Unfit;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unfit> {
        self.key = match to_attribute(key)? {
            AttributeValue::S(text) | AttributeValue::N(text) => Some(text),
            AttributeValue::Bool(truth) => Some(truth.to_string()),
            _ => return Err(Unfit("a key of a map is neither a text nor a number".to_owned())),
        };
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unfit> {
        let key = self.key.take().ok_or_else(|| Unfit("a value without a key".to_owned()))?;
        self.written.insert(key, to_attribute(value)?);
        Ok(())
    }

    fn end(self) -> Result<Self::Ok, Unfit> {
        ser::SerializeStruct::end(self)
    }
}

impl ser::SerializeStruct for Fields {
    type Ok = AttributeValue;
    type Error = Unfit;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Unfit> {
        self.written.insert(name.to_owned(), to_attribute(value)?);
        Ok(())
    }

    fn end(self) -> Result<Self::Ok, Unfit> {
        let map = AttributeValue::M(self.written);
        Ok(match self.variant {
            Some(name) => variant(name, map),
            None => map,
        })
    }
}

impl ser::SerializeStructVariant for Fields {
    type Ok = AttributeValue;
    type Error = Unfit;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Unfit> {
        ser::SerializeStruct::serialize_field(self, name, value)
    }

    fn end(self) -> Result<Self::Ok, Unfit> {
        ser::SerializeStruct::end(self)
    }
}
