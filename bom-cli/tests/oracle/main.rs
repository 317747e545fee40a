//! `aibom` against an oracle outside our code: strace, in the same run.
//!
//! `aibom record -- strace -f -yy … -- PROGRAM` gives two accounts of one run. Compared are three multisets
//! ([`account::Account`]): opens of regular files by path and process, images by requested name, file and process,
//! and TCP peers by address and process. They have to be equal, in both directions. What strace itself does is not
//! in its own account and is taken out of ours by its image; before its exec, nothing is the subject's.
//!
//! Start at [`account`]; `strace` and `ours` read the two sides, `opener` is a program made of difficult opens,
//! and `uring` one that strace is blind to.

mod account;
mod calls;
#[path = "../demo/inside.rs"]
mod inside;
mod opener;
mod ours;
#[expect(dead_code, reason = "the sensing trials use the rest of it")]
mod ring;
mod strace;
mod trials;
mod uring;

use std::process::ExitCode;

use bom_testkit::trial::{self, Need};

const TRACED: &[Need] = &[Need::Root, Need::Bpf, Need::Btf, Need::Cgroup2, Need::Netns, Need::Strace];
const AGENT: &[Need] =
    &[Need::Root, Need::Bpf, Need::Btf, Need::Cgroup2, Need::Netns, Need::Strace, Need::Agents];
const RING: &[Need] =
    &[Need::Root, Need::Bpf, Need::Btf, Need::Cgroup2, Need::Netns, Need::Strace, Need::IoUring];

fn main() -> ExitCode {
    if let Some(code) = inside::world().or_else(opener::program).or_else(uring::program) {
        return code;
    }
    trial::run(vec![
        trial::trial("oracle::reads_what_strace_writes", &[], calls::reads_what_strace_writes),
        trial::trial("oracle::difficult_opens", TRACED, trials::difficult_opens),
        trial::trial("oracle::demo_agent", AGENT, trials::demo_agent),
        trial::trial("oracle::io_uring_where_strace_is_blind", RING, trials::io_uring_where_strace_is_blind),
        trial::trial(
            "oracle::io_uring_direct_descriptor_is_suspected",
            RING,
            trials::direct_descriptor_is_suspected,
        ),
    ])
}
