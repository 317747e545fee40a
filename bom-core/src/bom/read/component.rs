//! Components: identity, evidence, model card, pedigree.

use super::fields::{Fields, IssueKind, Notes};
use super::node::Node;
use super::parts::{bom_ref, external_references, hashes, licenses, properties, purl, version};
use crate::bom::document::{
    Ancestor, Component, Evidence, Identity, Method, ModelCard, Occurrence, Pedigree,
};
use crate::bom::scalars::Confidence;
use crate::bom::terms::{Approach, ComponentKind, IdentityField, Technique};

/// Appends the component and, after it, the components inside it.
pub(super) fn component(mut map: Fields<'_>, notes: &mut Notes, into: &mut Vec<Component>) {
    let Some(name) = map.text("name", notes) else {
        return map.missing("name", notes);
    };
    let component = Component {
        bom_ref: bom_ref(&mut map, "bom-ref", notes),
        group: map.text("group", notes),
        version: version(&mut map, notes),
        description: map.text("description", notes),
        purl: purl(&mut map, notes),
        hashes: hashes(&mut map, notes),
        licenses: licenses(&mut map, notes),
        external: map.flag("isExternal", notes).unwrap_or_default(),
        pedigree: map.object("pedigree", notes).map(|map| pedigree(map, notes)).unwrap_or_default(),
        external_references: external_references(&mut map, notes),
        properties: properties(&mut map, notes),
        evidence: map.object("evidence", notes).map(|map| evidence(map, notes)).unwrap_or_default(),
        model_card: map.object("modelCard", notes).map(|map| model_card(map, notes)),
        ..Component::nameless(kind(&mut map, notes), name)
    };
    into.push(component);
    for inner in map.objects("components", notes) {
        notes.add(&map.place("components[]"), IssueKind::Moved, "");
        self::component(inner, notes, into);
    }
    map.finish(notes);
}

/// A type that we do not know is read as `data`, the widest word, with an issue.
pub(super) fn kind(map: &mut Fields<'_>, notes: &mut Notes) -> ComponentKind {
    if !map.has("type") {
        map.missing("type", notes);
    }
    map.term("type", notes, ComponentKind::from_word).unwrap_or(ComponentKind::Data)
}

fn evidence(mut map: Fields<'_>, notes: &mut Notes) -> Evidence {
    let licenses = licenses(&mut map, notes);
    // One object in 1.5, a list of them since.
    let at = map.entries("identity");
    let rows = match map.take("identity") {
        None => Vec::new(),
        Some(Node::List(rows)) => rows,
        Some(row) => vec![row],
    };
    let identities =
        rows.into_iter().filter_map(|row| identity(Fields::of(row, &at, notes)?, notes)).collect();
    let mut occurrences = Vec::new();
    for mut row in map.objects("occurrences", notes) {
        match row.text("location", notes) {
            None => row.missing("location", notes),
            Some(location) => occurrences.push(Occurrence {
                bom_ref: bom_ref(&mut row, "bom-ref", notes),
                location,
                symbol: row.text("symbol", notes),
                additional_context: row.text("additionalContext", notes),
            }),
        }
        row.finish(notes);
    }
    map.finish(notes);
    Evidence { identities, occurrences, licenses }
}

fn identity(mut map: Fields<'_>, notes: &mut Notes) -> Option<Identity> {
    let Some(field) = map.term("field", notes, IdentityField::from_word) else {
        map.missing("field", notes);
        return None;
    };
    let concluded_value = map.text("concludedValue", notes);
    let confidence = confidence(&mut map, notes);
    let mut methods = Vec::new();
    for mut row in map.objects("methods", notes) {
        let technique = row.term("technique", notes, Technique::from_word);
        match (technique, self::confidence(&mut row, notes)) {
            (Some(technique), Some(confidence)) => {
                methods.push(Method { technique, confidence, value: row.text("value", notes) });
            }
            (technique, _) => {
                row.missing(if technique.is_none() { "technique" } else { "confidence" }, notes);
            }
        }
        row.finish(notes);
    }
    map.finish(notes);
    Some(Identity { field, concluded_value, confidence, methods })
}

fn confidence(map: &mut Fields<'_>, notes: &mut Notes) -> Option<Confidence> {
    let fraction = map.number("confidence", notes)?;
    let confidence = Confidence::from_fraction(fraction);
    if confidence.is_none() {
        notes.add(&map.place("confidence"), IssueKind::BadValue, &fraction.to_string());
    }
    confidence
}

fn pedigree(mut map: Fields<'_>, notes: &mut Notes) -> Pedigree {
    let mut ancestors = Vec::new();
    for mut row in map.objects("ancestors", notes) {
        match row.text("name", notes) {
            None => row.missing("name", notes),
            Some(name) => ancestors.push(Ancestor {
                bom_ref: bom_ref(&mut row, "bom-ref", notes),
                kind: kind(&mut row, notes),
                group: row.text("group", notes),
                name,
                version: version(&mut row, notes),
                purl: purl(&mut row, notes),
                hashes: hashes(&mut row, notes),
            }),
        }
        row.finish(notes);
    }
    let notes_text = map.text("notes", notes);
    map.finish(notes);
    Pedigree { ancestors, notes: notes_text }
}

fn model_card(mut map: Fields<'_>, notes: &mut Notes) -> ModelCard {
    let mut card = ModelCard {
        bom_ref: bom_ref(&mut map, "bom-ref", notes),
        properties: properties(&mut map, notes),
        ..ModelCard::default()
    };
    if let Some(mut parameters) = map.object("modelParameters", notes) {
        if let Some(mut approach) = parameters.object("approach", notes) {
            card.approach = approach.term("type", notes, Approach::from_word);
            approach.finish(notes);
        }
        card.task = parameters.text("task", notes);
        card.architecture_family = parameters.text("architectureFamily", notes);
        card.model_architecture = parameters.text("modelArchitecture", notes);
        parameters.finish(notes);
    }
    map.finish(notes);
    card
}
