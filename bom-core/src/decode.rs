//! Bytes of one record → what it says. By copy, and never trusting a length it carries.

mod sweep;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bom_common::record::{self, Header, kind, probe, protocol};
use zerocopy::FromBytes;

use crate::{
    event::{Body, Connect, Exec, OpenedFile, OtherSocket, Task, Tcp, TcpState, Udp, UnixKind, UnixSocket},
    key::{FileKey, ImageId, ProcessKey},
    path::SeenPath,
    stream::Held,
};

/// A record that could not be decoded: counted as loss, never a reason to stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("decode record: {have} bytes, {need} needed")]
    Short { have: usize, need: usize },
    #[error("decode record: layout version {0}, this build reads {version}", version = record::VERSION)]
    Version(u16),
    #[error("decode record: unknown kind {0}")]
    Kind(u16),
    #[error("decode record: address family {0}")]
    Family(u16),
    #[error("decode record: TCP state {0}")]
    State(u8),
    #[error("decode record: stream protocol {0}")]
    Protocol(u16),
}

/// A record before the stream decoder saw it: the only place where payload bytes exist.
#[derive(Debug)]
pub enum Decoded {
    Body(Body),
    Payload(Payload),
    Cgroup(CgroupLife),
}

/// What the agent has to know to say who is observed; the core learns that by inputs of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CgroupLife {
    /// It was made below one whose children are subjects of their own. The path is that in the hierarchy.
    Made { cgroup: u64, parent: u64, path: SeenPath },
    /// The cgroup of a subject is gone.
    Gone { cgroup: u64 },
}

#[derive(Debug)]
pub struct Record {
    pub probe: u16,
    pub time_ns: u64,
    pub decoded: Decoded,
}

/// Stream or datagram bytes. Lives from the ring to the stream decoder, which alone can read them.
#[derive(Debug)]
pub struct Payload {
    pub cookie: u64,
    pub cgroup: u64,
    pub protocol: Protocol,
    pub remote: SocketAddr,
    pub local_port: u16,
    /// TCP: sequence number of the first byte. UDP: its offset in the datagram.
    pub sequence: u32,
    /// Bytes of the whole datagram or segment.
    pub total: u32,
    pub bytes: Held,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    DnsUdp,
    /// This and the next two are a client's TCP stream; what it carries is told from its bytes.
    TlsClient,
    HttpClient,
    H2cClient,
    QuicClient,
    DnsTcp,
}

