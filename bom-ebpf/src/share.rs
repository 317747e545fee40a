//! What each subject takes up of what all share. Who floods runs into its own bound, and not over another's records.
//!
//! A subject that is alone may have everything.

use aya_ebpf::{
    bindings::{BPF_RB_AVAIL_DATA, BPF_RB_RING_SIZE},
    maps::RingBuf,
};
use bom_common::config::{LITTLE, MOST, SPARE, TABLE, Tally, Use};

use crate::{
    emit::add,
    maps::{FREED, SHARING, SUBJECT_PLACES, TAKEN, TALLIES},
};

/// Where a subject is counted; 0 for who has no place.
#[inline(always)]
pub fn place(subject: u64) -> u32 {
    // SAFETY: copied at once.
    unsafe { SUBJECT_PLACES.get(subject) }.copied().unwrap_or(0)
}

/// Adds one to what is counted for a place on this CPU.
#[inline(always)]
pub fn tally(place: u32, field: impl FnOnce(*mut Tally) -> *mut u64) {
    if let Some(tally) = TALLIES.get_ptr_mut(place) {
        add(field(tally));
    }
}

/// What of the shared is meant: the offset of its member in [`Use`].
pub type Column = usize;

pub const COMMON: Column = core::mem::offset_of!(Use, common);
pub const RARE: Column = core::mem::offset_of!(Use, rare);
pub const OPENS: Column = core::mem::offset_of!(Use, opens);
pub const SOCKETS: Column = core::mem::offset_of!(Use, sockets);

#[inline(always)]
fn member(row: *mut Use, column: Column) -> *mut u64 {
    // SAFETY: the offset is that of a member; the verifier checks the access.
    unsafe { row.cast::<u8>().add(column).cast() }
}

/// Counts what was taken; negative for what the programs free themselves.
#[inline(always)]
pub fn take(place: u32, column: Column, amount: u64) {
    let Some(row) = TAKEN.get_ptr_mut(place) else { return };
    let slot = member(row, column);
    // SAFETY: `slot` lies in a map value; the verifier checks the access.
    unsafe {
        core::arch::asm!("lock *(u64 *)({slot} + 0) += {amount}", slot = in(reg) slot, amount = in(reg) amount, options(nostack));
    }
}

/// How much of it the subject takes up now.
#[inline(always)]
fn taken_up(place: u32, column: Column) -> u64 {
    let (Some(taken), Some(freed)) = (TAKEN.get_ptr_mut(place), FREED.get_ptr_mut(place)) else { return 0 };
    // SAFETY: both lie in map values; volatile because others write them meanwhile.
    let (taken, freed) = unsafe {
        (core::ptr::read_volatile(member(taken, column)), core::ptr::read_volatile(member(freed, column)))
    };
    // User space can have read a record before it was counted as written.
    let now = taken.wrapping_sub(freed);
    if now >> 63 != 0 { 0 } else { now }
}

#[inline(always)]
fn alone() -> bool {
    SHARING.get(0).is_none_or(|&subjects| subjects < 2)
}

/// Whether the subject may write so many bytes to the ring. A function of its own: whoever asks has little stack left.
#[inline(never)]
pub fn may_write(ring: &RingBuf, place: u32, column: Column, bytes: u64) -> bool {
    if alone() {
        return true;
    }
    let mine = taken_up(place, column);
    if mine == 0 {
        return true;
    }
    let size = ring.query(u64::from(BPF_RB_RING_SIZE));
    if mine + bytes > size / MOST {
        return false;
    }
    // Little is left: it is for those who have little.
    mine + bytes <= size / LITTLE || ring.query(u64::from(BPF_RB_AVAIL_DATA)) + bytes <= size - size / SPARE
}

/// Whether the subject may have one more entry of a table of `most`.
#[inline(always)]
pub fn may_enter(place: u32, column: Column, most: u64) -> bool {
    alone() || taken_up(place, column) < most / TABLE
}
