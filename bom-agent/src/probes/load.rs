//! Loading and attaching by trying: a hook this kernel refuses is a state with the kernel's own
//! words, never a reason to stop as long as anything can be seen.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io,
    path::PathBuf,
    thread,
};

use aya::{
    Btf, Ebpf, EbpfLoader,
    maps::{Map, MapError, RingBuf},
    programs::{
        BtfTracePoint, CgroupAttachMode, CgroupSkb, CgroupSkbAttachType, CgroupSock, CgroupSockAddr, FExit,
        Iter, Program, ProgramError, TracePoint,
    },
};
use bom_common::config::{Offsets, Tally};
use bom_core::coverage::{ProbeState, ProbeStatus};
use zerocopy::IntoBytes;

use crate::drain::Rings;

use super::{
    detach,
    kernel_types::{self, BtfError, KernelTypes},
    links::{self, CgroupLink},
    shares::{Freed, Shares},
    table::{Hook, PROBES, Probe, UNDERSTUDY},
    tracefs,
};

/// The object `build.rs` made. Aligned, because its reader needs 64-bit words in place.
static OBJECT: &[u8] = aya::include_bytes_aligned!(env!("AIBOM_EBPF_OBJECT"));

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("read {}: {source}", kernel_types::PATH)]
    KernelTypes { source: io::Error },
    #[error(transparent)]
    Btf(#[from] BtfError),
    #[error("load the eBPF programs: {0}")]
    Load(#[from] aya::EbpfError),
    #[error("read kernel types: {0}")]
    AyaBtf(#[from] aya::BtfError),
    #[error("use eBPF map {name}: {source}")]
    Map { name: &'static str, source: MapError },
    #[error("eBPF map {0} is missing from the object")]
    NoMap(&'static str),
    #[error("map the table of what subjects free: {0}")]
    Freed(io::Error),
    #[error("the upper tier was asked for, and this kernel refuses {probe}: {reason}")]
    NoUpperTier { probe: String, reason: String },
}

/// The probe whose second program needs [`Hook::SocketCreate`].
const TCP: &str = "inet_sock_set_state";

/// What can be chosen before loading.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Bytes of the ring for opens; a power of two, at least a page.
    pub common_ring_bytes: u32,
    /// Bytes of the ring for everything else.
    pub rare_ring_bytes: u32,
    /// Probes left out by name.
    pub without: BTreeSet<String>,
    pub tier: Tier,
    pub profile: Profile,
    /// Look for the names of models in requests in plain text.
    pub http_model: bool,
    /// Folder of digests that were read earlier.
    pub digest_cache: Option<PathBuf>,
}

/// Which probes are tried. The base tier always is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tier {
    /// No other.
    Base,
    /// The upper one has to be there as well.
    Upper,
    /// The upper one as far as this kernel takes it.
    #[default]
    Auto,
}

/// What opens are seen by, and with it what an observation costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// The exits of system calls. As long as one is watched, the kernel takes a slower way through all of them.
    #[default]
    Full,
    /// fanotify, and no system call at all. What only the exits see is not seen.
    Light,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            common_ring_bytes: 4 << 20,
            rare_ring_bytes: 2 << 20,
            without: BTreeSet::new(),
            tier: Tier::Auto,
            profile: Profile::Full,
            http_model: false,
            digest_cache: None,
        }
    }
}

/// The loaded programs. Dropping it detaches them all.
#[derive(Debug)]
pub struct Probes {
    pub(super) ebpf: Ebpf,
    states: Vec<ProbeState>,
    /// Programs that this kernel did not take, with its words.
    refused: BTreeMap<&'static str, String>,
    pub(super) shares: Shares,
    /// Counted for subjects whose place is another's by now.
    pub(super) gone: Tally,
    /// The id of the canary's cgroup.
    pub(super) canary: Option<u64>,
    pub(super) cgroup_links: Vec<CgroupLink>,
}

