//! The product's knowledge: records become events, events become facts, facts become an inventory
//! with its coverage, and an inventory becomes a CycloneDX document. What was declared is read from
//! manifests and compared with a document.
//!
//! Never any I/O: no file, socket, clock, environment, thread or randomness (`clippy.toml` forbids
//! them, `cargo xtask check` proves that it does), and no panic on any input. Everything is a
//! function of the list of [`input::Input`]s, so a recording replays byte for byte.
//!
//! Start reading at [`correlate`].
#![forbid(unsafe_code)]

pub mod key;
pub mod package;
pub mod path;
mod sorting;

pub mod decode;
pub mod event;
pub mod stream;

pub mod claimed;
pub mod input;
pub mod recording;

pub mod correlate;

pub mod coverage;
pub mod fact;
pub mod inventory;
pub mod join;
pub mod metadata;
pub mod stdio;
pub mod stored;
pub mod strength;

pub mod identify;

pub mod assemble;
pub mod bom;
pub mod explain;

pub mod declared;
pub mod diff;
pub mod manifest;
pub mod report;
