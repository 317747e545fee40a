//! Workloads, and all that was declared.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::{Class, Item, Place};
use crate::sorting::sort;

/// What a workload is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkloadId {
    /// `Deployment`, `service` of Compose, `session`, …
    pub kind: String,
    /// Kubernetes namespace, Compose project; `None` if none is said.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// A workload and what it is declared to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// What it is called.
    pub id: WorkloadId,
    /// Other names under which it may have been observed: containers, systemd units, programs.
    pub aliases: BTreeSet<String>,
    /// Its labels, or those of its pods: what policies select it by.
    pub labels: BTreeMap<String, String>,
    /// Where it is declared.
    pub place: Place,
    /// What it is declared to use; sorted, equal ones joined.
    pub items: Vec<Item>,
    /// Classes of which all is said that is used, so that anything else is undeclared.
    pub exhaustive: BTreeSet<Class>,
    /// Outgoing connections are limited to these; `None`: not limited. Empty: none is allowed.
    pub egress: Option<Vec<Egress>>,
    /// Whether a person has looked at the declaration.
    pub review: Option<Review>,
}

/// One thing that a network policy lets through.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Egress {
    /// Addresses as `first/prefix`; `None`: no addresses are named.
    pub block: Option<(std::net::IpAddr, u8)>,
    /// Peers are pods or namespaces: who they are is not in the input, but their addresses are private.
    pub pods: bool,
    /// Addresses inside the block that are not meant.
    pub except: Vec<(std::net::IpAddr, u8)>,
    /// Ports.
    pub ports: Ports,
    /// Where it is said.
    pub place: Place,
}

/// Which ports a rule lets through.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ports {
    /// All of them: the rule does not speak of ports.
    Any,
    /// These alone; none, if none of those that stand there can be read.
    Only {
        /// Transport (`None`: any) and the first and last of each range.
        ranges: BTreeSet<(Option<String>, u16, u16)>,
        /// There are ports by a name that only the pods of the other side could resolve.
        named: bool,
    },
}

/// What a declaration says about its review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// `reviewed:`.
    pub reviewed: bool,
    /// Who.
    pub reviewer: Option<String>,
    /// When, as `YYYY-MM-DD`.
    pub date: Option<String>,
    /// Where it is said.
    pub place: Place,
}

/// Everything that was declared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// Sorted by name.
    pub workloads: Vec<Workload>,
    /// What could not be used, sorted by place.
    pub issues: Vec<Issue>,
    /// `name version` of the programs that made it, if it is a document.
    pub tools: BTreeSet<String>,
    /// Documents read.
    pub documents: u64,
    /// Components of declared documents that take no part in a comparison.
    pub other: u64,
    /// Kinds that declare nothing we know, and how often.
    pub other_kinds: BTreeMap<String, u64>,
}

/// Something in the input that was not read, or read in part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Issue {
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub kind: IssueKind,
    /// In words.
    pub text: String,
}

/// Kinds of issues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IssueKind {
    /// A field of the wrong type or an impossible value; left out.
    BadValue,
    /// A key that stands twice in one mapping; the first is read.
    DuplicateKey,
    /// The same in a document that declares nothing that is read.
    Elsewhere,
    /// A part of a declared document that says what may be used and cannot be read.
    Unread,
    /// A ConfigMap, Secret, ServingRuntime or model configuration that is not in the input.
    Unresolved,
    /// A value that only exists in the cluster or at run time: a secret, a field reference, a template.
    Unknowable,
}

/// Whether a text is a day, `YYYY-MM-DD`.
pub fn is_day(text: &str) -> bool {
    let bytes = text.as_bytes();
    let shape = bytes.len() == 10
        && bytes
            .iter()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { *byte == b'-' } else { byte.is_ascii_digit() });
    let part =
        |from: usize, to: usize| text.get(from..to).and_then(|part| part.parse::<u32>().ok()).unwrap_or(0);
    shape && (1..=12).contains(&part(5, 7)) && (1..=31).contains(&part(8, 10))
}

impl Review {
    /// A person with a name, on a day.
    pub fn is_done(&self) -> bool {
        let named = self.reviewer.as_ref().is_some_and(|text| !text.trim().is_empty());
        self.reviewed && named && self.date.as_deref().is_some_and(is_day)
    }
}

impl Workload {
    /// A workload that declares nothing yet.
    pub fn new(id: WorkloadId, place: Place) -> Self {
        Self {
            id,
            aliases: BTreeSet::new(),
            labels: BTreeMap::new(),
            place,
            items: Vec::new(),
            exhaustive: BTreeSet::new(),
            egress: None,
            review: None,
        }
    }

    /// Sorts the items and joins those that differ only in where they come from.
    pub fn tidy(&mut self) {
        join(&mut self.items);
    }
}

/// Sorts, and joins those that differ only in where they come from.
pub(crate) fn join(items: &mut Vec<Item>) {
    sort(items, Item::order_but_origins);
    items.dedup_by(|later, known| {
        let same = known.order_but_origins(later) == Ordering::Equal;
        if same {
            known.origins.extend(std::mem::take(&mut later.origins));
        }
        same
    });
}

impl std::fmt::Display for WorkloadId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let clean = |text: &str| crate::bom::escape(text.as_bytes()).text;
        write!(f, "{}/", clean(&self.kind))?;
        if let Some(namespace) = &self.namespace {
            write!(f, "{}/", clean(namespace))?;
        }
        f.write_str(&clean(&self.name))
    }
}

impl IssueKind {
    /// Its word in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::BadValue => "bad-value",
            Self::DuplicateKey => "duplicate-key",
            Self::Unread => "unread",
            Self::Elsewhere => "duplicate-key-elsewhere",
            Self::Unresolved => "unresolved",
            Self::Unknowable => "unknowable",
        }
    }
}
