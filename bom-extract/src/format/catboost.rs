//! CatBoost: `CBM1`, a length, a flatbuffer; and its JSON form.
//!
//! Source: `catboost/libs/model/flatbuffers/model.fbs` (`TModelCore`: 0 format version, 1 trees, 2 pairs of information;
//! `TModelTrees`: 0 approximated dimensions, 2 tree sizes, 4 categorical and 5 numerical features).

use alloc::string::ToString;

use bom_core::metadata::{ByteOrder, FileKind, IssueCode};

use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::grammar::flatbuffer;
use crate::grammar::json_outline::Outline;
use crate::reader::Reader;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Catboost, wants, extract };

/// Pairs of information looked at.
const PAIRS: u64 = 64;
/// Keys of information that are about the model, not about the training machine.
const VERSION: &str = "catboost_version_info";
const KEPT: &[&str] = &["model_guid", "train_finish_time"];

fn wants(prefix: &[u8], _len: u64) -> bool {
    prefix.starts_with(b"CBM1")
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    draft.claim();
    draft.model().architecture = Some("gbdt".to_string());
    reader.skip(4)?;
    let size = u64::from(reader.u32(ByteOrder::Little)?);
    if size > reader.left() {
        let detail =
            alloc::format!("core length {size} exceeds the {} bytes left in the file", reader.left());
        draft.issue(IssueCode::LengthExceedsFile, Some(4), detail);
    }
    let core = flatbuffer::root(8, reader)?;
    draft.model().format_version = core.text(0, "the format version", reader, draft)?;
    if let Some(trees) = core.table(1, reader)? {
        for (field, key) in [(2, "num_trees"), (4, "categorical_features"), (5, "float_features")] {
            if let Some(list) = trees.vector(field, 4, reader)? {
                draft.hyperparameter(key, list.count);
            }
        }
    }
    let Some(pairs) = core.tables(2, reader)? else { return Ok(()) };
    for index in 0..pairs.count.min(PAIRS) {
        let pair = pairs.table(index, reader)?;
        let Some(key) = pair.text(0, "a key", reader, draft)? else { continue };
        let wanted = key == VERSION || KEPT.contains(&key.as_str());
        // The others are the whole of the training's parameters.
        let value = if wanted { pair.text(1, &key, reader, draft)? } else { None };
        let Some(value) = value else { continue };
        reader.keep(key.len().saturating_add(value.len()))?;
        if key == VERSION {
            version(&value, draft);
        } else {
            draft.model().claimed.insert(key, value);
        }
    }
    Ok(())
}

/// A text of several lines, one of which has the version.
fn version(info: &str, draft: &mut Draft<'_>) {
    draft.model().producer = Some("catboost".to_string());
    let tag = info.lines().find_map(|line| line.trim().strip_prefix("Branch: tags/v"));
    draft.model().producer_version = tag.map(ToString::to_string);
}

/// The JSON form.
pub(super) fn document(
    outline: &Outline,
    _reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
) -> Result<bool, Stop> {
    let trees = outline.array("oblivious_trees").or_else(|| outline.array("trees"));
    let (Some(trees), Some(_), Some(_)) =
        (trees, outline.object("features_info"), outline.object("model_info"))
    else {
        return Ok(false);
    };
    draft.claim_as(FileKind::Catboost);
    let model = draft.model();
    model.architecture = Some("gbdt".to_string());
    model.hyperparameters.insert("num_trees".to_string(), trees.to_string());
    if let Some(guid) = outline.text("model_info.model_guid") {
        model.claimed.insert("model_guid".to_string(), guid.to_string());
    }
    if let Some(info) = outline.text("model_info.catboost_version_info") {
        version(info, draft);
    }
    Ok(true)
}
