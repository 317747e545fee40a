//! What can be wrong, by stable codes; docs/validate.md lists them.

use std::collections::BTreeSet;
use std::fmt;

/// Findings that are kept; the rest is counted.
const KEPT: usize = 10_000;
/// Characters of a message that are kept.
const SHORT: usize = 400;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// A rule of the specification, or a promise of ours, is broken.
    Error,
    /// It is allowed, and somebody will stumble over it.
    Warning,
}

impl Severity {
    /// As written in results.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident $word:literal $severity:ident $means:literal,)+) => {
        /// What is wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $means] $variant,)+
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable word.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// How bad it is.
            pub const fn severity(self) -> Severity {
                match self {
                    $(Self::$variant => Severity::$severity,)+
                }
            }

            /// What it means, in a sentence.
            pub const fn means(self) -> &'static str {
                match self {
                    $(Self::$variant => $means,)+
                }
            }
        }
    };
}

codes! {
    RepeatedKey "repeated-key" Error "A key stands twice in one object: readers disagree on which counts",
    UnknownField "unknown-field" Error "The edition has no such field there",
    MissingField "missing-field" Error "The edition wants this field",
    WrongType "wrong-type" Error "A value of another JSON type than the edition gives",
    WrongWord "wrong-word" Error "Not a word of the vocabulary that the edition has for the field",
    BadNumber "bad-number" Error "A number outside its bounds",
    BadTime "bad-time" Error "Not a date and time of RFC 3339",
    BadLink "bad-link" Error "Not an IRI, nor a reference to one",
    BadHash "bad-hash" Error "Not a digest of the algorithm that is named",
    BadSerial "bad-serial" Error "The serial number is not a `urn:uuid:`",
    BadPurl "bad-purl" Error "Not a package URL",
    PurlForm "purl-form" Warning "A package URL that is not in canonical form: a comparison of texts misses it",
    UnknownLicense "unknown-license" Warning "Not an identifier of the SPDX list that this program knows",
    MixedLicenses "mixed-licenses" Error "Before 1.7 either licences or one expression may stand there",
    DuplicateRef "duplicate-ref" Error "Two elements have the same `bom-ref`",
    DanglingRef "dangling-ref" Error "A reference names nothing in the document",
    NotRead "not-read" Warning "In a document that is not CycloneDX JSON: a value that was not understood",
    OwnSerial "own-serial" Error "The document was changed after `aibom` wrote it: its serial number is not that of its content",
    OwnCoverage "own-coverage" Error "A subject does not say how far a class was watched, or says two things",
    OwnComplete "own-complete" Error "Something is called complete that cannot be",
    OwnEvidence "own-evidence" Error "A piece of evidence names no subject or program of the document",
    OwnProperty "own-property" Error "A property name is outside the taxonomy",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Where: a JSONPath.
    pub at: String,
    /// Which rule.
    pub code: Code,
    /// What is there, what should be. Text of the document in it is quoted, not escaped.
    pub message: String,
}

impl Finding {
    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}: {}", self.severity(), self.at, self.code, self.message)
    }
}

/// What is wrong with one document, in the order of places.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Findings {
    /// Those that are kept.
    pub list: Vec<Finding>,
    /// Errors beyond what is kept.
    pub further_errors: u64,
    /// Warnings beyond what is kept.
    pub further_warnings: u64,
}

impl Findings {
    /// Adds one.
    pub fn add(&mut self, code: Code, at: &str, message: impl AsRef<str>) {
        if self.list.len() < KEPT {
            let message = message.as_ref().chars().take(SHORT).collect();
            self.list.push(Finding { at: at.to_owned(), code, message });
        } else {
            let counter = match code.severity() {
                Severity::Error => &mut self.further_errors,
                Severity::Warning => &mut self.further_warnings,
            };
            *counter = counter.saturating_add(1);
        }
    }

    /// How many of a severity.
    pub fn count(&self, severity: Severity) -> u64 {
        let kept = self.list.iter().filter(|finding| finding.severity() == severity).count();
        let further = match severity {
            Severity::Error => self.further_errors,
            Severity::Warning => self.further_warnings,
        };
        u64::try_from(kept).unwrap_or(u64::MAX).saturating_add(further)
    }

    /// One of each, in the order in which the document was read.
    pub(super) fn finish(&mut self) {
        let mut seen = BTreeSet::new();
        self.list.retain(|finding| seen.insert(finding.clone()));
    }
}
