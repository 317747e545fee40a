//! What the probes counted, and who takes up what of the rings and tables.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    os::fd::{AsFd as _, AsRawFd as _},
};

use aya::maps::{Array, HashMap, MapError, PerCpuArray, PerCpuValues};
use bom_common::{
    config::{Flow, FlowKey, OpenKey, OpenSeen, SubjectCounter, Tally, Use},
    counter::Counter,
};
use zerocopy::{FromBytes as _, IntoBytes as _};

use super::{
    load::{LoadError, Probes, Settings, in_map},
    shares::Shares,
    table::{PROBES, UNDERSTUDY},
};

/// Entries of the table of delivered opens from which on ended processes are looked for.
const MANY_OPENS: u64 = 65_536;

/// Times that two counts which belong together are read anew because one of them went on.
const READ_AGAIN: usize = 16;

/// What [`Tally`] counts, in the order of its members.
const TALLIED: [Counter; 4] =
    [Counter::OpensSeen, Counter::OpensDelivered, Counter::OpensDeduplicated, Counter::RareDelivered];

fn fields(tally: &mut Tally) -> [&mut u64; 4] {
    let Tally { opens_seen, opens_delivered, opens_deduplicated, rare_delivered } = tally;
    [opens_seen, opens_delivered, opens_deduplicated, rare_delivered]
}

impl Probes {
    /// As [`Self::track`], for a cgroup of our own that is nobody's subject: it takes no share from anybody, and what it
    /// counts is left out of the totals.
    pub fn track_canary(&mut self, cgroup: &File, id: u64, settings: &Settings) -> Result<(), LoadError> {
        self.attach_streams(cgroup, settings);
        self.track_cgroup(id, id)?;
        self.canary = Some(id);
        self.count_sharing()
    }

    /// What the canary lost, which then is not the fault of a probe.
    pub fn canary_losses(&self) -> Result<u64, LoadError> {
        let Some(id) = self.canary else { return Ok(0) };
        let counters = self.all_subject_counters()?;
        let counted = counters.get(&id).into_iter().flatten();
        let lost = counted
            .filter(|(counter, _)| counter.name().ends_with("-lost") || counter.name().ends_with("-full"));
        Ok(lost.map(|(_, count)| *count).sum())
    }

