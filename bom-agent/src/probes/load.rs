//! Loading and attaching by trying: a hook this kernel refuses is a state with the kernel's own
//! words, never a reason to stop as long as anything can be seen.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io,
    os::fd::{AsFd, AsRawFd},
    thread,
};

use aya::{
    Btf, Ebpf, EbpfLoader,
    maps::{HashMap, MapData, MapError, PerCpuArray, RingBuf},
    programs::{
        BtfTracePoint, CgroupAttachMode, CgroupSkb, CgroupSkbAttachType, CgroupSockAddr, Program,
        ProgramError, TracePoint,
    },
};
use bom_common::{
    config::{Flow, FlowKey, Offsets, OpenKey, OpenSeen, SubjectCounter},
    counter::Counter,
};
use bom_core::coverage::{ProbeState, ProbeStatus};
use zerocopy::{FromBytes, IntoBytes};

use super::{
    kernel_types::{self, BtfError, KernelTypes},
    table::{Hook, PROBES, Probe},
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
}

/// What can be chosen before loading.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Bytes of the ring for opens; a power of two, at least a page.
    pub common_ring_bytes: u32,
    /// Bytes of the ring for everything else.
    pub rare_ring_bytes: u32,
    /// Probes left out by name.
    pub without: BTreeSet<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { common_ring_bytes: 4 << 20, rare_ring_bytes: 2 << 20, without: BTreeSet::new() }
    }
}

/// The loaded programs. Dropping it detaches them all.
#[derive(Debug)]
pub struct Probes {
    ebpf: Ebpf,
    states: Vec<ProbeState>,
    /// Programs that this kernel did not take, with its words.
    refused: BTreeMap<&'static str, String>,
}

