//! Everything the programs share with user space and with each other.

use aya_ebpf::{
    bindings::BPF_F_MMAPABLE,
    macros::map,
    maps::{Array, HashMap, LruHashMap, PerCpuArray, RingBuf},
};
use bom_common::{
    config::{
        Flow, FlowKey, Offsets, OpenKey, OpenSeen, PLACES, Process, ReadKey, SubjectCounter, Tally, Target,
        Use,
    },
    counter,
    record::{self, PATH_CAPACITY},
};

use crate::kernel::path::Walk;

/// Set by the agent before loading; the verifier treats it as constant.
#[unsafe(no_mangle)]
pub static OFFSETS: Offsets = Offsets::UNRESOLVED;

/// The agent's own thread group id, set before loading: what it opens to tell what files are, no subject did.
#[unsafe(no_mangle)]
pub static OWN_TGID: u32 = 0;

/// Reads one member offset. Volatile, or the compiler would fold the placeholder in.
macro_rules! offset {
    ($member:ident) => {
        // SAFETY: a valid, aligned, initialised static; volatile because the loader rewrites it.
        unsafe { core::ptr::read_volatile(&raw const $crate::maps::OFFSETS.$member) }
    };
}
pub(crate) use offset;

/// Opens: many, delivered without waking the reader each time.
#[map]
pub static COMMON: RingBuf = RingBuf::with_byte_size(4 << 20, 0);

/// Processes, connections and stream heads: few, never behind a flood of opens.
#[map]
pub static RARE: RingBuf = RingBuf::with_byte_size(1 << 20, 0);

/// [`counter::Counter`] values, per CPU.
#[map]
pub static COUNTERS: PerCpuArray<u64> = PerCpuArray::with_max_entries(counter::COUNT, 0);

/// Counters that are known to concern one subject. What finds no room here is still in the totals, and
/// then concerns everybody.
#[map]
pub static SUBJECT_COUNTERS: HashMap<SubjectCounter, u64> =
    HashMap::with_max_entries(16_384, aya_ebpf::bindings::BPF_F_NO_PREALLOC);

/// Subject → its place in the tables below.
#[map]
pub static SUBJECT_PLACES: HashMap<u64, u32> = HashMap::with_max_entries(PLACES, 0);

/// By place: what a subject took. Written by the programs.
#[map]
pub static TAKEN: Array<Use> = Array::with_max_entries(PLACES, 0);

/// By place: what of that is free again. Written by user space, which has it in its memory.
#[map]
pub static FREED: Array<Use> = Array::with_max_entries(PLACES, BPF_F_MMAPABLE);

/// How many subjects share the rings and tables; written by user space.
#[map]
pub static SHARING: Array<u64> = Array::with_max_entries(1, 0);

/// By place, per CPU.
#[map]
pub static TALLIES: PerCpuArray<Tally> = PerCpuArray::with_max_entries(PLACES, 0);

/// Tracked cgroup id → subject (the id of the cgroup the agent named).
#[map]
pub static CGROUPS: HashMap<u64, u64> = HashMap::with_max_entries(4096, 0);

/// Ids of tracked cgroups of which each one made below becomes a subject of its own, as slices are.
#[map]
pub static PARTED: HashMap<u64, u64> = HashMap::with_max_entries(4096, aya_ebpf::bindings::BPF_F_NO_PREALLOC);

/// Thread group id → process. Entries come with exec, fork or the first sight in a tracked cgroup
/// and go with the exit of the last thread.
#[map]
pub static PROCESSES: HashMap<u32, Process> = HashMap::with_max_entries(65_536, 0);

/// Thread group id → the subject that the process with that number is to become.
#[map]
pub static TARGETS: HashMap<u32, Target> =
    HashMap::with_max_entries(1024, aya_ebpf::bindings::BPF_F_NO_PREALLOC);

/// Last image number given on each CPU.
#[map]
pub static IMAGES: PerCpuArray<u64> = PerCpuArray::with_max_entries(1, 0);

pub const OPENS_MOST: u64 = 131_072;
pub const SOCKETS_MOST: u64 = 65_536;

/// Changes of TCP states that the first program has seen to and its understudy has not been asked about: one for each
/// depth of interruption, and to spare.
#[map]
pub static SEEN_TO: PerCpuArray<SeenTo> = PerCpuArray::with_max_entries(1, 0);

#[repr(C)]
pub struct SeenTo {
    pub changes: [u64; 4],
    /// Not zero while the understudy runs.
    pub asked: u64,
}

/// Opens already delivered. Not an LRU: an evicted entry would lose its count.
#[map]
pub static OPENS: HashMap<OpenKey, OpenSeen> =
    HashMap::with_max_entries(OPENS_MOST as u32, aya_ebpf::bindings::BPF_F_NO_PREALLOC);

/// Mappings already delivered; full, they are delivered again.
#[map]
pub static MAPS: HashMap<OpenKey, u8> =
    HashMap::with_max_entries(65_536, aya_ebpf::bindings::BPF_F_NO_PREALLOC);

/// Content already delivered as read; full, it is delivered again.
#[map]
pub static READS: HashMap<ReadKey, u8> =
    HashMap::with_max_entries(131_072, aya_ebpf::bindings::BPF_F_NO_PREALLOC);

/// The task that called connect; of an accepted connection only subject and cgroup are known.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SocketOwner {
    pub start_ns: u64,
    pub image: u64,
    pub subject: u64,
    pub cgroup: u64,
    pub tgid: u32,
    pub tid: u32,
    pub mount_namespace: u32,
    /// 1 if the peer called, 2 if what it sent is counted by now.
    pub accepted: u32,
}

