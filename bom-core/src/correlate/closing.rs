//! What was counted becomes coverage.

use std::collections::{BTreeMap, BTreeSet};

use super::{Correlator, Counters, subjects::Watched, tiers};
use crate::{
    coverage::{
        Class, Gap,
        rules::{self, Detector, Seen},
    },
    input::Reason,
    inventory::{Description, Epoch, Question},
    join::{Intervals, Join, Max},
    key::{Object, SubjectKey},
};

/// What is missing when connections, or their bytes, are: how much came in is then not known either.
const NETWORK: &[Class] = &[Class::Endpoints, Class::Models, Class::Packages];

/// Counters of `bom_common::counter` that mean loss, and the classes the lost records belong to.
const LOSSES: &[(&str, &[Class])] = &[
    // Bounds of the correlator (`limits`).
    ("file-facts-over-limit", &[Class::Models, Class::Libraries, Class::Packages]),
    ("unread-files-over-limit", &[Class::Models, Class::Libraries, Class::Packages]),
    ("places-over-limit", &[Class::Packages]),
    ("program-facts-over-limit", &Class::ALL),
    ("processes-over-limit", &Class::ALL),
    ("endpoint-facts-over-limit", NETWORK),
    ("connections-over-limit", NETWORK),
    ("names-over-limit", &[Class::Endpoints]),
    // Nothing is known to be missing; but a probe that falls silent would not be found out.
    ("canary-not-made", &Class::ALL),
    // The base tier saw them all the same.
    ("upper-opens-over-limit", &[]),
    ("opens-lost", &[Class::Models, Class::Libraries, Class::Packages]),
    ("process-records-lost", &Class::ALL),
    ("process-table-full", &Class::ALL),
    ("cgroup-table-full", &Class::ALL),
    ("content-records-lost", &[Class::Models, Class::Libraries, Class::Packages]),
    ("received-descriptors-lost", &[Class::Models, Class::Libraries, Class::Packages, Class::Endpoints]),
    ("tcp-records-lost", NETWORK),
    ("payload-records-lost", &[Class::Endpoints]),
    ("socket-table-full", NETWORK),
    ("flow-table-full", NETWORK),
    ("socket-records-lost", &[Class::Endpoints, Class::Programs, Class::Models, Class::Packages]),
    ("cgroup-records-lost", &Class::ALL),
    ("upper-opens-lost", &[Class::Models, Class::Libraries, Class::Packages]),
    ("upper-connects-lost", &[Class::Endpoints]),
    (tiers::ONLY_UPPER, &[Class::Models, Class::Libraries, Class::Packages]),
    (tiers::ONLY_BASE, &[Class::Models, Class::Libraries, Class::Packages]),
    ("upper-mappings-lost", &[Class::Models, Class::Libraries, Class::Packages]),
    (tiers::MAP_ONLY_UPPER, &[Class::Models, Class::Libraries, Class::Packages]),
    (tiers::MAP_ONLY_BASE, &[Class::Models, Class::Libraries, Class::Packages]),
    (tiers::CONNECT_ONLY_BASE, &[Class::Endpoints]),
    // fanotify, in the place of the system call exits.
    ("fanotify-overflow", &[Class::Models, Class::Libraries, Class::Packages]),
    ("fanotify-programs-over-limit", &[Class::Models, Class::Libraries, Class::Packages]),
    ("fanotify-stalled", &[Class::Models, Class::Libraries, Class::Packages]),
    ("fanotify-unresolved", &[Class::Models, Class::Libraries, Class::Packages]),
    ("file-systems-marked-late", &[Class::Models, Class::Libraries, Class::Packages]),
    ("file-systems-unmarked", &[Class::Models, Class::Libraries, Class::Packages]),
    ("path-truncated", &[Class::Models, Class::Libraries, Class::Packages, Class::Programs]),
];

