//! Laws of merging: order, grouping and repetition of inventories do not matter, and a merge never
//! makes a claim stronger.

use std::{collections::BTreeMap, net::IpAddr};

use bom_core::{
    coverage::{Cell, Class, Gap, ProbeState, ProbeStatus},
    fact::{Action, Bucket, Evidence, FactKey, Strength},
    inventory::{Description, Epoch, Image, Inventory, NameSource, Process, Subject},
    join::{Few, Intervals, Join, Max},
    key::{Carrier, EpochId, FileKey, ImageId, Object, ProcessKey, SubjectKey},
    path::SeenPath,
};
use proptest::prelude::*;

fn subject() -> impl Strategy<Value = SubjectKey> {
    (0..3_u64, prop::option::of(0..2_u64)).prop_map(|(cgroup, session)| SubjectKey {
        boot: "boot".into(),
        cgroup,
        session,
    })
}

fn process() -> impl Strategy<Value = ProcessKey> {
    (1..4_u32, 0..3_u64).prop_map(|(tgid, start_ns)| ProcessKey { tgid, start_ns })
}

fn object() -> impl Strategy<Value = Object> {
    let file = (0..3_u64, 0..2_u64).prop_map(|(inode, size)| {
        Object::File(FileKey { device: 1, inode, generation: 0, size, ctime_s: 0, ctime_ns: 0 })
    });
    let endpoint = (prop::option::of("[ab]"), 0..3_u8, 1..3_u16).prop_map(|(host, last, port)| {
        let carrier = if last == 0 { Carrier::Udp } else { Carrier::Tcp };
        Object::Endpoint { host, address: IpAddr::from([10, 0, 0, last]), port, carrier }
    });
    prop_oneof![file, endpoint, "[ab]".prop_map(Object::Name)]
}

fn strength() -> impl Strategy<Value = Strength> {
    prop::sample::select(vec![
        Strength::Enumerated,
        Strength::Opened,
        Strength::Executed,
        Strength::Connected,
        Strength::Exchanged,
    ])
}

fn evidence() -> impl Strategy<Value = Evidence> {
    (strength(), 0..9_u64, 0..9_u64, 1..5_u64, prop::collection::btree_map(0..3_u64, 0..9_u64, 0..3))
        .prop_map(|(strength, sequence, time, count, minutes)| {
            let mut evidence = Evidence::once(strength, sequence, time);
            evidence.count = Max(count);
            evidence.activity = minutes
                .into_iter()
                .map(|(minute, sent)| {
                    (minute, Bucket { connections: Max(1), sent: Max(sent), received: Max(0) })
                })
                .collect();
            evidence
        })
}

fn fact() -> impl Strategy<Value = (FactKey, Evidence)> {
    let action = prop::sample::select(vec![Action::Opened, Action::Executed, Action::Connected]);
    (subject(), process(), 0..3_u64, action, object(), 1..3_u16, evidence()).prop_map(
        |(subject, process, image, action, object, probe, evidence)| {
            (FactKey { subject, process, image: ImageId(image), action, object, probe }, evidence)
        },
    )
}

fn description() -> impl Strategy<Value = Description> {
    prop_oneof![
        "[a-c]{1,3}".prop_map(|path| Description::Path(SeenPath::new(path))),
        "[0-1]{2}".prop_map(Description::Digest),
        "[a-b]".prop_map(|name| Description::Name { source: NameSource::Sni, name }),
        Just(Description::Content(None)),
    ]
}

fn few() -> impl Strategy<Value = Few<Description>> {
    prop::collection::vec(description(), 0..3).prop_map(|all| all.into_iter().collect())
}

fn gap() -> impl Strategy<Value = Gap> {
    prop_oneof![
        "[a-b]".prop_map(Gap::Lost),
        "[a-b]".prop_map(Gap::Probe),
        Just(Gap::StillRunning),
        Just(Gap::AlreadyRunning)
    ]
}

