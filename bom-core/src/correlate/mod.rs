//! The correlator: inputs in, work out, an inventory at any time. It never does I/O.
//!
//! `files` decides what is asked of an opened file (`questions` numbers it), `content` what reading and mapping one adds to that,
//! `claims` asks what programs were told,
//! `network` joins connections with names,
//! `processes` keeps who is who, `subjects` who is observed, `swept` what was there before, `tiers` compares two
//! witnesses of one act, `closing` turns what was counted into coverage.

mod claims;
mod closing;
mod content;
mod files;
mod limits;
mod names;
mod network;
mod opens;
mod parts;
mod processes;
mod questions;
mod said;
mod sockets;
mod subjects;
mod swept;
mod tiers;

use std::collections::{BTreeMap, BTreeSet};

use bom_common::record::probe::{SECURITY_FILE_OPEN, SECURITY_MMAP_FILE};
pub use closing::is_loss;

use crate::{
    coverage::{ProbeState, ProbeStatus, rules::Detector},
    event::{Body, Event, Task},
    fact::{Action, Evidence, FactKey, Strength},
    identify::{catalog::Catalog, detections},
    input::{Input, Start, Work},
    inventory::{Description, Epoch, Inventory},
    join::Few,
    key::{EpochId, ImageId, Object, SubjectKey},
};

/// Holds everything between inputs. Start with [`Correlator::default`], feed [`Input::Start`] first.
#[derive(Debug, Default)]
pub struct Correlator {
    start: Option<Start>,
    epoch: Epoch,
    catalog: Catalog,
    files: files::Files,
    parts: parts::Parts,
    content: content::Content,
    claims: claims::Questions,
    network: network::Network,
    subjects: subjects::Subjects,
    swept: swept::Sweeps,
    tiers: tiers::Tiers,
    /// Names of the probes that were attached.
    alive: BTreeSet<String>,
    /// Names of those that told nothing when they should have.
    silent: BTreeSet<String>,
    /// When the counters were read last.
    counted_ns: Option<u64>,
    finished: bool,
    latest_ns: u64,
}

impl Correlator {
    /// Takes one input and returns what has to be found out because of it.
    pub fn step(&mut self, input: Input) -> Vec<Work> {
        match input {
            Input::Start(start) => self.begin(*start),
            Input::Subject(subject) => self.subject(&subject),
            Input::Pod { subject, pod } => self.pod(subject, pod),
            Input::Catalog(catalog) => self.catalog.extend(catalog),
            Input::Probes { at_ns, states } => {
                self.latest_ns = self.latest_ns.max(at_ns);
                for state in states {
                    self.probe(state);
                }
            }
            Input::Event(event) => {
                let mut asked = self.ripen_before(event.time_ns);
                asked.extend(self.event(event));
                return asked;
            }
            Input::Answer { work, answer } => return self.answer(work, answer),
            Input::Counters { at_ns, counters, subjects, recursion_misses } => {
                self.count(at_ns, &counters, &subjects, &recursion_misses);
                return self.ripen(at_ns);
            }
            Input::Repeats(repeats) => self.repeats(&repeats),
            Input::Lost { at_ns, cause, count, subject, from_ns } => {
                let from = from_ns.unwrap_or_else(|| self.begun());
                let key = subject.and_then(|id| self.subjects.get(id)).map(|watched| watched.key.clone());
                self.epoch.coverage.lose(&cause, key, count, from, at_ns);
            }
            Input::Clock { boot_ns, wall_ns } => {
                self.latest_ns = self.latest_ns.max(boot_ns);
                self.epoch.clock.insert((boot_ns, wall_ns));
            }
            Input::Recheck { subject, at_ns } => {
                self.latest_ns = self.latest_ns.max(at_ns);
                return self.recheck(subject);
            }
            Input::Ended(ended) => {
                self.latest_ns = self.latest_ns.max(ended.at_ns);
                self.subjects.end(*ended);
            }
            Input::Finish { at_ns } => {
                self.latest_ns = self.latest_ns.max(at_ns);
                self.finished = true;
            }
        }
        Vec::new()
    }

    /// How many pieces of work have no answer yet.
    pub fn pending(&self) -> usize {
        self.files.pending() + self.claims.pending()
    }

    /// What is known by now. Can be asked at any time; what is still open counts as incomplete.
    pub fn inventory(&self) -> Inventory {
        let mut inventory = Inventory::default();
        let Some(start) = &self.start else { return inventory };
        let mut epoch = self.epoch.clone();
        self.files.close(&mut epoch, &self.subjects);
        self.swept.close(&mut epoch);
        let mut detected = self.network.close(&mut epoch);
        self.content.close(&mut epoch);
        self.claims.close(&mut epoch);
        for id in self.content.early().chain(self.swept.strangers()) {
            let key = self.subjects.get(id).map(|watched| watched.key.clone());
            detected.extend(key.map(|key| (key, Detector::EarlierLife)));
        }
        detected.extend(detections(&epoch));
        for id in self.not_rechecked() {
            let key = self.subjects.get(id).map(|watched| watched.key.clone());
            detected.extend(key.map(|key| (key, Detector::ChangedAfterOpen)));
        }
        self.close(&mut epoch, start.at_ns, &detected);
        inventory.epochs.insert(start.epoch.clone(), epoch);
        inventory
    }

