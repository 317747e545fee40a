//! The understudy of the program at `inet_sock_set_state`.
//!
//! The kernel does not run a tracing program that runs already on the same CPU: a state that changes in an interrupt of
//! that program, as packets come in, is skipped and counted (`recursion_misses`). A second program on the same
//! tracepoint runs after the first one, and cannot be running then as well. The first one notes what it has seen to; what
//! is not noted, the second one does.
//!
//! What was missed and not done here either is the difference of two counts, so that nothing depends on the notes.

use aya_ebpf::{
    helpers::generated::bpf_get_socket_cookie, macros::btf_tracepoint, programs::BtfTracePointContext,
};
use bom_common::counter::Counter;

use super::tcp::changed;
use crate::{emit::count, maps::SEEN_TO};

/// `inet_sock_set_state(sk, oldstate, newstate)`, attached after the program of that name.
#[btf_tracepoint(function = "inet_sock_set_state")]
pub fn inet_sock_set_state_again(context: BtfTracePointContext) -> u32 {
    let sock: *const u8 = context.arg(0);
    let old: i32 = context.arg(1);
    let new: i32 = context.arg(2);
    if is_seen_to(sock as u64, old, new) {
        return 0;
    }
    count(Counter::TcpRecovered);
    // SAFETY: the verifier knows the argument as a pointer to a trusted `struct sock`.
    let cookie = |_starts| Some(unsafe { bpf_get_socket_cookie(sock.cast_mut().cast()) });
    let _ = changed(sock, old, new, cookie);
    0
}

/// Notes a change. While the understudy runs, it is not asked about what comes in between.
#[inline(always)]
pub fn see_to(sock: u64, old: i32, new: i32) {
    let Some(notes) = SEEN_TO.get_ptr_mut(0) else { return };
    // SAFETY: the pointer comes from the lookup and is of this CPU; an interruption leaves what it did not write.
    unsafe {
        if (&raw const (*notes).asked).read_volatile() != 0 {
            return;
        }
        let changes = (&raw mut (*notes).changes).cast::<u64>();
        let mut free = 0;
        for place in (0..PLACES).rev() {
            if changes.add(place).read_volatile() == 0 {
                free = place;
            }
        }
        changes.add(free & (PLACES - 1)).write_volatile(change(sock, old, new));
    }
}

const PLACES: usize = 4;

#[inline(always)]
fn is_seen_to(sock: u64, old: i32, new: i32) -> bool {
    let Some(notes) = SEEN_TO.get_ptr_mut(0) else { return true };
    let wanted = change(sock, old, new);
    let mut found = false;
    // SAFETY: as above.
    unsafe {
        (&raw mut (*notes).asked).write_volatile(1);
        let changes = (&raw mut (*notes).changes).cast::<u64>();
        for place in 0..PLACES {
            if changes.add(place).read_volatile() == wanted {
                changes.add(place).write_volatile(0);
                found = true;
            }
        }
        (&raw mut (*notes).asked).write_volatile(0);
    }
    found
}

/// Never zero. The upper byte of a kernel address is the same in all of them, and a state has four bits.
#[inline(always)]
fn change(sock: u64, old: i32, new: i32) -> u64 {
    sock << 8 | u64::from((old as u32 & 0xf) << 4) | u64::from(new as u32 & 0xf)
}
