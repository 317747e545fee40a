//! A folder that `huggingface_hub` downloaded into (`local_dir`).
//!
//! Source: `huggingface_hub` 2.4, `_local_folder.py`. Beside the files stands
//! `.cache/huggingface/download/<file>.metadata`, three lines: commit, etag, seconds since 1970. The name of the
//! repository is kept nowhere. As the library does, a file that was changed after that time is not taken for the one
//! that was downloaded.

use alloc::vec::Vec;

use bom_core::stored::{Basis, Store, Stored, StoredDigest};

use super::look::Look;
use super::steps::{below, hex, join, joined, trimmed};

/// How far above the file its folder may be.
const LEVELS: usize = 8;
const METADATA_BYTES: u64 = 1024;
/// The library's own tolerance, in seconds.
const TOLERANCE: i64 = 1;

pub(super) fn look(look: &mut Look<'_>) {
    let steps = look.steps;
    for level in 1..=LEVELS.min(steps.len()) {
        let (folder, file) = steps.split_at(steps.len().saturating_sub(level));
        let notes = below(&join(folder), b".cache/huggingface/download");
        let mut path = below(&notes, join(file).strip_prefix(b"/").unwrap_or_default());
        path.extend_from_slice(b".metadata");
        if let Some(content) = look.read(&path, METADATA_BYTES)
            && let Some(stored) = parse(&content, file, look.asked.modified_s)
        {
            look.add(stored);
            return;
        }
    }
}

fn parse(content: &[u8], file: &[&[u8]], modified_s: Option<i64>) -> Option<Stored> {
    let lines: Vec<&[u8]> = content.split(|&byte| byte == b'\n').map(trimmed).take(3).collect();
    let [commit, etag, time] = lines[..] else { return None };
    let seconds: i64 = core::str::from_utf8(time).ok()?.split('.').next()?.parse().ok()?;
    if modified_s? > seconds.saturating_add(TOLERANCE) {
        return None;
    }
    let digest =
        hex(etag, 64).map(StoredDigest::Sha256).or_else(|| hex(etag, 40).map(StoredDigest::GitBlobSha1));
    let mut stored = Stored::new(Store::HuggingfaceFolder, Basis::Record);
    stored.revision = Some(hex(commit, 40)?);
    stored.file = joined(file);
    stored.digest = digest;
    Some(stored)
}
