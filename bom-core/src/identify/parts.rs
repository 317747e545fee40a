//! Files of weights that a header refers to (ONNX's external data): they have no format of their own, so nothing but
//! that reference and their name makes them part of a model.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    artifacts::Known,
    homes::{Home, addresses},
    view::{Model, Part, View},
};
use crate::{fact::Strength, inventory::Inventory, key::Object, metadata::ModelRole, path::SeenPath};

/// Subject and path.
type Place = (usize, SeenPath);

/// Gives each model that names other files those that were used under that name, and the others as not met.
pub(super) fn join(view: &mut View, inventory: &Inventory) {
    let referring = |model: &&mut Model| {
        let weights = model.metadata.role.is_none_or(ModelRole::is_model);
        weights && model.parts.is_empty() && !model.metadata.external_files.is_empty()
    };
    let mut models: Vec<&mut Model> = view.models.iter_mut().filter(referring).collect();
    if models.is_empty() {
        return;
    }
    let wanted: BTreeSet<Place> = models.iter().flat_map(|model| references(model)).map(|it| it.1).collect();
    let mut found: BTreeMap<Place, Part> = BTreeMap::new();
    for (number, subject) in view.subjects.iter().enumerate() {
        let Some(epoch) = inventory.epochs.get(&subject.epoch) else { continue };
        for (fact, evidence) in epoch.facts.iter().filter(|(fact, _)| fact.subject == subject.key) {
            let Object::File(file) = &fact.object else { continue };
            // A look at what is there is no use.
            if !fact.action.uses_file() || evidence.strength.0 < Strength::Opened {
                continue;
            }
            for path in epoch.paths.get(fact).into_iter().flatten() {
                let place = (number, path.clone());
                if wanted.contains(&place) {
                    let about = epoch.objects.get(&fact.object).map(Known::of);
                    let earlier = about.as_ref().is_some_and(|known| known.earlier);
                    let digest = about.and_then(|known| known.digest.map(str::to_owned));
                    let part = Part { digest, earlier, recorded: None, size: Some(file.size), met: true };
                    found.insert(place, part);
                }
            }
        }
    }
    for model in &mut models {
        let names = model.metadata.external_files.iter().cloned();
        let mut parts: BTreeMap<String, Part> = names.map(|name| (name, Part::default())).collect();
        for (name, place) in references(model) {
            if let Some(part) = found.get(&place) {
                parts.insert(name, part.clone());
            }
        }
        model.parts = parts;
    }
}

/// What a model refers to, wherever it was seen.
fn references(model: &Model) -> Vec<(String, Place)> {
    let mut all = Vec::new();
    for address in addresses(model) {
        for name in &model.metadata.external_files {
            if let Some(beside) = address.beside(name)
                && let Home::Folder(subject, mut path) = beside.home
            {
                path.extend_from_slice(&beside.file);
                all.push((name.clone(), (subject, SeenPath::new(path))));
            }
        }
    }
    all
}
