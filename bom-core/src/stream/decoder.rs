//! Puts the pieces of stream heads in order and gives each complete message to its parser.

use std::{collections::BTreeMap, net::SocketAddr};

use super::{dns, tls};
use crate::{
    decode::{Payload, Protocol},
    event::Body,
};

/// Streams held at a time; past that the oldest cookie gives way and is declared undecoded.
const STREAMS: usize = 1024;
/// Bytes held of one stream: what the probes forward at most.
const HEAD: usize = 16 * 1024;

#[derive(Debug)]
struct Pieces {
    cgroup: u64,
    remote: SocketAddr,
    first: u32,
    /// Offset from the first sequence number → bytes.
    parts: BTreeMap<u32, Vec<u8>>,
    held: usize,
}

/// Turns payload into parsed fields. Holds payload only while a message is incomplete, and zeroes
/// it when it lets go.
#[derive(Debug, Default)]
pub struct StreamDecoder {
    streams: BTreeMap<u64, Pieces>,
}

impl StreamDecoder {
    /// Takes one payload; gives back what it completes, or what had to be given up.
    pub fn push(&mut self, mut payload: Payload) -> Vec<Body> {
        match payload.protocol {
            Protocol::DnsUdp => {
                let body = dns_body(&payload);
                wipe(&mut payload.bytes);
                vec![body]
            }
            Protocol::TlsClient => self.piece(payload),
        }
    }

    /// Gives up every stream that never became a message.
    pub fn finish(&mut self) -> Vec<Body> {
        let streams = std::mem::take(&mut self.streams);
        streams
            .into_iter()
            .map(|(cookie, pieces)| give_up(cookie, pieces, "client hello incomplete"))
            .collect()
    }

    fn piece(&mut self, payload: Payload) -> Vec<Body> {
        let mut out = Vec::new();
        if !self.streams.contains_key(&payload.cookie)
            && self.streams.len() >= STREAMS
            && let Some((cookie, pieces)) = self.streams.pop_first()
        {
            out.push(give_up(cookie, pieces, "too many streams at a time"));
        }
        let cookie = payload.cookie;
        let pieces = self.streams.entry(cookie).or_insert_with(|| Pieces {
            cgroup: payload.cgroup,
            remote: payload.remote,
            first: payload.sequence,
            parts: BTreeMap::new(),
            held: 0,
        });
        // Sequence numbers wrap; the head is short, so the distance is small or negative.
        let offset = payload.sequence.wrapping_sub(pieces.first);
        if usize::try_from(offset).is_ok_and(|offset| offset < HEAD) && pieces.held < HEAD {
            pieces.held += payload.bytes.len();
            pieces.parts.entry(offset).or_insert(payload.bytes);
        }
        let mut stream = pieces.contiguous();
        let verdict = tls::parse(&stream);
        wipe(&mut stream);
        let done = match verdict {
            Ok(hello) => Body::Hello { cookie, cgroup: pieces.cgroup, remote: pieces.remote, hello },
            Err(tls::HelloError::Incomplete) if pieces.held < HEAD => return out,
            Err(error) => undecoded(cookie, pieces, &error.to_string()),
        };
        if let Some(pieces) = self.streams.remove(&cookie) {
            pieces.wipe();
        }
        out.push(done);
        out
    }
}

impl Pieces {
    fn contiguous(&self) -> Vec<u8> {
        let mut stream = Vec::new();
        for (&offset, part) in &self.parts {
            let offset = usize::try_from(offset).unwrap_or(usize::MAX);
            let Some(overlap) = stream.len().checked_sub(offset) else { break };
            stream.extend_from_slice(part.get(overlap..).unwrap_or_default());
        }
        stream
    }

    fn wipe(mut self) {
        for part in self.parts.values_mut() {
            wipe(part);
        }
    }
}

fn dns_body(payload: &Payload) -> Body {
    match dns::parse(&payload.bytes, payload.cut) {
        Ok(answer) => {
            Body::Dns { cookie: payload.cookie, cgroup: payload.cgroup, server: payload.remote, answer }
        }
        Err(error) => Body::Undecoded {
            cookie: payload.cookie,
            cgroup: payload.cgroup,
            remote: payload.remote,
            reason: error.to_string(),
        },
    }
}

fn give_up(cookie: u64, pieces: Pieces, reason: &str) -> Body {
    let body = undecoded(cookie, &pieces, reason);
    pieces.wipe();
    body
}

fn undecoded(cookie: u64, pieces: &Pieces, reason: &str) -> Body {
    Body::Undecoded { cookie, cgroup: pieces.cgroup, remote: pieces.remote, reason: reason.to_owned() }
}

/// Overwrites before the memory is given back. `black_box` keeps the writes from being dropped as
/// dead.
fn wipe(bytes: &mut [u8]) {
    bytes.fill(0);
    std::hint::black_box(bytes);
}
