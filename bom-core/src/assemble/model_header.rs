//! What a model's header says, as properties and model card.

use super::{clean, property};
use crate::{
    bom::{ModelCard, Property, taxonomy_segment},
    metadata::ModelMetadata,
};

/// Imports listed one by one; `aibom:model:imports` counts them all.
const IMPORTS: usize = 256;

/// What the header says. Free text in it is a claim.
pub(super) fn header(properties: &mut Vec<Property>, metadata: &ModelMetadata) {
    property(properties, "aibom:model:format", metadata.format.as_str());
    let fields = [
        ("aibom:model:format_version", &metadata.format_version),
        ("aibom:model:dtype", &metadata.dtype),
        ("aibom:model:producer", &metadata.producer),
        ("aibom:model:producer_version", &metadata.producer_version),
        ("aibom:claim:license", &metadata.license),
        ("aibom:claim:author", &metadata.author),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            property(properties, name, clean(value));
        }
    }
    if let Some(tensors) = metadata.tensor_count {
        property(properties, "aibom:model:tensors", tensors.to_string());
    }
    for base in &metadata.base_models {
        property(properties, "aibom:claim:base_model", clean(base));
    }
    if !metadata.imports.is_empty() {
        property(properties, "aibom:model:imports", metadata.imports.len().to_string());
    }
    for import in metadata.imports.iter().take(IMPORTS) {
        property(properties, "aibom:model:import", clean(import));
    }
    let named = |name: &str| match name {
        "license" => metadata.license.is_some(),
        "author" => metadata.author.is_some(),
        "base_model" => !metadata.base_models.is_empty(),
        _ => false,
    };
    for (name, value) in metadata.claimed.iter().filter(|(name, _)| !named(name)) {
        property(properties, &format!("aibom:claim:{}", taxonomy_segment(name)), clean(value));
    }
    for file in &metadata.external_files {
        property(properties, "aibom:model:external_file", clean(file));
    }
    for (name, template) in &metadata.templates {
        let name = format!("aibom:model:template:{}", taxonomy_segment(name));
        property(properties, &name, format!("sha256:{}", template.sha256));
    }
}

/// What the model card would say, for what is no model and has none.
pub(super) fn shape(properties: &mut Vec<Property>, metadata: &ModelMetadata) {
    if let Some(architecture) = &metadata.architecture {
        property(properties, "aibom:model:architecture", clean(architecture));
    }
    for (name, value) in [
        ("aibom:model:parameters", metadata.parameter_count),
        ("aibom:model:context_length", metadata.context_length),
    ] {
        if let Some(value) = value {
            property(properties, name, value.to_string());
        }
    }
    if let Some(quantization) = &metadata.quantization {
        property(properties, "aibom:model:quantization", clean(quantization));
    }
    for (name, value) in &metadata.hyperparameters {
        property(properties, &format!("aibom:model:shape:{}", taxonomy_segment(name)), clean(value));
    }
}

pub(super) fn card(metadata: &ModelMetadata) -> ModelCard {
    let mut properties = Vec::new();
    if let Some(count) = metadata.parameter_count {
        property(&mut properties, "cdx:ai-ml:model:parameter:count", parameters(count));
    }
    if let Some(quantization) = &metadata.quantization {
        let value = clean(&quantization.to_lowercase());
        property(&mut properties, "cdx:ai-ml:model:hyperparameter:quantization", value);
    }
    if let Some(length) = metadata.context_length {
        property(&mut properties, "cdx:ai-ml:model:hyperparameter:context_length", length.to_string());
    }
    for (name, value) in &metadata.hyperparameters {
        let name = format!("cdx:ai-ml:model:hyperparameter:_undefined:{}", taxonomy_segment(name));
        property(&mut properties, &name, clean(value));
    }
    ModelCard {
        bom_ref: None,
        approach: None,
        task: None,
        architecture_family: None,
        model_architecture: metadata.architecture.as_deref().map(clean),
        properties,
    }
}

/// `494M`, `7.6B`: three digits at most, the way the taxonomy writes it.
fn parameters(count: u64) -> String {
    for (unit, size) in [("T", 1_000_000_000_000), ("B", 1_000_000_000), ("M", 1_000_000_u64)] {
        if count >= size {
            let whole = count / size;
            let tenth = count % size / (size / 10);
            return if whole >= 100 || tenth == 0 {
                format!("{whole}{unit}")
            } else {
                format!("{whole}.{tenth}{unit}")
            };
        }
    }
    count.to_string()
}
