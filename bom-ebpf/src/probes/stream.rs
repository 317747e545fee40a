//! What a subject's sockets say first, in the packets of its cgroup: the head of a client's TCP stream
//! (TLS, HTTP/1, HTTP/2), QUIC Initials going out, and DNS answers coming in. Bounded, and only if the bytes
//! start as what we look for. UDP peers are counted in `udp`.

use aya_ebpf::{bindings::BPF_ANY, macros::cgroup_skb, programs::SkBuffContext};
use bom_common::{
    counter::Counter,
    record::{PAYLOAD_CAPACITY, STILL_OPEN, kind, probe, protocol},
};

use super::{
    packet::{
        IPPROTO_TCP, IPPROTO_UDP, Packet, Piece, cookie, forget, forget_here, forward, load, owner, parse,
        source_port, transport,
    },
    tcp::StateRecord,
    udp,
};
use crate::{
    emit::{header, lost, now, room},
    kernel::socket::describe,
    maps::{SOCKETS, STREAMS, Stream},
};

const PASS: i32 = 1;
/// How often the bytes of an open connection are written to the ring, as long as packets go out.
const REPORT_NS: u64 = 60_000_000_000;
const DNS_PORT: u16 = 53;

/// Data packets of a stream that are looked at before it is left alone: some protocols greet before they start TLS.
const LOOKS: u32 = 8;
/// Bytes of a stream head that are forwarded at most.
const HEAD: u32 = 16 * 1024;
/// Records one packet is split into at most.
const PIECES: u32 = HEAD / PAYLOAD_CAPACITY as u32;

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
fn outgoing(context: &SkBuffContext) -> Option<()> {
    let cookie = cookie(context);
    // Nearly every packet belongs to a stream that is done with: nothing of it is read.
    if let Some(stream) = STREAMS.get_ptr_mut(cookie) {
        let time = now();
        // SAFETY: the pointer comes from the lookup; that two CPUs report is no harm.
        unsafe {
            if (*stream).wanted == Stream::DONE {
                if time >= (*stream).report_ns {
                    (*stream).report_ns = time + REPORT_NS;
                    report(context, cookie);
                }
                return None;
            }
        }
    }
    let transport = transport(context)?;
    let mut packet = parse(context, &transport)?;
    forget_here(&mut packet);
    if packet.protocol != IPPROTO_TCP {
        udp::sent(context, &packet, cookie);
        return Some(());
    }
    if packet.length == 0 {
        return None;
    }
    client(context, &packet, cookie)
}

/// Writes the bytes of a connection so far.
#[inline(never)]
fn report(context: &SkBuffContext, cookie: u64) {
    // SAFETY: read at once; the entry may be replaced, not freed, while the program runs.
    let Some(owner) = (unsafe { SOCKETS.get(cookie) }) else { return };
    if owner.accepted != 0 {
        return;
    }
    // SAFETY: the context is the program's own; the verifier checks the access.
    let sock = unsafe { (*context.skb.skb).__bindgen_anon_2.sk };
    if sock.is_null() {
        return;
    }
    let task = owner.task();
    // As an address, not as the pointer to a checked view that the program is given.
    let Some(state) = describe(forget(&(sock as u64)), cookie, 1, STILL_OPEN) else { return };
    let Some(mut room) = room::<StateRecord>(task.subject, Counter::TcpLost) else { return };
    let record = room.entry.as_mut_ptr();
    // SAFETY: the reservation has the size of the record; the kernel hands it out once.
    unsafe {
        (*record).header = header(kind::TCP_STATE, probe::CGROUP_SKB_EGRESS, size_of::<StateRecord>(), &task);
        (*record).state = state;
    }
    room.submit();
}

/// Data of a TCP socket of the subject.
#[inline(never)]
fn client(context: &SkBuffContext, packet: &Packet, cookie: u64) -> Option<()> {
    // SAFETY: copied at once.
    let known = unsafe { STREAMS.get(cookie) }.copied();
    let mut stream = match known {
        Some(stream) => stream,
        None => Stream { looked: 0, wanted: first_sight(context, cookie), report_ns: now() + REPORT_NS },
    };
    if stream.wanted == 0 {
        stream.looked += 1;
        stream.wanted = head(context, packet);
        if stream.wanted == 0 && stream.looked >= LOOKS {
            stream.wanted = Stream::DONE;
        }
    }
    if stream.wanted == 0 || stream.wanted == Stream::DONE {
        let _ = STREAMS.insert(cookie, stream, u64::from(BPF_ANY));
        return None;
    }
    let take = taken(cookie, &mut stream, packet.length);
    pieces(context, packet, cookie, take, true);
    Some(())
}

