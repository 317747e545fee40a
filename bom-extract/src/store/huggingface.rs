//! The cache of `huggingface_hub`.
//!
//! Source: `huggingface_hub` 1.33 and 2.4, `file_download.py`, `utils/_cache_manager.py`, `utils/_shared_blobs.py`.
//!
//! ```text
//! <hub>/models--ORG--NAME/refs/<branch>                  a commit
//! <hub>/models--ORG--NAME/snapshots/<commit>/<file>      a link to ../../blobs/<etag>
//! <hub>/models--ORG--NAME/blobs/<etag>                   the content, or a link to a shared blob
//! <hub>/blobs/<2 digits>/<64 digits>                     a shared blob, and beside it `<64 digits>.refs`
//! <hub>/blobs/.huggingface-shared-blobs                  says that those are shared blobs
//! ```
//!
//! A kernel shows the content's own path, which has no commit in it: that is found by going through the links. An etag
//! of 64 digits is the SHA-256 of the content, one of 40 digits git's own digest. The name of a shared blob has 64
//! digits too and is *no* SHA-256: it is the hash of the transfer protocol (Xet).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use bom_core::{
    input::Reason,
    stored::{Basis, Repository, Store, Stored, StoredDigest},
};

use super::look::Look;
use super::steps::{below, hex, join, joined, target, text, trimmed};

const COMMITS: usize = 256;
const ENTRIES: usize = 16_384;
const REFERENCES: usize = 1024;
const DEPTH: usize = 12;
const REFERRERS_BYTES: u64 = 256 << 10;
const SHARED_MARK: &[u8] = b".huggingface-shared-blobs";

const KINDS: [(&[u8], Repository); 4] = [
    (b"models--", Repository::Model),
    (b"datasets--", Repository::Dataset),
    (b"spaces--", Repository::Space),
    (b"kernels--", Repository::Kernel),
];

pub(super) fn look(look: &mut Look<'_>) {
    let steps = look.steps;
    let Some(at) = steps.iter().rposition(|step| repository(step).is_some()) else {
        shared(look);
        return;
    };
    let (Some(repo), Some(rest)) = (steps.get(..=at), steps.get(at.saturating_add(1)..)) else { return };
    match rest {
        [b"blobs", etag] => blob(look, &join(repo), etag),
        // Where links are not to be had, the files themselves are put there.
        [b"snapshots", commit, file @ ..] if !file.is_empty() => {
            let Some(stored) = begin(repo.last().copied().unwrap_or_default(), Basis::Path) else { return };
            let Some(commit) = hex(commit, 40) else { return };
            let references = references(look, &join(repo)).remove(&commit).unwrap_or_default();
            look.add(Stored { revision: Some(commit), references, file: joined(file), ..stored });
        }
        _ => {}
    }
}

/// A repository by the name of its folder. `--` stands for the slash and cannot be part of a name.
fn repository(step: &[u8]) -> Option<(Repository, String)> {
    let (kind, rest) = KINDS.iter().find_map(|(prefix, kind)| Some((*kind, step.strip_prefix(*prefix)?)))?;
    let name = text(rest)?.replace("--", "/");
    (!name.starts_with('/') && !name.ends_with('/')).then_some((kind, name))
}

fn begin(folder: &[u8], basis: Basis) -> Option<Stored> {
    let (kind, name) = repository(folder)?;
    let mut stored = Stored::new(Store::HuggingfaceCache, basis);
    stored.repository = Some(kind);
    stored.name = Some(name);
    Some(stored)
}

fn etag_digest(etag: &[u8]) -> Option<StoredDigest> {
    hex(etag, 64).map(StoredDigest::Sha256).or_else(|| hex(etag, 40).map(StoredDigest::GitBlobSha1))
}

/// `<hub>/blobs/<2>/<64>`: which repositories share it, by its list; each is believed only if its link leads here.
fn shared(look: &mut Look<'_>) {
    let [hub @ .., b"blobs", two, name] = look.steps else { return };
    if hex(two, 2).is_none() || hex(name, 64).is_none() || !name.starts_with(two) {
        return;
    }
    let hub = join(hub);
    let mark = below(&below(&hub, b"blobs"), SHARED_MARK);
    if look.read(&mark, 64).is_none() {
        return;
    }
    let own = join(look.steps);
    let mut list = own.clone();
    list.extend_from_slice(b".refs");
    let Some(referrers) = look.read(&list, REFERRERS_BYTES) else { return };
    let lines: BTreeSet<&[u8]> = referrers.split(|&byte| byte == b'\n').map(trimmed).collect();
    for line in lines.into_iter().filter(|line| !line.is_empty()).take(COMMITS) {
        let parts = super::steps::split(line);
        let [repo, b"blobs", etag] = parts[..] else { continue };
        if repository(repo).is_none() {
            continue;
        }
        let repo_path = below(&hub, repo);
        let blobs = below(&repo_path, b"blobs");
        let outcome = look.folder.link(&below(&blobs, etag));
        let link = look.or_cut(outcome);
        if link.and_then(|link| target(&blobs, &link)).as_ref() == Some(&own) {
            blob(look, &repo_path, etag);
        }
    }
}

