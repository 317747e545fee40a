//! `deny.toml`: licences, bans and sources of everything we build on, through cargo-deny.
//!
//! Advisories are left out here: their database lives on the network, and a gate must not change its mind overnight.

use anyhow::Result;

use crate::process;
use crate::workspace::Workspace;

pub(super) fn check(workspace: &Workspace) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args([
        "deny",
        "--workspace",
        "--locked",
        "check",
        "--hide-inclusion-graph",
        "bans",
        "licenses",
        "sources",
    ]);
    process::run(&mut cargo)
}
