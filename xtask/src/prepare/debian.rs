//! Debian packages: programs that tests and the demo start, and a compiler for the few crates with C inside.
//!
//! Each package is looked for by a file it brings, so a machine that has the program from elsewhere is left alone.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use super::Outcome;
use crate::process;
use crate::workspace::{Workspace, is_root};

/// How to see that a package is not needed.
#[derive(Debug, Clone, Copy)]
enum Sign {
    /// A program somewhere in `PATH`.
    Program(&'static str),
    /// A file at this very path.
    File(&'static str),
    /// The system's Python can import this module.
    PythonModule(&'static str),
}

/// Package, sign that it is there, and what needs it.
const PACKAGES: &[(&str, Sign)] = &[
    // ring (TLS of the closed world), libFuzzer: C and C++.
    ("g++", Sign::Program("c++")),
    ("libc6-dev", Sign::File("/usr/include/stdio.h")),
    // The programs of the bypass suite.
    ("gcc", Sign::Program("gcc")),
    // The allocator inside the static build.
    ("musl-tools", Sign::Program("musl-gcc")),
    ("linux-libc-dev", Sign::File("/usr/include/linux/io_uring.h")),
    // The second witness: tests compare what we saw with what strace saw.
    ("strace", Sign::Program("strace")),
    // Network namespaces of tests.
    ("iproute2", Sign::Program("ip")),
    ("util-linux", Sign::Program("unshare")),
    // A client that is not ours.
    ("curl", Sign::Program("curl")),
    // Programs that are hard on a kernel, likewise.
    ("fio", Sign::Program("fio")),
    ("stress-ng", Sign::Program("stress-ng")),
    // Virtual environments of the agents.
    ("python3-venv", Sign::PythonModule("ensurepip")),
    // Programs for Node, and what installs their packages.
    ("nodejs", Sign::Program("node")),
    ("npm", Sign::Program("npm")),
    ("ca-certificates", Sign::File("/etc/ssl/certs/ca-certificates.crt")),
    // Package managers that tell whose the files of the trees are that they made.
    ("rpm", Sign::Program("rpmbuild")),
    ("db5.3-util", Sign::Program("db5.3_load")),
    ("ruby", Sign::Program("gem")),
    ("golang-go", Sign::Program("go")),
    // Other kernels, in machines without a network.
    ("qemu-system-x86", Sign::Program("qemu-system-x86_64")),
];

/// Machines with Arm's processor, and what runs in them.
const ARM64: &[(&str, Sign)] = &[
    ("qemu-system-arm", Sign::Program("qemu-system-aarch64")),
    ("gcc-aarch64-linux-gnu", Sign::Program("aarch64-linux-gnu-gcc")),
    ("libc6-dev-arm64-cross", Sign::File("/usr/aarch64-linux-gnu/include/stdio.h")),
];

/// PyTorch: what PyPI has is many times as large.
const CORPUS: &[(&str, Sign)] = &[("python3-torch", Sign::PythonModule("torch"))];

pub(super) fn prepare_corpus() -> Result<Outcome> {
    all(CORPUS)
}

pub(super) fn prepare(_workspace: &Workspace) -> Result<Outcome> {
    all(PACKAGES)
}

pub(super) fn prepare_arm64() -> Result<Outcome> {
    all(ARM64)
}

fn all(packages: &[(&str, Sign)]) -> Result<Outcome> {
    let missing: Vec<&str> =
        packages.iter().filter(|(_, sign)| !is_there(*sign)).map(|(package, _)| *package).collect();
    if missing.is_empty() {
        let all: Vec<&str> = packages.iter().map(|(package, _)| *package).collect();
        return Ok(Outcome::Present(all.join(", ")));
    }
    install(&missing)?;
    if let Some((package, _)) = packages.iter().find(|(_, sign)| !is_there(*sign)) {
        bail!("apt-get reported success, but what {package} brings is not there");
    }
    Ok(Outcome::Installed(missing.join(" ")))
}

/// Installs packages by name.
pub(super) fn install(missing: &[&str]) -> Result<()> {
    let names = missing.join(" ");
    if process::find("apt-get").is_none() {
        bail!("missing: {names} (Debian's names), and there is no apt-get to install them");
    }
    if !is_root() {
        bail!(
            "missing: {names}; run `sudo apt-get update && sudo apt-get install --no-install-recommends {names}`"
        );
    }
    // Package lists may be absent or name versions that are gone.
    process::run(apt().arg("update"))?;
    process::run(apt().args(["install", "--yes", "--no-install-recommends"]).args(missing))
}

/// apt-get that asks no question.
fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.arg("--quiet").env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_there(sign: Sign) -> bool {
    match sign {
        Sign::Program(program) => process::find(program).is_some(),
        Sign::File(path) => Path::new(path).exists(),
        Sign::PythonModule(module) => {
            let import = format!("import {module}");
            let mut python = Command::new(super::python::SYSTEM_PYTHON);
            process::output(python.args(["-c", &import])).is_ok_and(|output| output.status.success())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_tell_there_from_not_there() {
        for (name, sign, expected) in [
            ("program", Sign::Program("sh"), true),
            ("no_program", Sign::Program("no-such-program-as-this"), false),
            ("file", Sign::File("/proc/self/exe"), true),
            ("no_file", Sign::File("/proc/self/no-such-file"), false),
            ("no_module", Sign::PythonModule("no_such_module_as_this"), false),
        ] {
            assert_eq!(is_there(sign), expected, "{name}");
        }
    }
}
