//! Makes the view: sorts every fact to the artifact it speaks of.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    adapters,
    artifacts::{Known, is_python_interpreter},
    catalog::Catalog,
    handlers, parts,
    peers::Peers,
    programs::{self, Used, fold},
    roles, sets,
    view::{Device, Library, Model, Package, SubjectView, Unresolved, Usage, View},
};
use crate::{
    bom::purl::pep503,
    coverage::Class,
    fact::{Action, Evidence, FactKey, Strength},
    inventory::{Description, Epoch, Inventory},
    join::Few,
    key::{EpochId, FileKey, ImageId, Object, ProcessKey, SubjectKey},
    path::SeenPath,
};

/// Groups and names what an inventory holds.
pub fn identify(inventory: &Inventory, catalog: &Catalog) -> View {
    let mut builder = Builder::new(catalog);
    for (id, epoch) in &inventory.epochs {
        for key in epoch.subjects.keys() {
            builder.subject(id, epoch, key);
        }
    }
    let mut view = builder.finish();
    parts::join(&mut view, inventory);
    for subject in 0..view.subjects.len() {
        let signs = roles::signs(&view, subject);
        if let Some(subject) = view.subjects.get_mut(subject) {
            subject.signs = signs;
        }
    }
    view
}

/// Identity of an artifact: its digest, else the file itself. Without a digest nothing is merged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identity {
    Digest(String),
    File(EpochId, FileKey),
}

pub(super) type Uses = BTreeMap<(usize, usize), Draft>;

/// A usage being put together.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    evidence: Option<Evidence>,
    probes: BTreeSet<u16>,
    processes: BTreeSet<ProcessKey>,
    paths: BTreeSet<SeenPath>,
    files: BTreeSet<FileKey>,
}

struct Builder<'a> {
    catalog: &'a Catalog,
    view: View,
    models: BTreeMap<Identity, (Model, Uses)>,
    libraries: BTreeMap<Identity, (Library, Uses)>,
    packages: BTreeMap<(String, String), (Package, Uses)>,
    peers: Peers,
    devices: BTreeMap<(u32, SeenPath), (Device, Uses)>,
}

/// What one fact speaks of.
enum Meaning<'a> {
    Model(&'a Known<'a>),
    Library(&'a Known<'a>),
    Package(&'a Known<'a>),
    Device(&'a Known<'a>),
}

impl<'a> Builder<'a> {
    fn new(catalog: &'a Catalog) -> Self {
        Self {
            catalog,
            view: View::default(),
            models: BTreeMap::new(),
            libraries: BTreeMap::new(),
            packages: BTreeMap::new(),
            peers: Peers::default(),
            devices: BTreeMap::new(),
        }
    }

    fn subject(&mut self, id: &EpochId, epoch: &Epoch, key: &SubjectKey) {
        let index = self.view.subjects.len();
        let known: BTreeMap<&Object, Known<'_>> =
            epoch.objects.iter().map(|(object, about)| (object, Known::of(about))).collect();
        let interpreters = interpreters(epoch, &known);
        let mine: Vec<(&FactKey, &Evidence)> =
            epoch.facts.iter().filter(|(fact, _)| fact.subject == *key).collect();
        let mut used: BTreeMap<ImageId, BTreeSet<Used>> = BTreeMap::new();
        for (fact, _) in &mine {
            let set = used.entry(fact.image).or_default();
            set.extend(signature(fact, &known, &interpreters));
        }
        let program_of = programs::group(epoch, index, key, &used, &mut self.view.programs);
        handlers::note(epoch, key, &known, &program_of, &mut self.view.programs);
        let mut subject = subject_view(id, epoch, key);
        for (fact, evidence) in mine {
            match &fact.object {
                Object::Name(name) => {
                    subject.resolved.insert(name.clone());
                }
                Object::Endpoint { .. } | Object::Behind { .. } | Object::UnixSocket(_)
                    if fact.action == Action::Connected =>
                {
                    let Some(&program) = program_of.get(&fact.image) else { continue };
                    self.peers.met(self.catalog, epoch, fact, evidence, (index, program));
                }
                Object::UnixSocket(name) => {
                    subject.served_unix.insert(name.clone());
                }
                Object::Listener { address, port, carrier } => {
                    let calls = evidence.activity.values().map(|bucket| bucket.connections.0);
                    let known = subject
                        .served
                        .entry((*carrier, std::net::SocketAddr::new(*address, *port)))
                        .or_default();
                    *known = calls.fold(*known, u64::saturating_add);
                }
                Object::Endpoint { .. } | Object::Behind { .. } => {}
                Object::File(file) => {
                    let Some(about) = known.get(&fact.object) else { continue };
                    let Some(&program) = program_of.get(&fact.image) else { continue };
                    for meaning in meanings(fact, about, &interpreters) {
                        let paths = epoch.paths.get(fact);
                        self.file(id, *file, &meaning, (fact, evidence), paths, (index, program));
                    }
                }
            }
        }
        self.unresolved(epoch, index, key);
        self.view.subjects.push(subject);
    }

