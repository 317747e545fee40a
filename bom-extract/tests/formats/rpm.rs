//! rpm's database: whole, deep, with headers that overflow their page, and damaged in every word.

use bom_extract::{RpmOutcome, RpmPackage, rpm_package, rpm_packages};
use bom_testkit::synth::{rpm_header, sqlite};

fn database(deep: bool) -> Vec<u8> {
    let many: Vec<String> = (0..800).map(|number| format!("module_{number}.py")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    sqlite(
        "Packages",
        &[
            (1, rpm_header("bash", "5.2", "3.el9", "/usr/bin/", &["bash", "sh"])),
            (7, rpm_header("large", "1.0", "1", "/usr/lib/large/", &many)),
        ],
        deep,
        4096,
    )
}

fn read(bytes: &Vec<u8>) -> (RpmOutcome, Vec<RpmPackage>) {
    let mut found = Vec::new();
    let outcome = rpm_packages(bytes, &mut |package| {
        found.push(package);
        true
    });
    (outcome.expect("no input fails"), found)
}

#[test]
fn reads_packages_and_their_files() {
    for deep in [false, true] {
        let bytes = database(deep);
        let (outcome, found) = read(&bytes);
        assert_eq!(outcome, RpmOutcome::Whole, "{deep}");
        let names: Vec<(i64, &str, &str)> = found
            .iter()
            .map(|package| (package.number, package.name.as_str(), package.version.as_str()))
            .collect();
        assert_eq!(names, [(1, "bash", "5.2-3.el9"), (7, "large", "1.0-1")], "{deep}");
        assert_eq!(found[0].files().collect::<Vec<_>>(), [&b"/usr/bin/bash"[..], b"/usr/bin/sh"], "{deep}");
        assert_eq!(found[1].files().last().as_deref(), Some(&b"/usr/lib/large/module_799.py"[..]), "{deep}");
        let alone = rpm_package(&bytes, 7).expect("no input fails");
        assert_eq!(alone.as_ref(), found.get(1), "{deep}");
        assert_eq!(rpm_package(&bytes, 3).expect("no input fails"), None, "{deep}");
    }
}

#[test]
fn other_databases_are_none_of_ours() {
    for (name, bytes) in [
        ("nothing", Vec::new()),
        ("text", b"SQLite format 2\0".repeat(20)),
        ("another_table", sqlite("Other", &[], false, 4096)),
    ] {
        assert_eq!(read(&bytes), (RpmOutcome::Other, Vec::new()), "{name}");
    }
}

#[test]
fn damage_is_partial_and_never_worse() {
    let whole = database(true);
    for len in (0..whole.len()).step_by(97) {
        let (outcome, _) = read(&whole[..len].to_vec());
        assert!(outcome != RpmOutcome::Whole || len == whole.len(), "cut at {len}");
    }
    for at in (0..whole.len()).step_by(41) {
        for number in [u64::MAX, 1 << 63, 0x0d00_ffff_ffff_ffff, 0] {
            let mut bytes = whole.clone();
            for (byte, new) in bytes.iter_mut().skip(at).zip(number.to_be_bytes()) {
                *byte = new;
            }
            let (_, found) = read(&bytes);
            // A tree that leads back into itself is walked no longer than the file is.
            assert!(found.len() < 200, "{at}: {} packages", found.len());
            let _ = rpm_package(&bytes, 7);
        }
    }
}
