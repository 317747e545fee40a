//! `struct sock`: TCP, unix, and what any socket is.

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use bom_common::record::{TcpState, UNIX_NAME_CAPACITY, UnixSocket};

use super::{
    file::OpenFile,
    read::{opaque, pointer, read},
};
use crate::maps::{CGROUPS, PROCESSES, offset};

pub const AF_UNIX: u16 = 1;
pub const AF_INET: u16 = 2;
pub const AF_INET6: u16 = 10;
pub const SOCK_STREAM: u16 = 1;
pub const SOCK_DGRAM: u16 = 2;

const S_IFMT: u16 = 0o170_000;
const S_IFSOCK: u16 = 0o140_000;
/// `enum pid_type`: the list of thread group leaders with this pid.
const PIDTYPE_TGID: u32 = 1;
/// Bytes of a `struct hlist_head`.
const LIST_HEAD: u32 = 8;
/// Bytes of `sun_family`, which `unix_address::len` counts in.
const FAMILY_BYTES: u64 = 2;

/// The `struct sock *` behind an open file; 0 if it is no socket.
#[inline(always)]
pub fn of_file(file: &OpenFile) -> u64 {
    if file.mode & S_IFMT != S_IFSOCK {
        return 0;
    }
    pointer(pointer(file.file, offset!(file_private_data)), offset!(socket_sk))
}

#[inline(always)]
pub fn family(sock: u64) -> u16 {
    read(sock, offset!(sock_family))
}

/// `sk_type`: SOCK_STREAM, …
#[inline(always)]
pub fn socket_type(sock: u64) -> u16 {
    read(sock, offset!(sock_type))
}

/// `sk_protocol`: IPPROTO_TCP, …
#[inline(always)]
pub fn protocol(sock: u64) -> u16 {
    read(sock, offset!(sock_protocol))
}

/// The id of the cgroup (v2) the socket belongs to; 0 if this kernel keeps it elsewhere.
#[inline(always)]
pub fn cgroup(sock: u64) -> u64 {
    let cgroup = pointer(sock, offset!(sock_cgroup));
    read(pointer(cgroup, offset!(cgroup_kn)), offset!(kernfs_node_id))
}

/// Both ends of a socket of the internet families, the remote one first; `None` for other families.
#[inline(always)]
pub fn ends(sock: u64) -> Option<([u8; 16], [u8; 16])> {
    let mut remote = [0; 16];
    let mut local = [0; 16];
    match family(sock) {
        AF_INET => {
            remote[..4].copy_from_slice(&read::<[u8; 4]>(sock, offset!(sock_daddr)));
            local[..4].copy_from_slice(&read::<[u8; 4]>(sock, offset!(sock_rcv_saddr)));
        }
        AF_INET6 => {
            remote = read(sock, offset!(sock_v6_daddr));
            local = read(sock, offset!(sock_v6_rcv_saddr));
        }
        _ => return None,
    }
    Some((remote, local))
}

/// The port of the own end. A closing socket has given its number back (`inet_put_port`) and only knows what it sent.
#[inline(always)]
pub fn local_port(sock: u64) -> u16 {
    let number: u16 = read(sock, offset!(sock_num));
    if number != 0 { number } else { u16::from_be(read(sock, offset!(inet_sport))) }
}

/// Fills the body of a state record from a `struct sock *`.
#[inline(always)]
pub fn describe(sock: u64, cookie: u64, old_state: u8, new_state: u8) -> Option<TcpState> {
    let (remote, local) = ends(sock)?;
    Some(TcpState {
        cookie,
        bytes_acked: read(sock, offset!(tcp_bytes_acked)),
        bytes_received: read(sock, offset!(tcp_bytes_received)),
        remote,
        local,
        family: family(sock),
        remote_port: u16::from_be(read(sock, offset!(sock_dport))),
        local_port: local_port(sock),
        old_state,
        new_state,
    })
}

/// Fills the body of a record of a unix socket that was connected, or that listens.
///
/// The peer that `connect` finds is the listener's own socket (datagrams), or a new one with the listener's
/// name; the credentials of the listening process are then in the connected socket itself
/// (`unix_stream_connect`, net/unix/af_unix.c).
#[inline(always)]
pub fn describe_unix(sock: u64, flags: u16, into: &mut UnixSocket) {
    let listening = flags != 0;
    let kind = socket_type(sock);
    let peer = pointer(sock, offset!(unix_peer));
    into.socket_type = kind;
    into.flags = flags;
    into.peer_tgid = if listening || kind == SOCK_DGRAM { 0 } else { listener(sock) };
    into.peer_cgroup = if !listening && kind == SOCK_DGRAM { cgroup(peer) } else { 0 };
    into.peer_subject = if into.peer_cgroup != 0 {
        // SAFETY: copied at once.
        unsafe { CGROUPS.get(into.peer_cgroup) }.copied().unwrap_or(0)
    } else {
        // SAFETY: copied at once.
        unsafe { PROCESSES.get(into.peer_tgid) }.map_or(0, |process| process.subject)
    };
    into.name_length = name(if listening { sock } else { peer }, &mut into.name);
}

/// The process that listens at the other end of a connected stream; 0 if it has ended, so that whoever got its number
/// since is not taken for it.
#[inline(always)]
pub fn listener(sock: u64) -> u32 {
    let pid = pointer(sock, offset!(sock_peer_pid));
    let first: u64 = read(pid, offset!(pid_tasks).wrapping_add(PIDTYPE_TGID * LIST_HEAD));
    if first == 0 { 0 } else { read(pid, offset!(pid_numbers)) }
}

/// Copies the name a unix socket was bound to; gives its length.
#[inline(always)]
pub fn name(sock: u64, into: &mut [u8; UNIX_NAME_CAPACITY]) -> u32 {
    let address = pointer(sock, offset!(unix_addr));
    let length = u64::from(read::<u32>(address, offset!(unix_address_len)));
    if address == 0 || length <= FAMILY_BYTES {
        return 0;
    }
    let take = opaque(length - FAMILY_BYTES) & (UNIX_NAME_CAPACITY as u64 - 1);
    let from = address + u64::from(offset!(unix_address_name)) + FAMILY_BYTES;
    // SAFETY: `take` is below the size of the buffer; the helper checks the source.
    let result = unsafe { bpf_probe_read_kernel(into.as_mut_ptr().cast(), take as u32, from as *const _) };
    if result == 0 { take as u32 } else { 0 }
}
