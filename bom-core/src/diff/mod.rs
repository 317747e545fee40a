//! What was declared against what was observed.
//!
//! [`Observed`] is a document as subjects with items and coverage; [`Declared`](crate::declared::Declared) comes from
//! manifests, a declaration or a document. [`compare`] pairs workloads and items, strongest evidence first, and judges
//! the rest by one table of findings (`codes`). What cannot be told is a finding too: an empty list of findings means
//! that there was something to compare, that it was compared, and that coverage was as required.
//!
//! Start with `compare.rs`; `pairing` says what is the same thing, `judge` what follows.

mod codes;
mod page;

mod document;
pub use document::{Coverage, Observed, Subject, declared_of, observed_of, unpinned_of, unread_of};

mod normal;
mod pairing;
pub use pairing::{Namespaces, Pair, Pass, pair, pair_within};

mod compare;
mod conflict;
mod endpoints;
mod judge;
mod pods;
mod unmatched;
mod workloads;
pub use compare::{Comparison, NotCompared, Options, Required, compare};
pub use pods::Pod;

mod finding;
pub use codes::{CODES, Code, Severity, Tells, code};
pub use finding::{Finding, Seen};
pub use page::page;

pub mod gate;

pub mod declaration;
pub mod declare;
