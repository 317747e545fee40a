//! Apache Parquet: column data, and behind it the description of all of it.
//!
//! Source: `parquet.thrift`, `FileMetaData`: 1 version, 2 schema (4 name, 5 number of children), 3 rows, 4 row groups, 5
//! pairs of the writer, 6 the writer. Column data is not touched.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bom_core::metadata::{ByteOrder, FileKind, IssueCode, ModelRole};

use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::grammar::thrift::{BINARY, Fields, LIST, bytes, integer, list, skip};
use crate::reader::Reader;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Parquet, wants, extract };

/// The length of the description and the magic behind it.
const TAIL_BYTES: u64 = 8;
const NAME_BYTES: u64 = 4096;
/// Names of columns shown.
const COLUMNS: usize = 64;

fn wants(prefix: &[u8], len: u64) -> bool {
    prefix.starts_with(b"PAR1") && len >= 12
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let end = reader.len().saturating_sub(TAIL_BYTES);
    reader.seek(end);
    let length = u64::from(reader.u32(ByteOrder::Little)?);
    draft.claim();
    draft.model().role = Some(ModelRole::Dataset);
    if reader.array()? != *b"PAR1" {
        let detail = "the file does not end as it begins: it was cut short".to_string();
        return Err(Stop::broken(IssueCode::MalformedHeader, end, detail));
    }
    let Some(start) = end.checked_sub(length).filter(|start| *start >= 4) else {
        let detail = alloc::format!("footer length {length} exceeds file size {}", reader.len());
        return Err(Stop::broken(IssueCode::LengthExceedsFile, end, detail));
    };
    reader.within(start, end, |reader| footer(reader, draft))
}

fn footer(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let depth = draft.limits.depth;
    let mut fields = Fields::default();
    while let Some((number, kind)) = fields.next(reader)? {
        match (number, kind) {
            (1, _) => {
                let version = integer(reader)?;
                draft.model().format_version = Some(version.to_string());
            }
            (2, LIST) => schema(reader, draft)?,
            (3, _) => {
                let rows = integer(reader)?;
                draft.hyperparameter("rows", rows);
            }
            (5, LIST) => {
                let (count, _) = list(reader)?;
                for _ in 0..count {
                    pair(reader, draft)?;
                }
            }
            (6, BINARY) => {
                let at = reader.pos();
                if let Some(text) = bytes(NAME_BYTES, reader)? {
                    let text = draft.value("the writer", at, &text);
                    draft.model().producer = Some(text);
                }
            }
            (_, kind) => skip(kind, depth, reader)?,
        }
    }
    Ok(())
}

fn schema(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let depth = draft.limits.depth;
    let (count, _) = list(reader)?;
    let (mut names, mut columns) = (Vec::new(), 0_u64);
    for element in 0..count {
        let (mut name, mut leaf) = (None, true);
        let mut fields = Fields::default();
        while let Some((number, kind)) = fields.next(reader)? {
            match (number, kind) {
                (4, BINARY) => name = bytes(NAME_BYTES, reader)?,
                (5, _) => leaf = integer(reader)? == 0,
                (_, kind) => skip(kind, depth, reader)?,
            }
        }
        // The first element is the table itself.
        if element > 0 && leaf {
            columns = columns.saturating_add(1);
            if let Some(name) = name.filter(|_| names.len() < COLUMNS) {
                let name = draft.value("a column", reader.pos(), &name);
                reader.keep(name.len())?;
                names.push(name);
            }
        }
    }
    draft.hyperparameter("columns", columns);
    let names: String = names.join(", ");
    let names = draft.value("the columns", reader.pos(), names.as_bytes());
    draft.hyperparameter("column_names", names);
    Ok(())
}

/// 1 key, 2 value. Kept of the writers that say what the data is; the others repeat the schema.
fn pair(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let depth = draft.limits.depth;
    let limit = draft.limits.string_bytes;
    let (mut key, mut value) = (None, None);
    let mut fields = Fields::default();
    while let Some((number, kind)) = fields.next(reader)? {
        match (number, kind) {
            (1, BINARY) => key = bytes(NAME_BYTES, reader)?,
            (2, BINARY) => value = bytes(limit, reader)?,
            (_, kind) => skip(kind, depth, reader)?,
        }
    }
    if let (Some(b"huggingface"), Some(value)) = (key.as_deref(), value) {
        let value = draft.value("huggingface", reader.pos(), &value);
        reader.keep(value.len())?;
        draft.model().claimed.insert("huggingface".to_string(), value);
    }
    Ok(())
}
