//! Opens as fanotify(7) reports them: the observation profile that adds nothing to other system calls.
//!
//! The kernel gives a descriptor of the opened file and a process id. Whose process that is, and which program it
//! was, say the exec and fork records of the probes ([`Owners`]); an event whose process nobody knows is not a
//! subject's. How a file was opened (for reading, for writing) fanotify does not tell.

mod owners;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs, io,
    os::{
        fd::{AsFd, AsRawFd as _, BorrowedFd},
        unix::ffi::OsStrExt as _,
    },
    path::PathBuf,
};

use bom_common::record::{path_flag, probe};
use bom_core::{
    event::{Body, OpenedFile, Task},
    input::Repeat,
    key::{FileKey, ImageId, ProcessKey},
    path::SeenPath,
};
use nix::sys::fanotify::{EventFFlags, Fanotify, FanotifyEvent, InitFlags, MarkFlags, MaskFlags};
use rustix::fs::{AtFlags, Statx, StatxFlags, statx};

pub use owners::Owners;

/// Different opens that are told apart before each is delivered again.
const KNOWN: usize = 131_072;
/// Read calls before the caller has its turn again; each brings up to some 170 events.
const READS: usize = 64;

#[derive(Debug, thiserror::Error)]
pub enum FanotifyError {
    #[error("start fanotify: {0}")]
    Start(#[source] nix::Error),
    #[error("read /proc/self/mountinfo: {0}")]
    Mounts(#[source] io::Error),
    #[error("fanotify watches no file system here: {0}")]
    NoFileSystem(nix::Error),
    #[error("read from fanotify: {0}")]
    Read(#[source] nix::Error),
}

/// A queue of opens, of every file system that was mounted when it was made.
#[derive(Debug)]
pub struct Opens {
    group: Fanotify,
    /// Mount id → what is mounted there.
    mounts: BTreeMap<u64, Mount>,
    /// Kernel numbers of the devices that are watched.
    devices: BTreeSet<u32>,
    /// File systems that could not be watched, by type, with the kernel's answer.
    refused: BTreeMap<String, String>,
    known: BTreeMap<Key, Known>,
    /// Opens read but not yet given to their process: nobody's descriptors are held for longer than a reading.
    waiting: Vec<Waiting>,
    lost: u64,
}

type Key = (ProcessKey, ImageId, FileKey, SeenPath);

#[derive(Clone, Copy, Debug)]
struct Known {
    /// Tells it apart from others where only numbers are kept.
    number: u64,
    mount_id: u32,
    count: u64,
    last_ns: u64,
}

#[derive(Clone, Debug)]
struct Mount {
    device: u32,
    fs_magic: u64,
}

#[derive(Debug)]
enum Waiting {
    Open {
        tgid: u32,
        executed: bool,
        file: Box<OpenedFile>,
    },
    /// The file was gone from the descriptor, or there was none.
    Unresolved {
        tgid: u32,
    },
    Overflow,
}

/// What one reading brought.
#[derive(Debug, Default)]
pub struct Taken {
    /// Opens of processes of subjects, in the order of the queue.
    pub opens: Vec<Body>,
    /// Opens of such processes that could not be described: the file was gone from the descriptor.
    pub unresolved: u64,
    pub seen: u64,
}

impl Opens {
    /// Watches every mounted file system that stores something.
    pub fn watch() -> Result<Self, FanotifyError> {
        let flags = InitFlags::FAN_CLOEXEC | InitFlags::FAN_NONBLOCK | InitFlags::FAN_CLASS_NOTIF;
        let events = EventFFlags::O_RDONLY
            | EventFFlags::O_CLOEXEC
            | EventFFlags::O_LARGEFILE
            | EventFFlags::O_NOATIME;
        let group = Fanotify::init(flags, events).map_err(FanotifyError::Start)?;
        let text = fs::read("/proc/self/mountinfo").map_err(FanotifyError::Mounts)?;
        let mut this = Self {
            group,
            mounts: BTreeMap::new(),
            devices: BTreeSet::new(),
            refused: BTreeMap::new(),
            known: BTreeMap::new(),
            waiting: Vec::new(),
            lost: 0,
        };
        let mut last = nix::Error::ENODEV;
        for line in text.split(|&byte| byte == b'\n') {
            let Some(mounted) = Mounted::parse(line) else { continue };
            if let Err(error) = this.mark(&mounted) {
                last = error;
                this.refused.insert(mounted.kind, error.desc().to_owned());
            }
        }
        if this.devices.is_empty() {
            return Err(FanotifyError::NoFileSystem(last));
        }
        Ok(this)
    }

    fn mark(&mut self, mounted: &Mounted) -> nix::Result<()> {
        const PSEUDO: [&str; 16] = [
            "proc",
            "sysfs",
            "cgroup",
            "cgroup2",
            "devpts",
            "debugfs",
            "tracefs",
            "securityfs",
            "bpf",
            "mqueue",
            "pstore",
            "configfs",
            "fusectl",
            "binfmt_misc",
            "efivarfs",
            "nsfs",
        ];
        if PSEUDO.contains(&mounted.kind.as_str()) {
            return Ok(());
        }
        let stat = nix::sys::statfs::statfs(&mounted.at)?;
        let fs_magic = u64::try_from(stat.filesystem_type().0).unwrap_or_default();
        self.mounts.insert(mounted.id, Mount { device: mounted.device, fs_magic });
        if self.devices.contains(&mounted.device) {
            return Ok(());
        }
        let flags = MarkFlags::FAN_MARK_ADD | MarkFlags::FAN_MARK_FILESYSTEM;
        let mask = MaskFlags::FAN_OPEN | MaskFlags::FAN_OPEN_EXEC;
        self.group.mark(flags, mask, nix::fcntl::AT_FDCWD, Some(&mounted.at))?;
        self.devices.insert(mounted.device);
        Ok(())
    }

    /// File systems whose opens are not reported, by type, with the kernel's answer.
    pub fn refused(&self) -> &BTreeMap<String, String> {
        &self.refused
    }

    /// Kernel numbers of the devices that are watched.
    pub fn devices(&self) -> &BTreeSet<u32> {
        &self.devices
    }

    /// Moves what the kernel holds into our own queue. Records that made a process come before its opens only if this
    /// is done before the rings are read. True if there may be more.
    pub fn fetch(&mut self) -> Result<bool, FanotifyError> {
        for _ in 0..READS {
            match self.group.read_events() {
                Ok(events) if events.is_empty() => return Ok(false),
                Ok(events) => {
                    for event in &events {
                        self.waiting.extend(self.wait(event));
                    }
                }
                Err(nix::Error::EAGAIN) => return Ok(false),
                Err(nix::Error::EINTR) => {}
                Err(error) => return Err(FanotifyError::Read(error)),
            }
        }
        Ok(true)
    }

    /// Gives what was fetched to the processes it belongs to.
    pub fn take(&mut self, owners: &mut Owners, now_ns: u64) -> Taken {
        let mut taken = Taken::default();
        for waiting in std::mem::take(&mut self.waiting) {
            match waiting {
                Waiting::Overflow => {
                    self.lost = self.lost.saturating_add(1);
                    owners.settle();
                }
                Waiting::Unresolved { tgid } => {
                    let mine = u64::from(owners.knows(tgid));
                    taken.seen = taken.seen.saturating_add(mine);
                    taken.unresolved = taken.unresolved.saturating_add(mine);
                }
                Waiting::Open { tgid, executed, file } => {
                    let program = executed.then_some((file.key.device, file.key.inode));
                    let Some(task) = owners.attribute(tgid, program) else { continue };
                    taken.seen = taken.seen.saturating_add(1);
                    if let Some(file) = self.first(&task, *file, now_ns) {
                        taken.opens.push(Body::Open { task, file });
                    }
                }
            }
        }
        owners.forget_ended();
        taken
    }

    fn wait(&self, event: &FanotifyEvent) -> Option<Waiting> {
        if event.mask().contains(MaskFlags::FAN_Q_OVERFLOW) {
            return Some(Waiting::Overflow);
        }
        // Zero is a process outside our pid namespace, or the kernel itself.
        let tgid = u32::try_from(event.pid()).ok().filter(|&tgid| tgid != 0)?;
        let executed = event.mask().contains(MaskFlags::FAN_OPEN_EXEC);
        Some(match event.fd().map(|fd| self.describe(fd)) {
            Some(Described::File(file)) => Waiting::Open { tgid, executed, file },
            Some(Described::NoFile) => return None,
            Some(Described::Gone) | None => Waiting::Unresolved { tgid },
        })
    }

    /// Overflows of the kernel's queue: each lost an unknown number of opens, of anybody.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// How often each delivered open was repeated.
    pub fn repeats(&self) -> Vec<Repeat> {
        let repeated = self.known.iter().filter(|(_, known)| known.count > 1);
        repeated
            .map(|((process, image, file, _), known)| Repeat {
                process: *process,
                image: *image,
                file: *file,
                parent_inode: 0,
                name_hash: known.number,
                mount_id: known.mount_id,
                access: 0,
                count: known.count,
                last_ns: known.last_ns,
            })
            .collect()
    }

    /// The file, if this process was not seen opening it before.
    fn first(&mut self, task: &Task, mut file: OpenedFile, now_ns: u64) -> Option<OpenedFile> {
        let number = u64::try_from(self.known.len()).unwrap_or(u64::MAX).saturating_add(1);
        let key = (task.process, task.image, file.key, file.path.clone());
        if let Some(known) = self.known.get_mut(&key) {
            known.count = known.count.saturating_add(1);
            known.last_ns = now_ns;
            return None;
        }
        file.name_hash = number;
        if self.known.len() < KNOWN {
            let mount_id = file.mount_id;
            self.known.insert(key, Known { number, mount_id, count: 1, last_ns: now_ns });
        }
        Some(file)
    }

    fn describe(&self, fd: BorrowedFd<'_>) -> Described {
        let wanted = StatxFlags::BASIC_STATS | StatxFlags::MNT_ID;
        let Ok(stat) = statx(fd, c"", AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC, wanted) else {
            return Described::Gone;
        };
        let kind = u32::from(stat.stx_mode) & 0o170_000;
        if kind != 0o100_000 && kind != 0o020_000 {
            return Described::NoFile;
        }
        let mount_id = u32::try_from(stat.stx_mnt_id).unwrap_or_default();
        let mount = self.mounts.get(&stat.stx_mnt_id);
        let device =
            mount.map_or_else(|| number(stat.stx_dev_major, stat.stx_dev_minor), |mount| mount.device);
        let Ok(link) = fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())) else {
            return Described::Gone;
        };
        let (path, flags) = path(link.as_os_str(), stat.stx_nlink);
        let file = OpenedFile {
            key: FileKey {
                device,
                inode: stat.stx_ino,
                generation: generation(fd),
                size: stat.stx_size,
                ctime_s: stat.stx_ctime.tv_sec,
                ctime_ns: stat.stx_ctime.tv_nsec,
            },
            path,
            path_flags: flags,
            parent_inode: 0,
            name_hash: 0,
            mode: u32::from(stat.stx_mode),
            flags: 0,
            fs_magic: mount.map_or(0, |mount| mount.fs_magic),
            rdev: device_node(kind, &stat),
            mount_id,
        };
        Described::File(Box::new(file))
    }
}

enum Described {
    File(Box<OpenedFile>),
    /// A directory, a pipe, a socket: not recorded.
    NoFile,
    Gone,
}

impl AsFd for Opens {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.group.as_fd()
    }
}

