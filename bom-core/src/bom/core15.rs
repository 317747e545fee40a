//! The 1.5 core of a document, through the `cyclonedx-bom` crate: the only room that knows that crate.
//!
//! The crate writes some fields wrongly or not at all; those are never filled here but added by `lift.rs`:
//! bom-refs of occurrences, model cards and compositions, more than one identity, `codified-infrastructure`, and the
//! words that 1.5 lacks. Its `NormalizedString` turns line breaks and tabs into spaces without a word, so `lift.rs`
//! also puts the exact text back. All lists keep the order of the model, because the lift walks both side by side.

use super::document as ours;
use super::document::Annotator;
use super::hash::Hash;
use super::license::{LicenseName, Licenses};
use super::scalars::{BomRef, Confidence, Version};
use super::terms::{SpecVersion, TaskType};
use super::timestamp::Timestamp;
use cyclonedx_bom::external_models::{
    date_time::DateTime,
    normalized_string::NormalizedString,
    spdx::{SpdxExpression, SpdxIdentifier},
    uri::{Purl, Uri},
};
use cyclonedx_bom::models::{
    annotation::{Annotation, Annotations, Annotator as TheirAnnotator},
    bom::{Bom, BomReference, SpecVersion as TheirVersion},
    component::{
        Classification, Component, ComponentEvidence, Components, ConfidenceScore, Identity, IdentityField,
        Method, Methods, Occurrence, Occurrences, Pedigree,
    },
    composition::{AggregateType, Composition, Compositions},
    dependency::{Dependencies, Dependency},
    external_reference::{ExternalReference, ExternalReferenceType, ExternalReferences, Uri as ReferenceUri},
    formulation::{
        Formula,
        workflow::{Task, TaskType as TheirTaskType, Workflow},
    },
    hash::{Hash as TheirHash, HashAlgorithm, HashValue, Hashes},
    license::{License, LicenseChoice, LicenseIdentifier, Licenses as TheirLicenses},
    lifecycle::{Lifecycle, Lifecycles, Phase},
    metadata::Metadata,
    modelcard::{ModelCard, ModelParameters, ModelParametersApproach},
    organization::{OrganizationalContact, OrganizationalEntity},
    property::{Properties, Property},
    service::{Data, DataClassification, DataFlowType, Service, ServiceData, Services},
    tool::Tools,
};

