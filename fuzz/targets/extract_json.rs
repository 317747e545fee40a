#![no_main]

mod door;

use bom_extract::FileKind;
use libfuzzer_sys::{Corpus, fuzz_target};

const KINDS: &[FileKind] = &[
    FileKind::ModelConfig,
    FileKind::AdapterConfig,
    FileKind::WeightsIndex,
    FileKind::TokenizerJson,
    FileKind::TokenizerConfig,
    FileKind::ChatTemplate,
    FileKind::Xgboost,
    FileKind::Spacy,
    FileKind::McpConfig,
    FileKind::CoremlPackage,
    FileKind::Paddle,
    FileKind::Catboost,
];

fuzz_target!(|bytes: &[u8]| -> Corpus { door::survive(KINDS, bytes) });
