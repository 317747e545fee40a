//! YAML with the place of each value, within limits.
//!
//! The parser gives events; this room makes a tree of them and decides what that may cost: aliases are counted with
//! everything below them, so that nine lines cannot become nine gigabytes, and an alias to what contains it is an
//! error. JSON is YAML, so it comes through the same door.

mod node;
mod read;

pub use node::{Entry, Node, Value};
pub use read::{Limits, Repeated, YamlError, read};
