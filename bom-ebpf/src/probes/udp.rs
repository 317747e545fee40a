//! UDP and what else is not TCP: who a socket exchanges packets with, and the head of a QUIC connection.
//!
//! A socket that is only connected has reached nobody (resolvers connect to sort addresses): a peer is one to which a
//! packet went, or from which one came. The packet programs run in no task that can be relied on, so who sends
//! is taken down where the kernel checks the address a process gives, in that process.

use core::mem::MaybeUninit;

use aya_ebpf::{
    EbpfContext,
    bindings::{BPF_ANY, BPF_NOEXIST},
    helpers::generated::bpf_get_socket_cookie,
    macros::cgroup_sock_addr,
    programs::{SkBuffContext, SockAddrContext},
};
use bom_common::{
    config::{FLOW_UDP, Flow, FlowKey, flow_other, flow_protocol},
    counter::Counter,
    record::{self, PAYLOAD_CAPACITY, kind, probe, protocol},
};

use super::packet::{IPPROTO_UDP, Packet, Piece, forget, forward, load, owner};
use crate::{
    emit::{add, add_many, header, lost, now, room},
    kernel::{
        socket::SOCK_DGRAM,
        task::{Tracked, current},
    },
    maps::{FLOWS, SENDERS, SocketOwner},
};

/// Return value with which the kernel goes on.
const ALLOW: i32 = 1;

/// How often the counts of one peer are written to the ring while datagrams go out.
const REPORT_NS: u64 = 60_000_000_000;
/// Datagrams to one peer of which the head is forwarded: a client's first flight is one to three, sent again if it was
/// not answered.
const HEADS: u32 = 8;

/// Long header (RFC 8999 §5.1), and the bit that the versions so far set unless they grease it (RFC 9287).
const LONG: u8 = 0x80;
const FIXED: u8 = 0x40;
const VERSION_1: u32 = 1;
const VERSION_2: u32 = 0x6b33_43cf;
/// A client's first datagram has at least so many bytes (RFC 9000 §14.1). An unknown version is only taken for one
/// if it is as long.
const INITIAL: u32 = 1200;

#[cgroup_sock_addr(connect4)]
pub fn cgroup_connect4(context: SockAddrContext) -> i32 {
    named(&context);
    ALLOW
}

#[cgroup_sock_addr(connect6)]
pub fn cgroup_connect6(context: SockAddrContext) -> i32 {
    named(&context);
    ALLOW
}

#[cgroup_sock_addr(sendmsg4)]
pub fn cgroup_sendmsg4(context: SockAddrContext) -> i32 {
    named(&context);
    ALLOW
}

#[cgroup_sock_addr(sendmsg6)]
pub fn cgroup_sendmsg6(context: SockAddrContext) -> i32 {
    named(&context);
    ALLOW
}

/// A process gave a UDP socket an address: remembers which one.
#[inline(always)]
fn named(context: &SockAddrContext) {
    // SAFETY: the context is the program's own; the verifier checks the access.
    if unsafe { (*context.sock_addr).type_ } != u32::from(SOCK_DGRAM) {
        return;
    }
    let Some(task) = current() else { return };
    // SAFETY: the helper takes the program's own context.
    let cookie = unsafe { bpf_get_socket_cookie(context.as_ptr()) };
    // SAFETY: read at once.
    if let Some(known) = unsafe { SENDERS.get(cookie) }
        && known.tgid == task.tgid
        && known.image == task.image
    {
        return;
    }
    let _ = SENDERS.insert(cookie, SocketOwner::of(&task), u64::from(BPF_ANY));
}

#[repr(C)]
struct FlowRecord {
    header: record::Header,
    flow: record::UdpFlow,
}

#[inline(always)]
fn kind_of(protocol: u8) -> u32 {
    if protocol == IPPROTO_UDP { FLOW_UDP } else { flow_other(protocol) }
}

