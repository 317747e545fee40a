//! Content really read: what a process takes out of the page cache, or past it.
//!
//! These hooks see the inode, not how the process came to it. So they also see what was opened in ways that the other
//! probes miss: by a 32-bit system call, through io_uring without a completion, with a descriptor from elsewhere.
//! Most reads are of files already delivered, and cost one look-up.

use aya_ebpf::{bindings::BPF_NOEXIST, macros::btf_tracepoint, programs::BtfTracePointContext};
use bom_common::{
    config::{ABSENT, ReadKey},
    counter::Counter,
    record::{self, kind, path_flag, probe},
};

use crate::{
    emit::{common, count, header, lost},
    kernel::{
        file::OpenFile,
        path::walk_file_system,
        read::{opaque, read, typed},
        task::{belongs, current, current_task},
    },
    maps::{PATH_SPACE, READ_SCRATCH, READS, offset},
};

/// include/linux/iomap.h: content moves between the process and the device (or the memory that is the device)
/// without the page cache.
const IOMAP_DIRECT: u32 = 1 << 4;
const IOMAP_DAX: u32 = 1 << 8;
/// … and in this direction it is none that is read.
const IOMAP_WRITE: u32 = 1;

/// `mm_filemap_get_pages(mapping, index, last)`: read and its relatives, sendfile, splice, io_uring.
#[btf_tracepoint(function = "mm_filemap_get_pages")]
pub fn mm_filemap_get_pages(context: BtfTracePointContext) -> u32 {
    taken(typed(context.arg(0), offset!(mapping_host)), probe::MM_FILEMAP_GET_PAGES);
    0
}

/// `mm_filemap_map_pages(mapping, first, last)`: a read of mapped memory, pages in the cache.
#[btf_tracepoint(function = "mm_filemap_map_pages")]
pub fn mm_filemap_map_pages(context: BtfTracePointContext) -> u32 {
    taken(typed(context.arg(0), offset!(mapping_host)), probe::MM_FILEMAP_MAP_PAGES);
    0
}

/// `mm_filemap_fault(mapping, index)`: the same where the page has to be fetched, or is written to.
#[btf_tracepoint(function = "mm_filemap_fault")]
pub fn mm_filemap_fault(context: BtfTracePointContext) -> u32 {
    taken(typed(context.arg(0), offset!(mapping_host)), probe::MM_FILEMAP_FAULT);
    0
}

/// `iomap_iter(iter, ops, caller)`: O_DIRECT and DAX.
#[btf_tracepoint(function = "iomap_iter")]
pub fn iomap_iter(context: BtfTracePointContext) -> u32 {
    let iter: *const u8 = context.arg(0);
    let flags: u32 = typed(iter, offset!(iomap_flags));
    if flags & (IOMAP_DIRECT | IOMAP_DAX) != 0 && flags & IOMAP_WRITE == 0 {
        taken(typed(iter, offset!(iomap_inode)), probe::IOMAP_ITER);
    }
    0
}

/// The current process takes content of this file.
#[inline(always)]
fn taken(inode: *const u8, probe: u16) {
    let Some((tgid, process)) = belongs() else { return };
    let superblock: *const u8 = typed(inode, offset!(inode_sb));
    let whole = process.image != 0;
    let key = ReadKey {
        image: process.image,
        start_ns: if whole { 0 } else { process.start_ns },
        inode: typed(inode, offset!(inode_ino)),
        size: typed(inode, offset!(inode_size)),
        ctime_s: typed(inode, offset!(inode_ctime_s)),
        ctime_ns: typed::<u32>(inode, offset!(inode_ctime_ns)) & bom_common::config::CTIME_NS,
        device: typed(superblock, offset!(sb_dev)),
        generation: typed(inode, offset!(inode_generation)),
        tgid: if whole { 0 } else { tgid },
    };
    // SAFETY: looked at, not kept.
    if unsafe { READS.get(key) }.is_some() {
        return;
    }
    first(inode as u64, &key, probe);
}

/// The first time: delivers it.
#[inline(always)]
fn first(inode: u64, key: &ReadKey, probe: u16) {
    let file = OpenFile::by_inode(inode);
    if !file.is_content() || in_exec() {
        return;
    }
    let Some(task) = current() else { return };
    let Some(record) = READ_SCRATCH.get_ptr_mut(0) else { return };
    // SAFETY: the slot is this CPU's own; these programs run in process context and cannot nest in each other.
    let record = unsafe { &mut *record };
    let walked = walk_file_system(&mut record.walk, &mut record.path, file.dentry);
    if walked.flags & path_flag::TRUNCATED != 0 {
        lost(Counter::PathTruncated, task.subject);
    }
    let fixed = size_of::<record::Header>() + size_of::<record::Open>();
    let length = opaque(u64::from(walked.length)) & (PATH_SPACE as u64 - 1);
    let open = file.key(&task);
    record.open.file = file.describe(&open, &walked);
    // As it was looked up, even if it changed meanwhile.
    record.open.file.size = key.size;
    record.open.file.ctime_s = key.ctime_s;
    record.open.file.ctime_ns = key.ctime_ns;
    record.header = header(kind::READ, probe, fixed + length as usize, &task);
    if !common(core::ptr::from_ref(record).cast(), fixed as u64 + length) {
        lost(Counter::ContentLost, task.subject);
        return;
    }
    count(Counter::ContentDelivered);
    // Only now: what was not delivered must not be remembered as delivered.
    if READS.insert(key, 1, u64::from(BPF_NOEXIST)).is_err() {
        count(Counter::DedupeFull);
    }
}

/// While a task is in execve the kernel itself reads the beginning of the new program; nothing of it reaches the old
/// one, and the new one is a record of its own.
#[inline(always)]
fn in_exec() -> bool {
    let mask = offset!(task_in_execve_mask);
    mask != ABSENT && read::<u8>(current_task(), offset!(task_in_execve_byte)) & mask as u8 != 0
}
