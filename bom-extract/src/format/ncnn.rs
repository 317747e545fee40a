//! ncnn: the list of layers, as text or binary. The weights stand in a `.bin` file that starts with a layer's data.
//!
//! Source: `Net::load_param` in `src/net.cpp`: the number 7767517, the numbers of layers and of blobs, then the layers.

use alloc::format;
use alloc::string::{String, ToString};

use bom_core::metadata::{ByteOrder, FileKind, IssueCode};

use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::reader::Reader;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Ncnn, wants, extract };

const TEXT: &[u8] = b"7767517\n";
const WINDOWS_TEXT: &[u8] = b"7767517\r\n";
const BINARY: &[u8] = &[0xdd, 0x85, 0x76, 0x00];
/// Bytes that hold the first three lines.
const HEAD_BYTES: u64 = 4096;

fn wants(prefix: &[u8], _len: u64) -> bool {
    prefix.starts_with(TEXT) || prefix.starts_with(WINDOWS_TEXT) || prefix.starts_with(BINARY)
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    if reader.array()? == [0xdd, 0x85, 0x76, 0x00] {
        let (layers, blobs) = (reader.u32(ByteOrder::Little)?, reader.u32(ByteOrder::Little)?);
        // A layer is a type and two counts.
        if u64::from(layers).saturating_mul(12) > reader.left() || layers == 0 {
            return Ok(());
        }
        draft.claim();
        draft.model().format_version = Some("binary".to_string());
        draft.hyperparameter("layers", layers);
        draft.hyperparameter("blobs", blobs);
        return Ok(());
    }
    reader.seek(0);
    let head = reader.bytes(HEAD_BYTES.min(reader.len()))?;
    let head = String::from_utf8_lossy(&head);
    let mut lines = head.lines();
    lines.next();
    let mut counts = lines.next().unwrap_or_default().split_whitespace().map(str::parse::<u64>);
    let (Some(Ok(layers)), Some(Ok(blobs)), None) = (counts.next(), counts.next(), counts.next()) else {
        return Ok(());
    };
    // A layer: type, name, number of inputs, number of outputs, and as many blobs.
    let mut first = lines.next().unwrap_or_default().split_whitespace();
    let kind =
        first.next().filter(|kind| kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.'));
    let named = first.next().is_some();
    let numbers = first.next().zip(first.next()).map(|(ins, outs)| (ins.parse::<u32>(), outs.parse::<u32>()));
    if kind.is_none() || !named || !matches!(numbers, Some((Ok(_), Ok(_)))) {
        return Ok(());
    }
    draft.claim();
    draft.model().format_version = Some("text".to_string());
    if layers > reader.len() {
        let detail = format!("layer count {layers} does not fit in {} bytes", reader.len());
        return Err(Stop::broken(IssueCode::CountExceedsFile, 8, detail));
    }
    draft.hyperparameter("layers", layers);
    draft.hyperparameter("blobs", blobs);
    Ok(())
}
