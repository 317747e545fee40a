//! The list of layouts, and the question asked of them.

use bom_core::{
    input::Reason,
    stored::{Origins, Stored},
};

use super::{
    bentoml, folder::Folder, huggingface, huggingface_folder, mlflow, named, oci, ollama, steps, triton,
};

/// The file that is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// From the root of the tree on, with every link resolved.
    pub path: &'a [u8],
    /// When its content was changed last, seconds since 1970; `None` if that is not known.
    pub modified_s: Option<i64>,
}

/// What a layout is given, and where it puts what it finds.
pub(super) struct Look<'a> {
    pub(super) folder: &'a dyn Folder,
    pub(super) asked: Asked<'a>,
    pub(super) steps: &'a [&'a [u8]],
    pub(super) found: Origins,
}

impl Look<'_> {
    pub(super) fn add(&mut self, stored: Stored) {
        self.found.stored.insert(stored);
    }

    /// There may be more than was found.
    pub(super) fn cut(&mut self, reason: Reason) {
        self.found.partial.get_or_insert(reason);
    }

    /// What could be told; what could not is remembered.
    pub(super) fn or_cut<T>(&mut self, outcome: Result<Option<T>, Reason>) -> Option<T> {
        outcome.unwrap_or_else(|reason| {
            self.cut(reason);
            None
        })
    }

    pub(super) fn read(&mut self, path: &[u8], limit: u64) -> Option<alloc::vec::Vec<u8>> {
        let outcome = self.folder.read(path, limit);
        self.or_cut(outcome)
    }
}

/// Layouts whose files or links say what something is.
const RECORDED: &[fn(&mut Look<'_>)] = &[
    huggingface::look,
    huggingface_folder::look,
    ollama::look,
    oci::look,
    mlflow::look,
    triton::look,
    bentoml::look,
];

/// Everything that stores say of one file.
#[must_use]
pub fn origins(folder: &dyn Folder, asked: Asked<'_>) -> Origins {
    let steps = steps::split(asked.path);
    let mut look = Look { folder, asked, steps: &steps, found: Origins::default() };
    for layout in RECORDED {
        layout(&mut look);
    }
    // A path alone says little, and nothing where a store says more.
    if look.found.stored.is_empty() {
        named::look(&mut look);
    }
    look.found
}
