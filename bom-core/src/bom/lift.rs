//! What the 1.5 core cannot say, put into the value: the typed lift to 1.6 and 1.7.
//!
//! Runs for 1.5 too, where it only repairs: exact text, bom-refs that the crate misspells, and one misspelt word.
//! Walks the model and the value side by side; every list has the order and the length of the model, and a document
//! in which it has not is refused rather than half lifted.

use super::document::{
    Ancestor, Annotation, Annotator, Bom, Component, Composition, Evidence, ExternalReference, Identity,
    Metadata, ModelCard, Occurrence, Property, Service, Workflow,
};
use super::license::{License, LicenseName, Licenses};
use super::scalars::BomRef;
use super::terms::{Acknowledgement, SpecVersion};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The core and the model do not match; a fault of ours, never of the input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LiftError {
    /// A list of the core has not the length of the model's.
    #[error("lift {key}: {found} entries in the core, {expected} in the model")]
    Length {
        /// The list.
        key: &'static str,
        /// Entries in the core.
        found: usize,
        /// Entries in the model.
        expected: usize,
    },
    /// Something that must be an object is not.
    #[error("lift {key}: not an object in the core")]
    NotAnObject {
        /// Where.
        key: &'static str,
    },
    /// A value could not be written as JSON.
    #[error("lift {key}: {reason}")]
    Unwritable {
        /// Where.
        key: &'static str,
        /// What serde says.
        reason: String,
    },
}

type Object = Map<String, Value>;

/// Lifts the 1.5 value of [`super::core15::to_value`] to a version.
pub(super) fn lift(document: &mut Value, bom: &Bom, version: SpecVersion) -> Result<(), LiftError> {
    let root = object(document, "document")?;
    root.insert("$schema".into(), format!("http://cyclonedx.org/schema/bom-{version}.schema.json").into());
    root.insert("specVersion".into(), version.as_str().into());
    metadata(child(root, "metadata")?, &bom.metadata, version)?;
    each(root, "components", &bom.components, |map, item| component(map, item, version))?;
    each(root, "services", &bom.services, |map, item| service(map, item, version))?;
    external_references(root, &bom.external_references, version)?;
    each(root, "compositions", &bom.compositions, composition)?;
    each(root, "annotations", &bom.annotations, |map, item| annotation(map, item, version))?;
    unique(root, "components");
    if !bom.workflows.is_empty() {
        each(root, "formulation", &[()], |formula, ()| each(formula, "workflows", &bom.workflows, workflow))?;
    }
    Ok(())
}

fn metadata(map: &mut Object, metadata: &Metadata, version: SpecVersion) -> Result<(), LiftError> {
    if !metadata.tools.is_empty() {
        each(child(map, "tools")?, "components", &metadata.tools, |map, tool| component(map, tool, version))?;
    }
    if let Some(subject) = &metadata.component {
        component(child(map, "component")?, subject, version)?;
    }
    properties(map, &metadata.properties)
}

fn component(map: &mut Object, component: &Component, version: SpecVersion) -> Result<(), LiftError> {
    map.insert("type".into(), component.kind.word_in(version).into());
    exact(map, "group", component.group.as_deref());
    exact(map, "name", Some(&component.name));
    exact(map, "version", component.version.as_ref().map(super::scalars::Version::as_str));
    exact(map, "description", component.description.as_deref());
    licenses(map, &component.licenses, version)?;
    external_references(map, &component.external_references, version)?;
    properties(map, &component.properties)?;
    if !component.pedigree.ancestors.is_empty() {
        each(child(map, "pedigree")?, "ancestors", &component.pedigree.ancestors, |map, item| {
            ancestor(map, item, version)
        })?;
    }
    if !component.evidence.is_empty() {
        evidence(child(map, "evidence")?, &component.evidence, version)?;
    }
    if let Some(card) = &component.model_card {
        model_card(child(map, "modelCard")?, card)?;
    }
    if component.external && version >= SpecVersion::V1_7 {
        map.insert("isExternal".into(), true.into());
    }
    Ok(())
}

fn ancestor(map: &mut Object, ancestor: &Ancestor, version: SpecVersion) -> Result<(), LiftError> {
    map.insert("type".into(), ancestor.kind.word_in(version).into());
    exact(map, "group", ancestor.group.as_deref());
    exact(map, "name", Some(&ancestor.name));
    exact(map, "version", ancestor.version.as_ref().map(super::scalars::Version::as_str));
    Ok(())
}

