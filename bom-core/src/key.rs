//! What facts are keyed by: local objects, never names and never a hash that may come late.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::path::SeenPath;

/// One run of one agent on one boot of one node. Sequence numbers count within it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EpochId {
    /// Digest of the machine id, or what the operator named the node.
    pub node: String,
    /// /proc/sys/kernel/random/boot_id.
    pub boot: String,
    /// When the agent started, nanoseconds of CLOCK_BOOTTIME.
    pub start_ns: u64,
}

/// Who is observed: a cgroup of one boot; a session of `aibom run` makes its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SubjectKey {
    pub boot: String,
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
}

impl Carrier {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}
