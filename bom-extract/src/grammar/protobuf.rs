//! The protobuf wire format, field by field, without a schema and without recursion.
//!
//! Source: the protobuf encoding guide. A field is a varint tag (number << 3 | wire type) and a value. Values with a
//! length are not read: the caller gets their place and descends or goes on to the next field.

use alloc::format;
use alloc::string::{String, ToString};

use bom_core::metadata::IssueCode;

use crate::draft::{Draft, Stop};
use crate::reader::Reader;

/// Longest name looked at. Exporters that trace a program write its whole call path: 361 bytes were met.
const NAME_BYTES: u64 = 4096;

/// One field of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) number: u64,
    /// Offset of the tag in the file.
    pub(crate) at: u64,
    pub(crate) value: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// A varint or a fixed-width number.
    Number(u64),
    /// A string, bytes, packed numbers or a message.
    Bytes(Place),
}

/// Where a value with a length stands: `start..end` in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl Place {
    pub(crate) fn len(self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

/// The fields of one message, in the order of the file.
///
/// Holds no borrow of the reader, so that the caller can read inside a field; each call goes back to where the
/// message continues.
pub(crate) struct Fields {
    next: u64,
    end: u64,
    /// A length pointed past the end of the message: the last field was cut to fit.
    pub(crate) cut: bool,
}

impl Fields {
    pub(crate) fn of(place: Place) -> Self {
        Self { next: place.start, end: place.end, cut: false }
    }

    /// The next field, or `None` at the end of the message.
    ///
    /// A length that leaves the message is an issue and is cut to the end, so that what is there can be read.
    pub(crate) fn next(
        &mut self,
        reader: &mut Reader<'_>,
        draft: &mut Draft<'_>,
    ) -> Result<Option<Field>, Stop> {
        if self.next >= self.end {
            return Ok(None);
        }
        let at = self.next;
        reader.seek(at);
        let tag = varint(reader)?;
        let (number, wire) = (tag >> 3, tag & 7);
        let value = match wire {
            0 => Value::Number(varint(reader)?),
            1 => Value::Number(u64::from_le_bytes(reader.array()?)),
            5 => Value::Number(u64::from(u32::from_le_bytes(reader.array()?))),
            2 => Value::Bytes(self.place(at, number, reader, draft)?),
            _ => {
                let detail = format!("field {number} has the wire type {wire}");
                return Err(Stop::broken(IssueCode::MalformedHeader, at, detail));
            }
        };
        if number == 0 {
            return Err(Stop::broken(IssueCode::MalformedHeader, at, "field number 0".to_string()));
        }
        self.next = match value {
            Value::Number(_) => reader.pos(),
            Value::Bytes(place) => place.end,
        };
        if self.next > self.end {
            let detail = format!("field {number} ends past its message");
            return Err(Stop::broken(IssueCode::MalformedHeader, at, detail));
        }
        Ok(Some(Field { number, at, value }))
    }

    fn place(
        &mut self,
        at: u64,
        number: u64,
        reader: &mut Reader<'_>,
        draft: &mut Draft<'_>,
    ) -> Result<Place, Stop> {
        let len = varint(reader)?;
        let start = reader.pos();
        if start > self.end {
            let detail = format!("field {number} starts past its message");
            return Err(Stop::broken(IssueCode::MalformedHeader, at, detail));
        }
        let left = self.end.saturating_sub(start);
        if len > left {
            self.cut = true;
            let detail = format!("field {number} length {len} exceeds the {left} bytes left in its message");
            draft.issue(IssueCode::LengthExceedsFile, Some(at), detail);
        }
        Ok(Place { start, end: start.saturating_add(len.min(left)) })
    }
}

/// Seven bits per byte, least significant first; at most ten bytes.
pub(crate) fn varint(reader: &mut Reader<'_>) -> Result<u64, Stop> {
    let at = reader.pos();
    let mut value = 0_u64;
    for shift in (0..64_u32).step_by(7) {
        let byte = reader.u8()?;
        let bits = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit; more would be lost without a trace.
        let shifted = bits.checked_shl(shift).unwrap_or(0);
        if shifted.checked_shr(shift) != Some(bits) {
            break;
        }
        value |= shifted;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Stop::broken(IssueCode::MalformedHeader, at, "a varint does not fit in 64 bits".to_string()))
}

/// A text value; `None` if it is empty, which is how protobuf says "absent", or too long to be read.
pub(crate) fn text(
    what: &str,
    place: Place,
    reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
) -> Result<Option<String>, Stop> {
    let limit = draft.limits.string_bytes;
    if place.len() > limit {
        let detail = format!("{what} of {} bytes exceeds the limit of {limit}", place.len());
        draft.issue(IssueCode::LengthExceedsLimit, Some(place.start), detail);
        return Ok(None);
    }
    reader.seek(place.start);
    let bytes = reader.bytes(place.len())?;
    let value = draft.value(what, place.start, &bytes);
    Ok(if value.is_empty() { None } else { Some(value) })
}

/// A short name; `None` if it is longer than any real one.
pub(crate) fn name(
    place: Place,
    reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
) -> Result<Option<String>, Stop> {
    if place.len() > NAME_BYTES {
        let detail = format!("a name of {} bytes exceeds the limit of {NAME_BYTES}", place.len());
        draft.issue(IssueCode::LengthExceedsLimit, Some(place.start), detail);
        return Ok(None);
    }
    reader.seek(place.start);
    let bytes = reader.bytes(place.len())?;
    Ok(Some(draft.value("a name", place.start, &bytes)))
}
