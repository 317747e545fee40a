//! FlatBuffers, and the formats that are one: TensorFlow Lite, ExecuTorch, ONNX Runtime, MNN, CatBoost, Arrow.

/// A field of a table.
#[derive(Clone, Debug)]
pub enum Slot {
    None,
    U8(u8),
    U32(u32),
    U64(u64),
    Text(String),
    Bytes(Vec<u8>),
    U32s(Vec<u32>),
    Texts(Vec<String>),
    Table(Vec<Slot>),
    Tables(Vec<Vec<Slot>>),
}

/// A flatbuffer with this root table and, if four letters are given, this identifier.
#[must_use]
pub fn flatbuffer(identifier: &[u8], root: &[Slot]) -> Vec<u8> {
    let mut out = vec![0; 4];
    out.extend_from_slice(identifier);
    let place = table(&mut out, root);
    out[..4].copy_from_slice(&(place as u32).to_le_bytes());
    out
}

/// Writes the field list, then the table, then what the table points to; where the table is.
fn table(out: &mut Vec<u8>, slots: &[Slot]) -> usize {
    out.resize(out.len().next_multiple_of(8), 0);
    let fields = out.len();
    let width = |slot: &Slot| match slot {
        Slot::None => 0,
        Slot::U64(_) => 8,
        Slot::U8(_)
        | Slot::U32(_)
        | Slot::Text(_)
        | Slot::Bytes(_)
        | Slot::U32s(_)
        | Slot::Texts(_)
        | Slot::Table(_)
        | Slot::Tables(_) => 4,
    };
    // The table: the way back, then the fields, wide ones aligned.
    let mut offsets = Vec::new();
    let mut size = 4_usize;
    for slot in slots {
        let bytes: usize = width(slot);
        if bytes == 0 {
            offsets.push(0);
            continue;
        }
        size = size.next_multiple_of(bytes);
        offsets.push(size);
        size += bytes;
    }
    let field_bytes = 4 + 2 * slots.len();
    out.extend((field_bytes as u16).to_le_bytes());
    out.extend((size as u16).to_le_bytes());
    for offset in &offsets {
        out.extend((*offset as u16).to_le_bytes());
    }
    out.resize(out.len().next_multiple_of(8), 0);
    let start = out.len();
    out.resize(start + size, 0);
    put(out, start, (start - fields) as u32);
    for (slot, offset) in slots.iter().zip(offsets) {
        let at = start + offset;
        match slot {
            Slot::None => {}
            Slot::U8(value) => out[at] = *value,
            Slot::U32(value) => put(out, at, *value),
            Slot::U64(value) => out[at..at + 8].copy_from_slice(&value.to_le_bytes()),
            Slot::Text(_)
            | Slot::Bytes(_)
            | Slot::U32s(_)
            | Slot::Texts(_)
            | Slot::Table(_)
            | Slot::Tables(_) => {
                let place = thing(out, slot);
                put(out, at, (place - at) as u32);
            }
        }
    }
    start
}

/// Writes something that a field points to.
fn thing(out: &mut Vec<u8>, slot: &Slot) -> usize {
    if let Slot::Table(slots) = slot {
        return table(out, slots);
    }
    out.resize(out.len().next_multiple_of(4), 0);
    let start = out.len();
    match slot {
        Slot::Text(text) => {
            out.extend((text.len() as u32).to_le_bytes());
            out.extend(text.as_bytes());
            out.push(0);
        }
        Slot::Bytes(bytes) => {
            out.extend((bytes.len() as u32).to_le_bytes());
            out.extend(bytes);
        }
        Slot::U32s(values) => {
            out.extend((values.len() as u32).to_le_bytes());
            out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        }
        Slot::Texts(texts) => {
            let slots: Vec<Slot> = texts.iter().cloned().map(Slot::Text).collect();
            list(out, &slots);
        }
        Slot::Tables(tables) => {
            let slots: Vec<Slot> = tables.iter().cloned().map(Slot::Table).collect();
            list(out, &slots);
        }
        Slot::None | Slot::U8(_) | Slot::U32(_) | Slot::U64(_) | Slot::Table(_) => {}
    }
    start
}

fn list(out: &mut Vec<u8>, slots: &[Slot]) {
    out.extend((slots.len() as u32).to_le_bytes());
    let start = out.len();
    out.resize(start + 4 * slots.len(), 0);
    for (index, slot) in slots.iter().enumerate() {
        let at = start + 4 * index;
        let place = thing(out, slot);
        put(out, at, (place - at) as u32);
    }
}

