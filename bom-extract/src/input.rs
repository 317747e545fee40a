//! The door through which a file is seen.

use alloc::boxed::Box;
use alloc::vec::Vec;

/// A file that can be read at any offset, as `pread` does.
///
/// The implementor opens the file, checks that it is a regular one, and may end a slow read with an error: this
/// crate has no clock. `len` is taken once; a file that shrinks afterwards gives short reads, which become an issue.
pub trait Input {
    /// Size of the file in bytes.
    fn len(&self) -> u64;

    /// Reads up to `buf.len()` bytes at `offset` and returns how many were written to the start of `buf`.
    /// Zero means the end of the file. Fewer than asked is fine.
    ///
    /// # Errors
    /// Whatever the operating system said; it ends the extraction.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError>;

    /// Whether the file has no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A read that failed, with the reason the input gave.
#[derive(Debug, thiserror::Error)]
#[error("read {wanted} bytes at offset {offset}")]
pub struct ReadError {
    /// Offset in the file, in bytes.
    pub offset: u64,
    /// How many bytes were asked for.
    pub wanted: usize,
    /// What the input said.
    #[source]
    pub source: Box<dyn core::error::Error + Send + Sync>,
}

impl Input for &[u8] {
    fn len(&self) -> u64 {
        u64::try_from(<[u8]>::len(self)).unwrap_or(u64::MAX)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        let rest = usize::try_from(offset).ok().and_then(|start| self.get(start..)).unwrap_or_default();
        let count = rest.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        Ok(count)
    }
}

impl Input for Vec<u8> {
    fn len(&self) -> u64 {
        Input::len(&self.as_slice())
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        self.as_slice().read_at(offset, buf)
    }
}
