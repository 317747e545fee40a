//! `aibom inspect`: what are these files?
//!
//! `walk` finds them, `look` reads their headers and what their stores say, `digest` hashes them if asked to, `show`
//! prints.

mod digest;
mod look;
mod run;
mod show;
mod walk;

pub(crate) use run::inspect;
