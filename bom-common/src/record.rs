//! Records: one [`Header`], then the body that its `kind` names, then the bytes the body counts.
//!
//! All integers are in the byte order of the machine; a record never leaves the node as it is.

#[cfg(feature = "user")]
use zerocopy::{FromBytes, Immutable, KnownLayout};

/// The layout of this module. A reader refuses any other.
pub const VERSION: u16 = 1;

/// The longest path, in bytes, that one record carries (`PATH_MAX` of the kernel).
pub const PATH_CAPACITY: usize = 4096;
/// The longest requested name that an exec record carries after the resolved path.
pub const REQUESTED_CAPACITY: usize = 1024;
/// Stream bytes in one payload record; a longer piece becomes several records.
pub const PAYLOAD_CAPACITY: usize = 2048;

/// `Header::kind` values.
pub mod kind {
    /// A file was opened: [`super::Open`], then its path.
    pub const OPEN: u16 = 1;
    /// A program image replaced another: [`super::Exec`], then the path, then the requested name.
    pub const EXEC: u16 = 2;
    /// A new process: [`super::Fork`].
    pub const FORK: u16 = 3;
    /// The last thread of a process ended: [`super::Exit`].
    pub const EXIT: u16 = 4;
    /// A TCP socket changed its state: [`super::TcpState`].
    pub const TCP_STATE: u16 = 5;
    /// The beginning of a stream, or a datagram: [`super::Payload`].
    pub const PAYLOAD: u16 = 6;
    /// A process got its second thread: no body.
    pub const THREADED: u16 = 7;
    /// A process made an io_uring instance: no body.
    pub const URING_CREATED: u16 = 8;
    /// A file was mapped into memory: [`super::Map`], then its path.
    pub const MAP: u16 = 20;
    /// Content of a file was read: [`super::Open`], then its path within the file system.
    pub const READ: u16 = 21;
    /// Memory that is no file's own content became executable, once per process: no body.
    pub const EXECUTABLE_MEMORY: u16 = 22;
    /// A socket of a family that connects was received from another process: no body.
    pub const SOCKET_RECEIVED: u16 = 23;
    /// A process has memory below 4 GiB, where 32-bit system calls can point to: once per process, no body.
    pub const LOW_MEMORY: u16 = 24;
    /// The first datagram between a UDP socket and a peer, or a count of those so far: [`super::UdpFlow`].
    pub const UDP_FLOW: u16 = 30;
    /// A unix socket was connected, or listens: [`super::UnixSocket`].
    pub const UNIX_SOCKET: u16 = 31;
    /// A socket was made that the other probes do not follow: [`super::OtherSocket`].
    pub const OTHER_SOCKET: u16 = 32;
    /// A process can get content from where no other probe looks, once per process: a pipe that it was given, received
    /// or opened by name, or the memory of another process. No body.
    pub const OTHER_SOURCE: u16 = 33;
    /// A sweep met an open descriptor of a regular file or device: [`super::SweptFile`], then its path.
    pub const SWEPT_FILE: u16 = 40;
    /// A sweep met a mapping: [`super::SweptMapping`], then its path; anonymous ones only if they can be executed.
    pub const SWEPT_MAPPING: u16 = 41;
    /// A sweep met a socket: [`super::SweptSocket`], then the name of a unix socket.
    pub const SWEPT_SOCKET: u16 = 42;
    /// A sweep met a process: [`super::SweptProcess`], then the path of its executable.
    pub const SWEPT_PROCESS: u16 = 43;
    /// A process came to another subject, or left the cgroups of its own: [`super::Moved`].
    pub const MOVED: u16 = 44;
    /// A cgroup was made below a tracked one: [`super::CgroupLife`].
    pub const CGROUP_MADE: u16 = 45;
    /// A tracked cgroup is gone: [`super::CgroupLife`].
    pub const CGROUP_GONE: u16 = 46;
    /// A connection passed the kernel's security check: [`super::Connect`].
    pub const CONNECT: u16 = 50;
}

