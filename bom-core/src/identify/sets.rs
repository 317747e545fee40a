//! Models in several files are one model: shards with an index, shards that say so in their names, split GGUF files,
//! and files of weights that a header refers to.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    build::Uses,
    homes::{Address, Home, addresses},
    view::{Model, Part, Usage},
};
use crate::{
    metadata::{Extracted, FileKind, ModelMetadata, ModelRole},
    stored::{self, Stored},
};

/// What makes files one set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Family {
    home: Home,
    /// Before the number, and after the total.
    stem: Vec<u8>,
    total: u32,
    end: Vec<u8>,
}

/// `model-00002-of-00005.safetensors`: the family, without a home, and the number.
pub(super) fn shard(file: &[u8]) -> Option<(Vec<u8>, u32, u32, Vec<u8>)> {
    let dot = file.iter().rposition(|&byte| byte == b'.')?;
    let (name, end) = file.split_at(dot);
    let text = std::str::from_utf8(name).ok()?;
    let (rest, total) = text.rsplit_once("-of-")?;
    let (stem, number) = rest.rsplit_once('-')?;
    let digits = |text: &str| {
        (text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| text.parse().ok())
            .flatten()
    };
    let (number, total): (u32, u32) = (digits(number)?, digits(total)?);
    (1..=total).contains(&number).then(|| (stem.as_bytes().to_vec(), number, total, end.to_vec()))
}

/// Joins what belongs together; the models it is made of go.
pub fn join(models: &mut Vec<Model>) {
    let by_address: BTreeMap<Address, usize> = models
        .iter()
        .enumerate()
        .flat_map(|(index, model)| addresses(model).into_iter().map(move |address| (address, index)))
        .collect();
    let mut taken: BTreeSet<usize> = BTreeSet::new();
    let mut sets = Vec::new();
    for (index, model) in models.iter().enumerate() {
        if model.metadata.format == FileKind::WeightsIndex
            && let Some((set, members)) = indexed(models, model, &by_address)
        {
            taken.insert(index);
            taken.extend(members);
            sets.push(set);
        }
    }
    let mut families: BTreeMap<Family, BTreeMap<u32, usize>> = BTreeMap::new();
    for (Address { home, file }, &index) in &by_address {
        let of_weights =
            models.get(index).is_some_and(|model| model.metadata.role.is_none_or(ModelRole::is_model));
        if of_weights && let Some((stem, number, total, end)) = shard(file) {
            let family = Family { home: home.clone(), stem, total, end };
            families.entry(family).or_default().insert(number, index);
        }
    }
    let mut made: BTreeSet<Vec<usize>> = BTreeSet::new();
    for (family, members) in families {
        let list: Vec<usize> = members.values().copied().collect();
        // The same files at another home, or under an index, are the same set.
        if list.iter().any(|index| taken.contains(index)) || !made.insert(list) {
            continue;
        }
        sets.push(numbered(models, &family, &members));
    }
    taken.extend(made.into_iter().flatten());
    let mut index = 0..;
    models.retain(|_| index.next().is_none_or(|index| !taken.contains(&index)));
    models.extend(sets);
}

/// A set by its index: `None` if none of its files was met.
fn indexed(
    models: &[Model],
    index: &Model,
    by_address: &BTreeMap<Address, usize>,
) -> Option<(Model, BTreeSet<usize>)> {
    let own = addresses(index);
    let mut members: BTreeSet<usize> = BTreeSet::new();
    let mut parts = BTreeMap::new();
    for name in &index.metadata.external_files {
        let places = own.iter().filter_map(|address| address.beside(name));
        let found = places.filter_map(|address| by_address.get(&address)).next().copied();
        members.extend(found);
        parts.insert(name.clone(), part(found.and_then(|found| models.get(found))));
    }
    let list: Vec<&Model> = members.iter().filter_map(|&member| models.get(member)).collect();
    let first = *list.first()?;
    let mut set = whole(first, &list, &parts);
    let with_index: Vec<&Model> = list.iter().copied().chain([index]).collect();
    set.stored = common(&with_index);
    let tensors = index.metadata.tensor_count;
    set.metadata.tensor_count = tensors.or(set.metadata.tensor_count);
    set.metadata.parameter_count = set.metadata.parameter_count.or(index.metadata.parameter_count);
    set.content.issues.extend(index.content.issues.iter().cloned());
    parts.insert("(index)".to_owned(), part(Some(index)));
    set.parts = parts;
    set.uses = together(list.iter().chain([&index]).flat_map(|model| &model.uses));
    Some((set, members))
}