    /// Probes of which somebody else detached a link, though its cgroup is still there.
    pub fn detached(&self) -> BTreeSet<&'static str> {
        self.cgroup_links.iter().filter(|link| link.is_detached()).map(|link| link.probe).collect()
    }

    /// Gives a subject its place among those who share the rings and tables.
    pub fn share(&mut self, id: u64) -> Result<(), LoadError> {
        let Some((place, used)) = self.shares.give(id) else { return Ok(()) };
        if used {
            self.begin_again(place)?;
        }
        let map = self.ebpf.map_mut("SUBJECT_PLACES").ok_or(LoadError::NoMap("SUBJECT_PLACES"))?;
        let mut map: HashMap<_, u64, u32> = map.try_into().map_err(in_map("SUBJECT_PLACES"))?;
        map.insert(id, place, 0).map_err(in_map("SUBJECT_PLACES"))?;
        self.count_sharing()
    }

    /// Takes the place of a subject back. Its counts stay in the totals.
    pub fn unshare(&mut self, id: u64) -> Result<(), LoadError> {
        self.shares.give_back(id);
        let map = self.ebpf.map_mut("SUBJECT_PLACES").ok_or(LoadError::NoMap("SUBJECT_PLACES"))?;
        let mut map: HashMap<_, u64, u32> = map.try_into().map_err(in_map("SUBJECT_PLACES"))?;
        if_there(map.remove(&id)).map_err(in_map("SUBJECT_PLACES"))?;
        self.count_sharing()
    }

    fn count_sharing(&mut self) -> Result<(), LoadError> {
        let all = self.shares.all();
        let subjects = all.iter().filter(|(subject, _)| Some(*subject) != self.canary).count() as u64;
        let map = self.ebpf.map_mut("SHARING").ok_or(LoadError::NoMap("SHARING"))?;
        let mut map: Array<_, u64> = map.try_into().map_err(in_map("SHARING"))?;
        map.set(0, subjects, 0).map_err(in_map("SHARING"))
    }

    /// A place that somebody had before starts from zero.
    fn begin_again(&mut self, place: u32) -> Result<(), LoadError> {
        let before = self.tally(place)?;
        for (total, more) in fields(&mut self.gone).into_iter().zip(fields(&mut { before })) {
            *total = total.saturating_add(*more);
        }
        let map = self.ebpf.map_mut("TALLIES").ok_or(LoadError::NoMap("TALLIES"))?;
        let mut map: PerCpuArray<_, [u64; 4]> = map.try_into().map_err(in_map("TALLIES"))?;
        let cpus = map.get(&place, 0).map_err(in_map("TALLIES"))?.len();
        let nothing = PerCpuValues::try_from(vec![[0; 4]; cpus]);
        let nothing = nothing.map_err(|source| LoadError::Map { name: "TALLIES", source: source.into() })?;
        map.set(place, nothing, 0).map_err(in_map("TALLIES"))?;
        let map = self.ebpf.map("TAKEN").ok_or(LoadError::NoMap("TAKEN"))?;
        let map: Array<_, [u64; 4]> = map.try_into().map_err(in_map("TAKEN"))?;
        let [common, rare, opens, sockets] = map.get(&place, 0).map_err(in_map("TAKEN"))?;
        self.shares.begin_again(place, &Use { common, rare, opens, sockets });
        Ok(())
    }

    /// What is counted for one place, on all CPUs.
    fn tally(&self, place: u32) -> Result<Tally, LoadError> {
        let map = self.ebpf.map("TALLIES").ok_or(LoadError::NoMap("TALLIES"))?;
        let map: PerCpuArray<_, [u64; 4]> = map.try_into().map_err(in_map("TALLIES"))?;
        let mut total = Tally::default();
        for cpu in map.get(&place, 0).map_err(in_map("TALLIES"))?.iter() {
            for (sum, more) in fields(&mut total).into_iter().zip(cpu) {
                *sum = sum.saturating_add(*more);
            }
        }
        Ok(total)
    }

    /// Who takes up what of the rings and tables.
    pub fn shares(&self) -> &Shares {
        &self.shares
    }

    /// Counters of which every growth matters, summed over the CPUs.
    pub fn losses(&self) -> Result<BTreeMap<Counter, u64>, LoadError> {
        let map = self.ebpf.map("COUNTERS").ok_or(LoadError::NoMap("COUNTERS"))?;
        let map: PerCpuArray<_, u64> = map.try_into().map_err(in_map("COUNTERS"))?;
        let mut totals = BTreeMap::new();
        for &counter in Counter::ALL {
            let values = map.get(&(counter as u32), 0).map_err(in_map("COUNTERS"))?;
            totals.insert(counter, values.iter().sum());
        }
        Ok(totals)
    }

    /// The probes' own counters, summed over the CPUs.
    pub fn counters(&self) -> Result<BTreeMap<Counter, u64>, LoadError> {
        let mut totals = self.losses()?;
        let mut tallies = vec![self.gone, self.tally(0)?];
        for place in self.shares.every() {
            tallies.push(self.tally(place)?);
        }
        for tally in &mut tallies {
            for (counter, more) in TALLIED.into_iter().zip(fields(tally)) {
                *totals.entry(counter).or_insert(0) += *more;
            }
        }
        let canary = self.canary.and_then(|id| self.all_subject_counters().ok()?.remove(&id));
        for (counter, count) in canary.into_iter().flatten() {
            if let Some(total) = totals.get_mut(&counter) {
                *total = total.saturating_sub(count);
            }
        }
        Ok(totals)
    }

    /// Those counts that are known to concern one subject, by its id.
    pub fn subject_counters(&self) -> Result<BTreeMap<u64, BTreeMap<Counter, u64>>, LoadError> {
        let mut subjects = self.all_subject_counters()?;
        self.canary.and_then(|id| subjects.remove(&id));
        Ok(subjects)
    }

    fn all_subject_counters(&self) -> Result<BTreeMap<u64, BTreeMap<Counter, u64>>, LoadError> {
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
        for (subject, place) in self.shares.all() {
            let mut tally = self.tally(place)?;
            let counts = subjects.entry(subject).or_default();
            counts.extend(
                TALLIED
                    .into_iter()
                    .zip(fields(&mut tally))
                    .filter(|(_, count)| **count > 0)
                    .map(|(counter, count)| (counter, *count)),
            );
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

    /// Whether the table of delivered opens is half full of what could be forgotten.
    pub fn remembers_many_opens(&self) -> Result<bool, LoadError> {
        let map = self.ebpf.map("TAKEN").ok_or(LoadError::NoMap("TAKEN"))?;
        let map: Array<_, [u64; 4]> = map.try_into().map_err(in_map("TAKEN"))?;
        let mut opens = 0_u64;
        for place in std::iter::once(0).chain(self.shares.every()) {
            let [_, _, taken, _] = map.get(&place, 0).map_err(in_map("TAKEN"))?;
            opens = opens.saturating_add(taken.saturating_sub(self.shares.freed_opens(place)));
        }
        Ok(opens > MANY_OPENS)
    }

    /// Takes the entries of ended processes out of the table of delivered opens: nobody can count at them any more.
    pub fn forget_ended(&mut self) -> Result<Vec<(OpenKey, OpenSeen)>, LoadError> {
        let map = self.ebpf.map("PROCESSES").ok_or(LoadError::NoMap("PROCESSES"))?;
        let processes: HashMap<_, u32, [u64; 4]> = map.try_into().map_err(in_map("PROCESSES"))?;
        let mut ended = Vec::new();
        for (key, seen) in self.opens()? {
            // The first word of the value is the start of the process; a number is used again.
            let start = processes.get(&key.tgid, 0).ok().map(|[start_ns, ..]| start_ns);
            if start != Some(key.start_ns) {
                ended.push((key, seen));
            }
        }
        let map = self.ebpf.map_mut("OPENS").ok_or(LoadError::NoMap("OPENS"))?;
        let mut map: HashMap<_, [u8; size_of::<OpenKey>()], [u8; size_of::<OpenSeen>()]> =
            map.try_into().map_err(in_map("OPENS"))?;
        let mut gone = Vec::with_capacity(ended.len());
        for (key, seen) in ended {
            let mut bytes = [0; size_of::<OpenKey>()];
            bytes.copy_from_slice(key.as_bytes());
            if map.remove(&bytes).is_ok() {
                self.shares.free_open(seen.place);
                gone.push((key, seen));
            }
        }
        Ok(gone)
    }

    /// How often the kernel skipped each program because it was already running on that CPU, and no other did its work.
    pub fn recursion_misses(&self) -> Result<BTreeMap<&'static str, u64>, LoadError> {
        let recovered = || Ok::<u64, LoadError>(self.losses()?.remove(&Counter::TcpRecovered).unwrap_or(0));
        // The two counts go on while they are read; where they do not come to rest, too much is declared.
        let mut before = recovered()?;
        let mut misses = self.skipped();
        for _ in 0..READ_AGAIN {
            let after = recovered()?;
            if after == before {
                break;
            }
            before = after;
            misses = self.skipped();
        }
        let tcp = misses.entry(UNDERSTUDY.name).or_insert(0);
        *tcp = tcp.saturating_sub(before);
        Ok(misses)
    }

    fn skipped(&self) -> BTreeMap<&'static str, u64> {
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

    /// UDP peers and called addresses, with their counts so far.
    pub fn flows(&self) -> Result<Vec<(FlowKey, Flow)>, LoadError> {
        let map = self.ebpf.map("FLOWS").ok_or(LoadError::NoMap("FLOWS"))?;
        let map: HashMap<_, [u8; size_of::<FlowKey>()], [u8; size_of::<Flow>()]> =
            map.try_into().map_err(in_map("FLOWS"))?;
        let mut flows = Vec::new();
        for entry in map.iter() {
            let (key, flow) = entry.map_err(in_map("FLOWS"))?;
            if let (Ok(key), Ok(flow)) = (FlowKey::read_from_bytes(&key), Flow::read_from_bytes(&flow))
                && Some(flow.subject) != self.canary
            {
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
        if_there(map.remove(&zerocopy::transmute!(*key))).map_err(in_map("FLOWS"))
    }
}

/// Who removes something that is gone already has what was wanted.
fn if_there(removed: Result<(), MapError>) -> Result<(), MapError> {
    match removed {
        Err(MapError::KeyNotFound) => Ok(()),
        Err(MapError::SyscallError(error)) if error.io_error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Ok(()) | Err(_) => removed,
    }
}
