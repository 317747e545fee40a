//! rpm: the package whose header lists a path. The database is SQLite's since rpm 4.16; older ones are declared as
//! unread.

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
const OLD: [(&[u8], UnreadList); 2] =
    [(b"Packages", UnreadList::RpmBerkeley), (b"Packages.db", UnreadList::RpmNdb)];

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
    partial: Option<Reason>,
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
        for folder in FOLDERS {
            watch.beat()?;
            let place = [folder, b"rpmdb.sqlite"].concat();
            let Some((file, metadata)) = existing(tree.read(&place, Links::Follow))? else { continue };
            let log = existing(tree.find(&[&place[..], b"-wal"].concat(), Links::Follow))?;
            let (identity, stamps) =
                (identity(&metadata), [Some(stamp(&metadata)), log.as_ref().map(|log| stamp(&log.metadata))]);
            let input = Bounded { file: &file, bytes: metadata.size(), watch };
            let known = self.database.as_ref();
            if known.is_none_or(|known| known.identity != identity || known.stamps != stamps) {
                self.database = None;
                self.database = Some(Database::read(&input, identity, stamps, self.limit)?);
            }
            let Some(database) = &self.database else { continue };
            let unread = log.filter(|log| log.metadata.len() > 0).map(|_| UnreadList::RpmWriteAhead);
            let source = source_of(path);
            let names = [Some(path), source.as_deref()].into_iter().flatten();
            for name in names.flat_map(|name| [Some(name), before_merge(name)]).flatten() {
                if let Some(mut owner) = database.listed(&input, name)? {
                    owner.source = SeenPath::new(place);
                    return Ok((Some(owner), unread));
                }
            }
            return match database.partial {
                Some(reason) => Err(reason),
                None => Ok((None, unread)),
            };
        }
        for folder in FOLDERS {
            for (name, unread) in OLD {
                if existing(tree.find(&[folder, name].concat(), Links::Follow))?.is_some() {
                    return Ok((None, Some(unread)));
                }
            }
        }
        Ok((None, None))
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
        let mut database =
            Self { identity, stamps, packages: Vec::new(), rows: Rows::new(limit), partial: None };
        let mut fits = true;
        let outcome = input.with(|input| {
            rpm_packages(input, &mut |package| {
                let Ok(index) = u32::try_from(database.packages.len()) else { return false };
                database.packages.push(package.number);
                fits &= package.files().all(|path| database.rows.push(&path, index, 0));
                fits
            })
        })?;
        if !fits || outcome != RpmOutcome::Whole {
            database.partial = Some(if fits { Reason::ReadFailed } else { Reason::TooLarge });
        }
        database.rows.finish();
        Ok(database)
    }

    fn listed(&self, input: &Bounded<'_>, path: &[u8]) -> Result<Option<PackageOwner>, Reason> {
        for row in self.rows.candidates(path) {
            let index = usize::try_from(row.list).map_err(|_| Reason::ReadFailed)?;
            let Some(&number) = self.packages.get(index) else { continue };
            let Some(package) = input.with(|input| rpm_package(input, number))? else { continue };
            if package.files().any(|file| file == path) {
                return Ok(Some(PackageOwner {
                    ecosystem: Ecosystem::Rpm,
                    basis: Basis::List,
                    name: package.name,
                    version: Some(package.version),
                    architecture: package.architecture,
                    source: SeenPath::default(),
                    recorded_sha256: None,
                }));
            }
        }
        Ok(None)
    }
}
