//! Questions on their way to the workers and answers on their way back.
//!
//! The subjects take turns, and where there is no room the one with the most questions gives way: who floods waits for
//! himself alone.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bom_core::input::{Answer, Request, Work};

/// Kinds of questions that do not wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    Inspect,
    Owner,
    Digest,
    Claims,
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
    lanes: BTreeMap<Lane, Waiting>,
    arrivals: u64,
    closed: bool,
}

/// Questions of one kind.
#[derive(Debug, Default)]
struct Waiting {
    /// By subject; none is empty.
    subjects: BTreeMap<u64, BTreeMap<Rank, Work>>,
    count: usize,
    /// Whose turn it was last.
    last: u64,
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
            Request::Owner | Request::Origin | Request::Verify => Self::Owner,
            Request::Digest => Self::Digest,
            Request::Claims => Self::Claims,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Inspect => "inspect",
            Self::Owner => "owner",
            Self::Digest => "digest",
            Self::Claims => "claims",
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

    /// Where there is no room for all, one comes back: of the subject that has the most, the one that would wait longest.
    #[expect(clippy::result_large_err, reason = "the work comes back as it went in, and seldom")]
    pub(super) fn ask(&self, work: Work) -> Result<(), Work> {
        let mut questions = lock(&self.questions);
        let arrival = questions.arrivals;
        questions.arrivals += 1;
        let lane = questions.lanes.entry(Lane::of(work.request)).or_default();
        let size = match work.request {
            Request::Digest => work.file.key.size,
            Request::Inspect
            | Request::Owner
            | Request::Locate
            | Request::Recheck
            | Request::Origin
            | Request::Verify
            | Request::Claims => 0,
        };
        lane.insert(Rank { size, arrival }, work);
        let over = if lane.count > self.capacity { lane.give_way() } else { None };
        drop(questions);
        // All, because one wake-up could reach a worker of another lane.
        self.asked.notify_all();
        over.map_or(Ok(()), Err)
    }

    /// Waits for a question of this lane; `None` when the queue was closed.
    pub(super) fn take(&self, lane: Lane) -> Option<Work> {
        let mut questions = lock(&self.questions);
        loop {
            if questions.closed {
                return None;
            }
            if let Some(work) = questions.lanes.entry(lane).or_default().next() {
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

impl Waiting {
    fn insert(&mut self, rank: Rank, work: Work) {
        self.subjects.entry(work.subject).or_default().insert(rank, work);
        self.count += 1;
    }

    /// The first question of the subject whose turn it is.
    fn next(&mut self) -> Option<Work> {
        let after = self.subjects.range((Excluded(self.last), Unbounded)).next();
        let (&subject, _) = after.or_else(|| self.subjects.first_key_value())?;
        self.last = subject;
        self.take(subject, BTreeMap::pop_first)
    }

    /// The last question of the subject that has the most.
    fn give_way(&mut self) -> Option<Work> {
        let (&subject, _) = self.subjects.iter().max_by_key(|(_, questions)| questions.len())?;
        self.take(subject, BTreeMap::pop_last)
    }

    fn take(
        &mut self,
        subject: u64,
        which: impl FnOnce(&mut BTreeMap<Rank, Work>) -> Option<(Rank, Work)>,
    ) -> Option<Work> {
        let questions = self.subjects.get_mut(&subject)?;
        let (_, work) = which(questions)?;
        if questions.is_empty() {
            self.subjects.remove(&subject);
        }
        self.count -= 1;
        Some(work)
    }
}

/// A panic elsewhere leaves these values whole: each is changed by one call.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use bom_core::event::OpenedFile;
    use bom_core::key::{FileKey, ProcessKey};
    use bom_core::path::SeenPath;

    use super::*;

    fn work(id: u64, subject: u64) -> Work {
        let key = FileKey { device: 1, inode: id, generation: 0, size: 1, ctime_s: 0, ctime_ns: 0 };
        let file = OpenedFile {
            key,
            path: SeenPath::default(),
            path_flags: 0,
            parent_inode: 0,
            name_hash: 0,
            mode: 0,
            flags: 0,
            fs_magic: 0,
            rdev: 0,
            mount_id: 0,
            real: None,
        };
        let process = ProcessKey { tgid: 1, start_ns: 1 };
        Work { id, subject, request: Request::Inspect, file, process, mount_namespace: 0 }
    }

    #[test]
    fn who_floods_makes_way_for_who_does_not() {
        let queue = Queue::new(100);
        let refused: Vec<Work> = (0..1000).filter_map(|id| queue.ask(work(id, 7)).err()).collect();
        assert_eq!(refused.len(), 900);
        let over: Vec<Work> = (0..3).filter_map(|id| queue.ask(work(2000 + id, 9)).err()).collect();
        assert!(over.iter().all(|work| work.subject == 7) && over.len() == 3, "{over:?}");
        let order: Vec<u64> = (0..6).filter_map(|_| queue.take(Lane::Inspect)).map(|work| work.id).collect();
        assert_eq!(order, [0, 2000, 1, 2001, 2, 2002], "they take turns");
        queue.close();
        assert_eq!(queue.take(Lane::Inspect), None);
    }
}
