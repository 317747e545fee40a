//! Where the members of kernel structs are, read from the running kernel's BTF.
//!
//! rustc emits no CO-RE relocations, so the offsets are looked up here and handed to the programs
//! as a constant. Format: Documentation/bpf/btf.rst of the kernel.

use std::collections::HashMap;

use bom_common::config::{ABSENT, Offsets};

/// Where the kernel shows its own types.
pub const PATH: &str = "/sys/kernel/btf/vmlinux";

#[derive(Debug, thiserror::Error)]
pub enum BtfError {
    #[error("read kernel types at offset {0}: past the end")]
    Short(usize),
    #[error("read kernel types: magic {0:#06x} is not BTF")]
    Magic(u16),
    #[error("read kernel types: unknown kind {kind} of type {id}")]
    Kind { kind: u32, id: u32 },
    #[error("this kernel's types lack {0}, which the probes need")]
    Missing(&'static str),
}

const STRUCT: u32 = 4;
const UNION: u32 = 5;
const TYPEDEF: u32 = 8;
const FUNC_PROTO: u32 = 13;

/// The types of one kernel, indexed for member look-ups.
#[derive(Debug)]
pub struct KernelTypes<'a> {
    bytes: &'a [u8],
    strings: usize,
    /// Offset of each type's descriptor; index 0 is void.
    types: Vec<usize>,
    structs: HashMap<&'a [u8], u32>,
    typedefs: HashMap<&'a [u8], u32>,
}

impl<'a> KernelTypes<'a> {
    pub fn parse(bytes: &'a [u8]) -> Result<Self, BtfError> {
        let magic = u16::try_from(u32_at(bytes, 0)? & 0xffff).unwrap_or(0);
        if magic != 0xeb9f {
            return Err(BtfError::Magic(magic));
        }
        let header = index(u32_at(bytes, 4)?);
        let start = header + index(u32_at(bytes, 8)?);
        let end = start + index(u32_at(bytes, 12)?);
        let strings = header + index(u32_at(bytes, 16)?);
        let mut this =
            Self { bytes, strings, types: vec![0], structs: HashMap::new(), typedefs: HashMap::new() };
        let mut at = start;
        while at < end {
            let id = u32::try_from(this.types.len()).unwrap_or(u32::MAX);
            let (kind, count) = this.info(at)?;
            let size = match kind {
                1 | 14 | 17 => 4,
                2 | 7..=12 | 16 | 18 => 0,
                3 => 12,
                STRUCT | UNION | 15 | 19 => 12 * count,
                6 | FUNC_PROTO => 8 * count,
                _ => return Err(BtfError::Kind { kind, id }),
            };
            let name = this.string(u32_at(bytes, at)?)?;
            match kind {
                STRUCT => drop(this.structs.entry(name).or_insert(id)),
                TYPEDEF => drop(this.typedefs.entry(name).or_insert(id)),
                _ => {}
            }
            this.types.push(at);
            at += 12 + size;
        }
        Ok(this)
    }

    /// Byte offset of `path` (members separated by dots) in `struct name`; members of anonymous
    /// structs and unions count as the outer struct's own, as in C.
    pub fn offset(&self, name: &str, path: &str) -> Option<u32> {
        let mut id = *self.structs.get(name.as_bytes())?;
        let mut sum = 0;
        for member in path.split('.') {
            let (bits, member_type) = self.member(self.resolve(id)?, member.as_bytes())?;
            sum += bits / 8;
            id = member_type;
        }
        Some(sum)
    }

    /// Position, in bits, of a member of `struct name` that is one bit wide or more.
    pub fn bit(&self, name: &str, member: &str) -> Option<u32> {
        let id = *self.structs.get(name.as_bytes())?;
        self.member(id, member.as_bytes()).map(|(bits, _)| bits)
    }