    fn file(
        &mut self,
        id: &EpochId,
        file: FileKey,
        meaning: &Meaning<'_>,
        (fact, evidence): (&FactKey, &Evidence),
        paths: Option<&Few<SeenPath>>,
        place: (usize, usize),
    ) {
        let uses = match meaning {
            Meaning::Model(known) => self.model(id, file, known),
            Meaning::Library(known) => self.library(id, file, known),
            Meaning::Package(known) => self.package(known),
            Meaning::Device(known) => self.device(known),
        };
        let Some(uses) = uses else { return };
        let draft = uses.entry(place).or_default();
        draft.add(fact, evidence);
        draft.files.insert(file);
        draft.paths.extend(paths.into_iter().flatten().cloned());
    }

    fn model(&mut self, id: &EpochId, file: FileKey, known: &Known<'_>) -> Option<&mut Uses> {
        let content = known.content?;
        let metadata = content.model.clone()?;
        let (model, uses) = self.models.entry(identity(id, file, known)).or_insert_with(|| {
            let model = Model {
                digest: known.digest.map(str::to_owned),
                files: BTreeSet::new(),
                metadata,
                content: content.clone(),
                stored: BTreeSet::new(),
                parts: BTreeMap::new(),
                bases: BTreeSet::new(),
                python: None,
                deb: None,
                uses: Vec::new(),
            };
            (model, Uses::new())
        });
        model.files.insert(file);
        model.stored.extend(known.stored.iter().map(|&stored| stored.clone()));
        model.python = model.python.take().or_else(|| known.python.cloned());
        model.deb = model.deb.take().or_else(|| known.deb.cloned());
        Some(uses)
    }

    fn library(&mut self, id: &EpochId, file: FileKey, known: &Known<'_>) -> Option<&mut Uses> {
        let elf = known.library()?;
        let catalog = self.catalog;
        let (library, uses) = self.libraries.entry(identity(id, file, known)).or_insert_with(|| {
            let name = elf.soname.clone().unwrap_or_else(|| known.name());
            let role = catalog.library_role(&name).or_else(|| catalog.library_role(&known.name()));
            let library = Library {
                digest: known.digest.map(str::to_owned),
                files: BTreeSet::new(),
                role: role.map(str::to_owned),
                name,
                elf: elf.clone(),
                python: None,
                deb: None,
                uses: Vec::new(),
            };
            (library, Uses::new())
        });
        library.files.insert(file);
        library.python = library.python.take().or_else(|| known.python.cloned());
        library.deb = library.deb.take().or_else(|| known.deb.cloned());
        Some(uses)
    }

    fn package(&mut self, known: &Known<'_>) -> Option<&mut Uses> {
        let owner = known.package_code()?;
        let normal = pep503(&owner.name);
        let catalog = self.catalog;
        let (package, uses) =
            self.packages.entry((normal.clone(), owner.version.clone())).or_insert_with(|| {
                let package = Package {
                    name: owner.name.clone(),
                    version: owner.version.clone(),
                    editable: owner.editable,
                    dist_info: BTreeSet::new(),
                    role: catalog.role("pypi", &normal).map(str::to_owned),
                    uses: Vec::new(),
                };
                (package, Uses::new())
            });
        package.dist_info.insert(owner.dist_info.clone());
        Some(uses)
    }

    fn device(&mut self, known: &Known<'_>) -> Option<&mut Uses> {
        let (number, path) = known.accelerator()?;
        let (_, uses) = self
            .devices
            .entry((number, path.clone()))
            .or_insert_with(|| (Device { path: path.clone(), number, uses: Vec::new() }, Uses::new()));
        Some(uses)
    }

