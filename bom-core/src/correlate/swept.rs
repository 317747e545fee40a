//! What sweeps met: processes whose start was not seen, descriptors and mappings that were there already.
//!
//! A process that was adopted has image 0 in the kernel, which cannot tell two of them apart. Here each gets an image
//! of its own as soon as a sweep says what it runs, and everything it does from then on is of that image.

use std::collections::BTreeMap;

use super::{At, Correlator, add, opens::Times};
use crate::{
    coverage::rules::Detector,
    event::{Body, OpenedFile, Swept, Task},
    fact::{Action, Strength},
    input::Work,
    inventory::{Epoch, Image},
    join::Join,
    key::{ImageId, Object, ProcessKey},
    strength::{self, Deed},
};

/// Set in the numbers of images that were given here; the kernel's have the CPU in bits 40 and above.
const GIVEN: u64 = 1 << 63;
/// Descriptors of one process that wait for its first exec.
const INHERITED: usize = 1024;
/// Processes that have some.
const HEIRS: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Sweeps {
    last: u64,
    /// Images of processes that were running before they were met.
    images: BTreeMap<ProcessKey, ImageId>,
    /// Open files of a process that has not yet become the program it was started for.
    inherited: BTreeMap<ProcessKey, Vec<(At, Task, OpenedFile)>>,
    /// Processes that were moved to the subject and have not executed anything since.
    moved: BTreeMap<ProcessKey, u64>,
}

impl Sweeps {
    /// The image of a task, as far as it is known by now.
    pub(super) fn image(&self, task: &Task) -> ImageId {
        if task.image.0 != 0 {
            return task.image;
        }
        self.images.get(&task.process).copied().unwrap_or(task.image)
    }

    /// A child has the image of its parent.
    pub(super) fn forked(&mut self, parent: ProcessKey, child: ProcessKey) {
        if let Some(&image) = self.images.get(&parent) {
            self.images.insert(child, image);
        }
    }

    /// Descriptors that survive the first exec are the new program's.
    pub(super) fn executed(&mut self, process: ProcessKey) -> Vec<(At, Task, OpenedFile)> {
        self.images.remove(&process);
        self.moved.remove(&process);
        self.inherited.remove(&process).unwrap_or_default()
    }

    pub(super) fn exited(&mut self, process: ProcessKey) {
        self.images.remove(&process);
    }

    /// Subjects that somebody was moved to who never became another program.
    pub(super) fn strangers(&self) -> impl Iterator<Item = u64> + '_ {
        self.moved.values().copied()
    }

    /// Descriptors of processes that never became another program are facts as well.
    pub(super) fn close(&self, epoch: &mut Epoch) {
        for (at, task, file) in self.inherited.values().flatten() {
            held(epoch, at, task, file, None);
        }
    }

    fn give(&mut self, process: ProcessKey) -> ImageId {
        let last = &mut self.last;
        *self.images.entry(process).or_insert_with(|| {
            *last += 1;
            ImageId(GIVEN | *last)
        })
    }
}

impl Correlator {
    pub(super) fn swept(&mut self, at: &At, task: &Task, swept: Swept) -> Vec<Work> {
        match swept {
            Swept::Process { executable, parent, uid: _, threads, uring } => {
                self.swept_process(at, task, executable, parent, (threads, uring))
            }
            Swept::File { descriptor: _, close_on_exec, file } => {
                if task.image.0 != 0 {
                    return self.met_file(at, task, file, None);
                }
                // It is between fork and exec: what it holds is not its own yet.
                let full = self.swept.inherited.len() >= HEIRS;
                if !close_on_exec && (!full || self.swept.inherited.contains_key(&task.process)) {
                    let files = self.swept.inherited.entry(task.process).or_default();
                    if files.len() < INHERITED {
                        files.push((at.clone(), *task, file));
                    }
                }
                Vec::new()
            }
            Swept::Mapping { file: Some(file), .. } => {
                self.met_file(at, task, file, Some(strength::of(Deed::SweptMapped)))
            }
            Swept::Mapping { file: None, .. } => {
                self.subjects.detect(Some(at.id), Detector::ExecutableMemory);
                Vec::new()
            }
            Swept::Socket(socket) => {
                // As with files: it is aibom's own.
                if task.image.0 != 0 || !socket.close_on_exec {
                    self.swept_socket(at, task, &socket);
                }
                Vec::new()
            }
        }
    }

