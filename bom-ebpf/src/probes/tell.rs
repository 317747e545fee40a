//! What is told of a process once.

use bom_common::{
    counter::Counter,
    record::{self, kind},
};

use crate::{
    emit::{header, rare_record},
    kernel::task::Tracked,
    maps::PROCESSES,
};

/// What a process was told of, in `Process::told`.
pub const OWN_CODE: u32 = 1;
pub const LOW_MEMORY: u32 = 2;
const OTHER_SOURCE: u32 = 4;

/// Tells once per process that it can get content from where no other probe looks.
#[inline(always)]
pub fn other_source(task: &Tracked, probe: u16) {
    let system_call = 0;
    tell(task, OTHER_SOURCE, kind::OTHER_SOURCE, probe, system_call);
}

/// A function of its own: its frame is not needed at the same time as those of whoever looks further.
#[inline(never)]
pub fn tell(task: &Tracked, what: u32, kind: u16, probe: u16, system_call: u16) {
    let Some(process) = PROCESSES.get_ptr_mut(task.tgid) else { return };
    // SAFETY: the pointer comes from the lookup; a lost update costs one more record.
    let told = unsafe { core::mem::replace(&mut (*process).told, (*process).told | what) };
    if told & what == 0 {
        let mut record = header(kind, probe, size_of::<record::Header>(), task);
        record.system_call = system_call;
        rare_record(&record, task.subject, Counter::ProcessLost);
    }
}
