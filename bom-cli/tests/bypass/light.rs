//! The same rows in the light profile, as far as they are about files: each is seen or declared there as well.

use std::collections::BTreeSet;

use bom_agent::probes::{Hook, PROBES};
use bom_core::coverage::Class;
use bom_testkit::trial::Failed;

use crate::{
    facts::Fact,
    rows::{Row, Status},
    suite::{Suite, Verdict},
};

/// Rows that the light profile need not see, though the full one must: it declares them.
const NOT_SEEN: &[&str] = &[
    // A memfd is on a file system that is mounted nowhere, and so is what fsmount made.
    "content_memfd_reopened",
    "path_detached_mount",
    // Seen as well if it is looked at before the name is gone.
    "content_unlinked",
    // Served by a process, which could let the kernel wait for ever.
    "path_fuse",
    // On file systems that were mounted a moment before: they are marked when they are met.
    "path_overlay",
    "path_pivot_root",
    "path_private_tmpfs",
    "path_setns",
];
/// Rows under one observer: a document has room for all of them, and a failure is found sooner in a small one.
const TOGETHER: usize = 24;

pub(crate) fn files_are_seen_or_declared(suite: &Suite) -> Result<(), Failed> {
    let exits: Vec<&str> = PROBES
        .iter()
        .filter(|probe| matches!(probe.hook, Hook::SyscallExit(_)))
        .map(|probe| probe.name)
        .collect();
    let numbers: Vec<usize> =
        (0..suite.table.rows.len()).filter(|&number| suite.missing(number).is_none()).collect();
    let numbers: Vec<usize> =
        numbers.into_iter().filter(|&number| is_of_files(&suite.table.rows[number])).collect();
    let mut failed = Vec::new();
    let mut not_seen = BTreeSet::new();
    for together in numbers.chunks(TOGETHER) {
        for (number, verdict) in suite.run_together(together, "light", &exits) {
            let row = &suite.table.rows[number];
            println!("{} ({:?}): {verdict:?}", row.id, row.status);
            match verdict {
                Verdict::Seen(_) => {}
                Verdict::Declared(_) if row.status != Status::Must => {}
                Verdict::Declared(_) => drop(not_seen.insert(row.id.as_str())),
                Verdict::Silent(why) => failed.push(why),
            }
        }
    }
    if !failed.is_empty() {
        return Err(failed.join("\n").into());
    }
    let unexpected: Vec<_> = not_seen.iter().filter(|id| !NOT_SEEN.contains(id)).collect();
    assert!(unexpected.is_empty(), "only declared, though the light profile can see them: {unexpected:?}");
    Ok(())
}

/// About files, known by its own name, and neither long nor in need of an observer of its own.
fn is_of_files(row: &Row) -> bool {
    matches!(row.class, Class::Models | Class::Libraries | Class::Packages)
        && !row.given("alone")
        && !row.id.starts_with("flood_")
        && row.facts.iter().all(Fact::is_its_own)
}
