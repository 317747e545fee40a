use core::fmt;

use serde::{Deserialize, Serialize};

use super::{ElfMetadata, Issue, ModelMetadata};

/// Which format a file was recognised as, by its content and never by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// A safetensors file: JSON header, then raw tensors.
    Safetensors,
    /// A GGUF file of llama.cpp and its relatives.
    Gguf,
    /// An ONNX model (protobuf `ModelProto`).
    Onnx,
    /// A program, shared library, object or core file.
    Elf,
    /// The file was looked at and is none of the formats above.
    Other,
}

impl FileKind {
    /// The stable name, the same as in recordings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Safetensors => "safetensors",
            Self::Gguf => "gguf",
            Self::Onnx => "onnx",
            Self::Elf => "elf",
            Self::Other => "other",
        }
    }

    /// Whether a file of this kind is a machine-learning model.
    #[must_use]
    pub fn is_model(self) -> bool {
        match self {
            Self::Safetensors | Self::Gguf | Self::Onnx => true,
            Self::Elf | Self::Other => false,
        }
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The order of the bytes of an integer, as the file states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ByteOrder {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

/// All that one bounded look at one file gave.
///
/// A file that is broken still has an `Extracted`: what could be read, and an [`Issue`] for what could not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Extracted {
    /// The format.
    pub kind: FileKind,
    /// Present for model formats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelMetadata>,
    /// Present for ELF.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elf: Option<ElfMetadata>,
    /// What is wrong with the file or worth a second look, in the order it was met.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issues: Vec<Issue>,
    /// A budget ended before the header did: a missing value here means "not looked at", not "absent".
    #[serde(default)]
    pub truncated: bool,
}

impl Extracted {
    /// Nothing known yet but the format.
    #[must_use]
    pub fn new(kind: FileKind) -> Self {
        Self { kind, model: None, elf: None, issues: Vec::new(), truncated: false }
    }
}
