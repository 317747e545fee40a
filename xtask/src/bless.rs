//! `cargo xtask bless`: let the golden tests write what they would otherwise compare with.
//!
//! A golden test has `golden` in its name and writes its file if `AIBOM_BLESS=1` is set. What changed is shown, because
//! a golden that nobody has read proves nothing.

use anyhow::{Result, bail};

use crate::prepare;
use crate::process;
use crate::step;
use crate::test;
use crate::workspace::Workspace;

/// `cargo xtask bless [FILTER]`.
pub(crate) fn command(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let filter = match arguments {
        [] => "golden",
        [filter] if !filter.starts_with('-') => filter,
        _ => bail!("usage: cargo xtask bless [FILTER]"),
    };
    prepare::ensure(workspace, prepare::BUILD_AND_RUN)?;
    step::run("bless", &format!("cargo xtask bless {filter}"), || {
        test::with_variable(workspace, filter, "AIBOM_BLESS", "1")
    })?;
    eprintln!("    changed files; read the diff before you commit it:");
    process::run(workspace.command("git").args(["--no-pager", "diff", "--stat"]))
}
