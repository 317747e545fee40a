//! safetensors: a 64-bit little-endian length, that many bytes of JSON, then the tensors.
//!
//! Source: the format section of the safetensors README. The JSON object maps tensor names to dtype, shape and data
//! range; `__metadata__` maps strings to strings. The ranges have to tile the data exactly and keys may not repeat:
//! each way to break that is a way to show two readers two different models.

use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use bom_core::metadata::{FileKind, IssueCode, ModelRole};
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, de::DeserializeSeed};

use super::json_object::{self, Key};
use crate::draft::{Draft, Stop, brief};
use crate::extractor::Extractor;
use crate::layout::{self, Span};
use crate::reader::{Reader, u64_of};

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Safetensors, wants, extract };

/// Bytes before the JSON.
const LENGTH_BYTES: u64 = 8;
/// `{}`.
const SHORTEST_HEADER: u64 = 2;
const METADATA: &str = "__metadata__";

/// There is no magic. A file is wanted if JSON that can be an object of objects stands at offset 8, and the length
/// before it either fits the file or is no text: a lying length is worth reporting, a text file is not.
fn wants(prefix: &[u8], len: u64) -> bool {
    let Some((length, json)) = prefix.split_first_chunk::<8>() else { return false };
    let Some((b'{', rest)) = json.split_first() else { return false };
    let starts_object = match rest.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(byte) => matches!(byte, b'"' | b'}'),
        // A file that ends here, or a header padded beyond the prefix.
        None => true,
    };
    let fits = (SHORTEST_HEADER..=len.saturating_sub(LENGTH_BYTES)).contains(&u64::from_le_bytes(*length));
    let is_text = length.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    starts_object && (fits || !is_text)
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    draft.claim();
    draft.model();
    let length = u64::from_le_bytes(reader.array()?);
    let room = reader.left();
    if length > room {
        let detail = format!("header length {length} exceeds file size {}", reader.len());
        return Err(Stop::broken(IssueCode::LengthExceedsFile, 0, detail));
    }
    let limit = draft.limits.header_bytes;
    if length > limit {
        let detail = format!("header length {length} exceeds the limit of {limit}");
        return Err(Stop::limit(IssueCode::LengthExceedsLimit, 0, detail));
    }
    let header = reader.bytes(length)?;
    let header = match core::str::from_utf8(&header) {
        Ok(header) => header,
        Err(error) => {
            let at = LENGTH_BYTES.saturating_add(u64_of(error.valid_up_to()));
            return Err(Stop::broken(IssueCode::MalformedHeader, at, "the header is not UTF-8".to_string()));
        }
    };
    let mut summary = Summary::default();
    let outcome = summary.read(header, reader, draft);
    let complete = outcome.is_ok();
    draft.absorb(outcome)?;
    summary.conclude(draft, complete);
    if complete && summary.malformed == 0 {
        let data_start = LENGTH_BYTES.saturating_add(length);
        layout::check(summary.spans, data_start, 1, reader.len(), draft);
    }
    Ok(())
}

/// What the entries add up to.
#[derive(Default)]
struct Summary {
    spans: Vec<Span>,
    tensors: u64,
    malformed: u64,
    /// Elements of all tensors but indices; `None` past 64 bits.
    parameters: Overflowing,
    bytes_by_dtype: BTreeMap<&'static str, u64>,
    adapters: u64,
    packing: Packing,
}

/// A sum that remembers that it no longer fits.
struct Overflowing(Option<u64>);

impl Default for Overflowing {
    fn default() -> Self {
        Self(Some(0))
    }
}

/// Name endings that give a quantisation scheme away.
#[derive(Default)]
struct Packing {
    qweight: bool,
    qzeros: bool,
    g_idx: bool,
    weight_packed: bool,
    quant_state: bool,
    weight_scale_inv: bool,
    blocks: bool,
    scales: bool,
}

impl Summary {
    fn read(&mut self, header: &str, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
        let mut seen = BTreeSet::new();
        let mut stop = None;
        let outcome = json_object::walk(header, &mut |name, value| match self
            .entry(header, &mut seen, name, value, reader, draft)
        {
            Ok(()) => true,
            Err(reason) => {
                stop = Some(reason);
                false
            }
        });
        if let Some(stop) = stop {
            return Err(stop);
        }
        outcome.map_err(|error| {
            let at = LENGTH_BYTES.saturating_add(u64_of(json_object::error_offset(header, &error)));
            Stop::broken(IssueCode::MalformedHeader, at, format!("the header is not JSON: {error}"))
        })
    }

