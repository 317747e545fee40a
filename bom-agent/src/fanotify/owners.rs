//! Whose process a fanotify event speaks of, and which program it was at that moment.
//!
//! Records of the probes are ahead of the events: when they are read, a process may already be its next program. The
//! events of one process keep their order, and the open of a program's own file for execution stands among them: up to
//! there, opens belong to the program before.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bom_core::{
    event::{Body, Task},
    key::ProcessKey,
};

/// Device (as the kernel numbers it) and inode.
type FileId = (u32, u64);

/// Files opened for execution whose exec was not met yet, of one process: a script, its interpreter, the loader.
const BEGUN: usize = 4;
/// Programs that a process has become and whose opening is waited for. The queue holds few opens of one process for
/// long, and a program takes a while to begin: so many are only met where somebody makes them.
const NEXT: usize = 64;
/// By how much procfs rounds a start.
const ROUNDED_NS: u64 = 20_000_000;

#[derive(Debug, Default)]
pub struct Owners {
    current: BTreeMap<u32, Task>,
    /// Programs that a process has become, whose opening was not yet met among the events.
    next: BTreeMap<u32, VecDeque<(FileId, Task)>>,
    /// By subject, programs that were waited for no longer because a process had become too many: opens in between may be
    /// told of a program that came after.
    over_limit: BTreeMap<u64, u64>,
    /// Files that a process opened for execution, whose exec was not yet met among the records.
    begun: BTreeMap<u32, VecDeque<FileId>>,
    /// Processes that ended since the last events.
    ended: Vec<ProcessKey>,
    /// Processes that had ended before those.
    old: Vec<ProcessKey>,
    /// Devices whose opens are reported.
    devices: BTreeSet<u32>,
    /// Mount namespaces that were met, with somebody in them.
    namespaces: BTreeMap<u32, Task>,
    /// Those that were met since the last call.
    fresh: BTreeMap<u32, Task>,
}

/// To whom an event belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    pub task: Task,
    /// It is the open of the program that the process then became.
    pub becomes: bool,
}

impl Owners {
    pub fn new(devices: BTreeSet<u32>) -> Self {
        Self { devices, ..Self::default() }
    }

    /// The file systems whose opens are reported from now on.
    pub fn watch(&mut self, devices: &BTreeSet<u32>) {
        if self.devices != *devices {
            self.devices.clone_from(devices);
        }
    }

    /// Takes in what a record of the probes says of processes; `task` is the one it speaks of.
    pub fn note(&mut self, body: &Body, task: &Task) {
        if let Body::Fork { child, .. } = body {
            self.meet(task);
            // It has the image that its parent has by the records, not by the events.
            self.begin(Task { process: *child, tid: child.tgid, ..*task });
        } else if let Body::Exec { exec, .. } = body {
            let tgid = task.process.tgid;
            self.meet(&Task { image: exec.previous_image, ..*task });
            self.look_at_namespace(task);
            let program = (exec.file.key.device, exec.file.key.inode);
            let opened = self.begun.remove(&tgid).is_some_and(|begun| begun.contains(&program));
            let next = self.next.entry(tgid).or_default();
            if next.len() >= NEXT
                && let Some((_, program)) = next.pop_front()
            {
                self.current.insert(tgid, program);
                let lost = self.over_limit.entry(task.subject).or_insert(0);
                *lost = lost.saturating_add(1);
            }
            next.push_back((program, *task));
            if opened || !self.devices.contains(&program.0) {
                // Its opening was met already, or is reported by nobody: there is nothing to wait for.
                self.settle_one(tgid);
            }
        } else if let Body::Exit { .. } = body {
            self.meet(task);
            self.ended.push(task.process);
        } else {
            self.meet(task);
        }
    }

