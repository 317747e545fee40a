//! docs/accuracy.md names every difference that is let stand.

use std::fs;

use bom_testkit::trial::Failed;

use crate::{inside, rows::PROGRAMS};

pub(crate) fn explains_each_difference() -> Result<(), Failed> {
    let page = fs::read_to_string(inside::sources().join("docs/accuracy.md"))?;
    let mut expected: Vec<String> = PROGRAMS
        .iter()
        .flat_map(|program| program.differences.iter().map(move |difference| (program, difference)))
        .map(|(program, difference)| {
            format!("| `{}` | `{}` | {} |", program.name, difference.package, difference.why.name())
        })
        .collect();
    expected.sort();
    let mut found: Vec<String> = Vec::new();
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split(" | ").take(3).collect();
        found.push(format!("{} |", cells.join(" | ")));
    }
    found.sort();
    if found != expected {
        return Err(format!("docs/accuracy.md has {found:#?}, the table {expected:#?}").into());
    }
    Ok(())
}
