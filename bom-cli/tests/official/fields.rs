//! `bom-core/catalog/cyclonedx.tsv`, the fields of each version of CycloneDX, is what the official schemas say.
//!
//! The schemas are those of the independent validator that `cargo xtask prepare` installs; none of them is in this
//! repository. `AIBOM_BLESS=1` writes the table.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs,
    path::Path,
};

use serde_json::{Map, Value};

use super::schemas;

const HEAD: &str = "\
# The fields of CycloneDX JSON, 1.2 to 1.7, made from the official schemas (Apache-2.0, OWASP Foundation) by the test
# `golden_cyclonedx_fields`. shape, field, first version, last version, flags, what may stand there.
# Flags: r required. The field `*` says that further fields are allowed.
# What: text time link name ref bomlink flag any; number and whole with a range; `=word,word`; {shape}; [what]; a|b.
";

/// Shape, field → by version: required, what.
type Rows = BTreeMap<(String, String), BTreeMap<u8, (bool, String)>>;

#[test]
fn golden_cyclonedx_fields() {
    let mut rows = Rows::new();
    for (version, file) in [
        (2, "bom-1.2-strict"),
        (3, "bom-1.3-strict"),
        (4, "bom-1.4"),
        (5, "bom-1.5"),
        (6, "bom-1.6"),
        (7, "bom-1.7"),
    ] {
        let path = schemas().join(format!("{file}.SNAPSHOT.schema.json"));
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let schema: Value = serde_json::from_slice(&bytes).expect("a schema is JSON");
        Walk { version, schema: &schema, rows: &mut rows, seen: BTreeSet::new(), waiting: VecDeque::new() }
            .all();
    }
    let is = text(&rows);
    assert!(is.lines().count() > 500, "{is}");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bom-core/catalog/cyclonedx.tsv");
    if std::env::var_os("AIBOM_BLESS").is_some_and(|value| value == "1") {
        fs::write(&golden, &is).expect("write the table");
    }
    let should = fs::read_to_string(&golden).unwrap_or_default();
    for (number, (is, should)) in (1..).zip(is.lines().zip(should.lines())) {
        assert_eq!(is, should, "cyclonedx.tsv:{number}; `cargo xtask bless golden_cyclonedx_fields`");
    }
    assert_eq!(is.len(), should.len(), "cyclonedx.tsv; `cargo xtask bless golden_cyclonedx_fields`");
}

struct Walk<'a> {
    version: u8,
    schema: &'a Value,
    rows: &'a mut Rows,
    seen: BTreeSet<String>,
    waiting: VecDeque<(String, &'a Map<String, Value>)>,
}

impl<'a> Walk<'a> {
    fn all(mut self) {
        let root = self.schema.as_object().expect("a schema is an object");
        self.waiting.push_back(("bom".to_owned(), root));
        while let Some((name, node)) = self.waiting.pop_front() {
            if self.seen.insert(name.clone()) {
                self.shape(&name, node);
            }
        }
    }

