//! The host side of aibom.
#[cfg(feature = "probes")]
pub mod probes;