impl Probes {
    /// Loads the object, sets the offsets, and attaches every probe that does not need a cgroup.
    pub fn load(settings: &Settings) -> Result<Self, LoadError> {
        let bytes = fs::read(kernel_types::PATH).map_err(|source| LoadError::KernelTypes { source })?;
        let types = KernelTypes::parse(&bytes)?;
        let offsets = kernel_types::resolve(&types)?;
        let btf = Btf::parse(&bytes, aya::Endianness::default())?;
        let mut ebpf = load_object(settings, &offsets, &btf)?;
        let Some(Map::Array(freed)) = ebpf.take_map("FREED") else { return Err(LoadError::NoMap("FREED")) };
        let shares = Shares::new(Freed::map(&freed).map_err(LoadError::Freed)?);
        let (wanted, unfit): (Vec<&Probe>, Vec<&Probe>) =
            PROBES.iter().partition(|probe| fits(probe, &types));
        let mut this = Self {
            ebpf,
            states: Vec::new(),
            refused: BTreeMap::new(),
            shares,
            gone: Tally::default(),
            canary: None,
            cgroup_links: Vec::new(),
        };
        let chosen = this.verify_best(&wanted, settings, &btf);
        // A hook for which no program was written for this kernel's shape of it.
        for probe in unfit.iter().filter(|unfit| !wanted.iter().any(|probe| probe.name == unfit.name)) {
            if this.status(probe.name).is_none() {
                let reason = "this kernel's tracepoint has arguments no program was written for";
                this.note(probe, ProbeStatus::Refused(reason.to_owned()));
            }
        }
        let (syscalls, others): (Vec<_>, Vec<_>) =
            chosen.into_iter().partition(|probe| matches!(probe.hook, Hook::SyscallExit(_)));
        for probe in others {
            this.attach_one(probe, settings);
            if probe.program == TCP {
                // Without it, what the kernel skips is a loss, and declared.
                let _ = this.attach_tracing(&UNDERSTUDY);
            }
        }
        let attached = tracefs::with_mounted(|| {
            for &probe in &syscalls {
                this.attach_one(probe, settings);
            }
        });
        if let Err(error) = attached {
            for probe in syscalls {
                this.note(probe, ProbeStatus::Refused(format!("mount tracefs: {error}")));
            }
        }
        if settings.tier == Tier::Upper {
            this.demand_upper()?;
        }
        Ok(this)
    }

    /// Attaches the stream probes to the subject's cgroup, and makes its processes tracked.
    pub fn track(&mut self, cgroup: &File, id: u64, settings: &Settings) -> Result<(), LoadError> {
        self.attach_streams(cgroup, settings);
        self.track_cgroup(id, id)
    }

    /// The probes that sit on a cgroup see everything below it as well.
    pub fn attach_streams(&mut self, cgroup: &File, settings: &Settings) {
        for probe in PROBES {
            let direction = match probe.hook {
                Hook::Egress => Some(CgroupSkbAttachType::Egress),
                Hook::Ingress => Some(CgroupSkbAttachType::Ingress),
                Hook::Address => None,
                Hook::SocketCreate if self.is_tried(probe) => None,
                Hook::TracingPoint { .. }
                | Hook::SyscallExit(_)
                | Hook::FunctionExit(_)
                | Hook::Iterator(_)
                | Hook::Notification
                | Hook::SocketCreate => continue,
            };
            let status = match (self.not_to_attach(probe, settings), direction) {
                (Some(status), _) => status,
                (None, Some(direction)) => status_of(self.attach_cgroup(probe, cgroup, direction)),
                (None, None) if probe.hook == Hook::Address => status_of(self.attach_address(probe, cgroup)),
                (None, None) => status_of(self.attach_socket(probe, cgroup)),
            };
            self.note(probe, status);
        }
        let programs: BTreeMap<u32, &'static str> = PROBES
            .iter()
            .filter_map(|probe| Some((self.ebpf.program(probe.program)?.info().ok()?.id(), probe.name)))
            .collect();
        links::find(&mut self.cgroup_links, &programs, cgroup);
    }

    /// What became of one probe; `None` if it was never tried.
    pub fn status(&self, name: &str) -> Option<&ProbeStatus> {
        self.states.iter().find(|state| state.name == name).map(|state| &state.status)
    }