    fn entry<'t>(
        &mut self,
        header: &'t str,
        seen: &mut BTreeSet<Cow<'t, str>>,
        name: Cow<'t, str>,
        value: &'t str,
        reader: &mut Reader<'_>,
        draft: &mut Draft<'_>,
    ) -> Result<(), Stop> {
        let at = offset(header, value);
        reader.keep(name.len())?;
        if seen.contains(&name) {
            let detail = format!("key {} appears twice", brief(&name));
            draft.issue(IssueCode::DuplicateKey, at, detail);
        }
        if name == METADATA {
            metadata(header, value, reader, draft)?;
        } else {
            self.tensors = self.tensors.saturating_add(1);
            if self.tensors > draft.limits.tensors {
                let detail = format!("more than {} tensors", draft.limits.tensors);
                return Err(Stop::limit(IssueCode::CountExceedsLimit, at.unwrap_or(LENGTH_BYTES), detail));
            }
            self.tensor(&name, at, value, draft);
        }
        seen.insert(name);
        Ok(())
    }

    fn tensor(&mut self, name: &str, at: Option<u64>, value: &str, draft: &mut Draft<'_>) {
        let entry: Entry = match serde_json::from_str(value) {
            Ok(entry) => entry,
            Err(error) => {
                self.malformed = self.malformed.saturating_add(1);
                let detail = format!("tensor {}: {error}", brief(name));
                draft.issue(IssueCode::MalformedHeader, at, detail);
                return;
            }
        };
        self.packing.note(name);
        if is_adapter(name) {
            self.adapters = self.adapters.saturating_add(1);
        }
        let name = brief(name);
        let (begin, end) = entry.data_offsets;
        let Some(bytes) = end.checked_sub(begin) else {
            let detail = format!("tensor {name} ends at {end} before it starts at {begin}");
            draft.issue(IssueCode::InvalidValue, at, detail);
            return;
        };
        self.spans.push(Span { begin, end });
        let Some((dtype, bits)) = dtype(&entry.dtype) else {
            self.parameters.0 = None;
            let detail = format!("tensor {name} has the unknown dtype {}", brief(&entry.dtype));
            draft.issue(IssueCode::UnknownType, at, detail);
            return;
        };
        let total = self.bytes_by_dtype.entry(dtype).or_default();
        *total = total.saturating_add(bytes);
        let Some(elements) = entry.shape.elements else {
            self.parameters.0 = None;
            let detail = format!("the shape of tensor {name} does not fit in 64 bits");
            draft.issue(IssueCode::ArithmeticOverflow, at, detail);
            return;
        };
        if elements.checked_mul(bits).map(|bits| bits.div_ceil(8)) != Some(bytes) {
            let detail = format!("tensor {name} has {bytes} bytes for {elements} elements of {dtype}");
            draft.issue(IssueCode::SizeMismatch, at, detail);
        }
        if !matches!(dtype, "I64" | "U64" | "BOOL") {
            self.parameters.0 = self.parameters.0.and_then(|sum| sum.checked_add(elements));
        }
    }

    fn conclude(&self, draft: &mut Draft<'_>, complete: bool) {
        let model = draft.model();
        if complete {
            model.tensor_count = Some(self.tensors);
        }
        let dominant = self.bytes_by_dtype.iter().max_by_key(|(_, bytes)| **bytes).map(|(dtype, _)| *dtype);
        model.dtype = dominant.map(ToString::to_string);
        let scheme = self.packing.scheme();
        let counted = self.parameters.0.filter(|_| complete && self.malformed == 0 && self.tensors > 0);
        match scheme {
            // Several weights share one stored integer; how many stands in another file.
            Some((_, true)) => {
                if let Some(elements) = counted {
                    model.hyperparameters.insert("stored_elements".to_string(), elements.to_string());
                }
            }
            Some((_, false)) | None => model.parameter_count = counted,
        }
        let fp8 = dominant.filter(|dtype| dtype.starts_with("F8_")).map(|_| "fp8");
        model.quantization = scheme.map(|(name, _)| name).or(fp8).map(ToString::to_string);
        if self.tensors > 0 && self.adapters.saturating_mul(2) >= self.tensors {
            model.role = Some(ModelRole::Adapter);
        }
    }
}

impl Packing {
    fn note(&mut self, name: &str) {
        self.qweight |= name.ends_with(".qweight");
        self.qzeros |= name.ends_with(".qzeros");
        self.g_idx |= name.ends_with(".g_idx");
        self.weight_packed |= name.ends_with(".weight_packed");
        self.quant_state |= name.ends_with(".quant_map") || name.contains(".quant_state.");
        self.weight_scale_inv |= name.ends_with(".weight_scale_inv");
        self.blocks |= name.ends_with("_blocks");
        self.scales |= name.ends_with("_scales");
    }

    /// The scheme, and whether it packs several weights into one stored element.
    fn scheme(&self) -> Option<(&'static str, bool)> {
        if self.qweight && self.g_idx {
            Some(("gptq", true))
        } else if self.qweight && self.qzeros {
            Some(("awq", true))
        } else if self.weight_packed {
            Some(("compressed-tensors", true))
        } else if self.quant_state {
            Some(("bitsandbytes", true))
        } else if self.blocks && self.scales {
            Some(("mxfp4", true))
        } else if self.weight_scale_inv {
            Some(("fp8-block", false))
        } else {
            None
        }
    }
}

