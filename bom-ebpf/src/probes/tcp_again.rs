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
use crate::{
    emit::count,
    maps::{SEEN_TO, SeenTo},
};

/// `inet_sock_set_state(sk, oldstate, newstate)`, attached after the program of that name.
#[btf_tracepoint(function = "inet_sock_set_state")]
pub fn inet_sock_set_state_again(context: BtfTracePointContext) -> u32 {
    let sock: *const u8 = context.arg(0);
    let old: i32 = context.arg(1);
    let new: i32 = context.arg(2);
    // SAFETY: the verifier knows the argument as a pointer to a trusted `struct sock`.
    let cookie = unsafe { bpf_get_socket_cookie(sock.cast_mut().cast()) };
    if is_seen_to(cookie, old, new) {
        return 0;
    }
    count(Counter::TcpRecovered);
    let _ = changed(sock, old, new, |_starts| Some(cookie));
    0
}

/// Notes a change. While the understudy runs, it is not asked about what comes in between.
#[inline(always)]
pub fn see_to(cookie: u64, old: i32, new: i32) {
    let Some(notes) = SEEN_TO.get_ptr_mut(0) else { return };
    // SAFETY: the pointer comes from the lookup and is of this CPU; an interruption leaves what it did not write.
    unsafe {
        if (&raw const (*notes).asked).read_volatile() != 0 {
            return;
        }
        // Written out: the verifier does not take a place that is computed.
        let [first, second, third, fourth] = places(notes);
        let change = change(cookie, old, new);
        if first.read_volatile() == 0 {
            first.write_volatile(change);
        } else if second.read_volatile() == 0 {
            second.write_volatile(change);
        } else if third.read_volatile() == 0 {
            third.write_volatile(change);
        } else {
            fourth.write_volatile(change);
        }
    }
}

#[inline(always)]
unsafe fn places(notes: *mut SeenTo) -> [*mut u64; 4] {
    // SAFETY: only addresses of members are made.
    unsafe {
        [
            &raw mut (*notes).changes[0],
            &raw mut (*notes).changes[1],
            &raw mut (*notes).changes[2],
            &raw mut (*notes).changes[3],
        ]
    }
}

#[inline(always)]
fn is_seen_to(cookie: u64, old: i32, new: i32) -> bool {
    let Some(notes) = SEEN_TO.get_ptr_mut(0) else { return true };
    let wanted = change(cookie, old, new);
    let mut found = false;
    // SAFETY: as above.
    unsafe {
        (&raw mut (*notes).asked).write_volatile(1);
        for place in places(notes) {
            if place.read_volatile() == wanted {
                place.write_volatile(0);
                found = true;
            }
        }
        (&raw mut (*notes).asked).write_volatile(0);
    }
    found
}

/// Never zero: cookies are counted up from one, and a state has four bits.
#[inline(always)]
fn change(cookie: u64, old: i32, new: i32) -> u64 {
    cookie << 8 | u64::from((old as u32 & 0xf) << 4) | u64::from(new as u32 & 0xf)
}
