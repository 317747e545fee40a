//! The hierarchy of cgroups: which one is a subject, and which only holds subjects.
//!
//! systemd has slices, which hold services and scopes; Kubernetes and container engines have cgroups for classes and
//! pods, which hold one for each container. What is nested in a service or container belongs to it.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::{Path, PathBuf},
};

/// Cgroups that are looked at; who is observed may make as many as it likes.
const MOST: usize = 16_384;

/// What a cgroup is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It and everything nested in it is one subject.
    Leaf,
    /// Each cgroup in it is a subject or holds some; processes of its own are loose.
    Parting,
}

/// One cgroup as it stands on the file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cgroup {
    /// The kernel's number: the inode number of the directory.
    pub(super) id: u64,
    pub(super) path: PathBuf,
}

impl Cgroup {
    pub(super) fn at(path: &Path) -> Option<Self> {
        let about = fs::metadata(path).ok().filter(fs::Metadata::is_dir)?;
        Some(Self { id: about.ino(), path: path.to_owned() })
    }

    /// The cgroups directly in it, by name.
    pub(super) fn children(&self) -> Vec<Self> {
        let mut paths: Vec<PathBuf> = fs::read_dir(&self.path)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.path())
            .take(MOST)
            .collect();
        paths.sort();
        paths.iter().filter_map(|path| Self::at(path)).collect()
    }

    /// Whether a process sits directly in it.
    pub(super) fn has_processes(&self) -> bool {
        fs::read(self.path.join("cgroup.procs")).is_ok_and(|procs| !procs.is_empty())
    }

    /// Whether a process sits in it or in one nested in it; the root has no such file and always has some.
    pub(super) fn is_populated(&self) -> bool {
        match fs::read_to_string(self.path.join("cgroup.events")) {
            Ok(events) => events.lines().any(|line| line == "populated 1"),
            Err(_) => self.path.join("cgroup.procs").exists(),
        }
    }

    /// How it is called: its path in the hierarchy.
    pub(super) fn name(&self, mount: &Path) -> String {
        let inside = self.path.strip_prefix(mount).unwrap_or(&self.path);
        let text = bom_core::bom::escape(inside.as_os_str().as_bytes()).text;
        format!("/{text}")
    }
}

/// What a cgroup with this name, below a parting one, is for.
///
/// A name that says nothing is that of a leaf, unless it holds cgroups and no process of its own: then it is an
/// inner node, as cgroup v2 wants them.
pub(super) fn role(name: &OsStr, inner: bool) -> Role {
    let name = name.as_bytes();
    let ends = |suffix: &[u8]| name.ends_with(suffix);
    let starts = |prefix: &[u8]| name.starts_with(prefix);
    if ends(b".service") || ends(b".scope") || ends(b".socket") || ends(b".mount") || ends(b".swap") {
        return Role::Leaf;
    }
    // Without systemd's names: kubepods/burstable/pod<uid>/<container>, docker/<container>.
    const HOLDERS: [&[u8]; 7] =
        [b"kubepods", b"besteffort", b"burstable", b"guaranteed", b"docker", b"libpod_parent", b"lxc"];
    if ends(b".slice") || HOLDERS.contains(&name) || (starts(b"pod") && name.len() >= 35) {
        return Role::Parting;
    }
    if container_id(OsStr::from_bytes(name)).is_some() {
        return Role::Leaf;
    }
    if inner { Role::Parting } else { Role::Leaf }
}

/// The id in the name of a container's cgroup: 64 hexadecimal digits, alone or behind the name of an engine.
pub(super) fn container_id(name: &OsStr) -> Option<&str> {
    let name = name.to_str()?;
    let (engine, id) = name.strip_suffix(".scope").unwrap_or(name).rsplit_once('-').unwrap_or(("", name));
    // podman and cri-o keep their own process beside the container, under the same id.
    let beside = matches!(engine, "libpod-conmon" | "crio-conmon");
    let id = id.strip_suffix(".scope").unwrap_or(id);
    (!beside && id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_holders_from_subjects() {
        let id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        let container = format!("docker-{id}.scope");
        for (name, inner, expected) in [
            ("system.slice", true, Role::Parting),
            ("kubepods-burstable.slice", false, Role::Parting),
            ("ssh.service", false, Role::Leaf),
            ("user@1000.service", true, Role::Leaf),
            (container.as_str(), true, Role::Leaf),
            (id, true, Role::Leaf),
            ("kubepods", false, Role::Parting),
            ("pod0123abcd-0123-0123-0123-0123456789ab", false, Role::Parting),
            ("podman", false, Role::Leaf),
            ("anything", false, Role::Leaf),
            ("anything", true, Role::Parting),
        ] {
            assert_eq!(role(OsStr::new(name), inner), expected, "{name}");
        }
    }
}
