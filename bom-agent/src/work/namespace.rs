//! Ways into the mount namespaces of observed processes, also after the last process is gone.
//!
//! A descriptor of /proc/<pid>/ns/mnt keeps the namespace and all its mounts; one of /proc/<pid>/root does not. So
//! the first is held from the moment a process is seen, and a thread that ends right after enters the namespace once
//! to bring out its root directory, below which every worker can then open files without going there.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use bom_core::{
    input::{Reason, Work},
    key::ProcessKey,
};

use super::open::{Descriptors, Tree, open_at, open_path, reason};

/// The unit of `starttime` in /proc/<pid>/stat: USER_HZ is 100 on every architecture we build for.
const NANOSECONDS_PER_TICK: u64 = 10_000_000;

/// Our own mount namespace and those held.
#[derive(Debug)]
pub(super) struct Namespaces {
    /// Inode number of our own.
    own: u32,
    own_root: Tree,
    procfs: PathBuf,
    descriptors: Arc<Descriptors>,
    capacity: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    /// By inode number, which is not reused while we hold the namespace.
    by_inode: BTreeMap<u32, Hold>,
    uses: u64,
}

#[derive(Debug)]
struct Hold {
    entrance: Arc<Entrance>,
    last_use: u64,
}

/// What is mounted in one namespace, and its root to look for files there.
#[derive(Debug)]
pub(super) struct Mounts {
    pub(super) tree: Tree,
    /// As /proc/<pid>/mountinfo has it, seen from that root.
    pub(super) text: Vec<u8>,
    /// Inode number.
    pub(super) namespace: u32,
}

#[derive(Debug)]
struct Entrance {
    namespace: File,
    /// Its root; `None` if we may not enter.
    root: OnceLock<Option<Tree>>,
}

impl Namespaces {
    pub(super) fn new(root: &Path, procfs: &Path, capacity: usize) -> io::Result<Self> {
        let descriptors = Arc::new(Descriptors::of(procfs)?);
        let own = inode(&fs::metadata(procfs.join("self/ns/mnt"))?);
        let own_root = Tree::new(open_path(root)?, Arc::clone(&descriptors));
        Ok(Self {
            own,
            own_root,
            procfs: procfs.to_path_buf(),
            descriptors,
            capacity: capacity.max(1),
            held: Mutex::default(),
        })
    }

    /// Keeps the mount namespace of `pid` if it still is `namespace`. Two system calls the first time, none later.
    /// Returns whether it is held (or our own).
    pub(super) fn hold(&self, namespace: u32, pid: u32) -> bool {
        namespace == self.own || self.entrance(namespace).is_some() || self.take(namespace, pid).is_some()
    }

    pub(super) fn release(&self, namespace: u32) {
        self.lock().by_inode.remove(&namespace);
    }

    /// The root directory below which the work's path can be opened.
    pub(super) fn root(&self, work: &Work) -> Result<Tree, Reason> {
        if work.mount_namespace == self.own {
            return Ok(self.own_root.clone());
        }
        // A process that has left its namespace has none.
        if work.mount_namespace == 0 {
            return Err(Reason::NamespaceGone);
        }
        let entrance = match self.entrance(work.mount_namespace) {
            Some(entrance) => entrance,
            None => self.late(work.mount_namespace, work.process)?,
        };
        let root = entrance.root.get_or_init(|| enter(&entrance.namespace, &self.descriptors).ok());
        match root {
            Some(root) => Ok(root.clone()),
            None => self.root_of_process(work.mount_namespace, work.process),
        }
    }

    /// The mounts of the work's namespace.
    pub(super) fn mounts(&self, work: &Work) -> Result<Mounts, Reason> {
        if work.mount_namespace == self.own {
            return self.own_mounts();
        }
        let tree = self.root(work)?;
        let entrance = self.entrance(work.mount_namespace).ok_or(Reason::NamespaceGone)?;
        let procfs = open_path(&self.procfs).map_err(|error| reason(&error))?;
        let text = within(&entrance.namespace, || mountinfo(&procfs));
        Ok(Mounts { tree, text: text.map_err(|error| reason(&error))?, namespace: work.mount_namespace })
    }

    /// The mounts of our own.
    pub(super) fn own_mounts(&self) -> Result<Mounts, Reason> {
        let procfs = open_path(&self.procfs).map_err(|error| reason(&error))?;
        let text = mountinfo(&procfs).map_err(|error| reason(&error))?;
        Ok(Mounts { tree: self.own_root.clone(), text, namespace: self.own })
    }

    pub(super) fn own_root(&self) -> Tree {
        self.own_root.clone()
    }

    /// A folder of a process in procfs; an error if the number means another process by now.
    pub(super) fn of_process(&self, process: ProcessKey, folder: &str) -> Result<(PathBuf, Tree), Reason> {
        let path = self.procfs.join(format!("{}/{folder}", process.tgid));
        let directory = open_path(&path).map_err(|_| Reason::NotFound)?;
        // Last, so that it speaks for what was opened before.
        if !self.is_alive(process) {
            return Err(Reason::NotFound);
        }
        Ok((path, Tree::new(directory, Arc::clone(&self.descriptors))))
    }

