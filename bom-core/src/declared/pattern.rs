//! Hosts and paths that may stand for several.

use std::fmt;

/// A host: a name, an address, or a pattern with `*`. Lower case, without a final dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPattern(String);

/// A path: a file, or with a final slash a folder and all in it, or a pattern with `*` and `**`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathPattern {
    text: String,
    /// It was seen and not written down by a person: a `*` in it is a character.
    literal: bool,
}

impl HostPattern {
    /// A host or a pattern; `None` if there is nothing in it or if it cannot be a host.
    ///
    /// A lone `*` is refused: a declaration of everybody declares nobody.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
        let odd = |c: char| c.is_whitespace() || c.is_control() || "/@?#$(){}\\\"'".contains(c);
        let empty = text.chars().all(|c| c == '*' || c == '.');
        if empty || text.len() > 253 || text.contains(odd) {
            return None;
        }
        Some(Self(text.to_lowercase()))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it stands for more than one host.
    pub fn is_pattern(&self) -> bool {
        self.0.contains('*')
    }

    /// Whether a host is meant. `*` stands for one label or a part of one, `**` for one or more labels.
    pub fn matches(&self, host: &str) -> bool {
        let host = host.to_lowercase();
        let host = host.trim_end_matches('.');
        if self.is_pattern() { glob(&self.0, host, '.') } else { self.0 == host }
    }

    /// The last two labels, or the address: what somebody registers. A list of public suffixes would be more exact;
    /// a pair that agrees here is shown with its whole names, so a person sees what was taken for the same.
    pub fn registrable(&self) -> &str {
        if self.0.parse::<std::net::IpAddr>().is_ok() {
            return &self.0;
        }
        match self.0.rmatch_indices('.').nth(1) {
            Some((at, _)) => self.0.get(at.saturating_add(1)..).unwrap_or(&self.0),
            None => &self.0,
        }
    }
}

impl PathPattern {
    /// A path; `None` if it is empty.
    pub fn new(text: &str) -> Option<Self> {
        if text.is_empty() { None } else { Some(Self { text: text.to_owned(), literal: false }) }
    }

    /// A path that somebody used, which stands for itself whatever is in it; `None` if it is empty.
    pub fn seen(text: &str) -> Option<Self> {
        // A pattern by its form only, so that equal paths of both sorts are equal.
        let odd = text.ends_with('/') || text.contains('*');
        if text.is_empty() { None } else { Some(Self { text: text.to_owned(), literal: odd }) }
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it stands for more than one file.
    pub fn is_pattern(&self) -> bool {
        !self.literal && (self.text.ends_with('/') || self.text.contains('*'))
    }

    /// Whether a file is meant.
    pub fn matches(&self, path: &str) -> bool {
        if !self.is_pattern() {
            self.text == path
        } else if self.text.contains('*') {
            glob(&self.text, path, '/')
        } else {
            path.starts_with(&self.text)
        }
    }

    /// The last component.
    pub fn file_name(&self) -> &str {
        self.text.trim_end_matches('/').rsplit('/').next().unwrap_or(&self.text)
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// `*` stands for anything but the border, `**` for anything. Linear in the product of the lengths: a pattern comes
/// from outside, and backtracking over several stars would not be.
pub fn glob(pattern: &str, text: &str, border: char) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    // reached[i]: the pattern read so far can have used up i characters of the text.
    let mut reached = vec![false; text.len().saturating_add(1)];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    let mut rest = pattern.iter().copied().peekable();
    while let Some(c) = rest.next() {
        let mut next = vec![false; reached.len()];
        if c == '*' {
            let any = rest.next_if_eq(&'*').is_some();
            let mut open = false;
            for (at, slot) in next.iter_mut().enumerate() {
                let crossed = at.checked_sub(1).and_then(|at| text.get(at)) == Some(&border);
                open = (open && (any || !crossed)) || reached.get(at) == Some(&true);
                *slot = open;
            }
        } else {
            for (at, known) in text.iter().enumerate() {
                if *known == c
                    && reached.get(at) == Some(&true)
                    && let Some(slot) = next.get_mut(at.saturating_add(1))
                {
                    *slot = true;
                }
            }
        }
        reached = next;
    }
    reached.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_match_by_label() {
        for (pattern, host, expected) in [
            ("api.openai.com", "API.openai.com.", true),
            ("*.openai.com", "api.openai.com", true),
            ("*.openai.com", "eu.api.openai.com", false),
            ("**.openai.com", "eu.api.openai.com", true),
            ("*.openai.com", "openai.com", false),
            ("*.openai.com", "evilopenai.com", false),
            ("bedrock*.amazonaws.com", "bedrock-runtime.amazonaws.com", true),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXbYcd", false),
        ] {
            let found = HostPattern::new(pattern).expect("a pattern").matches(host);
            assert_eq!(found, expected, "{pattern} {host}");
        }
        for nobody in ["", "*", "**", "*.*", " ", "a b", "http://x"] {
            assert_eq!(HostPattern::new(nobody), None, "{nobody}");
        }
    }

    #[test]
    fn folders_hold_what_is_in_them() {
        for (pattern, path, expected) in [
            ("/models/a.gguf", "/models/a.gguf", true),
            ("/models/", "/models/x/a.gguf", true),
            ("/models/", "/modelsx/a", false),
            ("/models/*.gguf", "/models/a.gguf", true),
            ("/models/*.gguf", "/models/x/a.gguf", false),
            ("/models/**.gguf", "/models/x/a.gguf", true),
        ] {
            let found = PathPattern::new(pattern).expect("a path").matches(path);
            assert_eq!(found, expected, "{pattern} {path}");
        }
    }
}
