//! A comparison as text: for people, for machines, for code scanning, for CI, for a pull request, for a register.
//!
//! Every renderer gets the same [`Report`] and knows nothing of the others. Whatever came from outside is escaped for
//! the place where it goes: hidden characters everywhere, and what Markdown, XML or a spreadsheet would take for its own.

mod csv;
mod human;
mod json;
mod junit;
mod markdown;
mod sarif;

use std::borrow::Cow;
use std::collections::BTreeMap;

pub use csv::csv;
pub use human::human;
pub use json::{BaselineError, baseline, json};
pub use junit::junit;
pub use markdown::markdown;
pub use sarif::sarif;

use crate::bom::{escape, is_hidden};
use crate::declared::Declared;
use crate::diff::gate::Verdict;
use crate::diff::{Comparison, Finding};

/// What is rendered.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    /// What came of the comparison.
    pub comparison: &'a Comparison,
    /// The verdict.
    pub verdict: Verdict,
    /// Version of aibom.
    pub version: &'a str,
    /// Documents on the declared side.
    pub documents: u64,
    /// Kinds of them that declare nothing we know.
    pub other_kinds: &'a BTreeMap<String, u64>,
}

impl<'a> Report<'a> {
    /// Puts a report together.
    pub fn new(
        comparison: &'a Comparison,
        verdict: Verdict,
        declared: &'a Declared,
        version: &'a str,
    ) -> Self {
        Self {
            comparison,
            verdict,
            version,
            documents: declared.documents,
            other_kinds: &declared.other_kinds,
        }
    }

    /// One line: how many of what, and what it comes to.
    pub fn summary(&self) -> String {
        let mut counts = [0_usize; 3];
        let (mut waived, mut known) = (0_usize, 0_usize);
        for finding in &self.comparison.findings {
            if finding.waived.is_some() {
                waived = waived.saturating_add(1);
            } else if finding.known {
                known = known.saturating_add(1);
            } else if let Some(count) = counts.get_mut(finding.severity.rank()) {
                *count = count.saturating_add(1);
            }
        }
        let [notes, warnings, errors] = counts;
        let agreed: usize = self.comparison.agreed.values().map(Vec::len).sum();
        let mut text = format!("{errors} errors, {warnings} warnings, {notes} notes; {agreed} as declared");
        for (count, word) in [(waived, "waived"), (known, "in the baseline")] {
            if count > 0 {
                text.push_str(&format!("; {count} {word}"));
            }
        }
        format!("{text}: {}", self.words())
    }

    /// The verdict in words.
    pub fn words(&self) -> &'static str {
        match self.verdict {
            Verdict::Clean if self.comparison.findings.is_empty() => "nothing to report",
            Verdict::Clean => "nothing that fails",
            Verdict::Coverage => "coverage is below what was required",
            Verdict::Findings => "findings",
            Verdict::CannotTell => "cannot tell",
        }
    }
}

/// The code the process ends with.
pub const fn exit_code(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Clean => 0,
        Verdict::Findings => 1,
        Verdict::CannotTell => 2,
        Verdict::Coverage => 3,
    }
}

/// Without anything hidden in it.
fn clean(text: &str) -> String {
    escape(text.as_bytes()).text
}

/// Of a text that should have been escaped already: once more only if something hidden is in it.
fn shown(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_hidden) { Cow::Owned(clean(text)) } else { Cow::Borrowed(text) }
}

/// Findings by workload, each in the order of the comparison. What belongs to no workload comes first.
fn by_workload<'a>(report: &Report<'a>) -> BTreeMap<&'a str, Vec<&'a Finding>> {
    let mut groups: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for (declared, _, _) in &report.comparison.paired {
        groups.entry(declared).or_default();
    }
    for finding in &report.comparison.findings {
        groups.entry(finding.workload.as_str()).or_default().push(finding);
    }
    groups
}

/// Why a finding does not count, if it does not.
fn state(finding: &Finding) -> Option<String> {
    match &finding.waived {
        Some(reason) => Some(format!("waived: {}", clean(reason))),
        None => finding.known.then(|| "in the baseline".to_owned()),
    }
}
