//! Data table of the known ways past the probes: what closes or watches each, and of which classes it is. docs/coverage.md
//! is this table.

use super::{
    Class,
    rules::{Detector, Escape, Watch},
};

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

/// What sees that content comes from somewhere else than a file: connections and their bytes, unix sockets, pipes,
/// descriptors and memory of others.
const STREAMS: &[&str] = &[
    "inet_sock_set_state",
    "cgroup_skb_egress",
    "cgroup_skb_ingress",
    "sys_exit_connect",
    "sys_exit_listen",
    "sys_exit_socket",
    "sys_exit_socketpair",
    "sys_exit_openat",
    "sys_exit_shmat",
    "sys_exit_process_vm_readv",
    "sys_exit_ptrace",
    "sys_exit_pidfd_getfd",
    "skb_copy_datagram_iovec",
    "io_uring_create",
    "iter_task_file",
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
        watch: Watch::Detector(Detector::UnknownFormat, &["sys_exit_openat"]),
        text: "models in formats this version does not recognise: a file of a MiB or more that was opened to be read, or \
               mapped, whose content is of no format known here and which no installer's list names",
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
        classes: &[Class::Models],
        watch: Watch::Detector(Detector::Streamed, STREAMS),
        text: "models that are in no file: a MiB or more in all that came over the network, or anything out of a unix \
               socket whose other end is outside, a socket that is not followed, a pipe that was given or has a name, \
               System V shared memory, or the memory of another process",
    },
    Escape {
        id: "streamed-code",
        classes: &[Class::Packages],
        watch: Watch::Detector(Detector::StreamedCode, STREAMS),
        text: "code that is in no file: anything that came over the network, or in another of the ways of \
               `streamed-content`",
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
        id: "other-protocols",
        classes: ENDPOINTS,
        watch: Watch::Probes(&["cgroup_skb_egress", "cgroup_skb_ingress"]),
        text: "traffic over other protocols of IP: ICMP, SCTP, DCCP, UDP-Lite, whatever a raw socket sends",
    },
    Escape {
        id: "other-families",
        classes: ENDPOINTS,
        watch: Watch::Detector(Detector::OtherFamily, &["sys_exit_socket", "sys_exit_socketpair"]),
        text: "packet, vsock and other sockets of families that are not IP",
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
