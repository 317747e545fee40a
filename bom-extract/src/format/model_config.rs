//! `config.json` of transformers, and the configurations of diffusers.
//!
//! Source: `transformers/configuration_utils.py`, `diffusers/configuration_utils.py`. It says what the tensors beside it
//! are; `auto_map` names Python files of the same repository that the loader runs if it is told to trust them.

use alloc::format;
use alloc::string::ToString;

use bom_core::metadata::{FileKind, IssueCode, ModelRole};

use crate::draft::{Draft, Stop, brief};
use crate::grammar::json_outline::Outline;
use crate::reader::Reader;

/// Longest input, by the names it has in the configurations of the model families.
const CONTEXT: &[&str] =
    &["max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "max_sequence_length", "seq_length"];
/// Numbers that shape a model.
const SHAPE: &[&str] = &[
    "attention_head_dim",
    "cross_attention_dim",
    "d_model",
    "head_dim",
    "hidden_size",
    "image_size",
    "intermediate_size",
    "n_embd",
    "n_head",
    "n_layer",
    "num_attention_heads",
    "num_experts",
    "num_experts_per_tok",
    "num_hidden_layers",
    "num_key_value_heads",
    "num_layers",
    "num_local_experts",
    "patch_size",
    "rope_theta",
    "sliding_window",
    "tie_word_embeddings",
    "vocab_size",
];

pub(super) fn document(
    outline: &Outline,
    _reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
) -> Result<bool, Stop> {
    let transformers = outline.text("model_type").is_some()
        && (outline.array("architectures").is_some()
            || outline.text("transformers_version").is_some()
            || outline.number("vocab_size").is_some()
            || outline.number("hidden_size").is_some());
    let diffusers = outline.text("_class_name").is_some() && outline.text("_diffusers_version").is_some();
    if !(transformers || diffusers) {
        return Ok(false);
    }
    draft.claim_as(FileKind::ModelConfig);
    let model = draft.model();
    model.role = Some(ModelRole::Configuration);
    let named = outline.text("architectures[0]").or_else(|| outline.text("_class_name"));
    model.architecture = named.or_else(|| outline.text("model_type")).map(ToString::to_string);
    model.context_length = CONTEXT.iter().find_map(|key| outline.integer(key));
    model.dtype = outline.text("dtype").or_else(|| outline.text("torch_dtype")).map(ToString::to_string);
    model.producer = Some(if transformers { "transformers" } else { "diffusers" }.to_string())
        .filter(|_| outline.has("transformers_version") || outline.has("_diffusers_version"));
    let version = outline.text("transformers_version").or_else(|| outline.text("_diffusers_version"));
    model.producer_version = version.map(ToString::to_string);
    model.quantization = quantization(outline);
    for key in SHAPE {
        if let Some(value) = outline.shown(key) {
            model.hyperparameters.insert((*key).to_string(), value);
        }
    }
    for key in ["model_type", "_name_or_path"] {
        if let Some(value) = outline.text(key).filter(|value| !value.is_empty()) {
            model.claimed.insert(key.to_string(), value.to_string());
        }
    }
    remote_code(outline, draft);
    Ok(true)
}

fn quantization(outline: &Outline) -> Option<alloc::string::String> {
    if let Some(method) = outline.text("quantization_config.quant_method") {
        let bits = outline.number("quantization_config.bits");
        return Some(bits.map_or_else(|| method.to_string(), |bits| format!("{method}-{bits}bit")));
    }
    // MLX writes the numbers alone.
    outline.number("quantization.bits").map(|bits| format!("{bits}bit"))
}

/// Names the Python code that the loader would run from the model's own repository.
pub(super) fn remote_code(outline: &Outline, draft: &mut Draft<'_>) {
    for (path, at, value) in outline.under("auto_map") {
        if let crate::grammar::json_outline::Scalar::Text(code) = value {
            let detail = format!("{} names the program {}", brief(path), brief(code));
            draft.issue(IssueCode::HiddenCode, Some(at), detail);
        }
    }
}
