//! What an inventory shows that may hide a package or a program: one pass over its facts for the coverage rules.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    artifacts::Known,
    languages::{self, Runs},
};
use crate::{
    coverage::rules::Detector,
    fact::{Action, FactKey, Strength},
    inventory::{Description, Epoch},
    join::Few,
    key::{ImageId, Object, SubjectKey},
    metadata::{ElfMetadata, ElfType},
    package::Basis,
};

/// Detectors that go off, with the subjects whose facts set them off.
pub(crate) fn detections(epoch: &Epoch) -> BTreeSet<(SubjectKey, Detector)> {
    let known: BTreeMap<&Object, Known<'_>> =
        epoch.objects.iter().map(|(object, about)| (object, Known::of(about))).collect();
    let runs = languages::of_images(epoch, &known);
    let machines = machines(epoch, &known);
    let nothing = Runs::default();
    let mut found = BTreeSet::new();
    for (fact, evidence) in &epoch.facts {
        let Some(about) = known.get(&fact.object) else { continue };
        let runs = runs.get(&fact.image).unwrap_or(&nothing);
        let read = fact.action.uses_file() && evidence.strength.0 >= Strength::Opened;
        let mut tell = |what| {
            found.insert((fact.subject.clone(), what));
        };
        if runs.other {
            tell(Detector::OtherInterpreter);
        }
        if read {
            let parts = about.package_code();
            // What a program that does not run it did with the code of a package is not known.
            if !parts.is_empty() && !parts.iter().any(|part| runs.languages.contains(&part.language)) {
                tell(Detector::UnknownReader);
            }
            if about.is_unlisted() && about.languages().iter().any(|of| runs.languages.contains(of)) {
                tell(Detector::UnlistedCode);
            }
            if about.archive().is_some_and(|code| code.opaque) {
                tell(Detector::ArchiveOpened);
            }
        }
        if read && is_of_unknown_format(&fact.object, about) {
            tell(Detector::UnknownFormat);
        }
        if !is_own_executable(epoch, fact)
            && is_loaded_program(fact, evidence.strength.0, about, machines.get(&fact.image))
        {
            tell(Detector::LoadedProgram);
        }
        if fact.action == Action::Executed && is_unlisted_program(about) {
            tell(Detector::UnlistedProgram);
        }
    }
    found.extend(streamed(epoch));
    found
}

/// Bytes from which on a file of no known format could be a model. What is smaller than this is not looked for.
pub(crate) const UNKNOWN_FORMAT: u64 = 1 << 20;
/// Bytes that a subject receives in all, from which on a model could be among them.
const STREAMED: u64 = 1 << 20;
/// Bytes of one endpoint that are worth naming it.
pub(crate) const STREAMED_SHARE: u64 = 64 << 10;

/// A large file that was looked at, is of no format that is known, and belongs to no package that was installed.
pub(super) fn is_of_unknown_format(object: &Object, about: &Known<'_>) -> bool {
    let Object::File(file) = object else { return false };
    let own_word = about.packages.iter().all(|owner| owner.basis == Basis::Project);
    let installed = about.python.is_some_and(|owner| !owner.editable) || about.deb.is_some() || !own_word;
    // What a model's header refers to is part of that model, and was hashed as such; so is code, whatever is in it.
    let part = about.digest.is_some() && about.languages().is_empty();
    file.size >= UNKNOWN_FORMAT && !part && about.formless && about.content.is_none() && !installed
}

/// Who received how much over the network; whatever a server receives when it is called counts as well.
fn streamed(epoch: &Epoch) -> BTreeSet<(SubjectKey, Detector)> {
    let mut received: BTreeMap<&SubjectKey, u64> = BTreeMap::new();
    for (fact, evidence) in &epoch.facts {
        let resolver = |about: &Few<Description>| about.contains(&Description::Resolver);
        let counted = match &fact.object {
            Object::Endpoint { .. } => !epoch.objects.get(&fact.object).is_some_and(resolver),
            Object::Listener { .. } => true,
            Object::File(_) | Object::Name(_) | Object::Behind { .. } | Object::UnixSocket(_) => false,
        };
        if counted {
            let total = received.entry(&fact.subject).or_default();
            for bucket in evidence.activity.values() {
                *total = total.saturating_add(bucket.received.0);
            }
        }
    }
    let mut found = BTreeSet::new();
    for (subject, bytes) in received {
        if bytes > 0 {
            found.insert((subject.clone(), Detector::StreamedCode));
        }
        if bytes >= STREAMED {
            found.insert((subject.clone(), Detector::Streamed));
        }
    }
    found
}

/// The machine that each image's executable is made for.
fn machines<'k>(epoch: &Epoch, known: &BTreeMap<&Object, Known<'k>>) -> BTreeMap<ImageId, &'k str> {
    let of = |image: &crate::inventory::Image| {
        let mut files = image.executables.iter().map(|file| Object::File(*file));
        files.find_map(|file| known.get(&file).and_then(Known::elf)).map(|elf| elf.machine.as_str())
    };
    epoch.images.iter().filter_map(|(id, image)| Some((*id, of(image)?))).collect()
}

/// What the kernel itself mapped at exec; and of a program whose exec was not seen, anything may be that.
pub(super) fn is_own_executable(epoch: &Epoch, fact: &FactKey) -> bool {
    if fact.action == Action::Executed {
        return false;
    }
    let Object::File(file) = &fact.object else { return false };
    let executables = epoch.images.get(&fact.image).map(|image| &image.executables);
    executables.is_none_or(|executables| executables.is_empty() || executables.contains(file))
}

/// A dynamic loader that was itself executed, or a program's file that was mapped, or read by a program for another
/// machine: then somebody else than the kernel may have started that program.
fn is_loaded_program(fact: &FactKey, strength: Strength, about: &Known<'_>, machine: Option<&&str>) -> bool {
    let Some(elf) = about.elf() else { return false };
    match fact.action {
        // Loaders are shared libraries; the kernel starts them for others, and runs nothing but them if asked to.
        Action::Executed => elf.elf_type == ElfType::SharedLibrary,
        Action::Mapped => is_program(elf) && strength >= Strength::ReadOrMapped,
        Action::Opened | Action::Read | Action::Received => {
            is_program(elf) && machine.is_some_and(|machine| *machine != elf.machine)
        }
        Action::Resolved | Action::Connected | Action::Served => false,
    }
}

fn is_program(elf: &ElfMetadata) -> bool {
    matches!(elf.elf_type, ElfType::Executable | ElfType::PieExecutable)
}

/// A program that no list names and that does not say what it was built from: what packages are in it, or which it
/// loads in its own way, is not known.
fn is_unlisted_program(about: &Known<'_>) -> bool {
    let owned = about.python.is_some() || about.deb.is_some() || !about.packages.is_empty();
    let says = about.code().is_some_and(|code| code.main.is_some() || !code.packages.is_empty());
    !owned && !says
}
