use core::fmt;

use serde::{Deserialize, Serialize};

use super::{CodeMetadata, ElfMetadata, Issue, ModelMetadata};

/// Which format a file was recognised as, by its content and never by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// A safetensors file: JSON header, then raw tensors.
    Safetensors,
    /// The index of a model sharded over several weight files (`*.index.json`).
    WeightsIndex,
    /// A GGUF file of llama.cpp and its relatives.
    Gguf,
    /// The formats before GGUF: ggml, ggmf, ggjt, ggla; whisper.cpp still writes the first.
    Ggml,
    /// A program with GGUF files in a zip archive at its end.
    Llamafile,
    /// An ONNX model (protobuf `ModelProto`).
    Onnx,
    /// A model in ONNX Runtime's own format (flatbuffer `ORTM`).
    OnnxRuntime,
    /// A zip archive written by `torch.save`.
    Pytorch,
    /// A series of pickles and raw storages written by `torch.save` before 1.6.
    PytorchLegacy,
    /// A zip archive written by `torch.jit.save` or for the lite interpreter.
    Torchscript,
    /// An exported program (`.pt2`).
    TorchExport,
    /// A model archive of TorchServe.
    TorchserveArchive,
    /// A Python pickle of no more special kind.
    Pickle,
    /// A pickle with raw arrays in it, written by joblib.
    Joblib,
    /// A zip archive written by skops.
    Skops,
    /// TensorFlow `SavedModel` (`saved_model.pb`).
    TfSavedModel,
    /// TensorFlow `GraphDef`.
    TfGraph,
    /// A TensorFlow Lite (LiteRT) flatbuffer.
    Tflite,
    /// A Keras 3 archive (`.keras`).
    Keras,
    /// An HDF5 file written by Keras.
    KerasHdf5,
    /// An HDF5 file that does not say it is a model.
    Hdf5,
    /// A TensorRT engine, made for one device.
    Tensorrt,
    /// OpenVINO's XML description of a network; the weights stand beside it.
    Openvino,
    /// A Core ML model (protobuf `Model`).
    Coreml,
    /// The manifest of a Core ML package.
    CoremlPackage,
    /// An ExecuTorch program (flatbuffer `ET12`).
    Executorch,
    /// One NumPy array.
    Npy,
    /// A zip archive of NumPy arrays.
    Npz,
    /// A PaddlePaddle program (protobuf `ProgramDesc`, or JSON).
    Paddle,
    /// The tensors of a PaddlePaddle model (`.pdiparams`).
    PaddleParameters,
    /// The layers of an ncnn model (`.param`, text or binary).
    Ncnn,
    /// An MNN flatbuffer.
    Mnn,
    /// An XGBoost model: JSON, UBJSON or the old binary form.
    Xgboost,
    /// A LightGBM model in text form.
    Lightgbm,
    /// A CatBoost model (`CBM1`).
    Catboost,
    /// CTranslate2's `model.bin`.
    Ctranslate2,
    /// A fastText model.
    Fasttext,
    /// The `meta.json` or `config.cfg` of a spaCy pipeline.
    Spacy,
    /// A SentencePiece model (protobuf `ModelProto`).
    Sentencepiece,
    /// A `tokenizer.json` of Hugging Face tokenizers.
    TokenizerJson,
    /// A `tokenizer_config.json` of transformers.
    TokenizerConfig,
    /// Byte-pair ranks, one token in base64 and its rank on each line.
    Tiktoken,
    /// A `config.json` of transformers or diffusers.
    ModelConfig,
    /// An `adapter_config.json` of PEFT.
    AdapterConfig,
    /// A README with the front matter of a model or data set card.
    ModelCard,
    /// A chat template in a file of its own.
    ChatTemplate,
    /// A FAISS index.
    Faiss,
    /// An hnswlib index.
    Hnswlib,
    /// Columns, vector indexes and tables of Lance.
    Lance,
    /// A USearch index.
    Usearch,
    /// The database of a Chroma vector store.
    Chroma,
    /// The index of a TensorFlow checkpoint.
    TfCheckpoint,
    /// A tar archive of NVIDIA NeMo.
    Nemo,
    /// An Apache Parquet table.
    Parquet,
    /// Apache Arrow IPC, as a file or a stream.
    Arrow,
    /// Arrays of Flax in MessagePack.
    FlaxMsgpack,
    /// A SKILL.md: instructions for an agent.
    Skill,
    /// A list of MCP servers.
    McpConfig,
    /// A program, shared library, object or core file.
    Elf,
    /// A file whose first line names the program that is to run it.
    Script,
    /// An archive or compressed file that is no model: jars, zipapps, tarballs.
    Archive,
    /// The file was looked at and is none of the formats above.
    Other,
}