/// Counters that only make a fact possible that we would not have seen.
const DETECTORS: &[(&str, Detector)] = &[
    ("opens-unresolved", Detector::UnresolvedDescriptor),
    ("io-uring-direct-open", Detector::DirectDescriptor),
    ("packet-unparsed", Detector::UnparsedPacket),
    ("mappings-unresolved", Detector::UnresolvedMapping),
    ("socket-unknown", Detector::SocketUnknown),
    ("bpf-calls", Detector::BpfCalled),
];

/// Whether a counter of this name means that a fact may be missing.
pub fn is_loss(counter: &str) -> bool {
    LOSSES.iter().any(|(loss, _)| *loss == counter)
}

impl Correlator {
    /// Takes the counters as they stand now: totals, and what of them is known to concern one subject.
    pub(super) fn count(
        &mut self,
        at_ns: u64,
        counters: &Counters,
        subjects: &BTreeMap<u64, Counters>,
        recursion_misses: &Counters,
    ) {
        // What grew since the last reading was lost after it.
        let from = self.counted_ns.unwrap_or_else(|| self.begun());
        self.counted_ns = Some(at_ns);
        self.latest_ns = self.latest_ns.max(at_ns);
        for (&id, counted) in subjects {
            let Some(key) = self.subjects.get(id).map(|watched| watched.key.clone()) else { continue };
            let known = self.epoch.coverage.subject_counters.entry(key).or_default();
            for (name, &value) in counted {
                known.entry(name.clone()).or_default().join(Max(value));
            }
        }
        for (name, &value) in counters {
            let known = self.epoch.coverage.counters.entry(name.clone()).or_default();
            let before = known.0;
            known.join(Max(value));
            let detector =
                DETECTORS.iter().find(|(counter, _)| counter == name).map(|(_, detector)| *detector);
            let loss = is_loss(name);
            if value == 0 || !loss && detector.is_none() {
                continue;
            }
            let mut attributed = 0_u64;
            for (&id, counted) in subjects {
                let Some(&mine) = counted.get(name).filter(|&&mine| mine > 0) else { continue };
                let Some(key) = self.subjects.get(id).map(|watched| watched.key.clone()) else { continue };
                attributed = attributed.saturating_add(mine);
                if loss {
                    self.lost(name, Some(key), mine, from, at_ns);
                }
                if let Some(detector) = detector {
                    self.subjects.detect(Some(id), detector);
                }
            }
            // What is not known to be somebody's could be anybody's.
            let rest = value.saturating_sub(attributed);
            if rest > 0 {
                if loss && (value > before || attributed == 0) {
                    self.lost(name, None, rest, from, at_ns);
                }
                if let Some(detector) = detector {
                    self.subjects.detect(None, detector);
                }
            }
        }
        self.unseen_completions(counters, subjects);
        for (probe, &missed) in recursion_misses {
            if missed > 0 {
                self.lost(&format!("recursion-miss:{probe}"), None, missed, from, at_ns);
            }
        }
    }

    /// Opens that were handed to io_uring and whose end was not seen.
    fn unseen_completions(&mut self, counters: &Counters, subjects: &BTreeMap<u64, Counters>) {
        let open = |counters: &Counters| {
            let count = |name| counters.get(name).copied().unwrap_or(0);
            count("io-uring-opens").saturating_sub(count("io-uring-opens-completed"))
        };
        let mut rest = open(counters);
        for (&id, counted) in subjects {
            if open(counted) > 0 {
                rest = rest.saturating_sub(open(counted));
                self.subjects.detect(Some(id), Detector::UringSilent);
            }
        }
        if rest > 0 {
            self.subjects.detect(None, Detector::UringSilent);
        }
    }

    /// A loss as counted so far; the interval grows only if the count did.
    fn lost(&mut self, cause: &str, subject: Option<SubjectKey>, count: u64, from_ns: u64, to_ns: u64) {
        let known = self.epoch.coverage.losses.get(&(cause.to_owned(), subject.clone()));
        if known.is_none_or(|known| known.count.0 < count) {
            self.epoch.coverage.lose(cause, subject, count, from_ns, to_ns);
        }
    }

