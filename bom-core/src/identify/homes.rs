//! Where a model's files are at home: what is named by a file name alone is looked for there.
//!
//! A folder counts as one subject saw it. The kernel shows the content of many stores under a digest; what the store
//! calls it, and in which repository and revision, is then a home as well.

use std::collections::BTreeSet;

use super::view::{Model, Usage};
use crate::{
    path::SeenPath,
    stored::{Store, Stored},
};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Home {
    /// Subject and folder, with the slash at its end.
    Folder(usize, Vec<u8>),
    /// Store, name, revision, and the folder in it.
    Repository(Store, String, String, Vec<u8>),
}

/// A home, and the name of a file there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Address {
    pub(super) home: Home,
    pub(super) file: Vec<u8>,
}

impl Address {
    /// The address of a file that this one names; `None` if the name leads out of the folder.
    pub(super) fn beside(&self, name: &str) -> Option<Self> {
        let steps: Vec<&str> = name.split('/').collect();
        if steps.iter().any(|step| matches!(*step, "" | "." | "..")) {
            return None;
        }
        let (file, folders) = steps.split_last()?;
        let mut home = self.home.clone();
        let (Home::Folder(_, directory) | Home::Repository(_, _, _, directory)) = &mut home;
        for folder in folders {
            directory.extend_from_slice(folder.as_bytes());
            directory.push(b'/');
        }
        Some(Self { home, file: file.as_bytes().to_vec() })
    }
}

/// A path as folder and file name.
fn split(path: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let cut = path.iter().rposition(|&byte| byte == b'/').map_or(0, |at| at + 1);
    let (directory, file) = path.split_at(cut);
    (directory.to_vec(), file.to_vec())
}

/// A file as one subject saw it.
pub(super) fn seen(subject: usize, path: &SeenPath) -> Address {
    let (directory, file) = split(path.bytes());
    Address { home: Home::Folder(subject, directory), file }
}

/// A file as its store calls it; `None` unless that says in which revision.
pub(super) fn kept(stored: &Stored) -> Option<Address> {
    let (directory, file) = split(stored.file.as_deref()?.as_bytes());
    let (name, revision) = (stored.name.clone().unwrap_or_default(), stored.revision.clone()?);
    Some(Address { home: Home::Repository(stored.store, name, revision, directory), file })
}

/// Everywhere a model was seen, and everything its stores call it.
pub(super) fn addresses(model: &Model) -> BTreeSet<Address> {
    let places = |usage: &Usage| -> Vec<Address> {
        usage.paths.iter().map(|path| seen(usage.subject, path)).collect()
    };
    model.uses.iter().flat_map(places).chain(model.stored.iter().filter_map(kept)).collect()
}

/// Everywhere a model has neighbours.
pub(super) fn homes(model: &Model) -> BTreeSet<Home> {
    addresses(model).into_iter().map(|address| address.home).collect()
}
