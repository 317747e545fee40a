//! Whose process a fanotify event speaks of, and which program it was at that moment.
//!
//! Records of the probes are ahead of the events: when they are read, a process may already be its next program. The
//! events of one process keep their order, and the open of a program's own file for execution stands among them: up to
//! there, opens belong to the program before.

use std::collections::{BTreeMap, VecDeque};

use bom_core::event::{Body, Task};

/// Device (as the kernel numbers it) and inode.
type FileId = (u32, u64);

#[derive(Debug, Default)]
pub struct Owners {
    current: BTreeMap<u32, Task>,
    /// Programs that a process has become, whose opening was not yet met among the events.
    next: BTreeMap<u32, VecDeque<(FileId, Task)>>,
    /// Processes that ended since the last events.
    ended: Vec<Task>,
    /// Processes that had ended before those.
    old: Vec<Task>,
    /// Devices whose opens are reported.
    devices: std::collections::BTreeSet<u32>,
}

impl Owners {
    pub fn new(devices: std::collections::BTreeSet<u32>) -> Self {
        Self { devices, ..Self::default() }
    }

    /// Takes in what a record of the probes says of processes.
    pub fn note(&mut self, body: &Body) {
        if let Body::Fork { task, child } = body {
            let task = Task { process: *child, tid: child.tgid, ..*task };
            self.next.remove(&child.tgid);
            self.current.insert(child.tgid, task);
        } else if let Body::Exec { task, exec } = body {
            let tgid = task.process.tgid;
            let before = Task { image: exec.previous_image, ..*task };
            self.current.entry(tgid).or_insert(before);
            let program = (exec.file.key.device, exec.file.key.inode);
            self.next.entry(tgid).or_default().push_back((program, *task));
            if !self.devices.contains(&program.0) {
                // Its opening is reported by nobody: there is nothing to wait for.
                self.settle_one(tgid);
            }
        } else if let Body::Exit { task, .. } = body {
            self.ended.push(*task);
        }
    }

    pub fn knows(&self, tgid: u32) -> bool {
        self.current.contains_key(&tgid)
    }

    /// The task an event belongs to; `program` if the file was opened to be executed.
    pub fn attribute(&mut self, tgid: u32, program: Option<FileId>) -> Option<Task> {
        let task = *self.current.get(&tgid)?;
        if let Some(program) = program
            && let Some(next) = self.next.get_mut(&tgid)
            && let Some(at) = next.iter().position(|(file, _)| *file == program)
            && let Some((_, task)) = next.drain(..=at).next_back()
        {
            self.current.insert(tgid, task);
        }
        Some(task)
    }

    /// Events were lost: what was waited for among them may never come.
    pub fn settle(&mut self) {
        for tgid in self.next.keys().copied().collect::<Vec<_>>() {
            self.settle_one(tgid);
        }
    }

    fn settle_one(&mut self, tgid: u32) {
        if let Some((_, task)) = self.next.remove(&tgid).and_then(|mut next| next.pop_back()) {
            self.current.insert(tgid, task);
        }
    }

    /// Forgets processes that had ended before the events that were just given out.
    pub fn forget_ended(&mut self) {
        for task in std::mem::replace(&mut self.old, std::mem::take(&mut self.ended)) {
            let tgid = task.process.tgid;
            // The number may be another process's by now.
            if self.current.get(&tgid).is_some_and(|known| known.process == task.process) {
                self.current.remove(&tgid);
                self.next.remove(&tgid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bom_core::{
        event::{Exec, OpenedFile},
        key::{FileKey, ImageId, ProcessKey},
        path::SeenPath,
    };

    const DEVICE: u32 = 8;

    fn task(tgid: u32, image: u64) -> Task {
        let process = ProcessKey { tgid, start_ns: u64::from(tgid) };
        Task { process, tid: tgid, image: ImageId(image), subject: 1, cgroup: 1, mount_namespace: 1 }
    }

    fn exec(tgid: u32, image: u64, previous: u64, device: u32, inode: u64) -> Body {
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
        };
        let exec = Exec {
            file,
            requested: SeenPath::new(&b"/p"[..]),
            previous_image: ImageId(previous),
            parent: ProcessKey { tgid: 1, start_ns: 1 },
            uid: 0,
        };
        Body::Exec { task: task(tgid, image), exec: Box::new(exec) }
    }

    #[test]
    fn opens_belong_to_the_program_of_their_moment() {
        let mut owners = Owners::new([DEVICE].into());
        owners.note(&Body::Fork { task: task(1, 10), child: ProcessKey { tgid: 5, start_ns: 5 } });
        owners.note(&exec(5, 11, 10, DEVICE, 100));
        owners.note(&exec(5, 12, 11, DEVICE, 200));
        let image = |owners: &mut Owners, program| owners.attribute(5, program).map(|task| task.image.0);
        assert_eq!(image(&mut owners, None), Some(10), "before its first exec");
        assert_eq!(image(&mut owners, Some((DEVICE, 100))), Some(10), "the open of the program itself");
        assert_eq!(image(&mut owners, None), Some(11));
        assert_eq!(image(&mut owners, Some((DEVICE, 999))), Some(11), "an exec that failed");
        assert_eq!(image(&mut owners, None), Some(11));
        assert_eq!(image(&mut owners, Some((DEVICE, 200))), Some(11));
        assert_eq!(image(&mut owners, None), Some(12));
        assert_eq!(owners.attribute(6, None), None, "nobody's process");
    }

    #[test]
    fn nothing_is_waited_for_that_cannot_come() {
        let mut owners = Owners::new([DEVICE].into());
        owners.note(&exec(5, 11, 0, 1, 100));
        assert_eq!(
            owners.attribute(5, None).map(|task| task.image.0),
            Some(11),
            "a file system without events"
        );
        owners.note(&exec(5, 12, 11, DEVICE, 100));
        owners.settle();
        assert_eq!(owners.attribute(5, None).map(|task| task.image.0), Some(12), "after an overflow");
    }

    #[test]
    fn an_ended_process_is_known_until_its_events_were_given_out() {
        let mut owners = Owners::new([DEVICE].into());
        owners.note(&exec(5, 11, 0, 1, 100));
        owners.note(&Body::Exit { task: task(5, 11), code: 0 });
        owners.forget_ended();
        assert!(owners.knows(5));
        owners.forget_ended();
        assert!(!owners.knows(5));
    }
}
