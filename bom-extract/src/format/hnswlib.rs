//! hnswlib indexes.
//!
//! Source: `HierarchicalNSW::saveIndex` in `hnswlib/hnswalg.h`. There is no magic, but the sizes at the start follow from
//! each other: links, then the vector, then an 8-byte label make up an element.

use alloc::string::ToString;

use bom_core::metadata::{ByteOrder, FileKind, ModelRole};

use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::reader::Reader;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Hnswlib, wants, extract };

const ORDER: ByteOrder = ByteOrder::Little;
const HEADER_BYTES: u64 = 96;

fn wants(prefix: &[u8], len: u64) -> bool {
    let mut words = prefix
        .chunks_exact(8)
        .map(|word| word.first_chunk().map_or(u64::MAX, |word| u64::from_le_bytes(*word)));
    let (Some(first), Some(most), Some(count)) = (words.next(), words.next(), words.next()) else {
        return false;
    };
    let (Some(size), Some(label), Some(data)) = (words.next(), words.next(), words.next()) else {
        return false;
    };
    first == 0
        && count <= most
        && label.checked_add(8) == Some(size)
        && data < label
        && data >= 8
        && count.checked_mul(size).is_some_and(|bytes| bytes <= len.saturating_sub(HEADER_BYTES))
        && len >= HEADER_BYTES
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    reader.skip(8)?;
    let most = reader.u64(ORDER)?;
    let count = reader.u64(ORDER)?;
    reader.skip(8)?;
    let label = reader.u64(ORDER)?;
    let data = reader.u64(ORDER)?;
    reader.skip(8)?;
    let (upper, lower, m) = (reader.u64(ORDER)?, reader.u64(ORDER)?, reader.u64(ORDER)?);
    reader.skip(8)?;
    let construction = reader.u64(ORDER)?;
    // A link is four bytes, their number four more.
    let links = lower.checked_mul(4).and_then(|bytes| bytes.checked_add(4));
    if upper != m || m == 0 || m.checked_mul(2) != Some(lower) || links != Some(data) {
        return Ok(());
    }
    draft.claim();
    draft.model().role = Some(ModelRole::VectorIndex);
    draft.model().architecture = Some("hnsw".to_string());
    for (key, value) in [
        ("vectors", count),
        ("max_vectors", most),
        ("m", m),
        ("ef_construction", construction),
        // What an element of the vector is, the file does not say.
        ("vector_bytes", label.saturating_sub(data)),
    ] {
        draft.hyperparameter(key, value);
    }
    Ok(())
}
