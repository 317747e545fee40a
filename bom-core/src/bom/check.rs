//! Rules that a JSON Schema cannot hold: references are unique and lead somewhere, package URLs parse, property names
//! follow the taxonomy. Our own output must pass without a problem; `aibom validate` lists them for any document.

use super::document::{Bom, Component, Property};
use super::purl::Purl;
use super::scalars::BomRef;
use std::collections::BTreeSet;

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{at}: {kind}")]
pub struct Problem {
    /// The element: its bom-ref, or its place.
    pub at: String,
    /// The rule.
    pub kind: ProblemKind,
}

/// The rules.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum ProblemKind {
    /// Two elements have the same name.
    #[error("bom-ref is not unique")]
    DuplicateRef,
    /// A reference of a kind that must stay inside the document names nothing in it.
    #[error("{list} names {target:?}, which is not in the document")]
    DanglingRef {
        /// The list it stands in.
        list: &'static str,
        /// What it names.
        target: String,
    },
    /// The package URL is not in canonical form.
    #[error("purl {purl:?} does not parse back to itself")]
    Purl {
        /// The text.
        purl: String,
    },
    /// The name has characters that the property taxonomy forbids.
    #[error("property name {name:?} is not a taxonomy name")]
    PropertyName {
        /// The name.
        name: String,
    },
    /// A remark on nothing.
    #[error("annotation has no subject")]
    NoSubject,
}

/// Checks a document; sorted, without repetitions, empty if all is well.
pub fn check(bom: &Bom) -> Vec<Problem> {
    let mut checker = Checker::default();
    checker.collect(bom);
    checker.references(bom);
    checker.problems.into_iter().collect()
}

/// Whether a property name follows the CycloneDX taxonomy: parts of letters, digits, `-`, `_` and space, joined by
/// colons; all but the last part, the namespaces, in lower case.
pub fn is_taxonomy_name(name: &str) -> bool {
    let part_ok = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ' '))
    };
    let namespaces = name.rsplit_once(':').map_or("", |(namespaces, _)| namespaces);
    name.split(':').all(part_ok) && !namespaces.contains(|c: char| c.is_ascii_uppercase())
}

/// Makes any text a last part of a taxonomy name: forbidden characters become `_`. For names that come from a file
/// header, such as `cdx:ai-ml:model:hyperparameter:_undefined:<name>`.
pub fn taxonomy_segment(text: &str) -> String {
    let folded: String = text
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ' ') { c } else { '_' })
        .collect();
    if folded.is_empty() { "_".to_owned() } else { folded }
}

#[derive(Default)]
struct Checker<'a> {
    /// Names of components and services: what an edge may lead to.
    elements: BTreeSet<&'a BomRef>,
    /// All names.
    known: BTreeSet<&'a BomRef>,
    problems: BTreeSet<Problem>,
}

impl<'a> Checker<'a> {
    fn collect(&mut self, bom: &'a Bom) {
        let metadata = &bom.metadata;
        self.properties("metadata", &metadata.properties);
        for (place, component) in metadata.tools.iter().map(|tool| ("metadata.tools", tool)).chain(
            metadata
                .component
                .iter()
                .map(|subject| ("metadata.component", subject))
                .chain(bom.components.iter().map(|component| ("components", component))),
        ) {
            self.component(place, component);
        }
        for service in &bom.services {
            self.element(service.bom_ref.as_ref());
            self.properties(place_of(service.bom_ref.as_ref(), "services"), &service.properties);
        }
        for composition in &bom.compositions {
            self.name(composition.bom_ref.as_ref());
        }
        for annotation in &bom.annotations {
            self.name(annotation.bom_ref.as_ref());
        }
        for workflow in &bom.workflows {
            self.name(Some(&workflow.bom_ref));
            self.properties(workflow.bom_ref.as_str(), &workflow.properties);
            for task in &workflow.tasks {
                self.name(Some(&task.bom_ref));
                self.properties(task.bom_ref.as_str(), &task.properties);
            }
        }
    }

    fn component(&mut self, place: &str, component: &'a Component) {
        self.element(component.bom_ref.as_ref());
        let at = place_of(component.bom_ref.as_ref(), place);
        self.properties(at, &component.properties);
        self.purl(at, component.purl.as_ref());
        for ancestor in &component.pedigree.ancestors {
            self.element(ancestor.bom_ref.as_ref());
            self.purl(at, ancestor.purl.as_ref());
        }
        for seen in &component.evidence.occurrences {
            self.name(seen.bom_ref.as_ref());
        }
        if let Some(card) = &component.model_card {
            self.name(card.bom_ref.as_ref());
            self.properties(at, &card.properties);
        }
    }

    fn references(&mut self, bom: &'a Bom) {
        for (from, to) in &bom.dependencies {
            self.edge(from.as_str(), "dependencies.ref", from);
            for target in to {
                self.edge(from.as_str(), "dependencies.dependsOn", target);
            }
        }
        for composition in &bom.compositions {
            let at = place_of(composition.bom_ref.as_ref(), "compositions");
            for target in composition.assemblies.iter().filter(|target| !target.is_bom_link()) {
                self.edge(at, "compositions.assemblies", target);
            }
            for target in &composition.dependencies {
                self.edge(at, "compositions.dependencies", target);
            }
        }
        for annotation in &bom.annotations {
            let at = place_of(annotation.bom_ref.as_ref(), "annotations");
            if annotation.subjects.is_empty() {
                self.problem(at, ProblemKind::NoSubject);
            }
            for target in annotation.subjects.iter().filter(|target| !target.is_bom_link()) {
                if !self.known.contains(target) {
                    self.dangling(at, "annotations.subjects", target);
                }
            }
        }
    }

    fn edge(&mut self, at: &str, list: &'static str, target: &BomRef) {
        if !self.elements.contains(target) {
            self.dangling(at, list, target);
        }
    }

    fn dangling(&mut self, at: &str, list: &'static str, target: &BomRef) {
        self.problem(at, ProblemKind::DanglingRef { list, target: target.to_string() });
    }

    fn element(&mut self, bom_ref: Option<&'a BomRef>) {
        self.elements.extend(bom_ref);
        self.name(bom_ref);
    }

    fn name(&mut self, bom_ref: Option<&'a BomRef>) {
        if let Some(bom_ref) = bom_ref
            && !self.known.insert(bom_ref)
        {
            self.problem(bom_ref.as_str(), ProblemKind::DuplicateRef);
        }
    }

    fn purl(&mut self, at: &str, purl: Option<&Purl>) {
        if let Some(purl) = purl
            && !Purl::parse(purl.as_str()).is_ok_and(|again| again == *purl)
        {
            self.problem(at, ProblemKind::Purl { purl: purl.to_string() });
        }
    }

    fn properties(&mut self, at: &str, properties: &[Property]) {
        for property in properties.iter().filter(|property| !is_taxonomy_name(&property.name)) {
            self.problem(at, ProblemKind::PropertyName { name: property.name.clone() });
        }
    }

    fn problem(&mut self, at: &str, kind: ProblemKind) {
        self.problems.insert(Problem { at: at.to_owned(), kind });
    }
}

fn place_of<'a>(bom_ref: Option<&'a BomRef>, place: &'a str) -> &'a str {
    bom_ref.map_or(place, BomRef::as_str)
}
