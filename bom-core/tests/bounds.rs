//! What one subject can make the correlator hold is bounded, and what meets a bound is that subject's loss alone.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bom_common::record::probe;
use bom_core::{
    correlate::Correlator,
    coverage::{Class, ProbeState, ProbeStatus},
    event::{Body, Event, OpenedFile, Task, Tcp, TcpState},
    input::{Answer, HostFacts, Input, Reason, Repeat, Start, Subject, SubjectKind, Work},
    inventory::Epoch,
    key::{EpochId, FileKey, ImageId, Object, ProcessKey},
    path::SeenPath,
};

const FLOOD: u64 = 77;
const QUIET: u64 = 88;
/// More than any bound.
const MANY: u64 = 140_000;

struct Host {
    correlator: Correlator,
    sequence: u64,
}

impl Host {
    fn new() -> Self {
        let mut host = Self { correlator: Correlator::default(), sequence: 0 };
        let epoch = EpochId { node: "n".to_owned(), boot: "b".into(), start_ns: 1 };
        let facts = HostFacts {
            kernel: "k".into(),
            architecture: "x".into(),
            distribution: None,
            drivers: Default::default(),
        };
        host.input(Input::Start(Box::new(Start { epoch, version: "0".into(), host: facts, at_ns: 1 })));
        for id in [FLOOD, QUIET] {
            host.input(Input::Subject(Subject {
                id,
                name: id.to_string(),
                before_first_instruction: true,
                kind: SubjectKind::Session,
                at_ns: 1,
            }));
        }
        host
    }

    fn input(&mut self, input: Input) -> Vec<Work> {
        self.correlator.step(input)
    }

    fn event(&mut self, probe: u16, body: Body) -> Vec<Work> {
        self.sequence += 1;
        let (sequence, time_ns) = (self.sequence, 10 + self.sequence);
        self.input(Input::Event(Event { sequence, probe, time_ns, body }))
    }

    fn open(&mut self, subject: u64, inode: u64) -> Vec<Work> {
        let body = Body::Open { task: task(subject), file: file(inode) };
        self.event(probe::SYS_EXIT_OPENAT, body)
    }

    fn answer(&mut self, work: &Work, answer: Answer) {
        self.input(Input::Answer { work: work.id, answer });
    }

    fn epoch(&self) -> Epoch {
        self.correlator.inventory().epochs.into_values().next().expect("an epoch")
    }
}

fn task(subject: u64) -> Task {
    let tgid = u32::try_from(subject).expect("small");
    Task {
        process: ProcessKey { tgid, start_ns: 5 },
        tid: tgid,
        image: ImageId(subject),
        subject,
        cgroup: subject,
        mount_namespace: 1,
    }
}

fn file(inode: u64) -> OpenedFile {
    OpenedFile {
        key: FileKey { device: 1, inode, generation: 0, size: 9, ctime_s: 1, ctime_ns: 1 },
        path: SeenPath::new(format!("/files/{inode}.txt")),
        path_flags: 0,
        parent_inode: 2,
        name_hash: inode,
        mode: 0o100_644,
        flags: 0,
        fs_magic: 0xef53,
        rdev: 0,
        mount_id: 3,
        real: None,
    }
}

/// Causes and counts of what a subject lost.
fn losses(epoch: &Epoch, subject: u64) -> Vec<(String, u64)> {
    let of = |key: &Option<bom_core::key::SubjectKey>| key.as_ref().is_some_and(|key| key.cgroup == subject);
    let mine = epoch.coverage.losses.iter().filter(|((_, key), _)| of(key));
    mine.map(|((cause, _), loss)| (cause.clone(), loss.count.0)).collect()
}

fn opens(epoch: &Epoch, subject: u64) -> u64 {
    let facts = epoch.facts.iter().filter(|(fact, _)| fact.subject.cgroup == subject);
    let aside = epoch.aside.iter().filter(|((key, _), _)| key.cgroup == subject);
    facts.map(|(_, evidence)| evidence.count.0).sum::<u64>()
        + aside.map(|(_, aside)| aside.opens.0).sum::<u64>()
}

#[test]
fn files_that_do_not_matter_are_only_counted_after_a_while() {
    let mut host = Host::new();
    for inode in 0..MANY {
        for work in host.open(FLOOD, inode) {
            host.answer(&work, Answer::Inspected(None));
        }
    }
    host.open(QUIET, MANY);
    let epoch = host.epoch();
    assert_eq!(losses(&epoch, FLOOD), []);
    assert!(epoch.facts.len() < 20_000, "{} facts", epoch.facts.len());
    assert_eq!((opens(&epoch, FLOOD), opens(&epoch, QUIET)), (MANY, 1));
    // A file that comes again is asked about again.
    let asked = host.open(FLOOD, 0);
    assert_eq!(asked.len(), 1);
    // What the kernel counted at an open that is only counted here is not lost.
    host.input(Input::Repeats(vec![Repeat {
        process: task(FLOOD).process,
        image: ImageId(FLOOD),
        file: file(1).key,
        parent_inode: 2,
        name_hash: 1,
        mount_id: 3,
        access: 0,
        count: 4,
        last_ns: 99,
    }]));
    assert_eq!(opens(&host.epoch(), FLOOD), MANY + 1 + 3);
}

