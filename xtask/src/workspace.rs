//! Where things are, and how a child `cargo` is started.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// The checkout and the folders below it that xtask fills.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// Finds the checkout from the manifest cargo runs us for, so the current folder does not matter.
    pub(crate) fn find() -> Result<Self> {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest.parent().context("xtask has no parent folder")?.to_path_buf();
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => root.join(folder),
            None => root.join("target"),
        };
        Ok(Self { root, target })
    }

    /// The checkout.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where cargo puts builds; `CARGO_TARGET_DIR` is honoured.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Tools built once: bpf-linker, cargo-deny, and the stamps that say for what. Always inside the checkout, so that
    /// a build script finds them without being told.
    pub(crate) fn tools(&self) -> PathBuf {
        self.root.join("target/tools")
    }

    /// Python environments and the demo agent's files.
    pub(crate) fn agents(&self) -> PathBuf {
        self.root.join("target/agents")
    }

    /// `cargo` of the toolchain that runs us, at the root of the checkout, with our tools first in `PATH`.
    pub(crate) fn cargo(&self) -> Command {
        let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        self.command(program)
    }

    /// Any program, at the root of the checkout, in the environment xtask itself was started in.
    ///
    /// `cargo run` adds variables about *xtask's* package and its library path. Build scripts watch some of them, so
    /// handing them on would rebuild crates that a plain `cargo build` has just built.
    pub(crate) fn command(&self, program: impl Into<OsString>) -> Command {
        let mut command = Command::new(program.into());
        command.current_dir(&self.root);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if ["CARGO_MANIFEST_", "CARGO_PKG_"].iter().any(|prefix| text.starts_with(prefix))
                || ["CARGO_BIN_NAME", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE"].contains(&&*text)
            {
                command.env_remove(&name);
            }
        }
        let mut path = OsString::from(self.tools().join("bin"));
        if let Some(inherited) = std::env::var_os("PATH") {
            path.push(":");
            path.push(inherited);
        }
        command.env("PATH", path);
        if let Some(inherited) = std::env::var_os("LD_LIBRARY_PATH") {
            let kept: Vec<PathBuf> = std::env::split_paths(&inherited)
                .filter(|folder| !folder.starts_with(&self.target) && !is_toolchain(folder))
                .collect();
            match std::env::join_paths(&kept) {
                Ok(joined) if !kept.is_empty() => command.env("LD_LIBRARY_PATH", joined),
                _ => command.env_remove("LD_LIBRARY_PATH"),
            };
        }
        command
    }
}

/// Whether a library folder belongs to a rustup toolchain: `…/toolchains/NAME/lib…`.
fn is_toolchain(folder: &Path) -> bool {
    folder.components().any(|part| part.as_os_str() == "toolchains")
}

/// Whether we act as root: the owner of our own `/proc/self`.
pub(crate) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

/// Whether this run is a CI run, where a missing capability is a failure and not an excuse.
pub(crate) fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true" || value == "1")
}
