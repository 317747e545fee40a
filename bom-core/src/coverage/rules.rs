//! Every known way past the probes, and what closes or watches it. docs/coverage.md is this table.

use std::collections::BTreeSet;

use super::{
    Class, Gap,
    light::{self, LIGHT, LIGHT_CLOSES, OPENING, STANDS_IN},
};

pub use super::page::page;

/// What the rules are applied to: one subject of one epoch.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Names of the probes that were attached.
    pub alive: BTreeSet<String>,
    /// Names of those that were, and told nothing when they should have.
    pub silent: BTreeSet<String>,
    /// Detectors that went off.
    pub detected: BTreeSet<Detector>,
}

/// Something that is counted because a fact may hide behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detector {
    /// A process of the subject had more than one thread.
    Threads,
    /// A descriptor was gone or replaced before the probe looked.
    UnresolvedDescriptor,
    /// io_uring opened a file into a direct descriptor.
    DirectDescriptor,
    /// A connection whose name is not known.
    Nameless,
    /// A connection whose real name is encrypted.
    EncryptedHello,
    /// A stream head or datagram that could not be decoded.
    Undecoded,
    /// An image that is in no file system was executed.
    MemoryImage,
    /// A packet had headers the probe does not parse.
    UnparsedPacket,
    /// Code of a package was read by a program that is not known to run it.
    UnknownReader,
    /// A process of the subject made an io_uring.
    Uring,
    /// A process whose start was not seen: it was moved in from outside.
    EarlierLife,
    /// A packet of a cgroup that no task had shown.
    Unattributed,
    /// A process could run code that is no file's own content.
    ExecutableMemory,
    /// A process had memory that 32-bit system calls can point to.
    LowMemory,
    /// An open that was handed to io_uring, of which no completion was seen.
    UringSilent,
    /// A mapping whose file could not be looked at.
    UnresolvedMapping,
    /// A whole block device was read.
    BlockDevice,
    /// A device that takes whole packets from a process was opened.
    PacketDevice,
    /// A socket was received from another process.
    SocketPassed,
    /// A file was not the same at the end as when it was opened, was gone, or could be written to through a mapping.
    ChangedAfterOpen,
    /// A file could have been opened unseen: one of [`UNSEEN`].
    UnseenOpening,
    /// Data of a socket that no process of the subject was seen to connect.
    SocketUnknown,
    /// A unix socket was connected to a process outside the subject.
    UnixPeer,
    /// A unix datagram socket, which can send to any name without being connected.
    UnixDatagram,
    /// A peer on this machine that is not known to belong to the subject.
    LocalPeer,
    /// A socket of a family or protocol that is not followed.
    OtherFamily,
    /// A process of the subject was in none of its cgroups, or made a socket there.
    LeftCgroup,
    /// A request in plain text to a proxy, after which others can go elsewhere.
    PlainProxy,
    /// An interpreter opened code that no installer's list or manifest names.
    UnlistedCode,
    /// An interpreter of a language whose packages are not told apart was executed.
    OtherInterpreter,
    /// A program was executed that no list names and that does not say what it was built from.
    UnlistedProgram,
    /// An archive was opened of whose members something is not known.
    ArchiveOpened,
    /// A dynamic loader was executed by name, or a program's file was loaded by something else than the kernel.
    LoadedProgram,
    /// A process of the subject called bpf(), and was let.
    BpfCalled,
}

/// What keeps an escape from making a class incomplete.
#[derive(Clone, Copy, Debug)]
pub enum Watch {
    /// These probes see it.
    Probes(&'static [&'static str]),
    /// This detector would have gone off, given that these probes ran.
    Detector(Detector, &'static [&'static str]),
    /// The first of these whose probes run.
    First(&'static [Watch]),
    /// Nothing yet.
    Nothing,
}

#[derive(Clone, Copy, Debug)]
pub struct Escape {
    pub id: &'static str,
    pub classes: &'static [Class],
    pub watch: Watch,
    pub text: &'static str,
}

