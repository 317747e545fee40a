//! ONNX Runtime's own format: a flatbuffer with the identifier `ORTM`.
//!
//! Source: `onnxruntime/core/flatbuffers/schema/ort.fbs`: `InferenceSession` 0 version, 1 model; `Model` 0 IR version, 2
//! producer, 3 its version, 4 domain, 6 description, 9 metadata properties (0 key, 1 value).

use alloc::string::ToString;

use bom_core::metadata::{ByteOrder, FileKind};

use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::grammar::flatbuffer;
use crate::reader::Reader;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::OnnxRuntime, wants, extract };

/// Metadata properties looked at.
const PROPERTIES: u64 = 256;

fn wants(prefix: &[u8], _len: u64) -> bool {
    prefix.get(4..8) == Some(b"ORTM")
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    draft.claim();
    draft.model();
    let session = flatbuffer::root(0, reader)?;
    draft.model().format_version = session.text(0, "the version", reader, draft)?;
    let Some(model) = session.table(1, reader)? else { return Ok(()) };
    if let Some(at) = model.field(0, reader)? {
        reader.seek(at);
        let version = reader.u64(ByteOrder::Little)?;
        draft.hyperparameter("ir_version", version);
    }
    let producer = model.text(2, "the producer", reader, draft)?;
    let version = model.text(3, "the producer's version", reader, draft)?;
    (draft.model().producer, draft.model().producer_version) = (producer, version);
    for (field, key) in [(4, "model.domain"), (6, "model.doc_string")] {
        if let Some(text) = model.text(field, key, reader, draft)? {
            draft.model().claimed.insert(key.to_string(), text);
        }
    }
    let Some(properties) = model.tables(9, reader)? else { return Ok(()) };
    for index in 0..properties.count.min(PROPERTIES) {
        let property = properties.table(index, reader)?;
        let key = property.text(0, "a key", reader, draft)?;
        let value = property.text(1, "a value", reader, draft)?;
        if let (Some(key), Some(value)) = (key, value) {
            reader.keep(key.len().saturating_add(value.len()))?;
            draft.model().claimed.insert(key, value);
        }
    }
    Ok(())
}
