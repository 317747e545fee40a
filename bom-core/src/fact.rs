//! Facts: subject + claim + evidence, and the one table that turns evidence into confidence.

use std::collections::BTreeMap;

use crate::{
    join::{Join, Max, Min},
    key::{ImageId, Object, ProcessKey, SubjectKey},
};

/// What the subject did with the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Opened the file.
    Opened,
    /// Mapped the file into memory.
    Mapped,
    /// Took content of the file, which it need not have opened itself.
    Read,
    /// Was handed the open file by another process.
    Received,
    /// Replaced its image by the file.
    Executed,
    /// Asked for the name.
    Resolved,
    /// Connected to the peer, or sent datagrams to it.
    Connected,
    /// Can be called there by others.
    Served,
}

impl Action {
    /// Whether a file was there to be used, other than as the program itself.
    pub const fn uses_file(self) -> bool {
        match self {
            Self::Opened | Self::Mapped | Self::Read | Self::Received => true,
            Self::Executed | Self::Resolved | Self::Connected | Self::Served => false,
        }
    }
}

/// How strongly an action is evidenced. Files: enumerated < opened < read or mapped < executed;
/// endpoints: resolved < connected < exchanged bytes. The two are never compared.
///
/// Executed is a program that was started, and a file that was mapped as code: what of it ran is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    Enumerated,
    Opened,
    ReadOrMapped,
    Executed,
    Resolved,
    Connected,
    Exchanged,
}

impl Strength {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enumerated => "enumerated",
            Self::Opened => "opened",
            Self::ReadOrMapped => "read-or-mapped",
            Self::Executed => "executed",
            Self::Resolved => "resolved",
            Self::Connected => "connected",
            Self::Exchanged => "exchanged-bytes",
        }
    }
}

/// One fact. The process and image say who within the subject did it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FactKey {
    pub subject: SubjectKey,
    pub process: ProcessKey,
    pub image: ImageId,
    pub action: Action,
    pub object: Object,
    /// `bom_common::record::probe`.
    pub probe: u16,
}

/// Why we say so. Refers to records of one epoch by sequence number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    pub strength: Max<Strength>,
    pub first_sequence: Min<u64>,
    pub last_sequence: Max<u64>,
    /// Nanoseconds of CLOCK_BOOTTIME.
    pub first_ns: Min<u64>,
    pub last_ns: Max<u64>,
    /// How often, within the epoch.
    pub count: Max<u64>,
    /// Traffic by minute since boot; bounded, see [`Evidence::MINUTES`].
    pub activity: BTreeMap<u64, Bucket>,
}

/// Traffic within one minute. Bytes are counted when they are reported: every minute, and when a connection ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    pub connections: Max<u64>,
    pub sent: Max<u64>,
    pub received: Max<u64>,
}

crate::join::join_fields!(Bucket: connections, sent, received);
crate::join::join_fields!(Evidence: strength, first_sequence, last_sequence, first_ns, last_ns, count, activity);

impl Evidence {
    /// Buckets kept per fact: a day.
    pub const MINUTES: usize = 1440;

    pub fn once(strength: Strength, sequence: u64, time_ns: u64) -> Self {
        Self {
            strength: Max(strength),
            first_sequence: Min(sequence),
            last_sequence: Max(sequence),
            first_ns: Min(time_ns),
            last_ns: Max(time_ns),
            count: Max(1),
            activity: BTreeMap::new(),
        }
    }

    /// One more of the same; unlike [`Join`], this counts.
    pub fn again(&mut self, other: Self) {
        let count = self.count.0.saturating_add(other.count.0);
        self.join(other);
        self.count = Max(count);
    }

    /// Adds traffic to the bucket of its minute; the last bucket takes what comes after the bound.
    pub fn traffic(&mut self, time_ns: u64, connections: u64, sent: u64, received: u64) {
        let minute = time_ns / 60_000_000_000;
        let full = self.activity.len() >= Self::MINUTES && !self.activity.contains_key(&minute);
        let minute = if full { self.activity.keys().next_back().copied().unwrap_or(minute) } else { minute };
        let bucket = self.activity.entry(minute).or_default();
        bucket.connections.0 = bucket.connections.0.saturating_add(connections);
        bucket.sent.0 = bucket.sent.0.saturating_add(sent);
        bucket.received.0 = bucket.received.0.saturating_add(received);
    }
}

/// How something was found out; CycloneDX has the same words (`evidence.identity.methods`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Technique {
    /// A kernel probe saw it happen.
    Instrumentation,
    /// The content of a file was parsed.
    BinaryAnalysis,
    /// An installer's own list names it (RECORD, dpkg).
    ManifestAnalysis,
    /// A computed digest equals one from another source.
    HashComparison,
    /// Only a name says so.
    Filename,
}

/// Confidence in permille: technique × strength × claimed. No other code writes a number.
///
/// Instrumentation is sure of what it saw; what an open means grows with the strength. Parsing
/// content is nearly sure, an installer's list a little less. A value that is only what the observed
/// party said (free text in a header, a name in a stream) is claimed and weighs half.
pub fn confidence(technique: Technique, strength: Strength, claimed: bool) -> u16 {
    let base = match (technique, strength) {
        (Technique::Instrumentation, Strength::Executed | Strength::Exchanged) => 1000,
        (Technique::Instrumentation, Strength::ReadOrMapped | Strength::Connected) => 950,
        (Technique::Instrumentation, Strength::Opened) => 800,
        (Technique::Instrumentation, Strength::Enumerated | Strength::Resolved) => 300,
        (Technique::BinaryAnalysis | Technique::HashComparison, _) => 950,
        (Technique::ManifestAnalysis, _) => 900,
        (Technique::Filename, _) => 300,
    };
    if claimed { base / 2 } else { base }
}
