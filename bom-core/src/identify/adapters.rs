//! An adapter's weights do not say what they are an adapter of; the configuration beside them does.

use std::collections::{BTreeMap, BTreeSet};

use super::view::Model;
use crate::{
    metadata::{FileKind, ModelRole},
    path::SeenPath,
};

/// A folder as one subject saw it.
type Place = (usize, Vec<u8>);

/// Gives adapters without a base the base that a configuration in the same folder, used by the same subject, names.
/// It stays a claim: the header of another file made it.
pub(super) fn join(models: &mut [Model]) {
    let mut bases: BTreeMap<Place, BTreeSet<String>> = BTreeMap::new();
    for model in models.iter().filter(|model| model.metadata.format == FileKind::AdapterConfig) {
        for place in places(model) {
            bases.entry(place).or_default().extend(model.metadata.base_models.iter().cloned());
        }
    }
    for model in models.iter_mut().filter(|model| model.metadata.role == Some(ModelRole::Adapter)) {
        if model.metadata.base_models.is_empty() {
            let found: BTreeSet<String> =
                places(model).iter().filter_map(|place| bases.get(place)).flatten().cloned().collect();
            model.metadata.base_models = found;
        }
    }
}

fn places(model: &Model) -> BTreeSet<Place> {
    let of = |path: &SeenPath| {
        let name = path.file_name().len();
        path.bytes().get(..path.bytes().len().saturating_sub(name)).unwrap_or_default().to_vec()
    };
    model
        .uses
        .iter()
        .flat_map(|usage| usage.paths.iter().map(move |path| (usage.subject, of(path))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
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
