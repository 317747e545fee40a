//! Opened files: what is asked of each, and what the answers mean for what is asked next.
//!
//! Of most files nothing comes: nobody's package, no format we know. Such a file's opens stay beside the facts and
//! become some only when an inventory is asked for; when there are too many, the oldest are only counted. A file of
//! which something is known has its facts at once, and keeps them.

use std::collections::{BTreeMap, VecDeque, btree_map::Entry};

use super::{
    At, Correlator, describe,
    limits::{PLACES, SETTLED},
};
use crate::{
    event::{OpenedFile, Task},
    fact::{Action, Evidence, FactKey, Strength},
    input::{Answer, Reason, Repeat, Request, Work},
    inventory::{Description, Epoch, Question},
    join::{Few, Join, Max, Min},
    key::{FileKey, ImageId, Object, ProcessKey, SubjectKey},
    path::SeenPath,
};

/// What is known of opened files and of the questions asked of them.
#[derive(Debug, Default)]
pub(super) struct Files {
    next: u64,
    /// Work without an answer.
    waiting: BTreeMap<u64, Work>,
    files: BTreeMap<FileKey, File>,
    opens: BTreeMap<OpenKey, Open>,
    /// Files with nothing asked and nothing known, in the order in which that turned out. One that is asked again
    /// stays in here and is passed over.
    settled: VecDeque<FileKey>,
    /// Opens of those.
    settled_opens: usize,
}

#[derive(Debug, Default)]
struct File {
    content_asked: bool,
    digest_asked: bool,
    owner_asked: bool,
    /// Its facts are in the epoch.
    kept: bool,
    /// It is in the list of the settled.
    settled: bool,
    /// Looked at, and nothing we know.
    nothing: bool,
    /// Questions without an answer.
    pending: u32,
    opens: usize,
    /// Where it was seen, up to [`PLACES`].
    places: Few<SeenPath>,
    /// What is known besides: that nothing is, or why not.
    about: Few<Description>,
}

/// What the kernel tells opens apart by, the file first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct OpenKey {
    file: FileKey,
    process: ProcessKey,
    /// As the kernel has it.
    image: ImageId,
    parent_inode: u64,
    name_hash: u64,
    mount_id: u32,
    access: u32,
    probe: u16,
}

/// Opens of one file by one process under one name.
#[derive(Clone, Debug)]
struct Open {
    subject: u64,
    /// As we have it: a process whose exec was not seen gets one here.
    image: ImageId,
    path: SeenPath,
    unlinked: bool,
    strength: Strength,
    count: u64,
    first_sequence: u64,
    last_sequence: u64,
    first_ns: u64,
    last_ns: u64,
}

impl Correlator {
    pub(super) fn opened(&mut self, at: &At, task: &Task, file: OpenedFile) -> Vec<Work> {
        self.process(at, task);
        let strength = if file.can_read() { Strength::Opened } else { Strength::Enumerated };
        self.used(at, task, file, strength, 1)
    }

    /// A process uses a file: `count` is 0 if a sweep only met what may be known already.
    pub(super) fn used(
        &mut self,
        at: &At,
        task: &Task,
        file: OpenedFile,
        strength: Strength,
        count: u64,
    ) -> Vec<Work> {
        let key = OpenKey::of(at, task, &file);
        let open = Open::once(at, task, &file, strength);
        let Files { files, opens, settled_opens, .. } = &mut self.files;
        let known = files.entry(file.key).or_default();
        let kept = known.kept.then(|| open.clone());
        match opens.entry(key) {
            Entry::Occupied(entry) => entry.into_mut().again(&open, count),
            Entry::Vacant(entry) => {
                entry.insert(open);
                known.opens += 1;
                if known.settled && !known.kept {
                    *settled_opens += 1;
                }
                if let Some(held) = self.subjects.get_mut(at.id).map(|watched| &mut watched.held) {
                    held.facts += 1;
                }
            }
        }
        if let Some(open) = kept {
            let fact = at.fact(task, Action::Opened, Object::File(file.key));
            note(&mut self.epoch, fact, &open, count);
        }
        self.met(at, task, file, strength >= Strength::ReadOrMapped)
    }

