//! What happened: a decoded record.

use std::net::SocketAddr;

use bom_common::config::{ACCESS, ACCESS_UNLINKED};
use serde::{Deserialize, Serialize};

use crate::{
    key::{FileKey, ImageId, ProcessKey},
    path::SeenPath,
    stream::{ClientHello, DnsAnswer, HttpHead, Transport, Undecoded},
};

/// One record, decoded, numbered in the order it was drained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Position in the epoch; never reused.
    pub sequence: u64,
    /// `bom_common::record::probe`.
    pub probe: u16,
    /// Nanoseconds of CLOCK_BOOTTIME.
    pub time_ns: u64,
    pub body: Body,
}

/// The task a record speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    pub process: ProcessKey,
    pub tid: u32,
    pub image: ImageId,
    /// The tracked cgroup through which it belongs to a subject.
    pub subject: u64,
    pub cgroup: u64,
    /// Inode number of its mount namespace; 0 if it had left it.
    pub mount_namespace: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    Open {
        task: Task,
        file: OpenedFile,
    },
    Exec {
        task: Task,
        exec: Box<Exec>,
    },
    Fork {
        task: Task,
        child: ProcessKey,
    },
    Exit {
        task: Task,
        code: u32,
    },
    Threaded {
        task: Task,
    },
    UringCreated {
        task: Task,
    },
    /// A file was mapped into memory.
    Map {
        task: Task,
        file: OpenedFile,
        /// The lowest bits: 1 read, 2 write, 4 execute, 8 shared (include/linux/mm.h).
        vm_flags: u64,
    },
    /// Content of a file was read. The path starts at the root of its file system.
    Read {
        task: Task,
        file: OpenedFile,
    },
    /// Memory that is no file's own content became executable.
    ExecutableMemory {
        task: Task,
    },
    /// The process has memory that 32-bit system calls can point to.
    LowMemory {
        task: Task,
    },
    /// A socket was received from another process.
    SocketReceived {
        task: Task,
    },
    Tcp {
        task: Task,
        tcp: Tcp,
    },
    /// Datagrams between a UDP socket and a peer, counted so far. The task is all zeroes where nobody was seen to connect or
    /// send.
    Udp {
        task: Task,
        udp: Udp,
    },
    /// Connections that were accepted at one address of the subject, counted so far. The task only has subject and cgroup.
    Accepted {
        task: Task,
        accepted: Accepted,
    },
    /// A unix socket was connected, or listens.
    Unix {
        task: Task,
        socket: UnixSocket,
    },
    /// A process can get content from where no other probe looks: a pipe that it was given, received or opened by name,
    /// or the memory of another process.
    OtherSource {
        task: Task,
    },
    /// A socket was made that the other probes do not follow.
    OtherSocket {
        task: Task,
        socket: OtherSocket,
    },
    /// A process asked for a connection, whatever came of it.
    Connect {
        task: Task,
        connect: Connect,
    },
    /// The head of a TLS stream or of a QUIC connection, of which only these fields were kept.
    Hello {
        cookie: u64,
        cgroup: u64,
        remote: SocketAddr,
        #[serde(default)]
        transport: Transport,
        hello: ClientHello,
    },
    /// The head of a request in plain text, of which only these fields were kept. The same request
    /// can come twice: first without the name of the model, then with it.
    HttpHead {
        cookie: u64,
        cgroup: u64,
        remote: SocketAddr,
        head: HttpHead,
    },
    /// A DNS answer, of which only these fields were kept.
    Dns {
        cookie: u64,
        cgroup: u64,
        server: SocketAddr,
        answer: DnsAnswer,
    },
    /// A sweep met what is there, whoever brought it there and whenever.
    Swept {
        task: Task,
        swept: Box<Swept>,
    },
    /// A process came to another subject, or left the cgroups of its own.
    Moved {
        /// With the subject it has now.
        task: Task,
        /// The subject it had before; 0 if it had none.
        from: u64,
        parent: ProcessKey,
        /// It was born there, and has run nowhere else.
        born: bool,
    },
    /// A stream head or datagram that could not be decoded.
    Undecoded {
        cookie: u64,
        cgroup: u64,
        remote: SocketAddr,
        reason: Undecoded,
    },
}

/// What a sweep met, at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Swept {
    Process {
        /// What it runs; `None` if that is not known any more.
        executable: Option<OpenedFile>,
        parent: ProcessKey,
        uid: u32,
        threads: u32,
        uring: bool,
    },
    /// An open descriptor of a regular file or device.
    File {
        descriptor: u32,
        close_on_exec: bool,
        file: OpenedFile,
    },
    /// Mapped memory; `None` is anonymous memory that can be executed.
    Mapping {
        executable: bool,
        file: Option<OpenedFile>,
    },
    Socket(SweptSocket),
}

