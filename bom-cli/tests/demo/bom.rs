//! A CycloneDX document as a reader who knows nothing of aibom's code takes it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

pub(crate) struct Bom {
    root: Value,
}

impl Bom {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        Ok(Self { root: serde_json::from_slice(bytes)? })
    }

    pub(crate) fn metadata(&self) -> &Value {
        &self.root["metadata"]
    }

    /// The component the document is about.
    pub(crate) fn subject(&self) -> &Value {
        &self.root["metadata"]["component"]
    }

    pub(crate) fn components(&self) -> impl Iterator<Item = &Value> {
        list(&self.root["components"])
    }

    pub(crate) fn of_type(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.components().filter(move |component| component["type"] == kind)
    }

    pub(crate) fn python_packages(&self) -> impl Iterator<Item = &Value> {
        self.components().filter(|component| text(&component["purl"]).starts_with("pkg:pypi/"))
    }

    pub(crate) fn services(&self) -> impl Iterator<Item = &Value> {
        list(&self.root["services"])
    }

    /// `ref` → `dependsOn`.
    pub(crate) fn edges(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut edges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for dependency in list(&self.root["dependencies"]) {
            edges
                .entry(text(&dependency["ref"]))
                .or_default()
                .extend(list(&dependency["dependsOn"]).map(text));
        }
        edges
    }
}

/// The values of the properties of that name.
pub(crate) fn properties<'a>(of: &'a Value, name: &str) -> Vec<&'a str> {
    list(&of["properties"])
        .filter(|property| property["name"] == name)
        .map(|property| text(&property["value"]))
        .collect()
}

pub(crate) fn sha256(component: &Value) -> Option<&str> {
    list(&component["hashes"]).find(|hash| hash["alg"] == "SHA-256").map(|hash| text(&hash["content"]))
}

/// Where the component was met.
pub(crate) fn locations(component: &Value) -> impl Iterator<Item = &str> {
    list(&component["evidence"]["occurrences"]).map(|occurrence| text(&occurrence["location"]))
}

pub(crate) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Empty if it is no string, which equals nothing that is looked for.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A package name as the index compares it (PEP 503).
pub(crate) fn normal(name: &str) -> String {
    let words: Vec<&str> = name.split(['-', '_', '.']).filter(|word| !word.is_empty()).collect();
    words.join("-").to_lowercase()
}

/// Fails with both differences, sorted.
pub(crate) fn equal<T: Ord + std::fmt::Debug>(
    what: &str,
    expected: &BTreeSet<T>,
    found: &BTreeSet<T>,
) -> Result<(), String> {
    if expected.is_empty() {
        return Err(format!("{what}: nothing to compare with"));
    }
    if expected == found {
        return Ok(());
    }
    let missing: Vec<_> = expected.difference(found).collect();
    let more: Vec<_> = found.difference(expected).collect();
    Err(format!("{what}\nmissing in the BOM: {missing:#?}\nonly in the BOM: {more:#?}"))
}
