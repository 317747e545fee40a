//! Events into trees.

use std::collections::{BTreeMap, BTreeSet};

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::node::{Entry, Node, Value};

/// Limits of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Size of the file. `helm template` of a whole platform is some megabytes.
    pub bytes: usize,
    /// Depth of nesting. Manifests have about twenty levels; each one costs stack where a tree is walked.
    pub depth: usize,
    /// Values, those behind an alias counted each time. A value costs about a hundred bytes.
    pub values: usize,
    /// Bytes of text, those behind an alias counted each time.
    pub text: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 32 << 20, depth: 100, values: 2_000_000, text: 64 << 20 }
    }
}

/// Why there is no document. The line is counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum YamlError {
    /// Not text.
    #[error("line {line}: byte {offset} is not UTF-8")]
    Encoding {
        /// The line.
        line: u32,
        /// Offset of the byte.
        offset: usize,
    },
    /// The grammar refuses it.
    #[error("line {line}: {reason}")]
    Syntax {
        /// The line.
        line: u32,
        /// The parser's words.
        reason: String,
    },
    /// More than a limit allows.
    #[error("line {line}: more than {limit} {what}")]
    Limit {
        /// The line.
        line: u32,
        /// What there is too much of.
        what: &'static str,
        /// How much is allowed.
        limit: usize,
    },
    /// An alias to something that is not finished: it would contain itself.
    #[error("line {line}: an alias refers to what contains it")]
    Cycle {
        /// The line.
        line: u32,
    },
}

impl YamlError {
    /// The line, counted from 1.
    pub const fn line(&self) -> u32 {
        match self {
            Self::Encoding { line, .. }
            | Self::Syntax { line, .. }
            | Self::Limit { line, .. }
            | Self::Cycle { line } => *line,
        }
    }
}

/// A key that stands twice in one mapping: the key, and the line of the second.
pub type Repeated = (String, u32);

/// Reads every document of a file. The second value lists keys that stand twice.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<(Vec<Node>, Vec<Repeated>), YamlError> {
    if bytes.len() > limits.bytes {
        return Err(YamlError::Limit { line: 1, what: "bytes", limit: limits.bytes });
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let offset = error.valid_up_to();
        let before = bytes.get(..offset).unwrap_or_default();
        let lines = before.iter().filter(|byte| **byte == b'\n').count();
        YamlError::Encoding { line: narrow(lines.saturating_add(1)), offset }
    })?;
    let mut builder = Builder::new(limits);
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| YamlError::Syntax {
            line: narrow(error.marker().line()).max(1),
            reason: error.info().to_owned(),
        })?;
        builder.event(event, span)?;
    }
    Ok((builder.documents, builder.repeated))
}

/// A collection that is not closed yet.
struct Open {
    node: Node,
    anchor: usize,
    /// The key that waits for its value; `None` in lists and where a key comes next.
    key: Option<Option<(String, u32)>>,
    /// Values and bytes of text in it so far.
    cost: Cost,
}

#[derive(Clone, Copy, Default)]
struct Cost {
    values: usize,
    text: usize,
    /// Levels below it.
    depth: usize,
}

struct Builder<'l> {
    limits: &'l Limits,
    documents: Vec<Node>,
    repeated: Vec<Repeated>,
    open: Vec<Open>,
    /// Finished nodes that have an anchor, with their cost; of one document.
    anchors: BTreeMap<usize, (Node, Cost)>,
    values: usize,
    text: usize,
}

