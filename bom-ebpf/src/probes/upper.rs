//! The upper tier: what the kernel's security checks are asked. A second witness of what the base tier sees, on kernels
//! that let a program sit on the end of a kernel function; the base tier is complete without it.
//!
//! The functions are those that the kernel calls before it hands a file or a connection over, whatever led there: any
//! system call of either width, io_uring in any mode, the kernel's own loader. The programs sit on their end, so that
//! what another security module refused is not taken for something that happened. LSM programs would see the same, but
//! are called only where the machine was booted with `bpf` in its list of security modules, and say nothing where it was
//! not: a probe that is attached and never runs.

use aya_ebpf::{
    bindings::BPF_NOEXIST,
    macros::{fexit, map},
    maps::{HashMap, PerCpuArray},
    programs::FExitContext,
};
use bom_common::{
    config::{ACCESS_EXECUTABLE, OpenKey},
    counter::Counter,
    record::{self, kind, path_flag, probe},
};

use crate::{
    emit::{count, header, lost, rare_record, spare},
    kernel::{
        file::{OpenFile, by_pointer},
        path::walk,
        read::{opaque, read},
        socket::{AF_INET, AF_INET6},
        task::{Tracked, current},
    },
    maps::{MapScratch, OpenScratch, PATH_SPACE, offset},
};

/// Opens that were delivered from here. Apart from the base tier's: one must not keep the other silent.
#[map]
static UPPER_OPENS: HashMap<OpenKey, u64> =
    HashMap::with_max_entries(131_072, aya_ebpf::bindings::BPF_F_NO_PREALLOC);

#[map]
static UPPER_SCRATCH: PerCpuArray<OpenScratch> = PerCpuArray::with_max_entries(1, 0);

/// include/linux/fs.h: a file that the kernel opens for its own use, such as the one below an overlay's.
const FMODE_NOACCOUNT: u32 = 0x2000_0000;

/// `int security_file_open(struct file *file)`, since 4.18. Not called for O_PATH.
#[fexit(function = "security_file_open")]
pub fn security_file_open(context: FExitContext) -> u32 {
    let file: *const u8 = context.arg(0);
    let refused: i32 = context.arg(1);
    if refused == 0 {
        let _ = opened(file as u64);
    }
    0
}

#[inline(always)]
fn opened(address: u64) -> Option<()> {
    let task = current()?;
    if read::<u32>(address, offset!(file_mode)) & FMODE_NOACCOUNT != 0 {
        return None;
    }
    let file = by_pointer(address)?;
    if !file.is_recorded() {
        return None;
    }
    count(Counter::UpperOpensSeen);
    let key = file.key(&task);
    // SAFETY: only whether it is there is asked.
    if unsafe { UPPER_OPENS.get(key) }.is_some() {
        count(Counter::UpperOpensDeduplicated);
        return None;
    }
    deliver(&task, &file, &key)
}

#[inline(always)]
fn deliver(task: &Tracked, file: &OpenFile, key: &OpenKey) -> Option<()> {
    let record = UPPER_SCRATCH.get_ptr_mut(0)?;
    // SAFETY: the slot is this CPU's own, and this program cannot nest in itself.
    let record = unsafe { &mut *record };
    let walked = walk(&mut record.walk, &mut record.path, file.vfsmount, file.dentry);
    if walked.flags & path_flag::TRUNCATED != 0 {
        lost(Counter::PathTruncated, task.subject);
    }
    let fixed = size_of::<record::Header>() + size_of::<record::Open>();
    let length = opaque(u64::from(walked.length)) & (PATH_SPACE as u64 - 1);
    record.open.file = file.describe(key, &walked);
    record.header = header(kind::OPEN, probe::SECURITY_FILE_OPEN, fixed + length as usize, task);
    let time = record.header.time_ns;
    if !spare(core::ptr::from_ref(record).cast(), fixed as u64 + length) {
        lost(Counter::UpperOpensLost, task.subject);
        return None;
    }
    count(Counter::UpperOpensDelivered);
    // A full table only means that the next one is delivered again.
    let _ = UPPER_OPENS.insert(key, time, u64::from(BPF_NOEXIST));
    Some(())
}

/// Mappings that were delivered from here.
#[map]
static UPPER_MAPS: HashMap<OpenKey, u64> =
    HashMap::with_max_entries(65_536, aya_ebpf::bindings::BPF_F_NO_PREALLOC);

#[map]
static UPPER_MAP_SCRATCH: PerCpuArray<MapScratch> = PerCpuArray::with_max_entries(1, 0);

