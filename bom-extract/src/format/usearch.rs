//! USearch indexes: the vectors, and behind them a header with the magic.
//!
//! Source: `index_dense_head_t` in `include/usearch/index_dense.hpp`. The file starts with the number of rows and the
//! bytes of a row, which lead to the header; an index saved without vectors starts with it.

use alloc::format;
use alloc::string::ToString;

use bom_core::metadata::{ByteOrder, FileKind, ModelRole};

use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::reader::Reader;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Usearch, wants, extract };

const ORDER: ByteOrder = ByteOrder::Little;
const MAGIC: &[u8] = b"usearch";
const HEADER_BYTES: u64 = 64;

fn wants(prefix: &[u8], len: u64) -> bool {
    prefix.starts_with(MAGIC) || header(prefix).is_some_and(|at| at.saturating_add(HEADER_BYTES) <= len)
}

/// Where the header is, if the first numbers are those of an index. Rows of one byte are left out: they would make every
/// file that starts with two small numbers worth a look.
fn header(prefix: &[u8]) -> Option<u64> {
    let (rows, rest) = prefix.split_first_chunk()?;
    let (rows, bytes) = (u32::from_le_bytes(*rows), u32::from_le_bytes(*rest.first_chunk()?));
    if rows == 0 || !(4..=1 << 18).contains(&bytes) {
        return None;
    }
    u64::from(rows).checked_mul(u64::from(bytes))?.checked_add(8)
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let start: [u8; 8] = reader.array()?;
    let at = if start.starts_with(MAGIC) { 0 } else { header(&start).unwrap_or(0) };
    reader.seek(at);
    if reader.array::<7>()?.as_slice() != MAGIC {
        return Ok(());
    }
    draft.claim();
    draft.model().role = Some(ModelRole::VectorIndex);
    draft.model().architecture = Some("hnsw".to_string());
    let (major, minor, patch) = (reader.u16(ORDER)?, reader.u16(ORDER)?, reader.u16(ORDER)?);
    draft.model().format_version = Some(format!("{major}.{minor}.{patch}"));
    let metric = match reader.u8()? {
        b'i' => Some("inner-product"),
        b'c' => Some("cosine"),
        b'e' => Some("L2"),
        b'h' => Some("haversine"),
        b'd' => Some("divergence"),
        b'p' => Some("pearson"),
        b'j' => Some("jaccard"),
        b'b' => Some("hamming"),
        b't' => Some("tanimoto"),
        b's' => Some("sorensen"),
        _ => None,
    };
    if let Some(metric) = metric {
        draft.hyperparameter("metric", metric);
    }
    reader.skip(3)?;
    let present = reader.u64(ORDER)?;
    reader.skip(8)?;
    let dimension = reader.u64(ORDER)?;
    draft.hyperparameter("vectors", present);
    draft.hyperparameter("dimension", dimension);
    Ok(())
}
