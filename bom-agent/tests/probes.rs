//! The programs that are loaded, and letting go of them: nothing of them stays with us, and what is slow to close is
//! closed by somebody else.

use std::{fs, process::ExitCode};

use bom_agent::probes::{Probes, Settings};
use bom_testkit::trial::{self, Failed, Need, trial};

fn main() -> ExitCode {
    let needs = &[Need::Root, Need::Bpf, Need::Btf];
    trial::run(vec![
        trial("probes::leaves_nothing_open", needs, leaves_nothing_open),
        trial("probes::tcp_states_have_an_understudy", needs, tcp_states_have_an_understudy),
    ])
}

/// Kernels from 5.12 on take both; without the second, what is skipped of the first is a loss of everybody.
fn tcp_states_have_an_understudy() -> Result<(), Failed> {
    let probes = Probes::load(&Settings::default())?;
    let (has, status) = (probes.has_understudy(), probes.status("inet_sock_set_state").cloned());
    probes.detach();
    if has { Ok(()) } else { Err(format!("refused; the first one is {status:?}").into()) }
}

fn leaves_nothing_open() -> Result<(), Failed> {
    let probes = Probes::load(&Settings::default())?;
    let attached = ours()?;
    if !attached.iter().any(|name| name.contains("bpf")) {
        return Err(format!("nothing to detach: {attached:?}").into());
    }
    probes.detach();
    let left = ours()?;
    if !left.is_empty() {
        return Err(format!("still open: {left:?}").into());
    }
    let mut status = 0;
    // SAFETY: the status is live. There is one child: who was left the slow ones.
    let child = unsafe { libc::waitpid(-1, &raw mut status, 0) };
    if child <= 0 || status != 0 {
        return Err(format!("the child {child} ended with {status}").into());
    }
    Ok(())
}

/// Descriptors of this process that name something of the kernel's probes.
fn ours() -> Result<Vec<String>, Failed> {
    let mut names = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        let name = fs::read_link(entry?.path()).unwrap_or_default().display().to_string();
        if name.contains("bpf") || name.contains("perf_event") {
            names.push(name);
        }
    }
    Ok(names)
}
