//! The only rooms that follow kernel pointers. Each read is a `bpf_probe_read_kernel` at an offset
//! from the running kernel's BTF. The helper fills the target with zeroes when it fails, so a failed
//! read is zero, and a zero pointer ends every walk: no branch for each read, or the verifier would
//! have to follow them all.

pub mod file;
pub mod path;
pub mod read;
pub mod socket;
pub mod task;
pub mod vma;