/// What sees content wherever it comes from, as long as it passes the page cache, is mapped, or goes past the cache in a
/// way the kernel's block file systems share.
const CONTENT: &[&str] =
    &["sys_exit_mmap", "mm_filemap_get_pages", "mm_filemap_map_pages", "mm_filemap_fault", "iomap_iter"];
/// What sees memory being made.
const MEMORY: &[&str] = &["sys_exit_mmap", "sys_exit_mremap", "sys_exit_shmat", "sched_process_exec_memory"];
const EXECUTABLE: &[&str] = &[
    "sys_exit_mmap",
    "sys_exit_mprotect",
    "sys_exit_pkey_mprotect",
    "sys_exit_shmat",
    "sched_process_exec_memory",
];
const PASSING: &[&str] = &["skb_copy_datagram_iovec", "sys_exit_pidfd_getfd"];

/// Detectors of the ways in which a file can be opened without a record of it.
pub const UNSEEN: [Detector; 6] = [
    Detector::Threads,
    Detector::UnresolvedDescriptor,
    Detector::DirectDescriptor,
    Detector::UringSilent,
    Detector::LowMemory,
    Detector::EarlierLife,
];

const FILES: &[Class] = &[Class::Models, Class::Libraries, Class::Packages];
const ENDPOINTS: &[Class] = &[Class::Endpoints];
const PROGRAMS: &[Class] = &[Class::Programs];

/// Probes without which a class is not observed at all.
pub const REQUIRED: &[(&[Class], &[&str])] = &[
    (&Class::ALL, &["sched_process_exec", "sched_process_fork", "sched_process_exit"]),
    (FILES, &["sys_exit_openat", "sys_exit_openat2", "sys_exit_open_by_handle_at"]),
    // These two system calls exist only on some architectures.
    (FILES, if cfg!(target_arch = "x86_64") { &["sys_exit_open", "sys_exit_creat"] } else { &[] }),
    (ENDPOINTS, &["inet_sock_set_state", "cgroup_skb_egress", "cgroup_skb_ingress"]),
];

