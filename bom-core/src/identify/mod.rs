//! What facts mean: grouping and naming, on read. Nothing here changes a fact.
//!
//! `servers` says what listens, `languages` who runs what, `detect` what may hide something, `versions` how a library is numbered
//! and `products` what that number is of.
//! `view` is the result, `build` makes it, `artifacts` says what a file is, `peers` who was called,
//! `programs` groups images, `sets` files of one model (with `parts`, `homes`, `adapters`); `catalog` knows names.

mod adapters;
mod artifacts;
mod build;
pub mod catalog;
mod detect;
mod handlers;
mod homes;
mod languages;
mod parts;
mod peers;
mod products;
mod programs;
mod roles;
mod servers;
mod sets;
mod versions;
mod view;

pub use adapters::join as join_adapters;
pub use build::identify;
pub(crate) use detect::{STREAMED_SHARE, UNKNOWN_FORMAT, detections};
pub use handlers::{Handler, handler};
pub(crate) use languages::of_name;
pub use parts::{Candidate, fill as join_parts};
pub use products::{Product, product};
pub use roles::{ROLES, RoleRule, Sign, roles};
pub use sets::join as join_sets;
pub use view::{
    Code, Device, Endpoint, How, Library, McpPart, Model, Package, Part, Program, ServedBy, Server,
    ServerBasis, SubjectView, UnixPeer, Unresolved, Usage, VersionSource, View,
};