fn model_card(map: &mut Object, card: &ModelCard) -> Result<(), LiftError> {
    name_element(map, card.bom_ref.as_ref());
    properties(map, &card.properties)
}

fn evidence(map: &mut Object, evidence: &Evidence, version: SpecVersion) -> Result<(), LiftError> {
    licenses(map, &evidence.licenses, version)?;
    if !evidence.occurrences.is_empty() {
        let rows: Vec<_> =
            evidence.occurrences.iter().map(|seen| OccurrenceRow::new(seen, version)).collect();
        put(map, "occurrences", &rows)?;
    }
    if version >= SpecVersion::V1_6 {
        if !evidence.identities.is_empty() {
            let rows: Vec<_> = evidence.identities.iter().map(IdentityRow::from).collect();
            put(map, "identity", &rows)?;
        }
    } else if let Some(known) = evidence.principal() {
        // The crate holds confidences as 32-bit floats; ours are exact thousandths.
        put(map, "identity", &IdentityRow { concluded_value: None, ..IdentityRow::from(known) })?;
    }
    Ok(())
}

/// `evidence.occurrences[]`; line and offset are not ours to say.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OccurrenceRow<'a> {
    #[serde(rename = "bom-ref", skip_serializing_if = "Option::is_none")]
    bom_ref: Option<&'a str>,
    location: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    symbol: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_context: Option<&'a str>,
}

impl<'a> OccurrenceRow<'a> {
    fn new(seen: &'a Occurrence, version: SpecVersion) -> Self {
        let since_16 = |text: &'a Option<String>| text.as_deref().filter(|_| version >= SpecVersion::V1_6);
        Self {
            bom_ref: seen.bom_ref.as_ref().map(BomRef::as_str),
            location: &seen.location,
            symbol: since_16(&seen.symbol),
            additional_context: since_16(&seen.additional_context),
        }
    }
}

/// `evidence.identity[]`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IdentityRow<'a> {
    field: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    concluded_value: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    methods: Vec<MethodRow<'a>>,
}

/// `evidence.identity[].methods[]`.
#[derive(Serialize)]
struct MethodRow<'a> {
    technique: &'a str,
    confidence: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
}

impl<'a> From<&'a Identity> for IdentityRow<'a> {
    fn from(identity: &'a Identity) -> Self {
        Self {
            field: identity.field.as_str(),
            confidence: identity.confidence.map(super::scalars::Confidence::as_fraction),
            concluded_value: identity.concluded_value.as_deref(),
            methods: identity
                .methods
                .iter()
                .map(|method| MethodRow {
                    technique: method.technique.as_str(),
                    confidence: method.confidence.as_fraction(),
                    value: method.value.as_deref(),
                })
                .collect(),
        }
    }
}

fn service(map: &mut Object, service: &Service, version: SpecVersion) -> Result<(), LiftError> {
    exact(map, "group", service.group.as_deref());
    exact(map, "name", Some(&service.name));
    exact(map, "version", service.version.as_ref().map(super::scalars::Version::as_str));
    exact(map, "description", service.description.as_deref());
    exact(map, "trustZone", service.trust_zone.as_deref());
    if let Some(provider) = &service.provider {
        exact(child(map, "provider")?, "name", provider.name.as_deref());
    }
    each(map, "data", &service.data, |map, flow| {
        exact(map, "classification", Some(&flow.classification));
        Ok(())
    })?;
    licenses(map, &service.licenses, version)?;
    external_references(map, &service.external_references, version)?;
    properties(map, &service.properties)
}

fn composition(map: &mut Object, composition: &Composition) -> Result<(), LiftError> {
    name_element(map, composition.bom_ref.as_ref());
    Ok(())
}

fn annotation(map: &mut Object, annotation: &Annotation, version: SpecVersion) -> Result<(), LiftError> {
    let annotator = child(map, "annotator")?;
    match &annotation.annotator {
        Annotator::Component { kind, group, name, version: tool_version } => {
            let tool = child(annotator, "component")?;
            tool.insert("type".into(), kind.word_in(version).into());
            exact(tool, "group", group.as_deref());
            exact(tool, "name", Some(name));
            exact(tool, "version", tool_version.as_ref().map(super::scalars::Version::as_str));
        }
        Annotator::Organization { name } => exact(child(annotator, "organization")?, "name", name.as_deref()),
        Annotator::Individual { name } => exact(child(annotator, "individual")?, "name", name.as_deref()),
        Annotator::Service { name } => exact(child(annotator, "service")?, "name", Some(name)),
    }
    Ok(())
}

