//! CSV (RFC 4180): a register that opens in a spreadsheet and runs nothing there.

use super::{Report, clean, shown, state};

const HEAD: &[&str] = &[
    "code",
    "severity",
    "workload",
    "kind",
    "name",
    "finding",
    "file",
    "line",
    "field",
    "observed",
    "matched",
    "state",
    "fingerprint",
    "action",
];

/// Renders.
pub fn csv(report: &Report<'_>) -> String {
    let mut text = line(HEAD.iter().map(|word| (*word).to_owned()));
    for finding in &report.comparison.findings {
        let place = finding.places.first();
        text.push_str(&line([
            finding.code.code.to_owned(),
            finding.severity.word().to_owned(),
            shown(&finding.workload).into_owned(),
            finding.kind.map_or("", crate::declared::Kind::word).to_owned(),
            clean(&finding.name),
            clean(&finding.text),
            place.map_or_else(String::new, |(place, _)| clean(&place.file)),
            place.map_or_else(String::new, |(place, _)| place.line.to_string()),
            place.map_or_else(String::new, |(_, field)| clean(field)),
            finding.observed.as_ref().map_or_else(String::new, |seen| clean(&seen.reference)),
            finding.matched.unwrap_or_default().to_owned(),
            state(finding).unwrap_or_default(),
            finding.fingerprint.clone(),
            finding.code.action.to_owned(),
        ]));
    }
    text
}

fn line(cells: impl IntoIterator<Item = String>) -> String {
    let cells: Vec<String> = cells.into_iter().map(|cell| quoted(&cell)).collect();
    format!("{}\r\n", cells.join(","))
}

/// In quotes. A cell that a spreadsheet would take for a formula gets an apostrophe in front, which makes it text.
fn quoted(cell: &str) -> String {
    // The wide forms count as well where such text is written.
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
    format!("\"{}{}\"", if formula { "'" } else { "" }, cell.replace('"', "\"\""))
}
