//! One thing that is declared or was observed.

use std::net::IpAddr;

use super::{HostPattern, PathPattern, Place, Set};
use crate::bom::{Hash, Purl};

/// What a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Weights.
    Model,
    /// Weights on top of a model.
    Adapter,
    /// What is loaded along with a model: tokenizer, data set, vector index, prompt, skill.
    Data,
    /// A shared library.
    Library,
    /// A package of a language or a distribution.
    Package,
    /// Somebody who is called.
    Endpoint,
    /// A program that is started.
    Program,
    /// A server of the Model Context Protocol, started or called.
    McpServer,
    /// A container image.
    Image,
    /// An accelerator.
    Device,
    /// A file of code that belongs to no package.
    Code,
}

/// The classes that coverage is stated for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Models, adapters and data.
    Models,
    /// Shared libraries.
    Libraries,
    /// Packages.
    Packages,
    /// Endpoints.
    Endpoints,
    /// Programs and MCP servers that are started.
    Programs,
}

/// How much a declaration says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Force {
    /// It may be used; nothing is said about whether it is (a network policy).
    Permitted,
    /// It follows from something else that is said (the key of a provider, without an address).
    Implied,
    /// It is said outright.
    Stated,
}

/// Where an item comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Somebody wrote it.
    Declared {
        /// Where.
        place: Place,
        /// What was read there, as in docs/declared.md: `containers[].args --model`.
        field: String,
    },
    /// It is in a document of what was observed.
    Observed {
        /// Its `bom-ref`.
        reference: String,
        /// The names of its evidence.
        evidence: Set<String>,
    },
}

/// A thing. An empty set and `None` mean "not said"; nothing is filled in by guessing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// What it is.
    pub kind: Kind,
    /// What it is called, for people.
    pub name: String,
    /// Further names; compared after [`crate::diff`]'s normalisation.
    pub aliases: Set<String>,
    /// Digests of its content.
    pub digests: Set<Hash>,
    /// Of those, the one of all its files together, if it consists of several.
    pub whole: Option<Hash>,
    /// Digests that only a store wrote down, of content that nobody read.
    pub recorded: Set<Hash>,
    /// Its content was not read: all that is known of it is what it is called.
    pub unread: bool,
    /// Names that are no reason to take it for a thing: what a header says of itself, the interpreter that runs it, a
    /// host that only the stream named.
    pub hints: Set<String>,
    /// Names it goes by that were looked at and do not hold: the store recorded other content, DNS calls the address
    /// otherwise.
    pub refuted: Set<String>,
    /// Its package URL.
    pub purl: Option<Purl>,
    /// `pypi`, `npm`, `deb`, `huggingface`, `ollama`, …
    pub ecosystem: Option<String>,
    /// Version of a package, tag of an image.
    pub version: Option<String>,
    /// Revision of a model: a commit if it holds still, a branch or a tag if not.
    pub revision: Option<String>,
    /// Every revision, branch and tag that a store has for this content, if it says so.
    pub revisions: Set<String>,
    /// Quantisation of a model, lower case.
    pub quantization: Option<String>,
    /// What an adapter was made for.
    pub base: Option<String>,
    /// Licences.
    pub licenses: Set<String>,
    /// Files, or folders whose files are meant.
    pub paths: Set<PathPattern>,
    /// Who is called.
    pub host: Option<HostPattern>,
    /// At which port.
    pub port: Option<u16>,
    /// The addresses that were called.
    pub addresses: Set<IpAddr>,
    /// What carried it, `tcp` or `udp`; empty if that is not known.
    pub transports: Set<String>,
    /// Who runs it.
    pub provider: Option<String>,
    /// The role as in docs/catalog.md.
    pub role: Option<String>,
    /// It stands for several: a repository, a folder, an endpoint at any port.
    pub many: bool,
    /// How much is said.
    pub force: Force,
    /// Where from; never empty.
    pub origins: Set<Origin>,
}

