//! Pickles, walked and never run.
//!
//! Source: `pickletools.py` of CPython, protocols 0 to 5. A pickle is a program for a small stack machine whose
//! instructions import names and call them. This machine has the same stack, but an import gives a [`Node::Name`] and
//! a call gives a [`Node::Call`] that says what would have been called with what. Objects live in an arena and are
//! named by number, so that a pickle that refers to itself a million times costs a million numbers.
//!
//! Past the limit of remembered objects the walk goes on and lists imports; what it makes then is [`Node::Other`].

mod array;
mod edit;
mod imports;
mod machine;
mod node;
mod step;

pub(crate) use machine::Machine;
pub(crate) use node::{Id, Node};
