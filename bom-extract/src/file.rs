//! An opened file as [`Input`]. The caller opened it and decided that it may be read.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use alloc::boxed::Box;

use crate::input::{Input, ReadError};

/// A regular file, read by `pread`: never mapped, so that a truncating writer cannot raise SIGBUS.
#[derive(Debug)]
pub struct FileInput {
    file: File,
    len: u64,
}

impl FileInput {
    /// Takes the file's size once.
    ///
    /// # Errors
    /// If the size cannot be read.
    pub fn new(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self { file, len })
    }

    /// The file again.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }
}

impl Input for FileInput {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        loop {
            match self.file.read_at(buf, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => {
                    return result.map_err(|error| ReadError {
                        offset,
                        wanted: buf.len(),
                        source: Box::new(error),
                    });
                }
            }
        }
    }
}
