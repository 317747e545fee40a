//! What the daemon takes: beside the load of a usual node, for a sweep, and until a loss is declared.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use crate::flood::Town;

use super::cgroup::Cgroup;
use super::daemon::{Daemon, Wish};
use super::error::{BenchError, at};
use super::mixed::{Around, NAMES, OPENS, PROGRAMS, REQUESTS, Server};
use super::observer::Observer;
use super::rate;
use super::sample::Sample;
use super::section::Bench;
use super::spent::Spent;
use super::stage::{self, as_f64};

/// How long the load of a node is held.
const SECONDS: u64 = 25;

fn system(what: &'static str) -> impl FnOnce(std::io::Error) -> BenchError {
    move |source| BenchError::System { what, source }
}

/// Starts a load in a cgroup.
fn start(cgroup: &Cgroup, words: &[OsString]) -> Result<Child, BenchError> {
    let mut command = cgroup.command(words);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command.spawn().map_err(|source| BenchError::Start { program: "load".to_owned(), source })
}

fn wait(mut child: Child) -> Result<(), BenchError> {
    let status = child.wait().map_err(system("wait"))?;
    if status.success() { Ok(()) } else { Err(BenchError::Missing("end of a load without an error")) }
}

pub(crate) fn load(bench: &Bench) -> Result<String, BenchError> {
    let stage = &bench.stage;
    let folder = bench.many()?;
    let town = Town::open().map_err(system("listen"))?;
    let server = Server::start().map_err(system("listen"))?;
    let around = Around { folder, http: server.address, names: town.names };
    let mut text = format!(
        "## The daemon beside the load of a node\n\n\
         {OPENS} opens of distinct files, {REQUESTS} HTTP requests (each a connection), {PROGRAMS} programs and {NAMES} names a \
         second, for {SECONDS} s. For such a load kubescape's node agent publishes 0.150 cores and 336 MiB. Aim: 0.03 cores, \
         60 MiB. A document every 10 s, a sweep every 30 s. What the probes themselves take is part of the load's CPU, given \
         against the same load without a daemon. One repetition.\n\n\
         | profile | daemon, cores | daemon, MiB resident | at its peak | the load's CPU, ratio to bare | records lost |\n\
         |---|---|---|---|---|---|\n"
    );
    let words = |out: &Path| -> Vec<OsString> {
        let (mut words, _) = stage.load("mixed", SECONDS, Path::new(&around.word()));
        // The file it writes to.
        if let Some(word) = words.get_mut(3) {
            *word = out.into();
        }
        words
    };
    let out = stage.file("load-mixed");
    let bare_group = Cgroup::new("bare")?;
    wait(start(&bare_group, &words(&out))?)?;
    let bare = Spent::read(&out)?;
    for (name, observer) in [("full", Observer::Aibom), ("light", Observer::Light)] {
        let cgroup = Cgroup::new(name)?;
        let daemon = Daemon::start(stage, &cgroup, Wish { observer, every: "10s", sweep: "30s" })?;
        let answered = server.answered.load(Ordering::Relaxed);
        let (cpu, begun) = (daemon.cpu()?, Instant::now());
        wait(start(&cgroup, &words(&out))?)?;
        // Until the document that tells of it.
        thread::sleep(Duration::from_secs(11));
        let (cpu, took) = (daemon.cpu()? - cpu, begun.elapsed());
        let [resident, peak] = daemon.memory()?;
        let lost = daemon.lost();
        let seen = daemon.counter("opens-seen");
        let answered = server.answered.load(Ordering::Relaxed) - answered;
        drop(daemon);
        let spent = Spent::read(&out)?;
        // The light profile counts its opens by other names.
        let few = observer == Observer::Aibom && seen < SECONDS * OPENS;
        if few || answered < SECONDS * REQUESTS {
            eprintln!("    {seen} opens seen, {answered} requests answered: less than was asked for");
        }
        let _ = writeln!(
            text,
            "| {name} | {:.3} | {resident:.1} | {peak:.1} | {:.3} | {lost} |",
            cpu / took.as_secs_f64(),
            spent.cpu.as_secs_f64() / bare.cpu.as_secs_f64(),
        );
    }
    Ok(text)
}

/// Open files of the processes that are swept: two, because one may often not have as many.
const HELD: u64 = 20_000;
/// Seconds, and sweeps.
const SWEEPS: u64 = 8;

