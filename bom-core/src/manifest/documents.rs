//! Files into documents, documents by kind.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    compose, config,
    gather::Gather,
    kubernetes::{self, Cluster},
    mcp,
    yaml::{self, Limits, Node, YamlError},
};
use crate::declared::{Declared, Issue, IssueKind, Place, Workload};
use crate::diff::declaration;
use crate::identify::catalog::Catalog;

/// A file of the input.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    /// Its name as the user gave it.
    pub name: &'a str,
    /// What is in it.
    pub bytes: &'a [u8],
}

/// Why nothing can be compared with the input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// A file that cannot be read as YAML.
    #[error("read {file}")]
    Yaml {
        /// The file.
        file: String,
        /// What is wrong, with its line.
        source: YamlError,
    },
    /// A file that is no YAML yet. Skipping it would make it look as if it declared nothing.
    #[error("read {file}: line {line}: this is a template; render it first (helm template, kustomize build)")]
    Template {
        /// The file.
        file: String,
        /// Where it stops to be YAML.
        line: u32,
    },
    /// A declaration of a version that we do not know.
    #[error("read {file}: line {line}: apiVersion {found:?} is not {expected}")]
    Version {
        /// The file.
        file: String,
        /// The line.
        line: u32,
        /// What stands there.
        found: String,
        /// What we know.
        expected: &'static str,
    },
}

/// One document and where it came from.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) file: Arc<str>,
    pub(super) node: Node,
}

impl Document {
    pub(super) fn place(&self, node: &Node) -> Place {
        Place { file: self.file.clone(), line: node.line, column: node.column }
    }
}

