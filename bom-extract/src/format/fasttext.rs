//! fastText models.
//!
//! Source: `FastText::saveModel` and `Args::save`: magic, version, twelve 32-bit numbers, one 64-bit float; then the
//! dictionary, whose first numbers are its size, words, labels.

use alloc::string::ToString;

use bom_core::metadata::{ByteOrder, FileKind, IssueCode};

use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::reader::Reader;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Fasttext, wants, extract };

const ORDER: ByteOrder = ByteOrder::Little;
const MAGIC: u32 = 793_712_314;
/// Fields of `Args`, in the order of the file.
const FIELDS: &[&str] = &[
    "dim",
    "ws",
    "epoch",
    "minCount",
    "neg",
    "wordNgrams",
    "loss",
    "model",
    "bucket",
    "minn",
    "maxn",
    "lrUpdateRate",
];

fn wants(prefix: &[u8], _len: u64) -> bool {
    prefix.starts_with(&MAGIC.to_le_bytes())
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    reader.skip(4)?;
    let version = reader.u32(ORDER)?;
    if !(11..=12).contains(&version) {
        return Ok(());
    }
    draft.claim();
    draft.model().format_version = Some(version.to_string());
    for field in FIELDS {
        let value = reader.u32(ORDER)?.cast_signed();
        match (*field, value) {
            ("loss", kind) => {
                let name = match kind {
                    1 => "hierarchical-softmax",
                    2 => "negative-sampling",
                    3 => "softmax",
                    4 => "one-vs-all",
                    _ => continue,
                };
                draft.hyperparameter("loss", name);
            }
            ("model", kind) => {
                draft.model().architecture = match kind {
                    1 => Some("cbow".to_string()),
                    2 => Some("skipgram".to_string()),
                    3 => Some("supervised".to_string()),
                    _ => None,
                };
            }
            (field, value) => draft.hyperparameter(field, value),
        }
    }
    reader.skip(8)?;
    let at = reader.pos();
    let _size = reader.u32(ORDER)?;
    let (words, labels) = (reader.u32(ORDER)?, reader.u32(ORDER)?);
    let entries = u64::from(words).saturating_add(u64::from(labels));
    // The shortest entry is an empty word, a count and a kind.
    if entries.saturating_mul(10) > reader.left() {
        let detail = alloc::format!("{entries} words do not fit in the {} bytes left", reader.left());
        return Err(Stop::broken(IssueCode::CountExceedsFile, at, detail));
    }
    draft.hyperparameter("words", words);
    draft.hyperparameter("labels", labels);
    Ok(())
}
