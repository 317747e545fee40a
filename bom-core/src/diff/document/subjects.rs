//! Who was observed, with what, and how well.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::item::{ByReference, kind, of_component, of_service, subjects, values};
use crate::bom::{Bom, BomRef, Component, ComponentKind, Issue, IssueKind};
use crate::declared::{Class, Declared, Item, Kind, Origin, Place, Workload, WorkloadId, join};
use crate::declared::{Issue as DeclaredIssue, IssueKind as DeclaredIssueKind};
use crate::diff::pods::Pod;
use crate::identify::catalog::Catalog;

/// How well a class was covered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Everything was seen.
    Complete,
    /// Not everything, and why: gap codes of docs/bom.md.
    Incomplete(BTreeSet<String>),
    /// The document does not say.
    Unstated,
}

/// One who was observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// What it is called.
    pub id: WorkloadId,
    /// Further names.
    pub aliases: BTreeSet<String>,
    /// Its `bom-ref`.
    pub reference: String,
    /// The pod it is of, if the host knew it.
    pub pod: Option<Pod>,
    /// What it used; sorted.
    pub items: Vec<Item>,
    /// By class; all of them.
    pub coverage: BTreeMap<Class, Coverage>,
}

/// A document of what was observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// The file.
    pub file: String,
    /// Sorted by name.
    pub subjects: Vec<Subject>,
    /// `name version` of the programs that made it.
    pub tools: BTreeSet<String>,
    /// Components of kinds that take no part.
    pub other: u64,
    /// Parts that say what was used and could not be read, in words.
    pub unread: Vec<String>,
}

/// Reads who was observed out of a document.
pub fn observed_of(bom: &Bom, file: &str, catalog: &Catalog) -> Observed {
    let is_subject =
        |component: &&Component| values(&component.properties, "aibom:subject:kind").next().is_some();
    let all = bom.metadata.component.iter().chain(&bom.components);
    let known: Vec<&Component> = all.filter(is_subject).collect();
    let own = !known.is_empty();
    let mut found: Vec<Subject> = known.into_iter().map(subject).collect();
    if found.is_empty() {
        found.push(foreign(bom, file));
    }
    let servers = if own { mcp_servers(bom) } else { BTreeMap::new() };
    if let [only] = found.as_mut_slice() {
        only.items.reserve_exact(bom.components.len().saturating_add(bom.services.len()));
    }
    let mut other = 0_u64;
    let by_subject: BTreeMap<String, usize> =
        found.iter().enumerate().map(|(at, subject)| (subject.reference.clone(), at)).collect();
    let mut give = |item: Item, users: &BTreeSet<&str>| {
        if let [only] = found.as_mut_slice() {
            // Whoever else is named: it belongs to them or to everybody.
            only.items.push(item);
            return;
        }
        let known: Vec<usize> = users.iter().filter_map(|user| by_subject.get(*user).copied()).collect();
        // What does not say who used it, or names somebody who is not in the document, belongs to everybody: better
        // one too many than one too few.
        if users.is_empty() || known.len() < users.len() {
            found.iter_mut().for_each(|subject| subject.items.push(item.clone()));
            return;
        }
        for at in known {
            found.get_mut(at).into_iter().for_each(|subject| subject.items.push(item.clone()));
        }
    };
    // Another tool's document may be about a model or an image and have nothing else in it.
    let about = bom.metadata.component.iter().filter(|component| {
        let content = matches!(
            component.kind,
            ComponentKind::MachineLearningModel | ComponentKind::Data | ComponentKind::Container
        );
        !own && content
    });
    for component in about.chain(&bom.components) {
        let reference = component.bom_ref.as_ref().map_or("", BomRef::as_str);
        if own && is_subject(&component) {
            continue;
        }
        let Some(kind) = kind(component) else {
            other = other.saturating_add(1);
            continue;
        };
        let mut item = of_component(component, kind);
        if let Some(packages) = servers.get(reference) {
            item.kind = Kind::McpServer;
            item.role = Some("mcp-server".to_owned());
            item.aliases.extend(packages.iter().cloned());
        }
        let contexts =
            component.evidence.occurrences.iter().filter_map(|seen| seen.additional_context.as_deref());
        give(item, &subjects(contexts));
    }
    for service in &bom.services {
        let users = subjects(values(&service.properties, "aibom:evidence"));
        for mut item in of_service(service) {
            if let (Some(host), None) = (&item.host, &item.provider) {
                item.provider = catalog.provider(host.as_str()).map(|row| row.provider.clone());
            }
            give(item, &users);
        }
    }
    for subject in &mut found {
        join(&mut subject.items);
    }
    found.sort_by(|a, b| (&a.id, &a.reference).cmp(&(&b.id, &b.reference)));
    let tools = bom.metadata.tools.iter().map(|tool| {
        let version = tool.version.as_ref().map_or("", |version| version.as_str());
        format!("{} {version}", tool.name).trim_end().to_owned()
    });
    Observed { file: file.to_owned(), subjects: found, tools: tools.collect(), other, unread: Vec::new() }
}

