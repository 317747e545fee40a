//! Opened files: what is asked of each, and what the answers mean for what is asked next.

use std::collections::{BTreeMap, BTreeSet};

use bom_common::record::probe;

use super::{At, Correlator, describe};
use crate::{
    coverage::rules::Detector,
    event::{OpenedFile, Task},
    fact::{Action, FactKey, Strength},
    identify::of_name,
    input::{Answer, Reason, Repeat, Request, Work},
    inventory::{Description, Epoch, Question},
    key::{FileKey, ImageId, Object, ProcessKey},
    path::SeenPath,
};

/// The key under which the kernel counts repeated opens.
type RepeatKey = (ProcessKey, ImageId, FileKey, (u64, u64, u32), u32);

/// What is known of the questions asked of files.
#[derive(Debug, Default)]
pub(super) struct Files {
    next: u64,
    /// Work without an answer.
    waiting: BTreeMap<u64, Work>,
    /// Files that were asked about.
    asked: BTreeMap<FileKey, Asked>,
    /// Code whose owner was asked for, by place.
    places: BTreeSet<(FileKey, SeenPath)>,
    /// Files of a known format, and code of packages.
    mattering: BTreeMap<FileKey, Work>,
    /// Which fact a counted open belongs to.
    repeats: BTreeMap<RepeatKey, FactKey>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    content: bool,
    digest: bool,
    owner: bool,
    place: bool,
}

/// Probes that see a descriptor come from another process.
const RECEIVING: [u16; 2] = [probe::SKB_COPY_DATAGRAM_IOVEC, probe::SYS_EXIT_PIDFD_GETFD];

impl Correlator {
    pub(super) fn opened(&mut self, at: &At, task: &Task, file: OpenedFile) -> Vec<Work> {
        self.process(at, task);
        let strength = if file.can_read() { Strength::Opened } else { Strength::Enumerated };
        let action = if RECEIVING.contains(&at.probe) { Action::Received } else { Action::Opened };
        let key = at.fact(task, action, Object::File(file.key));
        self.content.met(at.id, task, &file);
        if file.is_block_device() && file.can_read() {
            self.subjects.detect(Some(at.id), Detector::BlockDevice);
        }
        if file.is_packet_device() {
            self.subjects.detect(Some(at.id), Detector::PacketDevice);
        }
        let raw = Task { image: at.raw_image, ..*task };
        self.files.repeats.insert(repeat_key(&raw, &file), key.clone());
        self.epoch.paths.entry(key.clone()).or_default().insert(file.path.clone());
        super::add(&mut self.epoch, key, at.evidence(strength));
        self.files.met(&mut self.epoch, task, file, false)
    }

    /// Sets the counts the kernel kept at delivered opens.
    pub(super) fn repeats(&mut self, repeats: &[Repeat]) {
        for repeat in repeats {
            let name = (repeat.parent_inode, repeat.name_hash, repeat.mount_id);
            let key = (repeat.process, repeat.image, repeat.file, name, repeat.access);
            let Some(fact) = self.files.repeats.get(&key) else { continue };
            if let Some(evidence) = self.epoch.facts.get_mut(fact) {
                // Several names and ways to open one file share a fact: each brings its own repetitions.
                evidence.count.0 = evidence.count.0.saturating_add(repeat.count.saturating_sub(1));
                evidence.last_ns.0 = evidence.last_ns.0.max(repeat.last_ns);
            }
        }
    }

    pub(super) fn answer(&mut self, work: u64, answer: Answer) -> Vec<Work> {
        let Some(done) = self.files.waiting.remove(&work) else { return Vec::new() };
        let object = Object::File(done.file.key);
        let question = Question::from(done.request);
        if done.request == Request::Recheck {
            self.content.rechecked(work, done.file.key, &answer);
        }
        match answer {
            Answer::Unchanged => {}
            Answer::Located { path, mount_namespace } => return self.located(&done, path, mount_namespace),
            Answer::Unknown(reason) => {
                if done.request == Request::Locate {
                    self.not_located(&done);
                }
                describe(&mut self.epoch, &object, Description::Unknown { question, reason });
            }
            Answer::Digest(digest) if is_sha256(&digest) => {
                describe(&mut self.epoch, &object, Description::Digest(digest));
            }
            Answer::Digest(_) => {
                let reason = Reason::ReadFailed;
                describe(&mut self.epoch, &object, Description::Unknown { question, reason });
            }
            Answer::Owner(owner) => {
                let own_word = owner.is_own_word();
                if owner.python.is_some() || !owner.packages.is_empty() {
                    self.files.matters(&done);
                }
                describe(&mut self.epoch, &object, Description::Owner(owner));
                if own_word && is_code(&done.file.path) {
                    self.files.matters(&done);
                    return self.files.ask(Request::Digest, &done).into_iter().collect();
                }
            }
            Answer::Inspected(content) => {
                let known = content.as_ref().is_some_and(|content| content.is_telling());
                describe(&mut self.epoch, &object, Description::Content(content));
                if known {
                    self.files.matters(&done);
                    let template = done;
                    return [Request::Digest, Request::Owner]
                        .into_iter()
                        .filter_map(|request| self.files.ask(request, &template))
                        .collect();
                }
            }
        }
        Vec::new()
    }
}

