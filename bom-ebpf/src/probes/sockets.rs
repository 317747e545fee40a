//! Sockets that are there: by the kernel's own list of them, and by the descriptors that lead to them.
//!
//! The list is read first and tells nothing by itself. It locks each socket, so that its numbers fit together and say
//! who called whom, and gives it a cookie; the descriptors then tell whose it is.

use core::ffi::c_void;

use aya_ebpf::{
    bindings::{BPF_ANY, seq_file},
    helpers::generated::{bpf_get_socket_cookie, bpf_seq_write},
};
use bom_common::{
    counter::Counter,
    record::{self, UNIX_NAME_CAPACITY, direction, kind, probe, socket_flag},
};

use super::{sweep::Meta, tcp::remember};
use crate::{
    emit::{count, header},
    kernel::{
        file::OpenFile,
        read::{opaque, pointer, read},
        socket::{self, AF_INET, AF_INET6, AF_UNIX, SOCK_DGRAM},
        task::Tracked,
    },
    maps::{
        CGROUPS, DIRECTIONS, PROCESSES, SENDERS, SOCKET_SCRATCH, SOCKETS, SocketOwner, SocketScratch, offset,
    },
};

/// include/net/tcp_states.h
const ESTABLISHED: u8 = 1;
const CLOSE_WAIT: u8 = 8;
const LISTEN: u8 = 10;
const IPPROTO_TCP: u16 = 6;
const IPPROTO_UDP: u16 = 17;
const AF_NETLINK: u16 = 16;

/// `struct bpf_iter__tcp` (net/ipv4/tcp_ipv4.c).
#[repr(C)]
struct Context {
    _meta: *const Meta,
    sock: *mut u8,
}

/// `iter/tcp`: every TCP socket of the reader's network namespace. Since 5.12, for the cookie.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/tcp")]
pub extern "C" fn iter_tcp(context: *const c_void) -> i32 {
    let context: *const Context = context.cast();
    // SAFETY: the kernel hands in such a context; the verifier checks each access.
    let sock = unsafe { (*context).sock };
    if !sock.is_null() {
        listed(sock);
    }
    0
}

/// `struct bpf_iter__udp` (net/ipv4/udp.c).
#[repr(C)]
struct UdpContext {
    _meta: *const Meta,
    sock: *mut u8,
}

/// `iter/udp`: every UDP socket of the reader's network namespace. Since 5.12, for the cookie.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/udp")]
pub extern "C" fn iter_udp(context: *const c_void) -> i32 {
    let context: *const UdpContext = context.cast();
    // SAFETY: the kernel hands in such a context; the verifier checks each access.
    let sock = unsafe { (*context).sock };
    if !sock.is_null() && read::<u16>(sock as u64, offset!(sock_dport)) != 0 {
        // SAFETY: the verifier knows the argument as a pointer to a `struct udp_sock`.
        let cookie = unsafe { bpf_get_socket_cookie(sock.cast()) };
        let _ = DIRECTIONS.insert(cookie, u64::from(direction::CALLED), u64::from(BPF_ANY));
    }
    0
}

#[inline(always)]
fn listed(pointer_to_sock: *mut u8) {
    let sock = pointer_to_sock as u64;
    // Others (a time-wait, a half-open one) are smaller structs, of which nothing more may be read.
    let state: u8 = read(sock, offset!(sock_state));
    if state != ESTABLISHED && state != CLOSE_WAIT {
        return;
    }
    // SAFETY: the verifier knows the argument as a pointer to a `struct sock_common`.
    let cookie = unsafe { bpf_get_socket_cookie(pointer_to_sock.cast()) };
    // Without room the direction is not known.
    let _ = DIRECTIONS.insert(cookie, u64::from(direction(sock)), u64::from(BPF_ANY));
}

#[repr(C)]
struct OtherRecord {
    header: record::Header,
    socket: record::OtherSocket,
}

