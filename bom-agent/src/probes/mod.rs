//! The probes: which there are, loading them by trying, and what they say of themselves.
//!
//! `kernel_types` finds struct offsets, `load` loads and attaches, `detach` lets go, `tracefs` lends a mount to do so.

mod account;
mod detach;
pub mod kernel_types;
mod links;
mod load;
mod shares;
mod subjects;
mod table;
mod tracefs;

pub use load::{LoadError, Probes, Profile, Settings, Tier};
pub use shares::{Ring, Shares};
pub use subjects::IteratorError;
pub use table::{Hook, PROBES, Probe};
