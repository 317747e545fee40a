//! Where results go and what they look like: `target` is `-o`, `file` replaces files whole, `table`
//! is for people, `documents` puts them together.

mod documents;
mod file;
mod table;
mod target;

pub(crate) use documents::{check_documents, view_of, write_documents};
#[cfg(feature = "observe")]
pub(crate) use file::Replacement;
pub(crate) use file::{is_terminal, write};
pub(crate) use table::{Style, bytes, columns, grouped, table};
pub(crate) use target::{Format, Target};
