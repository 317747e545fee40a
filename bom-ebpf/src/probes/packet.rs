//! Where the payload of a packet starts, and between whom it travels.

use aya_ebpf::{
    EbpfContext,
    helpers::generated::{
        bpf_get_socket_cookie, bpf_probe_read_kernel, bpf_skb_cgroup_id, bpf_skb_load_bytes,
    },
    programs::SkBuffContext,
};
use bom_common::{
    counter::Counter,
    record::{self, PAYLOAD_CAPACITY, kind},
};

use crate::{
    emit::{lost, now, room},
    kernel::{
        read::{opaque, read},
        socket::{AF_INET, AF_INET6},
    },
    maps::CGROUPS,
};

const ETH_P_IP: u32 = 0x0800;
const ETH_P_IPV6: u32 = 0x86dd;
pub const IPPROTO_TCP: u8 = 6;
pub const IPPROTO_UDP: u8 = 17;
const IPPROTO_ICMP: u8 = 1;
const IPPROTO_DCCP: u8 = 33;
const IPPROTO_ICMPV6: u8 = 58;
const IPPROTO_SCTP: u8 = 132;
const IPPROTO_UDPLITE: u8 = 136;

/// IPv6 headers between the first and the transport's (RFC 8200 §4): each says its length in units of 8
/// bytes, not counting the first.
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION: u8 = 60;
/// Of those, followed at most. RFC 8200 knows no reason for more than one of each, and two of one.
const EXTENSIONS: u32 = 6;
/// IPv4: "more fragments" and the offset of this one; IPv6: the offset alone.
const IPV4_OFFSET: u16 = 0x1fff;
const IPV6_OFFSET: u16 = 0xfff8;

/// TCP: the flag that takes one number of the sequence before the payload.
const SYN: u8 = 2;

/// One packet of TCP or UDP, or of another protocol, whose ports may be 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Packet {
    pub family: u16,
    pub protocol: u8,
    pub source: [u8; 16],
    pub destination: [u8; 16],
    pub source_port: u16,
    pub destination_port: u16,
    /// TCP: number of the first payload byte.
    pub sequence: u32,
    /// Where the payload starts.
    pub payload: u32,
    /// Bytes of it.
    pub length: u32,
}

/// Where the transport's header starts.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Transport {
    family: u16,
    pub protocol: u8,
    offset: u32,
}

#[inline(always)]
pub fn load<T: Copy>(context: &SkBuffContext, offset: u32) -> Option<T> {
    context.load::<T>(offset as usize).ok()
}

/// The same value, of which the verifier knows nothing any more. It would otherwise follow a loop behind this once
/// for every way that led here (address family, header length, state of the stream): ten times the work, and most of
/// the time that loading takes.
#[inline(always)]
pub fn forget<T: Copy>(value: &T) -> T {
    read(core::ptr::from_ref(value) as u64, 0)
}

/// [`forget`] where there is no room on the stack for the value twice.
#[inline(always)]
pub fn forget_here<T: Copy>(value: &mut T) {
    // SAFETY: source and destination are the same live value; the helper copies bytes over themselves.
    unsafe {
        let place = core::ptr::from_mut(value);
        bpf_probe_read_kernel(place.cast(), size_of::<T>() as u32, place.cast());
    }
}

#[inline(always)]
pub fn cookie(context: &SkBuffContext) -> u64 {
    // SAFETY: the helper takes the program's own context.
    unsafe { bpf_get_socket_cookie(context.as_ptr()) }
}

/// The cgroup of the packet's socket, and its subject. A cgroup that is not in the table is nested in the subject's: the
/// programs are attached there, so user space can still tell whose it is.
#[inline(always)]
pub fn owner(context: &SkBuffContext) -> (u64, u64) {
    // SAFETY: the helper takes the program's own context.
    let cgroup = unsafe { bpf_skb_cgroup_id(context.as_ptr().cast()) };
    // SAFETY: copied at once.
    (cgroup, unsafe { CGROUPS.get(cgroup) }.copied().unwrap_or(0))
}

/// Counts a packet that hides what it carries.
#[inline(never)]
fn unparsed(context: &SkBuffContext) {
    lost(Counter::PacketUnparsed, owner(context).1);
}

/// Finds the transport; the packet starts at the network header.
#[inline(always)]
pub fn transport(context: &SkBuffContext) -> Option<Transport> {
    let (family, mut protocol, mut offset) = match u32::from(u16::from_be(context.skb.protocol() as u16)) {
        ETH_P_IP => {
            let first: u8 = load(context, 0)?;
            let fragment: [u8; 2] = load(context, 6)?;
            // The first fragment has the transport's header, the others have none.
            if u16::from_be_bytes(fragment) & IPV4_OFFSET != 0 {
                unparsed(context);
                return None;
            }
            (AF_INET, load::<u8>(context, 9)?, u32::from(first & 0xf) * 4)
        }
        ETH_P_IPV6 => (AF_INET6, load::<u8>(context, 6)?, 40),
        _ => return None,
    };
    if family == AF_INET6 && protocol != IPPROTO_TCP && protocol != IPPROTO_UDP {
        for _ in 0..EXTENSIONS {
            match protocol {
                HOP_BY_HOP | ROUTING | DESTINATION => {
                    let head: [u8; 2] = load(context, offset)?;
                    protocol = head[0];
                    offset += (u32::from(head[1]) + 1) * 8;
                }
                FRAGMENT => {
                    let head: [u8; 4] = load(context, offset)?;
                    if u16::from_be_bytes([head[2], head[3]]) & IPV6_OFFSET != 0 {
                        unparsed(context);
                        return None;
                    }
                    protocol = head[0];
                    offset += 8;
                }
                _ => break,
            }
        }
    }
    // What may carry other packets in it hides them.
    if !has_ports(protocol) && protocol != IPPROTO_ICMP && protocol != IPPROTO_ICMPV6 {
        unparsed(context);
    }
    Some(Transport { family, protocol, offset })
}

