//! Writing results: a file is replaced whole or not at all.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use anyhow::Context as _;

/// Writes to a file, or to stdout. A regular file is written beside its place, synced and renamed,
/// so that running out of space leaves the old one whole; anything else is written to as it is.
pub(crate) fn write(path: Option<&Path>, bytes: &[u8]) -> anyhow::Result<()> {
    match path {
        None => match io::stdout().lock().write_all(bytes).and_then(|()| io::stdout().flush()) {
            // Whoever read it has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other.context("write to stdout"),
        },
        Some(path) => write_file(path, bytes).with_context(|| format!("write {}", path.display())),
    }
}

fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A link is followed: its target is replaced, not the link.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    if fs::metadata(path).is_ok_and(|known| !known.is_file()) {
        return File::options().write(true).open(path)?.write_all(bytes);
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut new =
        tempfile::Builder::new().prefix(".aibom-").permissions(permissions(path)).tempfile_in(parent)?;
    new.write_all(bytes)?;
    new.as_file().sync_all()?;
    new.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Those of the file that is replaced, else readable by all as the umask allows.
fn permissions(path: &Path) -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).map_or_else(|_| fs::Permissions::from_mode(0o644), |known| known.permissions())
}
