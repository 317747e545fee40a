//! What the extractors make of valid, broken and hostile files. One row per file; see `check` for the notation.

mod budget;
mod check;
mod code;
mod containers;
mod documents;
mod elf;
mod gguf;
mod laws;
mod messages;
mod onnx;
mod pickled;
mod rpm;
mod safetensors;
mod seeds;
mod tables;
