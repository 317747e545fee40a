//! `meta.json` of a spaCy pipeline: its name, version, licence and components.
//!
//! Source: the data formats page of spaCy. The pipeline is a folder; this is the one file in it that says what it is.

use alloc::format;
use alloc::string::ToString;

use bom_core::metadata::{FileKind, ModelRole};

use crate::draft::{Draft, Stop};
use crate::grammar::json_outline::Outline;
use crate::reader::Reader;

pub(super) fn document(
    outline: &Outline,
    _reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
) -> Result<bool, Stop> {
    let named = outline.text("lang").zip(outline.text("name"));
    let (Some((language, name)), Some(_), Some(_)) =
        (named, outline.text("spacy_version"), outline.array("pipeline"))
    else {
        return Ok(false);
    };
    draft.claim_as(FileKind::Spacy);
    let model = draft.model();
    let text = |key: &str| outline.text(key).filter(|value| !value.is_empty()).map(ToString::to_string);
    model.role = Some(ModelRole::Configuration);
    model.name = Some(format!("{language}_{name}"));
    model.license = text("license");
    model.author = text("author");
    model.producer = Some("spacy".to_string());
    // The range of versions it runs with; the writer's own stands nowhere.
    for key in ["spacy_version", "version", "description", "url", "email", "parent_package"] {
        if let Some(value) = text(key) {
            model.claimed.insert(key.to_string(), value);
        }
    }
    for key in ["pipeline", "components", "disabled"] {
        if let Some(list) = outline.list(key) {
            model.hyperparameters.insert(key.to_string(), list);
        }
    }
    for key in ["vectors.width", "vectors.vectors", "vectors.keys"] {
        if let Some(value) = outline.number(key) {
            model.hyperparameters.insert(key.to_string(), value.to_string());
        }
    }
    Ok(true)
}
