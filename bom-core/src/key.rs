//! What facts are keyed by: local objects, never names and never a hash that may come late.

use std::{
    cmp::Ordering,
    fmt,
    net::{IpAddr, SocketAddr},
    ops::Deref,
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// /proc/sys/kernel/random/boot_id. Every fact carries it, so it is shared, and equal ones are found equal without
/// a look at the text.
#[derive(Clone, Eq)]
pub struct BootId(Arc<str>);

use crate::path::SeenPath;

/// One run of one agent on one boot of one node. Sequence numbers count within it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EpochId {
    /// Digest of the machine id, or what the operator named the node.
    pub node: String,
    pub boot: BootId,
    /// When the agent started, nanoseconds of CLOCK_BOOTTIME.
    pub start_ns: u64,
}

/// Who is observed: a cgroup of one boot; a session of `aibom run` makes its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SubjectKey {
    pub boot: BootId,
    /// The id of the cgroup (v2).
    pub cgroup: u64,
    /// Start of the session, nanoseconds of CLOCK_BOOTTIME; `None` for a cgroup that is not ours.
    pub session: Option<u64>,
}

/// A process of the initial pid namespace. A bare pid is never a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProcessKey {
    pub tgid: u32,
    /// Start of the thread group leader, nanoseconds of CLOCK_BOOTTIME.
    pub start_ns: u64,
}

/// A program image: a number given at exec and inherited by fork; 0 where the exec was not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ImageId(pub u64);

/// One state of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileKey {
    /// `s_dev` as the kernel has it: major in the upper 12 bits, minor in the lower 20.
    pub device: u32,
    pub inode: u64,
    pub generation: u32,
    /// Bytes.
    pub size: u64,
    pub ctime_s: i64,
    pub ctime_ns: u32,
}

/// Something facts speak of, within one epoch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Object {
    File(FileKey),
    /// A TCP or UDP peer; with the name it was called by, if one is known.
    Endpoint {
        host: Option<String>,
        address: IpAddr,
        port: u16,
        carrier: Carrier,
    },
    /// A name that was resolved, whether or not anything was connected.
    Name(String),
    /// What a proxy was asked to reach. Claimed: what it did reach, only the proxy knows.
    Behind {
        host: String,
        port: u16,
        proxy: SocketAddr,
    },
    /// A unix socket by the name it was bound to; `None` if it has none.
    UnixSocket(Option<SeenPath>),
    /// An address of the subject at which it can be called.
    Listener {
        address: IpAddr,
        port: u16,
        carrier: Carrier,
    },
}

/// What carries the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Carrier {
    Tcp,
    Udp,
    /// Another protocol of IP, by its number (IANA, protocol-numbers).
    Other(u8),
}

impl Carrier {
    /// What packets of this IP protocol are.
    pub const fn of(protocol: u8) -> Self {
        match protocol {
            6 => Self::Tcp,
            17 => Self::Udp,
            other => Self::Other(other),
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Other(1) => "icmp",
            Self::Other(33) => "dccp",
            Self::Other(58) => "icmpv6",
            Self::Other(132) => "sctp",
            Self::Other(136) => "udplite",
            Self::Other(_) => "ip",
        }
    }
}

impl PartialEq for BootId {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Ord for BootId {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) { Ordering::Equal } else { self.0.cmp(&other.0) }
    }
}

impl PartialOrd for BootId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Deref for BootId {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for BootId {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for BootId {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for BootId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

impl fmt::Display for BootId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for BootId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for BootId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}
