//! Why something is in a document: where it was seen, how that is known, how sure it is, and where its name comes from.
//!
//! Works on any CycloneDX document; what another tool did not write down is not there.

use std::collections::{BTreeMap, BTreeSet};

use crate::bom::{Bom, BomRef, Component, Property, Service};

/// Most candidates that an ambiguous question is answered with.
const CANDIDATES: usize = 20;
/// Steps taken in search of ways.
const MOST_STEPS: usize = 4096;
/// Longest way from a subject to a component.
const STEPS: usize = 32;

/// Everything a document says for one of its components or services.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    pub reference: String,
    /// `machine-learning-model`, `library`, …, or `service`.
    pub kind: String,
    pub name: String,
    pub version: Option<String>,
    pub purl: Option<String>,
    /// Algorithm and lower-case hex.
    pub hashes: Vec<(String, String)>,
    pub identities: Vec<Identified>,
    pub occurrences: Vec<Seen>,
    /// Ways to it from what depends on nothing above: names, the outermost first.
    pub reached: BTreeSet<Vec<String>>,
    /// What it depends on, by name.
    pub needs: BTreeSet<String>,
    /// Name and value, in the document's order.
    pub properties: Vec<(String, String)>,
    /// Why the observation of its subjects is not complete.
    pub gaps: BTreeSet<String>,
}

/// One part of an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identified {
    /// `name`, `hash`, `purl`, …
    pub field: String,
    pub value: Option<String>,
    /// Permille.
    pub confidence: Option<u16>,
    /// Technique, permille, value.
    pub methods: Vec<(String, u16, Option<String>)>,
}

/// One place where it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub reference: Option<String>,
    pub location: String,
    pub subject: Option<String>,
    pub program: Option<String>,
    /// `op`, `strength`, `count`, `first`, `last`, …
    pub words: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    #[error("explain {0:?}: nothing in the document is called so")]
    Nothing(String),
    #[error("explain {text:?}: it could be any of {}", candidates.join(", "))]
    Several { text: String, candidates: Vec<String> },
}

enum Element<'a> {
    Component(&'a Component),
    Service(&'a Service),
}

impl Element<'_> {
    fn reference(&self) -> Option<&BomRef> {
        match self {
            Self::Component(component) => component.bom_ref.as_ref(),
            Self::Service(service) => service.bom_ref.as_ref(),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Component(component) => &component.name,
            Self::Service(service) => &service.name,
        }
    }

    /// How surely it is what was asked for: the greater the surer, 0 is not at all.
    fn answers(&self, text: &str) -> u8 {
        if self.reference().is_some_and(|reference| reference.as_str() == text) {
            return 5;
        }
        match self {
            Self::Component(component) => {
                let digest = text.strip_prefix("sha256:").unwrap_or(text);
                let digits = digest.len() >= 8 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
                let evidence = &component.evidence.occurrences;
                if component.purl.as_ref().is_some_and(|purl| purl.as_str() == text)
                    || digits
                        && component.hashes.iter().any(|hash| hash.hex().starts_with(&digest.to_lowercase()))
                {
                    4
                } else if component.name == text
                    || evidence
                        .iter()
                        .any(|seen| seen.bom_ref.as_ref().is_some_and(|own| own.as_str() == text))
                {
                    3
                } else if evidence.iter().any(|seen| seen.location == text) {
                    2
                } else {
                    u8::from(component.purl.as_ref().is_some_and(|purl| begins(purl.as_str(), text)))
                }
            }
            Self::Service(service) => {
                let endpoint = service.endpoints.iter().any(|endpoint| endpoint.as_str() == text);
                if service.name == text || endpoint { 3 } else { u8::from(begins(&service.name, text)) }
            }
        }
    }
}

/// Whether a purl or a name with a port goes on with a version, a path or a port where `text` ends.
fn begins(whole: &str, text: &str) -> bool {
    whole.strip_prefix(text).is_some_and(|rest| rest.starts_with(['@', '?', '#', ':']))
}

/// Explains what `text` names: a bom-ref, a package URL, a digest or its beginning, a name, a path.
///
/// # Errors
/// Nothing is called so, or several things are, equally well.
pub fn explain(bom: &Bom, text: &str) -> Result<Explanation, ExplainError> {
    let components = bom.metadata.component.iter().chain(&bom.components).map(Element::Component);
    let elements: Vec<Element<'_>> = components.chain(bom.services.iter().map(Element::Service)).collect();
    let best = elements.iter().map(|element| element.answers(text)).max().unwrap_or(0);
    let found: Vec<&Element<'_>> = elements.iter().filter(|element| element.answers(text) == best).collect();
    match found[..] {
        _ if best == 0 => Err(ExplainError::Nothing(text.to_owned())),
        [one] => Ok(told(bom, &elements, one)),
        _ => {
            let names = found.iter().filter_map(|element| element.reference());
            let candidates = names.take(CANDIDATES).map(|reference| reference.as_str().to_owned()).collect();
            Err(ExplainError::Several { text: text.to_owned(), candidates })
        }
    }
}

