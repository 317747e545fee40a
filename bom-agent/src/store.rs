//! A folder of inventories, one subfolder for each node and in it one for each epoch. Whatever is in it is whole: a
//! document is written beside its place, brought to the disk and renamed.
//!
//! ```text
//! STORE/<node>/state.json            what the daemon was doing, once a second
//! STORE/<node>/<epoch>/bom.cdx.json  what the epoch observed so far; <epoch> is <boot>-<start>
//! ```

use std::{
    ffi::OsStr,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::{
        fd::AsRawFd as _,
        unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    },
    path::{Path, PathBuf},
};

use bom_core::key::EpochId;
use serde_json::{Value, json};

use crate::host::read_bounded;

const STATE: &str = "state.json";
const DOCUMENT: &str = "bom.cdx.json";
const LOCK: &str = "lock";
/// What is being written; one that a killed daemon left is removed by the next.
const UNFINISHED: &str = ".unfinished-";
/// Bytes of a state file.
const SMALL: u64 = 64 << 10;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("write {path}")]
    Write { path: PathBuf, source: io::Error },
    #[error("open {path}")]
    Open { path: PathBuf, source: io::Error },
    #[error("another daemon writes to {path}")]
    Locked { path: PathBuf },
}

/// One epoch's place in the store, and the lock on the node's.
#[derive(Debug)]
pub struct Store {
    node: PathBuf,
    epoch: PathBuf,
    id: EpochId,
    _lock: File,
}

/// What the daemon before us was doing last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Before {
    pub boot: String,
    /// When it was alive last, nanoseconds of CLOCK_BOOTTIME.
    pub heartbeat_ns: u64,
    /// Until when documents say what was observed: what it observed after that died with it.
    pub covered_ns: u64,
    /// It wrote a last document, and knew that it was the last.
    pub clean: bool,
}

impl Store {
    /// Opens the node's folder for a new epoch; gives what the state file says of the one before.
    pub fn open(root: &Path, id: &EpochId) -> Result<(Self, Option<Before>), StoreError> {
        let node = root.join(name(&id.node));
        let epoch = node.join(format!("{}-{:020}", name(&id.boot), id.start_ns));
        create(&node)?;
        let path = node.join(LOCK);
        let failed = |source| StoreError::Open { path: path.clone(), source };
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let lock = lock.map_err(failed)?;
        // SAFETY: a plain system call on a descriptor that is open.
        if unsafe { libc::flock(lock.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } < 0 {
            return Err(StoreError::Locked { path: node });
        }
        for folder in [&node].into_iter().chain(&epochs(&node)) {
            remove_unfinished(folder);
        }
        let before = read_bounded(&node.join(STATE), SMALL).ok().and_then(|bytes| before(&bytes));
        Ok((Self { node, epoch, id: id.clone(), _lock: lock }, before))
    }

    /// Where this epoch's document is, or will be.
    pub fn document(&self) -> PathBuf {
        self.epoch.join(DOCUMENT)
    }

    /// Puts the document in its place. It is on the disk when this returns.
    pub fn write(&self, document: &[u8]) -> Result<(), StoreError> {
        create(&self.epoch)?;
        replace(&self.document(), document, true)?;
        // The name of the epoch's folder as well.
        sync(&self.node)
    }

    /// Says that the daemon is alive. Not brought to the disk: what it is for is a daemon that dies, not a machine.
    /// `covered_ns` is until when documents tell what was observed.
    pub fn heartbeat(
        &self,
        now_ns: u64,
        covered_ns: u64,
        sequence: u64,
        clean: bool,
    ) -> Result<(), StoreError> {
        let state = json!({
            "format": "aibom-agent-state",
            "version": 1,
            "boot": self.id.boot,
            "epoch_start_ns": self.id.start_ns,
            "sequence": sequence,
            "heartbeat_ns": now_ns,
            "covered_ns": covered_ns,
            "clean": clean,
        });
        replace(&self.node.join(STATE), format!("{state}\n").as_bytes(), clean)
    }

    /// Removes the oldest epochs of the node above this number; never the current one.
    pub fn keep(&self, most: usize) {
        let mut epochs = epochs(&self.node);
        epochs.retain(|epoch| *epoch != self.epoch);
        // By when their documents were written: the names of two boots are in no order.
        epochs
            .sort_by_key(|epoch| fs::metadata(epoch.join(DOCUMENT)).and_then(|about| about.modified()).ok());
        let surplus = (epochs.len() + 1).saturating_sub(most.max(1));
        for epoch in epochs.into_iter().take(surplus) {
            // What cannot be removed now is tried again at the next document.
            let _ = fs::remove_file(epoch.join(DOCUMENT)).and_then(|()| fs::remove_dir(&epoch));
        }
    }
}

/// What fits into a file name everywhere.
fn name(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).take(64).collect()
}

