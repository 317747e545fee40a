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

use bom_common::{counter::Counter, record::probe};
use bom_core::{
    correlate::Correlator,
    identify::catalog::Catalog,
    input::{Ended, Input, Repeat, Start, Subject},
    key::{EpochId, FileKey, ImageId, ProcessKey},
    stream::Settings as StreamSettings,
};
use tokio::{
    io::{Interest, unix::AsyncFd},
    time::MissedTickBehavior,
};

use crate::{
    cgroup::{CgroupError, Session},
    drain::Rings,
    feed::{Feed, FeedError, Recorder},
    flows::{self, FlowError},
    host::{self, Host, HostError, Missing},
    launch::{self, Child, Command, LaunchError, Signals},
    probes::{LoadError, Probes, Settings},
    work::{Pool, PoolSettings},
};

/// How often the rings are looked at when nothing wakes the reader.
const TICK: Duration = Duration::from_millis(40);
/// How often counts are read out of the probes' tables.
const COUNTS: Duration = Duration::from_secs(30);
/// How long the rings are emptied for at the end, if somebody keeps filling them.
const LAST_RECORDS: Duration = Duration::from_secs(20);
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
    Flows(#[from] FlowError),
    #[error(transparent)]
    Launch(#[from] LaunchError),
    #[error("{what}")]
    Io { what: &'static str, source: io::Error },
    #[error("no probe named {0:?}; docs/probes.md lists them")]
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
    /// Look for the names of models in requests in plain text.
    pub http_model: bool,
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
    let mut feed = Feed::new(pool, options.recorder, StreamSettings { http_model: options.http_model });
    feed.input(Input::Start(Box::new(Start {
        epoch: EpochId { start_ns: host::boot_ns(), ..this.epoch()? },
        version: options.version,
        host: this.facts()?,
        at_ns: host::boot_ns(),
    })))?;
    feed.input(Input::Subject(Subject {
        id: session.id(),
        name: options.name,
        before_first_instruction: true,
        at_ns: host::boot_ns(),
    }))?;
    if let Some(catalog) = options.catalog {
        feed.input(Input::Catalog(catalog))?;
    }
    feed.input(Input::Probes { at_ns: host::boot_ns(), states: probes.states().to_vec() })?;
    read_clock(&mut feed)?;

    let set_up = begun.elapsed();
    let mut child = launch::spawn(&options.command, &session)?;
    let watch = Watch {
        started: Instant::now(),
        linger: options.linger,
        wait_all: options.wait_all,
        session: &session,
        probes: &mut probes,
        progress: &mut progress,
    };
    let followed = watch.follow(&mut feed, &mut rings, &mut signals, &mut child).await;
    let (status, ran) = match followed {
        Ok(ended) => ended,
        Err(error) => {
            // What went wrong is ours: the command goes on to its own end before we say so.
            let _ = child.exited().await;
            return Err(error);
        }
    };
    let members = session.members();
    end(&mut feed, &mut probes, &mut rings)?;
    settle(&mut feed, &mut signals).await?;
    read_clock(&mut feed)?;
    let at_ns = host::boot_ns();
    feed.input(Input::Ended(Box::new(Ended {
        subject: session.id(),
        at_ns,
        status: u32::try_from(status.into_raw()).ok(),
        survivors: members.pids,
        survivors_cut: !members.complete,
    })))?;
    feed.input(Input::Finish { at_ns })?;
    drop(probes);
    session.remove()?;
    Ok(Observed { correlator: feed.finish()?, status, set_up, ran })
}

/// What the loop needs to know.
struct Watch<'a, F> {
    started: Instant,
    linger: Duration,
    wait_all: bool,
    session: &'a Session,
    probes: &'a mut Probes,
    progress: &'a mut F,
}

impl<F: FnMut(Progress)> Watch<'_, F> {
    /// Drains the rings until the command has ended and nobody is left, or nobody is waited for any
    /// more. Gives its status and how long it ran.
    async fn follow(
        self,
        feed: &mut Feed,
        rings: &mut Rings,
        signals: &mut Signals,
        child: &mut Child,
    ) -> Result<(ExitStatus, Duration), RunError> {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let waker = rings.rare.as_fd().try_clone_to_owned().map_err(io_error("poll the ring"))?;
        // SAFETY: the descriptor is owned by the registration and names the ring for as long as it lives.
        let waker = unsafe { AsyncFd::register_with_interest(waker, Interest::READABLE) };
        let waker = waker.map_err(|error| io_error("poll the ring")(error.into()))?;
        let mut ended: Option<(ExitStatus, Duration, Instant)> = None;
        let mut counted = Instant::now();
        loop {
            tokio::select! {
                exited = child.exited(), if ended.is_none() => {
                    let exited = exited.map_err(io_error("wait for the command"))?;
                    ended = Some((exited, self.started.elapsed(), Instant::now()));
                }
                number = signals.next() => match ended {
                    // Nobody is left to pass it on to: stop waiting.
                    Some((status, ran, _)) => return Ok((status, ran)),
                    None => drop(Signals::pass_on(number, child).map_err(io_error("pass a signal on"))?),
                },
                ready = waker.readable() => {
                    ready.map_err(io_error("poll the ring"))?.clear_ready();
                    rings.drain(feed)?;
                }
                _ = ticks.tick() => {
                    rings.drain(feed)?;
                    feed.answers()?;
                    if counted.elapsed() >= COUNTS {
                        counted = Instant::now();
                        flows::read(self.probes, feed, host::boot_ns())?;
                    }
                    (self.progress)(Progress {
                        events: feed.events(),
                        pending: feed.pending(),
                        elapsed: self.started.elapsed(),
                        ended: ended.is_some(),
                    });
                }
            }
            if let Some((status, ran, left)) = ended {
                let waited = !self.wait_all && left.elapsed() >= self.linger;
                if waited || !self.session.is_populated()? {
                    return Ok((status, ran));
                }
            }
        }
    }
}

