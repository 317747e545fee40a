//! A folder of one test, and work on its files as the kernel would have reported them.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bom_agent::work::Pool;
use bom_core::{
    event::OpenedFile,
    input::{Answer, Request, Work},
    key::{FileKey, ProcessKey},
    path::SeenPath,
};

/// No answer takes so long unless something is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Removed on drop.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("work-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Self(path.canonicalize().expect("a resolved path"))
    }

    /// Writes a file and the folders above it.
    pub(crate) fn put(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(&path, content).expect("a file");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left is inside the target folder.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Work on a file as it is now, in our own mount namespace.
pub(crate) fn work(request: Request, path: &Path) -> Work {
    let metadata = fs::symlink_metadata(path).expect("a file");
    Work {
        subject: 1,
        id: 7,
        request,
        file: OpenedFile {
            key: key(&metadata),
            path: SeenPath::new(path.as_os_str().as_bytes()),
            path_flags: 0,
            parent_inode: 0,
            name_hash: 0,
            mode: metadata.mode(),
            flags: 0,
            fs_magic: 0xef53,
            rdev: 0,
            mount_id: 0,
            real: None,
        },
        process: ProcessKey { tgid: std::process::id(), start_ns: 0 },
        mount_namespace: namespace("self"),
    }
}

/// The state of a file, as the kernel reports it.
pub(crate) fn key(metadata: &fs::Metadata) -> FileKey {
    let device = metadata.dev();
    FileKey {
        device: libc::major(device) << 20 | libc::minor(device),
        inode: metadata.ino(),
        generation: 0,
        size: metadata.size(),
        ctime_s: metadata.ctime(),
        ctime_ns: u32::try_from(metadata.ctime_nsec()).expect("nanoseconds"),
    }
}

/// Inode number of a process's mount namespace.
pub(crate) fn namespace(process: &str) -> u32 {
    let metadata = fs::metadata(format!("/proc/{process}/ns/mnt")).expect("a mount namespace");
    u32::try_from(metadata.ino()).expect("32 bits")
}

/// Submits and waits.
pub(crate) fn ask(pool: &Pool, work: Work) -> Answer {
    let id = work.id;
    pool.submit(work).expect("room in the queue");
    let (answered, answer) = pool.recv_timeout(PATIENCE).expect("an answer");
    assert_eq!(answered, id);
    answer
}
