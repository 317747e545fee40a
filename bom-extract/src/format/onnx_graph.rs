//! The graph of an ONNX model: nodes, weights, subgraphs.
//!
//! Source: `GraphProto`, `NodeProto`, `AttributeProto` and `TensorProto` in `onnx.proto`. Of a tensor only the header
//! is read; its data is stepped over, in this file, and never looked for in another.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bom_core::metadata::{IssueCode, ModelRole};

use super::onnx::claim;
use crate::draft::{Draft, Stop, brief};
use crate::grammar::protobuf::{Field, Fields, Place, Value, name, text, varint};
use crate::reader::Reader;

/// Names of inputs and outputs kept.
const ENDS: usize = 16;
/// Domains whose operators the common runtimes bring along, by prefix up to a dot or the end.
const KNOWN_DOMAINS: &[&str] = &["ai.onnx", "com.microsoft", "com.ms", "org.pytorch.aten"];

/// What the graph adds up to.
#[derive(Default)]
pub(super) struct Sums {
    nodes: u64,
    tensors: u64,
    sparse: bool,
    /// Elements by type number.
    elements: BTreeMap<u64, u64>,
    overflow: bool,
    operators: BTreeSet<&'static str>,
    /// Domains of operators that are neither the standard's nor a common runtime's.
    domains: BTreeMap<String, u64>,
    adapters: u64,
}

impl Sums {
    pub(super) fn conclude(&self, draft: &mut Draft<'_>, own_domains: &BTreeSet<String>, complete: bool) {
        for (domain, at) in &self.domains {
            if !own_domains.contains(domain) {
                let detail = format!("operators of the domain {} need a native plug-in", brief(domain));
                draft.issue(IssueCode::CustomOperatorDomain, Some(*at), detail);
            }
        }
        let mut parameters = Some(0_u64);
        let mut most = (0_u64, None);
        for (kind, count) in &self.elements {
            let Some((name, bits)) = data_type(*kind) else { continue };
            if !is_index(*kind) {
                parameters = parameters.and_then(|sum| sum.checked_add(*count));
            }
            let total = count.saturating_mul(bits);
            if total > most.0 {
                most = (total, Some(name));
            }
        }
        let model = draft.model();
        if complete {
            model.tensor_count = Some(self.tensors);
            model.hyperparameters.insert("node_count".to_string(), self.nodes.to_string());
            // A sparse tensor states its values, not which of its many zeros were trained.
            model.parameter_count = parameters.filter(|_| !self.overflow && !self.sparse && self.tensors > 0);
        }
        model.dtype = most.1.map(ToString::to_string);
        model.quantization = self.operators.first().map(ToString::to_string);
        if self.tensors > 0 && self.adapters.saturating_mul(2) >= self.tensors {
            model.role = Some(ModelRole::Adapter);
        }
    }
}

/// One walk through all graphs of a model.
pub(super) struct Walk<'w, 'a, 'l> {
    pub(super) reader: &'w mut Reader<'a>,
    pub(super) draft: &'w mut Draft<'l>,
    pub(super) sums: Sums,
}

