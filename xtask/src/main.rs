//! The one developer entrance: `cargo xtask COMMAND`.
//!
//! It builds, prepares, checks and tests `aibom` on a machine that has no more than the Rust toolchain and root.
//! It never ends up in a release, never decides what the product says, and never edits a source file (`bless` lets the
//! tests rewrite their goldens).
//!
//! Start reading at [`COMMANDS`], then [`step`] (how a step is announced, timed and failed) and [`workspace`]
//! (where things are). Each command is one module and one row of the list.

mod bench;
mod bless;
mod check;
mod ci;
mod demo;
mod dist;
mod elf;
mod evidence;
mod fuzz;
mod interop;
mod manifests;
mod metadata;
mod prepare;
mod process;
mod sbom;
mod step;
mod test;
mod vm;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

use workspace::Workspace;

/// One subcommand.
struct Command {
    name: &'static str,
    arguments: &'static str,
    about: &'static str,
    run: fn(&Workspace, &[String]) -> Result<()>,
}

/// Every subcommand, in the order a newcomer needs them.
const COMMANDS: &[Command] = &[
    Command {
        name: "prepare",
        arguments: "[--only PART]",
        about: "install what building, testing and the demo need; a second run does nothing",
        run: prepare::command,
    },
    Command {
        name: "demo",
        arguments: "",
        about: "observe a real agent in a closed world and write its AI-BOM (root)",
        run: demo::command,
    },
    Command {
        name: "check",
        arguments: "[STEP]",
        about: "formatting, lints, crate arrows, file shapes, licences, purity",
        run: check::command,
    },
    Command {
        name: "test",
        arguments: "[--full [SHOW]] [FILTER]",
        about: "prepare, then every test of the workspace; --full: the long shows too (docs/evidence)",
        run: test::command,
    },
    Command {
        name: "bless",
        arguments: "[FILTER]",
        about: "write the goldens again; read the diff afterwards",
        run: bless::command,
    },
    Command {
        name: "fuzz",
        arguments: "TARGET|--all [--seconds N|--campaign]",
        about: "run a fuzz target on its corpus and beyond; a campaign is logged in docs/fuzzing.md",
        run: fuzz::command,
    },
    Command {
        name: "bench",
        arguments: "[--only SECTION,…] [PAIRS [REPETITIONS]]",
        about: "measure cost and losses of the release build; writes docs/benchmarks.md",
        run: bench::command,
    },
    Command {
        name: "manifests",
        arguments: "",
        about: "fetch the packages of testdata/manifests again and compare (npm, PyPI, crates.io)",
        run: manifests::command,
    },
    Command {
        name: "vm",
        arguments: "[--kernel SERIES] [--tier base|upper]",
        about: "boot other kernels and observe there; writes docs/kernels.md",
        run: vm::command,
    },
    Command {
        name: "dist",
        arguments: "[--fast]",
        about: "build aibom without eBPF as one static file, and run it in an empty container (root)",
        run: dist::command,
    },
    Command {
        name: "interop",
        arguments: "",
        about: "run other tools on the demo agent; writes testdata/interop and docs/interop.md (network)",
        run: interop::command,
    },
    Command {
        name: "sbom",
        arguments: "",
        about: "write the CycloneDX SBOM of aibom itself",
        run: sbom::command,
    },
    Command {
        name: "ci",
        arguments: "",
        about: "check, test, each fuzz target for ten seconds, sbom",
        run: ci::command,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        None => {
            eprint!("{}", usage());
            ExitCode::from(2)
        }
        Some((flag, _)) if matches!(flag.as_str(), "-h" | "--help" | "help") => {
            print!("{}", usage());
            ExitCode::SUCCESS
        }
        Some((name, rest)) => match dispatch(name, rest) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error:#}");
                ExitCode::FAILURE
            }
        },
    }
}

fn dispatch(name: &str, rest: &[String]) -> Result<()> {
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        bail!("no command `{name}`; `cargo xtask --help` lists them");
    };
    if rest.iter().any(|argument| argument == "--help") {
        println!("cargo xtask {} {}\n\n{}", command.name, command.arguments, command.about);
        return Ok(());
    }
    (command.run)(&Workspace::find()?, rest)
}

fn usage() -> String {
    let mut text = String::from("cargo xtask COMMAND\n\n");
    for command in COMMANDS {
        let synopsis = format!("{} {}", command.name, command.arguments);
        text.push_str(&format!("  {synopsis:<46}{}\n", command.about));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_shown() {
        let usage = usage();
        for (index, command) in COMMANDS.iter().enumerate() {
            assert!(usage.contains(&format!("  {} ", command.name)), "{} is not in the usage", command.name);
            assert!(
                COMMANDS.iter().skip(index + 1).all(|other| other.name != command.name),
                "{} twice",
                command.name
            );
        }
    }

    #[test]
    fn unknown_command_is_named() {
        let error = dispatch("tset", &[]).expect_err("there is no such command");
        assert!(error.to_string().contains("`tset`"), "{error}");
    }
}