/// `Header::probe` values: one kernel hook each, never reused. Zero is no probe.
pub mod probe {
    pub const SCHED_PROCESS_EXEC: u16 = 1;
    pub const SCHED_PROCESS_FORK: u16 = 2;
    pub const SCHED_PROCESS_EXIT: u16 = 3;
    pub const SYS_EXIT_OPEN: u16 = 4;
    pub const SYS_EXIT_OPENAT: u16 = 5;
    pub const SYS_EXIT_OPENAT2: u16 = 6;
    pub const SYS_EXIT_CREAT: u16 = 7;
    pub const SYS_EXIT_OPEN_BY_HANDLE_AT: u16 = 8;
    pub const INET_SOCK_SET_STATE: u16 = 9;
    pub const CGROUP_SKB_EGRESS: u16 = 10;
    pub const CGROUP_SKB_INGRESS: u16 = 11;
    pub const IO_URING_CREATE: u16 = 12;
    pub const IO_URING_COMPLETE: u16 = 13;
    /// Writes no records: it keeps the table of tracked cgroups.
    pub const CGROUP_MKDIR: u16 = 14;
    pub const SYS_EXIT_MMAP: u16 = 20;
    pub const SYS_EXIT_MPROTECT: u16 = 21;
    pub const MM_FILEMAP_GET_PAGES: u16 = 22;
    pub const MM_FILEMAP_MAP_PAGES: u16 = 23;
    pub const MM_FILEMAP_FAULT: u16 = 24;
    pub const IOMAP_ITER: u16 = 25;
    pub const SKB_COPY_DATAGRAM_IOVEC: u16 = 26;
    pub const SYS_EXIT_PIDFD_GETFD: u16 = 27;
    /// Writes no records: it counts.
    pub const IO_URING_SUBMIT_REQ: u16 = 28;
    pub const SYS_EXIT_PKEY_MPROTECT: u16 = 29;
    pub const SYS_EXIT_SHMAT: u16 = 30;
    pub const SYS_EXIT_MREMAP: u16 = 31;
    /// A second program on that hook.
    pub const SCHED_PROCESS_EXEC_MEMORY: u16 = 32;
    /// Writes no records: it counts.
    pub const SYS_EXIT_BPF: u16 = 33;
    pub const CGROUP_CONNECT4: u16 = 40;
    pub const CGROUP_CONNECT6: u16 = 41;
    pub const CGROUP_SENDMSG4: u16 = 42;
    pub const CGROUP_SENDMSG6: u16 = 43;
    pub const SYS_EXIT_CONNECT: u16 = 44;
    pub const SYS_EXIT_LISTEN: u16 = 45;
    pub const SYS_EXIT_SOCKET: u16 = 46;
    pub const SYS_EXIT_SOCKETPAIR: u16 = 47;
    pub const SYS_EXIT_PROCESS_VM_READV: u16 = 48;
    pub const SYS_EXIT_PTRACE: u16 = 49;
    pub const ITER_TASK: u16 = 60;
    pub const ITER_TASK_FILE: u16 = 61;
    pub const ITER_TASK_VMA: u16 = 62;
    pub const ITER_TCP: u16 = 63;
    pub const ITER_UDP: u16 = 64;
    pub const ITER_UNIX: u16 = 65;
    pub const CGROUP_ATTACH_TASK: u16 = 66;
    pub const CGROUP_RELEASE: u16 = 67;
    /// No hook: what /proc shows of a process, where the kernel has no iterator for it.
    pub const PROCFS: u16 = 68;
    pub const SECURITY_FILE_OPEN: u16 = 70;
    pub const SECURITY_MMAP_FILE: u16 = 71;
    pub const SECURITY_SOCKET_CONNECT: u16 = 72;
    /// Writes no records: gives sockets their cookie where [`INET_SOCK_SET_STATE`] cannot ask for it.
    pub const CGROUP_SOCK_CREATE: u16 = 73;
    /// Not of the eBPF programs: opens as fanotify(7) reports them.
    pub const FANOTIFY_OPEN: u16 = 90;
    /// Writes no records: that fanotify says which files it could not open.
    pub const FANOTIFY_ERRORS: u16 = 91;
    /// In records only: one of the `SYS_EXIT_*`, by the number of the system call.
    pub const SYS_EXIT: u16 = u16::MAX;
}

