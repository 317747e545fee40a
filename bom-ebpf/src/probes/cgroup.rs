//! The life of cgroups: nested ones belong to the same subject as what they are nested in, a process that is moved
//! changes its subject, and a cgroup that goes takes its subject with it.
//!
//! Children of a subject's processes stay with it through fork; this is for those that somebody moves.

use aya_ebpf::{bindings::BPF_ANY, macros::btf_tracepoint, programs::BtfTracePointContext};
use bom_common::{
    config::{PROCESS_SUBJECT, Process},
    counter::Counter,
    record::{self, kind, probe},
};

use crate::{
    emit::{count, header, rare_record},
    kernel::{
        read::{pointer, read},
        task::{Tracked, cgroup_id, is_own, mount_namespace, remember, start_ns},
    },
    maps::{CGROUPS, PARTED, PROCESSES, offset},
};

#[repr(C)]
struct LifeRecord {
    header: record::Header,
    life: record::CgroupLife,
}

#[repr(C)]
pub(super) struct MovedRecord {
    pub(super) header: record::Header,
    pub(super) moved: record::Moved,
}

/// `cgroup_mkdir(cgrp, path)`.
#[btf_tracepoint(function = "cgroup_mkdir")]
pub fn cgroup_mkdir(context: BtfTracePointContext) -> u32 {
    let _ = made(context.arg::<*const u8>(0) as u64);
    0
}

#[inline(always)]
fn made(made: u64) -> Option<()> {
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
        count(Counter::CgroupTableFull);
    }
    if parts {
        announce(kind::CGROUP_MADE, probe::CGROUP_MKDIR, subject, id, parent);
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
                announce(kind::CGROUP_GONE, probe::CGROUP_RELEASE, subject, id, 0);
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
            (Process { start_ns: start_ns(task), image: 0, subject: here, threaded: 0, reserved: 0 }, 0)
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

#[inline(always)]
fn announce(kind: u16, probe: u16, subject: u64, cgroup: u64, parent: u64) {
    let nobody = Tracked { tgid: 0, tid: 0, start_ns: 0, image: 0, subject, cgroup, mount_namespace: 0 };
    let record = LifeRecord {
        header: header(kind, probe, size_of::<LifeRecord>(), &nobody),
        life: record::CgroupLife { cgroup, parent },
    };
    rare_record(&record, subject, Counter::CgroupLost);
}

/// Whether it is of cgroup v2: each hierarchy of v1 counts its ids from 1 as well, and they mean other cgroups.
/// The default hierarchy has number 0 (kernel/cgroup/cgroup.c, cgroup_init).
#[inline(always)]
fn is_unified(cgroup: u64) -> bool {
    let root = pointer(cgroup, offset!(cgroup_root));
    root != 0 && read::<u32>(root, offset!(root_hierarchy_id)) == 0
}
