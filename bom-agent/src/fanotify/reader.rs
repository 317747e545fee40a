//! A thread that reads the queue: the kernel opens each file for us, and a file system whose server does not answer
//! lets only this thread wait.

use std::{
    io,
    os::fd::AsFd as _,
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use bom_core::event::OpenedFile;

use super::{
    FanotifyError,
    describe::{Described, Types, describe},
    queue::{Queue, Told},
};

/// Readings of one round; each brings up to some 170 events.
const READINGS: usize = 64;
/// How long one round may take before the caller goes on without it.
const PATIENCE: Duration = Duration::from_secs(2);

/// An event that was read and not yet given to its process. Nobody's descriptors are held.
#[derive(Debug)]
pub(super) enum Read {
    Open {
        tgid: u32,
        executed: bool,
        file: Box<OpenedFile>,
    },
    /// The kernel could not open the file for us, or did not say what it is.
    Unresolved {
        tgid: u32,
    },
    Overflow,
}

/// One round.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) events: Vec<Read>,
    /// The queue was empty at its end.
    pub(super) whole: bool,
    /// Our own process was among them.
    pub(super) own: bool,
}

#[derive(Debug)]
pub(super) struct Reader {
    ask: Sender<()>,
    rounds: Receiver<Result<Round, io::Error>>,
    /// When a round was asked for that has not come.
    out: Option<Instant>,
    stalled: u64,
}

impl Reader {
    pub(super) fn start(queue: Arc<Queue>) -> Result<Self, FanotifyError> {
        let (ask, asked) = mpsc::channel();
        let (give, rounds) = mpsc::channel();
        let own = std::process::id();
        let work = move || {
            let mut types = Types::default();
            for () in asked {
                if give.send(round(&queue, &mut types, own)).is_err() {
                    return;
                }
            }
        };
        let builder = thread::Builder::new().name("fanotify".to_owned());
        builder.spawn(work).map_err(FanotifyError::Thread)?;
        Ok(Self { ask, rounds, out: None, stalled: 0 })
    }

    /// The next round; `None` if it takes longer than it should, and comes with a later call.
    pub(super) fn round(&mut self) -> Result<Option<Round>, FanotifyError> {
        let gone = || FanotifyError::Read(io::Error::other("the reading thread is gone"));
        let patience = match self.out {
            Some(_) => Duration::ZERO,
            None => {
                self.ask.send(()).map_err(|_| gone())?;
                self.out = Some(Instant::now());
                PATIENCE
            }
        };
        match self.rounds.recv_timeout(patience) {
            Ok(round) => {
                self.out = None;
                round.map(Some).map_err(FanotifyError::Read)
            }
            Err(RecvTimeoutError::Timeout) => {
                self.stalled = self.stalled.saturating_add(u64::from(!patience.is_zero()));
                Ok(None)
            }
            Err(RecvTimeoutError::Disconnected) => Err(gone()),
        }
    }

    /// Rounds that took longer than they should.
    pub(super) fn stalled(&self) -> u64 {
        self.stalled
    }
}

fn round(queue: &Queue, types: &mut Types, own: u32) -> io::Result<Round> {
    let mut round = Round { events: Vec::new(), whole: false, own: false };
    for _ in 0..READINGS {
        let told = match queue.read() {
            Ok(told) if told.is_empty() => {
                round.whole = true;
                break;
            }
            Ok(told) => told,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // Before FAN_REPORT_FD_ERROR: of the first file, which is lost. `Queue::tells_errors` is a rule's concern.
            Err(error) if error.raw_os_error() != Some(libc::EFAULT) && !queue.tells_errors => continue,
            Err(error) => return Err(error),
        };
        for event in told {
            match event {
                Told::Overflow => round.events.push(Read::Overflow),
                // What we open ourselves is nobody's.
                Told::Open { tgid, .. } if tgid == own => round.own = true,
                Told::Open { tgid, executed, file } => {
                    let described = file.as_ref().map(|file| describe(file.as_fd(), types));
                    match described {
                        Some(Described::File(file)) => {
                            round.events.push(Read::Open { tgid, executed, file });
                        }
                        Some(Described::NoFile) => {}
                        Some(Described::Gone) | None => round.events.push(Read::Unresolved { tgid }),
                    }
                }
            }
        }
    }
    Ok(round)
}
