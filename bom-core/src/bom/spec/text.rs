//! JSON text into a tree, within limits, with the keys that stand twice in one object.
//!
//! JSON parsers disagree about a key that stands twice: some take the first, some the last. A document that two readers
//! read differently is a finding, so it is not enough to be one of these readers.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::walk::Place;
use crate::bom::read::{Limits, ReadError};

/// Repeated keys that are kept.
const KEPT: usize = 100;

/// A document as a tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The document; of a key that stands twice the last value.
    pub value: Value,
    /// Places of keys that stand twice; the first hundred.
    pub repeated: Vec<String>,
}

/// Reads any JSON within the limits.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Parsed, ReadError> {
    // Some editors put a byte order mark in front.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    limits.measure(bytes)?;
    let state = RefCell::new((Place::root(), Vec::new()));
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Tree(&state).deserialize(&mut reader).map_err(ReadError::NotJson)?;
    reader.end().map_err(ReadError::NotJson)?;
    Ok(Parsed { value, repeated: state.into_inner().1 })
}

/// Where the reader is, and the repeated keys so far. `Limits::depth` bounds the recursion.
#[derive(Clone, Copy)]
struct Tree<'a>(&'a RefCell<(Place, Vec<String>)>);

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("json")
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

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
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

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        loop {
            self.0.borrow_mut().0.enter_item(items.len());
            let item = access.next_element_seed(self)?;
            self.0.borrow_mut().0.leave();
            match item {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            self.0.borrow_mut().0.enter_field(&key);
            let value = access.next_value_seed(self)?;
            let mut state = self.0.try_borrow_mut().map_err(A::Error::custom)?;
            if map.insert(key, value).is_some() && state.1.len() < KEPT {
                let at = state.0.to_string();
                state.1.push(at);
            }
            state.0.leave();
        }
        Ok(Value::Object(map))
    }
}
