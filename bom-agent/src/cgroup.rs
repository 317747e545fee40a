//! The cgroup of a session: made before the command starts, so that everything it ever starts is in it.
//!
//! Only the unified hierarchy (cgroup v2) is used. It may be mounted anywhere; on hybrid machines it is at
//! /sys/fs/cgroup/unified.

mod members;
mod mounts;

pub use members::Members;
pub use mounts::Hierarchy;

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd},
        unix::fs::{FileExt, MetadataExt},
    },
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use tokio::io::{Interest, unix::AsyncFd};

/// How many names are tried below one parent: a killed run may have left its cgroup behind.
const NAMES: u32 = 64;
/// Longest part of the hint that is kept in the cgroup's name.
const HINT: usize = 32;

/// Numbers the sessions of this process.
static NEXT: AtomicU32 = AtomicU32::new(0);

#[derive(Debug, thiserror::Error)]
pub enum CgroupError {
    #[error("read {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error(
        "no cgroup2 file system is mounted; mount one with: mount -t cgroup2 none /sys/fs/cgroup/unified (in a \
         container: mount the host's /sys/fs/cgroup)"
    )]
    NotMounted,
    #[error("/proc/self/cgroup has no line of cgroup v2 (0::); mount a cgroup2 file system")]
    NoUnified,
    #[error(
        "create a cgroup below {parent}; run as root (sudo), in a container with a writable cgroup mount"
    )]
    Create { parent: PathBuf, source: io::Error },
    #[error(
        "cgroup {path} has type {kind:?}, only a domain can hold a session; start from a cgroup that is not threaded"
    )]
    NotDomain { path: PathBuf, kind: String },
    #[error("open {path}")]
    Open { path: PathBuf, source: io::Error },
    #[error("{path} does not say whether the cgroup is populated")]
    Events { path: PathBuf },
    #[error("wait for a change of {path}")]
    Wait { path: PathBuf, source: io::Error },
    #[error("remove cgroup {path}")]
    Remove { path: PathBuf, source: io::Error },
}

/// What became of the cgroup at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    Removed,
    /// Processes are still in it, so it stays, and they stay in it.
    Left {
        path: PathBuf,
        members: Members,
    },
}

/// A cgroup of our own. Dropping it removes it if nobody is left in it.
#[derive(Debug)]
pub struct Session {
    path: PathBuf,
    id: u64,
    procs: File,
    events: File,
    removed: bool,
}

impl Session {
    /// Makes `aibom-<pid>-<n>[-<hint>]` below our own cgroup or, if that is refused, below the mount's root.
    pub fn create(hint: &str) -> Result<Self, CgroupError> {
        Self::create_in(&Hierarchy::of_this_process()?, hint)
    }

    pub fn create_in(hierarchy: &Hierarchy, hint: &str) -> Result<Self, CgroupError> {
        let own = hierarchy.own();
        match Self::create_below(&own, hint) {
            Ok(session) => Ok(session),
            // The reason worth telling is why our own cgroup refused.
            Err(error) if own == hierarchy.mount() => Err(error),
            Err(error) => Self::create_below(hierarchy.mount(), hint).map_err(|_| error),
        }
    }

