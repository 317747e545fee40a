//! Formats of fixed fields, one after the other: vector indexes, CTranslate2, fastText, the formats before GGUF, Parquet,
//! Flax, XGBoost, Lance.

use super::wire::{message, number};

/// 32-bit numbers, least significant byte first.
#[must_use]
pub fn u32s(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn u64s(values: &[u64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// A FAISS index of this kind.
#[must_use]
pub fn faiss(kind: &[u8; 4], dimension: u32, vectors: u64, metric: u32) -> Vec<u8> {
    let mut out = kind.to_vec();
    out.extend(dimension.to_le_bytes());
    out.extend(u64s(&[vectors, 1 << 20, 1 << 20]));
    out.push(1);
    out.extend(metric.to_le_bytes());
    out.resize(out.len() + 64, 0);
    out
}

/// An hnswlib index of `vectors` vectors of `bytes` bytes.
#[must_use]
pub fn hnswlib(vectors: u64, most: u64, m: u64, bytes: u64) -> Vec<u8> {
    let links = m * 2 * 4 + 4;
    let label = links + bytes;
    let mut out = u64s(&[0, most, vectors, label + 8, label, links]);
    out.extend(u32s(&[0, 0]));
    out.extend(u64s(&[m, m * 2, m]));
    out.extend(0.4_f64.to_le_bytes());
    out.extend(200_u64.to_le_bytes());
    out.resize(out.len() + (vectors * (label + 8)) as usize, 0);
    out
}

/// A USearch index: rows of `bytes` bytes, then the header.
#[must_use]
pub fn usearch(rows: u32, bytes: u32, dimension: u64) -> Vec<u8> {
    let mut out = u32s(&[rows, bytes]);
    out.resize(out.len() + (rows * bytes) as usize, 0);
    out.extend(b"usearch\x02\x00\x1a\x00\x06\x00c\x0b\x0e\x0f");
    out.extend(u64s(&[u64::from(rows), 0, dimension]));
    out.resize(out.len() + 64, 0);
    out
}

/// A CTranslate2 model of these variables: name, sizes, type, bytes.
#[must_use]
pub fn ctranslate2(spec: &str, variables: &[(&str, &[u32], u8, usize)]) -> Vec<u8> {
    let name = |text: &str| {
        let mut out = (text.len() as u16 + 1).to_le_bytes().to_vec();
        out.extend(text.as_bytes());
        out.push(0);
        out
    };
    let mut out = u32s(&[6]);
    out.extend(name(spec));
    out.extend(u32s(&[7, variables.len() as u32]));
    for (variable, sizes, kind, bytes) in variables {
        out.extend(name(variable));
        out.push(sizes.len() as u8);
        out.extend(u32s(sizes));
        out.push(*kind);
        out.extend(u32s(&[*bytes as u32]));
        out.resize(out.len() + bytes, 0);
    }
    out.extend(u32s(&[0]));
    out
}

/// A fastText classifier of so many words and labels.
#[must_use]
pub fn fasttext(words: u32, labels: u32) -> Vec<u8> {
    let mut out = u32s(&[793_712_314, 12, 16, 5, 5, 1000, 5, 1, 1, 3, 2_000_000, 2, 4, 100]);
    out.extend(0.0001_f64.to_le_bytes());
    out.extend(u32s(&[words + labels, words, labels]));
    out.extend([0; 16]);
    for at in 0..words + labels {
        out.extend(b"word\0");
        out.extend(1_u64.to_le_bytes());
        out.push(u8::from(at >= words));
    }
    out
}

/// A whisper.cpp model: its numbers are those of `tiny`.
#[must_use]
pub fn whisper() -> Vec<u8> {
    let mut out = b"lmgg".to_vec();
    out.extend(u32s(&[51_865, 1500, 384, 6, 4, 448, 384, 6, 4, 80, 1]));
    out.resize(out.len() + 64, 0);
    out
}

/// A llama.cpp model of a format before GGUF, with this magic and version.
#[must_use]
pub fn ggjt(magic: &[u8; 4], version: u32) -> Vec<u8> {
    let mut out = magic.to_vec();
    out.extend(u32s(&[version, 32_000, 4096, 256, 32, 32, 128, 2]));
    out.resize(out.len() + 64, 0);
    out
}

/// A Parquet file with these columns, in thrift's compact encoding.
#[must_use]
pub fn parquet(columns: &[&str], rows: u64) -> Vec<u8> {
    let text = |text: &str| [compact(text.len() as u64), text.as_bytes().to_vec()].concat();
    // 1 version; 2 schema: the table itself, then the columns.
    let mut footer = vec![0x15, 4, 0x19];
    footer.push(((columns.len() + 1) as u8) << 4 | 0x0c);
    footer.push(0x48);
    footer.extend(text("schema"));
    footer.push(0x15);
    footer.extend(compact(columns.len() as u64 * 2));
    footer.push(0);
    for column in columns {
        // Field 1 type, 3 repetition, 4 name.
        footer.extend([0x15, 12, 0x25, 2, 0x18]);
        footer.extend(text(column));
        footer.push(0);
    }
    // 3 rows; 4 no row groups; 5 one pair; 6 the writer.
    footer.push(0x16);
    footer.extend(compact(rows * 2));
    footer.extend([0x19, 0x0c, 0x19, 0x1c, 0x18]);
    footer.extend(text("huggingface"));
    footer.push(0x18);
    footer.extend(text("{\"info\": {}}"));
    footer.extend([0, 0x18]);
    footer.extend(text("parquet-cpp-arrow version 26.0.1"));
    footer.push(0);
    let mut out = b"PAR1data".to_vec();
    out.extend(&footer);
    out.extend((footer.len() as u32).to_le_bytes());
    out.extend(b"PAR1");
    out
}

/// Seven bits at a time, the low ones first.
fn compact(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 128 {
        out.push((value % 128) as u8 | 128);
        value /= 128;
    }
    out.push(value as u8);
    out
}

/// A Flax checkpoint: `{"params": {"kernel": 4 × 3 floats, "step": 7}}`.
#[must_use]
pub fn flax() -> Vec<u8> {
    let mut array = b"\x93\x92\x04\x03\xa7float32\xc4\x30".to_vec();
    array.resize(array.len() + 48, 0);
    let mut out = b"\x81\xa6params\x82\xa6kernel\xc7".to_vec();
    out.push(array.len() as u8);
    out.push(1);
    out.extend(array);
    out.extend(b"\xa4step\x07");
    out
}

/// An XGBoost model in the form before 1.3.
#[must_use]
pub fn xgboost_binary() -> Vec<u8> {
    let mut out = b"binf".to_vec();
    out.extend(u32s(&[127, 126, 0, 0, 0, 1, 2]));
    out.resize(4 + 136, 0);
    for name in ["binary:logistic", "gbtree"] {
        out.extend((name.len() as u64).to_le_bytes());
        out.extend(name.as_bytes());
    }
    out
}

/// An XGBoost model in UBJSON, with trees whose numbers stand in one run.
#[must_use]
pub fn xgboost_ubjson() -> Vec<u8> {
    let key = |text: &str| {
        let mut out = b"L".to_vec();
        out.extend((text.len() as u64).to_be_bytes());
        out.extend(text.as_bytes());
        out
    };
    let text = |value: &str| [b"S".to_vec(), key(value)].concat();
    let object = |members: &[(&str, Vec<u8>)]| {
        let inner: Vec<u8> =
            members.iter().flat_map(|(name, value)| [key(name), value.clone()].concat()).collect();
        [b"{".to_vec(), inner, b"}".to_vec()].concat()
    };
    let numbers = [b"[$d#L\0\0\0\0\0\0\0\x04".to_vec(), vec![0; 16]].concat();
    let tree = object(&[("base_weights", numbers)]);
    let trees = [b"[#L\0\0\0\0\0\0\0\x01".to_vec(), tree].concat();
    let count = object(&[("num_trees", text("1"))]);
    let booster = object(&[
        ("model", object(&[("gbtree_model_param", count), ("trees", trees)])),
        ("name", text("gbtree")),
    ]);
    let learner = object(&[
        ("gradient_booster", booster),
        ("learner_model_param", object(&[("num_feature", text("4")), ("num_class", text("0"))])),
        ("objective", object(&[("name", text("binary:logistic"))])),
    ]);
    object(&[("learner", learner), ("version", b"[#L\0\0\0\0\0\0\0\x03i\x03i\x02i\x00".to_vec())])
}

/// A Lance file of version 2 with columns of these names; the keys stand among the metadata of its schema.
#[must_use]
pub fn lance(columns: &[&str], keys: &[&str], rows: u64) -> Vec<u8> {
    let mut out = vec![0x48; 64];
    let fields = columns.iter().flat_map(|column| message(1, &message(2, column.as_bytes())));
    let pairs =
        keys.iter().flat_map(|key| message(5, &[message(1, key.as_bytes()), message(2, b"x")].concat()));
    let schema: Vec<u8> = fields.chain(pairs).collect();
    let schema = [message(1, &schema), number(2, rows)].concat();
    let schema_at = out.len() as u64;
    out.extend(&schema);
    // What is said of each column.
    let about = out.len() as u64;
    out.extend(vec![0; 10 * columns.len()]);
    let columns_at = out.len() as u64;
    for column in 0..columns.len() as u64 {
        out.extend((about + 10 * column).to_le_bytes());
        out.extend(10_u64.to_le_bytes());
    }
    let buffers_at = out.len() as u64;
    out.extend(schema_at.to_le_bytes());
    out.extend((schema.len() as u64).to_le_bytes());
    for place in [about, columns_at, buffers_at] {
        out.extend(place.to_le_bytes());
    }
    out.extend(1_u32.to_le_bytes());
    out.extend((columns.len() as u32).to_le_bytes());
    out.extend([2, 0, 1, 0]);
    out.extend(b"LANC");
    out
}

/// A manifest of a Lance table, and a file of its version 1: a message, and where it is.
#[must_use]
pub fn lance_message(about: &[u8]) -> Vec<u8> {
    let mut out = vec![0x0a; 20];
    let at = out.len() as u64;
    out.extend((about.len() as u32).to_le_bytes());
    out.extend(about);
    out.extend(at.to_le_bytes());
    out.extend([0, 0, 2, 0]);
    out.extend(b"LANC");
    out
}
