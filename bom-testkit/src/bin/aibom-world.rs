//! `aibom-world [OPTION...] -- CMD...`: runs a command where two AI providers are all there is.
//!
//! It passes the command's exit code through (128+n for a signal). Its own failures are one line on stderr and 125,
//! a command that is not executable is 126 and one that is not found 127.

use std::ffi::OsString;
use std::process::ExitCode;

use bom_testkit::world::{Options, World};

const USAGE: &str = "usage: aibom-world [--log FILE] [--ready-file FILE] [--ipv6] -- CMD...";
const FAILED: u8 = 125;

fn main() -> ExitCode {
    ExitCode::from(run())
}

/// Returns instead of exiting, so that the world is closed.
fn run() -> u8 {
    let Some((options, command)) = parse(std::env::args_os().skip(1)) else {
        eprintln!("{USAGE}");
        return FAILED;
    };
    let world = match World::open(&options) {
        Ok(world) => world,
        Err(error) => {
            eprintln!("aibom-world: {error}");
            return FAILED;
        }
    };
    let [program, arguments @ ..] = command.as_slice() else { return FAILED };
    world.run(program, arguments).unwrap_or_else(|error| {
        eprintln!("aibom-world: {error}");
        error.exit_code()
    })
}

/// `None` for anything that is not the usage, a missing command included.
fn parse(mut arguments: impl Iterator<Item = OsString>) -> Option<(Options, Vec<OsString>)> {
    let mut options = Options::default();
    loop {
        let option = arguments.next()?;
        match option.to_str()? {
            "--log" => options.log = Some(arguments.next()?.into()),
            "--ready-file" => options.ready_file = Some(arguments.next()?.into()),
            "--ipv6" => options.ipv6 = true,
            "--" => break,
            _ => return None,
        }
    }
    let command: Vec<OsString> = arguments.collect();
    (!command.is_empty()).then_some((options, command))
}
