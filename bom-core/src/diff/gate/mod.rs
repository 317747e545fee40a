//! What a comparison comes to: which findings count, and the exit code.

mod expression;
mod waivers;

use std::collections::{BTreeMap, BTreeSet};

use super::{Comparison, Finding, Tells, codes};

pub use crate::declared::is_day;
pub use expression::{Expression, ExpressionError};
pub use waivers::{Waiver, Waivers, WaiversError, day_of};

/// What the exit code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing that counts.
    Clean,
    /// Coverage below what was required: 3.
    Coverage,
    /// Findings: 1.
    Findings,
    /// It cannot be told: 2.
    CannotTell,
}

/// Marks findings that a baseline knows, and says which of it are gone. `None` for a baseline that was not given.
pub fn apply_baseline(comparison: &mut Comparison, baseline: Option<&BTreeMap<String, String>>) {
    let Some(baseline) = baseline else { return };
    let mut gone: BTreeSet<&String> = baseline.keys().collect();
    for finding in &mut comparison.findings {
        // What cannot be told today is not known from yesterday.
        if baseline.contains_key(&finding.fingerprint) {
            gone.remove(&finding.fingerprint);
            finding.known = finding.code.tells == Tells::Finding;
        }
    }
    for fingerprint in gone {
        let name = baseline.get(fingerprint).map_or("", String::as_str);
        let finding = Finding::new(codes::BASELINE_UNUSED, "", None, name, fingerprint)
            .saying(format!("the baseline knows {name} ({fingerprint}), which was not found"));
        comparison.findings.push(finding);
    }
    comparison.findings.sort_by_cached_key(Finding::order);
}

/// The verdict, and the findings that count for it.
pub fn verdict<'c>(comparison: &'c Comparison, fail_on: &Expression) -> (Verdict, Vec<&'c Finding>) {
    let mut verdict = Verdict::Clean;
    let mut counting = Vec::new();
    for finding in &comparison.findings {
        if finding.waived.is_some() || finding.known {
            continue;
        }
        let own = match finding.code.tells {
            Tells::Cannot => Verdict::CannotTell,
            Tells::Coverage => Verdict::Coverage,
            Tells::Finding if fail_on.takes(finding) => Verdict::Findings,
            Tells::Finding => continue,
        };
        verdict = verdict.max(own);
        counting.push(finding);
    }
    (verdict, counting)
}
