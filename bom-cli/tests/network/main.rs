//! Who is called, by what and under which name: the real program and the real kernel, in a closed world.
//!
//! `inside` observes a command there; each other room is one kind of peer.

mod datagrams;
mod foreign;
mod inside;
mod names;
mod rust_clients;
mod sockets;
mod streams;

use std::process::ExitCode;

use bom_testkit::trial::{Need, run};

/// What every observation in the world takes.
const WORLD: &[Need] = &[Need::Root, Need::Bpf, Need::Btf, Need::Cgroup2, Need::Netns];

fn main() -> ExitCode {
    if let Some(code) = inside::world() {
        return code;
    }
    if let Some(code) = rust_clients::as_asked() {
        return code;
    }
    let rooms =
        [datagrams::trials(), streams::trials(), names::trials(), sockets::trials(), foreign::trials()];
    run(rooms.into_iter().flatten().collect())
}
