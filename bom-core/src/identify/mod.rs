//! What facts mean: grouping and naming, on read. Nothing here changes a fact.
//!
//! `servers` says what listens, `languages` who runs what, `detect` what may hide something, `versions` how a library is numbered.
//! `view` is the result, `build` makes it, `artifacts` says what a file is, `peers` who was called,
//! `programs` groups images; `catalog` knows names.

mod adapters;
mod artifacts;
mod build;
pub mod catalog;
mod detect;
mod languages;
mod peers;
mod programs;
mod servers;
mod versions;
mod view;

pub use build::identify;
pub(crate) use detect::detections;
pub(crate) use languages::of_name;
pub use view::{
    Code, Device, Endpoint, How, Library, McpPart, Model, Package, Program, ServedBy, Server, ServerBasis,
    SubjectView, UnixPeer, Unresolved, Usage, VersionSource, View,
};