pub(crate) fn sweep(bench: &Bench) -> Result<String, BenchError> {
    let stage = &bench.stage;
    let folder = bench.many()?;
    let mut cost = Vec::new();
    for held in [0, HELD] {
        let cgroup = Cgroup::new("sweep")?;
        let mut holders = Vec::new();
        for number in 0..2 {
            let pipe = stage.pipe_at(stage.file(&format!("sweep-pipe-{number}")))?;
            let (mut words, _) = stage.load(&format!("hold-{}", held / 2), 0, &pipe);
            words.push(folder.clone().into());
            let mut holder = start(&cgroup, &words)?;
            // It opens the pipe when it holds everything.
            let writer = stage::open_writer(&pipe, &mut holder).map_err(at(&pipe))?;
            holders.push((pipe, holder, writer));
        }
        let daemon =
            Daemon::start(stage, &cgroup, Wish { observer: Observer::Aibom, every: "1h", sweep: "1s" })?;
        // What the first sweep met has been looked at by now.
        let (cpu, begun) = (daemon.cpu()?, Instant::now());
        thread::sleep(Duration::from_secs(SWEEPS));
        let cpu = (daemon.cpu()? - cpu) * as_f64(SWEEPS) / begun.elapsed().as_secs_f64();
        let [resident, peak] = daemon.memory()?;
        cost.push((held, cpu / as_f64(SWEEPS), resident, peak));
        drop(daemon);
        for (pipe, holder, writer) in holders {
            drop(writer);
            wait(holder)?;
            fs::remove_file(&pipe).map_err(at(&pipe))?;
        }
    }
    let mut text = format!(
        "## A sweep\n\nThe daemon with a sweep every second, over two processes that together hold so many files open. CPU of the \
         daemon in {SWEEPS} s, by sweep; everything else that it does in a second is in it. The kernel goes through the open \
         files of the whole machine each time.\n\n\
         | files held | ms of CPU per sweep | MiB resident | at its peak |\n|---|---|---|---|\n"
    );
    for (held, seconds, resident, peak) in &cost {
        let _ = writeln!(text, "| {held} | {:.1} | {resident:.1} | {peak:.1} |", seconds * 1e3);
    }
    if let [(_, none, ..), (_, all, ..)] = cost.as_slice() {
        let _ = writeln!(text, "\nPer file: {:.0} ns.", (all - none) * 1e9 / as_f64(HELD));
    }
    Ok(text)
}

/// Longer than anybody would wait for a loss to be told.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn loss(bench: &Bench) -> Result<String, BenchError> {
    let stage = &bench.stage;
    let folder = bench.many()?;
    let repetitions = bench.few();
    let (mut seconds, mut lost) = (Sample::default(), Sample::default());
    for _ in 0..repetitions {
        let cgroup = Cgroup::new("loss")?;
        let daemon =
            Daemon::start(stage, &cgroup, Wish { observer: Observer::Aibom, every: "1s", sweep: "30s" })?;
        let before = daemon.counter("opens-lost");
        daemon.signal(libc::SIGSTOP)?;
        let (words, _) = stage.load("distinct", rate::FILES, &folder);
        let flooded = start(&cgroup, &words).and_then(wait);
        daemon.signal(libc::SIGCONT)?;
        flooded?;
        let begun = Instant::now();
        let mut found = before;
        while found == before && begun.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(10));
            found = daemon.counter("opens-lost");
        }
        if found > before {
            seconds.push(begun.elapsed().as_secs_f64());
        }
        lost.push(as_f64(found - before));
    }
    Ok(format!(
        "## From a loss to the document that declares it\n\n\
         The daemon (`--every 1s`) is stopped while {} distinct files are opened, more than its ring holds. The clock starts \
         when it goes on: before that moment it could tell nobody. {repetitions} repetitions. Aim: 1 s.\n\n\
         | | |\n|---|---|\n| opens lost | {} |\n| until a document says so, s | {} |\n| repetitions in which none said so | {} |\n",
        rate::FILES,
        lost.show(0),
        seconds.show(2),
        repetitions - seconds.count(),
    ))
}

/// Whether a program is installed.
pub(crate) fn is_here(program: &str, argument: &str) -> bool {
    let mut command = Command::new(program);
    command.arg(argument).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
