//! Where something stands in the input.

use std::sync::Arc;

/// A line of a file, as a person or an editor names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file as it was given to us; escaped before it is printed.
    pub file: Arc<str>,
    /// Counted from 1; 0 where only the file is known.
    pub line: u32,
    /// Counted from 1, in characters; 0 where only the line is known.
    pub column: u32,
}

impl Place {
    /// A place of which only the file is known.
    pub fn of_file(file: &str) -> Self {
        Self { file: file.into(), line: 0, column: 0 }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let file = crate::bom::escape(self.file.as_bytes()).text;
        if self.line == 0 { f.write_str(&file) } else { write!(f, "{file}:{}", self.line) }
    }
}
