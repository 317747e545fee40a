//! The index of a TensorFlow checkpoint, also of the variables of a `SavedModel`: `….index`, `variables.index`.
//!
//! Source: `tensor_bundle.proto` and `tensorflow/core/lib/io/table_format.txt` (LevelDB's table). The first key is empty
//! and holds the header; every other key is the name of a tensor, in the order of names. The weights are in the shards
//! beside it, `….data-00000-of-00001`.

use alloc::format;
use alloc::vec::Vec;

use bom_core::metadata::{ByteOrder, FileKind, IssueCode};

use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::reader::Reader;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::TfCheckpoint, wants, extract };

const MAGIC: [u8; 8] = 0xdb47_7524_8b80_fb57_u64.to_le_bytes();
const FOOTER: u64 = 48;
/// Largest block. TensorFlow ends one after 256 KiB.
const BLOCK: u64 = 16 << 20;
/// Most shards: the name of a shard has five digits.
const SHARDS: u64 = 99_999;

fn wants(prefix: &[u8], len: u64) -> bool {
    // Nothing shared, an empty key, a short value that starts with the number of shards.
    matches!(prefix, [0, 0, 2..=64, 0x08, ..]) && len > FOOTER
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let footer_at = reader.len().saturating_sub(FOOTER);
    reader.seek(footer_at);
    let footer = reader.array::<48>()?;
    if !footer.ends_with(&MAGIC) {
        return Ok(());
    }
    draft.claim();
    let mut handles = Bytes { left: &footer, at: footer_at };
    let (_metaindex, index) = (handles.handle()?, handles.handle()?);
    let mut tensors = 0_u64;
    let mut elements = Some(0_u64);
    let index = block(reader, index, footer_at)?;
    for entry in index.entries()? {
        let mut value = Bytes { left: entry.value, at: entry.at };
        let data = block(reader, value.handle()?, footer_at)?;
        for entry in data.entries()? {
            if entry.is_first_key && tensors == 0 && entry.value.first() == Some(&0x08) && entry.key_is_empty
            {
                header(&entry, draft)?;
                continue;
            }
            tensors = tensors.saturating_add(1);
            if tensors > draft.limits.tensors {
                let detail = format!("more than {} tensors", draft.limits.tensors);
                return Err(Stop::limit(IssueCode::CountExceedsLimit, entry.at, detail));
            }
            elements = elements.zip(size(&entry)).and_then(|(sum, more)| sum.checked_add(more));
        }
    }
    draft.model().tensor_count = Some(tensors);
    if let Some(elements) = elements {
        // Slots of the optimizer and counters are among them, so these are not the trained ones alone.
        draft.hyperparameter("elements", elements);
    }
    Ok(())
}

fn header(entry: &Entry<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    for (field, value) in fields(entry)? {
        match (field, value) {
            (1, Value::Number(shards)) if shards <= SHARDS => draft.hyperparameter("shards", shards),
            (1, Value::Number(shards)) => {
                let detail = format!("{shards} shards");
                draft.issue(IssueCode::InvalidValue, Some(entry.at), detail);
            }
            (2, Value::Number(1)) => draft.model().byte_order = ByteOrder::Big,
            _ => {}
        }
    }
    Ok(())
}

/// Number of elements of one tensor: shape is field 2, its dimensions are its fields 2, each with a size in field 1.
fn size(entry: &Entry<'_>) -> Option<u64> {
    let mut product = 1_u64;
    for (field, value) in fields(entry).ok()? {
        if let (2, Value::Bytes(shape, at)) = (field, value) {
            for (field, value) in all(Bytes { left: shape, at }).ok()? {
                if let (2, Value::Bytes(dimension, at)) = (field, value) {
                    let sizes = all(Bytes { left: dimension, at }).ok()?;
                    let size = sizes.into_iter().find_map(|(field, value)| match value {
                        Value::Number(size) if field == 1 => Some(size),
                        Value::Number(_) | Value::Bytes(..) => None,
                    });
                    product = product.checked_mul(size.unwrap_or(0))?;
                }
            }
        }
    }
    Some(product)
}

/// Content of one block, with where it starts in the file.
struct Block {
    bytes: Vec<u8>,
    at: u64,
}

