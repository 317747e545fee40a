//! The file system as a test sees it.

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::Path,
};

use bom_core::input::Reason;
use bom_extract::store::{Folder, Names};

pub(crate) struct Local;

fn place(path: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(path))
}

fn kind(path: &[u8]) -> Option<fs::FileType> {
    fs::symlink_metadata(place(path)).ok().map(|metadata| metadata.file_type())
}

fn failed(_: io::Error) -> Reason {
    Reason::ReadFailed
}

impl Folder for Local {
    fn read(&self, path: &[u8], limit: u64) -> Result<Option<Vec<u8>>, Reason> {
        if !kind(path).is_some_and(|kind| kind.is_file()) {
            return Ok(None);
        }
        let content = fs::read(place(path)).map_err(failed)?;
        if u64::try_from(content.len()).unwrap_or(u64::MAX) > limit {
            Err(Reason::TooLarge)
        } else {
            Ok(Some(content))
        }
    }

    fn names(&self, path: &[u8], limit: usize) -> Result<Option<Names>, Reason> {
        if !kind(path).is_some_and(|kind| kind.is_dir()) {
            return Ok(None);
        }
        let entries = fs::read_dir(place(path)).map_err(failed)?;
        let mut names: Vec<Vec<u8>> = entries.flatten().map(|entry| entry.file_name().into_vec()).collect();
        names.sort();
        let all = names.len() <= limit;
        names.truncate(limit);
        Ok(Some(Names { names, all }))
    }

    fn link(&self, path: &[u8]) -> Result<Option<Vec<u8>>, Reason> {
        Ok(fs::read_link(place(path)).ok().map(|target| target.into_os_string().into_vec()))
    }
}
