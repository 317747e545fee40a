//! One form for the same content: every list sorted, exact duplicates gone, references and edges untouched.

use super::document::{Bom, Component, ExternalReference, Service};
use super::license::Licenses;
use crate::sorting::sort;

impl Bom {
    /// Sorts every list and removes exact duplicates, so that the same content has one form.
    #[must_use]
    pub fn normalized(mut self) -> Self {
        for component in self.metadata.tools.iter_mut().chain(&mut self.metadata.component) {
            component.normalize();
        }
        tidy(&mut self.metadata.tools);
        tidy(&mut self.metadata.properties);
        self.components.iter_mut().for_each(Component::normalize);
        sort(&mut self.components, Ord::cmp);
        self.components.dedup();
        self.services.iter_mut().for_each(Service::normalize);
        tidy(&mut self.services);
        tidy_references(&mut self.external_references);
        tidy(&mut self.compositions);
        tidy(&mut self.annotations);
        for workflow in &mut self.workflows {
            workflow.tasks.iter_mut().for_each(|task| tidy(&mut task.properties));
            tidy(&mut workflow.tasks);
            tidy(&mut workflow.properties);
        }
        tidy(&mut self.workflows);
        self
    }
}

impl Component {
    fn normalize(&mut self) {
        tidy(&mut self.hashes);
        tidy_licenses(&mut self.licenses);
        self.pedigree.ancestors.iter_mut().for_each(|ancestor| tidy(&mut ancestor.hashes));
        tidy(&mut self.pedigree.ancestors);
        tidy_references(&mut self.external_references);
        tidy(&mut self.properties);
        self.evidence.identities.iter_mut().for_each(|identity| tidy(&mut identity.methods));
        tidy(&mut self.evidence.identities);
        tidy(&mut self.evidence.occurrences);
        tidy_licenses(&mut self.evidence.licenses);
        if let Some(card) = &mut self.model_card {
            tidy(&mut card.properties);
        }
    }
}

impl Service {
    fn normalize(&mut self) {
        tidy(&mut self.data);
        tidy_licenses(&mut self.licenses);
        tidy_references(&mut self.external_references);
        tidy(&mut self.properties);
    }
}

fn tidy<T: Ord>(list: &mut Vec<T>) {
    list.sort();
    list.dedup();
}

fn tidy_licenses(licenses: &mut Licenses) {
    match licenses {
        Licenses::List(list) => tidy(list),
        Licenses::Expression { .. } => {}
    }
}

fn tidy_references(references: &mut Vec<ExternalReference>) {
    references.iter_mut().for_each(|reference| tidy(&mut reference.hashes));
    tidy(references);
}