    /// A file was met: notes its place and asks what has not been asked of it yet. `readable`: whatever its descriptor
    /// was opened for.
    pub(super) fn met(&mut self, at: &At, task: &Task, file: OpenedFile, readable: bool) -> Vec<Work> {
        let key = file.key;
        if file.rdev != 0 {
            self.keep(key);
        }
        let Files { files, next, waiting, .. } = &mut self.files;
        let known = files.entry(key).or_default();
        let first_here = known.places.len() < PLACES && known.places.insert(file.path.clone());
        let crowded = known.places.len() >= PLACES && !known.places.contains(&file.path);
        if known.kept {
            describe_use(&mut self.epoch, &file, crowded);
        }
        let mut asked = Vec::new();
        if file.is_regular() && !file.is_pseudo() && (file.can_read() || readable) && key.size > 0 {
            if file.is_truncated() {
                let reason = Reason::PathTruncated;
                self.learn(key, Description::Unknown { question: Question::Content, reason });
            } else {
                let python = first_here && is_python_code(&file.path);
                if !known.content_asked || python {
                    let mut ask = Asking { known, next, waiting };
                    let work = Work {
                        id: 0,
                        subject: at.id,
                        request: Request::Inspect,
                        process: task.process,
                        mount_namespace: task.mount_namespace,
                        file,
                    };
                    asked.extend(ask.ask(Request::Inspect, &work));
                    // An owner is asked for by path: the same file has another one at another place.
                    if python {
                        ask.known.owner_asked = false;
                        asked.extend(ask.ask(Request::Owner, &work));
                    }
                }
            }
        }
        if crowded {
            // Nothing is asked at this place: who owns the file there is not known.
            self.lose(at.id, "places-over-limit", 1, at.time_ns);
        }
        if asked.is_empty() {
            self.settle(key, at.time_ns);
        }
        asked
    }

    /// Sets the counts the kernel kept at delivered opens.
    pub(super) fn repeats(&mut self, repeats: &[Repeat]) {
        for repeat in repeats {
            let more = repeat.count.saturating_sub(1);
            let Some((key, open)) = self.files.repeated(repeat) else {
                self.count_aside(repeat, more);
                continue;
            };
            if self.files.is_kept(key.file) {
                let Some(fact) =
                    self.subjects.get(open.subject).map(|watched| key.fact(&watched.key, open.image))
                else {
                    continue;
                };
                if let Some(evidence) = self.epoch.facts.get_mut(&fact) {
                    // Several names and ways to open one file share a fact: each brings its own repetitions.
                    evidence.count.0 = evidence.count.0.saturating_add(more);
                    evidence.last_ns.0 = evidence.last_ns.0.max(repeat.last_ns);
                }
            } else if let Some(open) = self.files.opens.get_mut(&key) {
                open.count = open.count.saturating_add(more);
                open.last_ns = open.last_ns.max(repeat.last_ns);
            }
        }
    }

    /// Repetitions of an open that is only counted any more.
    fn count_aside(&mut self, repeat: &Repeat, more: u64) {
        let Some(process) = self.epoch.processes.get(&repeat.process) else { return };
        let Some(subject) = process.subjects.first().cloned() else { return };
        if let Some(aside) = self.epoch.aside.get_mut(&(subject, repeat.image)) {
            aside.opens.0 = aside.opens.0.saturating_add(more);
            aside.last_ns.0 = aside.last_ns.0.max(repeat.last_ns);
        }
    }

    pub(super) fn answer(&mut self, work: u64, answer: Answer) -> Vec<Work> {
        let Some(done) = self.files.waiting.remove(&work) else { return Vec::new() };
        let file = done.file.key;
        if let Some(known) = self.files.files.get_mut(&file) {
            known.pending = known.pending.saturating_sub(1);
            // The usual case.
            if answer == Answer::Inspected(None) && !known.kept {
                known.nothing = true;
                self.settle(file, self.latest_ns);
                return Vec::new();
            }
        }
        let question = Question::from(done.request);
        let unknown = |reason| Description::Unknown { question, reason };
        let mut more = Vec::new();
        match answer {
            Answer::Unknown(reason) => self.learn(file, unknown(reason)),
            Answer::Digest(digest) if is_sha256(&digest) => self.learn(file, Description::Digest(digest)),
            Answer::Digest(_) => self.learn(file, unknown(Reason::ReadFailed)),
            Answer::Owner(owner) => self.learn(file, Description::Owner(Box::new(owner))),
            Answer::Inspected(content) => {
                let known = content.is_some();
                self.learn(file, Description::Content(content));
                if known {
                    let Files { files, next, waiting, .. } = &mut self.files;
                    let mut ask = Asking { known: files.entry(file).or_default(), next, waiting };
                    more.extend(ask.ask(Request::Digest, &done));
                    more.extend(ask.ask(Request::Owner, &done));
                }
            }
        }
        self.settle(file, self.latest_ns);
        more
    }

