//! An opened file as [`Input`]. The caller opened it and decided that it may be read.

use std::boxed::Box;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::input::{Input, ReadError};

/// An opened regular file, read by `pread` alone: a mapping would turn a file cut short into a signal.
pub struct FileInput<'a> {
    file: &'a File,
    len: u64,
    check: Option<&'a dyn Fn() -> io::Result<()>>,
}

impl fmt::Debug for FileInput<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FileInput")
            .field("file", self.file)
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

impl<'a> FileInput<'a> {
    /// `len` is the size in bytes that fstat gave.
    pub fn new(file: &'a File, len: u64) -> Self {
        Self { file, len, check: None }
    }

    /// Asks `check` before each read; its error ends the extraction. This is where a caller keeps time.
    #[must_use]
    pub fn checked(self, check: &'a dyn Fn() -> io::Result<()>) -> Self {
        Self { check: Some(check), ..self }
    }
}

impl Input for FileInput<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        let wanted = buf.len();
        let outcome =
            self.check.map_or(Ok(()), |check| check()).and_then(|()| read_some(self.file, buf, offset));
        outcome.map_err(|error| ReadError { offset, wanted, source: Box::new(error) })
    }
}

/// One `pread`, repeated if a signal came first.
///
/// # Errors
/// Whatever the operating system said, interruption aside.
pub fn read_some(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    loop {
        match file.read_at(buf, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}