    fn shape(&mut self, name: &str, node: &'a Map<String, Value>) {
        let required: BTreeSet<&str> = node
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        if node.get("additionalProperties") != Some(&Value::Bool(false)) {
            self.row(name, "*", false, "any".to_owned());
        }
        for (field, value) in node.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let mut found = BTreeSet::new();
            self.what(&format!("{name}.{field}"), field, value, &mut found);
            let what: Vec<String> = found.into_iter().collect();
            self.row(name, field, required.contains(field.as_str()), what.join("|"));
        }
    }

    fn row(&mut self, shape: &str, field: &str, required: bool, what: String) {
        let key = (shape.to_owned(), field.to_owned());
        self.rows.entry(key).or_default().insert(self.version, (required, what));
    }

    /// Every alternative of a place.
    fn what(&mut self, path: &str, field: &str, node: &'a Value, found: &mut BTreeSet<String>) {
        let Some(map) = node.as_object() else { return };
        if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
            return self.reference(path, field, reference, found);
        }
        let mut parts = Vec::new();
        for word in ["oneOf", "anyOf", "allOf"] {
            parts.extend(map.get(word).and_then(Value::as_array).into_iter().flatten());
        }
        let speaks =
            |part: &&Value| ["$ref", "type", "properties", "enum"].iter().any(|key| part.get(key).is_some());
        let parts: Vec<&Value> = parts.into_iter().filter(speaks).collect();
        if map.get("properties").is_none() && !parts.is_empty() {
            let many = parts.len() > 1;
            for (index, part) in (1..).zip(parts) {
                let path = if many { format!("{path}.{index}") } else { path.to_owned() };
                self.what(&path, field, part, found);
            }
            return;
        }
        if let Some(words) = map.get("enum").and_then(Value::as_array) {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            found.insert(format!("={}", words.join(",")));
            return;
        }
        let types: Vec<&str> = match map.get("type") {
            Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect(),
            other => other.and_then(Value::as_str).into_iter().collect(),
        };
        for word in &types {
            self.typed(path, field, word, map, found);
        }
        if types.is_empty() {
            match map.get("properties") {
                Some(_) => self.typed(path, field, "object", map, found),
                None => {
                    found.insert("any".to_owned());
                }
            }
        }
    }

    fn typed(
        &mut self,
        path: &str,
        field: &str,
        word: &str,
        map: &'a Map<String, Value>,
        found: &mut BTreeSet<String>,
    ) {
        match word {
            "object" if map.get("properties").is_some() => {
                found.insert(format!("{{{path}}}"));
                self.waiting.push_back((path.to_owned(), map));
            }
            "array" => {
                let mut inner = BTreeSet::new();
                let items = map.get("items").or_else(|| map.get("additionalItems"));
                match items {
                    Some(Value::Array(list)) => {
                        for item in list {
                            self.what(&format!("{path}.item"), field, item, &mut inner);
                        }
                    }
                    Some(item) => self.what(path, field, item, &mut inner),
                    None => {
                        inner.insert("any".to_owned());
                    }
                }
                for what in inner {
                    found.insert(format!("[{what}]"));
                }
            }
            "string" => {
                let what = match map.get("format").and_then(Value::as_str) {
                    Some("date-time") => "time",
                    Some("iri-reference" | "iri" | "uri" | "uri-reference") => "link",
                    // A dependency of 1.2 names an element without saying so.
                    _ if field == "bom-ref" => "name",
                    _ => "text",
                };
                found.insert(what.to_owned());
            }
            "number" | "integer" => {
                let end = |key: &str| map.get(key).map(Value::to_string).unwrap_or_default();
                let kind = if word == "number" { "number" } else { "whole" };
                found.insert(format!("{kind}:{}..{}", end("minimum"), end("maximum")));
            }
            "boolean" => {
                found.insert("flag".to_owned());
            }
            "object" => {
                found.insert("any".to_owned());
            }
            other => panic!("{path}: type {other}"),
        }
    }

    fn reference(&mut self, path: &str, field: &str, reference: &str, found: &mut BTreeSet<String>) {
        let Some(name) = reference.strip_prefix("#/definitions/") else {
            // Signatures, SPDX identifiers and cryptographic curves have schemas of their own.
            let what = if reference.starts_with("spdx") { "text" } else { "any" };
            found.insert(what.to_owned());
            return;
        };
        match name {
            "refType" | "refLinkType" if field == "bom-ref" => {
                found.insert("name".to_owned());
            }
            "refType" | "refLinkType" => {
                found.insert("ref".to_owned());
            }
            "bomLink" | "bomLinkDocumentType" | "bomLinkElementType" => {
                found.insert("bomlink".to_owned());
            }
            _ => {
                let node = self.schema.pointer(&format!("/definitions/{name}"));
                let node = node.unwrap_or_else(|| panic!("{path}: no definition {name}"));
                self.what(name, field, node, found);
            }
        }
    }
}

/// Rows of the same content in a run of versions are one.
fn text(rows: &Rows) -> String {
    let mut text = HEAD.to_owned();
    for ((shape, field), versions) in rows {
        let mut runs: Vec<(u8, u8, &(bool, String))> = Vec::new();
        for (version, content) in versions {
            match runs.last_mut() {
                Some((_, to, last)) if *last == content && *to + 1 == *version => *to = *version,
                _ => runs.push((*version, *version, content)),
            }
        }
        for (from, to, (required, what)) in runs {
            let flags = if *required { "r" } else { "" };
            text.push_str(&format!("{shape}\t{field}\t1.{from}\t1.{to}\t{flags}\t{what}\n"));
        }
    }
    text
}
