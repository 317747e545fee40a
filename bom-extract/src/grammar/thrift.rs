//! Thrift's compact protocol, field by field.
//!
//! Source: "Thrift Compact protocol encoding". A struct is a list of fields; a field's number is the difference to the
//! one before it. What is not wanted is stepped over, to a limited depth.

use alloc::string::ToString;
use alloc::vec::Vec;

use bom_core::metadata::IssueCode;

use crate::draft::Stop;
use crate::reader::Reader;

pub(crate) const LIST: u8 = 9;
pub(crate) const BINARY: u8 = 8;
pub(crate) const STRUCT: u8 = 12;

/// The fields of one struct.
#[derive(Default)]
pub(crate) struct Fields {
    last: i64,
}

impl Fields {
    /// Number and type of the next field; `None` at the end. The caller takes or skips the value.
    pub(crate) fn next(&mut self, reader: &mut Reader<'_>) -> Result<Option<(i64, u8)>, Stop> {
        let head = reader.u8()?;
        if head == 0 {
            return Ok(None);
        }
        let step = i64::from(head >> 4);
        self.last = if step == 0 { integer(reader)? } else { self.last.saturating_add(step) };
        Ok(Some((self.last, head & 0x0f)))
    }
}

/// Number and type of the elements of a list.
pub(crate) fn list(reader: &mut Reader<'_>) -> Result<(u64, u8), Stop> {
    let at = reader.pos();
    let head = reader.u8()?;
    let count = match head >> 4 {
        15 => unsigned(reader)?,
        count => u64::from(count),
    };
    if count > reader.left() {
        return Err(Stop::broken(
            IssueCode::CountExceedsFile,
            at,
            alloc::format!("a list of {count} elements does not fit in the {} bytes left", reader.left()),
        ));
    }
    Ok((count, head & 0x0f))
}

/// A zigzag integer.
pub(crate) fn integer(reader: &mut Reader<'_>) -> Result<i64, Stop> {
    let value = unsigned(reader)?;
    Ok((value >> 1).cast_signed() ^ (value & 1).cast_signed().saturating_neg())
}

/// Bytes with their length in front, up to `limit`; longer ones are stepped over.
pub(crate) fn bytes(limit: u64, reader: &mut Reader<'_>) -> Result<Option<Vec<u8>>, Stop> {
    let count = unsigned(reader)?;
    if count > limit {
        reader.skip(count)?;
        return Ok(None);
    }
    reader.bytes(count).map(Some)
}

fn unsigned(reader: &mut Reader<'_>) -> Result<u64, Stop> {
    super::protobuf::varint(reader)
}

/// Steps over a value of a type.
pub(crate) fn skip(kind: u8, depth: u32, reader: &mut Reader<'_>) -> Result<(), Stop> {
    let at = reader.pos();
    let Some(below) = depth.checked_sub(1) else {
        return Err(Stop::limit(IssueCode::NestingTooDeep, at, "structures are nested too deep".to_string()));
    };
    match kind {
        // Booleans of a field have their value in the type.
        1 | 2 => {}
        3 => reader.skip(1)?,
        4..=6 => drop(unsigned(reader)?),
        7 => reader.skip(8)?,
        BINARY => {
            let count = unsigned(reader)?;
            reader.skip(count)?;
        }
        LIST | 10 => {
            let (count, kind) = list(reader)?;
            for _ in 0..count {
                element(kind, below, reader)?;
            }
        }
        11 => {
            let count = unsigned(reader)?;
            let kinds = if count == 0 { 0 } else { reader.u8()? };
            for _ in 0..count {
                element(kinds >> 4, below, reader)?;
                element(kinds & 0x0f, below, reader)?;
            }
        }
        STRUCT => {
            let mut fields = Fields::default();
            while let Some((_, kind)) = fields.next(reader)? {
                skip(kind, below, reader)?;
            }
        }
        _ => {
            let detail = alloc::format!("type {kind} is not in the list");
            return Err(Stop::broken(IssueCode::UnknownType, at, detail));
        }
    }
    Ok(())
}

/// Steps over an element of a container, where a boolean takes a byte: no count outlasts the bytes there are.
fn element(kind: u8, depth: u32, reader: &mut Reader<'_>) -> Result<(), Stop> {
    if matches!(kind, 1 | 2) { reader.skip(1) } else { skip(kind, depth, reader) }
}
