//! `cargo xtask ci`: what the gate runs, in the order in which a failure is cheapest to learn.

use anyhow::{Result, bail};

use crate::check;
use crate::fuzz;
use crate::sbom;
use crate::test;
use crate::workspace::Workspace;

/// Long enough to replay the corpus and to leave it; a real campaign is `cargo xtask fuzz TARGET --seconds N`.
const FUZZ_SECONDS: u32 = 10;

/// `cargo xtask ci`.
pub(crate) fn command(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    if !arguments.is_empty() {
        bail!("usage: cargo xtask ci");
    }
    check::command(workspace, &[])?;
    let totals = test::run(workspace, &[])?;
    fuzz::every(workspace, FUZZ_SECONDS)?;
    sbom::command(workspace, &[])?;
    // Once more, because what came after has scrolled it away.
    println!("{totals}");
    Ok(())
}