/// Socket cookie → who connected it; removed when the socket closes.
#[map]
pub static SOCKETS: HashMap<u64, SocketOwner> = HashMap::with_max_entries(SOCKETS_MOST as u32, 0);

/// Socket cookie → who connected the UDP socket, or sent by it to an address, last. Nothing tells when such a socket
/// closes, so the oldest goes.
#[map]
pub static SENDERS: LruHashMap<u64, SocketOwner> = LruHashMap::with_max_entries(16_384, 0);

/// UDP peers, and own addresses that were called. The agent takes out what has been idle. Not an LRU: an evicted entry
/// would lose its counts.
#[map]
pub static FLOWS: HashMap<FlowKey, Flow> =
    HashMap::with_max_entries(32_768, aya_ebpf::bindings::BPF_F_NO_PREALLOC);

pub const NO_FLOW: Flow = Flow {
    sent: 0,
    received: 0,
    datagrams_sent: 0,
    datagrams_received: 0,
    last_ns: 0,
    reported_ns: 0,
    start_ns: 0,
    image: 0,
    subject: 0,
    cgroup: 0,
    tgid: 0,
    tid: 0,
    mount_namespace: 0,
    heads: 0,
    local: [0; 16],
    local_port: 0,
    inbound: 0,
    reserved: 0,
};

/// Socket cookie → [`record::direction`], as the last sweep over the sockets found it. An evicted entry is unknown.
#[map]
pub static DIRECTIONS: LruHashMap<u64, u64> = LruHashMap::with_max_entries(65_536, 0);

/// How far the head of a client's stream has been forwarded.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Stream {
    /// Data packets looked at while no TLS record has started.
    pub looked: u32,
    /// Bytes still to forward; 0 while looking, [`Stream::DONE`] afterwards.
    pub wanted: u32,
    /// When the bytes of the connection are to be reported next, nanoseconds of CLOCK_BOOTTIME.
    pub report_ns: u64,
}

impl Stream {
    pub const DONE: u32 = u32::MAX;
}

/// Socket cookie → state of its stream head. An evicted entry is looked at again.
#[map]
pub static STREAMS: LruHashMap<u64, Stream> = LruHashMap::with_max_entries(16_384, 0);

/// The record of an open or exec while it is put together. One per program kind, because one
/// program can interrupt another on the same CPU.
#[repr(C)]
pub struct OpenScratch {
    pub header: record::Header,
    pub open: record::Open,
    pub path: [u8; PATH_SPACE],
    pub walk: Walk,
    /// As in [`MapScratch`].
    pub key: OpenKey,
}

#[repr(C)]
pub struct ExecScratch {
    pub header: record::Header,
    pub exec: record::Exec,
    pub path: [u8; PATH_SPACE],
    pub walk: Walk,
}

/// The record of a sweep. Each iterator has its own: reading one can be interrupted by a task that reads another.
#[repr(C)]
pub struct SweepScratch<T> {
    pub header: record::Header,
    pub body: T,
    pub path: [u8; PATH_SPACE],
    pub walk: Walk,
}

#[repr(C)]
pub struct MapScratch {
    pub header: record::Header,
    pub map: record::Map,
    pub path: [u8; PATH_SPACE],
    pub walk: Walk,
    /// Here and not on the stack: a program and the function it hands to a helper have 512 bytes together, to which
    /// older kernels hold them.
    pub key: OpenKey,
}

/// The record of a cgroup's life.
#[repr(C)]
pub struct LifeScratch {
    pub header: record::Header,
    pub life: record::CgroupLife,
    pub path: [u8; record::CGROUP_CAPACITY],
}

/// The record of a socket that a sweep met; of the name only what counts is written.
#[repr(C)]
pub struct SocketScratch {
    pub header: record::Header,
    pub socket: record::SweptSocket,
    pub name: [u8; record::UNIX_NAME_CAPACITY],
}

/// Room for a full path and for the last component that runs over it, twice a power of two so
/// that a masked position plus a masked length stays inside.
pub const PATH_SPACE: usize = 2 * PATH_CAPACITY;

#[map]
pub static OPEN_SCRATCH: PerCpuArray<OpenScratch> = PerCpuArray::with_max_entries(1, 0);
#[map]
pub static URING_SCRATCH: PerCpuArray<OpenScratch> = PerCpuArray::with_max_entries(1, 0);
#[map]
pub static RECEIVED_SCRATCH: PerCpuArray<OpenScratch> = PerCpuArray::with_max_entries(1, 0);
#[map]
pub static READ_SCRATCH: PerCpuArray<OpenScratch> = PerCpuArray::with_max_entries(1, 0);
#[map]
pub static MAP_SCRATCH: PerCpuArray<MapScratch> = PerCpuArray::with_max_entries(1, 0);
#[map]
pub static EXEC_SCRATCH: PerCpuArray<ExecScratch> = PerCpuArray::with_max_entries(1, 0);
#[map]
pub static LIFE_SCRATCH: PerCpuArray<LifeScratch> = PerCpuArray::with_max_entries(1, 0);
#[map]
pub static TASK_SCRATCH: PerCpuArray<SweepScratch<record::SweptProcess>> =
    PerCpuArray::with_max_entries(1, 0);
#[map]
pub static FILE_SCRATCH: PerCpuArray<SweepScratch<record::SweptFile>> = PerCpuArray::with_max_entries(1, 0);
#[map]
pub static SOCKET_SCRATCH: PerCpuArray<SocketScratch> = PerCpuArray::with_max_entries(1, 0);
#[map]
pub static VMA_SCRATCH: PerCpuArray<SweepScratch<record::SweptMapping>> = PerCpuArray::with_max_entries(1, 0);
