//! Counting and delivering.

use aya_ebpf::{
    bindings::{BPF_NOEXIST, BPF_RB_AVAIL_DATA, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP, BPF_RB_RING_SIZE},
    helpers::generated::{bpf_ktime_get_boot_ns, bpf_ringbuf_output},
    maps::{RingBuf, ring_buf::RingBufEntry},
};
use bom_common::{
    config::{SubjectCounter, ring_bytes},
    counter::Counter,
    record::{Header, VERSION},
};

use crate::{
    kernel::task::Tracked,
    maps::{COMMON, COUNTERS, RARE, SUBJECT_COUNTERS},
    share::{self, Column, may_write, place, take, tally},
};

/// Adds one to a counter of this CPU. Atomic, because another program can interrupt this one.
#[inline(always)]
pub fn count(counter: Counter) {
    if let Some(slot) = COUNTERS.get_ptr_mut(counter as u32) {
        add(slot);
    }
}

/// Counts something that a subject may have lost by, and whose it was.
#[inline(always)]
pub fn lost(counter: Counter, subject: u64) {
    count(counter);
    let key = SubjectCounter { subject, counter: counter as u64 };
    if let Some(slot) = SUBJECT_COUNTERS.get_ptr_mut(key) {
        add(slot);
    } else if SUBJECT_COUNTERS.insert(key, 1, u64::from(BPF_NOEXIST)).is_err()
        && let Some(slot) = SUBJECT_COUNTERS.get_ptr_mut(key)
    {
        // Another CPU came first.
        add(slot);
    }
}

/// Adds one to a map value that others may change at the same time.
#[inline(always)]
pub fn add(slot: *mut u64) {
    // SAFETY: `slot` comes from a map lookup; the verifier checks the access.
    unsafe {
        core::arch::asm!("lock *(u64 *)({slot} + 0) += {one}", slot = in(reg) slot, one = in(reg) 1u64, options(nostack));
    }
}

/// The same with any number.
#[inline(always)]
pub fn add_many(slot: *mut u64, number: u64) {
    // SAFETY: as above.
    unsafe {
        core::arch::asm!("lock *(u64 *)({slot} + 0) += {number}", slot = in(reg) slot, number = in(reg) number, options(nostack));
    }
}

#[inline(always)]
pub fn now() -> u64 {
    // SAFETY: the helper takes nothing and reads a clock.
    unsafe { bpf_ktime_get_boot_ns() }
}

#[inline(always)]
pub fn header(kind: u16, probe: u16, length: usize, task: &Tracked) -> Header {
    Header {
        version: VERSION,
        kind,
        probe,
        system_call: 0,
        length: length as u32,
        tid: task.tid,
        time_ns: now(),
        subject: task.subject,
        cgroup: task.cgroup,
        tgid: task.tgid,
        mount_namespace: task.mount_namespace,
        start_ns: task.start_ns,
        image: task.image,
    }
}

/// Writes a record of the common kind. The reader polls; it is woken only when a quarter of the
/// ring is waiting, so that an open does not pay for a wake-up.
#[inline(always)]
pub fn common(record: *const u8, length: u64) -> bool {
    let waiting = COMMON.query(u64::from(BPF_RB_AVAIL_DATA));
    let size = COMMON.query(u64::from(BPF_RB_RING_SIZE));
    let wake = if waiting > size / 4 { BPF_RB_FORCE_WAKEUP } else { BPF_RB_NO_WAKEUP };
    let place = place(subject_of(record));
    write(&COMMON, place, share::COMMON, record, length, u64::from(wake))
}

/// Writes a record that may be missing: only while most of the ring is free, so that it never takes the room of one that
/// may not.
#[inline(always)]
pub fn spare(record: *const u8, length: u64) -> bool {
    let waiting = COMMON.query(u64::from(BPF_RB_AVAIL_DATA));
    let size = COMMON.query(u64::from(BPF_RB_RING_SIZE));
    waiting < size / 2 && common(record, length)
}

/// Writes a record of the rare kind and wakes the reader: what it names may be gone soon.
#[inline(always)]
pub fn rare(record: *const u8, length: u64, subject: u64, without_room: Counter) {
    let place = place(subject);
    if write(&RARE, place, share::RARE, record, length, u64::from(BPF_RB_FORCE_WAKEUP)) {
        rare_delivered(place);
    } else {
        lost(without_room, subject);
    }
}

#[inline(always)]
pub fn rare_delivered(place: u32) {
    // SAFETY: only the address of the member is made.
    tally(place, |tally| unsafe { &raw mut (*tally).rare_delivered });
}

/// Writes a record of fixed size.
#[inline(always)]
pub fn rare_record<T>(record: &T, subject: u64, without_room: Counter) {
    rare(core::ptr::from_ref(record).cast(), size_of::<T>() as u64, subject, without_room);
}

/// Room in the other ring for a record that is filled in place.
pub struct Room<T: 'static> {
    pub entry: RingBufEntry<T>,
    place: u32,
}

/// Reserves it, or counts that there was none.
#[inline(always)]
pub fn room<T: 'static>(subject: u64, without_room: Counter) -> Option<Room<T>> {
    let place = place(subject);
    let entry = if may_write(&RARE, place, share::RARE, ring_bytes(size_of::<T>() as u64)) {
        RARE.reserve::<T>(0)
    } else {
        count(Counter::OverShare);
        None
    };
    if entry.is_none() {
        lost(without_room, subject);
    }
    entry.map(|entry| Room { entry, place })
}

impl<T: 'static> Room<T> {
    #[inline(always)]
    pub fn submit(self) {
        rare_delivered(self.place);
        take(self.place, share::RARE, ring_bytes(size_of::<T>() as u64));
        self.entry.submit(0);
    }

    #[inline(always)]
    pub fn discard(self) {
        self.entry.discard(0);
    }
}

/// Every record starts with its header.
#[inline(always)]
fn subject_of(record: *const u8) -> u64 {
    // SAFETY: the callers put the header there; the verifier checks the access.
    unsafe { (*record.cast::<Header>()).subject }
}

#[inline(always)]
fn write(
    ring: &'static RingBuf,
    place: u32,
    column: Column,
    record: *const u8,
    length: u64,
    flags: u64,
) -> bool {
    let bytes = ring_bytes(length);
    if !may_write(ring, place, column, bytes) {
        count(Counter::OverShare);
        return false;
    }
    let written = output(ring, record, length, flags);
    if written {
        take(place, column, bytes);
    }
    written
}

#[inline(always)]
fn output(ring: &'static RingBuf, record: *const u8, length: u64, flags: u64) -> bool {
    // SAFETY: the verifier proves that `length` bytes are readable at `record`.
    unsafe {
        bpf_ringbuf_output(
            core::ptr::from_ref(ring).cast_mut().cast(),
            record.cast_mut().cast(),
            length,
            flags,
        ) == 0
    }
}
