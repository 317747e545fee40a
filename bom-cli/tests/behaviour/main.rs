//! What `aibom run` does when things are as they should be and when they are not: the real program, the real
//! kernel, one trial for each promise of the command line.
//!
//! Start reading at `aibom`, how it is started here, then any of the rooms: one for each kind of promise.

mod aibom;
mod document;
mod observed_program;

mod codes;
mod gaps;
mod hostile;
mod ordinary;
mod output;
mod paths;
mod privilege;
mod processes;
mod ring;
mod signals;
mod survivors;

use std::process::ExitCode;

use bom_testkit::trial::{Need, run};

/// What every observation takes.
const OBSERVE: &[Need] = &[Need::Root, Need::Bpf, Need::Btf, Need::Cgroup2];

fn main() -> ExitCode {
    if let Some(code) = observed_program::as_asked() {
        return code;
    }
    let rooms = [
        ordinary::trials(),
        codes::trials(),
        privilege::trials(),
        signals::trials(),
        survivors::trials(),
        output::trials(),
        hostile::trials(),
        paths::trials(),
        ring::trials(),
        gaps::trials(),
        processes::trials(),
    ];
    run(rooms.into_iter().flatten().collect())
}
