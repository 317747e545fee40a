//! rustfmt and clippy, for this machine and for the eBPF target.

use anyhow::Result;

use crate::process;
use crate::workspace::Workspace;

pub(super) fn format(workspace: &Workspace) -> Result<()> {
    let own = process::run(workspace.cargo().args(["fmt", "--all", "--check"]));
    // The fuzz workspace stands apart, because it builds with other flags.
    let fuzz = "fuzz/Cargo.toml";
    if workspace.root().join(fuzz).exists() {
        process::run(workspace.cargo().args(["fmt", "--manifest-path", fuzz, "--check"]))?;
    }
    own
}

pub(super) fn clippy(workspace: &Workspace) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args(["clippy", "--workspace", "--exclude", "bom-ebpf", "--all-targets", "--", "-D", "warnings"]);
    process::run(&mut cargo)
}

/// The command for a CI that only compares documents: without `observe`, hence without eBPF and privilege.
pub(super) fn clippy_plain(workspace: &Workspace) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args(["clippy", "--package", "bom-cli", "--no-default-features", "--", "-D", "warnings"]);
    process::run(&mut cargo)
}

/// The eBPF crate builds for its own target only, with `core` from source: no precompiled one exists.
pub(super) fn clippy_bpf(workspace: &Workspace) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo
        .args(["clippy", "--package", "bom-ebpf", "--target", "bpfel-unknown-none", "-Z", "build-std=core"])
        .args(["--", "-D", "warnings"])
        .env("RUSTC_BOOTSTRAP", "1");
    process::run(&mut cargo)
}
