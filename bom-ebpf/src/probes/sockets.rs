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
    record::{self, direction, kind, probe, socket_flag},
};

use super::{sweep::Meta, tcp::remember};
use crate::{
    emit::{count, header},
    kernel::{
        file::OpenFile,
        read::{pointer, read},
        socket::{self, AF_INET, AF_INET6},
        task::Tracked,
    },
    maps::{DIRECTIONS, SOCKETS, SocketOwner, offset},
};

/// include/net/tcp_states.h
const ESTABLISHED: u8 = 1;
const CLOSE_WAIT: u8 = 8;
const LISTEN: u8 = 10;
const IPPROTO_TCP: u16 = 6;

/// `struct bpf_iter__tcp` (net/ipv4/tcp_ipv4.c).
#[repr(C)]
struct Context {
    _meta: *const Meta,
    sock: *mut u8,
}

#[repr(C)]
struct SocketRecord {
    header: record::Header,
    socket: record::SweptSocket,
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

/// The socket behind a descriptor.
#[inline(always)]
pub fn held(seq: *mut seq_file, whose: &Tracked, file: u64, inode: u64, closes: bool) -> Option<()> {
    let sock = pointer(pointer(file, offset!(file_private_data)), offset!(socket_sk));
    let family: u16 = read(sock, offset!(sock_family));
    let protocol: u16 = read(sock, offset!(sock_protocol));
    let state: u8 = read(sock, offset!(sock_state));
    let told = state == ESTABLISHED || state == CLOSE_WAIT || state == LISTEN;
    if (family != AF_INET && family != AF_INET6) || protocol != IPPROTO_TCP || !told {
        return None;
    }
    let cookie: u64 = read(sock, offset!(sock_cookie));
    // SAFETY: copied at once.
    let direction = unsafe { DIRECTIONS.get(cookie) }.copied().unwrap_or(0);
    if direction == u64::from(direction::CALLED) || direction == u64::from(direction::ACCEPTED) {
        own(cookie, whose, u32::from(direction == u64::from(direction::ACCEPTED)));
    }
    let ends = socket::describe(sock, cookie, 0, state)?;
    let record = SocketRecord {
        header: header(kind::SWEPT_SOCKET, probe::ITER_TASK_FILE, size_of::<SocketRecord>(), whose),
        socket: record::SweptSocket {
            cookie,
            inode,
            bytes_acked: ends.bytes_acked,
            bytes_received: ends.bytes_received,
            remote: ends.remote,
            local: ends.local,
            family,
            remote_port: ends.remote_port,
            local_port: ends.local_port,
            kind: read(sock, offset!(sock_type)),
            protocol,
            state,
            direction: direction as u8 | if closes { direction::CLOSES_ON_EXEC } else { 0 },
            name_length: 0,
        },
    };
    // SAFETY: the record is live and has this size.
    let result =
        unsafe { bpf_seq_write(seq, core::ptr::from_ref(&record).cast(), size_of::<SocketRecord>() as u32) };
    if result == 0 {
        count(Counter::SweptDelivered);
    }
    Some(())
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
