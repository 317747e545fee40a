//! FAISS indexes.
//!
//! Source: `write_index_header` in `faiss/impl/index_write.cpp`: four letters for the kind, dimension, number of vectors,
//! two numbers that are always 2^20, whether it is trained, metric.

use alloc::string::{String, ToString};

use bom_core::metadata::{ByteOrder, FileKind, IssueCode, ModelRole};

use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::reader::Reader;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Faiss, wants, extract };

const ORDER: ByteOrder = ByteOrder::Little;
const DUMMY: u64 = 1 << 20;

/// The kinds all start with `I`; the two numbers behind the count prove it.
fn wants(prefix: &[u8], _len: u64) -> bool {
    let Some((name, rest)) = prefix.split_first_chunk::<4>() else { return false };
    let named = name.first() == Some(&b'I') && name.iter().all(u8::is_ascii_alphanumeric);
    let binary = name.get(1) == Some(&b'B');
    // Binary indexes state the size of a code between dimension and count.
    let at = if binary { 16 } else { 12 };
    let dummy = DUMMY.to_le_bytes();
    named && (binary || rest.get(at..).is_some_and(|rest| rest.starts_with(&dummy)))
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let name: [u8; 4] = reader.array()?;
    let binary = name.get(1) == Some(&b'B');
    let dimension = u64::from(reader.u32(ORDER)?);
    let code = if binary { u64::from(reader.u32(ORDER)?) } else { 0 };
    let at = reader.pos();
    let count = reader.u64(ORDER)?;
    if binary {
        // Here the two numbers are missing; bits and bytes have to agree.
        let trained = reader.u8()?;
        if dimension == 0 || code.checked_mul(8) != Some(dimension) || trained > 1 {
            return Ok(());
        }
    } else {
        reader.skip(16)?;
    }
    draft.claim();
    let model = draft.model();
    model.role = Some(ModelRole::VectorIndex);
    model.architecture = Some(String::from_utf8_lossy(&name).into_owned());
    draft.hyperparameter("dimension", dimension);
    // Even a code of one bit per vector takes room.
    if count / 8 > reader.len() {
        let detail = alloc::format!("vector count {count} does not fit in {} bytes", reader.len());
        draft.issue(IssueCode::CountExceedsFile, Some(at), detail);
    } else {
        draft.hyperparameter("vectors", count);
    }
    if !binary {
        let trained = reader.u8()?;
        draft.hyperparameter("trained", trained != 0);
    }
    let metric = match reader.u32(ORDER)? {
        0 => "inner-product",
        1 => "L2",
        2 => "L1",
        3 => "Linf",
        4 => "Lp",
        20 => "Canberra",
        21 => "BrayCurtis",
        22 => "JensenShannon",
        23 => "Jaccard",
        _ => return Ok(()),
    };
    draft.hyperparameter("metric", metric.to_string());
    Ok(())
}