/// A datagram, or several in one packet, goes out.
#[inline(never)]
pub fn sent(context: &SkBuffContext, packet: &Packet, cookie: u64) -> Option<()> {
    let key = FlowKey {
        cookie,
        address: packet.destination,
        family: packet.family,
        port: packet.destination_port,
        kind: kind_of(packet.protocol),
    };
    let time = now();
    let flow = match FLOWS.get_ptr_mut(key) {
        Some(flow) => flow,
        None => begin(context, packet, &key, 0)?,
    };
    // SAFETY: read where the context has it; the verifier checks the access.
    let (segments, segment) = unsafe { ((*context.skb.skb).gso_segs, (*context.skb.skb).gso_size) };
    // SAFETY: the pointer comes from the lookup; other CPUs may add at the same time.
    let due = unsafe {
        add_many(&raw mut (*flow).sent, u64::from(packet.length));
        add_many(&raw mut (*flow).datagrams_sent, u64::from(segments.max(1)));
        (*flow).last_ns = time;
        // Another CPU may do the same: one record more.
        time.wrapping_sub((*flow).reported_ns) >= REPORT_NS
    };
    if due {
        report(&key, flow, time);
    }
    // SAFETY: as above.
    let heads = unsafe { (*flow).heads };
    if heads < HEADS && packet.protocol == IPPROTO_UDP && starts_quic(context, packet) {
        let datagram = if segment == 0 { packet.length } else { segment };
        // SAFETY: as above.
        unsafe { (*flow).heads = heads + segments.max(1) };
        initials(context, packet, cookie, datagram);
    }
    Some(())
}

/// A datagram comes in.
#[inline(never)]
pub fn received(context: &SkBuffContext, packet: &Packet, cookie: u64) -> Option<()> {
    let key = FlowKey {
        cookie,
        address: packet.source,
        family: packet.family,
        port: packet.source_port,
        kind: kind_of(packet.protocol),
    };
    let flow = match FLOWS.get_ptr_mut(key) {
        Some(flow) => flow,
        None => begin(context, packet, &key, 1)?,
    };
    // SAFETY: the pointer comes from the lookup; other CPUs may add at the same time.
    unsafe {
        add_many(&raw mut (*flow).received, u64::from(packet.length));
        add(&raw mut (*flow).datagrams_received);
        (*flow).last_ns = now();
    }
    Some(())
}

/// All zeroes, in place and word by word: made at once, LLVM would call a function for it, which has a frame as well,
/// and with its callers [`begin`] has 512 bytes of stack.
#[inline(always)]
fn cleared(flow: &mut MaybeUninit<Flow>) -> &mut Flow {
    const WORDS: usize = size_of::<Flow>() / 8;
    const _: () = assert!(size_of::<Flow>().is_multiple_of(8) && align_of::<Flow>() == 8);
    let words = flow.as_mut_ptr().cast::<u64>();
    for word in 0..WORDS {
        // SAFETY: within the flow; volatile so that it is not turned back into the call.
        unsafe { words.add(word).write_volatile(0) };
    }
    // SAFETY: every byte is written, and all zeroes is a value of its integers and arrays.
    unsafe { flow.assume_init_mut() }
}

