//! Who is meant: from what was asked for to cgroups and processes.

use std::{
    ffi::OsStr,
    fs,
    os::unix::ffi::OsStrExt as _,
    path::{Component, PathBuf},
};

use bom_common::config::{PROCESS_SUBJECT, Target};

use super::tree::Cgroup;
use crate::{cgroup::Hierarchy, host::Host, session::SessionError};

/// Depth of the hierarchy that is searched for a name.
const DEPTH: usize = 32;
/// Characters of a container id that are asked for at least.
const PREFIX: usize = 4;
/// Clock ticks of procfs, nanoseconds: USER_HZ is 100 on every architecture we build for.
const TICK_NS: u64 = 10_000_000;
/// Bits of a process number (PID_MAX_LIMIT, include/linux/threads.h).
const PID_BITS: u32 = 22;

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// A process and its descendants.
    Pid(u32),
    /// A cgroup: its directory, or its path as /proc/PID/cgroup writes it.
    Cgroup(PathBuf),
    /// A systemd unit, by the name of its cgroup.
    Unit(String),
    /// A container, by the beginning of its id.
    Container(String),
    /// Every service, scope and container, each a subject of its own.
    All,
}

/// Who that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meant {
    Cgroup(Cgroup),
    Process { tgid: u32, target: Target, cgroup: Cgroup },
    All,
}

impl Selection {
    pub(super) fn find(&self, hierarchy: &Hierarchy) -> Result<Meant, SessionError> {
        let nobody = |text: String| SessionError::Nobody(text);
        match self {
            Self::All => Ok(Meant::All),
            Self::Pid(pid) => process(*pid, hierarchy),
            Self::Cgroup(path) => {
                let below = path.strip_prefix(hierarchy.mount()).or_else(|_| path.strip_prefix("/"));
                let below = below.unwrap_or(path);
                let plain = below.components().all(|part| matches!(part, Component::Normal(_)));
                let found = Cgroup::at(&hierarchy.mount().join(below)).filter(|_| plain);
                found.map(Meant::Cgroup).ok_or_else(|| {
                    nobody(format!("no cgroup {} in {}", path.display(), hierarchy.mount().display()))
                })
            }
            Self::Unit(name) => {
                let full = if name.contains('.') { name.clone() } else { format!("{name}.service") };
                one(hierarchy, &format!("unit {full}"), |found| found == OsStr::new(&full))
            }
            Self::Container(id) => {
                let hexadecimal = id.bytes().all(|byte| byte.is_ascii_hexdigit());
                if !hexadecimal || id.len() < PREFIX {
                    return Err(nobody(format!(
                        "{id:?} is not the beginning of a container id: at least {PREFIX} hexadecimal digits"
                    )));
                }
                one(hierarchy, &format!("container {id}"), |found| is_container(found, id))
            }
        }
    }
}

/// Names as docker-ID.scope, cri-containerd-ID.scope, libpod-ID.scope, or the id alone.
fn is_container(name: &OsStr, prefix: &str) -> bool {
    let name = name.as_bytes().strip_suffix(b".scope").unwrap_or(name.as_bytes());
    let id = name.rsplit(|byte| *byte == b'-').next().unwrap_or_default();
    // podman keeps its own process beside the container, under the same id.
    let beside = name.starts_with(b"libpod-conmon-") || name.starts_with(b"crio-conmon-");
    !beside && id.len() >= 12 && id.iter().all(u8::is_ascii_hexdigit) && id.starts_with(prefix.as_bytes())
}

/// The only cgroup with such a name; one nested in another that has it counts as that.
fn one(hierarchy: &Hierarchy, what: &str, is_it: impl Fn(&OsStr) -> bool) -> Result<Meant, SessionError> {
    let root = Cgroup::at(hierarchy.mount());
    let mut waiting: Vec<(Cgroup, usize)> = root.into_iter().map(|root| (root, 0)).collect();
    let mut found = Vec::new();
    while let Some((cgroup, depth)) = waiting.pop() {
        if depth > 0 && cgroup.path.file_name().is_some_and(&is_it) {
            found.push(cgroup);
        } else if depth < DEPTH {
            waiting.extend(cgroup.children().into_iter().map(|child| (child, depth + 1)));
        }
    }
    match <[Cgroup; 1]>::try_from(found) {
        Ok([cgroup]) => Ok(Meant::Cgroup(cgroup)),
        Err(none) if none.is_empty() => {
            Err(SessionError::Nobody(format!("no cgroup of {what} in {}", hierarchy.mount().display())))
        }
        Err(several) => {
            let paths: Vec<String> = several.iter().map(|one| one.path.display().to_string()).collect();
            Err(SessionError::Nobody(format!("{what} is not one cgroup but {}", paths.join(", "))))
        }
    }
}

/// The process by its number and its start, in case the number is another's by the time it is met.
fn process(pid: u32, hierarchy: &Hierarchy) -> Result<Meant, SessionError> {
    let gone = || SessionError::Nobody(format!("there is no process {pid}"));
    let from_ns = Host::this().start_time_ns(pid).ok_or_else(gone)?;
    let line = fs::read(format!("/proc/{pid}/cgroup")).map_err(|_| gone())?;
    let path = line.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"0::/"));
    let path = path.map(|path| hierarchy.mount().join(OsStr::from_bytes(path)));
    let cgroup = path.and_then(|path| Cgroup::at(&path)).ok_or_else(gone)?;
    if pid == std::process::id() {
        return Err(SessionError::Nobody("aibom does not observe itself".to_owned()));
    }
    let subject = PROCESS_SUBJECT | (from_ns / TICK_NS) << PID_BITS | u64::from(pid);
    let target = Target { subject, from_ns, to_ns: from_ns.saturating_add(TICK_NS) };
    Ok(Meant::Process { tgid: pid, target, cgroup })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_names_of_containers() {
        let id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        for (name, prefix, expected) in [
            (format!("docker-{id}.scope"), "0123456789ab", true),
            (format!("cri-containerd-{id}.scope"), id, true),
            (id.to_owned(), "0123", true),
            (format!("libpod-conmon-{id}.scope"), "0123", false),
            (format!("docker-{id}.scope"), "1234", false),
            ("docker-0123.scope".to_owned(), "0123", false),
            ("user-1000.slice".to_owned(), "1000", false),
            ("session-0123456789ab.service".to_owned(), "0123", false),
        ] {
            assert_eq!(is_container(OsStr::new(&name), prefix), expected, "{name}, {prefix}");
        }
    }
}
