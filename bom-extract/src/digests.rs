//! Digests of large files that were read earlier, in a folder that the caller names.
//!
//! A file counts as the one that was read if its device, inode number, size, modification and change times are the
//! same. Only the kernel sets a change time, and only on file systems of its own: so nothing is kept of others, of files
//! that changed just now (two changes can have one time), of small ones, or of programs and libraries. Whoever can write
//! the folder, set the clock, or write the disk below its file system can forge an entry; the folder is refused if others
//! than its owner can write to it, or if somebody else owns it.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::file::read_some;

const NAME: &str = "digests-1";
/// Smaller files are hashed sooner than they are looked up with any gain.
const LEAST: u64 = 16 << 20;
/// The coarsest clock of a file system, and some.
const SETTLED: Duration = Duration::from_secs(2);
/// Most that the file may hold: some 400,000 entries. A fuller one is begun anew.
const MOST: u64 = 64 << 20;
/// File systems of the kernel's own that lie on a disk (include/uapi/linux/magic.h): btrfs, ext2 to ext4, f2fs, xfs.
const KEPT: &[u64] = &[0x9123_683e, 0xef53, 0xf2f5_2010, 0x5846_5342];
const S_IWGRP_S_IWOTH: u32 = 0o022;

/// Why a folder is not used.
#[derive(Debug, thiserror::Error)]
pub enum DigestsError {
    #[error("digest cache {path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("digest cache {path} is not trusted: {why}")]
    NotTrusted { path: PathBuf, why: &'static str },
}

/// A state of a file, as far as its metadata tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileState {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// The folder, read when it was opened.
#[derive(Debug)]
pub struct Digests {
    known: Mutex<BTreeMap<FileState, String>>,
    file: File,
}

impl Digests {
    /// Opens the folder, and makes it if it is not there.
    ///
    /// # Errors
    /// It cannot be read and written, or somebody else could have.
    pub fn open(folder: &Path) -> Result<Self, DigestsError> {
        let at = |path: &Path| {
            let path = path.to_path_buf();
            move |source| DigestsError::Io { path, source }
        };
        match fs::DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(at(folder)(error)),
            Ok(()) | Err(_) => {}
        }
        let owner = fs::metadata("/proc/self").map_err(at(folder))?.uid();
        trusted(folder, &fs::symlink_metadata(folder).map_err(at(folder))?, owner, true)?;
        let path = folder.join(NAME);
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            // Neither a link is followed nor a pipe waited for (O_NOFOLLOW, O_NONBLOCK).
            .custom_flags(rustix_flags())
            .open(&path)
            .map_err(at(&path))?;
        trusted(&path, &file.metadata().map_err(at(&path))?, owner, false)?;
        let mut text = String::new();
        if file.metadata().map_err(at(&path))?.len() > MOST {
            file.set_len(0).map_err(at(&path))?;
        }
        (&file).take(MOST).read_to_string(&mut text).map_err(at(&path))?;
        // The last one of a state counts; what is no entry is none.
        let known = text.lines().filter_map(entry).collect();
        Ok(Self { known: Mutex::new(known), file })
    }

    /// What was read of this state of the file.
    pub fn known(&self, state: &FileState) -> Option<String> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(state).cloned()
    }

    /// Remembers the digest of a file that was read from its beginning to its end while it stayed in this state.
    ///
    /// # Errors
    /// It was not written, and will have to be read again.
    pub fn keep(&self, state: FileState, digest: &str) -> io::Result<()> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(state, digest.to_string());
        // One write: another aibom may append as well.
        (&self.file).write_all(line(&state, digest).as_bytes())
    }
}

impl FileState {
    /// The state of an open file, if it is one that is kept.
    pub fn of(file: &File) -> Option<Self> {
        let metadata = file.metadata().ok()?;
        let state = Self::of_metadata(&metadata, SystemTime::now())?;
        let kind = rustix::fs::fstatfs(file).ok()?.f_type;
        let mut start = [0; 4];
        let read = read_some(file, &mut start, 0).ok()?;
        let is_code = start.get(..read)? == b"\x7fELF";
        (!is_code && KEPT.iter().any(|kept| i128::from(*kept) == i128::from(kind))).then_some(state)
    }

    fn of_metadata(metadata: &Metadata, now: SystemTime) -> Option<Self> {
        let seconds = now.checked_sub(SETTLED)?.duration_since(UNIX_EPOCH).ok()?.as_secs();
        let settled = i64::try_from(seconds).ok()?;
        let state = Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        };
        let still = state.changed.0 < settled && state.modified.0 < settled;
        (still && metadata.is_file() && state.size >= LEAST).then_some(state)
    }
}

/// O_NOFOLLOW and O_NONBLOCK.
fn rustix_flags() -> i32 {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    i32::try_from(flags.bits()).unwrap_or_default()
}

fn trusted(path: &Path, about: &Metadata, owner: u32, folder: bool) -> Result<(), DigestsError> {
    let why = if folder && !about.is_dir() {
        "not a folder"
    } else if !folder && !about.is_file() {
        "not a regular file"
    } else if about.uid() != owner {
        "somebody else owns it"
    } else if about.mode() & S_IWGRP_S_IWOTH != 0 {
        "others can write to it"
    } else if !folder && about.nlink() != 1 {
        "it has several names"
    } else {
        return Ok(());
    };
    Err(DigestsError::NotTrusted { path: path.to_path_buf(), why })
}

fn line(state: &FileState, digest: &str) -> String {
    let FileState { device, inode, size, modified, changed } = state;
    format!("{device} {inode} {size} {} {} {} {} {digest}\n", modified.0, modified.1, changed.0, changed.1)
}

fn entry(line: &str) -> Option<(FileState, String)> {
    let words: Vec<&str> = line.split(' ').collect();
    let [device, inode, size, modified, modified_ns, changed, changed_ns, digest] = words.as_slice() else {
        return None;
    };
    let whole = digest.len() == 64 && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let state = FileState {
        device: device.parse().ok()?,
        inode: inode.parse().ok()?,
        size: size.parse().ok()?,
        modified: (modified.parse().ok()?, modified_ns.parse().ok()?),
        changed: (changed.parse().ok()?, changed_ns.parse().ok()?),
    };
    whole.then(|| (state, (*digest).to_string()))
}
