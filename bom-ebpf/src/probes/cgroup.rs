//! The life of cgroups: nested ones belong to the same subject as what they are nested in, a process that is moved
//! changes its subject, and a cgroup that goes takes its subject with it.
//!
//! Children of a subject's processes stay with it through fork; this is for those that somebody moves.

use aya_ebpf::{
    bindings::BPF_ANY, helpers::generated::bpf_probe_read_kernel_str, macros::btf_tracepoint,
    programs::BtfTracePointContext,
};
use bom_common::{
    config::{PROCESS_SUBJECT, Process},
    counter::Counter,
    record::{self, CGROUP_CAPACITY, kind, probe},
};

use crate::{
    emit::{header, lost, rare, rare_record},
    kernel::{
        read::{opaque, pointer, read},
        task::{Tracked, cgroup_id, is_own, mount_namespace, remember, start_ns},
    },
    maps::{CGROUPS, LIFE_SCRATCH, PARTED, PROCESSES, offset},
};

#[repr(C)]
pub(super) struct MovedRecord {
    pub(super) header: record::Header,
    pub(super) moved: record::Moved,
}

/// `cgroup_mkdir(cgrp, path)`.
#[btf_tracepoint(function = "cgroup_mkdir")]
pub fn cgroup_mkdir(context: BtfTracePointContext) -> u32 {
    let _ = made(context.arg::<*const u8>(0) as u64, context.arg(1));
    0
}

#[inline(always)]
fn made(made: u64, path: *const u8) -> Option<()> {
    if !is_unified(made) {
        return None;
    }
    let parent = cgroup_id(pointer(pointer(made, offset!(cgroup_parent_css)), offset!(css_cgroup)));
    // SAFETY: copied at once.
    let above = *unsafe { CGROUPS.get(parent) }?;
    let id = cgroup_id(made);
    // SAFETY: only whether it is there counts.
    let parts = unsafe { PARTED.get(parent) }.is_some();
    let subject = if parts { id } else { above };
    if CGROUPS.insert(id, subject, u64::from(BPF_ANY)).is_err() {
        lost(Counter::CgroupTableFull, subject);
    }
    if parts {
        announce(kind::CGROUP_MADE, probe::CGROUP_MKDIR, id, parent, path);
    }
    Some(())
}

/// `cgroup_release(cgrp, path)`: nobody is in it and nobody can come back.
#[btf_tracepoint(function = "cgroup_release")]
pub fn cgroup_release(context: BtfTracePointContext) -> u32 {
    let gone = context.arg::<*const u8>(0) as u64;
    if is_unified(gone) {
        let id = cgroup_id(gone);
        // SAFETY: copied at once.
        if let Some(subject) = unsafe { CGROUPS.get(id) }.copied() {
            let _ = CGROUPS.remove(id);
            let _ = PARTED.remove(id);
            if subject == id {
                announce(kind::CGROUP_GONE, probe::CGROUP_RELEASE, id, 0, context.arg(1));
            }
        }
    }
    0
}

/// `cgroup_attach_task(dst_cgrp, path, task, threadgroup)`: called for the leader of a process that is moved whole.
#[btf_tracepoint(function = "cgroup_attach_task")]
pub fn cgroup_attach_task(context: BtfTracePointContext) -> u32 {
    let destination = context.arg::<*const u8>(0) as u64;
    let task = context.arg::<*const u8>(2) as u64;
    let _ = attached(destination, task);
    0
}

#[inline(always)]
fn attached(destination: u64, task: u64) -> Option<()> {
    if !is_unified(destination) {
        return None;
    }
    let cgroup = cgroup_id(destination);
    let tgid: u32 = read(task, offset!(task_tgid));
    if is_own(tgid) {
        return None;
    }
    // SAFETY: copied at once.
    let known = unsafe { PROCESSES.get(tgid) }.copied();
    // SAFETY: copied at once.
    let here = unsafe { CGROUPS.get(cgroup) }.copied();
    let (process, from) = match (known, here) {
        (Some(known), Some(here)) if known.subject == here => return None,
        // What a subject started stays with it, wherever it is put.
        (Some(known), _) if known.subject & PROCESS_SUBJECT != 0 => return None,
        (Some(known), None) => (known, known.subject),
        // It runs on as what it was: which image that is concerns the subject it had.
        (Some(known), Some(here)) => (Process { image: 0, subject: here, ..known }, known.subject),
        (None, Some(here)) => {
            (Process { start_ns: start_ns(task), image: 0, subject: here, threaded: 0, told: 0 }, 0)
        }
        (None, None) => return None,
    };
    if here.is_some() {
        remember(tgid, &process, u64::from(BPF_ANY));
    }
    moved(task, tgid, &process, cgroup, from, 0);
    Some(())
}

/// Tells that a process is another subject's now, or out of reach of its own subject's packet probes.
#[inline(always)]
pub(super) fn moved(task: u64, tgid: u32, process: &Process, cgroup: u64, from: u64, born: u32) {
    let whose = Tracked {
        tgid,
        tid: tgid,
        start_ns: process.start_ns,
        image: process.image,
        subject: process.subject,
        cgroup,
        mount_namespace: mount_namespace(task),
    };
    let parent = pointer(task, offset!(task_real_parent));
    let record = MovedRecord {
        header: header(kind::MOVED, probe::CGROUP_ATTACH_TASK, size_of::<MovedRecord>(), &whose),
        moved: record::Moved {
            from,
            parent_start_ns: start_ns(parent),
            parent_tgid: read(parent, offset!(task_tgid)),
            born,
        },
    };
    rare_record(&record, process.subject, Counter::CgroupLost);
}

/// Tells of a cgroup that is a subject. The kernel hands its path to the event in a buffer of its own.
#[inline(always)]
fn announce(kind: u16, probe: u16, cgroup: u64, parent: u64, path: *const u8) {
    let Some(record) = LIFE_SCRATCH.get_ptr_mut(0) else { return };
    // SAFETY: the slot is this CPU's own; both events hold the kernel's lock of that buffer, so they do not nest.
    let record = unsafe { &mut *record };
    // SAFETY: the buffer has as many bytes.
    let length = unsafe {
        bpf_probe_read_kernel_str(record.path.as_mut_ptr().cast(), CGROUP_CAPACITY as u32, path.cast())
    };
    // The count includes the terminating zero; the sign tells an unreadable path.
    let length = if length > 0 { length as u64 - 1 } else { 0 };
    let fixed = size_of::<record::Header>() + size_of::<record::CgroupLife>();
    let length = fixed as u64 + (opaque(length) & (CGROUP_CAPACITY as u64 - 1));
    let nobody =
        Tracked { tgid: 0, tid: 0, start_ns: 0, image: 0, subject: cgroup, cgroup, mount_namespace: 0 };
    record.header = header(kind, probe, length as usize, &nobody);
    record.life = record::CgroupLife { cgroup, parent };
    rare(core::ptr::from_ref(record).cast(), length, cgroup, Counter::CgroupLost);
}

/// Whether it is of cgroup v2: each hierarchy of v1 counts its ids from 1 as well, and they mean other cgroups.
/// The default hierarchy has number 0 (kernel/cgroup/cgroup.c, cgroup_init).
#[inline(always)]
fn is_unified(cgroup: u64) -> bool {
    let root = pointer(cgroup, offset!(cgroup_root));
    root != 0 && read::<u32>(root, offset!(root_hierarchy_id)) == 0
}
