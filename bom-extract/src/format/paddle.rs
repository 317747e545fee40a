//! PaddlePaddle: the program (`.pdmodel`, or JSON since version 3) and the tensors (`.pdiparams`).
//!
//! Source: `paddle/fluid/framework/framework.proto` (`ProgramDesc` 1 blocks, 4 version; `BlockDesc` 1 number, 2 parent, 3
//! variables, 4 operators; `VarDesc` 1 name, 2 type, 3 persistable; `VarType` 1 kind, 3 tensor; `TensorDesc` 1 type, 2
//! sizes), and `SerializeToStream` in `paddle/fluid/framework/lod_tensor.cc`.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::ToString;

use bom_core::metadata::{ByteOrder, FileKind, IssueCode};

use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::grammar::json_outline::Outline;
use crate::grammar::protobuf::{Fields, Place, Value, varint};
use crate::reader::Reader;

pub(crate) const PROGRAM: Extractor =
    Extractor { kind: FileKind::Paddle, wants: wants_program, extract: extract_program };
pub(crate) const PARAMETERS: Extractor =
    Extractor { kind: FileKind::PaddleParameters, wants: wants_parameters, extract: extract_parameters };

const ORDER: ByteOrder = ByteOrder::Little;
/// Longest description of a tensor: a type and a few sizes.
const DESCRIPTION_BYTES: u32 = 256;
/// `VarType.Type`: a tensor.
const TENSOR: u64 = 7;

/// A block (field 1) that is number 0 and has no parent (-1).
fn wants_program(prefix: &[u8], _len: u64) -> bool {
    let [0x0a, rest @ ..] = prefix else { return false };
    let Some(end) = rest.iter().position(|byte| byte & 0x80 == 0) else { return false };
    let parent: &[u8] = &[0x08, 0x00, 0x10, 0xff, 0xff, 0xff, 0xff];
    rest.get(end.saturating_add(1)..).is_some_and(|block| block.starts_with(parent))
}

fn extract_program(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    draft.claim();
    let mut sums = Sums::default();
    let mut operators = 0_u64;
    let mut fields = Fields::of(Place { start: 0, end: reader.len() });
    while let Some(field) = fields.next(reader, draft)? {
        match (field.number, field.value) {
            (1, Value::Bytes(place)) => block(place, &mut sums, &mut operators, reader, draft)?,
            (4, Value::Bytes(place)) => {
                let mut version = Fields::of(place);
                while let Some(field) = version.next(reader, draft)? {
                    if let (1, Value::Number(number)) = (field.number, field.value) {
                        draft.model().format_version = Some(number.to_string());
                    }
                }
            }
            _ => {}
        }
    }
    if !draft.is_cut() {
        draft.hyperparameter("operators", operators);
        sums.conclude(draft);
    }
    Ok(())
}

fn block(
    place: Place,
    sums: &mut Sums,
    operators: &mut u64,
    reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
) -> Result<(), Stop> {
    let mut fields = Fields::of(place);
    while let Some(field) = fields.next(reader, draft)? {
        match (field.number, field.value) {
            (3, Value::Bytes(place)) => variable(place, sums, reader, draft)?,
            (4, Value::Bytes(_)) => *operators = operators.saturating_add(1),
            _ => {}
        }
    }
    Ok(())
}

/// Variables that outlive a run are the weights.
fn variable(
    place: Place,
    sums: &mut Sums,
    reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
) -> Result<(), Stop> {
    let (mut kind, mut persistent) = (None, false);
    let mut fields = Fields::of(place);
    while let Some(field) = fields.next(reader, draft)? {
        match (field.number, field.value) {
            (2, Value::Bytes(place)) => kind = Some(place),
            (3, Value::Number(number)) => persistent = number != 0,
            _ => {}
        }
    }
    let Some(kind) = kind.filter(|_| persistent) else { return Ok(()) };
    let (mut is_tensor, mut description) = (false, None);
    let mut fields = Fields::of(kind);
    while let Some(field) = fields.next(reader, draft)? {
        match (field.number, field.value) {
            (1, Value::Number(number)) => is_tensor = number == TENSOR,
            (3, Value::Bytes(place)) => {
                let mut inner = Fields::of(place);
                while let Some(field) = inner.next(reader, draft)? {
                    if let (1, Value::Bytes(place)) = (field.number, field.value) {
                        description = Some(place);
                    }
                }
            }
            _ => {}
        }
    }
    match description.filter(|_| is_tensor) {
        Some(place) => sums.tensor(place, reader, draft).map(drop),
        None => Ok(()),
    }
}

