//! Processes: exec, fork, exit.

use aya_ebpf::{
    bindings::BPF_ANY,
    helpers::generated::{bpf_get_current_cgroup_id, bpf_get_current_uid_gid, bpf_probe_read_kernel_str},
    macros::btf_tracepoint,
    programs::BtfTracePointContext,
};
use bom_common::{
    config::{PROCESS_SUBJECT, Process},
    counter::Counter,
    record::{self, PATH_CAPACITY, REQUESTED_CAPACITY, kind, path_flag, probe},
};

use super::cgroup::moved;
use crate::{
    emit::{header, lost, rare, rare_record},
    kernel::{
        file::by_pointer,
        path::walk,
        read::{opaque, pointer, read},
        task::{Tracked, cgroup_of, current, current_task, mount_namespace, next_image, remember, start_ns},
    },
    maps::{CGROUPS, EXEC_SCRATCH, PROCESSES, offset},
};

/// `sched_process_exec(task, old_pid, bprm)`: the new image is in place, no instruction of it ran.
#[btf_tracepoint(function = "sched_process_exec")]
pub fn sched_process_exec(context: BtfTracePointContext) -> u32 {
    let _ = executed(context.arg::<*const u8>(0) as u64, context.arg::<*const u8>(2) as u64);
    0
}

#[inline(always)]
fn executed(task: u64, bprm: u64) -> Option<()> {
    let before = current()?;
    let image = next_image();
    let process = Process { start_ns: start_ns(task), image, subject: before.subject, threaded: 0, told: 0 };
    remember(before.tgid, &process, u64::from(BPF_ANY));
    let now = Tracked { image, start_ns: process.start_ns, ..before };

    let record = EXEC_SCRATCH.get_ptr_mut(0)?;
    // SAFETY: the slot is this CPU's own, and this program cannot nest in itself.
    let record = unsafe { &mut *record };
    let Some(file) = by_pointer(pointer(bprm, offset!(binprm_file))) else {
        lost(Counter::ProcessLost, before.subject);
        return None;
    };
    let walked = walk(&mut record.walk, &mut record.path, file.vfsmount, file.dentry);
    if walked.flags & path_flag::TRUNCATED != 0 {
        lost(Counter::PathTruncated, before.subject);
    }
    let parent = pointer(task, offset!(task_real_parent));
    record.exec.file = file.describe(&file.key(&now), &walked);
    record.exec.previous_image = before.image;
    record.exec.parent_start_ns = start_ns(parent);
    record.exec.parent_tgid = read(parent, offset!(task_tgid));
    // SAFETY: the helper takes nothing.
    record.exec.uid = unsafe { bpf_get_current_uid_gid() } as u32;
    record.exec.reserved = 0;

    let path = opaque(u64::from(walked.length)) & (PATH_CAPACITY as u64 - 1);
    let name = pointer(bprm, offset!(binprm_filename));
    // SAFETY: `path` is below 4096 and the buffer has 8192 bytes.
    let requested = unsafe {
        bpf_probe_read_kernel_str(
            record.path.as_mut_ptr().add(path as usize).cast(),
            REQUESTED_CAPACITY as u32,
            name as *const _,
        )
    };
    // The count includes the terminating zero; the sign tells an unreadable name.
    let requested = if requested > 0 { requested as u64 - 1 } else { 0 };
    let requested = opaque(requested) & (REQUESTED_CAPACITY as u64 - 1);
    record.exec.requested_length = requested as u32;
    let fixed = size_of::<record::Header>() + size_of::<record::Exec>();
    let length = opaque(fixed as u64 + path + requested) & (2 * PATH_CAPACITY as u64 - 1);
    record.header = header(kind::EXEC, probe::SCHED_PROCESS_EXEC, length as usize, &now);
    rare(core::ptr::from_ref(record).cast(), length, now.subject, Counter::ProcessLost);
    Some(())
}

#[repr(C)]
struct ForkRecord {
    header: record::Header,
    fork: record::Fork,
}

