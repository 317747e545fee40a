//! Packages and code without one as components.

use super::{
    AssembleError, Context, clean,
    components::{IMPORT, Known, by_manifest, hash_identity, hashes, paths_property},
    owners::owners,
    property,
    references::package_purl,
};
use crate::{
    bom::{BomRef, Component, ComponentKind, IdentityField, Version},
    fact::Technique,
    identify::{Code, How, Package},
    package::{Basis, Ecosystem},
};

/// Lists and manifests of one package that are named.
const SOURCES: usize = 16;

impl Context<'_> {
    pub(super) fn package(&self, package: &Package, reference: &BomRef) -> Result<Component, AssembleError> {
        let mut component = Component::new(reference.clone(), ComponentKind::Library, clean(&package.name));
        component.purl = package_purl(self.view, package).ok();
        component.version =
            Some(&package.version).filter(|text| !text.is_empty()).and_then(|text| Version::new(text).ok());
        let properties = &mut component.properties;
        property(properties, "aibom:role", package.role.as_deref().unwrap_or("library"));
        property(properties, "aibom:package:ecosystem", package.ecosystem.name());
        if package.editable {
            property(properties, "aibom:package:editable", "true");
        }
        for how in &package.how {
            property(properties, "aibom:package:how", how.name());
        }
        for basis in &package.bases {
            property(properties, "aibom:package:basis", basis.name());
        }
        for source in package.sources.iter().take(SOURCES) {
            if package.ecosystem == Ecosystem::Pypi && package.how.contains(&How::Imported) {
                paths_property(properties, "aibom:package:dist_info", source);
            } else {
                paths_property(properties, "aibom:package:listed_in", source);
            }
        }
        let identities = match (&component.purl, package.bases.first()) {
            (Some(purl), Some(Basis::List | Basis::Manifest)) => vec![by_manifest(purl)],
            // Whoever wrote the code named it.
            (Some(purl), Some(Basis::Project) | None) => vec![Known { claimed: true, ..by_manifest(purl) }],
            (Some(purl), Some(Basis::Place)) => vec![Known {
                field: IdentityField::Purl,
                techniques: &[Technique::Filename],
                claimed: false,
                value: purl.as_str().to_owned(),
            }],
            (None, _) => Vec::new(),
        };
        let operation = match package.how.first() {
            Some(How::CompiledIn) => "compiled-in",
            Some(How::Archived) => "archive",
            Some(How::Imported) | None => IMPORT,
        };
        component.evidence = self.evidence(reference, &package.uses, operation, identities)?;
        Ok(component)
    }

    /// A file of code that is known by its content and place alone.
    pub(super) fn code(&self, code: &Code, reference: &BomRef) -> Result<Component, AssembleError> {
        let mut component = Component::new(reference.clone(), ComponentKind::File, clean(&code.name));
        component.hashes = hashes(code.digest.as_deref())?;
        let properties = &mut component.properties;
        property(properties, "aibom:role", "unlisted-code");
        for language in &code.languages {
            property(properties, "aibom:code:language", language.name());
        }
        owners(self.view, properties, code.digest.as_deref(), (None, None), &code.owners);
        let identities = hash_identity(code.digest.as_deref(), None);
        component.evidence = self.evidence(reference, &code.uses, "open", identities)?;
        Ok(component)
    }
}