    /// The catalog the inventory is to be read with.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The epoch being observed, once it has begun.
    pub fn epoch(&self) -> Option<&EpochId> {
        self.start.as_ref().map(|start| &start.epoch)
    }

    /// What became of a probe. One that was silent once is not taken for alive again: what it missed is missing.
    fn probe(&mut self, state: ProbeState) {
        match state.status {
            ProbeStatus::Attached if !self.silent.contains(&state.name) => {
                self.alive.insert(state.name.clone());
            }
            ProbeStatus::Attached => return,
            ProbeStatus::Silent => {
                self.alive.remove(&state.name);
                self.silent.insert(state.name.clone());
                let attached = ProbeState { status: ProbeStatus::Attached, ..state.clone() };
                self.epoch.coverage.probes.remove(&attached);
            }
            ProbeStatus::Refused(_) | ProbeStatus::LeftOut => {}
        }
        self.epoch.coverage.probes.insert(state);
    }

    fn begin(&mut self, start: Start) {
        self.latest_ns = start.at_ns;
        self.epoch.versions.insert(start.version.clone());
        self.epoch.host.insert(start.host.clone());
        self.start = Some(start);
    }

    fn begun(&self) -> u64 {
        self.start.as_ref().map_or(0, |start| start.at_ns)
    }

    fn event(&mut self, event: Event) -> Vec<Work> {
        self.latest_ns = self.latest_ns.max(event.time_ns);
        let Event { sequence, probe, time_ns, mut body } = event;
        let id = self.subject_of(&body, time_ns);
        let Some(subject) = id.and_then(|id| self.subjects.get(id)).map(|watched| watched.key.clone()) else {
            // Nobody's: what it would have told is missing for somebody, and it is not known for whom.
            self.subjects.detect(None, Detector::Unattributed);
            return Vec::new();
        };
        if acts_before_exec(&body) {
            self.subjects.detect(id, Detector::EarlierLife);
        }
        let mut raw_image = ImageId(0);
        if let Some(task) = swept::task_of_mut(&mut body) {
            raw_image = task.image;
            task.image = self.swept.image(task);
        }
        let at = At { subject, id: id.unwrap_or_default(), sequence, probe, time_ns, raw_image };
        if let Some(cause) = self.bound_met(at.id, &body) {
            self.lose(at.id, cause, 1, time_ns);
            return Vec::new();
        }
        let (facts, processes) = (self.epoch.facts.len(), self.epoch.processes.len());
        // An open is held from its first sight, whether or not it is a fact by now; a connection when it is one.
        let facts_made = matches!(
            body,
            Body::Exec { .. } | Body::Dns { .. } | Body::Unix { .. } | Body::OtherSocket { .. }
        );
        let work = self.take(&at, body);
        let more = (
            self.epoch.facts.len().saturating_sub(facts),
            self.epoch.processes.len().saturating_sub(processes),
        );
        if let Some(held) = self.held(at.id) {
            if facts_made {
                held.facts += more.0;
            }
            held.processes += more.1;
        }
        work
    }

