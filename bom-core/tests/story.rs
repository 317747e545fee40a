//! Lists of inputs and what must come out: the correlator, the view and the document, told as small
//! stories on a fake host.

#[path = "story/claims.rs"]
mod claims;
#[path = "story/content.rs"]
mod content;
#[path = "story/host.rs"]
mod host;
#[path = "story/mcp.rs"]
mod mcp;
#[path = "story/packages.rs"]
mod packages;
#[path = "story/sets.rs"]
mod sets;
#[path = "story/stored.rs"]
mod stored;

use bom_core::{
    assemble::{Options, assemble},
    bom::{self, SpecVersion},
    correlate::Correlator,
    coverage::{Class, Gap, ProbeStatus},
    event::TcpState,
    fact::Strength,
    identify::{View, catalog::Catalog, identify},
    input::{Answer, Input, Reason, Repeat, Request},
    recording,
};
use host::{FakeHost, LIBPYTHON, PYTHON, Thing};

fn view(correlator: &Correlator) -> View {
    identify(&correlator.inventory(), &Catalog::built_in())
}

fn document(correlator: &Correlator) -> String {
    let bom = assemble(&view(correlator), Options { deterministic: false, version: "0.0.0" }).unwrap();
    let options = bom::Options { version: SpecVersion::V1_6, deterministic: false };
    String::from_utf8(bom::to_json(&bom, options).unwrap().json).unwrap()
}

fn gaps(correlator: &Correlator, class: Class) -> Vec<String> {
    let view = view(correlator);
    view.subjects[0].classes[&class].gaps.iter().map(Gap::code).collect()
}

