//! Debian: the package whose file list has a path (`/var/lib/dpkg/info/*.list`, or `status.d/*.md5sums` in images
//! made without dpkg).

use std::collections::BTreeMap;

use bom_core::input::{DebOwner, Reason};

use super::lines::{Ends, Lines};
use super::paths::{before_merge, join, source_of};
use super::rows::Rows;
use super::site::{NAMES, value};
use super::{Identity, Stamp, existing, identity, stamp};
use crate::work::open::{Links, Tree, reason};
use crate::work::watch::Watch;

const INFO: &[u8] = b"/var/lib/dpkg/info";
const STATUS: &[u8] = b"/var/lib/dpkg/status";
const STATUS_FOLDER: &[u8] = b"/var/lib/dpkg/status.d";
const LIST_BYTES: u64 = 32 << 20;
const STATUS_BYTES: u64 = 64 << 20;
const PACKAGES: usize = 50_000;

#[derive(Debug)]
pub(super) struct Deb {
    databases: BTreeMap<Identity, Database>,
    /// Rows all databases together may have.
    limit: usize,
    uses: u64,
}

#[derive(Debug)]
struct Database {
    stamps: Stamps,
    last_use: u64,
    packages: Vec<Package>,
    rows: Rows,
    /// Why a miss is not known to be one.
    partial: Option<Reason>,
}

/// States of info, status and status.d.
type Stamps = [Option<Stamp>; 3];

#[derive(Debug)]
struct Package {
    kind: Kind,
    /// `package` or `package:architecture`.
    name: Box<[u8]>,
    /// Read when first needed; `Some(None)` if no status speaks of it.
    about: Option<Option<DebOwner>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// info/NAME.list: absolute paths; the stanza is in `status`.
    List,
    /// status.d/NAME.md5sums: digest, two spaces, path without the leading slash; the stanza is in status.d/NAME.
    Sums,
}

impl Deb {
    pub(super) fn new(limit: usize) -> Self {
        Self { databases: BTreeMap::new(), limit, uses: 0 }
    }

    pub(super) fn owner(
        &mut self,
        tree: &Tree,
        path: &[u8],
        watch: &Watch,
    ) -> Result<Option<DebOwner>, Reason> {
        watch.beat()?;
        let info = existing(tree.below(INFO, Links::Follow))?;
        let status = existing(tree.find(STATUS, Links::Follow))?;
        let folder = existing(tree.below(STATUS_FOLDER, Links::Follow))?;
        let Some(main) = info.as_ref().or(folder.as_ref()).map(|(_, metadata)| identity(metadata)) else {
            return Ok(None);
        };
        let stamps = [
            info.as_ref().map(|(_, metadata)| stamp(metadata)),
            status.as_ref().map(|place| stamp(&place.metadata)),
            folder.as_ref().map(|(_, metadata)| stamp(metadata)),
        ];
        if self.databases.get(&main).is_none_or(|database| database.stamps != stamps) {
            self.databases.remove(&main);
            let folders =
                [(Kind::List, info.map(|(below, _)| below)), (Kind::Sums, folder.map(|(below, _)| below))];
            // Half, so that two can be in use without pushing each other out.
            let database = Database::read(folders, stamps, self.limit / 2, watch)?;
            while self.databases.values().map(|database| database.rows.len()).sum::<usize>()
                + database.rows.len()
                > self.limit
            {
                let Some((&oldest, _)) = self.databases.iter().min_by_key(|(_, database)| database.last_use)
                else {
                    break;
                };
                self.databases.remove(&oldest);
            }
            self.databases.insert(main, database);
        }
        self.uses += 1;
        let Some(database) = self.databases.get_mut(&main) else { return Ok(None) };
        database.last_use = self.uses;
        database.owner(tree, path, watch)
    }
}

impl Database {
    fn read(
        folders: [(Kind, Option<Tree>); 2],
        stamps: Stamps,
        limit: usize,
        watch: &Watch,
    ) -> Result<Self, Reason> {
        let mut database =
            Self { stamps, last_use: 0, packages: Vec::new(), rows: Rows::new(limit), partial: None };
        for (kind, folder) in folders {
            let Some(folder) = folder else { continue };
            let (names, all) =
                folder.names(NAMES, |name| name.ends_with(kind.suffix())).map_err(|error| reason(&error))?;
            let names: Vec<&[u8]> =
                names.iter().filter_map(|name| name.strip_suffix(kind.suffix())).collect();
            if !all || database.packages.len() + names.len() > PACKAGES {
                database.partial = Some(Reason::TooLarge);
            }
            for name in names {
                if database.packages.len() < PACKAGES {
                    database.index(&folder, kind, name, watch)?;
                }
            }
        }
        database.rows.finish();
        Ok(database)
    }

