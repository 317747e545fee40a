//! Every probe, in the order it is attached. A new one: one row here, one program in `bom-ebpf`,
//! one number in `bom_common::record::probe`, one row in `bom_core::coverage::rules`.

use bom_common::record::probe;

/// What kind of hook a program sits on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// A BTF-typed tracepoint with this name; the second field bounds its argument count.
    TracingPoint { name: &'static str, arguments: Option<(usize, usize)> },
    /// `syscalls/<name>`.
    SyscallExit(&'static str),
    /// The subject's cgroup, addresses that its processes give to sockets.
    Address,
    /// The subject's cgroup, packets going out.
    Egress,
    /// The subject's cgroup, packets coming in.
    Ingress,
    /// An iterator over objects of this kind (`bpf_iter_<name>`): read by sweeps, attached only while it is read.
    Iterator(&'static str),
    /// The end of this kernel function: the upper tier.
    FunctionExit(&'static str),
    /// No program: fanotify, in the light profile.
    Notification,
    /// The subject's cgroup, a socket being made; only for the second program of `inet_sock_set_state`.
    SocketCreate,
}

#[derive(Clone, Copy, Debug)]
pub struct Probe {
    pub number: u16,
    /// As it appears in coverage, `doctor` and `--without-probe`.
    pub name: &'static str,
    /// The function in the eBPF object.
    pub program: &'static str,
    pub hook: Hook,
}

const fn tracing(number: u16, name: &'static str) -> Probe {
    Probe { number, name, program: name, hook: Hook::TracingPoint { name, arguments: None } }
}

const fn address(number: u16, name: &'static str) -> Probe {
    Probe { number, name, program: name, hook: Hook::Address }
}

/// An exit with a program of its own.
const fn socket_call(number: u16, name: &'static str) -> Probe {
    Probe { number, name, program: name, hook: Hook::SyscallExit(name) }
}

const fn function(number: u16, name: &'static str) -> Probe {
    Probe { number, name, program: name, hook: Hook::FunctionExit(name) }
}

const fn syscall(number: u16, name: &'static str) -> Probe {
    Probe { number, name, program: "sys_exit_open_family", hook: Hook::SyscallExit(name) }
}

const fn syscall_by(number: u16, name: &'static str, program: &'static str) -> Probe {
    Probe { number, name, program, hook: Hook::SyscallExit(name) }
}

const fn notification(number: u16, name: &'static str) -> Probe {
    Probe { number, name, program: name, hook: Hook::Notification }
}

const fn iterator(number: u16, name: &'static str, over: &'static str) -> Probe {
    Probe { number, name, program: name, hook: Hook::Iterator(over) }
}

/// Attached after `inet_sock_set_state`, for what the kernel skips of that: no probe of its own.
pub(super) const UNDERSTUDY: Probe = Probe {
    number: probe::INET_SOCK_SET_STATE,
    name: "inet_sock_set_state",
    program: "inet_sock_set_state_again",
    hook: Hook::TracingPoint { name: "inet_sock_set_state", arguments: None },
};

/// Several rows of one name are several programs for one probe: the first that the kernel takes is attached.
pub const PROBES: &[Probe] = &[
    tracing(probe::SCHED_PROCESS_EXEC, "sched_process_exec"),
    tracing(probe::SCHED_PROCESS_FORK, "sched_process_fork"),
    tracing(probe::SCHED_PROCESS_EXIT, "sched_process_exit"),
    tracing(probe::INET_SOCK_SET_STATE, "inet_sock_set_state"),
    Probe {
        number: probe::INET_SOCK_SET_STATE,
        name: "inet_sock_set_state",
        program: "inet_sock_set_state_stored",
        hook: Hook::TracingPoint { name: "inet_sock_set_state", arguments: None },
    },
    Probe {
        number: probe::CGROUP_SOCK_CREATE,
        name: "cgroup_sock_create",
        program: "cgroup_sock_create",
        hook: Hook::SocketCreate,
    },
    tracing(probe::CGROUP_MKDIR, "cgroup_mkdir"),
    tracing(probe::IO_URING_CREATE, "io_uring_create"),
    Probe {
        number: probe::IO_URING_COMPLETE,
        name: "io_uring_complete",
        program: "io_uring_complete_cqe",
        hook: Hook::TracingPoint { name: "io_uring_complete", arguments: Some((3, 3)) },
    },
    Probe {
        number: probe::IO_URING_COMPLETE,
        name: "io_uring_complete",
        program: "io_uring_complete_res",
        hook: Hook::TracingPoint { name: "io_uring_complete", arguments: Some((5, 8)) },
    },
    Probe {
        number: probe::IO_URING_SUBMIT_REQ,
        name: "io_uring_submit_req",
        program: "io_uring_submit_req",
        hook: Hook::TracingPoint { name: "io_uring_submit_req", arguments: Some((1, 1)) },
    },
    Probe {
        number: probe::IO_URING_SUBMIT_REQ,
        name: "io_uring_submit_req",
        program: "io_uring_submit_sqe",
        hook: Hook::TracingPoint { name: "io_uring_submit_sqe", arguments: Some((2, 2)) },
    },
    syscall(probe::SYS_EXIT_OPEN, "sys_exit_open"),
    syscall(probe::SYS_EXIT_OPENAT, "sys_exit_openat"),
    syscall(probe::SYS_EXIT_OPENAT2, "sys_exit_openat2"),
    syscall(probe::SYS_EXIT_CREAT, "sys_exit_creat"),
    syscall(probe::SYS_EXIT_OPEN_BY_HANDLE_AT, "sys_exit_open_by_handle_at"),
    syscall_by(probe::SYS_EXIT_MMAP, "sys_exit_mmap", "sys_exit_map_family"),
    syscall_by(probe::SYS_EXIT_MPROTECT, "sys_exit_mprotect", "sys_exit_protect_family"),
    syscall_by(probe::SYS_EXIT_PKEY_MPROTECT, "sys_exit_pkey_mprotect", "sys_exit_protect_family"),
    syscall_by(probe::SYS_EXIT_SHMAT, "sys_exit_shmat", "sys_exit_map_family"),
    syscall_by(probe::SYS_EXIT_MREMAP, "sys_exit_mremap", "sys_exit_map_family"),
    Probe {
        number: probe::SCHED_PROCESS_EXEC_MEMORY,
        name: "sched_process_exec_memory",
        program: "sched_process_exec_memory",
        hook: Hook::TracingPoint { name: "sched_process_exec", arguments: None },
    },
    tracing(probe::MM_FILEMAP_GET_PAGES, "mm_filemap_get_pages"),
    tracing(probe::MM_FILEMAP_MAP_PAGES, "mm_filemap_map_pages"),
    tracing(probe::MM_FILEMAP_FAULT, "mm_filemap_fault"),
    tracing(probe::IOMAP_ITER, "iomap_iter"),
    tracing(probe::SKB_COPY_DATAGRAM_IOVEC, "skb_copy_datagram_iovec"),
    syscall_by(probe::SYS_EXIT_BPF, "sys_exit_bpf", "sys_exit_bpf"),
    syscall_by(probe::SYS_EXIT_PIDFD_GETFD, "sys_exit_pidfd_getfd", "sys_exit_pidfd_getfd"),
    Probe {
        number: probe::CGROUP_SKB_EGRESS,
        name: "cgroup_skb_egress",
        program: "cgroup_skb_egress",
        hook: Hook::Egress,
    },
    Probe {
        number: probe::CGROUP_SKB_INGRESS,
        name: "cgroup_skb_ingress",
        program: "cgroup_skb_ingress",
        hook: Hook::Ingress,
    },
    socket_call(probe::SYS_EXIT_CONNECT, "sys_exit_connect"),
    socket_call(probe::SYS_EXIT_LISTEN, "sys_exit_listen"),
    socket_call(probe::SYS_EXIT_SOCKET, "sys_exit_socket"),
    socket_call(probe::SYS_EXIT_SOCKETPAIR, "sys_exit_socketpair"),
    socket_call(probe::SYS_EXIT_PROCESS_VM_READV, "sys_exit_process_vm_readv"),
    socket_call(probe::SYS_EXIT_PTRACE, "sys_exit_ptrace"),
    address(probe::CGROUP_CONNECT4, "cgroup_connect4"),
    address(probe::CGROUP_CONNECT6, "cgroup_connect6"),
    address(probe::CGROUP_SENDMSG4, "cgroup_sendmsg4"),
    address(probe::CGROUP_SENDMSG6, "cgroup_sendmsg6"),
    tracing(probe::CGROUP_ATTACH_TASK, "cgroup_attach_task"),
    tracing(probe::CGROUP_RELEASE, "cgroup_release"),
    iterator(probe::ITER_TASK, "iter_task", "task"),
    iterator(probe::ITER_TCP, "iter_tcp", "tcp"),
    iterator(probe::ITER_UDP, "iter_udp", "udp"),
    iterator(probe::ITER_TASK_FILE, "iter_task_file", "task_file"),
    iterator(probe::ITER_TASK_VMA, "iter_task_vma", "task_vma"),
    function(probe::SECURITY_FILE_OPEN, "security_file_open"),
    function(probe::SECURITY_MMAP_FILE, "security_mmap_file"),
    function(probe::SECURITY_SOCKET_CONNECT, "security_socket_connect"),
    notification(probe::FANOTIFY_OPEN, "fanotify_open"),
    notification(probe::FANOTIFY_ERRORS, "fanotify_errors"),
];
