//! What every observation has in common: probes, rings, feed and sweeps, from set-up to the last answer.
//!
//! `engine` holds them and turns the handle, `sweep` reads what is there now,
//! `light` has the opens where no system call is watched, `end` brings it to its end. Who is
//! observed and for how long decide `run`, `observe` and `daemon`.

mod end;
mod engine;
mod ledger;
mod light;
mod procfs;
mod sweep;

pub use engine::{Engine, SETTLE, Setup};
pub use ledger::Ledger;
pub use sweep::{Look, Sweeper};

use std::io;

use bom_extract::DigestsError;

use crate::{
    cgroup::CgroupError,
    feed::FeedError,
    host::{HostError, Missing},
    probes::LoadError,
};

#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// What is missing, and how to get it.
    #[error("{0}")]
    Privilege(Missing),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Feed(#[from] FeedError),
    #[error(transparent)]
    Digests(#[from] DigestsError),
    #[error("{what}")]
    Io { what: &'static str, source: io::Error },
    #[error("no probe named {0:?}; docs/probes.md lists them")]
    NoProbe(String),
    /// Whom to observe was not found, or cannot be.
    #[error("{0}")]
    Nobody(String),
}

/// Gives an error of the system its place.
pub(crate) fn io_error(what: &'static str) -> impl Fn(io::Error) -> SessionError {
    move |source| SessionError::Io { what, source }
}
