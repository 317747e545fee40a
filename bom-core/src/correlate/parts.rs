//! Files of weights that a header refers to: they are of no known format, so it is the reference that makes them matter.
//!
//! A header names them as whoever loads it sees them. Where a store keeps the content under a digest, that is not where
//! the kernel sees them: there the names are compared that the store has for both.

use std::collections::{BTreeMap, BTreeSet};

use super::Correlator;
use crate::{
    input::{Request, Work},
    key::FileKey,
    metadata::ModelMetadata,
    path::SeenPath,
    stored::{Origins, Store, Stored},
};

/// Smaller files are not remembered as what could be weights: a header comes before its weights, as a rule.
const WEIGHTS: u64 = 64 << 10;
/// Most of them.
const FORMLESS: usize = 4096;
/// Most files that headers refer to.
const REFERRED: usize = 65_536;
/// Bytes up to which a file is hashed whatever its store says of it: a few seconds of one processor.
const ALWAYS_HASHED: u64 = 1 << 30;

/// A file as its store calls it: store, name, revision, path in that.
type Named = (Store, String, String, String);

#[derive(Debug, Default)]
pub(super) struct Parts {
    /// Files of no known format that could be weights, where they were met.
    formless: BTreeMap<SeenPath, Work>,
    /// Where headers say that more of their weights are.
    referred: BTreeSet<SeenPath>,
    /// What headers refer to, by header.
    referring: BTreeMap<FileKey, BTreeSet<String>>,
    /// How stores call what headers refer to.
    named: BTreeSet<Named>,
    /// Files of no known format in stores, met before any of that was known.
    waiting: Vec<Work>,
    /// Those whose stores are asked.
    asked: BTreeSet<FileKey>,
    /// What the stores call them.
    blobs: BTreeMap<Named, BTreeMap<FileKey, Work>>,
}

/// Whether the content is to be read for its digest: unless its store recorded one, and reading takes long.
fn must_hash(size: u64, origins: &Origins) -> bool {
    size <= ALWAYS_HASHED || origins.sha256().is_none()
}

/// Whether the name leads out of the folder that it is taken from.
fn leads_out(file: &str) -> bool {
    file.split('/').any(|step| matches!(step, "" | "." | ".."))
}

/// Whether it lies where a store keeps content under other names: `blobs/<digest>`, or `blobs/<2 digits>/<digest>`.
fn is_blob(path: &SeenPath) -> bool {
    let above: Vec<&[u8]> = path.components().collect();
    let at = |from_end: usize| above.len().checked_sub(from_end).and_then(|at| above.get(at)).copied();
    at(2) == Some(b"blobs") || at(3) == Some(b"blobs")
}

/// What a store calls the file, or another one beside it.
fn named(stored: &Stored, beside: Option<&str>) -> Option<Named> {
    let own = stored.file.as_deref()?;
    let file = match beside {
        None => own.to_owned(),
        Some(beside) => {
            own.rsplit_once('/').map_or_else(|| beside.to_owned(), |(it, _)| format!("{it}/{beside}"))
        }
    };
    Some((stored.store, stored.name.clone()?, stored.revision.clone()?, file))
}

impl Correlator {
    /// A header says where more of its weights are: those are hashed, as soon as they are met.
    pub(super) fn refer(&mut self, done: &Work, model: &ModelMetadata) -> Vec<Work> {
        let mut asked = Vec::new();
        let name = done.file.path.file_name().len();
        let whole = done.file.path.bytes();
        let directory = whole.get(..whole.len().saturating_sub(name)).unwrap_or_default();
        for file in model.external_files.iter().filter(|file| !leads_out(file)) {
            if self.parts.referred.len() >= REFERRED {
                break;
            }
            let path = SeenPath::new([directory, file.as_bytes()].concat());
            if let Some(work) = self.parts.formless.remove(&path) {
                asked.extend(self.files.part(&work));
            }
            self.parts.referred.insert(path);
            if self.parts.referring.len() < REFERRED {
                self.parts.referring.entry(done.file.key).or_default().insert(file.clone());
            }
        }
        asked
    }

    /// A file of no known format: part of a model if a header says so.
    pub(super) fn formless(&mut self, done: Work) -> Vec<Work> {
        if self.parts.referred.contains(&done.file.path) {
            return self.files.part(&done).into_iter().collect();
        }
        let mut asked = Vec::new();
        if done.request == Request::Inspect
            && done.file.key.size >= WEIGHTS
            && self.parts.formless.len() < FORMLESS
        {
            if is_blob(&done.file.path) && self.parts.asked.len() < FORMLESS {
                match self.parts.named.is_empty() {
                    true if self.parts.waiting.len() < FORMLESS => self.parts.waiting.push(done.clone()),
                    true => {}
                    false => asked.extend(self.ask_store(&done)),
                }
            }
            self.parts.formless.insert(done.file.path.clone(), done);
        }
        asked
    }

    /// What stores call a file is known: what is read of it then, and of what it refers to.
    pub(super) fn stored(&mut self, done: &Work, origins: &Origins) -> Vec<Work> {
        let file = done.file.key;
        if self.parts.asked.contains(&file) {
            let names: BTreeSet<Named> =
                origins.stored.iter().filter_map(|stored| named(stored, None)).collect();
            let part = !names.is_disjoint(&self.parts.named);
            for name in names {
                if self.parts.blobs.len() < REFERRED {
                    self.parts.blobs.entry(name).or_default().insert(file, done.clone());
                }
            }
            return part.then(|| self.files.part(done)).flatten().into_iter().collect();
        }
        let mut more = Vec::new();
        if must_hash(file.size, origins) {
            more.extend(self.files.follow(Request::Digest, done));
        }
        let Some(referring) = self.parts.referring.get(&file) else { return more };
        let beside = |stored| referring.iter().filter_map(move |name| named(stored, Some(name)));
        let names: BTreeSet<Named> = origins.stored.iter().flat_map(beside).collect();
        if names.is_empty() || self.parts.named.len() >= REFERRED {
            return more;
        }
        let known = names.iter().filter_map(|name| self.parts.blobs.get(name)).flat_map(BTreeMap::values);
        more.extend(known.filter_map(|work| self.files.part(work)));
        self.parts.named.extend(names);
        let waiting = std::mem::take(&mut self.parts.waiting);
        more.extend(waiting.iter().filter_map(|work| self.ask_store(work)));
        more
    }

    /// The store of this file could not be asked.
    pub(super) fn not_stored(&mut self, done: &Work) -> Option<Work> {
        // What is of no known format is hashed as part of a model only.
        let formless = self.parts.asked.contains(&done.file.key);
        if formless { None } else { self.files.follow(Request::Digest, done) }
    }

    fn ask_store(&mut self, work: &Work) -> Option<Work> {
        let question = self.files.follow(Request::Origin, work)?;
        self.parts.asked.insert(work.file.key);
        Some(question)
    }
}
