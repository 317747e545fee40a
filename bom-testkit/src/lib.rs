//! Fixtures and privileged trials of aibom, for tests only.
//!
//! Never: reachable from a released program, or a place for logic that the product needs.
//!
//! Start reading at [`world`], where a real agent can run without reaching anybody.

pub mod bench;
pub mod flood;
pub mod synth;
pub mod trial;
pub mod world;
