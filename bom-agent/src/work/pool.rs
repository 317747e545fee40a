//! The threads, and what becomes of one that hangs.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bom_core::input::{Answer, Reason, Work};

use super::answer::{Context, answer};
use super::namespace::Namespaces;
use super::owner::Owners;
use super::queue::{Lane, Queue, lock};
use super::settings::PoolSettings;
use super::watch::Watch;

/// Threads that may hang at the same time before their kind of question stops being answered.
const SPARE_THREADS: usize = 8;
/// Questions and answers that nobody fetched, in lengths of the queue.
const UNFETCHED: usize = 6;
/// How often hanging threads are looked for, at most.
const ROUND: Duration = Duration::from_millis(250);
/// How long the end waits for threads that are in a system call.
const FAREWELL: Duration = Duration::from_secs(2);

/// Answers [`Work`] in threads of its own.
///
/// Every accepted question gets exactly one answer, unless the pool is dropped first.
pub struct Pool {
    shared: Arc<Shared>,
    workers: Mutex<Workers>,
    /// Accepted and not fetched.
    pending: AtomicUsize,
}

struct Shared {
    settings: Arc<PoolSettings>,
    queue: Queue,
    namespaces: Arc<Namespaces>,
    stop: Arc<AtomicBool>,
    notify: Box<dyn Fn() + Send + Sync>,
    live: Mutex<usize>,
    ended: Condvar,
}

struct Workers {
    list: Vec<Worker>,
    /// Places whose thread hangs and that nobody has taken yet.
    missing: Vec<Lane>,
    next_round: Instant,
}

struct Worker {
    lane: Lane,
    slot: Arc<Slot>,
    thread: JoinHandle<()>,
}

/// What a worker is busy with.
struct Slot {
    watch: Arc<Watch>,
    current: Mutex<Current>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Current {
    Idle,
    Busy(u64),
    /// Its question was answered by the pool and its place taken.
    Replaced,
}

impl fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Pool").field("pending", &self.pending()).finish_non_exhaustive()
    }
}

impl Pool {
    /// # Errors
    /// The root or procfs cannot be opened, or a thread not be started.
    pub fn start(settings: PoolSettings) -> io::Result<Self> {
        Self::start_notifying(settings, || {})
    }

    /// Like [`Pool::start`]; calls `notify` from a worker after each answer, to wake the caller's loop.
    ///
    /// # Errors
    /// As [`Pool::start`].
    pub fn start_notifying(
        settings: PoolSettings,
        notify: impl Fn() + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let namespaces = Namespaces::new(&settings.root, &settings.procfs, settings.namespaces)?;
        let shared = Arc::new(Shared {
            queue: Queue::new(settings.queue),
            namespaces: Arc::new(namespaces),
            stop: Arc::default(),
            notify: Box::new(notify),
            live: Mutex::default(),
            ended: Condvar::new(),
            settings: Arc::new(settings),
        });
        let workers = Workers { list: Vec::new(), missing: Vec::new(), next_round: Instant::now() };
        let pool = Self { workers: Mutex::new(workers), pending: AtomicUsize::new(0), shared };
        let inspectors = (0..pool.shared.settings.threads.max(1)).map(|_| Lane::Inspect);
        for lane in inspectors.chain([Lane::Owner, Lane::Digest, Lane::Claims]) {
            // On an error the drop below ends those already started.
            let worker = Worker::start(&pool.shared, lane)?;
            lock(&pool.workers).list.push(worker);
        }
        Ok(pool)
    }

    /// Never blocks.
    ///
    /// # Errors
    /// The queue is full: a piece of work comes back, this one or one of a subject that has more of them waiting, and
    /// its answer is `Unknown(QueueFull)`.
    #[expect(clippy::result_large_err, reason = "the work comes back as it went in, and seldom")]
    pub fn submit(&self, work: Work) -> Result<(), Work> {
        self.look_after_workers();
        // Answers that nobody fetches are bounded by what was asked.
        if self.pending() >= self.shared.settings.queue.saturating_mul(UNFETCHED) {
            return Err(work);
        }
        self.pending.fetch_add(1, Ordering::Relaxed);
        self.shared.queue.ask(work).inspect_err(|_| {
            self.pending.fetch_sub(1, Ordering::Relaxed);
        })
    }

    /// An answer that is there, with the id of its work.
    pub fn try_recv(&self) -> Option<(u64, Answer)> {
        self.look_after_workers();
        self.fetched(self.shared.queue.fetch())
    }

    /// The next answer; `None` after `timeout` without one.
    pub fn recv_timeout(&self, timeout: Duration) -> Option<(u64, Answer)> {
        let start = Instant::now();
        loop {
            self.look_after_workers();
            let left = timeout.saturating_sub(start.elapsed());
            let answer = self.shared.queue.fetch_within(left.min(ROUND));
            if answer.is_some() || left.is_zero() {
                return self.fetched(answer);
            }
        }
    }

    /// Questions accepted whose answer was not fetched.
    pub fn pending(&self) -> usize {
        self.pending.load(Ordering::Relaxed)
    }

    /// Keeps a way into a mount namespace, of which `pid` (as our procfs numbers it) was just seen to be a member.
    /// Cheap, and once per namespace: to be called for each exec and fork. Returns whether the namespace is held or
    /// our own.
    pub fn hold_namespace(&self, mount_namespace: u32, pid: u32) -> bool {
        self.shared.namespaces.hold(mount_namespace, pid)
    }

