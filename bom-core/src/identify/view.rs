//! An inventory as a person or a document wants it: artifacts grouped by identity, each with who
//! used it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{catalog, handlers::Handler, roles::Sign};
use crate::{
    claimed::Claim,
    coverage::{Cell, Class, Loss, ProbeState},
    fact::{Evidence, Strength},
    input::{DebOwner, HostFacts, Pod, PythonOwner, Reason},
    inventory::{NameSource, Question, Unread},
    key::{Carrier, EpochId, FileKey, ProcessKey, SubjectKey},
    metadata::{CodeMetadata, ElfMetadata, Extracted, Language, ModelMetadata},
    package::{Basis, Ecosystem, PackageOwner, UnreadList},
    path::SeenPath,
    stored::Stored,
    strength::{self, Deed},
};

/// Everything, ready to be shown.
#[derive(Clone, Debug, Default)]
pub struct View {
    pub subjects: Vec<SubjectView>,
    pub programs: Vec<Program>,
    pub models: Vec<Model>,
    pub libraries: Vec<Library>,
    pub packages: Vec<Package>,
    /// Code of which no installer says what package it is.
    pub code: Vec<Code>,
    pub endpoints: Vec<Endpoint>,
    pub unix_peers: Vec<UnixPeer>,
    pub devices: Vec<Device>,
    /// Opened files whose content, digest or owner could not be found out.
    pub unresolved: Vec<Unresolved>,
    /// By subject, large files that it read and whose format is not known.
    pub unknown_formats: BTreeSet<(usize, SeenPath)>,
}

/// One subject of one epoch, with its coverage.
#[derive(Clone, Debug)]
pub struct SubjectView {
    pub key: SubjectKey,
    pub epoch: EpochId,
    pub names: BTreeSet<String>,
    pub pods: BTreeSet<Pod>,
    pub versions: BTreeSet<String>,
    pub host: BTreeSet<HostFacts>,
    /// Nanoseconds of CLOCK_BOOTTIME.
    pub window: Option<(u64, u64)>,
    /// Wall clock minus CLOCK_BOOTTIME at the last reading, nanoseconds; `None` if never read.
    pub clock_offset: Option<i64>,
    pub status: BTreeSet<u32>,
    pub classes: BTreeMap<Class, Cell>,
    pub probes: BTreeSet<ProbeState>,
    pub losses: BTreeMap<String, Loss>,
    pub still_running: BTreeSet<ProcessKey>,
    pub counters: BTreeMap<String, u64>,
    /// Those of them that are known to concern this subject.
    pub own_counters: BTreeMap<String, u64>,
    pub processes: usize,
    /// Regular files opened, of any kind.
    pub files: usize,
    /// Names resolved, connected or not.
    pub resolved: BTreeSet<String>,
    /// Where it can be called, and how often it was: carrier and own address → connections, or peers over UDP.
    pub served: BTreeMap<(Carrier, SocketAddr), u64>,
    /// Unix sockets at which it can be called; `None` is one without a name.
    pub served_unix: BTreeSet<Option<SeenPath>>,
    /// From which its roles follow.
    pub signs: BTreeSet<Sign>,
    /// What serves there, where it is known or can be guessed.
    pub served_by: Vec<ServedBy>,
    /// Package lists that were there and are not read.
    pub unread: BTreeSet<UnreadList>,
}

/// Who used an artifact: one program of one subject.
#[derive(Clone, Debug)]
pub struct Usage {
    /// Index into [`View::subjects`].
    pub subject: usize,
    /// Index into [`View::programs`].
    pub program: usize,
    pub evidence: Evidence,
    /// Probes that saw it, by number.
    pub probes: BTreeSet<u16>,
    pub processes: BTreeSet<ProcessKey>,
    /// Where it was seen; empty for endpoints.
    pub paths: BTreeSet<SeenPath>,
    pub files: BTreeSet<FileKey>,
}

/// Images of one executable, started by the same program and with the same artifacts.
#[derive(Clone, Debug)]
pub struct Program {
    pub subject: usize,
    /// Index of the program that started it.
    pub parent: Option<usize>,
    pub paths: BTreeSet<SeenPath>,
    /// What execve was asked for; claimed.
    pub requested: BTreeSet<SeenPath>,
    pub digest: Option<String>,
    pub elf: Option<ElfMetadata>,
    pub deb: Option<DebOwner>,
    pub python: Option<PythonOwner>,
    /// Owners of every other kind.
    pub owners: BTreeSet<PackageOwner>,
    /// What it says of the code in it.
    pub code: Option<CodeMetadata>,
    /// Its part in MCP, by the packages it imported.
    pub mcp: BTreeSet<McpPart>,
    /// Who started it with a standard input and output to talk through: indices into [`View::programs`], `None` for
    /// somebody outside.
    pub asked_by: BTreeSet<Option<usize>>,
    /// Its part in MCP towards whom it started, or who started it.
    pub mcp_stdio: BTreeSet<McpPart>,
    /// How many images and processes it stands for.
    pub images: usize,
    pub processes: BTreeSet<ProcessKey>,
    /// Processes that came and went and are only counted.
    pub more_processes: u64,
    pub evidence: Option<Evidence>,
    /// What its images were told; claimed.
    pub claims: BTreeSet<Claim>,
    /// Why that may be less than it was told.
    pub claims_unread: BTreeSet<Unread>,
    /// It handles files without loading them.
    pub handler: Option<Handler>,
    /// The exec itself was not seen: the process was running before.
    pub unseen_start: bool,
}

