//! `aibom inspect`: what are these files?
//!
//! `walk` finds them, `look` reads their headers and what their stores say, `parts` finds the weights that headers refer
//! to, `digest` hashes them if asked to, `show` prints.

mod digest;
mod look;
mod parts;
mod run;
mod show;
mod walk;

pub(crate) use run::inspect;
