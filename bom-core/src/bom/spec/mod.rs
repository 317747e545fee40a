//! CycloneDX JSON as the specification shapes it: any document, fields that we do not model included.
//!
//! The typed model next door holds what we say. This is for documents as they are: `text` reads one into a tree and
//! remembers keys that stand twice, `table` knows the fields of each edition, `walk` goes through a tree by that table.
//! The checker and the converter are made of them.

mod table;
mod text;
mod walk;

pub use table::{Edition, Field, Shape, Table, What};
pub use text::{Parsed, parse};
pub use walk::{Place, Visit, shape_of, walk};
