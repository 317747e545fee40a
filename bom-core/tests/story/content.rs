//! Content that was read and files that were mapped, told as small stories on a fake host.

use std::collections::BTreeSet;

use bom_common::record::{path_flag, probe};
use bom_core::{
    correlate::Correlator,
    coverage::{
        Class, Gap,
        rules::{self, Detector, Seen},
    },
    event::{Body, OpenedFile},
    fact::Strength,
    input::{Answer, Input, Reason, Request, Work},
    path::SeenPath,
};

use crate::{
    host::{FakeHost, PYTHON, Thing, reply},
    view,
};

fn gaps(correlator: &Correlator, class: Class) -> BTreeSet<String> {
    view(correlator).subjects[0].classes[&class].gaps.iter().map(Gap::code).collect()
}

/// As the page cache has it: by inode, with the path in the file system.
fn placeless(file: &OpenedFile) -> OpenedFile {
    let mut file = file.clone();
    file.path = SeenPath::new([b"<0:1>".as_slice(), file.path.bytes()].concat());
    file.path_flags = path_flag::FILESYSTEM_RELATIVE;
    (file.parent_inode, file.name_hash, file.mount_id, file.flags) = (0, 0, 0, 0);
    file
}

fn read(host: &mut FakeHost, pid: u32, file: OpenedFile) -> Vec<Work> {
    let task = host.whole_task(pid);
    host.event(probe::MM_FILEMAP_GET_PAGES, Body::Read { task, file })
}

#[test]
fn reading_makes_an_open_stronger_and_counts_no_use() {
    let mut host = FakeHost::new();
    host.exec(100, 0, PYTHON);
    let file = host.open(100, "/models/a", Thing::Model("aa"));
    host.open(100, "/models/b", Thing::Model("bb"));
    assert_eq!(read(&mut host, 100, placeless(&file)), [], "everything is known of it");
    let view = view(&host.finish());
    let strengths: Vec<Strength> =
        view.models.iter().map(|model| model.uses[0].evidence.strength.0).collect();
    assert_eq!(strengths, [Strength::ReadOrMapped, Strength::Opened]);
    let used = &view.models[0].uses[0];
    assert_eq!((used.evidence.count.0, used.paths.len()), (1, 1), "{used:?}");
    assert_eq!(used.probes, [probe::SYS_EXIT_OPENAT, probe::MM_FILEMAP_GET_PAGES].into());
}

#[test]
fn a_layer_of_an_overlay_is_the_file_that_was_opened() {
    let mut host = FakeHost::new();
    host.exec(100, 0, PYTHON);
    let seen = host.open_changed(100, "/models/a", Thing::Model("aa"), |file| file.real = Some((7, 70)));
    let mut layer = placeless(&seen);
    (layer.key.device, layer.key.inode, layer.key.generation) = (7, 70, 9);
    assert_eq!(read(&mut host, 100, layer.clone()), []);
    // Another state of it is not vouched for by the open.
    layer.key.size += 1;
    let work = read(&mut host, 100, layer);
    assert_eq!(work.iter().map(|work| work.request).collect::<Vec<_>>(), [Request::Locate]);
    let view = view(&host.finish());
    assert_eq!(view.models[0].uses[0].evidence.strength.0, Strength::ReadOrMapped);
}

