//! skops: scikit-learn objects without pickle, a zip archive of arrays and one `schema.json`.
//!
//! Source: the persistence chapter of the skops manual. The schema says the class and module of each object; loading
//! asks for each module that is not trusted.

use alloc::format;
use alloc::string::ToString;

use bom_core::metadata::{FileKind, ModelRole};

use crate::draft::{Draft, Stop};
use crate::grammar::json_outline::Outline;
use crate::grammar::zip::Archive;
use crate::reader::Reader;

pub(super) fn extract(
    archive: &Archive,
    reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
) -> Result<bool, Stop> {
    let Some(schema) = archive.get("schema.json") else { return Ok(false) };
    let limit = draft.limits.inflated_bytes;
    let Some(bytes) = schema.bytes(limit, reader, draft)? else { return Ok(false) };
    let scanned = reader.inside(&bytes, |inner| Outline::scan(inner, draft, |_| true))?;
    let Some((outline, stop)) = scanned else { return Ok(false) };
    let named = outline.text("__module__").zip(outline.text("__class__"));
    let Some((module, class)) = named.filter(|_| outline.has("__loader__")) else { return Ok(false) };
    draft.claim_as(FileKind::Skops);
    let model = draft.model();
    model.architecture = Some(format!("{module}.{class}"));
    model.role = Some(if module.starts_with("sklearn") { ModelRole::Model } else { ModelRole::Data });
    model.producer = Some("skops".to_string());
    model.producer_version = outline.text("_skops_version").map(ToString::to_string);
    model.format_version = outline.number("protocol").map(ToString::to_string);
    draft.absorb(stop.map_or(Ok(()), Err))?;
    Ok(true)
}
