//! OpenVINO IR: XML that lists layers; the weights stand in a `.bin` file beside it, which has no header.
//!
//! Source: the documentation of the IR format, and `src/core/xml_util`. The document is scanned tag by tag: no entity is
//! expanded, nothing is built. `Const` layers say shape and type of each weight.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bom_core::metadata::{FileKind, IssueCode};

use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::reader::Reader;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Openvino, wants, extract };

/// Longest tag kept; more of it is stepped over.
const TAG_BYTES: usize = 16 << 10;
/// Tags before the network has to have begun: declaration, comments.
const TAGS_BEFORE: usize = 8;

fn wants(prefix: &[u8], _len: u64) -> bool {
    let text = prefix.strip_prefix(b"\xef\xbb\xbf").unwrap_or(prefix);
    text.starts_with(b"<?xml") || text.starts_with(b"<net ")
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let mut before = 0_usize;
    let net = loop {
        let Some(tag) = tag(reader)? else { return Ok(()) };
        if name(&tag) == "net" {
            break tag;
        }
        before = before.saturating_add(1);
        if before > TAGS_BEFORE || !matches!(tag.as_bytes().first(), Some(b'?' | b'!')) {
            return Ok(());
        }
    };
    let Some(version) = attribute(&net, "version") else { return Ok(()) };
    let Some(first) = tag(reader)?.filter(|tag| name(tag) == "layers") else { return Ok(()) };
    draft.claim();
    drop(first);
    let version = draft.value("the version", 0, version.as_bytes());
    draft.model().format_version = Some(version);
    if let Some(title) = attribute(&net, "name") {
        let title = draft.value("the name", 0, title.as_bytes());
        draft.model().name = Some(title).filter(|title| !title.is_empty());
    }
    let mut sums = Sums::default();
    let outcome = sums.read(reader, draft);
    let complete = outcome.is_ok();
    draft.absorb(outcome)?;
    sums.conclude(complete, draft);
    Ok(())
}

#[derive(Default)]
struct Sums {
    layers: u64,
    tensors: u64,
    overflow: bool,
    elements: BTreeMap<String, u64>,
    quantized: bool,
}

impl Sums {
    fn read(&mut self, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
        let mut constant = false;
        let mut information = false;
        while let Some(tag) = tag(reader)? {
            match name(&tag) {
                "layer" => {
                    self.layers = self.layers.saturating_add(1);
                    constant = attribute(&tag, "type") == Some("Const");
                    self.quantized |= attribute(&tag, "type") == Some("FakeQuantize");
                }
                "data" if constant => self.weight(&tag, reader.pos(), draft),
                "rt_info" => information = true,
                "Runtime_version" if information => {
                    let version =
                        attribute(&tag, "value").map(|text| draft.value("the version", 0, text.as_bytes()));
                    draft.model().producer = Some("openvino".to_string());
                    draft.model().producer_version = version;
                }
                "framework" if information => {
                    if let Some(text) = attribute(&tag, "value") {
                        let text = draft.value("the framework", 0, text.as_bytes());
                        draft.model().claimed.insert("framework".to_string(), text);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn weight(&mut self, tag: &str, at: u64, draft: &mut Draft<'_>) {
        let (Some(kind), Some(shape)) = (attribute(tag, "element_type"), attribute(tag, "shape")) else {
            return;
        };
        self.tensors = self.tensors.saturating_add(1);
        let sizes = shape.split(',').map(str::trim).filter(|size| !size.is_empty());
        let elements = sizes
            .map(|size| size.parse().ok())
            .try_fold(1_u64, |all, size: Option<u64>| size.and_then(|size| all.checked_mul(size)));
        let Some(width) = width(kind) else { return };
        let stated = attribute(tag, "size").and_then(|size| size.parse::<u64>().ok());
        let bytes = elements.and_then(|count| count.checked_mul(width)).map(|bits| bits.div_ceil(8));
        // A value that repeats may be stored once.
        if let (Some(stated), Some(bytes)) = (stated, bytes)
            && stated > bytes
        {
            let detail = alloc::format!("{stated} bytes for a weight that takes {bytes}");
            draft.issue(IssueCode::SizeMismatch, Some(at), detail);
        }
        if matches!(kind, "i64" | "i32" | "u64" | "u32" | "boolean") {
            return;
        }
        let total = self.elements.entry(kind.to_string()).or_default();
        match elements.and_then(|elements| total.checked_add(elements)) {
            Some(sum) => *total = sum,
            None => self.overflow = true,
        }
    }

    fn conclude(self, complete: bool, draft: &mut Draft<'_>) {
        let count = self.elements.values().try_fold(0_u64, |sum, count| sum.checked_add(*count));
        let dominant =
            self.elements.iter().max_by_key(|(kind, count)| count.saturating_mul(width(kind).unwrap_or(0)));
        let model = draft.model();
        model.dtype = dominant.map(|(kind, _)| kind.clone());
        if self.quantized {
            model.quantization = Some("fake-quantize".to_string());
        }
        if complete {
            model.tensor_count = Some(self.tensors);
            model.parameter_count = count.filter(|_| !self.overflow && self.tensors > 0);
            model.hyperparameters.insert("layers".to_string(), self.layers.to_string());
        }
    }
}

/// What stands between the next `<` and its `>`, closing tags left out; `None` at the end of the file.
fn tag(reader: &mut Reader<'_>) -> Result<Option<String>, Stop> {
    loop {
        if !seek_past(b'<', None, reader)? {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        if !seek_past(b'>', Some(&mut bytes), reader)? {
            return Ok(None);
        }
        if bytes.first() != Some(&b'/') {
            return Ok(Some(String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
}

/// Goes behind the next such byte and collects what is before it; whether there is one.
fn seek_past(mark: u8, mut kept: Option<&mut Vec<u8>>, reader: &mut Reader<'_>) -> Result<bool, Stop> {
    loop {
        let chunk = reader.chunk()?;
        if chunk.is_empty() {
            return Ok(false);
        }
        let found = chunk.iter().position(|byte| *byte == mark);
        let part = chunk.get(..found.unwrap_or(chunk.len())).unwrap_or_default();
        if let Some(kept) = &mut kept {
            let room = TAG_BYTES.saturating_sub(kept.len());
            kept.extend_from_slice(part.get(..part.len().min(room)).unwrap_or_default());
        }
        let step = part.len().saturating_add(usize::from(found.is_some()));
        reader.advance(step);
        if found.is_some() {
            return Ok(true);
        }
    }
}

fn name(tag: &str) -> &str {
    tag.split([' ', '\t', '\n', '\r', '/']).next().unwrap_or_default()
}

/// The value of an attribute, as written.
fn attribute<'t>(tag: &'t str, wanted: &str) -> Option<&'t str> {
    let mut rest = tag.get(name(tag).len()..)?;
    loop {
        let (key, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let quote = after.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        let (value, next) = after.get(1..)?.split_once(quote)?;
        if key.trim() == wanted {
            return Some(value);
        }
        rest = next;
    }
}

/// Bits of an element.
fn width(kind: &str) -> Option<u64> {
    Some(match kind {
        "f64" | "i64" | "u64" => 64,
        "f32" | "i32" | "u32" => 32,
        "f16" | "bf16" | "i16" | "u16" => 16,
        "i8" | "u8" | "boolean" | "f8e4m3" | "f8e5m2" | "f8e8m0" => 8,
        "i4" | "u4" | "nf4" | "f4e2m1" => 4,
        "u1" => 1,
        _ => return None,
    })
}
