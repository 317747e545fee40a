//! What a file is, from what is known of it. Content decides, an installer's list names it.

use std::collections::BTreeSet;

use super::languages;
use crate::{
    input::{DebOwner, PythonOwner},
    inventory::Description,
    join::Few,
    metadata::{CodeMetadata, ElfMetadata, ElfType, Extracted, FileKind, Language},
    package::{Basis, Ecosystem, PackageOwner, UnreadList},
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
    pub(super) packages: BTreeSet<&'a PackageOwner>,
    pub(super) unread: BTreeSet<UnreadList>,
    /// An owner was asked for, and the answer came.
    pub(super) owner_known: bool,
    pub(super) device: Option<u32>,
    pub(super) stored: BTreeSet<&'a Stored>,
    /// The digest was read by an earlier observation.
    pub(super) earlier: bool,
    /// Whether it has the digest that its package recorded.
    pub(super) intact: Option<bool>,
}

/// Bits of a minor number, as the kernel keeps it (include/linux/kdev_t.h).
const MINOR_BITS: u32 = 20;

/// A package that a file is code of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Part {
    pub(super) ecosystem: Ecosystem,
    pub(super) basis: Basis,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) architecture: Option<String>,
    pub(super) source: SeenPath,
    pub(super) editable: bool,
    /// Whose interpreter it is code for.
    pub(super) language: Language,
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
                Description::EarlierDigest => known.earlier = true,
                Description::Owner(owner) => {
                    known.owner_known = true;
                    known.python = owner.python.as_ref().or(known.python);
                    known.deb = owner.deb.as_ref().or(known.deb);
                    known.packages.extend(&owner.packages);
                    known.unread.extend(&owner.unread);
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

    pub(super) fn code(&self) -> Option<&'a CodeMetadata> {
        self.content.and_then(|content| content.code.as_deref())
    }

    /// A shared library; a program that is position independent is not one.
    pub(super) fn library(&self) -> Option<&'a ElfMetadata> {
        self.elf().filter(|elf| elf.elf_type == ElfType::SharedLibrary)
    }

    /// A program.
    pub(super) fn program(&self) -> Option<&'a ElfMetadata> {
        self.elf().filter(|elf| matches!(elf.elf_type, ElfType::Executable | ElfType::PieExecutable))
    }

    /// An archive that is no model.
    pub(super) fn archive(&self) -> Option<&'a CodeMetadata> {
        let archive = self.content.is_some_and(|content| content.kind == FileKind::Archive);
        self.code().filter(|_| archive)
    }

    /// Languages that load this file as code, by its name, its first line, or what it is an archive of. An installer's
    /// own book-keeping is no code.
    pub(super) fn languages(&self) -> BTreeSet<Language> {
        if self.paths.iter().any(|path| path.components().any(is_book_keeping)) {
            return BTreeSet::new();
        }
        let mut languages: BTreeSet<Language> =
            self.paths.iter().filter_map(|path| languages::of_name(path)).collect();
        if let Some(code) = self.code() {
            languages.extend(&code.languages);
            languages.extend(code.interpreter.as_deref().and_then(languages::of_script));
        }
        languages
    }

    /// The packages whose code this is. A language's own list comes before that of the system: `python3-numpy` is numpy
    /// to whoever imports it, if it says so.
    pub(super) fn package_code(&self) -> BTreeSet<Part> {
        let languages = self.languages();
        let library = self.library().is_some();
        let mut parts = BTreeSet::new();
        let extension = self.paths.iter().any(|path| path.file_name().ends_with(b".so"))
            && !self.paths.iter().any(|path| path.components().any(is_book_keeping));
        if let Some(owner) = self.python
            && (languages.contains(&Language::Python) || extension)
        {
            parts.insert(Part {
                ecosystem: Ecosystem::Pypi,
                basis: if owner.editable { Basis::Project } else { Basis::List },
                name: owner.name.clone(),
                version: owner.version.clone(),
                architecture: None,
                source: owner.dist_info.clone(),
                editable: owner.editable,
                language: Language::Python,
            });
        }
        let own = |owner: &PackageOwner| match owner.ecosystem {
            Ecosystem::Pypi => Some(Language::Python),
            Ecosystem::Npm => Some(Language::Node),
            Ecosystem::Maven => Some(Language::Java),
            Ecosystem::Gem => Some(Language::Ruby),
            Ecosystem::Golang
            | Ecosystem::Cargo
            | Ecosystem::Conda
            | Ecosystem::Deb
            | Ecosystem::Apk
            | Ecosystem::Rpm
            | Ecosystem::Runtime => None,
        };
        for owner in &self.packages {
            if let Some(language) = own(owner)
                && (languages.contains(&language) || library)
            {
                parts.insert(part(owner, language));
            }
        }
        // A shared library of the system is listed as a library.
        if parts.is_empty() && !library {
            for &language in &languages {
                let system = self.packages.iter().filter(|owner| own(owner).is_none());
                parts.extend(system.map(|owner| part(owner, language)));
                parts.extend(self.deb.map(|deb| deb_part(deb, language)));
            }
            // A list is surer than a directory.
            if parts.iter().any(|part| part.basis.is_installed()) {
                parts.retain(|part| part.basis.is_installed());
            }
        }
        parts
    }

    /// Code of which no installer's list or manifest says whose it is.
    pub(super) fn is_unlisted(&self) -> bool {
        let named = || self.package_code().iter().any(|part| part.basis.is_installed());
        let says = || self.archive().is_some_and(|code| !code.packages.is_empty() && !code.opaque);
        !self.languages().is_empty() && !named() && !says()
    }

    /// A device that computes, by the node it is reached through.
    pub(super) fn accelerator(&self) -> Option<(u32, &'a SeenPath)> {
        const NODES: [&[u8]; 8] = [
            b"/dev/nvidia",
            b"/dev/kfd",
            b"/dev/dri/",
            b"/dev/accel",
            // AWS Neuron, Google TPU, Intel Gaudi, Huawei Ascend.
            b"/dev/neuron",
            b"/dev/apex_",
            b"/dev/hl",
            b"/dev/davinci",
        ];
        let number = self.device?;
        // Whatever its node is called: NVIDIA, DRM, the kernel's own class of accelerators
        // (Documentation/admin-guide/devices.txt). The others get a number when they are loaded.
        if matches!(number >> MINOR_BITS, 195 | 226 | 261) {
            return self.paths.first().map(|path| (number, *path));
        }
        let computes = |path: &&&SeenPath| NODES.iter().any(|node| path.bytes().starts_with(node));
        self.paths.iter().find(computes).map(|path| (number, *path))
    }

    pub(super) fn name(&self) -> String {
        self.paths.first().map_or_else(String::new, |path| SeenPath::new(path.file_name()).escaped())
    }
}

fn part(owner: &PackageOwner, language: Language) -> Part {
    Part {
        ecosystem: owner.ecosystem,
        basis: owner.basis,
        name: owner.name.clone(),
        version: owner.version.clone().unwrap_or_default(),
        architecture: owner.architecture.clone(),
        source: owner.source.clone(),
        editable: false,
        language,
    }
}

fn deb_part(deb: &DebOwner, language: Language) -> Part {
    Part {
        ecosystem: Ecosystem::Deb,
        basis: Basis::List,
        name: deb.package.clone(),
        version: deb.version.clone(),
        architecture: Some(deb.architecture.clone()),
        source: SeenPath::new("/var/lib/dpkg"),
        editable: false,
        language,
    }
}

fn is_book_keeping(component: &[u8]) -> bool {
    component.ends_with(b".dist-info") || component.ends_with(b".egg-info")
}
