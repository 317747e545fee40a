//! What the agent tells the probes before they are attached: one read-only global each.

/// Byte offsets of kernel struct members, read from the running kernel's BTF. 4 bytes each.
///
/// A member that this kernel does not have is [`ABSENT`]; the probe that needs it then reads 0.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(zerocopy::IntoBytes, zerocopy::Immutable))]
pub struct Offsets {
    pub task_files: u32,
    pub task_group_leader: u32,
    pub task_start_boottime: u32,
    pub task_tgid: u32,
    pub task_pid: u32,
    pub task_nsproxy: u32,
    pub task_real_parent: u32,
    pub task_signal: u32,
    pub task_exit_code: u32,
    pub signal_live: u32,
    pub files_fdt: u32,
    pub fdtable_max_fds: u32,
    pub fdtable_fd: u32,
    pub nsproxy_mnt_ns: u32,
    pub mnt_namespace_inum: u32,
    pub file_path_mnt: u32,
    pub file_path_dentry: u32,
    pub file_inode: u32,
    pub file_flags: u32,
    pub mount_mnt: u32,
    pub mount_parent: u32,
    pub mount_mountpoint: u32,
    pub mount_id: u32,
    pub vfsmount_root: u32,
    pub dentry_parent: u32,
    pub dentry_name_hash: u32,
    pub dentry_name_len: u32,
    pub dentry_name_ptr: u32,
    pub dentry_inode: u32,
    pub dentry_hash_pprev: u32,
    pub inode_mode: u32,
    pub inode_sb: u32,
    pub inode_ino: u32,
    pub inode_rdev: u32,
    pub inode_size: u32,
    pub inode_ctime_s: u32,
    pub inode_ctime_ns: u32,
    pub inode_generation: u32,
    pub sb_dev: u32,
    pub sb_magic: u32,
    pub binprm_file: u32,
    pub binprm_filename: u32,
    pub sock_family: u32,
    pub sock_dport: u32,
    pub sock_num: u32,
    pub sock_daddr: u32,
    pub sock_rcv_saddr: u32,
    pub sock_v6_daddr: u32,
    pub sock_v6_rcv_saddr: u32,
    pub tcp_bytes_acked: u32,
    pub tcp_bytes_received: u32,
    pub kiocb_opcode: u32,
    pub io_open_file_slot: u32,
    pub cqe_res: u32,
    pub cgroup_kn: u32,
    pub cgroup_parent_css: u32,
    pub css_cgroup: u32,
    pub kernfs_node_id: u32,
    pub task_in_execve_byte: u32,
    pub task_in_execve_mask: u32,
    pub mm_start_code: u32,
    pub mm_start_stack: u32,
    pub vma_end: u32,
    pub vma_anon: u32,
    pub mapping_host: u32,
    pub inode_dentry: u32,
    pub inode_flags: u32,
    pub dentry_alias: u32,
    pub iomap_inode: u32,
    pub iomap_flags: u32,
    pub skb_sk: u32,
    pub skb_cb: u32,
    pub unix_parms_fp: u32,
    pub fp_list_count: u32,
    pub fp_list_files: u32,
    pub ovl_vfs_inode: u32,
    pub ovl_upper: u32,
    pub ovl_entry: u32,
    pub ovl_lower_count: u32,
    pub ovl_lower: u32,
    pub ovl_path_dentry: u32,
    pub file_private_data: u32,
    pub socket_sk: u32,
    pub sock_type: u32,
    pub sock_protocol: u32,
    pub sock_cgroup: u32,
    pub sock_peer_pid: u32,
    pub inet_sport: u32,
    pub pid_tasks: u32,
    pub pid_numbers: u32,
    pub unix_peer: u32,
    pub unix_addr: u32,
    pub unix_address_len: u32,
    pub unix_address_name: u32,
    pub kiocb_file: u32,
    pub regs_argument: u32,
    pub regs_argument_2: u32,
    pub task_cgroups: u32,
    pub css_set_dfl_cgrp: u32,
    pub cgroup_root: u32,
    pub root_hierarchy_id: u32,
    pub task_mm: u32,
    pub mm_exe_file: u32,
    pub mm_vdso: u32,
    pub task_cred: u32,
    pub cred_uid: u32,
    pub task_io_uring: u32,
    pub signal_nr_threads: u32,
    pub fdtable_close_on_exec: u32,
    pub vma_file: u32,
    pub vma_flags: u32,
    pub vma_start: u32,
    pub vma_mm: u32,
    pub sock_cookie: u32,
    pub sock_state: u32,
    pub sock_shutdown: u32,
    pub tcp_snd_nxt: u32,
    pub tcp_snd_una: u32,
    pub tcp_bytes_sent: u32,
    pub tcp_bytes_retrans: u32,
    pub sock_socket: u32,
    pub socket_file: u32,
    pub file_mode: u32,
    pub socket_type: u32,
}

