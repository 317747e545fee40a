//! One file: its header, and what the store around it says.

use std::{
    ffi::OsStr,
    fs::{self, File, Metadata},
    io::{self, Read as _},
    os::unix::{
        ffi::{OsStrExt as _, OsStringExt as _},
        fs::MetadataExt as _,
    },
    path::{Path, PathBuf},
};

use bom_core::{input::Reason, key::FileKey, metadata::Extracted, stored::Origins};
use bom_extract::{
    END_BYTES, FileInput, Limits, PREFIX_BYTES, extract, read_some, sniff, sniff_end,
    store::{Asked, Folder, Names, origins},
};

/// What was found out about one file.
#[derive(Debug)]
pub(super) struct Looked {
    /// Without links.
    pub(super) path: PathBuf,
    pub(super) shown: PathBuf,
    pub(super) alone: bool,
    pub(super) key: FileKey,
    /// Seconds since 1970.
    pub(super) modified_s: i64,
    pub(super) content: Option<Extracted>,
    pub(super) origins: Origins,
    /// SHA-256 of the content, if it was hashed.
    pub(super) digest: Option<String>,
    /// Of no format of its own, and part of a model that was looked at as well.
    pub(super) part: bool,
    /// It was read earlier, and the file has not changed since as far as its times tell.
    pub(super) earlier: bool,
}

pub(super) fn look(path: &Path, shown: &Path, known: &Metadata) -> anyhow::Result<Looked> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    anyhow::ensure!(
        (metadata.dev(), metadata.ino()) == (known.dev(), known.ino()),
        "another file took its place"
    );
    let content = header(&file, metadata.len())?;
    let is_model = content.as_ref().is_some_and(|content| content.model.is_some());
    let origins = if is_model { stores(path, metadata.mtime()) } else { Origins::default() };
    let key = FileKey {
        device: u32::try_from(metadata.dev()).unwrap_or_default(),
        inode: metadata.ino(),
        generation: 0,
        size: metadata.len(),
        ctime_s: metadata.ctime(),
        ctime_ns: u32::try_from(metadata.ctime_nsec()).unwrap_or_default(),
    };
    Ok(Looked {
        path: path.to_owned(),
        shown: shown.to_owned(),
        alone: false,
        key,
        content,
        modified_s: metadata.mtime(),
        origins,
        digest: None,
        part: false,
        earlier: false,
    })
}

/// What the stores around a file say of it.
pub(super) fn stores(path: &Path, modified_s: i64) -> Origins {
    origins(&Local, Asked { path: path.as_os_str().as_bytes(), modified_s: Some(modified_s) })
}

/// For most files, which are of no known format, one read of a few bytes.
fn header(file: &File, len: u64) -> anyhow::Result<Option<Extracted>> {
    let mut prefix = [0; PREFIX_BYTES];
    let count = read_some(file, &mut prefix, 0)?;
    let mut end = [0; END_BYTES];
    let last = read_some(file, &mut end, len.saturating_sub(u64::try_from(END_BYTES)?))?;
    let known = sniff(prefix.get(..count).unwrap_or_default(), len)
        .or_else(|| sniff_end(end.get(..last).unwrap_or_default(), len));
    if known.is_none() {
        return Ok(None);
    }
    Ok(extract(&FileInput::new(file, len), &Limits::default())?)
}

/// The file system as we see it ourselves.
struct Local;

/// What is not there, or of another kind, is `None`.
fn existing<T>(outcome: io::Result<T>) -> Result<Option<T>, Reason> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(error) => {
            let kind = error.kind();
            let absent = [
                io::ErrorKind::NotFound,
                io::ErrorKind::NotADirectory,
                io::ErrorKind::InvalidInput,
                io::ErrorKind::InvalidFilename,
            ];
            if absent.contains(&kind) {
                Ok(None)
            } else if kind == io::ErrorKind::PermissionDenied {
                Err(Reason::PermissionDenied)
            } else {
                Err(Reason::ReadFailed)
            }
        }
    }
}

fn place(path: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(path))
}

impl Folder for Local {
    fn read(&self, path: &[u8], limit: u64) -> Result<Option<Vec<u8>>, Reason> {
        let path = place(path);
        let Some(metadata) = existing(fs::symlink_metadata(path))? else { return Ok(None) };
        if !metadata.is_file() {
            return Ok(None);
        }
        if metadata.len() > limit {
            return Err(Reason::TooLarge);
        }
        let Some(file) = existing(File::open(path))? else { return Ok(None) };
        let mut content = Vec::new();
        file.take(limit).read_to_end(&mut content).map_err(|_| Reason::ReadFailed)?;
        Ok(Some(content))
    }

    fn names(&self, path: &[u8], limit: usize) -> Result<Option<Names>, Reason> {
        let path = place(path);
        let Some(metadata) = existing(fs::symlink_metadata(path))? else { return Ok(None) };
        if !metadata.is_dir() {
            return Ok(None);
        }
        let Some(entries) = existing(fs::read_dir(path))? else { return Ok(None) };
        let mut names = Vec::new();
        let mut all = true;
        for entry in entries {
            let name = entry.map_err(|_| Reason::ReadFailed)?.file_name();
            if names.len() == limit {
                all = false;
                break;
            }
            names.push(name.into_vec());
        }
        names.sort_unstable();
        Ok(Some(Names { names, all }))
    }

    fn link(&self, path: &[u8]) -> Result<Option<Vec<u8>>, Reason> {
        Ok(existing(fs::read_link(place(path)))?.map(|target| target.into_os_string().into_vec()))
    }
}
