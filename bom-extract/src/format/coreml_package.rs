//! `Manifest.json` of a Core ML package (`.mlpackage`): which file in it is the model.
//!
//! Source: `modelpackage/src/ModelPackage.cpp` of coremltools.

use alloc::string::ToString;

use bom_core::metadata::{FileKind, ModelRole};

use crate::draft::{Draft, Stop};
use crate::grammar::json_outline::{Outline, Scalar};
use crate::reader::Reader;

pub(super) fn document(
    outline: &Outline,
    _reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
) -> Result<bool, Stop> {
    let version = outline.text("fileFormatVersion");
    let entries = outline.object("itemInfoEntries");
    let (Some(version), Some(_), Some(_)) = (version, entries, outline.text("rootModelIdentifier")) else {
        return Ok(false);
    };
    draft.claim_as(FileKind::CoremlPackage);
    let model = draft.model();
    model.role = Some(ModelRole::Configuration);
    model.format_version = Some(version.to_string());
    for (path, _, value) in outline.under("itemInfoEntries.") {
        if let (true, Scalar::Text(file)) = (path.ends_with(".path"), value) {
            model.external_files.insert(file.clone());
        }
    }
    Ok(true)
}
