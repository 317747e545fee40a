//! A tree of one edition into the shapes of another.
//!
//! What the other edition has no room for is taken out and listed. An object that loses something it must have goes as a
//! whole, and references to elements that are gone go after them, so that a valid document stays valid. What was wrong
//! before is not repaired.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::lost::Losses;
use crate::bom::spec::{Edition, Field, Place, Shape, Table, Visit, What, shape_of, walk};

pub(super) fn fit(document: Value, from: Edition, to: Edition, losses: &mut Losses) -> Value {
    let table = Table::of(to);
    let mut gone = BTreeSet::new();
    let mut names = names(&Table::of(from), &document);
    let mut document = document;
    loop {
        let mut fitter = Fitter { table: &table, gone: &gone, losses: &mut *losses, at: Place::root() };
        document = fitter.root(document);
        // Each round takes names away, and without a name gone there is no further round.
        let left = self::names(&table, &document);
        gone = names.difference(&left).cloned().collect();
        names = left;
        if gone.is_empty() {
            return document;
        }
    }
}

/// Names of all elements.
fn names(table: &Table, document: &Value) -> BTreeSet<String> {
    struct Names(BTreeSet<String>);
    impl Visit for Names {
        fn object(&mut self, _: &Place, _: &'static str, _: &Shape, _: &Map<String, Value>) {}
        fn field(&mut self, _: &Place, _: &'static str, _: &str, _: &Field, _: &Value) {}
        fn value(&mut self, _: &Place, field: &str, _: &[&What], value: &Value) {
            if field == "bom-ref" {
                self.0.extend(value.as_str().map(str::to_owned));
            }
        }
    }
    let mut names = Names(BTreeSet::new());
    walk(table, document, &mut names);
    names.0
}

struct Fitter<'a> {
    table: &'a Table,
    /// Names of elements that are no longer there.
    gone: &'a BTreeSet<String>,
    losses: &'a mut Losses,
    at: Place,
}

impl Fitter<'_> {
    fn lost(&mut self, detail: impl AsRef<str>) {
        self.losses.add(&self.at, detail);
    }

    fn root(&mut self, document: Value) -> Value {
        let Value::Object(mut map) = document else { return document };
        let edition = self.table.edition;
        if map.get("specVersion").and_then(Value::as_str) != Some(edition.as_str()) {
            map.insert("specVersion".to_owned(), edition.as_str().into());
            map.insert(
                "$schema".to_owned(),
                format!("http://cyclonedx.org/schema/bom-{edition}.schema.json").into(),
            );
            if map.remove("signature").is_some() {
                self.at.enter_field("signature");
                self.lost("it signs the document as it was");
                self.at.leave();
            }
        }
        Value::Object(self.object("bom", map).unwrap_or_default())
    }

    /// `None`: it lost something that it must have. Nesting is bounded by the reader's limits.
    fn object(&mut self, name: &str, mut map: Map<String, Value>) -> Option<Map<String, Value>> {
        let Some(shape) = self.table.shape(name) else { return Some(map) };
        let before = self.losses.count();
        let mut kept = Map::new();
        let mut missing = None;
        licenses(self, &mut map);
        for (key, value) in map {
            self.at.enter_field(&key);
            match shape.fields.get(key.as_str()) {
                Some(field) => match self.value(&key, &field.what.iter().collect::<Vec<_>>(), value) {
                    Some(value) => drop(kept.insert(key, value)),
                    None if field.required => missing = Some(key),
                    None => {}
                },
                None if shape.open => drop(kept.insert(key, value)),
                None => self.lost(format!("CycloneDX {} has no such field", self.table.edition)),
            }
            self.at.leave();
        }
        if let Some(key) = missing {
            self.lost(format!("left out as a whole: without {key} it is not valid"));
            return None;
        }
        if self.losses.count() > before
            && kept.contains_key("signature")
            && kept.remove("signature").is_some()
        {
            self.lost("signature: what it signs has changed");
        }
        Some(kept)
    }

    fn value(&mut self, key: &str, kinds: &[&What], value: Value) -> Option<Value> {
        match value {
            Value::String(text) => self.text(key, kinds, text).map(Value::String),
            Value::Array(items) => self.list(key, kinds, items),
            Value::Object(map) => self.map(key, kinds, map),
            // Kinds of scalars never changed between editions.
            Value::Null | Value::Bool(_) | Value::Number(_) => Some(value),
        }
    }

    fn text(&mut self, key: &str, kinds: &[&What], text: String) -> Option<String> {
        let refers = kinds.iter().any(|kind| matches!(kind, What::Ref));
        if refers && self.gone.contains(&text) {
            self.lost(format!("{text:?} is no longer there"));
            return None;
        }
        let mut words = Vec::new();
        for kind in kinds {
            match kind {
                What::Words(list) => words.extend(list.iter().copied()),
                What::Text | What::Time | What::Link | What::Name | What::Ref | What::BomLink | What::Any => {
                    return Some(text);
                }
                What::Number(..) | What::Whole(..) | What::Flag | What::Object(_) | What::List(_) => {}
            }
        }
        if words.contains(&text.as_str()) {
            return Some(text);
        }
        let edition = self.table.edition;
        let Some(wider) = wider(key, &text, &words) else {
            self.lost(format!("CycloneDX {edition} does not know {text:?}"));
            return None;
        };
        self.lost(format!("{text:?} becomes {wider:?}: CycloneDX {edition} does not know it"));
        Some(wider.to_owned())
    }

    fn list(&mut self, key: &str, kinds: &[&What], items: Vec<Value>) -> Option<Value> {
        if kinds.iter().any(|kind| matches!(kind, What::Any)) {
            return Some(Value::Array(items));
        }
        let inner: Vec<&What> = kinds
            .iter()
            .filter_map(|kind| if let What::List(inner) = kind { Some(&**inner) } else { None })
            .collect();
        if inner.is_empty() {
            return self.only_one(key, kinds, items);
        }
        let was_empty = items.is_empty();
        let mut kept: Vec<Value> = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            self.at.enter_item(index);
            kept.extend(self.value(key, &inner, item));
            self.at.leave();
        }
        unique(&mut kept);
        (was_empty || !kept.is_empty()).then_some(Value::Array(kept))
    }

    /// Where an older edition takes one and not a list: the surest, of those it has a word for.
    fn only_one(&mut self, key: &str, kinds: &[&What], items: Vec<Value>) -> Option<Value> {
        let shape =
            kinds.iter().find_map(|kind| if let What::Object(name) = kind { Some(*name) } else { None });
        let Some(shape) = shape.and_then(|name| self.table.shape(name)) else {
            self.lost(format!("CycloneDX {} has no list there", self.table.edition));
            return None;
        };
        let known = |item: &Value| {
            item.as_object().is_some_and(|map| {
                shape.fields.iter().all(|(key, field)| {
                    let word = map.get(*key).and_then(Value::as_str);
                    field.what.iter().all(|what| match (what, word) {
                        (What::Words(words), Some(word)) => words.contains(&word),
                        _ => !field.required || map.contains_key(*key),
                    })
                })
            })
        };
        let sure = |item: &Value| item.get("confidence").and_then(Value::as_f64).unwrap_or_default();
        let mut best: Option<(usize, f64)> = None;
        for (index, item) in items.iter().enumerate().filter(|(_, item)| known(item)) {
            if best.is_none_or(|(_, confidence)| sure(item) > confidence) {
                best = Some((index, sure(item)));
            }
        }
        let mut kept = None;
        for (index, item) in items.into_iter().enumerate() {
            self.at.enter_item(index);
            if best.is_some_and(|(at, _)| at == index) {
                kept = self.value(key, kinds, item);
            } else {
                self.lost(format!("CycloneDX {} has room for one", self.table.edition));
            }
            self.at.leave();
        }
        kept
    }

    fn map(&mut self, key: &str, kinds: &[&What], map: Map<String, Value>) -> Option<Value> {
        if kinds.iter().any(|kind| matches!(kind, What::Any)) {
            return Some(Value::Object(map));
        }
        if let Some(name) = shape_of(self.table, kinds, &map) {
            return self.object(name, map).map(Value::Object);
        }
        let listed = |kind: &&What| matches!(kind, What::List(inner) if matches!(&**inner, What::Object(_)));
        match kinds.iter().find(|kind| listed(kind)) {
            Some(What::List(inner)) if key == "tools" && **inner == What::Object("tool") => self.tools(map),
            Some(_) => self.list(key, kinds, vec![Value::Object(map)]),
            None => {
                self.lost(format!("CycloneDX {} has no object there", self.table.edition));
                None
            }
        }
    }

    /// Since 1.5 tools are components and services; before, a list of vendor, name and version.
    fn tools(&mut self, map: Map<String, Value>) -> Option<Value> {
        let mut tools = Vec::new();
        for (key, rows) in map {
            self.at.enter_field(&key);
            let Value::Array(rows) = rows else {
                self.lost(format!("CycloneDX {} has a list of tools there", self.table.edition));
                self.at.leave();
                continue;
            };
            for (index, row) in rows.into_iter().enumerate() {
                self.at.enter_item(index);
                if let Value::Object(row) = row {
                    tools.extend(self.object("tool", legacy(row)));
                }
                self.at.leave();
            }
            self.at.leave();
        }
        Some(Value::Array(tools.into_iter().map(Value::Object).collect()))
    }
}

