//! Two witnesses of one act: what the base tier and the upper tier say together.

use std::collections::BTreeMap;

use bom_common::record::probe;
use bom_core::{
    correlate::Correlator,
    coverage::{Class, Gap, ProbeState, ProbeStatus},
    event::{Body, Connect, Event, Exec, OpenedFile, Task, Tcp, TcpState},
    input::{Ended, HostFacts, Input, Request, Start, Subject, SubjectKind, Work},
    inventory::Epoch,
    key::{EpochId, FileKey, ImageId, Object, ProcessKey},
    path::SeenPath,
};

const SUBJECT: u64 = 77;
const OTHER: u64 = 78;
const REGULAR: u32 = 0o100_644;
const O_PATH: u32 = 0o10_000_000;
const FMODE_EXEC: u32 = 0x20;
const PROC: u64 = 0x9fa0;

struct Observation {
    correlator: Correlator,
    time_ns: u64,
    work: Vec<Work>,
}

impl Observation {
    /// With the upper tier attached or refused.
    fn new(upper: bool) -> Self {
        let mut this = Self { correlator: Correlator::default(), time_ns: 10, work: Vec::new() };
        this.input(Input::Start(Box::new(Start {
            epoch: EpochId { node: "node".into(), boot: "boot".into(), start_ns: 1 },
            version: "0.0.0".into(),
            host: HostFacts {
                kernel: "6.1".into(),
                architecture: "x86_64".into(),
                distribution: None,
                drivers: Default::default(),
            },
            at_ns: 1,
        })));
        for id in [SUBJECT, OTHER] {
            let name = format!("agent {id}");
            this.input(Input::Subject(Subject {
                id,
                name,
                before_first_instruction: true,
                kind: SubjectKind::Session,
                at_ns: 1,
            }));
        }
        let refused = ProbeStatus::Refused("operation not permitted".into());
        let above = if upper { ProbeStatus::Attached } else { refused };
        let mut states = Vec::new();
        for (number, name) in [
            (probe::SCHED_PROCESS_EXEC, "sched_process_exec"),
            (probe::SCHED_PROCESS_FORK, "sched_process_fork"),
            (probe::SCHED_PROCESS_EXIT, "sched_process_exit"),
            (probe::SYS_EXIT_OPEN, "sys_exit_open"),
            (probe::SYS_EXIT_OPENAT, "sys_exit_openat"),
            (probe::SYS_EXIT_OPENAT2, "sys_exit_openat2"),
            (probe::SYS_EXIT_CREAT, "sys_exit_creat"),
            (probe::SYS_EXIT_OPEN_BY_HANDLE_AT, "sys_exit_open_by_handle_at"),
            (probe::SYS_EXIT_MMAP, "sys_exit_mmap"),
            (probe::INET_SOCK_SET_STATE, "inet_sock_set_state"),
        ] {
            states.push(ProbeState { number, name: name.into(), status: ProbeStatus::Attached });
        }
        for (number, name) in [
            (probe::SECURITY_FILE_OPEN, "security_file_open"),
            (probe::SECURITY_MMAP_FILE, "security_mmap_file"),
            (probe::SECURITY_SOCKET_CONNECT, "security_socket_connect"),
        ] {
            states.push(ProbeState { number, name: name.into(), status: above.clone() });
        }
        this.input(Input::Probes { at_ns: 2, states });
        this
    }

    fn input(&mut self, input: Input) {
        let work = self.correlator.step(input);
        self.work.extend(work);
    }

    fn event(&mut self, probe: u16, body: Body) {
        self.time_ns += 10;
        self.input(Input::Event(Event { sequence: self.time_ns, probe, time_ns: self.time_ns, body }));
    }

    fn base(&mut self, file: &OpenedFile) {
        self.event(probe::SYS_EXIT_OPENAT, Body::Open { task: task(SUBJECT), file: file.clone() });
    }

    fn upper(&mut self, file: &OpenedFile) {
        self.event(probe::SECURITY_FILE_OPEN, Body::Open { task: task(SUBJECT), file: file.clone() });
    }

    fn map(&mut self, probe: u16, file: &OpenedFile) {
        self.event(probe, Body::Map { task: task(SUBJECT), file: file.clone(), vm_flags: 1 });
    }

