//! Starting the observed command: in its session's cgroup before its first instruction, as the user who called,
//! and otherwise as if aibom were not there.
//!
//! Start reading at `command`; what happens between fork and exec is `child_side`.

mod child;
mod child_side;
mod command;
mod error;
mod identity;
mod limits;
mod search;
mod signals;

pub use child::{Child, exit_code};
pub use command::{Command, spawn, spawn_held};
pub use error::{LaunchError, Stage};
pub use identity::RunAs;
pub use limits::Limits;
pub use signals::{Signals, reaches_child_already};
