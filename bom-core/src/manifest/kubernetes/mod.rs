//! Kubernetes objects: workloads, what they refer to, and the policies that select them.

mod inference;
mod pod;
mod policies;
mod workloads;

pub(super) use pod::Cluster;
pub(super) use policies::policies;
pub(super) use workloads::workloads;
