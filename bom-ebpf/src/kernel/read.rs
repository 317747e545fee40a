//! One checked read.

use core::mem::MaybeUninit;

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use bom_common::config::ABSENT;

/// Reads a `T` (an integer, or an array of them) at `base + offset`. Zero if this kernel has no such
/// member or the address cannot be read.
#[inline(always)]
pub fn read<T: Copy>(base: u64, offset: u32) -> T {
    let mut value = MaybeUninit::<T>::zeroed();
    if offset != ABSENT {
        // SAFETY: the helper checks the source address, and writes zeroes if it cannot be read.
        unsafe {
            bpf_probe_read_kernel(
                value.as_mut_ptr().cast(),
                size_of::<T>() as u32,
                (base + u64::from(offset)) as *const _,
            );
        }
    }
    // SAFETY: all zeroes is a value of every integer and integer array.
    unsafe { value.assume_init() }
}

/// Reads a member through a pointer whose type the verifier knows (an argument of a BTF tracepoint, or a pointer
/// member read from one). A plain load: the kernel makes a bad address read zero, and no helper is called.
///
/// The member has to be one of that type, and `T` no wider than it.
#[inline(always)]
pub fn typed<T: Copy>(base: *const u8, offset: u32) -> T {
    // SAFETY: the verifier checks type and bounds of the access; volatile keeps it one load of that width.
    unsafe { core::ptr::read_volatile(base.add(offset as usize).cast()) }
}

/// A pointer member; zero if there is none.
#[inline(always)]
pub fn pointer(base: u64, offset: u32) -> u64 {
    read(base, offset)
}

/// Hides a value's origin from the optimiser, so that the bound written after it survives into the
/// program the verifier sees. An empty template would break the line information.
#[inline(always)]
pub fn opaque(value: u64) -> u64 {
    let mut value = value;
    // SAFETY: assigns the register to itself.
    unsafe { core::arch::asm!("{0} = {0}", inout(reg) value, options(pure, nomem, nostack)) };
    value
}