/// `Open::path_flags` and `Exec::path_flags` bits.
pub mod path_flag {
    /// The path is longer or deeper than a record can hold; the leading components are missing.
    pub const TRUNCATED: u32 = 1;
    /// The name was already removed from its directory.
    pub const UNLINKED: u32 = 2;
    /// The walk ended at a root that is not a mount point of any namespace.
    pub const DETACHED: u32 = 4;
    /// The path starts at the root of the file system, not at that of a mount namespace.
    pub const FILESYSTEM_RELATIVE: u32 = 8;
}

/// `Payload::protocol` values.
pub mod protocol {
    /// A DNS message over UDP, as it came in.
    pub const DNS_UDP: u16 = 1;
    /// A piece of a client's TCP stream that starts as a TLS record.
    pub const TLS_CLIENT: u16 = 2;
    /// A piece of a client's TCP stream that starts as an HTTP/1 request.
    pub const HTTP_CLIENT: u16 = 3;
    /// A piece of a client's TCP stream that starts with the preface of HTTP/2.
    pub const H2C_CLIENT: u16 = 4;
    /// A piece of a datagram going out that starts as a QUIC Initial packet.
    pub const QUIC_CLIENT: u16 = 5;
    /// A piece of what a server on the DNS port sends over TCP.
    pub const DNS_TCP: u16 = 6;
}

/// `TcpState::new_state` for a count of bytes of a connection that goes on: no state of the kernel has this number.
pub const STILL_OPEN: u8 = 0xff;

/// Bytes of a unix socket's name that one record carries, a power of two (`sun_path` has 108).
pub const UNIX_NAME_CAPACITY: usize = 128;

/// `UnixSocket::flags` bits.
pub mod unix_flag {
    /// The socket listens, and the name is its own; else it was connected, and the name is the peer's.
    pub const LISTENING: u16 = 1;
}

/// `OtherSocket::flags` bits.
pub mod socket_flag {
    /// The process that made it was in no cgroup of its subject: the packet probes do not see it.
    pub const OUTSIDE: u16 = 1;
    /// One end of a pair.
    pub const PAIR: u16 = 2;
    /// It was not made by the subject, but handed to its first process.
    pub const INHERITED: u16 = 4;
}

/// `SweptSocket::direction` values.
pub mod direction {
    pub const UNKNOWN: u8 = 0;
    /// It called its peer.
    pub const CALLED: u8 = 1;
    /// Its peer called.
    pub const ACCEPTED: u8 = 2;
    /// Beside one of them: the descriptor is closed by an exec.
    pub const CLOSES_ON_EXEC: u8 = 0x80;
}

/// What stands at the beginning of every record. 64 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "user", derive(FromBytes, Immutable, KnownLayout))]
pub struct Header {
    pub version: u16,
    pub kind: u16,
    /// [`probe`]; [`probe::SYS_EXIT`] stands for the one that `system_call` names.
    pub probe: u16,
    /// Number of the system call (of this architecture), for [`probe::SYS_EXIT`]; else 0.
    pub system_call: u16,
    /// Bytes of the whole record, this header included.
    pub length: u32,
    /// Thread id in the initial pid namespace; 0 where no task is known.
    pub tid: u32,
    /// Nanoseconds of CLOCK_BOOTTIME.
    pub time_ns: u64,
    /// The tracked cgroup that makes the process part of a subject.
    pub subject: u64,
    /// The cgroup (v2) of the task or socket at that moment.
    pub cgroup: u64,
    /// Thread group id in the initial pid namespace; 0 where no task is known.
    pub tgid: u32,
    /// Inode number of the task's mount namespace; 0 where no task is known.
    pub mount_namespace: u32,
    /// Start of the thread group leader, nanoseconds of CLOCK_BOOTTIME.
    pub start_ns: u64,
    /// The program image: a number given at exec and inherited by fork.
    pub image: u64,
}
const _: () = assert!(size_of::<Header>() == 64);