    fn unresolved(&mut self, epoch: &Epoch, subject: usize, key: &SubjectKey) {
        // Each subject answers for the files it used.
        let mine: BTreeSet<&Object> =
            epoch.facts.keys().filter(|fact| fact.subject == *key).map(|fact| &fact.object).collect();
        for (_, about) in epoch.objects.iter().filter(|(object, _)| mine.contains(object)) {
            let known = Known::of(about);
            for description in about {
                if let Description::Unknown { question, reason } = description {
                    self.view.unresolved.push(Unresolved {
                        subject,
                        paths: known.paths.iter().map(|&path| path.clone()).collect(),
                        question: *question,
                        reason: *reason,
                    });
                }
            }
        }
        self.view.unresolved.sort();
    }

    fn finish(mut self) -> View {
        self.view.models = done(self.models.into_values(), |model, uses| model.uses = uses);
        sets::join(&mut self.view.models);
        adapters::join(&mut self.view.models);
        self.view.libraries = done(self.libraries.into_values(), |library, uses| library.uses = uses);
        self.view.packages = done(self.packages.into_values(), |package, uses| package.uses = uses);
        self.peers.finish(&mut self.view);
        self.view.devices = done(self.devices.into_values(), |device, uses| device.uses = uses);
        self.view
    }
}

impl Draft {
    pub(super) fn add(&mut self, fact: &FactKey, evidence: &Evidence) {
        fold(&mut self.evidence, evidence);
        self.probes.insert(fact.probe);
        self.processes.insert(fact.process);
    }

    /// All that a finished usage has.
    pub(super) fn take_in(&mut self, usage: &Usage) {
        fold(&mut self.evidence, &usage.evidence);
        self.probes.extend(&usage.probes);
        self.processes.extend(&usage.processes);
        self.paths.extend(usage.paths.iter().cloned());
        self.files.extend(&usage.files);
    }
}

pub(super) fn done<T>(items: impl Iterator<Item = (T, Uses)>, set: impl Fn(&mut T, Vec<Usage>)) -> Vec<T> {
    let finish = |(mut item, uses): (T, Uses)| {
        set(&mut item, usages(uses));
        item
    };
    items.map(finish).collect()
}

pub(super) fn usages(uses: Uses) -> Vec<Usage> {
    let uses = uses.into_iter().filter_map(|((subject, program), draft)| {
        let Draft { evidence, probes, processes, paths, files } = draft;
        Some(Usage { subject, program, evidence: evidence?, probes, processes, paths, files })
    });
    uses.collect()
}

fn identity(id: &EpochId, file: FileKey, known: &Known<'_>) -> Identity {
    match known.digest {
        Some(digest) => Identity::Digest(digest.to_owned()),
        None => Identity::File(id.clone(), file),
    }
}

/// Whether code of a package was read by a program that is not known to run it. What such a program
/// did with it is not known, so it is no import, and packages are not complete. Gives those whose program it was.
pub(crate) fn unknown_readers(epoch: &Epoch) -> BTreeSet<SubjectKey> {
    let known: BTreeMap<&Object, Known<'_>> =
        epoch.objects.iter().map(|(object, about)| (object, Known::of(about))).collect();
    let interpreters = interpreters(epoch, &known);
    let unknown = epoch.facts.iter().filter(|(fact, evidence)| {
        let read = fact.action.uses_file() && evidence.strength.0 >= Strength::Opened;
        let code = || known.get(&fact.object).is_some_and(|about| about.package_code().is_some());
        read && !interpreters.contains(&fact.image) && code()
    });
    unknown.map(|(fact, _)| fact.subject.clone()).collect()
}

/// Images whose executable runs Python code.
fn interpreters(epoch: &Epoch, known: &BTreeMap<&Object, Known<'_>>) -> BTreeSet<ImageId> {
    let runs_python = |file: &FileKey| {
        known.get(&Object::File(*file)).and_then(Known::elf).is_some_and(is_python_interpreter)
    };
    let images = epoch.images.iter().filter(|(_, image)| image.executables.iter().any(runs_python));
    images.map(|(id, _)| *id).collect()
}

