//! The comparison: pairs of workloads, pairs of items, and what is left over on either side.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Coverage, Finding, Observed, Pass, Subject, codes, judge,
    pairing::{Namespaces, pair_within},
    unmatched,
    workloads::{self, Pairing},
};
use crate::{
    coverage::is_standing,
    declared::{Class, Declared, Force, IssueKind, Item, Kind, Place, Set, Workload},
};

/// How much of a class must have been seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Required {
    /// Nothing is required.
    None,
    /// The probes were there, nothing was lost, and nobody may have tampered. What this version never watches and what
    /// may have happened unseen remain, and are why nothing is called absent.
    #[default]
    NoLoss,
    /// The class is complete.
    Complete,
}

/// What to compare, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Only this declared workload, by name: `NAME`, `KIND/NAME` or `KIND/NAMESPACE/NAME`.
    pub workload: Option<String>,
    /// What is required of coverage.
    pub required: Required,
}

/// A class of a workload that nothing is declared of, so that it was not compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotCompared {
    /// The workload.
    pub workload: String,
    /// The class.
    pub class: Class,
    /// How many things of it were observed.
    pub observed: usize,
    /// Names of those with an AI role.
    pub notable: BTreeSet<String>,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Worst first.
    pub findings: Vec<Finding>,
    /// Classes that were not compared.
    pub not_compared: Vec<NotCompared>,
    /// Items that agree, by workload.
    pub agreed: BTreeMap<String, Vec<(String, Pass)>>,
    /// Declared and observed workload, and why they are taken for the same.
    pub paired: Vec<(String, String, &'static str)>,
}

/// Compares.
pub fn compare(declared: &Declared, observed: &[Observed], options: &Options) -> Comparison {
    let mut result = Comparison::default();
    issues(declared, &mut result);
    unread(declared, observed, &mut result);
    unfair(declared, observed, &mut result);
    let Pairing { pairs, declared: left, observed: strangers, problems } =
        workloads::pair(&declared.workloads, observed, options);
    result.findings.extend(problems);
    for (workload, file, subject, why) in &pairs {
        result.paired.push((workload.id.to_string(), subject.id.to_string(), why));
        one(workload, subject, file, options, &mut result);
    }
    let nothing = pairs.is_empty();
    for workload in left {
        // Said once for all of them if nothing was compared.
        if !nothing {
            let name = workload.id.to_string();
            let finding = Finding::new(codes::WORKLOAD_NOT_OBSERVED, &name, None, &name, "")
                .saying(format!("{name} is declared and is not in the observed document"))
                .at(&workload.place, "metadata.name");
            result.findings.push(finding);
        }
    }
    if !nothing {
        for (file, subject) in strangers {
            result.findings.push(workloads::stranger(subject, file));
            // That nothing of AI was seen says little where something was lost.
            let name = subject.id.to_string();
            let classes = BTreeSet::from([Class::Models, Class::Endpoints]);
            coverage((&name, None), subject, file, &classes, options, &mut result);
        }
    }
    result.findings.sort_by_cached_key(Finding::order);
    result.findings.dedup_by(|a, b| a.fingerprint == b.fingerprint && a.text == b.text);
    result.not_compared.sort();
    result.paired.sort();
    result
}

/// What of the observed document was not read, and kinds that take no part.
fn unread(declared: &Declared, observed: &[Observed], result: &mut Comparison) {
    for document in observed {
        for text in &document.unread {
            let finding = Finding::new(codes::DOCUMENT_INCOMPLETE, "", None, &document.file, text)
                .saying(text.clone())
                .at(&Place::of_file(&document.file), "unread");
            result.findings.push(finding);
        }
        if document.other > declared.other {
            let text = format!(
                "{} components of kinds that are not compared (files, operating systems, firmware, keys)",
                document.other
            );
            let finding = Finding::new(codes::OTHER_COMPONENTS, "", None, &document.file, "").saying(text);
            result.findings.push(finding.at(&Place::of_file(&document.file), "components"));
        }
    }
}

/// Two documents that were made in different ways differ in what they could know.
fn unfair(declared: &Declared, observed: &[Observed], result: &mut Comparison) {
    for document in observed {
        if declared.tools.is_empty() || document.tools == declared.tools {
            continue;
        }
        let list = |tools: &BTreeSet<String>| tools.iter().cloned().collect::<Vec<_>>().join(", ");
        let (own, other) = (list(&declared.tools), list(&document.tools));
        let other = if other.is_empty() { "a tool that it does not name".to_owned() } else { other };
        let finding =
            Finding::new(codes::UNFAIR_COMPARISON, "", None, &document.file, &format!("{own}|{other}"))
                .saying(format!("the declared document was made by {own}, the observed one by {other}"));
        result.findings.push(finding);
    }
}

fn issues(declared: &Declared, result: &mut Comparison) {
    for issue in &declared.issues {
        let code = match issue.kind {
            IssueKind::BadValue | IssueKind::DuplicateKey => codes::INPUT_AMBIGUOUS,
            IssueKind::Unresolved | IssueKind::Unknowable | IssueKind::Elsewhere => codes::INPUT_UNRESOLVED,
            IssueKind::Unread => codes::DOCUMENT_INCOMPLETE,
        };
        let finding = Finding::new(code, "", None, &issue.place.file, &issue.text)
            .saying(issue.text.clone())
            .at(&issue.place, issue.kind.word());
        result.findings.push(finding);
    }
}

