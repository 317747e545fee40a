//! What the benchmark compares with: other tracers, servers that are watched, and tools that compare documents. Nothing
//! else needs them, and a benchmark without one of them says so.

use std::fs;

use anyhow::{Result, bail};

use super::Outcome;
use super::debian;
use super::python::SYSTEM_PYTHON;
use super::stamp::Stamp;
use crate::process;
use crate::workspace::Workspace;

/// Package and program.
const PACKAGES: &[(&str, &str)] = &[
    ("bpftrace", "bpftrace"),
    ("libbpf-tools", "opensnoop"),
    ("fatrace", "fatrace"),
    ("redis-server", "redis-server"),
    ("redis-tools", "redis-benchmark"),
    ("iperf3", "iperf3"),
];

/// What compares documents, from crates.io.
const CRATE: (&str, &str) = ("sbom-tools", "0.3.0");

pub(super) fn prepare(workspace: &Workspace) -> Result<Outcome> {
    let missing: Vec<&str> = PACKAGES
        .iter()
        .filter(|(_, program)| process::find(program).is_none())
        .map(|(package, _)| *package)
        .collect();
    if !missing.is_empty() {
        debian::install(&missing)?;
    }
    let folder = workspace.root().join("target/rivals");
    let lock = workspace.root().join("testdata/packages/rivals.lock");
    let python = process::capture(workspace.command(SYSTEM_PYTHON).arg("-VV"))?;
    let inputs = format!("{python}{CRATE:?}\n{}\n{}", folder.display(), fs::read_to_string(&lock)?);
    let stamp = Stamp::new(workspace, "rivals", inputs);
    let what =
        "bpftrace, opensnoop, fatrace, redis, iperf3, sbomdiff, custom-json-diff, sbom-tools".to_owned();
    let binary = folder.join("bin").join(CRATE.0);
    if stamp.is_fresh() && binary.exists() && missing.is_empty() {
        return Ok(Outcome::Present(what));
    }
    stamp.clear()?;
    let mut script = workspace.command(SYSTEM_PYTHON);
    script.arg("testdata/packages/make_venv.py").arg(&lock).arg(folder.join("venv"));
    process::run(script.stdout(std::io::stderr()))?;
    let build = folder.join("build");
    let mut cargo = workspace.cargo();
    cargo.args(["install", CRATE.0, "--locked", "--force", "--version", &format!("={}", CRATE.1)]);
    cargo.arg("--root").arg(&folder).env("CARGO_TARGET_DIR", &build).env("CARGO_PROFILE_RELEASE_DEBUG", "0");
    process::run(&mut cargo)?;
    if !binary.exists() {
        bail!("cargo install succeeded, but {} is not there", binary.display());
    }
    stamp.write()?;
    // Failing to tidy up is no failure to prepare.
    let _ = fs::remove_dir_all(&build);
    Ok(Outcome::Installed(what))
}
