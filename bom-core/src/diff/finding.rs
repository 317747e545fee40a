//! One finding.

use sha2::{Digest, Sha256};

use super::{Code, Severity};
use crate::declared::{Item, Kind, Origin, Place, Set};

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The row of the table.
    pub code: &'static Code,
    /// The row's, unless there was a reason for another.
    pub severity: Severity,
    /// The workload as declared, or as observed if nobody declared it; empty for the input as a whole.
    pub workload: String,
    /// What the thing is.
    pub kind: Option<Kind>,
    /// What it is called.
    pub name: String,
    /// One sentence: what was declared, what was observed.
    pub text: String,
    /// Where it was declared, or should have been.
    pub places: Vec<(Place, String)>,
    /// What was observed.
    pub observed: Option<Seen>,
    /// Why the declared and the observed thing are taken for the same.
    pub matched: Option<&'static str>,
    /// Stable over lines, times and versions of aibom: what, whose, which.
    pub fingerprint: String,
    /// A waiver covers it: its reason.
    pub waived: Option<String>,
    /// The baseline has it.
    pub known: bool,
}

/// Where something was observed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    /// The document.
    pub file: String,
    /// The `bom-ref`.
    pub reference: String,
    /// Names of the evidence in it.
    pub evidence: Set<String>,
}

impl Finding {
    /// A finding with the parts that make its fingerprint: `what` says which of several it is (a digest, a version).
    pub(super) fn new(
        code: &'static Code,
        workload: &str,
        kind: Option<Kind>,
        name: &str,
        what: &str,
    ) -> Self {
        let kind_word = kind.map_or("", Kind::word);
        let mut hasher = Sha256::new();
        for part in [code.code, workload, kind_word, name, what] {
            hasher.update(part.len().to_le_bytes());
            hasher.update(part.as_bytes());
        }
        let fingerprint = crate::bom::hex(hasher.finalize().get(..16).unwrap_or_default());
        Self {
            code,
            severity: code.severity,
            workload: workload.to_owned(),
            kind,
            name: name.to_owned(),
            text: String::new(),
            places: Vec::new(),
            observed: None,
            matched: None,
            fingerprint,
            waived: None,
            known: false,
        }
    }

    #[must_use]
    pub(super) fn saying(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    #[must_use]
    pub(super) fn at(mut self, place: &Place, field: &str) -> Self {
        self.places.push((place.clone(), field.to_owned()));
        self
    }

    #[must_use]
    pub(super) fn with_severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Where an item was declared.
    #[must_use]
    pub(super) fn declared(mut self, item: &Item) -> Self {
        for origin in &item.origins {
            match origin {
                Origin::Declared { place, field } => self.places.push((place.clone(), field.clone())),
                Origin::Observed { .. } => {}
            }
        }
        self
    }

    /// Where an item was observed.
    #[must_use]
    pub(super) fn seen(mut self, item: &Item, file: &str) -> Self {
        self.observed = item.origins.iter().find_map(|origin| match origin {
            Origin::Observed { reference, evidence } => {
                Some(Seen { file: file.to_owned(), reference: reference.clone(), evidence: evidence.clone() })
            }
            Origin::Declared { .. } => None,
        });
        self
    }

    /// The order of reports: worst first, then by workload, code and name.
    pub(super) fn order(&self) -> impl Ord + use<> {
        (
            std::cmp::Reverse(self.severity),
            self.workload.clone(),
            self.code.code,
            self.name.clone(),
            self.fingerprint.clone(),
        )
    }
}
