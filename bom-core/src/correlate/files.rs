//! Opened files: what is asked of each, and what the answers mean for what is asked next.
//!
//! Of most files nothing comes: nobody's package, no format we know. Such a file's opens stay beside the facts and
//! become some only when an inventory is asked for; when there are too many, the oldest are only counted. A file of
//! which something is known has its facts at once, and keeps them.

use std::collections::{BTreeMap, VecDeque, btree_map::Entry};

use bom_common::record::probe;

use super::{
    At, Correlator, describe,
    limits::{PLACES, SETTLED},
    opens::{Open, OpenKey, Times, describe_use, note},
    questions::{fits, following, is_code, is_sha256},
};
use crate::{
    coverage::rules::Detector,
    event::{OpenedFile, Task},
    fact::{Action, Strength},
    identify::{UNKNOWN_FORMAT, handler},
    input::{Answer, Reason, Repeat, Request, Work},
    inventory::{Description, Epoch, Question},
    join::{Few, Join, Max, Min},
    key::{FileKey, Object},
    path::SeenPath,
    stored::Origins,
    strength,
};

/// What is known of opened files and of the questions asked of them.
#[derive(Debug, Default)]
pub(super) struct Files {
    next: u64,
    /// Work without an answer.
    waiting: BTreeMap<u64, Work>,
    files: BTreeMap<FileKey, File>,
    opens: BTreeMap<OpenKey, Open>,
    /// Files of a known format, and code of packages.
    mattering: BTreeMap<FileKey, Work>,
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
    place_asked: bool,
    origin_asked: bool,
    verify_asked: bool,
    /// The inode below an overlay.
    real: Option<(u32, u64)>,
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

/// Probes that see a descriptor come from another process.
const RECEIVING: [u16; 2] = [probe::SKB_COPY_DATAGRAM_IOVEC, probe::SYS_EXIT_PIDFD_GETFD];

impl Correlator {
    pub(super) fn opened(&mut self, at: &At, task: &Task, file: OpenedFile) -> Vec<Work> {
        self.process(at, task);
        // fanotify does not tell whether it was opened for reading; what is read, other probes tell of.
        let strength = strength::opened(file.can_read() && at.probe != probe::FANOTIFY_OPEN);
        let action = if RECEIVING.contains(&at.probe) { Action::Received } else { Action::Opened };
        if file.is_block_device() && file.can_read() {
            self.subjects.detect(Some(at.id), Detector::BlockDevice);
        }
        if file.is_process_memory() && file.can_read() {
            self.subjects.detect(Some(at.id), Detector::OtherSource);
        }
        if file.is_packet_device() {
            self.subjects.detect(Some(at.id), Detector::PacketDevice);
        }
        self.uses(at, task, (action, strength), file, Times::EACH)
    }

