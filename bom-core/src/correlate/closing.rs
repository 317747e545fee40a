//! What was counted becomes coverage.

use std::collections::BTreeSet;

use super::{Correlator, Counters};
use crate::{
    coverage::{
        Class, Gap,
        rules::{self, Detector, Seen},
    },
    input::{Reason, Start},
    inventory::{Description, Epoch, Question},
    join::{Intervals, Join, Max},
    key::{Object, ProcessKey, SubjectKey},
};

/// Counters of `bom_common::counter` that mean loss, and the classes the lost records belong to.
const LOSSES: &[(&str, &[Class])] = &[
    ("opens-lost", &[Class::Models, Class::Libraries, Class::Packages]),
    ("process-records-lost", &Class::ALL),
    ("process-table-full", &Class::ALL),
    ("cgroup-table-full", &Class::ALL),
    ("tcp-records-lost", &[Class::Endpoints]),
    ("payload-records-lost", &[Class::Endpoints]),
    ("socket-table-full", &[Class::Endpoints]),
    ("path-truncated", &[Class::Models, Class::Libraries, Class::Packages, Class::Programs]),
];

/// Counters that only make a fact possible that we would not have seen.
const DETECTORS: &[(&str, Detector)] = &[
    ("opens-unresolved", Detector::UnresolvedDescriptor),
    ("io-uring-direct-open", Detector::DirectDescriptor),
    ("packet-unparsed", Detector::UnparsedPacket),
];

impl Correlator {
    pub(super) fn count(&mut self, at_ns: u64, counters: &Counters, recursion_misses: &Counters) {
        let from = self.begun();
        self.latest_ns = self.latest_ns.max(at_ns);
        for (name, &value) in counters {
            self.epoch.coverage.counters.entry(name.clone()).or_default().join(Max(value));
            if value > 0 && LOSSES.iter().any(|(loss, _)| loss == name) {
                self.epoch.coverage.lose(name, None, value, from, at_ns);
            }
            let detector = DETECTORS.iter().find(|(counter, _)| counter == name);
            if let Some(&(_, detector)) = detector.filter(|_| value > 0) {
                self.seen.detected.insert(detector);
            }
        }
        for (probe, &missed) in recursion_misses {
            if missed > 0 {
                self.epoch.coverage.lose(&format!("recursion-miss:{probe}"), None, missed, from, at_ns);
            }
        }
    }

    /// Completes a copy of the epoch: window, gaps of each class, questions left open.
    pub(super) fn close(&self, epoch: &mut Epoch, start: &Start, subject: &SubjectKey, seen: Seen) {
        epoch.window.join(Intervals::one(start.at_ns, self.latest_ns));
        for (file, question) in self.files.unanswered() {
            let unknown = Description::Unknown { question, reason: Reason::Deadline };
            super::describe(epoch, &Object::File(file), unknown);
        }
        let unreadable = epoch.objects.values().flatten().any(|description| {
            matches!(description, Description::Unknown { question: Question::Content | Question::Owner, .. })
        });
        let survivors = self.survivors();
        let alive = !survivors.is_empty() || self.finish.as_ref().is_some_and(|finish| finish.survivors_cut);
        for class in Class::ALL {
            let mut gaps = rules::gaps(class, &seen);
            for (cause, _) in epoch.coverage.losses.keys() {
                let concerned = LOSSES.iter().find(|(loss, _)| loss == cause);
                // A cause this table does not know could have taken anything.
                if concerned.is_none_or(|(_, classes)| classes.contains(&class)) {
                    gaps.insert(Gap::Lost(cause.clone()));
                }
            }
            if !start.before_first_instruction {
                gaps.insert(Gap::AlreadyRunning);
            }
            if alive {
                gaps.insert(Gap::StillRunning);
            }
            if self.finish.is_none() {
                gaps.insert(Gap::Unfinished);
            }
            if unreadable && matches!(class, Class::Models | Class::Libraries | Class::Packages) {
                gaps.insert(Gap::Unreadable);
            }
            let cell = epoch.coverage.cells.entry((subject.clone(), class)).or_default();
            cell.window.join(Intervals::one(start.at_ns, self.latest_ns));
            cell.gaps.join(gaps);
        }
        if !survivors.is_empty() {
            epoch.coverage.still_running.entry(subject.clone()).or_default().extend(survivors);
        }
        if let Some(status) = self.finish.as_ref().and_then(|finish| finish.status) {
            epoch.subjects.entry(subject.clone()).or_default().status.insert(status);
        }
    }

    /// Processes that were still there, by their kernel keys: members of the cgroup, and those that left
    /// it and whose end was not seen. A pid that no probe saw start is kept with an unknown start.
    fn survivors(&self) -> BTreeSet<ProcessKey> {
        let Some(finish) = &self.finish else { return BTreeSet::new() };
        let unended = self.epoch.processes.iter().filter(|(_, process)| process.status.is_empty());
        let mut survivors: BTreeSet<ProcessKey> = unended.map(|(key, _)| *key).collect();
        for &tgid in &finish.survivors {
            if !survivors.iter().any(|key| key.tgid == tgid) {
                survivors.insert(ProcessKey { tgid, start_ns: 0 });
            }
        }
        survivors
    }
}