/// The running kernel has no such member.
pub const ABSENT: u32 = u32::MAX;

impl Offsets {
    /// Every member absent: the start of resolving.
    pub const UNRESOLVED: Self = Self {
        task_files: ABSENT,
        task_group_leader: ABSENT,
        task_start_boottime: ABSENT,
        task_tgid: ABSENT,
        task_pid: ABSENT,
        task_nsproxy: ABSENT,
        task_real_parent: ABSENT,
        task_signal: ABSENT,
        task_exit_code: ABSENT,
        signal_live: ABSENT,
        files_fdt: ABSENT,
        fdtable_max_fds: ABSENT,
        fdtable_fd: ABSENT,
        nsproxy_mnt_ns: ABSENT,
        mnt_namespace_inum: ABSENT,
        file_path_mnt: ABSENT,
        file_path_dentry: ABSENT,
        file_inode: ABSENT,
        file_flags: ABSENT,
        mount_mnt: ABSENT,
        mount_parent: ABSENT,
        mount_mountpoint: ABSENT,
        mount_id: ABSENT,
        vfsmount_root: ABSENT,
        dentry_parent: ABSENT,
        dentry_name_hash: ABSENT,
        dentry_name_len: ABSENT,
        dentry_name_ptr: ABSENT,
        dentry_inode: ABSENT,
        dentry_hash_pprev: ABSENT,
        inode_mode: ABSENT,
        inode_sb: ABSENT,
        inode_ino: ABSENT,
        inode_rdev: ABSENT,
        inode_size: ABSENT,
        inode_ctime_s: ABSENT,
        inode_ctime_ns: ABSENT,
        inode_generation: ABSENT,
        sb_dev: ABSENT,
        sb_magic: ABSENT,
        binprm_file: ABSENT,
        binprm_filename: ABSENT,
        sock_family: ABSENT,
        sock_dport: ABSENT,
        sock_num: ABSENT,
        sock_daddr: ABSENT,
        sock_rcv_saddr: ABSENT,
        sock_v6_daddr: ABSENT,
        sock_v6_rcv_saddr: ABSENT,
        tcp_bytes_acked: ABSENT,
        tcp_bytes_received: ABSENT,
        kiocb_opcode: ABSENT,
        io_open_file_slot: ABSENT,
        cqe_res: ABSENT,
        cgroup_kn: ABSENT,
        cgroup_parent_css: ABSENT,
        css_cgroup: ABSENT,
        kernfs_node_id: ABSENT,
        task_in_execve_byte: ABSENT,
        task_in_execve_mask: ABSENT,
        mm_start_code: ABSENT,
        mm_start_stack: ABSENT,
        vma_end: ABSENT,
        vma_anon: ABSENT,
        mapping_host: ABSENT,
        inode_dentry: ABSENT,
        inode_flags: ABSENT,
        dentry_alias: ABSENT,
        iomap_inode: ABSENT,
        iomap_flags: ABSENT,
        skb_sk: ABSENT,
        skb_cb: ABSENT,
        unix_parms_fp: ABSENT,
        fp_list_count: ABSENT,
        fp_list_files: ABSENT,
        ovl_vfs_inode: ABSENT,
        ovl_upper: ABSENT,
        ovl_entry: ABSENT,
        ovl_lower_count: ABSENT,
        ovl_lower: ABSENT,
        ovl_path_dentry: ABSENT,
        file_private_data: ABSENT,
        socket_sk: ABSENT,
        sock_type: ABSENT,
        sock_protocol: ABSENT,
        sock_cgroup: ABSENT,
        sock_peer_pid: ABSENT,
        inet_sport: ABSENT,
        pid_tasks: ABSENT,
        pid_numbers: ABSENT,
        unix_peer: ABSENT,
        unix_addr: ABSENT,
        unix_address_len: ABSENT,
        unix_address_name: ABSENT,
        kiocb_file: ABSENT,
        regs_argument: ABSENT,
        regs_argument_2: ABSENT,
        task_cgroups: ABSENT,
        css_set_dfl_cgrp: ABSENT,
        cgroup_root: ABSENT,
        root_hierarchy_id: ABSENT,
        task_mm: ABSENT,
        mm_exe_file: ABSENT,
        mm_vdso: ABSENT,
        task_cred: ABSENT,
        cred_uid: ABSENT,
        task_io_uring: ABSENT,
        signal_nr_threads: ABSENT,
        fdtable_close_on_exec: ABSENT,
        vma_file: ABSENT,
        vma_flags: ABSENT,
        vma_start: ABSENT,
        vma_mm: ABSENT,
        sock_cookie: ABSENT,
        sock_state: ABSENT,
        sock_shutdown: ABSENT,
        tcp_snd_nxt: ABSENT,
        tcp_snd_una: ABSENT,
        tcp_bytes_sent: ABSENT,
        tcp_bytes_retrans: ABSENT,
        sock_socket: ABSENT,
        socket_file: ABSENT,
        file_mode: ABSENT,
        socket_type: ABSENT,
    };
}

