//! Package URLs, built by one constructor per type so that each type's rules are kept (purl-spec 1.0, ECMA-427).

use packageurl::PackageUrl;
use std::collections::BTreeMap;
use std::str::FromStr as _;

/// A package URL in canonical form: parsing it gives the same text again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Purl(String);

/// A package URL taken apart, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurlParts {
    /// The type, lower case.
    pub ty: String,
    /// The namespace; for npm with its `@`.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
    /// The version.
    pub version: Option<String>,
    /// The qualifiers.
    pub qualifiers: BTreeMap<String, String>,
    /// The path inside the package.
    pub subpath: Option<String>,
}

/// Why no package URL could be made.
#[derive(Debug, thiserror::Error)]
pub enum PurlError {
    /// A part that the type needs is empty.
    #[error("make {ty} purl: {part} is empty")]
    Empty {
        /// The package type.
        ty: &'static str,
        /// The part.
        part: &'static str,
    },
    /// A Hugging Face version that is no commit hash: a branch name is a request, not a version.
    #[error("make huggingface purl: {version:?} is not a commit hash")]
    NotACommit {
        /// What was given.
        version: String,
    },
    /// The grammar or the rules of the type refuse it.
    #[error("make purl: {0}")]
    Refused(packageurl::Error),
    /// The text does not survive a round trip.
    #[error("make purl: {text:?} does not parse back to itself")]
    NotCanonical {
        /// What was built.
        text: String,
    },
}

impl Purl {
    /// Reads any package URL and brings it into canonical form.
    pub fn parse(text: &str) -> Result<Self, PurlError> {
        if Plain::of(text).is_some() {
            return Ok(Self(text.to_owned()));
        }
        let parsed = PackageUrl::from_str(text).map_err(PurlError::Refused)?;
        Self::finish(&parsed)
    }

    /// `pkg:pypi/…`; the name is normalised as PEP 503 says, so `Foo__bar.baz` is `foo-bar-baz`.
    pub fn pypi(name: &str, version: Option<&str>) -> Result<Self, PurlError> {
        let mut purl = start("pypi", &pep503(name))?;
        set_version(&mut purl, "pypi", version)?;
        Self::finish(&purl)
    }

    /// `pkg:npm/…`; the scope is taken with or without its `@`.
    pub fn npm(scope: Option<&str>, name: &str, version: Option<&str>) -> Result<Self, PurlError> {
        let mut purl = start("npm", name)?;
        if let Some(scope) = scope {
            let bare = filled("npm", "scope", scope.strip_prefix('@').unwrap_or(scope))?;
            purl.with_namespace(format!("@{}", bare.to_lowercase())).map_err(PurlError::Refused)?;
        }
        set_version(&mut purl, "npm", version)?;
        Self::finish(&purl)
    }

    /// `pkg:deb/<vendor>/…?arch=…&distro=…`; the vendor is the distribution's id, such as `debian` or `ubuntu`.
    pub fn deb(
        vendor: &str,
        name: &str,
        version: Option<&str>,
        arch: Option<&str>,
        distro: Option<&str>,
    ) -> Result<Self, PurlError> {
        let mut purl = start("deb", name)?;
        purl.with_namespace(filled("deb", "vendor", vendor)?.to_owned()).map_err(PurlError::Refused)?;
        set_version(&mut purl, "deb", version)?;
        qualify(&mut purl, "deb", "arch", arch)?;
        qualify(&mut purl, "deb", "distro", distro)?;
        Self::finish(&purl)
    }

    /// A package of a system other than Debian's: `pkg:<ty>/<vendor>/…?arch=…&distro=…`, for `apk` and `rpm`. The epoch of
    /// an rpm stands in a qualifier of its own.
    pub fn system(
        ty: &'static str,
        vendor: &str,
        name: &str,
        version: Option<&str>,
        arch: Option<&str>,
        distro: Option<&str>,
    ) -> Result<Self, PurlError> {
        let mut purl = start(ty, name)?;
        purl.with_namespace(filled(ty, "vendor", vendor)?.to_owned()).map_err(PurlError::Refused)?;
        let (epoch, version) = match version.and_then(|version| version.split_once(':')) {
            Some((epoch, rest)) if ty == "rpm" => (Some(epoch), Some(rest)),
            _ => (None, version),
        };
        set_version(&mut purl, ty, version)?;
        qualify(&mut purl, ty, "arch", arch)?;
        qualify(&mut purl, ty, "distro", distro)?;
        qualify(&mut purl, ty, "epoch", epoch)?;
        Self::finish(&purl)
    }

