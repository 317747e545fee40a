//! `cargo xtask fuzz`: libFuzzer targets of `fuzz/`, a workspace of its own.
//!
//! Plain cargo on the pinned toolchain: the instrumentation passes are LLVM's and need no nightly compiler, only the
//! permission to name them (`RUSTC_BOOTSTRAP`). What a run finds new goes to `target/fuzz/corpus`; `fuzz/corpus` holds
//! the seeds and is never written. An input that fails is kept in `fuzz/artifacts`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::metadata;
use crate::prepare;
use crate::process;
use crate::step;
use crate::workspace::Workspace;

/// Seconds per target when nothing else is said.
const DEFAULT_SECONDS: u32 = 60;

/// Coverage feedback for libFuzzer. The profile in `fuzz/Cargo.toml` adds the checks of a debug build.
const FLAGS: &[&str] = &[
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

#[derive(Debug, PartialEq, Eq)]
struct Options {
    /// `None` is every target.
    target: Option<String>,
    seconds: u32,
}

/// `cargo xtask fuzz TARGET|--all [--seconds N]`.
pub(crate) fn command(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let options = parse(arguments)?;
    match options.target {
        None => every(workspace, options.seconds),
        Some(target) => {
            prepare::ensure(workspace, prepare::FUZZ)?;
            let targets = targets(workspace)?;
            if !targets.contains(&target) {
                bail!("no fuzz target `{target}`; there are {}", targets.join(", "));
            }
            build(workspace)?;
            one(workspace, &target, options.seconds)
        }
    }
}

/// Runs each target for `seconds`, and all of them even if one finds something.
pub(crate) fn every(workspace: &Workspace, seconds: u32) -> Result<()> {
    prepare::ensure(workspace, prepare::FUZZ)?;
    let targets = targets(workspace)?;
    if targets.is_empty() {
        bail!("fuzz/Cargo.toml has no targets");
    }
    build(workspace)?;
    let mut failed = Vec::new();
    for target in &targets {
        if one(workspace, target, seconds).is_err() {
            failed.push(target.as_str());
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!("fuzz targets that found something: {}", failed.join(", "))
}

fn parse(arguments: &[String]) -> Result<Options> {
    const USAGE: &str = "usage: cargo xtask fuzz TARGET|--all [--seconds N]";
    let (mut target, mut all, mut seconds) = (None, false, DEFAULT_SECONDS);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--all" => all = true,
            "--seconds" => {
                let value = rest.next().context(USAGE)?;
                seconds = value.parse().with_context(|| format!("`{value}` is no number of seconds"))?;
                if seconds == 0 {
                    bail!("libFuzzer takes zero seconds for no limit; give at least one");
                }
            }
            name if !name.starts_with('-') && target.is_none() => target = Some(name.to_owned()),
            _ => bail!(USAGE),
        }
    }
    if all == target.is_some() {
        bail!(USAGE);
    }
    Ok(Options { target, seconds })
}

/// The binaries of the fuzz workspace, sorted.
fn targets(workspace: &Workspace) -> Result<Vec<String>> {
    let mut cargo = workspace.cargo();
    cargo.args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path", "fuzz/Cargo.toml"]);
    let value: serde_json::Value = serde_json::from_str(&process::capture(&mut cargo)?)
        .context("failed to read the output of `cargo metadata`")?;
    let mut names: Vec<String> = metadata::list(&value, "packages")
        .iter()
        .flat_map(|package| metadata::list(package, "targets"))
        .filter(|target| metadata::list(target, "kind").iter().any(|kind| kind == "bin"))
        .map(|target| metadata::text(target, "name").to_owned())
        .collect();
    names.sort();
    Ok(names)
}

fn build(workspace: &Workspace) -> Result<()> {
    step::run("build fuzz targets", "cargo xtask fuzz --all", || {
        let mut cargo = workspace.cargo();
        cargo
            .args([
                "build",
                "--release",
                "--bins",
                "--manifest-path",
                "fuzz/Cargo.toml",
                "--target",
                &host(workspace)?,
            ])
            // With an explicit target the flags reach only what is fuzzed, not build scripts and macros.
            .env("RUSTFLAGS", FLAGS.join(" "))
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_DIR", folder(workspace))
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
        process::run(&mut cargo)
    })
}

fn one(workspace: &Workspace, target: &str, seconds: u32) -> Result<()> {
    let repeat = format!("cargo xtask fuzz {target} --seconds {seconds}");
    step::run(&format!("fuzz {target} for {seconds} s"), &repeat, || {
        let binary = folder(workspace).join(host(workspace)?).join("release").join(target);
        let found = folder(workspace).join("corpus").join(target);
        let artifacts = workspace.root().join("fuzz/artifacts").join(target);
        for folder in [&found, &artifacts] {
            fs::create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
        }
        let seeds = workspace.root().join("fuzz/corpus").join(target);
        let mut fuzzer = workspace.command(binary);
        fuzzer
            .arg(format!("-max_total_time={seconds}"))
            // An extractor that needs more than this for one small input is broken as well.
            .args(["-timeout=10", "-rss_limit_mb=2048", "-verbosity=0", "-print_final_stats=1"])
            .arg(format!("-artifact_prefix={}/", artifacts.display()))
            // The first folder is written, the others only read.
            .arg(&found);
        if seeds.is_dir() {
            fuzzer.arg(&seeds);
        }
        process::run(&mut fuzzer)
    })
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target().join("fuzz")
}

fn host(workspace: &Workspace) -> Result<String> {
    let verbose = process::capture(workspace.command("rustc").arg("-vV"))?;
    let host = verbose.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("`rustc -vV` has no line `host`")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_arguments() {
        let target = |name: &str| Some(name.to_owned());
        for (name, arguments, expected) in [
            ("target", &["elf"][..], Some(Options { target: target("elf"), seconds: DEFAULT_SECONDS })),
            ("seconds", &["elf", "--seconds", "5"][..], Some(Options { target: target("elf"), seconds: 5 })),
            ("all", &["--all", "--seconds", "10"][..], Some(Options { target: None, seconds: 10 })),
            ("nothing", &[][..], None),
            ("both", &["--all", "elf"][..], None),
            ("two_targets", &["elf", "gguf"][..], None),
            ("seconds_without_number", &["elf", "--seconds"][..], None),
            ("no_number", &["elf", "--seconds", "ten"][..], None),
            ("zero_would_never_end", &["elf", "--seconds", "0"][..], None),
        ] {
            let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
            assert_eq!(parse(&arguments).ok(), expected, "{name}");
        }
    }
}
