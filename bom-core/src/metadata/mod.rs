//! What the header of one file says, as plain values.
//!
//! An extractor turns the bytes of one file into an [`Extracted`]; the correlator turns that into facts. The types
//! stand between the two and travel inside recordings, one JSON value per line, which is why they are serialisable
//! and hold no floating point number.
//!
//! Nothing here is proof. A file header is written by whoever made the file: structure that was checked against the
//! file itself (tensor counts, shapes, build-id notes) stands in named fields, free text stands in
//! [`ModelMetadata::claimed`].
//!
//! Start reading at [`Extracted`].

mod code;
mod elf;
mod extracted;
mod issue;
mod model;

pub use code::{CodeMetadata, Language, PackageNote};
pub use elf::{ElfClass, ElfMetadata, ElfType, MARKERS, version_from_soname};
pub use extracted::{ByteOrder, Extracted, FileKind};
pub use issue::{Issue, IssueCode};
pub use model::{ModelMetadata, ModelRole, TextDigest};
