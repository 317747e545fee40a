//! What a version of the specification cannot say, listed before it is left out.

use super::document::{Annotator, Bom, Component, Evidence, ExternalReference};
use super::license::Licenses;
use super::terms::{ComponentKind, SpecVersion};
use std::collections::BTreeSet;

/// One value of the model that a version has no room for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dropped {
    /// The element it belongs to: its bom-ref, or its name if it has none.
    pub element: String,
    /// The field, as the newer version spells its path.
    pub field: &'static str,
    /// What is lost, or what is written in its place.
    pub detail: String,
}

impl std::fmt::Display for Dropped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}: {}", self.element, self.field, self.detail)
    }
}

/// Lists what is lost when a document is written in a version: sorted, empty if nothing is.
pub fn dropped(bom: &Bom, version: SpecVersion) -> Vec<Dropped> {
    let mut losses = Losses { version, found: BTreeSet::new() };
    let metadata = &bom.metadata;
    for component in metadata.tools.iter().chain(&metadata.component).chain(&bom.components) {
        losses.component(component);
    }
    for service in &bom.services {
        let element = service.bom_ref.as_ref().map_or(service.name.as_str(), |bom_ref| bom_ref.as_str());
        losses.licenses(element, "licenses", &service.licenses);
        losses.external_references(element, &service.external_references);
    }
    losses.external_references("document", &bom.external_references);
    for annotation in &bom.annotations {
        match &annotation.annotator {
            Annotator::Component { kind, name, .. } => {
                losses.kind(name, "annotations.annotator.component.type", *kind);
            }
            Annotator::Organization { .. } | Annotator::Individual { .. } | Annotator::Service { .. } => {}
        }
    }
    losses.found.into_iter().collect()
}

struct Losses {
    version: SpecVersion,
    found: BTreeSet<Dropped>,
}

impl Losses {
    fn add(&mut self, element: &str, field: &'static str, detail: impl Into<String>) {
        self.found.insert(Dropped { element: element.to_owned(), field, detail: detail.into() });
    }

    fn component(&mut self, component: &Component) {
        let element = component.bom_ref.as_ref().map_or(component.name.as_str(), |bom_ref| bom_ref.as_str());
        self.kind(element, "type", component.kind);
        if component.external && self.version < SpecVersion::V1_7 {
            self.add(element, "isExternal", "true");
        }
        self.licenses(element, "licenses", &component.licenses);
        self.external_references(element, &component.external_references);
        for ancestor in &component.pedigree.ancestors {
            self.kind(element, "pedigree.ancestors.type", ancestor.kind);
        }
        self.evidence(element, &component.evidence);
    }

    fn evidence(&mut self, element: &str, evidence: &Evidence) {
        self.licenses(element, "evidence.licenses", &evidence.licenses);
        if self.version >= SpecVersion::V1_6 {
            return;
        }
        for seen in &evidence.occurrences {
            if let Some(symbol) = &seen.symbol {
                self.add(element, "evidence.occurrences.symbol", format!("{} at {}", symbol, seen.location));
            }
            if let Some(context) = &seen.additional_context {
                let detail = format!("{} at {}", context, seen.location);
                self.add(element, "evidence.occurrences.additionalContext", detail);
            }
        }
        let kept = evidence.principal();
        for identity in &evidence.identities {
            if kept.is_none_or(|kept| kept != identity) {
                self.add(element, "evidence.identity", identity.field.as_str());
            }
            if let Some(value) = &identity.concluded_value {
                self.add(element, "evidence.identity.concludedValue", format!("{} {value}", identity.field));
            }
        }
    }

    fn licenses(&mut self, element: &str, field: &'static str, licenses: &Licenses) {
        if self.version >= SpecVersion::V1_6 {
            return;
        }
        let words: Vec<_> = match licenses {
            Licenses::List(list) => list.iter().filter_map(|license| license.acknowledgement).collect(),
            Licenses::Expression { acknowledgement, .. } => acknowledgement.iter().copied().collect(),
        };
        for word in words {
            self.add(element, field, format!("acknowledgement {word}"));
        }
    }

    fn external_references(&mut self, element: &str, references: &[ExternalReference]) {
        for reference in references {
            let written = reference.kind.word_in(self.version);
            if written != reference.kind.as_str() {
                let detail = format!("{} becomes {written}: {}", reference.kind, reference.url);
                self.add(element, "externalReferences.type", detail);
            }
        }
    }

    fn kind(&mut self, element: &str, field: &'static str, kind: ComponentKind) {
        let written = kind.word_in(self.version);
        if written != kind.as_str() {
            self.add(element, field, format!("{kind} becomes {written}"));
        }
    }
}