fn cell() -> impl Strategy<Value = Cell> {
    (prop::collection::vec((0..20_u64, 0..20_u64), 0..3), prop::collection::btree_set(gap(), 0..3)).prop_map(
        |(windows, gaps)| {
            let mut window = Intervals::default();
            for (from, to) in windows {
                window.join(Intervals::one(from, to));
            }
            Cell { window, gaps }
        },
    )
}

fn epoch() -> impl Strategy<Value = Epoch> {
    let coverage = (
        prop::collection::btree_map((subject(), prop::sample::select(Class::ALL.to_vec())), cell(), 0..4),
        prop::collection::vec(("[a-b]", 0..9_u64, 0..9_u64), 0..3),
        prop::option::of("[a-b]"),
    );
    (
        prop::collection::btree_map(subject(), "[a-b]", 0..3),
        prop::collection::btree_map(object(), few(), 0..3),
        prop::collection::vec(fact(), 0..5),
        prop::collection::vec((process(), process(), 0..3_u64), 0..3),
        coverage,
    )
        .prop_map(|(subjects, objects, facts, processes, (cells, losses, probe))| {
            let mut epoch = Epoch { objects, ..Epoch::default() };
            for (key, name) in subjects {
                epoch.subjects.insert(key, Subject { names: [name].into(), ..Subject::default() });
            }
            epoch.facts = facts.into_iter().collect();
            for (key, parent, image) in processes {
                let known = Process { parents: [parent].into(), ..Process::default() };
                epoch.processes.insert(key, known);
                epoch.images.insert(ImageId(image), Image::default());
            }
            epoch.coverage.cells = cells;
            for (cause, count, at) in losses {
                epoch.coverage.lose(&cause, None, count, at, at + 1);
            }
            epoch.coverage.probes.extend(probe.map(|name| ProbeState {
                number: 1,
                name,
                status: ProbeStatus::Attached,
            }));
            epoch
        })
}

fn inventory() -> impl Strategy<Value = Inventory> {
    prop::collection::btree_map(0..2_u64, epoch(), 0..3).prop_map(|epochs| {
        let epochs: BTreeMap<EpochId, Epoch> = epochs
            .into_iter()
            .map(|(start_ns, epoch)| (EpochId { node: "node".into(), boot: "boot".into(), start_ns }, epoch))
            .collect();
        Inventory { epochs }
    })
}

fn joined(mut left: Inventory, right: &Inventory) -> Inventory {
    left.merge(right.clone());
    left
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn merge_is_commutative(a in inventory(), b in inventory()) {
        prop_assert_eq!(joined(a.clone(), &b), joined(b, &a));
    }

    #[test]
    fn merge_is_associative(a in inventory(), b in inventory(), c in inventory()) {
        let left = joined(joined(a.clone(), &b), &c);
        let right = joined(a, &joined(b, &c));
        prop_assert_eq!(left, right);
    }

    #[test]
    fn merge_is_idempotent(a in inventory(), b in inventory()) {
        let once = joined(a, &b);
        prop_assert_eq!(joined(once.clone(), &once), once.clone());
        prop_assert_eq!(joined(once.clone(), &b), once);
    }

    #[test]
    fn merge_never_upgrades_coverage(a in inventory(), b in inventory()) {
        let merged = joined(a.clone(), &b);
        for (id, epoch) in a.epochs.iter().chain(&b.epochs) {
            for (key, cell) in &epoch.coverage.cells {
                let after = &merged.epochs[id].coverage.cells[key];
                prop_assert!(after.gaps.is_superset(&cell.gaps));
                let incomplete = !cell.gaps.is_empty();
                prop_assert!(!(incomplete && after.is_complete()));
            }
        }
    }

    #[test]
    fn intervals_join_to_their_union(points in prop::collection::vec((0..50_u64, 0..50_u64), 0..8)) {
        let mut all = Intervals::default();
        for &(from, to) in &points {
            all.join(Intervals::one(from, to));
        }
        for at in 0..50 {
            let inside = points.iter().any(|&(a, b)| (a.min(b)..=a.max(b)).contains(&at));
            let found = all.iter().any(|(from, to)| (from..=to).contains(&at));
            prop_assert_eq!(inside, found, "at {}", at);
        }
    }
}
