//! One file per format, each with an `EXTRACTOR`; beside them the grammars and tables they stand on.

pub(crate) mod elf;
pub(crate) mod gguf;
pub(crate) mod onnx;
pub(crate) mod safetensors;

mod elf_exports;
mod ggml_types;
mod gguf_tensors;
mod json_object;
mod onnx_graph;
mod protobuf;