    /// Takes in what was found out about a file; if that is something, its opens become facts.
    fn learn(&mut self, file: FileKey, about: Description) {
        let matters = match &about {
            Description::Content(content) => content.is_some(),
            Description::Owner(owner) => owner.python.is_some() || owner.deb.is_some(),
            Description::Digest(_) | Description::Device(_) => true,
            Description::Path(_)
            | Description::Unlinked
            | Description::Name { .. }
            | Description::Protocol(_)
            | Description::Unknown { .. } => false,
        };
        if matters {
            self.keep(file);
        }
        if self.files.is_kept(file) {
            describe(&mut self.epoch, &Object::File(file), about);
        } else if let Some(known) = self.files.files.get_mut(&file) {
            known.about.insert(about);
        }
    }

    /// The file matters: its opens become facts, now and from now on.
    pub(super) fn keep(&mut self, file: FileKey) {
        let known = self.files.files.entry(file).or_default();
        if std::mem::replace(&mut known.kept, true) {
            return;
        }
        if known.settled {
            self.files.settled_opens = self.files.settled_opens.saturating_sub(known.opens);
        }
        self.files.write(file, &mut self.epoch, &self.subjects);
    }

    /// A file with nothing asked and nothing known of it is settled; what is too much of that is only counted.
    fn settle(&mut self, file: FileKey, now_ns: u64) {
        let Some(known) = self.files.files.get_mut(&file) else { return };
        if known.kept || known.pending > 0 {
            return;
        }
        if !std::mem::replace(&mut known.settled, true) {
            self.files.settled_opens += known.opens;
            self.files.settled.push_back(file);
        }
        while self.files.settled_opens > SETTLED {
            let Some(oldest) = self.files.settled.pop_front() else { break };
            self.set_aside(oldest, now_ns);
        }
    }

    fn set_aside(&mut self, file: FileKey, now_ns: u64) {
        let Some(known) = self.files.files.get_mut(&file) else { return };
        known.settled = false;
        if known.kept {
            return;
        }
        self.files.settled_opens = self.files.settled_opens.saturating_sub(known.opens);
        if known.pending > 0 {
            return;
        }
        let unread = known.about.iter().any(|about| matches!(about, Description::Unknown { .. }));
        let mut left = known.opens;
        self.files.files.remove(&file);
        let mut of_file = Few::default();
        while left > 0 {
            let Some(key) = self.files.of(file).next().map(|(key, _)| *key) else { break };
            let Some(open) = self.files.opens.remove(&key) else { break };
            left -= 1;
            let Some(watched) = self.subjects.get_mut(open.subject) else { continue };
            watched.held.facts = watched.held.facts.saturating_sub(1);
            let aside = self.epoch.aside.entry((watched.key.clone(), open.image)).or_default();
            aside.opens.0 = aside.opens.0.saturating_add(open.count);
            aside.first_ns.join(Min(open.first_ns));
            aside.last_ns.join(Max(open.last_ns));
            // Once for each image that opened it.
            if of_file.insert((open.subject, open.image)) {
                aside.files.0 += 1;
            }
        }
        if unread {
            let subjects: Few<u64> = of_file.into_iter().map(|(subject, _)| subject).collect();
            for subject in subjects {
                self.lose(subject, "unread-files-over-limit", 1, now_ns);
            }
        }
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

    /// Writes the opens that are no facts yet: for an inventory.
    pub(super) fn close(&self, epoch: &mut Epoch, subjects: &super::subjects::Subjects) {
        for (&file, known) in &self.files {
            if !known.kept {
                self.write(file, epoch, subjects);
            }
        }
    }

    fn write(&self, file: FileKey, epoch: &mut Epoch, subjects: &super::subjects::Subjects) {
        let object = Object::File(file);
        for (key, open) in self.of(file) {
            let Some(watched) = subjects.get(open.subject) else { continue };
            note(epoch, key.fact(&watched.key, open.image), open, open.count);
            if open.unlinked {
                describe(epoch, &object, Description::Unlinked);
            }
        }
        let Some(known) = self.files.get(&file) else { return };
        for place in &known.places {
            describe(epoch, &object, Description::Path(place.clone()));
        }
        for about in &known.about {
            describe(epoch, &object, about.clone());
        }
        if known.nothing {
            describe(epoch, &object, Description::Content(None));
        }
    }

    fn is_kept(&self, file: FileKey) -> bool {
        self.files.get(&file).is_some_and(|known| known.kept)
    }

    fn of(&self, file: FileKey) -> impl Iterator<Item = (&OpenKey, &Open)> {
        self.opens.range(OpenKey::least(file)..).take_while(move |(key, _)| key.file == file)
    }

    /// The open at which the kernel counted; which system call it was is not part of its key.
    fn repeated(&self, repeat: &Repeat) -> Option<(OpenKey, &Open)> {
        let from = OpenKey {
            file: repeat.file,
            process: repeat.process,
            image: repeat.image,
            parent_inode: repeat.parent_inode,
            name_hash: repeat.name_hash,
            mount_id: repeat.mount_id,
            access: repeat.access,
            probe: 0,
        };
        let (key, open) = self.opens.range(from..).next()?;
        (OpenKey { probe: 0, ..*key } == from).then_some((*key, open))
    }
}

/// Asks about one file.
struct Asking<'a> {
    known: &'a mut File,
    next: &'a mut u64,
    waiting: &'a mut BTreeMap<u64, Work>,
}

