//! `cargo xtask manifests`: the manifests of others that tests read are what their packages bring.
//!
//! They are kept in testdata/manifests, so that tests need no network. This fetches the packages again and compares.

use anyhow::{Result, bail};

use crate::process;
use crate::workspace::Workspace;

/// `cargo xtask manifests`.
pub(crate) fn command(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    if !arguments.is_empty() {
        bail!("usage: cargo xtask manifests");
    }
    for program in ["python3", "npm"] {
        if process::find(program).is_none() {
            bail!("there is no {program} to fetch the packages with");
        }
    }
    let downloads = workspace.root().join("target/manifests");
    let mut python = workspace.command("python3");
    process::run(python.arg("testdata/manifests/fetch.py").arg(downloads))
}
