//! Links to cgroups. Anybody with the right can detach one by its number (BPF_LINK_DETACH); the descriptor stays open,
//! and the program is not run any more.

use std::{
    collections::BTreeMap,
    ffi::CString,
    fs::{self, File},
    os::fd::AsRawFd as _,
};

/// One link of ours.
#[derive(Debug)]
pub(super) struct CgroupLink {
    descriptor: u32,
    pub(super) probe: &'static str,
    /// The cgroup's own directory.
    cgroup: File,
}

impl CgroupLink {
    pub(super) fn is_detached(&self) -> bool {
        attached(self.descriptor).is_some_and(|(_, cgroup)| cgroup == 0) && self.cgroup_is_there()
    }

    /// A cgroup that is removed takes its links with it.
    fn cgroup_is_there(&self) -> bool {
        let Ok(name) = CString::new("cgroup.procs") else { return false };
        // SAFETY: the directory is open, and the name ends with a zero.
        let there = unsafe { libc::faccessat(self.cgroup.as_raw_fd(), name.as_ptr(), libc::F_OK, 0) };
        there == 0
    }
}

/// Finds the links that were made to this cgroup since the last call, among our descriptors.
pub(super) fn find(links: &mut Vec<CgroupLink>, programs: &BTreeMap<u32, &'static str>, cgroup: &File) {
    let entries = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let mut descriptors: Vec<u32> =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    descriptors.sort_unstable();
    for descriptor in descriptors {
        if links.iter().any(|link| link.descriptor == descriptor) {
            continue;
        }
        let Some((program, _)) = attached(descriptor) else { continue };
        if let (Some(&probe), Ok(cgroup)) = (programs.get(&program), cgroup.try_clone()) {
            links.push(CgroupLink { descriptor, probe, cgroup });
        }
    }
}

/// The program and the cgroup of a link (kernel/bpf/syscall.c, bpf_link_show_fdinfo, and kernel/bpf/cgroup.c,
/// bpf_cgroup_link_show_fdinfo); 0 for the cgroup if it is attached no more.
fn attached(descriptor: u32) -> Option<(u32, u64)> {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{descriptor}")).ok()?;
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    if field("link_type:")? != "cgroup" {
        return None;
    }
    Some((field("prog_id:")?.parse().ok()?, field("cgroup_id:")?.parse().ok()?))
}
