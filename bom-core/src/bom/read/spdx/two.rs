//! SPDX 2.2 and 2.3 JSON (spdx.github.io/spdx-spec/v2.3).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::words::{Edge, edge, hash, kind_by_purl, licenses, purpose, said, tool};
use crate::bom::document::{Bom, Component, ExternalReference};
use crate::bom::iri::Iri;
use crate::bom::purl::Purl;
use crate::bom::read::fields::{Fields, IssueKind, Notes};
use crate::bom::read::node::Object;
use crate::bom::read::parts::bom_ref;
use crate::bom::read::{Format, Read, ReadError};
use crate::bom::scalars::{BomRef, Version};
use crate::bom::terms::{ComponentKind, ExternalReferenceKind};
use crate::bom::timestamp::Timestamp;

pub(in crate::bom::read) fn read(map: Object<'_>) -> Result<Read, ReadError> {
    let mut notes = Notes::default();
    let mut root = Fields::root(map);
    let found = root.text("spdxVersion", &mut notes).unwrap_or_default();
    let version = match found.as_str() {
        "SPDX-2.2" => "2.2",
        "SPDX-2.3" => "2.3",
        _ => return Err(ReadError::Spdx { found: found.chars().take(32).collect() }),
    };
    let mut bom = Bom::default();
    let document = root.text("SPDXID", &mut notes).unwrap_or_default();
    let serial_number = root.text("documentNamespace", &mut notes);
    // The document's name, its own licence and its list's version say nothing of what is in it.
    for key in ["name", "dataLicense", "comment"] {
        root.forget(key);
    }
    if let Some(mut creation) = root.object("creationInfo", &mut notes) {
        bom.metadata.timestamp = creation.parsed("created", &mut notes, Timestamp::parse);
        for creator in creation.texts("creators", &mut notes) {
            // Persons and organisations have no place in the model.
            if let Some(text) = creator.strip_prefix("Tool:") {
                bom.metadata.tools.push(tool(text.trim()));
            }
        }
        creation.forget("licenseListVersion");
        creation.finish(&mut notes);
    }
    for row in root.objects("packages", &mut notes) {
        bom.components.extend(package(row, &mut notes));
    }
    for row in root.objects("files", &mut notes) {
        bom.components.extend(file(row, &mut notes));
    }
    let mut described: BTreeSet<String> =
        root.texts("documentDescribes", &mut notes).into_iter().map(Cow::into_owned).collect();
    for row in root.objects("relationships", &mut notes) {
        relationship(row, &document, &mut described, &mut bom, &mut notes);
    }
    root.finish(&mut notes);
    subject(&mut bom, &described);
    let (issues, further_issues) = notes.into_issues();
    Ok(Read {
        bom: bom.normalized(),
        format: Format::Spdx2,
        spec_version: version.to_owned(),
        serial_number,
        document_version: None,
        issues,
        further_issues,
    })
}

/// What a document describes is what it is about, if that is one thing.
pub(super) fn subject(bom: &mut Bom, described: &BTreeSet<String>) {
    let [only] = described.iter().collect::<Vec<_>>()[..] else { return };
    let is = |component: &Component| component.bom_ref.as_ref().is_some_and(|name| name.as_str() == only);
    if let Some(index) = bom.components.iter().position(is) {
        bom.metadata.component = Some(bom.components.remove(index));
    }
}

fn package(mut row: Fields<'_>, notes: &mut Notes) -> Option<Component> {
    let Some(name) = row.text("name", notes) else {
        row.missing("name", notes);
        return None;
    };
    let mut component = Component::nameless(ComponentKind::Library, name);
    component.bom_ref = bom_ref(&mut row, "SPDXID", notes);
    component.version =
        row.text("versionInfo", notes).and_then(said).and_then(|text| Version::new(text).ok());
    component.description = row.text("description", notes).or_else(|| row.text("summary", notes));
    checksums(&mut row, &mut component, notes);
    // What was concluded stands above what was declared.
    let declared = row.text("licenseDeclared", notes).and_then(said);
    let concluded = row.text("licenseConcluded", notes).and_then(said);
    if let Some(text) = concluded.or(declared) {
        component.licenses = licenses(&text);
    }
    for mut reference in row.objects("externalRefs", notes) {
        let kind = reference.text("referenceType", notes).unwrap_or_default();
        if kind == "purl" && component.purl.is_none() {
            component.purl = reference.parsed("referenceLocator", notes, Purl::parse);
        } else {
            notes.add(&reference.place("referenceType"), IssueKind::NotModelled, &kind);
        }
    }
    for (key, kind) in [
        ("homepage", ExternalReferenceKind::Website),
        ("downloadLocation", ExternalReferenceKind::Distribution),
    ] {
        let Some(text) = row.text(key, notes).and_then(said) else { continue };
        if let Ok(url) = Iri::parse(&text) {
            component.external_references.push(ExternalReference {
                kind,
                url,
                comment: None,
                hashes: Vec::new(),
            });
        }
    }
    let stated = row.text("primaryPackagePurpose", notes).and_then(|word| purpose(&word));
    component.kind = stated.unwrap_or_else(|| kind_by_purl(component.purl.as_ref()));
    row.finish(notes);
    Some(component)
}

fn file(mut row: Fields<'_>, notes: &mut Notes) -> Option<Component> {
    let Some(name) = row.text("fileName", notes) else {
        row.missing("fileName", notes);
        return None;
    };
    let mut component = Component::nameless(ComponentKind::File, name);
    component.bom_ref = bom_ref(&mut row, "SPDXID", notes);
    checksums(&mut row, &mut component, notes);
    row.finish(notes);
    Some(component)
}

fn checksums(row: &mut Fields<'_>, component: &mut Component, notes: &mut Notes) {
    for mut sum in row.objects("checksums", notes) {
        let at = sum.place("checksumValue");
        let (algorithm, digits) = (sum.text("algorithm", notes), sum.text("checksumValue", notes));
        match (algorithm, digits) {
            (Some(algorithm), Some(digits)) => {
                component.hashes.extend(hash(&at, &algorithm, &digits, notes));
            }
            (None, _) => sum.missing("algorithm", notes),
            (Some(_), None) => sum.missing("checksumValue", notes),
        }
    }
}

fn relationship(
    mut row: Fields<'_>,
    document: &str,
    described: &mut BTreeSet<String>,
    bom: &mut Bom,
    notes: &mut Notes,
) {
    let from = row.text("spdxElementId", notes).and_then(said);
    let to = row.text("relatedSpdxElement", notes).and_then(said);
    let word = row.text("relationshipType", notes).unwrap_or_default();
    let (Some(from), Some(to)) = (from, to) else { return };
    match edge(&word) {
        // Containing is what `packages` says of the document already.
        Edge::Describes | Edge::Forward if from == document => {
            described.insert(to);
        }
        Edge::Describes => {}
        Edge::Forward => add(&mut bom.dependencies, &from, &to),
        Edge::Backward => add(&mut bom.dependencies, &to, &from),
        Edge::Ancestor | Edge::None => {
            notes.add("relationships[].relationshipType", IssueKind::NotModelled, &word);
        }
    }
}

pub(super) fn add(edges: &mut BTreeMap<BomRef, BTreeSet<BomRef>>, from: &str, to: &str) {
    if let (Ok(from), Ok(to)) = (BomRef::new(from), BomRef::new(to)) {
        edges.entry(from).or_default().insert(to);
    }
}
