//! rpm's database in each of its formats: whole, deep, with headers that overflow their page, and damaged in every word.

use bom_extract::{RpmOutcome, RpmPackage, rpm_package, rpm_packages};
use bom_testkit::synth::{rpm_berkeley, rpm_header, rpm_ndb, sqlite};

fn packages() -> Vec<(u32, Vec<u8>)> {
    let many: Vec<String> = (0..800).map(|number| format!("module_{number}.py")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    vec![
        (1, rpm_header("bash", "5.2", "3.el9", "/usr/bin/", &["bash", "sh"])),
        (7, rpm_header("large", "1.0", "1", "/usr/lib/large/", &many)),
    ]
}

fn rows(deep: bool) -> Vec<u8> {
    let rows: Vec<(i64, Vec<u8>)> =
        packages().into_iter().map(|(number, header)| (number.into(), header)).collect();
    sqlite("Packages", &rows, deep, 4096)
}

/// The same packages in every kind of file, with the numbers under which they are found again.
fn databases() -> [(&'static str, Vec<u8>, [i64; 2]); 5] {
    [
        ("leaf", rows(false), [1, 7]),
        ("deep", rows(true), [1, 7]),
        ("ndb", rpm_ndb(&packages()), [2, 4]),
        ("berkeley", rpm_berkeley(&packages(), 4096, false), [0x1_0003, 0x1_0005]),
        ("berkeley_of_a_big_machine", rpm_berkeley(&packages(), 4096, true), [0x1_0003, 0x1_0005]),
    ]
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
    for (kind, bytes, numbers) in databases() {
        let (outcome, found) = read(&bytes);
        assert_eq!(outcome, RpmOutcome::Whole, "{kind}");
        let names: Vec<(i64, &str, &str)> = found
            .iter()
            .map(|package| (package.number, package.name.as_str(), package.version.as_str()))
            .collect();
        assert_eq!(names, [(numbers[0], "bash", "5.2-3.el9"), (numbers[1], "large", "1.0-1")], "{kind}");
        assert_eq!(found[0].files().collect::<Vec<_>>(), [&b"/usr/bin/bash"[..], b"/usr/bin/sh"], "{kind}");
        assert_eq!(found[1].files().last().as_deref(), Some(&b"/usr/lib/large/module_799.py"[..]), "{kind}");
        assert_eq!(found[1].sha256(b"/usr/lib/large/module_10.py"), Some(format!("{:064x}", 10)), "{kind}");
        assert_eq!(found[1].sha256(b"/usr/lib/large/module_10"), None, "{kind}");
        for (number, package) in numbers.into_iter().zip(&found) {
            let alone = rpm_package(&bytes, number).expect("no input fails");
            assert_eq!(alone.as_ref(), Some(package), "{kind}");
        }
        for number in [3, -1, i64::MAX, 0x7_0003] {
            assert_eq!(rpm_package(&bytes, number).expect("no input fails"), None, "{kind} {number}");
        }
    }
}

/// testdata/rpm: two packages, and the place of one that was removed.
#[test]
fn reads_what_rpm_itself_wrote() {
    let bytes = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/rpm/Packages.db"));
    let bytes = bytes.expect("the checkout is whole");
    let (outcome, found) = read(&bytes);
    assert_eq!(outcome, RpmOutcome::Whole);
    let names: Vec<(&str, &str, Option<&str>)> = found
        .iter()
        .map(|package| (package.name.as_str(), package.version.as_str(), package.architecture.as_deref()))
        .collect();
    assert_eq!(names, [("tiny2", "2:1.2-3.el9", Some("noarch")), ("medium", "1.2-3.el9", Some("noarch"))]);
    for package in &found {
        // The folder is one of them.
        assert_eq!(package.files().count(), 121, "{}", package.name);
        let path = format!("/usr/lib/{}/module_7.py", package.name);
        let digest = "10159baf262b43a92d95db59dae1f72c645127301661e0a3ce4e38b295a97c58";
        assert_eq!(package.sha256(path.as_bytes()).as_deref(), Some(digest));
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
    for (kind, whole, numbers) in databases() {
        for len in (0..whole.len()).step_by(1 + whole.len() / 100) {
            let (outcome, _) = read(&whole[..len].to_vec());
            assert!(outcome != RpmOutcome::Whole, "{kind}: cut at {len}");
        }
        for at in (0..whole.len()).step_by(1 + whole.len() / 300) {
            for number in [u64::MAX, 1 << 63, 0x0d00_ffff_ffff_ffff, 0] {
                let mut bytes = whole.clone();
                for (byte, new) in bytes.iter_mut().skip(at).zip(number.to_be_bytes()) {
                    *byte = new;
                }
                let (_, found) = read(&bytes);
                // What leads back into itself is walked no longer than the file is.
                assert!(found.len() < 200, "{kind} {at}: {} packages", found.len());
                let _ = rpm_package(&bytes, numbers[1]);
            }
        }
    }
}
