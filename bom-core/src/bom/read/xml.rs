//! CycloneDX XML, as far as the crate `cyclonedx-bom` reads it: 1.3 to 1.5.
//!
//! The crate's document is written as JSON 1.5 and read by the reader of JSON, so there is one way into the model. What
//! the crate leaves out is gone before we see it, which is one issue of every such document. The bytes are measured
//! first: no document type, and with it no entity, is let through.

use serde_json::Value;

use super::fields::{Issue, IssueKind};
use super::format::Format;
use super::limits::{Limits, ReadError, line_of};
use super::{Read, from_map};
use crate::bom::core15::{XmlVersion, xml_to_value};

const NAMESPACE: &[u8] = b"http://cyclonedx.org/schema/bom/";

pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Read, ReadError> {
    measure(bytes, limits)?;
    let found = version(bytes).ok_or(ReadError::NotABom)?;
    let known = match found.as_str() {
        "1.3" => XmlVersion::V1_3,
        "1.4" => XmlVersion::V1_4,
        "1.5" => XmlVersion::V1_5,
        _ => {
            let reason = format!("version {found:?} is not one of 1.3 to 1.5; write it as JSON");
            return Err(ReadError::Xml { reason });
        }
    };
    let value = xml_to_value(bytes, known).map_err(|reason| ReadError::Xml { reason })?;
    let Value::Object(map) = value else { return Err(ReadError::NotABom) };
    let mut read = from_map(map.into())?;
    read.format = Format::CycloneDxXml;
    read.spec_version = found;
    let lost = Issue {
        at: "$".to_owned(),
        kind: IssueKind::NotModelled,
        count: 1,
        example: "XML is read by the crate cyclonedx-bom, which does not tell what it leaves out".to_owned(),
    };
    read.issues.push(lost);
    read.issues.sort();
    Ok(read)
}

/// The version in the namespace of the document.
fn version(bytes: &[u8]) -> Option<String> {
    let start = bytes.windows(NAMESPACE.len()).position(|window| window == NAMESPACE)?;
    let rest = bytes.get(start.checked_add(NAMESPACE.len())?..)?;
    let word: Vec<u8> =
        rest.iter().copied().take(8).take_while(|b| b.is_ascii_digit() || *b == b'.').collect();
    String::from_utf8(word).ok()
}

/// Counts tags and their depth. The text need not be XML: whatever passes here is cheap to parse.
fn measure(bytes: &[u8], limits: &Limits) -> Result<(), ReadError> {
    if bytes.len() > limits.bytes {
        let line = line_of(bytes, limits.bytes);
        return Err(ReadError::Limit { what: "bytes", limit: limits.bytes, offset: limits.bytes, line });
    }
    let (mut offset, mut depth, mut tags) = (0_usize, 0_usize, 0_usize);
    while let Some(rest) = bytes.get(offset..).filter(|rest| !rest.is_empty()) {
        let length = if !rest.starts_with(b"<") {
            rest.iter().position(|byte| *byte == b'<').unwrap_or(rest.len())
        } else if rest.starts_with(b"<!--") {
            through(rest, b"-->")
        } else if rest.starts_with(b"<![CDATA[") {
            through(rest, b"]]>")
        } else if rest.starts_with(b"<?") {
            through(rest, b"?>")
        } else if rest.starts_with(b"<!") {
            let reason = format!("a document type at offset {offset}: entities are not read");
            return Err(ReadError::Xml { reason });
        } else {
            tags = tags.saturating_add(1);
            let (length, alone) = tag(rest);
            if rest.starts_with(b"</") {
                depth = depth.saturating_sub(1);
            } else if !alone {
                depth = depth.saturating_add(1);
            }
            length
        };
        for (what, limit, found) in
            [("levels of nesting", limits.depth, depth), ("tags", limits.containers, tags)]
        {
            if found > limit {
                return Err(ReadError::Limit { what, limit, offset, line: line_of(bytes, offset) });
            }
        }
        offset = offset.saturating_add(length.max(1));
    }
    Ok(())
}

/// The length up to and with a word, or of everything.
fn through(rest: &[u8], word: &[u8]) -> usize {
    let found = rest.windows(word.len()).position(|window| window == word);
    found.map_or(rest.len(), |at| at.saturating_add(word.len()))
}

/// The length of a tag, and whether it ends by itself. A `>` in an attribute does not end it.
fn tag(rest: &[u8]) -> (usize, bool) {
    let mut quote = None;
    let mut last = b' ';
    for (index, byte) in rest.iter().enumerate() {
        match (quote, byte) {
            (None, b'>') => return (index.saturating_add(1), last == b'/'),
            (None, b'"' | b'\'') => quote = Some(*byte),
            (Some(open), byte) if open == *byte => quote = None,
            _ => {}
        }
        last = *byte;
    }
    (rest.len(), false)
}
