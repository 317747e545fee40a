//! A model, or what is loaded along with one, as a component.

use super::{
    AssembleError, Context, clean,
    components::{Known, digest_bytes, hash_identity, hashes},
    model_header::{card, header, shape},
    owners::owners,
    property,
    stores::Origin,
};
use crate::{
    bom::{BomRef, Component, ComponentKind, IdentityField, Property, Purl},
    fact::Technique,
    identify::Model,
    metadata::ModelRole,
    path::SeenPath,
};

/// Files of one model that are listed; `aibom:model:parts` counts them all.
const PARTS: usize = 4096;

impl Context<'_> {
    pub(super) fn model(&self, model: &Model, reference: &BomRef) -> Result<Component, AssembleError> {
        let path = model.uses.iter().flat_map(|usage| &usage.paths).next();
        let origin = Origin::of(model);
        let file_name = path.map_or_else(String::new, |path| SeenPath::new(path.file_name()).escaped());
        let claimed = model.metadata.name.as_deref().map(clean).filter(|name| !name.is_empty());
        // What is loaded along with a model is data; only a model has a model card.
        let role = model.metadata.role;
        let is_model = role.is_none_or(ModelRole::is_model);
        let kind = if is_model { ComponentKind::MachineLearningModel } else { ComponentKind::Data };
        // A store's name is one that others know it by; a header's may be anything.
        let stored = if is_model { origin.name() } else { origin.file() };
        let name = stored.or_else(|| claimed.clone()).unwrap_or_else(|| file_name.clone());
        let mut component = Component::new(reference.clone(), kind, name);
        component.hashes = hashes(model.digest.as_deref().or(origin.sha256()))?;
        component.purl = origin.purl().or_else(|| {
            let digest = model.digest.as_deref().and_then(digest_bytes)?;
            Purl::generic(&file_name, None, Some(&digest)).ok()
        });
        let properties = &mut component.properties;
        let role = match role {
            Some(ModelRole::Adapter) => "adapter",
            Some(role) if !is_model => role.as_str(),
            Some(_) | None => "model",
        };
        property(properties, "aibom:role", role);
        if let Some(claimed) = &claimed {
            property(properties, "aibom:claim:name", claimed);
        }
        property(properties, "aibom:model:file_name", &file_name);
        if path.is_some_and(SeenPath::needs_escape) {
            property(properties, "aibom:path:encoding", "c-escape");
        }
        header(properties, &model.metadata);
        if !is_model {
            shape(properties, &model.metadata);
        }
        findings(properties, model);
        parts(properties, model);
        if let Some(file) = model.files.first() {
            property(properties, "aibom:model:size_bytes", file.size.to_string());
        }
        owners(
            self.view,
            properties,
            model.digest.as_deref(),
            (model.python.as_ref(), model.deb.as_ref()),
            &model.owners,
        );
        origin.properties(properties);
        component.model_card = is_model.then(|| card(&model.metadata));
        let mut identities = hash_identity(model.digest.as_deref(), model.python.as_ref());
        identities.extend(origin.identities(component.purl.as_ref()));
        if let Some(claimed) = claimed {
            identities.push(Known {
                field: IdentityField::Name,
                techniques: &[Technique::BinaryAnalysis],
                claimed: true,
                value: claimed,
            });
        }
        component.evidence = self.evidence(reference, &model.uses, "open", identities)?;
        Ok(component)
    }
}

/// The files of a model that consists of several, and those that were not met.
fn parts(properties: &mut Vec<Property>, model: &Model) {
    if model.parts.is_empty() {
        return;
    }
    property(properties, "aibom:model:parts", model.parts.len().to_string());
    if let Some(digest) = model.set_digest() {
        property(properties, "aibom:model:set_digest", format!("sha256:{digest}"));
    }
    let missing = model.parts.values().filter(|part| !part.met).count();
    if missing > 0 {
        property(properties, "aibom:model:parts_not_met", missing.to_string());
    }
    for (name, part) in model.parts.iter().take(PARTS) {
        let digest = match (&part.digest, &part.recorded) {
            (Some(read), Some(recorded)) if read != recorded => {
                format!(" sha256:{read} differs=sha256:{recorded}")
            }
            (Some(read), _) => format!(" sha256:{read}"),
            (None, Some(recorded)) => format!(" store-recorded=sha256:{recorded}"),
            (None, None) => String::new(),
        };
        let size = part.size.map(|size| format!(" size={size}")).unwrap_or_default();
        let met = if part.met { "" } else { " not-met" };
        property(properties, "aibom:model:part", format!("{}{met}{size}{digest}", clean(name)));
    }
}

fn findings(properties: &mut Vec<Property>, model: &Model) {
    for issue in &model.content.issues {
        property(properties, "aibom:model:issue", clean(&issue.detail));
    }
    if model.content.truncated {
        property(properties, "aibom:model:header", "read-in-part");
    }
}