impl Asking<'_> {
    /// Each question once.
    fn ask(&mut self, request: Request, like: &Work) -> Option<Work> {
        let flag = match request {
            Request::Inspect => &mut self.known.content_asked,
            Request::Digest => &mut self.known.digest_asked,
            Request::Owner => &mut self.known.owner_asked,
        };
        if std::mem::replace(flag, true) {
            return None;
        }
        self.known.pending += 1;
        *self.next += 1;
        let work = Work { id: *self.next, request, ..like.clone() };
        self.waiting.insert(work.id, work.clone());
        Some(work)
    }
}

impl OpenKey {
    fn of(at: &At, task: &Task, file: &OpenedFile) -> Self {
        Self {
            file: file.key,
            process: task.process,
            image: at.raw_image,
            parent_inode: file.parent_inode,
            name_hash: file.name_hash,
            mount_id: file.mount_id,
            access: file.access(),
            probe: at.probe,
        }
    }

    fn least(file: FileKey) -> Self {
        Self {
            file,
            process: ProcessKey { tgid: 0, start_ns: 0 },
            image: ImageId(0),
            parent_inode: 0,
            name_hash: 0,
            mount_id: 0,
            access: 0,
            probe: 0,
        }
    }

    fn fact(&self, subject: &SubjectKey, image: ImageId) -> FactKey {
        FactKey {
            subject: subject.clone(),
            process: self.process,
            image,
            action: Action::Opened,
            object: Object::File(self.file),
            probe: self.probe,
        }
    }
}

impl Open {
    fn once(at: &At, task: &Task, file: &OpenedFile, strength: Strength) -> Self {
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
    fn again(&mut self, more: &Self, count: u64) {
        self.strength = self.strength.max(more.strength);
        self.count = self.count.saturating_add(count);
        self.first_sequence = self.first_sequence.min(more.first_sequence);
        self.last_sequence = self.last_sequence.max(more.last_sequence);
        self.first_ns = self.first_ns.min(more.first_ns);
        self.last_ns = self.last_ns.max(more.last_ns);
    }

    fn evidence(&self) -> Evidence {
        let mut evidence = Evidence::once(self.strength, self.first_sequence, self.first_ns);
        evidence.last_sequence.0 = self.last_sequence;
        evidence.last_ns.0 = self.last_ns;
        evidence.count.0 = self.count;
        evidence
    }
}

/// Adds an open to the facts, `count` times, and where its process saw the file.
fn note(epoch: &mut Epoch, fact: FactKey, open: &Open, count: u64) {
    let paths = epoch.paths.entry(fact.clone()).or_default();
    if paths.len() < PLACES {
        paths.insert(open.path.clone());
    }
    let evidence = open.evidence();
    match epoch.facts.get_mut(&fact) {
        // A sweep that meets it again says the same, not one more.
        Some(known) if count == 0 => known.join(evidence),
        Some(known) => known.again(evidence),
        None => drop(epoch.facts.insert(fact, evidence)),
    }
}

/// What one more use says of a file that has facts.
fn describe_use(epoch: &mut Epoch, file: &OpenedFile, crowded: bool) {
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

/// Python source, byte code and extension modules: what an import opens. Whose file it is decides
/// its installer's RECORD, not this name.
pub(crate) fn is_python_code(path: &SeenPath) -> bool {
    let name = path.file_name();
    [&b".py"[..], b".pyc", b".so"].iter().any(|suffix| name.ends_with(suffix))
}

/// 64 lower-case hexadecimal digits.
fn is_sha256(digest: &str) -> bool {
    digest.len() == 64 && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
