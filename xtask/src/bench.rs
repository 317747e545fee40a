//! `cargo xtask bench`: cost and losses of the release build.
//!
//! What is measured, and how, is in the binary `aibom-bench` of bom-testkit; here it is only built and started, so that
//! a benchmark never measures a debug build by mistake.

use anyhow::{Result, bail};

use crate::prepare;
use crate::process;
use crate::step;
use crate::workspace::{Workspace, is_root};

/// What the benchmark writes, from the root of the checkout.
const PAGE: &str = "docs/benchmarks.md";

/// `cargo xtask bench [PAIRS [REPETITIONS]]`: pairs of demo agent runs, repetitions of everything else.
pub(crate) fn command(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    if arguments.len() > 2 || arguments.iter().any(|argument| argument.parse::<u16>().is_err()) {
        bail!("usage: cargo xtask bench [PAIRS [REPETITIONS]]");
    }
    if !is_root() {
        bail!("the benchmark loads eBPF programs and makes a network namespace: run it as root");
    }
    prepare::ensure(workspace, prepare::BUILD_AND_RUN)?;
    step::run("build aibom and its benchmark", "cargo xtask bench", || {
        for (package, binary) in [("bom-cli", "aibom"), ("bom-testkit", "aibom-bench")] {
            let mut cargo = workspace.cargo();
            process::run(cargo.args(["build", "--release", "--package", package, "--bin", binary]))?;
        }
        Ok(())
    })?;
    step::run("measure", "cargo xtask bench", || {
        let mut bench = workspace.command(workspace.target().join("release/aibom-bench"));
        bench.args(["all", PAGE]).args(arguments).env("AIBOM_TEST_AGENTS", workspace.agents());
        process::run(&mut bench)
    })?;
    println!("the figures: {PAGE}");
    Ok(())
}
