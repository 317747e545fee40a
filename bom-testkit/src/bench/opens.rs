//! Loops of open and close, the system calls that are traced.

use std::fs;
use std::path::PathBuf;

use super::error::{BenchError, at};
use super::observer::Observer;
use super::sample::Sample;
use super::stage::Stage;

/// Enough of a repeated open to tell nanoseconds; fewer where every one stops in a tracer.
const SAME: u64 = 200_000;
const SAME_STOPPED: u64 = 10_000;
/// Files opened once each: every one is a record.
pub(crate) const DISTINCT: u64 = 10_000;

/// Nanoseconds per open and close.
#[derive(Clone, Debug)]
pub(crate) struct Loop {
    pub(crate) observer: Observer,
    pub(crate) here: bool,
    pub(crate) wall: Sample,
    pub(crate) cpu: Sample,
}

/// The places the loops open.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    pub(crate) file: PathBuf,
    pub(crate) folder: PathBuf,
}

pub(crate) fn places(stage: &Stage) -> Result<Places, BenchError> {
    let file = stage.file("same.txt");
    fs::write(&file, b"one line\n").map_err(at(&file))?;
    Ok(Places { file, folder: stage.files(DISTINCT)? })
}

/// The same file again and again.
pub(crate) fn same(stage: &Stage, places: &Places, repetitions: usize) -> Result<Vec<Loop>, BenchError> {
    loops(stage, repetitions, |observer| {
        let count = match observer {
            Observer::Nobody | Observer::Aibom | Observer::Light => SAME,
            Observer::Strace | Observer::Bpftrace | Observer::Opensnoop | Observer::Fatrace => SAME_STOPPED,
        };
        stage.nanoseconds(observer, "same", count, &places.file)
    })
}

/// Another file each time.
pub(crate) fn distinct(stage: &Stage, places: &Places, repetitions: usize) -> Result<Vec<Loop>, BenchError> {
    loops(stage, repetitions, |observer| stage.nanoseconds(observer, "distinct", DISTINCT, &places.folder))
}

fn loops(
    stage: &Stage,
    repetitions: usize,
    mut measure: impl FnMut(Observer) -> Result<[f64; 2], BenchError>,
) -> Result<Vec<Loop>, BenchError> {
    let mut loops: Vec<Loop> = Observer::ALL
        .map(|observer| Loop {
            observer,
            here: observer.works(stage),
            wall: Sample::default(),
            cpu: Sample::default(),
        })
        .into();
    for _ in 0..repetitions {
        for row in loops.iter_mut().filter(|row| row.here) {
            let [wall, cpu] = measure(row.observer)?;
            row.wall.push(wall);
            row.cpu.push(cpu);
        }
    }
    Ok(loops)
}
