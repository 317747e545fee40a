//! Processes that are many, short or nowhere in the file system.

use std::{ffi::OsStr, fs, process::Command};

use bom_testkit::{
    synth,
    trial::{Failed, trial},
};
use libtest_mimic::Trial;

use crate::{
    OBSERVE,
    aibom::{Scratch, aibom},
    document::Document,
    observed_program,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("processes::every_short_one_is_counted", OBSERVE, every_short_one_is_counted),
        trial("processes::one_moved_into_a_nested_cgroup_is_seen", OBSERVE, one_moved_into_a_nested_cgroup),
        trial("processes::one_from_memory_is_seen", OBSERVE, one_from_memory_is_seen),
    ]
}

fn every_short_one_is_counted() -> Result<(), Failed> {
    // The path makes it a program: `true` alone is a part of the shell. Some at the same time, some in a row.
    let script = "i=0; while [ $i -lt 250 ]; do /bin/true; /bin/true & i=$((i+1)); done; wait";
    let ran = aibom(["run", "-q", "-o", "-", "--exit=aibom", "--", "sh", "-c", script]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let document = Document::parse(&ran.stdout);
    assert_eq!(document.executions("true"), 500, "{:?}", document.programs().keys());
    assert_eq!(document.subject("aibom:obs:processes"), ["501"]);
    assert_eq!(document.counters()["process-records-lost"], 0);
    Ok(())
}

/// The subject makes a cgroup in its own; a process that was never its child is moved there and
/// opens a model.
fn one_moved_into_a_nested_cgroup() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let model = scratch.join("model");
    fs::write(&model, synth::safetensors().build())?;
    let subject = r#"
        mount=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
        nested=$mount$(sed -n 's/^0:://p' /proc/self/cgroup)/nested
        mkdir "$nested" && echo "$nested" > "$0/new" && mv "$0/new" "$0/place"
        while [ ! -e "$0/done" ]; do sleep 0.05; done"#;
    let stranger = r#"
        while [ ! -e "$0/place" ]; do sleep 0.05; done
        echo $$ > "$(cat "$0/place")/cgroup.procs"
        cat "$0/model" > /dev/null
        : > "$0/done""#;
    let mut other = Command::new("sh").args(["-c", stranger]).arg(scratch.path()).spawn()?;
    let ran = aibom([
        OsStr::new("run"),
        OsStr::new("-q"),
        OsStr::new("-o"),
        OsStr::new("-"),
        OsStr::new("--"),
        OsStr::new("sh"),
        OsStr::new("-c"),
        OsStr::new(subject),
        scratch.path().as_os_str(),
    ]);
    assert!(other.wait()?.success());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let document = Document::parse(&ran.stdout);
    assert_eq!(document.models().len(), 1, "{:?}", document.programs().keys());
    assert!(!document.has_gap_everywhere("unwatched:foreign-member"));
    Ok(())
}

fn one_from_memory_is_seen() -> Result<(), Failed> {
    let mut arguments: Vec<_> = ["run", "-q", "-o", "-", "--"].map(Into::into).to_vec();
    arguments.extend(observed_program::command("execute-from-memory", &["/bin/true"]));
    let ran = aibom(arguments);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let document = Document::parse(&ran.stdout);
    let named: Vec<_> = document.programs().into_keys().map(str::to_owned).collect();
    assert!(named.iter().any(|name| name.contains("memfd:unnamed")), "{named:?}");
    assert!(document.gaps("programs").contains(&"suspected:memory-image"), "{:?}", document.gaps("programs"));
    Ok(())
}