/// Waits for the answers that are still out: until all are there, the time is over, or a signal
/// says that it takes too long. What is open then counts as unknown.
async fn settle(feed: &mut Feed, signals: &mut Signals) -> Result<(), RunError> {
    let deadline = Instant::now() + SETTLE;
    feed.answers()?;
    while feed.pending() > 0 && Instant::now() < deadline {
        tokio::select! {
            _ = signals.next() => break,
            () = tokio::time::sleep(Duration::from_millis(5)) => feed.answers()?,
        }
    }
    Ok(())
}

/// The last records, then everything that was only counted.
fn end(feed: &mut Feed, probes: &mut Probes, rings: &mut Rings) -> Result<(), RunError> {
    // What survivors go on to do must not keep us here.
    let deadline = Instant::now() + LAST_RECORDS;
    while rings.drain(feed)? {
        if Instant::now() >= deadline {
            let lost =
                Input::Lost { at_ns: host::boot_ns(), cause: "undrained-records".to_owned(), count: 1 };
            feed.input(lost)?;
            break;
        }
    }
    feed.finish_streams(host::boot_ns(), probe::CGROUP_SKB_EGRESS)?;
    flows::read(probes, feed, host::boot_ns())?;
    let repeats = probes.opens()?;
    let mut repeats: Vec<Repeat> = repeats
        .into_iter()
        .filter(|(_, seen)| seen.count > 1)
        .map(|(key, seen)| Repeat {
            process: ProcessKey { tgid: key.tgid, start_ns: key.start_ns },
            image: ImageId(key.image),
            file: FileKey {
                device: key.device,
                inode: key.inode,
                generation: key.generation,
                size: key.size,
                ctime_s: key.ctime_s,
                ctime_ns: key.ctime_ns,
            },
            access: key.access,
            parent_inode: key.parent_inode,
            name_hash: key.name_hash,
            mount_id: key.mount_id,
            count: seen.count,
            last_ns: seen.last_ns,
        })
        .collect();
    repeats.sort_by_key(|repeat| (repeat.process, repeat.file, repeat.name_hash, repeat.access));
    feed.input(Input::Repeats(repeats))?;
    let at_ns = host::boot_ns();
    let undecodable = feed.take_undecodable();
    if undecodable > 0 {
        feed.input(Input::Lost { at_ns, cause: "undecodable-records".to_owned(), count: undecodable })?;
    }
    let counters = named(probes.counters()?);
    let subjects = probes.subject_counters()?.into_iter().map(|(id, counts)| (id, named(counts))).collect();
    let misses = probes.recursion_misses();
    let recursion_misses = misses.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    feed.input(Input::Counters { at_ns, counters, subjects, recursion_misses })?;
    Ok(())
}

fn named(counts: BTreeMap<Counter, u64>) -> BTreeMap<String, u64> {
    counts.into_iter().map(|(counter, value)| (counter.name().to_owned(), value)).collect()
}

fn read_clock(feed: &mut Feed) -> Result<(), FeedError> {
    let (boot_ns, wall_ns) = host::clock();
    feed.input(Input::Clock { boot_ns, wall_ns })
}

fn io_error(what: &'static str) -> impl Fn(io::Error) -> RunError {
    move |source| RunError::Io { what, source }
}