#[derive(Clone, Debug)]
pub struct Model {
    pub digest: Option<String>,
    /// It, or the digest of a part, was read by an earlier observation.
    pub earlier: bool,
    pub files: BTreeSet<FileKey>,
    pub metadata: ModelMetadata,
    pub content: Extracted,
    /// What stores say of its files.
    pub stored: BTreeSet<Stored>,
    /// The files it consists of, by the name it has for each; empty if it is one file. Of a set in which all are alike
    /// (shards) `digest` is `None`; of a header that refers to others it is the header's own.
    pub parts: BTreeMap<String, Part>,
    /// Indices into [`View::models`]: what it is an adapter of, where that was used too.
    pub bases: BTreeSet<usize>,
    /// The package that ships it.
    pub python: Option<PythonOwner>,
    pub deb: Option<DebOwner>,
    pub owners: BTreeSet<PackageOwner>,
    pub uses: Vec<Usage>,
}

impl Usage {
    /// What the use counts as: what a program that only handles files opens and reads is none. What it runs as code, it
    /// runs.
    pub fn strength(&self, view: &View) -> Strength {
        let handled = view.programs.get(self.program).is_some_and(|program| program.handler.is_some());
        let seen = self.evidence.strength.0;
        if handled && seen < Strength::Executed { seen.min(strength::of(Deed::Handled)) } else { seen }
    }
}

impl Model {
    /// Whether the content, or that of a part, is not what a store recorded.
    pub fn contradicts_store(&self) -> bool {
        let own = self.digest.as_deref().is_some_and(|read| {
            self.stored
                .iter()
                .any(|it| it.digest.as_ref().and_then(|digest| digest.agrees(read)) == Some(false))
        });
        let part = |part: &Part| {
            part.digest.as_ref().zip(part.recorded.as_ref()).is_some_and(|(one, other)| one != other)
        };
        own || self.parts.values().any(part)
    }

    /// The digest of the digests of all files, by name; `None` unless each was read.
    pub fn set_digest(&self) -> Option<String> {
        let mut hasher = Sha256::new();
        for (name, part) in &self.parts {
            hasher.update(name.as_bytes());
            hasher.update([0]);
            hasher.update(part.digest.as_ref()?.as_bytes());
            hasher.update([b'\n']);
        }
        // What leads to the parts, where it is none of them itself.
        hasher.update(self.digest.as_deref().unwrap_or_default().as_bytes());
        let digest = hasher.finalize();
        (!self.parts.is_empty()).then(|| digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Several files that are alike: no digest of one is the whole's.
    pub fn is_set(&self) -> bool {
        !self.parts.is_empty() && self.digest.is_none()
    }
}

/// One file of a model that consists of several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    pub digest: Option<String>,
    /// It was read by an earlier observation.
    pub earlier: bool,
    /// What a store recorded.
    pub recorded: Option<String>,
    /// Bytes.
    pub size: Option<u64>,
    /// Whether it was seen used, under its name.
    pub met: bool,
}

/// A shared library, or a program that was loaded like one.
#[derive(Clone, Debug)]
pub struct Library {
    pub digest: Option<String>,
    pub files: BTreeSet<FileKey>,
    /// Soname, else file name.
    pub name: String,
    pub elf: ElfMetadata,
    /// The version, and what says it.
    pub version: Option<(String, VersionSource)>,
    /// The accelerator's software that it is of.
    pub product: Option<super::Product>,
    /// AI engines whose own texts are in it.
    pub engines: BTreeSet<String>,
    pub python: Option<PythonOwner>,
    pub deb: Option<DebOwner>,
    pub owners: BTreeSet<PackageOwner>,
    /// From the catalog.
    pub role: Option<String>,
    pub uses: Vec<Usage>,
}

#[derive(Clone, Debug)]
pub struct Package {
    pub ecosystem: Ecosystem,
    /// As its own metadata writes it.
    pub name: String,
    /// Empty if nothing says it.
    pub version: String,
    pub architecture: Option<String>,
    pub editable: bool,
    /// What made files part of it.
    pub bases: BTreeSet<Basis>,
    pub how: BTreeSet<How>,
    /// Lists and manifests that name it, or the files that contain it.
    pub sources: BTreeSet<SeenPath>,
    pub role: Option<String>,
    pub uses: Vec<Usage>,
}

/// How the code of a package came into a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// Its interpreter opened it.
    Imported,
    /// The program or library was built with it.
    CompiledIn,
    /// It is in an archive that its interpreter opened; which members were used is not known.
    Archived,
}

