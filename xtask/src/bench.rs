//! `cargo xtask bench`: cost and losses of the release build.
//!
//! What is measured, and how, is in the binary `aibom-bench` of bom-testkit; here it is only built and started, so that
//! a benchmark never measures a debug build by mistake.

use anyhow::{Result, bail};

use crate::dist;
use crate::prepare;
use crate::process;
use crate::step;
use crate::workspace::{Workspace, is_root};

/// What the benchmark writes, from the root of the checkout.
const PAGE: &str = "docs/benchmarks.md";

/// What is built: package and binary.
const BINARIES: &[(&str, &str)] =
    &[("bom-cli", "aibom"), ("bom-agent", "aibom-agent"), ("bom-testkit", "aibom-bench")];

const USAGE: &str = "usage: cargo xtask bench [--only SECTION,…] [PAIRS [REPETITIONS]]";

/// `cargo xtask bench [--only SECTION,…] [PAIRS [REPETITIONS]]`: pairs of demo agent runs, repetitions of everything else.
pub(crate) fn command(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let (only, counts) = match arguments {
        [flag, section, counts @ ..] if flag == "--only" => (Some(section), counts),
        counts => (None, counts),
    };
    if counts.len() > 2 || counts.iter().any(|count| count.parse::<u16>().is_err()) {
        bail!(USAGE);
    }
    if !is_root() {
        bail!("the benchmark loads eBPF programs and makes a network namespace: run it as root");
    }
    prepare::ensure(workspace, prepare::COMPARED)?;
    step::run("build aibom and its benchmark", "cargo xtask bench", || {
        for (package, binary) in BINARIES {
            let mut cargo = workspace.cargo();
            process::run(cargo.args(["build", "--release", "--package", package, "--bin", binary]))?;
        }
        // What CI systems use compares documents beside it.
        dist::release(workspace).map(drop)
    })?;
    step::run("measure", "cargo xtask bench", || {
        let mut bench = workspace.command(workspace.target().join("release/aibom-bench"));
        let words = only.map_or(["all", PAGE], |section| ["only", section.as_str()]);
        bench.args(words).args(counts).env("AIBOM_TEST_AGENTS", workspace.agents());
        process::run(&mut bench)
    })?;
    if only.is_none() {
        println!("the figures: {PAGE}");
    }
    Ok(())
}
