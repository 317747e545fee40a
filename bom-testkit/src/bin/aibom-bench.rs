//! `aibom-bench all PAGE`: measures what aibom costs and writes the page; `aibom-bench only SECTION,…` prints some sections
//! of it. The environment variable `AIBOM_TEST_AGENTS` names the folder of the demo agent's environments. `aibom-bench
//! files` measures files at rest alone, without privilege, and prints that part of the page. `aibom-bench load` and
//! `aibom-bench timed` are what it runs.
//!
//! It starts itself again inside a closed world, where the demo agent has somebody to talk to. Run it from the root of
//! the checkout, with `aibom` beside it; `cargo xtask bench` does.

use std::env;
use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use bom_testkit::bench::{self, BenchError};
use bom_testkit::world::{Options, World};

const USAGE: &str =
    "aibom-bench all PAGE [PAIRS [REPETITIONS]] | aibom-bench only SECTION,… [PAIRS [REPETITIONS]]";

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    match run(&arguments) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("aibom-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[OsString]) -> Result<u8, Box<dyn Error>> {
    let (command, rest) = arguments.split_first().ok_or(BenchError::Usage(USAGE))?;
    match (command.to_str(), rest) {
        (Some("all" | "only"), [_, ..]) => outside(arguments),
        (Some("inside"), [what, name, counts @ ..]) => inside(what == "only", name, counts),
        (Some("files"), []) => {
            print!("{}", bench::files_alone()?);
            Ok(0)
        }
        (Some("load"), arguments) => bench::load(arguments).map(|()| 0).map_err(Into::into),
        (Some("timed"), [out, program, arguments @ ..]) => {
            let code = bench::timed(Path::new(out), Command::new(program).args(arguments))?;
            Ok(u8::try_from(code).unwrap_or(u8::MAX))
        }
        _ => Err(BenchError::Usage(USAGE).into()),
    }
}

/// Opens the world and starts ourselves inside.
fn outside(arguments: &[OsString]) -> Result<u8, Box<dyn Error>> {
    let world = World::open(&Options::default())?;
    trace_file_systems();
    let ours = env::current_exe()?;
    let mut inner = vec![OsString::from("inside")];
    inner.extend_from_slice(arguments);
    Ok(world.run(ours.as_os_str(), &inner)?)
}

/// The whole page into a file, or some sections to stdout.
fn inside(only: bool, name: &OsStr, counts: &[OsString]) -> Result<u8, Box<dyn Error>> {
    let count = |index: usize, default| {
        let text = counts.get(index).and_then(|text| text.to_str());
        text.and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let root = env::current_dir()?;
    let environments =
        env::var_os("AIBOM_TEST_AGENTS").map_or_else(|| root.join("target/agents"), PathBuf::from);
    let options = bench::Options { root, environments, pairs: count(0, 7), repetitions: count(1, 5) };
    if only {
        print!("{}", bench::measure_some(&options, &name.to_string_lossy())?);
    } else {
        fs::write(name, bench::measure(&options)?)?;
    }
    Ok(0)
}

/// bpftrace wants tracefs and debugfs, which are often not mounted. Here they go with the world. Where they can't be
/// mounted, they may be there already; if not, bpftrace says so.
fn trace_file_systems() {
    for (kind, place) in [("debugfs", "/sys/kernel/debug"), ("tracefs", "/sys/kernel/tracing")] {
        let mut mount = Command::new(OsStr::new("mount"));
        let mounted = mount.args(["-t", kind, kind, place]).status();
        if !mounted.is_ok_and(|status| status.success()) {
            eprintln!("aibom-bench: {kind} was not mounted at {place}");
        }
    }
}