    fn index(&mut self, folder: &Tree, kind: Kind, name: &[u8], watch: &Watch) -> Result<(), Reason> {
        let number = u32::try_from(self.packages.len()).map_err(|_| Reason::TooLarge)?;
        self.packages.push(Package { kind, name: name.into(), about: None });
        let file = match existing(folder.read(&[name, kind.suffix()].concat(), Links::Refuse)) {
            Ok(Some((file, _))) => file,
            Ok(None) => return Ok(()),
            Err(reason) => {
                self.partial.get_or_insert(reason);
                return Ok(());
            }
        };
        let mut lines = Lines::new(&file, Ends::Newline, LIST_BYTES, watch);
        let mut fits = true;
        while fits && let Some((offset, line)) = lines.next()? {
            if let Some(path) = kind.path(line) {
                fits = self.rows.push(&path, number, offset);
            }
        }
        if !fits || !lines.is_whole() {
            self.partial.get_or_insert(Reason::TooLarge);
        }
        Ok(())
    }

    fn owner(&mut self, tree: &Tree, path: &[u8], watch: &Watch) -> Result<Option<DebOwner>, Reason> {
        // Debian's packages bring modules; what is compiled from them at installation is in no list.
        let source = source_of(path);
        let names = [Some(path), source.as_deref()].into_iter().flatten();
        for name in names.flat_map(|name| [Some(name), before_merge(name)]).flatten() {
            let Some(index) = self.listed(tree, name, watch)? else { continue };
            let Some(package) = self.packages.get_mut(index) else { continue };
            if package.about.is_none() {
                package.about = Some(about(tree, package, watch)?);
            }
            return Ok(package.about.clone().flatten());
        }
        self.partial.map_or(Ok(None), Err)
    }

    fn listed(&self, tree: &Tree, name: &[u8], watch: &Watch) -> Result<Option<usize>, Reason> {
        for row in self.rows.candidates(name) {
            let index = usize::try_from(row.list).map_err(|_| Reason::ReadFailed)?;
            let Some(package) = self.packages.get(index) else { continue };
            let list = join(package.kind.folder(), &[&package.name, package.kind.suffix()].concat());
            let Some((file, _)) = existing(tree.read(&list, Links::Follow))? else { continue };
            if let Some((_, line)) = Lines::at(&file, Ends::Newline, row.offset, watch).next()?
                && package.kind.path(line).as_deref() == Some(name)
            {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }
}

impl Kind {
    const fn folder(self) -> &'static [u8] {
        match self {
            Self::List => INFO,
            Self::Sums => STATUS_FOLDER,
        }
    }

    const fn suffix(self) -> &'static [u8] {
        match self {
            Self::List => b".list",
            Self::Sums => b".md5sums",
        }
    }

    /// The absolute path on a line.
    fn path(self, line: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::List => line.starts_with(b"/").then(|| line.to_vec()),
            Self::Sums => {
                let path = line.get(32..)?.strip_prefix(b"  ")?;
                Some(join(b"/", path.strip_prefix(b"./").unwrap_or(path)))
            }
        }
    }
}

/// The stanza of a package: version and architecture.
fn about(tree: &Tree, package: &Package, watch: &Watch) -> Result<Option<DebOwner>, Reason> {
    let path = match package.kind {
        Kind::List => STATUS.to_vec(),
        Kind::Sums => join(STATUS_FOLDER, &package.name),
    };
    let Some((file, _)) = existing(tree.read(&path, Links::Follow))? else { return Ok(None) };
    let mut parts = package.name.splitn(2, |&byte| byte == b':');
    let (name, architecture) = (parts.next().unwrap_or_default(), parts.next());
    let mut stanza = Stanza::default();
    let mut lines = Lines::new(&file, Ends::Newline, STATUS_BYTES, watch);
    while let Some((_, line)) = lines.next()? {
        if !line.is_empty() {
            stanza.take(line);
        } else if let Some(owner) = std::mem::take(&mut stanza).owner(package.kind, name, architecture) {
            return Ok(Some(owner));
        }
    }
    if !lines.is_whole() {
        return Err(Reason::TooLarge);
    }
    Ok(stanza.owner(package.kind, name, architecture))
}

#[derive(Debug, Default)]
struct Stanza {
    package: Option<String>,
    version: Option<String>,
    architecture: Option<String>,
}

impl Stanza {
    fn take(&mut self, line: &[u8]) {
        for (name, field) in [
            (&b"Package:"[..], &mut self.package),
            (b"Version:", &mut self.version),
            (b"Architecture:", &mut self.architecture),
        ] {
            if field.is_none()
                && let Some(rest) = line.strip_prefix(name)
            {
                *field = value(rest);
            }
        }
    }

    /// The owner, if this is the stanza of that package. In status.d the file is the package's own.
    fn owner(self, kind: Kind, name: &[u8], architecture: Option<&[u8]>) -> Option<DebOwner> {
        let owner =
            DebOwner { package: self.package?, version: self.version?, architecture: self.architecture? };
        let same = kind == Kind::Sums
            || owner.package.as_bytes() == name
                && architecture.is_none_or(|wanted| owner.architecture.as_bytes() == wanted);
        same.then_some(owner)
    }
}
