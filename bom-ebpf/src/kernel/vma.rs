//! `struct vm_area_struct`: what a range of a process's memory really is.

use aya_ebpf::helpers::generated::{bpf_find_vma, bpf_get_current_task_btf, bpf_task_pt_regs};

use super::read::{pointer, read};
use crate::maps::offset;

/// include/linux/mm.h
const VM_WRITE: u64 = 2;
const VM_EXEC: u64 = 4;
const VM_SHARED: u64 = 8;

/// A range of memory.
#[derive(Clone, Copy)]
pub struct Range {
    pub end: u64,
    pub flags: u64,
    /// `struct file *`; 0 if it is anonymous.
    pub file: u64,
    /// Pages of it were written, and are the process's own.
    pub written: bool,
}

/// A function that `bpf_find_vma` calls, with the memory map locked: nobody can unmap the range meanwhile.
pub type Visit = unsafe extern "C" fn(*mut u8, *mut u8, *mut u8) -> i64;

/// Calls `visit(task, vma, context)` for the range at `address` of the current process. An error if there is none, or
/// somebody else holds the memory map at this moment.
#[inline(always)]
pub fn visit<T>(address: u64, visit: Visit, context: &mut T) -> Result<(), i64> {
    // SAFETY: the verifier checks the callback with the context it gets, which outlives the call.
    let result = unsafe {
        bpf_find_vma(
            bpf_get_current_task_btf(),
            address,
            (visit as *mut u8).cast(),
            core::ptr::from_mut(context).cast(),
            0,
        )
    };
    if result == 0 { Ok(()) } else { Err(result) }
}

/// First argument of the system call that the current task is in, out of its registers.
#[inline(always)]
pub fn first_argument() -> u64 {
    // SAFETY: the helper gives the saved registers of the task it is given, the current one.
    let registers = unsafe { bpf_task_pt_regs(bpf_get_current_task_btf()) } as u64;
    read(registers, offset!(regs_argument))
}

impl Range {
    #[inline(always)]
    pub fn of(vma: u64) -> Self {
        Self {
            end: read(vma, offset!(vma_end)),
            flags: read(vma, offset!(vma_flags)),
            file: pointer(vma, offset!(vma_file)),
            written: pointer(vma, offset!(vma_anon)) != 0,
        }
    }

    #[inline(always)]
    pub fn is_executable(&self) -> bool {
        self.flags & VM_EXEC != 0
    }

    /// Code can be run here that is not the content of a file as it was mapped: there is none, it was written over,
    /// or it still can be.
    #[inline(always)]
    pub fn runs_own_code(&self) -> bool {
        self.is_executable()
            && (self.file == 0 || self.flags & VM_WRITE != 0 || self.written && self.flags & VM_SHARED == 0)
    }
}
