//! Alpine: the package whose list has a path (`/lib/apk/db/installed`, since apk 3 below `/usr`).
//!
//! Source: wiki.alpinelinux.org, "Apk spec", the installed database: one stanza for each package, `F:` a directory and
//! `R:` the files in it.

use bom_core::{
    input::Reason,
    package::{Basis, Ecosystem, PackageOwner},
    path::SeenPath,
};

use super::lines::{Ends, Lines};
use super::paths::{before_merge, join, source_of};
use super::rows::Rows;
use super::site::value;
use super::{Identity, Stamp, existing, identity, stamp};
use crate::work::open::{Links, Tree};
use crate::work::watch::Watch;

const PLACES: [&[u8]; 2] = [b"/lib/apk/db/installed", b"/usr/lib/apk/db/installed"];
const LIST_BYTES: u64 = 128 << 20;
const PACKAGES: usize = 50_000;
/// Directories of all packages.
const DIRECTORIES: usize = 1_000_000;

#[derive(Debug)]
pub(super) struct Apk {
    database: Option<Database>,
    limit: usize,
}

#[derive(Debug)]
struct Database {
    identity: Identity,
    stamp: Stamp,
    packages: Vec<Package>,
    /// Where each directory stands, and whose it is.
    directories: Vec<(u32, u64)>,
    rows: Rows,
    partial: Option<Reason>,
}

#[derive(Clone, Debug, Default)]
struct Package {
    name: Option<String>,
    version: Option<String>,
    architecture: Option<String>,
}

impl Apk {
    pub(super) fn new(limit: usize) -> Self {
        Self { database: None, limit }
    }

    pub(super) fn owner(
        &mut self,
        tree: &Tree,
        path: &[u8],
        watch: &Watch,
    ) -> Result<Option<PackageOwner>, Reason> {
        for place in PLACES {
            watch.beat()?;
            let Some((file, metadata)) = existing(tree.read(place, Links::Follow))? else { continue };
            let (identity, stamp) = (identity(&metadata), stamp(&metadata));
            let known = self.database.as_ref();
            if known.is_none_or(|known| known.identity != identity || known.stamp != stamp) {
                self.database = None;
                self.database = Some(Database::read(&file, identity, stamp, self.limit, watch)?);
            }
            let Some(database) = &self.database else { continue };
            let source = source_of(path);
            let names = [Some(path), source.as_deref()].into_iter().flatten();
            for name in names.flat_map(|name| [Some(name), before_merge(name)]).flatten() {
                if let Some(package) = database.listed(&file, name, watch)? {
                    let Some(owner) = package.name.clone() else { continue };
                    return Ok(Some(PackageOwner {
                        ecosystem: Ecosystem::Apk,
                        basis: Basis::List,
                        name: owner,
                        version: package.version.clone(),
                        architecture: package.architecture.clone(),
                        source: SeenPath::new(place),
                        recorded_sha256: None,
                    }));
                }
            }
            return database.partial.map_or(Ok(None), Err);
        }
        Ok(None)
    }
}

impl Database {
    fn read(
        file: &std::fs::File,
        identity: Identity,
        stamp: Stamp,
        limit: usize,
        watch: &Watch,
    ) -> Result<Self, Reason> {
        let mut database = Self {
            identity,
            stamp,
            packages: vec![Package::default()],
            directories: Vec::new(),
            rows: Rows::new(limit),
            partial: None,
        };
        let mut lines = Lines::new(file, Ends::Newline, LIST_BYTES, watch);
        let mut directory = Vec::new();
        let mut fits = true;
        while fits && let Some((offset, line)) = lines.next()? {
            let Some((key, rest)) = line.split_first_chunk::<2>() else {
                if line.is_empty() {
                    database.packages.push(Package::default());
                    fits = database.packages.len() <= PACKAGES;
                }
                continue;
            };
            let package = database.packages.len() - 1;
            let Some(about) = database.packages.last_mut() else { continue };
            match key {
                b"P:" => about.name = value(rest),
                b"V:" => about.version = value(rest),
                b"A:" => about.architecture = value(rest),
                b"F:" => {
                    directory = join(b"/", rest);
                    let package = u32::try_from(package).map_err(|_| Reason::TooLarge)?;
                    database.directories.push((package, offset));
                    fits = database.directories.len() <= DIRECTORIES;
                }
                b"R:" => {
                    let number = u32::try_from(database.directories.len()).map_err(|_| Reason::TooLarge)?;
                    let Some(number) = number.checked_sub(1) else { continue };
                    fits = database.rows.push(&join(&directory, rest), number, offset);
                }
                _ => {}
            }
        }
        if !fits || !lines.is_whole() {
            database.partial = Some(Reason::TooLarge);
        }
        database.rows.finish();
        Ok(database)
    }

    fn listed(&self, file: &std::fs::File, path: &[u8], watch: &Watch) -> Result<Option<&Package>, Reason> {
        for row in self.rows.candidates(path) {
            let index = usize::try_from(row.list).map_err(|_| Reason::ReadFailed)?;
            let Some(&(package, place)) = self.directories.get(index) else { continue };
            let place = u32::try_from(place).map_err(|_| Reason::TooLarge)?;
            let directory = line_at(file, place, b"F:", watch)?;
            let name = line_at(file, row.offset, b"R:", watch)?;
            if let (Some(directory), Some(name)) = (directory, name)
                && join(&join(b"/", &directory), &name) == path
            {
                return Ok(self.packages.get(usize::try_from(package).map_err(|_| Reason::ReadFailed)?));
            }
        }
        Ok(None)
    }
}

fn line_at(file: &std::fs::File, offset: u32, key: &[u8], watch: &Watch) -> Result<Option<Vec<u8>>, Reason> {
    let mut lines = Lines::at(file, Ends::Newline, offset, watch);
    Ok(lines.next()?.and_then(|(_, line)| line.strip_prefix(key)).map(<[u8]>::to_vec))
}
