//! Content out of the memory of another process. Whose memory, and which part of it, is not looked at: that it was read
//! is enough.

use aya_ebpf::{EbpfContext, macros::tracepoint, programs::TracePointContext};
use bom_common::record::probe;

use super::tell::other_source;
use crate::kernel::task::current;

/// Position of the result in the arguments of every `sys_exit_*` event, in 8-byte words.
const RETURN_WORD: usize = 2;

/// Gives the bytes that were read.
#[tracepoint]
pub fn sys_exit_process_vm_readv(context: TracePointContext) -> u32 {
    if returned(&context) > 0 {
        read(probe::SYS_EXIT_PROCESS_VM_READV);
    }
    0
}

/// A tracer reads the memory of whom it traces, and so does a child that asks to be traced hand out its own: both
/// succeed.
#[tracepoint]
pub fn sys_exit_ptrace(context: TracePointContext) -> u32 {
    if returned(&context) >= 0 {
        read(probe::SYS_EXIT_PTRACE);
    }
    0
}

#[inline(always)]
fn read(probe: u16) {
    if let Some(task) = current() {
        other_source(&task, probe);
    }
}

#[inline(always)]
fn returned(context: &TracePointContext) -> i64 {
    // SAFETY: the event has at least three 8-byte words; the verifier checks the access.
    unsafe { *context.as_ptr().cast::<i64>().add(RETURN_WORD) }
}
