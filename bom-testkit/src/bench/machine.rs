//! What the numbers were measured on.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

/// Name and value, in the order of the page. What cannot be found out is `unknown`.
pub(crate) fn machine(root: &Path) -> Vec<(&'static str, String)> {
    let cpu = line_of("/proc/cpuinfo", "model name");
    let cores =
        thread::available_parallelism().map_or_else(|_| "unknown".to_owned(), |cores| cores.to_string());
    vec![
        ("CPU", format!("{cpu}, {cores} usable")),
        ("memory", line_of("/proc/meminfo", "MemTotal")),
        ("kernel", text_of("/proc/sys/kernel/osrelease")),
        ("system", line_of("/etc/os-release", "PRETTY_NAME").trim_matches('"').to_owned()),
        ("strace", first_line(Command::new("strace").arg("--version"))),
        ("bpftrace", first_line(Command::new("bpftrace").arg("--version"))),
        ("fatrace", first_line(Command::new("fatrace").arg("--version"))),
        ("libbpf-tools", first_line(Command::new("dpkg-query").args(["--show", "libbpf-tools"]))),
        ("redis", first_line(Command::new("redis-server").arg("--version"))),
        ("iperf3", first_line(Command::new("iperf3").arg("--version"))),
        ("commit", commit(root)),
    ]
}

/// Averages over 1, 5 and 15 minutes: how busy the machine was with other things, and with this.
pub(crate) fn load_average() -> String {
    let text = text_of("/proc/loadavg");
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn commit(root: &Path) -> String {
    let git = |arguments: &[&str]| first_line(Command::new("git").arg("-C").arg(root).args(arguments));
    let commit = git(&["rev-parse", "--short=12", "HEAD"]);
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]);
    if changed == UNKNOWN { commit } else { format!("{commit}, with uncommitted changes") }
}

const UNKNOWN: &str = "unknown";

/// `unknown` for no output as well.
fn first_line(command: &mut Command) -> String {
    let output = command.output().ok().filter(|output| output.status.success());
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let line = text.lines().next().map(str::trim).filter(|line| !line.is_empty());
    line.unwrap_or(UNKNOWN).to_owned()
}

/// The value behind `name:` or `name=`.
fn line_of(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix([':', '=']));
    value.map_or_else(|| UNKNOWN.to_owned(), |value| value.trim().to_owned())
}

fn text_of(path: &str) -> String {
    fs::read_to_string(path).map_or_else(|_| UNKNOWN.to_owned(), |text| text.trim().to_owned())
}
