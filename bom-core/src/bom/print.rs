//! JSON text with a fixed order of keys, whatever features of the JSON crate another crate switches on.
//!
//! Identity first, then the alphabet. Characters that a terminal would act on are written as `\u` escapes, so that
//! `cat bom.json` is safe and the value is unchanged.

use super::escape::is_hidden;
use serde_json::Value;
use std::fmt::Write as _;

/// Keys that a reader looks for first; everything else follows in alphabetical order.
const FIRST: &[&str] = &[
    "$schema",
    "bomFormat",
    "specVersion",
    "serialNumber",
    "phase",
    "bom-ref",
    "ref",
    "uid",
    "type",
    "field",
    "technique",
    "flow",
    "alg",
    "group",
    "name",
    "version",
    "metadata",
    "components",
    "services",
];

/// The document as text: two spaces per level, a line feed at the end.
pub(in crate::bom) fn pretty(document: &Value) -> String {
    let mut text = String::new();
    value(&mut text, document, 0);
    text.push('\n');
    text
}

/// The same without one of the outermost keys.
pub(in crate::bom) fn pretty_without(document: &Value, key: &str) -> String {
    let Value::Object(map) = document else { return pretty(document) };
    let mut text = String::new();
    object(&mut text, map.iter().filter(|(name, _)| *name != key).collect(), 0);
    text.push('\n');
    text
}

/// Recursion is bounded: our own documents are less than ten levels deep, and of others the reader limits the depth.
fn value(text: &mut String, value_: &Value, level: usize) {
    match value_ {
        Value::Null => text.push_str("null"),
        Value::Bool(flag) => text.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => text.push_str(&number.to_string()),
        Value::String(content) => string(text, content),
        Value::Array(items) if items.is_empty() => text.push_str("[]"),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                separate(text, index, level.saturating_add(1));
                value(text, item, level.saturating_add(1));
            }
            indent(text, level);
            text.push(']');
        }
        Value::Object(map) => object(text, map.iter().collect(), level),
    }
}

fn object(text: &mut String, mut entries: Vec<(&String, &Value)>, level: usize) {
    if entries.is_empty() {
        return text.push_str("{}");
    }
    entries.sort_by_key(|(key, _)| (rank(key), *key));
    text.push('{');
    for (index, (key, item)) in entries.into_iter().enumerate() {
        separate(text, index, level.saturating_add(1));
        string(text, key);
        text.push_str(": ");
        value(text, item, level.saturating_add(1));
    }
    indent(text, level);
    text.push('}');
}

fn rank(key: &str) -> usize {
    FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len())
}

fn separate(text: &mut String, index: usize, level: usize) {
    if index > 0 {
        text.push(',');
    }
    indent(text, level);
}

fn indent(text: &mut String, level: usize) {
    text.push('\n');
    for _ in 0..level {
        text.push_str("  ");
    }
}

fn string(text: &mut String, content: &str) {
    text.push('"');
    for c in content.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            hidden if is_hidden(hidden) => {
                let mut buffer = [0; 2];
                for unit in hidden.encode_utf16(&mut buffer) {
                    // Writing to a String cannot fail.
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
            plain => text.push(plain),
        }
    }
    text.push('"');
}
