//! `cargo xtask bench`: cost and losses of the release build.
//!
//! What is measured, and how, is in the binary `aibom-bench` of bom-testkit; here it is only built and started, so that
//! a benchmark never measures a debug build by mistake.

use anyhow::Result;

use crate::prepare;
use crate::process;
use crate::step;
use crate::workspace::Workspace;

/// `cargo xtask bench [ARGS]`; the arguments are the binary's.
pub(crate) fn command(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    prepare::ensure(workspace, prepare::BUILD_AND_RUN)?;
    step::run("bench", "cargo xtask bench", || {
        process::run(workspace.cargo().args([
            "build",
            "--release",
            "--package",
            "bom-cli",
            "--bin",
            "aibom",
        ]))?;
        let mut cargo = workspace.cargo();
        cargo
            .args(["run", "--release", "--package", "bom-testkit", "--bin", "aibom-bench", "--"])
            .args(arguments);
        process::run(cargo.env("AIBOM_TEST_AGENTS", workspace.agents()))
    })
}
