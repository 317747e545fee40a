//! TCP connections on kernels whose tracing programs cannot ask for a socket's cookie (before 5.12).
//!
//! The cookie is a member of the socket, but somebody has to have asked for it before. For sockets made in the subject's
//! cgroup that is done here as they are made. Another one (its process had left the cgroup, or inherited it) gets a
//! number of its own: the connection is recorded, and only a name on its stream cannot be joined to it.

use aya_ebpf::{
    EbpfContext as _,
    bindings::BPF_ANY,
    helpers::generated::bpf_get_socket_cookie,
    macros::{btf_tracepoint, cgroup_sock, map},
    maps::HashMap,
    programs::{BtfTracePointContext, SockContext},
};
use bom_common::counter::Counter;

use super::tcp::{CLOSE, changed};
use crate::{
    emit::count,
    kernel::{read::read, task::next_image},
    maps::offset,
};

/// Address of a connecting socket → its number. Never leaves the kernel: an address is a secret.
#[map]
static NUMBERS: HashMap<u64, u64> = HashMap::with_max_entries(65_536, aya_ebpf::bindings::BPF_F_NO_PREALLOC);

/// No cookie is that large: the kernel counts them up from one.
const OURS: u64 = 1 << 63;

/// `inet_sock_set_state(sk, oldstate, newstate)`.
#[btf_tracepoint(function = "inet_sock_set_state")]
pub fn inet_sock_set_state_stored(context: BtfTracePointContext) -> u32 {
    let sock: *const u8 = context.arg(0);
    let old: i32 = context.arg(1);
    let new: i32 = context.arg(2);
    let address = sock as u64;
    let _ = changed(sock, old, new, |starts| if starts { named(address) } else { known(address) });
    if new == CLOSE {
        let _ = NUMBERS.remove(address);
    }
    0
}

#[inline(always)]
fn named(address: u64) -> Option<u64> {
    let stored: u64 = read(address, offset!(sock_cookie));
    let number = if stored != 0 { stored } else { OURS | next_image() };
    if NUMBERS.insert(address, number, u64::from(BPF_ANY)).is_err() {
        count(Counter::SocketTableFull);
    }
    Some(number)
}

#[inline(always)]
fn known(address: u64) -> Option<u64> {
    // SAFETY: copied at once.
    unsafe { NUMBERS.get(address) }.copied()
}

/// A socket is made: asks for its cookie, so that it has one.
#[cgroup_sock(sock_create)]
pub fn cgroup_sock_create(context: SockContext) -> i32 {
    // SAFETY: the helper takes the program's own context.
    unsafe { bpf_get_socket_cookie(context.as_ptr()) };
    1
}
