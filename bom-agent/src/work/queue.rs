//! Questions on their way to the workers and answers on their way back.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bom_core::input::{Answer, Request, Work};

/// Kinds of questions that do not wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    Inspect,
    Owner,
    Digest,
}

/// Both directions, bounded.
#[derive(Debug)]
pub(super) struct Queue {
    capacity: usize,
    questions: Mutex<Questions>,
    asked: Condvar,
    answers: Mutex<VecDeque<(u64, Answer)>>,
    answered: Condvar,
}

#[derive(Debug, Default)]
struct Questions {
    lanes: BTreeMap<Lane, BTreeMap<Rank, Work>>,
    arrivals: u64,
    closed: bool,
}

/// Small before large for digests, else in order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    size: u64,
    arrival: u64,
}

impl Lane {
    pub(super) fn of(request: Request) -> Self {
        match request {
            Request::Inspect | Request::Locate | Request::Recheck => Self::Inspect,
            Request::Owner | Request::Origin => Self::Owner,
            Request::Digest => Self::Digest,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Inspect => "inspect",
            Self::Owner => "owner",
            Self::Digest => "digest",
        }
    }
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            questions: Mutex::default(),
            asked: Condvar::new(),
            answers: Mutex::default(),
            answered: Condvar::new(),
        }
    }

    /// Gives the work back if its lane is full, or too many answers were not fetched.
    #[expect(clippy::result_large_err, reason = "the work comes back as it went in, and seldom")]
    pub(super) fn ask(&self, work: Work) -> Result<(), Work> {
        if lock(&self.answers).len() >= self.capacity {
            return Err(work);
        }
        let mut questions = lock(&self.questions);
        let arrival = questions.arrivals;
        questions.arrivals += 1;
        let lane = questions.lanes.entry(Lane::of(work.request)).or_default();
        if lane.len() >= self.capacity {
            return Err(work);
        }
        let size = match work.request {
            Request::Digest => work.file.key.size,
            Request::Inspect | Request::Owner | Request::Locate | Request::Recheck | Request::Origin => 0,
        };
        lane.insert(Rank { size, arrival }, work);
        drop(questions);
        // All, because one wake-up could reach a worker of another lane.
        self.asked.notify_all();
        Ok(())
    }

    /// Waits for a question of this lane; `None` when the queue was closed.
    pub(super) fn take(&self, lane: Lane) -> Option<Work> {
        let mut questions = lock(&self.questions);
        loop {
            if questions.closed {
                return None;
            }
            if let Some((_, work)) = questions.lanes.entry(lane).or_default().pop_first() {
                return Some(work);
            }
            questions = self.asked.wait(questions).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Forgets the questions that wait and lets the workers go.
    pub(super) fn close(&self) {
        let mut questions = lock(&self.questions);
        questions.closed = true;
        questions.lanes.clear();
        drop(questions);
        self.asked.notify_all();
    }

    pub(super) fn answer(&self, id: u64, answer: Answer) {
        lock(&self.answers).push_back((id, answer));
        self.answered.notify_one();
    }

    pub(super) fn fetch(&self) -> Option<(u64, Answer)> {
        lock(&self.answers).pop_front()
    }

    pub(super) fn fetch_within(&self, time: Duration) -> Option<(u64, Answer)> {
        let answers = lock(&self.answers);
        let (mut answers, _) = self
            .answered
            .wait_timeout_while(answers, time, |answers| answers.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        answers.pop_front()
    }
}

/// A panic elsewhere leaves these values whole: each is changed by one call.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