/// One file as the kernel holds it: `struct file`, its dentry, inode and mount. 96 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "user", derive(FromBytes, Immutable, KnownLayout))]
pub struct File {
    /// `i_ino`.
    pub inode: u64,
    /// `i_ino` of the directory that holds the name.
    pub parent_inode: u64,
    /// The kernel's salted hash and length of the name: tells hard links in one directory apart.
    pub name_hash: u64,
    /// `i_size`, bytes.
    pub size: u64,
    pub ctime_s: i64,
    pub ctime_ns: u32,
    /// `s_dev`: major in the upper 12 bits, minor in the lower 20.
    pub device: u32,
    pub generation: u32,
    /// `i_mode`: type and permissions.
    pub mode: u32,
    /// `s_magic`.
    pub fs_magic: u64,
    /// `i_rdev` of a device node, else 0.
    pub rdev: u32,
    pub mount_id: u32,
    /// `f_flags`: O_RDONLY, O_PATH, …
    pub flags: u32,
    /// Bytes of the path that follow the body: components from the leaf upward, each ending in `/`.
    pub path_length: u32,
    pub path_flags: u32,
    /// On overlayfs, `s_dev` of the file below that holds the content; else 0.
    pub real_device: u32,
    /// … and its `i_ino`.
    pub real_inode: u64,
}
const _: () = assert!(size_of::<File>() == 96);

/// Body of [`kind::OPEN`].
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "user", derive(FromBytes, Immutable, KnownLayout))]
pub struct Open {
    pub file: File,
}

/// Body of [`kind::MAP`].
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "user", derive(FromBytes, Immutable, KnownLayout))]
pub struct Map {
    pub file: File,
    /// `vm_flags`, whose lowest bits are 1 read, 2 write, 4 execute, 8 shared (include/linux/mm.h).
    pub vm_flags: u64,
}
const _: () = assert!(size_of::<Map>() == 104);

/// Body of [`kind::CONNECT`]: what a process asked for, whatever came of it. 24 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "user", derive(FromBytes, Immutable, KnownLayout))]
pub struct Connect {
    /// IPv4 addresses take the first four bytes.
    pub remote: [u8; 16],
    /// `AF_INET` or `AF_INET6`.
    pub family: u16,
    pub port: u16,
    /// `SOCK_STREAM`, `SOCK_DGRAM`, …
    pub socket_type: u16,
    pub reserved: u16,
}
const _: () = assert!(size_of::<Connect>() == 24);

/// Body of [`kind::EXEC`].
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "user", derive(FromBytes, Immutable, KnownLayout))]
pub struct Exec {
    pub file: File,
    /// The image that was replaced; 0 if the process was not tracked before.
    pub previous_image: u64,
    pub parent_start_ns: u64,
    pub parent_tgid: u32,
    /// Bytes of the requested name (the kernel's copy of execve's argument) after the path.
    pub requested_length: u32,
    pub uid: u32,
    pub reserved: u32,
}
const _: () = assert!(size_of::<Exec>() == 128);

/// Body of [`kind::FORK`]. The header names the parent.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "user", derive(FromBytes, Immutable, KnownLayout))]
pub struct Fork {
    pub child_start_ns: u64,
    pub child_tgid: u32,
    pub reserved: u32,
}
const _: () = assert!(size_of::<Fork>() == 16);