    fn exec(&mut self, file: &OpenedFile) {
        let exec = Box::new(Exec {
            file: file.clone(),
            requested: SeenPath::new("x"),
            previous_image: ImageId(1),
            parent: ProcessKey { tgid: 1, start_ns: 1 },
            uid: 0,
        });
        self.event(probe::SCHED_PROCESS_EXEC, Body::Exec { task: task(SUBJECT), exec });
    }

    fn check_connect(&mut self, port: u16, socket_type: u16) {
        let connect = Connect { remote: ([192, 0, 2, 1], port).into(), socket_type };
        self.event(probe::SECURITY_SOCKET_CONNECT, Body::Connect { task: task(SUBJECT), connect });
    }

    fn syn(&mut self, port: u16) {
        let tcp = Tcp {
            cookie: u64::from(port),
            remote: ([192, 0, 2, 1], port).into(),
            local: ([192, 0, 2, 2], 40_000).into(),
            state: TcpState::SynSent,
            bytes_acked: 0,
            bytes_received: 0,
        };
        self.event(probe::INET_SOCK_SET_STATE, Body::Tcp { task: task(SUBJECT), tcp });
    }

    /// The end, with these counters; the finished epoch.
    fn end(&mut self, counters: &[(&str, u64)]) -> Epoch {
        let at_ns = self.time_ns + 1;
        let counters = counters.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        let (subjects, recursion_misses) = (BTreeMap::new(), BTreeMap::new());
        self.input(Input::Counters { at_ns, counters, subjects, recursion_misses });
        for subject in [SUBJECT, OTHER] {
            let survivors = std::collections::BTreeSet::new();
            let ended = Ended { subject, at_ns, status: Some(0), survivors, survivors_cut: false };
            self.input(Input::Ended(Box::new(ended)));
        }
        self.input(Input::Finish { at_ns });
        let inventory = self.correlator.inventory();
        inventory.epochs.into_values().next().expect("one epoch")
    }
}

fn task(subject: u64) -> Task {
    Task {
        process: ProcessKey { tgid: 500, start_ns: 5 },
        tid: 500,
        image: ImageId(3),
        subject,
        cgroup: subject,
        mount_namespace: 9,
    }
}

fn file(inode: u64) -> OpenedFile {
    OpenedFile {
        key: FileKey { device: 1, inode, generation: 0, size: 100, ctime_s: 5, ctime_ns: 6 },
        path: SeenPath::new(format!("/models/{inode}")),
        path_flags: 0,
        parent_inode: 2,
        name_hash: inode,
        mode: REGULAR,
        flags: 0,
        fs_magic: 0xef53,
        rdev: 0,
        mount_id: 30,
        real: None,
    }
}

/// The losses of the observed subject whose cause says that the tiers disagree.
fn disagreement(epoch: &Epoch) -> Vec<(&str, u64)> {
    let losses =
        epoch.coverage.losses.iter().filter(|((cause, _), _)| cause.starts_with("tier-disagreement"));
    losses
        .map(|((cause, subject), loss)| {
            assert_eq!(subject.as_ref().map(|subject| subject.cgroup), Some(SUBJECT), "whose it is");
            (cause.as_str(), loss.count.0)
        })
        .collect()
}

/// Probes by which the file was seen.
fn seen_by(epoch: &Epoch, inode: u64) -> Vec<u16> {
    let facts =
        epoch.facts.keys().filter(|fact| matches!(&fact.object, Object::File(key) if key.inode == inode));
    facts.map(|fact| fact.probe).collect()
}

fn lost(epoch: &Epoch, cgroup: u64, class: Class, cause: &str) -> bool {
    let cells =
        epoch.coverage.cells.iter().filter(|((subject, of), _)| subject.cgroup == cgroup && *of == class);
    cells.into_iter().any(|(_, cell)| cell.gaps.contains(&Gap::Lost(cause.to_owned())))
}

const ONLY_UPPER: &str = "tier-disagreement-only-upper";
const ONLY_BASE: &str = "tier-disagreement-only-base";
const MAP_ONLY_UPPER: &str = "tier-disagreement-map-only-upper";
const MAP_ONLY_BASE: &str = "tier-disagreement-map-only-base";
const CONNECT_ONLY_BASE: &str = "tier-disagreement-connect-only-base";