impl<'l> Builder<'l> {
    fn new(limits: &'l Limits) -> Self {
        Self {
            limits,
            documents: Vec::new(),
            repeated: Vec::new(),
            open: Vec::new(),
            anchors: BTreeMap::new(),
            values: 0,
            text: 0,
        }
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlError> {
        let line = narrow(span.start.line()).max(1);
        let column = narrow(span.start.col()).saturating_add(1);
        let node = |value| Node { line, column, value };
        match event {
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => {
                self.anchors.clear();
                Ok(())
            }
            Event::Alias(anchor) => {
                let Some((known, cost)) = self.anchors.get(&anchor) else {
                    return Err(YamlError::Cycle { line });
                };
                let (known, cost) = (known.clone(), *cost);
                self.pay(cost, line)?;
                self.place(known, cost, line)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let quoted = style != ScalarStyle::Plain
                    || tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
                let null = !quoted && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let cost = Cost { values: 1, text: text.len(), depth: 0 };
                self.pay(cost, line)?;
                let node = node(if null {
                    Value::Null
                } else {
                    Value::Text { text: text.into_owned(), quoted, literal: style == ScalarStyle::Literal }
                });
                self.remember(anchor, &node, cost)?;
                self.place(node, cost, line)
            }
            Event::SequenceStart(anchor, _) => self.begin(node(Value::List(Vec::new())), anchor),
            Event::MappingStart(anchor, _) => self.begin(node(Value::Map(Vec::new())), anchor),
            Event::SequenceEnd | Event::MappingEnd => self.end(line),
        }
    }

    fn begin(&mut self, node: Node, anchor: usize) -> Result<(), YamlError> {
        let line = node.line;
        if self.open.len() >= self.limits.depth {
            return Err(YamlError::Limit { line, what: "levels of nesting", limit: self.limits.depth });
        }
        self.pay(Cost { values: 1, text: 0, depth: 0 }, line)?;
        let key = matches!(node.value, Value::Map(_)).then_some(None);
        self.open.push(Open { node, anchor, key, cost: Cost { values: 1, text: 0, depth: 1 } });
        Ok(())
    }

    fn end(&mut self, line: u32) -> Result<(), YamlError> {
        let Some(Open { mut node, anchor, cost, .. }) = self.open.pop() else { return Ok(()) };
        if let Value::Map(entries) = &mut node.value {
            merge(entries);
            self.unique(entries);
        }
        self.remember(anchor, &node, cost)?;
        self.place(node, cost, line)
    }

    /// Counts what was made. What an alias copies costs the same as what is written.
    fn pay(&mut self, cost: Cost, line: u32) -> Result<(), YamlError> {
        self.values = self.values.saturating_add(cost.values);
        self.text = self.text.saturating_add(cost.text);
        let limits = self.limits;
        if self.values > limits.values {
            return Err(YamlError::Limit { line, what: "values", limit: limits.values });
        }
        if self.text > limits.text {
            return Err(YamlError::Limit { line, what: "bytes of text", limit: limits.text });
        }
        // What is copied brings its own levels.
        if self.open.len().saturating_add(cost.depth) > limits.depth {
            return Err(YamlError::Limit { line, what: "levels of nesting", limit: limits.depth });
        }
        Ok(())
    }

    /// Keeping a copy for aliases costs as much as one alias.
    fn remember(&mut self, anchor: usize, node: &Node, cost: Cost) -> Result<(), YamlError> {
        if anchor != 0 {
            self.pay(Cost { depth: 0, ..cost }, node.line)?;
            self.anchors.insert(anchor, (node.clone(), cost));
        }
        Ok(())
    }

    /// Puts a finished value where it belongs.
    fn place(&mut self, node: Node, cost: Cost, line: u32) -> Result<(), YamlError> {
        let Some(open) = self.open.last_mut() else {
            self.documents.push(node);
            return Ok(());
        };
        open.cost.values = open.cost.values.saturating_add(cost.values);
        open.cost.text = open.cost.text.saturating_add(cost.text);
        open.cost.depth = open.cost.depth.max(cost.depth.saturating_add(1));
        match (&mut open.node.value, &mut open.key) {
            (Value::List(list), _) => list.push(node),
            (Value::Map(entries), Some(key)) => match key.take() {
                None => {
                    // A key that is no text (a list, a mapping) can name no field that we know.
                    let text = match &node.value {
                        Value::Text { text, .. } => text.clone(),
                        Value::Null => "null".to_owned(),
                        Value::List(_) | Value::Map(_) => String::new(),
                    };
                    *key = Some((text, line));
                }
                Some((name, line)) => entries.push(Entry { key: name, line, value: node }),
            },
            (Value::Null | Value::Text { .. } | Value::Map(_), _) => {}
        }
        Ok(())
    }

    /// The first of several equal keys is kept.
    fn unique(&mut self, entries: &mut Vec<Entry>) {
        let mut seen = BTreeSet::new();
        let repeated = &mut self.repeated;
        entries.retain(|entry| {
            let first = seen.insert(entry.key.clone());
            if !first && repeated.len() < 1000 {
                repeated.push((entry.key.clone(), entry.line));
            }
            first
        });
    }
}

/// `<<` (YAML 1.1, and what Compose files live by): entries of another mapping where the key is not given.
fn merge(entries: &mut Vec<Entry>) {
    let Some(at) = entries.iter().position(|entry| entry.key == "<<") else { return };
    let merged = entries.remove(at).value;
    let sources = match merged.value {
        Value::Map(_) => vec![merged],
        Value::List(list) => list,
        Value::Null | Value::Text { .. } => Vec::new(),
    };
    let mut known: BTreeSet<String> = entries.iter().map(|entry| entry.key.clone()).collect();
    for source in sources {
        let Value::Map(more) = source.value else { continue };
        entries.extend(more.into_iter().filter(|entry| known.insert(entry.key.clone())));
    }
}

fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
