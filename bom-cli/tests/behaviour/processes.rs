//! Processes that are many, short or nowhere in the file system.

use bom_testkit::trial::{Failed, trial};
use libtest_mimic::Trial;

use crate::{OBSERVE, aibom::aibom, document::Document, observed_program};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("processes::every_short_one_is_counted", OBSERVE, every_short_one_is_counted),
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