    /// How many arguments a tracepoint has, by its `btf_trace_*` typedef; the kernel's own first
    /// one is not counted.
    pub fn tracepoint_arguments(&self, name: &str) -> Option<usize> {
        let typedef = *self.typedefs.get(format!("btf_trace_{name}").as_bytes())?;
        let pointer = self.reference(typedef)?;
        let proto = self.reference(pointer)?;
        let (kind, count) = self.info(*self.types.get(index(proto))?).ok()?;
        (kind == FUNC_PROTO).then(|| count.saturating_sub(1))
    }

    fn info(&self, at: usize) -> Result<(u32, usize), BtfError> {
        let info = u32_at(self.bytes, at + 4)?;
        Ok(((info >> 24) & 0x1f, index(info & 0xffff)))
    }

    fn reference(&self, id: u32) -> Option<u32> {
        u32_at(self.bytes, self.types.get(index(id))? + 8).ok()
    }

    fn string(&self, offset: u32) -> Result<&'a [u8], BtfError> {
        let start = self.strings + index(offset);
        let rest = self.bytes.get(start..).ok_or(BtfError::Short(start))?;
        let length = rest.iter().position(|&byte| byte == 0).ok_or(BtfError::Short(start))?;
        Ok(&rest[..length])
    }

    /// Follows typedefs, const, volatile and type tags down to a struct or union.
    fn resolve(&self, mut id: u32) -> Option<u32> {
        for _ in 0..16 {
            let (kind, _) = self.info(*self.types.get(index(id))?).ok()?;
            match kind {
                STRUCT | UNION => return Some(id),
                8..=11 | 18 => id = self.reference(id)?,
                _ => return None,
            }
        }
        None
    }

    fn member(&self, id: u32, wanted: &[u8]) -> Option<(u32, u32)> {
        self.member_at_depth(id, wanted, 0)
    }

    fn member_at_depth(&self, id: u32, wanted: &[u8], depth: u32) -> Option<(u32, u32)> {
        let at = *self.types.get(index(id))?;
        let (_, count) = self.info(at).ok()?;
        let bitfields = u32_at(self.bytes, at + 4).ok()? >> 31 == 1;
        for number in 0..count {
            let entry = at + 12 + 12 * number;
            let name = self.string(u32_at(self.bytes, entry).ok()?).ok()?;
            let member_type = u32_at(self.bytes, entry + 4).ok()?;
            let raw = u32_at(self.bytes, entry + 8).ok()?;
            let bits = if bitfields { raw & 0x00ff_ffff } else { raw };
            if name == wanted {
                return Some((bits, member_type));
            }
            if name.is_empty() && depth < 8 {
                let inner = self
                    .resolve(member_type)
                    .and_then(|inner| self.member_at_depth(inner, wanted, depth + 1));
                if let Some((inner_bits, inner_type)) = inner {
                    return Some((bits + inner_bits, inner_type));
                }
            }
        }
        None
    }
}

