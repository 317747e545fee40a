//! Who is observed: each tracked cgroup is a subject with its own detectors, losses and end.

use std::collections::{BTreeMap, BTreeSet};

use bom_common::config::PROCESS_SUBJECT;

use super::{Correlator, limits::Held};
use crate::{
    coverage::rules::Detector,
    event::{Body, Task},
    input::{Ended, Pod, Subject, SubjectKind},
    key::{EpochId, ProcessKey, SubjectKey},
};

/// Cgroups whose subject is remembered, for records that only carry the cgroup.
const CGROUPS: usize = 65_536;

#[derive(Debug, Default)]
pub(super) struct Subjects {
    watched: BTreeMap<u64, Watched>,
    /// Cgroup → subject, as tasks showed it.
    cgroups: BTreeMap<u64, u64>,
    /// Of subjects that are not met yet.
    pods: BTreeMap<u64, Pod>,
}

/// One subject, between its first sight and its end.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    pub(super) key: SubjectKey,
    pub(super) from_ns: u64,
    pub(super) before_first_instruction: bool,
    pub(super) detected: BTreeSet<Detector>,
    pub(super) ended: Option<Ended>,
    pub(super) held: Held,
    /// What was lost on our side, by cause.
    pub(super) lost: BTreeMap<&'static str, u64>,
}

impl Subjects {
    /// Takes a subject in; what an earlier sight of it brought is kept.
    pub(super) fn begin(&mut self, epoch: &EpochId, subject: &Subject) -> &mut Watched {
        // A session makes its own cgroup; its start tells it from an earlier use of the id.
        let session = (subject.kind == SubjectKind::Session).then_some(epoch.start_ns);
        let watched = self.watched.entry(subject.id).or_insert_with(|| Watched {
            key: SubjectKey { boot: epoch.boot.clone(), cgroup: subject.id, session },
            from_ns: subject.at_ns,
            before_first_instruction: subject.before_first_instruction,
            detected: BTreeSet::new(),
            ended: None,
            held: Held::default(),
            lost: BTreeMap::new(),
        });
        if subject.kind != SubjectKind::Process {
            self.cgroups.insert(subject.id, subject.id);
        }
        watched
    }

    pub(super) fn get(&self, id: u64) -> Option<&Watched> {
        self.watched.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Watched> {
        self.watched.get_mut(&id)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (u64, &Watched)> + '_ {
        self.watched.iter().map(|(&id, watched)| (id, watched))
    }

    pub(super) fn end(&mut self, ended: Ended) {
        if let Some(watched) = self.watched.get_mut(&ended.subject) {
            watched.ended = Some(ended);
        }
    }

    /// The subject of a record without a task: by its cgroup; nobody's if that is not known.
    pub(super) fn by_cgroup(&self, cgroup: u64) -> Option<u64> {
        match self.cgroups.get(&cgroup) {
            Some(&subject) => Some(subject),
            // The packet probes sit on the cgroups of the subjects: with one subject it can be nobody else.
            // But the cgroup of a single process has others in it.
            None if self.watched.len() == 1 => {
                self.watched.keys().next().copied().filter(|id| id & PROCESS_SUBJECT == 0)
            }
            None => None,
        }
    }

    fn met(&mut self, task: &Task) {
        if task.cgroup != 0 && task.subject & PROCESS_SUBJECT == 0 && self.cgroups.len() < CGROUPS {
            self.cgroups.entry(task.cgroup).or_insert(task.subject);
        }
    }

    /// Something may have passed unseen: with this subject, or with any if it is not known whose it was.
    pub(super) fn detect(&mut self, subject: Option<u64>, detector: Detector) {
        match subject {
            Some(subject) => {
                if let Some(watched) = self.watched.get_mut(&subject) {
                    watched.detected.insert(detector);
                }
            }
            None => {
                for watched in self.watched.values_mut() {
                    watched.detected.insert(detector);
                }
            }
        }
    }
}

impl Correlator {
    pub(super) fn subject(&mut self, subject: &Subject) {
        let Some(start) = &self.start else { return };
        self.latest_ns = self.latest_ns.max(subject.at_ns);
        let key = self.subjects.begin(&start.epoch, subject).key.clone();
        let known = self.epoch.subjects.entry(key).or_default();
        known.names.insert(subject.name.clone());
        known.pods.extend(self.subjects.pods.get(&subject.id).cloned());
    }

