//! Content that was read or mapped: it strengthens what is known of an opened file, and finds files that nobody was
//! seen opening.
//!
//! The page cache knows a file by its inode, in the layer of an overlay that holds it. So a read is joined with what
//! was opened by device and inode number; what joins with nothing has no place yet, and one is asked for.

use std::collections::{BTreeMap, BTreeSet};

use super::{At, Correlator, describe, opens::Times};
use crate::{
    coverage::rules::Detector,
    event::{OpenedFile, Task},
    fact::{Action, FactKey, Strength},
    input::{Answer, Work},
    inventory::{Description, Epoch},
    key::{FileKey, ImageId, Object, ProcessKey},
    path::SeenPath,
    strength::{self, Deed},
};

/// `vm_flags` (include/linux/mm.h).
const VM_EXEC: u64 = 4;
const VM_SHARED: u64 = 8;
const VM_MAYWRITE: u64 = 0x20;

/// Subject, device and inode number, as the page cache has them.
type Node = (u64, u32, u64);

#[derive(Debug, Default)]
pub(super) struct Content {
    /// Files that were opened, mapped, executed or found: where a process sees them.
    places: BTreeMap<Node, Place>,
    /// Which image of which subject used which file in any way.
    used: BTreeSet<(u64, ImageId, FileKey)>,
    /// Files that were read and whose place is asked for, with the facts that wait for it.
    placeless: BTreeMap<FileKey, Placeless>,
    /// Processes that did something before any exec of theirs was seen.
    early: BTreeMap<ProcessKey, u64>,
    /// Subjects, and files that they can write to through a mapping. The kernel sets the change time at the first
    /// write to a page, and not again until that page was written back.
    writable: BTreeSet<Node>,
    /// Questions whether a file is still what it was, and for which subject they are asked.
    rechecks: BTreeMap<u64, u64>,
    /// Subjects and files that were still what they were, when that was asked last.
    unchanged: BTreeSet<(u64, FileKey)>,
}

#[derive(Clone, Debug)]
struct Place {
    file: OpenedFile,
    mount_namespace: u32,
}

#[derive(Clone, Debug)]
struct Placeless {
    path: SeenPath,
    facts: BTreeSet<FactKey>,
}

impl Content {
    /// A file was met by a path of the process's own.
    pub(super) fn met(&mut self, subject: u64, task: &Task, file: &OpenedFile) {
        self.used.insert((subject, task.image, file.key));
        let place = Place { file: file.clone(), mount_namespace: task.mount_namespace };
        if let Some((device, inode)) = file.real {
            self.places.insert((subject, device, inode), place.clone());
        }
        self.places.insert((subject, file.key.device, file.key.inode), place);
    }

    /// The file that was read, where a process sees it.
    fn place(&self, subject: u64, read: &OpenedFile) -> Option<Place> {
        let place = self.places.get(&(subject, read.key.device, read.key.inode))?;
        let known = &place.file.key;
        let same_state = (known.size, known.ctime_s, known.ctime_ns)
            == (read.key.size, read.key.ctime_s, read.key.ctime_ns);
        if same_state {
            return Some(place.clone());
        }
        // It changed since. Of a layer's file the generation is not known, so it could be another one by now.
        let own = (known.device, known.inode, known.generation)
            == (read.key.device, read.key.inode, read.key.generation);
        own.then(|| {
            let mut place = place.clone();
            place.file.key = read.key;
            place
        })
    }

    /// A file that turned out not to matter, and is only counted.
    pub(super) fn forget(&mut self, subject: u64, image: ImageId, file: &FileKey, real: Option<(u32, u64)>) {
        self.used.remove(&(subject, image, *file));
        for (device, inode) in std::iter::once((file.device, file.inode)).chain(real) {
            let node = (subject, device, inode);
            self.writable.remove(&node);
            // Another state of the same inode may be known by now.
            if self.places.get(&node).is_some_and(|place| place.file.key == *file) {
                self.places.remove(&node);
            }
        }
    }

    /// The exec of a process: what it did before was done by whoever made it.
    pub(super) fn executed(&mut self, process: ProcessKey) {
        self.early.remove(&process);
    }

    /// Subjects of processes whose exec never came.
    pub(super) fn early(&self) -> impl Iterator<Item = u64> + '_ {
        self.early.values().copied()
    }

    /// What became of a file at the end of a subject that had used it.
    pub(super) fn rechecked(&mut self, work: u64, file: FileKey, answer: &Answer) {
        if let Some(subject) = self.rechecks.remove(&work)
            && *answer == Answer::Unchanged
        {
            self.unchanged.insert((subject, file));
        }
    }

    /// Completes a copy of the epoch: files whose place was not found go by their path in the file system.
    pub(super) fn close(&self, epoch: &mut Epoch) {
        for (file, placeless) in &self.placeless {
            write_place(epoch, *file, placeless, &placeless.path);
        }
    }
}

impl Correlator {
    /// Whether this was done before the first exec of a session's first process: by aibom's own fork, which is not
    /// observed, as long as an exec follows.
    pub(super) fn precedes_exec(&mut self, at: &At, task: &Task) -> bool {
        let session = self.subjects.get(at.id).is_some_and(|watched| watched.before_first_instruction);
        if task.image.0 != 0 || !session {
            return false;
        }
        self.content.early.insert(task.process, at.id);
        true
    }

