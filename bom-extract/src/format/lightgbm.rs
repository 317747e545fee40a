//! LightGBM's text form.
//!
//! Source: `GBDT::SaveModelToString` in `src/boosting/gbdt_model_text.cpp`. The first line names the kind of booster,
//! then come `key=value` lines up to an empty one, then the trees.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};

use bom_core::metadata::FileKind;

use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::reader::Reader;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Lightgbm, wants, extract };

fn wants(prefix: &[u8], _len: u64) -> bool {
    prefix.starts_with(b"tree\nversion=v") || prefix.starts_with(b"tree\r\nversion=v")
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let limit = draft.limits.string_bytes.min(reader.len());
    let head = reader.bytes(limit)?;
    let head = String::from_utf8_lossy(&head);
    let mut lines = head.lines();
    lines.next();
    let mut entries = BTreeMap::new();
    let mut ended = false;
    for line in lines {
        let Some((key, value)) = line.split_once('=') else {
            ended = line.is_empty() || line.starts_with("Tree=");
            // Switches such as `average_output` stand alone.
            if ended { break } else { continue }
        };
        entries.insert(key, value);
    }
    let (Some(version), Some(classes)) = (entries.get("version"), entries.get("num_class")) else {
        return Ok(());
    };
    draft.claim();
    draft.extracted.truncated |= !ended;
    let version = draft_value(draft, "the version", version);
    draft.model().format_version = Some(version);
    draft.model().architecture = Some("gbdt".to_string());
    let objective = entries.get("objective").map(|value| draft_value(draft, "the objective", value));
    let classes = draft_value(draft, "the number of classes", classes);
    draft.hyperparameter("num_class", classes);
    if let Some(objective) = objective {
        draft.hyperparameter("objective", objective);
    }
    if let Some(last) = entries.get("max_feature_idx").and_then(|value| value.parse::<u64>().ok()) {
        draft.hyperparameter("num_feature", last.saturating_add(1));
    }
    // A line for each tree, so that a reader can jump.
    if let Some(sizes) = entries.get("tree_sizes").filter(|_| ended) {
        draft.hyperparameter("num_trees", sizes.split_whitespace().count());
    }
    Ok(())
}

fn draft_value(draft: &mut Draft<'_>, what: &str, value: &str) -> String {
    draft.value(what, 0, value.as_bytes())
}
