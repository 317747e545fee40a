//! Files mapped into memory, and memory that becomes code.
//!
//! At the exit of mmap the kernel's own memory map says what is at the address the call returned. No descriptor is
//! looked at, so none can be swapped: whichever way a file was opened, this is the one that is mapped.

use aya_ebpf::{
    EbpfContext,
    bindings::BPF_NOEXIST,
    macros::{btf_tracepoint, tracepoint},
    programs::{BtfTracePointContext, TracePointContext},
};
use bom_common::{
    config::ACCESS_EXECUTABLE,
    counter::Counter,
    record::{self, kind, path_flag, probe},
};

use super::tell::{LOW_MEMORY, OWN_CODE, tell};
use crate::{
    emit::{common, count, header, lost},
    kernel::{
        file::{OpenFile, by_pointer},
        path::walk_looped,
        read::{opaque, pointer, read},
        task::{Tracked, current},
        vma::{Range, first_argument, visit},
    },
    maps::{MAP_SCRATCH, MAPS, PATH_SPACE, offset},
};

/// Position of the system call's number and result in the arguments of every `sys_exit_*` event, in 8-byte words.
const NUMBER_WORD: usize = 1;
const RETURN_WORD: usize = 2;
/// Parts of one mprotect that are looked at; if there are more, they count as if they were code of nobody's.
const RANGES: u32 = 8;

/// 32-bit system calls take pointers of 32 bits.
const LOW: u64 = 1 << 32;

/// Which hook it was.
#[derive(Clone, Copy)]
struct Hook {
    probe: u16,
    /// The number differs between architectures; user space knows which probe it stands for.
    system_call: u16,
}

impl Hook {
    #[inline(always)]
    fn call(number: u64) -> Self {
        Self { probe: probe::SYS_EXIT, system_call: number as u16 }
    }
}

/// What the visit of a range is told, and what it tells.
#[repr(C)]
struct Context {
    task: Tracked,
    hook: Hook,
    executable: bool,
    own_code: bool,
    end: u64,
}

/// mmap, mremap and shmat return an address. A mapping that moves can come to lie where 32-bit system calls can point
/// to; shared memory is a file of the kernel's own tmpfs. One program, so that the verifier has less to do.
#[tracepoint]
pub fn sys_exit_map_family(context: TracePointContext) -> u32 {
    let (number, address) = result(&context);
    // The last page of the address space holds error numbers (IS_ERR_VALUE, include/linux/err.h).
    if address < u64::MAX - 4095 {
        at(address, address, Hook::call(number));
    }
    0
}

/// mprotect and pkey_mprotect take the address first, and it is still in the task's registers.
#[tracepoint]
pub fn sys_exit_protect_family(context: TracePointContext) -> u32 {
    let (number, failed) = result(&context);
    if failed == 0 {
        protected(Hook::call(number));
    }
    0
}

/// `sched_process_exec(task, old_pid, bprm)`: the kernel itself made the stack.
#[btf_tracepoint(function = "sched_process_exec")]
pub fn sched_process_exec_memory(context: BtfTracePointContext) -> u32 {
    let memory = pointer(context.arg::<*const u8>(0) as u64, offset!(task_mm));
    // A program at a fixed address lies low as a whole; all others lie as high as their stack.
    let lowest = read::<u64>(memory, offset!(mm_start_code)).min(read(memory, offset!(mm_start_stack)));
    if lowest != 0 {
        at(
            read(memory, offset!(mm_start_stack)),
            lowest,
            Hook { probe: probe::SCHED_PROCESS_EXEC_MEMORY, system_call: 0 },
        );
    }
    0
}

#[inline(always)]
fn at(address: u64, lowest: u64, hook: Hook) {
    let Some(task) = current() else { return };
    let mut seen = Context { task, hook, executable: false, own_code: false, end: 0 };
    if visit(address, look, &mut seen).is_err() {
        lost(Counter::MappingsUnresolved, seen.task.subject);
        return;
    }
    if seen.own_code {
        own_code(&seen.task, hook);
    }
    if lowest < LOW {
        low_memory(&seen.task, hook);
    }
}