    pub(super) fn mapped(&mut self, at: &At, task: &Task, file: OpenedFile, vm_flags: u64) -> Vec<Work> {
        if self.precedes_exec(at, task) {
            return Vec::new();
        }
        self.process(at, task);
        let executable = vm_flags & VM_EXEC != 0;
        if executable && file.is_detached() {
            self.subjects.detect(Some(at.id), Detector::ExecutableMemory);
        }
        if file.is_system_v() {
            self.subjects.detect(Some(at.id), Detector::OtherSource);
        }
        if file.is_shared_memory() {
            return Vec::new();
        }
        if vm_flags & VM_SHARED != 0 && vm_flags & VM_MAYWRITE != 0 {
            self.content.writable.insert((at.id, file.key.device, file.key.inode));
        }
        let strength = strength::mapped(executable);
        self.used(at, task, Action::Mapped, strength, file)
    }

    pub(super) fn content_read(&mut self, at: &At, task: &Task, mut file: OpenedFile) -> Vec<Work> {
        if self.precedes_exec(at, task) {
            return Vec::new();
        }
        self.process(at, task);
        if file.is_block_device() {
            self.subjects.detect(Some(at.id), Detector::BlockDevice);
            return Vec::new();
        }
        if file.is_shared_memory() {
            return Vec::new();
        }
        if let Some(place) = self.content.place(at.id, &file) {
            file = place.file;
            let task = Task { mount_namespace: place.mount_namespace, ..*task };
            return self.used(at, &task, Action::Read, strength::of(Deed::Read), file);
        }
        let object = Object::File(file.key);
        let key = at.fact(task, Action::Read, object.clone());
        let first = self.content.used.insert((at.id, task.image, file.key));
        self.strengthen(at, key.clone(), strength::of(Deed::Read), first);
        let waiting = self
            .content
            .placeless
            .entry(file.key)
            .or_insert_with(|| Placeless { path: file.path.clone(), facts: BTreeSet::new() });
        waiting.facts.insert(key);
        // Its facts are there already.
        self.keep(file.key);
        self.met(at, task, file, true)
    }

    /// A use of a file whose place is known. It counts as one use only if it is the first that is known of this program
    /// and file: a file that was opened and then read was used once.
    fn used(
        &mut self,
        at: &At,
        task: &Task,
        action: Action,
        strength: Strength,
        file: OpenedFile,
    ) -> Vec<Work> {
        let first = !self.content.used.contains(&(at.id, task.image, file.key));
        self.uses(at, task, (action, strength), file, Times::once(first))
    }

    /// Adds a fact that is not counted by the kernel. It counts as one use only if it is the first that is known of
    /// this program and file: a file that was opened and then read was used once.
    fn strengthen(&mut self, at: &At, key: FactKey, strength: Strength, first: bool) {
        let mut evidence = at.evidence(strength);
        evidence.count.0 = u64::from(first);
        let before = self.epoch.facts.len();
        super::add(&mut self.epoch, key, evidence);
        let more = self.epoch.facts.len().saturating_sub(before);
        if let Some(held) = self.held(at.id) {
            held.facts += more;
        }
    }

    /// A place was found for a file that was read.
    pub(super) fn located(&mut self, done: &Work, path: SeenPath, mount_namespace: u32) -> Vec<Work> {
        let Some(placeless) = self.content.placeless.remove(&done.file.key) else { return Vec::new() };
        // A file can have several names. If a process of the subject was meanwhile seen to use one, it is that.
        let subjects = placeless.facts.iter().map(|fact| fact.subject.cgroup);
        let known = subjects.filter_map(|subject| self.content.place(subject, &done.file)).next();
        let (path, mount_namespace) = match known {
            Some(place) => (place.file.path, place.mount_namespace),
            None => (path, mount_namespace),
        };
        write_place(&mut self.epoch, done.file.key, &placeless, &path);
        let mut work = done.clone();
        work.file.path = path;
        work.file.path_flags &= !bom_common::record::path_flag::FILESYSTEM_RELATIVE;
        work.mount_namespace = mount_namespace;
        for fact in &placeless.facts {
            let place = Place { file: work.file.clone(), mount_namespace };
            let node = (fact.subject.cgroup, work.file.key.device, work.file.key.inode);
            self.content.places.entry(node).or_insert(place);
        }
        self.ask_of_located(&work)
    }

    /// Nobody could be asked, or nothing was found: the path in the file system is all there is.
    pub(super) fn not_located(&mut self, done: &Work) {
        if let Some(placeless) = self.content.placeless.remove(&done.file.key) {
            write_place(&mut self.epoch, done.file.key, &placeless, &placeless.path);
        }
    }

    /// Asks whether the files of a subject, or of all, that became components are still what they were.
    pub(super) fn recheck(&mut self, subject: Option<u64>) -> Vec<Work> {
        let mut files: BTreeSet<(u64, FileKey)> = BTreeSet::new();
        let wanted =
            self.content.used.iter().filter(|(id, _, _)| subject.is_none_or(|subject| subject == *id));
        files.extend(wanted.map(|(id, _, file)| (*id, *file)));
        let mut work = Vec::new();
        for (id, file) in files {
            self.content.unchanged.remove(&(id, file));
            if let Some(question) = self.files.ask_again(&file) {
                self.content.rechecks.insert(question.id, id);
                work.push(question);
            }
        }
        work
    }

    /// Subjects that used a file which is not known to be still what it was.
    pub(super) fn not_rechecked(&self) -> BTreeSet<u64> {
        let unsure = self.content.used.iter().filter(|(id, _, file)| {
            let same = self.content.unchanged.contains(&(*id, *file));
            self.files.mattering(file)
                && (!same || self.content.writable.contains(&(*id, file.device, file.inode)))
        });
        unsure.map(|(id, _, _)| *id).collect()
    }
}

fn write_place(epoch: &mut Epoch, file: FileKey, placeless: &Placeless, path: &SeenPath) {
    describe(epoch, &Object::File(file), Description::Path(path.clone()));
    for fact in &placeless.facts {
        epoch.paths.entry(fact.clone()).or_default().insert(path.clone());
    }
}
