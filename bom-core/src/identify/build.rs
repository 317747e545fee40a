//! Makes the view: sorts every fact to the artifact it speaks of.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    adapters,
    artifacts::{Known, Part},
    catalog::Catalog,
    detect, handlers,
    languages::{self, Runs},
    parts,
    peers::Peers,
    products,
    programs::{self, Used, fold},
    roles,
    servers::{self, Listening},
    sets, versions,
    view::{Code, Device, How, Library, Model, Package, SubjectView, Unresolved, Usage, View},
};
use crate::{
    bom::purl::pep503,
    coverage::Class,
    fact::{Action, Evidence, FactKey, Strength},
    inventory::{Description, Epoch, Inventory},
    join::Few,
    key::{EpochId, FileKey, ImageId, Object, ProcessKey, SubjectKey},
    metadata::Language,
    package::{Basis, Ecosystem},
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
    packages: BTreeMap<(Ecosystem, String, String), (Package, Uses)>,
    code: BTreeMap<Identity, (Code, Uses)>,
    peers: Peers,
    listening: BTreeSet<Listening>,
    devices: BTreeMap<(u32, SeenPath), (Device, Uses)>,
}

/// What one fact speaks of.
enum Meaning<'a> {
    Model(&'a Known<'a>),
    Library(&'a Known<'a>),
    Package(Part, How),
    /// Code that no package is known for.
    Code(&'a Known<'a>),
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
            code: BTreeMap::new(),
            peers: Peers::default(),
            listening: BTreeSet::new(),
            devices: BTreeMap::new(),
        }
    }

    fn subject(&mut self, id: &EpochId, epoch: &Epoch, key: &SubjectKey) {
        let index = self.view.subjects.len();
        let known: BTreeMap<&Object, Known<'_>> =
            epoch.objects.iter().map(|(object, about)| (object, Known::of(about))).collect();
        let runs = languages::of_images(epoch, &known);
        let mine: Vec<(&FactKey, &Evidence)> =
            epoch.facts.iter().filter(|(fact, _)| fact.subject == *key).collect();
        let mut used: BTreeMap<ImageId, BTreeSet<Used>> = BTreeMap::new();
        for (fact, _) in &mine {
            let set = used.entry(fact.image).or_default();
            set.extend(signature(epoch, fact, &known, &runs));
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
                    if let Some(&program) = program_of.get(&fact.image) {
                        let address = std::net::SocketAddr::new(*address, *port);
                        self.listening.insert((index, program, *carrier, address));
                    }
                }
                Object::Endpoint { .. } | Object::Behind { .. } => {}
                Object::File(file) => {
                    let Some(about) = known.get(&fact.object) else { continue };
                    let Some(&program) = program_of.get(&fact.image) else { continue };
                    for meaning in meanings(epoch, fact, about, &runs) {
                        let paths = epoch.paths.get(fact);
                        self.file(id, *file, &meaning, (fact, evidence), paths, (index, program));
                    }
                }
            }
        }
        subject.unread = known.values().flat_map(|about| about.unread.iter().copied()).collect();
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
            Meaning::Package(part, how) => self.package(part, *how),
            Meaning::Code(known) => self.code(id, file, known),
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
                earlier: false,
                files: BTreeSet::new(),
                metadata,
                content: content.clone(),
                stored: BTreeSet::new(),
                parts: BTreeMap::new(),
                bases: BTreeSet::new(),
                python: None,
                deb: None,
                owners: BTreeSet::new(),
                uses: Vec::new(),
            };
            (model, Uses::new())
        });
        model.files.insert(file);
        model.earlier |= known.earlier;
        model.stored.extend(known.stored.iter().map(|&stored| stored.clone()));
        model.python = model.python.take().or_else(|| known.python.cloned());
        model.deb = model.deb.take().or_else(|| known.deb.cloned());
        model.owners.extend(known.packages.iter().map(|&owner| owner.clone()));
        Some(uses)
    }

    fn library(&mut self, id: &EpochId, file: FileKey, known: &Known<'_>) -> Option<&mut Uses> {
        let elf = known.elf()?;
        let catalog = self.catalog;
        let (library, uses) = self.libraries.entry(identity(id, file, known)).or_insert_with(|| {
            let name = elf.soname.clone().unwrap_or_else(|| known.name());
            let role = catalog.library_role(&name).or_else(|| catalog.library_role(&known.name()));
            let library = Library {
                digest: known.digest.map(str::to_owned),
                files: BTreeSet::new(),
                role: role.map(str::to_owned),
                name,
                version: versions::of(elf, &known.paths),
                product: products::product(elf, &known.paths),
                engines: known.code().map(|code| code.engines.clone()).unwrap_or_default(),
                elf: elf.clone(),
                python: None,
                deb: None,
                owners: BTreeSet::new(),
                uses: Vec::new(),
            };
            (library, Uses::new())
        });
        library.files.insert(file);
        library.python = library.python.take().or_else(|| known.python.cloned());
        library.deb = library.deb.take().or_else(|| known.deb.cloned());
        library.owners.extend(known.packages.iter().map(|&owner| owner.clone()));
        Some(uses)
    }

    fn package(&mut self, part: &Part, how: How) -> Option<&mut Uses> {
        let normal = if part.ecosystem == Ecosystem::Pypi { pep503(&part.name) } else { part.name.clone() };
        let catalog = self.catalog;
        let key = (part.ecosystem, normal.clone(), part.version.clone());
        let (package, uses) = self.packages.entry(key).or_insert_with(|| {
            let package = Package {
                ecosystem: part.ecosystem,
                name: part.name.clone(),
                version: part.version.clone(),
                architecture: part.architecture.clone(),
                editable: false,
                bases: BTreeSet::new(),
                how: BTreeSet::new(),
                sources: BTreeSet::new(),
                role: catalog.role(part.ecosystem.name(), &normal).map(str::to_owned),
                uses: Vec::new(),
            };
            (package, Uses::new())
        });
        package.editable |= part.editable;
        package.bases.insert(part.basis);
        package.how.insert(how);
        package.sources.insert(part.source.clone());
        Some(uses)
    }

    fn code(&mut self, id: &EpochId, file: FileKey, known: &Known<'_>) -> Option<&mut Uses> {
        let (code, uses) = self.code.entry(identity(id, file, known)).or_insert_with(|| {
            let code = Code {
                digest: known.digest.map(str::to_owned),
                name: known.name(),
                languages: known.languages(),
                owners: BTreeSet::new(),
                uses: Vec::new(),
            };
            (code, Uses::new())
        });
        code.owners.extend(known.packages.iter().map(|&owner| owner.clone()));
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
        for (object, about) in epoch.objects.iter().filter(|(object, _)| mine.contains(object)) {
            let known = Known::of(about);
            if detect::is_of_unknown_format(object, &known) {
                let paths = known.paths.iter().map(|&path| (subject, path.clone()));
                self.view.unknown_formats.extend(paths);
            }
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
        self.view.code = done(self.code.into_values(), |code, uses| code.uses = uses);
        self.peers.finish(&mut self.view);
        self.view.devices = done(self.devices.into_values(), |device, uses| device.uses = uses);
        servers::join(&mut self.view, &self.listening, self.catalog);
        servers::mcp(&mut self.view);
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

/// A file can be several things: a wheel's extension module is a library and code of its package.
fn meanings<'k>(
    epoch: &Epoch,
    fact: &FactKey,
    known: &'k Known<'k>,
    runs: &BTreeMap<ImageId, Runs>,
) -> Vec<Meaning<'k>> {
    let mut all = Vec::new();
    if known.content.is_some_and(|content| content.model.is_some()) {
        all.push(Meaning::Model(known));
    }
    let opened = fact.action.uses_file();
    let strength = epoch.facts.get(fact).map(|evidence| evidence.strength.0);
    let mapped_code = fact.action == Action::Mapped && strength == Some(Strength::Executed);
    // A program that was mapped as code, not by the kernel as it was executed, was started by something else.
    let loaded = mapped_code && known.program().is_some() && !detect::is_own_executable(epoch, fact);
    if opened && (known.library().is_some() || loaded) {
        all.push(Meaning::Library(known));
    }
    let runs = runs.get(&fact.image);
    let running = |language: &Language| runs.is_some_and(|runs| runs.languages.contains(language));
    if opened {
        let parts = known.package_code();
        // The hundreds of files of an interpreter's own library are one package, if only by their place.
        let placed = parts.iter().any(|part| part.basis == Basis::Place);
        all.extend(
            parts
                .into_iter()
                .filter(|part| running(&part.language))
                .map(|part| Meaning::Package(part, How::Imported)),
        );
        if known.is_unlisted() && !placed && known.languages().iter().any(running) {
            all.push(Meaning::Code(known));
        }
        if known.archive().is_some_and(|code| code.languages.iter().any(running)) {
            all.extend(contained(known, How::Archived));
        }
    }
    if fact.action == Action::Executed || mapped_code {
        all.extend(contained(known, How::CompiledIn));
    }
    if known.accelerator().is_some() {
        all.push(Meaning::Device(known));
    }
    all
}

