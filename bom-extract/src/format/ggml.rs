//! The formats before GGUF: `ggml` without a version, `ggmf` and `ggjt` with one, `ggla` for adapters. whisper.cpp still
//! writes the first.
//!
//! Source: `convert-pt-to-ggml.py` and `whisper_model_load` of whisper.cpp; `llama.cpp` before August 2023. The first says
//! nothing of its kind: whisper's numbers and llama's are told apart by what they can be.

use alloc::string::ToString;

use bom_core::metadata::{ByteOrder, FileKind, IssueCode, ModelRole};

use super::ggml_types::{file_type, is_plain};
use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::reader::Reader;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Ggml, wants, extract };

const ORDER: ByteOrder = ByteOrder::Little;
const WHISPER: &[&str] = &[
    "n_vocab",
    "n_audio_ctx",
    "n_audio_state",
    "n_audio_head",
    "n_audio_layer",
    "n_text_ctx",
    "n_text_state",
    "n_text_head",
    "n_text_layer",
    "n_mels",
    "ftype",
];
const LLAMA: &[&str] = &["n_vocab", "n_embd", "n_mult", "n_head", "n_layer", "n_rot", "ftype"];
/// Quantisation versions are multiples of this, added to the file type.
const VERSION_STEP: u32 = 1000;

fn wants(prefix: &[u8], _len: u64) -> bool {
    prefix.first_chunk().is_some_and(|magic| matches!(magic, b"lmgg" | b"fmgg" | b"tjgg" | b"algg"))
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    draft.claim();
    draft.model();
    let magic: [u8; 4] = reader.array()?;
    if &magic == b"algg" {
        draft.model().role = Some(ModelRole::Adapter);
        let version = reader.u32(ORDER)?;
        draft.model().format_version = Some(alloc::format!("ggla {version}"));
        for key in ["r", "lora_alpha"] {
            let value = reader.u32(ORDER)?;
            draft.hyperparameter(key, value);
        }
        return Ok(());
    }
    let (name, versioned) = match &magic {
        b"fmgg" => ("ggmf", true),
        b"tjgg" => ("ggjt", true),
        _ => ("ggml", false),
    };
    let version = if versioned { alloc::format!("{name} {}", reader.u32(ORDER)?) } else { name.to_string() };
    draft.model().format_version = Some(version);
    let at = reader.pos();
    let mut numbers = [0_u32; 11];
    for number in &mut numbers {
        *number = reader.u32(ORDER)?;
    }
    if !versioned && is_whisper(&numbers) {
        keep(WHISPER, &numbers, at, draft);
        draft.model().architecture = Some("whisper".to_string());
        // The layers of the encoder name the size.
        let size = match numbers.get(4) {
            Some(4) => Some("tiny"),
            Some(6) => Some("base"),
            Some(12) => Some("small"),
            Some(24) => Some("medium"),
            Some(32) => Some("large"),
            Some(_) | None => None,
        };
        if let Some(size) = size {
            draft.hyperparameter("size", size);
        }
    } else if versioned && is_llama(&numbers) {
        keep(LLAMA, &numbers, at, draft);
        draft.model().architecture = Some("llama".to_string());
    }
    Ok(())
}

fn is_whisper(numbers: &[u32; 11]) -> bool {
    let [vocabulary, context, state, head, layer, text_context, .., mels, _] = *numbers;
    (50_000..=60_000).contains(&vocabulary)
        && (1..=10_000).contains(&context)
        && state.is_multiple_of(head.max(1))
        && (1..=64).contains(&layer)
        && (1..=10_000).contains(&text_context)
        && matches!(mels, 80 | 128)
}

fn is_llama(numbers: &[u32; 11]) -> bool {
    let [vocabulary, embedding, _, head, layer, ..] = *numbers;
    vocabulary > 0 && head > 0 && embedding.is_multiple_of(head) && (1..=1000).contains(&layer)
}

fn keep(names: &[&str], numbers: &[u32; 11], at: u64, draft: &mut Draft<'_>) {
    for (name, number) in names.iter().zip(numbers) {
        if *name != "ftype" {
            draft.hyperparameter(name, number);
            continue;
        }
        match file_type(u64::from(number % VERSION_STEP)) {
            Some(name) if is_plain(name) => draft.model().dtype = Some(name.to_string()),
            Some(name) => draft.model().quantization = Some(name.to_string()),
            None => {
                let detail = alloc::format!("file type {number} is not in the list");
                draft.issue(IssueCode::UnknownType, Some(at), detail);
            }
        }
    }
}
