//! Python: the site directory whose RECORD files list a path.

use std::collections::BTreeMap;

use bom_core::input::{PythonOwner, Reason};

use super::paths::{ancestors, join};
use super::site::{NAMES, Site};
use super::{Identity, Stamp, existing, identity, stamp};
use crate::work::open::{Links, Tree, reason};
use crate::work::watch::Watch;

/// Directories remembered, nearly all of them as "no distribution here".
const DIRECTORIES: usize = 4096;
/// Steps a path is climbed.
const DEPTH: usize = 64;
/// Interpreter versions looked at below one `lib`.
const INTERPRETERS: usize = 32;

#[derive(Debug)]
pub(super) struct Python {
    sites: BTreeMap<Identity, Site>,
    /// The interpreter folders in a `lib` directory.
    libraries: BTreeMap<Identity, (Stamp, Vec<Vec<u8>>)>,
    /// Projects of editable installs, by the site that leads to them: root of the tree, folder, owner. They are known
    /// from the first file of that site on, and an interpreter opens the `.pth` there before anything of the project.
    projects: BTreeMap<Identity, Vec<Project>>,
    /// Rows all sites together may have.
    limit: usize,
    uses: u64,
}

/// Root of the tree it is seen in, folder, distribution.
type Project = (Identity, Vec<u8>, PythonOwner);

impl Python {
    pub(super) fn new(limit: usize) -> Self {
        Self { sites: BTreeMap::new(), libraries: BTreeMap::new(), projects: BTreeMap::new(), limit, uses: 0 }
    }

    /// The distribution that lists `path`, of the nearest site directory that has one: a vendored distribution
    /// (`setuptools/_vendor/*.dist-info`) comes before the one it is vendored in.
    pub(super) fn owner(
        &mut self,
        tree: &Tree,
        path: &[u8],
        watch: &Watch,
    ) -> Result<Option<PythonOwner>, Reason> {
        let mut inside = false;
        for directory in ancestors(path).take(DEPTH) {
            let (owner, is_site) = self.ask(tree, directory, path, watch)?;
            if owner.is_some() {
                return Ok(owner);
            }
            inside |= is_site;
        }
        if inside {
            return Ok(None);
        }
        if let Some(owner) = self.project(tree, path)? {
            return Ok(Some(owner));
        }
        // Programs and data lie beside the site directory: `bin/x` is `../../../bin/x` in its RECORD.
        for directory in ancestors(path).take(DEPTH) {
            for site in self.beside(tree, directory)? {
                let (owner, _) = self.ask(tree, &site, path, watch)?;
                if owner.is_some() {
                    return Ok(owner);
                }
            }
        }
        Ok(None)
    }

