//! Names that mean something: which host belongs to which provider, which package or library has
//! which role. Built-in tables (`bom-core/catalog/`), extended by a file of the same form.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::view::ServerBasis;

const PROVIDERS: &str = include_str!("../../catalog/providers.tsv");
const PACKAGES: &str = include_str!("../../catalog/packages.tsv");
const SERVERS: &str = include_str!("../../catalog/servers.tsv");
/// Rows a user's file may add.
const MOST_ROWS: usize = 100_000;

/// Rows on top of the built-in tables; they are looked at first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    pub providers: Vec<Provider>,
    pub packages: Vec<Package>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<ServerRow>,
}

/// One sign of one self-hosted server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ServerRow {
    pub server: String,
    /// inference-server, vector-db, …
    pub kind: String,
    pub basis: ServerBasis,
    /// `ecosystem:name`, the beginning of a library's name, an engine, a file name, or a port.
    pub value: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Provider {
    pub provider: String,
    /// llm-api, vector-db, gateway, …
    pub kind: String,
    pub matching: Matching,
    pub pattern: String,
    /// The host serves nothing else.
    pub sure: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Matching {
    /// The host equals the pattern.
    Exact,
    /// The host ends with the pattern, which starts with a dot; its labels may have `{…}`.
    Suffix,
    /// `{…}` in the pattern stands for one label or a part of one; `{name}` keeps what it stood for.
    Glob,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Package {
    /// pypi, npm, deb, so.
    pub ecosystem: String,
    pub name: String,
    /// llm-sdk, inference-runtime, …
    pub role: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    #[error(
        "line {line}: {columns} columns, expected 3 (packages), 4 (servers) or 5 (providers) separated by tabs"
    )]
    Columns { line: usize, columns: usize },
    #[error("line {line}: match {word:?} is none of exact, suffix, glob")]
    Matching { line: usize, word: String },
    #[error("line {line}: basis {word:?} is none of package, library, engine, program, port")]
    Basis { line: usize, word: String },
    #[error("line {line}: more than {MOST_ROWS} rows")]
    TooMany { line: usize },
}

impl Catalog {
    /// Reads rows of any table: five columns are a provider, four a server, three a package. `#` starts a comment.
    pub fn parse(text: &str) -> Result<Self, CatalogError> {
        let mut catalog = Self::default();
        for (line, row) in (1..).zip(text.lines()) {
            if row.trim().is_empty() || row.starts_with('#') {
                continue;
            }
            if line > MOST_ROWS {
                return Err(CatalogError::TooMany { line });
            }
            let columns: Vec<&str> = row.split('\t').map(str::trim).collect();
            match columns[..] {
                [provider, kind, matching, pattern, confidence] => {
                    let matching = match matching {
                        "exact" => Matching::Exact,
                        "suffix" => Matching::Suffix,
                        "glob" => Matching::Glob,
                        word => return Err(CatalogError::Matching { line, word: word.to_owned() }),
                    };
                    catalog.providers.push(Provider {
                        provider: provider.to_owned(),
                        kind: kind.to_owned(),
                        matching,
                        pattern: pattern.to_ascii_lowercase(),
                        sure: confidence == "high",
                    });
                }
                [ecosystem, name, role] => catalog.packages.push(Package {
                    ecosystem: ecosystem.to_owned(),
                    name: name.to_owned(),
                    role: role.to_owned(),
                }),
                [server, kind, word, value] => {
                    let basis = ServerBasis::ALL.into_iter().find(|basis| basis.name() == word);
                    let basis = basis.ok_or_else(|| CatalogError::Basis { line, word: word.to_owned() })?;
                    catalog.servers.push(ServerRow {
                        server: server.to_owned(),
                        kind: kind.to_owned(),
                        basis,
                        value: value.to_owned(),
                    });
                }
                _ => return Err(CatalogError::Columns { line, columns: columns.len() }),
            }
        }
        Ok(catalog)
    }

    /// The tables this build carries.
    pub fn built_in() -> Self {
        let mut catalog = Self::default();
        for table in [PROVIDERS, PACKAGES, SERVERS] {
            // The tables are part of the source; `tests/catalog.rs` holds that they parse.
            catalog.extend(Self::parse(table).unwrap_or_default());
        }
        catalog
    }