/// What a reader left out of an observed document that could be something that was used, in words.
pub fn unread_of(issues: &[Issue]) -> Vec<String> {
    let fields = [
        "name",
        "components",
        "components[]",
        "services",
        "services[]",
        "endpoints",
        "endpoints[]",
        // SPDX.
        "packages",
        "packages[]",
        "files",
        "files[]",
        "fileName",
        "@graph[]",
    ];
    lost(issues, &fields)
}

/// What a reader left out of a declared document that would pin what may be used.
pub fn unpinned_of(issues: &[Issue], file: &str) -> Vec<DeclaredIssue> {
    let fields = [
        "hashes",
        "hashes[]",
        "hashes[].alg",
        "hashes[].content",
        // SPDX.
        "checksums",
        "checksums[]",
        "checksums[].algorithm",
        "checksums[].checksumValue",
        "verifiedUsing",
        "verifiedUsing[]",
        "verifiedUsing[].algorithm",
        "verifiedUsing[].hashValue",
    ];
    let lost = lost(issues, &fields);
    let issue = |text| DeclaredIssue { place: Place::of_file(file), kind: DeclaredIssueKind::Unread, text };
    lost.into_iter().map(issue).collect()
}

/// What says what was used, as places of issues begin: in CycloneDX at any depth, in SPDX 2, and in SPDX 3.
const PARTS: &[&str] = &["components[].", "services[].", "packages[].", "files[].", "@graph[]."];

/// Issues of components and services, at any depth, in these fields. A field that is not modelled says neither.
fn lost(issues: &[Issue], fields: &[&str]) -> Vec<String> {
    let matters = |issue: &&Issue| {
        let mut rest = issue.at.strip_prefix("metadata.component.").unwrap_or(&issue.at);
        while let Some(inner) = PARTS.iter().find_map(|of| rest.strip_prefix(of)) {
            rest = inner;
        }
        // What an element of SPDX 3 is decides whether it is read at all.
        let known = fields.contains(&rest) || issue.at == "@graph[].type";
        matches!(issue.kind, IssueKind::WrongType | IssueKind::BadValue) && known
    };
    issues.iter().filter(matters).map(ToString::to_string).collect()
}

/// A document as a declaration: everything in it is stated, and nothing else may be used of the classes it has.
pub fn declared_of(bom: &Bom, file: &str, bytes: &[u8], catalog: &Catalog) -> Declared {
    let observed = observed_of(bom, file, catalog);
    let lines = lines(bytes);
    let file: Arc<str> = file.into();
    let (tools, other) = (observed.tools.clone(), observed.other);
    let mut declared = Declared { documents: 1, tools, other, ..Declared::default() };
    for subject in observed.subjects {
        let place = Place { file: Arc::clone(&file), line: line_of(&lines, &subject.reference), column: 0 };
        let mut workload = Workload::new(subject.id, place);
        workload.aliases = subject.aliases;
        // A class that was looked at and has nothing in it allows nothing.
        let stated = subject.coverage.iter().filter(|(_, state)| **state != Coverage::Unstated);
        workload.exhaustive.extend(stated.map(|(class, _)| *class));
        workload.items.reserve_exact(subject.items.len());
        for mut item in subject.items {
            let reference = item.origins.iter().find_map(|origin| match origin {
                Origin::Observed { reference, .. } => Some(reference.clone()),
                Origin::Declared { .. } => None,
            });
            let line = reference.as_deref().map_or(0, |reference| line_of(&lines, reference));
            item.origins.clear();
            workload.exhaustive.extend(item.kind.class());
            let place = Place { file: Arc::clone(&file), line, column: 0 };
            workload.items.push(item.declared_at(place, crate::manifest::fields::DOCUMENT.name));
        }
        workload.tidy();
        declared.workloads.push(workload);
    }
    declared
}

