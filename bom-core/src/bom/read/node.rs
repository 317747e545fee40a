//! A JSON value that is being read: a text without escapes is the document's own bytes, an object a list of its fields.
//!
//! A map would cost a document of many small objects more than everything that is made of them.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::{Map, Number, Value};

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::bom) enum Node<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    List(Vec<Self>),
    Object(Object<'a>),
}

/// The fields of an object, each key once, in the order of the document.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::bom) struct Object<'a>(Vec<Field<'a>>);

impl<'a> Object<'a> {
    pub(in crate::bom) fn contains(&self, key: &str) -> bool {
        self.0.iter().any(|(own, _)| own == key)
    }

    /// Takes a field out; the others may change their order.
    pub(in crate::bom) fn remove(&mut self, key: &str) -> Option<Node<'a>> {
        let at = self.0.iter().position(|(own, _)| own == key)?;
        Some(self.0.swap_remove(at).1)
    }

    /// The keys, sorted.
    pub(in crate::bom) fn keys(&self) -> Vec<&str> {
        let mut keys: Vec<&str> = self.0.iter().map(|(key, _)| &**key).collect();
        keys.sort_unstable();
        keys
    }
}

/// A field of an object.
pub(super) type Field<'a> = (Cow<'a, str>, Node<'a>);

/// Fields that are compared one by one; a document can have any number of them in one object.
const FEW: usize = 24;

/// The fields and entries of everything that is not closed yet, so that an object takes the room that it needs and no more.
#[derive(Default)]
pub(super) struct Open<'a> {
    fields: Vec<Field<'a>>,
    pub(super) items: Vec<Node<'a>>,
}

/// An object whose fields arrive one by one.
pub(super) struct Arriving<'a> {
    /// Its first field among those that are open.
    first: usize,
    /// Its keys, once there are many.
    known: BTreeSet<Cow<'a, str>>,
}

impl<'a> Arriving<'a> {
    pub(super) fn new(open: &Open<'a>) -> Self {
        Self { first: open.fields.len(), known: BTreeSet::new() }
    }

    /// Whether the key stood there before.
    pub(super) fn has(&self, open: &Open<'a>, key: &str) -> bool {
        let fields = open.fields.get(self.first..).unwrap_or_default();
        if fields.len() <= FEW { fields.iter().any(|(own, _)| own == key) } else { self.known.contains(key) }
    }

    /// The last value of a key is the one that counts; `again`: the key stood there before.
    pub(super) fn insert(&mut self, open: &mut Open<'a>, key: Cow<'a, str>, value: Node<'a>, again: bool) {
        let fields = open.fields.get_mut(self.first..).unwrap_or_default();
        if again {
            if let Some((_, old)) = fields.iter_mut().find(|(own, _)| *own == key) {
                *old = value;
            }
            return;
        }
        if fields.len() >= FEW {
            if self.known.is_empty() {
                self.known.extend(fields.iter().map(|(key, _)| key.clone()));
            }
            self.known.insert(key.clone());
        }
        open.fields.push((key, value));
    }

    pub(super) fn finish(self, open: &mut Open<'a>) -> Object<'a> {
        Object(open.fields.drain(self.first.min(open.fields.len())..).collect())
    }
}

impl Node<'_> {
    pub(in crate::bom) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::List(_) | Self::Object(_) => None,
        }
    }

    /// What kind of value it is, for people.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::Text(_) => "string",
            Self::List(_) => "array",
            Self::Object(_) => "object",
        }
    }
}

/// What another reader made.
impl From<Map<String, Value>> for Object<'_> {
    fn from(map: Map<String, Value>) -> Self {
        Self(map.into_iter().map(|(key, value)| (Cow::Owned(key), value.into())).collect())
    }
}

impl From<Value> for Node<'_> {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Bool(flag),
            Value::Number(number) => Self::Number(number),
            Value::String(text) => Self::Text(Cow::Owned(text)),
            Value::Array(list) => Self::List(list.into_iter().map(Self::from).collect()),
            Value::Object(map) => Self::Object(map.into()),
        }
    }
}

impl From<Node<'_>> for Value {
    fn from(node: Node<'_>) -> Self {
        match node {
            Node::Null => Self::Null,
            Node::Bool(flag) => Self::Bool(flag),
            Node::Number(number) => Self::Number(number),
            Node::Text(text) => Self::String(text.into_owned()),
            Node::List(list) => Self::Array(list.into_iter().map(Self::from).collect()),
            Node::Object(Object(fields)) => {
                let fields = fields.into_iter().map(|(key, value)| (key.into_owned(), Self::from(value)));
                Self::Object(fields.collect::<Map<String, Self>>())
            }
        }
    }
}
