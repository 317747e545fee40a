//! Exit codes: the command's own, and ours.

use std::{fs, os::unix::fs::PermissionsExt as _};

use bom_testkit::trial::{Failed, trial};
use libtest_mimic::Trial;

use crate::{
    OBSERVE,
    aibom::{Scratch, aibom},
    document::Document,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("codes::the_command_has_its_own", OBSERVE, the_command_has_its_own),
        trial("codes::what_cannot_start_is_126_or_127", OBSERVE, what_cannot_start_is_126_or_127),
        trial("codes::exit_aibom_replaces_them", OBSERVE, exit_aibom_replaces_them),
    ]
}

fn the_command_has_its_own() -> Result<(), Failed> {
    for (script, expected) in [
        ("exit 0", 0),
        ("exit 1", 1),
        ("exit 42", 42),
        ("exit 255", 255),
        ("kill -KILL $$", 137),
        ("kill -SEGV $$", 139),
        ("kill -TERM $$", 143),
    ] {
        let ran = aibom(["run", "-o", "-", "-q", "--", "sh", "-c", script]);
        assert_eq!(ran.code, expected, "{script}: {}", ran.stderr);
        // However it ended, its BOM is there and says how.
        let document = Document::parse(&ran.stdout);
        let [status] = document.subject("aibom:subject:wait_status")[..] else {
            panic!("{script}: one status")
        };
        let status: i32 = status.parse()?;
        let code = if status & 0x7f == 0 { status >> 8 } else { 128 + (status & 0x7f) };
        assert_eq!(code, expected, "{script}");
    }
    Ok(())
}

fn what_cannot_start_is_126_or_127() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let plain = scratch.join("plain");
    fs::write(&plain, "#!/bin/sh\n")?;
    fs::set_permissions(&plain, fs::Permissions::from_mode(0o644))?;
    let lost = scratch.join("lost-interpreter");
    fs::write(&lost, "#!/nonexistent/interpreter\n")?;
    fs::set_permissions(&lost, fs::Permissions::from_mode(0o755))?;
    let garbage = scratch.join("garbage");
    fs::write(&garbage, b"\0\0\0\0")?;
    fs::set_permissions(&garbage, fs::Permissions::from_mode(0o755))?;
    let bom = scratch.join("bom.json");
    fs::write(&bom, "the old one")?;
    for (command, expected) in [
        ("no-such-command-anywhere", 127),
        ("/nonexistent/program", 127),
        (lost.to_str().expect("text"), 127),
        (plain.to_str().expect("text"), 126),
        (scratch.path().to_str().expect("text"), 126),
        (garbage.to_str().expect("text"), 126),
        ("", 127),
    ] {
        let ran = aibom(["run", "-o", bom.to_str().expect("text"), "--", command]);
        assert_eq!(ran.code, expected, "{command}: {}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{command}: {}", ran.stderr);
        assert!(
            ran.stderr.starts_with("aibom: ") && ran.stderr.contains(command),
            "{command}: {}",
            ran.stderr
        );
        assert_eq!(fs::read(&bom)?, b"the old one", "{command}");
    }
    Ok(())
}

fn exit_aibom_replaces_them() -> Result<(), Failed> {
    let ran = aibom(["run", "-q", "--exit=aibom", "--", "sh", "-c", "exit 42"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    // A probe that did not run is coverage below what was required.
    let ran = aibom(["run", "-q", "--exit=aibom", "--without-probe", "sys_exit_openat", "--", "true"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    Ok(())
}