    /// What became of each probe, in the order of the table.
    pub fn states(&self) -> &[ProbeState] {
        &self.states
    }

    /// Whether the kernel took the second program at `inet_sock_set_state`, which does what it skips of the first.
    pub fn has_understudy(&self) -> bool {
        self.ebpf.program(UNDERSTUDY.program).is_some_and(|program| program.fd().is_ok())
    }

    /// The two rings: common (opens) and rare (everything else). Can be taken once.
    pub fn take_rings(&mut self) -> Result<Rings, LoadError> {
        let mut take = |name| {
            let map = self.ebpf.take_map(name).ok_or(LoadError::NoMap(name))?;
            RingBuf::try_from(map).map_err(in_map(name))
        };
        Ok(Rings { common: take("COMMON")?, rare: take("RARE")?, shares: self.shares.clone(), canary: None })
    }

    /// Detaches them all. What takes long is left to a process of its own, and goes on for a second or so.
    pub fn detach(self) {
        // Where that fails, it takes its time.
        let go = detach::leave_to_a_child();
        drop(self);
        drop(go);
    }

    fn demand_upper(&self) -> Result<(), LoadError> {
        let upper = |state: &&ProbeState| {
            PROBES.iter().any(|probe| probe.name == state.name && matches!(probe.hook, Hook::FunctionExit(_)))
        };
        for state in self.states.iter().filter(upper) {
            if let ProbeStatus::Refused(reason) = &state.status {
                return Err(LoadError::NoUpperTier { probe: state.name.clone(), reason: reason.clone() });
            }
        }
        Ok(())
    }

