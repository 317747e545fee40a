//! JSON text into a tree, without losing sight of a key that stands twice in one object: of two values readers take
//! either, so a document could say one thing to us and another to the next tool.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use super::limits::{Limits, ReadError};
use super::node::{Arriving, Node, Open};

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
pub(in crate::bom) fn parse<'a>(
    bytes: &'a [u8],
    limits: &Limits,
    along: &mut impl Along,
) -> Result<Node<'a>, ReadError> {
    // Some editors put a byte order mark in front.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    limits.measure(bytes)?;
    // All of it is looked at once, and not each text by itself; what is no text is left to the reader, which says where.
    match std::str::from_utf8(bytes) {
        Ok(text) => whole(serde_json::Deserializer::from_str(text), along),
        Err(_) => whole(serde_json::Deserializer::from_slice(bytes), along),
    }
}

fn whole<'a, R: serde_json::de::Read<'a>>(
    mut reader: serde_json::Deserializer<R>,
    along: &mut impl Along,
) -> Result<Node<'a>, ReadError> {
    let mut open = Open::default();
    let node = Tree(along, &mut open).deserialize(&mut reader).map_err(ReadError::NotJson)?;
    reader.end().map_err(ReadError::NotJson)?;
    Ok(node)
}

/// The same; fails, with line and column, at a key that stands twice.
pub(super) fn strict<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Node<'a>, ReadError> {
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
struct Tree<'a, 'de, A>(&'a mut A, &'a mut Open<'de>);

impl<'de, A: Along> DeserializeSeed<'de> for Tree<'_, 'de, A> {
    type Value = Node<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, A: Along> Visitor<'de> for Tree<'_, 'de, A> {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Node::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Node::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Node::Number(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Number::from_f64(number).map(Node::Number).ok_or_else(|| E::custom("number is not finite"))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Node::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Node::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        Ok(Node::Text(Cow::Owned(text)))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Node::Null)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut access: S) -> Result<Self::Value, S::Error> {
        let first = self.1.items.len();
        loop {
            self.0.enter_item(self.1.items.len().saturating_sub(first));
            let item = access.next_element_seed(Tree(&mut *self.0, &mut *self.1))?;
            self.0.leave();
            match item {
                Some(item) => self.1.items.push(item),
                None => {
                    let first = first.min(self.1.items.len());
                    return Ok(Node::List(self.1.items.drain(first..).collect()));
                }
            }
        }
    }

    fn visit_map<M: MapAccess<'de>>(self, mut access: M) -> Result<Self::Value, M::Error> {
        let mut fields = Arriving::new(self.1);
        while let Some(key) = access.next_key_seed(Key)? {
            self.0.enter_field(&key);
            let value = access.next_value_seed(Tree(&mut *self.0, &mut *self.1))?;
            let again = fields.has(self.1, &key);
            if again {
                self.0.repeated(&key).map_err(M::Error::custom)?;
            }
            fields.insert(self.1, key, value, again);
            self.0.leave();
        }
        Ok(Node::Object(fields.finish(self.1)))
    }
}

/// A key, borrowed where nothing in it is escaped.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}
