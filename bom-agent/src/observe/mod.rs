//! `aibom observe`: what runs already, by process, cgroup, unit or container, or all of it.
//!
//! `selection` finds who is meant, `tree` says which cgroup is a subject and which only holds some, `watch` keeps the
//! list of subjects while they come and go, `pods` says which Kubernetes container one is, `follow` is the loop.

mod follow;
mod pods;
mod selection;
mod tree;
mod watch;

pub use follow::{Observed, Options, Progress, observe};
pub use selection::Selection;
pub(crate) use watch::Watch;