/// A socket that is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweptSocket {
    /// 0 if it has none.
    pub cookie: u64,
    /// Inode number; 0 if no descriptor leads to it.
    pub inode: u64,
    /// Whether an exec closes the descriptor.
    #[serde(default)]
    pub close_on_exec: bool,
    pub state: SweptState,
    /// `None` where the kernel's numbers do not tell.
    pub direction: Option<Direction>,
    pub transport: SweptTransport,
    pub bytes_acked: u64,
    pub bytes_received: u64,
}

/// Who called whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    Called,
    Accepted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SweptState {
    /// Waits for connections, or for datagrams from anybody.
    Listening,
    /// Has a peer.
    Connected,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SweptTransport {
    Tcp {
        local: SocketAddr,
        remote: SocketAddr,
    },
    Udp {
        local: SocketAddr,
        remote: SocketAddr,
    },
    /// Names are what the owner of the listening side chose; empty if it has none.
    Unix {
        local: SeenPath,
        remote: SeenPath,
        /// The subject of the other end, where it is in one.
        #[serde(default)]
        peer_subject: Option<u64>,
    },
    /// Numbers as in [`OtherSocket`].
    Other {
        family: u16,
        kind: u16,
        protocol: u16,
    },
}

/// A file as the kernel had it at that moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenedFile {
    pub key: FileKey,
    pub path: SeenPath,
    /// `bom_common::record::path_flag` bits.
    pub path_flags: u32,
    pub parent_inode: u64,
    pub name_hash: u64,
    pub mode: u32,
    /// Open flags as fcntl(2) has them.
    pub flags: u32,
    pub fs_magic: u64,
    pub rdev: u32,
    pub mount_id: u32,
    /// On overlayfs, device and inode number of the file in a layer that holds the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub real: Option<(u32, u64)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exec {
    pub file: OpenedFile,
    /// What execve was asked for; claimed, because the caller chose it.
    pub requested: SeenPath,
    pub previous_image: ImageId,
    pub parent: ProcessKey,
    pub uid: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tcp {
    pub cookie: u64,
    pub remote: SocketAddr,
    pub local: SocketAddr,
    pub state: TcpState,
    pub bytes_acked: u64,
    pub bytes_received: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connect {
    pub remote: SocketAddr,
    /// `SOCK_STREAM`, `SOCK_DGRAM`, … (include/linux/net.h).
    pub socket_type: u16,
}

/// The states that are reported (include/net/tcp_states.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TcpState {
    SynSent,
    Established,
    /// Established before, and now the bytes so far.
    Open,
    Closed,
    /// The socket waits to be called; it has no peer.
    Listening,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Udp {
    pub cookie: u64,
    pub remote: SocketAddr,
    pub local: SocketAddr,
    /// The peer sent first.
    pub inbound: bool,
    /// Payload bytes.
    pub sent: u64,
    pub received: u64,
    pub datagrams_sent: u64,
    pub datagrams_received: u64,
    /// IPPROTO_UDP, or another protocol of which packets are counted in the same way.
    #[serde(default = "Udp::protocol")]
    pub protocol: u8,
}

impl Udp {
    const fn protocol() -> u8 {
        17
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    pub local: SocketAddr,
    pub connections: u64,
    /// Bytes of those that are closed.
    pub sent: u64,
    pub received: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnixSocket {
    /// The name the listening side bound, as it wrote it; an abstract name starts with a zero byte; `None` if it has none.
    pub name: Option<SeenPath>,
    pub kind: UnixKind,
    /// The socket waits to be called; else it was connected.
    pub listening: bool,
    /// The process that listens, where it is known and alive.
    pub peer: Option<u32>,
    /// The subject of the other end, where it is in one.
    pub peer_subject: Option<u64>,
}

/// `sk_type` of a unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UnixKind {
    Stream,
    Datagram,
    SequencedPacket,
    Other(u16),
}

/// Numbers as the kernel has them: AF_*, SOCK_*, IPPROTO_*.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherSocket {
    pub family: u16,
    pub kind: u16,
    pub protocol: u16,
    /// The process was in no cgroup of its subject.
    pub outside: bool,
    /// One end of a pair.
    pub pair: bool,
    /// It was not made by the subject, but handed to its first process.
    #[serde(default)]
    pub inherited: bool,
}

impl OtherSocket {
    const AF_UNIX: u16 = 1;
    const AF_INET: u16 = 2;
    const AF_INET6: u16 = 10;

    pub fn is_unix(&self) -> bool {
        self.family == Self::AF_UNIX
    }

    /// Its packets pass where those of the subject's cgroups are looked at: all of the internet families, raw ones as
    /// well. Not so SOCK_PACKET, which is below them, and IPPROTO_SMC, whose bytes go past them (net/smc).
    pub fn is_followed(&self) -> bool {
        const SOCK_PACKET: u16 = 10;
        const IPPROTO_SMC: u16 = 256;
        let internet = self.family == Self::AF_INET || self.family == Self::AF_INET6;
        internet && self.kind != SOCK_PACKET && self.protocol != IPPROTO_SMC
    }
}

impl OpenedFile {
    const S_IFMT: u32 = 0o170_000;
    const S_IFREG: u32 = 0o100_000;
    const O_ACCMODE: u32 = 0o3;
    const O_WRONLY: u32 = 0o1;
    const O_PATH: u32 = 0o10_000_000;
    const S_IFBLK: u32 = 0o060_000;
    const S_IFCHR: u32 = 0o020_000;

    pub fn is_regular(&self) -> bool {
        self.mode & Self::S_IFMT == Self::S_IFREG
    }

    /// Whether the descriptor can read content: not write-only, not O_PATH.
    pub fn can_read(&self) -> bool {
        self.flags & Self::O_PATH == 0 && self.flags & Self::O_ACCMODE != Self::O_WRONLY
    }

    /// Whether an exec opened it, not the process (include/linux/fs.h: `__FMODE_EXEC`).
    pub fn is_opened_by_exec(&self) -> bool {
        const FMODE_EXEC: u32 = 0x20;
        self.flags & FMODE_EXEC != 0
    }

    /// How it was opened, as the kernel tells opens apart (`bom_common::config::OpenKey::access`).
    pub fn access(&self) -> u32 {
        let unlinked = if self.is_unlinked() { ACCESS_UNLINKED } else { 0 };
        self.flags & ACCESS | unlinked
    }

    pub fn is_unlinked(&self) -> bool {
        self.path_flags & bom_common::record::path_flag::UNLINKED != 0
    }

    pub fn is_block_device(&self) -> bool {
        self.mode & Self::S_IFMT == Self::S_IFBLK
    }

    /// A character device that takes and gives whole network packets. Documentation/admin-guide/devices.txt: the numbers of
    /// TUN and vhost-net are fixed; macvtap's is not.
    pub fn is_packet_device(&self) -> bool {
        const TUN: u32 = 10 << 20 | 200;
        const VHOST_NET: u32 = 10 << 20 | 238;
        self.mode & Self::S_IFMT == Self::S_IFCHR && [TUN, VHOST_NET].contains(&self.rdev)
    }

    /// The path starts at the root of the file system: where a process would find it is not known.
    pub fn is_placeless(&self) -> bool {
        self.path_flags & bom_common::record::path_flag::FILESYSTEM_RELATIVE != 0
    }

    /// In no file system that is mounted for anybody: a memfd, a detached tree.
    pub fn is_detached(&self) -> bool {
        self.path_flags & bom_common::record::path_flag::DETACHED != 0
    }

    /// Memory that processes share, which the kernel keeps as a file without a name of its own (mm/shmem.c:
    /// shmem_zero_setup, ipc/shm.c). Such a file is its own directory; one in a detached tree is not.
    pub fn is_shared_memory(&self) -> bool {
        let name = self.path.bytes();
        // The one name with a slash in it, `dev/zero`, comes turned round.
        let given = name.ends_with(b"zero/dev") || name.starts_with(b"SYSV");
        let nameless = self.parent_inode == self.key.inode;
        nameless && given && (self.is_detached() || self.is_placeless())
    }

    /// The memory of a process, as a file (`/proc/PID/mem`, `/proc/PID/task/TID/mem`).
    pub fn is_process_memory(&self) -> bool {
        const PROC: u64 = 0x9fa0;
        self.fs_magic == PROC && self.path.file_name() == b"mem"
    }

    /// A segment of System V shared memory.
    pub fn is_system_v(&self) -> bool {
        self.is_shared_memory() && self.path.bytes().starts_with(b"SYSV")
    }

    pub fn is_truncated(&self) -> bool {
        self.path_flags & bom_common::record::path_flag::TRUNCATED != 0
    }

    /// Whether the file system makes its content up (proc, sysfs, cgroup, …): nothing is stored
    /// there, so nothing there can be a model or a library (include/uapi/linux/magic.h).
    pub fn is_pseudo(&self) -> bool {
        const PSEUDO: [u64; 12] = [
            0x9fa0,      // proc
            0x6265_6572, // sysfs
            0x0063_6770, // cgroup2
            0x0027_e0eb, // cgroup
            0x6462_6720, // debugfs
            0x7472_6163, // tracefs
            0x7363_6673, // securityfs
            0x1cd1,      // devpts
            0xcafe_4a11, // bpf
            0x6e73_6673, // nsfs
            0x1981_0909, // mqueue
            0x4249_4e4d, // binfmt_misc
        ];
        PSEUDO.contains(&self.fs_magic)
    }
}
