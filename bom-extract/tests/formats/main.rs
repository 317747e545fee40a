//! What the extractors make of valid, broken and hostile files. One row per file; see `check` for the notation.

mod budget;
mod check;
mod elf;
mod gguf;
mod laws;
mod onnx;
mod safetensors;
