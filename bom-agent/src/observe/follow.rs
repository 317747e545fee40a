//! The loop of an observation that somebody else's processes do not wait for.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use bom_core::{correlate::Correlator, identify::catalog::Catalog};

use super::{Selection, Watch};
use crate::{
    feed::Recorder,
    launch::Signals,
    probes::Settings,
    session::{Engine, Look, SETTLE, SessionError, Setup, io_error},
};

/// How often it is looked whether anybody is left.
const ANYBODY: Duration = Duration::from_secs(1);

/// Whom to observe, and for how long.
#[derive(Debug)]
pub struct Options {
    pub selections: Vec<Selection>,
    /// `None`: until nobody is left, or a signal.
    pub limit: Option<Duration>,
    /// Between two sweeps.
    pub every: Duration,
    /// Made after the first sweep.
    pub ready_file: Option<PathBuf>,
    pub settings: Settings,
    pub catalog: Option<Catalog>,
    pub recorder: Option<Recorder>,
    /// Version of aibom.
    pub version: String,
}

/// What a status line shows.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub subjects: usize,
    pub events: u64,
    /// Files whose content or owner is being looked up.
    pub pending: usize,
    pub elapsed: Duration,
}

#[derive(Debug)]
pub struct Observed {
    pub correlator: Correlator,
    pub elapsed: Duration,
}

/// Observes until the time is over, nobody is left, or a signal comes. Needs a tokio runtime of the current thread
/// with I/O and time.
pub async fn observe(options: Options, mut progress: impl FnMut(Progress)) -> Result<Observed, SessionError> {
    let mut signals = Signals::catch().map_err(io_error("catch signals"))?;
    let Options { selections, limit, every, ready_file, settings, catalog, recorder, version } = options;
    let mut engine = Engine::start(Setup { settings, catalog, recorder, version })?;
    let mut watch = Watch::start(&mut engine, &selections)?;
    engine.ready()?;
    let started = Instant::now();
    // Before anything is said of somebody who runs already: what they are and hold.
    engine.sweep(Look::Everything)?;
    if let Some(file) = ready_file {
        std::fs::write(file, b"").map_err(io_error("make the ready file"))?;
    }
    let mut asked = Instant::now();
    loop {
        tokio::select! {
            _ = signals.next() => break,
            turned = engine.turn() => turned?,
        }
        watch.keep_up(&mut engine)?;
        if engine.since_sweep().is_none_or(|since| since >= every) {
            engine.sweep(Look::Everything)?;
        }
        progress(Progress {
            subjects: watch.len(),
            events: engine.events(),
            pending: engine.pending(),
            elapsed: started.elapsed(),
        });
        if limit.is_some_and(|limit| started.elapsed() >= limit) {
            break;
        }
        if asked.elapsed() >= ANYBODY {
            asked = Instant::now();
            if !watch.anybody(&mut engine)? {
                break;
            }
        }
    }
    let elapsed = started.elapsed();
    engine.sweep(Look::Everything)?;
    engine.conclude(&mut signals, SETTLE).await?;
    watch.keep_up(&mut engine)?;
    watch.finish(&mut engine)?;
    Ok(Observed { correlator: engine.finish()?, elapsed })
}
