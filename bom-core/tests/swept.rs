//! What a sweep meets, and whose it becomes.

use std::collections::BTreeSet;

use bom_core::{
    correlate::Correlator,
    coverage::{Class, Gap},
    event::{Body, Event, Exec, OpenedFile, Swept, Task},
    fact::{Action, Strength},
    input::{Ended, HostFacts, Input, Start, Subject, SubjectKind},
    inventory::{Epoch, Inventory},
    key::{EpochId, FileKey, ImageId, Object, ProcessKey},
    path::SeenPath,
};

const SUBJECT: u64 = 5;
const OTHER: u64 = 6;
const PROBE: u16 = 61;

struct Host {
    correlator: Correlator,
    sequence: u64,
}

impl Host {
    /// One subject that runs already, and one that was watched from its first instruction.
    fn new() -> Self {
        let mut correlator = Correlator::default();
        let epoch = EpochId { node: "n".to_owned(), boot: "b".into(), start_ns: 1 };
        let host = HostFacts {
            kernel: "k".to_owned(),
            architecture: "a".to_owned(),
            distribution: None,
            drivers: Default::default(),
        };
        let start = Start { epoch, version: "0".to_owned(), host, at_ns: 1 };
        correlator.step(Input::Start(Box::new(start)));
        for (id, new) in [(SUBJECT, false), (OTHER, true)] {
            correlator.step(Input::Subject(Subject {
                id,
                name: format!("/{id}"),
                before_first_instruction: new,
                kind: SubjectKind::Cgroup,
                at_ns: 1,
            }));
        }
        Self { correlator, sequence: 0 }
    }

    fn event(&mut self, body: Body) {
        self.sequence += 1;
        let sequence = self.sequence;
        let event = Event { sequence, probe: PROBE, time_ns: 10 * sequence, body };
        self.correlator.step(Input::Event(event));
    }

    fn swept(&mut self, task: Task, swept: Swept) {
        self.event(Body::Swept { task, swept: Box::new(swept) });
    }

    fn holds(&mut self, task: Task, file: &str, close_on_exec: bool) {
        self.swept(task, Swept::File { descriptor: 9, close_on_exec, file: opened(file) });
    }

    fn runs(&mut self, task: Task, program: &str) {
        let parent = ProcessKey { tgid: 1, start_ns: 1 };
        let executable = Some(opened(program));
        self.swept(task, Swept::Process { executable, parent, uid: 0, threads: 1, uring: false });
    }

    fn execs(&mut self, task: Task, before: u64, program: &str) {
        let exec = Exec {
            file: opened(program),
            requested: SeenPath::new(program),
            previous_image: ImageId(before),
            parent: ProcessKey { tgid: 1, start_ns: 1 },
            uid: 0,
        };
        self.event(Body::Exec { task, exec: Box::new(exec) });
    }

    fn inventory(&mut self) -> Inventory {
        for subject in [SUBJECT, OTHER] {
            let ended = Ended {
                subject,
                at_ns: 9000,
                status: None,
                survivors: BTreeSet::new(),
                survivors_cut: false,
            };
            self.correlator.step(Input::Ended(Box::new(ended)));
        }
        self.correlator.step(Input::Finish { at_ns: 9000 });
        self.correlator.inventory()
    }
}

fn task(tgid: u32, image: u64, subject: u64) -> Task {
    let process = ProcessKey { tgid, start_ns: u64::from(tgid) };
    Task { process, tid: tgid, image: ImageId(image), subject, cgroup: subject, mount_namespace: 1 }
}

