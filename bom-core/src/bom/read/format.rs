//! What a document is, told by its content, and the one door for all of them.

use super::limits::{Limits, ReadError};
use super::node::Node;
use super::{Read, from_map, spdx, tree, xml};

/// A format that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// CycloneDX JSON, 1.2 to 1.7.
    CycloneDxJson,
    /// CycloneDX XML, 1.3 to 1.5: what the crate `cyclonedx-bom` reads.
    CycloneDxXml,
    /// SPDX 2.2 and 2.3, JSON.
    Spdx2,
    /// SPDX 3.0, JSON-LD as the specification's own JSON schema has it.
    Spdx3,
}

impl Format {
    /// With a version: `SPDX 2.3`.
    pub fn name(self, version: &str) -> String {
        match self {
            Self::CycloneDxJson => format!("CycloneDX {version}"),
            Self::CycloneDxXml => format!("CycloneDX {version} XML"),
            Self::Spdx2 | Self::Spdx3 => format!("SPDX {version}"),
        }
    }
}

/// What bytes look like; `None`: no document of these. Does not parse, so it can be wrong about broken ones.
pub fn format_of(bytes: &[u8]) -> Option<Format> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let has = |word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace())? {
        b'<' => has(b"cyclonedx.org/schema/bom").then_some(Format::CycloneDxXml),
        b'{' if has_key(bytes, b"bomFormat") => Some(Format::CycloneDxJson),
        b'{' if has_key(bytes, b"spdxVersion") => Some(Format::Spdx2),
        b'{' if has_key(bytes, b"@context") && has(b"spdx.org/rdf/3") => Some(Format::Spdx3),
        _ => None,
    }
}

/// Whether the outermost object has this key; one of an object inside it says nothing of the document.
fn has_key(bytes: &[u8], key: &[u8]) -> bool {
    let (mut depth, mut rest) = (0_u64, bytes);
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        match byte {
            b'{' | b'[' => depth = depth.saturating_add(1),
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let mut escaped = false;
                let close = rest.iter().position(|&byte| {
                    let closes = byte == b'"' && !escaped;
                    escaped = byte == b'\\' && !escaped;
                    closes
                });
                let Some((text, behind)) = close.and_then(|close| rest.split_at_checked(close)) else {
                    return false;
                };
                rest = behind.get(1..).unwrap_or_default();
                let next = rest.iter().find(|byte| !byte.is_ascii_whitespace());
                if depth == 1 && text == key && next == Some(&b':') {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

/// Reads a document of any format within the default [`Limits`].
pub fn any(bytes: &[u8]) -> Result<Read, ReadError> {
    any_within(bytes, &Limits::default())
}

/// Reads a document of any format within given limits.
pub fn any_within(bytes: &[u8], limits: &Limits) -> Result<Read, ReadError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<') {
        return xml::read(bytes, limits);
    }
    let Node::Object(map) = tree::strict(bytes, limits)? else {
        return Err(ReadError::NotABom);
    };
    if map.contains("bomFormat") {
        from_map(map)
    } else if map.contains("spdxVersion") {
        spdx::two::read(map)
    } else if map.contains("@context") {
        spdx::three::read(map)
    } else {
        Err(ReadError::NotABom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_key_of_the_document_tells_its_format() {
        for (text, expected) in [
            (r#"{"bomFormat": 1}"#, Some(Format::CycloneDxJson)),
            ("\u{feff} {\"a\": [{}], \"bomFormat\" : 1}", Some(Format::CycloneDxJson)),
            (r#"{"a": {"bomFormat": 1}, "spdxVersion": 2}"#, Some(Format::Spdx2)),
            (r#"{"a": "bomFormat", "spdxVersion": 2}"#, Some(Format::Spdx2)),
            (r#"{"a\\": "}", "b\"{": "\\\"", "spdxVersion": 2}"#, Some(Format::Spdx2)),
            (r#"{"@context": "https://spdx.org/rdf/3.0.1/c"}"#, Some(Format::Spdx3)),
            (r#"{"x": {"@context": "https://spdx.org/rdf/3.0.1/c"}}"#, None),
            (r#"["bomFormat"]"#, None),
            (r#"{"bomFormat"#, None),
            ("", None),
        ] {
            assert_eq!(format_of(text.as_bytes()), expected, "{text}");
        }
    }
}