fn one(workload: &Workload, subject: &Subject, file: &str, options: &Options, result: &mut Comparison) {
    let name = workload.id.to_string();
    if let Some(review) = workload.review.as_ref().filter(|review| !review.is_done()) {
        let finding = Finding::new(codes::DECLARATION_UNREVIEWED, &name, None, &name, "")
            .saying("nobody has confirmed this declaration with a name and a day")
            .at(&review.place, "reviewed");
        result.findings.push(finding);
    }
    let namespace = workload.id.namespace.as_deref();
    let within = Namespaces { declared: namespace, observed: subject.id.namespace.as_deref().or(namespace) };
    let pairs = pair_within(&workload.items, &subject.items, within);
    let mut declared_paired = vec![false; workload.items.len()];
    let mut observed_paired = vec![false; subject.items.len()];
    let mut agreed = Vec::new();
    for found in &pairs {
        let (Some(own), Some(seen)) = (workload.items.get(found.declared), subject.items.get(found.observed))
        else {
            continue;
        };
        for (list, at) in [(&mut declared_paired, found.declared), (&mut observed_paired, found.observed)] {
            if let Some(slot) = list.get_mut(at) {
                *slot = true;
            }
        }
        let drift = judge::drift(own, seen, found.pass, within, (&name, file));
        if drift.is_empty() {
            agreed.push((seen.name.clone(), found.pass));
        }
        result.findings.extend(drift);
    }
    for item in &workload.items {
        result.findings.extend(judge::unpinned(item, &name));
    }
    let spoken = spoken(workload);
    let left: Vec<&Item> = rest(&workload.items, &declared_paired);
    let extra: Vec<&Item> = rest(&subject.items, &observed_paired);
    let asks = workload.items.iter().any(|item| item.kind == Kind::Endpoint);
    for item in &left {
        result.findings.extend(unmatched::unobserved(item, asks, subject, &name));
    }
    let context = unmatched::Context::new(workload, file, &name, &spoken);
    let code = extra.iter().copied().filter(|item| item.kind == Kind::Code);
    if !workload.exhaustive.contains(&Class::Packages) {
        result.findings.extend(unmatched::unlisted(code, &context));
    }
    let mut silent: BTreeMap<Class, (usize, BTreeSet<String>)> = BTreeMap::new();
    for item in &extra {
        match unmatched::undeclared(item, &context) {
            Some(finding) => result.findings.push(finding),
            None => {
                if let Some(class) = item.kind.class().filter(|_| item.kind != Kind::Code) {
                    let entry = silent.entry(class).or_default();
                    entry.0 = entry.0.saturating_add(1);
                    let notable = unmatched::has_ai_role(item);
                    entry.1.extend(notable.then(|| item.name.clone()));
                }
            }
        }
    }
    for (class, (observed, notable)) in silent {
        result.not_compared.push(NotCompared { workload: name.clone(), class, observed, notable });
    }
    for item in &subject.items {
        result.findings.extend(super::endpoints::not_permitted(item, workload, &name, file));
    }
    coverage((&name, Some(&workload.place)), subject, file, &spoken, options, result);
    agreed.sort();
    result.agreed.entry(name).or_default().extend(agreed);
}

fn rest<'i>(items: &'i [Item], paired: &[bool]) -> Vec<&'i Item> {
    items.iter().zip(paired).filter(|(_, paired)| !**paired).map(|(item, _)| item).collect()
}

/// Classes that the declaration speaks of. Models and endpoints always: a manifest that names none declares none.
fn spoken(workload: &Workload) -> BTreeSet<Class> {
    let mut classes = workload.exhaustive.clone();
    classes.extend([Class::Models, Class::Endpoints]);
    let stated = workload.items.iter().filter(|item| item.force == Force::Stated);
    classes.extend(stated.filter_map(|item| item.kind.class()).filter(|class| *class != Class::Libraries));
    classes
}

fn coverage(
    (name, place): (&str, Option<&Place>),
    subject: &Subject,
    file: &str,
    spoken: &BTreeSet<Class>,
    options: &Options,
    result: &mut Comparison,
) {
    for class in spoken {
        let state = subject.coverage.get(class).unwrap_or(&Coverage::Unstated);
        let reason = match (options.required, state) {
            (Required::None, _) | (_, Coverage::Complete) => continue,
            (_, Coverage::Unstated) => "the document says nothing about its coverage".to_owned(),
            (Required::Complete, Coverage::Incomplete(gaps)) => {
                gaps.iter().cloned().collect::<Vec<_>>().join(", ")
            }
            (Required::NoLoss, Coverage::Incomplete(gaps)) => {
                // A class that is incomplete for no reason is not to be trusted.
                let lost: Vec<String> = gaps.iter().filter(|gap| !is_standing(gap)).cloned().collect();
                if lost.is_empty() && !gaps.is_empty() {
                    continue;
                }
                if lost.is_empty() {
                    "incomplete, and no reason is given".to_owned()
                } else {
                    lost.join(", ")
                }
            }
        };
        let finding = Finding::new(codes::COVERAGE_INSUFFICIENT, name, None, class.word(), "")
            .saying(format!("{}: {reason}", class.word()));
        let finding = match place {
            Some(place) => finding.at(place, "metadata.name"),
            None => finding,
        };
        let seen =
            super::Seen { file: file.to_owned(), reference: subject.reference.clone(), evidence: Set::new() };
        result.findings.push(Finding { observed: Some(seen), ..finding });
    }
}
