//! `cargo xtask check`: the rules that need no test to run.
//!
//! All steps run even if one fails. `cargo xtask check STEP` runs one of them.

mod arrows;
mod docs;
mod licences;
mod lints;
mod purity;
mod shape;
mod sources;
mod violations;

use anyhow::{Result, bail};

use crate::prepare;
use crate::step::Steps;
use crate::workspace::Workspace;

/// One rule or group of rules.
struct Check {
    name: &'static str,
    needs: &'static [prepare::Part],
    run: fn(&Workspace) -> Result<()>,
}

/// Quick ones first.
const CHECKS: &[Check] = &[
    Check { name: "format", needs: prepare::COMPILE, run: lints::format },
    Check { name: "shape", needs: &[], run: shape::check },
    Check { name: "docs", needs: &[], run: docs::check },
    Check { name: "arrows", needs: &[], run: arrows::check },
    Check { name: "purity", needs: prepare::COMPILE, run: purity::check },
    Check { name: "clippy-bpf", needs: prepare::COMPILE, run: lints::clippy_bpf },
    Check { name: "clippy", needs: prepare::COMPILE, run: lints::clippy },
    Check { name: "clippy-plain", needs: prepare::COMPILE, run: lints::clippy_plain },
    Check { name: "licences", needs: prepare::RULES, run: licences::check },
];

/// `cargo xtask check [STEP]`.
pub(crate) fn command(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let chosen: Vec<&Check> = match arguments {
        [] => CHECKS.iter().collect(),
        [name] => CHECKS.iter().filter(|check| check.name == name).collect(),
        _ => bail!("usage: cargo xtask check [STEP]"),
    };
    if chosen.is_empty() {
        let names: Vec<&str> = CHECKS.iter().map(|check| check.name).collect();
        bail!("no step `{}`; there are {}", arguments.join(" "), names.join(", "));
    }
    prepare::ensure(workspace, &prepare::union(chosen.iter().map(|check| check.needs)))?;
    let mut steps = Steps::default();
    for check in chosen {
        let repeat = format!("cargo xtask check {}", check.name);
        steps.run(&format!("check {}", check.name), &repeat, || (check.run)(workspace));
    }
    steps.finish()
}

/// Turns a list of findings into one error, a line each; none is a success.
fn verdict(findings: &[String]) -> Result<()> {
    if findings.is_empty() {
        return Ok(());
    }
    for finding in findings {
        eprintln!("    {finding}");
    }
    bail!("{} finding(s), listed above", findings.len())
}