impl Probes {
    /// Loads the object, sets the offsets, and attaches every probe that does not need a cgroup.
    pub fn load(settings: &Settings) -> Result<Self, LoadError> {
        let bytes = fs::read(kernel_types::PATH).map_err(|source| LoadError::KernelTypes { source })?;
        let types = KernelTypes::parse(&bytes)?;
        let offsets = kernel_types::resolve(&types)?;
        let btf = Btf::parse(&bytes, aya::Endianness::default())?;
        let ebpf = load_object(settings, &offsets, &btf)?;
        let (wanted, unfit): (Vec<&Probe>, Vec<&Probe>) =
            PROBES.iter().partition(|probe| fits(probe, &types));
        let mut this = Self { ebpf, states: Vec::new(), refused: BTreeMap::new() };
        this.verify(&wanted, settings, &btf);
        // A hook for which no program was written for this kernel's shape of it.
        for probe in unfit.iter().filter(|unfit| !wanted.iter().any(|probe| probe.name == unfit.name)) {
            if !this.states.iter().any(|state| state.name == probe.name) {
                let reason = "this kernel's tracepoint has arguments no program was written for";
                this.note(probe, ProbeStatus::Refused(reason.to_owned()));
            }
        }
        let (syscalls, others): (Vec<_>, Vec<_>) =
            wanted.into_iter().partition(|probe| matches!(probe.hook, Hook::SyscallExit(_)));
        for probe in others {
            this.attach_one(probe, settings);
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
        Ok(this)
    }

    /// Attaches the stream probes to the subject's cgroup, and makes its processes tracked.
    pub fn track(&mut self, cgroup: &File, id: u64, settings: &Settings) -> Result<(), LoadError> {
        for probe in PROBES {
            let direction = match probe.hook {
                Hook::Egress => Some(CgroupSkbAttachType::Egress),
                Hook::Ingress => Some(CgroupSkbAttachType::Ingress),
                Hook::Address => None,
                Hook::TracingPoint { .. } | Hook::SyscallExit(_) => continue,
            };
            let status = match self.not_to_attach(probe, settings) {
                Some(status) => status,
                None => status_of(self.attach_cgroup(probe, cgroup, direction)),
            };
            self.note(probe, status);
        }
        let map = self.ebpf.map_mut("CGROUPS").ok_or(LoadError::NoMap("CGROUPS"))?;
        let mut map: HashMap<_, u64, u64> = map.try_into().map_err(in_map("CGROUPS"))?;
        map.insert(id, id, 0).map_err(in_map("CGROUPS"))
    }

    /// What became of each probe, in the order of the table.
    pub fn states(&self) -> &[ProbeState] {
        &self.states
    }

    /// The two rings: common (opens) and rare (everything else). Can be taken once.
    pub fn take_rings(&mut self) -> Result<(RingBuf<MapData>, RingBuf<MapData>), LoadError> {
        let mut take = |name| {
            let map = self.ebpf.take_map(name).ok_or(LoadError::NoMap(name))?;
            RingBuf::try_from(map).map_err(in_map(name))
        };
        Ok((take("COMMON")?, take("RARE")?))
    }

    /// The probes' own counters, summed over the CPUs.
    pub fn counters(&self) -> Result<BTreeMap<Counter, u64>, LoadError> {
        let map = self.ebpf.map("COUNTERS").ok_or(LoadError::NoMap("COUNTERS"))?;
        let map: PerCpuArray<_, u64> = map.try_into().map_err(in_map("COUNTERS"))?;
        let mut totals = BTreeMap::new();
        for &counter in Counter::ALL {
            let values = map.get(&(counter as u32), 0).map_err(in_map("COUNTERS"))?;
            totals.insert(counter, values.iter().sum());
        }
        Ok(totals)
    }

    /// Those counts that are known to concern one subject, by its id.
    pub fn subject_counters(&self) -> Result<BTreeMap<u64, BTreeMap<Counter, u64>>, LoadError> {
        let map = self.ebpf.map("SUBJECT_COUNTERS").ok_or(LoadError::NoMap("SUBJECT_COUNTERS"))?;
        let map: HashMap<_, [u8; size_of::<SubjectCounter>()], u64> =
            map.try_into().map_err(in_map("SUBJECT_COUNTERS"))?;
        let mut subjects: BTreeMap<u64, BTreeMap<Counter, u64>> = BTreeMap::new();
        for entry in map.iter() {
            let (key, value) = entry.map_err(in_map("SUBJECT_COUNTERS"))?;
            let Ok(key) = SubjectCounter::read_from_bytes(&key) else { continue };
            let counter = Counter::ALL.iter().find(|&&counter| counter as u64 == key.counter);
            if let Some(&counter) = counter {
                subjects.entry(key.subject).or_default().insert(counter, value);
            }
        }
        Ok(subjects)
    }

    /// How often each delivered open was repeated.
    pub fn opens(&self) -> Result<Vec<(OpenKey, OpenSeen)>, LoadError> {
        let map = self.ebpf.map("OPENS").ok_or(LoadError::NoMap("OPENS"))?;
        let map: HashMap<_, [u8; size_of::<OpenKey>()], [u8; size_of::<OpenSeen>()]> =
            map.try_into().map_err(in_map("OPENS"))?;
        let mut opens = Vec::new();
        for entry in map.iter() {
            let (key, seen) = entry.map_err(in_map("OPENS"))?;
            if let (Ok(key), Ok(seen)) = (OpenKey::read_from_bytes(&key), OpenSeen::read_from_bytes(&seen)) {
                opens.push((key, seen));
            }
        }
        Ok(opens)
    }

    /// UDP peers and called addresses, with their counts so far.
    pub fn flows(&self) -> Result<Vec<(FlowKey, Flow)>, LoadError> {
        let map = self.ebpf.map("FLOWS").ok_or(LoadError::NoMap("FLOWS"))?;
        let map: HashMap<_, [u8; size_of::<FlowKey>()], [u8; size_of::<Flow>()]> =
            map.try_into().map_err(in_map("FLOWS"))?;
        let mut flows = Vec::new();
        for entry in map.iter() {
            let (key, flow) = entry.map_err(in_map("FLOWS"))?;
            if let (Ok(key), Ok(flow)) = (FlowKey::read_from_bytes(&key), Flow::read_from_bytes(&flow)) {
                flows.push((key, flow));
            }
        }
        flows.sort_by_key(|(key, flow)| (flow.last_ns, *key));
        Ok(flows)
    }

    /// Makes room for peers to come: takes out one whose counts were read. Should it come back, it is met anew.
    pub fn forget_flow(&mut self, key: &FlowKey) -> Result<(), LoadError> {
        let map = self.ebpf.map_mut("FLOWS").ok_or(LoadError::NoMap("FLOWS"))?;
        let mut map: HashMap<_, [u8; size_of::<FlowKey>()], [u8; size_of::<Flow>()]> =
            map.try_into().map_err(in_map("FLOWS"))?;
        match map.remove(&zerocopy::transmute!(*key)) {
            Ok(()) | Err(MapError::KeyNotFound) => Ok(()),
            Err(source) => Err(LoadError::Map { name: "FLOWS", source }),
        }
    }

    /// How often the kernel skipped each program because one was already running on that CPU.
    pub fn recursion_misses(&self) -> BTreeMap<&'static str, u64> {
        let mut misses = BTreeMap::new();
        for probe in PROBES {
            let Some(program) = self.ebpf.program(probe.program) else { continue };
            let Ok(fd) = program.fd() else { continue };
            // The kernel prints it with the descriptor (kernel/bpf/syscall.c, bpf_prog_show_fdinfo).
            let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_fd().as_raw_fd()));
            let line = info.unwrap_or_default();
            let missed = line.lines().find_map(|line| line.strip_prefix("recursion_misses:"));
            let missed = missed.and_then(|value| value.trim().parse().ok()).unwrap_or(0);
            *misses.entry(probe.name).or_insert(0) += missed;
        }
        misses
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
                Ok(Err(error)) => drop(self.refused.insert(name, first_line(&chain(&error)))),
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
            (Some(status), _) => status,
            (None, Hook::TracingPoint { .. }) => status_of(self.attach_tracing(probe)),
            (None, Hook::SyscallExit(name)) => status_of(self.attach_syscall(probe, name)),
            (None, Hook::Address | Hook::Egress | Hook::Ingress) => return,
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
        direction: Option<CgroupSkbAttachType>,
    ) -> Result<(), ProgramError> {
        let program = self.program(probe)?;
        // Flags 0: links always allow several programs on one cgroup.
        let mode = CgroupAttachMode::Single;
        match direction {
            Some(direction) => {
                <&mut CgroupSkb>::try_from(program)?.attach(cgroup, direction, mode).map(drop)
            }
            None => <&mut CgroupSockAddr>::try_from(program)?.attach(cgroup, mode).map(drop),
        }
    }

    fn program(&mut self, probe: &Probe) -> Result<&mut Program, ProgramError> {
        self.ebpf.program_mut(probe.program).ok_or(ProgramError::NotLoaded)
    }

    fn note(&mut self, probe: &Probe, status: ProbeStatus) {
        self.states.push(ProbeState { number: probe.number, name: probe.name.to_owned(), status });
    }
}

fn load_object(settings: &Settings, offsets: &Offsets, btf: &Btf) -> Result<Ebpf, LoadError> {
    Ok(EbpfLoader::new()
        .btf(Some(btf))
        .override_global("OFFSETS", offsets.as_bytes(), true)
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
    }
}

fn left_out(probe: &Probe, settings: &Settings) -> bool {
    settings.without.contains(probe.name)
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

fn status_of(result: Result<(), ProgramError>) -> ProbeStatus {
    match result {
        Ok(()) => ProbeStatus::Attached,
        Err(error) => ProbeStatus::Refused(first_line(&chain(&error))),
    }
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

/// A verifier log has thousands of lines; the first says what was refused.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(300).collect()
}

fn in_map(name: &'static str) -> impl Fn(MapError) -> LoadError {
    move |source| LoadError::Map { name, source }
}
