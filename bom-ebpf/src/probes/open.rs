//! File opens, at the exit of each system call of the open family.
//!
//! Only the exit is looked at: the descriptor it returns leads to the `struct file`, so neither a
//! user pointer nor a name that can change in between is ever read.

use aya_ebpf::{
    EbpfContext, bindings::BPF_NOEXIST, macros::tracepoint, maps::PerCpuArray, programs::TracePointContext,
};
use bom_common::{
    config::OpenSeen,
    counter::Counter,
    record::{self, kind, path_flag, probe},
};

use super::tell::other_source;
use crate::{
    emit::{add, common, header, lost, now},
    kernel::{
        file::{OpenFile, by_descriptor},
        path::{Walk, Walked, walk},
        read::opaque,
        task::{Tracked, current, current_task},
    },
    maps::{OPEN_SCRATCH, OPENS, OPENS_MOST, OpenScratch, PATH_SPACE},
    share::{self, may_enter, place, take, tally},
};

/// Position of the system call's number and result in the arguments of every `sys_exit_*` event, in
/// 8-byte words.
const NUMBER_WORD: usize = 1;
const RETURN_WORD: usize = 2;
const EEXIST: i32 = -17;

/// One program for the whole family: the verifier has to follow the path walk only once.
#[tracepoint]
pub fn sys_exit_open_family(context: TracePointContext) -> u32 {
    exit(&context);
    0
}

#[inline(always)]
fn exit(context: &TracePointContext) {
    let words = context.as_ptr().cast::<i64>();
    // SAFETY: the event has at least three 8-byte words; the verifier checks the access.
    let (number, returned) = unsafe { (*words.add(NUMBER_WORD), *words.add(RETURN_WORD)) };
    if returned < 0 {
        return;
    }
    let Some(task) = current() else { return };
    let Some(file) = by_descriptor(current_task(), returned as u32) else {
        seen(place(task.subject));
        lost(Counter::OpensUnresolved, task.subject);
        return;
    };
    // Not asked of what io_uring opens: whoever has one is suspected anyway, and there is no stack left for it.
    if file.is_readable_pipe() {
        other_source(&task, probe::SYS_EXIT_OPENAT);
    }
    // The number differs between architectures; user space knows which probe it stands for.
    opened(&task, &file, probe::SYS_EXIT, number as u16, &OPEN_SCRATCH, walk);
}

/// Records an open, or counts it at the record of the same file by the same process.
#[inline(always)]
pub fn opened(
    task: &Tracked,
    file: &OpenFile,
    probe: u16,
    system_call: u16,
    scratch: &'static PerCpuArray<OpenScratch>,
    walk: impl Fn(&mut Walk, &mut [u8; PATH_SPACE], u64, u64) -> Walked,
) {
    if !file.is_recorded() {
        return;
    }
    let place = place(task.subject);
    seen(place);
    let Some(record) = scratch.get_ptr_mut(0) else { return };
    // SAFETY: the slot is this CPU's own, and this program cannot nest in itself.
    let record = unsafe { &mut *record };
    record.key = file.key(task);
    if let Some(seen) = OPENS.get_ptr_mut(&record.key) {
        // SAFETY: the pointer comes from the lookup; other CPUs may add at the same time.
        unsafe {
            add(&raw mut (*seen).count);
            (*seen).last_ns = now();
        }
        // SAFETY: only the address of the member is made.
        tally(place, |tally| unsafe { &raw mut (*tally).opens_deduplicated });
        return;
    }
    let walked = walk(&mut record.walk, &mut record.path, file.vfsmount, file.dentry);
    if walked.flags & path_flag::TRUNCATED != 0 {
        lost(Counter::PathTruncated, task.subject);
    }
    let fixed = size_of::<record::Header>() + size_of::<record::Open>();
    let length = opaque(u64::from(walked.length)) & (PATH_SPACE as u64 - 1);
    record.open.file = file.describe(&record.key, &walked);
    record.header = header(kind::OPEN, probe, fixed + length as usize, task);
    record.header.system_call = system_call;
    let time = record.header.time_ns;
    if !common(core::ptr::from_ref(record).cast(), fixed as u64 + length) {
        lost(Counter::OpensLost, task.subject);
        return;
    }
    // SAFETY: only the address of the member is made.
    tally(place, |tally| unsafe { &raw mut (*tally).opens_delivered });
    if !may_enter(place, share::OPENS, OPENS_MOST) {
        lost(Counter::DedupeFull, task.subject);
        return;
    }
    // Only now: what was not delivered must not be remembered as delivered.
    let seen = OpenSeen { count: 1, last_ns: time, place, reserved: 0 };
    match OPENS.insert(&record.key, seen, u64::from(BPF_NOEXIST)) {
        Ok(()) => take(place, share::OPENS, 1),
        // Another thread came first: its entry counts from now on, and this open is a record of its own.
        Err(EEXIST) => {}
        Err(_) => lost(Counter::DedupeFull, task.subject),
    }
}

/// Counts an open that some other counter then says the fate of.
#[inline(always)]
pub fn seen(place: u32) {
    // SAFETY: only the address of the member is made.
    tally(place, |tally| unsafe { &raw mut (*tally).opens_seen });
}