fn put(out: &mut [u8], at: usize, value: u32) {
    out[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

fn text(text: &str) -> Slot {
    Slot::Text(text.to_owned())
}

/// A TensorFlow Lite model: one float weight of 3 × 4, one int8 weight of 2 × 5 with a scale, an input without data; with
/// these custom operators, and a description by its author.
#[must_use]
pub fn tflite(custom: &[&str]) -> Vec<u8> {
    use Slot::{Bytes, None, Table, Tables, U8, U32, U32s};
    let operator = |name: &&str| vec![U8(32), text(name)];
    let mut operators = vec![vec![U8(9)]];
    operators.extend(custom.iter().map(operator));
    let quantization = Table(vec![None, None, U32s(vec![1_065_353_216])]);
    let tensors = vec![
        vec![U32s(vec![1, 3]), U8(0), U32(0), text("input")],
        vec![U32s(vec![3, 4]), U8(0), U32(1), text("weight")],
        vec![U32s(vec![2, 5]), U8(9), U32(2), text("quantized"), quantization],
        vec![U32s(vec![2]), U8(2), U32(3), text("shape")],
    ];
    let author = flatbuffer(
        b"M001",
        &[text("Corpus"), text("A model"), text("v1"), None, text("somebody"), text("Apache-2.0")],
    );
    let buffers = vec![
        vec![],
        vec![Bytes(vec![0; 48])],
        vec![Bytes(vec![0; 10])],
        vec![Bytes(vec![0; 8])],
        vec![Bytes(b"2.2.0\0\0\0\0\0\0\0\0\0\0\0".to_vec())],
        vec![Bytes(author)],
    ];
    let metadata = vec![vec![text("min_runtime_version"), U32(4)], vec![text("TFLITE_METADATA"), U32(5)]];
    flatbuffer(
        b"TFL3",
        &[
            U32(3),
            Tables(operators),
            Tables(vec![vec![Tables(tensors), None, None, None, text("main")]]),
            text("Converted."),
            Tables(buffers),
            None,
            Tables(metadata),
        ],
    )
}

/// An ExecuTorch program with one method and one delegate.
#[must_use]
pub fn executorch() -> Vec<u8> {
    let plan = vec![
        text("forward"),
        Slot::None,
        Slot::None,
        Slot::None,
        Slot::None,
        Slot::None,
        Slot::Tables(vec![vec![text("aten::add")]]),
        Slot::Tables(vec![vec![text("XnnpackBackend")]]),
    ];
    flatbuffer(b"ET12", &[Slot::U32(0), Slot::Tables(vec![plan])])
}

/// A model in ONNX Runtime's own format.
#[must_use]
pub fn onnx_runtime() -> Vec<u8> {
    let model = vec![
        Slot::U64(9),
        Slot::None,
        text("pytorch"),
        text("2.4"),
        text("org.example"),
        Slot::None,
        text("A model"),
        Slot::None,
        Slot::None,
        Slot::Tables(vec![vec![text("owner"), text("somebody")]]),
    ];
    flatbuffer(b"ORTM", &[text("6"), Slot::Table(model)])
}

/// An MNN network with these operators and tensors.
#[must_use]
pub fn mnn(operators: &[&str], tensors: &[&str]) -> Vec<u8> {
    let operator =
        |name: &&str| vec![Slot::None, Slot::None, Slot::None, text(name), Slot::None, Slot::U32(7)];
    flatbuffer(
        b"",
        &[
            text("corpus"),
            Slot::None,
            Slot::None,
            Slot::Tables(operators.iter().map(operator).collect()),
            Slot::None,
            Slot::None,
            Slot::U8(4),
            Slot::Texts(tensors.iter().map(|name| (*name).to_owned()).collect()),
            Slot::None,
            Slot::None,
            Slot::None,
            text("0000-uuid"),
        ],
    )
}

/// A CatBoost model of `trees` trees.
#[must_use]
pub fn catboost(trees: usize) -> Vec<u8> {
    let body = vec![
        Slot::U32(1),
        Slot::None,
        Slot::U32s(vec![2; trees]),
        Slot::None,
        Slot::None,
        Slot::Tables(vec![vec![]; 3]),
    ];
    let version = "Git info:\n    Commit: 0\n    Branch: tags/v1.2.10\n";
    let pairs = [("model_guid", "0-1-2"), ("params", "{}"), ("catboost_version_info", version)];
    let core = flatbuffer(
        b"",
        &[
            text("FlabuffersModel_v1"),
            Slot::Table(body),
            Slot::Tables(pairs.iter().map(|(key, value)| vec![text(key), text(value)]).collect()),
        ],
    );
    let mut out = b"CBM1".to_vec();
    out.extend((core.len() as u32).to_le_bytes());
    out.extend(core);
    out
}

/// An Arrow stream, or a file, with these columns.
#[must_use]
pub fn arrow(columns: &[&str], file: bool) -> Vec<u8> {
    let fields = columns.iter().map(|name| vec![text(name)]).collect();
    let pair = vec![text("huggingface"), text("{\"info\": {}}")];
    let schema = vec![Slot::None, Slot::Tables(fields), Slot::Tables(vec![pair])];
    let message = flatbuffer(b"", &[Slot::None, Slot::U8(1), Slot::Table(schema)]);
    let padded = message.len().next_multiple_of(8);
    let mut out = if file { b"ARROW1\0\0".to_vec() } else { Vec::new() };
    out.extend([0xff; 4]);
    out.extend((padded as u32).to_le_bytes());
    out.extend(&message);
    out.resize(out.len() + padded - message.len(), 0);
    out.extend([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    out
}
