//! The host side of aibom: loads the probes, drains their rings, looks files up for the core, starts
//! and follows the observed command.
//!
//! Never decides what a fact means: every observation becomes an `Input` of `bom-core`, and what the
//! core wants to know comes back as `Work`. It never executes, imports or fetches what it observes.
//!
//! Start reading at `run`, then `session` and `feed`.

#[cfg(feature = "probes")]
pub mod canary;
pub mod cgroup;
#[cfg(feature = "probes")]
pub mod daemon;
#[cfg(feature = "probes")]
pub mod doctor;
#[cfg(feature = "probes")]
pub mod drain;
#[cfg(feature = "probes")]
pub mod fanotify;
pub mod feed;
#[cfg(feature = "probes")]
pub mod flows;
pub mod host;
pub mod launch;
mod mount_table;
#[cfg(feature = "probes")]
pub mod observe;
#[cfg(feature = "probes")]
pub mod probes;
#[cfg(feature = "probes")]
pub mod run;
#[cfg(feature = "probes")]
pub mod session;
#[cfg(feature = "probes")]
pub mod store;
pub mod time;
pub mod work;
