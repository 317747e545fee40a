//! Writing results: a file is replaced whole or not at all.

use std::{
    fs::{self, File},
    io::{self, IsTerminal as _, Write},
    path::{Path, PathBuf},
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

/// Whether a person reads stdout, and wants colours (https://no-color.org).
pub(crate) fn is_terminal() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut new = Replacement::of(path)?;
    new.file.write_all(bytes)?;
    new.commit()
}

/// What will stand in a file's place once it is whole. Dropped before that, it leaves no trace.
#[derive(Debug)]
pub(crate) struct Replacement {
    pub(crate) file: File,
    /// `None`: the place is no regular file (a device, a FIFO) and is written to as it is.
    pending: Option<(tempfile::TempPath, PathBuf)>,
}

impl Replacement {
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        // A link is followed: its target is replaced, not the link.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        if fs::metadata(&path).is_ok_and(|known| !known.is_file()) {
            return Ok(Self { file: File::options().write(true).open(&path)?, pending: None });
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        let new = builder.prefix(".aibom-").permissions(permissions(&path)).tempfile_in(parent)?;
        let (file, temporary) = new.into_parts();
        Ok(Self { file, pending: Some((temporary, path)) })
    }

    /// Puts it in its place.
    pub(crate) fn commit(self) -> io::Result<()> {
        let Some((temporary, path)) = self.pending else { return Ok(()) };
        self.file.sync_all()?;
        temporary.persist(path).map_err(|error| error.error)
    }
}

/// Those of the file that is replaced, else readable by all as the umask allows.
fn permissions(path: &Path) -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).map_or_else(|_| fs::Permissions::from_mode(0o644), |known| known.permissions())
}