fn workflow(map: &mut Object, workflow: &Workflow) -> Result<(), LiftError> {
    each(map, "tasks", &workflow.tasks, |map, task| properties(map, &task.properties))?;
    properties(map, &workflow.properties)
}

fn licenses(map: &mut Object, licenses: &Licenses, version: SpecVersion) -> Result<(), LiftError> {
    match licenses {
        Licenses::List(list) => each(map, "licenses", list, |row, license: &License| {
            let row = child(row, "license")?;
            match &license.name {
                LicenseName::Named(name) => exact(row, "name", Some(name)),
                LicenseName::Spdx(_) => {}
            }
            acknowledge(row, license.acknowledgement, version);
            Ok(())
        }),
        Licenses::Expression { acknowledgement, .. } => each(map, "licenses", &[()], |row, ()| {
            acknowledge(row, *acknowledgement, version);
            Ok(())
        }),
    }
}

fn acknowledge(map: &mut Object, acknowledgement: Option<Acknowledgement>, version: SpecVersion) {
    if let Some(word) = acknowledgement.filter(|_| version >= SpecVersion::V1_6) {
        map.insert("acknowledgement".into(), word.as_str().into());
    }
}

/// The crate misspells `codified-infrastructure`, so the word is always ours.
fn external_references(
    map: &mut Object,
    references: &[ExternalReference],
    version: SpecVersion,
) -> Result<(), LiftError> {
    each(map, "externalReferences", references, |row, reference| {
        row.insert("type".into(), reference.kind.word_in(version).into());
        Ok(())
    })
}

fn properties(map: &mut Object, properties: &[Property]) -> Result<(), LiftError> {
    each(map, "properties", properties, |row, property| {
        exact(row, "value", Some(&property.value));
        Ok(())
    })
}

/// The crate writes `bomRef` for these elements.
fn name_element(map: &mut Object, bom_ref: Option<&BomRef>) {
    if let Some(bom_ref) = bom_ref {
        map.insert("bom-ref".into(), bom_ref.as_str().into());
    }
}

/// Puts a text back that the crate's `NormalizedString` has changed: `a\nb` would be read as `a b`, which is another
/// file.
fn exact(map: &mut Object, key: &'static str, text: Option<&str>) {
    if let Some(text) = text.filter(|text| text.contains(['\r', '\n', '\t'])) {
        map.insert(key.into(), text.into());
    }
}

/// Removes repeated entries that have no name. The model has none, but two components that differ only in what a
/// version cannot say become the same one, and the schema forbids that.
fn unique(map: &mut Object, key: &'static str) {
    let mut seen = BTreeSet::new();
    if let Some(Value::Array(rows)) = map.get_mut(key) {
        rows.retain(|row| row.get("bom-ref").is_some() || seen.insert(row.to_string()));
    }
}

fn put(map: &mut Object, key: &'static str, row: &impl Serialize) -> Result<(), LiftError> {
    let value = serde_json::to_value(row)
        .map_err(|source| LiftError::Unwritable { key, reason: source.to_string() })?;
    map.insert(key.into(), value);
    Ok(())
}

fn child<'v>(map: &'v mut Object, key: &'static str) -> Result<&'v mut Object, LiftError> {
    map.get_mut(key).and_then(Value::as_object_mut).ok_or(LiftError::NotAnObject { key })
}

fn object<'v>(value: &'v mut Value, key: &'static str) -> Result<&'v mut Object, LiftError> {
    value.as_object_mut().ok_or(LiftError::NotAnObject { key })
}

/// Applies a change to every entry of a list, each with its part of the model.
fn each<T>(
    map: &mut Object,
    key: &'static str,
    model: &[T],
    mut change: impl FnMut(&mut Object, &T) -> Result<(), LiftError>,
) -> Result<(), LiftError> {
    let rows = match map.get_mut(key) {
        Some(Value::Array(rows)) => rows.as_mut_slice(),
        _ => &mut [],
    };
    if rows.len() != model.len() {
        return Err(LiftError::Length { key, found: rows.len(), expected: model.len() });
    }
    for (row, item) in rows.iter_mut().zip(model) {
        change(object(row, key)?, item)?;
    }
    Ok(())
}
