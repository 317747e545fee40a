//! Data table: environment variables and arguments that name models, endpoints and providers.
//!
//! docs/declared.md is made from it. A name is matched exactly; the rules for all others stand at the end of
//! `docs/declared.md`.

/// What a value says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// A model: a path, a repository, or a name.
    Model,
    /// A model that is loaded here, never one behind an address.
    LocalModel,
    /// Where a model is stored (KServe); another address is somebody to call.
    Storage,
    /// The revision of the model beside it.
    Revision,
    /// The quantisation of the model beside it.
    Quantization,
    /// Another name of the model beside it.
    ModelName,
    /// A file within the repository of the model beside it.
    ModelFile,
    /// An adapter: a path or a repository, `NAME=PATH` allowed.
    Adapter,
    /// A tokenizer.
    Tokenizer,
    /// A data set.
    Dataset,
    /// A prompt, a skill or another file that is loaded along.
    Data,
    /// Somebody who is called, as a URL or as host and port.
    Endpoint,
    /// A port if the value has none.
    EndpointAt(u16),
    /// A secret that a provider gives out; implies its usual host.
    KeyOf(&'static str),
    /// A proxy: what is behind it is not known.
    Proxy,
    /// Files of settings that the input may hold.
    Config,
}

/// Environment variables.
pub const ENVIRONMENT: &[(&str, Says)] = &[
    ("ALL_PROXY", Says::Proxy),
    ("ANTHROPIC_API_KEY", Says::KeyOf("api.anthropic.com")),
    ("ANTHROPIC_BASE_URL", Says::Endpoint),
    ("ANTHROPIC_MODEL", Says::Model),
    ("AZURE_OPENAI_DEPLOYMENT", Says::Model),
    ("AZURE_OPENAI_ENDPOINT", Says::Endpoint),
    ("CHROMA_HOST", Says::EndpointAt(8000)),
    ("COHERE_API_KEY", Says::KeyOf("api.cohere.com")),
    ("CO_API_KEY", Says::KeyOf("api.cohere.com")),
    ("CO_API_URL", Says::Endpoint),
    ("DEEPSEEK_API_KEY", Says::KeyOf("api.deepseek.com")),
    ("EMBEDDING_MODEL", Says::Model),
    ("EMBEDDING_MODEL_NAME", Says::Model),
    ("FIREWORKS_API_KEY", Says::KeyOf("api.fireworks.ai")),
    ("GEMINI_API_KEY", Says::KeyOf("generativelanguage.googleapis.com")),
    ("GOOGLE_API_KEY", Says::KeyOf("generativelanguage.googleapis.com")),
    ("GOOGLE_GEMINI_BASE_URL", Says::Endpoint),
    ("GROQ_API_KEY", Says::KeyOf("api.groq.com")),
    ("HF_ENDPOINT", Says::Endpoint),
    ("HF_MODEL_ID", Says::LocalModel),
    ("HF_MODEL_REVISION", Says::Revision),
    ("HF_TOKEN", Says::KeyOf("huggingface.co")),
    ("HTTPS_PROXY", Says::Proxy),
    ("HTTP_PROXY", Says::Proxy),
    ("HUGGING_FACE_HUB_TOKEN", Says::KeyOf("huggingface.co")),
    ("LANGCHAIN_API_KEY", Says::KeyOf("api.smith.langchain.com")),
    ("LANGCHAIN_ENDPOINT", Says::Endpoint),
    ("LANGFUSE_HOST", Says::Endpoint),
    ("LANGFUSE_SECRET_KEY", Says::KeyOf("cloud.langfuse.com")),
    ("LANGSMITH_API_KEY", Says::KeyOf("api.smith.langchain.com")),
    ("LANGSMITH_ENDPOINT", Says::Endpoint),
    ("LITELLM_PROXY_API_BASE", Says::Endpoint),
    ("LLAMA_ARG_HF_FILE", Says::ModelFile),
    ("LLAMA_ARG_HF_REPO", Says::LocalModel),
    ("LLAMA_ARG_MMPROJ", Says::LocalModel),
    ("LLAMA_ARG_MODEL", Says::LocalModel),
    ("LLAMA_ARG_MODEL_URL", Says::LocalModel),
    ("LLM_MODEL", Says::Model),
    ("LLM_MODEL_NAME", Says::Model),
    ("MILVUS_URI", Says::Endpoint),
    ("MISTRAL_API_KEY", Says::KeyOf("api.mistral.ai")),
    ("MLFLOW_TRACKING_URI", Says::Endpoint),
    ("MODEL", Says::Model),
    ("MODEL_ID", Says::Model),
    ("MODEL_NAME", Says::Model),
    ("MODEL_PATH", Says::LocalModel),
    ("NVIDIA_API_KEY", Says::KeyOf("integrate.api.nvidia.com")),
    ("OLLAMA_API_BASE", Says::EndpointAt(11434)),
    ("OLLAMA_BASE_URL", Says::EndpointAt(11434)),
    ("OLLAMA_HOST", Says::EndpointAt(11434)),
    ("OLLAMA_MODEL", Says::Model),
    ("OPENAI_API_BASE", Says::Endpoint),
    ("OPENAI_API_KEY", Says::KeyOf("api.openai.com")),
    ("OPENAI_BASE_URL", Says::Endpoint),
    ("OPENAI_MODEL", Says::Model),
    ("OPENAI_MODEL_NAME", Says::Model),
    ("OPENROUTER_API_KEY", Says::KeyOf("openrouter.ai")),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", Says::EndpointAt(4317)),
    ("PERPLEXITY_API_KEY", Says::KeyOf("api.perplexity.ai")),
    ("PINECONE_API_KEY", Says::KeyOf("api.pinecone.io")),
    ("QDRANT_HOST", Says::EndpointAt(6333)),
    ("QDRANT_URL", Says::EndpointAt(6333)),
    ("QUANTIZE", Says::Quantization),
    ("REPLICATE_API_TOKEN", Says::KeyOf("api.replicate.com")),
    ("REVISION", Says::Revision),
    ("STORAGE_URI", Says::Storage),
    ("TAVILY_API_KEY", Says::KeyOf("api.tavily.com")),
    ("TOGETHER_API_KEY", Says::KeyOf("api.together.xyz")),
    ("VOYAGE_API_KEY", Says::KeyOf("api.voyageai.com")),
    ("WEAVIATE_HOST", Says::EndpointAt(8080)),
    ("WEAVIATE_URL", Says::EndpointAt(8080)),
    ("XAI_API_KEY", Says::KeyOf("api.x.ai")),
];