/// Key of the in-kernel de-duplication of opens: compared in full, never by a hash alone.
///
/// Size, change time and access are part of it: a process that writes a file and then reads it back opens
/// something else the second time, and counting that at the first record would hide what it read.
///
/// `name_hash` is the kernel's own hash of the name, salted with the address of the directory.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct OpenKey {
    pub start_ns: u64,
    pub image: u64,
    pub inode: u64,
    pub parent_inode: u64,
    pub name_hash: u64,
    /// `i_size`, bytes.
    pub size: u64,
    pub ctime_s: i64,
    /// Without the bits that the kernel keeps for itself ([`CTIME_NS`]).
    pub ctime_ns: u32,
    pub tgid: u32,
    pub device: u32,
    pub generation: u32,
    pub mount_id: u32,
    /// `f_flags` under [`ACCESS`], and [`ACCESS_UNLINKED`].
    pub access: u32,
}
const _: () = assert!(size_of::<OpenKey>() == 80);

/// The bits of `i_ctime_nsec` that are the time; since 6.13 the upper one says that somebody asked for it
/// (fs/inode.c: I_CTIME_QUERIED).
pub const CTIME_NS: u32 = 0x7fff_ffff;
/// O_ACCMODE and O_PATH: what the descriptor can be used for.
pub const ACCESS: u32 = 0o10_000_003;
/// The name was already removed from its directory.
pub const ACCESS_UNLINKED: u32 = 1 << 31;

/// In [`OpenKey::access`] of a mapping: executable. No descriptor has this bit.
pub const ACCESS_EXECUTABLE: u32 = 1 << 30;

/// Key of the in-kernel de-duplication of content that was read: one state of one file by one program image.
///
/// A process that only forked reads as its image; where the image is not known, the process takes its place.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadKey {
    pub image: u64,
    /// Start of the process, if the image is 0.
    pub start_ns: u64,
    pub inode: u64,
    /// `i_size`, bytes.
    pub size: u64,
    pub ctime_s: i64,
    /// Without the bits that the kernel keeps for itself ([`CTIME_NS`]).
    pub ctime_ns: u32,
    pub device: u32,
    pub generation: u32,
    /// Thread group id, if the image is 0.
    pub tgid: u32,
}
const _: () = assert!(size_of::<ReadKey>() == 56);

/// Key of the counters that are known to concern one subject.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "user", derive(zerocopy::FromBytes, zerocopy::Immutable, zerocopy::KnownLayout))]
pub struct SubjectCounter {
    pub subject: u64,
    /// [`crate::counter::Counter`].
    pub counter: u64,
}
const _: () = assert!(size_of::<SubjectCounter>() == 16);

/// Value of the de-duplication table.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(zerocopy::FromBytes, zerocopy::Immutable, zerocopy::KnownLayout))]
pub struct OpenSeen {
    /// Opens, the delivered one included.
    pub count: u64,
    /// The latest of them, nanoseconds of CLOCK_BOOTTIME.
    pub last_ns: u64,
    /// Whose entry it is, by place.
    pub place: u32,
    pub reserved: u32,
}
const _: () = assert!(size_of::<OpenSeen>() == 24);

/// Subjects that have a place of their own in the tables of [`Use`] and [`Tally`]. Place 0 is for who has none.
pub const PLACES: u32 = 1024;

/// What one subject takes up: the kernel counts what it took, user space what became free again. Both only grow, so
/// that none writes what the other does; what is taken up is the difference.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(zerocopy::FromBytes, zerocopy::Immutable, zerocopy::KnownLayout))]
pub struct Use {
    /// Bytes of the ring for opens, the kernel's own 8 for each record included.
    pub common: u64,
    /// Bytes of the other ring.
    pub rare: u64,
    /// Entries of the de-duplication table.
    pub opens: u64,
    /// Entries of the table of connections; the kernel frees them itself.
    pub sockets: u64,
}
const _: () = assert!(size_of::<Use>() == 32);

/// What the kernel puts before each record in a ring, and what it rounds up to (kernel/bpf/ringbuf.c,
/// BPF_RINGBUF_HDR_SZ).
pub const fn ring_bytes(record: u64) -> u64 {
    record.next_multiple_of(8) + 8
}