#[test]
fn a_file_that_nobody_opened_is_looked_for() {
    let located = || Answer::Located { path: SeenPath::new("/models/a"), mount_namespace: 5 };
    let found: &[(&str, Answer, &[Request], &str)] = &[
        ("found", located(), &[Request::Inspect], "/models/a"),
        ("not_found", Answer::Unknown(Reason::NotFound), &[], "<0:1>/models/a"),
    ];
    for (name, answer, asked, path) in found {
        let mut host = FakeHost::new();
        host.exec(100, 0, PYTHON);
        let file = placeless(&host.file("/models/a"));
        let work = read(&mut host, 100, file.clone());
        let [question] = &work[..] else { panic!("{name}: {work:?}") };
        assert_eq!(question.request, Request::Locate, "{name}");
        assert_eq!(read(&mut host, 100, file), [], "{name}: asked once");
        let next = host.input(Input::Answer { work: question.id, answer: answer.clone() });
        assert_eq!(next.iter().map(|work| work.request).collect::<Vec<_>>(), *asked, "{name}");
        assert!(next.iter().all(|work| work.mount_namespace == 5), "{name}");
        host.answer_all(next, |request| reply(Thing::Model("aa"), request));
        let correlator = host.finish();
        let unreadable = gaps(&correlator, Class::Models).contains("unreadable-files");
        assert_eq!(unreadable, asked.is_empty(), "{name}");
        let inventory = correlator.inventory();
        let paths: BTreeSet<String> = inventory
            .epochs
            .values()
            .flat_map(|epoch| epoch.paths.values().flatten())
            .map(SeenPath::escaped)
            .collect();
        assert!(paths.contains(*path), "{name}: {paths:?}");
        assert_eq!(paths.iter().filter(|path| path.contains("models")).count(), 1, "{name}: {paths:?}");
    }
}

/// aibom's own fork touches its own pages before it becomes the command.
#[test]
fn what_precedes_the_first_exec_is_nobodys_if_one_follows() {
    for (follows, expected) in [(true, false), (false, true)] {
        let mut host = FakeHost::new();
        let file = placeless(&host.file("/usr/bin/aibom"));
        assert_eq!(read(&mut host, 100, file), []);
        if follows {
            host.exec(100, 0, PYTHON);
        }
        let correlator = host.finish();
        assert_eq!(gaps(&correlator, Class::Programs).contains("suspected:earlier-life"), expected);
        assert!(!format!("{:?}", correlator.inventory()).contains("/usr/bin/aibom"));
    }
}

#[test]
fn a_mapping_as_code_is_the_strongest() {
    for (flags, expected) in [(1, Strength::ReadOrMapped), (5, Strength::Executed)] {
        let mut host = FakeHost::new();
        host.exec(100, 0, PYTHON);
        let file = host.open(100, "/models/a", Thing::Model("aa"));
        let task = host.whole_task(100);
        host.event(probe::SYS_EXIT_MMAP, Body::Map { task, file, vm_flags: flags });
        assert_eq!(view(&host.finish()).models[0].uses[0].evidence.strength.0, expected);
    }
}

/// Shared memory without a name is no file that could be looked at, and none that is missing.
#[test]
fn shared_memory_is_no_file() {
    for (name, path, flags, own_directory, asked) in [
        ("anonymous", "zero/dev", path_flag::DETACHED, true, 0),
        ("system_v", "SYSV00000000", path_flag::DETACHED, true, 0),
        ("memfd", "memfd:weights", path_flag::DETACHED, true, 1),
        ("in_a_detached_tree", "zero/dev", path_flag::DETACHED, false, 1),
        ("mounted", "/zero/dev", 0, true, 1),
    ] {
        let mut host = FakeHost::new();
        host.exec(100, 0, PYTHON);
        let mut file = host.file(path);
        file.path_flags = flags;
        file.parent_inode = if own_directory { file.key.inode } else { 2 };
        let task = host.whole_task(100);
        let work = host.event(probe::SYS_EXIT_MMAP, Body::Map { task, file, vm_flags: 11 });
        assert_eq!(work.len(), asked, "{name}");
    }
}