    /// A process of a subject is there.
    pub fn meet(&mut self, task: &Task) {
        let tgid = task.process.tgid;
        if tgid == 0 || task.subject == 0 {
            return;
        }
        self.look_at_namespace(task);
        let waits = self.next.get(&tgid).is_some_and(|next| !next.is_empty());
        match self.current.get_mut(&tgid) {
            // Its number was another's before.
            Some(known) if task.process.start_ns > known.process.start_ns.saturating_add(ROUNDED_NS) => {
                self.begin(*task);
            }
            Some(known) => {
                let task = Task { process: known.process, ..*task };
                let image = if waits { known.image } else { task.image };
                *known = Task { image, ..task };
            }
            None => self.begin(*task),
        }
        for (_, next) in self.next.get_mut(&tgid).into_iter().flatten() {
            (next.subject, next.cgroup) = (task.subject, task.cgroup);
        }
    }

    fn begin(&mut self, task: Task) {
        let tgid = task.process.tgid;
        self.next.remove(&tgid);
        self.begun.remove(&tgid);
        self.current.insert(tgid, task);
    }

    fn look_at_namespace(&mut self, task: &Task) {
        if task.mount_namespace != 0 && !self.namespaces.contains_key(&task.mount_namespace) {
            self.namespaces.insert(task.mount_namespace, *task);
            self.fresh.insert(task.mount_namespace, *task);
        }
    }

    /// Mount namespaces that were met since the last call, each with somebody who was in it.
    pub fn take_namespaces(&mut self) -> BTreeMap<u32, Task> {
        std::mem::take(&mut self.fresh)
    }

    /// Mount namespaces that known processes are in. Others are forgotten.
    pub fn inhabited(&mut self) -> BTreeSet<u32> {
        let tasks = self.current.values().chain(self.next.values().flatten().map(|(_, task)| task));
        let inhabited: BTreeSet<u32> = tasks.map(|task| task.mount_namespace).collect();
        self.namespaces.retain(|namespace, _| inhabited.contains(namespace));
        inhabited
    }

    pub fn knows(&self, tgid: u32) -> bool {
        self.current.contains_key(&tgid)
    }

    pub fn subject(&self, tgid: u32) -> Option<u64> {
        self.current.get(&tgid).map(|task| task.subject)
    }

    /// The process used a mount of this namespace.
    pub fn enter(&mut self, tgid: u32, namespace: u32) {
        let own = self.current.get_mut(&tgid).into_iter();
        for task in own.chain(self.next.get_mut(&tgid).into_iter().flatten().map(|(_, task)| task)) {
            task.mount_namespace = namespace;
        }
    }

    /// To whom an event belongs that was read before `read_ns`; `program` if the file was opened to be executed.
    pub fn attribute(&mut self, tgid: u32, program: Option<FileId>, read_ns: u64) -> Option<Owner> {
        let task = *self.current.get(&tgid)?;
        if task.process.start_ns > read_ns {
            // It has the number of the one who opened the file, and came after it.
            return None;
        }
        let Some(program) = program else { return Some(Owner { task, becomes: false }) };
        let next = self.next.entry(tgid).or_default();
        let at = next.iter().position(|(file, _)| *file == program);
        if let Some((_, task)) = at.and_then(|at| next.drain(..=at).next_back()) {
            self.current.insert(tgid, task);
            return Some(Owner { task, becomes: true });
        }
        let begun = self.begun.entry(tgid).or_default();
        if begun.len() >= BEGUN {
            begun.pop_front();
        }
        begun.push_back(program);
        Some(Owner { task, becomes: false })
    }

    /// Events were lost: what was waited for among them may never come.
    pub fn settle(&mut self) {
        for tgid in self.next.keys().copied().collect::<Vec<_>>() {
            self.settle_one(tgid);
        }
    }

    /// By subject, programs whose opening was waited for no longer, in all.
    pub fn over_limit(&self) -> &BTreeMap<u64, u64> {
        &self.over_limit
    }

    fn settle_one(&mut self, tgid: u32) {
        if let Some((_, task)) = self.next.remove(&tgid).and_then(|mut next| next.pop_back()) {
            self.current.insert(tgid, task);
        }
    }

