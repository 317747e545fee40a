//! Data table: every finding. docs/findings.md is made from it.

/// How bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Should be looked at.
    Warning,
    /// Something is used that nobody declared, or something else than was declared.
    Error,
}

/// What a finding does to the exit code when it is not waived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tells {
    /// 1 if the gate fails on it.
    Finding,
    /// 2: it cannot be told whether the declaration holds.
    Cannot,
    /// 3: coverage is below what was required.
    Coverage,
}

/// A row.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Code {
    /// Stable; gates, waivers and reports name it.
    pub code: &'static str,
    /// Unless the finding says otherwise.
    pub severity: Severity,
    /// What it does to the exit code.
    pub tells: Tells,
    /// What it means.
    pub meaning: &'static str,
    /// What to do about it.
    pub action: &'static str,
}

macro_rules! codes {
    ($($constant:ident: $code:literal, $severity:ident, $tells:ident, $meaning:literal, $action:literal;)*) => {
        $(
            #[doc = $meaning]
            pub(crate) const $constant: &Code = &Code {
                code: $code,
                severity: Severity::$severity,
                tells: Tells::$tells,
                meaning: $meaning,
                action: $action,
            };
        )*
        /// Every finding, by name.
        pub const CODES: &[&Code] = &[$($constant),*];
    };
}

