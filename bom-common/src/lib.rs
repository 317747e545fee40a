//! What crosses the border between the kernel and user space: the layout of every record that a
//! probe writes to a ring buffer, the counters it keeps, and the configuration the agent writes.
//!
//! Never any logic: `bom-ebpf` fills these structs, `bom-core` decodes them. Integers and byte
//! arrays only, no implicit padding, sizes asserted. Discriminants travel as integers.
//!
//! Start reading at [`record`].
#![no_std]
#![forbid(unsafe_code)]

pub mod config;
pub mod counter;
pub mod record;