/// Whether the transport's header starts with the two ports.
#[inline(always)]
fn has_ports(protocol: u8) -> bool {
    matches!(protocol, IPPROTO_TCP | IPPROTO_UDP | IPPROTO_DCCP | IPPROTO_SCTP | IPPROTO_UDPLITE)
}

/// The port a packet comes from.
#[inline(always)]
pub fn source_port(context: &SkBuffContext, transport: &Transport) -> Option<u16> {
    load::<[u8; 2]>(context, transport.offset).map(u16::from_be_bytes)
}

/// Reads addresses, ports and where the payload starts.
#[inline(always)]
pub fn parse(context: &SkBuffContext, transport: &Transport) -> Option<Packet> {
    let Transport { family, protocol, offset } = *transport;
    let mut source = [0; 16];
    let mut destination = [0; 16];
    if family == AF_INET {
        source[..4].copy_from_slice(&load::<[u8; 4]>(context, 12)?);
        destination[..4].copy_from_slice(&load::<[u8; 4]>(context, 16)?);
    } else {
        source = load(context, 8)?;
        destination = load(context, 24)?;
    }
    let ports: [u8; 4] = if has_ports(protocol) { load(context, offset)? } else { [0; 4] };
    let (sequence, header) = if protocol == IPPROTO_TCP {
        let sequence: [u8; 4] = load(context, offset + 4)?;
        let words: [u8; 2] = load(context, offset + 12)?;
        // Data that comes with a SYN (TCP Fast Open, RFC 7413) starts behind it.
        let syn = u32::from(words[1] & SYN != 0);
        (u32::from_be_bytes(sequence).wrapping_add(syn), u32::from(words[0] >> 4) * 4)
    } else if protocol == IPPROTO_UDP {
        (0, 8)
    } else {
        // What of it is the protocol's own is not told apart.
        (0, 0)
    };
    let payload = offset + header;
    Some(Packet {
        family,
        protocol,
        source,
        destination,
        source_port: u16::from_be_bytes([ports[0], ports[1]]),
        destination_port: u16::from_be_bytes([ports[2], ports[3]]),
        sequence,
        payload,
        length: context.len().saturating_sub(payload),
    })
}

#[repr(C)]
struct PayloadRecord {
    header: record::Header,
    payload: record::Payload,
    bytes: [u8; PAYLOAD_CAPACITY],
}

/// What a payload record says beside the packet's own headers.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Piece {
    pub cookie: u64,
    /// Where the piece starts in the packet.
    pub start: u32,
    /// Bytes of it, 1 to [`PAYLOAD_CAPACITY`].
    pub length: u32,
    /// TCP: number of its first byte. UDP: its offset in the datagram.
    pub sequence: u32,
    /// Bytes of the whole datagram or segment.
    pub total: u32,
    pub protocol: u16,
    /// `record::probe`: which way the packet goes.
    pub probe: u16,
}

/// Copies one piece of a packet's payload into a record.
#[inline(always)]
pub fn forward(context: &SkBuffContext, packet: &Packet, piece: &Piece) {
    let (cgroup, subject) = owner(context);
    let egress = piece.probe == record::probe::CGROUP_SKB_EGRESS;
    let Some(mut room) = room::<PayloadRecord>(subject, Counter::PayloadLost) else { return };
    let record = room.entry.as_mut_ptr();
    // A mask that is the bound itself: verifiers before 6.3 forget a comparison of another copy of the value.
    let length = (opaque(u64::from(piece.length).wrapping_sub(1)) & (PAYLOAD_CAPACITY as u64 - 1)) + 1;
    // SAFETY: the reservation has the size of the record; the kernel hands it out once.
    unsafe {
        (*record).header = record::Header {
            version: record::VERSION,
            kind: kind::PAYLOAD,
            probe: piece.probe,
            system_call: 0,
            length: size_of::<PayloadRecord>() as u32,
            tid: 0,
            time_ns: now(),
            subject,
            cgroup,
            tgid: 0,
            mount_namespace: 0,
            start_ns: 0,
            image: 0,
        };
        (*record).payload = record::Payload {
            cookie: piece.cookie,
            protocol: piece.protocol,
            family: packet.family,
            remote_port: if egress { packet.destination_port } else { packet.source_port },
            local_port: if egress { packet.source_port } else { packet.destination_port },
            remote: if egress { packet.destination } else { packet.source },
            sequence: piece.sequence,
            length: length as u32,
            total: piece.total,
            reserved: 0,
        };
    }
    // SAFETY: the mask keeps `length` within `bytes`.
    let result = unsafe {
        bpf_skb_load_bytes(
            context.as_ptr().cast(),
            piece.start,
            (&raw mut (*record).bytes).cast(),
            length as u32,
        )
    };
    if result == 0 {
        room.submit();
    } else {
        lost(Counter::PayloadLost, subject);
        room.discard();
    }
}
