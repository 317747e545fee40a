//! The product's knowledge.
#![forbid(unsafe_code)]

pub mod bom;
pub mod metadata;
