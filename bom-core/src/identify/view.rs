//! An inventory as a person or a document wants it: artifacts grouped by identity, each with who
//! used it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
};

use super::{catalog, handlers::Handler, roles::Sign};
use crate::{
    coverage::{Cell, Class, Loss, ProbeState},
    fact::{Evidence, Strength},
    input::{DebOwner, HostFacts, PythonOwner, Reason},
    inventory::{NameSource, Question},
    key::{Carrier, EpochId, FileKey, ProcessKey, SubjectKey},
    metadata::{ElfMetadata, Extracted, ModelMetadata},
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
    pub endpoints: Vec<Endpoint>,
    pub unix_peers: Vec<UnixPeer>,
    pub devices: Vec<Device>,
    /// Opened files whose content, digest or owner could not be found out.
    pub unresolved: Vec<Unresolved>,
}

/// One subject of one epoch, with its coverage.
#[derive(Clone, Debug)]
pub struct SubjectView {
    pub key: SubjectKey,
    pub epoch: EpochId,
    pub names: BTreeSet<String>,
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
    /// How many images and processes it stands for.
    pub images: usize,
    pub processes: BTreeSet<ProcessKey>,
    /// Processes that came and went and are only counted.
    pub more_processes: u64,
    pub evidence: Option<Evidence>,
    /// It handles files without loading them.
    pub handler: Option<Handler>,
    /// The exec itself was not seen: the process was running before.
    pub unseen_start: bool,
}

#[derive(Clone, Debug)]
pub struct Model {
    pub digest: Option<String>,
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

    /// Several files that are alike: no digest of one is the whole's.
    pub fn is_set(&self) -> bool {
        !self.parts.is_empty() && self.digest.is_none()
    }
}

/// One file of a model that consists of several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    pub digest: Option<String>,
    /// What a store recorded.
    pub recorded: Option<String>,
    /// Bytes.
    pub size: Option<u64>,
    /// Whether it was seen used, under its name.
    pub met: bool,
}

#[derive(Clone, Debug)]
pub struct Library {
    pub digest: Option<String>,
    pub files: BTreeSet<FileKey>,
    /// Soname, else file name.
    pub name: String,
    pub elf: ElfMetadata,
    pub python: Option<PythonOwner>,
    pub deb: Option<DebOwner>,
    /// From the catalog.
    pub role: Option<String>,
    pub uses: Vec<Usage>,
}

#[derive(Clone, Debug)]
pub struct Package {
    /// As METADATA writes it.
    pub name: String,
    pub version: String,
    pub editable: bool,
    pub dist_info: BTreeSet<SeenPath>,
    pub role: Option<String>,
    pub uses: Vec<Usage>,
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
