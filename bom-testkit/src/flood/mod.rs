//! Programs that flood an observer, to hide one fact behind a hundred thousand others.
//!
//! A test binary starts itself again in one of these roles; each ends with one line that says exactly what it did, so
//! that what was seen can be compared with what was done. `program` plays them, `town` is whom they talk to.

mod program;
mod town;

pub use program::{Done, Role, as_asked};
pub use town::Town;
