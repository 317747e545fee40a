//! The eBPF programs of aibom: they copy what the kernel knows into records, and count what they
//! could not deliver. They never judge, and they never read user memory.
//!
//! `kernel/` holds the only rooms that follow kernel pointers; `probes/` holds one file for each
//! group of hooks; `maps` everything shared with user space. Start reading at `probes::open`.
#![no_std]
#![no_main]
// Inline assembly for BPF is not stable; the object is built with the stable toolchain all the same
// (bom-agent/build.rs says how).
#![feature(asm_experimental_arch)]
#![expect(
    clippy::needless_borrows_for_generic_args,
    reason = "a key passed by value is copied onto the 512 bytes of stack"
)]

mod emit;
mod kernel;
mod maps;
mod probes;
mod share;

#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo) -> ! {
    loop {}
}

/// The kernel lets only GPL-compatible programs read its memory.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
