//! Programs that handle files without loading them: what `cp` reads is not loaded.
//!
//! Known by content: the package that owns the program recorded the digest it has, and nothing that no package owns runs
//! in its memory. A name proves nothing: whatever calls itself `sha256sum` and loads a model has loaded it.

use std::collections::{BTreeMap, BTreeSet};

use super::{artifacts::Known, view::Program};
use crate::{
    fact::Strength,
    inventory::Epoch,
    key::{ImageId, Object, SubjectKey},
    package::Ecosystem,
};

const HANDLERS: &str = include_str!("../../catalog/handlers.tsv");

/// A program that handles files, and the package that says so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Handler {
    /// copier-or-hasher, archiver, package-manager, …
    pub work: &'static str,
    pub ecosystem: &'static str,
    pub package: &'static str,
}

/// The row of a package.
pub fn handler(ecosystem: &str, package: &str) -> Option<Handler> {
    HANDLERS.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut columns = line.split('\t');
        let (of, name, work) = (columns.next()?, columns.next()?, columns.next()?);
        (of == ecosystem && name == package).then_some(Handler { work, ecosystem: of, package: name })
    })
}

/// Notes which programs are such, of one subject: those all of whose images are.
pub(super) fn note(
    epoch: &Epoch,
    subject: &SubjectKey,
    known: &BTreeMap<&Object, Known<'_>>,
    program_of: &BTreeMap<ImageId, usize>,
    programs: &mut [Program],
) {
    let images = images(epoch, subject, known);
    let mut found: BTreeMap<usize, BTreeSet<Option<&Handler>>> = BTreeMap::new();
    for (image, &program) in program_of {
        found.entry(program).or_default().insert(images.get(image));
    }
    for (program, handlers) in found {
        if let ([handler], Some(program)) = (&Vec::from_iter(handlers)[..], programs.get_mut(program)) {
            program.handler = handler.cloned();
        }
    }
}

/// The images of a subject that are such programs.
fn images(
    epoch: &Epoch,
    subject: &SubjectKey,
    known: &BTreeMap<&Object, Known<'_>>,
) -> BTreeMap<ImageId, Handler> {
    let mut found: BTreeMap<ImageId, Handler> = BTreeMap::new();
    for (id, image) in &epoch.images {
        let executables: Vec<Object> = image.executables.iter().map(|&file| Object::File(file)).collect();
        if let [executable] = &executables[..]
            && image.subject.iter().next().is_some_and(|of| of == subject)
            && let Some(handler) = known.get(executable).and_then(by_content)
        {
            found.insert(*id, handler);
        }
    }
    // Code of nobody's in its memory: it may do anything, whatever the program is.
    let foreign: BTreeSet<ImageId> = epoch
        .facts
        .iter()
        .filter(|(fact, evidence)| {
            found.contains_key(&fact.image)
                && evidence.strength.0 == Strength::Executed
                && known.get(&fact.object).is_none_or(is_nobodys)
        })
        .map(|(fact, _)| fact.image)
        .collect();
    found.retain(|id, _| !foreign.contains(id));
    found
}

fn is_nobodys(about: &Known<'_>) -> bool {
    let rpm = about.packages.iter().any(|owner| owner.ecosystem == Ecosystem::Rpm);
    about.deb.is_none() && about.python.is_none() && !rpm
}

fn by_content(known: &Known<'_>) -> Option<Handler> {
    let as_recorded = |recorded: Option<&str>| recorded.is_some() && recorded == known.digest;
    let deb = known.deb.filter(|_| known.intact == Some(true)).and_then(|deb| handler("deb", &deb.package));
    let mut rpms = known
        .packages
        .iter()
        .filter(|owner| owner.ecosystem == Ecosystem::Rpm && as_recorded(owner.recorded_sha256.as_deref()));
    let rpm = || rpms.find_map(|owner| handler("rpm", &owner.name));
    // A wheel's launcher is a script; the interpreter that runs it is no handler.
    let native = known.elf().is_some();
    let python = || {
        let owner = known.python.filter(|owner| native && as_recorded(owner.recorded_sha256.as_deref()))?;
        handler("pypi", &owner.name)
    };
    deb.or_else(rpm).or_else(python)
}

#[cfg(test)]
mod tests {
    use super::{HANDLERS, handler};

    #[test]
    fn rows_are_whole_and_sorted() {
        let rows: Vec<&str> = HANDLERS.lines().filter(|line| !line.starts_with('#')).collect();
        let mut sorted = rows.clone();
        sorted.sort_unstable();
        assert_eq!(rows, sorted);
        assert!(rows.iter().all(|row| row.split('\t').count() == 3), "{rows:?}");
        assert_eq!(handler("deb", "coreutils").map(|it| it.work), Some("copier-or-hasher"));
        for interpreter in ["python3", "bash", "perl", "gawk", "busybox"] {
            assert_eq!(handler("deb", interpreter), None, "{interpreter}");
            assert_eq!(handler("rpm", interpreter), None, "{interpreter}");
        }
    }
}
