//! `aibom run`: one command, observed from its first instruction to its last.

use std::{
    fs::File,
    os::unix::process::ExitStatusExt as _,
    process::ExitStatus,
    time::{Duration, Instant},
};

use bom_core::{
    correlate::Correlator,
    identify::catalog::Catalog,
    input::{Ended, Subject, SubjectKind},
};

use crate::{
    cgroup::{CgroupError, Session},
    feed::Recorder,
    host,
    launch::{self, Child, Command, LaunchError, Signals},
    probes::Settings,
    session::{Engine, Look, SETTLE, SessionError, Setup, io_error},
};

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error(transparent)]
    Launch(#[from] LaunchError),
}

impl From<CgroupError> for RunError {
    fn from(error: CgroupError) -> Self {
        Self::Session(error.into())
    }
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
    let mut signals = Signals::catch().map_err(io_error("catch signals"))?;
    let Options { command, name, linger, wait_all, settings, catalog, recorder, version } = options;
    // Without probes there is no reason to make a cgroup.
    let mut engine = Engine::start(Setup { settings, catalog, recorder, version })?;
    let mut session = Session::create("run")?;
    let directory = File::open(session.path()).map_err(io_error("open the session's cgroup"))?;
    engine.attach(&directory);
    engine.probes().track_cgroup(session.id(), session.id()).map_err(SessionError::from)?;
    engine.subject(Subject {
        id: session.id(),
        name,
        before_first_instruction: true,
        kind: SubjectKind::Session,
        at_ns: host::boot_ns(),
    })?;
    engine.ready()?;

    let set_up = begun.elapsed();
    let mut looked = Ok(());
    // What it was given open, it did not open: that is looked at before it can be closed again.
    let look = || looked = engine.sweep(Look::Descriptors);
    let mut child = launch::spawn_held(&command, &session, look)?;
    let watch =
        Watch { started: Instant::now(), linger, wait_all, session: &session, progress: &mut progress };
    let followed = match looked {
        Ok(()) => watch.follow(&mut engine, &mut signals, &mut child).await,
        Err(error) => Err(error),
    };
    let (status, ran) = match followed {
        Ok(ended) => ended,
        Err(error) => {
            // What went wrong is ours: the command goes on to its own end before we say so.
            let _ = child.exited().await;
            return Err(error.into());
        }
    };
    let members = session.members();
    if !members.pids.is_empty() {
        // Whoever is left still holds what it holds.
        engine.sweep(Look::Everything)?;
    }
    engine.conclude(&mut signals, SETTLE).await?;
    engine.ended(Ended {
        subject: session.id(),
        at_ns: host::boot_ns(),
        status: u32::try_from(status.into_raw()).ok(),
        survivors: members.pids,
        survivors_cut: !members.complete,
    })?;
    let correlator = engine.finish()?;
    session.remove()?;
    Ok(Observed { correlator, status, set_up, ran })
}

/// What the loop needs to know.
struct Watch<'a, F> {
    started: Instant,
    linger: Duration,
    wait_all: bool,
    session: &'a Session,
    progress: &'a mut F,
}

impl<F: FnMut(Progress)> Watch<'_, F> {
    /// Turns the engine until the command has ended and nobody is left, or nobody is waited for any
    /// more. Gives its status and how long it ran.
    async fn follow(
        self,
        engine: &mut Engine,
        signals: &mut Signals,
        child: &mut Child,
    ) -> Result<(ExitStatus, Duration), SessionError> {
        let mut ended: Option<(ExitStatus, Duration, Instant)> = None;
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
                turned = engine.turn() => {
                    turned?;
                    (self.progress)(Progress {
                        events: engine.events(),
                        pending: engine.pending(),
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
