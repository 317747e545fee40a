//! The correlator's inputs and what it asks for: together, the schema of a recording.
//!
//! These types derive `Serialize` because they *are* what leaves the process in a recording
//! (schemas/recording.md); no other domain type does.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    claimed::Claims,
    coverage::ProbeState,
    event::{Event, OpenedFile},
    identify::catalog::Catalog,
    key::{EpochId, FileKey, ImageId, ProcessKey},
    metadata::Extracted,
    package::{Basis, PackageOwner, UnreadList},
    path::SeenPath,
    stored::Origins,
};

/// One thing the outside tells the core. The core is a function of the list of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// First of all: who observes.
    Start(Box<Start>),
    /// Somebody is observed from now on.
    Subject(Subject),
    /// Which Kubernetes container a subject is; it may be observed only later.
    Pod {
        subject: u64,
        pod: Pod,
    },
    /// Rows that extend or replace the built-in catalog.
    Catalog(Catalog),
    /// What became of each probe.
    Probes {
        at_ns: u64,
        states: Vec<ProbeState>,
    },
    Event(Event),
    /// The result of a piece of [`Work`].
    Answer {
        work: u64,
        answer: Answer,
    },
    /// The probes' counters so far.
    Counters {
        at_ns: u64,
        counters: BTreeMap<String, u64>,
        /// Those of them that concern one subject, by its id.
        subjects: BTreeMap<u64, BTreeMap<String, u64>>,
        recursion_misses: BTreeMap<String, u64>,
    },
    /// Opens that were counted in the kernel at an earlier record.
    Repeats(Vec<Repeat>),
    /// Something was lost on this side of the ring.
    Lost {
        at_ns: u64,
        cause: String,
        /// So far.
        count: u64,
        /// Whose it was, by the subject's id; anybody's if that is not known.
        #[serde(default)]
        subject: Option<u64>,
        /// Since when it may have been lost; `None`: since the observation began.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from_ns: Option<u64>,
    },
    /// CLOCK_BOOTTIME and wall clock, read together; nanoseconds.
    Clock {
        boot_ns: u64,
        wall_ns: i64,
    },
    /// Everything has happened to one subject, or to all: are its files still what they were?
    Recheck {
        subject: Option<u64>,
        at_ns: u64,
    },
    /// The observation of one subject is over.
    Ended(Box<Ended>),
    /// Everything is over.
    Finish {
        at_ns: u64,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    pub epoch: EpochId,
    /// Version of the aibom that observed.
    pub version: String,
    pub host: HostFacts,
    pub at_ns: u64,
}

/// Who is observed, and from when on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The id that its tasks carry: that of its cgroup, or one made of the process ([`SubjectKind::Process`]).
    pub id: u64,
    /// How it is named in the document; the command's file name for `aibom run`.
    pub name: String,
    /// The cgroup was made by this observation, and the probes were attached before the first instruction in it.
    pub before_first_instruction: bool,
    /// What makes its processes one subject.
    #[serde(default)]
    pub kind: SubjectKind,
    pub at_ns: u64,
}

/// The pod of a container, by the node's own records.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Pod {
    pub uid: String,
    /// `None`: kubelet's records do not name it, or contradict each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<PodName>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PodName {
    pub namespace: String,
    pub pod: String,
    pub container: String,
}

/// What the processes of a subject have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SubjectKind {
    /// A cgroup that this observation made for a command.
    #[default]
    Session,
    /// A cgroup of somebody else.
    Cgroup,
    /// They descend from one process; its cgroup may have others. The id has
    /// [`bom_common::config::PROCESS_SUBJECT`] set.
    Process,
}

/// What the node is. No host name, no user name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HostFacts {
    /// `uname -r`.
    pub kernel: String,
    /// `uname -m`.
    pub architecture: String,
    /// ID and VERSION_ID of /etc/os-release.
    pub distribution: Option<(String, String)>,
    /// Kernel modules of accelerators that are loaded, with the version they give; `None` for those that come with the
    /// kernel.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub drivers: BTreeMap<String, Option<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeat {
    pub process: ProcessKey,
    pub image: ImageId,
    pub file: FileKey,
    pub parent_inode: u64,
    pub name_hash: u64,
    pub mount_id: u32,
    /// As [`OpenedFile::access`] has it.
    pub access: u32,
    /// Opens, the first included.
    pub count: u64,
    pub last_ns: u64,
}

