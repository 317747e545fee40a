//! Formats that are one protobuf message: SentencePiece, Core ML, TensorFlow, PaddlePaddle.

use super::wire::{float, message, number};

/// A SentencePiece model of these pieces; `kind` is `ModelType` (1 unigram, 2 bpe).
#[must_use]
pub fn sentencepiece(pieces: &[&str], kind: u64) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        let mut entry = message(1, piece.as_bytes());
        entry.extend(float(2, -(at as f32)));
        if at == 0 {
            entry.extend(number(3, 2));
        }
        out.extend(message(1, &entry));
    }
    let mut trainer = message(1, b"corpus.txt");
    trainer.extend(number(3, kind));
    trainer.extend(number(4, pieces.len() as u64));
    out.extend(message(2, &trainer));
    out.extend(message(3, &message(1, b"nmt_nfkc")));
    out
}

/// A Core ML model whose kind is field `kind` of the specification (500 neural network, 502 ML program).
#[must_use]
pub fn coreml(kind: u64) -> Vec<u8> {
    let mut metadata = message(1, b"says what it is");
    metadata.extend(message(2, b"1.2"));
    metadata.extend(message(3, b"somebody"));
    metadata.extend(message(4, b"MIT"));
    let mut pair = message(1, b"source");
    pair.extend(message(2, b"torch==2.3"));
    metadata.extend(message(100, &pair));
    let mut description = message(1, &message(1, b"input"));
    description.extend(message(100, &metadata));
    let mut out = number(1, 7);
    out.extend(message(2, &description));
    out.extend(message(kind, b"\x08\x01"));
    out
}

/// A `Const` node of type `kind` (1 float, 3 int32) with these sizes.
#[must_use]
pub fn tensorflow_const(name: &str, kind: u64, sizes: &[u64]) -> Vec<u8> {
    let mut shape = Vec::new();
    for size in sizes {
        shape.extend(message(2, &number(1, *size)));
    }
    let mut tensor = number(1, kind);
    tensor.extend(message(2, &shape));
    let mut attribute = message(1, b"value");
    attribute.extend(message(2, &message(8, &tensor)));
    let mut node = tensorflow_node(name, "Const");
    node.extend(message(5, &attribute));
    node
}

/// A node without attributes.
#[must_use]
pub fn tensorflow_node(name: &str, operator: &str) -> Vec<u8> {
    let mut node = message(1, name.as_bytes());
    node.extend(message(2, operator.as_bytes()));
    node
}

/// A graph of these nodes.
#[must_use]
pub fn tensorflow_graph(nodes: &[Vec<u8>]) -> Vec<u8> {
    let mut out: Vec<u8> = nodes.iter().flat_map(|node| message(1, node)).collect();
    out.extend(message(4, &number(1, 1395)));
    out
}

/// A SavedModel around a graph.
#[must_use]
pub fn saved_model(graph: &[u8]) -> Vec<u8> {
    let mut info = message(2, &message(1, &message(1, b"AddV2")));
    info.extend(message(4, b"serve"));
    info.extend(message(5, b"2.16.1"));
    let mut meta = message(1, &info);
    meta.extend(message(2, graph));
    meta.extend(message(5, &message(1, b"serving_default")));
    let mut out = number(1, 1);
    out.extend(message(2, &meta));
    out
}

/// A `TensorDesc` of PaddlePaddle: type (5 is FP32) and sizes.
#[must_use]
pub fn paddle_tensor(kind: u64, sizes: &[u64]) -> Vec<u8> {
    let mut out = number(1, kind);
    out.extend(sizes.iter().flat_map(|size| number(2, *size)));
    out
}

/// A program of one block with these persistent variables and one operator.
#[must_use]
pub fn paddle_program(weights: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut block = number(1, 0);
    block.extend(number(2, u64::MAX));
    for (name, tensor) in weights {
        let mut kind = number(1, 7);
        kind.extend(message(3, &message(1, tensor)));
        let mut variable = message(1, name.as_bytes());
        variable.extend(message(2, &kind));
        variable.extend(number(3, 1));
        block.extend(message(3, &variable));
    }
    block.extend(message(4, &message(3, b"matmul_v2")));
    let mut out = message(1, &block);
    out.extend(message(4, &number(1, 2_006_000)));
    out
}

/// The tensors of a PaddlePaddle model, each a description and as many bytes of data.
#[must_use]
pub fn paddle_parameters(tensors: &[(Vec<u8>, usize)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (description, bytes) in tensors {
        out.extend([0; 16]);
        out.extend((description.len() as u32).to_le_bytes());
        out.extend(description);
        out.resize(out.len() + bytes, 0);
    }
    out
}