/// Decodes one record as it lay in the ring.
pub fn decode(bytes: &[u8]) -> Result<Record, DecodeError> {
    let (header, rest) = take::<Header>(bytes)?;
    if header.version != record::VERSION {
        return Err(DecodeError::Version(header.version));
    }
    let task = Task {
        process: ProcessKey { tgid: header.tgid, start_ns: header.start_ns },
        tid: header.tid,
        image: ImageId(header.image),
        subject: header.subject,
        cgroup: header.cgroup,
        mount_namespace: header.mount_namespace,
    };
    let decoded = match header.kind {
        kind::OPEN => {
            let (open, rest) = take::<record::Open>(rest)?;
            Decoded::Body(Body::Open { task, file: file(&open.file, rest)? })
        }
        kind::EXEC => Decoded::Body(exec(task, rest)?),
        kind::FORK => {
            let (fork, _) = take::<record::Fork>(rest)?;
            let child = ProcessKey { tgid: fork.child_tgid, start_ns: fork.child_start_ns };
            Decoded::Body(Body::Fork { task, child })
        }
        kind::EXIT => Decoded::Body(Body::Exit { task, code: take::<record::Exit>(rest)?.0.code }),
        kind::TCP_STATE => Decoded::Body(Body::Tcp { task, tcp: tcp(&take::<record::TcpState>(rest)?.0)? }),
        kind::CONNECT => {
            let raw = take::<record::Connect>(rest)?.0;
            let remote = SocketAddr::new(address(raw.family, &raw.remote)?, raw.port);
            let connect = Connect { remote, socket_type: raw.socket_type };
            Decoded::Body(Body::Connect { task, connect })
        }
        kind::PAYLOAD => Decoded::Payload(payload(&header, rest)?),
        kind::THREADED => Decoded::Body(Body::Threaded { task }),
        kind::URING_CREATED => Decoded::Body(Body::UringCreated { task }),
        kind::UDP_FLOW => Decoded::Body(Body::Udp { task, udp: udp(&take::<record::UdpFlow>(rest)?.0)? }),
        kind::UNIX_SOCKET => {
            let socket = unix(&take::<record::UnixSocket>(rest)?.0)?;
            Decoded::Body(Body::Unix { task, socket })
        }
        kind::OTHER_SOCKET => {
            let socket = other_socket(&take::<record::OtherSocket>(rest)?.0);
            Decoded::Body(Body::OtherSocket { task, socket })
        }
        kind::SWEPT_PROCESS | kind::SWEPT_FILE | kind::SWEPT_MAPPING | kind::SWEPT_SOCKET => {
            let swept = Box::new(sweep::swept(header.kind, rest)?);
            Decoded::Body(Body::Swept { task, swept })
        }
        kind::MOVED => {
            let (moved, _) = take::<record::Moved>(rest)?;
            let parent = ProcessKey { tgid: moved.parent_tgid, start_ns: moved.parent_start_ns };
            Decoded::Body(Body::Moved { task, from: moved.from, parent, born: moved.born != 0 })
        }
        kind::CGROUP_MADE => {
            let (life, path) = take::<record::CgroupLife>(rest)?;
            let path = SeenPath::new(path);
            Decoded::Cgroup(CgroupLife::Made { cgroup: life.cgroup, parent: life.parent, path })
        }
        kind::CGROUP_GONE => {
            Decoded::Cgroup(CgroupLife::Gone { cgroup: take::<record::CgroupLife>(rest)?.0.cgroup })
        }
        kind::MAP => {
            let (map, rest) = take::<record::Map>(rest)?;
            Decoded::Body(Body::Map { task, file: file(&map.file, rest)?, vm_flags: map.vm_flags })
        }
        kind::READ => {
            let (open, rest) = take::<record::Open>(rest)?;
            Decoded::Body(Body::Read { task, file: file(&open.file, rest)? })
        }
        kind::EXECUTABLE_MEMORY => Decoded::Body(Body::ExecutableMemory { task }),
        kind::LOW_MEMORY => Decoded::Body(Body::LowMemory { task }),
        kind::OTHER_SOURCE => Decoded::Body(Body::OtherSource { task }),
        kind::SOCKET_RECEIVED => Decoded::Body(Body::SocketReceived { task }),
        other => return Err(DecodeError::Kind(other)),
    };
    Ok(Record { probe: probe_of(&header), time_ns: header.time_ns, decoded })
}

/// The numbers of the calls that share a program (arch/x86/entry/syscalls/syscall_64.tbl and
/// include/uapi/asm-generic/unistd.h).
const SHARED: &[(u16, u16)] = if cfg!(target_arch = "x86_64") {
    &[
        (2, probe::SYS_EXIT_OPEN),
        (9, probe::SYS_EXIT_MMAP),
        (10, probe::SYS_EXIT_MPROTECT),
        (25, probe::SYS_EXIT_MREMAP),
        (30, probe::SYS_EXIT_SHMAT),
        (85, probe::SYS_EXIT_CREAT),
        (257, probe::SYS_EXIT_OPENAT),
        (304, probe::SYS_EXIT_OPEN_BY_HANDLE_AT),
        (329, probe::SYS_EXIT_PKEY_MPROTECT),
        (437, probe::SYS_EXIT_OPENAT2),
    ]
} else {
    &[
        (196, probe::SYS_EXIT_SHMAT),
        (216, probe::SYS_EXIT_MREMAP),
        (222, probe::SYS_EXIT_MMAP),
        (226, probe::SYS_EXIT_MPROTECT),
        (288, probe::SYS_EXIT_PKEY_MPROTECT),
        (56, probe::SYS_EXIT_OPENAT),
        (265, probe::SYS_EXIT_OPEN_BY_HANDLE_AT),
        (437, probe::SYS_EXIT_OPENAT2),
    ]
};

