//! Data table: what is done in the machine, and what of it a document has to say.

use crate::{acts, acts::Act};

/// Folder of everything the acts touch.
pub(crate) const FOLDER: &str = "/tmp/acts";

/// Where somebody listens while the acts run. Outside the observed cgroup.
pub(crate) const TCP4: &str = "127.0.0.1:4101";
pub(crate) const TCP6: &str = "[::1]:4102";
pub(crate) const UDP: &str = "127.0.0.1:4103";
pub(crate) const URING: &str = "127.0.0.1:4104";
pub(crate) const LEFT: &str = "127.0.0.1:4105";
pub(crate) const TLS: &str = "127.0.0.1:4106";
/// The server name in the hello that goes there.
pub(crate) const NAME: &str = "api.machine.test";
pub(crate) const UNIX: &str = "/tmp/acts/listener.sock";

#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) act: Act,
    pub(crate) fact: Fact,
    /// Gap codes, or their beginnings: one of them in the document makes a missing fact a declared one. Empty: the row
    /// has to be seen on every kernel.
    pub(crate) declared: &'static [&'static str],
}

/// What the document has to hold.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fact {
    /// A model at `FOLDER/NAME.gguf`.
    Model,
    /// An open of that file in the recording: it cannot be read through such a descriptor, so it is no model.
    Recorded,
    /// A program executed from `FOLDER/NAME`.
    Program,
    /// A program executed from memory.
    MemoryProgram,
    /// A service at this address and port.
    Service(&'static str),
    /// The same, with a server name out of a TLS hello.
    Named(&'static str, &'static str),
    /// A unix socket's path, anywhere in the document.
    Path(&'static str),
}

const FILES: &[&str] = &[];

const fn file(name: &'static str, act: Act) -> Row {
    Row { name, act, fact: Fact::Model, declared: FILES }
}

pub(crate) const ROWS: &[Row] = &[
    file("open", acts::open),
    file("openat", acts::openat),
    file("openat2", acts::openat2),
    Row { name: "creat", act: acts::creat, fact: Fact::Recorded, declared: &[] },
    file("open-by-handle", acts::open_by_handle),
    file("mmap", acts::mmap),
    file("thread", acts::thread),
    file("fork", acts::fork),
    file("double-fork", acts::double_fork),
    Row { name: "exec", act: acts::exec, fact: Fact::Program, declared: &[] },
    Row { name: "short-lived", act: acts::short_lived, fact: Fact::Program, declared: &[] },
    Row {
        name: "memfd-exec",
        act: acts::memfd_exec,
        fact: Fact::MemoryProgram,
        declared: &["suspected:memory-image"],
    },
    Row { name: "tcp-v4", act: acts::tcp4, fact: Fact::Service(TCP4), declared: &[] },
    Row { name: "tcp-v6", act: acts::tcp6, fact: Fact::Service(TCP6), declared: &[] },
    Row {
        name: "tcp-after-leaving-cgroup",
        act: acts::tcp_after_leaving,
        fact: Fact::Service(LEFT),
        declared: &[],
    },
    Row { name: "tls-name", act: acts::tls_name, fact: Fact::Named(TLS, NAME), declared: &[] },
    Row {
        name: "udp",
        act: acts::udp,
        fact: Fact::Service(UDP),
        declared: &["unwatched:udp", "probe-missing:cgroup_"],
    },
    Row {
        name: "unix-connect",
        act: acts::unix_connect,
        fact: Fact::Path(UNIX),
        declared: &["unwatched:unix-proxy", "probe-missing:sys_exit_connect"],
    },
    Row {
        name: "io-uring-open",
        act: acts::uring_open,
        fact: Fact::Model,
        declared: &["unwatched:io-uring-open", "unwatched:io-uring-silent-open"],
    },
    Row {
        name: "io-uring-connect",
        act: acts::uring_connect,
        fact: Fact::Service(URING),
        declared: &["probe-missing:inet_sock_set_state"],
    },
];
