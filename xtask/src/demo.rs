//! `cargo xtask demo`: a real agent, real SDKs, a closed world, one AI-BOM.
//!
//! `aibom-world` answers for the provider's names inside a network namespace of its own, so nothing leaves the machine
//! and no key is needed; `aibom run` watches the agent from its first instruction to its last.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::prepare;
use crate::process;
use crate::step;
use crate::workspace::{Workspace, is_root};

/// Where the document goes, from the root of the checkout.
const BOM: &str = "target/demo/agent.cdx.json";

/// `cargo xtask demo`.
pub(crate) fn command(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    if !arguments.is_empty() {
        bail!("usage: cargo xtask demo");
    }
    if !is_root() {
        bail!("the demo loads eBPF programs and makes a network namespace: run it as root");
    }
    prepare::ensure(workspace, prepare::BUILD_AND_RUN)?;
    step::run("build aibom and its world", "cargo xtask demo", || {
        process::run(workspace.cargo().args([
            "build",
            "--release",
            "--package",
            "bom-cli",
            "--bin",
            "aibom",
        ]))?;
        process::run(workspace.cargo().args([
            "build",
            "--release",
            "--package",
            "bom-testkit",
            "--bin",
            "aibom-world",
        ]))
    })?;
    step::run("observe the agent", "cargo xtask demo", || observe(workspace))?;
    println!("the agent's AI-BOM: {BOM}");
    Ok(())
}

fn observe(workspace: &Workspace) -> Result<()> {
    let bom = workspace.root().join(BOM);
    if let Some(folder) = bom.parent() {
        fs::create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
    }
    // An old document must not pass for a new one.
    if bom.exists() {
        fs::remove_file(&bom).with_context(|| format!("failed to remove {}", bom.display()))?;
    }
    let release = workspace.target().join("release");
    let mut world = workspace.command(release.join("aibom-world"));
    world.arg("--").arg(release.join("aibom")).args(["run", "-o", BOM, "--"]);
    world.arg(workspace.agents().join("venv/bin/python"));
    world.arg("testdata/agents/demo/agent.py").arg("--state").arg(workspace.agents().join("state"));
    process::run(&mut world)?;
    if !bom.exists() {
        bail!("the run succeeded, but {BOM} is not there");
    }
    Ok(())
}