fn probe_of(header: &Header) -> u16 {
    if header.probe != probe::SYS_EXIT {
        return header.probe;
    }
    let row = SHARED.iter().find(|(number, _)| *number == header.system_call);
    row.map_or(probe::SYS_EXIT, |(_, probe)| *probe)
}

fn take<T: FromBytes>(bytes: &[u8]) -> Result<(T, &[u8]), DecodeError> {
    T::read_from_prefix(bytes).map_err(|_| DecodeError::Short { have: bytes.len(), need: size_of::<T>() })
}

fn counted(bytes: &[u8], length: u32) -> Result<&[u8], DecodeError> {
    let need = usize::try_from(length).unwrap_or(usize::MAX);
    bytes.get(..need).ok_or(DecodeError::Short { have: bytes.len(), need })
}

fn file(raw: &record::File, rest: &[u8]) -> Result<OpenedFile, DecodeError> {
    Ok(OpenedFile {
        key: FileKey {
            device: raw.device,
            inode: raw.inode,
            generation: raw.generation,
            size: raw.size,
            ctime_s: raw.ctime_s,
            // Since 6.13 the upper bit is a flag of multigrain timestamps (I_CTIME_QUERIED in
            // include/linux/fs.h), which comes and goes without a change.
            ctime_ns: raw.ctime_ns & 0x7fff_ffff,
        },
        path: turn_round(counted(rest, raw.path_length)?, raw.path_flags, raw.device),
        path_flags: raw.path_flags,
        parent_inode: raw.parent_inode,
        name_hash: raw.name_hash,
        mode: raw.mode,
        flags: raw.flags,
        fs_magic: raw.fs_magic,
        rdev: raw.rdev,
        mount_id: raw.mount_id,
        real: (raw.real_inode != 0).then_some((raw.real_device, raw.real_inode)),
    })
}

/// `python3.11/bin/usr/` → `/usr/bin/python3.11`. A path that lost its beginning starts with `…/`, one that starts at
/// the root of a file system with the number of its device, `<254:0>/`; no absolute path does.
fn turn_round(leaf_first: &[u8], flags: u32, device: u32) -> SeenPath {
    let mut path = Vec::with_capacity(leaf_first.len().saturating_add(16));
    if flags & record::path_flag::FILESYSTEM_RELATIVE != 0 {
        path.extend_from_slice(format!("<{}:{}>", device >> 20, device & 0xf_ffff).as_bytes());
    }
    if flags & record::path_flag::TRUNCATED != 0 {
        path.extend_from_slice("…".as_bytes());
    }
    let body = leaf_first.strip_suffix(b"/").unwrap_or(leaf_first);
    for component in body.rsplit(|&byte| byte == b'/') {
        path.push(b'/');
        path.extend_from_slice(component);
    }
    // A file outside every namespace (memfd) has a name, not a path.
    if flags & record::path_flag::DETACHED != 0 {
        path.remove(0);
    }
    SeenPath::new(path)
}

fn exec(task: Task, bytes: &[u8]) -> Result<Body, DecodeError> {
    let (raw, rest) = take::<record::Exec>(bytes)?;
    let file = file(&raw.file, rest)?;
    let after = rest.get(usize::try_from(raw.file.path_length).unwrap_or(usize::MAX)..).unwrap_or_default();
    let requested = SeenPath::new(counted(after, raw.requested_length)?);
    let parent = ProcessKey { tgid: raw.parent_tgid, start_ns: raw.parent_start_ns };
    let previous_image = ImageId(raw.previous_image);
    Ok(Body::Exec { task, exec: Box::new(Exec { file, requested, previous_image, parent, uid: raw.uid }) })
}

fn tcp(raw: &record::TcpState) -> Result<Tcp, DecodeError> {
    let state = match raw.new_state {
        1 => TcpState::Established,
        2 => TcpState::SynSent,
        7 => TcpState::Closed,
        10 => TcpState::Listening,
        record::STILL_OPEN => TcpState::Open,
        other => return Err(DecodeError::State(other)),
    };
    Ok(Tcp {
        cookie: raw.cookie,
        remote: SocketAddr::new(address(raw.family, &raw.remote)?, raw.remote_port),
        local: SocketAddr::new(address(raw.family, &raw.local)?, raw.local_port),
        state,
        bytes_acked: raw.bytes_acked,
        bytes_received: raw.bytes_received,
    })
}