/// A regular file that is told by its name alone.
fn opened(path: &str) -> OpenedFile {
    let inode = path.bytes().fold(7, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    OpenedFile {
        key: FileKey { device: 1, inode, generation: 0, size: 10, ctime_s: 0, ctime_ns: 0 },
        path: SeenPath::new(path),
        path_flags: 0,
        parent_inode: 1,
        name_hash: inode,
        mode: 0o100_644,
        flags: 0,
        fs_magic: 0xef53,
        rdev: 0,
        mount_id: 1,
        real: None,
    }
}

fn epoch(inventory: &Inventory) -> &Epoch {
    inventory.epochs.values().next().expect("an epoch")
}

/// What the process did with the file, by the program that its image is, with strength and count.
fn facts(inventory: &Inventory, tgid: u32, path: &str) -> Vec<(Action, Option<String>, Strength, u64)> {
    let epoch = epoch(inventory);
    let object = Object::File(opened(path).key);
    let program = |image: &ImageId| {
        let image = epoch.images.get(image)?;
        let file = Object::File(*image.executables.first()?);
        let about = epoch.objects.get(&file)?;
        about.iter().find_map(|about| {
            let bom_core::inventory::Description::Path(path) = about else { return None };
            Some(path.to_string())
        })
    };
    let mine = epoch.facts.iter().filter(|(fact, _)| fact.process.tgid == tgid && fact.object == object);
    mine.map(|(fact, evidence)| (fact.action, program(&fact.image), evidence.strength.0, evidence.count.0))
        .collect()
}

fn has_gap(inventory: &Inventory, subject: u64, gap: &Gap) -> bool {
    let cells = epoch(inventory).coverage.cells.iter();
    let mut mine = cells.filter(|((key, class), _)| key.cgroup == subject && *class == Class::Programs);
    mine.any(|(_, cell)| cell.gaps.contains(gap))
}

#[test]
fn a_process_from_before_gets_its_program_and_keeps_it() {
    let mut host = Host::new();
    host.runs(task(100, 0, SUBJECT), "/bin/server");
    host.holds(task(100, 0, SUBJECT), "/model", true);
    // The kernel still has no image for it, nor for its child.
    host.event(Body::Open { task: task(100, 0, SUBJECT), file: opened("/later") });
    let child = task(101, 0, SUBJECT);
    host.event(Body::Fork { task: task(100, 0, SUBJECT), child: child.process });
    host.event(Body::Open { task: child, file: opened("/childs") });
    // Two of them are two.
    host.runs(task(200, 0, SUBJECT), "/bin/other");
    host.holds(task(200, 0, SUBJECT), "/model", false);
    let inventory = host.inventory();
    let server = Some("/bin/server".to_owned());
    let opened = |program: &Option<String>| vec![(Action::Opened, program.clone(), Strength::Opened, 1)];
    assert_eq!(facts(&inventory, 100, "/model"), opened(&server));
    assert_eq!(facts(&inventory, 100, "/later"), opened(&server));
    assert_eq!(facts(&inventory, 101, "/childs"), opened(&server));
    assert_eq!(facts(&inventory, 200, "/model"), opened(&Some("/bin/other".to_owned())));
    assert_eq!(facts(&inventory, 100, "/bin/server"), [(Action::Executed, server, Strength::Executed, 1)]);
    assert!(has_gap(&inventory, SUBJECT, &Gap::AlreadyRunning));
}

#[test]
fn the_same_met_again_is_the_same() {
    let mut host = Host::new();
    for _ in 0..3 {
        host.runs(task(100, 0, SUBJECT), "/bin/server");
        host.holds(task(100, 0, SUBJECT), "/model", false);
        let swept = Swept::Mapping { executable: false, file: Some(opened("/model")) };
        host.swept(task(100, 0, SUBJECT), swept);
    }
    let inventory = host.inventory();
    let server = Some("/bin/server".to_owned());
    assert_eq!(
        facts(&inventory, 100, "/model"),
        [(Action::Opened, server.clone(), Strength::ReadOrMapped, 1)]
    );
    assert_eq!(facts(&inventory, 100, "/bin/server").len(), 1);
}

#[test]
fn what_is_open_before_the_exec_is_the_commands() {
    let mut host = Host::new();
    host.holds(task(100, 0, OTHER), "/given", false);
    host.holds(task(100, 0, OTHER), "/closed", true);
    host.execs(task(100, 1, OTHER), 0, "/bin/true");
    // Another never becomes anything.
    host.holds(task(200, 0, OTHER), "/kept", false);
    let inventory = host.inventory();
    let program = Some("/bin/true".to_owned());
    assert_eq!(facts(&inventory, 100, "/given"), [(Action::Opened, program, Strength::Opened, 1)]);
    assert_eq!(facts(&inventory, 100, "/closed"), []);
    assert_eq!(facts(&inventory, 200, "/kept"), [(Action::Opened, None, Strength::Opened, 1)]);
}

#[test]
fn a_sweep_tells_of_an_exec_that_was_lost_and_of_no_other() {
    let mut host = Host::new();
    host.execs(task(100, 7, OTHER), 0, "/bin/seen");
    host.runs(task(100, 7, OTHER), "/bin/seen");
    host.runs(task(200, 8, OTHER), "/bin/lost");
    let inventory = host.inventory();
    let executed = |path: &str| (Action::Executed, Some(path.to_owned()), Strength::Executed, 1);
    assert_eq!(facts(&inventory, 100, "/bin/seen"), [executed("/bin/seen")]);
    assert_eq!(facts(&inventory, 200, "/bin/lost"), [executed("/bin/lost")]);
}

#[test]
fn who_is_moved_in_has_an_earlier_life_until_it_becomes_another_program() {
    let moved = |task: Task, from, born| Body::Moved {
        task,
        from,
        parent: ProcessKey { tgid: 1, start_ns: 1 },
        born,
    };
    for (name, from, born, execs, expected) in [
        ("stays_what_it_was", SUBJECT, false, false, true),
        ("becomes_another", SUBJECT, false, true, false),
        ("from_nowhere", 0, false, false, true),
        ("born_there", SUBJECT, true, true, false),
    ] {
        let mut host = Host::new();
        let attached = bom_core::coverage::ProbeStatus::Attached;
        let names = ["sched_process_exec", "sched_process_fork", "sched_process_exit", "cgroup_attach_task"];
        let states = names.map(|name| bom_core::coverage::ProbeState {
            number: 1,
            name: name.to_owned(),
            status: attached.clone(),
        });
        host.correlator.step(Input::Probes { at_ns: 1, states: states.to_vec() });
        host.event(moved(task(100, 0, OTHER), from, born));
        if execs {
            host.execs(task(100, 3, OTHER), 0, "/bin/agent");
        }
        let inventory = host.inventory();
        assert_eq!(has_gap(&inventory, OTHER, &Gap::Suspected("earlier-life")), expected, "{name}");
    }
}