impl Files {
    pub(super) fn pending(&self) -> usize {
        self.waiting.len()
    }

    /// Questions without an answer.
    pub(super) fn unanswered(&self) -> impl Iterator<Item = (FileKey, Question)> + '_ {
        self.waiting.values().map(|work| (work.file.key, Question::from(work.request)))
    }

    /// A file was met: describes it and asks what has not been asked of it yet.
    pub(super) fn met(
        &mut self,
        epoch: &mut Epoch,
        task: &Task,
        file: OpenedFile,
        executed: bool,
    ) -> Vec<Work> {
        let object = Object::File(file.key);
        let placeless = file.is_placeless();
        if !placeless {
            describe(epoch, &object, Description::Path(file.path.clone()));
        }
        if file.is_unlinked() {
            describe(epoch, &object, Description::Unlinked);
        }
        if file.rdev != 0 {
            describe(epoch, &object, Description::Device(file.rdev));
        }
        if !file.is_regular() || file.is_pseudo() || !(file.can_read() || executed) || file.key.size == 0 {
            return Vec::new();
        }
        let work = Work {
            id: 0,
            request: Request::Inspect,
            process: task.process,
            mount_namespace: task.mount_namespace,
            file,
        };
        if work.file.is_truncated() {
            let reason = Reason::PathTruncated;
            describe(epoch, &object, Description::Unknown { question: Question::Content, reason });
            return Vec::new();
        }
        let mut asked = Vec::new();
        if placeless {
            asked.extend(self.ask(Request::Locate, &work));
            return asked;
        }
        asked.extend(self.questions(work));
        asked
    }

    /// What is asked of a file that has a place.
    pub(super) fn located(&mut self, work: Work) -> Vec<Work> {
        self.questions(work)
    }

    fn questions(&mut self, work: Work) -> Vec<Work> {
        let mut asked = Vec::new();
        asked.extend(self.ask(Request::Inspect, &work));
        // An owner is asked for by path: the same file has another one at another place.
        if is_code(&work.file.path) {
            let place = (work.file.key, work.file.path.clone());
            if self.places.insert(place) {
                self.asked.entry(work.file.key).or_default().owner = false;
                asked.extend(self.ask(Request::Owner, &work));
            }
        }
        asked
    }

    /// A file became a component, or code of one.
    fn matters(&mut self, done: &Work) {
        self.mattering.entry(done.file.key).or_insert_with(|| done.clone());
    }

    pub(super) fn mattering(&self, file: &FileKey) -> bool {
        self.mattering.contains_key(file)
    }

    /// Asks whether a file that matters is still what it was, each time anew.
    pub(super) fn ask_again(&mut self, file: &FileKey) -> Option<Work> {
        let like = self.mattering.get(file)?.clone();
        self.next += 1;
        let work = Work { id: self.next, request: Request::Recheck, ..like };
        self.waiting.insert(work.id, work.clone());
        Some(work)
    }

    fn ask(&mut self, request: Request, like: &Work) -> Option<Work> {
        let asked = self.asked.entry(like.file.key).or_default();
        let flag = match request {
            Request::Inspect => &mut asked.content,
            Request::Digest => &mut asked.digest,
            Request::Owner => &mut asked.owner,
            Request::Locate => &mut asked.place,
            // Asked by `ask_again`, as often as it is wanted.
            Request::Recheck => return None,
        };
        if std::mem::replace(flag, true) {
            return None;
        }
        self.next += 1;
        let work = Work { id: self.next, request, ..like.clone() };
        self.waiting.insert(work.id, work.clone());
        Some(work)
    }
}

/// Source, byte code and extension modules: what an import opens; and the `.pth` files that lead to code elsewhere, so
/// that the installation they belong to is known before the code is met. Whose file it is decides an installer's list,
/// not this name.
fn is_code(path: &SeenPath) -> bool {
    let name = path.file_name();
    name.ends_with(b".so") || name.ends_with(b".pth") || of_name(path).is_some()
}

/// 64 lower-case hexadecimal digits.
fn is_sha256(digest: &str) -> bool {
    digest.len() == 64 && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn repeat_key(task: &Task, file: &OpenedFile) -> RepeatKey {
    (task.process, task.image, file.key, (file.parent_inode, file.name_hash, file.mount_id), file.access())
}
