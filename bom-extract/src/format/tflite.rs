//! TensorFlow Lite, now LiteRT: a flatbuffer with the identifier `TFL3`.
//!
//! Source: `tensorflow/compiler/mlir/lite/schema/schema.fbs` and, for the description that authors add,
//! `metadata_schema.fbs`. A tensor names a buffer; weights are the tensors whose buffer is not empty.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};

use bom_core::metadata::{FileKind, IssueCode};

use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::grammar::flatbuffer::{self, Table, Vector};
use crate::reader::Reader;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Tflite, wants, extract };

/// Entries of metadata looked at, and names of custom operators kept.
const ENTRIES: u64 = 64;

fn wants(prefix: &[u8], _len: u64) -> bool {
    prefix.get(4..8) == Some(b"TFL3")
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    draft.claim();
    draft.model();
    let model = flatbuffer::root(0, reader)?;
    let version = model.u32(0, reader)?.unwrap_or(0);
    draft.model().format_version = Some(version.to_string());
    if let Some(text) = model.text(3, "the description", reader, draft)? {
        draft.model().claimed.insert("description".to_string(), text);
    }
    let operators = operators(&model, reader, draft);
    draft.absorb(operators)?;
    let buffers = model.tables(4, reader)?;
    let outcome = metadata(&model, buffers, reader, draft);
    draft.absorb(outcome)?;
    let mut sums = Sums::default();
    sums.read(&model, buffers, reader, draft)?;
    sums.conclude(draft);
    Ok(())
}

/// Operators that the runtime does not bring along.
fn operators(model: &Table, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let Some(codes) = model.tables(1, reader)? else { return Ok(()) };
    draft.hyperparameter("operators", codes.count);
    let mut custom = BTreeSet::new();
    for index in 0..codes.count.min(ENTRIES) {
        let code = codes.table(index, reader)?;
        custom.extend(code.text(1, "an operator", reader, draft)?);
    }
    if !custom.is_empty() {
        let names = custom.into_iter().collect::<alloc::vec::Vec<String>>().join(", ");
        let detail = format!("custom operators need a native plug-in: {}", crate::draft::brief(&names));
        draft.issue(IssueCode::CustomOperatorDomain, None, detail);
    }
    Ok(())
}

/// Named buffers: the least version of the runtime, and what the author says.
fn metadata(
    model: &Table,
    buffers: Option<Vector>,
    reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
) -> Result<(), Stop> {
    let (Some(entries), Some(buffers)) = (model.tables(6, reader)?, buffers) else { return Ok(()) };
    for index in 0..entries.count.min(ENTRIES) {
        let entry = entries.table(index, reader)?;
        let name = entry.text(0, "a name", reader, draft)?.unwrap_or_default();
        let buffer = u64::from(entry.u32(1, reader)?.unwrap_or(0));
        if buffer >= buffers.count {
            continue;
        }
        let Some(data) = buffers.table(buffer, reader)?.vector(0, 1, reader)? else { continue };
        match name.as_str() {
            "min_runtime_version" if data.count <= 64 => {
                reader.seek(data.start);
                let text = reader.bytes(data.count)?;
                let text = draft.value("a version", data.start, &text);
                let text = text.trim_end_matches('\0').to_string();
                draft.model().claimed.insert(name, text);
            }
            "TFLITE_METADATA" => author(data, reader, draft)?,
            _ => {}
        }
    }
    Ok(())
}

/// A flatbuffer inside the flatbuffer: 0 name, 1 description, 2 version, 4 author, 5 licence.
fn author(data: Vector, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let table = flatbuffer::root(data.start, reader)?;
    let name = table.text(0, "the name", reader, draft)?;
    let author = table.text(4, "the author", reader, draft)?;
    let license = table.text(5, "the licence", reader, draft)?;
    for (field, key) in [(1, "metadata.description"), (2, "metadata.version")] {
        if let Some(text) = table.text(field, key, reader, draft)? {
            draft.model().claimed.insert(key.to_string(), text);
        }
    }
    let model = draft.model();
    (model.name, model.author, model.license) = (name, author, license);
    Ok(())
}

#[derive(Default)]
struct Sums {
    tensors: u64,
    overflow: bool,
    elements: BTreeMap<u8, u64>,
    quantized: bool,
    /// Buffers that were counted: subgraphs share weights.
    seen: BTreeSet<u64>,
}

