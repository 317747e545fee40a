//! A declaration into workloads.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::bom::Purl;
use crate::declared::{
    Class, HostPattern, Issue, IssueKind, Item, Kind, PathPattern, Place, Review, Workload, WorkloadId,
};
use crate::manifest::{
    ManifestError, address, digest, fields, model_item, package,
    yaml::{self, Entry, Limits, Node, Value},
};

/// What `apiVersion` must be.
pub const API_VERSION: &str = "aibom/v1";
/// `kind`, which may be left out.
const KIND: &str = "Declaration";

/// Keys at the top.
const TOP: &[&str] = &["apiVersion", "kind", "metadata", "reviewed", "reviewer", "date", "workloads"];
/// Keys of a workload that are no lists of things.
const WORKLOAD: &[&str] = &["name", "kind", "namespace", "observedAs", "complete"];

/// Lists of things, what is in them, and the class of which they then say everything.
const LISTS: &[(&str, Kind, Class)] = &[
    ("adapters", Kind::Adapter, Class::Models),
    ("code", Kind::Code, Class::Packages),
    ("data", Kind::Data, Class::Models),
    ("endpoints", Kind::Endpoint, Class::Endpoints),
    ("libraries", Kind::Library, Class::Libraries),
    ("mcpServers", Kind::McpServer, Class::Programs),
    ("models", Kind::Model, Class::Models),
    ("packages", Kind::Package, Class::Packages),
    ("programs", Kind::Program, Class::Programs),
];

/// Keys of a thing.
const THING: &[&str] = &[
    "name",
    "aliases",
    "digest",
    "digests",
    "purl",
    "ecosystem",
    "version",
    "repository",
    "revision",
    "quantization",
    "base",
    "license",
    "path",
    "paths",
    "host",
    "port",
    "provider",
    "role",
    "url",
];

/// Of those, the keys that may have several values.
const SEVERAL: &[&str] = &["aliases", "digest", "digests", "license", "path", "paths"];

/// Whether a document is a declaration.
pub(crate) fn is_one(node: &Node) -> bool {
    let ours = node.text_at(&["apiVersion"]).is_some_and(|version| version.starts_with("aibom/"));
    ours && node.text_at(&["kind"]).is_none_or(|kind| kind == KIND)
}

/// Reads a declaration.
pub(crate) fn read(
    node: &Node,
    file: &Arc<str>,
    issues: &mut Vec<Issue>,
) -> Result<Vec<Workload>, ManifestError> {
    let version = node.get("apiVersion");
    let found = version.and_then(Node::text).unwrap_or_default();
    if found != API_VERSION {
        return Err(ManifestError::Version {
            file: file.to_string(),
            line: version.map_or(1, |node| node.line),
            found: found.chars().take(64).collect(),
            expected: API_VERSION,
        });
    }
    let mut reader = Reader { file, issues, text: None };
    reader.unknown(node, TOP, &[]);
    let text = |key: &str| node.text_at(&[key]).map(str::to_owned);
    let reviewed = node.get("reviewed");
    let review = Review {
        reviewed: reviewed.and_then(Node::flag).unwrap_or(false),
        reviewer: text("reviewer"),
        date: text("date"),
        place: reader.place(reviewed.unwrap_or(node)),
    };
    let mut workloads = Vec::new();
    reader.must_be_list(node, "workloads");
    for entry in node.list_at(&["workloads"]) {
        let mut workload = reader.workload(entry);
        workload.review = Some(review.clone());
        workloads.push(workload);
    }
    Ok(workloads)
}

/// Reads the declaration in a pod template's annotation: what else would be one workload of `aibom.yaml`.
pub(crate) fn annotation(
    text: &str,
    place: &Place,
    block: Option<u32>,
    workload: &mut Workload,
    issues: &mut Vec<Issue>,
) {
    let limits = Limits { bytes: 256 << 10, values: 20_000, ..Limits::default() };
    let file = place.file.clone();
    let nodes = match yaml::read(text.as_bytes(), &limits) {
        Ok((nodes, repeated)) => {
            for (key, _) in repeated {
                let text = format!("annotation aibom/declaration: key {key:?} stands twice");
                issues.push(Issue { place: place.clone(), kind: IssueKind::DuplicateKey, text });
            }
            nodes
        }
        Err(error) => {
            let text = format!("annotation aibom/declaration: {error}");
            issues.push(Issue { place: place.clone(), kind: IssueKind::BadValue, text });
            return;
        }
    };
    let mut reader = Reader { file: &file, issues, text: Some((block, place)) };
    for node in &nodes {
        let found = reader.workload(node);
        let inferred = std::mem::take(&mut workload.items);
        workload.items = super::apply::merge(found.items, inferred);
        workload.exhaustive.extend(found.exhaustive);
        workload.aliases.extend(found.aliases);
    }
}

