use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::package::ListedPackage;

/// A language whose packages can be told from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// Python, and what is imported into it.
    Python,
    /// JavaScript in Node.
    Node,
    /// Java and whatever else runs on a JVM.
    Java,
    /// Ruby.
    Ruby,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 4] = [Self::Python, Self::Node, Self::Java, Self::Ruby];

    /// The stable name, the same as in recordings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Node => "node",
            Self::Java => "java",
            Self::Ruby => "ruby",
        }
    }
}

/// What a program, script or archive says about the code in it. All of it is the builder's word.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CodeMetadata {
    /// What built it: `go1.22.1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub toolchain: Option<String>,
    /// Of a script: what is to run it, `/usr/bin/env python3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<String>,
    /// What it is itself, where the builder said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main: Option<ListedPackage>,
    /// What is in it besides: linked modules of a program, packages of an archive. Sorted, each once.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub packages: BTreeSet<ListedPackage>,
    /// AI engines whose own texts are in it, whatever it is called: `llama.cpp`, `onnxruntime`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub engines: BTreeSet<String>,
    /// Of an archive: languages of the code in it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub languages: BTreeSet<Language>,
    /// Of an archive: it has members of which nothing is known, or could not be listed at all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub opaque: bool,
}

/// What a distribution wrote into a program's `.note.package` (systemd's package metadata for ELF files). Claimed.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PackageNote {
    /// `deb`, `rpm`, …
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Name of the package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its architecture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
}
