//! What the standard input and output of a program are, as the kernel has them: how a client and the server that it
//! started talk.

use serde::{Deserialize, Serialize};

/// The first two descriptors of a process, when its program had just been started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stdio {
    pub input: End,
    pub output: End,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// A pipe, by its inode number.
    Pipe(u64),
    /// A socket, by its inode number; of a pair, each end has its own.
    Socket(u64),
    /// A file, a terminal, nothing.
    Other,
}

impl Stdio {
    /// Somebody can ask through the one and hear through the other.
    pub fn talks(&self) -> bool {
        self.input != End::Other && self.output != End::Other
    }
}
