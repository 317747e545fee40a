//! One JSON object that is being read: every key that is taken is gone, and what is left over is an issue.

use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Something in the document that did not reach the model.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Issue {
    /// The place, such as `components[].supplier`; all entries of a list count as one place.
    pub at: String,
    /// What is wrong with it.
    pub kind: IssueKind,
    /// How often.
    pub count: u64,
    /// The first such value or the reason it was refused, shortened; may be empty.
    pub example: String,
}

/// Kinds of issues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IssueKind {
    /// We have no such field; it was left out.
    NotModelled,
    /// A value of another type than the specification gives; left out, or a number read as its text.
    WrongType,
    /// A value that the specification does not allow, or a required one that is missing; left out.
    BadValue,
    /// Kept, but in another place: a nested component beside its parent.
    Moved,
}

impl std::fmt::Display for Issue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self.kind {
            IssueKind::NotModelled => "not read",
            IssueKind::WrongType => "wrong type",
            IssueKind::BadValue => "bad value",
            IssueKind::Moved => "read beside its parent",
        };
        write!(f, "{}: {what} ({} times)", self.at, self.count)?;
        if self.example.is_empty() { Ok(()) } else { write!(f, ": {}", self.example) }
    }
}

/// Different issues that are kept; a document can invent any number of keys.
const KEPT: usize = 1000;
/// Characters of an example or a key that are kept.
const SHORT: usize = 120;

/// Issues, collected by place.
#[derive(Debug, Default)]
pub(super) struct Notes {
    found: BTreeMap<(String, IssueKind), (u64, String)>,
    further: u64,
}

impl Notes {
    pub(super) fn add(&mut self, at: &str, kind: IssueKind, example: &str) {
        let key = (at.to_owned(), kind);
        if let Some((count, _)) = self.found.get_mut(&key) {
            *count = count.saturating_add(1);
        } else if self.found.len() < KEPT {
            self.found.insert(key, (1, shorten(example)));
        } else {
            self.further = self.further.saturating_add(1);
        }
    }

    pub(super) fn into_issues(self) -> (Vec<Issue>, u64) {
        let issues = self
            .found
            .into_iter()
            .map(|((at, kind), (count, example))| Issue { at, kind, count, example })
            .collect();
        (issues, self.further)
    }
}

/// An object and its place.
#[derive(Debug)]
pub(super) struct Fields {
    map: Map<String, Value>,
    at: String,
}

impl Fields {
    pub(super) fn root(map: Map<String, Value>) -> Self {
        Self { map, at: String::new() }
    }

    /// The object behind a value; anything else is an issue.
    pub(super) fn of(value: Value, at: &str, notes: &mut Notes) -> Option<Self> {
        match value {
            Value::Object(map) => Some(Self { map, at: at.to_owned() }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                notes.add(at, IssueKind::WrongType, kind_of(&value));
                None
            }
        }
    }

    /// The place of a key of this object.
    pub(super) fn place(&self, key: &str) -> String {
        if self.at.is_empty() { key.to_owned() } else { format!("{}.{key}", self.at) }
    }

    /// Takes a key out; null is the same as absent.
    pub(super) fn take(&mut self, key: &str) -> Option<Value> {
        self.map.remove(key).filter(|value| !value.is_null())
    }

    /// Takes a key out that has no meaning for us.
    pub(super) fn forget(&mut self, key: &str) {
        self.map.remove(key);
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.map.contains_key(key)
    }

    pub(super) fn text(&mut self, key: &str, notes: &mut Notes) -> Option<String> {
        let value = self.take(key)?;
        text_of(value, &self.place(key), notes)
    }

    /// A text through a constructor that may refuse it.
    pub(super) fn parsed<T, E: std::fmt::Display>(
        &mut self,
        key: &str,
        notes: &mut Notes,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(key, notes)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(reason) => {
                notes.add(&self.place(key), IssueKind::BadValue, &format!("{text:?}: {reason}"));
                None
            }
        }
    }

    /// A word of a vocabulary.
    pub(super) fn term<T>(&mut self, key: &str, notes: &mut Notes, from: fn(&str) -> Option<T>) -> Option<T> {
        self.parsed(key, notes, |word| from(word).ok_or("no such word"))
    }

    pub(super) fn flag(&mut self, key: &str, notes: &mut Notes) -> Option<bool> {
        let value = self.take(key)?;
        let flag = value.as_bool();
        if flag.is_none() {
            notes.add(&self.place(key), IssueKind::WrongType, kind_of(&value));
        }
        flag
    }

    pub(super) fn number(&mut self, key: &str, notes: &mut Notes) -> Option<f64> {
        let value = self.take(key)?;
        let number = value.as_f64();
        if number.is_none() {
            notes.add(&self.place(key), IssueKind::WrongType, kind_of(&value));
        }
        number
    }

    pub(super) fn whole(&mut self, key: &str, notes: &mut Notes) -> Option<u64> {
        let value = self.take(key)?;
        let number = value.as_u64();
        if number.is_none() {
            notes.add(&self.place(key), IssueKind::WrongType, kind_of(&value));
        }
        number
    }

    pub(super) fn object(&mut self, key: &str, notes: &mut Notes) -> Option<Self> {
        let value = self.take(key)?;
        Self::of(value, &self.place(key), notes)
    }

    /// The values of a list.
    pub(super) fn list(&mut self, key: &str, notes: &mut Notes) -> Vec<Value> {
        match self.take(key) {
            None => Vec::new(),
            Some(Value::Array(values)) => values,
            Some(other) => {
                notes.add(&self.place(key), IssueKind::WrongType, kind_of(&other));
                Vec::new()
            }
        }
    }

    /// The objects of a list.
    pub(super) fn objects(&mut self, key: &str, notes: &mut Notes) -> Vec<Self> {
        let at = format!("{}[]", self.place(key));
        self.list(key, notes).into_iter().filter_map(|value| Self::of(value, &at, notes)).collect()
    }

    /// The texts of a list.
    pub(super) fn texts(&mut self, key: &str, notes: &mut Notes) -> Vec<String> {
        let at = format!("{}[]", self.place(key));
        self.list(key, notes).into_iter().filter_map(|value| text_of(value, &at, notes)).collect()
    }

    /// Notes that something required is missing.
    pub(super) fn missing(&self, key: &str, notes: &mut Notes) {
        notes.add(&self.place(key), IssueKind::BadValue, "missing");
    }

    /// Notes every key that nobody took. Must be the last call for an object.
    pub(super) fn finish(self, notes: &mut Notes) {
        for key in self.map.keys() {
            notes.add(&self.place(&shorten(key)), IssueKind::NotModelled, "");
        }
    }
}

fn text_of(value: Value, at: &str, notes: &mut Notes) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => {
            notes.add(at, IssueKind::WrongType, "number");
            Some(number.to_string())
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            notes.add(at, IssueKind::WrongType, kind_of(&value));
            None
        }
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(SHORT).collect()
}
