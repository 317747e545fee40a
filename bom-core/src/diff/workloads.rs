//! Which declared workload is which observed subject.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, Observed, Options, Severity, Subject, codes, pods, unmatched};
use crate::declared::{Class, Kind, Set, Workload};

/// Pairs, and what is left over.
pub(super) struct Pairing<'a> {
    pub(super) pairs: Vec<(&'a Workload, &'a str, &'a Subject, &'static str)>,
    pub(super) declared: Vec<&'a Workload>,
    pub(super) observed: Vec<(&'a str, &'a Subject)>,
    /// Why there are no pairs, or not those of somebody.
    pub(super) problems: Vec<Finding>,
}

/// By its pod, its full name, its name, another name, its image; and if each side has but one, those. A subject that
/// could be of several workloads is of none: to choose would be to hold it to somebody else's declaration.
pub(super) fn pair<'a>(
    workloads: &'a [Workload],
    observed: &'a [Observed],
    options: &Options,
) -> Pairing<'a> {
    let wanted: Vec<usize> = workloads
        .iter()
        .enumerate()
        .filter(|(_, workload)| options.workload.as_ref().is_none_or(|name| named(workload, name)))
        .map(|(at, _)| at)
        .collect();
    let names = Names::of(workloads);
    let mut state =
        State { workloads, paired: BTreeSet::new(), disputed: BTreeSet::new(), taken: BTreeSet::new() };
    let mut pairs = Vec::new();
    let mut subjects = Vec::new();
    let mut problems = Vec::new();
    let all = observed
        .iter()
        .flat_map(|document| document.subjects.iter().map(move |subject| (document.file.as_str(), subject)));
    for (file, subject) in all {
        let Some((why, candidates)) = names.candidates(workloads, subject) else {
            subjects.push((file, subject));
            continue;
        };
        let own: Vec<usize> = candidates.iter().copied().filter(|at| wanted.contains(at)).collect();
        if own.is_empty() {
            // It is somebody's who was not asked for.
            continue;
        }
        match state.choose(&own, subject) {
            Some(workload) => pairs.push((workload, file, subject, why)),
            None => problems.push(disputed(&own, workloads, file, subject, why)),
        }
    }
    let mut left: Vec<&Workload> = wanted
        .iter()
        .filter(|at| !state.paired.contains(at) && !state.disputed.contains(at))
        .filter_map(|at| workloads.get(*at))
        .collect();
    let chosen = options.workload.is_some() && wanted.len() == 1 && pairs.is_empty();
    let only = wanted.len() == 1 && left.len() == 1 && subjects.len() == 1;
    if (chosen || only)
        && problems.is_empty()
        && let Some(workload) = left.pop()
    {
        let why = if options.workload.is_some() { "named by --workload" } else { "the only ones" };
        pairs.extend(subjects.drain(..).map(|(file, subject)| (workload, file, subject, why)));
    }
    pairs.sort_by(|a, b| {
        (&a.0.id, &a.2.id, a.1, &a.2.reference).cmp(&(&b.0.id, &b.2.id, b.1, &b.2.reference))
    });
    if pairs.is_empty() && problems.is_empty() {
        let wanted: Vec<&Workload> = wanted.iter().filter_map(|at| workloads.get(*at)).collect();
        problems.push(nothing(&wanted, &subjects, options));
    }
    Pairing { pairs, declared: left, observed: subjects, problems }
}

/// Who has been found.
struct State<'a> {
    workloads: &'a [Workload],
    paired: BTreeSet<usize>,
    disputed: BTreeSet<usize>,
    /// Workloads of one name that were told apart by what they use, each of them once.
    taken: BTreeSet<usize>,
}

