//! `adapter_config.json` of PEFT: what an adapter is an adapter of.
//!
//! Source: `peft/config.py`. The weights stand beside it, in `adapter_model.safetensors` or `adapter_model.bin`.

use alloc::string::ToString;

use bom_core::metadata::{FileKind, ModelRole};

use super::model_config::remote_code;
use crate::draft::{Draft, Stop};
use crate::grammar::json_outline::Outline;
use crate::reader::Reader;

/// Numbers and switches that shape an adapter.
const SHAPE: &[&str] = &[
    "r",
    "lora_alpha",
    "lora_dropout",
    "bias",
    "use_dora",
    "use_rslora",
    "num_virtual_tokens",
    "inference_mode",
];

pub(super) fn document(
    outline: &Outline,
    _reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
) -> Result<bool, Stop> {
    let Some(kind) = outline.text("peft_type").filter(|_| outline.has("base_model_name_or_path")) else {
        return Ok(false);
    };
    draft.claim_as(FileKind::AdapterConfig);
    let model = draft.model();
    model.role = Some(ModelRole::Configuration);
    model.architecture = Some(kind.to_string());
    let base = outline.text("base_model_name_or_path").filter(|base| !base.is_empty());
    model.base_models.extend(base.map(ToString::to_string));
    for key in SHAPE {
        if let Some(value) = outline.shown(key) {
            model.hyperparameters.insert((*key).to_string(), value);
        }
    }
    if let Some(targets) = outline.list("target_modules").or_else(|| outline.shown("target_modules")) {
        model.hyperparameters.insert("target_modules".to_string(), targets);
    }
    for key in ["revision", "task_type", "peft_version"] {
        if let Some(value) = outline.text(key).filter(|value| !value.is_empty()) {
            model.claimed.insert(key.to_string(), value.to_string());
        }
    }
    remote_code(outline, draft);
    Ok(true)
}
