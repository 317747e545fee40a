//! A walk over a document by the table of its edition.

use std::fmt;

use serde_json::{Map, Value};

use super::table::{Field, Shape, Table, What};
use crate::bom::escape;

/// A place in a document, written as a JSONPath (RFC 9535): `$.components[3].purl`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    text: String,
    /// Lengths of the text before each step.
    steps: Vec<usize>,
}

impl Place {
    /// The document itself.
    pub fn root() -> Self {
        Self { text: "$".to_owned(), steps: Vec::new() }
    }

    /// One step to a field.
    pub fn enter_field(&mut self, name: &str) {
        self.steps.push(self.text.len());
        let plain = !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if plain {
            self.text.push('.');
            self.text.push_str(name);
        } else {
            // A key may be as long as the document, and may hold anything.
            let short: String = name.chars().take(120).collect();
            let quoted = escape(short.as_bytes()).text.replace('\'', "\\'");
            self.text.push_str(&format!("['{quoted}']"));
        }
    }

    /// One step to an entry of a list.
    pub fn enter_item(&mut self, index: usize) {
        self.steps.push(self.text.len());
        self.text.push_str(&format!("[{index}]"));
    }

    /// One step back.
    pub fn leave(&mut self) {
        if let Some(length) = self.steps.pop() {
            self.text.truncate(length);
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What a walk tells.
pub trait Visit {
    /// An object of a known shape, before its fields.
    fn object(&mut self, at: &Place, name: &'static str, shape: &Shape, map: &Map<String, Value>);
    /// A field of it that the shape has.
    fn field(&mut self, at: &Place, shape: &'static str, name: &str, field: &Field, value: &Value);
    /// A value of a field or of its list: the kinds that may stand there and have its JSON type. None: no kind has.
    fn value(&mut self, at: &Place, field: &str, kinds: &[&What], value: &Value);
}

/// Walks a document; what the table does not know is not entered. Nesting is bounded by the reader's limits.
pub fn walk(table: &Table, document: &Value, visit: &mut impl Visit) {
    object(table, "bom", document, &mut Place::root(), visit);
}

fn object(table: &Table, name: &'static str, value: &Value, at: &mut Place, visit: &mut impl Visit) {
    let (Some(shape), Some(map)) = (table.shape(name), value.as_object()) else { return };
    visit.object(at, name, shape, map);
    for (key, value) in map {
        let Some(field) = shape.fields.get(key.as_str()) else { continue };
        at.enter_field(key);
        visit.field(at, name, key, field, value);
        let kinds: Vec<&What> = field.what.iter().collect();
        one(table, key, &kinds, value, at, visit);
        at.leave();
    }
}

fn one(table: &Table, field: &str, kinds: &[&What], value: &Value, at: &mut Place, visit: &mut impl Visit) {
    let fitting: Vec<&What> = kinds.iter().copied().filter(|kind| has_type(kind, value)).collect();
    visit.value(at, field, &fitting, value);
    match value {
        Value::Array(items) => {
            let inner: Vec<&What> = fitting
                .iter()
                .filter_map(|kind| if let What::List(inner) = kind { Some(&**inner) } else { None })
                .collect();
            if inner.is_empty() {
                return;
            }
            for (index, item) in items.iter().enumerate() {
                at.enter_item(index);
                one(table, field, &inner, item, at, visit);
                at.leave();
            }
        }
        Value::Object(map) => {
            if let Some(name) = shape_of(table, &fitting, map) {
                object(table, name, value, at, visit);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Of several shapes that may stand somewhere, the one that the object means: fewest keys it does not have, then fewest
/// required ones missing.
pub fn shape_of(table: &Table, kinds: &[&What], map: &Map<String, Value>) -> Option<&'static str> {
    let names =
        kinds.iter().filter_map(|kind| if let What::Object(name) = kind { Some(*name) } else { None });
    names
        .filter_map(|name| Some((name, table.shape(name)?)))
        .min_by_key(|(_, shape)| {
            let strange = map.keys().filter(|key| !shape.fields.contains_key(key.as_str())).count();
            let missing =
                shape.fields.iter().filter(|(key, field)| field.required && !map.contains_key(**key)).count();
            (strange, missing)
        })
        .map(|(name, _)| name)
}

/// Whether the JSON type is right; the content is another question.
fn has_type(kind: &What, value: &Value) -> bool {
    match kind {
        What::Text | What::Time | What::Link | What::Name | What::Ref | What::BomLink | What::Words(_) => {
            value.is_string()
        }
        What::Number(..) => value.is_number(),
        // JSON Schema takes 1.0 for a whole number.
        What::Whole(..) => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        What::Flag => value.is_boolean(),
        What::Object(_) => value.is_object(),
        What::List(_) => value.is_array(),
        What::Any => true,
    }
}
