//! Ollama's models.
//!
//! Source: Ollama, `manifest/`, `types/model/name.go`, `server/images.go`.
//!
//! ```text
//! <models>/manifests/<host>/<namespace>/<model>/<tag>     a manifest
//! <models>/manifests-v2/…                                 links to manifests that lie among the blobs
//! <models>/blobs/sha256-<64 digits>                       a layer; the digest is that of the content
//! ```
//!
//! A manifest is an image manifest of Docker; a manifest list has one for each engine. `ollama list` shows the digest
//! of the manifest as the id of a model.

use alloc::string::String;
use alloc::vec::Vec;

use bom_core::{
    input::Reason,
    stored::{Basis, Repository, Store, Stored, StoredDigest},
};

use super::look::Look;
use super::oci::{Manifest, layer_of, sha256_of};
use super::steps::{below, hex, join, target, text};

const ENTRIES: usize = 16_384;
const DEPTH: usize = 6;
/// One of a model whose tensors are layers of their own has about a thousand.
pub(super) const MANIFEST_BYTES: u64 = 1 << 20;

pub(super) fn look(look: &mut Look<'_>) {
    let [root @ .., b"blobs", name] = look.steps else { return };
    // Early versions wrote a colon.
    let Some(digest) =
        name.strip_prefix(b"sha256-").or_else(|| name.strip_prefix(b"sha256:")).and_then(|it| hex(it, 64))
    else {
        return;
    };
    let root = join(root);
    let mut search = Search { root: &root, digest: &digest, left: ENTRIES, met: false };
    search.folder(look, &below(&root, b"manifests"), &mut Vec::new());
    search.folder(look, &below(&root, b"manifests-v2"), &mut Vec::new());
    if !search.met && ollama_alone(look, &root) {
        let mut stored = Stored::new(Store::Ollama, Basis::Path);
        stored.digest = Some(StoredDigest::Sha256(digest));
        look.add(stored);
    }
}

/// Whether there are manifests at all: others call blobs so too.
fn ollama_alone(look: &mut Look<'_>, root: &[u8]) -> bool {
    let outcome = look.folder.names(&below(root, b"manifests"), 1);
    look.or_cut(outcome).is_some()
}

struct Search<'a> {
    root: &'a [u8],
    digest: &'a str,
    left: usize,
    met: bool,
}

impl Search<'_> {
    /// `inside` has the steps from the folder of manifests on.
    fn folder(&mut self, look: &mut Look<'_>, directory: &[u8], inside: &mut Vec<Vec<u8>>) {
        let outcome = look.folder.names(directory, self.left);
        let Some(names) = look.or_cut(outcome) else { return };
        self.left = self.left.saturating_sub(names.names.len());
        if !names.all || inside.len() >= DEPTH {
            look.cut(Reason::TooLarge);
        }
        if inside.len() >= DEPTH {
            return;
        }
        for name in names.names {
            let path = below(directory, &name);
            inside.push(name);
            let outcome = look.folder.link(&path);
            // A link of the second layout leads to a blob, and nowhere else.
            let place = match look.or_cut(outcome) {
                Some(link) => {
                    target(directory, &link).filter(|to| to.starts_with(&below(self.root, b"blobs")))
                }
                None => Some(path),
            };
            if let Some(place) = place {
                match look.read(&place, MANIFEST_BYTES) {
                    Some(content) => self.manifest(look, &content, inside, 0),
                    None => self.folder(look, &place, inside),
                }
            }
            inside.pop();
        }
    }

    fn manifest(&mut self, look: &mut Look<'_>, content: &[u8], inside: &[Vec<u8>], depth: usize) {
        let Ok(manifest) = serde_json::from_slice::<Manifest>(content) else { return };
        if let Some(layer) = layer_of(&manifest, self.digest) {
            self.met = true;
            let mut stored = Stored::new(Store::Ollama, Basis::Record);
            let (tag, name) = inside.split_last().map_or((None, &[][..]), |(tag, name)| (text(tag), name));
            let name: Option<Vec<String>> = name.iter().map(|step| text(step)).collect();
            stored.repository = Some(Repository::Model);
            stored.name = name.map(|steps| steps.join("/")).filter(|name| !name.is_empty());
            stored.references.extend(tag);
            stored.revision = Some(sha256_of(content));
            stored.file = layer.name.as_deref().and_then(|name| text(name.as_bytes()));
            stored.media = layer.media_type.as_deref().and_then(|media| text(media.as_bytes()));
            stored.digest = Some(StoredDigest::Sha256(self.digest.into()));
            look.add(stored);
        }
        if depth > 0 {
            return;
        }
        for child in manifest.manifests.iter().filter_map(|child| child.sha256()) {
            let mut name = b"sha256-".to_vec();
            name.extend_from_slice(child.as_bytes());
            if let Some(content) = look.read(&below(&below(self.root, b"blobs"), &name), MANIFEST_BYTES) {
                self.manifest(look, &content, inside, 1);
            }
        }
    }
}
