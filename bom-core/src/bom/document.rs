//! The neutral model of a CycloneDX document: what we say, before any version of the specification.
//!
//! An empty list means "nothing stated". Order has no meaning: [`Bom::normalized`] sorts every list and removes exact
//! duplicates, and the writer always does it first. What the newtypes hold (a reference is not empty, a confidence is
//! at most 1, a version fits the schema) cannot be broken by a caller.

use super::hash::Hash;
use super::iri::Iri;
use super::license::Licenses;
use super::purl::Purl;
use super::scalars::{BomRef, Confidence, Version};
use super::terms::{
    Aggregate, Approach, ComponentKind, ExternalReferenceKind, Flow, IdentityField, Phase, SpecVersion,
    TaskType, Technique,
};
use super::timestamp::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// One document: one observation set, or one declaration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bom {
    /// Who made the document, when, about what.
    pub metadata: Metadata,
    /// Everything found, flat.
    pub components: Vec<Component>,
    /// Everything called.
    pub services: Vec<Service>,
    /// Links of the document as a whole.
    pub external_references: Vec<ExternalReference>,
    /// Edges, from an element to what it uses. An element with an empty set is stated to use nothing.
    pub dependencies: BTreeMap<BomRef, BTreeSet<BomRef>>,
    /// How complete the lists are.
    pub compositions: Vec<Composition>,
    /// Remarks on elements, with an author.
    pub annotations: Vec<Annotation>,
    /// How the document came to be: written as one formula.
    pub workflows: Vec<Workflow>,
}

/// `metadata`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    /// The end of the observed window.
    pub timestamp: Option<Timestamp>,
    /// When in the life of the subject the document was made.
    pub lifecycles: BTreeSet<Phase>,
    /// The programs that made it.
    pub tools: Vec<Component>,
    /// What the document is about.
    pub component: Option<Component>,
    /// Further facts.
    pub properties: Vec<Property>,
}

/// A component. Fields that a version cannot say are listed by [`super::dropped`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Component {
    /// The name of this element inside the document; ours always have one.
    pub bom_ref: Option<BomRef>,
    /// `type`.
    pub kind: ComponentKind,
    /// The namespace of the name.
    pub group: Option<String>,
    /// The name. Bytes that somebody else chose go through [`super::escape`] first.
    pub name: String,
    /// The version.
    pub version: Option<Version>,
    /// One sentence.
    pub description: Option<String>,
    /// The identity in an ecosystem.
    pub purl: Option<Purl>,
    /// Digests of the content.
    pub hashes: Vec<Hash>,
    /// Licences of the component.
    pub licenses: Licenses,
    /// Not delivered with the subject, reached elsewhere (`isExternal`, since 1.7).
    pub external: bool,
    /// What it was made from.
    pub pedigree: Pedigree,
    /// Links.
    pub external_references: Vec<ExternalReference>,
    /// Further facts; names may repeat.
    pub properties: Vec<Property>,
    /// How we know.
    pub evidence: Evidence,
    /// For machine-learning models.
    pub model_card: Option<ModelCard>,
}

/// `properties[]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Property {
    /// Taxonomy name, such as `aibom:model:format`; its characters are checked before writing.
    pub name: String,
    /// Any text.
    pub value: String,
}

/// `evidence`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Evidence {
    /// Which parts of the identity are known, how, and how surely.
    pub identities: Vec<Identity>,
    /// Where the component was seen.
    pub occurrences: Vec<Occurrence>,
    /// Licences found in the content itself.
    pub licenses: Licenses,
}

/// `evidence.identity[]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    /// The part of the identity.
    pub field: IdentityField,
    /// The value that the methods lead to (since 1.6).
    pub concluded_value: Option<String>,
    /// How sure, over all methods.
    pub confidence: Option<Confidence>,
    /// The methods.
    pub methods: Vec<Method>,
}

/// `evidence.identity[].methods[]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Method {
    /// How the value was found.
    pub technique: Technique,
    /// How sure this method alone is.
    pub confidence: Confidence,
    /// What it found.
    pub value: Option<String>,
}

