//! bpf-linker, built against the toolchain's own LLVM.
//!
//! rustc hands LLVM bitcode to the linker, and LLVM reads bitcode of its own version or older only. So the linker has
//! to use the very LLVM that rustc has. A Rust toolchain ships it as a shared library under a versioned name
//! (`lib/libLLVM.so.22.1-rust-1.95.0-stable`); a folder with a link under the plain name is all the `llvm-sys` crate
//! needs. The result lies at `target/tools/bin/bpf-linker`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::Outcome;
use super::rust::{Rustc, sysroot};
use super::stamp::Stamp;
use crate::process;
use crate::workspace::Workspace;

const VERSION: &str = "0.13.0";

pub(super) fn prepare(workspace: &Workspace) -> Result<Outcome> {
    let rustc = Rustc::ask(workspace)?;
    let sysroot = sysroot(workspace)?;
    let library = llvm_library(&sysroot.join("lib"))?;
    let feature = format!("llvm-{}", rustc.llvm_major);
    let what = format!("bpf-linker {VERSION} ({feature})");

    let tools = workspace.tools();
    let binary = tools.join("bin/bpf-linker");
    let inputs = format!("{what}\n{}\n{}", library.display(), rustc.verbose);
    let stamp = Stamp::new(workspace, "bpf-linker", inputs);
    if stamp.is_fresh() && binary.exists() {
        return Ok(Outcome::Present(what));
    }
    stamp.clear()?;

    let prefix = tools.join("llvm");
    link_library(&library, &prefix.join("lib"))?;
    let build = tools.join("build/bpf-linker");
    let mut cargo = workspace.cargo();
    cargo
        .args(["install", "bpf-linker", "--locked", "--force", "--no-default-features"])
        .args(["--version", &format!("={VERSION}"), "--features", &feature])
        .arg("--root")
        .arg(&tools)
        .env("LLVM_PREFIX", &prefix)
        .env("LIBRARY_PATH", prefix.join("lib"))
        .env("RUSTFLAGS", rust_flags(&prefix.join("lib"), &sysroot.join("lib")))
        .env("CARGO_TARGET_DIR", &build);
    // These two would override or redirect what is set above.
    cargo.env_remove("CARGO_ENCODED_RUSTFLAGS").env_remove("CARGO_BUILD_TARGET");
    process::run(&mut cargo)?;

    // It starts only if the dynamic loader finds the toolchain's library.
    let version = process::capture(workspace.command(&binary).arg("--version"))?;
    if !version.contains(VERSION) {
        bail!("{} says it is `{}`, not {VERSION}", binary.display(), version.trim_end());
    }
    stamp.write()?;
    // Some 200 MB that nothing needs again; failing to tidy up is no failure to prepare.
    let _ = fs::remove_dir_all(&build);
    Ok(Outcome::Installed(what))
}

/// The toolchain's LLVM: the one file whose name begins with `libLLVM.so.`.
fn llvm_library(folder: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(folder).with_context(|| format!("failed to list {}", folder.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("failed to list {}", folder.display()))?;
        if entry.file_name().to_string_lossy().starts_with("libLLVM.so.") {
            found.push(entry.path());
        }
    }
    match found.as_slice() {
        [library] => Ok(library.clone()),
        [] => bail!(
            "{} has no libLLVM.so.*: this toolchain carries LLVM inside rustc; use one installed by rustup",
            folder.display()
        ),
        several => bail!("{} has {} files libLLVM.so.*, expected one", folder.display(), several.len()),
    }
}

fn link_library(library: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
    let link = folder.join("libLLVM.so");
    if fs::read_link(&link).is_ok_and(|to| to == library) {
        return Ok(());
    }
    if link.symlink_metadata().is_ok() {
        fs::remove_file(&link).with_context(|| format!("failed to remove {}", link.display()))?;
    }
    std::os::unix::fs::symlink(library, &link).with_context(|| format!("failed to link {}", link.display()))
}

/// Finds the library when linking, and again when the linker starts.
fn rust_flags(link_folder: &Path, run_folder: &Path) -> String {
    format!("-L {} -C link-arg=-Wl,-rpath,{}", link_folder.display(), run_folder.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_exactly_one_llvm() {
        let folder = std::env::temp_dir().join(format!("aibom-llvm-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("temporary folder");
        assert!(llvm_library(&folder).is_err_and(|error| error.to_string().contains("no libLLVM")));
        let library = folder.join("libLLVM.so.22.1-rust-1.95.0-stable");
        // Beside it lies a linker script under another name, which must not count.
        fs::write(folder.join("libLLVM-22-rust-1.95.0-stable.so"), "INPUT(x)").expect("temporary file");
        fs::write(&library, "").expect("temporary file");
        assert_eq!(llvm_library(&folder).expect("one library"), library);
        fs::write(folder.join("libLLVM.so.23.0-rust-1.99.0"), "").expect("temporary file");
        assert!(llvm_library(&folder).is_err_and(|error| error.to_string().contains("2 files")));
        fs::remove_dir_all(&folder).expect("temporary folder can be removed");
    }

    #[test]
    fn link_follows_the_toolchain() {
        let folder = std::env::temp_dir().join(format!("aibom-link-{}", std::process::id()));
        let link = folder.join("libLLVM.so");
        for target in ["/toolchains/one", "/toolchains/one", "/toolchains/two"] {
            link_library(Path::new(target), &folder).expect("link can be made");
            assert_eq!(fs::read_link(&link).expect("it is a link"), Path::new(target));
        }
        fs::remove_dir_all(&folder).expect("temporary folder can be removed");
    }
}
