//! JSON text into a tree, without losing sight of a key that stands twice in one object: of two values readers take
//! either, so a document could say one thing to us and another to the next tool.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::limits::{Limits, ReadError};

/// Goes along with the reader, and is asked about a key that stands twice.
pub(in crate::bom) trait Along {
    /// Into an entry of a list.
    fn enter_item(&mut self, index: usize);
    /// Into a field of an object.
    fn enter_field(&mut self, key: &str);
    /// Out of the entry or field again.
    fn leave(&mut self);
    /// The field it is in stood there before: the last value is taken, or an error ends the reading.
    fn repeated(&mut self, key: &str) -> Result<(), String>;
}

/// Reads any JSON within the limits.
pub(in crate::bom) fn parse(
    bytes: &[u8],
    limits: &Limits,
    along: &mut impl Along,
) -> Result<Value, ReadError> {
    // Some editors put a byte order mark in front.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    limits.measure(bytes)?;
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Tree(along).deserialize(&mut reader).map_err(ReadError::NotJson)?;
    reader.end().map_err(ReadError::NotJson)?;
    Ok(value)
}

/// The same; fails, with line and column, at a key that stands twice.
pub(super) fn strict(bytes: &[u8], limits: &Limits) -> Result<Value, ReadError> {
    parse(bytes, limits, &mut Strict)
}

struct Strict;

impl Along for Strict {
    fn enter_item(&mut self, _: usize) {}

    fn enter_field(&mut self, _: &str) {}

    fn leave(&mut self) {}

    fn repeated(&mut self, key: &str) -> Result<(), String> {
        let key: String = key.chars().take(64).collect();
        Err(format!("key {key:?} stands twice"))
    }
}

/// `Limits::depth` bounds the recursion.
struct Tree<'a, A>(&'a mut A);

impl<'de, A: Along> DeserializeSeed<'de> for Tree<'_, A> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, A: Along> Visitor<'de> for Tree<'_, A> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Number::from_f64(number).map(Value::Number).ok_or_else(|| E::custom("number is not finite"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut access: S) -> Result<Value, S::Error> {
        let mut items = Vec::new();
        loop {
            self.0.enter_item(items.len());
            let item = access.next_element_seed(Tree(&mut *self.0))?;
            self.0.leave();
            match item {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<M: MapAccess<'de>>(self, mut access: M) -> Result<Value, M::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            self.0.enter_field(&key);
            let value = access.next_value_seed(Tree(&mut *self.0))?;
            if map.contains_key(&key) {
                self.0.repeated(&key).map_err(M::Error::custom)?;
            }
            map.insert(key, value);
            self.0.leave();
        }
        Ok(Value::Object(map))
    }
}
