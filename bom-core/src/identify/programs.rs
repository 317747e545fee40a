//! Images into programs: one entry for all runs of the same executable, from the same parent, that
//! used the same artifacts. A thousand runs of `grep` are one line; two servers of one interpreter
//! stay two.

use std::collections::{BTreeMap, BTreeSet};

use super::{artifacts::Known, view::Program};
use crate::{
    fact::{Action, Evidence},
    inventory::{Epoch, Image},
    key::{FileKey, ImageId, Object, ProcessKey, SubjectKey},
    path::SeenPath,
    stdio::Stdio,
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

/// What the facts and processes say of one image.
#[derive(Debug, Default)]
struct Trace {
    first_ns: Option<u64>,
    exec: Option<Evidence>,
    processes: BTreeSet<ProcessKey>,
    /// Processes that are only counted.
    aside: u64,
}

/// Groups the images of one subject; appends to `programs` and returns image → index.
pub(super) fn group(
    epoch: &Epoch,
    subject_index: usize,
    subject: &SubjectKey,
    used: &BTreeMap<ImageId, BTreeSet<Used>>,
    programs: &mut Vec<Program>,
) -> BTreeMap<ImageId, usize> {
    let traces = traces(epoch, subject);
    let mut order: Vec<(Option<u64>, ImageId)> =
        traces.iter().map(|(id, trace)| (trace.first_ns, *id)).collect();
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
        if let (Some(program), Some(trace)) = (programs.get_mut(index), traces.get(&id)) {
            program.images += 1;
            program.claims.extend(image.claims.iter().cloned());
            program.claims_unread.extend(&image.claims_unread);
            program.processes.extend(&trace.processes);
            program.more_processes = program.more_processes.saturating_add(trace.aside);
            if let Some(exec) = &trace.exec {
                fold(&mut program.evidence, exec);
            }
        }
    }
    for (id, &index) in &index_of {
        if let Some(asker) = asker(epoch, *id)
            && let Some(program) = programs.get_mut(index)
        {
            program.asked_by.insert(asker.and_then(|asker| index_of.get(&asker)).copied());
        }
    }
    index_of
}

/// Who made the pipes that a program was started with: the first before it that has others. In between can be those that
/// passed them on, a shell or `npx`. `None` if it has none to talk through; `Some(None)` if whoever made them was not
/// seen.
fn asker(epoch: &Epoch, id: ImageId) -> Option<Option<ImageId>> {
    let own = epoch.images.get(&id)?.stdio.iter().find(|stdio| stdio.talks())?;
    let mut met = BTreeSet::from([id]);
    let mut at = id;
    loop {
        let image = epoch.images.get(&at);
        let Some(&before) = image.and_then(|image| image.previous.first()).filter(|it| met.insert(**it))
        else {
            return Some(None);
        };
        let other = |stdio: &Stdio| stdio.input != own.input && stdio.output != own.output;
        if epoch.images.get(&before).is_some_and(|image| image.stdio.iter().any(other)) {
            return Some(Some(before));
        }
        at = before;
    }
}

/// One pass over the facts and one over the processes. Facts of nobody (DNS answers, which reach a
/// socket in no task) have no image.
fn traces(epoch: &Epoch, subject: &SubjectKey) -> BTreeMap<ImageId, Trace> {
    let mut traces: BTreeMap<ImageId, Trace> = BTreeMap::new();
    for (fact, evidence) in &epoch.facts {
        // A peer of nobody known still has to hang somewhere: on what was running before.
        let nobodys = fact.process.tgid == 0 && fact.action != Action::Connected;
        if fact.subject != *subject || nobodys {
            continue;
        }
        let trace = traces.entry(fact.image).or_default();
        let first = evidence.first_ns.0;
        trace.first_ns = Some(trace.first_ns.map_or(first, |known| known.min(first)));
        if fact.action == Action::Executed {
            fold(&mut trace.exec, evidence);
        }
    }
    for ((_, image), aside) in epoch.aside.iter().filter(|((of, _), _)| of == subject) {
        let trace = traces.entry(*image).or_default();
        let first = aside.first_ns.0;
        trace.first_ns = Some(trace.first_ns.map_or(first, |known| known.min(first)));
        trace.aside = trace.aside.saturating_add(aside.processes.0);
    }
    for (key, process) in &epoch.processes {
        for image in &process.images {
            if let Some(trace) = traces.get_mut(image) {
                trace.processes.insert(*key);
            }
        }
    }
    traces
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
        owners: BTreeSet::new(),
        code: None,
        mcp: BTreeSet::new(),
        asked_by: BTreeSet::new(),
        mcp_stdio: BTreeSet::new(),
        images: 0,
        processes: BTreeSet::new(),
        more_processes: 0,
        evidence: None,
        claims: BTreeSet::new(),
        claims_unread: BTreeSet::new(),
        handler: None,
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
        program.owners.extend(known.packages.iter().map(|&owner| owner.clone()));
        program.code = known.code().cloned();
    }
    program
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
                known.traffic(
                    minute * 60_000_000_000,
                    bucket.connections.0,
                    bucket.sent.0,
                    bucket.received.0,
                );
            }
        }
    }
}
