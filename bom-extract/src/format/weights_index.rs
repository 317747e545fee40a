//! The index of a sharded model: `model.safetensors.index.json`, `pytorch_model.bin.index.json`.
//!
//! Source: `huggingface_hub/serialization`. `weight_map` maps each tensor to the file that holds it; `metadata` has the
//! sizes. The files are named, never opened on the index's word.

use alloc::format;
use alloc::string::ToString;

use bom_core::metadata::{FileKind, IssueCode, ModelRole};

use crate::draft::{Draft, Stop, brief};
use crate::grammar::json_outline::Outline;
use crate::reader::Reader;

pub(super) fn document(
    outline: &Outline,
    _reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
) -> Result<bool, Stop> {
    let known = outline.keys().iter().all(|key| matches!(*key, "metadata" | "weight_map"));
    let Some(tensors) = outline.object("weight_map").filter(|_| known && !outline.values.is_empty()) else {
        return Ok(false);
    };
    draft.claim_as(FileKind::WeightsIndex);
    draft.model().role = Some(ModelRole::Configuration);
    for file in &outline.values {
        if leaves(file) {
            let detail = format!("weights are named by the path {}", brief(file));
            draft.issue(IssueCode::ExternalPathEscapes, outline.offset("weight_map"), detail);
        }
    }
    let model = draft.model();
    model.external_files.extend(outline.values.iter().cloned());
    model.tensor_count = Some(tensors).filter(|_| outline.complete);
    model.parameter_count = outline.integer("metadata.total_parameters");
    if let Some(size) = outline.number("metadata.total_size") {
        model.hyperparameters.insert("total_size".to_string(), size.to_string());
    }
    Ok(true)
}

/// Whether a path leads out of the folder it is relative to.
pub(super) fn leaves(path: &str) -> bool {
    path.starts_with(['/', '\\']) || path.contains("://") || path.split(['/', '\\']).any(|part| part == "..")
}