/// The free text of `__metadata__`.
fn metadata(header: &str, object: &str, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let mut stop = None;
    let mut count = 0_u64;
    let outcome = json_object::walk(object, &mut |key, value| {
        let at = offset(header, value);
        count = count.saturating_add(1);
        let limit = draft.limits.entries;
        let charged = reader.keep(key.len().saturating_add(value.len().min(draft.limits.value_bytes)));
        if let Err(reason) = charged {
            stop = Some(reason);
        } else if count > limit {
            let at = at.unwrap_or(LENGTH_BYTES);
            stop = Some(Stop::limit(IssueCode::CountExceedsLimit, at, format!("more than {limit} entries")));
        } else {
            claim(&key, at, value, draft);
        }
        stop.is_none()
    });
    if let Some(stop) = stop {
        return Err(stop);
    }
    if let Err(error) = outcome {
        let detail = format!("{METADATA} is not an object of strings: {error}");
        draft.issue(IssueCode::MalformedHeader, offset(header, object), detail);
    }
    Ok(())
}

fn claim(key: &str, at: Option<u64>, value: &str, draft: &mut Draft<'_>) {
    let Ok(text) = Key.deserialize(&mut serde_json::Deserializer::from_str(value)) else {
        let detail = format!("{METADATA} entry {} is not a string", brief(key));
        draft.issue(IssueCode::MalformedHeader, at, detail);
        return;
    };
    let text = draft.value(brief(key), at.unwrap_or(LENGTH_BYTES), text.as_bytes());
    let key = draft.value("a key", at.unwrap_or(LENGTH_BYTES), key.as_bytes());
    let model = draft.model();
    match key.as_str() {
        "modelspec.title" => model.name = Some(text.clone()),
        "modelspec.author" => model.author = Some(text.clone()),
        "modelspec.license" => model.license = Some(text.clone()),
        "ss_sd_model_name" => drop(model.base_models.insert(text.clone())),
        "modelspec.architecture" => model.architecture = Some(text.clone()),
        // The trainer's own word for the base; the standard key above wins.
        "ss_base_model_version" if model.architecture.is_none() => model.architecture = Some(text.clone()),
        _ => {}
    }
    if model.claimed.contains_key(&key) {
        let detail = format!("key {} appears twice", brief(&key));
        draft.issue(IssueCode::DuplicateKey, at, detail);
    }
    draft.model().claimed.insert(key, text);
}

/// The offset in the file of a piece of the header.
fn offset(header: &str, part: &str) -> Option<u64> {
    json_object::offset_in(header, part).map(|at| LENGTH_BYTES.saturating_add(u64_of(at)))
}

/// Low-rank adapters name their two factors; the spelling differs from trainer to trainer.
fn is_adapter(name: &str) -> bool {
    ["lora_A", "lora_B", "lora_down", "lora_up", "lora_a", "lora_b"]
        .iter()
        .any(|factor| name.contains(factor))
}

/// Canonical name and width in bits of an element.
fn dtype(name: &str) -> Option<(&'static str, u64)> {
    Some(match name {
        "BOOL" => ("BOOL", 8),
        "U8" => ("U8", 8),
        "I8" => ("I8", 8),
        "U16" => ("U16", 16),
        "I16" => ("I16", 16),
        "U32" => ("U32", 32),
        "I32" => ("I32", 32),
        "U64" => ("U64", 64),
        "I64" => ("I64", 64),
        "F16" => ("F16", 16),
        "BF16" => ("BF16", 16),
        "F32" => ("F32", 32),
        "F64" => ("F64", 64),
        "C64" => ("C64", 64),
        "F8_E4M3" => ("F8_E4M3", 8),
        "F8_E5M2" => ("F8_E5M2", 8),
        "F8_E4M3FNUZ" => ("F8_E4M3FNUZ", 8),
        "F8_E5M2FNUZ" => ("F8_E5M2FNUZ", 8),
        "F8_E8M0" => ("F8_E8M0", 8),
        "F4" => ("F4", 4),
        "F6_E2M3" => ("F6_E2M3", 6),
        "F6_E3M2" => ("F6_E3M2", 6),
        _ => return None,
    })
}

/// One tensor as the header states it. Unknown fields are ignored, repeated ones refused.
#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Shape,
    data_offsets: (u64, u64),
}

/// The product of a list of dimensions, taken while reading: a header of nothing but zeros must not become eight
/// times its size in memory.
struct Shape {
    elements: Option<u64>,
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Dimensions;
        impl<'de> Visitor<'de> for Dimensions {
            type Value = Shape;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of dimensions")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Shape, A::Error> {
                let mut elements = Some(1_u64);
                let mut rank = 0_u32;
                while let Some(size) = list.next_element::<u64>()? {
                    rank = rank.saturating_add(1);
                    if rank > 64 {
                        return Err(A::Error::custom("more than 64 dimensions"));
                    }
                    elements = elements.and_then(|product| product.checked_mul(size));
                }
                Ok(Shape { elements })
            }
        }
        deserializer.deserialize_seq(Dimensions)
    }
}
