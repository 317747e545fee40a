//! TensorFlow: `saved_model.pb` and frozen graphs.
//!
//! Source: `tensorflow/core/protobuf/{saved_model,meta_graph}.proto`, `tensorflow/core/framework/{graph,node_def,
//! attr_value,tensor,tensor_shape}.proto`. A SavedModel keeps its weights in `variables/` beside it; a frozen graph has
//! them in the attributes of its `Const` nodes.
//!
//! A graph is a program: some operators read and write files or call back into Python.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bom_core::metadata::{FileKind, IssueCode};

use crate::draft::{Draft, Stop, brief};
use crate::extractor::Extractor;
use crate::grammar::protobuf::{Fields, Place, Value, name, text};
use crate::reader::Reader;

pub(crate) const SAVED_MODEL: Extractor =
    Extractor { kind: FileKind::TfSavedModel, wants: wants_saved, extract: extract_saved };
pub(crate) const GRAPH: Extractor =
    Extractor { kind: FileKind::TfGraph, wants: wants_graph, extract: extract_graph };

/// Operators that leave the graph. Those that write a checkpoint are not among them: every saved model has them.
const REACHING: &[&str] = &[
    "EagerPyFunc",
    "LoadDataset",
    "PyFunc",
    "PyFuncStateless",
    "ReadFile",
    "SaveDataset",
    "SaveDatasetV2",
    "WriteFile",
];

/// `saved_model_schema_version: 1`, then a graph.
fn wants_saved(prefix: &[u8], _len: u64) -> bool {
    prefix.starts_with(&[0x08, 0x01, 0x12])
}

fn extract_saved(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let mut sums = Sums::default();
    let mut fields = Fields::of(Place { start: 0, end: reader.len() });
    while let Some(field) = fields.next(reader, draft)? {
        match (field.number, field.value) {
            (1, Value::Number(version)) => draft.model().format_version = Some(version.to_string()),
            (2, Value::Bytes(place)) => meta_graph(place, &mut sums, reader, draft)?,
            // Nothing else is in the message.
            _ => return Ok(()),
        }
    }
    if draft.is_claimed() && !draft.is_cut() {
        sums.conclude(draft, false);
    }
    Ok(())
}

fn meta_graph(
    place: Place,
    sums: &mut Sums,
    reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
) -> Result<(), Stop> {
    let mut signatures = Vec::new();
    let mut fields = Fields::of(place);
    while let Some(field) = fields.next(reader, draft)? {
        match (field.number, field.value) {
            (1, Value::Bytes(place)) => info(place, reader, draft)?,
            (2, Value::Bytes(place)) => {
                let outcome = sums.graph(place, reader, draft);
                draft.absorb(outcome)?;
            }
            (5, Value::Bytes(place)) => {
                let mut entry = Fields::of(place);
                while let Some(field) = entry.next(reader, draft)? {
                    if let (1, Value::Bytes(place), true) = (field.number, field.value, signatures.len() < 16)
                    {
                        signatures.extend(name(place, reader, draft)?);
                    }
                }
            }
            _ => {}
        }
    }
    if !signatures.is_empty() {
        draft.hyperparameter("signatures", signatures.join(", "));
    }
    Ok(())
}

/// Who wrote the graph. What only a graph's information says is the proof of the format.
fn info(place: Place, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let mut tags = Vec::new();
    let mut found = false;
    let mut fields = Fields::of(place);
    while let Some(field) = fields.next(reader, draft)? {
        match (field.number, field.value) {
            (2, Value::Bytes(_)) => found = true,
            (4, Value::Bytes(place)) if tags.len() < 16 => tags.extend(name(place, reader, draft)?),
            (5, Value::Bytes(place)) => {
                found = true;
                draft.model().producer = Some("tensorflow".to_string());
                draft.model().producer_version = text("the version", place, reader, draft)?;
            }
            _ => {}
        }
    }
    if !tags.is_empty() {
        found = true;
        draft.hyperparameter("tags", tags.join(", "));
    }
    if found {
        draft.claim();
    }
    Ok(())
}