#[test]
fn a_file_that_matters_has_to_be_the_same_at_the_end() {
    let unknown = || Some(Answer::Unknown(Reason::ChangedSinceOpen));
    let cases: [(&str, Option<Option<Answer>>, bool); 4] = [
        ("unchanged", Some(Some(Answer::Unchanged)), false),
        ("changed", Some(unknown()), true),
        ("no_answer", Some(None), true),
        ("not_asked", None, true),
    ];
    for (name, end, expected) in cases {
        let mut host = FakeHost::new();
        host.exec(100, 0, "/bin/static");
        host.open(100, "/models/a", Thing::Model("aa"));
        host.open(100, "/etc/plain", Thing::Plain);
        if let Some(answer) = end {
            let work = host.input(Input::Recheck { subject: None, at_ns: 900_000 });
            let files: Vec<String> = work.iter().map(|work| work.file.path.escaped()).collect();
            assert_eq!(files, ["/bin/static", "/models/a"], "{name}");
            for work in work {
                let program = work.file.path.bytes() == b"/bin/static";
                let answer = if program { Some(Answer::Unchanged) } else { answer.clone() };
                if let Some(answer) = answer {
                    host.input(Input::Answer { work: work.id, answer });
                }
            }
        }
        let gaps = gaps(&host.finish(), Class::Models);
        assert_eq!(gaps.contains("suspected:written-after-open"), expected, "{name}: {gaps:?}");
    }
}

#[test]
fn a_mapping_for_writing_can_change_a_file_unnoticed() {
    // 8 shared, 0x20 may be written: as mapped from a descriptor for reading and writing.
    for (flags, expected) in [(0x01, false), (0x21, false), (0x29, true), (0x89, false)] {
        let mut host = FakeHost::new();
        host.exec(100, 0, "/bin/static");
        let file = host.open(100, "/models/a", Thing::Model("aa"));
        let task = host.whole_task(100);
        host.event(probe::SYS_EXIT_MMAP, Body::Map { task, file, vm_flags: flags });
        for work in host.input(Input::Recheck { subject: None, at_ns: 900_000 }) {
            host.input(Input::Answer { work: work.id, answer: Answer::Unchanged });
        }
        let gaps = gaps(&host.finish(), Class::Models);
        assert_eq!(gaps.contains("suspected:written-after-open"), expected, "{flags:#x}: {gaps:?}");
    }
}

/// What is seen by the page cache's probes needs no suspicion, and where they are missing the detectors take over.
#[test]
fn the_first_watch_that_runs_decides() {
    let all =
        ["sys_exit_mmap", "mm_filemap_get_pages", "mm_filemap_map_pages", "mm_filemap_fault", "iomap_iter"];
    let alive = |names: &[&str]| -> BTreeSet<String> { names.iter().map(|&name| name.to_owned()).collect() };
    for (name, probes, detected, expected) in [
        ("seen", &[&all[..], &["sched_process_fork"]].concat()[..], true, None),
        (
            "one_missing",
            &[&all[1..], &["sched_process_fork"]].concat(),
            true,
            Some("suspected:descriptor-race"),
        ),
        ("one_missing_and_quiet", &[&all[1..], &["sched_process_fork"]].concat(), false, None),
        ("none", &[], true, Some("unwatched:descriptor-race")),
    ] {
        let detected = if detected { [Detector::Threads].into() } else { BTreeSet::new() };
        let seen = Seen { alive: alive(probes), detected, ..Seen::default() };
        let gaps = rules::gaps(Class::Models, &seen);
        let race: Vec<String> =
            gaps.iter().map(Gap::code).filter(|code| code.ends_with("descriptor-race")).collect();
        assert_eq!(race, expected.into_iter().collect::<Vec<_>>(), "{name}");
    }
}

/// Opens handed to io_uring and completions have to be as many, for each subject by itself.
#[test]
fn a_completion_that_was_not_seen_is_suspected() {
    for (name, opens, completed, expected) in
        [("all", 3, 3, false), ("one_less", 3, 2, true), ("none", 0, 0, false)]
    {
        let mut host = FakeHost::new();
        host.exec(100, 0, PYTHON);
        host.counter("io-uring-opens", opens);
        host.counter("io-uring-opens-completed", completed);
        let gaps = gaps(&host.finish(), Class::Models);
        // The reading of such a file is seen, unless it lies in memory.
        assert_eq!(gaps.contains("suspected:memory-file"), expected, "{name}: {gaps:?}");
        assert!(!gaps.contains("suspected:io-uring-silent-open"), "{name}: {gaps:?}");
    }
}
