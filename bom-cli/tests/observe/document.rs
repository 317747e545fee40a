//! The BOM of an observation, checked with our own rules and then asked.

use std::collections::BTreeSet;

use bom_core::bom::{Bom, Component, ComponentKind, check, from_json};

pub(crate) struct Document(Bom);

impl Document {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let read = from_json(bytes).expect("a CycloneDX document");
        assert_eq!(read.issues, [], "everything in it is read");
        assert_eq!(check(&read.bom), [], "and follows the rules");
        Self(read.bom)
    }

    /// The subjects, by name.
    pub(crate) fn subjects(&self) -> BTreeSet<&str> {
        self.all_subjects().map(|subject| subject.name.as_str()).collect()
    }

    /// Names of the model files that a subject used, each with how strongly that is known.
    pub(crate) fn models(&self, subject: &str) -> BTreeSet<(String, String)> {
        let reference = self.subject(subject).bom_ref.as_ref().expect("a reference").as_str();
        let mut models = BTreeSet::new();
        for model in self.0.components.iter().filter(|one| one.kind == ComponentKind::MachineLearningModel) {
            for occurrence in &model.evidence.occurrences {
                let context = occurrence.additional_context.as_deref().unwrap_or_default();
                let word = |name: &str| context.split(' ').find_map(|word| word.strip_prefix(name));
                if word("subject=") == Some(reference) {
                    let path = occurrence.location.as_str();
                    let name = path.rsplit('/').next().unwrap_or(path).to_owned();
                    models.insert((name, word("strength=").unwrap_or_default().to_owned()));
                }
            }
        }
        models
    }

    /// Addresses or names of what was called, with the port.
    pub(crate) fn endpoints(&self) -> BTreeSet<String> {
        let endpoints = self.0.services.iter().flat_map(|service| &service.endpoints);
        endpoints.map(ToString::to_string).collect()
    }

    /// Only the names.
    pub(crate) fn model_names(&self, subject: &str) -> BTreeSet<String> {
        self.models(subject).into_iter().map(|(name, _)| name).collect()
    }

    /// Of the whole observation.
    pub(crate) fn metadata(&self, name: &str) -> Vec<&str> {
        let properties = self.0.metadata.properties.iter();
        properties.filter(|one| one.name == name).map(|one| one.value.as_str()).collect()
    }

    pub(crate) fn property(&self, subject: &str, name: &str) -> Vec<&str> {
        let properties = self.subject(subject).properties.iter();
        properties.filter(|one| one.name == name).map(|one| one.value.as_str()).collect()
    }

    pub(crate) fn gaps(&self, subject: &str, class: &str) -> BTreeSet<&str> {
        self.property(subject, &format!("aibom:coverage:{class}:gap")).into_iter().collect()
    }

    /// How often a program was executed, all its components together.
    pub(crate) fn executions(&self, name: &str) -> u64 {
        let programs = self.0.components.iter().filter(|component| {
            let reference = component.bom_ref.as_ref().map_or("", |reference| reference.as_str());
            component.name == name && reference.starts_with("program:")
        });
        let occurrences = programs.flat_map(|program| &program.evidence.occurrences);
        let contexts = occurrences.filter_map(|one| one.additional_context.as_deref());
        let counts = contexts.filter_map(|text| text.split(' ').find_map(|word| word.strip_prefix("count=")));
        counts.map(|count| count.parse::<u64>().expect("a number")).sum()
    }

    fn subject(&self, name: &str) -> &Component {
        let found = self.all_subjects().find(|subject| subject.name == name);
        found.unwrap_or_else(|| panic!("no subject {name}: {:?}", self.subjects()))
    }

    fn all_subjects(&self) -> impl Iterator<Item = &Component> {
        let components = self.0.metadata.component.iter().chain(&self.0.components);
        components.filter(|component| {
            component.bom_ref.as_ref().is_some_and(|reference| reference.as_str().starts_with("subject:"))
        })
    }
}
