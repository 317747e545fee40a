//! Single opens and other uses of files, as they are kept beside the facts.

use std::collections::btree_map::Entry;

use super::{At, describe, limits::PLACES};
use crate::{
    event::{OpenedFile, Task},
    fact::{Action, Evidence, FactKey, Strength},
    inventory::{Description, Epoch},
    join::Max,
    key::{FileKey, ImageId, Object, ProcessKey, SubjectKey},
    path::SeenPath,
};

/// What the kernel tells opens apart by, the file first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct OpenKey {
    pub(super) file: FileKey,
    pub(super) process: ProcessKey,
    /// As the kernel has it.
    pub(super) image: ImageId,
    pub(super) parent_inode: u64,
    pub(super) name_hash: u64,
    pub(super) mount_id: u32,
    pub(super) access: u32,
    pub(super) action: Action,
    pub(super) probe: u16,
}

/// How often something was done, where that is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// If it is the first of its kind.
    pub(super) first: u64,
    /// If it is one more.
    pub(super) more: u64,
}

impl Times {
    /// Each is told.
    pub(super) const EACH: Self = Self { first: 1, more: 1 };
    /// What a sweep meets again is the same, not one more.
    pub(super) const MET: Self = Self { first: 1, more: 0 };

    /// It counts only if nothing else did.
    pub(super) fn once(first: bool) -> Self {
        Self { first: u64::from(first), more: u64::from(first) }
    }
}

/// Opens of one file by one process under one name.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) subject: u64,
    /// As we have it: a process whose exec was not seen gets one here.
    pub(super) image: ImageId,
    pub(super) path: SeenPath,
    pub(super) unlinked: bool,
    pub(super) strength: Strength,
    pub(super) count: u64,
    pub(super) first_sequence: u64,
    pub(super) last_sequence: u64,
    pub(super) first_ns: u64,
    pub(super) last_ns: u64,
}

impl OpenKey {
    pub(super) fn of(at: &At, task: &Task, action: Action, file: &OpenedFile) -> Self {
        Self {
            file: file.key,
            process: task.process,
            image: at.raw_image,
            parent_inode: file.parent_inode,
            name_hash: file.name_hash,
            mount_id: file.mount_id,
            access: file.access(),
            action,
            probe: at.probe,
        }
    }

    pub(super) fn least(file: FileKey) -> Self {
        Self {
            file,
            process: ProcessKey { tgid: 0, start_ns: 0 },
            image: ImageId(0),
            parent_inode: 0,
            name_hash: 0,
            mount_id: 0,
            access: 0,
            action: Action::Opened,
            probe: 0,
        }
    }

    pub(super) fn fact(&self, subject: &SubjectKey, image: ImageId) -> FactKey {
        FactKey {
            subject: subject.clone(),
            process: self.process,
            image,
            action: self.action,
            object: Object::File(self.file),
            probe: self.probe,
        }
    }
}

impl Open {
    pub(super) fn once(at: &At, task: &Task, file: &OpenedFile, strength: Strength) -> Self {
        Self {
            subject: at.id,
            image: task.image,
            path: file.path.clone(),
            unlinked: file.is_unlinked(),
            strength,
            count: 1,
            first_sequence: at.sequence,
            last_sequence: at.sequence,
            first_ns: at.time_ns,
            last_ns: at.time_ns,
        }
    }

    /// `count` more; none if a sweep met what it had met before.
    pub(super) fn again(&mut self, more: &Self, count: u64) {
        self.strength = self.strength.max(more.strength);
        self.count = self.count.saturating_add(count);
        self.first_sequence = self.first_sequence.min(more.first_sequence);
        self.last_sequence = self.last_sequence.max(more.last_sequence);
        self.first_ns = self.first_ns.min(more.first_ns);
        self.last_ns = self.last_ns.max(more.last_ns);
    }

    pub(super) fn evidence(&self) -> Evidence {
        let mut evidence = Evidence::once(self.strength, self.first_sequence, self.first_ns);
        evidence.last_sequence.0 = self.last_sequence;
        evidence.last_ns.0 = self.last_ns;
        evidence.count.0 = self.count;
        evidence
    }
}

/// Adds an open to the facts, and where its process saw the file.
pub(super) fn note(epoch: &mut Epoch, fact: FactKey, open: &Open, times: Times) {
    let paths = epoch.paths.entry(fact.clone()).or_default();
    if paths.len() < PLACES {
        paths.insert(open.path.clone());
    }
    let mut evidence = open.evidence();
    match epoch.facts.entry(fact) {
        Entry::Occupied(entry) => {
            evidence.count = Max(times.more);
            entry.into_mut().again(evidence);
        }
        Entry::Vacant(entry) => {
            evidence.count = Max(times.first);
            entry.insert(evidence);
        }
    }
}

/// What one more use says of a file that has facts.
pub(super) fn describe_use(epoch: &mut Epoch, file: &OpenedFile, crowded: bool) {
    let object = Object::File(file.key);
    if !crowded {
        describe(epoch, &object, Description::Path(file.path.clone()));
    }
    if file.is_unlinked() {
        describe(epoch, &object, Description::Unlinked);
    }
    if file.rdev != 0 {
        describe(epoch, &object, Description::Device(file.rdev));
    }
}
