use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{ByteOrder, FileKind};

/// What part a model file plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelRole {
    /// Weights that answer on their own.
    Model,
    /// Weights that change another model (LoRA and its kin).
    Adapter,
    /// The image or audio front end of another model.
    Projector,
    /// Statistics used when quantising; never loaded for inference.
    ImportanceMatrix,
    /// A vocabulary without weights.
    Vocabulary,
    /// What the parts of a model are and how they are put together; the weights are in other files.
    Configuration,
    /// Turns text into the numbers a model takes, and back.
    Tokenizer,
    /// Rows to learn from, to look up or to ask about.
    Dataset,
    /// Vectors to search for neighbours in.
    VectorIndex,
    /// Text, or a program that makes text, which a model is given.
    Prompt,
    /// Instructions that an agent follows.
    Skill,
    /// Tools and servers that an agent may call.
    ToolConfiguration,
    /// Arrays or objects; the header does not show what for.
    Data,
}

impl ModelRole {
    /// The stable name, the same as in recordings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Adapter => "adapter",
            Self::Projector => "projector",
            Self::ImportanceMatrix => "importance-matrix",
            Self::Vocabulary => "vocabulary",
            Self::Configuration => "configuration",
            Self::Tokenizer => "tokenizer",
            Self::Dataset => "dataset",
            Self::VectorIndex => "vector-index",
            Self::Prompt => "prompt",
            Self::Skill => "skill",
            Self::ToolConfiguration => "tool-configuration",
            Self::Data => "data",
        }
    }

    /// Whether it is a model or changes one. The others are data that is loaded along with it.
    #[must_use]
    pub fn is_model(self) -> bool {
        match self {
            Self::Model | Self::Adapter | Self::Projector | Self::ImportanceMatrix | Self::Vocabulary => true,
            Self::Configuration
            | Self::Tokenizer
            | Self::Dataset
            | Self::VectorIndex
            | Self::Prompt
            | Self::Skill
            | Self::ToolConfiguration
            | Self::Data => false,
        }
    }
}

/// Size and SHA-256 of a text inside the file that is an artifact of its own, such as a chat template.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TextDigest {
    /// Length in bytes.
    pub bytes: u64,
    /// Lower-case hexadecimal SHA-256 of the text as stored.
    pub sha256: String,
}

/// What the header of a model file says.
///
/// `None` means the header does not say it, unless [`Extracted::truncated`](super::Extracted::truncated) is set.
/// Text values come from the file as they are; they are cut to a limit, never interpreted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ModelMetadata {
    /// The file format.
    pub format: FileKind,
    /// Version of the file format: GGUF version, ONNX IR version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format_version: Option<String>,
    /// Byte order of the integers in the file.
    pub byte_order: ByteOrder,
    /// The part this file plays, if the header shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<ModelRole>,
    /// Architecture as the file names it: `qwen2`, `bert`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// Name of the model. Claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Trained parameters, counted from the shapes of the tensors. `None` when the shapes do not tell, as with weights
    /// packed several to an integer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter_count: Option<u64>,
    /// Number of tensors listed in the header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tensor_count: Option<u64>,
    /// Element type that fills most of the bytes, in the format's own spelling: `BF16`, `Q4_K`, `FLOAT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dtype: Option<String>,
    /// Quantisation scheme: `Q4_K_M`, `gptq`, `qdq`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization: Option<String>,
    /// Longest input the model was made for, in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_length: Option<u64>,
    /// Licence, as the file writes it. Claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Author or organisation. Claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Models this one was made from or is an adapter of. Claimed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub base_models: BTreeSet<String>,
    /// Program that wrote the file. Claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producer: Option<String>,
    /// Version of that program. Claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producer_version: Option<String>,
    /// Numbers and switches that shape the model, by the file's own key: `llama.block_count`, `opset.ai.onnx`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hyperparameters: BTreeMap<String, String>,
    /// Free text of the author, by the file's own key: licence, base model, URL. Never proof of anything.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claimed: BTreeMap<String, String>,
    /// Texts inside the file that are artifacts of their own, by the file's own key: chat templates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub templates: BTreeMap<String, TextDigest>,
    /// Other files the header says hold its weights, as written there. Nobody has opened them on its word.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub external_files: BTreeSet<String>,
    /// Names that loading the file would import: what a pickle calls on, `module.name`. Nothing was imported to find out.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub imports: BTreeSet<String>,
}

impl ModelMetadata {
    /// Nothing known yet but the format.
    #[must_use]
    pub fn new(format: FileKind) -> Self {
        Self {
            format,
            format_version: None,
            byte_order: ByteOrder::Little,
            role: None,
            architecture: None,
            name: None,
            parameter_count: None,
            tensor_count: None,
            dtype: None,
            quantization: None,
            context_length: None,
            license: None,
            author: None,
            base_models: BTreeSet::new(),
            producer: None,
            producer_version: None,
            hyperparameters: BTreeMap::new(),
            claimed: BTreeMap::new(),
            templates: BTreeMap::new(),
            external_files: BTreeSet::new(),
            imports: BTreeSet::new(),
        }
    }
}
