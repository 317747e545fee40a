//! Sweeps: what is there now, whoever opened it and whenever. Read by the agent, one iterator after the other.
//!
//! An iterator shows each object once and, if its record found no room in the kernel's buffer, once more at the next
//! read; so nothing here may be remembered as written. Records stand one behind the other, each with its length.

use core::ffi::c_void;

use aya_ebpf::{bindings::seq_file, helpers::generated::bpf_seq_write};
use bom_common::{
    counter::Counter,
    record::{self, PATH_CAPACITY, kind, path_flag, probe},
};

use super::sockets;
use crate::{
    emit::{count, header, lost},
    kernel::{
        file::{OpenFile, by_pointer},
        path::{Walked, walk},
        read::{opaque, pointer, read},
        task::{Tracked, met, start_ns},
    },
    maps::{FILE_SCRATCH, PATH_SPACE, SweepScratch, TASK_SCRATCH, VMA_SCRATCH, offset},
};

/// include/linux/mm.h
const VM_EXEC: u64 = 4;
/// What is told of `vm_flags`: VM_READ, VM_WRITE, VM_EXEC, VM_SHARED.
const TOLD: u64 = 0xf;

/// `struct bpf_iter_meta` (kernel/bpf/bpf_iter.c); the sequence file comes first.
#[repr(C)]
pub(super) struct Meta {
    pub(super) seq: *mut seq_file,
}

/// `struct bpf_iter__task`, `__task_file` and `__task_vma` (kernel/bpf/task_iter.c): eight bytes for each member.
#[repr(C)]
struct Context {
    meta: *const Meta,
    task: *const u8,
    /// The descriptor of `task_file`, the mapping of `task_vma`.
    third: u64,
    file: *const u8,
}

/// `iter/task`: every thread of the machine, seen from the reader's pid namespace.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task")]
pub extern "C" fn iter_task(context: *const c_void) -> i32 {
    let context: *const Context = context.cast();
    // SAFETY: the kernel hands in such a context; the verifier checks each access.
    let (seq, task) = unsafe { ((*(*context).meta).seq, (*context).task as u64) };
    if task != 0 {
        let _ = process(seq, task);
    }
    0
}

#[inline(always)]
fn process(seq: *mut seq_file, thread: u64) -> Option<()> {
    let uring = pointer(thread, offset!(task_io_uring)) != 0;
    let mm = pointer(thread, offset!(task_mm));
    let leader: u32 = read(thread, offset!(task_tgid));
    let is_leader = leader == read(thread, offset!(task_pid));
    // Other threads say nothing more, except that one of them has an io_uring. A dead leader has no memory left,
    // and its threads go on.
    let dead_leader = pointer(pointer(thread, offset!(task_group_leader)), offset!(task_mm)) == 0;
    if mm == 0 || !(is_leader || uring || dead_leader) {
        return None;
    }
    let task = met(thread)?;
    let scratch = TASK_SCRATCH.get_ptr_mut(0)?;
    // SAFETY: the slot is this CPU's own; the agent reads one iterator at a time.
    let scratch = unsafe { &mut *scratch };
    let walked = match by_pointer(pointer(mm, offset!(mm_exe_file))) {
        Some(file) => {
            let walked = path(scratch, &file, &task);
            scratch.body.file = file.describe(&file.key(&task), &walked);
            walked
        }
        None => {
            scratch.body.file = NO_FILE;
            Walked { length: 0, flags: 0 }
        }
    };
    let parent = pointer(thread, offset!(task_real_parent));
    scratch.body.parent_start_ns = start_ns(parent);
    scratch.body.parent_tgid = read(parent, offset!(task_tgid));
    scratch.body.uid = read(pointer(thread, offset!(task_cred)), offset!(cred_uid));
    scratch.body.threads = read(pointer(thread, offset!(task_signal)), offset!(signal_nr_threads));
    scratch.body.uring = u32::from(uring);
    scratch.body.reserved = 0;
    write(seq, scratch, kind::SWEPT_PROCESS, probe::ITER_TASK, &task, &walked);
    Some(())
}

/// `iter/task_file`: every descriptor of every task that has its own table of them.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task_file")]
pub extern "C" fn iter_task_file(context: *const c_void) -> i32 {
    let context: *const Context = context.cast();
    // SAFETY: as above; `third` is a 32-bit number in an eight-byte place.
    let (seq, task, descriptor, file) = unsafe {
        let descriptor = *(&raw const (*context).third).cast::<u32>();
        ((*(*context).meta).seq, (*context).task as u64, descriptor, (*context).file as u64)
    };
    if task != 0 && file != 0 {
        let _ = descriptor_of(seq, task, descriptor, file);
    }
    0
}