/// Body of [`kind::EXIT`].
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "user", derive(FromBytes, Immutable, KnownLayout))]
pub struct Exit {
    /// As wait(2) would give it: exit code × 256, or the signal.
    pub code: u32,
    pub reserved: u32,
}
const _: () = assert!(size_of::<Exit>() == 8);

/// Body of [`kind::TCP_STATE`]. The header's task is the one that called connect, also for
/// states that the kernel reached later, in no task.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "user", derive(FromBytes, Immutable, KnownLayout))]
pub struct TcpState {
    pub cookie: u64,
    /// Acknowledged by the peer (`tcp_sock::bytes_acked`, the SYN counts as one).
    pub bytes_acked: u64,
    pub bytes_received: u64,
    pub remote: [u8; 16],
    pub local: [u8; 16],
    /// 2 = AF_INET (the first four bytes of the addresses count), 10 = AF_INET6.
    pub family: u16,
    pub remote_port: u16,
    pub local_port: u16,
    pub old_state: u8,
    pub new_state: u8,
}
const _: () = assert!(size_of::<TcpState>() == 64);

/// Body of [`kind::PAYLOAD`], followed by `length` stream bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "user", derive(FromBytes, Immutable, KnownLayout))]
pub struct Payload {
    pub cookie: u64,
    pub protocol: u16,
    pub family: u16,
    pub remote_port: u16,
    pub local_port: u16,
    pub remote: [u8; 16],
    /// TCP: sequence number of the first byte that follows. UDP: its offset in the datagram.
    pub sequence: u32,
    /// Bytes that follow.
    pub length: u32,
    /// Bytes the datagram had; more than `length` if it was cut.
    pub total: u32,
    pub reserved: u32,
}
const _: () = assert!(size_of::<Payload>() == 48);

/// Body of [`kind::UDP_FLOW`]. The header's task is the one that connected the socket or sent to an address last.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "user", derive(FromBytes, Immutable, KnownLayout))]
pub struct UdpFlow {
    pub cookie: u64,
    /// Payload bytes out and in so far.
    pub sent: u64,
    pub received: u64,
    pub datagrams_sent: u64,
    pub datagrams_received: u64,
    pub remote: [u8; 16],
    pub local: [u8; 16],
    /// As in [`TcpState`].
    pub family: u16,
    pub remote_port: u16,
    pub local_port: u16,
    /// 1 if the peer sent first.
    pub inbound: u16,
    /// IPPROTO_UDP, or what carried it instead.
    pub protocol: u16,
    pub reserved: [u16; 3],
}
const _: () = assert!(size_of::<UdpFlow>() == 88);

/// Body of [`kind::UNIX_SOCKET`].
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "user", derive(FromBytes, Immutable, KnownLayout))]
pub struct UnixSocket {
    /// Subject of the process that listens at the other end (of a datagram socket: of its cgroup); 0 if
    /// it is in none, or not known.
    pub peer_subject: u64,
    /// Cgroup (v2) in which a datagram peer was made; 0 for other types.
    pub peer_cgroup: u64,
    /// Process that listened at the other end, if it is alive; 0 for datagram sockets.
    pub peer_tgid: u32,
    /// SOCK_STREAM 1, SOCK_DGRAM 2, SOCK_SEQPACKET 5.
    pub socket_type: u16,
    /// [`unix_flag`].
    pub flags: u16,
    /// Bytes of `name` that count; 0 for a socket without a name.
    pub name_length: u32,
    pub reserved: u32,
    /// `sun_path` as the one that bound it wrote it; an abstract name begins with a zero byte.
    pub name: [u8; UNIX_NAME_CAPACITY],
}
const _: () = assert!(size_of::<UnixSocket>() == 160);