    /// Puts another catalog's rows behind these.
    pub fn extend(&mut self, other: Self) {
        self.providers.extend(other.providers);
        self.packages.extend(other.packages);
        self.servers.extend(other.servers);
    }

    /// The provider of a host: an exact row before a pattern, a longer pattern before a shorter,
    /// an earlier row before a later.
    pub fn provider(&self, host: &str) -> Option<&Provider> {
        self.provider_of(host).map(|(row, _)| row)
    }

    /// The same, with what the host has where the pattern has `{…}`; what stands in front of a suffix is `resource`.
    pub fn provider_of(&self, host: &str) -> Option<(&Provider, BTreeMap<String, String>)> {
        let host = host.to_ascii_lowercase();
        let hits = self.providers.iter().filter_map(|row| Some((row, row.matches(&host)?)));
        hits.enumerate()
            .min_by_key(|(index, (row, _))| (row.matching, std::cmp::Reverse(row.pattern.len()), *index))
            .map(|(_, hit)| hit)
    }

    /// The role of a package by its exact name.
    pub fn role(&self, ecosystem: &str, name: &str) -> Option<&str> {
        let mut rows = self.packages.iter();
        rows.find(|row| row.ecosystem == ecosystem && row.name == name).map(|row| row.role.as_str())
    }

    /// The role of a shared library by the beginning of its soname or file name; the longest wins.
    pub fn library_role(&self, name: &str) -> Option<&str> {
        let rows = self.packages.iter().filter(|row| row.ecosystem == "so" && name.starts_with(&row.name));
        rows.max_by_key(|row| row.name.len()).map(|row| row.role.as_str())
    }
}

impl Provider {
    /// What the host has at each `{name}` of the pattern; `None` if it does not match.
    fn matches(&self, host: &str) -> Option<BTreeMap<String, String>> {
        let mut parts = BTreeMap::new();
        match self.matching {
            Matching::Exact => (host == self.pattern).then_some(parts),
            Matching::Suffix => {
                let labels = self.pattern.strip_prefix('.').unwrap_or(&self.pattern);
                let count = labels.split('.').count();
                let ahead = host.split('.').count().checked_sub(count).filter(|ahead| *ahead > 0)?;
                // A pattern without a dot in front may end within a label.
                if !self.pattern.starts_with('.') {
                    return (host.ends_with(&self.pattern) && host.len() > self.pattern.len())
                        .then_some(parts);
                }
                let tail = host.split('.').skip(ahead);
                if !tail.zip(labels.split('.')).all(|(label, glob)| label_matches(label, glob, &mut parts)) {
                    return None;
                }
                let resource: Vec<&str> = host.split('.').take(ahead).collect();
                if resource.iter().any(|label| label.is_empty()) {
                    return None;
                }
                parts.insert("resource".to_owned(), resource.join("."));
                Some(parts)
            }
            Matching::Glob => {
                let (host, pattern) = (host.split('.'), self.pattern.split('.'));
                let same = host.clone().count() == pattern.clone().count();
                (same && host.zip(pattern).all(|(label, glob)| label_matches(label, glob, &mut parts)))
                    .then_some(parts)
            }
        }
    }
}

/// One label against one glob label: text and `{…}` in turn. Of several ways to match, the earlier `{…}` is the longer:
/// `us-central1-123` is the region `us-central1` and the project `123`.
fn label_matches(label: &str, glob: &str, parts: &mut BTreeMap<String, String>) -> bool {
    let Some((before, rest)) = glob.split_once('{') else { return label == glob };
    let Some((name, after)) = rest.split_once('}') else { return label == glob };
    let Some(label) = label.strip_prefix(before) else { return false };
    let ends = label.char_indices().map(|(at, letter)| at + letter.len_utf8()).rev();
    for end in ends {
        let (own, rest) = label.split_at(end);
        let mut inner = parts.clone();
        if label_matches(rest, after, &mut inner) {
            inner.insert(name.to_owned(), own.to_owned());
            *parts = inner;
            return true;
        }
    }
    false
}