pub const ESCAPES: &[Escape] = &[
    Escape {
        id: "changed-probes",
        classes: &Class::ALL,
        watch: Watch::Detector(Detector::BpfCalled, &["sys_exit_bpf"]),
        text: "probes taken away or their tables written to, by a subject that may call bpf()",
    },
    Escape {
        id: "io-uring-open",
        classes: FILES,
        watch: Watch::Probes(&["io_uring_create", "io_uring_complete"]),
        text: "files opened by io_uring",
    },
    Escape {
        id: "io-uring-direct-descriptor",
        classes: FILES,
        watch: Watch::First(&[
            Watch::Probes(CONTENT),
            Watch::Detector(Detector::DirectDescriptor, &["io_uring_complete"]),
        ]),
        text: "files opened by io_uring into direct descriptors",
    },
    Escape {
        id: "io-uring-silent-open",
        classes: FILES,
        watch: Watch::First(&[
            Watch::Probes(CONTENT),
            Watch::Detector(Detector::UringSilent, &["io_uring_submit_req", "io_uring_complete"]),
            Watch::Detector(Detector::Uring, &["io_uring_create"]),
        ]),
        text: "files opened by io_uring without a completion that is shown: asked for so, or the queue was full",
    },
    Escape {
        id: "written-after-open",
        classes: FILES,
        watch: Watch::Detector(Detector::ChangedAfterOpen, &[]),
        text: "content written to a file after it was opened or looked at: it differs at the end, is gone, or the \
               subject has it mapped for writing",
    },
    Escape {
        id: "unknown-format",
        classes: &[Class::Models],
        watch: Watch::Nothing,
        text: "models in formats this version does not recognise",
    },
    Escape {
        id: "unlisted-package",
        classes: &[Class::Packages],
        watch: Watch::Detector(Detector::UnlistedCode, &["sched_process_exec", "sys_exit_openat"]),
        text: "code of Python, Node, Java or Ruby that no installer's list or manifest names: it is listed by its place \
               and digest, what package it was taken from is not known; bundles among it",
    },
    Escape {
        id: "other-language",
        classes: &[Class::Packages],
        watch: Watch::Detector(Detector::OtherInterpreter, &["sched_process_exec", "sys_exit_mmap"]),
        text: "packages of Perl, PHP, Lua, Tcl, R or Julia, whose interpreters are known and whose packages are not",
    },
    Escape {
        id: "unlisted-program",
        classes: &[Class::Packages],
        watch: Watch::Detector(Detector::UnlistedProgram, &["sched_process_exec"]),
        text: "packages inside a program that no list names and that does not say what it was built from, which may \
               also be an interpreter that is not known as one",
    },
    Escape {
        id: "left-cgroup",
        classes: ENDPOINTS,
        watch: Watch::Detector(Detector::LeftCgroup, &["cgroup_attach_task", "sys_exit_socket"]),
        text: "sockets made by a process that had left the subject's cgroups: no packet of them is looked at",
    },
    Escape {
        id: "inherited-descriptor",
        classes: FILES,
        watch: Watch::Probes(&["iter_task_file"]),
        text: "files that a command was given open by whoever started it",
    },
    Escape {
        id: "earlier-life",
        classes: &Class::ALL,
        watch: Watch::Detector(Detector::EarlierLife, &["sched_process_exec"]),
        text: "what a process did before it was moved into the subject from outside",
    },
    Escape {
        id: "compat-system-call",
        classes: FILES,
        watch: Watch::First(&[Watch::Probes(CONTENT), Watch::Detector(Detector::LowMemory, MEMORY)]),
        text: "files opened by 32-bit system calls on a 64-bit kernel, which these events leave out",
    },
    Escape {
        id: "descriptor-race",
        classes: FILES,
        watch: Watch::First(&[
            Watch::Probes(CONTENT),
            Watch::Detector(Detector::Threads, &["sched_process_fork"]),
        ]),
        text: "a descriptor that another thread, or a process with the same descriptors, replaced during the open",
    },
    Escape {
        id: "descriptor-gone",
        classes: FILES,
        watch: Watch::First(&[
            Watch::Probes(CONTENT),
            Watch::Detector(Detector::UnresolvedDescriptor, &["sys_exit_openat"]),
        ]),
        text: "a file closed again before the probe could name it",
    },
    Escape {
        id: "descriptor-passing",
        classes: FILES,
        watch: Watch::Probes(PASSING),
        text: "open files received from another process (SCM_RIGHTS, pidfd_getfd)",
    },
    Escape {
        id: "other-passing",
        classes: FILES,
        watch: Watch::Probes(CONTENT),
        text: "open files that came in any other way (between rings, from a seccomp supervisor, inherited)",
    },
    Escape {
        id: "memory-file",
        classes: &[Class::Models, Class::Packages],
        watch: Watch::Detector(Detector::UnseenOpening, MEMORY),
        text: "files in memory (tmpfs, memfd, hugetlbfs), or of a network file system that is read past the page \
               cache, opened in one of the ways that only their reading shows: such reading is not seen",
    },
    Escape {
        id: "block-device",
        classes: FILES,
        watch: Watch::Detector(Detector::BlockDevice, &["sys_exit_openat", "mm_filemap_get_pages"]),
        text: "files read out of a whole block device, past its file system",
    },
    Escape {
        id: "unresolved-mapping",
        classes: &[Class::Libraries, Class::Packages],
        watch: Watch::Detector(Detector::UnresolvedMapping, &["sys_exit_mmap"]),
        text: "a mapping that was gone, or whose memory map was in use, before the probe looked",
    },
    Escape {
        id: "anonymous-executable-memory",
        classes: &[Class::Libraries, Class::Packages],
        watch: Watch::Detector(Detector::ExecutableMemory, EXECUTABLE),
        text: "code read or received into memory and run there; just-in-time compilers do the same",
    },
    Escape {
        id: "kernel-mapped-loader",
        classes: &[Class::Libraries],
        watch: Watch::Probes(&["mm_filemap_map_pages", "mm_filemap_fault"]),
        text: "the dynamic loader, which the kernel itself maps at exec; each program names its own",
    },
    Escape {
        id: "unknown-interpreter",
        classes: &[Class::Packages],
        watch: Watch::Detector(Detector::UnknownReader, &["sched_process_exec", "sys_exit_openat"]),
        text: "package code read by a program that is not known as a Python interpreter: a copy, a search, \
               or an interpreter whose symbols are hidden",
    },
    Escape {
        id: "streamed-content",
        classes: &[Class::Models, Class::Packages],
        watch: Watch::Nothing,
        text: "models and code received over the network and never stored in a file",
    },
    Escape {
        id: "archive-member",
        classes: &[Class::Models, Class::Packages],
        watch: Watch::Detector(Detector::ArchiveOpened, &["sys_exit_openat", "mm_filemap_get_pages"]),
        text: "models and packages inside archives and compressed files whose members are not all known",
    },
    Escape {
        id: "udp",
        classes: ENDPOINTS,
        watch: Watch::Probes(&["cgroup_skb_egress", "cgroup_skb_ingress"]),
        text: "traffic over UDP, QUIC included",
    },
    Escape {
        id: "other-families",
        classes: ENDPOINTS,
        watch: Watch::Detector(Detector::OtherFamily, &["sys_exit_socket", "sys_exit_socketpair"]),
        text: "raw, packet, vsock and other sockets that are neither TCP nor UDP",
    },
    Escape {
        id: "packet-device",
        classes: ENDPOINTS,
        watch: Watch::Detector(Detector::PacketDevice, &["sys_exit_openat", "sys_exit_openat2"]),
        text: "packets that a network stack of the program's own hands to a device (TUN, vhost-net), without a socket",
    },
    Escape {
        id: "io-uring-silent-socket",
        classes: ENDPOINTS,
        watch: Watch::Detector(Detector::Uring, &["io_uring_create"]),
        text: "sockets made or connected by io_uring as direct descriptors, or without a completion that is shown",
    },
    Escape {
        id: "unix-proxy",
        classes: ENDPOINTS,
        watch: Watch::Detector(Detector::UnixPeer, &["sys_exit_connect", "io_uring_complete"]),
        text: "calls handed over a unix socket to another process, which the document lists by its name",
    },
    Escape {
        id: "unix-datagram",
        classes: ENDPOINTS,
        watch: Watch::Detector(Detector::UnixDatagram, &["sys_exit_socket", "sys_exit_socketpair"]),
        text: "messages to unix datagram sockets, which need no connection: their receivers are not listed",
    },
    Escape {
        id: "local-proxy",
        classes: ENDPOINTS,
        watch: Watch::Detector(Detector::LocalPeer, &["inet_sock_set_state", "cgroup_skb_egress"]),
        text: "calls handed over TCP or UDP to another process on this machine, which may go on to others",
    },
    Escape {
        id: "proxied-requests",
        classes: ENDPOINTS,
        watch: Watch::Detector(Detector::PlainProxy, &["cgroup_skb_egress"]),
        text: "requests in plain text after the first to a proxy, each of which can name another host",
    },
    Escape {
        id: "socket-unknown",
        classes: ENDPOINTS,
        watch: Watch::Detector(
            Detector::SocketUnknown,
            &[
                "cgroup_skb_egress",
                "inet_sock_set_state",
                "cgroup_connect4",
                "cgroup_connect6",
                "cgroup_sendmsg4",
                "cgroup_sendmsg6",
            ],
        ),
        text: "a socket that was connected before it was watched: its peer is listed only if it uses UDP",
    },
    Escape {
        id: "socket-passing",
        classes: ENDPOINTS,
        watch: Watch::Detector(
            Detector::SocketPassed,
            &["skb_copy_datagram_iovec", "sys_exit_pidfd_getfd", "iter_task_file"],
        ),
        text: "sockets received from another process, or handed to the command at its start",
    },
    Escape {
        id: "incoming",
        classes: ENDPOINTS,
        watch: Watch::Probes(&["inet_sock_set_state", "cgroup_skb_ingress", "sys_exit_listen"]),
        text: "connections that others make to the subject, and the addresses it listens on",
    },
    Escape {
        id: "encrypted-hello",
        classes: ENDPOINTS,
        watch: Watch::Detector(Detector::EncryptedHello, &["cgroup_skb_egress"]),
        text: "server names hidden by Encrypted Client Hello",
    },
    Escape {
        id: "nameless-endpoint",
        classes: ENDPOINTS,
        watch: Watch::Detector(Detector::Nameless, &["cgroup_skb_egress", "cgroup_skb_ingress"]),
        text: "a peer whose name is not known",
    },
    Escape {
        id: "undecoded-stream",
        classes: ENDPOINTS,
        watch: Watch::Detector(Detector::Undecoded, &["cgroup_skb_egress", "cgroup_skb_ingress"]),
        text: "a stream head or DNS message that could not be decoded",
    },
    Escape {
        id: "unattributed-packet",
        classes: ENDPOINTS,
        watch: Watch::Detector(Detector::Unattributed, &["cgroup_skb_egress", "cgroup_skb_ingress"]),
        text: "names in packets of a cgroup of which it is not known whose it is",
    },
    Escape {
        id: "unparsed-packet",
        classes: ENDPOINTS,
        watch: Watch::Detector(Detector::UnparsedPacket, &["cgroup_skb_egress", "cgroup_skb_ingress"]),
        text: "packets with fragments or extension headers, which are not parsed",
    },
    Escape {
        id: "foreign-member",
        classes: &Class::ALL,
        watch: Watch::Probes(&["cgroup_mkdir", "cgroup_attach_task"]),
        text: "a process from outside that was moved into a cgroup nested in the subject's",
    },
    Escape {
        id: "memory-image",
        classes: PROGRAMS,
        watch: Watch::Detector(Detector::MemoryImage, &["sched_process_exec"]),
        text: "a program executed from memory, whose content is gone",
    },
    Escape {
        id: "loaded-program",
        classes: PROGRAMS,
        watch: Watch::Detector(
            Detector::LoadedProgram,
            &["sched_process_exec", "sys_exit_mmap", "sys_exit_openat"],
        ),
        text: "a program whose file the dynamic loader, called by name, or an emulator runs: the kernel executes only these",
    },
    Escape {
        id: "delegated-start",
        classes: PROGRAMS,
        watch: Watch::Detector(Detector::UnixPeer, &["sys_exit_connect", "io_uring_complete"]),
        text: "programs that a service outside the subject, called over a unix socket, starts on its behalf",
    },
    Escape {
        id: "delegated-datagram",
        classes: PROGRAMS,
        watch: Watch::Detector(Detector::UnixDatagram, &["sys_exit_socket", "sys_exit_socketpair"]),
        text: "programs that a service outside the subject, called by a unix datagram, starts on its behalf",
    },
    Escape {
        id: "delegated-local",
        classes: PROGRAMS,
        watch: Watch::Detector(Detector::LocalPeer, &["inet_sock_set_state", "cgroup_skb_egress"]),
        text: "programs that a service on this machine, called over TCP or UDP, starts on its behalf",
    },
];

