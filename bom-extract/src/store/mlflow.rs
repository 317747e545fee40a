//! Models of MLflow: a folder with an `MLmodel` file, and `registered_model_meta` where it came from the registry.
//!
//! Source: MLflow, `mlflow/models/model.py`, `mlflow/store/artifact/models_artifact_repo.py`. Both files are YAML; of
//! it only plain `key: value` lines at the margin are read.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};

use bom_core::stored::{Basis, Repository, Store, Stored};

use super::look::Look;
use super::steps::{below, join, joined, text};

/// How far above the file its `MLmodel` may be.
const LEVELS: usize = 5;
const YAML_BYTES: u64 = 1 << 20;

pub(super) fn look(look: &mut Look<'_>) {
    let steps = look.steps;
    for level in 1..=LEVELS.min(steps.len()) {
        let (folder, file) = steps.split_at(steps.len().saturating_sub(level));
        let folder = join(folder);
        let Some(content) = look.read(&below(&folder, b"MLmodel"), YAML_BYTES) else { continue };
        let model = scalars(&content);
        // Every one has flavours; without, it is another's file of that name.
        if !model.contains_key("flavors") {
            continue;
        }
        let registered = look.read(&below(&folder, b"registered_model_meta"), YAML_BYTES);
        let registered = registered.map(|content| scalars(&content)).unwrap_or_default();
        let value = |from: &BTreeMap<String, String>, key: &str| {
            from.get(key).filter(|value| !value.is_empty()).cloned()
        };
        let mut stored = Stored::new(Store::Mlflow, Basis::Record);
        stored.repository = Some(Repository::Model);
        stored.name = value(&registered, "model_name").or_else(|| value(&model, "artifact_path"));
        stored.revision = ["model_id", "model_uuid", "run_id"].iter().find_map(|key| value(&model, key));
        stored.references.extend(value(&registered, "model_version"));
        stored.file = joined(file);
        look.add(stored);
        return;
    }
}

/// `key: value` at the margin; a key with nothing behind it is there, empty.
pub(super) fn scalars(yaml: &[u8]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for line in yaml.split(|&byte| byte == b'\n') {
        let Ok(line) = core::str::from_utf8(line) else { continue };
        if line.starts_with([' ', '\t', '#', '-']) {
            continue;
        }
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = value.trim().trim_matches(['"', '\'']);
        let value = if value.is_empty() { Some(String::new()) } else { text(value.as_bytes()) };
        if let (Some(key), Some(value)) = (text(key.as_bytes()), value) {
            found.entry(key.to_string()).or_insert(value);
        }
    }
    found
}
