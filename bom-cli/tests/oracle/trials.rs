//! The runs, each observed by both at once.

use std::{
    ffi::{OsStr, OsString},
    fs,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use bom_core::{event::Body, input::Input};
use bom_testkit::trial::{self, Failed};

use super::{
    account::{Account, Open, add},
    inside,
    opener::AS_OPENER,
    ours, strace,
    uring::AS_URING,
};

const STRACE: &str = "strace";
/// `bom_common::record::probe::IO_URING_COMPLETE`; the number stands in documents and never changes.
const IO_URING_COMPLETE: u16 = 13;

pub(crate) fn demo_agent() -> Result<(), Failed> {
    let agents = trial::agents().canonicalize()?;
    let agent = inside::sources().canonicalize()?.join("testdata/agents/demo/agent.py");
    let command: [OsString; 4] =
        [agents.join("venv/bin/python").into(), agent.into(), "--state".into(), agents.join("state").into()];
    let both = observe("oracle-demo", &command, &agents)?;
    let counts = Account::compare(&both.strace, &both.ours)?;
    eprintln!("    {counts}");
    // The agent, its child and the double fork; a tool of the system; two providers.
    enough("opens", both.strace.opens.values().sum(), 5000)?;
    enough("images", both.strace.images.values().sum(), 3)?;
    enough("peers", both.strace.peers.values().sum(), 2)
}

pub(crate) fn difficult_opens() -> Result<(), Failed> {
    let folder = inside::folder("oracle-difficult-files")?;
    let command = [fs::read_link("/proc/self/exe")?.into(), AS_OPENER.into(), folder.clone().into()];
    let both = observe("oracle-difficult", &command, &folder)?;
    let counts = Account::compare(&both.strace, &both.ours)?;
    eprintln!("    {counts}");
    enough("opens", both.strace.opens.values().sum(), 350)?;
    enough("deleted files", both.strace.opens.keys().filter(|open| open.unlinked).count() as u64, 2)?;
    enough("images", both.strace.images.values().sum(), 4)?;
    enough("peers", both.strace.peers.values().sum(), 6)
}

pub(crate) fn io_uring_where_strace_is_blind() -> Result<(), Failed> {
    let path = secret("oracle-uring-file")?;
    let command = uring("descriptor", &path)?;
    let mut both = observe("oracle-uring", &command, &path)?;
    let is_secret = |open: &Open| open.path == path.as_os_str().as_bytes();
    if both.strace.opens.keys().any(is_secret) {
        return Err("strace sees what io_uring opens: this test shows nothing".into());
    }
    let seen: Vec<(Open, u64)> = both
        .ours
        .opens
        .iter()
        .filter(|(open, _)| is_secret(open))
        .map(|(open, count)| (open.clone(), *count))
        .collect();
    let [(open, 1)] = seen.as_slice() else { return Err(format!("aibom saw {seen:?}").into()) };
    let by: Vec<u16> = both.inputs.iter().filter_map(|input| probe_of(input, &open.path)).collect();
    if by != [IO_URING_COMPLETE] {
        return Err(format!("seen by the probes {by:?}").into());
    }
    // It is the only difference.
    add(&mut both.strace.opens, open.clone(), 1);
    let counts = Account::compare(&both.strace, &both.ours)?;
    eprintln!("    only aibom: {open:?}; then {counts}");
    Ok(())
}

/// A file that gets no descriptor cannot be named, so where its reading is not watched, what is said of files is no
/// longer complete.
pub(crate) fn direct_descriptor_is_suspected() -> Result<(), Failed> {
    let path = secret("oracle-direct-file")?;
    let suspicion = "suspected:io-uring-direct-descriptor";
    for (how, suspected) in [("descriptor", false), ("direct", true)] {
        let document = inside::folder("oracle-direct")?.join("bom.json");
        let mut aibom = Command::new(env!("CARGO_BIN_EXE_aibom"));
        aibom.args(["run", "--without-probe", "mm_filemap_get_pages"]);
        let output = aibom.arg("-o").arg(&document).arg("--").args(uring(how, &path)?).output()?;
        if !output.status.success() {
            return Err(
                format!("{how}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr)).into()
            );
        }
        let bom: serde_json::Value = serde_json::from_slice(&fs::read(&document)?)?;
        let properties = bom["metadata"]["component"]["properties"].as_array().into_iter().flatten();
        let classes: Vec<&str> = properties
            .filter(|property| property["value"] == suspicion)
            .filter_map(|property| property["name"].as_str())
            .collect();
        let expected = ["libraries", "models", "packages"].map(|class| format!("aibom:coverage:{class}:gap"));
        if classes != expected.as_slice()[..if suspected { 3 } else { 0 }] {
            return Err(format!("{how}: {suspicion} in {classes:?}").into());
        }
    }
    Ok(())
}

/// Both accounts of one run.
struct Both {
    strace: Account,
    ours: Account,
    inputs: Vec<Input>,
}

/// Runs the command in the closed world, under strace under aibom. It starts programs from `from`.
fn observe(name: &str, command: &[OsString], from: &Path) -> Result<Both, Failed> {
    let folder = inside::folder(name)?;
    let (recording, calls) = (folder.join("recording"), folder.join("strace.txt"));
    let output = inside::aibom(None)
        .args(["record", "--to"])
        .arg(&recording)
        .arg("-o")
        .arg(folder.join("bom.json"))
        .args([
            "--",
            STRACE,
            "-f",
            "-yy",
            "--seccomp-bpf",
            "-s",
            "4096",
            "-e",
            "signal=none",
            "-e",
            "quiet=attach,exit",
        ])
        .args(["-e", strace::TRACE, "-o"])
        .arg(&calls)
        .args(command)
        .output()?;
    if !output.status.success() {
        return Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)).into());
    }
    let inputs = ours::inputs(&recording)?;
    Ok(Both {
        strace: strace::account(&fs::read(&calls)?, from)?,
        ours: ours::account(&inputs, STRACE)?,
        inputs,
    })
}

/// The probe behind an open of that file.
fn probe_of(input: &Input, path: &[u8]) -> Option<u16> {
    let Input::Event(event) = input else { return None };
    let Body::Open { file, .. } = &event.body else { return None };
    (file.path.bytes() == path).then_some(event.probe)
}

fn secret(name: &str) -> Result<PathBuf, Failed> {
    let path = inside::folder(name)?.join("weights");
    fs::write(&path, "not a model")?;
    Ok(path)
}

fn uring(how: &str, path: &Path) -> Result<[OsString; 4], Failed> {
    Ok([fs::read_link("/proc/self/exe")?.into(), AS_URING.into(), OsStr::new(how).into(), path.into()])
}

/// A comparison of two empty sets shows nothing.
fn enough(what: &str, count: u64, least: u64) -> Result<(), Failed> {
    if count < least {
        Err(format!("{count} {what} to compare, at least {least} expected").into())
    } else {
        Ok(())
    }
}