impl<'a> State<'a> {
    fn choose(&mut self, candidates: &[usize], subject: &Subject) -> Option<&'a Workload> {
        let workloads = self.workloads;
        let chosen = match candidates {
            [one] => Some(*one),
            several => {
                // One that uses exactly the same cannot be the wrong one.
                let same = several.iter().copied().find(|at| {
                    !self.taken.contains(at)
                        && workloads.get(*at).is_some_and(|workload| uses_the_same(workload, subject))
                });
                self.taken.extend(same);
                same
            }
        };
        match chosen {
            Some(at) => {
                self.paired.insert(at);
                workloads.get(at)
            }
            None => {
                self.disputed.extend(candidates);
                None
            }
        }
    }
}

fn uses_the_same(workload: &Workload, subject: &Subject) -> bool {
    workload.items.len() == subject.items.len()
        && workload.items.iter().zip(&subject.items).all(|(a, b)| a.order(b) == Ordering::Equal)
}

/// Workloads by each of their names, strongest first.
struct Names(Vec<(&'static str, BTreeMap<String, Vec<usize>>)>);

impl Names {
    fn of(workloads: &[Workload]) -> Self {
        let mut rules: Vec<(&'static str, BTreeMap<String, Vec<usize>>)> = vec![
            ("same name", BTreeMap::new()),
            ("same name", BTreeMap::new()),
            ("another name of the workload", BTreeMap::new()),
            ("its image", BTreeMap::new()),
        ];
        for (at, workload) in workloads.iter().enumerate() {
            let id = &workload.id;
            let spaced = id.namespace.as_ref().map(|namespace| format!("{namespace}/{}", id.name));
            let images = workload.items.iter().filter(|item| item.kind == Kind::Image);
            let of_rule: [BTreeSet<String>; 4] = [
                std::iter::once(id.to_string()).chain(spaced).collect(),
                BTreeSet::from([id.name.clone()]),
                workload.aliases.clone(),
                images.flat_map(|item| &item.aliases).cloned().collect(),
            ];
            for ((_, names), own) in rules.iter_mut().zip(of_rule) {
                let own: BTreeSet<String> = own.iter().map(|name| name.to_lowercase()).collect();
                for name in own {
                    names.entry(name).or_default().push(at);
                }
            }
        }
        Self(rules)
    }

    /// Who a subject can be, by the strongest rule that says anything.
    fn candidates(&self, workloads: &[Workload], subject: &Subject) -> Option<(&'static str, Vec<usize>)> {
        let elsewhere = |at: &usize| {
            let own = workloads.get(*at).and_then(|workload| workload.id.namespace.as_deref());
            matches!((own, subject.id.namespace.as_deref()), (Some(own), Some(other)) if own != other)
        };
        if let Some(pod) = &subject.pod {
            let of_pod: Vec<usize> = workloads
                .iter()
                .enumerate()
                .filter(|(at, workload)| !elsewhere(at) && pods::is_of(pod, workload))
                .map(|(at, _)| at)
                .collect();
            if !of_pod.is_empty() {
                return Some(("its pod", of_pod));
            }
        }
        let (full, all) = subject_names(subject);
        for (rule, (why, names)) in self.0.iter().enumerate() {
            let known = if rule == 0 { &full } else { &all };
            let found: BTreeSet<usize> = known
                .iter()
                .filter_map(|name| names.get(name))
                .flatten()
                .copied()
                .filter(|at| !elsewhere(at))
                .collect();
            if !found.is_empty() {
                return Some((why, found.into_iter().collect()));
            }
        }
        None
    }
}

fn disputed(
    candidates: &[usize],
    workloads: &[Workload],
    file: &str,
    subject: &Subject,
    why: &'static str,
) -> Finding {
    let who: Vec<&Workload> = candidates.iter().filter_map(|at| workloads.get(*at)).collect();
    let names: Vec<String> = who.iter().take(8).map(|workload| workload.id.to_string()).collect();
    let more = if who.len() > names.len() { ", …" } else { "" };
    let id = subject.id.to_string();
    let text = format!("{id} can be {}{more} ({why}); name one with --workload", names.join(" or "));
    let finding = Finding::new(codes::NOT_COMPARED, "", None, &id, &subject.reference).saying(text);
    let finding =
        who.iter().take(8).fold(finding, |finding, workload| finding.at(&workload.place, "metadata.name"));
    Finding { observed: Some(seen(subject, file)), ..finding }
}

fn seen(subject: &Subject, file: &str) -> super::Seen {
    super::Seen { file: file.to_owned(), reference: subject.reference.clone(), evidence: Set::new() }
}

fn nothing(wanted: &[&Workload], subjects: &[(&str, &Subject)], options: &Options) -> Finding {
    let list = |names: Vec<String>| {
        let more = names.len().saturating_sub(8);
        let shown = names.into_iter().take(8).collect::<Vec<_>>().join(", ");
        if more > 0 { format!("{shown} and {more} more") } else { shown }
    };
    let text = if wanted.is_empty() {
        match &options.workload {
            Some(name) => format!("no declared workload is called {name}"),
            None => "the declared side has no workload".to_owned(),
        }
    } else {
        format!(
            "declared: {}; observed: {}; no name agrees",
            list(wanted.iter().map(|workload| workload.id.to_string()).collect()),
            list(subjects.iter().map(|(_, subject)| subject.id.to_string()).collect()),
        )
    };
    let finding = Finding::new(codes::NOT_COMPARED, "", None, "workloads", "").saying(text);
    match wanted.first() {
        Some(workload) => finding.at(&workload.place, "metadata.name"),
        None => finding,
    }
}

/// Whether a workload is meant by a name on the command line.
fn named(workload: &Workload, name: &str) -> bool {
    let id = &workload.id;
    let full = id.to_string();
    let short = format!("{}/{}", id.kind, id.name);
    let spaced = id.namespace.as_ref().map(|namespace| format!("{namespace}/{}", id.name));
    [Some(full), Some(short), spaced, Some(id.name.clone())]
        .into_iter()
        .flatten()
        .any(|known| known.eq_ignore_ascii_case(name))
}

/// The names of a subject as they stand, and with the last part of each: of paths of cgroups that says who it is.
fn subject_names(subject: &Subject) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut full = BTreeSet::from([subject.id.to_string().to_lowercase()]);
    let mut all = full.clone();
    for name in std::iter::once(&subject.id.name).chain(&subject.aliases) {
        let name = name.to_lowercase();
        all.insert(name.trim_end_matches(".service").to_owned());
        all.extend(name.rsplit('/').next().map(str::to_owned));
        all.insert(name.clone());
        full.insert(name);
    }
    if let Some(namespace) = &subject.id.namespace {
        full.insert(format!("{namespace}/{}", subject.id.name).to_lowercase());
    }
    all.extend(subject.pod.iter().filter_map(|pod| pod.container.as_ref()).map(|name| name.to_lowercase()));
    (full, all)
}

/// An observed subject that nobody declared.
pub(super) fn stranger(subject: &Subject, file: &str) -> Finding {
    let name = subject.id.to_string();
    let notable: BTreeSet<&str> = subject
        .items
        .iter()
        .filter(|item| item.kind.class() == Some(Class::Models) || unmatched::has_ai_role(item))
        .map(|item| item.name.as_str())
        .collect();
    let severity = if notable.is_empty() { Severity::Note } else { Severity::Error };
    let what = if notable.is_empty() {
        "nothing of AI was seen of it".to_owned()
    } else {
        let shown: Vec<&str> = notable.iter().take(5).copied().collect();
        format!("it uses {}{}", shown.join(", "), if notable.len() > 5 { ", …" } else { "" })
    };
    // Who uses something else is somebody else to a waiver.
    let uses: Vec<&str> = notable.iter().copied().collect();
    let finding = Finding::new(codes::UNDECLARED_WORKLOAD, &name, None, &name, &uses.join("\n"))
        .saying(format!("{name} is declared nowhere; {what}"))
        .with_severity(severity);
    Finding { observed: Some(seen(subject, file)), ..finding }
}