    /// Of several programs for one probe the first that this kernel takes, else the first. A later one is not even tried
    /// if an earlier one was taken.
    fn verify_best<'a>(&mut self, wanted: &[&'a Probe], settings: &Settings, btf: &Btf) -> Vec<&'a Probe> {
        let mut first: Vec<&Probe> = Vec::new();
        for &probe in wanted {
            if probe.hook != Hook::SocketCreate && !first.iter().any(|known| known.name == probe.name) {
                first.push(probe);
            }
        }
        let with_understudy: Vec<&Probe> = first.iter().copied().chain([&UNDERSTUDY]).collect();
        self.verify(&with_understudy, settings, btf);
        let refused: Vec<&str> = first
            .iter()
            .filter(|probe| self.refused.contains_key(probe.program))
            .map(|probe| probe.name)
            .collect();
        let instead: Vec<&Probe> = wanted
            .iter()
            .filter(|probe| !first.iter().any(|known| known.program == probe.program))
            .filter(|probe| {
                refused.contains(&if probe.hook == Hook::SocketCreate { TCP } else { probe.name })
            })
            .copied()
            .collect();
        self.verify(&instead, settings, btf);
        let taken = |probe: &&&Probe| !self.refused.contains_key(probe.program);
        first
            .into_iter()
            .map(|probe| match instead.iter().filter(|other| other.name == probe.name).find(taken) {
                Some(other) if self.refused.contains_key(probe.program) => other,
                _ => probe,
            })
            .collect()
    }

    /// Whether the program was handed to the kernel, whatever came of it.
    fn is_tried(&self, probe: &Probe) -> bool {
        let loaded = self.ebpf.program(probe.program).is_some_and(|program| program.fd().is_ok());
        loaded || self.refused.contains_key(probe.program)
    }

    /// Hands every program to the kernel, several at a time: following all ways through one takes the verifier a
    /// tenth of a second, and most of the set-up is that.
    fn verify(&mut self, wanted: &[&Probe], settings: &Settings, btf: &Btf) {
        let verdicts = thread::scope(|scope| {
            let mut running = Vec::new();
            for (name, program) in self.ebpf.programs_mut() {
                // One program can serve several probes, and is not loaded if all of them are left out.
                let probe = wanted.iter().find(|probe| probe.program == name && !left_out(probe, settings));
                let Some(&probe) = probe else { continue };
                running.push((probe.program, scope.spawn(move || load_program(program, probe.hook, btf))));
            }
            running.into_iter().map(|(name, thread)| (name, thread.join())).collect::<Vec<_>>()
        });
        for (name, verdict) in verdicts {
            match verdict {
                Ok(Ok(())) => {}
                Ok(Err(error)) => drop(self.refused.insert(name, gist(&chain(&error)))),
                Err(_) => drop(self.refused.insert(name, "the loading thread panicked".to_owned())),
            }
        }
    }

    /// What becomes of a probe that is not attached, for whichever reason.
    fn not_to_attach(&self, probe: &Probe, settings: &Settings) -> Option<ProbeStatus> {
        if left_out(probe, settings) {
            return Some(ProbeStatus::LeftOut);
        }
        self.refused.get(probe.program).cloned().map(ProbeStatus::Refused)
    }

    fn attach_one(&mut self, probe: &Probe, settings: &Settings) {
        let status = match (self.not_to_attach(probe, settings), probe.hook) {
            (_, Hook::Notification) => return,
            (Some(status), _) => status,
            (None, Hook::TracingPoint { .. }) => status_of(self.attach_tracing(probe)),
            (None, Hook::SyscallExit(name)) => status_of(self.attach_syscall(probe, name)),
            (None, Hook::Iterator(_)) => status_of(self.open_iterator(probe.program).map(drop)),
            (None, Hook::FunctionExit(_)) => status_of(self.attach_function(probe)),
            (None, Hook::Address | Hook::Egress | Hook::Ingress | Hook::SocketCreate) => return,
        };
        self.note(probe, status);
    }

    fn attach_tracing(&mut self, probe: &Probe) -> Result<(), ProgramError> {
        let program: &mut BtfTracePoint = self.program(probe)?.try_into()?;
        program.attach().map(drop)
    }

    fn attach_syscall(&mut self, probe: &Probe, name: &str) -> Result<(), ProgramError> {
        let program: &mut TracePoint = self.program(probe)?.try_into()?;
        program.attach("syscalls", name).map(drop)
    }

    fn attach_cgroup(
        &mut self,
        probe: &Probe,
        cgroup: &File,
        direction: CgroupSkbAttachType,
    ) -> Result<(), ProgramError> {
        let program: &mut CgroupSkb = self.program(probe)?.try_into()?;
        // Flags 0: links always allow several programs on one cgroup.
        program.attach(cgroup, direction, CgroupAttachMode::Single).map(drop)
    }

    fn attach_address(&mut self, probe: &Probe, cgroup: &File) -> Result<(), ProgramError> {
        let program: &mut CgroupSockAddr = self.program(probe)?.try_into()?;
        program.attach(cgroup, CgroupAttachMode::Single).map(drop)
    }

    fn attach_function(&mut self, probe: &Probe) -> Result<(), ProgramError> {
        let program: &mut FExit = self.program(probe)?.try_into()?;
        program.attach().map(drop)
    }

    fn attach_socket(&mut self, probe: &Probe, cgroup: &File) -> Result<(), ProgramError> {
        let program: &mut CgroupSock = self.program(probe)?.try_into()?;
        program.attach(cgroup, CgroupAttachMode::Single).map(drop)
    }

    fn program(&mut self, probe: &Probe) -> Result<&mut Program, ProgramError> {
        self.ebpf.program_mut(probe.program).ok_or(ProgramError::NotLoaded)
    }

    /// Of a probe that is attached in several places, the worst is told.
    fn note(&mut self, probe: &Probe, status: ProbeStatus) {
        if let Some(known) = self.states.iter_mut().find(|state| state.name == probe.name) {
            known.status = known.status.clone().max(status);
            return;
        }
        self.states.push(ProbeState { number: probe.number, name: probe.name.to_owned(), status });
    }
}

fn load_object(settings: &Settings, offsets: &Offsets, btf: &Btf) -> Result<Ebpf, LoadError> {
    Ok(EbpfLoader::new()
        .btf(Some(btf))
        .override_global("OFFSETS", offsets.as_bytes(), true)
        .override_global("OWN_TGID", &std::process::id(), true)
        .map_max_entries("COMMON", settings.common_ring_bytes)
        .map_max_entries("RARE", settings.rare_ring_bytes)
        .load(OBJECT)?)
}