/// The part of a ring, one in so many, that a subject may fill while there are others.
pub const MOST: u64 = 4;
/// The part of a ring, one in so many, that is kept for who has little in it.
pub const SPARE: u64 = 4;
/// How much that is: one in so many of the ring; a subject with nothing in it may always write.
pub const LITTLE: u64 = 64;
/// The part of a table, one in so many, that a subject may fill while there are others.
pub const TABLE: u64 = 2;

/// What is counted often and for one subject, on one CPU.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(zerocopy::FromBytes, zerocopy::Immutable, zerocopy::KnownLayout))]
pub struct Tally {
    /// [`crate::counter::Counter::OpensSeen`].
    pub opens_seen: u64,
    /// [`crate::counter::Counter::OpensDelivered`].
    pub opens_delivered: u64,
    /// [`crate::counter::Counter::OpensDeduplicated`].
    pub opens_deduplicated: u64,
    /// [`crate::counter::Counter::RareDelivered`].
    pub rare_delivered: u64,
}
const _: () = assert!(size_of::<Tally>() == 32);

/// Whom a socket exchanged datagrams with, or where it was called; compared in full.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct FlowKey {
    /// Of the socket, for [`FLOW_UDP`]; the subject's id, for [`FLOW_ACCEPTED`].
    pub cookie: u64,
    /// The peer; for [`FLOW_ACCEPTED`] the subject's own end.
    pub address: [u8; 16],
    /// 2 = AF_INET (the first four bytes count), 10 = AF_INET6.
    pub family: u16,
    pub port: u16,
    /// [`FLOW_UDP`], [`FLOW_ACCEPTED`] or [`flow_other`].
    pub kind: u32,
}
const _: () = assert!(size_of::<FlowKey>() == 32);

/// Datagrams between one socket and one peer.
pub const FLOW_UDP: u32 = 1;
/// TCP connections that the subject accepted at one of its own addresses.
pub const FLOW_ACCEPTED: u32 = 2;
/// Packets of this other IP protocol between one socket and one peer.
pub const fn flow_other(protocol: u8) -> u32 {
    FLOW_OTHER | (protocol as u32) << 8
}
/// The lower byte of [`flow_other`].
const FLOW_OTHER: u32 = 3;

/// The IP protocol that a kind of flow stands for.
pub const fn flow_protocol(kind: u32) -> u8 {
    match kind {
        FLOW_UDP => 17,
        FLOW_ACCEPTED => 6,
        other => (other >> 8) as u8,
    }
}

/// What a [`FlowKey`] counts.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(zerocopy::FromBytes, zerocopy::Immutable, zerocopy::KnownLayout))]
pub struct Flow {
    /// Payload bytes; of accepted connections when they close.
    pub sent: u64,
    pub received: u64,
    pub datagrams_sent: u64,
    /// Accepted connections, for [`FLOW_ACCEPTED`].
    pub datagrams_received: u64,
    /// The latest of them, nanoseconds of CLOCK_BOOTTIME.
    pub last_ns: u64,
    /// When the counts were last written to the ring.
    pub reported_ns: u64,
    /// The task that connected or sent; all 0 if it is not known.
    pub start_ns: u64,
    pub image: u64,
    pub subject: u64,
    pub cgroup: u64,
    pub tgid: u32,
    pub tid: u32,
    pub mount_namespace: u32,
    /// Datagrams of which the head was forwarded.
    pub heads: u32,
    pub local: [u8; 16],
    pub local_port: u16,
    /// 1 if the peer sent first.
    pub inbound: u16,
    pub reserved: u32,
}
const _: () = assert!(size_of::<Flow>() == 120);
/// What the probes know of a process that belongs to a subject, by its thread group id.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(zerocopy::FromBytes, zerocopy::Immutable, zerocopy::KnownLayout))]
pub struct Process {
    pub start_ns: u64,
    pub image: u64,
    pub subject: u64,
    pub threaded: u32,
    /// Bits of what was told of it once.
    pub told: u32,
}
const _: () = assert!(size_of::<Process>() == 32);

/// A process that is to become a subject with its descendants, by its thread group id.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(zerocopy::IntoBytes, zerocopy::Immutable))]
pub struct Target {
    /// With [`PROCESS_SUBJECT`] set.
    pub subject: u64,
    /// It started not before this, nanoseconds of CLOCK_BOOTTIME …
    pub from_ns: u64,
    /// … and before this: procfs rounds to clock ticks, and a number alone may name another process by now.
    pub to_ns: u64,
}
const _: () = assert!(size_of::<Target>() == 24);

/// Set in the id of a subject that is a process and its descendants instead of a cgroup. Ids of cgroups count
/// from 1, with a generation in the upper half that grows when the lower one wraps.
pub const PROCESS_SUBJECT: u64 = 1 << 63;
