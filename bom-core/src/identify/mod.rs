//! What facts mean: grouping and naming, on read. Nothing here changes a fact.
//!
//! `view` is the result, `build` makes it, `artifacts` says what a file is, `peers` who was called,
//! `programs` groups images, `sets` files of one model (with `parts`, `homes`, `adapters`); `catalog` knows names.

mod adapters;
mod artifacts;
mod build;
pub mod catalog;
mod handlers;
mod homes;
mod parts;
mod peers;
mod programs;
mod roles;
mod sets;
mod view;

pub use adapters::join as join_adapters;
pub use build::identify;
pub(crate) use build::unknown_readers;
pub use handlers::{Handler, handler};
pub use roles::{ROLES, RoleRule, Sign, roles};
pub use sets::join as join_sets;
pub use view::{
    Device, Endpoint, Library, Model, Package, Part, Program, SubjectView, UnixPeer, Unresolved, Usage, View,
};