fn udp(raw: &record::UdpFlow) -> Result<Udp, DecodeError> {
    Ok(Udp {
        cookie: raw.cookie,
        remote: SocketAddr::new(address(raw.family, &raw.remote)?, raw.remote_port),
        local: SocketAddr::new(address(raw.family, &raw.local)?, raw.local_port),
        inbound: raw.inbound != 0,
        sent: raw.sent,
        received: raw.received,
        datagrams_sent: raw.datagrams_sent,
        datagrams_received: raw.datagrams_received,
        protocol: u8::try_from(raw.protocol).map_err(|_| DecodeError::Protocol(raw.protocol))?,
    })
}

fn unix(raw: &record::UnixSocket) -> Result<UnixSocket, DecodeError> {
    let path = unix_name(counted(&raw.name, raw.name_length)?);
    Ok(UnixSocket {
        name: (!path.is_empty()).then(|| SeenPath::new(path)),
        kind: match raw.socket_type {
            1 => UnixKind::Stream,
            2 => UnixKind::Datagram,
            5 => UnixKind::SequencedPacket,
            other => UnixKind::Other(other),
        },
        listening: raw.flags & record::unix_flag::LISTENING != 0,
        peer: Some(raw.peer_tgid).filter(|&tgid| tgid != 0),
        peer_subject: Some(raw.peer_subject).filter(|&subject| subject != 0),
    })
}

/// An abstract name may have zeroes anywhere; a path ends with one, where its length was given with it.
fn unix_name(name: &[u8]) -> &[u8] {
    match name.split_first() {
        Some((0, _)) => name,
        _ => name.split(|&byte| byte == 0).next().unwrap_or_default(),
    }
}

fn other_socket(raw: &record::OtherSocket) -> OtherSocket {
    OtherSocket {
        family: raw.family,
        kind: raw.socket_type,
        protocol: raw.protocol,
        outside: raw.flags & record::socket_flag::OUTSIDE != 0,
        pair: raw.flags & record::socket_flag::PAIR != 0,
        inherited: raw.flags & record::socket_flag::INHERITED != 0,
    }
}

/// An address as the kernel has it: of [`record::TcpState`] and [`bom_common::config::FlowKey`].
pub fn socket_address(family: u16, raw: &[u8; 16], port: u16) -> Result<SocketAddr, DecodeError> {
    Ok(SocketAddr::new(address(family, raw)?, port))
}

/// IPv4-mapped IPv6 addresses are IPv4 addresses written differently.
fn address(family: u16, raw: &[u8; 16]) -> Result<IpAddr, DecodeError> {
    match family {
        2 => Ok(IpAddr::V4(Ipv4Addr::new(raw[0], raw[1], raw[2], raw[3]))),
        10 => Ok(IpAddr::V6(Ipv6Addr::from(*raw)).to_canonical()),
        other => Err(DecodeError::Family(other)),
    }
}

fn payload(header: &Header, bytes: &[u8]) -> Result<Payload, DecodeError> {
    let (raw, rest) = take::<record::Payload>(bytes)?;
    let protocol = match raw.protocol {
        protocol::DNS_UDP => Protocol::DnsUdp,
        protocol::TLS_CLIENT => Protocol::TlsClient,
        protocol::HTTP_CLIENT => Protocol::HttpClient,
        protocol::H2C_CLIENT => Protocol::H2cClient,
        protocol::QUIC_CLIENT => Protocol::QuicClient,
        protocol::DNS_TCP => Protocol::DnsTcp,
        other => return Err(DecodeError::Protocol(other)),
    };
    Ok(Payload {
        cookie: raw.cookie,
        cgroup: header.cgroup,
        protocol,
        remote: SocketAddr::new(address(raw.family, &raw.remote)?, raw.remote_port),
        local_port: raw.local_port,
        sequence: raw.sequence,
        total: raw.total,
        bytes: counted(rest, raw.length)?.to_vec().into(),
    })
}
