//! One file for each group of hooks. They copy and count.

pub mod cgroup;
pub mod content;
pub mod mapping;
pub mod open;
pub mod other_memory;
pub mod packet;
pub mod process;
pub mod received;
pub mod socket_calls;
pub mod sockets;
pub mod stream;
pub mod sweep;
pub mod tamper;
pub mod tcp;
mod tcp_again;
pub mod tcp_stored;
pub mod tell;
pub mod udp;
pub mod upper;
pub mod uring;