/// The packages that a file says are in it, itself included.
fn contained<'k>(known: &'k Known<'k>, how: How) -> impl Iterator<Item = Meaning<'k>> {
    let code = known.code();
    let source = known.paths.first().map(|&path| path.clone()).unwrap_or_default();
    let listed = code.into_iter().flat_map(|code| code.main.iter().chain(&code.packages));
    listed.map(move |package| {
        let part = Part {
            ecosystem: package.ecosystem,
            basis: Basis::Manifest,
            name: package.name.clone(),
            version: package.version.clone().unwrap_or_default(),
            architecture: None,
            source: source.clone(),
            editable: false,
            // Asked of nobody: the code is in the file already.
            language: Language::Python,
        };
        Meaning::Package(part, how)
    })
}

/// What a fact adds to the signature by which programs are told apart.
fn signature(
    epoch: &Epoch,
    fact: &FactKey,
    known: &BTreeMap<&Object, Known<'_>>,
    runs: &BTreeMap<ImageId, Runs>,
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
            // What an executable has in it, it has in every run.
            if fact.action == Action::Executed {
                return Vec::new();
            }
            let meanings = meanings(epoch, fact, about, runs);
            let used = meanings.into_iter().map(|meaning| match meaning {
                Meaning::Model(known) | Meaning::Library(known) | Meaning::Code(known) => {
                    match known.digest {
                        Some(digest) => Used::Digest(digest.to_owned()),
                        None => Used::File(*file),
                    }
                }
                Meaning::Package(part, _) => Used::Package(part.name, part.version),
                Meaning::Device(_) => Used::File(*file),
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
        pods: subject.pods,
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
        served_by: Vec::new(),
        unread: BTreeSet::new(),
    }
}

fn sum(counts: impl Iterator<Item = u64>) -> usize {
    usize::try_from(counts.fold(0_u64, u64::saturating_add)).unwrap_or(usize::MAX)
}
