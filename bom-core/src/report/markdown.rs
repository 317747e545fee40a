//! Markdown for a comment on a pull request: errors and warnings in tables, notes folded away, within the size that
//! code hosts allow.

use std::fmt::Write as _;

use super::{Report, by_workload, clean, state};
use crate::diff::gate::Verdict;
use crate::diff::{Finding, Severity};

/// Rows of one table. A comment may have 65,536 characters.
const ROWS: usize = 60;

/// Renders.
pub fn markdown(report: &Report<'_>) -> String {
    let mark = match report.verdict {
        Verdict::Clean => "✅",
        Verdict::Findings => "❌",
        Verdict::CannotTell => "❓",
        Verdict::Coverage => "⚠️",
    };
    let mut text = format!("### {mark} aibom diff: {}\n\n{}\n", report.words(), escaped(&report.summary()));
    for (workload, findings) in by_workload(report) {
        let title = if workload.is_empty() { "Input" } else { workload };
        let (notes, loud): (Vec<&Finding>, Vec<&Finding>) = findings
            .into_iter()
            .partition(|finding| finding.severity == Severity::Note || state(finding).is_some());
        if loud.is_empty() && notes.is_empty() {
            continue;
        }
        let _ = write!(text, "\n#### {}\n", escaped(title));
        if !loud.is_empty() {
            text.push_str("\n| | finding | what | where |\n|---|---|---|---|\n");
            table(&mut text, &loud);
        }
        if !notes.is_empty() {
            let _ = write!(
                text,
                "\n<details><summary>{} notes</summary>\n\n| | finding | what | where |\n|---|---|---|---|\n",
                notes.len()
            );
            table(&mut text, &notes);
            text.push_str("\n</details>\n");
        }
    }
    if !report.comparison.not_compared.is_empty() {
        text.push_str("\nNot compared, because nothing is declared of them: ");
        let rows: Vec<String> = report
            .comparison
            .not_compared
            .iter()
            .map(|row| format!("{} {} of {}", row.observed, row.class.word(), escaped(&row.workload)))
            .collect();
        text.push_str(&rows.join("; "));
        text.push_str(".\n");
    }
    text
}

fn table(text: &mut String, findings: &[&Finding]) {
    for finding in findings.iter().take(ROWS) {
        let mark = match finding.severity {
            Severity::Error => "❌",
            Severity::Warning => "⚠️",
            Severity::Note => "ℹ️",
        };
        let mark = if state(finding).is_some() { "➖" } else { mark };
        let place = finding.places.first().map_or_else(String::new, |(place, _)| escaped(&place.to_string()));
        let state = state(finding).map_or_else(String::new, |state| format!(" ({})", escaped(&state)));
        let _ = writeln!(
            text,
            "| {mark} | `{}` | {}{state} | {place} |",
            finding.code.code,
            escaped(&finding.text)
        );
    }
    if findings.len() > ROWS {
        let _ = writeln!(text, "| | | and {} more | |", findings.len().saturating_sub(ROWS));
    }
}

/// Text that stays text: no link, image, mention, HTML, table border or emphasis.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in clean(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // A zero-width joiner would be hidden; an entity is not.
            '@' => out.push_str("&#64;"),
            // Between two of them is a formula.
            '$' => out.push_str("&#36;"),
            '#' => out.push_str("&#35;"),
            ':' => out.push_str("&#58;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '|' | '~' | '!' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    // A bare host of this form becomes a link.
    let out = out.replace("www.", "www&#46;").replace("WWW.", "WWW&#46;");
    // Long names are somebody else's: a table has to stay readable.
    if out.chars().count() > 600 { out.chars().take(600).chain(['…']).collect() } else { out }
}
