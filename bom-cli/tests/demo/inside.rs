//! Commands inside the closed world of bom-testkit, with its log or without. Entering it moves a process for good, so this test program
//! starts itself once more as the world.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use bom_testkit::world::{Options, World};

/// First argument of the copy that is the world; the second is its log, or nothing.
const AS_WORLD: &str = "as-the-world";
/// As everywhere: our own failure.
const FAILED: u8 = 125;

/// Is this copy the world? Then it runs the command and this is its exit code. Comes before anything else in `main`.
pub(crate) fn world() -> Option<ExitCode> {
    let mut arguments = env::args_os().skip(1);
    if arguments.next()? != AS_WORLD {
        return None;
    }
    let command: Vec<OsString> = arguments.collect();
    Some(ExitCode::from(run(&command).unwrap_or_else(|error| {
        eprintln!("world: {error}");
        FAILED
    })))
}

fn run(command: &[OsString]) -> Result<u8, String> {
    let [log, program, arguments @ ..] = command else { return Err("no command".to_owned()) };
    let log = (!log.is_empty()).then(|| PathBuf::from(log));
    let world = World::open(&Options { log, ..Options::default() }).map_err(|error| error.to_string())?;
    world.run(program, arguments).map_err(|error| error.to_string())
}

/// `aibom` in the world; arguments are added by the caller.
pub(crate) fn aibom(log: Option<&Path>) -> Command {
    let mut command = Command::new("/proc/self/exe");
    let log = log.map_or(OsStr::new(""), Path::as_os_str);
    command.arg(AS_WORLD).arg(log).arg(env!("CARGO_BIN_EXE_aibom"));
    command
}

/// A folder of its own for the files of one run, made anew.
pub(crate) fn folder(name: &str) -> std::io::Result<PathBuf> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if path.exists() {
        std::fs::remove_dir_all(&path)?;
    }
    std::fs::create_dir_all(&path)?;
    path.canonicalize()
}

/// The root of the source tree.
pub(crate) fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