    fn swept_process(
        &mut self,
        at: &At,
        task: &Task,
        executable: Option<OpenedFile>,
        parent: ProcessKey,
        (threads, uring): (u32, bool),
    ) -> Vec<Work> {
        if !self.epoch.processes.contains_key(&task.process) {
            self.subjects.detect(Some(at.id), Detector::EarlierLife);
        }
        let image = if task.image.0 == 0 { self.swept.give(task.process) } else { task.image };
        let task = &Task { image, ..*task };
        let process = self.process(at, task);
        if parent.tgid != 0 {
            process.parents.insert(parent);
        }
        process.threaded.0 |= threads > 1;
        process.uring.0 |= uring;
        if threads > 1 || uring {
            self.subjects.detect(Some(at.id), Detector::Threads);
        }
        if uring {
            self.subjects.detect(Some(at.id), Detector::Uring);
        }
        let known = self.epoch.images.get(&image).is_some_and(|image| !image.executables.is_empty());
        let Some(file) = executable.filter(|_| !known) else { return Vec::new() };
        let row = Image {
            subject: [at.subject.clone()].into(),
            executables: [file.key].into(),
            ..Image::default()
        };
        self.epoch.images.entry(image).or_default().join(row);
        if file.path.bytes().first() != Some(&b'/') {
            self.subjects.detect(Some(at.id), Detector::MemoryImage);
        }
        self.content.met(at.id, task, &file);
        let mut work = vec![self.claims.ask(at.id, task, &file)];
        let key = at.fact(task, Action::Executed, Object::File(file.key));
        self.epoch.paths.entry(key.clone()).or_default().insert(file.path.clone());
        add(&mut self.epoch, key, at.evidence(strength::of(Deed::Executed)));
        self.keep(file.key);
        work.extend(self.met(at, task, file, true));
        work
    }

    /// A process held a file at that moment, open or mapped.
    pub(super) fn met_file(
        &mut self,
        at: &At,
        task: &Task,
        file: OpenedFile,
        mapped: Option<Strength>,
    ) -> Vec<Work> {
        self.process(at, task);
        let opened = strength::opened(file.can_read());
        self.uses(at, task, (Action::Opened, mapped.unwrap_or(opened)), file, Times::MET)
    }

    /// A process came to another subject, or is out of reach of its own subject's packet probes.
    pub(super) fn moved(&mut self, at: &At, task: &Task, from: u64, parent: ProcessKey, born: bool) {
        let process = self.process(at, task);
        if born {
            process.parents.insert(parent);
            return;
        }
        if from != 0 {
            self.subjects.detect(Some(from), Detector::LeftCgroup);
        }
        if from != at.id {
            self.swept.images.remove(&task.process);
            self.swept.moved.insert(task.process, at.id);
        }
    }
}

/// The task of an event, to give it its image.
pub(super) fn task_of_mut(body: &mut Body) -> Option<&mut Task> {
    match body {
        Body::Open { task, .. }
        | Body::Exec { task, .. }
        | Body::Fork { task, .. }
        | Body::Exit { task, .. }
        | Body::Threaded { task }
        | Body::UringCreated { task }
        | Body::Connect { task, .. }
        | Body::Tcp { task, .. }
        | Body::Swept { task, .. }
        | Body::Map { task, .. }
        | Body::Read { task, .. }
        | Body::ExecutableMemory { task }
        | Body::LowMemory { task }
        | Body::SocketReceived { task }
        | Body::Unix { task, .. }
        | Body::OtherSocket { task, .. }
        | Body::Moved { task, .. } => Some(task),
        Body::Udp { task, .. } | Body::Accepted { task, .. } => {
            Some(task).filter(|task| task.process.tgid != 0)
        }
        Body::Hello { .. } | Body::HttpHead { .. } | Body::Dns { .. } | Body::Undecoded { .. } => None,
    }
}

/// The fact that a process held a file. A later sweep that meets it again says the same, not one more.
fn held(epoch: &mut Epoch, at: &At, task: &Task, file: &OpenedFile, mapped: Option<Strength>) {
    let opened = strength::opened(file.can_read());
    let key = at.fact(task, Action::Opened, Object::File(file.key));
    epoch.paths.entry(key.clone()).or_default().insert(file.path.clone());
    let evidence = at.evidence(mapped.unwrap_or(opened));
    match epoch.facts.get_mut(&key) {
        Some(known) => known.join(evidence),
        None => drop(epoch.facts.insert(key, evidence)),
    }
}