    fn entrance(&self, namespace: u32) -> Option<Arc<Entrance>> {
        let held = &mut *self.lock();
        let hold = held.by_inode.get_mut(&namespace)?;
        held.uses += 1;
        hold.last_use = held.uses;
        Some(Arc::clone(&hold.entrance))
    }

    fn take(&self, namespace: u32, pid: u32) -> Option<Arc<Entrance>> {
        let file = File::open(self.procfs.join(format!("{pid}/ns/mnt"))).ok()?;
        if namespace == 0 || inode(&file.metadata().ok()?) != namespace {
            return None;
        }
        let entrance = Arc::new(Entrance { namespace: file, root: OnceLock::new() });
        let held = &mut *self.lock();
        if held.by_inode.len() >= self.capacity
            && !held.by_inode.contains_key(&namespace)
            && let Some(oldest) =
                held.by_inode.iter().min_by_key(|(_, hold)| hold.last_use).map(|(&inode, _)| inode)
        {
            held.by_inode.remove(&oldest);
        }
        held.uses += 1;
        held.by_inode.insert(namespace, Hold { entrance: Arc::clone(&entrance), last_use: held.uses });
        Some(entrance)
    }

    /// The namespace of a process that was not held but may still live.
    fn late(&self, namespace: u32, process: ProcessKey) -> Result<Arc<Entrance>, Reason> {
        self.is_alive(process)
            .then(|| self.take(namespace, process.tgid))
            .flatten()
            .ok_or(Reason::NamespaceGone)
    }

    /// Without the right to enter a namespace, the root of a live process of our own user is left.
    fn root_of_process(&self, namespace: u32, process: ProcessKey) -> Result<Tree, Reason> {
        let of = |name: &str| self.procfs.join(format!("{}/{name}", process.tgid));
        let root = open_path(&of("root")).map_err(|_| Reason::NamespaceGone)?;
        let same = fs::metadata(of("ns/mnt")).is_ok_and(|metadata| inode(&metadata) == namespace);
        // Last, so that it speaks for what was opened before.
        if !same || !self.is_alive(process) {
            return Err(Reason::NamespaceGone);
        }
        Ok(Tree::new(root, Arc::clone(&self.descriptors)))
    }

    /// Whether the number still means that process.
    fn is_alive(&self, process: ProcessKey) -> bool {
        fs::read(self.procfs.join(format!("{}/stat", process.tgid)))
            .ok()
            .and_then(|stat| start_ticks(&stat))
            .is_some_and(|ticks| ticks == process.start_ns / NANOSECONDS_PER_TICK)
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Field 22 of /proc/<pid>/stat (proc(5)). The second is the name, which the process chooses: counting starts after
/// its last closing bracket.
fn start_ticks(stat: &[u8]) -> Option<u64> {
    let end = stat.iter().rposition(|&byte| byte == b')')?;
    let field =
        stat.get(end + 1..)?.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty()).nth(19)?;
    str::from_utf8(field).ok()?.parse().ok()
}

/// Enters the namespace in a thread of its own and returns its root directory.
fn enter(namespace: &File, descriptors: &Arc<Descriptors>) -> io::Result<Tree> {
    let root = within(namespace, || open_path(Path::new("/")))?;
    Ok(Tree::new(root, Arc::clone(descriptors)))
}

/// What is mounted where, as the calling thread sees it. Bounded.
fn mountinfo(procfs: &File) -> io::Result<Vec<u8>> {
    const MOST: u64 = 4 << 20;
    let mut text = Vec::new();
    // By descriptor, because there need not be a procfs in the namespace.
    let file = open_at(procfs.as_raw_fd(), c"thread-self/mountinfo", libc::O_RDONLY | libc::O_CLOEXEC)?;
    file.take(MOST).read_to_end(&mut text)?;
    Ok(text)
}

/// Does something in the namespace, in a thread of its own.
fn within<T: Send>(namespace: &File, act: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let visit = || {
            // The kernel refuses to move a thread that shares its root and current directory with others.
            // SAFETY: unshare takes flags only; this thread gets its own copy, and ends after this closure.
            check(unsafe { libc::unshare(libc::CLONE_FS) })?;
            // SAFETY: the descriptor is open for the whole scope, and only this thread moves.
            check(unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNS) })?;
            act()
        };
        let thread = thread::Builder::new().name("aibom-enter".to_owned()).spawn_scoped(scope, visit)?;
        thread.join().map_err(|_| io::Error::other("the entering thread panicked"))?
    })
}

fn check(outcome: libc::c_int) -> io::Result<()> {
    if outcome < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// nsfs inode numbers are 32 bits wide; anything else is no namespace, and 0 is none.
fn inode(metadata: &fs::Metadata) -> u32 {
    u32::try_from(metadata.ino()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::start_ticks;

    #[test]
    fn start_time_is_counted_from_the_last_bracket() {
        let fields = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20";
        for (name, stat, expected) in [
            ("plain", format!("7 (python3) {fields}"), Some(4242)),
            ("hostile_name", format!("7 (a) S 1 (b) {fields}\n"), Some(4242)),
            ("cut_short", "7 (python3) S 1 2".to_owned(), None),
            ("no_bracket", fields.to_owned(), None),
            ("empty", String::new(), None),
        ] {
            assert_eq!(start_ticks(stat.as_bytes()), expected, "{name}");
        }
    }
}
