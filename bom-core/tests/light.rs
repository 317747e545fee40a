//! The light profile: what fanotify stands in for, what it does not, and what its opens say.

use std::collections::BTreeSet;

use bom_common::record::probe;
use bom_core::{
    correlate::Correlator,
    coverage::{
        Class, Gap,
        light::{LIGHT, LIGHT_CLOSES, OPENING, STANDS_IN},
        rules::{Detector, ESCAPES, REQUIRED, Seen, gaps},
    },
    event::{Body, Event, OpenedFile, Task},
    fact::Strength,
    input::{HostFacts, Input, Request, Start, Subject, SubjectKind},
    key::{EpochId, FileKey, ImageId, ProcessKey},
    path::SeenPath,
};

/// Every probe that a rule names and that is no system call exit, and what stands in for those.
fn light() -> BTreeSet<String> {
    let required = REQUIRED.iter().flat_map(|(_, probes)| probes.iter().copied());
    let watching = ESCAPES.iter().chain(LIGHT).flat_map(|escape| escape.watch.probes());
    let all = required.chain(watching).filter(|name| !name.starts_with("sys_exit_"));
    // The upper tier is seldom there.
    let all = all.filter(|name| !name.starts_with("security_"));
    all.chain([STANDS_IN]).map(str::to_owned).collect()
}

fn full() -> BTreeSet<String> {
    let required = REQUIRED.iter().flat_map(|(_, probes)| probes.iter().copied());
    let watching = ESCAPES.iter().flat_map(|escape| escape.watch.probes());
    required.chain(watching).map(str::to_owned).collect()
}

fn codes(class: Class, alive: &BTreeSet<String>, silent: &[&str], detected: &[Detector]) -> BTreeSet<String> {
    let silent = silent.iter().map(|&name| name.to_owned()).collect();
    let detected = detected.iter().copied().collect();
    let seen = Seen { alive: alive.clone(), silent, detected };
    gaps(class, &seen).iter().map(Gap::code).collect()
}

#[test]
fn no_class_is_complete() {
    for class in Class::ALL {
        assert_ne!(codes(class, &light(), &[], &[]), BTreeSet::new(), "{}", class.name());
    }
    // Where every probe runs, some class would be: it is the profile that takes it away.
    assert_eq!(codes(Class::Libraries, &full(), &[], &[]), BTreeSet::new());
}

#[test]
fn its_own_ways_past_it_count_where_it_stands_in() {
    let own = |id: &str| format!("unwatched:{id}");
    let models = codes(Class::Models, &light(), &[], &[]);
    for id in ["unmarked-file-system", "merged-open", "device-open"] {
        assert!(models.contains(&own(id)), "{id}: {models:?}");
        for class in Class::ALL {
            assert!(!codes(class, &full(), &[], &[]).contains(&own(id)), "{id} in the full profile");
        }
    }
    assert!(codes(Class::Endpoints, &light(), &[], &[]).contains(&own("device-open")));
    for (taken, id) in [("mm_filemap_get_pages", "unknown-access"), ("fanotify_errors", "unopened-event")] {
        assert!(!models.contains(&own(id)), "{id} while {taken} runs");
        let mut less = light();
        less.remove(taken);
        assert!(codes(Class::Models, &less, &[], &[]).contains(&own(id)), "{id} without {taken}");
    }
    let mut upper = light();
    upper.insert("security_file_open".to_owned());
    assert!(!codes(Class::Models, &upper, &[], &[]).contains(&own("unmarked-file-system")));
}

