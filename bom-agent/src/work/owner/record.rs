//! One row of a RECORD file: path, digest, size as CSV
//! (packaging.python.org/specifications/recording-installed-packages).

use super::paths::normal;

/// What a row says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Normal; relative to the directory that holds the .dist-info, or absolute.
    pub(super) path: Vec<u8>,
    /// Installers leave it out for RECORD itself and for compiled files.
    pub(super) sha256: Option<[u8; 32]>,
}

/// `None` if the row names no file.
pub(super) fn parse(row: &[u8]) -> Option<Record> {
    let (path, rest) = field(row);
    let path = normal(&path)?;
    let (digest, _) = field(rest);
    Some(Record { path, sha256: digest.strip_prefix(b"sha256=").and_then(decode) })
}

/// The first field, and what follows its comma.
fn field(row: &[u8]) -> (Vec<u8>, &[u8]) {
    let Some(quoted) = row.strip_prefix(b"\"") else {
        let end = row.iter().position(|&byte| byte == b',').unwrap_or(row.len());
        return (row[..end].to_vec(), row.get(end + 1..).unwrap_or_default());
    };
    let mut value = Vec::new();
    let mut rest = quoted;
    loop {
        let end = rest.iter().position(|&byte| byte == b'"').unwrap_or(rest.len());
        value.extend_from_slice(&rest[..end]);
        rest = rest.get(end + 1..).unwrap_or_default();
        // A doubled quote stands for one.
        let Some(more) = rest.strip_prefix(b"\"") else { break };
        value.push(b'"');
        rest = more;
    }
    (value, rest.strip_prefix(b",").unwrap_or_default())
}

/// 32 bytes in the URL alphabet of base64, with or without padding.
fn decode(text: &[u8]) -> Option<[u8; 32]> {
    let text = text.strip_suffix(b"=").unwrap_or(text);
    if text.len() != 43 {
        return None;
    }
    let mut bytes = [0; 32];
    let mut filled = 0;
    let (mut bits, mut count) = (0u32, 0);
    for &letter in text {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            *bytes.get_mut(filled)? = (bits >> count).to_le_bytes()[0];
            filled += 1;
            bits &= (1 << count) - 1;
        }
    }
    // The two bits left over have to be zero, or two texts would mean one digest.
    (bits == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::{decode, parse};
    use crate::work::content::hex;

    #[test]
    fn reads_rows() {
        for (name, row, path) in [
            ("plain", &b"p/m.py,sha256=x,12"[..], Some(&b"p/m.py"[..])),
            ("quoted", b"\"p/a,b.py\",,", Some(b"p/a,b.py")),
            ("doubled_quote", b"\"p/a\"\"b.py\",,", Some(b"p/a\"b.py")),
            ("newline_in_quotes", b"\"p/a\nb.py\",,", Some(b"p/a\nb.py")),
            ("unclosed_quote", b"\"p/m.py,,", Some(b"p/m.py,,")),
            ("path_alone", b"p/m.py", Some(b"p/m.py")),
            ("not_utf8", b"p/\xff.py,,", Some(b"p/\xff.py")),
            ("empty", b"", None),
            ("no_path", b",sha256=x,1", None),
        ] {
            assert_eq!(parse(row).map(|record| record.path).as_deref(), path, "{name}");
        }
    }

    #[test]
    fn reads_digests() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        for (name, text, expected) in [
            ("empty_file", "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU", Some(empty)),
            ("padded", "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=", Some(empty)),
            ("left_over_bits", "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFV", None),
            ("wrong_alphabet", "47DEQpj8HBSa+_TImW-5JCeuQeRkm5NMpJWZG3hSuFU", None),
            ("short", "47DEQpj8", None),
            ("empty", "", None),
        ] {
            assert_eq!(decode(text.as_bytes()).map(|bytes| hex(&bytes)).as_deref(), expected, "{name}");
        }
    }
}
