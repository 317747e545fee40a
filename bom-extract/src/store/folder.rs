//! The door through which a store is seen.

use alloc::vec::Vec;

use bom_core::input::Reason;

/// Names in a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// In order.
    pub names: Vec<Vec<u8>>,
    /// Whether those are all.
    pub all: bool,
}

/// A tree of files as the observed process has it. Paths start at its root; no step of one is followed if it is a link.
///
/// `Ok(None)` is "there is no such thing", which includes "it is of another kind".
pub trait Folder {
    /// The content of a regular file of at most `limit` bytes; of a longer one nothing.
    ///
    /// # Errors
    /// Why it cannot be told, with [`Reason::TooLarge`] for a file that is longer.
    fn read(&self, path: &[u8], limit: u64) -> Result<Option<Vec<u8>>, Reason>;

    /// At most `limit` names in a directory.
    ///
    /// # Errors
    /// Why it cannot be told.
    fn names(&self, path: &[u8], limit: usize) -> Result<Option<Names>, Reason>;

    /// What a symbolic link says, as it is written.
    ///
    /// # Errors
    /// Why it cannot be told.
    fn link(&self, path: &[u8]) -> Result<Option<Vec<u8>>, Reason>;
}
