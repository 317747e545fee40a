//! SentencePiece models: one protobuf message, `ModelProto`.
//!
//! Source: `src/sentencepiece_model.proto`: 1 pieces (1 text, 2 score, 3 type), 2 trainer (3 kind, 4 vocabulary size),
//! 3 normalizer (1 name). The trainer comes after the pieces, which are walked to count them.

use alloc::string::ToString;

use bom_core::metadata::{FileKind, ModelRole};

use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::grammar::protobuf::{Fields, Place, Value, name};
use crate::reader::Reader;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Sentencepiece, wants, extract };

/// A piece (field 1, short) that starts with its text (field 1) and goes on with its score, a 32-bit float.
fn wants(prefix: &[u8], _len: u64) -> bool {
    match prefix {
        [0x0a, whole, 0x0a, text, rest @ ..] => {
            let score = rest.get(usize::from(*text));
            whole > text && *whole < 0x80 && score == Some(&0x15)
        }
        _ => false,
    }
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let mut pieces = 0_u64;
    let mut fields = Fields::of(Place { start: 0, end: reader.len() });
    while let Some(field) = fields.next(reader, draft)? {
        match (field.number, field.value) {
            (1, Value::Bytes(_)) => {
                pieces = pieces.saturating_add(1);
                if pieces > draft.limits.array_items {
                    let detail = alloc::format!("more than {} pieces", draft.limits.array_items);
                    return Err(Stop::limit(
                        bom_core::metadata::IssueCode::CountExceedsLimit,
                        field.at,
                        detail,
                    ));
                }
            }
            (2, Value::Bytes(place)) => {
                draft.claim();
                draft.model().role = Some(ModelRole::Tokenizer);
                trainer(place, reader, draft)?;
            }
            (3, Value::Bytes(place)) => normalizer(place, reader, draft)?,
            (4 | 5, Value::Bytes(_)) => {}
            // Extensions start at 200.
            (200.., _) => {}
            _ => return Ok(()),
        }
    }
    // What the trainer asked for may differ; the pieces are what there is.
    if !draft.is_cut() {
        draft.hyperparameter("vocab_size", pieces);
    }
    Ok(())
}

fn trainer(place: Place, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let mut kind = 1;
    let mut fields = Fields::of(place);
    while let Some(field) = fields.next(reader, draft)? {
        if let (3, Value::Number(number)) = (field.number, field.value) {
            kind = number;
        }
    }
    let name = match kind {
        1 => "unigram",
        2 => "bpe",
        3 => "word",
        4 => "char",
        _ => return Ok(()),
    };
    draft.model().architecture = Some(name.to_string());
    Ok(())
}

fn normalizer(place: Place, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let mut fields = Fields::of(place);
    while let Some(field) = fields.next(reader, draft)? {
        if let (1, Value::Bytes(place)) = (field.number, field.value)
            && let Some(rule) = name(place, reader, draft)?
        {
            draft.hyperparameter("normalizer", rule);
        }
    }
    Ok(())
}