/// A node (field 1) that starts with its name (field 1) and goes on with its operator (field 2).
fn wants_graph(prefix: &[u8], _len: u64) -> bool {
    let [0x0a, rest @ ..] = prefix else { return false };
    let Some(start) = rest.iter().position(|byte| byte & 0x80 == 0) else { return false };
    let Some([0x0a, length, rest @ ..]) = rest.get(start.saturating_add(1)..) else { return false };
    let (name, rest) = rest.split_at_checked(usize::from(*length)).unwrap_or((rest, &[]));
    let named = !name.is_empty() && *length < 0x80 && name.iter().all(u8::is_ascii_graphic);
    named && rest.first().is_none_or(|tag| *tag == 0x12)
}

fn extract_graph(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    // A name and an operator are little to go by: the message has to be a graph from end to end, with its version.
    let whole = Place { start: 0, end: reader.len() };
    let mut versions = None;
    let mut nodes = 0_u64;
    let mut fields = Fields::of(whole);
    while let Some(field) = fields.next(reader, draft)? {
        match (field.number, field.value) {
            (1, Value::Bytes(place)) => {
                nodes = nodes.saturating_add(1);
                if nodes <= 4 && !is_node(place, reader, draft)? {
                    return Ok(());
                }
            }
            (4, Value::Bytes(place)) => versions = Some(place),
            (2 | 5, Value::Bytes(_)) | (3, Value::Number(_)) => {}
            _ => return Ok(()),
        }
    }
    let (Some(versions), false) = (versions, fields.cut) else { return Ok(()) };
    draft.claim();
    let mut fields = Fields::of(versions);
    while let Some(field) = fields.next(reader, draft)? {
        if let (1, Value::Number(version)) = (field.number, field.value) {
            draft.model().format_version = Some(version.to_string());
        }
    }
    let mut sums = Sums::default();
    let outcome = sums.graph(whole, reader, draft);
    let complete = outcome.is_ok();
    draft.absorb(outcome)?;
    if complete && !draft.is_cut() {
        sums.conclude(draft, true);
    }
    Ok(())
}

fn is_node(place: Place, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<bool, Stop> {
    let mut operator = None;
    let mut fields = Fields::of(place);
    while let Some(field) = fields.next(reader, draft)? {
        match (field.number, field.value) {
            (2, Value::Bytes(place)) => operator = name(place, reader, draft)?,
            (1 | 3..=7, Value::Bytes(_)) => {}
            _ => return Ok(false),
        }
    }
    Ok(operator.is_some_and(|name| {
        name.starts_with(|first: char| first.is_ascii_uppercase() || first == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'>'))
    }))
}

/// What the nodes add up to.
#[derive(Default)]
struct Sums {
    nodes: u64,
    tensors: u64,
    overflow: bool,
    elements: BTreeMap<u64, u64>,
    reaching: BTreeSet<String>,
}

