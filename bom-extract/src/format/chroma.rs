//! The database of Chroma, `chroma.sqlite3`: which collections there are is in it, the vectors may be beside it.
//!
//! Sources: the SQLite file format, §1.3 and §2.6 (the schema is text in a table); Chroma's migrations,
//! `chromadb/migrations`. Told by the statements that made its tables; no row is read.

use bom_core::metadata::{FileKind, ModelRole};

use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::reader::Reader;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Chroma, wants, extract };

const MAGIC: &[u8] = b"SQLite format 3\0";
/// Tables that Chroma has together and nobody else.
const TABLES: [&[u8]; 3] = [b"embeddings_queue", b"embedding_metadata", b"collection_metadata"];

fn wants(prefix: &[u8], _len: u64) -> bool {
    prefix.starts_with(MAGIC)
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    // The schema has no place of its own, but is made before there is anything else.
    let probe = draft.limits.string_bytes.min(reader.len());
    let head = reader.bytes(probe)?;
    let has = |table: &[u8]| {
        let quoted = head.windows(table.len().saturating_add(13));
        quoted.into_iter().any(|window| {
            let rest = window.strip_prefix(b"CREATE TABLE ").unwrap_or_default();
            rest == table
        })
    };
    if !TABLES.iter().all(|table| has(table)) {
        return Ok(());
    }
    draft.claim();
    draft.model().role = Some(ModelRole::VectorIndex);
    // Offset 60: a number for the program; 96: the version of SQLite that wrote last.
    if let Some(version) = head.get(96..100).and_then(|bytes| bytes.first_chunk::<4>()) {
        draft.hyperparameter("sqlite_version", u32::from_be_bytes(*version));
    }
    Ok(())
}