fn subject(component: &Component) -> Subject {
    let properties = &component.properties;
    let kind = values(properties, "aibom:subject:kind").next().unwrap_or("subject");
    let mut coverage = BTreeMap::new();
    for class in Class::ALL {
        let state = values(properties, &format!("aibom:coverage:{}", class.word())).next();
        let gaps: BTreeSet<String> =
            values(properties, &format!("aibom:coverage:{}:gap", class.word())).map(str::to_owned).collect();
        coverage.insert(
            *class,
            match state {
                Some("complete") if gaps.is_empty() => Coverage::Complete,
                Some(_) => Coverage::Incomplete(gaps),
                None => Coverage::Unstated,
            },
        );
    }
    let first = |name: &str| values(properties, name).next().map(str::to_owned);
    let pod = first("aibom:k8s:pod").map(|name| Pod { name, container: first("aibom:k8s:container") });
    Subject {
        id: WorkloadId {
            kind: kind.to_owned(),
            namespace: first("aibom:k8s:namespace"),
            name: component.name.clone(),
        },
        pod,
        aliases: values(properties, "aibom:subject:alias").map(str::to_owned).collect(),
        reference: component
            .bom_ref
            .as_ref()
            .map_or_else(String::new, |reference| reference.as_str().to_owned()),
        items: Vec::new(),
        coverage,
    }
}

/// The subject of a document that knows no subjects.
fn foreign(bom: &Bom, file: &str) -> Subject {
    let about = bom.metadata.component.as_ref();
    let file_name = file.rsplit('/').next().unwrap_or(file);
    let name = about.map_or(file_name, |component| component.name.as_str());
    let kind = if about.is_some_and(|component| component.kind == ComponentKind::Container) {
        "container"
    } else {
        "document"
    };
    let reference = about.and_then(|component| component.bom_ref.as_ref());
    Subject {
        id: WorkloadId { kind: kind.to_owned(), namespace: None, name: name.to_owned() },
        aliases: BTreeSet::new(),
        pod: None,
        reference: reference.map_or_else(String::new, |reference| reference.as_str().to_owned()),
        items: Vec::new(),
        coverage: Class::ALL.iter().map(|class| (*class, Coverage::Unstated)).collect(),
    }
}

/// Programs that another program started and that use a package with the role `mcp`, with the packages they use. A
/// client uses one as well, but somebody else starts it.
fn mcp_servers(bom: &Bom) -> BTreeMap<&str, BTreeSet<String>> {
    let named = bom.components.iter();
    let known: ByReference<'_> =
        named.filter_map(|component| Some((component.bom_ref.as_ref()?.as_str(), component))).collect();
    let role = |reference: &str| {
        known.get(reference).and_then(|component| values(&component.properties, "aibom:role").next())
    };
    let mut found = BTreeMap::new();
    for (from, to) in &bom.dependencies {
        if role(from.as_str()) != Some("program") {
            continue;
        }
        for child in to.iter().filter(|child| role(child.as_str()) == Some("program")) {
            let Some(uses) = bom.dependencies.get(child) else { continue };
            if uses.iter().any(|used| role(used.as_str()) == Some("mcp")) {
                let packages = uses.iter().filter_map(|used| known.get(used.as_str()));
                let packages = packages.filter(|component| kind(component) == Some(Kind::Package));
                found.insert(child.as_str(), packages.map(|component| component.name.clone()).collect());
            }
        }
    }
    found
}

/// How an element is named: in CycloneDX, in SPDX 2 and in SPDX 3.
const NAMES: &[&str] = &["\"bom-ref\"", "\"SPDXID\"", "\"spdxId\""];

/// The line on which each element of a document is named. Documents that are written without line ends have one line.
fn lines(bytes: &[u8]) -> BTreeMap<&str, u32> {
    let mut found = BTreeMap::new();
    for (number, line) in (1_u32..).zip(bytes.split(|byte| *byte == b'\n')) {
        let Ok(line) = std::str::from_utf8(line) else { continue };
        let Some((_, rest)) = NAMES.iter().find_map(|name| line.split_once(name)) else { continue };
        let mut quoted = rest.split('"');
        if let (Some(colon), Some(value)) = (quoted.next(), quoted.next())
            && colon.trim() == ":"
        {
            found.entry(value).or_insert(number);
        }
    }
    found
}

fn line_of(lines: &BTreeMap<&str, u32>, reference: &str) -> u32 {
    lines.get(reference).copied().unwrap_or(0)
}