/// Version 0, no levels, version 0 again, and a description that starts with its type.
fn wants_parameters(prefix: &[u8], _len: u64) -> bool {
    let Some((zeros, rest)) = prefix.split_first_chunk::<16>() else { return false };
    let Some((length, [0x08, kind, 0x10, ..])) = rest.split_first_chunk() else { return false };
    let length = u32::from_le_bytes(*length);
    *zeros == [0; 16] && (4..=DESCRIPTION_BYTES).contains(&length) && data_type(u64::from(*kind)).is_some()
}

fn extract_parameters(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    draft.claim();
    draft.model();
    let mut sums = Sums::default();
    while reader.left() > 0 {
        let at = reader.pos();
        if sums.tensors >= draft.limits.graph_tensors {
            let detail = format!("more than {} tensors", draft.limits.graph_tensors);
            return Err(Stop::limit(IssueCode::CountExceedsLimit, at, detail));
        }
        let head = (reader.u32(ORDER)?, reader.u64(ORDER)?, reader.u32(ORDER)?);
        let length = reader.u32(ORDER)?;
        if head != (0, 0, 0) || length > DESCRIPTION_BYTES {
            let detail = "no tensor where one has to be".to_string();
            return Err(Stop::broken(IssueCode::MalformedHeader, at, detail));
        }
        let start = reader.pos();
        let place = Place { start, end: start.saturating_add(u64::from(length)) };
        let bytes = sums.tensor(place, reader, draft)?;
        let Some(bytes) = bytes else {
            let detail = "the size of a tensor cannot be told".to_string();
            return Err(Stop::broken(IssueCode::UnknownType, at, detail));
        };
        reader.seek(place.end);
        reader.skip(bytes)?;
    }
    sums.conclude(draft);
    Ok(())
}

#[derive(Default)]
struct Sums {
    tensors: u64,
    overflow: bool,
    elements: BTreeMap<&'static str, u64>,
}

impl Sums {
    /// A `TensorDesc`; the bytes of its data.
    fn tensor(
        &mut self,
        place: Place,
        reader: &mut Reader<'_>,
        draft: &mut Draft<'_>,
    ) -> Result<Option<u64>, Stop> {
        self.tensors = self.tensors.saturating_add(1);
        let (mut kind, mut elements) = (u64::MAX, Some(1_u64));
        let mut fields = Fields::of(place);
        while let Some(field) = fields.next(reader, draft)? {
            match (field.number, field.value) {
                (1, Value::Number(number)) => kind = number,
                (2, Value::Number(size)) => elements = elements.and_then(|all| all.checked_mul(size)),
                (2, Value::Bytes(place)) => {
                    reader.seek(place.start);
                    while reader.pos() < place.end {
                        let size = varint(reader)?;
                        elements = elements.and_then(|all| all.checked_mul(size));
                    }
                }
                _ => {}
            }
        }
        let (Some((name, width)), Some(elements)) = (data_type(kind), elements) else {
            self.overflow = true;
            return Ok(None);
        };
        if !matches!(name, "INT64" | "INT32" | "BOOL") {
            let total = self.elements.entry(name).or_default();
            match total.checked_add(elements) {
                Some(sum) => *total = sum,
                None => self.overflow = true,
            }
        }
        Ok(elements.checked_mul(width))
    }

    fn conclude(&self, draft: &mut Draft<'_>) {
        let count = self.elements.values().try_fold(0_u64, |sum, count| sum.checked_add(*count));
        let model = draft.model();
        model.tensor_count = Some(self.tensors);
        model.parameter_count = count.filter(|_| !self.overflow && self.tensors > 0);
        model.dtype =
            self.elements.iter().max_by_key(|(_, count)| **count).map(|(name, _)| (*name).to_string());
    }
}

/// The program of version 3.
pub(super) fn document(
    outline: &Outline,
    _reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
) -> Result<bool, Stop> {
    if outline.text("base_code.magic") != Some("pir") || !outline.has("program") {
        return Ok(false);
    }
    draft.claim_as(FileKind::Paddle);
    draft.model().format_version = outline.shown("base_code.version");
    if let Some(trainable) = outline.shown("base_code.trainable") {
        draft.hyperparameter("trainable", trainable);
    }
    Ok(true)
}

/// `VarType.Type`, of those that are elements: name and bytes.
fn data_type(kind: u64) -> Option<(&'static str, u64)> {
    Some(match kind {
        0 => ("BOOL", 1),
        1 => ("INT16", 2),
        2 => ("INT32", 4),
        3 => ("INT64", 8),
        4 => ("FP16", 2),
        5 => ("FP32", 4),
        6 => ("FP64", 8),
        20 => ("UINT8", 1),
        21 => ("INT8", 1),
        22 => ("BF16", 2),
        23 => ("COMPLEX64", 8),
        24 => ("COMPLEX128", 16),
        _ => return None,
    })
}