impl How {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Imported => "imported",
            Self::CompiledIn => "compiled-in",
            Self::Archived => "archived",
        }
    }
}

/// A file of code that an interpreter opened and no installer's list or manifest names.
#[derive(Clone, Debug)]
pub struct Code {
    pub digest: Option<String>,
    pub name: String,
    pub languages: BTreeSet<Language>,
    /// Projects and places that it lies in.
    pub owners: BTreeSet<PackageOwner>,
    pub uses: Vec<Usage>,
}

/// Software that serves, and how it was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    pub name: String,
    /// inference-server, vector-db, …
    pub kind: String,
    pub bases: BTreeSet<ServerBasis>,
}

impl Server {
    /// Only a name or a number says so.
    pub fn is_hint(&self) -> bool {
        self.bases.iter().all(|basis| matches!(basis, ServerBasis::Program | ServerBasis::Port))
    }
}

/// What a server is recognised by, the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ServerBasis {
    /// The program that listens imported it, or was built with it.
    Package,
    /// It has this library loaded.
    Library,
    /// It, or a library of it, has the texts of this engine inside.
    Engine,
    /// Its file is called so.
    Program,
    /// It listens, or is called, on this port.
    Port,
}

impl ServerBasis {
    pub const ALL: [Self; 5] = [Self::Package, Self::Library, Self::Engine, Self::Program, Self::Port];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Package => "package",
            Self::Library => "library",
            Self::Engine => "engine",
            Self::Program => "program",
            Self::Port => "port",
        }
    }
}

/// What serves at one address of a subject.
#[derive(Clone, Debug)]
pub struct ServedBy {
    /// Index into [`View::programs`].
    pub program: usize,
    pub carrier: Carrier,
    pub address: SocketAddr,
    pub server: Server,
}

/// The part that a program can have in the Model Context Protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum McpPart {
    Server,
    Client,
    /// It imported a package that has both.
    Either,
}

impl McpPart {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
            Self::Either => "client-or-server",
        }
    }
}

/// What says the version of a library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum VersionSource {
    /// The only version of its symbols.
    SymbolVersion,
    /// The file's name, which goes on where the soname ends.
    FileName,
    /// The soname; often the version of the interface alone.
    Soname,
    /// A note that its distribution put in.
    PackageNote,
}

impl VersionSource {
    pub const fn name(self) -> &'static str {
        match self {
            Self::SymbolVersion => "symbol-version",
            Self::FileName => "file-name",
            Self::Soname => "soname",
            Self::PackageNote => "package-note",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Endpoint {
    pub host: Option<String>,
    pub port: u16,
    pub addresses: BTreeSet<IpAddr>,
    /// Every name any source gave, with that source.
    pub names: BTreeSet<(NameSource, String)>,
    pub carriers: BTreeSet<Carrier>,
    pub protocols: BTreeSet<String>,
    pub provider: Option<catalog::Provider>,
    /// What the provider's pattern says of the host: `region`, `resource`, ….
    pub parts: BTreeMap<String, String>,
    /// What software it is, where no provider is known.
    pub server: Option<Server>,
    /// Names its streams gave it that are not what DNS had said of the address.
    pub mismatches: BTreeSet<(NameSource, String)>,
    /// Several names are known for an address, and nothing says which was meant.
    pub several_names: bool,
    /// DNS answers came from it.
    pub resolver: bool,
    /// Proxies that were asked to reach it; claimed.
    pub via: BTreeSet<SocketAddr>,
    /// Models that requests in plain text named; claimed.
    pub models: BTreeSet<String>,
    pub uses: Vec<Usage>,
}

/// The other end of a unix socket.
#[derive(Clone, Debug)]
pub struct UnixPeer {
    /// As it was bound; an abstract name starts with a zero byte; `None` if it has none.
    pub name: Option<SeenPath>,
    /// It belonged to the same subject, each time.
    pub same_subject: bool,
    pub uses: Vec<Usage>,
}

/// A character device that computes.
#[derive(Clone, Debug)]
pub struct Device {
    pub path: SeenPath,
    pub number: u32,
    pub uses: Vec<Usage>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unresolved {
    pub subject: usize,
    pub paths: BTreeSet<SeenPath>,
    pub question: Question,
    pub reason: Reason,
}
