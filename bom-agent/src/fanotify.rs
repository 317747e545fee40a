//! Opens as fanotify(7) reports them: the observation profile that adds nothing to other system calls.
//!
//! The kernel gives a descriptor of the opened file and a process id. Whose process that is, and which program it
//! was, say the exec and fork records of the probes ([`Owners`]); an event whose process nobody knows is not a
//! subject's. How a file was opened (for reading, for writing) fanotify does not tell, and it tells of regular files
//! alone.
//!
//! `queue` is the kernel's side, `reader` reads it, `describe` looks at one file, `mounts` says what is watched.

mod describe;
mod mounts;
mod owners;
mod queue;
mod reader;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    os::unix::fs::MetadataExt as _,
    sync::Arc,
};

use bom_common::record::path_flag;
use bom_core::{
    event::{Body, OpenedFile, Task},
    input::Repeat,
    key::{FileKey, ImageId, ProcessKey},
    path::SeenPath,
};

use mounts::Mounts;
pub use owners::Owners;
use queue::Queue;
use reader::{Read, Reader};

/// Different opens that are told apart before each is delivered again.
const KNOWN: usize = 131_072;
/// Events that wait for the records of their processes; the rest waits in the kernel.
const WAITING: usize = 65_536;

#[derive(Debug, thiserror::Error)]
pub enum FanotifyError {
    #[error("start fanotify: {0}")]
    Start(#[source] nix::Error),
    #[error("start a thread: {0}")]
    Thread(#[source] io::Error),
    #[error("read the mounts: {0}")]
    Mounts(#[source] io::Error),
    #[error("fanotify watches no file system here: {0}")]
    NoFileSystem(String),
    /// Its process numbers would be others than those of the probes.
    #[error("not in the initial pid namespace")]
    PidNamespace,
    #[error("read from fanotify: {0}")]
    Read(#[source] io::Error),
}

/// A queue of opens.
#[derive(Debug)]
pub struct Opens {
    queue: Arc<Queue>,
    reader: Reader,
    mounts: Mounts,
    known: BTreeMap<Key, Known>,
    /// The last number given to one of those.
    number: u64,
    waiting: Vec<Read>,
    /// The queue was empty when it was read last.
    whole: bool,
    overflows: u64,
    /// Our own open came.
    heard: bool,
}

/// Ordered by process, so that those of one can be taken out.
type Key = (ProcessKey, ImageId, FileKey, SeenPath);

#[derive(Clone, Copy, Debug)]
struct Known {
    /// Tells it apart from others where only numbers are kept.
    number: u64,
    mount_id: u32,
    access: u32,
    count: u64,
    last_ns: u64,
}

/// What one reading brought.
#[derive(Debug, Default)]
pub struct Taken {
    /// Opens of processes of subjects, in the order of the queue.
    pub opens: Vec<Body>,
    /// Opens of such processes that could not be described, by subject.
    pub unresolved: BTreeMap<u64, u64>,
    /// How often those of processes that ended were repeated.
    pub repeats: Vec<Repeat>,
}

impl Opens {
    /// Watches every mounted file system that stores something. `errors`: asks the kernel to say what it could not open.
    pub fn watch(errors: bool) -> Result<Self, FanotifyError> {
        if !crate::host::in_initial_pid_namespace() {
            return Err(FanotifyError::PidNamespace);
        }
        let queue = Arc::new(Queue::new(errors).map_err(FanotifyError::Start)?);
        let mut mounts = Mounts::default();
        mounts.start(&queue).map_err(FanotifyError::Mounts)?;
        if mounts.marked().is_empty() {
            let why = mounts.unmarked().values().next();
            let why = why.map_or_else(|| "none is mounted".to_owned(), |(_, why)| why.clone());
            return Err(FanotifyError::NoFileSystem(why));
        }
        let reader = Reader::start(Arc::clone(&queue))?;
        Ok(Self {
            queue,
            reader,
            mounts,
            known: BTreeMap::new(),
            number: 0,
            waiting: Vec::new(),
            whole: true,
            overflows: 0,
            heard: false,
        })
    }

    /// File systems whose opens are not reported: device → type and why.
    pub fn unmarked(&self) -> &BTreeMap<u32, (String, String)> {
        self.mounts.unmarked()
    }

    /// Kernel numbers of the devices that are watched.
    pub fn devices(&self) -> &BTreeSet<u32> {
        self.mounts.marked()
    }

    /// The kernel says which files it could not open for us.
    pub fn tells_errors(&self) -> bool {
        self.queue.tells_errors
    }

    /// Moves what the kernel holds into our own queue. Records that made a process come before its opens only if this
    /// is done before the rings are read. True if there may be more.
    pub fn fetch(&mut self) -> Result<bool, FanotifyError> {
        while self.waiting.len() < WAITING {
            let Some(round) = self.reader.round()? else {
                self.whole = false;
                return Ok(false);
            };
            self.waiting.extend(round.events);
            self.heard |= round.own;
            self.whole = round.whole;
            if round.whole {
                return Ok(false);
            }
        }
        self.whole = false;
        Ok(true)
    }

    /// Gives what was fetched to the processes it belongs to. The rings have to be empty. `tracked` is asked who a
    /// process is of which no record came.
    pub fn take(
        &mut self,
        owners: &mut Owners,
        now_ns: u64,
        mut tracked: impl FnMut(u32) -> Option<Task>,
    ) -> Taken {
        let mut taken = Taken::default();
        let (mut strangers, mut looked) = (BTreeSet::new(), BTreeMap::new());
        let mut known = |owners: &mut Owners, tgid| {
            if !owners.knows(tgid) && strangers.insert(tgid) {
                // Its record was lost, which is declared; what it opens need not be.
                if let Some(task) = tracked(tgid) {
                    owners.meet(&task);
                }
            }
        };
        for event in std::mem::take(&mut self.waiting) {
            match event {
                Read::Overflow => {
                    self.overflows = self.overflows.saturating_add(1);
                    owners.settle();
                }
                Read::Unresolved { tgid } => {
                    known(owners, tgid);
                    if let Some(owner) = owners.attribute(tgid, None, now_ns) {
                        *taken.unresolved.entry(owner.task.subject).or_insert(0) += 1;
                    }
                }
                Read::Open { tgid, executed, mut file } => {
                    known(owners, tgid);
                    let at = (tgid, file.mount_id);
                    if self.mounts.place(file.mount_id).is_none()
                        && owners.knows(tgid)
                        && !looked.contains_key(&at)
                    {
                        // It went to a mount namespace of its own, or mounted something.
                        let subject = owners.subject(tgid).unwrap_or_default();
                        looked.insert(at, self.mounts.met(&self.queue, tgid, subject));
                    }
                    let place = self.mounts.place(file.mount_id);
                    if place.is_none() && looked.get(&at) == Some(&true) {
                        // A tree that is mounted nowhere: what looks like its root is nobody's.
                        file.path = SeenPath::new(file.path.bytes().strip_prefix(b"/").unwrap_or_default());
                        file.path_flags |= path_flag::DETACHED;
                    }
                    if let Some(place) = place {
                        // On overlayfs and btrfs stat has another number than the file system itself.
                        file.key.device = place.device;
                        owners.enter(tgid, place.namespace);
                    }
                    let program = executed.then_some((file.key.device, file.key.inode));
                    let Some(owner) = owners.attribute(tgid, program, now_ns) else { continue };
                    // The exec tells of its program.
                    if !owner.becomes
                        && let Some(file) = self.first(&owner.task, *file, now_ns)
                    {
                        taken.opens.push(Body::Open { task: owner.task, file });
                    }
                }
            }
        }
        if self.whole {
            // What they opened was in the queue before they ended.
            for process in owners.forget_ended() {
                self.forget(process, &mut taken.repeats);
            }
        }
        taken
    }

    /// Watches the file systems of mount namespaces that processes of subjects were seen in for the first time.
    pub fn meet_namespaces(&mut self, owners: &mut Owners) {
        for task in owners.take_namespaces().into_values() {
            self.mounts.met(&self.queue, task.process.tgid, task.subject);
        }
        owners.watch(self.mounts.marked());
    }

    /// Follows the mounts of the namespaces that processes of subjects are in.
    pub fn follow_mounts(&mut self, owners: &mut Owners) {
        self.mounts.follow(&self.queue, &owners.inhabited());
        owners.watch(self.mounts.marked());
    }

    /// File systems that were marked after the start, by the subject in whose mount namespace they were met.
    pub fn marked_late(&self) -> &BTreeMap<Option<u64>, u64> {
        self.mounts.late()
    }

    /// Overflows of the kernel's queue: each lost an unknown number of opens, of anybody.
    pub fn overflows(&self) -> u64 {
        self.overflows
    }

    /// Readings that a file system let wait.
    pub fn stalled(&self) -> u64 {
        self.reader.stalled()
    }

    /// Opens our own program's file, on which [`Self::heard`] has to follow. False if that proves nothing: nobody
    /// watches its file system, or it cannot be opened.
    pub fn call(&mut self) -> bool {
        self.heard = false;
        let Ok(about) = fs::File::open("/proc/self/exe").and_then(|file| file.metadata()) else {
            return false;
        };
        let device = number(libc::major(about.dev()), libc::minor(about.dev()));
        self.mounts.marked().contains(&device)
    }

    /// Whether our own call was heard by now.
    pub fn heard(&self) -> bool {
        self.heard
    }

    /// The queue was empty when it was read last.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// How often each delivered open was repeated.
    pub fn repeats(&self) -> Vec<Repeat> {
        self.known.iter().filter_map(|(key, known)| repeat(key, known)).collect()
    }

    /// The file, if this process was not seen opening it before.
    fn first(&mut self, task: &Task, mut file: OpenedFile, now_ns: u64) -> Option<OpenedFile> {
        let key = (task.process, task.image, file.key, file.path.clone());
        if let Some(known) = self.known.get_mut(&key) {
            known.count = known.count.saturating_add(1);
            known.last_ns = now_ns;
            return None;
        }
        self.number = self.number.saturating_add(1);
        file.name_hash = self.number;
        if self.known.len() < KNOWN {
            let (mount_id, access) = (file.mount_id, file.access());
            let known = Known { number: self.number, mount_id, access, count: 1, last_ns: now_ns };
            self.known.insert(key, known);
        }
        Some(file)
    }

    /// Nobody can open anything as this process any more.
    fn forget(&mut self, process: ProcessKey, repeats: &mut Vec<Repeat>) {
        let file = FileKey { device: 0, inode: 0, generation: 0, size: 0, ctime_s: i64::MIN, ctime_ns: 0 };
        let least = (process, ImageId(0), file, SeenPath::new(&b""[..]));
        let own = self.known.range(least..).take_while(|((other, ..), _)| *other == process);
        let own: Vec<Key> = own.map(|(key, _)| key.clone()).collect();
        for key in own {
            if let Some(known) = self.known.remove(&key) {
                repeats.extend(repeat(&key, &known));
            }
        }
    }
}

fn repeat((process, image, file, _): &Key, known: &Known) -> Option<Repeat> {
    (known.count > 1).then_some(Repeat {
        process: *process,
        image: *image,
        file: *file,
        parent_inode: 0,
        name_hash: known.number,
        mount_id: known.mount_id,
        access: known.access,
        count: known.count,
        last_ns: known.last_ns,
    })
}

/// The kernel's `dev_t`: major in the upper 12 bits, minor in the lower 20.
fn number(major: u32, minor: u32) -> u32 {
    (major << 20) | (minor & 0x000f_ffff)
}
