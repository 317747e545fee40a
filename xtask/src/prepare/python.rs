//! Python environments from lock files, and the demo agent's files.
//!
//! The scripts beside the locks do the work (`testdata/packages/make_venv.py`, `testdata/agents/demo/set_up.py`): a
//! lock pins every package, transitive ones too, with the digests of its wheels, and nothing is built from source.
//! Here it is decided with which Python, into which folders, and whether they need to run at all.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::Outcome;
use super::stamp::Stamp;
use crate::process;
use crate::workspace::Workspace;

/// Debian's own Python: what the package python3-venv belongs to, whatever else is first in `PATH`.
pub(super) const SYSTEM_PYTHON: &str = "/usr/bin/python3";

/// One script that fills a part of `target/agents`.
struct SetUp {
    name: &'static str,
    script: &'static str,
    /// Arguments, paths from the root of the checkout.
    arguments: &'static [&'static str],
    /// What has to be there afterwards, below `target/agents`.
    makes: &'static [&'static str],
    /// Folders whose files the result depends on.
    made_from: &'static [&'static str],
}

const SET_UPS: &[SetUp] = &[
    // The demo agent, its MCP server with packages the agent does not have, and the files they open.
    SetUp {
        name: "agent",
        script: "testdata/agents/demo/set_up.py",
        arguments: &["target/agents"],
        makes: &["venv/bin/python", "tools-venv/bin/python", "state"],
        made_from: &["testdata/agents/demo", "testdata/packages"],
    },
    // QUIC as others speak it.
    SetUp {
        name: "network",
        script: "testdata/packages/make_venv.py",
        arguments: &["testdata/packages/network.lock", "target/agents/network-venv"],
        makes: &["network-venv/bin/python"],
        made_from: &["testdata/packages"],
    },
    // Programs of others' SDKs, in Python and for Node: those of every run.
    SetUp {
        name: "programs",
        script: "testdata/programs/set_up.py",
        arguments: &["normal", "target/agents/programs"],
        makes: &["programs/venv/bin/python", "programs/node/node_modules", "programs/state/tokenizer.json"],
        made_from: &["testdata/programs", "testdata/programs/node", "testdata/packages"],
    },
    // An independent reader of what we write.
    SetUp {
        name: "validators",
        script: "testdata/packages/make_venv.py",
        arguments: &["testdata/packages/validators.lock", "target/agents/validators"],
        makes: &["validators/bin/python"],
        made_from: &["testdata/packages"],
    },
];

/// Those of the long run alone: half a gigabyte.
const LONG_SET_UPS: &[SetUp] = &[SetUp {
    name: "long-programs",
    script: "testdata/programs/set_up.py",
    arguments: &["long", "target/agents/programs"],
    makes: &[
        "programs/new-venv/bin/python",
        "programs/old-venv/bin/python",
        "programs/state/iris.joblib",
        "programs/state/tiny.gguf",
    ],
    made_from: &["testdata/programs", "testdata/packages"],
}];

/// What the official libraries of each format write.
const CORPUS: &[SetUp] = &[SetUp {
    name: "corpus",
    script: "testdata/corpus/set_up.py",
    arguments: &["target/agents/corpus"],
    makes: &["corpus/files/expected.json", "corpus/stores/stores.json"],
    made_from: &["testdata/corpus", "testdata/packages"],
}];

pub(super) fn prepare(workspace: &Workspace) -> Result<Outcome> {
    set_up(workspace, SET_UPS)
}

pub(super) fn prepare_corpus(workspace: &Workspace) -> Result<Outcome> {
    Ok(super::debian::prepare_corpus()?.and(set_up(workspace, CORPUS)?))
}

pub(super) fn prepare_long(workspace: &Workspace) -> Result<Outcome> {
    set_up(workspace, LONG_SET_UPS)
}

fn set_up(workspace: &Workspace, set_ups: &[SetUp]) -> Result<Outcome> {
    let python = process::capture(workspace.command(SYSTEM_PYTHON).arg("-VV"))?;
    let (mut present, mut installed) = (Vec::new(), Vec::new());
    for set_up in set_ups {
        if run(workspace, &python, set_up)? {
            installed.push(set_up.name);
        } else {
            present.push(set_up.name);
        }
    }
    Ok(if installed.is_empty() {
        Outcome::Present(present.join(", "))
    } else {
        Outcome::Installed(installed.join(", "))
    })
}

/// Runs one script; `false` if there was nothing to do.
fn run(workspace: &Workspace, python: &str, set_up: &SetUp) -> Result<bool> {
    // The folder is part of the inputs: an environment knows its own absolute path and cannot be moved.
    let mut inputs = format!("{python}{}\n", workspace.agents().display());
    for folder in set_up.made_from {
        inputs.push_str(&texts(&workspace.root().join(folder))?);
    }
    let made = || set_up.makes.iter().find(|path| !workspace.agents().join(path).exists());
    let stamp = Stamp::new(workspace, &format!("python-{}", set_up.name), inputs);
    if stamp.is_fresh() && made().is_none() {
        return Ok(false);
    }
    stamp.clear()?;
    let mut script = workspace.command(SYSTEM_PYTHON);
    // Stdout is for the command that asked for this preparation.
    script.arg(set_up.script).args(set_up.arguments).stdout(io::stderr());
    process::run(&mut script)?;
    if let Some(missing) = made() {
        bail!("{} succeeded, but target/agents/{missing} is not there", set_up.script);
    }
    stamp.write()?;
    Ok(true)
}

/// The scripts, locks and data of one folder, each under its name, in order of names.
fn texts(folder: &Path) -> Result<String> {
    let entries = fs::read_dir(folder).with_context(|| format!("failed to list {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("failed to list {}", folder.display()))?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    let mut texts = String::new();
    for file in files {
        let bytes = fs::read(&file).with_context(|| format!("failed to read {}", file.display()))?;
        texts.push_str(&format!("--- {}\n{}\n", file.display(), String::from_utf8_lossy(&bytes)));
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_change_with_any_file_and_not_with_folders() {
        let folder = std::env::temp_dir().join(format!("aibom-texts-{}", std::process::id()));
        fs::create_dir_all(folder.join("__pycache__")).expect("temporary folder");
        fs::write(folder.join("b.lock"), "two").expect("temporary file");
        fs::write(folder.join("a.py"), "one").expect("temporary file");
        let before = texts(&folder).expect("readable");
        assert!(before.find("a.py") < before.find("b.lock"), "{before}");
        fs::write(folder.join("__pycache__/a.pyc"), "three").expect("temporary file");
        assert_eq!(texts(&folder).expect("readable"), before);
        fs::write(folder.join("a.py"), "four").expect("temporary file");
        assert_ne!(texts(&folder).expect("readable"), before);
        fs::remove_dir_all(&folder).expect("temporary folder can be removed");
    }
}
