//! Stamps: a small file beside what was built that holds everything it was built from.
//!
//! The text itself is kept, not a digest of it: `diff` then tells why something is built again.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::workspace::Workspace;

#[derive(Debug)]
pub(super) struct Stamp {
    path: PathBuf,
    inputs: String,
}

impl Stamp {
    /// The stamp of the thing called `name`, as it would read if it were built from `inputs` now.
    pub(super) fn new(workspace: &Workspace, name: &str, inputs: String) -> Self {
        Self::at(workspace.tools().join("stamps").join(name), inputs)
    }

    fn at(path: PathBuf, inputs: String) -> Self {
        Self { path, inputs }
    }

    /// Whether the thing was last built from exactly these inputs.
    pub(super) fn is_fresh(&self) -> bool {
        fs::read(&self.path).is_ok_and(|written| written == self.inputs.as_bytes())
    }

    /// Forgets the last build. To be called before a new one starts: a build that is cut short must not look done.
    pub(super) fn clear(&self) -> Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("failed to remove {}", self.path.display()))
            }
            _ => Ok(()),
        }
    }

    /// Remembers these inputs, after the build succeeded.
    pub(super) fn write(&self) -> Result<()> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
        }
        fs::write(&self.path, &self.inputs)
            .with_context(|| format!("failed to write {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_only_for_the_same_inputs_and_only_after_success() {
        let folder = std::env::temp_dir().join(format!("aibom-stamp-{}", std::process::id()));
        let path = folder.join("tool");
        let old = Stamp::at(path.clone(), "tool 1".into());
        let new = Stamp::at(path, "tool 2".into());
        assert!(!old.is_fresh(), "never built");
        old.write().expect("temporary folder is writable");
        assert!(old.is_fresh());
        assert!(!new.is_fresh(), "built from other inputs");
        new.clear().expect("stamp can be removed");
        assert!(!old.is_fresh(), "a build was started and did not end");
        new.clear().expect("clearing twice is fine");
        fs::remove_dir_all(&folder).expect("temporary folder can be removed");
    }
}