/// How the observation of a subject ended: with it, or before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    pub subject: u64,
    pub at_ns: u64,
    /// Wait status of the command, as wait(2) gives it; `None` if there was no command.
    pub status: Option<u32>,
    /// Members of the subject's cgroup that were still there, by pid.
    pub survivors: BTreeSet<u32>,
    /// That list may lack some.
    pub survivors_cut: bool,
}

/// I/O the core asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    pub id: u64,
    /// Whose file it is: questions of one subject do not make another's wait.
    pub subject: u64,
    pub request: Request,
    /// Where to look: the file as the process saw it.
    pub file: OpenedFile,
    pub process: ProcessKey,
    pub mount_namespace: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// What is this file? (`bom-extract`)
    Inspect,
    /// SHA-256 of its content.
    Digest,
    /// Which installed package owns it?
    Owner,
    /// Where would a process find it? Its path starts at the root of its file system.
    Locate,
    /// Is it still as it was when it was opened?
    Recheck,
    /// What does the store it lies in say of it?
    Origin,
    /// Is it what the package that owns it recorded?
    Verify,
    /// What was the program told that runs in the process? The file is the program.
    Claims,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// `None`: not a format we know.
    Inspected(Option<Box<Extracted>>),
    /// Lower-case hex SHA-256.
    Digest(String),
    /// The same, read by an earlier observation; the file has not changed since, as far as its times tell.
    EarlierDigest(String),
    Owner(Owner),
    /// A place where it was found, and the mount namespace (by inode number) in which.
    Located {
        path: SeenPath,
        mount_namespace: u32,
    },
    Unchanged,
    Origins(Origins),
    /// Whether it has the digest that its package recorded.
    Verified(bool),
    /// From its environment and arguments: the word of whoever started it.
    Claims(Claims),
    /// It could not be found out, and this is why.
    Unknown(Reason),
}

/// Who installed a file. Several can hold; none is "looked, is absent".
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Owner {
    pub python: Option<PythonOwner>,
    pub deb: Option<DebOwner>,
    /// Packages of every other kind.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub packages: BTreeSet<PackageOwner>,
    /// Lists that may have it and are not read: with one of these, "none" is not known.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unread: BTreeSet<UnreadList>,
}

impl Owner {
    /// No installer speaks of the file, at most whoever wrote it: then it has nothing but its content to be known by.
    pub fn is_own_word(&self) -> bool {
        let installed = self.python.as_ref().is_some_and(|owner| !owner.editable) || self.deb.is_some();
        !installed && self.packages.iter().all(|owner| owner.basis == Basis::Project)
    }

    /// No list and no manifest speaks of the file.
    pub fn is_nobody(&self) -> bool {
        self.python.is_none() && self.deb.is_none() && self.packages.is_empty()
    }
}

/// A distribution whose RECORD lists the file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PythonOwner {
    /// `Name` of METADATA.
    pub name: String,
    /// `Version` of METADATA.
    pub version: String,
    /// The `.dist-info` directory.
    pub dist_info: SeenPath,
    /// SHA-256 that RECORD gives for the file, lower-case hex; claimed by the installer.
    pub recorded_sha256: Option<String>,
    /// `direct_url.json` says the distribution is an editable install.
    pub editable: bool,
}

/// A Debian package whose file list has the path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DebOwner {
    pub package: String,
    pub version: String,
    pub architecture: String,
}

/// Why a value is not known. The names are stable: they stand in documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Reason {
    PermissionDenied,
    NotFound,
    /// Device, inode, size or change time differ from what was opened.
    ChangedSinceOpen,
    /// No way into the mount namespace is left.
    NamespaceGone,
    /// Its path was longer than a record can hold.
    PathTruncated,
    NotRegular,
    /// Larger than the limit for this question.
    TooLarge,
    /// Too many files were waiting.
    QueueFull,
    /// The observation ended before it was looked at.
    Deadline,
    ReadFailed,
}

impl Reason {
    /// Kebab-case, for documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PermissionDenied => "permission-denied",
            Self::NotFound => "not-found",
            Self::ChangedSinceOpen => "changed-since-open",
            Self::NamespaceGone => "namespace-gone",
            Self::PathTruncated => "path-truncated",
            Self::NotRegular => "not-regular",
            Self::TooLarge => "too-large",
            Self::QueueFull => "queue-full",
            Self::Deadline => "deadline",
            Self::ReadFailed => "read-failed",
        }
    }
}
