//! What a subject's sockets say first: the head of a TLS stream going out, and DNS answers coming
//! in. Attached to the subject's cgroup. Bounded, and only if the bytes start as what we look for.

use aya_ebpf::{
    EbpfContext,
    bindings::BPF_ANY,
    helpers::generated::{bpf_get_socket_cookie, bpf_skb_cgroup_id, bpf_skb_load_bytes},
    macros::cgroup_skb,
    programs::SkBuffContext,
};
use bom_common::{
    counter::Counter,
    record::{self, PAYLOAD_CAPACITY, kind, probe, protocol},
};

use crate::{
    emit::{count, lost, now},
    kernel::{
        read::{opaque, read},
        socket::{AF_INET, AF_INET6},
    },
    maps::{CGROUPS, RARE, STREAMS, Stream},
};

const PASS: i32 = 1;
const ETH_P_IP: u32 = 0x0800;
const ETH_P_IPV6: u32 = 0x86dd;
const IPPROTO_TCP: u8 = 6;
const IPPROTO_UDP: u8 = 17;
const DNS_PORT: u16 = 53;

/// Data packets of a stream that are looked at before it is left alone: behind a proxy the
/// ClientHello is the second message.
const LOOKS: u32 = 8;
/// Bytes of a stream head that are forwarded at most.
const HEAD: u32 = 16 * 1024;
/// Records one packet is split into at most.
const PIECES: u32 = HEAD / PAYLOAD_CAPACITY as u32;

#[repr(C)]
struct PayloadRecord {
    header: record::Header,
    payload: record::Payload,
    bytes: [u8; PAYLOAD_CAPACITY],
}

/// Where the payload of a packet starts, and between which addresses it travels.
#[repr(C)]
#[derive(Clone, Copy)]
struct Packet {
    family: u16,
    protocol: u8,
    source: [u8; 16],
    destination: [u8; 16],
    source_port: u16,
    destination_port: u16,
    sequence: u32,
    payload: u32,
    length: u32,
}

#[cgroup_skb]
pub fn cgroup_skb_egress(context: SkBuffContext) -> i32 {
    let _ = outgoing(&context);
    PASS
}

#[cgroup_skb]
pub fn cgroup_skb_ingress(context: SkBuffContext) -> i32 {
    let _ = incoming(&context);
    PASS
}

#[inline(always)]
fn load<T: Copy>(context: &SkBuffContext, offset: u32) -> Option<T> {
    context.load::<T>(offset as usize).ok()
}

