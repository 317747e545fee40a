//! Lance, the columns of LanceDB: data, vector indexes, and the manifests of tables.
//!
//! Source: `protos/file2.proto`, `protos/file.proto` and `protos/table.proto` of lance, and its `rust/lance-file`. A file
//! ends with its version and `LANC`, and may begin with anything. Before these, version 2 has the places of three tables,
//! which follow from the numbers of columns and buffers; the first buffer is the schema. Older files, and manifests of
//! all versions, have the place of one message.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bom_core::metadata::{ByteOrder, FileKind, IssueCode, ModelRole};

use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::grammar::protobuf::{Fields, Place, Value, name};
use crate::reader::Reader;

/// Its `wants` is asked of the end of a file.
pub(crate) const AT_THE_END: Extractor = Extractor { kind: FileKind::Lance, wants, extract };

const ORDER: ByteOrder = ByteOrder::Little;
const MAGIC: &[u8] = b"LANC";
/// Place of the message, version, magic.
const SHORT_FOOTER: u64 = 16;
/// Three places, two numbers, version, magic.
const FOOTER: u64 = 40;
/// Bytes of a row of the tables of columns and of buffers: place and size.
const ROW: u64 = 16;
const COLUMNS: usize = 64;
/// Longest schema that is read.
const SCHEMA: u64 = 4 << 20;

fn wants(end: &[u8], len: u64) -> bool {
    // In front of the magic are two small numbers.
    let before = end.strip_suffix(MAGIC).and_then(|rest| rest.last_chunk::<4>());
    len > SHORT_FOOTER && before.is_some_and(|version| matches!(version, [0..10, 0, _, 0]))
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let len = reader.len();
    let Some(at) = len.checked_sub(8) else { return Ok(()) };
    reader.seek(at);
    let (major, minor) = (reader.u16(ORDER)?, reader.u16(ORDER)?);
    let version = format!("{major}.{minor}");
    // Version 2.0 calls itself 0.3.
    if (major, minor) < (0, 3) { message(reader, draft, &version) } else { tables(reader, draft, &version) }
}

/// The message reaches from its place to the footer.
fn message(reader: &mut Reader<'_>, draft: &mut Draft<'_>, version: &str) -> Result<(), Stop> {
    let Some(footer) = reader.len().checked_sub(SHORT_FOOTER) else { return Ok(()) };
    reader.seek(footer);
    let at = reader.u64(ORDER)?;
    if at.saturating_add(4) > footer {
        return Ok(());
    }
    reader.seek(at);
    let size = u64::from(reader.u32(ORDER)?);
    if at.saturating_add(4).saturating_add(size) == footer {
        claim(draft, version);
    }
    Ok(())
}

fn tables(reader: &mut Reader<'_>, draft: &mut Draft<'_>, version: &str) -> Result<(), Stop> {
    let Some(footer) = reader.len().checked_sub(FOOTER) else { return Ok(()) };
    reader.seek(footer);
    let (about, columns_at, buffers_at) = (reader.u64(ORDER)?, reader.u64(ORDER)?, reader.u64(ORDER)?);
    let (buffers, columns) = (u64::from(reader.u32(ORDER)?), u64::from(reader.u32(ORDER)?));
    let follows = |start: u64, rows: u64| rows.checked_mul(ROW).and_then(|bytes| start.checked_add(bytes));
    let whole = about <= columns_at
        && follows(columns_at, columns) == Some(buffers_at)
        && follows(buffers_at, buffers) == Some(footer);
    if !whole {
        return Ok(());
    }
    claim(draft, version);
    draft.hyperparameter("columns", columns);
    if buffers == 0 {
        return Ok(());
    }
    reader.seek(buffers_at);
    let (start, size) = (reader.u64(ORDER)?, reader.u64(ORDER)?);
    let Some(end) = start.checked_add(size).filter(|&end| end <= footer) else {
        let detail = format!("a schema of {size} bytes at {start} leads out of the file");
        draft.issue(IssueCode::LengthExceedsFile, Some(buffers_at), detail);
        return Ok(());
    };
    if size > SCHEMA {
        let detail = format!("a schema of {size} bytes exceeds the limit of {SCHEMA}");
        draft.issue(IssueCode::LengthExceedsLimit, Some(start), detail);
        return Ok(());
    }
    // 1 schema, 2 rows.
    let mut fields = Fields::of(Place { start, end });
    while let Some(field) = fields.next(reader, draft)? {
        match (field.number, field.value) {
            (1, Value::Bytes(place)) => schema(place, reader, draft)?,
            (2, Value::Number(rows)) => draft.hyperparameter("rows", rows),
            _ => {}
        }
    }
    Ok(())
}

/// 1 fields, each with its name as 2; 5 pairs of a key and a value.
fn schema(place: Place, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let mut names: Vec<String> = Vec::new();
    let mut fields = Fields::of(place);
    while let Some(field) = fields.next(reader, draft)? {
        let Value::Bytes(place) = field.value else { continue };
        match field.number {
            1 if names.len() < COLUMNS => {
                if let Some(name) = part(place, 2, reader, draft)? {
                    reader.keep(name.len())?;
                    names.push(name);
                }
            }
            // Only an index has these.
            5 => {
                let key = part(place, 1, reader, draft)?;
                if key.is_some_and(|key| matches!(key.as_str(), "lance:index" | "lance:ivf" | "lance:hnsw")) {
                    draft.model().role = Some(ModelRole::VectorIndex);
                }
            }
            _ => {}
        }
    }
    let names = draft.value("the columns", place.start, names.join(", ").as_bytes());
    draft.hyperparameter("column_names", names);
    Ok(())
}

/// One text of a message.
fn part(
    place: Place,
    number: u64,
    reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
) -> Result<Option<String>, Stop> {
    let mut fields = Fields::of(place);
    while let Some(field) = fields.next(reader, draft)? {
        if let (true, Value::Bytes(place)) = (field.number == number, field.value) {
            return name(place, reader, draft);
        }
    }
    Ok(None)
}

fn claim(draft: &mut Draft<'_>, version: &str) {
    draft.claim();
    draft.model().role = Some(ModelRole::Dataset);
    draft.model().format_version = Some(version.into());
}
