//! What runs inside: the real `aibom` and its first process, both static, and the programs of the bypass suite.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::processor::Processor;
use super::{cpio, fetch, programs};
use crate::elf;
use crate::process;
use crate::workspace::Workspace;

const PROFILE: &str = "guest";

/// Builds everything and writes the initramfs; gives its place.
pub(super) fn initramfs(workspace: &Workspace, processor: Processor) -> Result<PathBuf> {
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--profile", PROFILE, "--target", processor.target()]);
    cargo.envs(processor.linker());
    cargo.args(["--package", "bom-cli", "--bin", "aibom", "--package", "bom-vm", "--bin", "bom-vm"]);
    process::run(&mut cargo)?;
    let built = workspace.target().join(processor.target()).join(PROFILE);
    let mut programs = vec![
        ("init".to_owned(), elf::must_be_static(&built.join("bom-vm"))?),
        ("bin/aibom".to_owned(), elf::must_be_static(&built.join("aibom"))?),
    ];
    programs.extend(programs::all(workspace, processor)?);
    programs.sort();
    let folder = fetch::folder(workspace);
    fs::create_dir_all(&folder).with_context(|| format!("failed to create {}", folder.display()))?;
    let place = folder.join(format!("initramfs-{processor}"));
    fs::write(&place, cpio::archive(&programs)?)
        .with_context(|| format!("failed to write {}", place.display()))?;
    Ok(place)
}
