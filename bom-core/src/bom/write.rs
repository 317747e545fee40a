//! From the model to bytes, in one order of steps: normalise, check, core, lift, serial number, print.

use super::check::{Problem, check};
use super::document::Bom;
use super::loss::{Dropped, dropped};
use super::terms::SpecVersion;
use super::{core15, lift, print};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// How to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// The version of the specification; 1.6 by default.
    pub version: SpecVersion,
    /// Leave out every time that the model holds, see [`Bom::without_times`].
    pub deterministic: bool,
}

/// A document, written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// UTF-8 JSON, indented, with a line feed at the end.
    pub json: Vec<u8>,
    /// `serialNumber`: `urn:uuid:` and a UUID of version 8 made from the SHA-256 of the document without it.
    pub serial_number: String,
    /// What the version had no room for; see [`dropped`].
    pub dropped: Vec<Dropped>,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The document breaks a rule of [`check`].
    #[error("write cyclonedx: {} problems, the first: {}", problems.len(), first(problems))]
    Problems {
        /// All of them.
        problems: Vec<Problem>,
    },
    /// The 1.5 core could not be made.
    #[error(transparent)]
    Core(#[from] core15::CoreError),
    /// The core could not be lifted.
    #[error(transparent)]
    Lift(#[from] lift::LiftError),
}

impl Options {
    /// A version, with all times.
    pub fn new(version: SpecVersion) -> Self {
        Self { version, deterministic: false }
    }
}

/// Writes a document. The same content gives the same bytes, whatever the order of its lists.
pub fn to_json(bom: &Bom, options: Options) -> Result<Written, WriteError> {
    let bom = if options.deterministic { bom.clone().without_times() } else { bom.clone() }.normalized();
    let problems = check(&bom);
    if !problems.is_empty() {
        return Err(WriteError::Problems { problems });
    }
    let mut document = core15::to_value(&bom)?;
    lift::lift(&mut document, &bom, options.version)?;
    let serial_number = serial_number(print::pretty(&document).as_bytes());
    if let Value::Object(root) = &mut document {
        root.insert("serialNumber".into(), serial_number.clone().into());
    }
    Ok(Written {
        json: print::pretty(&document).into_bytes(),
        serial_number,
        dropped: dropped(&bom, options.version),
    })
}

/// The number of a document as it stands; one that was written by [`to_json`] has it.
pub(in crate::bom) fn serial_of(document: &Value) -> String {
    serial_number(print::pretty_without(document, "serialNumber").as_bytes())
}

/// A UUID of version 8 (RFC 9562, section 5.8): the first 122 free bits are those of the SHA-256 of the content.
fn serial_number(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    let mut uuid = [0_u8; 16];
    for (to, from) in uuid.iter_mut().zip(digest.iter()) {
        *to = *from;
    }
    let [.., version, _, variant, _, _, _, _, _, _, _] = &mut uuid;
    *version = (*version & 0x0f) | 0x80;
    *variant = (*variant & 0x3f) | 0x80;
    let hex = super::hash::hex(&uuid);
    let mut text = String::from("urn:uuid:");
    for (index, digit) in hex.chars().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

fn first(problems: &[Problem]) -> String {
    problems.first().map(ToString::to_string).unwrap_or_default()
}
