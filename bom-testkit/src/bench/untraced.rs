//! System calls that nobody traces: while a system call tracepoint is on, the kernel takes its slow way in and out for
//! all of them, in every process of the machine.

use std::fs::File;
use std::path::Path;
use std::process::Child;

use super::error::{BenchError, at};
use super::observer::Observer;
use super::sample::Sample;
use super::stage::Stage;

const COUNT: u64 = 500_000;

/// From where a tracer is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Where {
    Nowhere,
    /// The tracer watches another process.
    Beside(Observer),
    /// The loop is what it watches.
    Inside(Observer),
}

/// Nanoseconds per call.
#[derive(Clone, Debug)]
pub(crate) struct Calls {
    pub(crate) place: Where,
    pub(crate) here: bool,
    pub(crate) getppid: Sample,
    pub(crate) read: Sample,
}

/// CPU time, because the wall also counts whoever else runs.
pub(crate) fn untraced(stage: &Stage, repetitions: usize) -> Result<Vec<Calls>, BenchError> {
    let places = [
        Where::Nowhere,
        Where::Beside(Observer::Aibom),
        Where::Inside(Observer::Aibom),
        Where::Beside(Observer::Light),
        Where::Inside(Observer::Light),
        Where::Beside(Observer::Bpftrace),
        Where::Inside(Observer::Strace),
        Where::Inside(Observer::Opensnoop),
        Where::Inside(Observer::Fatrace),
    ];
    let mut rows: Vec<Calls> = places
        .map(|place| {
            let here = match place {
                Where::Nowhere => true,
                Where::Beside(observer) | Where::Inside(observer) => observer.works(stage),
            };
            Calls { place, here, getppid: Sample::default(), read: Sample::default() }
        })
        .into();
    let pipe = stage.pipe()?;
    for _ in 0..repetitions {
        for row in rows.iter_mut().filter(|row| row.here) {
            let (observer, held) = match row.place {
                Where::Nowhere => (Observer::Nobody, None),
                Where::Beside(observer) => (Observer::Nobody, Some(Held::start(stage, observer, &pipe)?)),
                Where::Inside(observer) => (observer, None),
            };
            for (kind, sample) in [("getppid", &mut row.getppid), ("read", &mut row.read)] {
                let [_, cpu] = stage.nanoseconds(observer, kind, COUNT, Path::new(""))?;
                sample.push(cpu);
            }
            if let Some(held) = held {
                held.end()?;
            }
        }
    }
    Ok(rows)
}

/// An observer with a process that does nothing until the pipe is closed.
struct Held {
    observer: Child,
    pipe: File,
}

impl Held {
    fn start(stage: &Stage, observer: Observer, pipe: &Path) -> Result<Self, BenchError> {
        let (words, _) = stage.load("hold", 0, pipe);
        let mut command = observer.command(stage, &words);
        stage.silence(&mut command)?;
        let program = command.get_program().display().to_string();
        let mut child =
            command.spawn().map_err(|source| BenchError::Start { program: program.clone(), source })?;
        // Opening waits for the reader, and thus for the tracer that started it.
        match super::stage::open_writer(pipe, &mut child) {
            Ok(pipe) => Ok(Self { observer: child, pipe }),
            Err(source) => Err(at(pipe)(source)),
        }
    }

    fn end(mut self) -> Result<(), BenchError> {
        drop(self.pipe);
        self.observer.wait().map(drop).map_err(|source| BenchError::System { what: "wait", source })
    }
}
