//! Names that mean something: which host belongs to which provider, which package or library has
//! which role. Built-in tables (`bom-core/catalog/`), extended by a file of the same form.

use serde::{Deserialize, Serialize};

const PROVIDERS: &str = include_str!("../../catalog/providers.tsv");
const PACKAGES: &str = include_str!("../../catalog/packages.tsv");
/// Rows a user's file may add.
const MOST_ROWS: usize = 100_000;

/// Rows on top of the built-in tables; they are looked at first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    pub providers: Vec<Provider>,
    pub packages: Vec<Package>,
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
    /// The host ends with the pattern, which starts with a dot.
    Suffix,
    /// `{…}` in the pattern stands for one label or a part of one.
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
    #[error("line {line}: {columns} columns, expected 3 (packages) or 5 (providers) separated by tabs")]
    Columns { line: usize, columns: usize },
    #[error("line {line}: match {word:?} is none of exact, suffix, glob")]
    Matching { line: usize, word: String },
    #[error("line {line}: more than {MOST_ROWS} rows")]
    TooMany { line: usize },
}

impl Catalog {
    /// Reads rows of either table: five columns are a provider, three a package. `#` starts a comment.
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
                _ => return Err(CatalogError::Columns { line, columns: columns.len() }),
            }
        }
        Ok(catalog)
    }

    /// The tables this build carries.
    pub fn built_in() -> Self {
        let mut catalog = Self::default();
        for table in [PROVIDERS, PACKAGES] {
            // The tables are part of the source; `tests/catalog.rs` holds that they parse.
            catalog.extend(Self::parse(table).unwrap_or_default());
        }
        catalog
    }

    /// Puts another catalog's rows behind these.
    pub fn extend(&mut self, other: Self) {
        self.providers.extend(other.providers);
        self.packages.extend(other.packages);
    }

    /// The provider of a host: an exact row before a pattern, a longer pattern before a shorter,
    /// an earlier row before a later.
    pub fn provider(&self, host: &str) -> Option<&Provider> {
        let host = host.to_ascii_lowercase();
        let hits = self.providers.iter().filter(|row| row.matches(&host));
        hits.enumerate()
            .min_by_key(|(index, row)| (row.matching, std::cmp::Reverse(row.pattern.len()), *index))
            .map(|(_, row)| row)
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
    fn matches(&self, host: &str) -> bool {
        match self.matching {
            Matching::Exact => host == self.pattern,
            Matching::Suffix => host.ends_with(&self.pattern) && host.len() > self.pattern.len(),
            Matching::Glob => {
                let (host, pattern) = (host.split('.'), self.pattern.split('.'));
                host.clone().count() == pattern.clone().count()
                    && host.zip(pattern).all(|(label, glob)| label_matches(label, glob))
            }
        }
    }
}

/// One label against one glob label: text, at most one `{…}`, text.
fn label_matches(label: &str, glob: &str) -> bool {
    let Some((before, rest)) = glob.split_once('{') else { return label == glob };
    let Some((_, after)) = rest.split_once('}') else { return label == glob };
    label.len() > before.len() + after.len() && label.starts_with(before) && label.ends_with(after)
}
