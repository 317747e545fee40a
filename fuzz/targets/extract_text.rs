#![no_main]

mod door;

use bom_extract::FileKind;
use libfuzzer_sys::{Corpus, fuzz_target};

const KINDS: &[FileKind] = &[
    FileKind::Openvino,
    FileKind::Spacy,
    FileKind::Lightgbm,
    FileKind::Ncnn,
    FileKind::Tiktoken,
    FileKind::Skill,
    FileKind::ModelCard,
    FileKind::ChatTemplate,
    FileKind::Script,
];

fuzz_target!(|bytes: &[u8]| -> Corpus { door::survive(KINDS, bytes) });
