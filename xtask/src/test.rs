//! `cargo xtask test`: every test of the workspace, built with the network and run without.
//!
//! Tests run in a network namespace with nothing but a loopback device, if this process may make one: a test that
//! would download something fails here and not one day on a machine without a route. What they need was downloaded by
//! `prepare`. On stdout stand cargo's own lines and one with the totals.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::process::Command;

use anyhow::{Result, bail};

use crate::dist;
use crate::evidence;
use crate::prepare;
use crate::process;
use crate::step;
use crate::vm;
use crate::workspace::{Workspace, is_ci, is_root};

/// What a privileged test may need and a CI machine has to have, in the words of `bom_testkit`'s trials. Elsewhere a
/// missing one shows the test as ignored, with its reason.
const REQUIRED_IN_CI: &str = "ROOT,BPF,BTF,CGROUP2,NETNS,STRACE,AGENTS,QUIC,CLIENTS,CURL,IO_URING,FANOTIFY,FIO,STRESS_NG,C,NODE,PROGRAMS,CORPUS,STORES,GO,RPM,DPKG,NPM,GEM";

/// What the arguments ask for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    full: bool,
    filter: Option<String>,
}

impl Options {
    /// The command line these options came from.
    fn repeat(&self) -> String {
        let mut words = vec!["cargo xtask test"];
        words.extend(self.full.then_some("--full"));
        words.extend(self.filter.as_deref());
        words.join(" ")
    }
}

/// How many tests passed, failed and were shown as ignored, by the result lines of all test programs.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Totals {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Totals {
    /// Adds a line such as `test result: ok. 3 passed; 0 failed; 1 ignored; …`; any other line adds nothing.
    pub(crate) fn add(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) else {
            return;
        };
        for part in result.1.split("; ") {
            match part.split_once(' ').and_then(|(number, word)| Some((number.parse::<u64>().ok()?, word))) {
                Some((number, "passed")) => self.passed = self.passed.saturating_add(number),
                Some((number, "failed")) => self.failed = self.failed.saturating_add(number),
                Some((number, "ignored")) => self.ignored = self.ignored.saturating_add(number),
                _ => {}
            }
        }
    }
}

impl Totals {
    /// Whether a test ran at all: neither a filter without an answer nor one ignored test shows anything.
    pub(crate) fn ran(self) -> bool {
        self.passed > 0
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "total: {} passed, {} failed, {} skipped", self.passed, self.failed, self.ignored)
    }
}

/// `cargo xtask test [--full [SHOW]] [FILTER]`.
pub(crate) fn command(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let options = parse(arguments)?;
    if !options.full {
        return run(workspace, arguments).map(|_| ());
    }
    let only = options.filter.as_deref();
    match only {
        Some(name) if evidence::SHOWS.iter().any(|show| show.name == name) => {
            prepare::ensure(workspace, prepare::BUILD_AND_RUN)?;
            evidence::run(workspace, only)
        }
        Some(_) => run(workspace, arguments).map(|_| ()),
        None => {
            let tests = run(workspace, &[]);
            evidence::run(workspace, None).and(tests.map(|_| ()))
        }
    }
}

/// The tests of a show: those of one test program, one at a time and with what they print.
pub(crate) fn long(workspace: &Workspace, program: &str, filter: &str) -> Result<Command> {
    let options = Options { full: true, filter: None };
    let which = ["--profile", "show", "--test", program];
    process::run(cargo_test(workspace, &options, PRODUCT).args(which).arg("--no-run"))?;
    let mut cargo = cargo_test(workspace, &options, PRODUCT);
    cargo.args(which).arg("--offline").args((!filter.is_empty()).then_some(filter));
    cargo.args(["--", "--nocapture", "--test-threads=1"]);
    Ok(offline(workspace, may_shut_the_network(), cargo))
}