/// Every snapshot of a repository that has a link to this etag.
fn blob(look: &mut Look<'_>, repo: &[u8], etag: &[u8]) {
    let folder = super::steps::split(repo).last().copied().unwrap_or_default().to_vec();
    let Some(plain) = begin(&folder, Basis::Path) else { return };
    let digest = etag_digest(etag);
    let wanted = below(&below(repo, b"blobs"), etag);
    let mut references = references(look, repo);
    let snapshots = below(repo, b"snapshots");
    let outcome = look.folder.names(&snapshots, COMMITS);
    let commits = look.or_cut(outcome).unwrap_or_default();
    if !commits.all && !commits.names.is_empty() {
        look.cut(Reason::TooLarge);
    }
    let mut left = ENTRIES;
    let mut met = false;
    for commit in commits.names.iter().filter(|commit| hex(commit, 40).is_some()) {
        let mut files = Vec::new();
        walk(look, &below(&snapshots, commit), &mut Vec::new(), &wanted, &mut left, &mut files);
        for file in files {
            met = true;
            let revision = hex(commit, 40);
            look.add(Stored {
                basis: Basis::Record,
                references: revision.as_ref().and_then(|it| references.get(it).cloned()).unwrap_or_default(),
                revision,
                file: text(&file),
                digest: digest.clone(),
                ..plain.clone()
            });
        }
    }
    references.clear();
    if !met {
        look.add(Stored { digest, ..plain });
    }
}

/// Files below a snapshot whose link leads to what is wanted.
fn walk(
    look: &mut Look<'_>,
    directory: &[u8],
    inside: &mut Vec<u8>,
    wanted: &[u8],
    left: &mut usize,
    files: &mut Vec<Vec<u8>>,
) {
    if inside.iter().filter(|&&byte| byte == b'/').count() >= DEPTH {
        look.cut(Reason::TooLarge);
        return;
    }
    let outcome = look.folder.names(directory, *left);
    let Some(names) = look.or_cut(outcome) else { return };
    *left = left.saturating_sub(names.names.len());
    if !names.all {
        look.cut(Reason::TooLarge);
    }
    for name in names.names {
        let path = below(directory, &name);
        let before = inside.len();
        if !inside.is_empty() {
            inside.push(b'/');
        }
        inside.extend_from_slice(&name);
        let outcome = look.folder.link(&path);
        match look.or_cut(outcome) {
            Some(link) => {
                if target(directory, &link).as_deref() == Some(wanted) {
                    files.push(inside.clone());
                }
            }
            None => walk(look, &path, inside, wanted, left, files),
        }
        inside.truncate(before);
    }
}

/// Branches and tags by commit. Their names have slashes: `refs/pr/1`.
fn references(look: &mut Look<'_>, repo: &[u8]) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let root = below(repo, b"refs");
    let mut left = REFERENCES;
    let mut waiting = alloc::vec![(root, Vec::new(), 0_usize)];
    while let Some((directory, inside, depth)) = waiting.pop() {
        let outcome = look.folder.names(&directory, left);
        let Some(names) = look.or_cut(outcome) else { continue };
        left = left.saturating_sub(names.names.len());
        if !names.all {
            look.cut(Reason::TooLarge);
        }
        for name in names.names {
            let path = below(&directory, &name);
            let mut own: Vec<u8> = inside.clone();
            if !own.is_empty() {
                own.push(b'/');
            }
            own.extend_from_slice(&name);
            match look.read(&path, 128) {
                Some(content) => {
                    if let (Some(commit), Some(name)) = (hex(trimmed(&content), 40), text(&own)) {
                        found.entry(commit).or_default().insert(name);
                    }
                }
                None if depth < DEPTH => waiting.push((path, own, depth.saturating_add(1))),
                None => look.cut(Reason::TooLarge),
            }
        }
    }
    found
}