#[test]
fn an_import_is_code_opened_by_an_interpreter() {
    let site = "/venv/lib/python3.11/site-packages";
    for (name, program, path, thing, expected) in [
        (
            "byte_code",
            PYTHON,
            format!("{site}/openai/__pycache__/a.pyc"),
            Thing::Wheel("openai", "2.0"),
            Some("openai"),
        ),
        (
            "extension",
            PYTHON,
            format!("{site}/numpy/core.so"),
            Thing::WheelLibrary("numpy", "2.4"),
            Some("numpy"),
        ),
        (
            "metadata_only",
            PYTHON,
            format!("{site}/openai-2.0.dist-info/METADATA"),
            Thing::Wheel("openai", "2.0"),
            None,
        ),
        (
            "script_in_dist_info",
            PYTHON,
            format!("{site}/openai-2.0.dist-info/x.py"),
            Thing::Wheel("openai", "2.0"),
            None,
        ),
        ("data_file", PYTHON, format!("{site}/openai/data.json"), Thing::Wheel("openai", "2.0"), None),
        ("nobodys_code", PYTHON, "/srv/agent.py".to_owned(), Thing::Plain, None),
        (
            "read_by_a_copier",
            "/usr/bin/cp",
            format!("{site}/openai/a.py"),
            Thing::Wheel("openai", "2.0"),
            None,
        ),
    ] {
        let mut host = FakeHost::new();
        host.exec(100, 0, program);
        host.open(100, &path, thing);
        let view = view(&host.finish());
        let found = view.packages.first().map(|package| package.name.as_str());
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn code_read_by_an_unknown_program_is_suspected() {
    for (program, expected) in [("/usr/bin/cp", true), (PYTHON, false)] {
        let mut host = FakeHost::new();
        host.exec(100, 0, program);
        host.open(100, "/site-packages/openai/a.py", Thing::Wheel("openai", "2.0"));
        let gaps = gaps(&host.finish(), Class::Packages);
        assert_eq!(gaps.contains(&"suspected:unknown-interpreter".to_owned()), expected, "{program}");
    }
}

#[test]
fn an_interpreter_linked_with_libpython_counts_too() {
    let mut host = FakeHost::new();
    host.exec(100, 0, LIBPYTHON);
    host.open(100, "/site-packages/openai/a.py", Thing::Wheel("openai", "2.0"));
    assert_eq!(view(&host.finish()).packages.len(), 1);
}

#[test]
fn a_model_is_one_by_content_whatever_its_name() {
    let mut host = FakeHost::new();
    host.exec(100, 0, PYTHON);
    host.open(100, "/state/voice", Thing::Model("aa"));
    host.open(100, "/state/readme.gguf", Thing::Plain);
    let view = view(&host.finish());
    assert_eq!(view.models.len(), 1);
    assert_eq!(view.models[0].uses[0].paths.first().unwrap().escaped(), "/state/voice");
    assert_eq!(view.models[0].uses[0].evidence.strength.0, Strength::Opened);
}

#[test]
fn one_digest_is_one_model_and_no_digest_is_never_merged() {
    let mut host = FakeHost::new();
    host.exec(100, 0, PYTHON);
    host.open(100, "/a/model", Thing::Model("aa"));
    host.open(100, "/b/copy", Thing::Model("aa"));
    host.open(100, "/c/unhashed", Thing::UnhashedModel);
    host.open(100, "/d/unhashed", Thing::UnhashedModel);
    let view = view(&host.finish());
    assert_eq!(view.models.iter().filter(|model| model.digest.is_some()).count(), 1);
    assert_eq!(view.models.iter().filter(|model| model.digest.is_none()).count(), 2);
    assert_eq!(view.unresolved.len(), 2);
}

#[test]
fn equal_files_are_listed_at_each_of_their_places() {
    let mut host = FakeHost::new();
    host.exec(100, 0, PYTHON);
    host.open(100, "/a/model", Thing::Model("aa"));
    host.open(100, "/b/copy", Thing::Model("aa"));
    let text = document(&host.finish());
    for place in ["/a/model", "/b/copy"] {
        assert!(text.contains(&format!(r#""location": "{place}""#)), "{place}");
    }
}

#[test]
fn the_childs_packages_are_the_childs() {
    let mut host = FakeHost::new();
    host.exec(100, 0, PYTHON);
    host.open(100, "/site-packages/openai/a.py", Thing::Wheel("openai", "2.0"));
    host.fork(100, 200);
    // Between fork and exec the child still runs its parent's program.
    host.open(200, "/site-packages/openai/b.py", Thing::Wheel("openai", "2.0"));
    host.exec(200, 100, PYTHON);
    host.open(200, "/site-packages/mcp/a.py", Thing::Wheel("mcp", "1.0"));
    let view = view(&host.finish());
    assert_eq!(view.programs.len(), 2);
    assert_eq!(view.programs[1].parent, Some(0));
    for (name, program) in [("openai", 0), ("mcp", 1)] {
        let package = view.packages.iter().find(|package| package.name == name).unwrap();
        let users: Vec<usize> = package.uses.iter().map(|usage| usage.program).collect();
        assert_eq!(users, [program], "{name}");
    }
}

#[test]
fn equal_runs_are_one_program_and_different_ones_stay_apart() {
    let mut host = FakeHost::new();
    host.exec(100, 0, "/bin/sh");
    for child in 200..210 {
        host.fork(100, child);
        host.exec(child, 100, "/usr/bin/grep");
    }
    host.fork(100, 300);
    host.exec(300, 100, "/usr/bin/grep");
    host.open(300, "/state/model", Thing::Model("aa"));
    let view = view(&host.finish());
    let images: Vec<usize> = view.programs.iter().map(|program| program.images).collect();
    assert_eq!(images, [1, 10, 1]);
}

#[test]
fn an_endpoint_is_named_by_its_stream_before_dns() {
    let mut host = FakeHost::new();
    host.exec(100, 0, PYTHON);
    host.resolve("cdn.example", "10.0.0.1");
    host.connect(100, 1, "10.0.0.1", 443);
    host.hello(1, Some("api.openai.com"));
    host.close_connection(100, 1, "10.0.0.1", 443, 1200, 900);
    host.connect(100, 2, "10.0.0.1", 80);
    host.connect(100, 3, "10.0.0.9", 443);
    host.tcp(100, 4, "10.0.0.8", 443, TcpState::SynSent, 0, 0);
    let correlator = host.finish();
    let view = view(&correlator);
    let named: Vec<(Option<&str>, u16)> =
        view.endpoints.iter().map(|endpoint| (endpoint.host.as_deref(), endpoint.port)).collect();
    // A SYN that nobody answered reached nobody.
    assert_eq!(named, [(None, 443), (Some("api.openai.com"), 443), (Some("cdn.example"), 80)]);
    let openai = &view.endpoints[1];
    assert_eq!(openai.provider.as_ref().unwrap().provider, "OpenAI");
    assert_eq!(openai.mismatches.len(), 1);
    assert_eq!(openai.uses[0].evidence.strength.0, Strength::Exchanged);
    assert_eq!(view.endpoints[2].uses[0].evidence.strength.0, Strength::Connected);
    assert!(gaps(&correlator, Class::Endpoints).contains(&"suspected:nameless-endpoint".to_owned()));
}

#[test]
fn a_hello_may_come_before_its_connection() {
    let mut host = FakeHost::new();
    host.exec(100, 0, PYTHON);
    host.hello(1, Some("api.anthropic.com"));
    host.connect(100, 1, "10.0.0.2", 443);
    assert_eq!(view(&host.finish()).endpoints[0].host.as_deref(), Some("api.anthropic.com"));
}

#[test]
fn a_socket_used_again_is_another_connection() {
    let mut host = FakeHost::new();
    host.exec(100, 0, PYTHON);
    host.connect(100, 1, "10.0.0.1", 443);
    host.close_connection(100, 1, "10.0.0.1", 443, 10, 10);
    host.connect(100, 1, "10.0.0.2", 443);
    // One that was refused, on a socket that then reached somebody else.
    host.tcp(100, 2, "10.0.0.3", 443, TcpState::SynSent, 0, 0);
    host.connect(100, 2, "10.0.0.4", 443);
    let view = view(&host.finish());
    let addresses: Vec<String> =
        view.endpoints.iter().flat_map(|endpoint| &endpoint.addresses).map(ToString::to_string).collect();
    assert_eq!(addresses, ["10.0.0.1", "10.0.0.2", "10.0.0.4"]);
}

#[test]
fn a_genuine_call_does_not_vouch_for_a_false_one() {
    let mut host = FakeHost::new();
    host.exec(100, 0, PYTHON);
    host.resolve("api.openai.com", "10.0.0.1");
    host.resolve("evil.example", "10.0.0.2");
    for (cookie, address) in [(1, "10.0.0.1"), (2, "10.0.0.2")] {
        host.connect(100, cookie, address, 443);
        host.hello(cookie, Some("api.openai.com"));
    }
    let view = view(&host.finish());
    assert_eq!(view.endpoints.len(), 1);
    assert_eq!(view.endpoints[0].mismatches.len(), 1);
}

#[test]
fn no_name_keeps_the_document_from_being_written() {
    for name in ["", ".", "a\\043b", "::", "a b", "[", "-"] {
        let mut host = FakeHost::new();
        host.exec(100, 0, PYTHON);
        host.resolve(name, "10.0.0.1");
        host.connect(100, 1, "10.0.0.1", 443);
        host.connect(100, 2, "10.0.0.2", 443);
        host.hello(2, Some(name));
        host.open(100, "/site-packages/x/a.py", Thing::Wheel("-- /?#", "1 0\n@"));
        assert!(document(&host.finish()).contains("10.0.0.1"), "{name:?}");
    }
}

#[test]
fn an_owner_is_asked_for_at_each_place() {
    let mut host = FakeHost::new();
    host.exec(100, 0, PYTHON);
    host.open(100, "/copy/a.py", Thing::Plain);
    host.linked("/copy/a.py", "/site-packages/x/a.py");
    host.open(100, "/site-packages/x/a.py", Thing::Wheel("x", "1.0"));
    assert_eq!(view(&host.finish()).packages.len(), 1);
}

#[test]
fn a_program_is_given_only_its_own_places() {
    let mut host = FakeHost::new();
    host.exec(100, 0, PYTHON);
    host.open(100, "/a/model", Thing::Model("aa"));
    host.linked("/a/model", "/b/model");
    host.fork(100, 200);
    host.exec(200, 100, "/usr/bin/other");
    host.open(200, "/b/model", Thing::Model("aa"));
    let view = view(&host.finish());
    let places: Vec<Vec<String>> = view.models[0]
        .uses
        .iter()
        .map(|usage| usage.paths.iter().map(bom_core::path::SeenPath::escaped).collect())
        .collect();
    assert_eq!(places, [["/a/model"], ["/b/model"]]);
}

#[test]
fn what_nobody_saw_start_is_suspected() {
    let mut host = FakeHost::new();
    host.exec(100, 0, PYTHON);
    assert!(!gaps(host.correlator(), Class::Models).contains(&"suspected:earlier-life".to_owned()));
    host.open(900, "/state/model", Thing::Model("aa"));
    assert!(gaps(&host.finish(), Class::Models).contains(&"suspected:earlier-life".to_owned()));
}

#[test]
fn two_names_of_one_address_name_nothing() {
    let mut host = FakeHost::new();
    host.exec(100, 0, PYTHON);
    host.resolve("a.example", "10.0.0.1");
    host.resolve("b.example", "10.0.0.1");
    host.connect(100, 1, "10.0.0.1", 80);
    let view = view(&host.finish());
    assert_eq!(view.endpoints[0].host, None);
    assert_eq!(view.endpoints[0].names.len(), 2);
}

#[test]
fn repeats_are_counted_at_their_open() {
    let mut host = FakeHost::new();
    host.exec(100, 0, PYTHON);
    let opened = host.open(100, "/state/model", Thing::Model("aa"));
    let (process, image) = host.task(100);
    host.input(Input::Repeats(vec![Repeat {
        process,
        image,
        file: opened.key,
        access: opened.access(),
        parent_inode: opened.parent_inode,
        name_hash: opened.name_hash,
        mount_id: opened.mount_id,
        count: 41,
        last_ns: 9_000_000,
    }]));
    let view = view(&host.finish());
    assert_eq!(view.models[0].uses[0].evidence.count.0, 41);
    assert_eq!(view.models[0].uses[0].evidence.last_ns.0, 9_000_000);
}

#[test]
fn every_loss_is_a_gap_of_what_it_may_have_taken() {
    let files = [Class::Models, Class::Libraries, Class::Packages];
    for (counter, classes) in [
        ("opens-lost", &files[..]),
        ("path-truncated", &[Class::Models, Class::Libraries, Class::Packages, Class::Programs]),
        ("process-records-lost", &Class::ALL),
        ("process-table-full", &Class::ALL),
        ("cgroup-table-full", &Class::ALL),
        // Content in no file comes by connections.
        ("tcp-records-lost", &[Class::Endpoints, Class::Models, Class::Packages]),
        ("payload-records-lost", &[Class::Endpoints]),
        ("socket-table-full", &[Class::Endpoints, Class::Models, Class::Packages]),
    ] {
        let mut host = FakeHost::new();
        host.exec(100, 0, PYTHON);
        host.counter(counter, 3);
        let correlator = host.finish();
        for class in Class::ALL {
            let found = gaps(&correlator, class).contains(&format!("lost:{counter}"));
            assert_eq!(found, classes.contains(&class), "{counter} {}", class.name());
        }
        assert_eq!(view(&correlator).subjects[0].losses[counter].count.0, 3, "{counter}");
    }
}

#[test]
fn a_cause_nobody_knows_concerns_everything() {
    let mut host = FakeHost::new();
    host.exec(100, 0, PYTHON);
    host.input(Input::Lost {
        at_ns: 5,
        cause: "something-new".to_owned(),
        count: 1,
        subject: None,
        from_ns: None,
    });
    let correlator = host.finish();
    for class in Class::ALL {
        assert!(gaps(&correlator, class).contains(&"lost:something-new".to_owned()), "{}", class.name());
    }
}

#[test]
fn a_missing_probe_is_a_gap() {
    for (probe, class) in [
        ("sched_process_exec", Class::Programs),
        ("sys_exit_openat2", Class::Models),
        ("inet_sock_set_state", Class::Endpoints),
        ("cgroup_skb_ingress", Class::Endpoints),
    ] {
        let mut host = FakeHost::without(probe, ProbeStatus::Refused("no".to_owned()));
        host.exec(100, 0, PYTHON);
        let gaps = gaps(&host.finish(), class);
        assert!(gaps.contains(&format!("probe-missing:{probe}")), "{probe}: {gaps:?}");
    }
    let mut host = FakeHost::without("io_uring_complete", ProbeStatus::LeftOut);
    host.exec(100, 0, PYTHON);
    assert!(gaps(&host.finish(), Class::Models).contains(&"unwatched:io-uring-open".to_owned()));
}

#[test]
fn what_is_not_over_is_not_complete() {
    let mut host = FakeHost::new();
    host.exec(100, 0, PYTHON);
    assert!(gaps(host.correlator(), Class::Programs).contains(&"unfinished".to_owned()));
    host.fork(100, 200);
    let correlator = host.finish_with(&[200]);
    assert!(gaps(&correlator, Class::Programs).contains(&"still-running".to_owned()));
    assert_eq!(view(&correlator).subjects[0].still_running.first().unwrap().tgid, 200);
}

#[test]
fn an_unanswered_question_is_unknown_and_a_gap() {
    let mut host = FakeHost::new();
    host.exec(100, 0, PYTHON);
    host.open(100, "/state/model", Thing::Unreadable(Reason::ChangedSinceOpen));
    host.open(100, "/state/late", Thing::Unanswered);
    let correlator = host.finish();
    assert!(gaps(&correlator, Class::Models).contains(&"unreadable-files".to_owned()));
    let unresolved = view(&correlator).unresolved;
    let reasons: Vec<Reason> = unresolved.iter().map(|item| item.reason).collect();
    assert_eq!(reasons, [Reason::Deadline, Reason::ChangedSinceOpen]);
}

#[test]
fn asks_only_what_can_matter() {
    for (name, change, expected) in [
        ("regular", (|_| {}) as fn(&mut bom_core::event::OpenedFile), vec![Request::Inspect]),
        ("directory", |file| file.mode = 0o040_755, vec![]),
        ("proc", |file| file.fs_magic = 0x9fa0, vec![]),
        ("write_only", |file| file.flags = 1, vec![]),
        ("o_path", |file| file.flags = 0o10_000_000, vec![]),
        ("empty", |file| file.key.size = 0, vec![]),
        ("cut_path", |file| file.path_flags = 1, vec![Request::Inspect]),
    ] {
        let mut host = FakeHost::new();
        host.exec(100, 0, PYTHON);
        assert_eq!(host.questions(100, "/data/file", change), expected, "{name}");
    }
    let mut host = FakeHost::new();
    host.exec(100, 0, PYTHON);
    assert_eq!(host.questions(100, "/x/a.py", |_| {}), [Request::Inspect, Request::Owner]);
    assert_eq!(host.questions(100, "/x/a.py", |_| {}), [], "asked once");
}

#[test]
fn a_recording_gives_the_same_document() {
    let mut host = FakeHost::new();
    host.exec(100, 0, PYTHON);
    host.open(100, "/odd/\x1b[31m\n\u{202e}name", Thing::Model("aa"));
    host.open(100, "/site-packages/openai/a.py", Thing::Wheel("openai", "2.0"));
    host.connect(100, 1, "10.0.0.1", 443);
    host.hello(1, Some("api.openai.com"));
    let lines = host.lines();
    let live = host.finish();
    let mut reader = recording::Reader::default();
    assert!(reader.read(recording::header().unwrap().as_bytes()).unwrap().is_none());
    let mut replayed = Correlator::default();
    for line in lines.borrow().iter() {
        replayed.step(reader.read(line.as_bytes()).unwrap().unwrap());
    }
    let text = document(&live);
    assert_eq!(text, document(&replayed));
    assert!(text.contains(r"/odd/\\x1b[31m\\n"), "{text}");
    assert!(!text.contains('\x1b') && !text.contains('\u{202e}'));
}

#[test]
fn a_broken_recording_names_its_line() {
    for (name, lines, expected) in [
        ("no_header", vec!["{}"], "line 1: not a recording of aibom"),
        (
            "other_version",
            vec![r#"{"format":"aibom-recording","version":9}"#],
            "line 1: recording version 9, this build reads 1",
        ),
        (
            "cut",
            vec![r#"{"format":"aibom-recording","version":1}"#, r#"{"Clock":{"boot_ns":1"#],
            "line 2: EOF",
        ),
        (
            "unknown_input",
            vec![r#"{"format":"aibom-recording","version":1}"#, r#"{"Magic":1}"#],
            "line 2: unknown variant `Magic`",
        ),
    ] {
        let mut reader = recording::Reader::default();
        let error = lines.iter().find_map(|line| reader.read(line.as_bytes()).err()).expect(name);
        assert!(error.to_string().starts_with(expected), "{name}: {error}");
    }
}

#[test]
fn deterministic_documents_of_two_runs_are_equal() {
    let run = |shift: u64| {
        let mut host = FakeHost::shifted(shift);
        host.exec(100 + u32::try_from(shift).unwrap(), 0, PYTHON);
        host.open(100 + u32::try_from(shift).unwrap(), "/state/model", Thing::Model("aa"));
        let bom = assemble(&view(&host.finish()), Options { deterministic: true, version: "0.0.0" }).unwrap();
        let options = bom::Options { version: SpecVersion::V1_6, deterministic: true };
        String::from_utf8(bom::to_json(&bom, options).unwrap().json).unwrap()
    };
    assert_eq!(run(0), run(7));
}

#[test]
fn a_late_answer_without_a_question_changes_nothing() {
    let mut host = FakeHost::new();
    host.exec(100, 0, PYTHON);
    let before = host.correlator().inventory();
    host.input(Input::Answer { work: 999, answer: Answer::Digest("00".to_owned()) });
    assert_eq!(host.correlator().inventory(), before);
}