/// The vendor is who is named as group, publisher, supplier, manufacturer or provider.
fn legacy(mut row: Map<String, Value>) -> Map<String, Value> {
    for key in ["group", "publisher", "supplier", "manufacturer", "provider"] {
        let text = match row.get(key) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Object(map)) if map.len() == 1 => {
                map.get("name").and_then(Value::as_str).map(str::to_owned)
            }
            _ => None,
        };
        if let Some(text) = text {
            row.remove(key);
            row.insert("vendor".to_owned(), text.into());
            break;
        }
    }
    row
}

/// Before 1.7 either licences or one expression may stand in a list: in a mixture an expression becomes a name.
fn licenses(fitter: &mut Fitter<'_>, map: &mut Map<String, Value>) {
    if fitter.table.edition >= Edition::V1_7 {
        return;
    }
    let Some(Value::Array(rows)) = map.get_mut("licenses") else { return };
    if rows.len() < 2 {
        return;
    }
    fitter.at.enter_field("licenses");
    for (index, row) in rows.iter_mut().enumerate() {
        let Some(row) = row.as_object_mut() else { continue };
        if let Some(expression) = row.remove("expression") {
            fitter.at.enter_item(index);
            fitter.lost(format!("the expression {expression} becomes the name of a licence"));
            fitter.at.leave();
            let mut license = std::mem::take(row);
            license.insert("name".to_owned(), expression);
            row.insert("license".to_owned(), Value::Object(license));
        }
    }
    fitter.at.leave();
}

/// A wider word of a vocabulary that an older edition has.
fn wider<'w>(key: &str, text: &str, words: &[&'w str]) -> Option<&'w str> {
    let has = |word: &str| words.iter().copied().find(|known| *known == word);
    if text.starts_with("incomplete_") {
        return has("incomplete");
    }
    // Of components `data` says least, and before 1.5 `file`.
    let component =
        if key == "type" { has("data").or(has("file")).filter(|_| has("library").is_some()) } else { None };
    component.or_else(|| has("other"))
}

/// Entries that differed in what is gone only: no list of objects may have one twice.
fn unique(items: &mut Vec<Value>) {
    let mut seen: BTreeMap<String, ()> = BTreeMap::new();
    items.retain(|item| {
        !item.is_object() || item.get("bom-ref").is_some() || seen.insert(item.to_string(), ()).is_none()
    });
}