    /// The distribution whose project the path lies in; the deepest, if one lies in another.
    fn project(&self, tree: &Tree, path: &[u8]) -> Result<Option<PythonOwner>, Reason> {
        if self.projects.is_empty() {
            return Ok(None);
        }
        let root = identity(&tree.find(b"/", Links::Refuse).map_err(|error| reason(&error))?.metadata);
        let inside = |folder: &[u8]| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with(b"/"));
        let mine = self.projects.values().flatten().filter(|(of, folder, _)| *of == root && inside(folder));
        Ok(mine.max_by_key(|(_, folder, _)| folder.len()).map(|(.., owner)| owner.clone()))
    }

    /// The owner according to `directory`, and whether it has any distribution.
    fn ask(
        &mut self,
        tree: &Tree,
        directory: &[u8],
        path: &[u8],
        watch: &Watch,
    ) -> Result<(Option<PythonOwner>, bool), Reason> {
        watch.beat()?;
        let Some((below, metadata)) = existing(tree.below(directory, Links::Refuse))? else {
            return Ok((None, false));
        };
        let (identity, stamp) = (identity(&metadata), stamp(&metadata));
        if self.sites.get(&identity).is_none_or(|site| site.stamp != stamp) {
            self.read(identity, &below, stamp, watch)?;
            self.remember_projects(tree, identity, &below, directory, watch)?;
        }
        self.uses += 1;
        let Some(site) = self.sites.get_mut(&identity) else { return Ok((None, false)) };
        site.last_use = self.uses;
        if site.is_empty() {
            return Ok((None, false));
        }
        let owner = site.owner(&below, directory, path, watch);
        if matches!(owner, Ok(Some(_))) || !site.is_stale(&below, watch)? {
            return owner.map(|owner| (owner, true));
        }
        self.read(identity, &below, stamp, watch)?;
        self.remember_projects(tree, identity, &below, directory, watch)?;
        let Some(site) = self.sites.get_mut(&identity) else { return Ok((None, false)) };
        site.last_use = self.uses;
        site.owner(&below, directory, path, watch).map(|owner| (owner, true))
    }

    fn remember_projects(
        &mut self,
        tree: &Tree,
        site: Identity,
        below: &Tree,
        directory: &[u8],
        watch: &Watch,
    ) -> Result<(), Reason> {
        self.projects.remove(&site);
        let Some(known) = self.sites.get_mut(&site) else { return Ok(()) };
        let projects = known.projects(below, directory, watch)?;
        if !projects.is_empty() && self.projects.len() < DIRECTORIES {
            let root = identity(&tree.find(b"/", Links::Refuse).map_err(|error| reason(&error))?.metadata);
            let projects = projects.into_iter().map(|(folder, owner)| (root, folder, owner));
            self.projects.insert(site, projects.collect());
        }
        Ok(())
    }

    /// (Re)reads one directory, in the place of what was not used for longest if that is too much.
    fn read(&mut self, identity: Identity, below: &Tree, stamp: Stamp, watch: &Watch) -> Result<(), Reason> {
        self.sites.remove(&identity);
        if self.sites.len() >= DIRECTORIES {
            self.sites.retain(|_, site| !site.is_empty());
        }
        // One installation may use half, so that two can be in use without pushing each other out.
        let site = Site::read(below, stamp, self.limit / 2, watch)?;
        while self.sites.len() >= DIRECTORIES
            || self.sites.values().map(Site::len).sum::<usize>() + site.len() > self.limit
        {
            let Some((&oldest, _)) =
                self.sites.iter().filter(|(_, site)| !site.is_empty()).min_by_key(|(_, site)| site.last_use)
            else {
                break;
            };
            self.sites.remove(&oldest);
        }
        self.sites.insert(identity, site);
        Ok(())
    }

    /// Site directories of the interpreters whose prefix `directory` may be.
    fn beside(&mut self, tree: &Tree, directory: &[u8]) -> Result<Vec<Vec<u8>>, Reason> {
        let mut sites = Vec::new();
        for name in [&b"lib"[..], b"lib64"] {
            let library = join(directory, name);
            // lib64 is a link to lib in many installations, and anything may be in the way.
            let Ok((below, metadata)) = tree.below(&library, Links::Refuse) else { continue };
            let (identity, stamp) = (identity(&metadata), stamp(&metadata));
            if self.libraries.get(&identity).is_none_or(|(known, _)| *known != stamp) {
                let wanted = |name: &[u8]| name.starts_with(b"python3") || name.starts_with(b"pypy3");
                let (mut found, _) = below.names(NAMES, wanted).map_err(|error| reason(&error))?;
                found.truncate(INTERPRETERS);
                if self.libraries.len() >= DIRECTORIES {
                    self.libraries.clear();
                }
                self.libraries.insert(identity, (stamp, found));
            }
            let interpreters =
                self.libraries.get(&identity).map(|(_, names)| names.as_slice()).unwrap_or_default();
            for interpreter in interpreters {
                let interpreter = join(&library, interpreter);
                sites.push(join(&interpreter, b"site-packages"));
                sites.push(join(&interpreter, b"dist-packages"));
            }
        }
        Ok(sites)
    }
}
