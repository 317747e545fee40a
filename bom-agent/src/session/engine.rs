//! Probes, rings, feed and sweeps, and the handle that turns them.

use std::{
    collections::BTreeSet,
    fs::File,
    os::fd::{AsFd as _, OwnedFd},
    sync::Arc,
    time::{Duration, Instant},
};

use bom_core::{
    correlate::Correlator,
    coverage::{ProbeState, ProbeStatus},
    decode::CgroupLife,
    identify::catalog::Catalog,
    input::{Ended, Input, Pod, Start, Subject},
    key::EpochId,
    stream::Settings as StreamSettings,
};
use bom_extract::Digests;
use tokio::{
    io::{Interest, unix::AsyncFd},
    time::{Interval, MissedTickBehavior},
};

use super::{Ledger, Look, SessionError, Sweeper, end, io_error, light::Light};
use crate::{
    canary::Canary,
    drain::Rings,
    feed::{Feed, Recorder},
    flows,
    host::{self, Host},
    launch::Signals,
    probes::{PROBES, Probes, Settings},
    work::{Pool, PoolSettings},
};

/// How often the rings are looked at when nothing wakes the reader.
const TICK: Duration = Duration::from_millis(40);
/// How long answers are waited for after the last record, by a command that somebody waits for.
pub const SETTLE: Duration = Duration::from_secs(300);
/// How long is waited between two sweeps at least.
const REST: Duration = Duration::from_secs(1);
/// How often the canary sings.
const SONG: Duration = Duration::from_secs(30);
/// How often the counts of UDP peers and accepted connections are read.
const FLOWS: Duration = Duration::from_secs(30);
/// A loss asks for a sweep, but sweeps take at most this part of the time.
const SWEEP_SHARE: u32 = 20;

/// What is chosen before anything is observed.
#[derive(Debug)]
pub struct Setup {
    pub settings: Settings,
    pub catalog: Option<Catalog>,
    pub recorder: Option<Recorder>,
    /// Version of aibom.
    pub version: String,
}

/// A running observation.
#[expect(missing_debug_implementations, reason = "the rings themselves have none")]
pub struct Engine {
    pub(super) probes: Probes,
    pub(super) rings: Rings,
    pub(super) feed: Feed,
    /// In the light profile.
    pub(super) light: Option<Light>,
    settings: Settings,
    sweeper: Sweeper,
    waker: AsyncFd<OwnedFd>,
    ticks: Interval,
    pub(super) ledger: Ledger,
    flowed: Instant,
    /// Something was lost since the last sweep.
    wounded: bool,
    /// When the canary sang last, and when the links were looked at.
    checked: Instant,
    looked: Instant,
    detached: BTreeSet<&'static str>,
    swept: Option<(Instant, Duration)>,
    /// The last answers are in.
    concluded: bool,
}

