//! For a terminal: a tree for each workload, and one line at the end.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Report, by_workload, clean, shown, state};
use crate::diff::{Finding, Severity};

/// Notes of one code that are listed one by one.
const NOTES: usize = 5;

struct Style {
    bold: &'static str,
    dim: &'static str,
    error: &'static str,
    warning: &'static str,
    off: &'static str,
}

const PLAIN: Style = Style { bold: "", dim: "", error: "", warning: "", off: "" };
const COLOUR: Style =
    Style { bold: "\x1b[1m", dim: "\x1b[2m", error: "\x1b[1;31m", warning: "\x1b[33m", off: "\x1b[0m" };

/// Renders.
pub fn human(report: &Report<'_>, colour: bool) -> String {
    let style = if colour { COLOUR } else { PLAIN };
    let mut text = String::new();
    for (workload, findings) in by_workload(report) {
        let title = if workload.is_empty() { "input" } else { workload };
        let _ = write!(text, "{}{}{}", style.bold, shown(title), style.off);
        for (_, observed, why) in
            report.comparison.paired.iter().filter(|(declared, _, _)| declared == workload)
        {
            let _ = write!(text, "{} observed as {} ({why}){}", style.dim, shown(observed), style.off);
        }
        text.push('\n');
        let mut notes: BTreeMap<&str, usize> = BTreeMap::new();
        for finding in &findings {
            if finding.severity == Severity::Note {
                let count = notes.entry(finding.code.code).or_default();
                *count = count.saturating_add(1);
                if *count > NOTES {
                    continue;
                }
            }
            one(&mut text, finding, &style);
        }
        for (code, count) in notes.into_iter().filter(|(_, count)| *count > NOTES) {
            let more = count.saturating_sub(NOTES);
            let _ = writeln!(text, "  {}note    {code}: and {more} more{}", style.dim, style.off);
        }
        if let Some(agreed) = report.comparison.agreed.get(workload) {
            let _ = writeln!(text, "  {}{} as declared{}", style.dim, agreed.len(), style.off);
        }
        for row in report.comparison.not_compared.iter().filter(|row| row.workload == workload) {
            let _ = write!(
                text,
                "  {}not compared: {} {}, because nothing is declared of them",
                style.dim,
                row.observed,
                row.class.word()
            );
            if !row.notable.is_empty() {
                let names: Vec<String> = row.notable.iter().take(8).map(|name| clean(name)).collect();
                let more = if row.notable.len() > 8 { ", …" } else { "" };
                let _ = write!(text, "; of AI: {}{more}", names.join(", "));
            }
            let _ = writeln!(text, "{}", style.off);
        }
    }
    if !report.other_kinds.is_empty() {
        let kinds: Vec<String> =
            report.other_kinds.iter().map(|(kind, count)| format!("{} {count}×", clean(kind))).collect();
        let shown = kinds.iter().take(8).cloned().collect::<Vec<_>>().join(", ");
        let more = if kinds.len() > 8 { ", …" } else { "" };
        let _ = writeln!(text, "{}declare nothing: {shown}{more}{}", style.dim, style.off);
    }
    let _ = writeln!(text, "{}{}{}", style.bold, report.summary(), style.off);
    // Some CI systems take `##[…]` and `##vso[…]` for their own commands, wherever it stands in a line of a log.
    text.replace("##", "#\\x23")
}

fn one(text: &mut String, finding: &Finding, style: &Style) {
    let colour = match finding.severity {
        Severity::Error => style.error,
        Severity::Warning => style.warning,
        Severity::Note => style.dim,
    };
    let word = finding.severity.word();
    let code = finding.code.code;
    let _ = write!(text, "  {colour}{word:<7} {code}{}: {}", style.off, clean(&finding.text));
    if let Some(state) = state(finding) {
        let _ = write!(text, " [{state}]");
    }
    text.push('\n');
    if let Some((place, field)) = finding.places.first() {
        let _ = writeln!(text, "          {}at {place} ({}){}", style.dim, clean(field), style.off);
    }
    if let Some(seen) = &finding.observed {
        let more = finding.matched.map_or_else(String::new, |why| format!(", {why}"));
        let _ = writeln!(text, "          {}see {}{more}{}", style.dim, clean(&seen.reference), style.off);
    }
    if finding.severity > Severity::Note {
        let _ = writeln!(text, "          {}{}{}", style.dim, finding.code.action, style.off);
    }
}