fn epochs(node: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(node).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|entry| entry.path()).collect()
}

fn remove_unfinished(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            // It is in nobody's way.
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn before(state: &[u8]) -> Option<Before> {
    let state: Value = serde_json::from_slice(state).ok()?;
    let known = state.get("format")? == "aibom-agent-state" && state.get("version")? == 1;
    known.then_some(())?;
    Some(Before {
        boot: state.get("boot")?.as_str()?.to_owned(),
        heartbeat_ns: state.get("heartbeat_ns")?.as_u64()?,
        covered_ns: state.get("covered_ns")?.as_u64()?,
        clean: state.get("clean")?.as_bool()?,
    })
}

/// What agents load and call is not for everybody on the machine.
fn create(folder: &Path) -> Result<(), StoreError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o750).create(folder);
    made.map_err(|source| StoreError::Write { path: folder.to_owned(), source })
}

fn replace(path: &Path, bytes: &[u8], durable: bool) -> Result<(), StoreError> {
    let failed = |source| StoreError::Write { path: path.to_owned(), source };
    let folder = path.parent().unwrap_or(Path::new("/"));
    let unfinished = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let unfinished = folder.join(format!("{UNFINISHED}{unfinished}"));
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o640).custom_flags(libc::O_NOFOLLOW);
    let mut file = file.open(&unfinished).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    if durable {
        file.sync_all().map_err(failed)?;
    }
    fs::rename(&unfinished, path).map_err(failed)?;
    if durable { sync(folder) } else { Ok(()) }
}

fn sync(folder: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::Write { path: folder.to_owned(), source };
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(start_ns: u64) -> EpochId {
        EpochId { node: "a/b".to_owned(), boot: "boot-1".into(), start_ns }
    }

    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("aibom-store-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        path
    }

    #[test]
    fn the_next_epoch_learns_of_the_one_before() {
        let root = scratch("before");
        let (store, before) = Store::open(&root, &epoch(1)).expect("a store");
        assert_eq!(before, None);
        store.heartbeat(77, 70, 5, false).expect("a heartbeat");
        store.write(b"{}").expect("a document");
        fs::write(store.epoch.join(".unfinished-bom.cdx.json"), "half").expect("a leftover");
        assert!(matches!(Store::open(&root, &epoch(2)), Err(StoreError::Locked { .. })));
        drop(store);
        let (store, before) = Store::open(&root, &epoch(2)).expect("a store");
        assert_eq!(
            before,
            Some(Before { boot: "boot-1".into(), heartbeat_ns: 77, covered_ns: 70, clean: false })
        );
        let old = root.join("a_b").join(format!("boot-1-{:020}", 1));
        assert_eq!(fs::read_dir(&old).expect("the first epoch").count(), 1, "nothing unfinished is left");
        store.write(b"{}").expect("a document");
        store.keep(1);
        assert!(!old.exists() && store.document().is_file());
        fs::remove_dir_all(&root).expect("remove");
    }

    #[test]
    fn a_state_that_is_none_is_ignored() {
        for state in ["", "{}", "[]", "{\"format\":\"aibom-agent-state\",\"version\":2}", "{\"format\":1"] {
            assert_eq!(before(state.as_bytes()), None, "{state}");
        }
    }
}