/// Arguments, with a value behind them or behind a `=`. `_` and `-` are the same.
pub const ARGUMENTS: &[(&str, Says)] = &[
    ("--adapter", Says::Adapter),
    ("--adapter-path", Says::Adapter),
    ("--config", Says::Config),
    ("--dataset", Says::Dataset),
    ("--embedding-model", Says::Model),
    ("--hf-file", Says::ModelFile),
    ("--hf-model-id", Says::LocalModel),
    ("--hf-repo", Says::LocalModel),
    ("--lora", Says::Adapter),
    ("--lora-adapter", Says::Adapter),
    ("--lora-modules", Says::Adapter),
    ("--lora-paths", Says::Adapter),
    ("--mcp-config", Says::Config),
    ("--mmproj", Says::LocalModel),
    ("--model", Says::Model),
    ("--model-dir", Says::LocalModel),
    ("--model-draft", Says::LocalModel),
    ("--model-id", Says::Model),
    ("--model-name", Says::ModelName),
    ("--model-path", Says::LocalModel),
    ("--model-repository", Says::LocalModel),
    ("--model-store", Says::LocalModel),
    ("--model-url", Says::LocalModel),
    ("--prompt-file", Says::Data),
    ("--quantization", Says::Quantization),
    ("--quantize", Says::Quantization),
    ("--revision", Says::Revision),
    ("--served-model-name", Says::ModelName),
    ("--speculative-model", Says::LocalModel),
    ("--system-prompt-file", Says::Data),
    ("--tokenizer", Says::Tokenizer),
    ("--tokenizer-path", Says::Tokenizer),
    ("-hf", Says::LocalModel),
    ("-hff", Says::ModelFile),
    ("-hfr", Says::LocalModel),
    ("-m", Says::Model),
    ("-md", Says::LocalModel),
    ("-mu", Says::LocalModel),
];

/// Programs whose next words name what they load or start: program, words before the name, what the name is.
pub const PROGRAMS: &[(&str, &[&str], Starts)] = &[
    ("bunx", &[], Starts::Package("npm")),
    ("docker", &["run"], Starts::Container),
    ("npm", &["exec"], Starts::Package("npm")),
    ("npx", &[], Starts::Package("npm")),
    ("ollama", &["pull"], Starts::Model("ollama")),
    ("ollama", &["run"], Starts::Model("ollama")),
    ("pipx", &["run"], Starts::Package("pypi")),
    ("pnpx", &[], Starts::Package("npm")),
    ("podman", &["run"], Starts::Container),
    ("uv", &["tool", "run"], Starts::Package("pypi")),
    ("uvx", &[], Starts::Package("pypi")),
    ("vllm", &["serve"], Starts::Model("huggingface")),
];

/// What the name behind a program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Starts {
    /// A package of this ecosystem, fetched and started.
    Package(&'static str),
    /// A model of this store.
    Model(&'static str),
    /// A container image.
    Container,
}

impl Says {
    /// For the page.
    pub fn words(self) -> String {
        match self {
            Self::Model => "model: path, repository or name".to_owned(),
            Self::LocalModel => "model that is loaded here: path, repository or URL".to_owned(),
            Self::Storage => {
                "model (KServe), if the address is one of a store: `s3://`, `gs://`, `pvc://`, `hf://`, `oci://`, …".to_owned()
            }
            Self::Revision => "revision of the model".to_owned(),
            Self::Quantization => "quantisation of the model".to_owned(),
            Self::ModelName => "another name of the model".to_owned(),
            Self::ModelFile => "file of the model's repository".to_owned(),
            Self::Adapter => "adapter: path or repository, `NAME=PATH` allowed".to_owned(),
            Self::Tokenizer => "data: tokenizer".to_owned(),
            Self::Dataset => "data: data set".to_owned(),
            Self::Data => "data: prompt or other file".to_owned(),
            Self::Endpoint => "endpoint".to_owned(),
            Self::EndpointAt(port) => format!("endpoint; port {port} if none is given"),
            Self::KeyOf(host) => {
                format!(
                    "implies endpoint `{host}:443`, unless an address for the same provider is declared; the value is never read"
                )
            }
            Self::Proxy => "endpoint (a proxy; what is behind it is not known)".to_owned(),
            Self::Config => {
                "a file of settings, read if a ConfigMap of the input is mounted there".to_owned()
            }
        }
    }
}