#[test]
fn what_both_saw_is_one_fact() {
    for base_first in [false, true] {
        let mut observation = Observation::new(true);
        if base_first {
            observation.base(&file(1));
            observation.upper(&file(1));
        } else {
            observation.upper(&file(1));
            observation.base(&file(1));
        }
        let epoch = observation.end(&[]);
        assert_eq!(seen_by(&epoch, 1), [probe::SYS_EXIT_OPENAT], "base first: {base_first}");
        assert_eq!(disagreement(&epoch), []);
        let counts: Vec<u64> = epoch.facts.values().map(|evidence| evidence.count.0).collect();
        assert_eq!(counts, [1], "one open is counted once");
    }
}

#[test]
fn what_one_tier_lacks_is_counted() {
    let path_only = OpenedFile { flags: O_PATH, ..file(1) };
    let made_up = OpenedFile { fs_magic: PROC, ..file(1) };
    let device = OpenedFile { mode: 0o020_666, rdev: 5, ..file(1) };
    let mut truncated = file(1);
    truncated.key = FileKey { size: 0, ctime_s: 9, ..truncated.key };
    let by_exec = OpenedFile { flags: FMODE_EXEC, ..file(1) };
    let nothing: &[(&str, u64)] = &[];
    for (name, base, upper, expected, facts) in [
        ("only_upper", None, Some(file(1)), &[(ONLY_UPPER, 1)][..], &[probe::SECURITY_FILE_OPEN][..]),
        ("only_base", Some(file(1)), None, &[(ONLY_BASE, 1)], &[probe::SYS_EXIT_OPENAT]),
        (
            "two_files",
            Some(file(1)),
            Some(file(2)),
            &[(ONLY_BASE, 1), (ONLY_UPPER, 1)],
            &[probe::SYS_EXIT_OPENAT],
        ),
        ("o_path_is_not_checked", Some(path_only), None, nothing, &[probe::SYS_EXIT_OPENAT]),
        ("refused_behind_the_check", None, Some(made_up), nothing, &[probe::SECURITY_FILE_OPEN]),
        ("device", None, Some(device), nothing, &[probe::SECURITY_FILE_OPEN]),
        ("truncated_behind_the_check", Some(truncated), Some(file(1)), nothing, &[probe::SYS_EXIT_OPENAT]),
        ("loader", None, Some(by_exec), nothing, &[probe::SECURITY_FILE_OPEN]),
    ] {
        let mut observation = Observation::new(true);
        upper.iter().for_each(|file| observation.upper(file));
        base.iter().for_each(|file| observation.base(file));
        let epoch = observation.end(&[]);
        assert_eq!(disagreement(&epoch), expected, "{name}");
        assert_eq!(seen_by(&epoch, 1), facts, "{name}");
        for (cause, _) in expected {
            assert!(lost(&epoch, SUBJECT, Class::Models, cause), "{name}: models");
            assert!(!lost(&epoch, SUBJECT, Class::Endpoints, cause), "{name}: endpoints");
            assert!(!lost(&epoch, OTHER, Class::Models, cause), "{name}: somebody else");
        }
    }
}

#[test]
fn mappings_are_compared_as_opens_are() {
    let by_exec = OpenedFile { flags: FMODE_EXEC, ..file(1) };
    let made_up = OpenedFile { fs_magic: PROC, ..file(1) };
    let nothing: &[(&str, u64)] = &[];
    for (name, base, upper, expected, facts) in [
        ("both", Some(file(1)), Some(file(1)), nothing, &[probe::SYS_EXIT_MMAP][..]),
        ("only_upper", None, Some(file(1)), &[(MAP_ONLY_UPPER, 1)], &[probe::SECURITY_MMAP_FILE]),
        ("only_base", Some(file(1)), None, &[(MAP_ONLY_BASE, 1)], &[probe::SYS_EXIT_MMAP]),
        ("loader", None, Some(by_exec), nothing, &[probe::SECURITY_MMAP_FILE]),
        ("made_up", None, Some(made_up), nothing, &[probe::SECURITY_MMAP_FILE]),
    ] {
        let mut observation = Observation::new(true);
        upper.iter().for_each(|file| observation.map(probe::SECURITY_MMAP_FILE, file));
        base.iter().for_each(|file| observation.map(probe::SYS_EXIT_MMAP, file));
        let epoch = observation.end(&[]);
        assert_eq!(disagreement(&epoch), expected, "{name}");
        assert_eq!(seen_by(&epoch, 1), facts, "{name}");
    }
}