/// `evidence.occurrences[]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Occurrence {
    /// Names this piece of evidence, so that a log or a report can point at it.
    pub bom_ref: Option<BomRef>,
    /// A path (escaped) or an address.
    pub location: String,
    /// The symbol or shared-object name (since 1.6).
    pub symbol: Option<String>,
    /// Key=value text; ours starts with `subject=<bom-ref>` (since 1.6).
    pub additional_context: Option<String>,
}

/// `pedigree`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Pedigree {
    /// What the component derives from, such as the base model of an adapter.
    pub ancestors: Vec<Ancestor>,
    /// Free text.
    pub notes: Option<String>,
}

/// A component that is only named. Not a [`Component`], so that the model has no recursion.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ancestor {
    /// The name of this element inside the document.
    pub bom_ref: Option<BomRef>,
    /// `type`.
    pub kind: ComponentKind,
    /// The namespace of the name.
    pub group: Option<String>,
    /// The name.
    pub name: String,
    /// The version.
    pub version: Option<Version>,
    /// The identity in an ecosystem.
    pub purl: Option<Purl>,
    /// Digests of the content.
    pub hashes: Vec<Hash>,
}

/// `modelCard`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ModelCard {
    /// The name of this element inside the document.
    pub bom_ref: Option<BomRef>,
    /// How the model was trained.
    pub approach: Option<Approach>,
    /// What it does, such as `text-generation`.
    pub task: Option<String>,
    /// Such as `transformer`.
    pub architecture_family: Option<String>,
    /// Such as `qwen2`.
    pub model_architecture: Option<String>,
    /// The registered `cdx:ai-ml:*` names belong here.
    pub properties: Vec<Property>,
}

/// `externalReferences[]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExternalReference {
    /// What the link leads to.
    pub kind: ExternalReferenceKind,
    /// The link.
    pub url: Iri,
    /// Free text.
    pub comment: Option<String>,
    /// Digests of what the link leads to.
    pub hashes: Vec<Hash>,
}

/// `services[]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Service {
    /// The name of this element inside the document; ours always have one.
    pub bom_ref: Option<BomRef>,
    /// Who runs it.
    pub provider: Option<Provider>,
    /// The namespace of the name.
    pub group: Option<String>,
    /// The name.
    pub name: String,
    /// The version.
    pub version: Option<Version>,
    /// One sentence.
    pub description: Option<String>,
    /// Addresses; for TLS scheme, host and port only.
    pub endpoints: BTreeSet<Iri>,
    /// Whether it asks who is calling; `None` if that is not known.
    pub authenticated: Option<bool>,
    /// Whether calling it leaves the trust boundary; `None` if that is not known.
    pub x_trust_boundary: Option<bool>,
    /// The zone it stands in.
    pub trust_zone: Option<String>,
    /// What flows.
    pub data: Vec<DataFlow>,
    /// Licences of the service.
    pub licenses: Licenses,
    /// Links.
    pub external_references: Vec<ExternalReference>,
    /// Further facts; names may repeat.
    pub properties: Vec<Property>,
}

/// `services[].provider`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Provider {
    /// Its name, if stated.
    pub name: Option<String>,
    /// Its pages.
    pub urls: BTreeSet<Iri>,
}

/// `services[].data[]`, without names and descriptions: common readers stumble over them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DataFlow {
    /// The direction, seen from the service.
    pub flow: Flow,
    /// What kind of data.
    pub classification: String,
}

/// `compositions[]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Composition {
    /// The name of this element, so that an annotation can give the reasons.
    pub bom_ref: Option<BomRef>,
    /// The claim.
    pub aggregate: Aggregate,
    /// Elements whose parts the claim is about.
    pub assemblies: BTreeSet<BomRef>,
    /// Elements whose dependencies the claim is about.
    pub dependencies: BTreeSet<BomRef>,
}

/// `annotations[]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Annotation {
    /// The name of this element inside the document.
    pub bom_ref: Option<BomRef>,
    /// What the remark is about.
    pub subjects: BTreeSet<BomRef>,
    /// Who remarks.
    pub annotator: Annotator,
    /// When.
    pub timestamp: Timestamp,
    /// The remark.
    pub text: String,
}

/// `annotations[].annotator`: named only, so that it never repeats a bom-ref.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Annotator {
    /// A program.
    Component {
        /// What it is.
        kind: ComponentKind,
        /// The namespace of its name.
        group: Option<String>,
        /// Its name.
        name: String,
        /// Its version.
        version: Option<Version>,
    },
    /// An organisation.
    Organization {
        /// Its name, if stated.
        name: Option<String>,
    },
    /// A person.
    Individual {
        /// The name, if stated.
        name: Option<String>,
    },
    /// A service.
    Service {
        /// Its name.
        name: String,
    },
}