/// The kernel's `dev_t`: major in the upper 12 bits, minor in the lower 20.
fn number(major: u32, minor: u32) -> u32 {
    (major << 20) | (minor & 0x000f_ffff)
}

fn device_node(kind: u32, stat: &Statx) -> u32 {
    if kind == 0o020_000 { number(stat.stx_rdev_major, stat.stx_rdev_minor) } else { 0 }
}

/// What the kernel prints for the descriptor; it marks a removed name by a suffix that a name can have as well, so the
/// link count decides.
fn path(link: &OsStr, links: u32) -> (SeenPath, u32) {
    match link.as_bytes().strip_suffix(b" (deleted)") {
        Some(name) if links == 0 => (SeenPath::new(name), path_flag::UNLINKED),
        _ => (SeenPath::new(link.as_bytes()), 0),
    }
}

/// `i_generation`; 0 where the file system does not tell (fs/ioctl.c, FS_IOC_GETVERSION).
fn generation(fd: BorrowedFd<'_>) -> u32 {
    const FS_IOC_GETVERSION: libc::Ioctl = 0x8008_7601_u32 as libc::Ioctl;
    let mut value: libc::c_long = 0;
    // SAFETY: the request writes one integer of at most a long's size to the live variable.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), FS_IOC_GETVERSION, &raw mut value) };
    // Some file systems write 32 bits, some a long: the lower half is the number in both.
    if result == 0 { (value & 0xffff_ffff) as u32 } else { 0 }
}

/// One line of /proc/self/mountinfo, proc_pid_mountinfo(5).
struct Mounted {
    id: u64,
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

/// `\040` and its like, as the kernel escapes blanks in mount points.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let octal = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match octal.filter(|_| first == b'\\') {
            Some(byte) => {
                plain.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                plain.push(first);
                rest = after;
            }
        }
    }
    plain
}

/// The number under which these opens are recorded.
pub const PROBE: u16 = probe::FANOTIFY_OPEN;

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

    #[test]
    fn a_removed_name_is_told_by_the_link_count() {
        let of = |name: &str, links| path(OsStr::new(name), links);
        assert_eq!(of("/a (deleted)", 0), (SeenPath::new(&b"/a"[..]), path_flag::UNLINKED));
        assert_eq!(of("/a (deleted)", 1), (SeenPath::new(&b"/a (deleted)"[..]), 0));
        assert_eq!(of("/a", 0), (SeenPath::new(&b"/a"[..]), 0));
    }
}
