//! os-release(5): shell-like assignments, of which two are wanted.

/// Longest value that is believed.
const LONGEST: usize = 128;

/// ID and VERSION_ID; `None` if one is missing, as on rolling releases, or holds what the format forbids.
pub(super) fn distribution(text: &[u8]) -> Option<(String, String)> {
    let text = std::str::from_utf8(text).ok()?;
    Some((value(text, "ID")?, value(text, "VERSION_ID")?))
}

/// The last assignment counts, as in a shell.
fn value(text: &str, key: &str) -> Option<String> {
    let raw = text.lines().rev().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))?;
    let value = unquote(raw)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '~');
    (!value.is_empty() && value.len() <= LONGEST && value.chars().all(plain)).then_some(value)
}

fn unquote(raw: &str) -> Option<String> {
    let Some(quote) = raw.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        return Some(raw.to_owned());
    };
    let mut value = String::new();
    let mut chars = raw.chars().skip(1);
    while let Some(c) = chars.next() {
        match c {
            '\\' if quote == '"' => value.push(chars.next()?),
            c if c == quote => return chars.next().is_none().then_some(value),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_id_and_version() {
        let long = format!("ID=a\nVERSION_ID={}\n", "1".repeat(5000));
        for (name, text, expected) in [
            ("debian", "ID=debian\nVERSION_ID=\"12\"\n", Some(("debian", "12"))),
            ("single_quotes", "ID='alpine'\nVERSION_ID=3.20.1\n", Some(("alpine", "3.20.1"))),
            ("escaped", "ID=a\nVERSION_ID=\"1\\.2\"\n", Some(("a", "1.2"))),
            ("last_counts", "ID=a\nVERSION_ID=1\nID=b\n", Some(("b", "1"))),
            ("other_keys", "BUILD_ID=x\nID=a\nMY_VERSION_ID=9\nVERSION_ID=1\n", Some(("a", "1"))),
            ("comment", "#ID=x\nID=a\nVERSION_ID=1\n", Some(("a", "1"))),
            ("rolling", "ID=arch\n", None),
            ("quote_left_open", "ID=\"a\nVERSION_ID=1\n", None),
            ("text_after_quote", "ID=\"a\"b\nVERSION_ID=1\n", None),
            ("backslash_at_the_end", "ID=\"a\\\nVERSION_ID=1\n", None),
            ("control_characters", "ID=a\x1b[31m\nVERSION_ID=1\n", None),
            ("command", "ID=$(id)\nVERSION_ID=1\n", None),
            ("too_long", &long, None),
            ("empty_value", "ID=\nVERSION_ID=1\n", None),
            ("empty", "", None),
        ] {
            let expected = expected.map(|(id, version)| (id.to_owned(), version.to_owned()));
            assert_eq!(distribution(text.as_bytes()), expected, "{name}");
        }
        assert_eq!(distribution(b"ID=a\nVERSION_ID=1\n\xff"), None);
    }
}