/// Reads all files of an input together.
pub fn read(sources: &[Source<'_>], catalog: &Catalog, limits: &Limits) -> Result<Declared, ManifestError> {
    let mut declared = Declared::default();
    let mut gather = Gather { catalog, issues: Vec::new() };
    let mut documents = Vec::new();
    let mut repeated_keys = Vec::new();
    for source in sources {
        let file: Arc<str> = source.name.into();
        let (nodes, repeated) = yaml::read(source.bytes, limits).map_err(|error| refused(source, error))?;
        repeated_keys.extend(repeated.into_iter().map(|(key, line)| (file.clone(), key, line)));
        for node in nodes {
            push(Document { file: file.clone(), node }, &mut documents);
        }
    }
    declared.documents = u64::try_from(documents.len()).unwrap_or(u64::MAX);
    let cluster = Cluster::of(&documents);
    let mut declarations = Vec::new();
    let mut silent = Vec::new();
    for document in &documents {
        let node = &document.node;
        let mut nothing = false;
        if let Some(kind) = node.text_at(&["kind"]) {
            if declaration::is_one(node) {
                declarations.extend(declaration::read(node, &document.file, &mut gather.issues)?);
            } else {
                match kubernetes::workloads(document, &cluster, &mut gather) {
                    Some(found) => declared.workloads.extend(found),
                    None => {
                        nothing = true;
                        count(&mut declared.other_kinds, kind);
                    }
                }
            }
        } else if declaration::is_one(node) {
            declarations.extend(declaration::read(node, &document.file, &mut gather.issues)?);
        } else if let Some(found) =
            config::workload(document, &mut gather).or_else(|| mcp::workload(document, &mut gather))
        {
            declared.workloads.push(found);
        } else if compose::is_one(node) {
            declared.workloads.extend(compose::workloads(document, &mut gather));
        } else if !node.is_null() {
            nothing = true;
            count(&mut declared.other_kinds, "(no kind)");
        }
        silent.push((&document.file, node.line, nothing));
    }
    gather.issues.extend(repeated_keys.into_iter().map(|repeated| duplicate(repeated, &silent)));
    kubernetes::policies(&documents, &mut declared.workloads, &mut gather);
    declared.workloads.extend(declarations);
    declared.issues = gather.issues;
    finish(&mut declared, catalog);
    Ok(declared)
}

/// A key that stands twice. In a document that declares nothing it makes nothing unclear.
fn duplicate((file, key, line): (Arc<str>, String, u32), documents: &[(&Arc<str>, u32, bool)]) -> Issue {
    let before = || documents.iter().filter(|(of, from, _)| **of == file && *from <= line);
    let last = before().map(|(_, from, _)| *from).max();
    let mut there = before().filter(|(_, from, _)| Some(*from) == last).peekable();
    let harmless = there.peek().is_some() && there.all(|(_, _, nothing)| *nothing);
    let kind = if harmless { IssueKind::Elsewhere } else { IssueKind::DuplicateKey };
    Issue {
        place: Place { file, line, column: 0 },
        kind,
        text: format!("key {key:?} stands twice in one mapping; the first is read"),
    }
}

fn refused(source: &Source<'_>, error: YamlError) -> ManifestError {
    let file = source.name.to_owned();
    let template = source.bytes.windows(2).any(|pair| pair == b"{{");
    if let (YamlError::Syntax { line, .. }, true) = (&error, template) {
        return ManifestError::Template { file, line: *line };
    }
    ManifestError::Yaml { file, source: error }
}

/// Lists are their items, to any depth that the reader let through.
fn push(document: Document, into: &mut Vec<Document>) {
    let kind = document.node.text_at(&["kind"]).unwrap_or_default();
    let is_list = kind.ends_with("List") && document.node.get("items").is_some();
    if !is_list {
        if !document.node.is_null() {
            into.push(document);
        }
        return;
    }
    for item in document.node.list_at(&["items"]) {
        push(Document { file: document.file.clone(), node: item.clone() }, into);
    }
}

fn count(kinds: &mut BTreeMap<String, u64>, kind: &str) {
    let kind: String = kind.chars().take(120).collect();
    // Kinds can be invented without end.
    if kinds.len() < 1000 || kinds.contains_key(&kind) {
        let count = kinds.entry(kind).or_default();
        *count = count.saturating_add(1);
    }
}

/// One workload for each name, and an order that does not depend on that of the files.
fn finish(declared: &mut Declared, catalog: &Catalog) {
    let mut by_name: BTreeMap<crate::declared::WorkloadId, Workload> = BTreeMap::new();
    let mut declarations = Vec::new();
    declared.workloads.sort_by(|a, b| (&a.id, &a.place).cmp(&(&b.id, &b.place)));
    for workload in std::mem::take(&mut declared.workloads) {
        if workload.review.is_some() {
            declarations.push(workload);
            continue;
        }
        match by_name.entry(workload.id.clone()) {
            std::collections::btree_map::Entry::Vacant(empty) => drop(empty.insert(workload)),
            std::collections::btree_map::Entry::Occupied(mut known) => join(known.get_mut(), workload),
        }
    }
    declared.workloads = by_name.into_values().collect();
    declaration::apply(declarations, &mut declared.workloads);
    for workload in &mut declared.workloads {
        for item in &mut workload.items {
            if let (Some(host), None) = (&item.host, &item.provider) {
                item.provider = catalog.provider(host.as_str()).map(|row| row.provider.clone());
            }
        }
        workload.tidy();
    }
    declared.workloads.sort_by(|a, b| a.id.cmp(&b.id));
    declared.issues.sort();
    declared.issues.dedup();
}

/// The same workload in two files (two overlays): all that either says.
pub(crate) fn join(known: &mut Workload, other: Workload) {
    known.aliases.extend(other.aliases);
    known.labels.extend(other.labels);
    known.items.extend(other.items);
    known.exhaustive.extend(other.exhaustive);
    known.egress = match (known.egress.take(), other.egress) {
        (Some(mut own), Some(more)) => {
            own.extend(more);
            Some(own)
        }
        (own, more) => own.or(more),
    };
}