/// `sched_process_fork(parent, child)`: also called for each new thread.
#[btf_tracepoint(function = "sched_process_fork")]
pub fn sched_process_fork(context: BtfTracePointContext) -> u32 {
    let _ = forked(context.arg::<*const u8>(1) as u64);
    0
}

#[inline(always)]
fn forked(child: u64) -> Option<()> {
    let parent = current()?;
    let child_tgid: u32 = read(child, offset!(task_tgid));
    if child_tgid == parent.tgid {
        threaded(&parent);
        return None;
    }
    // clone(CLONE_FILES) without CLONE_THREAD: another process that can replace descriptors of this one.
    let files = pointer(child, offset!(task_files));
    if files != 0 && files == pointer(current_task(), offset!(task_files)) {
        threaded(&parent);
    }
    let child_start_ns: u64 = read(child, offset!(task_start_boottime));
    let cgroup = cgroup_of(child);
    // SAFETY: copied at once.
    if let Some(subject) = unsafe { CGROUPS.get(cgroup) }.copied()
        && subject != parent.subject
        && parent.subject & PROCESS_SUBJECT == 0
        && cgroup != parent.cgroup
    {
        // clone3(CLONE_INTO_CGROUP): born into another subject.
        let process = Process { start_ns: child_start_ns, image: 0, subject, threaded: 0, told: 0 };
        remember(child_tgid, &process, u64::from(BPF_ANY));
        moved(child, child_tgid, &process, cgroup, parent.subject, 1);
        return None;
    }
    let process = Process {
        start_ns: child_start_ns,
        image: parent.image,
        subject: parent.subject,
        threaded: 0,
        told: 0,
    };
    remember(child_tgid, &process, u64::from(BPF_ANY));
    let record = ForkRecord {
        header: header(kind::FORK, probe::SCHED_PROCESS_FORK, size_of::<ForkRecord>(), &parent),
        fork: record::Fork { child_start_ns, child_tgid, reserved: 0 },
    };
    rare_record(&record, parent.subject, Counter::ProcessLost);
    Some(())
}

/// Tells once per process that it has more than one thread: another thread can then swap a
/// descriptor between the system call and the probe.
#[inline(always)]
fn threaded(task: &Tracked) {
    let Some(process) = PROCESSES.get_ptr_mut(task.tgid) else { return };
    // SAFETY: the pointer comes from the lookup; a lost update costs one more record.
    let first = unsafe { core::mem::replace(&mut (*process).threaded, 1) } == 0;
    if first {
        let record = header(kind::THREADED, probe::SCHED_PROCESS_FORK, size_of::<record::Header>(), task);
        rare_record(&record, task.subject, Counter::ProcessLost);
    }
}

#[repr(C)]
struct ExitRecord {
    header: record::Header,
    exit: record::Exit,
}

/// `sched_process_exit(task)`: called for each thread; the last one ends the process.
#[btf_tracepoint(function = "sched_process_exit")]
pub fn sched_process_exit(context: BtfTracePointContext) -> u32 {
    let _ = exited(context.arg::<*const u8>(0) as u64);
    0
}

#[inline(always)]
fn exited(task: u64) -> Option<()> {
    let signal = pointer(task, offset!(task_signal));
    let live: i32 = read(signal, offset!(signal_live));
    if live > 0 {
        return None;
    }
    let tgid: u32 = read(task, offset!(task_tgid));
    // SAFETY: copied at once.
    let process = *unsafe { PROCESSES.get(tgid) }?;
    let gone = Tracked {
        tgid,
        tid: read(task, offset!(task_pid)),
        start_ns: process.start_ns,
        image: process.image,
        subject: process.subject,
        // SAFETY: the helper takes nothing.
        cgroup: unsafe { bpf_get_current_cgroup_id() },
        mount_namespace: mount_namespace(task),
    };
    let record = ExitRecord {
        header: header(kind::EXIT, probe::SCHED_PROCESS_EXIT, size_of::<ExitRecord>(), &gone),
        exit: record::Exit { code: read(task, offset!(task_exit_code)), reserved: 0 },
    };
    rare_record(&record, gone.subject, Counter::ProcessLost);
    let _ = PROCESSES.remove(tgid);
    Some(())
}