/// The same, and tells how many there were.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<Totals> {
    let options = parse(arguments)?;
    prepare::ensure(workspace, prepare::TESTS)?;
    let repeat = options.repeat();
    step::run("build tests", &repeat, || {
        process::run(cargo_test(workspace, &options, PRODUCT).args(COMPILED).arg("--no-run"))?;
        process::run(cargo_test(workspace, &options, OWN).arg("--no-run"))
    })?;
    // A filter is for tests of the workspace; the machines have a command of their own.
    let machines = options.filter.is_none();
    if machines {
        step::run("prepare machines", "cargo xtask vm", || vm::ready(workspace, options.full))?;
    }
    let mut totals = Totals::default();
    let result = step::run("tests", &repeat, || {
        let shut = may_shut_the_network();
        eprintln!(
            "    network: {}",
            if shut { "loopback only" } else { "not shut off (needs root, unshare, ip)" }
        );
        // Examples in documentation first, so that the last result line is one of real tests. All of them run, even if
        // some fail.
        let mut result = Ok(());
        for (which, kinds) in [(PRODUCT, &["--doc"][..]), (OWN, &[]), (PRODUCT, COMPILED)] {
            let mut cargo = cargo_test(workspace, &options, which);
            cargo.args(kinds).arg("--offline").args(&options.filter);
            let mut cargo = offline(workspace, shut, cargo);
            result = result.and(process::run_watched(&mut cargo, &mut io::stdout(), |line| totals.add(line)));
        }
        result
    });
    let result = if machines { result.and(alone(workspace, &mut totals)) } else { result };
    let result =
        if machines { result.and(boot_machines(workspace, options.full, &mut totals)) } else { result };
    println!("{totals}");
    result?;
    if options.filter.is_none() && totals.passed == 0 {
        bail!("no test ran");
    }
    Ok(totals)
}

/// The command without eBPF, with nothing around it: one more test.
fn alone(workspace: &Workspace, totals: &mut Totals) -> Result<()> {
    if !is_root() {
        totals.ignored = totals.ignored.saturating_add(1);
        eprintln!("    aibom in an empty container: ignored (not root)");
        return Ok(());
    }
    let result = step::run("aibom in an empty container", dist::REPEAT, || dist::test(workspace));
    let count = if result.is_ok() { &mut totals.passed } else { &mut totals.failed };
    *count = count.saturating_add(1);
    result
}

/// The same product on other kernels: each row of a machine counts as a test.
fn boot_machines(workspace: &Workspace, full: bool, totals: &mut Totals) -> Result<()> {
    step::run("machines", "cargo xtask vm", || {
        let count = vm::test(workspace, full)?;
        totals.passed = totals.passed.saturating_add(count.passed);
        totals.failed = totals.failed.saturating_add(count.failed);
        totals.ignored = totals.ignored.saturating_add(count.ignored);
        if count.failed > 0 {
            bail!("{} rows are neither seen nor declared", count.failed);
        }
        Ok(())
    })
}

/// Runs the tests whose names contain `filter`, with one more variable set.
pub(crate) fn with_variable(workspace: &Workspace, filter: &str, name: &str, value: &str) -> Result<()> {
    let mut cargo = cargo_test(workspace, &Options::default(), PRODUCT);
    process::run(cargo.args(COMPILED).arg(filter).env(name, value))
}

/// Everything but xtask and bom-ebpf, which builds for another target; its programs are tested through bom-agent.
const PRODUCT: &[&str] = &["--workspace", "--exclude", "bom-ebpf", "--exclude", "xtask"];
/// xtask apart: together with the rest its dependencies would be built a second time, with other features.
const OWN: &[&str] = &["--package", "xtask"];
/// All but examples in documentation.
const COMPILED: &[&str] = &["--lib", "--bins", "--tests"];

fn cargo_test(workspace: &Workspace, options: &Options, packages: &[&str]) -> Command {
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--no-fail-fast"]).args(packages);
    environment(workspace, options, &mut cargo);
    cargo
}