impl FileKind {
    /// Every kind.
    pub const ALL: &[Self] = &[
        Self::Safetensors,
        Self::WeightsIndex,
        Self::Gguf,
        Self::Ggml,
        Self::Llamafile,
        Self::Onnx,
        Self::OnnxRuntime,
        Self::Pytorch,
        Self::PytorchLegacy,
        Self::Torchscript,
        Self::TorchExport,
        Self::TorchserveArchive,
        Self::Pickle,
        Self::Joblib,
        Self::Skops,
        Self::TfSavedModel,
        Self::TfGraph,
        Self::Tflite,
        Self::Keras,
        Self::KerasHdf5,
        Self::Hdf5,
        Self::Tensorrt,
        Self::Openvino,
        Self::Coreml,
        Self::CoremlPackage,
        Self::Executorch,
        Self::Npy,
        Self::Npz,
        Self::Paddle,
        Self::PaddleParameters,
        Self::Ncnn,
        Self::Mnn,
        Self::Xgboost,
        Self::Lightgbm,
        Self::Catboost,
        Self::Ctranslate2,
        Self::Fasttext,
        Self::Spacy,
        Self::Sentencepiece,
        Self::TokenizerJson,
        Self::TokenizerConfig,
        Self::Tiktoken,
        Self::ModelConfig,
        Self::AdapterConfig,
        Self::ModelCard,
        Self::ChatTemplate,
        Self::Faiss,
        Self::Hnswlib,
        Self::Lance,
        Self::Usearch,
        Self::Chroma,
        Self::TfCheckpoint,
        Self::Nemo,
        Self::Parquet,
        Self::Arrow,
        Self::FlaxMsgpack,
        Self::Skill,
        Self::McpConfig,
        Self::Elf,
        Self::Script,
        Self::Archive,
        Self::Other,
    ];

    /// The stable name, the same as in recordings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Safetensors => "safetensors",
            Self::WeightsIndex => "weights-index",
            Self::Gguf => "gguf",
            Self::Ggml => "ggml",
            Self::Llamafile => "llamafile",
            Self::Onnx => "onnx",
            Self::OnnxRuntime => "onnx-runtime",
            Self::Pytorch => "pytorch",
            Self::PytorchLegacy => "pytorch-legacy",
            Self::Torchscript => "torchscript",
            Self::TorchExport => "torch-export",
            Self::TorchserveArchive => "torchserve-archive",
            Self::Pickle => "pickle",
            Self::Joblib => "joblib",
            Self::Skops => "skops",
            Self::TfSavedModel => "tf-saved-model",
            Self::TfGraph => "tf-graph",
            Self::Tflite => "tflite",
            Self::Keras => "keras",
            Self::KerasHdf5 => "keras-hdf5",
            Self::Hdf5 => "hdf5",
            Self::Tensorrt => "tensorrt",
            Self::Openvino => "openvino",
            Self::Coreml => "coreml",
            Self::CoremlPackage => "coreml-package",
            Self::Executorch => "executorch",
            Self::Npy => "npy",
            Self::Npz => "npz",
            Self::Paddle => "paddle",
            Self::PaddleParameters => "paddle-parameters",
            Self::Ncnn => "ncnn",
            Self::Mnn => "mnn",
            Self::Xgboost => "xgboost",
            Self::Lightgbm => "lightgbm",
            Self::Catboost => "catboost",
            Self::Ctranslate2 => "ctranslate2",
            Self::Fasttext => "fasttext",
            Self::Spacy => "spacy",
            Self::Sentencepiece => "sentencepiece",
            Self::TokenizerJson => "tokenizer-json",
            Self::TokenizerConfig => "tokenizer-config",
            Self::Tiktoken => "tiktoken",
            Self::ModelConfig => "model-config",
            Self::AdapterConfig => "adapter-config",
            Self::ModelCard => "model-card",
            Self::ChatTemplate => "chat-template",
            Self::Faiss => "faiss",
            Self::Hnswlib => "hnswlib",
            Self::Lance => "lance",
            Self::Usearch => "usearch",
            Self::Chroma => "chroma",
            Self::TfCheckpoint => "tf-checkpoint",
            Self::Nemo => "nemo",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
            Self::FlaxMsgpack => "flax-msgpack",
            Self::Skill => "skill",
            Self::McpConfig => "mcp-config",
            Self::Elf => "elf",
            Self::Script => "script",
            Self::Archive => "archive",
            Self::Other => "other",
        }
    }

    /// Whether a file of this kind is read as [`ModelMetadata`]: a model or what is loaded along with one. What part it
    /// plays is its [role](super::ModelRole).
    #[must_use]
    pub fn is_model(self) -> bool {
        !matches!(self, Self::Elf | Self::Script | Self::Archive | Self::Other)
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
    /// Present for programs, scripts and archives that say what code is in them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Box<CodeMetadata>>,
    /// What is wrong with the file or worth a second look, in the order it was met.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issues: Vec<Issue>,
    /// A budget ended before the header did: a missing value here means "not looked at", not "absent".
    #[serde(default)]
    pub truncated: bool,
}

impl Extracted {
    /// Whether the file can become a component of its own. An archive of which nothing is known but that it is one is
    /// counted as a gap, and neither hashed nor looked up.
    #[must_use]
    pub fn is_telling(&self) -> bool {
        let code = self.code.as_ref();
        self.kind != FileKind::Archive
            || code.is_some_and(|code| !code.languages.is_empty() || !code.packages.is_empty())
    }

    /// Nothing known yet but the format.
    #[must_use]
    pub fn new(kind: FileKind) -> Self {
        Self { kind, model: None, elf: None, code: None, issues: Vec::new(), truncated: false }
    }
}
