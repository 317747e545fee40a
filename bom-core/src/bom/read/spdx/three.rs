//! SPDX 3.0 JSON-LD (spdx.github.io/spdx-spec/v3.0.1), in the form that its JSON schema has: one `@graph` of elements
//! with short names. It is read as JSON: contexts are not loaded, and other forms of JSON-LD are not understood.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::two::{add, subject};
use super::words::{Edge, edge, hash, kind_by_purl, licenses, purpose, tool};
use crate::bom::document::{Ancestor, Bom, Component, ExternalReference};
use crate::bom::iri::Iri;
use crate::bom::purl::Purl;
use crate::bom::read::fields::{Fields, IssueKind, Notes};
use crate::bom::read::node::{Node, Object};
use crate::bom::read::{Format, Read, ReadError};
use crate::bom::scalars::{BomRef, Version};
use crate::bom::terms::{ComponentKind, ExternalReferenceKind};
use crate::bom::timestamp::Timestamp;

/// What is put together once all elements are known.
#[derive(Default)]
struct Graph {
    bom: Bom,
    roots: BTreeSet<String>,
    /// Licence expressions by name.
    expressions: BTreeMap<String, String>,
    edges: Vec<(String, String, String)>,
    /// SPDX version of the creation information.
    version: Option<String>,
}

pub(in crate::bom::read) fn read(mut map: Object<'_>) -> Result<Read, ReadError> {
    let mut notes = Notes::default();
    let context = map.remove("@context");
    let context = context.as_ref().and_then(Node::as_str).unwrap_or_default();
    if !context.starts_with("https://spdx.org/rdf/3.") {
        return Err(ReadError::Spdx { found: context.chars().take(64).collect() });
    }
    let rows = match map.remove("@graph") {
        Some(Node::List(rows)) => rows,
        // A single element may stand without a graph.
        None => vec![Node::Object(map)],
        Some(_) => return Err(ReadError::Spdx { found: "@graph".to_owned() }),
    };
    let mut graph = Graph::default();
    let at = Rc::from("@graph[]");
    for row in rows {
        if let Some(row) = Fields::of(row, &at, &mut notes) {
            graph.element(row, &mut notes);
        }
    }
    let version = graph.version.take().unwrap_or_else(|| "3.0".to_owned());
    let bom = graph.finish(&mut notes);
    let (issues, further_issues) = notes.into_issues();
    Ok(Read {
        bom: bom.normalized(),
        format: Format::Spdx3,
        spec_version: version.chars().take(16).collect(),
        serial_number: None,
        document_version: None,
        issues,
        further_issues,
    })
}

impl Graph {
    fn element(&mut self, mut row: Fields<'_>, notes: &mut Notes) {
        let Some(kind) = either(&mut row, "type", "@type", notes) else {
            // It may be anything, and so something that was used.
            return row.missing("type", notes);
        };
        let name = either(&mut row, "spdxId", "@id", notes);
        // Which creation an element belongs to says nothing of the element.
        row.forget("creationInfo");
        match kind.as_str() {
            "software_Package" | "ai_AIPackage" | "dataset_DatasetPackage" | "software_File" => {
                self.component(row, &kind, name, notes);
            }
            "Relationship" | "LifecycleScopedRelationship" => {
                let from = row.text("from", notes).unwrap_or_default();
                let word = row.text("relationshipType", notes).unwrap_or_default();
                for to in row.texts("to", notes) {
                    self.edges.push((from.clone(), word.clone(), to.into_owned()));
                }
            }
            "SpdxDocument" | "software_Sbom" | "Bom" => {
                self.roots.extend(row.texts("rootElement", notes).into_iter().map(Cow::into_owned));
            }
            "CreationInfo" => {
                let created = row.parsed("created", notes, Timestamp::parse);
                self.bom.metadata.timestamp = self.bom.metadata.timestamp.max(created);
                self.version = row.text("specVersion", notes).or(self.version.take());
            }
            "Tool" | "SoftwareAgent" => {
                self.bom.metadata.tools.extend(row.text("name", notes).map(|name| tool(&name)));
            }
            "simplelicensing_LicenseExpression" => {
                let text = row.text("simplelicensing_licenseExpression", notes);
                self.expressions.extend(name.zip(text));
            }
            other => notes.add("@graph[].type", IssueKind::NotModelled, other),
        }
    }

