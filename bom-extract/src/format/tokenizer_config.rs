//! `tokenizer_config.json` and `chat_template.json` of transformers: where chat templates of most models stand.
//!
//! Source: `transformers/tokenization_utils_base.py`. `chat_template` is a text, or an array of named ones.

use alloc::format;
use alloc::string::ToString;

use bom_core::metadata::{FileKind, ModelRole};

use super::model_config::remote_code;
use crate::draft::{Draft, Stop};
use crate::grammar::json_outline::Outline;
use crate::reader::Reader;
use crate::template;

/// transformers writes a number past all lengths where there is no limit.
const NO_LIMIT: u64 = 1_000_000_000;

pub(super) fn document(
    outline: &Outline,
    _reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
) -> Result<bool, Stop> {
    let has_template = outline.has("chat_template");
    let only_template = has_template && outline.keys().len() == 1;
    let class = outline.text("tokenizer_class");
    let is_tokenizer = class.is_some()
        && !outline.has("model_type")
        && ["added_tokens_decoder", "model_max_length", "chat_template", "unk_token", "eos_token"]
            .iter()
            .any(|key| outline.has(key));
    // A file cut short in a long list of tokens has lost the class, which comes last.
    let cut = !outline.complete && outline.object("added_tokens_decoder").is_some();
    if !(is_tokenizer || only_template || cut) {
        return Ok(false);
    }
    draft.claim_as(if only_template { FileKind::ChatTemplate } else { FileKind::TokenizerConfig });
    let model = draft.model();
    model.role = Some(if only_template { ModelRole::Prompt } else { ModelRole::Tokenizer });
    model.architecture = class.map(ToString::to_string);
    model.context_length = outline.integer("model_max_length").filter(|length| *length < NO_LIMIT);
    for key in ["bos_token", "eos_token", "unk_token", "pad_token"] {
        if let Some(token) = outline.text(key) {
            model.hyperparameters.insert(key.to_string(), token.to_string());
        }
    }
    if let Some(name) = outline.text("name_or_path") {
        model.claimed.insert("name_or_path".to_string(), name.to_string());
    }
    templates(outline, draft);
    remote_code(outline, draft);
    Ok(true)
}

fn templates(outline: &Outline, draft: &mut Draft<'_>) {
    let key = "chat_template";
    if let Some(text) = outline.text(key) {
        template::record(draft, key.to_string(), outline.offset(key).unwrap_or(0), text.as_bytes());
    }
    for at in 0..outline.array(key).unwrap_or(0) {
        let path = format!("{key}[{at}].template");
        let Some(text) = outline.text(&path) else { continue };
        let name = outline.text(&format!("{key}[{at}].name")).unwrap_or_default();
        template::record(draft, format!("{key}.{name}"), outline.offset(&path).unwrap_or(0), text.as_bytes());
    }
}