    /// Forgets processes that had ended before the events that were just given out, and names them.
    pub fn forget_ended(&mut self) -> Vec<ProcessKey> {
        let forgotten = std::mem::replace(&mut self.old, std::mem::take(&mut self.ended));
        for process in &forgotten {
            // The number may be another process's by now.
            if self.current.get(&process.tgid).is_some_and(|known| known.process == *process) {
                self.current.remove(&process.tgid);
                self.next.remove(&process.tgid);
                self.begun.remove(&process.tgid);
            }
        }
        forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bom_core::{
        event::{Exec, OpenedFile},
        key::{FileKey, ImageId},
        path::SeenPath,
    };

    const DEVICE: u32 = 8;
    const NOW: u64 = 1_000_000_000_000;

    fn task(tgid: u32, image: u64) -> Task {
        let process = ProcessKey { tgid, start_ns: u64::from(tgid) };
        Task { process, tid: tgid, image: ImageId(image), subject: 1, cgroup: 1, mount_namespace: 1 }
    }

    fn exec(owners: &mut Owners, (tgid, image, previous): (u32, u64, u64), device: u32, inode: u64) {
        let key = FileKey { device, inode, generation: 0, size: 1, ctime_s: 0, ctime_ns: 0 };
        let file = OpenedFile {
            key,
            path: SeenPath::new(&b"/p"[..]),
            path_flags: 0,
            parent_inode: 0,
            name_hash: 0,
            mode: 0o100_755,
            flags: 0,
            fs_magic: 0,
            rdev: 0,
            mount_id: 0,
            real: None,
        };
        let exec = Exec {
            file,
            requested: SeenPath::new(&b"/p"[..]),
            previous_image: ImageId(previous),
            parent: ProcessKey { tgid: 1, start_ns: 1 },
            uid: 0,
        };
        let task = task(tgid, image);
        owners.note(&Body::Exec { task, exec: Box::new(exec) }, &task);
    }

    fn fork(owners: &mut Owners, parent: Task, child: ProcessKey) {
        owners.note(&Body::Fork { task: parent, child }, &parent);
    }

    fn image(owners: &mut Owners, tgid: u32, program: Option<FileId>) -> Option<(u64, bool)> {
        owners.attribute(tgid, program, NOW).map(|owner| (owner.task.image.0, owner.becomes))
    }

    #[test]
    fn opens_belong_to_the_program_of_their_moment() {
        let mut owners = Owners::new([DEVICE].into());
        fork(&mut owners, task(1, 10), ProcessKey { tgid: 5, start_ns: 5 });
        exec(&mut owners, (5, 11, 10), DEVICE, 100);
        exec(&mut owners, (5, 12, 11), DEVICE, 200);
        assert_eq!(image(&mut owners, 5, None), Some((10, false)), "before its first exec");
        assert_eq!(image(&mut owners, 5, Some((DEVICE, 100))), Some((11, true)), "the program itself");
        assert_eq!(image(&mut owners, 5, None), Some((11, false)));
        assert_eq!(image(&mut owners, 5, Some((DEVICE, 999))), Some((11, false)), "an exec that failed");
        assert_eq!(image(&mut owners, 5, None), Some((11, false)));
        assert_eq!(image(&mut owners, 5, Some((DEVICE, 200))), Some((12, true)));
        assert_eq!(image(&mut owners, 5, None), Some((12, false)));
        assert_eq!(image(&mut owners, 6, None), None, "nobody's process");
    }

    #[test]
    fn the_open_can_come_before_the_exec() {
        let mut owners = Owners::new([DEVICE].into());
        owners.meet(&task(5, 10));
        assert_eq!(image(&mut owners, 5, Some((DEVICE, 100))), Some((10, false)));
        assert_eq!(image(&mut owners, 5, Some((DEVICE, 101))), Some((10, false)), "its loader");
        exec(&mut owners, (5, 11, 10), DEVICE, 100);
        assert_eq!(image(&mut owners, 5, None), Some((11, false)));
    }

    #[test]
    fn nothing_is_waited_for_that_cannot_come() {
        let mut owners = Owners::new([DEVICE].into());
        exec(&mut owners, (5, 11, 0), 1, 100);
        assert_eq!(image(&mut owners, 5, None), Some((11, false)), "a file system without events");
        exec(&mut owners, (5, 12, 11), DEVICE, 100);
        owners.settle();
        assert_eq!(image(&mut owners, 5, None), Some((12, false)), "after an overflow");
    }

    #[test]
    fn a_child_is_the_program_that_its_parent_is_by_then() {
        let mut owners = Owners::new([DEVICE].into());
        owners.meet(&task(5, 10));
        exec(&mut owners, (5, 11, 10), DEVICE, 100);
        fork(&mut owners, task(5, 11), ProcessKey { tgid: 6, start_ns: 6 });
        assert_eq!(image(&mut owners, 6, None), Some((11, false)));
        assert_eq!(image(&mut owners, 5, None), Some((10, false)), "its own exec is still waited for");
    }

    #[test]
    fn an_ended_process_is_known_until_its_events_were_given_out() {
        let mut owners = Owners::new([DEVICE].into());
        exec(&mut owners, (5, 11, 0), 1, 100);
        let last = task(5, 11);
        owners.note(&Body::Exit { task: last, code: 0 }, &last);
        assert_eq!(owners.forget_ended(), []);
        assert!(owners.knows(5));
        assert_eq!(owners.forget_ended(), [last.process]);
        assert!(!owners.knows(5));
    }

    #[test]
    fn a_number_that_is_used_again_is_somebody_else() {
        let mut owners = Owners::new([DEVICE].into());
        let late = ProcessKey { tgid: 5, start_ns: NOW + 1 };
        owners.meet(&task(5, 10));
        owners.meet(&Task { process: late, image: ImageId(20), ..task(5, 0) });
        assert_eq!(image(&mut owners, 5, None), None, "it came after the event was read");
        let later = owners.attribute(5, None, NOW + 2).expect("it is there by now");
        assert_eq!(later.task.process, late);
        assert_eq!(later.task.image, ImageId(20));
    }

    #[test]
    fn who_is_moved_belongs_to_the_other_subject() {
        let mut owners = Owners::new([DEVICE].into());
        exec(&mut owners, (5, 11, 0), DEVICE, 100);
        owners.meet(&Task { subject: 2, ..task(5, 11) });
        assert_eq!(owners.attribute(5, None, NOW).map(|owner| owner.task.subject), Some(2));
        let becomes = owners.attribute(5, Some((DEVICE, 100)), NOW).map(|owner| owner.task.subject);
        assert_eq!(becomes, Some(2));
    }

    #[test]
    fn what_one_process_makes_wait_is_bounded_and_declared() {
        let mut owners = Owners::new([DEVICE].into());
        owners.meet(&task(5, 0));
        let many = u64::try_from(NEXT).expect("a small number") + 10;
        for image in 1..=many {
            exec(&mut owners, (5, image, image - 1), DEVICE, image);
        }
        assert_eq!(owners.next.get(&5).map(VecDeque::len), Some(NEXT));
        assert_eq!(owners.over_limit(), &[(1, 10)].into());
        assert_eq!(image(&mut owners, 5, None), Some((10, false)), "the last that is not waited for");
        assert_eq!(image(&mut owners, 5, Some((DEVICE, many))), Some((many, true)));
    }

    #[test]
    fn namespaces_are_named_once() {
        let mut owners = Owners::new([DEVICE].into());
        owners.meet(&task(5, 10));
        owners.meet(&task(6, 10));
        assert_eq!(owners.take_namespaces().into_keys().collect::<Vec<_>>(), [1]);
        owners.meet(&task(7, 10));
        assert_eq!(owners.take_namespaces(), BTreeMap::new());
        assert_eq!(owners.inhabited(), [1].into());
    }
}
