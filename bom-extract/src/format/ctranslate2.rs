//! CTranslate2's `model.bin`.
//!
//! Source: `Model._serialize` in `python/ctranslate2/specs/model_spec.py`: version, name of the specification, revision,
//! number of variables; for each a name, rank, sizes, type, bytes; then aliases. There is no magic; the name that ends in
//! `Spec` is what proves it.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};

use bom_core::metadata::{ByteOrder, FileKind, IssueCode};

use crate::draft::{Draft, Stop, brief};
use crate::extractor::Extractor;
use crate::reader::Reader;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Ctranslate2, wants, extract };

const ORDER: ByteOrder = ByteOrder::Little;

/// A small version and a short name that ends in `Spec`.
fn wants(prefix: &[u8], _len: u64) -> bool {
    let [2..=6, 0, 0, 0, length, 0, rest @ ..] = prefix else { return false };
    let name = rest.get(..usize::from(*length));
    name.and_then(|name| name.strip_suffix(b"Spec\0"))
        .is_some_and(|name| !name.is_empty() && name.iter().all(u8::is_ascii_alphanumeric))
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    draft.claim();
    let version = reader.u32(ORDER)?;
    let name = text("the specification", reader, draft)?;
    let revision = reader.u32(ORDER)?;
    let model = draft.model();
    model.format_version = Some(version.to_string());
    model.architecture = Some(name);
    draft.hyperparameter("revision", revision);
    let at = reader.pos();
    let count = u64::from(reader.u32(ORDER)?);
    // A name of one letter, a rank, a type, a size.
    if count.saturating_mul(9) > reader.left() || count > draft.limits.tensors {
        let detail = format!("variable count {count} does not fit in the {} bytes left", reader.left());
        return Err(Stop::broken(IssueCode::CountExceedsFile, at, detail));
    }
    let mut elements = BTreeMap::<u8, u64>::new();
    let mut overflow = false;
    for _ in 0..count {
        let at = reader.pos();
        let name = text("a variable", reader, draft)?;
        let rank = reader.u8()?;
        let mut size = Some(1_u64);
        for _ in 0..rank {
            let dimension = u64::from(reader.u32(ORDER)?);
            size = size.and_then(|all| all.checked_mul(dimension));
        }
        let kind = reader.u8()?;
        let bytes = u64::from(reader.u32(ORDER)?);
        let Some((_, width)) = data_type(kind) else {
            let detail = format!("variable {} has the unknown type {kind}", brief(&name));
            return Err(Stop::broken(IssueCode::UnknownType, at, detail));
        };
        if size.and_then(|size| size.checked_mul(width)) != Some(bytes) {
            let detail = format!("variable {} has {bytes} bytes for its shape", brief(&name));
            draft.issue(IssueCode::SizeMismatch, Some(at), detail);
            overflow = true;
        }
        reader.skip(bytes)?;
        // Numbers such as the count of heads are variables of rank 0.
        if rank > 0 {
            let total = elements.entry(kind).or_default();
            *total = total.saturating_add(size.unwrap_or(0));
        }
    }
    let dominant = elements.iter().max_by_key(|(_, count)| **count).and_then(|(kind, _)| data_type(*kind));
    let total = elements.values().try_fold(0_u64, |sum, count| sum.checked_add(*count));
    let model = draft.model();
    model.tensor_count = Some(count);
    model.parameter_count = total.filter(|_| !overflow);
    model.dtype = dominant.map(|(name, _)| name.to_string());
    if elements.contains_key(&1) {
        model.quantization = Some("int8".to_string());
    }
    Ok(())
}

/// A text with its length, the zero at its end counted.
fn text(what: &str, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<String, Stop> {
    let at = reader.pos();
    let bytes = u64::from(reader.u16(ORDER)?);
    let bytes = reader.bytes(bytes)?;
    Ok(draft.value(what, at, bytes.strip_suffix(b"\0").unwrap_or(&bytes)))
}

fn data_type(kind: u8) -> Option<(&'static str, u64)> {
    Some(match kind {
        0 => ("float32", 4),
        1 => ("int8", 1),
        2 => ("int16", 2),
        3 => ("int32", 4),
        4 => ("float16", 2),
        5 => ("bfloat16", 2),
        _ => return None,
    })
}
