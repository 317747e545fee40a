//! A value and its place.

use std::collections::BTreeMap;

/// A value of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Counted from 1.
    pub line: u32,
    /// Counted from 1, in characters.
    pub column: u32,
    /// What stands there.
    pub value: Value,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// Text, a number or a switch, as written.
    Text {
        /// The text.
        text: String,
        /// In quotes or as a block: never a number or a switch.
        quoted: bool,
        /// A block that keeps its lines (`|`): each line of the text is one of the file.
        literal: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file. Every key once.
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key; one that is no text is left out when reading.
    pub key: String,
    /// Line of the key.
    pub line: u32,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The value at the end of a path of keys.
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text { text, .. } => Some(text),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The text behind a path of keys, if it is not empty.
    pub fn text_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path)?.text().filter(|text| !text.is_empty())
    }

    /// The line of the file on which the first line of a literal block stands. The node's own line is that of the first
    /// line with something on it.
    pub fn block_line(&self) -> Option<u32> {
        match &self.value {
            Value::Text { text, literal: true, .. } => {
                let empty = text.chars().take_while(|c| *c == '\n').count();
                Some(self.line.saturating_sub(u32::try_from(empty).unwrap_or(u32::MAX)))
            }
            Value::Text { .. } | Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// A switch.
    pub fn flag(&self) -> Option<bool> {
        match &self.value {
            Value::Text { text, quoted: false, .. } => match text.as_str() {
                "true" | "True" | "TRUE" => Some(true),
                "false" | "False" | "FALSE" => Some(false),
                _ => None,
            },
            Value::Text { .. } | Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The values of a list; nothing for anything else.
    pub fn list(&self) -> &[Self] {
        match &self.value {
            Value::List(list) => list,
            Value::Null | Value::Text { .. } | Value::Map(_) => &[],
        }
    }

    /// The values of the list behind a path of keys.
    pub fn list_at(&self, path: &[&str]) -> &[Self] {
        self.at(path).map_or(&[], Self::list)
    }

    /// The entries of a mapping; nothing for anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            Value::Null | Value::Text { .. } | Value::List(_) => &[],
        }
    }

    /// The texts of a mapping behind a path of keys, such as labels.
    pub fn texts_at(&self, path: &[&str]) -> BTreeMap<String, String> {
        let entries = self.at(path).map_or(&[][..], Self::entries);
        entries.iter().filter_map(|entry| Some((entry.key.clone(), entry.value.text()?.to_owned()))).collect()
    }

    /// Whether nothing stands there.
    pub fn is_null(&self) -> bool {
        self.value == Value::Null
    }

    /// What it is, for a sentence.
    pub const fn what(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Text { .. } => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}