impl Item {
    /// A thing with nothing but its kind and name.
    pub fn new(kind: Kind, name: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.into(),
            aliases: Set::new(),
            digests: Set::new(),
            whole: None,
            recorded: Set::new(),
            unread: false,
            hints: Set::new(),
            refuted: Set::new(),
            purl: None,
            ecosystem: None,
            version: None,
            revision: None,
            revisions: Set::new(),
            quantization: None,
            base: None,
            licenses: Set::new(),
            paths: Set::new(),
            host: None,
            port: None,
            addresses: Set::new(),
            transports: Set::new(),
            provider: None,
            role: None,
            many: false,
            force: Force::Stated,
            origins: Set::new(),
        }
    }

    /// The first place where it was declared.
    pub fn place(&self) -> Option<&Place> {
        self.origins.iter().find_map(|origin| match origin {
            Origin::Declared { place, .. } => Some(place),
            Origin::Observed { .. } => None,
        })
    }

    /// The order of items without how, and where, they were said; the lists of a workload are sorted by it first.
    pub(crate) fn order(&self, other: &Self) -> std::cmp::Ordering {
        fn key(item: &Item) -> impl Ord + '_ {
            // Every field is named, so that a new one has to be thought of here.
            let Item {
                kind,
                name,
                aliases,
                digests,
                whole,
                recorded,
                unread,
                hints,
                refuted,
                purl,
                ecosystem,
                version,
                revision,
                revisions,
                quantization,
                base,
                licenses,
                paths,
                host,
                port,
                addresses,
                transports,
                provider,
                role,
                many: _,
                force: _,
                origins: _,
            } = item;
            (
                (kind, name, aliases, digests, whole, recorded, unread, hints, refuted, purl),
                (ecosystem, version, revision, revisions, quantization, base, licenses, paths),
                (host, port, addresses, transports, provider, role),
            )
        }
        key(self).cmp(&key(other))
    }

    /// The same, and then how it was said: everything but where.
    pub(crate) fn order_but_origins(&self, other: &Self) -> std::cmp::Ordering {
        self.order(other).then_with(|| (self.many, self.force).cmp(&(other.many, other.force)))
    }

    /// Says where it was declared.
    #[must_use]
    pub fn declared_at(mut self, place: Place, field: impl Into<String>) -> Self {
        self.origins.insert(Origin::Declared { place, field: field.into() });
        self
    }
}

impl Kind {
    /// Every kind, in the order of the pages.
    pub const ALL: &[Self] = &[
        Self::Model,
        Self::Adapter,
        Self::Data,
        Self::Library,
        Self::Package,
        Self::Endpoint,
        Self::Program,
        Self::McpServer,
        Self::Image,
        Self::Device,
        Self::Code,
    ];

    /// Its word in reports and gates.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Adapter => "adapter",
            Self::Data => "data",
            Self::Library => "library",
            Self::Package => "package",
            Self::Endpoint => "endpoint",
            Self::Program => "program",
            Self::McpServer => "mcp-server",
            Self::Image => "image",
            Self::Device => "device",
            Self::Code => "code",
        }
    }

    /// The class whose coverage decides what its absence means; `None` for what no probe looks for.
    pub const fn class(self) -> Option<Class> {
        match self {
            Self::Model | Self::Adapter | Self::Data => Some(Class::Models),
            Self::Library => Some(Class::Libraries),
            Self::Package | Self::Code => Some(Class::Packages),
            Self::Endpoint => Some(Class::Endpoints),
            Self::Program | Self::McpServer => Some(Class::Programs),
            Self::Image | Self::Device => None,
        }
    }

    /// Whether two kinds may be the same thing seen from two sides.
    pub fn compares_with(self, other: Self) -> bool {
        self.group() == other.group()
    }

    /// Kinds of one number may be the same thing seen from two sides.
    pub(crate) const fn group(self) -> u8 {
        match self {
            Self::Model | Self::Adapter | Self::Data => 0,
            Self::Library | Self::Package => 1,
            Self::Endpoint => 2,
            Self::Program | Self::McpServer => 3,
            Self::Image => 4,
            Self::Device => 5,
            Self::Code => 6,
        }
    }
}

impl Class {
    /// Every class.
    pub const ALL: &[Self] =
        &[Self::Models, Self::Libraries, Self::Packages, Self::Endpoints, Self::Programs];

    /// Its word in documents.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Models => "models",
            Self::Libraries => "libraries",
            Self::Packages => "packages",
            Self::Endpoints => "endpoints",
            Self::Programs => "programs",
        }
    }
}