    fn create_below(parent: &Path, hint: &str) -> Result<Self, CgroupError> {
        let mut refused = io::Error::from(io::ErrorKind::AlreadyExists);
        for _ in 0..NAMES {
            let path = parent.join(name(hint));
            match fs::create_dir(&path) {
                Ok(()) => {
                    return Self::open(path.clone()).inspect_err(|_| {
                        // The error that is on its way says more than a second one.
                        let _ = fs::remove_dir(&path);
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => refused = error,
                Err(source) => return Err(CgroupError::Create { parent: parent.to_owned(), source }),
            }
        }
        Err(CgroupError::Create { parent: parent.to_owned(), source: refused })
    }

    fn open(path: PathBuf) -> Result<Self, CgroupError> {
        let failed = |path: PathBuf| |source| CgroupError::Open { path, source };
        // Below a threaded cgroup the new one is "domain invalid", and nobody can join it.
        if let Ok(kind) = fs::read_to_string(path.join("cgroup.type"))
            && kind.trim() != "domain"
        {
            return Err(CgroupError::NotDomain { path, kind: kind.trim().to_owned() });
        }
        let id = fs::metadata(&path).map_err(failed(path.clone()))?.ino();
        let procs = path.join("cgroup.procs");
        let procs = OpenOptions::new().write(true).open(&procs).map_err(failed(procs))?;
        let events = path.join("cgroup.events");
        let events = File::open(&events).map_err(failed(events))?;
        Ok(Self { path, id, procs, events, removed: false })
    }

    /// The kernel's number of the cgroup, as bpf_get_current_cgroup_id() gives it: on 64-bit kernels it is the
    /// inode number of the directory.
    pub const fn id(&self) -> u64 {
        self.id
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whoever writes "0" to this joins the session. Closed on exec.
    pub fn procs_fd(&self) -> BorrowedFd<'_> {
        self.procs.as_fd()
    }

    /// cgroup.events: poll it for POLLPRI, and call [`Self::is_populated`] after each wake-up to rearm it.
    pub fn events_fd(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }

    /// Is a process in it, or in a cgroup nested in it?
    pub fn is_populated(&self) -> Result<bool, CgroupError> {
        let path = || self.path.join("cgroup.events");
        let mut buffer = [0; 512];
        match self.events.read_at(&mut buffer, 0) {
            Ok(length) => populated(buffer.get(..length).unwrap_or_default())
                .ok_or_else(|| CgroupError::Events { path: path() }),
            // Somebody removed it, which takes an empty one.
            Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(false),
            Err(source) => Err(CgroupError::Read { path: path(), source }),
        }
    }

    /// Waits until nobody is left; `false` if `limit` passed before. Blocks the thread.
    pub fn wait_empty(&self, limit: Duration) -> Result<bool, CgroupError> {
        let start = Instant::now();
        while self.is_populated()? {
            let Some(left) = limit.checked_sub(start.elapsed()).filter(|left| !left.is_zero()) else {
                return Ok(false);
            };
            let mut poll = libc::pollfd { fd: self.events.as_raw_fd(), events: libc::POLLPRI, revents: 0 };
            // Rounded up, so that the last millisecond is not a busy loop.
            let timeout = i32::try_from(left.as_millis().saturating_add(1)).unwrap_or(i32::MAX);
            // SAFETY: `poll` is one live pollfd, and its descriptor is open as long as `self`.
            if unsafe { libc::poll(&raw mut poll, 1, timeout) } < 0 {
                let source = io::Error::last_os_error();
                if source.kind() != io::ErrorKind::Interrupted {
                    return Err(CgroupError::Wait { path: self.path.join("cgroup.events"), source });
                }
            }
        }
        Ok(true)
    }

    /// Waits until nobody is left. Needs a tokio runtime with I/O enabled; safe to cancel.
    pub async fn emptied(&self) -> Result<(), CgroupError> {
        let failed = |source| CgroupError::Wait { path: self.path.join("cgroup.events"), source };
        // SAFETY: `self` keeps the descriptor open for longer than the borrow that is registered.
        let events = unsafe { AsyncFd::register_with_interest(self.events.as_fd(), Interest::PRIORITY) }
            .map_err(|error| failed(error.into()))?;
        while self.is_populated()? {
            // Cleared before the next read: a change in between wakes the next wait.
            events.ready(Interest::PRIORITY).await.map_err(failed)?.clear_ready();
        }
        Ok(())
    }

    /// Who is in it now, nested cgroups included; a snapshot, so a fork meanwhile may be missed.
    pub fn members(&self) -> Members {
        members::of(&self.path).0
    }

    /// Removes it and the empty cgroups nested in it; if somebody is left, it stays and says who.
    pub fn remove(&mut self) -> Result<Removal, CgroupError> {
        if self.removed {
            return Ok(Removal::Removed);
        }
        let (members, nested) = members::of(&self.path);
        for path in nested.iter().rev() {
            // Whether it worked shows at the outermost.
            let _ = fs::remove_dir(path);
        }
        match fs::remove_dir(&self.path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {
                return Ok(Removal::Left { path: self.path.clone(), members });
            }
            Err(source) => return Err(CgroupError::Remove { path: self.path.clone(), source }),
        }
        self.removed = true;
        Ok(Removal::Removed)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Whoever wants to know calls `remove` first.
        let _ = self.remove();
    }
}

/// Who is in a cgroup now, and in those nested in it.
pub fn members(path: &Path) -> Members {
    members::of(path).0
}

/// The name of a new cgroup. The hint is cut down to what needs no quoting anywhere.
fn name(hint: &str) -> OsString {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let hint: String =
        hint.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).take(HINT).collect();
    let dash = if hint.is_empty() { "" } else { "-" };
    format!("aibom-{}-{number}{dash}{hint}", std::process::id()).into()
}

/// The `populated` line of cgroup.events.
fn populated(events: &[u8]) -> Option<bool> {
    events.split(|byte| *byte == b'\n').find_map(|line| match line {
        b"populated 0" => Some(false),
        b"populated 1" => Some(true),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_whether_it_is_populated() {
        for (events, expected) in [
            (&b"populated 0\nfrozen 0\n"[..], Some(false)),
            (b"frozen 1\npopulated 1\n", Some(true)),
            (b"populated 10\n", None),
            (b"xpopulated 1\n", None),
            (b"", None),
        ] {
            assert_eq!(populated(events), expected, "{}", events.escape_ascii());
        }
    }

    #[test]
    fn names_are_different_and_need_no_quoting() {
        let (first, second) = (name("../x y\n\u{e9}$(id)"), name(""));
        let first = first.to_str().expect("text");
        assert!(first.starts_with("aibom-") && first.ends_with("-xyid"), "{first}");
        assert_ne!(Some(first), second.to_str());
        assert!(name(&"n".repeat(5000)).len() < 80);
    }
}