/// A socket of whatever kind that a command is given by who started it.
#[inline(always)]
pub fn inherited(seq: *mut seq_file, whose: &Tracked, file: &OpenFile) {
    let sock = socket::of_file(file);
    let record = OtherRecord {
        header: header(kind::OTHER_SOCKET, probe::ITER_TASK_FILE, size_of::<OtherRecord>(), whose),
        socket: record::OtherSocket {
            family: socket::family(sock),
            socket_type: socket::socket_type(sock),
            protocol: socket::protocol(sock),
            flags: socket_flag::INHERITED,
        },
    };
    // SAFETY: the record is live and has this size.
    let result =
        unsafe { bpf_seq_write(seq, core::ptr::from_ref(&record).cast(), size_of::<OtherRecord>() as u32) };
    if result == 0 {
        count(Counter::SweptDelivered);
    }
}

/// A pipe that a command is given to read by who started it.
#[inline(always)]
pub fn other_source(seq: *mut seq_file, whose: &Tracked) {
    let record = header(kind::OTHER_SOURCE, probe::ITER_TASK_FILE, size_of::<record::Header>(), whose);
    // SAFETY: the record is live and has this size.
    let result = unsafe {
        bpf_seq_write(seq, core::ptr::from_ref(&record).cast(), size_of::<record::Header>() as u32)
    };
    if result == 0 {
        count(Counter::SweptDelivered);
    }
}

/// The socket behind a descriptor.
#[inline(always)]
pub fn held(seq: *mut seq_file, whose: &Tracked, file: &OpenFile, closes: bool) -> Option<()> {
    let sock = socket::of_file(file);
    let (family, protocol): (u16, u16) = (socket::family(sock), socket::protocol(sock));
    let scratch = SOCKET_SCRATCH.get_ptr_mut(0)?;
    // SAFETY: the slot is this CPU's own; the agent reads one iterator at a time.
    let record = unsafe { &mut *scratch };
    let body = &mut record.socket;
    body.cookie = read(sock, offset!(sock_cookie));
    body.inode = read(file.inode, offset!(inode_ino));
    (body.bytes_acked, body.bytes_received) = (0, 0);
    (body.remote, body.local) = ([0; 16], [0; 16]);
    (body.remote_port, body.local_port) = (0, 0);
    (body.family, body.protocol, body.kind) = (family, protocol, socket::socket_type(sock));
    body.state = read(sock, offset!(sock_state));
    body.direction = direction::UNKNOWN;
    body.name_length = 0;
    body.peer_subject = 0;
    match (family, protocol) {
        (AF_INET | AF_INET6, IPPROTO_TCP) => tcp(sock, whose, body)?,
        (AF_INET | AF_INET6, IPPROTO_UDP) => udp(sock, body)?,
        (AF_UNIX, _) => unix(sock, whose, body, &mut record.name)?,
        (AF_NETLINK, _) => return None,
        _ => {}
    }
    if closes {
        body.direction |= direction::CLOSES_ON_EXEC;
    }
    let (cookie, is_udp) = (body.cookie, protocol == IPPROTO_UDP);
    let name = opaque(u64::from(body.name_length)) & (UNIX_NAME_CAPACITY as u64 - 1);
    let fixed = (size_of::<SocketScratch>() - UNIX_NAME_CAPACITY) as u64;
    record.header = header(kind::SWEPT_SOCKET, probe::ITER_TASK_FILE, (fixed + name) as usize, whose);
    // SAFETY: the record is live; the mask keeps the name within its room.
    let result = unsafe { bpf_seq_write(seq, core::ptr::from_ref(record).cast(), (fixed + name) as u32) };
    // Without room the kernel shows the socket again.
    if result == 0 {
        count(Counter::SweptDelivered);
        if is_udp {
            let _ = SENDERS.insert(cookie, SocketOwner::of(whose), u64::from(BPF_ANY));
        }
    }
    Some(())
}

