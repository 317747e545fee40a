//! `aibom run`: one command, observed from its first instruction to its last.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    os::fd::AsFd as _,
    os::unix::process::ExitStatusExt as _,
    process::ExitStatus,
    time::{Duration, Instant},
};

use bom_common::record::probe;
use bom_core::{
    correlate::Correlator,
    identify::catalog::Catalog,
    input::{Finish, Input, Repeat, Start},
    key::{EpochId, ImageId, ProcessKey},
};
use tokio::{
    io::{Interest, unix::AsyncFd},
    time::MissedTickBehavior,
};

use crate::{
    cgroup::{CgroupError, Session},
    drain::Rings,
    feed::{Feed, FeedError, Recorder},
    host::{self, Host, HostError, Missing},
    launch::{self, Command, LaunchError, Signals},
    probes::{LoadError, Probes, Settings},
    work::{Pool, PoolSettings},
};

/// How often the rings are looked at when nothing wakes the reader.
const TICK: Duration = Duration::from_millis(40);
/// How long answers are waited for after the last record.
const SETTLE: Duration = Duration::from_secs(300);

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// What is missing, and how to get it.
    #[error("{0}")]
    Privilege(Missing),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Feed(#[from] FeedError),
    #[error(transparent)]
    Launch(#[from] LaunchError),
    #[error("{what}")]
    Io { what: &'static str, source: io::Error },
    #[error("no probe named {0:?}; docs/coverage.md lists them")]
    NoProbe(String),
}

/// What to run and how.
#[derive(Debug)]
pub struct Options {
    pub command: Command,
    /// How the subject is named in the document.
    pub name: String,
    pub linger: Duration,
    /// Wait for everything the command left behind.
    pub wait_all: bool,
    pub settings: Settings,
    pub catalog: Option<Catalog>,
    pub recorder: Option<Recorder>,
    /// Version of aibom.
    pub version: String,
}

/// What a status line shows.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub events: u64,
    /// Files whose content or owner is being looked up.
    pub pending: usize,
    pub elapsed: Duration,
    /// The command has ended; what it left behind, or the last answers, are waited for.
    pub ended: bool,
}

#[derive(Debug)]
pub struct Observed {
    pub correlator: Correlator,
    pub status: ExitStatus,
    /// From the start of the set-up to the start of the command.
    pub set_up: Duration,
    /// From the start of the command to its end.
    pub ran: Duration,
}

/// Runs the command and observes it. Needs a tokio runtime of the current thread with I/O and time.
pub async fn run(options: Options, mut progress: impl FnMut(Progress)) -> Result<Observed, RunError> {
    let begun = Instant::now();
    let this = Host::this();
    let missing = this.privileges();
    if !missing.is_empty() {
        return Err(RunError::Privilege(missing));
    }
    for name in &options.settings.without {
        if !crate::probes::PROBES.iter().any(|probe| probe.name == name) {
            return Err(RunError::NoProbe(name.clone()));
        }
    }
    let mut signals = Signals::catch().map_err(io_error("catch signals"))?;
    let mut session = Session::create("run")?;
    let mut probes = Probes::load(&options.settings)?;
    let directory = File::open(session.path()).map_err(io_error("open the session's cgroup"))?;
    probes.track(&directory, session.id(), &options.settings)?;
    let (common, rare) = probes.take_rings()?;
    let mut rings = Rings { common, rare };
    let pool = Pool::start(PoolSettings::default()).map_err(io_error("start worker threads"))?;
    let mut feed = Feed::new(pool, options.recorder);
    feed.input(Input::Start(Box::new(Start {
        epoch: EpochId { start_ns: host::boot_ns(), ..this.epoch()? },
        version: options.version,
        host: this.facts()?,
        cgroup: session.id(),
        name: options.name,
        before_first_instruction: true,
        at_ns: host::boot_ns(),
    })))?;
    if let Some(catalog) = options.catalog {
        feed.input(Input::Catalog(catalog))?;
    }
    feed.input(Input::Probes { at_ns: host::boot_ns(), states: probes.states().to_vec() })?;
    read_clock(&mut feed)?;

    let set_up = begun.elapsed();
    let mut child = launch::spawn(&options.command, &session)?;
    let started = Instant::now();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let waker = rings.rare.as_fd().try_clone_to_owned().map_err(io_error("poll the ring"))?;
    // SAFETY: the descriptor is owned by the registration and names the ring for as long as it lives.
    let waker = unsafe { AsyncFd::register_with_interest(waker, Interest::READABLE) };
    let waker = waker.map_err(|error| io_error("poll the ring")(error.into()))?;
    let mut status = None;
    let mut left = None;
    let status = loop {
        tokio::select! {
            exited = child.exited(), if status.is_none() => {
                let exited = exited.map_err(io_error("wait for the command"))?;
                status = Some((exited, started.elapsed()));
                left = Some(Instant::now());
            }
            number = signals.next() => {
                if status.is_none() {
                    Signals::pass_on(number, &child).map_err(io_error("pass a signal on"))?;
                } else {
                    // Nobody is left to pass it on to: stop waiting.
                    break status;
                }
            }
            ready = waker.readable() => {
                ready.map_err(io_error("poll the ring"))?.clear_ready();
                rings.drain(&mut feed)?;
            }
            _ = ticks.tick() => {
                rings.drain(&mut feed)?;
                feed.answers()?;
                progress(Progress {
                    events: feed.events(),
                    pending: feed.pending(),
                    elapsed: started.elapsed(),
                    ended: status.is_some(),
                });
            }
        }
        if let Some(left) = left {
            let waited = !options.wait_all && left.elapsed() >= options.linger;
            if waited || !session.is_populated()? {
                break status;
            }
        }
    };
    let (status, ran) = status.ok_or_else(|| RunError::Io {
        what: "wait for the command",
        source: io::ErrorKind::Interrupted.into(),
    })?;
    let members = session.members();
    end(&mut feed, &probes, &mut rings)?;
    drop(waker);
    feed.settle(SETTLE)?;
    read_clock(&mut feed)?;
    feed.input(Input::Finish(Box::new(Finish {
        at_ns: host::boot_ns(),
        status: u32::try_from(status.into_raw()).ok(),
        survivors: members.pids,
        survivors_cut: !members.complete,
    })))?;
    drop(probes);
    session.remove()?;
    Ok(Observed { correlator: feed.finish()?, status, set_up, ran })
}

/// The last records, then everything that was only counted.
fn end(feed: &mut Feed, probes: &Probes, rings: &mut Rings) -> Result<(), RunError> {
    rings.drain(feed)?;
    feed.finish_streams(host::boot_ns(), probe::CGROUP_SKB_EGRESS)?;
    let repeats = probes.opens()?;
    let mut repeats: Vec<Repeat> = repeats
        .into_iter()
        .filter(|(_, seen)| seen.count > 1)
        .map(|(key, seen)| Repeat {
            process: ProcessKey { tgid: key.tgid, start_ns: key.start_ns },
            image: ImageId(key.image),
            device: key.device,
            inode: key.inode,
            generation: key.generation,
            parent_inode: key.parent_inode,
            name_hash: key.name_hash,
            mount_id: key.mount_id,
            count: seen.count,
            last_ns: seen.last_ns,
        })
        .collect();
    repeats.sort_by_key(|repeat| (repeat.process, repeat.device, repeat.inode, repeat.name_hash));
    feed.input(Input::Repeats(repeats))?;
    let at_ns = host::boot_ns();
    let undecodable = feed.take_undecodable();
    if undecodable > 0 {
        feed.input(Input::Lost { at_ns, cause: "undecodable-records".to_owned(), count: undecodable })?;
    }
    let counters = probes.counters()?;
    let counters: BTreeMap<String, u64> =
        counters.into_iter().map(|(counter, value)| (counter.name().to_owned(), value)).collect();
    let misses = probes.recursion_misses();
    let recursion_misses = misses.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    feed.input(Input::Counters { at_ns, counters, recursion_misses })?;
    Ok(())
}

fn read_clock(feed: &mut Feed) -> Result<(), FeedError> {
    let (boot_ns, wall_ns) = host::clock();
    feed.input(Input::Clock { boot_ns, wall_ns })
}

fn io_error(what: &'static str) -> impl Fn(io::Error) -> RunError {
    move |source| RunError::Io { what, source }
}
