//! SARIF 2.1.0, for code scanning: each finding on the line where the thing was declared or should have been.

use serde_json::{Value, json as value};

use super::{Report, clean, exit_code, shown};
use crate::diff::gate::Verdict;
use crate::diff::{CODES, Finding, Severity};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// Renders.
pub fn sarif(report: &Report<'_>) -> String {
    let rules: Vec<Value> = CODES
        .iter()
        .map(|row| {
            value!({
                "id": row.code,
                "shortDescription": {"text": row.meaning},
                "help": {"text": row.action},
                "defaultConfiguration": {"level": row.severity.word()},
            })
        })
        .collect();
    let results: Vec<Value> = report.comparison.findings.iter().map(result).collect();
    let told = !matches!(report.verdict, Verdict::CannotTell);
    let document = value!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "aibom", "version": report.version, "rules": rules}},
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": told,
                "exitCode": exit_code(report.verdict),
                "exitCodeDescription": report.summary(),
            }],
            "results": results,
        }],
    });
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

fn result(finding: &Finding) -> Value {
    let level = match finding.severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    let places = finding.places.iter().map(|(place, _)| location(&place.file, place.line, place.column));
    let mut locations: Vec<Value> = places.take(1).collect();
    let mut related: Vec<Value> = finding
        .places
        .iter()
        .skip(1)
        .map(|(place, _)| location(&place.file, place.line, place.column))
        .collect();
    if let Some(seen) = &finding.observed {
        // A result without a place is not shown by code scanning.
        let own = location(&seen.file, 0, 0);
        if locations.is_empty() { locations.push(own) } else { related.push(own) }
    }
    let workload =
        if finding.workload.is_empty() { String::new() } else { format!("{}: ", shown(&finding.workload)) };
    let mut row = value!({
        "ruleId": finding.code.code,
        "ruleIndex": CODES.iter().position(|row| row.code == finding.code.code),
        "level": level,
        "message": {"text": format!("{workload}{}", clean(&finding.text))},
        "locations": locations,
        "partialFingerprints": {"aibom/v1": finding.fingerprint},
    });
    if let Value::Object(map) = &mut row {
        if !related.is_empty() {
            map.insert("relatedLocations".to_owned(), Value::Array(related));
        }
        if let Some(reason) = &finding.waived {
            let suppression =
                value!([{"kind": "external", "status": "accepted", "justification": clean(reason)}]);
            map.insert("suppressions".to_owned(), suppression);
        }
        map.insert("baselineState".to_owned(), Value::from(if finding.known { "unchanged" } else { "new" }));
        if let Some(seen) = &finding.observed {
            let evidence: Vec<String> = seen.evidence.iter().map(|name| clean(name)).collect();
            let properties = value!({"observed": clean(&seen.reference), "evidence": evidence});
            map.insert("properties".to_owned(), properties);
        }
    }
    row
}

fn location(file: &str, line: u32, column: u32) -> Value {
    let uri: String = file.trim_start_matches("./").bytes().map(percent).collect();
    let mut physical = value!({"artifactLocation": {"uri": uri}});
    if let Value::Object(map) = &mut physical
        && line > 0
    {
        let region = if column > 0 {
            value!({"startLine": line, "startColumn": column})
        } else {
            value!({"startLine": line})
        };
        map.insert("region".to_owned(), region);
    }
    value!({"physicalLocation": physical})
}

/// A byte of a path within a URI (RFC 3986).
fn percent(byte: u8) -> String {
    let plain = byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    if plain { char::from(byte).to_string() } else { format!("%{byte:02X}") }
}
