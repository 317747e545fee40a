//! The small values of a document that cannot be wrong: references, versions, confidences.

/// A `bom-ref`: any text but the empty one. `urn:cdx:…` names an element of another document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BomRef(String);

/// A version text: at most 1024 characters, the limit of the schemas since 1.6.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(String);

/// A confidence in thousandths, 0 to 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Confidence(u16);

/// Why a value cannot stand in a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// A reference without a character.
    #[error("make bom-ref: text is empty")]
    EmptyRef,
    /// A version over the limit.
    #[error("make version: {characters} characters exceed the limit of 1024")]
    LongVersion {
        /// How many it has.
        characters: usize,
    },
    /// More than certain.
    #[error("make confidence: {permille} thousandths exceed 1000")]
    Confidence {
        /// What was given.
        permille: u16,
    },
}

impl BomRef {
    /// Any text but the empty one.
    pub fn new(text: impl Into<String>) -> Result<Self, DocumentError> {
        let text = text.into();
        if text.is_empty() { Err(DocumentError::EmptyRef) } else { Ok(Self(text)) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names an element of another document (a BOM-Link, `urn:cdx:<serial>/<version>#<ref>`).
    pub fn is_bom_link(&self) -> bool {
        self.0.starts_with("urn:cdx:")
    }
}

impl std::fmt::Display for BomRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Version {
    /// Any text of at most 1024 characters.
    pub fn new(text: impl Into<String>) -> Result<Self, DocumentError> {
        let text = text.into();
        let characters = text.chars().count();
        if characters > 1024 { Err(DocumentError::LongVersion { characters }) } else { Ok(Self(text)) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Confidence {
    /// 1.
    pub const CERTAIN: Self = Self(1000);

    /// From thousandths.
    pub fn from_permille(permille: u16) -> Result<Self, DocumentError> {
        if permille > 1000 { Err(DocumentError::Confidence { permille }) } else { Ok(Self(permille)) }
    }

    /// In thousandths.
    pub fn permille(self) -> u16 {
        self.0
    }

    /// As the specification writes it, 0 to 1.
    pub fn as_fraction(self) -> f64 {
        f64::from(self.0) / 1000.0
    }

    /// From the specification's number, rounded to thousandths; `None` outside 0 to 1.
    pub fn from_fraction(fraction: f64) -> Option<Self> {
        if !(0.0..=1.0).contains(&fraction) {
            return None;
        }
        // Through text, because there is no checked conversion from a float to an integer.
        format!("{:.0}", fraction * 1000.0).parse().ok().map(Self)
    }
}
