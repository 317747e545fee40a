//! Deploy manifests: what teams already write, read as a declaration.
//!
//! [`read`] takes the bytes of every file at once, because what one file says is used in another (a ConfigMap, a
//! ServingRuntime, a policy), and gives [`Declared`](crate::declared::Declared). Nothing is fetched, expanded by a
//! shell or asked of a cluster: what is not in the input is an issue, never a guess. Values of secrets are not read.
//!
//! `yaml/` reads text with the place of each value; `documents` sorts the documents of all files by kind;
//! `settings` (variables and arguments) and `fields` are the tables that docs/declared.md is made from.

pub mod fields;
pub mod settings;
pub mod yaml;

mod page;
pub use page::page;

mod documents;
mod reference;
mod words;

mod container;
mod gather;

mod kubernetes;

mod compose;
mod config;
mod mcp;

pub use documents::{ManifestError, Source, read};
pub(crate) use gather::package;
pub use reference::{Address, address, model_item};
pub(crate) use reference::{digest, is_commit};