#[inline(always)]
fn protected(hook: Hook) {
    let Some(task) = current() else { return };
    let mut seen = Context { task, hook, executable: false, own_code: false, end: 0 };
    // The whole range has one protection now: the first part tells whether it is executable.
    if visit(first_argument(), look, &mut seen).is_err() {
        lost(Counter::MappingsUnresolved, seen.task.subject);
        return;
    }
    if !seen.executable {
        return;
    }
    for _ in 1..RANGES {
        if seen.own_code {
            break;
        }
        let end = seen.end;
        if visit(end, glance, &mut seen).is_err() || !seen.executable {
            return;
        }
    }
    own_code(&seen.task, hook);
}

/// Number and result of the system call.
#[inline(always)]
fn result(context: &TracePointContext) -> (u64, u64) {
    let words = context.as_ptr().cast::<u64>();
    // SAFETY: the event has at least three 8-byte words; the verifier checks the access.
    unsafe { (*words.add(NUMBER_WORD), *words.add(RETURN_WORD)) }
}

/// Called with the memory map locked.
unsafe extern "C" fn look(_task: *mut u8, vma: *mut u8, context: *mut u8) -> i64 {
    // SAFETY: the pointer is the context that was given to `visit`; the verifier tracks it as such.
    let context = unsafe { &mut *context.cast::<Context>() };
    let range = Range::of(vma as u64);
    context.executable = range.is_executable();
    context.own_code = range.runs_own_code();
    context.end = range.end;
    if range.file != 0 {
        let task = context.task;
        // A device that is mapped as code makes it up.
        context.own_code |= !mapped(&task, &range, context.hook) && range.is_executable();
    }
    0
}

/// The same without a record: of the parts behind the first, only what they are counts.
unsafe extern "C" fn glance(_task: *mut u8, vma: *mut u8, context: *mut u8) -> i64 {
    // SAFETY: the pointer is the context that was given to `visit`; the verifier tracks it as such.
    let context = unsafe { &mut *context.cast::<Context>() };
    let range = Range::of(vma as u64);
    context.executable = range.is_executable();
    context.own_code = range.runs_own_code();
    context.end = range.end;
    0
}

/// Records a mapping, once for each process and state of the file, and once more if it is executable. False if it is
/// not of a regular file.
#[inline(always)]
fn mapped(task: &Tracked, range: &Range, hook: Hook) -> bool {
    let Some(file) = by_pointer(range.file) else { return false };
    if file.is_recorded() {
        deliver(task, &file, range, hook);
    }
    file.is_regular()
}

#[inline(always)]
fn deliver(task: &Tracked, file: &OpenFile, range: &Range, hook: Hook) {
    let Some(record) = MAP_SCRATCH.get_ptr_mut(0) else { return };
    // SAFETY: the slot is this CPU's own, and this program cannot nest in itself.
    let record = unsafe { &mut *record };
    record.key = file.key(task);
    if range.is_executable() {
        record.key.access |= ACCESS_EXECUTABLE;
    }
    // By reference: the key stays in the map it was put together in, and off the stack.
    let key = &record.key;
    // SAFETY: looked at, not kept.
    if unsafe { MAPS.get(key) }.is_some() {
        return;
    }
    let walked = walk_looped(&mut record.walk, &mut record.path, file.vfsmount, file.dentry);
    if walked.flags & path_flag::TRUNCATED != 0 {
        lost(Counter::PathTruncated, task.subject);
    }
    let fixed = size_of::<record::Header>() + size_of::<record::Map>();
    let length = opaque(u64::from(walked.length)) & (PATH_SPACE as u64 - 1);
    record.map.file = file.describe(&record.key, &walked);
    record.map.vm_flags = range.flags;
    record.header = header(kind::MAP, hook.probe, fixed + length as usize, task);
    record.header.system_call = hook.system_call;
    if !common(core::ptr::from_ref(record).cast(), fixed as u64 + length) {
        lost(Counter::ContentLost, task.subject);
        return;
    }
    count(Counter::ContentDelivered);
    // Only now: what was not delivered must not be remembered as delivered.
    let key = &record.key;
    if MAPS.insert(key, 1, u64::from(BPF_NOEXIST)).is_err() {
        count(Counter::DedupeFull);
    }
}

/// Tells once per process that it can run code that is no file's.
#[inline(always)]
fn own_code(task: &Tracked, hook: Hook) {
    tell(task, OWN_CODE, kind::EXECUTABLE_MEMORY, hook.probe, hook.system_call);
}

/// Tells once per process that it can name things in 32-bit system calls, which have no exit event.
#[inline(always)]
fn low_memory(task: &Tracked, hook: Hook) {
    tell(task, LOW_MEMORY, kind::LOW_MEMORY, hook.probe, hook.system_call);
}