fn told(bom: &Bom, elements: &[Element<'_>], element: &Element<'_>) -> Explanation {
    let names: BTreeMap<&BomRef, &str> = elements
        .iter()
        .filter_map(|element| element.reference().map(|reference| (reference, element.name())))
        .collect();
    let mut told = match element {
        Element::Component(component) => of_component(component, &names),
        Element::Service(service) => of_service(service),
    };
    let Some(reference) = element.reference() else { return told };
    told.reference = reference.as_str().to_owned();
    let name = |reference: &BomRef| {
        names.get(reference).map_or_else(|| reference.as_str().to_owned(), |&it| it.to_owned())
    };
    told.needs = bom.dependencies.get(reference).into_iter().flatten().map(name).collect();
    let mut subjects = BTreeSet::new();
    let mut above: BTreeMap<&BomRef, BTreeSet<&BomRef>> = BTreeMap::new();
    for (from, needs) in &bom.dependencies {
        for on in needs {
            above.entry(on).or_default().insert(from);
        }
    }
    let mut left = MOST_STEPS;
    ways(&above, &mut vec![reference], &mut left, &mut |way| {
        let outermost = way.last().copied().unwrap_or(reference);
        subjects.insert(outermost.clone());
        told.reached.insert(way.iter().rev().map(|step| name(step)).collect());
    });
    let about = bom.annotations.iter().filter(|note| !note.subjects.is_disjoint(&subjects));
    told.gaps = about.map(|note| note.text.clone()).collect();
    told
}

/// Goes up to whatever nothing depends on. A document can hold more ways than anybody can count, so the steps are.
fn ways<'b>(
    above: &BTreeMap<&'b BomRef, BTreeSet<&'b BomRef>>,
    way: &mut Vec<&'b BomRef>,
    left: &mut usize,
    each: &mut dyn FnMut(&[&'b BomRef]),
) {
    let known = way.last().and_then(|at| above.get(at));
    let fresh: Vec<&BomRef> =
        known.into_iter().flatten().copied().filter(|above| !way.contains(above)).collect();
    if fresh.is_empty() || way.len() >= STEPS {
        each(way);
        return;
    }
    for step in fresh {
        if *left == 0 {
            return;
        }
        *left -= 1;
        way.push(step);
        ways(above, way, left, each);
        way.pop();
    }
}

fn of_component(component: &Component, names: &BTreeMap<&BomRef, &str>) -> Explanation {
    let identities = component.evidence.identities.iter().map(|identity| Identified {
        field: identity.field.as_str().to_owned(),
        value: identity.concluded_value.clone(),
        confidence: identity.confidence.map(crate::bom::Confidence::permille),
        methods: identity
            .methods
            .iter()
            .map(|method| {
                (method.technique.as_str().to_owned(), method.confidence.permille(), method.value.clone())
            })
            .collect(),
    });
    let occurrences = component.evidence.occurrences.iter().map(|occurrence| {
        let mut words: BTreeMap<String, String> = occurrence
            .additional_context
            .iter()
            .flat_map(|context| context.split(' '))
            .filter_map(|word| word.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let mut named = |word: &str| {
            let reference = words.remove(word)?;
            let known = names.iter().find(|(own, _)| own.as_str() == reference);
            Some(known.map_or(reference, |(_, name)| (*name).to_owned()))
        };
        let (subject, program) = (named("subject"), named("program"));
        let reference = occurrence.bom_ref.as_ref().map(|own| own.as_str().to_owned());
        Seen { reference, location: occurrence.location.clone(), subject, program, words }
    });
    Explanation {
        kind: component.kind.as_str().to_owned(),
        name: component.name.clone(),
        version: component.version.as_ref().map(|version| version.as_str().to_owned()),
        purl: component.purl.as_ref().map(|purl| purl.as_str().to_owned()),
        hashes: component
            .hashes
            .iter()
            .map(|hash| (hash.algorithm().as_str().to_owned(), hash.hex().to_owned()))
            .collect(),
        identities: identities.collect(),
        occurrences: occurrences.collect(),
        properties: pairs(&component.properties),
        ..Explanation::default()
    }
}

fn of_service(service: &Service) -> Explanation {
    Explanation {
        kind: "service".to_owned(),
        name: service.name.clone(),
        version: service.version.as_ref().map(|version| version.as_str().to_owned()),
        properties: pairs(&service.properties),
        ..Explanation::default()
    }
}

fn pairs(properties: &[Property]) -> Vec<(String, String)> {
    properties.iter().map(|property| (property.name.clone(), property.value.clone())).collect()
}
