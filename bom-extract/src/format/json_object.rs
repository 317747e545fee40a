//! One JSON object, entry by entry, without building it: each value stays a slice of the text, so that its offset is
//! known and one bad entry does not take the others with it.

use alloc::borrow::Cow;
use core::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Calls `each(key, value)` for every entry of the object `text`, duplicates included, in the order of the text.
///
/// `each` returns `false` to end the walk. Values are checked to be JSON, without recursion.
///
/// # Errors
/// The position where the text stops being one JSON object; entries before it were delivered.
pub(super) fn walk<'t>(
    text: &'t str,
    each: &mut dyn FnMut(Cow<'t, str>, &'t str) -> bool,
) -> Result<(), serde_json::Error> {
    let mut stopped = false;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let outcome = Object { each, stopped: &mut stopped }.deserialize(&mut deserializer);
    if stopped {
        return Ok(());
    }
    outcome?;
    deserializer.end()
}

/// Byte offset in `text` of an error of serde_json, which speaks of lines and columns.
pub(super) fn error_offset(text: &str, error: &serde_json::Error) -> usize {
    let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    before.saturating_add(error.column().saturating_sub(1)).min(text.len())
}

/// Byte offset of `part` in `whole`; `None` if it is not a piece of it.
pub(super) fn offset_in(whole: &str, part: &str) -> Option<usize> {
    part.as_ptr().addr().checked_sub(whole.as_ptr().addr()).filter(|offset| *offset <= whole.len())
}

struct Object<'w, 't> {
    each: &'w mut dyn FnMut(Cow<'t, str>, &'t str) -> bool,
    stopped: &'w mut bool,
}

impl<'t> DeserializeSeed<'t> for Object<'_, 't> {
    type Value = ();

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'t> Visitor<'t> for Object<'_, 't> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(Key)? {
            let value: &'t RawValue = map.next_value()?;
            if !(self.each)(key, value.get()) {
                *self.stopped = true;
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

/// A string, borrowed from the text unless it holds escapes.
pub(super) struct Key;

impl<'t> DeserializeSeed<'t> for Key {
    type Value = Cow<'t, str>;

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'t> Visitor<'t> for Key {
    type Value = Cow<'t, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'t str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.into()))
    }
}
