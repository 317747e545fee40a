//! Opening a file in somebody else's tree without following, waiting for or waking anything.
//!
//! The tree belongs to the observed party, who may swap a path between our steps: for a link, a FIFO, or, with a
//! bind mount of /dev in a namespace of its own, a device whose mere opening acts (a watchdog starts, a tape
//! rewinds). So a path is first opened with O_PATH, which touches nothing, then looked at, and only a regular file
//! is opened for reading, through our own descriptor and not by name again.

use std::ffi::{CStr, CString, OsStr};
use std::fs::{self, File, Metadata};
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bom_core::input::Reason;

/// What a symbolic link in a path means.
#[derive(Clone, Copy, Debug)]
pub(super) enum Links {
    /// ELOOP: the path was resolved before, so a link is a change.
    Refuse,
    /// Followed, absolute ones from the tree's own root.
    Follow,
}

/// A directory below which paths are opened; `..` does not lead out of it.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    /// O_PATH.
    directory: Arc<File>,
    descriptors: Arc<Descriptors>,
}

/// /proc/self/fd, through which an O_PATH descriptor becomes one that reads.
#[derive(Debug)]
pub(super) struct Descriptors {
    directory: File,
    path: PathBuf,
}

/// Something in a tree, not opened for reading yet.
#[derive(Debug)]
pub(super) struct Place {
    file: File,
    pub(super) metadata: Metadata,
}

impl Descriptors {
    pub(super) fn of(procfs: &Path) -> io::Result<Self> {
        let path = procfs.join("self/fd");
        let directory = open_path(&path)?;
        Ok(Self { directory, path })
    }
}

impl Place {
    /// An O_PATH descriptor, valid as long as this.
    pub(super) fn descriptor(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}

impl Tree {
    pub(super) fn new(directory: File, descriptors: Arc<Descriptors>) -> Self {
        Self { directory: Arc::new(directory), descriptors }
    }

    /// What is at `path`, which is taken from this tree's root even if it starts with `/`.
    pub(super) fn find(&self, path: &[u8], links: Links) -> io::Result<Place> {
        let relative = CString::new(relative(path))?;
        let (flags, resolve) = match links {
            Links::Refuse => (libc::O_NOFOLLOW, libc::RESOLVE_NO_SYMLINKS),
            Links::Follow => (0, libc::RESOLVE_NO_MAGICLINKS),
        };
        // SAFETY: open_how is plain integers for which all zeros is a value.
        let mut how: libc::open_how = unsafe { mem::zeroed() };
        how.flags = u64::from((libc::O_PATH | libc::O_CLOEXEC | flags).cast_unsigned());
        how.resolve = libc::RESOLVE_IN_ROOT | resolve;
        // SAFETY: the path is NUL-terminated, the struct has the size that is given, and both outlive the call.
        let outcome = unsafe {
            libc::syscall(
                libc::SYS_openat2,
                self.directory.as_raw_fd(),
                relative.as_ptr(),
                &raw const how,
                size_of::<libc::open_how>(),
            )
        };
        let file = descriptor(outcome)?;
        let metadata = file.metadata()?;
        Ok(Place { file, metadata })
    }

    /// What a handle of procfs (`fd/3`, `exe`) in this directory stands for, whatever its text says.
    pub(super) fn handle(&self, name: &OsStr) -> io::Result<Place> {
        let name = CString::new(name.as_bytes())?;
        let file = open_at(self.directory.as_raw_fd(), &name, libc::O_PATH | libc::O_CLOEXEC)?;
        let metadata = file.metadata()?;
        Ok(Place { file, metadata })
    }

    /// The tree below a directory of this one.
    pub(super) fn below(&self, path: &[u8], links: Links) -> io::Result<(Self, Metadata)> {
        let place = self.find(path, links)?;
        if !place.metadata.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok((Self::new(place.file, Arc::clone(&self.descriptors)), place.metadata))
    }

    /// Opens a regular file for reading.
    pub(super) fn read(&self, path: &[u8], links: Links) -> io::Result<(File, Metadata)> {
        let place = self.find(path, links)?;
        if !place.metadata.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        let file = self.open(&place)?;
        Ok((file, place.metadata))
    }

    /// Opens for reading what was found and seen to be a regular file.
    pub(super) fn open(&self, place: &Place) -> io::Result<File> {
        let name = CString::new(place.file.as_raw_fd().to_string())?;
        let flags = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_CLOEXEC | libc::O_NOCTTY;
        let directory = self.descriptors.directory.as_raw_fd();
        match open_at(directory, &name, flags | libc::O_NOATIME) {
            // Only the owner may leave the access time alone.
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => open_at(directory, &name, flags),
            outcome => outcome,
        }
    }

    /// The names in this directory that are wanted, sorted, of the first `limit`; and whether those were all.
    pub(super) fn names(
        &self,
        limit: usize,
        wanted: impl Fn(&[u8]) -> bool,
    ) -> io::Result<(Vec<Vec<u8>>, bool)> {
        let mut names = Vec::new();
        let mut all = true;
        let path = self.descriptors.path.join(self.directory.as_raw_fd().to_string());
        for (count, entry) in fs::read_dir(path)?.enumerate() {
            let name = entry?.file_name();
            if count == limit {
                all = false;
                break;
            }
            if wanted(name.as_bytes()) {
                names.push(name.into_vec());
            }
        }
        names.sort_unstable();
        Ok((names, all))
    }
}

/// Opens a directory of ours with O_PATH.
pub(super) fn open_path(path: &Path) -> io::Result<File> {
    fs::OpenOptions::new().read(true).custom_flags(libc::O_PATH | libc::O_DIRECTORY).open(path)
}

/// Why a file that the kernel reported cannot be opened now.
pub(super) fn reason(error: &io::Error) -> Reason {
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENOTDIR) => Reason::NotFound,
        Some(libc::EACCES | libc::EPERM) => Reason::PermissionDenied,
        // The path had no link in it when it was seen.
        Some(libc::ELOOP) => Reason::ChangedSinceOpen,
        _ => Reason::ReadFailed,
    }
}

/// A path as openat2 takes it below a directory.
fn relative(path: &[u8]) -> &[u8] {
    match path.iter().position(|&byte| byte != b'/') {
        Some(start) => &path[start..],
        None => b".",
    }
}

pub(super) fn open_at(directory: RawFd, name: &CStr, flags: libc::c_int) -> io::Result<File> {
    // SAFETY: the name is NUL-terminated and outlives the call.
    descriptor(unsafe { libc::openat(directory, name.as_ptr(), flags) }.into())
}

fn descriptor(outcome: libc::c_long) -> io::Result<File> {
    match RawFd::try_from(outcome) {
        // SAFETY: the kernel has just made this descriptor for us and nobody else has it.
        Ok(fd) if fd >= 0 => Ok(unsafe { File::from_raw_fd(fd) }),
        Ok(_) | Err(_) => Err(io::Error::last_os_error()),
    }
}