    /// A package of a type without rules of its own: `gem`, `cargo`, `conda`, `golang`, `maven`.
    pub fn plain(
        ty: &'static str,
        namespace: Option<&str>,
        name: &str,
        version: Option<&str>,
    ) -> Result<Self, PurlError> {
        let mut purl = start(ty, name)?;
        if let Some(namespace) = namespace {
            purl.with_namespace(filled(ty, "namespace", namespace)?.to_owned())
                .map_err(PurlError::Refused)?;
        }
        set_version(&mut purl, ty, version)?;
        Self::finish(&purl)
    }

    /// `pkg:huggingface/<owner>/<repo>@<commit>#<file>`. The commit is 40 hexadecimal digits; a branch belongs into a
    /// property, because what it names moves.
    pub fn huggingface(
        owner: &str,
        repo: &str,
        commit: Option<&str>,
        file: Option<&str>,
    ) -> Result<Self, PurlError> {
        let mut purl = start("huggingface", repo)?;
        purl.with_namespace(filled("huggingface", "owner", owner)?.to_owned()).map_err(PurlError::Refused)?;
        if let Some(version) = commit {
            if version.len() != 40 || !version.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(PurlError::NotACommit { version: version.chars().take(64).collect() });
            }
            set_version(&mut purl, "huggingface", commit)?;
        }
        if let Some(file) = file {
            purl.with_subpath(file.to_owned()).map_err(PurlError::Refused)?;
        }
        Self::finish(&purl)
    }

    /// As [`Purl::huggingface`], of a repository by its whole name. The oldest have no owner: `gpt2`.
    pub fn huggingface_repository(
        name: &str,
        commit: Option<&str>,
        file: Option<&str>,
    ) -> Result<Self, PurlError> {
        match name.split_once('/') {
            Some((owner, repo)) => Self::huggingface(owner, repo, commit, file),
            None => {
                // The same checks, then without what stands for the owner.
                let with = Self::huggingface("-", name, commit, file)?;
                Self::parse(&with.0.replacen("/-/", "/", 1))
            }
        }
    }

    /// `pkg:oci/<name>@sha256:<digest>?repository_url=…`; name is the last part of the repository, lower case.
    pub fn oci(
        name: &str,
        digest: Option<&str>,
        repository_url: Option<&str>,
        tag: Option<&str>,
    ) -> Result<Self, PurlError> {
        let mut purl = start("oci", &name.to_lowercase())?;
        set_version(&mut purl, "oci", digest)?;
        qualify(&mut purl, "oci", "repository_url", repository_url)?;
        qualify(&mut purl, "oci", "tag", tag)?;
        Self::finish(&purl)
    }

    /// `pkg:generic/<name>@<version>?checksum=sha256:<hex>`: an artifact of no ecosystem, held by its content.
    pub fn generic(name: &str, version: Option<&str>, sha256: Option<&[u8; 32]>) -> Result<Self, PurlError> {
        let mut purl = start("generic", name)?;
        set_version(&mut purl, "generic", version)?;
        if let Some(digest) = sha256 {
            let checksum = format!("sha256:{}", super::hash::hex(digest));
            qualify(&mut purl, "generic", "checksum", Some(&checksum))?;
        }
        Self::finish(&purl)
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts, decoded. `None` cannot happen for a value of this type and is not relied upon.
    pub fn parts(&self) -> Option<PurlParts> {
        if let Some(plain) = Plain::of(&self.0) {
            return Some(plain.into());
        }
        let purl = PackageUrl::from_str(&self.0).ok()?;
        Some(PurlParts {
            ty: purl.ty().to_owned(),
            namespace: purl.namespace().map(str::to_owned),
            name: purl.name().to_owned(),
            version: purl.version().map(str::to_owned),
            qualifiers: purl.qualifiers().iter().map(|(k, v)| (k.to_string(), v.to_string())).collect(),
            subpath: purl.subpath().map(str::to_owned),
        })
    }

    /// Holds the law of the type. A part such as `..` or an empty segment would silently vanish on the way back.
    fn finish(purl: &PackageUrl<'_>) -> Result<Self, PurlError> {
        let text = purl.to_string();
        let again = PackageUrl::from_str(&text).map_err(PurlError::Refused)?;
        if again == *purl { Ok(Self(text)) } else { Err(PurlError::NotCanonical { text }) }
    }
}

/// `pkg:pypi/requests@2.31.0`, `pkg:npm/%40scope/name@1.0.0`: what most package URLs of a document look like. It is
/// canonical as it stands, and has nothing that would have to be decoded.
struct Plain<'t> {
    ty: &'t str,
    /// Of npm, without its `@`.
    scope: Option<&'t str>,
    name: &'t str,
    version: Option<&'t str>,
}

