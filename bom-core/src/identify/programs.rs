//! Images into programs: one entry for all runs of the same executable, from the same parent, that
//! used the same artifacts. A thousand runs of `grep` are one line; two servers of one interpreter
//! stay two.

use std::collections::{BTreeMap, BTreeSet};

use super::{artifacts::Known, view::Program};
use crate::{
    fact::{Action, Evidence},
    inventory::{Epoch, Image},
    join::Min,
    key::{FileKey, ImageId, Object, SubjectKey},
    path::SeenPath,
};

/// What an image used, as far as it tells one program from another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Used {
    Digest(String),
    File(FileKey),
    Package(String, String),
    Endpoint(String),
}

type GroupKey = (Option<usize>, BTreeSet<FileKey>, BTreeSet<SeenPath>, BTreeSet<Used>);

/// Groups the images of one subject; appends to `programs` and returns image → index.
pub(super) fn group(
    epoch: &Epoch,
    subject_index: usize,
    subject: &SubjectKey,
    used: &BTreeMap<ImageId, BTreeSet<Used>>,
    programs: &mut Vec<Program>,
) -> BTreeMap<ImageId, usize> {
    let mut order: Vec<(Min<u64>, ImageId)> =
        images_of(epoch, subject).into_iter().map(|image| (first_seen(epoch, image), image)).collect();
    order.sort_unstable();
    let mut groups: BTreeMap<GroupKey, usize> = BTreeMap::new();
    let mut index_of = BTreeMap::new();
    let nothing = Image::default();
    for (_, id) in order {
        let image = epoch.images.get(&id).unwrap_or(&nothing);
        // The parent was there before, so it has its place already.
        let parent = image.previous.iter().find_map(|previous| index_of.get(previous)).copied();
        let artifacts = used.get(&id).cloned().unwrap_or_default();
        let key = (parent, image.executables.clone(), image.requested.clone(), artifacts);
        let index = *groups.entry(key).or_insert_with(|| {
            programs.push(program(epoch, subject_index, parent, image));
            programs.len() - 1
        });
        index_of.insert(id, index);
        if let Some(program) = programs.get_mut(index) {
            add_image(epoch, subject, id, program);
        }
    }
    index_of
}

fn images_of(epoch: &Epoch, subject: &SubjectKey) -> BTreeSet<ImageId> {
    let facts = epoch.facts.keys().filter(|fact| fact.subject == *subject && fact.process.tgid != 0);
    facts.map(|fact| fact.image).collect()
}

fn first_seen(epoch: &Epoch, image: ImageId) -> Min<u64> {
    let times = epoch.facts.iter().filter(|(fact, _)| fact.image == image);
    Min(times.map(|(_, evidence)| evidence.first_ns.0).min().unwrap_or(u64::MAX))
}

fn program(epoch: &Epoch, subject: usize, parent: Option<usize>, image: &Image) -> Program {
    let mut program = Program {
        subject,
        parent,
        paths: BTreeSet::new(),
        requested: image.requested.clone(),
        digest: None,
        elf: None,
        deb: None,
        python: None,
        images: 0,
        processes: BTreeSet::new(),
        evidence: None,
        unseen_start: image.executables.is_empty(),
    };
    for &file in &image.executables {
        let Some(descriptions) = epoch.objects.get(&Object::File(file)) else { continue };
        let known = Known::of(descriptions);
        program.paths.extend(known.paths.iter().map(|&path| path.clone()));
        program.digest = known.digest.map(str::to_owned);
        program.elf = known.elf().cloned();
        program.deb = known.deb.cloned();
        program.python = known.python.cloned();
    }
    program
}

fn add_image(epoch: &Epoch, subject: &SubjectKey, image: ImageId, program: &mut Program) {
    program.images += 1;
    let members = epoch.processes.iter().filter(|(_, process)| process.images.contains(&image));
    program.processes.extend(members.map(|(key, _)| *key));
    for (fact, evidence) in &epoch.facts {
        if fact.image == image && fact.subject == *subject && fact.action == Action::Executed {
            match &mut program.evidence {
                None => program.evidence = Some(evidence.clone()),
                Some(known) => known.again(evidence.clone()),
            }
        }
    }
}

/// Adds evidence of one more fact: counts and traffic add up.
pub(super) fn fold(into: &mut Option<Evidence>, evidence: &Evidence) {
    match into {
        None => *into = Some(evidence.clone()),
        Some(known) => {
            let minutes = evidence.activity.clone();
            let mut plain = evidence.clone();
            plain.activity = BTreeMap::new();
            known.again(plain);
            for (minute, bucket) in minutes {
                known.traffic(minute * 60_000_000_000, bucket.connections.0, bucket.sent.0, bucket.received.0);
            }
        }
    }
}