/// `formulation[].workflows[]`: one observation, such as one run or one window.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Workflow {
    /// The name of this element inside the document.
    pub bom_ref: BomRef,
    /// An identifier within the system that ran it.
    pub uid: String,
    /// Its name.
    pub name: Option<String>,
    /// One sentence.
    pub description: Option<String>,
    /// What was done.
    pub task_types: BTreeSet<TaskType>,
    /// When it began.
    pub time_start: Option<Timestamp>,
    /// When it ended.
    pub time_end: Option<Timestamp>,
    /// The parts, such as one per plane.
    pub tasks: Vec<Task>,
    /// Further facts.
    pub properties: Vec<Property>,
}

/// `formulation[].workflows[].tasks[]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Task {
    /// The name of this element inside the document.
    pub bom_ref: BomRef,
    /// An identifier within the system that ran it.
    pub uid: String,
    /// Its name.
    pub name: Option<String>,
    /// One sentence.
    pub description: Option<String>,
    /// What was done.
    pub task_types: BTreeSet<TaskType>,
    /// When it began.
    pub time_start: Option<Timestamp>,
    /// When it ended.
    pub time_end: Option<Timestamp>,
    /// Further facts.
    pub properties: Vec<Property>,
}

impl Bom {
    /// Removes every time that the model holds, for documents that are compared byte by byte. An annotation must have
    /// a time, so it gets the Unix epoch. Times inside property values are the caller's.
    #[must_use]
    pub fn without_times(mut self) -> Self {
        self.metadata.timestamp = None;
        for annotation in &mut self.annotations {
            annotation.timestamp = Timestamp::UNIX_EPOCH;
        }
        for workflow in &mut self.workflows {
            workflow.time_start = None;
            workflow.time_end = None;
            for task in &mut workflow.tasks {
                task.time_start = None;
                task.time_end = None;
            }
        }
        self
    }
}

impl Property {
    /// A name and a value.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

impl Component {
    /// A component with nothing but its reference, kind and name.
    pub fn new(bom_ref: BomRef, kind: ComponentKind, name: impl Into<String>) -> Self {
        Self { bom_ref: Some(bom_ref), ..Self::nameless(kind, name.into()) }
    }

    pub(super) fn nameless(kind: ComponentKind, name: String) -> Self {
        Self {
            bom_ref: None,
            kind,
            group: None,
            name,
            version: None,
            description: None,
            purl: None,
            hashes: Vec::new(),
            licenses: Licenses::default(),
            external: false,
            pedigree: Pedigree::default(),
            external_references: Vec::new(),
            properties: Vec::new(),
            evidence: Evidence::default(),
            model_card: None,
        }
    }
}

impl Evidence {
    /// Whether nothing is stated.
    pub fn is_empty(&self) -> bool {
        self.identities.is_empty() && self.occurrences.is_empty() && self.licenses.is_empty()
    }

    /// The identity that stands for all in 1.5, which has room for one: of the fields it knows the surest, and of
    /// equals the first.
    pub(super) fn principal(&self) -> Option<&Identity> {
        let known = self.identities.iter().filter(|identity| identity.field.since() == SpecVersion::V1_5);
        known.fold(None, |best: Option<&Identity>, identity| match best {
            Some(best) if best.confidence >= identity.confidence => Some(best),
            _ => Some(identity),
        })
    }
}

impl Service {
    /// A service with nothing but its reference and name.
    pub fn new(bom_ref: BomRef, name: impl Into<String>) -> Self {
        Self { bom_ref: Some(bom_ref), ..Self::nameless(name.into()) }
    }

    pub(super) fn nameless(name: String) -> Self {
        Self {
            bom_ref: None,
            provider: None,
            group: None,
            name,
            version: None,
            description: None,
            endpoints: BTreeSet::new(),
            authenticated: None,
            x_trust_boundary: None,
            trust_zone: None,
            data: Vec::new(),
            licenses: Licenses::default(),
            external_references: Vec::new(),
            properties: Vec::new(),
        }
    }
}
