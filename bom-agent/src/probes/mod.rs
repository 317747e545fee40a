//! The probes: which there are, loading them by trying, and what they say of themselves.
//!
//! `kernel_types` finds struct offsets, `load` loads and attaches, `tracefs` lends a mount to do so.

pub mod kernel_types;
mod load;
mod table;
mod tracefs;

pub use load::{IteratorError, LoadError, Probes, Settings, Tier};
pub use table::{Hook, PROBES, Probe};
