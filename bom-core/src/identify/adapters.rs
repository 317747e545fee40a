//! An adapter's weights do not say what they are an adapter of; the configuration beside them does.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    homes::{Home, homes},
    view::Model,
};
use crate::metadata::{FileKind, ModelRole};

/// Gives adapters without a base the base that a configuration in the same folder, used by the same subject, names.
/// It stays a claim: the header of another file made it.
pub fn join(models: &mut [Model]) {
    let mut bases: BTreeMap<Home, BTreeSet<String>> = BTreeMap::new();
    for model in models.iter().filter(|model| model.metadata.format == FileKind::AdapterConfig) {
        for home in homes(model) {
            bases.entry(home).or_default().extend(model.metadata.base_models.iter().cloned());
        }
    }
    for model in models.iter_mut().filter(|model| model.metadata.role == Some(ModelRole::Adapter)) {
        if model.metadata.base_models.is_empty() {
            let found: BTreeSet<String> =
                homes(model).iter().filter_map(|home| bases.get(home)).flatten().cloned().collect();
            model.metadata.base_models = found;
        }
    }
    let links: Vec<BTreeSet<usize>> = models.iter().map(|model| used_bases(models, model)).collect();
    for (model, bases) in models.iter_mut().zip(links) {
        model.bases = bases;
    }
}

/// Models that an adapter names as its base, by the name their store has or by their folder, and that the same subject
/// used.
fn used_bases(models: &[Model], adapter: &Model) -> BTreeSet<usize> {
    if adapter.metadata.role != Some(ModelRole::Adapter) {
        return BTreeSet::new();
    }
    let subjects: BTreeSet<usize> = adapter.uses.iter().map(|usage| usage.subject).collect();
    let named = |model: &Model| {
        let stored = model.stored.iter().filter_map(|stored| stored.name.as_deref());
        let folders: BTreeSet<Home> = homes(model);
        let base = &adapter.metadata.base_models;
        stored.into_iter().any(|name| base.contains(name))
            || folders.iter().any(|home| match home {
                Home::Folder(_, directory) => {
                    let directory = String::from_utf8_lossy(directory);
                    base.iter().any(|base| {
                        base.starts_with('/') && base.trim_end_matches('/') == directory.trim_end_matches('/')
                    })
                }
                Home::Repository(..) => false,
            })
    };
    let weights = models.iter().enumerate().filter(|(_, model)| {
        matches!(model.metadata.role, None | Some(ModelRole::Model))
            && model.uses.iter().any(|usage| subjects.contains(&usage.subject))
    });
    weights.filter(|(_, model)| named(model)).map(|(index, _)| index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::SeenPath;
    use crate::{
        fact::{Evidence, Strength},
        identify::Usage,
        metadata::{Extracted, ModelMetadata},
    };

    fn model(kind: FileKind, role: ModelRole, base: Option<&str>, subject: usize, path: &str) -> Model {
        let mut metadata = ModelMetadata::new(kind);
        metadata.role = Some(role);
        metadata.base_models = base.map(str::to_owned).into_iter().collect();
        let usage = Usage {
            subject,
            program: 0,
            evidence: Evidence::once(Strength::Opened, 0, 0),
            probes: BTreeSet::new(),
            processes: BTreeSet::new(),
            paths: BTreeSet::from([SeenPath::new(path.as_bytes())]),
            files: BTreeSet::new(),
        };
        Model {
            digest: None,
            earlier: false,
            stored: BTreeSet::new(),
            parts: BTreeMap::new(),
            bases: BTreeSet::new(),
            files: BTreeSet::new(),
            content: Extracted::new(kind),
            metadata,
            python: None,
            deb: None,
            owners: BTreeSet::new(),
            uses: vec![usage],
        }
    }

    #[test]
    fn base_comes_from_the_same_folder_and_subject() {
        let config = |subject, path| {
            model(FileKind::AdapterConfig, ModelRole::Configuration, Some("org/base"), subject, path)
        };
        let weights =
            |base| model(FileKind::Safetensors, ModelRole::Adapter, base, 0, "/a/adapter_model.safetensors");
        for (name, beside, own, expected) in [
            ("same_folder", config(0, "/a/adapter_config.json"), None, vec!["org/base"]),
            ("other_folder", config(0, "/b/adapter_config.json"), None, vec![]),
            ("folder_below", config(0, "/a/b/adapter_config.json"), None, vec![]),
            ("other_subject", config(1, "/a/adapter_config.json"), None, vec![]),
            ("own_word_wins", config(0, "/a/adapter_config.json"), Some("own"), vec!["own"]),
        ] {
            let mut models = vec![beside, weights(own)];
            join(&mut models);
            let found: Vec<&str> = models[1].metadata.base_models.iter().map(String::as_str).collect();
            assert_eq!(found, expected, "{name}");
        }
    }
}
