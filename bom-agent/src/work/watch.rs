//! Whether a worker still gets somewhere, and whether it should.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bom_core::input::Reason;

/// Shared by a worker, which beats it after each system call that can block, and the pool, which looks at it.
#[derive(Debug)]
pub(super) struct Watch {
    stop: Arc<AtomicBool>,
    start: Instant,
    /// Milliseconds since `start` of the last sign of life.
    last: AtomicU64,
}

/// Why a worker has to leave its question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("out of time")]
pub(super) struct OutOfTime;

impl Watch {
    pub(super) fn new(stop: Arc<AtomicBool>) -> Self {
        Self { stop, start: Instant::now(), last: AtomicU64::new(0) }
    }

    /// A sign of life; an error when the pool ends.
    pub(super) fn beat(&self) -> Result<(), OutOfTime> {
        self.last.store(self.now(), Ordering::Relaxed);
        if self.stop.load(Ordering::Relaxed) { Err(OutOfTime) } else { Ok(()) }
    }

    /// How long there was no sign of life.
    pub(super) fn silence(&self) -> Duration {
        Duration::from_millis(self.now().saturating_sub(self.last.load(Ordering::Relaxed)))
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl From<OutOfTime> for Reason {
    fn from(OutOfTime: OutOfTime) -> Self {
        Self::Deadline
    }
}
