//! Which process is this, and does it belong to a subject?

use aya_ebpf::{
    bindings::BPF_NOEXIST,
    helpers::generated::{bpf_get_current_cgroup_id, bpf_get_current_pid_tgid, bpf_get_current_task},
};
use bom_common::{
    config::{PROCESS_SUBJECT, Process},
    counter::Counter,
};

use super::read::{pointer, read};
use crate::{
    emit::lost,
    maps::{CGROUPS, IMAGES, OWN_TGID, PROCESSES, TARGETS, offset},
};

/// The task a record speaks of.
#[derive(Clone, Copy)]
pub struct Tracked {
    pub tgid: u32,
    pub tid: u32,
    pub start_ns: u64,
    pub image: u64,
    pub subject: u64,
    pub cgroup: u64,
    pub mount_namespace: u32,
}

/// The current `struct task_struct *`.
#[inline(always)]
pub fn current_task() -> u64 {
    // SAFETY: the helper takes nothing.
    unsafe { bpf_get_current_task() }
}

/// The current process, if it belongs to a subject: because it is known, or because it sits in a
/// tracked cgroup without having been seen before.
#[inline(always)]
pub fn current() -> Option<Tracked> {
    // SAFETY: the helpers take nothing.
    let (pid_tgid, cgroup) = unsafe { (bpf_get_current_pid_tgid(), bpf_get_current_cgroup_id()) };
    let (tgid, process) = belongs()?;
    let mount_namespace = mount_namespace(current_task());
    Some(Tracked {
        tgid,
        tid: pid_tgid as u32,
        start_ns: process.start_ns,
        image: process.image,
        subject: process.subject,
        cgroup,
        mount_namespace,
    })
}

/// The current process's number and entry, if it belongs to a subject: all that a look-up needs.
#[inline(always)]
pub fn belongs() -> Option<(u32, Process)> {
    // SAFETY: the helper takes nothing.
    let tgid = (unsafe { bpf_get_current_pid_tgid() } >> 32) as u32;
    // SAFETY: the entry is copied field by field before anything else runs on it.
    match unsafe { PROCESSES.get(tgid) } {
        Some(known) => Some((tgid, *known)),
        // SAFETY: the helper takes nothing.
        None => Some((tgid, adopt(tgid, unsafe { bpf_get_current_cgroup_id() })?)),
    }
}

/// Makes a process that was found in a tracked cgroup a member of its subject.
#[inline(always)]
fn adopt(tgid: u32, cgroup: u64) -> Option<Process> {
    if is_own(tgid) {
        return None;
    }
    // SAFETY: copied at once.
    let subject = *unsafe { CGROUPS.get(cgroup) }?;
    let process = Process { start_ns: start_ns(current_task()), image: 0, subject, threaded: 0, told: 0 };
    remember(tgid, &process, u64::from(BPF_NOEXIST));
    Some(process)
}

/// Any task that a sweep meets, if its process belongs to a subject: because it is known, or is to become one
/// by itself, or sits in a tracked cgroup. It is then a member, as if it had been met in its own context.
#[inline(always)]
pub fn met(task: u64) -> Option<Tracked> {
    let tgid: u32 = read(task, offset!(task_tgid));
    let start_ns = start_ns(task);
    let cgroup = cgroup_of(task);
    // SAFETY: copied at once.
    let process = match unsafe { PROCESSES.get(tgid) } {
        Some(known) => *known,
        None => {
            let subject = claimed(task, tgid, start_ns, cgroup)?;
            let process = Process { start_ns, image: 0, subject, threaded: 0, told: 0 };
            remember(tgid, &process, u64::from(BPF_NOEXIST));
            process
        }
    };
    Some(Tracked {
        tgid,
        tid: read(task, offset!(task_pid)),
        start_ns: process.start_ns,
        image: process.image,
        subject: process.subject,
        cgroup,
        mount_namespace: mount_namespace(task),
    })
}

/// Whose a process is that is in no table yet. A child of a subject that is a process belongs to it; those of
/// cgroups belong by where they are.
#[inline(always)]
fn claimed(task: u64, tgid: u32, start_ns: u64, cgroup: u64) -> Option<u64> {
    // A kernel thread runs no program.
    if pointer(task, offset!(task_mm)) == 0 || is_own(tgid) {
        return None;
    }
    // SAFETY: copied at once.
    if let Some(target) = unsafe { TARGETS.get(tgid) }.copied()
        && start_ns >= target.from_ns
        && start_ns < target.to_ns
    {
        return Some(target.subject);
    }
    let parent: u32 = read(pointer(task, offset!(task_real_parent)), offset!(task_tgid));
    // SAFETY: copied at once.
    if let Some(parent) = unsafe { PROCESSES.get(parent) }.copied()
        && parent.subject & PROCESS_SUBJECT != 0
    {
        return Some(parent.subject);
    }
    // SAFETY: copied at once.
    unsafe { CGROUPS.get(cgroup) }.copied()
}

/// Whether it is the agent itself.
#[inline(always)]
pub fn is_own(tgid: u32) -> bool {
    // SAFETY: a valid, aligned, initialised static; volatile because the loader rewrites it.
    tgid == unsafe { core::ptr::read_volatile(&raw const OWN_TGID) }
}

/// The cgroup (v2) of any task.
#[inline(always)]
pub fn cgroup_of(task: u64) -> u64 {
    cgroup_id(pointer(pointer(task, offset!(task_cgroups)), offset!(css_set_dfl_cgrp)))
}

/// The id that `bpf_get_current_cgroup_id` gives: that of the directory's kernfs node.
#[inline(always)]
pub fn cgroup_id(cgroup: u64) -> u64 {
    read(pointer(cgroup, offset!(cgroup_kn)), offset!(kernfs_node_id))
}

/// Enters a process in the table; a full table is counted.
#[inline(always)]
pub fn remember(tgid: u32, process: &Process, flags: u64) {
    if let Err(error) = PROCESSES.insert(tgid, process, flags) {
        // EEXIST: another thread of the process came first.
        if error != -17 {
            lost(Counter::ProcessTableFull, process.subject);
        }
    }
}

/// Start of the thread group leader, nanoseconds of CLOCK_BOOTTIME.
#[inline(always)]
pub fn start_ns(task: u64) -> u64 {
    read(pointer(task, offset!(task_group_leader)), offset!(task_start_boottime))
}

/// Inode number of the task's mount namespace; 0 if the task has already left it.
#[inline(always)]
pub fn mount_namespace(task: u64) -> u32 {
    let namespaces = pointer(task, offset!(task_nsproxy));
    read(pointer(namespaces, offset!(nsproxy_mnt_ns)), offset!(mnt_namespace_inum))
}

/// A number no other image of this boot has: the CPU in the upper bits, a count in the lower.
#[inline(always)]
pub fn next_image() -> u64 {
    // SAFETY: the helper takes nothing.
    let cpu = u64::from(unsafe { aya_ebpf::helpers::generated::bpf_get_smp_processor_id() });
    let Some(slot) = IMAGES.get_ptr_mut(0) else { return 0 };
    // SAFETY: the pointer comes from the map lookup; the slot is this CPU's own.
    let number = unsafe {
        *slot += 1;
        *slot
    };
    ((cpu + 1) << 40) | number
}
