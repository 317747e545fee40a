//! How the kernel writes paths in its tables of mounts.

/// Undoes its octal escapes, `\040` for a space (fs/proc_namespace.c, mangle).
pub(crate) fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, tail @ ..] = rest {
        match rest {
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] => {
                bytes.push(((a - b'0') << 6) | ((b - b'0') << 3) | (c - b'0'));
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unescape_keeps_what_is_no_escape() {
        for (field, expected) in
            [(r"\04", r"\04"), (r"\\", r"\\"), (r"\400", r"\400"), (r"\011x", "\tx"), (r"\", r"\")]
        {
            assert_eq!(unescape(field.as_bytes()), expected.as_bytes(), "{field}");
        }
    }
}
