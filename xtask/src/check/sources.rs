//! The files of the checkout that are ours to judge.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Folders that hold no source of ours. A leading dot is skipped as well.
const SKIPPED: &[&str] = &["target", "artifacts", "corpus", "__pycache__"];

/// Every file below `root` with this extension, sorted, as paths from `root`.
pub(super) fn with_extension(root: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).with_context(|| format!("failed to list {}", folder.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("failed to list {}", folder.display()))?;
            let (path, kind) = (entry.path(), entry.file_type());
            let kind = kind.with_context(|| format!("failed to look at {}", path.display()))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // Links are not followed: they could lead out of the checkout or around in it.
            if kind.is_dir() && !name.starts_with('.') && !SKIPPED.contains(&name.as_str()) {
                folders.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|found| found == extension) {
                let inside = path.strip_prefix(root).unwrap_or(&path);
                found.push(inside.to_path_buf());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The text of one of them.
pub(super) fn read(root: &Path, file: &Path) -> Result<String> {
    fs::read_to_string(root.join(file)).with_context(|| format!("failed to read {}", file.display()))
}
