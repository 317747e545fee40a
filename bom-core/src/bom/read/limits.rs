//! What a document may cost, decided from its bytes alone.

/// Limits of one document. A JSON value costs up to some hundred bytes of memory, so the number of values bounds the
/// memory and the number of bytes does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Size of the document.
    pub bytes: usize,
    /// Depth of nesting; components inside components are the reason for more than ten.
    pub depth: usize,
    /// Objects and arrays.
    pub containers: usize,
    /// Values of any kind, counted as brackets and commas, which is never less than there are.
    pub values: usize,
}

impl Default for Limits {
    /// Room for about 80 000 components with evidence; the worst document within it costs about one gibibyte.
    fn default() -> Self {
        Self { bytes: 256 << 20, depth: 64, containers: 1_500_000, values: 8_000_000 }
    }
}

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// More than a limit allows.
    #[error("read cyclonedx at line {line}, offset {offset}: more than {limit} {what}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much is allowed.
        limit: usize,
        /// Where the limit was passed; the line is counted from 1.
        offset: usize,
        /// The line of that.
        line: usize,
    },
    /// Not JSON.
    #[error("read cyclonedx: not json")]
    NotJson(#[source] serde_json::Error),
    /// Neither CycloneDX nor SPDX.
    #[error("read bom: neither CycloneDX nor SPDX")]
    NotABom,
    /// SPDX of a version that we do not know.
    #[error("read spdx: version {found:?} is not one of 2.2, 2.3, 3.0")]
    Spdx {
        /// What stands there.
        found: String,
    },
    /// XML that is not a CycloneDX document, or not one that can be read.
    #[error("read cyclonedx xml: {reason}")]
    Xml {
        /// Why.
        reason: String,
    },
    /// JSON, but no `bomFormat` of `CycloneDX`.
    #[error("read cyclonedx: bomFormat is not CycloneDX")]
    NotCycloneDx,
    /// A version that we do not know.
    #[error("read cyclonedx: specVersion {found:?} is not one of 1.2 to 1.7")]
    Version {
        /// What stands there.
        found: String,
    },
}

/// The line of an offset, counted from 1.
pub(super) fn line_of(bytes: &[u8], offset: usize) -> usize {
    let before = bytes.get(..offset).unwrap_or(bytes);
    before.iter().filter(|byte| **byte == b'\n').count().saturating_add(1)
}

impl Limits {
    /// Counts brackets and commas outside strings. The text need not be JSON: whatever passes here is cheap to parse.
    pub(in crate::bom) fn measure(&self, bytes: &[u8]) -> Result<(), ReadError> {
        if bytes.len() > self.bytes {
            let line = line_of(bytes, self.bytes);
            return Err(ReadError::Limit { what: "bytes", limit: self.bytes, offset: self.bytes, line });
        }
        let (mut depth, mut containers, mut values) = (0_usize, 0_usize, 1_usize);
        let mut rest = bytes.iter().enumerate();
        while let Some((offset, byte)) = rest.next() {
            match byte {
                b'"' => {
                    // To the quote that ends the text, past what is escaped.
                    while let Some((_, byte)) = rest.find(|(_, byte)| matches!(byte, b'"' | b'\\')) {
                        if *byte == b'"' {
                            break;
                        }
                        rest.next();
                    }
                    continue;
                }
                b'{' | b'[' => {
                    depth = depth.saturating_add(1);
                    containers = containers.saturating_add(1);
                    values = values.saturating_add(1);
                }
                b',' => values = values.saturating_add(1),
                b'}' | b']' => {
                    depth = depth.saturating_sub(1);
                    continue;
                }
                _ => continue,
            }
            for (what, limit, found) in [
                ("levels of nesting", self.depth, depth),
                ("objects and arrays", self.containers, containers),
                ("values", self.values, values),
            ] {
                if found > limit {
                    return Err(ReadError::Limit { what, limit, offset, line: line_of(bytes, offset) });
                }
            }
        }
        Ok(())
    }
}
