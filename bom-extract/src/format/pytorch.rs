//! PyTorch archives: `torch.save` since 1.6, TorchScript, exported programs, TorchServe archives.
//!
//! Source: `caffe2/serialize/inline_container.h`, `torch/serialization.py`, `torch/export/pt2_archive/constants.py`. All
//! are zip archives with one folder at the top, named after the file when it was written. `data.pkl` in it is a pickle
//! that describes the tensors; their bytes are members of their own, which are not touched.

use alloc::format;
use alloc::string::{String, ToString};

use bom_core::metadata::{ByteOrder, FileKind, IssueCode};

use super::{pickled, torch_tensors};
use crate::draft::{Draft, Stop, brief};
use crate::grammar::json_outline::Outline;
use crate::grammar::pickle::Machine;
use crate::grammar::zip::{Archive, Member};
use crate::reader::Reader;

/// Longest member that is one short word.
const WORD_BYTES: usize = 256;

/// Whether the archive is one of PyTorch's, and then what it says.
pub(super) fn extract(
    archive: &Archive,
    reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
) -> Result<bool, Stop> {
    if archive.has("MAR-INF/MANIFEST.json") {
        served(archive, reader, draft)?;
        return Ok(true);
    }
    let Some(top) = top(archive) else { return Ok(false) };
    if word(archive, &format!("{top}archive_format"), reader, draft)?.as_deref() == Some("pt2")
        || archive.has("serialized_exported_program.json")
    {
        draft.claim_as(FileKind::TorchExport);
        exported(archive, &top, reader, draft)?;
        return Ok(true);
    }
    let Some(data) = archive.get(&format!("{top}data.pkl")) else { return Ok(false) };
    let code = format!("{top}code/");
    let script = archive.has(&format!("{top}constants.pkl"))
        || archive.has(&format!("{top}bytecode.pkl"))
        || archive.members.iter().any(|member| member.name.starts_with(&code));
    draft.claim_as(if script { FileKind::Torchscript } else { FileKind::Pytorch });
    details(archive, &top, reader, draft)?;
    let mut machine = Machine::new();
    let outcome = walk(data, &mut machine, reader, draft);
    let whole = outcome.is_ok();
    draft.absorb(outcome)?;
    for extra in ["constants.pkl", "bytecode.pkl"] {
        if let Some(member) = archive.get(&format!("{top}{extra}")) {
            let mut extra = Machine::new();
            let outcome = walk(member, &mut extra, reader, draft);
            draft.absorb(outcome)?;
            machine.imports.extend(extra.imports);
        }
    }
    pickled::imports(&machine, draft);
    draft.model().architecture = torch_tensors::architecture(&machine);
    if whole {
        torch_tensors::conclude(&machine, draft);
    }
    Ok(true)
}

/// The folder at the top, with its slash; empty if `data.pkl` is at the root.
fn top(archive: &Archive) -> Option<String> {
    const MARKS: &[&str] = &["data.pkl", "archive_format", "serialized_exported_program.json"];
    archive.members.iter().find_map(|member| {
        let (top, file) = match member.name.split_once('/') {
            Some((top, file)) => (format!("{top}/"), file),
            None => (String::new(), member.name.as_str()),
        };
        MARKS.contains(&file).then_some(top)
    })
}

fn details(archive: &Archive, top: &str, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    draft.model().format_version = word(archive, &format!("{top}version"), reader, draft)?;
    let order = word(archive, &format!("{top}byteorder"), reader, draft)?;
    if order.as_deref() == Some("big") {
        draft.model().byte_order = ByteOrder::Big;
    }
    // The folder's name is the file's name when it was saved; "archive" is what a nameless stream gets.
    let name = top.trim_end_matches('/');
    if !name.is_empty() && name != "archive" {
        let name = draft.value("the archive's name", 0, name.as_bytes());
        draft.model().claimed.insert("archive_name".to_string(), name);
    }
    Ok(())
}

fn exported(
    archive: &Archive,
    top: &str,
    reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
) -> Result<(), Stop> {
    draft.model().format_version = word(archive, &format!("{top}archive_version"), reader, draft)?;
    let weights = format!("{top}data/weights/");
    let count = archive
        .members
        .iter()
        .filter(|member| member.name.strip_prefix(&weights).is_some_and(|file| file.starts_with("weight_")));
    let count = count.count();
    if count > 0 {
        draft.hyperparameter("weight_files", count);
    }
    for member in &archive.members {
        if member.name.ends_with(".so") {
            let detail = format!("the archive brings the native library {}", brief(&member.name));
            draft.issue(IssueCode::HiddenCode, None, detail);
        }
    }
    Ok(())
}

/// TorchServe: a manifest that names the weights and the program that serves them.
fn served(archive: &Archive, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    draft.claim_as(FileKind::TorchserveArchive);
    let Some(member) = archive.get("MAR-INF/MANIFEST.json") else { return Ok(()) };
    let limit = draft.limits.inflated_bytes;
    let Some(bytes) = member.bytes(limit, reader, draft)? else { return Ok(()) };
    let scanned = reader.inside(&bytes, |inner| Outline::scan(inner, draft, |_| true))?;
    let Some((outline, _)) = scanned else { return Ok(()) };
    let model = draft.model();
    model.name = outline.text("model.modelName").map(ToString::to_string);
    model.format_version = outline.shown("specificationVersion");
    for key in ["modelVersion", "serializedFile", "handler"] {
        if let Some(value) = outline.text(&format!("model.{key}")) {
            model.claimed.insert(format!("model.{key}"), value.to_string());
        }
    }
    model.external_files.extend(outline.text("model.serializedFile").map(ToString::to_string));
    if let Some(handler) = outline.text("model.handler").filter(|handler| archive.has(handler)) {
        let detail = format!("the archive brings its own program {}", brief(handler));
        draft.issue(IssueCode::HiddenCode, None, detail);
    }
    Ok(())
}

/// Walks a member that is a pickle.
fn walk(
    member: &Member,
    machine: &mut Machine,
    reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
) -> Result<(), Stop> {
    if let Some((start, end)) = member.stored(reader, draft)? {
        return reader.within(start, end, |reader| machine.walk(reader, draft));
    }
    let limit = draft.limits.inflated_bytes;
    let Some(bytes) = member.bytes(limit, reader, draft)? else { return Ok(()) };
    reader.inside(&bytes, |inner| machine.walk(inner, draft))
}

fn word(
    archive: &Archive,
    name: &str,
    reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
) -> Result<Option<String>, Stop> {
    let Some(member) = archive.get(name).filter(|member| member.size <= 256) else { return Ok(None) };
    let Some(bytes) = member.bytes(WORD_BYTES, reader, draft)? else { return Ok(None) };
    let text = draft.value(name, 0, &bytes);
    let text = text.trim();
    Ok((!text.is_empty()).then(|| text.to_string()))
}