    /// Lets go of a namespace whose subject is gone: holding it keeps its mounts, and the devices under them, busy.
    pub fn release_namespace(&self, mount_namespace: u32) {
        self.shared.namespaces.release(mount_namespace);
    }

    fn fetched(&self, answer: Option<(u64, Answer)>) -> Option<(u64, Answer)> {
        if answer.is_some() {
            self.pending.fetch_sub(1, Ordering::Relaxed);
        }
        answer
    }

    /// Answers for the threads that hang and puts others in their place. A read from a file system that another
    /// process serves (FUSE, a dead NFS server) can last for ever, and whom we observe may be that process.
    fn look_after_workers(&self) {
        let workers = &mut *lock(&self.workers);
        let now = Instant::now();
        if now < workers.next_round {
            return;
        }
        workers.next_round = now + ROUND;
        // A replaced thread that came back has ended.
        workers.list.retain(|worker| !worker.thread.is_finished());
        let replaced = workers.list.iter().filter(|worker| worker.slot.is_replaced()).count();
        let mut spare = SPARE_THREADS.saturating_sub(replaced);
        for worker in &workers.list {
            if spare > 0
                && let Some(id) = worker.slot.replace(self.shared.settings.patience)
            {
                spare -= 1;
                workers.missing.push(worker.lane);
                self.shared.answer(id, Answer::Unknown(Reason::Deadline));
            }
        }
        while let Some(&lane) = workers.missing.last() {
            // No thread to be had now: the next round tries again.
            let Ok(worker) = Worker::start(&self.shared, lane) else { break };
            workers.missing.pop();
            workers.list.push(worker);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.queue.close();
        let live = lock(&self.shared.live);
        let (live, _) = self
            .shared
            .ended
            .wait_timeout_while(live, FAREWELL, |live| *live > 0)
            .unwrap_or_else(PoisonError::into_inner);
        let all_ended = *live == 0;
        drop(live);
        for worker in lock(&self.workers).list.drain(..) {
            // One that hangs in a system call is left behind; it holds nothing but its own descriptors.
            if all_ended || worker.thread.is_finished() {
                // A worker catches panics; what it would return is nothing.
                let _ = worker.thread.join();
            }
        }
    }
}

impl Shared {
    fn answer(&self, id: u64, answer: Answer) {
        self.queue.answer(id, answer);
        (self.notify)();
    }
}

impl Worker {
    fn start(shared: &Arc<Shared>, lane: Lane) -> io::Result<Self> {
        let watch = Arc::new(Watch::new(Arc::clone(&shared.stop)));
        let slot = Arc::new(Slot { watch, current: Mutex::new(Current::Idle) });
        *lock(&shared.live) += 1;
        let thread = {
            let (shared, slot) = (Arc::clone(shared), Arc::clone(&slot));
            let name = format!("aibom-{}", lane.name());
            thread::Builder::new().name(name).spawn(move || {
                give_way();
                work(&shared, &slot, lane);
                *lock(&shared.live) -= 1;
                shared.ended.notify_all();
            })
        };
        match thread {
            Ok(thread) => Ok(Self { lane, slot, thread }),
            Err(error) => {
                *lock(&shared.live) -= 1;
                Err(error)
            }
        }
    }
}

/// Lets the observed program have the processor first: an answer can wait, the agent should not.
/// Where that is refused, the worker runs as everybody does.
fn give_way() {
    const NICE: libc::c_int = 10;
    // SAFETY: a plain system call; on Linux it concerns the calling thread alone.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) };
}

/// One worker's life.
fn work(shared: &Shared, slot: &Slot, lane: Lane) {
    let context = Context {
        settings: Arc::clone(&shared.settings),
        namespaces: Arc::clone(&shared.namespaces),
        watch: Arc::clone(&slot.watch),
    };
    let mut owners = Owners::new(&shared.settings);
    while let Some(work) = shared.queue.take(lane) {
        slot.begin(work.id);
        let outcome = catch_unwind(AssertUnwindSafe(|| answer(&context, &mut owners, &work)));
        let answer = outcome.unwrap_or_else(|_| {
            // Whatever it was in the middle of is thrown away.
            owners = Owners::new(&shared.settings);
            Answer::Unknown(Reason::ReadFailed)
        });
        if !slot.end() {
            return;
        }
        shared.answer(work.id, answer);
    }
}

impl Slot {
    fn begin(&self, id: u64) {
        // A stop is noticed by the first question that beats.
        let _ = self.watch.beat();
        *lock(&self.current) = Current::Busy(id);
    }

    /// Whether the answer is still wanted; if not, another thread does this one's work.
    fn end(&self) -> bool {
        let current = &mut *lock(&self.current);
        match *current {
            Current::Replaced => false,
            Current::Idle | Current::Busy(_) => {
                *current = Current::Idle;
                true
            }
        }
    }

    fn is_replaced(&self) -> bool {
        *lock(&self.current) == Current::Replaced
    }

    /// Sends a worker that hangs home as soon as it comes back; returns the question it leaves without an answer.
    fn replace(&self, patience: Duration) -> Option<u64> {
        let current = &mut *lock(&self.current);
        match *current {
            Current::Busy(id) if self.watch.silence() > patience => {
                *current = Current::Replaced;
                Some(id)
            }
            Current::Busy(_) | Current::Idle | Current::Replaced => None,
        }
    }
}