    fn component(&mut self, mut row: Fields<'_>, kind: &str, id: Option<String>, notes: &mut Notes) {
        let Some(name) = row.text("name", notes) else {
            return row.missing("name", notes);
        };
        let mut component = Component::nameless(ComponentKind::Library, name);
        component.bom_ref = id.and_then(|id| BomRef::new(id).ok());
        component.version = row.parsed("software_packageVersion", notes, |text| Version::new(text));
        component.description = row.text("description", notes).or_else(|| row.text("summary", notes));
        component.purl = row.parsed("software_packageUrl", notes, Purl::parse);
        for mut known in row.objects("externalIdentifier", notes) {
            let kind = known.text("externalIdentifierType", notes).unwrap_or_default();
            if matches!(kind.as_str(), "packageUrl" | "purl") {
                let purl = known.parsed("identifier", notes, Purl::parse);
                component.purl = component.purl.take().or(purl);
            } else {
                notes.add(&known.place("externalIdentifierType"), IssueKind::NotModelled, &kind);
            }
        }
        for mut method in row.objects("verifiedUsing", notes) {
            let at = method.place("hashValue");
            let (algorithm, digits) = (method.text("algorithm", notes), method.text("hashValue", notes));
            match (algorithm, digits) {
                (Some(algorithm), Some(digits)) => {
                    component.hashes.extend(hash(&at, &algorithm, &digits, notes));
                }
                // A signature or a package verification code is no digest of the content.
                (None, None) => notes.add(&at, IssueKind::NotModelled, ""),
                (None, Some(_)) => method.missing("algorithm", notes),
                (Some(_), None) => method.missing("hashValue", notes),
            }
        }
        for (key, kind) in [
            ("software_homePage", ExternalReferenceKind::Website),
            ("software_downloadLocation", ExternalReferenceKind::Distribution),
        ] {
            if let Some(url) = row.parsed(key, notes, Iri::parse) {
                component.external_references.push(ExternalReference {
                    kind,
                    url,
                    comment: None,
                    hashes: Vec::new(),
                });
            }
        }
        let stated = row.text("software_primaryPurpose", notes).and_then(|word| purpose(&word));
        component.kind = match kind {
            "ai_AIPackage" => ComponentKind::MachineLearningModel,
            "dataset_DatasetPackage" => ComponentKind::Data,
            "software_File" => stated.unwrap_or(ComponentKind::File),
            _ => stated.unwrap_or_else(|| kind_by_purl(component.purl.as_ref())),
        };
        row.finish(notes);
        self.bom.components.push(component);
    }

    fn finish(mut self, notes: &mut Notes) -> Bom {
        let index: BTreeMap<String, usize> = self
            .bom
            .components
            .iter()
            .enumerate()
            .filter_map(|(index, component)| Some((component.bom_ref.as_ref()?.as_str().to_owned(), index)))
            .collect();
        for (from, word, to) in std::mem::take(&mut self.edges) {
            let target = index.get(&to).and_then(|at| self.bom.components.get(*at)).map(ancestor);
            let user = index.get(&from).and_then(|at| self.bom.components.get_mut(*at));
            match (word.as_str(), user) {
                ("hasDeclaredLicense" | "hasConcludedLicense", Some(user)) => {
                    // What was concluded stands above what was declared.
                    let free = user.licenses.is_empty() || word == "hasConcludedLicense";
                    if let Some(text) = self.expressions.get(&to).filter(|_| free) {
                        user.licenses = licenses(text);
                    }
                }
                (_, user) => match (edge(&word), user, target) {
                    (Edge::Forward, Some(_), _) => add(&mut self.bom.dependencies, &from, &to),
                    (Edge::Backward, _, Some(_)) => add(&mut self.bom.dependencies, &to, &from),
                    (Edge::Ancestor, Some(user), Some(base)) => user.pedigree.ancestors.push(base),
                    (Edge::Describes, None, Some(_)) => {
                        self.roots.insert(to);
                    }
                    _ => notes.add("@graph[].relationshipType", IssueKind::NotModelled, &word),
                },
            }
        }
        // A document may have an inventory as its root, and the inventory the subject.
        self.roots.retain(|root| index.contains_key(root));
        subject(&mut self.bom, &self.roots);
        self.bom
    }
}

/// The base of a model, named only: its reference stays with the component.
fn ancestor(component: &Component) -> Ancestor {
    Ancestor {
        bom_ref: None,
        kind: component.kind,
        group: None,
        name: component.name.clone(),
        version: component.version.clone(),
        purl: component.purl.clone(),
        hashes: component.hashes.clone(),
    }
}

fn either(row: &mut Fields<'_>, key: &str, other: &str, notes: &mut Notes) -> Option<String> {
    row.text(key, notes).or_else(|| row.text(other, notes))
}
