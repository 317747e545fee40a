//! The tensor list of a GGUF file: names, shapes, types, and where the data stands.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bom_core::metadata::{IssueCode, ModelRole};

use super::ggml_types::{ggml_type, is_index, is_plain};
use super::gguf::Walk;
use crate::draft::{Stop, brief};
use crate::layout::{self, Span};

/// The engines refuse longer tensor names (`GGML_MAX_NAME`).
const NAME_BYTES: u64 = 64;
const DIMENSIONS: u32 = 4;

impl Walk<'_, '_, '_> {
    pub(super) fn tensors(&mut self, count: u64) -> Result<(), Stop> {
        let mut names = BTreeSet::new();
        let mut spans = Vec::new();
        let mut bytes_by_type: BTreeMap<&'static str, u64> = BTreeMap::new();
        let mut parameters = Some(0_u64);
        let mut adapters = 0_u64;
        let mut sizes_known = true;
        for _ in 0..count {
            let at = self.reader.pos();
            let tensor = self.tensor(at)?;
            self.reader.keep(tensor.name.len())?;
            if tensor.name.ends_with(".lora_a") || tensor.name.ends_with(".lora_b") {
                adapters = adapters.saturating_add(1);
            }
            match tensor.layout {
                Some((kind, span)) => {
                    if !is_index(kind) {
                        parameters = parameters.and_then(|sum| sum.checked_add(tensor.elements?));
                    }
                    let total = bytes_by_type.entry(kind).or_default();
                    *total = total.saturating_add(span.end.saturating_sub(span.begin));
                    spans.push(span);
                }
                None => {
                    sizes_known = false;
                    parameters = None;
                }
            }
            if !names.insert(tensor.name.clone()) {
                let detail = format!("tensor {} appears twice", brief(&tensor.name));
                self.draft.issue(IssueCode::DuplicateKey, Some(at), detail);
            }
        }
        self.conclude(&bytes_by_type, parameters.filter(|_| count > 0), adapters.saturating_mul(2) > count);
        if sizes_known {
            let data_start = layout::round_up(self.reader.pos(), self.alignment);
            // A vocabulary has no data and often no padding either.
            if count > 0 || data_start < self.reader.len() {
                layout::check(spans, data_start, self.alignment, self.reader.len(), self.draft);
            }
        }
        Ok(())
    }

    fn conclude(
        &mut self,
        bytes_by_type: &BTreeMap<&'static str, u64>,
        parameters: Option<u64>,
        adapter: bool,
    ) {
        let model = self.draft.model();
        model.parameter_count = parameters;
        if adapter {
            model.role = Some(ModelRole::Adapter);
        }
        let most = bytes_by_type.iter().max_by_key(|(_, bytes)| **bytes);
        if let Some((name, _)) = most {
            model.dtype = Some((*name).to_string());
            if model.quantization.is_none() && !is_plain(name) {
                model.quantization = Some((*name).to_string());
            }
        }
    }

    fn tensor(&mut self, at: u64) -> Result<Tensor, Stop> {
        let len = self.size()?;
        self.must_fit("tensor name length", at, len)?;
        if len > self.draft.limits.key_bytes {
            let detail =
                format!("tensor name length {len} exceeds the limit of {}", self.draft.limits.key_bytes);
            return Err(Stop::broken(IssueCode::LengthExceedsLimit, at, detail));
        }
        if len >= NAME_BYTES {
            let detail = format!("tensor name length {len} is not below {NAME_BYTES}");
            self.draft.issue(IssueCode::InvalidValue, Some(at), detail);
        }
        let name = self.reader.bytes(len)?;
        let name = self.draft.value("a tensor name", at, &name);
        let dimensions = self.reader.u32(self.order)?;
        if dimensions > DIMENSIONS {
            let detail = format!("tensor {} has {dimensions} dimensions", brief(&name));
            return Err(Stop::broken(IssueCode::InvalidValue, at, detail));
        }
        let mut elements = Some(1_u64);
        for _ in 0..dimensions {
            let size = self.size()?;
            elements = elements.and_then(|product| product.checked_mul(size));
        }
        let kind = self.reader.u32(self.order)?;
        let begin = self.reader.u64(self.order)?;
        let layout = self.span(at, &name, elements, kind, begin);
        Ok(Tensor { name, elements, layout })
    }

    /// The bytes of a tensor, or `None` with an issue.
    fn span(
        &mut self,
        at: u64,
        name: &str,
        elements: Option<u64>,
        kind: u32,
        begin: u64,
    ) -> Option<(&'static str, Span)> {
        let name = brief(name);
        let Some(kind) = ggml_type(kind) else {
            let detail = format!("tensor {name} has the unknown type {kind}");
            self.draft.issue(IssueCode::UnknownType, Some(at), detail);
            return None;
        };
        if elements.is_some_and(|count| !count.is_multiple_of(kind.block)) {
            let detail = format!("tensor {name} does not fill its blocks of {} elements", kind.block);
            self.draft.issue(IssueCode::SizeMismatch, Some(at), detail);
        }
        if !begin.is_multiple_of(self.alignment) {
            let detail = format!("tensor {name} starts at {begin}, off the alignment of {}", self.alignment);
            self.draft.issue(IssueCode::InvalidValue, Some(at), detail);
        }
        let bytes = elements.and_then(|count| count.div_ceil(kind.block).checked_mul(kind.bytes));
        let Some(end) = bytes.and_then(|bytes| begin.checked_add(bytes)) else {
            let detail = format!("the size of tensor {name} does not fit in 64 bits");
            self.draft.issue(IssueCode::ArithmeticOverflow, Some(at), detail);
            return None;
        };
        Some((kind.name, Span { begin, end }))
    }
}

/// One line of the tensor list.
struct Tensor {
    name: String,
    /// `None` if the product of the dimensions does not fit.
    elements: Option<u64>,
    /// `None` if the type or the size is not known.
    layout: Option<(&'static str, Span)>,
}