struct Reader<'a> {
    file: &'a Arc<str>,
    issues: &'a mut Vec<Issue>,
    /// For text inside a document: the line of its first line if it has lines of its own, and its place.
    text: Option<(Option<u32>, &'a Place)>,
}

impl Reader<'_> {
    fn place(&self, node: &Node) -> Place {
        self.line(node.line, node.column)
    }

    fn line(&self, line: u32, column: u32) -> Place {
        match self.text {
            None => Place { file: self.file.clone(), line, column },
            Some((Some(first), _)) => {
                let line = first.saturating_add(line.saturating_sub(1));
                Place { file: self.file.clone(), line, column: 0 }
            }
            Some((None, place)) => place.clone(),
        }
    }

    fn bad(&mut self, node: &Node, text: impl Into<String>) {
        let place = self.place(node);
        self.issues.push(Issue { place, kind: IssueKind::BadValue, text: text.into() });
    }

    /// A misspelt key would otherwise declare nothing in silence.
    fn unknown(&mut self, node: &Node, known: &[&str], more: &[&str]) {
        for Entry { key, line, value } in node.entries() {
            if !known.contains(&key.as_str()) && !more.contains(&key.as_str()) {
                let place = self.line(*line, value.column);
                let text = format!("declaration: unknown key {key:?}");
                self.issues.push(Issue { place, kind: IssueKind::BadValue, text });
            }
        }
    }

    /// What is no list would otherwise be an empty one.
    fn must_be_list(&mut self, node: &Node, key: &str) {
        if let Some(value) = node.get(key).filter(|value| !matches!(value.value, Value::List(_))) {
            self.bad(value, format!("declaration: {key} is {}, and not a list", value.what()));
        }
    }

    /// A pin that is there and cannot be read would otherwise be none.
    fn must_be_texts(&mut self, node: &Node, keys: &[&str]) {
        for key in keys {
            let Some(value) = node.get(key) else { continue };
            let list = value.list();
            let odd = |node: &Node| node.text().is_none_or(|text| text.trim().is_empty());
            if list.is_empty() && odd(value) || list.iter().any(odd) {
                self.bad(value, format!("declaration: {key} is {}, and not a text", value.what()));
            }
        }
    }

    fn workload(&mut self, node: &Node) -> Workload {
        self.must_be_texts(node, &["name", "kind", "namespace", "observedAs"]);
        let lists: Vec<&str> = LISTS.iter().map(|(name, _, _)| *name).collect();
        self.unknown(node, WORKLOAD, &lists);
        let text = |key: &str| node.text_at(&[key]).map(str::to_owned);
        let id = WorkloadId {
            kind: text("kind").unwrap_or_else(|| "workload".to_owned()),
            namespace: text("namespace"),
            name: text("name").unwrap_or_else(|| "unnamed".to_owned()),
        };
        let mut workload = Workload::new(id, self.place(node.get("name").unwrap_or(node)));
        workload.aliases.extend(texts(node.get("observedAs")));
        for (name, kind, class) in LISTS {
            let Some(list) = node.get(name) else { continue };
            workload.exhaustive.insert(*class);
            self.must_be_list(node, name);
            for entry in list.list() {
                match self.thing(entry, *kind) {
                    Some(item) => workload.items.push(item),
                    None => self.bad(entry, format!("declaration: an entry of {name} without a name")),
                }
            }
        }
        // Said outright, it replaces what the lists say.
        if let Some(complete) = node.get("complete") {
            self.must_be_list(node, "complete");
            let words: Vec<String> = texts(Some(complete)).collect();
            workload.exhaustive = Class::ALL
                .iter()
                .copied()
                .filter(|class| words.iter().any(|word| word == class.word()))
                .collect();
            for word in
                words.iter().filter(|word| !Class::ALL.iter().any(|class| class.word() == word.as_str()))
            {
                self.bad(complete, format!("declaration: unknown class {word:?}"));
            }
        }
        workload
    }

    /// A thing; a text alone is its name, its package URL, its path or its host.
    fn thing(&mut self, node: &Node, kind: Kind) -> Option<Item> {
        let place = self.place(node);
        let item = match node.text() {
            Some(text) => self.short(node, text, kind),
            None => self.full(node, kind),
        }?;
        Some(item.declared_at(place, fields::DECLARED.name))
    }

    fn short(&mut self, node: &Node, text: &str, kind: Kind) -> Option<Item> {
        if let Ok(purl) = Purl::parse(text) {
            return Some(from_purl(kind, purl));
        }
        match kind {
            Kind::Endpoint if text.starts_with("unix:") => Some(Item::new(kind, text)),
            Kind::Endpoint => {
                let Some(found) = address(text, true) else {
                    self.bad(node, format!("declaration: {text:?} is no host"));
                    return None;
                };
                let mut item = Item::new(kind, found.host.as_str());
                (item.host, item.port, item.many) = (Some(found.host), found.port, true);
                Some(item)
            }
            Kind::Model | Kind::Adapter | Kind::Data => model_item(kind, text),
            Kind::Package => {
                package(kind, "pypi", text).map(|item| Item { ecosystem: None, purl: None, ..item })
            }
            Kind::Library | Kind::Program | Kind::McpServer | Kind::Image | Kind::Device | Kind::Code => {
                let mut item = Item::new(kind, text);
                item.paths.extend(PathPattern::new(text).filter(|_| text.starts_with('/')));
                item.aliases.extend(text.rsplit('/').next().map(str::to_owned));
                Some(item)
            }
        }
    }

    fn full(&mut self, node: &Node, kind: Kind) -> Option<Item> {
        self.unknown(node, THING, &[]);
        self.must_be_texts(node, THING);
        for key in THING.iter().filter(|key| !SEVERAL.contains(key)) {
            if let Some(value) = node.get(key).filter(|value| !value.list().is_empty()) {
                self.bad(value, format!("declaration: {key} is a list, and not a text"));
            }
        }
        let text = |key: &str| node.text_at(&[key]).map(str::to_owned);
        let purl = self.parsed(node, "purl", |text| Purl::parse(text).ok());
        let repository = text("repository").and_then(|text| model_item(kind, &text));
        let mut item = match (purl, repository) {
            (Some(purl), _) => from_purl(kind, purl),
            (None, Some(item)) => item,
            (None, None) => Item::new(kind, String::new()),
        };
        let url = self.parsed(node, "url", |text| address(text, false));
        let host = self.parsed(node, "host", HostPattern::new);
        item.port =
            self.parsed(node, "port", |text| text.parse().ok()).or(url.as_ref().and_then(|url| url.port));
        item.host = host.or(url.map(|url| url.host));
        for key in ["digest", "digests"] {
            for value in
                node.get(key).into_iter().flat_map(|value| std::iter::once(value).chain(value.list()))
            {
                let Some(text) = value.text() else { continue };
                match digest(text) {
                    Some(hash) => drop(item.digests.insert(hash)),
                    None => self.bad(value, format!("declaration: {text:?} is no digest (sha256:…)")),
                }
            }
        }
        for key in ["path", "paths"] {
            item.paths.extend(texts(node.get(key)).filter_map(|text| PathPattern::new(&text)));
        }
        item.aliases.extend(texts(node.get("aliases")));
        item.licenses.extend(texts(node.get("license")));
        item.ecosystem = text("ecosystem").or(item.ecosystem);
        item.version = text("version").or(item.version);
        item.revision = text("revision").or(item.revision);
        item.quantization = text("quantization").map(|text| text.to_lowercase()).or(item.quantization);
        (item.base, item.provider, item.role) = (text("base"), text("provider"), text("role"));
        // A digest is one content.
        item.many = item.digests.is_empty()
            && (item.many || item.paths.iter().any(PathPattern::is_pattern) || kind == Kind::Endpoint);
        let shown = text("name").or_else(|| {
            let host = item.host.as_ref().map(ToString::to_string);
            let path = item.paths.first().map(|path| path.file_name().to_owned());
            let digest = item.digests.first().map(|hash| format!("{}:{}", hash.algorithm(), hash.hex()));
            host.or(path)
                .or(Some(item.name.clone()).filter(|name| !name.is_empty()))
                .or(item.provider.clone())
                .or(digest)
        });
        let former = std::mem::replace(&mut item.name, shown?);
        item.aliases.extend(Some(former).filter(|name| !name.is_empty()));
        Some(item)
    }

    fn parsed<T>(&mut self, node: &Node, key: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let value = node.get(key)?;
        let found = value.text().and_then(&parse);
        if found.is_none() {
            let text = value.text().unwrap_or(value.what()).to_owned();
            self.bad(value, format!("declaration: {text:?} is no {key}"));
        }
        found
    }
}

fn from_purl(kind: Kind, purl: Purl) -> Item {
    let parts = purl.parts();
    let name = parts.as_ref().map_or_else(String::new, |parts| match (&parts.namespace, parts.ty.as_str()) {
        (Some(namespace), "huggingface" | "npm") => format!("{namespace}/{}", parts.name),
        _ => parts.name.clone(),
    });
    let mut item = Item::new(kind, name);
    if let Some(parts) = parts {
        let is_model = parts.ty == "huggingface";
        item.many = is_model;
        if is_model {
            item.revision = parts.version;
        } else {
            item.version = parts.version;
        }
        item.ecosystem = Some(parts.ty);
    }
    item.purl = Some(purl);
    item
}

/// A text, or each text of a list.
fn texts(node: Option<&Node>) -> impl Iterator<Item = String> + '_ {
    let own = node.and_then(Node::text);
    let list = node.map_or(&[][..], Node::list).iter().filter_map(Node::text);
    let found: BTreeSet<&str> = own.into_iter().chain(list).collect();
    found.into_iter().map(str::to_owned)
}
