//! TensorRT engines: opaque, made for one device and one version. What the file says is that it is one.
//!
//! Source: the four letters `ftrt` at the start of serialised engines. Ultralytics puts a 32-bit length and that many bytes
//! of JSON in front (`ultralytics/engine/exporter.py`), which describe the model.

use alloc::string::ToString;

use bom_core::metadata::{ByteOrder, FileKind};

use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::grammar::json_outline::Outline;
use crate::reader::Reader;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Tensorrt, wants, extract };

const MAGIC: &[u8] = b"ftrt";
/// Longest description in front.
const JSON_BYTES: u32 = 1 << 20;

fn wants(prefix: &[u8], len: u64) -> bool {
    let described = match prefix.split_first_chunk() {
        Some((length, [b'{', ..])) => {
            let length = u32::from_le_bytes(*length);
            (2..=JSON_BYTES).contains(&length) && u64::from(length).saturating_add(8) <= len
        }
        Some(_) | None => false,
    };
    prefix.starts_with(MAGIC) || described
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    if reader.array()? == *b"ftrt" {
        draft.claim();
        draft.model();
        return Ok(());
    }
    reader.seek(0);
    let length = u64::from(reader.u32(ByteOrder::Little)?);
    reader.skip(length)?;
    if reader.array()? != *b"ftrt" {
        return Ok(());
    }
    draft.claim();
    draft.model();
    let scanned =
        reader.shifted(4, length.saturating_add(4), |inner| Outline::scan(inner, draft, |_| true))?;
    let Some((outline, _)) = scanned else { return Ok(()) };
    let model = draft.model();
    model.license = outline.text("license").map(ToString::to_string);
    model.author = outline.text("author").map(ToString::to_string);
    model.producer = outline.text("author").map(ToString::to_string);
    model.producer_version = outline.text("version").map(ToString::to_string);
    for key in ["description", "date", "task"] {
        if let Some(value) = outline.text(key) {
            model.claimed.insert(key.to_string(), value.to_string());
        }
    }
    Ok(())
}
