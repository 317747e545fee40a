//! Counters that the probes keep per CPU: every way in which a fact can fail to arrive.

macro_rules! counters {
    ($($(#[$doc:meta])* $variant:ident = $index:literal, $name:literal;)*) => {
        /// Index into the per-CPU counter array.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u32)]
        pub enum Counter { $($(#[$doc])* $variant = $index,)* }

        impl Counter {
            /// Every counter, in the order of its index; none is left out, but an index can be.
            pub const ALL: &'static [Counter] = &[$(Counter::$variant,)*];

            /// Stable kebab-case name, as it appears in a recording and in the BOM.
            pub const fn name(self) -> &'static str {
                match self { $(Counter::$variant => $name,)* }
            }
        }
    };
}

counters! {
    /// Successful opens of regular files and devices by tracked processes.
    OpensSeen = 0, "opens-seen";
    /// … written to the ring.
    OpensDelivered = 1, "opens-delivered";
    /// … counted at an earlier record of the same file by the same process.
    OpensDeduplicated = 2, "opens-deduplicated";
    /// … for which the ring had no room.
    OpensLost = 3, "opens-lost";
    /// The descriptor was gone or replaced before the probe looked.
    OpensUnresolved = 4, "opens-unresolved";
    /// The de-duplication table was full: the open was delivered each time.
    DedupeFull = 5, "dedupe-full";
    /// Exec, fork, exit, thread and io_uring records without room in the ring.
    ProcessLost = 6, "process-records-lost";
    /// TCP state records without room in the ring.
    TcpLost = 7, "tcp-records-lost";
    /// Stream and datagram records without room in the ring, or unreadable.
    PayloadLost = 8, "payload-records-lost";
    /// The table of tracked processes was full: the process is not observed.
    ProcessTableFull = 9, "process-table-full";
    /// The table of connections was full: later states of the socket lack their process.
    SocketTableFull = 10, "socket-table-full";
    /// Paths longer or deeper than a record can hold.
    PathTruncated = 11, "path-truncated";
    /// Packets with IPv6 extension headers or fragments, which the probe does not parse.
    PacketUnparsed = 12, "packet-unparsed";
    /// io_uring opened a file into a direct descriptor, which has no file number.
    UringDirectOpen = 13, "io-uring-direct-open";
    /// Process, TCP and payload records written to the ring.
    RareDelivered = 14, "rare-records-delivered";
    /// The table of tracked cgroups was full: who is moved into a nested one from outside is not observed.
    CgroupTableFull = 15, "cgroup-table-full";
    /// A mapping whose file could not be looked at: another thread held the memory map, or it was gone.
    MappingsUnresolved = 16, "mappings-unresolved";
    /// Mapping and read records without room in the ring.
    ContentLost = 17, "content-records-lost";
    /// … written to the ring.
    ContentDelivered = 18, "content-records-delivered";
    /// Descriptors that arrived over a socket, for which the ring had no room or which were too many.
    ReceivedLost = 19, "received-descriptors-lost";
    /// Opens that were handed to io_uring.
    UringOpens = 20, "io-uring-opens";
    /// … of which the completion was seen, failures included.
    UringOpensCompleted = 21, "io-uring-opens-completed";
    /// The table of UDP peers was full: what a socket sent to a further peer is not listed.
    FlowTableFull = 24, "flow-table-full";
    /// Records of UDP peers, unix sockets and other sockets without room in the ring.
    SocketLost = 25, "socket-records-lost";
    /// Data of a socket of the subject's cgroup that no process was seen to connect.
    SocketUnknown = 26, "socket-unknown";
    /// Processes, descriptors, mappings and sockets that sweeps wrote out.
    SweptDelivered = 32, "swept-delivered";
    /// Records of cgroups made, left or removed without room in the ring.
    CgroupLost = 33, "cgroup-records-lost";
    /// Opens of regular files and devices that passed the kernel's security check; the upper tier's own count.
    UpperOpensSeen = 40, "upper-opens-seen";
    /// … written to the ring.
    UpperOpensDelivered = 41, "upper-opens-delivered";
    /// … of which an earlier record of the same process tells already.
    UpperOpensDeduplicated = 42, "upper-opens-deduplicated";
    /// … for which the ring had no room to spare: the tiers cannot be compared.
    UpperOpensLost = 43, "upper-opens-lost";
    /// Connections that passed the security check, without room in the ring.
    UpperConnectsLost = 44, "upper-connects-lost";
    /// Mappings that passed the security check, without room to spare in the ring: the tiers cannot be compared.
    UpperMapsLost = 45, "upper-mappings-lost";
    /// … written to the ring.
    UpperMapsDelivered = 46, "upper-mappings-delivered";
    /// Records that found room in their ring, but not in their subject's share of it; each is among the lost as well.
    OverShare = 48, "records-over-share";
    /// Calls of bpf() that succeeded: whoever may make them may take our probes away, or write to our tables.
    BpfCalls = 49, "bpf-calls";
    /// Changes of a TCP state that the kernel skipped for the first program, and told to its understudy.
    TcpRecovered = 50, "tcp-changes-recovered";
}

/// The size of the array. Indices have gaps: each group of probes has its own range.
pub const COUNT: u32 = 64;
const _: () = assert!(Counter::ALL.len() <= COUNT as usize);
