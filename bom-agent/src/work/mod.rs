//! Answers to the work the core asks for, off the hot path.
//!
//! A file is opened in the mount namespace that saw it, checked against what the kernel reported, read with `pread`
//! and closed. Nothing is executed, mapped, followed or written. What cannot be found out is `Unknown` with its
//! reason; a question that hangs (a file system in user space that never replies) is given up, not waited for.
//!
//! Start reading at [`Pool`], then at `answer`.

mod answer;
mod claims;
mod content;
mod namespace;
mod open;
mod owner;
mod place;
mod pool;
mod queue;
mod settings;
mod store;
mod verify;
mod watch;

pub use pool::Pool;
pub use settings::PoolSettings;
