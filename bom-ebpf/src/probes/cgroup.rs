//! Nested cgroups: a cgroup made below a tracked one belongs to the same subject.
//!
//! Children of a subject's processes stay with it through fork; this is for those that somebody
//! moves in from outside.

use aya_ebpf::{bindings::BPF_ANY, macros::btf_tracepoint, programs::BtfTracePointContext};
use bom_common::counter::Counter;

use crate::{
    emit::lost,
    kernel::read::{pointer, read},
    maps::{CGROUPS, offset},
};

/// `cgroup_mkdir(cgrp, path)`: also called for cgroup v1, whose ids are in no table.
#[btf_tracepoint(function = "cgroup_mkdir")]
pub fn cgroup_mkdir(context: BtfTracePointContext) -> u32 {
    let made = context.arg::<*const u8>(0) as u64;
    let above = pointer(pointer(made, offset!(cgroup_parent_css)), offset!(css_cgroup));
    // SAFETY: copied at once.
    if let Some(&subject) = unsafe { CGROUPS.get(id(above)) }
        && CGROUPS.insert(id(made), subject, u64::from(BPF_ANY)).is_err()
    {
        lost(Counter::CgroupTableFull, subject);
    }
    0
}

/// The id that `bpf_get_current_cgroup_id` gives: that of the directory's kernfs node.
#[inline(always)]
fn id(cgroup: u64) -> u64 {
    read(pointer(cgroup, offset!(cgroup_kn)), offset!(kernfs_node_id))
}
