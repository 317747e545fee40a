//! Apache Arrow IPC, file and stream: messages whose description is a flatbuffer.
//!
//! Source: `format/Message.fbs` (1 type, 2 description), `format/Schema.fbs` (`Schema` 1 fields, 2 pairs; `Field` 0 name;
//! `KeyValue` 0 key, 1 value), and the encapsulated message format. The first message is the schema; rows are not read.

use alloc::string::ToString;
use alloc::vec::Vec;

use bom_core::metadata::{ByteOrder, FileKind, ModelRole};

use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::grammar::flatbuffer;
use crate::reader::Reader;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Arrow, wants, extract };

const MAGIC: &[u8] = b"ARROW1\0\0";
/// What a message of the present format starts with.
const CONTINUES: &[u8] = &[0xff; 4];
/// `MessageHeader`: a schema.
const SCHEMA: u8 = 1;
const COLUMNS: u64 = 64;
const PAIRS: u64 = 64;
/// Longest description of a schema that a stream is believed to have.
const SCHEMA_BYTES: u64 = 16 << 20;

fn wants(prefix: &[u8], len: u64) -> bool {
    let length = prefix.strip_prefix(CONTINUES).and_then(|rest| rest.first_chunk());
    let stream = length.map(|length| u64::from(u32::from_le_bytes(*length)));
    prefix.starts_with(MAGIC)
        || stream.is_some_and(|bytes| (16..=SCHEMA_BYTES.min(len)).contains(&bytes) && bytes % 8 == 0)
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let file = reader.array()? == *b"ARROW1\0\0";
    if file {
        draft.claim();
        draft.model().role = Some(ModelRole::Dataset);
    } else {
        reader.seek(0);
    }
    // Files from before the marker start with the length.
    let mut length = reader.u32(ByteOrder::Little)?;
    if length == u32::MAX {
        length = reader.u32(ByteOrder::Little)?;
    }
    let start = reader.pos();
    let end = start.saturating_add(u64::from(length));
    reader.within(start, end, |reader| schema(start, file, reader, draft))
}

fn schema(start: u64, file: bool, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let message = flatbuffer::root(start, reader)?;
    if message.u8(1, reader)? != Some(SCHEMA) {
        return Ok(());
    }
    let Some(schema) = message.table(2, reader)? else { return Ok(()) };
    let Some(fields) = schema.tables(1, reader)? else { return Ok(()) };
    let mut names = Vec::new();
    for index in 0..fields.count.min(COLUMNS) {
        let field = fields.table(index, reader)?;
        names.extend(field.text(0, "a column", reader, draft)?);
    }
    draft.claim();
    draft.model().role = Some(ModelRole::Dataset);
    draft.model().format_version = Some(if file { "file" } else { "stream" }.to_string());
    draft.hyperparameter("columns", fields.count);
    let names = draft.value("the columns", start, names.join(", ").as_bytes());
    draft.hyperparameter("column_names", names);
    let Some(pairs) = schema.tables(2, reader)? else { return Ok(()) };
    for index in 0..pairs.count.min(PAIRS) {
        let pair = pairs.table(index, reader)?;
        let key = pair.text(0, "a key", reader, draft)?;
        if key.as_deref() != Some("huggingface") {
            continue;
        }
        if let Some(value) = pair.text(1, "huggingface", reader, draft)? {
            reader.keep(value.len())?;
            draft.model().claimed.insert("huggingface".to_string(), value);
        }
    }
    Ok(())
}
