//! What observing costs: the same work bare, with aibom and with other tracers, side by side in one run.
//!
//! Every pair is measured from inside the work (a program of ours that times itself or its child), so that starting and
//! ending an observer counts as set-up and not as overhead. Repetitions are interleaved, because the machine is seldom
//! quiet, and CPU time stands beside wall time for the same reason.
//!
//! Never: an assertion. The numbers depend on the machine; the page says which.
//!
//! Start reading at [`measure`], which runs everything and returns the page; `section` lists its parts.

mod all;
mod section;

mod agent;
mod compare;
mod files;
mod node;
mod opens;
mod rate;
mod records;
mod throughput;
mod untraced;

mod cgroup;
mod daemon;
mod load;
mod mixed;
mod observer;
mod spent;
mod stage;

mod machine;
mod page;
mod sample;

mod error;

pub use all::{Options, files_alone, measure, measure_some};
pub use error::BenchError;
pub use load::load;
pub use spent::timed;
