//! `aibom observe`: what runs already, real processes in real cgroups.
//!
//! `puppet` is the observed process, which does what it is told; `stage` has the cgroups and starts the observer;
//! `document` asks the BOM.

mod document;
mod puppet;
mod stage;

mod cgroups;
mod doctor;
mod healing;
mod light;
mod pods;
mod processes;
mod selection;

use std::process::ExitCode;

use bom_testkit::trial::{Need, run};

/// What every observation takes.
const OBSERVE: &[Need] = &[Need::Root, Need::Bpf, Need::Btf, Need::Cgroup2];

fn main() -> ExitCode {
    if let Some(code) = puppet::as_asked() {
        return code;
    }
    let rooms = [
        processes::trials(),
        cgroups::trials(),
        pods::trials(),
        selection::trials(),
        healing::trials(),
        light::trials(),
        doctor::trials(),
    ];
    run(rooms.into_iter().flatten().collect())
}
