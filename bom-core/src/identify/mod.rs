//! What facts mean: grouping and naming, on read. Nothing here changes a fact.

pub mod catalog;
