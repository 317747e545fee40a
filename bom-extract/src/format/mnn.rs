//! MNN models: a flatbuffer without an identifier.
//!
//! Source: `schema/default/MNN.fbs`: `Net` 0 code of the business, 3 operators (`Op`: 3 name), 6 source, 7 names of tensors,
//! 11 uuid. The structure is the proof: operators and tensor names that are there, are texts, and are plausible.

use alloc::string::{String, ToString};

use bom_core::metadata::FileKind;

use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::grammar::flatbuffer;
use crate::reader::Reader;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Mnn, wants, extract };

/// Operators and names that have to be sound.
const LOOKED_AT: u64 = 8;
const NAME_BYTES: usize = 512;

/// The root table within the first bytes, as the builder places it, with its list of fields before it.
fn wants(prefix: &[u8], _len: u64) -> bool {
    let word = |at: usize| {
        prefix.get(at..).and_then(|rest| rest.first_chunk()).map(|word| u32::from_le_bytes(*word))
    };
    let Some(root) = word(0).and_then(|root| usize::try_from(root).ok()) else { return false };
    let Some(distance) = word(root).and_then(|distance| usize::try_from(distance).ok()) else { return false };
    let Some(fields) = root.checked_sub(distance).and_then(|at| prefix.get(at..)) else { return false };
    // Up to the operators and names at least; twelve fields, of which the last may be left out.
    let bytes = fields.first_chunk().map(|bytes| u16::from_le_bytes(*bytes));
    (8..60).contains(&root)
        && root.is_multiple_of(4)
        && distance >= 4
        && bytes.is_some_and(|bytes| (20..=40).contains(&bytes) && bytes.is_multiple_of(2))
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let net = flatbuffer::root(0, reader)?;
    let (Some(operators), Some(names)) = (net.tables(3, reader)?, net.tables(7, reader)?) else {
        return Ok(());
    };
    if operators.count == 0 || names.count == 0 {
        return Ok(());
    }
    for index in 0..names.count.min(LOOKED_AT) {
        let name = names.text(index, "a tensor", reader, draft)?;
        if !name.as_deref().is_some_and(is_name) {
            return Ok(());
        }
    }
    for index in 0..operators.count.min(LOOKED_AT) {
        let operator = operators.table(index, reader)?;
        let name = operator.text(3, "an operator", reader, draft)?;
        if name.as_deref().is_some_and(|name| !is_name(name)) || operator.u32(5, reader)?.unwrap_or(0) > 2000
        {
            return Ok(());
        }
    }
    draft.claim();
    draft.model();
    draft.hyperparameter("operators", operators.count);
    draft.hyperparameter("tensors", names.count);
    for (field, key) in [(0, "bizCode"), (11, "mnn_uuid")] {
        if let Some(text) = net.text(field, key, reader, draft)? {
            draft.model().claimed.insert(key.to_string(), text);
        }
    }
    let source = match net.u8(6, reader)? {
        Some(1) => "caffe",
        Some(2) => "tensorflow",
        Some(3) => "tflite",
        Some(4) => "onnx",
        Some(5) => "torch",
        Some(_) | None => return Ok(()),
    };
    draft.model().claimed.insert("source".to_string(), String::from(source).to_string());
    Ok(())
}

fn is_name(name: &str) -> bool {
    name.len() <= NAME_BYTES
        && name.chars().all(|letter| !letter.is_control() && letter != char::REPLACEMENT_CHARACTER)
}
