//! Files of weights that a header refers to: they are of no known format, so it is the reference that makes them matter.

use std::collections::{BTreeMap, BTreeSet};

use super::Correlator;
use crate::{
    input::{Request, Work},
    metadata::ModelMetadata,
    path::SeenPath,
    stored::Origins,
};

/// Smaller files are not remembered as what could be weights: a header comes before its weights, as a rule.
const WEIGHTS: u64 = 64 << 10;
/// Most of them.
const FORMLESS: usize = 4096;
/// Most files that headers refer to.
const REFERRED: usize = 65_536;
/// Bytes up to which a file is hashed whatever its store says of it: a few seconds of one processor.
const ALWAYS_HASHED: u64 = 1 << 30;

#[derive(Debug, Default)]
pub(super) struct Parts {
    /// Files of no known format that could be weights, where they were met.
    formless: BTreeMap<SeenPath, Work>,
    /// Where headers say that more of their weights are.
    referred: BTreeSet<SeenPath>,
}

/// Whether the content is to be read for its digest: unless its store recorded one, and reading takes long.
pub(super) fn must_hash(size: u64, origins: &Origins) -> bool {
    size <= ALWAYS_HASHED || origins.sha256().is_none()
}

impl Correlator {
    /// A header says where more of its weights are: those are hashed, as soon as they are met.
    pub(super) fn refer(&mut self, done: &Work, model: &ModelMetadata) -> Vec<Work> {
        let mut asked = Vec::new();
        let name = done.file.path.file_name().len();
        let whole = done.file.path.bytes();
        let directory = whole.get(..whole.len().saturating_sub(name)).unwrap_or_default();
        for file in &model.external_files {
            let leads_out = file.split('/').any(|step| matches!(step, "" | "." | ".."));
            if leads_out || self.parts.referred.len() >= REFERRED {
                continue;
            }
            let path = SeenPath::new([directory, file.as_bytes()].concat());
            if let Some(work) = self.parts.formless.remove(&path) {
                asked.extend(self.files.part(&work));
            }
            self.parts.referred.insert(path);
        }
        asked
    }

    /// A file of no known format: part of a model if a header says so.
    pub(super) fn formless(&mut self, done: Work) -> Vec<Work> {
        if self.parts.referred.contains(&done.file.path) {
            return self.files.part(&done).into_iter().collect();
        }
        if done.request == Request::Inspect
            && done.file.key.size >= WEIGHTS
            && self.parts.formless.len() < FORMLESS
        {
            self.parts.formless.insert(done.file.path.clone(), done);
        }
        Vec::new()
    }
}
