//! The small parts that components and services share.

use super::fields::{Fields, IssueKind, Notes};
use crate::bom::document::{ExternalReference, Property};
use crate::bom::hash::Hash;
use crate::bom::iri::Iri;
use crate::bom::license::{License, LicenseId, LicenseName, Licenses};
use crate::bom::purl::Purl;
use crate::bom::scalars::{BomRef, Version};
use crate::bom::terms::{Acknowledgement, ExternalReferenceKind, HashAlgorithm};
use std::collections::BTreeSet;

pub(super) fn licenses(map: &mut Fields<'_>, notes: &mut Notes) -> Licenses {
    let mut list = Vec::new();
    let mut expressions = Vec::new();
    for mut row in map.objects("licenses", notes) {
        if let Some(mut license) = row.object("license", notes) {
            let id = license.text("id", notes);
            let name = match (id, license.text("name", notes)) {
                (Some(id), _) => Some(match LicenseId::parse(&id) {
                    Some(known) => LicenseName::Spdx(known),
                    None => {
                        notes.add(&license.place("id"), IssueKind::BadValue, &id);
                        LicenseName::Named(id)
                    }
                }),
                (None, name) => name.map(LicenseName::Named),
            };
            let acknowledgement = license.term("acknowledgement", notes, Acknowledgement::from_word);
            match name {
                Some(name) => list.push(License { name, acknowledgement }),
                None => license.missing("id or name", notes),
            }
            license.finish(notes);
        } else if let Some(text) = row.text("expression", notes) {
            let acknowledgement = row.term("acknowledgement", notes, Acknowledgement::from_word);
            expressions.push((text, acknowledgement));
        }
        row.finish(notes);
    }
    // 1.7 may mix both kinds and repeat expressions; older versions may not, so the model does not.
    match expressions.pop() {
        Some((text, acknowledgement)) if expressions.is_empty() && list.is_empty() => {
            Licenses::Expression { text, acknowledgement }
        }
        last => {
            expressions.extend(last);
            for (text, acknowledgement) in expressions {
                notes.add(&map.place("licenses[].expression"), IssueKind::Moved, &text);
                list.push(License { name: LicenseName::Named(text), acknowledgement });
            }
            Licenses::List(list)
        }
    }
}

pub(super) fn external_references(map: &mut Fields<'_>, notes: &mut Notes) -> Vec<ExternalReference> {
    let mut found = Vec::new();
    for mut row in map.objects("externalReferences", notes) {
        let kind = row.term("type", notes, ExternalReferenceKind::from_word);
        if let Some(url) = row.parsed("url", notes, Iri::parse) {
            found.push(ExternalReference {
                kind: kind.unwrap_or(ExternalReferenceKind::Other),
                url,
                comment: row.text("comment", notes),
                hashes: hashes(&mut row, notes),
            });
        }
        row.finish(notes);
    }
    found
}

pub(super) fn hashes(map: &mut Fields<'_>, notes: &mut Notes) -> Vec<Hash> {
    let mut found = Vec::new();
    for mut row in map.objects("hashes", notes) {
        if let Some(algorithm) = row.term("alg", notes, HashAlgorithm::from_word) {
            found.extend(row.parsed("content", notes, |hex| Hash::new(algorithm, hex)));
        } else {
            row.forget("content");
        }
        row.finish(notes);
    }
    found
}

pub(super) fn properties(map: &mut Fields<'_>, notes: &mut Notes) -> Vec<Property> {
    let mut found = Vec::new();
    for mut row in map.objects("properties", notes) {
        match (row.text("name", notes), row.text("value", notes)) {
            (Some(name), Some(value)) => found.push(Property { name, value }),
            (name, _) => row.missing(if name.is_none() { "name" } else { "value" }, notes),
        }
        row.finish(notes);
    }
    found
}

pub(super) fn purl(map: &mut Fields<'_>, notes: &mut Notes) -> Option<Purl> {
    map.parsed("purl", notes, Purl::parse)
}

pub(super) fn version(map: &mut Fields<'_>, notes: &mut Notes) -> Option<Version> {
    map.parsed("version", notes, |text| Version::new(text))
}

pub(super) fn bom_ref(map: &mut Fields<'_>, key: &str, notes: &mut Notes) -> Option<BomRef> {
    map.parsed(key, notes, |text| BomRef::new(text))
}

pub(super) fn refs(map: &mut Fields<'_>, key: &str, notes: &mut Notes) -> BTreeSet<BomRef> {
    map_texts(map, key, notes, |text| BomRef::new(text))
}

pub(super) fn iris(map: &mut Fields<'_>, key: &str, notes: &mut Notes) -> BTreeSet<Iri> {
    map_texts(map, key, notes, Iri::parse)
}

/// A list of texts through a constructor that may refuse each.
pub(super) fn map_texts<T: Ord, E: std::fmt::Display>(
    map: &mut Fields<'_>,
    key: &str,
    notes: &mut Notes,
    parse: impl Fn(&str) -> Result<T, E>,
) -> BTreeSet<T> {
    let texts = map.texts(key, notes);
    let mut found = BTreeSet::new();
    for text in texts {
        match parse(&text) {
            Ok(value) => {
                found.insert(value);
            }
            Err(reason) => notes.add(&map.entries(key), IssueKind::BadValue, &format!("{text:?}: {reason}")),
        }
    }
    found
}
