//! XGBoost: JSON, UBJSON, and the binary form before them.
//!
//! Source: `doc/model.schema` and `doc/tutorials/saving_model.rst` of XGBoost, and for the binary form `LearnerModelParam`
//! in `src/learner.cc` of 1.x. Numbers are written as texts in the two first.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bom_core::metadata::{ByteOrder, FileKind, IssueCode};

use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::grammar::json_outline::Outline;
use crate::grammar::ubjson;
use crate::reader::Reader;

/// UBJSON and the binary form; the JSON one is told among the other JSON documents.
pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Xgboost, wants, extract };

/// An object whose first key is `learner`.
const UBJSON: &[u8] = b"{L\0\0\0\0\0\0\0\x07learner{";
const BINARY: &[u8] = b"binf";
/// Longest name of an objective or booster.
const NAME_BYTES: u64 = 256;

fn wants(prefix: &[u8], _len: u64) -> bool {
    prefix.starts_with(UBJSON) || prefix.starts_with(BINARY)
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    if reader.array()? == *b"binf" {
        return binary(reader, draft);
    }
    let (outline, stop) = ubjson::scan(reader, draft)?;
    document(&outline, reader, draft)?;
    stop.map_or(Ok(()), Err)
}

pub(super) fn document(
    outline: &Outline,
    _reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
) -> Result<bool, Stop> {
    let learner = |path: &str| format!("learner.{path}");
    let whole = outline.object("learner.learner_model_param").is_some()
        && outline.object("learner.gradient_booster").is_some();
    // The parameters come after the trees, which may be past what was read.
    let cut = !outline.complete && outline.object("learner.gradient_booster").is_some();
    if !(whole || cut) {
        return Ok(false);
    }
    draft.claim_as(FileKind::Xgboost);
    let model = draft.model();
    model.architecture = outline.text("learner.gradient_booster.name").map(ToString::to_string);
    let version: Vec<String> = (0..3).filter_map(|at| outline.shown(&format!("version[{at}]"))).collect();
    if version.len() == 3 {
        model.producer = Some("xgboost".to_string());
        model.producer_version = Some(version.join("."));
    }
    // Boosters that drop trees keep theirs one level further down.
    let trees = ["gradient_booster.model", "gradient_booster.gbtree.model"]
        .iter()
        .find_map(|path| outline.shown(&learner(&format!("{path}.gbtree_model_param.num_trees"))));
    for (key, value) in [
        ("objective", outline.shown("learner.objective.name")),
        ("num_feature", outline.shown("learner.learner_model_param.num_feature")),
        ("num_class", outline.shown("learner.learner_model_param.num_class")),
        ("num_target", outline.shown("learner.learner_model_param.num_target")),
        ("num_trees", trees),
    ] {
        if let Some(value) = value {
            model.hyperparameters.insert(key.to_string(), value);
        }
    }
    for (path, _, value) in outline.under("learner.attributes.") {
        if let crate::grammar::json_outline::Scalar::Text(value) = value {
            let key = path.trim_start_matches("learner.").to_string();
            model.claimed.insert(key, value.clone());
        }
    }
    Ok(true)
}

/// Base score, sizes, a reserve; then the names of objective and booster.
fn binary(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let order = ByteOrder::Little;
    reader.skip(4)?;
    let features = reader.u32(order)?;
    let classes = reader.u32(order)?;
    reader.skip(8)?;
    let (major, minor) = (reader.u32(order)?, reader.u32(order)?);
    reader.seek(4 + 136);
    let objective = name(reader)?;
    let booster = name(reader)?;
    let (Some(objective), Some(booster)) = (objective, booster) else { return Ok(()) };
    draft.claim();
    let model = draft.model();
    model.architecture = Some(booster);
    model.format_version = Some("binary".to_string());
    // Versions before 1.0 left the field empty.
    if (1..100).contains(&major) {
        model.producer = Some("xgboost".to_string());
        model.producer_version = Some(format!("{major}.{minor}"));
    }
    draft.hyperparameter("objective", objective);
    draft.hyperparameter("num_feature", features);
    draft.hyperparameter("num_class", classes);
    Ok(())
}

/// A name of letters, digits and few signs; `None` for anything else.
fn name(reader: &mut Reader<'_>) -> Result<Option<String>, Stop> {
    let at = reader.pos();
    let bytes = reader.u64(ByteOrder::Little)?;
    if bytes == 0 || bytes > NAME_BYTES {
        return Err(Stop::broken(IssueCode::LengthExceedsLimit, at, format!("a name of {bytes} bytes")));
    }
    let name = reader.bytes(bytes)?;
    let plain = name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'-'));
    Ok(String::from_utf8(name).ok().filter(|_| plain))
}
