//! Attributes as values.

use std::collections::hash_map::Iter;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{
    de::{
        DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
        value::BorrowedStrDeserializer,
    },
    forward_to_deserialize_any,
};

use super::Unfit;
use crate::item::Item;

fn expected<T>(what: &str) -> Result<T, Unfit> {
    Err(Unfit(format!("{what} was expected")))
}

/// A number, as text.
fn number<T: std::str::FromStr>(text: &str) -> Result<T, Unfit>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error| Unfit(format!("a number: {error}")))
}

macro_rules! numbers {
    ($($read:ident: $visit:ident),*) => {
        $(fn $read<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
            visitor.$visit(number(self.number()?)?)
        })*
    };
}

/// An attribute, read in place.
#[derive(Debug, Clone, Copy)]
struct Attribute<'de>(&'de AttributeValue);

impl<'de> Attribute<'de> {
    fn number(self) -> Result<&'de str, Unfit> {
        match self.0 {
            AttributeValue::N(number) => Ok(number),
            _ => expected("a number"),
        }
    }
}

impl<'de> Deserializer<'de> for Attribute<'de> {
    type Error = Unfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        match self.0 {
            AttributeValue::S(text) => visitor.visit_borrowed_str(text),
            AttributeValue::N(text) => match (text.parse(), text.parse()) {
                (Ok(whole), _) => visitor.visit_i64(whole),
                (_, Ok(large)) => visitor.visit_u64(large),
                _ => visitor.visit_f64(number(text)?),
            },
            AttributeValue::Bool(truth) => visitor.visit_bool(*truth),
            AttributeValue::B(bytes) => visitor.visit_borrowed_bytes(bytes.as_ref()),
            AttributeValue::Null(_) => visitor.visit_unit(),
            AttributeValue::M(fields) => Fields(fields).deserialize_any(visitor),
            AttributeValue::L(elements) => visitor.visit_seq(Elements(elements.iter())),
            _ => expected("what is stored here, and no set,"),
        }
    }

    numbers! {
        deserialize_i8: visit_i8, deserialize_i16: visit_i16, deserialize_i32: visit_i32, deserialize_i64: visit_i64,
        deserialize_u8: visit_u8, deserialize_u16: visit_u16, deserialize_u32: visit_u32, deserialize_u64: visit_u64,
        deserialize_f32: visit_f32, deserialize_f64: visit_f64
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        match self.0 {
            AttributeValue::Null(_) => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unfit> {
        match self.0 {
            AttributeValue::S(name) => visitor.visit_enum(BorrowedStrDeserializer::new(name)),
            AttributeValue::M(held) if held.len() == 1 => match held.iter().next() {
                Some((name, held)) => visitor.visit_enum(Variant { name, held }),
                None => expected("a variant"),
            },
            _ => expected("a variant"),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier i128 u128
    }
}

/// The fields of an item or of a map.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'de>(pub(super) &'de Item);

impl<'de> Deserializer<'de> for Fields<'de> {
    type Error = Unfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_map(FieldsLeft { left: self.0.iter(), value: None })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct FieldsLeft<'de> {
    left: Iter<'de, String, AttributeValue>,
    value: Option<&'de AttributeValue>,
}

impl<'de> MapAccess<'de> for FieldsLeft<'de> {
    type Error = Unfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Unfit> {
        let Some((name, value)) = self.left.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(Name(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Unfit> {
        match self.value.take() {
            Some(value) => seed.deserialize(Attribute(value)),
            None => expected("a key before its value"),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left.len())
    }
}

struct Elements<'de>(std::slice::Iter<'de, AttributeValue>);

impl<'de> SeqAccess<'de> for Elements<'de> {
    type Error = Unfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Unfit> {
        self.0.next().map(|element| seed.deserialize(Attribute(element))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// A variant that holds something: a map of one.
struct Variant<'de> {
    name: &'de str,
    held: &'de AttributeValue,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Unfit;
    type Variant = Attribute<'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self::Variant), Unfit> {
        Ok((seed.deserialize(BorrowedStrDeserializer::new(self.name))?, Attribute(self.held)))
    }
}

impl<'de> VariantAccess<'de> for Attribute<'de> {
    type Error = Unfit;

    fn unit_variant(self) -> Result<(), Unfit> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Unfit> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Unfit> {
        self.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Unfit> {
        self.deserialize_any(visitor)
    }
}

/// The key of a map: a text that may also stand for a number or a truth.
#[derive(Debug, Clone, Copy)]
struct Name<'de>(&'de str);

macro_rules! numbers_as_names {
    ($($read:ident: $visit:ident),*) => {
        $(fn $read<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
            visitor.$visit(number(self.0)?)
        })*
    };
}

impl<'de> Deserializer<'de> for Name<'de> {
    type Error = Unfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_borrowed_str(self.0)
    }

    numbers_as_names! {
        deserialize_i8: visit_i8, deserialize_i16: visit_i16, deserialize_i32: visit_i32, deserialize_i64: visit_i64,
        deserialize_u8: visit_u8, deserialize_u16: visit_u16, deserialize_u32: visit_u32, deserialize_u64: visit_u64,
        deserialize_bool: visit_bool
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unfit> {
        visitor.visit_enum(BorrowedStrDeserializer::new(self.0))
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}