/// Why the crate did not give a document. Its own error types stay inside.
#[derive(Debug, thiserror::Error)]
pub enum CoreError {
    /// It refused the model.
    #[error("write the cyclonedx 1.5 core")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It refused a time.
    #[error("write the cyclonedx 1.5 core: time {text}")]
    Time {
        /// The time, as we format it.
        text: String,
        /// Its reason.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What it wrote is not JSON.
    #[error("write the cyclonedx 1.5 core: output is not json")]
    NotJson(#[source] serde_json::Error),
}

/// What the crate reads of XML.
#[derive(Debug, Clone, Copy)]
pub(super) enum XmlVersion {
    V1_3,
    V1_4,
    V1_5,
}

/// An XML document as a 1.5 value, by the crate's own reader and writer; an error in its words.
pub(super) fn xml_to_value(bytes: &[u8], version: XmlVersion) -> Result<serde_json::Value, String> {
    let read = match version {
        XmlVersion::V1_3 => Bom::parse_from_xml_v1_3(bytes),
        XmlVersion::V1_4 => Bom::parse_from_xml_v1_4(bytes),
        XmlVersion::V1_5 => Bom::parse_from_xml_v1_5(bytes),
    };
    let document = read.map_err(|error| error.to_string())?;
    let mut json = Vec::new();
    document.output_as_json_v1_5(&mut json).map_err(|error| error.to_string())?;
    serde_json::from_slice(&json).map_err(|error| error.to_string())
}

/// Whether a text is an identifier of the SPDX licence list.
pub(super) fn is_spdx_id(text: &str) -> bool {
    SpdxIdentifier::try_from(text.to_owned()).is_ok()
}

/// The document as a 1.5 value, without a serial number.
pub(super) fn to_value(bom: &ours::Bom) -> Result<serde_json::Value, CoreError> {
    let document = Bom {
        version: 1,
        // Never `Bom::default()`: it draws a random serial number.
        serial_number: None,
        metadata: Some(metadata(&bom.metadata)?),
        components: Some(Components(bom.components.iter().map(component).collect())),
        services: filled(&bom.services, service).map(Services),
        external_references: external_references(&bom.external_references),
        dependencies: Some(Dependencies(bom.dependencies.iter().map(dependency).collect())),
        compositions: filled(&bom.compositions, composition).map(Compositions),
        properties: None,
        vulnerabilities: None,
        signature: None,
        annotations: try_filled(&bom.annotations, annotation)?.map(Annotations),
        formulation: try_filled(&bom.workflows, workflow)?.map(|workflows| {
            vec![Formula {
                bom_ref: None,
                components: None,
                services: None,
                workflows: Some(workflows),
                properties: None,
            }]
        }),
        spec_version: TheirVersion::V1_5,
    };
    let mut bytes = Vec::new();
    document.output_as_json_v1_5(&mut bytes).map_err(|source| CoreError::Refused(Box::new(source)))?;
    serde_json::from_slice(&bytes).map_err(CoreError::NotJson)
}

fn metadata(metadata: &ours::Metadata) -> Result<Metadata, CoreError> {
    let phases: Vec<Lifecycle> = metadata
        .lifecycles
        .iter()
        .map(|phase| Lifecycle::Phase(Phase::new_unchecked(phase.as_str())))
        .collect();
    Ok(Metadata {
        timestamp: metadata.timestamp.map(time).transpose()?,
        tools: filled(&metadata.tools, component)
            .map(|tools| Tools::Object { services: None, components: Some(Components(tools)) }),
        authors: None,
        component: metadata.component.as_ref().map(component),
        manufacture: None,
        supplier: None,
        licenses: None,
        properties: properties(&metadata.properties),
        lifecycles: if phases.is_empty() { None } else { Some(Lifecycles(phases)) },
    })
}

fn component(component: &ours::Component) -> Component {
    let evidence = &component.evidence;
    Component {
        hashes: hashes(&component.hashes),
        description: component.description.as_deref().map(NormalizedString::new),
        licenses: licenses(&component.licenses),
        pedigree: pedigree(&component.pedigree),
        external_references: external_references(&component.external_references),
        properties: properties(&component.properties),
        evidence: if evidence.is_empty() { None } else { Some(component_evidence(evidence)) },
        model_card: component.model_card.as_ref().map(model_card),
        purl: component.purl.as_ref().and_then(purl),
        ..stub(
            component.kind.word_in(SpecVersion::V1_5),
            component.bom_ref.as_ref(),
            component.group.as_deref(),
            &component.name,
            component.version.as_ref(),
        )
    }
}

/// A component with a name and nothing else.
fn stub(
    kind: &str,
    bom_ref: Option<&BomRef>,
    group: Option<&str>,
    name: &str,
    version: Option<&Version>,
) -> Component {
    Component {
        component_type: Classification::new_unchecked(kind),
        mime_type: None,
        bom_ref: bom_ref.map(ToString::to_string),
        supplier: None,
        author: None,
        publisher: None,
        group: group.map(NormalizedString::new),
        name: NormalizedString::new(name),
        version: version.map(|version| NormalizedString::new(version.as_str())),
        description: None,
        scope: None,
        hashes: None,
        licenses: None,
        copyright: None,
        cpe: None,
        purl: None,
        swid: None,
        modified: None,
        pedigree: None,
        external_references: None,
        properties: None,
        components: None,
        evidence: None,
        signature: None,
        model_card: None,
        data: None,
    }
}

fn component_evidence(evidence: &ours::Evidence) -> ComponentEvidence {
    ComponentEvidence {
        licenses: licenses(&evidence.licenses),
        copyright: None,
        occurrences: filled(&evidence.occurrences, |seen| Occurrence::new(&seen.location)).map(Occurrences),
        callstack: None,
        // The lift adds the others from 1.6 on.
        identity: evidence.principal().map(identity),
    }
}

fn identity(identity: &ours::Identity) -> Identity {
    let score = |confidence: Confidence| ConfidenceScore::new(f32::from(confidence.permille()) / 1000.0);
    Identity {
        field: IdentityField::new_unchecked(identity.field.as_str()),
        confidence: identity.confidence.map(score),
        methods: filled(&identity.methods, |method| Method {
            technique: method.technique.as_str().to_owned(),
            confidence: score(method.confidence),
            value: method.value.clone(),
        })
        .map(Methods),
        tools: None,
    }
}

fn pedigree(pedigree: &ours::Pedigree) -> Option<Pedigree> {
    if pedigree.ancestors.is_empty() && pedigree.notes.is_none() {
        return None;
    }
    let ancestors = filled(&pedigree.ancestors, |ancestor| Component {
        hashes: hashes(&ancestor.hashes),
        purl: ancestor.purl.as_ref().and_then(purl),
        ..stub(
            ancestor.kind.word_in(SpecVersion::V1_5),
            ancestor.bom_ref.as_ref(),
            ancestor.group.as_deref(),
            &ancestor.name,
            ancestor.version.as_ref(),
        )
    });
    Some(Pedigree {
        ancestors: ancestors.map(Components),
        descendants: None,
        variants: None,
        commits: None,
        patches: None,
        notes: pedigree.notes.clone(),
    })
}

fn model_card(card: &ours::ModelCard) -> ModelCard {
    let parameters = ModelParameters {
        approach: card.approach.map(|approach| ModelParametersApproach::new(approach.as_str())),
        task: card.task.clone(),
        architecture_family: card.architecture_family.clone(),
        model_architecture: card.model_architecture.clone(),
        datasets: None,
        inputs: None,
        outputs: None,
    };
    let stated = card.approach.is_some()
        || card.task.is_some()
        || card.architecture_family.is_some()
        || card.model_architecture.is_some();
    ModelCard {
        bom_ref: None,
        model_parameters: stated.then_some(parameters),
        quantitative_analysis: None,
        considerations: None,
        properties: properties(&card.properties),
    }
}

fn service(service: &ours::Service) -> Service {
    Service {
        bom_ref: service.bom_ref.as_ref().map(ToString::to_string),
        provider: service.provider.as_ref().map(|provider| OrganizationalEntity {
            bom_ref: None,
            name: provider.name.as_deref().map(NormalizedString::new),
            url: filled(&provider.urls, |url| Uri::new(url.as_str())),
            contact: None,
        }),
        group: service.group.as_deref().map(NormalizedString::new),
        name: NormalizedString::new(&service.name),
        version: service.version.as_ref().map(|version| NormalizedString::new(version.as_str())),
        description: service.description.as_deref().map(NormalizedString::new),
        endpoints: filled(&service.endpoints, |url| Uri::new(url.as_str())),
        authenticated: service.authenticated,
        x_trust_boundary: service.x_trust_boundary,
        data: filled(&service.data, |flow| ServiceData {
            name: None,
            description: None,
            classification: DataClassification {
                flow: DataFlowType::new_unchecked(flow.flow.as_str()),
                classification: NormalizedString::new(&flow.classification),
            },
            governance: None,
            source: None,
            destination: None,
        })
        .map(Data::ServiceData),
        licenses: licenses(&service.licenses),
        external_references: external_references(&service.external_references),
        properties: properties(&service.properties),
        services: None,
        signature: None,
        trust_zone: service.trust_zone.as_deref().map(NormalizedString::new),
    }
}

fn dependency((from, to): (&BomRef, &std::collections::BTreeSet<BomRef>)) -> Dependency {
    Dependency {
        dependency_ref: from.to_string(),
        dependencies: to.iter().map(ToString::to_string).collect(),
    }
}

fn composition(composition: &ours::Composition) -> Composition {
    let references = |refs| filled(refs, |bom_ref: &BomRef| BomReference::new(bom_ref));
    Composition {
        bom_ref: None,
        aggregate: AggregateType::new_unchecked(composition.aggregate.as_str()),
        assemblies: references(&composition.assemblies),
        dependencies: references(&composition.dependencies),
        vulnerabilities: None,
        signature: None,
    }
}

fn annotation(annotation: &ours::Annotation) -> Result<Annotation, CoreError> {
    let annotator = match &annotation.annotator {
        Annotator::Component { kind, group, name, version } => {
            let word = kind.word_in(SpecVersion::V1_5);
            TheirAnnotator::Component(stub(word, None, group.as_deref(), name, version.as_ref()))
        }
        Annotator::Organization { name } => TheirAnnotator::Organization(OrganizationalEntity {
            bom_ref: None,
            name: name.as_deref().map(NormalizedString::new),
            url: None,
            contact: None,
        }),
        Annotator::Individual { name } => TheirAnnotator::Individual(OrganizationalContact {
            name: name.as_deref().map(NormalizedString::new),
            ..OrganizationalContact::default()
        }),
        Annotator::Service { name } => TheirAnnotator::Service(Service::new(name, None)),
    };
    Ok(Annotation {
        bom_ref: annotation.bom_ref.as_ref().map(ToString::to_string),
        subjects: annotation.subjects.iter().map(ToString::to_string).collect(),
        annotator,
        timestamp: time(annotation.timestamp)?,
        text: annotation.text.clone(),
        signature: None,
    })
}

fn workflow(workflow: &ours::Workflow) -> Result<Workflow, CoreError> {
    Ok(Workflow {
        bom_ref: BomReference::new(&workflow.bom_ref),
        uid: workflow.uid.clone(),
        name: workflow.name.clone(),
        description: workflow.description.clone(),
        resource_references: None,
        tasks: try_filled(&workflow.tasks, task)?,
        task_dependencies: None,
        task_types: task_types(&workflow.task_types),
        trigger: None,
        steps: None,
        inputs: None,
        outputs: None,
        time_start: workflow.time_start.map(time).transpose()?,
        time_end: workflow.time_end.map(time).transpose()?,
        workspaces: None,
        runtime_topology: None,
        properties: properties(&workflow.properties),
    })
}

fn task(task: &ours::Task) -> Result<Task, CoreError> {
    Ok(Task {
        bom_ref: BomReference::new(&task.bom_ref),
        uid: task.uid.clone(),
        name: task.name.clone(),
        description: task.description.clone(),
        resource_references: None,
        task_types: task_types(&task.task_types),
        trigger: None,
        steps: None,
        inputs: None,
        outputs: None,
        time_start: task.time_start.map(time).transpose()?,
        time_end: task.time_end.map(time).transpose()?,
        workspaces: None,
        runtime_topology: None,
        properties: properties(&task.properties),
    })
}

fn task_types(types: &std::collections::BTreeSet<TaskType>) -> Vec<TheirTaskType> {
    types.iter().map(|word| TheirTaskType::new_unchecked(word.as_str())).collect()
}

fn licenses(licenses: &Licenses) -> Option<TheirLicenses> {
    let choices: Vec<LicenseChoice> = match licenses {
        Licenses::Expression { text, .. } => vec![LicenseChoice::Expression(SpdxExpression::new(text))],
        Licenses::List(list) => list
            .iter()
            .map(|license| {
                let identifier = match &license.name {
                    LicenseName::Named(name) => LicenseIdentifier::Name(NormalizedString::new(name)),
                    LicenseName::Spdx(id) => match SpdxIdentifier::try_from(id.as_str().to_owned()) {
                        Ok(id) => LicenseIdentifier::SpdxId(id),
                        Err(_) => LicenseIdentifier::Name(NormalizedString::new(id.as_str())),
                    },
                };
                LicenseChoice::License(License {
                    bom_ref: None,
                    license_identifier: identifier,
                    text: None,
                    url: None,
                    licensing: None,
                    properties: None,
                })
            })
            .collect(),
    };
    if choices.is_empty() { None } else { Some(TheirLicenses(choices)) }
}

fn external_references(references: &[ours::ExternalReference]) -> Option<ExternalReferences> {
    filled(references, |reference| ExternalReference {
        external_reference_type: ExternalReferenceType::new_unchecked(
            reference.kind.word_in(SpecVersion::V1_5),
        ),
        url: ReferenceUri::from(Uri::new(reference.url.as_str())),
        comment: reference.comment.clone(),
        hashes: hashes(&reference.hashes),
    })
    .map(ExternalReferences)
}

fn hashes(hashes: &[Hash]) -> Option<Hashes> {
    filled(hashes, |hash| TheirHash {
        alg: HashAlgorithm::new_unchecked(hash.algorithm().as_str()),
        content: HashValue(hash.hex().to_owned()),
    })
    .map(Hashes)
}

fn properties(properties: &[ours::Property]) -> Option<Properties> {
    filled(properties, |property| Property::new(&property.name, &property.value)).map(Properties)
}

/// Never `Purl::new` of the crate: it cannot say a namespace.
fn purl(purl: &super::purl::Purl) -> Option<Purl> {
    purl.as_str().parse().ok()
}

fn time(at: Timestamp) -> Result<DateTime, CoreError> {
    let text = at.to_string();
    DateTime::try_from(text.clone()).map_err(|source| CoreError::Time { text, source: Box::new(source) })
}

/// Maps a list; an empty one is left out of the document.
fn filled<'a, T: 'a, U>(
    items: impl IntoIterator<Item = &'a T>,
    convert: impl FnMut(&'a T) -> U,
) -> Option<Vec<U>> {
    let list: Vec<U> = items.into_iter().map(convert).collect();
    if list.is_empty() { None } else { Some(list) }
}

fn try_filled<T, U>(
    items: &[T],
    convert: impl FnMut(&T) -> Result<U, CoreError>,
) -> Result<Option<Vec<U>>, CoreError> {
    let list = items.iter().map(convert).collect::<Result<Vec<U>, CoreError>>()?;
    Ok(if list.is_empty() { None } else { Some(list) })
}
