//! Files of no format of their own that a header refers to: they are part of its model.

use std::{collections::BTreeMap, os::unix::ffi::OsStrExt as _};

use bom_core::{
    identify::{Candidate, Model, Part, join_parts},
    path::SeenPath,
    stored,
};

use super::{
    look::{Looked, stores},
    show::model,
};

/// Marks those that are.
pub(super) fn mark(files: &mut [Looked]) {
    let refers = |model: &Model| !model.metadata.external_files.is_empty();
    let mut models: Vec<Model> = files.iter().filter_map(model).filter(refers).collect();
    if models.is_empty() {
        return;
    }
    // A store may know it by the name that the header has for it.
    for file in files.iter_mut().filter(|file| file.content.is_none()) {
        file.origins = stores(&file.path, file.modified_s);
    }
    let formless: Vec<usize> = (0..files.len())
        .filter(|&index| files.get(index).is_some_and(|file| file.content.is_none()))
        .collect();
    let candidates: Vec<Candidate> =
        formless.iter().filter_map(|&index| files.get(index)).map(candidate).collect();
    for taken in join_parts(&mut models, &candidates) {
        if let Some(file) = formless.get(taken).and_then(|&index| files.get_mut(index)) {
            file.part = true;
        }
    }
}

/// Gives the models what was marked.
pub(super) fn join(models: &mut [Model], files: &[&Looked]) {
    let candidates: Vec<Candidate> =
        files.iter().filter(|file| file.part).map(|file| candidate(file)).collect();
    join_parts(models, &candidates);
}

/// The files of a model that were met, and how many there are; `None` if it is one file.
pub(super) fn count(model: &Model) -> Option<(usize, usize)> {
    // A header that refers to others is not among them.
    let own = usize::from(!model.metadata.external_files.is_empty());
    let met = model.parts.values().filter(|part| part.met).count();
    (!model.parts.is_empty()).then(|| (met + own, model.parts.len() + own))
}

/// Bytes of all files of a model that were met.
pub(super) fn size(model: &Model) -> u64 {
    let own = model.files.iter().map(|file| file.size);
    let nothing = BTreeMap::new();
    let parts = if model.metadata.external_files.is_empty() { &nothing } else { &model.parts };
    own.chain(parts.values().filter_map(|part| part.size)).fold(0, u64::saturating_add)
}

fn candidate(file: &Looked) -> Candidate {
    let part = Part {
        digest: file.digest.clone(),
        earlier: file.earlier,
        recorded: stored::sha256(&file.origins.stored).map(str::to_owned),
        size: Some(file.key.size),
        met: true,
    };
    let path = SeenPath::new(file.shown.as_os_str().as_bytes());
    Candidate { subject: 0, path, stored: file.origins.stored.clone(), part }
}
