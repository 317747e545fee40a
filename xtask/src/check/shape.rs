//! Shapes of source files that no lint knows: length, names, and what a crate's first lines and a test may not be.

use std::path::Path;

use anyhow::Result;

use super::{sources, verdict};
use crate::workspace::Workspace;

/// A file past this is two rooms. Tables of data are exempt; such a file says so in its first line.
const MAX_LINES: usize = 600;
const TABLE: &str = "//! Data table";

/// Names that say nothing about what is inside, so everything ends up there. (`common` is fine as part of a name.)
const DRAWERS: &[&str] = &["util", "utils", "helper", "helpers", "manager", "managers", "common", "misc"];

pub(super) fn check(workspace: &Workspace) -> Result<()> {
    let mut findings = Vec::new();
    for file in sources::with_extension(workspace.root(), "rs")? {
        let text = sources::read(workspace.root(), &file)?;
        findings.extend(findings_in(&file, &text));
    }
    verdict(&findings)
}

fn findings_in(file: &Path, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let shown = file.display();
    let lines = text.lines().count();
    if lines > MAX_LINES && !text.starts_with(TABLE) {
        findings.push(format!("{shown}: {lines} lines, more than {MAX_LINES}; split it"));
    }
    for part in file.with_extension("").iter().filter_map(|part| part.to_str()) {
        if DRAWERS.contains(&part) {
            findings.push(format!("{shown}: `{part}` is a drawer, not a room; name what is inside"));
        }
    }
    if file.ends_with("src/lib.rs") && !text.starts_with("//! ") {
        findings.push(format!("{shown}: does not open with what the crate is"));
    }
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_start();
        if line.starts_with("#[ignore") || line.starts_with("#[should_panic") {
            findings.push(format!(
                "{shown}:{number}: a test is run or is gated by what it needs, never `{line}`"
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        let long = "fn x() {}\n".repeat(MAX_LINES + 1);
        let table = format!("{TABLE}: providers.\n{long}");
        for (name, file, text, expected) in [
            ("fine", "bom-core/src/fact.rs", "fn x() {}\n", None),
            ("long", "bom-core/src/fact.rs", long.as_str(), Some("601 lines")),
            ("long_table", "bom-core/src/catalog.rs", table.as_str(), None),
            ("drawer_file", "bom-core/src/util.rs", "", Some("`util` is a drawer")),
            ("drawer_folder", "bom-core/src/helpers/path.rs", "", Some("`helpers` is a drawer")),
            ("common_in_a_crate_name", "bom-common/src/lib.rs", "//! Records.\n", None),
            ("silent_crate", "bom-core/src/lib.rs", "pub mod bom;\n", Some("does not open")),
            ("ignored_test", "bom-core/tests/a.rs", "    #[ignore]\n    fn x() {}\n", Some("a.rs:1: a test")),
        ] {
            let found = findings_in(Path::new(file), text);
            let hit = found.iter().any(|line| expected.is_some_and(|expected| line.contains(expected)));
            assert_eq!(
                (hit, found.is_empty()),
                (expected.is_some(), expected.is_none()),
                "{name}: {found:?}"
            );
        }
    }
}
