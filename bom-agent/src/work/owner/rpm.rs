//! rpm: the package whose header lists a path. The database is SQLite's since rpm 4.16; SUSE's and older ones have other
//! names, and what has such a name and is no database is declared as unread.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;

use bom_core::{
    input::Reason,
    package::{Basis, Ecosystem, PackageOwner, UnreadList},
    path::SeenPath,
};
use bom_extract::{FileInput, RpmOutcome, rpm_package, rpm_packages};

use super::paths::{before_merge, source_of};
use super::rows::Rows;
use super::{Identity, Stamp, existing, identity, stamp};
use crate::work::open::{Links, Tree};
use crate::work::watch::{OutOfTime, Watch};

const FOLDERS: [&[u8]; 2] = [b"/usr/lib/sysimage/rpm/", b"/var/lib/rpm/"];
/// The newest first: who has two has changed over.
const NAMES: [(&[u8], Option<UnreadList>); 3] = [
    (b"rpmdb.sqlite", None),
    (b"Packages.db", Some(UnreadList::RpmNdb)),
    (b"Packages", Some(UnreadList::RpmBerkeley)),
];

#[derive(Debug)]
pub(super) struct Rpm {
    database: Option<Database>,
    limit: usize,
}

#[derive(Debug)]
struct Database {
    identity: Identity,
    stamps: [Option<Stamp>; 2],
    /// Numbers of the packages; a row's list is an index into them.
    packages: Vec<i64>,
    rows: Rows,
    outcome: RpmOutcome,
    /// The limit of rows was met.
    is_cut: bool,
}

impl Rpm {
    pub(super) fn new(limit: usize) -> Self {
        Self { database: None, limit }
    }

    /// The owner, and what may have another one and is not read.
    pub(super) fn owner(
        &mut self,
        tree: &Tree,
        path: &[u8],
        watch: &Watch,
    ) -> Result<(Option<PackageOwner>, Option<UnreadList>), Reason> {
        for (name, otherwise) in NAMES {
            for folder in FOLDERS {
                watch.beat()?;
                let place = [folder, name].concat();
                let Some((file, metadata)) = existing(tree.read(&place, Links::Follow))? else { continue };
                // Only SQLite keeps changes in a second file.
                let log = match otherwise {
                    None => existing(tree.find(&[&place[..], b"-wal"].concat(), Links::Follow))?,
                    Some(_) => None,
                };
                let stamps = [Some(stamp(&metadata)), log.as_ref().map(|log| stamp(&log.metadata))];
                let input = Bounded { file: &file, bytes: metadata.size(), watch };
                let database = self.database(&input, identity(&metadata), stamps)?;
                if database.outcome == RpmOutcome::Other
                    && let Some(unread) = otherwise
                {
                    return Ok((None, Some(unread)));
                }
                let unread = log.filter(|log| log.metadata.len() > 0).map(|_| UnreadList::RpmWriteAhead);
                return Ok((database.owner(&input, path, &place)?, unread));
            }
        }
        Ok((None, None))
    }

    /// The database as it is now, read anew only if it has changed.
    fn database(
        &mut self,
        input: &Bounded<'_>,
        identity: Identity,
        stamps: [Option<Stamp>; 2],
    ) -> Result<&Database, Reason> {
        let known = self.database.take();
        let known = known.filter(|known| known.identity == identity && known.stamps == stamps);
        let database = match known {
            Some(known) => known,
            None => Database::read(input, identity, stamps, self.limit)?,
        };
        Ok(self.database.insert(database))
    }
}

/// A file that is read only as long as the worker is wanted.
struct Bounded<'a> {
    file: &'a File,
    bytes: u64,
    watch: &'a Watch,
}

impl Bounded<'_> {
    fn with<T>(
        &self,
        part: impl FnOnce(&dyn bom_extract::Input) -> Result<T, bom_extract::ReadError>,
    ) -> Result<T, Reason> {
        let check =
            || self.watch.beat().map_err(|error: OutOfTime| io::Error::new(io::ErrorKind::TimedOut, error));
        let outcome = part(&FileInput::new(self.file, self.bytes).checked(&check));
        self.watch.beat()?;
        outcome.map_err(|_| Reason::ReadFailed)
    }
}

impl Database {
    fn read(
        input: &Bounded<'_>,
        identity: Identity,
        stamps: [Option<Stamp>; 2],
        limit: usize,
    ) -> Result<Self, Reason> {
        let (mut packages, mut rows, mut fits) = (Vec::new(), Rows::new(limit), true);
        let outcome = input.with(|input| {
            rpm_packages(input, &mut |package| {
                let Ok(index) = u32::try_from(packages.len()) else { return false };
                packages.push(package.number);
                fits &= package.files().all(|path| rows.push(&path, index, 0));
                fits
            })
        })?;
        rows.finish();
        Ok(Self { identity, stamps, packages, rows, outcome, is_cut: !fits })
    }

    /// The owner of a path, by any of the names it may have been installed under.
    fn owner(&self, input: &Bounded<'_>, path: &[u8], place: &[u8]) -> Result<Option<PackageOwner>, Reason> {
        let source = source_of(path);
        let names = [Some(path), source.as_deref()].into_iter().flatten();
        for name in names.flat_map(|name| [Some(name), before_merge(name)]).flatten() {
            if let Some(mut owner) = self.listed(input, name)? {
                owner.source = SeenPath::new(place);
                return Ok(Some(owner));
            }
        }
        if self.is_cut {
            return Err(Reason::TooLarge);
        }
        if self.outcome == RpmOutcome::Whole { Ok(None) } else { Err(Reason::ReadFailed) }
    }

    fn listed(&self, input: &Bounded<'_>, path: &[u8]) -> Result<Option<PackageOwner>, Reason> {
        for row in self.rows.candidates(path) {
            let index = usize::try_from(row.list).map_err(|_| Reason::ReadFailed)?;
            let Some(&number) = self.packages.get(index) else { continue };
            let Some(package) = input.with(|input| rpm_package(input, number))? else { continue };
            if package.files().any(|file| file == path) {
                return Ok(Some(PackageOwner {
                    recorded_sha256: package.sha256(path),
                    ecosystem: Ecosystem::Rpm,
                    basis: Basis::List,
                    name: package.name,
                    version: Some(package.version),
                    architecture: package.architecture,
                    source: SeenPath::default(),
                }));
            }
        }
        Ok(None)
    }
}