    /// Completes a copy of the epoch: window, and for each subject gaps and questions left open.
    pub(super) fn close(&self, epoch: &mut Epoch, from_ns: u64, detected: &BTreeSet<(SubjectKey, Detector)>) {
        epoch.window.join(Intervals::one(from_ns, self.latest_ns));
        for (file, question) in self.files.unanswered() {
            let unknown = Description::Unknown { question, reason: Reason::Deadline };
            super::describe(epoch, &Object::File(file), unknown);
        }
        let unreadable = unreadable(epoch);
        for (id, watched) in self.subjects.all() {
            self.compare(epoch, id, watched);
            let mut seen = Seen {
                alive: self.alive.clone(),
                silent: self.silent.clone(),
                detected: watched.detected.clone(),
            };
            seen.detected
                .extend(detected.iter().filter(|(key, _)| *key == watched.key).map(|(_, what)| *what));
            if rules::UNSEEN.iter().any(|detector| seen.detected.contains(detector)) {
                seen.detected.insert(Detector::UnseenOpening);
            }
            if rules::STREAMING.iter().any(|detector| seen.detected.contains(detector)) {
                seen.detected.extend([Detector::Streamed, Detector::StreamedCode]);
            }
            self.close_one(epoch, watched, &seen, unreadable.contains(&watched.key));
        }
    }

    fn close_one(&self, epoch: &mut Epoch, watched: &Watched, seen: &Seen, unreadable: bool) {
        let subject = &watched.key;
        let survivors = self.survivors(watched);
        let ended = watched.ended.as_ref();
        let alive = !survivors.is_empty() || ended.is_some_and(|ended| ended.survivors_cut);
        let until = ended.map_or(self.latest_ns, |ended| ended.at_ns);
        for class in Class::ALL {
            let mut gaps = rules::gaps(class, seen);
            for (cause, of) in epoch.coverage.losses.keys() {
                let mine = of.as_ref().is_none_or(|of| of == subject);
                let concerned = LOSSES.iter().find(|(loss, _)| loss == cause);
                // A cause this table does not know could have taken anything.
                if mine && concerned.is_none_or(|(_, classes)| classes.contains(&class)) {
                    gaps.insert(Gap::Lost(cause.clone()));
                }
            }
            if !watched.before_first_instruction {
                gaps.insert(Gap::AlreadyRunning);
            }
            if alive {
                gaps.insert(Gap::StillRunning);
            }
            if ended.is_none() || !self.finished {
                gaps.insert(Gap::Unfinished);
            }
            if unreadable && matches!(class, Class::Models | Class::Libraries | Class::Packages) {
                gaps.insert(Gap::Unreadable);
            }
            let cell = epoch.coverage.cells.entry((subject.clone(), class)).or_default();
            cell.window.join(Intervals::one(watched.from_ns, until.max(watched.from_ns)));
            cell.gaps.join(gaps);
        }
        if !survivors.is_empty() {
            epoch.coverage.still_running.entry(subject.clone()).or_default().extend(survivors);
        }
        if let Some(status) = ended.and_then(|ended| ended.status) {
            epoch.subjects.entry(subject.clone()).or_default().status.insert(status);
        }
    }
}

/// Subjects that used a file of which it could not be found out what it is.
fn unreadable(epoch: &Epoch) -> BTreeSet<SubjectKey> {
    let unknown = |description: &Description| {
        matches!(description, Description::Unknown { question: Question::Content | Question::Owner, .. })
    };
    let files: BTreeSet<&Object> = epoch
        .objects
        .iter()
        .filter(|(_, about)| about.iter().any(unknown))
        .map(|(object, _)| object)
        .collect();
    let facts = epoch.facts.keys().filter(|fact| files.contains(&fact.object));
    facts.map(|fact| fact.subject.clone()).collect()
}
