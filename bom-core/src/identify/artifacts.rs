//! What a file is, from what is known of it. Content decides, an installer's list names it.

use std::collections::BTreeSet;

use crate::{
    correlate::is_python_code,
    input::{DebOwner, Owner, PythonOwner},
    inventory::Description,
    join::Few,
    metadata::{ElfMetadata, ElfType, Extracted},
    path::SeenPath,
    stored::Stored,
};

/// What is known of one file, sorted out of its descriptions.
#[derive(Clone, Debug, Default)]
pub(super) struct Known<'a> {
    pub(super) paths: BTreeSet<&'a SeenPath>,
    pub(super) content: Option<&'a Extracted>,
    pub(super) digest: Option<&'a str>,
    pub(super) python: Option<&'a PythonOwner>,
    pub(super) deb: Option<&'a DebOwner>,
    pub(super) device: Option<u32>,
    pub(super) stored: BTreeSet<&'a Stored>,
    /// Whether it has the digest that its package recorded.
    pub(super) intact: Option<bool>,
}

impl<'a> Known<'a> {
    pub(super) fn of(descriptions: &'a Few<Description>) -> Self {
        let mut known = Self::default();
        for description in descriptions {
            match description {
                Description::Path(path) => {
                    known.paths.insert(path);
                }
                Description::Content(content) => known.content = content.as_deref().or(known.content),
                Description::Digest(digest) => known.digest = Some(digest),
                Description::Owner(owner) => {
                    let Owner { python, deb } = owner.as_ref();
                    known.python = python.as_ref().or(known.python);
                    known.deb = deb.as_ref().or(known.deb);
                }
                Description::Device(number) => known.device = Some(*number),
                // Two answers about one state of one file cannot differ; if they do, the worse counts.
                Description::Intact(intact) => {
                    known.intact = Some(known.intact.unwrap_or(true) && *intact);
                }
                Description::Stored(stored) => {
                    known.stored.insert(stored);
                }
                Description::Unlinked
                | Description::Name { .. }
                | Description::Mismatch { .. }
                | Description::SeveralNames
                | Description::Resolver
                | Description::Model(_)
                | Description::SamePeer(_)
                | Description::Protocol(_)
                | Description::Unknown { .. } => {}
            }
        }
        known
    }

    pub(super) fn elf(&self) -> Option<&'a ElfMetadata> {
        self.content.and_then(|content| content.elf.as_ref())
    }

    /// A shared library; a program that is position independent is not one.
    pub(super) fn library(&self) -> Option<&'a ElfMetadata> {
        self.elf().filter(|elf| elf.elf_type == ElfType::SharedLibrary)
    }

    /// The distribution whose code this is: RECORD lists it, it is code, and it is not the
    /// distribution's own book-keeping.
    pub(super) fn package_code(&self) -> Option<&'a PythonOwner> {
        let code = |path: &&SeenPath| is_python_code(path) && !path.components().any(is_book_keeping);
        self.python.filter(|_| self.paths.iter().any(code))
    }

    /// A device that computes, by the node it is reached through.
    pub(super) fn accelerator(&self) -> Option<(u32, &'a SeenPath)> {
        const NODES: [&[u8]; 4] = [b"/dev/nvidia", b"/dev/kfd", b"/dev/dri/", b"/dev/accel"];
        let number = self.device?;
        let computes = |path: &&&SeenPath| NODES.iter().any(|node| path.bytes().starts_with(node));
        self.paths.iter().find(computes).map(|path| (number, *path))
    }

    pub(super) fn name(&self) -> String {
        self.paths.first().map_or_else(String::new, |path| SeenPath::new(path.file_name()).escaped())
    }
}

fn is_book_keeping(component: &[u8]) -> bool {
    component.ends_with(b".dist-info") || component.ends_with(b".egg-info")
}

/// Whether an executable runs Python code: it is linked with, or exports, CPython's API.
pub(super) fn is_python_interpreter(elf: &ElfMetadata) -> bool {
    let linked = elf.needed.iter().any(|library| library.starts_with("libpython3"));
    linked || elf.exports.contains("Py_BytesMain")
}
