//! The CycloneDX document: our own model of it, and the only rooms that read and write it.
//!
//! A [`Bom`] knows nothing of a specification version. [`to_json`] turns it into CycloneDX 1.5, 1.6 (the default)
//! or 1.7 with the same bytes for the same content; [`from_json`] reads 1.2 to 1.7 back, tolerantly. Neither does
//! I/O, reads a clock or takes randomness: the serial number is derived from the content.
//!
//! Start with `document.rs` (the shapes), then `write.rs`, which names the steps in order:
//! normalise, check, `core15` (the 1.5 core, through the `cyclonedx-bom` crate), `lift` (what that crate cannot
//! say), `print` (stable key order). Documents of others are read by `read` into the same model; `validate` and `convert`
//! work on any document as it stands, by `spec`, the table of all fields.
//!
//! Why there is a lift at all: `docs/adr/0002-cyclonedx-lift.md`.

pub mod terms;

pub mod escape;
pub mod hash;
pub mod iri;
pub mod license;
pub mod purl;
pub mod scalars;
pub mod timestamp;

pub mod document;
mod normal;

pub mod check;
mod core15;
mod lift;
pub mod loss;
mod print;
pub mod write;

pub mod read;

pub mod spec;

pub mod convert;
pub mod validate;

pub use check::{Problem, ProblemKind, check, is_taxonomy_name, taxonomy_segment};
pub use core15::CoreError;
pub use document::{
    Ancestor, Annotation, Annotator, Bom, Component, Composition, DataFlow, Evidence, ExternalReference,
    Identity, Metadata, Method, ModelCard, Occurrence, Pedigree, Property, Provider, Service, Task, Workflow,
};
pub use escape::{Escaped, UnescapeError, escape, is_hidden, unescape};
pub(crate) use hash::hex;
pub use hash::{Hash, HashError};
pub use iri::{Iri, IriError};
pub use license::{License, LicenseId, LicenseName, Licenses};
pub use lift::LiftError;
pub use loss::{Dropped, dropped};
pub use purl::{Purl, PurlError, PurlParts};
pub use read::{Issue, IssueKind, Limits, Read, ReadError, from_json, from_json_within};
pub use scalars::{BomRef, Confidence, DocumentError, Version};
pub use terms::{
    Acknowledgement, Aggregate, Approach, ComponentKind, ExternalReferenceKind, Flow, HashAlgorithm,
    IdentityField, Phase, SpecVersion, TaskType, Technique,
};
pub use timestamp::{Timestamp, TimestampError};
pub use write::{Options, WriteError, Written, to_json};