impl Sums {
    fn graph(&mut self, place: Place, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
        let mut fields = Fields::of(place);
        while let Some(field) = fields.next(reader, draft)? {
            match (field.number, field.value) {
                (1, Value::Bytes(place)) => self.node(place, reader, draft)?,
                (2, Value::Bytes(place)) => self.library(place, reader, draft)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Functions: 1 function, of which 3 is a node.
    fn library(&mut self, place: Place, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
        let mut functions = Fields::of(place);
        while let Some(function) = functions.next(reader, draft)? {
            let (1, Value::Bytes(place)) = (function.number, function.value) else { continue };
            let mut fields = Fields::of(place);
            while let Some(field) = fields.next(reader, draft)? {
                if let (3, Value::Bytes(place)) = (field.number, field.value) {
                    self.node(place, reader, draft)?;
                }
            }
        }
        Ok(())
    }

    fn node(&mut self, place: Place, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
        self.nodes = self.nodes.saturating_add(1);
        if self.nodes > draft.limits.entries {
            let detail = format!("more than {} nodes", draft.limits.entries);
            return Err(Stop::limit(IssueCode::CountExceedsLimit, place.start, detail));
        }
        let mut constant = false;
        let mut fields = Fields::of(place);
        while let Some(field) = fields.next(reader, draft)? {
            match (field.number, field.value) {
                (2, Value::Bytes(place)) => {
                    let Some(operator) = name(place, reader, draft)? else { continue };
                    constant = operator == "Const";
                    if REACHING.contains(&operator.as_str()) && self.reaching.insert(operator.clone()) {
                        let detail = format!("the operator {} reaches out of the graph", brief(&operator));
                        draft.issue(IssueCode::HiddenCode, Some(place.start), detail);
                    }
                }
                (5, Value::Bytes(place)) if constant => self.attribute(place, reader, draft)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// 1 key, 2 value, of which 8 is a tensor: 1 type, 2 shape (2 dimension (1 size)).
    fn attribute(
        &mut self,
        place: Place,
        reader: &mut Reader<'_>,
        draft: &mut Draft<'_>,
    ) -> Result<(), Stop> {
        let mut entry = Fields::of(place);
        while let Some(field) = entry.next(reader, draft)? {
            let (2, Value::Bytes(place)) = (field.number, field.value) else { continue };
            let mut value = Fields::of(place);
            while let Some(field) = value.next(reader, draft)? {
                if let (8, Value::Bytes(place)) = (field.number, field.value) {
                    self.tensor(place, reader, draft)?;
                }
            }
        }
        Ok(())
    }

    fn tensor(&mut self, place: Place, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
        self.tensors = self.tensors.saturating_add(1);
        let (mut kind, mut elements) = (0, Some(1_u64));
        let mut fields = Fields::of(place);
        while let Some(field) = fields.next(reader, draft)? {
            match (field.number, field.value) {
                (1, Value::Number(number)) => kind = number,
                (2, Value::Bytes(place)) => {
                    let mut shape = Fields::of(place);
                    while let Some(field) = shape.next(reader, draft)? {
                        let (2, Value::Bytes(place)) = (field.number, field.value) else { continue };
                        let mut dimension = Fields::of(place);
                        let mut size = 0;
                        while let Some(field) = dimension.next(reader, draft)? {
                            if let (1, Value::Number(number)) = (field.number, field.value) {
                                size = number;
                            }
                        }
                        elements = elements.and_then(|all| all.checked_mul(size));
                    }
                }
                _ => {}
            }
        }
        let total = self.elements.entry(kind).or_default();
        match elements.and_then(|elements| total.checked_add(elements)) {
            Some(sum) => *total = sum,
            None => self.overflow = true,
        }
        Ok(())
    }

    fn conclude(&self, draft: &mut Draft<'_>, weights_are_inside: bool) {
        draft.hyperparameter("node_count", self.nodes);
        if !weights_are_inside {
            return;
        }
        let weights = self.elements.iter().filter_map(|(kind, count)| Some((data_type(*kind)?, *count)));
        let count = weights.clone().try_fold(0_u64, |sum, (_, count)| sum.checked_add(count));
        let model = draft.model();
        model.tensor_count = Some(self.tensors);
        model.parameter_count = count.filter(|count| *count > 0 && !self.overflow);
        model.dtype = weights.max_by_key(|(_, count)| *count).map(|(name, _)| name.to_string());
    }
}

/// `DataType`, of those that hold weights.
fn data_type(number: u64) -> Option<&'static str> {
    Some(match number {
        1 => "DT_FLOAT",
        2 => "DT_DOUBLE",
        4 => "DT_UINT8",
        6 => "DT_INT8",
        11 => "DT_QINT8",
        12 => "DT_QUINT8",
        14 => "DT_BFLOAT16",
        19 => "DT_HALF",
        _ => return None,
    })
}
