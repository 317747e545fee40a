//! `tokenizer.json` of Hugging Face tokenizers.
//!
//! Source: `tokenizers/src/tokenizer/serialization.rs`: a version, the added tokens, the stages of the pipeline, and a
//! model whose vocabulary is an object, or an array for Unigram.

use alloc::string::ToString;

use bom_core::metadata::{FileKind, ModelRole};

use crate::draft::{Draft, Stop};
use crate::grammar::json_outline::Outline;
use crate::reader::Reader;

const STAGES: &[&str] = &["normalizer", "pre_tokenizer", "post_processor", "decoder"];

pub(super) fn document(
    outline: &Outline,
    _reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
) -> Result<bool, Stop> {
    let shape = outline.array("added_tokens").is_some() && STAGES.iter().all(|stage| outline.has(stage));
    // A file cut short in its vocabulary is still one: the stages come before the model.
    if !shape || (outline.complete && outline.object("model").is_none()) {
        return Ok(false);
    }
    draft.claim_as(FileKind::TokenizerJson);
    let model = draft.model();
    model.role = Some(ModelRole::Tokenizer);
    model.format_version = outline.text("version").map(ToString::to_string);
    model.architecture = outline.text("model.type").map(ToString::to_string);
    let vocabulary = outline.object("model.vocab").or_else(|| outline.array("model.vocab"));
    if let Some(size) = vocabulary.filter(|_| outline.complete) {
        model.hyperparameters.insert("vocab_size".to_string(), size.to_string());
    }
    for (key, count) in
        [("merges", outline.array("model.merges")), ("added_tokens", outline.array("added_tokens"))]
    {
        if let Some(count) = count.filter(|_| outline.complete) {
            model.hyperparameters.insert(key.to_string(), count.to_string());
        }
    }
    Ok(true)
}
