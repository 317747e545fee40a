//! The light profile: opens from fanotify in the place of the system call exits.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use bom_common::record::probe;
use bom_core::{
    coverage::{ProbeState, ProbeStatus},
    event::Task,
    input::{Input, Repeat},
    key::{ImageId, ProcessKey},
};

use super::SessionError;
use crate::{
    fanotify::{Opens, Taken},
    feed::Feed,
    host,
    probes::{Probes, Profile, Settings},
};

pub(super) const OPEN: &str = "fanotify_open";
pub(super) const ERRORS: &str = "fanotify_errors";

/// How often it is looked whether anything was mounted, at most.
const MOUNTS_EVERY: Duration = Duration::from_millis(40);

/// What stands in for the system call exits, or why nothing does.
#[derive(Debug)]
pub(super) struct Light {
    opens: Option<Opens>,
    states: Vec<ProbeState>,
    /// When the queue was read last, nanoseconds of CLOCK_BOOTTIME.
    read_ns: u64,
    /// There may be more in the queue.
    more: bool,
    mounts: Instant,
    unresolved: BTreeMap<Option<u64>, u64>,
    /// By subject, programs that processes became faster than their opens were told.
    over_limit: BTreeMap<u64, u64>,
    /// What was told of each loss.
    told: BTreeMap<(&'static str, Option<u64>), u64>,
}

/// What was asked for, and what became of that.
#[derive(Debug)]
pub(super) struct Asked(Option<Opens>, ProbeStatus);

impl Light {
    /// Asks for what stands in for the exits, before any of them is left out. Where it is refused, they are watched after
    /// all: to see more than was asked for at a higher price is better than to see nothing. `None` in another profile.
    pub(super) fn ask(settings: &mut Settings) -> Option<Asked> {
        if settings.profile != Profile::Light {
            return None;
        }
        let left_out = |name: &str| settings.without.contains(name);
        let asked = match Opens::watch(!left_out(ERRORS)) {
            _ if left_out(OPEN) => (None, ProbeStatus::LeftOut),
            Ok(opens) => (Some(opens), ProbeStatus::Attached),
            Err(error) => (None, ProbeStatus::Refused(error.to_string())),
        };
        if matches!(asked.1, ProbeStatus::Refused(_)) {
            settings.profile = Profile::Full;
        }
        Some(Asked(asked.0, asked.1))
    }

    pub(super) fn start(asked: Asked, settings: &Settings, feed: &mut Feed) -> Self {
        let left_out = |name: &str| settings.without.contains(name);
        let Asked(opens, status) = asked;
        let errors = match &opens {
            _ if left_out(OPEN) || left_out(ERRORS) => ProbeStatus::LeftOut,
            Some(opens) if opens.tells_errors() => ProbeStatus::Attached,
            Some(_) => ProbeStatus::Refused("fanotify_init: FAN_REPORT_FD_ERROR is not known".to_owned()),
            None => status.clone(),
        };
        feed.watch_owners(opens.as_ref().map(Opens::devices));
        let state = |number, name: &str, status| ProbeState { number, name: name.to_owned(), status };
        Self {
            opens,
            states: vec![
                state(probe::FANOTIFY_OPEN, OPEN, status),
                state(probe::FANOTIFY_ERRORS, ERRORS, errors),
            ],
            read_ns: 0,
            more: false,
            mounts: Instant::now(),
            unresolved: BTreeMap::new(),
            over_limit: BTreeMap::new(),
            told: BTreeMap::new(),
        }
    }

    pub(super) fn states(&self) -> &[ProbeState] {
        &self.states
    }

    /// Before the rings are read: what the kernel holds. What comes later comes after the records.
    pub(super) fn fetch(&mut self) {
        let Some(opens) = &mut self.opens else { return };
        let fetched = opens.fetch();
        // Only now: who started meanwhile can have opened what was read.
        self.read_ns = host::boot_ns();
        match fetched {
            Ok(more) => self.more = more,
            // It cannot be read any more: from now on it is silent.
            Err(_) => (self.opens, self.more) = (None, false),
        }
    }