/// Body of [`kind::OTHER_SOCKET`].
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "user", derive(FromBytes, Immutable, KnownLayout))]
pub struct OtherSocket {
    /// AF_*, SOCK_*, IPPROTO_*, as the kernel has them.
    pub family: u16,
    pub socket_type: u16,
    pub protocol: u16,
    /// [`socket_flag`].
    pub flags: u16,
}
const _: () = assert!(size_of::<OtherSocket>() == 8);
/// Body of [`kind::SWEPT_FILE`].
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "user", derive(FromBytes, Immutable, KnownLayout))]
pub struct SweptFile {
    pub file: File,
    pub descriptor: u32,
    /// 1 if an exec closes it.
    pub close_on_exec: u32,
}
const _: () = assert!(size_of::<SweptFile>() == 104);

/// Body of [`kind::SWEPT_MAPPING`].
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "user", derive(FromBytes, Immutable, KnownLayout))]
pub struct SweptMapping {
    /// All zeroes for anonymous memory.
    pub file: File,
    /// `vm_flags`: VM_READ 1, VM_WRITE 2, VM_EXEC 4, VM_SHARED 8 (include/linux/mm.h).
    pub flags: u64,
}
const _: () = assert!(size_of::<SweptMapping>() == 104);

/// Body of [`kind::SWEPT_PROCESS`].
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "user", derive(FromBytes, Immutable, KnownLayout))]
pub struct SweptProcess {
    /// `mm->exe_file`; all zeroes if it has none any more.
    pub file: File,
    pub parent_start_ns: u64,
    pub parent_tgid: u32,
    pub uid: u32,
    /// Threads it has now.
    pub threads: u32,
    /// 1 if the thread that was met has an io_uring.
    pub uring: u32,
    pub reserved: u64,
}
const _: () = assert!(size_of::<SweptProcess>() == 128);

/// Body of [`kind::SWEPT_SOCKET`], followed by `name_length` bytes of a unix socket's name.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "user", derive(FromBytes, Immutable, KnownLayout))]
pub struct SweptSocket {
    /// 0 if the socket has none yet.
    pub cookie: u64,
    /// `i_ino` of the socket; 0 if it has no descriptor any more.
    pub inode: u64,
    pub bytes_acked: u64,
    pub bytes_received: u64,
    pub remote: [u8; 16],
    pub local: [u8; 16],
    /// 1 = AF_UNIX, 2 = AF_INET, 10 = AF_INET6.
    pub family: u16,
    pub remote_port: u16,
    pub local_port: u16,
    /// `sk_type`: 1 = SOCK_STREAM, 2 = SOCK_DGRAM, …
    pub kind: u16,
    /// `sk_protocol`: 6 = TCP, 17 = UDP.
    pub protocol: u16,
    /// include/net/tcp_states.h
    pub state: u8,
    /// [`direction`]
    pub direction: u8,
    pub name_length: u32,
    /// Of the process that listens at the other end of a unix socket, or made the other end of a pair; 0 if it is in
    /// none, or not known.
    pub peer_subject: u64,
}
const _: () = assert!(size_of::<SweptSocket>() == 88);

/// Body of [`kind::MOVED`]. The header names the process and the subject it has now.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "user", derive(FromBytes, Immutable, KnownLayout))]
pub struct Moved {
    /// The subject it had before; 0 if it had none. The one it has now if it only left the cgroups.
    pub from: u64,
    pub parent_start_ns: u64,
    pub parent_tgid: u32,
    /// 1 if it was born there (clone3 with CLONE_INTO_CGROUP) and has never run anywhere else.
    pub born: u32,
}
const _: () = assert!(size_of::<Moved>() == 24);

/// The longest path of a cgroup in a record (TRACE_CGROUP_PATH_LEN, kernel/cgroup/cgroup-internal.h).
pub const CGROUP_CAPACITY: usize = 1024;

/// Body of [`kind::CGROUP_MADE`] and [`kind::CGROUP_GONE`]. The header names no task; its subject is that of
/// the cgroup. The cgroup's path in the hierarchy follows, up to the end of the record.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "user", derive(FromBytes, Immutable, KnownLayout))]
pub struct CgroupLife {
    pub cgroup: u64,
    pub parent: u64,
}
const _: () = assert!(size_of::<CgroupLife>() == 16);
