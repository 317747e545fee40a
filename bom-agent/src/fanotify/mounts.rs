//! Which file systems are watched: those mounted in our own mount namespace, and in every one that a process of a
//! subject is seen in.
//!
//! A mark is on the file system, wherever it is mounted. One that appears is marked when its mount is met; what was
//! opened on it before that is not told of, so each such is counted.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read as _, Seek as _},
    mem,
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::{
            ffi::OsStrExt as _,
            fs::{MetadataExt as _, OpenOptionsExt as _},
        },
    },
    path::{Path, PathBuf},
};

use rustix::fs::{AtFlags, StatxFlags, statx};

use super::{number, queue::Queue};
use crate::mount_table::unescape;

/// Mount namespaces beside our own that are followed. One more is only looked at once.
const NAMESPACES: usize = 256;
/// Mounts that are remembered, of all of them together.
const PLACES: usize = 65_536;
/// Bytes of one mountinfo.
const TEXT: u64 = 16 << 20;

/// File systems whose content is made up: nothing is stored in them. What is below an automount has its own line.
const PSEUDO: [&str; 17] = [
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "efivarfs",
    "fusectl",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "securityfs",
    "sysfs",
    "tracefs",
];

/// A mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Of the file system, as the kernel numbers it.
    pub(super) device: u32,
    /// The mount namespace it is in.
    pub(super) namespace: u32,
}

#[derive(Debug, Default)]
pub(super) struct Mounts {
    /// By mount id, which are those of the whole machine: one namespace's copy of a mount has another than the next.
    places: BTreeMap<u32, Place>,
    marked: BTreeSet<u32>,
    /// File systems that are mounted and not watched: device → type and why. Not those hidden under others.
    unmarked: BTreeMap<u32, (String, String)>,
    namespaces: BTreeMap<u32, Namespace>,
    /// File systems that were marked after the start, by the subject in whose namespace they were met.
    late: BTreeMap<Option<u64>, u64>,
}

/// The mounts of one namespace. To hold it keeps them busy, so it is let go with its last process.
#[derive(Debug)]
struct Namespace {
    mountinfo: File,
    /// The root directory that the mount points are paths from.
    root: File,
    subject: Option<u64>,
}

impl Mounts {
    /// Marks what is mounted in our own namespace.
    pub(super) fn start(&mut self, queue: &Queue) -> io::Result<()> {
        let (own, inode) = Namespace::of(Path::new("/proc/self"), None)?;
        self.look(queue, own, inode, true)
    }

    /// Looks at the mount namespace that a process of the subject is in. A process that is gone took it with it, or
    /// another one leads to it: what was opened there on a file system of its own is not told of, and the rules say so.
    /// Whether its mounts are known now.
    pub(super) fn met(&mut self, queue: &Queue, tgid: u32, subject: u64) -> bool {
        let process = PathBuf::from(format!("/proc/{tgid}"));
        let Ok(inode) = Namespace::inode(&process) else { return false };
        if let Some(known) = self.namespaces.remove(&inode) {
            if known.has_changed() {
                return self.look(queue, known, inode, true).is_ok();
            }
            self.namespaces.insert(inode, known);
            return true;
        }
        let Ok((met, inode)) = Namespace::of(&process, Some(subject)) else { return false };
        self.look(queue, met, inode, self.namespaces.len() < NAMESPACES).is_ok()
    }

    /// Looks again at namespaces whose mounts changed, and lets go of those that no process of a subject is in.
    pub(super) fn follow(&mut self, queue: &Queue, inhabited: &BTreeSet<u32>) {
        let own = |namespace: &Namespace| namespace.subject.is_none();
        self.namespaces.retain(|inode, namespace| own(namespace) || inhabited.contains(inode));
        let namespaces = &self.namespaces;
        self.places.retain(|_, place| namespaces.contains_key(&place.namespace));
        let changed: Vec<u32> = self
            .namespaces
            .iter()
            .filter(|(_, namespace)| namespace.has_changed())
            .map(|(inode, _)| *inode)
            .collect();
        for inode in changed {
            if let Some(namespace) = self.namespaces.remove(&inode) {
                let _ = self.look(queue, namespace, inode, true);
            }
        }
    }

    fn look(&mut self, queue: &Queue, mut namespace: Namespace, inode: u32, keep: bool) -> io::Result<()> {
        let first = self.marked.is_empty();
        let text = namespace.text()?;
        let mut unmarked = Vec::new();
        let mut late = 0;
        let before: BTreeMap<u32, Place> =
            self.places.extract_if(.., |_, place| place.namespace == inode).collect();
        for mounted in text.split(|&byte| byte == b'\n').filter_map(Mounted::parse) {
            if PSEUDO.contains(&mounted.kind.as_str()) {
                continue;
            }
            if self.places.len() < PLACES || self.places.contains_key(&mounted.id) {
                self.places.insert(mounted.id, Place { device: mounted.device, namespace: inode });
            }
            // A number of a device that is no disk's is given again when its file system is gone, and the mark went with
            // that: who is met anew is marked anew, which is no harm where it was.
            let met = before.get(&mounted.id).is_some_and(|place| place.device == mounted.device);
            if met && self.marked.contains(&mounted.device) {
                continue;
            }
            match namespace.mark(queue, &mounted) {
                Ok(true) => late += u64::from(self.marked.insert(mounted.device) && !first),
                Ok(false) => {}
                Err(why) => unmarked.push((mounted.device, (mounted.kind, why.to_string()))),
            }
        }
        // What could not be marked here may be at another place.
        self.unmarked.extend(unmarked);
        self.unmarked.retain(|device, _| !self.marked.contains(device));
        if late > 0 {
            *self.late.entry(namespace.subject).or_insert(0) += late;
        }
        if keep {
            self.namespaces.insert(inode, namespace);
        }
        Ok(())
    }

