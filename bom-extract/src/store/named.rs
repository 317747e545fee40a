//! Stores that keep no notes: what can be told from the folders a file lies in, and from its name.
//!
//! The weakest of names: whoever made a folder of that name made it. Sources: the documentation of each program.

use alloc::string::String;
use alloc::vec::Vec;

use bom_core::stored::{Basis, Repository, Store, Stored, StoredDigest};

use super::look::Look;
use super::steps::{hex, joined, text};

/// A layout: steps from some folder on. `{name}` is a part of the name, `{revision}` the revision, `{file}` the rest.
struct Row(Store, &'static str);

/// The more particular first.
const ROWS: &[Row] = &[
    Row(Store::TorchHub, "torch/hub/checkpoints/{file}"),
    Row(Store::TorchHub, "torch/hub/{name}/{file}"),
    Row(Store::LmStudio, ".lmstudio/models/{name}/{name}/{file}"),
    Row(Store::LmStudio, ".cache/lm-studio/models/{name}/{name}/{file}"),
    Row(Store::Modelscope, "modelscope/hub/models/{name}/{name}/{file}"),
    Row(Store::Modelscope, "modelscope/hub/{name}/{name}/{file}"),
    Row(Store::Kagglehub, "kagglehub/models/{name}/{name}/{name}/{name}/{revision}/{file}"),
    Row(Store::SentenceTransformers, "torch/sentence_transformers/{name}/{file}"),
    Row(Store::Whisper, ".cache/whisper/{file}"),
    Row(Store::KerasCache, ".keras/models/{file}"),
    Row(Store::Gpt4all, "nomic.ai/GPT4All/{file}"),
    Row(Store::Jan, "jan/models/{name}/{file}"),
    Row(Store::Kserve, "mnt/models/{file}"),
];

pub(super) fn look(look: &mut Look<'_>) {
    let stored = ROWS.iter().find_map(|row| matched(row, look.steps));
    if let Some(stored) = stored {
        look.add(stored);
    }
}

/// The last place in the path where the row fits.
fn matched(Row(store, layout): &Row, steps: &[&[u8]]) -> Option<Stored> {
    (0..steps.len()).rev().find_map(|from| fits(*store, layout, steps.get(from..)?))
}

fn fits(store: Store, layout: &str, steps: &[&[u8]]) -> Option<Stored> {
    let mut stored = Stored::new(store, Basis::Path);
    stored.repository = Some(Repository::Model);
    let mut names: Vec<String> = Vec::new();
    let mut rest = steps;
    for part in layout.split('/') {
        if part == "{file}" {
            stored.file = Some(joined(rest).filter(|_| !rest.is_empty())?);
            break;
        }
        let (step, after) = rest.split_first()?;
        rest = after;
        match part {
            "{name}" => names.push(text(step)?),
            "{revision}" => stored.revision = Some(text(step)?),
            literal if literal.as_bytes() == *step => {}
            _ => return None,
        }
    }
    stored.name = (!names.is_empty()).then(|| names.join("/"));
    if store == Store::TorchHub {
        stored.digest = prefix(steps.last()?);
    }
    Some(stored)
}

/// `resnet18-f37072fd.pth`: torch.hub checks these digits against the SHA-256 of what it downloads.
fn prefix(name: &[u8]) -> Option<StoredDigest> {
    let dot = name.iter().rposition(|&byte| byte == b'.')?;
    let stem = name.get(..dot)?;
    let dash = stem.iter().rposition(|&byte| byte == b'-')?;
    hex(stem.get(dash.checked_add(1)?..)?, 8).map(StoredDigest::Sha256Prefix)
}