    /// After the rings were read. Gives whether opens were lost, and whether there is more to be taken.
    pub(super) fn take(
        &mut self,
        probes: &Probes,
        feed: &mut Feed,
        emptied: bool,
    ) -> Result<(bool, bool), SessionError> {
        let (Some(opens), Some(mut owners)) = (&mut self.opens, feed.take_owners()) else {
            feed.take_reads()?;
            return Ok((self.tell(feed)?, false));
        };
        opens.meet_namespaces(&mut owners);
        if self.mounts.elapsed() >= MOUNTS_EVERY {
            self.mounts = Instant::now();
            opens.follow_mounts(&mut owners);
        }
        // Without the records of their makers, processes are nobody's.
        let taken = match emptied {
            true => opens.take(&mut owners, self.read_ns, |tgid| tracked(probes, tgid)),
            false => Taken::default(),
        };
        self.over_limit.clone_from(owners.over_limit());
        feed.put_owners(owners);
        for body in taken.opens {
            feed.open(probe::FANOTIFY_OPEN, self.read_ns, body)?;
        }
        feed.take_reads()?;
        if !taken.repeats.is_empty() {
            feed.input(Input::Repeats(taken.repeats))?;
        }
        for (subject, count) in taken.unresolved {
            *self.unresolved.entry(Some(subject)).or_insert(0) += count;
        }
        Ok((self.tell(feed)?, self.more))
    }

    /// A last look at what is mounted.
    pub(super) fn last_mounts(&mut self, feed: &mut Feed) -> Result<(), SessionError> {
        if let (Some(opens), Some(mut owners)) = (&mut self.opens, feed.take_owners()) {
            opens.follow_mounts(&mut owners);
            feed.put_owners(owners);
        }
        self.tell(feed).map(drop)
    }

    /// Opens a file of ours, of which the queue has to tell. To be followed by [`Self::fetch`] and [`Self::silent`].
    pub(super) fn call(&mut self) -> bool {
        self.opens.as_mut().is_some_and(Opens::call)
    }

    /// The probe as it is to be told if it did not tell of our call.
    pub(super) fn silent(&mut self) -> Option<ProbeState> {
        let quiet = self.opens.as_ref().is_some_and(|opens| opens.is_whole() && !opens.heard());
        if quiet { self.fell_silent() } else { None }
    }

    /// Once.
    fn fell_silent(&mut self) -> Option<ProbeState> {
        let state = self.states.iter_mut().find(|state| state.name == OPEN)?;
        if state.status != ProbeStatus::Attached {
            return None;
        }
        state.status = ProbeStatus::Silent;
        Some(state.clone())
    }

    /// How often each delivered open was repeated.
    pub(super) fn repeats(&self) -> Vec<Repeat> {
        self.opens.as_ref().map(Opens::repeats).unwrap_or_default()
    }

    /// Tells what was lost since it was told last.
    fn tell(&mut self, feed: &mut Feed) -> Result<bool, SessionError> {
        let mut lost: BTreeMap<(&'static str, Option<u64>), u64> = BTreeMap::new();
        for (subject, count) in &self.unresolved {
            lost.insert(("fanotify-unresolved", *subject), *count);
        }
        for (subject, count) in &self.over_limit {
            lost.insert(("fanotify-programs-over-limit", Some(*subject)), *count);
        }
        if let Some(opens) = &self.opens {
            lost.insert(("fanotify-overflow", None), opens.overflows());
            lost.insert(("fanotify-stalled", None), opens.stalled());
            let unmarked = u64::try_from(opens.unmarked().len()).unwrap_or(u64::MAX);
            lost.insert(("file-systems-unmarked", None), unmarked);
            for (subject, count) in opens.marked_late() {
                lost.insert(("file-systems-marked-late", *subject), *count);
            }
        }
        let mut grew = false;
        if self.opens.is_none()
            && let Some(state) = self.fell_silent()
        {
            grew = true;
            feed.input(Input::Probes { at_ns: host::boot_ns(), states: vec![state] })?;
        }
        for ((cause, subject), count) in lost {
            let told = self.told.entry((cause, subject)).or_insert(0);
            if count <= *told {
                continue;
            }
            *told = count;
            grew = true;
            let (at_ns, cause) = (host::boot_ns(), cause.to_owned());
            feed.input(Input::Lost { at_ns, cause, count, subject, from_ns: None })?;
        }
        Ok(grew)
    }
}

/// A process of which the probes' own table knows more than their records told.
fn tracked(probes: &Probes, tgid: u32) -> Option<Task> {
    let process = probes.process(tgid)?;
    Some(Task {
        process: ProcessKey { tgid, start_ns: process.start_ns },
        tid: tgid,
        image: ImageId(process.image),
        subject: process.subject,
        cgroup: 0,
        mount_namespace: 0,
    })
}
