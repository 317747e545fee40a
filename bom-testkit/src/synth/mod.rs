//! Files of the formats that `bom-extract` reads, made to order.
//!
//! Each builder starts as a small, complete and valid file; a test adds to it, takes away from it or makes it lie.
//! The builders are written from the format specifications and share no constant, type or table with the parsers: a
//! layout understood wrongly in both places would have to be misunderstood twice.

mod elf;
mod elf_symbols;
mod gguf;
mod onnx;
mod safetensors;

pub use elf::{Elf, elf};
pub use gguf::{Gguf, gguf};
pub use onnx::{Onnx, onnx};
pub use safetensors::{Safetensors, safetensors};
