//! Paths as lists of steps, and what of them may stand in a document.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Longest text taken from a path or a file of a store.
const TEXT_BYTES: usize = 1024;

/// The steps of a path from the root on.
pub(super) fn split(path: &[u8]) -> Vec<&[u8]> {
    path.split(|&byte| byte == b'/').filter(|step| !step.is_empty()).collect()
}

/// An absolute path of these steps.
pub(super) fn join(steps: &[&[u8]]) -> Vec<u8> {
    let mut path = Vec::new();
    for step in steps {
        path.push(b'/');
        path.extend_from_slice(step);
    }
    if path.is_empty() {
        path.push(b'/');
    }
    path
}

/// A path and one more step, or several.
pub(super) fn below(path: &[u8], name: &[u8]) -> Vec<u8> {
    let mut whole = path.strip_suffix(b"/").unwrap_or(path).to_vec();
    whole.push(b'/');
    whole.extend_from_slice(name);
    whole
}

/// Where a link in `directory` leads, without asking the file system: what it passes is taken for plain folders.
pub(super) fn target(directory: &[u8], link: &[u8]) -> Option<Vec<u8>> {
    let mut steps = if link.first() == Some(&b'/') { Vec::new() } else { split(directory) };
    for step in split(link) {
        match step {
            b"." => {}
            b".." => {
                steps.pop()?;
            }
            other => steps.push(other),
        }
    }
    Some(join(&steps))
}

/// Text that can be a name: UTF-8, neither empty nor long, without control characters.
pub(super) fn text(bytes: &[u8]) -> Option<String> {
    let text = core::str::from_utf8(bytes).ok()?;
    let fine = !text.is_empty() && text.len() <= TEXT_BYTES && !text.contains(char::is_control);
    fine.then(|| text.to_string())
}

/// Steps as one text, `/` between them.
pub(super) fn joined(steps: &[&[u8]]) -> Option<String> {
    let path = join(steps);
    text(path.strip_prefix(b"/").unwrap_or(&path))
}

/// Lower-case hexadecimal digits, exactly so many.
pub(super) fn hex(bytes: &[u8], digits: usize) -> Option<String> {
    let fine = bytes.len() == digits && bytes.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    fine.then(|| text(bytes)).flatten()
}

/// What stands around the first blank-free line.
pub(super) fn trimmed(bytes: &[u8]) -> &[u8] {
    bytes.trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::{hex, target, text};

    #[test]
    fn links_lead() {
        for (directory, link, expected) in [
            ("/hub/models--a/snapshots/c", "../../blobs/x", Some("/hub/models--a/blobs/x")),
            ("/hub/models--a/snapshots/c/d", "../../../blobs/x", Some("/hub/models--a/blobs/x")),
            ("/a", "/b/./c", Some("/b/c")),
            ("/a", "../../b", None),
        ] {
            let found = target(directory.as_bytes(), link.as_bytes());
            assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{directory} {link}");
        }
    }

    #[test]
    fn texts_are_plain() {
        assert_eq!(text(b"a\x1bb"), None);
        assert_eq!(text(b""), None);
        assert_eq!(text(&[0xff]), None);
        assert_eq!(hex(b"00ff", 4).as_deref(), Some("00ff"));
        assert_eq!(hex(b"00FF", 4), None);
        assert_eq!(hex(b"00f", 4), None);
    }
}
