//! What this kernel, these privileges and mounts allow: found out by trying, never by a version number.
//!
//! Every probe is loaded and attached for real, to a cgroup of its own that nobody is in, and detached again.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io,
    mem::MaybeUninit,
    path::PathBuf,
};

use bom_core::{
    coverage::{
        Class, Gap, ProbeState, ProbeStatus,
        rules::{self, Seen},
    },
    input::HostFacts,
};

use crate::{
    cgroup::{Hierarchy, Session},
    host::{self, Host, Missing},
    probes::{Hook, PROBES, Probes, Settings},
};

/// Everything that was found out.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    pub host: Option<HostFacts>,
    pub missing: Missing,
    /// Our process numbers are the kernel's.
    pub initial_pid_namespace: bool,
    pub cgroup2: Option<PathBuf>,
    /// Where it is mounted; it need not be.
    pub tracefs: Option<PathBuf>,
    /// Where it is mounted; it need not be.
    pub bpffs: Option<PathBuf>,
    /// `none`, `integrity` or `confidentiality`; `None` if the kernel does not say.
    pub lockdown: Option<String>,
    pub unprivileged_bpf_disabled: Option<u32>,
    /// 0 for everybody, 1 for a group, 2 for nobody.
    pub io_uring_disabled: Option<u32>,
    /// Bytes that may be locked, which only kernels before 5.11 ask; `None` is no limit.
    pub locked_memory: Option<u64>,
    /// Bytes of the rings: opens, and everything else.
    pub rings: (u32, u32),
    /// Why no probe could be tried.
    pub failure: Option<String>,
    pub probes: Vec<ProbeState>,
    /// What would stand against "complete" on this machine and not on one where every probe works.
    pub gaps: BTreeMap<Class, BTreeSet<Gap>>,
    /// What stands against it everywhere, for a command that does nothing unusual: this version watches it nowhere.
    pub everywhere: BTreeMap<Class, BTreeSet<Gap>>,
    pub advice: Vec<Advice>,
}

/// What is not as it could be, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    pub what: String,
    pub how: &'static str,
}

/// How well this machine can be observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every probe of the base tier works.
    Everything,
    /// Some do not; each is a gap.
    Something,
    Nothing,
}

/// Looks at this machine.
pub fn diagnose() -> Diagnosis {
    let settings = Settings::default();
    let this = Host::this();
    let (failure, probes) = match try_probes(&settings) {
        Ok(probes) => (None, probes),
        Err(failure) => (Some(failure), Vec::new()),
    };
    let alive: BTreeSet<String> = probes
        .iter()
        .filter(|state| state.status == ProbeStatus::Attached)
        .map(|state| state.name.clone())
        .collect();
    let gaps_of = |alive: BTreeSet<String>| {
        let seen = Seen { alive, silent: BTreeSet::new(), detected: BTreeSet::new() };
        Class::ALL.into_iter().map(|class| (class, rules::gaps(class, &seen))).collect::<BTreeMap<_, _>>()
    };
    let everywhere = gaps_of(PROBES.iter().map(|probe| probe.name.to_owned()).collect());
    let mut gaps = gaps_of(alive);
    for (class, gaps) in &mut gaps {
        gaps.retain(|gap| !everywhere.get(class).is_some_and(|known| known.contains(gap)));
    }
    let mut diagnosis = Diagnosis {
        host: this.facts().ok(),
        missing: this.privileges(),
        initial_pid_namespace: host::in_initial_pid_namespace(),
        cgroup2: Hierarchy::of_this_process().ok().map(|hierarchy| hierarchy.mount().to_owned()),
        tracefs: mounted("tracefs"),
        bpffs: mounted("bpf"),
        lockdown: fs::read_to_string("/sys/kernel/security/lockdown").ok().and_then(|text| chosen(&text)),
        unprivileged_bpf_disabled: number("/proc/sys/kernel/unprivileged_bpf_disabled"),
        io_uring_disabled: number("/proc/sys/kernel/io_uring_disabled"),
        locked_memory: locked_memory(),
        rings: (settings.common_ring_bytes, settings.rare_ring_bytes),
        failure,
        probes,
        gaps,
        everywhere,
        advice: Vec::new(),
    };
    diagnosis.advice = diagnosis.advise();
    diagnosis
}

impl Diagnosis {
    pub fn verdict(&self) -> Verdict {
        if self.probes.iter().all(|state| state.status != ProbeStatus::Attached) {
            return Verdict::Nothing;
        }
        let refused = self.probes.iter().any(|state| is_base(state) && state.status != ProbeStatus::Attached);
        if refused || !self.initial_pid_namespace { Verdict::Something } else { Verdict::Everything }
    }

