//! Bytes of one file → what its header says: models, and what is loaded along with them, in some fifty formats; ELF.
//!
//! This is the room for untrusted input. It never opens, executes, unpickles, fetches or resolves anything; it sees
//! a file only through [`Input`], asks for bounded pieces of it, and spends at most what [`Limits`] allows. A file is
//! recognised by its content, never by its name. A file of another format is `Ok(None)`; a broken file of our format
//! is what could be read plus [issues](bom_core::metadata::Issue); only a failed read is an error.
//!
//! Start reading at [`extract`], then at one of the formats in `format/`. To add a format: one file there, one line
//! in the list in `extractor.rs`.

#![no_std]
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[cfg(feature = "std")]
mod digests;
mod draft;
mod extractor;
#[cfg(feature = "std")]
mod file;
mod format;
mod grammar;
mod input;
mod layout;
mod limits;
mod reader;
mod rpmdb;
mod sqlite;
pub mod store;
mod template;

pub use bom_core::metadata::FileKind;
#[cfg(feature = "std")]
pub use digests::{Digests, DigestsError, FileState};
pub use extractor::{END_BYTES, PREFIX_BYTES, extract, sniff, sniff_end};
#[cfg(feature = "std")]
pub use file::{FileInput, read_some};
pub use input::{Input, ReadError};
pub use limits::Limits;
pub use rpmdb::{RpmOutcome, RpmPackage, rpm_package, rpm_packages};