fn parse(arguments: &[String]) -> Result<Options> {
    let mut options = Options::default();
    for argument in arguments {
        match argument.as_str() {
            "--full" => options.full = true,
            flag if flag.starts_with('-') => {
                bail!("usage: cargo xtask test [--full] [FILTER]; there is no `{flag}`")
            }
            filter if options.filter.is_none() => options.filter = Some(filter.to_owned()),
            _ => bail!("usage: cargo xtask test [--full] [FILTER]; one filter at a time"),
        }
    }
    Ok(options)
}

/// What tests may ask: where prepared things are, and how strict to be.
fn environment(workspace: &Workspace, options: &Options, cargo: &mut Command) {
    cargo.env("AIBOM_TEST_AGENTS", workspace.agents());
    if is_ci() && std::env::var_os("AIBOM_TEST_REQUIRE").is_none() {
        cargo.env("AIBOM_TEST_REQUIRE", REQUIRED_IN_CI);
    }
    if options.full {
        cargo.env("AIBOM_TEST_FULL", "1");
    }
}

/// Whether a network namespace can be made: probed by making one.
fn may_shut_the_network() -> bool {
    is_root()
        && process::find("ip").is_some()
        && process::output(Command::new("unshare").args(["--net", "true"]))
            .is_ok_and(|output| output.status.success())
}

/// The same command in a network namespace that has a loopback device and no route.
fn offline(workspace: &Workspace, shut: bool, command: Command) -> Command {
    if !shut {
        return command;
    }
    let mut shell = workspace.command("unshare");
    shell.args(["--net", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh"]);
    shell.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove::<&OsStr>(name),
        };
    }
    shell
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(arguments: &[&str]) -> Option<Options> {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        parse(&arguments).ok()
    }

    #[test]
    fn reads_arguments() {
        let filter = |text: &str| Some(text.to_owned());
        for (name, arguments, expected) in [
            ("nothing", &[][..], Some(Options::default())),
            ("filter", &["gguf"][..], Some(Options { full: false, filter: filter("gguf") })),
            (
                "full_and_filter",
                &["--full", "gguf"][..],
                Some(Options { full: true, filter: filter("gguf") }),
            ),
            ("unknown_flag", &["--fulll"][..], None),
            ("two_filters", &["a", "b"][..], None),
        ] {
            assert_eq!(options(arguments), expected, "{name}");
        }
    }

    #[test]
    fn repeat_is_what_was_typed() {
        for arguments in [&[][..], &["gguf"][..], &["--full", "gguf"][..]] {
            let typed = [&["cargo xtask test"], arguments].concat().join(" ");
            assert_eq!(options(arguments).expect("valid").repeat(), typed);
        }
    }

    #[test]
    fn totals_come_from_result_lines_only() {
        let mut totals = Totals::default();
        for line in [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "I say: test result: ok. 9 passed; 9 failed",
            "test result: 7 passed",
            "test result: ok. many passed; 1",
        ] {
            totals.add(line);
        }
        assert_eq!(totals, Totals { passed: 4, failed: 2, ignored: 1 });
        assert_eq!(totals.to_string(), "total: 4 passed, 2 failed, 1 skipped");
    }

    #[test]
    fn offline_keeps_arguments_and_variables() {
        let workspace = Workspace::find().expect("the checkout");
        let mut inner = Command::new("cargo");
        inner.args(["test", "a b"]).env("AIBOM_TEST_FULL", "1").env_remove("GONE");
        let outer = offline(&workspace, true, inner);
        assert!(process::line(&outer).ends_with("sh cargo test 'a b'"), "{}", process::line(&outer));
        let variables: Vec<_> = outer.get_envs().collect();
        assert!(variables.contains(&(OsStr::new("AIBOM_TEST_FULL"), Some(OsStr::new("1")))));
        assert!(variables.contains(&(OsStr::new("GONE"), None)));
    }
}
