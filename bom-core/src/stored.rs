//! What a store of models wrote down about one of its files: the name it was fetched under, the revision, a digest.
//!
//! All of it is the word of whoever filled the store, which may be the observed party. It saves reading the file only
//! where a digest is asked for that the store recorded, and the document then says so.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::input::Reason;

/// Which layout the file lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Store {
    /// The cache of `huggingface_hub`, and of what shares it: llama.cpp, vLLM, TGI, NIM.
    HuggingfaceCache,
    /// A folder that `huggingface_hub` downloaded into, with its notes beside it.
    HuggingfaceFolder,
    /// Ollama's manifests and blobs.
    Ollama,
    /// An OCI image layout: KitOps, model images on disk.
    OciLayout,
    /// A folder with an `MLmodel` file.
    Mlflow,
    /// A model repository of Triton Inference Server.
    Triton,
    /// A model of BentoML.
    Bentoml,
    /// The folder where KServe mounts what it serves.
    Kserve,
    /// The models of LM Studio.
    LmStudio,
    /// The cache of ModelScope.
    Modelscope,
    /// The cache of `kagglehub`.
    Kagglehub,
    /// `torch.hub`: checkpoints and repositories.
    TorchHub,
    /// The cache of older versions of sentence-transformers.
    SentenceTransformers,
    /// The checkpoints of openai-whisper.
    Whisper,
    /// The downloads of Keras.
    KerasCache,
    /// The models of GPT4All.
    Gpt4all,
    /// The models of Jan.
    Jan,
}

impl Store {
    /// Every store.
    pub const ALL: &[Self] = &[
        Self::HuggingfaceCache,
        Self::HuggingfaceFolder,
        Self::Ollama,
        Self::OciLayout,
        Self::Mlflow,
        Self::Triton,
        Self::Bentoml,
        Self::Kserve,
        Self::LmStudio,
        Self::Modelscope,
        Self::Kagglehub,
        Self::TorchHub,
        Self::SentenceTransformers,
        Self::Whisper,
        Self::KerasCache,
        Self::Gpt4all,
        Self::Jan,
    ];

    /// The stable name, the same as in recordings and documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HuggingfaceCache => "huggingface-cache",
            Self::HuggingfaceFolder => "huggingface-folder",
            Self::Ollama => "ollama",
            Self::OciLayout => "oci-layout",
            Self::Mlflow => "mlflow",
            Self::Triton => "triton",
            Self::Bentoml => "bentoml",
            Self::Kserve => "kserve",
            Self::LmStudio => "lm-studio",
            Self::Modelscope => "modelscope",
            Self::Kagglehub => "kagglehub",
            Self::TorchHub => "torch-hub",
            Self::SentenceTransformers => "sentence-transformers",
            Self::Whisper => "whisper",
            Self::KerasCache => "keras-cache",
            Self::Gpt4all => "gpt4all",
            Self::Jan => "jan",
        }
    }
}

/// How a name came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// A file or a link of the store says so.
    Record,
    /// Only the folders it lies in are called so.
    Path,
}

/// What kind of repository it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Repository {
    Model,
    Dataset,
    Space,
    /// Compiled kernels.
    Kernel,
}

impl Repository {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Dataset => "dataset",
            Self::Space => "space",
            Self::Kernel => "kernel",
        }
    }
}

/// A digest that stands in a store. Not every one is of the content as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoredDigest {
    /// SHA-256 of the content, lower-case hex.
    Sha256(String),
    /// SHA-1 of git's blob: a header, then the content. Not SHA-1 of the content.
    GitBlobSha1(String),
    /// The first digits of a SHA-256 of the content.
    Sha256Prefix(String),
}

impl StoredDigest {
    pub const fn algorithm(&self) -> &'static str {
        match self {
            Self::Sha256(_) => "sha256",
            Self::GitBlobSha1(_) => "git-blob-sha1",
            Self::Sha256Prefix(_) => "sha256-prefix",
        }
    }

    pub fn hex(&self) -> &str {
        match self {
            Self::Sha256(hex) | Self::GitBlobSha1(hex) | Self::Sha256Prefix(hex) => hex,
        }
    }

    /// Whether a SHA-256 of the content agrees; `None` where the two cannot be compared.
    pub fn agrees(&self, sha256: &str) -> Option<bool> {
        match self {
            Self::Sha256(hex) => Some(hex == sha256),
            Self::Sha256Prefix(hex) => Some(sha256.starts_with(hex.as_str())),
            Self::GitBlobSha1(_) => None,
        }
    }
}

/// One name of one file in one store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stored {
    pub store: Store,
    pub basis: Basis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<Repository>,
    /// `org/name`, `registry.ollama.ai/library/llama3`; `None` where the store does not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What does not move: a commit, the digest of a manifest, a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// What points at the revision and may move: branches, tags.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub references: BTreeSet<String>,
    /// Where it is in the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The type the manifest gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<StoredDigest>,
}

impl Stored {
    pub const fn new(store: Store, basis: Basis) -> Self {
        Self {
            store,
            basis,
            repository: None,
            name: None,
            revision: None,
            references: BTreeSet::new(),
            file: None,
            media: None,
            digest: None,
        }
    }
}

/// Everything stores say of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origins {
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub stored: BTreeSet<Stored>,
    /// Why there may be more names than these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial: Option<Reason>,
}

impl Origins {
    /// The SHA-256 of the content that stores recorded: one, or none. Two that differ are no digest.
    pub fn sha256(&self) -> Option<&str> {
        sha256(&self.stored)
    }
}

/// See [`Origins::sha256`].
pub fn sha256(stored: &BTreeSet<Stored>) -> Option<&str> {
    let digests: BTreeSet<&str> = stored
        .iter()
        .filter_map(|stored| match &stored.digest {
            Some(StoredDigest::Sha256(hex)) => Some(hex.as_str()),
            Some(StoredDigest::GitBlobSha1(_) | StoredDigest::Sha256Prefix(_)) | None => None,
        })
        .collect();
    if digests.len() == 1 { digests.first().copied() } else { None }
}
