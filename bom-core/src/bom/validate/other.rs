//! Documents that are not CycloneDX JSON: what their reader says, and the references of what was read.

use super::Checked;
use super::finding::{Code, Findings};
use crate::bom::check::check;
use crate::bom::read::{IssueKind, Limits, ReadError, any_within};

pub(super) fn validate(bytes: &[u8], limits: &Limits) -> Result<Checked, ReadError> {
    let read = any_within(bytes, limits)?;
    let mut findings = Findings::default();
    for issue in &read.issues {
        let message = format!("{} ({} times)", issue.example, issue.count);
        match issue.kind {
            // Not ours to model is not wrong.
            IssueKind::NotModelled | IssueKind::Moved => {}
            IssueKind::WrongType => findings.add(Code::WrongType, &issue.at, message),
            IssueKind::BadValue => findings.add(Code::NotRead, &issue.at, message),
        }
    }
    for problem in check(&read.bom) {
        findings.add(Code::DanglingRef, &problem.at, problem.kind.to_string());
    }
    findings.finish();
    Ok(Checked { format: read.format.name(&read.spec_version), edition: None, ours: false, findings })
}
