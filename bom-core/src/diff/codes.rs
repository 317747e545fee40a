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
    ADAPTER_DRIFT: "adapter-drift", Error, Finding,
        "An adapter says that it was made for another model than was declared.",
        "Check which base model the adapter is loaded on.";
    BASELINE_UNUSED: "baseline-unused", Note, Finding,
        "The baseline knows a finding that is no longer there.",
        "Write the baseline again.";
    CONTENT_DRIFT: "content-drift", Error, Finding,
        "The name that was declared, with other content.",
        "Treat the file as unknown until it is known who replaced it; then declare the new digest.";
    CONTENT_UNKNOWN: "content-unknown", Warning, Cannot,
        "A digest was declared, and the content that was used was not read.",
        "See why it was not read (`aibom:unresolved` in the document), and observe again.";
    COVERAGE_INSUFFICIENT: "coverage-insufficient", Error, Coverage,
        "What was seen of a class that the declaration speaks of is less than required: something was lost, a probe was missing, or the document says nothing about its coverage.",
        "Observe again where the probes work (`aibom doctor`), or lower `--require-coverage`.";
    DECLARATION_UNREVIEWED: "declaration-unreviewed", Error, Finding,
        "The declaration was written by `aibom declare` and nobody has looked at it.",
        "Read it, then set `reviewed: true` with `reviewer` and `date`.";
    EGRESS_NOT_PERMITTED: "egress-not-permitted", Error, Finding,
        "An address was called that the workload's NetworkPolicy does not let through: the policy is not enforced, or not the one that is declared.",
        "Check that the cluster's network plugin enforces policies.";
    ENDPOINT_DRIFT: "endpoint-drift", Error, Finding,
        "The provider or the host that was declared, at another address: another region, account or port.",
        "Declare the address, or correct the configuration that leads there.";
    IMAGE_UNPINNED: "image-unpinned", Note, Finding,
        "An image is named without a digest, so what runs can change without a change of the manifest.",
        "Name it by digest.";
    INPUT_AMBIGUOUS: "input-ambiguous", Warning, Finding,
        "A manifest has a value that cannot be read, or a key twice.",
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
    NOT_COMPARED: "not-compared", Error, Cannot,
        "Nothing could be compared: no declared workload is known to be the observed one.",
        "Name it: `--workload NAME`, or `observedAs` in the declaration.";
    NOT_EXERCISED: "not-exercised", Note, Finding,
        "Declared, and not seen in this window. It may be used at another time or may have been missed.",
        "Nothing, or observe for longer.";
    NOT_OBSERVABLE: "not-observable", Note, Finding,
        "Declared, and nobody can see from outside whether it holds: a model behind an address.",
        "Take another evidence for it, such as the provider's log.";
    QUANTIZATION_DRIFT: "quantization-drift", Warning, Finding,
        "Another quantisation than was declared.",
        "Check which file is loaded.";
    RESOLVER_ENDPOINT: "resolver-endpoint", Note, Finding,
        "An undeclared endpoint that answered DNS questions.",
        "Declare it if name service is to be held to a list.";
    REVISION_DRIFT: "revision-drift", Error, Finding,
        "Another revision of the model than was declared.",
        "Find out who moved it; then declare the new revision.";
    REVISION_UNPINNED: "revision-unpinned", Warning, Finding,
        "A model is declared by a name that moves: no revision, or a branch.",
        "Declare the commit.";
    UNDECLARED_ADAPTER: "undeclared-adapter", Error, Finding,
        "An adapter was loaded that nobody declared.",
        "Declare it, or stop loading it.";
    UNDECLARED_DATA: "undeclared-data", Warning, Finding,
        "A tokenizer, data set, index, prompt or skill was loaded that nobody declared.",
        "Declare it, or stop loading it.";
    UNDECLARED_DEVICE: "undeclared-device", Note, Finding,
        "An accelerator was used that nobody declared.",
        "Declare it.";
    UNDECLARED_ENDPOINT: "undeclared-endpoint", Error, Finding,
        "Somebody was called whom nobody declared.",
        "Declare it, or stop calling it.";
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