/// Whether the data of a socket met for the first time is a client's: [`Stream::DONE`] if the peer called.
#[inline(always)]
fn first_sight(context: &SkBuffContext, cookie: u64) -> u32 {
    // SAFETY: read at once.
    match unsafe { SOCKETS.get(cookie) } {
        Some(owner) if owner.accepted != 0 => Stream::DONE,
        Some(_) => 0,
        None => {
            lost(Counter::SocketUnknown, owner(context).1);
            0
        }
    }
}

/// How much of this packet is forwarded; the rest of the head is remembered.
#[inline(always)]
fn taken(key: u64, stream: &mut Stream, length: u32) -> u32 {
    let take = length.min(stream.wanted);
    stream.wanted = if take == stream.wanted { Stream::DONE } else { stream.wanted - take };
    let _ = STREAMS.insert(key, *stream, u64::from(BPF_ANY));
    take
}

#[inline(never)]
fn pieces(context: &SkBuffContext, packet: &Packet, cookie: u64, take: u32, egress: bool) {
    let (protocol, probe) = if egress {
        (protocol::TLS_CLIENT, probe::CGROUP_SKB_EGRESS)
    } else {
        (protocol::DNS_TCP, probe::CGROUP_SKB_INGRESS)
    };
    let [payload, sequence, total, take] = forget(&[packet.payload, packet.sequence, packet.length, take]);
    for number in 0..PIECES {
        let skip = number * PAYLOAD_CAPACITY as u32;
        if skip >= take {
            break;
        }
        let piece = Piece {
            cookie,
            start: payload + skip,
            length: (take - skip).min(PAYLOAD_CAPACITY as u32),
            sequence: sequence.wrapping_add(skip),
            total,
            protocol,
            probe,
        };
        forward(context, packet, &piece);
    }
}

/// How many bytes to forward if the payload starts as a client's head, else 0. User space tells what it is, and that
/// it stops being it.
#[inline(always)]
fn head(context: &SkBuffContext, packet: &Packet) -> u32 {
    let Some(first) = load::<u8>(context, packet.payload) else { return 0 };
    let letter = first.is_ascii_uppercase();
    if first != 0x16 && !letter {
        return 0;
    }
    if packet.length < 5 {
        // A head in pieces: forward what comes until user space can tell.
        return HEAD;
    }
    let Some(start) = load::<[u8; 5]>(context, packet.payload) else { return 0 };
    if letter {
        // A method (RFC 9110 §9) and a blank, or the preface of HTTP/2 (RFC 9113 §3.4). Behind CONNECT
        // follows the stream that is tunnelled.
        let method = matches!(
            &start,
            b"GET /"
                | b"GET h"
                | b"GET *"
                | b"POST "
                | b"PUT /"
                | b"PUT h"
                | b"HEAD "
                | b"PATCH"
                | b"DELET"
                | b"OPTIO"
                | b"CONNE"
                | b"TRACE"
                | b"PRI *"
                | b"PROPF"
                | b"REPOR"
                | b"QUERY"
                | b"SEARC"
        );
        return if method { HEAD } else { 0 };
    }
    if start[1] != 3 {
        return 0;
    }
    // The hello may span several records; user space stops reading when it is complete.
    let record = 5 + u32::from(u16::from_be_bytes([start[3], start[4]]));
    if record >= 512 { record.min(HEAD) } else { HEAD.min(4096) }
}

/// Key of what comes in by a socket: cookies count from one and never have the upper bit.
const INCOMING: u64 = 1 << 63;

#[inline(always)]
fn incoming(context: &SkBuffContext) -> Option<()> {
    let transport = transport(context)?;
    if transport.protocol == IPPROTO_TCP && source_port(context, &transport)? != DNS_PORT {
        return None;
    }
    let mut packet = parse(context, &transport)?;
    forget_here(&mut packet);
    if packet.length == 0 {
        return None;
    }
    let cookie = cookie(context);
    if packet.protocol != IPPROTO_TCP {
        udp::received(context, &packet, cookie);
        if packet.protocol == IPPROTO_UDP && packet.source_port == DNS_PORT {
            let piece = Piece {
                cookie,
                start: packet.payload,
                length: packet.length.min(PAYLOAD_CAPACITY as u32),
                sequence: 0,
                total: packet.length,
                protocol: protocol::DNS_UDP,
                probe: probe::CGROUP_SKB_INGRESS,
            };
            forward(context, &packet, &piece);
        }
        return Some(());
    }
    // SAFETY: copied at once.
    let known = unsafe { STREAMS.get(cookie | INCOMING) }.copied();
    let mut stream = known.unwrap_or(Stream { looked: 0, wanted: HEAD, report_ns: 0 });
    if stream.wanted == Stream::DONE {
        return None;
    }
    let take = taken(cookie | INCOMING, &mut stream, packet.length);
    pieces(context, &packet, cookie, take, false);
    Some(())
}
