//! One JSON object that is being read: every key that is taken is gone, and what is left over is an issue.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::node::{Node, Object};

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

/// Different issues about keys that we have no field for, as many as are kept: a document can invent any number of them.
/// The others are about our own fields, of which there are not many, and none of them gets lost among those.
const KEPT: usize = 1000;
/// Characters of an example or a key that are kept.
const SHORT: usize = 120;

/// Issues, collected by place.
#[derive(Debug, Default)]
pub(super) struct Notes {
    found: BTreeMap<(String, IssueKind), (u64, String)>,
    /// Of those, [`IssueKind::NotModelled`].
    unknown: usize,
    further: u64,
}

impl Notes {
    pub(super) fn add(&mut self, at: &str, kind: IssueKind, example: &str) {
        let key = (at.to_owned(), kind);
        if let Some((count, _)) = self.found.get_mut(&key) {
            *count = count.saturating_add(1);
        } else if kind != IssueKind::NotModelled || self.unknown < KEPT {
            self.unknown = self.unknown.saturating_add(usize::from(kind == IssueKind::NotModelled));
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
pub(super) struct Fields<'a> {
    map: Object<'a>,
    at: Rc<str>,
}

impl<'a> Fields<'a> {
    pub(super) fn root(map: Object<'a>) -> Self {
        Self { map, at: "".into() }
    }

    /// The object behind a value; anything else is an issue.
    pub(super) fn of(value: Node<'a>, at: &Rc<str>, notes: &mut Notes) -> Option<Self> {
        match value {
            Node::Object(map) => Some(Self { map, at: Rc::clone(at) }),
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) | Node::List(_) => {
                notes.add(at, IssueKind::WrongType, value.kind());
                None
            }
        }
    }

    /// The place of a key of this object.
    pub(super) fn place(&self, key: &str) -> String {
        if self.at.is_empty() { key.to_owned() } else { [&*self.at, key].join(".") }
    }

    /// The place of the entries of a list.
    pub(super) fn entries(&self, key: &str) -> Rc<str> {
        let mut at = self.place(key);
        at.push_str("[]");
        at.into()
    }

    /// Takes a key out; null is the same as absent.
    pub(super) fn take(&mut self, key: &str) -> Option<Node<'a>> {
        self.map.remove(key).filter(|value| *value != Node::Null)
    }

    /// Takes a key out that has no meaning for us.
    pub(super) fn forget(&mut self, key: &str) {
        self.map.remove(key);
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.map.contains(key)
    }

    pub(super) fn text(&mut self, key: &str, notes: &mut Notes) -> Option<String> {
        self.borrowed(key, notes).map(Cow::into_owned)
    }

    /// The same, without a copy where none is needed.
    fn borrowed(&mut self, key: &str, notes: &mut Notes) -> Option<Cow<'a, str>> {
        let value = self.take(key)?;
        if let Node::Text(text) = value {
            return Some(text);
        }
        text_of(value, &self.place(key), notes)
    }

    /// A text through a constructor that may refuse it.
    pub(super) fn parsed<T, E: std::fmt::Display>(
        &mut self,
        key: &str,
        notes: &mut Notes,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.borrowed(key, notes)?;
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
        if let Node::Bool(flag) = value {
            return Some(flag);
        }
        self.wrong(key, &value, notes)
    }

    pub(super) fn number(&mut self, key: &str, notes: &mut Notes) -> Option<f64> {
        let value = self.take(key)?;
        if let Node::Number(number) = &value {
            return number.as_f64();
        }
        self.wrong(key, &value, notes)
    }

    pub(super) fn whole(&mut self, key: &str, notes: &mut Notes) -> Option<u64> {
        let value = self.take(key)?;
        if let Node::Number(number) = &value
            && let Some(number) = number.as_u64()
        {
            return Some(number);
        }
        self.wrong(key, &value, notes)
    }

    fn wrong<T>(&self, key: &str, value: &Node<'_>, notes: &mut Notes) -> Option<T> {
        notes.add(&self.place(key), IssueKind::WrongType, value.kind());
        None
    }

    pub(super) fn object(&mut self, key: &str, notes: &mut Notes) -> Option<Self> {
        let value = self.take(key)?;
        Self::of(value, &self.place(key).into(), notes)
    }

    /// The values of a list.
    pub(super) fn list(&mut self, key: &str, notes: &mut Notes) -> Vec<Node<'a>> {
        match self.take(key) {
            None => Vec::new(),
            Some(Node::List(values)) => values,
            Some(other) => self.wrong(key, &other, notes).unwrap_or_default(),
        }
    }

    /// The objects of a list.
    pub(super) fn objects(&mut self, key: &str, notes: &mut Notes) -> Vec<Self> {
        let list = self.list(key, notes);
        if list.is_empty() {
            return Vec::new();
        }
        let at = self.entries(key);
        list.into_iter().filter_map(|value| Self::of(value, &at, notes)).collect()
    }

    /// The texts of a list.
    pub(super) fn texts(&mut self, key: &str, notes: &mut Notes) -> Vec<Cow<'a, str>> {
        let list = self.list(key, notes);
        if list.is_empty() {
            return Vec::new();
        }
        let at = self.entries(key);
        list.into_iter().filter_map(|value| text_of(value, &at, notes)).collect()
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

fn text_of<'a>(value: Node<'a>, at: &str, notes: &mut Notes) -> Option<Cow<'a, str>> {
    match value {
        Node::Text(text) => Some(text),
        Node::Number(number) => {
            notes.add(at, IssueKind::WrongType, "number");
            Some(Cow::Owned(number.to_string()))
        }
        Node::Null | Node::Bool(_) | Node::List(_) | Node::Object(_) => {
            notes.add(at, IssueKind::WrongType, value.kind());
            None
        }
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(SHORT).collect()
}
