//! Proof that `bom-core/clippy.toml` keeps I/O, clocks, tasks and randomness out.
//!
//! A lint list with a typing error forbids nothing and looks just as good. So a crate full of violations, one a line,
//! is written below `target/` beside a copy of the list, and clippy has to refuse every line of it, and no other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::verdict;
use super::violations::VIOLATIONS;
use crate::metadata;
use crate::process;
use crate::workspace::Workspace;

/// Crates that are pure. The first one's list is the law; another one's has to say the same.
const LAW: &str = "bom-core/clippy.toml";

/// What a pure function may look like; clippy must say nothing about it.
const INNOCENT: &str =
    "pub fn innocent(a: &[u8]) -> usize { std::collections::BTreeSet::from_iter(a).len() }";

pub(super) fn check(workspace: &Workspace) -> Result<()> {
    let law = workspace.root().join(LAW);
    let law = fs::read_to_string(&law).with_context(|| format!("failed to read {}", law.display()))?;
    let mut findings = unproved(&forbidden(&law));
    let folder = workspace.target().join("purity-proof");
    write_crate(&folder, &law)?;
    findings.extend(unreported(&clippy(workspace, &folder)?));
    verdict(&findings)
}

/// The paths a clippy.toml forbids. A path marked `allow-invalid` belongs to a dependency which the proof lacks.
fn forbidden(law: &str) -> BTreeSet<&str> {
    law.lines()
        .filter(|line| !line.contains("allow-invalid"))
        .filter_map(|line| line.split_once("path = \"")?.1.split_once('"'))
        .map(|(path, _)| path)
        .collect()
}

/// Differences between the list and our violations: each must have the other.
fn unproved(forbidden: &BTreeSet<&str>) -> Vec<String> {
    let proved: BTreeSet<&str> = VIOLATIONS.iter().map(|(path, _)| *path).collect();
    let without_proof =
        forbidden.difference(&proved).map(|path| format!("{LAW}: {path} has no violation to prove it"));
    let without_law =
        proved.difference(forbidden).map(|path| format!("{LAW}: {path} is not forbidden any more"));
    without_proof.chain(without_law).collect()
}

fn write_crate(folder: &Path, law: &str) -> Result<()> {
    let manifest =
        "[package]\nname = \"purity-proof\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n";
    for (name, text) in [("Cargo.toml", manifest), ("clippy.toml", law), ("src/lib.rs", &source())] {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap_or(folder))
            .with_context(|| format!("failed to create {}", folder.display()))?;
        fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))?;
    }
    Ok(())
}

/// Line 1 allows what is beside the point, line 2 is innocent, then one violation a line.
fn source() -> String {
    let mut source = format!("#![allow(unused, clippy::style)]#![warn({})]\n{INNOCENT}\n", LINTS.join(","));
    for (number, (_, snippet)) in VIOLATIONS.iter().enumerate() {
        source.push_str(&format!("pub fn violation_{number}() {{ {snippet} }}\n"));
    }
    source
}

const LINTS: [&str; 3] =
    ["clippy::disallowed_methods", "clippy::disallowed_types", "clippy::disallowed_macros"];

/// Line → what clippy says about it, for our lints and for errors of the compiler.
fn clippy(workspace: &Workspace, folder: &Path) -> Result<BTreeMap<u64, String>> {
    let mut cargo = workspace.cargo();
    // A finding is not cached by cargo if its file is touched, and write_crate has just done so.
    cargo.args(["clippy", "--quiet", "--offline", "--message-format=json", "--manifest-path"]);
    cargo.arg(folder.join("Cargo.toml")).arg("--target-dir").arg(folder.join("target"));
    cargo.args(["--", "-D", "warnings"]);
    let output = process::output(&mut cargo)?;
    if output.status.success() {
        bail!("`{}` found nothing to refuse", process::line(&cargo));
    }
    let mut said: BTreeMap<u64, String> = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let Ok(value) = serde_json::from_str::<Value>(line) else { continue };
        let message = &value["message"];
        let code = message["code"]["code"].as_str().unwrap_or_default();
        let level = metadata::text(message, "level");
        if level != "error" {
            continue;
        }
        for span in metadata::list(message, "spans") {
            let line = span["line_start"].as_u64().unwrap_or_default();
            if LINTS.contains(&code) {
                said.entry(line).or_default().push_str(metadata::text(message, "message"));
            } else {
                bail!("the proof does not compile: line {line}: {}", metadata::text(message, "message"));
            }
        }
    }
    if said.is_empty() {
        bail!("clippy did not run: {}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(said)
}

fn unreported(said: &BTreeMap<u64, String>) -> Vec<String> {
    let mut findings = Vec::new();
    if let Some(message) = said.get(&2) {
        findings.push(format!("clippy refuses an innocent function: {message}"));
    }
    for (line, (path, snippet)) in (3..).zip(VIOLATIONS) {
        // Clippy names the path where the item is defined: `std::…` may appear under another module of std.
        let last = path.rsplit("::").next().unwrap_or(path);
        if !said.get(&line).is_some_and(|message| message.contains(last)) {
            findings.push(format!("{LAW}: {path} is listed, but clippy lets `{snippet}` pass"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_list() {
        let law = "# path in a comment\ndisallowed-methods = [\n    { path = \"std::fs::read\", reason = \"r\" },\n    \
                   { path = \"other::now\", reason = \"r\", allow-invalid = true },\n]\n";
        assert_eq!(forbidden(law), BTreeSet::from(["std::fs::read"]));
    }

    #[test]
    fn list_and_violations_are_held_together() {
        let all: BTreeSet<&str> = VIOLATIONS.iter().map(|(path, _)| *path).collect();
        assert_eq!(unproved(&all), [] as [&str; 0]);
        let mut more = all.clone();
        more.insert("std::fs::new_one");
        assert_eq!(unproved(&more), [format!("{LAW}: std::fs::new_one has no violation to prove it")]);
        let mut fewer = all;
        fewer.remove("std::fs::read");
        assert_eq!(unproved(&fewer), [format!("{LAW}: std::fs::read is not forbidden any more")]);
    }

    #[test]
    fn silence_about_a_violation_is_a_finding() {
        let mut said: BTreeMap<u64, String> =
            (3..).zip(VIOLATIONS).map(|(line, (path, _))| (line, format!("use of `{path}`"))).collect();
        assert_eq!(unreported(&said), [] as [&str; 0]);
        said.remove(&3);
        assert_eq!(unreported(&said).len(), 1);
        said.insert(2, "use of `BTreeSet`".into());
        assert!(unreported(&said).iter().any(|finding| finding.contains("innocent")));
    }
}
