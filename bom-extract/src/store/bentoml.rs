//! Models of BentoML: `bentoml/models/<name>/<tag>/model.yaml`, the files beside it.
//!
//! Source: BentoML, `src/bentoml/_internal/models/model.py`.

use bom_core::stored::{Basis, Repository, Store, Stored};

use super::look::Look;
use super::mlflow::scalars;
use super::steps::{below, join, joined};

const LEVELS: usize = 4;
const YAML_BYTES: u64 = 1 << 20;

pub(super) fn look(look: &mut Look<'_>) {
    let steps = look.steps;
    for level in 1..=LEVELS.min(steps.len()) {
        let (folder, file) = steps.split_at(steps.len().saturating_sub(level));
        if !folder.contains(&&b"models"[..]) {
            return;
        }
        let Some(content) = look.read(&below(&join(folder), b"model.yaml"), YAML_BYTES) else { continue };
        let model = scalars(&content);
        if !model.contains_key("bentoml_version") && !model.contains_key("api_version") {
            continue;
        }
        let mut stored = Stored::new(Store::Bentoml, Basis::Record);
        stored.repository = Some(Repository::Model);
        stored.name = model.get("name").cloned();
        stored.revision = model.get("version").cloned();
        stored.file = joined(file);
        look.add(stored);
        return;
    }
}
