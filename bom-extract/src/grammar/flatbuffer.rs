//! FlatBuffers: tables behind offsets, followed one at a time.
//!
//! Source: the "FlatBuffers internals" page. A table starts with the signed distance to its vtable; the vtable has its
//! own size, the size of the table, and an offset for each field, zero where it is left out. Offsets to other things
//! are unsigned and relative to where they stand. Nothing forbids many offsets to one place, so a caller counts what it
//! visits.

use alloc::format;
use alloc::string::{String, ToString};

use bom_core::metadata::{ByteOrder, IssueCode};

use crate::draft::{Draft, Stop};
use crate::reader::Reader;

const ORDER: ByteOrder = ByteOrder::Little;

/// A table at an offset of the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    at: u64,
    vtable: u64,
    vtable_bytes: u64,
}

/// The elements of a vector: where the first stands, and how many there are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vector {
    pub(crate) start: u64,
    pub(crate) count: u64,
}

/// The table that the offset at `at` leads to.
pub(crate) fn root(at: u64, reader: &mut Reader<'_>) -> Result<Table, Stop> {
    let place = follow(at, reader)?;
    Table::at(place, reader)
}

impl Table {
    fn at(at: u64, reader: &mut Reader<'_>) -> Result<Self, Stop> {
        reader.seek(at);
        let distance = i64::from(reader.u32(ORDER)?.cast_signed());
        let vtable = at.checked_add_signed(distance.saturating_neg());
        let vtable = vtable.filter(|place| *place < reader.len()).ok_or_else(|| astray(at, "a table"))?;
        reader.seek(vtable);
        let vtable_bytes = u64::from(reader.u16(ORDER)?);
        if vtable_bytes < 4 || vtable_bytes % 2 != 0 {
            return Err(astray(vtable, "a list of fields"));
        }
        Ok(Self { at, vtable, vtable_bytes })
    }

    /// Where a field stands; `None` if it is left out.
    pub(crate) fn field(&self, number: u16, reader: &mut Reader<'_>) -> Result<Option<u64>, Stop> {
        let slot = u64::from(number).saturating_mul(2).saturating_add(4);
        if slot.saturating_add(2) > self.vtable_bytes {
            return Ok(None);
        }
        reader.seek(self.vtable.saturating_add(slot));
        let offset = reader.u16(ORDER)?;
        Ok((offset != 0).then(|| self.at.saturating_add(u64::from(offset))))
    }

    pub(crate) fn u8(&self, number: u16, reader: &mut Reader<'_>) -> Result<Option<u8>, Stop> {
        let Some(at) = self.field(number, reader)? else { return Ok(None) };
        reader.seek(at);
        reader.u8().map(Some)
    }

    pub(crate) fn u32(&self, number: u16, reader: &mut Reader<'_>) -> Result<Option<u32>, Stop> {
        let Some(at) = self.field(number, reader)? else { return Ok(None) };
        reader.seek(at);
        reader.u32(ORDER).map(Some)
    }

    pub(crate) fn table(&self, number: u16, reader: &mut Reader<'_>) -> Result<Option<Self>, Stop> {
        let Some(at) = self.field(number, reader)? else { return Ok(None) };
        root(at, reader).map(Some)
    }

    /// A vector of elements of `width` bytes each, all of which are inside the file.
    pub(crate) fn vector(
        &self,
        number: u16,
        width: u64,
        reader: &mut Reader<'_>,
    ) -> Result<Option<Vector>, Stop> {
        let Some(at) = self.field(number, reader)? else { return Ok(None) };
        let place = follow(at, reader)?;
        reader.seek(place);
        let count = u64::from(reader.u32(ORDER)?);
        let left = reader.left();
        if count.checked_mul(width).is_none_or(|bytes| bytes > left) {
            let detail = format!("a list of {count} elements does not fit in the {left} bytes left");
            return Err(Stop::broken(IssueCode::CountExceedsFile, place, detail));
        }
        Ok(Some(Vector { start: reader.pos(), count }))
    }

    /// A vector of tables.
    pub(crate) fn tables(&self, number: u16, reader: &mut Reader<'_>) -> Result<Option<Vector>, Stop> {
        self.vector(number, 4, reader)
    }

    /// A text; an empty one counts as left out.
    pub(crate) fn text(
        &self,
        number: u16,
        what: &str,
        reader: &mut Reader<'_>,
        draft: &mut Draft<'_>,
    ) -> Result<Option<String>, Stop> {
        let Some(vector) = self.vector(number, 1, reader)? else { return Ok(None) };
        text(vector, what, reader, draft)
    }
}

impl Vector {
    /// The table that the element of this number leads to.
    pub(crate) fn table(&self, index: u64, reader: &mut Reader<'_>) -> Result<Table, Stop> {
        root(self.start.saturating_add(index.saturating_mul(4)), reader)
    }

    /// The text that the element of this number leads to.
    pub(crate) fn text(
        &self,
        index: u64,
        what: &str,
        reader: &mut Reader<'_>,
        draft: &mut Draft<'_>,
    ) -> Result<Option<String>, Stop> {
        let place = follow(self.start.saturating_add(index.saturating_mul(4)), reader)?;
        reader.seek(place);
        let count = u64::from(reader.u32(ORDER)?);
        if count > reader.left() {
            return Err(astray(place, what));
        }
        let vector = Self { start: reader.pos(), count };
        text(vector, what, reader, draft)
    }
}

fn text(
    vector: Vector,
    what: &str,
    reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
) -> Result<Option<String>, Stop> {
    let limit = draft.limits.string_bytes;
    if vector.count > limit {
        let detail = format!("{what} of {} bytes exceeds the limit of {limit}", vector.count);
        draft.issue(IssueCode::LengthExceedsLimit, Some(vector.start), detail);
        return Ok(None);
    }
    reader.seek(vector.start);
    let bytes = reader.bytes(vector.count)?;
    let text = draft.value(what, vector.start, &bytes);
    Ok((!text.is_empty()).then_some(text))
}

/// Where the unsigned offset at `at` leads.
fn follow(at: u64, reader: &mut Reader<'_>) -> Result<u64, Stop> {
    reader.seek(at);
    let offset = u64::from(reader.u32(ORDER)?);
    let place = at.saturating_add(offset);
    if offset == 0 || place >= reader.len() {
        return Err(astray(at, "an offset"));
    }
    Ok(place)
}

fn astray(at: u64, what: &str) -> Stop {
    Stop::broken(
        IssueCode::MalformedHeader,
        at,
        format!("{what} of the flatbuffer leads nowhere").to_string(),
    )
}
