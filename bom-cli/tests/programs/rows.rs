//! The programs, what each is expected to call and load, and the differences that are let stand.

use bom_testkit::trial::Need;

/// What every one takes.
const OBSERVE: &[Need] = &[Need::Root, Need::Bpf, Need::Btf, Need::Cgroup2, Need::Netns];

/// One program of `testdata/programs`.
pub(crate) struct Program {
    /// In names of trials.
    pub(crate) name: &'static str,
    /// Only part of the long run.
    pub(crate) long: bool,
    pub(crate) interpreter: Interpreter,
    /// Below `testdata/programs`.
    pub(crate) script: &'static str,
    /// Hosts it calls by TLS, by the names of the catalog's providers.
    pub(crate) endpoints: &'static [(&'static str, &'static str)],
    /// Models, tokenizers and vocabularies that it loads: the end of the path, the format.
    pub(crate) models: &'static [(&'static str, &'static str)],
    /// Roles of the subject, each with what it follows from.
    pub(crate) roles: &'static [&'static str],
    /// The parts in MCP of each of its programs that has one.
    pub(crate) mcp: &'static [&'static [&'static str]],
    pub(crate) differences: &'static [Difference],
    /// Made to differ: its figures are not those of a program as it is.
    pub(crate) contrived: bool,
}

/// What runs it.
pub(crate) enum Interpreter {
    /// The Python of this environment, below the folder of the programs.
    Python(&'static str),
    Node,
}

/// A package that one side has and the other has not.
pub(crate) struct Difference {
    pub(crate) package: &'static str,
    pub(crate) why: Why,
}

/// Why it is so.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// Only ours: its code ran, and at the end it is not in `sys.modules`, as its import raised.
    ImportRaised,
    /// Only ours: the interpreter opened a source file of it as text.
    ReadAsText,
}

impl Why {
    /// As docs/accuracy.md calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ImportRaised => "import raised",
            Self::ReadAsText => "source read as text",
        }
    }
}

impl Program {
    pub(crate) fn needs(&self) -> Vec<Need> {
        let set_up = if self.long { Need::ProgramsLong } else { Need::Programs };
        let node = matches!(self.interpreter, Interpreter::Node).then_some(Need::Node);
        OBSERVE.iter().copied().chain([set_up]).chain(node).collect()
    }
}

const OPENAI: (&str, &str) = ("api.openai.com", "OpenAI");
const ANTHROPIC: (&str, &str) = ("api.anthropic.com", "Anthropic");
const OPENROUTER: (&str, &str) = ("openrouter.ai", "OpenRouter");

const AGENT: &str = "agent: uses:agent-framework calls-models";
/// Their SDKs for agents bring MCP along.
const AGENT_BY_MCP: &str = "agent: uses:llm-sdk uses:mcp calls-models";
const CLIENT: &str = "model-client: calls-models";
const MCP_BY_STDIO: &[&str] = &["mcp-client: asks-mcp-by-stdio", "mcp-server: answers-mcp-by-stdio"];
const LOCAL: &str = "local-inference: uses:inference-runtime loads-model";

const PYTHON: Interpreter = Interpreter::Python("venv");
const PYTHON_NEW: Interpreter = Interpreter::Python("new-venv");
const PYTHON_OLD: Interpreter = Interpreter::Python("old-venv");

const fn program(name: &'static str, interpreter: Interpreter, script: &'static str) -> Program {
    Program {
        name,
        long: false,
        interpreter,
        script,
        endpoints: &[],
        models: &[],
        roles: &[],
        mcp: &[],
        differences: &[],
        contrived: false,
    }
}

pub(crate) const PROGRAMS: &[Program] = &[
    Program {
        endpoints: &[ANTHROPIC],
        roles: &[CLIENT],
        ..program("anthropic_sdk", PYTHON, "anthropic_sdk.py")
    },
    Program {
        endpoints: &[OPENAI],
        roles: &[AGENT, AGENT_BY_MCP, CLIENT],
        mcp: &[&["client-or-server"]],
        ..program("openai_agents", PYTHON, "openai_agents.py")
    },
    Program {
        models: &[("state/content-type.onnx", "onnx"), ("state/tokenizer.json", "tokenizer-json")],
        roles: &[LOCAL],
        ..program("onnx_tokenizers", PYTHON, "onnx_tokenizers.py")
    },
    // Python's package has both sides and opens both; the pipes between the two tell who is who.
    Program {
        roles: MCP_BY_STDIO,
        mcp: &[&["client-or-server"], &["client-or-server"]],
        ..program("mcp_python", PYTHON, "mcp_python.py")
    },
    Program {
        roles: MCP_BY_STDIO,
        mcp: &[&["client"], &["server"]],
        ..program("mcp_node", Interpreter::Node, "node/mcp_client.mjs")
    },
    Program {
        endpoints: &[OPENAI],
        roles: &[AGENT, AGENT_BY_MCP, CLIENT],
        ..program("node_agent", Interpreter::Node, "node/agent.mjs")
    },
    Program {
        contrived: true,
        differences: &[
            Difference { package: "fsspec", why: Why::ReadAsText },
            Difference { package: "lpips", why: Why::ImportRaised },
        ],
        ..program("differences", PYTHON, "differences.py")
    },
    Program {
        long: true,
        endpoints: &[OPENAI, OPENROUTER],
        roles: &[AGENT, CLIENT],
        ..program("pydantic_ai", PYTHON, "pydantic_ai_agent.py")
    },
    Program {
        long: true,
        endpoints: &[OPENAI],
        roles: &[AGENT, CLIENT],
        ..program("langchain", PYTHON_NEW, "langchain_chat.py")
    },
    Program {
        long: true,
        endpoints: &[OPENAI],
        // The package ships the vocabulary, so that tiktoken need not fetch it.
        models: &[(
            "llama_index/core/_static/tiktoken_cache/9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
            "tiktoken",
        )],
        roles: &[AGENT, CLIENT],
        ..program("llama_index", PYTHON_OLD, "llama_index_query.py")
    },
    Program {
        long: true,
        endpoints: &[OPENAI],
        roles: &[AGENT, CLIENT],
        ..program("autogen", PYTHON_OLD, "autogen_team.py")
    },
    Program {
        long: true,
        endpoints: &[OPENAI],
        roles: &[AGENT, CLIENT],
        ..program("smolagents", PYTHON_OLD, "smolagents_code.py")
    },
    Program {
        long: true,
        models: &[("state/iris.joblib", "joblib")],
        roles: &[LOCAL],
        ..program("scikit_learn", PYTHON_NEW, "sklearn_predict.py")
    },
    Program {
        long: true,
        models: &[("state/tiny.gguf", "gguf")],
        roles: &["inference-server: loads-model serves", LOCAL],
        ..program("llama_cpp", PYTHON_NEW, "llama_cpp_serve.py")
    },
];
