//! Builds the eBPF object and leaves it where `probes` embeds it.
//!
//! `bom-ebpf` is compiled for `bpfel-unknown-none` with the toolchain in use: `core` is built from
//! the rust-src component, which needs the unstable `-Z build-std`, hence RUSTC_BOOTSTRAP for that
//! one inner build. Debug information is what BTF is made from.

use std::{env, path::PathBuf, process::Command};

/// Where `cargo xtask prepare` puts the linker, below the workspace root.
const LINKER: &str = "target/tools/bin/bpf-linker";
const INSTALL: &str = "install it with: cargo xtask prepare";

fn main() {
    println!("cargo::rerun-if-changed=../bom-ebpf/src");
    println!("cargo::rerun-if-changed=../bom-ebpf/Cargo.toml");
    println!("cargo::rerun-if-changed=../bom-common/src");
    println!("cargo::rerun-if-env-changed=AIBOM_BPF_LINKER");
    if env::var_os("CARGO_FEATURE_PROBES").is_none() {
        return;
    }
    match build() {
        Ok(object) => println!("cargo::rustc-env=AIBOM_EBPF_OBJECT={}", object.display()),
        Err(message) => println!("cargo::error={message}"),
    }
}

fn build() -> Result<PathBuf, String> {
    let manifest = PathBuf::from(var("CARGO_MANIFEST_DIR")?);
    let root = manifest.parent().ok_or("bom-agent has no parent directory")?.to_path_buf();
    let out = PathBuf::from(var("OUT_DIR")?);
    let linker = env::var_os("AIBOM_BPF_LINKER").map_or_else(|| root.join(LINKER), PathBuf::from);
    println!("cargo::rerun-if-changed={}", linker.display());
    if !linker.is_file() {
        return Err(format!(
            "the eBPF programs need bpf-linker, and {} is missing; {INSTALL}",
            linker.display()
        ));
    }
    let target = out.join("bpf");
    let flags = ["-Cdebuginfo=2", "-Clink-arg=--btf", &format!("-Clinker={}", linker.display())].join("\x1f");
    let status = Command::new(var("CARGO")?)
        .current_dir(&root)
        .args(["build", "--package", "bom-ebpf", "--release", "--target", "bpfel-unknown-none"])
        .args(["-Z", "build-std=core", "--locked", "--target-dir"])
        .arg(&target)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", flags)
        // The outer build's wrapper (clippy) and settings are not for the inner one.
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTFLAGS")
        .env_remove("RUSTC")
        .env_remove("CARGO_BUILD_TARGET")
        .status()
        .map_err(|error| format!("start cargo for bom-ebpf: {error}"))?;
    if !status.success() {
        return Err(format!(
            "bom-ebpf did not build (its messages stand above); if rust-src is missing, {INSTALL}"
        ));
    }
    Ok(target.join("bpfel-unknown-none/release/bom-ebpf"))
}

fn var(name: &str) -> Result<String, String> {
    env::var(name).map_err(|_| format!("cargo did not set {name}"))
}
