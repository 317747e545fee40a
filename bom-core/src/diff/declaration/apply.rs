//! A declaration stands above what was inferred from manifests.

use crate::declared::{Item, Workload};

/// Gives each declared workload to the manifest's workload of that name; one that has none stands by itself.
pub(crate) fn apply(declarations: Vec<Workload>, workloads: &mut Vec<Workload>) {
    for declaration in declarations {
        let matches = |workload: &Workload| {
            let (own, other) = (&declaration.id, &workload.id);
            own.name == other.name
                && (own.kind == "workload" || own.kind.eq_ignore_ascii_case(&other.kind))
                && (own.namespace.is_none() || other.namespace.is_none() || own.namespace == other.namespace)
        };
        let found: Vec<usize> = workloads
            .iter()
            .enumerate()
            .filter(|(_, workload)| matches(workload))
            .map(|(index, _)| index)
            .collect();
        if found.is_empty() {
            workloads.push(declaration);
            continue;
        }
        for index in found {
            let Some(workload) = workloads.get_mut(index) else { continue };
            let inferred = std::mem::take(&mut workload.items);
            workload.items = merge(declaration.items.clone(), inferred);
            workload.exhaustive.extend(declaration.exhaustive.iter().copied());
            workload.aliases.extend(declaration.aliases.iter().cloned());
            // Of several declarations the one that nobody has looked at decides.
            let looked_at = workload.review.as_ref().is_none_or(crate::declared::Review::is_done);
            if looked_at {
                workload.review = declaration.review.clone();
            }
        }
    }
}

/// What is declared, and of what was inferred that which is not the same thing.
pub(super) fn merge(mut declared: Vec<Item>, mut inferred: Vec<Item>) -> Vec<Item> {
    declared.sort();
    inferred.sort();
    let pairs = crate::diff::pair(&declared, &inferred);
    let mut taken = vec![false; inferred.len()];
    for pair in pairs {
        // Another address of the same provider is another thing.
        let same = !matches!(pair.pass, crate::diff::Pass::Provider | crate::diff::Pass::Domain);
        let (Some(own), Some(other)) = (declared.get_mut(pair.declared), inferred.get(pair.observed)) else {
            continue;
        };
        if same {
            own.origins.extend(other.origins.iter().cloned());
            // What the manifest says beyond the declaration still helps to recognise the thing.
            own.paths.extend(other.paths.iter().cloned());
            if let Some(slot) = taken.get_mut(pair.observed) {
                *slot = true;
            }
        }
    }
    declared.extend(inferred.into_iter().zip(taken).filter(|(_, taken)| !taken).map(|(item, _)| item));
    declared
}
