//! A command that does nothing with AI in it.

use bom_core::bom::ComponentKind;
use bom_testkit::trial::{Failed, trial};
use libtest_mimic::Trial;

use crate::{
    OBSERVE,
    aibom::{Scratch, Started, aibom, cgroups, until},
    document::Document,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("ordinary::nothing_of_ai_is_said_as_such", OBSERVE, nothing_of_ai_is_said_as_such),
        trial("ordinary::stdout_belongs_to_the_document", OBSERVE, stdout_belongs_to_the_document),
        trial("ordinary::every_version_is_written", OBSERVE, every_version_is_written),
        trial("ordinary::nothing_stays_in_the_kernel", OBSERVE, nothing_stays_in_the_kernel),
    ]
}

fn nothing_of_ai_is_said_as_such() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let path = scratch.join("bom.json");
    let ran = aibom(["run", "-o", path.to_str().expect("text"), "--", "true"]);
    assert_eq!((ran.code, ran.stdout.as_slice()), (0, &b""[..]), "{}", ran.stderr);
    let document = Document::open(&path);
    assert_eq!(document.models().len(), 0);
    assert_eq!(document.0.services.len(), 0);
    for component in &document.0.components {
        assert!(
            component.purl.as_ref().is_none_or(|purl| !purl.to_string().starts_with("pkg:pypi/")),
            "{component:?}"
        );
    }
    assert_eq!(document.executions("true"), 1, "{:?}", document.programs().keys());
    // Nothing of aibom itself, of which the command is a fork.
    assert_eq!(document.programs().into_keys().collect::<Vec<_>>(), ["true"]);
    assert!(
        document.0.components.iter().any(|component| component.kind == ComponentKind::Library),
        "libc was loaded"
    );
    assert_eq!(document.subject("aibom:subject:wait_status"), ["0"]);
    assert!(!document.has_gap_everywhere("unfinished") && !document.has_gap_everywhere("still-running"));
    assert!(
        document.gaps("models").iter().all(|gap| gap.starts_with("unwatched:")),
        "{:?}",
        document.gaps("models")
    );
    for line in
        ["No AI facts were seen in what was watched", " probes watched", "Models (0)", "Endpoints (0)"]
    {
        assert!(ran.stderr.contains(line), "{line:?} is missing in\n{}", ran.stderr);
    }
    assert!(
        !ran.stderr.contains('\u{1b}') && !ran.stderr.contains('\r'),
        "no status line on what is no terminal"
    );
    assert_eq!(scratch.names(), ["bom.json"]);
    Ok(())
}

fn stdout_belongs_to_the_document() -> Result<(), Failed> {
    let ran = aibom(["run", "-o", "-", "--quiet", "--", "true"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(ran.stdout.starts_with(b"{") && ran.stdout.ends_with(b"}\n"));
    assert_eq!(Document::parse(&ran.stdout).models().len(), 0);
    // Without -o the command has stdout to itself.
    let ran = aibom(["run", "--", "echo", "the command's own"]);
    assert_eq!((ran.code, ran.stdout.as_slice()), (0, &b"the command's own\n"[..]));
    Ok(())
}

fn every_version_is_written() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let target = |version: &str| format!("{version}={}", scratch.join(version).display());
    let formats = ["cyclonedx", "cyclonedx-1.5", "cyclonedx-1.6", "cyclonedx-1.7", "table"];
    let mut arguments = vec!["run".to_owned()];
    for format in formats {
        arguments.extend(["-o".to_owned(), target(format)]);
    }
    arguments.extend(["--", "true"].map(str::to_owned));
    let ran = aibom(arguments);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for (format, version) in
        [("cyclonedx", "1.6"), ("cyclonedx-1.5", "1.5"), ("cyclonedx-1.6", "1.6"), ("cyclonedx-1.7", "1.7")]
    {
        let bytes = std::fs::read(scratch.join(format))?;
        assert_eq!(bom_core::bom::from_json(&bytes)?.spec_version, version, "{format}");
    }
    let table = std::fs::read_to_string(scratch.join("table"))?;
    assert!(ran.stderr.contains(table.trim()), "the file has the table of the terminal");
    Ok(())
}

/// The numbers of our programs, links and maps stand in /proc/PID/fdinfo while we run; afterwards the kernel must not
/// know them any more.
fn nothing_stays_in_the_kernel() -> Result<(), Failed> {
    let mut command = std::process::Command::new(crate::aibom::PROGRAM);
    // A worker may close a descriptor between the listing and the look.
    command.args(["run", "-q", "--", "sh", "-c", "cat /proc/$PPID/fdinfo/* || true"]);
    let ran = Started::start(command).wait();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let text = String::from_utf8(ran.stdout)?;
    // enum bpf_cmd of linux/bpf.h: *_GET_FD_BY_ID.
    for (field, by_number) in [("prog_id:", 13), ("map_id:", 14), ("link_id:", 30)] {
        let numbers: Vec<u32> = text
            .lines()
            .filter_map(|line| line.strip_prefix(field))
            .map(|number| number.trim().parse().expect("a number"))
            .collect();
        assert!(!numbers.is_empty(), "no {field} in\n{text}");
        for number in numbers {
            until(&format!("{field} {number} is freed"), || !known_to_the_kernel(by_number, number));
        }
    }
    assert!(cgroups(ran.pid).is_empty());
    Ok(())
}

fn known_to_the_kernel(by_number: libc::c_int, number: u32) -> bool {
    use std::os::fd::{FromRawFd as _, OwnedFd};
    // union bpf_attr for these commands: the number, the next number, open flags.
    let attributes = [number, 0, 0];
    // SAFETY: the attributes are live and as long as is said.
    let raw =
        unsafe { libc::syscall(libc::SYS_bpf, by_number, attributes.as_ptr(), size_of_val(&attributes)) };
    if raw < 0 {
        let error = std::io::Error::last_os_error();
        assert_eq!(error.raw_os_error(), Some(libc::ENOENT), "{error}");
        return false;
    }
    // SAFETY: the kernel just gave us this descriptor.
    drop(unsafe { OwnedFd::from_raw_fd(i32::try_from(raw).expect("a descriptor")) });
    true
}
