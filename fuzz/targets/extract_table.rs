#![no_main]

mod door;

use bom_extract::FileKind;
use libfuzzer_sys::{Corpus, fuzz_target};

const KINDS: &[FileKind] = &[
    FileKind::Faiss,
    FileKind::TfCheckpoint,
    FileKind::Nemo,
    FileKind::Chroma,
    FileKind::Hnswlib,
    FileKind::Lance,
    FileKind::Usearch,
    FileKind::Ctranslate2,
    FileKind::Fasttext,
    FileKind::Ggml,
    FileKind::Parquet,
    FileKind::FlaxMsgpack,
    FileKind::Xgboost,
    FileKind::PaddleParameters,
    FileKind::Npy,
    FileKind::Tensorrt,
    FileKind::Ncnn,
];

fuzz_target!(|bytes: &[u8]| -> Corpus { door::survive(KINDS, bytes) });
