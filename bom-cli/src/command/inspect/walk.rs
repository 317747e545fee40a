//! Files below the arguments, each once.

use std::{
    collections::BTreeSet,
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Deepest folder below an argument.
const DEPTH: usize = 64;

/// A regular file.
#[derive(Debug)]
pub(super) struct Found {
    /// Without links.
    pub(super) path: PathBuf,
    /// As it was met.
    pub(super) shown: PathBuf,
    /// It was named, and not met in a folder.
    pub(super) alone: bool,
    pub(super) metadata: Metadata,
}

#[derive(Debug, Default)]
pub(super) struct Walk {
    pub(super) found: Vec<Found>,
    /// What could not be read, and why.
    pub(super) unread: Vec<(PathBuf, String)>,
    /// Devices, pipes, sockets, and links that lead to no file.
    pub(super) other_kinds: u64,
    /// By device and inode number.
    known: BTreeSet<(u64, u64)>,
}

impl Walk {
    /// A file or a folder as it stands on the command line; a link is followed.
    pub(super) fn argument(&mut self, path: &Path) -> anyhow::Result<()> {
        let metadata = fs::metadata(path)?;
        if metadata.is_dir() {
            self.folder(path, 0);
            return Ok(());
        }
        anyhow::ensure!(metadata.is_file(), "not a regular file or a folder");
        // Twice on the command line is twice in the answer.
        self.known.insert((metadata.dev(), metadata.ino()));
        let found = Found { path: fs::canonicalize(path)?, shown: path.to_owned(), alone: true, metadata };
        self.found.push(found);
        Ok(())
    }

    fn folder(&mut self, path: &Path, depth: usize) {
        if depth > DEPTH {
            self.unread.push((path.to_owned(), "nested too deeply".to_owned()));
            return;
        }
        let names = fs::read_dir(path).and_then(|entries| {
            entries.map(|entry| entry.map(|entry| entry.file_name())).collect::<io::Result<BTreeSet<_>>>()
        });
        let names = match names {
            Ok(names) => names,
            Err(error) => {
                self.unread.push((path.to_owned(), error.to_string()));
                return;
            }
        };
        for name in names {
            let path = path.join(name);
            match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_dir() => self.folder(&path, depth + 1),
                Ok(metadata) if metadata.is_file() => self.file(path, metadata),
                Ok(metadata) if metadata.is_symlink() => match fs::metadata(&path) {
                    Ok(target) if target.is_file() => self.file(path, target),
                    _ => self.other_kinds += 1,
                },
                Ok(_) => self.other_kinds += 1,
                Err(error) => self.unread.push((path, error.to_string())),
            }
        }
    }

    fn file(&mut self, shown: PathBuf, metadata: Metadata) {
        if metadata.len() == 0 || !self.known.insert((metadata.dev(), metadata.ino())) {
            return;
        }
        match fs::canonicalize(&shown) {
            Ok(path) => self.found.push(Found { path, shown, alone: false, metadata }),
            Err(error) => self.unread.push((shown, error.to_string())),
        }
    }
}