impl Watch {
    /// What watches here: `None` if its probes did not run.
    fn of(self, seen: &Seen) -> Option<Self> {
        match self {
            Self::Probes(probes) | Self::Detector(_, probes) => {
                missing(probes, seen).next().is_none().then_some(self)
            }
            Self::First(all) => all.iter().find_map(|watch| watch.of(seen)),
            Self::Nothing => None,
        }
    }

    /// Every probe it names.
    pub fn probes(self) -> Vec<&'static str> {
        match self {
            Self::Probes(probes) | Self::Detector(_, probes) => probes.to_vec(),
            Self::First(all) => all.iter().flat_map(|watch| watch.probes()).collect(),
            Self::Nothing => Vec::new(),
        }
    }

    /// A cell of docs/coverage.md.
    pub(super) fn text(self) -> String {
        match self {
            Self::Probes(probes) => format!("seen by {}", probes.join(", ")),
            Self::Detector(detector, []) => format!("detector {detector:?}"),
            Self::Detector(detector, probes) => {
                format!("detector {detector:?}, while {} run", probes.join(", "))
            }
            Self::First(all) => all.iter().map(|watch| watch.text()).collect::<Vec<_>>().join("; else "),
            Self::Nothing => "nothing yet: incomplete".to_owned(),
        }
    }
}