impl Walk<'_, '_, '_> {
    pub(super) fn everything(&mut self, graph: Place, functions: &[Place]) -> Result<(), Stop> {
        self.graph(graph, 0)?;
        for function in functions {
            let mut fields = Fields::of(*function);
            while let Some(field) = self.next(&mut fields)? {
                if let (7, Value::Bytes(place)) = (field.number, field.value) {
                    self.node(place, 0)?;
                }
            }
        }
        Ok(())
    }

    fn next(&mut self, fields: &mut Fields) -> Result<Option<Field>, Stop> {
        fields.next(self.reader, self.draft)
    }

    fn graph(&mut self, place: Place, depth: u32) -> Result<(), Stop> {
        if depth >= self.draft.limits.depth {
            let detail = format!("graphs are nested deeper than {depth}");
            return Err(Stop::limit(IssueCode::NestingTooDeep, place.start, detail));
        }
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        let mut fields = Fields::of(place);
        while let Some(field) = self.next(&mut fields)? {
            match (field.number, field.value) {
                (1, Value::Bytes(place)) => self.node(place, depth)?,
                (2, Value::Bytes(place)) if depth == 0 => {
                    claim("graph.name", place, self.reader, self.draft)?;
                }
                (5, Value::Bytes(place)) => self.tensor(place)?,
                (11, Value::Bytes(place)) if depth == 0 && inputs.len() < ENDS => {
                    inputs.extend(self.value_name(place)?);
                }
                (12, Value::Bytes(place)) if depth == 0 && outputs.len() < ENDS => {
                    outputs.extend(self.value_name(place)?);
                }
                (15, Value::Bytes(place)) => self.sparse(place)?,
                _ => {}
            }
        }
        for (key, names) in [("inputs", inputs), ("outputs", outputs)] {
            if !names.is_empty() {
                self.draft.model().hyperparameters.insert(key.to_string(), names.join(", "));
            }
        }
        Ok(())
    }

    fn value_name(&mut self, place: Place) -> Result<Option<String>, Stop> {
        let mut fields = Fields::of(place);
        while let Some(field) = self.next(&mut fields)? {
            if let (1, Value::Bytes(place)) = (field.number, field.value) {
                return name(place, self.reader, self.draft);
            }
        }
        Ok(None)
    }

    fn node(&mut self, place: Place, depth: u32) -> Result<(), Stop> {
        self.sums.nodes = self.sums.nodes.saturating_add(1);
        let mut fields = Fields::of(place);
        while let Some(field) = self.next(&mut fields)? {
            match (field.number, field.value) {
                (4, Value::Bytes(place)) => {
                    if let Some(operator) = name(place, self.reader, self.draft)? {
                        self.sums.operators.extend(quantisation(&operator));
                    }
                }
                (5, Value::Bytes(place)) => self.attribute(place, depth)?,
                (7, Value::Bytes(place)) => self.domain(place)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn domain(&mut self, place: Place) -> Result<(), Stop> {
        let Some(domain) = name(place, self.reader, self.draft)? else { return Ok(()) };
        if !is_known_domain(&domain) && !self.sums.domains.contains_key(&domain) {
            self.reader.keep(domain.len())?;
            self.sums.domains.insert(domain, place.start);
        }
        Ok(())
    }

    fn attribute(&mut self, place: Place, depth: u32) -> Result<(), Stop> {
        let mut fields = Fields::of(place);
        while let Some(field) = self.next(&mut fields)? {
            match (field.number, field.value) {
                (5 | 10, Value::Bytes(place)) => self.tensor(place)?,
                (6 | 11, Value::Bytes(place)) => self.graph(place, depth.saturating_add(1))?,
                (22 | 23, Value::Bytes(place)) => self.sparse(place)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// `SparseTensorProto`: the values are a tensor, the indices are of no interest.
    fn sparse(&mut self, place: Place) -> Result<(), Stop> {
        self.sums.sparse = true;
        let mut fields = Fields::of(place);
        while let Some(field) = self.next(&mut fields)? {
            if let (1, Value::Bytes(place)) = (field.number, field.value) {
                self.tensor(place)?;
            }
        }
        Ok(())
    }

    fn tensor(&mut self, place: Place) -> Result<(), Stop> {
        self.sums.tensors = self.sums.tensors.saturating_add(1);
        let limit = self.draft.limits.graph_tensors;
        if self.sums.tensors > limit {
            let detail = format!("more than {limit} tensors");
            return Err(Stop::limit(IssueCode::CountExceedsLimit, place.start, detail));
        }
        let mut elements = Some(1_u64);
        let mut kind = 0;
        let mut fields = Fields::of(place);
        while let Some(field) = self.next(&mut fields)? {
            match (field.number, field.value) {
                (1, Value::Number(size)) => elements = elements.and_then(|all| all.checked_mul(size)),
                (1, Value::Bytes(place)) => elements = self.packed_product(place, elements)?,
                (2, Value::Number(number)) => kind = number,
                (8, Value::Bytes(place)) => {
                    if let Some(name) = name(place, self.reader, self.draft)?
                        && name.contains("lora_")
                    {
                        self.sums.adapters = self.sums.adapters.saturating_add(1);
                    }
                }
                (13, Value::Bytes(place)) => self.external(place)?,
                _ => {}
            }
        }
        if data_type(kind).is_none() {
            self.sums.overflow = true;
            let detail = format!("tensor type {kind} is not in the list");
            self.draft.issue(IssueCode::UnknownType, Some(place.start), detail);
            return Ok(());
        }
        let Some(elements) = elements else {
            self.sums.overflow = true;
            let detail = "the shape of a tensor does not fit in 64 bits".to_string();
            self.draft.issue(IssueCode::ArithmeticOverflow, Some(place.start), detail);
            return Ok(());
        };
        let total = self.sums.elements.entry(kind).or_default();
        *total = total.checked_add(elements).unwrap_or_else(|| {
            self.sums.overflow = true;
            u64::MAX
        });
        Ok(())
    }

    /// Dimensions in the packed encoding, which some writers use.
    fn packed_product(&mut self, place: Place, mut elements: Option<u64>) -> Result<Option<u64>, Stop> {
        self.reader.seek(place.start);
        while self.reader.pos() < place.end {
            let size = varint(self.reader)?;
            elements = elements.and_then(|all| all.checked_mul(size));
        }
        Ok(elements)
    }

    /// One key and value of `external_data`; of interest is the path under `location`.
    fn external(&mut self, place: Place) -> Result<(), Stop> {
        let (mut is_location, mut path) = (false, None);
        let mut fields = Fields::of(place);
        while let Some(field) = self.next(&mut fields)? {
            match (field.number, field.value) {
                (1, Value::Bytes(place)) => {
                    is_location = name(place, self.reader, self.draft)?.as_deref() == Some("location");
                }
                (2, Value::Bytes(place)) => {
                    path = text("an external path", place, self.reader, self.draft)?;
                }
                _ => {}
            }
        }
        let Some(path) = path.filter(|_| is_location) else { return Ok(()) };
        if self.draft.model().external_files.contains(&path) {
            return Ok(());
        }
        if escapes(&path) {
            let detail = format!("weights are named by the path {}", brief(&path));
            self.draft.issue(IssueCode::ExternalPathEscapes, Some(place.start), detail);
        }
        self.reader.keep(path.len())?;
        self.draft.model().external_files.insert(path);
        Ok(())
    }
}

/// Whether a path leads out of the folder it is relative to, on any system, or is no path at all.
fn escapes(path: &str) -> bool {
    let mut parts = path.split(['/', '\\']);
    let drive = path.split_once(':').is_some_and(|(before, _)| before.len() == 1);
    path.starts_with(['/', '\\']) || drive || path.contains("://") || parts.any(|part| part == "..")
}

fn is_known_domain(domain: &str) -> bool {
    domain.is_empty()
        || KNOWN_DOMAINS.iter().any(|known| {
            domain.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
}

/// The scheme an operator gives away. A fixed word, so that a thousand nodes cost one entry.
fn quantisation(operator: &str) -> Option<&'static str> {
    match operator {
        "MatMulNBits" | "GatherBlockQuantized" => Some("block-n-bits"),
        "MatMulInteger" | "ConvInteger" | "DynamicQuantizeLinear" => Some("dynamic-int8"),
        "DequantizeLinear" | "QuantizeLinear" => Some("qdq"),
        _ if operator.starts_with("QLinear") => Some("qlinear"),
        _ => None,
    }
}

/// `TensorProto.DataType`: name and width in bits. Strings have no width; their bytes are not weights.
fn data_type(number: u64) -> Option<(&'static str, u64)> {
    Some(match number {
        1 => ("FLOAT", 32),
        2 => ("UINT8", 8),
        3 => ("INT8", 8),
        4 => ("UINT16", 16),
        5 => ("INT16", 16),
        6 => ("INT32", 32),
        7 => ("INT64", 64),
        8 => ("STRING", 0),
        9 => ("BOOL", 8),
        10 => ("FLOAT16", 16),
        11 => ("DOUBLE", 64),
        12 => ("UINT32", 32),
        13 => ("UINT64", 64),
        14 => ("COMPLEX64", 64),
        15 => ("COMPLEX128", 128),
        16 => ("BFLOAT16", 16),
        17 => ("FLOAT8E4M3FN", 8),
        18 => ("FLOAT8E4M3FNUZ", 8),
        19 => ("FLOAT8E5M2", 8),
        20 => ("FLOAT8E5M2FNUZ", 8),
        21 => ("UINT4", 4),
        22 => ("INT4", 4),
        23 => ("FLOAT4E2M1", 4),
        24 => ("FLOAT8E8M0", 8),
        25 => ("UINT2", 2),
        26 => ("INT2", 2),
        _ => return None,
    })
}

/// Integers this wide hold shapes, axes and token numbers, not trained weights.
fn is_index(number: u64) -> bool {
    matches!(number, 6 | 7 | 8 | 9 | 12 | 13)
}
