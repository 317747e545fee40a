//! cargo-deny, which reads `deny.toml`. Only `check` needs it, and it is the longest build of all, so it is made in
//! the debug profile: it runs for a second over our graph either way.

use std::fs;

use anyhow::{Result, bail};

use super::Outcome;
use super::rust::Rustc;
use super::stamp::Stamp;
use crate::process;
use crate::workspace::Workspace;

const VERSION: &str = "0.20.2";

pub(super) fn prepare(workspace: &Workspace) -> Result<Outcome> {
    let what = format!("cargo-deny {VERSION}");
    let tools = workspace.tools();
    let binary = tools.join("bin/cargo-deny");
    let stamp = Stamp::new(workspace, "cargo-deny", format!("{what}\n{}\n", Rustc::ask(workspace)?.host));
    if stamp.is_fresh() && binary.exists() {
        return Ok(Outcome::Present(what));
    }
    stamp.clear()?;
    let build = tools.join("build/cargo-deny");
    let mut cargo = workspace.cargo();
    cargo
        .args([
            "install",
            "cargo-deny",
            "--locked",
            "--force",
            "--debug",
            "--version",
            &format!("={VERSION}"),
        ])
        .arg("--root")
        .arg(&tools)
        .env("CARGO_TARGET_DIR", &build)
        // Nobody will debug it, and without symbols it builds in a fraction of the time and space.
        .env("CARGO_PROFILE_DEV_DEBUG", "false");
    process::run(&mut cargo)?;
    let version = process::capture(workspace.command(&binary).arg("--version"))?;
    if !version.contains(VERSION) {
        bail!("{} says it is `{}`, not {VERSION}", binary.display(), version.trim_end());
    }
    stamp.write()?;
    // Failing to tidy up is no failure to prepare.
    let _ = fs::remove_dir_all(&build);
    Ok(Outcome::Installed(what))
}