/// Escapes that need nothing else where the upper tier runs: the security check stands between every way to open a file
/// and the file.
pub const UPPER: &[(&str, &[&str])] = &[
    ("io-uring-open", &["security_file_open"]),
    ("io-uring-direct-descriptor", &["security_file_open"]),
    ("io-uring-silent-open", &["security_file_open"]),
    ("compat-system-call", &["security_file_open"]),
    ("descriptor-race", &["security_file_open"]),
    ("descriptor-gone", &["security_file_open"]),
    ("kernel-mapped-loader", &["security_file_open"]),
];

/// Whether the upper tier sees it.
fn closed_above(id: &str, seen: &Seen) -> bool {
    UPPER.iter().any(|(closed, probes)| *closed == id && missing(probes, seen).next().is_none())
        || light::stands_in(seen) && LIGHT_CLOSES.contains(&id)
}

/// The gaps of one class.
pub fn gaps(class: Class, seen: &Seen) -> BTreeSet<Gap> {
    let mut gaps = BTreeSet::new();
    for (classes, probes) in REQUIRED {
        if classes.contains(&class) {
            gaps.extend(missing(probes, seen));
        }
    }
    let light = if light::stands_in(seen) { LIGHT } else { &[] };
    for escape in ESCAPES.iter().chain(light).filter(|escape| escape.classes.contains(&class)) {
        if closed_above(escape.id, seen) {
            continue;
        }
        match escape.watch.of(seen) {
            Some(Watch::Probes(_)) => {}
            Some(Watch::Detector(detector, _)) => {
                if seen.detected.contains(&detector) {
                    gaps.insert(Gap::Suspected(escape.id));
                }
            }
            Some(Watch::First(_) | Watch::Nothing) | None => {
                gaps.insert(Gap::Unwatched(escape.id));
            }
        }
    }
    gaps
}

fn missing<'a>(probes: &'a [&'a str], seen: &'a Seen) -> impl Iterator<Item = Gap> + 'a {
    let alive = |probe: &str| {
        seen.alive.contains(probe) || OPENING.contains(&probe) && seen.alive.contains(STANDS_IN)
    };
    probes.iter().filter(move |&&probe| !alive(probe)).map(|&probe| {
        // Who was to stand in for it told nothing.
        let stood_in = OPENING.contains(&probe) && seen.silent.contains(STANDS_IN);
        let probe = if stood_in { STANDS_IN } else { probe };
        match seen.silent.contains(probe) {
            true => Gap::Silent(probe.to_owned()),
            false => Gap::Probe(probe.to_owned()),
        }
    })
}

/// The sentence of an escape.
pub fn describe(id: &str) -> &'static str {
    ESCAPES
        .iter()
        .chain(LIGHT)
        .find(|escape| escape.id == id)
        .map_or("an escape this build does not know", |escape| escape.text)
}
