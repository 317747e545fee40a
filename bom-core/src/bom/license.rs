//! What is said about a licence, by whom.

use super::core15;
use super::terms::Acknowledgement;

/// `licenses`: either a list of licences or one SPDX expression (before 1.7 the two cannot be mixed).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Licenses {
    /// Any number of licences; empty means that none is stated.
    List(Vec<License>),
    /// One SPDX expression, such as `MIT OR Apache-2.0`, not checked.
    Expression {
        /// The expression as given.
        text: String,
        /// Who says so (since 1.6).
        acknowledgement: Option<Acknowledgement>,
    },
}

/// One licence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct License {
    /// Which one.
    pub name: LicenseName,
    /// Who says so (since 1.6).
    pub acknowledgement: Option<Acknowledgement>,
}

/// The two ways to name a licence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LicenseName {
    /// An identifier of the SPDX list.
    Spdx(LicenseId),
    /// Any other name, as found.
    Named(String),
}

/// An identifier that the published schemas know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LicenseId(String);

/// Identifiers that our SPDX list has and the licence list of the published schemas (SPDX 3.28.0) has not. Written as
/// an identifier they make a document invalid, so they are names. A newer schema makes this list shorter.
const NOT_IN_SCHEMA: &[&str] = &[
    "BSD-2-Clause-pos-unchanged",
    "BSD-3-Clause-OpenWebUI",
    "BSD-Source-Code-no-disclaimer",
    "BSD-Source-alt-GPL",
    "BSD-ask-to-endorse",
    "Brian-Gladman-3-Clause-no-conversion",
    "Bugroff",
    "CC-BY-NC-3.0-IGO",
    "FDK-MPEG-H",
    "GFDL-1.1-invariants",
    "GFDL-1.1-no-invariants",
    "GFDL-1.2-invariants",
    "GFDL-1.2-no-invariants",
    "GFDL-1.3-invariants",
    "GFDL-1.3-no-invariants",
    "Hippocratic-3.0-core",
    "Informatica",
    "MVT-1.1",
    "NOASSERTION",
    "atc-game",
];

impl LicenseId {
    /// The identifier, if it is one, in the exact spelling of the list.
    pub fn parse(text: &str) -> Option<Self> {
        // The crate's lookup forgives trailing plus signs; the schema does not.
        let known = core15::is_spdx_id(text) && !text.ends_with('+') && !NOT_IN_SCHEMA.contains(&text);
        known.then(|| Self(text.to_owned()))
    }

    /// The identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl License {
    /// An SPDX licence if the text is an identifier, a named one otherwise.
    pub fn from_text(text: &str) -> Self {
        let name = match LicenseId::parse(text) {
            Some(id) => LicenseName::Spdx(id),
            None => LicenseName::Named(text.to_owned()),
        };
        Self { name, acknowledgement: None }
    }
}

impl Licenses {
    /// Whether nothing is stated.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::List(list) => list.is_empty(),
            Self::Expression { .. } => false,
        }
    }
}

impl Default for Licenses {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}
