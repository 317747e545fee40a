//! Who is who: processes, their images, and which image came from which.

use super::{At, Correlator};
use crate::{
    coverage::rules::Detector,
    event::{Exec, Task},
    fact::Action,
    input::Work,
    inventory::{self, Process},
    key::{Object, ProcessKey},
    strength::{self, Deed},
};

impl Correlator {
    /// The process of a task, entered at its first sight.
    pub(super) fn process(&mut self, at: &At, task: &Task) -> &mut Process {
        let process = self.epoch.processes.entry(task.process).or_default();
        if !process.subjects.contains(&at.subject) {
            process.subjects.insert(at.subject.clone());
        }
        process.images.insert(task.image);
        process
    }

    pub(super) fn forked(&mut self, at: &At, task: &Task, child: ProcessKey) {
        self.process(at, task);
        let process = self.epoch.processes.entry(child).or_default();
        process.subjects.insert(at.subject.clone());
        process.parents.insert(task.process);
        process.images.insert(task.image);
        self.swept.forked(task.process, child);
    }

    pub(super) fn executed(&mut self, at: &At, task: &Task, exec: Exec) -> Vec<Work> {
        let before = Task { image: exec.previous_image, ..*task };
        let previous = self.swept.image(&before);
        let inherited = self.swept.executed(task.process);
        let mut work = Vec::new();
        for (then, _, file) in inherited {
            work.extend(self.met_file(&then, task, file, None));
        }
        let process = self.process(at, task);
        if exec.parent.tgid != 0 {
            process.parents.insert(exec.parent);
        }
        let image = inventory::Image {
            subject: [at.subject.clone()].into(),
            executables: [exec.file.key].into(),
            requested: [exec.requested].into(),
            previous: [previous].into(),
            ..inventory::Image::default()
        };
        self.epoch.images.insert(task.image, image);
        self.content.executed(task.process);
        self.content.met(at.id, task, &exec.file);
        work.push(self.claims.ask(at.id, task, &exec.file));
        if exec.file.path.bytes().first() != Some(&b'/') {
            self.subjects.detect(Some(at.id), Detector::MemoryImage);
        }
        let object = Object::File(exec.file.key);
        let key = at.fact(task, Action::Executed, object);
        self.epoch.paths.entry(key.clone()).or_default().insert(exec.file.path.clone());
        super::add(&mut self.epoch, key, at.evidence(strength::of(Deed::Executed)));
        self.keep(exec.file.key);
        work.extend(self.met(at, task, exec.file, true));
        work
    }
}