#[test]
fn files_that_could_not_be_looked_at_are_lost_by_who_opened_them() {
    let mut host = Host::new();
    for inode in 0..MANY {
        for work in host.open(FLOOD, inode) {
            host.answer(&work, Answer::Unknown(Reason::QueueFull));
        }
    }
    let epoch = host.epoch();
    let lost = losses(&epoch, FLOOD);
    assert!(
        matches!(&lost[..], [(cause, count)] if cause == "unread-files-over-limit" && *count > 100_000),
        "{lost:?}"
    );
    assert_eq!(losses(&epoch, QUIET), []);
}

#[test]
fn files_that_matter_are_bounded_for_each_subject() {
    let mut host = Host::new();
    let owner = || {
        Answer::Owner(bom_core::input::Owner {
            python: None,
            deb: Some(bom_core::input::DebOwner {
                package: "p".into(),
                version: "1".into(),
                architecture: "all".into(),
            }),
            ..bom_core::input::Owner::default()
        })
    };
    for inode in 0..MANY {
        let mut file = file(inode);
        file.path = SeenPath::new(format!("/files/{inode}.py"));
        let body = Body::Open { task: task(FLOOD), file };
        for work in host.event(probe::SYS_EXIT_OPENAT, body) {
            host.answer(&work, owner());
        }
    }
    let asked = host.open(QUIET, MANY);
    let epoch = host.epoch();
    let lost = losses(&epoch, FLOOD);
    assert_eq!(lost, [("file-facts-over-limit".to_owned(), MANY - 131_072)]);
    assert_eq!((losses(&epoch, QUIET), asked.len()), (vec![], 1));
}

#[test]
fn connections_that_ended_become_facts_before_the_end() {
    let mut host = Host::new();
    for number in 0..20_000_u64 {
        let address = IpAddr::V4(Ipv4Addr::from(u32::try_from(number % 10).expect("small")));
        for state in [TcpState::SynSent, TcpState::Established, TcpState::Closed] {
            let tcp = Tcp {
                cookie: number,
                remote: SocketAddr::new(address, 443),
                local: SocketAddr::new(address, 1),
                state,
                bytes_acked: 11,
                bytes_received: 5,
            };
            host.event(probe::INET_SOCK_SET_STATE, Body::Tcp { task: task(FLOOD), tcp });
        }
    }
    let epoch = host.epoch();
    assert_eq!(losses(&epoch, FLOOD), []);
    let endpoints = epoch.facts.iter().filter(|(fact, _)| matches!(fact.object, Object::Endpoint { .. }));
    let (peers, connections) =
        endpoints.fold((0, 0), |(peers, count), (_, evidence)| (peers + 1, count + evidence.count.0));
    assert_eq!((peers, connections), (10, 20_000));
    let sent: u64 = epoch
        .facts
        .values()
        .flat_map(|evidence| evidence.activity.values())
        .map(|bucket| bucket.sent.0)
        .sum();
    assert_eq!(sent, 200_000);
}

#[test]
fn connections_that_stay_open_are_bounded() {
    let mut host = Host::new();
    for number in 0..40_000_u64 {
        let subject = if number == 39_999 { QUIET } else { FLOOD };
        let tcp = Tcp {
            cookie: number,
            remote: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 443),
            local: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 1),
            state: TcpState::SynSent,
            bytes_acked: 0,
            bytes_received: 0,
        };
        host.event(probe::INET_SOCK_SET_STATE, Body::Tcp { task: task(subject), tcp });
    }
    let epoch = host.epoch();
    assert_eq!(losses(&epoch, FLOOD), [("connections-over-limit".to_owned(), 39_999 - 32_768)]);
    assert_eq!(losses(&epoch, QUIET), []);
}

#[test]
fn a_silent_probe_is_a_gap_for_good() {
    let mut host = Host::new();
    let state = |status| ProbeState { number: 5, name: "sys_exit_openat".to_owned(), status };
    for status in [ProbeStatus::Attached, ProbeStatus::Silent, ProbeStatus::Attached] {
        host.input(Input::Probes { at_ns: 2, states: vec![state(status)] });
    }
    let epoch = host.epoch();
    let gaps = |class| {
        let cells = epoch.coverage.cells.iter().filter(move |((_, of), _)| *of == class);
        cells.flat_map(|(_, cell)| &cell.gaps).map(bom_core::coverage::Gap::code).collect::<Vec<_>>()
    };
    assert!(gaps(Class::Models).contains(&"probe-silent:sys_exit_openat".to_owned()));
    assert!(!gaps(Class::Endpoints).contains(&"probe-silent:sys_exit_openat".to_owned()));
    let states: Vec<_> = epoch.coverage.probes.iter().collect();
    assert_eq!(states, [&state(ProbeStatus::Silent)]);
}