impl Engine {
    /// Loads the probes and opens the epoch; nobody is observed yet. Needs a tokio runtime with I/O and time.
    pub fn start(setup: Setup) -> Result<Self, SessionError> {
        let Setup { mut settings, catalog, recorder, version } = setup;
        let this = Host::this();
        let missing = this.privileges();
        if !missing.is_empty() {
            return Err(SessionError::Privilege(missing));
        }
        for name in &settings.without {
            if !PROBES.iter().any(|probe| probe.name == name) {
                return Err(SessionError::NoProbe(name.clone()));
            }
        }
        let asked = Light::ask(&mut settings);
        let mut probes = Probes::load(&settings)?;
        let mut rings = probes.take_rings()?;
        // Before anybody is looked for, so that its cgroup is nobody's.
        let canary = Canary::new(&mut probes, &settings);
        let cache = settings.digest_cache.as_deref().map(Digests::open).transpose()?;
        let pool_settings = PoolSettings { digests: cache.map(Arc::new), ..PoolSettings::default() };
        let pool = Pool::start(pool_settings).map_err(io_error("start worker threads"))?;
        let mut feed = Feed::new(pool, recorder, StreamSettings { http_model: settings.http_model });
        feed.input(Input::Start(Box::new(Start {
            epoch: EpochId { start_ns: host::boot_ns(), ..this.epoch()? },
            version,
            host: this.facts()?,
            at_ns: host::boot_ns(),
        })))?;
        if let Some(catalog) = catalog {
            feed.input(Input::Catalog(catalog))?;
        }
        match canary {
            Ok(canary) => rings.canary = Some(canary),
            // Nobody would find out that a probe is silent.
            Err(_) => {
                let (at_ns, cause) = (host::boot_ns(), "canary-not-made".to_owned());
                feed.input(Input::Lost { at_ns, cause, count: 1, subject: None, from_ns: None })?;
            }
        }
        let light = asked.map(|asked| Light::start(asked, &settings, &mut feed));
        let waker = rings.rare.as_fd().try_clone_to_owned().map_err(io_error("poll the ring"))?;
        // SAFETY: the descriptor is owned by the registration and names the ring for as long as it lives.
        let waker = unsafe { AsyncFd::register_with_interest(waker, Interest::READABLE) };
        let waker = waker.map_err(|error| io_error("poll the ring")(error.into()))?;
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            probes,
            rings,
            feed,
            light,
            settings,
            sweeper: Sweeper::default(),
            waker,
            ticks,
            ledger: Ledger::default(),
            flowed: Instant::now(),
            wounded: false,
            checked: Instant::now(),
            looked: Instant::now(),
            detached: BTreeSet::new(),
            swept: None,
            concluded: false,
        })
    }

    /// Attaches the probes that sit on a cgroup; they see everything below it as well.
    pub fn attach(&mut self, cgroup: &File) {
        self.probes.attach_streams(cgroup, &self.settings);
    }

    pub fn probes(&mut self) -> &mut Probes {
        &mut self.probes
    }

    /// Says what became of the probes, and what time it is.
    pub fn ready(&mut self) -> Result<(), SessionError> {
        let mut states = self.sweeper.states(&self.probes);
        states.extend(self.light.iter().flat_map(Light::states).cloned());
        self.feed.input(Input::Probes { at_ns: host::boot_ns(), states })?;
        self.check_probes()?;
        self.read_clock()
    }

    pub fn subject(&mut self, subject: Subject) -> Result<(), SessionError> {
        self.probes.share(subject.id)?;
        Ok(self.feed.input(Input::Subject(subject))?)
    }

    /// Which Kubernetes container a subject is.
    pub fn pod(&mut self, subject: u64, pod: Pod) -> Result<(), SessionError> {
        Ok(self.feed.input(Input::Pod { subject, pod })?)
    }

    /// As [`Self::subject`], once something of it is met.
    pub fn expect(&mut self, subject: Subject) {
        self.feed.expect(subject);
    }

    /// The observation of one subject is over.
    pub fn ended(&mut self, ended: Ended) -> Result<(), SessionError> {
        if !self.concluded {
            let subject = Some(ended.subject);
            self.feed.input(Input::Recheck { subject, at_ns: host::boot_ns() })?;
        }
        self.probes.unshare(ended.subject)?;
        self.feed.forget(ended.subject);
        Ok(self.feed.input(Input::Ended(Box::new(ended)))?)
    }

    /// Waits until the probes have something to tell or a while has passed, and takes it in. Safe to cancel.
    pub async fn turn(&mut self) -> Result<(), SessionError> {
        tokio::select! {
            ready = self.waker.readable() => {
                ready.map_err(io_error("poll the ring"))?.clear_ready();
                self.drain()?;
            }
            _ = self.ticks.tick() => {
                self.drain()?;
                self.feed.answers()?;
                self.look_for_losses()?;
                if self.flowed.elapsed() >= FLOWS {
                    self.read_flows()?;
                }
            }
        }
        Ok(())
    }

    /// Takes in what the probes have to tell; true if there may be more.
    pub(super) fn drain(&mut self) -> Result<bool, SessionError> {
        if let Some(light) = &mut self.light {
            light.fetch();
        }
        let mut more = self.rings.drain(&mut self.feed)?;
        if let Some(light) = &mut self.light {
            let (lost, waits) = light.take(&self.probes, &mut self.feed, !more)?;
            self.wounded |= lost;
            more |= waits;
        }
        Ok(more)
    }

    /// Takes in who was sent datagrams, and how often the subjects were called.
    pub(super) fn read_flows(&mut self) -> Result<(), SessionError> {
        self.flowed = Instant::now();
        flows::read(&mut self.probes, &mut self.feed, host::boot_ns())
    }

    /// What was lost since the last look is declared now, and healed by a sweep as far as it still is there.
    fn look_for_losses(&mut self) -> Result<(), SessionError> {
        if self.checked.elapsed() >= SONG {
            self.check_probes()?;
        } else if self.looked.elapsed() >= REST {
            self.looked = Instant::now();
            self.check_links()?;
        }
        self.wounded |= self.ledger.look(&mut self.probes, &mut self.feed)?;
        let rested = self.swept.is_none_or(|(at, took)| at.elapsed() > (took * SWEEP_SHARE).max(REST));
        if self.wounded && rested {
            self.sweep(Look::Everything)?;
        }
        Ok(())
    }

    /// Lets the canary sing, and tells which attached probe did not tell of it.
    pub fn check_probes(&mut self) -> Result<(), SessionError> {
        self.checked = Instant::now();
        let sung = match self.rings.canary.as_mut() {
            Some(canary) => canary.sing().map_err(io_error("start a canary"))?,
            None => return Ok(()),
        };
        // All it did is done; what it brought is in the rings.
        while self.rings.drain(&mut self.feed)? {}
        let called = self.light.as_mut().is_some_and(Light::call);
        self.drain()?;
        let mut states = match self.rings.canary.as_mut() {
            Some(canary) => canary.judge(&self.probes, &sung)?,
            None => Vec::new(),
        };
        states.extend(self.light.as_mut().filter(|_| called).and_then(Light::silent));
        self.silent(states)?;
        self.check_links()
    }

    /// Tells which probes somebody detached from a cgroup of ours since the last look.
    pub(super) fn check_links(&mut self) -> Result<(), SessionError> {
        let gone: BTreeSet<&'static str> =
            self.probes.detached().into_iter().filter(|probe| self.detached.insert(probe)).collect();
        let probes = PROBES.iter().filter(|probe| gone.contains(probe.name));
        let states = probes.map(|probe| {
            let name = probe.name.to_owned();
            ProbeState { number: probe.number, name, status: ProbeStatus::Silent }
        });
        self.silent(states.collect())
    }

    fn silent(&mut self, states: Vec<ProbeState>) -> Result<(), SessionError> {
        match states.is_empty() {
            true => Ok(()),
            false => Ok(self.feed.input(Input::Probes { at_ns: host::boot_ns(), states })?),
        }
    }

    /// Takes in what is there now.
    pub fn sweep(&mut self, look: Look) -> Result<(), SessionError> {
        let begun = Instant::now();
        self.sweeper.sweep(&mut self.probes, &mut self.rings, &mut self.feed, look)?;
        if look == Look::Everything {
            self.wounded = false;
            self.swept = Some((Instant::now(), begun.elapsed()));
        }
        Ok(())
    }

    /// How long ago the last whole sweep was.
    pub fn since_sweep(&self) -> Option<Duration> {
        self.swept.map(|(at, _)| at.elapsed())
    }

    /// Cgroups that came and went since the last call.
    pub fn take_cgroups(&mut self) -> Vec<CgroupLife> {
        self.feed.take_cgroups()
    }

    pub fn correlator(&self) -> &Correlator {
        self.feed.correlator()
    }

    pub fn events(&self) -> u64 {
        self.feed.events()
    }

    /// Files whose content or owner is being looked up.
    pub fn pending(&self) -> usize {
        self.feed.pending()
    }

    /// Both clocks, read together.
    pub fn read_clock(&mut self) -> Result<(), SessionError> {
        let (boot_ns, wall_ns) = host::clock();
        Ok(self.feed.input(Input::Clock { boot_ns, wall_ns })?)
    }

    /// Something was missed on this side of the probes.
    pub fn lost(&mut self, cause: &str, count: u64) -> Result<(), SessionError> {
        let cause = cause.to_owned();
        let at_ns = host::boot_ns();
        Ok(self.feed.input(Input::Lost { at_ns, cause, count, subject: None, from_ns: None })?)
    }

    /// Nobody observed between these two moments, nanoseconds of CLOCK_BOOTTIME.
    pub fn gap(&mut self, cause: &str, from_ns: u64, to_ns: u64) -> Result<(), SessionError> {
        let cause = cause.to_owned();
        let from_ns = Some(from_ns);
        Ok(self.feed.input(Input::Lost { at_ns: to_ns, cause, count: 1, subject: None, from_ns })?)
    }

    /// The last records, everything that was only counted, and the answers that are still out, as far as `patience`
    /// goes. What comes after it is not observed.
    pub async fn conclude(&mut self, signals: &mut Signals, patience: Duration) -> Result<(), SessionError> {
        end::last_records(self)?;
        end::settle(&mut self.feed, signals, patience).await?;
        // Only now, when nothing that was observed can still write.
        self.feed.input(Input::Recheck { subject: None, at_ns: host::boot_ns() })?;
        end::settle(&mut self.feed, signals, patience).await?;
        self.concluded = true;
        self.read_clock()
    }

    /// Counters and repetitions as they stand, for a document that is written in between.
    pub fn take_stock(&mut self) -> Result<(), SessionError> {
        self.drain()?;
        self.feed.answers()?;
        self.read_flows()?;
        self.ledger.now(&self.probes, &mut self.feed)?;
        self.read_clock()
    }

    /// Detaches the probes and gives what was observed.
    pub fn finish(mut self) -> Result<Correlator, SessionError> {
        self.feed.input(Input::Finish { at_ns: host::boot_ns() })?;
        self.probes.detach();
        Ok(self.feed.finish()?)
    }
}
