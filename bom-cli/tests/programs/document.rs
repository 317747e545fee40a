//! A CycloneDX document as a reader who knows nothing of aibom's code takes it.

use serde_json::Value;

pub(crate) fn components(document: &Value) -> impl Iterator<Item = &Value> {
    list(&document["components"])
}

pub(crate) fn services(document: &Value) -> impl Iterator<Item = &Value> {
    list(&document["services"])
}

/// The values of the properties of that name.
pub(crate) fn properties<'a>(of: &'a Value, name: &str) -> Vec<&'a str> {
    list(&of["properties"])
        .filter(|property| property["name"] == name)
        .map(|property| text(&property["value"]))
        .collect()
}

pub(crate) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Empty if it is no string, which equals nothing that is looked for.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A package name as its index compares it: PyPI by PEP 503, npm as it is.
pub(crate) fn normal(ecosystem: &str, name: &str) -> String {
    if ecosystem != "pypi" {
        return name.to_owned();
    }
    let words: Vec<&str> = name.split(['-', '_', '.']).filter(|word| !word.is_empty()).collect();
    words.join("-").to_lowercase()
}
