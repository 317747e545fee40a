//! What is still there at the end is said, wherever it went.

use std::collections::BTreeSet;

use bom_core::{
    correlate::Correlator,
    coverage::{Class, Gap},
    event::{Body, Event, Task},
    input::{Ended, HostFacts, Input, Start, Subject, SubjectKind},
    key::{EpochId, ImageId, ProcessKey, SubjectKey},
};

const PARENT: ProcessKey = ProcessKey { tgid: 100, start_ns: 10 };
const CHILD: ProcessKey = ProcessKey { tgid: 101, start_ns: 20 };

/// The process forks once; then these end, and these are found in the cgroup.
fn still_running(ended: &[ProcessKey], found: &[u32]) -> Vec<ProcessKey> {
    let task = |process| Task {
        process,
        tid: process.tgid,
        image: ImageId(1),
        subject: 5,
        cgroup: 5,
        mount_namespace: 1,
    };
    let epoch = EpochId { node: "n".to_owned(), boot: "b".into(), start_ns: 1 };
    let host = HostFacts {
        kernel: String::new(),
        architecture: String::new(),
        distribution: None,
        drivers: Default::default(),
    };
    let mut correlator = Correlator::default();
    correlator.step(Input::Start(Box::new(Start {
        epoch: epoch.clone(),
        version: "0".to_owned(),
        host,
        at_ns: 1,
    })));
    correlator.step(Input::Subject(Subject {
        id: 5,
        name: "sh".to_owned(),
        before_first_instruction: true,
        kind: SubjectKind::Session,
        at_ns: 1,
    }));
    let mut bodies = vec![Body::Fork { task: task(PARENT), child: CHILD }];
    bodies.extend(ended.iter().map(|&process| Body::Exit { task: task(process), code: 0 }));
    for (sequence, body) in (1..).zip(bodies) {
        correlator.step(Input::Event(Event { sequence, probe: 2, time_ns: 30, body }));
    }
    let survivors = found.iter().copied().collect();
    correlator.step(Input::Ended(Box::new(Ended {
        subject: 5,
        at_ns: 40,
        status: Some(0),
        survivors,
        survivors_cut: false,
    })));
    correlator.step(Input::Finish { at_ns: 40 });
    let inventory = correlator.inventory();
    let coverage = &inventory.epochs[&epoch].coverage;
    let subject = SubjectKey { boot: "b".into(), cgroup: 5, session: Some(1) };
    let named: BTreeSet<ProcessKey> = coverage.still_running.get(&subject).cloned().unwrap_or_default();
    for class in Class::ALL {
        let gap = coverage.cells[&(subject.clone(), class)].gaps.contains(&Gap::StillRunning);
        assert_eq!(gap, !named.is_empty(), "{}: the gap and the list agree", class.name());
    }
    named.into_iter().collect()
}

#[test]
fn still_running_is_said() {
    let stranger = ProcessKey { tgid: 102, start_ns: 0 };
    for (name, ended, found, expected) in [
        ("all_ended", &[PARENT, CHILD][..], &[][..], &[][..]),
        ("one_in_the_cgroup", &[PARENT], &[101], &[CHILD]),
        ("one_left_the_cgroup", &[PARENT], &[], &[CHILD]),
        ("one_nobody_saw_start", &[PARENT, CHILD], &[102], &[stranger]),
        ("reused_number", &[PARENT, CHILD], &[101], &[ProcessKey { tgid: 101, start_ns: 0 }]),
    ] {
        assert_eq!(still_running(ended, found), expected, "{name}");
    }
}
