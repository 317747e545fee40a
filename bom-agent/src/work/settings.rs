//! How much the pool may spend.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bom_extract::{Digests, Limits};

/// Bounds and roots of a [`Pool`](super::Pool).
#[derive(Clone, Debug)]
pub struct PoolSettings {
    /// Threads for `Inspect`. `Owner`, `Digest` and `Claims` have one more each, so that neither a long digest nor the first
    /// index of a large installation keeps headers waiting. Default 1.
    pub threads: usize,
    /// Questions of each kind that wait. Default 16,384.
    pub queue: usize,
    /// Larger files are not hashed (`TooLarge`). Default `None`: all are.
    pub max_digest_bytes: Option<u64>,
    /// Digests of large files that were read earlier. Default `None`: all are read.
    pub digests: Option<Arc<Digests>>,
    /// Mount namespaces held open; the one not used for longest is let go for a new one. Default 256.
    pub namespaces: usize,
    /// A question without any progress for so long is answered `Deadline`, and its thread replaced. Default 10 s.
    pub patience: Duration,
    /// Longest time for one `Inspect`, progress or not (`Deadline`). Default 30 s: a Node of 95 MiB that is not in the
    /// page cache took more than ten on a machine whose CPUs had six other takers each, and without it none of the
    /// packages that it ran has a name.
    pub inspect_time: Duration,
    /// Rows of package file lists kept in memory, 16 bytes each: half for Python, half for Debian, and one
    /// installation at most half of that. The one not used for longest goes first; what is in none of the rows that
    /// fit is `TooLarge`. Default 2 Mi, 32 MiB; a large installation has 30,000 (Python) or 120,000 (Debian).
    pub index_rows: usize,
    /// Bounds of one extraction.
    pub limits: Limits,
    /// Root of our own mount namespace. Default `/`.
    pub root: PathBuf,
    /// Where proc is mounted, with the observed processes' numbers. Default `/proc`.
    pub procfs: PathBuf,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            threads: 1,
            queue: 16_384,
            max_digest_bytes: None,
            digests: None,
            namespaces: 256,
            patience: Duration::from_secs(10),
            inspect_time: Duration::from_secs(30),
            index_rows: 2 << 20,
            limits: Limits::default(),
            root: PathBuf::from("/"),
            procfs: PathBuf::from("/proc"),
        }
    }
}