/// Looks up every member the probes use. What this kernel lacks stays absent if the probes can do
/// without, and is an error otherwise.
pub fn resolve(types: &KernelTypes<'_>) -> Result<Offsets, BtfError> {
    let mut offsets = Offsets::UNRESOLVED;
    // (member, required, struct, alternatives tried in order: names changed over time)
    macro_rules! look_up {
        ($($member:ident $need:ident $name:literal $($path:literal)|+;)*) => {$(
            let found = [$($path),+].iter().find_map(|path| types.offset($name, path));
            match found {
                Some(found) => offsets.$member = found,
                None => look_up!(@$need $name $($path)|+),
            }
        )*};
        (@needed $name:literal $($path:literal)|+) => {
            return Err(BtfError::Missing(concat!("struct ", $name, " member ", $($path, " ",)+)))
        };
        (@optional $name:literal $($path:literal)|+) => {
            ()
        };
    }
    look_up! {
        task_files needed "task_struct" "files";
        task_group_leader needed "task_struct" "group_leader";
        task_start_boottime needed "task_struct" "start_boottime" | "real_start_time";
        task_tgid needed "task_struct" "tgid";
        task_pid needed "task_struct" "pid";
        task_nsproxy needed "task_struct" "nsproxy";
        task_real_parent needed "task_struct" "real_parent";
        task_signal needed "task_struct" "signal";
        task_exit_code needed "task_struct" "exit_code";
        signal_live needed "signal_struct" "live";
        files_fdt needed "files_struct" "fdt";
        fdtable_max_fds needed "fdtable" "max_fds";
        fdtable_fd needed "fdtable" "fd";
        nsproxy_mnt_ns needed "nsproxy" "mnt_ns";
        mnt_namespace_inum needed "mnt_namespace" "ns.inum";
        file_path_mnt needed "file" "f_path.mnt" | "__f_path.mnt";
        file_path_dentry needed "file" "f_path.dentry" | "__f_path.dentry";
        file_inode needed "file" "f_inode";
        file_flags needed "file" "f_flags";
        mount_mnt needed "mount" "mnt";
        mount_parent needed "mount" "mnt_parent";
        mount_mountpoint needed "mount" "mnt_mountpoint";
        mount_id needed "mount" "mnt_id";
        vfsmount_root needed "vfsmount" "mnt_root";
        dentry_parent needed "dentry" "d_parent";
        dentry_name_hash needed "dentry" "d_name.hash_len" | "__d_name.hash_len";
        dentry_name_len needed "dentry" "d_name.len" | "__d_name.len";
        dentry_name_ptr needed "dentry" "d_name.name" | "__d_name.name";
        dentry_inode needed "dentry" "d_inode";
        dentry_hash_pprev needed "dentry" "d_hash.pprev";
        inode_mode needed "inode" "i_mode";
        inode_sb needed "inode" "i_sb";
        inode_ino needed "inode" "i_ino";
        inode_rdev needed "inode" "i_rdev";
        inode_size needed "inode" "i_size";
        inode_ctime_s needed "inode" "i_ctime_sec" | "__i_ctime.tv_sec" | "i_ctime.tv_sec";
        inode_ctime_ns needed "inode" "i_ctime_nsec" | "__i_ctime.tv_nsec" | "i_ctime.tv_nsec";
        inode_generation needed "inode" "i_generation";
        sb_dev needed "super_block" "s_dev";
        sb_magic needed "super_block" "s_magic";
        binprm_file needed "linux_binprm" "file";
        binprm_filename needed "linux_binprm" "filename";
        sock_family needed "sock_common" "skc_family";
        sock_dport needed "sock_common" "skc_dport";
        sock_num needed "sock_common" "skc_num";
        sock_daddr needed "sock_common" "skc_daddr";
        sock_rcv_saddr needed "sock_common" "skc_rcv_saddr";
        sock_v6_daddr optional "sock_common" "skc_v6_daddr";
        sock_v6_rcv_saddr optional "sock_common" "skc_v6_rcv_saddr";
        tcp_bytes_acked optional "tcp_sock" "bytes_acked";
        tcp_bytes_received optional "tcp_sock" "bytes_received";
        kiocb_opcode optional "io_kiocb" "opcode";
        io_open_file_slot optional "io_open" "file_slot";
        cqe_res optional "io_uring_cqe" "res";
        cgroup_kn optional "cgroup" "kn";
        cgroup_parent_css optional "cgroup" "self.parent";
        css_cgroup optional "cgroup_subsys_state" "cgroup";
        kernfs_node_id optional "kernfs_node" "id";
        mm_start_code optional "mm_struct" "start_code";
        mm_start_stack optional "mm_struct" "start_stack";
        vma_end optional "vm_area_struct" "vm_end";
        vma_anon optional "vm_area_struct" "anon_vma";
        mapping_host optional "address_space" "host";
        inode_dentry optional "inode" "i_dentry.first";
        inode_flags optional "inode" "i_flags";
        dentry_alias optional "dentry" "d_u.d_alias" | "d_alias";
        iomap_inode optional "iomap_iter" "inode";
        iomap_flags optional "iomap_iter" "flags";
        skb_sk optional "sk_buff" "sk";
        skb_cb optional "sk_buff" "cb";
        unix_parms_fp optional "unix_skb_parms" "fp";
        fp_list_count optional "scm_fp_list" "count";
        fp_list_files optional "scm_fp_list" "fp";
        ovl_vfs_inode optional "ovl_inode" "vfs_inode";
        ovl_upper optional "ovl_inode" "__upperdentry";
        ovl_entry optional "ovl_inode" "oe";
        ovl_lower_count optional "ovl_entry" "__numlower";
        ovl_lower optional "ovl_entry" "__lowerstack";
        ovl_path_dentry optional "ovl_path" "dentry";
        file_private_data optional "file" "private_data";
        socket_sk optional "socket" "sk";
        sock_type optional "sock" "sk_type";
        sock_protocol optional "sock" "sk_protocol";
        sock_cgroup optional "sock" "sk_cgrp_data.cgroup" | "sk_cgrp_data.val";
        sock_peer_pid optional "sock" "sk_peer_pid";
        inet_sport optional "inet_sock" "inet_sport";
        pid_tasks optional "pid" "tasks";
        pid_numbers optional "pid" "numbers";
        unix_peer optional "unix_sock" "peer";
        unix_addr optional "unix_sock" "addr";
        unix_address_len optional "unix_address" "len";
        unix_address_name optional "unix_address" "name";
        kiocb_file optional "io_kiocb" "file";
        regs_argument optional "pt_regs" "di" | "orig_x0";
        regs_argument_2 optional "pt_regs" "si";
        task_cgroups optional "task_struct" "cgroups";
        css_set_dfl_cgrp optional "css_set" "dfl_cgrp";
        cgroup_root optional "cgroup" "root";
        root_hierarchy_id optional "cgroup_root" "hierarchy_id";
        task_mm optional "task_struct" "mm";
        mm_exe_file optional "mm_struct" "exe_file";
        mm_vdso optional "mm_struct" "context.vdso";
        task_cred optional "task_struct" "cred";
        cred_uid optional "cred" "uid";
        task_io_uring optional "task_struct" "io_uring";
        signal_nr_threads optional "signal_struct" "nr_threads";
        fdtable_close_on_exec optional "fdtable" "close_on_exec";
        vma_file optional "vm_area_struct" "vm_file";
        vma_flags optional "vm_area_struct" "vm_flags" | "__vm_flags";
        vma_start optional "vm_area_struct" "vm_start";
        vma_mm optional "vm_area_struct" "vm_mm";
        sock_cookie optional "sock_common" "skc_cookie";
        sock_state optional "sock_common" "skc_state";
        sock_shutdown optional "sock" "sk_shutdown";
        tcp_snd_nxt optional "tcp_sock" "snd_nxt";
        tcp_snd_una optional "tcp_sock" "snd_una";
        tcp_bytes_sent optional "tcp_sock" "bytes_sent";
        tcp_bytes_retrans optional "tcp_sock" "bytes_retrans";
        sock_socket optional "sock" "sk_socket";
        socket_file optional "socket" "file";
        file_mode optional "file" "f_mode";
        socket_type optional "socket" "type";
    }
    // Arm's registers are an array; the first holds the result by the time a call ends, its argument is kept elsewhere.
    if let Some(registers) = types.offset("pt_regs", "regs").filter(|_| offsets.regs_argument_2 == ABSENT) {
        offsets.regs_argument_2 = registers + 8;
    }
    if let Some(bit) = types.bit("task_struct", "in_execve") {
        offsets.task_in_execve_byte = bit / 8;
        // A bit field of the lowest bits first, as on every little-endian machine.
        offsets.task_in_execve_mask = 1 << (bit % 8);
    }
    Ok(offsets)
}

fn index(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, BtfError> {
    let word = bytes.get(at..at.saturating_add(4)).ok_or(BtfError::Short(at))?;
    Ok(u32::from_ne_bytes(word.try_into().unwrap_or_default()))
}