    pub(super) fn place(&self, mount_id: u32) -> Option<Place> {
        self.places.get(&mount_id).copied()
    }

    pub(super) fn marked(&self) -> &BTreeSet<u32> {
        &self.marked
    }

    pub(super) fn unmarked(&self) -> &BTreeMap<u32, (String, String)> {
        &self.unmarked
    }

    pub(super) fn late(&self) -> &BTreeMap<Option<u64>, u64> {
        &self.late
    }
}

impl Namespace {
    /// That of a process by its folder in /proc, and its inode number.
    fn of(process: &Path, subject: Option<u64>) -> io::Result<(Self, u32)> {
        let mountinfo = File::open(process.join("mountinfo"))?;
        let root = fs::OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_PATH | libc::O_DIRECTORY)
            .open(process.join("root"))?;
        Ok((Self { mountinfo, root, subject }, Self::inode(process)?))
    }

    fn inode(process: &Path) -> io::Result<u32> {
        u32::try_from(fs::metadata(process.join("ns/mnt"))?.ino()).map_err(io::Error::other)
    }

    fn text(&mut self) -> io::Result<Vec<u8>> {
        self.mountinfo.rewind()?;
        let mut text = Vec::new();
        (&mut self.mountinfo).take(TEXT).read_to_end(&mut text)?;
        Ok(text)
    }

    /// proc_pid_mountinfo(5): a change is an exceptional condition of the file.
    fn has_changed(&self) -> bool {
        let mut poll = libc::pollfd { fd: self.mountinfo.as_raw_fd(), events: libc::POLLPRI, revents: 0 };
        // SAFETY: one live pollfd.
        unsafe { libc::poll(&raw mut poll, 1, 0) > 0 }
    }

    /// The mount point may be hidden under another mount, or have been renamed: only a path that leads to this very
    /// mount leads to its file system. False if it does not.
    fn mark(&self, queue: &Queue, mounted: &Mounted) -> io::Result<bool> {
        if mounted.kind.starts_with("fuse") {
            // To tell of an open, the kernel opens the file for us: whoever serves it could let us wait for ever.
            return Err(io::Error::other("served by a process"));
        }
        let place = self.open(&mounted.at)?;
        let found = statx(&place, c"", AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC, StatxFlags::MNT_ID)?;
        if found.stx_mnt_id != u64::from(mounted.id) {
            return Ok(false);
        }
        // An O_PATH descriptor itself is refused.
        let path = PathBuf::from(format!("/proc/self/fd/{}", place.as_raw_fd()));
        queue.mark(&path)?;
        Ok(true)
    }

    fn open(&self, path: &Path) -> io::Result<OwnedFd> {
        let bytes = path.as_os_str().as_bytes();
        let relative = bytes.iter().position(|&byte| byte != b'/').and_then(|start| bytes.get(start..));
        let relative = std::ffi::CString::new(relative.unwrap_or(b"."))?;
        // SAFETY: open_how is plain integers for which all zeros is a value.
        let mut how: libc::open_how = unsafe { mem::zeroed() };
        how.flags = u64::from((libc::O_PATH | libc::O_CLOEXEC | libc::O_NOFOLLOW).cast_unsigned());
        how.resolve = libc::RESOLVE_IN_ROOT | libc::RESOLVE_NO_SYMLINKS;
        let (call, root, size) = (libc::SYS_openat2, self.root.as_raw_fd(), size_of::<libc::open_how>());
        // SAFETY: the path is NUL-terminated, the struct has the size that is given, and both outlive the call.
        let fd = unsafe { libc::syscall(call, root, relative.as_ptr(), &raw const how, size) };
        match i32::try_from(fd) {
            // SAFETY: the kernel has just made this descriptor for us and nobody else has it.
            Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
            Ok(_) | Err(_) => Err(io::Error::last_os_error()),
        }
    }
}

/// One line of /proc/self/mountinfo, proc_pid_mountinfo(5).
struct Mounted {
    id: u32,
    device: u32,
    at: PathBuf,
    kind: String,
}

impl Mounted {
    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = line.split(|&byte| byte == b' ');
        let text = |field: Option<&[u8]>| std::str::from_utf8(field?).ok().map(str::to_owned);
        let id = text(fields.next())?.parse().ok()?;
        let devices = text(fields.nth(1))?;
        let (major, minor) = devices.split_once(':')?;
        let at = unescape(fields.nth(1)?);
        let kind = text(fields.skip_while(|field| *field != b"-").nth(1))?;
        let device = number(major.parse().ok()?, minor.parse().ok()?);
        Some(Self { id, device, at: PathBuf::from(OsStr::from_bytes(&at)), kind })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_mountinfo() {
        let line = b"36 35 98:5 /mnt1 /mnt\\0402 rw,noatime master:1 - ext3 /dev/root rw,errors=continue";
        let mounted = Mounted::parse(line).expect("the example of the manual");
        assert_eq!((mounted.id, mounted.device), (36, 98 << 20 | 5));
        assert_eq!((mounted.at, mounted.kind.as_str()), (PathBuf::from("/mnt 2"), "ext3"));
        for broken in [&b""[..], b"x 1 1:1 / / rw - ext4 a b", b"1 1 11 / / rw - ext4 a b", b"1 1 1:1 / / rw"]
        {
            assert!(Mounted::parse(broken).is_none(), "{broken:?}");
        }
    }
}
