//! A model repository of Triton: `<model>/config.pbtxt` and `<model>/<version>/model.…`.
//!
//! Source: Triton Inference Server, `docs/user_guide/model_repository.md`.

use bom_core::stored::{Basis, Repository, Store, Stored};

use super::look::Look;
use super::steps::{below, join, joined, text};

const CONFIG_BYTES: u64 = 1 << 20;
/// How far below the version's folder the file may be (`model.savedmodel/variables/…`).
const LEVELS: usize = 3;

pub(super) fn look(look: &mut Look<'_>) {
    let steps = look.steps;
    for level in 1..=LEVELS {
        let at = steps.len().saturating_sub(level);
        let (Some([.., model, version]), Some(file)) = (steps.get(..at), steps.get(at..)) else { continue };
        if version.is_empty() || !version.iter().all(u8::is_ascii_digit) {
            continue;
        }
        let Some(folder) = steps.get(..at.saturating_sub(1)) else { continue };
        if look.read(&below(&join(folder), b"config.pbtxt"), CONFIG_BYTES).is_none() {
            continue;
        }
        let mut stored = Stored::new(Store::Triton, Basis::Record);
        stored.repository = Some(Repository::Model);
        stored.name = text(model);
        stored.references.extend(text(version));
        stored.file = joined(file);
        look.add(stored);
        return;
    }
}
