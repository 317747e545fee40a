//! Tolerant, bounded readers into the neutral model: CycloneDX JSON 1.2 to 1.7, CycloneDX XML, SPDX 2 and 3 JSON.
//!
//! [`any`] takes a document of any of them; [`from_json`] takes CycloneDX JSON and nothing else.
//! Tolerant: a field that we do not model, a wrong type or a bad value never fails the document. It is left out and
//! listed as an [`Issue`], so that nothing is lost in silence. Bounded: the bytes are measured (size, depth, number of
//! values) before any of them is turned into a tree.

mod component;
mod convert;
mod fields;
mod format;
mod limits;
mod node;
mod parts;
mod spdx;
pub(super) mod tree;
mod xml;

pub use fields::{Issue, IssueKind};
pub use format::{Format, any, any_within, format_of};
pub use limits::{Limits, ReadError};

use super::document::Bom;
use fields::{Fields, Notes};
use node::{Node, Object};

/// A document, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// What it says, normalised.
    pub bom: Bom,
    /// What it was read from.
    pub format: Format,
    /// `specVersion`, one of `1.2` to `1.7`; of SPDX such as `2.3`.
    pub spec_version: String,
    /// `serialNumber`, as it stands there.
    pub serial_number: Option<String>,
    /// `version` of the document.
    pub document_version: Option<u64>,
    /// What was left out or read otherwise, by place; sorted.
    pub issues: Vec<Issue>,
    /// Issues beyond the number that is kept.
    pub further_issues: u64,
}

const VERSIONS: &[&str] = &["1.2", "1.3", "1.4", "1.5", "1.6", "1.7"];

/// Reads a document within the default [`Limits`].
pub fn from_json(bytes: &[u8]) -> Result<Read, ReadError> {
    from_json_within(bytes, &Limits::default())
}

/// Reads a document within given limits.
pub fn from_json_within(bytes: &[u8], limits: &Limits) -> Result<Read, ReadError> {
    let Node::Object(map) = tree::strict(bytes, limits)? else {
        return Err(ReadError::NotCycloneDx);
    };
    from_map(map)
}

/// Reads the object of a document.
fn from_map(map: Object<'_>) -> Result<Read, ReadError> {
    let mut notes = Notes::default();
    let mut root = Fields::root(map);
    if root.text("bomFormat", &mut notes).as_deref() != Some("CycloneDX") {
        return Err(ReadError::NotCycloneDx);
    }
    let found = root.text("specVersion", &mut notes).unwrap_or_default();
    let Some(spec_version) = VERSIONS.iter().find(|version| **version == found) else {
        return Err(ReadError::Version { found: found.chars().take(32).collect() });
    };
    root.forget("$schema");
    let serial_number = root.text("serialNumber", &mut notes);
    let document_version = root.whole("version", &mut notes);
    let bom = convert::bom(root, &mut notes).normalized();
    let (issues, further_issues) = notes.into_issues();
    Ok(Read {
        bom,
        format: Format::CycloneDxJson,
        spec_version: (*spec_version).to_owned(),
        serial_number,
        document_version,
        issues,
        further_issues,
    })
}
