//! JSON documents that describe a model or belong to one. None has a magic; each is told by keys that only it has
//! together, and any other document is left alone after the first [`Limits::probe_bytes`](crate::Limits::probe_bytes).

use bom_core::metadata::FileKind;

use super::{
    adapter_config, catboost, coreml_package, mcp_config, model_config, paddle, spacy, tokenizer_config,
    tokenizer_json, weights_index, xgboost,
};
use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::grammar::json_outline::{Outline, may_be_object};
use crate::reader::Reader;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::ModelConfig, wants, extract };

/// One kind of document: whether it is that, and what it says.
type Format = fn(&Outline, &mut Reader<'_>, &mut Draft<'_>) -> Result<bool, Stop>;

/// The most particular first.
const FORMATS: &[Format] = &[
    weights_index::document,
    tokenizer_json::document,
    xgboost::document,
    adapter_config::document,
    tokenizer_config::document,
    model_config::document,
    spacy::document,
    mcp_config::document,
    coreml_package::document,
    paddle::document,
    catboost::document,
];

/// Keys of the root, one of which each of these documents has near its start.
const KEYS: &[&str] = &[
    "_class_name",
    "added_tokens",
    "added_tokens_decoder",
    "add_bos_token",
    "add_prefix_space",
    "architectures",
    "base_code",
    "chat_template",
    "features_info",
    "learner",
    "mcpServers",
    "model_type",
    "oblivious_trees",
    "peft_type",
    "base_model_name_or_path",
    "rootModelIdentifier",
    "servers",
    "spacy_version",
    "tokenizer_class",
    "truncation",
    "weight_map",
];

fn wants(prefix: &[u8], _len: u64) -> bool {
    may_be_object(prefix)
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let promising = |outline: &Outline| KEYS.iter().any(|key| outline.has(key));
    let Some((outline, stop)) = Outline::scan(reader, draft, promising)? else { return Ok(()) };
    if !promising(&outline) {
        return Ok(());
    }
    for format in FORMATS {
        if format(&outline, reader, draft)? {
            return stop.map_or(Ok(()), Err);
        }
    }
    Ok(())
}