#[inline(always)]
fn descriptor_of(seq: *mut seq_file, task: u64, descriptor: u32, file: u64) -> Option<()> {
    let whose = met(task)?;
    let file = by_pointer(file)?;
    if file.is_socket() {
        let closes = closes_on_exec(task, descriptor);
        // Between fork and exec: what is not closed is handed to the command.
        if whose.image == 0 && !closes {
            sockets::inherited(seq, &whose, &file);
        }
        return sockets::held(seq, &whose, &file, closes);
    }
    if !file.is_recorded() {
        if whose.image == 0 && file.is_readable_pipe() && !closes_on_exec(task, descriptor) {
            sockets::other_source(seq, &whose);
        }
        return None;
    }
    let scratch = FILE_SCRATCH.get_ptr_mut(0)?;
    // SAFETY: as above.
    let scratch = unsafe { &mut *scratch };
    let walked = path(scratch, &file, &whose);
    scratch.body.file = file.describe(&file.key(&whose), &walked);
    scratch.body.descriptor = descriptor;
    scratch.body.close_on_exec = u32::from(closes_on_exec(task, descriptor));
    write(seq, scratch, kind::SWEPT_FILE, probe::ITER_TASK_FILE, &whose, &walked);
    Some(())
}

#[inline(always)]
fn closes_on_exec(task: u64, descriptor: u32) -> bool {
    let table = pointer(pointer(task, offset!(task_files)), offset!(files_fdt));
    let bits = pointer(table, offset!(fdtable_close_on_exec));
    let word: u64 = read(bits + u64::from(descriptor / 64) * 8, 0);
    (word >> (descriptor % 64)) & 1 == 1
}

/// `iter/task_vma`: every mapping of every process. Since 5.12.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task_vma")]
pub extern "C" fn iter_task_vma(context: *const c_void) -> i32 {
    let context: *const Context = context.cast();
    // SAFETY: as above; `third` is the mapping.
    let (seq, task, vma) = unsafe {
        let vma = *(&raw const (*context).third).cast::<*const u8>();
        ((*(*context).meta).seq, (*context).task as u64, vma as u64)
    };
    if task != 0 && vma != 0 {
        let _ = mapping(seq, task, vma);
    }
    0
}

#[inline(always)]
fn mapping(seq: *mut seq_file, task: u64, vma: u64) -> Option<()> {
    let flags: u64 = read(vma, offset!(vma_flags));
    let mapped = by_pointer(pointer(vma, offset!(vma_file)));
    let described = match &mapped {
        Some(file) => file.is_recorded(),
        // The kernel's own page of code has no file either.
        None => {
            let vdso = pointer(pointer(vma, offset!(vma_mm)), offset!(mm_vdso));
            flags & VM_EXEC != 0 && pointer(vma, offset!(vma_start)) != vdso
        }
    };
    if !described {
        return None;
    }
    let whose = met(task)?;
    let scratch = VMA_SCRATCH.get_ptr_mut(0)?;
    // SAFETY: as above.
    let scratch = unsafe { &mut *scratch };
    let walked = match &mapped {
        Some(file) => {
            let walked = path(scratch, file, &whose);
            scratch.body.file = file.describe(&file.key(&whose), &walked);
            walked
        }
        None => {
            scratch.body.file = NO_FILE;
            Walked { length: 0, flags: 0 }
        }
    };
    scratch.body.flags = flags & TOLD;
    write(seq, scratch, kind::SWEPT_MAPPING, probe::ITER_TASK_VMA, &whose, &walked);
    Some(())
}

#[inline(always)]
fn path<T>(scratch: &mut SweepScratch<T>, file: &OpenFile, whose: &Tracked) -> Walked {
    let walked = walk(&mut scratch.walk, &mut scratch.path, file.vfsmount, file.dentry);
    if walked.flags & path_flag::TRUNCATED != 0 {
        lost(Counter::PathTruncated, whose.subject);
    }
    walked
}

#[inline(always)]
fn write<T>(
    seq: *mut seq_file,
    scratch: &mut SweepScratch<T>,
    kind: u16,
    probe: u16,
    whose: &Tracked,
    walked: &Walked,
) {
    let fixed = size_of::<record::Header>() + size_of::<T>();
    let path = opaque(u64::from(walked.length)) & (PATH_CAPACITY as u64 - 1);
    let length = opaque(fixed as u64 + path) & (PATH_SPACE as u64 - 1);
    scratch.header = header(kind, probe, length as usize, whose);
    // SAFETY: the verifier proves that `length` bytes are readable.
    let result = unsafe { bpf_seq_write(seq, core::ptr::from_ref(scratch).cast(), length as u32) };
    // Without room the kernel shows the object again.
    if result == 0 {
        count(Counter::SweptDelivered);
    }
}

const NO_FILE: record::File = record::File {
    inode: 0,
    parent_inode: 0,
    name_hash: 0,
    size: 0,
    ctime_s: 0,
    ctime_ns: 0,
    device: 0,
    generation: 0,
    mode: 0,
    fs_magic: 0,
    rdev: 0,
    mount_id: 0,
    flags: 0,
    path_length: 0,
    path_flags: 0,
    real_device: 0,
    real_inode: 0,
};
