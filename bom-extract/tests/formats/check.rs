//! The one door all rows go through.

use std::collections::BTreeSet;

use bom_core::metadata::Extracted;
use bom_extract::{Limits, extract};
use serde_json::Value;

/// Extracts `bytes` and compares.
///
/// `expected` is `["not ours"]`, or a list of
/// - facts that must be there: `model.parameter_count=32`, lists as `elf.needed.0=libc.so.6`;
/// - `no <prefix>`: no fact may start so;
/// - `! <text>`: an issue whose text contains this. Issues have to match one by one and in order: a row without `!`
///   says that there are none.
pub(crate) fn check(name: &str, bytes: &[u8], expected: &[&str]) {
    check_within(name, bytes, &Limits::default(), expected);
}

/// [`check`] under other limits.
pub(crate) fn check_within(name: &str, bytes: &[u8], limits: &Limits, expected: &[&str]) {
    let extracted = extract(&bytes, limits).unwrap_or_else(|error| panic!("{name}: {error}"));
    let Some(extracted) = extracted else {
        assert_eq!(expected, ["not ours"], "{name}: not recognised");
        return;
    };
    let (facts, issues) = render(&extracted);
    let context = format!("{name}\nfacts: {facts:#?}\nissues: {issues:#?}");
    let mut expected_issues = Vec::new();
    for line in expected {
        if let Some(text) = line.strip_prefix("! ") {
            expected_issues.push(text);
        } else if let Some(prefix) = line.strip_prefix("no ") {
            assert!(!facts.iter().any(|fact| fact.starts_with(prefix)), "unexpected {prefix}: {context}");
        } else {
            assert!(facts.contains(*line), "missing {line}: {context}");
        }
    }
    assert_eq!(expected_issues.len(), issues.len(), "number of issues: {context}");
    for (expected, issue) in expected_issues.iter().zip(&issues) {
        assert!(issue.contains(expected), "missing issue {expected}: {context}");
    }
}

/// Every value of the result as `path=value`, and every issue as its text.
///
/// Goes through JSON and back, so that each row also shows that a recording keeps the result whole.
fn render(extracted: &Extracted) -> (BTreeSet<String>, Vec<String>) {
    let json = serde_json::to_string(extracted).expect("plain values");
    assert!(!json.contains('\n'), "one line of a recording: {json}");
    let back: Extracted = serde_json::from_str(&json).expect("what was just written");
    assert_eq!(&back, extracted);
    let mut facts = BTreeSet::new();
    flatten("", &serde_json::to_value(extracted).expect("plain values"), &mut facts);
    facts.retain(|fact| !fact.starts_with("issues."));
    (facts, extracted.issues.iter().map(ToString::to_string).collect())
}

fn flatten(path: &str, value: &Value, facts: &mut BTreeSet<String>) {
    let join = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| flatten(&join(key), value, facts)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(at, value)| flatten(&join(&at.to_string()), value, facts));
        }
        Value::String(text) => drop(facts.insert(format!("{path}={text}"))),
        Value::Null | Value::Bool(_) | Value::Number(_) => drop(facts.insert(format!("{path}={value}"))),
    }
}