#[test]
fn it_stands_in_for_the_exits_of_opens_alone() {
    let missing = |codes: &BTreeSet<String>| -> Vec<String> {
        codes.iter().filter(|code| code.starts_with("probe-")).cloned().collect()
    };
    assert_eq!(missing(&codes(Class::Models, &light(), &[], &[])), [""; 0]);
    let endpoints = codes(Class::Endpoints, &light(), &[], &[]);
    for id in ["unix-proxy", "other-families", "left-cgroup", "incoming"] {
        assert!(endpoints.contains(&format!("unwatched:{id}")), "{id}: {endpoints:?}");
    }
    let libraries = codes(Class::Libraries, &light(), &[], &[]);
    for id in ["anonymous-executable-memory", "descriptor-passing", "unresolved-mapping", "other-passing"] {
        assert!(libraries.contains(&format!("unwatched:{id}")), "{id}: {libraries:?}");
    }
    let mut nobody = light();
    nobody.remove(STANDS_IN);
    let models = codes(Class::Models, &nobody, &[], &[]);
    for exit in OPENING.iter().filter(|_| cfg!(target_arch = "x86_64")) {
        assert!(models.contains(&format!("probe-missing:{exit}")), "{exit}: {models:?}");
    }
    let models = codes(Class::Models, &nobody, &[STANDS_IN], &[]);
    assert_eq!(missing(&models), [format!("probe-silent:{STANDS_IN}")]);
}

#[test]
fn what_the_exits_can_miss_it_sees() {
    let detected = [
        Detector::Threads,
        Detector::UnresolvedDescriptor,
        Detector::DirectDescriptor,
        Detector::UringSilent,
        Detector::LowMemory,
    ];
    let models = codes(Class::Models, &light(), &[], &detected);
    for id in LIGHT_CLOSES {
        assert!(ESCAPES.iter().any(|escape| escape.id == *id), "{id} is no escape");
        let of_it: Vec<_> = models.iter().filter(|code| code.ends_with(&format!(":{id}"))).collect();
        assert_eq!(of_it, [""; 0], "{id}");
    }
}

const SUBJECT: u64 = 77;

fn event(sequence: u64, number: u16, body: Body) -> Input {
    Input::Event(Event { sequence, probe: number, time_ns: 10 + sequence, body })
}

/// How a file was opened fanotify does not tell: it is looked at, but only what is read counts as more than met.
#[test]
fn an_open_that_may_have_been_for_writing_is_not_called_a_reading() {
    let mut correlator = Correlator::default();
    correlator.step(Input::Start(Box::new(Start {
        epoch: EpochId { node: "node".into(), boot: "boot".into(), start_ns: 1 },
        version: "0.0.0".into(),
        host: HostFacts {
            kernel: "6.18".into(),
            architecture: "x86_64".into(),
            distribution: None,
            drivers: Default::default(),
        },
        at_ns: 1,
    })));
    let (name, kind) = ("agent".to_owned(), SubjectKind::Session);
    let subject = Subject { id: SUBJECT, name, before_first_instruction: true, kind, at_ns: 1 };
    correlator.step(Input::Subject(subject));
    let task = Task {
        process: ProcessKey { tgid: 100, start_ns: 5 },
        tid: 100,
        image: ImageId(1),
        subject: SUBJECT,
        cgroup: SUBJECT,
        mount_namespace: 1,
    };
    let file = OpenedFile {
        key: FileKey { device: 1, inode: 2, generation: 0, size: 10, ctime_s: 0, ctime_ns: 0 },
        path: SeenPath::new(&b"/models/a"[..]),
        path_flags: 0,
        parent_inode: 0,
        name_hash: 1,
        mode: 0o100_644,
        flags: 0,
        fs_magic: 0,
        rdev: 0,
        mount_id: 30,
        real: None,
    };
    let open = Body::Open { task, file: file.clone() };
    let asked = correlator.step(event(1, probe::FANOTIFY_OPEN, open));
    assert!(asked.iter().any(|work| work.request == Request::Inspect), "it is looked at: {asked:?}");
    let strongest = |correlator: &Correlator| {
        let inventory = correlator.inventory();
        let epoch = inventory.epochs.values().next().expect("an epoch");
        epoch.facts.values().map(|evidence| evidence.strength.0).max()
    };
    assert_eq!(strongest(&correlator), Some(Strength::Enumerated));
    correlator.step(event(2, probe::MM_FILEMAP_GET_PAGES, Body::Read { task, file }));
    assert_eq!(strongest(&correlator), Some(Strength::ReadOrMapped));
}
