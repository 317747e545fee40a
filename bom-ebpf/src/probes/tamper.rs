//! Whoever may call bpf() with success may write to our tables and take our programs away. What it did is not looked at:
//! that it could is enough.

use aya_ebpf::{EbpfContext, macros::tracepoint, programs::TracePointContext};
use bom_common::counter::Counter;

use crate::{emit::lost, kernel::task::current};

/// Position of the result in the arguments of every `sys_exit_*` event, in 8-byte words.
const RETURN_WORD: usize = 2;

#[tracepoint]
pub fn sys_exit_bpf(context: TracePointContext) -> u32 {
    // SAFETY: the event has at least three 8-byte words; the verifier checks the access.
    let returned = unsafe { *context.as_ptr().cast::<i64>().add(RETURN_WORD) };
    if returned >= 0
        && let Some(task) = current()
    {
        lost(Counter::BpfCalls, task.subject);
    }
    0
}