/// A peer that was not met before. Who sent first is not written to the ring, where strangers could fill it: it is
/// read with the counts.
#[inline(never)]
fn begin(context: &SkBuffContext, packet: &Packet, key: &FlowKey, inbound: u16) -> Option<*mut Flow> {
    let (cgroup, subject) = owner(context);
    let (local, local_port) = if inbound == 0 {
        (packet.source, packet.source_port)
    } else {
        (packet.destination, packet.destination_port)
    };
    // What comes first is reported at once, by the caller: `reported_ns` is 0.
    let mut flow = MaybeUninit::uninit();
    let flow = cleared(&mut flow);
    (flow.subject, flow.cgroup, flow.local) = (subject, cgroup, local);
    (flow.local_port, flow.inbound) = (local_port, inbound);
    // SAFETY: read at once.
    match unsafe { SENDERS.get(key.cookie) } {
        Some(sender) => {
            flow.start_ns = sender.start_ns;
            flow.image = sender.image;
            flow.subject = sender.subject;
            flow.cgroup = sender.cgroup;
            flow.tgid = sender.tgid;
            flow.tid = sender.tid;
            flow.mount_namespace = sender.mount_namespace;
        }
        // Of other protocols nobody is asked who gives a socket its peer: whose it is, its cgroup says.
        None if inbound == 0 && key.kind == FLOW_UDP => lost(Counter::SocketUnknown, subject),
        None => {}
    }
    let _ = FLOWS.insert(key, &*flow, u64::from(BPF_NOEXIST));
    let flow = FLOWS.get_ptr_mut(key);
    if flow.is_none() {
        lost(Counter::FlowTableFull, subject);
    }
    flow
}

/// Writes the counts so far.
#[inline(never)]
fn report(key: &FlowKey, flow: *mut Flow, time: u64) {
    // SAFETY: the pointer comes from the lookup.
    let task = unsafe {
        (*flow).reported_ns = time;
        Tracked {
            tgid: (*flow).tgid,
            tid: (*flow).tid,
            start_ns: (*flow).start_ns,
            image: (*flow).image,
            subject: (*flow).subject,
            cgroup: (*flow).cgroup,
            mount_namespace: (*flow).mount_namespace,
        }
    };
    let Some(mut room) = room::<FlowRecord>(task.subject, Counter::SocketLost) else { return };
    let record = room.entry.as_mut_ptr();
    // SAFETY: the reservation has the size of the record; the kernel hands it out once.
    unsafe {
        (*record).header = header(kind::UDP_FLOW, probe::CGROUP_SKB_EGRESS, size_of::<FlowRecord>(), &task);
        (*record).flow = record::UdpFlow {
            cookie: key.cookie,
            sent: (*flow).sent,
            received: (*flow).received,
            datagrams_sent: (*flow).datagrams_sent,
            datagrams_received: (*flow).datagrams_received,
            remote: key.address,
            local: (*flow).local,
            family: key.family,
            remote_port: key.port,
            local_port: (*flow).local_port,
            inbound: (*flow).inbound,
            protocol: u16::from(flow_protocol(key.kind)),
            reserved: [0; 3],
        };
    }
    room.submit();
}
/// Whether the first datagram of a packet starts as a QUIC packet with a long header.
#[inline(always)]
fn starts_quic(context: &SkBuffContext, packet: &Packet) -> bool {
    let Some(start) = load::<[u8; 5]>(context, packet.payload) else { return false };
    let version = u32::from_be_bytes([start[1], start[2], start[3], start[4]]);
    if start[0] & LONG == 0 || version == 0 {
        return false;
    }
    let known = version == VERSION_1 || version == VERSION_2;
    known || start[0] & FIXED != 0 && packet.length >= INITIAL
}

/// Forwards the datagrams of a packet, which are several if the sender let the kernel cut it (UDP_SEGMENT).
#[inline(never)]
fn initials(context: &SkBuffContext, packet: &Packet, cookie: u64, datagram: u32) {
    let [payload, length, datagram] = forget(&[packet.payload, packet.length, datagram]);
    for number in 0..HEADS {
        let skip = number * (datagram & 0xffff);
        if skip >= length {
            break;
        }
        let total = (length - skip).min(datagram);
        if total == 0 {
            break;
        }
        let piece = Piece {
            cookie,
            start: payload + skip,
            length: total.min(PAYLOAD_CAPACITY as u32),
            sequence: 0,
            total,
            protocol: protocol::QUIC_CLIENT,
            probe: probe::CGROUP_SKB_EGRESS,
        };
        forward(context, packet, &piece);
    }
}