codes! {
    ABSENT: "absent", Warning, Finding,
        "Declared, and not used in a window in which everything of its class was seen.",
        "Take it out of the declaration, or find out why it is not used.";
    ADAPTER_BASE_UNKNOWN: "adapter-base-unknown", Warning, Cannot,
        "It is declared for which model an adapter was made, and the adapter does not say it.",
        "Declare the adapter's digest, which says more.";
    ADAPTER_DRIFT: "adapter-drift", Error, Finding,
        "An adapter says that it was made for another model than was declared.",
        "Check which base model the adapter is loaded on.";
    BASELINE_UNUSED: "baseline-unused", Note, Finding,
        "The baseline knows a finding that is no longer there.",
        "Write the baseline again.";
    CONTENT_DRIFT: "content-drift", Error, Finding,
        "The name that was declared, with other content: than was declared, or than its store recorded.",
        "Treat the file as unknown until it is known who replaced it; then declare the new digest.";
    CONTENT_UNKNOWN: "content-unknown", Warning, Cannot,
        "A digest or a commit was declared, and the content that was used was not read, whatever a store says of it.",
        "See why it was not read (`aibom:unresolved` in the document), and observe again.";
    COVERAGE_INSUFFICIENT: "coverage-insufficient", Error, Coverage,
        "What was seen of a class that the declaration speaks of is less than required: something was lost, a probe was missing, or the document says nothing about its coverage.",
        "Observe again where the probes work (`aibom doctor`), or lower `--require-coverage`.";
    DECLARATION_UNREVIEWED: "declaration-unreviewed", Error, Finding,
        "The declaration was written by `aibom declare` and nobody has looked at it.",
        "Read it, then set `reviewed: true` with `reviewer` and `date`.";
    DOCUMENT_INCOMPLETE: "document-incomplete", Error, Cannot,
        "A part of a document that says what was used, or what may be, cannot be read: a component or service without a name, a digest that is none.",
        "Correct the document, or the tool that makes it.";
    EGRESS_NOT_PERMITTED: "egress-not-permitted", Error, Finding,
        "An address was called that the workload's NetworkPolicy does not let through: the policy is not enforced, or not the one that is declared.",
        "Check that the cluster's network plugin enforces policies.";
    EGRESS_UNKNOWN: "egress-unknown", Warning, Cannot,
        "An address was called at a port that only a named port of the workload's NetworkPolicy could let through, and what the name stands for is not in the input.",
        "Give the policy the number of the port.";
    ENDPOINT_DRIFT: "endpoint-drift", Error, Finding,
        "The provider or the host that was declared, at another address: another region, account or port.",
        "Declare the address, or correct the configuration that leads there.";
    ENDPOINT_NAME_CLAIMED: "endpoint-name-claimed", Note, Finding,
        "The declared host was named by the stream alone: no answer of DNS was seen that links the name with the address.",
        "Observe from the start, so that the answer is seen; or look who owns the address.";
    ENDPOINT_NAME_MISMATCH: "endpoint-name-mismatch", Error, Finding,
        "The declared host was named by the stream, and DNS calls the address otherwise: the name may be forged.",
        "Find out whose address it is.";
    IDENTITY_UNKNOWN: "identity-unknown", Warning, Cannot,
        "Nothing but a hint says that it is what was declared: a name that a file gives itself, or the interpreter that runs it.",
        "Declare its path, its digest, or its package.";
    IMAGE_UNPINNED: "image-unpinned", Note, Finding,
        "An image is named without a digest, so what runs can change without a change of the manifest.",
        "Name it by digest.";
    INPUT_AMBIGUOUS: "input-ambiguous", Warning, Cannot,
        "The declared side has a value that cannot be read, a key that is not known, or a key twice, so that it is not clear what is declared.",
        "Correct it at the line that is named.";
    INPUT_UNRESOLVED: "input-unresolved", Note, Finding,
        "A manifest refers to something that is not in the input, or to a value that is only known later.",
        "Give the rendered manifests, with the ConfigMaps they use.";
    LICENSE_DRIFT: "license-drift", Warning, Finding,
        "Another licence than was declared.",
        "Ask whoever decides on licences.";
    LOCAL_ENDPOINT: "local-endpoint", Note, Finding,
        "An undeclared endpoint on the same machine. It may pass on to others.",
        "Declare it if it is a part of the deployment.";
    MOVED: "moved", Note, Finding,
        "The content that was declared, at another path.",
        "Correct the path.";
    NAME_MISMATCH: "name-mismatch", Warning, Finding,
        "The content that was declared, under another name.",
        "Find out which name is right.";
    NAMESPACE_UNKNOWN: "namespace-unknown", Warning, Cannot,
        "A service of a cluster was called that has the declared name, and the namespace of one of the two is not known.",
        "Declare the service with its namespace (`NAME.NAMESPACE.svc`), or give the workload's manifest a namespace.";
    NOT_COMPARED: "not-compared", Error, Cannot,
        "Something could not be compared: no declared workload is known to be the observed one, or more than one could be.",
        "Name it: `--workload NAME`, or `observedAs` in the declaration.";
    NOT_EXERCISED: "not-exercised", Note, Finding,
        "Declared, and not seen in this window. It may be used at another time or may have been missed.",
        "Nothing, or observe for longer.";
    NOT_OBSERVABLE: "not-observable", Note, Finding,
        "Declared, and nobody can see from outside whether it holds: a model behind an address.",
        "Take another evidence for it, such as the provider's log.";
    OTHER_COMPONENTS: "other-components", Note, Finding,
        "The observed document has components of kinds that no declaration speaks of: files, operating systems, firmware, keys.",
        "Nothing, unless another tool calls models so.";
    PROPERTY_UNKNOWN: "property-unknown", Warning, Finding,
        "A version, a quantisation or a licence is declared, and the document does not say which it is.",
        "Look at the file or the package itself.";
    QUANTIZATION_DRIFT: "quantization-drift", Warning, Finding,
        "Another quantisation than was declared.",
        "Check which file is loaded.";
    RESOLVER_ENDPOINT: "resolver-endpoint", Note, Finding,
        "An undeclared endpoint that answered DNS questions.",
        "Declare it if name service is to be held to a list.";
    REVISION_DRIFT: "revision-drift", Error, Finding,
        "Another revision of the model than was declared.",
        "Find out who moved it; then declare the new revision.";
    REVISION_UNKNOWN: "revision-unknown", Warning, Cannot,
        "A commit is declared, and nothing says which one the content is of.",
        "Declare the digest, which does not depend on where the file came from.";
    REVISION_UNPINNED: "revision-unpinned", Warning, Finding,
        "A model is declared by a name that moves: no revision, or a branch.",
        "Declare the commit.";
    UNDECLARED_ADAPTER: "undeclared-adapter", Error, Finding,
        "An adapter was loaded that nobody declared.",
        "Declare it, or stop loading it.";
    UNDECLARED_CODE: "undeclared-code", Error, Finding,
        "Code was run that belongs to no package, and all packages and code that may run are declared.",
        "Declare it under `code`, or find out where it comes from.";
    UNDECLARED_DATA: "undeclared-data", Warning, Finding,
        "A tokenizer, data set, index, prompt or skill was loaded that nobody declared.",
        "Declare it, or stop loading it.";
    UNDECLARED_DEVICE: "undeclared-device", Note, Finding,
        "An accelerator was used that nobody declared.",
        "Declare it.";
    UNDECLARED_ENDPOINT: "undeclared-endpoint", Error, Finding,
        "Somebody was called whom nobody declared.",
        "Declare it, or stop calling it.";
    UNDECLARED_IMAGE: "undeclared-image", Error, Finding,
        "Another container image than the declared ones.",
        "Declare it, or find out who runs it.";
    UNDECLARED_LIBRARY: "undeclared-library", Warning, Finding,
        "A shared library was loaded that is not on the declared list.",
        "Declare it, or find out what loads it.";
    UNDECLARED_MCP_SERVER: "undeclared-mcp-server", Error, Finding,
        "A child program that loads an MCP package was started, and no MCP server is declared that it could be.",
        "Declare it, or stop starting it.";
    UNDECLARED_MODEL: "undeclared-model", Error, Finding,
        "A model was loaded that nobody declared.",
        "Declare it, or stop loading it.";
    UNDECLARED_PACKAGE: "undeclared-package", Warning, Finding,
        "A package was used that is not on the declared list. An error if it has an AI role.",
        "Declare it, or find out what imports it.";
    UNDECLARED_PROGRAM: "undeclared-program", Warning, Finding,
        "A program was started that is not on the declared list.",
        "Declare it, or find out what starts it.";
    UNDECLARED_PROVIDER: "undeclared-provider", Error, Finding,
        "A provider of AI services was called whom nobody declared.",
        "Declare it, or stop calling it.";
    UNDECLARED_WORKLOAD: "undeclared-workload", Error, Finding,
        "Somebody was observed who uses models, AI packages or AI providers and is declared nowhere. A note if nothing of AI was seen.",
        "Declare the workload, or find out who started it.";
    UNFAIR_COMPARISON: "unfair-comparison", Note, Finding,
        "Both sides are documents and were made by other versions or in other ways, so a difference may come from that.",
        "Compare documents of one version.";
    UNLISTED_CODE: "unlisted-code", Note, Finding,
        "Code was run that belongs to no package, and nothing is declared of packages and code.",
        "Declare packages and code (`aibom declare`), if only known code may run.";
    UNNAMED_ENDPOINT: "unnamed-endpoint", Warning, Cannot,
        "A private address was called whose name is not known, so it cannot be told whether it is one that was declared.",
        "Declare the address, or observe from the start, so that the name is seen.";
    VERSION_DRIFT: "version-drift", Warning, Finding,
        "Another version than was declared.",
        "Declare the version that is used, or correct the lock file.";
    WAIVER_EXPIRED: "waiver-expired", Warning, Finding,
        "A waiver is past its day; what it named is a finding again.",
        "Decide again: remove the cause, or extend the waiver.";
    WAIVER_UNUSED: "waiver-unused", Note, Finding,
        "A waiver names nothing that was found.",
        "Remove the waiver.";
    WORKLOAD_NOT_OBSERVED: "workload-not-observed", Note, Finding,
        "A workload is declared and was not observed.",
        "Observe it, or leave its manifest out.";
}

impl Severity {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// 0 for a note, 2 for an error.
    pub const fn rank(self) -> usize {
        match self {
            Self::Note => 0,
            Self::Warning => 1,
            Self::Error => 2,
        }
    }

    /// The severity of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Note, Self::Warning, Self::Error].into_iter().find(|severity| severity.word() == word)
    }
}

/// The row of a code.
pub fn code(word: &str) -> Option<&'static Code> {
    CODES.iter().copied().find(|row| row.code == word)
}