    /// Kept for a subject that is not met yet.
    pub(super) fn pod(&mut self, id: u64, pod: Pod) {
        if let Some(watched) = self.subjects.get(id) {
            self.epoch.subjects.entry(watched.key.clone()).or_default().pods.insert(pod);
        } else if self.subjects.pods.len() < CGROUPS {
            self.subjects.pods.insert(id, pod);
        }
    }

    /// The subject a record belongs to; one that nobody announced is taken in as it is met.
    pub(super) fn subject_of(&mut self, body: &Body, time_ns: u64) -> Option<u64> {
        let task = match whose(body) {
            Whose::Task(task) => task,
            Whose::Cgroup(cgroup) => return self.subjects.by_cgroup(cgroup),
        };
        if self.subjects.get(task.subject).is_none() {
            let name = format!("cgroup {}", task.subject);
            let id = task.subject;
            let kind = if id & PROCESS_SUBJECT == 0 { SubjectKind::Cgroup } else { SubjectKind::Process };
            self.subject(&Subject { id, name, before_first_instruction: false, kind, at_ns: time_ns });
        }
        self.subjects.met(task);
        Some(task.subject)
    }

    /// Processes that were still there, by their kernel keys: members of the cgroup, and those that left
    /// it and whose end was not seen. A pid that no probe saw start is kept with an unknown start.
    pub(super) fn survivors(&self, watched: &Watched) -> BTreeSet<ProcessKey> {
        let Some(ended) = &watched.ended else { return BTreeSet::new() };
        let unended = self
            .epoch
            .processes
            .iter()
            .filter(|(_, process)| process.status.is_empty() && process.subjects.contains(&watched.key));
        let mut survivors: BTreeSet<ProcessKey> = unended.map(|(key, _)| *key).collect();
        for &tgid in &ended.survivors {
            if !survivors.iter().any(|key| key.tgid == tgid) {
                survivors.insert(ProcessKey { tgid, start_ns: 0 });
            }
        }
        survivors
    }
}

/// Through what a record belongs to somebody.
enum Whose<'b> {
    Task(&'b Task),
    /// No task is known, only the cgroup of the socket.
    Cgroup(u64),
}

fn whose(body: &Body) -> Whose<'_> {
    match body {
        Body::Open { task, .. }
        | Body::Exec { task, .. }
        | Body::Fork { task, .. }
        | Body::Exit { task, .. }
        | Body::Threaded { task }
        | Body::UringCreated { task }
        | Body::Unix { task, .. }
        | Body::OtherSocket { task, .. }
        | Body::Connect { task, .. }
        | Body::Map { task, .. }
        | Body::Read { task, .. }
        | Body::ExecutableMemory { task }
        | Body::LowMemory { task }
        | Body::SocketReceived { task }
        | Body::OtherSource { task }
        | Body::Tcp { task, .. }
        | Body::Swept { task, .. }
        | Body::Moved { task, .. } => Whose::Task(task),
        // A packet of a cgroup that the probes do not know: user space may.
        Body::Udp { task, .. } | Body::Accepted { task, .. } => match task.subject {
            0 => Whose::Cgroup(task.cgroup),
            _ => Whose::Task(task),
        },
        Body::Hello { cgroup, .. }
        | Body::HttpHead { cgroup, .. }
        | Body::Dns { cgroup, .. }
        | Body::Undecoded { cgroup, .. } => Whose::Cgroup(*cgroup),
    }
}