    fn take(&mut self, at: &At, body: Body) -> Vec<Work> {
        let id = Some(at.id);
        match body {
            Body::Open { task, file } if at.probe == SECURITY_FILE_OPEN => self.checked(at, &task, file),
            Body::Open { task, file } => {
                self.told(at, &file, false);
                self.opened(at, &task, file)
            }
            Body::Exec { task, exec } => {
                self.told(at, &exec.file, true);
                self.executed(at, &task, *exec)
            }
            Body::Connect { task, connect } => {
                self.asked_to_connect(at, &task, &connect);
                Vec::new()
            }
            Body::Fork { task, child } => {
                self.forked(at, &task, child);
                Vec::new()
            }
            Body::Exit { task, code } => {
                self.process(at, &task).status.insert(code);
                self.swept.exited(task.process);
                Vec::new()
            }
            Body::Threaded { task } => {
                self.process(at, &task).threaded.0 = true;
                self.subjects.detect(id, Detector::Threads);
                Vec::new()
            }
            Body::UringCreated { task } => {
                self.process(at, &task).uring.0 = true;
                // Its workers share the process's descriptors, as threads do.
                self.subjects.detect(id, Detector::Uring);
                self.subjects.detect(id, Detector::Threads);
                Vec::new()
            }
            Body::Map { task, file, vm_flags } if at.probe == SECURITY_MMAP_FILE => {
                self.map_checked(at, &task, file, vm_flags)
            }
            Body::Map { task, file, vm_flags } => {
                self.map_told(at, &file);
                self.mapped(at, &task, file, vm_flags)
            }
            Body::Read { task, file } => self.content_read(at, &task, file),
            Body::ExecutableMemory { task } => {
                if !self.precedes_exec(at, &task) {
                    self.process(at, &task);
                    self.subjects.detect(id, Detector::ExecutableMemory);
                }
                Vec::new()
            }
            Body::LowMemory { task } => {
                if !self.precedes_exec(at, &task) {
                    self.process(at, &task);
                    self.subjects.detect(id, Detector::LowMemory);
                }
                Vec::new()
            }
            Body::SocketReceived { task } => {
                self.process(at, &task);
                self.subjects.detect(id, Detector::SocketPassed);
                Vec::new()
            }
            // A pipe that a command is given, it has before its exec.
            Body::OtherSource { task: _ } => {
                self.subjects.detect(id, Detector::OtherSource);
                Vec::new()
            }
            Body::Tcp { task, tcp } => {
                self.connection_told(at, &tcp);
                self.process(at, &task);
                self.tcp(at, &task, &tcp);
                Vec::new()
            }
            Body::Udp { task, udp } => {
                if task.process.tgid != 0 {
                    self.process(at, &task);
                }
                self.udp(at, &task, &udp);
                Vec::new()
            }
            Body::Accepted { task: _, accepted } => {
                self.accepted(at, accepted);
                Vec::new()
            }
            Body::Unix { task, socket } => {
                self.process(at, &task);
                self.unix(at, &task, socket);
                Vec::new()
            }
            Body::OtherSocket { task, socket } => {
                if !socket.inherited {
                    self.process(at, &task);
                }
                self.other_socket(at, socket);
                Vec::new()
            }
            Body::Hello { cookie, remote, transport, hello, .. } => {
                self.hello(at, cookie, remote, transport, hello);
                Vec::new()
            }
            Body::HttpHead { cookie, head, .. } => {
                self.http_head(at, cookie, head);
                Vec::new()
            }
            Body::Dns { server, answer, .. } => {
                self.resolved(at, server, answer);
                Vec::new()
            }
            Body::Undecoded { remote, reason, .. } => {
                self.undecoded(at, remote, reason);
                Vec::new()
            }
            Body::Swept { task, swept } => self.swept(at, &task, *swept),
            Body::Moved { task, from, parent, born } => {
                self.moved(at, &task, from, parent, born);
                Vec::new()
            }
        }
    }
}

/// A process without an image did something: nobody saw it start.
fn acts_before_exec(body: &Body) -> bool {
    match body {
        // What an exec opens is opened before there is an image.
        Body::Open { task, file } => task.image.0 == 0 && !file.is_opened_by_exec(),
        Body::Fork { task, .. }
        | Body::Threaded { task }
        | Body::SocketReceived { task }
        | Body::Connect { task, .. }
        | Body::Tcp { task, .. }
        | Body::Unix { task, .. } => task.image.0 == 0,
        // What a command is handed, it has before its exec.
        Body::OtherSocket { task, socket } => task.image.0 == 0 && !socket.inherited,
        // Of a task that is not known, the socket says so (`socket-unknown`).
        Body::Udp { task, .. } => task.process.tgid != 0 && task.image.0 == 0,
        // The memory of whoever makes the first process is there before its exec: `content` decides.
        Body::Map { .. }
        | Body::Read { .. }
        | Body::ExecutableMemory { .. }
        | Body::LowMemory { .. }
        | Body::OtherSource { .. }
        | Body::Exec { .. }
        | Body::Exit { .. }
        | Body::UringCreated { .. }
        | Body::Accepted { .. }
        | Body::Hello { .. }
        | Body::HttpHead { .. }
        | Body::Dns { .. }
        | Body::Swept { .. }
        | Body::Moved { .. }
        | Body::Undecoded { .. } => false,
    }
}

/// Where an event stands.
#[derive(Clone, Debug)]
struct At {
    subject: SubjectKey,
    /// The same as the probes have it.
    id: u64,
    sequence: u64,
    probe: u16,
    time_ns: u64,
    /// The image of the task as the kernel has it.
    raw_image: ImageId,
}

impl At {
    fn fact(&self, task: &Task, action: Action, object: Object) -> FactKey {
        FactKey {
            subject: self.subject.clone(),
            process: task.process,
            image: task.image,
            action,
            object,
            probe: self.probe,
        }
    }

    fn evidence(&self, strength: Strength) -> Evidence {
        Evidence::once(strength, self.sequence, self.time_ns)
    }
}

/// Adds a fact, or counts it at the one that is there.
fn add(epoch: &mut Epoch, key: FactKey, evidence: Evidence) {
    match epoch.facts.entry(key) {
        std::collections::btree_map::Entry::Vacant(entry) => {
            entry.insert(evidence);
        }
        std::collections::btree_map::Entry::Occupied(mut entry) => entry.get_mut().again(evidence),
    }
}

fn describe(epoch: &mut Epoch, object: &Object, description: Description) {
    match epoch.objects.get_mut(object) {
        Some(known) => {
            known.insert(description);
        }
        None => {
            epoch.objects.insert(object.clone(), Few::from([description]));
        }
    }
}

type Counters = BTreeMap<String, u64>;
