//! Keras: the archives of version 3, and HDF5 files of all versions.
//!
//! Source: `keras/src/saving/saving_lib.py` and `keras/src/legacy/saving/legacy_h5_format.py`. The archive holds
//! `metadata.json`, `config.json` and `model.weights.h5`. In an HDF5 file the same configuration is an attribute of the
//! root group, and the weights stand in `model_weights`, beside those of the optimizer.
//!
//! A `Lambda` layer is serialised byte code that runs when the model is loaded.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use bom_core::metadata::{FileKind, IssueCode, ModelRole};

use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::grammar::hdf5::{File, Group, signature_may_be};
use crate::grammar::json_outline::Outline;
use crate::grammar::zip::{Archive, Member};
use crate::reader::Reader;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Hdf5, wants, extract };

/// Classes whose configuration holds byte code.
const CODE: &[&[u8]] =
    &[b"\"class_name\": \"Lambda\"", b"\"class_name\":\"Lambda\"", b"\"class_name\": \"__lambda__\""];

fn wants(prefix: &[u8], _len: u64) -> bool {
    signature_may_be(prefix)
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    draft.claim_as(FileKind::Hdf5);
    draft.model().role = Some(ModelRole::Data);
    weights_file(reader, draft)
}

/// An HDF5 file, which may be the member of an archive.
fn weights_file(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let mut file = File::open(reader, draft)?;
    let root = file.root(reader, draft)?;
    let from_keras =
        root.attributes.contains_key("keras_version") || root.attributes.contains_key("model_config");
    // `save_weights` of version 3 writes no attributes at the root, but always these groups.
    let is_weights =
        ["layers", "_layer_checkpoint_dependencies"].iter().any(|name| root.links.contains_key(*name));
    if !from_keras && !is_weights {
        return Ok(());
    }
    draft.claim_as(if draft.extracted.kind == FileKind::Keras {
        FileKind::Keras
    } else {
        FileKind::KerasHdf5
    });
    draft.model().role = None;
    draft.model().producer = Some("keras".to_string());
    attributes(&root, reader, draft)?;
    // The moments of the optimizer stand beside the weights.
    let weights = ["model_weights", "layers", "_layer_checkpoint_dependencies"];
    let tops: Vec<u64> = weights.iter().filter_map(|name| root.links.get(*name)).copied().collect();
    let flat = tops.is_empty();
    let tops = if flat { root.links.values().copied().collect() } else { tops };
    let sums = file.sum(&tops, reader, draft)?;
    let model = draft.model();
    if sums.tensors > 0 {
        model.tensor_count = Some(sums.tensors);
        model.parameter_count = sums.elements;
        model.dtype = sums.dtype.map(ToString::to_string);
    }
    Ok(())
}

fn attributes(root: &Group, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    for (key, value) in &root.attributes {
        match key.as_str() {
            "keras_version" => {
                draft.model().producer_version = Some(draft.value(key, 0, value.as_bytes()));
            }
            "backend" => {
                let backend = draft.value(key, 0, value.as_bytes());
                draft.model().claimed.insert("backend".to_string(), backend);
            }
            "model_config" => {
                let bytes = value.clone().into_bytes();
                reader.inside(&bytes, |inner| config(&bytes, inner, draft))?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// The configuration of a model: its class, its name, its layers.
fn config(bytes: &[u8], reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    for code in CODE {
        if bytes.windows(code.len()).any(|window| window == *code) {
            let detail = "a Lambda layer brings byte code".to_string();
            draft.issue(IssueCode::HiddenCode, None, detail);
            break;
        }
    }
    let Some((outline, stop)) = Outline::scan(reader, draft, |_| true)? else { return Ok(()) };
    let model = draft.model();
    model.architecture = outline.text("class_name").map(ToString::to_string);
    model.name = outline.text("config.name").map(ToString::to_string);
    if let Some(layers) = outline.array("config.layers") {
        model.hyperparameters.insert("layers".to_string(), layers.to_string());
    }
    if let Some(module) = outline.text("module").filter(|module| !module.starts_with("keras")) {
        model.claimed.insert("module".to_string(), module.to_string());
    }
    draft.absorb(stop.map_or(Ok(()), Err))
}

/// The archive of version 3.
pub(super) fn archive(
    archive: &Archive,
    reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
) -> Result<bool, Stop> {
    let (Some(metadata), Some(description)) = (archive.get("metadata.json"), archive.get("config.json"))
    else {
        return Ok(false);
    };
    if metadata.size > 4096 {
        return Ok(false);
    }
    let Some(outline) = json(metadata, reader, draft)? else { return Ok(false) };
    let Some(version) = outline.text("keras_version") else { return Ok(false) };
    draft.claim_as(FileKind::Keras);
    draft.model().producer = Some("keras".to_string());
    draft.model().producer_version = Some(version.to_string());
    if let Some(date) = outline.text("date_saved") {
        draft.model().claimed.insert("date_saved".to_string(), date.to_string());
    }
    let limit = draft.limits.inflated_bytes;
    if let Some(bytes) = description.bytes(limit, reader, draft)? {
        reader.inside(&bytes, |inner| config(&bytes, inner, draft))?;
    }
    if let Some(weights) = archive.get("model.weights.h5") {
        let name = draft.model().name.clone();
        match weights.stored(reader, draft)? {
            // Offsets inside count from the start of the member.
            Some((start, end)) => reader.shifted(start, end, |inner| weights_file(inner, draft))?,
            None => {
                let detail = format!("{} is compressed and was not read", "model.weights.h5");
                draft.extracted.truncated = true;
                draft.issue(IssueCode::LengthExceedsLimit, None, detail);
            }
        }
        draft.model().name = name;
        draft.model().producer_version = Some(version.to_string());
    }
    Ok(true)
}

fn json(member: &Member, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<Option<Outline>, Stop> {
    let limit = draft.limits.inflated_bytes;
    let Some(bytes): Option<Vec<u8>> = member.bytes(limit, reader, draft)? else { return Ok(None) };
    let scanned = reader.inside(&bytes, |inner| Outline::scan(inner, draft, |_| true))?;
    Ok(scanned.map(|(outline, _)| outline))
}