impl Sums {
    fn read(
        &mut self,
        model: &Table,
        buffers: Option<Vector>,
        reader: &mut Reader<'_>,
        draft: &mut Draft<'_>,
    ) -> Result<(), Stop> {
        let (Some(graphs), Some(buffers)) = (model.tables(2, reader)?, buffers) else { return Ok(()) };
        for index in 0..graphs.count {
            let graph = graphs.table(index, reader)?;
            if index == 0
                && let Some(name) = graph.text(4, "a name", reader, draft)?
            {
                draft.model().claimed.insert("graph.name".to_string(), name);
            }
            let Some(tensors) = graph.tables(0, reader)? else { continue };
            for tensor in 0..tensors.count {
                self.tensors = self.tensors.saturating_add(1);
                if self.tensors > draft.limits.graph_tensors {
                    let detail = format!("more than {} tensors", draft.limits.graph_tensors);
                    return Err(Stop::limit(IssueCode::CountExceedsLimit, tensors.start, detail));
                }
                let tensor = tensors.table(tensor, reader)?;
                self.tensor(&tensor, buffers, reader)?;
            }
        }
        Ok(())
    }

    fn tensor(&mut self, tensor: &Table, buffers: Vector, reader: &mut Reader<'_>) -> Result<(), Stop> {
        let buffer = u64::from(tensor.u32(2, reader)?.unwrap_or(0));
        let kind = tensor.u8(1, reader)?.unwrap_or(0);
        if let Some(quantization) = tensor.table(4, reader)?
            && quantization.vector(2, 4, reader)?.is_some_and(|scales| scales.count > 0)
            && matches!(kind, 3 | 7 | 9 | 17)
        {
            self.quantized = true;
        }
        // Buffer 0 is empty by convention.
        if buffer == 0 || buffer >= buffers.count || !self.seen.insert(buffer) {
            return Ok(());
        }
        let holder = buffers.table(buffer, reader)?;
        // Past two gigabytes the data stands behind the flatbuffer and the buffer says where.
        let outside = holder.field(1, reader)?.is_some();
        let filled = holder.vector(0, 1, reader)?.is_some_and(|data| data.count > 0);
        if !(filled || outside) {
            return Ok(());
        }
        let mut elements = Some(1_u64);
        if let Some(shape) = tensor.vector(0, 4, reader)? {
            reader.seek(shape.start);
            for _ in 0..shape.count.min(16) {
                let size = u64::from(reader.u32(bom_core::metadata::ByteOrder::Little)?);
                elements = elements.and_then(|all| all.checked_mul(size));
            }
        }
        let total = self.elements.entry(kind).or_default();
        match elements.and_then(|elements| total.checked_add(elements)) {
            Some(sum) => *total = sum,
            None => self.overflow = true,
        }
        Ok(())
    }

    fn conclude(&self, draft: &mut Draft<'_>) {
        let weights = self.elements.iter().filter(|(kind, _)| is_weight(**kind));
        let count = weights.clone().try_fold(0_u64, |sum, (_, count)| sum.checked_add(*count));
        let dominant = weights.max_by_key(|(kind, count)| count.saturating_mul(data_type(**kind).1));
        let model = draft.model();
        model.tensor_count = Some(self.tensors);
        model.parameter_count = count.filter(|count| !self.overflow && *count > 0);
        model.dtype = dominant.map(|(kind, _)| data_type(*kind).0.to_string());
        if self.quantized && model.dtype.as_deref().is_some_and(|name| name.contains("INT")) {
            model.quantization = model.dtype.as_deref().map(str::to_lowercase);
        }
    }
}

/// Integers this wide hold shapes and axes, not trained weights. 32-bit biases of quantised layers are among them.
fn is_weight(kind: u8) -> bool {
    !matches!(kind, 2 | 4 | 5 | 6 | 12 | 13 | 14 | 15)
}

/// `TensorType`: name and width in bits.
fn data_type(kind: u8) -> (&'static str, u64) {
    match kind {
        0 => ("FLOAT32", 32),
        1 => ("FLOAT16", 16),
        3 => ("UINT8", 8),
        7 => ("INT16", 16),
        8 => ("COMPLEX64", 64),
        9 => ("INT8", 8),
        10 => ("FLOAT64", 64),
        11 => ("COMPLEX128", 128),
        16 => ("UINT16", 16),
        17 => ("INT4", 4),
        18 => ("BFLOAT16", 16),
        _ => ("OTHER", 8),
    }
}
