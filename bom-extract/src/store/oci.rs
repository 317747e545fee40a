//! OCI image layouts on disk, and manifests as registries keep them.
//!
//! Source: OCI image specification 1.1, `image-layout.md`, `manifest.md`; CNCF ModelPack. A layout has `oci-layout`,
//! `index.json` and `blobs/sha256/<64 digits>`. The digest of a blob is that of its bytes: of a layer that is one file,
//! the file's own.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bom_core::stored::{Basis, Store, Stored, StoredDigest};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::look::Look;
use super::ollama::MANIFEST_BYTES;
use super::steps::{below, hex, join, text};

/// Manifests of one layout that are looked at.
const MANIFESTS: usize = 1024;
const REFERENCE: &str = "org.opencontainers.image.ref.name";
/// Where a layer's file belongs, the newest first.
const FILE: [&str; 3] =
    ["org.cncf.model.filepath", "org.cnai.model.filepath", "org.opencontainers.image.title"];

/// An image manifest, or a list of such.
#[derive(Debug, Deserialize)]
pub(super) struct Manifest {
    #[serde(default)]
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
    #[serde(default)]
    pub(super) manifests: Vec<Descriptor>,
}

/// What a manifest says of one blob.
#[derive(Debug, Deserialize)]
pub(super) struct Descriptor {
    #[serde(default, rename = "mediaType")]
    pub(super) media_type: Option<String>,
    digest: String,
    /// Ollama's: what the layer is in the model.
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// The digest, if it is SHA-256.
    pub(super) fn sha256(&self) -> Option<&str> {
        self.digest.strip_prefix("sha256:").filter(|it| hex(it.as_bytes(), 64).is_some())
    }
}

/// The part of an image that is this blob.
pub(super) fn layer_of<'m>(manifest: &'m Manifest, digest: &str) -> Option<&'m Descriptor> {
    manifest.layers.iter().chain(&manifest.config).find(|layer| layer.sha256() == Some(digest))
}

pub(super) fn sha256_of(bytes: &[u8]) -> String {
    let digits = Sha256::digest(bytes);
    let hex = digits.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let hex: String = hex.filter_map(|nibble| char::from_digit(nibble.into(), 16)).collect();
    ["sha256:", &hex].concat()
}

pub(super) fn look(look: &mut Look<'_>) {
    let [root @ .., b"blobs", b"sha256", name] = look.steps else { return };
    let Some(digest) = hex(name, 64) else { return };
    let root = join(root);
    let recorded = StoredDigest::Sha256(digest.clone());
    let mut met = false;
    let index = look.read(&below(&root, b"index.json"), MANIFEST_BYTES);
    let index = index.and_then(|bytes| serde_json::from_slice::<Manifest>(&bytes).ok());
    for entry in index.iter().flat_map(|index| &index.manifests).take(MANIFESTS) {
        let Some(own) = entry.sha256() else { continue };
        let path = below(&below(&root, b"blobs/sha256"), own.as_bytes());
        let Some(content) = look.read(&path, MANIFEST_BYTES) else { continue };
        let Ok(manifest) = serde_json::from_slice::<Manifest>(&content) else { continue };
        let Some(layer) = layer_of(&manifest, &digest) else { continue };
        met = true;
        let mut stored = Stored::new(Store::OciLayout, Basis::Record);
        let reference = entry.annotations.get(REFERENCE).and_then(|name| text(name.as_bytes()));
        // `registry/name:tag`, or a tag alone.
        match reference.as_deref().and_then(|name| name.rsplit_once(':')) {
            Some((name, tag)) if !tag.contains('/') => {
                stored.name = Some(name.to_string());
                stored.references.insert(tag.to_string());
            }
            _ => stored.references.extend(reference),
        }
        stored.revision = Some(["sha256:", own].concat());
        let file = FILE.iter().find_map(|key| layer.annotations.get(*key));
        stored.file = file.and_then(|file| text(file.as_bytes()));
        stored.media = layer.media_type.as_deref().and_then(|media| text(media.as_bytes()));
        stored.digest = Some(recorded.clone());
        look.add(stored);
    }
    if !met {
        let mut stored = Stored::new(Store::OciLayout, Basis::Path);
        stored.digest = Some(recorded);
        look.add(stored);
    }
}