impl<'t> Plain<'t> {
    /// `None`: it may be one all the same, and the crate decides.
    fn of(text: &'t str) -> Option<Self> {
        let (ty, rest) = text.strip_prefix("pkg:")?.split_once('/')?;
        let (path, version) = match rest.split_once('@') {
            Some((path, version)) => (path, Some(version)),
            None => (rest, None),
        };
        let scoped = if ty == "npm" { path.strip_prefix("%40") } else { None };
        let (scope, name) = match scoped {
            Some(scoped) => scoped.split_once('/').map(|(scope, name)| (Some(scope), name))?,
            None => (None, path),
        };
        // PyPI folds the underscore.
        let is_word = |word: &str| {
            let odd = |c: u8| matches!(c, b'.' | b'-') || c == b'_' && ty != "pypi";
            !word.is_empty() && word.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || odd(c))
        };
        let is_version = |word: &str| {
            !word.is_empty()
                && word.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_'))
        };
        let plain = matches!(ty, "cargo" | "gem" | "npm" | "nuget" | "pypi")
            && scope.is_none_or(is_word)
            && is_word(name)
            && version.is_none_or(is_version);
        plain.then_some(Self { ty, scope, name, version })
    }
}

impl From<Plain<'_>> for PurlParts {
    fn from(plain: Plain<'_>) -> Self {
        Self {
            ty: plain.ty.to_owned(),
            namespace: plain.scope.map(|scope| format!("@{scope}")),
            name: plain.name.to_owned(),
            version: plain.version.map(str::to_owned),
            qualifiers: BTreeMap::new(),
            subpath: None,
        }
    }
}

impl std::fmt::Display for Purl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

fn start(ty: &'static str, name: &str) -> Result<PackageUrl<'static>, PurlError> {
    PackageUrl::new(ty, filled(ty, "name", name)?.to_owned()).map_err(PurlError::Refused)
}

fn set_version(
    purl: &mut PackageUrl<'static>,
    ty: &'static str,
    version: Option<&str>,
) -> Result<(), PurlError> {
    if let Some(version) = version {
        purl.with_version(filled(ty, "version", version)?.to_owned()).map_err(PurlError::Refused)?;
    }
    Ok(())
}

fn qualify(
    purl: &mut PackageUrl<'static>,
    ty: &'static str,
    key: &'static str,
    value: Option<&str>,
) -> Result<(), PurlError> {
    if let Some(value) = value {
        purl.add_qualifier(key, filled(ty, key, value)?.to_owned()).map_err(PurlError::Refused)?;
    }
    Ok(())
}

fn filled<'a>(ty: &'static str, part: &'static str, text: &'a str) -> Result<&'a str, PurlError> {
    if text.is_empty() { Err(PurlError::Empty { ty, part }) } else { Ok(text) }
}

/// PEP 503: lower case, and every run of `-`, `_` and `.` becomes one `-`.
pub(crate) fn pep503(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut in_run = false;
    for c in name.chars() {
        if matches!(c, '-' | '_' | '.') {
            if !in_run {
                out.push('-');
            }
            in_run = true;
        } else {
            in_run = false;
            out.extend(c.to_lowercase());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_plain_is_what_the_crate_reads() {
        let types = ["cargo", "gem", "npm", "nuget", "pypi", "deb", "PyPI", ""];
        let scopes = ["", "%40scope/", "%40s-c.o_p/", "%40./", "%40Up/", "@scope/", "a/", "%40/", "%40a/b/"];
        let names = ["a", "a-b.c", "a_b", "A", ".", "..", "-", "", "a%2Fb", "a/b", "a b", "ä", "0"];
        let versions =
            ["", "@1.0.0", "@1.0-RC_1", "@", "@1@2", "@1+2", "@1%2B2", "@v/1", "@..", "?x=y", "@1?x=y", "#a"];
        let mut plain = 0;
        for ty in types {
            for (scope, name) in scopes.iter().flat_map(|scope| names.iter().map(move |name| (scope, name))) {
                for version in versions {
                    let text = format!("pkg:{ty}/{scope}{name}{version}");
                    let Some(found) = Plain::of(&text) else { continue };
                    plain += 1;
                    let purl = PackageUrl::from_str(&text).expect(&text);
                    assert_eq!(Purl::finish(&purl).expect(&text).as_str(), text);
                    let found = PurlParts::from(found);
                    assert_eq!(found.ty, purl.ty(), "{text}");
                    assert_eq!(found.namespace.as_deref(), purl.namespace(), "{text}");
                    assert_eq!(found.name, purl.name(), "{text}");
                    assert_eq!(found.version.as_deref(), purl.version(), "{text}");
                    assert!(purl.qualifiers().is_empty() && purl.subpath().is_none(), "{text}");
                }
            }
        }
        assert!(plain > 100, "{plain}");
    }
}
