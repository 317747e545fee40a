//! Files of the formats that `bom-extract` reads, made to order.
//!
//! Each builder starts as a small, complete and valid file; a test adds to it, takes away from it or makes it lie.
//! The builders are written from the format specifications and share no constant, type or table with the parsers: a
//! layout understood wrongly in both places would have to be misunderstood twice.

mod archives;
mod built;
mod elf;
mod elf_symbols;
mod flatbuffer;
mod gguf;
mod hdf5;
mod messages;
mod numpy;
mod onnx;
mod pickle;
mod rpm;
mod safetensors;
mod sqlite;
mod tables;
mod wire;
mod zip;

pub use archives::{gzip, sqlite_schema, tar, tf_checkpoint};
pub use built::{Built, built, go_modules};
pub use elf::{Elf, elf};
pub use flatbuffer::{Slot, arrow, catboost, executorch, flatbuffer, mnn, onnx_runtime, tflite};
pub use gguf::{Gguf, gguf};
pub use hdf5::{Node, Text, hdf5, hdf5_group, hdf5_root};
pub use messages::{
    coreml, paddle_parameters, paddle_program, paddle_tensor, saved_model, sentencepiece, tensorflow_const,
    tensorflow_graph, tensorflow_node,
};
pub use numpy::{npy, npy_header};
pub use onnx::{Onnx, onnx};
pub use pickle::{Pickle, joblib, pickle, torch_legacy, torch_zip};
pub use rpm::{rpm_berkeley, rpm_header, rpm_ndb};
pub use safetensors::{Safetensors, safetensors};
pub use sqlite::sqlite;
pub use tables::{
    ctranslate2, faiss, fasttext, flax, ggjt, hnswlib, lance, lance_message, parquet, u32s, usearch, whisper,
    xgboost_binary, xgboost_ubjson,
};
pub use wire::{message, number, varint};
pub use zip::{Zip, zip};
