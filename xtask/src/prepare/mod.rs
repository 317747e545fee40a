//! `cargo xtask prepare`: install what building, testing and the demo need.
//!
//! Every part looks first and says what it found; what it builds is stamped with everything it was built from
//! ([`stamp`]), so a second run costs a few file reads. Nothing outside `target/` changes but Debian packages and
//! rustup components.

mod debian;
mod deny;
mod linker;
mod python;
mod rivals;
mod rust;
mod stamp;

use std::collections::BTreeSet;
use std::fs::{self, File};

use anyhow::{Context, Result, bail};

use crate::step;
use crate::workspace::Workspace;

/// What a part found or did, in words for the person who waits.
#[derive(Debug)]
enum Outcome {
    Present(String),
    Installed(String),
}

impl Outcome {
    /// Of two, what to say of both.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Present(one), Self::Present(other)) => Self::Present(format!("{one}, {other}")),
            (Self::Installed(one), Self::Installed(other)) => Self::Installed(format!("{one}, {other}")),
            (Self::Installed(one), Self::Present(_)) | (Self::Present(_), Self::Installed(one)) => {
                Self::Installed(one)
            }
        }
    }
}

/// One thing to prepare.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    name: &'static str,
    prepare: fn(&Workspace) -> Result<Outcome>,
}

const DEBIAN: Part = Part { name: "debian", prepare: debian::prepare };
const RUST: Part = Part { name: "rust", prepare: rust::prepare };
const LINKER: Part = Part { name: "linker", prepare: linker::prepare };
const PYTHON: Part = Part { name: "python", prepare: python::prepare };
const CORPUS: Part = Part { name: "corpus", prepare: python::prepare_corpus };
const RIVALS: Part = Part { name: "rivals", prepare: rivals::prepare };
const LONG_PROGRAMS: Part = Part { name: "programs", prepare: python::prepare_long };
const OTHER_PROCESSOR: Part = Part { name: "arm64", prepare: prepare_arm64 };
const DENY: Part = Part { name: "deny", prepare: deny::prepare };

/// Every part, in the order they need each other: a compiler before what it compiles.
const PARTS: &[Part] = &[DEBIAN, RUST, LINKER, PYTHON, CORPUS, LONG_PROGRAMS, OTHER_PROCESSOR, DENY, RIVALS];

/// What building, testing and the demo need. `deny` is a long build that only `check` needs.
pub(crate) const BUILD_AND_RUN: &[Part] = &[DEBIAN, RUST, LINKER, PYTHON];
/// What the tests need: the same, and files made by the official library of each format.
pub(crate) const TESTS: &[Part] = &[DEBIAN, RUST, LINKER, PYTHON, CORPUS];
/// What the long run of real programs needs besides.
pub(crate) const PROGRAMS: &[Part] = &[LONG_PROGRAMS];
/// What the benchmark needs besides: a long build, and packages that nothing else needs.
pub(crate) const COMPARED: &[Part] = &[DEBIAN, RUST, LINKER, PYTHON, RIVALS];
/// What compiling every crate needs, without the Python environments.
pub(crate) const COMPILE: &[Part] = &[DEBIAN, RUST, LINKER];
/// What machines with other kernels need.
pub(crate) const MACHINES: &[Part] = COMPILE;
/// What machines with Arm's processor need besides: an emulator, a compiler, a target.
pub(crate) const ARM64: &[Part] = &[OTHER_PROCESSOR];
/// What the dependency rules need.
pub(crate) const RULES: &[Part] = &[DEBIAN, DENY];
/// What a fuzz target needs: a C++ compiler for the fuzzing engine.
pub(crate) const FUZZ: &[Part] = &[DEBIAN, RUST];

fn prepare_arm64(workspace: &Workspace) -> Result<Outcome> {
    Ok(debian::prepare_arm64()?.and(rust::prepare_arm64(workspace)?))
}

/// `cargo xtask prepare [--only PART]`.
pub(crate) fn command(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    ensure(workspace, chosen(arguments)?.as_slice())
}

/// The parts of several lists, each once, in the order of [`PARTS`].
pub(crate) fn union<'a>(lists: impl Iterator<Item = &'a [Part]>) -> Vec<Part> {
    let wanted: BTreeSet<&str> = lists.flatten().map(|part| part.name).collect();
    PARTS.iter().filter(|part| wanted.contains(part.name)).copied().collect()
}

/// Prepares the given parts, one after the other.
pub(crate) fn ensure(workspace: &Workspace, parts: &[Part]) -> Result<()> {
    if parts.is_empty() {
        return Ok(());
    }
    let _lock = lock(workspace)?;
    for part in parts {
        let name = format!("prepare {}", part.name);
        let repeat = format!("cargo xtask prepare --only {}", part.name);
        step::run(&name, &repeat, || {
            match (part.prepare)(workspace)? {
                Outcome::Present(what) => eprintln!("    already there: {what}"),
                Outcome::Installed(what) => eprintln!("    installed: {what}"),
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn chosen(arguments: &[String]) -> Result<Vec<Part>> {
    match arguments {
        [] => Ok(BUILD_AND_RUN.to_vec()),
        [flag, name] if flag == "--only" => match PARTS.iter().find(|part| part.name == name) {
            Some(part) => Ok(vec![*part]),
            None => {
                let names: Vec<&str> = PARTS.iter().map(|part| part.name).collect();
                bail!("no part `{name}`; there are {}", names.join(", "))
            }
        },
        _ => bail!("usage: cargo xtask prepare [--only PART]"),
    }
}

/// Two runs at once would build into the same folders, so the second waits. The lock ends with its file handle.
fn lock(workspace: &Workspace) -> Result<File> {
    let folder = workspace.tools();
    fs::create_dir_all(&folder).with_context(|| format!("failed to create {}", folder.display()))?;
    let path = folder.join("prepare.lock");
    let file = File::create(&path).with_context(|| format!("failed to create {}", path.display()))?;
    if file.try_lock().is_err() {
        eprintln!("    waiting for another `cargo xtask prepare` to finish");
        file.lock().with_context(|| format!("failed to lock {}", path.display()))?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(arguments: &[&str]) -> Result<Vec<&'static str>> {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        Ok(chosen(&arguments)?.iter().map(|part| part.name).collect())
    }

    #[test]
    fn chooses_parts() {
        for (name, arguments, expected) in [
            ("default_without_the_long_build", &[][..], Some(vec!["debian", "rust", "linker", "python"])),
            ("one", &["--only", "linker"][..], Some(vec!["linker"])),
            ("programs_when_asked", &["--only", "programs"][..], Some(vec!["programs"])),
            ("deny_when_asked", &["--only", "deny"][..], Some(vec!["deny"])),
            ("unknown", &["--only", "kitchen"][..], None),
            ("flag_without_value", &["--only"][..], None),
            ("unknown_flag", &["--all"][..], None),
        ] {
            assert_eq!(names(arguments).ok(), expected, "{name}");
        }
    }

    #[test]
    fn union_keeps_order_and_says_each_once() {
        let parts = union([RULES, &[], COMPILE].into_iter());
        let names: Vec<&str> = parts.iter().map(|part| part.name).collect();
        assert_eq!(names, ["debian", "rust", "linker", "deny"]);
    }
}