struct Entry<'b> {
    value: &'b [u8],
    at: u64,
    is_first_key: bool,
    key_is_empty: bool,
}

fn block(reader: &mut Reader<'_>, (offset, size): (u64, u64), end: u64) -> Result<Block, Stop> {
    if offset.checked_add(size).is_none_or(|last| last > end) {
        let detail = format!("a block of {size} bytes at {offset} leads out of the file");
        return Err(Stop::broken(IssueCode::LengthExceedsFile, offset, detail));
    }
    if size > BLOCK {
        let detail = format!("a block of {size} bytes");
        return Err(Stop::limit(IssueCode::LengthExceedsLimit, offset, detail));
    }
    reader.seek(offset);
    Ok(Block { bytes: reader.bytes(size)?, at: offset })
}

impl Block {
    /// Entries up to the list of restarts, which takes four bytes each and four for their number.
    fn entries(&self) -> Result<Vec<Entry<'_>>, Stop> {
        let count = self.bytes.last_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        let tail = u64::from(count).saturating_add(1).saturating_mul(4);
        let tail = usize::try_from(tail).unwrap_or(usize::MAX);
        let Some(body) = self.bytes.len().checked_sub(tail).and_then(|end| self.bytes.get(..end)) else {
            let detail = format!("{count} restarts do not fit into the block");
            return Err(Stop::broken(IssueCode::CountExceedsFile, self.at, detail));
        };
        let mut rest = Bytes { left: body, at: self.at };
        let mut found = Vec::new();
        while !rest.left.is_empty() {
            let (shared, own, value) = (rest.varint()?, rest.varint()?, rest.varint()?);
            rest.take(own)?;
            let at = rest.at;
            let value = rest.take(value)?;
            let key_is_empty = shared == 0 && own == 0;
            found.push(Entry { value, at, is_first_key: found.is_empty(), key_is_empty });
        }
        Ok(found)
    }
}

enum Value<'b> {
    Number(u64),
    Bytes(&'b [u8], u64),
}

fn fields<'b>(entry: &Entry<'b>) -> Result<Vec<(u64, Value<'b>)>, Stop> {
    all(Bytes { left: entry.value, at: entry.at })
}

/// The fields of one small protobuf message.
fn all(mut rest: Bytes<'_>) -> Result<Vec<(u64, Value<'_>)>, Stop> {
    let mut found = Vec::new();
    while !rest.left.is_empty() {
        let tag = rest.varint()?;
        let at = rest.at;
        match tag & 7 {
            0 => found.push((tag >> 3, Value::Number(rest.varint()?))),
            1 => drop(rest.take(8)?),
            2 => {
                let len = rest.varint()?;
                let at = rest.at;
                found.push((tag >> 3, Value::Bytes(rest.take(len)?, at)));
            }
            5 => drop(rest.take(4)?),
            other => {
                let detail = format!("wire type {other}");
                return Err(Stop::broken(IssueCode::MalformedHeader, at, detail));
            }
        }
    }
    Ok(found)
}

/// Bytes that are taken from the front.
struct Bytes<'b> {
    left: &'b [u8],
    at: u64,
}

impl<'b> Bytes<'b> {
    fn varint(&mut self) -> Result<u64, Stop> {
        let mut value = 0_u64;
        for shift in 0..10_u32 {
            let [byte] = *self.take(1)? else { break };
            let bits = u64::from(byte & 0x7f);
            value |= bits.checked_shl(shift.saturating_mul(7)).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        let detail = "a number of more than ten bytes".into();
        Err(Stop::broken(IssueCode::MalformedHeader, self.at, detail))
    }

    fn handle(&mut self) -> Result<(u64, u64), Stop> {
        Ok((self.varint()?, self.varint()?))
    }

    fn take(&mut self, count: u64) -> Result<&'b [u8], Stop> {
        let split = usize::try_from(count).ok().and_then(|count| self.left.split_at_checked(count));
        let Some((taken, left)) = split else {
            let detail = format!("{count} bytes do not fit into the {} that are left", self.left.len());
            return Err(Stop::broken(IssueCode::LengthExceedsFile, self.at, detail));
        };
        self.left = left;
        self.at = self.at.saturating_add(count);
        Ok(taken)
    }
}