    fn advise(&self) -> Vec<Advice> {
        let mut all = Vec::new();
        let mut advise = |what: String, how| all.push(Advice { what, how });
        if self.missing.user_namespace {
            let what = "we are in a user namespace, whose rights do not count for the kernel's tracing";
            advise(
                what.to_owned(),
                "run in the initial one: with sudo, or in a container that is not rootless",
            );
        }
        for &capability in &self.missing.capabilities {
            advise(format!("{capability} is missing"), "run as root, or give the container this capability");
        }
        if self.missing.btf {
            let what = "the kernel does not describe its types in /sys/kernel/btf/vmlinux";
            advise(what.to_owned(), "use a kernel built with CONFIG_DEBUG_INFO_BTF, and mount /sys");
        }
        if self.missing.cgroup2 {
            let how = "mount -t cgroup2 none /sys/fs/cgroup/unified, or mount the host's /sys/fs/cgroup";
            advise("cgroup v2 is not mounted".to_owned(), how);
        }
        if !self.initial_pid_namespace {
            let what = "sweeps show only the processes of this pid namespace";
            advise(
                what.to_owned(),
                "run in the host's: hostPID in Kubernetes, --pid=host in a container engine",
            );
        }
        if self.lockdown.as_deref() == Some("confidentiality") {
            let what = "lockdown is in confidentiality mode: programs may not read kernel memory";
            advise(what.to_owned(), "boot with lockdown=integrity");
        }
        let refused = |state: &&ProbeState| matches!(state.status, ProbeStatus::Refused(_)) && is_base(state);
        for state in self.probes.iter().filter(refused) {
            let how = "use a newer kernel, or accept the gap: docs/probes.md says since when it is there";
            advise(format!("the kernel refuses the probe {}", state.name), how);
        }
        let upper = |state: &&ProbeState| matches!(state.status, ProbeStatus::Refused(_)) && is_upper(state);
        if self.probes.iter().any(|state| upper(&state)) {
            let what = "the kernel refuses the second witness (the upper tier); the base tier is complete without it";
            let how = "a kernel with CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS closes some gaps more";
            advise(what.to_owned(), how);
        }
        all
    }
}

fn is_upper(state: &ProbeState) -> bool {
    PROBES.iter().any(|probe| probe.number == state.number && matches!(probe.hook, Hook::FunctionExit(_)))
}

/// Whether a machine without it lacks something: not a second witness, nor what only helps another probe.
fn is_base(state: &ProbeState) -> bool {
    let rows = PROBES.iter().filter(|probe| probe.number == state.number);
    rows.into_iter().any(|probe| !matches!(probe.hook, Hook::FunctionExit(_) | Hook::SocketCreate))
}

/// Loads and attaches everything, and drops it.
fn try_probes(settings: &Settings) -> Result<Vec<ProbeState>, String> {
    let missing = Host::this().privileges();
    if !missing.is_empty() {
        return Err(missing.to_string());
    }
    let mut session = Session::create("doctor").map_err(|error| chain(&error))?;
    let mut probes = Probes::load(settings).map_err(|error| chain(&error))?;
    let directory = File::open(session.path()).map_err(|error| error.to_string())?;
    probes.attach_streams(&directory, settings);
    let states = probes.states().to_vec();
    drop(probes);
    session.remove().map_err(|error| chain(&error))?;
    Ok(states)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// The first mount of a file system of this type.
fn mounted(kind: &str) -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let line = mounts.lines().find(|line| line.split(' ').nth(2) == Some(kind))?;
    line.split(' ').nth(1).map(PathBuf::from)
}

/// `none [integrity] confidentiality` → `integrity`
fn chosen(text: &str) -> Option<String> {
    let word = text.split_whitespace().find_map(|word| word.strip_prefix('[')?.strip_suffix(']'))?;
    Some(word.to_owned())
}

fn number(path: &str) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn locked_memory() -> Option<u64> {
    let mut limit = MaybeUninit::<libc::rlimit>::zeroed();
    // SAFETY: the kernel fills a live rlimit; all zeroes is one as well.
    let limit = unsafe {
        if libc::getrlimit(libc::RLIMIT_MEMLOCK, limit.as_mut_ptr()) < 0 {
            return io::Error::last_os_error().raw_os_error().map(|_| 0);
        }
        limit.assume_init()
    };
    (limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_lockdown_mode() {
        for (text, expected) in [
            ("none [integrity] confidentiality\n", Some("integrity")),
            ("[none] integrity confidentiality", Some("none")),
            ("none integrity", None),
            ("", None),
        ] {
            assert_eq!(chosen(text).as_deref(), expected, "{text}");
        }
    }
}
