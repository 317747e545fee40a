//! Which installed package a file belongs to: Python's RECORD files, the lists of Debian, Alpine, rpm and conda, the
//! manifests of Node and RubyGems, read as they lie in the observed tree. No package manager is asked.
//!
//! What they say is the installer's claim. A list that could not be read in full makes a miss `Unknown`, not
//! "belongs to nobody".
//!
//! Start reading at `python`.

mod apk;
mod conda;
mod deb;
mod lines;
mod manifest;
mod paths;
mod python;
mod record;
mod rows;
mod rpm;
mod site;

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;

use bom_core::{
    input::{Owner, Reason, Work},
    package::PackageOwner,
};

use super::answer::Context;
use super::open::reason;
use super::settings::PoolSettings;

/// The indexes of one worker.
#[derive(Debug)]
pub(super) struct Owners {
    python: python::Python,
    deb: deb::Deb,
    apk: apk::Apk,
    rpm: rpm::Rpm,
    conda: conda::Conda,
    manifests: manifest::Manifests,
}

/// A directory or file, by which an index is found again whatever path or namespace it is seen through.
type Identity = (u64, u64);
/// Its state: size, mtime and ctime.
type Stamp = (u64, i64, i64, i64, i64);

impl Owners {
    pub(super) fn new(settings: &PoolSettings) -> Self {
        let rows = settings.index_rows;
        // A system has one package manager; each may use what it needs of the other half.
        let system = rows - rows / 2;
        Self {
            python: python::Python::new(rows / 2),
            deb: deb::Deb::new(system),
            apk: apk::Apk::new(system),
            rpm: rpm::Rpm::new(system),
            conda: conda::Conda::new(rows / 2),
            manifests: manifest::Manifests::default(),
        }
    }

    pub(super) fn owner(&mut self, context: &Context, work: &Work) -> Result<Owner, Reason> {
        let tree = context.namespaces.root(work)?;
        let path = work.file.path.bytes();
        let python = self.python.owner(&tree, path, &context.watch)?;
        let deb = self.deb.owner(&tree, path, &context.watch)?;
        let (rpm, unread) = self.rpm.owner(&tree, path, &context.watch)?;
        let mut packages: BTreeSet<PackageOwner> = rpm.into_iter().collect();
        packages.extend(self.apk.owner(&tree, path, &context.watch)?);
        packages.extend(self.conda.owner(&tree, path, &context.watch)?);
        packages.extend(self.manifests.owners(&tree, path, &context.watch)?);
        if python.is_none() && deb.is_none() && packages.is_empty() {
            packages.extend(self.manifests.runtime(&tree, path, &context.watch)?);
        }
        Ok(Owner { python, deb, packages, unread: unread.into_iter().collect() })
    }
}

fn identity(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

fn stamp(metadata: &Metadata) -> Stamp {
    (metadata.size(), metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec())
}

/// `None` if there is nothing; an error if there may be something.
fn existing<T>(outcome: io::Result<T>) -> Result<Option<T>, Reason> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(error) if reason(&error) == Reason::NotFound => Ok(None),
        Err(error) => Err(reason(&error)),
    }
}
