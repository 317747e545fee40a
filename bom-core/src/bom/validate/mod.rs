//! Is this document what it says it is? Every broken rule is one finding with a place.
//!
//! `shape` goes by the table of the document's edition: fields, kinds of values, vocabularies, what is required, and
//! the values that have a grammar of their own (package URLs, times, links, digests). `references` holds names and what
//! refers to them. `own` holds what `aibom` promises of its own documents. The official JSON schemas, with their patterns
//! and conditions, are the caller's: they are files, and this crate reads none.

mod finding;
mod other;
mod own;
mod references;
mod shape;

pub use finding::{Code, Finding, Findings, Severity};

use super::read::{Limits, ReadError};
use super::spec::{self, Edition, Table};
use serde_json::Value;

/// What was found out about a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What it is: `CycloneDX 1.6`.
    pub format: String,
    /// The edition, if it is CycloneDX JSON.
    pub edition: Option<Edition>,
    /// Whether it is a document of `aibom`, so that `own` was looked at.
    pub ours: bool,
    /// What is wrong with it.
    pub findings: Findings,
}

/// Checks a document of any format that can be read, within limits.
pub fn validate(bytes: &[u8], limits: &Limits) -> Result<Checked, ReadError> {
    if super::read::format_of(bytes) != Some(super::read::Format::CycloneDxJson) {
        return other::validate(bytes, limits);
    }
    let parsed = spec::parse(bytes, limits)?;
    let edition = edition_of(&parsed.value)?;
    let table = Table::of(edition);
    let mut findings = Findings::default();
    for at in parsed.repeated {
        findings.add(
            Code::RepeatedKey,
            &at,
            "stands twice in the same object; readers disagree on which counts",
        );
    }
    shape::check(&table, &parsed.value, &mut findings);
    references::check(&table, &parsed.value, &mut findings);
    let ours = own::is_ours(&parsed.value);
    if ours {
        own::check(&parsed.value, &mut findings);
    }
    findings.finish();
    Ok(Checked { format: format!("CycloneDX {edition}"), edition: Some(edition), ours, findings })
}

/// The edition a tree says it is of.
pub fn edition_of(document: &Value) -> Result<Edition, ReadError> {
    if document.get("bomFormat").and_then(Value::as_str) != Some("CycloneDX") {
        return Err(ReadError::NotCycloneDx);
    }
    let found = document.get("specVersion").and_then(Value::as_str).unwrap_or_default();
    Edition::from_word(found).ok_or_else(|| ReadError::Version { found: found.chars().take(32).collect() })
}
