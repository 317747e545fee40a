//! ONNX: one protobuf message, `ModelProto`.
//!
//! Source: `onnx.proto` of the ONNX project. There is no magic and other protobuf formats start the same way, so a
//! file is only claimed once a graph with nodes or weights and an operator set were seen. The graph holds the weights
//! and can be gigabytes; the first pass steps over it, because the operator sets and the metadata come after it, and
//! the second (`onnx_graph`) walks through it from tensor header to tensor header.
//!
//! Weights are not only initialisers: some exporters store them as attributes of `Constant` nodes, in subgraphs too.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bom_core::metadata::{FileKind, IssueCode};

use super::onnx_graph::{Sums, Walk};
use crate::draft::{Draft, Stop, brief};
use crate::extractor::Extractor;
use crate::grammar::protobuf::{Field, Fields, Place, Value, name, text};
use crate::reader::Reader;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Onnx, wants, extract };

/// IR versions in use are 3 to 13. TensorFlow's saved models start with version 1, which keeps the two apart.
const IR_VERSIONS: core::ops::RangeInclusive<u8> = 3..=63;
/// Starts with `ir_version` as a small varint, then one of the other scalar or message fields of the model.
fn wants(prefix: &[u8], _len: u64) -> bool {
    match prefix {
        [0x08, version, next, ..] => {
            IR_VERSIONS.contains(version)
                && matches!(next, 0x12 | 0x1a | 0x22 | 0x28 | 0x32 | 0x3a | 0x42 | 0x72)
        }
        _ => false,
    }
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let mut top = Top::default();
    let whole = Place { start: 0, end: reader.len() };
    let mut fields = Fields::of(whole);
    let outcome = top.read(&mut fields, reader, draft);
    let broken = outcome.is_err() || fields.cut;
    draft.absorb(outcome)?;
    let Some(graph) = top.graph else { return Ok(()) };
    if !(top.has_opset || broken) {
        return Ok(());
    }
    draft.claim();
    if !top.has_opset {
        draft.issue(IssueCode::MissingField, None, "no operator set is imported".to_string());
    }
    let mut walk = Walk { reader, draft, sums: Sums::default() };
    let outcome = walk.everything(graph, &top.functions);
    let sums = walk.sums;
    let complete = outcome.is_ok() && !broken;
    sums.conclude(draft, &top.function_domains, complete);
    outcome
}

/// A graph starts with a node, a name or a weight.
fn looks_like_graph(reader: &mut Reader<'_>, graph: Place) -> Result<bool, Stop> {
    if graph.len() == 0 {
        return Ok(false);
    }
    reader.seek(graph.start);
    Ok(matches!(reader.u8()?, 0x0a | 0x12 | 0x2a | 0x5a))
}

/// What stands beside the graph.
#[derive(Default)]
struct Top {
    graph: Option<Place>,
    has_opset: bool,
    functions: Vec<Place>,
    function_domains: BTreeSet<String>,
}

impl Top {
    fn read(
        &mut self,
        fields: &mut Fields,
        reader: &mut Reader<'_>,
        draft: &mut Draft<'_>,
    ) -> Result<(), Stop> {
        while let Some(Field { number, at, value }) = fields.next(reader, draft)? {
            match (number, value) {
                (1, Value::Number(version)) => draft.model().format_version = Some(version.to_string()),
                (2, Value::Bytes(place)) => {
                    draft.model().producer = text("producer name", place, reader, draft)?;
                }
                (3, Value::Bytes(place)) => {
                    draft.model().producer_version = text("producer version", place, reader, draft)?;
                }
                (4, Value::Bytes(place)) => claim("model.domain", place, reader, draft)?,
                (5, Value::Number(version)) => {
                    draft
                        .model()
                        .claimed
                        .insert("model.version".to_string(), version.cast_signed().to_string());
                }
                (6, Value::Bytes(place)) => claim("model.doc_string", place, reader, draft)?,
                // Looked at now: what follows may be made to spend the budget, and the file would go unrecognised.
                (7, Value::Bytes(place)) if looks_like_graph(reader, place)? => {
                    // Protobuf would merge the two graphs; a reader that takes the last one sees another model.
                    let earlier = self.graph.replace(place);
                    if earlier.is_some() {
                        let detail = "the model has two graphs".to_string();
                        draft.issue(IssueCode::DuplicateKey, Some(at), detail);
                    }
                }
                (8, Value::Bytes(place)) => {
                    self.has_opset = true;
                    opset(place, reader, draft)?;
                }
                (14, Value::Bytes(place)) => property(place, reader, draft)?,
                (25, Value::Bytes(place)) => {
                    reader.keep(16)?;
                    self.functions.push(place);
                    self.function(place, reader, draft)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The domain of a function that the model itself defines: its operators need no plug-in.
    fn function(&mut self, place: Place, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
        let mut fields = Fields::of(place);
        while let Some(field) = fields.next(reader, draft)? {
            if let (10, Value::Bytes(place)) = (field.number, field.value)
                && let Some(domain) = name(place, reader, draft)?
            {
                reader.keep(domain.len())?;
                self.function_domains.insert(domain);
            }
        }
        Ok(())
    }
}

fn opset(place: Place, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let (mut domain, mut version) = (String::new(), 0);
    let mut fields = Fields::of(place);
    while let Some(field) = fields.next(reader, draft)? {
        match (field.number, field.value) {
            (1, Value::Bytes(place)) => domain = name(place, reader, draft)?.unwrap_or_default(),
            (2, Value::Number(number)) => version = number,
            _ => {}
        }
    }
    // The empty domain is the standard's own.
    let domain = if domain.is_empty() { "ai.onnx" } else { &domain };
    reader.keep(domain.len())?;
    draft.model().hyperparameters.insert(format!("opset.{domain}"), version.cast_signed().to_string());
    Ok(())
}

/// One of `metadata_props`.
fn property(place: Place, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let (mut key, mut value) = (None, String::new());
    let mut fields = Fields::of(place);
    while let Some(field) = fields.next(reader, draft)? {
        match (field.number, field.value) {
            (1, Value::Bytes(place)) => key = name(place, reader, draft)?,
            (2, Value::Bytes(place)) => {
                value = text("a metadata property", place, reader, draft)?.unwrap_or_default();
            }
            _ => {}
        }
    }
    let Some(key) = key else { return Ok(()) };
    reader.keep(key.len().saturating_add(value.len()))?;
    match key.as_str() {
        "author" => draft.model().author = Some(value.clone()),
        "license" => draft.model().license = Some(value.clone()),
        _ => {}
    }
    if draft.model().claimed.insert(key.clone(), value).is_some() {
        let detail = format!("metadata property {} appears twice", brief(&key));
        draft.issue(IssueCode::DuplicateKey, Some(place.start), detail);
    }
    Ok(())
}

pub(super) fn claim(
    key: &str,
    place: Place,
    reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
) -> Result<(), Stop> {
    if let Some(value) = text(key, place, reader, draft)? {
        reader.keep(value.len())?;
        draft.model().claimed.insert(key.to_string(), value);
    }
    Ok(())
}