/// A TCP socket that is connected or listens.
#[inline(always)]
fn tcp(sock: u64, whose: &Tracked, body: &mut record::SweptSocket) -> Option<()> {
    if body.state != ESTABLISHED && body.state != CLOSE_WAIT && body.state != LISTEN {
        return None;
    }
    // SAFETY: copied at once.
    let direction = unsafe { DIRECTIONS.get(body.cookie) }.copied().unwrap_or(0);
    if direction == u64::from(direction::CALLED) || direction == u64::from(direction::ACCEPTED) {
        own(body.cookie, whose, u32::from(direction == u64::from(direction::ACCEPTED)));
    }
    body.direction = direction as u8;
    body.bytes_acked = read(sock, offset!(tcp_bytes_acked));
    body.bytes_received = read(sock, offset!(tcp_bytes_received));
    ends(sock, body)
}

/// A UDP socket that has a peer, and had it before anybody who gives one was watched.
#[inline(always)]
fn udp(sock: u64, body: &mut record::SweptSocket) -> Option<()> {
    // SAFETY: nothing of the entries is used.
    let (listed, watched) = unsafe { (DIRECTIONS.get(body.cookie), SENDERS.get(body.cookie)) };
    if body.state != ESTABLISHED || listed.is_none() || watched.is_some() {
        return None;
    }
    body.direction = direction::CALLED;
    ends(sock, body)
}

#[inline(always)]
fn ends(sock: u64, body: &mut record::SweptSocket) -> Option<()> {
    (body.remote, body.local) = socket::ends(sock)?;
    body.remote_port = u16::from_be(read(sock, offset!(sock_dport)));
    body.local_port = socket::local_port(sock);
    Some(())
}

/// A unix socket that listens, or that called another; one that was called has the name, and its peer none. Of a pair
/// neither has one: it is told if the other end was made outside. A datagram socket needs no peer to send.
#[inline(always)]
fn unix(
    sock: u64,
    whose: &Tracked,
    body: &mut record::SweptSocket,
    into: &mut [u8; UNIX_NAME_CAPACITY],
) -> Option<()> {
    if body.state == LISTEN {
        body.name_length = socket::name(sock, into);
        return Some(());
    }
    let peer = pointer(sock, offset!(unix_peer));
    if peer == 0 {
        return (body.kind == SOCK_DGRAM).then_some(());
    }
    body.state = ESTABLISHED;
    body.name_length = socket::name(peer, into);
    if body.name_length == 0 && pointer(sock, offset!(unix_addr)) != 0 {
        return None;
    }
    body.direction = direction::CALLED;
    body.peer_subject = if body.kind == SOCK_DGRAM {
        // SAFETY: copied at once.
        unsafe { CGROUPS.get(socket::cgroup(peer)) }.copied().unwrap_or(0)
    } else {
        // SAFETY: copied at once.
        unsafe { PROCESSES.get(socket::listener(sock)) }.map_or(0, |process| process.subject)
    };
    (body.name_length != 0 || body.peer_subject != whose.subject).then_some(())
}

/// From now on its states are told as those of a connection that was seen from its beginning.
#[inline(always)]
fn own(cookie: u64, whose: &Tracked, accepted: u32) {
    let owner = SocketOwner { accepted, ..SocketOwner::of(whose) };
    // If it is in there, it is known who called.
    // SAFETY: nothing of the entry is used.
    if unsafe { SOCKETS.get(cookie) }.is_none() {
        remember(cookie, &owner);
    }
}

/// Who called whom. Whoever called sent a SYN, which its peer acknowledged as one byte more than it sent as data;
/// one that accepted begins to count behind its own (net/ipv4/tcp_input.c, tcp_snd_una_update;
/// net/ipv4/tcp_minisocks.c, tcp_create_openreq_child).
#[inline(always)]
fn direction(sock: u64) -> u8 {
    let acked: u64 = read(sock, offset!(tcp_bytes_acked));
    let next: u32 = read(sock, offset!(tcp_snd_nxt));
    let unacknowledged: u32 = read(sock, offset!(tcp_snd_una));
    let sent: u64 = read(sock, offset!(tcp_bytes_sent));
    let again: u64 = read(sock, offset!(tcp_bytes_retrans));
    let in_flight = u64::from(next.wrapping_sub(unacknowledged));
    match (acked + in_flight).wrapping_sub(sent.wrapping_sub(again)) {
        1 => direction::CALLED,
        0 => direction::ACCEPTED,
        _ => direction::UNKNOWN,
    }
}
