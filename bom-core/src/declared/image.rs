//! Container image references.

/// `registry/path:tag@sha256:…` taken apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageName {
    /// Registry and path, as written: `ghcr.io/acme/agent`.
    pub repository: String,
    /// What follows the colon.
    pub tag: Option<String>,
    /// What follows the `@`: `sha256:…`.
    pub digest: Option<String>,
}

impl ImageName {
    /// Reads a reference; `None` if there is no name in it (an unset variable, a template).
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() || text.contains(char::is_whitespace) {
            return None;
        }
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest.to_owned())),
            None => (text, None),
        };
        // A colon before the last slash belongs to the registry's port.
        let (repository, tag) = match name.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag.to_owned())),
            _ => (name, None),
        };
        if repository.is_empty() {
            return None;
        }
        Some(Self { repository: repository.to_owned(), tag, digest })
    }

    /// The last part of the path.
    pub fn short(&self) -> &str {
        self.repository.rsplit('/').next().unwrap_or(&self.repository)
    }
}

#[cfg(test)]
mod tests {
    use super::ImageName;

    #[test]
    fn references_come_apart() {
        for (text, repository, tag, digest) in [
            ("nginx", "nginx", None, None),
            ("ghcr.io/a/b:1.2", "ghcr.io/a/b", Some("1.2"), None),
            ("localhost:5000/b", "localhost:5000/b", None, None),
            ("r:5000/b:1@sha256:ab", "r:5000/b", Some("1"), Some("sha256:ab")),
        ] {
            let name = ImageName::parse(text).expect("a reference");
            let found = (name.repository.as_str(), name.tag.as_deref(), name.digest.as_deref());
            assert_eq!(found, (repository, tag, digest), "{text}");
        }
        assert_eq!(ImageName::parse(""), None);
        assert_eq!(ImageName::parse("{{ .Values.image }}"), None);
    }
}
