//! Parts of the Rust toolchain that `rust-toolchain.toml` alone does not bring: the standard library's source, from
//! which `core` is built for the eBPF target, and the musl target of this machine for static test programs.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::Outcome;
use crate::process;
use crate::workspace::Workspace;

/// What `rustc -vV` says about itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rustc {
    /// The whole text; a change of any line means another compiler.
    pub(super) verbose: String,
    /// The target triple of this machine, `x86_64-unknown-linux-gnu`.
    pub(super) host: String,
    /// The major version of the LLVM inside.
    pub(super) llvm_major: u32,
}

impl Rustc {
    /// Asks the compiler.
    pub(super) fn ask(workspace: &Workspace) -> Result<Self> {
        Self::parse(process::capture(workspace.command("rustc").arg("-vV"))?)
    }

    fn parse(verbose: String) -> Result<Self> {
        let field = |name: &str| {
            verbose
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                .with_context(|| format!("`rustc -vV` has no line `{name}`"))
        };
        let host = field("host")?.to_owned();
        let llvm = field("LLVM version")?;
        let llvm_major = llvm
            .split('.')
            .next()
            .and_then(|major| major.parse().ok())
            .with_context(|| format!("`rustc -vV` has no LLVM version but `{llvm}`"))?;
        Ok(Self { verbose, host, llvm_major })
    }
}

/// The toolchain's own folder.
pub(super) fn sysroot(workspace: &Workspace) -> Result<PathBuf> {
    let printed = process::capture(workspace.command("rustc").args(["--print", "sysroot"]))?;
    Ok(PathBuf::from(printed.trim_end()))
}

pub(super) fn prepare(workspace: &Workspace) -> Result<Outcome> {
    let rustc = Rustc::ask(workspace)?;
    let sysroot = sysroot(workspace)?;
    let musl = rustc.host.replace("-gnu", "-musl");
    let wanted = [
        Wanted::component("rust-src", sysroot.join("lib/rustlib/src/rust/library/core/Cargo.toml")),
        Wanted::component("rustfmt", sysroot.join("bin/cargo-fmt")),
        Wanted::component("clippy", sysroot.join("bin/cargo-clippy")),
        Wanted::target(&musl, &sysroot),
    ];
    all(workspace, &wanted)
}

pub(super) fn prepare_arm64(workspace: &Workspace) -> Result<Outcome> {
    all(workspace, &[Wanted::target("aarch64-unknown-linux-musl", &sysroot(workspace)?)])
}

fn all(workspace: &Workspace, wanted: &[Wanted]) -> Result<Outcome> {
    let missing: Vec<&Wanted> = wanted.iter().filter(|wanted| !wanted.proof.exists()).collect();
    let names = |wanted: &[&Wanted]| wanted.iter().map(|w| w.name.as_str()).collect::<Vec<_>>().join(", ");
    if missing.is_empty() {
        return Ok(Outcome::Present(names(&wanted.iter().collect::<Vec<_>>())));
    }
    if process::find("rustup").is_none() {
        bail!("the toolchain lacks {} and there is no rustup to add them", names(&missing));
    }
    for wanted in &missing {
        // rustup works on the toolchain that runs us: its proxy has put the name into RUSTUP_TOOLCHAIN.
        process::run(workspace.command("rustup").args([wanted.kind, "add", &wanted.name]))?;
        ensure_there(&wanted.proof)?;
    }
    Ok(Outcome::Installed(names(&missing)))
}

/// One rustup item and a file or folder that exists if and only if it is installed. Looking costs nothing; asking
/// rustup would start it on every run.
#[derive(Debug)]
struct Wanted {
    kind: &'static str,
    name: String,
    proof: PathBuf,
}

impl Wanted {
    fn component(name: &str, proof: PathBuf) -> Self {
        Self { kind: "component", name: name.to_owned(), proof }
    }

    fn target(name: &str, sysroot: &Path) -> Self {
        Self {
            kind: "target",
            name: name.to_owned(),
            proof: sysroot.join("lib/rustlib").join(name).join("lib"),
        }
    }
}

fn ensure_there(proof: &Path) -> Result<()> {
    if proof.exists() {
        return Ok(());
    }
    bail!("rustup reported success, but {} is not there", proof.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_rustc_says() {
        let verbose = "rustc 1.95.0 (59807616e 2026-04-14)\nbinary: rustc\nhost: aarch64-unknown-linux-gnu\n\
                       release: 1.95.0\nLLVM version: 22.1.2\n";
        let rustc = Rustc::parse(verbose.to_owned()).expect("a complete answer");
        assert_eq!((rustc.host.as_str(), rustc.llvm_major), ("aarch64-unknown-linux-gnu", 22));
    }

    #[test]
    fn says_what_rustc_did_not_say() {
        for (name, verbose, expected) in [
            ("no_host", "LLVM version: 22.1.2\n", "no line `host`"),
            ("no_llvm", "host: x\n", "no line `LLVM version`"),
            ("llvm_without_number", "host: x\nLLVM version: next\n", "`next`"),
        ] {
            let error = Rustc::parse(verbose.to_owned()).expect_err(name);
            assert!(error.to_string().contains(expected), "{name}: {error}");
        }
    }
}