/// A file can be several things: a wheel's extension module is a library and code of its package.
fn meanings<'k>(fact: &FactKey, known: &'k Known<'k>, interpreters: &BTreeSet<ImageId>) -> Vec<Meaning<'k>> {
    let mut all = Vec::new();
    if known.content.is_some_and(|content| content.model.is_some()) {
        all.push(Meaning::Model(known));
    }
    let opened = fact.action.uses_file();
    if opened && known.library().is_some() {
        all.push(Meaning::Library(known));
    }
    if opened && interpreters.contains(&fact.image) && known.package_code().is_some() {
        all.push(Meaning::Package(known));
    }
    if known.accelerator().is_some() {
        all.push(Meaning::Device(known));
    }
    all
}

/// What a fact adds to the signature by which programs are told apart.
fn signature(
    fact: &FactKey,
    known: &BTreeMap<&Object, Known<'_>>,
    interpreters: &BTreeSet<ImageId>,
) -> Vec<Used> {
    match &fact.object {
        Object::Name(_) | Object::Listener { .. } => Vec::new(),
        Object::UnixSocket(name) => {
            vec![Used::Endpoint(format!(
                "unix:{}",
                name.as_ref().map_or_else(String::new, SeenPath::escaped)
            ))]
        }
        Object::Behind { host, port, .. } => vec![Used::Endpoint(format!("{host}:{port}"))],
        Object::Endpoint { host, address, port, .. } => {
            let host = host.clone().unwrap_or_else(|| address.to_string());
            vec![Used::Endpoint(format!("{host}:{port}"))]
        }
        Object::File(file) => {
            let Some(about) = known.get(&fact.object) else { return Vec::new() };
            let used = meanings(fact, about, interpreters).into_iter().filter_map(|meaning| match meaning {
                Meaning::Model(known) | Meaning::Library(known) => Some(match known.digest {
                    Some(digest) => Used::Digest(digest.to_owned()),
                    None => Used::File(*file),
                }),
                Meaning::Package(known) => {
                    known.python.map(|owner| Used::Package(owner.name.clone(), owner.version.clone()))
                }
                Meaning::Device(_) => Some(Used::File(*file)),
            });
            used.collect()
        }
    }
}

fn subject_view(id: &EpochId, epoch: &Epoch, key: &SubjectKey) -> SubjectView {
    let subject = epoch.subjects.get(key).cloned().unwrap_or_default();
    let classes = Class::ALL.into_iter().filter_map(|class| {
        epoch.coverage.cells.get(&(key.clone(), class)).map(|cell| (class, cell.clone()))
    });
    let losses = epoch.coverage.losses.iter().filter(|((_, of), _)| of.as_ref().is_none_or(|of| of == key));
    let wall = epoch.clock.last().map(|&(boot, wall)| wall.saturating_sub_unsigned(boot));
    let files = epoch.facts.keys().filter(|fact| fact.subject == *key && fact.action.uses_file());
    let asides = || epoch.aside.iter().filter(|((of, _), _)| of == key).map(|(_, aside)| aside);
    SubjectView {
        key: key.clone(),
        epoch: id.clone(),
        names: subject.names,
        versions: epoch.versions.clone(),
        host: epoch.host.clone(),
        window: epoch.window.first().zip(epoch.window.last()),
        clock_offset: wall,
        status: subject.status,
        classes: classes.collect(),
        probes: epoch.coverage.probes.clone(),
        losses: losses.map(|((cause, _), loss)| (cause.clone(), loss.clone())).collect(),
        still_running: epoch.coverage.still_running.get(key).cloned().unwrap_or_default(),
        own_counters: epoch
            .coverage
            .subject_counters
            .get(key)
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), value.0))
            .collect(),
        counters: epoch.coverage.counters.iter().map(|(name, value)| (name.clone(), value.0)).collect(),
        processes: epoch
            .processes
            .values()
            .filter(|process| process.subjects.contains(key))
            .count()
            .saturating_add(sum(asides().map(|aside| aside.processes.0))),
        files: files
            .map(|fact| &fact.object)
            .collect::<BTreeSet<_>>()
            .len()
            .saturating_add(sum(asides().map(|aside| aside.files.0))),
        resolved: BTreeSet::new(),
        served: BTreeMap::new(),
        served_unix: BTreeSet::new(),
        signs: BTreeSet::new(),
    }
}

fn sum(counts: impl Iterator<Item = u64>) -> usize {
    usize::try_from(counts.fold(0_u64, u64::saturating_add)).unwrap_or(usize::MAX)
}