    /// A process uses a file that it has a path to.
    pub(super) fn uses(
        &mut self,
        at: &At,
        task: &Task,
        (action, strength): (Action, Strength),
        file: OpenedFile,
        times: Times,
    ) -> Vec<Work> {
        self.content.met(at.id, task, &file);
        let key = OpenKey::of(at, task, action, &file);
        let open = Open::once(at, task, &file, strength);
        let Files { files, opens, settled_opens, .. } = &mut self.files;
        let known = files.entry(file.key).or_default();
        let kept = known.kept.then(|| open.clone());
        match opens.entry(key) {
            Entry::Occupied(entry) => entry.into_mut().again(&open, times.more),
            Entry::Vacant(entry) => {
                entry.insert(Open { count: times.first, ..open });
                known.opens += 1;
                known.real = known.real.or(file.real);
                if known.settled && !known.kept {
                    *settled_opens += 1;
                }
                if let Some(held) = self.subjects.get_mut(at.id).map(|watched| &mut watched.held) {
                    held.facts += 1;
                }
            }
        }
        if let Some(open) = kept {
            let fact = at.fact(task, action, Object::File(file.key));
            note(&mut self.epoch, fact, &open, times);
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
        let placeless = file.is_placeless();
        let first_here = !placeless && known.places.len() < PLACES && known.places.insert(file.path.clone());
        let crowded = !placeless && known.places.len() >= PLACES && !known.places.contains(&file.path);
        if known.kept {
            describe_use(&mut self.epoch, &file, placeless || crowded);
        }
        let mut asked = Vec::new();
        if file.is_regular() && !file.is_pseudo() && (file.can_read() || readable) && key.size > 0 {
            let python = first_here && is_code(&file.path);
            if placeless || !known.content_asked || python {
                let mut ask = Asking { known, next, waiting };
                let work = Work {
                    id: 0,
                    subject: at.id,
                    request: Request::Inspect,
                    process: task.process,
                    mount_namespace: task.mount_namespace,
                    file,
                };
                match placeless {
                    true => asked.extend(ask.ask(Request::Locate, &work)),
                    false => asked.extend(ask.questions(&work, python)),
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
        let Some(done) = self.files.waiting.remove(&work) else {
            self.claimed(work, answer);
            return Vec::new();
        };
        let file = done.file.key;
        let answer = if fits(done.request, &answer) { answer } else { Answer::Unknown(Reason::ReadFailed) };
        if done.request == Request::Recheck {
            self.content.rechecked(work, file, &answer);
        }
        if let Some(known) = self.files.files.get_mut(&file) {
            known.pending = known.pending.saturating_sub(1);
            // The usual case.
            if answer == Answer::Inspected(None) && !known.kept {
                known.nothing = true;
                let mut more = self.formless(done.clone());
                if file.size >= UNKNOWN_FORMAT {
                    // It could be a model: whose it is decides, and it is not set aside.
                    self.keep(file);
                    if more.iter().all(|work| work.request != Request::Digest) {
                        more.extend(self.files.follow(Request::Owner, &done));
                    }
                } else {
                    self.settle(file, self.latest_ns);
                }
                return more;
            }
        }
        let question = Question::from(done.request);
        let unknown = |reason| Description::Unknown { question, reason };
        let mut more = Vec::new();
        match answer {
            Answer::Unchanged | Answer::Claims(_) => {}
            Answer::Verified(intact) => self.learn(file, Description::Intact(intact)),
            Answer::Located { path, mount_namespace } => more = self.located(&done, path, mount_namespace),
            Answer::Unknown(reason) => {
                if done.request == Request::Locate {
                    self.not_located(&done);
                }
                self.learn(file, unknown(reason));
                if done.request == Request::Origin {
                    more.extend(self.not_stored(&done));
                }
            }
            Answer::Origins(origins) => {
                more = self.stored(&done, &origins);
                let Origins { stored, partial } = origins;
                for stored in stored {
                    self.learn(file, Description::Stored(Box::new(stored)));
                }
                if let Some(reason) = partial {
                    self.learn(file, unknown(reason));
                }
            }
            Answer::Digest(digest) if is_sha256(&digest) => self.learn(file, Description::Digest(digest)),
            Answer::EarlierDigest(digest) if is_sha256(&digest) => {
                self.learn(file, Description::Digest(digest));
                self.learn(file, Description::EarlierDigest);
            }
            Answer::Digest(_) | Answer::EarlierDigest(_) => self.learn(file, unknown(Reason::ReadFailed)),
            Answer::Owner(owner) => {
                let own_word = owner.is_own_word();
                if owner.python.is_some() || !owner.packages.is_empty() {
                    self.files.matters(&done);
                }
                // Whether such a program is what it seems decides what its reading means.
                if owner.deb.as_ref().is_some_and(|deb| handler("deb", &deb.package).is_some()) {
                    more.extend(self.files.follow(Request::Verify, &done));
                }
                self.learn(file, Description::Owner(Box::new(owner)));
                if own_word && is_code(&done.file.path) {
                    self.files.matters(&done);
                    self.keep(file);
                    let Files { files, next, waiting, .. } = &mut self.files;
                    let mut ask = Asking { known: files.entry(file).or_default(), next, waiting };
                    more.extend(ask.ask(Request::Digest, &done));
                }
            }
            Answer::Inspected(content) => {
                let known = content.as_ref().is_some_and(|content| content.is_telling());
                let model = content.as_ref().and_then(|content| content.model.as_ref());
                // Whether a model has to be hashed depends on what its store recorded.
                let first = if model.is_some() { Request::Origin } else { Request::Digest };
                if let Some(model) = model {
                    more.extend(self.refer(&done, model));
                }
                self.learn(file, Description::Content(content));
                if known {
                    self.files.matters(&done);
                    more.extend(self.files.again(first, &done));
                    more.extend(self.files.again(Request::Owner, &done));
                } else {
                    more.extend(self.formless(done));
                }
            }
        }
        self.settle(file, self.latest_ns);
        more
    }

    /// A file that was read has a place by now.
    pub(super) fn ask_of_located(&mut self, work: &Work) -> Vec<Work> {
        let key = work.file.key;
        let Files { files, next, waiting, .. } = &mut self.files;
        let known = files.entry(key).or_default();
        let first_here = known.places.len() < PLACES && known.places.insert(work.file.path.clone());
        if known.kept {
            describe(&mut self.epoch, &Object::File(key), Description::Path(work.file.path.clone()));
        }
        let python = first_here && is_code(&work.file.path);
        Asking { known, next, waiting }.questions(work, python)
    }

    /// Takes in what was found out about a file; if that is something, its opens become facts.
    fn learn(&mut self, file: FileKey, about: Description) {
        let matters = match &about {
            Description::Content(content) => content.is_some(),
            Description::Owner(owner) => !owner.is_nobody(),
            Description::Digest(_) | Description::Device(_) => true,
            Description::Path(_)
            | Description::Unlinked
            | Description::Name { .. }
            | Description::Protocol(_)
            | Description::Mismatch { .. }
            | Description::SeveralNames
            | Description::Resolver
            | Description::SamePeer(_)
            | Description::Model(_)
            | Description::Stored(_)
            | Description::Intact(_)
            | Description::EarlierDigest
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
        let (mut left, real) = (known.opens, known.real);
        self.files.files.remove(&file);
        let mut of_file = Few::default();
        while left > 0 {
            let Some(key) = self.files.of(file).next().map(|(key, _)| *key) else { break };
            let Some(open) = self.files.opens.remove(&key) else { break };
            left -= 1;
            self.content.forget(open.subject, open.image, &file, real);
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
            note(
                epoch,
                key.fact(&watched.key, open.image),
                open,
                Times { first: open.count, more: open.count },
            );
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

    /// One more question about a file that was asked about.
    fn again(&mut self, request: Request, like: &Work) -> Option<Work> {
        let Self { files, next, waiting, .. } = self;
        Asking { known: files.entry(like.file.key).or_default(), next, waiting }.ask(request, like)
    }

    /// A question that an answer gave rise to.
    pub(super) fn follow(&mut self, request: Request, done: &Work) -> Option<Work> {
        let mut own = following(done.id, &self.waiting)?.checked_sub(1)?;
        let Self { files, waiting, .. } = self;
        let known = files.entry(done.file.key).or_default();
        Asking { known, next: &mut own, waiting }.ask(request, done)
    }

    /// A file of no format of its own became part of a model.
    pub(super) fn part(&mut self, done: &Work) -> Option<Work> {
        self.matters(done);
        self.follow(Request::Digest, done)
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
        if let Some(known) = self.files.get_mut(file) {
            known.pending += 1;
        }
        self.next += 1;
        let work = Work { id: self.next, request: Request::Recheck, ..like };
        self.waiting.insert(work.id, work.clone());
        Some(work)
    }

    pub(super) fn is_kept(&self, file: FileKey) -> bool {
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
            action: Action::Opened,
            probe: 0,
        };
        let same = |key: &OpenKey| OpenKey { action: Action::Opened, probe: 0, ..*key } == from;
        let mut opens = self.opens.range(from..).take_while(|(key, _)| same(key));
        let (key, open) = opens.find(|(key, _)| matches!(key.action, Action::Opened | Action::Received))?;
        Some((*key, open))
    }
}

/// Asks about one file.
struct Asking<'a> {
    known: &'a mut File,
    next: &'a mut u64,
    waiting: &'a mut BTreeMap<u64, Work>,
}

impl Asking<'_> {
    /// What is asked of a file that has a place. An owner is asked for by path: the same file has another one at another
    /// place.
    fn questions(&mut self, work: &Work, python: bool) -> Vec<Work> {
        let mut asked = Vec::new();
        asked.extend(self.ask(Request::Inspect, work));
        if python {
            self.known.owner_asked = false;
            asked.extend(self.ask(Request::Owner, work));
        }
        asked
    }

    /// Each question once.
    fn ask(&mut self, request: Request, like: &Work) -> Option<Work> {
        let flag = match request {
            Request::Inspect => &mut self.known.content_asked,
            Request::Digest => &mut self.known.digest_asked,
            Request::Owner => &mut self.known.owner_asked,
            Request::Locate => &mut self.known.place_asked,
            Request::Origin => &mut self.known.origin_asked,
            Request::Verify => &mut self.known.verify_asked,
            // Asked by `ask_again`, as often as it is wanted.
            Request::Recheck => return None,
            // Asked of programs, not of files.
            Request::Claims => return None,
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
