//! Files of weights that a header refers to (ONNX's external data): they have no format of their own, so nothing but
//! that reference and their name makes them part of a model: the name that they were used under, or the one that their
//! store has for them in the header's own revision.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    artifacts::Known,
    homes::{Address, addresses, kept, seen},
    view::{Model, Part, View},
};
use crate::{
    fact::Strength,
    inventory::Inventory,
    key::Object,
    metadata::ModelRole,
    path::SeenPath,
    stored::{self, Stored},
};

/// A file that may be part of a model.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Index of who used it.
    pub subject: usize,
    pub path: SeenPath,
    /// What stores say of it.
    pub stored: BTreeSet<Stored>,
    pub part: Part,
}

/// Gives each model that names other files those that were used, and the others as not met.
pub(super) fn join(view: &mut View, inventory: &Inventory) {
    if !view.models.iter().any(refers) {
        return;
    }
    let mut found = Vec::new();
    for (subject, about) in view.subjects.iter().enumerate() {
        let Some(epoch) = inventory.epochs.get(&about.epoch) else { continue };
        for (fact, evidence) in epoch.facts.iter().filter(|(fact, _)| fact.subject == about.key) {
            let Object::File(file) = &fact.object else { continue };
            // A look at what is there is no use.
            if !fact.action.uses_file() || evidence.strength.0 < Strength::Opened {
                continue;
            }
            let known = epoch.objects.get(&fact.object).map(Known::of).unwrap_or_default();
            let stored: BTreeSet<Stored> = known.stored.iter().map(|&stored| stored.clone()).collect();
            let part = Part {
                digest: known.digest.map(str::to_owned),
                earlier: known.earlier,
                recorded: stored::sha256(&stored).map(str::to_owned),
                size: Some(file.size),
                met: true,
            };
            for path in epoch.paths.get(fact).into_iter().flatten() {
                let (path, stored, part) = (path.clone(), stored.clone(), part.clone());
                found.push(Candidate { subject, path, stored, part });
            }
        }
    }
    fill(&mut view.models, &found);
}

/// As [`join`], with what may be part of them; says which of those are.
pub fn fill(models: &mut [Model], candidates: &[Candidate]) -> BTreeSet<usize> {
    let mut models: Vec<&mut Model> = models.iter_mut().filter(|model| refers(model)).collect();
    let references: Vec<Vec<(String, Address)>> = models.iter().map(|model| references(model)).collect();
    let wanted: BTreeSet<&Address> = references.iter().flatten().map(|(_, address)| address).collect();
    let mut found: BTreeMap<Address, Vec<usize>> = BTreeMap::new();
    for (index, candidate) in candidates.iter().enumerate() {
        let own = seen(candidate.subject, &candidate.path);
        for address in candidate.stored.iter().filter_map(kept).chain([own]) {
            if wanted.contains(&address) {
                found.entry(address).or_default().push(index);
            }
        }
    }
    let mut taken = BTreeSet::new();
    for (model, references) in models.iter_mut().zip(&references) {
        let mut parts: BTreeMap<String, Part> = BTreeMap::new();
        for (name, address) in references {
            for &index in found.get(address).into_iter().flatten() {
                let Some(candidate) = candidates.get(index) else { continue };
                // What a store holds for all was used by those who used it.
                if !model.uses.iter().any(|usage| usage.subject == candidate.subject) {
                    continue;
                }
                taken.insert(index);
                match parts.get_mut(name) {
                    Some(part) => agree(part, &candidate.part),
                    None => {
                        parts.insert(name.clone(), candidate.part.clone());
                    }
                }
            }
        }
        for name in &model.metadata.external_files {
            parts.entry(name.clone()).or_default();
        }
        model.parts = parts;
    }
    taken
}

fn refers(model: &Model) -> bool {
    let weights = model.metadata.role.is_none_or(ModelRole::is_model);
    weights && model.parts.is_empty() && !model.metadata.external_files.is_empty()
}

/// One header can lie beside other weights elsewhere, or in another revision: which of them are meant is not known then.
fn agree(part: &mut Part, other: &Part) {
    part.earlier |= other.earlier;
    if part.digest != other.digest || part.size != other.size {
        part.digest = None;
        part.size = part.size.filter(|size| other.size == Some(*size));
    }
    if part.recorded != other.recorded {
        part.recorded = None;
    }
}

/// What a model refers to, wherever it was seen and whatever its stores call it.
fn references(model: &Model) -> Vec<(String, Address)> {
    let mut all = Vec::new();
    for address in addresses(model) {
        for name in &model.metadata.external_files {
            all.extend(address.beside(name).map(|beside| (name.clone(), beside)));
        }
    }
    all
}
