//! Whose a file is, as properties of its component, and what it says of the code in it.

use std::collections::BTreeSet;

use super::{AssembleError, clean, property, references::distribution};
use crate::{
    bom::{Property, Purl, PurlError},
    identify::View,
    input::{DebOwner, PythonOwner},
    metadata::CodeMetadata,
    package::{PackageOwner, purl},
};

pub(super) fn deb_purl(deb: &DebOwner, id: &str, version: &str) -> Result<Purl, AssembleError> {
    let distro = format!("{id}-{version}");
    Ok(Purl::deb(id, &deb.package, Some(&deb.version), Some(&deb.architecture), Some(&distro))?)
}

/// The package URL of an owner.
///
/// # Errors
/// What it is called fits no package URL.
pub(super) fn owner_purl(view: &View, owner: &PackageOwner) -> Result<Purl, PurlError> {
    let version = owner.version.as_deref();
    purl(owner.ecosystem, &owner.name, version, owner.architecture.as_deref(), distribution(view))
}

/// `digest` is ours; the installer's own stands beside it if it differs.
pub(super) fn owners(
    view: &View,
    properties: &mut Vec<Property>,
    digest: Option<&str>,
    (python, deb): (Option<&PythonOwner>, Option<&DebOwner>),
    others: &BTreeSet<PackageOwner>,
) {
    let mut recorded = BTreeSet::new();
    if let Some(python) = python
        && let Ok(purl) = Purl::pypi(&python.name, Some(&python.version))
    {
        property(properties, "aibom:owner:purl", purl.as_str());
        recorded.extend(python.recorded_sha256.as_deref());
    }
    if let Some(deb) = deb {
        property(
            properties,
            "aibom:owner:deb",
            format!("{} {} {}", deb.package, deb.version, deb.architecture),
        );
    }
    for owner in others {
        let name = match owner_purl(view, owner) {
            Ok(purl) => purl.as_str().to_owned(),
            // What fits no package URL is still an owner.
            Err(_) => format!("{} {}", owner.ecosystem.name(), clean(&owner.name)),
        };
        property(properties, "aibom:owner:package", format!("{name} by {}", owner.basis.name()));
        recorded.extend(owner.recorded_sha256.as_deref());
    }
    for recorded in recorded {
        let Some(digest) = digest else { continue };
        // What was installed and what was used can differ; both digests are then on record.
        let word = if digest == recorded { "same".to_owned() } else { format!("differs: sha256:{recorded}") };
        property(properties, "aibom:owner:recorded_digest", word);
    }
}

/// What a program says of how it was built; claimed.
pub(super) fn built(properties: &mut Vec<Property>, code: &CodeMetadata) {
    if let Some(toolchain) = &code.toolchain {
        property(properties, "aibom:code:toolchain", clean(toolchain));
    }
    if let Some(main) = &code.main {
        let version = main.version.as_deref().unwrap_or("(no version)");
        let name = format!("{} {} {}", main.ecosystem.name(), clean(&main.name), clean(version));
        property(properties, "aibom:code:main", name);
    }
    if !code.packages.is_empty() {
        property(properties, "aibom:code:packages", code.packages.len().to_string());
    }
    for engine in &code.engines {
        property(properties, "aibom:code:engine", engine);
    }
}