/// A set by the numbers in its names.
fn numbered(models: &[Model], family: &Family, members: &BTreeMap<u32, usize>) -> Model {
    let mut parts = BTreeMap::new();
    for number in 1..=family.total.min(MOST_PARTS) {
        let member = members.get(&number).and_then(|&index| models.get(index));
        let stem = String::from_utf8_lossy(&family.stem);
        let end = String::from_utf8_lossy(&family.end);
        parts.insert(format!("{stem}-{number:05}-of-{:05}{end}", family.total), part(member));
    }
    let list: Vec<&Model> = members.values().filter_map(|&member| models.get(member)).collect();
    // There is at least one, or there would be no family.
    let first = list.first().copied().or_else(|| models.first());
    let mut set = first.map_or_else(empty, |first| whole(first, &list, &parts));
    set.uses = together(list.iter().flat_map(|model| &model.uses));
    set.parts = parts;
    set
}

/// Parts of one set that are listed.
const MOST_PARTS: u32 = 4096;

fn part(model: Option<&Model>) -> Part {
    Part {
        digest: model.and_then(|model| model.digest.clone()),
        earlier: model.is_some_and(|model| model.earlier),
        recorded: model.and_then(|model| stored::sha256(&model.stored)).map(str::to_owned),
        size: model.and_then(|model| model.files.first()).map(|file| file.size),
        met: model.is_some(),
    }
}

/// The whole from what was met of it. Sums are known only if all of it was.
fn whole(first: &Model, list: &[&Model], parts: &BTreeMap<String, Part>) -> Model {
    let mut set = first.clone();
    set.digest = None;
    set.earlier = list.iter().any(|model| model.earlier);
    set.uses = Vec::new();
    let all = parts.values().all(|part| part.met);
    let sum = |value: fn(&ModelMetadata) -> Option<u64>| {
        let values: Option<Vec<u64>> = list.iter().map(|model| value(&model.metadata)).collect();
        values.filter(|_| all).map(|values| values.into_iter().fold(0, u64::saturating_add))
    };
    set.metadata.parameter_count = sum(|metadata| metadata.parameter_count);
    set.metadata.tensor_count = sum(|metadata| metadata.tensor_count);
    for model in list.iter().skip(1) {
        let (own, other) = (&mut set.metadata, &model.metadata);
        // What the parts disagree on is not the whole's.
        for (own, other) in [
            (&mut own.dtype, &other.dtype),
            (&mut own.quantization, &other.quantization),
            (&mut own.architecture, &other.architecture),
        ] {
            if *own != *other {
                *own = own
                    .take()
                    .filter(|_| other.is_none())
                    .or_else(|| other.clone().filter(|_| own.is_none()));
            }
        }
        own.external_files.extend(other.external_files.iter().cloned());
        own.imports.extend(other.imports.iter().cloned());
        set.files.extend(model.files.iter().copied());
        set.content.truncated |= model.content.truncated;
        set.content.issues.extend(model.content.issues.iter().cloned());
    }
    set.stored = common(list);
    set
}

/// What stores call all of the parts: a part can belong to other repositories too. No file and no digest of one part is
/// the whole's.
fn common(list: &[&Model]) -> BTreeSet<Stored> {
    let same = |one: &Stored, other: &Stored| {
        (one.store, &one.name, &one.revision) == (other.store, &other.name, &other.revision)
    };
    let Some((first, rest)) = list.split_first() else { return BTreeSet::new() };
    let of_all = first
        .stored
        .iter()
        .filter(|stored| rest.iter().all(|model| model.stored.iter().any(|other| same(stored, other))));
    of_all.map(|stored| Stored { file: None, digest: None, media: None, ..stored.clone() }).collect()
}

/// A program that used several parts used the whole once, with all it did.
fn together<'u>(uses: impl Iterator<Item = &'u Usage>) -> Vec<Usage> {
    let mut drafts = Uses::new();
    for usage in uses {
        drafts.entry((usage.subject, usage.program)).or_default().take_in(usage);
    }
    super::build::usages(drafts)
}

fn empty() -> Model {
    Model {
        digest: None,
        earlier: false,
        files: BTreeSet::new(),
        metadata: ModelMetadata::new(FileKind::Other),
        content: Extracted::new(FileKind::Other),
        stored: BTreeSet::new(),
        parts: BTreeMap::new(),
        bases: BTreeSet::new(),
        python: None,
        deb: None,
        owners: BTreeSet::new(),
        uses: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::shard;

    #[test]
    fn numbers_in_names() {
        for (name, expected) in [
            ("model-00002-of-00005.safetensors", Some(("model", 2, 5))),
            ("qwen-q4-00001-of-00003.gguf", Some(("qwen-q4", 1, 3))),
            ("model-00006-of-00005.safetensors", None),
            ("model-00000-of-00005.safetensors", None),
            ("model-2-of-5.safetensors", None),
            ("model.safetensors", None),
            ("-00001-of-00001.x", Some(("", 1, 1))),
        ] {
            let found = shard(name.as_bytes());
            let found =
                found.map(|(stem, number, total, _)| (String::from_utf8(stem).unwrap(), number, total));
            let expected = expected.map(|(stem, number, total)| (stem.to_owned(), number, total));
            assert_eq!(found, expected, "{name}");
        }
    }
}
