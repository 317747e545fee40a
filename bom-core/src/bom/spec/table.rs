//! Which fields each edition of CycloneDX has, and what may stand there: `catalog/cyclonedx.tsv`.
//!
//! The table is made from the official schemas by a test (`bom-cli/tests/official/fields.rs`). It has the structure
//! (names, kinds of values, vocabularies, what is required) and neither patterns nor conditions.

use std::collections::BTreeMap;

use crate::bom::terms::SpecVersion;

const ROWS: &str = include_str!("../../../catalog/cyclonedx.tsv");

/// An edition of the specification, ordered by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Edition {
    /// 1.2
    V1_2,
    /// 1.3
    V1_3,
    /// 1.4
    V1_4,
    /// 1.5
    V1_5,
    /// 1.6
    V1_6,
    /// 1.7
    V1_7,
}

impl Edition {
    /// All that can be read.
    pub const ALL: &'static [Self] =
        &[Self::V1_2, Self::V1_3, Self::V1_4, Self::V1_5, Self::V1_6, Self::V1_7];

    /// As `specVersion` says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
            Self::V1_4 => "1.4",
            Self::V1_5 => "1.5",
            Self::V1_6 => "1.6",
            Self::V1_7 => "1.7",
        }
    }

    /// The edition of a `specVersion`.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|edition| edition.as_str() == word)
    }
}

impl std::fmt::Display for Edition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<SpecVersion> for Edition {
    fn from(version: SpecVersion) -> Self {
        match version {
            SpecVersion::V1_5 => Self::V1_5,
            SpecVersion::V1_6 => Self::V1_6,
            SpecVersion::V1_7 => Self::V1_7,
        }
    }
}

/// What may stand in a field.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// Any text.
    Text,
    /// A date and time, RFC 3339.
    Time,
    /// A link (IRI, or a reference to one).
    Link,
    /// The name that the element has inside the document.
    Name,
    /// The name of an element of this document.
    Ref,
    /// A BOM-Link: an element of another document, or that document.
    BomLink,
    /// A number within bounds.
    Number(Option<f64>, Option<f64>),
    /// A whole number within bounds.
    Whole(Option<f64>, Option<f64>),
    /// True or false.
    Flag,
    /// A word of a vocabulary.
    Words(Vec<&'static str>),
    /// An object of this shape.
    Object(&'static str),
    /// A list.
    List(Box<Self>),
    /// Anything: signatures, and what has a schema of its own.
    Any,
}

/// A field of a shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Without it the object is not valid.
    pub required: bool,
    /// One of these stands there.
    pub what: Vec<What>,
}

/// An object of the specification.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Shape {
    /// Further fields are allowed.
    pub open: bool,
    /// By name.
    pub fields: BTreeMap<&'static str, Field>,
}

/// All shapes of one edition, by name; the document is `bom`.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The edition.
    pub edition: Edition,
    /// By name.
    pub shapes: BTreeMap<&'static str, Shape>,
}

impl Table {
    /// The table of an edition.
    pub fn of(edition: Edition) -> Self {
        let mut shapes: BTreeMap<&'static str, Shape> = BTreeMap::new();
        for row in rows().filter(|row| row.from <= edition && edition <= row.to) {
            let shape = shapes.entry(row.shape).or_default();
            if row.field == "*" {
                shape.open = true;
            } else {
                let what = row.what.split('|').filter_map(what).collect();
                shape.fields.insert(row.field, Field { required: row.required, what });
            }
        }
        Self { edition, shapes }
    }

    /// A shape by name.
    pub fn shape(&self, name: &str) -> Option<&Shape> {
        self.shapes.get(name)
    }

    /// Rows that could not be understood; a test holds this at zero.
    pub fn unreadable_rows() -> usize {
        let lines = ROWS.lines().filter(|line| !line.starts_with('#')).count();
        let good = rows().filter(|row| row.what.split('|').all(|text| what(text).is_some())).count();
        lines.saturating_sub(good)
    }
}

struct Row {
    shape: &'static str,
    field: &'static str,
    from: Edition,
    to: Edition,
    required: bool,
    what: &'static str,
}

fn rows() -> impl Iterator<Item = Row> {
    ROWS.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut cells = line.split('\t');
        let (shape, field) = (cells.next()?, cells.next()?);
        let (from, to) = (Edition::from_word(cells.next()?)?, Edition::from_word(cells.next()?)?);
        let required = cells.next()? == "r";
        Some(Row { shape, field, from, to, required, what: cells.next()? })
    })
}

/// Lists nest twice at most, so this does not go deep.
fn what(text: &'static str) -> Option<What> {
    if let Some(words) = text.strip_prefix('=') {
        return Some(What::Words(words.split(',').collect()));
    }
    if let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        return Some(What::List(Box::new(what(inner)?)));
    }
    if let Some(name) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
        return Some(What::Object(name));
    }
    if let Some((kind, range)) = text.split_once(':') {
        let (least, most) = range.split_once("..")?;
        let end = |text: &str| if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) };
        return match kind {
            "number" => Some(What::Number(end(least)?, end(most)?)),
            "whole" => Some(What::Whole(end(least)?, end(most)?)),
            _ => None,
        };
    }
    Some(match text {
        "text" => What::Text,
        "time" => What::Time,
        "link" => What::Link,
        "name" => What::Name,
        "ref" => What::Ref,
        "bomlink" => What::BomLink,
        "flag" => What::Flag,
        "any" => What::Any,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_understood_and_every_shape_exists() {
        assert_eq!(Table::unreadable_rows(), 0);
        for edition in Edition::ALL {
            let table = Table::of(*edition);
            assert!(table.shape("bom").is_some_and(|bom| bom.fields.contains_key("components")));
            for (name, shape) in &table.shapes {
                for (field, known) in &shape.fields {
                    assert!(!known.what.is_empty(), "{edition} {name}.{field}");
                    for what in &known.what {
                        assert!(exists(&table, what), "{edition} {name}.{field}: {what:?}");
                    }
                }
            }
        }
    }

    fn exists(table: &Table, what: &What) -> bool {
        match what {
            What::Object(name) => table.shape(name).is_some(),
            What::List(inner) => exists(table, inner),
            What::Words(words) => !words.is_empty(),
            What::Text
            | What::Time
            | What::Link
            | What::Name
            | What::Ref
            | What::BomLink
            | What::Number(..)
            | What::Whole(..)
            | What::Flag
            | What::Any => true,
        }
    }

    #[test]
    fn editions_differ_where_the_specification_does() {
        let has = |edition, shape: &str, field: &str| {
            Table::of(edition).shape(shape).is_some_and(|shape| shape.fields.contains_key(field))
        };
        for (shape, field, first) in [
            ("bom", "services", Edition::V1_2),
            ("bom", "compositions", Edition::V1_3),
            ("bom", "vulnerabilities", Edition::V1_4),
            ("bom", "annotations", Edition::V1_5),
            ("bom", "declarations", Edition::V1_6),
            ("component", "isExternal", Edition::V1_7),
            ("component", "modelCard", Edition::V1_5),
        ] {
            for edition in Edition::ALL {
                assert_eq!(has(*edition, shape, field), *edition >= first, "{edition} {shape}.{field}");
            }
        }
    }
}
