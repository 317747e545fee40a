//! A document of any format, written as CycloneDX JSON of another edition.
//!
//! CycloneDX JSON is changed as a tree, so fields that we do not model go along. Within one edition nothing is left out,
//! known or not. Towards another one `fit` goes by the table of that edition, and whatever has no room there is listed
//! with its place: nothing is dropped in silence. Other formats go through the model, and their losses are the reader's
//! issues.

mod fit;
mod foreign;
mod lost;
mod times;

pub use lost::{Losses, Lost};

use super::print::pretty;
use super::read::{Format, Limits, ReadError, format_of};
use super::spec::{self, Edition};
use super::terms::SpecVersion;
use super::validate::edition_of;
use super::write::{WriteError, serial_of};
use serde_json::Value;

/// How to convert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// The edition; 1.4 or later. `None`: the document's own, and 1.6 of what is not CycloneDX JSON.
    pub to: Option<Edition>,
    /// Leave out the times of the making, and derive the serial number from the content.
    pub deterministic: bool,
}

/// A document, converted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// UTF-8 JSON, indented, with a line feed at the end.
    pub json: Vec<u8>,
    /// What it was: `SPDX 2.3`.
    pub from: String,
    /// What it is now.
    pub edition: Edition,
    /// What is no longer in it.
    pub losses: Losses,
}

/// Why nothing was converted.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// The document could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What was read of another format is no document of ours.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// An edition that is read and not written.
    #[error("convert to CycloneDX {edition}: the oldest that is written is 1.4")]
    Edition {
        /// Which.
        edition: Edition,
    },
    /// Keys that stand twice: one of their values would be lost, and nobody knows which one counts.
    #[error("convert: {at} stands twice in the same object")]
    Repeated {
        /// The first of them.
        at: String,
    },
}

/// Converts a document within limits.
pub fn convert(bytes: &[u8], limits: &Limits, wish: Wish) -> Result<Converted, ConvertError> {
    if let Some(edition) = wish.to.filter(|edition| *edition < Edition::V1_4) {
        return Err(ConvertError::Edition { edition });
    }
    let mut losses = Losses::default();
    let (mut document, name, own) = if format_of(bytes) == Some(Format::CycloneDxJson) {
        let parsed = spec::parse(bytes, limits)?;
        if let Some(at) = parsed.repeated.into_iter().next() {
            return Err(ConvertError::Repeated { at });
        }
        let from = edition_of(&parsed.value)?;
        (parsed.value, format!("CycloneDX {from}"), from)
    } else {
        let (document, name) = foreign::read(bytes, limits, &mut losses)?;
        (document, name, Edition::from(SpecVersion::default()))
    };
    let from = edition_of(&document)?;
    let to = wish.to.unwrap_or(own);
    let derived = document.get("serialNumber").and_then(Value::as_str) == Some(serial_of(&document).as_str());
    if to != from {
        document = fit::fit(document, from, to, &mut losses);
    }
    if wish.deterministic {
        times::remove(&mut document);
    }
    if (derived || wish.deterministic)
        && let Some(map) = document.as_object_mut()
    {
        // Another content has another number; a number that was given stays what others refer to.
        map.remove("serialNumber");
        let serial = serial_of(&Value::Object(map.clone()));
        map.insert("serialNumber".to_owned(), serial.into());
    }
    Ok(Converted { json: pretty(&document).into_bytes(), from: name, edition: to, losses })
}
