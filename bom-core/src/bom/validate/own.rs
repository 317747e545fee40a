//! What `aibom` promises of its own documents, held against a document that says it is one.
//!
//! A wrong "complete" is the worst thing a document of ours could say, and the first thing somebody who wants to hide
//! something would change. The serial number is that of the content, so a change is noticed; it is no signature, and who
//! knows how can make a new one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::finding::{Code, Findings};
use crate::bom::check::is_taxonomy_name;
use crate::bom::write::serial_of;
use crate::declared::Class;

/// Whether one of the programs that made it is `aibom`.
pub(super) fn is_ours(document: &Value) -> bool {
    let tools = document.pointer("/metadata/tools/components").and_then(Value::as_array);
    tools.into_iter().flatten().any(|tool| text(tool, "name") == "aibom")
}

pub(super) fn check(document: &Value, findings: &mut Findings) {
    let serial = text(document, "serialNumber");
    if serial != serial_of(document) {
        let message =
            format!("{serial:?} is not the number of this content: it was changed after it was written");
        findings.add(Code::OwnSerial, "$.serialNumber", message);
    }
    let mut elements = elements(document);
    elements.retain(|(_, element)| element.is_object());
    let subjects: BTreeMap<&str, (&str, &Value)> = elements
        .iter()
        .filter(|(_, element)| values(element, "aibom:subject:kind").next().is_some())
        .map(|(at, element)| (text(element, "bom-ref"), (at.as_str(), *element)))
        .collect();
    if subjects.is_empty() {
        findings.add(Code::OwnCoverage, "$.metadata.component", "there is no subject: nobody was watched");
    }
    let names: BTreeSet<&str> = elements.iter().map(|(_, element)| text(element, "bom-ref")).collect();
    for (at, element) in subjects.values() {
        coverage(at, element, findings);
    }
    compositions(document, &subjects, findings);
    for (at, element) in &elements {
        evidence(at, element, &subjects, &names, findings);
        for (index, property) in list(element, "properties").enumerate() {
            let name = text(property, "name");
            if !is_taxonomy_name(name) {
                findings.add(
                    Code::OwnProperty,
                    &format!("{at}.properties[{index}].name"),
                    format!("{name:?}"),
                );
            }
        }
    }
}

/// Each class once, with a word, and no reason beside "complete".
fn coverage(at: &str, subject: &Value, findings: &mut Findings) {
    for class in Class::ALL {
        let class = class.word();
        let words: Vec<&str> = values(subject, &format!("aibom:coverage:{class}")).collect();
        let gaps = values(subject, &format!("aibom:coverage:{class}:gap")).count();
        match words.as_slice() {
            ["complete"] if gaps > 0 => {
                let message = format!("{class} are complete, and {gaps} reasons say that they are not");
                findings.add(Code::OwnComplete, at, message);
            }
            ["complete"] => {}
            ["incomplete"] if gaps == 0 => {
                findings.add(Code::OwnCoverage, at, format!("{class} are incomplete without a reason"));
            }
            ["incomplete"] => {}
            [] => findings.add(Code::OwnCoverage, at, format!("not a word on how far {class} were watched")),
            other => findings.add(Code::OwnCoverage, at, format!("{class} are {other:?}")),
        }
    }
}

/// One composition for each subject, complete only if every class is; nothing else is complete.
fn compositions(document: &Value, subjects: &BTreeMap<&str, (&str, &Value)>, findings: &mut Findings) {
    let mut spoken: BTreeSet<&str> = BTreeSet::new();
    for (index, composition) in list(document, "compositions").enumerate() {
        let at = format!("$.compositions[{index}]");
        let complete = text(composition, "aggregate") == "complete";
        if complete && list(composition, "assemblies").next().is_some() {
            findings.add(Code::OwnComplete, &at, "the parts of something are called complete");
        }
        for reference in list(composition, "dependencies").filter_map(Value::as_str) {
            spoken.insert(reference);
            let all = subjects.get(reference).is_some_and(|(_, subject)| {
                let word =
                    |class: &Class| values(subject, &format!("aibom:coverage:{}", class.word())).next();
                Class::ALL.iter().all(|class| word(class) == Some("complete"))
            });
            if complete && !all {
                let message = format!("{reference:?} is called complete, and not every class of it is");
                findings.add(Code::OwnComplete, &at, message);
            }
        }
    }
    for (reference, (at, _)) in subjects {
        if !spoken.contains(reference) {
            findings.add(Code::OwnCoverage, at, "no composition speaks of the subject");
        }
    }
}

/// Every occurrence says whose it is.
fn evidence(
    at: &str,
    element: &Value,
    subjects: &BTreeMap<&str, (&str, &Value)>,
    names: &BTreeSet<&str>,
    findings: &mut Findings,
) {
    let occurrences = element.get("evidence").map(|evidence| list(evidence, "occurrences"));
    for (index, occurrence) in occurrences.into_iter().flatten().enumerate() {
        // 1.5 has no place for the context.
        let Some(context) = occurrence.get("additionalContext").and_then(Value::as_str) else { continue };
        let at = format!("{at}.evidence.occurrences[{index}].additionalContext");
        let mut words = context.split(' ');
        let subject = words.next().and_then(|word| word.strip_prefix("subject="));
        if !subject.is_some_and(|subject| subjects.contains_key(subject)) {
            findings.add(
                Code::OwnEvidence,
                &at,
                format!("{:?} is no subject of the document", subject.unwrap_or_default()),
            );
        }
        for program in words.filter_map(|word| word.strip_prefix("program=")) {
            if !names.contains(program) {
                findings.add(Code::OwnEvidence, &at, format!("{program:?} is no program of the document"));
            }
        }
    }
}

/// Components and services with their places.
fn elements(document: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    if let Some(metadata) = document.get("metadata") {
        found.push(("$.metadata".to_owned(), metadata));
        found.extend(metadata.get("component").map(|subject| ("$.metadata.component".to_owned(), subject)));
    }
    for key in ["components", "services"] {
        for (index, element) in list(document, key).enumerate() {
            found.push((format!("$.{key}[{index}]"), element));
        }
    }
    found
}

fn list<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn values<'v>(element: &'v Value, name: &str) -> impl Iterator<Item = &'v str> {
    list(element, "properties")
        .filter(move |property| text(property, "name") == name)
        .map(|property| text(property, "value"))
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