#[test]
fn a_program_is_told_of_by_its_exec() {
    let mut observation = Observation::new(true);
    observation.upper(&OpenedFile { flags: FMODE_EXEC, ..file(1) });
    observation.exec(&file(1));
    let epoch = observation.end(&[]);
    assert_eq!(disagreement(&epoch), []);
    assert_eq!(seen_by(&epoch, 1), [probe::SCHED_PROCESS_EXEC]);
}

#[test]
fn the_exec_of_the_first_image_is_no_earlier_life() {
    let mut observation = Observation::new(true);
    let unborn = Task { image: ImageId(0), ..task(SUBJECT) };
    let file = OpenedFile { flags: FMODE_EXEC, ..file(1) };
    observation.event(probe::SECURITY_FILE_OPEN, Body::Open { task: unborn, file });
    let epoch = observation.end(&[]);
    let gaps = epoch.coverage.cells.values().flat_map(|cell| &cell.gaps);
    assert!(!gaps.into_iter().any(|gap| *gap == Gap::Suspected("earlier-life")));
}

#[test]
fn what_only_the_upper_tier_saw_is_asked_about_after_a_while() {
    let mut observation = Observation::new(true);
    observation.upper(&file(1));
    assert!(observation.work.is_empty(), "the base tier has its turn");
    observation.time_ns += 2_000_000_000;
    observation.base(&file(2));
    let asked: Vec<(u64, Request)> =
        observation.work.iter().map(|work| (work.file.key.inode, work.request)).collect();
    assert_eq!(asked, [(1, Request::Inspect), (2, Request::Inspect)]);
}

#[test]
fn losses_come_before_a_comparison() {
    for (name, counter, expected) in [
        ("upper", "upper-opens-lost", &[][..]),
        ("base", "opens-lost", &[]),
        ("neither", "opens-seen", &[(ONLY_UPPER, 1)]),
    ] {
        let mut observation = Observation::new(true);
        observation.upper(&file(1));
        let epoch = observation.end(&[(counter, 3)]);
        assert_eq!(disagreement(&epoch), expected, "{name}");
        if expected.is_empty() {
            assert!(lost(&epoch, SUBJECT, Class::Models, counter), "{name} is declared itself");
        }
    }
}

#[test]
fn without_the_upper_tier_nothing_is_compared_and_nothing_is_missing() {
    let mut observation = Observation::new(false);
    observation.base(&file(1));
    observation.syn(443);
    let epoch = observation.end(&[]);
    assert_eq!(disagreement(&epoch), []);
    let gaps = epoch.coverage.cells.values().flat_map(|cell| &cell.gaps);
    assert!(!gaps.into_iter().any(|gap| matches!(gap, Gap::Probe(name) if name.starts_with("security_"))));
}

#[test]
fn the_upper_tier_closes_what_the_base_tier_cannot_watch() {
    for (upper, expected) in [(true, false), (false, true)] {
        let epoch = Observation::new(upper).end(&[]);
        let cells = epoch.coverage.cells.iter().filter(|((_, class), _)| *class == Class::Models);
        let gaps: Vec<&Gap> = cells.flat_map(|(_, cell)| &cell.gaps).collect();
        assert_eq!(gaps.contains(&&Gap::Unwatched("compat-system-call")), expected, "upper: {upper}");
        assert!(gaps.contains(&&Gap::Unwatched("descriptor-passing")), "nothing is checked there");
    }
}

#[test]
fn a_connection_without_a_check_is_counted_and_not_the_other_way_round() {
    let (stream, datagram) = (1, 2);
    let mut observation = Observation::new(true);
    observation.check_connect(443, stream);
    observation.syn(443);
    // No route: nothing was sent.
    observation.check_connect(444, stream);
    observation.check_connect(53, datagram);
    let epoch = observation.end(&[]);
    assert_eq!(disagreement(&epoch), []);

    observation = Observation::new(true);
    observation.check_connect(445, datagram);
    observation.syn(445);
    let epoch = observation.end(&[]);
    assert_eq!(disagreement(&epoch), [(CONNECT_ONLY_BASE, 1)]);
    assert!(lost(&epoch, SUBJECT, Class::Endpoints, CONNECT_ONLY_BASE));
    assert!(!lost(&epoch, SUBJECT, Class::Models, CONNECT_ONLY_BASE));
}