/// Parses IP and TCP or UDP headers; the packet starts at the network header.
#[inline(always)]
fn parse(context: &SkBuffContext) -> Option<Packet> {
    let mut source = [0; 16];
    let mut destination = [0; 16];
    let (family, protocol, transport) = match u32::from(u16::from_be(context.skb.protocol() as u16)) {
        ETH_P_IP => {
            let first: u8 = load(context, 0)?;
            let fragment: [u8; 2] = load(context, 6)?;
            if u16::from_be_bytes(fragment) & 0x3fff != 0 {
                count(Counter::PacketUnparsed);
                return None;
            }
            source[..4].copy_from_slice(&load::<[u8; 4]>(context, 12)?);
            destination[..4].copy_from_slice(&load::<[u8; 4]>(context, 16)?);
            (AF_INET, load::<u8>(context, 9)?, u32::from(first & 0xf) * 4)
        }
        ETH_P_IPV6 => {
            source = load(context, 8)?;
            destination = load(context, 24)?;
            (AF_INET6, load::<u8>(context, 6)?, 40)
        }
        _ => return None,
    };
    let ports: [u8; 4] = match protocol {
        IPPROTO_TCP | IPPROTO_UDP => load(context, transport)?,
        // ICMP says nothing we look for; any other next header hides what follows.
        1 | 58 => return None,
        _ => {
            count(Counter::PacketUnparsed);
            return None;
        }
    };
    let (sequence, header) = if protocol == IPPROTO_TCP {
        let sequence: [u8; 4] = load(context, transport + 4)?;
        let words: u8 = load(context, transport + 12)?;
        (u32::from_be_bytes(sequence), u32::from(words >> 4) * 4)
    } else {
        (0, 8)
    };
    let payload = transport + header;
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

#[inline(always)]
fn outgoing(context: &SkBuffContext) -> Option<()> {
    let packet = parse(context)?;
    if packet.protocol != IPPROTO_TCP || packet.length == 0 {
        return None;
    }
    // SAFETY: the helper takes the program's own context.
    let cookie = unsafe { bpf_get_socket_cookie(context.as_ptr()) };
    // SAFETY: copied at once.
    let mut stream = unsafe { STREAMS.get(cookie) }.copied().unwrap_or(Stream { looked: 0, wanted: 0 });
    if stream.wanted == Stream::DONE {
        return None;
    }
    if stream.wanted == 0 {
        stream.wanted = head(context, &packet);
        stream.looked += 1;
        if stream.wanted == 0 {
            if stream.looked >= LOOKS {
                stream.wanted = Stream::DONE;
            }
            let _ = STREAMS.insert(cookie, stream, u64::from(BPF_ANY));
            return None;
        }
    }
    let take = packet.length.min(stream.wanted);
    stream.wanted = if take == stream.wanted { Stream::DONE } else { stream.wanted - take };
    let _ = STREAMS.insert(cookie, stream, u64::from(BPF_ANY));
    let (packet, take) = forget(&(packet, take));
    for piece in 0..PIECES {
        let sent = piece * PAYLOAD_CAPACITY as u32;
        if sent >= take {
            break;
        }
        let length = (take - sent).min(PAYLOAD_CAPACITY as u32);
        forward(context, &packet, cookie, protocol::TLS_CLIENT, true, sent, length);
    }
    Some(())
}

/// The same value, of which the verifier knows nothing any more. It would otherwise follow the loop behind this once
/// for every way that led here (address family, header length, state of the stream): ten times the work, and most of
/// the time that loading takes.
#[inline(always)]
fn forget<T: Copy>(value: &T) -> T {
    read(core::ptr::from_ref(value) as u64, 0)
}

/// How many bytes to forward if the payload starts as a TLS handshake record, else 0.
#[inline(always)]
fn head(context: &SkBuffContext, packet: &Packet) -> u32 {
    let Some(first) = load::<u8>(context, packet.payload) else { return 0 };
    if first != 0x16 {
        return 0;
    }
    if packet.length < 5 {
        // A record header in pieces: forward what comes until user space can tell.
        return HEAD;
    }
    let Some(header) = load::<[u8; 5]>(context, packet.payload) else { return 0 };
    if header[1] != 3 {
        return 0;
    }
    // The hello may span several records; user space stops reading when it is complete.
    let record = 5 + u32::from(u16::from_be_bytes([header[3], header[4]]));
    if record >= 512 { record.min(HEAD) } else { HEAD.min(4096) }
}

#[inline(always)]
fn incoming(context: &SkBuffContext) -> Option<()> {
    let packet = parse(context)?;
    if packet.protocol != IPPROTO_UDP || packet.source_port != DNS_PORT || packet.length == 0 {
        return None;
    }
    // SAFETY: the helper takes the program's own context.
    let cookie = unsafe { bpf_get_socket_cookie(context.as_ptr()) };
    let take = packet.length.min(PAYLOAD_CAPACITY as u32);
    forward(context, &packet, cookie, protocol::DNS_UDP, false, 0, take);
    Some(())
}

/// Copies `length` payload bytes (1 to [`PAYLOAD_CAPACITY`]) from `skip` on into a record.
#[inline(always)]
fn forward(
    context: &SkBuffContext,
    packet: &Packet,
    cookie: u64,
    what: u16,
    egress: bool,
    skip: u32,
    length: u32,
) {
    // SAFETY: the helper takes the program's own context.
    let cgroup = unsafe { bpf_skb_cgroup_id(context.as_ptr().cast()) };
    // SAFETY: copied at once. A nested cgroup of the subject is not in the table; the program is
    // attached to the subject's cgroup, so user space can still tell whose it is.
    let subject = unsafe { CGROUPS.get(cgroup) }.copied().unwrap_or(0);
    let Some(mut entry) = RARE.reserve::<PayloadRecord>(0) else {
        lost(Counter::PayloadLost, subject);
        return;
    };
    let record = entry.as_mut_ptr();
    // A mask that is the bound itself: verifiers before 6.3 forget a comparison of another copy of the value.
    let length = (opaque(u64::from(length).wrapping_sub(1)) & (PAYLOAD_CAPACITY as u64 - 1)) + 1;
    // SAFETY: the reservation has the size of the record; the kernel hands it out once.
    unsafe {
        (*record).header = record::Header {
            version: record::VERSION,
            kind: kind::PAYLOAD,
            probe: if egress { probe::CGROUP_SKB_EGRESS } else { probe::CGROUP_SKB_INGRESS },
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
            cookie,
            protocol: what,
            family: packet.family,
            remote_port: if egress { packet.destination_port } else { packet.source_port },
            local_port: if egress { packet.source_port } else { packet.destination_port },
            remote: if egress { packet.destination } else { packet.source },
            sequence: packet.sequence.wrapping_add(skip),
            length: length as u32,
            total: packet.length,
            reserved: 0,
        };
    }
    // SAFETY: the mask keeps `length` within `bytes`.
    let result = unsafe {
        bpf_skb_load_bytes(
            context.as_ptr().cast(),
            packet.payload + skip,
            (&raw mut (*record).bytes).cast(),
            length as u32,
        )
    };
    if result == 0 {
        count(Counter::RareDelivered);
        entry.submit(0);
    } else {
        count(Counter::PayloadLost);
        entry.discard(0);
    }
}