fn load_program(program: &mut Program, hook: Hook, btf: &Btf) -> Result<(), ProgramError> {
    match hook {
        Hook::TracingPoint { name, .. } => <&mut BtfTracePoint>::try_from(program)?.load(name, btf),
        Hook::SyscallExit(_) => <&mut TracePoint>::try_from(program)?.load(),
        Hook::Address => <&mut CgroupSockAddr>::try_from(program)?.load(),
        Hook::Egress | Hook::Ingress => <&mut CgroupSkb>::try_from(program)?.load(),
        Hook::Iterator(name) => <&mut Iter>::try_from(program)?.load(name, btf),
        Hook::FunctionExit(name) => <&mut FExit>::try_from(program)?.load(name, btf),
        Hook::SocketCreate => <&mut CgroupSock>::try_from(program)?.load(),
        // There is no program of that name.
        Hook::Notification => Ok(()),
    }
}

fn left_out(probe: &Probe, settings: &Settings) -> bool {
    let tier = settings.tier == Tier::Base && matches!(probe.hook, Hook::FunctionExit(_));
    let profile = settings.profile == Profile::Light && matches!(probe.hook, Hook::SyscallExit(_));
    tier || profile || settings.without.contains(probe.name)
}

/// Whether this kernel's tracepoint has the shape the program was written for. A tracepoint that
/// the kernel lacks is still tried, so that its refusal is on record.
fn fits(probe: &Probe, types: &KernelTypes<'_>) -> bool {
    let Hook::TracingPoint { name, arguments: Some((least, most)) } = probe.hook else { return true };
    // Before 5.15 io_uring_complete had three arguments as well, but other ones, and an open could
    // not ask for a direct descriptor.
    if probe.program == "io_uring_complete_cqe" && types.offset("io_open", "file_slot").is_none() {
        return false;
    }
    types.tracepoint_arguments(name).is_none_or(|count| (least..=most).contains(&count))
}

fn status_of<E: std::error::Error + 'static>(result: Result<(), E>) -> ProbeStatus {
    match result {
        Ok(()) => ProbeStatus::Attached,
        Err(error) => ProbeStatus::Refused(gist(&chain(&error))),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        // Some errors print their cause themselves; behind a verifier's log it would hide the log's last line.
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        source = cause.source();
    }
    text
}

/// One line out of what may be thousands: a verifier's log first lists what it followed, and says last what it refused.
fn gist(text: &str) -> String {
    const LOG: &str = "Verifier output:";
    let (message, log) = text.split_once(LOG).unwrap_or((text, ""));
    let message = message.lines().next().unwrap_or_default().trim_end();
    let tells = |line: &&str| {
        let counted = ["processed ", "verification time", "stack depth", "max_states"];
        !line.is_empty() && !counted.iter().any(|start| line.starts_with(start))
    };
    let reason = log.lines().map(str::trim).rfind(tells);
    let text = reason.map_or_else(|| message.to_owned(), |reason| format!("{message} {reason}"));
    text.chars().take(300).collect()
}

pub(super) fn in_map(name: &'static str) -> impl Fn(MapError) -> LoadError {
    move |source| LoadError::Map { name, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_fits_in_a_line() {
        for (name, text, expected) in [
            ("no_log", "attach: no such file (os error 2)", "attach: no such file (os error 2)"),
            ("empty_log", "load: denied. Verifier output: ", "load: denied."),
            (
                "log",
                "load: denied. Verifier output: 0: R1=ctx()\n0: (bf) r6 = r1\nunknown func x#1\n\
                 processed 9 insns (limit 1000000)\nverification time 9 usec\n",
                "load: denied. unknown func x#1",
            ),
            ("lines", "a\nb", "a"),
        ] {
            assert_eq!(gist(text), expected, "{name}");
        }
        assert_eq!(gist(&"x".repeat(1000)).len(), 300);
    }
}
