//! conda: the package whose record in `PREFIX/conda-meta` lists a path.
//!
//! Source: docs.conda.io, "conda-meta": one JSON file for each installed package, with `files` relative to the prefix and
//! `paths_data` with digests.

use std::collections::BTreeMap;

use bom_core::{
    input::Reason,
    package::{Basis, Ecosystem, PackageOwner},
    path::SeenPath,
};

use super::paths::{ancestors, join, seen_from, source_of};
use super::rows::Rows;
use super::site::{NAMES, head_of, value};
use super::{Identity, Stamp, existing, identity, stamp};
use crate::work::open::{Links, Tree, reason};
use crate::work::watch::Watch;

const DEPTH: usize = 64;
/// The record of Qt has 3 MiB.
const RECORD_BYTES: usize = 32 << 20;
const PACKAGES: usize = 5_000;

#[derive(Debug)]
pub(super) struct Conda {
    prefixes: BTreeMap<Identity, Prefix>,
    limit: usize,
}

#[derive(Debug)]
struct Prefix {
    stamp: Stamp,
    /// Names of the records; a row's list is an index into them.
    records: Vec<Vec<u8>>,
    rows: Rows,
    partial: Option<Reason>,
}

impl Conda {
    pub(super) fn new(limit: usize) -> Self {
        Self { prefixes: BTreeMap::new(), limit }
    }

    pub(super) fn owner(
        &mut self,
        tree: &Tree,
        path: &[u8],
        watch: &Watch,
    ) -> Result<Option<PackageOwner>, Reason> {
        for prefix in ancestors(path).take(DEPTH) {
            watch.beat()?;
            let place = join(prefix, b"conda-meta");
            let Some((below, metadata)) = existing(tree.below(&place, Links::Refuse))? else { continue };
            let (identity, stamp) = (identity(&metadata), stamp(&metadata));
            if self.prefixes.get(&identity).is_none_or(|known| known.stamp != stamp) {
                self.prefixes.clear();
                self.prefixes.insert(identity, Prefix::read(&below, stamp, self.limit, watch)?);
            }
            let Some(known) = self.prefixes.get(&identity) else { continue };
            let source = source_of(path);
            for name in [Some(path), source.as_deref()].into_iter().flatten() {
                let relative = seen_from(prefix, name);
                if let Some(owner) = known.listed(&below, &place, &relative, watch)? {
                    return Ok(Some(owner));
                }
            }
            return known.partial.map_or(Ok(None), Err);
        }
        Ok(None)
    }
}

impl Prefix {
    fn read(below: &Tree, stamp: Stamp, limit: usize, watch: &Watch) -> Result<Self, Reason> {
        let wanted = |name: &[u8]| name.ends_with(b".json");
        let (mut records, all) = below.names(NAMES, wanted).map_err(|error| reason(&error))?;
        let mut prefix = Self { stamp, records: Vec::new(), rows: Rows::new(limit), partial: None };
        if !all || records.len() > PACKAGES {
            prefix.partial = Some(Reason::TooLarge);
            records.truncate(PACKAGES);
        }
        for (number, name) in (0u32..).zip(&records) {
            let Some(record) = record(below, name, watch)? else {
                prefix.partial.get_or_insert(Reason::ReadFailed);
                continue;
            };
            for file in files(&record) {
                if !prefix.rows.push(file.as_bytes(), number, 0) {
                    prefix.partial.get_or_insert(Reason::TooLarge);
                }
            }
        }
        prefix.records = records;
        prefix.rows.finish();
        Ok(prefix)
    }

    fn listed(
        &self,
        below: &Tree,
        place: &[u8],
        path: &[u8],
        watch: &Watch,
    ) -> Result<Option<PackageOwner>, Reason> {
        for row in self.rows.candidates(path) {
            let index = usize::try_from(row.list).map_err(|_| Reason::ReadFailed)?;
            let Some(name) = self.records.get(index) else { continue };
            let Some(record) = record(below, name, watch)? else { continue };
            if !files(&record).any(|file| file.as_bytes() == path) {
                continue;
            }
            let field = |name: &str| record.get(name)?.as_str().and_then(|text| value(text.as_bytes()));
            let Some(package) = field("name") else { continue };
            let paths = record.pointer("/paths_data/paths").and_then(serde_json::Value::as_array);
            let recorded = paths.into_iter().flatten().find(|entry| {
                entry.get("_path").and_then(serde_json::Value::as_str).map(str::as_bytes) == Some(path)
            });
            // What conda changed at installation has the digest of what it put there beside the original's.
            let digest =
                recorded.and_then(|entry| entry.get("sha256_in_prefix").or_else(|| entry.get("sha256")));
            return Ok(Some(PackageOwner {
                ecosystem: Ecosystem::Conda,
                basis: Basis::List,
                name: package,
                version: field("version"),
                architecture: field("subdir"),
                source: SeenPath::new(join(place, name)),
                recorded_sha256: digest
                    .and_then(serde_json::Value::as_str)
                    .filter(|text| is_sha256(text))
                    .map(str::to_owned),
            }));
        }
        Ok(None)
    }
}

fn record(below: &Tree, name: &[u8], watch: &Watch) -> Result<Option<serde_json::Value>, Reason> {
    let Some((file, _)) = existing(below.read(name, Links::Refuse))? else { return Ok(None) };
    let bytes = head_of(&file, RECORD_BYTES, watch)?;
    Ok(serde_json::from_slice(&bytes).ok())
}

fn files(record: &serde_json::Value) -> impl Iterator<Item = &str> {
    let files = record.get("files").and_then(serde_json::Value::as_array);
    files.into_iter().flatten().filter_map(serde_json::Value::as_str)
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
