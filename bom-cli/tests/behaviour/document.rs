//! The BOM of a run, checked with our own rules and then asked.

use std::{collections::BTreeMap, fs, path::Path};

use bom_core::bom::{Aggregate, Bom, Component, ComponentKind, check, from_json};

pub(crate) struct Document(pub(crate) Bom);

/// The classes that coverage is stated for.
pub(crate) const CLASSES: [&str; 5] = ["endpoints", "libraries", "models", "packages", "programs"];

impl Document {
    pub(crate) fn open(path: &Path) -> Self {
        Self::parse(&fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let read = from_json(bytes).expect("a CycloneDX document");
        assert_eq!(read.issues, [], "everything in it is read");
        assert_eq!(check(&read.bom), [], "and follows the rules");
        let document = Self(read.bom);
        document.coverage_agrees();
        document
    }

    /// The composition says what the properties of the classes say.
    fn coverage_agrees(&self) {
        let complete = CLASSES.iter().all(|class| {
            let [word] = self.subject(&format!("aibom:coverage:{class}"))[..] else {
                panic!("{class}: one word")
            };
            let gaps = self.gaps(class);
            assert_eq!(word == "complete", gaps.is_empty(), "{class}: {word}, {gaps:?}");
            word == "complete"
        });
        let expected = if complete { Aggregate::Complete } else { Aggregate::Incomplete };
        let found: Vec<_> = self.0.compositions.iter().map(|composition| composition.aggregate).collect();
        assert_eq!(found, [expected]);
    }

    /// Values of a property of the subject.
    pub(crate) fn subject(&self, name: &str) -> Vec<&str> {
        properties(self.0.metadata.component.as_ref().expect("a subject"), name)
    }

    pub(crate) fn gaps(&self, class: &str) -> Vec<&str> {
        self.subject(&format!("aibom:coverage:{class}:gap"))
    }

    /// Every class has the gap.
    pub(crate) fn has_gap_everywhere(&self, gap: &str) -> bool {
        CLASSES.iter().all(|class| self.gaps(class).contains(&gap))
    }

    /// What the probes counted.
    pub(crate) fn counters(&self) -> BTreeMap<&str, u64> {
        let counters = self.0.metadata.properties.iter().filter_map(|property| {
            let name = property.name.strip_prefix("aibom:obs:counter:")?;
            Some((name, property.value.parse().expect("a number")))
        });
        counters.collect()
    }

    pub(crate) fn probe(&self, name: &str) -> Option<&str> {
        let name = format!("aibom:probe:{name}");
        self.0
            .metadata
            .properties
            .iter()
            .find(|property| property.name == name)
            .map(|property| property.value.as_str())
    }

    pub(crate) fn models(&self) -> Vec<&Component> {
        self.0
            .components
            .iter()
            .filter(|component| component.kind == ComponentKind::MachineLearningModel)
            .collect()
    }

    /// Programs that were run, by name.
    pub(crate) fn programs(&self) -> BTreeMap<&str, Vec<&Component>> {
        let mut programs: BTreeMap<&str, Vec<&Component>> = BTreeMap::new();
        for component in self.0.components.iter().filter(|component| {
            component.bom_ref.as_ref().is_some_and(|reference| reference.as_str().starts_with("program:"))
        }) {
            programs.entry(component.name.as_str()).or_default().push(component);
        }
        programs
    }

    /// How often a program was executed, all its components together.
    pub(crate) fn executions(&self, name: &str) -> u64 {
        let programs = self.programs();
        let occurrences =
            programs.get(name).into_iter().flatten().flat_map(|program| &program.evidence.occurrences);
        let contexts = occurrences.filter_map(|occurrence| occurrence.additional_context.as_deref());
        let counts = contexts.filter_map(|text| text.split(' ').find_map(|word| word.strip_prefix("count=")));
        counts.map(|count| count.parse::<u64>().expect("a number")).sum()
    }

    /// Every text in it, as the reader of the document sees it.
    pub(crate) fn texts(bytes: &[u8]) -> Vec<String> {
        fn collect(value: &serde_json::Value, texts: &mut Vec<String>) {
            match value {
                serde_json::Value::String(text) => texts.push(text.clone()),
                serde_json::Value::Array(values) => values.iter().for_each(|value| collect(value, texts)),
                serde_json::Value::Object(fields) => {
                    for (name, value) in fields {
                        texts.push(name.clone());
                        collect(value, texts);
                    }
                }
                serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
            }
        }
        let mut texts = Vec::new();
        collect(&serde_json::from_slice(bytes).expect("JSON"), &mut texts);
        texts
    }
}

pub(crate) fn properties<'a>(component: &'a Component, name: &str) -> Vec<&'a str> {
    let named = component.properties.iter().filter(|property| property.name == name);
    named.map(|property| property.value.as_str()).collect()
}