/// include/uapi/asm-generic/mman-common.h and include/linux/mm.h: the lowest bits of protection and VM flags agree.
const PROT: u64 = 7;
const PROT_EXEC: u64 = 4;
const MAP_SHARED: u64 = 1;
const VM_SHARED: u64 = 8;
const VM_MAYWRITE: u64 = 0x20;
/// include/linux/fs.h
const FMODE_WRITE: u32 = 2;

/// `int security_mmap_file(struct file *file, unsigned long prot, unsigned long flags)`: mmap, shmat, and what an exec
/// maps. The file is missing for anonymous memory.
#[fexit(function = "security_mmap_file")]
pub fn security_mmap_file(context: FExitContext) -> u32 {
    let file: *const u8 = context.arg(0);
    let protection: u64 = context.arg(1);
    let flags: u64 = context.arg(2);
    let refused: i32 = context.arg(3);
    if refused == 0 && !file.is_null() {
        let _ = mapping(file as u64, protection, flags);
    }
    0
}

#[inline(always)]
fn mapping(address: u64, protection: u64, flags: u64) -> Option<()> {
    let task = current()?;
    let file = by_pointer(address)?;
    if !file.is_recorded() {
        return None;
    }
    let mut key = file.key(&task);
    if protection & PROT_EXEC != 0 {
        key.access |= ACCESS_EXECUTABLE;
    }
    // SAFETY: only whether it is there is asked.
    if unsafe { UPPER_MAPS.get(key) }.is_some() {
        return None;
    }
    let record = UPPER_MAP_SCRATCH.get_ptr_mut(0)?;
    // SAFETY: the slot is this CPU's own, and this program cannot nest in itself.
    let record = unsafe { &mut *record };
    let walked = walk(&mut record.walk, &mut record.path, file.vfsmount, file.dentry);
    if walked.flags & path_flag::TRUNCATED != 0 {
        lost(Counter::PathTruncated, task.subject);
    }
    let fixed = size_of::<record::Header>() + size_of::<record::Map>();
    let length = opaque(u64::from(walked.length)) & (PATH_SPACE as u64 - 1);
    let writable = read::<u32>(address, offset!(file_mode)) & FMODE_WRITE != 0;
    let shared = match (flags & MAP_SHARED != 0, writable) {
        (false, _) => 0,
        (true, false) => VM_SHARED,
        (true, true) => VM_SHARED | VM_MAYWRITE,
    };
    record.map.file = file.describe(&key, &walked);
    record.map.vm_flags = protection & PROT | shared;
    record.header = header(kind::MAP, probe::SECURITY_MMAP_FILE, fixed + length as usize, &task);
    let time = record.header.time_ns;
    if !spare(core::ptr::from_ref(record).cast(), fixed as u64 + length) {
        lost(Counter::UpperMapsLost, task.subject);
        return None;
    }
    count(Counter::UpperMapsDelivered);
    // A full table only means that the next one is delivered again.
    let _ = UPPER_MAPS.insert(key, time, u64::from(BPF_NOEXIST));
    Some(())
}

#[repr(C)]
struct ConnectRecord {
    header: record::Header,
    connect: record::Connect,
}

/// `int security_socket_connect(struct socket *sock, struct sockaddr *address, int addrlen)`. The address is the kernel's
/// own copy.
#[fexit(function = "security_socket_connect")]
pub fn security_socket_connect(context: FExitContext) -> u32 {
    let socket: *const u8 = context.arg(0);
    let address: *const u8 = context.arg(1);
    let refused: i32 = context.arg(3);
    if refused == 0 {
        let _ = connecting(socket as u64, address as u64);
    }
    0
}

#[inline(always)]
fn connecting(socket: u64, address: u64) -> Option<()> {
    // struct sockaddr_in and sockaddr_in6: family, port, then the address, behind a flow label in the latter.
    let family: u16 = read(address, 0);
    let mut remote = [0; 16];
    match family {
        AF_INET => remote[..4].copy_from_slice(&read::<[u8; 4]>(address, 4)),
        AF_INET6 => remote = read(address, 8),
        _ => return None,
    }
    let task = current()?;
    let record = ConnectRecord {
        header: header(kind::CONNECT, probe::SECURITY_SOCKET_CONNECT, size_of::<ConnectRecord>(), &task),
        connect: record::Connect {
            remote,
            family,
            port: u16::from_be(read(address, 2)),
            socket_type: read(socket, offset!(socket_type)),
            reserved: 0,
        },
    };
    rare_record(&record, task.subject, Counter::UpperConnectsLost);
    Some(())
}
