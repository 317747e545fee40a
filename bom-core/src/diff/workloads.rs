//! Which declared workload is which observed subject.

use std::collections::BTreeSet;

use super::{Finding, Observed, Options, Severity, Subject, codes, unmatched};
use crate::declared::{Class, Workload};

/// Pairs, and what is left over.
pub(super) struct Pairing<'a> {
    pub(super) pairs: Vec<(&'a Workload, &'a str, &'a Subject, &'static str)>,
    pub(super) declared: Vec<&'a Workload>,
    pub(super) observed: Vec<(&'a str, &'a Subject)>,
    /// Why there are no pairs.
    pub(super) problem: Option<Finding>,
}

/// Why two are taken for the same, and whether they are.
type Rule = (&'static str, fn(&Workload, &Subject) -> bool);

/// By name, then by another name; and if each side has but one, those.
pub(super) fn pair<'a>(
    workloads: &'a [Workload],
    observed: &'a [Observed],
    options: &Options,
) -> Pairing<'a> {
    let wanted: Vec<&Workload> = match &options.workload {
        Some(name) => workloads.iter().filter(|workload| named(workload, name)).collect(),
        None => workloads.iter().collect(),
    };
    let mut subjects: Vec<(&str, &Subject)> = observed
        .iter()
        .flat_map(|document| document.subjects.iter().map(move |subject| (document.file.as_str(), subject)))
        .collect();
    let mut left = wanted.clone();
    let mut pairs = Vec::new();
    let rules: [Rule; 3] = [
        ("same name", |workload, subject| same(&own_names(workload), &subject_names(subject))),
        ("another name of the workload", |workload, subject| {
            let aliases = workload.aliases.iter().map(|name| name.to_lowercase()).collect();
            same(&aliases, &subject_names(subject))
        }),
        ("its image", |workload, subject| {
            let images = workload.items.iter().filter(|item| item.kind == crate::declared::Kind::Image);
            let names: BTreeSet<String> =
                images.flat_map(|item| &item.aliases).map(|name| name.to_lowercase()).collect();
            same(&names, &subject_names(subject))
        }),
    ];
    for (why, rule) in rules {
        left.retain(|workload| {
            let found: Vec<usize> = subjects
                .iter()
                .enumerate()
                .filter(|(_, (_, subject))| rule(workload, subject))
                .map(|(index, _)| index)
                .collect();
            // Replicas of a workload are observed apart, and each is held to it.
            for index in found.iter().rev() {
                let (file, subject) = subjects.remove(*index);
                pairs.push((*workload, file, subject, why));
            }
            found.is_empty()
        });
    }
    let chosen = options.workload.is_some() && left.len() == 1 && pairs.is_empty();
    let only = wanted.len() == 1 && left.len() == 1 && subjects.len() == 1;
    if (chosen || only)
        && let Some(workload) = left.pop()
    {
        let why = if options.workload.is_some() { "named by --workload" } else { "the only ones" };
        pairs.extend(subjects.drain(..).map(|(file, subject)| (workload, file, subject, why)));
    }
    pairs.sort_by(|a, b| (&a.0.id, &a.2.id, a.1).cmp(&(&b.0.id, &b.2.id, b.1)));
    let problem = pairs.is_empty().then(|| nothing(&wanted, &subjects, options));
    Pairing { pairs, declared: left, observed: subjects, problem }
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

fn own_names(workload: &Workload) -> BTreeSet<String> {
    let id = &workload.id;
    let mut names = BTreeSet::from([id.to_string().to_lowercase(), id.name.to_lowercase()]);
    names.extend(id.namespace.as_ref().map(|namespace| format!("{namespace}/{}", id.name).to_lowercase()));
    names
}

fn subject_names(subject: &Subject) -> BTreeSet<String> {
    let mut names = BTreeSet::from([subject.id.to_string().to_lowercase()]);
    for name in std::iter::once(&subject.id.name).chain(&subject.aliases) {
        let name = name.to_lowercase();
        names.insert(name.trim_end_matches(".service").to_owned());
        names.extend(name.rsplit('/').next().map(str::to_owned));
        names.insert(name);
    }
    names
}

fn same(a: &BTreeSet<String>, b: &BTreeSet<String>) -> bool {
    a.intersection(b).next().is_some()
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
    let finding = Finding::new(codes::UNDECLARED_WORKLOAD, &name, None, &name, "")
        .saying(format!("{name} is declared nowhere; {what}"))
        .with_severity(severity);
    let seen = super::Seen {
        file: file.to_owned(),
        reference: subject.reference.clone(),
        evidence: BTreeSet::new(),
    };
    Finding { observed: Some(seen), ..finding }
}
