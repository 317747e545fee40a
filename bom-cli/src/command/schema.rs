//! Official JSON schemas out of a folder. Nothing is fetched: a reference to what is not in the folder is an error.

use std::{collections::BTreeMap, error::Error, fs, path::Path};

use anyhow::{Context as _, bail};
use bom_core::bom::spec::{Edition, Place};
use jsonschema::{Draft, Retrieve, Uri};
use serde_json::Value;

use super::validate::Schema;
use crate::side;

/// Bytes of one schema; the largest official one has less than one mebibyte.
const MOST_BYTES: u64 = 16 << 20;
/// Schemas of one folder.
const MOST_FILES: usize = 100;
/// Violations that are shown of one document.
const MOST_SHOWN: usize = 1000;

/// The schemas of a folder, by file name.
pub(super) struct Schemas(BTreeMap<String, Value>);

/// Answers references by the last part of their address.
#[derive(Clone)]
struct Folder(BTreeMap<String, Value>);

impl Retrieve for Folder {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        let name = uri.path().as_str().rsplit('/').next().unwrap_or_default();
        self.0.get(name).cloned().ok_or_else(|| format!("{name} is not in the folder of schemas").into())
    }
}

impl Schemas {
    pub(super) fn read(folder: &Path) -> anyhow::Result<Self> {
        let shown = folder.display();
        let mut found = BTreeMap::new();
        for entry in fs::read_dir(folder).with_context(|| format!("read {shown}"))? {
            let path = entry.with_context(|| format!("read {shown}"))?.path();
            let name = path.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default().to_owned();
            if !name.ends_with(".schema.json") || !path.is_file() {
                continue;
            }
            let size = fs::metadata(&path).with_context(|| format!("read {}", path.display()))?.len();
            anyhow::ensure!(size <= MOST_BYTES, "read {}: more than {MOST_BYTES} bytes", path.display());
            anyhow::ensure!(found.len() < MOST_FILES, "read {shown}: more than {MOST_FILES} schemas");
            let schema = serde_json::from_slice(&side::read(&path)?)
                .with_context(|| format!("read {}", path.display()))?;
            found.insert(name, schema);
        }
        anyhow::ensure!(!found.is_empty(), "read {shown}: no *.schema.json in it");
        Ok(Self(found))
    }

    /// What the schema of an edition finds in a document.
    pub(super) fn check(&self, edition: Edition, bytes: &[u8]) -> anyhow::Result<Schema> {
        // `bom-1.6.schema.json` of the specification, `bom-1.6.SNAPSHOT.schema.json` of its libraries.
        let start = format!("bom-{edition}.");
        let Some((name, schema)) = self.0.iter().find(|(name, _)| name.starts_with(&start)) else {
            bail!("there is no schema of CycloneDX {edition} in the folder: bom-{edition}.schema.json");
        };
        let validator = jsonschema::options()
            .with_draft(Draft::Draft7)
            .with_retriever(Folder(self.0.clone()))
            .should_validate_formats(true)
            .build(schema)
            .map_err(|error| anyhow::anyhow!("read {name}: {error}"))?;
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let document: Value = serde_json::from_slice(bytes)?;
        let found = validator.iter_errors(&document).take(MOST_SHOWN).map(|error| {
            let message: String = error.to_string().chars().take(400).collect();
            (place(error.instance_path().as_str()), message)
        });
        Ok(Schema::Checked(found.collect()))
    }
}

/// A JSON Pointer as the JSONPath that the other findings have.
fn place(pointer: &str) -> String {
    let mut place = Place::root();
    for step in pointer.split('/').skip(1) {
        match step.parse() {
            Ok(index) => place.enter_item(index),
            Err(_) => place.enter_field(&step.replace("~1", "/").replace("~0", "~")),
        }
    }
    place.to_string()
}
