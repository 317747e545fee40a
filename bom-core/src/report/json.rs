//! For machines (schemas/aibom-diff.schema.json), and back again as a baseline.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json as value};

use super::{Report, clean, exit_code, shown};
use crate::diff::Finding;
use crate::diff::gate::Verdict;

/// Renders.
pub fn json(report: &Report<'_>) -> String {
    let comparison = report.comparison;
    let findings: Vec<Value> = comparison.findings.iter().map(finding).collect();
    let paired: Vec<Value> = comparison
        .paired
        .iter()
        .map(|(declared, observed, why)| value!({"declared": shown(declared), "observed": shown(observed), "because": why}))
        .collect();
    let agreed: BTreeMap<String, Vec<Agreed<'_>>> = comparison
        .agreed
        .iter()
        .map(|(workload, items)| {
            let items = items.iter().map(|(name, pass)| Agreed { because: pass.words(), name: clean(name) });
            (shown(workload).into_owned(), items.collect())
        })
        .collect();
    let not_compared: Vec<Value> = comparison
        .not_compared
        .iter()
        .map(|row| {
            let notable: Vec<String> = row.notable.iter().map(|name| clean(name)).collect();
            value!({"workload": shown(&row.workload), "class": row.class.word(), "observed": row.observed, "ofAi": notable})
        })
        .collect();
    let kinds: Map<String, Value> =
        report.other_kinds.iter().map(|(kind, count)| (clean(kind), Value::from(*count))).collect();
    let document = Document {
        agreed,
        aibom: report.version,
        exit_code: exit_code(report.verdict),
        findings,
        format: "aibom-diff",
        format_version: 1,
        input: value!({"documents": report.documents, "otherKinds": kinds}),
        not_compared,
        paired,
        summary: report.summary(),
        verdict: verdict(report.verdict),
    };
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// The document, its fields in the order of their names.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    agreed: BTreeMap<String, Vec<Agreed<'a>>>,
    aibom: &'a str,
    exit_code: u8,
    findings: Vec<Value>,
    format: &'static str,
    format_version: u32,
    input: Value,
    not_compared: Vec<Value>,
    paired: Vec<Value>,
    summary: String,
    verdict: &'static str,
}

/// Of these there are as many as of components.
#[derive(Serialize)]
struct Agreed<'a> {
    because: &'a str,
    name: String,
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Clean => "clean",
        Verdict::Coverage => "coverage",
        Verdict::Findings => "findings",
        Verdict::CannotTell => "cannot-tell",
    }
}

fn finding(finding: &Finding) -> Value {
    let places: Vec<Value> = finding
        .places
        .iter()
        .map(|(place, field)| {
            value!({"file": clean(&place.file), "line": place.line, "column": place.column, "field": clean(field)})
        })
        .collect();
    let observed = finding.observed.as_ref().map(|seen| {
        let evidence: Vec<String> = seen.evidence.iter().map(|name| clean(name)).collect();
        value!({"file": clean(&seen.file), "ref": clean(&seen.reference), "evidence": evidence})
    });
    value!({
        "code": finding.code.code,
        "severity": finding.severity.word(),
        "workload": shown(&finding.workload),
        "kind": finding.kind.map(crate::declared::Kind::word),
        "name": clean(&finding.name),
        "text": clean(&finding.text),
        "action": finding.code.action,
        "declared": places,
        "observed": observed,
        "matched": finding.matched,
        "fingerprint": finding.fingerprint,
        "waived": finding.waived.as_deref().map(clean),
        "known": finding.known,
    })
}

/// Why a file is no baseline.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// Not JSON.
    #[error("read baseline: not json")]
    NotJson(#[source] serde_json::Error),
    /// Another document.
    #[error("read baseline: format is not aibom-diff 1")]
    Format,
}

/// Fingerprints of an earlier report, with what they were. What it had waived is not in it: a waiver has its own file.
pub fn baseline(bytes: &[u8]) -> Result<BTreeMap<String, String>, BaselineError> {
    let document: Value = serde_json::from_slice(bytes).map_err(BaselineError::NotJson)?;
    let text =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let version = document.get("formatVersion").and_then(Value::as_u64);
    if text(&document, "format") != "aibom-diff" || version != Some(1) {
        return Err(BaselineError::Format);
    }
    let rows = document.get("findings").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Ok(rows
        .iter()
        .filter(|row| row.get("waived").is_none_or(Value::is_null))
        .map(|row| (text(row, "fingerprint"), format!("{} {}", text(row, "code"), text(row, "name"))))
        .filter(|(fingerprint, _)| !fingerprint.is_empty())
        .collect())
}
