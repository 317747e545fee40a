//! The inventory: the fold of all facts, by epoch. It merges by [`Join`].

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    claimed::Claim,
    coverage::Coverage,
    fact::{Evidence, FactKey},
    input::{HostFacts, Owner, Pod, Reason, Request},
    join::{Few, Intervals, Join, Max, Min, join_fields},
    key::{EpochId, FileKey, ImageId, Object, ProcessKey, SubjectKey},
    metadata::Extracted,
    path::SeenPath,
    stdio::Stdio,
    stored::Stored,
};

/// Everything observed, from any number of epochs and nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    pub epochs: BTreeMap<EpochId, Epoch>,
}

join_fields!(Inventory: epochs);

/// What one agent saw between its start and its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Epoch {
    /// Version of the aibom that observed.
    pub versions: BTreeSet<String>,
    pub host: BTreeSet<HostFacts>,
    /// When observation ran, nanoseconds of CLOCK_BOOTTIME.
    pub window: Intervals,
    /// Pairs of CLOCK_BOOTTIME and wall clock, nanoseconds.
    pub clock: BTreeSet<(u64, i64)>,
    pub subjects: BTreeMap<SubjectKey, Subject>,
    pub processes: BTreeMap<ProcessKey, Process>,
    pub images: BTreeMap<ImageId, Image>,
    /// What is known of each object; more can come later, nothing is taken back.
    pub objects: BTreeMap<Object, Few<Description>>,
    pub facts: BTreeMap<FactKey, Evidence>,
    /// Where each fact's own process saw the file; others may have seen it elsewhere.
    pub paths: BTreeMap<FactKey, Few<SeenPath>>,
    /// What came of nothing and was too much to keep one by one.
    pub aside: BTreeMap<(SubjectKey, ImageId), Aside>,
    pub coverage: Coverage,
}

join_fields!(
    Epoch: versions, host, window, clock, subjects, processes, images, objects, facts, paths, aside, coverage
);

/// Opens by one image of files that turned out not to matter, and processes of it that came and went: only counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aside {
    /// A file that is opened again after it was counted counts again.
    pub files: Max<u64>,
    pub opens: Max<u64>,
    pub processes: Max<u64>,
    /// Nanoseconds of CLOCK_BOOTTIME.
    pub first_ns: Min<u64>,
    pub last_ns: Max<u64>,
}

join_fields!(Aside: files, opens, processes, first_ns, last_ns);

impl Default for Aside {
    fn default() -> Self {
        Self { files: Max(0), opens: Max(0), processes: Max(0), first_ns: Min(u64::MAX), last_ns: Max(0) }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// What it is called; the workload identity comes later as one more name.
    pub names: BTreeSet<String>,
    /// Which Kubernetes container it is; more than one is a contradiction.
    pub pods: BTreeSet<Pod>,
    /// Wait status of its command, where it had one.
    pub status: BTreeSet<u32>,
}

join_fields!(Subject: names, pods, status);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// Whose it was; more than one if it was moved.
    pub subjects: Few<SubjectKey>,
    pub parents: Few<ProcessKey>,
    pub images: Few<ImageId>,
    pub threaded: Max<bool>,
    pub uring: Max<bool>,
    /// Wait status.
    pub status: Few<u32>,
}

join_fields!(Process: subjects, parents, images, threaded, uring, status);

/// A program image, from its exec on, in every process that inherited it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    pub subject: BTreeSet<SubjectKey>,
    pub executables: BTreeSet<FileKey>,
    /// What execve was asked for; claimed.
    pub requested: BTreeSet<SeenPath>,
    /// The image that execed or forked it.
    pub previous: BTreeSet<ImageId>,
    /// What it was told in its environment and arguments; claimed.
    pub claims: BTreeSet<Claim>,
    /// Why there may be more claims than these; nothing, and no reason, if nobody looked.
    pub claims_unread: BTreeSet<Unread>,
    /// What its standard input and output were.
    pub stdio: BTreeSet<Stdio>,
}

join_fields!(Image: subject, executables, requested, previous, claims, claims_unread, stdio);

/// Why claims of a program are not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unread {
    /// Nobody has answered, or could.
    Unanswered,
    Unknown(Reason),
    /// There were more than are looked at.
    Cut,
}

impl Unread {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unanswered => "unanswered",
            Self::Unknown(reason) => reason.name(),
            Self::Cut => "cut",
        }
    }
}

/// Something known of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Description {
    /// Where a process saw it.
    Path(SeenPath),
    /// Its name had been removed when it was opened.
    Unlinked,
    /// What its content says; `None` is "looked at, and nothing we know".
    Content(Option<Box<Extracted>>),
    /// SHA-256, lower-case hex.
    Digest(String),
    /// That digest was read by an earlier observation.
    EarlierDigest,
    Owner(Box<Owner>),
    /// What a store says of it.
    Stored(Box<Stored>),
    /// Whether it has the digest that its package recorded.
    Intact(bool),
    /// A character device, by its number.
    Device(u32),
    /// A name of an endpoint, and who said so.
    Name {
        source: NameSource,
        name: String,
    },
    /// What the stream said the peer is called is not what DNS said of its address.
    Mismatch {
        source: NameSource,
        name: String,
    },
    /// Several names are known for the address, and nothing says which one was meant.
    SeveralNames,
    /// A DNS answer came from it.
    Resolver,
    /// Name of a model in a request in plain text; claimed.
    Model(String),
    /// Whether the other end of a unix socket belongs to the same subject.
    SamePeer(bool),
    /// Application protocol offered by the client.
    Protocol(String),
    /// A question about it that has no answer.
    Unknown {
        question: Question,
        reason: Reason,
    },
}

/// What was asked of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    Content,
    Digest,
    Owner,
    /// Whether it stayed as it was.
    Change,
    /// What its store says of it.
    Origin,
    /// Whether it is what its package recorded.
    Verify,
    /// What a program was told.
    Claims,
}

impl From<Request> for Question {
    fn from(request: Request) -> Self {
        match request {
            // Without a place nothing can be said of the content.
            Request::Inspect | Request::Locate => Self::Content,
            Request::Recheck => Self::Change,
            Request::Digest => Self::Digest,
            Request::Owner => Self::Owner,
            Request::Origin => Self::Origin,
            Request::Verify => Self::Verify,
            Request::Claims => Self::Claims,
        }
    }
}

impl Question {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Digest => "digest",
            Self::Owner => "owner",
            Self::Change => "change",
            Self::Origin => "origin",
            Self::Verify => "verify",
            Self::Claims => "claims",
        }
    }
}

/// Who says that an endpoint has a name, the weightiest first. All are what the agent or its resolver *said*.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NameSource {
    /// The server name of a ClientHello.
    Sni,
    /// The target of a tunnel, or of a request, that a proxy was asked for.
    Proxy,
    /// The Host of a request in plain text.
    Host,
    /// A DNS answer that contained the address, and had not expired when it was connected.
    Dns,
    /// … and had expired.
    ExpiredDns,
    /// A name that an answer with the address passed through (CNAME), which is rarely what was asked for.
    Alias,
}

impl NameSource {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sni => "sni",
            Self::Proxy => "proxy",
            Self::Host => "host",
            Self::Dns => "dns",
            Self::ExpiredDns => "dns-expired",
            Self::Alias => "dns-alias",
        }
    }
}

impl Inventory {
    /// Folds another inventory in.
    pub fn merge(&mut self, other: Self) {
        self.join(other);
    }
}
