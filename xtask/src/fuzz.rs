//! `cargo xtask fuzz`: libFuzzer targets of `fuzz/`, a workspace of its own.
//!
//! Plain cargo on the pinned toolchain: the instrumentation passes are LLVM's and need no nightly compiler, only the
//! permission to name them (`RUSTC_BOOTSTRAP`). What a run finds new goes to `target/fuzz/corpus`; `fuzz/corpus` holds
//! the seeds and is never written. An input that fails is kept in `fuzz/artifacts`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::evidence;
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
    /// Each target for its own time, and the log written.
    campaign: bool,
}

/// What came of one target.
#[derive(Debug, Default)]
pub(crate) struct Campaign {
    pub(crate) target: String,
    pub(crate) seconds: u32,
    pub(crate) executions: u64,
    pub(crate) edges: u64,
    pub(crate) kept: u64,
}

/// Targets that get less than [`CAMPAIGN`]: formats whose parsers are small and have no lengths to lie about.
const SHORT_CAMPAIGN: u32 = 120;
/// Seconds of a campaign for a target that is not in [`SHORT`].
const CAMPAIGN: u32 = 600;
/// Names of the targets that get [`SHORT_CAMPAIGN`].
const SHORT: &[&str] =
    &["extract_json", "extract_protobuf", "extract_table", "extract_text", "read_recording", "read_rpmdb"];

/// `cargo xtask fuzz TARGET|--all [--seconds N|--campaign]`.
pub(crate) fn command(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let options = parse(arguments)?;
    let Some(target) = options.target else {
        return if options.campaign {
            campaign(workspace, &targets(workspace)?)
        } else {
            every(workspace, options.seconds)
        };
    };
    let targets = targets(workspace)?;
    if !targets.contains(&target) {
        bail!("no fuzz target `{target}`; there are {}", targets.join(", "));
    }
    if options.campaign {
        return campaign(workspace, &[target]);
    }
    prepare::ensure(workspace, prepare::FUZZ)?;
    build(workspace)?;
    one(workspace, &target, options.seconds).map(|_| ())
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

/// Runs these targets, each for its own time, and writes their rows of docs/fuzzing.md.
fn campaign(workspace: &Workspace, targets: &[String]) -> Result<()> {
    prepare::ensure(workspace, prepare::FUZZ)?;
    build(workspace)?;
    let mut failed = Vec::new();
    for target in targets {
        let seconds = if SHORT.contains(&target.as_str()) { SHORT_CAMPAIGN } else { CAMPAIGN };
        match one(workspace, target, seconds) {
            // A row of one target at a time: hours of others are not lost with the last of them.
            Ok(row) => evidence::fuzz_page(workspace, &row)?,
            Err(_) => failed.push(target.as_str()),
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!("fuzz targets that found something: {}", failed.join(", "))
}

fn parse(arguments: &[String]) -> Result<Options> {
    const USAGE: &str = "usage: cargo xtask fuzz TARGET|--all [--seconds N|--campaign]";
    let (mut target, mut all, mut seconds, mut campaign) = (None, false, DEFAULT_SECONDS, false);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--all" => all = true,
            "--campaign" => campaign = true,
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
    Ok(Options { target, seconds, campaign })
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

fn one(workspace: &Workspace, target: &str, seconds: u32) -> Result<Campaign> {
    let mut row = Campaign { target: target.to_owned(), seconds, ..Campaign::default() };
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
            .args(["-timeout=10", "-rss_limit_mb=2048", "-verbosity=1", "-print_final_stats=1"])
            .arg(format!("-artifact_prefix={}/", artifacts.display()))
            // The first folder is written, the others only read.
            .arg(&found);
        if seeds.is_dir() {
            fuzzer.arg(&seeds);
        }
        let mut last = String::new();
        let result = process::run_quiet(&mut fuzzer, |line| {
            row.note(line);
            last = line.to_owned();
        });
        eprintln!("    {} executions, {} edges, {} inputs kept", row.executions, row.edges, row.kept);
        result.with_context(|| format!("the last line was: {last}"))
    })?;
    Ok(row)
}

impl Campaign {
    /// Takes what a line of libFuzzer says: `#12 NEW cov: 34 ft: 56 corp: 7/89b …` and `stat::… : N`.
    fn note(&mut self, line: &str) {
        let after = |word: &str| {
            let rest = line.split_once(word)?.1.trim_start();
            rest.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
        };
        if line.starts_with('#') {
            self.edges = after("cov:").unwrap_or(self.edges);
            self.kept = after("corp:").unwrap_or(self.kept);
        } else if line.starts_with("stat::number_of_executed_units:") {
            self.executions = after("units:").unwrap_or(self.executions);
        }
    }
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
            (
                "target",
                &["elf"][..],
                Some(Options { target: target("elf"), seconds: DEFAULT_SECONDS, campaign: false }),
            ),
            (
                "seconds",
                &["elf", "--seconds", "5"][..],
                Some(Options { target: target("elf"), seconds: 5, campaign: false }),
            ),
            (
                "all",
                &["--all", "--seconds", "10"][..],
                Some(Options { target: None, seconds: 10, campaign: false }),
            ),
            (
                "campaign",
                &["--all", "--campaign"][..],
                Some(Options { target: None, seconds: DEFAULT_SECONDS, campaign: true }),
            ),
            (
                "campaign_of_one",
                &["elf", "--campaign"][..],
                Some(Options { target: target("elf"), seconds: DEFAULT_SECONDS, campaign: true }),
            ),
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

    #[test]
    fn reads_what_the_fuzzer_says() {
        let mut row = Campaign::default();
        for line in [
            "INFO: cov: 9 corp: 9",
            "#2\tINITED cov: 12 ft: 13 corp: 1/1b exec/s: 0 rss: 30Mb",
            "#4096\tNEW    cov: 345 ft: 678 corp: 90/12Kb lim: 43 exec/s: 2048",
            "stat::number_of_executed_units: 123456",
        ] {
            row.note(line);
        }
        assert_eq!((row.executions, row.edges, row.kept), (123_456, 345, 90));
    }
}
