//! The probes: which there are, loading them by trying, and what they say of themselves.
//!
//! `kernel_types` finds struct offsets, `load` loads and attaches, `tracefs` lends a mount to do so.

pub mod kernel_types;
mod links;
mod load;
mod shares;
mod table;
mod tracefs;

pub use load::{IteratorError, LoadError, Probes, Settings, Tier};
pub use shares::{Ring, Shares};
pub use table::{Hook, PROBES, Probe};
