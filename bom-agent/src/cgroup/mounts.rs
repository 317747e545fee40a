//! Where cgroup v2 is mounted, and where in it this process is.
//!
//! Parsed here and as bytes: a path that is not UTF-8 in some other line must not hide the one that is looked for.

use std::{
    ffi::OsString,
    os::unix::ffi::OsStringExt,
    path::{Component, Path, PathBuf},
};

use super::CgroupError;
use crate::{host::read_bounded, mount_table::unescape};

/// Nobody has more mounts than this fits; what is cut off is not looked at.
const LIMIT: u64 = 8 << 20;

/// The unified hierarchy as this process sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hierarchy {
    mount: PathBuf,
    own: PathBuf,
}

impl Hierarchy {
    pub fn of_this_process() -> Result<Self, CgroupError> {
        Self::at(Path::new("/"))
    }

    /// Reads /proc/self/mountinfo and /proc/self/cgroup below `root`.
    ///
    /// mountinfo rather than mounts, because it also says which part of the hierarchy is mounted: in a container
    /// without a cgroup namespace that is the container's own cgroup, while /proc/self/cgroup counts from the top.
    pub fn at(root: &Path) -> Result<Self, CgroupError> {
        let read = |file: &str| {
            let path = root.join(file);
            read_bounded(&path, LIMIT).map_err(|source| CgroupError::Read { path, source })
        };
        let mounts = cgroup2_mounts(&read("proc/self/mountinfo")?);
        let path = unified_path(&read("proc/self/cgroup")?).ok_or(CgroupError::NoUnified)?;
        choose(&mounts, &path).ok_or(CgroupError::NotMounted)
    }

    /// Root of the mount.
    pub fn mount(&self) -> &Path {
        &self.mount
    }

    /// Directory of our own cgroup; the root of the mount if our own is not below it.
    pub fn own(&self) -> PathBuf {
        self.mount.join(&self.own)
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Mount {
    /// The part of the hierarchy that is mounted.
    root: PathBuf,
    point: PathBuf,
}

/// The mount that shows our own cgroup, else any.
fn choose(mounts: &[Mount], path: &Path) -> Option<Hierarchy> {
    // A path with ".." is one outside our cgroup namespace.
    let inside = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    let shown = mounts.iter().filter(|_| inside).find_map(|mount| {
        let own = path.strip_prefix(&mount.root).ok()?;
        Some(Hierarchy { mount: mount.point.clone(), own: own.to_owned() })
    });
    shown.or_else(|| {
        let mount = mounts.first()?;
        Some(Hierarchy { mount: mount.point.clone(), own: PathBuf::new() })
    })
}

/// The mounts of type cgroup2 in a mountinfo file; proc_pid_mountinfo(5).
fn cgroup2_mounts(mountinfo: &[u8]) -> Vec<Mount> {
    mountinfo
        .split(|byte| *byte == b'\n')
        .filter_map(|line| {
            let mut fields = line.split(|byte| *byte == b' ');
            let (root, point) = (fields.nth(3)?, fields.next()?);
            let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
            (kind == b"cgroup2").then(|| Mount { root: path(root), point: path(point) })
        })
        .collect()
}

fn path(field: &[u8]) -> PathBuf {
    OsString::from_vec(unescape(field)).into()
}

/// The path of the line `0::/…`.
fn unified_path(cgroup: &[u8]) -> Option<PathBuf> {
    let line = cgroup.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"0::"))?;
    line.starts_with(b"/").then(|| OsString::from_vec(line.to_vec()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &[u8] = b"30 23 0:26 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n";
    const HYBRID: &[u8] = b"31 23 0:27 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n";

    fn check(name: &str, mountinfo: &[&[u8]], cgroup: &[u8], expected: Option<(&str, &str)>) {
        let mounts = cgroup2_mounts(&mountinfo.concat());
        let found = unified_path(cgroup).and_then(|path| choose(&mounts, &path));
        let found = found.map(|found| (found.mount().to_owned(), found.own()));
        let expected = expected.map(|(mount, own)| (PathBuf::from(mount), PathBuf::from(own)));
        assert_eq!(found, expected, "{name}");
    }

    #[test]
    fn finds_mount_and_own_cgroup() {
        let unified = "/sys/fs/cgroup/unified";
        let docker = b"40 39 0:27 /docker/ab /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw\n";
        let spaced = b"9 1 0:27 / /mnt/a\\040b\\134c rw - cgroup2 none rw\n";
        for (name, mountinfo, cgroup, expected) in [
            ("hybrid", &[V1, HYBRID][..], &b"1:cpu:/\n0::/\n"[..], Some((unified, unified))),
            ("service", &[HYBRID], b"0::/a.slice/b\n", Some((unified, "/sys/fs/cgroup/unified/a.slice/b"))),
            (
                "host_path_in_container",
                &[docker],
                b"0::/docker/ab/x\n",
                Some(("/sys/fs/cgroup", "/sys/fs/cgroup/x")),
            ),
            ("outside_of_mount", &[docker], b"0::/user\n", Some(("/sys/fs/cgroup", "/sys/fs/cgroup"))),
            ("outside_of_namespace", &[HYBRID], b"0::/../../x\n", Some((unified, unified))),
            (
                "prefix_of_a_name_only",
                &[docker],
                b"0::/docker/abc\n",
                Some(("/sys/fs/cgroup", "/sys/fs/cgroup")),
            ),
            ("escapes", &[spaced], b"0::/\n", Some(("/mnt/a b\\c", "/mnt/a b\\c"))),
            (
                "other_line_not_utf8",
                &[b"8 1 0:1 / /\xff\xfe rw - ext4 x rw\n", HYBRID],
                b"0::/\n",
                Some((unified, unified)),
            ),
            ("v1_only", &[V1], b"0::/\n", None),
            ("no_unified_line", &[HYBRID], b"1:cpu:/\n", None),
            ("path_not_absolute", &[HYBRID], b"0::x\n", None),
            ("type_in_the_wrong_place", &[b"1 2 0:3 / /cgroup2 rw - ext4 cgroup2 rw\n"], b"0::/\n", None),
            ("line_cut_short", &[b"1 2 0:3 / /x rw -"], b"0::/\n", None),
            ("empty", &[], b"", None),
        ] {
            check(name, mountinfo, cgroup, expected);
        }
    }
}
