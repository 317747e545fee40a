//! `cargo xtask dist`: the command without eBPF as one static file, and the proof that it needs nothing else.
//!
//! What CI systems want: `diff`, `declare`, `inspect`, `explain` and `replay`, in a file that runs in an empty container.
//! `aibom run` and the daemon need Linux' BPF and are built as usual.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::elf;
use crate::prepare;
use crate::process;
use crate::step;
use crate::workspace::{Workspace, is_root};

const TARGET: &str = "x86_64-unknown-linux-musl";
/// The release profile without symbols.
const RELEASE: &str = "dist";
/// The fast one that machines of tests have.
const FAST: &str = "guest";
/// Larger, and it would be no small step of a pipeline any more.
const LIMIT: u64 = 15 << 20;

/// Repeats what a test run does.
pub(crate) const REPEAT: &str = "cargo xtask dist --fast";

/// What it is shown in the empty container: a story of which the exit code is known.
const STORY: &str = "testdata/scenarios/undeclared-provider";

/// `cargo xtask dist [--fast]`; `--fast` is what every test run does.
pub(crate) fn command(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    match arguments {
        [] => {}
        [flag] if flag == "--fast" => {
            prepare::ensure(workspace, prepare::COMPILE)?;
            return step::run("aibom in an empty container", REPEAT, || test(workspace));
        }
        _ => bail!("usage: cargo xtask dist [--fast]"),
    }
    prepare::ensure(workspace, prepare::COMPILE)?;
    let mut built = None;
    step::run("build aibom without eBPF", "cargo xtask dist", || {
        built = Some(release(workspace)?);
        Ok(())
    })?;
    let built = built.context("a build that succeeded has a file")?;
    step::run("run it with nothing around it", "cargo xtask dist", || {
        let bytes =
            fs::metadata(&built).with_context(|| format!("failed to read {}", built.display()))?.len();
        if bytes > LIMIT {
            bail!("{} has {bytes} bytes, more than {LIMIT}", built.display());
        }
        alone(workspace, &built)?;
        println!("{bytes} bytes, static: target/dist/aibom");
        Ok(())
    })
}

/// The same for every test run, with the profile that builds in seconds: its size says nothing.
pub(crate) fn test(workspace: &Workspace) -> Result<()> {
    alone(workspace, &build(workspace, FAST)?)
}

/// The release form, at its place: `target/dist/aibom`.
pub(crate) fn release(workspace: &Workspace) -> Result<PathBuf> {
    let built = build(workspace, RELEASE)?;
    let folder = workspace.root().join("target/dist");
    fs::create_dir_all(&folder).with_context(|| format!("failed to create {}", folder.display()))?;
    let place = folder.join("aibom");
    fs::copy(&built, &place).with_context(|| format!("failed to write {}", place.display()))?;
    Ok(place)
}

fn build(workspace: &Workspace, profile: &str) -> Result<PathBuf> {
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--profile", profile, "--target", TARGET]);
    cargo.args(["--package", "bom-cli", "--bin", "aibom", "--no-default-features", "--features", "mimalloc"]);
    process::run(&mut cargo)?;
    let built = workspace.target().join(TARGET).join(profile).join("aibom");
    elf::must_be_static(&built)?;
    // The build with eBPF puts its own program there.
    let place = workspace.target().join(TARGET).join(profile).join("aibom-plain");
    fs::copy(&built, &place).with_context(|| format!("failed to write {}", place.display()))?;
    Ok(place)
}

/// Runs it in a folder that has the program and a story, as the root of the file system, in namespaces of its own.
fn alone(workspace: &Workspace, built: &Path) -> Result<()> {
    if !is_root() {
        bail!("an empty container needs root");
    }
    let root = workspace.root().join("target/alone");
    if root.exists() {
        fs::remove_dir_all(&root).with_context(|| format!("failed to remove {}", root.display()))?;
    }
    let story = workspace.root().join(STORY);
    fs::create_dir_all(root.join("declared"))
        .with_context(|| format!("failed to create {}", root.display()))?;
    let copy = |from: &Path, to: &str| {
        fs::copy(from, root.join(to)).map(drop).with_context(|| format!("failed to copy {}", from.display()))
    };
    copy(built, "aibom")?;
    copy(&story.join("observed.cdx.json"), "observed.cdx.json")?;
    let declared = story.join("declared");
    for entry in fs::read_dir(&declared).with_context(|| format!("failed to list {}", declared.display()))? {
        let path = entry.with_context(|| format!("failed to list {}", declared.display()))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).context("names of stories are text")?;
        copy(&path, &format!("declared/{name}"))?;
    }
    let expected = fs::read_to_string(story.join("exit")).context("failed to read the story's exit code")?;
    let expected: i32 = expected.trim().parse().context("the story's exit code is no number")?;
    let inside = |arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--wd=/"]);
        command.arg(format!("--root={}", root.display())).arg("/aibom");
        command.args(arguments).env_clear();
        process::output(&mut command)
    };
    let output = inside(&["--version"])?;
    if !output.status.success() || !output.stdout.starts_with(b"aibom ") {
        bail!("`aibom --version` says {:?} in an empty container", String::from_utf8_lossy(&output.stderr));
    }
    let output = inside(&["diff", "/declared", "/observed.cdx.json", "-o", "json=/report.json"])?;
    if output.status.code() != Some(expected) {
        bail!(
            "`aibom diff` ended with {:?} and not {expected} in an empty container: {}",
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    let report = fs::read(root.join("report.json")).context("failed to read the report")?;
    let report: serde_json::Value = serde_json::from_slice(&report).context("the report is no JSON")?;
    if report.get("findings").and_then(serde_json::Value::as_array).is_none_or(Vec::is_empty) {
        bail!("the report of `aibom diff` has no findings");
    }
    fs::remove_dir_all(&root).with_context(|| format!("failed to remove {}", root.display()))
}
