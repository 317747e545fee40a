//! Bytes that somebody else chose, as text that is safe to print and can be turned back.
//!
//! A Linux path is any bytes without NUL and slash: `"models/\u{202e}fugg.exe"` or a name with a newline are legal
//! and are used to hide. We keep the text readable where it is readable, and write everything else as C escapes.
//! The law, held by a property test: `unescape(escape(b).text) == b` for every byte string.

use std::fmt::Write as _;

/// The result of [`escape`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Escaped {
    /// Printable text: no control characters, no bidirectional overrides, no invisible characters.
    pub text: String,
    /// Whether the text differs from the bytes. In a document such a value is marked
    /// `aibom:path:encoding=c-escape`.
    pub encoded: bool,
}

/// Why [`unescape`] refused a text; offsets are bytes from its start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnescapeError {
    /// The text ends inside an escape.
    #[error("unescape text at offset {offset}: escape cut short")]
    CutShort {
        /// Where the escape starts.
        offset: usize,
    },
    /// A backslash is followed by something that is no escape of ours.
    #[error("unescape text at offset {offset}: unknown escape")]
    Unknown {
        /// Where the escape starts.
        offset: usize,
    },
    /// `\x` is not followed by two hexadecimal digits.
    #[error("unescape text at offset {offset}: \\x wants two hexadecimal digits")]
    NotHex {
        /// Where the escape starts.
        offset: usize,
    },
}

/// Writes bytes as text: valid UTF-8 that is visible stays, a backslash is doubled, the rest becomes
/// `\a \b \t \n \v \f \r` or `\xHH` per byte.
pub fn escape(bytes: &[u8]) -> Escaped {
    let mut text = String::with_capacity(bytes.len());
    let mut encoded = false;
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == '\\' || is_hidden(c) {
                encoded = true;
                push_escaped(&mut text, c);
            } else {
                text.push(c);
            }
        }
        for byte in chunk.invalid() {
            encoded = true;
            push_hex(&mut text, *byte);
        }
    }
    Escaped { text, encoded }
}

/// Turns the text of [`escape`] back into the bytes.
pub fn unescape(text: &str) -> Result<Vec<u8>, UnescapeError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes().enumerate();
    while let Some((offset, byte)) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let (_, kind) = rest.next().ok_or(UnescapeError::CutShort { offset })?;
        bytes.push(match kind {
            b'\\' => b'\\',
            b'a' => 0x07,
            b'b' => 0x08,
            b't' => b'\t',
            b'n' => b'\n',
            b'v' => 0x0b,
            b'f' => 0x0c,
            b'r' => b'\r',
            b'x' => {
                let (_, high) = rest.next().ok_or(UnescapeError::CutShort { offset })?;
                let (_, low) = rest.next().ok_or(UnescapeError::CutShort { offset })?;
                match (nibble(high), nibble(low)) {
                    (Some(high), Some(low)) => (high << 4) | low,
                    _ => return Err(UnescapeError::NotHex { offset }),
                }
            }
            _ => return Err(UnescapeError::Unknown { offset }),
        });
    }
    Ok(bytes)
}

/// Whether a character must not reach a terminal as it is: it moves the cursor, reorders text, or cannot be seen.
///
/// Unicode categories Cc, Cf, Zl and Zp, the tag block, and the fillers that render as nothing (UAX #9, UTR #36).
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{06dd}' | '\u{070f}' | '\u{08e2}' | '\u{180b}'..='\u{180f}'
            | '\u{0600}'..='\u{0605}' | '\u{0890}'..='\u{0891}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

fn push_escaped(text: &mut String, c: char) {
    match c {
        '\\' => text.push_str("\\\\"),
        '\u{7}' => text.push_str("\\a"),
        '\u{8}' => text.push_str("\\b"),
        '\t' => text.push_str("\\t"),
        '\n' => text.push_str("\\n"),
        '\u{b}' => text.push_str("\\v"),
        '\u{c}' => text.push_str("\\f"),
        '\r' => text.push_str("\\r"),
        other => {
            let mut buffer = [0; 4];
            for byte in other.encode_utf8(&mut buffer).bytes() {
                push_hex(text, byte);
            }
        }
    }
}

fn push_hex(text: &mut String, byte: u8) {
    // Writing to a String cannot fail.
    let _ = write!(text, "\\x{byte:02x}");
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
