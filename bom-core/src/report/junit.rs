//! JUnit XML: a suite for each workload, a case for each finding and each thing that is as declared.

use std::fmt::Write as _;

use super::{Report, by_workload, clean, shown, state};
use crate::diff::Tells;

/// Renders.
pub fn junit(report: &Report<'_>) -> String {
    let mut suites = String::new();
    let (mut all, mut failed, mut broken) = (0_usize, 0_usize, 0_usize);
    for (workload, findings) in by_workload(report) {
        let mut cases = String::new();
        let (mut failures, mut errors, mut skipped) = (0_usize, 0_usize, 0_usize);
        for finding in &findings {
            let name = xml(&format!("{}: {}", finding.code.code, clean(&finding.name)));
            let _ = write!(cases, "    <testcase classname=\"{}\" name=\"{name}\">", xml(&shown(workload)));
            let place = finding.places.first().map_or_else(String::new, |(place, _)| format!("{place}: "));
            let text = xml(&format!("{place}{}", clean(&finding.text)));
            match (state(finding), finding.severity.rank(), finding.code.tells) {
                (Some(why), _, _) => {
                    skipped = skipped.saturating_add(1);
                    let _ = write!(cases, "<skipped message=\"{}\"/>", xml(&why));
                }
                // An error of a test is that it could not be decided.
                (None, _, Tells::Cannot | Tells::Coverage) => {
                    errors = errors.saturating_add(1);
                    let _ = write!(cases, "<error type=\"{}\" message=\"{text}\"/>", finding.code.code);
                }
                (None, 2, Tells::Finding) => {
                    failures = failures.saturating_add(1);
                    let action = xml(finding.code.action);
                    let _ = write!(
                        cases,
                        "<failure type=\"{}\" message=\"{text}\">{action}</failure>",
                        finding.code.code
                    );
                }
                (None, _, Tells::Finding) => {
                    let _ = write!(cases, "<system-out>{}: {text}</system-out>", finding.severity.word());
                }
            }
            cases.push_str("</testcase>\n");
        }
        let agreed = report.comparison.agreed.get(workload).map_or(&[][..], Vec::as_slice);
        for (name, pass) in agreed {
            let name = xml(&format!("as declared: {} ({})", clean(name), pass.words()));
            let _ =
                writeln!(cases, "    <testcase classname=\"{}\" name=\"{name}\"/>", xml(&shown(workload)));
        }
        let tests = findings.len().saturating_add(agreed.len());
        let title = if workload.is_empty() { "input" } else { workload };
        let _ = writeln!(
            suites,
            "  <testsuite name=\"{}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\">\n{cases}  </testsuite>",
            xml(&shown(title))
        );
        all = all.saturating_add(tests);
        failed = failed.saturating_add(failures);
        broken = broken.saturating_add(errors);
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"aibom diff\" tests=\"{all}\" failures=\"{failed}\" errors=\"{broken}\">\n{suites}</testsuites>\n"
    )
}

/// Text within XML. What XML 1.0 cannot hold is not in it: `clean` has made it visible.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
